"""One call, answered: from the ledger, from an equal call in flight here or elsewhere, or by its judge.

A call that is sent is claimed, paid for within the budget and kept in the ledger, so it is not asked again by
this run, by another at the same time, or by the next.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from judgekit.errors import BudgetExceeded, JudgekitError
from judgekit.ledger import Ledger
from judgekit.ledger.store import UNPAID, Kept
from judgekit.plan import price_of
from judgekit.prompt import estimate_tokens
from judgekit.roles import Judge
from judgekit.run.gate import Budget
from judgekit.run.limits import Halt, Limits
from judgekit.run.send import Around, First, Sender
from judgekit.run.tally import Tally
from judgekit.types import Answer, Call, Reply, Round

_SOONEST, _LATEST = 0.02, 0.5  # seconds between two looks: longer the longer nothing comes
_CLAIMS: Final = 0.25  # seconds between two looks at who still asks, which takes a lock each


class NotOurs(Exception):  # noqa: N818 - no error: somebody else's call
    """A call is not to be sent: `kept` is its reply, stored meanwhile, or None while another asks it."""

    def __init__(self, kept: Kept | None) -> None:
        super().__init__()
        self.kept = kept


class Elsewhere:
    """Waits for replies that others write to the ledger; one look-up serves all that wait."""

    def __init__(self, ledger: Ledger, halt: Halt, longest: float) -> None:
        self.ledger = ledger
        self._halt = halt
        self._longest = longest
        self._waiting: dict[str, tuple[asyncio.Future[Kept | None], int, float]] = {}
        self._watching: asyncio.Task[None] | None = None

    async def reply(self, key: str, edition: int) -> Kept | None:
        """Return a reply of a later edition; None where nobody asks any more, or the run is stopped."""
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


_FINISHING = 10.0  # seconds that what was sent is waited for where the run is interrupted


class Known(NamedTuple):
    """What the ledger held when it was looked at, and how often others, and we, had written by then."""

    kept: Mapping[str, Kept]
    as_of: int
    writes: int

    def edition(self, key: str) -> int:
        """Return the latest edition of a reply; -1 where there was none."""
        return self.kept[key].edition if key in self.kept else -1


_NOTHING = Known({}, 0, 0)


class _Landed(NamedTuple):
    """A reply that has come, from its judge or the ledger."""

    reply: Reply
    stored: bool = False
    shared: bool = False


class _Landing:
    """Tells all who wait for a reply what kept it from coming; the key is let go of in the end."""

    __slots__ = ("_asker", "_future", "_key")

    def __init__(self, asker: "Asker", key: str, future: "asyncio.Future[_Landed] | None") -> None:
        self._asker, self._key, self._future = asker, key, future

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if (future := self._future) is None:
            return
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        elif error is not None:
            future.set_exception(error)
            future.exception()  # seen here, in case nobody waits for it
        self._asker.let_go(self._key)


class Asker:
    """Answers calls within the limits of a run."""

    def __init__(
        self, judges: Mapping[str, Judge], ledger: Ledger | None, limits: Limits, tally: Tally, halt: Halt,
        *, around: Around = None,
    ) -> None:  # fmt: skip
        self._judges = judges
        self._ledger = ledger
        self._tally = tally
        self._limits = limits
        self._halt = halt
        self.sender = Sender(judges.values(), ledger, limits, tally, halt, around=around)
        self._money = Budget(limits.budget_usd, "US dollars")
        self._tokens = Budget(limits.budget_tokens, "tokens")
        self._dearest: dict[str, float] = {}
        scarce = limits.budget_usd, limits.budget_tokens, limits.tpm
        self._counted = any(most is not None for most in scarce)
        self._kept = {name for name, judge in judges.items() if judge.identity}
        self.reading = asyncio.Semaphore(1)  # two long replies read at a time would only take turns
        self._flying: dict[str, asyncio.Future[_Landed]] = {}
        self._claimed: set[str] = set()
        self._elsewhere = None if ledger is None else Elsewhere(ledger, halt, limits.longest_call)

    @property
    def is_short(self) -> bool:
        """Whether few calls wait: a gate has room for more, and no budget holds up as many as may be sent."""
        held = max(self._money.waiting, self._tokens.waiting)
        return self.sender.is_short and held < self._limits.concurrency

    async def answer(
        self, calls: Sequence[Call], *, again: bool = False, known: Known | None = None
    ) -> list[Answer]:
        """Return the answers of calls; `known` is what the ledger was seen to hold a moment ago."""
        # An equal call may have landed since: while it is not written it is still claimed.
        fresh = known is not None and (self._ledger is None or self._ledger.writes == known.writes)
        seen = known if fresh and known is not None else self.look(calls)
        stored = {} if again else seen.kept
        if len(calls) == 1 and calls[0].key not in stored:  # by far the commonest
            answers = [Answer(calls[0], *await self._flight(calls[0], seen, again=again))]
        else:
            flights = [self._flight(call, seen, again=again) for call in calls if call.key not in stored]
            landed = iter([await flights[0]]) if len(flights) == 1 else iter(await _together(flights))
            answers = [
                Answer(call, stored[call.key].reply, stored=True)
                if call.key in stored
                else Answer(call, *next(landed))
                for call in calls
            ]
        for answer in answers:
            if answer.reply.fault not in UNPAID:
                self._tally.answered(answer)
        return answers

    def look(self, calls: Sequence[Call]) -> Known:
        """Return what the ledger holds of calls."""
        if self._ledger is None or not (keys := [call.key for call in calls if call.judge in self._kept]):
            return _NOTHING
        as_of = self._ledger.changed()
        return Known(self._ledger.look(keys), as_of, self._ledger.writes)

    def stored(self, round_: Round, known: Known) -> list[Answer] | None:
        """Return the answers of a round that the ledger has all of; else None."""
        kept = known.kept
        if round_.again or not all(call.key in kept for call in round_.calls):
            return None
        answers = [Answer(call, kept[call.key].reply, stored=True) for call in round_.calls]
        for answer in answers:
            self._tally.answered(answer)
        return answers

    def _flight(self, call: Call, known: Known, *, again: bool) -> Coroutine[None, None, _Landed]:
        """Return a reply on its way: a new one, or that of an equal call in flight."""
        if call.judge not in self._kept:
            return self._fly(call, known, None, again=again)
        if (flying := self._flying.get(call.key)) is not None:
            self._tally.shared += 1
            return self._shared(flying, call, known, again=again)
        landing = self._flying[call.key] = asyncio.get_running_loop().create_future()
        return self._fly(call, known, landing, again=again)

    async def _fly(
        self, call: Call, known: Known, landing: "asyncio.Future[_Landed] | None", *, again: bool
    ) -> _Landed:
        """Return a reply from the judge, paid for and kept; or from another process that asks the same."""
        judge, elsewhere = self._judges[call.judge], self._elsewhere
        claiming: First = None
        if landing is not None and elsewhere is not None:
            claiming = partial(self._claim, elsewhere.ledger, call.key, known)
        with _Landing(self, call.key, landing):
            while True:
                try:
                    if (reply := self._halt.unsent(call.judge)) is not None:
                        pass
                    elif self._counted:
                        reply = await self._reserved(judge, call, claiming)
                    else:
                        reply = await self.sender.send(judge, call, first=claiming)
                    landed = _Landed(self._kept_and_counted(call, judge, reply, again=again))
                except NotOurs as found:
                    kept = found.kept
                    if kept is None and elsewhere is not None:
                        kept = await elsewhere.reply(call.key, known.edition(call.key))
                    if kept is None:
                        continue
                    landed = _Landed(kept.reply, stored=kept.edition >= 0)
                if landing is not None:
                    landing.set_result(landed)
                return landed

    def let_go(self, key: str) -> None:
        """Let go of a key that was asked: nobody waits for it here, and others may ask it."""
        self._flying.pop(key, None)
        if key in self._claimed and self._elsewhere is not None:
            self._claimed.remove(key)
            self._elsewhere.ledger.release(key)

    async def _shared(
        self, flying: asyncio.Future[_Landed], call: Call, known: Known, *, again: bool
    ) -> _Landed:
        """Return the reply of an equal call in flight; asked anew where only that one was cancelled."""
        try:
            return (await asyncio.shield(flying))._replace(shared=True)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not flying.cancelled() or (task is not None and task.cancelling()):
                raise
        return await self._flight(call, known, again=again)

    def _claim(self, ledger: Ledger, key: str, known: Known) -> None:
        """Claim a key to be asked; NotOurs if another asks it, or stored a reply since we looked."""
        if not ledger.claim(key):
            raise NotOurs(None)
        self._claimed.add(key)
        if ledger.changed() != known.as_of:
            kept = ledger.look((key,)).get(key)
            if kept is not None and kept.edition > known.edition(key):
                raise NotOurs(kept)

    def _kept_and_counted(self, call: Call, judge: Judge, reply: Reply, *, again: bool) -> Reply:
        """Return a reply, counted and stored if it was paid for; if it cannot be (a full disk), stop."""
        if reply.fault not in UNPAID:
            self._tally.paid(reply)
            if self._ledger is not None and judge.identity:
                try:
                    self._ledger.put(call, judge.identity, reply, again=again)
                except JudgekitError as error:
                    self._halt.stop(error)
        return reply

    async def _reserved(self, judge: Judge, call: Call, first: First) -> Reply:
        """Return a reply within the budget: what it may cost is reserved, and what it did cost is settled."""
        n_in = estimate_tokens(call.messages)
        limit, price = price_of(judge, n_in, letters=bool(call.letters))
        tokens = 0 if limit == 0 else n_in + (limit or 0)  # what writes nothing is a rule, and reads nothing
        # Of a judge whose price nobody said, what its dearest reply so far said that it cost.
        money = self._dearest.get(judge.name, 0.0) if price is None else price
        again = call.attempt > 1
        if not await self._money.reserve(money, again=again):
            return self._over(self._money, judge)
        spent: tuple[float, float] = 0.0, 0
        try:
            if not await self._tokens.reserve(tokens, again=again):
                return self._over(self._tokens, judge)
            try:
                reply = await self.sender.send(judge, call, tokens, first)
                spent = _spent(reply, money, tokens)
                if price is None:
                    self._dearest[judge.name] = max(self._dearest.get(judge.name, 0.0), spent[0])
            finally:
                self._tokens.settle(tokens, spent[1])
        finally:
            self._money.settle(money, spent[0])
        return reply

    async def finish(self, begun: Iterable[asyncio.Future[Any]]) -> None:
        """Send nothing more, and wait a while until what was sent is kept; the rest counts as lost."""
        from anyio import CancelScope

        self._halt.stop(JudgekitError("interrupted"))
        try:
            with CancelScope(shield=True):
                await asyncio.wait(begun, timeout=min(_FINISHING, self._limits.attempt_seconds))
        finally:
            self._tally.lost += self.sender.in_flight

    def _over(self, budget: Budget, judge: Judge) -> Reply:
        self._halt.stop(BudgetExceeded(budget.message()))
        return self._halt.unsent(judge.name) or Reply(fault="over_budget")


def _spent(reply: Reply, money: float, tokens: int) -> tuple[float, float]:
    """Return what a reply cost, in money and tokens; what was reserved, where it does not say."""
    if reply.fault in UNPAID:
        return 0.0, 0
    n_in, n_out = reply.input_tokens, reply.output_tokens
    used = tokens if n_in is None or n_out is None else n_in + n_out
    return money if reply.cost_usd is None else reply.cost_usd, used


async def _together(flights: Iterable[Coroutine[None, None, _Landed]]) -> list[_Landed]:
    """Return the replies of all, in order; where one fails, the others end before its error goes on."""
    tasks = [asyncio.ensure_future(each) for each in flights]
    try:
        return await asyncio.gather(*tasks)
    finally:
        if not all(task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
