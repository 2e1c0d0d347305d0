"""As good as people, within a margin said beforehand.

A p-value above .05 for a difference shows nothing: with few labels there is always one. What shows that a
judge is not worse is an interval of the difference that stays above minus the margin.
"""

import math
from dataclasses import dataclass
from typing import Literal

from judgekit.errors import InputError
from judgekit.types import Estimate

Finding = Literal["equivalent", "non_inferior", "worse", "undecided", "undefined"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What the interval of a difference says beside a margin.

    Args:
        finding: `equivalent`: inside (-margin, margin). `non_inferior`: above -margin. `worse`: all of it
            below -margin. `undecided`: it holds -margin, more labels are needed. `undefined`: no interval.
        margin: As declared.
        difference: The estimate it rests on, first minus second, more is better.
        why: A sentence with the numbers.
    """

    finding: Finding
    margin: float
    difference: Estimate
    why: str


def against_margin(difference: Estimate, *, margin: float) -> Equivalence:
    """Is the first not worse than the second by more than the margin?

    With a 95 % interval each of the two one-sided tests is at 2.5 %, which is stricter than TOST at 5 %; hand
    in a 90 % interval for that.

    Args:
        difference: First minus second (judge minus human ceiling), more is better, with its interval.
        margin: The loss that does not matter, in the difference's units, said before looking; above 0.

    Raises:
        InputError: If the margin is not a positive number.

    >>> against_margin(Estimate("d", -0.01, low=-0.04, high=0.02), margin=0.05).finding
    'equivalent'
    >>> against_margin(Estimate("d", 0.0, low=-0.2, high=0.2), margin=0.05).finding
    'undecided'
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise InputError(f"margin {margin}; a positive number is needed")
    low, high = difference.low, difference.high
    if math.isnan(low) or math.isnan(high):
        return Equivalence("undefined", margin, difference, f"no interval: {difference.status}")
    seen = f"difference {difference.value:.3f}, {difference.level:.0%} interval {low:.3f} to {high:.3f}"
    if difference.status.startswith("unstable"):
        return Equivalence("undecided", margin, difference, f"{seen}, which is {difference.status}")
    if low > -margin:
        finding: Finding = "equivalent" if high < margin else "non_inferior"
        return Equivalence(finding, margin, difference, f"{seen}, above -{margin:g}")
    if high < -margin:
        return Equivalence("worse", margin, difference, f"{seen}, below -{margin:g}")
    return Equivalence("undecided", margin, difference, f"{seen}, which holds -{margin:g}")


def tost(value: float, se: float, *, margin: float, df: float = math.inf) -> float:
    """p-value of two one-sided tests that a difference is within (-margin, margin).

    Args:
        value: The difference.
        se: Its standard error.
        margin: Above 0.
        df: Degrees of freedom of t; infinite for the normal.

    Returns:
        The larger of the two; equivalent at alpha if it is below, just as the 1 - 2 alpha interval is then
        inside the margins. nan where value or se is nan, or se is 0.

    Raises:
        InputError: If the margin is not a positive number.

    Source:
        Schuirmann (1987). Checked against statsmodels' DescrStatsW.ttost_mean.

    >>> round(tost(0.0, 0.02, margin=0.05), 4)
    0.0062
    """
    from scipy.stats import norm, t

    if not (margin > 0 and math.isfinite(margin)):
        raise InputError(f"margin {margin}; a positive number is needed")
    if math.isnan(value) or not se > 0:
        return math.nan
    law = norm if math.isinf(df) else t(df)
    return float(max(law.sf((value + margin) / se), law.cdf((value - margin) / se)))
