"""Least squares and logistic regression with standard errors for clustered rows.

Small on purpose: what audits of bias need (a coefficient given the human score), with CR1 standard errors,
fractional outcomes (a tie is one half), and a stated ridge where outcomes are separated. Equal to statsmodels
(tests), which has no covariance for a ridge: the fit that would be left to it is needed here anyway.
"""

from dataclasses import dataclass, replace

import numpy as np

from judgekit.agreement.core.arrays import inverse_of
from judgekit.agreement.core.estimate import Status, flagged, undefined
from judgekit.agreement.core.intervals import ENOUGH_CLUSTERS, t_interval
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.types import Estimate

RIDGE = 1e-3
FAR = 12.0  # a coefficient times its column's size beyond this says that outcomes are separated


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients (k,) with their covariance (k, k) and what their intervals need.

    `df` of t is n - k, or clusters - 1; infinite for a likelihood. `kind` is `t`, `t_cr1` or `wald`.
    """

    coef: Floats
    cov: Floats
    df: float
    kind: str
    ridge: float = 0.0
    n_clusters: int = 0


def least_squares(x: Floats, y: Floats, clusters: Codes | None = None) -> Fit | None:
    """Fit y (n,) on x (n, k) by least squares; None where columns depend on each other or rows are few."""
    n, k = x.shape
    if n <= k or np.linalg.matrix_rank(x) < k:
        return None
    inverse = np.asarray(np.linalg.inv(x.T @ x), dtype=float)
    coef = inverse @ x.T @ y
    return _sandwich(coef, inverse, x * (y - x @ coef)[:, None], clusters, n - k)


def logistic(
    x: Floats, y: Floats, clusters: Codes | None = None, *, ridge: Floats | float = 0.0
) -> Fit | None:
    """Fit outcomes (n,) in [0, 1] on x (n, k) by Newton's method, with a ridge where they are separated."""
    n, k = x.shape
    penalty = np.broadcast_to(np.asarray(ridge, dtype=float), (k,))
    if not np.any(penalty) and (n <= k or np.linalg.matrix_rank(x) < k):
        return None
    coef, converged = _newton(x, y, penalty)
    reach = float(np.max(np.abs(coef) * np.sqrt(np.mean(x**2, axis=0)), initial=0.0))
    if not converged or reach > FAR:
        if np.all(penalty >= RIDGE):
            return None
        return logistic(x, y, clusters, ridge=np.maximum(penalty, RIDGE))
    p, inverse = _expit(x @ coef), _inverse(x, coef, penalty)
    if clusters is None:
        return Fit(coef, inverse, float("inf"), "wald", float(penalty.max()))
    fit = _sandwich(coef, inverse, x * (y - p)[:, None], clusters, n - k)
    return Fit(
        coef=coef, cov=fit.cov, df=fit.df, kind=fit.kind, ridge=float(penalty.max()),
        n_clusters=fit.n_clusters,
    )  # fmt: skip


def logit(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Coefficients (k,) of a logistic regression and their covariance (k, k), without any safeguard."""
    none = np.zeros(x.shape[1])
    coef, _ = _newton(x, y, none)
    return coef, _inverse(x, coef, none)


def _inverse(x: Floats, coef: Floats, penalty: Floats) -> Floats:
    """Of the information at these coefficients."""
    p = _expit(x @ coef)
    information = x.T @ (x * (p * (1 - p))[:, None]) + np.diag(penalty)
    return inverse_of(information)


def coefficient(estimate: Estimate, fit: Fit | None, contrast: Floats | int) -> Estimate:
    """Return an estimate of a coefficient, or of a combination of them: `contrast` (k,)."""
    if fit is None:
        return undefined(estimate, Status.NOT_IDENTIFIED, "too few rows, or columns that say the same")
    c = np.eye(len(fit.coef))[contrast] if isinstance(contrast, int) else contrast
    value, se = float(c @ fit.coef), float(np.sqrt(max(float(c @ fit.cov @ c), 0.0)))
    if not fit.df >= 1:
        return undefined(estimate, Status.TOO_FEW)
    low, high = t_interval(value, se, fit.df, level=estimate.level)
    made = replace(
        estimate, value=value, low=low, high=high, se=se, interval=fit.kind if se > 0 else "none",
        unit="cluster" if fit.n_clusters else estimate.unit,
    )  # fmt: skip
    if fit.ridge >= RIDGE:
        made = replace(made, notes=(*made.notes, f"a ridge of {fit.ridge:g} holds the coefficients finite"))
    if fit.n_clusters and fit.n_clusters < ENOUGH_CLUSTERS:
        made = flagged(made, Status.FEW_CLUSTERS, (f"only {fit.n_clusters} clusters",))
    return made


def _sandwich(coef: Floats, bread: Floats, scores: Floats, clusters: Codes | None, df: int) -> Fit:
    n, k = scores.shape
    if clusters is None:
        return Fit(coef, bread @ (scores.T @ scores) @ bread * n / (n - k), df, "t")
    sums = np.zeros((int(clusters.max()) + 1, k))
    np.add.at(sums, clusters, scores)
    g = len(sums)
    factor = g / (g - 1) * (n - 1) / (n - k) if g > 1 else float("nan")
    return Fit(coef, bread @ (sums.T @ sums) @ bread * factor, g - 1, "t_cr1", n_clusters=g)


def _newton(x: Floats, y: Floats, penalty: Floats) -> tuple[Floats, bool]:
    coef = np.zeros(x.shape[1])
    loss = _loss(x, y, coef, penalty)
    for _ in range(100):
        p = _expit(x @ coef)
        slope = x.T @ (y - p) - penalty * coef
        curvature = x.T @ (x * (p * (1 - p))[:, None]) + np.diag(penalty)
        step = inverse_of(curvature) @ slope
        size = 1.0
        while size > 1e-6 and _loss(x, y, coef + size * step, penalty) > loss + 1e-12:
            size /= 2
        coef = coef + size * step
        loss = _loss(x, y, coef, penalty)
        if np.max(np.abs(step), initial=0.0) < 1e-10:
            return coef, True
    return coef, bool(np.max(np.abs(slope), initial=0.0) < 1e-6)


def _loss(x: Floats, y: Floats, coef: Floats, penalty: Floats) -> float:
    z = x @ coef
    return float(np.sum(np.logaddexp(0.0, z) - y * z) + 0.5 * np.sum(penalty * coef**2))


def _expit(z: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(z), dtype=float)
