"""What a criterion or a protocol cannot do without is asked for before any call."""

import pytest

import judgekit as jk
from judgekit.rubric import load_rubric
from judgekit.rubric.diff import diff
from judgekit.rubric.lint import lint
from judgekit.rubric.write import to_yaml

ROW = {"id": "1", "task": "Where is my parcel?", "response": "At the depot."}
TONE = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}


def never(_):
    raise AssertionError("a call was made")


def asked(verb, rows, rubric):
    return verb(rows, rubric, jk.Scripted("j", never), ledger=None)


@pytest.mark.parametrize(
    "rows", [[ROW], [{**ROW, "reference": " "}], [jk.Item("1", "Where?", {"a": "There."})]]
)
def test_a_match_without_a_reference_is_refused_before_any_call(rows):
    with pytest.raises(jk.InputError, match="reference"):
        asked(jk.match, rows, TONE)


def test_a_match_whose_criteria_have_references_of_their_own_needs_no_other():
    rubric = {"id": "r", "criteria": [{"id": "a", "text": "Does it name the depot?", "reference": "depot"}]}

    run = jk.match([ROW], rubric, jk.Scripted("j", lambda _: '{"label": "yes"}'), ledger=None)

    assert run.scores[0].value == 1.0


def test_a_rubric_about_sources_refuses_items_without_them_and_names_the_row():
    rows = [{**ROW, "sources": ["It is at the depot."]}, {**ROW, "id": "2"}]

    with pytest.raises(jk.InputError, match=r"row 2: has no sources, which the rubric or the protocol needs"):
        asked(jk.score, rows, "grounded_answer")


def test_a_column_that_is_needed_and_not_there_is_named_with_how_to_map_it():
    with pytest.raises(jk.InputError, match=r"no column 'reference'.*columns=\{'reference': 'gold'\}"):
        asked(jk.score, [{**ROW, "gold": "depot"}], {**TONE, "needs": ["reference"]})


def test_turns_are_a_conversation_as_task_or_response():
    rubric = {"id": "r", "criteria": [{"id": "a", "text": "Does it follow on?", "needs": ["turns"]}]}
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]

    with pytest.raises(jk.InputError, match="has no turns"):
        asked(jk.score, [ROW], rubric)
    judge = jk.Scripted("j", lambda _: '{"label": "yes"}')
    assert jk.score([{**ROW, "response": talk}], rubric, judge, ledger=None).scores[0].value == 1.0


def test_an_items_own_rubric_says_what_it_needs():
    own = {**TONE, "needs": ["reference"]}

    with pytest.raises(jk.InputError, match="has no reference"):
        asked(jk.score, [{**ROW, "rubric": own}], TONE)


def test_items_that_lack_something_can_be_skipped_and_are_counted():
    rows = [{**ROW, "reference": "depot"}, {**ROW, "id": "2"}]
    judge = jk.Scripted("j", lambda _: '{"label": "yes"}')

    run = jk.match(rows, TONE, judge, ledger=None, on_bad_item="skip")

    assert (run.summary["items"], run.summary["skipped"]) == (1, 1)


def test_a_need_moves_no_meaning_and_is_written_and_read_again():
    plain, needy = load_rubric(TONE), load_rubric({**TONE, "needs": ["sources"]})

    assert plain.digest == needy.digest
    assert [change.moves_meaning for change in diff(plain, needy)] == [False]
    assert "needs: [sources]" in to_yaml(needy)


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("Is it the same as the reference answer?", "reference"),
        ("Is each claim in the provided documents?", "sources"),
    ],
)
def test_lint_asks_to_declare_what_a_criterion_speaks_of(text, need):
    criterion = {"id": "a", "text": text}

    assert "needs" in [finding.code for finding in lint({"id": "r", "criteria": [criterion]})]
    told = {"id": "r", "criteria": [{**criterion, "needs": [need]}]}
    assert "needs" not in [finding.code for finding in lint(told)]


@pytest.mark.parametrize(
    "own", [{"id": "r", "criteria": []}, {"id": "r", "criteria": [{"id": "a"}]}, {"x": 1}]
)
def test_a_bad_rubric_of_the_last_items_own_is_told_before_any_call(own: dict):
    rows = [{**ROW, "id": n} for n in range(5)]

    with pytest.raises(jk.InputError, match="row 6"):
        asked(jk.score, [*rows, {**ROW, "id": 9, "rubric": own}], TONE)
