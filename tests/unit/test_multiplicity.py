from math import isnan, nan

import numpy as np
import pytest

from judgekit.agreement.bias import slices
from judgekit.agreement.core import multiplicity
from judgekit.agreement.core.estimate import Status
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.people import ceiling
from judgekit.errors import InputError
from judgekit.types import Estimate

# R 4.5, p.adjust.
P = [0.001, 0.008, 0.012, 0.031, 0.047, 0.21, 0.55]
ADJUSTED = {
    "holm": [0.007, 0.048, 0.06, 0.124, 0.141, 0.42, 0.55],
    "hochberg": [0.007, 0.048, 0.06, 0.124, 0.141, 0.42, 0.55],
    "hommel": [0.007, 0.04, 0.06, 0.094, 0.141, 0.42, 0.55],
    "bonferroni": [0.007, 0.056, 0.084, 0.217, 0.329, 1, 1],
    "bh": [0.007, 0.028, 0.028, 0.05425, 0.0658, 0.245, 0.55],
    "by": [0.01815, 0.0726, 0.0726, 0.1406625, 0.17061, 0.63525, 1],
}
STATSMODELS = {"hochberg": "simes-hochberg", "bh": "fdr_bh", "by": "fdr_by"}


@pytest.mark.parametrize(("method", "adjusted"), ADJUSTED.items())
def test_adjusted_as_r_does(method, adjusted):
    shuffle = [3, 0, 6, 1, 5, 2, 4]

    assert multiplicity.adjust(P, method=method) == pytest.approx(adjusted)
    shuffled = multiplicity.adjust([P[i] for i in shuffle], method=method)
    assert shuffled == pytest.approx([adjusted[i] for i in shuffle])


@pytest.mark.parametrize("method", ADJUSTED)
def test_adjusted_as_statsmodels_does(method):
    tests = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is an oracle only")
    rng = np.random.default_rng(0)
    for m in (1, 2, 3, 10, 40):
        p = np.round(rng.random(m) ** 2, 3)
        theirs = tests.multipletests(p, method=STATSMODELS.get(method, method))[1]
        assert multiplicity.adjust(p, method=method) == pytest.approx(theirs, abs=1e-12)


def test_a_missing_p_value_is_no_member_of_the_family():
    found = multiplicity.adjust([0.01, nan, 0.04], method="holm")

    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert isnan(found[1])
    assert multiplicity.adjust([], method="bh").tolist() == []


def test_what_is_no_p_value_is_refused():
    with pytest.raises(InputError, match="not in"):
        multiplicity.adjust([1.2], method="bh")
    with pytest.raises(InputError, match="there are holm"):
        multiplicity.adjust([0.2], method="fdr")


def sliced(rng, *, effect, n=900):
    """Correctness of a judge in nine slices; the first differs by `effect`."""
    groups = rng.integers(0, 9, n).tolist()
    right = rng.random(n) < np.where(np.array(groups) == 0, 0.8 - effect, 0.8)

    def measure(index):
        return clustered_mean(right[index].astype(float))

    return groups, measure


def test_a_slice_that_is_worse_is_found():
    groups, measure = sliced(np.random.default_rng(1), effect=0.35)
    found = {each.name: each for each in slices.by_slice(groups, measure)}

    assert found[0].flagged
    assert found[0].difference < -0.2
    assert min(found.values(), key=lambda each: each.p).name == 0


def test_slices_that_are_alike_are_rarely_flagged():
    rng = np.random.default_rng(2)
    runs = [slices.by_slice(*sliced(rng, effect=0.0)) for _ in range(80)]

    assert np.mean([any(each.flagged for each in run) for run in runs]) <= 0.13


def test_a_small_slice_is_named_but_not_tested():
    groups = ["a"] * 50 + ["b"] * 50 + ["c"] * 5 + [None] * 4
    values = np.r_[np.zeros(25), np.ones(25), np.zeros(20), np.ones(30), np.zeros(5), np.ones(4)]
    a, b, c = slices.by_slice(groups, lambda index: clustered_mean(values[index]))

    assert [each.name for each in (a, b, c)] == ["a", "b", "c"]
    assert c.estimate.status == Status.TOO_FEW
    assert not c.flagged
    assert isnan(c.p)
    assert isnan(c.difference)
    # Two tests, not three, are adjusted for.
    assert a.p_adjusted == pytest.approx(
        min(2 * min(a.p, b.p), max(a.p, b.p)) if a.p < b.p else max(a.p, b.p)
    )
    with pytest.raises(InputError, match="least"):
        slices.by_slice(groups, lambda index: clustered_mean(values[index]), least=1)


def test_units_without_a_value_make_no_slice_larger():
    values = np.r_[[0.9, 0.85, 0.95], np.full(37, nan), np.random.default_rng(0).random(40)]

    few, rest = slices.by_slice(["a"] * 40 + ["b"] * 40, lambda index: clustered_mean(values[index]))

    assert (few.n, few.estimate.status) == (40, Status.TOO_FEW)
    assert (few.estimate.n_used, few.estimate.n_dropped) == (3, 37)
    assert few.estimate.notes == ("3 units; a slice needs 30",)
    assert isnan(few.p)
    assert isnan(rest.p)
    assert not few.flagged


def test_the_smaller_side_gives_the_degrees_of_freedom():
    from scipy.stats import t

    values = np.random.default_rng(1).random(90)
    values[:5] = nan  # 30 of the first 35 have a value

    small, _ = slices.by_slice(["a"] * 35 + ["b"] * 55, lambda index: clustered_mean(values[index]))

    error = np.hypot(small.estimate.se, small.rest.se)
    assert small.p == pytest.approx(2 * t.sf(abs(small.difference) / error, 29), rel=1e-12)


def test_a_statistic_without_error_is_not_tested():
    flat = slices.by_slice(["a"] * 40 + ["b"] * 40, lambda index: clustered_mean(np.ones(len(index))))

    assert all(isnan(each.p) and not each.flagged for each in flat)


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (-0.04, 0.03, "equivalent"),
        (-0.04, 0.06, "non_inferior"),
        (0.06, 0.09, "non_inferior"),
        (-0.2, 0.2, "undecided"),
        (-0.06, -0.01, "undecided"),
        (-0.2, -0.06, "worse"),
        (nan, nan, "undefined"),
    ],
)
def test_an_interval_beside_a_margin(low, high, finding):
    found = ceiling.against_margin(Estimate("d", (low + high) / 2, low, high), margin=0.05)

    assert found.finding == finding


def test_few_labels_never_show_that_a_judge_is_as_good():
    rng = np.random.default_rng(3)
    difference = clustered_mean((rng.random(20) < 0.8).astype(float) - (rng.random(20) < 0.8))

    assert ceiling.against_margin(difference, margin=0.05).finding == "undecided"


def test_an_interval_that_cannot_be_trusted_decides_nothing():
    shaky = Estimate("d", 0.0, -0.01, 0.01, status="unstable:few_clusters")

    assert ceiling.against_margin(shaky, margin=0.05).finding == "undecided"


def test_a_margin_is_a_positive_number():
    for margin in (0.0, -0.1, nan, float("inf")):
        with pytest.raises(InputError, match="positive"):
            ceiling.against_margin(Estimate("d", 0.0, -0.1, 0.1), margin=margin)
