"""What commands print: a line, a text, a table, JSON. Text is made plain, wherever it comes from.

`terminal` says what that is, and shows how far long work is; nobody else prints.
"""

import io
import json as json_
import re
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unicodedata import category

import typer

from judgekit.terminal.plain import HIDDEN, Guarded, console, plain

if TYPE_CHECKING:
    from judgekit.verbs.require import Requirement

_CELL = 80  # letters of a cell that names something


def say(text: str = "") -> None:
    """Print a line of ours on the standard output."""
    _write(f"{plain(text)}\n")


def tell(text: str) -> None:
    """Print a line of ours on the error stream: a note, an error, how it goes."""
    _write(f"{plain(text)}\n", error=True)


def say_text(text: str) -> None:
    """Print a text of several lines on the standard output: a prompt, a reply, a rubric."""
    _write(f"{plain(text, lines=True)}\n")


def say_styled(text: str, style: str, before: str = "") -> None:
    """Print a line of ours that stands out, but for what stands before it."""
    from rich.text import Text

    console(sys.stdout).print(Text.assemble(plain(before), (plain(text), style)), soft_wrap=True)


def say_json(value: object, *, indent: int | None = 1) -> None:
    """Print a value as JSON on the standard output, which reads as any other JSON."""
    text = json_.dumps(value, indent=indent, ensure_ascii=False)
    _write(re.sub(r"[^\n -~]", lambda found: _in_json(found[0]), text) + "\n")


def _in_json(sign: str) -> str:
    if category(sign) not in HIDDEN:
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x80 else json_.dumps(sign)[1:-1]


def say_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[str] = (),
    title: str = "",
    bold: Collection[int] = (),
    whole: Collection[str] = (),
) -> None:
    """Print a table; columns in `right` are flush right, as numbers are, and rows in `bold` stand out.

    What is very long, such as an id, is shortened in its middle, so that what stands behind it stays in
    sight; columns in `whole` hold sentences, which are not.
    """
    from rich.table import Table

    cells = list(rows)
    table = Table(header_style="bold", box=None, pad_edge=False, show_header=bool(heads))
    for head in heads or [""] * max(map(len, cells), default=0):
        table.add_column(_text(head), justify="right" if head in right else "left", overflow="fold")
    for n, row in enumerate(cells):
        named = zip(heads or [""] * len(row), row, strict=False)
        shown = [_text(cell if head in whole else shortened(cell)) for head, cell in named]
        table.add_row(*shown, style="bold" if n in bold else None)
    if title:
        say(title)
    console(sys.stdout).print(table)


def shortened(text: str) -> str:
    """Return a text without its middle, if it is too long for the cell of a table.

    >>> shortened("a" * 5000 + "b") == "a" * 38 + "..." + "a" * 37 + "b"
    True
    """
    half = (_CELL - 3) // 2
    return text if len(text) <= _CELL else f"{text[:half]}...{text[-half:]}"


def as_written(text: str) -> str:
    """Return a text that, where mark-up is obeyed, reads as this one does; help is such a place."""
    if "[" not in text:
        return text
    from rich.markup import escape

    return escape(text)


def on_terminal() -> bool:
    """Tell whether both streams are terminals, so that somebody reads along."""
    return sys.stdout.isatty() and sys.stderr.isatty()


@contextmanager
def guarded() -> Iterator[None]:
    """Make plain, too, what others write to the error stream meanwhile: warnings, logs, tracebacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a sign is no error
    before = sys.stderr
    sys.stderr = Guarded(before)
    try:
        yield
    finally:
        sys.stderr = before


def tell_crash() -> None:
    """Print the error of ours that is being handled, with where it happened."""
    from judgekit.judges.variables import without_keys

    _write(plain(without_keys(traceback.format_exc()), lines=True), error=True)


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(plain(text))


def _write(text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    stream.write(text)
    stream.flush()


_BOUNDS = ("required", "found", "95 % interval", "from", "met")


def say_requirements(requirements: "Sequence[Requirement]", *, quiet: bool = False) -> None:
    """Print a table of what was required and found; quietly, only what is not met, as errors."""
    if not requirements:
        return
    if quiet:
        for each in requirements:
            if not each.met:
                tell(f"not met: {each.bound.text}: {each.why}")
        return
    say()
    say_table(_BOUNDS, map(_bound_cells, requirements), right={"found"}, whole={"required", "met"})
    if unmet := sum(not each.met for each in requirements):
        say(f"{unmet} of {len(requirements)} bounds not met")


def leave(requirements: "Sequence[Requirement]") -> None:
    """Leave with exit code 1 where a bound is not met."""
    if not all(each.met for each in requirements):
        raise typer.Exit(1)


def _bound_cells(each: "Requirement") -> tuple[str, ...]:
    from judgekit.verbs.require import number

    found = each.found
    ends = number(found.low), number(found.high)
    interval = "none" if "none" in ends else " to ".join(ends)
    missing = f", {found.n_dropped} missing" if found.n_dropped else ""
    met = "yes" if each.met else f"no: {each.why}"
    return each.bound.text, number(found.value), interval, f"{found.n_used}{missing}", met
