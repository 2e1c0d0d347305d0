"""A reward server puts together what TRL splits: the rows of one group, sent by several processes."""

import asyncio
import json
import re
from contextlib import asynccontextmanager

import pytest

from judgekit import Scripted
from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards import trl, trl_served
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.serving.server import RewardServer, Settings, listening
from judgekit.types import Reply

RUBRIC = {"id": "more", "criteria": [{"id": "more", "text": "Which number is greater?"}]}
pytestmark = pytest.mark.anyio
PAIRS = {"rubric": RUBRIC, "scheme": "round_robin", "orders": "random", "deadline_seconds": 20}


def greater(call):
    first, second = (int(call.item.responses[name]) for name in call.shown)
    return json.dumps({"label": "A" if first > second else "B"})


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def serving(spec=PAIRS, answer=greater, **settings):
    async with Rewarder(spec, Scripted("judge", answer)) as rewarder:
        given = Settings(**{"port": 0, **settings})
        server = RewardServer(rewarder, given)
        async with listening(server, given) as url:
            yield url, server


@pytest.fixture
def ranks(monkeypatch):
    """The function as each of two processes would make it."""

    if trl.installed() is not None and trl.installed() < trl.NONE_SINCE:
        pytest.skip("this TRL takes None for 0")

    def made(url, **more):
        functions = []
        for rank in "01":
            monkeypatch.setenv("RANK", rank)
            functions.append(trl_served.served_reward_func(url, num_generations=4, row_id="row", **more))
        return functions

    return made


def rows(numbers, row, **columns):
    n = len(numbers)
    return {"prompts": ["Say a number."] * n, "completions": numbers, "row": [row] * n, **columns}


async def test_halves_of_a_group_are_compared_as_one(ranks):
    async with serving() as (url, server):
        first, second = ranks(url)
        halves = await asyncio.gather(first(**rows(["1", "4"], 7)), second(**rows(["2", "3"], 7)))

        assert halves == [[0.0, 1.0], pytest.approx([1 / 3, 2 / 3])]
        assert re.search(r'groups_total\{how="full"\} 1\b', server.metrics.text({}))


async def test_the_same_row_is_another_group_in_the_next_step(ranks):
    async with serving() as (url, _):
        first, second = ranks(url)
        for numbers in (["1", "2", "3", "4"], ["8", "7", "6", "5"]):
            halves = await asyncio.gather(
                first(**rows(numbers[:2], 7)), second(**rows(numbers[2:], 7))
            )  # fmt: skip
            ranked = sorted(numbers, key=int)
            assert [round(3 * value) for half in halves for value in half] == [
                ranked.index(number) for number in numbers
            ]


@pytest.mark.parametrize("named", [True, False])
async def test_two_trainings_that_share_a_server_are_kept_apart(ranks, monkeypatch, named):
    async with serving() as (url, _):
        runs = []
        for port in ("1", "2"):
            monkeypatch.setenv("MASTER_PORT", "1" if named else port)
            runs.append(ranks(url, **({"run": port} if named else {})))
        (a, b), (c, d) = runs
        values = await asyncio.gather(
            a(**rows(["1", "2"], 7)),
            c(**rows(["7", "8"], 7)),
            b(**rows(["3", "4"], 7)),
            d(**rows(["5", "6"], 7)),
        )

    assert [[round(3 * value) for value in half] for half in values] == [[0, 1], [2, 3], [2, 3], [0, 1]]


async def test_a_failure_stays_none_and_is_told(ranks):
    def half(call):
        text = call.item.responses["response"]
        return Reply(fault="refused") if text == "2" else json.dumps({"label": "yes"})

    metrics, extra = {}, {}
    async with serving({"rubric": RUBRIC, "max_failed": 1.0}, half) as (url, _):
        first, _ = ranks(url)
        values = await first(
            **rows(["1", "2", "3", "4"], 7), log_metric=metrics.__setitem__, log_extra=extra.__setitem__,
        )  # fmt: skip

    assert values == [1.0, None, 1.0, 1.0]
    assert metrics == {"judgekit/n": 4.0, "judgekit/failed_share": 0.25}
    assert extra["judgekit_status"] == ["ok", "failed", "ok", "ok"]


def odd_fails(call):
    text = call.item.responses["response"]
    return Reply(fault="refused") if int(text) % 2 else json.dumps({"label": "yes"})


@pytest.mark.parametrize("policy", ["none", "drop_group"])
async def test_a_process_whose_rewards_are_all_missing_goes_on(ranks, policy):
    numbers = {"none": ["1"], "drop_group": ["1", "2", "4", "6"]}[policy]
    spec = {"rubric": RUBRIC, "on_failure": policy, "max_failed": 1.0}
    async with serving(spec, odd_fails) as (url, _):
        first, second = ranks(url, window_seconds=0.05)

        assert await first(**rows(numbers, 7)) == [None] * len(numbers)
        assert await second(**rows(["2", "4", "6", "8"], 8)) == [1.0] * 4


async def test_too_many_failures_end_the_training_of_whom_they_belong_to(ranks):
    async with serving({"rubric": RUBRIC}, odd_fails) as (url, _):
        first, second = ranks(url)
        with pytest.raises(
            JudgeOutage, match=r"3 of 4 rewards failed, more than 20 % .max_failed.: refused.*\(3\)"
        ):
            await first(**rows(["1", "3", "5", "8"], 7))
        patient, _ = ranks(url, max_failed=1.0)

        assert await patient(**rows(["1", "3", "5", "8"], 7)) == [None, None, None, 1.0]
        for step in range(3):  # equal texts that fail are one failure
            values = [None] * 4 if step == 1 else [1.0] * 4
            assert await second(**rows(["1" if step == 1 else "2"] * 4, step)) == values


async def test_the_token_is_not_shown(ranks):
    function, _ = ranks("http://127.0.0.1:1", token="0123456789abcdef")  # noqa: S106 - of nothing

    assert "0123456789abcdef" not in repr(function)
    assert "0123456789abcdef" not in repr(Settings(token="0123456789abcdef"))  # noqa: S106 - likewise


async def test_reference_rubric_columns_and_conversations_reach_the_judge(ranks):
    seen = []

    def looking(call):
        seen.append((call.asks[0][1], call.item.task, call.item.reference))
        return json.dumps({"label": "yes"})

    own = json.dumps([{"id": "own", "text": "Is it?"}])
    said = [[{"role": "assistant", "content": str(n)}] for n in range(4)]
    told = {"prompts": [[{"role": "user", "content": "Say it."}]] * 4, "completions": said, "row": [1] * 4}
    told |= {"gold": [42] * 4, "rubric": [own] * 4}
    async with serving({"rubric": RUBRIC}, looking) as (url, _):
        first, _ = ranks(url, reference="gold", rubric="rubric", columns=["topic"])
        await first(**told, topic=["t"] * 4)
        with pytest.raises(InputError, match=r"columns \['topic'\] are not there, or differ"):
            await first(**told, topic=list("abcd"))

    assert set(seen) == {("own", "Say it.", "42")}


async def test_a_server_that_says_no_or_nothing_ends_the_training(ranks):
    async with serving(token="0123456789abcdef") as (url, _):  # noqa: S106 - of nothing
        wrong, _ = ranks(url)
        right, _ = ranks(url, token="0123456789abcdef", patience_seconds=1.0)  # noqa: S106 - of nothing
        with pytest.raises(JudgeOutage, match="answered 401"):
            await wrong(**rows(["1", "2", "3", "4"], 7))
        assert await right(**rows(["1", "2", "3", "4"], 7))

    with pytest.raises(JudgeOutage, match="gave no answer"):
        await right(**rows(["1", "2", "3", "4"], 7))


async def test_a_server_that_is_restarted_is_asked_again(ranks):
    async with serving() as (url, _):
        port = int(url.rpartition(":")[2])
        one, _ = ranks(url, patience_seconds=30.0)
    asked = asyncio.create_task(one(**rows(["1", "2", "3", "4"], 7)))
    await asyncio.sleep(0.5)
    assert not asked.done()

    async with serving(port=port):
        assert await asked == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("version", [None, (1, 6), (2, 0)])
def test_trl_that_knows_none_may_ask_a_server(version):
    trl_served.check_version(version)


def test_trl_that_takes_none_for_zero_is_refused():
    with pytest.raises(InputError, match=r"TRL below 1\.6 takes for 0"):
        trl_served.check_version((1, 5))
