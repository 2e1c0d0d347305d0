from pathlib import Path

import pytest

from judgekit.rubric import load_rubric
from judgekit.rubric.lint import Finding, compound, contained, lint, polarity, states_fault

FIVE = {1: "Cruel.", 2: "Cold.", 3: "Neutral.", 4: "Warm.", 5: "Kind."}
NAMES = {"id": "names", "text": "Does it name the drug?"}


def codes(*criteria: dict[str, object], **more: object) -> list[str]:
    """Codes of the findings on a rubric; a criterion without id or text gets one."""
    full = [
        {"id": f"c{n}", "text": f"Does it name item {'abcdefgh'[n] * 9}?"} | c for n, c in enumerate(criteria)
    ]
    return [finding.code for finding in lint({"id": "r", "criteria": full, **more})]


@pytest.mark.parametrize(
    ("code", "failing", "passing"),
    [
        ("compound", {"text": "Is it short and on time?\nIs it signed?"}, {"text": "Is it signed?"}),
        (
            "compound",
            {"text": "Does it name the drug and/or the dose?"},
            {"text": "Does it name drug or dose?"},
        ),
        (
            "compound",
            {"text": "Is it brief and polite?"},
            {"text": "Is it free of spelling and grammar errors?"},
        ),
        ("compound", {"text": "It is signed and does not bill."}, {"text": "Does it compare cats and dogs?"}),
        ("compound", {"text": "Who? What?"}, {"text": 'Does it ask "Who? What?" of the reader?'}),
        ("anchors", {"scale": "1-5"}, {"scale": "1-5", "anchors": FIVE}),
        ("anchors", {"scale": "1-5", "anchors": {1: "Cruel.", 5: "Kind."}}, {"scale": "yes_no"}),
        ("anchors", {"scale": "0-100"}, {"scale": "0-100", "anchors": {0: "Cruel.", 100: "Kind."}}),
        ("labels_overlap", {"scale": ["incorrect", "correct"]}, {"scale": ["wrong", "right"]}),
        ("labels_overlap", {"scale": ["agree", "strongly agree"]}, {"scale": ["no", "not known"]}),
        (
            "labels_overlap",
            {"scale": {"labels": ["unmet", "met"], "cannot_tell": "n/a"}},
            {"scale": "0-10", "anchors": {n: f"Level {n}." for n in range(11)}},
        ),
        (
            "many_labels",
            {"scale": [*range(12)], "anchors": {n: f"Level {n}." for n in range(12)}},
            {"scale": [*range(11)], "anchors": {n: f"Level {n}." for n in range(11)}},
        ),
        (
            "nominal_values",
            {
                "scale": {"labels": ["a", "b", "c"], "kind": "nominal"},
                "anchors": dict(zip("abc", "xyz", strict=True)),
            },
            {
                "scale": {"labels": ["a", "b", "c"], "kind": "nominal", "values": [0, 1, 0]},
                "anchors": dict(zip("abc", "xyz", strict=True)),
            },
        ),
        ("penalised_virtue", {"text": "Is polite", "weight": -1}, {"text": "Is impolite", "weight": -1}),
        (
            "penalised_virtue",
            {"text": "Is it helpful?", "veto": True},
            {"text": "Is it harmful?", "veto": True},
        ),
        ("penalised_virtue", {"text": "Is it clear?", "weight": -1}, {"text": "Is it clear?", "weight": 1}),
        ("rewarded_fault", {"text": "Contains errors"}, {"text": "Contains no errors"}),
        (
            "rewarded_fault",
            {"text": "Does the reply blame the customer?"},
            {"text": "Does it warn of dangerous doses?"},
        ),
        (
            "rewarded_fault",
            {"text": "Is the reply rude?"},
            {"text": "Is the reply rude?", "scale": ["yes", "no"]},
        ),
        ("rewarded_fault", {"text": "The answer is misleading."}, {"text": "Corrects what is misleading."}),
        (
            "penalised_best",
            {"weight": -1, "scale": "1-3", "anchors": {1: "Wrong.", 2: "Partly so.", 3: "Accurate."}},
            {"weight": -1, "scale": "1-3", "anchors": {1: "No error.", 2: "Some.", 3: "Many errors."}},
        ),
        (
            "penalised_best",
            {"weight": -1, "scale": "1-3", "anchors": {1: "Wrong.", 2: "Left.", 3: "Right of it."}},
            {"weight": -1, "scale": "1-3", "anchors": {1: "On page 1.", 2: "On page 2.", 3: "On page 3."}},
        ),
        ("long", {"text": "Does it name " + "this drug, " * 80 + "?"}, {"text": "Does it name the drug?"}),
        ("vague", {"text": "Is the tone appropriate?"}, {"text": "Is the tone that of a letter?"}),
        (
            "vague",
            {"text": "Is the overall quality high?"},
            {"text": "How good is the tone?", "scale": "1-5", "anchors": FIVE},
        ),
        ("undecided_unused", {"if_undecided": "skip"}, {"if_undecided": "abstain"}),
        ("against_itself", {"veto": True, "weight": 1}, {"veto": True, "weight": -1}),
        ("against_itself", {"gate": True, "weight": -1}, {"gate": True, "weight": 1}),
    ],
)
def test_a_rule_finds_the_failing_criterion_and_spares_the_passing_one(
    code: str, failing: dict[str, object], passing: dict[str, object]
):
    assert codes(failing, {}) == [code]
    assert codes(passing, {}) == []


def test_a_text_that_stands_twice_is_found():
    assert codes(NAMES, NAMES | {"id": "again"}) == ["duplicate"]
    assert codes(NAMES, {"id": "again", "text": "Does it name the drugs?"}) == ["duplicate"]
    assert codes(NAMES, {"id": "dose", "text": "Does it state how often to take it?"}) == []


def test_the_same_text_asked_of_task_and_response_is_no_duplicate():
    assert codes(NAMES, NAMES | {"id": "of_task", "about": "task"}) == []


def test_one_criterion_that_carries_nearly_all_weight_is_found():
    assert codes({"weight": 9}, {"weight": 1}, {"weight": -1}) == ["lopsided"]
    assert codes({"weight": 9}, {"weight": 1}) == []  # of two, one has to carry more
    assert codes({"weight": 2}, {"weight": 1}, {"weight": -1}) == []


def test_weight_is_counted_through_groups():
    inner = [{"id": "a", "text": "Does it name the drug?"}, {"id": "b", "text": "Is a time given?"}]
    group = {"id": "g", "weight": 0.1, "criteria": inner}
    rubric = {"id": "r", "criteria": [group, {"id": "c", "text": "Is there a closing line?"}]}

    assert [(f.code, f.place) for f in lint(rubric)] == [("lopsided", "criterion 'c'")]


def test_a_pair_needs_no_anchors_since_pairs_have_their_own_scale():
    assert codes({"about": "pair", "scale": "1-5"}, {}) == []


def test_everything_that_load_refuses_is_an_error_at_once():
    found = lint({"id": "r", "criteria": [NAMES | {"weigth": 1}, {"id": "b", "text": "t", "weight": 0}]})

    assert [(f.level, f.code, f.place) for f in found] == [
        ("error", "refused", "criteria[0] ('names').weigth"),
        ("error", "refused", "criteria[1] ('b')"),
    ]
    assert "did you mean 'weight'?" in found[0].message


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path):
    path = tmp_path / "r.yaml"
    path.write_text("a: [", encoding="utf-8")

    assert [f.code for f in lint(path)] == ["unreadable"]
    assert [f.code for f in lint(str(tmp_path / "none.yaml"))] == ["unreadable"]


def test_a_finding_says_where_what_why_and_what_would_do():
    [finding] = lint({"id": "r", "criteria": [{"id": "tone", "text": "Is the tone appropriate?"}]})

    assert finding == Finding(
        "warning",
        "criterion 'tone'",
        "vague",
        "says 'appropriate' without an anchor, which every rater fills in their own way; "
        "say what can be seen in the text, or add anchors",
    )


def test_a_rubric_can_be_linted_as_it_is():
    assert lint(load_rubric("peem")) == []


@pytest.mark.parametrize(
    "text",
    [
        "Does the report open with a summary of scope and method?",
        "Is the reply about pricing and billing?",
        "Names drug and dose.",
        "Does it explain what the function does and why?",
        "Is the order that of cause and effect?",
        "Does the plan name who is in charge, when and where?",
    ],
)
def test_one_question_with_an_and_in_it_is_not_compound(text: str):
    assert compound(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Points out errors in the premise.",
        "Says that the claim is misleading.",
        "Does it avoid errors?",
        "Identifies what is wrong with the code.",
        "Mentions that long use is dangerous for the kidneys.",
        "Is it free of mistakes?",
        "Says which symptoms are dangerous.",
    ],
)
def test_speaking_of_a_fault_is_not_stating_one(text: str):
    assert not states_fault(text)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("Is polite", 1),
        ("Fails to answer", -1),
        ("Isn't polite", 0),
        ("Is too polite", 0),
        ("Recommends surgery", 0),
        ("Unneeded detail", -1),
    ],
)
def test_praise_and_blame_are_told_by_their_words(text: str, reads: int):
    assert polarity(text) == reads


def test_a_label_is_contained_as_a_word_or_after_a_prefix():
    assert contained("correct", "partially correct")
    assert contained("agree", "disagree")
    assert not contained("no", "none")
    assert not contained("1", "10")
    assert not contained("fair", "fairly good")


@pytest.mark.parametrize(
    ("criterion", "asked"),
    [
        ({"scale": [1, 5]}, True),
        ({"scale": [0, 100]}, True),
        ({"scale": [0, 1]}, False),
        ({"scale": "1-5"}, False),
        ({"scale": ["no", "yes"]}, False),
        ({"scale": [1, 5], "anchors": {1: "bad", 5: "good"}}, False),
    ],
)
def test_two_numbers_far_apart_are_asked_about_before_any_call(criterion: dict, asked: bool):
    from judgekit.verbs import prepare

    rubric = {"id": "r", "criteria": [{"id": "a", "text": "Is it kind?", **criterion}]}
    told: list[str] = []

    prepare(
        [{"id": 1, "task": "Hi?", "response": "Yes."}], rubric, "control:longer", ledger=None, say=told.append
    )

    assert ("two_ends" in {finding.code for finding in lint(rubric)}) is asked
    assert any(f"`scale: {criterion['scale'][0]}-{criterion['scale'][1]}`" in each for each in told) is asked


def test_a_reward_asks_back_too():
    from judgekit.rewards import Rewarder

    rubric = {"id": "r", "criteria": [{"id": "a", "text": "Is it kind?", "scale": [1, 10]}]}

    with pytest.warns(UserWarning, match="`scale: 1-10`"):
        Rewarder({"rubric": rubric}, "control:longer")
