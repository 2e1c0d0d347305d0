"""Shards of a job, their ledgers merged, and the whole run's files made of them afterwards."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import judgekit as jk
from judgekit.batches.store import Batch, Store
from judgekit.cli import app
from judgekit.drivers.ray import score_dataset
from judgekit.errors import InputError
from judgekit.items.shard import Shard
from judgekit.ledger import Ledger, key_of
from judgekit.ledger.check import verify
from judgekit.ledger.columns import COLUMNS, digest_of
from judgekit.ledger.merge import Merged, Row, merge, united
from judgekit.scales import YES_NO
from judgekit.types import Ask, Call, Message, Reply, Unit
from judgekit.verbs.kept import kept

RUBRIC = {
    "id": "tone",
    "criteria": [{"id": "polite", "text": "Is it polite?"}, {"id": "clear", "text": "Is it clear?"}],
}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}", "system": f"s{n % 3}"} for n in range(40)]
SAME = ("scores.jsonl", "outcomes.jsonl", "scores.parquet", "outcomes.parquet")


def said(call: Call) -> str:
    n = int(call.item.item_id)
    if n % 7 == 0:
        return "I would rather not say."
    return json.dumps({"label": "yes" if n % 3 else "no"})


JUDGE = jk.Scripted("said", said, revision="1")


def test_every_item_is_in_one_shard_and_stays_there():
    ids = [f"item-{n}" for n in range(4000)]
    parts = [[each for each in ids if Shard(n, 8).takes(each)] for n in range(1, 9)]

    assert sorted(each for part in parts for each in part) == sorted(ids)
    assert all(430 < len(part) < 570 for part in parts)  # 500 and three standard errors
    assert "item-1" in parts[2]  # its SHA-256 is 3 modulo 8: another machine has to find the same


@pytest.mark.parametrize("wrong", ["0/8", "9/8", "2", "2/0", "a/b", "2/8 ", "-1/8"])
def test_a_shard_that_is_none_is_told(wrong: str):
    with pytest.raises(InputError, match="as 2/8 is the second of eight"):
        jk.score(ITEMS, RUBRIC, JUDGE, ledger=None, shard=wrong)


@pytest.mark.parametrize("option", [{"until_separated": True}, {"adaptive": "bank.json"}])
def test_what_hangs_on_all_items_in_their_order_has_no_shards(option: dict[str, Any]):
    with pytest.raises(InputError, match="is decided by all items"):
        jk.score(ITEMS, RUBRIC, JUDGE, ledger=None, shard="1/2", **option)


def test_eight_shards_merged_make_the_files_of_the_whole_run_without_a_call(tmp_path: Path):
    jk.score(ITEMS, RUBRIC, JUDGE, ledger=tmp_path / "whole.sqlite").save(tmp_path / "whole")
    ledgers, numbers = [], range(1, 9)
    for n in numbers:
        ledgers.append(tmp_path / f"{n}.sqlite")
        run = jk.score(ITEMS, RUBRIC, JUDGE, ledger=ledgers[-1], shard=f"{n}/8")
        run.save(tmp_path / f"shard-{n}")
        assert (run.summary["shard"], run.summary["items_in_all"]) == (f"{n}/8", 40)
    counts = [json.loads((tmp_path / f"shard-{n}" / "run.json").read_text())["items"] for n in numbers]
    assert (sum(counts), max(counts) < 40) == (40, True)

    found = merge(ledgers, tmp_path / "merged.sqlite")
    run = jk.score(ITEMS, RUBRIC, JUDGE, ledger=tmp_path / "merged.sqlite")
    run.save(tmp_path / "again")

    assert (found.read, found.written, found.conflicts) == (found.keys, found.keys, 0)
    assert (run.summary["new_calls"], run.summary["requests"]) == (0, 0)
    assert run.summary["abstentions"]["malformed"] > 0  # failures are merged, too
    for name in SAME:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    first, second = (json.loads((tmp_path / each / "run.json").read_text()) for each in ("whole", "again"))
    assert first["job"] == second["job"]
    assert json.loads((tmp_path / "shard-1" / "run.json").read_text())["job"] != first["job"]


SYSTEMS = [
    {"id": str(n), "task": "Hi", "reference": "Hello", "responses": {x: f"Hello {n} {x}" for x in "xyz"}}
    for n in range(12)
]
PANEL = [
    jk.Scripted(f"j{k}", lambda call, k=k: "no" if len(call.key) % 3 == k else "yes", "1") for k in range(3)
]
FIRST = jk.Scripted("first", lambda _: '{"label": "A"}', revision="1")
ORDER = jk.Scripted("order", lambda _: '{"ranking": ["B", "C", "A"]}', revision="1")


@pytest.mark.parametrize(
    ("verb", "judges", "options"),
    [
        (jk.compare, FIRST, {}),
        (jk.compare, FIRST, {"schedule": "balanced", "pairs": 18}),
        (jk.compare, FIRST, {"schedule": "knockout"}),
        (jk.rank, ORDER, {}),
        (jk.match, JUDGE, {}),
        (jk.score, PANEL, {"panel": "dawid_skene"}),
        (jk.score, FIRST, {"recipe": "merge-sort"}),
    ],
)
def test_what_any_verb_asks_of_an_item_hangs_on_no_shard(
    verb: Any, judges: Any, options: Any, tmp_path: Path
):
    rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}
    whole = verb(SYSTEMS, rubric, judges, ledger=tmp_path / "whole.sqlite", **options)
    ledgers = [tmp_path / f"{n}.sqlite" for n in (1, 2, 3)]
    for n, ledger in enumerate(ledgers, 1):
        verb(SYSTEMS, rubric, judges, ledger=ledger, shard=f"{n}/3", **options)

    merge(ledgers, tmp_path / "merged.sqlite")
    again = verb(SYSTEMS, rubric, judges, ledger=tmp_path / "merged.sqlite", **options)

    assert whole.summary["new_calls"] > 0
    assert (again.summary["new_calls"], again.outcomes, again.scores) == (0, whole.outcomes, whole.scores)


def test_a_bad_row_of_another_shard_is_told_before_any_call():
    with pytest.raises(InputError, match="response"):
        jk.score([*ITEMS, {"id": "bad", "task": "Hi"}], RUBRIC, JUDGE, ledger=None, shard="1/8")
    for n in (1, 2):
        run = jk.score(
            [*ITEMS, {"id": "bad", "task": "Hi"}], RUBRIC, JUDGE, ledger=None, shard=f"{n}/2",
            on_bad_item="skip",
        )  # fmt: skip
        assert run.summary["skipped"] == 1


def test_a_shard_may_have_no_item(tmp_path: Path):
    empty = next(n for n in range(1, 9) if not Shard(n, 8).takes("0"))

    run = jk.score(ITEMS[:1], RUBRIC, JUDGE, ledger=tmp_path / "l.sqlite", shard=f"{empty}/8")

    assert (run.scores, run.summary["stopped"]) == ((), None)
    assert merge([tmp_path / "l.sqlite"], tmp_path / "m.sqlite") == Merged()


def test_shards_merge_and_further_ledgers_on_the_command_line(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in ITEMS), encoding="utf-8")
    Path("tone.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    Path("own.py").write_text(
        "import judgekit as jk\n"
        "kind = jk.Scripted('kind', lambda call: '{\"label\": \"yes\"}', revision='1')\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    score = "score items.jsonl -r tone.json -j py:own:kind --ledger"

    def typed(line: str) -> str:
        done = CliRunner().invoke(app, line.split())
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    assert "shard 1/2" in typed(f"{score} a.sqlite --shard 1/2 --save part.toml")
    assert 'shard = "1/2"' in Path("part.toml").read_text(encoding="utf-8")
    typed(f"{score} b.sqlite --shard 2/2")
    assert "80 replies of 2 ledgers: 80 -> m.sqlite" in typed("ledger merge a.sqlite b.sqlite -o m.sqlite")
    assert "80 calls: 0 new, 80 from the ledger" in typed(f"{score} m.sqlite")
    also = "--read-also a.sqlite --read-also b.sqlite"
    assert "80 of them in the ledger already" in typed(f"{score} c.sqlite {also} --dry-run")
    assert "80 calls: 0 new, 80 from the ledger" in typed(f"{score} c.sqlite {also} --out run --save j.toml")
    assert 'read_also = ["a.sqlite", "b.sqlite"]' in Path("j.toml").read_text(encoding="utf-8")
    assert "80 calls: 0 new, 80 from the ledger" in typed("score --job j.toml --own-code")
    assert "0 replies" in typed("ledger verify --ledger c.sqlite")
    with kept("run").behind() as behind:
        [piece, *_] = kept("run").pieces
        assert all(entry is not None for _, entry in behind(piece)[0])


def test_further_ledgers_serve_what_the_own_one_lacks_and_are_never_written(tmp_path: Path):
    earlier, own = tmp_path / "earlier.sqlite", tmp_path / "own.sqlite"
    jk.score(ITEMS[:20], RUBRIC, JUDGE, ledger=earlier)
    before = earlier.read_bytes()

    run = jk.score(ITEMS, RUBRIC, JUDGE, ledger=own, read_also=[earlier])
    alone = jk.score(ITEMS, RUBRIC, JUDGE, ledger=None)
    anew = jk.score(ITEMS, RUBRIC, JUDGE, ledger=own, read_also=[earlier], again=("malformed",))

    assert 0 < run.summary["new_calls"] < alone.summary["new_calls"]
    assert run.outcomes == alone.outcomes == anew.outcomes
    assert anew.summary["new_calls"] > 0  # what the other ledger holds is asked anew as well
    assert run.summary["read_also"] == [str(earlier)]
    assert earlier.read_bytes() == before


def test_a_further_ledger_that_cannot_serve_is_told_before_any_call(tmp_path: Path):
    with pytest.raises(InputError, match="no such ledger"):
        jk.score(ITEMS, RUBRIC, JUDGE, ledger=tmp_path / "l.sqlite", read_also=[tmp_path / "none.sqlite"])
    with pytest.raises(InputError, match="name one"):
        jk.score(ITEMS, RUBRIC, JUDGE, ledger=None, read_also=[tmp_path / "l.sqlite"])
    with pytest.raises(InputError, match="it has to be a list"):
        jk.score(ITEMS, RUBRIC, JUDGE, ledger=tmp_path / "l.sqlite", read_also="l.sqlite")


def row(key: str, edition: int, written: str, text: str, request: str | None = None) -> Row:
    held = dict.fromkeys(COLUMNS[:-2], "") | {"fault": None, "logprobs": None, "probs": None, "tries": 1}
    held |= {"key": key, "edition": edition, "written": written, "text": text}
    return (*held.values(), digest_of(tuple(held.values())), request)


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    """The rows of a ledger in the order of keys, editions in the order in which they were written."""
    rows = []
    for key in sorted(draw(st.sets(st.sampled_from("abc")))):
        times = sorted(draw(st.sets(st.integers(1, 4), min_size=1, max_size=3)))
        first = draw(st.integers(0, 1))  # older editions may have been dropped
        for n, at in enumerate(times):
            text, asked = draw(st.sampled_from("xy")), draw(st.sampled_from([None, "{}"]))
            rows.append(row(f"k2:{key}", first + n, f"2026-01-0{at}", text, asked))
    return rows


def together(*several: Sequence[Row]) -> list[Row]:
    return list(united(several, Merged()))


@given(ledgers(), ledgers(), ledgers())
def test_merging_is_associative_idempotent_and_free_of_order(a: list[Row], b: list[Row], c: list[Row]):
    whole = together(a, b, c)

    assert together(together(a, b), c) == together(a, together(b, c)) == whole
    assert together(c, a, b) == together(b, c, a) == whole
    assert together(whole, whole) == together(whole, b) == together(whole) == whole
    assert {(r[0], r[2], r[8]) for r in whole} == {
        (r[0], r[2], r[8]) for r in (*a, *b, *c)
    }  # nothing is lost
    assert all(digest_of(r[:16]) == r[16] for r in whole)
    assert [(r[0], r[1]) for r in whole] == sorted({(r[0], r[1]) for r in whole})


def kept_in(path: Path, *texts: str, fact: str = "") -> Path:
    """A ledger with replies to the same questions, one after another."""

    async def work() -> None:
        with Ledger(path) as ledger:
            for n, text in enumerate(texts):
                asks = (Ask(Unit(str(n), ("a",)), "kind", YES_NO),)
                call = Call("j", asks, "grade", (Message("user", f"Is {n} kind?"),))
                ledger.put(replace(call, key=key_of({"model": "m"}, call)), {"model": "m"}, Reply(text))
            if fact:
                ledger.learn("refused m", [fact])

    asyncio.run(work())
    return path


def test_different_answers_to_one_request_are_counted_and_kept_as_editions(tmp_path: Path):
    a = kept_in(tmp_path / "a.sqlite", "yes", "yes", fact="seed")
    b = kept_in(tmp_path / "b.sqlite", "yes", "no", "no", fact="top_p")

    found = merge([b, a], tmp_path / "m.sqlite")

    assert found == Merged(read=5, keys=3, written=5, conflicts=1)
    with Ledger(tmp_path / "m.sqlite", read_only=True) as merged:
        assert list(verify(merged)) == []
        assert merged.facts("refused m") == {"seed", "top_p"}
        keys = [key for (key,) in merged.query("SELECT DISTINCT key FROM replies")]
        assert sorted(reply.text for reply in merged.get(keys).values()) == ["no", "no", "yes"]  # b was later
    assert (tmp_path / "m.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_merge_that_cannot_be_whole_leaves_nothing(tmp_path: Path):
    a = kept_in(tmp_path / "a.sqlite", "yes")
    b = kept_in(tmp_path / "b.sqlite", "no", "no")
    with Ledger(b) as opened:
        opened.db.execute("UPDATE replies SET text = 'yes' WHERE id = 2")
        opened.db.commit()
    there = sorted(each.name for each in tmp_path.iterdir())

    with pytest.raises(InputError, match="was altered"):
        merge([a, b], tmp_path / "m.sqlite")
    with pytest.raises(InputError, match="is there already"):
        merge([a], b)
    with Ledger(a) as opened:
        out = Batch(
            tag="t", kind="openai", root="", model="m", judge="j", key_env="K", n=1, bytes=1, usd=None,
            tokens=1, made="2026-01-01",
        )  # fmt: skip
        Store(opened).intend(out, [])
    with pytest.raises(InputError, match="batches of it are out"):
        merge([a], tmp_path / "m.sqlite")
    with pytest.raises(InputError, match="no such ledger"):
        merge([a, tmp_path / "none.sqlite"], tmp_path / "m.sqlite")

    assert sorted(each.name for each in tmp_path.iterdir()) == there


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_its_driver_says_what_to_install(tmp_path: Path):
    with pytest.raises(InputError, match=r"ray is not installed: pip install -e '\.\[ray\]'"):
        score_dataset(None, RUBRIC, JUDGE, ledger_dir=tmp_path)


def test_items_in_place_of_a_ledger_are_told_as_such(tmp_path: Path):
    items = tmp_path / "items.jsonl"
    items.write_text('{"item_id": "1", "task": "Hi", "response": "Hello"}\n' * 9)

    with pytest.raises(InputError, match=r"items\.jsonl: not a ledger: it is text, such as items"):
        merge([items], tmp_path / "whole.sqlite")
