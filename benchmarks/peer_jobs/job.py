"""What every job of the peers' table does: load its package, judge one item beforehand, then all by the clock.

A job is a script that hands `measured` two functions: what loads the package and makes its judge, and what
judges the items of a file and returns how many got the score 1. It runs in the environment of its package, so
this module needs nothing but Python. One item is judged before the clock starts, since some packages load
most of themselves only then; its CPU counts as part of the start.
"""

import asyncio
import inspect
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUESTION = "Is the response polite to the customer?"
MODEL = "gpt-4o-mini"  # a name that they all know and ask for an object; the server takes any


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be judged.

    Args:
        items: JSONL of `id`, `task`, `response`.
        url: Base URL of the judge's server.
        folder: What the package keeps lies here; it is the current and the home folder too.
        at_once: Requests at the same time.
        keep: Whether to go on from what a former run has left, where the package has to be asked to.
    """

    items: Path
    url: str
    folder: Path
    at_once: int
    keep: bool

    def rows(self) -> list[dict[str, str]]:
        """The items, for packages that take no file."""
        with self.items.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def peak() -> float:
    """Peak memory of this process in MB; `ru_maxrss` would count what started it as well."""
    status = Path("/proc/self/status")
    if status.exists():
        told = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(told["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(load: Callable[[], Any], judge: Callable[[Any, Job], int | Awaitable[int]]) -> None:
    """Print what the job of the command line took, as the last line of what it prints.

    A coroutine is run in one event loop for both, since some packages keep their clients.
    """
    items, first, url, folder, at_once, keep = sys.argv[1:7]
    loop = asyncio.Runner()

    def run(items: Path) -> int:
        good = judge(loaded, Job(items, url, Path(folder), int(at_once), keep == "keep"))
        return loop.run(good) if inspect.iscoroutine(good) else good

    began = time.process_time()
    loaded = load()
    imported = time.process_time() - began
    run(Path(first))
    before, at = time.process_time(), time.perf_counter()
    good = run(Path(items))
    cpu, wall = time.process_time() - before, time.perf_counter() - at
    said = {"imported": imported, "start": before - began, "cpu": cpu, "wall": wall, "good": good}
    print("\n" + json.dumps({**said, "rss": peak()}), flush=True)
