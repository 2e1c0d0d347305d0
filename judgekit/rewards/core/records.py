"""Groups of responses in, rewards out: keyed by group and response, never by place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from judgekit.errors import InputError, kind_of
from judgekit.items.talk import turns_of
from judgekit.types import Message, Outcome, Text, brief

Status = Literal["ok", "gated", "vetoed", "failed", "imputed", "dropped"]
Key = tuple[str, str]
"""Key of a group, id of a response in it."""
TRAINERS_NAMES: Mapping[str, str] = {
    "prompt": "task", "messages": "task", "completion": "response", "answer": "reference",
}  # fmt: skip
"""What trainers call a thing -> what it is called here."""
CRITERION = "criterion/"
"""What stands before the name of a criterion or check, in numbers and in logs."""
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Group:
    """The responses to one task that are rewarded together.

    Args:
        key: Unique in a batch. What is relative is relative to the responses of one group only.
        task: What they answer: plain text, or a conversation: chat messages, or a tuple of `Message`.
        responses: Response id -> text or conversation; equal texts are judged once.
        reference: A text known to be good.
        sources: Source id -> document that evidence may be quoted from.
        rubric: The group's own rubric, as it was read, instead of the spec's.
        columns: Whatever else the data set has, for checks.
    """

    key: str
    task: Text
    responses: Mapping[str, Text]
    reference: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    rubric: Mapping[str, Any] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.task, list):
            object.__setattr__(self, "task", text_of_chat(self.task, f"group {self.key!r}, task"))
        if isinstance(self.responses, Mapping) and any(isinstance(r, list) for r in self.responses.values()):
            read = {
                name: text_of_chat(text, f"group {self.key!r}, response {name!r}")
                if isinstance(text, list) else text
                for name, text in self.responses.items()
            }  # fmt: skip
            object.__setattr__(self, "responses", read)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What judges made of one distinct response, on the scheme's own scale, before any shaping."""

    value: float | None = None
    components: Mapping[str, float | None] = field(default_factory=dict)  # by criterion, on [0, 1]
    outcomes: tuple[Outcome, ...] = ()
    gate: str = ""  # of the rubric's gates and vetoes the one that fired
    reason: str = ""  # why there is no value
    parts: Mapping[str, float | None] = field(default_factory=dict)  # by part

    __repr__ = brief


@dataclass(frozen=True, slots=True)
class Reward:
    """A score in the form a trainer takes, or None.

    Args:
        group: Key of the group.
        response: Id of the response.
        value: A finite number in the spec's range; None where none can be given.
        status: `ok`; `gated` by a check, `vetoed` by the rubric (both have a value); `failed`, without
            one; `imputed`, the mean of its group in place of a failure; `dropped` with its group.
        reason: Why it failed, or which check or criterion fired.
        judged: What the judges made of it, before shaping.
        components: Criterion or check -> its value on [0, 1], None where it has none.
        outcomes: The verdicts and abstentions behind it.
        parts: Step, turn or segment -> its score by the rubric, in their order, None where it has none; empty
            unless the spec judges `parts`.
    """

    group: str
    response: str
    value: float | None
    status: Status = "ok"
    reason: str = ""
    judged: float | None = None
    components: Mapping[str, float | None] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    parts: Mapping[str, float | None] = field(default_factory=dict)

    __repr__ = brief


@dataclass(frozen=True)
class Batch:
    """The rewards of a batch of groups, and what it took.

    Args:
        rewards: (group key, response id) -> reward; one for each response handed in, in that order.
        stats: Counts, shares and costs of the batch.
        spec: Digest of the spec.
    """

    rewards: Mapping[Key, Reward]
    stats: Mapping[str, Any]
    spec: str = ""

    __repr__ = brief

    def __iter__(self) -> Iterator[Reward]:
        return iter(self.rewards.values())

    def __len__(self) -> int:
        return len(self.rewards)

    def __getitem__(self, key: Key) -> Reward:
        return self.rewards[key]

    def group(self, key: str) -> dict[str, Reward]:
        """Return the rewards of one group, by response id."""
        return {reward.response: reward for reward in self if reward.group == key}


def checked(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the groups as they are, or raise an `InputError` for one that cannot be rewarded."""
    seen: set[str] = set()
    for group in groups:
        if group.key in seen:
            raise InputError(f"two groups have the key {group.key!r}; what is relative needs to know which")
        seen.add(group.key)
        if not group.responses:
            raise InputError(f"group {group.key!r} has no responses")
        if group.rubric is not None and not isinstance(group.rubric, Mapping):
            raise InputError(f"group {group.key!r}, rubric: {kind_of(group.rubric)}, not a mapping")
        for name, text in group.responses.items():
            _text(group, f"response {name!r}", text)
        given = {"task": group.task, **{f"source {name!r}": text for name, text in group.sources.items()}}
        given |= {} if group.reference is None else {"reference": group.reference}
        for name, text in given.items():
            if any(_HALF.search(turn) for turn in _text(group, name, text)):
                raise InputError(f"group {group.key!r}, {name}: half of a surrogate pair, no character")
    return groups


def _text(group: Group, name: str, text: object) -> tuple[str, ...]:
    """Return the turns of what has to be text."""
    if isinstance(text, str):
        return (text,)
    if isinstance(text, tuple) and all(isinstance(turn, Message) for turn in text):
        return tuple(turn.content for turn in text)
    raise InputError(f"group {group.key!r}, {name}: {kind_of(text)}, not text or a tuple of Messages")


def text_of_chat(value: Any, what: str = "conversation") -> Text:
    """Return a text as it is, or a conversation; one single message of it is its content.

    What a policy wrote is judged even where it is blank. Calls of tools are turns of their own; thoughts kept
    apart from the content are no part of the response.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise InputError(f"{what} is {kind_of(value)}, neither text nor a list of messages")
    turns = turns_of(value, what, _as_said)
    return turns[0].content if len(turns) == 1 and not turns[0].name else turns


def _as_said(value: Any, what: str) -> str:
    """Return a text as it is; where there is none, nothing was said."""
    if not isinstance(value, str | None):
        raise InputError(f"{what} is {kind_of(value)}, not text")
    return value or ""
