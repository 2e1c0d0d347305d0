"""Scores of lists of points: GIM, DeepResearch Bench II, ResearchQA, ReviewerGPT.

A point's value is the mean over a judge's samples and then over judges, the score a plain mean over points;
one that failed is missing, no 0. GIM (2026, arXiv 2605.18663) multiplies each credit by the judge's
confidence, which lowers every score of a hesitant judge: `gim` leaves that out. In ReviewerGPT (Liu and Shah,
2023, arXiv 2306.00622) `n/a`, "cannot tell", is an answer, and a majority of it leaves the question out.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Literal

from judgekit.aggregate import rubric_scores
from judgekit.distribution import common_source, commonest_reason, joined, label_of, mean_of
from judgekit.prompt import Ours
from judgekit.protocols.sheet import Sheet, object_schema
from judgekit.rubric import Rubric
from judgekit.scales import Labels, Numbers, Scale
from judgekit.types import Abstention, Item, Outcome, Reason, Score, Unit, Verdict

Credit = Callable[[Verdict], float | None]
CREDIT = Numbers(low=0, high=1)
"""Proportional partial credit; what the material does not tell is 0."""
_ASKED = '- "confidence" (a number from 0 to 1): how sure you are of the label; it stands before the label'


def with_confidence(sheet: Sheet) -> Sheet:
    """Return a sheet that asks for the judge's confidence as well."""
    if sheet.form != "json" or sheet.schema is None:
        return sheet
    form = Ours(f"{sheet.static['form']}\n{_ASKED}")
    return replace(sheet, static={**sheet.static, "form": form}, schema=_with_confidence(sheet.schema))


def _with_confidence(schema: object) -> dict[str, object]:
    """Return a schema in which every object that has a label has a confidence before it."""
    properties = dict(schema["properties"]) if isinstance(schema, dict) else {}
    if "label" in properties:
        label = properties.pop("label")
        return dict(object_schema({**properties, "confidence": {"type": "number"}, "label": label}))
    return dict(object_schema({name: _with_confidence(inner) for name, inner in properties.items()}))


def mean_credit(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """Return the scores of criteria, and their plain mean for each response if none is missing."""
    return _averaged(rubric, item, outcomes, lambda verdict: verdict.value)


def confident_credit(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """Return `mean_credit`, each credit times the confidence the judge stated; without one it is missing."""
    return _averaged(
        rubric, item, outcomes, lambda v: None if v.confidence is None else v.value * v.confidence
    )


def _averaged(rubric: Rubric, item: Item, outcomes: Sequence[Outcome], credit: Credit) -> tuple[Score, ...]:
    """Return the usual scores, the rubric's worked out anew: means over judges, averaged over criteria."""
    scores = []
    for score in rubric_scores(rubric, item, outcomes):
        if score.level == "rubric":
            about = [o for o in outcomes if o.unit == score.unit or not o.unit.responses]
            each = [credit_of([o for o in about if o.criterion == c.id], credit) for c in rubric.leaves]
            known = [one for one in each if one is not None]
            value = fmean(known) if known and len(known) == len(each) else None
            score = replace(_plain(score, value), rule="published", share=len(known) / len(each))  # noqa: PLW2901
        scores.append(score)
    return tuple(scores)


def credit_of(outcomes: Sequence[Outcome], credit: Credit = lambda v: v.value) -> float | None:
    """Return the credit for one criterion: mean over samples of a judge, then over judges; or None."""
    by_rater: dict[str, list[float]] = {}
    for o in outcomes:
        if isinstance(o, Verdict) and (one := credit(o)) is not None:
            by_rater.setdefault(o.rater, []).append(one)
    return fmean(fmean(own) for own in by_rater.values()) if by_rater else None


BLOCKED = Labels(labels=("blocked", "absent", "met"), values=(0.0, 0.0, 1.0), kind="nominal")
"""A point's answers in DeepResearch Bench II: -1, 0 and 1 there."""
COVERED = Labels(
    labels=(
        "not inferable",
        "unmentioned but inferable",
        "misses important details",
        "misses some details",
        "sufficient detail",
    )
)
"""A point's answers in ResearchQA, 1 to 5 there; their values are (x - 1) / 4."""
COUNTS: tuple[Literal["met", "absent", "blocked"], ...] = ("met", "absent", "blocked")
BLOCKED_GUIDELINES = (
    "Each point is met, absent or blocked. It is met if the report clearly satisfies it; numbers must "
    "match. It is blocked if the report satisfies it only in sentences that cite the document described "
    "in the source with the id `blocked`; where no such source is shown, no point is blocked. Else it is "
    "absent."
)
COVERED_GUIDELINES = (
    "Say of each point how far the response covers it: `not inferable`: neither said nor implied; "
    "`unmentioned but inferable`: not said, but it follows from what is; `misses important details` or "
    "`misses some details`: said, and how much is left out; `sufficient detail`: said as fully as needed."
)


def three_counts(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """Return the usual scores, the total as the plain share of points met, and three counts kept apart.

    Each count is a score of level `dimension` named `count:met`, `count:absent` or `count:blocked`: the share
    of the points judged, over several judges the mean of their probabilities. They have no interval: that of
    the usual total is of another number, by weights.
    """
    scores: list[Score] = []
    for score in rubric_scores(rubric, item, outcomes, partial=True):
        if score.level != "rubric":
            scores.append(score)
            continue
        shares = [s for own in _by_point(rubric, outcomes, score.unit) if (s := probs_of(own))]
        scores += [
            replace(_plain(score, _mean(shares, label)), level="dimension", name=f"count:{label}")
            for label in COUNTS
        ]
        share = len(shares) / len(rubric.leaves)
        scores.append(replace(_plain(score, _mean(shares, "met")), share=share))
    return tuple(scores)


def _plain(score: Score, value: float | None) -> Score:
    """Return a score with another value, without the interval and spread of the one it had."""
    return replace(score, value=value, rule="placed", low=None, high=None, spread={})


def _mean(shares: Sequence[dict[str, float]], label: str) -> float | None:
    return fmean(each.get(label, 0.0) for each in shares) if shares else None


def _by_point(rubric: Rubric, outcomes: Sequence[Outcome], unit: Unit) -> Iterator[list[Outcome]]:
    return ([o for o in outcomes if o.criterion == c.id and o.unit == unit] for c in rubric.leaves)


def probs_of(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the probability of each label, averaged within raters, then over them; none without verdicts."""
    by_rater: dict[str, list[dict[str, float]]] = {}
    for o in outcomes:
        if isinstance(o, Verdict):
            by_rater.setdefault(o.rater, []).append(dict(o.probs))
    return mean_of([mean_of(own) for own in by_rater.values()]) if by_rater else {}


def covered(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """Return the usual scores; the total is the plain mean over the points judged, without an interval."""
    scores = []
    for score in rubric_scores(rubric, item, outcomes, partial=True):
        if score.level == "rubric":
            values = point_values(rubric, outcomes, score.unit)
            plain = _plain(score, fmean(values) if values else None)
            score = replace(plain, share=len(values) / len(rubric.leaves))  # noqa: PLW2901
        scores.append(score)
    return tuple(scores)


def point_values(rubric: Rubric, outcomes: Sequence[Outcome], unit: Unit) -> list[float]:
    """Return the value of each point that was judged."""
    each = map(credit_of, _by_point(rubric, outcomes, unit))
    return [value for value in each if value is not None]


ANSWERS = Labels(labels=("no", "yes"), cannot_tell="n/a")
_NOT_APPLICABLE = None


def majority_of_samples(outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
    """Return what more than half of a judge's samples on a question say; n/a is something they can say.

    A sample that was lost stays in the denominator: one answer of three asked for is no majority. Samples
    that are split give no verdict (`missing`, since `undecided` here means n/a): in the paper's replies a
    majority of split samples was wrong two times in three.
    """
    kept = (o for o in outcomes if isinstance(o, Verdict) or o.reason == "undecided")
    counts = Counter(_said_by(o, scale) for o in kept)
    [(label, n)] = counts.most_common(1) or [(_NOT_APPLICABLE, 0)]
    first = outcomes[0]
    if 2 * n > len(outcomes) and label is not None:
        own = [o for o in outcomes if isinstance(o, Verdict) and _said_by(o, scale) == label]
        flags = ("split",) if len(counts) > 1 else ()
        return joined(
            own, scale, {label: 1.0}, rater=first.rater, source=common_source(own), flags=flags,
            shown=first.shown,
        )  # fmt: skip
    settled = 2 * n > len(outcomes)
    reason: Reason = "undecided" if settled else "missing" if counts else commonest_reason(outcomes)
    said = ", ".join(f"{n} {name or 'n/a'!r}" for name, n in counts.items()) or "none"
    detail = f"of {len(outcomes)} samples: {said}"
    return Abstention(first.rater, first.unit, first.criterion, reason, detail, shown=first.shown)


def _said_by(outcome: Outcome, scale: Scale) -> str | None:
    return label_of(scale, outcome.probs) if isinstance(outcome, Verdict) else _NOT_APPLICABLE


def majority_scores(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """Return the usual scores, of each judge's majority; the verdicts counted are majorities."""
    grouped: dict[tuple[object, str, str], list[Outcome]] = {}
    for o in outcomes:
        grouped.setdefault((o.unit, o.criterion, o.rater), []).append(o)
    reduced = [majority_of_samples(own, rubric.by_id[own[0].criterion].scale) for own in grouped.values()]
    return rubric_scores(rubric, item, reduced)
