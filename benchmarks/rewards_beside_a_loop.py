"""Rewards beside a hand-written loop that asks the same of the same server in the same run; and a judge that restarts.

512 responses in 64 groups of 8, two criteria, so 1,024 requests; an OpenAI-compatible mock in a process of its
own answers after 200 ms; 128 requests at once. The hand-written loop is what people write without a library: aiohttp,
a semaphore, the same prompts as bytes made beforehand, `json.loads` of the answer, and nothing that could go
wrong. Both run in turns; the ratio of each pair of runs is taken, and its median printed.

Then one request of each batch hangs for 30 s, in turns with batches in which none does: it is made a second time, and
the batch must not wait for it.

Last the judge is ended in the middle of the same job and is away for 20 s: every reward has to be there, and right.

    nice python benchmarks/rewards_beside_a_loop.py

Bars: at most 1.15 of the hand-written loop's wall time; at most 1.3 of a batch's own with one that hangs; with a judge
away for 20 s nothing lost.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp
from mock_server import serving

from judgekit.judges.endpoint import Endpoint
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.types import Call, Reply

RUBRIC = {
    "id": "tone",
    "criteria": [
        {"id": "polite", "text": "Is the response polite to the customer?"},
        {"id": "helpful", "text": "Does the response say what happens next?"},
    ],
}
REPLY = '{"evidence": [], "rationale": "It says where it is.", "label": "yes"}'
FILLER = "The parcel left the depot on Monday and the customer was told so. " * 30
AT_ONCE, BAR, HANGING = 128, 1.15, 1.3


def groups(n: int, size: int = 8) -> list[Group]:
    """Groups whose responses all differ."""
    return [
        Group(f"g{i}", f"Where is parcel {i}?", {str(j): f"{FILLER} It is {i}, {j}." for j in range(size)})
        for i in range(n)
    ]


async def by_hand(url: str, bodies: Sequence[bytes]) -> int:
    """What a loop without a library does; how many answers were right."""
    gate, right = asyncio.Semaphore(AT_ONCE), 0

    async def one(session: aiohttp.ClientSession, body: bytes) -> None:
        nonlocal right
        async with gate, session.post(f"{url}/chat/completions", data=body) as answer:
            said = json.loads(await answer.read())
            right += json.loads(said["choices"][0]["message"]["content"])["label"] == "yes"

    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(one(session, body) for body in bodies))
    return right


def bodies_of(some: Sequence[Group]) -> list[bytes]:
    """The requests of a hand-written judge of the same texts."""
    return [
        json.dumps({"model": "mock", "messages": [{"role": "user", "content": (
            f"{criterion['text']}\nTask: {group.task}\nResponse: {text}\n"
            'Answer with JSON: {"evidence": [...], "rationale": "...", "label": "yes" or "no"}'
        )}]}).encode()
        for group in some for text in group.responses.values() for criterion in RUBRIC["criteria"]
    ]  # fmt: skip


async def rewarded(url: str, some: Sequence[Group], **spec: object) -> tuple[int, int]:
    """How many rewards are right, and how many are missing."""
    rewarder = Rewarder({"rubric": RUBRIC, "concurrency": AT_ONCE, **spec}, Endpoint(url, "mock"))
    batch = await rewarder(some)
    return sum(r.value == 1.0 for r in batch), sum(r.value is None for r in batch)


async def beside(n: int, runs: int, latency: float = 0.2) -> list[tuple[float, float]]:
    """Seconds by hand and by judgekit, in turns."""
    some, times = groups(n), []
    with serving(process=True, latency=latency, text=REPLY) as url:
        await rewarded(url, groups(1))
        for _ in range(runs):
            bodies = bodies_of(some)
            began = time.perf_counter()
            assert await by_hand(url, bodies) == len(bodies), "a wrong answer"
            hand = time.perf_counter() - began
            began = time.perf_counter()
            assert await rewarded(url, some) == (8 * n, 0), "a wrong or missing reward"
            times.append((hand, time.perf_counter() - began))
    return times


class Hanging(Endpoint):
    """One request in 1,024 hangs for 30 s."""

    asked = 0

    async def __call__(self, call: Call, /) -> Reply:
        self.asked += 1
        if self.asked % 1024 == 700:
            await asyncio.sleep(30)
        return await super().__call__(call)


async def hanging(n: int, runs: int, latency: float = 0.2) -> list[tuple[float, float]]:
    """Seconds of batches without a request that hangs and with one, in turns, by rewarders that stay open."""
    some, times = groups(n), []
    with serving(process=True, latency=latency, text=REPLY) as url:
        spec = {"rubric": RUBRIC, "concurrency": AT_ONCE}
        async with (
            Rewarder(spec, Endpoint(url, "mock")) as plain, Rewarder(spec, Hanging(url, "mock")) as hung,
        ):  # fmt: skip
            for _ in range(runs):
                each = []
                for rewarder in (plain, hung):
                    began = time.perf_counter()
                    assert all(r.value == 1.0 for r in await rewarder(some)), "a wrong or missing reward"
                    each.append(time.perf_counter() - began)
                times.append((each[0], each[1]))
    return times


def started(port: int, latency: float) -> subprocess.Popen[bytes]:
    """A judge on a port of its own."""
    script = str(Path(__file__).with_name("mock_server.py"))
    options = ["--port", str(port), "--latency", str(latency), "--text", REPLY]
    return subprocess.Popen([sys.executable, script, *options], stdout=subprocess.PIPE)


def up(judge: subprocess.Popen[bytes]) -> str:
    """Its address, once it listens."""
    assert judge.stdout is not None
    return judge.stdout.readline().decode().strip()


def down(judge: subprocess.Popen[bytes]) -> None:
    """End it at once."""
    judge.kill()
    judge.wait()
    assert judge.stdout is not None
    judge.stdout.close()


async def restarted(n: int, away: float, latency: float = 0.2) -> tuple[tuple[int, int], float]:
    """Rewards, right and missing, of a job in whose middle the judge is away; and its seconds."""
    judge = await asyncio.to_thread(started, 0, latency)
    url = await asyncio.to_thread(up, judge)
    port = int(url.partition("//")[2].partition("/")[0].rpartition(":")[2])
    began = time.perf_counter()
    job = asyncio.create_task(rewarded(url, groups(n), deadline_seconds=60 + away, max_failed=1.0))
    await asyncio.sleep(3 * latency)
    await asyncio.to_thread(down, judge)
    await asyncio.sleep(away)
    judge = await asyncio.to_thread(started, port, latency)
    try:
        found = await job
    finally:
        await asyncio.to_thread(down, judge)
    return found, time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description="Rewards beside a hand-written loop.")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--away", type=float, default=20.0)
    given = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    times = asyncio.run(beside(64, given.runs))
    ratios = sorted(own / hand for hand, own in times)
    hand, own = (median(each) for each in zip(*times, strict=True))
    print(
        f"512 rewards, 2 criteria, 200 ms, {AT_ONCE} at once: by hand {hand:.2f} s, judgekit {own:.2f} s; ratio "
        f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), bar {BAR}"
    )
    times = asyncio.run(hanging(64, given.runs))
    slower = sorted(hung / plain for plain, hung in times)
    print(
        f"one request of 1,024 hangs for 30 s: {median(slower):.3f} of the time without "
        f"({slower[0]:.3f} to {slower[-1]:.3f}), bar {HANGING}"
    )
    (right, missing), seconds = asyncio.run(restarted(64, given.away))
    print(
        f"a judge away for {given.away:g} s: {right} of 512 right, {missing} missing, after {seconds:.1f} s"
    )
    good = median(ratios) <= BAR and median(slower) <= HANGING and (right, missing) == (512, 0)
    print("holds" if good else "DOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
