"""Several servers of one judge: each call goes to one of them, and elsewhere where that one fails.

They are one judge only under a name, which stands in the ledger's key in the place of their addresses: what
one has answered is paid for, whichever is asked next, and servers may come and go. Where none answers, the
runner tries again and calls an outage, as of one server. Limits (`concurrency`, `rpm`, ...) hold for all of
them together.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from judgekit.errors import InputError, ProviderError
from judgekit.fences import shared_tag
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.routes import Routes
from judgekit.types import Call, Reply

_GONE = frozenset({None, 502, 503, 504})
"""Statuses of a server that is not there (None: no answer at all); other errors a call may have drawn."""
_BETWEEN = re.compile(r",\s*(?=https?://)")
_ELSEWHERE = "requests that went to another server, since their own did not answer"


class Endpoints:
    """A judge behind several servers that serve one model.

    Args:
        judge: The judge, with its settings and a name; its own URL counts only among `urls`.
        urls: The base URL of each server.

    >>> judge = Endpoints(Endpoint("http://a:8000/v1", "qwen3-8b", name="fast"),
    ...                   ["http://a:8000/v1", "http://b:8000/v1"])
    >>> judge
    Endpoints('http://a:8000, http://b:8000', 'qwen3-8b', name='fast')
    >>> judge.identity == Endpoint("http://c:8000/v1", "qwen3-8b", name="fast").identity
    True
    """

    def __init__(self, judge: Endpoint, urls: Sequence[str]) -> None:
        if "name" not in judge.identity:
            raise InputError(
                f"{len(urls)} servers are one judge only under a name of yours, which stands in the ledger "
                "in the place of their addresses; write it before them, as in fast=endpoint:URL,URL#model"
            )
        self._judge, self.urls = judge, tuple(urls)
        self.members = [judge.with_(url=url) for url in urls]
        addresses = [member.address for member in self.members]
        if not addresses or len(set(addresses)) < len(addresses):
            raise InputError(
                f"judge {judge.name!r}: the addresses of its servers are {addresses}, not several"
            )
        self.name, self.model, self.identity = judge.name, judge.model, judge.identity
        self.max_tokens, self.systems, self.cost = judge.max_tokens, judge.systems, judge.cost
        self.address = ", ".join(addresses)
        self.endpoint = ", ".join(dict.fromkeys(member.endpoint for member in self.members))
        self.refused: set[str] = set()
        for member in self.members:
            member.refused = self.refused  # they serve one model, so what one refuses is asked of none
        self.routes = Routes(addresses)
        self._moved: Counter[str] = Counter()
        self._entered = 0

    def __repr__(self) -> str:
        return f"Endpoints({self.endpoint!r}, {self.model!r}, name={self.name!r})"

    def with_(self, **changes: Any) -> Self:
        """Return a judge like this one, with other options of `Endpoint`, or other `urls`."""
        if "url" in changes:
            raise InputError(f"judge {self.name!r} has several servers; name all of them as urls=[...]")
        urls = changes.pop("urls", self.urls)
        return type(self)(self._judge.with_(**changes), urls)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._judge, self.urls)

    def key_goes_to(self) -> tuple[str, str] | None:
        """Return the variable that holds the key, and the servers it is sent to; None where none is sent."""
        sent = [each for member in self.members if (each := member.key_goes_to()) is not None]
        return (sent[0][0], ", ".join(dict.fromkeys(host for _, host in sent))) if sent else None

    @property
    def noted(self) -> Mapping[str, int]:
        """What was seen of the servers, in words -> how often."""
        return sum((member.noted for member in self.members), self._moved)

    @property
    def used(self) -> Mapping[str, Mapping[str, int]]:
        """For each server: its requests that were answered, tokens read, and those of them it had cached."""
        return {address: count for member in self.members for address, count in member.used.items()}

    async def __aenter__(self) -> Self:
        """Open the connections, which all who enter share."""
        async with AsyncExitStack() as stack:
            for member in self.members:
                await stack.enter_async_context(member)
            stack.pop_all()
        if not self._entered:
            self._moved.clear()
        self._entered += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections when the last who entered leaves."""
        self._entered -= 1
        for member in self.members:
            await member.__aexit__(kind, error, trace)

    async def __call__(self, call: Call, /) -> Reply:
        """Ask the server of the call's item, and where it does not answer, the next at once."""
        routes, tag = self.routes, shared_tag(call)
        tried: list[int] = []
        lost: ProviderError | None = None
        while (place := routes.take(tag, tried)) is not None:
            try:
                reply = await self.members[place](call)
            except ProviderError as error:
                if not error.passing or error.dropped is not None or error.status not in _GONE:
                    routes.answered(place)
                    raise
                routes.failed(place)
                lost = error
            except asyncio.CancelledError:  # most often by the deadline of the attempt
                routes.failed(place)
                raise
            else:
                routes.answered(place)
                if tried:
                    self._moved[_ELSEWHERE] += 1
                return reply
            finally:
                routes.left(place)
            tried.append(place)
        raise lost or ProviderError("no server is in", passing=True)


def parse_endpoint(spec: str, urls: Sequence[str] = (), *, name: str | None = None) -> Endpoint | Endpoints:
    """Return the judge that `endpoint:URL#model` names, or `endpoint:URL1,URL2#model`.

    `urls` are more servers of a judge of this name, beside those of the spec, which may be `endpoint:#model`
    then.
    """
    kind, _, rest = spec.partition(":")
    before, _, model = rest.partition("#")
    found = [each for each in _BETWEEN.split(before) if each] + list(urls)
    if kind != "endpoint" or not found or not model:
        raise InputError(
            "a judge on a server is named endpoint:URL#model, as in endpoint:http://localhost:8000/v1#qwen3-8b"
            f"; this one names no {'model' if found else 'URL'}"
        )
    judge = Endpoint(found[0], model, name=name)
    return judge if len(found) == 1 else Endpoints(judge, found)
