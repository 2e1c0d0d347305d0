"""Answering only where the judge is sure: how the error falls, and a threshold with a guarantee.

`confidence` is any number that grows with the judge's certainty; `wrong` is 1 where the judge and the
people disagree. The threshold is chosen so that, with a stated probability, at most a stated share of the
verdicts kept is wrong; where no threshold can promise that, everything goes to people.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import binary, column, complete
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError

LEAST = 30
"""The fewest verdicts a threshold is tried on."""
ABSTAIN = "abstain_all"


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """The error of the most confident part, for each part that equal confidences do not cut.

    Args:
        threshold: Confidence from which verdicts are kept, falling.
        coverage: Share kept, rising to 1.
        risk: Share of those kept that is wrong.
    """

    threshold: Floats
    coverage: Floats
    risk: Floats


@dataclass(frozen=True, slots=True)
class Selection:
    """A threshold for keeping the judge's verdicts, or the finding that there is none.

    Args:
        threshold: Verdicts at least this confident are kept; nan where all are to be given to people.
        bound: Upper bound of their error, `1 - delta` sure; nan without a threshold.
        coverage: `n_kept` of `n_used`; 0 without a threshold. Verdicts without a confidence have no part in
            it: they are not kept.
        n_used: Labelled verdicts with a confidence, which it rests on.
        n_dropped: Those left out because the confidence or the label was missing.
        n_kept: How many of those used are kept.
        n_wrong: How many of those are wrong.
        alpha: The error promised.
        delta: The probability with which the promise may fail.
        status: `ok` or `abstain_all`.
        notes: What a reader should know.
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


def auc(score: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Probability that a random 1 scores above a random 0, a tie counting half; nan with one outcome.

    >>> auc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    0.875
    """
    from scipy.stats import rankdata

    x, y_ = complete(score=score, y=y)
    binary(y_, "y")
    ones = y_.sum()
    zeros = len(y_) - ones
    if not (ones and zeros):
        return math.nan
    return float((rankdata(x)[y_ == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def risk_coverage(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> RiskCoverage:
    """Error against share kept, from the most confident verdict down.

    Args:
        confidence: Shape (n,); nan where missing.
        wrong: Shape (n,), 0 or 1, or a loss on [0, 1]; nan where missing.

    Raises:
        InputError: For a malformed argument, or a loss outside [0, 1].

    >>> risk_coverage([0.9, 0.5, 0.9], [0, 1, 0]).risk.round(3).tolist()
    [0.0, 0.333]
    """
    threshold, ends, errors = _groups(confidence, wrong)
    return RiskCoverage(threshold, ends / max(ends[-1] if len(ends) else 1, 1), errors / ends)


def aurc(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> float:
    """Area under the risk-coverage curve: the mean error of the k most confident, over all k.

    The overall error where confidence says nothing, lower where it helps. Among equal confidences the
    expectation over their orders is taken, so the value does not depend on the order of rows. nan
    without data.

    Source:
        Geifman & El-Yaniv (2017), "Selective Classification for Deep Neural Networks".

    >>> round(aurc([3, 2, 1], [0, 0, 1]), 4)
    0.1111
    """
    _, ends, errors = _groups(confidence, wrong)
    if not len(ends):
        return math.nan
    k = np.arange(1, ends[-1] + 1)
    return float(np.mean(np.interp(k, np.r_[0, ends], np.r_[0, errors]) / k))


def excess_aurc(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> float:
    """AURC less the least that this number of errors allows (all wrong ones last); 0 is a perfect order."""
    c, w = complete(confidence=confidence, wrong=wrong)
    return aurc(c, w) - aurc(-w, w)


def upper_bound(wrong: int, n: int, delta: float) -> float:
    """One-sided Clopper-Pearson bound: the error at which so few wrong ones have probability delta.

    1 where everything is wrong or there is nothing.

    Raises:
        InputError: If more are wrong than there are, or delta is not between 0 and 1.

    >>> round(upper_bound(0, 35, 0.1), 6)
    0.063671
    """
    from scipy.stats import beta

    if not 0 <= wrong <= n or not 0 < delta < 1:
        raise InputError(
            f"{wrong} wrong of {n} at delta {delta}: 0 <= wrong <= n and 0 < delta < 1 are needed"
        )
    return 1.0 if wrong == n else float(beta.ppf(1 - delta, wrong + 1, n - wrong))


def last_accepted(wrong: Sequence[int], n: Sequence[int], *, alpha: float, delta: float) -> int | None:
    """Fixed-sequence testing: the index of the last bound at most alpha before the first above it.

    None if the first one fails: then there is no threshold to use, and returning the strictest one all the
    same, as the published code does, would void the guarantee.

    Args:
        wrong: Disagreements among the verdicts kept, from the strictest threshold to the laxest.
        n: Verdicts kept, in the same order.
        alpha: The error promised.
        delta: The probability with which the promise may fail.

    Source:
        Jung, Brahman & Choi (2024), "Trust or Escalate", arXiv 2407.18370; fixed-sequence testing as in Bauer
        (1991). Checked against solving binom.cdf(wrong, n, r) = delta.

    >>> last_accepted([0, 1, 3, 6, 12], [35, 45, 60, 80, 100], alpha=0.15, delta=0.1)
    3
    """
    accepted = None
    for i, (e, m) in enumerate(zip(wrong, n, strict=True)):
        if upper_bound(e, m, delta) > alpha:
            break
        accepted = i
    return accepted


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

    Thresholds are tried from strict to lax, each by an exact binomial bound, and the first failure ends the
    search. The promise is over the draw of the labelled verdicts and holds for further verdicts of the
    same kind only; a change of model, prompt or traffic ends it.

    Args:
        confidence: Shape (n,), of labelled verdicts; nan where missing.
        wrong: Shape (n,), 1 where judge and people disagree, else 0; nan where missing.
        alpha: The error to promise.
        delta: The probability with which the promise may fail.
        grid: Thresholds, fixed before looking at `wrong`. Left out: the 20 quantiles of the confidence at
            0, .05, ..., .95, which do not look at it either.
        n_judges: In a cascade: how many judges get a threshold, which share delta.
        least: Thresholds that keep fewer labelled verdicts are not tried.

    Raises:
        InputError: For a malformed argument.

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
    given = np.quantile(c, np.arange(20) / 20, method="inverted_cdf") if grid is None and len(c) else grid
    lambdas = np.unique(column(given if given is not None else [], "grid"))[::-1]
    kept = [int(np.sum(c >= each)) for each in lambdas]
    tried = [i for i, n in enumerate(kept) if n >= least]
    errors = [int(w[c >= lambdas[i]].sum()) for i in tried]
    share = delta / n_judges
    notes = (f"{dropped} verdicts without a confidence or a label left out",) * (dropped > 0)
    notes += (f"delta {delta:g} shared by {n_judges} judges",) * (n_judges > 1)
    last = last_accepted(errors, [kept[i] for i in tried], alpha=alpha, delta=share)
    if last is None:
        why = (
            f"no threshold keeps {least} labelled verdicts"
            if not tried
            else f"the strictest threshold tried has {errors[0]} of {kept[tried[0]]} wrong: its bound "
            f"{upper_bound(errors[0], kept[tried[0]], share):.3f} is above {alpha:g}"
        )
        notes = (*notes, f"{why}; give everything to people")
        return Selection(math.nan, math.nan, 0.0, len(c), dropped, 0, 0, alpha, delta, ABSTAIN, notes)
    n, e = kept[tried[last]], errors[last]
    at = float(lambdas[tried[last]])
    bound = upper_bound(e, n, share)
    return Selection(at, bound, n / len(c), len(c), dropped, n, e, alpha, delta, "ok", notes)


def _groups(confidence: npt.ArrayLike, wrong: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Distinct confidences, falling; how many are at least so confident; how many of those are wrong."""
    c, w = complete(confidence=confidence, wrong=wrong)
    if len(w) and (w.min() < 0 or w.max() > 1):
        raise InputError(f"wrong goes from {w.min():g} to {w.max():g}; losses on [0, 1] are needed")
    distinct, where = np.unique(-c, return_inverse=True)
    ends = np.cumsum(np.bincount(where, minlength=len(distinct))).astype(float)
    return -distinct, ends, np.cumsum(np.bincount(where, weights=w, minlength=len(distinct)))
