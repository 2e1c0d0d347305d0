"""The oracles on standings and item response, at their own tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.models.rasch import fit_facets
from judgekit.standing.continuous import gim_ability
from judgekit.standing.scores import two_way

ORACLES = Path(__file__).parents[3] / "shared" / "oracles_standings.json"


def oracle(name):
    if not ORACLES.exists():
        pytest.skip(f"no file of oracles at {ORACLES}")
    found = {each["id"]: each for each in json.loads(ORACLES.read_text(encoding="utf-8"))}
    return found[name]["data"], found[name]["expected"], found[name]["tol"]


def cells(rows):
    """Systems x items as right (1), wrong (0) and missing (nan)."""
    return np.array([[np.nan if c == "." else float(c) for c in row] for row in rows])


def long(x):
    """Category, unit (item) and rater (system) of what is there."""
    system, item = np.nonzero(~np.isnan(x))
    return x[system, item].astype(int), item.tolist(), system.tolist()


def test_abilities_with_random_items_are_those_of_glmer():
    data, expected, tol = oracle("wide.rasch8")

    found = fit_facets(*long(cells(data["rows"])), n_categories=2, nodes=121)

    listed = list(found.severities.raters.values())
    assert [-e.value for e in listed] == pytest.approx(expected["theta_centred"], abs=tol)
    assert [e.se for e in listed] == pytest.approx(expected["se"], abs=tol)
    assert found.severities.unit_sd == pytest.approx(expected["item_sd"], abs=tol)
    assert found.severities.log_likelihood == pytest.approx(expected["log_likelihood"], abs=tol)
    assert listed[0].value - listed[7].value == pytest.approx(expected["difference_7_0"], abs=tol)
    v = found.covariance
    gap = np.sqrt(v[7, 7] + v[0, 0] - 2 * v[0, 7])
    assert gap == pytest.approx(expected["difference_se"], abs=tol)


def test_two_way_least_squares_with_missing_cells():
    data, expected, tol = oracle("additive.toy3x5")
    scores = [[np.nan if each is None else each for each in row] for row in data["scores"]]

    found = two_way(scores)

    assert [found.of(str(i)).strength for i in range(3)] == pytest.approx(expected["effect"], abs=tol)
    means = np.array([found.of(str(i)).mean for i in range(3)])
    assert means - means.mean() == pytest.approx(expected["raw_mean_centred"], abs=tol)
    for other in (1, 2):
        variance = found.difference("0", str(other)).se ** 2 * 4 / 5  # CR0 of five items
        assert variance == pytest.approx(expected[f"var_difference_0_{other}"], abs=tol)


def test_the_ability_by_gims_bank():
    data, expected, tol = oracle("gim.toy3")

    ability, se, _ = gim_ability(data["a"], data["b"], data["score"], sigma=data["sigma"])
    assert (ability, se) == pytest.approx((expected["theta"], expected["se"]), abs=tol)

    ability, se, n = gim_ability(data["a"], data["b"], [0.5, None, 0.9], sigma=data["sigma"])
    wanted = expected["theta_without_item_2"], expected["se_without_item_2"]
    assert (ability, se, n) == (*(pytest.approx(each, abs=tol) for each in wanted), 2)
