"""verifiers up to 0.3.1: a Rubric that rewards groups.

    import verifiers as vf
    from judgekit.rewards.verifiers_legacy import rubric

    judged = rubric("spec.toml")
    env = vf.SingleTurnEnv(dataset=rows, rubric=judged)

verifiers' own Rubric logs whatever a reward function raises and puts 0.0 in its place, errors of its own
included, so that nothing a function raises could stop that. This Rubric therefore judges before verifiers
calls its function, and raises from `score_group`: as `verifiers.Error`, out of `run_group`, with no reward in
any state. Retries of verifiers (`max_retries`) do not repeat it, since they only do so for its InfraError.
One failure so costs a group; `on_failure="group_mean"` gives it the mean of the others instead. A rollout
that ended by an error, of the policy's server say, is such a failure too, and is not judged; verifiers would
have what there is of it rewarded.

Criteria and checks are added to `state["metrics"]` where they have a value. `answer` is the reference,
`info["rubric"]` a group's own rubric. verifiers 0.4 has no Rubric: see `judgekit.rewards.verifiers`.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, JudgekitError
from judgekit.rewards.bordering import lone, numbers, rewarding, text_of
from judgekit.rewards.failing import dealt_with
from judgekit.rewards.keeping import kept_rewarder
from judgekit.rewards.records import Group, Reward
from judgekit.rewards.rewarder import Rewarder
from judgekit.rewards.spec import SpecLike

_KEPT = "judgekit_reward"


def rubric(
    spec: SpecLike | Rewarder, judges: Any = None, *, weight: float = 1.0, own_code: bool = False
) -> Any:
    """A `verifiers.Rubric` with one group reward function, `judgekit`.

    Args:
        spec: A `Rewarder`, a `RewardSpec`, a mapping or a TOML file.
        judges: Judges, or their names, instead of the spec's.
        weight: Of the reward, beside those of further functions.
        own_code: Whether `py:` names of judges and checks may import code.

    Raises:
        InputError: If the spec cannot be used, or this verifiers has no Rubric.
    """
    return _rubric_class()(rewarding(spec, judges, own_code=own_code), weight)


@functools.cache
def _rubric_class() -> type:
    import verifiers as vf

    if not hasattr(vf, "Rubric"):
        raise InputError("this verifiers has no Rubric; use the judge of judgekit.rewards.verifiers")

    class JudgekitRubric(vf.Rubric):  # type: ignore[misc]  # verifiers', unknown to the checker
        """Rewards a group by a spec."""

        def __init__(self, rewarder: Rewarder, weight: float) -> None:
            super().__init__(funcs=[judgekit], weights=[weight])
            self._rewarder = rewarder

        async def score_group(self, states: list[Any], *args: Any, **settings: Any) -> None:
            """Judge, then let verifiers add up.

            Raises:
                verifiers.Error: If a state has no reward.
            """
            try:
                rewards = await _judged(self._rewarder, states)
                told = [numbers(reward) for reward in rewards]
            except JudgekitError as error:
                raise vf.Error(f"judgekit: {error}") from error
            for state, row in zip(states, told, strict=True):
                state[_KEPT] = row["score"]
            await super().score_group(states, *args, **settings)
            for state, row, reward in zip(states, told, rewards, strict=True):
                del row["score"], state[_KEPT]
                state["metrics"] |= row | {n: v for n, v in reward.components.items() if v is not None}

    return JudgekitRubric


def judgekit(states: Sequence[Mapping[str, Any]]) -> list[float]:
    """The rewards that were given before verifiers asks."""
    return [state[_KEPT] for state in states]


async def _judged(rewarder: Rewarder, states: Sequence[Mapping[str, Any]]) -> list[Reward]:
    """The rewards in the order of the states."""
    names = {str(n): state for n, state in enumerate(states)}
    failed = {
        name: Reward("group", name, None, "failed", f"the rollout ended by {state['error']!r}")
        for name, state in names.items()
        if state.get("error") is not None
    }
    there = {name: state for name, state in names.items() if name not in failed}
    rewards: dict[str, Reward] = {}
    if there:
        opened = await kept_rewarder(rewarder)
        rewards = (await opened([_group(there)])).group("group")
    dealt = dealt_with({**rewards, **failed}, rewarder.spec.on_failure)
    return [dealt[name] for name in names]


def _group(states: Mapping[str, Mapping[str, Any]]) -> Group:
    first = next(iter(states.values()))
    info = first.get("info") or {}
    some = lone(first["prompt"], "", reference=first.get("answer"), columns=info)
    responses = {name: text_of(state["completion"], f"rollout {name}") for name, state in states.items()}
    return Group("group", some.task, responses, some.reference, rubric=some.rubric, columns=info)
