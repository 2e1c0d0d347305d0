"""The barrier: groups are handed over when whole or when their window is over; nobody waits for ever."""

import asyncio
from collections import Counter

import pytest

from judgekit.errors import InputError
from judgekit.rewards.core.records import Reward
from judgekit.rewards.serving.barrier import REPLACED, Barrier, Client, Mixed, Refused
from judgekit.rewards.serving.routes import Wanted

SOON, LATE = 0.05, 30.0
MINE = Client("mine", named=True)


class Judge:
    """Gives the place of a response among those of its group by text, and keeps what it was asked."""

    def __init__(self, *, held: bool = False, failing: Counter[str] | None = None) -> None:
        self.groups: list[dict[str, str]] = []
        self.go = asyncio.Event()
        self.failing = failing or Counter()
        if not held:
            self.go.set()

    async def __call__(self, group):
        self.groups.append(dict(group.responses))
        await self.go.wait()
        order = sorted(group.responses.values())
        return {name: self._reward(group.key, name, float(order.index(text)))
                for name, text in group.responses.items()}  # fmt: skip

    def _reward(self, key, name, value):
        if self.failing[name] > 0:
            self.failing[name] -= 1
            return Reward(key, name, None, "failed", "unreachable")
        return Reward(key, name, value)


def wanted(text, name=None, *, group="g", task="Hi?", **fields):
    return Wanted(task, text, group, name, **fields)


def barrier(judge, **settings):
    counted = Counter()
    made = Barrier(judge, lambda how: counted.update([how]), **settings)
    return made, counted


async def soon(*jobs):
    return await asyncio.wait_for(asyncio.gather(*jobs), 5)


async def begun(job):
    """A task that has come as far as it gets by itself."""
    task = asyncio.create_task(job)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


def test_a_group_is_handed_over_when_it_is_full():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        jobs = [gate.rewards([wanted(text, text)], size=3, window=LATE) for text in "cab"]
        return judge, counted, [reward.value for [reward] in await soon(*jobs)]

    judge, counted, values = asyncio.run(walk())

    assert values == [2, 0, 1]
    assert judge.groups == [{"a": "a", "b": "b", "c": "c"}]
    assert counted == {"full": 1}


def test_a_window_that_is_over_judges_what_is_there_and_counts_it():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        jobs = [gate.rewards([wanted(text, text)], size=8, window=SOON) for text in "ab"]
        await soon(*jobs)
        return judge, counted, gate

    judge, counted, gate = asyncio.run(walk())

    assert judge.groups == [{"a": "a", "b": "b"}]
    assert counted == {"partial": 1}
    assert (gate.gathering, gate.judging, gate.waiting) == (0, 0, 0)


def test_equal_texts_without_ids_are_different_responses():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        jobs = [gate.rewards([wanted("same", group=None)], size=3, window=LATE) for _ in range(3)]
        await soon(*jobs)
        return judge, counted

    judge, counted = asyncio.run(walk())

    assert [len(group) for group in judge.groups] == [3]
    assert counted == {"full": 1}


def test_one_id_asked_twice_is_one_response_and_both_are_answered():
    async def walk():
        judge = Judge()
        gate, _ = barrier(judge)
        twice = [gate.rewards([wanted("a", "1")], size=2, window=LATE) for _ in range(2)]
        jobs = [*twice, gate.rewards([wanted("b", "2")], size=2, window=LATE)]
        return judge, [reward.value for [reward] in await soon(*jobs)]

    judge, values = asyncio.run(walk())

    assert values == [0, 0, 1]
    assert judge.groups == [{"1": "a", "2": "b"}]


def test_an_id_asked_again_just_as_its_group_is_full_opens_no_other_group():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        jobs = [gate.rewards([wanted(text, text)], size=2, window=LATE) for text in "aba"]
        return counted, [reward.value for [reward] in await soon(*jobs)]

    assert asyncio.run(walk()) == ({"full": 1}, [0, 1, 0])


def test_another_text_under_the_same_id_replaces_the_first_which_gets_no_number():
    async def walk():
        judge = Judge()
        gate, _ = barrier(judge)
        asked = {"size": 2, "window": LATE, "client": MINE}
        first = await begun(gate.rewards([wanted("z", "1")], **asked))
        jobs = [gate.rewards([wanted(text, name)], **asked) for text, name in ("a1", "b2")]
        return judge, await soon(first, *jobs)

    judge, [[first], [second], [third]] = asyncio.run(walk())

    assert (first.value, first.status, first.reason) == (None, "failed", REPLACED)
    assert (second.value, third.value) == (0, 1)
    assert judge.groups == [{"1": "a", "2": "b"}]


def test_asking_again_under_the_same_id_asks_no_judge():
    async def walk():
        judge = Judge()
        gate, _ = barrier(judge)
        both = [wanted("b", "1"), wanted("a", "2")]
        first = await gate.rewards(both)
        again = await gate.rewards(both)
        one = await gate.rewards(both[:1], size=2, window=SOON)
        other = await gate.rewards([wanted("c", "1")])
        return judge, first, again, one, other

    judge, first, again, one, other = asyncio.run(walk())

    assert again == first
    assert one == first[:1]
    assert one[0].value == 1
    assert other[0].value == 0
    assert judge.groups == [{"1": "b", "2": "a"}, {"1": "c"}]


def test_who_asks_again_while_it_is_judged_waits_for_the_same():
    async def walk():
        judge = Judge(held=True)
        gate, _ = barrier(judge)
        first = await begun(gate.rewards([wanted("a", "1")]))
        again = await begun(gate.rewards([wanted("a", "1")]))
        judge.go.set()
        return judge, await soon(first, again)

    judge, [first, again] = asyncio.run(walk())

    assert first == again
    assert len(judge.groups) == 1


def test_a_failure_is_not_remembered():
    async def walk():
        gate, _ = barrier(Judge(failing=Counter({"1": 1})))
        return [await gate.rewards([wanted("a", "1")]) for _ in range(2)]

    [first], [second] = asyncio.run(walk())

    assert first.value is None
    assert second.value == 0


@pytest.mark.parametrize(("here", "judged"), [(1, False), (3, False), (4, True)])
def test_too_little_of_a_group_is_a_failure_where_its_rest_matters(here, judged):
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge, least=0.5)
        asked = [gate.rewards([wanted(str(n))], size=8, window=SOON) for n in range(here)]
        rewards = [each[0] for each in await soon(*asked)]
        await asyncio.wait_for(gate.drained(), 5)
        return judge, counted, rewards, gate

    judge, counted, rewards, gate = asyncio.run(walk())

    assert counted == {"partial" if judged else "short": 1}
    assert len(judge.groups) == judged
    assert all((reward.value is not None) == judged for reward in rewards)
    assert judged or f"only {here} of the 8 responses of its group came in time" in rewards[0].reason
    assert (gate.waiting, gate.gathering) == (0, 0)


@pytest.mark.parametrize("size", [None, 3])
def test_a_group_with_a_failure_is_asked_again_as_a_whole(size):
    async def walk():
        judge = Judge(failing=Counter({"2": 1}))
        gate, _ = barrier(judge)
        some = [wanted("a", "1"), wanted("b", "2"), wanted("c", "3")]
        for _ in range(2):
            rewards = (await soon(gate.rewards(some, size=size, window=LATE)))[0]
        return judge, rewards

    judge, rewards = asyncio.run(walk())

    assert judge.groups == [{"1": "a", "2": "b", "3": "c"}] * 2
    assert [reward.value for reward in rewards] == [0, 1, 2]


def test_only_so_many_are_remembered():
    async def walk():
        judge = Judge()
        gate, _ = barrier(judge, remember=2)
        for text in "abca":
            await gate.rewards([wanted(text, text, group=text)])
        return len(judge.groups)

    assert asyncio.run(walk()) == 4


def test_who_goes_away_leaves_nothing_pending():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        tasks = [await begun(gate.rewards([wanted(t, t)], size=8, window=LATE)) for t in "abc"]
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        left = gate.waiting
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait(tasks)
        return judge, counted, left, (gate.waiting, gate.gathering, gate.judging)

    judge, counted, left, nothing = asyncio.run(walk())

    assert left == 2
    assert nothing == (0, 0, 0)
    assert judge.groups == []
    assert not counted


def test_who_goes_away_gives_up_the_place_for_those_who_stay():
    async def walk():
        judge = Judge()
        gate, _ = barrier(judge)
        gone = await begun(gate.rewards([wanted("a", "1")], size=2, window=LATE))
        gone.cancel()
        await asyncio.wait([gone])
        jobs = [gate.rewards([wanted(t, t)], size=2, window=LATE) for t in "bc"]
        await soon(*jobs)
        return judge.groups

    assert asyncio.run(walk()) == [{"b": "b", "c": "c"}]


def test_a_place_that_somebody_else_waits_for_too_is_not_given_up():
    async def walk():
        judge = Judge()
        gate, _ = barrier(judge)
        first, again = [await begun(gate.rewards([wanted("a", "1")], size=2, window=LATE)) for _ in range(2)]
        again.cancel()
        await asyncio.wait([again])
        await soon(gate.rewards([wanted("b", "2")], size=2, window=LATE), first)
        return judge.groups

    assert asyncio.run(walk()) == [{"1": "a", "2": "b"}]


def test_who_goes_away_while_the_group_is_judged_takes_nothing_from_the_others():
    async def walk():
        judge = Judge(held=True)
        gate, _ = barrier(judge)
        tasks = [await begun(gate.rewards([wanted(t, t)], size=2, window=LATE)) for t in "ab"]
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        judge.go.set()
        [[stayed]] = await soon(tasks[1])
        return stayed.value, gate.waiting

    assert asyncio.run(walk()) == (1, 0)


def test_a_group_is_of_one_task_and_one_size():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        first = await begun(gate.rewards([wanted("a", "1")], size=2, window=LATE))
        other = await begun(gate.rewards([wanted("b", "2", task="Who?")], size=2, window=LATE))
        larger = await begun(gate.rewards([wanted("d", "4")], size=3, window=LATE))
        await soon(gate.rewards([wanted("c", "3")], size=2, window=LATE), first)
        for task in (other, larger):
            task.cancel()
        await asyncio.wait([other, larger])
        with pytest.raises(InputError, match="group 'g' holds two tasks"):
            await gate.rewards([wanted("a", "1"), wanted("b", "2", task="Who?")])
        return judge.groups, counted, gate.gathering

    assert asyncio.run(walk()) == ([{"1": "a", "3": "c"}], {"full": 1}, 0)


def test_what_else_came_under_the_key_of_a_group_that_is_short_is_told():
    async def walk():
        gate, _ = barrier(Judge(), least=0.5)
        jobs = [gate.rewards([wanted("a", task=task)], size=8, window=SOON) for task in ("Hi?", "Who?")]
        return await soon(*jobs)

    [[first], _] = asyncio.run(walk())

    assert "others came under its key with another task" in first.reason
    assert "has to name its run (?run=NAME)" in first.reason


def interleaved(texts, client, gate, *, names=None, size=4):
    return [
        gate.rewards([wanted(text, names and names[i])], size=size, window=SOON, client=client)
        for i, text in enumerate(texts)
    ]


@pytest.mark.parametrize("names", [None, "1234"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Client("a", named=True), Client("b", named=True)),
        (Client("10.0.0.1"), Client("10.0.0.2")),
        (Client("a", named=True), Client("a")),
    ],
)
def test_clients_that_are_told_apart_have_groups_of_their_own(names, one, other):
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        both = zip(
            interleaved("aceg", one, gate, names=names),
            interleaved("bdfh", other, gate, names=names),
            strict=True,
        )
        values = [each.value for [each] in await soon(*(job for pair in both for job in pair))]
        return sorted("".join(sorted(group.values())) for group in judge.groups), values, counted

    groups, values, counted = asyncio.run(walk())

    assert groups == ["aceg", "bdfh"]
    assert values == [0, 0, 1, 1, 2, 2, 3, 3]
    assert counted == {"full": 2}


@pytest.mark.parametrize("names", [None, "1234"])
@pytest.mark.parametrize("order", ["aAbBcCdD", "abcdABCD", "aABbCcDd", "abABcdCD", "AabBcCDd"])
def test_clients_that_cannot_be_told_apart_are_told_so_and_get_no_number(names, order):
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        jobs = [
            gate.rewards([wanted(text, names and names["abcd".index(text.lower())])], size=4, window=SOON)
            for text in order
        ]
        said = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 5)
        await asyncio.sleep(1.1)  # until it is quiet
        later = await soon(*interleaved("wxyz", Client(), gate))
        return said, counted["mixed"], [each.value for [each] in later], gate

    said, mixed, later, gate = asyncio.run(walk())

    assert {type(each) for each in said} == {Mixed}
    assert "let each client name its run (?run=NAME)" in str(said[0])
    assert mixed == 1
    assert later == [0, 1, 2, 3]
    assert (gate.waiting, gate.gathering, gate.judging, gate._lines) == (0, 0, 0, {})  # noqa: SLF001


def test_two_groups_of_one_request_or_of_one_run_are_no_mixture():
    async def walk():
        judge = Judge(held=True)
        gate, counted = barrier(judge)
        whole = await begun(gate.rewards([wanted(text) for text in "abcd"], size=2, window=LATE))
        twice = [wanted(text, group=None) for text in "efgh"]
        named = [await begun(gate.rewards([each], size=2, window=LATE, client=MINE)) for each in twice]
        alone = [await begun(job) for job in interleaved("ijk", Client(), gate, size=1)]
        judge.go.set()
        await soon(whole, *named, *alone)
        return counted

    assert asyncio.run(walk()) == {"full": 7}


def test_a_group_that_is_larger_than_its_run_says_is_not_cut():
    async def walk():
        gate, _ = barrier(Judge())
        jobs = interleaved("abcdefgh", MINE, gate, names="12345678", size=4)
        return await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 5)

    said = asyncio.run(walk())

    assert {type(each) for each in said} == {Mixed}
    assert "a response more than its 4" in str(said[0])


def test_who_asks_again_for_a_text_without_an_id_gets_the_place_that_was_left():
    async def walk():
        judge = Judge(held=True)
        gate, counted = barrier(judge)
        jobs = [await begun(job) for job in interleaved("abcd", Client(), gate)]
        jobs[1].cancel()
        await asyncio.wait(jobs[1:2])
        again = await begun(gate.rewards([wanted("b")], size=4, window=LATE))
        judge.go.set()
        return counted, await soon(again)

    counted, [[again]] = asyncio.run(walk())

    assert counted == {"full": 1}
    assert again.value == 1


def test_a_response_that_comes_again_with_other_companions_is_not_rewarded_by_the_old_ones():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        asked = {"names": "12", "size": 2}
        before = await soon(*interleaved("mz", MINE, gate, **asked))
        now = await soon(*interleaved("ma", MINE, gate, **asked))
        return [each.value for [each] in [*before, *now]], counted

    assert asyncio.run(walk()) == ([0, 1, 1, 0], {"full": 2})


def test_what_goes_wrong_is_raised_for_all_who_wait():
    async def judging(group):
        raise InputError(f"group {group.key!r} has no reference")

    async def walk():
        gate, _ = barrier(judging)
        jobs = [gate.rewards([wanted(t, t)], size=2, window=LATE) for t in "ab"]
        return await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 5)

    assert [str(error) for error in asyncio.run(walk())] == ["group 'g' has no reference"] * 2


def test_draining_completes_what_has_begun_and_takes_in_nothing_new():
    async def walk():
        judge = Judge()
        gate, counted = barrier(judge)
        first = await begun(gate.rewards([wanted("a", "1")], size=2, window=LATE))
        ended = await begun(gate.drained())
        with pytest.raises(Refused, match="no new groups"):
            await gate.rewards([wanted("x", "x", group="new")], size=2, window=LATE)
        with pytest.raises(Refused, match="no new groups"):
            await gate.rewards([wanted("x", "x", group="new")])
        assert not ended.done()
        await soon(gate.rewards([wanted("b", "2")], size=2, window=LATE), first)
        await soon(ended)
        return counted

    assert asyncio.run(walk()) == {"full": 1}


def test_draining_ends_when_the_last_who_waited_goes_away():
    async def walk():
        gate, _ = barrier(Judge())
        first = await begun(gate.rewards([wanted("a", "1")], size=2, window=LATE))
        ended = await begun(gate.drained())
        first.cancel()
        await soon(ended)

    asyncio.run(walk())


def test_no_more_than_so_many_wait():
    async def walk():
        gate, _ = barrier(Judge(), most_waiting=2)
        tasks = [await begun(gate.rewards([wanted(t, t)], size=8, window=SOON)) for t in "ab"]
        with pytest.raises(Refused, match="2 responses are waiting"):
            await gate.rewards([wanted("c", "c")], size=8, window=SOON)
        await soon(*tasks)
        return await gate.rewards([wanted("c", "c", group="h")])

    assert asyncio.run(walk())[0].value == 0
