r"""The one place that prints. Text is shown whole, wherever it comes from, and nothing in it is obeyed.

What a judge, a server, a file or an option says may hold mark-up, links, escape sequences or signs that turn
the direction of a line. Nothing is mark-up here, and what no terminal shows is shown as `\x1b` or `\u202e`:
in a line that is ours line ends and tabs as well, so that no text can look like a line of ours.
"""

import io
import json as json_
import re
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO
from unicodedata import category

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, formats, halves of pairs, separators of lines
_JOINERS = "\u200c\u200d"  # which words and emoji need, and which turn nothing
_WIDE = 10_000  # columns where there is no terminal, so that no cell is cut or broken


def plain(text: str, *, lines: bool = False) -> str:
    r"""Return text in which nothing is left that a terminal would obey; line ends and tabs stay if asked.

    >>> plain("a\x1b[31m\nb"), plain("a\n\u202eb", lines=True)
    ('a\\x1b[31m\\nb', 'a\n\\u202eb')
    """
    if text.isprintable():
        return text
    kept = _JOINERS + "\n\t" if lines else _JOINERS
    return "".join(c if c in kept or category(c) not in _HIDDEN else _escaped(c) for c in text)


def _escaped(sign: str) -> str:
    return ascii(sign)[1:-1] if sign != "'" else sign


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

    _console().print(Text.assemble(plain(before), (plain(text), style)), soft_wrap=True)


def say_json(value: object, *, indent: int | None = 1) -> None:
    """Print a value as JSON on the standard output, which reads as any other JSON."""
    text = json_.dumps(value, indent=indent, ensure_ascii=False)
    _write(re.sub(r"[^\n -~]", lambda found: _in_json(found[0]), text) + "\n")


def _in_json(sign: str) -> str:
    if category(sign) not in _HIDDEN:
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x80 else json_.dumps(sign)[1:-1]


def say_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[str] = (),
    title: str = "",
    bold: Collection[int] = (),
) -> None:
    """Print a table; columns in `right` are flush right, as numbers are, and rows in `bold` stand out."""
    from rich.table import Table

    cells = list(rows)
    table = Table(header_style="bold", box=None, pad_edge=False, show_header=bool(heads))
    for head in heads or [""] * max(map(len, cells), default=0):
        table.add_column(_text(head), justify="right" if head in right else "left", overflow="fold")
    for n, row in enumerate(cells):
        table.add_row(*map(_text, row), style="bold" if n in bold else None)
    if title:
        say(title)
    _console().print(table)


def progress(what: str, *, total: int | None) -> "Progress":
    """Return a line on the error stream that says how it goes; silent where it is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn(plain(what), markup=False),
        BarColumn(bar_width=None if total else 20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=_console(error=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


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
    sys.stderr = _Guarded(before)
    try:
        yield
    finally:
        sys.stderr = before


def tell_crash() -> None:
    """Print the error of ours that is being handled, with where it happened."""
    _write(plain(traceback.format_exc(), lines=True), error=True)


class _Guarded(io.TextIOBase):
    """A stream whose text is made plain on its way."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(plain(text, lines=True))
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


def _console(*, error: bool = False) -> "Console":
    from rich.console import Console

    stream: Any = sys.stderr if error else sys.stdout
    if isinstance(stream, _Guarded):
        stream = stream.stream  # what comes from here is plain already, and its colours are ours
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(plain(text))


def _write(text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    stream.write(text)
    stream.flush()
