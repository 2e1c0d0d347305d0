"""A run that is interrupted, or left early: what was sent is waited for and kept, nothing more is sent."""

import asyncio
import subprocess
import sys
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from judgekit.judges.resolve import Scripted
from judgekit.ledger import Ledger
from judgekit.ledger.tools import overview
from judgekit.plan import Plan
from judgekit.recipes import Grading
from judgekit.rubric import load_rubric
from judgekit.run import Limits, Tally, drive
from judgekit.types import Reply
from judgekit.verbs import stream_scores

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
YES = '{"label": "yes"}'


def kept(path: Path) -> int:
    with Ledger(path, read_only=True) as ledger:
        return overview(ledger).replies


def interrupted(path: Path, model, items, *, answers: bool) -> tuple[int, Tally]:
    """A run of 20 items, 4 at once, cancelled when 4 are in flight; how many were asked."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_, n):
        if n == 4:
            begun.set()
        await go_on.wait()
        return Reply(YES)

    judge, tally = model(answer), Tally()

    async def run():
        with Ledger(path) as ledger:
            recipe = Grading(Plan(load_rubric(TONE), (judge,)))
            stream = drive(items(20), recipe, {"model": judge}, ledger=ledger, limits=Limits(4), tally=tally)
            async with aclosing(stream):
                async for _ in stream:
                    pass

    async def go():
        running = asyncio.create_task(run())
        await begun.wait()
        running.cancel()
        if answers:
            asyncio.get_running_loop().call_later(0.1, go_on.set)
        else:
            await asyncio.sleep(0.1)
            running.cancel()  # the second time ends at once
        with pytest.raises(asyncio.CancelledError):
            await running
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(asyncio.wait_for(go(), 20)) <= 1  # wait_for's own
    return len(judge.seen), tally


def test_what_was_sent_is_waited_for_and_kept(model, items, tmp_path: Path):
    asked, tally = interrupted(tmp_path / "l", model, items, answers=True)

    assert (asked, kept(tmp_path / "l"), tally.lost) == (4, 4, 0)


def test_a_second_interrupt_ends_at_once_and_what_is_lost_is_counted(model, items, tmp_path: Path):
    asked, tally = interrupted(tmp_path / "l", model, items, answers=False)

    assert (asked, kept(tmp_path / "l"), tally.lost) == (4, 0, 4)
    assert tally.summary()["lost_requests"] == 4


def test_a_stream_that_is_left_early_keeps_what_was_sent(tmp_path: Path):
    asked, later = [], threading.Event()

    async def answer(call):
        asked.append(call)
        if call.item.item_id != "0":
            await asyncio.to_thread(later.wait, 10)
        return YES

    rows = [{"id": str(n), "task": "Hi", "response": f"Hello {n}"} for n in range(20)]
    judge = Scripted("kind", answer, revision="1")
    stream = stream_scores(rows, TONE, judge, ledger=tmp_path / "l", limits=Limits(4))
    next(stream)
    threading.Timer(0.2, later.set).start()
    stream.close()

    assert 2 <= len(asked) <= 5
    assert kept(tmp_path / "l") == len(asked)


def test_a_stream_that_a_forked_child_goes_on_with_says_so(tmp_path: Path):
    script = tmp_path / "forks.py"
    script.write_text(
        f"""
import os, sys
import judgekit as jk
from judgekit.judges.resolve import Scripted
rows = [{{"id": str(n), "task": "Hi", "response": f"Hello {{n}}"}} for n in range(2000)]
stream = jk.stream_scores(rows, {TONE}, Scripted("kind", lambda _: '{YES}'), ledger=None)
next(stream)
child = os.fork()
if not child:
    try:
        next(stream)
    except jk.InputError as error:
        print(error, flush=True)
        sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1 + sum(1 for _ in stream))
""",
        encoding="utf-8",
    )

    said = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)

    told, counts = said.stdout.splitlines()
    assert told.startswith("this stream of scores was begun in another process")
    assert counts == "7 4000"
