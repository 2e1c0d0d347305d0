"""Where items come from: what can be read again, tables by semicolon, cells of plain text."""

import gzip
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from judgekit import score
from judgekit.cli import app
from judgekit.errors import InputError
from judgekit.items import read_items, survey
from judgekit.judges.resolve import Scripted

ROWS = [{"item_id": n, "task": "Hi?", "response": f"Hello {n}."} for n in range(5)]
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}


def judge() -> Scripted:
    return Scripted("kind", lambda _: '{"label": "yes"}')


class Streamed:
    """Rows that can be read again, of a number that nobody knows."""

    passes = 0

    def __iter__(self) -> Iterator[dict]:
        self.passes += 1
        yield from ROWS


def test_what_can_be_read_again_is_checked_whole_before_any_call():
    rows = Streamed()

    run = score(rows, RUBRIC, judge(), ledger=None)

    assert list(dict.fromkeys(each.unit.item_id for each in run.scores)) == list("01234")
    assert (rows.passes > 1, run.summary["items_in_all"]) == (True, 5)
    assert survey(rows).n_items == 5


def test_a_bad_row_of_what_can_be_read_again_costs_no_call():
    asked = []

    class Broken(Streamed):
        def __iter__(self) -> Iterator[dict]:
            yield from [*ROWS, {"item_id": 9, "task": "Hi?"}]

    with pytest.raises(InputError, match="row 6"):
        score(Broken(), RUBRIC, Scripted("kind", lambda call: asked.append(call) or "yes"), ledger=None)

    assert asked == []


def test_what_hands_out_one_iterator_again_and_again_is_told_from_what_starts_anew():
    class Spent:
        def __init__(self) -> None:
            self.rows = iter(ROWS)

        def __iter__(self) -> Iterator[dict]:
            return self.rows

    with pytest.raises(InputError, match="can be read once only"):
        survey(Spent())


@pytest.mark.parametrize("left", [0, 3])
def test_what_gives_fewer_rows_when_it_is_read_again_is_told(left: int):
    class Waning(Streamed):
        def __iter__(self) -> Iterator[dict]:
            self.passes += 1
            yield from ROWS[: 5 if self.passes < 2 else left]

    with pytest.raises(InputError, match=f"items: gave 5 items at first and {left} when it was read again"):
        score(Waning(), RUBRIC, judge(), ledger=None)


def test_a_streamed_data_set_of_hugging_face():
    datasets = pytest.importorskip("datasets", reason="the extra library `datasets` is not installed")
    streamed = datasets.Dataset.from_list(ROWS).to_iterable_dataset()

    run = score(streamed, RUBRIC, judge(), ledger=None)

    assert run.summary["items"] == 5


def test_a_file_ordered_by_system_is_compared_and_that_it_was_sorted_is_told(tmp_path: Path):
    rows = [
        {"id": n, "task": "Hi?", "system": each, "response": f"{each}{n}"} for each in "ab" for n in range(3)
    ]
    (path := tmp_path / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (rubric := tmp_path / "rubric.json").write_text(json.dumps(RUBRIC))

    ran = CliRunner().invoke(
        app, ["compare", str(path), "-r", str(rubric), "-j", "control:first", "--ledger", "none"]
    )
    run = score(path, RUBRIC, "control:first", protocol="compare", ledger=None)

    assert (ran.exit_code, "are sorted" in ran.stderr) == (0, True)
    assert {each.unit.responses for each in run.outcomes} == {("a", "b")}
    assert run.summary["items"] == 3


@pytest.mark.parametrize("sign", [";", "\t", ","])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_table_is_read_by_what_its_header_is_parted_by(tmp_path: Path, sign: str, suffix: str):
    path = tmp_path / f"items{suffix}"
    path.write_text(
        "item_id,task,response\n1,Hi?,'a, b; c'\n".replace(",", sign, 2)
        .replace("1,Hi?,", sign.join(["1", "Hi?", ""]))
        .replace("'", '"')
    )

    [item] = read_items(path)

    assert item.responses == {"response": "a, b; c"}


def test_a_table_of_one_column_is_still_told_what_it_lacks(tmp_path: Path):
    (path := tmp_path / "items.csv").write_text("item_id\n1\n")

    with pytest.raises(InputError, match="no column 'task'"):
        read_items(path)


@pytest.mark.parametrize(
    ("cell", "sources"),
    [
        ("The sky is blue.", {"1": "The sky is blue."}),
        ("[1] Smith says so.", {"1": "[1] Smith says so."}),
        ('["a", "b"]', {"1": "a", "2": "b"}),
        ('{"doc": "a"}', {"doc": "a"}),
        ("  ", {}),
        ("[]", {}),
    ],
)
def test_a_source_may_be_a_plain_text(cell: str, sources: dict[str, str]):
    [item] = read_items([{**ROWS[0], "sources": cell}])

    assert item.sources == sources


def test_a_broken_mapping_of_sources_is_not_taken_for_a_text():
    with pytest.raises(InputError, match="sources is no JSON"):
        read_items([{**ROWS[0], "sources": '{"doc": "a"'}])


def test_a_tag_may_be_a_plain_text_and_is_called_as_its_column():
    [item] = read_items([{**ROWS[0], "tags": "hard"}])
    [mapped] = read_items([{**ROWS[0], "domain": "law"}], columns={"tags": "domain"})

    assert (item.tags, mapped.tags) == ({"tags": "hard"}, {"domain": "law"})


CSV = "item_id,task,response\n1,Hi?,Hello.\n"
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl.gz", LINES),
        ("a.JSON.GZ", json.dumps(ROWS)),
        ("a.csv.gz", CSV),
        ("a.tsv.gz", CSV.replace(",", "\t")),
    ],
)
def test_packed_files_are_read_by_the_suffix_within(tmp_path: Path, name: str, text: str):
    (path := tmp_path / name).write_bytes(gzip.compress(text.encode()))

    assert survey(path).n_items == (1 if "sv" in name else 5)
    assert score(path, RUBRIC, judge(), ledger=None).summary["items"] >= 1


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json.gz", "a.csv.gz"])
def test_a_packed_file_that_becomes_far_more_than_its_size_is_refused_on_the_way(tmp_path: Path, name: str):
    unit, header = gzip.compress(b" " * (1 << 20) + b"\n"), gzip.compress(b"id,task,response\n")
    (path := tmp_path / name).write_bytes(header * ("csv" in name) + unit * 600)  # 0.6 MB that become 630 MB

    tracemalloc.start()
    with pytest.raises(InputError, match=rf"{name}: (becomes|has) more than"):
        survey(path, on_bad_item="skip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 700_000_000


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(LINES.encode(), mtime=0)[:-20], b"\x1f\x8b\x08" + b"x" * 99]
)
def test_a_packed_file_that_is_broken_is_told(tmp_path: Path, content: bytes):
    (path := tmp_path / "a.jsonl.gz").write_bytes(content)

    with pytest.raises(InputError, match=r"a\.jsonl\.gz: .*(gzip|nothing in it)"):
        score(path, RUBRIC, judge(), ledger=None)


def test_packed_parquet_is_refused_by_name(tmp_path: Path):
    (path := tmp_path / "a.parquet.gz").write_bytes(b"")

    with pytest.raises(InputError, match=r"also in \.gz, not in '\.parquet\.gz'"):
        survey(path)


@pytest.mark.parametrize("text", [LINES, json.dumps(ROWS), CSV, CSV.replace(",", ";"), "\ufeff" + CSV])
def test_items_come_by_the_standard_input_whatever_their_form(tmp_path: Path, text: str):
    (rubric := tmp_path / "rubric.json").write_text(json.dumps(RUBRIC))

    ran = CliRunner().invoke(
        app,
        [
            "score",
            "-",
            "-r",
            str(rubric),
            "-j",
            "control:longer",
            "--ledger",
            "none",
            "--out",
            str(tmp_path / "out"),
        ],
        input=text,
    )

    assert (ran.exit_code, ran.exception) == (0, None)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["items_in_all"] == (
        1 if "item_id," in text or "item_id;" in text else 5
    )


def test_a_broken_line_of_the_standard_input_is_named_and_nothing_is_left_behind(tmp_path: Path):
    program = "import judgekit; judgekit.score('-', 'support_reply', 'control:longer', ledger=None)"

    ran = subprocess.run(
        [sys.executable, "-c", program], input=LINES + "{\n", env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "stdin.jsonl:6: holds only the start of a value" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_standard_input_of_nothing_is_told():
    ran = CliRunner().invoke(app, ["score", "-", "-r", "peem", "-j", "control:longer"], input="")

    assert "standard input: nothing came by it" in str(ran.exception)


def test_a_terminal_or_no_standard_input_is_told(monkeypatch: pytest.MonkeyPatch):
    reading, writing = os.openpty()
    with os.fdopen(writing, "r") as terminal:
        for stdin in (None, terminal):
            monkeypatch.setattr(sys, "stdin", stdin)
            with pytest.raises(InputError, match="standard input: is a terminal, or none"):
                survey("-")
    os.close(reading)
