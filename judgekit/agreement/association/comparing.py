"""Two judges (or systems) on the same units: is the one better than the other?

Both saw the same units, so their errors go together and two separate intervals answer the wrong question:
they may overlap where the difference is clear. Everything here is about the difference: correlations, right
and wrong, and scores.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import KINDS, Kind, coefficient, pearson, spearman
from judgekit.agreement.association.pairwise_accuracy import EXACT, sign_flips
from judgekit.agreement.core.arrays import aligned, column, kept_clusters, magnitude, settled
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, with_interval
from judgekit.agreement.core.intervals import ENOUGH_CLUSTERS, bonett_price, mean_se, t_interval
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class Significance:
    """A test of no difference: its statistic, two-sided p and degrees of freedom, nan where there is none.

    `name` is `williams`, `steiger`, `mcnemar_mid_p` or `paired_permutation`.
    """

    name: str
    statistic: float
    p: float
    df: float = math.nan


def williams(r_first: float, r_second: float, r_between: float, n: int) -> Significance:
    """Test by Williams' t that two correlations with the same third column are equal."""
    # Source: Williams (1959); Steiger (1980, equation 7), "Tests for comparing elements of a correlation
    # matrix". Checked against the examples of Steiger (case A) and of Silver, Hittner and May (2006).
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
    """Test the same by Steiger's z, on the scale of Fisher's z, with the mean correlation."""
    # Source: Steiger (1980), equations 11 and 14. Checked against the example in Silver, Hittner and May
    # (2006) and case A of the paper (-0.8887; the paper prints -0.891 from a rounded covariance).
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
    """Test the units that only one of the two judges got right, by McNemar's mid-p value."""
    # Source: Fagerland, Lydersen and Laake (2013), https://doi.org/10.1186/1471-2288-13-91. Checked against
    # their example, 1 and 7 discordant pairs.
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
    """Test by sign flips that differences (n_units,) of the same units are symmetric about 0."""
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two judges on the same units: their values, and first minus second with its interval and tests."""

    first: float
    second: float
    difference: Estimate
    tests: tuple[Significance, ...] = ()


def paired_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    level: float = 0.95,
    clusters: Any = None,
    n_flips: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Mean difference of two columns of the same units, with a t interval.

    Args:
        first: Shape (n_units,): a score, an error, 1 for right and 0 for wrong; nan where missing.
        second: The same units.
        clusters: Standard errors are then CR1 (sums by cluster, G / (G - 1)), with t of G - 1 degrees of
            freedom.
        n_flips: Of the permutation test.

    Returns nan with a status below two units with both. Where all differences are equal there is no interval.
    Source: Miller (2024), "Adding Error Bars to Evals", https://arxiv.org/abs/2411.00640, with CR1 and t
    where the paper has CR0 and z. Checked against statsmodels.
    """
    a, c = aligned(first=first, second=second)
    kept = ~(np.isnan(a) | np.isnan(c))
    groups = kept_clusters(clusters, kept)
    d = settled((a - c)[kept], magnitude(a, c))
    mean, se, df = mean_se(d, groups)
    estimate = about(
        "paired_difference", len(d), len(a), value=mean, level=level, n_raters=2,
        unit="unit" if groups is None else "cluster", method="mean of differences, first minus second",
    )  # fmt: skip
    test = paired_permutation(np.where(kept, a - c, np.nan), clusters=clusters, n_flips=n_flips, seed=seed)
    values = (_mean(a[kept]), _mean(c[kept]))
    if len(d) < 2:
        return Comparison(*values, undefined(estimate, Status.TOO_FEW if len(d) else Status.NO_PAIRED_ITEMS))
    return Comparison(*values, _t_interval(estimate, se, df, groups), (test,))


def compare_accuracies(
    truth: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    level: float = 0.95,
    clusters: Any = None,
) -> Comparison:
    """Difference of two judges' accuracies against the same trusted labels.

    `truth`, `first` and `second` have shape (n_units,): labels as numbers; nan where missing. Returns the
    difference with McNemar's mid-p. For independent units the interval is Bonett and Price's (2012), which
    adds one discordant pair on each side and so holds for few units and for judges that never differ; with
    clusters it is CR1 with t.
    """
    y, a, c = aligned(truth=truth, first=first, second=second)
    kept = ~(np.isnan(y) | np.isnan(a) | np.isnan(c))
    right_a, right_c = ((settled(each[kept] - y[kept], 1.0) == 0) * 1.0 for each in (a, c))
    n, d = int(kept.sum()), right_a - right_c
    estimate = about(
        "accuracy_difference", n, len(y), value=_mean(d), level=level, n_raters=3,
        method="accuracy of the first minus that of the second",
    )  # fmt: skip
    if n == 0:
        return Comparison(math.nan, math.nan, undefined(estimate, Status.NO_PAIRED_ITEMS))
    up, down = int((d > 0).sum()), int((d < 0).sum())
    groups = kept_clusters(clusters, kept)
    if groups is None:
        low, high, se = bonett_price(up, down, n, level=level)
        estimate = with_interval(estimate, low, high, se=se, interval="bonett_price")
    else:
        _, se, df = mean_se(d, groups)
        estimate = _t_interval(replace(estimate, unit="cluster"), se, df, groups)
    tests = (mcnemar_mid_p(up, down),) if groups is None else (paired_permutation(d, clusters=groups),)
    return Comparison(_mean(right_a), _mean(right_c), estimate, tests)


def compare_correlations(
    human: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    kind: Kind = "pearson",
    clusters: Any = None,
    n_flips: int = 1000,
    **how: Unpack[Drawn],
) -> Comparison:
    """Difference of two judges' correlations with the same people's scores.

    Args:
        human: Shape (n_units,), nan where missing; `first` and `second` are the judges' scores.
        kind: Which correlation. Williams' and Steiger's tests are given for Pearson and, as an approximation,
            Spearman; the permutation test for all.
        n_flips: Of the permutation test, which exchanges the two judges' standardised scores unit by unit
            (whole clusters at once).

    Source: The permutation is PERM-BOTH of Deutsch, Dror and Roth (2021), "A Statistical Analysis of
    Summarization Evaluation Metrics Using Resampling Methods", https://arxiv.org/abs/2104.00054.
    """
    draw = resampling(how)
    if kind not in KINDS:
        raise InputError(f"unknown correlation {kind!r}; there are {', '.join(KINDS)}")
    h, a, c = aligned(human=human, first=first, second=second)
    kept = ~(np.isnan(h) | np.isnan(a) | np.isnan(c))
    groups = kept_clusters(clusters, kept)
    total, (h, a, c) = len(h), (each[kept] for each in (h, a, c))
    estimate = about(
        f"{kind}_difference", len(h), total, level=draw.level, n_raters=3,
        method=f"{kind} of the first with people minus that of the second",
    )  # fmt: skip
    if len(h) < 2:
        status = Status.TOO_FEW if len(h) else Status.NO_PAIRED_ITEMS
        return Comparison(math.nan, math.nan, undefined(estimate, status))
    of_first, of_second = coefficient(kind, h, a), coefficient(kind, h, c)
    everyone = np.arange(len(h))
    values = of_first(everyone), of_second(everyone)
    if math.isnan(values[0]) or math.isnan(values[1]):
        return Comparison(*values, undefined(estimate, Status.NO_VARIATION))
    difference = resampled(
        replace(estimate, value=values[0] - values[1]),
        lambda index: of_first(index) - of_second(index),
        len(h), draw.over(groups),
    )  # fmt: skip
    tests: tuple[Significance, ...] = ()
    if kind in {"pearson", "spearman"} and groups is None:
        between = pearson(a, c) if kind == "pearson" else spearman(a, c)
        tests = (williams(*values, between, len(h)), steiger(*values, between, len(h)))
    exchange = _exchange(kind, (h, a, c), groups, n_flips=n_flips, seed=draw.seed)
    return Comparison(*values, difference, (*tests, exchange))


def _exchange(
    kind: Kind, scores: tuple[Floats, Floats, Floats], groups: Codes | None, *, n_flips: int, seed: int
) -> Significance:
    """PERM-BOTH: how often is the difference as large when it is chance which judge gave which score?"""
    h, a, c = scores[0], *((each - each.mean()) / each.std() for each in scores[1:])
    everyone = np.arange(len(h))

    def difference(x: Floats, y: Floats) -> float:
        return coefficient(kind, h, x)(everyone) - coefficient(kind, h, y)(everyone)

    unit = everyone if groups is None else groups
    seen, beyond, done = abs(difference(a, c)) - 1e-12, 0, 0
    for flip in np.random.default_rng(seed).random((n_flips, int(unit.max()) + 1)) < 0.5:
        swap = flip[unit]
        drawn = abs(difference(np.where(swap, c, a), np.where(swap, a, c)))
        beyond, done = beyond + int(drawn >= seen), done + int(not math.isnan(drawn))
    return Significance("paired_permutation", math.nan, (beyond + 1) / (done + 1))


def _t_interval(estimate: Estimate, se: float, df: int, groups: Codes | None) -> Estimate:
    if not se > 0:
        why = "one cluster gives no interval" if df < 1 else "all differences are equal: there is no interval"
        return flagged(estimate, Status.DEGENERATE, (why,))
    low, high = t_interval(estimate.value, se, df, level=estimate.level)
    made = with_interval(estimate, low, high, se=se, interval="t" if groups is None else "t_cr1")
    if groups is not None and df + 1 < ENOUGH_CLUSTERS:
        return flagged(made, Status.FEW_CLUSTERS, (f"only {df + 1} clusters",))
    return made


def _mean(x: Floats) -> float:
    return float(x.mean()) if len(x) else math.nan


"""From people's and a judge's scores, shape (n_systems, n_items), to a number, more is better."""
