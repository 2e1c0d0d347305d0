"""`cascade`: a cheap judge and a strong one, both stored, replayed against people's labels.

Nothing is asked. The labels of some items fit the confidence below which a question goes on to the strong
judge; the curve of cost against agreement is read on the other items, so that the point of the fitted
threshold is no better than it will be. What is promised is the bound, not the curve: it is about the
verdicts that the cheap judge keeps.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from judgekit.agreement.probability.selective import LEAST, Selection
from judgekit.errors import InputError
from judgekit.recipes.cascade import Question, by_question, confidence_of, fit_doubt
from judgekit.recipes.replaying import Step, labels_of, replay_cascade
from judgekit.types import Outcome, brief
from judgekit.verbs.two_runs import read_two_runs

SAME = "the curve is read on the labels that fitted the threshold; trust the bound, not the point"
UNIFORM = (
    "the cheap judge is equally sure of everything, as a single reply read from text is; ask it for letters "
    "(--form letters) or several samples, or ask a panel"
)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A cascade replayed.

    Args:
        fitted: The threshold, its bound and what they rest on; or that there is none.
        curve: Cost and agreement at every threshold, from the cheap judge alone to all questions sent on.
        chosen: The point of the fitted threshold; where there is none, that of all questions sent on.
        n_fit: Labelled questions that the threshold was fitted on.
        n_read: Labelled questions that the curve was read on.
        costs: Of one question on each step, as given.
        notes: What a reader should know.
    """

    fitted: Selection
    curve: tuple[Step, ...]
    chosen: Step
    n_fit: int
    n_read: int
    costs: tuple[float, float]
    notes: tuple[str, ...] = ()

    __repr__ = brief


def cascade(
    cheap: Any,
    strong: Any,
    *,
    labels: Any,
    rubric: Any = None,
    scale: Any = None,
    criterion: str | Collection[str] = (),
    alpha: float = 0.1,
    delta: float = 0.1,
    least: int = LEAST,
    fit_share: float = 0.5,
    seed: int = 0,
    costs: tuple[float, float] = (1.0, 10.0),
    columns: Mapping[str, str] | None = None,
    labels_about: str = "item",
) -> Replayed:
    """A cascade replayed from two stored runs: the fitted threshold, and cost against agreement.

    Args:
        cheap: Outcomes of the cheap judge, or of a panel: an `outcomes.jsonl`, or the outcomes.
        strong: Outcomes of the strong judge, the panel or the people after it, on the same questions.
        labels: People's labels, as for `agree`; or their outcomes.
        rubric: Declares the scales.
        scale: The scale, where there is no rubric: `1-5`, `yes_no`, a list of labels, ...
        criterion: Only these criteria; all where left out. They have to have one scale.
        alpha: The error that is promised of what the cheap judge keeps.
        delta: The probability with which the promise may fail.
        least: Thresholds that keep fewer labelled questions are not tried.
        fit_share: Share of the items whose labels fit the threshold, above 0; the curve is read on the
            others. 1 does both on all of them, and says so.
        seed: Of which items those are.
        costs: What one question costs on each step, in any unit.
        columns: Our name of a column of the labels -> its name there.
        labels_about: As for `agree`.

    Raises:
        InputError: For files that are no outcomes, options out of range, criteria on several scales, labels
            about something else, a judge in both runs, or questions that the strong run lacks.

    Source:
        Jung, Brahman & Choi (2024), "Trust or Escalate", arXiv 2407.18370 (Clopper-Pearson bounds in fixed
        sequence); unlike their code it has no threshold where the strictest one fails.

    >>> from judgekit.types import Unit, Verdict
    >>> def said(rater, words, sure):
    ...     return [
    ...         Verdict(rater, Unit(str(i)), "c", ((w, sure(i)), ("no", 1 - sure(i))), w, sure(i))
    ...         for i, w in enumerate(words)
    ...     ]
    >>> labels = [{"item_id": str(i), "rater": "ann", "label": "yes"} for i in range(200)]
    >>> cheap = said("small", ["yes"] * 200, lambda i: 0.9 if i % 4 else 0.6)
    >>> found = cascade(cheap, said("big", ["yes"] * 200, lambda i: 0.99), labels=labels, scale="yes_no")
    >>> found.fitted.threshold, round(found.fitted.bound, 3), found.chosen.cost
    (0.6, 0.023, 100.0)
    """
    _check(fit_share, costs, least)
    runs = read_two_runs(
        cheap, strong, labels, rubric=rubric, scale=scale, columns=columns, labels_about=labels_about,
        criteria={criterion} if isinstance(criterion, str) else set(criterion),
    )  # fmt: skip
    asked = by_question(runs.cheap)
    known = [question for question in asked if question in runs.right]
    notes = (*runs.notes, *_told(asked, known), *([SAME] if fit_share == 1 else []))
    fit, read = _halves(known, fit_share, seed)
    said = labels_of([o for question in fit for o in asked[question]], runs.scale)
    sure = [confidence_of(asked[question]) if question in said else math.nan for question in fit]
    wrong = [float(said.get(question) != runs.right[question]) for question in fit]
    _, fitted = fit_doubt(sure, wrong, alpha=alpha, delta=delta, least=least)
    threshold = math.inf if math.isnan(fitted.threshold) else fitted.threshold
    curve = replay_cascade(
        runs.cheap, runs.strong, {question: runs.right[question] for question in read}, scale=runs.scale,
        costs=costs, at=(threshold,),
    )  # fmt: skip
    chosen = next(step for step in curve if step.threshold == threshold)
    return Replayed(fitted, curve, chosen, len(fit), len(read), costs, notes)


def _check(fit_share: float, costs: tuple[float, float], least: int) -> None:
    if not 0 < fit_share <= 1:
        raise InputError(f"fit_share={fit_share:g}; a share of the items, above 0 and at most 1")
    if not all(math.isfinite(each) and each >= 0 for each in costs):
        raise InputError(f"costs {costs[0]:g} and {costs[1]:g}; numbers from 0, of one question on each step")
    if least < 1:
        raise InputError(f"least={least}; a threshold keeps at least 1 labelled question")


def _told(asked: Mapping[Question, Sequence[Outcome]], known: Sequence[Question]) -> list[str]:
    """What there is to say of the labelled questions before anything is fitted."""
    if not known:
        unit, criterion = next(iter(asked))
        raise InputError(
            f"no question of the cheap run has a label; its first is {criterion!r} of item {unit.item_id!r}, "
            f"responses {list(unit.responses)}: item ids, response ids or criteria of the labels differ"
        )
    told = []
    if left := len(asked) - len(known):
        told.append(f"{left} of {len(asked)} questions of the cheap run have no label and were left out")
    if (items := len({unit.item_id for unit, _ in known})) < len(known):
        told.append(f"{len(known)} questions about {items} items; the bound takes questions as independent")
    if len({confidence_of(asked[question]) for question in known}) == 1:
        told.append(UNIFORM)
    return told


def _halves(
    known: Sequence[Question], share: float, seed: int
) -> tuple[Sequence[Question], Sequence[Question]]:
    """The questions to fit on and those to read the curve on, by item."""
    if share == 1:
        return known, known
    items = sorted({unit.item_id for unit, _ in known})
    if len(items) < 2:
        raise InputError("labels of a single item cannot be split; fit_share=1 fits and reads on the same")
    drawn = np.random.default_rng(seed).permutation(len(items))
    n = min(max(round(share * len(items)), 1), len(items) - 1)
    fitting = {items[i] for i in drawn[:n]}
    fit = [question for question in known if question[0].item_id in fitting]
    return fit, [question for question in known if question[0].item_id not in fitting]
