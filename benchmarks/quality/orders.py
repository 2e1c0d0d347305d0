"""What asking in both orders does, for every recorded judge that was: the table hides no judge."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from measures import RESAMPLES, better, brier_of, credits_of, in_words, mean_credit
from pair_arms import balanced, one_verdict
from recorded_sets import Arm, QualitySet, Recorded

from judgekit.agreement.bias.repeats import pair_accuracies
from judgekit.agreement.core.intervals import share
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Resampling, by_sums, ratio, value_of
from judgekit.types import Estimate, Outcome, Unit, Verdict


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
        brier: Brier score of one order (mean of the two) minus that of both balanced, paired.
        changed: Share of units whose verdict changes with the order, among those with both verdicts.
        agreed: Share right where both orders agree.
        bought: That minus the accuracy of one order on all units: what it is worth to know where they do not.
        says: What that shows.
        shown_first: Share of verdicts for the response shown first.
    """

    judge: str
    n: int
    lost: int
    one: Estimate
    balanced: Estimate
    gain: Estimate
    brier: Estimate
    changed: Estimate
    agreed: Estimate
    bought: Estimate
    says: str
    shown_first: Estimate


def orders(data: QualitySet, *, seed: int) -> list[Orders]:
    """A row for each judge asked in both orders."""
    return [_row(data, judge, seed) for judge in data.judges.values() if judge.both_orders]


def _row(data: QualitySet, judge: Recorded, seed: int) -> Orders:
    pairs = [_sides(judge, unit) for unit in data.units]
    gold = [data.gold[u] for u in data.units]
    right = np.array([[_hit(o, g) for o in pair] for pair, g in zip(pairs, gold, strict=True)])
    average = balanced(data, judge.name, "average")
    both = credits_of(average, data)
    gain, _ = better(both, credits_of(one_verdict(data, judge.name, seed=seed), data), seed=seed)
    brier, _ = better(_brier_of_one(data, judge), brier_of(average, data), seed=seed)
    bought = _bought(pairs, right, seed)
    said = [(a, b, g) for (a, b), g in zip(pairs, gold, strict=True) if _both(a, b)]
    same = [(a, g) for a, b, g in said if a.label == b.label]
    every = [o for pair in pairs for o in pair if isinstance(o, Verdict)]
    firsts = sum(_is_first(o) for o in every)
    return Orders(
        judge.name, len(pairs), 2 * len(pairs) - len(every),
        pair_accuracies(right[:, 0], right[:, 1])["accuracy_random"], mean_credit(both, seed=seed), gain,
        brier,
        share(len(said) - len(same), len(said)), share(sum(a.label == g for a, g in same), len(same)), bought,
        in_words(bought), share(firsts, len(every)),
    )  # fmt: skip


def _sides(judge: Recorded, unit: Unit) -> tuple[Outcome, Outcome]:
    """The outcome with the item's first response shown first, and the one with it shown second."""
    given, swapped = sorted(judge.outcomes[unit], key=lambda o: o.shown != unit.responses)
    return given, swapped


def _brier_of_one(data: QualitySet, judge: Recorded) -> Floats:
    """Mean over a unit's orders of the Brier score; nan where an order is lost."""
    each = [Arm("", {u: _sides(judge, u)[k] for u in data.units}) for k in (0, 1)]
    return np.asarray(sum(brier_of(arm, data) for arm in each) / 2)


def _bought(pairs: Sequence[tuple[Outcome, Outcome]], right: Floats, seed: int) -> Estimate:
    """Accuracy where the orders agree minus that of one order on all, by bootstrap of units."""
    agree = np.array([_both(a, b) and a.label == b.label for a, b in pairs], dtype=float)
    columns = np.column_stack([agree * right[:, 0], agree, right.mean(axis=1), np.ones(len(agree))])

    def of(s: Floats) -> Floats:
        return ratio(s[:, 0], s[:, 1]) - ratio(s[:, 2], s[:, 3])

    start = Estimate(
        "agreed_minus_one", value_of(of, columns), n_units=len(agree), n_used=len(agree), unit="item"
    )
    return by_sums(start, columns, of, Resampling(seed=seed, b=RESAMPLES))


def _hit(outcome: Outcome, gold: str) -> float:
    return float(isinstance(outcome, Verdict) and outcome.label == gold)


def _both(one: Outcome, other: Outcome) -> bool:
    return isinstance(one, Verdict) and isinstance(other, Verdict)


def _is_first(outcome: Verdict) -> bool:
    return outcome.label == ("first" if outcome.shown == outcome.unit.responses else "second")
