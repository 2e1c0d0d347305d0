"""Pairwise schemes through the real tournaments: `benchmarks/rewards_schemes.py` in small."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_schemes as bench

from judgekit.judges.resolve import Scripted
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import RewardSpec


@pytest.mark.parametrize("n", [2, 3, 5, 6, 8, 9, 16])
@pytest.mark.parametrize("name", sorted(bench.SCHEMES))
def test_calls_are_those_of_the_formula(name: str, n: int):
    spec = bench.SCHEMES[name]

    found = bench.outcome(spec, bench.JUDGES["weak"], n, 2)

    least, most = found.planned
    assert least == bench.formula(spec, n) <= most
    if name == "swiss 5, drawn order":  # a rematch in the same order is the same call
        assert 1 <= found.calls <= least
    else:
        assert found.calls == least


def test_the_default_of_a_group_of_eight_stays_near_the_truth_within_28_calls():
    found = {
        judge: bench.outcome({"scheme": "pairwise"}, bench.JUDGES[judge], 8, 60) for judge in bench.JUDGES
    }

    assert {each.calls for each in found.values()} == {24}
    assert found["weak"].correlation >= 0.80
    assert found["biased"].correlation >= 0.80
    assert found["strong"].correlation > found["weak"].correlation


def test_a_fixed_order_is_no_default_for_it_pays_for_a_lean():
    fixed, drawn = (
        bench.outcome({"scheme": "round_robin", "orders": orders}, bench.JUDGES["biased"], 8, 60)
        for orders in ("given", "random")
    )

    assert RewardSpec(rubric=bench.RUBRIC, scheme="round_robin").orders != "given"
    assert drawn.correlation > fixed.correlation


@pytest.mark.parametrize("name", [name for name in bench.SCHEMES if "both" in name or "cyclic" in name])
def test_a_judge_that_sees_nothing_but_the_place_says_nothing(name: str):
    found = bench.outcome(bench.SCHEMES[name], (0.0, 500.0), 8, 3)

    assert found.rewards == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("twins", [0, 1])
@pytest.mark.parametrize("n", range(2, 17))
def test_to_the_default_such_a_judge_says_nothing_at_any_size(n: int, twins: int):
    first = Scripted("first", lambda _: '{"label": "A"}')
    texts = [str(i) for i in range(n)] + ["0"] * twins
    group = Group("g", "T", {f"r{i}": text for i, text in enumerate(texts)})

    batch = Rewarder({"rubric": bench.RUBRIC, "scheme": "pairwise"}, first).reward([group])

    assert [reward.value for reward in batch] == pytest.approx([0.5] * len(texts), abs=1e-9)
