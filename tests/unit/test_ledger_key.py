"""The key of a reply, pinned: a change of it would lose every ledger there is."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judgekit.errors import InputError
from judgekit.ledger.key import key_of, request_of
from judgekit.types import Call, Message, Unit

GOLDEN: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "keys.json").read_text(encoding="utf-8")
)
CALL = Call("j", (), "grade", (Message("user", "Is it kind?"),))


def call_of(asked: dict[str, Any]) -> Call:
    return Call(
        "j",
        (),
        "grade",
        tuple(Message(*each) for each in asked["messages"]),
        schema=asked.get("schema"),
        letters=tuple((letter, label) for letter, label in asked.get("letters", ())),
        sample=asked.get("sample", 0),
        attempt=asked.get("attempt", 1),
    )


def plainly(identity: dict[str, Any], call: Call) -> bytes:
    """The request as the standard library writes it."""
    request = {
        "identity": identity,
        "messages": [{"role": m.role, "content": m.content} for m in call.messages],
        "schema": call.schema,
        "sample": call.sample,
        "attempt": call.attempt,
    } | ({"logprobs": True} if call.letters else {})
    return json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_there_are_ten_golden_keys():
    assert len({golden["key"] for golden in GOLDEN}) == 10


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden["why"] for golden in GOLDEN])
def test_a_golden_key_is_what_it_was(golden: dict[str, Any]):
    assert key_of(golden["identity"], call_of(golden["call"])) == golden["key"]


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden["why"] for golden in GOLDEN])
def test_two_libraries_write_one_request(golden: dict[str, Any]):
    identity, call = golden["identity"], call_of(golden["call"])

    assert request_of(identity, call) == plainly(identity, call)
    assert golden["key"] == "k2:" + hashlib.sha256(plainly(identity, call)).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, messages=(Message("system", "Is it kind?"),)),
        replace(CALL, messages=(Message("user", "Is it kind? "),)),
        replace(CALL, schema={}),
        replace(CALL, sample=1),
        replace(CALL, attempt=2),
        replace(CALL, letters=(("A", "yes"),)),
    ],
)
def test_another_request_has_another_key(other: Call):
    assert key_of({"model": "m"}, other) != key_of({"model": "m"}, CALL)


def test_what_is_not_asked_of_the_model_is_not_in_the_key():
    same = replace(
        CALL, judge="k", asks=((Unit("1"), "kind"),), protocol="checklist", tag="0" * 16, variant="v"
    )

    assert key_of({"model": "m"}, same) == key_of({"model": "m"}, CALL)


def test_the_order_of_an_identity_does_not_matter_and_its_settings_do():
    assert key_of({"a": 1, "b": 0.5}, CALL) == key_of({"b": 0.5, "a": 1}, CALL)
    assert key_of({"a": 1}, CALL) != key_of({"a": 1.0}, CALL)


@pytest.mark.parametrize("identity", [{"seed": 2**64}, {1: "x"}, {"model": "\ud800"}, {"f": object()}])
def test_what_json_cannot_hold_is_refused_with_the_judges_name(identity: dict[Any, Any]):
    with pytest.raises(InputError, match="judge 'j': what it is asked cannot be written as JSON: "):
        key_of(identity, CALL)
