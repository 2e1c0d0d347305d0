"""The gate of one endpoint: concurrency, requests and tokens a minute, and backing off.

Every judge behind an endpoint passes the same gate. When more than a quarter of recent attempts
were turned away (429), the endpoint is overrun: fewer calls are let through at once, and all wait
out a `Retry-After`. A few 429 among many successes only hold up the call they hit. Calls are let
through in the order in which they came.
"""

import asyncio
import time
from collections import deque

_RECENT = 40  # attempts that the share of 429 is taken over
_OVERRUN = 0.25


class Gate:
    """Lets calls through.

    Args:
        concurrency: How many at once, at most.
        rpm: Requests a minute.
        tpm: Tokens a minute.
    """

    def __init__(self, concurrency: int, rpm: float | None = None, tpm: float | None = None) -> None:
        self.most = concurrency
        self.allowed = float(concurrency)
        self.inside = 0
        self.held_until = 0.0
        self._buckets = [_Bucket(per_minute) if per_minute else None for per_minute in (rpm, tpm)]
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turned_away: deque[bool] = deque(maxlen=_RECENT)

    async def enter(self, tokens: int) -> None:
        """Wait for a place; `tokens` is what the call may use."""
        if self._waiting or self.inside >= self.allowed:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.leave()
                raise
        else:
            self.inside += 1
        try:
            # It is a clock that is waited for; and others may have taken meanwhile what there was.
            while (delay := self._delay(tokens)) > 0:  # noqa: ASYNC110
                await asyncio.sleep(delay)
        except asyncio.CancelledError:
            self.leave()
            raise
        for bucket, amount in zip(self._buckets, (1, tokens), strict=True):
            if bucket is not None:
                bucket.take(amount)

    def leave(self) -> None:
        """Give the place to the next."""
        self.inside -= 1
        while self._waiting and self.inside < self.allowed:
            place = self._waiting.popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)

    def went_well(self) -> None:
        """An attempt was answered: let a little more through."""
        if self._turned_away:
            self._turned_away.append(False)
        if self.allowed < self.most:
            self.allowed = min(self.allowed + 1 / self.allowed, self.most)

    def was_turned_away(self, retry_after: float | None) -> None:
        """An attempt got a 429: if many do, back off, all of us."""
        self._turned_away.append(True)
        share = sum(self._turned_away) / _RECENT
        if share > _OVERRUN:
            self.allowed = max(1.0, self.allowed * 0.7)
            self._turned_away.clear()
            if retry_after:
                self.held_until = max(self.held_until, time.monotonic() + retry_after)

    def _delay(self, tokens: int) -> float:
        now = time.monotonic()
        waits = [
            bucket.wait(amount) for bucket, amount in zip(self._buckets, (1, tokens), strict=True) if bucket
        ]
        return max([self.held_until - now, *waits])


class _Bucket:
    """A token bucket that holds one second's worth; a request larger than that waits for a full one."""

    def __init__(self, per_minute: float) -> None:
        self.per_second = per_minute / 60
        self.most = max(self.per_second, 1.0)
        self.level = self.most
        self.at = time.monotonic()

    def wait(self, amount: float) -> float:
        now = time.monotonic()
        self.level = min(self.most, self.level + (now - self.at) * self.per_second)
        self.at = now
        return max(0.0, (min(amount, self.most) - self.level) / self.per_second)

    def take(self, amount: float) -> None:
        self.level -= amount
