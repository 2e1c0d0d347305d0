"""Stored data with expected values of several packages, each at its tolerance."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from judgekit.agreement.bias.range_use import marginal_homogeneity
from judgekit.agreement.chance.chance import chance_corrected, fleiss_cohen_everitt, krippendorff_alpha
from judgekit.agreement.chance.coefficients import (
    alpha,
    brennan_prediger,
    conger,
    fleiss,
    gwet,
    kappa,
    percent,
    scott,
)
from judgekit.agreement.chance.profile import kappa_profile
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Ratings, as_ratings, ratings_of_table
from judgekit.agreement.models.bland import concordance
from judgekit.agreement.models.icc import FORMS, f_interval, icc, mean_squares
from judgekit.errors import InputError

ORACLES = Path(__file__).parents[3] / "shared" / "oracles.json"


@pytest.fixture(scope="module")
def oracles() -> dict[str, Any]:
    if not ORACLES.exists():
        pytest.skip(f"no {ORACLES}")
    stored = json.loads(ORACLES.read_text(encoding="utf-8"))["oracles"]
    return {each["id"]: each for each in stored}


def coded(oracle: Any, categories: list[int]) -> Ratings:
    return as_ratings(oracle["data"]["ratings_items_by_raters"], scale=categories)


@pytest.mark.parametrize(
    "name",
    ["feinstein1990_a", "fleiss1981_psych", "gwet_abstractors", "stuart1953_vision"],
)
def test_two_raters_from_a_table(oracles, name):
    oracle = oracles[f"agree2.{name}"]
    expected, table = oracle["expected"], oracle["data"]["table"]
    ratings = ratings_of_table(table, scale=oracle["data"]["category_values"])
    profile = kappa_profile(ratings)
    published = fleiss_cohen_everitt(table)

    found = {
        "po": percent(ratings).value,
        "cohen": kappa(ratings).value,
        "cohen_se": kappa(ratings).se,
        "cohen_se0": published.se0,
        "kappa_max": profile.kappa_max.value,
        "scott_pi": scott(ratings).value,
        "bp": brennan_prediger(ratings).value,
        "pabak": 2 * percent(ratings).value - 1,
        "gwet_ac1": gwet(ratings).value,
        "prevalence_index": profile.prevalence_index.value,
        "bias_index": profile.bias_index.value,
        "p_pos": profile.specific[0][1].value,
        "p_neg": profile.specific[1][1].value,
        "cohen_linear": kappa(ratings, weights="linear").value,
        "cohen_linear_se": kappa(ratings, weights="linear").se,
        "cohen_quadratic": kappa(ratings, weights="quadratic").value,
        "cohen_quadratic_se": kappa(ratings, weights="quadratic").se,
    }

    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=oracle["tol"])


@pytest.mark.parametrize("weights", ["unweighted", "quadratic"])
def test_four_raters_with_gaps_and_their_standard_errors(oracles, weights):
    oracle = oracles[f"cac.gwet_raw4_{weights}"]
    ratings = coded(oracle, oracle["params"]["declared_categories"])
    kind = "identity" if weights == "unweighted" else "quadratic"
    metric = "nominal" if weights == "unweighted" else "interval"

    estimates = {
        "fleiss": fleiss(ratings, weights=kind, interval="t"),
        "conger": conger(ratings, weights=kind, interval="t"),
        "alpha": alpha(ratings, metric=metric, interval="t"),
        "gwet": gwet(ratings, weights=kind, interval="t"),
        "bp": brennan_prediger(ratings, weights=kind, interval="t"),
        "pa": percent(ratings, weights=kind, interval="t"),
    }

    values = {name: each.value for name, each in estimates.items()}
    errors = {f"{name}_se": each.se for name, each in estimates.items()}
    wanted = {key: value for key, value in oracle["expected"].items() if not key.endswith("_pe")}
    assert values | errors == pytest.approx(wanted, abs=oracle["tol"])


def test_thirty_patients_and_six_raters(oracles):
    oracle = oracles["cac.fleiss1971_diagnoses"]
    ratings = coded(oracle, [1, 2, 3, 4, 5])
    expected = oracle["expected"]

    found = {
        "fleiss": fleiss(ratings).value,
        "fleiss_gwet_se": fleiss(ratings, interval="t").se,
        "conger": conger(ratings).value,
        "bp_randolph": brennan_prediger(ratings).value,
        "gwet_ac1": gwet(ratings).value,
        "krippendorff_nominal": alpha(ratings, metric="nominal").value,
        "pa": percent(ratings).value,
    }

    assert found == pytest.approx({key: expected[key] for key in found}, abs=oracle["tol"])


def test_alpha_of_complete_ratings_in_all_metrics(oracles):
    oracle = oracles["alpha.anxiety_complete"]
    cells = oracle["data"]["ratings_items_by_raters"]

    found = {
        metric: krippendorff_alpha(cells, values=[1, 2, 3, 4, 5, 6], metric=metric)
        for metric in ("nominal", "ordinal", "interval", "ratio")
    }

    assert found == pytest.approx(oracle["expected"], abs=oracle["tol"])


def test_six_forms_of_the_intraclass_correlation(oracles):
    oracle = oracles["icc.shrout_fleiss1979"]
    cells, expected = oracle["data"]["ratings_items_by_raters"], oracle["expected"]
    squares = mean_squares(np.array(cells, dtype=float))

    for form in ("ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k"):
        assert icc(cells, form).value == pytest.approx(expected[form], abs=oracle["tol"])
        assert f_interval(form, squares) == pytest.approx(expected[f"{form}_ci"], abs=oracle["tol"])
    found = (squares.rows, squares.columns, squares.error, squares.within)
    assert found == pytest.approx([expected[key] for key in ("MSR", "MSC", "MSE", "MSW")], abs=oracle["tol"])


def test_marginal_homogeneity_keeps_a_label_with_equal_margins(oracles):
    oracle = oracles["marginal.homogeneity4x4"]
    expected = oracle["expected"]
    found = marginal_homogeneity(ratings_of_table(oracle["data"]["table"], scale=[1, 2, 3, 4]))

    assert found.stuart_maxwell.df == expected["df"]
    assert found.bowker.df == expected["bowker_df"]
    for name in ("stuart_maxwell", "bhapkar", "bowker"):
        test = getattr(found, name)
        assert (test.statistic, test.p) == pytest.approx(
            (expected[name], expected[f"{name}_p"]), abs=oracle["tol"]
        )


def test_clustered_means_and_paired_differences(oracles):
    oracle = oracles["se.clustered"]
    data, expected = oracle["data"], oracle["expected"]
    a, b = np.array(data["score_A"]), np.array(data["score_B"])

    mean, naive = clustered_mean(a, data["cluster"]), clustered_mean(a)
    difference, paired = clustered_mean(a - b, data["cluster"]), clustered_mean(a - b)

    found = {
        "mean_A": mean.value,
        "se_naive": naive.se,
        "se_clustered_CR1_statsmodels": mean.se,
        "mean_diff": difference.value,
        "se_diff_paired": paired.se,
        "se_diff_paired_clustered_CR1": difference.se,
    }
    assert found == pytest.approx({key: expected[key] for key in found}, abs=oracle["tol"])
    assert mean.status == "unstable:few_clusters"


def test_degenerate_ratings_have_a_status_and_no_convention(oracles):
    oracle = oracles["edge.constant"]

    for name, cells in oracle["data"]["cases"].items():
        ratings = as_ratings(np.array(cells, dtype=object).T, scale=[1, 2, 3])
        expected = oracle["expected"][name]
        found = kappa(ratings)
        assert found.status == expected["status"], name
        if expected.get("cohen", None) is None:
            assert np.isnan(found.value) or "cohen" not in expected
        else:
            assert found.value == pytest.approx(expected["cohen"])
        if "po" in expected:
            assert percent(ratings).value == pytest.approx(expected["po"])
        if "alpha" in expected:
            assert np.isnan(alpha(ratings).value)


def test_low_level_functions_give_the_same_numbers(oracles):
    cells = np.array(oracles["cac.fleiss1971_diagnoses"]["data"]["ratings_items_by_raters"])

    assert chance_corrected(cells, "fleiss", values=[1, 2, 3, 4, 5]) == pytest.approx(0.4302445201)
    assert set(FORMS) >= {"ICC(2,1)", "ICC(A,1)", "ICC2"}
    assert concordance(cells[:, 0] * 1.0, cells[:, 0] * 1.0)[0] == pytest.approx(1.0)
    with pytest.raises(InputError, match="no form"):
        icc(cells, "ICC4")  # type: ignore[arg-type]
