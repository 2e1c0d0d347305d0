"""Cascades: a cheap judge first, a stronger one or a person only where that can change the decision.

What the cheap judge (or panel) leaves in doubt goes on: near the threshold that decides, below a
confidence, or where its panel disagrees. The confidence from which it may be believed is fitted on labels
(`fit_doubt`), with a stated error and a stated probability that it is exceeded; where no confidence can
promise that, everything goes on. After Jung, Brahman and Choi (2024), "Trust or Escalate", arXiv 2407.18370.
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy.typing as npt

from judgekit.agreement.probability.selective import Selection, select
from judgekit.distribution import as_said, mean_of
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.recipes.empty import by_rule
from judgekit.recipes.grading import Grading
from judgekit.roles import Judge
from judgekit.types import Abstention, Answer, Item, Judged, Outcome, Round, Unit, Verdict

Question = tuple[Unit, str]
Doubt = Callable[[Sequence[Outcome]], bool]
"""Whether the outcomes of the cheap judges on one question leave it open."""
ESCALATED = "escalated"
PERSON = "person"


def confidence_of(outcomes: Sequence[Outcome]) -> float:
    """Probability of the most probable label, averaged within raters, then over them; -inf without any.

    A single reply read from text is always sure of itself; ask several times, a panel, or for letters.

    >>> unit = Unit("1")
    >>> words = {"a": "yes", "b": "no", "c": "no"}
    >>> said = [Verdict(rater, unit, "c", ((word, 1.0),), word, 1.0) for rater, word in words.items()]
    >>> round(confidence_of(said), 3), confidence_of([Abstention("a", unit, "c", "refused")])
    (0.667, -inf)
    """
    by_rater: dict[str, list[dict[str, float]]] = {}
    for o in outcomes:
        if isinstance(o, Verdict):
            by_rater.setdefault(o.rater, []).append(dict(o.probs))
    if not by_rater:
        return -math.inf
    return as_said(max(mean_of([mean_of(own) for own in by_rater.values()]).values()))


def value_of(outcomes: Sequence[Outcome]) -> float | None:
    """Mean value, samples averaged within a rater and raters then; None without a verdict."""
    by_rater: dict[str, list[float]] = {}
    for o in outcomes:
        if isinstance(o, Verdict):
            by_rater.setdefault(o.rater, []).append(o.value)
    return fmean(fmean(own) for own in by_rater.values()) if by_rater else None


def below(threshold: float) -> Doubt:
    """Doubt below a confidence; nan (no threshold could be fitted) doubts everything."""
    return lambda outcomes: math.isnan(threshold) or confidence_of(outcomes) < threshold


def near(threshold: float, within: float) -> Doubt:
    """Doubt where the mean value is no further than `within` from the threshold that decides."""

    def doubt(outcomes: Sequence[Outcome]) -> bool:
        value = value_of(outcomes)
        return value is None or as_said(abs(value - threshold)) <= within

    return doubt


def disagreeing(outcomes: Sequence[Outcome]) -> bool:
    """Doubt where raters or samples differ in their label, or one of them gave none."""
    labels = {o.label if isinstance(o, Verdict) else None for o in outcomes}
    return len(labels) > 1 or None in labels


def fit_doubt(
    confidence: npt.ArrayLike, wrong: npt.ArrayLike, *, alpha: float, delta: float = 0.1, least: int = 30
) -> tuple[Doubt, Selection]:
    """The doubt that keeps the cheap judge's error below alpha, `1 - delta` sure, and what it rests on.

    Args:
        confidence: Shape (n,), `confidence_of` labelled questions.
        wrong: Shape (n,), 1 where the cheap judge and people disagree, else 0.
        alpha: The error to promise of what is kept.
        delta: The probability with which the promise may fail.
        least: Thresholds that keep fewer labelled questions are not tried.

    >>> doubt, selection = fit_doubt([0.9] * 60 + [0.5] * 40, [0] * 60 + [1] * 40, alpha=0.1)
    >>> selection.threshold, doubt([])
    (0.9, True)
    """
    selection = select(confidence, wrong, alpha=alpha, delta=delta, least=least)
    return below(selection.threshold), selection


@dataclass(frozen=True)
class Cascade:
    """Cheap judges first; where they leave a question in doubt, the strong ones.

    Args:
        cheap: Asks everything; its aggregator makes the scores.
        strong: Asks what is in doubt, of the same criteria; None gives it to a person, as an abstention
            `undecided` by the rater `person`.
        doubt: Which questions are in doubt.

    Raises:
        InputError: If both ask the same judge, or in different ways.
    """

    cheap: Grading
    strong: Grading | None
    doubt: Doubt

    def __post_init__(self) -> None:
        if self.strong is None:
            return
        names = [judge.name for part in (self.cheap, self.strong) for judge in part.plan.judges]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"judges {twice} stand on both steps; a second look is no second judge")
        cheap, strong = (
            "response" if p.plan.asked_by.shows == "one" else "pair" for p in (self.cheap, self.strong)
        )
        if cheap != strong:
            raise InputError(f"the cheap step judges a {cheap}, the strong one a {strong}")

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan of the cheap step, which is asked in any case."""
        return self.cheap.plans

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """The strong judges, and all substitutes."""
        if self.strong is None:
            return self.cheap.helpers
        return (*self.cheap.helpers, *self.strong.plan.judges, *self.strong.helpers)

    def calls(self, item: Item) -> tuple[int, int]:
        """The least and the most calls for an item: nothing in doubt, or everything."""
        least, most = self.cheap.calls(item)
        return least, most + (0 if self.strong is None else self.strong.calls(item)[1])

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
        """Ask the cheap step, find the doubts, ask the strong one."""
        cheap = yield from self.cheap.asked(item, self.cheap.plan.calls(item))
        doubted = {question: True for question, own in by_question(cheap).items() if self.doubt(own)}
        later: tuple[Outcome, ...] = ()
        if self.strong is None:
            later = tuple(map(_to_a_person, doubted))
        elif doubted:
            calls = self.strong.plan.calls(item)
            later = yield from self.strong.asked(
                item, tuple(c for c in calls if doubted.keys() & {ask.about for ask in c.asks})
            )
        settled = {question for question in by_question(later) if question in doubted}
        final = [o for o in cheap if (o.unit, o.criterion) not in settled]
        final += [o for o in later if (o.unit, o.criterion) in settled]
        ruled = by_rule(self.cheap.plan, item)
        final += ruled
        outcomes = (*(_marked(o, settled) for o in cheap), *later, *ruled)
        rubric = self.cheap.plan.rubric_of(item)
        return Judged(item, outcomes, self.cheap.aggregate(rubric, item, final))


def by_question(outcomes: Sequence[Outcome]) -> dict[Question, list[Outcome]]:
    """Outcomes by unit and criterion, in order of first appearance."""
    grouped: dict[Question, list[Outcome]] = {}
    for o in outcomes:
        grouped.setdefault((o.unit, o.criterion), []).append(o)
    return grouped


def _to_a_person(question: Question) -> Abstention:
    unit, criterion = question
    return Abstention(PERSON, unit, criterion, "undecided", "left in doubt; a person should judge it")


def _marked(outcome: Outcome, settled: set[Question]) -> Outcome:
    """A cheap verdict that was passed on says so; it is kept, and does not count."""
    if isinstance(outcome, Verdict) and (outcome.unit, outcome.criterion) in settled:
        return replace(outcome, flags=(*outcome.flags, ESCALATED))
    return outcome
