"""A completion's body is somebody else's: whatever stands at a key, it is a reply or a passing error."""

import copy
import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from judgekit.errors import ProviderError
from judgekit.judges.servers import NO_KEYS, Keys, parsed
from judgekit.judges.wire import reply_of, spent_of
from judgekit.types import Reply

FIRST = {"token": "A", "logprob": -0.1, "top_logprobs": [{"token": "B", "logprob": -2.0}]}
MESSAGE = {
    "role": "assistant",
    "content": "yes",
    "refusal": None,
    "provider_specific_fields": {"refusal": None},
}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "stop", "logprobs": {"content": [FIRST]}}
WHOLE = {
    "id": "1",
    "model": "m",
    "system_fingerprint": "f",
    "choices": [CHOICE],
    "usage": {"prompt_tokens": 7, "completion_tokens": 1, "cost": 0.5},
}
DEEP: Any = {}
for _ in range(900):
    DEEP = {"error": DEEP}
WRONG = [
    None,
    True,
    0,
    -1,
    10**30,
    -(10**400),
    math.nan,
    math.inf,
    "",
    "x",
    [],
    [None],
    [[]],
    {},
    {"a": {}},
    DEEP,
]
SENT = {"messages": [{"role": "user", "content": "Is it polite?"}], "max_tokens": 16}


def places(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a body, the whole among them."""
    yield way
    keys = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in keys:
        yield from places(value, (*way, key))


def put(way: tuple[Any, ...], wrong: Any) -> Any:
    """The whole body with something else at one place."""
    if not way:
        return wrong
    body = copy.deepcopy(WHOLE)
    at: Any = body
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = wrong
    return body


def read(body: Any) -> Reply | ProviderError:
    try:
        return reply_of(body, letters=True, price=lambda n, m: n + m + 0.0, sent=SENT, noted=Counter())
    except ProviderError as error:
        return error


@pytest.mark.parametrize("way", list(places(WHOLE)), ids=str)
def test_any_type_at_any_key_gives_a_reply_or_an_error_that_may_pass(way: tuple[Any, ...]):
    for wrong in WRONG:
        came = read(put(way, wrong))

        if isinstance(came, ProviderError):
            assert came.passing
            assert str(came)
        else:
            fields = (came.text, came.detail, came.model, came.fingerprint)
            assert all(type(field) is str for field in fields)
            assert all(type(token) is str and -1e5 < p <= 0.0 for token, p in came.logprobs)
            assert came.cost_usd is None or 0.0 <= came.cost_usd < 100.0
            assert came.fault in {None, "refused", "truncated"}


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b"<html><title>Log in</title>", "no JSON object, but <html><title>Log in</title>"),
        (b"", "no JSON object"),
        (b"[1, 2]", "no JSON object, but [1, 2]"),
        (b'"yes"', "no JSON object, but yes"),
        (b"{}", "no choices with a message, but {}"),
        (b'{"choices": []}', "no choices with a message"),
        (b'{"choices": [{"text": "yes"}]}', "no choices with a message"),
        (b'{"choices": [{"message": {"content": 5}}]}', "no message with a text"),
        (b'{"choices": ' + b"[" * 5000, "no JSON object"),
        (b"\xff\xfe", "no JSON object"),
    ],
)
def test_what_is_no_completion_is_an_error_that_says_what_was_seen(raw: bytes, seen: str):
    with pytest.raises(ProviderError) as caught:
        reply_of(parsed(raw))

    assert caught.value.passing
    assert seen in str(caught.value)
    assert len(str(caught.value)) < 400


def test_half_a_surrogate_pair_is_a_sign_and_not_a_body_that_cannot_be_read():
    raw = json.dumps({"choices": [{"message": {"content": "fine \ud83d"}}]}).encode()

    assert reply_of(parsed(raw)).text == "fine \ufffd"


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": -(10**9)},
        {"prompt_tokens": math.inf, "completion_tokens": 3},
        {"prompt_tokens": math.nan, "completion_tokens": 3},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": "5", "completion_tokens": 3},
        {"prompt_tokens": 5.0, "completion_tokens": 3},
        {"prompt_tokens": 10**9, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": 10**9},
        {"prompt_tokens": 5, "completion_tokens": 10**400},
    ],
    ids=str,
)
def test_counts_that_cannot_be_are_noted_and_the_estimate_stands_for_them(usage: dict[str, Any]):
    noted: Counter[str] = Counter()
    read, written, cost = spent_of(usage, "yes", sent=SENT, price=lambda n, m: 1.0 * n + m, noted=noted)

    assert read in {5, 12}  # as told, or as the prompt is estimated
    assert written in {3, 16}  # as told, or as a budget reserves
    assert (read, written) != (5, 3)
    assert cost == read + written
    assert sum(noted.values()) == 1


def test_counts_that_can_be_are_believed_and_missing_ones_are_unknown():
    noted: Counter[str] = Counter()

    assert spent_of({"prompt_tokens": 9, "completion_tokens": 0}, "", sent=SENT, price=None, noted=noted) == (
        9,
        0,
        None,
    )
    assert spent_of(None, "yes", sent=SENT, price=lambda *_: 1.0, noted=noted) == (None, None, None)
    assert not noted


@pytest.mark.parametrize(
    ("cost", "believed"),
    [(0.25, 0.25), (0, 0.0), (-1.0, None), (math.nan, None), (1e9, None), (True, None), ("1", None)],
)
def test_a_gateways_own_sum_is_taken_where_it_can_be_and_no_price_is_known(cost: Any, believed: float | None):
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "cost": cost}

    assert spent_of(usage, "", sent=SENT, price=lambda *_: None) == (5, 3, believed)
    assert spent_of(usage, "", sent=SENT, price=lambda *_: 7.0) == (5, 3, 7.0)


def test_the_keys_held_are_taken_out_of_every_text_and_short_ones_of_none():
    key = "tr0ub4dor-and-3"
    first = {"token": key, "logprob": 0.0}
    message = {"content": f"x {key} x", "refusal": f"no: {key.upper()}"}
    choice = {"message": message, "logprobs": {"content": [first]}, "finish_reason": key}
    body = {"choices": [choice], "model": key, "system_fingerprint": key}

    reply = reply_of(parsed(orjson.dumps(body)), letters=True, keys=Keys(key, "x"))

    assert key not in repr(reply).lower()
    assert reply.text == "x [key] x"
    with pytest.raises(ProviderError) as caught:
        reply_of({"error": {"message": [key], "code": key}}, keys=Keys(key))
    assert key not in str(caught.value)
    with pytest.raises(ProviderError) as caught:
        reply_of({key: key}, keys=Keys(key))
    assert key not in str(caught.value)
    assert NO_KEYS.out_of(key) == key
