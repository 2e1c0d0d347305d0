"""Test-retest: does the judge say the same when asked the same again?

Temperature 0 does not make a judge repeat itself, so it is measured. Repeats are columns, in no
particular order. For scores: the standard error of measurement in score points, and the smallest
change that is more than noise; for labels: how often two repeats differ.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.bias.order_effects import pair_disagreement
from judgekit.agreement.core.arrays import Clusters, kept_clusters
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import normal_quantile
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import (
    Drawn,
    OfSums,
    Resampling,
    by_sums,
    grid,
    ratio,
    resampling,
    value_of,
)
from judgekit.agreement.models.reml import RESIDUAL, as_blocks, fit_reml
from judgekit.types import Estimate

NAMES = ("flip_rate", "repeat_agreement", "all_same", "sem", "smallest_detectable_change", "icc_repeats")


def repeatability(
    repeats: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]
) -> Mapping[str, Estimate]:
    """Repeatability of a judge.

    Args:
        repeats: Shape (n_units, n_repeats), scores or label codes; nan where missing. Units with fewer than
            two repeats are left out.
        how: Level, seed and number of resamples: see `Drawn`.
        clusters: Shape (n_units,).

    Returns:
        `flip_rate`: how often two repeats of a unit differ; `repeat_agreement`: 1 minus that;
        `all_same`: share of units whose repeats are all equal; `sem`: sqrt of the mean squares within units,
        in score points; `smallest_detectable_change`: 1.96 sqrt(2) sem; `icc_repeats`: share of variance
        between units, ICC(A,1) over the columns, from mean squares where no cell is missing, else from
        REML. The last three are meant for scores.
    """
    draw = resampling(how)
    x = grid(repeats, "repeats")
    there = ~np.isnan(x)
    k = there.sum(axis=1)
    kept = k >= 2
    x, there, k = x[kept], there[kept], k[kept].astype(float)
    base = Estimate(
        "", float("nan"), level=draw.level, n_units=len(kept), n_raters=1, n_used=len(x),
        n_dropped=int((~kept).sum()),
    )  # fmt: skip
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
    means: OfSums = lambda s: ratio(s[:, 0], s[:, 1])  # noqa: E731 - one formula, named for its type
    formulas: dict[str, tuple[Floats, OfSums, str]] = {
        "flip_rate": (np.column_stack([d, ones]), means, "pairs of repeats that differ"),
        "repeat_agreement": (np.column_stack([1 - d, ones]), means, "pairs of repeats that agree"),
        "all_same": (np.column_stack([same, ones]), means, "units whose repeats are all equal"),
        "sem": (squares, lambda s: np.sqrt(means(s)), "sqrt of mean squares within units"),
        "smallest_detectable_change": (squares, lambda s: change * np.sqrt(means(s)), "1.96 sqrt(2) sem"),
    }
    made = {}
    for name, (columns, of, method) in formulas.items():
        filled = replace(base, name=name, value=value_of(of, columns), method=method)
        made[name] = by_sums(filled, columns, of, draw.over(groups))
    made["icc_repeats"] = _icc(replace(base, name="icc_repeats"), x, groups, draw)
    return made


def _icc(base: Estimate, x: Floats, groups: npt.NDArray[np.intp] | None, draw: Resampling) -> Estimate:
    if not np.isnan(x).any():
        base = replace(base, method="ICC(A,1), mean squares")
        columns = _icc_columns(x)
        value = value_of(_icc_of, columns) if len(x) > 1 else float("nan")
        if np.isnan(value):
            return undefined(base, Status.NO_VARIATION if len(x) > 1 else Status.TOO_FEW)
        return by_sums(replace(base, value=value), columns, _icc_of, draw.over(groups))
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


def _icc_columns(x: Floats) -> Floats:
    x = x - x.mean()
    total = x.sum(axis=1, keepdims=True)
    return np.concatenate([np.ones((len(x), 1)), total**2, (x**2).sum(axis=1, keepdims=True), x], axis=1)


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
