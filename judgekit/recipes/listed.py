"""Published recipes for lists of points: GAPS, GIM, DeepResearch Bench II, ResearchQA, ReviewerGPT."""

from collections.abc import Mapping

from judgekit.recipes.coverage import (
    BLOCKED,
    BLOCKED_GUIDELINES,
    COVERED,
    COVERED_GUIDELINES,
    covered,
    three_counts,
)
from judgekit.recipes.funnel import LIMIT, Funnel, Prior, Stop, check_questions
from judgekit.recipes.gaps import SeverityVote, gaps_vote
from judgekit.recipes.gim import CREDIT, confident_credit, mean_credit, with_confidence
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.published import Published
from judgekit.recipes.remade import on_scale, only
from judgekit.recipes.samples import ANSWERS, majority_scores
from judgekit.recipes.unlisted import Unlisted, check_points

_GAPS = "GAPS, 2025, arXiv 2510.13734"
_GIM = "GIM, 2026, arXiv 2605.18663"
_VOTED = {"protocol": "grade", "panel": gaps_vote, "rule": "published_clipped"}
_CREDIT = on_scale(
    CREDIT,
    guidelines="Give proportional credit, 0 to 1. Lists after 'such as' or 'including' need not be complete. "
    "If the material does not tell, the credit is 0.",
)
_NOT_APPLICABLE = on_scale(ANSWERS, if_undecided="skip")


def _funnel(grading: Grading, *, stop: Stop, limit: float, prior: Mapping[str, Prior] | None) -> Counted:
    return Funnel(grading, prior or {}, stop, float(limit))


def _unlisted(grading: Grading, *, votes: SeverityVote) -> Counted:
    return Unlisted(grading, votes)


RECIPES = (
    Published(
        "gaps", _GAPS,
        "One claim a call, three judges, a majority of two; points won over positive points, at least 0.",
        "One wording for claims and faults; the points stand in the rubric; no confidence is made up; a "
        "rubric without positive points has no score instead of 0.",
        _VOTED, "clinical_checklist", {"temperature": 0.0}, least_judges=3,
    ),
    Published(
        "gaps-unlisted", _GAPS,
        "gaps, then what no claim covers: listed by the first judge, graded S1 to S4 by all, taken off.",
        "Statements that do not stand in the response are dropped; where the sweep failed there is no score.",
        _VOTED, "clinical_checklist", {"temperature": 0.0}, {"votes": "conservative"}, least_judges=3,
        rubric_to=only(check_points), build=_unlisted,
    ),
    Published(
        "gim", _GIM,
        "One criterion a call, credit from 0 to 1, plain mean over criteria.",
        "Credits are not multiplied by the judge's confidence; a judge that failed is missing, not 0.",
        {"protocol": "grade", "per_call": 1, "aggregate": mean_credit}, "research_report",
        {"temperature": 0.0}, rubric_to=_CREDIT,
    ),
    Published(
        "gim-confidence", _GIM,
        "gim with each credit multiplied by the confidence that the judge states of itself, as published.",
        "A verdict without a confidence is missing; a judge that failed is missing, not 0.",
        {"protocol": "grade", "per_call": 1, "aggregate": confident_credit}, "research_report",
        {"temperature": 0.0}, rubric_to=_CREDIT, sheet_to=with_confidence,
    ),
    Published(
        "drb2", "Li et al., 2026, arXiv 2601.08536",
        "Fifty points a call: met, absent, or blocked (met only by a source that may not be used).",
        "Three counts are kept apart (`count:met`, `count:absent`, `count:blocked`); points of a batch that "
        "failed are missing, the others count. The blocked source is the item's source `blocked`.",
        {"protocol": "checklist", "per_call": 50, "aggregate": three_counts}, "research_report",
        rubric_to=on_scale(BLOCKED, guidelines=BLOCKED_GUIDELINES),
    ),
    Published(
        "researchqa", "Yifei et al., 2025, arXiv 2509.00496",
        "Eight points a call, five labels of coverage, (x - 1) / 4, plain mean.",
        "A batch that cannot be read is missing with its points; the item is kept.",
        {"protocol": "checklist", "per_call": 8, "aggregate": covered}, "research_report",
        {"temperature": 0.0}, rubric_to=on_scale(COVERED, guidelines=COVERED_GUIDELINES),
    ),
    Published(
        "reviewergpt", "Liu & Shah, 2023, arXiv 2306.00622",
        "A checklist question a call, yes, no or n/a, three samples, their majority.",
        "A label at the end instead of the leading word; a majority of n/a leaves the question out, and "
        "split samples give no verdict.",
        {"protocol": "grade", "per_call": 1, "samples": 3, "aggregate": majority_scores}, "paper_checklist",
        {"temperature": 1.0}, rubric_to=_NOT_APPLICABLE,
    ),
    Published(
        "choice-funnel", "SATA-Bench, 2025, arXiv 2506.00643",
        "Which points hold, picked one at a time by letter; the pull of each letter is divided out.",
        "The two readings of the stopping rule are named (`stop`: none, above, below); the prior is fitted "
        "apart (`fit_prior`) and handed over by judge.",
        {"protocol": "grade"}, "research_report",
        settings={"stop": "none", "limit": LIMIT, "prior": None},
        rubric_to=only(check_questions), build=_funnel,
    ),
)  # fmt: skip
