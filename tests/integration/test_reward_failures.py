"""Rewards against a server that fails, as `benchmarks/rewards_failures.py` measures it, in small."""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

import pytest

from judgekit.errors import JudgeOutage
from judgekit.judges.endpoint import Endpoint
from judgekit.rewards.core.rewarder import Rewarder

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_failures as bench

REPLY = '{"evidence": [], "rationale": "It says where it is.", "label": "yes"}'


def stats(url):
    with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
        return json.load(response)


@pytest.mark.parametrize("lasting", [False, True])
def test_no_failure_becomes_a_reward_and_no_reward_is_wrong(lasting):
    result = bench.injected(0.2, lasting=lasting, n=16)

    assert result.wrong == 0
    assert 0 < result.failed < 0.4 * len(result.batch)  # checks that each failed row is None and says why
    assert result.batch.stats["requests"] > len(result.batch)
    assert result.batch.stats["n_failed"] == result.failed


def test_the_advantages_of_the_rest_stay_near_the_true_ones():
    result = bench.injected(0.05, lasting=True)

    r = bench.correlations(result, 8)
    assert r["none"] >= 0.96
    assert r["zero"] < r["none"] - 0.05
    assert r["drop_group"] < r["none"] - 0.05


def test_what_is_not_answered_by_the_deadline_has_failed():
    result = bench.cut_off(1.0)

    late = [reward for reward in result.batch if reward.value is None]
    assert {reward.reason for reward in late} == {"deadline"}
    assert 0.05 < len(late) / len(result.batch) < 0.2
    assert result.wrong == 0


def test_what_is_asked_a_second_time_is_mostly_answered():
    result = bench.cut_off(3.0, hedge=True)

    late = [reward for reward in result.batch if reward.value is None]
    assert len(late) / len(result.batch) < 0.05
    assert result.wrong == 0


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("broken", "HTTP 500"),
        ("malformed", "malformed"),
        ("half", "truncated"),
        ("hang", "no reply within 0.7 s"),
        ("gone", "Cannot connect"),
    ],
)
def test_a_judge_that_is_down_is_an_outage_that_names_cause_and_count(mode, cause):
    error, _ = bench.outage(mode, tries=1, **({} if mode == "hang" else {"attempt_seconds": 20.0}))

    assert isinstance(error, JudgeOutage)
    assert cause in str(error)
    assert any(word.isdecimal() and int(word) >= 100 for word in str(error).split())
    assert {reward.value for reward in error.run} == {None}


def test_an_outage_comes_by_the_deadline_even_if_no_attempt_ends():
    error, _ = bench.outage("hang", attempt_seconds=600.0, deadline_seconds=0.5)

    assert "512 of 512 rewards failed, more than 20 % (max_failed): deadline (512)" in str(error)
    assert str(error).endswith("; a batch waits 0.5 s for its judges (deadline_seconds)")


def test_equal_responses_are_asked_about_once_and_a_second_pass_asks_nothing(serving, tmp_path):
    import rewards_throughput

    batch = rewards_throughput.groups(repeats=True)
    spec = {"rubric": rewards_throughput.RUBRIC, "ledger": str(tmp_path / "l.sqlite")}
    with serving(text=REPLY) as url:
        first = asyncio.run(Rewarder(spec, Endpoint(url, "mock"))(batch))
        asked = stats(url)
        second = asyncio.run(Rewarder(spec, Endpoint(url, "mock"))(batch))
        asked_again = stats(url)

    assert len(first) == 512
    assert asked["requests"] == asked["distinct"] == first.stats["new_calls"] == 384
    assert first.stats["deduped"] == 128
    assert asked_again["requests"] == 384
    assert (second.stats["new_calls"], second.stats["cache_hit_rate"]) == (0, 1.0)
    assert second.rewards == first.rewards
