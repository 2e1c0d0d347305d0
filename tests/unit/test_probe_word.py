"""Rationales and labels that contradict each other."""

import json
from typing import Any

import pytest

import judgekit as jk
from judgekit.probes.word import claims
from judgekit.scales import PAIR, YES_NO, Labels, Numbers
from judgekit.types import Call, Unit

FIVE = Labels(labels=tuple("12345"))
WORDS = Labels(labels=("poor", "fair", "very good"))
PERCENT = Numbers(low=0, high=100)

STATED = [
    ("It insults the reader. So the answer is no.", YES_NO, "no"),
    ("No, it leaves the question open.", YES_NO, "no"),
    ("**Yes**, it does.", YES_NO, "yes"),
    ("Overall I would give it a score of 4.", FIVE, "4"),
    ("It merits a 2 for its gaps.", FIVE, "2"),
    ("My rating for this response is: 3", FIVE, "3"),
    ("The label should be 'Very  Good'.", WORDS, "very good"),
    ("I rate it 70 for this.", PERCENT, "70"),
]
NOT_STATED = [
    ("No errors were found in it.", YES_NO),
    ("The answer is yes, says the response.", YES_NO),
    ("It does not deserve a 5.", FIVE),
    ("A score of 5 could have been given for an example.", FIVE),
    ("It earns no more than a 3.", FIVE),
    ("Ratings of 4 and a score of 5 are both defensible: a score of 4.", FIVE),
    ("It scores 4.5 of the marks.", FIVE),
    ("It lists 3 reasons and 2 examples.", FIVE),
    ("If the source were right, the label would be no.", YES_NO),
]


@pytest.mark.parametrize(("rationale", "scale", "label"), STATED)
def test_a_label_that_is_stated_is_found(rationale: str, scale: Any, label: str) -> None:
    assert [each.label for each in claims(rationale, scale)] == [label]


@pytest.mark.parametrize(("rationale", "scale"), NOT_STATED)
def test_a_label_that_is_only_mentioned_is_not(rationale: str, scale: Any) -> None:
    assert list(claims(rationale, scale)) == []


@pytest.mark.parametrize(
    ("rationale", "side"),
    [
        ("Response B is clearly better.", "second"),
        ("The first answer is more helpful.", "first"),
        ("Assistant 2's answer was slightly more comprehensive.", "second"),
        ("I prefer response A.", "first"),
        ("B wins.", "second"),
        ("Overall, it is a tie.", "tie"),
        ("Therefore, both assistants receive the same score.", "tie"),
        ("Response A is not better.", None),
        ("Neither response A is better nor response B.", None),
        ("Response A is better in tone, and response B is better in content.", None),
        ("A is a letter.", None),
    ],
)
def test_of_a_pair_it_is_found_who_is_said_to_be_better(rationale: str, side: str | None) -> None:
    unit = Unit("1", ("x", "y"))
    found = [each.label for each in claims(rationale, PAIR, unit=unit, shown=("x", "y"))]
    turned = [each.label for each in claims(rationale, PAIR, unit=unit, shown=("y", "x"))]

    assert found == ([] if side is None else [side])
    assert turned == [{"first": "second", "second": "first"}.get(each, each) for each in found]


def test_a_conclusion_counts_for_more_than_what_came_before() -> None:
    said = "Response A is better in tone. Overall, response B is better."
    flags = [(each.label, each.final) for each in claims(said, PAIR, unit=Unit("1", ("x", "y")))]

    assert flags == [("first", False), ("second", True)]


def test_a_long_rationale_without_an_end_is_read() -> None:
    for hostile in (" A" * 10**6, "score of " * 10**5, "give it the a " * 10**5, "\n" * 10**6):
        assert list(claims(hostile, PAIR, unit=Unit("1", ("x", "y")))) == []
        assert list(claims(hostile, FIVE)) == []


RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ITEMS = [{"id": f"i{n}", "task": "Hi", "response": f"Text {n}"} for n in range(30)]


def probed(rationale: Any, protocol: Any = "grade", **options: Any) -> Any:
    def answer(call: Call) -> str:
        label = "A" if len(call.shown) == 2 else "yes"
        assert call.item is not None
        return json.dumps({"polite": {"rationale": rationale(call), "label": label}})

    judge = jk.Scripted("judge", answer)
    options = {"items": ITEMS, "ledger": None, "progress": False, **options}
    [shift] = jk.probe(
        rubric=RUBRIC, judges=judge, only=["contradiction"], protocol=protocol, **options
    ).shifts
    return shift


def test_a_judge_that_contradicts_itself_is_caught_with_both_passages_and_another_is_not() -> None:
    def turning(call: Call) -> str:
        odd = int(call.item.item_id[1:]) % 2  # type: ignore[union-attr]
        return "It is rude, so the label is no." if odd else "It is kind, so the label is yes."

    torn = probed(turning)
    one = probed(lambda _: "It is kind, so the label is yes.")

    assert (torn.state, torn.shift.value) == ("fault", pytest.approx(0.5))
    assert "30 of 60 rationales" in torn.says  # each item is asked twice
    assert "'yes' beside 'It is rude, so the label is no.'" in torn.says
    assert (one.state, one.failed.value) == ("open", 0)  # of 60, one in twenty may have been missed
    assert [(each.name, each.value) for each in one.more] == [("stated", 1)]


def test_a_single_contradiction_is_told_and_is_no_fault_yet() -> None:
    found = probed(lambda call: "The label is no." if call.item.item_id == "i3" else "Fine.")

    assert found.state != "fault"
    assert "(item 'i3', 'polite')" in found.says


def test_pairs_are_read_in_the_order_they_were_shown_in() -> None:
    items = [{"id": f"i{n}", "task": "Hi", "responses": {"x": "a", "y": f"b{n}"}} for n in range(30)]

    right = probed(lambda _: "Overall, response A is better.", "compare", items=items)
    wrong = probed(lambda _: "Overall, response B is better.", "compare", items=items)

    assert (right.state, wrong.state, wrong.shift.value) == ("held", "fault", 1)


def test_where_there_is_no_rationale_that_is_said() -> None:
    found = probed(lambda _: "")

    assert (found.says, found.n) == ("no verdict has a rationale", 0)


def test_contradictions_of_a_run_are_listed() -> None:
    run = jk.score(
        ITEMS[:2], RUBRIC, ledger=None, progress=False,
        judges=lambda _: '{"polite": {"rationale": "So the label is no.", "label": "yes"}}',
    )  # fmt: skip

    found = jk.probes.contradictions(run.outcomes, jk.load_rubric(RUBRIC))

    assert [(each.unit.item_id, each.label, each.said) for each in found] == [
        ("i0", "yes", "no"), ("i1", "yes", "no"),
    ]  # fmt: skip
