"""What is kept open where a trainer only gives the path of a spec: one rewarder for each spec and event loop.

An asynchronous generator holds each open, and `asyncio.run` ends those of its loop: clients are then closed
and the ledger written. In a loop that is left lying they stay open until the process ends.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from judgekit.rewards.rewarder import Rewarder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Holding:
    """The generator that holds something open, and the first thing it gave."""

    holder: AsyncGenerator[Any, None]
    opening: asyncio.Task[Any]

    @property
    def usable(self) -> bool:
        """Whether it is open, or being opened."""
        gone = self.opening.done() and (self.opening.cancelled() or self.opening.exception() is not None)
        return not gone


_KEPT: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Holding]] = WeakKeyDictionary()


async def kept(name: Hashable, opened: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    """What is open in this event loop under that name; opened by whoever comes first.

    Args:
        name: The same name is the same thing.
        opened: Makes what is to be entered. Where that fails, the next to come tries again.
    """
    for loop in list(_KEPT):
        if loop.is_closed():
            _KEPT.pop(loop, None)
    loop = asyncio.get_running_loop()
    here = _KEPT.setdefault(loop, {})
    holding = here.get(name)
    if holding is None or not holding.usable:
        holder = _held(opened)
        holding = here[name] = _Holding(holder, loop.create_task(_first(holder)))
    thing: T = await asyncio.shield(holding.opening)
    return thing


async def kept_rewarder(spec: str | Path, *, own_code: bool = False) -> Rewarder:
    """The open rewarder of a spec's file.

    Raises:
        InputError: If the spec cannot be used.
    """
    return await kept((str(spec), own_code), lambda: Rewarder(spec, own_code=own_code))


async def _held(opened: Callable[[], AbstractAsyncContextManager[T]]) -> AsyncGenerator[T, None]:
    async with opened() as thing:
        yield thing


async def _first(holder: AsyncGenerator[T, None]) -> T:
    return await anext(holder)
