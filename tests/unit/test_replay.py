"""Recorded replies: found by key or by ids, missed with a word on what would do."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.judges.replay import Replay
from judgekit.ledger.key import key_of
from judgekit.scales import YES_NO
from judgekit.types import Ask, Call, Message, Reply, Unit

UNIT = Unit("1", ("a",))
CALL = Call("r", (Ask(UNIT, "kind", YES_NO),), "grade", (Message("user", "Is it kind?"),), key="k1:x")


def record(path: Path, *lines: Any) -> Replay:
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines), "utf-8")
    return Replay(path)


def asked(judge: Replay, call: Call) -> Reply:
    return asyncio.run(judge(call))


def ask(*criteria: str, responses: tuple[str, ...] = ("a",), **more: Any) -> Call:
    unit = Unit("1", responses)
    return Call("r", tuple(Ask(unit, c, YES_NO) for c in criteria), "grade", (), **more)


def test_a_reply_is_found_by_the_key_of_the_call(tmp_path: Path):
    judge = record(tmp_path / "old.jsonl", {"key": "k1:x", "text": "yes", "model": "m"}, "")

    assert asked(judge, CALL) == Reply("yes", model="m", cost_usd=0.0)
    assert (judge.name, judge.identity) == ("replay:old", {})


def test_a_record_tells_the_identity_that_its_keys_were_made_with(tmp_path: Path):
    identity = {"model": "gpt", "temperature": 0}
    judge = record(
        tmp_path / "old.jsonl", {"identity": identity}, {"key": key_of(identity, CALL), "text": "yes"}
    )

    assert asked(judge, ask("kind", key=key_of(judge.identity, CALL))).text == "yes"


def test_without_keys_a_reply_is_found_by_item_response_criterion_and_sample(tmp_path: Path):
    judge = record(
        tmp_path / "old.jsonl",
        {"item_id": 1, "response_id": "a", "criterion": "kind", "text": "one"},
        {"item_id": 1, "response_id": "a", "criterion": "kind", "sample": 1, "text": "two"},
        {"item_id": 1, "response_id": ["b", "a"], "text": "three"},
        {"item_id": 1, "criterion": "kind", "text": "four"},
    )

    assert asked(judge, ask("kind")).text == "one"
    assert asked(judge, ask("kind", sample=1)).text == "two"
    assert asked(judge, ask("kind", responses=("a", "b"), shown=("b", "a"))).text == "three"
    assert asked(judge, ask("kind", responses=())).text == "four"


def test_a_record_without_criteria_answers_whatever_is_asked(tmp_path: Path):
    judge = record(tmp_path / "old.jsonl", {"item_id": "1", "response_id": "a", "text": "both"})

    assert asked(judge, ask("kind")).text == "both"
    assert asked(judge, ask("kind", "true")).text == "both"


def test_other_fields_of_a_reply_are_kept_and_its_cost_is_not(tmp_path: Path):
    line = {
        "key": "k1:x",
        "text": "",
        "fault": "refused",
        "logprobs": [["A", -0.1]],
        "cost_usd": 3.0,
        "note": 1,
    }

    reply = asked(record(tmp_path / "old.jsonl", line), CALL)

    assert reply == Reply(fault="refused", logprobs=(("A", -0.1),), cost_usd=0.0)


def test_a_missing_reply_says_which(tmp_path: Path):
    judge = record(tmp_path / "old.jsonl", {"item_id": "1", "response_id": "b", "text": "x"})

    reply = asked(judge, CALL)

    assert (reply.fault, reply.text) == ("missing", "")
    assert reply.detail == (
        "old.jsonl: no reply for item '1', response 'a', criterion 'kind', sample 0, "
        "under its key (k1:x) or its ids; record one, or leave the item out"
    )
    several = asked(judge, ask("kind", "true")).detail
    assert "criteria ['kind', 'true']" in several
    assert "or ask one criterion a call" in several


def test_one_missing_reply_is_an_abstention_and_not_the_end_of_the_run(tmp_path: Path):
    path = tmp_path / "old.jsonl"
    lines = [{"item_id": str(n), "response_id": "response", "text": '{"label": "yes"}'} for n in range(3)]
    path.write_text("\n".join(map(json.dumps, lines[:1] + lines[2:])), "utf-8")
    items = [{"item_id": str(n), "task": "Hi", "response": "Hello."} for n in range(3)]
    rubric = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}]}

    run = jk.score(items, rubric, f"replay:{path}", ledger=None)

    said = [o.label if isinstance(o, jk.Verdict) else o.reason for o in run.outcomes]
    assert said == ["yes", "missing", "yes"]
    path.write_text(json.dumps({**lines[0], "item_id": "another"}), "utf-8")
    with pytest.warns(UserWarning, match=r"no verdict in 3 answers.*3 missing.*no reply for item '0'"):
        jk.score(items, rubric, f"replay:{path}", ledger=None)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{"], ":1: is not JSON"),
        (["[]"], ":1: holds a list, not an object with 'text'"),
        ([{"text": "x"}], ":1: has no 'key' and no 'item_id'; found ['text']; write either"),
        ([{"key": 3, "text": "x"}], ":1: has no 'key'"),
        ([{"key": "k", "txt": "x"}], ":1: holds no reply; found ['key', 'txt']; write 'text', or a 'fault'"),
        ([{"key": "k", "text": 3}], ":1: text: Input should be a valid string, found 3"),
        ([{"key": "k", "fault": "odd"}], ":1: fault: Input should be 'refused', "),
        ([{"item_id": 1.5, "text": "x"}], ":1: 1.5 is a float, not text"),
        ([{"item_id": 1, "sample": -1, "text": "x"}], ":1: sample -1 is no count from 0"),
        ([{"key": "k", "text": "x"}] * 2, ":2: a second reply for 'k'; the first is on line 1; keep one"),
        (
            [
                {"item_id": 1, "response_id": 2, "text": "x"},
                {"item_id": "1", "response_id": "2", "text": "y"},
            ],
            ":2: a second reply for ('1', ('2',), '', 0); the first is on line 1",
        ),
        (
            [{"key": "k", "text": "x"}, {"identity": {"model": "m"}}],
            ":2: the identity belongs on the first line",
        ),
    ],
)
def test_a_record_that_cannot_be_used_is_refused_before_any_call(tmp_path: Path, lines: list, message: str):
    with pytest.raises(InputError) as error:
        record(tmp_path / "old.jsonl", *lines)

    assert str(error.value).removeprefix(f"{tmp_path}/old.jsonl").startswith(message)


def test_a_record_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"no.jsonl: cannot be read \(No such file"):
        Replay(tmp_path / "no.jsonl")
