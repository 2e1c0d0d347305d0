"""Files of rows: JSON lines, JSON, CSV, TSV and Parquet, with the exact place of what is broken.

Text is read as bytes and decoded line by line: a decoder that reads ahead can neither say in
which line a byte is wrong nor go on behind it.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from judgekit.errors import InputError
from judgekit.items.parquet import open_parquet
from judgekit.items.rows import Row, Source, table
from judgekit.items.texts import json_value
from judgekit.rubric.files import LARGE
from judgekit.writing import whole

LINE_LIMIT = 1 << 26  # bytes of a line
FIELD_LIMIT = 1 << 24  # characters in one CSV field; a quote never closed would swallow the whole file
_LONG = f"is longer than {LINE_LIMIT:,} bytes; a row is one item, so shorten its texts"
_BOM = b"\xef\xbb\xbf"  # what Excel puts in front


def open_file(path: Path, wanted: frozenset[str]) -> Source:
    """The rows of a file, by its suffix; of results that a killed run left half moved, the new ones.

    Raises:
        InputError: If it cannot be opened, or its suffix is of no kind known here.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise InputError(f"{path}: files of items end in {', '.join(_OPENERS)}, not in {path.suffix!r}")
    path = whole(path.parent, path.name)
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return opener(path, wanted)


def _json_lines(path: Path) -> Iterator[Row]:
    """One row a line; blank lines are left out, broken ones are rows with a fault.

    Raises:
        InputError: If the file cannot be read.
    """
    loads = json_value
    with _binary(path) as file:
        for number, line in enumerate(_unmarked(file), 1):
            try:
                if len(line) >= LINE_LIMIT:
                    yield Row(f"{path}:{number}", None, _LONG)
                    continue
                yield Row(f"{path}:{number}", loads(line))
            except ValueError as error:
                if line.strip():
                    yield Row(f"{path}:{number}", None, _not_json(line, error))


def _not_json(line: bytes, error: ValueError) -> str:
    if not isinstance(error, orjson.JSONDecodeError):
        return str(error)
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        return _not_utf8(line, wrong)
    if line.strip() in {b"[", b"{"}:
        return "holds only the start of a value; write each row on one line, or name the file .json"
    reason = str(error).split(": line ")[0]
    return f"is not JSON: {reason} at column {error.colno}; write one JSON object a line"


def _not_utf8(line: bytes, error: UnicodeDecodeError) -> str:
    return (
        f"is not UTF-8: byte 0x{line[error.start]:02x} at byte {error.start + 1} of the line; save as UTF-8"
    )


def _binary(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _unmarked(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long only the beginning, with which no row can be read."""
    first = True
    while line := file.readline(LINE_LIMIT):
        rest = line
        while len(rest) == LINE_LIMIT and not rest.endswith(b"\n"):
            rest = file.readline(LINE_LIMIT)
        yield line.removeprefix(_BOM) if first else line
        first = False


def _open_lines(path: Path, _: frozenset[str]) -> Source:
    return Source(str(path), lambda: _json_lines(path))


def _open_json(path: Path, _: frozenset[str]) -> Source:
    """A JSON list, which has to be held in memory whole."""
    with _binary(path) as file:
        text = file.read(LARGE + 1).removeprefix(_BOM)
    if len(text) > LARGE:
        raise InputError(f"{path}: has more than {LARGE:,} bytes, and a list is held whole; name it .jsonl")
    try:
        rows = json_value(text)
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {error}; JSON lines go into a .jsonl file") from None
    if not isinstance(rows, list):
        raise InputError(f"{path}: holds a {type(rows).__name__}, not a list of rows")
    return Source(str(path), lambda: (Row(f"{path}: row {n}", row) for n, row in enumerate(rows, 1)))


def _open_csv(path: Path, wanted: frozenset[str]) -> Source:
    # The limit is the csv module's own and global; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), FIELD_LIMIT))
    first = next(_csv_fields(path), None)
    if first is None:
        raise InputError(f"{path}: is empty; the first line must name the columns")
    _, header, fault = first
    if fault:
        raise InputError(f"{path}:1: {fault}")
    return table(str(path), header, lambda: iter([_csv_rows(path, header, wanted)]))


def _csv_rows(path: Path, header: list[str], wanted: frozenset[str]) -> Iterator[Row]:
    kept = [(i, name) for i, name in enumerate(header) if name in wanted]
    fields_of = _csv_fields(path)
    next(fields_of, None)
    for line, fields, fault in fields_of:
        where = f"{path}:{line}"
        if fault:
            yield Row(where, None, fault)
        elif len(fields) != len(header):
            yield Row(
                where,
                None,
                f"has {len(fields)} fields, the header {len(header)}; "
                "put fields that hold a separator or a line break in double quotes",
            )
        else:
            yield Row(where, {name: fields[i] for i, name in kept})


def _csv_fields(path: Path) -> Iterator[tuple[int, list[str], str]]:
    """(line it starts on, fields, fault) of each row that is not blank, the header first."""
    broken: list[tuple[int, str]] = []

    def lines(file: BinaryIO) -> Iterator[str]:
        for number, line in enumerate(_unmarked(file), 1):
            if len(line) >= LINE_LIMIT:
                broken.append((number, _LONG))
                yield "\n"
                continue
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                broken.append((number, _not_utf8(line, error)))
                yield line.decode(errors="replace")

    delimiter = _delimiter(path)
    with _binary(path) as file:
        # `strict` refuses text behind a closing quote, which would otherwise be glued to the field.
        reader = csv.reader(lines(file), strict=True, delimiter=delimiter)
        while True:
            start = reader.line_num + 1
            try:
                fields, fault = next(reader), ""
            except StopIteration:
                return
            except csv.Error as error:
                fields, fault = [], _not_csv(error, reader.line_num)
            if broken:  # named by its own line, which need not be the row's first
                start, fault = broken[0]
                broken.clear()
            if fields or fault:
                yield start, fields, fault


def _delimiter(path: Path) -> str:
    """What stands between columns: the suffix's sign, unless another makes more of the first line."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    with _binary(path) as file:
        header = next(_unmarked(file), b"").decode(errors="replace")
    return max((usual, ",", ";", "\t"), key=lambda each: len(next(csv.reader([header], delimiter=each), [])))


def _not_csv(error: csv.Error, line: int) -> str:
    if "unexpected end of data" in str(error) or "field limit" in str(error):
        return (
            f"opens a double quote that is not closed, so that all up to line {line} went into one field; "
            "close it, and double the quotes inside a field"
        )
    return f"is not CSV: {error}; double the quotes inside a field"


_OPENERS: dict[str, Callable[[Path, frozenset[str]], Source]] = {
    ".jsonl": _open_lines,
    ".ndjson": _open_lines,
    ".json": _open_json,
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".parquet": open_parquet,
}
