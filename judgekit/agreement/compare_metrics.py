"""Two judges on the same systems and items, by any statistic of (people's scores, judge's scores).

Deutsch, Dror and Roth (2021), "A Statistical Analysis of Summarization Evaluation Metrics Using
Resampling Methods", https://arxiv.org/abs/2104.00054: intervals by resampling items, tests by exchanging
the two judges' scores of an item at random.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.compare_judges import Comparison
from judgekit.agreement.estimate import NO_PAIRED_ITEMS, NOT_IDENTIFIED, undefined
from judgekit.agreement.paired import grid, resampled
from judgekit.agreement.paired_tests import Significance
from judgekit.agreement.ratings import Codes, Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

OfScores = Callable[[Floats, Floats], float]
"""From people's and a judge's scores, shape (n_systems, n_items), to a number, more is better."""


def compare_metrics(
    human: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    statistic: OfScores,
    *,
    name: str = "statistic",
    standardise: bool = True,
    level: float = 0.95,
    b: int = 500,
    n_flips: int = 500,
    seed: int = 0,
) -> Comparison:
    """Difference of a statistic between two judges, with an interval and a permutation test over items.

    Args:
        human: Shape (n_systems, n_items), nan where missing. Scores that any of the three lacks are taken
            as missing in all.
        first: The first judge's scores.
        second: The second's.
        statistic: Such as `soft_pairwise_accuracy`, `held_out_accuracy` (not the accuracy at a threshold
            fitted to the same items, which flatters the judge with the finer scale), or a correlation in
            one grouping: `lambda h, m: grouped(h, m, grouping="by_item", statistic=tau_b).value`.
        name: Of the statistic.
        standardise: Put both judges' scores on one scale before they are exchanged; leave out only where
            they are on one already.
        level: Confidence.
        b: Resamples of items. A statistic that is fitted or tests something is computed that often.
        n_flips: Exchanges of the permutation test.
        seed: Of both.

    Returns:
        nan with a status where the statistic is undefined for a judge. The systems are taken as fixed.

    Raises:
        InputError: For differing shapes or infinity.
    """
    h, a, c = grid(human, "human"), grid(first, "first"), grid(second, "second")
    if not h.shape == a.shape == c.shape:
        raise InputError(f"the scores must have one shape, found {h.shape}, {a.shape} and {c.shape}")
    missing = np.isnan(h) | np.isnan(a) | np.isnan(c)
    h, a, c = (np.where(missing, np.nan, each) for each in (h, a, c))
    used = int((~missing).sum())
    estimate = Estimate(
        f"{name}_difference", math.nan, level=level, n_units=h.size, n_raters=3, n_used=used,
        n_dropped=h.size - used, unit="item", method=f"{name} of the first less that of the second",
        notes=(f"the {h.shape[0]} systems are taken as fixed",),
    )  # fmt: skip
    if not used:
        return Comparison(math.nan, math.nan, undefined(estimate, NO_PAIRED_ITEMS))
    values = float(statistic(h, a)), float(statistic(h, c))
    if math.isnan(values[0]) or math.isnan(values[1]):
        return Comparison(*values, undefined(estimate, NOT_IDENTIFIED, f"{name} is undefined for a judge"))

    def difference(items: Codes) -> float:
        return statistic(h[:, items], a[:, items]) - statistic(h[:, items], c[:, items])

    made = replace(estimate, value=values[0] - values[1])
    made = resampled(made, difference, h.shape[1], seed=seed, b=b, kind="percentile")
    exchange = _exchange((h, a, c), statistic, standardise=standardise, n_flips=n_flips, seed=seed)
    return Comparison(*values, made, (exchange,))


def _exchange(
    scores: tuple[Floats, Floats, Floats],
    statistic: OfScores,
    *,
    standardise: bool,
    n_flips: int,
    seed: int,
) -> Significance:
    """How often is the difference as large when it is chance which judge scored an item?"""
    h, a, c = scores
    if standardise:
        a, c = ((each - np.nanmean(each)) / (np.nanstd(each) or 1.0) for each in (a, c))
    seen = abs(statistic(h, a) - statistic(h, c)) - 1e-12
    beyond = done = 0
    for swap in np.random.default_rng(seed).random((n_flips, h.shape[1])) < 0.5:
        drawn = abs(statistic(h, np.where(swap, c, a)) - statistic(h, np.where(swap, a, c)))
        beyond, done = beyond + int(drawn >= seen), done + int(not math.isnan(drawn))
    return Significance("paired_permutation", math.nan, (beyond + 1) / (done + 1))
