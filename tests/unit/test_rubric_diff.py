import pytest

from judgekit.rubric import load_rubric
from judgekit.rubric.diff import Change, diff

A, B, C = ({"id": name, "text": f"Is it {name}?"} for name in "abc")


def changes(old: list[object], new: list[object]) -> list[tuple[str, str, object, object]]:
    """Place, field, old and new of each change between two lists of criteria."""
    before, after = (load_rubric({"id": "r", "criteria": criteria}) for criteria in (old, new))
    assert all(change.moves_meaning for change in diff(before, after))
    assert (before.digest == after.digest) == (diff(before, after) == [])
    return [(change.place, change.field, change.old, change.new) for change in diff(before, after)]


def test_the_same_rubric_has_no_changes():
    assert changes([A, B], [A, B]) == []


def test_a_changed_field_is_told_with_both_values():
    assert changes([A], [A | {"weight": -2}]) == [("criterion 'a'", "weight", 1.0, -2.0)]


def test_added_and_removed_criteria_are_told_whole():
    removed, added = changes([A, B], [A, C])

    assert removed[:2] == ("criterion 'b'", "removed")
    assert removed[2]["text"] == "Is it b?"
    assert added[:2] == ("criterion 'c'", "added")
    assert added[3]["text"] == "Is it c?"


def test_another_order_is_a_change():
    assert changes([A, B, C], [A, C, B]) == [("rubric", "order", ["a", "b", "c"], ["a", "c", "b"])]


def test_an_addition_in_between_is_no_change_of_order():
    assert [change[:2] for change in changes([A, C], [A, B, C])] == [("criterion 'b'", "added")]


def test_the_order_within_a_group_is_told_with_the_group():
    old, new = ([{"id": "g", "criteria": inner}] for inner in ([A, B], [B, A]))

    assert changes(old, new) == [("group 'g'", "order", ["a", "b"], ["b", "a"])]


def test_moving_into_a_group_is_told():
    old = [A, {"id": "g", "criteria": [B]}]
    new = [{"id": "g", "criteria": [A, B]}]

    assert changes(old, new) == [("criterion 'a'", "group", None, "g")]


def test_a_criterion_that_became_a_group_is_told():
    assert ("group 'a'", "kind", "criterion", "group") in changes([A], [{"id": "a", "criteria": [B]}])


@pytest.mark.parametrize(
    ("field", "value", "moves"),
    [
        ("id", "s", False),
        ("version", "2", False),
        ("origin", "me", False),
        ("guidelines", "Be strict.", True),
        ("total", False, True),
        ("rule", "published", True),
    ],
)
def test_a_rubrics_name_version_and_origin_do_not_move_the_meaning(field: str, value: object, moves: bool):
    old = load_rubric({"id": "r", "criteria": [A]})
    new = load_rubric({"id": "r", "criteria": [A], field: value})

    [change] = diff(old, new)

    assert change == Change("rubric", field, getattr(old, field), value, moves_meaning=moves)
    assert (old.digest != new.digest) == moves
