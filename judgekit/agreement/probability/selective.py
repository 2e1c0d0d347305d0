"""Answering only where the judge is sure: how the error falls, a threshold with a guarantee, conformal radii.

`confidence` is any number that grows with the judge's certainty; `wrong` is 1 where the judge and the people
disagree. The threshold is chosen so that, with a stated probability, at most a stated share of the verdicts
kept is wrong; where no threshold can promise that, everything goes to people. A conformal radius says how far
a person's label may be from a judge's score, for a share of at least `level` of the units that are
exchangeable with the labelled ones: of the average unit, not of each; a new model, prompt or traffic ends it.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned, binary, column, complete
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import proper
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

LEAST = 30
"""The fewest verdicts a threshold is tried on."""
ABSTAIN = "abstain_all"


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """The error of the most confident part (`coverage`, rising to 1), for each threshold, falling."""

    threshold: Floats
    coverage: Floats
    risk: Floats


@dataclass(frozen=True, slots=True)
class Selection:
    """A threshold for keeping the judge's verdicts, or the finding that there is none (`abstain_all`).

    Args:
        threshold: Verdicts at least this confident are kept; nan where all are to be given to people.
        bound: Exact binomial bound of their error at the level of each test, at most alpha; nan without a
            threshold. What is promised, `1 - delta` sure, is alpha.
        coverage: `n_kept` of `n_used`, the labelled verdicts with a confidence; 0 without a threshold. Those
            without one have no part in it (`n_dropped`): they are not kept.
        n_wrong: How many of those kept are wrong.
        alpha: The error promised; `delta` the probability with which the promise may fail.
    """

    threshold: float
    bound: float
    coverage: float
    n_used: int
    n_dropped: int
    n_kept: int
    n_wrong: int
    alpha: float
    delta: float
    status: str = "ok"
    notes: tuple[str, ...] = ()

    @property
    def escalated(self) -> float:
        """Share of the `n_used` that goes to people, or to the next judge."""
        return 1.0 - self.coverage


def risk_coverage(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> RiskCoverage:
    """Return error (n,) against share kept, from the most confident verdict down."""
    threshold, ends, errors = _groups(confidence, wrong)
    return RiskCoverage(threshold, ends / max(ends[-1] if len(ends) else 1, 1), errors / ends)


def aurc(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> float:
    """Area under the risk-coverage curve: the mean error of the k most confident, over all k.

    The overall error where confidence says nothing, lower where it helps. Among equal confidences the
    expectation over their orders is taken, so the value does not depend on the order of rows. nan without
    data. Source: Geifman & El-Yaniv (2017), "Selective Classification for Deep Neural Networks".

    >>> round(aurc([3, 2, 1], [0, 0, 1]), 4)
    0.1111
    """
    _, ends, errors = _groups(confidence, wrong)
    if not len(ends):
        return math.nan
    k = np.arange(1, ends[-1] + 1)
    return float(np.mean(np.interp(k, np.r_[0, ends], np.r_[0, errors]) / k))


def upper_bound(wrong: int, n: int, delta: float) -> float:
    """Return the Clopper-Pearson bound: the error at which so few wrong ones have probability delta."""
    from scipy.stats import beta

    if not 0 <= wrong <= n or not 0 < delta < 1:
        raise InputError(
            f"{wrong} wrong of {n} at delta {delta}: 0 <= wrong <= n and 0 < delta < 1 are needed"
        )
    return 1.0 if wrong == n else float(beta.ppf(1 - delta, wrong + 1, n - wrong))


@lru_cache(maxsize=1024)
def common_level(kept: tuple[int, ...], *, alpha: float, delta: float) -> float:
    """Return the level of each test with which tests on the `kept` most confident err with delta together."""
    # At the edge each verdict is wrong with probability alpha, and those wrong among more and more kept are
    # a walk whose chance of ever being at or below its critical counts is summed exactly. Bonferroni's
    # delta / len(kept) is the least it can be. Where errors get no rarer as confidence falls, true counts are
    # no lower than that walk from the first threshold on that breaks the promise, so delta bounds them too.
    from scipy.stats import binom

    n = np.array(sorted(kept))
    most = int(binom.ppf(delta, n[-1], alpha)) + 1  # a walk above never comes back
    steps = np.fft.rfft([binom.pmf(np.arange(most), m, alpha) for m in np.diff(n, prepend=0)], 2 * most)

    def together(level: float) -> float:
        critical = binom.ppf(level, n, alpha)
        critical -= binom.cdf(critical, n, alpha) > level
        walk, crossed = np.eye(1, most)[0], 0.0
        for step, c in zip(steps, critical.astype(int), strict=True):
            walk = np.fft.irfft(np.fft.rfft(walk, 2 * most) * step, 2 * most)[:most]
            crossed += walk[: c + 1].sum()
            walk[: c + 1] = 0.0
        return float(crossed)

    low, high = delta / len(n), delta
    if together(high) <= delta:
        return high
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if together(middle) <= delta else (low, middle)
    return low


def select(
    confidence: npt.ArrayLike,
    wrong: npt.ArrayLike,
    *,
    alpha: float,
    delta: float = 0.1,
    grid: Sequence[float] | None = None,
    n_judges: int = 1,
    least: int = LEAST,
) -> Selection:
    """The laxest threshold that keeps the error below alpha, `1 - delta` sure; or none.

    All thresholds are tested at one level, by exact binomial bounds, such that the chance that any of them
    passes wrongly is at most delta; a failure at one does not end the search. The promise is over the draw of
    the labelled verdicts and holds for further verdicts of the same kind only; a change of model, prompt or
    traffic ends it. It is proved where errors get no rarer as confidence falls, and simulated where they do
    (`benchmarks/cascade_promise.py`).

    Args:
        confidence: Shape (n,), of labelled verdicts; nan where missing.
        wrong: Shape (n,), 1 where judge and people disagree, else 0; nan where missing.
        alpha: The error to promise.
        delta: The probability with which the promise may fail.
        grid: Thresholds, fixed before looking at `wrong`. Left out: the 20 quantiles of the confidence at 0,
            .05, ..., .95, which do not look at it either.
        n_judges: In a cascade: how many judges get a threshold, which share delta.
        least: Thresholds that keep fewer labelled verdicts are not tried.

    >>> select([0.9] * 60 + [0.5] * 40, [0] * 60 + [1] * 40, alpha=0.1).threshold
    0.9
    >>> select([0.9] * 60, [1, 0] * 30, alpha=0.1).status
    'abstain_all'
    """
    if not 0 < alpha < 1 or not 0 < delta < 1 or n_judges < 1:
        raise InputError(f"alpha {alpha}, delta {delta}, {n_judges} judges; both must be between 0 and 1")
    c, w = complete(confidence=confidence, wrong=wrong)
    binary(w, "wrong")
    dropped = len(column(confidence, "confidence")) - len(c)
    lambdas = quantiles(c) if grid is None else np.unique(column(grid, "grid"))[::-1]
    kept = [int(np.sum(c >= each)) for each in lambdas]
    tried = [i for i, n in enumerate(kept) if n >= least]
    errors = [int(w[c >= lambdas[i]].sum()) for i in tried]
    share = delta / n_judges
    notes = (f"{dropped} verdicts without a confidence or a label left out",) * (dropped > 0)
    notes += (f"delta {delta:g} shared by {n_judges} judges",) * (n_judges > 1)
    counts = tuple(kept[i] for i in tried)
    level = common_level(counts, alpha=alpha, delta=share) if tried else share
    bounds = [upper_bound(e, n, level) for e, n in zip(errors, counts, strict=True)]
    passed = [i for i, bound in enumerate(bounds) if bound <= alpha]
    if not passed:
        why = f"no threshold keeps {least} labelled verdicts"
        if tried:
            best = int(np.argmin(bounds))
            why = (
                f"none of {len(tried)} thresholds passes: the best, {lambdas[tried[best]]:.6g}, has "
                f"{errors[best]} of {counts[best]} wrong: its bound {bounds[best]:.3f} is above {alpha:g}"
            )
        notes = (*notes, f"{why}; give everything to people")
        return Selection(
            threshold=math.nan, bound=math.nan, coverage=0.0, n_used=len(c), n_dropped=dropped, n_kept=0,
            n_wrong=0, alpha=alpha, delta=delta, status=ABSTAIN, notes=notes,
        )  # fmt: skip
    last = passed[-1]
    return Selection(
        threshold=float(lambdas[tried[last]]), bound=bounds[last], coverage=counts[last] / len(c),
        n_used=len(c), n_dropped=dropped, n_kept=counts[last], n_wrong=errors[last], alpha=alpha,
        delta=delta, notes=notes,
    )  # fmt: skip


def quantiles(confidence: Floats) -> Floats:
    """Return the thresholds that are tried: the distinct quantiles at 0, .05, ..., .95, falling."""
    at = np.arange(20) / 20
    return np.unique(np.quantile(confidence, at, method="inverted_cdf") if len(confidence) else [])[::-1]


def _groups(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Distinct confidences, falling; how many are at least so confident; how many of those are wrong."""
    c, w = complete(confidence=confidence, wrong=wrong)
    if len(w) and (w.min() < 0 or w.max() > 1):
        raise InputError(f"wrong goes from {w.min():g} to {w.max():g}; losses on [0, 1] are needed")
    distinct, where = np.unique(-c, return_inverse=True)
    ends = np.cumsum(np.bincount(where, minlength=len(distinct))).astype(float)
    return -distinct, ends, np.cumsum(np.bincount(where, weights=w, minlength=len(distinct)))


_ULP = 1e-9


def least_n(level: float) -> int:
    """The fewest labelled units that give a finite interval: 9 for 90 %, 19 for 95 %."""
    return math.ceil(proper(level) / (1 - level) - _ULP)


def quantile_index(n: int, level: float) -> int:
    """Return which of n sorted scores bounds the next one, from 1 on; above n where there are too few."""
    # ceil((n + 1) level), guarded: in floating point (1 - .9) * 20 is 1.9999999999999996, and cutting it off
    # takes the largest of 19 scores where the 18th is right.
    return math.ceil((n + 1) * proper(level) - _ULP)


def radius(scores: npt.ArrayLike, *, level: float = 0.9) -> float:
    """Return the score below which the next one of scores (n,) lies with probability at least `level`."""
    # Source: Vovk, Gammerman & Shafer (2005); Lei et al. (2018). Checked against MAPIE (n = 19, 90 %: the
    # 18th).
    x = column(scores, "scores")
    x = np.sort(x[~np.isnan(x)])
    k = quantile_index(len(x), level)
    return float(x[k - 1]) if k <= len(x) else math.inf


def conformal_radius(labels: npt.ArrayLike, judged: npt.ArrayLike, *, level: float = 0.9) -> Estimate:
    """Half-width of the interval around a judge's score that holds the person's label.

    `labels` and `judged` have shape (n,), on one scale; nan where missing. `level` is the share of units
    whose label is to be inside. Undefined, with the number of labels needed, where there are too few.
    """
    y, f = aligned(labels=labels, judged=judged)
    residuals = np.abs(y - f)
    n = int(np.sum(~np.isnan(residuals)))
    value = radius(residuals, level=level)
    made = about(
        "conformal_radius", n, len(y), value=value, level=level, n_raters=2,
        method="split conformal, |label - score|",
    )  # fmt: skip
    if math.isinf(value):
        needed = least_n(level)
        return undefined(made, Status.TOO_FEW, f"{n} labels; {level:.0%} needs at least {needed}")
    return made


def group_radii(
    scores: npt.ArrayLike, groups: Sequence[Hashable], *, level: float = 0.9
) -> Mapping[Hashable, float]:
    """A radius for each group (system, criterion), so that the promise holds in each; Mondrian conformal.

    Infinite in a group with too few labels. There is one group a score.

    >>> group_radii([0.0, 1.0, 2.0], ["a", "a", "b"], level=0.5)
    {'a': 1.0, 'b': 2.0}
    """
    x = column(scores, "scores")
    if len(groups) != len(x):
        raise InputError(f"{len(groups)} groups for {len(x)} scores")
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    return {group: radius(x[rows], level=level) for group, rows in members.items()}
