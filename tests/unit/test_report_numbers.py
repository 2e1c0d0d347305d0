"""No two numbers of a report stand under one name, and what is told beside them follows from them."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement import audit
from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.data import of_frame
from judgekit.report import findings, read_thresholds
from judgekit.report.page import _estimates_in
from judgekit.report.steps import more_labels
from judgekit.types import Estimate

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from verdict_cases import CASES

GATES = read_thresholds()
NAMED = (
    "equal to a person", "no verdict on 3 of 10", "own family up by a point", "nominal: copy, 5 % flips",
    "0 to 100: equal to a person", "yes/no, trusted: copy, 4 % flips",
    "pairs, both orders: the first in 2 of 5",
    "pairs: always the better system", "pairs: own family in half", "chosen sample, weights: copy, 3 % flips",
)  # fmt: skip


def between_labels():
    """A judge whose scores lie between labels, as means of label probabilities do."""
    [case] = [each for each in CASES if each.name == "equal to a person"]
    lab = case.make(np.random.default_rng(1))
    cells = lab.numbers.copy()
    cells[:, 0] = np.clip(cells[:, 0] + np.where(np.arange(len(cells)) % 2, 0.4, -0.3), 1, 5)
    return replace(lab, numbers=cells)


def without_majority():
    """Two people and two labels: where they differ neither is what most say."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 200)
    cells = [np.where(rng.random(200) < 0.85, truth, 1 - truth) for _ in range(3)]
    return of_frame(np.column_stack(cells), scale=[0, 1], judges=["j"], raters=["j", "p", "q"])


MADE = {
    **{c.name: lambda case=c: case.make(np.random.default_rng(1)) for c in CASES if c.name in NAMED},
    "scores between labels": between_labels,
    "units without a majority": without_majority,
}  # fmt: skip


@pytest.fixture(scope="module", params=MADE)
def made(request):
    return audit(MADE[request.param](), b=10)


def test_no_two_numbers_of_a_judge_stand_under_one_name(made):
    for judge in made.criteria[0].judges:
        drawn = [
            (figure.at(i, "statistic"), figure.at(i, "value"))
            for figure in figures(made)
            if figure.judge == judge.judge and figure.kind == "forest"
            for i in figure.places
        ]
        listed = [(row[0], row[1]) for row in _estimates_in(judge)]
        values: dict[str, set[str]] = {}
        for name, value in [*drawn, *listed]:
            values.setdefault(name, set()).add("none" if value is None else f"{value:.9f}")

        assert {name: each for name, each in values.items() if len(each) > 1} == {}


def test_the_difference_to_a_rule_is_that_of_the_numbers_beside_it(made):
    for judge in made.criteria[0].judges:
        for rule in judge.controls:
            assert rule.agreement.n_used == rule.judge.n_used == rule.difference.n_used
            assert rule.difference.value == pytest.approx(rule.judge.value - rule.agreement.value, abs=1e-12)


def test_what_decides_is_marked_comes_first_and_no_row_stands_twice(made):
    for found in findings(made, GATES):
        decides = [check.decides for check in found.checks]
        whats = [check.what for check in found.checks]

        assert decides[0]
        assert decides == sorted(decides, reverse=True)
        assert len(set(whats)) == len(whats)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_verdict_has_a_next_step_and_what_it_goes_by(case):
    made = audit(case.make(np.random.default_rng(1)), b=20, only_deciding=True)

    for found in findings(made, GATES):
        assert found.correction or found.change
        assert found.checks[0].decides
        steps = [*found.correction, *found.change]
        if any(check.gate == "people_agree" and check.met is False for check in found.checks):
            assert "sharpen the criterion" in steps[0]  # before all else, whatever the verdict


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.505, 0.425, 0.577, "more labels would not change it"),  # all of it is below
        (0.589, 0.521, 0.649, "no number of labels lifts the lower end over 0.6; a better judge would"),
        (0.65, 0.55, 0.75, r"if 0.65 is what it is worth, 400 labelled units \(300 more\)"),  # (.1 / .05)^2
    ],
)
def test_labels_are_asked_for_only_where_they_can_help(value, low, high, said):
    number = Estimate("kappa_of_pairs", value, low=low, high=high, n_used=100)
    [judge] = audit(without_majority(), b=10).criteria[0].judges

    [advice] = more_labels(GATES, "agreement_gate", number, judge)

    assert re.search(said, advice)
    assert ("more)" in advice) == (value > 0.6)
