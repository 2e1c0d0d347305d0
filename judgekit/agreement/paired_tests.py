"""Tests that two judges of the same units do not differ: correlations, right and wrong, differences."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import column, kept_clusters
from judgekit.agreement.paired import magnitude, settled
from judgekit.agreement.soft_pairwise import EXACT, sign_flips
from judgekit.errors import InputError


@dataclass(frozen=True, slots=True)
class Significance:
    """A test of no difference.

    Args:
        name: `williams`, `steiger`, `mcnemar_mid_p` or `paired_permutation`.
        statistic: What was referred to the distribution; nan where it is a count of resamples.
        p: Two-sided p-value; nan where the test cannot be done.
        df: Degrees of freedom; nan where it has none.
    """

    name: str
    statistic: float
    p: float
    df: float = math.nan


def williams(r_first: float, r_second: float, r_between: float, n: int) -> Significance:
    """Williams' test that two correlations with the same third column are equal.

    Args:
        r_first: Correlation of the first judge with people.
        r_second: Of the second judge with people.
        r_between: Of the two judges.
        n: Units.

    Returns:
        t with n - 3 degrees of freedom; nan for fewer than 4 units or a judge that is a copy.

    Source:
        Williams (1959); Steiger (1980), "Tests for comparing elements of a correlation matrix", equation
        7. Checked against the examples of Steiger (case A) and of Silver, Hittner and May (2006).

    >>> t = williams(0.3, 0.4, 0.5, 100)
    >>> round(t.statistic, 4), round(t.p, 4)
    (-1.0767, 0.2843)
    """
    from scipy.special import stdtr

    if n < 4 or not all(abs(r) <= 1 for r in (r_first, r_second, r_between)):
        return Significance("williams", math.nan, math.nan)
    spread = 1 - r_first**2 - r_second**2 - r_between**2 + 2 * r_first * r_second * r_between
    mean = (r_first + r_second) / 2
    below = 2 * (n - 1) / (n - 3) * max(spread, 0.0) + mean**2 * (1 - r_between) ** 3
    if not below > 1e-15:
        return Significance("williams", math.nan, math.nan, n - 3)
    t = (r_first - r_second) * math.sqrt((n - 1) * (1 + r_between) / below)
    return Significance("williams", t, float(2 * stdtr(n - 3, -abs(t))), n - 3)


def steiger(r_first: float, r_second: float, r_between: float, n: int) -> Significance:
    """Steiger's z for the same question, on the scale of Fisher's z, with the mean correlation.

    Args:
        r_first: Correlation of the first judge with people.
        r_second: Of the second judge with people.
        r_between: Of the two judges.
        n: Units.

    Returns:
        z; nan for fewer than 4 units or a correlation of 1 or -1.

    Source:
        Steiger (1980), equations 11 and 14. Checked against the example in Silver, Hittner and May (2006)
        and case A of the paper (-0.8887; the paper prints -0.891 from a rounded covariance).

    >>> z = steiger(0.3, 0.4, 0.5, 100)
    >>> round(z.statistic, 4), round(z.p, 4)
    (-1.0718, 0.2838)
    """
    from scipy.special import ndtr

    if n < 4 or not all(abs(r) < 1 for r in (r_first, r_second, r_between)):
        return Significance("steiger", math.nan, math.nan)
    square = ((r_first + r_second) / 2) ** 2
    shared = r_between * (1 - 2 * square) - 0.5 * square * (1 - 2 * square - r_between**2)
    below = 2 - 2 * shared / (1 - square) ** 2
    if not below > 0:
        return Significance("steiger", math.nan, math.nan)
    z = (math.atanh(r_first) - math.atanh(r_second)) * math.sqrt((n - 3) / below)
    return Significance("steiger", z, float(2 * ndtr(-abs(z))))


def mcnemar_mid_p(first_only: int, second_only: int) -> Significance:
    """McNemar's test on the units only one of the two judges got right, with the mid-p value.

    Args:
        first_only: Units the first got right and the second wrong.
        second_only: The reverse.

    Returns:
        The exact two-sided binomial p-value less half the chance of the observed count, which is neither
        as timid as the exact test nor as rash as the chi-square. nan if they never differ.

    Raises:
        InputError: For a negative count.

    Source:
        Fagerland, Lydersen and Laake (2013), "The McNemar test for binary matched-pairs data",
        https://doi.org/10.1186/1471-2288-13-91. Checked against their example, 1 and 7 discordant pairs.

    >>> round(mcnemar_mid_p(1, 7).p, 4)
    0.0391
    """
    from scipy.stats import binom

    if min(first_only, second_only) < 0:
        raise InputError(f"counts must not be negative, got {first_only} and {second_only}")
    n, least = first_only + second_only, min(first_only, second_only)
    if n == 0:
        return Significance("mcnemar_mid_p", math.nan, math.nan)
    p = 2 * binom.cdf(least, n, 0.5) - binom.pmf(least, n, 0.5)
    return Significance("mcnemar_mid_p", first_only - second_only, float(p))


def paired_permutation(
    difference: npt.ArrayLike, *, clusters: Any = None, n_flips: int = 10_000, seed: int = 0
) -> Significance:
    """Sign-flip test that differences of the same units are symmetric about 0.

    Args:
        difference: Shape (n_units,), first minus second; nan is left out.
        clusters: Shape (n_units,); the units of a cluster are flipped together.
        n_flips: At random beyond 15 units (or clusters), all of them up to there.
        seed: Of the flips.

    Returns:
        Two-sided p-value: the share of flips whose sum is at least as far from 0; with random flips
        (count + 1) / (flips + 1). nan for no unit.

    >>> paired_permutation([1, 1, 1, 1]).p
    0.125
    """
    d = column(difference, "difference")
    kept = ~np.isnan(d)
    groups = kept_clusters(clusters, kept)
    d = d[kept]
    sums = d if groups is None else np.asarray(np.bincount(groups, weights=d), dtype=np.float64)
    if len(sums) == 0:
        return Significance("paired_permutation", math.nan, math.nan)
    size = magnitude(sums) * len(sums)
    seen = settled([abs(sums.sum())], size)[0]
    if len(sums) <= EXACT:
        beyond = settled(np.abs(sign_flips(len(sums)) @ sums), size) >= seen
        return Significance("paired_permutation", float(d.mean()), float(beyond.mean()))
    flips = sign_flips(len(sums), n_flips=n_flips, seed=seed)
    count = int((settled(np.abs(flips @ sums), size) >= seen).sum())
    return Significance("paired_permutation", float(d.mean()), (count + 1) / (n_flips + 1))
