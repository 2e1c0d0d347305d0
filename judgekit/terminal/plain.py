r"""Text is shown whole, wherever it comes from, and nothing in it is obeyed.

What a judge, a server, a file or an option says may hold mark-up, links, escape sequences or signs that turn
the direction of a line. Nothing is mark-up here, and what no terminal shows is shown as `\x1b` or `\u202e`:
in a line that is ours line ends and tabs as well, so that no text can look like a line of ours.
"""

import io
from typing import TYPE_CHECKING, Any, TextIO
from unicodedata import category

if TYPE_CHECKING:
    from rich.console import Console

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of what no terminal shows: controls, formats, halves of pairs, separators of lines."""
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
    return "".join(c if c in kept or category(c) not in HIDDEN else _escaped(c) for c in text)


def _escaped(sign: str) -> str:
    return ascii(sign)[1:-1] if sign != "'" else sign


class Guarded(io.TextIOBase):
    """A stream whose text is made plain on its way."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text, made plain."""
        self.stream.write(plain(text, lines=True))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Return the number of the stream's file."""
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self.stream.encoding


def console(stream: Any) -> "Console":
    """Return what draws on a stream; what it draws is plain already, and its colours are ours."""
    from rich.console import Console

    while isinstance(stream, Guarded):
        stream = stream.stream
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, force_jupyter=False)
