"""How far long work is: a bar on a terminal, a line every few seconds elsewhere, nothing of what ends soon.

It goes to the error stream, so what a program prints stays its own. A thread looks from time to time how far
the work is, which may be busy or wait for a server meanwhile; it ends with the work. A stream that is closed,
or missing, ends the showing and never the work.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TextIO

from judgekit.errors import n_of
from judgekit.terminal.plain import Guarded, console, plain

_BAR, _LINE = 2.0, 5.0  # seconds of work that nothing is shown of: no bar, no line
_REDRAWN = 0.1  # seconds between two looks of a bar
_LOOKS = 0.25  # seconds between two looks at the work
_RARER, _RAREST = 0.05, 60.0  # of the seconds gone by, those between two lines; and the most of them
_WINDOW = 30.0  # seconds that the rate is taken over: what a ledger answers at first says little of the rest


class Progress:
    """Shows how far work is, while it is entered.

    Args:
        what: What is being done, the first word of the line.
        unit: What is counted, in the singular.
        total: Of how many; None where that is not known.
        shown: False shows nothing, nor does anything where $JUDGEKIT_PROGRESS is `no`.
        looked_at: Says how many are done, and what else there is to say; else whoever works says it (`at`).
        clock: Gives seconds; a clock of one's own is looked at only when that is told.
        stream: Where to; the error stream where left out.

    >>> seconds = iter(range(0, 100, 5))
    >>> with Progress("scoring", "item", total=40, clock=lambda: next(seconds), stream=sys.stdout) as shown:
    ...     for n in (10, 20, 30):
    ...         shown.at(n, note="$0.02")
    scoring: 10 of 40 items, 2.0 items/s, $0.02, about 15 s left
    scoring: 20 of 40 items, 2.0 items/s, $0.02, about 10 s left
    scoring: 30 of 40 items, 2.0 items/s, $0.02, about 5 s left
    scoring: 30 of 40 items in 20 s, $0.02
    """

    def __init__(
        self,
        what: str,
        unit: str,
        *,
        total: int | None = None,
        shown: bool = True,
        looked_at: Callable[[], tuple[int, str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        self.shown = shown
        self.total = total
        self.done = 0
        self._what, self._unit, self._note = plain(what), plain(unit), ""
        self._clock = clock
        self._stream: Any = stream
        self._bar: _Bar | None = None
        self._lines = 0
        self._began = self._due = 0.0
        self._seen: deque[tuple[float, int]] = deque()
        self._looked_at = looked_at
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._stream = self._stream or sys.stderr
        wanted = os.environ.get("JUDGEKIT_PROGRESS") != "no"
        self.shown = self.shown and wanted and self._stream is not None
        if self.shown:
            self._began = self._clock()
            self._seen.append((self._began, 0))
            self._due = self._began + (_BAR if self._on_terminal() else _LINE)
            if self._clock is time.monotonic:
                self._thread = threading.Thread(target=self._watch, name="judgekit progress", daemon=True)
                self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._look()
        if self._bar is not None:
            self._tried(self._bar.stop)
        elif self._lines and self.shown:
            took = f"{self._far()} in {_time(self._clock() - self._began)}"
            self._tried(lambda: self._write(f"{self._what}: {', '.join(filter(None, (took, self._note)))}"))

    def at(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far the work is, of how many where that is known now, and what else there is to say."""
        if self.shown:
            self.done, self.total, self._note = done, self.total if total is None else total, plain(note)
            self._look()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOKS):
            self._look()

    def _look(self) -> None:
        """Show how far the work is, where that is due."""
        with self._lock:
            if self._looked_at is not None:
                self.done, note = self._looked_at()
                self._note = plain(note)
            if self.shown and (now := self._clock()) >= self._due:
                self._tried(lambda: self._show(now))

    def _show(self, now: float) -> None:
        rate = self._rate(now)
        told = [_rate(rate, self._unit) if rate else "", self._note]
        if rate and self.total and self.done < self.total:
            told.append(f"about {_time((self.total - self.done) / rate)} left")
        words = ", ".join(filter(None, told))
        if self._bar is not None or (not self._lines and self._on_terminal()):
            if self._bar is None:
                self._bar = _Bar(self._what, self._stream, self.total)
            self._bar.draw(self.done, self.total, words)
            self._due = now + _REDRAWN
        elif self.done != self.total:  # else the last line is about to say it
            self._write(f"{self._what}: {self._far()}{words and f', {words}'}")
            self._lines += 1
            self._due = now + min(max(_LINE, _RARER * (now - self._began)), _RAREST)

    def _far(self) -> str:
        counted = n_of(self.done, self._unit)
        return counted if self.total is None else f"{self.done} of {n_of(self.total, self._unit)}"

    def _rate(self, now: float) -> float:
        """Return how many are done in a second, of late; 0 where that is not known."""
        self._seen.append((now, self.done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _WINDOW:
            self._seen.popleft()
        since, before = self._seen[0]
        return (self.done - before) / (now - since) if now > since else 0.0

    def _on_terminal(self) -> bool:
        try:
            return bool(self._stream.isatty()) and os.environ.get("TERM") not in {"dumb", "unknown"}
        except ValueError:  # it is closed
            return False

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _tried(self, show: Callable[[], None]) -> None:
        """Show something, or nothing any more where the stream does not take it."""
        try:
            show()
        except (OSError, ValueError):
            self.shown = False


class _Bar:
    """A bar that is drawn when told so; lines that others write meanwhile to the error stream go above it."""

    def __init__(self, what: str, stream: Any, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Drawn

        self._console = console(stream)
        self._drawn = Drawn(
            TextColumn(what, markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            console=self._console,
            auto_refresh=False,  # which would be a thread
            redirect_stdout=False,
            redirect_stderr=False,  # theirs would show what is not plain
            transient=True,
        )
        self._task = self._drawn.add_task("", total=total, words="")
        self._drawn.start()
        self._before, self._above = sys.stderr, _Above(stream, self._console)
        if stream is sys.stderr:
            sys.stderr = self._above

    def draw(self, done: int, total: int | None, words: str) -> None:
        """Draw how far the work is."""
        self._drawn.update(self._task, completed=done, total=total, words=words, refresh=True)

    def stop(self) -> None:
        """Take the bar away."""
        if sys.stderr is self._above:
            sys.stderr = self._before
        self._drawn.stop()
        self._above.end()


class _Above(Guarded):
    """A stream whose lines, made plain, stand above a bar."""

    def __init__(self, stream: TextIO, drawing: Any) -> None:
        super().__init__(stream)
        self._drawing = drawing
        self._begun = ""

    def write(self, text: str) -> int:
        """Write text, made plain; a line is shown when it is whole."""
        *whole, self._begun = (self._begun + text).split("\n")
        if whole:
            self._drawing.out(plain("\n".join(whole), lines=True), highlight=False)
        return len(text)

    def end(self) -> None:
        """Show what was begun and has no end."""
        if self._begun:
            super().write(self._begun)
            self._begun = ""


def _rate(rate: float, unit: str) -> str:
    """Return a rate in words.

    >>> _rate(12.34, "item"), _rate(0.05, "item")
    ('12.3 items/s', '3.0 items/min')
    """
    return f"{rate:.1f} {unit}s/s" if rate >= 1 else f"{60 * rate:.1f} {unit}s/min"


def _time(seconds: float) -> str:
    """Return a time in words.

    >>> _time(42.4), _time(600), _time(12_000), _time(1e6)
    ('42 s', '10 min', '3 h 20 min', '11 d 13 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
