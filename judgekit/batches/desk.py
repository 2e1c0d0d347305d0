"""Sends batches, looks after them, and fetches what they brought: every step is written before it is taken.

A batch that was about to be sent when a process died is looked for at its provider, and sent again only if it
is not there. One process at a time sends and fetches; while it waits, others may.
"""

import asyncio
import math
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Final

from judgekit.batches.carriers import Carrier, Result, Seen, carrier_of
from judgekit.batches.http import Http
from judgekit.batches.store import ENDING, INTENT, OUT, Batch, Store, sent_as
from judgekit.errors import InputError, JudgekitError, ProviderError, n_of
from judgekit.judges.servers import shown_address
from judgekit.ledger import Ledger
from judgekit.roles import Request
from judgekit.run.limits import Halt
from judgekit.types import Call, Item, Judged

_TURN: Final = f"k2:{sha256(b'batches').hexdigest()}"  # whoever claims it sends and fetches
_SOONEST, _LATEST = 1.0, 60.0  # seconds between two looks at a provider
_SURE = 60.0  # seconds after which a batch that a list does not have was not sent
_MOMENT = 2.0  # seconds that a list may be late
_KEPT = 500  # results that are written together
_TRIES = 6
_NEVER_CANCELLED = 3600.0  # seconds that a cancelled batch may take to end


@dataclass(frozen=True, slots=True)
class Batching:
    """How a run goes through batches: `leave` when they are out, or wait for them.

    `live`: what batches cannot ask, and calls that came back without a reply as often as was tried, is asked
    as without them. `say` takes a note on what was sent and came, `counts` what was done.
    """

    leave: bool = False
    live: bool = False
    say: Callable[[str], None] = lambda _: None
    counts: Counter[str] = field(default_factory=Counter)

    def walks(self, items: Callable[[], Iterable[Item]]) -> Callable[..., AsyncGenerator[Judged, None]]:
        """Return what drives as `run.drive` does, and reads the items, before that, as often as it takes."""
        from judgekit.batches.pump import pumped

        return partial(pumped, items=items, how=self)


@dataclass(slots=True, kw_only=True)
class Part:
    """Calls of one judge that will be sent together: (key, whether it is asked anew) and line of each."""

    judge: str
    key_env: str
    carrier: Carrier
    http: Http
    keys: list[tuple[str, bool]] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    usd: float | None = 0.0
    tokens: int = 0

    def add(self, call: Call, line: bytes, *, again: bool, usd: float | None, tokens: int) -> None:
        """Put a call into it."""
        self.keys.append((call.key, again))
        self.lines.append(line)
        self.size += len(line) + 1
        self.usd = None if self.usd is None or usd is None else self.usd + usd
        self.tokens += tokens

    def drop(self, taken: Collection[str]) -> None:
        """Leave out calls that are out already, and those that stand twice."""
        pairs = zip(self.keys, self.lines, strict=True)
        there = {key: line for key, line in pairs if key[0] not in taken}
        self.keys, self.lines = list(there), list(there.values())

    def halves(self) -> "list[Part]":
        """Return two of half its size."""
        middle, usd = len(self.lines) // 2, None if self.usd is None else self.usd / 2
        return [
            Part(
                judge=self.judge, key_env=self.key_env, carrier=self.carrier, http=self.http,
                keys=self.keys[half], lines=self.lines[half], size=self.size // 2, usd=usd,
                tokens=self.tokens // 2,
            )
            for half in (slice(middle), slice(middle, None))
        ]  # fmt: skip


class Desk:
    """The batches of a ledger, and the servers that they are sent to and come back from."""

    def __init__(self, ledger: Ledger, how: Batching, *, hours: float = math.inf) -> None:
        self.store, self.how = Store(ledger), how
        self.unasked = 0  # batches that the last fetch could not ask about
        self.held = False  # a provider takes no more until something comes back
        self._ledger, self._longest = ledger, hours * 3600.0
        self._ways: dict[tuple[str, ...], tuple[Carrier, Http]] = {}
        self._open: dict[frozenset[tuple[str, str]], Http] = {}  # by the headers that let us in

    def know(self, judge: str, request: Request) -> tuple[Carrier, Http]:
        """Return what carries a judge's request, and the way to its server; InputError if there is none."""
        if (carrier := carrier_of(request)) is None:
            raise InputError("of its address none are known")
        return self.open(judge, carrier, request.headers)

    def open(self, judge: str, carrier: Carrier, headers: Mapping[str, str]) -> tuple[Carrier, Http]:
        """Return a carrier and the way to its server, open until the desk is closed."""
        how, where = frozenset(headers.items()), (carrier.kind, shown_root(carrier.root))
        http = self._open[how] = self._open.get(how) or Http(headers)
        way = self._ways[where] = self._ways[*where, judge] = carrier, http
        return way

    async def aclose(self) -> None:
        """Close what is open."""
        for http in self._open.values():
            await http.aclose()

    def _way(self, batch: Batch) -> tuple[Carrier, Http] | None:
        """Return the way to the server of a batch; None where it is of another run."""
        where = batch.kind, batch.root
        return self._ways.get((*where, batch.judge)) or self._ways.get(where)

    def out(self) -> list[tuple[Batch, Carrier, Http]]:
        """Return the batches that are out at servers known here, each with the way to it."""
        found = ((each, self._way(each)) for each in self.store.batches(alive=True))
        return [(batch, *way) for batch, way in found if way is not None]

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Be the only process that sends and fetches the batches of this ledger."""
        while not self._ledger.claim(_TURN):  # noqa: ASYNC110 - a lock of another process tells nobody
            await asyncio.sleep(_SOONEST)
        try:
            yield
        finally:
            self._ledger.release(_TURN)
            self._ledger.let_in()

    async def send(self, part: Part) -> None:
        """Send a batch, without what is out already; one that is too large in two halves."""
        taken = self.store.lines([key for key, _ in part.keys])
        part.drop({key for key, line in taken.items() if line.status is None})
        if not part.lines:
            return
        carrier = part.carrier
        batch = Batch(
            tag=f"judgekit-{secrets.token_hex(8)}", kind=carrier.kind, root=shown_root(carrier.root),
            model=carrier.model, judge=part.judge, key_env=part.key_env, n=len(part.lines), bytes=part.size,
            usd=part.usd, tokens=part.tokens, made=datetime.now(UTC).isoformat(),
        )  # fmt: skip
        self.store.intend(batch, part.keys)
        try:
            found = await self._submitted(part, batch)
        except ProviderError as error:
            if not error.passing:  # else it may have come, and is looked for before it is sent again
                self.store.came(batch, str(error), tried=False)
            if len(part.lines) == 1 or not _is_too_large(error):
                raise
            for half in part.halves():
                await self.send(half)
            return
        self.store.note(batch, id=found, state=OUT)
        self.how.counts.update(batches=1, lines=batch.n)
        self.how.say(f"judge {part.judge}: {n_of(batch.n, 'call')} sent as batch {found}")

    async def _submitted(self, part: Part, batch: Batch) -> str:
        """Send a batch, again where that may help and it has not come, and return its id."""
        for tried in range(_TRIES):
            try:
                found = await self._found(batch, part.carrier, part.http) if tried else None
                return found or await part.carrier.submit(part.http, batch.tag, part.lines)
            except ProviderError as error:
                if not error.passing or tried == _TRIES - 1:
                    raise
            await asyncio.sleep(_SOONEST * 4**tried)
        raise AssertionError

    async def _found(self, batch: Batch, carrier: Carrier, http: Http) -> str | None:
        known = (each.id for each in self.store.batches() if each.id)
        return await carrier.find(http, sent_as(batch, known))

    async def reconcile(self) -> None:
        """Look for the batches of which it is not known whether they were sent; free what was not."""
        for batch, carrier, http in self.out():
            if batch.state != INTENT:
                continue
            try:
                found = await self._found(batch, carrier, http)
                if found is None and batch.age < _SURE:
                    await asyncio.sleep(_MOMENT)
                    found = await self._found(batch, carrier, http)
            except ProviderError as error:
                if not error.passing:
                    raise
                continue  # another time
            if found is None:
                self.store.came(batch, "it was never sent", tried=False)
            else:
                self.how.counts["found again"] += 1
                self.store.note(batch, id=found, state=OUT)

    async def look(self, batch: Batch, carrier: Carrier, http: Http) -> Seen:
        """Return how far a batch is; one that is out for too long is cancelled, and then given up."""
        if batch.state == INTENT:
            return Seen("out")
        try:
            seen = await carrier.look(http, batch.id)
            if seen.stage == "out" and batch.age > self._longest and batch.state != ENDING:
                await self.cancel(batch, carrier, http)
                self.store.note(batch, state=ENDING)
                return await carrier.look(http, batch.id)
        except ProviderError as error:
            if error.status == 404:
                return Seen("gone", "the provider does not know it any more")
            if not error.passing:
                raise
            return Seen("out", str(error), unasked=True)
        if seen.stage == "out" and batch.age > self._longest + _NEVER_CANCELLED:
            return Seen("gone", "it did not end, and could not be cancelled")
        return seen

    async def cancel(self, batch: Batch, carrier: Carrier, http: Http) -> None:
        """Ask for an end of a batch, and say so."""
        await carrier.cancel(http, batch.id)
        self.how.say(f"judge {batch.judge}: batch {batch.id} is asked to end")

    async def fetch(self) -> None:
        """Fetch what has ended. Of what was cancelled, or was not taken after all, an error tells, then."""
        trouble = full = ""
        some, self.unasked = False, 0
        for batch, carrier, http in self.out():
            seen = await self.look(batch, carrier, http)
            if seen.unasked:
                self.unasked += 1
                self.how.say(f"judge {batch.judge}: batch {batch.id} could not be asked about: {seen.why}")
            if seen.stage == "out":
                continue
            if seen.stage == "failed" and not seen.files:
                self.store.came(batch, seen.why, tried=False)
                told = f"batch {batch.id} was not taken: {seen.why}"
                full, trouble = (told, trouble) if "limit" in seen.why else (full, told)
            elif not await self._kept(batch, carrier, http, seen):
                self.store.came(batch, "the batch that was found is another's", tried=False)
            elif seen.why == "cancelled" and batch.state != ENDING:
                trouble = f"batch {batch.id} was cancelled; run again to ask anew what it lacks"
            else:
                some = True
        self.held = bool(full) and not some and bool(self.out())
        if trouble or (full and not some and not self.held):
            raise JudgekitError(trouble or full)

    async def _kept(self, batch: Batch, carrier: Carrier, http: Http, seen: Seen) -> bool:
        """Keep what a batch brought; False where its lines are none of ours. What broke off comes later."""
        some: list[Result] = []
        ours = None
        try:
            async for result in carrier.results(http, batch.id, seen):
                ours = ours if ours is not None else bool(self.store.lines([f"k2:{result.digits}"]))
                if not ours:
                    return False
                some.append(result)
                if len(some) == _KEPT:
                    self.store.keep(batch, some)
                    some.clear()
        except ProviderError as error:
            if not error.passing:
                raise
            self.how.say(f"judge {batch.judge}: batch {batch.id} is back, and is fetched later: {error}")
            await asyncio.sleep(_SOONEST)
            return True
        self.store.keep(batch, some)
        self.store.came(batch, seen.why)
        self.how.say(f"judge {batch.judge}: batch {batch.id} is back ({seen.why})")
        return True

    async def wait(self, halt: Halt) -> None:
        """Wait until a batch has ended, or is out for too long, or the run is stopped."""
        seconds = _SOONEST
        while halt.error is None:
            out = self.out()
            if not out or any([(await self.look(*each)).stage != "out" for each in out]):
                return
            await halt.pause(seconds)
            seconds = min(seconds * 1.5, _LATEST)


def shown_root(root: str) -> str:
    """Return an address as it may be kept."""
    scheme, _, rest = root.partition("://")
    host, slash, path = rest.partition("/")
    return shown_address(f"{scheme}://{host}", f"{slash}{path}")


def _is_too_large(error: ProviderError) -> bool:
    words = str(error).lower()
    return error.status == 413 or (error.status == 400 and ("too large" in words or "exceeds" in words))
