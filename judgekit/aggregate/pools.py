"""Pools: what several raters say of one question, as one verdict by the rater `panel`.

A pool takes one outcome per rater; repeats of one judge are no further judges, and `per_rater` reduces them
first. A rater that abstained leaves the distribution to the others, which the flag `withheld` says; `votes`
has the pools in which a withheld vote still counts.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from judgekit.calibration.orders import Rule, balance
from judgekit.distribution import (
    EPSILON,
    as_said,
    common_source,
    commonest_reason,
    joined,
    log_mean_of,
    mean_of,
    question,
)
from judgekit.errors import InputError
from judgekit.scales import Scale
from judgekit.types import Abstention, Outcome, Verdict

Pool = Callable[[Sequence[Outcome], Scale], Outcome]
"""One outcome per rater -> the panel's."""
Probs = Mapping[str, float]
"""Label -> probability."""
PANEL = "panel"


def by_rater(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return outcomes by rater, in order of name."""
    by_name = sorted(outcomes, key=attrgetter("rater"))
    return {name: list(own) for name, own in groupby(by_name, key=attrgetter("rater"))}


def per_rater(outcomes: Sequence[Outcome], scale: Scale, *, rule: Rule = "average") -> tuple[Outcome, ...]:
    """Return one outcome per rater on one question, into which its samples and orders are balanced."""
    question(outcomes)
    return tuple(balance(own, rule=rule, scale=scale) for own in by_rater(outcomes).values())


def mean(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """Return the mean of the raters' probabilities, a linear pool with equal weights; so is its value.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> sure = Verdict("a", Unit("1"), "kind", (("yes", 1.0),), "yes", 1.0)
    >>> less = Verdict("b", Unit("1"), "kind", (("no", 0.75), ("yes", 0.25)), "no", 0.25)
    >>> mean([sure, less], YES_NO).value
    0.625
    """
    verdicts = answered(outcomes)
    if not verdicts:
        return withheld(outcomes)
    return pooled(outcomes, verdicts, scale, mean_of([dict(v.probs) for v in verdicts]))


def median(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """Return the middle rater by value; of an even number, the mean of the two in the middle.

    Raters with one and the same value in the middle are averaged.
    """
    verdicts = answered(outcomes)
    if not verdicts:
        return withheld(outcomes)
    values = sorted(as_said(v.value) for v in verdicts)
    middle = (values[(len(values) - 1) // 2], values[len(values) // 2])
    halves = [mean_of([dict(v.probs) for v in verdicts if as_said(v.value) == value]) for value in middle]
    return pooled(outcomes, verdicts, scale, mean_of(halves))


def trimmed_mean(share: float) -> Pool:
    """Return a mean of probabilities without the lowest and the highest raters.

    The share of raters to leave out at each end is rounded down; one outside [0, 0.5) is an InputError.
    """
    if not 0.0 <= share < 0.5:
        raise InputError(f"a trimmed mean leaves out a share of [0, 0.5) at each end, not {share}")

    def pool(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        verdicts = answered(outcomes)
        if not verdicts:
            return withheld(outcomes)
        out = math.floor(share * len(verdicts) + 1e-9)
        ranked = sorted((as_said(v.value), sorted(v.probs)) for v in verdicts)
        kept = [dict(probs) for _, probs in ranked[out : len(ranked) - out]]
        return pooled(outcomes, verdicts, scale, mean_of(kept))

    return pool


def linear_pool(weights: Mapping[str, float]) -> Pool:
    """Return a weighted mean of probabilities; the scale of the weights does not matter.

    A weight that is negative is an InputError; when used, a rater that answered and has none, too.
    """
    return _weighing(weights, lambda probs, _, shares: mean_of(probs, shares))


def log_pool(weights: Mapping[str, float] | None = None, *, epsilon: float = EPSILON) -> Pool:
    """Return a weighted mean of log-odds: a rater that is sure moves the panel more than one that is not.

    Weights are as of `linear_pool`, and equal where left out; `epsilon` is how far probabilities are kept
    from 0 and 1, so that no rater is infinitely sure.
    """

    def mixed(probs: Sequence[Probs], scale: Scale, shares: Sequence[float] | None) -> Probs:
        if len(probs) == 1:  # a panel of one is its judge, unclipped
            return probs[0]
        return log_mean_of(probs, scale, shares, epsilon=epsilon)

    return _weighing(weights, mixed)


def _weighing(
    weights: Mapping[str, float] | None,
    mixed: Callable[[Sequence[Probs], Scale, Sequence[float] | None], Probs],
) -> Pool:
    """Return a pool that mixes the probabilities of raters by weight; those of weight 0 are left out."""
    if bad := {rater: w for rater, w in (weights or {}).items() if not (0.0 <= w < math.inf)}:
        raise InputError(f"weights of a pool cannot be negative or infinite, as {bad} are")

    def pool(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        verdicts = answered(outcomes)
        if weights is not None:
            if strangers := [v.rater for v in verdicts if v.rater not in weights]:
                raise InputError(
                    f"rater {strangers[0]!r} has no weight; there are weights for {sorted(weights)}"
                )
            verdicts = [v for v in verdicts if weights[v.rater] > 0.0]
        if not verdicts:
            return withheld(outcomes)
        shares = None if weights is None else [weights[v.rater] for v in verdicts]
        return pooled(outcomes, verdicts, scale, mixed([dict(v.probs) for v in verdicts], scale, shares))

    return pool


def confidence_weighted(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """Return the mean of probabilities, each weighted by the confidence the rater stated of itself.

    Nowhere a default: a judge's word on its own confidence is seldom calibrated. A rater that stated none
    weighs as much as the others do on average, which the flag `no_confidence` says.
    """
    verdicts = answered(outcomes)
    if not verdicts:
        return withheld(outcomes)
    stated = [v.confidence for v in verdicts if v.confidence is not None]
    usual = math.fsum(stated) / len(stated) if stated else 1.0
    shares = [usual if v.confidence is None else v.confidence for v in verdicts]
    if not any(shares):
        shares = [1.0] * len(shares)
    flags = ("no_confidence",) if len(stated) < len(verdicts) else ()
    return pooled(outcomes, verdicts, scale, mean_of([dict(v.probs) for v in verdicts], shares), flags)


def minimum(pool: Pool, n: int) -> Pool:
    """Return a pool that abstains where fewer than `n` raters gave a verdict, with the commonest reason."""

    def guarded(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        n_verdicts = len(answered(outcomes))
        if n_verdicts >= n:
            return pool(outcomes, scale)
        detail = f"{n_verdicts} of {len(outcomes)} raters gave a verdict; {n} are needed"
        return withheld(outcomes, detail)

    return guarded


def answered(outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Return the verdicts among one outcome per rater; InputError where a rater stands twice."""
    question(outcomes)
    raters = [o.rater for o in outcomes]
    if len(set(raters)) < len(raters):
        twice = sorted({rater for rater in raters if raters.count(rater) > 1})
        raise InputError(
            f"raters {twice} stand in a panel more than once; reduce their samples and orders with "
            "`per_rater` first, since repeats of one judge are not further judges"
        )
    return [o for o in outcomes if isinstance(o, Verdict)]


def withheld(outcomes: Sequence[Outcome], detail: str = "") -> Abstention:
    """Return the panel's abstention, with the commonest reason of its members."""
    unit, criterion = question(outcomes)
    lost = [o for o in outcomes if isinstance(o, Abstention)]
    if not detail:
        detail = lost[0].detail if len(outcomes) == 1 and lost else f"no verdict by {len(outcomes)} raters"
    return Abstention(PANEL, unit, criterion, commonest_reason(outcomes), detail)


def panel_flags(outcomes: Sequence[Outcome], n_verdicts: int) -> tuple[str, ...]:
    """Return what a reader should know: who withheld a vote, and whether one judge speaks for a panel."""
    flags = ["withheld"] if any(isinstance(o, Abstention) for o in outcomes) else []
    if n_verdicts < 2 <= len(outcomes):
        flags.append("few_judges")
    return tuple(flags)


def pooled(
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    scale: Scale,
    weights: Mapping[str, float],
    flags: tuple[str, ...] = (),
) -> Verdict:
    """Return the panel's verdict, from weights of labels and the verdicts behind it."""
    return joined(
        verdicts, scale, weights, rater=PANEL, source=common_source(verdicts),
        flags=(*flags, *panel_flags(outcomes, len(verdicts))),
    )  # fmt: skip
