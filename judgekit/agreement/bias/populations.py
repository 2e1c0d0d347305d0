"""Agreement per population: with whom does the judge agree, and do those people agree among themselves?

A judge that agrees less with one pool of people may be biased, or the pool may agree less with itself; and
with two pools that disagree no judge can agree. So the pool's own agreement stands beside, and the gap
between pools has an interval of its own, because both rest on the same units.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Unpack

import numpy as np

from judgekit.agreement.chance.chance import Parts, beyond_chance, parts_of
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, Resampling, Weighted, drawn_again, resampling
from judgekit.agreement.core.weights import Kind, Weights, weights_of
from judgekit.agreement.people.panel import Panel, panel_of
from judgekit.errors import InputError
from judgekit.types import Estimate

_OfPairs = dict[tuple[Hashable, Hashable], Estimate]


@dataclass(frozen=True, slots=True)
class Population:
    """One pool of people, or the units of one population.

    `judge` is the cross-kappa of the judge with its people, `own` the people's agreement among themselves
    (Fleiss, same weights), `shortfall` what the judge lacks to be one of them.
    """

    name: Hashable
    judge: Estimate
    own: Estimate
    shortfall: Estimate
    n_raters: int


@dataclass(frozen=True, slots=True)
class Populations:
    """All populations, in order of first appearance, and what lies between each two.

    `between` is the cross-kappa of their people (empty where populations are of units, which have no people
    in common to compare), `gaps` the judge's agreement with the first less that with the second, `own_gaps`
    their own agreement less.
    """

    each: tuple[Population, ...]
    between: _OfPairs
    gaps: _OfPairs
    own_gaps: _OfPairs


@dataclass(frozen=True, eq=False)
class _Side:
    """Ratings of some people on some units: parts of all units, which of them count, how many people."""

    parts: Parts
    rows: Floats
    n_raters: int

    @property
    def rated(self) -> Floats:
        """Shape (n_units,), 1 where somebody of this side rated a unit of it."""
        return np.asarray((self.parts.ratings > 0) * self.rows, dtype=np.float64)


def cross_kappa(first: Codes, second: Codes, weights: Weights) -> float:
    """Return agreement between two pools of raters (n_units, n_raters each) beyond chance."""
    # Source: Wong, Paritosh and Aroyo (2021), "Cross-replication Reliability",
    # https://arxiv.org/abs/2106.07393.
    n = len(first)
    sides = [_Side(parts_of(each, weights), np.ones(n), each.shape[1]) for each in (first, second)]
    return float(_crossed(sides[0], sides[1], weights)(np.ones((1, n)))[0])


def populations(
    data: Any,
    *,
    judge: str,
    pools: Mapping[str, Hashable] | None = None,
    units: Sequence[Hashable] | None = None,
    humans: Sequence[str] | None = None,
    scale: Any = None,
    weights: Kind | None = None,
    **how: Unpack[Drawn],
) -> Populations:
    """The judge's agreement with each population beside the population's own.

    Args:
        data: `Ratings`, or raw ratings of shape (n_units, n_raters) with their declared `scale`, people and
            judge in columns.
        judge: Name of the judge's column.
        pools: Person -> population. Or:
        units: Shape (n_units,), the population each unit belongs to; None for none. Exactly one of them.
        humans: Names of people's columns, with `units`; all but the judge's where left out.
        weights: `identity` for nominal scales, `quadratic` for others, where left out.

    Raises `InputError` for neither or both of `pools` and `units`, or an unknown person.
    """
    draw = resampling(how)
    if (pools is None) == (units is None):
        raise InputError("say either pools (person -> population) or units (the population of each unit)")
    people = humans if pools is None else list(pools)
    panel = panel_of(data, judge=judge, humans=people, scale=scale)
    if units is not None and len(units) != len(panel.judge):
        raise InputError(f"{len(units)} populations for {len(panel.judge)} units")
    kind: Kind = weights or ("identity" if panel.ratings.level == "nominal" else "quadratic")
    w = weights_of(kind, panel.ratings.values, panel.ratings.level)
    sides = _pools(panel, pools, w) if pools is not None else _slices(panel, units or (), w)
    of_judge = _Side(parts_of(panel.judge[:, None], w), np.ones(len(panel.judge)), 1)
    blank = Estimate(
        kind, math.nan, level=draw.level, n_units=len(panel.judge), method=f"{kind} weights",
        notes=("the raters are taken as fixed",),
    )  # fmt: skip
    ground = _Ground(blank, draw.over(panel.ratings.clusters))
    each = tuple(_population(ground, name, side, of_judge, w) for name, side in sides.items())
    return Populations(each, *_between(ground, sides, of_judge, w, people=pools is not None))


@dataclass(frozen=True, eq=False)
class _Ground:
    """What all estimates of one call share."""

    blank: Estimate
    draw: Resampling

    def estimate(self, name: str, statistic: Weighted, here: Floats, raters: int) -> Estimate:
        used = int((here > 0).sum())
        made = replace(self.blank, name=name, n_raters=raters, n_used=used, n_dropped=len(here) - used)
        if not used:
            return undefined(made, Status.NO_PAIRED_ITEMS)
        return drawn_again(made, statistic, len(here), self.draw)


def _population(ground: _Ground, name: Hashable, side: _Side, of_judge: _Side, w: Weights) -> Population:
    shared, several = side.rated * of_judge.rated, side.parts.paired * side.rows
    with_judge, own = _crossed(of_judge, side, w), _own(side, w)
    judge = ground.estimate("cross_kappa", with_judge, shared, 1 + side.n_raters)
    if side.n_raters < 2:
        nobody = replace(ground.blank, n_raters=side.n_raters, n_dropped=ground.blank.n_units)
        lone = undefined(nobody, Status.NEEDS_TWO_RATERS)
        own_, short = replace(lone, name="own_agreement"), replace(lone, name="shortfall")
        return Population(name, judge, own_, short, side.n_raters)
    return Population(
        name,
        judge,
        ground.estimate("own_agreement", own, several, side.n_raters),
        ground.estimate("shortfall", _less(with_judge, own), shared * several, 1 + side.n_raters),
        side.n_raters,
    )


def _between(
    ground: _Ground, sides: Mapping[Hashable, _Side], of_judge: _Side, w: Weights, *, people: bool
) -> tuple[_OfPairs, _OfPairs, _OfPairs]:
    """What lies between each two populations: their cross-kappa, the judge's gap, their own gap."""
    between: _OfPairs = {}
    gaps: _OfPairs = {}
    own_gaps: _OfPairs = {}
    for (a, one), (c, two) in combinations(sides.items(), 2):
        n = one.n_raters + two.n_raters
        either = np.maximum(one.rated, two.rated)
        if people:
            between[a, c] = ground.estimate("between", _crossed(one, two, w), one.rated * two.rated, n)
        gap = _less(_crossed(of_judge, one, w), _crossed(of_judge, two, w))
        gaps[a, c] = ground.estimate("gap", gap, either * of_judge.rated, 1 + n)
        own_gaps[a, c] = ground.estimate("own_gap", _less(_own(one, w), _own(two, w)), either, n)
        if min(one.n_raters, two.n_raters) < 2:
            own_gaps[a, c] = undefined(own_gaps[a, c], Status.NEEDS_TWO_RATERS)
    return between, gaps, own_gaps


def _pools(panel: Panel, pools: Mapping[str, Hashable], w: Weights) -> dict[Hashable, _Side]:
    """Population -> its people's ratings on all units."""
    members: dict[Hashable, list[int]] = {}
    for i, name in enumerate(panel.names):
        members.setdefault(pools[name], []).append(i)
    everywhere = np.ones(len(panel.judge))
    return {
        name: _Side(parts_of(panel.humans[:, columns], w), everywhere, _active(panel.humans[:, columns]))
        for name, columns in members.items()
    }


def _slices(panel: Panel, units: Sequence[Hashable], w: Weights) -> dict[Hashable, _Side]:
    """Population -> all people's ratings on its units."""
    parts = parts_of(panel.humans, w)
    names = list(dict.fromkeys(each for each in units if each is not None))
    masks = {name: np.array([each == name for each in units], dtype=bool) for name in names}
    return {
        name: _Side(parts, rows.astype(np.float64), _active(panel.humans[rows]))
        for name, rows in masks.items()
    }


def _active(codes: Codes) -> int:
    return int((codes >= 0).any(axis=0).sum())


def _crossed(first: _Side, second: _Side, w: Weights) -> Weighted:
    """Cross-kappa as a function of how often each unit was drawn."""
    a, c = _dense(first.parts.shares), _dense(second.parts.shares)
    both = first.rated * second.rated
    agree = (a * w.against(c)).sum(axis=1) * both

    def kappa(drawn: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            n = drawn @ both
            p_a, p_c = (drawn @ (each * both[:, None]) / n[:, None] for each in (a, c))
            return beyond_chance(drawn @ agree / n, (p_a * w.against(p_c)).sum(axis=1))

    return kappa


def _own(side: _Side, w: Weights) -> Weighted:
    """Fleiss' kappa of a side as a function of how often each unit was drawn."""
    shares, paired = _dense(side.parts.shares), side.parts.paired * side.rows
    agree, rated = side.parts.agree * paired, side.rated

    def kappa(drawn: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            pi = drawn @ (shares * rated[:, None]) / (drawn @ rated)[:, None]
            return beyond_chance(drawn @ agree / (drawn @ paired), (pi * w.against(pi)).sum(axis=1))

    return kappa


def _less(first: Weighted, second: Weighted) -> Weighted:
    return lambda drawn: first(drawn) - second(drawn)


def _dense(shares: Any) -> Floats:
    return np.asarray(shares if isinstance(shares, np.ndarray) else shares.toarray(), dtype=np.float64)
