"""Who asks a key: one of all that share a ledger, until the reply is in it."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judgekit.errors import InputError, ProviderError
from judgekit.ledger import Ledger, key_of
from judgekit.ledger.tools import rows
from judgekit.plan import Plan
from judgekit.recipes import Grading
from judgekit.rubric import load_rubric
from judgekit.run import Limits, Tally, drive
from judgekit.types import Call, Message, Reply

WHO = {"model": "m"}
RUBRIC = load_rubric({"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]})
HOLDER = """
import sys
from judgekit.ledger import Ledger
ledger = Ledger(sys.argv[1])
print(*(ledger.claim(key) for key in sys.argv[2:]), flush=True)
sys.stdin.read()
"""


def call_of(n: int = 0) -> Call:
    call = Call("j", (), "grade", (Message("user", f"Is {n} kind?"),))
    return replace(call, key=key_of(WHO, call))


KEYS = [call_of(n).key for n in range(3)]


def holder(path: Path, *keys: str) -> subprocess.Popen[str]:
    """A process that claims keys, without an event loop, and waits."""
    command = [sys.executable, "-c", HOLDER, str(path), *keys]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["True"] * len(keys)
    return process


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_key_is_claimed_by_one_ledger_of_a_process_and_then_by_another(tmp_path: Path):
    with Ledger(tmp_path / "l") as one, Ledger(tmp_path / "l") as other:
        assert (one.claim(KEYS[0]), other.claim(KEYS[0]), other.claim(KEYS[1])) == (True, False, True)
        assert (one.is_claimed(KEYS[1]), one.is_claimed(KEYS[2])) == (True, False)
        other.release(KEYS[0])  # not its own
        assert not other.claim(KEYS[0])
        one.release(KEYS[0])
        assert other.claim(KEYS[0])
        assert not one.claim(KEYS[0])
    assert files(tmp_path) == {"l"}


def test_a_key_that_another_process_asks_is_free_as_soon_as_that_is_killed(tmp_path: Path):
    path = tmp_path / "l"
    process = holder(path, *KEYS[:2])
    with Ledger(path) as ledger:
        assert [ledger.claim(key) for key in KEYS] == [False, False, True]
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert [ledger.claim(key) for key in KEYS[:2]] == [True, True]
    assert files(tmp_path) == {"l"}


def test_the_last_to_leave_removes_the_file_of_claims(tmp_path: Path):
    path = tmp_path / "l"
    process = holder(path, KEYS[0])
    with Ledger(path) as ledger:
        assert ledger.claim(KEYS[1])
    assert files(tmp_path) >= {"l", "l-claims"}
    with Ledger(path) as ledger:
        assert not ledger.claim(KEYS[0])
    process.communicate("")
    assert files(tmp_path) >= {"l"}
    with Ledger(path) as ledger:
        assert ledger.claim(KEYS[0])
    assert files(tmp_path) == {"l"}


def test_a_claim_is_held_until_the_reply_is_in_the_file(tmp_path: Path):
    async def go() -> list[bool]:
        with Ledger(tmp_path / "l") as one, Ledger(tmp_path / "l") as other:
            assert one.claim(KEYS[0])
            one.put(call_of(0), WHO, Reply("a"))
            one.release(KEYS[0])
            before = other.is_claimed(KEYS[0])
            one.flush()
            return [before, other.is_claimed(KEYS[0]), KEYS[0] in other.get(KEYS)]

    assert asyncio.run(go()) == [True, False, True]


def test_a_forked_child_is_told_to_open_the_ledger_itself(tmp_path: Path):
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.claim(KEYS[0])
        child = os.fork()
        if not child:
            told = 0
            try:
                for look in (ledger.get, lambda keys: ledger.claim(keys[1])):
                    try:
                        look(KEYS)
                    except InputError as error:
                        told += "opened in another process" in str(error)
                with Ledger(tmp_path / "l") as own:
                    told += not own.claim(KEYS[0])
            finally:
                os._exit(told)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        with Ledger(tmp_path / "l") as other:
            assert not other.claim(KEYS[0])


async def driven(path: Path, judge: Any, items: Any, tally: Tally, **grading: Any) -> list[Any]:
    with Ledger(path) as ledger:
        recipe = Grading(Plan(RUBRIC, (judge,)), **grading)
        stream = drive(items, recipe, {judge.name: judge}, ledger=ledger, limits=Limits(4), tally=tally)
        return [outcome async for judged in stream for outcome in judged.outcomes]


def test_two_runs_at_once_pay_for_each_call_once_and_say_the_same(model, items, tmp_path: Path):
    async def answer(_, n):
        await asyncio.sleep(0.01)
        return Reply(f'{{"rationale": "reply {n}", "label": "yes"}}', cost_usd=0.25)

    judge, tallies = model(answer), [Tally(), Tally()]

    async def go():
        return await asyncio.gather(*(driven(tmp_path / "l", judge, items(60), tally) for tally in tallies))

    one, other = asyncio.run(asyncio.wait_for(go(), 60))

    assert len(judge.seen) == 60
    assert [outcome.rationale for outcome in one] == [outcome.rationale for outcome in other]
    assert sum(tally.new_calls for tally in tallies) == sum(tally.ledger_hits for tally in tallies) == 60
    assert sum(tally.cost_usd for tally in tallies) == pytest.approx(15.0)
    assert min(tally.new_calls for tally in tallies) > 0  # they share the work
    assert files(tmp_path) == {"l"}


def test_two_runs_that_ask_anew_at_once_make_one_new_edition(model, items, tmp_path: Path):
    async def odd(*_):
        return Reply("no answer")

    async def answer(_, n):
        await asyncio.sleep(0.05)
        return Reply(f'{{"rationale": "reply {n}", "label": "yes"}}')

    async def go():
        await driven(tmp_path / "l", model(odd), items(5), Tally(), reask=False)
        judge = model(answer)
        both = await asyncio.gather(
            *(
                driven(tmp_path / "l", judge, items(5), Tally(), reask=False, again=("malformed",))
                for _ in range(2)
            )
        )
        return judge, *both

    judge, one, other = asyncio.run(asyncio.wait_for(go(), 60))

    assert len(judge.seen) == 5
    assert [outcome.rationale for outcome in one] == [outcome.rationale for outcome in other]
    with Ledger(tmp_path / "l", read_only=True) as ledger:
        assert sorted(entry.edition for entry in rows(ledger)) == [0] * 5 + [1] * 5


def test_a_call_that_another_asks_in_vain_is_asked_by_the_one_that_waits(model, items, tmp_path: Path):
    """The first run gets no reply, which is not kept; the other then asks itself."""

    async def fails(*_):
        await asyncio.sleep(0.1)
        raise ProviderError("no", passing=True)

    bad, good = model(fails), model()

    async def first():
        with Ledger(tmp_path / "l") as ledger:
            recipe = Grading(Plan(RUBRIC, (bad,)))
            stream = drive(items(3), recipe, {"model": bad}, ledger=ledger, limits=Limits(tries=1))
            return [outcome async for judged in stream for outcome in judged.outcomes]

    async def go():
        async with asyncio.TaskGroup() as group:
            failing = group.create_task(first())
            await asyncio.sleep(0.02)
            working = group.create_task(driven(tmp_path / "l", good, items(3), Tally()))
        return failing.result(), working.result()

    failed, worked = asyncio.run(asyncio.wait_for(go(), 60))

    assert {outcome.reason for outcome in failed} == {"unreachable"}
    assert {outcome.label for outcome in worked} == {"yes"}
    assert len(good.seen) == 3


def test_who_waits_for_another_process_too_long_abstains(walk, model, items, monkeypatch, tmp_path: Path):
    monkeypatch.setattr("judgekit.run.limits.LONGEST_WAIT", 0.01)
    judge = model()
    with Ledger(tmp_path / "l") as other:
        call = Plan(RUBRIC, (judge,)).calls(items(1)[0])[0]
        assert other.claim(call.key)
        walked = walk(items(1), judge, ledger=tmp_path / "l", tries=1, attempt_seconds=0.3)

    assert walked.reasons == ["unreachable"]
    assert "another process has been asking this" in walked.outcomes[0].detail
    assert (judge.seen, walked.left) == ([], 0)
