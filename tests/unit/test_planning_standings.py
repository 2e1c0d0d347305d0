"""How many comparisons tell two systems apart: closed forms, and what is said where none would."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from judgekit.errors import InputError
from judgekit.standing import bradley_terry, pairs_for_gap, plan_pairs
from judgekit.standing.planning import power_of
from judgekit.types import Unit, Verdict
from tests.unit.test_designs import COUNTS, STRENGTHS, of_counts, standing_of


@pytest.mark.parametrize(("gap", "n"), [(0.5, 133.5958), (0.2, 792.7631), (0.1, 3147.4073)])
def test_comparisons_head_to_head(gap, n):
    assert pairs_for_gap(gap) == pytest.approx(n, abs=1e-4)
    assert pairs_for_gap(-gap, deff=2) == pytest.approx(2 * n, abs=2e-4)


def test_the_power_of_so_many_is_that_of_the_exact_test():
    n, p = 793, 1 / (1 + math.exp(-0.2))
    low = binom.ppf(0.025, n, 0.5) - 1  # the largest region of at most 5 %

    power = binom.cdf(low, n, p) + binom.sf(n - low - 1, n, p)
    assert power == pytest.approx(0.7946, abs=0.005)


def test_direct_pairs_in_a_graph_make_up_for_what_is_missing():
    covariance = of_counts(STRENGTHS, COUNTS, prior=1e-9)
    [plan] = plan_pairs(standing_of(STRENGTHS, covariance), pairs=[("a", "b")])

    assert plan.sd**2 == pytest.approx(0.0880459089, abs=1e-7)
    assert plan.pairs == math.ceil(746.8764)
    assert plan.deff == 1
    p = 1 / (1 + math.exp(-0.2))
    after = 1 / (1 / plan.sd**2 + plan.pairs * p * (1 - p))
    assert power_of(0.2, after, plan.critical) == pytest.approx(0.8, abs=1e-3)
    assert power_of(0.2, plan.sd**2 / (1 + plan.items / 100), plan.critical) == pytest.approx(0.8, abs=2e-3)


def test_a_gap_within_the_margin_is_not_worth_any_price():
    standing = standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS))
    plans = {(p.one, p.other): p for p in plan_pairs(standing, margin=0.3)}

    assert plans["a", "b"].status == "within_margin"
    assert plans["a", "b"].pairs is None
    assert plans["a", "d"].pairs is not None
    assert [p.pairs is None for p in plan_pairs(standing, margin=0.3)] == [False] * 4 + [True] * 2


def test_all_pairs_at_once_take_more_than_one():
    standing = standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS))
    alone = plan_pairs(standing, pairs=[("a", "b")])[0]
    together = next(p for p in plan_pairs(standing) if (p.one, p.other) == ("a", "b"))

    assert alone.critical == pytest.approx(1.96, abs=1e-3)
    assert together.critical > 2.5
    assert together.pairs > alone.pairs


def test_systems_told_apart_need_nothing_more():
    standing = standing_of([2.0, -2.0], of_counts([2.0, -2.0], [[0, 500], [500, 0]]))

    assert [(p.status, p.pairs, p.items) for p in plan_pairs(standing)] == [("apart", 0, 0)]


def outcomes(rng, n_items, alike):
    """Return verdicts of `alike` raters an item, who all say the same."""
    for item in range(n_items):
        label = "first" if rng.random() < 0.55 else "second"
        for rater in range(alike):
            yield Verdict(
                str(rater), Unit(str(item), ("a", "b")), "c", ((label, 1.0),), label, float(label == "first")
            )


def test_verdicts_of_one_item_that_say_the_same_are_no_new_evidence():
    [plan] = plan_pairs(bradley_terry(outcomes(np.random.default_rng(0), 300, 3), b=2000), gap=0.4)
    [alone] = plan_pairs(bradley_terry(outcomes(np.random.default_rng(0), 300, 1), b=2000), gap=0.4)

    assert plan.deff == pytest.approx(3, abs=0.3)
    assert alone.deff == pytest.approx(1, abs=0.1)
    assert plan.power == pytest.approx(alone.power, abs=0.02)
    assert plan.items == pytest.approx(alone.items, abs=15)


def test_what_is_not_known_has_no_number():
    said = [Verdict("j", Unit("1", ("a", "b")), "c", (("first", 1.0),), "first", 1.0)]
    [plan] = plan_pairs(bradley_terry(said))

    assert plan.status == "undefined:not_identified"
    assert plan.pairs is None
    assert math.isnan(plan.power)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"power": 1.0}, "power of 1.0"),
        ({"margin": -1.0}, "margin of -1.0"),
        ({"pairs": [("a", "z")]}, "no system 'z'"),
        ({"gap": math.inf}, "gap of inf"),
    ],
)
def test_what_cannot_be_planned_is_refused(how, message):
    with pytest.raises(InputError, match=message):
        plan_pairs(standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS)), **how)
