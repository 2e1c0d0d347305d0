import asyncio
from collections.abc import Awaitable, Callable

from judgekit.run.gate import Gate, Pace


class Clock:
    """A clock that goes forward only when somebody sleeps by it; several may sleep at once."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


def timed(concurrency: int, rpm: float | None = None, tpm: float | None = None) -> tuple[Gate, Clock]:
    clock = Clock()
    return Gate(concurrency, rpm, tpm, pause=clock.pause, clock=clock), clock


def inside(enter: Callable[[], Awaitable[None]], times: int) -> list[asyncio.Task[None]]:
    async def one() -> None:
        await enter()

    return [asyncio.create_task(one()) for _ in range(times)]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_more_calls_are_inside_than_allowed_and_leaving_lets_the_next_in():
    async def crowd():
        gate, _ = timed(3)
        tasks = inside(lambda: gate.enter(0), 5)
        await settled()
        before = sum(task.done() for task in tasks)
        gate.leave()
        await settled()
        after = [task.done() for task in tasks]
        for task in tasks:
            task.cancel()
        return before, after

    assert asyncio.run(crowd()) == (3, [True, True, True, True, False])


def test_what_is_asked_again_goes_before_what_has_not_been_asked_yet():
    async def crowd():
        gate, _ = timed(1)
        await gate.enter(0)
        let_in: list[str] = []

        async def enter(name: str, *, again: bool = False) -> None:
            await gate.enter(0, again=again)
            let_in.append(name)
            gate.leave()

        async with asyncio.TaskGroup() as group:
            for name in ("first", "second"):
                group.create_task(enter(name))
            group.create_task(enter("again", again=True))
            await settled()
            gate.leave()
        return let_in

    assert asyncio.run(crowd()) == ["again", "first", "second"]


def test_a_call_cancelled_in_the_queue_leaves_its_place_to_the_next():
    async def crowd():
        gate, _ = timed(1)
        _first, second, third = inside(lambda: gate.enter(0), 3)
        await settled()
        second.cancel()
        await settled()
        gate.leave()
        await settled()
        return third.done(), gate.inside

    assert asyncio.run(crowd()) == (True, 1)


def test_a_call_cancelled_just_as_it_is_let_in_gives_its_place_back():
    async def crowd():
        gate, _ = timed(1)
        _first, second, third = inside(lambda: gate.enter(0), 3)
        await settled()
        gate.leave()
        second.cancel()  # its place is given already, but it has not woken up
        await settled()
        return third.done(), gate.inside

    assert asyncio.run(crowd()) == (True, 1)


def test_requests_a_minute_are_spread_evenly_after_the_first_second():
    async def run():
        gate, clock = timed(100, rpm=120)
        for _ in range(6):
            await gate.enter(0)
            gate.leave()
        return clock.slept, round(clock.now, 6)

    slept, now = asyncio.run(run())

    assert slept == [0.5] * 4  # two of the first second at once, then two a second
    assert now == 102.0


def test_tokens_a_minute_hold_up_the_call_after_a_large_one():
    async def run():
        gate, clock = timed(100, tpm=6000)
        for tokens in (500, 100, 10):
            await gate.enter(tokens)
            gate.leave()
        return clock.slept

    assert asyncio.run(run()) == [5.0, 0.1]  # 100 a second: 500 go at once and are paid off before the next


def test_the_rate_holds_for_calls_that_come_together():
    async def run():
        gate, clock = timed(100, rpm=60)
        tasks = inside(lambda: gate.enter(0), 4)
        await asyncio.gather(*tasks)
        return clock.slept

    assert asyncio.run(run()) == [1.0, 2.0, 3.0]


def test_a_few_that_are_turned_away_hold_up_nobody_else():
    async def run():
        gate, clock = timed(8)
        for _ in range(25):
            gate.was_turned_away(30.0)
        await gate.enter(0)
        return gate.allowed, clock.slept

    assert asyncio.run(run()) == (8.0, [])


def test_when_many_are_turned_away_all_wait_and_fewer_are_let_in():
    async def run():
        gate, clock = timed(8)
        for _ in range(26):
            gate.was_turned_away(30.0)
        await gate.enter(0)
        return gate.allowed, clock.slept

    allowed, slept = asyncio.run(run())

    assert slept == [30.0]
    assert allowed < 8.0


def test_an_overrun_gate_backs_off_again_only_after_as_many_more_are_turned_away():
    gate, _ = timed(8)
    allowed = []
    for _ in range(52):
        gate.was_turned_away(None)
        allowed.append(round(gate.allowed, 6))

    assert allowed == [8.0] * 25 + [5.6] * 26 + [3.92]


def test_a_shorter_wait_does_not_end_a_longer_one():
    async def run():
        gate, clock = timed(8)
        for retry_after in (30.0, 1.0):
            for _ in range(26):
                gate.was_turned_away(retry_after)
        await gate.enter(0)
        return clock.slept

    assert asyncio.run(run()) == [30.0]


def test_an_overrun_gate_opens_again_as_attempts_go_well():
    gate, _ = timed(8)
    for _ in range(26):
        gate.was_turned_away(None)
    shut = gate.allowed
    for _ in range(100):
        gate.went_well()

    assert shut < 8.0
    assert gate.allowed == 8.0


def test_a_gate_never_shuts():
    gate, _ = timed(2)
    for _ in range(1000):
        gate.was_turned_away(None)

    assert gate.allowed == 1.0


def test_unused_pace_is_not_saved_up():
    clock = Clock()
    pace = Pace(60, clock)
    clock.now += 3600

    assert [pace.turn(1) for _ in range(3)] == [0.0, 1.0, 2.0]
