"""The default: chosen on a seeded half of a set, reported on the other half, against one verdict.

Candidates that learn from labels learn from the first half only. The choice is the largest mean credit (or
rank correlation) on the first half; of equal ones the cheapest, then the first listed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from measures import better, brier_of, credits_of, in_words, mean_credit, values_of
from recorded_sets import Arm, QualitySet

from judgekit.agreement.association.comparing import compare_correlations
from judgekit.agreement.association.correlation import spearman
from judgekit.types import Estimate, Unit

Build = Callable[[QualitySet, dict[Unit, str]], list[Arm]]


@dataclass(frozen=True)
class Chosen:
    """A choice and how it did where it was not made.

    Args:
        data: Name of the set.
        base: The arm it is compared with.
        arm: The arm.
        why: `chosen`, or `shipped`.
        n: Units of the half reported on.
        one: Credit (or Spearman) of one verdict there.
        its: Of the arm there.
        gain: Its minus one, paired.
        says: What that shows.
        brier: Brier score of one verdict minus its, paired: above 0, its probabilities are the better ones.
        calls: Of the arm, an item.
        base_calls: Of one verdict.
    """

    data: str
    base: str
    arm: str
    why: str
    n: int
    one: float
    its: float
    gain: Estimate
    says: str
    brier: Estimate
    calls: float
    base_calls: float


def split(units: Sequence[Unit], seed: int) -> tuple[list[Unit], list[Unit]]:
    """Two halves, the second larger by one where the number is odd."""
    dealt = np.random.default_rng(seed).permutation(len(units)).tolist()
    half = len(units) // 2
    return [units[i] for i in sorted(dealt[:half])], [units[i] for i in sorted(dealt[half:])]


def choose(
    data: QualitySet, build: Build, base: str, *, seed: int, shipped: str = "", without: str = ""
) -> list[Chosen]:
    """The choice among the candidates, and the shipped default, each on the half it was not chosen on.

    Args:
        data: The set.
        build: Makes the arms of a set from the labels that may be learnt from.
        base: Name of the arm of one verdict.
        seed: Of the halves.
        shipped: Name of the arm that is judgekit's default; empty where it is not among them.
        without: The model that candidates may not use, for the question what a cheap judge can do alone.
    """
    mine, others = split(data.units, seed)
    arms = [a for a in build(data, {u: data.gold[u] for u in mine}) if a.candidate]
    if without:
        arms = [a for a in arms if not any(judge.startswith(without) for judge in a.judges)]
    one = next(a for a in arms if a.name == base)
    best = max(arms, key=lambda a: (round(_worth(a, data, mine), 9), -a.calls))
    found = [_reported(data, best, one, "chosen", units=others, seed=seed)]
    if shipped:
        usual = next(a for a in arms if a.name == shipped)
        found.append(_reported(data, usual, one, "shipped", units=others, seed=seed))
    return found


def _worth(arm: Arm, data: QualitySet, units: Sequence[Unit]) -> float:
    if not data.values:
        return float(credits_of(arm, data, units).mean())
    found = spearman(values_of(arm, data, units), [data.values[u] for u in units])
    return -1.0 if np.isnan(found) else found


def _reported(data: QualitySet, arm: Arm, one: Arm, why: str, *, units: Sequence[Unit], seed: int) -> Chosen:
    if data.values:
        human = [data.values[u] for u in units]
        compared = compare_correlations(
            human, values_of(arm, data, units), values_of(one, data, units), kind="spearman", seed=seed,
            n_flips=200,
        )  # fmt: skip
        its, base, gain = compared.first, compared.second, compared.difference
        says = in_words(gain)
    else:
        a, b = credits_of(arm, data, units), credits_of(one, data, units)
        its, base = (mean_credit(x, seed=seed).value for x in (a, b))
        gain, says = better(a, b, seed=seed)
    brier, _ = better(brier_of(one, data, units), brier_of(arm, data, units), seed=seed)
    return Chosen(
        data.name, one.name, arm.name, why, len(units), base, its, gain, says, brier, arm.calls, one.calls
    )
