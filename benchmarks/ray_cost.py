"""CPU of a judgment through Ray Data, all of its processes counted, beside the plain run of the same job.

A scripted judge, a ledger, scores made a table of pyarrow's; N items and twice as many, each in a process of its own.
What twice as many cost more is the price of a judgment; what is left is that of starting, which is paid once. Needs
the extra `ray`.

    python benchmarks/ray_cost.py --n 20000 --store
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from million import RUBRIC, TEXT
from stored import Found, store

WORKERS = 2
ALLOWED = 1.3  # times the CPU of a plain judgment
TICKS = os.sysconf("SC_CLK_TCK")


def rows(n: int) -> list[dict[str, str]]:
    return [
        {"id": str(i), "task": f"Where is {i}?", "response": f"{TEXT} {i}", "system": f"s{i % 3}"}
        for i in range(n)
    ]


def descendants() -> dict[int, float]:
    """The seconds of CPU of this process and of all that it started, those that they started included."""
    parents, used = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            said = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(path.parent.name)
        parents[pid], used[pid] = int(said[1]), (int(said[11]) + int(said[12])) / TICKS
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return {pid: used[pid] for pid in mine if pid in used}


def run_one(how: str, n: int, folder: Path) -> None:
    """Do the job, and print the seconds of CPU of all processes, those that have ended by their last sight."""
    import judgekit as jk
    from judgekit.table import arrow

    seen: dict[int, float] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            seen.update(descendants())

    looking = threading.Thread(target=look)
    if how == "plain":
        began = time.process_time()
        run = jk.score(
            rows(n), RUBRIC, "py:million:kind", ledger=folder / "l.sqlite", own_code=True, progress=False
        )
        assert len(arrow(run.rows("scores"), "scores")) == 2 * n
        print(time.process_time() - began)
        return
    import ray
    import ray.data

    from judgekit.drivers.ray import score_dataset

    looking.start()
    ray.init(
        num_cpus=WORKERS + 2, _node_ip_address="127.0.0.1", include_dashboard=False, log_to_driver=False,
        object_store_memory=500_000_000, logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}},
    )  # fmt: skip
    made = score_dataset(
        ray.data.from_items(rows(n)), RUBRIC, "py:million:kind", ledger_dir=folder / "ledgers",
        concurrency=WORKERS, own_code=True,
    )  # fmt: skip
    assert sum(len(each) for each in made.iter_batches(batch_format="pyarrow", batch_size=None)) == 2 * n
    seen.update(descendants())
    ended.set()
    print(sum(seen.values()))
    ray.shutdown()


def cpu(how: str, n: int) -> float:
    """Seconds of CPU of a job in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, str(Path(__file__).resolve()), "--run", how, str(n), folder]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr[-2000:]
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--store", action="store_true", help="keep the figures in benchmarks/results/")
    parser.add_argument("--run", nargs=3, metavar=("HOW", "N", "FOLDER"))
    given = parser.parse_args()
    if given.run:
        how, n, folder = given.run
        run_one(how, int(n), Path(folder))
        return
    n, found, each = given.n, [], {}
    for how in ("plain", "ray"):
        least = [min(cpu(how, size) for _ in range(given.times)) for size in (n, 2 * n)]
        each[how] = 1e3 * (least[1] - least[0]) / n
        start = 2 * least[0] - least[1]
        print(f"{how:6} {least[0]:6.2f} s CPU of {n:,}, {least[1]:6.2f} of {2 * n:,}: "
              f"{each[how]:.3f} ms a judgment, {start:.1f} s once", flush=True)  # fmt: skip
        found += [Found(how, "ms_each", each[how], 0.0, n), Found(how, "start_seconds", start, 0.0, n)]
    ratio = each["ray"] / each["plain"]
    found.append(Found("ray / plain", "ratio", ratio, 0.0, n, band=(0.0, ALLOWED)))
    print(f"ratio {ratio:.2f}, at most {ALLOWED}: {'met' if ratio <= ALLOWED else 'MISSED'}")
    if given.store:
        print(f"# stored in {store('ray_cost', found, {'workers': WORKERS, 'times': given.times})}")


if __name__ == "__main__":
    main()
