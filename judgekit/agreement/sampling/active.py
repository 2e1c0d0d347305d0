"""Labels drawn with unequal, known chances, and statistics that stay true with them.

Label where the judge is unsure, but by lot: each unit has a known chance of being drawn, never 0, and is
weighed by one over it; then means are unbiased whatever the judge says. Labels picked by hand where the judge
was unsure, or used without weights, give a wrong kappa and a wrong rate.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.chance.chance import fleiss_cohen_everitt
from judgekit.agreement.core.arrays import Clusters, aligned, column, kept_clusters, within
from judgekit.agreement.core.estimate import Status, about, flagged, undefined
from judgekit.agreement.core.intervals import (
    Bounds,
    all_equal,
    equal_note,
    fisher_z,
    floored_se,
    mean_se,
    placed,
)
from judgekit.agreement.core.ratings import Floats, Ratings
from judgekit.agreement.core.weights import Kind, weights_of
from judgekit.errors import InputError
from judgekit.types import Estimate

FEWEST = 10
"""Fewer units outside the commonest label leave no interval of kappa to be trusted."""


def active_mean(
    labels: npt.ArrayLike,
    judged: npt.ArrayLike,
    pi: npt.ArrayLike,
    *,
    lam: float | None = 1.0,
    bounds: Bounds | None = (0.0, 1.0),
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """The mean label of all units, those labelled having been drawn with known chances.

    mean(lam f + (y - lam f) drawn / pi): unbiased for any judge and any chances.

    Args:
        labels: Shape (N,), people's labels; nan where the unit was not drawn. A unit drawn whose label was
        not obtained must not be handed in as not drawn: get the label, or leave the unit out and say so.
        judged: Shape (N,), the judge's values of all units. Units without one are left out.
        pi: Shape (N,), the chances used in drawing.
        lam: How much the judge is trusted; None finds the best.
        bounds: The range of labels; None for a t interval without one.

    Raises `InputError` for a malformed argument, a chance outside (0, 1], or a label out of bounds. Source:
    Zrnic & Candès (2024), arXiv 2403.03208; the variance is the sample variance of the terms.
    """
    y, f, chance = aligned(labels=labels, judged=judged, pi=pi)
    kept = ~np.isnan(f)
    codes = kept_clusters(clusters, kept)
    n_all, y, f, chance = len(y), y[kept], f[kept], chances(chance[kept])
    drawn = ~np.isnan(y)
    if bounds is not None:
        within(y[drawn], *bounds, "labels")
    n = int(drawn.sum())
    made = about(
        "active_mean", len(y), n_all, level=level, n_raters=2, unit="unit" if codes is None else "cluster",
        method="active inference",
    )  # fmt: skip
    if n < 2:
        return undefined(made, Status.TOO_FEW, f"{n} labels")
    known = np.where(drawn, np.nan_to_num(y) / chance, 0.0)
    correction = f * (1 - drawn / chance)
    weight = _best(known, correction) if lam is None else lam
    terms = known + weight * correction
    value, se, df = mean_se(terms, codes)
    if df < 1:
        return undefined(made, Status.TOO_FEW, "fewer than 2 clusters")
    residuals = terms if all_equal(terms) else y[drawn] - weight * f[drawn]
    se = floored_se(se, residuals, n, bounds)
    told = placed(made, value, se, df=min(df, n - 1), n=n, bounds=bounds)
    told = replace(told, notes=(*told.notes, f"{n} labels, lam {weight:.3f}"))
    return flagged(told, Status.DEGENERATE, [equal_note(bounds)]) if all_equal(residuals) else told


def hajek_mean(
    values: npt.ArrayLike,
    pi: npt.ArrayLike,
    *,
    bounds: Bounds | None = (0.0, 1.0),
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """A mean over the population from units drawn with unequal chances: sum(v / pi) / sum(1 / pi).

    Args:
        values: Shape (n,), of the units drawn; nan where missing.
        pi: Shape (n,), their chances (or anything proportional to them that is at most 1).
        bounds: The range of values, which they must not leave; None for a t interval without one.

    Source: Hájek (1971); Särndal, Swensson & Wretman (1992), "Model Assisted Survey Sampling".

    >>> round(hajek_mean([1, 1, 0, 0], [0.5, 0.5, 0.25, 0.25]).value, 4)
    0.3333
    """
    v, chance = aligned(values=values, pi=pi)
    kept = ~np.isnan(v)
    codes = kept_clusters(clusters, kept)
    n_all, v, chance = len(v), v[kept], chances(chance[kept])
    if bounds is not None:
        within(v, *bounds, "values")
    made = about(
        "hajek_mean", len(v), n_all, level=level, n_raters=1, unit="unit" if codes is None else "cluster",
        method="weights 1/pi",
    )  # fmt: skip
    if len(v) < 2:
        return undefined(made, Status.TOO_FEW, f"{len(v)} values")
    w = 1 / chance
    value = float(w @ v / w.sum())
    _, se, df = mean_se(len(v) * w * (v - value) / w.sum(), codes)
    if df < 1:
        return undefined(made, Status.TOO_FEW, "fewer than 2 clusters")
    worth = int(w.sum() ** 2 / (w @ w))
    se = floored_se(se, v, max(worth, 1), bounds)
    told = placed(made, value, se, df=df, n=len(v), bounds=bounds)
    told = replace(told, notes=(*told.notes, f"weights are worth {worth} even ones"))
    return flagged(told, Status.DEGENERATE, [equal_note(bounds)]) if all_equal(v) else told


def hajek_kappa(
    ratings: Ratings, pi: npt.ArrayLike, *, weights: Kind = "identity", level: float = 0.95
) -> Estimate:
    """Cohen's kappa of the population from units drawn with unequal chances `pi` (n_units,).

    Without the weights kappa of, say, as many failures as passes is the kappa of a population that does not
    exist. It is an `InputError` if there are not two raters, or for a chance outside (0, 1]. Source: The
    table is weighted by 1/pi; the variance is that of Fleiss, Cohen & Everitt (1969) with each unit's
    influence weighted (linearisation). With equal chances it is theirs times n/(n-1).
    """
    if ratings.n_raters != 2:
        raise InputError(f"{ratings.n_raters} raters; kappa is of two")
    kept = np.asarray((ratings.codes >= 0).all(axis=1), dtype=bool)
    codes, chance = ratings.codes[kept], chances(column(pi, "pi")[kept])
    groups = kept_clusters(ratings.clusters, kept)
    made = about(
        "cohen_kappa", len(codes), len(kept), level=level, n_raters=2,
        unit="unit" if groups is None else "cluster", method=f"{weights} weights, units weighted by 1/pi",
    )  # fmt: skip
    if len(codes) < 2:
        return undefined(made, Status.TOO_FEW, f"{len(codes)} units with both labels")
    q, w = len(ratings.values), 1 / chance
    table = np.zeros((q, q))
    np.add.at(table, (codes[:, 0], codes[:, 1]), w / w.sum())
    found = fleiss_cohen_everitt(table, weights=weights, values=ratings.values)
    if math.isnan(found.kappa):
        return undefined(made, Status.NO_VARIATION, "both raters used one label only")
    agree = weights_of(weights, ratings.values).against(np.eye(q))
    by_row, by_column = agree @ table.sum(axis=0), table.sum(axis=1) @ agree
    term = agree - (1 - found.kappa) * (by_row[:, None] + by_column[None, :])
    term = (term - float((table * term).sum())) / (1 - found.expected)
    _, se, _ = mean_se(len(codes) * w / w.sum() * term[codes[:, 0], codes[:, 1]], groups)
    low, high = fisher_z(found.kappa, se, level=level)
    kind = "none" if math.isnan(low) else "fisher_z"
    told = replace(
        made, value=found.kappa, low=low, high=high, se=se, interval=kind,
        notes=(f"weights are worth {w.sum() ** 2 / (w @ w):.0f} even ones",),
    )  # fmt: skip
    rarest = min(len(codes) - int(np.bincount(codes[:, side], minlength=q).max()) for side in (0, 1))
    if rarest < FEWEST:
        return flagged(told, Status.FEW_MINORITY, [f"{rarest} units outside a rater's commonest label"])
    return told


def _best(known: Floats, correction: Floats) -> float:
    spread = float(np.var(correction))
    return float(np.clip(-np.cov(known, correction, ddof=0)[0, 1] / spread, 0, 1)) if spread > 0 else 0.0


def labelling_probabilities(uncertainty: npt.ArrayLike, *, budget: float, tau: float = 0.5) -> Floats:
    """The chance of each unit to be labelled: partly even, partly by how unsure the judge is.

    Args:
        uncertainty: Shape (N,), anything that grows as the judge's error does: the standard deviation sqrt(p
            (1 - p)) of a probability, the spread over samples, 1 - confidence. At least 0.
        budget: Labels wanted, on average; the chances, in (0, 1], have this sum.
        tau: Share of the budget spread evenly, in (0, 1]; it keeps every chance above 0.

    Raises `InputError` if the uncertainty is missing or negative anywhere, or there is no such budget or tau.
    Source: Zrnic & Candès (2024), "Active Statistical Inference", arXiv 2403.03208.

    >>> labelling_probabilities([0, 0, 1, 1], budget=2).tolist()
    [0.25, 0.25, 0.75, 0.75]
    """
    u = column(uncertainty, "uncertainty")
    if np.isnan(u).any() or (u < 0).any():
        raise InputError("uncertainty is missing or negative somewhere; a number of at least 0 is needed")
    if not 0 < budget <= len(u) or not 0 < tau <= 1:
        raise InputError(f"budget {budget} of {len(u)} units, tau {tau}: it must be above 0 and at most that")
    even = np.full(len(u), 1 / len(u))
    share = even if u.sum() == 0 else (1 - tau) * u / u.sum() + tau * even
    pi = np.zeros(len(u))
    free = np.ones(len(u), dtype=bool)
    while free.any():
        pi[free] = (budget - np.sum(~free)) * share[free] / share[free].sum()
        over = free & (pi > 1)
        if not over.any():
            break
        pi[over], free = 1.0, free & ~over
    return pi


def draw_units(pi: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.bool_]:
    """Which units to label: each by its own chance, independently.

    >>> draw_units([1.0, 1.0], seed=1).tolist()
    [True, True]
    """
    chance = chances(pi)
    return np.asarray(np.random.default_rng(seed).random(len(chance)) < chance)


def neyman_allocation(
    sizes: Sequence[int], sds: Sequence[float], *, n: int, least: int = 2
) -> tuple[int, ...]:
    """How many of n labels each stratum gets: in proportion to its size times its spread (Neyman 1934).

    Args:
        sizes: Units in each stratum.
        sds: Expected standard deviation of the label (less the judge's) in each.
        n: Labels in all; the result has this sum (or all there is), none above its stratum's size.
        least: The fewest in any stratum, so that its spread can be seen.

    Raises `InputError` if lengths differ or n does not reach `least` in each.

    >>> neyman_allocation([100, 100], [0.1, 0.3], n=40)
    (10, 30)
    """
    size, spread = aligned(sizes=np.asarray(sizes, float), sds=np.asarray(sds, float))
    floor = np.minimum(size, least)
    if not (spread >= 0).all() or n < floor.sum():
        raise InputError(f"{n} labels for {len(size)} strata of at least {least} each, spreads {list(sds)}")
    # A spread of 0 is a guess too: such a stratum comes last, but is no waste where others are used up.
    want = size * np.maximum(spread, 1e-9 * max(float(spread.max()), 1e-9))
    total = min(n, int(size.sum()))
    low, high = 0.0, float(np.max(size / want))
    for _ in range(200):
        factor = (low + high) / 2
        reached = np.clip(factor * want, floor, size).sum() >= total
        low, high = (low, factor) if reached else (factor, high)
    return _rounded(np.clip(high * want, floor, size), size, total)


def _rounded(given: Floats, size: Floats, total: int) -> tuple[int, ...]:
    """Whole numbers nearest to `given` with a fixed sum (largest remainders first)."""
    whole = np.floor(given + 1e-9)
    for i in np.argsort(-np.round(given - whole, 9), kind="stable"):
        if whole.sum() < total and whole[i] < size[i]:
            whole[i] += 1
    return tuple(int(x) for x in whole)


def chances(pi: npt.ArrayLike) -> Floats:
    """Chances of being drawn, shape (n,)."""
    chance = column(pi, "pi")
    if not ((chance > 0) & (chance <= 1)).all():
        raise InputError(
            "pi is missing or not in (0, 1] somewhere; a unit that could not be drawn says nothing"
        )
    return chance
