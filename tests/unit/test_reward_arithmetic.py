"""From judged values to rewards, and the numbers of a batch: each figure against one worked out by hand."""

import asyncio
import re
import subprocess
import sys
from dataclasses import replace

import pytest

import judgekit as jk
from judgekit.rewards.core.prepared import Looking, outage, prepared
from judgekit.rewards.core.records import Group, Reward
from judgekit.rewards.core.rewarder import Rewarder, stats_of
from judgekit.rewards.core.spec import flattened
from judgekit.types import Answer, Reply

MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}
BETTER = {"id": "tone", "criteria": [{"id": "better", "text": "Which response is better?"}]}
POINTS = {"id": "points", "criteria": [
    {"id": "good", "text": "Good?", "points": 2}, {"id": "bad", "text": "Bad?", "points": -3},
]}  # fmt: skip
ONLY_BAD = jk.Scripted("strict", lambda call: f'{{"label": "{"yes" if call.asks[0][1] == "bad" else "no"}"}}')
EVEN = {"name": "even", "kind": "matches", "gate": True, "settings": {"pattern": "[02468]"}}


def number(text):
    return int(re.search(r"[0-9]+", text)[0])


def marking(call):
    """A judge that gives the number that stands in the response."""
    return f'{{"label": "{number(next(text for name, text in call.judged if name == "response"))}"}}'


def fair(call):
    """Prefers the greater number."""
    first, second = (number(call.item.responses[name]) for name in call.shown)
    return f'{{"label": "{"A" if first > second else "B"}"}}'


MARKING, FAIR = jk.Scripted("j", marking), jk.Scripted("j", fair)


def group(*responses, key="g"):
    return Group(key, "Say a number.", {f"r{i}": str(text) for i, text in enumerate(responses)})


def values(spec, judge, *groups):
    return [reward.value for reward in Rewarder(spec, judge).reward(groups)]


def test_a_spread_as_wide_as_the_dead_band_is_a_signal():
    assert flattened({"a": 0.5, "b": 0.75}, 0.25) == {"a": 0.5, "b": 0.75}


def test_a_dead_band_leaves_what_a_gate_stopped():
    spec = {"rubric": MARKS, "grid": None, "dead_band": 0.5, "checks": [EVEN]}

    assert values(spec, MARKING, group(4, 6, 3)) == [0.5, 0.5, 0.0]


def test_what_a_gate_stops_has_its_place_in_the_range():
    spec = {"rubric": MARKS, "range": [-1, 1], "gated": 0.25, "checks": [EVEN]}

    assert values(spec, MARKING, group(10, 3)) == [1.0, -0.5]


@pytest.mark.parametrize(("clip", "value"), [(True, -1.0), (False, -1.5)])
def test_points_below_the_span_are_cut_or_not(clip, value):
    assert values({"rubric": POINTS, "scheme": "points", "clip": clip}, ONLY_BAD, group(1)) == [value]


def test_points_are_cut_before_they_are_mixed():
    check = {"name": "one", "kind": "matches", "weight": 1, "settings": {"pattern": "1"}}

    assert values({"rubric": POINTS, "scheme": "points", "checks": [check]}, ONLY_BAD, group(1)) == [0.0]


def test_length_takes_nothing_from_the_least():
    spec = {"rubric": MARKS, "length": {"target": 1, "share": 0.5}}

    assert values(spec, MARKING, group("0 a b c", "10 a b c")) == [0.0, 0.5]


def test_few_comparisons_of_a_sure_judge_put_a_group_far_apart():
    found = values({"rubric": BETTER, "scheme": "swiss"}, FAIR, group(*range(8)))

    assert found[7] > 0.95
    assert found[0] < 0.05


def test_who_met_less_than_half_of_those_planned_has_no_reward():
    def shy(call):
        two = {call.item.responses[name] for name in call.shown}
        return Reply(fault="refused") if "3" in two and "1" not in two else fair(call)

    spec = {"rubric": BETTER, "scheme": "round_robin", "max_failed": 1}
    found = values(spec, jk.Scripted("shy", shy), group(1, 2, 3, 4, 5))

    assert found[2] is None
    assert None not in (*found[:2], *found[3:])


def test_beyond_eight_a_group_meets_in_swiss_rounds():
    assert Rewarder({"rubric": BETTER, "scheme": "pairwise"}, FAIR).calls(9)[0] == 4 * 4 * 2


def rewards(*pairs, key="g"):
    return [Reward(key, f"r{i}", value, status) for i, (value, status) in enumerate(pairs)]


def stats(given, *groups, answers=()):
    return stats_of(
        given, [asyncio.run(prepared(each, Looking())) for each in groups], answers, 1.0, criteria=()
    )


def test_what_is_imputed_has_failed_as_well():
    found = stats(rewards((0.5, "ok"), (0.5, "imputed"), (None, "failed"), (0.0, "gated")), group(1, 2, 3, 4))

    assert (found["failed_share"], found["gated_share"], found["mean"]) == (0.5, 0.25, 1 / 3)


def test_a_group_needs_two_values_to_have_a_spread():
    given = [
        *rewards((0.5, "ok"), (0.5, "ok")), *rewards((0.5, "ok"), (0.6, "ok"), key="h"),
        *rewards((0.5, "ok"), (None, "failed"), key="i"),
    ]  # fmt: skip

    assert stats(given, group(1, 2), group(1, 2, key="h"), group(1, 2, key="i"))["zero_spread_share"] == 0.5


def test_length_is_correlated_with_what_was_judged_only():
    given = rewards((0.1, "ok"), (0.2, "ok"), (0.3, "ok"), (0.0, "gated"))

    assert stats(given, group("a", "a b", "a b c", "a b c d e"))["reward_length_correlation"] == 1.0


def answers_of(*replies):
    """Answers to different calls of a rewarder."""
    calls = []
    judge = jk.Scripted("j", lambda call: calls.append(call) or '{"label": "5"}')
    Rewarder({"rubric": MARKS}, judge).reward([group(*range(len(replies)))])
    return [Answer(call, reply) for call, reply in zip(calls, replies, strict=True)]


def test_calls_are_counted_once_and_only_new_ones_cost():
    one, two, old = answers_of(
        Reply("x", seconds=1.0, cost_usd=0.1, tries=3), Reply("x", seconds=3.0, cost_usd=0.2),
        Reply("x", seconds=99.0, cost_usd=9.9),
    )  # fmt: skip
    found = stats([], answers=[one, replace(one), two, replace(old, stored=True)])

    assert {name: found[name] for name in ("calls", "new_calls", "ledger_hits", "requests")} == {
        "calls": 3, "new_calls": 2, "ledger_hits": 1, "requests": 4,
    }  # fmt: skip
    assert found["cost_usd"] == 0.3
    assert (found["latency_p50"], found["latency_p95"]) == (2.0, 2.9)
    assert found["cache_hit_rate"] == pytest.approx(1 / 3)


def test_a_cost_that_is_not_known_is_none():
    assert stats([], answers=answers_of(Reply("x", cost_usd=0.1), Reply("x")))["cost_usd"] is None


@pytest.mark.parametrize("n", [1, 2, 7, 64, 512, 4_000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.99, 1.0])
def test_an_outage_is_what_the_lower_end_of_clopper_and_pearson_shows(n, share):
    from scipy.special import betaincinv

    for k in {1, max(n // 5, 1), max(n // 4, 1), max(n // 2, 1), n}:
        least = float(betaincinv(k, n - k + 1, 0.05))
        told = outage(["refused"] * k + [None] * (n - k), share)

        assert (told is not None) == (least > share)


def test_a_batch_with_failures_loads_nothing_that_would_hold_a_server_up():
    code = """
import sys
import judgekit as jk
from judgekit.judges.resolve import Scripted
judge = Scripted("j", lambda call: "no verdict")
rewarder = jk.rewards.Rewarder({"rubric": "support_reply", "max_failed": 1.0}, judge)
before = set(sys.modules)
batch = rewarder.reward([jk.rewards.Group("g", "Hi", {"a": "Hello"})])
assert batch["g", "a"].value is None
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before} & {"scipy", "pandas", "numpy"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
