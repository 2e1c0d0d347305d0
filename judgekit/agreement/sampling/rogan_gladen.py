"""The true rate behind a judge's rate, from its sensitivity and specificity: (p + sp - 1) / (se + sp - 1).

For labels that are no random sample (of one `ppi` is narrower in nearly every case): so many passes and
failures labelled on purpose, or another population on which the judge errs as here. Where the divisor may be
0 the judge says nothing of the rate, and neither does this.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned, binary, column, complete
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import normal_quantile, wilson
from judgekit.agreement.sampling.ppi import Sampling, refusal
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class JudgeRates:
    """What the correction rests on: the share `p` of n unlabelled units that the judge calls positive.

    `sp` is its specificity on the labelled negatives, `se` its sensitivity on the labelled positives.
    """

    p: float
    n: int
    sp: float
    n_negative: int
    se: float
    n_positive: int

    @property
    def j(self) -> float:
        """Youden's J: 1 for a perfect judge, 0 for one that says nothing."""
        return self.se + self.sp - 1


def rogan_gladen(p: float, sp: float, se: float) -> float:
    """Return the true rate, not cut to [0, 1]; nan where J is not above 0."""
    # Source: Rogan & Gladen (1978), "Estimating Prevalence from the Results of a Screening Test".
    j = se + sp - 1
    return (p + sp - 1) / j if j > 0 else math.nan


def delta_se(rates: JudgeRates) -> float:
    """Return the standard error by the delta method, counting the noise of all three rates; nan if J <= 0."""
    # sqrt(p (1-p)/N + (1-theta)^2 sp (1-sp)/n0 + theta^2 se (1-se)/n1) / J
    theta = rogan_gladen(rates.p, rates.sp, rates.se)
    if math.isnan(theta) or not (rates.n and rates.n_negative and rates.n_positive):
        return math.nan
    return _root(theta, rates.p, rates.n, rates.sp, rates.n_negative, rates.se, rates.n_positive)  # fmt: skip


def lee_interval(rates: JudgeRates, *, level: float = 0.95) -> tuple[float, float]:
    """Return the adjusted interval: pseudo-counts added to all rates and the centre moved, cut to [0, 1]."""
    # Covers best of the intervals for this correction. (nan, nan) where there is no labelled negative or
    # positive, and where the adjusted J is not above 0: the published code asserts the first and leaves such
    # sets out (8 % of them at n = 50, rate .95), and turns the interval round in the second. Source: Lee et
    # al. (2025), "How to Correctly Report LLM-as-a-Judge Evaluations", arXiv 2511.21140, after Lang &
    # Reiczigel (2014), "Confidence limits for prevalence of disease adjusted for estimated sensitivity and
    # specificity". Checked against twelve values of the published code.
    z = normal_quantile(level)
    z2 = z * z
    if not (rates.n and rates.n_negative and rates.n_positive):
        return math.nan, math.nan
    n, n0, n1 = rates.n + z2, rates.n_negative + 2, rates.n_positive + 2
    p = (rates.n * rates.p + z2 / 2) / n
    sp = (rates.n_negative * rates.sp + 1) / n0
    se = (rates.n_positive * rates.se + 1) / n1
    theta = rogan_gladen(p, sp, se)
    if math.isnan(theta):
        return math.nan, math.nan
    shift = 2 * z2 * (theta * se * (1 - se) / n1 - (1 - theta) * sp * (1 - sp) / n0)
    half = z * _root(theta, p, n, sp, n0, se, n1)
    return _cut(theta + shift - half), _cut(theta + shift + half)


def youden_interval(rates: JudgeRates, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of J from the Wilson intervals of both rates; nan without labels of both kinds."""
    # Source: Newcombe (1998), "Interval Estimation for the Difference Between Independent Proportions",
    # method 10, as J is the difference of se and 1 - sp.
    if not (rates.n_negative and rates.n_positive):
        return math.nan, math.nan
    l1, u1 = wilson(rates.se * rates.n_positive, rates.n_positive, level=level)
    l0, u0 = wilson(rates.sp * rates.n_negative, rates.n_negative, level=level)
    below, above = math.hypot(rates.se - l1, rates.sp - l0), math.hypot(u1 - rates.se, u0 - rates.sp)
    return rates.j - below, rates.j + above


def corrected_rate(
    labels: npt.ArrayLike,
    judged: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    *,
    sampling: Sampling,
    interval: Literal["lee", "delta"] = "lee",
    level: float = 0.95,
) -> Estimate:
    """The share of positives, from a judge's share corrected by its sensitivity and specificity.

    Units are taken as independent.

    Args:
        labels: Shape (n,), people's labels, 0 or 1; nan where missing.
        judged: Shape (n,), the judge's verdicts on the same units, 0 or 1; nan where missing.
        unlabelled: Shape (N,), its verdicts on the population, 0 or 1; nan where missing.
        sampling: `by_label`, `carried_over` or `random`. Units picked by what the judge said bend sensitivity
            and specificity and are refused.
        interval: `lee`, or `delta` (too short at high rates).

    Returns the share, cut to [0, 1]. Undefined where J is not above 0 or may be 0 by its interval. Source:
    Rogan & Gladen (1978); Lee et al. (2025). judgy 0.1.0 resamples only the labelled units for its interval
    and so covers .74 of the time where 95 % is said (100 and 100 units); this one covers .95.

    >>> found = corrected_rate([1] * 50 + [0] * 50, [1] * 45 + [0] * 45 + [1] * 10, [1, 1, 1, 0] * 50,
    ...                        sampling="by_label")
    >>> round(found.value, 3)
    0.786
    """
    y, f = aligned(labels=labels, judged=judged)
    u = column(unlabelled, "unlabelled")
    n_all = len(y) + len(u)
    y, f = complete(labels=y, judged=f)
    u = u[~np.isnan(u)]
    for name, x in (("labels", y), ("judged", f), ("unlabelled", u)):
        binary(x, name)
    made = about("corrected_rate", len(y) + len(u), n_all, level=level, n_raters=2, method="rogan-gladen")
    if why := refusal(sampling, ("by_label", "carried_over", "random")):
        return undefined(made, Status.NOT_IDENTIFIED, why)
    ones = int(y.sum())
    if not ones or ones == len(y) or not len(u):
        note = (
            f"{ones} labelled positives, {len(y) - ones} negatives, {len(u)} unlabelled: some of each needed"
        )
        return undefined(made, Status.TOO_FEW, note)
    rates = JudgeRates(
        p=float(u.mean()), n=len(u), sp=float(1 - f[y == 0].mean()), n_negative=len(y) - ones,
        se=float(f[y == 1].mean()), n_positive=ones,
    )  # fmt: skip
    low_j, high_j = youden_interval(rates, level=level)
    seen = f"se {rates.se:.3f} (n {ones}), sp {rates.sp:.3f} (n {len(y) - ones}), J {rates.j:.3f}"
    if rates.j <= 0 or low_j <= 0:
        note = f"{seen}, interval {low_j:.3f} to {high_j:.3f}: the judge may say nothing of the rate"
        return undefined(made, Status.NOT_IDENTIFIED, note)
    notes = [f"{seen}, interval {low_j:.3f} to {high_j:.3f}"]
    if sampling == "random":
        notes.append("labels are a random sample: ppi is narrower")
    return _with(replace(made, notes=tuple(notes)), rates, interval)


def _with(made: Estimate, rates: JudgeRates, kind: str) -> Estimate:
    raw, se = rogan_gladen(rates.p, rates.sp, rates.se), delta_se(rates)
    value = _cut(raw)
    notes = made.notes if value == raw else (*made.notes, f"{raw:.4f} was cut to [0, 1]")
    half = normal_quantile(made.level) * se
    low, high = (
        lee_interval(rates, level=made.level) if kind == "lee" else (_cut(raw - half), _cut(raw + half))
    )
    return replace(
        made, value=value, low=min(low, value), high=max(high, value), se=se, interval=kind, notes=notes
    )


def _root(theta: float, p: float, n: float, sp: float, n0: float, se: float, n1: float) -> float:  # noqa: PLR0917 - the formula's own order
    noise = p * (1 - p) / n + (1 - theta) ** 2 * sp * (1 - sp) / n0 + theta**2 * se * (1 - se) / n1
    return math.sqrt(noise) / (se + sp - 1)


def _cut(x: float) -> float:
    return min(1.0, max(0.0, x))
