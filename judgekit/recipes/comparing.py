"""Published recipes for pairs and lists: FairEval, Prometheus relative, ResearchQA pairs, the examiner."""

from dataclasses import replace

from judgekit.aggregate.pairs import pair_scores
from judgekit.plan import Plan
from judgekit.recipes import researchqa
from judgekit.recipes.coverage import COVERED, COVERED_GUIDELINES, covered
from judgekit.recipes.faireval import scores_first
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.published import Published
from judgekit.recipes.relative import Relative
from judgekit.recipes.remade import on_scale
from judgekit.recipes.together import Together
from judgekit.recipes.tournament import Tournament, sorting, swiss
from judgekit.rubric import Rubric

_WANG = "Wang et al., 2024, arXiv 2305.17926"
_PAIR = {"protocol": "compare", "form": "scores"}
_PAIR_WORDS = {"protocol": "compare"}
_WARM = {"temperature": 1.0}
_RANKED = Rubric(
    id="examiner_rank",
    criteria=({"id": "overall", "text": "Which response answers the question better, all in all?"},),
)


def _researchqa_pairs(grading: Grading, *, weight: float) -> Counted:
    return researchqa.pairs(grading, weight=float(weight))


def _relative(grading: Grading, *, rounds: int) -> Counted:
    return Relative(grading, int(rounds))


def _examiner(grading: Grading) -> Counted:
    ranking = Plan(_RANKED, grading.plan.judges, protocol="rank", samples=grading.plan.samples)
    return Together((grading, replace(grading, plan=ranking, aggregate=pair_scores)))


def _swiss(grading: Grading, *, rounds: int | None, seed: int) -> Counted:
    return Tournament(grading, *swiss(None if rounds is None else int(rounds), int(seed)))


def _sorting(grading: Grading, *, seed: int) -> Counted:
    return Tournament(grading, *sorting(int(seed)))


RECIPES = (
    Published(
        "faireval-vanilla", _WANG,
        "One order, one sample, two scores before the reasons: the baseline that position can buy.",
        "JSON instead of free lines; a reply that cannot be read is asked once more.",
        {**_PAIR, "orders": "given"}, "pair_quality", _WARM, sheet_to=scores_first,
    ),
    Published(
        "faireval-mec", _WANG,
        "Multiple evidence: reasons before two scores, three samples of one order.",
        "As faireval-vanilla. More samples of one order do not undo a preference for a place.",
        {**_PAIR, "orders": "given", "samples": 3}, "pair_quality", _WARM,
    ),
    Published(
        "faireval-bpc", _WANG,
        "Balanced position: reasons before two scores, once in each order, scores averaged.",
        "Means are taken within an order and then over orders, so that a lost reply does not tilt them.",
        _PAIR, "pair_quality", _WARM,
    ),
    Published(
        "faireval", _WANG,
        "Three samples in each order (MEC 3 + BPC 3); `judgekit review export` picks the pairs for people by "
        "BPDE.",
        "As faireval-bpc; equally diverse pairs are routed by how near they are to a draw.",
        {**_PAIR, "samples": 3}, "pair_quality", _WARM,
    ),
    Published(
        "prometheus-relative", "Kim et al., 2023, arXiv 2310.08491",
        "Responses graded apart, compared by their grades; level ones graded anew.",
        "At most `rounds` times instead of for ever; ties that stay are ties; pairs graded anew are "
        "flagged.",
        {"protocol": "grade"}, "instruction_following", _WARM, {"rounds": 3}, build=_relative,
    ),
    Published(
        "researchqa-pairs", "Yifei et al., 2025, arXiv 2509.00496",
        "Sum of the coverage labels 1 to 5 plus 5 for each order in which the judge chose the response.",
        "The 5 is the setting `weight`; a pair whose sums are not complete has no winner.",
        {"protocol": "checklist", "per_call": 8, "aggregate": covered}, "research_report",
        {"temperature": 0.0}, {"weight": researchqa.WEIGHT},
        rubric_to=on_scale(COVERED, guidelines=COVERED_GUIDELINES), build=_researchqa_pairs,
    ),
    Published(
        "swiss", "LLM Swiss Round, 2025, arXiv 2512.21010",
        "Pairs meet by rounds, level ones with one another: `rounds` of them, else as many as find the best.",
        "With a seed, draws, both orders, and no point for sitting out.",
        _PAIR_WORDS, "pair_quality", settings={"rounds": None, "seed": 0}, build=_swiss,
    ),
    Published(
        "merge-sort", "Bai et al., 2023, arXiv 2306.04181",
        "As many pairs as a merge sort of the responses wants, about n log2 n.",
        "Both orders of each pair; one wrong verdict can move a response far.",
        _PAIR_WORDS, "pair_quality", settings={"seed": 0}, build=_sorting,
    ),
    Published(
        "examiner", "Bai et al., 2023, arXiv 2306.04181",
        "Each judge grades four axes and the whole, and ranks all responses; no judge judges its own.",
        "One call ranks a list, in all cyclic orders, instead of a merge sort of pairs; judges say in "
        "`systems` what they wrote.",
        {"protocol": "grade", "per_call": None}, "examiner", least_judges=2, build=_examiner,
    ),
)  # fmt: skip
