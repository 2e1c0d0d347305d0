import re

import pytest

from judgekit.rubric import Criterion, bundled, load_rubric, to_yaml
from judgekit.rubric.files import parse_text
from judgekit.rubric.lint import lint
from judgekit.rubric.model import walk
from judgekit.shelf import shelf

NAMES = bundled()
EXPECTED = {
    "answer_match", "clinical_checklist", "code_review", "grounded_answer", "health_points",
    "instruction_following", "peem", "research_report", "safe_refusal", "summary_quality", "support_reply",
    "translation_quality",
}  # fmt: skip


def head(name: str) -> str:
    """The comment lines on top of a bundled file."""
    text = (shelf("rubrics") / f"{name}.yaml").read_text(encoding="utf-8")
    return "\n".join(re.match(r"(?:#.*\n)*", text)[0].splitlines())


def test_all_are_there():
    assert set(NAMES) >= EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_is_named_after_its_file(name: str):
    rubric = load_rubric(name)

    assert rubric.id == name
    assert rubric.origin
    assert rubric.guidelines


@pytest.mark.parametrize("name", NAMES)
def test_it_lints_without_findings(name: str):
    assert lint(name) == []


@pytest.mark.parametrize("name", NAMES)
def test_its_first_lines_name_source_licence_and_use(name: str):
    comment = head(name)

    assert comment.startswith("# Source: ")
    assert "# Licence: " in comment
    assert "# For: " in comment


@pytest.mark.parametrize("name", NAMES)
def test_it_survives_being_written(name: str):
    rubric = load_rubric(name)

    assert load_rubric(parse_text(to_yaml(rubric), ".yaml", name)) == rubric


def test_each_feature_is_shown_somewhere():
    leaves = [c for name in NAMES for c in load_rubric(name).leaves]
    nodes = [node for name in NAMES for node in walk(load_rubric(name).criteria)]

    assert any(c.gate for c in leaves)
    assert any(c.veto for c in leaves)
    assert any(c.weight < 0 for c in leaves)
    assert any(c.scale.cannot_tell and c.if_undecided == "skip" for c in leaves)
    assert any(c.tags for c in leaves)
    assert any(c.about == "task" for c in leaves)
    assert not all(isinstance(node, Criterion) for node in nodes)


def test_peem_has_nine_axes_and_never_one_number():
    rubric = load_rubric("peem")

    assert [c.about for c in rubric.leaves] == ["task"] * 3 + ["response"] * 6
    assert [c.dimension for c in rubric.leaves] == ["prompt"] * 3 + ["response"] * 6
    assert not rubric.total


def test_the_clinical_checklist_has_the_point_table_of_gaps():
    rubric = load_rubric("clinical_checklist")

    assert {(c.dimension, c.weight) for c in rubric.leaves} == {
        ("A1", 5), ("A2", 3), ("A3", 1), ("S1", -1), ("S2", -2), ("S3", -3), ("S4", -4),
    }  # fmt: skip
    assert rubric.rule == "published_clipped"


def test_a_support_reply_that_is_all_yes_loses_two_points_of_seven():
    weights = {c.id: c.weight for c in load_rubric("support_reply").leaves}

    assert weights == {"answers": 2, "polite": 1, "next_step": 2, "blames": -2}


def test_grading_all_levels_of_prometheus_form():
    [criterion] = load_rubric("instruction_following").leaves

    assert criterion.scale.labels == tuple(criterion.anchors) == ("1", "2", "3", "4", "5")
