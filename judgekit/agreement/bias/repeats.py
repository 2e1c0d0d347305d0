"""Asked again: how often a judge says otherwise, and accuracy without that noise.

If each verdict is flipped with probability q, two repeats differ with d = 2q(1 - q), so q = (1 - sqrt(1 -
2d))/2; and observed accuracy is (1 - q)P + q(1 - P), so P = (observed - q)/(1 - 2q). The published code (Wei
et al., 2024, arXiv 2408.13006) takes d itself for q, which overstates both; that variant is here under a name
that says so. One q for all items is an idealisation: `flips_by_margin` shows that hard ones flip more often.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.bias.order_effects import pair_disagreement
from judgekit.agreement.core.arrays import Clusters, aligned, column, grid, kept_clusters
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import normal_quantile, share
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import (
    Drawn,
    OfSums,
    Resampling,
    by_sums,
    mean_of_sums,
    ratio,
    resampling,
)
from judgekit.agreement.models.reml import RESIDUAL, as_blocks, fit_reml
from judgekit.errors import InputError
from judgekit.types import Estimate


def flip_probability(disagreement: npt.ArrayLike) -> Floats:
    """Q from the share of pairs of repeats that differ; nan from 0.5 on, where the judge is a coin."""
    d = np.asarray(disagreement, dtype=float)
    known = (d >= 0) & (d < 0.5)
    return np.where(known, (1 - np.sqrt(1 - 2 * np.where(known, d, 0.0))) / 2, np.nan)


def denoised(accuracy: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Accuracy that the judge would have without flips, not clipped; nan from q = 0.5 on."""
    a, flip = np.asarray(accuracy, dtype=float), np.asarray(q, dtype=float)
    known = flip < 0.5
    return np.where(known, (a - flip) / np.where(known, 1 - 2 * flip, 1.0), np.nan)


def flip_noise(repeats: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]) -> Estimate:
    """Probability that a verdict of two outcomes is flipped by chance.

    Args:
        repeats: Shape (n_items, n_repeats), 0 or 1; nan where missing. Items with fewer than two repeats are
            left out.

    Returns q from 0 to below 0.5; `undefined:not_identified` where repeats differ half of the time or more.
    """
    draw = resampling(how)
    x = _binary(repeats)
    d = pair_disagreement(x)
    return _estimate("flip_noise", [d], lambda m: flip_probability(m[:, 0]), clusters, draw)


def flips_by_margin(
    repeats: npt.ArrayLike, margin: npt.ArrayLike, **how: Unpack[Drawn]
) -> tuple[Estimate, ...]:
    """Flipping noise for small, middle and large quality gaps: terciles of |margin|, people's (n_items,).

    Repeats as in `flip_noise`. An item without a margin might belong to any tercile, so each counts it as
    dropped.
    """
    draw = resampling(how)
    x, gap = _binary(repeats), np.abs(column(margin, "margin"))
    if len(gap) != len(x):
        raise InputError(f"{len(gap)} margins for {len(x)} items")
    known = gap[~np.isnan(gap)]
    cuts = np.quantile(known, [1 / 3, 2 / 3]) if len(known) else np.zeros(2)
    tercile = np.digitize(gap, cuts, right=True)
    lost = len(gap) - len(known)
    notes = (f"{lost} items without a margin might belong here",) if lost else ()
    here = [x[(tercile == t) & ~np.isnan(gap)] for t in range(3)]
    found = [flip_noise(each, **(draw.options | {"seed": draw.seed + t})) for t, each in enumerate(here)]
    return tuple(
        replace(
            each, name=f"flip_noise_{name}_margin", n_units=each.n_units + lost,
            n_dropped=each.n_dropped + lost, notes=(*each.notes, *notes),
        )
        for each, name in zip(found, ("small", "middle", "large"), strict=True)
    )  # fmt: skip


def denoised_accuracy(
    correct: npt.ArrayLike,
    repeats: npt.ArrayLike,
    *,
    as_published: bool = False,
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """Accuracy corrected for flips, within [0, 1].

    Args:
        correct: Shape (n_items,), whether one verdict was right, 0 or 1; nan where missing.
        repeats: Shape (n_items, n_repeats), 0 or 1; rows of nan for items that were not repeated.
        as_published: Take the disagreement itself for q, as the published code does. It overstates the
            accuracy: true 0.8 with flips of 0.1 comes out as 0.875.
    """
    draw = resampling(how)
    y, x = column(correct, "correct"), _binary(repeats)
    name = "denoised_accuracy_as_published" if as_published else "denoised_accuracy"

    def of(means: Floats) -> Floats:
        q = means[:, 1] if as_published else flip_probability(means[:, 1])
        return np.clip(denoised(means[:, 0], q), 0.0, 1.0)

    made = _estimate(name, [y, pair_disagreement(x)], of, clusters, draw)
    raw = f"accuracy before: {np.nanmean(y):.4g}" if np.any(~np.isnan(y)) else "no verdicts"
    return replace(made, notes=(*made.notes, raw))


def position_bias(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    repeats_first: npt.ArrayLike,
    repeats_second: npt.ArrayLike,
    *,
    as_published: bool = False,
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """De-noised accuracy with the preferred response shown first, minus with it shown second.

    From -1 to 1; above 0 it favours the first place. `first` and `second` have shape (n_items,): whether the
    verdict was right with the preferred response first, and second; the repeats of each order (n_items,
    n_repeats) correct it by its own flips, or (`as_published`) by as much as they differ.
    """
    draw = resampling(how)
    a, c = aligned(first=first, second=second)
    columns = [a, c, pair_disagreement(_binary(repeats_first)), pair_disagreement(_binary(repeats_second))]
    name = "position_bias_as_published" if as_published else "position_bias_denoised"
    return _estimate(name, columns, partial(_difference, as_published=as_published), clusters, draw)


def length_bias(
    correct: npt.ArrayLike,
    longer: npt.ArrayLike,
    repeats: npt.ArrayLike,
    *,
    as_published: bool = False,
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """De-noised accuracy where people prefer the longer response, minus where they do not.

    From -1 to 1; above 0 it favours length. `correct` (n_items,) says whether the verdict was right, `longer`
    whether the response people prefer is strictly longer, 0 or 1, nan where unknown; each group of `repeats`
    (n_items, n_repeats) is corrected by its own flips, or (`as_published`) by as much as they differ.
    """
    draw = resampling(how)
    y, long = aligned(correct=correct, longer=longer)
    d = pair_disagreement(_binary(repeats))
    columns = [np.where(long == value, x, np.nan) for x in (y, d) for value in (1, 0)]
    name = "length_bias_as_published" if as_published else "length_bias_denoised"
    return _estimate(name, columns, partial(_difference, as_published=as_published), clusters, draw)


def pair_accuracies(first: npt.ArrayLike, second: npt.ArrayLike) -> Mapping[str, Estimate]:
    """Accuracies of pairs judged in both orders, on the pairs with both verdicts.

    `first` and `second` have shape (n_items,): 1 if right with the preferred response first, and second, 0 if
    not; nan where missing. Returns `accuracy_both` (right in both orders), `accuracy_first`,
    `accuracy_second`, `accuracy_random` (what one order drawn at random gives on average) and `inconsistent`,
    with Wilson intervals.
    """
    a, c = aligned(first=first, second=second)
    there = ~(np.isnan(a) | np.isnan(c))
    a, c, lost = a[there], c[there], int((~there).sum())
    n = len(a)
    made = {
        name: share(int(np.sum(x)), n, name=name, dropped=lost)
        for name, x in {
            "accuracy_both": a * c == 1, "accuracy_first": a, "accuracy_second": c, "inconsistent": a != c,
        }.items()
    }  # fmt: skip
    base = about("accuracy_random", n, len(there))
    columns = np.column_stack([(a + c) / 2, np.ones(n)])
    return made | {"accuracy_random": by_sums(base, columns, mean_of_sums, Resampling())}


def _difference(means: Floats, *, as_published: bool) -> Floats:
    q = means[:, 2:] if as_published else flip_probability(means[:, 2:])
    clean = np.clip(denoised(means[:, :2], q), 0.0, 1.0)
    return np.asarray(clean[:, 0] - clean[:, 1], dtype=float)


def _estimate(name: str, raw: list[Floats], of: OfSums, clusters: Clusters, draw: Resampling) -> Estimate:
    """A function of the columns' means, each over the items it is known for."""
    if len({len(x) for x in raw}) > 1:
        raise InputError(f"columns of {sorted({len(x) for x in raw})} items; one row an item is needed")
    stacked = np.column_stack(raw)
    kept = ~np.all(np.isnan(stacked), axis=1)
    known = ~np.isnan(stacked[kept])
    columns = np.concatenate([np.where(known, stacked[kept], 0.0), known], axis=1)
    k = len(raw)
    base = about(
        name, kept.sum(), len(stacked), level=draw.level, n_raters=1, unit="item",
        method="flips by pairs of repeats",
    )  # fmt: skip

    def of_sums(sums: Floats) -> Floats:
        return of(ratio(sums[:, :k], sums[:, k:]))

    if len(columns) == 0 or np.any(columns[:, k:].sum(axis=0) == 0):
        return undefined(
            base, Status.NOT_IDENTIFIED, "verdicts and at least two repeats of some items are needed"
        )
    coin = (Status.NOT_IDENTIFIED, "repeats differ half of the time or more: the judge is a coin")
    return by_sums(base, columns, of_sums, draw.over(kept_clusters(clusters, kept)), none=coin)


def _binary(repeats: npt.ArrayLike) -> Floats:
    x = grid(repeats, "repeats")
    if len(bad := np.argwhere(~(np.isnan(x) | (x == 0) | (x == 1)))):
        raise InputError(f"repeats: item {bad[0][0]}, repeat {bad[0][1]} is {x[tuple(bad[0])]:g}, not 0 or 1")
    return x


NAMES = ("flip_rate", "repeat_agreement", "all_same", "sem", "smallest_detectable_change", "icc_repeats")


def repeatability(
    repeats: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]
) -> Mapping[str, Estimate]:
    """Repeatability of a judge.

    Args:
        repeats: Shape (n_units, n_repeats), scores or label codes; nan where missing. Units with fewer than
            two repeats are left out.

    Returns `flip_rate`: how often two repeats of a unit differ; `repeat_agreement`: 1 minus that; `all_same`:
    share of units whose repeats are all equal; `sem`: sqrt of the mean squares within units, in score points;
    `smallest_detectable_change`: 1.96 sqrt(2) sem; `icc_repeats`: share of variance between units, ICC(A,1)
    over the columns, from mean squares where no cell is missing, else from REML. The last three are meant for
    scores.
    """
    draw = resampling(how)
    x = grid(repeats, "repeats")
    there = ~np.isnan(x)
    k = there.sum(axis=1)
    kept = k >= 2
    x, there, k = x[kept], there[kept], k[kept].astype(float)
    base = about("", len(x), len(kept), level=draw.level, n_raters=1)
    if len(x) == 0:
        why = "no unit has two repeats"
        return {name: undefined(replace(base, name=name), Status.TOO_FEW, why) for name in NAMES}
    groups = kept_clusters(clusters, kept)
    center = np.where(there, x, 0.0).sum(axis=1, keepdims=True) / k[:, None]
    within = np.where(there, x - center, 0.0) ** 2
    same = np.where(there, x, np.inf).min(axis=1) == np.where(there, x, -np.inf).max(axis=1)
    d, ones = pair_disagreement(x), np.ones(len(x))
    change = float(normal_quantile(0.95) * np.sqrt(2))
    squares = np.column_stack([within.sum(axis=1), k - 1])
    formulas: dict[str, tuple[Floats, OfSums, str]] = {
        "flip_rate": (np.column_stack([d, ones]), mean_of_sums, "pairs of repeats that differ"),
        "repeat_agreement": (np.column_stack([1 - d, ones]), mean_of_sums, "pairs of repeats that agree"),
        "all_same": (np.column_stack([same, ones]), mean_of_sums, "units whose repeats are all equal"),
        "sem": (squares, lambda s: np.sqrt(mean_of_sums(s)), "sqrt of mean squares within units"),
        "smallest_detectable_change": (
            squares,
            lambda s: change * np.sqrt(mean_of_sums(s)),
            "1.96 sqrt(2) sem",
        ),
    }
    made = {}
    for name, (columns, of, method) in formulas.items():
        made[name] = by_sums(replace(base, name=name, method=method), columns, of, draw.over(groups))
    made["icc_repeats"] = _icc(replace(base, name="icc_repeats"), x, groups, draw)
    return made


def _icc(base: Estimate, x: Floats, groups: npt.NDArray[np.intp] | None, draw: Resampling) -> Estimate:
    if not np.isnan(x).any():
        base = replace(base, method="ICC(A,1), mean squares")
        if len(x) < 2:
            return undefined(base, Status.TOO_FEW)
        x = x - x.mean()
        sums = (x.sum(axis=1, keepdims=True) ** 2, (x**2).sum(axis=1, keepdims=True))
        columns = np.concatenate([np.ones((len(x), 1)), *sums, x], axis=1)
        return by_sums(base, columns, _icc_of, draw.over(groups))
    rows, column = np.nonzero(~np.isnan(x))
    base = replace(base, method="ICC(A,1), REML")
    of = np.unique(column, return_inverse=True)[1]
    nested = {"unit": np.zeros(len(rows), dtype=np.intp)}
    found = fit_reml(as_blocks(x[rows, column], rows, nested=nested, crossed={"repeat": of})).components
    total = sum(found.values())
    if not total > 0:
        return undefined(base, Status.NO_VARIATION)
    note = f"sem by REML {np.sqrt(found[RESIDUAL]):.3g}; no interval with missing cells, see g_study"
    return replace(base, value=found["unit"] / total, notes=(note,))


def _icc_of(s: Floats) -> Floats:
    """ICC(A,1) from sums: (MSR - MSE) / (MSR + (k - 1) MSE + k/n (MSC - MSE))."""
    n, k = s[:, 0], s.shape[1] - 3
    columns = s[:, 3:]
    grand = columns.sum(axis=1) ** 2 / (n * k)
    ssr, ssc = s[:, 1] / k - grand, (columns**2).sum(axis=1) / n - grand
    sse = s[:, 2] - grand - ssr - ssc
    df = np.maximum(n - 1, 1.0)
    msr, msc, mse = ssr / df, ssc / max(k - 1, 1), sse / (df * max(k - 1, 1))
    below = msr + (k - 1) * mse + k / n * (msc - mse)
    return ratio(msr - mse, np.where(below > 1e-12 * np.maximum(s[:, 2], 1e-300), below, 0.0))
