"""Severities: against conditional maximum likelihood, a closed form, and planted truth."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize

from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.models.rasch import many_facet_rasch, severities
from judgekit.errors import InputError


def ratings(n, severity, tau, *, sd=1.2, seed=3):
    """Ratings of the model, shape (n, n_raters)."""
    rng = np.random.default_rng(seed)
    steps = np.concatenate([[0.0], np.cumsum(tau)])
    k = np.arange(len(steps))
    eta = k * (rng.normal(0, sd, (n, 1, 1)) - np.asarray(severity)[None, :, None]) - steps
    p = np.exp(eta) / np.exp(eta).sum(axis=2, keepdims=True)
    return (rng.random((n, len(severity), 1)) > np.cumsum(p, axis=2)[:, :, :-1]).sum(axis=2)


def long(x, names=None):
    n, j = x.shape
    names = names or [f"j{i}" for i in range(j)]
    return x.ravel(), np.repeat(np.arange(n), j).tolist(), names * n


def conditional(x, k):
    """Severities by conditional likelihood, which needs no distribution of units: every pattern listed."""
    j = x.shape[1]
    patterns = np.array(list(itertools.product(range(k), repeat=j)))
    totals = patterns.sum(axis=1)

    def loss(p):
        s, steps = np.concatenate([[0.0], p[: j - 1]]), np.concatenate([[0.0], p[j - 1 :], [0.0]])
        every = -patterns @ s - steps[patterns].sum(axis=1)
        seen = -x @ s - steps[x].sum(axis=1)
        norm = np.array([np.logaddexp.reduce(every[totals == t]) for t in range(totals.max() + 1)])
        return -np.sum(seen - norm[x.sum(axis=1)])

    s = np.concatenate([[0.0], minimize(loss, np.zeros(j - 1 + k - 2), method="BFGS").x[: j - 1]])
    return s - s.mean()


def test_severities_are_those_of_conditional_likelihood():
    x = ratings(300, [-0.8, -0.2, 0.3, 0.7], [-0.6, 0.6])
    found = many_facet_rasch(*long(x), n_categories=3)

    ours = [e.value for e in found.raters.values()]
    assert ours == pytest.approx(conditional(x, 3), abs=0.004)
    assert found.status == "ok"
    assert found.reliability > 0.95
    assert found.p_value < 1e-6


def test_two_raters_of_yes_and_no_differ_by_the_log_of_their_disagreements():
    # Conditional on the total, the odds of (1, 0) against (0, 1) are exp(severity_2 - severity_1).
    x = np.array([[1, 0]] * 30 + [[0, 1]] * 10 + [[1, 1]] * 40 + [[0, 0]] * 40)
    found = many_facet_rasch(*long(x), n_categories=2).raters

    assert found["j1"].value - found["j0"].value == pytest.approx(math.log(30 / 10), abs=0.02)


def test_standard_errors_cover_planted_severities():
    truth = np.array([-0.5, 0.0, 0.5])
    inside = []
    for seed in range(15):
        x = ratings(80, truth, [-0.5, 0.5], seed=seed)
        found = many_facet_rasch(*long(x), n_categories=3).raters
        inside += [e.low <= t <= e.high for e, t in zip(found.values(), truth, strict=True)]
    assert 0.88 <= np.mean(inside) <= 1.0


def test_units_that_only_some_raters_saw_are_taken_into_account():
    x = ratings(600, [-0.7, 0.0, 0.4], [-0.5, 0.5], sd=2, seed=5).astype(float)
    x[x[:, 1] + x[:, 2] > 0, 0] = np.nan  # the lenient rater saw only what the others found poor
    found = severities(as_ratings(x, scale=[0, 1, 2], raters=["a", "b", "c"]))

    assert found.raters["a"].value < found.raters["b"].value < found.raters["c"].value
    assert np.nanmean(x[:, 0]) < np.nanmean(x[:, 2])  # raw means say the opposite


def test_raters_without_a_shared_unit_cannot_be_compared():
    units, raters = [1, 1, 2, 2, 3, 3, 4, 4], ["a", "b", "a", "b", "c", "d", "c", "d"]
    found = many_facet_rasch([0, 1, 1, 0, 0, 1, 1, 0], units, raters, n_categories=2)

    assert found.status == "undefined:not_identified"
    assert found.components == (("a", "b"), ("c", "d"))
    assert math.isnan(found.raters["a"].value)
    assert "a, b; c, d" in found.notes[0]


@pytest.mark.parametrize(("end", "lenient"), [(2, True), (0, False)])
def test_a_rater_of_one_end_has_a_bound_and_no_number(end, lenient):
    x = ratings(60, [-0.3, 0.3], [-0.5, 0.5])
    found = many_facet_rasch(*long(np.column_stack([x, np.full(60, end)])), n_categories=3)
    extreme = found.raters["j2"]

    assert math.isnan(extreme.value)
    assert extreme.status == "undefined:not_identified"
    assert extreme.interval == "extreme_bound"
    assert (extreme.low, extreme.high > -20) == (-math.inf, True) if lenient else extreme.high == math.inf
    assert (extreme.high < found.raters["j0"].low) if lenient else (extreme.low > found.raters["j1"].high)
    assert not math.isnan(found.raters["j0"].value)


def test_criteria_and_unused_categories():
    x = ratings(200, [-0.4, 0.4, -1.4, -0.6], [-0.5, 0.5])  # two raters, then on a criterion 1 logit easier
    category, unit, rater = long(x, ["a", "b", "a", "b"])
    found = many_facet_rasch(
        category, unit, rater, criteria=["hard", "hard", "easy", "easy"] * 200, n_categories=5
    )

    assert found.criteria["easy"] == pytest.approx(-1.0, abs=0.3)
    assert len(found.thresholds) == 2
    assert found.raters["b"].value - found.raters["a"].value == pytest.approx(0.8, abs=0.3)


def test_a_rater_who_draws_lots_is_erratic():
    x = ratings(300, [0.0, 0.0, 0.0, 0.0], [-1.5, 0.0, 1.5], sd=2.5)
    x[:, 3] = np.random.default_rng(0).integers(0, 4, 300)
    found = many_facet_rasch(*long(x), n_categories=4)

    assert found.fit["j3"].flag == "erratic"
    assert all(found.fit[f"j{i}"].outfit < 1.2 for i in range(3))


@pytest.mark.parametrize(
    ("category", "units", "raters", "status"),
    [
        ([], [], [], "undefined:needs_two_raters"),
        ([0, 1, 1], [1, 2, 3], ["a", "a", "a"], "undefined:needs_two_raters"),
        ([1, 1, 1, 1], [1, 1, 2, 2], ["a", "b", "a", "b"], "undefined:no_variation"),
        ([-1, 1, -1, 0], [1, 1, 2, 2], ["a", "b", "a", "b"], "undefined:needs_two_raters"),
    ],
)
def test_what_has_no_severities(category, units, raters, status):
    found = many_facet_rasch(category, units, raters, n_categories=2)

    assert found.status == status
    assert all(e.status == status for e in found.raters.values())


def test_only_extreme_raters():
    found = many_facet_rasch([1, 0, 1, 0], [1, 1, 2, 2], ["a", "b", "a", "b"], n_categories=2)

    assert all(math.isnan(e.value) for e in found.raters.values())


def test_malformed_arguments():
    with pytest.raises(InputError, match="category 5 on a scale of 3"):
        many_facet_rasch([5], [1], ["a"], n_categories=3)
    with pytest.raises(InputError, match="one entry a row"):
        many_facet_rasch([1, 2], [1], ["a", "b"], n_categories=3)
