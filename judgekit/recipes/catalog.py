"""The published recipes by name: `CATALOG["faireval"]`, `score(..., recipe="faireval")`."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from judgekit.aggregate.pairs import pair_scores
from judgekit.errors import InputError, there_are
from judgekit.plan import Plan
from judgekit.recipes import points
from judgekit.recipes.extracting import Extracting, check_settled
from judgekit.recipes.funnel import LIMIT, Funnel, check_questions
from judgekit.recipes.gaps import Unlisted, check_points, gaps_vote
from judgekit.recipes.grading import Counted, Grading, Together
from judgekit.recipes.paired import RESEARCHQA_WEIGHT, Relative, researchqa_pairs, scores_first
from judgekit.recipes.published import Published, on_scale, only
from judgekit.recipes.second_look import SecondLook
from judgekit.recipes.tournament import Tournament, sorting, swiss
from judgekit.recipes.writing import GUIDELINES, Brainstormed, Rewriting
from judgekit.rubric import Rubric
from judgekit.scales import Labels

# For pairs and lists: faireval, prometheus relative, researchqa pairs, the examiner.

_WANG = "Wang et al., 2024, arXiv 2305.17926"
_PAIR = {"protocol": "compare", "form": "scores"}
_PAIR_WORDS = {"protocol": "compare"}
_WARM, _COLD = {"temperature": 1.0}, {"temperature": 0.0}
_RANKED = Rubric(
    id="examiner_rank",
    criteria=({"id": "overall", "text": "Which response answers the question better, all in all?"},),
)


def _examiner(grading: Grading) -> Counted:
    ranking = Plan(_RANKED, grading.plan.judges, protocol="rank", samples=grading.plan.samples)
    return Together((grading, replace(grading, plan=ranking, aggregate=pair_scores)))


_PAIRS = (
    Published(
        "faireval-vanilla", _WANG,
        "One order, one sample, two scores before the reasons: the baseline that position can buy.",
        "JSON instead of free lines; a reply that cannot be read is asked once more.",
        options={**_PAIR, "orders": "given"}, rubric="pair_quality", judge=_WARM, sheet_to=scores_first,
    ),
    Published(
        "faireval-mec", _WANG,
        "Multiple evidence: reasons before two scores, three samples of one order.",
        "As faireval-vanilla. More samples of one order do not undo a preference for a place.",
        options={**_PAIR, "orders": "given", "samples": 3}, rubric="pair_quality", judge=_WARM,
    ),
    Published(
        "faireval-bpc", _WANG,
        "Balanced position: reasons before two scores, once in each order, scores averaged.",
        "Means are taken within an order and then over orders, so that a lost reply does not tilt them.",
        options=_PAIR, rubric="pair_quality", judge=_WARM,
    ),
    Published(
        "faireval", _WANG,
        "Three samples in each order (MEC 3 + BPC 3); `judgekit review export --by entropy --even 0` picks "
        "the pairs for people by BPDE.",
        "As faireval-bpc; equally diverse pairs are routed by how near they are to a draw.",
        options={**_PAIR, "samples": 3}, rubric="pair_quality", judge=_WARM,
    ),
    Published(
        "prometheus-relative", "Kim et al., 2023, arXiv 2310.08491",
        "Responses graded apart, compared by their grades; level ones graded anew.",
        "At most `rounds` times instead of for ever; ties that stay are ties; pairs graded anew are "
        "flagged.",
        options={"protocol": "grade"}, rubric="instruction_following", judge=_WARM,
        settings={"rounds": 3}, build=lambda grading, rounds: Relative(grading, int(rounds)),
    ),
    Published(
        "researchqa-pairs", "Yifei et al., 2025, arXiv 2509.00496",
        "Sum of the coverage labels 1 to 5 plus 5 for each order in which the judge chose the response.",
        "The 5 is the setting `weight`; a pair whose sums are not complete has no winner.",
        options={"protocol": "checklist", "per_call": 8, "aggregate": points.covered},
        rubric="research_report", judge=_COLD, settings={"weight": RESEARCHQA_WEIGHT},
        rubric_to=on_scale(points.COVERED, guidelines=points.COVERED_GUIDELINES),
        build=lambda grading, weight: researchqa_pairs(grading, weight=float(weight)),
    ),
    Published(
        "swiss", "LLM Swiss Round, 2025, arXiv 2512.21010",
        "Pairs meet by rounds, level ones with one another: `rounds` of them, else as many as find the best.",
        "With a seed, draws, both orders, and no point for sitting out.",
        options=_PAIR_WORDS, rubric="pair_quality", settings={"rounds": None, "seed": 0},
        build=lambda grading, rounds, seed: Tournament(
            grading, *swiss(None if rounds is None else int(rounds), int(seed))
        ),
    ),
    Published(
        "merge-sort", "Bai et al., 2023, arXiv 2306.04181",
        "As many pairs as a merge sort of the responses wants, about n log2 n.",
        "Both orders of each pair; one wrong verdict can move a response far.",
        options=_PAIR_WORDS, rubric="pair_quality", settings={"seed": 0},
        build=lambda grading, seed: Tournament(grading, *sorting(int(seed))),
    ),
    Published(
        "examiner", "Bai et al., 2023, arXiv 2306.04181",
        "Each judge grades four axes and the whole, and ranks all responses; no judge judges its own.",
        "One call ranks a list, in all cyclic orders, instead of a merge sort of pairs; judges say in "
        "`systems` what they wrote.",
        options={"protocol": "grade", "per_call": None}, rubric="examiner", least_judges=2, build=_examiner,
    ),
)  # fmt: skip


# For lists of points: gaps, gim, deepresearch bench ii, researchqa, reviewergpt.

_GAPS = "GAPS, 2025, arXiv 2510.13734"
_GIM = "GIM, 2026, arXiv 2605.18663"
_VOTED = {"protocol": "grade", "panel": gaps_vote, "rule": "published_clipped"}
_CREDIT = on_scale(
    points.CREDIT,
    guidelines="Give proportional credit, 0 to 1. Lists after 'such as' or 'including' need not be complete. "
    "If the material does not tell, the credit is 0.",
)
_NOT_APPLICABLE = on_scale(points.ANSWERS, if_undecided="skip")


_POINTS = (
    Published(
        "gaps", _GAPS,
        "One claim a call, three judges, a majority of two; points won over positive points, at least 0.",
        "One wording for claims and faults; the points stand in the rubric; no confidence is made up; a "
        "rubric without positive points has no score instead of 0.",
        options=_VOTED, rubric="clinical_checklist", judge=_COLD, least_judges=3,
    ),
    Published(
        "gaps-unlisted", _GAPS,
        "gaps, then what no claim covers: listed by the first judge, graded S1 to S4 by all, taken off.",
        "Statements that do not stand in the response are dropped; where the sweep failed there is no score.",
        options=_VOTED, rubric="clinical_checklist", judge=_COLD,
        settings={"votes": "conservative"}, least_judges=3, rubric_to=only(check_points), build=Unlisted,
    ),
    Published(
        "gim", _GIM,
        "One criterion a call, credit from 0 to 1, plain mean over criteria.",
        "Credits are not multiplied by the judge's confidence; a judge that failed is missing, not 0.",
        options={"protocol": "grade", "per_call": 1, "aggregate": points.mean_credit},
        rubric="research_report", judge=_COLD, rubric_to=_CREDIT,
    ),
    Published(
        "gim-confidence", _GIM,
        "gim with each credit multiplied by the confidence that the judge states of itself, as published.",
        "A verdict without a confidence is missing; a judge that failed is missing, not 0.",
        options={"protocol": "grade", "per_call": 1, "aggregate": points.confident_credit},
        rubric="research_report", judge=_COLD, rubric_to=_CREDIT, sheet_to=points.with_confidence,
    ),
    Published(
        "drb2", "Li et al., 2026, arXiv 2601.08536",
        "Fifty points a call: met, absent, or blocked (met only by a source that may not be used).",
        "Three counts are kept apart (`count:met`, `count:absent`, `count:blocked`); points of a batch that "
        "failed are missing, the others count. The blocked source is the item's source `blocked`.",
        options={"protocol": "checklist", "per_call": 50, "aggregate": points.three_counts},
        rubric="research_report", rubric_to=on_scale(points.BLOCKED, guidelines=points.BLOCKED_GUIDELINES),
    ),
    Published(
        "researchqa", "Yifei et al., 2025, arXiv 2509.00496",
        "Eight points a call, five labels of coverage, (x - 1) / 4, plain mean.",
        "A batch that cannot be read is missing with its points; the item is kept.",
        options={"protocol": "checklist", "per_call": 8, "aggregate": points.covered},
        rubric="research_report",
        judge=_COLD, rubric_to=on_scale(points.COVERED, guidelines=points.COVERED_GUIDELINES),
    ),
    Published(
        "reviewergpt", "Liu & Shah, 2023, arXiv 2306.00622",
        "A checklist question a call, yes, no or n/a, three samples, their majority.",
        "A label at the end instead of the leading word; a majority of n/a leaves the question out, and "
        "split samples give no verdict.",
        options={"protocol": "grade", "per_call": 1, "samples": 3, "aggregate": points.majority_scores},
        rubric="paper_checklist", judge=_WARM, rubric_to=_NOT_APPLICABLE,
    ),
    Published(
        "choice-funnel", "SATA-Bench, 2025, arXiv 2506.00643",
        "Which points hold, picked one at a time by letter; the pull of each letter is divided out.",
        "The two readings of the stopping rule are named (`stop`: none, above, below); the prior is fitted "
        "apart (`fit_prior`) and handed over by judge.",
        options={"protocol": "grade"}, rubric="research_report",
        settings={"stop": "none", "limit": LIMIT, "prior": None}, rubric_to=only(check_questions),
        build=lambda grading, stop, limit, prior: Funnel(grading, prior or {}, stop, float(limit)),
    ),
)  # fmt: skip


# That grade a response alone: prometheus, peem and its rewriting, p(true).

TRUE = Labels(labels=("False", "True"))
_KADAVATH = "Kadavath et al., 2022, arXiv 2207.05221"
_PEEM = "PEEM, 2026, arXiv 2603.10477"


_ALONE = (
    Published(
        "prometheus", "Kim et al., 2023, arXiv 2310.08491",
        "One criterion with five described levels, reasons first, three samples, mean.",
        "JSON instead of the [RESULT] marker; one re-ask instead of asking for ever.",
        options={"protocol": "grade", "per_call": 1, "samples": 3},
        rubric="instruction_following", judge=_WARM,
    ),
    Published(
        "peem", _PEEM,
        "Three axes of the prompt and six of the response, 1 to 5 with a reason; two numbers, never one.",
        "Every axis has level descriptions.",
        options={"protocol": "grade", "per_call": None}, rubric="peem",
    ),
    Published(
        "peem-rewrite", _PEEM,
        "peem, then the prompt is rewritten from scores and reasons and tried again, up to four times.",
        "Scores only (the control arm) with the setting rationales=False; every round is kept and scored.",
        options={"protocol": "grade", "per_call": None}, rubric="peem",
        settings={"writer": None, "rounds": 4, "rationales": True}, needs=("task_model",), writes=True,
        build=lambda grading, task_model, writer, rounds, rationales: Rewriting(
            grading, task_model, writer, int(rounds), bool(rationales)
        ),
    ),
    Published(
        "p-true", _KADAVATH,
        "The probability of the letter of True, over that of True and False.",
        "Other letters; no brainstormed samples (p-true-brainstorm has them); a judge without "
        "log-probabilities is read by the letter it writes and flagged no_logprobs.",
        options={"protocol": "grade", "form": "letters"}, rubric="answer_alone", rubric_to=on_scale(TRUE),
    ),
    Published(
        "p-true-brainstorm", _KADAVATH,
        "p-true after the judge has answered the task five times and is shown its own answers as ideas.",
        "Other letters; no few-shot examples; ideas that were lost are not replaced and flagged fewer_ideas; "
        "a judge without log-probabilities is read by the letter it writes and flagged no_logprobs.",
        options={"protocol": "grade", "form": "letters"}, rubric="answer_alone", judge=_WARM,
        settings={"ideas": 5}, rubric_to=on_scale(TRUE, guidelines=GUIDELINES),
        build=lambda grading, ideas: Brainstormed(grading, int(ideas)),
    ),
)  # fmt: skip


# That look again.

_AGAIN = (
    Published(
        "second-look", "Weng et al., 2023, arXiv 2212.09561",
        "Each judge is shown its own answer to the same question, and confirms or revises it.",
        "Nothing is masked: the judge looks at question and answer once more. Both answers are kept, and "
        "`agree` counts what became of right and of wrong ones; where the second is lost the first holds.",
        rubric="answer_alone", build=SecondLook,
    ),
)  # fmt: skip


# Against a reference: answer matching and its control, xfinder, open-style questions.

VERDICT = Labels(labels=("Incorrect", "Correct"))
_CHANDAK = "Chandak et al., 2025, arXiv 2507.02856"

_MATCHES = (
    Published(
        "answer-matching", _CHANDAK,
        "Does the response say at least what the reference says? Numbers within one per cent match.",
        "Labels no and yes instead of 0 and 1.",
        options={"protocol": "match"}, rubric="answer_match",
    ),
    Published(
        "answer-matching-no-gold", _CHANDAK,
        "The weaker control: is the answer right, to the best of the judge's knowledge, without a reference?",
        "The same form of answer as the other protocols here.",
        options={"protocol": "grade"}, rubric="answer_alone",
        item_to=lambda item: replace(item, reference=None),
    ),
    Published(
        "xfinder", "Yu et al., 2024, arXiv 2405.11874",
        "The judge extracts the final answer, a rule compares it with the reference; mathematics by value.",
        "Any judge instead of a tuned extractor; what is no valid answer counts as wrong and is flagged.",
        options={"protocol": "match"}, rubric="extracted_answer", judge=_COLD,
        rubric_to=only(check_settled), build=Extracting,
    ),
    Published(
        "osq", "Myrzakhan et al., 2024, arXiv 2406.07545",
        "Correct or Incorrect against the reference, facts only.",
        "Whole words are compared, so that Incorrect is not read as correct; no `cannot be answered` string.",
        options={"protocol": "match", "form": "text"}, rubric="open_answer", rubric_to=on_scale(VERDICT),
    ),
)  # fmt: skip


CATALOG: Mapping[str, Published] = MappingProxyType(
    {each.name: each for each in (*_PAIRS, *_POINTS, *_ALONE, *_AGAIN, *_MATCHES)}
)


def published(name: str) -> Published:
    """Return the recipe of a name; an unknown one is an InputError that names the nearest."""
    if name not in CATALOG:
        raise InputError(f"no recipe {name!r}; {there_are(name, CATALOG)}")
    return CATALOG[name]
