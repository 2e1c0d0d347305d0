"""ResearchQA's pairs: what each response covers, and which of the two the judge prefers, as one number.

ResearchQA (2025), arXiv 2509.00496. Published: the sum of the labels 1 to 5 over the rubric, and 5 for each
order in which the response was chosen; the larger sum wins, equal sums tie. The 5 is a parameter here,
to be chosen on labelled pairs. Where a sum is not complete the pair has no winner.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from judgekit.aggregate.pairs import pairs_of
from judgekit.aggregate.scores import reasons_of
from judgekit.distribution import as_said
from judgekit.plan import Plan
from judgekit.recipes.coverage import point_values
from judgekit.recipes.grading import Grading
from judgekit.recipes.together import Together
from judgekit.rubric import Rubric
from judgekit.types import Item, Judged, Outcome, Score, Unit, Verdict

WEIGHT = 5.0
_LABELS = 5
CHOICE = Rubric(
    id="researchqa_choice",
    guidelines="How a text is laid out, and links in it, count for nothing; do not guess who wrote it.",
    criteria=({"id": "choice", "text": "Which response answers the question better?", "about": "pair"},),
)


@dataclass(frozen=True, slots=True)
class Sums:
    """The two sums of a pair.

    Args:
        first: Of the response that comes first in the item.
        second: Of the other.
    """

    first: float
    second: float

    @property
    def value(self) -> float:
        """1 where the first wins, 0 where the second does, 0.5 for a tie.

        >>> Sums(20.0, 15.0).value, Sums(7.0, 7.0).value
        (1.0, 0.5)
        """
        ahead, behind = as_said(self.first), as_said(self.second)
        return 0.5 if ahead == behind else float(ahead > behind)


def pairs(coverage: Grading, *, weight: float = WEIGHT) -> Together:
    """The recipe: coverage of every response, and a choice between each two in both orders.

    Args:
        coverage: What asks for coverage.
        weight: What an order won is worth, in labels.
    """
    asked = coverage.plan
    choice = Plan(CHOICE, asked.judges, protocol="compare", ties=False, samples=asked.samples)
    choosing = replace(coverage, plan=choice, aggregate=_nothing)
    return Together((coverage, choosing), functools.partial(_combine, coverage.plan, weight))


def _nothing(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:  # noqa: ARG001 - an aggregator's shape
    return ()


def _combine(plan: Plan, weight: float, item: Item, parts: Sequence[Judged]) -> tuple[Score, ...]:
    coverage, choice = parts
    rubric = plan.rubric_of(item)
    pair_scores = [
        _pair_score(rubric, weight, pair, coverage.outcomes, choice.outcomes) for pair in pairs_of(item)
    ]
    return (*coverage.scores, *pair_scores)


def _pair_score(
    rubric: Rubric, weight: float, unit: Unit, coverage: Sequence[Outcome], choice: Sequence[Outcome]
) -> Score:
    sides = [Unit(unit.item_id, (response,)) for response in unit.responses]
    covered = [point_values(rubric, coverage, side) for side in sides]
    chosen = [o for o in choice if o.unit == unit]
    won = _orders_won(chosen)
    complete = won is not None and all(len(values) == len(rubric.leaves) for values in covered)
    value = None
    if complete and won is not None:
        labels = [sum(1 + v * (_LABELS - 1) for v in values) for values in covered]
        value = Sums(labels[0] + weight * won[0], labels[1] + weight * won[1]).value
    about = [o for o in coverage if o.unit in sides] + chosen
    n = sum(isinstance(o, Verdict) for o in about)
    return Score(unit, "rubric", rubric.id, value, "placed", n_verdicts=n, n_abstained=reasons_of(about))


def _orders_won(choice: Sequence[Outcome]) -> tuple[float, float] | None:
    """In how many of the two orders each response was chosen, mean over samples and judges of an order."""
    by_order: dict[tuple[str, ...], list[float]] = {}
    for o in choice:
        own = by_order.setdefault(o.shown, [])
        if isinstance(o, Verdict):
            own.append(o.value)
    if not by_order or not all(by_order.values()):
        return None
    first = sum(sum(own) / len(own) for own in by_order.values())
    return first, len(by_order) - first
