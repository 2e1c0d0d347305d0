"""Tables that people open in a spreadsheet: CSV in which no cell is taken for a formula.

A program that splits at semicolons or line ends sees cells where we see text, so what would begin a formula
is looked for behind those, too. It gets an apostrophe in front, which `restored` takes away again.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_STARTS = r"""(?:^|[;\t\r\n])[ "\u00a0\u3000]*"""
_FORMULA = r"(?='*[=+\-@＝＋－＠])"  # noqa: RUF001 - full-width signs are signs to a spreadsheet
_OPEN, _SHUT = re.compile(_STARTS + _FORMULA), re.compile(f"({_STARTS})'{_FORMULA}")


def csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    r"""Rows as CSV in UTF-8.

    >>> csv_of([["=1+1", "fine"]])
    b"'=1+1,fine\r\n"
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> inert("a; =HYPERLINK(1)")
    "a; '=HYPERLINK(1)"
    """
    return _OPEN.sub(lambda found: f"{found[0]}'", cell)


def restored(cell: str) -> str:
    """What a cell held before it was made inert.

    >>> restored("a; '=HYPERLINK(1)")
    'a; =HYPERLINK(1)'
    """
    return _SHUT.sub(r"\1", cell)
