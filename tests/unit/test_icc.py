"""Intraclass correlation: published values, gaps, and raters that do not vary."""

from math import isnan

import numpy as np
import pytest

from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.models.icc import icc, iccs, resampled_components
from judgekit.agreement.models.reml import as_blocks, fit_reml
from judgekit.errors import InputError

# Shrout and Fleiss (1979), table 2: 6 targets by 4 judges.
PUBLISHED = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def simulated(n: int, r: int, *, seed: int = 0, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.5, (1, r)) + rng.normal(0, 0.7, (n, r))
    x[rng.random((n, r)) < missing] = np.nan
    return x[~np.isnan(x).all(axis=1)]


@pytest.mark.parametrize(
    ("form", "published"),
    [
        ("ICC(1,1)", 0.17), ("ICC(2,1)", 0.29), ("ICC(3,1)", 0.71),
        ("ICC(1,k)", 0.44), ("ICC(2,k)", 0.62), ("ICC(3,k)", 0.91),
    ],
)  # fmt: skip
def test_the_published_table(form, published):
    assert icc(PUBLISHED, form).value == pytest.approx(published, abs=5e-3)


def test_both_dialects_name_the_same_number():
    for names in (("ICC2", "ICC(2,1)", "ICC(A,1)"), ("ICC3k", "ICC(3,k)", "ICC(C,k)"), ("ICC1", "ICC(1,1)")):
        values = [icc(PUBLISHED, name).value for name in names]
        assert values == pytest.approx(values[:1] * len(names), rel=1e-12)


def test_the_interval_of_absolute_agreement():
    # R psych and irr: ICC2 .2898 with .0188 to .7611.
    found = icc(PUBLISHED)

    assert (found.low, found.high) == pytest.approx((0.0188, 0.7611), abs=5e-5)
    assert found.interval == "f"
    assert found.name == "icc_a1"


def test_a_negative_value_is_reported():
    assert icc([[1, 5], [5, 1], [2, 4], [4, 2]]).value < 0


def test_leniency_costs_agreement_but_no_consistency():
    cells = np.array([[1.0, 3], [2, 4], [4, 6], [3, 5]])

    by = {each.name: each for each in iccs(cells)}

    assert by["icc_c1"].value == pytest.approx(1.0)
    assert by["icc_c1"].status == "ok_degenerate"
    assert by["icc_a1"].value < 0.6


def test_gaps_give_variance_components_of_all_that_is_there():
    # statsmodels MixedLM, REML, crossed components, on the same cells: .5984338.
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (30, 1)) + rng.normal(0, 0.5, (1, 4)) + rng.normal(0, 0.7, (30, 4))
    x[rng.random(x.shape) < 0.2] = np.nan

    found = icc(x, b=400)

    assert found.value == pytest.approx(0.5984338, abs=2e-5)
    assert icc(x, "ICC(1,1)", b=30).value == pytest.approx(0.6031122, abs=2e-5)
    assert found.interval == "bca"
    assert found.low < 0.5
    assert found.high > 0.7
    assert "REML" in found.method


def test_without_gaps_variance_components_are_mean_squares():
    x = simulated(40, 4)
    units, raters = np.indices(x.shape).reshape(2, -1)
    fit = fit_reml(as_blocks(x.ravel(), units, nested={"unit": 0 * units}, crossed={"rater": raters}))
    parts = fit.components

    assert icc(x).value == pytest.approx(parts["unit"] / sum(parts.values()), abs=1e-5)


@pytest.mark.parametrize("one_way", [True, False])
def test_resamples_are_fitted_as_one_by_one(one_way):
    x = simulated(60, 4, missing=0.25, seed=5)
    units, raters = np.nonzero(~np.isnan(x))
    blocks = as_blocks(
        x[units, raters], units, nested={"unit": 0 * units}, crossed={} if one_way else {"rater": raters}
    )
    start = fit_reml(blocks).log_ratios
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), size=8).astype(float)

    fast = resampled_components(x, drawn, start, one_way=one_way)

    for weights, found in zip(drawn, fast, strict=True):
        parts = fit_reml(blocks, weights=weights).components
        exact = (parts["unit"], parts.get("rater", 0.0), parts["residual"])
        assert found == pytest.approx(exact, abs=1e-3)


def test_clusters_are_what_is_drawn():
    x = np.repeat(simulated(30, 3), 4, axis=0)

    found = icc(x, "ICC(C,1)", clusters=np.repeat(np.arange(30), 4), b=400)
    units = icc(x, "ICC(C,1)")

    assert found.interval == "bca_cluster"
    assert found.high - found.low > 1.5 * (units.high - units.low)


@pytest.mark.parametrize("gap", [False, True])
def test_one_cluster_is_no_interval(gap):
    x = simulated(12, 3)
    x[0, 0] = np.nan if gap else x[0, 0]

    found = icc(x, clusters=["a"] * 12, b=100)

    assert (found.status, found.interval) == ("ok_degenerate", "none")
    assert isnan(found.low)
    assert icc(x, clusters=list("abcd") * 3, b=100).status == "unstable:few_clusters"


def test_the_value_does_not_suffer_from_large_numbers():
    x = simulated(30, 3)

    assert icc(x + 1e7).value == pytest.approx(icc(x).value, abs=1e-6)


def test_what_is_no_table_of_numbers_is_refused():
    with pytest.raises(InputError, match="nominal"):
        icc(as_ratings([["a", "b"], ["b", "b"]], scale=["a", "b"], level="nominal"))
    with pytest.raises(InputError, match="shape"):
        icc([1.0, 2.0])
    with pytest.raises(InputError, match="numbers"):
        icc([["a", "b"]])


def test_nothing_varies():
    found = icc([[2, 2], [2, 2], [2, 2]])

    assert isnan(found.value)
    assert found.status == "undefined:no_variation"


def test_an_interval_without_degrees_of_freedom_is_none():
    # Found by chance: the raters' terms cancel, and Satterthwaite's degrees of freedom come to nearly 0.
    found = icc([[3, 2, 2, 2], [1, 2, 3, 3], [1, 3, 1, 4]], "ICC(A,1)")

    assert found.value < 0
    assert (found.interval, np.isnan(found.low)) == ("none", True)
