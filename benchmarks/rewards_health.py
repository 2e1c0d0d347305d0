"""Whether the reward server answers `/health` while it reads what was made to be hard to read.

The judge answers with adversarial replies of 1,000 to 1,000,000 characters, the lengths log-uniform: each
piece below repeated, nested, or mixed with another, some in a JSON object, some with a line that looks like a
verdict. The responses that are judged are made likewise. Judge and trainer are this process; the server is
one of its own, and so is what asks for `/health`, every 10 ms. Last, SIGTERM under such replies.

    nice python benchmarks/rewards_health.py --replies 1000

Bars: the longest `/health` 100 ms, and the process ends within its grace time and 5 s. On a machine with other
work, `--allow-ms` says what is borne.
"""

import argparse
import asyncio
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import aiohttp
import orjson

T = TypeVar("T")
SPEC = """
judges = "endpoint:{url}#mock"
concurrency = 16
max_failed = 1.0
deadline_seconds = 60.0
[rubric]
id = "tone"
[[rubric.criteria]]
id = "polite"
text = "Is the response polite to the customer?"
[[checks]]
name = "content"
kind = "says_something"
gate = true
[[checks]]
name = "right"
kind = "equals_reference"
weight = 0.1
[[checks]]
name = "there"
kind = "contains_reference"
weight = 0.1
[length]
target = 200
"""
PIECES = (
    "{", "[", "}", "]", '"', "\\", '\\"', "/**/", "//", "<score>", "</think>", "<think>", "```", "```json\n",
    '{"label":', '{"label": "yes"', '"label": "no",', "[[", "]]", " ", "\n", "\t\n ", "so ", "yes ", "no. ",
    "label: ", "**", "_", "| yes |", "'", ",", ":", "0", "1,111,", "1e9", "-", "\u0301\u0316", "\ufdfa",
    "\u6771", "\u0e01", "\\boxed{", "\\frac{", "$", "&lt;", "A", "(", "Answer is ", "#### ", "not ",
)  # fmt: skip
POLL = """
import http.client, sys, time
host, port = sys.argv[1].split(":")
worst, n, waits = 0.0, 0, []
print("on", flush=True)
import select
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.perf_counter()
    http_ = http.client.HTTPConnection(host, int(port), timeout=60)
    http_.request("GET", "/health")
    http_.getresponse().read()
    http_.close()
    waits.append(time.perf_counter() - began)
    time.sleep(0.01)
waits.sort()
print(len(waits), waits[-1] * 1e3, waits[int(len(waits) * .99)] * 1e3, waits[len(waits) // 2] * 1e3, flush=True)
"""


def adversarial(rng: random.Random, longest: int) -> str:
    """A text that was made to be hard to read."""
    n = round(10 ** rng.uniform(3, len(str(longest)) - 1))
    piece, other = rng.choice(PIECES), rng.choice(PIECES)
    some = rng.choice([piece, piece + other, piece * 50 + other, piece + other * 7])
    text = (some * (n // len(some) + 1))[: rng.choice([n, n // 2])]
    if rng.random() < 0.3:
        text += other * (n // 2 // len(other))
    end = rng.choice(["", "", "!", '"', '{"label": "yes"}', "\nlabel: yes"])
    return rng.choice(["", "", '{"rationale": "', "I think "]) + text + end


@asynccontextmanager
async def judging(rng: random.Random, longest: int) -> AsyncIterator[str]:
    """The address of a judge whose replies are adversarial."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                message = {"role": "assistant", "content": adversarial(rng, longest)}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                body = orjson.dumps({"id": "x", "model": "mock", "choices": [choice]})
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_ones.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for writer in list(open_ones):
            writer.close()


async def asked(url: str, n: int, rng: random.Random, longest: int) -> Counter[int]:
    """Statuses of n requests, 16 at a time, for responses that are adversarial, too."""
    gate, statuses = asyncio.Semaphore(16), Counter[int]()

    async def one(session: aiohttp.ClientSession, i: int) -> None:
        body = {"task": f"Task {i}?", "response": adversarial(rng, longest // 5), "reference": "42"}
        async with gate, session.post(f"{url}/v1/rewards", json={"items": [body]}) as answer:
            await answer.read()
            statuses[answer.status] += 1

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as session:
        await asyncio.gather(*(one(session, i) for i in range(n)))
    return statuses


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own."""
    command = [sys.executable, "-c", code, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)


async def polled(url: str, work: Awaitable[T]) -> tuple[str, T]:
    """What `/health` took meanwhile, in words, and what came of the work."""
    poll = started(POLL, url.removeprefix("http://"))
    assert poll.stdout is not None
    await asyncio.to_thread(poll.stdout.readline)
    done = await work
    said, _ = await asyncio.to_thread(poll.communicate, "\n")
    return said, done


async def walk(replies: int, longest: int, seed: int) -> tuple[Counter[int], str, str, float, int]:
    """Statuses, figures of `/health` idle and busy, seconds until SIGTERM ended it, and its exit code."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    async with judging(rng, longest) as judge:
        with tempfile.TemporaryDirectory() as folder:
            spec = Path(folder) / "spec.toml"
            spec.write_text(SPEC.format(url=judge), encoding="utf-8")
            options = ["reward", "serve", "--spec", str(spec), "--port", "0", "--drain-seconds", "2"]
            server = started("from judgekit.cli import main; main()", *options)
            assert server.stdout is not None
            url = (await asyncio.to_thread(server.stdout.readline)).split(": ")[0]
            await asked(url, 4, rng, 1_000)  # what is imported with the first
            idle, _ = await polled(url, asyncio.sleep(5))
            health, statuses = await polled(url, asked(url, replies, rng, longest))
            last = asyncio.create_task(asked(url, 64, rng, longest))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(server.wait, 60)
            ended = time.monotonic() - began
            last.cancel()
            await asyncio.wait([last])
            server.stdout.close()
    return statuses, idle, health, ended, code


def main() -> int:
    parser = argparse.ArgumentParser(description="/health under adversarial replies and responses.")
    parser.add_argument("--replies", type=int, default=1_000)
    parser.add_argument("--longest", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--allow-ms", type=float, default=100.0)
    given = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    statuses, idle, health, ended, code = asyncio.run(walk(given.replies, given.longest, given.seed))
    print(
        f"{given.replies} requests of up to {given.longest // 5} characters, replies of up to {given.longest}"
    )
    print(f"answers by status: {dict(sorted(statuses.items()))}")
    for name, figures in (("idle, for the machine's part", idle), ("under such replies", health)):
        n, worst, most, median = map(float, figures.split())
        print(f"/health {name}: {n:.0f} times, longest {worst:.1f} ms, 99 % {most:.1f}, median {median:.1f}")
    print(f"SIGTERM under such replies: ended after {ended:.1f} s with code {code}; its grace time was 2 s")
    good = worst <= given.allow_ms and ended <= 7.0
    print("holds" if good else "DOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
