"""Which answers a person should see first, within a budget.

Every rule is a function of the outcomes on one unit and criterion to a priority; the highest are
routed. What nobody answered at all comes first under every rule: it has no verdict to doubt.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from judgekit.errors import InputError, there_are
from judgekit.types import Outcome, Unit, Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """An answer that a person is asked for.

    Args:
        unit: About what.
        criterion: On which criterion.
        priority: How much it is wanted; higher first, infinite where no judge answered.
        why: The rule that chose it.
    """

    unit: Unit
    criterion: str
    priority: float
    why: str


def entropy(verdicts: Sequence[Verdict], threshold: float) -> float:  # noqa: ARG001 - a rule's shape
    """Balanced position diversity entropy: of the labels over all orders, samples and judges, in nats.

    Source:
        Wang et al. (2023), "Large Language Models are not Fair Evaluators", arXiv 2305.17926.
    """
    counts = Counter(verdict.label for verdict in verdicts)
    return -sum(n / len(verdicts) * math.log(n / len(verdicts)) for n in counts.values())


def disagreement(verdicts: Sequence[Verdict], threshold: float) -> float:  # noqa: ARG001 - a rule's shape
    """Variance of the value between judges, each the mean of its verdicts."""
    by_rater: dict[str, list[float]] = {}
    for verdict in verdicts:
        by_rater.setdefault(verdict.rater, []).append(verdict.value)
    return pvariance([fmean(values) for values in by_rater.values()])


def low_mass(verdicts: Sequence[Verdict], threshold: float) -> float:  # noqa: ARG001 - a rule's shape
    """The most probability that any judge put outside the labels."""
    return 1.0 - min(verdict.mass for verdict in verdicts)


def uncertain(verdicts: Sequence[Verdict], threshold: float) -> float:  # noqa: ARG001 - a rule's shape
    """Mean probability of all labels but the most probable one."""
    return 1.0 - fmean(max(p for _, p in verdict.probs) for verdict in verdicts)


def near(verdicts: Sequence[Verdict], threshold: float) -> float:
    """Closeness of the mean value to a threshold that decides something; 0 at the threshold itself."""
    return -abs(fmean(verdict.value for verdict in verdicts) - threshold)


RULES: Mapping[str, Callable[[Sequence[Verdict], float], float]] = {
    "entropy": entropy,
    "disagreement": disagreement,
    "low_mass": low_mass,
    "uncertain": uncertain,
    "near": near,
}


def route(
    outcomes: Iterable[Outcome], *, by: str = "entropy", budget: float = 0.2, threshold: float = 0.5
) -> tuple[Case, ...]:
    """The answers a person should give, the most wanted first.

    Args:
        outcomes: Of judges; people's verdicts are left aside.
        by: Name of a rule in `RULES`.
        budget: A share of all (unit, criterion) from 0 to 1, rounded up; or above 1 a number of them.
        threshold: What `near` is near to.

    Returns:
        Cases by falling priority; equal ones by how near the mean value is to one half, then in the
        order of the outcomes.

    Raises:
        InputError: For an unknown rule, or a budget that is not positive.
    """
    if by not in RULES:
        raise InputError(f"no rule {by!r}; {there_are(by, RULES)}")
    if not budget > 0:
        raise InputError(f"budget={budget}: a share above 0, or a number of answers")
    grouped: dict[tuple[Unit, str], list[Verdict]] = {}
    for outcome in outcomes:
        own = grouped.setdefault((outcome.unit, outcome.criterion), [])
        if isinstance(outcome, Verdict) and outcome.source != "human":
            own.append(outcome)
    cases = []
    for (unit, criterion), verdicts in grouped.items():
        priority = RULES[by](verdicts, threshold) if verdicts else math.inf
        off_middle = abs(fmean(v.value for v in verdicts) - 0.5) if verdicts else 0.0
        cases.append(
            (priority, off_middle, Case(unit, criterion, priority, by if verdicts else "no verdict"))
        )
    cases.sort(key=lambda each: (-each[0], each[1]))
    most = math.ceil(budget * len(cases) - 1e-9) if budget <= 1 else int(budget)
    return tuple(case for _, _, case in cases[:most])
