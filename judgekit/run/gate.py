"""What a call waits for before it is sent: a place at its endpoint, the clock, room in the budget.

Every judge behind an endpoint passes the same gate. When more than a quarter of recent attempts were turned
away (429), fewer calls are let through at once, and all wait out a `Retry-After`. Calls go in the order in
which they came, but what is asked again goes first: else it would be all that is left at the end.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable

_RECENT = 100  # attempts that the share of 429 is taken over; of fewer, chance alone makes a quarter
_OVERRUN = 0.25


class Gate:
    """Lets so many calls through at once, and so many requests and tokens a minute."""

    def __init__(
        self,
        concurrency: int,
        rpm: float | None = None,
        tpm: float | None = None,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most = concurrency
        self.allowed = float(concurrency)
        self.inside = 0
        self._pause = pause
        self._clock = clock
        self.when_short: Callable[[], None] | None = None  # called when a place is given back then
        self._held_until = 0.0
        self._requests = None if rpm is None else Pace(rpm, clock)
        self._tokens = None if tpm is None else Pace(tpm, clock)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._first: deque[asyncio.Future[None]] = deque()
        self._turned_away: deque[bool] = deque(maxlen=_RECENT)

    @property
    def is_short(self) -> bool:
        """Whether fewer wait than may be inside at once."""
        return len(self._waiting) < self.most

    async def enter(
        self, tokens: int, *, again: bool = False, first: Callable[[], None] | None = None
    ) -> None:
        """Wait for a place; `first` is called once there is one, and what it raises gives the place back."""
        if self.inside >= self.allowed or self._waiting or self._first:
            await self._queue(self._first if again else self._waiting)
        else:
            self.inside += 1
        paced = self._requests is not None or self._tokens is not None or self._held_until
        if first is None and not paced:
            return
        try:
            if first is not None:
                first()
            if paced:
                await self._pace(tokens)
        except BaseException:
            self.leave()
            raise

    async def _queue(self, queue: deque[asyncio.Future[None]]) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    async def _pace(self, tokens: int) -> None:
        """Wait for the clock: for the rates first, then for the end of a `Retry-After`."""
        turns = [self._requests.turn(1)] if self._requests is not None else []
        turns += [self._tokens.turn(tokens)] if self._tokens is not None else []
        if turns and (wait := max(turns)) > 0:
            await self._pause(wait)
        if (wait := self._held_until - self._clock()) > 0:
            await self._pause(wait)

    def leave(self) -> None:
        """Give the place to the next."""
        self.inside -= 1
        while self.inside < self.allowed and (queue := self._first or self._waiting):
            place = queue.popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)
        if self.when_short is not None and self.is_short:
            self.when_short()

    def went_well(self) -> None:
        """Let a little more through, since an attempt was answered."""
        if self._turned_away:
            self._turned_away.append(False)
        if self.allowed < self.most:
            self.allowed = min(self.allowed + 1 / self.allowed, self.most)

    def was_turned_away(self, retry_after: float | None) -> None:
        """Note that an attempt got a 429: if many do, all back off."""
        self._turned_away.append(True)
        if sum(self._turned_away) / _RECENT > _OVERRUN:
            self.allowed = max(1.0, self.allowed * 0.7)
            self._turned_away.clear()
            if retry_after:
                self._held_until = max(self._held_until, self._clock() + retry_after)


class Pace:
    """So much a minute, a second's worth at once at most; what asks for more delays those behind it."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._most = max(self._per_second, 1.0)
        self._level = self._most
        self._clock = clock
        self._at = clock()

    def turn(self, amount: float) -> float:
        """Take an amount; how many seconds to wait before using it."""
        now = self._clock()
        self._level = min(self._most, self._level + (now - self._at) * self._per_second)
        self._at = now
        wait = (min(amount, self._most) - self._level) / self._per_second
        self._level -= amount
        return max(wait, 0.0)


class Budget:
    """So much of one thing (a unit), of which what a call may cost is reserved before it is sent.

    Where only open reservations stand in the way, a call waits for them to settle; where what was spent
    leaves too little, there is none to be had any more and the run stops.
    """

    def __init__(self, most: float | None, unit: str) -> None:
        self.most = math.inf if most is None else most
        self.unit = unit
        self.spent = 0.0
        self.reserved = 0.0
        self._open = 0
        self._waiting: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._first: deque[tuple[float, asyncio.Future[bool]]] = deque()

    @property
    def waiting(self) -> int:
        """How many calls wait for open reservations to settle."""
        return len(self._waiting)

    async def reserve(self, amount: float, *, again: bool = False) -> bool:
        """Reserve an amount, before the others where a call is asked again; False if there is none left."""
        if self.spent + amount > self.most:
            return False
        if not self._first and (again or not self._waiting) and self._take(amount):
            return True
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        (self._first if again else self._waiting).append((amount, place))
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.settle(amount, 0.0)
            raise

    def settle(self, reserved: float, spent: float) -> None:
        """Turn a reservation into what was really spent, and let those in that fit now."""
        self._open -= 1
        # Sums of floats drift; with nothing open, a residue of 1e-17 would be waited for without end.
        self.reserved = self.reserved - reserved if self._open else 0.0
        self.spent += spent
        while queue := self._first or self._waiting:
            amount, place = queue[0]
            if not place.done():
                if self.spent + amount > self.most:
                    place.set_result(False)
                elif self._take(amount):
                    place.set_result(True)
                else:
                    return
            queue.popleft()

    def _take(self, amount: float) -> bool:
        if self.spent + self.reserved + amount > self.most:
            return False
        self.reserved += amount
        self._open += 1
        return True

    def message(self) -> str:
        """Return why the run stops."""
        return (
            f"the budget of {self.most:.10g} {self.unit} does not cover the next call "
            f"({self.spent:.6g} spent); run again with more to go on"
        )
