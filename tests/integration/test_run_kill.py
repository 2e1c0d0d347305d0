import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
YES = '{"label": "yes"}'
N, CONCURRENCY, LATENCY = 400, 16, 0.05


@pytest.fixture
def command(tmp_path: Path):
    """The command line that scores 400 items, in a process of its own."""
    items, rubric = tmp_path / "items.jsonl", tmp_path / "rubric.json"
    rows = ({"id": str(i), "task": "Hi?", "response": f"At the depot {i}."} for i in range(N))
    items.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    rubric.write_text(json.dumps(RUBRIC), encoding="utf-8")

    def start(url):
        code = "from judgekit.cli import main; main()"
        arguments = [
            sys.executable, "-c", code, "score", items, "--rubric", rubric, "--judge", f"endpoint:{url}#mock",
            "--ledger", tmp_path / "ledger.sqlite", "--out", tmp_path / "out", "--concurrency",
            str(CONCURRENCY),
        ]  # fmt: skip
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def served(url):
    with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
        return json.load(response)


def kept(folder: Path) -> int:
    if not (folder / "ledger.sqlite").exists():
        return 0
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'replies'").fetchone()
        return db.execute("SELECT count(*) FROM replies").fetchone()[0] if made else 0


def wait_until_some_are_kept(folder: Path, process) -> None:
    while process.poll() is None and kept(folder) == 0:
        time.sleep(0.01)


def test_a_run_that_was_killed_pays_twice_for_what_was_in_flight_and_half_a_second_at_most(
    serving, command, tmp_path
):
    with serving(process=True, text=YES, latency=LATENCY) as url:
        process = command(url)
        wait_until_some_are_kept(tmp_path, process)
        process.kill()
        process.communicate()
        before, saved = served(url), kept(tmp_path)
        again = command(url)
        again.communicate()
        after = served(url)

    assert 0 < saved < N
    assert again.returncode == 0
    assert after["distinct"] == kept(tmp_path) == N
    paid_twice = after["requests"] - after["distinct"]
    assert paid_twice == before["requests"] - saved
    assert paid_twice <= CONCURRENCY + 0.5 * CONCURRENCY / LATENCY


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_keeps_every_reply_and_leaves_files_and_the_exit_code_130(
    serving, command, tmp_path, sign
):
    with serving(process=True, text=YES, latency=LATENCY) as url:
        process = command(url)
        wait_until_some_are_kept(tmp_path, process)
        process.send_signal(sign)
        _, said = process.communicate()
        before, saved = served(url), kept(tmp_path)
        again = command(url)
        again.communicate()
        after = served(url)

    assert process.returncode == 130
    assert "interrupted" in said
    assert f"what was paid for is in {tmp_path / 'ledger.sqlite'}; the same command goes on" in said
    assert json.loads((tmp_path / "out" / "run.json").read_bytes())["stopped"] is None  # of the second
    assert "Traceback" not in said
    assert saved >= before["requests"] - CONCURRENCY
    assert after["requests"] - before["requests"] == N - saved
    assert again.returncode == 0


def test_an_interrupted_run_has_written_whole_rows_and_says_that_it_was_stopped(serving, command, tmp_path):
    with serving(process=True, text=YES, latency=LATENCY) as url:
        process = command(url)
        wait_until_some_are_kept(tmp_path, process)
        process.send_signal(signal.SIGINT)
        process.communicate()

    rows = [json.loads(line) for line in (tmp_path / "out" / "scores.jsonl").open("rb")]
    summary = json.loads((tmp_path / "out" / "run.json").read_bytes())

    assert summary["stopped"] == "interrupted"
    assert [row["value"] for row in rows] == [1.0] * len(rows)
    assert len(rows) == 2 * summary["items"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_ends_at_once_with_whole_files(serving, command, tmp_path, sign):
    with serving(process=True, text=YES, latency=60.0) as url:
        process = command(url)
        while process.poll() is None and served(url)["requests"] < CONCURRENCY:
            time.sleep(0.01)
        process.send_signal(sign)
        assert any("once more ends at once" in line for line in process.stderr)
        process.send_signal(sign)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Traceback" not in said
    summary = json.loads((tmp_path / "out" / "run.json").read_bytes())
    assert (summary["stopped"], summary["items"], summary["items_in_all"]) == ("interrupted", 0, N)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_what_is_in_flight_and_keeps_it(serving, command, tmp_path, sign):
    with serving(process=True, text=YES, latency=0.3) as url:
        process = command(url)
        wait_until_some_are_kept(tmp_path, process)
        process.send_signal(sign)
        _, said = process.communicate()
        asked, saved = served(url), kept(tmp_path)

    assert process.returncode == 130
    assert "did not end in time" not in said
    assert 0 < saved == asked["requests"] < N


def test_what_does_not_end_in_time_is_said_with_how_many(serving, command):
    with serving(process=True, text=YES, latency=60.0) as url:
        process = command(url)
        while served(url)["requests"] < CONCURRENCY:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert any("once more ends at once" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()

    assert process.returncode == 130
    assert f"{CONCURRENCY} requests in flight did not end in time" in said
