"""Files that are small and mean much, or are large or nested: one clear error, in bounded time and memory."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from judgekit.errors import InputError
from judgekit.items import files, read_items
from judgekit.report import read_thresholds
from judgekit.review.sheet import read_key
from judgekit.rewards.core.spec import load_spec
from judgekit.rubric import load_rubric
from judgekit.rubric.files import parse_text, read_mapping
from judgekit.rubric.lint import lint

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@contextmanager
def no_hang(seconds: int = 60):
    """A guard against what would take for ever; no measure."""

    def late(*_):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def laughs(levels: int) -> str:
    """YAML of some 700 bytes that is 10 ** levels texts when it is written out."""
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"id: r\ncriteria: *a{levels - 1}\n"])


DEEP = {
    ".yaml": "a: " + "[" * 5_000,
    ".json": '{"a": ' + "[" * 5_000,
    ".toml": "a = " + "[" * 5_000,
}
NESTED = {
    ".yaml": "a: " + "[" * 101 + "]" * 101,
    ".json": '{"a": ' + "[" * 101 + "]" * 101 + "}",
    ".toml": "a = " + "[" * 101 + "]" * 101,
}
NUMBER = {".yaml": "a: " + "1" * 5_000, ".json": '{"a": ' + "1" * 5_000 + "}", ".toml": "a = " + "1" * 5_000}


@pytest.mark.parametrize("levels", [8, 9, 30])
def test_aliases_that_stand_for_very_much_are_refused_before_they_are_written_out(levels, tmp_path):
    path = tmp_path / "laughs.yaml"
    path.write_text(laughs(levels), encoding="utf-8")

    with no_hang(), pytest.raises(InputError, match=r"laughs.yaml: aliases make \de\+\d+ characters of it"):
        load_rubric(path)
    with no_hang():
        [finding] = lint(path)
    assert finding.code == "unreadable"


def test_an_alias_within_what_it_stands_for_is_refused():
    for text in ("a: &a [*a]", "a: &a {b: *a}", "&a [1, [*a]]"):
        with pytest.raises(InputError, match="stands inside what it stands for"):
            parse_text(text, ".yaml", "here")


def test_aliases_that_stand_for_little_are_read():
    text = "scale: &s [no, yes]\nother: *s\nthird: [*s, *s]"

    assert parse_text(text, ".yaml", "here") == {
        "scale": ["no", "yes"],
        "other": ["no", "yes"],
        "third": [["no", "yes"], ["no", "yes"]],
    }


@pytest.mark.parametrize("suffix", [".yaml", ".toml", ".json"])
@pytest.mark.parametrize("text", [DEEP, NESTED, NUMBER], ids=["deep", "nested", "number"])
def test_what_nests_deep_and_numbers_of_thousands_of_digits_are_refused(suffix, text):
    with no_hang(), pytest.raises(InputError, match=r"^here: "):
        parse_text(text[suffix], suffix, "here")


def test_keys_of_very_many_dots_are_refused():
    """Each dot is a mapping, walked anew for every one: 50,000 of them took two minutes."""
    for text in (".".join("a" * 5_000) + " = 1", "[" + ".".join("a" * 5_000) + "]"):
        with no_hang(), pytest.raises(InputError, match="line 1 has more than 300 dots in its key"):
            parse_text(text, ".toml", "here")


@pytest.mark.parametrize("suffix", [".yaml", ".toml", ".json"])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(suffix, tmp_path):
    path = tmp_path / f"large{suffix}"
    path.write_text("# " + "x" * 1_000_000, encoding="utf-8")

    with no_hang(), pytest.raises(InputError, match="has more than 1,000,000 bytes"):
        read_mapping(path)


@pytest.mark.parametrize("read", [load_spec, read_thresholds])
@pytest.mark.parametrize("text", ["a = " + "[" * 5_000, "a = " + "1" * 5_000, "# " + "x" * 1_000_000])
def test_specs_and_thresholds_are_read_within_the_same_limits(read, text, tmp_path):
    path = tmp_path / "file.toml"
    path.write_text(text, encoding="utf-8")

    with no_hang(), pytest.raises(InputError, match=r"file.toml: "):
        read(path)


@pytest.mark.parametrize("text", ["[" * 5_000, '{"sheet": ' + "1" * 5_000])
def test_keys_of_sheets_and_exported_rubrics_are_read_within_the_same_limits(text, tmp_path):
    from judgekit.rubric.foreign import import_rubric

    for name, read in (("key.json", read_key), ("rubric.jsonl", import_rubric)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=name):
            read(tmp_path / name)


def test_a_value_that_is_wrong_is_not_told_whole():
    with pytest.raises(InputError) as error:
        load_rubric({"id": "r", "criteria": [{"id": "a", "text": "x", "weight": "y" * 100_000}]})

    assert len(str(error.value)) < 1_000


def _bomb(path: Path, n: int, big: int, **options) -> Path:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["x" * big]))
    ids = pa.array([str(i) for i in range(n)])
    table = pa.table({"item_id": ids, "task": column, "response": pa.array(["a"] * n)})
    pq.write_table(table, path, compression="zstd", **options)
    return path


_READ = """
import resource, sys
from judgekit.errors import InputError
from judgekit.items import read_items
n = 0
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for item in read_items(sys.argv[1], on_bad_item="skip"):
        n += 1
except InputError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def read_apart(path: Path) -> tuple[str, int]:
    """What reading in a process of its own says, and the MB it took."""
    made = subprocess.run(
        [sys.executable, "-c", _READ, path], capture_output=True, text=True, check=True, timeout=300
    )
    *said, kilobytes = made.stdout.splitlines()
    return "\n".join(said), int(kilobytes) // 1024


def test_a_parquet_file_that_expands_is_refused_within_bounded_memory(tmp_path):
    path = _bomb(tmp_path / "bomb.parquet", 6_000, 1_000_000)
    said, megabytes = read_apart(path)

    assert path.stat().st_size < 16_000  # and 6 GB of texts
    assert "bomb.parquet: the first" in said
    assert "far more than its size" in said
    assert megabytes < 500


def test_a_parquet_file_that_says_it_holds_very_much_is_refused_before_it_is_read(tmp_path):
    texts = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"task": ["x" * 300_000_000]}), texts, compression="zstd", use_dictionary=False)
    rows, nulls = tmp_path / "rows.parquet", pa.table({"task": pa.nulls(5_000_000, pa.string())})
    with pq.ParquetWriter(rows, nulls.schema) as writer:
        for _ in range(10):
            writer.write_table(nulls, row_group_size=5_000_000)
    cells = tmp_path / "cells.parquet"
    lists = pa.ListArray.from_arrays(pa.array([0, 20_000_000], pa.int32()), pa.nulls(20_000_000, pa.string()))
    pq.write_table(pa.table({"task": lists}), cells)
    for path, what in (
        (texts, "its columns have 300,0"),
        (rows, "50,000,000 cells"),
        (cells, "20,000,000 cells"),
    ):
        said, megabytes = read_apart(path)
        assert f"{path}: it says that" in said
        assert what in said
        assert megabytes < 100


def test_a_parquet_file_of_ordinary_texts_is_read_whole(tmp_path):
    n = 3_000
    responses = [{"a": f"one {i}", "b": "two"} for i in range(n)]
    table = pa.table({
        "item_id": [str(i) for i in range(n)], "task": ["the same long task " * 50] * n,
        "responses": pa.array(responses, pa.map_(pa.string(), pa.string())),
    })  # fmt: skip
    for compression in ("snappy", "zstd", "none"):
        path = tmp_path / f"{compression}.parquet"
        pq.write_table(table, path, compression=compression, row_group_size=1_100)
        items = list(read_items(path))
        assert [item.item_id for item in items] == [str(i) for i in range(n)]
        assert items[-1].responses == {"a": f"one {n - 1}", "b": "two"}


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_line_without_an_end_is_a_bad_row_and_what_follows_is_read(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LINE_LIMIT", 1_000)
    path = tmp_path / f"rows{suffix}"
    if suffix == ".csv":
        rows = ["id,task,response", "1,a,b", "2,a," + "x" * 5_000, "3,a,b"]
    else:
        rows = [
            json.dumps({"id": n, "task": "a", "response": "x" * (5_000 if n == 2 else 1)}) for n in (1, 2, 3)
        ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")

    skipped = []
    assert [item.item_id for item in read_items(path, on_bad_item="skip", skipped=skipped)] == ["1", "3"]
    [(where, message)] = skipped
    assert where.endswith(f":{3 if suffix == '.csv' else 2}")
    assert "is longer than" in message


def test_a_row_that_nests_deep_or_holds_a_number_of_many_digits_is_a_bad_row(tmp_path):
    path = tmp_path / "rows.jsonl"
    rest = '"task": "a", "response": "b"}'
    rows = [
        '{"id": "1", ' + rest, '{"id": ' + "[" * 100_000, '{"id": ' + "1" * 100_000 + ", " + rest,
        '{"id": "2", "task": "a", "responses": ' + '{"a":' * 100_000,
    ]  # fmt: skip
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    skipped = []

    assert [item.item_id for item in read_items(path, on_bad_item="skip", skipped=skipped)] == ["1"]
    assert len(skipped) == 3
    assert all(len(message) < 500 for _, message in skipped)


def test_very_many_columns_take_no_square_of_their_number(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{n}" for n in range(200_000)) + ",c7\n", encoding="utf-8")
    with no_hang(), pytest.raises(InputError, match="column 'c7' stands there twice"):
        list(read_items(path))

    path.write_text(",".join(f"c{n}" for n in range(200_000)) + "\n", encoding="utf-8")
    with no_hang(), pytest.raises(InputError, match="and 199960 more") as error:
        list(read_items(path))
    assert len(str(error.value)) < 2_000


def test_equal_criteria_are_named_once_each():
    criteria = [{"id": f"c{n}", "text": "Is the answer supported by the first source?"} for n in range(2_000)]
    with no_hang():
        found = [each for each in lint({"id": "r", "criteria": criteria}) if each.code == "duplicate"]

    assert len(found) == 1_999
    assert all("the same text as 'c0'" in each.message for each in found)


def test_of_very_many_criteria_the_first_are_compared_and_the_author_is_told():
    criteria = [
        {"id": f"c{n}", "text": f"Is {n * 7919} named as the number of the parcel?"} for n in range(2_000)
    ]
    with no_hang():
        found = [each for each in lint({"id": "r", "criteria": criteria}) if each.code == "many_criteria"]

    assert [each.place for each in found] == ["rubric"]


@pytest.mark.parametrize("depth", [101, 900, 1_023])
@pytest.mark.parametrize(
    "field", ["id", "task", "response", "responses", "sources", "tags", "rubric", "system"]
)
def test_a_cell_that_nests_deep_is_a_bad_row(field, depth, tmp_path):
    path, deep = tmp_path / "rows.jsonl", "[" * depth + "]" * depth
    row = {name: text for name, text in {"id": "1", "task": "t", "response": "r"}.items() if name != field}
    for cell in (deep, json.dumps(deep)):  # a list, and the text of one
        path.write_text(f'{json.dumps(row)[:-1]}, "{field}": {cell}}}\n', encoding="utf-8")
        if cell == deep or field in {"responses", "sources", "tags", "rubric"}:
            with pytest.raises(InputError, match="deep"):
                list(read_items(path))
