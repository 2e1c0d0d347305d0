import json
from pathlib import Path

import pytest

from judgekit.errors import InputError
from judgekit.rubric import Rubric
from judgekit.rubric.foreign import (
    FORMATS,
    autorubric,
    geval,
    guess,
    import_rubric,
    prometheus,
    verifiers,
)
from judgekit.rubric.lint import lint

LEVELS = {f"score{n}_description": f"Level {n} of warmth." for n in range(1, 6)}
PROMETHEUS = {"criteria": "How warm is the reply?", **LEVELS}
PROMETHEUS_TEXT = """###Score Rubrics:
[How warm is
the reply?]
Score 1: Level 1 of warmth.
Score 2: Level 2 of warmth,
on two lines.
score 3: Level 3 of warmth.
"""
HEALTHBENCH = {
    "prompt_id": "p-7",
    "prompt": [{"role": "user", "content": "My head hurts."}],
    "rubrics": [
        {"criterion": "Asks how long.", "points": 5, "tags": ["level:example", "axis:context_awareness"]},
        {"criterion": "Names a wrong dose.", "points": -8, "tags": ["level:example", "axis:accuracy"]},
        {"criterion": "Is written in the person's language.", "points": 2, "tags": []},
    ],
}
AUTORUBRIC = {
    "guidelines": "Judge the last reply.",
    "criteria": [
        {"name": "fact", "weight": 6, "requirement": "States the boiling point."},
        {"name": "slip", "weight": -4, "requirement": "Gives a wrong unit."},
        {
            "name": "tone",
            "requirement": "How does it sound?",
            "scale_type": "ordinal",
            "options": [
                {"label": "Warm", "value": 1.0},
                {"label": "Cold", "value": 0.0},
                {"label": "Even", "value": 0.4},
                {"label": "No reply", "value": 0.0, "na": True},
            ],
        },
    ],
}
VERIFIERS = {
    "criteria": [
        {"name": "cites", "text": "Does it cite a source?", "weight": 2.0},
        {"name": "depth", "text": "How deep does it go?", "choices": ["shallow", "some", "deep"]},
    ]
}
GEVAL = {
    "name": "Tone",
    "criteria": "How warm is the reply?",
    "rubric": [
        {"score_range": [6, 10], "expected_outcome": "Warm."},
        {"score_range": [0, 5], "expected_outcome": "Cold."},
    ],
}
OWN = {"id": "own", "criteria": [{"id": "kind", "text": "Is it kind?"}]}

ALL = {
    "prometheus": PROMETHEUS, "healthbench": HEALTHBENCH, "autorubric": AUTORUBRIC, "verifiers": VERIFIERS,
    "geval": GEVAL, "judgekit": OWN,
}  # fmt: skip


def only(read: tuple[tuple[Rubric, ...], tuple[str, ...]]) -> Rubric:
    (rubric,), _ = read
    return rubric


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_told_by_its_keys(name: str):
    assert guess(ALL[name]) == name
    assert import_rubric(ALL[name]).format == name


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_read_has_no_errors(name: str):
    assert all(f.level == "warning" for r in import_rubric(ALL[name]).rubrics for f in lint(r))


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ([HEALTHBENCH, HEALTHBENCH], "healthbench"),
        (HEALTHBENCH["rubrics"], "healthbench"),
        (AUTORUBRIC["criteria"], "autorubric"),
        ({"sections": [{"name": "s", "criteria": AUTORUBRIC["criteria"]}]}, "autorubric"),
        ({"rubric": {"criteria": AUTORUBRIC["criteria"]}}, "autorubric"),
        (VERIFIERS["criteria"], "verifiers"),
        ([GEVAL, GEVAL], "geval"),
        ({"name": "n", "evaluationSteps": ["Read."]}, "geval"),
        ({"rubric": PROMETHEUS, "instruction": "i"}, "prometheus"),
        (PROMETHEUS_TEXT, "prometheus"),
        ({"criteria": []}, None),
        ([], None),
        ("hello", None),
    ],
)
def test_other_spellings_of_a_format_are_told_too(raw: object, name: str | None):
    assert guess(raw) == name


def test_prometheus_levels_become_anchors():
    criterion = only(prometheus(PROMETHEUS, "warm")).leaves[0]

    assert criterion.text == "How warm is the reply?"
    assert criterion.scale.labels == ("1", "2", "3", "4", "5")
    assert criterion.anchors["5"] == "Level 5 of warmth."


def test_prometheus_text_is_read_over_line_ends():
    criterion = only(prometheus(PROMETHEUS_TEXT)).leaves[0]

    assert criterion.text == "How warm is the reply?"
    assert criterion.anchors == {
        "1": "Level 1 of warmth.",
        "2": "Level 2 of warmth,\non two lines.",
        "3": "Level 3 of warmth.",
    }


def test_what_belongs_to_an_item_is_noted_not_read():
    _, notes = prometheus(PROMETHEUS | {"reference_answer": "Dear friend"}, "warm")

    assert notes == ("warm: 'reference_answer' was not carried over",)


def test_healthbench_gives_a_rubric_an_example():
    first, second = import_rubric([HEALTHBENCH, HEALTHBENCH | {"prompt_id": None}]).rubrics

    assert (first.id, second.id) == ("p-7", "imported-2")
    assert [(c.id, c.weight, c.dimension) for c in first.leaves] == [
        ("c1", 5, "context_awareness"), ("c2", -8, "accuracy"), ("c3", 2, None),
    ]  # fmt: skip
    assert first.rule == "published_clipped"


def test_autorubric_keeps_weights_options_and_what_cannot_be_assessed():
    rubric = only(autorubric(AUTORUBRIC, "water"))
    fact, _, tone = rubric.leaves

    assert [c.weight for c in rubric.leaves] == [6, -4, 10]  # 10 is its default
    assert rubric.rule == "published_clipped"
    assert rubric.guidelines == "Judge the last reply."
    assert (fact.scale.labels, fact.scale.cannot_tell) == (("no", "yes"), "cannot assess")
    assert tone.scale.labels == ("Cold", "Even", "Warm")  # by value, worst first
    assert tone.scale.values == (0, 0.4, 1)
    assert tone.scale.cannot_tell == "No reply"
    assert {c.if_undecided for c in rubric.leaves} == {"skip"}


def test_autorubric_with_penalties_alone_is_placed():
    rubric = only(autorubric([{"requirement": "Gives a wrong unit.", "weight": -2}]))

    assert (rubric.rule, rubric.leaves[0].id) == ("placed", "c1")


def test_autorubric_sections_become_dimensions():
    sections = [{"name": "facts", "criteria": [AUTORUBRIC["criteria"][0]]}, AUTORUBRIC["criteria"][1]]

    assert [c.dimension for c in only(autorubric({"sections": sections})).leaves] == ["facts", None]


def test_autorubric_keeps_a_nominal_scale_in_its_order():
    options = [
        {"label": "too few", "value": 0},
        {"label": "right", "value": 1},
        {"label": "too many", "value": 0},
    ]
    raw = [{"requirement": "How many?", "options": options, "scale_type": "nominal"}]

    scale = only(autorubric(raw)).leaves[0].scale

    assert (scale.kind, scale.labels, scale.values) == (
        "nominal",
        ("too few", "right", "too many"),
        (0, 1, 0),
    )


def test_verifiers_choices_stand_worst_first():
    rubric = only(verifiers(VERIFIERS))

    assert rubric.leaves[0].scale.labels == ("no", "yes")
    assert rubric.leaves[1].scale.values == (0, 0.5, 1)
    assert [c.weight for c in rubric.leaves] == [2, 1]


def test_geval_ranges_become_anchors_of_each_score():
    criterion = only(geval(GEVAL)).leaves[0]

    assert criterion.scale.labels == tuple(str(n) for n in range(11))
    assert (criterion.anchors["5"], criterion.anchors["6"]) == ("Cold.", "Warm.")


def test_geval_steps_are_the_question():
    rubric = only(geval({"name": "Fit", "evaluation_steps": ["Read it.", "Compare."], "threshold": 0.5}))

    assert rubric.leaves[0].text == "Fit, judged in these steps:\n1. Read it.\n2. Compare."


def test_geval_spans_only_its_ranges():
    rubric = only(geval({"criteria": "c", "rubric": [{"scoreRange": [1, 3], "expectedOutcome": "x"}]}))

    assert rubric.leaves[0].scale.labels == ("1", "2", "3")


@pytest.mark.parametrize(
    ("raw", "format_", "message"),
    [
        ({"foo": 1, "bar": 2}, None, r"in no format known here \(it holds the keys foo, bar\); say which"),
        ([{"foo": 1}], None, "a list of 1, the first with the keys foo"),
        (PROMETHEUS, "promtheus", "format 'promtheus' is not known; there are judgekit, prometheus"),
        (LEVELS, None, r"read as prometheus, by its keys\): .*has no 'criteria'"),
        ({"criteria": "c", "score1_description": "x"}, "prometheus", "levels should be consecutive"),
        ({"criteria": "c"}, "prometheus", "has no 'score1_description'; found criteria"),
        ({"rubrics": []}, None, "'rubrics': should be a list with at least one entry, found"),
        ({"rubrics": [{"criterion": "x"}]}, None, "criterion 1: has no 'points'; found criterion"),
        ({"rubrics": [{"criterion": "x", "points": -1}]}, None, "divides by the positive points"),
        (
            {"criteria": [{"requirement": "x", "weight": 0}]},
            None,
            "has weight 0, so it could not move the score",
        ),
        (
            {"criteria": [{"name": "x", "requirement": "y", "options": []}]},
            None,
            "'options': should be a list",
        ),
        ({"x": 1}, "autorubric", "has neither 'criteria' nor 'sections' nor 'rubric'; found x"),
        (
            {"criteria": [{"text": "x", "weight": 1}]},
            "verifiers",
            "criterion 1: has no 'name'; found text, weight",
        ),
        ({"criteria": [{"name": "a", "text": "x", "choices": ["a", "a"]}]}, None, "read the same"),
        ({"name": "x", "evaluation_steps": []}, None, "the steps: should be a list"),
        ({"name": "x"}, "geval", "without 'evaluation_steps': has no 'criteria'; found name"),
        (
            {"criteria": "c", "rubric": [{"score_range": [0, 5], "expected_outcome": "x"}] * 2},
            None,
            "two ranges hold the score 0",
        ),
        (
            {"criteria": "c", "rubric": [{"score_range": [5, 0], "expected_outcome": "x"}]},
            None,
            "should rise within 0 to 10, found",
        ),
        (
            {"id": "r", "criteria": [{"id": "a", "text": "t", "x": 1}]},
            None,
            r"criteria\[0\] \('a'\).x: unknown key",
        ),
    ],
)
def test_what_cannot_be_read_says_what_was_found(raw: object, format_: str | None, message: str):
    with pytest.raises(InputError, match=message):
        import_rubric(raw, format=format_)


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("warm.txt", PROMETHEUS_TEXT, "prometheus"),
        ("hb.jsonl", f"{json.dumps(HEALTHBENCH)}\n\n{json.dumps(HEALTHBENCH)}\n", "healthbench"),
        ("v.toml", '[[criteria]]\nname = "cites"\ntext = "Does it cite?"\n', "verifiers"),
        ("a.yaml", "- {name: kind, requirement: Is kind., weight: 2}", "autorubric"),
        ("g.json", json.dumps(GEVAL), "geval"),
        ("own.yaml", json.dumps(OWN), "judgekit"),
    ],
)
def test_files_are_read_by_their_suffix(tmp_path: Path, file: str, text: str, name: str):
    path = tmp_path / file
    path.write_text(text, encoding="utf-8")

    found = import_rubric(path)

    assert found.format == name
    assert all(isinstance(rubric, Rubric) for rubric in found.rubrics)


def test_a_broken_line_is_named(tmp_path: Path):
    path = tmp_path / "hb.jsonl"
    path.write_text(f"{json.dumps(HEALTHBENCH)}\n{{", encoding="utf-8")

    with pytest.raises(InputError, match=r"hb\.jsonl, line 2"):
        import_rubric(path)
