"""What the reward server bears: 2,000 requests at once, groups that wait for their last response, 50,000 rewards.

`judgekit reward serve` and an OpenAI-compatible mock judge are processes of their own, on the loopback;
this process plays the trainers, one response a request, in OpenRLHF's form, on a connection each. Every
reward is checked.

    python benchmarks/rewards_server.py

Bars: every request answered rightly and every group full; a group of 5 of 8 released within its window
and 100 ms (median); memory after 50,000 rewards at most 10 MB above that after 20,000, when what is remembered is
full.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import quote

import aiohttp
from mock_server import serving

SPEC = """
judges = "endpoint:{url}#mock"
concurrency = 128
[rubric]
id = "tone"
[[rubric.criteria]]
id = "polite"
text = "Is the response polite to the customer?"
"""
REPLY = '{"evidence": [], "rationale": "It says where it is.", "label": "yes"}'
FILLER = "The parcel left the depot on Monday and the customer was told so. " * 15
AT_ONCE, SIZE, WINDOW, ALLOWED_MS, ALLOWED_MB = 2_000, 8, 0.5, 100.0, 10.0


@contextmanager
def server(latency: float) -> Iterator[tuple[str, int]]:
    """The address of a reward server, and its process id."""
    with serving(process=True, latency=latency, text=REPLY) as url, tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "spec.toml"
        spec.write_text(SPEC.format(url=url), encoding="utf-8")
        command = [sys.executable, "-c", "from judgekit.cli import main; main()", "reward", "serve"]
        options = ["--spec", str(spec), "--port", "0", "--rate", "0"]
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().split(": ")[0], process.pid
            finally:
                process.terminate()
        assert process.returncode == 0, f"the server ended with {process.returncode}"


def unlimited() -> aiohttp.ClientSession:
    """A session without a limit of connections."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=170)
    )


def query(group: int, place: int, run: str) -> dict[str, list[str]]:
    prompt = f"Where is parcel {group}, asks {run}?"
    return {"query": [f"{prompt} {FILLER} It is {place}."], "prompts": [prompt], "labels": [""]}


async def reward(session: aiohttp.ClientSession, url: str, body: dict[str, list[str]]) -> bool:
    """Whether the reward is the right one."""
    async with session.post(url, json=body) as answer:
        return answer.status == 200 and (await answer.json())["rewards"] == [1.0]


async def at_once(url: str, parameters: str, run: str) -> tuple[float, int]:
    """Seconds for 2,000 requests that are sent at once, and how many were answered rightly."""
    async with unlimited() as session:
        bodies = [query(i // SIZE, i % SIZE, run) for i in range(AT_ONCE)]
        began = time.perf_counter()
        right = await asyncio.gather(*(reward(session, f"{url}/get_reward{parameters}", b) for b in bodies))
        return time.perf_counter() - began, sum(right)


async def counted(url: str, name: str) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as answer:
        return (await answer.json()).get(name, {})


async def partial(url: str, run: str) -> float:
    """Milliseconds beyond its window after which a group of 5 of 8 is released."""
    async with unlimited() as session:
        address = f"{url}/get_reward?run={quote(run)}&group={SIZE}&window_ms={WINDOW * 1000:.0f}"
        began = time.perf_counter()
        right = await asyncio.gather(*(reward(session, address, query(0, i, run)) for i in range(5)))
        assert all(right), "a wrong reward"
        return (time.perf_counter() - began - WINDOW) * 1e3


async def many(url: str, n: int, first: int) -> int:
    """Ask for n rewards with ids in groups of 8, 32 groups at once; how many were right."""
    gate = asyncio.Semaphore(32)

    async def group(session: aiohttp.ClientSession, key: int) -> int:
        items = [
            {"id": str(i), "group": str(key), "task": f"Where is {key}?", "response": f"{FILLER} {key} {i}"}
            for i in range(SIZE)
        ]
        async with gate, session.post(f"{url}/v1/rewards", json={"items": items}) as answer:
            return sum(value == 1.0 for value in (await answer.json())["rewards"])

    async with unlimited() as session:
        groups = (group(session, key) for key in range(first // SIZE, (first + n) // SIZE))
        return sum(await asyncio.gather(*groups))


def resident(pid: int) -> float:
    """Memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Load on the reward server.")
    parser.add_argument("--rewards", type=int, default=50_000)
    total = parser.parse_args().rewards
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, aiohttp {aiohttp.__version__}, load {os.getloadavg()[0]:.1f}\n"
    )
    good = True
    for latency in (0.2, 0.0):
        with server(latency) as (url, _):
            asyncio.run(partial(url, "a warm-up"))
            before = asyncio.run(counted(url, "groups_total"))
            for name, parameters in (
                ("no barrier", ""),
                ("groups of 8", f"?run=bench&group={SIZE}&window_ms=60000"),
            ):
                seconds, right = asyncio.run(at_once(url, parameters, f"{name} at {latency}"))
                good &= right == AT_ONCE
                print(
                    f"{latency * 1e3:3.0f} ms judge, {AT_ONCE:,} at once, {name:12} {AT_ONCE / seconds:7,.0f} "
                    f"rewards/s, {right:,} right"
                )
            after = asyncio.run(counted(url, "groups_total"))
            full, cut = after.get("full", 0), after["partial"] - before["partial"]
            good &= full == AT_ONCE / SIZE and cut == 0
            print(f"    groups: {full:.0f} full, {cut:.0f} partial")
            if not latency:
                late = [asyncio.run(partial(url, f"{i}")) for i in range(20)]
                good &= median(late) <= ALLOWED_MS
                print(
                    f"    5 of 8: released {median(late):.0f} ms after the window (largest of 20: "
                    f"{max(late):.0f}; the judging is in it), bar {ALLOWED_MS:.0f}"
                )
    with server(0.0) as (url, pid):
        began, right, sizes = time.perf_counter(), 0, {}
        for first in range(0, total, 10_000):
            right += asyncio.run(many(url, min(10_000, total - first), first))
            sizes[first + 10_000] = resident(pid)
        seconds = time.perf_counter() - began
    grown = sizes[max(sizes)] - sizes.get(20_000, sizes[min(sizes)])
    good &= right == total and grown <= ALLOWED_MB
    print(f"{total:,} rewards, 8 a request: {total / seconds:,.0f} rewards/s, {right:,} right")
    print("    memory, MB: " + ", ".join(f"{size:.0f} after {n:,}" for n, size in sizes.items()))
    print(f"    grown by {grown:.1f} MB from 20,000 on, bar {ALLOWED_MB:.0f}")
    print("\nholds" if good else "\nDOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
