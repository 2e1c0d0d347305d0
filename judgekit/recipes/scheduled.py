"""Comparisons over many items by a schedule: a few pairs of each item, chosen before, or drawn as they go.

Pairs that are chosen before are a plan of their own, so that they are counted and priced to the call. Rounds
that wait for results are a tournament in each item, drawn from the item's id and the seed: the same item
gives the same calls whatever stands beside it.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import combinations
from typing import Any

from judgekit.errors import InputError
from judgekit.fences import Told
from judgekit.plan import Plan
from judgekit.recipes import schedules, tournament
from judgekit.recipes.grading import Grading, OverGrading, Rounds
from judgekit.recipes.schedules import Pair
from judgekit.recipes.tournament import Tournament, two_of
from judgekit.types import Call, Item, Judged

PairsOf = Callable[[Item], Sequence[Pair]]
"""The pairs of responses that are asked of an item, the one to show first in front."""


def all_pairs(item: Item) -> Sequence[Pair]:
    """Return all pairs of the responses of an item."""
    return tuple(combinations(item.responses, 2))


@dataclass(frozen=True)
class Chosen(Plan):
    """A plan that asks about some pairs of an item only; where one order is asked, as they are chosen."""

    pairs_of: PairsOf = all_pairs

    def calls(self, item: Item, *, beside: Sequence[Told] = ()) -> tuple[Call, ...]:
        """Return the calls about the pairs chosen."""
        calls = super().calls
        return tuple(call for two in self._twos(item) for call in calls(two, beside=beside))

    def count(self, item: Item) -> int:
        """Return how many calls there are about the pairs chosen."""
        return sum(map(super().count, self._twos(item)))

    def _twos(self, item: Item) -> list[Item]:
        places = {name: i for i, name in enumerate(item.responses)}
        turn = self.orders == "both"  # then a pair stands as the item has it, the same unit in every run
        return [
            two_of(item, sorted(pair, key=places.__getitem__) if turn else pair)
            for pair in self.pairs_of(item)
        ]


def chosen(plan: Plan, pairs_of: PairsOf) -> Chosen:
    """Return a plan that asks the same about some pairs only; on_empty, which is of all pairs, is refused."""
    if plan.asked_by.shows != "two":
        raise InputError(
            f"a schedule says which pairs are compared, and {plan.asked_by.name!r} asks no pairs"
        )
    if plan.on_empty != "judge":
        raise InputError("a schedule knows no on_empty but 'judge'; leave it out")
    return Chosen(**{each.name: getattr(plan, each.name) for each in fields(Plan)}, pairs_of=pairs_of)


def listed(pairs: Mapping[str, Sequence[Pair]]) -> PairsOf:
    """Return the pairs of an item out of a list: item id -> pairs of systems."""

    def pairs_of(item: Item) -> Sequence[Pair]:
        response = response_of(item)
        return [(response[a], response[b]) for a, b in pairs.get(item.item_id, ())]

    return pairs_of


def with_anchor(system: str, seed: int, playing: Collection[str] | None = None) -> PairsOf:
    """Return the pairs that a system has with each other one; of some items, or of all."""

    def pairs_of(item: Item) -> Sequence[Pair]:
        response = response_of(item)
        if system not in response or (playing is not None and item.item_id not in playing):
            return ()
        others = [each for name, each in response.items() if name != system]
        firsts = [seed_of(item, seed, other) % 2 for other in others]
        own = response[system]
        return [(own, other) if first else (other, own) for other, first in zip(others, firsts, strict=True)]

    return pairs_of


@dataclass(frozen=True)
class Scheduled(OverGrading):
    """A tournament in each item that plays; the others are not asked about."""

    grading: Grading
    draw: Callable[[int], tuple[tournament.Fixture, tournament.Counting]]
    seed: int = 0
    playing: frozenset[str] | None = None

    def __post_init__(self) -> None:
        chosen(self.grading.plan, all_pairs)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return a plan of as many pairs as are met, whoever they will be, which is what it costs."""

        def nominal(item: Item) -> Sequence[Pair]:
            n = len(item.responses)
            return all_pairs(item)[: self._tournament(item).counting(n)[0]] if self._plays(item) else ()

        return (chosen(self.grading.plan, nominal),)

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item."""
        return self._tournament(item).calls(item) if self._plays(item) else (0, 0)

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Ask round after round, where the item plays."""
        if not self._plays(item):
            return Judged(item)
        return (yield from self._tournament(item)(item))

    def _plays(self, item: Item) -> bool:
        return len(item.responses) > 1 and (self.playing is None or item.item_id in self.playing)

    def _tournament(self, item: Item) -> Tournament:
        # In both orders a pair stands as the item has it, so that it is the same unit in every run.
        first: tournament.First = "sorted" if self.grading.plan.orders == "both" else "scheduled"
        return Tournament(self.grading, *self.draw(seed_of(item, self.seed)), first=first)


def knockout(grading: Grading, seed: int, playing: frozenset[str] | None) -> Scheduled:
    """Return a knock-out in each item."""

    def draw(own: int) -> tuple[tournament.Fixture, tournament.Counting]:
        return partial(schedules.knockout, seed=own), schedules.knockout_calls

    return Scheduled(grading, draw, seed, playing)


def swiss(grading: Grading, rounds: int | None, seed: int, playing: frozenset[str] | None) -> Scheduled:
    """Return a Swiss tournament in each item."""
    return Scheduled(grading, partial(tournament.swiss, rounds), seed, playing)


def one_round(grading: Grading, pairs_of: PairsOf) -> Grading:
    """Return the same grading of some pairs only."""
    return replace(grading, plan=chosen(grading.plan, pairs_of))


def response_of(item: Item) -> dict[str, str]:
    """Return system -> its response; a response without a system is its own."""
    found: dict[str, str] = {}
    for response in item.responses:
        system = item.systems.get(response, response)
        if system in found:
            raise InputError(
                f"{item.where or f'item {item.item_id!r}'}: two responses of system {system!r}; a schedule "
                "chooses between systems, so that each has one"
            )
        found[system] = response
    return found


def seed_of(item: Item, seed: int, *parts: Any) -> int:
    """Return a seed of an item's own."""
    text = "\0".join(map(str, (seed, item.item_id, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode(errors="backslashreplace")).digest()[:8], "big")
