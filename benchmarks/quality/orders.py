"""What asking in both orders does, for every recorded judge that was: the table hides no judge."""

from dataclasses import dataclass

import numpy as np

from judgekit.agreement.flips import pair_accuracies
from judgekit.agreement.intervals import share
from judgekit.types import Estimate, Outcome, Unit, Verdict
from measures import better, credits_of, mean_credit
from pair_arms import balanced, one_verdict
from recorded_sets import QualitySet, Recorded


@dataclass(frozen=True)
class Orders:
    """A judge in both orders.

    Args:
        judge: Its name.
        n: Units.
        lost: Orders without a verdict.
        one: Accuracy of one order, the mean of the two.
        balanced: Of both orders balanced, a tie being half right.
        gain: Balanced minus one order drawn by the seed, paired.
        says: What the gain shows.
        changed: Share of units whose verdict changes with the order, among those with both verdicts.
        agreed: Share right where both orders agree.
        shown_first: Share of verdicts for the response shown first.
    """

    judge: str
    n: int
    lost: int
    one: Estimate
    balanced: Estimate
    gain: Estimate
    says: str
    changed: Estimate
    agreed: Estimate
    shown_first: Estimate


def orders(data: QualitySet, *, seed: int) -> list[Orders]:
    """A row for each judge asked in both orders."""
    return [_row(data, judge, seed) for judge in data.judges.values() if judge.both_orders]


def _row(data: QualitySet, judge: Recorded, seed: int) -> Orders:
    pairs = [_sides(judge, unit) for unit in data.units]
    gold = [data.gold[u] for u in data.units]
    right = np.array([[_hit(o, g) for o in pair] for pair, g in zip(pairs, gold, strict=True)])
    both = credits_of(balanced(data, judge.name, "average"), data)
    one = credits_of(one_verdict(data, judge.name, seed=seed), data)
    gain, says = better(both, one, seed=seed)
    said = [(a, b, g) for (a, b), g in zip(pairs, gold, strict=True) if _both(a, b)]
    same = [(a, g) for a, b, g in said if a.label == b.label]
    every = [o for pair in pairs for o in pair if isinstance(o, Verdict)]
    firsts = sum(_is_first(o) for o in every)
    return Orders(
        judge.name, len(pairs), 2 * len(pairs) - len(every),
        pair_accuracies(right[:, 0], right[:, 1])["accuracy_random"], mean_credit(both, seed=seed), gain, says,
        share(len(said) - len(same), len(said)), share(sum(a.label == g for a, g in same), len(same)),
        share(firsts, len(every)),
    )  # fmt: skip


def _sides(judge: Recorded, unit: Unit) -> tuple[Outcome, Outcome]:
    """The outcome with the item's first response shown first, and the one with it shown second."""
    given, swapped = sorted(judge.outcomes[unit], key=lambda o: o.shown != unit.responses)
    return given, swapped


def _hit(outcome: Outcome, gold: str) -> float:
    return float(isinstance(outcome, Verdict) and outcome.label == gold)


def _both(one: Outcome, other: Outcome) -> bool:
    return isinstance(one, Verdict) and isinstance(other, Verdict)


def _is_first(outcome: Verdict) -> bool:
    return outcome.label == ("first" if outcome.shown == outcome.unit.responses else "second")
