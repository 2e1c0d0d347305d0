"""Whose reply it is: connections on which a server's stray replies are not taken for answers.

HTTP says by order alone which request a reply answers. Four signs tell that a server sent one too many: a
reply that names another request (vLLM repeats a request's id in the body, others in a header; a server once
seen to do so has to do it every time), bytes that came while nobody had asked, more than one reply to a
request, and one `id` twice running from a server whose ids differ. From the first sign on each connection is
asked on once, and what other kept ones still give is asked again, unless its id vouches for it. What cannot
be told: of a server that repeats no id, a stray reply that comes late to a connection asked on meanwhile.
What such a server gave before the first sign is counted for the summary; `keep_alive=False` rules it out.
"""

import secrets

REST, SLOW = 0.05, 0.1
"""How long a connection is idle before it is asked on again, as a share of the time of the last reply, and
seconds of that below which it is not: where replies come at once, another connection would cost more."""


class Lane:
    """A connection: how many replies it has given, the `id` of the last, and whether more came than asked."""

    def __init__(self) -> None:
        self.given = 0
        self.last = ""
        self.more = False

    def close(self) -> None:
        """Ask it nothing any more."""


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

    def took(self, seconds: float) -> None:
        """Note how long a reply took."""
        self.rest = REST * seconds if seconds > SLOW else 0.0

    def request_id(self) -> str:
        """Return the id of a request; it begins as only this session's do."""
        self._count += 1
        return f"{self._session}{self._count}"

    def is_own(self, request: str, way: Lane | None, *, header: str, said: str) -> bool:
        """Tell whether a completion answers its request; `header` and `said` are the ids it names.

        `way` is the connection that it came by; None where another client's session knows that alone.
        """
        given, last, more = (0, "", False) if way is None else (way.given, way.last, way.more)
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

    def is_sure(self, request: str, way: Lane | None, header: str) -> bool:
        """Tell whether an error answers its request; its connection is not asked on again."""
        given = 0 if way is None else way.given
        self._given(way, "", keep=False)
        return not given or request == header

    def stray(self) -> None:
        """Note a reply that was nobody's, or another's: from now on each connection is asked on once."""
        self.strays += 1
        self.alone = True

    def _given(self, way: Lane | None, said: str, *, keep: bool) -> None:
        if way is not None:
            way.given += 1
            way.last = said
            if self.alone or not keep:
                way.close()
