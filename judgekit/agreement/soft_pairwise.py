"""Soft pairwise accuracy: does the judge find the same differences between systems as sure as people do?

Plain pairwise accuracy counts a coin toss between two equal systems as much as a clear difference.
Here each pair of systems gets a p-value from people's scores and one from the judge's, and the accuracy
is one less their mean distance.

Thompson et al. (2024), "Improving Statistical Significance in Human Evaluation of Automatic Metrics
via Soft Pairwise Accuracy", https://arxiv.org/abs/2409.09598.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import kept_clusters
from judgekit.agreement.estimate import NO_PAIRED_ITEMS, TOO_FEW, flagged, undefined, with_interval
from judgekit.agreement.paired import grid, grids, magnitude, settled
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

EXACT = 15
"""Up to so many items all sign flips are gone through."""


def sign_flips(n_items: int, *, n_flips: int = 1000, seed: int = 0) -> Floats:
    """Shape (n_flips, n_items) of -1 and 1: all 2^n of them up to 15 items, else so many at random.

    >>> sign_flips(2).tolist()
    [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
    """
    if n_items <= EXACT:
        places = np.arange(2**n_items)[:, None] >> np.arange(n_items - 1, -1, -1)
        return np.asarray(1.0 - 2.0 * (places & 1), dtype=np.float64)
    return np.random.default_rng(seed).choice([-1.0, 1.0], size=(n_flips, n_items))


def better_p_values(scores: npt.ArrayLike, flips: npt.ArrayLike, *, mid_p: bool = False) -> Floats:
    """One-sided paired permutation p-values that system s is better than t, shape (systems, systems).

    Args:
        scores: Shape (n_systems, n_items), complete.
        flips: Shape (n_flips, n_items) of -1 and 1, shared by all pairs and by both raters.
        mid_p: Count half of the flips that give exactly the observed difference, so that p(s, t) and
            p(t, s) sum to 1; the published value counts all of them.

    Returns:
        The share of flips whose difference is at least the observed one; nan on the diagonal.

    >>> better_p_values([[2, 3], [1, 2]], sign_flips(2)).tolist()
    [[nan, 0.25], [1.0, nan]]
    """
    x = grid(scores, "scores")
    signs = grid(flips, "flips")
    if signs.shape[1] != x.shape[1]:
        raise InputError(f"flips of {signs.shape[1]} items for scores of {x.shape[1]}")
    size = magnitude(x) * max(x.shape[1], 1)
    return _p_values(signs @ x.T, x.sum(axis=1), size, mid_p=mid_p)


def soft_pairwise_accuracy(
    human: npt.ArrayLike,
    metric: npt.ArrayLike,
    *,
    n_flips: int = 1000,
    seed: int = 0,
    mid_p: bool = False,
) -> float:
    """One less the mean distance of the two raters' p-values over pairs of systems.

    Args:
        human: Shape (n_systems, n_items), people's scores. Items where any score is missing are left
            out, because all p-values must be about the same items.
        metric: The same shape, the judge's.
        n_flips: Sign flips beyond 15 items; one matrix serves all pairs and both raters.
        seed: Of the flips.
        mid_p: See `better_p_values`; with it the value does not depend on the order of the systems.

    Returns:
        From 0 to 1; 1 if the judge is as sure of each pair as people are. It depends on the number of
        items, so only values over the same items compare. nan for fewer than two systems or two items.

    Raises:
        InputError: For differing shapes or infinity.

    Source:
        Thompson et al. (2024), equation 2. Checked against exact enumeration (0.921875 on four systems
        and five items) and the definition in mt-metrics-eval.

    >>> soft_pairwise_accuracy([[1, 2, 3], [0, 1, 2]], [[1, 2, 3], [0, 1, 2]])
    1.0
    """
    h, m = _complete_items(*grids(human, metric))
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
        human: Shape (n_systems, n_items), nan where missing.
        metric: The same shape.
        level: Confidence.
        n_flips: Sign flips beyond 15 items.
        seed: Of the flips.
        mid_p: See `better_p_values`.
        clusters: Shape (n_items,), what each item belongs to; clusters are left out as a whole.

    Returns:
        The interval is a t interval from leaving out each item in turn; it is timid (covered .99 in
        150 simulated sets of 6 systems and 50 or 150 items). Resampling is not used, because an item drawn
        twice counts as two items and makes every p-value surer than it is.
    """
    h, m = grids(human, metric)
    kept = np.asarray(~(np.isnan(h) | np.isnan(m)).any(axis=0), dtype=bool)
    groups = kept_clusters(clusters, kept)
    estimate = Estimate(
        "soft_pairwise_accuracy", soft_pairwise_accuracy(h, m, n_flips=n_flips, seed=seed, mid_p=mid_p),
        level=level, n_units=h.shape[1], n_raters=2, n_used=int(kept.sum()), n_dropped=int((~kept).sum()),
        unit="item" if groups is None else "cluster", seed=seed,
        method="all sign flips" if kept.sum() <= EXACT else f"{n_flips} shared sign flips",
        notes=(f"{h.shape[0]} systems, taken as fixed", "depends on the number of items"),
    )  # fmt: skip
    if math.isnan(estimate.value):
        return undefined(estimate, NO_PAIRED_ITEMS if not kept.any() else TOO_FEW)
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


def _complete_items(h: Floats, m: Floats) -> tuple[Floats, Floats]:
    kept = ~(np.isnan(h) | np.isnan(m)).any(axis=0)
    return h[:, kept], m[:, kept]
