"""Sources of rows: files, data frames, lists, iterators, data sets. Nothing is checked here.

A source gives rows one at a time and never holds more than a batch of them. A row that cannot be read (a
broken line, a field too many) is a row with a fault, so that whoever reads decides whether it stops the run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from judgekit.errors import InputError, kind_of

BATCH = 1024  # rows of a frame or a Parquet file that are turned into Python values at once


class Row(NamedTuple):
    """One row: where it stands, its columns (or an `Item`, or whatever was there), why it cannot be read."""

    where: str
    values: Any
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that gives rows (`again`: a second pass gives the same); `columns` are a table's, or None."""

    name: str
    rows: Callable[[], Iterator[Row]]
    columns: tuple[str, ...] | None = None
    again: bool = True


def open_rows(source: Any, wanted: frozenset[str], name: str = "items") -> Source:
    """Return the rows of something in memory; a frame gives the `wanted` columns alone."""
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _frame(source, wanted)
    if isinstance(source, Mapping) or not isinstance(source, Iterable) or isinstance(source, bytes):
        raise InputError(
            f"{name}: {kind_of(source)} holds no rows; give a path, a frame, or a list of mappings"
        )
    if hasattr(source, "features") and hasattr(source, "column_names"):
        source_rows: Callable[[], Iterator[Any]] = lambda: map(solid_row, source)  # noqa: E731 - two lines shorter
    else:
        source_rows = lambda: iter(source)  # noqa: E731 - as above
    return Source(
        name,
        lambda: (Row(f"{name}: row {n}", each) for n, each in enumerate(source_rows(), 1)),
        # What hands out one and the same iterator each time is spent by the first pass, like an iterator.
        again=isinstance(source, Sized) or iter(source) is not iter(source),
    )


def table(name: str, columns: Sequence[object], batches: Callable[[], Iterator[Iterable[Row]]]) -> Source:
    """Return a source with one set of columns, no two of one name, read in batches."""
    names = [str(column) for column in columns]
    if twice := sorted(each for each, n in Counter(names).items() if n > 1):
        raise InputError(f"{name}: column {twice[0]!r} stands there twice; rename one of them")
    return Source(name, lambda: chain.from_iterable(batches()), tuple(names))


def solid(value: Any) -> Any:
    """Return a value from Arrow without what Arrow adds: nulls for keys a mapping does not have, and arrays.

    >>> solid({"a": {"x": None, "y": 1}, "b": None})
    {'a': {'y': 1}}
    """
    if isinstance(value, dict):
        return {key: solid(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [solid(each) for each in value]
    if type(value).__module__ == "numpy":
        return solid(value.tolist())
    return value


def solid_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a table, whose every column is there, a gap in it too."""
    return {column: solid(each) for column, each in row.items()}


def _frame(frame: Any, wanted: frozenset[str]) -> Source:
    kept = [i for i, column in enumerate(frame.columns) if str(column) in wanted]
    names = [str(frame.columns[i]) for i in kept]

    def batches() -> Iterator[Iterable[Row]]:
        for start in range(0, len(frame), BATCH):
            part = frame.iloc[start : start + BATCH, kept]
            # One test for every kind of gap: nan, None, NA, NaT. An empty frame has no object to ask.
            rows = part.astype(object).where(part.notna(), None).values.tolist()
            yield (
                Row(f"frame: row {n}", solid_row(dict(zip(names, row, strict=True))))
                for n, row in enumerate(rows, start + 1)
            )

    return table("frame", list(frame.columns), batches)
