"""Groups from many requests are judged together: whatever comes within a tick is one batch.

One `Rewarder` is kept open, and batches may overlap: its judges share one limit of concurrency, so a slow
batch holds up nobody. A group that cannot be asked about fails alone, not with the batch it came in.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from judgekit.errors import InputError, JudgekitError
from judgekit.rewards.core.combining import dealt_with
from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.rewarder import Rewarder

Seeing = Callable[[Batch, str | None], None]
"""Told of every batch, and why it was cut short, if it was."""
_MOST = 1_024  # responses in a batch; one more group, however large, still fits


class Batcher:
    """Judges groups, those of one tick together. Belongs to one event loop."""

    def __init__(self, rewarder: Rewarder, *, tick: float = 0.005, seen: Seeing) -> None:
        self._rewarder = rewarder
        self._tick = tick
        self._seen = seen
        self._pending: list[tuple[Group, asyncio.Future[Mapping[str, Reward]]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, group: Group) -> Mapping[str, Reward]:
        """The rewards of a group by response id."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Mapping[str, Reward]] = loop.create_future()
        self._pending.append((group, future))
        if self._timer is None:
            self._timer = loop.call_later(self._tick, self._flush)
        return await future

    def _flush(self) -> None:
        """Begin a batch of what is pending; two groups with one key cannot be in the same."""
        batch: dict[str, tuple[Group, asyncio.Future[Mapping[str, Reward]]]] = {}
        later, n = [], 0
        for group, future in self._pending:
            if future.cancelled():
                continue
            if group.key in batch or n >= _MOST:
                later.append((group, future))
            else:
                batch[group.key] = (group, future)
                n += len(group.responses)
        loop = asyncio.get_running_loop()
        self._pending = later
        self._timer = loop.call_later(0, self._flush) if later else None
        if batch:
            task = loop.create_task(self._judged(list(batch.values())))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _judged(self, pairs: Sequence[tuple[Group, asyncio.Future[Any]]]) -> None:
        try:
            rewards = await self._rewards([group for group, _ in pairs])
        except InputError as error:
            if len(pairs) > 1:
                await asyncio.gather(*(self._judged([pair]) for pair in pairs))
                return
            _raise(pairs, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours is raised where it was asked for
            _raise(pairs, error)
        else:
            for group, future in pairs:
                if not future.done():
                    future.set_result(rewards[group.key])

    async def _rewards(self, groups: Sequence[Group]) -> Mapping[str, Mapping[str, Reward]]:
        """Group key -> its rewards. After an outage nothing is imputed, and a group is dropped as a whole."""
        outage = None
        try:
            batch = await self._rewarder(groups)
        except JudgekitError as error:
            if not isinstance(error.run, Batch):
                raise
            batch, outage = error.run, str(error)
        self._seen(batch, outage)
        by_group: dict[str, dict[str, Reward]] = {group.key: {} for group in groups}
        for reward in batch:
            by_group[reward.group][reward.response] = replace(reward, outcomes=())
        if outage is not None and self._rewarder.spec.on_failure == "drop_group":
            by_group = {key: dealt_with(own, "drop_group") for key, own in by_group.items()}
        return by_group


def _raise(pairs: Sequence[tuple[Group, asyncio.Future[Any]]], error: Exception) -> None:
    for _, future in pairs:
        if not future.done():
            future.set_exception(error)
