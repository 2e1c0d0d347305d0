"""SkyRL: environments made by its own registry, stepped in many threads.

pip install skyrl-gym
"""

# ruff: noqa: E402 - most imports wait until skyrl_gym is known to be there

from concurrent.futures import ThreadPoolExecutor

import pytest

skyrl_gym = pytest.importorskip("skyrl_gym", reason="skyrl-gym is not installed")
from skyrl_gym.envs.base_text_env import BaseTextEnv
from skyrl_gym.metrics import default_aggregate_metrics

from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards import skyrl as border

PROMPT = [{"role": "user", "content": "How many?"}]


@pytest.fixture
def made(marks):
    """Makes environments of a spec with these options."""

    def environment(options="", **row):
        border.register("judged", marks(options))
        return skyrl_gym.make("judged", env_config={}, extras={"reward_spec": row})

    yield environment
    if "judged" in skyrl_gym.envs.registration.registry:
        skyrl_gym.envs.registration.deregister("judged")


def test_one_response_ends_the_episode_with_its_reward(made):
    env = made()

    prompt, _ = env.init(PROMPT)
    out = env.step("mark 7")

    assert isinstance(env, BaseTextEnv)
    assert (prompt, out["reward"], out["done"], out["observations"]) == (PROMPT, 0.7, True, [])
    assert out["metadata"] == {"score": 0.7, "jk_gated": 0.0, "jk_vetoed": 0.0, "jk_imputed": 0.0}
    assert default_aggregate_metrics([out["metadata"]])["score"] == 0.7


@pytest.mark.parametrize("policy", ["none", "raise", "drop_group"])
def test_no_policy_makes_a_number_of_a_failure(made, policy):
    env = made(f'on_failure = "{policy}"')
    env.init(PROMPT)

    with pytest.raises(JudgeOutage, match="no reward for response"):
        env.step("lost")


def test_environments_are_stepped_in_many_threads(made):
    made()

    def episode(n):
        env = skyrl_gym.make("judged", env_config={}, extras={"reward_spec": {}})
        env.init(PROMPT)
        return env.step(f"mark {n}")["reward"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(episode, [*range(11)] * 3)) == [n / 10 for n in range(11)] * 3


def test_the_row_has_a_reference(made):
    env = made('[[checks]]\nname = "right"\nkind = "equals_reference"\nweight = 1', ground_truth="mark 5")
    env.init(PROMPT)

    assert env.step("mark 5")["reward"] == 0.75


def test_a_step_without_a_task_is_told_so(made):
    with pytest.raises(InputError, match="before init"):
        made().step("mark 7")


def test_what_needs_a_group_is_refused(marks):
    with pytest.raises(InputError, match="'list' needs the other responses of the group, and SkyRL"):
        border.register("judged", marks('scheme = "list"'))


@pytest.mark.usefixtures("made")
def test_the_lines_of_the_docstring_make_an_environment(marks, lines_of):
    named = {}

    exec(lines_of(border).replace("/data/spec.toml", str(marks())), named)  # noqa: S102 - what is tested

    named["env"].init(PROMPT)
    assert named["env"].step("mark 6")["reward"] == 0.6
