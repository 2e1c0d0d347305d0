import asyncio
from dataclasses import replace

import pytest

from judgekit.errors import InputError, JudgeOutage, ProviderError
from judgekit.run import Limits, Tally
from judgekit.run.limits import Halt
from judgekit.run.send import Sender
from judgekit.types import Abstention, Answer, Call, Item, Judged, Message, Reply, Round


def failing(**what):
    async def answer(_, __):
        raise ProviderError("no", **what)

    return answer


def turned_away(times, retry_after):
    async def answer(_, n):
        if n <= times:
            raise ProviderError("busy", status=429, passing=True, retry_after=retry_after)
        return Reply(text="yes", model="m")

    return answer


class Sleepless(Halt):
    """A halt that notes how long it would have slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.slept.append(seconds)


def sent(judge, **limits):
    """The reply to one call, and how long it would have waited each time."""
    halt = Sleepless()
    sender = Sender([judge], None, Limits(**limits), Tally(), halt)
    call = Call(judge.name, (), "grade", (Message("user", "Hi"),), key="k")
    return asyncio.run(sender.send(judge, call)), halt.slept


def asked_plainly(said: list[Answer]):
    """A recipe that notes the answer to one plain call."""

    def recipe(item):
        said.extend((yield Round((Call("model", (), "grade", (Message("user", "Hi"),), key="k"),))))
        return Judged(item)

    return recipe


def test_judges_behind_one_endpoint_share_its_gate_and_others_do_not(walk, model, items, yes):
    inside = {"here": 0, "elsewhere": 0}
    most = dict(inside)

    def at(endpoint):
        async def answer(_, __):
            inside[endpoint] += 1
            most[endpoint] = max(most[endpoint], inside[endpoint])
            await asyncio.sleep(0.001)
            inside[endpoint] -= 1
            return yes

        return answer

    one = model(at("here"), "one", identity={"model": "1"})
    two = model(at("here"), "two", identity={"model": "2"})
    other = model(at("elsewhere"), "other", "elsewhere")

    walk(items(20), one, two, other, concurrency=3)

    assert most == {"here": 3, "elsewhere": 3}


def test_a_judge_that_answers_few_calls_at_once_is_not_sent_more(walk, model, items, yes):
    async def slow(_, __):
        await asyncio.sleep(0.001)
        return yes

    judge = model(slow)
    judge.at_once = 2

    walk(items(20), judge, concurrency=8)

    assert judge.most == 2


def test_a_failing_call_is_tried_again_and_says_how_often(walk, model, items, yes):
    async def third_time_lucky(_, n):
        if n < 3:
            raise ProviderError("busy", status=503, passing=True, retry_after=0.001)
        return yes

    said: list[Answer] = []

    walked = walk(items(1), model(third_time_lucky), recipe=asked_plainly(said))

    assert said[0].reply.tries == 3
    assert walked.tally.requests == 3


def test_a_call_that_fails_to_the_end_abstains_as_unreachable_and_is_not_paid(walk, model, items):
    judge = model(failing(passing=True, retry_after=0.001))

    walked = walk(items(1), judge, tries=3)

    assert walked.reasons == ["unreachable"]
    assert len(judge.seen) == 3
    assert (walked.tally.new_calls, walked.tally.calls) == (0, 0)
    assert walked.error is None


def test_who_shares_a_call_that_fails_fails_with_it(walk, model, items):
    walked = walk(items(3, same=True), model(failing(passing=True)), tries=1)

    assert walked.reasons == ["unreachable"] * 3


def test_the_wait_that_a_server_asks_for_is_kept(walk, model, items, yes):
    at: list[float] = []

    async def busy_once(_, n):
        at.append(asyncio.get_running_loop().time())
        if n == 1:
            raise ProviderError("busy", status=429, passing=True, retry_after=0.05)
        return yes

    walk(items(1), model(busy_once))

    assert at[1] - at[0] >= 0.049


@pytest.mark.parametrize(("asked_for", "waited"), [(7.0, 7.0), (86_400.0, 300.0)])
def test_a_call_waits_as_long_as_the_server_asks_but_no_longer_than_five_minutes(asked_for, waited, model):
    judge = model(turned_away(1, asked_for))

    reply, slept = sent(judge)

    assert (reply.tries, slept) == (2, [waited])


def test_an_overrun_endpoint_is_left_alone_no_longer_than_five_minutes(model):
    judge = model(turned_away(26, 86_400.0))

    reply, slept = sent(judge, tries=30)

    assert reply.tries == 27
    assert len(slept) == 27  # before each attempt after the first, and once at the gate
    assert max(slept) <= 300.0


def test_an_attempt_without_a_reply_within_its_deadline_is_tried_again(walk, model, items, yes):
    async def hangs_once(_, n):
        if n == 1:
            await asyncio.sleep(60)
        return yes

    walked = walk(items(1), model(hangs_once), attempt_seconds=0.02)

    assert walked.labels == ["yes"]
    assert walked.tally.requests == 2


def test_twenty_failed_calls_in_a_row_are_an_outage(walk, model, items):
    judge = model(failing(passing=True))

    walked = walk(items(100), judge, tries=1, concurrency=4)

    assert isinstance(walked.error, JudgeOutage)
    assert "20 calls in a row failed" in str(walked.error)
    assert 20 <= len(judge.seen) < 24
    assert set(walked.reasons) == {"unreachable", "cancelled"}


def test_a_success_in_between_is_no_outage(walk, model, items, yes):
    async def sometimes(_, n):
        if n % 20:
            raise ProviderError("busy", passing=True)
        return yes

    walked = walk(items(100), model(sometimes), tries=1, concurrency=1)

    assert walked.error is None
    assert walked.reasons == ["unreachable"] * 95


def test_a_lasting_error_stops_the_run_and_wakes_those_who_wait(walk, model, items, yes):
    async def answer(_, n):
        if n <= 3:
            raise ProviderError("busy", status=429, passing=True, retry_after=200.0)
        if n < 6:
            return yes
        raise ProviderError("no such model", status=404)

    judge = model(answer)

    walked = walk(items(1000), judge, concurrency=4)

    assert isinstance(walked.error, ProviderError)
    assert (walked.error.status, len(judge.seen) < 12) == (404, True)
    assert "judge 'model' stopped" in str(walked.error)
    assert len(walked.outcomes) == len(walked.results)
    assert set(walked.reasons) == {"unreachable", "cancelled"}


def test_at_the_deadline_of_the_run_what_is_in_flight_is_finished_and_nothing_more_is_sent(
    walk, model, items, yes
):
    async def slow(_, __):
        await asyncio.sleep(0.05)
        return yes

    judge = model(slow)

    walked = walk(items(500), judge, run_seconds=0.02, concurrency=4)

    assert isinstance(walked.error, JudgeOutage)
    assert "0.02 s are over" in str(walked.error)
    assert (len(judge.seen), walked.tally.verdicts) == (4, 4)
    assert set(walked.reasons) == {"cancelled"}


def test_a_deadline_wakes_calls_that_wait_for_their_turn(walk, model, items):
    judge = model()

    walked = walk(items(5), judge, run_seconds=0.05, rpm=1)

    assert isinstance(walked.error, JudgeOutage)
    assert len(judge.seen) == 1
    assert walked.reasons == ["cancelled"] * 4


def test_tokens_a_minute_count_what_a_reply_may_be_long(walk, model, items):
    judge = model()
    judge.max_tokens = 1_000_000
    judge.cost = lambda *_: 0.0

    walked = walk(items(3), judge, run_seconds=0.05, tpm=60_000)

    assert len(judge.seen) == 1
    assert walked.reasons == ["cancelled"] * 2


def test_a_judge_that_keeps_refusing_parameters_is_not_asked_without_end(walk, model, items):
    judge = model(failing(passing=True, dropped="temperature"))

    walked = walk(items(1), judge, tries=1)

    assert isinstance(walked.error, ProviderError)
    assert "one parameter after another" in str(walked.error)
    assert len(judge.seen) == 10


def test_what_is_not_sent_is_not_counted_as_a_call(walk, model, items):
    async def answer(_, n):
        if n > 2:
            raise ProviderError("no such model", status=404)
        return Reply(text='{"label": "yes"}', model="m")

    walked = walk(items(100), model(answer), concurrency=1)

    assert (walked.tally.calls, walked.tally.new_calls, walked.tally.requests) == (2, 2, 3)


@pytest.mark.parametrize("failure", [{"status": 401}, {"passing": True}])
def test_where_another_stands_in_for_a_judge_that_fails_for_good_the_run_goes_on(failure, walk, model, items):
    broken = model(failing(**failure), "broken", "there", identity={"model": "b"})
    other = model(name="other", identity={"model": "o"})

    walked = walk(items(60), broken, other, spared=["broken"], tries=1, concurrency=1)

    assert walked.error is None
    assert [o.label for o in walked.outcomes if o.rater == "other"] == ["yes"] * 60
    assert [o.reason for o in walked.outcomes if o.rater == "broken"] == ["unreachable"] * 60
    assert len(broken.seen) == (1 if "status" in failure else 20)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_what_one_response_draws_is_its_abstention_and_what_all_draw_is_an_outage(
    walk, model, items, yes, status
):
    async def answer(call, _):
        if "Hello 7" in call.messages[-1].content or "broken" in call.messages[-1].content:
            raise ProviderError(f"HTTP {status}: not this", status=status)
        return yes

    one = walk(items(50), model(answer))
    every = walk([Item(str(i), "Hi", {"response": f"broken {i}"}) for i in range(50)], model(answer))

    assert one.error is None
    assert [o.detail for judged in one.results for o in judged.outcomes if isinstance(o, Abstention)] == [
        f"HTTP {status}: not this"
    ]
    assert isinstance(every.error, JudgeOutage)
    assert f"HTTP {status}: not this" in str(every.error)


def test_tries_go_on_as_long_as_a_call_may_take(model, yes):
    async def late(_, n):
        if n < 12:
            raise ProviderError("HTTP 503: later", status=503, passing=True)
        return yes

    reply, slept = sent(model(late), tries=None, call_seconds=60.0)

    assert reply == replace(yes, tries=12)
    assert max(slept) <= 5.0
    with pytest.raises(InputError, match="tries=None needs call_seconds"):
        Limits(tries=None)
