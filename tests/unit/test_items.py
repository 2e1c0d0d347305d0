"""Rows of lists and files -> items, and the one error for each thing that can be wrong."""

import json
import pickle
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from judgekit.errors import InputError
from judgekit.items import Skipped, read_items, survey
from judgekit.items.read import together
from judgekit.items.rows import Row
from judgekit.types import Item, Message

nan = float("nan")
ROW = {"item_id": "1", "task": "Hi?", "response": "Hello."}


def lines(path: Path, *rows: Any) -> Path:
    path.write_bytes(b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in rows))
    return path


def one(**more: Any) -> Item:
    [item] = read_items([{**ROW, **more}])
    return item


def test_a_row_becomes_an_item_with_its_place(tmp_path: Path):
    path = lines(
        tmp_path / "items.jsonl",
        {
            "id": 7,
            "task": [{"role": "user", "content": [{"type": "text", "text": "Why"}, {"text": "?"}]}],
            "responses": {"a": "So.", "b": [{"role": "assistant", "content": "Because."}]},
            "systems": {"a": "llama"},
            "reference": " Because. ",
            "sources": ["one", "two"],
            "tags": {"topic": "why", "year": 2026},
            "rubric": {"id": "own"},
        },
    )

    [item] = read_items(path)

    assert item == Item(
        "7",
        (Message("user", "Why?"),),
        {"a": "So.", "b": (Message("assistant", "Because."),)},
        " Because. ",
        {"1": "one", "2": "two"},
        {"a": "llama"},
        {"topic": "why", "year": "2026"},
        {"id": "own"},
    )
    assert item.where == f"{path}:1"


@pytest.mark.parametrize(
    ("more", "name", "systems"),
    [
        ({}, "response", {}),
        ({"system": "llama"}, "llama", {"llama": "llama"}),
        ({"response_id": 3, "system": "llama"}, "3", {"3": "llama"}),
    ],
)
def test_a_lone_response_is_called_by_its_id_else_its_system_else_response(
    more: dict, name: str, systems: dict
):
    item = one(**more)

    assert dict(item.responses) == {name: "Hello."}
    assert dict(item.systems) == systems


@pytest.mark.parametrize("gap", [None, nan, "", pd.NA, pd.NaT])
def test_a_gap_in_an_optional_column_is_no_column(gap: object):
    optional = ("response_id", "system", "systems", "reference", "sources", "tags", "rubric", "responses")

    assert one(**dict.fromkeys(optional, gap)) == one()


def test_a_reference_of_blanks_is_none():
    assert one(reference=" \n").reference is None
    assert one(reference=" x\n").reference == " x\n"


def test_judged_texts_are_taken_blank_by_blank():
    text = " e\u0301\r\n\ttail \u00a0"

    assert one(response=text, task=text).responses["response"] == text
    assert one(item_id=" e\u0301 ").item_id == "\u00e9"


def test_columns_map_our_names_to_theirs():
    rows = [{"qid": 1, "prompt": "Hi?", "answer": "Hello.", "task": "not this"}]

    [item] = read_items(rows, columns={"item_id": "qid", "task": "prompt", "response": "answer"})

    assert (item.item_id, item.task, dict(item.responses)) == ("1", "Hi?", {"response": "Hello."})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"item_id": True}, "item_id: True is a bool, not text; put it in quotes"),
        (
            {"item_id": 3.0},
            "item_id 3.0 is a float; pandas makes floats of whole numbers where a column has gaps",
        ),
        ({"item_id": "  "}, "item_id: an id or a label must not be empty"),
        ({"item_id": None}, "item_id is empty"),
        ({"task": " \n"}, "task is empty; fill it, or take the row out"),
        ({"task": []}, "task is empty"),
        ({"response": None}, "response is empty"),
        (
            {"response": 42},
            "response is an int (42), not text; put it in quotes (in pandas: read the column with",
        ),
        ({"response": {"a": "b"}}, "response is a dict ({'a': 'b'}), not text; write it as text"),
        ({"response": "cut \ud83d"}, "response holds half of a surrogate pair (\\ud83d at character 5)"),
        ({"item_id": "cut \ud83d"}, "half of a surrogate pair"),
        ({"responses": {"a": "b"}}, "has both a 'response' and 'responses'"),
        ({"response": [{"role": "user"}]}, "response: message 1: content is null"),
        ({"response": ["so"]}, 'response: message 1 is a str, not {"role": ..., "content": ...}'),
        ({"response": [{"role": " ", "content": "x"}]}, "response: message 1 has the role ' '"),
        (
            {"response": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "response: message 1, part 1 is 'image_url', but only text is judged",
        ),
        (
            {
                "response": [
                    {"role": "assistant", "content": "x", "tool_calls": [{"id": "1", "name": "cut \ud83d"}]}
                ]
            },
            "response: message 1: the name of call 1 holds half of a surrogate pair",
        ),
        ({"reference": 1}, "reference is an int (1), not text"),
        ({"sources": '["a text"'}, "sources is no JSON"),
        ({"sources": {"a": 1}}, "source 'a' is an int (1), not text"),
        ({"tags": ["x"]}, "tags is a list (['x']), not a mapping"),
        ({"tags": {"hard": True}}, "tags['hard']: True is a bool"),
        ({"tags": {" a": "x", "a ": "y"}}, "tags has 'a' twice"),
        ({"rubric": "peem"}, "rubric is no JSON"),
        ({"systems": {"b": "llama"}, "response": None, "responses": {"a": "x"}}, "systems names ['b']"),
        ({"system": "llama", "response": None, "responses": {"a": "x"}}, "'system' goes with one 'response'"),
        ({"response": None, "responses": {"a": None}}, "response 'a' is null; leave it out"),
        ({"response": None, "responses": {}}, "responses holds none"),
        (
            {"response": None, "responses": {"": "x"}},
            "a key of responses: an id or a label must not be empty",
        ),
    ],
)
def test_a_bad_row_is_one_error_that_says_where_what_and_what_would_do(more: dict, message: str):
    with pytest.raises(InputError) as error:
        list(read_items([{**ROW, "item_id": "0"}, {**ROW, **more}]))

    assert str(error.value).startswith("items: row 2: ")
    assert message in str(error.value)


def test_what_is_no_source_is_refused_at_once(tmp_path: Path):
    with pytest.raises(InputError, match="a dict holds no rows"):
        read_items(ROW)
    with pytest.raises(InputError, match="an int holds no rows"):
        read_items(3)
    with pytest.raises(InputError, match=r"files of items end in .jsonl, .*, not in '.txt'"):
        read_items(tmp_path / "items.txt")
    with pytest.raises(InputError, match=r"items.csv: cannot be read \(No such file or directory\)"):
        read_items(str(tmp_path / "items.csv"))
    with pytest.raises(InputError, match="row 1: is a list, not a mapping"):
        read_items([["1", "Hi?", "Hello."]])
    with pytest.raises(InputError, match="columns: nothing here is called 'taks'; did you mean 'task'"):
        read_items([ROW], columns={"taks": "prompt"})


def test_a_missing_column_names_those_found_and_the_nearest():
    with pytest.raises(InputError) as error:
        read_items(pd.DataFrame([{"id": 1, "prompt": "Hi?", "Answer": "Hello."}]))

    assert str(error.value) == (
        "frame: no column 'task', no column 'response'; found ['Answer', 'id', 'prompt']; "
        "map them with columns={'task': 'prompt', 'response': 'Answer'} "
        "(--column task=prompt --column response=Answer)"
    )


def test_a_mapped_column_that_no_row_has_is_an_error_even_if_it_is_optional():
    with pytest.raises(InputError, match=r"items: no column 'glod'; found .*'gold'"):
        read_items([{**ROW, "gold": "x"}], columns={"reference": "glod"})


# Grouping: adjacent rows with one id.


def rows_of(*pairs: tuple[str, str], **more: Any) -> list[dict]:
    return [{"item_id": i, "task": "Hi?", "response_id": r, "response": r.upper(), **more} for i, r in pairs]


def test_adjacent_rows_with_one_id_are_one_item():
    rows = rows_of(("1", "b"), ("1", "a"), ("2", "a"))
    rows[0] |= {"tags": {"x": "1"}, "system": "llama"}
    rows[1] |= {"tags": {"y": "2"}}

    first, second = read_items(rows)

    assert list(first.responses.items()) == [("b", "B"), ("a", "A")]
    assert dict(first.tags) == {"x": "1", "y": "2"}
    assert dict(first.systems) == {"b": "llama"}
    assert first.where == "items: row 1"
    assert second.item_id == "2"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"task": "Ho?"}, "task differs from that at items: row 1, which has the same item_id '1'"),
        ({"reference": "x"}, "reference differs"),
        ({"sources": ["x"]}, "sources differs"),
        ({"rubric": {"id": "x"}}, "rubric differs"),
        ({"tags": {"topic": "b"}}, "tag 'topic' is 'b', but 'a' at items: row 1"),
        ({"response_id": "a"}, "response 'a' of item '1' stands at items: row 1 already"),
    ],
)
def test_rows_of_one_item_must_agree(more: dict, message: str):
    first, second = rows_of(("1", "a"), ("1", "b"), tags={"topic": "a"})
    second |= more

    with pytest.raises(InputError) as error:
        read_items([first, second])

    assert str(error.value).startswith("items: row 2: ")
    assert message in str(error.value)


def test_a_bad_row_is_left_out_and_its_item_stays_with_the_other_responses():
    rows = rows_of(("1", "a"), ("1", "b"), ("1", "c"), ("2", "a"))
    rows[1]["response"] = None
    rows[2]["task"] = "Ho?"
    skipped: list[Skipped] = []

    items = list(read_items(rows, on_bad_item="skip", skipped=skipped))

    assert [(item.item_id, list(item.responses)) for item in items] == [("1", ["a"]), ("2", ["a"])]
    assert [each.where for each in skipped] == ["items: row 2", "items: row 3"]
    assert skipped[0].message == "response is empty; fill it, or take the row out"


# Ids that come again.


def by_system(n: int, systems: str = "ab") -> list[dict]:
    return rows_of(*((str(i), system) for system in systems for i in range(n)))


def test_rows_ordered_by_system_are_one_item_all_the_same(tmp_path: Path):
    path = lines(tmp_path / "items.jsonl", *by_system(3))

    found = survey(path, needs={"response", "pair"})
    items = list(read_items(path, needs={"response", "pair"}))

    assert [(item.item_id, list(item.responses)) for item in items] == [(i, ["a", "b"]) for i in "012"]
    assert (found.n_rows, found.n_items, found.n_responses, found.apart) == (6, 3, 6, True)


@pytest.mark.parametrize("kind", ["list", "items", "frame", "again"])
def test_rows_that_stand_apart_are_one_item_from_memory_too(kind: str):
    class Again:
        def __iter__(self) -> Iterator[dict]:
            return (row for row in by_system(3))

    rows = by_system(3)
    source: Any = {
        "list": rows,
        "items": [Item(row["item_id"], "Hi?", {row["response_id"]: "Hello."}) for row in rows],
        "frame": pd.DataFrame(rows),
        "again": Again(),
    }[kind]

    assert [list(item.responses) for item in read_items(source)] == [["a", "b"]] * 3


def test_rows_of_one_item_that_clash_are_an_error_naming_both_places_wherever_they_stand(tmp_path: Path):
    path = lines(tmp_path / "items.jsonl", *rows_of(("1", "a"), ("2", "a"), ("1", "a")))

    with pytest.raises(InputError) as error:
        read_items(path)

    assert str(error.value).startswith(f"{path}:3: response 'a' of item '1' stands at {path}:1 already")


def test_bad_rows_among_rows_that_stand_apart_are_skipped_alone():
    rows = [*rows_of(("1", "a"), ("2", "a")), {"item_id": "1"}, *rows_of(("1", "b"), ("2", "a"), ("3", "a"))]
    skipped: list[Skipped] = []

    found = survey(rows, on_bad_item="skip")
    items = list(read_items(rows, on_bad_item="skip", skipped=skipped, surveyed=found))

    assert [(item.item_id, list(item.responses)) for item in items] == [
        ("1", ["a", "b"]),
        ("2", ["a"]),
        ("3", ["a"]),
    ]
    assert {each.where for each in skipped} == {"items: row 5", "items: row 3"}
    assert (found.n_rows, found.n_items, found.n_responses, found.n_skipped) == (6, 3, 4, 2)


def test_an_item_with_one_response_is_still_refused_where_two_are_compared():
    rows = [*by_system(2), *rows_of(("9", "a"))]

    with pytest.raises(InputError, match="items: row 5: has 1 response, and two or more are compared"):
        survey(rows, needs={"response", "pair"})
    with pytest.raises(InputError, match="items: row 1: has 1 response"):
        survey(rows_of(("1", "a"), ("2", "a")), needs={"response", "pair"})


def test_what_is_sorted_is_on_disk_and_not_in_memory():
    rows = (
        {**ROW, "item_id": f"{i}", "system": s, "response": "x" * 10_000} for s in "ab" for i in range(2_000)
    )
    held = (Row(f"row {n}", row) for n, row in enumerate(rows))

    tracemalloc.start()
    n = sum(1 for _ in together(held, lambda row: row.values["item_id"]))  # noqa: PD011 - no frame
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert n == 4_000
    assert peak < 8_000_000  # of 40 MB of text


def test_an_iterator_is_checked_as_it_comes():
    rows = iter(rows_of(("1", "a"), ("2", "a"), ("1", "b")))

    items = read_items(rows)

    assert [next(items).item_id, next(items).item_id] == ["1", "2"]
    with pytest.raises(InputError, match="items: row 3: item_id '1' came before already"):
        next(items)


def test_an_iterator_is_not_read_further_than_needed():
    def endless() -> Iterator[dict]:
        n = 0
        while True:
            n += 1
            yield {**ROW, "item_id": n}

    items = read_items(endless())

    assert [next(items).item_id for _ in range(3)] == ["1", "2", "3"]
    with pytest.raises(InputError, match="an iterator can be read once only"):
        survey(endless())


def test_if_no_row_is_good_skipping_them_all_is_an_error():
    with pytest.raises(
        InputError, match="none of 2 rows can be used; the first: items: row 1: no column 'task'"
    ):
        read_items([{"item_id": 1, "response": "x"}, {"item_id": 2, "response": "x"}], on_bad_item="skip")


def test_items_without_a_response_need_the_callers_word():
    row = {"item_id": "1", "task": "Hi?"}

    with pytest.raises(InputError, match="no column 'response'"):
        read_items([row])
    [item] = read_items([row], needs=())

    assert dict(item.responses) == {}
    with pytest.raises(InputError, match="adds no response to items: row 1"):
        read_items([row, row], needs=())


# Items made by hand.


def test_items_come_back_as_they_are():
    item = Item("1", (Message("user", "Hi?"),), {"a": "x"}, tags={"b": "c"}, where="mine")

    assert list(read_items([item])) == [item]
    assert list(
        read_items([{"id": "1", "task": item.task, "responses": item.responses, "tags": item.tags}])
    ) == [item]
    assert next(read_items([item])).where == "mine"
    assert next(read_items([Item("1", responses={"a": "x"})])).where == "items: row 1"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Item(" 1", responses={"a": "x"}), "item_id ' 1' is not in NFC, or has blanks around it"),
        (Item("1"), "the item has no response"),
        (Item("1", responses={"a ": "x"}), "response id 'a ' is no name"),
        (Item("1", responses={"a": "\ud800"}), "half of a surrogate pair"),
        (Item("1", responses={"a": "x"}, systems={"b": "y"}), "systems names ['b']"),
        (Item("1", responses={"a": "x"}, reference=3), "reference is an int (3), not text"),  # type: ignore[arg-type]
    ],
)
def test_items_made_by_hand_are_held_to_the_same_rules(item: Item, message: str):
    with pytest.raises(InputError) as error:
        read_items([item])

    assert message in str(error.value)


def test_items_that_were_read_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(one())) == one()  # noqa: S301 - our own bytes


# Memory.


def peak_of_reading(path: Path) -> int:
    tracemalloc.start()
    for _ in read_items(path):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_five_times_the_rows_take_no_more_memory_than_their_digests(tmp_path: Path, suffix: str):
    peaks = []
    for n in (5_000, 25_000):
        path = tmp_path / f"{n}{suffix}"
        frame = pd.DataFrame({"item_id": range(n), "task": "Hi?" * 30, "response": "Hello." * 30})
        if suffix == ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        elif suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, row_group_size=5_000)
        if not peaks:
            list(read_items(path))  # what is made once, such as imports, is made now
        peaks.append(peak_of_reading(path))

    assert peaks[1] - peaks[0] < 20_000 * 16  # the array grows by steps, and is looked through once
