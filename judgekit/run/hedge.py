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
_RECENT = 200
_FAR = 3.0  # times as long as nine of ten took
_LEAST = 0.25  # seconds below which a second request gains nothing

Request = Callable[[], Coroutine[Any, Any, Reply]]


class Pulse:
    """How long the requests of one judge took of late."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._patience: float | None = None

    def took(self, seconds: float) -> None:
        """Note how long a request took that was answered."""
        self._recent.append(seconds)
        if len(self._recent) >= _KNOWN and len(self._recent) % 10 == 0:
            slow = sorted(self._recent)[len(self._recent) * 9 // 10]
            self._patience = max(_FAR * slow, _LEAST)

    @property
    def patience(self) -> float | None:
        """Return the seconds after which a request takes far too long; None while that is not known."""
        return self._patience


async def hedged(request: Request, second: Request, patience: float) -> Reply:
    """Return the reply of a request, or of a second one that is made when `patience` is over.

    What failed counts only where nothing else is on its way.
    """
    tasks = {asyncio.create_task(request())}
    waiting = set(tasks)
    try:
        await asyncio.wait(waiting, timeout=patience)
        if not any(task.done() for task in tasks):
            tasks.add(asyncio.create_task(second()))
            waiting = set(tasks)
        while True:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            good = [task for task in done if task.exception() is None]
            if good or not waiting:
                return (good or list(done))[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
