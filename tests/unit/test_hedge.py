"""A second request for one that hangs: the first answer counts, and no failure that another could mend."""

import asyncio

import pytest

import judgekit as jk
from judgekit.errors import ProviderError
from judgekit.run.hedge import Pulse, hedged
from judgekit.types import Reply

KIND = {"id": "kind", "criteria": [{"id": "kind", "text": "Is the response kind?"}]}


def request(*, seconds=0.0, text="", ended=None):
    async def made():
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if ended is not None:
                ended.append("cancelled")
            raise
        if not text:
            raise ProviderError("gone", passing=True)
        return Reply(text)

    return made


def asked(first, second, patience=0.01):
    return asyncio.run(hedged(first, second, patience))


def test_the_first_answer_counts_and_the_other_request_is_ended():
    ended = []

    assert asked(request(seconds=60, text="a", ended=ended), request(text="b")).text == "b"
    assert ended == ["cancelled"]
    assert asked(request(seconds=0.05, text="a"), request(seconds=60, text="b", ended=ended)).text == "a"
    assert ended == ["cancelled"] * 2


def test_a_failure_counts_only_where_nothing_else_is_on_its_way():
    assert asked(request(seconds=0.05, text="a"), request()).text == "a"
    assert asked(request(seconds=0.05), request(seconds=0.1, text="b")).text == "b"
    with pytest.raises(ProviderError, match="gone"):
        asked(request(seconds=0.05), request())


def test_what_fails_at_once_is_not_asked_twice():
    with pytest.raises(ProviderError, match="gone"):
        asked(request(), request(text="never"), patience=5.0)


def test_patience_is_known_after_twenty_answers():
    pulse = Pulse()
    for n in range(19):
        pulse.took(1.0 if n < 17 else 2.0)
    assert pulse.patience is None
    pulse.took(2.0)
    assert pulse.patience == 6.0


def test_a_server_that_is_slow_all_over_is_not_asked_everything_twice():
    pulse = Pulse()
    for _ in range(80):
        pulse.took(1.0)
    assert sum(pulse.take() for _ in range(80)) == 11
    assert (
        asyncio.run(hedged(request(seconds=0.1, text="a"), request(text="b"), 0.01, take=lambda: False)).text
        == "a"
    )


class Hangs:
    """Answers at once, but never the first request about what is told to hang."""

    name, identity, max_tokens = "hangs", {}, 10

    def __init__(self, times=1):
        self.requests, self.left = 0, times

    def cost(self, *_):
        return 0.01

    async def __call__(self, call):
        self.requests += 1
        if "HANG" in str(call.item.responses) and self.left:
            self.left -= 1
            await asyncio.Event().wait()
        return Reply("yes", cost_usd=0.01)


@pytest.mark.parametrize(
    ("options", "times", "value", "requests"),
    [
        ({}, 1, 1.0, 62), ({"hedge": False}, 1, None, 61), ({"budget_usd": 5.0}, 1, None, 61),
        ({}, 9, None, 62),  # what hangs twice is asked no third time
    ],
)  # fmt: skip
def test_one_that_hangs_does_not_hold_up_a_batch(options, times, value, requests):
    judge = Hangs(times)
    spec = {"rubric": KIND, "deadline_seconds": 2.0, "max_failed": 1.0, "concurrency": 8, **options}
    texts = {str(n): f"Hello {n}" for n in range(60)} | {"hang": "HANG"}
    batch = jk.Rewarder(spec, judge).reward([jk.rewards.Group("1", "Hi", texts)])

    assert batch["1", "hang"].value == value
    assert batch.stats["late"] == (value is None)
    assert judge.requests == requests


class Slow:
    """Answers after a moment; counts the requests."""

    name, identity = "slow", {}

    def __init__(self):
        self.requests = 0

    async def __call__(self, _):
        self.requests += 1
        await asyncio.sleep(0.05)
        return Reply("yes")


def test_waiting_for_a_place_is_no_request_that_hangs():
    judge = Slow()
    rewarder = jk.Rewarder({"rubric": KIND, "concurrency": 2}, judge)

    async def both():
        async with rewarder:
            for n in range(2):  # the second batch knows how long requests take, and waits ten times as long
                texts = {str(k): f"Hello {n} {k}" for k in range(30)}
                assert all(r.value == 1.0 for r in await rewarder([jk.rewards.Group(str(n), "Hi", texts)]))

    asyncio.run(both())
    assert judge.requests == 60
