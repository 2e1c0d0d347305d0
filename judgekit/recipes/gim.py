"""GIM: partial credit for each criterion, and their plain mean; the judge's confidence only by name.

GIM (2026), arXiv 2605.18663, judging half. The published score multiplies each credit by the judge's
confidence, which lowers every score of a hesitant judge; `gim` leaves it out and `gim-confidence` does
as published. A judge that failed is missing, not a 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from judgekit.aggregate import rubric_scores
from judgekit.prompt import Ours
from judgekit.protocols.sheet import Sheet, object_schema
from judgekit.rubric import Rubric
from judgekit.scales import Numbers
from judgekit.types import Item, Outcome, Score, Unit, Verdict

CREDIT = Numbers(low=0, high=1)
"""Proportional partial credit; what the material does not tell is 0."""
_ASKED = '- "confidence" (a number from 0 to 1): how sure you are of the label; it stands before the label'


def with_confidence(sheet: Sheet) -> Sheet:
    """A sheet that asks for the judge's confidence as well."""
    if sheet.form != "json" or sheet.schema is None:
        return sheet
    form = Ours(f"{sheet.static['form']}\n{_ASKED}")
    return replace(sheet, static={**sheet.static, "form": form}, schema=_with_confidence(sheet.schema))


def _with_confidence(schema: object) -> dict[str, object]:
    """A schema in which every object that has a label has a confidence before it."""
    properties = dict(schema["properties"]) if isinstance(schema, dict) else {}
    if "label" in properties:
        label = properties.pop("label")
        return dict(object_schema({**properties, "confidence": {"type": "number"}, "label": label}))
    return dict(object_schema({name: _with_confidence(inner) for name, inner in properties.items()}))


def mean_credit(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """Scores of criteria, and their unweighted mean for each response; none if a criterion is missing."""
    return _averaged(rubric, item, outcomes, lambda verdict: verdict.value)


def confident_credit(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """`mean_credit`, each credit multiplied by the confidence the judge stated, as published.

    A verdict without a confidence is missing: making one up would make up the score.
    """
    return _averaged(
        rubric, item, outcomes, lambda v: None if v.confidence is None else v.value * v.confidence
    )


def _averaged(
    rubric: Rubric, item: Item, outcomes: Sequence[Outcome], credit: Callable[[Verdict], float | None]
) -> tuple[Score, ...]:
    """The usual scores, the rubric's worked out anew: means over judges, averaged over criteria."""
    return tuple(
        _whole(score, rubric, outcomes, credit) if score.level == "rubric" else score
        for score in rubric_scores(rubric, item, outcomes)
    )


def _whole(
    score: Score, rubric: Rubric, outcomes: Sequence[Outcome], credit: Callable[[Verdict], float | None]
) -> Score:
    each = [
        credit_of([o for o in outcomes if o.criterion == c.id and _about(o, score.unit)], credit)
        for c in rubric.leaves
    ]
    known = [one for one in each if one is not None]
    value = fmean(known) if known and len(known) == len(each) else None
    share = len(known) / len(each)
    return replace(score, value=value, low=None, high=None, spread={}, share=share, rule="published")


def _about(outcome: Outcome, unit: Unit) -> bool:
    """Whether an outcome is on the response, or on the task it answers."""
    return outcome.unit == unit or not outcome.unit.responses


def credit_of(
    outcomes: Sequence[Outcome], credit: Callable[[Verdict], float | None] = lambda v: v.value
) -> float | None:
    """Credit for one criterion: mean over samples of a judge, then over judges; None without any."""
    by_rater: dict[str, list[float]] = {}
    for o in outcomes:
        if isinstance(o, Verdict) and (one := credit(o)) is not None:
            by_rater.setdefault(o.rater, []).append(one)
    return fmean(fmean(own) for own in by_rater.values()) if by_rater else None
