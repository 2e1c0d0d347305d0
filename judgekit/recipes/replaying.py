"""A cascade replayed from two stored runs: what each threshold would have cost, and how far people agree.

Nothing is asked. The curve is over the same labelled questions at every threshold, so its points can be
compared with one another; the threshold itself is fitted by `fit_doubt` on other labels than those the
curve is read on.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from judgekit.agreement.core.estimate import wilson
from judgekit.distribution import label_of, mean_of
from judgekit.errors import InputError
from judgekit.recipes.cascade import Question, by_question, confidence_of
from judgekit.scales import Scale
from judgekit.types import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """What a threshold would have meant.

    Args:
        threshold: Questions below this confidence go on; -inf keeps all that has a verdict, inf none.
        escalated: Share of the questions that went on.
        cost: Of all questions, in the unit of the costs given.
        agreement: Share of the questions with a final verdict whose label is people's; nan without any.
        low: Lower end of its 95 % interval (Wilson).
        high: Its upper end.
        n: Questions.
        n_missing: Of them, those without a final verdict.
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
) -> tuple[Step, ...]:
    """Cost against agreement with people for every threshold on the cheap judges' confidence.

    Args:
        cheap: Outcomes of the cheap run, of one criterion or several on one scale; samples and judges are
            averaged.
        strong: Outcomes of the strong run on the same questions.
        labels: People's verdicts, or (unit, criterion) -> label. Questions without one are left out.
        scale: The scale of the criteria.
        costs: What one question costs on each step, in any unit.
        at: Further thresholds to have a point of, such as a fitted one.

    Returns:
        From the cheapest (only what the cheap judges could not answer goes on) to the dearest (everything).

    Raises:
        InputError: If no labelled question stands in the cheap run, or the strong run lacks one.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> def said(rater, words):
    ...     return [Verdict(rater, Unit(str(i)), "c", ((w, 1.0),), w, 1.0) for i, w in enumerate(words)]
    >>> curve = replay_cascade(
    ...     said("cheap", ["yes", "no"]), said("strong", ["yes", "yes"]), said("ann", ["yes", "yes"]),
    ...     scale=YES_NO,
    ... )
    >>> [(step.cost, step.agreement) for step in curve]
    [(2.0, 0.5), (22.0, 1.0)]
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
    first = {question: _label(asked[question], scale) for question in questions}
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
    agreement = hits / len(answered) if answered else math.nan
    cost = n * costs[0] + sum(goes_on) * costs[1]
    return Step(threshold, sum(goes_on) / n, cost, agreement, low, high, n, n - len(answered))


def labels_of(outcomes: Iterable[Outcome], scale: Scale) -> dict[Question, str]:
    """The label of each question that was answered; of several raters the most probable.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> labels_of([Verdict("ann", Unit("1"), "c", (("yes", 1.0),), "yes", 1.0)], YES_NO)[Unit("1"), "c"]
    'yes'
    """
    found = {question: _label(own, scale) for question, own in by_question(list(outcomes)).items()}
    return {question: label for question, label in found.items() if label is not None}


def _named(question: Question) -> str:
    unit, criterion = question
    about = ", ".join([*map(repr, unit.responses), *([f"part {unit.part!r}"] if unit.part else [])])
    return f"{criterion!r} of item {unit.item_id!r}" + (f" ({about})" if about else "")


def _label(outcomes: Sequence[Outcome], scale: Scale) -> str | None:
    by_rater: dict[str, list[dict[str, float]]] = {}
    for o in outcomes:
        if isinstance(o, Verdict):
            by_rater.setdefault(o.rater, []).append(dict(o.probs))
    if not by_rater:
        return None
    mixed = mean_of([mean_of(own) for own in by_rater.values()])
    return label_of(scale, mixed.items())
