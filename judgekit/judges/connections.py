"""Whose reply it is: connections on which a server's stray replies are not taken for answers.

HTTP says by order alone which request a reply answers. Four signs tell that a server sent one too many: a
reply that names another request (vLLM repeats a request's id in the body, others in a header; a server once
seen to do so has to do it every time), bytes that came while nobody had asked, more than one reply to a
request, and one `id` twice running from a server whose ids differ. From the first sign on each connection is
asked on once, and what other kept ones still give is asked again, unless its id vouches for it. What cannot
be told: of a server that repeats no id, a stray reply that comes late to a connection asked on meanwhile.
What such a server gave before the first sign is counted for the summary; `keep_alive=False` rules it out.
"""

import io
import secrets
from time import monotonic
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from judgekit.judges.servers import REQUEST_ID

REST, SLOW = 0.05, 0.1
"""How long a connection is idle before it is asked on again, as a share of the time of the last reply, and
seconds of that below which it is not: where replies come at once, another connection would cost more."""
_LONG = 1 << 20  # bytes above which aiohttp wants a body to be a file
Way = tuple[ResponseHandler, "Lane"]


class Lane:
    """A connection: how many replies it has given, and the `id` of the last."""

    __slots__ = ("given", "last")

    def __init__(self) -> None:
        self.given = 0
        self.last = ""


class Watch:
    """What is known of a server: how it names requests, and whether it keeps to their order."""

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.rest = 0.0  # seconds that a connection is idle before it is asked on again
        self.strays = 0
        self.unvouched = 0  # replies taken from kept connections with nothing to vouch for them
        self._session = secrets.token_hex(6)
        self._count = 10_000_000  # so that no id begins another
        self._in_body = self._in_header = False
        self._ids: set[str] = set()  # two at most, which tell that they differ
        self._ways: dict[str, Way] = {}
        self.want_new: set[str] = set()

    def took(self, seconds: float) -> None:
        """Note how long a reply took."""
        self.rest = REST * seconds if seconds > SLOW else 0.0

    def request_id(self, *, new: bool = False) -> str:
        """Return the id of a request, perhaps by a new connection; it begins as only this session's do."""
        self._count += 1
        request = f"{self._session}{self._count}"
        if new:
            self.want_new.add(request)
        return request

    def begins(self, request: str, protocol: Any) -> bool:
        """Note the connection that a request goes by, and tell whether it may be asked on."""
        lane = getattr(protocol, "lane", None)
        if lane is None:
            lane = protocol.lane = Lane()
        if protocol.should_close:
            self.stray()
            if not lane.given:
                raise aiohttp.ClientConnectionError("the server replies before it is asked")
            return False
        if lane.given and self.alone:
            return False
        self._ways[request] = protocol, lane
        return True

    def ended(self, request: str) -> Way | None:
        """Return the connection that a request went by; None where another client's session had it."""
        return self._ways.pop(request, None)

    def is_own(self, request: str, way: Way | None, *, header: str, said: str) -> bool:
        """Tell whether a completion answers its request; `header` and `said` are the ids it names."""
        given, last, more = (0, "", False) if way is None else (way[1].given, way[1].last, _has_more(way[0]))
        by_body, by_header = request in said, request == header
        if (self._session in said and not by_body) or (self._session in header and not by_header):
            own = False  # another request of ours
        elif (self._in_body and not by_body) or (self._in_header and not by_header):
            own = self.alone and way is not None and not given
        elif by_body or by_header or not given:
            own = True
        else:
            own = not (self.alone or more or (said == last != "" and len(self._ids) > 1))
            self.unvouched += own
        self._in_body |= by_body
        self._in_header |= by_header
        if len(self._ids) < 2 and said:
            self._ids.add(said)
        if more or not own:
            self.stray()
        self._given(way, said, keep=own and not more)
        return own

    def is_sure(self, request: str, way: Way | None, header: str) -> bool:
        """Tell whether an error answers its request; its connection is not asked on again."""
        given = 0 if way is None else way[1].given
        self._given(way, "", keep=False)
        return not given or request == header

    def stray(self) -> None:
        """Note a reply that was nobody's, or another's: from now on each connection is asked on once."""
        self.strays += 1
        self.alone = True

    def _given(self, way: Way | None, said: str, *, keep: bool) -> None:
        if way is not None:
            protocol, lane = way
            lane.given += 1
            lane.last = said
            if self.alone or not keep:
                protocol.close()


class Connections(aiohttp.TCPConnector):
    """Connections without a limit (the runner bounds what is under way), which read in small pieces."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(limit=0)
        self._watch = watch
        self._new = False

    async def connect(self, req: Any, *args: Any, **options: Any) -> aiohttp.connector.Connection:
        """Return a connection that may be asked on."""
        request = req.headers[REQUEST_ID]
        while True:
            self._new = request in self._watch.want_new
            connection = await super().connect(req, *args, **options)
            protocol: Any = connection.protocol
            try:
                if self._watch.begins(request, protocol):
                    break
            except BaseException:
                connection.close()
                raise
            connection.close()
        transport: Any = connection.transport
        if hasattr(transport, "max_size"):
            # asyncio allocates a buffer of this size for each read; its 256 KiB cost a fifth of a call's CPU.
            transport.max_size = 1 << 16
        return connection

    async def _get(self, key: Any, traces: Any) -> aiohttp.connector.Connection | None:
        idle = self._conns.get(key)  # the one that has rested longest stands first
        if self._new or (idle and monotonic() - idle[0][1] < self._watch.rest):
            self._new = False
            return None
        return await super()._get(key, traces)


def named(body: bytes, request: str) -> aiohttp.payload.Payload:
    """Return a body to send, which brings its request's id along."""
    kind = aiohttp.payload.BytesPayload if len(body) <= _LONG else aiohttp.payload.BytesIOPayload
    data: Any = body if len(body) <= _LONG else io.BytesIO(body)
    return kind(data, headers={REQUEST_ID: request}, content_type="application/json")


def _has_more(protocol: ResponseHandler) -> bool:
    """Tell whether more came than the reply that was read; aiohttp has no other word for it."""
    return bool(getattr(protocol, "_buffer", None) or getattr(protocol, "_tail", None))
