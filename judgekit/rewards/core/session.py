"""Judges kept open in one event loop, asked about many items at once, within a deadline."""

import asyncio
import logging
import math
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from judgekit.errors import InputError, JudgekitError
from judgekit.ledger import Ledger
from judgekit.ledger.tools import kept_in
from judgekit.roles import Judge, Recipe
from judgekit.run import Limits, Tally
from judgekit.run.ask import Asker
from judgekit.run.drive import asking, walk
from judgekit.run.limits import Halt
from judgekit.run.send import Around
from judgekit.types import Answer, Item, Judged

_PATIENCE = 2.0
_QUIET = 10.0  # seconds that judges are waited for without a word
_log = logging.getLogger(__name__)
_TURN = 32  # items begun before the loop gets a turn


@dataclass
class Asked:
    """What came back for a batch; items that were not done by the deadline are not there."""

    made: dict[str, Any] = field(default_factory=dict)  # by item id
    answers: list[Answer] = field(default_factory=list)
    late: str = ""  # why the others are not there


class Session:
    """Open judges and a ledger; belongs to the event loop it was entered in."""

    def __init__(
        self, judges: Sequence[Judge], ledger: str | None, limits: Limits, *, around: Around = None
    ) -> None:
        self._around = around
        self._judges = {judge.name: judge for judge in judges}
        self._ledger = ledger
        self._limits = limits
        self._stack = AsyncExitStack()
        self._halt = Halt()
        self._asker: Asker | None = None
        self._until = math.inf
        self._told_at = -math.inf

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            ledger = (
                None if self._ledger is None else stack.enter_context(_ledger(self._ledger, self._judges))
            )
            opened = asking(
                self._judges, ledger, self._limits, Tally(), self._halt,
                patience=self._patience, around=self._around,
            )  # fmt: skip
            self._asker = await stack.enter_async_context(opened)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._asker = None
        try:
            await self._stack.aclose()
        except InputError as error:  # the rewards are there all the same
            warnings.warn(str(error), stacklevel=2)

    def _patience(self) -> float:
        """Return the seconds that somebody's lock on the ledger is waited for at the end."""
        return min(max(self._until - asyncio.get_running_loop().time(), 0.0), _PATIENCE)

    @property
    def stopped(self) -> JudgekitError | None:
        """The reason why nothing is sent any more: an outage, or a lasting error of a provider."""
        return self._halt.error

    def _tell_waiting(self, asker: Asker) -> None:
        """Say that judges are waited for, once for batches that overlap; else the training seems to hang."""
        now = asyncio.get_running_loop().time()
        if asker.sender.trouble and now - self._told_at >= _QUIET:
            self._told_at = now
            _log.warning(
                "rewards have waited %g s for judges that are asked again: %s", _QUIET, asker.sender.trouble
            )

    async def ask(
        self, items: Iterable[Item], recipe: Recipe, made: Callable[[Item, Judged], Any], seconds: float
    ) -> Asked:
        """Walk a recipe over all items at once, and make of each what is wanted; what is late is ended."""
        asker = self._asker  # the session may be closed while somebody asks
        assert asker is not None, "entered before it is asked"  # noqa: S101 - for the type checker
        loop = asyncio.get_running_loop()
        self._until = loop.time() + seconds
        asked = Asked()
        asker.sender.trouble = ""
        tasks: dict[str, asyncio.Task[None]] = {}
        told = loop.call_later(_QUIET, self._tell_waiting, asker)

        async def walked(item: Item) -> None:
            asked.made[item.item_id] = made(item, await walk(item, recipe, asker, asked.answers))

        try:
            for item in items:
                tasks[item.item_id] = asyncio.create_task(walked(item))
                if len(tasks) % _TURN == 0:
                    await asyncio.sleep(0)  # the first requests leave while later ones are being written
            if tasks:
                await asyncio.wait(tasks.values(), timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            told.cancel()
            for task in tasks.values():
                task.cancel()
            ended = await asyncio.gather(*tasks.values(), return_exceptions=True)
        for error in ended:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                raise error
        asked.late = f"deadline: {asker.sender.trouble}" if asker.sender.trouble else "deadline"
        return asked


def _ledger(named: str, judges: Collection[str]) -> Ledger:
    path, older = kept_in(Path(named), judges)
    if older is not None:
        warnings.warn(str(older), stacklevel=2)
    return Ledger(path)
