"""Groupings, pairwise accuracy, soft pairwise accuracy, overlap."""

from itertools import combinations, permutations, product

import numpy as np
import pytest

from judgekit.agreement.association.correlation import pearson
from judgekit.agreement.association.groupings import four_groupings, grouped, grouped_correlation
from judgekit.agreement.association.pairwise_accuracy import (
    better_p_values,
    pairwise_accuracy,
    sign_flips,
    soft_accuracy,
    soft_pairwise_accuracy,
    tie_calibrated_accuracy,
)
from judgekit.agreement.published.rankings import ranking_overlap, rbo_ext, top_weight
from judgekit.errors import InputError

nan = float("nan")
# Four systems by five items; values by mt-metrics-eval (every pair sampled) and by brute force.
HUMAN = [[5, 4, 4, 2, 1], [3, 3, 4, 2, 2], [1, 2, 2, 2, 1], [4, 4, 3, 3, 3]]
METRIC = [
    [0.92, 0.8, 0.81, 0.4, 0.3],
    [0.7, 0.55, 0.79, 0.35, 0.5],
    [0.2, 0.45, 0.3, 0.38, 0.21],
    [0.75, 0.82, 0.6, 0.62, 0.58],
]


@pytest.mark.parametrize(
    ("grouping", "accuracy", "eps", "at_zero"),
    [
        ("none", 0.9052631579, 0.07, 0.7947368421),
        ("by_item", 0.9333333333, 0.03, 0.8),
        ("by_system", 0.9, 0.08, 0.725),
        ("system_level", 1.0, 0.0, 1.0),
    ],
)
def test_ties_are_calibrated(grouping, accuracy, eps, at_zero):
    found = tie_calibrated_accuracy(HUMAN, METRIC, grouping=grouping, b=2).calibration

    assert found.acc_eq == pytest.approx(accuracy, abs=1e-9)
    assert found.tau_eq == pytest.approx(2 * accuracy - 1, abs=1e-9)
    assert found.eps == pytest.approx(eps, abs=1e-12)
    assert pairwise_accuracy(HUMAN, METRIC, grouping=grouping) == pytest.approx(at_zero, abs=1e-9)
    assert pairwise_accuracy(HUMAN, METRIC, grouping=grouping, eps=found.eps) == pytest.approx(accuracy)


@pytest.mark.parametrize("seed", range(5))
def test_calibration_is_what_trying_every_threshold_gives(seed):
    rng = np.random.default_rng(seed)
    human, metric = rng.integers(0, 3, 9).astype(float), rng.integers(0, 12, 9) / 10

    def accuracy(eps):
        right = 0
        for i, j in combinations(range(9), 2):
            gap = round(metric[i] - metric[j], 9)
            said = 0 if abs(gap) <= eps else np.sign(gap)
            right += said == np.sign(human[i] - human[j])
        return right / 36

    thresholds = sorted({0.0, *(round(abs(a - c), 9) for a, c in combinations(metric, 2))})
    best = max(accuracy(eps) for eps in thresholds)
    found = tie_calibrated_accuracy(human[None, :], metric[None, :], grouping="by_system", b=2).calibration

    assert found.acc_eq == pytest.approx(best)
    assert found.eps == pytest.approx(next(eps for eps in thresholds if accuracy(eps) == best))


def test_a_fitted_threshold_flatters_a_judge_that_guesses():
    inside, outside = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        human, guesses = rng.integers(0, 3, (4, 30)), rng.normal(size=(4, 30))
        inside.append(tie_calibrated_accuracy(human, guesses, grouping="by_item", b=2).calibration.acc_eq)
        outside.append(tie_calibrated_accuracy(human, guesses, seed=seed, b=2).held_out.value)

    assert np.mean(inside) > np.mean(outside) + 0.01


def test_both_values_of_the_accuracy_have_intervals_and_systems_none_held_out():
    rng = np.random.default_rng(0)
    human = rng.integers(0, 4, (5, 40)).astype(float)
    metric = human + rng.normal(size=human.shape)

    found = tie_calibrated_accuracy(human, metric, grouping="by_item", b=200)
    systems = tie_calibrated_accuracy(human, metric, grouping="system_level", b=100)

    assert found.in_sample.low < found.in_sample.value < found.in_sample.high
    assert found.held_out.low < found.held_out.value < found.held_out.high
    assert found.in_sample.unit == "item"
    assert f"eps = {found.calibration.eps:g}" in found.in_sample.notes
    assert systems.held_out.status == "undefined:not_identified"


def test_a_cluster_stays_in_one_fold():
    rng = np.random.default_rng(3)
    human = rng.integers(0, 4, (5, 12)).astype(float)
    metric = np.round(human + rng.normal(size=human.shape), 1)
    twice = [np.repeat(each, 2, axis=1) for each in (human, metric)]

    once = tie_calibrated_accuracy(human, metric, folds=3, b=20)
    doubled = tie_calibrated_accuracy(*twice, folds=3, b=20, clusters=np.repeat(range(12), 2))

    # An item given twice says nothing about its copy: the folds and thresholds are those of the items.
    assert doubled.held_out.value == pytest.approx(once.held_out.value, rel=1e-12)


def test_four_groupings_may_differ_in_sign():
    # The judge ranks the systems and misses what varies within them: Simpson's case.
    human = [[1, 2, 3], [11, 12, 13], [21, 22, 23]]
    metric = [[3, 2, 1], [13, 12, 11], [23, 22, 21]]

    found = four_groupings(human, metric, b=50)

    assert found["system_level"].value == pytest.approx(1.0)
    assert found["by_item"].value > 0.99
    assert found["by_system"].value == pytest.approx(-1.0)
    assert found["none"].value > 0.9


def test_groups_without_variation_are_skipped_and_counted():
    found = grouped([[1, 2], [2, 2]], [[1, 2], [3, 1]], grouping="by_item", statistic=pearson)
    estimate = grouped_correlation([[1, 2, 1], [2, 2, 3]], [[1, 2, 4], [3, 1, 5]], grouping="by_item", b=50)

    assert (found.value, found.n_groups, found.n_skipped) == (1.0, 1, 1)
    assert any("1 of 3 groups skipped" in note for note in estimate.notes)


@pytest.mark.parametrize(
    ("human", "metric", "status"),
    [
        ([[nan, nan], [nan, nan]], [[1, 2], [3, 4]], "undefined:no_paired_items"),
        ([[1, 1], [1, 1]], [[1, 2], [3, 4]], "undefined:no_variation"),
        ([[1, nan], [nan, nan]], [[1, 2], [3, 4]], "undefined:too_few"),
        (np.empty((2, 0)), np.empty((2, 0)), "undefined:no_paired_items"),
    ],
)
@pytest.mark.parametrize("grouping", ["none", "by_item", "by_system", "system_level"])
def test_groupings_of_nothing_are_undefined(human, metric, status, grouping):
    found = grouped_correlation(human, metric, grouping=grouping, b=50)

    assert np.isnan(found.value)
    assert found.status == status
    assert np.isnan(
        tie_calibrated_accuracy(np.empty((2, 0)), np.empty((2, 0)), grouping=grouping, b=2).calibration.acc_eq
    )


def test_soft_pairwise_accuracy_by_going_through_all_flips():
    assert soft_pairwise_accuracy(HUMAN, METRIC) == pytest.approx(0.921875, abs=1e-12)


def test_p_values_are_the_share_of_flips_at_least_as_good():
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 1.0]])
    d = scores[0] - scores[1]
    by_hand = np.mean([np.dot(signs, d) >= d.sum() for signs in product([1, -1], repeat=3)])

    p = better_p_values(scores, sign_flips(3))
    mid = better_p_values(scores, sign_flips(3), mid_p=True)

    assert p[0, 1] == by_hand
    assert mid[0, 1] + mid[1, 0] == pytest.approx(1.0)
    assert p[0, 1] + p[1, 0] > 1.0  # ties count for both in the published value


def test_one_flip_matrix_serves_both_raters_so_a_copy_is_perfect():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4, 40))

    assert soft_pairwise_accuracy(scores, 2 * scores + 1, n_flips=200) == 1.0


def test_soft_accuracy_drops_incomplete_items_and_has_an_interval():
    rng = np.random.default_rng(1)
    human = rng.normal(size=(4, 30)) + np.arange(4)[:, None] / 3
    metric = human + rng.normal(size=human.shape)
    human[0, 0] = nan

    found = soft_accuracy(human, metric, n_flips=300)

    assert (found.n_used, found.n_dropped, found.interval) == (29, 1, "t_jackknife")
    assert found.low < found.value < found.high
    assert soft_accuracy(human[:1], metric[:1]).status == "undefined:too_few"


# Corsi and Urbano's test values for rankings with ties (w, a, b), of equal length; p is theirs.
TIED = [
    (
        ["i3", {"i1", "i5", "i7"}, "i9"],
        [{"i1", "i9"}, "i7", "i3", "i4"],
        0.930093081332594,
        (0.697096710334179, 0.678580739450433, 0.684614956129899),
    ),
    (
        ["i2", "i5", "i3", {"i1", "i4"}],
        ["i5", "i8", "i2", {"i3", "i9"}],
        0.968922741966306,
        (0.580287544332462, 0.580994268838527, 0.583518284931614),
    ),
]


@pytest.mark.parametrize(("first", "second", "p", "known"), TIED)
def test_overlap_with_ties_in_three_meanings(first, second, p, known):
    found = [rbo_ext(first, second, p=p, ties=ties) for ties in ("w", "a", "b")]

    assert found == pytest.approx(known, abs=1e-12)


def test_overlap_with_unknown_order_is_the_mean_over_all_orders():
    first, second = ["x", {"y", "z"}, "u"], [{"z", "x"}, {"u", "w"}]
    orders = [
        rbo_ext(["x", *a, "u"], [*c, *d], p=0.8)
        for a in permutations("yz")
        for c in permutations("zx")
        for d in permutations("uw")
    ]

    assert rbo_ext(first, second, p=0.8, ties="a") == pytest.approx(np.mean(orders))
    assert rbo_ext(first, first, p=0.8, ties="b") == pytest.approx(1.0)


def test_overlap_at_its_landmarks():
    # Webber, Moffat and Zobel (2010): seven items; .856 and .657 at p = .9 are by rbo 0.1.3 and by hand.
    s, t = [1, 2, 3, 4, 5, 6, 7], [1, 3, 2, 4, 6, 8, 5]

    assert rbo_ext(s, t, p=0.9) == pytest.approx(0.8561163571, abs=1e-9)
    assert rbo_ext([1, 2, 3], [1, 2, 3]) == pytest.approx(1.0)  # rbo 0.1.3's .rbo() says .271
    assert rbo_ext([1, 2], [3, 4]) == 0.0
    assert top_weight(0.9, 10) == pytest.approx(0.8555854467, abs=1e-9)
    assert np.isnan(rbo_ext([], []))


@pytest.mark.parametrize(
    ("first", "second", "options", "words"),
    [
        ([1, {2, 3}], [1, 2, 3], {}, "ties"),
        ([1, 1], [1, 2], {}, "twice"),
        ([1, 2], [1], {}, "2 and 1 items"),
        ([1], [1], {"p": 1.0}, "between 0 and 1"),
        ([1], [1], {"ties": "mid"}, "refuse, w, a, b"),
    ],
)
def test_overlap_refuses_what_it_cannot_mean(first, second, options, words):
    with pytest.raises(InputError, match=words):
        rbo_ext(first, second, **options)


def test_overlap_of_the_orders_of_systems():
    rng = np.random.default_rng(0)
    human = rng.normal(size=(6, 40)) + np.arange(6)[:, None]
    metric = human + 0.3 * rng.normal(size=human.shape)

    found = ranking_overlap(human, metric, b=100)
    tied = ranking_overlap([[1, 2], [2, 1], [3, 3]], [[1, 1], [2, 2], [3, 3]], ties="refuse", b=20)

    assert 0.9 < found.value <= 1.0
    assert tied.status == "undefined:not_identified"
    assert ranking_overlap([[nan]], [[1]]).status == "undefined:no_paired_items"
    # Means 3, then 1.5 twice, against 3, 2, 1: full overlap at depths 1 and 3, at 2 also for a tie.
    known = rbo_ext([2, {0, 1}], [2, 1, 0], ties="w")
    assert ranking_overlap([[1, 2], [2, 1], [3, 3]], [[1, 1], [2, 2], [3, 3]], b=20).value == known


@pytest.mark.parametrize(
    ("human", "metric", "words"),
    [
        ([[1, float("inf")]], [[1, 2]], "row 0, column 1 is infinite"),
        ([[1, 2]], [[1], [2]], r"\(1, 2\) and \(2, 1\)"),
        ([1, 2], [1, 2], "two dimensions"),
        ([["a"]], [["b"]], "numbers are needed"),
    ],
)
def test_malformed_scores_are_refused_with_their_place(human, metric, words):
    with pytest.raises(InputError, match=words):
        soft_pairwise_accuracy(human, metric)
    with pytest.raises(InputError, match="there are none, by_item"):
        grouped([[1]], [[1]], grouping="by_team", statistic=pearson)
