"""ART: what `gather_trajectory_groups` calls after each group.

    import art
    from judgekit.rewards.art import after_each

    judged = after_each("spec.toml")
    groups = await art.gather_trajectory_groups(groups, after_each=judged)

A trajectory's reward is found by the trajectory itself, never by its place. Its task is what all of the group
begin with, up to the first answer of the model; the rest is judged.

ART knows no None, but a group may be smaller: a trajectory without a reward is left out of it, and a group
with fewer than two that have one is skipped (None). `on_failure="drop_group"` skips the group at the first
failure, `"raise"` raises. Too many failures raise `JudgeOutage` all the same (`max_failed`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from itertools import takewhile
from typing import Any

from judgekit.errors import InputError
from judgekit.rewards.core.conversion import kept_rewarder, reference_of, rewarding, rubric_of
from judgekit.rewards.core.records import Group, Reward, text_of_chat
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import SpecLike

AfterEach = Callable[[Any], Awaitable[Any]]


def after_each(
    spec: SpecLike | Rewarder,
    judges: Any = None,
    *,
    reference: str | None = None,
    rubric: str | None = None,
    own_code: bool = False,
) -> AfterEach:
    """A function from a `TrajectoryGroup` to one with rewards, or None.

    The trajectories of the new group are copies. `metrics` of a trajectory get the reward it had
    (`independent_reward`) and a `judgekit/...` for each criterion and check; those of the group the number
    of trajectories left out (`judgekit/left_out`). `reference` and `rubric` are keys of the group's
    `metadata`, with a text known to be good, and with its own rubric, in JSON; other arguments are those of
    `Rewarder`, which may itself stand for the spec. Trajectories that share no task are an `InputError`.
    """
    rewarder = rewarding(spec, judges, own_code=own_code)

    async def judged(group: Any) -> Any:
        named = {str(n): trajectory for n, trajectory in enumerate(group.trajectories)}
        if not named:
            return None
        row = group.metadata
        opened = await kept_rewarder(rewarder)
        batch = await opened([_group(named, row, reference, rubric)])
        rewards = batch.group("group")
        there = [_with(trajectory, rewards[name]) for name, trajectory in named.items()
                 if rewards[name].value is not None]  # fmt: skip
        if len(there) < 2:
            return None
        made = copy(group)
        made.trajectories = there
        made.metrics = {**group.metrics, "judgekit/left_out": len(named) - len(there)}
        return made

    return judged


def _group(
    named: Mapping[str, Any], row: Mapping[str, Any], reference: str | None, rubric: str | None
) -> Group:
    for name, trajectory in named.items():
        if trajectory.additional_histories:
            raise InputError(f"trajectory {name} has additional histories; which of them to judge is open")
    talks = {name: trajectory.messages() for name, trajectory in named.items()}
    if not (n := _shared(list(talks.values()))):
        raise InputError("the trajectories of a group begin with different messages, so they share no task")
    first = next(iter(talks.values()))
    return Group(
        "group", text_of_chat(first[:n], "the task"),
        {name: text_of_chat(talk[n:], f"trajectory {name}") for name, talk in talks.items()},
        None if reference is None else reference_of(row.get(reference), f"the group's {reference!r}"),
        rubric=None if rubric is None else rubric_of(row.get(rubric), "the group's rubric"), columns=row,
    )  # fmt: skip


def _shared(talks: Sequence[Sequence[Mapping[str, Any]]]) -> int:
    """Return how many messages all begin with, before the model says anything."""

    def asks(turns: Sequence[Mapping[str, Any]]) -> bool:
        return all(turn == turns[0] and turn.get("role") != "assistant" for turn in turns)

    return sum(1 for _ in takewhile(asks, zip(*talks, strict=False)))


def _with(trajectory: Any, reward: Reward) -> Any:
    seen = {f"judgekit/{name}": value for name, value in reward.components.items() if value is not None}
    metrics = {**trajectory.metrics, "independent_reward": trajectory.reward, **seen}
    logs = [*trajectory.logs, f"judgekit: {reward.status} {reward.reason}".rstrip()]
    return trajectory.model_copy(update={"reward": reward.value, "metrics": metrics, "logs": logs})
