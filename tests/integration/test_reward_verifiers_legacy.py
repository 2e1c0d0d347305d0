"""verifiers up to 0.3.1: the Rubric in its own environment, with a policy behind the mock server.

pip install verifiers==0.3.1
"""

# ruff: noqa: E402 - most imports wait until verifiers is known to be there

import asyncio
import logging

import pytest

vf = pytest.importorskip("verifiers", reason="verifiers is not installed")
if not hasattr(vf, "Rubric"):
    pytest.skip("this verifiers has no Rubric", allow_module_level=True)
from datasets import Dataset
from verifiers.types import ClientConfig

from judgekit.rewards import verifiers_legacy as border

LOGGED = "verifiers.legacy.rubrics.rubric.Rubric"


@pytest.fixture
def policy(serving, monkeypatch):
    """Makes clients of a policy that says these things in turn."""
    monkeypatch.setenv("NO_KEY", "none")
    opened = []

    def speaking(*said):
        left = list(said)
        server = serving(text=lambda _: left.pop(0))
        opened.append(server)
        return ClientConfig(api_key_var="NO_KEY", api_base_url=server.__enter__(), max_retries=0)

    yield speaking
    for server in opened:
        server.__exit__(None, None, None)


def environment(rubric, **row):
    rows = Dataset.from_list([{"question": "How many?", "answer": "7", **row}])
    return vf.SingleTurnEnv(dataset=rows, eval_dataset=rows, rubric=rubric)


def rollouts(env, client, n, **settings):
    inputs = env.get_dataset().to_list() * n
    told = asyncio.run(env.generate(inputs, client, "policy", {}, **settings))
    return told["outputs"]


def test_a_group_is_rewarded_by_the_spec(marks, policy):
    own = rollouts(environment(border.rubric(marks())), policy("mark 3", "mark 8", "mark 3"), 3)

    said = {each["completion"][-1]["content"]: each for each in own}
    assert {text: each["reward"] for text, each in said.items()} == {"mark 3": 0.3, "mark 8": 0.8}
    assert said["mark 8"]["metrics"]["judgekit"] == said["mark 8"]["metrics"]["good"] == 0.8
    assert said["mark 8"]["metrics"]["jk_imputed"] == 0.0


def test_a_failure_is_raised_out_of_the_environment_as_its_own_error(marks, policy):
    env = environment(border.rubric(marks()))

    with pytest.raises(vf.Error, match="judgekit: no reward for response"):
        rollouts(env, policy("mark 3", "lost", "mark 8", "mark 8"), 4)


def test_retries_of_the_environment_do_not_make_a_number_of_a_failure(marks, policy):
    env = environment(border.rubric(marks()))

    with pytest.raises(vf.Error):
        rollouts(env, policy("mark 3", "lost"), 2, max_retries=2)


def test_a_group_reward_function_of_ones_own_is_zeroed_by_verifiers(policy, caplog):
    """Why the Rubric judges before its function is called; where this fails, it need not any more."""

    def raises(states) -> list[float]:
        raise vf.Error(f"no reward for {len(states)}")

    with caplog.at_level(logging.ERROR):
        own = rollouts(environment(vf.Rubric(funcs=[raises])), policy("mark 3", "mark 4"), 2)

    assert [each["reward"] for each in own] == [0.0, 0.0]
    assert [each["error"] for each in own] == [None, None]
    assert "Error calling group reward function" in caplog.text


def test_a_failure_has_the_mean_of_its_group_where_asked_for(marks, policy):
    path = marks('on_failure = "group_mean"\nmax_failed = 1.0')

    own = rollouts(environment(border.rubric(path)), policy("mark 2", "lost", "mark 4"), 3)

    said = {each["completion"][-1]["content"]: each for each in own}
    assert {text: each["reward"] for text, each in said.items()} == {
        "mark 2": 0.2, "lost": 0.3, "mark 4": 0.4,
    }  # fmt: skip
    assert said["lost"]["metrics"]["jk_imputed"] == 1.0


def test_a_rollout_that_ended_by_an_error_is_not_judged_but_a_failure(marks, policy):
    class Env(vf.SingleTurnEnv):
        async def get_model_response(self, *args, **settings):
            told = await super().get_model_response(*args, **settings)
            if "lost" in str(told):
                raise vf.ModelError("down")
            return told

    rows = Dataset.from_list([{"question": "How many?", "answer": "7"}])
    judged = [border.rubric(marks(f'on_failure = "{each}"')) for each in ("none", "group_mean")]
    raising, imputing = (Env(dataset=rows, eval_dataset=rows, rubric=each) for each in judged)

    with pytest.raises(vf.Error, match=r"no reward for response '.' of .* the rollout ended by ModelError"):
        rollouts(raising, policy("mark 3", "lost"), 2)
    own = rollouts(imputing, policy("mark 2", "lost", "mark 4"), 3)

    assert sorted(each["reward"] for each in own) == [0.2, 0.3, 0.4]
    assert [each["reward"] for each in own if each["metrics"]["jk_imputed"]] == [0.3]
    with pytest.raises(vf.Error, match="the rollout ended by ModelError"):
        rollouts(imputing, policy("lost", "lost"), 2)


def test_a_relative_scheme_compares_the_group(policy):
    rubric = {"id": "tone", "criteria": [{"id": "more", "text": "Which says more?", "about": "pair"}]}
    judged = border.rubric({"rubric": rubric, "scheme": "round_robin"}, "control:longer")

    own = rollouts(environment(judged), policy("a", "aa", "aaa"), 3)

    said = {each["completion"][-1]["content"]: each["reward"] for each in own}
    assert said == {"a": 0.0, "aa": 0.5, "aaa": 1.0}


def test_rewards_of_further_functions_are_added(marks, policy):
    judged = border.rubric(marks(), weight=0.5)
    judged.add_reward_func(lambda completion: float(len(completion)), weight=2.0)

    own = rollouts(environment(judged), policy("mark 4", "mark 4"), 2)

    assert [each["reward"] for each in own] == [2.2, 2.2]


def test_a_rollout_alone_is_no_group(marks, policy):
    with pytest.raises(AssertionError, match="individual-level"):
        rollouts(environment(border.rubric(marks())), policy("mark 4"), 1, independent_scoring=True)


def test_the_lines_of_the_docstring_make_an_environment(marks, policy, lines_of, monkeypatch):
    monkeypatch.chdir(marks().parent)
    named = {"rows": Dataset.from_list([{"question": "How many?", "answer": "7"}])}

    exec(lines_of(border), named)  # noqa: S102 - what is tested

    own = rollouts(named["env"], policy("mark 9", "mark 1"), 2)
    assert sorted(each["reward"] for each in own) == [0.1, 0.9]
