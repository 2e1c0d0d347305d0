"""Files and frames of items: places of what is broken, and what each format brings with it."""

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from judgekit.errors import InputError
from judgekit.items import Skipped, read_items, survey

HEADER = b"item_id,task,response\n"
GOOD = b'{"item_id": 1, "task": "Hi?", "response": "Hello."}\n'


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def fault_of(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        list(read_items(path, **options))
    return str(error.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b'{"item_id": 2, "task": "Caf\xe9?"}\n',
            ":2: is not UTF-8: byte 0xe9 at byte 28 of the line; save as UTF-8",
        ),
        (b'{"item_id": 2,\n', ":2: is not JSON: "),
        (b"{\n", ":2: holds only the start of a value; write each row on one line, or name the file .json"),
        (b'{"item_id": 2, "task": "\\ud800"}\n', ":2: is not JSON: "),
        (b'{"item_id": NaN}\n', ":2: is not JSON: "),
        (GOOD.strip() + GOOD, ":2: is not JSON: "),
        (b'["a"]\n', ":2: is a list, not a mapping"),
        (b'{"item_id": 2}\n', ":2: no column 'task', no column 'response'; found ['item_id']; map them with"),
        (b'{"item_id": 123456789012345678901, "task": "a", "response": "b"}', ":2: item_id 1.23"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, message: str):
    path = write(tmp_path / "items.jsonl", GOOD + line)

    assert fault_of(path).startswith(message)


def test_broken_lines_can_be_skipped(tmp_path: Path):
    path = write(
        tmp_path / "items.ndjson", b"\xef\xbb\xbf" + GOOD + b"\n{\n\xff\n" + GOOD.replace(b"1", b"2")
    )
    skipped: list[Skipped] = []

    items = list(read_items(path, on_bad_item="skip", skipped=skipped))

    assert [item.item_id for item in items] == ["1", "2"]
    assert [each.where for each in skipped] == [f"{path}:3", f"{path}:4"]


def test_json_holds_a_list(tmp_path: Path):
    path = write(tmp_path / "items.json", json.dumps([json.loads(GOOD)]).encode())

    [item] = read_items(path)

    assert item.where == f"{path}: row 1"
    assert fault_of(write(path, b'{"items": []}')) == ": holds a dict, not a list of rows"
    assert fault_of(write(path, GOOD + GOOD)).startswith(": is not JSON: ")


# CSV


def test_csv_cells_hold_json_where_a_mapping_is_meant(tmp_path: Path):
    path = write(
        tmp_path / "items.tsv",
        b"\xef\xbb\xbfid\ttask\tresponses\tsources\ttags\trubric\treference\r\n"
        b'07\t"Hi,\r\n""you""?"\t"{""a"": ""x""}"\t"[""s""]"\t{}\t"{""id"": ""own""}"\t\r\n',
    )

    [item] = read_items(path)

    assert (item.item_id, item.task) == ("07", 'Hi,\r\n"you"?')
    assert (dict(item.responses), dict(item.sources), dict(item.tags)) == ({"a": "x"}, {"1": "s"}, {})
    assert (item.rubric, item.reference) == ({"id": "own"}, None)


def test_chat_messages_are_not_looked_for_in_csv(tmp_path: Path):
    path = write(tmp_path / "items.csv", HEADER + b'1,"[{""role"": ""user"", ""content"": ""Hi?""}]",x\n')

    assert next(read_items(path)).task == '[{"role": "user", "content": "Hi?"}]'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": is empty; the first line must name the columns"),
        (b"item_id,task,task\n", ": column 'task' stands there twice; rename one of them"),
        (
            b"item_id,prompt,response\n",
            ": no column 'task'; found ['item_id', 'prompt', 'response']; map it with",
        ),
        (HEADER + b"1,Hi?\n", ":2: has 2 fields, the header 3; put fields that hold a separator"),
        (HEADER + b'\n1,"a\nb",c\n2,Hi, you?,x\n', ":5: has 4 fields, the header 3"),
        (HEADER + b'1,"Hi"?,x\n', ":2: is not CSV: "),
        (
            HEADER + b'1,a,b\n2,"Hi,x\n3,a,b\n',
            ":3: opens a double quote that is not closed, so that all up to line 4",
        ),
        (HEADER + b'1,"a\nCaf\xe9",x\n', ":3: is not UTF-8: byte 0xe9 at byte 4 of the line"),
        (HEADER + b"1,,x\n", ":2: task is empty"),
        (HEADER + b",Hi?,x\n", ":2: item_id is empty"),
        (b"caf\xe9,task,response\n", ":1: is not UTF-8"),
    ],
)
def test_a_broken_csv_row_is_named(tmp_path: Path, content: bytes, message: str):
    assert fault_of(write(tmp_path / "items.csv", content)).startswith(message)


def test_broken_csv_rows_can_be_skipped(tmp_path: Path):
    path = write(tmp_path / "items.csv", HEADER + b'1,a,b\n2,"a"b,c\n3,\xff,c\n4,a\n5,a,b\n')
    skipped: list[Skipped] = []

    items = list(read_items(path, on_bad_item="skip", skipped=skipped))

    assert [item.item_id for item in items] == ["1", "5"]
    assert [each.where.rsplit(":")[-1] for each in skipped] == ["3", "4", "5"]


def test_a_long_csv_field_is_read(tmp_path: Path):
    path = write(tmp_path / "items.csv", HEADER + b"1,Hi?," + b"x" * 200_000 + b"\n")

    assert len(next(read_items(path)).responses["response"]) == 200_000


# Parquet


def test_parquet_structs_maps_and_lists_are_mappings_and_lists(tmp_path: Path):
    path = tmp_path / "items.parquet"
    chat = [{"role": "user", "content": "Hi?"}]
    rows = [
        {"item_id": 1, "task": chat, "responses": {"a": "x"}, "tags": [("topic", "b")], "sources": ["s"]},
        {"item_id": 2, "task": chat, "responses": {"b": "y"}, "tags": None, "sources": None},
    ]
    schema = pa.schema(
        {
            "item_id": pa.int64(),
            "task": pa.list_(pa.struct({"role": pa.string(), "content": pa.string(), "name": pa.string()})),
            "responses": pa.struct({"a": pa.string(), "b": pa.string()}),
            "tags": pa.map_(pa.string(), pa.string()),
            "sources": pa.list_(pa.string()),
        }
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), path)

    from_file = list(read_items(path))
    from_frame = list(read_items(pd.read_parquet(path).drop(columns="tags")))

    assert [dict(item.responses) for item in from_file] == [{"a": "x"}, {"b": "y"}]
    assert (from_file[0].where, dict(from_file[0].tags)) == (f"{path}: row 1", {"topic": "b"})
    assert [item.sources for item in from_frame] == [item.sources for item in from_file]
    assert [item.task for item in from_frame] == [item.task for item in from_file]


def test_a_broken_parquet_file_is_named(tmp_path: Path):
    path = write(tmp_path / "items.parquet", b"PAR1 and then nothing")

    assert fault_of(path).startswith(": is not Parquet (")


def test_a_parquet_text_that_is_not_utf8_is_named_by_its_row(tmp_path: Path):
    path = tmp_path / "items.parquet"
    bad = pa.Array.from_buffers(pa.string(), 3, pa.array([b"a", b"\xff", b"c"]).buffers())
    pq.write_table(pa.table({"item_id": [1, 2, 3], "task": bad, "response": ["x"] * 3}), path)

    assert fault_of(path).startswith(": row 2: holds text that is not UTF-8")


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "items.parquet", b"")
    import_module = builtins.__import__

    def no_pyarrow(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return import_module(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pyarrow)

    assert "install judgekit with the extra 'parquet'" in fault_of(path)


# Frames and data sets


def test_a_frame_gives_its_rows_whatever_its_index():
    frame = pd.DataFrame(
        {
            "item_id": np.array([1, 2], dtype=np.int32),
            "task": pd.Categorical(["Hi?", "Hi?"]),
            "response": ["x", "y"],
            "reference": [None, "z"],
            "tags": [{"n": 1}, np.nan],
            "embedding": [object(), object()],
        },
        index=[5, 5],
    )

    first, second = read_items(frame)

    assert (first.item_id, first.reference, dict(first.tags)) == ("1", None, {"n": "1"})
    assert (second.where, second.reference, dict(second.tags)) == ("frame: row 2", "z", {})
    assert survey(frame).columns == ("item_id", "task", "response", "reference", "tags", "embedding")


def test_ids_that_pandas_made_floats_of_are_refused_with_the_reason():
    frame = pd.DataFrame({"item_id": [1, None], "task": "Hi?", "response": "x"})

    with pytest.raises(InputError, match=r"frame: row 1: item_id 1.0 is a float; pandas makes floats"):
        read_items(frame)


def test_responses_that_pandas_made_numbers_of_are_refused_with_the_reason():
    frame = pd.DataFrame({"item_id": [1], "task": "6 x 7?", "response": [42]})

    with pytest.raises(InputError, match=r"response is an int \(42\), not text; .*dtype=str"):
        read_items(frame)


def test_a_frame_with_two_columns_of_one_name_is_refused():
    frame = pd.DataFrame([["1", "Hi?", "x", "y"]], columns=["item_id", "task", "response", "response"])

    with pytest.raises(InputError, match="frame: column 'response' stands there twice"):
        read_items(frame)


class Dataset:
    """What a Hugging Face data set looks like from outside."""

    features = ("id", "task", "responses")
    column_names = features

    def __init__(self, n: int):
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[dict]:
        return ({"id": i, "task": "Hi?", "responses": {"a": "x", "b": None}} for i in range(self.n))


def test_a_data_set_gives_its_rows_without_the_nulls_that_arrow_adds():
    items = list(read_items(Dataset(2)))

    assert [dict(item.responses) for item in items] == [{"a": "x"}, {"a": "x"}]
    assert survey(Dataset(2)).n_items == 2
