"""Intraclass correlation: six forms, under both of their names, with and without gaps.

With complete ratings the forms are ratios of mean squares with exact (1, 3) or Satterthwaite (2) intervals,
in which raters are a sample of raters. With gaps (which pingouin refuses) they are ratios of variance
components by REML, with an interval by resampling units, in which raters are these raters. There a sample
enters through a few sums, resamples are weights of those sums, and Newton's method walks for all of them
together: rho and tau are the variances of units and of raters over the residual one; units are absorbed (B =
I + rho 11' within a unit), raters come in by Woodbury's identity, the residual variance is profiled out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np

from judgekit.agreement.core.estimate import Status, about, flagged, undefined, unusable, with_interval
from judgekit.agreement.core.moments import bounded, concordance_of, steady
from judgekit.agreement.core.ratings import Codes, Floats, Ratings, coded_clusters, given_numbers
from judgekit.agreement.core.resample import (
    Drawn,
    Resampling,
    earned,
    resampling,
    weighted_bootstrap,
    weighted_bootstraps,
)
from judgekit.agreement.models.reml import HIGHEST, MOST_LEVELS, Reml, as_blocks, fit_reml
from judgekit.errors import InputError
from judgekit.types import Estimate

Form = Literal[
    "ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)",
    "ICC(2,1)", "ICC(3,1)", "ICC(2,k)", "ICC(3,k)",
    "ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k",
]  # fmt: skip
FORMS: dict[Form, tuple[int, bool]] = {
    "ICC(1,1)": (1, False), "ICC1": (1, False), "ICC(1,k)": (1, True), "ICC1k": (1, True),
    "ICC(A,1)": (2, False), "ICC(2,1)": (2, False), "ICC2": (2, False),
    "ICC(A,k)": (2, True), "ICC(2,k)": (2, True), "ICC2k": (2, True),
    "ICC(C,1)": (3, False), "ICC(3,1)": (3, False), "ICC3": (3, False),
    "ICC(C,k)": (3, True), "ICC(3,k)": (3, True), "ICC3k": (3, True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Mean squares of a two-way table of n units by k raters; each a number or one a resample."""

    rows: Any
    columns: Any
    error: Any
    within: Any
    n: Any
    k: int


def mean_squares(numbers: Floats, drawn: Floats | None = None) -> MeanSquares:
    """Return mean squares of complete ratings (n_units, n_raters), or of each draw (n_draws, n_units)."""
    x = numbers - numbers.mean()  # or the squares of large numbers would swallow small differences
    k = x.shape[1]
    weight = np.ones((1, len(x))) if drawn is None else drawn
    n = weight.sum(axis=1)
    n = np.where(n > 0, n, np.nan)  # a draw without the only cluster is of nothing
    sums = x.sum(axis=1)
    middle = (weight @ sums) ** 2 / (n * k)
    rows = weight @ sums**2 / k - middle
    columns = ((weight @ x) ** 2).sum(axis=1) / n - middle
    total = weight @ (x**2).sum(axis=1) - middle
    within = total - rows
    # Differences of sums leave rounding behind where there is nothing.
    tiny = 1e-13 * np.maximum(total, 1e-300)
    rows, columns, within, error = (
        np.where(np.abs(s) <= tiny, 0.0, s) for s in (rows, columns, within, within - columns)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (rows / (n - 1), columns / (k - 1), error / ((n - 1) * (k - 1)), within / (n * (k - 1)))
    if drawn is None:
        between, raters, rest, inside = (float(s[0]) for s in squares)
        return MeanSquares(rows=between, columns=raters, error=rest, within=inside, n=float(n[0]), k=k)
    return MeanSquares(*squares, n, k)


def of_squares(form: Form, ms: MeanSquares) -> Any:
    """Return an intraclass correlation from mean squares; nan where nothing varies."""
    # Source: Shrout and Fleiss (1979), Psychological Bulletin 86; McGraw and Wong (1996), Psychological
    # Methods 1.
    model, average = FORMS[form]
    noise = ms.within if model == 1 else ms.error
    raters = ms.k * (ms.columns - ms.error) / ms.n if model == 2 else 0.0
    whole = np.asarray(ms.rows + raters / ms.k if average else ms.rows + (ms.k - 1) * noise + raters)
    with np.errstate(invalid="ignore", divide="ignore"):
        something = whole > 1e-12 * (ms.rows + noise + ms.columns)
        return np.where(something, (ms.rows - noise) / whole, np.nan)


def f_interval(form: Form, ms: MeanSquares, *, level: float = 0.95) -> tuple[float, float]:
    """Return an interval by F: exact for forms 1 and 3, by Satterthwaite's degrees of freedom for form 2."""
    # nan where there is none: no disagreement, or a mean of raters that agree less than chance. Source:
    # McGraw and Wong (1996), table 7. Checked against the values of R psych and pingouin.
    from scipy.special import fdtri

    model, average = FORMS[form]
    n, k = ms.n, ms.k
    tail = (1 + level) / 2
    if model != 2:
        noise, df = (ms.within, n * (k - 1)) if model == 1 else (ms.error, (n - 1) * (k - 1))
        f = ms.rows / noise
        ends = (f / fdtri(n - 1, df, tail), f * fdtri(df, n - 1, tail))
        low, high = ((e - 1) / (e + k - 1) for e in ends)
    else:
        rho = float(of_squares("ICC(A,1)", ms))
        if rho >= 1:
            return float("nan"), float("nan")
        a, c = k * rho / (n * (1 - rho)), 1 + k * rho * (n - 1) / (n * (1 - rho))
        parts = (a * ms.columns) ** 2 / (k - 1) + (c * ms.error) ** 2 / ((n - 1) * (k - 1))
        if parts == 0:
            return float("nan"), float("nan")
        v = (a * ms.columns + c * ms.error) ** 2 / parts
        f1, f2 = fdtri(n - 1, v, tail), fdtri(v, n - 1, tail)
        if not (np.isfinite(f1) and np.isfinite(f2)):  # hardly a degree of freedom is left
            return float("nan"), float("nan")
        rest = k * ms.columns + (k * n - k - n) * ms.error
        low = n * (ms.rows - f1 * ms.error) / (f1 * rest + n * ms.rows)
        high = n * (f2 * ms.rows - ms.error) / (rest + n * f2 * ms.rows)
    if average:
        if low <= -1 / (k - 1):  # the mean of k raters has no least value
            return float("nan"), float("nan")
        low, high = (k * e / (1 + (k - 1) * e) for e in (low, high))
    if low > high:  # both ends at one value, told apart by rounding only
        low, high = high, low
    return float(low), float(high)


_LOWEST, _HIGHEST = -14.0, 14.0  # of a log ratio
_NONE = 1e-4  # a ratio this small is none
_STEP = 1e-3
_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of b resamples, by the M numbers of ratings m that units have.

    sizes (M,); units (b, M); together (b, M, r, r) how often two raters rated the same such unit; total (b,
    M, r) sums of unit totals by rater; square (b, M) of squared unit totals; by_rater (b, r); rated (b, r);
    all_squares (b,); n (b,) ratings.
    """

    sizes: Floats
    units: Floats
    together: Floats
    total: Floats
    square: Floats
    by_rater: Floats
    rated: Floats
    all_squares: Floats
    n: Floats


def resampled_components(numbers: Floats, drawn: Floats, start: Floats, *, one_way: bool) -> Floats:
    """Return variance components (n_draws, 3) of resamples of ratings (n_units, n_raters), by REML."""
    _, counts = np.unique((~np.isnan(numbers)).sum(axis=1), return_counts=True)
    step = max(1, _AT_ONCE // (len(counts) * numbers.shape[1] ** 2))
    centred = numbers - np.nanmean(numbers)
    return np.concatenate(
        [
            _fitted(_sums(centred, drawn[at : at + step]), start, one_way=one_way)
            for at in range(0, len(drawn), step)
        ]
    )


def _sums(x: Floats, drawn: Floats) -> _Sums:
    rated = ~np.isnan(x)
    y = np.where(rated, x, 0.0)
    o = rated.astype(np.float64)
    m, totals = rated.sum(axis=1), y.sum(axis=1)
    sizes = np.unique(m)
    r = x.shape[1]
    units, together, total, square = [], [], [], []
    for size in sizes:
        these = m == size
        w, seen = drawn[:, these], o[these]
        units.append(w.sum(axis=1))
        pairs = (seen[:, :, None] * seen[:, None, :]).reshape(len(seen), r * r)
        together.append((w @ pairs).reshape(-1, r, r))
        total.append(w @ (seen * totals[these, None]))
        square.append(w @ totals[these] ** 2)
    return _Sums(
        sizes=sizes.astype(np.float64), units=np.stack(units, axis=1), together=np.stack(together, axis=1),
        total=np.stack(total, axis=1), square=np.stack(square, axis=1), by_rater=drawn @ y, rated=drawn @ o,
        all_squares=drawn @ (y**2).sum(axis=1), n=drawn @ m.astype(np.float64),
    )  # fmt: skip


def _deviance(s: _Sums, ratios: Floats) -> tuple[Floats, Floats]:
    """-2 log restricted likelihood up to a constant, and the residual variance, of each resample."""
    rho = np.exp(ratios[:, [0]])
    c = rho / (1 + rho * s.sizes)
    within = np.einsum("br,rs->brs", s.rated, np.eye(s.rated.shape[1]))
    m = within - np.einsum("bm,bmrs->brs", c, s.together)  # Z'B^-1 Z
    h = s.by_rater - np.einsum("bm,bmr->br", c, s.total)  # Z'B^-1 y
    yy = s.all_squares - (c * s.square).sum(axis=1)
    logdet = (s.units * np.log1p(rho * s.sizes)).sum(axis=1)
    m1 = m.sum(axis=2)
    xx, xy = m1.sum(axis=1), h.sum(axis=1)
    if ratios.shape[1] == 2:
        tau = np.exp(ratios[:, 1])[:, None, None]
        outer = np.eye(m.shape[1]) + tau * m
        logdet = logdet + np.linalg.slogdet(outer)[1]
        solved = np.linalg.solve(outer, tau * np.stack([m1, h], axis=2))
        xx, xy, yy = (
            xx - (m1 * solved[:, :, 0]).sum(axis=1),
            xy - (m1 * solved[:, :, 1]).sum(axis=1),
            yy - (h * solved[:, :, 1]).sum(axis=1),
        )
    df = s.n - 1
    rest = np.maximum((yy - xy**2 / xx) / df, 1e-300)
    return logdet + np.log(xx) + df * np.log(rest), rest


def _fitted(s: _Sums, start: Floats, *, one_way: bool) -> Floats:
    k = 1 if one_way else 2
    b = len(s.n)
    at = np.clip(np.broadcast_to(start[:k], (b, k)), -6.0, 6.0).copy()
    best = _deviance(s, at)[0]
    reach = np.ones(b)
    for _ in range(40):
        step = _newton(s, at, best) * reach[:, None]
        tried = np.clip(at + step, _LOWEST, _HIGHEST)
        value = _deviance(s, tried)[0]
        better = value <= best + 1e-9
        moved = np.where(better, np.abs(tried - at).max(axis=1), 1.0)
        at = np.where(better[:, None], tried, at)
        gained = np.where(better, best - value, np.inf)
        best = np.where(better, value, best)
        reach = np.where(better, np.minimum(2 * reach, 1.0), reach / 4)
        if np.all((moved < 1e-4) | (gained < 1e-7) | (reach < 1e-4)):
            break
    rest = _deviance(s, at)[1]
    varies = s.all_squares - s.by_rater.sum(axis=1) ** 2 / s.n > 1e-12 * np.maximum(s.all_squares, 1e-300)
    ratios = np.where(np.exp(at) < _NONE, 0.0, np.exp(at))
    rater = ratios[:, 1] if k == 2 else np.zeros(b)
    found = np.stack([ratios[:, 0] * rest, rater * rest, rest], axis=1)
    return np.where(varies[:, None], found, np.nan)


def _newton(s: _Sums, at: Floats, value: Floats) -> Floats:
    """A step downhill, by differences; no longer than 2 in a log ratio."""
    k = at.shape[1]
    gradient, curve = np.empty_like(at), np.empty((len(at), k, k))
    for i in range(k):
        e = np.zeros(k)
        e[i] = _STEP
        up, down = _deviance(s, at + e)[0], _deviance(s, at - e)[0]
        gradient[:, i] = (up - down) / (2 * _STEP)
        curve[:, i, i] = (up - 2 * value + down) / _STEP**2
    if k == 2:
        e = np.full(2, _STEP)
        both, neither = _deviance(s, at + e)[0], _deviance(s, at - e)[0]
        twice = (both - 2 * value + neither) / _STEP**2
        curve[:, 0, 1] = curve[:, 1, 0] = (twice - curve[:, 0, 0] - curve[:, 1, 1]) / 2
    values, vectors = np.linalg.eigh(curve)
    along = np.einsum("bij,bi->bj", vectors, gradient) / np.maximum(np.abs(values), 1e-3)
    return np.asarray(np.clip(-np.einsum("bij,bj->bi", vectors, along), -2.0, 2.0))


_NAMES = {
    (1, False): ("icc_1", "ICC(1,1): raters differ from unit to unit"),
    (1, True): ("icc_1k", "ICC(1,k): mean of k raters that differ from unit to unit"),
    (2, False): ("icc_a1", "ICC(A,1) = ICC(2,1): absolute agreement, one rater"),
    (2, True): ("icc_ak", "ICC(A,k) = ICC(2,k): absolute agreement, mean of k raters"),
    (3, False): ("icc_c1", "ICC(C,1) = ICC(3,1): consistency, one rater"),
    (3, True): ("icc_ck", "ICC(C,k) = ICC(3,k): consistency, mean of k raters"),
}


def icc(
    ratings: Any, form: Form = "ICC(A,1)", *, scale: Any = None, clusters: Any = None, **how: Unpack[Drawn]
) -> Estimate:
    """An intraclass correlation.

    Args:
        ratings: `Ratings`, or numbers of shape (n_units, n_raters), nan where a rater did not rate; numbers
            need no `scale`.
        form: By either name: ICC(2,1) of Shrout and Fleiss is ICC(A,1) of McGraw and Wong. Absolute agreement
            (A, 2) counts a rater's leniency as error, consistency (C, 3) does not.

    The value is at most 1; 0 if units differ no more than noise does. May be below 0 with complete ratings,
    and is then reported so. nan if nothing varies. Raises `InputError` for an unknown form, a wrong shape,
    infinity, or a nominal scale. Source: Shrout and Fleiss (1979); McGraw and Wong (1996). Checked against
    pingouin and the published table of Shrout and Fleiss (.17, .29, .71, .44, .62, .91).

    >>> round(icc([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6]], "ICC(A,1)").value, 3)
    0.261
    """
    return iccs(ratings, [form], scale=scale, clusters=clusters, **how)[0]


def iccs(
    ratings: Any,
    forms: Sequence[Form] = ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)"),
    *,
    scale: Any = None,
    clusters: Any = None,
    **how: Unpack[Drawn],
) -> list[Estimate]:
    """Several forms of intraclass correlation of the same ratings, which share their resamples; as `icc`.

    >>> [each.name for each in iccs([[1, 2], [2, 3], [4, 4]])]
    ['icc_1', 'icc_a1', 'icc_c1', 'icc_1k', 'icc_ak', 'icc_ck']
    """
    draw = resampling(how)
    if unknown := [form for form in forms if form not in FORMS]:
        raise InputError(f"no form {unknown[0]!r}; there are {', '.join(FORMS)}")
    x = given_numbers(ratings, scale)
    groups = ratings.clusters if isinstance(ratings, Ratings) else coded_clusters(clusters, len(x))
    rated = ~np.isnan(x)
    used = rated.any(axis=1)
    blank = about(
        "", used.sum(), len(x), level=draw.level, n_raters=x.shape[1],
        unit="unit" if groups is None else "cluster",
    )  # fmt: skip
    starts = [replace(blank, name=_NAMES[FORMS[f]][0], method=_NAMES[FORMS[f]][1]) for f in forms]
    if reason := unusable(rated, int((rated.sum(axis=1) >= 2).sum())):
        return [undefined(start, reason) for start in starts]
    x = x[used][:, rated.any(axis=0)]
    groups = None if groups is None else coded_clusters(groups[used], len(x))
    if np.isnan(x).any():
        return _with_gaps(starts, forms, x, draw.over(groups))
    squares = mean_squares(x)
    return [
        _complete(start, form, (x, squares), draw.over(groups))
        for start, form in zip(starts, forms, strict=True)
    ]


def _complete(start: Estimate, form: Form, table: tuple[Floats, MeanSquares], draw: Resampling) -> Estimate:
    x, ms = table
    value = float(of_squares(form, ms))
    if np.isnan(value):
        return undefined(start, Status.NO_VARIATION)
    found = replace(start, value=value)
    if (ms.within if FORMS[form][0] == 1 else ms.error) == 0:
        return flagged(found, Status.DEGENERATE, ["the raters differ by nothing but a constant: no interval"])
    if x.shape[1] == 2:
        return steady(_of_two(found, form, x, draw.clusters), x[:, 1])
    if draw.clusters is None:
        low, high = f_interval(form, ms, level=start.level)
        return with_interval(found, low, high, interval="none" if np.isnan(low) else "f")
    interval = weighted_bootstrap(
        lambda drawn: np.asarray(of_squares(form, mean_squares(x, drawn))), np.ones(len(x)), draw
    )
    return earned(found, interval, draw)


def _of_two(found: Estimate, form: Form, x: Floats, clusters: Codes | None) -> Estimate:
    """Two raters: the interval of each unit's influence, whatever the distribution of scores."""
    model, average = FORMS[form]
    own = x - x.mean(axis=0) if model == 3 else x
    made = concordance_of(own[:, 0], own[:, 1], centre=None if model == 2 else float(own.mean()))
    if not average:
        return bounded(found, made, clusters=clusters)
    single = found.value / (2 - found.value)  # Spearman and Brown's, backwards
    ends = bounded(replace(found, value=single), made, clusters=clusters)
    if not ends.low > -1:  # the mean of two raters has no least value
        return replace(ends, value=found.value, low=math.nan, high=math.nan, interval="none")
    low, high = (2 * end / (1 + end) for end in (ends.low, ends.high))
    return replace(ends, value=found.value, low=low, high=high, se=2 * ends.se / (1 + single) ** 2)


def _with_gaps(starts: list[Estimate], forms: Sequence[Form], x: Floats, draw: Resampling) -> list[Estimate]:
    """From variance components, with intervals that share their resamples."""
    n, k = x.shape
    if k > MOST_LEVELS:
        note = f"more than {MOST_LEVELS} raters with gaps are not fitted"
        return [undefined(start, Status.NOT_IDENTIFIED, note) for start in starts]
    fits = {one_way: _fit(x, one_way=one_way) for one_way in {FORMS[form][0] == 1 for form in forms}}
    whole = {
        one_way: np.array([[fit.components.get(part, 0.0) for part in ("unit", "rater", "residual")]])
        for one_way, fit in fits.items()
    }
    if any(np.isnan(parts).any() for parts in whole.values()):
        return [undefined(start, Status.NO_VARIATION) for start in starts]

    if any(fit.log_ratios.max() >= HIGHEST - 0.1 for fit in fits.values()):
        note = "the raters differ by nothing but a constant: no interval"
        return [
            flagged(replace(start, value=float(_of_components(form, whole, k)[0])), Status.DEGENERATE, [note])
            for start, form in zip(starts, forms, strict=True)
        ]

    def of(drawn: Floats) -> Floats:
        parts = {
            one_way: resampled_components(x, drawn, fit.log_ratios, one_way=one_way)
            for one_way, fit in fits.items()
        }
        return np.stack([_of_components(form, parts, k) for form in forms], axis=1)

    values = [float(_of_components(form, whole, k)[0]) for form in forms]
    intervals = weighted_bootstraps(of, np.ones(n), draw)
    note = "cells are missing: variance components by REML; the interval is for these raters"
    found = [
        replace(start, value=value, method=f"{start.method}; REML", notes=(note,))
        for start, value in zip(starts, values, strict=True)
    ]
    return [earned(each, made, draw) for each, made in zip(found, intervals, strict=True)]


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
