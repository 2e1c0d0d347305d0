import asyncio
import gc
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import orjson
import pytest

import judgekit as jk
from judgekit.errors import InputError, ProviderError
from judgekit.judges.litellm import LiteLLM
from judgekit.types import Call, Message, Reply

Serving = Callable[..., AbstractContextManager[str]]
KEY = "tr0ub4dor-and-3"
CALL = Call("mock", (), "grade", (Message("system", "You judge."), Message("user", "Is it polite?")))
LETTERS = replace(CALL, letters=(("A", "yes"), ("B", "no")))
SCHEMA = replace(CALL, schema={"type": "object", "properties": {"verdict": {"type": "string"}}})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOCK_KEY", KEY)


def mock(url: str, model: str = "openai/mock", **options: Any) -> LiteLLM:
    return LiteLLM(model, api_base=url, api_key_env="MOCK_KEY", **options)


def ask(judge: LiteLLM, *calls: Call) -> list[Reply]:
    """The replies, one after another; a refused parameter is asked again without it."""

    async def patient(call: Call) -> Reply:
        while True:
            try:
                return await asyncio.wait_for(judge(call), 10)
            except ProviderError as error:
                if not error.dropped:
                    raise

    async def asked() -> list[Reply]:
        async with judge:
            return [await patient(call) for call in calls]

    return asyncio.run(asked())


def fetch(url: str, what: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/{what}") as response:  # noqa: S310 - the loopback
        return orjson.loads(response.read())


def test_a_reply_comes_with_what_it_was(serving: Serving):
    with serving(text="yes") as url:
        [reply] = ask(mock(url), CALL)

    assert reply.text == "yes"
    assert reply.fault is None
    assert (reply.model, reply.fingerprint) == ("mock-2026-01-01", "fp_mock")
    assert (reply.input_tokens, reply.output_tokens) == (700, 8)
    assert reply.seconds is not None


def test_a_listed_model_has_a_price_and_an_unlisted_one_has_none(serving: Serving):
    with serving() as url:
        listed, unlisted = mock(url, "openai/gpt-4o-mini"), mock(url)
        costs = [ask(judge, CALL)[0].cost_usd for judge in (listed, unlisted)]

    assert costs == [pytest.approx(700 * 0.15e-6 + 8 * 0.6e-6), None]
    assert listed.cost(1_000_000, 0) == pytest.approx(0.15)
    assert unlisted.cost(1_000_000, 0) is None


def test_what_is_sent_is_the_call_and_the_settings(serving: Serving):
    with serving() as url:
        ask(mock(url, top_p=0.5, seed=7), SCHEMA)
        asked = fetch(url, "last")

    assert asked["headers"]["authorization"] == f"bearer {KEY}"
    assert asked["body"] == {
        "model": "mock",
        "messages": [
            {"role": "system", "content": "You judge."},
            {"role": "user", "content": "Is it polite?"},
        ],
        "temperature": 0.0,
        "max_tokens": 1024,
        "top_p": 0.5,
        "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "schema": SCHEMA.schema, "strict": True},
        },
    }


def test_letters_are_answered_by_probabilities(serving: Serving):
    with serving() as url:
        [reply] = ask(mock(url), LETTERS)

    assert (reply.text, reply.fault) == ("A", None)
    assert [token for token, _ in reply.logprobs] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("mode", "fault", "detail"),
    [
        ("null_content", None, ""),
        ("content_filter", "refused", "content_filter"),
        ("refusal", "refused", "I cannot judge this."),
        ("length", "truncated", "length"),
        ("too_long", "too_long", "maximum context length"),
        ("payload", "too_long", "too large"),
        ("filtered", "refused", "content management policy"),
    ],
)
def test_what_the_judge_does_wrong_is_a_reply(serving: Serving, mode: str, fault: str | None, detail: str):
    with serving(mode=mode) as url:
        [reply] = ask(mock(url), CALL)

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
        ("too_many", 429, True),
        ("broken", 500, True),
        ("overloaded", 503, True),
        ("error_in_200", 503, True),
        ("not_json", None, True),
        ("list", None, True),
        ("cut", None, True),
        ("redirect", None, True),
    ],
)
def test_what_the_server_does_wrong_is_an_error_after_one_request(
    serving: Serving, mode: str, status: int | None, passing: bool
):
    with serving(mode=mode) as url:
        with pytest.raises(ProviderError) as caught:
            ask(mock(url), CALL)
        requests = fetch(url, "stats")["requests"]

    assert (caught.value.status, caught.value.passing) == (status, passing)
    assert caught.value.dropped is None
    assert KEY not in str(caught.value)
    assert requests == 1


def test_a_server_that_is_not_there_is_a_passing_error():
    with pytest.raises(ProviderError, match="Connection error") as caught:
        ask(mock("http://127.0.0.1:9/v1"), CALL)

    assert caught.value.passing


def test_the_wait_a_server_asks_for_is_handed_on(serving: Serving):
    with serving(mode="too_many", retry_after="7") as url, pytest.raises(ProviderError) as caught:
        ask(mock(url), CALL)

    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("mode", "call", "refused"),
    [
        ("no_schema", SCHEMA, {"response_format"}),
        ("no_logprobs", LETTERS, {"logprobs"}),
        ("no_top_logprobs", LETTERS, {"top_logprobs>5", "top_logprobs"}),
        ("no_temperature", CALL, {"temperature"}),
        ("no_max_tokens", CALL, {"max_tokens"}),
    ],
)
def test_a_refused_parameter_is_dropped_once_and_remembered(
    serving: Serving, mode: str, call: Call, refused: set[str]
):
    with serving(mode=mode) as url:
        judge = mock(url)
        replies = ask(judge, call, call)
        counts = fetch(url, "stats")["by_status"]

    assert [reply.fault for reply in replies] == [None, None]
    assert judge.refused == refused
    assert counts == {"400": len(refused), "200": 2}


def test_what_litellm_itself_refuses_is_dropped_without_a_request(serving: Serving):
    with serving() as url:
        judge = mock(url, "openai/o3-mini", seed=3)
        ask(judge, CALL)
        asked, counts = fetch(url, "last")["body"], fetch(url, "stats")["by_status"]

    assert judge.refused == {"temperature"}
    assert counts == {"200": 1}
    assert (asked["max_completion_tokens"], asked["seed"]) == (1024, 3)


def test_waiting_is_the_callers(serving: Serving):
    async def short(url: str) -> None:
        async with mock(url) as judge:
            await asyncio.wait_for(judge(CALL), 0.3)

    with serving(mode="hang") as url, pytest.raises(TimeoutError):
        asyncio.run(short(url))


def test_many_runs_each_with_its_own_loop_leave_no_client_behind(serving: Serving):
    import litellm

    with serving(text="yes") as url:
        judge = mock(url)
        replies = [ask(judge, CALL)[0].text for _ in range(3)]

    assert replies == ["yes"] * 3
    assert not [key for key in litellm.in_memory_llm_clients_cache.cache_dict if key[-6:].isdecimal()]


def test_two_judges_in_one_loop_share_the_clients_until_the_last_leaves(serving: Serving):
    async def panel(url: str) -> list[str]:
        async with mock(url) as one:
            async with mock(url, name="two") as two:
                first = await two(CALL)
            return [first.text, (await one(CALL)).text]

    with serving(text="yes") as url:
        assert asyncio.run(panel(url)) == ["yes", "yes"]


def test_a_missing_key_is_an_input_error_that_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)

    with pytest.raises(InputError, match="ANTHROPIC_API_KEY"):
        ask(LiteLLM("anthropic/claude-sonnet-4-5"), CALL)
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        LiteLLM("openai/mock", api_base="http://h/v1", api_key_env="NO_SUCH_KEY").check()


def test_a_judge_with_other_settings_is_checked_and_priced_before_a_run(monkeypatch: pytest.MonkeyPatch):
    items = [{"id": "1", "task": "Hi", "response": "Hello"}]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    judge = LiteLLM("openai/gpt-4o-mini").with_(temperature=1.0)

    seen = jk.preview(items, "instruction_following", judge)

    assert seen.max_cost_usd is not None
    monkeypatch.delenv("OPENAI_API_KEY")
    another = judge.with_(temperature=0.5)
    assert jk.preview(items, "instruction_following", another) == seen  # nothing is sent, so no key is needed
    assert jk.preview(items, "instruction_following", "openai/gpt-4o-mini").max_cost_usd is not None
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        jk.score(items, "instruction_following", another, ledger=None)


def test_a_server_of_ones_own_needs_no_key(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(text="yes") as url:
        [reply] = ask(LiteLLM("openai/mock", api_base=url), CALL)

    assert reply.text == "yes"


def test_a_judge_that_was_not_entered_says_so():
    with pytest.raises(InputError, match="async with"):
        asyncio.run(LiteLLM("openai/m")(CALL))


def test_importing_the_judge_imports_no_litellm_and_checking_leaves_the_environment_as_it_was():
    code = (
        "import gc, os, sys; from judgekit.judges.litellm import LiteLLM; judge = LiteLLM('ollama/x');"
        "assert 'litellm' not in sys.modules; before = dict(os.environ); judge.check();"
        "assert 'litellm' in sys.modules; assert dict(os.environ) == before; assert gc.isenabled()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=dict(os.environ)
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert gc.isenabled()
