"""Intervals of means of labels with a declared range: on the logit scale, with a floor under the error."""

import math
from dataclasses import replace

import numpy as np

from judgekit.agreement.ratings import Floats
from judgekit.types import Estimate

Bounds = tuple[float, float]


def floored_se(se: float, residuals: Floats, n: int, bounds: Bounds | None) -> float:
    """A standard error that is not 0 because all residuals happen to be equal: as if half a unit were not.

    sqrt(h (1 - h) / n) with h = 1/(2n), times the range of labels.
    """
    if bounds is None or not all_equal(residuals):
        return se
    half = 0.5 / n
    return math.hypot(se, (bounds[1] - bounds[0]) * math.sqrt(half * (1 - half) / n))


def bounded_interval(
    value: float, se: float, *, df: float, n: int, level: float, bounds: Bounds | None
) -> tuple[float, float]:
    """A t interval on the logit scale of the bounds, or a plain one without them; always holds the value.

    >>> low, high = bounded_interval(0.6330558, 0.0848468, df=19, n=20, level=0.95, bounds=(0, 1))
    >>> round(low, 4), round(high, 4)
    (0.4454, 0.7875)
    """
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
