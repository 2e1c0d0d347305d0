"""A second request for one that takes far longer than others do; whichever is answered first counts.

Of many requests one may hang while the rest are answered at once, and all that waits for it hangs with it.
Source: Dean and Barroso (2013), "The Tail at Scale", Communications of the ACM 56.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from judgekit.types import Reply

_KNOWN = 20  # requests of a judge that have to have been answered before it is known how long they take
_RECENT, _EVERY = 200, 10  # that are looked at, and how often
_FAR = 3.0  # times as long as nine of ten took
_LEAST = 0.25  # seconds below which a second request gains nothing
_ONE_IN = (
    8  # requests that are answered, for each that may be made a second time: a server that is slow is spared
)

Request = Callable[[], Coroutine[Any, Any, Reply]]


class Pulse:
    """How long the requests of one judge took of late.

    `patience` is the seconds after which one takes far too long; None while that is not known.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._n = self._twice = 0
        self.patience: float | None = None

    def took(self, seconds: float) -> None:
        """Note how long a request took that was answered."""
        self._recent.append(seconds)
        self._n += 1
        if self._n >= _KNOWN and self._n % _EVERY == 0:
            slow = sorted(self._recent)[len(self._recent) * 9 // 10]
            self.patience = max(_FAR * slow, _LEAST)

    def take(self) -> bool:
        """Take leave to make a second request; False where too many were made already."""
        if self._twice * _ONE_IN > self._n:
            return False
        self._twice += 1
        return True


async def hedged(
    request: Request, second: Request, patience: float, *, take: Callable[[], bool] = lambda: True
) -> Reply:
    """Return the reply of a request, or of a second one that is made when `patience` is over.

    What failed counts only where nothing else is on its way; `take` tells whether a second one may be made.
    """
    loop, race = asyncio.get_running_loop(), asyncio.timeout(None)
    other: asyncio.Task[Reply] | None = None
    running = True

    def begin() -> None:
        nonlocal other
        if not take():
            return
        other = loop.create_task(second())
        other.add_done_callback(ended)

    def ended(task: asyncio.Task[Reply]) -> None:
        if running and not task.cancelled() and task.exception() is None:
            race.reschedule(loop.time())

    timer = loop.call_later(patience, begin)
    try:
        async with race:  # by far most requests end here: no task of their own
            try:
                return await request()
            finally:
                running = False
    except Exception:
        if other is None:
            raise
        return await other
    finally:
        timer.cancel()
        if other is not None:
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)
