"""Cascades: a cheap judge first, a stronger one or a person only where that can change the decision.

The confidence from which the cheap judge is believed is fitted on labels (`fit_doubt`), with a stated error
and a stated probability that it is exceeded; where none can promise that, everything goes on. After Jung,
Brahman and Choi (2024), arXiv 2407.18370. `replay_cascade` reads the curve on other labels.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy.typing as npt

from judgekit.agreement.core.intervals import wilson
from judgekit.agreement.probability.selective import Selection, select
from judgekit.distribution import as_said, label_of
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.recipes.grading import Grading, Rounds, by_rule
from judgekit.recipes.points import credit_of, probs_of
from judgekit.roles import Judge
from judgekit.scales import Scale
from judgekit.types import ESCALATED, Abstention, Item, Judged, Outcome, Unit, Verdict

Question = tuple[Unit, str]
Doubt = Callable[[Sequence[Outcome]], bool]
"""Whether the outcomes of the cheap judges on one question leave it open."""
PERSON = "person"


def confidence_of(outcomes: Sequence[Outcome]) -> float:
    """Return the probability of the likeliest label, averaged within raters, then over them; or -inf.

    A single reply read from text is always sure of itself; ask several times, a panel, or for letters.
    """
    probs = probs_of(outcomes)
    return as_said(max(probs.values())) if probs else -math.inf


def below(threshold: float) -> Doubt:
    """Return the doubt below a confidence; nan (no threshold could be fitted) doubts everything."""
    return lambda outcomes: math.isnan(threshold) or confidence_of(outcomes) < threshold


def near(threshold: float, within: float) -> Doubt:
    """Return the doubt where the mean value is no further than `within` from the threshold that decides."""

    def doubt(outcomes: Sequence[Outcome]) -> bool:
        value = credit_of(outcomes)
        return value is None or as_said(abs(value - threshold)) <= within

    return doubt


def disagreeing(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether raters or samples differ in their label, or one of them gave none."""
    labels = {o.label if isinstance(o, Verdict) else None for o in outcomes}
    return len(labels) > 1 or None in labels


def fit_doubt(
    confidence: npt.ArrayLike, wrong: npt.ArrayLike, *, alpha: float, delta: float = 0.1, least: int = 30
) -> tuple[Doubt, Selection]:
    """Return the doubt that keeps the cheap judge's error below alpha, `1 - delta` sure, and its grounds.

    `confidence` and `wrong` (1 where the cheap judge and people disagree, else 0) have shape (n,), of
    labelled questions; thresholds that keep fewer than `least` of them are not tried.
    """
    selection = select(confidence, wrong, alpha=alpha, delta=delta, least=least)
    return below(selection.threshold), selection


@dataclass(frozen=True)
class Cascade:
    """Cheap judges, whose aggregator scores; in doubt the strong ones, or without any the rater `person`."""

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
        """Return the plan of the cheap step, which is asked in any case."""
        return self.cheap.plans

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the strong judges, and all substitutes."""
        if self.strong is None:
            return self.cheap.helpers
        return (*self.cheap.helpers, *self.strong.plan.judges, *self.strong.helpers)

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls: nothing in doubt, or everything."""
        least, most = self.cheap.calls(item)
        return least, most + (0 if self.strong is None else self.strong.calls(item)[1])

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Ask the cheap step, find the doubts, ask the strong one."""
        cheap = yield from self.cheap.asked(item, self.cheap.plan.calls(item))
        doubted = {question: True for question, own in by_question(cheap).items() if self.doubt(own)}
        later: tuple[Outcome, ...] = ()
        if self.strong is None:
            why = "left in doubt; a person should judge it"
            later = tuple(Abstention(PERSON, *question, "undecided", why) for question in doubted)
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
    """Group outcomes by unit and criterion, in order of first appearance."""
    grouped: dict[Question, list[Outcome]] = {}
    for o in outcomes:
        grouped.setdefault((o.unit, o.criterion), []).append(o)
    return grouped


def _marked(outcome: Outcome, settled: set[Question]) -> Outcome:
    """Flag a cheap verdict that was passed on; it is kept, and does not count."""
    if isinstance(outcome, Verdict) and (outcome.unit, outcome.criterion) in settled:
        return replace(outcome, flags=(*outcome.flags, ESCALATED))
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a threshold would have meant for `n` questions.

    Args:
        threshold: Questions below this confidence go on; -inf keeps all that has a verdict, inf none.
        escalated: Share of the questions that went on.
        agreement: Share of the questions with a final verdict whose label is people's (Wilson's 95 %: `low`,
            `high`); nan without any.
    """

    threshold: float
    escalated: float
    cost: float
    agreement: float
    low: float
    high: float
    n: int
    n_missing: int


def replay_cascade(
    cheap: Iterable[Outcome],
    strong: Iterable[Outcome],
    labels: Iterable[Outcome] | Mapping[Question, str],
    *,
    scale: Scale,
    costs: tuple[float, float] = (1.0, 10.0),
    at: Iterable[float] = (),
    gone: Collection[Question] = (),
) -> tuple[Step, ...]:
    """Return cost against agreement with people for every threshold on the cheap judges' confidence.

    Both runs answer the same questions of one criterion, or of several on one `scale`; `labels` are people's
    verdicts, or (unit, criterion) -> label, and questions without one are left out. `costs` are of a question
    on each step, in any unit; `at` adds thresholds, such as a fitted one; the questions `gone` go on at each.
    The steps run from the cheapest (only what the cheap judges could not answer goes on) to the dearest
    (everything).
    """
    right = labels if isinstance(labels, Mapping) else labels_of(labels, scale)
    asked, backup = by_question(list(cheap)), by_question(list(strong))
    questions = [question for question in asked if question in right]
    if not questions:
        raise InputError("no question of the cheap run has a label; their units or criteria differ")
    if absent := [question for question in questions if question not in backup]:
        raise InputError(
            f"the strong run has no outcome on {len(absent)} of {len(questions)} labelled questions, such as "
            f"{_named(absent[0])}; a replay needs both judges on all of them"
        )
    sure = {question: confidence_of(asked[question]) for question in questions}
    first = {question: None if question in gone else _label(asked[question], scale) for question in questions}
    second = {question: _label(backup[question], scale) for question in questions}
    distinct = sorted({each for each in sure.values() if each > -math.inf})
    thresholds = [-math.inf, *sorted({*distinct[1:], *at} - {-math.inf, math.inf}), math.inf]
    return tuple(
        _step(threshold, [(sure[q], first[q], second[q], right[q]) for q in questions], costs)
        for threshold in thresholds
    )


def _step(
    threshold: float,
    questions: Sequence[tuple[float, str | None, str | None, str]],
    costs: tuple[float, float],
) -> Step:
    n = len(questions)
    goes_on = [sure < threshold or first is None for sure, first, _, _ in questions]
    final = [
        (second if on else first, label)
        for on, (_, first, second, label) in zip(goes_on, questions, strict=True)
    ]
    answered = [(said, label) for said, label in final if said is not None]
    hits = sum(said == label for said, label in answered)
    low, high = wilson(hits, len(answered))
    return Step(
        threshold=threshold,
        escalated=sum(goes_on) / n,
        cost=n * costs[0] + sum(goes_on) * costs[1],
        agreement=hits / len(answered) if answered else math.nan,
        low=low,
        high=high,
        n=n,
        n_missing=n - len(answered),
    )


def labels_of(outcomes: Iterable[Outcome], scale: Scale) -> dict[Question, str]:
    """Return the label of each question that was answered; of several raters the most probable."""
    found = {question: _label(own, scale) for question, own in by_question(list(outcomes)).items()}
    return {question: label for question, label in found.items() if label is not None}


def _named(question: Question) -> str:
    unit, criterion = question
    about = ", ".join([*map(repr, unit.responses), *([f"part {unit.part!r}"] if unit.part else [])])
    return f"{criterion!r} of item {unit.item_id!r}" + (f" ({about})" if about else "")


def _label(outcomes: Sequence[Outcome], scale: Scale) -> str | None:
    probs = probs_of(outcomes)
    return label_of(scale, probs.items()) if probs else None
