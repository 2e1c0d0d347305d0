"""An OpenAI-compatible server, asked directly: the fast road for vLLM, SGLang, llama.cpp and gateways.

The key is read from an environment variable when the judge is entered, goes into one header, and is taken out
of all that comes in. Redirects are not followed and proxies of the environment not used, so it reaches the
host that was named and no other. One attempt a call: waiting, deadlines and repeats are the runner's.
"""

import asyncio
import functools
import os
import re
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from judgekit.errors import InputError, ProviderError, check_kinds
from judgekit.fences import shared_tag
from judgekit.judges import servers, wire
from judgekit.judges.connections import Lane, Watch
from judgekit.judges.lanes import MAX_REPLY, Given, Lanes, Response
from judgekit.judges.servers import identity_of
from judgekit.judges.variables import check_variables
from judgekit.roles import Request
from judgekit.types import Call, Reply

if TYPE_CHECKING:
    import aiohttp


_UNVOUCHED = "replies over kept connections before it, for which nothing vouches"
_REQUEST_ID = servers.REQUEST_ID.lower()
_NONE: Mapping[str, str] = {}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_|~-]*")
_OURS = frozenset({
    "host", "user-agent", "content-type", "content-length", "transfer-encoding", "accept", "accept-encoding",
    "authorization", "connection", _REQUEST_ID,
})  # fmt: skip


class Endpoint:
    """A model behind `POST {url}/chat/completions`.

    Args:
        url: The base URL, up to and with `/v1`. A user and password in it are sent as such (basic
            authorisation) and stand nowhere else; a query is refused.
        name: The rater's name; the model's if None. One that is given tells its replies from others' in the
            address's place: a server that moved, or several servers of one judge, share them.
        revision: The same beside the name, or without one: a new revision is asked anew.
        key_env: Environment variable that holds the key; `JUDGEKIT_API_KEY` if None. Where it is not set, or
            named "", no key is sent. Its older name is `api_key_env`.
        temperature: None leaves it to the server, as with `max_tokens` (a budget needs it), `top_p` and
            `seed`.
        keep_alive: Whether a connection is asked on again; see `connections` for what that risks.
        session: A session of yours that the requests go by (a proxy, certificates, ...), which stays open.
            Which connection a reply came by is its own affair, so stray ones show by their ids alone.
        extra: More fields of the request's body (`top_k`, `chat_template_kwargs`, ...).
        input_usd_per_million: Price of a million tokens read; unknown if None, as that of those written.
        systems: Whose responses it may not judge.
        tag_header: A header that says which item a request is about (`X-Session-ID`), by which a router in
            front of several servers sends those of one item to one of them; empty: none.

    >>> judge = Endpoint("http://localhost:8000/v1", "qwen3-8b", seed=7)
    >>> judge.identity
    {'adapter': 'endpoint/1', 'model': 'qwen3-8b', 'address': 'http://localhost:8000/v1', 'temperature': 0.0,
     'max_tokens': 1024, 'seed': 7}
    >>> judge.with_(temperature=1.0, name="qwen hot")
    Endpoint('http://localhost:8000', 'qwen3-8b', name='qwen hot')
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        name: str | None = None,
        revision: str | None = None,
        key_env: str | None = None,
        api_key_env: str | None = None,
        temperature: float | None = 0.0,
        max_tokens: int | None = 1024,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        keep_alive: bool = True,
        session: "aiohttp.ClientSession | None" = None,
        extra: Mapping[str, Any] | None = None,
        input_usd_per_million: float | None = None,
        output_usd_per_million: float | None = None,
        systems: Sequence[str] = (),
        tag_header: str = "",
    ) -> None:
        self._options = {key: value for key, value in locals().items() if key != "self"}
        check_variables("", self._options)
        check_kinds(self._options, {"systems": "a list", "extra": "a mapping, or None"})
        if not model:
            raise InputError(
                "the endpoint's model has no name; give the one the server lists under /v1/models"
            )
        bare, user, password = servers.login_of(url)
        self.endpoint, path = servers.address_of(bare, "the endpoint's URL")
        self.address = servers.shown_address(self.endpoint, path)
        self._target = f"{self.endpoint}{path}/chat/completions"
        self._login = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}" if user or password else ""
        self.model, self.name = model, name or model
        self.max_tokens, self.systems = max_tokens, tuple(systems)
        self.refused: set[str] = set()
        self._settings = wire.settings_of(
            temperature=temperature, max_tokens=max_tokens, top_p=top_p, seed=seed, stop=stop,
            extra=extra or {},
        )  # fmt: skip
        self.identity = identity_of(
            "endpoint/1", model, self._settings, address=self.address, name=name, revision=revision
        )
        self._prices = wire.prices_of(input_usd_per_million, output_usd_per_million)
        named = key_env if key_env is not None else api_key_env
        self._key_env = "JUDGEKIT_API_KEY" if named is None else named
        tokens = [token for token in servers.tokens_in(path) if token not in model]
        self._secrets = (user, password, self._login[6:], *tokens, *servers.secrets_in(extra or {}))
        self._keys = servers.Keys(*self._secrets)
        self.noted: Counter[str] = Counter()
        self.used: dict[str, Counter[str]] = {self.address: Counter()}
        if not _HEADER.fullmatch(tag_header) or tag_header.lower() in _OURS:
            raise InputError(f"tag_header={tag_header!r}; the name of a header of its own, as X-Session-ID")
        self._keep_alive, self._tag_header = keep_alive, tag_header
        self._watch: Watch
        self._session: Lanes | Given | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._entered = 0
        self._moving = threading.Lock()

    def __repr__(self) -> str:
        named = "" if self.name == self.model else f", name={self.name!r}"
        return f"Endpoint({self.endpoint!r}, {self.model!r}{named})"

    def with_(self, **changes: Any) -> Self:
        """Return a judge like this one, with other options; not entered, and having learnt nothing yet."""
        return type(self)(**wire.changed(self._options, changes))

    def __reduce__(self) -> tuple[Any, ...]:
        if self._options["session"] is not None:
            raise InputError(f"{self!r} has a session of yours, which cannot go to another process")
        # In another process it is made anew from its options: no connection, and no key in a pickle.
        return functools.partial(type(self), **self._options), ()

    def key_goes_to(self) -> tuple[str, str] | None:
        """Return the variable that holds the key, and the server it is sent to; None where none is sent."""
        return (self._key_env, self.endpoint) if self._key and not self._login else None

    @property
    def _key(self) -> str:
        return os.environ.get(self._key_env, "").strip()

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return US dollars for so many tokens; None where the price is unknown."""
        if self._prices is None:
            return None
        return (input_tokens * self._prices[0] + output_tokens * self._prices[1]) / 1e6

    async def __aenter__(self) -> Self:
        """Open the connections, or share them with a run that has them open in the same loop."""
        loop = asyncio.get_running_loop()
        with self._moving:  # other threads may come at the same moment
            if self._session is not None and self._loop is not loop:
                if self._loop is not None and not self._loop.is_closed():
                    raise servers.InUse(
                        f"{self!r} is in use in another event loop; give that run a copy: judge.with_()"
                    )
                self._session, self._entered = None, 0  # left over from a loop that died
            if self._session is None:
                self._session, self._loop = self._open(), loop
                self.noted.clear()
                self.used[self.address].clear()
            self._entered += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections when the last who entered leaves."""
        session = None
        with self._moving:
            self._entered -= 1
            if self._entered <= 0:
                session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> Lanes | Given:
        import yarl

        key = self._key
        if not (key.isascii() and key.isprintable()):
            raise InputError(f"the key in ${self._key_env} holds a character that no HTTP header can")
        self._keys = servers.Keys(key, *self._secrets)
        headers = {"Content-Type": "application/json", "Accept": "*/*", "Accept-Encoding": "identity"}
        if allowed := self._login or (f"Bearer {key}" if key else ""):
            headers["Authorization"] = allowed
        self._watch = Watch(alone=not self._keep_alive or servers.KEEP_ALIVE in self.refused)
        url = yarl.URL(self._target)
        given = self._options["session"]
        return Lanes(url, headers, self._watch) if given is None else Given(given, url, headers)

    async def __call__(self, call: Call, /) -> Reply:
        """Ask once; what is refused is left out from now on, and named by the ProviderError."""
        if (road := self._session) is None:
            raise InputError(f"{self!r} is not open; ask within `async with judge:`")
        sent = wire.body_of(call, self.model, self._settings, self.refused)
        body, watch = orjson.dumps(sent), self._watch
        for new in (False, True):
            request, alone, started = watch.request_id(), watch.alone, perf_counter()
            more = self._headers(call, alone=alone) if alone or self._tag_header else _NONE
            try:
                lane: Any = (None if new else road.kept()) or await road.new()
                try:
                    response = await road.ask(lane, request, body, more)
                finally:
                    road.leave(lane)
            except (OSError, TimeoutError) as error:
                said = self._keys.out_of_error(f"{type(error).__name__}: {error}")
                raise ProviderError(said, passing=True) from None
            seconds, came = perf_counter() - started, servers.parsed(response.body or b"")
            if self._is_sure(request, lane, response, came, seconds, alone=alone) or wire.is_passing(
                response.status
            ):
                break  # else: a connection that was never asked on is sure
        if response.status >= 300:
            message, param = servers.complaint_of(came)
            message, wait = self._keys.out_of_error(message), servers.wait_of(response.headers)
            return wire.refusal_of(response.status, message, sent, wait, param=param, refused=self.refused)
        if response.body is None:
            return Reply(detail=f"the response is longer than {MAX_REPLY} bytes", seconds=seconds)
        reply = wire.reply_of(
            came,
            letters=bool(call.letters),
            seconds=seconds,
            price=self.cost,
            sent=sent,
            keys=self._keys,
            noted=self.noted,
        )
        self._count(reply.input_tokens or 0, wire.cached_of(came))
        return reply

    def _headers(self, call: Call, *, alone: bool) -> dict[str, str]:
        """Return the headers that are a request's own."""
        tag = {self._tag_header: shared_tag(call)} if self._tag_header else {}
        return {**tag, "Connection": "close"} if alone else tag

    def _count(self, read: int, cached: int) -> None:
        """Count tokens that were read, and those of them that the server says it had cached."""
        used = self.used[self.address]
        used["requests"] += 1
        used["input_tokens"] += read
        used["cached_tokens"] += min(cached, read)

    def at_batch_rates(self) -> bool:
        """Return False: the prices are those that were given."""
        return False

    async def deferred(self, call: Call, /) -> Request:
        """Return the request of a call, which is not sent."""
        key = self._key
        allowed = self._login or (f"Bearer {key}" if key else "")
        body = wire.body_of(call, self.model, self._settings, self.refused)
        return Request(self._target, {"Authorization": allowed} if allowed else {}, body)

    async def settled(self, call: Call, status: int, body: object, /) -> Reply:
        """Return the reply in a response to it."""
        sent = wire.body_of(call, self.model, self._settings, self.refused)
        if status >= 300:
            message, param = servers.complaint_of(body)
            message = self._keys.out_of_error(message)
            return wire.refusal_of(status, message, sent, param=param, refused=self.refused)
        return wire.reply_of(
            body, letters=bool(call.letters), price=self.cost, sent=sent, keys=self._keys, noted=self.noted
        )

    def _is_sure(
        self, request: str, way: Lane | None, response: Response, body: object, seconds: float,
        *, alone: bool,
    ) -> bool:  # fmt: skip
        """Tell whether a response answers its request; ProviderError if it is another request's reply."""
        watch, header = self._watch, response.headers.get(_REQUEST_ID, "")
        if response.status >= 300:
            return watch.is_sure(request, way, header)
        watch.took(seconds)
        own = watch.is_own(request, way, header=header, said=wire.id_of(body))
        if watch.strays:
            self.noted[servers.STRAYS] += watch.strays
            if watch.unvouched:
                self.noted[_UNVOUCHED] += watch.unvouched
            watch.strays = watch.unvouched = 0
            self.refused.add(servers.KEEP_ALIVE)
        if not own:
            dropped = None if alone else servers.KEEP_ALIVE
            raise ProviderError(servers.ANOTHERS, passing=True, dropped=dropped)
        return True
