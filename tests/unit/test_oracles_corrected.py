"""The oracles on calibration, corrected estimates, planning and multiplicity, at their own tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.core import multiplicity
from judgekit.agreement.core.intervals import bounded_interval, mean_se
from judgekit.agreement.probability import brier, reliability, selective
from judgekit.agreement.sampling import planning, ppi

ORACLES = Path(__file__).parents[3] / "shared" / "oracles.json"


def oracle(name):
    if not ORACLES.exists():
        pytest.skip(f"no file of oracles at {ORACLES}")
    found = {each["id"]: each for each in json.loads(ORACLES.read_text(encoding="utf-8"))["oracles"]}
    each = found[name]
    return each["data"], each["expected"], each["tol"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("holm", "holm"),
        ("hochberg", "hochberg"),
        ("hommel", "hommel"),
        ("bonferroni", "bonferroni"),
        ("BH", "bh"),
        ("BY", "by"),
    ],
)
def test_adjusted_p_values(theirs, ours):
    data, expected, tol = oracle("multi.padjust")

    assert multiplicity.adjust(data["p"], method=ours) == pytest.approx(expected[theirs], abs=tol)


def test_clustered_standard_errors():
    data, expected, tol = oracle("se.clustered")
    a, b = np.array(data["score_A"], float), np.array(data["score_B"], float)
    clusters = np.array(data["cluster"])
    groups = len(set(data["cluster"]))
    cr0 = np.sqrt((groups - 1) / groups)

    mean, cr1, df = mean_se(a, clusters)

    assert (mean, df) == (pytest.approx(expected["mean_A"], abs=tol), groups - 1)
    assert cr1 == pytest.approx(expected["se_clustered_CR1_statsmodels"], abs=tol)
    assert cr1 * cr0 == pytest.approx(expected["se_clustered_CR0"], abs=tol)
    assert mean_se(a)[1] == pytest.approx(expected["se_naive"], abs=tol)
    assert mean_se(a - b)[:2] == pytest.approx((expected["mean_diff"], expected["se_diff_paired"]), abs=tol)
    paired = mean_se(a - b, clusters)[1]
    assert paired == pytest.approx(expected["se_diff_paired_clustered_CR1"], abs=tol)
    assert paired * cr0 == pytest.approx(expected["se_diff_paired_clustered_CR0"], abs=tol)


def test_calibration_of_twenty_forecasts():
    data, expected, tol = oracle("calib.twenty")
    p, y = data["p"], data["y"]
    parts, split = brier.decompose_brier(p, y), reliability.corp(p, y)
    intercept, slope = (each.value for each in brier.cox_calibration(p, y))

    found = {
        "ece10": reliability.expected_calibration_error(p, y),
        "ece_equal_mass5": reliability.expected_calibration_error(p, y, n_bins=5, kind="mass"),
        "brier": parts.brier,
        "rel10": parts.reliability,
        "res10": parts.resolution,
        "unc": parts.uncertainty,
        "wbv": parts.within_variance,
        "wbc": parts.within_covariance,
        "log_loss": brier.log_loss(p, y),
        "corp_mcb": split.mcb,
        "corp_dsc": split.dsc,
        "cox_intercept": intercept,
        "cox_slope": slope,
        "spiegelhalter_z": brier.spiegelhalter_z(p, y),
    }

    assert found == pytest.approx({key: expected[key] for key in found}, abs=tol)


def test_bounds_of_selected_verdicts():
    data, expected, tol = oracle("selective.cp_bound")
    bounds = [selective.upper_bound(e, n, 0.1) for e, n in zip(data["errors"], data["n"], strict=True)]

    assert bounds == pytest.approx(expected["upper"], abs=tol)


def test_a_mean_by_ppi():
    data, expected, tol = oracle("ppi.mean")
    y, f = data["Y"], data["Yhat"]
    u = np.array([1, 1, 0, 1, 0, 1, 1, 1, 0, 1] * 20 + [0] * 10 + [1] * 20, dtype=float)
    plain, tuned = ppi.ppi_mean(y, f, u, lam=1), ppi.ppi_mean(y, f, u)
    default = ppi.ppi(y, f, u, sampling="random")

    assert plain.value == pytest.approx(expected["ppi_lambda1"], abs=tol)
    assert plain.se == pytest.approx(expected["ppi_lambda1_se_ddof1"], abs=tol)
    assert ppi.ppi_mean(y, f, u, lam=0).value == pytest.approx(expected["classical"], abs=tol)
    assert tuned.lam == pytest.approx(expected["lambda_mean_formula"], abs=tol)
    assert tuned.value == pytest.approx(expected["ppi_pp_at_that_lambda"], abs=tol)
    z = (tuned.value - 1.959963985 * tuned.se, tuned.value + 1.959963985 * tuned.se)
    assert z == pytest.approx(expected["ppi_pp_ci_z_ddof1"], abs=tol)
    assert default.se == pytest.approx(expected["default_t_logit"]["se"], abs=tol)
    assert (default.low, default.high) == pytest.approx(expected["default_t_logit"]["ci"], abs=tol)
    again = bounded_interval(default.value, default.se, df=19, n=20, level=0.95, bounds=(0.0, 1.0))
    assert again == pytest.approx(expected["default_t_logit"]["ci"], abs=tol)


def test_units_for_an_interval_of_kappa():
    _, expected, tol = oracle("plan.kappa_n")
    table = [[0.63, 0.07], [0.06, 0.24]]

    assert planning.kappa_unit_sd(table) == pytest.approx(expected["unit_sd"], abs=tol)
    assert planning.labels_for_kappa(table, half_width=0.1) == expected["n"]
