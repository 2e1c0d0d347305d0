"""The loop of the guide for people, walked a few times; `benchmarks/people_loop.py` walks it 200 times."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import people_loop

from judgekit.report import findings

SEEDS = range(3)


@pytest.fixture(scope="module")
def found():
    return {name: people_loop.of_judge(name, SEEDS) for name in ("good", "yes to everything")}


@pytest.mark.parametrize("name", ["good", "yes to everything"])
@pytest.mark.parametrize(
    "loop", [each for each in people_loop.LOOPS if each.labels == 60], ids=lambda x: x.name
)
def test_the_loop_ends_in_the_right_verdict(loop, name, found):
    said = found[name][loop.name]

    assert len(said) == len(SEEDS)
    assert [people_loop.is_right(loop, name, each) for each in said] == [True] * len(SEEDS), said


def test_of_answers_that_a_rule_picked_nothing_is_said_and_the_reason_is(monkeypatch):
    seen = []

    def kept(made, gates):
        seen.extend(findings(made, gates))
        return seen

    monkeypatch.setattr(people_loop, "findings", kept)
    w = people_loop.world(people_loop.np.random.default_rng(1), 120)
    [loop] = [each for each in people_loop.LOOPS if each.even == 0.0]
    people_loop.walked(loop, w, people_loop.judged("lots", w, 1), 1)

    assert {each.verdict for each in seen} == {"INSUFFICIENT EVIDENCE"}
    assert all("picked by entropy, since judges may be wrong there" in each.why for each in seen)
    assert all("a sample that chance draws" in each.change[0] for each in seen)
