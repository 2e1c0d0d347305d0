"""How fast, how long and for how much a run may go, and why it stops before its end."""

import asyncio
import math
from collections.abc import Collection
from dataclasses import dataclass, fields

from judgekit.errors import BudgetExceeded, InputError, JudgekitError
from judgekit.types import Reply

LONGEST_WAIT = 300.0  # seconds of a Retry-After that are honoured at most


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run; one that is not positive is an InputError.

    Args:
        concurrency: The most calls in flight at one endpoint.
        rpm: The most requests a minute at one endpoint; None: no limit of ours.
        tpm: The most tokens a minute at one endpoint (input estimated, and the most that may be written).
        attempt_seconds: How long one request may take; then it is tried again.
        run_seconds: How long the run may take; then it stops, keeping everything.
        tries: The most requests for one call, the first among them; None: as many as `call_seconds` allow.
        call_seconds: How long one call may be tried; None: no limit of its own.
        budget_usd: The US dollars that this run may spend (what the ledger holds is free); reserved before
            each call, so that it is never overspent.
        budget_tokens: The tokens that this run may use, in and out together; reserved likewise.
        allow_unknown_price: Under a budget in money, let judges pass whose price is not known; for their
            calls is reserved what their dearest reply so far said that it cost (`usage.cost`).
        hedge: Whether a request that takes three times as long as nine of ten do is made a second time; the
            first answer counts, and the other request may have been paid for. One in eight at most, and none
            under a budget.
        batch_hours: How long a batch may be out; then it is cancelled, and what it lacks is asked again.
        outage_after: Failed calls in a row, without a success, that are an outage.
    """

    concurrency: int = 16
    rpm: float | None = None
    tpm: float | None = None
    attempt_seconds: float = 120.0
    run_seconds: float | None = None
    tries: int | None = 6
    call_seconds: float | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    allow_unknown_price: bool = False
    hedge: bool = False
    batch_hours: float = 30.0
    outage_after: int = 20

    @property
    def longest_call(self) -> float:
        """Seconds that a call may take at most, with all that it waits for between its requests."""
        once = self.attempt_seconds + LONGEST_WAIT
        return min(
            math.inf if self.tries is None else self.tries * once, (self.call_seconds or math.inf) + once
        )

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None or isinstance(value, bool):
                continue
            whole = "float" not in str(each.type)
            if not isinstance(value, int if whole else int | float):
                raise InputError(f"{each.name}={value!r}; a limit is a {'whole ' if whole else ''}number")
            if not value > 0:
                raise InputError(f"{each.name}={value!r}; a limit is above 0")
        if self.tries is None and self.call_seconds is None:
            raise InputError("tries=None needs call_seconds, or a call would be tried for ever")


_DETAIL = 200  # letters of the reason that stand in an abstention


class Halt:
    """The first reason to stop, or to do without a judge that is spared, and a sleep that it ends.

    What is in flight goes on to its end and is kept; what waits for a clock is woken, finds the reason and is
    not sent.
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
        """Return what becomes of a call that is not sent any more; None while calls to the judge go on."""
        error = self.error or self._given_up.get(judge)
        if error is None:
            return None
        detail = str(error)[:_DETAIL]
        if error is not self.error:
            return Reply(fault="unreachable", detail=detail)
        if isinstance(error, BudgetExceeded):
            return Reply(fault="over_budget", detail=detail)
        return Reply(fault="cancelled", detail=detail)
