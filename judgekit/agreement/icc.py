"""Intraclass correlation: six forms, under both of their names, with and without gaps.

With complete ratings the forms are ratios of mean squares and have exact (1, 3) or Satterthwaite (2)
intervals, in which raters are a sample of raters. With gaps they are ratios of variance components by
REML, with an interval by resampling units, in which raters are these raters.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from judgekit.agreement.estimate import (
    DEGENERATE,
    NEEDS_TWO_RATERS,
    NO_PAIRED_ITEMS,
    NO_VARIATION,
    NOT_IDENTIFIED,
    TOO_FEW,
    flagged,
    undefined,
    with_interval,
)
from judgekit.agreement.mean_squares import FORMS, Form, MeanSquares, f_interval, mean_squares, of_squares
from judgekit.agreement.paired import earned
from judgekit.agreement.ratings import Codes, Floats, Ratings, coded_clusters, given_numbers
from judgekit.agreement.reml import HIGHEST, MOST_LEVELS, Reml, as_blocks, fit_reml
from judgekit.agreement.resample import weighted_bootstrap, weighted_bootstraps
from judgekit.agreement.two_way import resampled_components
from judgekit.errors import InputError
from judgekit.types import Estimate

_NAMES = {
    (1, False): ("icc_1", "ICC(1,1): raters differ from unit to unit"),
    (1, True): ("icc_1k", "ICC(1,k): mean of k raters that differ from unit to unit"),
    (2, False): ("icc_a1", "ICC(A,1) = ICC(2,1): absolute agreement, one rater"),
    (2, True): ("icc_ak", "ICC(A,k) = ICC(2,k): absolute agreement, mean of k raters"),
    (3, False): ("icc_c1", "ICC(C,1) = ICC(3,1): consistency, one rater"),
    (3, True): ("icc_ck", "ICC(C,k) = ICC(3,k): consistency, mean of k raters"),
}


def icc(
    ratings: Any,
    form: Form = "ICC(A,1)",
    *,
    scale: Any = None,
    clusters: Any = None,
    level: float = 0.95,
    seed: int = 0,
    b: int = 2000,
) -> Estimate:
    """An intraclass correlation.

    Args:
        ratings: `Ratings`, or numbers of shape (n_units, n_raters), nan where a rater did not rate.
        form: By either name: ICC(2,1) of Shrout and Fleiss is ICC(A,1) of McGraw and Wong. Absolute
            agreement (A, 2) counts a rater's leniency as error, consistency (C, 3) does not.
        scale: The declared scale of raw labels; raw numbers need none.
        clusters: What each unit belongs to, for raw numbers.
        level: Confidence.
        seed: Of resampling, where it is done.
        b: How many resamples.

    Returns:
        At most 1; 0 if units differ no more than noise does. May be below 0 with complete ratings, and
        is then reported so. nan if nothing varies.

    Raises:
        InputError: For an unknown form, a wrong shape, infinity, or a nominal scale.

    Source:
        As `of_squares`. Checked against pingouin and the published table of Shrout and Fleiss (.17, .29,
        .71, .44, .62, .91).

    >>> round(icc([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6]], "ICC(A,1)").value, 3)
    0.261
    """
    return iccs(ratings, [form], scale=scale, clusters=clusters, level=level, seed=seed, b=b)[0]


def iccs(
    ratings: Any,
    forms: Sequence[Form] = ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)"),
    *,
    scale: Any = None,
    clusters: Any = None,
    level: float = 0.95,
    seed: int = 0,
    b: int = 2000,
) -> list[Estimate]:
    """Several forms of intraclass correlation of the same ratings, which share their resamples.

    Arguments and landmarks as of `icc`.

    >>> [each.name for each in iccs([[1, 2], [2, 3], [4, 4]])]
    ['icc_1', 'icc_a1', 'icc_c1', 'icc_1k', 'icc_ak', 'icc_ck']
    """
    if unknown := [form for form in forms if form not in FORMS]:
        raise InputError(f"no form {unknown[0]!r}; there are {', '.join(FORMS)}")
    x = given_numbers(ratings, scale)
    groups = ratings.clusters if isinstance(ratings, Ratings) else coded_clusters(clusters, len(x))
    rated = ~np.isnan(x)
    used = rated.any(axis=1)
    blank = Estimate(
        "", float("nan"), level=level, n_units=len(x), n_raters=x.shape[1], n_used=int(used.sum()),
        n_dropped=int((~used).sum()), unit="unit" if groups is None else "cluster",
    )  # fmt: skip
    starts = [replace(blank, name=_NAMES[FORMS[f]][0], method=_NAMES[FORMS[f]][1]) for f in forms]
    if reason := _unusable(rated):
        return [undefined(start, reason) for start in starts]
    x = x[used][:, rated.any(axis=0)]
    groups = None if groups is None else coded_clusters(groups[used], len(x))
    if np.isnan(x).any():
        return _with_gaps(starts, forms, x, groups, (seed, b))
    squares = mean_squares(x)
    return [
        _complete(start, form, (x, squares), groups, (seed, b))
        for start, form in zip(starts, forms, strict=True)
    ]


def _unusable(rated: Any) -> str:
    if int(rated.any(axis=0).sum()) < 2:
        return NEEDS_TWO_RATERS
    paired = int((rated.sum(axis=1) >= 2).sum())
    return NO_PAIRED_ITEMS if paired == 0 else TOO_FEW if paired < 2 else ""


def _complete(
    start: Estimate,
    form: Form,
    table: tuple[Floats, MeanSquares],
    groups: Codes | None,
    draw: tuple[int, int],
) -> Estimate:
    x, ms = table
    value = float(of_squares(form, ms))
    if np.isnan(value):
        return undefined(start, NO_VARIATION)
    found = replace(start, value=value)
    if (ms.within if FORMS[form][0] == 1 else ms.error) == 0:
        return flagged(found, DEGENERATE, ["the raters differ by nothing but a constant: no interval"])
    if groups is None:
        low, high = f_interval(form, ms, level=start.level)
        return with_interval(found, low, high, interval="none" if np.isnan(low) else "f")
    interval = weighted_bootstrap(
        lambda drawn: np.asarray(of_squares(form, mean_squares(x, drawn))), np.ones(len(x)), seed=draw[0],
        b=draw[1], level=start.level, clusters=groups,
    )  # fmt: skip
    return earned(found, interval, draw[0], groups)


def _with_gaps(
    starts: list[Estimate], forms: Sequence[Form], x: Floats, groups: Codes | None, draw: tuple[int, int]
) -> list[Estimate]:
    """From variance components, with intervals that share their resamples."""
    n, k = x.shape
    if k > MOST_LEVELS:
        note = f"more than {MOST_LEVELS} raters with gaps are not fitted"
        return [undefined(start, NOT_IDENTIFIED, note) for start in starts]
    fits = {one_way: _fit(x, one_way=one_way) for one_way in {FORMS[form][0] == 1 for form in forms}}
    whole = {
        one_way: np.array([[fit.components.get(part, 0.0) for part in ("unit", "rater", "residual")]])
        for one_way, fit in fits.items()
    }
    if any(np.isnan(parts).any() for parts in whole.values()):
        return [undefined(start, NO_VARIATION) for start in starts]

    if any(fit.log_ratios.max() >= HIGHEST - 0.1 for fit in fits.values()):
        note = "the raters differ by nothing but a constant: no interval"
        return [
            flagged(replace(start, value=float(_of_components(form, whole, k)[0])), DEGENERATE, [note])
            for start, form in zip(starts, forms, strict=True)
        ]

    def of(drawn: Floats) -> Floats:
        parts = {
            one_way: resampled_components(x, drawn, fit.log_ratios, one_way=one_way)
            for one_way, fit in fits.items()
        }
        return np.stack([_of_components(form, parts, k) for form in forms], axis=1)

    values = [float(_of_components(form, whole, k)[0]) for form in forms]
    intervals = weighted_bootstraps(
        of, np.ones(n), seed=draw[0], b=draw[1], level=starts[0].level, clusters=groups
    )
    note = "cells are missing: variance components by REML; the interval is for these raters"
    found = [
        replace(start, value=value, method=f"{start.method}; REML", notes=(note,))
        for start, value in zip(starts, values, strict=True)
    ]
    return [earned(each, made, draw[0], groups) for each, made in zip(found, intervals, strict=True)]


def _fit(x: Floats, *, one_way: bool) -> Reml:
    units, raters = (place.astype(np.intp) for place in np.nonzero(~np.isnan(x)))
    blocks = as_blocks(
        x[units, raters], units, nested={"unit": np.zeros(len(units), dtype=np.intp)},
        crossed={} if one_way else {"rater": raters},
    )  # fmt: skip
    return fit_reml(blocks)


def _of_components(form: Form, parts: dict[bool, Floats], k: int) -> Floats:
    """A form from components of shape (n, 3): variance of units, of raters, of the rest."""
    model, average = FORMS[form]
    unit, rater, rest = parts[model == 1].T
    noise = rest + rater if model == 2 else rest
    total = unit + noise / (k if average else 1)
    return np.asarray(np.divide(unit, total, out=np.full(len(unit), np.nan), where=total > 0))
