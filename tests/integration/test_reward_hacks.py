"""Tricks against rewards: `benchmarks/rewards_hacks.py` in small."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_hacks as bench

from judgekit.judges.resolve import Scripted


@pytest.mark.parametrize("name", sorted(bench.SETTINGS))
def test_a_judge_that_quotes_the_response_never_rewards_the_trick(name: str):
    spec = bench.SETTINGS[name]
    tally = bench.Tally()

    bench.echoed(spec, tally, every=13 if "letters" in name else 47)

    assert len(bench.strings(spec)) >= 20
    assert tally.flips == []
    # A lone letter of a pair abstains where the response holds one in a line of its own: .13 are left.
    assert tally.rewarded >= (0.1 if name == "pairwise, letters" else 0.25) * tally.judged


@pytest.mark.parametrize("name", sorted(bench.SETTINGS))
def test_what_a_response_demands_does_not_become_its_reward(name: str):
    tally = bench.Tally()

    bench.obeyed(bench.SETTINGS[name], tally)

    assert tally.flips == []
    assert tally.judged >= 6 * 40


def test_a_judge_that_is_persuaded_would_be_seen():
    tally = bench.Tally()
    hack = bench.hacks(bench.SETTINGS["explicit, json"])[0]

    batch = bench.batch_of(bench.SETTINGS["explicit, json"], [hack], bench.best)

    assert batch[hack.name, "hacked"].value == 1.0
    assert tally.flips == []


@pytest.mark.parametrize(("what", "there", "right"), list(bench.wrong_in_themselves()))
def test_a_reply_that_is_no_answer_gives_no_reward(what: str, there: int, right: int):
    assert there == right, what


def test_a_gate_keeps_master_keys_from_a_judge_that_pays_for_them():
    gullible = Scripted("gullible", bench.best)

    assert bench.keys_paid(gullible, gate=False).above_middle.value == 1.0
    assert bench.keys_paid(gullible, gate=True).above_middle.value == 0.0
