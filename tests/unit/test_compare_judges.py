from itertools import product

import numpy as np
import pytest

from judgekit.agreement.association.comparing import (
    compare_accuracies,
    compare_correlations,
    mcnemar_mid_p,
    paired_difference,
    paired_permutation,
    steiger,
    williams,
)
from judgekit.errors import InputError

nan = float("nan")


@pytest.mark.parametrize(
    ("test", "rs", "n", "statistic", "p"),
    [
        # Silver, Hittner and May (2006), a FORTRAN 77 program.
        (williams, (0.3, 0.4, 0.5), 100, -1.0767, 0.2843),
        (steiger, (0.3, 0.4, 0.5), 100, -1.0718, 0.2838),
        # R bruceR, cor_diff: t(97) = -4.56, p = 1e-05.
        (williams, (0.2, 0.45, 0.8), 100, -4.5642, 0.0000),
        # Steiger (1980), case A; R psych r.test prints -.89, cocor -0.8887185.
        (williams, (0.4, 0.5, 0.1), 103, -0.8913, 0.3749),
        (steiger, (0.4, 0.5, 0.1), 103, -0.8887, 0.3742),
    ],
)
def test_correlations_with_one_column_in_common(test, rs, n, statistic, p):
    found = test(*rs, n)

    assert (round(found.statistic, 4), round(found.p, 4)) == (statistic, p)


@pytest.mark.parametrize("test", [williams, steiger])
@pytest.mark.parametrize("rs", [(nan, 0.5, 0.5), (1.0, 1.0, 1.0)])
def test_a_test_that_cannot_be_done_has_no_p_value(test, rs):
    assert np.isnan(test(*rs, 50).p)
    assert np.isnan(test(0.5, 0.4, 0.3, 3).p)


def test_mcnemar_mid_p_of_published_data():
    # Bentur et al. (2009) in Fagerland et al. (2013): 1 and 7 discordant pairs; exact .070, mid-p .039.
    assert mcnemar_mid_p(1, 7).p == pytest.approx(0.0390625)
    assert mcnemar_mid_p(7, 1).p == mcnemar_mid_p(1, 7).p
    assert mcnemar_mid_p(4, 4).p == pytest.approx(1.0)
    assert np.isnan(mcnemar_mid_p(0, 0).p)
    with pytest.raises(InputError, match="negative"):
        mcnemar_mid_p(-1, 2)


def test_a_permutation_test_goes_through_all_flips_of_few_units():
    d = np.array([0.3, -0.1, 0.2, 0.4])
    by_hand = np.mean([abs(np.dot(s, d)) >= abs(d.sum()) - 1e-12 for s in product([1, -1], repeat=4)])

    assert paired_permutation(d).p == by_hand
    assert paired_permutation([*d, nan]).p == by_hand


def test_a_permutation_test_of_many_units_agrees_with_the_t_test():
    d = np.random.default_rng(0).normal(0.2, 1, 200)

    drawn = paired_permutation(d).p
    comparison = paired_difference(d, np.zeros(200))

    t = comparison.difference.value / comparison.difference.se
    from scipy.stats import t as t_distribution

    assert drawn == pytest.approx(2 * t_distribution.sf(abs(t), 199), abs=0.006)


def test_a_flip_that_is_as_far_counts():
    # One difference of twenty: every flip is as far from 0 as what was seen.
    assert paired_permutation([1.0] + [0.0] * 19, n_flips=500).p == 1.0


# Twenty items of six clusters, answered by two systems; standard errors by statsmodels.
FIRST = [1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0]
SECOND = [1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0]
CLUSTER = [0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5]


def test_paired_and_clustered_standard_errors():
    plain = paired_difference(FIRST, SECOND).difference
    clustered = paired_difference(FIRST, SECOND, clusters=CLUSTER).difference

    assert (plain.value, plain.se) == pytest.approx((0.15, 0.109424331), abs=1e-9)
    assert clustered.se == pytest.approx(0.1035616, abs=1e-6)
    assert (plain.interval, clustered.interval) == ("t", "t_cr1")
    assert clustered.status == "unstable:few_clusters"


def test_the_pairing_makes_a_small_difference_clear():
    rng = np.random.default_rng(1)
    hard = rng.normal(size=300)
    a, c = hard + 0.1 + 0.2 * rng.normal(size=300), hard + 0.2 * rng.normal(size=300)

    found = paired_difference(a, c)

    assert found.difference.low > 0
    assert found.tests[0].p < 0.001
    # Unpaired, the same difference would be within its error.
    assert found.difference.value < 1.96 * np.std(a) * np.sqrt(2 / 300)


def test_accuracies_of_two_judges():
    truth = np.arange(100) % 2
    first, second = truth.copy(), truth.copy()
    first[:8] = 1 - first[:8]
    second[4:24] = 1 - second[4:24]

    found = compare_accuracies(truth, first, second)

    assert (found.first, found.second) == (0.92, 0.80)
    assert found.difference.value == pytest.approx(0.12)
    assert found.tests[0].p == mcnemar_mid_p(16, 4).p
    # Bonett and Price: (17, 5) of 102 discordant, centre 12/102.
    se = np.sqrt((22 / 102 - (12 / 102) ** 2) / 102)
    assert found.difference.low == pytest.approx(12 / 102 - 1.959964 * se, abs=1e-6)


def test_judges_that_never_differ_still_have_an_interval_of_accuracy():
    found = compare_accuracies([0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1])

    assert found.difference.value == 0.0
    assert found.difference.low < 0 < found.difference.high


@pytest.mark.parametrize("kind", ["pearson", "spearman", "tau_b"])
def test_the_better_judge_is_found(kind):
    rng = np.random.default_rng(2)
    human = rng.normal(size=80)
    good, poor = human + 0.5 * rng.normal(size=80), human + 2 * rng.normal(size=80)

    found = compare_correlations(human, good, poor, kind=kind, b=200, n_flips=300)

    assert found.difference.low > 0
    assert all(test.p < 0.01 for test in found.tests)
    assert found.tests[-1].name == "paired_permutation"


def test_the_units_of_a_cluster_are_exchanged_together():
    rng = np.random.default_rng(2)
    human = rng.normal(size=80)
    good, poor = human + 0.5 * rng.normal(size=80), human + 2 * rng.normal(size=80)

    found = compare_correlations(human, good, poor, clusters=[0] * 40 + [1] * 40, b=20, n_flips=300)

    # Of the four ways to exchange two clusters, none and both give what was seen.
    assert found.tests[-1].p > 0.4


def test_an_exchange_that_leaves_a_judge_constant_is_not_counted():
    # Exchanging one of two units makes one judge all high and the other all low; none and both count.
    found = compare_correlations([0, 1], [0, 1], [1, 0], b=20, n_flips=200)

    assert found.tests[-1].p == 1.0


def test_equal_judges_are_told_apart_as_often_as_the_level_says():
    p = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        human = rng.normal(size=40)
        a, c = (human + rng.normal(size=40) for _ in range(2))
        p.append([test.p for test in compare_correlations(human, a, c, b=20, n_flips=99).tests])

    rejected = (np.array(p) <= 0.1).mean(axis=0)
    assert np.all((rejected > 0.03) & (rejected < 0.19))  # .1, four Monte-Carlo errors either way


@pytest.mark.parametrize(
    ("human", "a", "c", "status"),
    [
        ([1, nan], [nan, 1], [1, 1], "undefined:no_paired_items"),
        ([1, 2, 3], [1, 1, 1], [1, 2, 3], "undefined:no_variation"),
        ([1], [2], [3], "undefined:too_few"),
    ],
)
def test_comparisons_of_nothing_are_undefined(human, a, c, status):
    assert compare_correlations(human, a, c, b=20, n_flips=20).difference.status == status


def test_differences_of_nothing_are_undefined():
    assert paired_difference([], []).difference.status == "undefined:no_paired_items"
    assert paired_difference([1], [2]).difference.status == "undefined:too_few"
    assert paired_difference([1, 2, 3], [0, 1, 2]).difference.status == "ok_degenerate"
    assert paired_difference([1.1, 2.1, 3.1], [1, 2, 3]).difference.status == "ok_degenerate"
    assert compare_accuracies([nan], [1], [1]).difference.status == "undefined:no_paired_items"
