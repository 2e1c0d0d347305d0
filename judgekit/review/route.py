"""Which answers a person should see first, within a budget.

Every rule is a function of the outcomes on one unit and criterion to a priority; the highest are
routed. What nobody answered at all, or a cascade left to a person, comes first under every rule: no verdict
on it stands. Answers picked so say where judges are wrong and not how often; for that chance draws all
(`drawn`), or some of the others (`pick`), and each that is asked for has a weight: how many it stands for.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean, pvariance

import numpy as np

from judgekit.agreement.sampling.active import labelling_probabilities
from judgekit.distribution import mean_of
from judgekit.errors import InputError, there_are
from judgekit.types import ESCALATED, Outcome, Unit, Verdict

CHANCE = "chance"
_HALF = 0.5  # of the budget is drawn by chance where a rule picks the other half


@dataclass(frozen=True, slots=True)
class Case:
    """An answer that a person is asked for; the higher its priority, the more it is wanted."""

    unit: Unit
    criterion: str
    priority: float  # infinite where no judge's answer stands
    why: str  # the rule that chose it
    weight: float | None = None  # how many it stands for: one over its chance; None where that is not known


def entropy(verdicts: Sequence[Verdict]) -> float:
    """Return the balanced position diversity entropy of the labels over orders, samples and judges, in nats.

    Source: Wang et al. (2023), "Large Language Models are not Fair Evaluators", arXiv 2305.17926.
    """
    counts = Counter(verdict.label for verdict in verdicts)
    return -sum(n / len(verdicts) * math.log(n / len(verdicts)) for n in counts.values())


def disagreement(verdicts: Sequence[Verdict]) -> float:
    """Return the variance of the value between judges, each the mean of its verdicts."""
    by_rater: dict[str, list[float]] = {}
    for verdict in verdicts:
        by_rater.setdefault(verdict.rater, []).append(verdict.value)
    return pvariance([fmean(values) for values in by_rater.values()])


def low_mass(verdicts: Sequence[Verdict]) -> float:
    """Return the most probability that any judge put outside the labels."""
    return 1.0 - min(verdict.mass for verdict in verdicts)


def uncertain(verdicts: Sequence[Verdict]) -> float:
    """Return the mean probability of all labels but the most probable one."""
    return 1.0 - fmean(max(p for _, p in verdict.probs) for verdict in verdicts)


def near(verdicts: Sequence[Verdict], threshold: float = 0.5) -> float:
    """Return how near the mean value is to a threshold that decides something; 0 at the threshold itself."""
    return -abs(fmean(verdict.value for verdict in verdicts) - threshold)


RULES: Mapping[str, Callable[[Sequence[Verdict]], float]] = {
    rule.__name__: rule for rule in (entropy, disagreement, low_mass, uncertain, near)
}


def route(
    outcomes: Iterable[Outcome], *, by: str = "entropy", budget: float = 0.2, threshold: float = 0.5
) -> tuple[Case, ...]:
    """Return the answers a person should give, the most wanted first.

    Equal ones are ordered by how near the mean value is to one half, then as the outcomes. People's verdicts
    are left aside. `budget` is a share of all (unit, criterion) from 0 to 1, rounded up, or above 1 a number
    of them; `threshold` is what the rule `near` is near to.
    """
    cases = _ordered(outcomes, by, threshold)
    return cases[: _number(budget, len(cases))]


def pick(
    outcomes: Iterable[Outcome], *, by: str = CHANCE, budget: float = 0.2, even: float | None = None,
    threshold: float = 0.5, seed: int = 0,
) -> tuple[Case, ...]:  # fmt: skip
    """Return answers to ask people for: drawn by chance, or picked by a rule and a part of the rest drawn.

    `even` is the share of the budget that chance draws from all alike: under `chance` all of it where left
    out (see `drawn`), under a rule half. The rule picks the rest of the budget first, and chance draws from
    what is left, so that all that was judged is stood for: what the rule picked by 1, what was drawn by one
    over its chance. With nothing drawn the answers have no weights, and stand for themselves alone.
    """
    if by == CHANCE:
        return drawn(outcomes, budget=budget, even=1.0 if even is None else even, seed=seed)
    if even is not None and not 0 <= even <= 1:
        raise InputError(f"even={even:g}: a share of the budget from 0 to 1")
    cases = _ordered(outcomes, by, threshold)
    most = min(_number(budget, len(cases)), len(cases))
    n_drawn = int((_HALF if even is None else even) * most)
    picked, rest = cases[: most - n_drawn], cases[most - n_drawn :]
    if not n_drawn:
        return picked
    places = sorted(np.random.default_rng(seed).choice(len(rest), n_drawn, replace=False).tolist())
    weight = round(len(rest) / n_drawn, 12)
    lots = (replace(rest[at], why=CHANCE, weight=weight) for at in places)
    return (*(replace(case, weight=1.0) for case in picked), *lots)


def _number(budget: float, n_cases: int) -> int:
    if not 0 < budget < math.inf:
        raise InputError(f"budget={budget}: a share above 0, or a number of answers")
    return math.ceil(budget * n_cases - 1e-9) if budget <= 1 else int(budget)


def _ordered(outcomes: Iterable[Outcome], by: str, threshold: float) -> tuple[Case, ...]:
    if by not in RULES:
        raise InputError(f"no rule {by!r}; {there_are(by, [*RULES, CHANCE])}")
    rule = partial(near, threshold=threshold) if by == "near" else RULES[by]
    cases = []
    for (unit, criterion), verdicts in _grouped(outcomes).items():
        stands = any(ESCALATED not in verdict.flags for verdict in verdicts)
        priority = rule(verdicts) if stands else math.inf
        off_middle = abs(fmean(v.value for v in verdicts) - 0.5) if verdicts else 0.0
        cases.append((priority, off_middle, Case(unit, criterion, priority, by if stands else "no verdict")))
    cases.sort(key=lambda each: (-each[0], each[1]))
    return tuple(case for _, _, case in cases)


def drawn(
    outcomes: Iterable[Outcome], *, budget: float = 0.2, even: float = 1.0, seed: int = 0
) -> tuple[Case, ...]:
    """Return answers drawn by chance, with weights, which may stand for all; of a unit, all its criteria.

    `even` is the share of the budget that goes to all units alike, above 0. At 1 as many are drawn as the
    budget says; below it each unit has a chance of its own, larger where judges are unsure or differ, and the
    number drawn is near the budget.

    Source: Zrnic & Candès (2024), "Active Statistical Inference", arXiv 2403.03208.
    """
    if not budget > 0 or not 0 < even <= 1:
        raise InputError(f"budget={budget:g}, even={even:g}: both are above 0, and even is at most 1")
    units: dict[Unit, dict[str, list[Verdict]]] = {}
    for (unit, criterion), verdicts in _grouped(outcomes).items():
        units.setdefault(unit, {})[criterion] = verdicts
    n_answers = sum(map(len, units.values()))
    share = budget if budget <= 1 else min(budget / max(n_answers, 1), 1.0)
    wanted = max(round(share * len(units)), 1)
    rng = np.random.default_rng(seed)
    chances = np.full(len(units), min(wanted / max(len(units), 1), 1.0))
    taken = np.zeros(len(units), dtype=bool)
    if even < 1 and units:
        unsure = [fmean(map(_unsure, own.values())) for own in units.values()]
        chances = labelling_probabilities(unsure, budget=wanted, tau=even)
        taken = rng.random(len(units)) < chances
    elif units:
        taken[rng.choice(len(units), wanted, replace=False)] = True
    return tuple(
        Case(unit, criterion, _unsure(verdicts), CHANCE, round(1.0 / float(chance), 12))
        for (unit, own), chance, took in zip(units.items(), chances, taken, strict=True)
        if took
        for criterion, verdicts in own.items()
    )


def _unsure(verdicts: Sequence[Verdict]) -> float:
    """Return the probability of all labels but the most probable one, over all verdicts; 1 without any."""
    return 1.0 - max(mean_of([dict(v.probs) for v in verdicts]).values()) if verdicts else 1.0


def _grouped(outcomes: Iterable[Outcome]) -> dict[tuple[Unit, str], list[Verdict]]:
    """Return judges' verdicts by unit and criterion; none where all abstained."""
    grouped: dict[tuple[Unit, str], list[Verdict]] = {}
    for outcome in outcomes:
        own = grouped.setdefault((outcome.unit, outcome.criterion), [])
        if isinstance(outcome, Verdict) and outcome.source != "human":
            own.append(outcome)
    return grouped
