"""One call, answered: from the ledger, from an equal call in flight, or by its judge.

Passing failures (429, 5xx, time-outs, a broken connection) are tried again within a limit and
then become a reply with the fault `unreachable`. Lasting ones (401, 404, an exhausted quota) stop
the run: what is in flight is finished and kept, what was not sent abstains as `cancelled`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from judgekit.errors import BudgetExceeded, JudgekitError, JudgeOutage, ProviderError
from judgekit.ledger import Ledger
from judgekit.plan import price_of
from judgekit.prompt import estimate_tokens
from judgekit.run.budget import Budget
from judgekit.run.gate import Gate
from judgekit.run.limits import Limits
from judgekit.run.tally import Tally
from judgekit.types import Answer, Call, Judge, Learning, Narrow, Reply, Served

_BACKOFF = wait_random_exponential(multiplier=0.25, max=30.0)
_LONGEST_WAIT = 300.0  # seconds of a Retry-After that are honoured at most
_DROPS = 10  # parameters a server may refuse, one after another


class Asker:
    """Answers calls within the limits of a run.

    Args:
        judges: By name.
        ledger: Where replies are kept; None keeps nothing.
        limits: How fast and for how much.
        tally: What is counted.
    """

    def __init__(
        self, judges: Mapping[str, Judge], ledger: Ledger | None, limits: Limits, tally: Tally
    ) -> None:
        self.judges = judges
        self.ledger = ledger
        self.limits = limits
        self.tally = tally
        self.stopped: JudgekitError | None = None
        self._gates: dict[str, Gate] = {}
        self._money = Budget(limits.budget_usd, "US dollars")
        self._tokens = Budget(limits.budget_tokens, "tokens")
        self._priced = limits.budget_usd is not None or limits.budget_tokens is not None
        self._flying: dict[str, asyncio.Future[Reply]] = {}
        self._failures: dict[str, int] = dict.fromkeys(judges, 0)

    async def answer(self, calls: tuple[Call, ...], *, again: bool = False) -> list[Answer]:
        """Answers of calls, in their order."""
        stored = (
            {} if again or self.ledger is None else self.ledger.get(c.key for c in calls if self._keeps(c))
        )
        missing = [call for call in calls if call.key not in stored]
        if len(missing) <= 1:
            new = [await self._one(call, again=again) for call in missing]
        else:
            new = await asyncio.gather(*(self._one(call, again=again) for call in missing))
        by_place = iter(new)
        answers = [
            Answer(call, stored[call.key], stored=True)
            if call.key in stored
            else Answer(call, next(by_place))
            for call in calls
        ]
        for answer in answers:
            self.tally.answered(answer)
        return answers

    def _keeps(self, call: Call) -> bool:
        return bool(self.judges[call.judge].identity)

    async def _one(self, call: Call, *, again: bool) -> Reply:
        """A reply, shared with an equal call that is in flight already."""
        if not self._keeps(call):
            return await self._new(call, again=again)
        if (flying := self._flying.get(call.key)) is not None:
            self.tally.shared += 1
            return await asyncio.shield(flying)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._flying[call.key] = future
        try:
            reply = await self._new(call, again=again)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # seen here, in case nobody waits for it
            raise
        else:
            future.set_result(reply)
            return reply
        finally:
            del self._flying[call.key]

    async def _new(self, call: Call, *, again: bool) -> Reply:
        """A reply from the judge, reserved, paid and kept."""
        judge = self.judges[call.judge]
        if self.stopped is not None:
            return _unsent(self.stopped)
        n_in = estimate_tokens(call.messages) if self._priced or self.limits.tpm else 0
        limit, price = price_of(judge, n_in, letters=bool(call.letters)) if self._priced else (0, 0.0)
        money, tokens = price or 0.0, float(n_in + (limit or 0))
        if not await self._money.reserve(money):
            return self._stop(BudgetExceeded(self._money.message()))
        if not await self._tokens.reserve(tokens):
            self._money.settle(money, 0.0)
            return self._stop(BudgetExceeded(self._tokens.message()))
        reply = Reply(fault="cancelled")
        try:
            reply = await self._tried(judge, call, n_in + (limit or 0))
        finally:
            self._money.settle(money, reply.cost_usd or 0.0)
            self._tokens.settle(tokens, float((reply.input_tokens or 0) + (reply.output_tokens or 0)))
        if reply.fault in {"unreachable", "cancelled"}:
            return reply
        self.tally.paid(reply)
        if self.ledger is not None and judge.identity:
            self.ledger.put(call, judge.identity, reply, again=again)
        return reply

    async def _tried(self, judge: Judge, call: Call, tokens: int) -> Reply:
        """A reply after as many attempts as the limits allow."""
        try:
            reply = await self._attempts(judge, call, tokens)
        except ProviderError as error:
            if not error.passing:
                stop = ProviderError(f"judge {judge.name!r} stopped: {error}", status=error.status)
                self._stop(stop)
                return Reply(fault="unreachable", detail=str(error))
            self._failures[judge.name] += 1
            if self._failures[judge.name] >= self.limits.outage_after:
                self._stop(
                    JudgeOutage(
                        f"judge {judge.name!r}: {self._failures[judge.name]} calls in a row failed; {error}"
                    )
                )
            return Reply(fault="unreachable", detail=str(error), tries=self.limits.tries)
        self._failures[judge.name] = 0
        return reply

    async def _attempts(self, judge: Judge, call: Call, tokens: int) -> Reply:
        try:
            return await self._attempt(judge, call, tokens)  # by far most calls: no machinery
        except ProviderError as error:
            if not error.passing or self.limits.tries == 1:
                raise
            await asyncio.sleep(_wait(1, error))
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.limits.tries - 1),
            wait=_wait_of,
            retry=retry_if_exception(lambda error: isinstance(error, ProviderError) and error.passing),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                reply = await self._attempt(judge, call, tokens)
                return replace(reply, tries=attempt.retry_state.attempt_number + 1)
        raise AssertionError("tenacity gives a reply or raises")

    async def _attempt(self, judge: Judge, call: Call, tokens: int) -> Reply:
        """One request, through the gate; again at once where a parameter was refused and dropped."""
        gate = self._gate(judge)
        for _ in range(_DROPS):
            await gate.enter(tokens)
            self.tally.requests += 1
            try:
                if self.stopped is not None:
                    return _unsent(self.stopped)
                async with asyncio.timeout(self.limits.attempt_seconds):
                    reply = await judge(call)
            except TimeoutError:
                raise ProviderError(
                    f"no reply within {self.limits.attempt_seconds:g} s", passing=True
                ) from None
            except ProviderError as error:
                if error.dropped is None:
                    if error.status == 429:
                        gate.was_turned_away(error.retry_after)
                    raise
                self._learn(judge)
            else:
                gate.went_well()
                return reply
            finally:
                gate.leave()
        raise ProviderError("the server refuses one parameter after another")

    def _gate(self, judge: Judge) -> Gate:
        name = judge.endpoint if isinstance(judge, Served) else judge.name
        if name not in self._gates:
            at_once = judge.at_once if isinstance(judge, Narrow) else self.limits.concurrency
            at_once = min(at_once, self.limits.concurrency)
            self._gates[name] = Gate(at_once, self.limits.rpm, self.limits.tpm)
        return self._gates[name]

    def _learn(self, judge: Judge) -> None:
        if self.ledger is not None and isinstance(judge, Learning):
            self.ledger.learn(fact_name(judge), judge.refused)

    def _stop(self, error: JudgekitError) -> Reply:
        """Stop the run at the first reason to; what is in flight goes on to its end."""
        if self.stopped is None:
            self.stopped = error
        return _unsent(self.stopped)


def fact_name(judge: Judge) -> str:
    """What a judge's capabilities are stored under: its endpoint and model."""
    endpoint = judge.endpoint if isinstance(judge, Served) else ""
    return f"refused {judge.identity.get('adapter', '')} {endpoint} {judge.identity.get('model', '')}"


def _unsent(stopped: JudgekitError) -> Reply:
    fault = "over_budget" if isinstance(stopped, BudgetExceeded) else "cancelled"
    return Reply(fault="over_budget" if fault == "over_budget" else "cancelled", detail=str(stopped)[:200])


def _wait(attempt: int, error: BaseException | None) -> float:
    """Seconds to wait: what the server asked for, else exponential with jitter."""
    if isinstance(error, ProviderError) and error.retry_after is not None:
        return min(error.retry_after, _LONGEST_WAIT)
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = attempt
    return _BACKOFF(state)


def _wait_of(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    return _wait(state.attempt_number + 1, error)
