"""Tinker cookbook: rewards of a group's trajectories, and a preference model.

    from tinker_cookbook.rl.problem_env import ProblemGroupBuilder
    from judgekit.rewards.tinker import group_rewards

    class JudgedGroupBuilder(ProblemGroupBuilder):
        async def compute_group_rewards(self, trajectory_group, env_group):
            task, renderer = env_group[0].get_question(), env_group[0].renderer
            return await group_rewards("spec.toml", trajectory_group, task=task, renderer=renderer)

or `PairwisePreferenceGroupBuilder(..., preference_model=PreferenceModel("spec.toml"))`. Both can be pickled,
as builders have to be, if they name a file.

Tinker knows no None. A reward that cannot be given raises `JudgeOutage`: the strategy `FailFast` then ends
the training, `RetryOnFailure` drops the group; `on_failure="group_mean"` gives it the mean of the others.
A comparison that failed is no tie but raises, under `group_mean`, too: the other's mean would be one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from judgekit.rewards.core.conversion import kept_rewarder, lone, number, numbers
from judgekit.rewards.core.records import Group, Reward, text_of_chat
from judgekit.rewards.core.rewarder import Rewarder


async def group_rewards(
    spec: str | Path | Rewarder,
    trajectories: Sequence[Any],
    *,
    task: Any,
    renderer: Any,
    reference: str | None = None,
    columns: Mapping[str, Any] = {},
) -> list[tuple[float, dict[str, float]]]:
    """What `compute_group_rewards` returns: a reward and metrics for each trajectory, in their order.

    Args:
        spec: TOML file of a spec, or a `Rewarder`; kept open in the event loop.
        trajectories: The trajectories of one group; what the model said in them is judged.
        task: What they answer: text or chat messages.
        renderer: Reads tokens back into messages.
        reference: A text known to be good.
        columns: Whatever else there is, for checks; `rubric` is the group's own rubric.

    Raises `JudgeOutage` if one has no reward.
    """
    rewarder = await kept_rewarder(spec)
    some = lone(task, "", reference=reference, columns=columns)
    said = {str(n): _said(trajectory, renderer) for n, trajectory in enumerate(trajectories)}
    responses = {name: text_of_chat(turns, f"trajectory {name}") for name, turns in said.items()}
    group = Group("group", some.task, responses, some.reference, rubric=some.rubric, columns=columns)
    batch = await rewarder([group])
    return [_told(batch["group", name]) for name in responses]


@dataclass(frozen=True)
class PreferenceModel:
    """A preference model: from a `Comparison` to a number on [-1, 1], 1 where completion B is better.

    It is the difference of the two completions' rewards over the width of their range.

    Args:
        spec: TOML file of a spec, or a `Rewarder`; kept open in the event loop.
    """

    spec: str | Path | Rewarder

    async def __call__(self, comparison: Any) -> float:
        """How much better completion B is than A, on [-1, 1].

        Raises `JudgeOutage` if one of them has no reward.
        """
        rewarder = await kept_rewarder(self.spec)
        pair = {"A": comparison.completion_A, "B": comparison.completion_B}
        task = text_of_chat([_plain(m) for m in comparison.prompt_conversation], "the prompt")
        responses = {
            name: text_of_chat([_plain(m) for m in own], f"completion {name}") for name, own in pair.items()
        }
        batch = await rewarder([Group("pair", task, responses)])
        a, b = (number(_own(batch["pair", name])) for name in "AB")
        low, high = rewarder.spec.span
        return (b - a) / (high - low)


def _own(reward: Reward) -> Reward:
    """Return a reward without what it has of the other completion, which would make a tie of a failure."""
    return replace(reward, value=None) if reward.status == "imputed" else reward


def _said(trajectory: Any, renderer: Any) -> list[dict[str, Any]]:
    """Return what the model said, a message a transition."""
    return [_plain(renderer.parse_response(each.ac.tokens)[0]) for each in trajectory.transitions]


def _plain(message: Any) -> dict[str, Any]:
    """Return a message with the text of its content only; thoughts are no part of a response."""
    from tinker_cookbook.renderers import get_text_content

    return {"role": message["role"], "content": get_text_content(message)}


def _told(reward: Reward) -> tuple[float, dict[str, float]]:
    told = numbers(reward)
    seen = {f"judgekit/{name}": value for name, value in reward.components.items() if value is not None}
    return told.pop("score"), {**told, **seen}
