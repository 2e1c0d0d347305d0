"""Continuous scores on the logit scale: links, GIM's ability from a given bank, and a 2PL with random items.

The two-parameter model says score = a (ability) + c + error on the scale of its link, a and c of an item
random: a ~ N(1, s_a^2) of either sign, c ~ N(mu, s_c^2). What an item adds to the likelihood has a closed
form, so that there are no nodes.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import column, grid, inverse_of
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError

LINKS = ("points", "logit", "squeeze")
SQUEEZE = 0.001


def linked(scores: Floats, link: str, parts: float | npt.ArrayLike | None = None) -> Floats:
    """Return scores on the scale of a link; InputError where they are no shares, or `parts` are missing."""
    if link not in LINKS:
        raise InputError(f"link={link!r}; there are {', '.join(LINKS)}")
    if link == "points":
        return scores
    if np.nanmin(scores, initial=0.0) < 0.0 or np.nanmax(scores, initial=0.0) > 1.0:
        raise InputError(f"link={link!r} is of shares from 0 to 1, and the scores leave them; use 'points'")
    if link == "squeeze":
        p = (1.0 - 2.0 * SQUEEZE) * scores + SQUEEZE
        return np.asarray(np.log(p / (1.0 - p)), dtype=float)
    if parts is None:
        raise InputError("link='logit' is of shares of a number of criteria or levels: say parts=")
    m = np.asarray(parts, dtype=float)
    if not np.all(m > 0):
        raise InputError("parts are numbers above 0: how many criteria or levels a share is of")
    return np.asarray(np.log((scores * m + 0.5) / (m - scores * m + 0.5)), dtype=float)


def gim_ability(
    discrimination: npt.ArrayLike, difficulty: npt.ArrayLike, scores: npt.ArrayLike, *, sigma: float
) -> tuple[float, float, int]:
    """Return GIM's ability of a system from a bank's items, its standard error, and how many it rests on.

    Discriminations, difficulties and scores (shares from 0 to 1, nan where missing) are of shape (n_items,);
    `sigma` is the spread of scores around the model, on the logit scale. The published error leaves out that
    the bank is itself estimated. nan where no item has a score.

    Source: The GIM benchmark's `irt.py`. Checked against its formula and a least-squares fit.

    >>> ability, se, n = gim_ability([1, 2, 0.5], [0, 1, -1], [0.5, 0.25, 0.9], sigma=2.53)
    >>> round(ability, 4), round(se, 4), n
    (0.5052, 1.1042, 3)
    """
    a, b, x = (column(v, name) for v, name in zip(
        (discrimination, difficulty, scores), ("discrimination", "difficulty", "scores"), strict=True
    ))  # fmt: skip
    if not len(a) == len(b) == len(x):
        raise InputError(f"{len(a)} discriminations and {len(b)} difficulties for {len(x)} scores")
    y = linked(x, "squeeze")
    there = ~np.isnan(y)
    power = float(np.sum(a[there] ** 2))
    if not power > 0:
        return math.nan, math.nan, 0
    return float(np.sum(a[there] * (y + a * b)[there])) / power, sigma / math.sqrt(power), int(there.sum())


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Gaussian2PL:
    """The fitted model: abilities with mean 0 and their covariance, and what is known of each item.

    Args:
        discrimination: Posterior means, shape (n_items,), with `discrimination_sd`, as `intercept`.
        mu: Mean of the intercepts; `sd_c` their spread, `sd_a` that of discriminations, `sd` of the errors.
        log_likelihood: Of the scores, without the prior of `sd_a`.
    """

    ability: Floats
    covariance: Floats
    df: float
    mu: float
    sd_c: float
    sd_a: float
    sd: float
    discrimination: Floats
    discrimination_sd: Floats
    intercept: Floats
    intercept_sd: Floats
    log_likelihood: float
    converged: bool


def gaussian_2pl(scores: npt.ArrayLike) -> Gaussian2PL:
    """Fit scores (n_systems, n_items) on the scale of a link by the 2PL with random items; nan where missing.

    Maximises the likelihood less (log s_a - log .4)^2 / 2; errors are clustered by item, t on items less one.

    >>> rng = np.random.default_rng(0)
    >>> easy = rng.normal(0, 1, 50)
    >>> found = gaussian_2pl(np.array([[0.5], [0.0], [-0.5]]) + easy + rng.normal(0, 0.3, (3, 50)))
    >>> np.round(found.ability, 1)
    array([ 0.5,  0. , -0.5])
    """
    from scipy.optimize import minimize

    y = grid(scores, "scores")
    y = y[:, ~np.isnan(y).all(axis=0)]
    n = len(y)
    start = np.nanmean(y - np.nanmean(y, axis=0), axis=1)
    noise = math.log(max(float(np.nanstd(y)), 1e-3))
    first = np.concatenate([(start - start.mean())[:-1], [float(np.nanmean(y)), noise, math.log(0.4), noise]])
    found = minimize(
        lambda p: _loss(p, y)[:2],
        first,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "ftol": 1e-13},
    )
    h = 1e-4
    steps = h * np.eye(len(first))
    hessian = np.array([(_loss(found.x + e, y)[1] - _loss(found.x - e, y)[1]) / (2 * h) for e in steps])
    bread = inverse_of(hessian, lost=1e-9)
    moved = _loss(found.x, y)[2] @ bread
    j = y.shape[1]
    turn = np.vstack([np.eye(n - 1), -np.ones((1, n - 1))])
    covariance = turn @ (moved.T @ moved)[: n - 1, : n - 1] @ turn.T * (j / (j - 1) if j > 1 else np.nan)
    theta, mu, sd_c, sd_a, sd = _parts(found.x, n)
    a, a_sd, c, c_sd = _items(y, theta, mu, (sd_c, sd_a, sd))
    value = -float(found.fun) + (math.log(sd_a / 0.4)) ** 2 / 2
    return Gaussian2PL(
        ability=theta, covariance=covariance, df=float(j - 1), mu=mu, sd_c=sd_c, sd_a=sd_a, sd=sd,
        discrimination=a, discrimination_sd=a_sd, intercept=c, intercept_sd=c_sd, log_likelihood=value,
        converged=bool(found.success),
    )  # fmt: skip


def _parts(p: Floats, n: int) -> tuple[Floats, float, float, float, float]:
    theta = np.append(p[: n - 1], -p[: n - 1].sum())
    sd_c, sd_a, sd = (float(math.exp(each)) for each in p[n:])
    return theta, float(p[n - 1]), sd_c, sd_a, sd


@dataclass(frozen=True, eq=False, slots=True)
class _Posterior:
    """Of each item, u = a - 1 and v = c - mu: means, variances and their covariance, (n_items,) each."""

    u: Floats
    v: Floats
    uu: Floats
    vv: Floats
    uv: Floats
    log_likelihood: Floats


def _posterior(r: Floats, there: Floats, theta: Floats, spreads: tuple[float, float, float]) -> _Posterior:
    """Return the closed form: r are scores less theta and mu, 0 where missing, (n_systems, n_items)."""
    sd_c, sd_a, sd = spreads
    n = there.sum(axis=0)
    big_a, big_b = 1 / sd_c**2 + n / sd**2, theta @ there / sd**2
    big_c = 1 / sd_a**2 + theta**2 @ there / sd**2
    x, z = r.sum(axis=0) / sd**2, theta @ r / sd**2
    d = big_a * big_c - big_b**2
    log_det = np.log(d * sd_c**2 * sd_a**2) + n * math.log(sd**2)
    q = np.sum(r**2, axis=0) / sd**2 - (big_c * x**2 - 2 * big_b * x * z + big_a * z**2) / d
    return _Posterior(
        u=(big_a * z - big_b * x) / d, v=(big_c * x - big_b * z) / d, uu=big_a / d, vv=big_c / d,
        uv=-big_b / d, log_likelihood=-0.5 * (n * math.log(2 * math.pi) + log_det + q),
    )  # fmt: skip


def _loss(p: Floats, y: Floats) -> tuple[float, Floats, Floats]:
    """Return minus the objective, minus its gradient, and the gradient of each item (n_items, k)."""
    n = len(y)
    theta, mu, *spreads = _parts(p, n)
    sd_c, sd_a, sd = spreads
    there = ~np.isnan(y) * 1.0
    r = np.where(there > 0, y, 0.0) - (theta[:, None] + mu) * there
    at = _posterior(r, there, theta, (sd_c, sd_a, sd))
    left = r - there * (theta[:, None] * at.u + at.v)
    tilt = left * (1 + at.u) - there * (theta[:, None] * at.uu + at.uv)
    wide = left**2 + there * (theta[:, None] ** 2 * at.uu + at.vv + 2 * theta[:, None] * at.uv)
    slopes = np.column_stack([
        (tilt[:-1] - tilt[-1]).T / sd**2,
        at.v / sd_c**2,
        (at.v**2 + at.vv) / sd_c**2 - 1,
        (at.u**2 + at.uu) / sd_a**2 - 1,
        wide.sum(axis=0) / sd**2 - there.sum(axis=0),
    ])  # fmt: skip
    off = math.log(sd_a / 0.4)
    slope = slopes.sum(axis=0)
    slope[-2] -= off
    return -float(at.log_likelihood.sum()) + off**2 / 2, -slope, slopes


def _items(
    y: Floats, theta: Floats, mu: float, spreads: tuple[float, float, float]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return posterior mean and sd of each item's discrimination, then of its intercept."""
    there = ~np.isnan(y) * 1.0
    at = _posterior(np.where(there > 0, y, 0.0) - (theta[:, None] + mu) * there, there, theta, spreads)
    return 1 + at.u, np.sqrt(at.uu), mu + at.v, np.sqrt(at.vv)
