"""HTTP/1.1, as much of it as a judge needs: over a connection one request at a time, and its whole response.

A client for everything costs as much as all the rest of a judgment; this one knows no redirects, proxies or
cookies, none of which a judge's request is to meet, and asks for bodies as they are. `Lanes` are the
connections to one server, and `Given` is a session of the user's behind the same methods.
"""

import asyncio
import io
import ssl
import zlib
from collections import deque
from collections.abc import Awaitable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from judgekit.judges.connections import Lane, Watch
from judgekit.judges.servers import REQUEST_ID

if TYPE_CHECKING:
    import aiohttp
    import yarl

MAX_REPLY = 8_000_000
"""Bytes of a response that are read at most; a judge's reply is a few thousand."""
# Bytes that are read at once; asyncio's own 256 KiB, allocated each time, cost a fifth of a call.
_PIECE = 1 << 16
_HEAD = 1 << 16  # bytes of a response's head at most
_MOST = 8 * MAX_REPLY  # bytes of all that comes to a request: words of a response to come, lengths of chunks
_IDLE = 15.0  # seconds after which a connection is not asked on
_EAGER = 0.25  # seconds until another address of the host is tried beside the first
_LONG = 1 << 20  # bytes above which aiohttp wants a body to be a file
_ENDS, _CHUNKED = -1, -2  # lengths of bodies that end with their connection, or are cut into chunks


class Response(NamedTuple):
    """A response, its headers by their names in small letters; no body where that is too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class Connection(Lane, asyncio.BufferedProtocol):
    """A connection, and the response that is coming in on it."""

    def __init__(self, lanes: "Lanes") -> None:
        super().__init__()
        self._lanes = lanes
        self._got = bytearray()
        self._head: Response | None = None
        self._length, self._body = 0, bytearray()
        self._came = 0  # bytes, of whatever kind
        self._coming: asyncio.Future[Response] | None = None
        self._transport: Any = None
        self.since = 0.0  # when it was last answered

    @property
    def is_free(self) -> bool:
        """Whether it may be asked: it is open, and nothing is under way."""
        return self._coming is None and not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes) -> Awaitable[Response]:
        """Send a request, and return its response to come."""
        self._coming, self._came = asyncio.get_running_loop().create_future(), 0
        self._transport.write(head + body)
        return self._coming

    def close(self) -> None:
        """Ask it nothing any more; what was not sent yet is dropped, since a server may never read it."""
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        """Keep the way there."""
        self._transport = transport
        self._lanes.open.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - one size for all
        """Return where the next bytes go: all connections of a server read by turns."""
        return self._lanes.piece

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that came."""
        if self._coming is None or self._coming.done():
            self.more = True  # nobody asked for it
            self.close()
            return None
        self._got += self._lanes.piece[:nbytes]
        self._came += nbytes
        if self._came > _MOST:
            return self._break("no HTTP response: it does not end")
        return self._go_on()

    def eof_received(self) -> None:
        """Note that no more will come."""
        if self._coming is not None and not self._coming.done():
            self._go_on(ended=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._lanes.open.discard(self)
        self._break(f"the connection was lost{'' if exc is None else f': {exc}'}")

    def _break(self, why: str) -> None:
        self.close()
        if self._coming is not None and not self._coming.done():
            self._coming.set_exception(ConnectionError(why))

    def _go_on(self, *, ended: bool = False) -> None:
        """Hand over the response, if it is whole."""
        try:
            response = self._response(ended=ended)
        except ValueError as error:
            return self._break(f"no HTTP response: {error}")
        if response is None:
            return self._break("the connection ended before the response did") if ended else None
        coming, self._coming, self._head = self._coming, None, None
        self.more, self.since = bool(self._got), monotonic()
        if ended or response.body is None or response.headers.get("connection", "").lower() == "close":
            self.close()
        if coming is not None:
            coming.set_result(response)
        return None

    def _response(self, *, ended: bool) -> Response | None:
        """Return the response, taken out of the bytes so far; None where more must come."""
        got = self._got
        while self._head is None:
            end = got.find(b"\r\n\r\n", 0, _HEAD)
            if end < 0:
                if len(got) >= _HEAD:
                    raise ValueError("its head does not end")
                return None
            head, self._length = _head_of(got[:end].decode("latin-1"))
            del got[: end + 4]
            if head.status >= 200:  # what comes before is word of a response to come
                self._head = head
        if max(self._length, len(got), len(self._body)) > MAX_REPLY + _HEAD:
            got.clear()
            return self._head
        if self._length == _CHUNKED:
            whole = self._unchunked(got)
        elif whole := ended if self._length == _ENDS else len(got) >= self._length:
            taken = len(got) if self._length == _ENDS else self._length
            self._body = got[:taken]
            del got[:taken]
        if not whole:
            return None
        body, self._body = bytes(self._body), bytearray()
        if body and (coding := self._head.headers.get("content-encoding", "identity").lower()) != "identity":
            body = _decoded(body, coding)
        return self._head if len(body) > MAX_REPLY else self._head._replace(body=body)

    def _unchunked(self, got: bytearray) -> bool:
        """Take whole chunks out of the bytes so far, and tell whether the last was one of them."""
        while (end := got.find(b"\r\n", 0, _HEAD)) >= 0:
            size = got[:end].partition(b";")[0].strip()
            if not size.isalnum():
                raise ValueError("a chunk has no length")
            if not (n := int(size, 16)):
                last = got.find(b"\r\n\r\n", end, end + _HEAD)  # behind trailers
                if last < 0 and len(got) >= end + _HEAD:
                    raise ValueError("its trailers do not end")
                del got[: last + 4 if last >= 0 else 0]
                return last >= 0
            if len(got) < end + 2 + n + 2:
                return False
            self._body += got[end + 2 : end + 2 + n]
            del got[: end + 2 + n + 2]
        if len(got) >= _HEAD:
            raise ValueError("a chunk's length does not end")
        return False


def _head_of(head: str) -> tuple[Response, int]:
    r"""Return a response without its body yet, and how long that will be; ValueError if it is none.

    >>> _head_of("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Request-Id: a")
    (Response(status=200, headers={'content-length': '7', 'x-request-id': 'a'}, body=None), 7)
    """
    first, *lines = head.split("\r\n")
    if not first.startswith("HTTP/1.") or not first[9:12].isdecimal():
        raise ValueError(f"it begins with {first[:40]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise ValueError("a line of its head is no header")
        name, value = name.lower(), value.strip()
        if name == "content-length" and headers.get(name, value) != value:
            raise ValueError("it says two lengths")
        headers[name] = value
    status, length = int(first[9:12]), headers.get("content-length", "")
    if first.startswith("HTTP/1.0"):
        headers.setdefault("connection", "close")
    if status in {204, 304} or status < 200:
        return Response(status, headers, None), 0
    if coding := headers.get("transfer-encoding", ""):
        if coding.lower() != "chunked":
            raise ValueError(f"its body comes as {coding[:40]!r}, which was not asked for")
        return Response(status, headers, None), _CHUNKED
    if length and not (length.isascii() and length.isdecimal() and len(length) < 19):
        raise ValueError(f"its length is {length[:40]!r}")
    return Response(status, headers, None), int(length) if length else _ENDS


def _decoded(body: bytes, coding: str) -> bytes:
    """Return a body that a server compressed unasked, no more of it than is read; else a ValueError."""
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise ValueError(f"its body is coded as {coding[:40]!r}, which was not asked for")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = unpacking.decompress(body, MAX_REPLY + 1)
    except zlib.error as error:
        raise ValueError(f"its body is no {coding}: {error}") from None
    if not unpacking.eof and len(found) <= MAX_REPLY:
        raise ValueError(f"its body is {coding} that was cut off")
    return found


class Lanes:
    """The connections to a server, without a limit: the runner bounds what is under way."""

    def __init__(self, url: "yarl.URL", headers: Mapping[str, str], watch: Watch) -> None:
        self._host, self._port, self._watch = url.raw_host or "", url.port or 0, watch
        numbers = ":" in self._host or self._host.replace(".", "").isdecimal()  # has one address, and no race
        self._how: dict[str, Any] = {} if numbers else {"happy_eyeballs_delay": _EAGER}
        if url.scheme == "https":
            self._how |= {"ssl": ssl.create_default_context(), "server_hostname": self._host}
        lines = {"Host": url.raw_authority.rpartition("@")[2], "User-Agent": "judgekit", **headers}
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._head = f"POST {url.raw_path_qs} HTTP/1.1\r\n{told}{REQUEST_ID}: ".encode("latin-1")
        self._idle: deque[Connection] = deque()  # the one that has rested longest stands first
        self.open: set[Connection] = set()
        self.piece = memoryview(bytearray(_PIECE))

    def kept(self) -> Connection | None:
        """Return a connection that may be asked on, if there is one that has rested."""
        watch, idle, now = self._watch, self._idle, monotonic()
        while idle and now - idle[0].since >= watch.rest:
            lane = idle.popleft()
            if lane.more:
                watch.stray()
            if lane.is_free and not watch.alone and now - lane.since < _IDLE:
                return lane
            lane.close()
        return None

    async def new(self) -> Connection:
        """Return a new connection; an OSError if there is none to be had."""
        try:
            _, lane = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), self._host, self._port, **self._how
            )
        except OSError as error:
            raise ConnectionError(f"Cannot connect to {self._host}:{self._port} ({error})") from None
        return lane

    def ask(
        self, lane: Connection, request: str, body: bytes, more: Mapping[str, str]
    ) -> Awaitable[Response]:
        """Send a request with more headers, and return its response to come."""
        told = "".join([f"{name}: {value}\r\n" for name, value in more.items()]) if more else ""
        head = f"{request}\r\n{told}Content-Length: {len(body)}\r\n\r\n"
        return lane.ask(self._head + head.encode(), body)

    def leave(self, lane: Connection) -> None:
        """Keep a connection for the next, if its response has come; else nobody is to wait for that."""
        if lane.is_free and not lane.more:
            self._idle.append(lane)
        else:
            lane.close()

    async def close(self) -> None:
        """Close all connections."""
        for lane in self.open:
            lane.close()
        await asyncio.sleep(0)  # in which they are


class Given:
    """A session of the user's; which connection a response came by is its own affair."""

    def __init__(self, session: "aiohttp.ClientSession", url: "yarl.URL", headers: Mapping[str, str]) -> None:
        self._session, self._url, self._headers = session, url, headers

    def kept(self) -> None:
        """Return nothing: no connection is known."""

    async def new(self) -> None:
        """Return nothing."""

    async def ask(self, lane: None, request: str, body: bytes, more: Mapping[str, str]) -> Response:  # noqa: ARG002
        """Send a request with more headers, and return its response."""
        import aiohttp

        headers = {**self._headers, REQUEST_ID: request, **more}
        data = body if len(body) <= _LONG else io.BytesIO(body)
        try:
            async with self._session.post(
                self._url, data=data, headers=headers, allow_redirects=False
            ) as came:
                raw = bytearray()
                while len(raw) <= MAX_REPLY and (some := await came.content.readany()):
                    raw += some
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from None
        told = {name.lower(): value for name, value in came.headers.items()}
        return Response(came.status, told, None if len(raw) > MAX_REPLY else bytes(raw))

    def leave(self, lane: None) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: the session stays open."""
