"""What a reader looks for first: marks of units and their criteria, and the numbers that units are sorted by.

The page and its server show the same marks, so they are made here, once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

from judgekit.review.route import disagreement, entropy
from judgekit.types import Abstention, Outcome, Score, Verdict, is_control

MARKS: Final = ("abstained", "split", "order_flipped", "quote_not_found", "gate", "changed")
"""abstained: an answer is missing; split: two judges are half the scale apart or more; order_flipped: a judge
prefers another response in the other order; quote_not_found; gate: one fired; changed: differs from the other
run."""
SORTS: Final = ("disagreement", "entropy", "change")
"""Variance between judges and entropy of the labels, largest over a unit's criteria; the largest change of a
verdict against the other run."""
_APART = 0.5
_THRESHOLD = 0.5


@dataclass(slots=True)
class Marked:
    """The score that stands for a unit, the marks of its criteria and its own, and what it is sorted by."""

    settled: Score | None = None
    cells: dict[str, int] = field(default_factory=dict)  # criterion -> marks, a bit each in their order
    marks: int = 0
    sorts: dict[str, float | None] = field(default_factory=dict)

    @property
    def interest(self) -> float:
        """How much is to be seen in it: each mark counts more than any nearness to a threshold."""
        value = None if self.settled is None else self.settled.value
        near = 1.0 if value is None else 0.5 - abs(value - _THRESHOLD)
        return self.marks.bit_count() + (self.sorts["change"] or 0.0) + near


def bit(mark: str) -> int:
    """Return the bit of a mark."""
    return 1 << MARKS.index(mark)


def names_of(marks: int) -> list[str]:
    """Return the names of marks."""
    return [name for n, name in enumerate(MARKS) if marks >> n & 1]


def settled_score(scores: Sequence[Score]) -> Score | None:
    """Return the score that stands for a unit: the rubric's, or that of its one criterion."""
    of_rubric = [score for score in scores if score.level == "rubric"]
    of_criteria = [score for score in scores if score.level == "criterion"]
    return of_rubric[0] if of_rubric else of_criteria[0] if len(of_criteria) == 1 else None


def marked(
    outcomes: Iterable[Outcome], scores: Sequence[Score], changes: Mapping[str, float] | None = None
) -> Marked:
    """Return what is to be seen in a unit; `changes` has the largest change of its criteria."""
    by_criterion: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        by_criterion[each.criterion].append(each)
    found, changes = Marked(), changes or {}
    spread: dict[str, list[float]] = {"disagreement": [], "entropy": []}
    for criterion, some in by_criterion.items():
        said = [each for each in some if isinstance(each, Verdict)]
        judges = [each for each in said if not is_control(each.rater)]
        found.cells[criterion] = (
            bit("abstained") * (len(said) < len(some)) | bit("split") * _is_split(judges)
            | bit("order_flipped") * _is_flipped(said) | bit("quote_not_found") * any(map(_unfound, said))
            | bit("changed") * (criterion in changes)
        )  # fmt: skip
        if judges:
            spread["disagreement"].append(disagreement(judges))
            spread["entropy"].append(entropy(judges))
    for marks in found.cells.values():
        found.marks |= marks
    if any(score.gate for score in scores):
        found.marks |= bit("gate")
    found.settled = settled_score(scores)
    found.sorts = {name: max(values, default=None) for name, values in spread.items()}
    found.sorts["change"] = max(changes.values(), default=None)
    return found


def _is_split(verdicts: Iterable[Verdict]) -> bool:
    by_rater: dict[str, list[float]] = defaultdict(list)
    for each in verdicts:
        by_rater[each.rater].append(each.value)
    means = [fmean(values) for values in by_rater.values()]
    return len(means) > 1 and max(means) - min(means) >= _APART


def _is_flipped(verdicts: Iterable[Verdict]) -> bool:
    return any((one - 0.5) * (other - 0.5) < 0 for one, other in by_orders(verdicts).values())


def by_orders(outcomes: Iterable[Outcome]) -> dict[str, tuple[float, float]]:
    """Return rater -> mean value where the first response of a pair was shown first, and where second."""
    held: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for each in outcomes:
        if isinstance(each, Abstention) or len(each.unit.responses) != 2:
            continue
        first, second = (each.shown.index(r) if r in each.shown else -1 for r in each.unit.responses)
        if min(first, second) >= 0:
            held[each.rater][first > second].append(each.value)
    return {rater: (fmean(one), fmean(other)) for rater, (one, other) in held.items() if one and other}


def _unfound(verdict: Verdict) -> bool:
    return "unfounded" in verdict.flags or not all(each.found for each in verdict.evidence)
