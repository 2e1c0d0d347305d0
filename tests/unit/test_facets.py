"""The whole many-facet fit: criteria with errors, errors by items, features and posteriors of units."""

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from judgekit.agreement.models.rasch import fit_facets, many_facet_rasch
from judgekit.agreement.models.rasch_fit import _negative, _slope_by_unit, marginal
from judgekit.errors import InputError


def right(ability, ease, *, seed=0):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-(np.asarray(ability)[None, :] + np.asarray(ease)[:, None])))
    return (rng.random(p.shape) < p).astype(int)


def long(x):
    item, system = np.nonzero(np.ones_like(x))
    return x.ravel(), item.tolist(), system.tolist()


def by_hand(x, f, ridge):
    """Minus the log likelihood with features of items, each integral a sum over 401 places, item by item."""
    z = np.linspace(-7, 7, 401)
    w = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    n = x.shape[1]

    def each(p):
        ability, weights, sd = p[:n], p[n:-1], math.exp(p[-1])
        eta = (f @ weights)[:, None, None] + (sd * z)[:, None] + ability
        logs = np.where(x[:, None] == 1, -np.logaddexp(0, -eta), -np.logaddexp(0, eta)).sum(axis=2)
        return np.log(np.exp(logs) @ w)

    return each, lambda p: -each(p).sum() + ridge * np.sum(p[n:-1] ** 2) / 2


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_features_of_items_are_fitted_as_by_plain_integration(ridge):
    rng = np.random.default_rng(1)
    f = rng.normal(size=(60, 2))
    x = right([-0.6, 0.0, 0.3, 0.9], f @ [0.8, -0.4] + rng.normal(0, 1.5, 60))
    each, loss = by_hand(x, f, ridge)
    best = minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-7}).x

    found = fit_facets(
        *long(x), n_categories=2, features={str(i): row for i, row in enumerate(f)}, ridge=ridge
    )

    assert found.weights == pytest.approx(best[4:6], abs=2e-4)
    ability = best[:4] - best[:4].mean()
    assert [-e.value for e in found.severities.raters.values()] == pytest.approx(ability, abs=2e-4)
    assert found.severities.unit_sd == pytest.approx(math.exp(best[-1]), abs=2e-4)
    assert found.severities.log_likelihood == pytest.approx(each(best).sum(), abs=1e-5)


def test_errors_by_items_are_the_sandwich_of_the_items_own_gradients():
    rng = np.random.default_rng(2)
    f = np.zeros((60, 0))
    x = right([-0.5, 0.0, 0.5], rng.normal(0, 1, 60), seed=3)
    each, loss = by_hand(x, f, 0.0)
    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x
    steps = np.eye(4) * 1e-4
    scores = np.array([(each(best + h) - each(best - h)) / 2e-4 for h in steps]).T
    slope = lambda p: approx_fprime(p, loss, 1e-5)  # noqa: E731
    bread = np.linalg.inv([(slope(best + 10 * h) - slope(best - 10 * h)) / 2e-3 for h in steps])
    meat = (bread @ scores.T @ scores @ bread * 60 / 59)[:3, :3]
    turn = np.eye(3) - 1 / 3

    found = fit_facets(*long(x), n_categories=2, errors="items", nodes=121)

    assert found.df == 59
    assert found.covariance[:3, :3] == pytest.approx(turn @ meat @ turn, rel=0.02)
    one = found.severities.raters["0"]
    assert one.interval == "t_cr1"
    assert (one.high - one.value) / one.se == pytest.approx(2.00, abs=0.005)  # t on 59 degrees of freedom
    assert found.severities == many_facet_rasch(*long(x), n_categories=2, errors="items", nodes=121)


@pytest.mark.parametrize("features", [False, True])
def test_the_gradients_of_units_add_up_whatever_the_block(features):
    rng = np.random.default_rng(4)
    n, k = 30, 3
    unit, rater, kind = (a.ravel() for a in np.indices((n, 3, 2)))
    kept = rng.random(len(unit)) < 0.8
    model = marginal(
        rng.integers(0, k, len(unit))[kept], unit[kept], rater[kept], kind[kept], n_categories=k, nodes=15,
        features=rng.normal(size=(n, 2)) if features else None,
    )  # fmt: skip
    at = rng.normal(0, 0.3, 3 + 1 + 1 + 2 * features + 1)
    value, slope = _negative(at, model)
    near = approx_fprime(at, lambda p: _negative(p, model)[0], 1e-6)

    assert slope == pytest.approx(near, abs=1e-4)
    blocks = list(_slope_by_unit(at, model, at_once=300))
    assert len(blocks) > 5
    assert -sum(each.sum() for each, *_ in blocks) == pytest.approx(value)
    assert -sum(made.sum(axis=0) for *_, made in blocks) == pytest.approx(slope)


def test_criteria_have_errors_and_stand_apart_from_raters():
    x = right([0.8, 0.0, -0.8], np.random.default_rng(5).normal(0, 1, 120), seed=6)  # three systems
    y = right([0.3, -0.5, -1.3], np.random.default_rng(5).normal(0, 1, 120), seed=7)  # a judge half as kind
    category = np.concatenate([x.ravel(), y.ravel()])
    units = [str(i) for i in np.repeat(np.arange(120), 3)] * 2
    found = fit_facets(
        category, units, ["kind"] * 360 + ["strict"] * 360, criteria=["good", "fair", "poor"] * 240,
        n_categories=2, errors="items",
    )  # fmt: skip

    assert list(found.difficulties) == ["good", "fair", "poor"]
    assert sum(e.value for e in found.difficulties.values()) == pytest.approx(0)
    good, _, poor = found.difficulties.values()
    assert good.high < poor.low
    assert good.low < -0.75 < good.high
    assert found.covariance.shape == (5, 5)
    # The same with the parts exchanged: what is a rater is a criterion.
    turned = fit_facets(
        category, units, ["good", "fair", "poor"] * 240, criteria=["kind"] * 360 + ["strict"] * 360,
        n_categories=2, errors="items",
    )  # fmt: skip
    for name, e in found.difficulties.items():
        other = turned.severities.raters[name]
        assert (e.value, e.se) == pytest.approx((other.value, other.se), abs=1e-5)
    assert [*found.severities.criteria.values()] == pytest.approx(
        [e.value - good.value for e in found.difficulties.values()]
    )


def test_a_criterion_all_right_has_a_bound():
    x = right([0.8, -0.8], np.zeros(50), seed=8)
    category = np.concatenate([x.ravel(), np.ones(100, dtype=int)])
    found = fit_facets(
        category, [*np.repeat(np.arange(50), 2)] * 2, ["a", "b"] * 100,
        criteria=["some"] * 100 + ["all"] * 100, n_categories=2,
    ).difficulties["all"]  # fmt: skip

    assert math.isnan(found.value)
    assert (found.status, found.low, found.high < -2) == ("undefined:not_identified", -math.inf, True)


def test_each_criterion_with_a_rater_of_its_own_cannot_be_told_from_it():
    x = right([0.8, -0.8], np.zeros(50), seed=8)
    found = fit_facets(
        x.ravel(), np.repeat(np.arange(50), 2), ["a", "b"] * 50, criteria=["one", "two"] * 50, n_categories=2
    )

    assert {e.status for e in found.difficulties.values()} == {"undefined:not_identified"}
    assert "cannot be told apart" in found.difficulties["one"].notes[0]


def test_the_ease_of_units_is_their_posterior():
    ease = np.random.default_rng(9).normal(0, 1.5, 1000)
    x = right(np.linspace(-1, 1, 12), ease, seed=10)
    found = fit_facets(*long(x), n_categories=2)

    assert np.corrcoef(found.ease, ease)[0, 1] > 0.85
    inside = np.abs(found.ease - ease) < 1.96 * found.ease_sd
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    assert found.units[:2] == ("0", "1")


def test_features_have_to_be_there():
    with pytest.raises(InputError, match="unit '1' has no features"):
        fit_facets([0, 1, 1, 0], [0, 0, 1, 1], ["a", "b"] * 2, n_categories=2, features={"0": [1.0]})
    with pytest.raises(InputError, match="not a finite number"):
        fit_facets([0, 1], [0, 0], ["a", "b"], n_categories=2, features={"0": [math.nan]})
