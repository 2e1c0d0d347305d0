"""Variance components of many resamples at once: units by raters, with gaps.

`reml` fits one sample of any design exactly. Here the design is two-way, so a sample enters through a
few sums by the number of ratings a unit has, resamples are weights of those sums, and Newton's method
walks for all of them together from the fit of the sample itself.

Notation: rho and tau are the variances of units and of raters over the residual one; units are absorbed
(B = I + rho 11' within a unit), raters come in by Woodbury's identity, the residual variance is
profiled out.
"""

from dataclasses import dataclass

import numpy as np

from judgekit.agreement.ratings import Floats

_LOWEST, _HIGHEST = -14.0, 14.0  # of a log ratio
_NONE = 1e-4  # a ratio this small is none
_STEP = 1e-3
_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of b resamples, by the M numbers of ratings m that units have.

    sizes (M,); units (b, M); together (b, M, r, r) how often two raters rated the same such unit;
    total (b, M, r) sums of unit totals by rater; square (b, M) of squared unit totals; by_rater (b, r);
    rated (b, r); all_squares (b,); n (b,) ratings.
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
    """Variance components of each resample by restricted maximum likelihood.

    Args:
        numbers: Shape (n_units, n_raters), nan where missing, every unit rated at least once.
        drawn: Shape (n_draws, n_units), how often each unit was drawn.
        start: Log ratios of the sample's own fit, of units and (unless `one_way`) of raters.
        one_way: Whether raters have no effect of their own.

    Returns:
        Shape (n_draws, 3): variance of units, of raters and of the rest, never below 0; nan where a
        resample does not vary. To about four digits, which is what an interval needs.
    """
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
        sizes.astype(np.float64), np.stack(units, axis=1), np.stack(together, axis=1),
        np.stack(total, axis=1), np.stack(square, axis=1), drawn @ y, drawn @ o,
        drawn @ (y**2).sum(axis=1), drawn @ m.astype(np.float64),
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
