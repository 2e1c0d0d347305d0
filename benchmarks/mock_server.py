"""An OpenAI-compatible chat server that answers from a script, on the loopback only.

Raw asyncio and orjson, so that in a benchmark the client is what is measured. Run it as
`python benchmarks/mock_server.py --latency 0.1 --too-many 0.1 --seed 7` (the first line it prints
is the base URL), or hold it open in a test, where `benchmarks` is on the path:

    with serving(mode="too_long") as url:
        ...

`GET {url}/stats` counts what was asked, `GET {url}/last` shows the last request. What it answers
stands in `mock_script`.
"""

import argparse
import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mock_cache import Cached
from mock_script import HOST, MODES, Options, Script


class Answering(Protocol):
    """What answers requests: head and body in, the whole response out."""

    options: Options

    def answer(self, head: bytes, body: bytes) -> bytes | None:
        """The response to one request; None for none at all, empty for a cut connection."""
        ...


class Connection(asyncio.Protocol):
    """One client's connection: requests are cut from the stream and answered in order."""

    def __init__(self, script: Answering) -> None:
        self.script = script
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self.buffer = self.buffer + data if self.buffer else data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            at = head.lower().find(b"\r\ncontent-length:")
            length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.reply(self.script.answer(head, body), posted=not head.startswith(b"GET"))

    def reply(self, said: bytes | None, *, posted: bool) -> None:
        """Send it, at once or after the latency."""
        if said is None:
            return
        mode, latency = self.script.options.mode, self.script.options.latency
        loop = asyncio.get_running_loop()
        if posted and mode == "slow_headers":  # a first byte at once, the rest late
            self.send(said[:20])
            loop.call_later(latency, self.send, said[20:])
        elif posted and latency:
            loop.call_later(latency, self.send, said)
        else:
            self.send(said)
        if posted and mode == "cut":
            self.transport.close()

    def send(self, said: bytes) -> None:
        """Write, if the client is still there."""
        if not self.transport.is_closing():
            self.transport.write(said)


async def serve(script: Answering, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Listen until `stop` is set; `ready` is told the base URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Connection, script), HOST, port, backlog=4096)
    ready(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/v1")
    await stop.wait()
    server.close()


def script_of(options: Options) -> Script:
    """What answers, with a prefix cache where one is asked for."""
    return Cached(options) if options.cache else Script(options)


@contextmanager
def serving(*, process: bool = False, port: int = 0, **options: Any) -> Iterator[str]:
    """A running server's base URL; in a thread, or in a process of its own for benchmarks."""
    with ExitStack() as stack:
        if process:
            yield stack.enter_context(killable(port, **options))[0]
        else:
            yield stack.enter_context(serving_script(script_of(Options(**options)), port))


@contextmanager
def serving_script(script: Answering, port: int = 0) -> Iterator[str]:
    """The same of anything that answers requests, in a thread."""
    started, urls = threading.Event(), []
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def ready(url: str) -> None:
        urls.append(url)
        started.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve(script, port, ready, stop)))
    thread.start()
    try:
        if not started.wait(10):
            raise RuntimeError(f"the mock server did not start on port {port}")
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def killable(port: int = 0, **options: Any) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process of its own: its base URL, and the process."""
    given = {field.name: getattr(Options(**options), field.name) for field in fields(Options)}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    command = [sys.executable, str(Path(__file__).resolve()), f"--port={port}", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip(), server
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible mock chat server on the loopback.")
    parser.add_argument("--port", type=int, default=0)
    for field in fields(Options):
        kind = float if isinstance(field.default, float) else type(field.default)
        choices = MODES if field.name == "mode" else None
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(flag, type=kind, default=field.default, choices=choices)
    given = vars(parser.parse_args())
    port = given.pop("port")
    asyncio.run(serve(script_of(Options(**given)), port, partial(print, flush=True), asyncio.Event()))


if __name__ == "__main__":
    main()
