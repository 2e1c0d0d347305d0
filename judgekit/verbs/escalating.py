"""A cascade asked live: the cheap judges answer everything, the strong ones only what is left in doubt.

One job with one ledger and one budget: `recipes.cascade.Cascade` over the rounds that `score`, `compare` and
the others ask anyway. What it costs is known within bounds beforehand (nothing in doubt, everything), and
to the call afterwards.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack, cast

from judgekit.aggregate.fitted import FITTED
from judgekit.errors import InputError
from judgekit.recipes import Grading
from judgekit.recipes.cascade import Cascade, Doubt, below
from judgekit.verbs.faces import collected, in_own_loop, told
from judgekit.verbs.job import Job, prepare
from judgekit.verbs.options import Judges, Options, RubricLike
from judgekit.verbs.results import Run

_CHEAP_ONLY = frozenset({"substitutes", "samples", "calibration"})


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
    """A job of two steps, checked before any call; see `score_cascade`."""
    if "substitutes" in (strong_options or {}):
        raise InputError("strong_options: substitutes stand in for the cheap judges only")
    if (panel := options.get("panel")) in FITTED:
        raise InputError(f"panel {panel!r} is fitted to all outcomes, and a cascade decides before")
    first = prepare(items, rubric, cheap, sending=sending, **options)
    doubtful = doubt if callable(doubt) else below(_confidence(doubt))
    if strong is None:
        alone = Cascade(_grading(first), None, doubtful)
        return replace(first, recipe=alone, asked={**first.asked, "doubt": doubt})
    asked = {name: value for name, value in options.items() if name not in _CHEAP_ONLY}
    later = prepare(
        items,
        rubric,
        strong,
        sending=sending,
        **cast("Options", {**asked, "samples": 1, **(strong_options or {})}),
    )
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

    >>> from judgekit.judges.scripted import Scripted
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


def _confidence(threshold: float) -> float:
    if threshold > 1:
        raise InputError(f"doubt={threshold:g}; the confidence that is needed is a probability, at most 1")
    return threshold


def _grading(job: Job) -> Grading:
    if not isinstance(job.recipe, Grading):
        raise InputError(f"recipe {job.name!r} asks in rounds of its own, which are no step of a cascade")
    return job.recipe
