"""A reward server's life: it listens, is told to end, and drains: what has begun is answered first."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from aiohttp import web

from judgekit.errors import InputError
from judgekit.rewards.serving.deadlines import Connections, room_for
from judgekit.rewards.serving.server import RewardServer, Settings

_LAST_WORDS = 1.0  # seconds for replies that are being sent


class _WithoutTraces(logging.Filter):
    """Lets pass what aiohttp says of a request that is no HTTP, but not its bytes, tokens among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


_wire = logging.getLogger(f"{__name__}.wire")
_wire.addFilter(_WithoutTraces())


@asynccontextmanager
async def listening(server: RewardServer, settings: Settings) -> AsyncIterator[str]:
    """Listen while the context lasts; its address. Requests that are being answered at the end still are."""
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
