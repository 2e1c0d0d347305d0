"""Files of rows: JSON lines, JSON, CSV, TSV and Parquet, with the exact place of what is broken.

Text is read as bytes and decoded line by line: a decoder that reads ahead can neither say in which line a
byte is wrong nor go on behind it. What is packed (.gz) is unpacked as it is read, and only as long as it
stays near its size. Standard input (`-`) is written into a temporary file, since it is read twice.

A Parquet file of 2.5 kB can hold one text of a megabyte and say of six thousand rows that they have it. What
it says of itself is looked at before it is read; it is read by so few rows that they fit into memory if each
had the longest text there can be; and what was read is added up, since a file can say what it likes.
"""

import csv
import functools
import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import orjson

from judgekit.errors import InputError, kind_of
from judgekit.items.rows import BATCH, Row, Source, solid_row, table
from judgekit.items.texts import json_value
from judgekit.rubric.files import LARGE
from judgekit.writing import unreadable, whole

_BYTES, _CELLS = 1_000, 100  # that a byte of a file may become; a label alone takes a bit
_SPARED_BYTES, _SPARED_CELLS = 1 << 28, 100_000  # whatever its size
_AT_ONCE = 1 << 26  # bytes that a batch should have at most
_FEW = 16  # rows of a batch, unless a file looks like a trap; fewer cost more than they are worth
_LIGHT = 300  # bytes of a cell, on average, that a column that nobody asked for may have
_DENSE = 50  # times the size that texts usually shrink to at most


def open_parquet(path: Path, wanted: frozenset[str]) -> Source:
    """Return the rows of a Parquet file, which may not say that it becomes far more than its size."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            f"{path}: reading Parquet needs pyarrow; install judgekit with the extra 'parquet'"
        ) from None
    broken = (pa.ArrowException, OSError)
    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            kept = [name for name in columns if name in wanted]
            size = _batch_size(path, file.metadata, frozenset(kept))
    except broken as error:
        raise InputError(f"{path}: is not Parquet ({_brief(error)})") from None
    most = path.stat().st_size * _BYTES + _SPARED_BYTES

    def batches() -> Iterator[Iterable[Row]]:
        start, read = 1, 0
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=size, columns=kept):
                    read += sum(_spelled_out(column).nbytes for column in batch.columns)
                    if read > most:
                        raise _grown(path, f"the first {start + batch.num_rows - 1} rows have {read:,} bytes")
                    yield _rows(path, start, batch)
                    start += batch.num_rows
        except broken as error:
            raise InputError(f"{path}: breaks off behind row {start - 1} ({_brief(error)})") from None

    return table(str(path), columns, batches)


def light_columns(source: Any, names: Sequence[str]) -> list[str]:
    """Return those of a table's columns that cost little to read: of Parquet those whose cells are short."""
    if not isinstance(source, str | PathLike) or (path := path_of(source)).suffix.lower() != ".parquet":
        return list(names)
    import pyarrow.parquet as pq

    sizes = Counter[str]()
    with pq.ParquetFile(whole(path.parent, path.name)) as file:
        n, groups = file.metadata.num_rows, range(file.metadata.num_row_groups)
        for group in map(file.metadata.row_group, groups):
            for column in map(group.column, range(group.num_columns)):
                sizes[column.path_in_schema] += column.total_uncompressed_size
    return [name for name in names if name in sizes and sizes[name] <= _LIGHT * n]  # a nested one has a path


def _batch_size(path: Path, about: Any, kept: frozenset[str]) -> int:
    """Return how many rows fit into memory at once, if each had all that a column says it holds."""
    cells, held, dense = about.num_rows, 0, False
    for group in map(about.row_group, range(about.num_row_groups)):
        own = [group.column(n) for n in range(group.num_columns)]
        own = [column for column in own if column.path_in_schema.split(".")[0] in kept]
        cells = max(cells, *(column.num_values for column in own)) if own else cells
        held = max(held, sum(column.total_uncompressed_size for column in own))
        dense |= any("DELTA_BYTE_ARRAY" in column.encodings for column in own)  # texts made of those before
        dense |= held > _DENSE * sum(column.total_compressed_size for column in own)
    size = path.stat().st_size
    if cells > size * _CELLS + _SPARED_CELLS:
        raise _grown(path, f"it says that it has {cells:,} cells in a column")
    if held > size * _BYTES + _SPARED_BYTES:
        raise _grown(path, f"it says that its columns have {held:,} bytes")
    return max(1 if dense else _FEW, min(BATCH, _AT_ONCE // max(1, held)))


def _spelled_out(column: Any) -> Any:
    """Return a column without the shorthand by which equal texts are one."""
    return column.dictionary_decode() if hasattr(column, "dictionary_decode") else column


def _grown(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: {what}, which is far more than its size of {path.stat().st_size:,} bytes; "
        "write the rows as JSON lines"
    )


def _rows(path: Path, start: int, batch: Any) -> Iterator[Row]:
    try:
        rows = batch.to_pylist(maps_as_pydicts="strict")
    except (UnicodeDecodeError, KeyError):
        if batch.num_rows == 1:
            fault = "holds text that is not UTF-8, or a mapping with one key twice; repair it at its source"
            yield Row(f"{path}: row {start}", None, fault)
        else:
            for i in range(batch.num_rows):
                yield from _rows(path, start + i, batch.slice(i, 1))
        return
    for number, row in enumerate(rows, start):
        yield Row(f"{path}: row {number}", solid_row(row))


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


LINE_LIMIT = 1 << 26  # bytes of a line
FIELD_LIMIT = 1 << 24  # characters in one CSV field; a quote never closed would swallow the whole file
_LONG = f"is longer than {LINE_LIMIT:,} bytes; a row is one item, so shorten its texts"
_GROWN = 200  # bytes that a packed byte may become; texts become 50 at most
_SPARED = 1 << 26  # bytes that any packed file may become
_BOM = b"\xef\xbb\xbf"  # what Excel puts in front


def path_of(source: str | PathLike[str]) -> Path:
    """Return the path of a file; for `-` that of what came by the standard input, once it is all there."""
    return Path(source) if str(source) != "-" else _spooled(sys.stdin)[0]


@functools.lru_cache(maxsize=1)
def _spooled(stream: Any) -> tuple[Path, object]:
    """Return what came, in a file that is gone with the folder beside it, or with the process."""
    if not hasattr(stream, "buffer") or stream.isatty():
        raise InputError(
            "standard input: is a terminal, or none; pipe items into it, or name a file instead of -"
        )
    folder = tempfile.TemporaryDirectory(prefix="judgekit-")
    first = stream.buffer.read(1 << 16)
    if not first.strip():
        raise InputError(
            "standard input: nothing came by it; pipe items into it, or name a file instead of -"
        )
    sign = first.removeprefix(_BOM).lstrip()[:1]
    kind = ".parquet" if first.startswith(b"PAR1") else {b"{": ".jsonl", b"[": ".json"}.get(sign, ".csv")
    path = Path(folder.name, f"stdin{kind}")
    with path.open("wb") as file:
        file.write(first)
        shutil.copyfileobj(stream.buffer, file)
    return path, folder


def open_file(source: str | PathLike[str], wanted: frozenset[str]) -> Source:
    """Return the rows of a file, by its suffix; of results that a killed run left half moved, the new."""
    path = path_of(source)
    kind = _kind(path)
    opener = _OPENERS.get(kind)
    if opener is None or (_is_packed(path) and opener is open_parquet):
        raise InputError(
            f"{path}: files of items end in {', '.join(_OPENERS)}, all but the last one also in .gz, not in "
            f"{''.join(path.suffixes[-2:] if _is_packed(path) else path.suffixes[-1:])!r}"
        )
    path = whole(path.parent, path.name)
    try:
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error) from None
    return opener(path, wanted)


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _kind(path: Path) -> str:
    """Return the suffix that says how a file is read."""
    return Path(path.stem if _is_packed(path) else path.name).suffix.lower()


def _json_lines(path: Path) -> Iterator[Row]:
    """Return one row a line; blank lines are left out, broken ones are rows with a fault."""
    name = str(path)
    for number, line in enumerate(_lines_of(path), 1):
        if len(line) >= LINE_LIMIT:
            yield Row(f"{name}:{number}", None, _LONG)
            continue
        try:
            values = json_value(line)
        except ValueError as error:
            if line.strip():
                yield Row(f"{name}:{number}", None, _not_json(line, error))
            continue
        yield Row(f"{name}:{number}", values)


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


@contextmanager
def _binary(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    try:
        with gzip.open(path) if _is_packed(path) else path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is no gzip file, or breaks off ({error}); pack it anew") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _lines_of(path: Path) -> Iterator[bytes]:
    """Return the lines of a file that stays near its packed size; of one that is too long its beginning."""
    with _binary(path) as file:
        if file.peek(len(_BOM)).startswith(_BOM):
            file.read(len(_BOM))
        pieces: Iterator[bytes] = iter(functools.partial(file.readline, LINE_LIMIT), b"")
        if _is_packed(path):
            pieces = _bounded(pieces, path)
        for line in pieces:
            rest = line
            while len(rest) == LINE_LIMIT and not rest.endswith(b"\n"):
                rest = next(pieces, b"")
            yield line


def _bounded(pieces: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """Return what a packed file holds, unless it is far more than the file."""
    most, read = path.stat().st_size * _GROWN + _SPARED, 0
    for piece in pieces:
        read += len(piece)
        if read > most:
            raise InputError(
                f"{path}: becomes more than {most:,} bytes, which is far more than its own "
                f"{path.stat().st_size:,}; unpack it, if it is meant"
            )
        yield piece


def _open_json(path: Path, _: frozenset[str]) -> Source:
    """Open a JSON list, which has to be held in memory whole."""
    with _binary(path) as file:
        text = file.read(LARGE + 1).removeprefix(_BOM)
    if len(text) > LARGE:
        raise InputError(f"{path}: has more than {LARGE:,} bytes, and a list is held whole; name it .jsonl")
    try:
        rows = json_value(text)
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {error}; JSON lines go into a .jsonl file") from None
    if not isinstance(rows, list):
        raise InputError(f"{path}: holds {kind_of(rows)}, not a list of rows")
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
    """Return (line it starts on, fields, fault) of each row that is not blank, the header first."""
    broken: list[tuple[int, str]] = []

    def lines() -> Iterator[str]:
        for number, line in enumerate(_lines_of(path), 1):
            if len(line) >= LINE_LIMIT:
                broken.append((number, _LONG))
                yield "\n"
                continue
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                broken.append((number, _not_utf8(line, error)))
                yield line.decode(errors="replace")

    # `strict` refuses text behind a closing quote, which would otherwise be glued to the field.
    reader = csv.reader(lines(), strict=True, delimiter=delimiter_of(path))
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


def delimiter_of(path: Path) -> str:
    """Return what stands between columns: the suffix's sign, unless another makes more of the first line."""
    usual = "\t" if _kind(path) == ".tsv" else ","
    header = next(_lines_of(path), b"").decode(errors="replace")
    return max((usual, ",", ";", "\t"), key=lambda each: len(next(csv.reader([header], delimiter=each), [])))


def _not_csv(error: csv.Error, line: int) -> str:
    if "unexpected end of data" in str(error) or "field limit" in str(error):
        return (
            f"opens a double quote that is not closed, so that all up to line {line} went into one field; "
            "close it, and double the quotes inside a field"
        )
    return f"is not CSV: {error}; double the quotes inside a field"


_OPENERS: dict[str, Callable[[Path, frozenset[str]], Source]] = {
    **dict.fromkeys((".jsonl", ".ndjson"), lambda path, _: Source(str(path), lambda: _json_lines(path))),
    ".json": _open_json,
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".parquet": open_parquet,
}
