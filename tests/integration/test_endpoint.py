import asyncio
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from judgekit.errors import InputError, ProviderError
from judgekit.judges.endpoint import Endpoint
from judgekit.types import Call, Message, Reply

Serving = Callable[..., AbstractContextManager[str]]
KEY = "tr0ub4dor-and-3"
CALL = Call("mock", (), "grade", (Message("system", "You judge."), Message("user", "Is it polite?")))
LETTERS = replace(CALL, letters=(("A", "yes"), ("B", "no")))
SCHEMA = replace(CALL, schema={"type": "object", "properties": {"verdict": {"type": "string"}}})


def ask(judge: Endpoint, *calls: Call) -> list[Reply]:
    """The replies, one after another; a refused parameter is asked again without it."""

    async def asked() -> list[Reply]:
        async with judge:
            return [await patient(judge, call) for call in calls]

    return asyncio.run(asked())


async def patient(judge: Endpoint, call: Call) -> Reply:
    while True:
        try:
            return await asyncio.wait_for(judge(call), 5)
        except ProviderError as error:
            if not error.dropped:
                raise


def fetch(url: str, what: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/{what}") as response:  # noqa: S310 - the loopback
        return orjson.loads(response.read())


def test_a_reply_comes_with_what_it_was_and_what_it_cost(serving: Serving):
    with serving(text="yes") as url:
        judge = Endpoint(url, "mock", input_usd_per_million=1.0, output_usd_per_million=10.0)
        [reply] = ask(judge, CALL)

    assert reply.text == "yes"
    assert reply.fault is None
    assert (reply.model, reply.fingerprint) == ("mock-2026-01-01", "fp_mock")
    assert (reply.input_tokens, reply.output_tokens) == (700, 8)
    assert reply.cost_usd == pytest.approx(780e-6)
    assert reply.seconds is not None
    assert 0.0 < reply.seconds < 5.0


def test_an_unknown_price_is_none(serving: Serving):
    with serving() as url:
        judge = Endpoint(url, "mock")

        assert ask(judge, CALL)[0].cost_usd is None
        assert judge.cost(10, 10) is None


def test_what_is_sent_is_the_call_and_the_settings(serving: Serving):
    with serving() as url:
        ask(Endpoint(url, "mock", top_p=0.5, seed=7, stop=["END"], extra={"top_k": 3}), SCHEMA)
        body = fetch(url, "last")["body"]

    assert body == {
        "model": "mock",
        "messages": [
            {"role": "system", "content": "You judge."},
            {"role": "user", "content": "Is it polite?"},
        ],
        "temperature": 0.0,
        "max_tokens": 1024,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["END"],
        "top_k": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "schema": SCHEMA.schema, "strict": True},
        },
    }


def test_letters_are_answered_by_probabilities(serving: Serving):
    with serving() as url:
        [reply] = ask(Endpoint(url, "mock"), LETTERS)

    assert reply.text == "A"
    assert reply.fault is None
    assert [token for token, _ in reply.logprobs] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("mode", "fault", "detail"),
    [
        ("null_content", None, ""),
        ("content_filter", "refused", "content_filter"),
        ("refusal", "refused", "I cannot judge this."),
        ("length", "truncated", "length"),
        ("huge", None, "longer than 8000000 bytes"),
        ("too_long", "too_long", "maximum context length"),
        ("payload", "too_long", "too large"),
        ("filtered", "refused", "content management policy"),
    ],
)
def test_what_the_judge_does_wrong_is_a_reply(serving: Serving, mode: str, fault: str | None, detail: str):
    with serving(mode=mode) as url:
        [reply] = ask(Endpoint(url, "mock"), CALL)

    assert reply.fault == fault
    assert detail in reply.detail


@pytest.mark.parametrize(
    ("mode", "status", "passing"),
    [
        ("unauthorized", 401, False),
        ("forbidden", 403, False),
        ("not_found", 404, False),
        ("bad_request", 400, False),
        ("quota", 429, False),
        ("redirect", 307, False),
        ("too_many", 429, True),
        ("broken", 500, True),
        ("overloaded", 503, True),
        ("error_in_200", 503, True),
        ("cut", None, True),
        ("no_choices", None, True),
        ("not_json", None, True),
        ("list", None, True),
    ],
)
def test_what_the_server_does_wrong_is_an_error(
    serving: Serving, mode: str, status: int | None, passing: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JUDGEKIT_API_KEY", KEY)
    with serving(mode=mode) as url, pytest.raises(ProviderError) as caught:
        ask(Endpoint(url, "mock"), CALL)

    assert (caught.value.status, caught.value.passing) == (status, passing)
    assert caught.value.dropped is None
    assert KEY not in str(caught.value)


def test_a_server_that_is_not_there_is_a_passing_error():
    with pytest.raises(ProviderError, match=r"Cannot connect to 127\.0\.0\.1:9") as caught:
        ask(Endpoint("http://127.0.0.1:9/v1", "mock"), CALL)

    assert caught.value.passing


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "7", "retry_after_ms": "250"}, 0.25),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": ""}, None),
    ],
)
def test_the_wait_a_server_asks_for_is_handed_on(
    serving: Serving, headers: dict[str, str], wait: float | None
):
    with serving(mode="too_many", **headers) as url, pytest.raises(ProviderError) as caught:
        ask(Endpoint(url, "mock"), CALL)

    assert caught.value.retry_after == wait


@pytest.mark.parametrize(
    ("mode", "call", "refused", "requests"),
    [
        ("no_schema", SCHEMA, {"response_format"}, 3),
        ("no_logprobs", LETTERS, {"logprobs"}, 3),
        ("no_top_logprobs", LETTERS, {"top_logprobs>5", "top_logprobs"}, 4),
        ("no_temperature", CALL, {"temperature"}, 3),
        ("no_max_tokens", CALL, {"max_tokens"}, 3),
    ],
)
def test_a_refused_parameter_is_dropped_once_and_remembered(
    serving: Serving, mode: str, call: Call, refused: set[str], requests: int
):
    with serving(mode=mode) as url:
        judge = Endpoint(url, "mock")
        replies = ask(judge, call, call)
        counts, body = fetch(url, "stats"), fetch(url, "last")["body"]

    assert [reply.fault for reply in replies] == [None, None]
    assert judge.refused == refused
    assert counts["by_status"] == {"400": len(refused), "200": 2}
    assert counts["requests"] == requests
    assert not refused & body.keys()


def test_calls_under_way_together_learn_the_same_thing_once_each(serving: Serving):
    async def together(judge: Endpoint) -> list[Reply]:
        async with judge:
            return await asyncio.gather(*(patient(judge, CALL) for _ in range(20)))

    with serving(mode="no_temperature", latency=0.02) as url:
        judge = Endpoint(url, "mock")
        replies = asyncio.run(together(judge))

    assert [reply.fault for reply in replies] == [None] * 20
    assert judge.refused == {"temperature"}


def test_waiting_is_the_callers(serving: Serving):
    async def short(url: str) -> None:
        async with Endpoint(url, "mock") as judge:
            await asyncio.wait_for(judge(CALL), 0.1)

    with serving(mode="hang") as url, pytest.raises(TimeoutError):
        asyncio.run(short(url))


def test_slow_headers_are_waited_for(serving: Serving):
    with serving(mode="slow_headers", latency=0.2) as url:
        [reply] = ask(Endpoint(url, "mock"), CALL)

    assert reply.seconds is not None
    assert reply.seconds >= 0.2


def test_the_key_is_sent_and_nowhere_to_be_seen(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTHER_KEY", f"{KEY}\n")
    with serving() as url:
        judge = Endpoint(url, "mock", api_key_env="OTHER_KEY")
        ask(judge, CALL)
        headers = fetch(url, "last")["headers"]

    assert headers["authorization"] == f"bearer {KEY}"
    assert KEY not in repr(judge) + repr(judge.identity) + judge.endpoint


def test_without_a_key_none_is_sent(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JUDGEKIT_API_KEY", raising=False)
    with serving() as url:
        ask(Endpoint(url, "mock"), CALL)

        assert "authorization" not in fetch(url, "last")["headers"]


def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUDGEKIT_API_KEY", f"{KEY}\r\nx: y")

    with pytest.raises(InputError, match="JUDGEKIT_API_KEY") as caught:
        ask(Endpoint("http://127.0.0.1:9/v1", "mock"), CALL)

    assert KEY not in str(caught.value)


def test_a_proxy_of_the_environment_is_not_used(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving() as url:
        assert ask(Endpoint(url, "mock"), CALL)[0].fault is None


def test_a_judge_that_was_not_entered_says_so():
    with pytest.raises(InputError, match="async with"):
        asyncio.run(Endpoint("http://h/v1", "m")(CALL))


def test_a_judge_serves_run_after_run_and_two_at_once_in_one_loop(serving: Serving):
    async def nested(judge: Endpoint) -> str:
        async with judge:
            async with judge:
                await judge(CALL)
            return (await judge(CALL)).text

    with serving(text="yes") as url:
        judge = Endpoint(url, "mock")

        assert [asyncio.run(nested(judge)) for _ in range(2)] == ["yes", "yes"]


def test_a_judge_in_use_in_another_loop_says_so_and_outlives_a_dead_one(serving: Serving):
    with serving(text="yes") as url:
        judge = Endpoint(url, "mock")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(judge.__aenter__())

        with pytest.raises(InputError, match="another event loop"):
            ask(judge, CALL)
        session = judge._session  # noqa: SLF001 - closed here, so that aiohttp does not complain of it
        assert session is not None
        loop.run_until_complete(session.close())
        loop.close()

        assert ask(judge, CALL)[0].text == "yes"


def test_a_long_prompt_and_a_reply_in_pieces_go_through(serving: Serving):
    with serving(text="yes " * 100_000) as url:
        [reply] = ask(Endpoint(url, "mock"), replace(CALL, messages=(Message("user", "x" * 2_000_000),)))

    assert len(reply.text) == 400_000


def test_the_shares_of_the_mock_server_are_drawn_by_its_seed(serving: Serving):
    async def all_of(url: str) -> list[object]:
        async with Endpoint(url, "mock") as judge:
            return [await outcome(judge) for _ in range(200)]

    async def outcome(judge: Endpoint) -> object:
        try:
            return (await judge(CALL)).text
        except ProviderError as error:
            return error.status

    runs = []
    for _ in range(2):
        with serving(too_many=0.1, failing=0.05, malformed=0.05, seed=3, text="yes") as url:
            runs.append(asyncio.run(all_of(url)))
            counts = fetch(url, "stats")

    assert runs[0] == runs[1]
    assert counts["distinct"] == 1
    assert {429, 500, "yes", "Well, it depends {"} == set(runs[0])


def test_a_server_of_its_own_process_answers_too(serving: Serving):
    with serving(process=True, latency=0.05, text="yes") as url:
        started = time.perf_counter()
        [reply] = ask(Endpoint(url, "mock"), CALL)

    assert reply.text == "yes"
    assert time.perf_counter() - started >= 0.05
