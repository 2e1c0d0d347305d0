"""Proper scores of probabilities, and the two numbers that say how a judge's probabilities are bent.

`p` is the judge's probability, `y` the outcome (0 or 1), as in `calibration_error`.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import Clusters, aligned, complete, forecasts, kept_clusters
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, with_interval
from judgekit.agreement.core.intervals import mean_se, normal_quantile, t_interval
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.regress import logit
from judgekit.agreement.probability.reliability import Kind, bin_of
from judgekit.types import Estimate

CLIP = 1e-12
"""Probabilities of 0 and 1 are taken as this far from them where a logarithm is needed."""


@dataclass(frozen=True, slots=True)
class BrierParts:
    """brier = reliability - resolution + uncertainty + within_variance - within_covariance, exactly.

    Args:
        reliability: Mean squared distance of the bins' probability and share true; 0 is calibrated.
        resolution: How far the bins' shares are from the overall share; more is better.
        uncertainty: Variance of the outcome, which no judge can change.
        within_variance: Variance of the probabilities inside the bins.
        within_covariance: Twice their covariance with the outcome there.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float


def decompose_brier(
    p: npt.ArrayLike, y: npt.ArrayLike, *, n_bins: int = 10, kind: Kind = "width"
) -> BrierParts:
    """The Brier score in parts that add up, whatever the bins (of equal `width` or `mass`); nan without data.

    `p` and `y` have shape (n,): probabilities, and 0 or 1; nan where missing. Source: Stephenson, Coelho &
    Jolliffe (2008), "Two Extra Components in the Brier Score Decomposition", Weather and Forecasting 23. The
    identity is a property test.

    >>> parts = decompose_brier([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 0])
    >>> round(parts.reliability, 3), round(parts.resolution, 3), round(parts.uncertainty, 4)
    (0.085, 0.062, 0.1875)
    """
    p_, y_ = forecasts(p, y)
    if not len(p_):
        return BrierParts(*[math.nan] * 6)
    where = bin_of(p_, n_bins, kind)
    count = np.maximum(np.bincount(where), 1)
    own_p, own_y = (np.bincount(where, weights=x) / count for x in (p_, y_))
    bar_p, bar_y, mean = own_p[where], own_y[where], y_.mean()
    return BrierParts(
        brier=float(np.mean((p_ - y_) ** 2)),
        reliability=float(np.mean((bar_p - bar_y) ** 2)),
        resolution=float(np.mean((bar_y - mean) ** 2)),
        uncertainty=float(mean * (1 - mean)),
        within_variance=float(np.mean((p_ - bar_p) ** 2)),
        within_covariance=float(2 * np.mean((p_ - bar_p) * (y_ - bar_y))),
    )


def log_loss(p: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Mean negative log-probability of what came true, in nats; probabilities kept 1e-12 off 0 and 1.

    >>> round(log_loss([0.5, 0.5], [0, 1]), 4)
    0.6931
    """
    p_, y_ = forecasts(p, y)
    q = np.clip(p_, CLIP, 1 - CLIP)
    return float(-np.mean(np.where(y_ == 1, np.log(q), np.log1p(-q)))) if len(p_) else math.nan


def spiegelhalter_z(p: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Spiegelhalter's z: is the Brier score what the probabilities themselves lead one to expect?

    Standard normal for a calibrated judge; above 0 its probabilities are too extreme. nan where all of them
    are 0, 1/2 or 1, or without data. Source: Spiegelhalter (1986), "Probabilistic Prediction in Patient
    Management and Clinical Trials".
    """
    p_, y_ = forecasts(p, y)
    spread = np.sum((1 - 2 * p_) ** 2 * p_ * (1 - p_))
    return float(np.sum((y_ - p_) * (1 - 2 * p_)) / np.sqrt(spread)) if spread > 0 else math.nan


def brier(p: npt.ArrayLike, y: npt.ArrayLike, *, clusters: Clusters = None, level: float = 0.95) -> Estimate:
    """The Brier score with a t interval, by CR1 where rows are clustered.

    `p` and `y` have shape (n,): probabilities, and 0 or 1; nan where missing. The value is from 0 to 1, lower
    is better. No value below two rows or clusters, and no interval where no score (or no cluster's) differs
    from another.
    """
    p_all, y_all = aligned(p=p, y=y)
    p_, y_ = forecasts(p_all, y_all)
    codes = kept_clusters(clusters, ~np.isnan(p_all) & ~np.isnan(y_all))
    mean, se, df = mean_se((p_ - y_) ** 2, codes)
    made = about(
        "brier", len(p_), len(p_all), value=mean, level=level, n_raters=1,
        unit="unit" if codes is None else "cluster",
        method="mean squared difference of probability and outcome",
    )  # fmt: skip
    if df < 1:
        return undefined(made, Status.TOO_FEW, _too_few(len(p_), codes))
    if not se > 0:
        return flagged(replace(made, se=0.0), Status.DEGENERATE, ["nothing varies: there is no interval"])
    low, high = t_interval(mean, se, df, level=level, most=1.0)
    return with_interval(made, max(0.0, low), high, se=se, interval="t" if codes is None else "t_cr1")


def cox_calibration(p: npt.ArrayLike, y: npt.ArrayLike, *, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """Logistic regression of the outcome on the logit of the probability, with Wald intervals.

    `p` and `y` have shape (n,): probabilities, and 0 or 1; nan where missing. Returns `cox_intercept`, 0 for
    a calibrated judge and below 0 where its probabilities are too high, and `cox_slope`, 1 for a calibrated
    judge and below 1 where they are too extreme. nan where no finite fit exists: one outcome only, or
    outcomes separated by the probability.
    """
    n = len(aligned(p=p, y=y)[0])
    x, y_ = _log_odds(p, y)
    method = "logistic regression of the outcome on the log-odds of p"
    blank = about("", len(x), n, level=level, n_raters=1, method=method)
    first, second = (replace(blank, name=name) for name in ("cox_intercept", "cox_slope"))
    if not _overlaps(x, y_):
        alike = len(set(y_)) < 2
        status = Status.NO_VARIATION if alike else Status.NOT_IDENTIFIED
        note = "one outcome only" if alike else "the probability separates the outcomes: no finite slope"
        return undefined(first, status, note), undefined(second, status, note)
    beta, covariance = logit(np.column_stack([np.ones_like(x), x]), y_)
    return _wald(first, beta[0], covariance[0, 0]), _wald(second, beta[1], covariance[1, 1])


def _too_few(n: int, codes: Codes | None) -> str:
    found, what = (1, "cluster") if codes is not None and n > 1 else (n, "complete row")
    return f"{found} {what}{'' if found == 1 else 's'}; an interval needs two"


def _wald(estimate: Estimate, value: float, variance: float) -> Estimate:
    se = math.sqrt(variance)
    half = normal_quantile(estimate.level) * se
    found = replace(estimate, value=float(value))
    return with_interval(found, float(value - half), float(value + half), se=se, interval="wald")


def _log_odds(p: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    p_, y_ = forecasts(*complete(p=p, y=y))
    q = np.clip(p_, CLIP, 1 - CLIP)
    return np.log(q) - np.log1p(-q), y_


def _overlaps(x: Floats, y: Floats) -> bool:
    """Whether a logistic fit on x is finite: each outcome has some x beyond one of the other's."""
    zero, one = x[y == 0], x[y == 1]
    return bool(len(zero) and len(one) and zero.max() > one.min() and one.max() > zero.min())
