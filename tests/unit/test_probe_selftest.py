"""The self-test: planted judges are asked by the path that every judge is."""

import pytest

from judgekit.probes.probe import prepare_probes, probe
from judgekit.probes.selftest import RUBRIC, PlantedJudge, items, walked


def test_without_prompts_a_planted_judge_says_what_it_says_with_them() -> None:
    own = items(7, n=6)
    judge = PlantedJudge("clean", {item.item_id: item for item in own}, seed=7)
    made = prepare_probes(own, RUBRIC, judge.scripted(), only=["length", "ruin"], ledger=None)
    asked = probe(own, RUBRIC, judge.scripted(), only=["length", "ruin"], ledger=None, progress=False)
    for one, other in zip(made.shifts(walked(made, judge), "clean"), asked.shifts, strict=True):
        assert one.shift.value == pytest.approx(other.shift.value, abs=1e-12)
        assert (one.state, one.n) == (other.state, other.n)
