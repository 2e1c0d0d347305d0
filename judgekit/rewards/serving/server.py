"""Rewards by HTTP, for trainers that ask for one response at a time: batched, bounded, drained at the end.

On the loopback it asks for no token unless one is set; beyond it, it does not start without. Bodies are
JSON and said to be, so that no page in a browser can ask unnoticed. Why requests fail is logged, a line of a
kind in ten seconds, since trainers show the status alone; of what was asked the log holds no more than a few
words that a refusal quotes. Off this machine, put it behind a proxy that speaks TLS.
"""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from aiohttp import web

from judgekit.errors import InputError, JudgekitError, kind_of
from judgekit.rewards.core.prepared import dealt_with
from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.schemes import LEAST_MET
from judgekit.rewards.serving.barrier import Barrier, Client, Mixed, Refused
from judgekit.rewards.serving.limits import Connections, Rates, in_hand, is_for_us, may_ask, room_for
from judgekit.rewards.serving.metrics import Metrics
from judgekit.rewards.serving.routes import MOST, ROUTES, Route, Wanted

Seeing = Callable[[Batch, str | None], None]
"""Told of every batch, and why it was cut short, if it was."""
_Asked = tuple[Group, asyncio.Future[Mapping[str, Reward]]]
_MOST = 1_024  # responses in a batch; one more group, however large, still fits
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WINDOW: Final = 3.0
"""Seconds a group waits for the rest, where a request names no window."""
_MARGIN = 5.0  # seconds between our deadline and the moment a client gives up
_LONGEST_RUN: Final = 200
_QUIET: Final = 10.0  # seconds between two lines of the log on one route and status
_LONGEST_LINE: Final = 400
_POSTED: Final = ", ".join(route.path for route in ROUTES)
_GOT: Final = ("/health", "/stats", "/metrics")
_OPEN = frozenset({"/health"})  # needs no token
_log = logging.getLogger(__name__)
_LAST_WORDS = 1.0  # seconds for replies that are being sent
_wire = logging.getLogger(f"{__name__}.wire")


class Batcher:
    """Judges groups, those of one tick together; of one event loop.

    Batches may overlap: their judges share one limit of concurrency, so a slow one holds up nobody. A group
    that cannot be asked about fails alone, not with the batch it came in.
    """

    def __init__(self, rewarder: Rewarder, *, tick: float = 0.005, seen: Seeing) -> None:
        self._rewarder = rewarder
        self._tick = tick
        self._seen = seen
        self._pending: list[_Asked] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, group: Group) -> Mapping[str, Reward]:
        """Return the rewards of a group by response id."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Mapping[str, Reward]] = loop.create_future()
        self._pending.append((group, future))
        if self._timer is None:
            self._timer = loop.call_later(self._tick, self._flush)
        return await future

    def _flush(self) -> None:
        """Begin a batch of what is pending; two groups with one key cannot be in the same."""
        batch: dict[str, _Asked] = {}
        later, n = [], 0
        for group, future in self._pending:
            if future.cancelled():
                continue
            if group.key in batch or n >= _MOST:
                later.append((group, future))
            else:
                batch[group.key] = (group, future)
                n += len(group.responses)
        loop = asyncio.get_running_loop()
        self._pending = later
        self._timer = loop.call_later(0, self._flush) if later else None
        if batch:
            task = loop.create_task(self._judged(list(batch.values())))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _judged(self, pairs: Sequence[_Asked]) -> None:
        try:
            rewards = await self._rewards([group for group, _ in pairs])
        except InputError as error:
            if len(pairs) > 1:
                await asyncio.gather(*(self._judged([pair]) for pair in pairs))
                return
            _raise(pairs, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours is raised where it was asked for
            _raise(pairs, error)
        else:
            for group, future in pairs:
                if not future.done():
                    future.set_result(rewards[group.key])

    async def _rewards(self, groups: Sequence[Group]) -> Mapping[str, Mapping[str, Reward]]:
        """Return group key -> rewards. After an outage nothing is imputed, and groups are dropped whole."""
        outage = None
        try:
            batch = await self._rewarder(groups)
        except JudgekitError as error:
            if not isinstance(error.run, Batch):
                raise
            batch, outage = error.run, str(error)
        self._seen(batch, outage)
        by_group: dict[str, dict[str, Reward]] = {group.key: {} for group in groups}
        for reward in batch:
            by_group[reward.group][reward.response] = replace(reward, outcomes=())
        if outage is not None and self._rewarder.spec.on_failure == "drop_group":
            by_group = {key: dealt_with(own, "drop_group") for key, own in by_group.items()}
        return by_group


def _raise(pairs: Sequence[_Asked], error: Exception) -> None:
    for _, future in pairs:
        if not future.done():
            future.set_exception(error)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a reward server: where it listens, whom it answers, how much it takes in."""

    host: str = "127.0.0.1"
    port: int = 8077  # 0 for a free one
    token: str | None = field(default=None, repr=False)  # what requests have to carry
    tick: float = 0.005  # seconds that a batch is gathered
    body_bytes: int = 16 << 20
    per_second: float = 2_000.0  # requests of one address; 0 for no limit
    most_waiting: int = 50_000  # responses that may wait for their reward at once
    read_seconds: float = 30.0  # for a head, and for a body, to arrive, and for an answer to be taken
    most_connections: int = 16_384
    drain_seconds: float = 120.0  # for groups in flight to end once it is going down


class RewardServer:
    """Routes, barrier and batches around an open `Rewarder`. Belongs to one event loop."""

    def __init__(self, rewarder: Rewarder, settings: Settings) -> None:
        self._spec = rewarder.spec
        self._settings = settings
        self.metrics = Metrics()
        batcher = Batcher(rewarder, tick=settings.tick, seen=self.metrics.batch)
        least = LEAST_MET if rewarder.spec.relative else 0.0
        self.barrier = Barrier(batcher, self._released, least=least, most_waiting=settings.most_waiting)
        self._rates = Rates(settings.per_second)
        self._logged: dict[tuple[str, int], float] = {}

    def app(self) -> web.Application:
        """Return the application, to be run with `handler_cancellation=True`."""
        made = web.Application(
            client_max_size=self._settings.body_bytes, middlewares=[self._counted, self._guarded]
        )
        got = (self._health, self._stats, self._text)
        made.add_routes([web.post(route.path, self._handler(route)) for route in ROUTES])
        made.add_routes([web.get(path, handler) for path, handler in zip(_GOT, got, strict=True)])
        return made

    def _released(self, how: str) -> None:
        self.metrics.add("groups_total", how=how)

    def _handler(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            size, window = self._group_of(request, route)
            client = _client_of(request)
            wanted = route.read(await self._body(request))
            rewards = await self.barrier.rewards(wanted, size=size, window=window, client=client)
            return self._answer(route, wanted, rewards)

        return handle

    def _group_of(self, request: web.Request, route: Route) -> tuple[int | None, float]:
        """Return the size of the groups and the seconds of their window, as the address says."""
        query = request.query
        if stray := sorted(set(query) - {"group", "window_ms", "run"}):
            raise InputError(f"unknown parameters {stray}; there are group, window_ms and run")
        size = _whole(query.get("group"), "group", MOST)
        window = _whole(query.get("window_ms"), "window_ms", 3_600_000)
        seconds = WINDOW if window is None else window / 1000
        needed = self._spec.deadline_seconds + seconds + _MARGIN
        if needed > route.patience:
            raise InputError(
                f"the spec's deadline of {self._spec.deadline_seconds:g} s, the window and {_MARGIN:g} s to "
                f"spare are {needed:g} s, but clients of {route.path} give up after {route.patience:g} s; "
                "lower deadline_seconds or window_ms"
            )
        return size, seconds

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise _Failed(415, f"the content type is {request.content_type!r}; send application/json")
        try:
            async with asyncio.timeout(self._settings.read_seconds):
                raw = await request.read()
        except TimeoutError:
            raise _Failed(408, f"the body took longer than {self._settings.read_seconds:g} s") from None
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InputError(f"the body is no JSON: {error}") from None
        if not isinstance(body, dict):
            raise InputError(f"the body is {kind_of(body)}, not an object")
        return body

    def _answer(self, route: Route, wanted: Sequence[Wanted], rewards: Sequence[Reward]) -> web.Response:
        answer = route.write(wanted, rewards, self._spec)
        lost = [reward for reward in rewards if reward.value is None]
        if len(lost) < len(rewards):
            return _json(answer)
        told = f"none of {len(rewards)} rewards can be given: {lost[0].reason or lost[0].status}"
        return _json({"error": told, **answer}, 503)

    async def _health(self, _: web.Request) -> web.Response:
        if self.barrier.closing:
            return _json({"status": "draining"}, 503)
        return _json({"status": "ok", "spec": self._spec.digest})

    async def _stats(self, _: web.Request) -> web.Response:
        return _json({"spec": self._spec.digest, **self.metrics.plain(self._gauges())})

    async def _text(self, _: web.Request) -> web.Response:
        text = self.metrics.text(self._gauges())
        return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    def _gauges(self) -> dict[str, float]:
        barrier = self.barrier
        return {
            "waiting": barrier.waiting, "gathering": barrier.gathering, "judging": barrier.judging,
            "draining": barrier.closing,
        }  # fmt: skip

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever goes wrong is said in JSON; every request is counted."""
        began = time.monotonic()
        with in_hand(request):
            response = await self._said(request, handler)
        known = request.match_info.route.resource
        route = known.canonical if known is not None else "other"
        self.metrics.add("requests_total", route=route, status=str(response.status))
        if isinstance(response, web.Response) and response.status >= 400 and not self.barrier.closing:
            self._log_failed(route, response)
        if route in {each.path for each in ROUTES}:
            self.metrics.took(route, time.monotonic() - began)
        return response

    def _log_failed(self, route: str, response: web.Response) -> None:
        """Say why a request failed, unless the same was said of another of its route just now."""
        now, kind = time.monotonic(), (route, response.status)
        if now - self._logged.get(kind, -_QUIET) >= _QUIET:
            self._logged[kind] = now
            told = str(orjson.loads(response.text or "")["error"])[:_LONGEST_LINE]
            _log.warning(
                "%s answered %d: %s", route, response.status, told if told.isprintable() else ascii(told)
            )

    async def _said(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except _Failed as failed:
            return _error(failed.status, str(failed))
        except (InputError, Refused, Mixed) as error:
            status = 400 if isinstance(error, InputError) else 409 if isinstance(error, Mixed) else 503
            return _error(status, str(error))
        except JudgekitError as error:
            return _error(503, f"no rewards: {error}")
        except web.HTTPRequestEntityTooLarge:
            return _error(413, f"the body is larger than {self._settings.body_bytes} bytes")
        except web.HTTPException as error:
            told = f"{request.method} {request.path[:80]}: {error.reason}"
            return _error(error.status, f"{told}; there are POST {_POSTED} and GET {', '.join(_GOT)}")
        except web.RequestPayloadError as error:
            return _error(400, f"the body cannot be read: {error}")
        except Exception:  # noqa: BLE001 - one request's fault must not end the server
            _log.exception("a reward request failed")
            return _error(500, "a fault of the server; its log says which")

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Rate first, so that tokens cannot be guessed fast; then the token, or a name that is ours."""
        if request.path not in _OPEN:
            if wait := self._rates.wait(request.remote or "", time.monotonic()):
                raise _Failed(429, f"too many requests; ask again in {wait:.1f} s")
            if not may_ask(request.headers, self._settings.token):
                raise _Failed(401, "no token, or a wrong one; send 'Authorization: Bearer TOKEN'")
            if self._settings.token is None and not is_for_us(request.headers.get("Host")):
                raise _Failed(
                    403, "without a token only localhost is served; ask for 127.0.0.1, or set a token"
                )
        return await handler(request)


class _Failed(Exception):  # noqa: N818 - an answer, not an error
    """A request that is answered by an HTTP status and a word."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status


def _client_of(request: web.Request) -> Client:
    """Return the run that an address names, else where the request comes from."""
    run = request.query.get("run")
    if run is None:
        return Client(request.remote or "")
    if not run.strip() or not run.isprintable() or len(run) > _LONGEST_RUN:
        raise InputError(f"run={run[:20]!r}: a name of 1 to {_LONGEST_RUN} printable characters")
    return Client(run, named=True)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def _error(status: int, told: str) -> web.Response:
    response = _json({"error": told}, status)
    if status in {429, 503}:
        response.headers["Retry-After"] = "1"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _whole(raw: str | None, what: str, most: int) -> int | None:
    """Return a whole number in an address, from 0 (a group: from 1) to `most`."""
    least = 1 if what == "group" else 0
    if raw is None:
        return None
    if not raw.isascii() or not raw.isdecimal() or len(raw) > 9 or not least <= int(raw) <= most:
        raise InputError(f"{what}={raw[:20]!r}: a whole number from {least} to {most}")
    return int(raw)


class _WithoutTraces(logging.Filter):
    """Lets pass what aiohttp says of a request that is no HTTP, but not its bytes, tokens among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


_wire.addFilter(_WithoutTraces())


@asynccontextmanager
async def listening(server: RewardServer, settings: Settings) -> AsyncIterator[str]:
    """Listen while the context lasts, at the address given; what is being answered at its end still is."""
    runner = web.AppRunner(
        server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=_LAST_WORDS,
        keepalive_timeout=75.0, logger=_wire,
    )  # fmt: skip
    await runner.setup()
    try:
        listener = await _socket(runner, settings)
        try:
            host, port, *_ = listener.sockets[0].getsockname()
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def _socket(runner: web.AppRunner, settings: Settings) -> asyncio.Server:
    assert runner.server is not None  # noqa: S101 - for the type checker
    connections = Connections(runner.server, room_for(settings.most_connections), settings.read_seconds)
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(connections, settings.host, settings.port, backlog=4_096)
    except OSError as error:
        raise InputError(f"cannot listen on {settings.host} port {settings.port}: {error}") from None


async def serve_until_told(server: RewardServer, settings: Settings, ready: Callable[[str], None]) -> bool:
    """Serve until SIGTERM or Ctrl-C, then drain: what has begun ends, nothing new is taken in."""
    async with listening(server, settings) as address:
        with _signalled() as told:
            ready(address)
            await told.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.barrier.drained(), settings.drain_seconds)
            return True
    return False


@contextmanager
def _signalled() -> Iterator[asyncio.Event]:
    """Set at the first SIGTERM or SIGINT; a second one does what it always does."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, told.set)
    try:
        yield told
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
