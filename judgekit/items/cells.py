"""The rows of any table under our names of its columns, and what their cells hold, read strictly.

A column that was named and is not there, or none of those that say anything, is an error and not a table
full of gaps. Where each row has columns of its own, all are known only behind the last row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.items.check import Layout, no_column
from judgekit.items.files import open_file
from judgekit.items.rows import open_rows
from judgekit.items.texts import absent, name_of


@dataclass(frozen=True, slots=True)
class Cells:
    """A row and what to call it: our name of a column -> what stands in it."""

    place: str
    row: Mapping[str, Any]

    def fail(self, message: str) -> InputError:
        """Return an error about the row, which names its place."""
        return InputError(f"{self.place}: {message}")

    def get(self, column: str, default: Any = None) -> Any:
        """Return what stands in a column; the default for a gap."""
        value = self.row.get(column)
        return default if absent(value) else value

    def name(self, column: str, default: Any = None) -> str:
        """Return what stands in a column, as a name: 1 and "1" are one."""
        try:
            return name_of(self.get(column, default), column)
        except InputError as error:
            raise self.fail(str(error)) from None

    def count(self, column: str) -> int:
        """Return what stands in a column, as a whole number from 0; 0 for a gap."""
        raw = self.get(column, 0)
        try:  # CSV has text, and pandas makes floats of whole numbers where a column has gaps
            number = float(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else nan
        except (ValueError, OverflowError):
            number = nan
        if not number.is_integer() or number < 0:
            raise self.fail(f"{column} is {raw!r}, not a whole number from 0")
        return int(number)


def cells_of(
    source: Any, names: Sequence[str], columns: Mapping[str, str], *, any_of: Sequence[str] = ()
) -> Iterator[Cells]:
    """Return the rows of a file, a frame or a list, under `names` of ours.

    `columns` (our name -> the name there) have to be there, and one of `any_of`, if it is given.
    """
    layout = Layout({**{name: name for name in names}, **columns}, frozenset(columns))
    theirs = {name: layout.names[name] for name in names}
    wanted = frozenset(theirs.values())
    is_path = isinstance(source, str | Path)
    opened = open_file(source, wanted) if is_path else open_rows(source, wanted)
    if opened.columns is not None:
        _check(opened.name, opened.columns, layout, any_of)
    found: set[str] = set()
    for row in opened.rows():
        if row.fault:
            raise InputError(f"{row.where}: {row.fault}")
        if not isinstance(row.values, Mapping):
            raise InputError(f"{row.where}: {kind_of(row.values)}, not a row")
        found.update(row.values.keys())
        yield Cells(row.where, {name: row.values.get(column) for name, column in theirs.items()})
    if opened.columns is None and found:
        _check(opened.name, found, layout, any_of)


def _check(source: str, found: Collection[str], layout: Layout, any_of: Sequence[str]) -> None:
    gaps = [name for name in layout.names if name in layout.mapped and layout.names[name] not in found]
    if not gaps and any_of and not any(layout.names[name] in found for name in any_of):
        gaps = [any_of[0]]
    if gaps:
        raise InputError(f"{source}: {no_column(gaps, found, layout)}")
