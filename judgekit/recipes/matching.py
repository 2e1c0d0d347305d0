"""Published recipes against a reference: answer matching and its control, xFinder, open-style questions."""

from judgekit.recipes.extracting import Extracting, check_settled
from judgekit.recipes.published import Published
from judgekit.recipes.remade import on_scale, only, without_reference
from judgekit.scales import Labels

VERDICT = Labels(labels=("Incorrect", "Correct"))
_CHANDAK = "Chandak et al., 2025, arXiv 2507.02856"

RECIPES = (
    Published(
        "answer-matching", _CHANDAK,
        "Does the response say at least what the reference says? Numbers within one per cent match.",
        "Labels no and yes instead of 0 and 1.",
        {"protocol": "match"}, "answer_match",
    ),
    Published(
        "answer-matching-no-gold", _CHANDAK,
        "The weaker control: is the answer right, to the best of the judge's knowledge, without a reference?",
        "The same form of answer as the other protocols here.",
        {"protocol": "grade"}, "answer_alone", item_to=without_reference,
    ),
    Published(
        "xfinder", "Yu et al., 2024, arXiv 2405.11874",
        "The judge extracts the final answer, a rule compares it with the reference; mathematics by value.",
        "Any judge instead of a tuned extractor; what is no valid answer counts as wrong and is flagged.",
        {"protocol": "match"}, "extracted_answer", {"temperature": 0.0},
        rubric_to=only(check_settled), build=Extracting,
    ),
    Published(
        "osq", "Myrzakhan et al., 2024, arXiv 2406.07545",
        "Correct or Incorrect against the reference, facts only.",
        "Whole words are compared, so that Incorrect is not read as correct; no `cannot be answered` string.",
        {"protocol": "match", "form": "text"}, "open_answer",
        rubric_to=on_scale(VERDICT),
    ),
)  # fmt: skip
