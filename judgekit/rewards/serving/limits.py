"""Limits of the reward server: who may ask, how fast, on how many connections, and how slowly.

aiohttp has no deadline for a head, nor for who takes no answer, so each connection has one of its own: that
the head of a request is whole, and that what was written is taken. A body's deadline is its handler's, which
can still say so; a connection on which no request was begun is idle, and its end is aiohttp's.
"""

import asyncio
import base64
import binascii
import contextlib
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from judgekit.errors import InputError

LEAST_TOKEN = 16
"""Characters of a token at least."""
_ADDRESSES = 10_000  # buckets kept; the longest unused goes first
_KEPT: Final = 256  # files that stay free for judges, the ledger and the rest
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 37\r\n\r\n"
    b'{"error": "too many connections now"}'
)
_Waiting = Literal["head", "taking"]
"""What a connection waits for: that a head is whole, that what was written is taken."""


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token_for(host: str, token: str | None, where: str) -> str | None:
    """Return the token a server on this host asks for; an `InputError` where it may not be started so."""
    if not token:
        if is_loopback(host):
            return None
        raise InputError(
            f"listening on {host} needs a token, or anybody could spend your money: set {where} to "
            f"{LEAST_TOKEN} characters or more, or listen on 127.0.0.1"
        )
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"the token in {where} needs {LEAST_TOKEN} printable ASCII characters or more, and no blanks"
        )
    return token


def may_ask(headers: Mapping[str, str], token: str | None) -> bool:
    """Tell whether a request carries the token: `Authorization: Bearer TOKEN`, or the password of `Basic`.

    `Basic` is for clients that can be told nothing but an address: `http://judgekit:TOKEN@host/...`.
    """
    if token is None:
        return True
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    said = rest.strip().encode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            said = base64.b64decode(said, validate=True).partition(b":")[2]
        except binascii.Error:
            said = b""
    elif scheme.lower() != "bearer":
        said = b""
    return hmac.compare_digest(said, token.encode())


def is_for_us(host: str | None) -> bool:
    """Tell whether a `Host` header names this machine: a page's own name may have been made to lead here.

    >>> is_for_us("127.0.0.1:8077"), is_for_us("[::1]:8077"), is_for_us("evil.example:8077"), is_for_us(None)
    (True, True, False, True)
    """
    if not host:
        return True
    name = host.rpartition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name.removeprefix("["))


class Rates:
    """Requests a second for each address; what is not used is saved up for two seconds."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Return the seconds until the next request of an address may come; 0 for one that may, and counts.

        >>> rates = Rates(1)
        >>> [rates.wait("a", at) for at in (0, 0, 0, 1)], rates.wait("b", 1)
        ([0.0, 0.0, 1.0, 0.0], 0.0)
        """
        if not self._rate:
            return 0.0
        most = max(2 * self._rate, 1.0)
        left, then = self._buckets.pop(address, (most, now))
        left = min(left + (now - then) * self._rate, most)
        if left >= 1.0:
            self._buckets[address] = (left - 1.0, now)
            waiting = 0.0
        else:
            self._buckets[address] = (left, now)
            waiting = (1.0 - left) / self._rate
        while len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return waiting


def room_for(most: int) -> int:
    """Return how many of `most` connections may be open, after letting this process open as many files."""
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


@dataclass
class Connections:
    """The connections of a server; each gets a protocol of its own."""

    server: web.Server
    most: int
    seconds: float
    n: int = 0

    def __call__(self) -> "Connection":
        """Return the protocol of a new connection."""
        return Connection(self)


class Connection(asyncio.Protocol):
    """Hands everything on to aiohttp's protocol, and watches the clock."""

    def __init__(self, all_of_them: Connections) -> None:
        self._all = all_of_them
        self._inner: web.RequestHandler | None = None
        self._transport: asyncio.Transport | None = None
        self._timers: dict[_Waiting, asyncio.TimerHandle] = {}
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
        self._wait("head")
        self._inner = self._all.server()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """While no request is in hand, it is of a head."""
        if self._inner is not None:
            if "head" not in self._timers and not self._in_hand:
                self._wait("head")
            self._inner.data_received(data)

    def eof_received(self) -> None:
        """The client sends nothing more."""
        if self._inner is not None:
            self._inner.eof_received()

    def pause_writing(self) -> None:
        """What was written is not taken."""
        self._wait("taking")
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """What was written is taken again."""
        self._stop("taking")
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._all.n -= 1
        self._stop("head")
        self._stop("taking")
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def begin(self) -> None:
        """A head is whole: a request is in hand."""
        self._in_hand += 1
        self._stop("head")

    def end(self) -> None:
        """The request in hand is answered."""
        self._in_hand -= 1

    def _wait(self, what: _Waiting) -> None:
        assert self._transport is not None  # noqa: S101 - for the type checker
        self._timers[what] = asyncio.get_running_loop().call_later(self._all.seconds, self._transport.abort)

    def _stop(self, what: _Waiting) -> None:
        if (timer := self._timers.pop(what, None)) is not None:
            timer.cancel()


@contextlib.contextmanager
def in_hand(request: web.Request) -> Iterator[None]:
    """While a request is in hand, let its connection wait for no head."""
    own = None if request.transport is None else request.transport.get_protocol()
    if not isinstance(own, Connection):
        yield
        return
    own.begin()
    try:
        yield
    finally:
        own.end()
