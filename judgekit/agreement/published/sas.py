"""SAS-Bench: consistency of graders of steps (QWK, CCS, ECS), corrected, and as published under that name.

A row is an answer: its total, then its steps. CCS is quadratic kappa of the whole row, half the weight on the
total, half shared by the steps. The published code weighs a pair of rows by the place of the first among all
sorted rows instead of by answer, gives rows beyond the number of answers no weight, and counts a missing step
as 0. ECS compares how often each error is named, in low, middle and high scores; the published code counts a
tier without variation as 0, here it is left out and counted. Source: Lai et al. (2025), arXiv 2505.07247, and
its repository.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import spearman
from judgekit.agreement.core.arrays import aligned, grids
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, by_sums, ratio, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


def ccs_as_published(gold: npt.ArrayLike, predicted: npt.ArrayLike, *, most: Sequence[float]) -> float:
    """CCS with the published code's errors, for comparison with published numbers only.

    Arguments as of `collaborative_consistency`, but that a missing step counts as 0 and `most` holds the
    largest total and the largest step seen.
    """
    g, p = grids(gold, predicted)
    steps = (~np.isnan(g)).sum(axis=1) - 1
    own = np.where(np.arange(g.shape[1]) == 0, 0.5, 0.5 / np.maximum(steps, 1)[:, None])
    own = np.where(np.arange(g.shape[1]) <= steps[:, None], own, 0.0)
    rows = np.nan_to_num(np.concatenate([g, p]))
    levels, place = np.unique(rows, axis=0, return_inverse=True)
    i, j = place.ravel()[: len(g)], place.ravel()[len(g) :]
    by_level = np.zeros((len(levels), g.shape[1]))
    by_level[: min(len(own), len(levels))] = own[: len(levels)]
    scaled = levels / (np.asarray(most, dtype=float) + 1e-10)
    observed = np.sum(by_level[i] * (scaled[i] - scaled[j]) ** 2)
    square = (scaled[i][:, None] - scaled[j][None, :]) ** 2
    expected = np.sum(by_level[i][:, None] * square) / max(len(g), 1)
    return float(1 - observed / expected) if expected > 0 else float("nan")


def collaborative_consistency(
    gold: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    most: Sequence[float],
    alpha: float = 0.5,
    **how: Unpack[Drawn],
) -> tuple[Estimate, ...]:
    """CCS of answers grouped by how many steps they have, one estimate a number of steps.

    Args:
        gold: Shape (n_answers, 1 + m), nan after an answer's last step; an answer without any number has no
            number of steps, and a last estimate without a value counts those.
        predicted: The same of the judge; an answer with a step not graded is dropped and counted, not 0.
        most: Shape (1 + m,), the most points of each.
        alpha: Weight of the total.
        how: See `Drawn`; `b` 1000 where left out.
    """
    draw = resampling(how, b=1000)
    g, p = grids(gold, predicted)
    steps = (~np.isnan(g)).sum(axis=1) - 1
    made = []
    for m in np.unique(steps[steps >= 0]):
        mine = steps == m
        a, c = g[mine, : m + 1], p[mine, : m + 1]
        kept = ~(np.isnan(a) | np.isnan(c)).any(axis=1)
        base = about(
            "ccs", kept.sum(), len(a), level=draw.level, n_raters=2, method=f"{m} steps, alpha {alpha:g}"
        )
        if not kept.any():
            made.append(undefined(base, Status.NO_PAIRED_ITEMS))
            continue
        columns = _columns(a[kept], c[kept], _weights(m + 1, list(most)[: m + 1], alpha))
        made.append(by_sums(base, columns, _kappa, draw))
    if lost := int((steps < 0).sum()):
        base = Estimate(
            "ccs", float("nan"), level=draw.level, n_units=lost, n_raters=2, n_dropped=lost,
            method=f"no gold, alpha {alpha:g}",
        )  # fmt: skip
        made.append(undefined(base, Status.NO_PAIRED_ITEMS))
    return tuple(made)


def ecs(
    gold_scores: npt.ArrayLike,
    predicted_scores: npt.ArrayLike,
    totals: npt.ArrayLike,
    gold_errors: npt.ArrayLike,
    predicted_errors: npt.ArrayLike,
) -> float:
    """Return the rank correlation of how often each error is named, mean over three tiers of answers."""
    tiers = _tiers(gold_scores, predicted_scores, totals, gold_errors, predicted_errors)
    known = tiers[~np.isnan(tiers)]
    return float(known.mean()) if len(known) else float("nan")


def ecs_as_published(
    gold_scores: npt.ArrayLike,
    predicted_scores: npt.ArrayLike,
    totals: npt.ArrayLike,
    gold_errors: npt.ArrayLike,
    predicted_errors: npt.ArrayLike,
) -> float:
    """`errors_consistency` with a tier without variation counted as 0, as the published code does."""
    tiers = _tiers(gold_scores, predicted_scores, totals, gold_errors, predicted_errors)
    return float(np.nan_to_num(tiers).mean())


def errors_consistency(
    gold_scores: npt.ArrayLike,
    predicted_scores: npt.ArrayLike,
    totals: npt.ArrayLike,
    gold_errors: npt.ArrayLike,
    predicted_errors: npt.ArrayLike,
    **how: Unpack[Drawn],
) -> Estimate:
    """Errors consistency score: rank correlation of how often each error is named, mean over three tiers.

    Args:
        gold_scores: Shape (n_answers,).
        predicted_scores: The judge's; sorts its errors into tiers.
        totals: The most points of each answer.
        gold_errors: Shape (n_answers, n_kinds), how often each kind of error was named.
        predicted_errors: The same of the judge.
        how: See `Drawn`; `b` 1000 where left out.

    The value is from -1 to 1, with an interval by resampling answers; a tier without variation is left out.
    """
    draw = resampling(how, b=1000)
    gs, ps, most = aligned(gold=gold_scores, predicted=predicted_scores, totals=totals)
    ge, pe = grids(gold_errors, predicted_errors)
    if len(ge) != len(gs):
        raise InputError(f"{len(ge)} rows of errors for {len(gs)} answers")
    kept = ~(
        np.isnan(gs) | np.isnan(ps) | np.isnan(most) | np.isnan(ge).any(axis=1) | np.isnan(pe).any(axis=1)
    )
    gs, ps, most, ge, pe = gs[kept], ps[kept], most[kept], ge[kept], pe[kept]
    base = about(
        "ecs", len(gs), len(kept), level=draw.level, n_raters=2,
        method="spearman of error counts, mean over tiers",
    )  # fmt: skip
    if len(gs) == 0:
        return undefined(base, Status.NO_PAIRED_ITEMS)

    def of(index: Codes) -> float:
        return ecs(gs[index], ps[index], most[index], ge[index], pe[index])

    tiers = _tiers(gs, ps, most, ge, pe)
    if np.all(np.isnan(tiers)):
        return undefined(base, Status.NO_VARIATION)
    notes = (f"{int(np.isnan(tiers).sum())} of 3 tiers without variation left out",) * bool(
        np.isnan(tiers).any()
    )
    filled = replace(base, value=of(np.arange(len(gs))), notes=notes)
    return resampled(filled, of, len(gs), draw, kind="percentile")


def _weights(columns: int, most: Sequence[float], alpha: float) -> Floats:
    top = np.asarray(most, dtype=float)
    if top.shape != (columns,) or not np.all(top > 0):
        raise InputError(
            f"most holds {len(top)} numbers; one above 0 is needed for each of {columns} columns"
        )
    share = np.full(columns, (1 - alpha) / max(columns - 1, 1))
    share[0] = alpha
    return np.asarray(share / top**2, dtype=float)


def _columns(g: Floats, p: Floats, weights: Floats) -> Floats:
    """For `_kappa`: 1, the weighted squared distance, and what the expected one is made of."""
    w = np.sqrt(weights)
    g, p = g * w, p * w
    ones = np.ones((len(g), 1))
    distance = np.sum((g - p) ** 2, axis=1, keepdims=True)
    squares = np.sum(g**2 + p**2, axis=1, keepdims=True)
    return np.concatenate([ones, distance, squares, g, p], axis=1)


def _kappa(sums: Floats) -> Floats:
    n = sums[:, :1]
    means = sums / np.where(n > 0, n, 1.0)
    m = (sums.shape[1] - 3) // 2
    expected = means[:, 2] - 2 * np.sum(means[:, 3 : 3 + m] * means[:, 3 + m :], axis=1)
    floor = 1e-12 * np.maximum(means[:, 2], 1e-300)
    return 1.0 - ratio(means[:, 1], np.where(expected > floor, expected, 0.0))


def _tiers(
    gold_scores: npt.ArrayLike,
    predicted_scores: npt.ArrayLike,
    totals: npt.ArrayLike,
    gold_errors: npt.ArrayLike,
    predicted_errors: npt.ArrayLike,
) -> Floats:
    gs, ps, most = aligned(gold=gold_scores, predicted=predicted_scores, totals=totals)
    ge, pe = grids(gold_errors, predicted_errors)
    if len(gs) == 0:
        return np.full(3, np.nan)
    gold, predicted = gs / (most + 1e-10), ps / (most + 1e-10)
    ordered = np.sort(gold)
    low, high = ordered[int(len(gold) * 0.33)], ordered[int(len(gold) * 0.67)]

    def tier(share: Floats) -> Codes:
        return np.where(share <= low, 0, np.where(share < high, 1, 2)).astype(np.intp)

    mine, theirs = tier(gold), tier(predicted)
    return np.array([spearman(ge[mine == t].sum(axis=0), pe[theirs == t].sum(axis=0)) for t in range(3)])
