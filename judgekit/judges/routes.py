"""Which of several servers is asked: one for all that begins alike, unless it has too much to do, or fails.

Calls that begin with one item's texts go to one server, whose prefix cache then holds them: by rendezvous
hashing, so that a server that goes or comes moves only its own share. A server with more than 1.25 times the
mean in flight is passed over: pure hashing would let all wait for the busiest. After five failures in a row
a server is left out for 30 seconds, and for twice as long each time it has not answered since.
Source: Mirrokni, Thorup and Zadimoghaddam (2018), "Consistent Hashing with Bounded Loads".
https://arxiv.org/abs/1608.01350
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

BOUND: Final = 1.25
FAILURES: Final = 5
OUT_SECONDS: Final = 30.0
LONGEST_OUT: Final = 600.0


class Server:
    """What is known of a server: its calls in flight, its failures in a row, and how long it is left out."""

    __slots__ = ("failures", "in_flight", "out_for", "out_until")

    def __init__(self) -> None:
        self.in_flight = self.failures = 0
        self.out_until, self.out_for = 0.0, OUT_SECONDS


class Routes:
    """The way of each call among servers, which are known by their places in `addresses`.

    >>> routes = Routes(["http://a/v1", "http://b/v1"])
    >>> [routes.take("an item's tag"), routes.take("an item's tag"), routes.take("an item's tag")]
    [1, 1, 0]
    """

    def __init__(self, addresses: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.servers = [Server() for _ in addresses]
        self._clock = clock

        @lru_cache(maxsize=1024)
        def ranked(tag: str) -> list[int]:
            hashed = [blake2b(f"{tag} {address}".encode(), digest_size=8).digest() for address in addresses]
            return sorted(range(len(addresses)), key=hashed.__getitem__)

        self._ranked = ranked

    def take(self, tag: str, tried: Collection[int] = ()) -> int | None:
        """Return the server for a call, which is in flight there from now on; None where no other is in.

        Where all are left out, a call that was not tried yet goes to its own: else nobody would find out
        that they are back.
        """
        now, servers = self._clock(), self.servers
        able = [i for i in self._ranked(tag) if servers[i].out_until <= now and i not in tried]
        if not able:
            if tried:
                return None
            able = self._ranked(tag)
        most = math.ceil(BOUND * (sum([servers[i].in_flight for i in able]) + 1) / len(able))
        place = next(i for i in able if servers[i].in_flight < most)  # or the mean were above itself
        servers[place].in_flight += 1
        return place

    def answered(self, place: int) -> None:
        """Note that a server answered, be it with an error: it is there."""
        server = self.servers[place]
        server.failures, server.out_until, server.out_for = 0, 0.0, OUT_SECONDS

    def failed(self, place: int) -> None:
        """Note that a server did not answer."""
        server, now = self.servers[place], self._clock()
        server.failures += 1
        if server.failures >= FAILURES and server.out_until <= now:
            server.out_until = now + server.out_for
            server.out_for = min(2 * server.out_for, LONGEST_OUT)

    def left(self, place: int) -> None:
        """Note that a call is no longer in flight."""
        self.servers[place].in_flight -= 1
