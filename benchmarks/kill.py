"""A run killed at a random moment, and run again: what is paid for twice.

`judgekit score` in a process of its own, SIGKILL while it runs, then the same command to its end. At
most what was in flight when it died may be paid for twice, and the replies of the last half second,
which had not been written to the ledger yet.

    python benchmarks/kill.py --seeds 10 --items 2000
    python benchmarks/kill.py --judge local --file items.jsonl --seeds 3
"""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mock_server import serving

RUBRIC = (
    """{"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite to the customer?"}]}"""
)
REPLY = '{"evidence": [], "rationale": "It says where it is.", "label": "yes"}'
CONCURRENCY, LATENCY, FLUSH = 64, 0.1, 0.5


@dataclass(frozen=True)
class Job:
    """A command that scores a file, in a folder of its own."""

    folder: Path
    items: Path
    judge: str
    concurrency: int = CONCURRENCY
    to: Path | None = None

    @property
    def out(self) -> Path:
        """Where its files are."""
        return self.to or self.folder / "out"

    @property
    def ledger(self) -> Path:
        """Where its replies are kept."""
        return self.folder / "ledger.sqlite"

    def start(self) -> subprocess.Popen[bytes]:
        """The command, running."""
        rubric = self.folder / "rubric.json"
        rubric.write_text(RUBRIC, encoding="utf-8")
        code = "from judgekit.cli import main; main()"
        command = [
            sys.executable, "-c", code, "score", str(self.items), "--rubric", str(rubric), "--quiet",
            "--judge", self.judge, "--ledger", str(self.ledger), "--concurrency", str(self.concurrency),
            "--out", str(self.out),
        ]  # fmt: skip
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kept(self) -> int:
        """Replies in its ledger."""
        if not self.ledger.exists():
            return 0
        with closing(sqlite3.connect(self.ledger)) as db:
            made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'replies'").fetchone()
            return int(db.execute("SELECT count(*) FROM replies").fetchone()[0]) if made else 0

    def summary(self) -> dict[str, int]:
        """The `run.json` of its last run."""
        loaded: dict[str, int] = json.loads((self.out / "run.json").read_bytes())
        return loaded


def write_items(path: Path, n: int) -> None:
    """Items that are all asked differently."""
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            file.write(json.dumps({"id": str(i), "task": "Hi?", "response": f"At the depot {i}."}) + "\n")


def served(url: str) -> dict[str, int]:
    """What the mock server was asked: `requests`, and how many `distinct` ones."""
    with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
        counts: dict[str, int] = json.load(response)
    return counts


def kill_after(process: subprocess.Popen[bytes], seconds: float, sign: int = signal.SIGKILL) -> int:
    """Send a signal when so many seconds have passed, if it still runs; the exit code."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(seconds)
    process.send_signal(sign)
    return process.wait()


def wait_for_replies(job: Job, process: subprocess.Popen[bytes]) -> None:
    """Until the first replies are in the ledger."""
    while process.poll() is None and not job.kept():
        time.sleep(0.02)


def on_server(seeds: int, n: int) -> None:
    """Kill runs against the mock server, whose counts tell what was paid for twice."""
    print(f"{n} calls, {CONCURRENCY} at once, latency {LATENCY * 1e3:.0f} ms, killed by SIGKILL")
    print(f"{'seed':>4}{'served before':>15}{'kept':>7}{'asked again':>13}{'paid twice':>12}{'at most':>9}")
    rate = CONCURRENCY / LATENCY  # replies a second at most
    for seed in range(seeds):
        moment = random.Random(seed).uniform(0.0, n / rate)  # noqa: S311 - a moment, not a secret
        with in_folder(n) as (folder, items), serving(process=True, latency=LATENCY, text=REPLY) as url:
            job = Job(folder, items, f"endpoint:{url}#mock")
            process = job.start()
            while process.poll() is None and not served(url)["requests"]:
                time.sleep(0.01)
            kill_after(process, moment)
            before, kept = served(url)["requests"], job.kept()
            assert job.start().wait() == 0
            after = served(url)
            again, twice = after["requests"] - before, after["requests"] - after["distinct"]
            most = CONCURRENCY + FLUSH * rate
            print(f"{seed:4}{before:15}{kept:7}{again:13}{twice:12}{most:9.0f}")
            assert twice == before - kept <= most
            assert job.kept() == after["distinct"] == n


def on_local(seeds: int, items: Path) -> None:
    """Kill runs of the embedded judge, which answers one call at a time."""
    print(f"{items.name} on the embedded judge, killed by SIGKILL")
    print(f"{'seed':>4}{'killed after s':>16}{'kept':>7}{'asked again':>13}{'from the ledger':>17}")
    for seed in range(seeds):
        moment = random.Random(seed).uniform(0.0, 10.0)  # noqa: S311 - a moment, not a secret
        with in_folder(0) as (folder, _):
            job = Job(folder, items, "local")
            process = job.start()
            wait_for_replies(job, process)
            kill_after(process, moment)
            kept = job.kept()
            assert job.start().wait() == 0
            summary = job.summary()
            print(f"{seed:4}{moment:16.1f}{kept:7}{summary['new_calls']:13}{summary['ledger_hits']:17}")
            assert kept <= summary["ledger_hits"]


@contextmanager
def in_folder(n: int) -> Iterator[tuple[Path, Path]]:
    """A folder that is removed at the end, with a file of items in it."""
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.jsonl"
        write_items(items, n)
        yield Path(folder), items


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a run, run it again, count what is paid twice.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--judge", choices=("mock", "local"), default="mock")
    parser.add_argument("--file", type=Path, help="Items for --judge local.")
    given = parser.parse_args()
    if given.judge == "mock":
        on_server(given.seeds, given.items)
    elif given.file is None:
        parser.error("--judge local needs --file")
    else:
        on_local(given.seeds, given.file)


if __name__ == "__main__":
    main()
