"""Calls that another process is asking, or another run of this one: their replies are waited for."""

import asyncio
import time
from typing import Final

from judgekit.errors import JudgekitError
from judgekit.ledger import Ledger
from judgekit.ledger.store import Kept
from judgekit.run.halt import Halt
from judgekit.types import Reply

_SOONEST, _LATEST = 0.02, 0.5  # seconds between two looks: longer the longer nothing comes
_CLAIMS: Final = 0.25  # seconds between two looks at who still asks, which takes a lock each


class NotOurs(Exception):  # noqa: N818 - no error: somebody else's call
    """A call is not to be sent: `kept` is its reply, stored meanwhile, or None while another asks it."""

    def __init__(self, kept: Kept | None) -> None:
        super().__init__()
        self.kept = kept


class Elsewhere:
    """Waits for replies that others write to the ledger; one look-up serves all that wait.

    Args:
        ledger: Where they are written.
        halt: What ends the waiting.
        longest: Seconds that a call is waited for at most: longer than anybody takes to ask one.
    """

    def __init__(self, ledger: Ledger, halt: Halt, longest: float) -> None:
        self.ledger = ledger
        self._halt = halt
        self._longest = longest
        self._waiting: dict[str, tuple[asyncio.Future[Kept | None], int, float]] = {}
        self._watching: asyncio.Task[None] | None = None

    async def reply(self, key: str, edition: int) -> Kept | None:
        """A reply of a later edition; None where nobody asks any more, or the run is stopped."""
        future: asyncio.Future[Kept | None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future, edition, time.monotonic() + self._longest
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            return await future
        finally:
            del self._waiting[key]
            if not self._waiting and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def _watch(self) -> None:
        pause, claims_at = _SOONEST, time.monotonic() + _CLAIMS
        as_of: int | None = None
        while True:
            await self._halt.pause(pause)
            before = len(self._open())
            try:
                if (now := self.ledger.changed()) != as_of:
                    as_of = now
                    self._look()
                if time.monotonic() >= claims_at or self._halt.error is not None:
                    self._look_at_claims()
                    claims_at = time.monotonic() + _CLAIMS
            except JudgekitError as error:
                for key in self._open():
                    self._waiting[key][0].set_exception(error)
            pause = _SOONEST if len(self._open()) < before else min(pause * 1.5, _LATEST)

    def _open(self) -> list[str]:
        return [key for key, (future, *_) in self._waiting.items() if not future.done()]

    def _look(self) -> None:
        for key, kept in self.ledger.look(self._open()).items():
            future, edition, _ = self._waiting[key]
            if kept.edition > edition:
                future.set_result(kept)

    def _look_at_claims(self) -> None:
        """Let those go on that nobody asks for any more: the other was killed, or got no reply."""
        now = time.monotonic()
        for key in self._open():
            future, _, until = self._waiting[key]
            if self._halt.error is not None or not self.ledger.is_claimed(key):
                future.set_result(None)
            elif now >= until:
                said = f"another process has been asking this for {self._longest:.0f} s; run again later"
                future.set_result(Kept(-1, Reply(fault="unreachable", detail=said)))
