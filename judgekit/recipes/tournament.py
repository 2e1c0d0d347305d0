"""Comparisons within a group: a schedule says who meets whom, a judge who is better.

Who meets whom is drawn from the ids of the responses and a seed, who is shown first from the ids alone, so
that the same group gives the same calls whatever order it was handed over in.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from judgekit.aggregate.pairs import pair_scores
from judgekit.aggregate.pools import by_rater
from judgekit.errors import InputError
from judgekit.recipes import schedules
from judgekit.recipes.grading import Grading, OverGrading, Rounds, in_step
from judgekit.recipes.schedules import Pair, Schedule
from judgekit.rubric import Rubric
from judgekit.types import Item, Judged, Outcome

Fixture = Callable[[Sequence[str]], Schedule]
"""From the names of a group to its schedule."""
First = Literal["sorted", "drawn", "scheduled"]
Counting = Callable[[int], tuple[int, int]]
"""From the size of a group to the least and the most comparisons."""


@dataclass(frozen=True)
class Tournament(OverGrading):
    """Pairs of a group, compared as a schedule wants it, for `standing.bradley_terry` to rank.

    Where one order is asked, `first` shows the first of the `sorted` ids, one `drawn` from them, or as
    `scheduled`.
    """

    grading: Grading
    fixture: Fixture
    counting: Counting
    first: First = "sorted"

    def __post_init__(self) -> None:
        if self.grading.plan.asked_by.shows != "two":
            raise InputError(f"pairs meet here, and {self.grading.plan.asked_by.name!r} asks no pairs")

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for a group."""
        n = len(item.responses)
        if n < 2:
            return 0, 0
        least, most = self.counting(n)
        few, many = self.grading.calls(two_of(item, (*item.responses,)[:2]))
        return least * few, most * many

    def __call__(self, item: Item) -> Rounds[Judged]:
        """Ask round after round."""
        if len(item.responses) < 2:
            return Judged(item)
        schedule = self.fixture(tuple(item.responses))
        outcomes: list[Outcome] = []
        try:
            pairs = next(schedule)
            while True:
                said = yield from in_step([self._asked(item, pair) for pair in pairs])
                outcomes += [o for some in said for o in some]
                pairs = schedule.send([self._result(item, *each) for each in zip(pairs, said, strict=True)])
        except StopIteration:
            return self.grading.judged(item, outcomes)

    def _asked(self, item: Item, pair: Pair) -> Rounds[tuple[Outcome, ...]]:
        orders: Mapping[First, Pair] = {"drawn": drawn(pair), "scheduled": pair}
        two = two_of(item, orders.get(self.first, tuple(sorted(pair))))
        return self.grading.asked(two, self.grading.plan.calls(two))

    def _result(self, item: Item, pair: Pair, outcomes: Sequence[Outcome]) -> float | None:
        """Return how far the first of the pair is preferred, by all judges."""
        values = preferences(self.grading.plan.rubric_of(item), item, outcomes)
        there = [own[pair] if pair in own else 1.0 - own[pair[::-1]] for own in values.values() if own]
        return fmean(there) if there else None


def preferences(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> dict[str, dict[Pair, float]]:
    """Return rater -> pair -> how far its first response is preferred, orders undone, none for open pairs."""
    found: dict[str, dict[Pair, float]] = {}
    whole = rubric.id if len(rubric.leaves) > 1 else rubric.leaves[0].id
    for rater, own in by_rater(outcomes).items():
        found[rater] = {}
        for score in pair_scores(rubric, item, own):
            if score.name == whole and score.value is not None:
                first, second = score.unit.responses
                found[rater][first, second] = score.value
    return found


def two_of(item: Item, pair: Sequence[str]) -> Item:
    """Return an item with two of its responses, in this order."""
    return replace(item, responses={name: item.responses[name] for name in pair})


def drawn(pair: Pair) -> Pair:
    """Return the pair in an order drawn from its ids."""
    one, other = sorted(pair)
    odd = hashlib.sha256(f"{one}{other}".encode()).digest()[0] % 2
    return (other, one) if odd else (one, other)


def swiss_rounds(n: int) -> int:
    """Return the rounds that find the best of `n`: the logarithm to base 2, rounded up; at least 1."""
    return max((n - 1).bit_length(), 1)


def round_robin(seed: int) -> tuple[Fixture, Counting]:
    """Have everybody meet everybody."""
    return lambda names: schedules.round_robin(names, seed=seed), schedules.round_robin_calls


def circle(seed: int, most: int) -> tuple[Fixture, Counting]:
    """Show everybody first as often as second; opposite ones meet in groups of up to `most`."""
    return (
        lambda names: schedules.circle(names, opposite=len(names) <= most, seed=seed),
        lambda n: schedules.circle_calls(n, opposite=n <= most),
    )


def swiss(rounds: int | None, seed: int) -> tuple[Fixture, Counting]:
    """Have level ones meet, for so many rounds, else for as many as find the best."""
    return (
        lambda names: schedules.swiss(names, rounds=rounds or swiss_rounds(len(names)), seed=seed),
        lambda n: schedules.swiss_calls(n, rounds or swiss_rounds(n)),
    )


def pivots(n: int, seed: int) -> tuple[Fixture, Counting]:
    """Have everybody meet the same few."""
    return (
        lambda names: schedules.pivots(names, n=n, seed=seed),
        lambda size: schedules.pivots_calls(size, n),
    )


def sorting(seed: int) -> tuple[Fixture, Counting]:
    """Have as many meetings as a merge sort wants."""
    return lambda names: schedules.merge_sort(names, seed=seed), schedules.merge_sort_calls
