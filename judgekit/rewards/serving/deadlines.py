"""Connections that are slow are ended: aiohttp has no deadline for a head, nor for who takes no answer.

What a connection waits for has a deadline of its own: that the head of a request is whole, and that what was
written is taken. A body's deadline is its handler's, which can still say so; a connection on which no request
was begun is idle, and its end is aiohttp's.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from aiohttp import web

_KEPT: Final = 256  # files that stay free for judges, the ledger and the rest
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 37\r\n\r\n"
    b'{"error": "too many connections now"}'
)


def room_for(most: int) -> int:
    """How many of `most` connections may be open, after this process was let open as many files."""
    try:
        import resource  # not on every system
    except ImportError:
        return most
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + _KEPT if hard == resource.RLIM_INFINITY else min(most + _KEPT, hard)
    if wanted > soft != resource.RLIM_INFINITY:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return most if soft == resource.RLIM_INFINITY else min(most, max(soft - _KEPT, 1))


class Connections:
    """Makes the protocol of each connection."""

    def __init__(self, server: web.Server, most: int, seconds: float) -> None:
        self.server = server
        self.most = most
        self.seconds = seconds
        self.n = 0

    def __call__(self) -> "Connection":
        """The protocol of a new connection."""
        return Connection(self)


class Connection(asyncio.Protocol):
    """Hands everything on to aiohttp's protocol, and watches the clock."""

    def __init__(self, all_of_them: Connections) -> None:
        self._all = all_of_them
        self._inner: web.RequestHandler | None = None
        self._transport: asyncio.Transport | None = None
        self._head: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._in_hand = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A first request is to come, unless there are too many connections."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._all.n += 1
        self._transport = transport
        if self._all.n > self._all.most:
            transport.write(_FULL)
            transport.close()
            return
        self._head = self._ends_in(self._all.seconds)
        self._inner = self._all.server()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """While no request is in hand, it is of a head."""
        if self._inner is not None:
            if self._head is None and not self._in_hand:
                self._head = self._ends_in(self._all.seconds)
            self._inner.data_received(data)

    def eof_received(self) -> None:
        """The client sends nothing more."""
        if self._inner is not None:
            self._inner.eof_received()

    def pause_writing(self) -> None:
        """What was written is not taken."""
        self._taking = self._ends_in(self._all.seconds)
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """What was written is taken again."""
        self._stop_taking()
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._all.n -= 1
        self._stop_head()
        self._stop_taking()
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def begin(self) -> None:
        """A head is whole: a request is in hand."""
        self._in_hand += 1
        self._stop_head()

    def end(self) -> None:
        """The request in hand is answered."""
        self._in_hand -= 1

    def _stop_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _ends_in(self, seconds: float) -> asyncio.TimerHandle:
        assert self._transport is not None  # noqa: S101 - for the type checker
        return asyncio.get_running_loop().call_later(seconds, self._transport.abort)


@contextlib.contextmanager
def in_hand(request: web.Request) -> Iterator[None]:
    """While a request is in hand, its connection waits for no head."""
    own = None if request.transport is None else request.transport.get_protocol()
    if not isinstance(own, Connection):
        yield
        return
    own.begin()
    try:
        yield
    finally:
        own.end()
