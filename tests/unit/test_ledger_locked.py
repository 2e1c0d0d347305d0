"""A ledger that another process keeps locked: nobody waits for it but the replies to be written."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from judgekit.judges.resolve import Scripted
from judgekit.ledger import Ledger
from judgekit.ledger.store import BATCH
from judgekit.ledger.tools import overview
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.types import Reply

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    with Ledger(path), closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_run_goes_on_while_the_ledger_is_locked_and_keeps_everything(walk, model, items, tmp_path: Path):
    path, turns = tmp_path / "l", []
    with locked(path) as other:

        async def answer(call, _):
            if call.item.item_id == str(2 * BATCH):  # two batches are full by now, and the lock is there
                turns.append(call.item.item_id)
                other.rollback()
            return Reply('{"label": "yes"}')

        walked = walk(items(2 * BATCH + 50), model(answer), ledger=path, concurrency=8)

    assert (turns, walked.error, walked.labels) == ([str(2 * BATCH)], None, ["yes"] * (2 * BATCH + 50))
    with Ledger(path, read_only=True) as ledger:
        assert overview(ledger).replies == 2 * BATCH + 50


def test_a_reward_does_not_wait_for_a_lock_beyond_its_deadline(tmp_path: Path):
    path = tmp_path / "l"
    kind = Scripted("kind", lambda _: '{"label": "yes"}', revision="1")
    spec = {"rubric": RUBRIC, "ledger": str(path), "deadline_seconds": 1.0}

    async def go():
        async with asyncio.timeout(20):  # a lock that is waited for is waited for by half a minute
            return await Rewarder(spec, kind)([Group("1", "Where is my parcel?", {"a": "At the depot."})])

    with (
        locked(path),
        pytest.warns(UserWarning, match="1 reply could not be written .*locked.* end what locks"),
    ):
        batch = asyncio.run(go())

    assert batch["1", "a"].value == 1.0


def test_what_a_server_refuses_is_learnt_without_waiting(tmp_path: Path):
    path = tmp_path / "l"

    async def go():
        with Ledger(path) as ledger:
            with locked(path):
                ledger.learn("refused m", ["seed"])
                assert ledger.facts("refused m") == {"seed"}
            await ledger.settle()
            with Ledger(path, read_only=True) as other:
                return other.facts("refused m")

    assert asyncio.run(go()) == {"seed"}
