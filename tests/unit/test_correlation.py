import numpy as np
import pytest

from judgekit.agreement.association.correlation import (
    KINDS,
    MANY_BYTES,
    PairCounts,
    correlation,
    pair_counts,
    pair_counts_of_table,
    pearson,
    se_of_z,
    small_table,
    spearman,
    table_replicates,
    tau_b,
    tau_c,
)
from judgekit.agreement.core.resample import Resampling
from judgekit.errors import InputError

nan = float("nan")
# Ten five-point ratings; values by scipy 1.17 and R's cor(), tau-c by hand from C = 33 and D = 0.
X = [1, 2, 2, 3, 4, 4, 5, 5, 5, 2]
Y = [1, 3, 2, 3, 3, 4, 5, 4, 5, 1]


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("pearson", 0.9081222899),
        ("spearman", 0.9204008359),
        ("tau_b", 0.8572151502),
        ("tau_c", 0.825),
        ("somers_d", 0.8684210526),
        ("gamma", 1.0),
    ],
)
def test_known_values_with_ties(kind, known):
    assert correlation(X, Y, kind=kind, b=50).value == pytest.approx(known, abs=1e-9)


def test_pairs_are_counted():
    counts = pair_counts(X, Y)

    assert (counts.n, counts.concordant, counts.discordant) == (10, 33, 0)
    assert counts.concordant + counts.tied_x + counts.tied_y + counts.tied_both == 45


def test_the_example_of_statpsych_has_its_interval():
    # R statpsych, ci.spear: estimate, SE, limits as printed in its help page.
    y = [21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19]
    x = [67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51]

    found = correlation(x, y, kind="spearman", interval="formula")

    assert found.value == pytest.approx(0.8699639, abs=1e-7)
    assert found.se == pytest.approx(0.08241326, abs=1e-7)
    assert (found.low, found.high) == pytest.approx((0.5840951, 0.9638297), abs=1e-7)
    assert found.interval == "bonett_wright"


def test_a_large_scale_is_counted_as_a_small_one_is():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 90, 500), rng.integers(0, 90, 500)  # 8100 cells: counted by scipy
    table = np.zeros((90, 90))
    np.add.at(table, (x, y), 1)

    by_scipy, by_table = pair_counts(x, y), pair_counts_of_table(table)

    for name in PairCounts.__dataclass_fields__:
        assert getattr(by_scipy, name) == getattr(by_table, name), name


@pytest.mark.parametrize("n", [3, MANY_BYTES - 1, MANY_BYTES, MANY_BYTES + 1])
@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint16, float])
def test_few_labels_are_counted_alike_whatever_holds_them_and_however_many_there_are(n, kind):
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 5, n), rng.integers(0, 16, n)
    x[:2], y[:2] = (0, 4), (0, 15)
    expected = np.zeros((5, 16))
    np.add.at(expected, (x, y), 1)

    found = small_table((x + 7).astype(kind), (y + 100).astype(kind))

    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "column", [[1.0, 1.5], [0, 16], [1.0, nan], [1.0, np.inf], np.array([-128, 127], dtype=np.int8)]
)
def test_what_are_not_few_whole_numbers_is_counted_the_long_way(column):
    assert small_table(column, [1, 2]) is None


def test_tau_b_has_a_formula_without_ties_and_influences_with_them():
    rng = np.random.default_rng(1)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)

    untied = correlation(x, y, kind="tau_b")
    tied = correlation(np.round(x), np.round(y), kind="tau_b", b=200)

    assert (untied.interval, untied.seed) == ("bonett_wright", None)
    assert (tied.interval, tied.seed) == ("influence_z", None)
    assert se_of_z("tau_b", 0.5, 41) == pytest.approx((0.437 / 37) ** 0.5)


def test_resampled_tables_spread_like_resampled_units():
    rng = np.random.default_rng(2)
    x = rng.integers(1, 6, 60).astype(float)
    y = np.clip(x + rng.integers(-1, 2, 60), 1, 5)

    of_tables = table_replicates("tau_b", x, y, Resampling(b=2000, seed=0))
    of_units = [tau_b(x[index], y[index]) for index in rng.integers(0, 60, (600, 60))]

    assert np.mean(of_tables) == pytest.approx(np.mean(of_units), abs=0.015)
    assert np.std(of_tables) == pytest.approx(np.std(of_units), rel=0.15)


def test_units_missing_in_either_column_are_dropped_and_counted():
    found = correlation([1, 2, nan, 3, 5, 4], [1, nan, 2, 3, 4, 5], kind="pearson")

    assert (found.n_units, found.n_used, found.n_dropped) == (6, 4, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "y", "status"),
    [
        ([3, 3, 3, 3], [3, 3, 3, 3], "undefined:no_variation"),
        ([3, 3, 3, 3], [1, 2, 1, 2], "undefined:no_variation"),
        ([1, nan], [nan, 2], "undefined:no_paired_items"),
        ([], [], "undefined:no_paired_items"),
        ([1], [2], "undefined:too_few"),
        ([0.1 + 0.2, 0.3, 0.3], [1, 2, 3], "undefined:no_variation"),
    ],
)
def test_what_is_undefined_is_nan_and_says_why(kind, x, y, status):
    found = correlation(x, y, kind=kind)

    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.status == status


def test_three_units_have_a_value_and_no_interval():
    found = correlation([1, 2, 3], [2, 1, 3], kind="pearson")

    assert found.value == pytest.approx(0.5)
    assert np.isnan(found.low)
    assert found.interval == "none"


def test_a_perfect_correlation_leaves_room_for_what_was_not_seen():
    found = correlation(range(50), range(50), kind="pearson")

    assert (found.value, found.status, found.high) == (pytest.approx(1.0), "ok", 1.0)
    assert found.low == pytest.approx(1 - 3.8415 / 53.8415 / (49 / 50), abs=1e-3)


def test_a_perfect_rank_coefficient_claims_no_interval():
    found = correlation(range(50), range(50), kind="tau_b")

    assert (found.value, found.status) == (pytest.approx(1.0), "ok_degenerate")
    assert np.isnan(found.low)


def test_resamples_without_a_value_make_an_interval_unstable():
    # One unit of twelve varies; (11/12)^12 = .35 of the resamples are without it.
    found = correlation([0] * 11 + [1], [0] * 10 + [1, 1], kind="pearson", interval="percentile")

    assert found.status == "unstable:resamples_lost"
    assert any("of the resamples" in note for note in found.notes)


def test_few_clusters_are_said():
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)

    found = correlation(x, x + rng.normal(size=60), clusters=np.repeat(range(6), 10), b=200)

    assert (found.unit, found.interval, found.status) == ("cluster", "influence_z", "unstable:few_clusters")


def test_what_is_malformed_is_refused_with_its_place():
    with pytest.raises(InputError, match="infinite"):
        pearson([1, float("inf")], [1, 2])
    with pytest.raises(InputError, match="length"):
        spearman([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match=r"kendal.*tau_b"):
        correlation([1, 2], [1, 2], kind="kendal")


def test_tau_c_takes_the_declared_number_of_labels():
    # 2 m (C - D) / (n^2 (m - 1)): four units on two labels, two of five declared ones used.
    x = [1, 1, 2, 2]

    assert tau_c(x, x) == pytest.approx(1.0)
    assert tau_c(x, x, categories=5) == pytest.approx(2 * 5 * 4 / (16 * 4))
