"""Rank-biased overlap: how alike two rankings are, the top counting most.

A reader who goes on to the next place with probability `p` compares the items seen so far in both
rankings; the overlap is what he expects to see. `X_d` is the number of items in common at depth d.
"""

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.groupings import groups_of
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, grids, resampled, resampling, settled
from judgekit.errors import InputError
from judgekit.types import Estimate

Ties = Literal["refuse", "w", "a", "b"]
Ranking = Sequence[Any]
"""Items, best first; a set, frozenset or tuple holds items that share a place."""


def rbo_ext(first: Ranking, second: Ranking, *, p: float = 0.9, ties: Ties = "refuse") -> float:
    """Rank-biased overlap, extrapolated beyond the depth that was seen.

    Source:
        Webber, Moffat and Zobel (2010), "A similarity measure for indefinite rankings", equation 30,
        https://doi.org/10.1145/1852102.1852106; with ties Corsi and Urbano (2024), "The Treatment of
        Ties in Rank-Biased Overlap", https://arxiv.org/abs/2406.07121. Checked against their published
        test values, and for `a` against the mean over all orders.
    """
    shares = _agreements(first, second, p, ties)
    if not len(shares):
        return math.nan
    depth = np.arange(1, len(shares) + 1)
    return float((1 - p) * (shares * p ** (depth - 1)).sum() + shares[-1] * p ** len(shares))


def ranking_overlap(
    human: npt.ArrayLike, metric: npt.ArrayLike, *, p: float = 0.9, ties: Ties = "w", **how: Unpack[Drawn]
) -> Estimate:
    """Overlap of the orders of systems by people's and by the judge's mean scores.

    Args:
        human: Shape (n_systems, n_items), nan where missing; means are over the items that have both.
        metric: The same shape.
        p: Persistence; the share of the weight in the first three places is in the notes.
        ties: What equal means mean. `w`: these systems hold one place, the first of theirs. `a`: their order
            is unknown, and the value is the mean over all orders. `b`: as `a`, so corrected that a ranking
            agrees fully with itself. `refuse`: no value.
        how: Level, seed and number of resamples: see `Drawn`.

    Returns:
        nan with a status where no system has both scores, or where ties are refused and there are some.
    """
    draw = resampling(how)
    h, m = grids(human, metric)
    both = ~(np.isnan(h) | np.isnan(m))
    estimate = Estimate(
        "rbo_ext", math.nan, level=draw.level, n_units=h.size, n_raters=2, n_used=int(both.sum()),
        n_dropped=int((~both).sum()), unit="item", method=f"p = {p:g}, ties {ties}",
        notes=(f"{top_weight(p, 3):.0%} of the weight is in the first three places", "systems fixed"),
    )  # fmt: skip

    def overlap(items: Codes) -> float:
        means = groups_of(h[:, items], m[:, items], "system_level")[0]
        orders = [_order(each) for each in means]
        tied = any(len(group) > 1 for order in orders for group in order)
        return math.nan if ties == "refuse" and tied else rbo_ext(*orders, p=p, ties=ties)

    value = overlap(np.arange(h.shape[1]))
    if math.isnan(value):
        return undefined(estimate, Status.NOT_IDENTIFIED if both.any() else Status.NO_PAIRED_ITEMS)
    return resampled(replace(estimate, value=value), overlap, h.shape[1], draw, kind="percentile")


def _order(means: Floats) -> list[frozenset[int]]:
    """Systems by falling mean, equal means together."""
    place = np.unique(-settled(means), return_inverse=True)[1]
    return [frozenset(np.flatnonzero(place == k).tolist()) for k in range(int(place.max(initial=-1)) + 1)]


def top_weight(p: float, depth: int) -> float:
    """The share of the weight that the first `depth` places have.

    Source:
        Webber, Moffat and Zobel (2010), equation 21.
    """
    _persistence(p)
    d = np.arange(1, depth)
    tail = -math.log(1 - p) - float((p**d / d).sum())
    return float(1 - p ** (depth - 1) + (1 - p) / p * depth * tail)


def _agreements(first: Ranking, second: Ranking, p: float, ties: Ties) -> Floats:
    """A_d for d = 1 .. length of the rankings."""
    _persistence(p)
    if ties not in {"refuse", "w", "a", "b"}:
        raise InputError(f"unknown treatment of ties {ties!r}; there are refuse, w, a, b")
    groups = [[_items(each) for each in ranking] for ranking in (first, second)]
    if ties == "refuse" and any(len(group) > 1 for ranking in groups for group in ranking):
        raise InputError('the rankings have ties; say what they mean with ties="w", "a" or "b"')
    sizes = [sum(map(len, ranking)) for ranking in groups]
    if sizes[0] != sizes[1]:
        raise InputError(f"the rankings hold {sizes[0]} and {sizes[1]} items; cut them to one length")
    shown = [_shown(ranking, sizes[0], whole=ties == "w") for ranking in groups]
    items = shown[0].keys() & shown[1].keys()
    nothing = np.zeros(sizes[0])
    common = sum((shown[0][item] * shown[1][item] for item in sorted(items, key=repr)), start=nothing)
    if ties == "b":
        lengths = [np.sqrt(sum((row**2 for row in each.values()), start=nothing)) for each in shown]
        return np.asarray(common / (lengths[0] * lengths[1]), dtype=float)
    if ties == "w":
        return np.asarray(2 * common / (_active(shown[0], nothing) + _active(shown[1], nothing)), dtype=float)
    return np.asarray(common / np.arange(1, sizes[0] + 1), dtype=float)


def _shown(ranking: list[list[Any]], length: int, *, whole: bool) -> dict[Any, Floats]:
    """Item -> how much of it is seen at each depth: none, the group's share of places, or all."""
    shown: dict[Any, Floats] = {}
    depth, top = np.arange(1, length + 1), 1
    for group in ranking:
        part = np.clip((depth - top + 1) / (1 if whole else len(group)), 0.0, 1.0)
        for item in group:
            if item in shown:
                raise InputError(f"item {item!r} stands twice in a ranking")
            shown[item] = part
        top += len(group)
    return shown


def _active(shown: dict[Any, Floats], nothing: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(sum(shown.values(), start=nothing), dtype=float)


def _items(entry: Any) -> list[Any]:
    if isinstance(entry, AbstractSet | tuple):
        group: Iterable[Any] = entry
        return list(group)
    return [entry]


def _persistence(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise InputError(f"p must lie between 0 and 1, got {p}")
