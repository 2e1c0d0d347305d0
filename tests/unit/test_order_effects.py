"""Order effects: known tables, planted judges, and what one verdict an order cannot tell."""

import math

import numpy as np
import pytest

from judgekit.agreement.bias.order_effects import (
    attributable_to_position,
    listwise_position,
    order_intercept,
    position_counts,
    position_effects,
)
from judgekit.errors import InputError


def planted(n, bias, noise, k=1, *, seed=0):
    """Verdicts by place of a judge with a bias for the first place, in both orders, k repeats."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(n, 1))
    one = (quality + bias + noise * rng.normal(size=(n, k)) > 0).astype(float)
    other = (-quality + bias + noise * rng.normal(size=(n, k)) > 0).astype(float)
    return one, other


def test_each_of_the_nine_pairs_of_verdicts():
    # first order, other order, by place: consistent is (1, 0), (0, 1) and two ties.
    table = {(1, 0): 0, (0, 1): 0, (0.5, 0.5): 0, (1, 1): 1, (1, 0.5): 1, (0.5, 1): 1}
    table |= {(0, 0): -1, (0, 0.5): -1, (0.5, 0): -1}
    for (one, other), leaning in table.items():
        found = position_counts([one], [other])
        assert (found.consistent, found.primacy, found.recency) == (leaning == 0, leaning == 1, leaning == -1)


def test_a_missing_verdict_is_dropped_and_counted():
    found = position_counts([1, None, 1], [0, 1, math.nan])
    rates = position_effects([1, None, 1], [0, 1, math.nan], seed=1, b=50)

    assert (found.n, found.n_dropped) == (1, 2)
    assert (rates["conflict_rate"].n_used, rates["conflict_rate"].n_dropped) == (1, 2)


def test_always_the_first_place_is_full_primacy():
    rates = position_effects([1] * 30, [1] * 30, seed=1, b=50)

    assert rates["primacy_rate"].value == 1.0
    assert rates["preference_fairness"].value == -1.0
    assert rates["first_pick_rate"].value == 1.0
    assert rates["position_consistency"].value == 0.0


def test_no_pair_is_undefined():
    rates = position_effects([math.nan], [1], seed=1)

    assert {e.status for e in rates.values()} == {"undefined:no_paired_items"}


def test_clusters_take_the_place_of_pairs():
    one, other = (x[:, 0] for x in planted(60, 0.5, 0.3))
    rates = position_effects(one, other, seed=1, b=100, clusters=[i // 2 for i in range(60)])

    assert rates["conflict_rate"].interval == "t_cr1"
    assert rates["preference_fairness"].unit == "cluster"


def test_noise_is_told_from_place_by_repeats():
    noisy = attributable_to_position(*planted(300, 0.0, 1.0, 4), seed=1, b=200)
    biased = attributable_to_position(*planted(300, 1.0, 0.2, 4), seed=1, b=200)

    assert noisy["position_attributable"].low < 0 < noisy["position_attributable"].high
    assert noisy["d_within"].value > 0.2
    assert biased["position_attributable"].low > 0.3


def test_one_verdict_an_order_identifies_no_cause():
    found = attributable_to_position(*planted(50, 1.0, 0.5), seed=1)

    assert {e.status for e in found.values()} == {"undefined:not_identified"}


def test_the_order_term_recovers_a_planted_bias():
    rng = np.random.default_rng(2)
    n, strength = 4000, np.array([0.0, 0.8, -0.5])
    first = rng.integers(0, 3, n)
    second = (first + rng.integers(1, 3, n)) % 3
    p = 1 / (1 + np.exp(-(strength[first] - strength[second] + 0.6)))
    won = (rng.random(n) < p).astype(float)
    delta, slope = order_intercept(
        first.tolist(), second.tolist(), won, clusters=(np.arange(n) // 4).tolist()
    )

    assert abs(delta.value - 0.6) < 4 * delta.se
    assert 0.02 < delta.se < 0.06
    assert abs(slope.value) < 4 * slope.se
    assert delta.interval == "t_cr1"


def test_a_judge_who_always_takes_the_first_is_held_finite_and_said_so():
    delta, _ = order_intercept(["a", "b"] * 20, ["b", "a"] * 20, [1] * 40)

    assert delta.value > 3
    assert any("ridge" in note for note in delta.notes)


def test_places_in_a_list():
    even = listwise_position(list(range(4)) * 25, 4)
    first = listwise_position([0] * 100, 4)

    assert (even.value, first.value) == pytest.approx((0.0, 1.0))
    assert listwise_position([0, 1], 4).status == "undefined:too_few"
    with pytest.raises(InputError, match="places"):
        listwise_position([4], 4)
