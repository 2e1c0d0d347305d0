"""Answers calls from what is stored and what batches brought; what is missing is put into the next batches.

A recipe is pure, so walking it again costs nothing: at the first round that lacks a reply its calls are put
into the next batch and the item is left. Nothing else of a recipe is known here.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from judgekit.batches.carriers import MOST_BYTES, MOST_LINES, Carrier
from judgekit.batches.desk import Desk, Part
from judgekit.batches.http import Http
from judgekit.batches.store import FAILED, GIVEN_UP, RENEWED, Line
from judgekit.errors import BudgetExceeded, InputError, JudgekitError, ProviderError
from judgekit.judges.servers import parsed
from judgekit.ledger import Ledger
from judgekit.ledger.store import UNPAID
from judgekit.plan import price_of
from judgekit.prompt import estimate_tokens
from judgekit.roles import Deferring, Judge, Keyed, Recipe, Served
from judgekit.run.ask import Asker, Known
from judgekit.run.drive import begin
from judgekit.run.gate import Budget
from judgekit.run.limits import Halt, Limits
from judgekit.run.send import OF_ONE
from judgekit.run.tally import Tally
from judgekit.types import Answer, Call, Item, Judged, Message, Reply

_AT_ONCE = 64  # items walked together
_TRIES = 6  # how often a call is sent where the limits do not say it


class Left(JudgekitError):  # noqa: N818 - what became of it
    """An item is left until what it lacks has come back."""


class Gatherer(Asker):
    """Answers calls from the ledger, and from what batches brought; what is missing goes into the next."""

    desk: Desk

    def __init__(
        self, judges: Mapping[str, Judge], ledger: Ledger | None, limits: Limits, tally: Tally, halt: Halt,
        **around: Any,
    ) -> None:  # fmt: skip
        super().__init__(judges, ledger, limits, tally, halt, **around)
        self._carried: dict[str, Deferring] = {}
        self._parts: dict[tuple[object, ...], Part] = {}
        self._anew: set[str] = set()  # asked anew as it goes, in this run
        self._unpaid: dict[str, Reply] = {}  # what was asked as it goes, in vain
        self._renewed: list[str] = []
        self._last = False
        self._fresh: set[str] = set()  # read from a batch in this walk
        self._beyond: dict[Budget, float] = {}  # the cheapest call that a budget did not cover
        self.unanswered: set[str] = set()  # calls that have no reply, although they were tried
        self.left = self.new = 0  # items that lack something; replies stored by this run

    async def open(self, desk: Desk) -> None:
        """Find out which judges' requests can be carried; InputError of one that has no batches."""
        self.desk = desk
        for name, judge in self._judges.items():
            why = await self._why_not(name, judge)
            if why and not desk.how.live:
                raise InputError(
                    f"judge {name!r} has no batches ({why}); then='live' (--then live) asks it live"
                )

    async def _why_not(self, name: str, judge: Judge) -> str:
        """Return why a judge's requests cannot be carried; empty where they can, or it has no server."""
        if not isinstance(judge, Deferring):
            return "none are known" if isinstance(judge, Served) else ""
        try:
            request = await judge.deferred(Call(name, (), "", (Message("user", "?"),)))
            carrier, http = self.desk.know(name, request)
            await http.json("GET", carrier.listed)
        except InputError as error:
            return str(error)
        except ProviderError as error:
            if error.status in {404, 405, 501}:
                return str(error)
            if (
                not error.passing or error.status is None
            ):  # before anything is sent, nobody waits for a server
                raise ProviderError(f"judge {name!r}: {error}", status=error.status) from None
        self._carried[name] = judge
        return ""

    async def walk(
        self, items: Iterable[Item], recipe: Recipe, *, last: bool = False
    ) -> AsyncGenerator[Judged, None]:
        """Yield what becomes of the items that lack nothing; count those that are left."""
        self._last, self.left = last, 0
        tally = self._tally
        # These count one walk; what was paid for counts all of them.
        tally.calls = tally.reasks = tally.ledger_hits = tally.shared = 0
        tally.models.clear()
        self._beyond.clear()
        self._fresh.clear()
        self._count()
        source = iter(items)
        while some := list(islice(source, _AT_ONCE)):
            begun = begin(some, recipe, self)
            try:
                for future in begun:
                    try:
                        yield await future
                    except Left:
                        self.left += 1
            finally:
                for future in begun:
                    future.cancel()
                await asyncio.gather(*begun, return_exceptions=True)

    def _count(self) -> None:
        """Count as spent what was, and what is out may cost at most."""
        usd, tokens = self.desk.store.reserved()
        self._money.spent = self._tally.cost_usd + usd
        self._tokens.spent = self._tally.input_tokens + self._tally.output_tokens + tokens

    def check_stuck(self) -> None:
        """Stop where nothing is out, and what is left no budget covers, or is out elsewhere."""
        self._count()
        if not self._beyond:
            self._halt.stop(
                JudgekitError("calls are out at a server not asked here; see judgekit batch list")
            )
        for budget, least in self._beyond.items():
            if budget.spent + least > budget.most:
                self._halt.stop(BudgetExceeded(budget.message()))

    async def send(self) -> None:
        """Send what is missing, and forget what is stored."""
        while self._parts:
            await self._send(self._parts.popitem()[1])
        if self._ledger is not None:
            await self._ledger.settle()
        self.desk.store.tidy(self._renewed)
        self._renewed.clear()

    async def answer(
        self,
        calls: Sequence[Call],
        *,
        again: bool = False,
        known: Known | None = None,  # noqa: ARG002 - of a moment ago
    ) -> list[Answer]:
        """Return the answers of calls, if none is missing; else `Left`."""
        kept = self.look(calls).kept  # an equal call may have come back since `known`
        lines = self.desk.store.lines([call.key for call in calls if again or call.key not in kept])
        found: dict[str, Answer] = {}
        left = False
        for call in calls:
            line = lines.get(call.key)
            renewed = call.key in self._anew or (line is not None and line.status == RENEWED)
            if call.key in kept and (renewed or not again):
                found[call.key] = Answer(call, kept[call.key].reply, stored=True)
            elif call.key in self._unpaid:
                found[call.key] = Answer(call, self._unpaid[call.key])
            elif call.judge in self._carried and call.key not in found:
                reply = await self._brought(call, line, again=again)
                if reply is not None:
                    found[call.key] = Answer(call, reply)
                else:
                    left = left or not (self.desk.how.live and call.key in self.unanswered)
        if left:
            raise Left
        rest = [call for call in calls if call.key not in found]
        asked = {
            answer.call.key: answer for answer in (await super().answer(rest, again=again) if rest else ())
        }
        if again:
            self._anew.update(asked)
        answers = [asked.get(call.key) or found[call.key] for call in calls]
        for answer in answers:
            if answer.call.key in found and answer.reply.fault not in UNPAID:
                self._tally.answered(answer)
        return answers

    async def _brought(self, call: Call, line: Line | None, *, again: bool) -> Reply | None:
        """Return what a batch brought for a call; None where that is missing, and goes into the next one."""
        if self._halt.error is not None:
            return None
        if (unsent := self._halt.unsent(call.judge)) is not None:
            return unsent
        tries = self._limits.tries or _TRIES
        if line is not None and line.status is None:  # it is out
            return None
        if line is not None and line.status != FAILED:
            if (reply := await self._read(call, line, tries, again=again)) is not None:
                return reply
            line = None
        if line is not None and line.tries >= tries:
            self.unanswered.add(call.key)
            return None if self.desk.how.live else Reply(fault="unreachable", detail=line.why, tries=tries)
        if call.key not in self.unanswered and self._halt.error is None and not self.desk.held:
            await self._add(call, again=again)
        return None

    async def _read(self, call: Call, line: Line, tries: int, *, again: bool) -> Reply | None:
        """Return the reply in a line that came back, stored; None where it is to be sent again."""
        judge: Any = self._carried[call.judge]
        store = self.desk.store
        try:
            reply: Reply = await judge.settled(call, line.status, parsed(line.body or b"null"))
        except ProviderError as error:
            if error.dropped is not None:
                store.fail(call.key, str(error), tries=line.tries - 1)
                return None
            if error.passing and line.tries < tries:
                store.fail(call.key, str(error), tries=line.tries)
                return None
            if not (error.passing or error.status in OF_ONE):
                store.fail_errors(line.batch, str(error))
            else:
                store.fail(call.key, str(error), tries=GIVEN_UP)
                self.unanswered.add(call.key)
                if self.desk.how.live:
                    return None
            reply = self._unpaid[call.key] = self.sender.failed(judge, error)
            return reply
        if call.key not in self._fresh:
            self._fresh.add(call.key)
            self.sender.went_well(call.judge)
            self._kept_and_counted(call, judge, reply, again=again)
            if again:
                self._renewed.append(call.key)
        return reply

    def _kept_and_counted(self, call: Call, judge: Judge, reply: Reply, *, again: bool) -> Reply:
        if not judge.identity and not self._last:  # a rule, which is asked in every walk
            return reply
        if judge.identity and reply.fault in UNPAID:
            self._unpaid[call.key] = reply
        self.new += judge.identity != {} and reply.fault not in UNPAID
        return super()._kept_and_counted(call, judge, reply, again=again)

    async def _add(self, call: Call, *, again: bool) -> None:
        """Put a call into the next batch of its judge, if the budget covers it; send one that is full."""
        judge = self._carried[call.judge]
        n_in = estimate_tokens(call.messages)
        limit, price = price_of(judge, n_in, letters=bool(call.letters))  # type: ignore[arg-type]
        tokens = n_in + (limit or 0)
        for budget, amount in ((self._money, price or 0.0), (self._tokens, tokens)):
            if budget.spent + amount > budget.most:
                self._beyond[budget] = min(amount, self._beyond.get(budget, amount))
                return
        self._money.spent += price or 0.0
        self._tokens.spent += tokens
        request = await judge.deferred(call)
        carrier, http = self.desk.know(call.judge, request)
        line = carrier.line(call.key[3:], request.body)
        where = (call.judge, carrier.root, carrier.model, id(http))
        part = self._parts.get(where)
        if part is not None and (len(part.lines) >= MOST_LINES or part.size + len(line) >= MOST_BYTES):
            await self._send(self._parts.pop(where))
            part = self._parts.get(where)
        if part is None:
            part = self._parts[where] = self._part(call.judge, carrier, http)
        part.add(call, line, again=again, usd=price, tokens=tokens)

    def _part(self, judge: str, carrier: Carrier, http: Http) -> Part:
        held = self._judges[judge]
        sent = held.key_goes_to() if isinstance(held, Keyed) else None
        return Part(judge=judge, carrier=carrier, http=http, key_env="" if sent is None else sent[0])

    async def _send(self, part: Part) -> None:
        """Send a batch; what keeps it from being sent stops the run, or does without its judge."""
        try:
            await self.desk.send(part)
        except ProviderError as error:
            self._halt.give_up(part.judge, error)
        else:
            self._tally.requests += len(part.lines)
