"""`cascade`: a cheap judge first, a strong one where it is in doubt; from stored runs, or asked live.

Of stored runs the labels of some items fit the confidence below which a question goes on to the strong
judge, and the curve of cost against agreement is read on the other items. What is promised is the error of
what the cheap judge keeps, or of all final verdicts on these very questions, not the curve. Live it is one
job with one ledger and one budget, whose cost is known within bounds beforehand (nothing in doubt,
everything), and to the call afterwards.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack, cast, get_args

import numpy as np

from judgekit.aggregate.panels import FITTED
from judgekit.agreement.probability.drawn import DrawnThreshold, draw_threshold
from judgekit.agreement.probability.selective import LEAST, Selection
from judgekit.errors import InputError, there_are
from judgekit.protocols import is_paired
from judgekit.recipes import Grading
from judgekit.recipes.cascade import (
    Cascade,
    Doubt,
    Question,
    Step,
    below,
    by_question,
    confidence_of,
    fit_doubt,
    labels_of,
    replay_cascade,
)
from judgekit.recipes.paired import votes
from judgekit.recordings import Kind
from judgekit.rubric import Rubric
from judgekit.scales import PAIR, Numbers, Scale
from judgekit.types import Outcome, brief, is_control
from judgekit.verbs.faces import collected, in_own_loop, told
from judgekit.verbs.job import Job, prepare
from judgekit.verbs.joining import people_of, protocol_of, shape_of, stored
from judgekit.verbs.options import Judges, Options, RubricLike
from judgekit.verbs.results import Run

SAME = "the curve is read on the labels that fitted the threshold; trust the bound, not the point"
UNIFORM = (
    "the cheap judge is equally sure of everything, as a single reply read from text is; ask it for letters "
    "(--form letters) or several samples, or ask a panel"
)

Promise = Literal["kept", "whole"]
_CHEAP_ONLY = frozenset({"substitutes", "samples", "calibration", "telemetry"})


@dataclass(frozen=True, slots=True)
class Replayed:
    """A cascade replayed.

    Args:
        fitted: The threshold and what it rests on, or that there is none; of the promise `whole` a
            `DrawnThreshold`, whose places count the questions with a strong verdict, as the cheap run has
            them.
        curve: Cost and agreement at every threshold, from the cheap judge alone to all questions sent on; of
            the promise `whole`, those looked at to find the threshold are sent on at each.
        chosen: The point of the fitted threshold; where there is none, that of all questions sent on.
        n_fit: Labelled questions that the threshold was fitted on.
        n_read: Labelled questions that the curve was read on.
        costs: Of one question on each step, as given.
        notes: What a reader should know.
    """

    fitted: Selection | DrawnThreshold
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
    labels: Any = None,
    promise: Promise = "kept",
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
        cheap: Run of the cheap judge, or of a panel: a run, its folder, its `outcomes.jsonl`, or outcomes.
        strong: Outcomes of the strong judge, the panel or the people after it, on the same questions.
        labels: People's labels (as for `agree`), or their outcomes; none with the promise `whole`.
        promise: What the error is promised of: what the cheap judge keeps (`kept`), by labels, for further
            questions too; or all final verdicts on these questions (`whole`), where the strong run is right
            by definition, and as few of its verdicts as it takes are looked at, drawn by chance.
        rubric: The rubric that declares the scales: a file, or the name of a bundled one.
        scale: The scale where there is no rubric: `1-5`, `0-100`, `yes_no`, `no,maybe,yes`, `nominal:a,b,c`
            or `pair`.
        criterion: The criteria to look at, which need one scale; all of them where left out.
        alpha: The share of wrong verdicts that is promised.
        delta: The probability with which the promise may fail.
        least: The number of labelled questions that a threshold has to keep at least (`kept`).
        fit_share: The share of the items whose labels fit the threshold, above 0; the curve is read on the
            others. 1 does both on all items, and says so; the promise `whole` is fitted and read on all.
        seed: The seed that draws the items to fit on, or the questions to look at.
        costs: The cost of one question on each step, in any unit.
        columns: Our name of a column of the labels -> its name there.
        labels_about: What labels of pairs are about: the order of responses in the `item`, or the order
            `shown`.

    Raises:
        InputError: For files that are no outcomes, options out of range, criteria on several scales, labels
            about something else, a judge in both runs, or questions that the strong run lacks.

    Source:
        Jung, Brahman & Choi (2024), "Trust or Escalate", arXiv 2407.18370, for Clopper-Pearson bounds; their
        fixed sequence from the strictest threshold on finds one in 40 % of the data sets in which testing all
        of them at one level finds one in all (`benchmarks/cascade_promise.py`).

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
    _check(fit_share, costs, least, promise, labels)
    criteria = {criterion} if isinstance(criterion, str) else set(criterion)
    notes: list[str] = []
    first, second = (
        _stored(source, step, criteria, notes) for source, step in ((cheap, "cheap"), (strong, "strong"))
    )
    if both := sorted({o.rater for o in first} & {o.rater for o in second}):
        raise InputError(f"judges {both} stand in both runs; a second look is no second judge")
    protocol = protocol_of(first)
    shape = shape_of(rubric, scale, first, protocol)
    its = _scale(first, shape, protocol, notes)
    whole, people = promise == "whole", second
    if not whole:
        people, read_so = people_of(
            labels, shape, protocol=protocol, judged=[o.unit for o in first], columns=columns,
            labels_about=labels_about,
        )  # fmt: skip
        _check_apart(people, cheap=first, strong=second)
        notes += [*read_so, *([SAME] if fit_share == 1 else [])]
    right, asked = labels_of(people, its), by_question(first)
    known = [question for question in asked if question in right]
    notes += _told(asked, known, whole=whole)
    fit, read = _halves(known, 1 if whole else fit_share, seed)
    said = labels_of([o for question in fit for o in asked[question]], its)
    sure = [confidence_of(asked[question]) if question in said else math.nan for question in fit]
    wrong = [float(said.get(question) != right[question]) for question in fit]
    fitted: Selection | DrawnThreshold
    gone: set[Question] = set()
    if whole:
        fitted = draw_threshold(sure, lambda at: [wrong[i] for i in at], alpha=alpha, delta=delta, seed=seed)
        gone = {fit[i] for i in fitted.drawn}
    else:
        _, fitted = fit_doubt(sure, wrong, alpha=alpha, delta=delta, least=least)
    threshold = math.inf if math.isnan(fitted.threshold) else fitted.threshold
    truth = {question: right[question] for question in read}
    curve = replay_cascade(first, second, truth, scale=its, costs=costs, at=(threshold,), gone=gone)
    chosen = next(step for step in curve if step.threshold == threshold)
    return Replayed(
        fitted=fitted, curve=curve, chosen=chosen, n_fit=len(fit), n_read=len(read), costs=costs,
        notes=tuple(notes),
    )  # fmt: skip


def _check_apart(people: Sequence[Outcome], **runs: Sequence[Outcome]) -> None:
    """Raise an InputError if somebody gave the labels and stands in a run, too."""
    for step, own in runs.items():
        if both := sorted({o.rater for o in people} & {o.rater for o in own}):
            raise InputError(f"{both} gave the labels and stand in the {step} run; nobody judges themselves")


def _check(fit_share: float, costs: tuple[float, float], least: int, promise: Promise, labels: Any) -> None:
    if promise not in get_args(Promise):
        raise InputError(f"promise={promise!r}; {there_are(promise, get_args(Promise))}")
    if (labels is None) != (promise == "whole"):
        raise InputError(
            "the promise 'kept' needs people's labels; 'whole' takes none, for the strong run is right by "
            "definition: hand in people's outcomes as that run to be promised agreement with people"
        )
    if not 0 < fit_share <= 1:
        raise InputError(f"fit_share={fit_share:g}; a share of the items, above 0 and at most 1")
    if not all(math.isfinite(each) and each >= 0 for each in costs):
        raise InputError(f"costs {costs[0]:g} and {costs[1]:g}; numbers from 0, of one question on each step")
    if least < 1:
        raise InputError(f"least={least}; a threshold keeps at least 1 labelled question")


def _told(
    asked: Mapping[Question, Sequence[Outcome]], known: Sequence[Question], *, whole: bool
) -> list[str]:
    """Return what there is to say of the labelled questions before anything is fitted."""
    if not known:
        unit, criterion = next(iter(asked))
        raise InputError(
            f"no question of the cheap run has a label; its first is {criterion!r} of item {unit.item_id!r}, "
            f"responses {list(unit.responses)}: item ids, response ids or criteria of the labels differ"
        )
    told = []
    if left := len(asked) - len(known):
        told.append(f"{left} of {len(asked)} questions of the cheap run have no label and were left out")
    if not whole and (items := len({unit.item_id for unit, _ in known})) < len(known):
        told.append(f"{len(known)} questions about {items} items; the bound takes questions as independent")
    if len({confidence_of(asked[question]) for question in known}) == 1:
        told.append(UNIFORM)
    return told


def _halves(
    known: Sequence[Question], share: float, seed: int
) -> tuple[Sequence[Question], Sequence[Question]]:
    """Return the questions to fit on and those to read the curve on, by item."""
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


def _stored(source: Any, step: str, wanted: Collection[str], notes: list[str]) -> Sequence[Outcome]:
    """Return the outcomes of a step on the criteria wanted, without controls that stand beside a judge."""
    outcomes: Sequence[Outcome] = votes(stored(source).outcomes)  # two scores of a reply are one on its pair
    there = {o.criterion for o in outcomes}
    if absent := sorted(set(wanted) - there):
        raise InputError(
            f"the {step} run has no outcomes on the criterion {absent[0]!r}; it has {sorted(there)}"
        )
    outcomes = [o for o in outcomes if not wanted or o.criterion in wanted]
    controls = sorted({o.rater for o in outcomes if is_control(o.rater)})
    if controls and len({o.rater for o in outcomes}) > len(controls):
        notes.append(f"{step} run: left out {', '.join(controls)}")
        outcomes = [o for o in outcomes if not is_control(o.rater)]
    return outcomes


def _scale(outcomes: Sequence[Outcome], rubric: Rubric, protocol: Kind, notes: list[str]) -> Scale:
    """Return the one scale of the criteria."""
    names = list(dict.fromkeys(o.criterion for o in outcomes))
    if strange := [name for name in names if name not in rubric.by_id]:
        raise InputError(
            f"the cheap run judged the criterion {strange[0]!r}, which rubric {rubric.id!r} has not; it has "
            f"{sorted(rubric.by_id)}"
        )
    if is_paired(protocol):
        return PAIR
    scales = {name: rubric.by_id[name].scale for name in names}
    found = scales[names[0]]
    if other := next((name for name, each in scales.items() if each != found), None):
        raise InputError(
            f"criteria {names[0]!r} and {other!r} have different scales, and a threshold is for one; choose "
            f"with --criterion, of {names}"
        )
    if isinstance(found, Numbers):
        notes.append("labels are numbers: a verdict counts as wrong unless it is people's very number")
    return found


def prepare_cascade(
    items: Any,
    rubric: RubricLike,
    cheap: Judges,
    strong: Judges | None,
    *,
    doubt: float | Doubt,
    strong_options: Mapping[str, Any] | None = None,
    sending: bool = True,
    **options: Unpack[Options],
) -> Job:
    """Return a job of two steps, checked before any call, by the arguments of `score_cascade`."""
    if "substitutes" in (strong_options or {}):
        raise InputError("strong_options: substitutes stand in for the cheap judges only")
    if (panel := options.get("panel")) in FITTED:
        raise InputError(f"panel {panel!r} is fitted to all outcomes, and a cascade decides before")
    first = prepare(items, rubric, cheap, sending=sending, **options)
    if not callable(doubt) and doubt > 1:
        raise InputError(f"doubt={doubt:g}; the confidence that is needed is a probability, at most 1")
    doubtful = doubt if callable(doubt) else below(doubt)
    if strong is None:
        alone = Cascade(_grading(first), None, doubtful)
        return replace(first, recipe=alone, asked={**first.asked, "doubt": doubt})
    asked = {name: value for name, value in options.items() if name not in _CHEAP_ONLY}
    own = cast("Options", {**asked, "samples": 1, **(strong_options or {})})
    later = prepare(items, rubric, strong, sending=sending, **own)
    recipe = Cascade(_grading(first), _grading(later), doubtful)
    both = {**first.asked, "doubt": doubt, "strong": later.asked}
    return replace(first, recipe=recipe, later=later.recipe.plans, asked=both)


def score_cascade(
    items: Any,
    rubric: RubricLike,
    cheap: Judges,
    strong: Judges | None,
    *,
    doubt: float | Doubt,
    strong_options: Mapping[str, Any] | None = None,
    **options: Unpack[Options],
) -> Run:
    """Score by cheap judges, and by strong ones where the cheap ones are in doubt.

    Args:
        items: As for `score`.
        rubric: As for `score`.
        cheap: Who is asked everything.
        strong: Who is asked what is in doubt; None leaves it open for a person (`undecided`, rater `person`).
        doubt: The confidence below which a question goes on, as `cascade` fits it; or a function of the
            cheap outcomes on a question (`recipes.cascade`: `near`, `disagreeing`).
        strong_options: Options of the strong step; where left out those of the cheap one, with one sample
            and no substitutes.
        **options: As for `score`; `protocol="compare"` judges pairs.

    Returns:
        A run whose scores rest on the last word on each question. Cheap verdicts that were passed on are
        kept among the outcomes with the flag `escalated`; `summary["calls"]` counts both steps.

    Raises:
        InputError: Before any call: as `score`; for a judge on both steps, or a recipe of several rounds.

    >>> from judgekit.judges.resolve import Scripted
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> items = [{"id": str(n), "task": "Hi", "response": "Hello"} for n in range(3)]
    >>> yes, no = '{"label": "yes"}', '{"label": "no"}'
    >>> cheap = Scripted("small", lambda call: no if call.item.item_id == "2" else yes)
    >>> strong = Scripted("big", lambda call: yes)
    >>> def said_no(outcomes):
    ...     return any(outcome.label == "no" for outcome in outcomes)
    >>> run = score_cascade(items, rubric, cheap, strong, doubt=said_no, ledger=None)
    >>> run.summary["calls"], [score.value for score in run.scores if score.level == "rubric"]
    (4, [1.0, 1.0, 1.0])
    """
    job = prepare_cascade(
        items, rubric, cheap, strong, doubt=doubt, strong_options=strong_options, **options
    )  # fmt: skip
    return told(in_own_loop(collected, job))


def _grading(job: Job) -> Grading:
    if not isinstance(job.recipe, Grading):
        raise InputError(f"{job.asking} asks in rounds of its own, which are no step of a cascade")
    return job.recipe
