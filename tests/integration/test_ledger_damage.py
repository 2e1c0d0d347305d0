"""A damaged ledger is refused with advice or served right, by whatever reads it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from judgekit.cli import app, main
from judgekit.judges.resolve import Scripted
from judgekit.ledger import Ledger
from judgekit.ledger.check import verify
from judgekit.ledger.tools import overview
from judgekit.verbs import score

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
N = 300


def rows() -> list[dict[str, str]]:
    return [{"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(N)]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "l.sqlite"
    score(rows(), RUBRIC, Scripted("kind", lambda _: '{"label": "yes"}', revision="1"), ledger=path)
    return path


def altered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


@pytest.mark.usefixtures("serving")  # which puts the benchmarks on the path
def test_damaged_ledgers_are_refused_with_advice_or_served_right():
    from damage import KINDS, damage

    found = damage(4 * len(KINDS))

    assert [each for each in found if each.bad] == []
    assert sum(each.refused for each in found) > len(found) / 3


def test_damage_met_in_the_middle_of_a_run_is_said_once_with_what_to_do(
    ledger: Path, tmp_path: Path, monkeypatch, capsys
):
    """The command line: exit code 2, one line, no traceback; and what was recovered is served again."""
    altered(ledger, "UPDATE replies SET text = replace(text, 'yes', 'no') WHERE id = 200")
    (tmp_path / "mine.py").write_text(
        "from judgekit.judges.resolve import Scripted\n"
        "kind = Scripted('kind', lambda _: '{\"label\": \"yes\"}', revision='1')\n",
        encoding="utf-8",
    )
    items, rubric = tmp_path / "items.jsonl", tmp_path / "rubric.json"
    items.write_text("".join(f"{json.dumps(row)}\n" for row in rows()), encoding="utf-8")
    rubric.write_text(json.dumps(RUBRIC), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def run(file: Path) -> tuple[int, str]:
        command = ["score", str(items), f"--rubric={rubric}", "--judge=py:mine:kind", f"--ledger={file}"]
        with pytest.raises(SystemExit) as left:
            main([*command, "--quiet", "--out", str(tmp_path / "out")])
        return left.value.code, capsys.readouterr().err

    code, said = run(ledger)

    assert code == 2
    [told] = [line for line in said.splitlines() if line.startswith("error: ")]
    assert told.startswith(f"error: {ledger}: reply k2:")
    assert "Traceback" not in said
    for advice in (
        "was altered",
        f"ledger verify --ledger {ledger}",
        f"ledger recover NEW --ledger {ledger}",
    ):
        assert advice in told
    with Ledger(ledger, read_only=True) as opened:
        assert (overview(opened).replies, len(verify(opened))) == (N, 1)

    invoked = CliRunner().invoke(app, ["ledger", "recover", str(tmp_path / "new"), "--ledger", str(ledger)])
    assert invoked.exit_code == 1
    assert f"{N - 1} replies -> " in invoked.stdout
    assert "1 was damaged" in invoked.stdout
    assert run(tmp_path / "new")[0] == 0
    summary = json.loads((tmp_path / "out" / "run.json").read_bytes())
    assert (summary["new_calls"], summary["ledger_hits"]) == (1, N - 1)


@pytest.mark.parametrize("beyond_opening", [True, False])
def test_verify_leaves_with_1_whatever_is_damaged(ledger: Path, *, beyond_opening: bool):
    raw = bytearray(ledger.read_bytes())
    raw[:16] = b"SQLite is damage" if beyond_opening else raw[:16]
    raw[5 * 4096 : 6 * 4096] = bytes(4096)
    ledger.write_bytes(raw)

    said = CliRunner().invoke(app, ["ledger", "verify", "--ledger", str(ledger)])

    assert said.exit_code == 1
    assert "SQLite" in said.stdout or "not a ledger" in said.stdout


def test_what_lies_behind_a_damaged_page_is_recovered(ledger: Path, tmp_path: Path):
    raw = ledger.read_bytes()
    at = max(raw.rfind(b"Hello 150"), 0) // 4096 * 4096
    ledger.write_bytes(raw[:at] + bytes(4096) + raw[at + 4096 :])

    said = CliRunner().invoke(app, ["ledger", "recover", str(tmp_path / "new"), "--ledger", str(ledger)])

    with Ledger(tmp_path / "new", read_only=True) as opened:
        kept = overview(opened).replies
        assert verify(opened) == []
    assert said.exit_code == 1
    assert N - 10 < kept < N
    assert f"{kept} replies -> " in said.stdout
    assert f"; {N - kept} were damaged" in said.stdout
