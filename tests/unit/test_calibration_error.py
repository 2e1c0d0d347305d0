from math import isnan, nan

import numpy as np
import pytest

from judgekit.agreement.core.resample import Resampling
from judgekit.agreement.probability import brier, reliability
from judgekit.errors import InputError

# 20 forecasts; the expected figures are by hand or by the package named beside each.
P = [0.05, 0.12, 0.18, 0.22, 0.31, 0.35, 0.41, 0.48, 0.52, 0.55,
     0.61, 0.66, 0.72, 0.78, 0.83, 0.88, 0.91, 0.95, 0.97, 0.99]  # fmt: skip
Y = [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1]


def test_ece_of_twenty_forecasts():
    # netcal 1.3.6
    assert reliability.expected_calibration_error(P, Y) == pytest.approx(0.2155)


def test_a_probability_on_an_edge_belongs_to_the_bin_above():
    # .57 * 100 is 56.99999999999999 in floating point.
    edges = np.array([0.0, 0.29, 0.57, 0.58, 1.0])

    assert reliability.bin_of(edges, 100, "width").tolist() == [0, 29, 57, 58, 99]


def test_equal_probabilities_share_a_bin_of_equal_mass():
    where = reliability.bin_of(np.array([0.1, 0.5, 0.5, 0.5, 0.5, 0.9]), 3, "mass")

    assert len(set(where[1:5])) == 1


def test_equal_mass_bins_hold_equal_numbers():
    found = reliability.bins(P, Y, n_bins=5, kind="mass")

    assert found.count.tolist() == [4] * 5


def test_the_null_level_of_four_forecasts_is_exact():
    # Each of two bins: |k - .2| with k ~ Bin(2, .1) has mean .324; halves of 4. It is below .25 only
    # if neither bin is surprised: .81^2.
    null = reliability.null_level([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 0], Resampling(seed=3, b=20_000))

    assert null.mean == pytest.approx(0.162, abs=0.003)
    assert null.p_value == pytest.approx(1 - 0.81**2, abs=0.012)


def test_the_debiased_error_of_calibrated_forecasts_is_nearer_zero():
    rng = np.random.default_rng(0)
    plain, debiased = [], []
    for _ in range(200):
        p = rng.random(200)
        y = rng.random(200) < p
        plain.append(reliability.expected_calibration_error(p, y))
        debiased.append(reliability.expected_calibration_error(p, y, debiased=True))

    assert np.mean(plain) > 0.05
    assert abs(np.mean(debiased)) < np.mean(plain) / 1.5


def test_missing_pairs_are_dropped_and_counted():
    found = reliability.ece([0.2, None, 0.8], [0, 1, np.nan], seed=1)

    assert (found.n_units, found.n_used, found.n_dropped) == (3, 1, 2)
    assert found.value == pytest.approx(0.2)


def test_nothing_at_all_is_undefined():
    for found in (
        reliability.ece([], [], seed=1),
        reliability.miscalibration([None], [1], seed=1),
        brier.brier([], []),
    ):
        assert isnan(found.value)
        assert found.status == "undefined:too_few"
    assert isnan(brier.log_loss([], []))
    assert isnan(reliability.corp([], []).mcb)


def test_no_error_of_calibration_has_an_interval_around_its_bias():
    found = reliability.ece(P, Y, seed=1)

    assert isnan(found.low)
    assert found.interval == "none"
    assert "perfectly calibrated" in found.notes[0]


@pytest.mark.parametrize(
    ("p", "y", "match"),
    [
        ([0.5, 1.2], [0, 1], "1.2"),
        ([0.5, 0.5], [0, 2], "neither 0 nor 1"),
        ([0.5], [0, 1], "lengths"),
        ([np.inf, 0.1], [0, 1], "infinite"),
        ([[0.5]], [[1]], "shape"),
        (["a"], [1], "numbers are needed"),
    ],
)
def test_what_is_no_forecast_is_refused(p, y, match):
    with pytest.raises(InputError, match=match):
        reliability.expected_calibration_error(p, y)


def test_bins_have_to_be_of_a_known_kind_and_number():
    with pytest.raises(InputError, match="at least 1"):
        reliability.expected_calibration_error(P, Y, n_bins=0)
    with pytest.raises(InputError, match="'width' and 'mass'"):
        reliability.expected_calibration_error(P, Y, kind="adaptive")


def test_stephensons_parts_of_twenty_forecasts():
    parts = brier.decompose_brier(P, Y)

    assert parts.brier == pytest.approx(0.188855)
    assert (parts.reliability, parts.resolution, parts.uncertainty) == pytest.approx((0.07419, 0.135, 0.2475))
    assert (parts.within_variance, parts.within_covariance) == pytest.approx((0.000665, -0.0015))


def test_scores_equal_scikit_learns():
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import brier_score_loss, log_loss

    fit = IsotonicRegression().fit(P, Y).predict(P)

    assert brier.brier(P, Y).value == pytest.approx(brier_score_loss(Y, P))
    assert brier.log_loss(P, Y) == pytest.approx(log_loss(Y, P))
    assert reliability.isotonic(P, Y)[2] == pytest.approx(fit)


def test_isotonic_fits_of_ties_are_their_share():
    x, count, fit = reliability.isotonic([0.3, 0.3, 0.3, 0.7], [1, 0, 0, 1])

    assert (x.tolist(), count.tolist()) == ([0.3, 0.7], [3, 1])
    assert fit == pytest.approx([1 / 3, 1])


def test_cox_equals_statsmodels():
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels is an oracle, not a dependency")
    odds = np.log(P) - np.log1p(-np.array(P))

    theirs = sm.Logit(Y, sm.add_constant(odds)).fit(disp=0)
    intercept, slope = brier.cox_calibration(P, Y)

    assert (intercept.value, slope.value) == pytest.approx(tuple(theirs.params), abs=1e-6)
    assert (intercept.se, slope.se) == pytest.approx(tuple(theirs.bse), rel=1e-5)


@pytest.mark.parametrize(
    ("p", "y", "status"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], "undefined:not_identified"),
        ([0.1, 0.2, 0.8, 0.9], [1, 1, 1, 1], "undefined:no_variation"),
        ([0.5, 0.5, 0.5], [0, 1, 0], "undefined:not_identified"),
    ],
)
def test_a_slope_that_runs_away_is_undefined(p, y, status):
    intercept, slope = brier.cox_calibration(p, y)

    assert (intercept.status, slope.status) == (status, status)
    assert isnan(slope.value)


def test_z_is_small_where_the_judge_is_calibrated():
    rng = np.random.default_rng(4)
    p = rng.random(20_000)
    y = rng.random(20_000) < p
    sharp = 1 / (1 + np.exp(-2 * np.log(p / (1 - p))))

    assert abs(brier.spiegelhalter_z(p, y)) < 3
    assert brier.spiegelhalter_z(sharp, y) > 10
    assert isnan(brier.spiegelhalter_z([1.0, 0.0], [1, 0]))


def test_a_clustered_brier_score_has_a_wider_interval():
    p, y, clusters = np.repeat([0.9, 0.1, 0.8, 0.3], 10), np.repeat([1, 1, 0, 0], 10), np.repeat(range(4), 10)

    plain, clustered = brier.brier(p, y), brier.brier(p, y, clusters=clusters.tolist())

    assert plain.value == pytest.approx(clustered.value)
    assert (plain.interval, clustered.interval, clustered.unit) == ("t", "t_cr1", "cluster")
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


@pytest.mark.parametrize(("p", "y"), [([0.2] * 5, [0] * 5), ([0.5] * 4, [0, 1, 0, 1]), ([0.1] * 3, [0] * 3)])
def test_equal_brier_scores_have_no_interval(p, y):
    found = brier.brier(p, y)

    assert (found.se, found.interval, found.status) == (0.0, "none", "ok_degenerate")
    assert isnan(found.low)
    assert isnan(found.high)


def test_it_is_said_whether_rows_or_clusters_are_too_few():
    [clusters] = brier.brier([0.5] * 8, [0, 1] * 4, clusters=["a"] * 8).notes
    [rows] = brier.brier([0.5, nan], [0, 1]).notes
    [none] = brier.brier([nan, nan], [0, 1], clusters=["a", "b"]).notes

    assert clusters == "1 cluster; an interval needs two"
    assert rows == "1 complete row; an interval needs two"
    assert none == "0 complete rows; an interval needs two"


def test_the_consistency_band_holds_the_curve_of_a_calibrated_judge():
    rng = np.random.default_rng(5)
    p = rng.choice(np.linspace(0.05, 0.95, 10), 800)
    y = rng.random(800) < p
    good = reliability.reliability_diagram(p, y, seed=1, b=300, level=0.95)
    bad = reliability.reliability_diagram(p, rng.random(800) < p**3, seed=1, b=300, level=0.95)

    inside = (good.recalibrated >= good.low - 1e-9) & (good.recalibrated <= good.high + 1e-9)
    outside = (bad.recalibrated < bad.low) | (bad.recalibrated > bad.high)

    assert inside.mean() >= 0.8
    assert outside.mean() >= 0.5


def test_miscalibration_names_the_level_of_chance():
    rng = np.random.default_rng(6)
    p = rng.random(500)
    calm = reliability.miscalibration(p, rng.random(500) < p, seed=1, b=200)
    bent = reliability.miscalibration(p, rng.random(500) < p**3, seed=1, b=200)

    assert "p = 0.005" in bent.notes[1]
    assert "p = 0.005" not in calm.notes[1]
    assert bent.value > calm.value > 0
