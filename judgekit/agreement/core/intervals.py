"""Intervals from a standard error or a count, and means of clustered values; nothing is drawn.

Means of labels with a declared range have theirs on the logit scale, with a floor under the error.
"""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import Clusters
from judgekit.agreement.core.estimate import Status, flagged, undefined
from judgekit.agreement.core.ratings import Floats, coded_clusters
from judgekit.errors import InputError
from judgekit.types import Estimate

ENOUGH_CLUSTERS = 20
_ROUNDING = 1e-12
"""A standard error smaller than this beside the values is what rounding leaves of 0."""
Ends = tuple[float, float]
_NONE = (float("nan"), float("nan"))


def normal_quantile(level: float) -> float:
    """Z of a two-sided interval: 1.96 for 0.95."""
    from scipy.special import ndtri

    return float(ndtri((1 + proper(level)) / 2))


def t_quantile(level: float, df: float) -> float:
    """T of a two-sided interval; nan below one degree of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + proper(level)) / 2)) if df >= 1 else float("nan")


def wilson(successes: float, n: float, *, level: float = 0.95) -> Ends:
    """Return Wilson's (1927) interval of a share: never beyond 0 and 1, and never a point at them."""
    if n <= 0:
        return _NONE
    z2 = normal_quantile(level) ** 2
    p = successes / n
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # At the ends rounding would leave 1e-17 of room.
    return (0.0 if successes <= 0 else float(middle - half), 1.0 if successes >= n else float(middle + half))


def fisher_z(value: float, se: float, *, level: float = 0.95) -> Ends:
    """Interval of a coefficient from -1 to 1, symmetric on the scale of its inverse hyperbolic tangent."""
    if not (abs(value) < 1 and 0 < se < np.inf):
        return _NONE
    half = normal_quantile(level) * se / (1 - value**2)
    middle = np.arctanh(value)
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))


def t_interval(value: float, se: float, df: float, *, level: float = 0.95, most: float = np.inf) -> Ends:
    """Interval by Student's t, its upper end cut at `most`; nan without a standard error above 0."""
    if not (se > 0 and df >= 1):
        return _NONE
    half = t_quantile(level, df) * se
    return value - half, min(value + half, most)


def at_one(expected: float, n: float, *, level: float = 0.95) -> Ends:
    """Return the interval of a coefficient that came out as 1: no disagreement was seen in `n` units."""
    # A standard error and every resample's are 0 there, which would claim certainty. The lower end takes
    # Wilson's for `n` of `n` as observed agreement and leaves agreement by chance as it is.
    low, _ = wilson(n, n, level=level)
    if not expected < 1:
        return _NONE
    return (low - expected) / (1 - expected), 1.0


def share(successes: int, n: int, *, name: str = "share", level: float = 0.95, dropped: int = 0) -> Estimate:
    """A share of independent units with Wilson's interval; `dropped` units were left out.

    Raises `InputError` if `successes` is not from 0 to `n`.

    >>> share(8, 10).value
    0.8
    """
    if not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} is no share")
    estimate = Estimate(
        name, float("nan"), level=level, n_units=n + dropped, n_used=n, n_dropped=dropped, method="share"
    )
    if n == 0:
        return undefined(estimate, Status.NO_PAIRED_ITEMS)
    low, high = wilson(successes, n, level=level)
    return Estimate(
        name=name, value=successes / n, low=low, high=high,
        se=float(np.sqrt(successes / n * (1 - successes / n) / n)), level=level, n_units=n + dropped,
        n_used=n, n_dropped=dropped, method="share", interval="wilson",
    )  # fmt: skip


def rate(
    event: npt.NDArray[np.bool_],
    clusters: npt.NDArray[np.intp] | None = None,
    *,
    name: str = "share",
    level: float = 0.95,
    dropped: int = 0,
) -> Estimate:
    """Return how often an event (n,) happened: Wilson's interval, or CR1 and t with clusters."""
    if clusters is None:
        return share(int(event.sum()), len(event), name=name, level=level, dropped=dropped)
    made = clustered_mean(event.astype(float), clusters, name=name, level=level)
    return replace(made, n_units=made.n_units + dropped, n_dropped=dropped)


def bonett_price(up: float, down: float, n: float, *, level: float = 0.95) -> tuple[float, float, float]:
    """Return the interval of a difference of two shares of the same units, and its standard error."""
    # Source: Bonett and Price (2012), "Adjusted Wald Confidence Interval for a Difference of Binomial
    # Proportions Based on Paired Data", J. Educational and Behavioral Statistics 37.
    p_up, p_down = (up + 1) / (n + 2), (down + 1) / (n + 2)
    centre = p_up - p_down
    se = float(np.sqrt((p_up + p_down - centre**2) / (n + 2)))
    half = normal_quantile(level) * se
    return max(-1.0, centre - half), min(1.0, centre + half), se


def mean_se(values: Floats, clusters: npt.NDArray[np.intp] | None = None) -> tuple[float, float, int]:
    """Return the mean of values (n,), its standard error and degrees of freedom."""
    # Source: Miller (2024), arXiv 2411.00640, with CR1 and t in place of CR0 and z, which cover too little
    # below 30 clusters. Checked against statsmodels' clustered covariance.
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    groups = n if clusters is None else len(np.unique(clusters))
    if groups < 2:
        return mean, float("nan"), 0
    if clusters is None:
        se = float(values.std(ddof=1) / np.sqrt(n))
    else:
        sums = np.bincount(clusters, weights=values - mean)
        se = float(np.sqrt(groups / (groups - 1) * (sums @ sums)) / n)
    return mean, se if se > _ROUNDING * np.abs(values).max() else 0.0, groups - 1


def clustered_mean(
    values: npt.ArrayLike, clusters: Clusters = None, *, name: str = "mean", level: float = 0.95
) -> Estimate:
    """A mean of values, or of paired differences, whose independent units are clusters.

    Args:
        values: Shape (n,), nan where missing.
        clusters: Shape (n,): what each value belongs to (a prompt, a conversation); None if values are
            independent.

    Returns the mean with a t interval (CR1 with G-1 degrees of freedom for clusters). Below 20 clusters its
    status is `unstable:few_clusters`. Raises `InputError` for infinity, or if there is not one cluster a
    value.

    >>> clustered_mean([1, 1, 0, 1, 0, 0], ["a", "a", "b", "b", "c", "c"]).status
    'unstable:few_clusters'
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or np.isinf(x).any():
        raise InputError(f"values are finite numbers of shape (n,), found shape {x.shape}")
    groups = coded_clusters(clusters, len(x))
    there = ~np.isnan(x)
    x, groups = x[there], None if groups is None else groups[there]
    mean, se, df = mean_se(x, groups)
    kind = "t" if groups is None else "t_cr1"
    estimate = Estimate(
        name, mean, *t_interval(mean, se, df, level=level), se=se, level=level, n_units=len(there),
        n_used=len(x), n_dropped=int((~there).sum()), unit="unit" if groups is None else "cluster",
        method="mean", interval=kind if se > 0 else "none",
    )  # fmt: skip
    if len(x) < 2:
        return undefined(estimate, Status.TOO_FEW)
    if groups is not None and df + 1 < ENOUGH_CLUSTERS:
        return flagged(
            estimate, Status.FEW_CLUSTERS, [f"{df + 1} clusters; from {ENOUGH_CLUSTERS} on an interval holds"]
        )
    return estimate


def proper(level: float) -> float:
    """Return the level, refused where it is not between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"the level {level} is not between 0 and 1")
    return level


Bounds = tuple[float, float]


def floored_se(se: float, residuals: Floats, n: int, bounds: Bounds | None) -> float:
    """Return a standard error that is not 0 because all residuals are equal: as if half a unit were not."""
    if bounds is None or not all_equal(residuals):
        return se
    half = 0.5 / n
    return math.hypot(se, (bounds[1] - bounds[0]) * math.sqrt(half * (1 - half) / n))


def bounded_interval(
    value: float, se: float, *, df: float, n: int, level: float, bounds: Bounds | None
) -> tuple[float, float]:
    """A t interval on the logit scale of the bounds, or a plain one without them; always holds the value."""
    from scipy.special import expit, logit
    from scipy.stats import t

    reach = float(t.ppf((1 + level) / 2, df))
    if bounds is None:
        return value - reach * se, value + reach * se
    bottom, width = bounds[0], bounds[1] - bounds[0]
    # Half a unit off the ends, where the logit has no value.
    x = float(np.clip((value - bottom) / width, 0.5 / n, 1 - 0.5 / n))
    half = reach * se / width / (x * (1 - x))
    low, high = (bottom + width * float(expit(logit(x) + side)) for side in (-half, half))
    return min(low, value), max(high, value)


def all_equal(residuals: Floats) -> bool:
    """Whether nothing varies, so that a standard error of 0 would claim certainty."""
    return len(residuals) == 0 or float(np.ptp(residuals)) <= 1e-12


def equal_note(bounds: Bounds | None) -> str:
    """What equal residuals make of the standard error."""
    what = "too small" if bounds is None else "a floor, not an estimate"
    return f"all residuals are equal: the standard error is {what}"


def placed(made: Estimate, value: float, se: float, *, df: float, n: int, bounds: Bounds | None) -> Estimate:
    """The estimate with its value inside the bounds, and its interval; none where nothing varies at all."""
    shown = value if bounds is None else float(np.clip(value, *bounds))
    if bounds is None and se <= 1e-12 * max(1.0, abs(value)):
        return replace(made, value=value, se=0.0)
    low, high = bounded_interval(shown, se, df=df, n=n, level=made.level, bounds=bounds)
    notes = made.notes if shown == value else (*made.notes, f"{value:.4f} was cut to the range of labels")
    kind = "t" if bounds is None else "t_logit"
    kind = kind if made.unit == "unit" else f"{kind}_cr1"
    return replace(made, value=shown, low=low, high=high, se=se, interval=kind, notes=notes)
