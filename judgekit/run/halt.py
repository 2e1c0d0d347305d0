"""Why a run stops before its end, if it does: said once, seen everywhere."""

import asyncio

from judgekit.errors import BudgetExceeded, JudgekitError
from judgekit.types import Reply

_DETAIL = 200  # letters of the reason that stand in an abstention


class Halt:
    """The first reason to stop, and a sleep that it ends.

    What is in flight goes on to its end and is kept; what waits for a clock is woken, finds the
    reason and is not sent.
    """

    def __init__(self) -> None:
        self.error: JudgekitError | None = None
        self._stopped = asyncio.Event()

    def stop(self, error: JudgekitError) -> None:
        """Stop for this reason, unless there was one before."""
        if self.error is None:
            self.error = error
            self._stopped.set()

    async def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the run goes on."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    def unsent(self) -> Reply | None:
        """What becomes of a call that is not sent any more; None while the run goes on."""
        if self.error is None:
            return None
        detail = str(self.error)[:_DETAIL]
        if isinstance(self.error, BudgetExceeded):
            return Reply(fault="over_budget", detail=detail)
        return Reply(fault="cancelled", detail=detail)
