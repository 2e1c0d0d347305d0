"""Requests to a provider about batches: JSON out and in, or lines of it; what fails is a ProviderError.

The key stands in the headers alone, redirects are not followed and proxies of the environment not used, as by
the judge `endpoint`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from judgekit.errors import ProviderError
from judgekit.judges import servers
from judgekit.judges.wire import is_passing

_SECONDS = aiohttp.ClientTimeout(total=3600.0, sock_connect=30.0, sock_read=300.0)  # a file may be 100 MB
_LINE = 64 << 20  # bytes of a line at most
_NONE: Mapping[str, str] = {}


class Http:
    """A session with a server, and the headers that let us in."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._keys = servers.Keys(*(part for value in headers.values() for part in value.split()))
        self._session = aiohttp.ClientSession(
            timeout=_SECONDS, read_bufsize=_LINE, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def json(self, method: str, url: str, **sent: Any) -> dict[str, Any]:
        """Return the object in a response."""
        return (await self.whole(method, url, **sent))[1]

    async def whole(self, method: str, url: str, **sent: Any) -> tuple[Mapping[str, str], dict[str, Any]]:
        """Return the headers of a response, and the object in it."""
        async with self._open(method, url, **sent) as response:
            body = servers.parsed(await response.read())
            return response.headers, body if isinstance(body, dict) else {}

    async def lines(self, url: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the objects in the lines of a response; what is no object is passed over."""
        async with self._open("GET", url) as response:
            async for line in response.content:
                told = self._keys.out_of(
                    line.decode(errors="replace")
                )  # what is kept before a judge reads it
                if isinstance(found := servers.parsed(told.encode()), dict):
                    yield found

    @asynccontextmanager
    async def _open(
        self, method: str, url: str, headers: Mapping[str, str] = _NONE, *, json: Any = None, data: Any = None
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request, and yield its response, if that is no error."""
        if json is not None:
            headers, data = {"content-type": "application/json", **headers}, orjson.dumps(json)
        own = {**self._headers, **headers}
        try:
            async with self._session.request(
                method, url, headers=own, data=data, allow_redirects=False
            ) as response:
                if response.status >= 300:
                    said = servers.complaint_of(servers.parsed(await response.read()))[0]
                    raise ProviderError(
                        f"{servers.without_addresses(url)}: HTTP {response.status}: "
                        f"{self._keys.out_of_error(said)[:300]}",
                        status=response.status,
                        passing=is_passing(response.status),
                    )
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            said = f"{type(error).__name__}: {error}"
            raise ProviderError(self._keys.out_of_error(said), passing=True) from None
