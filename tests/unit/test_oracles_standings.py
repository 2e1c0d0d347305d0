"""The oracles on standings and item response, at their own tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.models.rasch import fit_facets

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
