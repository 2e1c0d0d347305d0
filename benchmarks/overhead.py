"""What a judgment costs beside a loop written by hand, and what importing the package costs.

The job: pointwise judgments of 3 KB prompts by an OpenAI-compatible server, 64 at once. The floor
is a loop of aiohttp, orjson and JSONL that sends the same bytes, with the size of asyncio's reads
mended as in `judges.endpoint`; ours is `stream_scores` with a ledger and every check. A third
row asks ours again, from the ledger.

Each run is a process of its own, with the mock server in another, and counts CPU seconds of the
judging alone (not of imports). Floor and ours take turns, since a shared machine drifts; the ratio is
taken within each pair and the median reported.

    python benchmarks/overhead.py --calls 4000 --pairs 7
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from mock_server import serving
from peak import peak_mb

REPLY = '{"evidence": ["the customer was told so"], "rationale": "It says where it is.", "label": "yes"}'
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite to the customer?"}]}
HEAVY = ("litellm", "pandas", "sklearn", "scipy", "numpy", "aiohttp")
CONCURRENCY = 64


def write_items(path: Path, n: int, size: int = 2000) -> None:
    """Items whose prompts are about 3 KB, all different."""
    filler = "The parcel left the depot on Monday and the customer was told so. " * (size // 66)
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            row = {"id": str(i), "task": f"Where is parcel {i}?", "response": f"{filler} It is {i}."}
            file.write(json.dumps(row) + "\n")


def ours(items: Path, url: str, ledger: Path) -> int:
    """Our path, all checks on."""
    import judgekit as jk
    from judgekit.judges.endpoint import Endpoint

    judge = Endpoint(url, "mock")
    limits = jk.Limits(concurrency=CONCURRENCY)
    scores = jk.stream_scores(items, RUBRIC, judge, ledger=ledger, limits=limits)
    return sum(score.value == 1.0 for score in scores if score.level == "rubric")


async def floor(items: Path, url: str, out: Path, at_once: int = CONCURRENCY) -> int:
    """The same requests by hand: no ledger, no checks, no retries; replies to a JSONL file."""
    import aiohttp
    import orjson

    from judgekit.judges.endpoint import Endpoint
    from judgekit.plan import Plan
    from judgekit.rubric import load_rubric
    from judgekit.types import Item

    shape = Plan(load_rubric(RUBRIC), (Endpoint(url, "mock"),)).calls(Item("0", "TASK", {"r": "TEXT"}))[0]
    system, user = (message.content for message in shape.messages)
    values = {"no": 0.0, "yes": 1.0}
    good = 0

    def rows() -> Iterator[Any]:
        with items.open("rb") as file:
            yield from map(orjson.loads, file)

    async def work(waiting: Iterator[Any], session: aiohttp.ClientSession, file: Any) -> None:
        nonlocal good
        for row in waiting:
            content = user.replace("TASK", row["task"]).replace("TEXT", row["response"])
            messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
            form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": shape.schema}}
            sent = {"model": "mock", "messages": messages, "temperature": 0.0, "response_format": form}
            async with session.post(f"{url}/chat/completions", data=orjson.dumps(sent)) as response:
                body = orjson.loads(await response.read())
            label = orjson.loads(body["choices"][0]["message"]["content"])["label"]
            good += values[label] == 1.0
            file.write(orjson.dumps({"id": row["id"], "value": values[label]}) + b"\n")

    class SmallReads(aiohttp.TCPConnector):
        async def connect(self, *args: Any, **options: Any) -> aiohttp.connector.Connection:
            connection = await super().connect(*args, **options)
            connection.transport.max_size = 1 << 16  # type: ignore[union-attr]
            return connection

    headers = {"content-type": "application/json"}
    waiting = rows()
    with out.open("wb") as file:
        async with aiohttp.ClientSession(connector=SmallReads(limit=0), headers=headers) as session:
            await asyncio.gather(*(work(waiting, session, file) for _ in range(at_once)))
    return good


def run_one(kind: str, items: Path, url: str, store: Path) -> None:
    """Run one side and print its CPU seconds; the imports are made before the clock starts."""
    if kind == "floor":
        import aiohttp  # noqa: F401 - no part of its judging

    import judgekit as jk
    from judgekit.judges.endpoint import Endpoint

    warm_up = [{"id": "0", "task": "Hi", "response": "Hello"}]
    if kind != "floor":
        jk.score(warm_up, RUBRIC, Endpoint(url, "mock"), ledger=None)
    before, began = time.process_time(), time.perf_counter()
    good = asyncio.run(floor(items, url, store)) if kind == "floor" else ours(items, url, store)
    cpu, wall = time.process_time() - before, time.perf_counter() - began
    peak = peak_mb()
    print(json.dumps({"cpu": cpu, "wall": wall, "good": good, "rss": peak}))


def started(*arguments: str) -> dict[str, float]:
    """What a run in a process of its own says."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    said: dict[str, float] = json.loads(subprocess.check_output(command))
    return said


def import_cost(statement: str) -> tuple[float, list[str]]:
    """CPU seconds of an import in a new process, and which of the heavy packages it loads."""
    code = (
        f"import sys, time; t = time.process_time(); {statement}; c = time.process_time() - t; "
        f"print(c, *[m for m in {HEAVY!r} if m in sys.modules])"
    )
    costs, loaded = [], []
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it tries the network
    for _ in range(7):
        command = [sys.executable, "-c", code]
        cost, *loaded = subprocess.check_output(command, text=True, env=environment).split()
        costs.append(float(cost))
    return median(costs), loaded


def compare(calls: int, pairs: int, latency: float) -> None:
    """Floor and ours in turns, then ours again from its ledger."""
    runs: dict[str, list[dict[str, float]]] = {"floor": [], "ours": [], "warm": []}
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.jsonl"
        write_items(items, calls)
        with serving(process=True, latency=latency, text=REPLY) as url:
            for i in range(pairs):
                ledger = Path(folder) / f"{i}.sqlite"
                for kind, store in (("floor", Path(folder) / "o"), ("ours", ledger), ("warm", ledger)):
                    runs[kind].append(started("--run", kind, str(items), url, str(store)))
    assert all(run["good"] == calls for kind in runs for run in runs[kind])
    print(f"{calls} calls of 3 KB, latency {latency * 1000:.0f} ms, {CONCURRENCY} at once, {pairs} pairs")
    print(f"{'':8}{'CPU ms/call':>12}{'x floor':>9}{'wall s':>8}{'RSS MB':>8}")
    for kind, own in runs.items():
        cost = median(run["cpu"] for run in own) / calls * 1e3
        ratio = median(a["cpu"] / b["cpu"] for a, b in zip(own, runs["floor"], strict=True))
        wall, rss = median(run["wall"] for run in own), max(run["rss"] for run in own)
        print(f"{kind:8}{cost:12.4f}{ratio:9.2f}{wall:8.2f}{rss:8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of a judgment beside a loop written by hand.")
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--run", nargs=4, metavar=("KIND", "ITEMS", "URL", "STORE"))
    given = parser.parse_args()
    if given.run:
        kind, items, url, store = given.run
        run_one(kind, Path(items), url, Path(store))
        return
    for statement in ("import judgekit", "import judgekit; judgekit.score", "import litellm"):
        cost, loaded = import_cost(statement)
        print(f"{statement:34}{cost:7.3f} s CPU; loads {', '.join(loaded) or 'none of the heavy packages'}")
    compare(given.calls, given.pairs, given.latency)


if __name__ == "__main__":
    main()
