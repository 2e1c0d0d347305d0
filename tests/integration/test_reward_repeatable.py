"""The same rewards each time; nothing is left behind by a cancelled batch, in another loop or process."""

import asyncio
import gc
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_failures as bench

from judgekit.judges.endpoint import Endpoint
from judgekit.rewards.core.records import Batch, Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.watching.watch import Watch

ALONE = [
    {"rubric": bench.RUBRIC, "grid": None},
    {"rubric": bench.RUBRIC, "scheme": "implicit"},
    {"rubric": {"id": "p", "criteria": [{"id": "good", "text": "Good?", "points": 3}]}, "scheme": "points"},
]
RELATIVE = [
    {"rubric": bench.RUBRIC, "scheme": "pairwise", "seed": 7},
    {"rubric": bench.RUBRIC, "scheme": "swiss", "orders": "random", "seed": 7},
    {"rubric": bench.RUBRIC, "scheme": "pivot", "orders": "random", "pivots": 2, "seed": 7},
]
RUN = """
import asyncio, json, sys
from judgekit.judges.endpoint import Endpoint
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder

url, spec, rows = json.loads(sys.stdin.read())
groups = [Group(key, task, responses) for key, task, responses in rows]
batch = asyncio.run(Rewarder(spec, Endpoint(url, "mock"))(groups))
print(json.dumps(sorted([r.group, r.response, r.value, r.status, dict(r.components)] for r in batch)))
"""


def asked_for(body):
    """A reply that depends on every byte of the request: a mark, or a winner."""
    text = json.dumps(body["messages"])
    draw = sum(text.encode()) % 10
    options = json.dumps(body["response_format"])
    if '"A"' in options:
        return json.dumps({"evidence": [], "rationale": "", "label": "A" if draw < 5 else "B"})
    if '"yes"' in options:
        return json.dumps({"evidence": [], "rationale": "", "label": "yes" if draw < 5 else "no"})
    return json.dumps({"evidence": [], "rationale": "", "label": str(1 + draw)})


def groups(n: int = 6, size: int = 6) -> list[Group]:
    return [
        Group(f"g{i}", f"Task {i}?", {f"r{j}": f"Answer {i} {j * j}" for j in range(size)}) for i in range(n)
    ]


def by_key(batch: Batch) -> dict:
    return {key: (r.value, r.status, r.components) for key, r in batch.rewards.items()}


def in_a_process_of_its_own(url, spec, some, hash_seed):
    rows = [[g.key, g.task, dict(g.responses)] for g in some]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps([url, spec, rows]),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    return done.stdout


@pytest.mark.parametrize("spec", [ALONE[0], *RELATIVE], ids=lambda spec: spec.get("scheme", "explicit"))
def test_two_runs_give_the_same_bytes_whatever_the_order_they_are_handed_over_in(serving, spec):
    some = groups()
    turned = [Group(g.key, g.task, dict(reversed(g.responses.items()))) for g in reversed(some)]

    with serving(text=asked_for) as url:
        first = in_a_process_of_its_own(url, spec, some, "1")
        second = in_a_process_of_its_own(url, spec, turned, "2")

    assert first == second
    assert len({value for _, _, value, _, _ in json.loads(first)}) > 3


@pytest.mark.parametrize("spec", ALONE, ids=lambda spec: spec.get("scheme", "explicit"))
def test_a_response_more_changes_no_reward_of_the_others_where_each_is_judged_alone(serving, spec):
    few = groups(size=4)
    more = [Group(g.key, g.task, {"new": "Quite another answer", **g.responses}) for g in few]

    with serving(text=asked_for) as url:
        before = by_key(Rewarder(spec, Endpoint(url, "mock")).reward(few))
        after = by_key(Rewarder(spec, Endpoint(url, "mock")).reward(more))

    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + len(few)


@pytest.mark.parametrize("kept_open", [False, True])
def test_a_cancelled_batch_leaves_nothing_behind_and_the_next_one_works(serving, kept_open):
    some = groups()

    async def cancelled_and_asked_again(url: str) -> tuple[int, Batch]:
        slow = Endpoint(url, "mock")
        rewarder = Rewarder({"rubric": bench.RUBRIC, "grid": None, "concurrency": 4}, slow)
        if kept_open:
            await rewarder.__aenter__()
        task = asyncio.create_task(rewarder(some))
        await asyncio.sleep(0.1)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        pending = len(asyncio.all_tasks())
        batch = await rewarder(some)
        if kept_open:
            await rewarder.__aexit__(None, None, None)
        return pending, batch

    threads = threading.active_count()
    with serving(text=asked_for, latency=0.05) as url:
        pending, batch = asyncio.run(cancelled_and_asked_again(url))
        gc.collect()  # an open connection would complain here, and complaints are errors

    assert pending == 1
    assert batch.stats["n_ok"] == len(batch) == 36
    assert threading.active_count() == threads


def test_a_rewarder_left_open_in_a_loop_that_is_over_works_in_the_next(serving):
    async def left_open(rewarder: Rewarder) -> Batch:
        await rewarder.__aenter__()
        return await rewarder(groups())

    async def in_another(rewarder: Rewarder) -> Batch:
        return await rewarder(groups())

    with serving(text=asked_for) as url:
        rewarder = Rewarder({"rubric": bench.RUBRIC}, Endpoint(url, "mock"))
        first = asyncio.run(left_open(rewarder))
        second = asyncio.run(in_another(rewarder))

    assert by_key(first) == by_key(second)


def test_two_loops_at_once_do_not_get_in_each_others_way(serving):
    async def both(rewarder: Rewarder) -> tuple[Batch, Batch]:
        async with rewarder:
            here = asyncio.create_task(rewarder(groups()))
            there = await asyncio.to_thread(rewarder.reward, groups())
            return await here, there

    with serving(text=asked_for, latency=0.02) as url:
        here, there = asyncio.run(both(Rewarder({"rubric": bench.RUBRIC}, Endpoint(url, "mock"))))

    assert by_key(here) == by_key(there)


def test_a_pickle_of_a_judge_in_use_holds_its_options_and_no_key(monkeypatch):
    monkeypatch.setenv("JUDGEKIT_API_KEY", "sk-of-mine")

    async def pickled() -> bytes:
        async with Endpoint("http://127.0.0.1:9/v1", "mock", seed=7) as judge:
            return pickle.dumps(judge)

    raw = asyncio.run(pickled())

    assert b"sk-of-mine" not in raw
    assert pickle.loads(raw).identity["seed"] == 7  # noqa: S301 - our own


def _in_a_child(rewarder, some, back):
    back.put(by_key(rewarder.reward(some)))


@pytest.mark.parametrize("watched", [False, True])
def test_a_rewarder_can_be_sent_to_a_spawned_process(serving, watched):
    spawn = multiprocessing.get_context("spawn")
    with serving(text=asked_for) as url:
        rewarder = Rewarder(RELATIVE[0], Endpoint(url, "mock"))
        here = by_key(rewarder.reward(groups()))
        sent = Watch(rewarder, probe_every=None) if watched else rewarder
        back = spawn.Queue()
        child = spawn.Process(target=_in_a_child, args=(sent, groups(), back))
        child.start()
        there = back.get(timeout=60)
        child.join(60)

    assert child.exitcode == 0
    assert there == here


def test_ctrl_c_ends_a_blocking_batch_and_what_was_paid_for_is_kept(serving, tmp_path):
    ledger = tmp_path / "l.sqlite"
    code = RUN.replace(
        'asyncio.run(Rewarder(spec, Endpoint(url, "mock"))(groups))',
        'print("at work", flush=True) or Rewarder(spec, Endpoint(url, "mock")).reward(groups)',
    )
    spec = {"rubric": bench.RUBRIC, "ledger": str(ledger), "concurrency": 4}
    rows = [[g.key, g.task, dict(g.responses)] for g in groups(n=60)]
    with serving(text=asked_for, latency=0.1) as url:
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        child.stdin.write(json.dumps([url, spec, rows]))
        child.stdin.close()
        assert child.stdout.readline() == "at work\n"
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        code = child.wait(20)
        said = child.stderr.read()
        again = Rewarder(spec, Endpoint(url, "mock")).reward(groups(n=2))

    assert code != 0
    assert "KeyboardInterrupt" in said
    assert "never retrieved" not in said
    assert again.stats["ledger_hits"] > 0
