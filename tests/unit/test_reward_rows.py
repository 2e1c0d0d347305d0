"""A trainer's batch as groups: runs of equal rows, split groups, columns, rubrics, chats."""

import numpy as np
import pytest

from judgekit.errors import InputError
from judgekit.rewards.core.conversion import Columns, cut_rows, groups_of, identities, sized
from judgekit.rewards.core.records import text_of_chat
from judgekit.types import Message


def grouped(prompts, data=None, columns=None, size=None, *, whole=False):
    data, columns = data or {}, columns or Columns()
    cut = cut_rows(identities(prompts, data, columns), size, whole=whole)
    return groups_of(cut, prompts, [f"answer {i}" for i in range(len(prompts))], data, columns)


def test_rows_that_are_equal_and_next_to_one_another_are_a_group():
    groups, keys = grouped(["p", "p", "q", "q"])

    assert [list(g.responses.values()) for g in groups] == [
        ["answer 0", "answer 1"],
        ["answer 2", "answer 3"],
    ]
    assert keys == [("0", "0"), ("0", "1"), ("1", "2"), ("1", "3")]


def test_the_same_prompt_drawn_twice_in_a_row_is_two_groups_of_the_size_said():
    assert cut_rows(["p"] * 8, 4, whole=True) == [range(4), range(4, 8)]


@pytest.mark.parametrize(("rows", "size"), [("aaaabbbb", 2), ("aaaaaa", 2), ("aaaabbbbbb", 2)])
def test_groups_that_are_all_larger_than_was_said_are_an_error(rows, size):
    n = rows.count("a")
    with pytest.raises(InputError, match=f"{n} generations .* num_generations={size}.* num_generations={n} "):
        sized(list(rows), size)


@pytest.mark.parametrize(("rows", "size", "before"), [("aaaabb", 2, False), ("aaaa", 2, True), ("", 2, True)])
def test_a_prompt_drawn_twice_in_a_row_is_none(rows, size, before):
    assert sized(list(rows), size, before=before)


def test_a_part_of_a_group_says_nothing_of_its_size():
    assert not sized(list("aa"), 4)


def test_a_row_id_tells_equal_prompts_apart():
    groups, _ = grouped(["p"] * 4, {"id": [7, 7, 8, 8]}, Columns(row_id="id"))

    assert [g.key for g in groups] == ["7#0", "8#1"]


def test_a_row_id_met_again_later_is_another_group():
    groups, _ = grouped(["p"] * 3, {"id": ["a", "b", "a"]}, Columns(row_id="id"))

    assert len({g.key for g in groups}) == 3


def test_equal_prompts_with_different_references_are_different_rows():
    groups, _ = grouped(["p"] * 4, {"gold": ["1", "1", "2", "2"]}, Columns(reference="gold"))

    assert [g.reference for g in groups] == ["1", "2"]


@pytest.mark.parametrize(("rows", "size"), [("aabb", 4), ("aaaabb", 4), ("aab", 2), ("a", 2)])
def test_a_split_group_is_an_error_that_names_the_ways_out(rows, size):
    with pytest.raises(InputError, match=r"split over processes.*multiple of num_generations.*reward serve"):
        cut_rows(list(rows), size, whole=True)


def test_a_split_group_is_told_by_its_rows():
    with pytest.raises(InputError, match="rows 4 to 6 of this process are 3 generations of one prompt"):
        cut_rows(list("aaaabbb"), 4, whole=True)


def test_a_split_group_does_not_matter_where_responses_are_rewarded_alone():
    assert cut_rows(list("aabb"), 4) == [range(2), range(2, 4)]


def test_checks_see_the_columns_that_are_the_same_in_the_whole_group():
    same = np.array([1, 2])
    data = {"topic": ["t", "t"], "draw": [1, 2], "vector": [same, same.copy()], "one": [same, same]}

    [group], _ = grouped(["p", "p"], data)

    assert group.columns == {"topic": "t", "one": same}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("x", "x"), (42, "42"), (0.5, "0.5"), (np.int64(3), "3"), (np.float64(1.5), "1.5"),
        (None, None), ("", None), (" \n", None), (float("nan"), None), (np.float32("nan"), None),
    ],
)  # fmt: skip
def test_a_reference_is_text_or_a_number_and_a_gap_is_none(value, read):
    [group], _ = grouped(["p"], {"gold": [value]}, Columns(reference="gold"))

    assert group.reference == read


@pytest.mark.parametrize("value", [True, ["x"], {"a": 1}])
def test_another_reference_is_refused_with_its_row(value):
    with pytest.raises(InputError, match="row 0: reference 'gold' is a"):
        grouped(["p"], {"gold": [value]}, Columns(reference="gold"))


def test_a_column_that_is_not_there_is_an_error_that_lists_those_that_are():
    with pytest.raises(InputError, match=r"reference='gold' is no column of the data set; .*'answer'"):
        grouped(["p"], {"answer": ["x"]}, Columns(reference="gold"))


RUBRIC = {"id": "own", "criteria": [{"id": "kind", "text": "Is it kind?", "weight": 2}]}


def rubric_read(value):
    [group], _ = grouped(["p"], {"rubric": [value]}, Columns(rubric="rubric"))
    return group.rubric


def test_a_rubric_comes_as_json_or_as_a_mapping_with_gaps_that_arrow_filled():
    arrow = {**RUBRIC, "guidelines": None, "criteria": [{**RUBRIC["criteria"][0], "veto": None}]}

    assert rubric_read('{"criteria": [{"id": "kind", "text": "Is it kind?", "weight": 2}]}') == RUBRIC
    assert rubric_read(arrow) == RUBRIC
    assert rubric_read(RUBRIC["criteria"]) == RUBRIC
    assert rubric_read(None) is None
    assert rubric_read("") is None


@pytest.mark.parametrize(("value", "told"), [("{", "no JSON"), (3, "an int"), ('"word"', "a str")])
def test_what_is_no_rubric_is_refused_with_its_row(value, told):
    with pytest.raises(InputError, match=f"row 0: rubric 'rubric' is .*{told}"):
        rubric_read(value)


def test_one_message_is_its_content_and_several_stay_a_conversation():
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]

    assert text_of_chat(turns) == (Message("system", "Be kind."), Message("user", "Hi"))
    assert text_of_chat(turns[1:]) == "Hi"
    assert text_of_chat("") == ""


def test_thoughts_beside_the_content_are_no_part_of_the_response():
    assert text_of_chat([{"role": "assistant", "content": "42", "reasoning_content": "hm"}]) == "42"


@pytest.mark.parametrize(
    ("call", "read"),
    [
        (
            {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
            Message("call", '{"a": 1}', "add"),
        ),
        ({"name": "add", "arguments": "{}"}, Message("call", "{}", "add")),
        ({"query": "no name"}, Message("call", '{"query": "no name"}')),
        ("add(1)", Message("call", '"add(1)"')),
    ],
)
def test_calls_of_tools_are_turns_of_the_response(call, read):
    turns = [
        {"role": "assistant", "content": "Wait.", "tool_calls": [call]},
        {"role": "tool", "content": "2"},
    ]

    assert text_of_chat(turns) == (Message("assistant", "Wait."), read, Message("tool", "2"))


def test_content_in_parts_is_joined_and_a_picture_is_refused():
    words = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert text_of_chat([{"role": "user", "content": words}]) == "ab"
    with pytest.raises(InputError, match="message 1, part 1 is 'image', but only text is judged"):
        text_of_chat([{"role": "user", "content": [{"type": "image", "image": None}]}])


@pytest.mark.parametrize(
    "value", [3, None, b"x", [{"content": "no role"}], ["text"], [{"role": "user", "content": 3}]]
)
def test_what_is_neither_text_nor_messages_is_refused(value):
    with pytest.raises(InputError, match="conversation"):
        text_of_chat(value)
