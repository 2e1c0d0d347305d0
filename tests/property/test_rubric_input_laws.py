"""Whatever a file holds, reading a rubric from it ends in a rubric or in words for its author."""

from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from judgekit.errors import InputError
from judgekit.rubric import Rubric
from judgekit.rubric.foreign import FORMATS, guess
from judgekit.rubric.lint import lint

OURS = [
    "id",
    "criteria",
    "text",
    "scale",
    "labels",
    "anchors",
    "weight",
    "points",
    "low",
    "high",
    "values",
    "gate",
]
THEIRS = [
    "name", "requirement", "options", "label", "value", "na", "scale_type", "sections", "rubric", "rubrics",
    "criterion", "tags", "choices", "criteria", "score1_description", "score2_description",
    "evaluation_steps",
    "score_range", "expected_outcome", "text", "weight", "points", "guidelines",
]  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.floats()
    | st.sampled_from(["", "a", "no", "Score 1: x"])
)


def json_values(keys: list[str]) -> st.SearchStrategy[Any]:
    """JSON whose keys are those that a reader looks for."""
    return st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=4),
        max_leaves=12,
    )


@given(st.dictionaries(st.sampled_from(OURS), json_values(OURS), max_size=5))
@example({"id": "r", "criteria": [{"id": "a", "text": "t", "scale": {"labels": "ab"}}]})
@example({"id": "r", "criteria": {"id": "a"}})
@example({"id": "r", "criteria": [{"id": "a", "text": "t", "scale": {"points": "x"}}]})
def test_lint_never_raises(raw: dict[str, Any]):
    assert all(finding.message for finding in lint(raw))


@pytest.mark.parametrize("name", FORMATS)
@given(raw=json_values(THEIRS) | st.text("[]Score 12:\nab", max_size=40))
@example(raw=[{"requirement": "x", "options": [{"value": "a", "label": "b"}, {"value": 1, "label": "c"}]}])
@example(
    raw=[{"name": "x", "criteria": "y", "rubric": [{"score_range": [0, 10**9], "expected_outcome": "z"}]}]
)
@example(raw={"criteria": "a", "score1_description": 1, "score2_description": None})
@example(raw={"rubrics": [{"criterion": "x", "points": 1, "tags": "axis:a"}]})
@example(raw={"rubrics": [{"criterion": "x", "points": 1, "tags": 5}]})
def test_a_reader_gives_rubrics_or_an_input_error(name: str, raw: Any):
    try:
        rubrics, _ = FORMATS[name](raw, "x")
    except InputError as error:
        event(str(error).split(":")[0])
    else:
        event("read")
        assert all(isinstance(rubric, Rubric) for rubric in rubrics)


@given(json_values(THEIRS) | st.text(max_size=20))
def test_guessing_never_raises(raw: Any):
    assert guess(raw) in {None, *FORMATS}
