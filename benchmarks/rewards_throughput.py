"""How fast rewards are given, and what equal responses and a second pass cost: nothing.

64 groups of 8 responses of about 400 words, an OpenAI-compatible mock server in another process, 128
calls at once. In the second half of the jobs a quarter of the responses repeat one of their own group, so
that 384 of 512 differ. Each job is a process of its own after a warm-up; the median of 5 is printed.
Every reward is checked: the mock's mark is a function of the response.

    python benchmarks/rewards_throughput.py

Bars: at 200 ms 400 rewards/s of wall time; at 0 ms 1,500 a second of CPU of the rewarding process, since what is
asked there is its own cost, and the server and other work share the cores (wall time is printed); calls
equal to the distinct responses; 0 calls from a ledger.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from mock_server import serving

GROUPS, SIZE, CONCURRENCY, DISTINCT = 64, 8, 128, 384
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite to the customer?"}]}
REPLY = '{"evidence": [], "rationale": "It says where it is.", "label": "yes"}'
FILLER = "The parcel left the depot on Monday and the customer was told so. " * 30


def groups(*, repeats: bool) -> list[Any]:
    """64 groups of 8; with repeats the last two of each group have the texts of its first two."""
    from judgekit.rewards.core.records import Group

    def text(i: int, j: int) -> str:
        return f"{FILLER} It is {i}, {j % 6 if repeats else j}."

    return [
        Group(f"g{i}", f"Where is parcel {i}?", {str(j): text(i, j) for j in range(SIZE)})
        for i in range(GROUPS)
    ]


async def job(url: str, ledger: str | None, *, repeats: bool, kept_open: bool) -> dict[str, Any]:
    """One batch, timed from the call to its rewards."""
    from judgekit.judges.endpoint import Endpoint
    from judgekit.rewards.core.records import Group
    from judgekit.rewards.core.rewarder import Rewarder

    spec = {"rubric": RUBRIC, "concurrency": CONCURRENCY, "ledger": ledger}
    await Rewarder({**spec, "ledger": None}, Endpoint(url, "mock"))([Group("w", "Hi", {"a": "Hello"})])
    batch = groups(repeats=repeats)
    rewarder = Rewarder(spec, Endpoint(url, "mock"))
    if kept_open:
        await rewarder.__aenter__()
        await rewarder([Group("w", "Hi", {"a": "Hello"})])
    began, cpu = time.perf_counter(), time.process_time()
    rewards = await rewarder(batch)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    if kept_open:
        await rewarder.__aexit__()
    assert [reward.value for reward in rewards] == [1.0] * (GROUPS * SIZE), "a wrong reward"
    return {
        "wall": wall,
        "cpu": cpu,
        **{key: rewards.stats[key] for key in ("calls", "new_calls", "deduped")},
    }


def started(url: str, *, ledger: str = "", repeats: bool = False, kept_open: bool = False) -> dict[str, Any]:
    """A job in a process of its own."""
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--job",
        url,
        ledger,
        *map(str, (int(repeats), int(kept_open))),
    ]
    said: dict[str, Any] = json.loads(subprocess.check_output(command))
    return said


def row(
    name: str, runs: list[dict[str, Any]], *, calls: int, wall_bar: float = 0, cpu_bar: float = 0
) -> bool:
    """Print a row; whether it holds."""
    n = GROUPS * SIZE
    rates = sorted(n / run["wall"] for run in runs)
    rate, own = median(rates), n / median(run["cpu"] for run in runs)
    asked = {run["new_calls"] for run in runs}
    good = rate >= wall_bar and own >= cpu_bar and asked == {calls}
    bar = f"bar {wall_bar:,.0f} wall" if wall_bar else f"bar {cpu_bar:,.0f} CPU" if cpu_bar else ""
    print(
        f"{name:38}{rate:7,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f}){own:12,.0f}   {bar:14} "
        f"{' '.join(map(str, sorted(asked))):>5} of {calls}{'' if good else '   MISSED'}"
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description="Rewards a second.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--job", nargs=4, metavar=("URL", "LEDGER", "REPEATS", "OPEN"))
    given = parser.parse_args()
    if given.job:
        url, ledger, repeats, kept_open = given.job
        said = job(url, ledger or None, repeats=repeats == "1", kept_open=kept_open == "1")
        print(json.dumps(asyncio.run(said)))
        return 0
    load = os.getloadavg()[0]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, load {load:.1f}"
    )
    print(f"{GROUPS} groups of {SIZE}, {CONCURRENCY} calls at once, median of {given.runs}\n")
    print(f"{'':38}rewards/s (least to most)  /s of CPU   {'':14} new calls")
    n, good, runs = GROUPS * SIZE, True, range(given.runs)
    for latency, bars in ((0.2, {"wall_bar": 400.0}), (0.0, {"cpu_bar": 1500.0})):
        server = serving(process=True, latency=latency, text=REPLY)
        with server as url, tempfile.TemporaryDirectory() as folder:
            ledgers = [str(Path(folder) / f"{i}.sqlite") for i in runs]
            kinds: dict[str, tuple[int, list[dict[str, Any]]]] = {
                "all different": (n, [started(url) for _ in runs]),
                "all different, kept open": (n, [started(url, kept_open=True) for _ in runs]),
                "a quarter repeated": (DISTINCT, [started(url, repeats=True) for _ in runs]),
                "the same into a ledger": (
                    DISTINCT,
                    [started(url, ledger=own, repeats=True) for own in ledgers],
                ),
                "a second pass": (0, [started(url, ledger=own, repeats=True) for own in ledgers]),
            }
            for name, (calls, found) in kinds.items():
                good &= row(f"{latency * 1e3:3.0f} ms, {name}", found, calls=calls, **bars)
    print("\nholds" if good else "\nDOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
