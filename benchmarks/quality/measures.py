"""How right an arm is: shares, kappa and correlations with 95 % intervals, abstentions counted.

An item without a verdict is not right. Where people were given no tie, a judge's tie is half right, as a
coin thrown between the two would be; where they were, a tie is right or wrong like any label.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from recorded_sets import Arm, QualitySet

from judgekit.agreement.association.comparing import paired_difference
from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.chance import coefficients
from judgekit.agreement.core.intervals import share
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Resampling, by_sums, ratio
from judgekit.distribution import levels
from judgekit.scales import Numbers
from judgekit.types import Estimate, Outcome, Unit, Verdict

RESAMPLES = 2000


@dataclass(frozen=True)
class Figures:
    """What is printed of an arm.

    Args:
        n: Units with a trusted label.
        none: Units without a verdict.
        ties: Verdicts that are a tie where people were given none.
        right: Share of all units that is right.
        decided: Share right among the verdicts that take a side.
        kappa: Cohen's with people; quadratic on a graded scale.
        brier: Mean squared error of the probabilities, summed over labels; of the verdicts.
        spearman: Of values with people's; None for pairs.
        rmse: In the scale's own numbers; None for pairs.
    """

    n: int
    none: int
    ties: int
    right: Estimate
    decided: Estimate
    kappa: Estimate
    brier: float
    spearman: Estimate | None = None
    rmse: Estimate | None = None


def credit(outcome: Outcome, gold: str, *, tie_is_half: bool) -> float:
    """1 for right, 0 for wrong or no verdict, 0.5 for a tie that nobody asked people about."""
    if not isinstance(outcome, Verdict):
        return 0.0
    if tie_is_half and outcome.label == "tie":
        return 0.5
    return float(outcome.label == gold)


def credits_of(arm: Arm, data: QualitySet, units: Sequence[Unit] | None = None) -> Floats:
    """Credit of each unit, shape (n_units,)."""
    return np.array(
        [
            credit(arm.outcomes[u], data.gold[u], tie_is_half=data.tie_is_half)
            for u in (data.units if units is None else units)
        ]
    )


def values_of(arm: Arm, data: QualitySet, units: Sequence[Unit] | None = None) -> Floats:
    """Value of each unit in the scale's own numbers; nan without a verdict."""
    low, high = (data.scale.low, data.scale.high) if isinstance(data.scale, Numbers) else (0.0, 1.0)
    said = [arm.outcomes[u] for u in (data.units if units is None else units)]
    return np.array([low + o.value * (high - low) if isinstance(o, Verdict) else math.nan for o in said])


def figures(arm: Arm, data: QualitySet, *, seed: int) -> Figures:
    """Everything printed of an arm of a set."""
    said = [arm.outcomes[u] for u in data.units]
    gold = [data.gold[u] for u in data.units]
    verdicts = [(o, g) for o, g in zip(said, gold, strict=True) if isinstance(o, Verdict)]
    sided = [(o, g) for o, g in verdicts if not (data.tie_is_half and o.label == "tie")]
    rows = [[o.label if isinstance(o, Verdict) else None, g] for o, g in zip(said, gold, strict=True)]
    labels = list(levels(data.scale))
    graded = bool(data.values)
    kappa = coefficients.kappa(rows, scale=labels, weights="quadratic" if graded else "identity")
    brier = brier_of(arm, data)
    return Figures(
        n=len(said), none=len(said) - len(verdicts), ties=len(verdicts) - len(sided),
        right=mean_credit(credits_of(arm, data), seed=seed),
        decided=share(sum(o.label == g for o, g in sided), len(sided)), kappa=kappa,
        brier=float(np.nanmean(brier)) if verdicts else math.nan,
        spearman=_spearman(arm, data) if graded else None,
        rmse=_rmse(arm, data, seed) if graded else None,
    )  # fmt: skip


def mean_credit(earned: Floats, *, seed: int) -> Estimate:
    """Mean credit: Wilson's interval where each is 0 or 1, item bootstrap where some are half."""
    if np.isin(earned, (0.0, 1.0)).all():
        return share(int(earned.sum()), len(earned))
    return _resampled("share", earned, lambda mean: mean, seed)


def _resampled(name: str, x: Floats, of: Callable[[Floats], Floats], seed: int) -> Estimate:
    """A function of the mean of `x`, by bootstrap of units."""
    columns = np.column_stack([x, np.ones(len(x))])
    value = float(of(columns[:, :1].mean(axis=0))[0]) if len(x) else math.nan
    start = Estimate(name, value, n_units=len(x), n_used=len(x), unit="item")
    return by_sums(start, columns, lambda s: of(ratio(s[:, 0], s[:, 1])), Resampling(seed=seed, b=RESAMPLES))


def brier_of(arm: Arm, data: QualitySet, units: Sequence[Unit] | None = None) -> Floats:
    """Squared error of each unit's probabilities, summed over labels; nan without a verdict."""
    labels = levels(data.scale)
    found = []
    for unit in data.units if units is None else units:
        outcome, gold = arm.outcomes[unit], data.gold[unit]
        p = dict(outcome.probs) if isinstance(outcome, Verdict) else {}
        error = math.fsum((p.get(label, 0.0) - (label == gold)) ** 2 for label in labels)
        found.append(error if p else math.nan)
    return np.array(found)


def _spearman(arm: Arm, data: QualitySet) -> Estimate:
    return correlation(values_of(arm, data), [data.values[u] for u in data.units])


def _rmse(arm: Arm, data: QualitySet, seed: int) -> Estimate:
    error = values_of(arm, data) - np.array([data.values[u] for u in data.units])
    known = error[~np.isnan(error)] ** 2
    return _resampled("rmse", known, np.sqrt, seed)


def better(first: Floats, second: Floats, *, seed: int) -> tuple[Estimate, str]:
    """The paired difference of two arms' credits, and what it says in words."""
    difference = paired_difference(first, second, seed=seed).difference
    return difference, in_words(difference)


def in_words(difference: Estimate) -> str:
    """Whether a difference with its interval shows anything."""
    if not np.isfinite(difference.low):
        return "the same" if difference.value == 0.0 else "no interval"
    if difference.low > 0.0:
        return "better"
    return "WORSE" if difference.high < 0.0 else "not shown to be better"


def interval(estimate: Estimate | None, digits: int = 3) -> str:
    """`0.812 [0.701, 0.889]`; a dash for what is undefined.

    >>> interval(Estimate("x", 0.5, 0.25, 0.75), 2)
    '0.50 [0.25, 0.75]'
    """
    if estimate is None or math.isnan(estimate.value):
        return "-"
    if math.isnan(estimate.low):
        return number(estimate.value, digits)
    return (
        f"{number(estimate.value, digits)} [{number(estimate.low, digits)}, {number(estimate.high, digits)}]"
    )


def number(x: float, digits: int = 2) -> str:
    """A number, or a dash; a zero without a sign.

    >>> number(-0.001), number(math.nan)
    ('0.00', '-')
    """
    return "-" if math.isnan(x) else f"{round(x, digits) + 0.0:.{digits}f}"
