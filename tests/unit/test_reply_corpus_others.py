"""The corpus of replies to orders, selections, letters and pairs (tests/corpus/others.jsonl)."""

import json
from pathlib import Path

import pytest

from judgekit.judges.resolve import Scripted
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.rubric import Rubric
from judgekit.types import Call, Item, Reply, Verdict

CORPUS = Path(__file__).parent.parent / "corpus"
CASES = [json.loads(line) for line in (CORPUS / "others.jsonl").read_text(encoding="utf-8").splitlines()]
NOT_YET = (CORPUS / "others_not_yet_read.txt").read_text(encoding="utf-8").splitlines()
LATE = pytest.mark.xfail(strict=True, raises=AssertionError, reason="stands in others_not_yet_read.txt")
ITEM = Item("1", "Why are there tides?", {"a": "The Moon.", "b": "The Sun.", "c": "The wind."})
PAIR = Item("1", "Why are there tides?", {"a": "The Moon.", "b": "The Sun."})
YES_NO = {"labels": ["no", "yes"]}


def rubric(*ids: str) -> Rubric:
    criteria = [{"id": cid, "text": f"About the {cid}?", "scale": YES_NO} for cid in ids]
    return Rubric.model_validate({"id": "r", "criteria": criteria})


def call_for(asked: str) -> Call:
    kind, _, form = asked.partition(", ")
    ids = ("moon", "sun", "height", "hour") if kind == "select all" else ("better",)
    protocol = {"select all": "select_all", "letters": "grade"}.get(kind, kind)
    plan = Plan(
        rubric(*ids), (Scripted("judge", ""),), protocol=protocol, form=form or "letters", orders="given"
    )
    return plan.calls(PAIR if kind == "compare" else ITEM)[0]


def meaning(call: Call, said: str) -> list[str]:
    """What is to be read for each ask when a judge says so."""
    if call.protocol == "rank":
        place = {name: n for n, tied in enumerate(said.split(" > ")) for name in tied.lower().split(" = ")}
        pairs = [(place[first], place[second]) for first, second in (ask.unit.responses for ask in call.asks)]
        return ["tie" if one == two else "first" if one < two else "second" for one, two in pairs]
    if call.protocol == "select_all":
        return ["yes" if cid in said.split(", ") else "no" for cid in [ask.criterion for ask in call.asks]]
    return [dict(call.meant).get(each, each) for each in said.split(", ")]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"], marks=[LATE] * (case["id"] in NOT_YET)) for case in CASES],
)
def test_every_reply_is_read_as_expected(case):
    call = call_for(case["asked"])

    outcomes = read(call, Reply(case["reply"].replace("§", call.tag), fault=case["fault"]))

    labels = [outcome.label if isinstance(outcome, Verdict) else None for outcome in outcomes]
    expected = None if case["said"] is None else meaning(call, case["said"])
    if set(labels) == {None}:
        assert case["may_abstain"], outcomes[0]
    else:
        assert labels == expected
