"""Coverage of long checklists: three counts of DeepResearch Bench II, five labels of ResearchQA.

Both ask many points in batches and score a plain mean over points. A batch that failed is missing with
its points, not the whole item; a point met only by a blocked source counts as not met, and is counted.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Literal

from judgekit.aggregate import rubric_scores
from judgekit.recipes.gim import credit_of
from judgekit.rubric import Rubric
from judgekit.scales import Labels
from judgekit.types import Item, Outcome, Score, Unit, Verdict

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
    """The usual scores, the total as the plain share of points met, and three counts kept apart.

    Each count is a score of level `dimension` named `count:met`, `count:absent` or `count:blocked`: its
    value the share of the points judged, over several judges the mean of their probabilities. They have no
    interval: that of the usual total is of another number, by weights.
    """
    scores: list[Score] = []
    for score in rubric_scores(rubric, item, outcomes, partial=True):
        if score.level != "rubric":
            scores.append(score)
            continue
        shares = point_shares(rubric, outcomes, score.unit)
        scores += [
            replace(_plain(score, _mean(shares, label)), level="dimension", name=f"count:{label}")
            for label in COUNTS
        ]
        share = len(shares) / len(rubric.leaves)
        scores.append(replace(_plain(score, _mean(shares, "met")), share=share))
    return tuple(scores)


def _plain(score: Score, value: float | None) -> Score:
    """A score with another value, without the interval and spread of the one it had."""
    return replace(score, value=value, rule="placed", low=None, high=None, spread={})


def _mean(shares: Sequence[dict[str, float]], label: str) -> float | None:
    return fmean(each.get(label, 0.0) for each in shares) if shares else None


def point_shares(rubric: Rubric, outcomes: Sequence[Outcome], unit: Unit) -> list[dict[str, float]]:
    """Mean probability of each label for every point that was judged; samples first, then judges."""
    shares = []
    for criterion in rubric.leaves:
        by_rater: dict[str, list[dict[str, float]]] = {}
        for o in outcomes:
            if o.criterion == criterion.id and o.unit == unit and isinstance(o, Verdict):
                by_rater.setdefault(o.rater, []).append(dict(o.probs))
        if by_rater:
            shares.append(_mixed([_mixed(own) for own in by_rater.values()]))
    return shares


def _mixed(each: Sequence[dict[str, float]]) -> dict[str, float]:
    labels = dict.fromkeys(label for one in each for label in one)
    return {label: fmean(one.get(label, 0.0) for one in each) for label in labels}


def covered(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
    """The usual scores; the total is the plain mean over the points judged, with their share, no interval."""
    scores = rubric_scores(rubric, item, outcomes, partial=True)
    return tuple(_covered(s, rubric, outcomes) if s.level == "rubric" else s for s in scores)


def _covered(score: Score, rubric: Rubric, outcomes: Sequence[Outcome]) -> Score:
    values = point_values(rubric, outcomes, score.unit)
    value = fmean(values) if values else None
    return replace(_plain(score, value), share=len(values) / len(rubric.leaves))


def point_values(rubric: Rubric, outcomes: Sequence[Outcome], unit: Unit) -> list[float]:
    """The value of each point that was judged: mean over samples of a judge, then over judges."""
    own = ([o for o in outcomes if o.criterion == c.id and o.unit == unit] for c in rubric.leaves)
    return [value for each in own if (value := credit_of(each)) is not None]
