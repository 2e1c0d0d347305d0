"""Published recipes that grade a response alone: Prometheus, PEEM and its rewriting, P(True)."""

from judgekit.recipes.brainstorm import GUIDELINES, Brainstormed
from judgekit.recipes.grading import Counted, Grading
from judgekit.recipes.published import Published
from judgekit.recipes.remade import on_scale
from judgekit.recipes.rewriting import Rewriting
from judgekit.roles import Judge
from judgekit.scales import Labels

TRUE = Labels(labels=("False", "True"))
_KADAVATH = "Kadavath et al., 2022, arXiv 2207.05221"
_PEEM = "PEEM, 2026, arXiv 2603.10477"


def _rewriting(
    grading: Grading, *, task_model: Judge, writer: Judge | None, rounds: int, rationales: bool
) -> Counted:
    return Rewriting(grading, task_model, writer, int(rounds), bool(rationales))


def _brainstormed(grading: Grading, *, ideas: int) -> Counted:
    return Brainstormed(grading, int(ideas))


RECIPES = (
    Published(
        "prometheus", "Kim et al., 2023, arXiv 2310.08491",
        "One criterion with five described levels, reasons first, three samples, mean.",
        "JSON instead of the [RESULT] marker; one re-ask instead of asking for ever.",
        {"protocol": "grade", "per_call": 1, "samples": 3}, "instruction_following", {"temperature": 1.0},
    ),
    Published(
        "peem", _PEEM,
        "Three axes of the prompt and six of the response, 1 to 5 with a reason; two numbers, never one.",
        "Every axis has level descriptions.",
        {"protocol": "grade", "per_call": None}, "peem",
    ),
    Published(
        "peem-rewrite", _PEEM,
        "peem, then the prompt is rewritten from scores and reasons and tried again, up to four times.",
        "Scores only (the control arm) with the setting rationales=False; every round is kept and scored.",
        {"protocol": "grade", "per_call": None}, "peem",
        settings={"writer": None, "rounds": 4, "rationales": True}, needs=("task_model",), writes=True,
        build=_rewriting,
    ),
    Published(
        "p-true", _KADAVATH,
        "The probability of the letter of True, over that of True and False.",
        "Other letters; no brainstormed samples (p-true-brainstorm has them); a judge without "
        "log-probabilities is read by the letter it writes and flagged no_logprobs.",
        {"protocol": "grade", "form": "letters"}, "answer_alone", rubric_to=on_scale(TRUE),
    ),
    Published(
        "p-true-brainstorm", _KADAVATH,
        "p-true after the judge has answered the task five times and is shown its own answers as ideas.",
        "Other letters; no few-shot examples; ideas that were lost are not replaced and flagged fewer_ideas; "
        "a judge without log-probabilities is read by the letter it writes and flagged no_logprobs.",
        {"protocol": "grade", "form": "letters"}, "answer_alone", {"temperature": 1.0}, {"ideas": 5},
        rubric_to=on_scale(TRUE, guidelines=GUIDELINES), build=_brainstormed,
    ),
)  # fmt: skip
