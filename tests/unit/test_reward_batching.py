"""Groups of many requests in one batch: what goes wrong with one of them goes wrong with no other."""

import asyncio

from judgekit.errors import InputError, ProviderError
from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import load_spec
from judgekit.rewards.serving.server import Batcher

MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}
SPEC = {"rubric": MARKS}


class Rewarding:
    """Rewards with 1.0, and refuses groups called bad."""

    def __init__(self):
        self.spec = load_spec(SPEC)
        self.batches = []

    async def __call__(self, groups):
        some = list(groups)
        self.batches.append([group.key for group in some])
        if any(group.key == "bad" for group in some):
            raise InputError("group 'bad' cannot be asked about")
        if any(group.key == "ours" for group in some):
            raise RuntimeError("a fault of ours")
        rewards = [Reward(group.key, name, 1.0) for group in some for name in group.responses]
        return Batch({(r.group, r.response): r for r in rewards}, {})


def group(key, n=1):
    return Group(key, "Hi?", {f"r{i}": f"{key} {i}" for i in range(n)})


def batched(*groups):
    """What each group got, and the batches."""

    async def walk():
        rewarding, seen = Rewarding(), []
        batcher = Batcher(rewarding, tick=0.01, seen=lambda batch, outage: seen.append((len(batch), outage)))
        jobs = [batcher(each) for each in groups]
        got = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 5)
        return got, rewarding.batches, seen

    return asyncio.run(walk())


def test_what_comes_within_a_tick_is_one_batch():
    got, batches, seen = batched(group("a"), group("b", 2))

    assert batches == [["a", "b"]]
    assert seen == [(3, None)]
    assert [list(each) for each in got] == [["r0"], ["r0", "r1"]]


def test_two_groups_with_one_key_are_in_two_batches():
    _, batches, _ = batched(group("a"), group("a"), group("b"))

    assert batches == [["a", "b"], ["a"]]


def test_a_batch_has_a_size():
    _, batches, _ = batched(*(group(str(i), 400) for i in range(7)))

    assert [len(batch) for batch in batches] == [3, 3, 1]


def test_a_group_that_cannot_be_asked_about_is_tried_apart():
    got, batches, _ = batched(group("a"), group("bad"), group("b"))

    assert isinstance(got[1], InputError)
    assert [list(got[i]) for i in (0, 2)] == [["r0"], ["r0"]]
    assert batches == [["a", "bad", "b"], ["a"], ["bad"], ["b"]]


def test_a_fault_of_ours_is_raised_and_not_tried_again():
    got, batches, _ = batched(group("a"), group("ours"))

    assert [type(each) for each in got] == [RuntimeError, RuntimeError]
    assert len(batches) == 1


class Closing:
    """A judge that is down, takes its time to close, and counts how often it was opened and closed."""

    name = "down"
    identity: dict[str, str] = {}  # noqa: RUF012 - as a judge has it
    max_tokens = 0
    opened = closed = 0

    async def __aenter__(self):
        self.opened += 1
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(0.02)
        self.closed += 1

    async def __call__(self, call):
        await asyncio.sleep(0.1 if "7 0" in str(call.judged) else 0.001)
        raise ProviderError("down", passing=True)

    def cost(self, *_):
        return 0.0


def test_batches_that_overlap_in_an_outage_open_one_desk_and_leave_none_open():
    judge = Closing()

    async def walk():
        seen = []
        async with Rewarder(SPEC | {"tries": 1, "concurrency": 2}, judge) as rewarder:
            batcher = Batcher(rewarder, tick=0.0, seen=lambda _, outage: seen.append(outage))
            jobs = []
            for n in range(60):
                jobs.append(asyncio.create_task(batcher(group(f"{n}", 3))))
                await asyncio.sleep(0.003)
            return seen, await asyncio.wait_for(asyncio.gather(*jobs), 20)

    seen, got = asyncio.run(walk())

    assert any(seen)
    assert all(reward.status == "failed" for rewards in got for reward in rewards.values())
    assert judge.opened == judge.closed > 1
