"""Several processes at one ledger, and one that is killed in the middle."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from judgekit.ledger import Ledger, key_of
from judgekit.ledger.check import verify
from judgekit.ledger.store import BATCH, FLUSH_SECONDS
from judgekit.ledger.tools import overview
from judgekit.types import Call, Message, Reply

KEYS = 2000
WHO = {"model": "m"}
WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from test_ledger_processes import write
asyncio.run(write(*sys.argv[2:]))
"""


def call_of(n: int) -> Call:
    call = Call("j", (), "grade", (Message("user", f"Is {n} kind?"),))
    return replace(call, key=key_of(WHO, call))


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def write(path: str, name: str, count: str, pause: str) -> None:
    """Keep so many replies, saying the number of each once it is kept; begins when told to."""
    calls = [call_of(n) for n in range(int(count))]
    say("ready")
    sys.stdin.readline()
    with Ledger(path) as ledger:
        for n, call in enumerate(calls):
            ledger.put(call, WHO, Reply(f"{n} from {name}"))
            say(n)
            await asyncio.sleep(float(pause))
        ledger.flush()
        mine = ledger.get([call.key for call in calls])
    say(" ".join(mine[call.key].text.split()[-1] for call in calls))


@contextmanager
def writer(path: Path, name: str, count: int, pause: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable,
        "-c",
        WRITER,
        str(Path(__file__).parent),
        str(path),
        name,
        str(count),
        str(pause),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_with_the_same_calls_keep_one_reply_each_and_read_the_same(tmp_path: Path):
    path = tmp_path / "l.sqlite"
    with writer(path, "first", 100) as early:
        begin(early)
        early.communicate(timeout=60)
    with writer(path, "a", KEYS) as one, writer(path, "b", KEYS) as other:
        for process in (one, other):
            begin(process)
        read = [process.communicate(timeout=60)[0].splitlines() for process in (one, other)]

        assert [process.returncode for process in (one, other)] == [0, 0]

    with Ledger(path, read_only=True) as ledger:
        seen = overview(ledger)
        found = ledger.get(call_of(n).key for n in range(KEYS))
        assert (seen.keys, seen.replies, verify(ledger)) == (KEYS, KEYS, [])
    stored = [found[call_of(n).key].text for n in range(KEYS)]
    assert [int(text.split()[0]) for text in stored] == list(range(KEYS))
    assert {text.split()[-1] for text in stored[:100]} == {"first"}
    assert [len(lines) for lines in read] == [KEYS + 1] * 2
    # What each read back after its last batch is what is stored: the first reply, whoever gave it.
    assert [lines[-1].split() for lines in read] == [[text.split()[-1] for text in stored]] * 2


def killed_after(process: subprocess.Popen[str], n: int) -> int:
    """Kill a writer once it has kept reply n; the number of the last that it had kept."""
    begin(process)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == n:
            break
    process.send_signal(signal.SIGKILL)
    rest = [int(line) for line in process.stdout.read().splitlines()]
    assert process.wait(10) == -signal.SIGKILL
    return max([n, *rest])


@pytest.mark.parametrize("n", [3, BATCH + 20, 3 * BATCH + 250])
def test_a_killed_process_loses_less_than_a_batch_and_leaves_a_whole_file(tmp_path: Path, n: int):
    path = tmp_path / "l.sqlite"
    with writer(path, "a", 100_000) as process:
        last = killed_after(process, n)

    with Ledger(path) as ledger:
        assert verify(ledger) == []
        stored = [
            int(text.split()[0]) for (text,) in ledger.db.execute("SELECT text FROM replies ORDER BY id")
        ]
    assert stored == list(range(len(stored)))
    assert last + 1 - len(stored) <= BATCH


def test_a_slow_process_that_is_killed_loses_half_a_second(tmp_path: Path):
    path = tmp_path / "l.sqlite"
    pause, room = 0.02, 1.0  # a slow machine may be late by as much as room
    with writer(path, "a", 100_000, pause) as process:
        last = killed_after(process, 100)

    with Ledger(path) as ledger:
        assert verify(ledger) == []
        assert last + 1 - overview(ledger).replies <= (FLUSH_SECONDS + room) / pause


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path):
    path = tmp_path / "l.sqlite"
    with Ledger(path), Ledger(path, read_only=True) as reader:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO facts VALUES ('a', '[]', x'')")
        started = time.monotonic()

        assert overview(reader).facts == {}
        assert time.monotonic() - started < 1.0
        other.rollback()
        other.close()


def test_many_processes_make_the_file_at_once(tmp_path: Path):
    path = tmp_path / "l.sqlite"
    script = """
import sys
from judgekit.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    for n in range(25):
        ledger.learn("n", [f"{n} of {sys.argv[2]}"])
"""
    command = [sys.executable, "-c", script, str(path)]
    processes = [subprocess.Popen([*command, str(n)]) for n in range(8)]

    assert [process.wait(60) for process in processes] == [0] * 8
    with Ledger(path) as ledger:
        assert ledger.facts("n") == {f"{n} of {who}" for n in range(25) for who in range(8)}
        assert verify(ledger) == []


@pytest.mark.parametrize("step", range(1, 9))
def test_a_process_killed_while_it_makes_the_file_leaves_one_that_the_next_can_use(tmp_path: Path, step: int):
    path = tmp_path / "l.sqlite"
    script = f"""
import os, signal, sqlite3, sys
import judgekit.ledger.file as file
steps = 0
def die(statement):
    global steps
    steps += 1
    if steps == {step}: os.kill(os.getpid(), signal.SIGKILL)
def connect(*a, **b):
    db = real(*a, **b)
    db.set_trace_callback(die)
    return db
real, sqlite3.connect = sqlite3.connect, connect
file.open_file(file.Path(sys.argv[1]), create=True, read_only=False)
"""
    assert (
        subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -signal.SIGKILL
    )

    with Ledger(path) as ledger:
        ledger.learn("a", ["b"])
        assert verify(ledger) == []


@pytest.mark.parametrize("killed", [0, 1])
@pytest.mark.usefixtures("serving")  # which puts the benchmarks on the path
def test_processes_that_share_a_ledger_pay_once_and_cite_what_it_holds(killed: int):
    from shared_ledger import share

    found = share(3, 150, 0.05, killed, seed=1)

    assert found["paid twice"] <= found["at most"]
    assert (found["unlike their entry"], found["kept"]) == (0, 150)
    assert found["rows"] >= 2 * 150
