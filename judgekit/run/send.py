"""One reply from a judge: through its gate, within a deadline, tried again where that may help.

Passing failures (429, 5xx, time-outs, a broken connection) are tried again within a limit and then make a
reply `unreachable`; so many in a row are an outage. What one response may have drawn (an unknown 400, an
exception of one's own judge) is that call's at once, and counts likewise. Lasting ones (401, 404, an
exhausted quota) and outages halt the run, or only a judge that has a substitute.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any

import tenacity

from judgekit.errors import JudgekitError, JudgeOutage, ProviderError
from judgekit.ledger import Ledger
from judgekit.roles import Judge, Keyed, Learning, Narrow, Served
from judgekit.run.gate import Gate
from judgekit.run.hedge import Pulse, hedged
from judgekit.run.limits import LONGEST_WAIT, Halt, Limits
from judgekit.run.tally import Tally
from judgekit.types import Call, Reply

_BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=30.0)
_STEADY = tenacity.wait_random_exponential(multiplier=0.5, max=5.0)  # where time is what ends it
OF_ONE = frozenset({400, 403, 406, 413, 415, 422, 451})
"""Statuses that one response may have drawn."""
_BUG = 5  # calls that a judge of one's own raises in, and never answers, before it is called one
_ADVICE = {
    404: "see that the address is the server's whole base URL (often up to /v1), and the model one it serves",
    **dict.fromkeys((301, 302, 307, 308), "redirects are not followed: name the address that it leads to"),
}
First = Callable[[], None] | None
Ask = Callable[[Judge, Call], Awaitable[Reply]]
"""Makes one request of a judge."""
Around = Callable[[Ask], Ask] | None
"""What watches requests: it returns a function that asks as another does, and sees what comes of it."""
_DROPS = 10  # parameters a server may refuse, one after another


class _Raised(ProviderError):  # noqa: N818 - it tells what happened
    """A judge raised what is no error of ours: of one response, unless it never answers."""


class Sender:
    """Sends calls, one request or several each; judges behind one endpoint share its gate."""

    def __init__(
        self, judges: Collection[Judge], ledger: Ledger | None, limits: Limits, tally: Tally, halt: Halt,
        *, around: Around = None,
    ) -> None:  # fmt: skip
        self._ask: Ask | None = None if around is None else around(self._asked)
        self._seconds = limits.attempt_seconds if around is None else None  # else what is around tells of it
        self._ledger = ledger
        self._limits = limits
        self._tally = tally
        self._halt = halt
        self._hedges = limits.hedge and limits.budget_usd is None and limits.budget_tokens is None
        self.in_flight = 0
        self._failures: dict[str, int] = {}
        self._answered: set[str] = set()
        self.trouble = ""  # what a request failed of last
        self._learnt: dict[str, frozenset[str]] = {}
        by_endpoint: dict[str, Gate] = {}
        self._stop = tenacity.stop_any(
            *([] if limits.tries is None else [tenacity.stop_after_attempt(limits.tries)]),
            *([] if limits.call_seconds is None else [tenacity.stop_after_delay(limits.call_seconds)]),
        )
        self._pulses = {judge.name: Pulse() for judge in judges}
        self._gates = {
            judge.name: by_endpoint.setdefault(_endpoint(judge), self._gate(judge)) for judge in judges
        }

    def _gate(self, judge: Judge) -> Gate:
        most = self._limits.concurrency
        at_once = min(judge.at_once, most) if isinstance(judge, Narrow) else most
        return Gate(at_once, self._limits.rpm, self._limits.tpm, pause=self._halt.pause)

    @property
    def is_short(self) -> bool:
        """Whether a gate has fewer calls waiting than it may let through at once."""
        return any(gate.is_short for gate in self._gates.values())

    def tell_when_short(self, told: Callable[[], None] | None) -> None:
        """Call this whenever that becomes so; None: nobody any more."""
        for gate in self._gates.values():
            gate.when_short = told

    async def send(self, judge: Judge, call: Call, tokens: int = 0, first: First = None) -> Reply:
        """Return a reply, with a fault if none was to be had; `first` is called before anything is sent."""
        try:
            try:
                # By far most calls end here: no machinery.
                reply = await self._attempt(judge, call, tokens, again=call.attempt > 1, first=first)
            except ProviderError as error:
                if not error.passing:
                    raise
                reply = await self._tried_again(judge, call, tokens, error)
        except ProviderError as error:
            return self.failed(judge, error)
        self.went_well(judge.name)
        return _believed(reply)

    def failed(self, judge: Judge, error: ProviderError) -> Reply:
        """Return the reply that a failure becomes, and stop the run, or the judge, where it has to be."""
        told = _told(judge, error)
        if not (error.passing or isinstance(error, _Raised) or error.status in OF_ONE):
            lasting = ProviderError(f"judge {judge.name!r} stopped: {told}", status=error.status)
            self._halt.give_up(judge.name, lasting)
            return Reply(fault="unreachable", detail=told)
        in_a_row = self._failures[judge.name] = self._failures.get(judge.name, 0) + 1
        never = judge.name not in self._answered
        if in_a_row >= (_BUG if never and isinstance(error, _Raised) else self._limits.outage_after):
            outage = JudgeOutage(f"judge {judge.name!r}: {in_a_row} calls in a row failed; {told}")
            outage.__cause__ = error.__cause__
            self._halt.give_up(judge.name, outage)
        return Reply(fault="unreachable", detail=told, tries=self._limits.tries or 1)

    def went_well(self, judge: str) -> None:
        """Note that a judge answered, by whatever way."""
        self._failures[judge] = 0
        self._answered.add(judge)

    async def _tried_again(self, judge: Judge, call: Call, tokens: int, error: ProviderError) -> Reply:
        """Return the reply of the attempts after the first, which failed with `error`."""
        first = [error]
        self.trouble = f"judge {judge.name!r}: {error}"

        async def attempt() -> Reply:
            if first:
                raise first.pop()
            try:
                return await self._attempt(judge, call, tokens, again=True)
            except ProviderError as another:
                self.trouble = f"judge {judge.name!r}: {another}"
                raise

        retrying = tenacity.AsyncRetrying(
            stop=self._stop,
            wait=self._wait,
            sleep=self._halt.pause,
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, ProviderError) and error.passing
            ),
            reraise=True,
        )
        reply: Reply = await retrying(attempt)
        return replace(reply, tries=retrying.statistics["attempt_number"])

    async def _attempt(
        self, judge: Judge, call: Call, tokens: int, *, again: bool, first: First = None, hedge: bool = True
    ) -> Reply:
        """Make one request, through the gate; again at once where a parameter was refused and dropped.

        One that takes far too long is made a second time, which takes a place of its own at the gate.
        """
        gate = self._gates[judge.name]
        for _ in range(_DROPS):
            await gate.enter(tokens, again=again, first=first)
            first = None
            try:
                if (unsent := self._halt.unsent(judge.name)) is not None:
                    return unsent
                self._tally.requests += 1
                self.in_flight += 1
                began = time.monotonic()
                try:
                    async with asyncio.timeout(self._seconds):
                        reply = await self._way(judge, tokens, hedge=hedge)(call)
                finally:
                    self.in_flight -= 1
            except TimeoutError:
                raise ProviderError(
                    f"no reply within {self._limits.attempt_seconds:g} s", passing=True
                ) from None
            except ProviderError as error:
                if error.status == 429:
                    gate.was_turned_away(_asked_for(error))
                if error.dropped is None:
                    raise
                self._learn(judge)
            except JudgekitError:
                raise
            except Exception as error:
                told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                raise _Raised(" ".join(told.split())[:300]) from error
            else:
                gate.went_well()
                self._pulses[judge.name].took(time.monotonic() - began)
                return reply
            finally:
                gate.leave()
        raise ProviderError("the server refuses one parameter after another")

    def _way(self, judge: Judge, tokens: int, *, hedge: bool) -> Callable[[Call], Awaitable[Reply]]:
        """Return how a judge is asked: plainly, or a second time where that takes too long."""
        ask: Callable[[Call], Any] = judge if self._ask is None else partial(self._ask, judge)
        pulse = self._pulses[judge.name]
        patience = pulse.patience if hedge and self._hedges else None
        if patience is None:
            return ask

        def twice(call: Call) -> Awaitable[Reply]:
            second = partial(self._attempt, judge, call, tokens, again=True, hedge=False)
            return hedged(partial(ask, call), second, patience, take=pulse.take)

        return twice

    async def _asked(self, judge: Judge, call: Call) -> Reply:
        async with asyncio.timeout(self._limits.attempt_seconds):
            return await judge(call)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds to wait: what the server asked for, else exponential with full jitter."""
        error = state.outcome.exception() if state.outcome is not None else None
        asked_for = _asked_for(error) if isinstance(error, ProviderError) else None
        return asked_for or (_BACKOFF if self._limits.tries is not None else _STEADY)(state)

    def _learn(self, judge: Judge) -> None:
        """Keep what a server refuses, so that the next run does not send it."""
        if self._ledger is None or not isinstance(judge, Learning):
            return
        refused = frozenset(judge.refused)
        if self._learnt.get(judge.name) != refused:
            self._learnt[judge.name] = refused
            self._ledger.learn(fact_name(judge), refused)


def _told(judge: Judge, error: ProviderError) -> str:
    """Return a failure with the address that was asked, and what is most likely to mend it."""
    address: str = getattr(judge, "address", "")
    advice = _ADVICE.get(error.status or 0, "")
    if error.status == 401 and isinstance(judge, Keyed):
        key = judge.key_goes_to()
        advice = (
            "no key was sent; name its variable by key_env" if key is None else f"its key is in ${key[0]}"
        )
    told = f"{address}: {error}" if address and address not in str(error) else str(error)
    return f"{told}; {advice}" if advice else told


def _believed(reply: Reply) -> Reply:
    """Return a reply whose counts and price can be, so that none lowers what a run has cost."""
    for number in (reply.input_tokens, reply.output_tokens, reply.cost_usd):
        if number is not None and not 0 <= number < math.inf:
            return replace(reply, input_tokens=None, output_tokens=None, cost_usd=None)
    return reply


def fact_name(judge: Judge) -> str:
    """Return what a judge's capabilities are stored under: where it is asked, and its model."""
    endpoint = getattr(judge, "address", "") or (judge.endpoint if isinstance(judge, Served) else "")
    return f"refused {judge.identity.get('adapter', '')} {endpoint} {judge.identity.get('model', '')}"


def _endpoint(judge: Judge) -> str:
    """Return what a gate is shared by; a judge without a server has one of its own."""
    return f"server {judge.endpoint}" if isinstance(judge, Served) else f"judge {judge.name}"


def _asked_for(error: ProviderError) -> float | None:
    """Return the seconds a server wants to be left alone, as far as they are honoured."""
    return None if error.retry_after is None else min(error.retry_after, LONGEST_WAIT)
