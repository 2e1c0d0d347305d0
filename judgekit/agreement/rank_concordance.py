"""Kendall's W: do several raters put the same units in the same order?"""

from dataclasses import replace
from typing import Any

import numpy as np

from judgekit.agreement.estimate import (
    NEEDS_TWO_RATERS,
    NO_PAIRED_ITEMS,
    NO_VARIATION,
    TOO_FEW,
    undefined,
)
from judgekit.agreement.ratings import Floats, given_numbers
from judgekit.types import Estimate


def concordance_of_ranks(numbers: Floats) -> float:
    """Kendall's W with its correction for ties.

    Args:
        numbers: Shape (n_units, n_raters): ranks, or numbers to be ranked within each rater; no nan.

    Returns:
        1 if all raters give the same order, 0 if their orders cancel out. With two raters it is
        (rho + 1) / 2 of Spearman's rho. nan if no rater puts any unit before another.

    Source:
        Kendall and Babington Smith (1939), Annals of Mathematical Statistics 10; ties as in Siegel and
        Castellan (1988). Checked against scipy's Friedman statistic, which is m (n - 1) W.

    >>> round(concordance_of_ranks(np.array([[1.0, 1, 2], [2, 3, 1], [3, 2, 3]])), 4)
    0.4444
    """
    from scipy.stats import rankdata

    n, m = numbers.shape
    ranks = np.asarray(rankdata(numbers, axis=0), dtype=np.float64)
    sums = ranks.sum(axis=1)
    ties = 0.0
    for column in ranks.T:
        _, counts = np.unique(column, return_counts=True)
        ties += float((counts.astype(np.float64) ** 3 - counts).sum())
    most = m**2 * (n**3 - n) - m * ties
    return float(12 * np.square(sums - sums.mean()).sum() / most) if most > 0 else float("nan")


def kendall_w(ratings: Any, *, scale: Any = None) -> Estimate:
    """Kendall's coefficient of concordance of several raters.

    Args:
        ratings: `Ratings`, or numbers of shape (n_units, n_raters); a unit that a rater did not rate
            is left out and counted. Rows are what is ranked: systems, responses, items.
        scale: The declared scale of raw labels; raw numbers need none.

    Returns:
        From 0 to 1, without an interval. The notes give the test of no concordance (chi-square with
        n - 1 degrees of freedom, which is rough for fewer than 8 units) and the mean of Spearman's rho
        over pairs of raters, (m W - 1) / (m - 1).

    Raises:
        InputError: For a wrong shape, infinity, or a nominal scale.

    >>> kendall_w([[1, 1, 2], [2, 3, 1], [3, 2, 3]]).notes
    ('mean Spearman correlation of two raters 0.167', 'chi-square 2.667 on 2 df, p = 0.264')
    """
    from scipy.special import chdtrc

    x = given_numbers(ratings, scale)
    rated = ~np.isnan(x)
    used = rated.all(axis=1)
    n, m = int(used.sum()), x.shape[1]
    start = Estimate(
        "kendall_w", float("nan"), n_units=len(x), n_raters=m, n_used=n,
        n_dropped=len(x) - n, method="Kendall's W, corrected for ties",
    )  # fmt: skip
    if int(rated.any(axis=0).sum()) < 2:
        return undefined(start, NEEDS_TWO_RATERS)
    if n < 2:
        return undefined(start, TOO_FEW if n else NO_PAIRED_ITEMS)
    value = concordance_of_ranks(x[used])
    if np.isnan(value):
        return undefined(start, NO_VARIATION)
    statistic = m * (n - 1) * value
    notes = (
        f"mean Spearman correlation of two raters {(m * value - 1) / (m - 1):.3f}",
        f"chi-square {statistic:.3f} on {n - 1} df, p = {float(chdtrc(n - 1, statistic)):.3g}",
    )
    return replace(start, value=value, notes=notes)
