"""Parquet files of rows, read a few at a time, and only as long as they stay near their size.

A file of 2.5 kB can hold one text of a megabyte and say of six thousand rows that they have it. What it says
of itself is looked at before it is read; it is read by so few rows that they fit into memory if each had the
longest text there can be; and what was read is added up, since a file can say what it likes of itself.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from judgekit.errors import InputError
from judgekit.items.rows import BATCH, Row, Source, solid_row, table

_BYTES, _CELLS = 1_000, 100  # that a byte of a file may become; a label alone takes a bit
_SPARED_BYTES, _SPARED_CELLS = 1 << 28, 100_000  # whatever its size
_AT_ONCE = 1 << 26  # bytes that a batch should have at most
_FEW = 16  # rows of a batch, unless a file looks like a trap; fewer cost more than they are worth
_DENSE = 50  # times the size that texts usually shrink to at most


def open_parquet(path: Path, wanted: frozenset[str]) -> Source:
    """The rows of a Parquet file.

    Raises:
        InputError: If it cannot be read, or says that it becomes far more than its size.
    """
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


def _batch_size(path: Path, about: Any, kept: frozenset[str]) -> int:
    """How many rows may be read at once: as many as fit, if each had all that a column says it holds.

    Raises:
        InputError: If the file says that it becomes far more than its size.
    """
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
    """A column without the shorthand by which equal texts are one."""
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
