"""What adapters share: a number or nothing, numbers under fixed names, messages of a trainer's own classes.

Trainers that know no None must never be handed a number for a failure. `number` raises instead, so that
`on_failure="none"` and `"drop_group"` become raising there; `group_mean` stays what it is where there is a
group, and is refused where there is only ever one response.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards.core.chats import text_of_chat
from judgekit.rewards.core.records import Group, Reward
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.rows import label_of, rubric_of
from judgekit.rewards.core.spec import RewardSpec, SpecLike
from judgekit.types import Text

NUMBERS = ("score", "jk_gated", "jk_vetoed", "jk_imputed")
"""Names of the numbers a reward is told by."""


class Unrewarded(BaseException):
    """No reward, told to a trainer that makes 0.0 of every `Exception`; its cause says why.

    Not an `Exception`, so that only who asks for it by name, or ends the training, can catch it.
    """


def rewarding(spec: SpecLike | Rewarder, judges: Any = None, *, own_code: bool = False) -> Rewarder:
    """A rewarder as it is, or one of a spec.

    Raises:
        InputError: If the spec cannot be used, or judges are named beside a rewarder, which has its own.
    """
    if not isinstance(spec, Rewarder):
        return Rewarder(spec, judges, own_code=own_code)
    if judges is not None:
        raise InputError("a rewarder has judges of its own; give judges= with a spec, or to the Rewarder")
    return spec


def one_by_one(spec: RewardSpec, trainer: str) -> None:
    """Refuse what needs a group where there is only ever one response.

    Raises:
        InputError: If the spec's scheme is relative, or it has a dead band, or failures get the group's mean.
    """
    what = (
        f"scheme {spec.scheme!r}" if spec.relative
        else f"dead_band={spec.dead_band:g}" if spec.dead_band is not None
        else "on_failure='group_mean'" if spec.on_failure == "group_mean"
        else None
    )  # fmt: skip
    if what is not None:
        raise InputError(
            f"{what} needs the other responses of the group, and {trainer} hands over one at a time; let a "
            "reward server put groups together (`judgekit reward serve`), or leave it out"
        )


def number(reward: Reward) -> float:
    """The value of a reward, where the trainer knows no None.

    Raises:
        JudgeOutage: If it has none.

    >>> number(Reward("1", "a", None, "failed", "refused"))
    Traceback (most recent call last):
        ...
    judgekit.errors.JudgeOutage: no reward for response 'a' of group '1': refused
    """
    if reward.value is None:
        why = reward.reason or reward.status
        raise JudgeOutage(f"no reward for response {reward.response!r} of group {reward.group!r}: {why}")
    return reward.value


def numbers(reward: Reward) -> dict[str, float]:
    """A reward as numbers, under the same names whatever became of it.

    Raises:
        JudgeOutage: If it has no value.

    >>> numbers(Reward("1", "a", 0.5, "gated"))
    {'score': 0.5, 'jk_gated': 1.0, 'jk_vetoed': 0.0, 'jk_imputed': 0.0}
    """
    marks = (float(f"jk_{reward.status}" == name) for name in NUMBERS[1:])
    return dict(zip(NUMBERS, (number(reward), *marks), strict=True))


def text_of(value: Any, what: str) -> Text:
    """Text or chat messages, which may be objects of a trainer's own classes.

    >>> text_of([{"role": "assistant", "content": "Hello."}], "the response")
    'Hello.'
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return text_of_chat(value, what)
    return text_of_chat([each.model_dump() if hasattr(each, "model_dump") else each for each in value], what)


def lone(task: Any, response: Any, *, reference: Any = None, columns: Mapping[str, Any] = {}) -> Group:
    """A group of one response, for trainers that ask about one at a time.

    Args:
        task: What it answers: text or chat messages.
        response: Text or chat messages.
        reference: A text known to be good, or a number; a label of another kind is none.
        columns: Whatever else the row has; `rubric` is its own rubric, in JSON or as a mapping.

    Raises:
        InputError: If one of them is not of that form.

    >>> lone("Hi?", "Hello.", columns={"lang": "en"}).responses
    {'response': 'Hello.'}
    """
    return Group(
        "rollout", text_of(task, "the task"), {"response": text_of(response, "the response")},
        label_of(reference, "the reference"),
        rubric=rubric_of(columns.get("rubric"), "the row's rubric"), columns=columns,
    )  # fmt: skip


async def reward_of(rewarder: Rewarder, group: Group) -> Reward:
    """The reward of the one response of a group."""
    [reward] = await rewarder([group])
    return reward
