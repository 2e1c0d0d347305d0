"""Ctrl-C, SIGTERM and a terminal that is closed: they end a command in the same way, with what it has kept.

The first lets asynchronous work end what it has under way, the second ends that, too, the third the process.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from judgekit.cli.printing import tell

T = TypeVar("T")
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_CODE = 130


@contextmanager
def interruptible() -> Iterator[None]:
    """Let each of the signals raise KeyboardInterrupt meanwhile, as Ctrl-C does anyway."""
    with _handled(_raise):
        yield


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end; KeyboardInterrupt if a signal cancelled it."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(work)
        count = 0

        def signalled(_: int, __: FrameType | None) -> None:
            nonlocal count
            count += 1
            if count > 2:
                os._exit(_CODE)
            loop.call_soon_threadsafe(cancel, count)

        def cancel(number: int) -> None:
            tell("ending what is under way; once more ends at once" if number == 1 else "ending at once")
            task.cancel()

        with _handled(signalled):
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None


def _raise(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have signals handled, but those that whoever started us wants ignored (nohup, a shell's background)."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        heard = (number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN)
        before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
