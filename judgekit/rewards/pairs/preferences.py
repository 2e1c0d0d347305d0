"""Preference data from rewards: pairs, and single responses with a label.

What is not known is left out and counted: a response without a reward of its own is in no pair, a tie is no
preference, and a pair that judges compared counts only where it had the same winner in both orders.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Generic, Literal, TypeVar

from judgekit.errors import InputError
from judgekit.rewards.core.prepared import digest_of
from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.spec import mixed
from judgekit.rubric import Rubric
from judgekit.types import Text, Verdict, brief

Each = Literal["all", "extremes"]
_OWN = frozenset({"ok", "gated", "vetoed"})  # statuses of a reward that the response itself earned


@dataclass(frozen=True, slots=True)
class Preference:
    """Of two responses to a task, the one that is preferred.

    Args:
        group: Key of the group.
        task: What they answer.
        chosen: The better response.
        rejected: The other.
        chosen_id: Its response id.
        rejected_id: That of the other.
        margin: How far apart their rewards are; above 0.
    """

    group: str
    task: Text
    chosen: Text
    rejected: Text
    chosen_id: str
    rejected_id: str
    margin: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """A response, and whether it is a good one.

    Args:
        group: Key of the group.
        task: What it answers.
        response: The response.
        response_id: Its id.
        label: True if it is good.
        reward: Its reward.
    """

    group: str
    task: Text
    response: Text
    response_id: str
    label: bool
    reward: float


Kept = TypeVar("Kept", Preference, Labelled)


@dataclass(frozen=True)
class Found(Generic[Kept]):
    """What a batch gave, and what it did not.

    Args:
        kept: The records, in the order of the groups.
        dropped: Why others were left out -> how many: `no_reward` (failed, imputed or dropped), `tie`
            (nearer than the margin, or between the bars), `one_order`, `orders_disagree`,
            `against_rewards` (the judges' winner has the lower reward).
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
    """The pairs of each group whose rewards are far enough apart.

    Args:
        batch: The rewards.
        groups: The groups they were given for.
        margin: How far apart at least, in the unit of the rewards; above 0.
        each: `all` pairs of a group, or its `extremes`: the best with the worst.
        both_orders: Of pairs that judges compared, take only those with the same winner in both orders.
            Where nothing but single responses was judged it changes nothing.
        rubric: By which they were compared, for the weights of several criteria (`spec.rubric`); all alike
            where left out.

    Raises:
        InputError: If the margin is not above 0, or a response has no reward in the batch.

    >>> group = Group("q", "Hi", {"a": "Hello!", "b": "What?", "c": "Go."})
    >>> rewards = [Reward("q", "a", 1.0), Reward("q", "b", 0.9), Reward("q", "c", None, "failed")]
    >>> batch = Batch({(r.group, r.response): r for r in rewards}, {})
    >>> found = preferences(batch, [group], margin=0.1)
    >>> [(p.chosen, p.rejected, p.margin) for p in found], found.dropped
    ([('Hello!', 'What?', 0.1)], {'no_reward': 1})
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
            kept.append(
                Preference(
                    group.key,
                    group.task,
                    group.responses[chosen],
                    group.responses[rejected],
                    chosen,
                    rejected,
                    apart,
                )
            )
    return Found(tuple(kept), dict(+dropped))


def labelled(batch: Batch, groups: Iterable[Group], *, good: float, bad: float) -> Found[Labelled]:
    """Each response whose reward is high or low enough to say whether it is a good one.

    Args:
        batch: The rewards.
        groups: The groups they were given for.
        good: Rewards from here on are good.
        bad: Rewards up to here are bad; between the two nothing is said.

    Raises:
        InputError: If `bad` is not below `good`, or a response has no reward in the batch.
    """
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
            response = group.responses[reward.response]
            kept.append(Labelled(group.key, group.task, response, reward.response, value >= good, value))
    return Found(tuple(kept), dict(+dropped))


Own = Mapping[str, tuple[Reward, float]]
"""Digest of a text -> the first response that has it, and its reward."""


def _distinct(batch: Batch, group: Group) -> tuple[Own, int]:
    """Each text of a group once, if it has a reward of its own; and how many have none."""
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


Sides = Mapping[tuple[str, str], float]


def _winners(own: Own, rubric: Rubric | None) -> Sides:
    """(digest shown first, digest shown second) -> how far the first is preferred."""
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
    """Why judges' comparisons do not bear out a pair, or empty."""
    if not sides or any(own[name][0].status != "ok" for name in (better, worse)):
        return ""
    there, back = sides.get((better, worse)), sides.get((worse, better))
    if there is None or back is None:
        return "one_order"
    one, other = there - 0.5, 0.5 - back
    if one * other <= 0:
        return "orders_disagree"
    return "" if one > 0 else "against_rewards"
