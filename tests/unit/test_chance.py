"""Coefficients of agreement: published tables, and results that other packages get wrong."""

from math import isnan, nan

import numpy as np
import pytest

from judgekit.agreement.chance.chance import (
    chance_corrected,
    fleiss_cohen_everitt,
    krippendorff_alpha,
    patterns,
)
from judgekit.agreement.chance.coefficients import alpha, conger, fleiss, gwet, kappa, percent, scott
from judgekit.agreement.core.ratings import as_ratings, ratings_of_table
from judgekit.agreement.core.weights import weights_of
from judgekit.errors import InputError

# Krippendorff (2011), section D: 12 units by 4 observers.
WORKED_EXAMPLE = [
    [1, 1, nan, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [nan, 5, 5, 5],
    [nan, nan, 1, 1],
    [nan, 3, nan, nan],
]
SCALE = [1, 2, 3, 4, 5]

# R irr's data `anxiety`: 20 persons by 3 raters, no gaps.
ANXIETY = [
    [3, 3, 2], [3, 6, 1], [3, 4, 4], [4, 6, 4], [5, 2, 3], [5, 4, 2], [2, 2, 1], [3, 4, 6], [5, 3, 1],
    [2, 3, 1], [2, 2, 1], [6, 3, 2], [1, 3, 3], [5, 3, 3], [2, 2, 1], [2, 2, 1], [1, 1, 3], [2, 3, 3],
    [4, 3, 2], [3, 4, 2],
]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_the_worked_example_of_krippendorff(metric, published):
    value = krippendorff_alpha(WORKED_EXAMPLE, values=SCALE, metric=metric)

    assert value == pytest.approx(published, abs=5e-4)
    assert alpha(WORKED_EXAMPLE, scale=SCALE, metric=metric).value == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "right", "of_r_irr"),
    [
        ("nominal", -0.0237252125, -0.0324),
        ("ordinal", 0.2283869453, 0.2218),
        ("interval", 0.1700986079, 0.1631),
        ("ratio", 0.1418013406, 0.1345),
    ],
)
def test_alpha_of_complete_ratings_is_not_that_of_r_irr(metric, right, of_r_irr):
    # R irr 0.84.1 weights pairs by 1, not by 1/(m - 1), where no cell is missing and there are more
    # than two raters.
    value = krippendorff_alpha(ANXIETY, values=[1, 2, 3, 4, 5, 6], metric=metric)

    assert value == pytest.approx(right, abs=1e-9)
    assert abs(value - of_r_irr) > 0.006


def test_gwets_ordinal_weights_are_not_krippendorffs_ordinal_metric():
    metric = krippendorff_alpha(WORKED_EXAMPLE, values=SCALE, metric="ordinal")
    weights = chance_corrected(WORKED_EXAMPLE, "alpha", values=SCALE, weights="ordinal_gwet")

    assert metric == pytest.approx(0.8154, abs=5e-5)
    assert weights == pytest.approx(0.8336, abs=5e-5)


def test_the_declared_scale_decides_not_the_labels_that_were_used():
    # scikit-learn 1.9 without labels= says 0.800, since it takes 1, 2, 5 for neighbours.
    pairs = np.array([[1, 1], [2, 2], [5, 5], [5, 2]])

    declared = kappa(pairs, scale=SCALE, weights="quadratic").value
    found_only = kappa(pairs, scale=["1", "2", "5"], weights="quadratic").value

    assert declared == pytest.approx(0.625)
    assert found_only == pytest.approx(0.8)


def test_weights_stand_on_values_not_on_places():
    uneven = weights_of("linear", np.array([0.0, 0.9, 1.0]))

    assert uneven.of(np.array([0]), np.array([1])) == pytest.approx([0.1])
    assert uneven.of(np.array([1]), np.array([2])) == pytest.approx([0.9])


def test_two_tables_with_equal_agreement_and_unequal_kappa():
    # Feinstein and Cicchetti (1990): agreement .85 in both, kappa .70 and .32.
    balanced = ratings_of_table([[40, 9], [6, 45]], scale=[0, 1])
    skewed = ratings_of_table([[80, 10], [5, 5]], scale=[0, 1])

    assert percent(balanced).value == pytest.approx(0.85)
    assert percent(skewed).value == pytest.approx(0.85)
    assert kappa(balanced).value == pytest.approx(0.70, abs=5e-3)
    assert kappa(skewed).value == pytest.approx(0.32, abs=5e-3)
    assert gwet(skewed).value == pytest.approx(0.808)


def test_the_published_standard_error_of_kappa():
    # Fleiss (1981), table 13.1: kappa .676 with standard error .087 (.0877).
    found = fleiss_cohen_everitt([[75, 1, 4], [5, 4, 1], [0, 0, 10]])

    assert (found.kappa, found.se) == pytest.approx((0.6765, 0.0877), abs=5e-5)


def test_kappa_of_two_raters_has_the_published_standard_error_on_the_scale_of_atanh():
    ratings = ratings_of_table([[40, 9], [6, 45]], scale=[0, 1])
    estimate, fisher = kappa(ratings), kappa(ratings, interval="fisher_z")
    half = 1.959963985 * 0.0713936027 / (1 - 0.6995192308**2)

    assert fisher.low == pytest.approx(np.tanh(np.arctanh(0.6995192308) - half), abs=1e-8)
    assert (estimate.interval, estimate.seed) == ("influence_z", None)
    assert estimate.se == pytest.approx(0.0713936027, abs=1e-8)
    # Fifteen errors in a hundred leave about twenty degrees of freedom: a little wider.
    assert fisher.low - 0.03 < estimate.low < fisher.low


def test_more_raters_have_the_linearised_standard_error_and_t():
    few, many = (fleiss(WORKED_EXAMPLE * k, scale=SCALE) for k in (1, 20))
    estimate = fleiss(WORKED_EXAMPLE, scale=SCALE, interval="t")

    assert (few.interval, few.seed) == ("bca", 0)
    assert (many.interval, many.seed) == ("t", None)

    assert estimate.se == pytest.approx(0.1530192035, abs=1e-9)
    assert estimate.interval == "t"
    assert estimate.low == pytest.approx(0.7611692754 - 2.20098516 * 0.1530192035, abs=1e-8)
    assert estimate.high == 1.0
    assert (estimate.n_units, estimate.n_used, estimate.n_dropped) == (12, 11, 1)


def test_many_categories_give_the_numbers_of_a_matrix(monkeypatch):
    from judgekit.agreement.chance import chance
    from judgekit.agreement.core import weights

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 101, size=(80, 1))
    cells = np.clip(truth + rng.integers(-9, 10, size=(80, 3)), 0, 100)
    scale = list(range(101))
    held = [
        (c, w, chance_corrected(cells, c, values=scale, weights=w))
        for c in ("fleiss", "conger", "gwet", "alpha")
        for w in ("identity", "linear", "quadratic")
    ]
    ordinal = krippendorff_alpha(cells, values=scale, metric="ordinal")

    monkeypatch.setattr(weights, "MOST_HELD", 10)
    monkeypatch.setattr(chance, "_DENSE", 100)

    for coefficient, kind, value in held:
        assert chance_corrected(cells, coefficient, values=scale, weights=kind) == pytest.approx(value)
    assert krippendorff_alpha(cells, values=scale, metric="ordinal") == pytest.approx(ordinal)


def test_patterns_stand_for_the_same_units_however_they_are_found():
    codes = np.random.default_rng(1).integers(-1, 40, size=(60, 12))  # 41**12 fits no integer

    rows, counts = patterns(codes, 40)
    few, few_counts = patterns(codes[:, :2] % 3, 3)

    assert counts.sum() == few_counts.sum() == 60
    assert {tuple(r) for r in rows.tolist()} == {tuple(r) for r in codes.tolist()}
    assert {tuple(r) for r in few.tolist()} == {tuple(r) for r in (codes[:, :2] % 3).tolist()}


def test_cohens_kappa_leaves_out_units_with_a_gap_and_counts_them():
    estimate = kappa([[0, 0], [1, 1], [1, 0], [0, None], [None, 1]], scale=[0, 1])

    assert (estimate.n_units, estimate.n_used, estimate.n_dropped) == (5, 3, 2)
    assert estimate.value == pytest.approx(kappa([[0, 0], [1, 1], [1, 0]], scale=[0, 1]).value)


@pytest.mark.parametrize("function", [kappa, scott])
def test_three_raters_are_one_too_many_for_two(function):
    with pytest.raises(InputError, match="found 3"):
        function([[1, 1, 2]], scale=[1, 2])


def test_own_weights_are_checked():
    with pytest.raises(InputError, match="symmetric"):
        percent([[0, 1]], scale=[0, 1], weights=[[1.0, 0.5], [0.2, 1.0]])
    with pytest.raises(InputError, match="nominal"):
        weights_of("quadratic", np.array([0.0, 1.0]), "nominal")
    with pytest.raises(InputError, match="ratios"):
        weights_of("ratio", np.array([-1.0, 1.0]))


def test_own_weights_of_linear_form_are_linear():
    own = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    cells = [[1, 2], [3, 3], [1, 1], [2, 3], [3, 1]]

    ours = kappa(cells, scale=[1, 2, 3], weights=own)

    assert ours.value == pytest.approx(kappa(cells, scale=[1, 2, 3], weights="linear").value)
    assert ours.name == "cohen_kappa_own_weights"


def test_no_variation_is_undefined_rather_than_perfect():
    assert isnan(krippendorff_alpha([[1, 1], [1, 1]], values=[1, 2], metric="nominal"))
    assert isnan(chance_corrected([[1, 1], [1, 1]], "conger", values=[1, 2]))


def test_perfect_agreement_has_an_interval_that_is_no_point():
    estimate = conger([[0, 0, 0], [1, 1, 1]] * 15, scale=[0, 1])

    assert estimate.value == 1.0
    assert estimate.interval == "wilson_at_one"
    assert 0.7 < estimate.low < 0.8
    assert estimate.high == 1.0


def test_clusters_widen_an_interval():
    rng = np.random.default_rng(2)
    truth = np.repeat(rng.integers(0, 2, 40), 5)
    wrong = np.repeat(rng.random(40) < 0.2, 5)
    cells = np.stack([truth, np.where(wrong, 1 - truth, truth)], axis=1)
    loose = as_ratings(cells, scale=[0, 1])
    tied = as_ratings(cells, scale=[0, 1], clusters=np.repeat(np.arange(40), 5))

    units, clusters, fixed = kappa(loose), kappa(tied), kappa(tied, interval="t")

    assert clusters.interval == "influence_z"
    assert clusters.unit == "cluster"
    assert fixed.interval == "t_cr1"
    assert clusters.high - clusters.low > 1.7 * (units.high - units.low)
    assert fixed.se == pytest.approx(np.sqrt(5) * units.se, rel=0.1)


def test_raters_in_general_are_less_certain_than_these_raters():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, size=(150, 1))
    skill = np.array([0.95, 0.9, 0.8, 0.6, 0.5])
    cells = np.where(rng.random((150, 5)) < skill, truth, rng.integers(0, 3, size=(150, 5)))

    these = fleiss(cells, scale=[0, 1, 2], interval="percentile")
    general = fleiss(cells, scale=[0, 1, 2], resample=("unit", "rater"))

    assert general.unit == "unit and rater"
    assert general.interval == "percentile_product"
    assert general.high - general.low > 1.5 * (these.high - these.low)
    assert general.low < general.value < general.high


def test_one_error_of_sixty_is_no_worse_than_four_and_the_bound_holds():
    """Few errors say little of their own spread; what bounds them is their number."""
    truth = np.tile([0, 1], 30)
    lows = []
    for wrong in range(6):
        judge = truth.copy()
        judge[:wrong] = 1 - judge[:wrong]
        lows.append(kappa(np.column_stack([judge, truth]), scale=[0, 1], weights="identity").low)
    assert lows == sorted(lows, reverse=True)

    rng = np.random.default_rng(3)
    held = [
        kappa(np.column_stack([y ^ (rng.random(60) < 0.03), y]).astype(int), scale=[0, 1], weights="identity")
        for y in rng.random((300, 60)) < 0.5
    ]
    known = [each for each in held if each.low < 1]
    assert np.mean([each.low <= 0.94 for each in known]) >= 0.96
