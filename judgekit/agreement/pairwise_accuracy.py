"""Pairwise accuracy with ties: of all pairs of responses, how many does the judge order as people do?

A pair that people tie is right only if the judge ties it too. Judges that give fine numbers hardly ever
tie, so numbers at most `eps` apart count as tied, and `eps` is the one that is best for the judge: it
is fitted. In the units it was fitted on the accuracy is flattering, so the value on held-out items
stands beside it; that is the one to compare judges by.

Deutsch, Foster and Freitag (2023), "Ties Matter", https://arxiv.org/abs/2305.14324.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.estimate import NO_PAIRED_ITEMS, NOT_IDENTIFIED, TOO_FEW, undefined
from judgekit.agreement.groupings import Grouping
from judgekit.agreement.paired import grids, resampled
from judgekit.agreement.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.score_pairs import (
    SLACK,
    ScorePairs,
    mean_right,
    right_at,
    score_pairs,
    weights_of_pairs,
)
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold that is best for the judge.

    Args:
        acc_eq: Share of pairs ordered or tied as people did, at `eps`; a mean over groups.
        tau_eq: The same on [-1, 1]: right less wrong.
        eps: Judge's scores at most so far apart count as tied, in points of its scale; the smallest
            of those that are best.
        at_zero: The accuracy where only equal scores are ties.
    """

    acc_eq: float
    tau_eq: float
    eps: float
    at_zero: float


@dataclass(frozen=True, slots=True)
class TieCalibrated:
    """Pairwise accuracy with ties, where the threshold was fitted and on other items.

    Args:
        in_sample: On the items the threshold was fitted to; flattering.
        held_out: Each fold of the items at the threshold fitted to the others.
        calibration: The threshold, and the accuracy without one.
    """

    in_sample: Estimate
    held_out: Estimate
    calibration: Calibration


def calibrate_ties(human: npt.ArrayLike, metric: npt.ArrayLike, *, grouping: Grouping) -> Calibration:
    """The best threshold for ties, over 0 and all differences that occur.

    Args:
        human: Shape (n_systems, n_items), people's scores, nan where missing.
        metric: The same shape, the judge's.
        grouping: Which pairs are compared: `none` all scores, `by_item` systems on one item,
            `by_system` items of one system, `system_level` the systems' means.

    Returns:
        All nan if no group has two scores. Time and memory grow with the number of pairs.

    Raises:
        InputError: For differing shapes or infinity.

    Source:
        Deutsch et al. (2023). Checked against mt-metrics-eval at sample_rate=1 and brute force.

    >>> calibrate_ties([[1, 2, 2]], [[0.1, 0.5, 0.6]], grouping="by_system").eps
    0.1
    """
    h, m = grids(human, metric)
    return _calibrated(score_pairs(h, m, grouping), None)


def pairwise_accuracy(
    human: npt.ArrayLike, metric: npt.ArrayLike, *, grouping: Grouping = "system_level", eps: float = 0.0
) -> float:
    """Share of pairs that the judge orders, or ties, as people do.

    Args:
        human: Shape (n_systems, n_items), nan where missing.
        metric: The same shape.
        grouping: As in `calibrate_ties`; `system_level` is the accuracy of Kocmi et al. (2021),
            https://arxiv.org/abs/2107.10821.
        eps: Judge's scores at most so far apart are tied.

    Returns:
        From 0 to 1, the mean over groups; nan if there is no pair.

    >>> pairwise_accuracy([[1, 2], [3, 4], [4, 5]], [[1, 1], [2, 2], [0, 0]])
    0.3333333333333333
    """
    h, m = grids(human, metric)
    pairs = score_pairs(h, m, grouping)
    return mean_right(right_at(pairs, eps), weights_of_pairs(pairs, None))


def tie_calibrated_accuracy(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    grouping: Grouping = "by_item",
    folds: int = 5,
    level: float = 0.95,
    clusters: Any = None,
    b: int = 1000,
    seed: int = 0,
) -> TieCalibrated:
    """Pairwise accuracy with ties, its threshold, and its value on held-out items.

    Args:
        human: Shape (n_systems, n_items), people's scores, nan where missing.
        metric: The same shape, the judge's.
        grouping: As in `calibrate_ties`.
        folds: Items are split into so many; 2 is a split half.
        level: Confidence.
        clusters: Shape (n_items,); whole clusters are resampled, and stay in one fold.
        b: Resamples of the items; the threshold is fitted anew in each.
        seed: Of the split and the resamples.

    Raises:
        InputError: For differing shapes or infinity.
    """
    h, m = grids(human, metric)
    pairs, groups = score_pairs(h, m, grouping), coded_clusters(clusters, h.shape[1])
    found = _calibrated(pairs, None)
    both = int((~(np.isnan(h) | np.isnan(m))).sum())
    blank = Estimate(
        "acc_eq", found.acc_eq, level=level, n_units=h.size, n_raters=2, n_used=both,
        n_dropped=h.size - both, unit="item",
    )  # fmt: skip
    inside = replace(
        blank, method=f"grouping {grouping}, eps fitted to these items",
        notes=(f"eps = {found.eps:g}", "the threshold was fitted to these items, which flatters the judge"),
    )  # fmt: skip
    outside = replace(blank, method=f"grouping {grouping}, eps from other items", notes=("systems fixed",))
    if math.isnan(found.acc_eq):
        why = NO_PAIRED_ITEMS if both == 0 else TOO_FEW
        return TieCalibrated(undefined(inside, why), undefined(outside, why), found)
    inside = resampled(
        inside, _resampler(h, m, grouping, pairs), h.shape[1], seed=seed, b=b, clusters=groups,
        kind="percentile" if grouping == "system_level" else None,
    )  # fmt: skip
    fold = _folds(h.shape[1], folds, seed, groups)
    outside = _held_out(outside, (h, m, grouping), fold, groups=groups, b=b, seed=seed)
    return TieCalibrated(inside, outside, found)


def held_out_accuracy(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    grouping: Grouping = "by_item",
    folds: int = 5,
    seed: int = 0,
) -> float:
    """Accuracy of each fold of items at the threshold fitted to the other folds, over all folds.

    Pairs across folds are not compared. Systems' means (`system_level`) have no held-out value.

    Returns:
        From 0 to 1, nan if there are too few items for two folds with a pair in each.
    """
    h, m = grids(human, metric)
    pairs = _held_out_pairs(h, m, grouping, _folds(h.shape[1], folds, seed, None))
    return math.nan if pairs is None else mean_right(pairs.before, weights_of_pairs(pairs, None))


def _held_out(
    estimate: Estimate,
    scores: tuple[Floats, Floats, Grouping],
    fold: Codes,
    *,
    groups: Codes | None,
    b: int,
    seed: int,
) -> Estimate:
    """The held-out value; the interval resamples items and keeps each one's fold and threshold."""
    h, _, grouping = scores
    pairs = _held_out_pairs(*scores, fold)
    if pairs is None:
        why = "the systems' means need all items" if grouping == "system_level" else "too few items"
        return undefined(estimate, NOT_IDENTIFIED, f"no items can be held out: {why}")
    n, alone = h.shape[1], grouping == "by_item"

    def mean(items: Codes) -> float:
        times = np.bincount(items, minlength=n).astype(np.float64)
        return mean_right(pairs.before, weights_of_pairs(pairs, times, alone=alone))

    return resampled(replace(estimate, value=mean(np.arange(n))), mean, n, seed=seed, b=b, clusters=groups)


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
