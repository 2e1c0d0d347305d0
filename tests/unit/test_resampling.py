"""Resampling: tables, units, clusters and raters, each drawn as what is independent."""

import numpy as np
import pytest
from scipy.stats import norm

from judgekit.agreement.chance.chance import beyond_chance, observed_and_expected, parts_of, patterns
from judgekit.agreement.core.intervals import (
    at_one,
    bonett_price,
    clustered_mean,
    fisher_z,
    normal_quantile,
    rate,
    share,
    t_interval,
    wilson,
)
from judgekit.agreement.core.resample import (
    Resampling,
    bootstrap,
    draws,
    jackknife,
    product_bootstrap,
    weighted_bootstrap,
)
from judgekit.agreement.core.weights import weights_of
from judgekit.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.gamma(2.0, size=60)


def mean_of(drawn: np.ndarray) -> np.ndarray:
    return drawn @ X / drawn.sum(axis=1)


def test_weights_and_indices_give_the_same_interval():
    by_index = bootstrap(lambda index: float(X[index].mean()), 60, Resampling(seed=1, b=4000))
    by_weight = weighted_bootstrap(mean_of, np.ones(60), Resampling(seed=1, b=4000))

    # The draws differ, so the ends do by Monte-Carlo error; the correction is the same.
    assert (by_weight.low, by_weight.high) == pytest.approx((by_index.low, by_index.high), abs=0.04)
    assert by_weight.se == pytest.approx(X.std(ddof=1) / np.sqrt(60), rel=0.05)


def test_rows_with_counts_are_units():
    codes = RNG.integers(0, 3, size=(300, 2))
    weights = weights_of("identity", np.arange(3.0))
    rows, counts = patterns(codes, 3)
    whole, table = parts_of(codes, weights), parts_of(rows, weights, counts=counts)

    def kappa_of(parts):
        return lambda drawn: beyond_chance(*observed_and_expected("conger", parts, weights, drawn))

    plain = weighted_bootstrap(kappa_of(whole), np.ones(300), Resampling(seed=2, b=4000))
    tabled = weighted_bootstrap(kappa_of(table), counts, Resampling(seed=2, b=4000))

    assert len(rows) == 9
    assert (tabled.low, tabled.high, tabled.se) == pytest.approx((plain.low, plain.high, plain.se), abs=0.01)


def test_clusters_are_drawn_whole():
    clusters = np.repeat(np.arange(12), 5)

    for index in draws(60, Resampling(b=5, seed=0, clusters=clusters)):
        times = np.bincount(index, minlength=60).reshape(12, 5)
        assert np.all(times == times[:, :1])


def test_clusters_of_one_are_units():
    each = np.arange(60)

    units = weighted_bootstrap(mean_of, np.ones(60), Resampling(seed=3))
    clusters = weighted_bootstrap(mean_of, np.ones(60), Resampling(seed=3, clusters=each))

    assert (units.low, units.high) == pytest.approx((clusters.low, clusters.high), rel=1e-12)
    assert clusters.kind == "bca_cluster"


def test_resamples_without_a_value_are_counted():
    def sometimes(drawn: np.ndarray) -> np.ndarray:
        return np.where(drawn[:, 0] > 0, mean_of(drawn), np.nan)

    found = weighted_bootstrap(sometimes, np.ones(60), Resampling(seed=4), kind="percentile")

    assert found.lost == pytest.approx((1 - 1 / 60) ** 60, abs=0.03)


def test_nothing_is_left_out_of_one_unit_or_cluster():
    def least(index: np.ndarray) -> float:
        return float(X[index].min())  # which no sample without a unit has

    for n, clusters in ((1, None), (60, np.zeros(60, dtype=np.intp))):
        found = bootstrap(least, n, Resampling(seed=0, b=50, clusters=clusters))

        assert found.se == 0.0
        assert found.low == found.high == least(np.arange(n))


def test_a_value_beyond_all_resamples_has_an_interval_still():
    def different(index: np.ndarray) -> float:
        return float(len(np.unique(index)))

    found = bootstrap(different, 60, Resampling(seed=7, b=400))

    # No resample has all 60. The bias is cut half a resample off the end; the jackknife has no skew.
    tails = norm.cdf(2 * norm.ppf(1 - 1 / 800) + np.array([-1, 1]) * norm.ppf(0.975))
    ends = np.quantile([different(index) for index in draws(60, Resampling(b=400, seed=7))], tails)
    assert (found.low, found.high) == pytest.approx(tuple(ends))


def test_no_units_have_no_interval():
    assert np.isnan(bootstrap(lambda _: 0.0, 0, Resampling(seed=0)).low)


def test_the_jackknife_leaves_out_clusters():
    clusters = np.repeat(np.arange(6), 10)

    values = jackknife(lambda index: float(X[index].sum()), 60, clusters)

    assert values == pytest.approx([X.sum() - X[clusters == g].sum() for g in range(6)])


def test_drawing_raters_too_is_wider():
    skill = np.array([0.0, 0.5, 1.0, 1.5])

    def of(drawn: np.ndarray, copies: np.ndarray) -> np.ndarray:
        return mean_of(drawn) + copies @ skill / copies.sum()

    both = product_bootstrap(of, np.ones(60), 4, Resampling(seed=5))
    units = weighted_bootstrap(mean_of, np.ones(60), Resampling(seed=5))

    assert both.se == pytest.approx(np.hypot(units.se, skill.std() / 2), rel=0.06)


def test_bca_of_a_large_sample_leaves_out_groups():
    x = np.random.default_rng(6).exponential(size=5000)

    found = weighted_bootstrap(lambda d: d @ x / d.sum(axis=1), np.ones(5000), Resampling(seed=0, b=400))

    assert found.low < x.mean() < found.high


def test_wilson_never_leaves_zero_to_one():
    assert wilson(0, 30) == (0.0, pytest.approx(0.1135, abs=5e-5))
    assert wilson(30, 30)[1] == 1.0
    assert np.isnan(wilson(0, 0)[0])
    assert share(0, 0).status == "undefined:no_paired_items"
    with pytest.raises(InputError, match="no share"):
        share(3, 2)


def test_a_rate_counts_what_was_dropped_with_clusters_and_without():
    happened = np.array([True, True, False, True])

    plain = rate(happened, name="wins", dropped=3)
    clustered = rate(happened, np.array([0, 0, 1, 1]), name="wins", dropped=3)

    assert (plain.interval, clustered.interval) == ("wilson", "t_cr1")
    for each in (plain, clustered):
        assert (each.name, each.value) == ("wins", 0.75)
        assert (each.n_units, each.n_used, each.n_dropped) == (7, 4, 3)


def test_a_difference_of_shares_that_never_differ_has_an_interval_around_zero():
    low, high, se = bonett_price(0, 0, 8)

    # One pair more on each side: sqrt((.1 + .1) / 10).
    assert se == pytest.approx(np.sqrt(0.2 / 10))
    assert (low, high) == pytest.approx((-1.959964 * se, 1.959964 * se), abs=1e-6)
    assert bonett_price(3, 0, 3)[1] == 1.0


def test_intervals_without_a_standard_error_are_none():
    assert np.isnan(fisher_z(1.0, 0.1)[0])
    assert np.isnan(t_interval(0.5, 0.0, 10)[0])
    with pytest.raises(InputError, match="not between"):
        normal_quantile(95)


def test_no_disagreement_in_thirty_units_leaves_room_for_some():
    # Wilson: 1 / (1 + z^2 / 30) = .8865; (.8865 - .5) / .5.
    assert at_one(0.5, 30)[0] == pytest.approx(2 * (1 / (1 + 1.959963985**2 / 30)) - 1)


def test_clustered_means_drop_and_count_what_is_missing():
    found = clustered_mean([1.0, np.nan, 0.0, 1.0] * 10, np.arange(40) // 2)

    assert (found.n_units, found.n_used, found.n_dropped) == (40, 30, 10)
    assert (found.interval, found.unit, found.status) == ("t_cr1", "cluster", "ok")
    with pytest.raises(InputError, match="clusters"):
        clustered_mean([1.0, 2.0], [1])
    assert clustered_mean([1.0]).status == "undefined:too_few"


@pytest.mark.parametrize(
    ("values", "clusters"),
    [([0.1] * 3, None), ([0.1] * 6, [0, 0, 1, 1, 2, 2]), ([0.1, 0.2] * 3, [0, 0, 1, 1, 2, 2])],
)
def test_what_differs_by_rounding_only_has_no_interval(values, clusters):
    found = clustered_mean(values, clusters)

    assert (found.se, found.interval) == (0.0, "none")
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_a_small_spread_is_no_rounding():
    assert clustered_mean([1.0, 1.0 + 1e-9, 1.0]).interval == "t"
