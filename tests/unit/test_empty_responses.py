"""An empty response is judged, or scored by a stated rule; it is never dropped."""

import pytest
from typer.testing import CliRunner

import judgekit as jk
from judgekit.cli import app

RUBRIC = {
    "id": "r",
    "criteria": [
        {"id": "kind", "text": "Is it kind?", "weight": 3},
        {"id": "rude", "text": "Is it rude?", "weight": -1},
        {"id": "grade", "text": "How clear is it?", "scale": {"low": 1, "high": 5}},
    ],
}
TONE = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
ROWS = [
    {"id": str(n), "task": "Hi", "system": "a", "response": text} for n, text in enumerate(["Yo.", "", ""])
]


def yes(call):
    return '{"label": 5}' if call.asks[0][1] == "grade" else '{"label": "yes"}'


def values(run, name="tone"):
    return [each.value for each in run.scores if each.level == "rubric" and each.name == name]


def test_empty_responses_are_judged_like_others(tmp_path):
    table = tmp_path / "items.csv"
    table.write_text("id,task,system,response\n0,Hi,a,Yo.\n1,Hi,a,\n2,Hi,a,\n", encoding="utf-8")
    seen = []

    def judge(call):
        seen.append(call.item.responses["a"])
        return '{"label": "yes"}' if seen[-1] else '{"label": "no"}'

    for items in (ROWS, table):
        run = jk.score(items, TONE, jk.Scripted("j", judge), ledger=None)
        assert values(run) == [1.0, 0.0, 0.0]
    assert sorted(seen) == ["", "", "", "", "Yo.", "Yo."]


@pytest.mark.parametrize("empty", ["", " \n", [], [{"role": "assistant", "content": ""}]])
def test_the_lowest_is_the_worst_of_each_scale_and_makes_no_call(empty):
    seen = []

    def judge(call):
        seen.append(call)
        return yes(call)

    rows = [{"id": "1", "task": "Hi", "responses": {"a": "Yo.", "b": empty}}]
    run = jk.score(rows, RUBRIC, jk.Scripted("j", judge), ledger=None, on_empty="lowest")
    found = {o.criterion: (o.label, o.value) for o in run.outcomes if o.unit.responses == ("b",)}
    whole = next(s for s in run.scores if s.unit.responses == ("b",) and s.level == "rubric")

    assert {call.shown for call in seen} == {("a",)}
    assert run.summary["calls"] == len(seen) == 3
    assert found == {"kind": ("no", 0.0), "rude": ("yes", 1.0), "grade": ("1", 0.0)}
    assert (whole.value, whole.flags, whole.low) == (0.0, ("empty_response",), None)


def test_an_abstention_has_its_reason_and_no_score():
    run = jk.score(ROWS, TONE, jk.Scripted("j", yes), ledger=None, on_empty="abstain")

    assert values(run) == [1.0, None, None]
    assert [o.reason for o in run.outcomes if isinstance(o, jk.Abstention)] == ["blocked", "blocked"]
    assert run.summary["calls"] == 1


def test_an_empty_response_loses_its_pairs_and_two_are_a_tie():
    rows = [{"id": "1", "task": "Hi", "responses": {"a": "Yo.", "b": "", "c": " "}}]
    run = jk.compare(rows, TONE, jk.Scripted("j", lambda _: "{}"), ledger=None, on_empty="lowest")

    assert [(s.unit.responses, s.value, s.flags) for s in run.scores] == [
        (("a", "b"), 1.0, ("empty_response",)),
        (("a", "c"), 1.0, ("empty_response",)),
        (("b", "c"), 0.5, ("empty_response",)),
    ]


def test_the_preview_counts_no_call_for_them():
    assert jk.preview(ROWS, TONE, jk.Scripted("j", yes), on_empty="lowest", ledger=None).least == 1
    assert jk.preview(ROWS, TONE, jk.Scripted("j", yes), ledger=None).least == 3


def test_a_cascade_scores_them_too():
    run = jk.score_cascade(
        ROWS, TONE, jk.Scripted("j", yes), None, doubt=lambda _: False, on_empty="lowest", ledger=None
    )

    assert values(run) == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"on_empty": "drop"}, "on_empty='drop'; there are judge, lowest, abstain"),
        ({"on_empty": "lowest", "protocol": "rank"}, "a list is ranked in one call"),
        ({"on_empty": "lowest", "recipe": "choice-funnel"}, "knows no on_empty"),
    ],
)
def test_what_knows_no_such_rule_says_so(options, why):
    with pytest.raises(jk.InputError, match=why):
        jk.score(ROWS, None if "recipe" in options else TONE, jk.Scripted("j", yes), ledger=None, **options)


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_no_response_at_all_is_a_gap_still(gap):
    with pytest.raises(jk.InputError, match="response is empty; fill it, or take the row out"):
        jk.score([{"id": "1", "task": "Hi", "response": gap}], TONE, jk.Scripted("j", yes), ledger=None)


def test_the_command_has_the_rule_as_an_option(tmp_path):
    table = tmp_path / "items.csv"
    table.write_text("id,task,response\n0,Hi,\n", encoding="utf-8")
    command = ["score", str(table), "-r", "instruction_following", "-j", "control:longer", "--ledger", "none"]
    told = CliRunner().invoke(app, [*command, "--on-empty", "lowest", "--dry-run"])

    assert told.exit_code == 0, told.output
    assert "0 calls" in told.output


def test_items_that_are_looked_up_again_have_their_empty_response(tmp_path):
    """What reads the items of a run a second time needs nothing of them, and finds what was judged."""
    items = tmp_path / "items.jsonl"
    items.write_text('{"id": "1", "task": "Hi", "response": "", "system": "old"}\n', encoding="utf-8")
    run = jk.score(items, TONE, "control:longer", ledger=None)
    labels = [{"item_id": "1", "response_id": "old", "rater": "ann", "label": "no"}]

    [item] = jk.read_items(items, needs=None)
    assert item.responses == {"old": ""}
    assert run.explain("1")[0].unit.responses == ("old",)
    jk.view_run(run, tmp_path / "run.html")
    jk.agree(run, labels=labels, rubric=TONE, items=items)
