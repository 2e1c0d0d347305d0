"""Correlation of a judge with people over systems and items: four groupings, four questions.

Scores have shape (n_systems, n_items). `none` pools all of them: is a number worth the same
everywhere? `by_item` correlates over systems within each item and averages: can the judge pick the
best of n responses? `by_system` correlates over items within each system: can it find the items a
system fails on? `system_level` correlates the systems' means: can it rank systems? They may differ in
sign, so all four are reported.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import KINDS, Kind, coefficient
from judgekit.agreement.core.arrays import grids
from judgekit.agreement.core.estimate import Status, about, flagged, undefined
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Drawn, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate

Grouping = Literal["none", "by_item", "by_system", "system_level"]
GROUPINGS: tuple[Grouping, ...] = ("none", "by_item", "by_system", "system_level")
Columns = Callable[[Floats, Floats], float]
"""From two columns to a coefficient, nan where undefined."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """A mean over groups in which a coefficient is defined, their number, and how many lack variation."""

    value: float
    n_groups: int
    n_skipped: int


def groups_of(human: npt.ArrayLike, metric: npt.ArrayLike, grouping: Grouping) -> list[tuple[Floats, Floats]]:
    """Return the columns of each group: scores (n_systems, n_items) by people and judge, both there."""
    h, m = grids(human, metric)
    if grouping not in GROUPINGS:
        raise InputError(f"unknown grouping {grouping!r}; there are {', '.join(GROUPINGS)}")
    both = ~(np.isnan(h) | np.isnan(m))
    if grouping == "none":
        return [(h[both], m[both])]
    if grouping == "by_system":
        return [(a[k], c[k]) for a, c, k in zip(h, m, both, strict=True)]
    if grouping == "by_item":
        return [(a[k], c[k]) for a, c, k in zip(h.T, m.T, both.T, strict=True)]
    known = both.any(axis=1)
    counts = both[known].sum(axis=1)
    means = [np.where(both, each, 0.0)[known].sum(axis=1) / counts for each in (h, m)]
    return [(means[0], means[1])]


def grouped(
    human: npt.ArrayLike, metric: npt.ArrayLike, *, grouping: Grouping, statistic: Columns
) -> Grouped:
    """Return a coefficient in each group of scores (n_systems, n_items), and its mean over groups."""
    # Source: The grouping of mt-metrics-eval, which skips constant groups too. Checked against it.
    values = np.array([statistic(a, c) for a, c in groups_of(human, metric, grouping)])
    known = values[~np.isnan(values)]
    value = float(known.mean()) if len(known) else math.nan
    return Grouped(value, len(known), len(values) - len(known))


def grouped_correlation(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    grouping: Grouping,
    kind: Kind = "pearson",
    clusters: Any = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """A correlation in one grouping, with an interval by resampling items.

    Args:
        human: Shape (n_systems, n_items), people's scores, nan where missing; `metric` has the judge's.
        grouping: `none` pools all scores; `by_item` correlates over systems within each item and averages;
            `by_system` over items within each system; `system_level` correlates the systems' means.
        clusters: Shape (n_items,), what each item belongs to; whole clusters are then resampled.

    Returns nan with a status if no group has two scores that differ. The systems are taken as fixed: the
    interval is about other items, not about other systems. Raises `InputError` for differing shapes,
    infinity, or an unknown grouping or kind.
    """
    draw = resampling(how)
    if kind not in KINDS:
        raise InputError(f"unknown correlation {kind!r}; there are {', '.join(KINDS)}")
    h, m = grids(human, metric)
    both = ~(np.isnan(h) | np.isnan(m))
    found = grouped(h, m, grouping=grouping, statistic=_of(kind))
    fixed = f"the {h.shape[0]} systems are taken as fixed, items are resampled"
    estimate = about(
        kind, both.sum(), h.size, value=found.value, level=draw.level, n_raters=2, unit="item",
        method=f"{kind}, grouping {grouping}", notes=(fixed,),
    )  # fmt: skip
    if found.n_skipped:
        note = f"{found.n_skipped} of {found.n_groups + found.n_skipped} groups skipped for want of variation"
        estimate = flagged(estimate, "ok", (note,))
    if not both.any():
        return undefined(estimate, Status.NO_PAIRED_ITEMS)
    if found.n_groups == 0:
        few = max(len(a) for a, _ in groups_of(h, m, grouping)) < 2
        return undefined(estimate, Status.TOO_FEW if few else Status.NO_VARIATION)
    groups = coded_clusters(clusters, h.shape[1])
    if h.shape[1] < 3:
        return flagged(estimate, "ok", ("too few items for an interval",))
    return resampled(estimate, _of_items(h, m, grouping, kind), h.shape[1], draw.over(groups))


def four_groupings(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    kind: Kind = "pearson",
    clusters: Any = None,
    **how: Unpack[Drawn],
) -> dict[Grouping, Estimate]:
    """One correlation in all four groupings; see `grouped_correlation`."""
    return {
        grouping: grouped_correlation(human, metric, grouping=grouping, kind=kind, clusters=clusters, **how)
        for grouping in GROUPINGS
    }


def _of(kind: Kind) -> Columns:
    return lambda a, c: coefficient(kind, a, c)(np.arange(len(a))) if len(a) > 1 else math.nan


def _of_items(h: Floats, m: Floats, grouping: Grouping, kind: Kind) -> Callable[[Codes], float]:
    """The statistic of a resample of items. Within an item nothing changes, so it is computed once."""
    statistic = _of(kind)
    if grouping != "by_item":
        return lambda items: grouped(h[:, items], m[:, items], grouping=grouping, statistic=statistic).value
    values = np.array([statistic(a, c) for a, c in groups_of(h, m, "by_item")])
    known, filled = ~np.isnan(values), np.nan_to_num(values)

    def mean(items: Codes) -> float:
        count = known[items].sum()
        return float(filled[items].sum() / count) if count else math.nan

    return mean
