"""Looking at the labels as they come, and stopping when it is enough, without deceiving oneself.

An ordinary interval is right at one time fixed beforehand; looked at after every label it is wrong sooner or
later. A confidence sequence is right at all times at once. Where a few looks are planned, group-sequential
bounds are narrower.
"""

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import column, within
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import Bounds
from judgekit.errors import InputError
from judgekit.types import Estimate


def mixture_radius(variance: float, n: int, *, level: float = 0.95, best_at: int = 100) -> float:
    """Half-width, at any n, of the normal-mixture confidence sequence of a mean.

    sqrt((V + r) log((V + r) / (r alpha^2))) / n, with V = n variance and r chosen to be narrow at `best_at`.

    Source:
        Robbins (1970); Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49; r as in
        Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), arXiv 2103.06476, for `best_at`.
    """
    if n < 1:
        return math.inf
    reach = -2 * math.log(1 - level)
    r = variance * best_at / (reach + math.log1p(reach))
    v = n * variance
    return math.sqrt((v + r) * (math.log((v + r) / r) + reach)) / n


def bernstein_ends(x: npt.ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Ends, at this n, of the empirical-Bernstein confidence sequence of a mean in [0, 1].

    Exact at any n and narrower than the mixture where values vary little; values must be in the order
    in which they came.

    Shape: `x` (n,).

    Source:
        Waudby-Smith & Ramdas (2024), "Estimating Means of Bounded Random Variables by Betting", JRSS B 86,
        theorem 2 (predictable plug-in), with the bets cut at 1/2.
    """
    v = column(x, "x")
    if not len(v):
        return 0.0, 1.0
    t = np.arange(1, len(v) + 1)
    mean = (0.5 + np.cumsum(v)) / (t + 1)
    spread = (0.25 + np.cumsum((v - mean) ** 2)) / (t + 1)
    mean_before, spread_before = np.r_[0.5, mean[:-1]], np.r_[0.25, spread[:-1]]
    reach = math.log(2 / (1 - level))
    bet = np.minimum(np.sqrt(2 * reach / (spread_before * t * np.log1p(t))), 0.5)
    price = (v - mean_before) ** 2 * (-np.log1p(-bet) - bet)
    middle, half = float(bet @ v / bet.sum()), float((reach + price.sum()) / bet.sum())
    return max(0.0, middle - half), min(1.0, middle + half)


def confidence_sequence(
    values: npt.ArrayLike,
    *,
    bounds: Bounds = (0.0, 1.0),
    kind: Literal["mixture", "bernstein"] = "mixture",
    best_at: int = 100,
    level: float = 0.95,
) -> Estimate:
    """The mean so far, with an interval that holds at every time it is looked at, and at any n.

    Args:
        values: Shape (n,), in the order they came; nan where missing.
        bounds: The range of values.
        kind: `mixture`, by the largest variance the range allows; `bernstein`, by how the values vary, which
            is narrower where they vary little. To be chosen beforehand.
        best_at: The number of values at which it is to be narrow, said beforehand.
        level: Confidence, over all times at once.

    Raises:
        InputError: For a malformed argument, or a value out of bounds.

    >>> found = confidence_sequence([1, 0] * 50)
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.5, 0.348, 0.652)
    """
    given = column(values, "values")
    x = given[~np.isnan(given)]
    within(x, *bounds, "values")
    if kind not in {"mixture", "bernstein"}:
        raise InputError(f"kind {kind!r}; there are 'mixture' and 'bernstein'")
    n, (bottom, top) = len(x), bounds
    made = Estimate(
        "mean", math.nan, level=level, n_units=len(given), n_raters=1, n_used=n, n_dropped=len(given) - n,
        method=f"confidence sequence, {kind}",
    )  # fmt: skip
    if n < 2:
        return undefined(made, Status.TOO_FEW, f"{n} values")
    mean, width = float(x.mean()), top - bottom
    if kind == "mixture":
        radius = mixture_radius(width**2 / 4, n, level=level, best_at=best_at)
        low, high = max(bottom, mean - radius), min(top, mean + radius)
    else:
        low, high = (bottom + width * end for end in bernstein_ends((x - bottom) / width, level=level))
    return replace(
        made, value=mean, low=low, high=high, se=float(x.std(ddof=1) / math.sqrt(n)),
        interval="confidence_sequence",
    )  # fmt: skip


def share_sequence(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """A share's interval that holds at every time it is looked at; exact, and narrow at high and low shares.

    The shares p that the mixture of binomials over a Beta(1/2, 1/2) does not beat by 1 / alpha.

    Args:
        successes: So far.
        n: So far.
        level: Confidence, over all times at once.

    Returns:
        (0, 1) at n = 0.

    Raises:
        InputError: If there are more successes than values.

    Source:
        Robbins (1970), "Statistical Methods Related to the Law of the Iterated Logarithm": the
        ratio of mixture and likelihood is a martingale, so Ville's inequality holds at all times.

    >>> low, high = share_sequence(95, 100)
    >>> round(low, 3), round(high, 3)
    (0.844, 0.993)
    """
    from scipy.optimize import brentq
    from scipy.special import betaln, xlog1py, xlogy

    if not 0 <= successes <= n or not 0 < level < 1:
        raise InputError(f"{successes} of {n} at level {level}")
    failures = n - successes
    mixture = float(betaln(0.5 + successes, 0.5 + failures) - betaln(0.5, 0.5))

    def beaten(p: float) -> float:
        return mixture - float(xlogy(successes, p) + xlog1py(failures, -p)) + math.log(1 - level)

    middle, edge = (successes / n if n else 0.5), 1e-12
    low = 0.0 if beaten(edge) <= 0 else float(brentq(beaten, edge, max(middle, 2 * edge)))
    high = 1.0 if beaten(1 - edge) <= 0 else float(brentq(beaten, min(middle, 1 - 2 * edge), 1 - edge))
    return low, high
