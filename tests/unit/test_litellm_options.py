from typing import Any

import pytest

from judgekit.errors import InputError
from judgekit.judges.litellm import LiteLLM
from judgekit.roles import Learning, Priced, Served

KEY = "tr0ub4dor-and-3"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOCK_KEY", KEY)


@pytest.mark.parametrize("model", ["ollama/llama3", "ollama/nobody", "huggingface/nobody/no-7b"])
def test_a_price_of_zero_is_an_unknown_one(model: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUGGINGFACE_API_KEY", KEY)
    judge = LiteLLM(model)
    judge.check()

    assert judge.cost(1000, 1000) is None


def test_a_price_that_is_given_stands_in_for_the_listed_one():
    listed, given = (
        LiteLLM("openai/gpt-4o-mini", key_env="MOCK_KEY", **prices)
        for prices in ({}, {"input_usd_per_million": 7.0, "output_usd_per_million": 0.0})
    )
    for judge in (listed, given):
        judge.check()

    assert given.cost(1_000_000, 1_000) == pytest.approx(7.0)
    assert listed.cost(1_000_000, 1_000) != pytest.approx(7.0)
    assert given.identity == listed.identity  # what is paid for the same replies is not another judge


def test_an_unknown_provider_is_an_input_error_that_says_which_was_meant():
    with pytest.raises(InputError, match="did you mean 'openai/gpt-4o-mini'"):
        LiteLLM("opnai/gpt-4o-mini").check()
    with pytest.raises(InputError, match="provider/model"):
        LiteLLM("nothing").check()


def test_the_key_is_nowhere_to_be_seen():
    judge = LiteLLM("openai/mock", api_base="http://h:1/v1", api_key_env="MOCK_KEY")
    judge.check()

    assert KEY not in repr(judge) + repr(judge.identity) + judge.endpoint
    assert judge.endpoint == "http://h:1"


def test_an_identity_knows_a_server_of_ones_own_or_its_name_and_else_the_model_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    one = LiteLLM("openai/m", name="one", seed=3, extra={"reasoning_effort": "low"})
    own = one.with_(name=None, api_base="http://h:1/v1", key_env="X")

    assert one.identity == one.with_(name="two").identity
    assert own.identity == {**one.identity, "address": "http://h:1/v1"}
    assert own.with_(name="two").identity == {**one.identity, "name": "two"}
    assert one.with_(revision="2").identity == {**one.identity, "revision": "2"}
    monkeypatch.setenv("OPENAI_API_BASE", "http://h:1/v1")
    assert LiteLLM("openai/m", seed=3, extra={"reasoning_effort": "low"}).identity == own.identity


@pytest.mark.parametrize(
    "options",
    [
        {"api_base": "http://me:hunter2@h/v1"},
        {"api_base": "h"},
        {"extra": {"api_key": "hunter2"}},
        {"stop": "x"},
    ],
)
def test_an_option_that_cannot_be_used_is_refused_at_once(options: dict[str, Any]):
    with pytest.raises(InputError) as caught:
        LiteLLM("openai/m").with_(**options)

    assert "hunter2" not in str(caught.value)


def test_a_judge_is_priced_learning_and_served():
    judge = LiteLLM("openai/m")

    assert isinstance(judge, Priced)
    assert isinstance(judge, Learning)
    assert isinstance(judge, Served)
