"""Preference data from rewards (pairs, and single responses with a label), in the forms that trainers read.

What is not known is left out and counted: a response without a reward of its own is in no pair, a tie is no
preference, and a pair that judges compared counts only where it had the same winner in both orders. All rows
of a file have one form: where one task or response is a conversation, all are lists of messages.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Generic, Literal, TypeVar

import orjson

from judgekit.errors import InputError, kind_of, there_are
from judgekit.items.talk import CALL, TOOL, bare_name, chat_of, plain_chat
from judgekit.rewards.core.prepared import digest_of
from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.spec import mixed
from judgekit.rubric import Rubric
from judgekit.types import Message, Text, Verdict, brief

Each = Literal["all", "extremes"]
_OWN = frozenset({"ok", "gated", "vetoed"})  # statuses of a reward that the response itself earned
Own = Mapping[str, tuple[Reward, float]]
"""Digest of a text -> the first response that has it, and its reward."""
Sides = Mapping[tuple[str, str], float]
Format = Literal["trl", "openrlhf", "axolotl", "llamafactory", "nemo_rl", "tinker", "kto", "kto_llamafactory"]
Row = dict[str, Any]
_FROM: Mapping[str, str] = {"user": "human", "assistant": "gpt", TOOL: "observation", CALL: "function_call"}


@dataclass(frozen=True, slots=True)
class Preference:
    """Of two responses to a task, the one that is preferred, by a margin of their rewards above 0."""

    group: str
    task: Text
    chosen: Text
    rejected: Text
    chosen_id: str
    rejected_id: str
    margin: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """A response, and whether it is a good one."""

    group: str
    task: Text
    response: Text
    response_id: str
    label: bool
    reward: float


Kept = TypeVar("Kept", Preference, Labelled)


@dataclass(frozen=True)
class Found(Generic[Kept]):
    """What a batch gave, and how many others were left out for which reason.

    The reasons are `no_reward` (failed, imputed or dropped), `tie` (nearer than the margin, or between the
    bars), `one_order`, `orders_disagree`, `against_rewards` (the judges' winner has the lower reward).
    """

    kept: tuple[Kept, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)

    __repr__ = brief

    def __iter__(self) -> Iterator[Kept]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


def preferences(
    batch: Batch,
    groups: Iterable[Group],
    *,
    margin: float = 0.2,
    each: Each = "all",
    both_orders: bool = True,
    rubric: Rubric | None = None,
) -> Found[Preference]:
    """Return the pairs of each group whose rewards are at least a margin above 0 apart.

    `each` takes all pairs of a group, or its `extremes`, the best with the worst. With `both_orders`, pairs
    that judges compared are taken only with the same winner in both orders; `rubric` has the weights of the
    criteria they were compared by, which are else all alike.
    """
    if not margin > 0:
        raise InputError(f"margin={margin!r} would make preferences of ties; give one above 0")
    kept: list[Preference] = []
    dropped: Counter[str] = Counter()
    for group in groups:
        own, lost = _distinct(batch, group)
        dropped["no_reward"] += lost
        winners = _winners(own, rubric) if both_orders else {}
        for pair in _pairs(own, each):
            better, worse = sorted(pair, key=lambda name: -own[name][1])
            apart = round(own[better][1] - own[worse][1], 12)
            why = "tie" if apart < margin else _doubt(own, winners, better, worse)
            if why:
                dropped[why] += 1
                continue
            chosen, rejected = own[better][0].response, own[worse][0].response
            kept.append(Preference(
                group=group.key, task=group.task, chosen=group.responses[chosen],
                rejected=group.responses[rejected], chosen_id=chosen, rejected_id=rejected, margin=apart,
            ))  # fmt: skip
    return Found(tuple(kept), dict(+dropped))


def labelled(batch: Batch, groups: Iterable[Group], *, good: float, bad: float) -> Found[Labelled]:
    """Return each response whose reward is at least `good` or at most `bad`; between them nothing is said."""
    if not bad < good:
        raise InputError(f"bad={bad!r} is not below good={good!r}, so that a reward could be both")
    kept: list[Labelled] = []
    dropped: Counter[str] = Counter()
    for group in groups:
        own, lost = _distinct(batch, group)
        dropped["no_reward"] += lost
        for reward, value in own.values():
            if bad < value < good:
                dropped["tie"] += 1
                continue
            kept.append(Labelled(
                group=group.key, task=group.task, response=group.responses[reward.response],
                response_id=reward.response, label=value >= good, reward=value,
            ))  # fmt: skip
    return Found(tuple(kept), dict(+dropped))


def _distinct(batch: Batch, group: Group) -> tuple[Own, int]:
    """Return each text of a group once, if it has a reward of its own; and how many have none."""
    own: dict[str, tuple[Reward, float]] = {}
    lost: set[str] = set()
    for name, text in group.responses.items():
        if (group.key, name) not in batch.rewards:
            raise InputError(f"the batch has no reward for response {name!r} of group {group.key!r}")
        reward, digest = batch[group.key, name], digest_of(text)
        if reward.value is None or reward.status not in _OWN:
            lost.add(digest)
        else:
            own.setdefault(digest, (reward, reward.value))
    return own, len(lost)


def _pairs(own: Own, each: Each) -> Iterator[tuple[str, str]]:
    if each == "all" or len(own) < 2:
        yield from combinations(own, 2)
        return
    ranked = sorted(own, key=lambda name: (own[name][1], name))  # of equal ones, not the last handed in
    yield ranked[-1], ranked[0]


def _winners(own: Own, rubric: Rubric | None) -> Sides:
    """Return (digest shown first, digest shown second) -> how far the first is preferred."""
    weights = {} if rubric is None else {c.id: abs(c.weight) or 1.0 for c in rubric.leaves}
    sides: dict[tuple[str, str], list[tuple[float, float]]] = {}
    outcomes = dict.fromkeys(o for reward, _ in own.values() for o in reward.outcomes)
    for outcome in outcomes:
        if isinstance(outcome, Verdict) and len(outcome.unit.responses) == 2:
            first, second = outcome.unit.responses
            places = {name: place for place, name in enumerate(outcome.shown)}
            as_shown = places.get(first, 0) <= places.get(second, 1)
            value = outcome.value if as_shown else 1.0 - outcome.value
            pair = (first, second) if as_shown else (second, first)
            sides.setdefault(pair, []).append((weights.get(outcome.criterion, 1.0), value))
    return {pair: mixed(parts) for pair, parts in sides.items()}


def _doubt(own: Own, sides: Sides, better: str, worse: str) -> str:
    """Return why judges' comparisons do not bear out a pair, or nothing."""
    if not sides or any(own[name][0].status != "ok" for name in (better, worse)):
        return ""
    there, back = sides.get((better, worse)), sides.get((worse, better))
    if there is None or back is None:
        return "one_order"
    one, other = there - 0.5, 0.5 - back
    if one * other <= 0:
        return "orders_disagree"
    return "" if one > 0 else "against_rewards"


def exported(records: Iterable[Preference | Labelled], form: Format) -> list[Row]:
    """Return preference records as the rows of a trainer's format."""
    some = list(records)
    if form not in _KINDS:
        raise InputError(f"no format {form!r}; {there_are(form, _KINDS)}")
    kind, plain, row = _KINDS[form]
    for record in some:
        if not isinstance(record, kind):
            raise InputError(f"format {form!r} takes {kind.__name__}s, not {kind_of(record)}")
        if isinstance(record, Preference) and not record.margin > 0:
            raise InputError(f"group {record.group!r}: a margin of {record.margin} is a tie, no preference")
    chat = not all(isinstance(getattr(record, name), str) for record in some for name in _TEXTS[kind])
    if chat and plain:
        raise InputError(f"format {form!r} holds plain texts only, and there are conversations")
    return [row(_as_chat(record) if chat else record) for record in some]


_TEXTS: Mapping[type, Mapping[str, str]] = {
    Preference: {"task": "user", "chosen": "assistant", "rejected": "assistant"},
    Labelled: {"task": "user", "response": "assistant"},
}
"""Fields of a record that are texts, and whose words they are where they are no conversation."""


def _as_chat(record: Preference | Labelled) -> Preference | Labelled:
    """Return a record with its texts as conversations."""
    chat: dict[str, Any] = {
        name: _turns(getattr(record, name), role) for name, role in _TEXTS[type(record)].items()
    }
    return replace(record, **chat)


def _turns(text: Text, role: str) -> tuple[Message, ...]:
    return (Message(role, text),) if isinstance(text, str) else text


def _messages(text: Text, role: str) -> list[Row]:
    return chat_of(_turns(text, role))


def _pair(record: Preference) -> Row:
    told = {"prompt": record.task, "chosen": record.chosen, "rejected": record.rejected}
    return {**{name: plain_chat(text) for name, text in told.items()}, "margin": record.margin}


def _axolotl(record: Preference) -> Row:
    """Return a row of one message each: of several turns its template would cut a response to the last."""
    row: Row = {"messages": _messages(record.task, "user")}
    for name, text in (("chosen", record.chosen), ("rejected", record.rejected)):
        turns = _messages(text, "assistant")
        if len(turns) != 1:
            raise InputError(f"group {record.group!r}: axolotl takes one message, {name} has {len(turns)}")
        row[name] = turns[0]
    return row


def _llamafactory(record: Preference) -> Row:
    return {"instruction": record.task, "input": "", "chosen": record.chosen, "rejected": record.rejected}


def _nemo_rl(record: Preference) -> Row:
    ranked = [
        {"rank": rank, "completion": _messages(text, "assistant")}
        for rank, text in enumerate((record.chosen, record.rejected))
    ]
    return {"context": _messages(record.task, "user"), "completions": ranked, "task_name": "judgekit"}


def _tinker(record: Preference) -> Row:
    """Return a comparison in which A is the chosen one or not by a digest, so that no place gives it away."""
    both = [_messages(text, "assistant") for text in (record.chosen, record.rejected)]
    first = hashlib.sha256(orjson.dumps(sorted(both, key=orjson.dumps))).digest()[0] % 2
    a, b = both if first else both[::-1]
    told = {"prompt_conversation": _messages(record.task, "user"), "completion_A": a, "completion_B": b}
    return {"comparison": told, "label": "A" if first else "B"}


def _kto(record: Labelled) -> Row:
    told = {"prompt": plain_chat(record.task), "completion": plain_chat(record.response)}
    return {**told, "label": record.label}


def _kto_llamafactory(record: Labelled) -> Row:
    turns = (*_turns(record.task, "user"), *_turns(record.response, "assistant"))
    told = [{"from": _FROM.get(turn.role, turn.role), "value": _told(turn)} for turn in turns]
    return {"conversations": told, "kto_tag": record.label}


def _told(turn: Message) -> str:
    """Return what a turn says; of a call the tool's name and the arguments, as one JSON object."""
    if turn.role != CALL:
        return turn.content
    return orjson.dumps({"name": bare_name(turn), "arguments": turn.content}).decode()


_KINDS: Mapping[str, tuple[type, bool, Callable[[Any], Row]]] = {
    "trl": (Preference, False, _pair),  # RewardTrainer, DPOTrainer
    "openrlhf": (Preference, False, _pair),  # `--data.prompt_key` and so on
    "axolotl": (Preference, False, _axolotl),  # `type: chat_template.default`
    "llamafactory": (Preference, True, _llamafactory),  # alpaca, `"ranking": true`
    "nemo_rl": (Preference, False, _nemo_rl),  # PreferenceDataset
    "tinker": (Preference, False, _tinker),  # LabeledComparison
    "kto": (Labelled, False, _kto),  # KTOTrainer
    "kto_llamafactory": (Labelled, False, _kto_llamafactory),  # sharegpt
}
"""Format -> the records it takes, whether it holds plain texts only, and its row."""
