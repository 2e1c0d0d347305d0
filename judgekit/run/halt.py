"""Why a run stops before its end, or does without a judge: said once, seen everywhere."""

import asyncio
from collections.abc import Collection

from judgekit.errors import BudgetExceeded, JudgekitError
from judgekit.types import Reply

_DETAIL = 200  # letters of the reason that stand in an abstention


class Halt:
    """The first reason to stop, and a sleep that it ends.

    What is in flight goes on to its end and is kept; what waits for a clock is woken, finds the
    reason and is not sent.

    Args:
        spared: Names of judges that the run can do without.
    """

    def __init__(self, spared: Collection[str] = ()) -> None:
        self.error: JudgekitError | None = None
        self._spared = spared
        self._given_up: dict[str, JudgekitError] = {}
        self._stopped = asyncio.Event()

    def stop(self, error: JudgekitError) -> None:
        """Stop for this reason, unless there was one before."""
        if self.error is None:
            self.error = error
            self._stopped.set()

    def give_up(self, judge: str, error: JudgekitError) -> None:
        """Do without a judge, or stop where the run cannot."""
        if judge in self._spared:
            self._given_up.setdefault(judge, error)
        else:
            self.stop(error)

    async def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the run goes on."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    def unsent(self, judge: str) -> Reply | None:
        """What becomes of a call that is not sent any more; None while calls to the judge go on."""
        error = self.error or self._given_up.get(judge)
        if error is None:
            return None
        detail = str(error)[:_DETAIL]
        if error is not self.error:
            return Reply(fault="unreachable", detail=detail)
        if isinstance(error, BudgetExceeded):
            return Reply(fault="over_budget", detail=detail)
        return Reply(fault="cancelled", detail=detail)
