"""Laws of reading items: the format does not matter, nor does the way rows are cut."""

import csv
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import event, given
from hypothesis import strategies as st

from judgekit.errors import InputError
from judgekit.items import Skipped, read_items, survey
from judgekit.types import Item, Message

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: not t.isspace())
ids = st.text("ab\u00e91-", min_size=1, max_size=3)
tags = st.dictionaries(ids, texts.filter(lambda t: bool(t.strip())), max_size=2)

flat_rows = st.lists(
    st.fixed_dictionaries(
        {"item_id": ids, "task": texts, "response": texts},
        optional={
            "response_id": ids,
            "system": ids,
            "reference": texts,
            "tags": tags,
            "sources": st.lists(texts),
        },
    ),
    max_size=6,
)
COLUMNS = ("item_id", "task", "response", "response_id", "system", "reference", "tags", "sources")


def in_cells(rows: list[dict]) -> list[dict]:
    """Rows as a table holds them: every column in every row, mappings and lists as JSON."""
    cells = [{name: row.get(name) for name in COLUMNS} for row in rows]
    return [
        {k: json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for k, v in row.items()}
        for row in cells
    ]


def in_every_format(rows: list[dict], folder: Path) -> dict[str, Any]:
    lines = folder / "items.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sheet = folder / "items.csv"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(in_cells(rows))
    parquet = folder / "items.parquet"
    pq.write_table(
        pa.Table.from_pylist(in_cells(rows), pa.schema(dict.fromkeys(COLUMNS, pa.string()))), parquet
    )
    frame = pd.DataFrame(in_cells(rows), columns=list(COLUMNS))
    return {
        "list": rows,
        "jsonl": lines,
        "csv": sheet,
        "parquet": parquet,
        "frame": frame,
        "iterator": iter(rows),
    }


def read(source: Any) -> tuple[list[Item], int]:
    skipped: list[Skipped] = []
    try:
        return list(read_items(source, on_bad_item="skip", skipped=skipped)), len(skipped)
    except InputError:  # no row is good, which an iterator cannot know
        return [], -1


@given(flat_rows)
def test_the_same_rows_give_the_same_items_in_every_format(rows: list[dict]):
    with tempfile.TemporaryDirectory() as folder:
        results = {name: read(source) for name, source in in_every_format(rows, Path(folder)).items()}
    expected, n_skipped = results["list"]
    event(f"{len(expected)} items, {n_skipped} skipped")

    assert all(items == expected for items, _ in results.values())
    assert {n for name, (_, n) in results.items() if name != "iterator"} == {n_skipped}


@given(flat_rows)
def test_a_survey_counts_what_reading_gives(rows: list[dict]):
    items, n_skipped = read(rows)
    if n_skipped < 0:
        return

    found = survey(rows, on_bad_item="skip")

    assert (found.n_rows, found.n_items, found.n_skipped) == (len(rows), len(items), n_skipped)
    assert found.n_responses == sum(len(item.responses) for item in items)
    assert len({item.item_id for item in items}) == len(items)


messages = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), texts), min_size=1, max_size=2)
whole_items = st.lists(
    st.builds(
        Item,
        item_id=ids,
        task=texts | messages.map(tuple),
        responses=st.dictionaries(ids, texts | messages.map(tuple), min_size=1, max_size=3),
        reference=st.none() | texts.filter(lambda t: bool(t.strip())),
        sources=st.dictionaries(ids, texts, max_size=2),
        tags=st.dictionaries(ids, ids, max_size=2),
    ),
    max_size=4,
    unique_by=lambda item: item.item_id,
)


def as_json(text: Any) -> Any:
    return text if isinstance(text, str) else [{"role": m.role, "content": m.content} for m in text]


def shared(item: Item) -> dict:
    return {
        "id": item.item_id,
        "task": as_json(item.task),
        "reference": item.reference,
        "sources": dict(item.sources),
    }


@given(whole_items)
def test_an_item_in_one_row_equals_the_item_with_a_row_for_each_response(items: list[Item]):
    together = [
        {**shared(i), "tags": dict(i.tags), "responses": {k: as_json(v) for k, v in i.responses.items()}}
        for i in items
    ]
    apart: list[dict] = []
    for item in items:
        rows: Iterable[dict] = (
            {**shared(item), "response_id": k, "response": as_json(v)} for k, v in item.responses.items()
        )
        first, *rest = rows
        apart += [{**first, "tags": dict(item.tags)}, *rest]

    assert list(read_items(together)) == list(read_items(apart)) == list(read_items(items)) == items
    assert [list(i.responses) for i in read_items(apart)] == [list(i.responses) for i in items]


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["x", "[]", "{}"])
)
values = st.recursive(
    leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text() | ids, x, max_size=3)
)
chats = st.lists(st.dictionaries(st.sampled_from(["role", "content", "type", "text"]), values), max_size=2)
names = st.sampled_from([*COLUMNS, "id", "responses", "systems", "rubric"]) | st.text()
any_rows = st.lists(st.dictionaries(names, values | chats, max_size=8) | values, max_size=5)


@given(any_rows, st.sets(st.sampled_from(["response", "reference", "sources", "turns"])))
def test_whatever_stands_in_the_rows_only_input_errors_are_raised(rows: list[Any], needs: set[Any]):
    for source in (rows, iter(rows)):
        for how in ("raise", "skip"):
            try:
                items = list(read_items(source, on_bad_item=how, needs=needs))
            except InputError as error:
                event(str(error).split(":")[-1][:20])
            else:
                event(f"{len(items)} items")


@given(
    st.lists(
        st.binary(max_size=20) | any_rows.map(lambda rows: json.dumps(rows[:1])[1:-1].encode()), max_size=4
    )
)
def test_whatever_stands_in_a_file_only_input_errors_are_raised(lines: list[bytes]):
    with tempfile.TemporaryDirectory() as folder:
        for name, head in (
            ("a.jsonl", b""),
            ("a.csv", b"id,task,response\n"),
            ("a.json", b"["),
            ("a.parquet", b""),
        ):
            path = Path(folder) / name
            path.write_bytes(head + b"\n".join(lines))
            try:
                list(read_items(path, on_bad_item="skip"))
            except InputError as error:
                event(f"{name}{str(error).removeprefix(str(path))[:20]}")
