"""Several processes at one ledger: what is paid for twice, and whether every row is what the ledger holds.

`judgekit score` of the same items in N processes at once, each with its own `--out`, at a mock server
whose replies are all different. With `--killed` so many of them are killed by SIGKILL in between, and one more
runs at the end. Paid twice may be only what a killed process had in flight, or had not written yet.

    python benchmarks/shared_ledger.py --processes 8 --items 1500
    python benchmarks/shared_ledger.py --processes 8 --items 2000 --killed 3
"""

import argparse
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from kill import FLUSH, Job, in_folder, served
from mock_server import serving

REPLY = '{"evidence": [], "rationale": "Reply {number}.", "label": "yes"}'


def jobs_in(folder: Path, items: Path, url: str, processes: int) -> list[Job]:
    """One command for each process, with one ledger, each with an output of its own."""
    first = Job(folder, items, f"endpoint:{url}#mock")
    return [replace(first, to=folder / f"out-{n}") for n in range(processes)]


def unlike(ledger: Path, outs: list[Path]) -> tuple[int, int]:
    """Rows of outcomes; and those that are not the ledger's entry that they cite."""
    with closing(sqlite3.connect(ledger)) as db:
        replies = dict(db.execute("SELECT key, text FROM replies ORDER BY edition"))
    rows = [row for out in outs for row in _rows(out / "outcomes.jsonl")]
    return len(rows), sum(orjson.loads(replies[row["call"]])["rationale"] != row["rationale"] for row in rows)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        yield from map(orjson.loads, lines)


def share(processes: int, items: int, latency: float, killed: int, seed: int) -> dict[str, float]:
    """Run it; the counts."""
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    with in_folder(items) as (folder, file), serving(process=True, latency=latency, text=REPLY) as url:
        jobs = jobs_in(folder, file, url, processes)
        began = time.perf_counter()
        running = [job.start() for job in jobs]
        while killed and not served(url)["requests"]:
            time.sleep(0.01)
        lost = 0.0
        for process in running[:killed]:
            time.sleep(draw.uniform(0.0, 2 * items * latency / jobs[0].concurrency / processes))
            lost += process.poll() is None
            process.kill()
        codes = [process.wait() for process in running]
        done = [job for job, code in zip(jobs, codes, strict=True) if code == 0]
        if killed:
            done.append(replace(jobs[0], to=folder / "last"))
            assert done[-1].start().wait() == 0
        seconds = time.perf_counter() - began
        counts = served(url)
        rows, wrong = unlike(jobs[0].ledger, [job.out for job in done])
        rate = jobs[0].concurrency / latency
        return {
            "processes": processes, "items": items, "killed": lost, "requests": counts["requests"],
            "paid twice": counts["requests"] - counts["distinct"],
            "at most": lost * (jobs[0].concurrency + FLUSH * rate), "kept": jobs[0].kept(), "rows": rows,
            "unlike their entry": wrong, "seconds": round(seconds, 1),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Processes that share a ledger: what is paid for twice.")
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--killed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    for n in given.processes:
        for seed in range(given.seeds):
            found = share(n, given.items, given.latency, given.killed, seed)
            print(", ".join(f"{name}: {count:g}" for name, count in found.items()), flush=True)
            assert found["paid twice"] <= found["at most"]
            assert found["unlike their entry"] == 0
            assert found["kept"] == found["items"]


if __name__ == "__main__":
    main()
