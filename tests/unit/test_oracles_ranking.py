"""The oracles on correlation, ranking, panels and paired differences, at their own tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.association import correlation as corr
from judgekit.agreement.association.comparing import paired_difference
from judgekit.agreement.association.groupings import grouped
from judgekit.agreement.association.pairwise_accuracy import pairwise_accuracy, tie_calibrated_accuracy
from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.people.alt_test import alt_test
from judgekit.agreement.published.rankings import rbo_ext

ORACLES = Path(__file__).parents[3] / "shared" / "oracles.json"


def oracle(name):
    if not ORACLES.exists():
        pytest.skip(f"no file of oracles at {ORACLES}")
    found = {each["id"]: each for each in json.loads(ORACLES.read_text(encoding="utf-8"))["oracles"]}
    return found[name]["data"], found[name]["expected"], found[name]["tol"]


def test_correlations_with_ties():
    data, expected, tol = oracle("corr.ties")
    x, y = data["x"], data["y"]

    found = {
        "pearson": corr.pearson(x, y),
        "spearman": corr.spearman(x, y),
        "tau_b": corr.tau_b(x, y),
        "tau_c": corr.tau_c(x, y),
        "somers_d_y_given_x": corr.somers_d(x, y),
        "somers_d_x_given_y": corr.somers_d(y, x),
        "goodman_kruskal_gamma": corr.gamma(x, y),
    }

    for name, value in found.items():
        assert value == pytest.approx(expected[name], abs=tol), name
    estimate = corr.correlation(x, y, kind="pearson", interval="formula")
    assert (estimate.low, estimate.high) == pytest.approx(tuple(expected["pearson_fisher_ci"]), abs=tol)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("no_grouping", "none"), ("group_by_item", "by_item"), ("group_by_system", "by_system")],
)
def test_pairwise_accuracy_with_calibrated_ties(theirs, ours):
    data, expected, tol = oracle("acc_eq.toy4x5")

    found = tie_calibrated_accuracy(
        data["human_systems_by_items"], data["metric_systems_by_items"], grouping=ours, b=2
    ).calibration

    assert found.acc_eq == pytest.approx(expected[theirs]["acc_eq"], abs=tol)
    assert found.eps == pytest.approx(expected[theirs]["eps"], abs=tol)
    assert found.at_zero == pytest.approx(expected[theirs]["acc_at_0"], abs=tol)
    if "tau_eq" in expected[theirs]:
        assert found.tau_eq == pytest.approx(expected[theirs]["tau_eq"], abs=tol)


def test_correlations_in_four_groupings():
    data, expected, tol = oracle("acc_eq.toy4x5")
    scores = data["human_systems_by_items"], data["metric_systems_by_items"]

    for name, statistic in (("tau_b", corr.tau_b), ("pearson", corr.pearson)):
        for grouping in ("none", "by_item", "by_system"):
            found = grouped(*scores, grouping=grouping, statistic=statistic)
            assert found.value == pytest.approx(expected[f"{name}_{grouping}"], abs=tol)
    means = grouped(*scores, grouping="system_level", statistic=corr.pearson)
    assert means.value == pytest.approx(expected["system_level_pearson"], abs=tol)
    assert pairwise_accuracy(*scores) == pytest.approx(expected["system_pairwise_accuracy"], abs=tol)


def test_rank_biased_overlap():
    data, expected, tol = oracle("rbo.seven")

    for p in ("0.90", "0.98"):
        assert rbo_ext(data["s"], data["t"], p=float(p)) == pytest.approx(expected[f"p{p}_ext"], abs=tol)
    assert rbo_ext([1, 2, 3], [1, 2, 3]) == pytest.approx(expected["identical3_ext_p0.9"], abs=tol)
    assert rbo_ext([1, 2, 3], [4, 5, 6]) == pytest.approx(expected["disjoint3_ext_p0.9"], abs=tol)


@pytest.mark.parametrize("score", ["accuracy", "neg_rmse"])
@pytest.mark.parametrize("epsilon", [0.1, 0.15, 0.2])
def test_alternative_annotator_test(score, epsilon):
    data, expected, tol = oracle("alttest.small")
    humans = list(data["human"])
    rows = [[*(data["human"][h].get(item) for h in humans), label] for item, label in data["judge"].items()]
    ratings = as_ratings(rows, scale=[1, 2, 3, 4, 5], raters=[*humans, "judge"])

    found = alt_test(ratings, judge="judge", score=score, epsilon=epsilon, power_runs=0, b=100)

    theirs = expected[f"{score}_eps{epsilon}"]
    assert found.winning_rate.value == pytest.approx(theirs["winning_rate"], abs=tol)
    assert found.advantage.value == pytest.approx(theirs["advantage_prob"], abs=tol)
    for annotator in found.annotators:
        assert annotator.p == pytest.approx(theirs["p_values"][annotator.name], abs=tol)
        assert annotator.difference == pytest.approx(theirs["mean_diff"][annotator.name], abs=tol)
        assert annotator.n == theirs["n"][annotator.name]


def test_paired_differences_with_clusters():
    data, expected, tol = oracle("se.clustered")

    plain = paired_difference(data["score_A"], data["score_B"])
    clustered = paired_difference(data["score_A"], data["score_B"], clusters=data["cluster"])

    assert plain.first == pytest.approx(expected["mean_A"], abs=tol)
    assert plain.difference.value == pytest.approx(expected["mean_diff"], abs=tol)
    assert plain.difference.se == pytest.approx(expected["se_diff_paired"], abs=tol)
    assert clustered.difference.se == pytest.approx(expected["se_diff_paired_clustered_CR1"], abs=tol)
    assert clustered.difference.status == "unstable:few_clusters"


def test_degenerate_columns():
    data, _, _ = oracle("edge.constant")
    status = {
        "both_constant_equal": "undefined:no_variation",
        "both_constant_different": "undefined:no_variation",
        "one_constant": "undefined:no_variation",
        "one_rater_only": "undefined:no_paired_items",
        "no_overlap": "undefined:no_paired_items",
    }

    for name, (x, y) in data["cases"].items():
        estimate = corr.correlation(x, y, kind="spearman")
        assert np.isnan(estimate.value), name
        assert estimate.status == status[name]
