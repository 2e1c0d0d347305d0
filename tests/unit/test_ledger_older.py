"""A ledger that judgekit 0.1.0 wrote: it is read, and never served or written."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from judgekit.cli import app
from judgekit.errors import InputError
from judgekit.judges.replay import Replay
from judgekit.judges.resolve import Scripted
from judgekit.ledger import Ledger
from judgekit.ledger.check import verify
from judgekit.ledger.tools import entry, export, overview, rows
from judgekit.verbs import score
from judgekit.verbs.faces import preview

WRITTEN = Path(__file__).parents[1] / "data" / "0.1.0" / "ledger.sqlite.gz"
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(3)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(gzip.decompress(WRITTEN.read_bytes()))
    return path


def judge(name: str) -> Scripted:
    return Scripted(name, lambda _: '{"label": "yes"}', revision="1")


def test_it_is_shown_verified_exported_and_replayed(old: Path, tmp_path: Path):
    with Ledger(old, read_only=True) as opened:
        seen, first = overview(opened), next(iter(rows(opened)))
        assert (seen.version, seen.replies) == (1, 139)
        assert verify(opened) == []
        assert entry(opened, first.key[3:20]) == first
        assert export(opened, tmp_path / "out.jsonl") == seen.keys
    assert first.key.startswith("k1:")
    name = seen.judges[0].name
    assert Replay(old, judge=name).identity == Replay(tmp_path / "out.jsonl", judge=name).identity != {}


def test_what_was_altered_in_it_is_found_by_its_requests(old: Path):
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("UPDATE replies SET request = replace(request, 'a', 'b') WHERE id = 7")

    with Ledger(old, read_only=True) as opened:
        [problem] = verify(opened)
    assert problem.startswith("reply 7 (k1:")


def test_it_is_never_written_and_never_served(old: Path):
    before = old.read_bytes()

    with pytest.raises(InputError, match="of version 1, which is read and never written"):
        Ledger(old)
    with Ledger(old, read_only=True) as opened, pytest.raises(InputError, match="replies are not served"):
        opened.get(["k1:0"])
    assert old.read_bytes() == before


def test_a_run_keeps_its_replies_in_a_file_beside_it_and_says_so(old: Path):
    before = old.read_bytes()
    with Ledger(old, read_only=True) as opened:
        share = overview(opened).judges[0]
    said = (
        rf"ledger.sqlite: a ledger of judgekit 0.1.0, .* {share.replies} replies of these judges, paid with "
        rf"\${share.cost_usd:.4f} as far as known, are not served .* kept in .*ledger\.k2\.sqlite"
    )

    with pytest.warns(UserWarning, match=said):
        run = score(ITEMS, RUBRIC, judge(share.name), ledger=old)
    with pytest.warns(UserWarning, match=said):
        again = score(ITEMS, RUBRIC, judge(share.name), ledger=old)

    assert (run.summary["new_calls"], again.summary["new_calls"]) == (3, 0)
    assert run.summary["older_ledger"] == str(old)
    assert run.summary["ledger"] == str(old.with_name("ledger.k2.sqlite"))
    assert sorted(path.name for path in old.parent.iterdir()) == ["ledger.k2.sqlite", "ledger.sqlite"]
    assert old.read_bytes() == before


def test_a_dry_run_says_how_many_calls_are_asked_again_and_at_what_price(old: Path, tmp_path: Path):
    items, rubric = tmp_path / "items.jsonl", tmp_path / "rubric.json"
    items.write_text("".join(f"{json.dumps(row)}\n" for row in ITEMS), encoding="utf-8")
    rubric.write_text(json.dumps(RUBRIC), encoding="utf-8")

    said = CliRunner().invoke(
        app,
        ["score", str(items), f"--rubric={rubric}", "--judge=control:longer", f"--ledger={old}", "--dry-run"],
    )

    assert "0 replies of these judges, paid with $0.0000" in said.stderr
    assert "ledger.k2.sqlite" in said.stderr
    assert "3 items, 3 to 6 calls" in said.stdout
    assert "price: at most $0.0000" in said.stdout
    assert not old.with_name("ledger.k2.sqlite").exists()


def test_a_dry_run_counts_what_is_in_the_ledger_already(tmp_path: Path):
    path = tmp_path / "l.sqlite"

    assert preview(ITEMS, RUBRIC, judge("j"), ledger=path).stored == 0
    score(ITEMS[:2], RUBRIC, judge("j"), ledger=path)
    seen = preview(ITEMS, RUBRIC, judge("j"), ledger=path)

    assert (seen.least, seen.stored) == (3, 2)
    whole = preview(ITEMS, RUBRIC, judge("j"), ledger=None)
    assert seen.input_tokens * 3 == pytest.approx(whole.input_tokens, rel=0.01)
