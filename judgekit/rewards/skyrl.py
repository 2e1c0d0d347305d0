"""SkyRL: a single-turn environment whose reward is a judge's.

    import skyrl_gym
    from judgekit.rewards.skyrl import register

    register("judged", "/data/spec.toml")  # before training, which is told environment.env_class=judged
    env = skyrl_gym.make("judged", env_config={}, extras={"reward_spec": {"ground_truth": "Paris"}})

The task is the prompt that `init` is given; `extras["reward_spec"]` may hold `ground_truth` (the reference)
and `rubric` (JSON). SkyRL steps each environment by itself, in threads. It knows no None: a reward that
cannot be given raises `JudgeOutage`. Relative schemes need a group, which an environment does not see, and
are refused.
"""

import functools
from collections.abc import Mapping
from typing import Any

from judgekit.errors import InputError
from judgekit.rewards.core.conversion import Blocking, lone, numbers, one_by_one, rewarding
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import SpecLike


def register(name: str, spec: SpecLike | Rewarder, judges: Any = None, *, own_code: bool = False) -> None:
    """Register the environment of a spec under a name, which `environment.env_class` calls it by.

    Further arguments are those of `Rewarder`, which may itself stand for the spec; a relative one is an
    `InputError`.
    """
    import skyrl_gym

    skyrl_gym.register(id=name, entry_point=env_class(spec, judges, own_code=own_code))


def env_class(spec: SpecLike | Rewarder, judges: Any = None, *, own_code: bool = False) -> Any:
    """Makes environments of a spec: `BaseTextEnv`s that end after one step."""
    rewarder = rewarding(spec, judges, own_code=own_code)
    one_by_one(rewarder.spec, "SkyRL")
    return functools.partial(_env(), Blocking(rewarder))


@functools.cache
def _env() -> type:
    from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

    class JudgedEnv(BaseTextEnv):  # type: ignore[misc]  # the framework's, unknown to the checker
        """One response, then its reward."""

        def __init__(self, rewarded: Blocking, env_config: Any = None, extras: Any = None) -> None:
            super().__init__()
            del env_config
            self._rewarded = rewarded
            self._row: Mapping[str, Any] = dict((extras or {}).get("reward_spec") or {})
            self._task: Any = None

        def init(self, prompt: Any) -> tuple[Any, dict[str, Any]]:
            """Keep the task."""
            self._task = prompt
            return prompt, {}

        def step(self, action: str) -> Any:
            """The reward of the response; its numbers are the metadata."""
            if self._task is None:
                raise InputError("step() before init(prompt), so there is no task to judge the response by")
            group = lone(self._task, action, reference=self._row.get("ground_truth"), columns=self._row)
            [reward] = self._rewarded([group])
            told = numbers(reward)
            return BaseTextEnvStepOutput(observations=[], reward=told["score"], done=True, metadata=told)

    return JudgedEnv
