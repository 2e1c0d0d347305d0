"""The table of calls: a row for each call answered, whatever asked it, and the sums that it gives."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.ledger.store import UNPAID
from judgekit.table import COLUMNS, call_of, call_row, read_calls
from judgekit.types import Abstention, Call, CallMade, Reply

RUBRIC = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}, {"id": "clear", "text": "Clear?"}]}
ITEMS = [{"id": str(n), "task": "Hi", "response": f"Hello {n}", "tags": {"lang": "de"}} for n in range(3)]
YES = '{"evidence": [], "rationale": "", "label": "yes"}'
ODD = "\ud83d"


def judge(name: str = "j", said: object = YES) -> jk.Scripted:
    reply = Reply(str(said), model=f"m{ODD}", input_tokens=7, output_tokens=3, cost_usd=0.5, seconds=0.25)
    return jk.Scripted(name, lambda _: reply, revision=str(said))


def test_each_call_has_a_row_in_the_order_of_the_plan(tmp_path: Path):
    run = jk.score(ITEMS, RUBRIC, judge(), samples=2, ledger=None)

    assert [(c.item_id, c.criteria, c.sample) for c in run.calls] == [
        (str(n), (name,), sample) for n in range(3) for name in ("kind", "clear") for sample in range(2)
    ]
    assert [c.call for c in run.calls] == [o.call for o in run.outcomes]
    first = run.calls[0]
    assert (first.judge, first.responses, first.shown, first.attempt) == (
        "j",
        ("response",),
        ("response",),
        1,
    )
    assert (first.model, first.cost_usd, first.seconds, first.stored) == ("m\ufffd", 0.5, 0.25, False)
    run.save(tmp_path)
    assert jk.load_run(tmp_path).calls == run.calls
    assert list(run.frame("calls").columns) == list(COLUMNS["calls"])


def test_calls_repeat_from_the_ledger_but_for_where_the_reply_was(tmp_path: Path):
    first, second = (jk.score(ITEMS, RUBRIC, judge(), ledger=tmp_path / "l.sqlite") for _ in range(2))
    first.save(tmp_path / "one")
    second.save(tmp_path / "two")

    for name in ("scores.jsonl", "outcomes.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert second.calls == tuple(each._replace(stored=True) for each in first.calls)
    assert {c.stored for c in first.calls} == {False}


def test_what_calls_cost_adds_up_where_equal_ones_share_a_reply():
    async def slowly(_: Call) -> Reply:
        import asyncio

        await asyncio.sleep(0.01)
        return Reply(YES, cost_usd=0.5, input_tokens=7, output_tokens=3)

    items = [{"id": str(n), "task": "Hi", "response": "Hello"} for n in range(4)]
    run = jk.score(items, RUBRIC, jk.Scripted("j", slowly, revision="1"), ledger=None)

    paid = [c for c in run.calls if not c.stored]
    assert (len(run.calls), run.summary["shared_calls"], len(paid)) == (8, 6, 2)
    assert sum(c.cost_usd or 0 for c in paid) == pytest.approx(run.summary["cost_usd"])
    assert sum(c.input_tokens or 0 for c in paid) == run.summary["input_tokens"]


def many(call: Call) -> str:
    if call.protocol == "compare":
        return '{"label": "A"}'
    if call.protocol == "checklist":
        return json.dumps(
            {"answers": [{"id": ask.called, "label": ask.scale.labels[0]} for ask in call.asks]}
        )
    return json.dumps({"statements": ["All is well."]}) if call.protocol == "list" else YES


@pytest.mark.parametrize(
    ("verb", "judges", "options"),
    [
        (jk.score, [judge("a"), judge("b", "nothing of it")], {}),
        (jk.score, [jk.Scripted("a", lambda call: {a.called: "yes" for a in call.asks})], {"per_call": None}),
        (jk.compare, [jk.Scripted("a", many)], {}),
        (jk.rank, [jk.Scripted("a", lambda _: json.dumps({"ranking": ["A", "B", "C"]}))], {}),
        (jk.score, [jk.Scripted("a", lambda _: 1 / 0)], {"substitutes": {"a": judge("c")}}),
        (jk.score, [judge("a"), judge("b"), judge("c")], {"panel": "dawid_skene"}),
    ],
)
def test_every_outcome_that_names_a_call_finds_its_row(verb, judges, options):
    items = [{"id": "1", "task": "Hi", "responses": {name: f"Hello {name}" for name in "xyz"}}]
    run = verb(items, RUBRIC, judges, ledger=None, **options)

    keys = {c.call for c in run.calls}
    assert {o.call for o in run.outcomes} <= keys
    assert len([c for c in run.calls if c.fault not in UNPAID]) == run.summary["calls"]
    assert sum(c.attempt > 1 for c in run.calls) == run.summary["reasks"]
    assert call_row(run.calls[0]).keys() == COLUMNS["calls"].keys()


def test_steps_of_a_cascade_and_texts_written_are_calls_too():
    unsure = jk.Scripted("small", lambda _: {"label": "yes", "confidence": 0.1})
    both = jk.score_cascade(ITEMS, RUBRIC, unsure, judge("big"), doubt=lambda *_: True, ledger=None)
    assert [c.judge for c in both.calls[:4]] == ["small", "small", "big", "big"]

    items, judges = (
        [{"id": "1", "task": "t", "response": "All is well."}],
        [jk.Scripted(n, many) for n in "abc"],
    )
    gaps = jk.score(items, None, judges, recipe="gaps-unlisted", ledger=None)
    assert [c.criteria for c in gaps.calls if c.protocol == "list"] == [()]
    assert len(gaps.calls) == gaps.summary["calls"]


def test_a_call_without_an_answer_has_its_fault():
    def dead(_: Call) -> str:
        raise ValueError("broken")

    run = jk.score(ITEMS[:1], RUBRIC, [jk.Scripted("dead", dead), judge()], ledger=None)

    lost = [c for c in run.calls if c.judge == "dead"]
    assert {c.fault for c in lost} == {"unreachable"}
    assert {o.call for o in run.outcomes if isinstance(o, Abstention)} <= {c.call for c in lost}


def test_tags_of_items_stand_in_scores_and_outcomes_and_come_back(tmp_path: Path):
    run = jk.score([*ITEMS, {"id": "x", "task": "Hi", "response": "Hm"}], RUBRIC, judge(), ledger=None)
    run.save(tmp_path)
    read = jk.load_run(tmp_path)

    assert read.item_tags == run.item_tags == {str(n): {"lang": "de"} for n in range(3)}
    for kind in ("scores", "outcomes"):
        tags = dict(zip(read.frame(kind)["item_id"], read.frame(kind)["item_tags"], strict=True))
        assert tags == {**run.item_tags, "x": {}}


def test_a_run_names_its_inputs_and_keeps_its_rubric(tmp_path: Path):
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, ITEMS)))
    (tmp_path / "r.json").write_text(json.dumps(RUBRIC))
    kept = jk.score(
        tmp_path / "items.jsonl",
        tmp_path / "r.json",
        judge(),
        ledger=tmp_path / "l.sqlite",
        columns={"task": "task"},
    ).summary
    made = jk.score(ITEMS, RUBRIC, judge(), ledger=None).summary

    assert jk.load_rubric(kept["rubric"]["content"]) == jk.load_rubric(tmp_path / "r.json")
    held = kept["inputs"]
    assert held["items"]["path"] == str(tmp_path / "items.jsonl")
    assert len(held["items"]["sha256"]) == 64
    assert held["items"]["columns"] == {"task": "task"}
    assert held["rubric"] == {"path": str(tmp_path / "r.json")}
    assert held["ledger"] == {"path": str(tmp_path / "l.sqlite")}
    assert made["inputs"] == {"items": None, "rubric": None, "ledger": None}
    assert made["rubric"]["content"] == kept["rubric"]["content"]


def test_a_row_that_is_none_of_calls_is_refused(tmp_path: Path):
    row = call_row(CallMade("1", "j"))
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps({k: v for k, v in row.items() if k != "judge"}))

    with pytest.raises(jk.InputError, match=r"calls.jsonl:1: a row of calls has no column 'judge'"):
        read_calls(path)
    assert call_of(row) == CallMade("1", "j")


def test_calls_go_through_parquet(tmp_path: Path):
    pytest.importorskip("pyarrow")
    run = jk.score(ITEMS, RUBRIC, judge(), ledger=None)
    run.save(tmp_path)

    assert tuple(read_calls(tmp_path / "calls.parquet")) == run.calls
    assert read_calls(run.frame("calls")) == list(run.calls)


def test_a_run_without_calls_is_a_run_of_before(tmp_path: Path):
    run = jk.score(ITEMS, RUBRIC, judge(), ledger=None)
    run.save(tmp_path)
    summary = json.loads((tmp_path / "run.json").read_bytes())
    del summary["files"]["calls.jsonl"], summary["files"]["calls.parquet"]
    (tmp_path / "run.json").write_text(json.dumps(summary))
    (tmp_path / "calls.jsonl").unlink()

    assert jk.load_run(tmp_path) == replace(run, calls=(), summary=summary)


FURTHER = {
    "lang": "de",
    "length": 12,
    "share": 0.5,
    "sure": True,
    "gap": None,
    "long": "x" * 300,
    "many": [1],
    "huge": 10**30,
}
KEPT = {"lang": "de", "length": "12", "share": "0.5", "sure": "true"}


@pytest.mark.parametrize("form", ["rows", "jsonl", "csv", "frame", "parquet"])
def test_further_columns_of_items_go_into_the_tables(form: str, tmp_path: Path):
    pd, pq = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    rows = [
        {"item_id": "1", "task": "Hi", "system": name, "response": f"Hello {name}.", "tokens": n, **FURTHER}
        for n, name in enumerate("ab")
    ]
    frame = pd.DataFrame(rows).drop(columns="huge")
    source = {"rows": rows, "frame": frame}.get(form, tmp_path / f"items.{form}")
    if form == "jsonl":
        source.write_text("\n".join(map(json.dumps, rows)))
    elif form == "csv":
        frame.to_csv(source, index=False)
    elif form == "parquet":
        frame.assign(text=[f"{name}" * 5_000 for name in "ab"]).to_parquet(source)
    assert pq
    run = jk.score(source, RUBRIC, judge(), ledger=None)

    many = {"many": "[1]"} if form == "csv" else {}
    true = {"sure": "True"} if form == "csv" else {}
    assert run.item_tags == {"1": {**KEPT, **true, **many}}  # what differs from row to row is of a response
    run.save(tmp_path / "run")
    assert jk.load_run(tmp_path / "run").item_tags == run.item_tags


def test_tags_stand_above_further_columns_and_what_others_publish_is_none():
    item = {"id": "1", "task": "Hi", "response": "Hello", "lang": "en", "tags": {"lang": "de"}, "canary": "x"}
    assert jk.score([item], RUBRIC, judge(), ledger=None).item_tags == {"1": {"lang": "de", "canary": "x"}}
    [read] = jk.read_items([{"id": "1", "task": "Hi", "response": "Hello", "n" + ODD: "a" + ODD}])
    assert read.extra == {"n\ufffd": "a\ufffd"}
    assert len(next(iter(jk.read_items([{**item, **{f"c{n}": n for n in range(90)}}]))).extra) == 20
