"""Two raters on an interval scale: do they give the same numbers? Concordance and limits of agreement."""

from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from judgekit.agreement.core.arrays import magnitude, settled, varies
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, unusable, with_interval
from judgekit.agreement.core.intervals import clustered_mean, normal_quantile, t_interval, t_quantile
from judgekit.agreement.core.moments import bounded, concordance_of, steady
from judgekit.agreement.core.ratings import Codes, Floats, Ratings, coded, coded_clusters, given_numbers
from judgekit.agreement.core.resample import Drawn, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class Concordance:
    """Lin's concordance correlation and what it is made of: ccc = pearson * bias_correction.

    Pearson's says how near the points are to any line, the correction how near that line is to identity. The
    location shift is (mean of the second - mean of the first) / sqrt(sd * sd), the scale shift sd / sd.
    """

    ccc: Estimate
    pearson: Estimate
    bias_correction: Estimate
    location_shift: Estimate
    scale_shift: Estimate


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Differences of two raters, first less second, in units of the scale.

    Beyond each limit lie 2.5 % of them, if they are normal; `proportional_bias` is the slope of the
    difference on the mean of both, 0 if the bias is the same all along the scale.
    """

    bias: Estimate
    lower_limit: Estimate
    upper_limit: Estimate
    proportional_bias: Estimate


def concordance(x: Floats, y: Floats) -> tuple[float, float]:
    """Return Lin's concordance correlation of two columns without nan, and its standard error."""
    # Source: Lin (1989), Biometrics 45, with the variance as corrected in Biometrics 56 (2000).
    n = len(x)
    dx, dy = x - x.mean(), y - y.mean()
    vx, vy, cov = (float(a @ b) / n for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    shift = float(x.mean() - y.mean())
    whole = vx + vy + shift**2
    tiny = 1e-24 * max(float(x.mean()) ** 2, float(y.mean()) ** 2, 1e-300)
    if whole <= tiny:
        return float("nan"), float("nan")
    if vx <= tiny or vy <= tiny:
        return 0.0, float("nan")
    p, r = 2 * cov / whole, cov / np.sqrt(vx * vy)
    if n < 3 or r == 0:
        return p, float("nan")
    u = shift**2 / np.sqrt(vx * vy)
    variance = (1 - r**2) * p**2 * (1 - p**2) / r**2 + 2 * p**3 * (1 - p) * u / r - p**4 * u**2 / (2 * r**2)
    return p, float(np.sqrt(max(variance, 0.0) / (n - 2)))


def ccc(ratings: Any, *, scale: Any = None, clusters: Any = None, **how: Unpack[Drawn]) -> Concordance:
    """Lin's concordance correlation coefficient of two raters, with its parts.

    `ratings` are `Ratings` of two raters, or numbers of shape (n_units, 2), nan where missing, which need no
    `scale`. The interval of the coefficient is that of each unit's influence, whatever the distribution; the
    second rater is the reference, whose rarer labels have to be enough. Raises `InputError` for more than
    two raters, a wrong shape, infinity, or a nominal scale.

    >>> found = ccc([[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]])
    >>> round(found.ccc.value, 3), round(found.pearson.value, 3), round(found.location_shift.value, 3)
    (0.8, 1.0, 0.707)
    """
    draw = resampling(how)
    x, y, groups, start = _two(ratings, scale, clusters, draw.level)
    start = replace(start, name="ccc", method="Lin's concordance correlation, 1/n moments")
    if start.status != "ok":
        return Concordance(*(undefined(replace(start, name=name), start.status) for name in _PARTS))
    value, se = concordance(x, y)
    if np.isnan(value):
        return Concordance(*(undefined(replace(start, name=name), Status.NO_VARIATION) for name in _PARTS))
    main = replace(start, value=value)
    sx, sy = float(x.std()), float(y.std())
    if np.isnan(se) and 0.0 in {round(sx, 12), round(sy, 12)}:
        main = flagged(main, Status.DEGENERATE, ["one rater gave one number only"])
        parts = (undefined(replace(start, name=name), Status.NO_VARIATION) for name in _PARTS[1:])
        return Concordance(main, *parts)
    r = float(np.corrcoef(x, y)[0, 1])
    shift = float(y.mean() - x.mean())
    values = (r, value / r if r else float("nan"), shift / float(np.sqrt(sx * sy)), sy / sx)
    plain = (replace(start, name=n, value=v, method=n) for n, v in zip(_PARTS[1:], values, strict=True))
    return Concordance(steady(bounded(main, concordance_of(x, y), clusters=groups), y), *plain)


_PARTS = ("ccc", "pearson", "bias_correction", "location_shift", "scale_shift")


def bland_altman(
    ratings: Any, *, scale: Any = None, clusters: Any = None, level: float = 0.95
) -> BlandAltman:
    """Bias and limits of agreement of two raters.

    Ratings and errors as in `ccc`. `level` is of the intervals; the limits themselves are always those of 95
    %. With clusters the bias has a CR1 interval, and the limits none. Source: Bland and Altman (1999),
    Statistical Methods in Medical Research 8.

    >>> found = bland_altman([[1, 2], [2, 2], [3, 5], [4, 4], [5, 6]])
    >>> round(found.bias.value, 2), round(found.upper_limit.value, 2)
    (-0.8, 0.84)
    """
    x, y, groups, start = _two(ratings, scale, clusters, level)
    names = ("bias", "lower_limit_of_agreement", "upper_limit_of_agreement", "proportional_bias")
    if start.status != "ok":
        return BlandAltman(*(undefined(replace(start, name=name), start.status) for name in names))
    d, n = settled(x - y, magnitude(x, y)), len(x)
    mean = clustered_mean(d, groups, level=level)
    bias = replace(
        mean, name="bias", method="mean of first less second", n_units=start.n_units, n_raters=2,
        n_dropped=start.n_dropped,
    )  # fmt: skip
    sd = float(d.std(ddof=1)) if varies(d) else 0.0
    z = normal_quantile(0.95)
    se = sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))

    def limit(name: str, value: float) -> Estimate:
        found = replace(
            start, name=name, value=value, method="bias and 1.959964 sd; Bland and Altman round to 1.96"
        )
        if not sd > 0 or groups is not None:
            return found
        low, high = t_interval(value, se, n - 1, level=level)
        return with_interval(found, low, high, se=float(se), interval="t")

    lower, upper = limit(names[1], bias.value - z * sd), limit(names[2], bias.value + z * sd)
    return BlandAltman(bias, lower, upper, _slope(d, (x + y) / 2, groups, replace(start, name=names[3])))


def _two(
    ratings: Any, scale: Any, clusters: Any, level: float
) -> tuple[Floats, Floats, Codes | None, Estimate]:
    """Two complete columns, their clusters, and the estimate to start from, undefined if they are no use."""
    numbers = given_numbers(ratings, scale)
    if numbers.shape[1] > 2:
        raise InputError(f"two raters are compared, found {numbers.shape[1]}; choose two columns")
    groups = ratings.clusters if isinstance(ratings, Ratings) else coded_clusters(clusters, len(numbers))
    rated = ~np.isnan(numbers)
    both = rated.all(axis=1)
    n = int(both.sum())
    status = unusable(rated, n) or "ok"
    start = about(
        "", n, len(numbers), level=level, n_raters=numbers.shape[1],
        unit="unit" if groups is None else "cluster", status=status,
    )  # fmt: skip
    kept = None if groups is None else coded(groups[both])
    return numbers[both][:, 0], numbers[both][:, -1], kept, start


def _slope(d: Floats, middle: Floats, groups: Codes | None, start: Estimate) -> Estimate:
    """Least-squares slope of the difference on the mean of both, with a t interval."""
    m = middle - middle.mean()
    sxx, n = float(m @ m), len(d)
    start = replace(start, method="slope of (first - second) on their mean")
    if n < 3:
        return undefined(start, Status.TOO_FEW)
    if sxx <= 1e-24 * max(float(middle @ middle), 1e-300):
        return undefined(start, Status.NO_VARIATION)
    from_mean = settled(d - d.mean(), magnitude(d))
    slope = float(m @ from_mean) / sxx
    rest = settled(from_mean - slope * m, magnitude(d))
    df: float = n - 2
    se = float(np.sqrt(rest @ rest / df / sxx))
    kind = "t"
    if groups is not None:
        n_groups = len(np.unique(groups))
        sums = np.bincount(groups, weights=m * rest)
        df, kind = n_groups - 1, "t_cr1"
        se = float(np.sqrt(n_groups / max(df, 1) * (sums @ sums))) / sxx
    found = replace(start, value=slope)
    if not se > 0 or np.isnan(t_quantile(start.level, df)):
        return found
    return with_interval(found, *t_interval(slope, se, df, level=start.level), se=se, interval=kind)
