"""Which pairs to compare on which items: before any verdict equally often, after some where most is learnt.

A group is an item with the systems that have a response to it. Nobody is compared twice on one item.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError
from judgekit.standing.records import Standing

Groups = Mapping[str, Sequence[str]]
"""Item id -> the systems that have a response to it."""
Pairs = dict[str, tuple[tuple[str, str], ...]]
"""Item id -> the pairs of systems to compare on it, the one to show first in front."""
Want = Literal["order", "top"] | tuple[str, str]


def balanced_pairs(groups: Groups, n: int | None = None, *, seed: int = 0) -> Pairs:
    """Pairs of systems so that each pair meets, and each system is shown first, as often as any other.

    Args:
        groups: Item id -> its systems.
        n: How many comparisons; where left out, as many as a knock-out takes: of each item one less than it
            has systems. Items get equally many as long as they have pairs left.
        seed: Of what is drawn among equals.

    Returns item id -> its pairs. Raises `InputError` for more comparisons than there are pairs.

    >>> chosen = balanced_pairs({"1": "abcd", "2": "abcd"}, 6)
    >>> len({frozenset(pair) for pairs in chosen.values() for pair in pairs})
    6
    """
    deal = _deal(groups, seed)
    wanted = sum(max(len(set(group)) - 1, 0) for group in groups.values()) if n is None else n
    if wanted < 0 or wanted > (most := sum(map(len, deal.free.values()))):
        raise InputError(
            f"{wanted} comparisons of the {most} that these items have; name a number up to that"
        )
    count, played = np.zeros(len(deal.one)), np.zeros(len(deal.systems))
    for item in deal.turns(wanted):
        free = deal.free[item]
        # Fewest meetings of the two first, then fewest of each: both are whole numbers, the lot is below one.
        load = played[deal.one[free]] + played[deal.other[free]]
        cost = count[free] * (2.0 * wanted + 1.0) + load + deal.rng.random(len(free))
        pair = deal.take(item, int(np.argmin(cost)))
        count[pair] += 1.0
        played[[deal.one[pair], deal.other[pair]]] += 1.0
    return deal.chosen


def next_pairs(
    standing: Standing,
    groups: Groups,
    n: int,
    *,
    want: Want = "order",
    asked: Collection[tuple[str, frozenset[str]]] = (),
    seed: int = 0,
) -> Pairs:
    """The comparisons that would tell most, given a standing: each counts as made before the next is chosen.

    Args:
        standing: What is known, with a prior of 0.1 at least where little is.
        groups: Item id -> its systems.
        n: How many comparisons; fewer are returned where no pair is left that tells anything.
        want: `order`: what shrinks the uncertainty of all strengths most (the determinant of their
            covariance); `top`: the same, of pairs of which either may still be the best; two names: what
            shrinks the uncertainty of their difference.
        asked: (item id, the two systems): comparisons made already.
        seed: Of what is drawn among equals.

    Returns item id -> its pairs. Raises `InputError` where the standing knows no strengths.

    Source: D-optimal design: a comparison with chance p adds log(1 + p (1 - p) Var(i - j)) to the log of the
    determinant of the information.

    >>> from judgekit.standing import bradley_terry
    >>> from judgekit.types import Unit, Verdict
    >>> said = [
    ...     Verdict("j", Unit(str(i), pair), "better", (("first", 1.0),), "first", 1.0)
    ...     for i, pair in enumerate([("a", "b"), ("b", "a"), ("b", "c")])
    ... ]
    >>> [(pair,)] = next_pairs(bradley_terry(said, prior=0.1, b=0), {"9": "abc"}, 1).values()
    >>> sorted(pair)
    ['a', 'c']
    """
    known = {system: i for i, system in enumerate(standing.systems)}
    strengths = np.array([place.strength for place in standing.places])
    if not np.isfinite(standing.covariance).all() or not np.isfinite(strengths).all():
        raise InputError(
            f"this standing knows no strengths ({standing.status}), so nothing says which pair would tell "
            "most; fit it with prior=0.1"
        )
    here = {item: [each for each in group if each in known] for item, group in groups.items()}
    deal = _deal(here, seed, asked)
    at = np.array([known[system] for system in deal.systems], dtype=np.intp)
    i, j = at[deal.one], at[deal.other]
    worth = _worth(standing, want, i, j)
    aim = () if isinstance(want, str) else tuple(known[each] for each in want)
    p = 1.0 / (1.0 + np.exp(strengths[j] - strengths[i]))
    told, spread = p * (1.0 - p), standing.covariance.copy()
    for item in deal.turns(n):
        free = deal.free[item]
        gain = _gain(spread, (i[free], j[free]), told[free], aim) * worth[free]
        if not np.any(gain > 0.0):
            deal.free[item] = free[:0]
            continue
        best = np.flatnonzero(gain >= gain.max() * (1 - 1e-12))
        pair = deal.take(item, int(deal.rng.choice(best)))
        lean = spread[:, i[pair]] - spread[:, j[pair]]
        spread -= np.outer(lean, lean) * told[pair] / (1.0 + told[pair] * (lean[i[pair]] - lean[j[pair]]))
    return deal.chosen


def _worth(standing: Standing, want: Want, i: Codes, j: Codes) -> Floats:
    """Return 1 for pairs that may be asked about, else 0."""
    if isinstance(want, tuple):
        for each in want:
            standing.of(each)
        return np.ones(len(i))
    if want not in ("order", "top"):
        raise InputError(f"want={want!r}; there are 'order', 'top', or the names of two systems")
    best = np.array([want == "order" or place.rank_low in {None, 1} for place in standing.places])
    return np.asarray(best[i] & best[j], dtype=float)


def _gain(spread: Floats, pairs: tuple[Codes, Codes], told: Floats, aim: tuple[int, ...]) -> Floats:
    """Return what a comparison of each pair would add: to all strengths, or to the difference of two."""
    i, j = pairs
    variance = spread[i, i] + spread[j, j] - 2.0 * spread[i, j]
    if not aim:
        return np.asarray(np.log1p(told * variance))
    a, b = aim
    lean = spread[a, i] - spread[a, j] - spread[b, i] + spread[b, j]
    return np.asarray(told * lean**2 / (1.0 + told * variance))


@dataclass(slots=True)
class _Deal:
    """Pairs on their way to the items: which are free on each, and what each was dealt."""

    systems: tuple[str, ...]
    one: Codes
    other: Codes
    free: dict[str, Codes]
    rng: np.random.Generator
    dealt: int = 0
    chosen: Pairs = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def turns(self, n: int) -> Iterator[str]:
        """Yield an item that has a pair left until `n` are dealt; those that were dealt fewest first."""
        while self.dealt < n and (waiting := [item for item, free in self.free.items() if len(free)]):
            for place in self.rng.permutation(len(waiting))[: n - self.dealt]:
                yield waiting[place]

    def take(self, item: str, place: int) -> int:
        """Deal the pair at a place among the free ones of an item; who led less often is shown first."""
        pair = int(self.free[item][place])
        self.free[item] = np.delete(self.free[item], place)
        a, b = self.systems[self.one[pair]], self.systems[self.other[pair]]
        lead = self.first.get(a, 0) - self.first.get(b, 0)
        if lead > 0 or (lead == 0 and self.rng.random() < 0.5):
            a, b = b, a
        self.first[a] = self.first.get(a, 0) + 1
        self.chosen[item] = (*self.chosen.get(item, ()), (a, b))
        self.dealt += 1
        return pair


def _deal(groups: Groups, seed: int, asked: Collection[tuple[str, frozenset[str]]] = ()) -> _Deal:
    """Return all pairs of each group, less those asked already."""
    systems = tuple(sorted({each for group in groups.values() for each in group}))
    code = {system: i for i, system in enumerate(systems)}
    one, other = np.triu_indices(len(systems), 1)
    place = np.zeros((len(systems), len(systems)), dtype=np.intp)
    place[one, other] = np.arange(len(one))
    gone = set(asked)
    free = {
        item: np.array(
            [
                place[code[a], code[b]]
                for a, b in combinations(sorted(set(group)), 2)
                if (item, frozenset((a, b))) not in gone
            ],
            dtype=np.intp,
        )
        for item, group in groups.items()
    }
    return _Deal(systems, one, other, free, np.random.default_rng(seed))
