import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from judgekit.errors import InputError, JudgeOutage
from judgekit.judges.resolve import Scripted
from judgekit.ledger import Ledger
from judgekit.plan import Plan
from judgekit.recipes import Grading
from judgekit.rubric import load_rubric
from judgekit.run import Tally, drive
from judgekit.run.limits import Limits
from judgekit.types import Abstention, Item, Judged, Reply, Round, Unit

RUBRIC = load_rubric({"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]})


def test_results_come_in_the_order_of_the_items_whichever_is_done_first(walk, model, items, yes):
    async def later_is_faster(_, n):
        await asyncio.sleep(0.02 if n < 5 else 0)
        return yes

    walked = walk(items(30), model(later_is_faster), concurrency=30)

    assert [judged.item.item_id for judged in walked.results] == [str(i) for i in range(30)]


def test_the_number_of_items_alive_is_bounded(items, model):
    judge, tally = model(), Tally()
    begun = most = 0

    def counted() -> Iterator[Item]:
        nonlocal begun, most
        for item in items(500):
            begun += 1
            most = max(most, begun - tally.items)
            yield item

    async def go():
        recipe = Grading(Plan(RUBRIC, (judge,)))
        stream = drive(counted(), recipe, {"model": judge}, limits=Limits(concurrency=2), tally=tally)
        return [judged async for judged in stream]

    asyncio.run(go())

    assert begun == 500
    assert most <= 2 * 16 + 1  # one more is read than is alive


def test_few_items_wait_for_a_judge_that_takes_its_time(walk, model, items, yes):
    begun, seen = 0, []

    def counted() -> Iterator[Item]:
        nonlocal begun
        for item in items(500):
            begun += 1
            yield item

    async def slowly(_, n):
        seen.append(begun - n)
        await asyncio.sleep(0.001)
        return yes

    walked = walk(counted(), model(slowly), concurrency=4)

    assert walked.labels == ["yes"] * 500
    assert max(seen) <= 4 + 4 + 16  # asked, waiting, and begun in one turn; a window holds 64


def test_a_slow_first_item_does_not_hold_up_those_behind_it(walk, model, items, yes):
    others = asyncio.Event()
    answered = 0

    async def first_waits_for_all(call, _):
        nonlocal answered
        if call.asks[0].unit.item_id == "0":
            async with asyncio.timeout(20):
                await others.wait()
            return yes
        await asyncio.sleep(0)
        answered += 1
        if answered == 49:  # more than are begun in a turn
            others.set()
        return yes

    walked = walk(items(50), model(first_waits_for_all), concurrency=4)

    assert walked.labels == ["yes"] * 50


def test_a_bad_item_in_mid_stream_is_raised_after_what_was_begun(walk, model, items):
    def broken() -> Iterator[Item]:
        yield from items(5)
        raise InputError("items: row 6 is empty")

    walked = walk(broken(), model())

    assert walked.labels == ["yes"] * 5
    assert str(walked.error) == "items: row 6 is empty"


def test_an_item_found_bad_on_its_walk_stops_the_run_as_well(walk, model, items):
    bad = Item("bad", "Hi", {"response": "half a pair: \ud800"})

    walked = walk([*items(3), bad, *items(3)], model())

    assert len(walked.results) >= 3
    assert "lone surrogate" in str(walked.error)


def test_of_several_items_found_bad_the_first_is_named(walk, model, items):
    def refuses(item):
        yield Round(())
        raise InputError(f"item {item.item_id} is bad")

    walked = walk(items(3), model(), recipe=refuses)

    assert str(walked.error) == "item 0 is bad"


def test_a_run_that_is_over_leaves_no_timer_of_its_deadline(items, model):
    class Loop(asyncio.SelectorEventLoop):
        """A loop that notes what is to happen in an hour."""

        def __init__(self) -> None:
            super().__init__()
            self.in_an_hour: list[asyncio.TimerHandle] = []

        def call_later(self, delay, *what, **how):
            handle = super().call_later(delay, *what, **how)
            if delay == 3600:
                self.in_an_hour.append(handle)
            return handle

    judge = model()

    async def go():
        recipe = Grading(Plan(RUBRIC, (judge,)))
        async for _ in drive(items(2), recipe, {"model": judge}, limits=Limits(run_seconds=3600)):
            pass
        return [handle.cancelled() for handle in asyncio.get_running_loop().in_an_hour]

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(go()) == [True]


@pytest.mark.parametrize("samples", [1, 3])
def test_what_a_judge_raises_about_one_response_is_its_abstention(samples, walk, items):
    def slip(call):
        if "Hello 7" in call.messages[-1].content:
            raise KeyError("a slip")
        return '{"label": "yes"}'

    judge = Scripted("mine", slip)

    walked = walk(items(50), judge, recipe=Grading(Plan(RUBRIC, (judge,), samples=samples)))

    assert walked.error is None
    lost = [o for each in walked.results for o in each.outcomes if isinstance(o, Abstention)]
    assert {(o.unit.item_id, o.reason, o.detail) for o in lost} == {
        ("7", "unreachable", "KeyError: 'a slip'")
    }
    assert len(lost) == samples
    assert (walked.left, walked.complaints) == (0, [])


def test_a_judge_that_always_raises_is_called_broken_at_once(walk, items):
    judge = Scripted("mine", lambda call: call.mesages)

    walked = walk(items(5_000), judge, recipe=Grading(Plan(RUBRIC, (judge,))))

    assert isinstance(walked.error, JudgeOutage)
    assert "judge 'mine': 5 calls in a row failed; AttributeError: 'Call' object has no" in str(walked.error)
    assert isinstance(walked.error.__cause__, AttributeError)
    assert len(walked.results) < 500


def test_a_slip_in_one_of_several_calls_ends_the_others(walk, model, items, yes):
    ended = []

    async def answer(call, _):
        if call.sample == 1:
            raise InputError("a slip")
        try:
            await asyncio.sleep(10)
        finally:
            ended.append(call.sample)
        return yes

    judge = model(answer)

    walked = walk(items(1), judge, recipe=Grading(Plan(RUBRIC, (judge,), samples=3)))

    assert isinstance(walked.error, InputError)
    assert sorted(ended) == [0, 2]
    assert (walked.left, walked.complaints) == (0, [])


def test_equal_calls_in_flight_share_one_request(walk, model, items):
    judge = model()

    walked = walk(items(10, same=True), judge)

    assert len(judge.seen) == 1
    assert (walked.tally.new_calls, walked.tally.shared) == (1, 9)
    assert walked.labels == ["yes"] * 10


def test_an_equal_call_that_comes_as_the_first_one_lands_is_not_paid_again(
    walk, model, items, tmp_path: Path
):
    judge = model()

    def twice(item):
        """Two rounds, so that looks into the ledger and landings fall together in every way."""
        calls = Plan(RUBRIC, (judge,), samples=2).calls(item)
        yield Round(calls[:1])
        yield Round(calls)
        return Judged(item)

    walked = walk(
        items(40, same=True), judge, recipe=twice, ledger=tmp_path / "l.sqlite", concurrency=4
    )  # fmt: skip

    assert len(judge.seen) == 2
    assert walked.tally.calls == 120


def test_equal_responses_of_one_item_share_one_request(walk, model):
    judge = model()

    walked = walk([Item("1", "Hi", {"a": "Hello", "b": "Hello"})], judge)

    assert len(judge.seen) == 1
    assert [outcome.unit.responses for outcome in walked.outcomes] == [("a",), ("b",)]


def test_judges_without_an_identity_are_asked_each_time(walk, items):
    asked = []
    judge = Scripted("mine", lambda call: asked.append(call) or '{"label": "yes"}')

    walk(items(3, same=True), judge)

    assert len(asked) == 3


def test_stored_abstentions_are_asked_anew_when_the_caller_says_so(walk, model, items, yes, tmp_path: Path):
    async def improves(_, n):
        return Reply(text="hm", model="m") if n == 1 else yes

    judge = model(improves)
    plan, store = Plan(RUBRIC, (judge,)), tmp_path / "l.sqlite"
    plain, again = Grading(plan, reask=False), Grading(plan, reask=False, again=["malformed"])

    walks = [walk(items(1), judge, recipe=recipe, ledger=store) for recipe in (plain, plain, again, plain)]

    assert [each.reasons for each in walks] == [["malformed"], ["malformed"], [], []]
    assert [each.tally.new_calls for each in walks] == [1, 0, 1, 0]
    assert len(judge.seen) == 2


def test_a_reask_is_a_call_of_its_own_counted_and_priced(walk, model, items, yes, tmp_path: Path):
    async def improves(call, _):
        return yes if call.attempt == 2 else Reply(text="hm", model="m", cost_usd=0.5)

    judge, store = model(improves), tmp_path / "l.sqlite"

    first, second = walk(items(2), judge, ledger=store), walk(items(2), judge, ledger=store)

    assert (first.tally.calls, first.tally.reasks, first.tally.new_calls) == (4, 2, 4)
    assert first.tally.cost_usd == 1.5
    assert [outcome.flags for outcome in first.outcomes] == [("reasked",)] * 2
    assert (second.tally.calls, second.tally.new_calls) == (4, 0)
    assert second.results == first.results


def test_when_replies_cannot_be_kept_no_more_are_paid_for(walk, model, items, tmp_path: Path):
    class Full(Ledger):
        def put(self, *_, **__):
            raise InputError("the disk is full")

    judge = model()

    with Full(tmp_path / "l.sqlite") as ledger:
        walked = walk(items(500), judge, ledger=ledger, concurrency=2)

    assert str(walked.error) == "the disk is full"
    assert len(judge.seen) <= 4
    assert walked.tally.verdicts == len(judge.seen)


def test_what_is_about_the_task_is_asked_once(walk, model):
    rubric = load_rubric({"id": "r", "criteria": [{"id": "clear", "text": "Is it clear?", "about": "task"}]})
    judge = model()

    walked = walk([Item("1", "Hi")], judge, recipe=Grading(Plan(rubric, (judge,))))

    assert [outcome.unit for outcome in walked.outcomes] == [Unit("1")]


@pytest.mark.parametrize("looked", [((700, 10, 10), 10_000), ((50_000, 10, 10), 50_000), ((0, 10, 10), 0)])
def test_the_garbage_collector_looks_seldom_while_a_run_goes_on_and_as_before_it_afterwards(
    walk, model, items, yes, looked
):
    (own, first), seen = looked, set()

    async def looking(_, __):
        seen.add(gc.get_threshold())
        return yes

    before = gc.get_threshold()
    gc.set_threshold(*own)
    try:
        walk(items(3), model(looking))
        after = gc.get_threshold()
    finally:
        gc.set_threshold(*before)

    assert (seen, after) == ({(first, 10, 10)}, own)
