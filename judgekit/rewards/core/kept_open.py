"""Rewarders kept open between calls: one a spec and event loop, or one in a thread for all other threads.

Where a trainer only gives the path of a spec, its rewarder is opened in the trainer's event loop by whoever
comes first. A task holds it open, and `asyncio.run` cancels the tasks of its loop at the end: clients are
then closed and the ledger written. In a loop that is left lying they stay open until the process ends.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractAsyncContextManager, ExitStack
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from judgekit.rewards.core.records import Batch, Group
from judgekit.rewards.core.rewarder import Rewarder

T = TypeVar("T")


_Held = tuple[asyncio.Task[None], asyncio.Future[Any]]
"""The task that holds something open, and the future of it."""
_KEPT: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Held]]
_KEPT = weakref.WeakKeyDictionary()


async def kept(name: Hashable, opened: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    """Return what is open in this event loop under that name; opened by whoever comes first."""
    for each in list(_KEPT):
        if each.is_closed():
            _KEPT.pop(each, None)
    loop = asyncio.get_running_loop()
    here = _KEPT.setdefault(loop, {})
    if name not in here or here[name][0].done():
        opening = loop.create_future()
        here[name] = loop.create_task(_hold(opened, opening)), opening
    thing: T = await asyncio.shield(here[name][1])
    return thing


async def kept_rewarder(spec: str | Path | Rewarder, *, own_code: bool = False) -> Rewarder:
    """Return the open rewarder of a spec's file, or an open copy of a rewarder."""
    if isinstance(spec, Rewarder):
        return await kept(spec, lambda: copy(spec))
    return await kept((str(spec), own_code), lambda: Rewarder(spec, own_code=own_code))


async def _hold(opened: Callable[[], AbstractAsyncContextManager[T]], opening: asyncio.Future[T]) -> None:
    """Open, say so, and stay until cancelled. A generator would not do: loops end all of theirs at once."""
    try:
        async with opened() as thing:
            opening.set_result(thing)
            await asyncio.Event().wait()
    except Exception as error:
        if opening.done():
            raise
        opening.set_exception(error)


class Blocking:
    """A rewarder that many threads may call at once, for trainers that do not await.

    It is kept open in an event loop of its own, in a thread that begins with the first call and ends with
    this object, or with the process; a forked process begins its own.
    """

    def __init__(self, rewarder: Rewarder) -> None:
        self._rewarder = rewarder
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._process = os.getpid()

    def __call__(self, groups: Iterable[Group]) -> Batch:
        """Return the rewards of a batch; errors are those of the `Rewarder`."""
        future = self._opened().start_task_soon(self._rewarder, tuple(groups))
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def _opened(self) -> BlockingPortal:
        with self._lock:
            if self._process != os.getpid():  # forked: the thread stayed where it was
                self._portal, self._process = None, os.getpid()
            if self._portal is None:
                with ExitStack() as stack:
                    portal = stack.enter_context(start_blocking_portal())
                    thread = portal.call(threading.current_thread)
                    thread.name = "judgekit-rewards"
                    stack.enter_context(portal.wrap_async_context_manager(self._rewarder))
                    weakref.finalize(self, _end, stack.pop_all(), thread)
                    self._portal = portal
            return self._portal

    def __reduce__(self) -> tuple[Any, ...]:
        return Blocking, (self._rewarder,)


def _end(stack: ExitStack, thread: threading.Thread) -> None:
    """Close it; by another thread where the garbage was collected in its own, which cannot wait for it."""
    if thread is threading.current_thread():
        threading.Thread(target=stack.close, name="judgekit-rewards-end").start()
    else:
        stack.close()
