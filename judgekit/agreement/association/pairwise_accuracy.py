"""Pairwise accuracy: of all pairs of responses, how many does the judge order as people do?

With ties: a pair that people tie is right only if the judge ties it too. Judges that give fine numbers hardly
ever tie, so numbers at most `eps` apart count as tied, and the best `eps` is fitted. In the units it was
fitted on the accuracy is flattering; the value on held-out items stands beside it, to compare judges by.
Source: Deutsch, Foster and Freitag (2023), "Ties Matter", https://arxiv.org/abs/2305.14324.

Softly, for systems: a coin toss between two equal systems counts less than a clear difference. Each pair gets
a p-value from people's scores and one from the judge's; the accuracy is one less their mean distance. Source:
Thompson et al. (2024), https://arxiv.org/abs/2409.09598.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.groupings import Grouping, groups_of
from judgekit.agreement.core.arrays import grid, grids, kept_clusters, magnitude, settled
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, with_interval
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Drawn, Resampling, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate

SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class ScorePairs:
    """Pairs of scores, sorted by how far the judge's are apart; each array has shape (n_pairs,).

    Args:
        gap: How far the judge's two scores are apart.
        before: 1 where the judge is right as long as it does not tie the pair, else 0.
        gain: What is won by tying it: 1, 0 or -1.
    """

    gap: Floats
    before: Floats
    gain: Floats
    group: Codes
    items: tuple[Codes, Codes]


def score_pairs(h: Floats, m: Floats, grouping: Grouping) -> ScorePairs:
    """Return all pairs of scores (n_systems, n_items) within the groups of a grouping."""
    both = ~(np.isnan(h) | np.isnan(m))
    where = np.broadcast_to(np.arange(h.shape[1]), h.shape)
    size = (magnitude(h), magnitude(m))
    if grouping == "system_level":
        items = [np.zeros(h.shape[0], dtype=np.intp)]
    elif grouping == "none":
        items = [where[both]]
    elif grouping == "by_system":
        items = [w[k] for w, k in zip(where, both, strict=True)]
    else:
        items = [w[k] for w, k in zip(where.T, both.T, strict=True)]
    found = []
    for i, ((a, c), item) in enumerate(zip(groups_of(h, m, grouping), items, strict=True)):
        left, right = np.triu_indices(len(a), 1)
        sign_h = np.sign(settled(a[left] - a[right], size[0]))
        gap = settled(c[left] - c[right], size[1])
        agree = (sign_h != 0) & (np.sign(gap) == sign_h)
        gain = np.where(sign_h == 0, 1.0, np.where(agree, -1.0, 0.0))
        found.append((np.abs(gap), agree * 1.0, gain, np.full(len(left), i), item[left], item[right]))
    if not found:
        none, nobody = np.zeros(0), np.zeros(0, dtype=np.intp)
        return ScorePairs(none, none, none, nobody, (nobody, nobody))
    gap, agree, gain, group, one, two = (np.concatenate([each[k] for each in found]) for k in range(6))
    order = np.argsort(gap, kind="stable")
    return ScorePairs(gap[order], agree[order], gain[order], group[order], (one[order], two[order]))


def weights_of_pairs(pairs: ScorePairs, times: Floats | None, *, alone: bool = False) -> Floats:
    """Weight of each pair: equal within a group, each group with a pair weighing the same."""
    if not len(pairs.gap):
        return np.zeros(0)
    one, two = pairs.items
    drawn = np.ones(len(pairs.gap)) if times is None or alone else times[one] * times[two]
    total = np.bincount(pairs.group, weights=drawn)
    weight = np.divide(drawn, total[pairs.group], out=np.zeros_like(drawn), where=total[pairs.group] > 0)
    return weight if times is None or not alone else weight * times[one]


def mean_right(right: Floats, weight: Floats) -> float:
    """Weighted share of right pairs, nan where there is no weight."""
    total = weight.sum()
    return float(right @ weight / total) if total > 0 else math.nan


def right_at(pairs: ScorePairs, eps: float) -> Floats:
    """1 for each pair that the judge orders or ties as people do."""
    return pairs.before + np.where(pairs.gap <= eps + SLACK, pairs.gain, 0.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold that is best for the judge: scores at most `eps` apart count as tied.

    Of those that are best it is the smallest; `acc_eq` is the share of pairs ordered or tied as people did
    there (a mean over groups), `tau_eq` the same on [-1, 1], `at_zero` the accuracy where only equal scores
    are ties.
    """

    acc_eq: float
    tau_eq: float
    eps: float
    at_zero: float


@dataclass(frozen=True, slots=True)
class TieCalibrated:
    """Pairwise accuracy with ties, where the threshold was fitted (flattering) and on other items.

    `held_out` has each fold of the items at the threshold fitted to the others.
    """

    in_sample: Estimate
    held_out: Estimate
    calibration: Calibration


def pairwise_accuracy(
    human: npt.ArrayLike, metric: npt.ArrayLike, *, grouping: Grouping = "system_level", eps: float = 0.0
) -> float:
    """Return the share of pairs of scores (n_systems, n_items) ordered, or tied, as people do."""
    h, m = grids(human, metric)
    pairs = score_pairs(h, m, grouping)
    return mean_right(right_at(pairs, eps), weights_of_pairs(pairs, None))


def tie_calibrated_accuracy(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    grouping: Grouping = "by_item",
    folds: int = 5,
    clusters: Any = None,
    **how: Unpack[Drawn],
) -> TieCalibrated:
    """Pairwise accuracy with ties, its threshold, and its value on held-out items.

    Args:
        human: Shape (n_systems, n_items), people's scores, nan where missing; `metric` has the judge's.
        grouping: Which pairs are compared, as in `grouped_correlation`.
        folds: Items are split into so many; 2 is a split half. Clusters (n_items,) stay in one fold.
        how: See `Drawn`; `b` 1000 where left out.

    Raises `InputError` for differing shapes or infinity.
    """
    draw = resampling(how, b=1000)
    h, m = grids(human, metric)
    pairs, groups = score_pairs(h, m, grouping), coded_clusters(clusters, h.shape[1])
    found = _calibrated(pairs, None)
    both = int((~(np.isnan(h) | np.isnan(m))).sum())
    blank = about("acc_eq", both, h.size, value=found.acc_eq, level=draw.level, n_raters=2, unit="item")
    inside = replace(
        blank, method=f"grouping {grouping}, eps fitted to these items",
        notes=(f"eps = {found.eps:g}", "the threshold was fitted to these items, which flatters the judge"),
    )  # fmt: skip
    outside = replace(blank, method=f"grouping {grouping}, eps from other items", notes=("systems fixed",))
    if math.isnan(found.acc_eq):
        why = Status.NO_PAIRED_ITEMS if both == 0 else Status.TOO_FEW
        return TieCalibrated(undefined(inside, why), undefined(outside, why), found)
    inside = resampled(
        inside, _resampler(h, m, grouping, pairs), h.shape[1], draw.over(groups),
        kind="percentile" if grouping == "system_level" else None,
    )  # fmt: skip
    fold = _folds(h.shape[1], folds, draw.seed, groups)
    outside = _held_out(outside, (h, m, grouping), fold, draw.over(groups))
    return TieCalibrated(inside, outside, found)


def _held_out(
    estimate: Estimate, scores: tuple[Floats, Floats, Grouping], fold: Codes, draw: Resampling
) -> Estimate:
    """The held-out value; the interval resamples items and keeps each one's fold and threshold."""
    h, _, grouping = scores
    pairs = _held_out_pairs(*scores, fold)
    if pairs is None:
        why = "the systems' means need all items" if grouping == "system_level" else "too few items"
        return undefined(estimate, Status.NOT_IDENTIFIED, f"no items can be held out: {why}")
    n, alone = h.shape[1], grouping == "by_item"

    def mean(items: Codes) -> float:
        times = np.bincount(items, minlength=n).astype(np.float64)
        return mean_right(pairs.before, weights_of_pairs(pairs, times, alone=alone))

    return resampled(replace(estimate, value=mean(np.arange(n))), mean, n, draw)


def _held_out_pairs(h: Floats, m: Floats, grouping: Grouping, fold: Codes) -> ScorePairs | None:
    """The pairs within folds, `before` being 1 where the judge is right at the others' threshold."""
    found: list[ScorePairs] = []
    for each in np.unique(fold) if grouping != "system_level" else ():
        here = np.flatnonzero(fold == each)
        eps = _calibrated(score_pairs(h[:, fold != each], m[:, fold != each], grouping), None).eps
        part = score_pairs(h[:, here], m[:, here], grouping)
        if len(part.gap) == 0 or math.isnan(eps):
            continue
        group = here[part.group] if grouping == "by_item" else part.group
        items = (here[part.items[0]], here[part.items[1]])
        found.append(ScorePairs(part.gap, right_at(part, eps), 0 * part.gain, group, items))
    if len(found) < 2:
        return None
    gap, right, gain, group = (
        np.concatenate([getattr(part, name) for part in found]) for name in ("gap", "before", "gain", "group")
    )
    one, two = (np.concatenate([part.items[i] for part in found]) for i in (0, 1))
    return ScorePairs(gap, right, gain, group, (one, two))


def _folds(n_items: int, folds: int, seed: int, clusters: Codes | None) -> Codes:
    """Which fold each item is in, whole clusters together."""
    unit = np.arange(n_items) if clusters is None else clusters
    n = int(unit.max(initial=-1)) + 1
    order = np.random.default_rng(seed).permutation(n)
    return np.asarray((order % max(2, min(folds, n // 2)))[unit], dtype=np.intp)


def _calibrated(pairs: ScorePairs, times: Floats | None, *, alone: bool = False) -> Calibration:
    weight = weights_of_pairs(pairs, times, alone=alone)
    total = weight.sum()
    if not total > 0:
        return Calibration(math.nan, math.nan, math.nan, math.nan)
    curve = (pairs.before @ weight + np.cumsum(pairs.gain * weight)) / total
    last = np.append(np.diff(pairs.gap) > 0, True)  # the end of each run of equal gaps
    sizes, values = pairs.gap[last], curve[last]
    at_zero = float(values[0]) if sizes[0] == 0 else float(pairs.before @ weight / total)
    sizes, values = np.append(0.0, sizes), np.append(at_zero, values)
    best = int(np.argmax(values >= values.max() - SLACK))
    return Calibration(float(values[best]), float(2 * values[best] - 1), float(sizes[best]), at_zero)


def _resampler(h: Floats, m: Floats, grouping: Grouping, pairs: ScorePairs) -> Any:
    """The calibrated accuracy of a resample of items; a score is not compared with its own copies."""
    if grouping == "system_level":
        return lambda items: _calibrated(score_pairs(h[:, items], m[:, items], grouping), None).acc_eq

    def accuracy(items: Codes) -> float:
        times = np.bincount(items, minlength=h.shape[1]).astype(float)
        return _calibrated(pairs, times, alone=grouping == "by_item").acc_eq

    return accuracy


EXACT = 15
"""Up to so many items all sign flips are gone through."""


def sign_flips(n_items: int, *, n_flips: int = 1000, seed: int = 0) -> Floats:
    """Shape (n_flips, n_items) of -1 and 1: all 2^n of them up to 15 items, else so many at random."""
    if n_items <= EXACT:
        places = np.arange(2**n_items)[:, None] >> np.arange(n_items - 1, -1, -1)
        return np.asarray(1.0 - 2.0 * (places & 1), dtype=np.float64)
    return np.random.default_rng(seed).choice([-1.0, 1.0], size=(n_flips, n_items))


def better_p_values(scores: npt.ArrayLike, flips: npt.ArrayLike, *, mid_p: bool = False) -> Floats:
    """Return one-sided paired permutation p-values that system s is better than t, (systems, systems)."""
    x = grid(scores, "scores")
    signs = grid(flips, "flips")
    if signs.shape[1] != x.shape[1]:
        raise InputError(f"flips of {signs.shape[1]} items for scores of {x.shape[1]}")
    size = magnitude(x) * max(x.shape[1], 1)
    return _p_values(signs @ x.T, x.sum(axis=1), size, mid_p=mid_p)


def soft_pairwise_accuracy(
    human: npt.ArrayLike, metric: npt.ArrayLike, *, n_flips: int = 1000, seed: int = 0, mid_p: bool = False
) -> float:
    """Return one less the mean distance of the two raters' p-values over pairs of systems."""
    # Source: Thompson et al. (2024), equation 2. Checked against exact enumeration (0.921875 on four systems
    # and five items) and the definition in mt-metrics-eval.
    h, m = grids(human, metric)
    kept = ~(np.isnan(h) | np.isnan(m)).any(axis=0)
    h, m = h[:, kept], m[:, kept]
    if h.shape[0] < 2 or h.shape[1] < 2:
        return math.nan
    flips = sign_flips(h.shape[1], n_flips=n_flips, seed=seed)
    return _accuracy(*(better_p_values(each, flips, mid_p=mid_p) for each in (h, m)))


def soft_accuracy(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    level: float = 0.95,
    n_flips: int = 1000,
    seed: int = 0,
    mid_p: bool = False,
    clusters: Any = None,
) -> Estimate:
    """Soft pairwise accuracy with a jackknife interval over items (or clusters of them).

    Args:
        human: Shape (n_systems, n_items), nan where missing; `metric` has the judge's.
        n_flips: Sign flips beyond 15 items.
        mid_p: Count half of the flips that give exactly the observed difference, so that the value does not
            depend on the order of the systems; the published value counts all of them.

    The interval is a t interval from leaving out each item in turn; it is timid (covered .99 in 150 simulated
    sets of 6 systems and 50 or 150 items). Resampling is not used, because an item drawn twice counts as two
    items and makes every p-value surer than it is.
    """
    h, m = grids(human, metric)
    kept = np.asarray(~(np.isnan(h) | np.isnan(m)).any(axis=0), dtype=bool)
    groups = kept_clusters(clusters, kept)
    estimate = about(
        "soft_pairwise_accuracy", kept.sum(), h.shape[1],
        value=soft_pairwise_accuracy(h, m, n_flips=n_flips, seed=seed, mid_p=mid_p), level=level, n_raters=2,
        unit="item" if groups is None else "cluster", seed=seed,
        method="all sign flips" if kept.sum() <= EXACT else f"{n_flips} shared sign flips",
        notes=(f"{h.shape[0]} systems, taken as fixed", "depends on the number of items"),
    )  # fmt: skip
    if math.isnan(estimate.value):
        return undefined(estimate, Status.NO_PAIRED_ITEMS if not kept.any() else Status.TOO_FEW)
    h, m = h[:, kept], m[:, kept]
    unit = np.arange(h.shape[1]) if groups is None else groups
    flips = sign_flips(h.shape[1], n_flips=n_flips, seed=seed)
    values = np.array([_without(h, m, flips, unit != g, mid_p=mid_p) for g in range(int(unit.max()) + 1)])
    return _jackknifed(estimate, values)


def _jackknifed(estimate: Estimate, values: Floats) -> Estimate:
    from scipy.stats import t

    g = len(values)
    if g < 3:
        return flagged(estimate, "ok", ("too few items for an interval",))
    se = math.sqrt((g - 1) / g * float(np.sum((values - values.mean()) ** 2)))
    half = float(t.ppf((1 + estimate.level) / 2, g - 1)) * se
    low, high = max(0.0, estimate.value - half), min(1.0, estimate.value + half)
    if se <= 1e-12:  # the values differ by the rounding of their sums at most
        return flagged(estimate, "ok_degenerate", ("no item changes the value: there is no interval",))
    return with_interval(estimate, low, high, se=se, interval="t_jackknife", seed=estimate.seed)


def _without(h: Floats, m: Floats, flips: Floats, kept: npt.NDArray[np.bool_], *, mid_p: bool) -> float:
    return _accuracy(*(better_p_values(each[:, kept], flips[:, kept], mid_p=mid_p) for each in (h, m)))


def _accuracy(p_human: Floats, p_metric: Floats) -> float:
    upper = np.triu_indices(len(p_human), 1)
    return float(1.0 - np.mean(np.abs(p_human - p_metric)[upper]))


def _p_values(flipped: Floats, sums: Floats, size: float, *, mid_p: bool) -> Floats:
    """Shape (systems, systems) from sums under each flip, shape (n_flips, systems), and without."""
    n = len(sums)
    p = np.full((n, n), np.nan)
    for s in range(n):
        null = settled(flipped[:, [s]] - flipped, size)
        seen = settled(sums[s] - sums, size)
        p[s] = np.mean(null >= seen, axis=0) - (0.5 * np.mean(null == seen, axis=0) if mid_p else 0.0)
        p[s, s] = np.nan
    return p
