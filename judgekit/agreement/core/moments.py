"""Agreement and correlation of two columns from their means and squares, with intervals for any distribution.

Fisher's 1 / sqrt(n - 3) holds for normal scores only: with 5 % of positive labels such an interval covers .5.
Here the standard error comes from each unit's influence on the coefficient; the interval is symmetric on
the scale of atanh, and its t has as few degrees of freedom as the influences' heavy tails leave
(Satterthwaite). `benchmarks/coverage_deciding.py` says how often it covers.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from judgekit.agreement.core.estimate import Status, flagged, with_interval
from judgekit.agreement.core.intervals import ENOUGH_CLUSTERS, at_one, t_quantile, wilson
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.types import Estimate

ENOUGH_EXTREME = 60
"""From so many degrees of freedom of the reference's own spread on, an interval on a longer scale holds; from
half as many where there are `LARGE` units."""
LARGE = 200
FEW = 10
"""Fewer units than this of the rarer of two labels, and no interval of agreement can be trusted."""
LEAST_DF = 4.0
"""One error in a thousand units leaves one degree of freedom, with which nothing could be said of it."""
ONE = 1 - 1e-12
"""From this value on a coefficient counts as 1."""


@dataclass(frozen=True, slots=True)
class Influenced:
    """A coefficient and what each unit adds to it.

    Args:
        value: The coefficient; nan where a column does not vary.
        influence: Shape (n_units,), of mean 0 over the weights.
        by_chance: How often unrelated raters of these habits say the same.
        wrong: Share of units on which they differ, where they agree or not and nothing between; else nan.
    """

    value: float
    influence: Floats
    by_chance: float
    wrong: float = math.nan


def pearson_of(x: Floats, y: Floats, w: Floats | None = None, *, centre: float | None = None) -> Influenced:
    """Pearson's correlation; around a fixed `centre` where the sign of a pair's place means nothing."""
    a, b, sx, sy, sxy = _squares(x, y, w, centre)
    below = math.sqrt(sx * sy)
    if not below > 0:
        return _without_value(x)
    r = float(np.clip(sxy / below, -1, 1))
    return Influenced(r, a * b / below - r / 2 * (a * a / sx + b * b / sy), _alike_by_chance(x, y, w))


def concordance_of(
    x: Floats, y: Floats, w: Floats | None = None, *, centre: float | None = None
) -> Influenced:
    """Lin's concordance, which on labels is Cohen's kappa with quadratic weights."""
    a, b, sx, sy, sxy = _squares(x, y, w, centre)
    shift = 0.0 if centre is not None else _mean(x, w) - _mean(y, w)
    below = sx + sy + shift**2
    if not (sx > 0 and sy > 0):
        return _without_value(x)
    r = 2 * sxy / below
    own = 2 * (a * b - sxy) - r * (a * a - sx + b * b - sy + 2 * shift * (a - b))
    return Influenced(r, own / below, _alike_by_chance(x, y, w))


def spearman_of(x: Floats, y: Floats) -> Influenced:
    """Spearman's correlation; ranks are estimated too, so that each unit moves those of others."""
    if not len(x):
        return _without_value(x)
    f, g = _mid_places(x) - 0.5, _mid_places(y) - 0.5
    va, vb, c = float(f @ f) / len(f), float(g @ g) / len(g), float(f @ g) / len(f)
    if not (va > 0 and vb > 0):
        return _without_value(x)
    below = math.sqrt(va * vb)
    r = float(np.clip(c / below, -1, 1))
    of_c = f * g - c + _above(x, g) + _above(y, f)
    of_a, of_b = f * f - va + 2 * _above(x, f), g * g - vb + 2 * _above(y, g)
    return Influenced(r, of_c / below - r / 2 * (of_a / va + of_b / vb), 0.0)


def tau_b_of(x: Floats, y: Floats) -> Influenced:
    """Kendall's tau-b, from the table of the two columns' distinct values."""
    places = [np.unique(each, return_inverse=True)[1] for each in (x, y)]
    table = np.zeros([int(each.max()) + 1 for each in places])
    np.add.at(table, tuple(places), 1.0)
    n = len(x)
    both = _below_less_above(_below_less_above(table).T).T[places[0], places[1]] / n
    apart = [(1 - table.sum(axis=1 - k) / n)[places[k]] for k in (0, 1)]
    c, tx, ty = float(both.mean()), float(apart[0].mean()), float(apart[1].mean())
    if not (tx > 0 and ty > 0):
        return _without_value(x)
    below = math.sqrt(tx * ty)
    value = c / below
    own = 2 * (both - c) / below - value * ((apart[0] - tx) / tx + (apart[1] - ty) / ty)
    return Influenced(float(np.clip(value, -1, 1)), own, 0.0)


def kappa_of(x: Codes, y: Floats, w: Floats | None = None) -> Influenced:
    """Cohen's kappa of labels without order; `y` (n_units, n_labels) may share a unit between labels."""
    weights = np.ones(len(x)) if w is None else w
    total = weights.sum()
    if not total > 0:
        return _without_value(np.zeros(len(x)))
    px, py = np.bincount(x, weights=weights, minlength=y.shape[1]) / total, weights @ y / total
    alike = y[np.arange(len(x)), x]
    observed, expected = float(weights @ alike / total), float(px @ py)
    if not expected < 1 - 1e-12:
        return _without_value(alike)
    value = (observed - expected) / (1 - expected)
    of_chance = py[x] + y @ px - 2 * expected
    own = (alike - observed) / (1 - expected) - (1 - observed) / (1 - expected) ** 2 * of_chance
    return Influenced(value, own, expected, 1 - observed)


def agreement_of(x: Floats, y: Floats) -> Influenced:
    """The share of units on which both say the same."""
    alike = (x == y).astype(float)
    return Influenced(float(alike.mean()), alike - alike.mean(), 0.0)


def bounded(
    estimate: Estimate,
    made: Influenced,
    *,
    clusters: Codes | None = None,
    weights: Floats | None = None,
) -> Estimate:
    """The estimate with the interval of an influenced coefficient around its own value.

    At 1, where nothing disagrees, the lower end is what Wilson's bound leaves room for: so many units that
    disagree as unrelated raters do where they disagree.
    """
    n = len(made.influence)
    if math.isnan(estimate.value) or n < 4:
        return estimate
    groups = n if clusters is None else len(np.unique(clusters))
    if groups < 2:
        return flagged(estimate, Status.DEGENERATE, ["1 cluster is no sample of clusters: no interval"])
    if abs(estimate.value) >= ONE:
        low, _ = at_one(min(made.by_chance, ONE), _effective(weights, groups), level=estimate.level)
        ends = (max(low, -1.0), 1.0) if estimate.value > 0 else (-1.0, min(-low, 1.0))
        return with_interval(estimate, *ends, interval="wilson_at_one")
    found = z_interval(estimate, *influence_se(made.influence, clusters=clusters, weights=weights))
    found = with_few_wrong(found, made.wrong, _effective(weights, groups))
    if clusters is None or groups >= ENOUGH_CLUSTERS:
        return found
    return flagged(
        found, Status.FEW_CLUSTERS, [f"{groups} clusters; from {ENOUGH_CLUSTERS} on an interval holds"]
    )


def with_few_wrong(estimate: Estimate, wrong: float, n: float) -> Estimate:
    """The estimate, with Wilson's bound at its lower end where fewer than `FEW` units differ.

    So few say little of their own spread, and one that differs would be worse than four: the bound on their
    share says more. `wrong` is that share of `n` units, nan where there is nothing to count.
    """
    if not (0 < wrong * n < FEW and estimate.low < estimate.value):
        return estimate
    right, _ = wilson(n * (1 - wrong), n, level=estimate.level)
    return replace(estimate, low=1 - (1 - estimate.value) * (1 - right) / wrong)


def z_interval(estimate: Estimate, se: float, df: float) -> Estimate:
    """The estimate with a t interval that is symmetric on the scale of atanh."""
    if not se > 1e-9 or abs(estimate.value) >= ONE:  # units that all pull alike leave nothing to go by
        return estimate
    half, middle = t_quantile(estimate.level, df) * se / (1 - estimate.value**2), math.atanh(estimate.value)
    ends = math.tanh(middle - half), math.tanh(middle + half)
    return with_interval(estimate, *ends, se=se, interval="influence_z")


def influence_se(
    influence: Floats, *, clusters: Codes | None = None, weights: Floats | None = None
) -> tuple[float, float]:
    """Standard error from influences, and its degrees of freedom: 2 G / (kurtosis - 1), at least 4.

    Shapes: `influence` (n_units,), `clusters` (n_units,) codes, `weights` (n_units,).

    Source:
        Satterthwaite (1946), with the variance of a sample variance from its fourth moment.
    """
    own = influence if weights is None else influence * weights / weights.mean()
    sums = own if clusters is None else np.bincount(clusters, weights=own)
    sums = sums if clusters is None else sums[np.unique(clusters)]
    groups, squares = len(sums), sums * sums
    if groups < 2 or not squares.any():
        return 0.0, 1.0
    se = math.sqrt(groups / (groups - 1) * float(squares.sum())) / len(influence)
    tails = float((squares * squares).mean()) / float(squares.mean()) ** 2
    return se, min(max(2 * groups / max(tails - 1, 1e-9), LEAST_DF), groups - 1.0)


def steady(estimate: Estimate, reference: Floats) -> Estimate:
    """The estimate, flagged where the reference has too few units off its usual label for an interval.

    Of two labels the rarer needs `FEW` units. Of more, few units far from the middle must not carry the whole
    spread: the reference's variance needs `ENOUGH_EXTREME` degrees of freedom.
    """
    _, counts = np.unique(reference, return_counts=True)
    if estimate.status != "ok" or len(counts) < 2:
        return estimate
    if len(counts) == 2:
        note = f"{counts.min()} units have the rarer label; from {FEW} on an interval holds"
        return flagged(estimate, Status.FEW_MINORITY, [note]) if counts.min() < FEW else estimate
    off = reference - reference.mean()
    squares = off * off
    tails = float((squares * squares).mean()) / float(squares.mean()) ** 2
    enough = ENOUGH_EXTREME if len(off) < LARGE else ENOUGH_EXTREME / 2
    if 2 * len(off) / max(tails - 1, 1e-9) >= enough:
        return estimate
    note = "too few units lie far from the usual label: the interval may not hold"
    return flagged(estimate, Status.FEW_EXTREME, [note])


def _squares(
    x: Floats, y: Floats, w: Floats | None, centre: float | None
) -> tuple[Floats, Floats, float, float, float]:
    a = x - (_mean(x, w) if centre is None else centre)
    b = y - (_mean(y, w) if centre is None else centre)
    return a, b, _square(a, w), _square(b, w), _mean(a * b, w)


def _square(a: Floats, w: Floats | None) -> float:
    """The mean square; 0 where rounding alone keeps it above."""
    made = _mean(a * a, w)
    return made if made > 1e-24 * max(1.0, float(np.abs(a).max(initial=0.0)) ** 2) else 0.0


def _mean(x: Floats, w: Floats | None) -> float:
    if not len(x):
        return math.nan
    return float(x.mean()) if w is None else float(w @ x / w.sum())


def _alike_by_chance(x: Floats, y: Floats, w: Floats | None) -> float:
    """How often unrelated raters of these habits give the same number."""
    values, places = np.unique(np.concatenate([x, y]), return_inverse=True)
    weights = np.ones(len(x)) if w is None else w
    px, py = (np.bincount(each, weights=weights, minlength=len(values)) for each in np.split(places, 2))
    return float(px @ py / weights.sum() ** 2)


def _effective(weights: Floats | None, groups: int) -> float:
    """Units that count alike and give as much."""
    return (
        groups if weights is None else groups / len(weights) * float(weights.sum() ** 2 / (weights @ weights))
    )


def _without_value(x: Floats) -> Influenced:
    return Influenced(math.nan, np.full(len(x), math.nan), math.nan)


def _below_less_above(table: Floats) -> Floats:
    """For each row the sum of the rows before it, less that of those after it."""
    upto = np.cumsum(table, axis=0)
    return np.asarray(2 * upto - table - upto[-1])


def _mid_places(x: Floats) -> Floats:
    """Share of units below each, ties counting half."""
    s = np.sort(x)
    return np.asarray((np.searchsorted(s, x, "left") + np.searchsorted(s, x, "right")) / (2 * len(x)))


def _above(x: Floats, w: Floats) -> Floats:
    """What each unit adds to the mean of `w` through the ranks of units above it, of mean 0."""
    order = np.argsort(x, kind="stable")
    s, sums = x[order], np.concatenate([[0.0], np.cumsum(w[order])])
    left, right = np.searchsorted(s, x, "left"), np.searchsorted(s, x, "right")
    found = (sums[-1] - (sums[left] + sums[right]) / 2) / len(x)
    return np.asarray(found - found.mean())
