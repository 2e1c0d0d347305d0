"""Laws of the measurement models: places and names do not matter, units of measure do as they must."""

import math

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from judgekit.agreement.bias.favours import (
    equal_opportunity,
    lc_win_rate,
    length_coefficient,
    length_correlation,
    self_preference,
)
from judgekit.agreement.bias.order_effects import (
    attributable_to_position,
    order_intercept,
    position_counts,
    position_effects,
)
from judgekit.agreement.bias.range_use import deming_slope, range_use
from judgekit.agreement.bias.repeats import (
    denoised,
    denoised_accuracy,
    flip_noise,
    flip_probability,
    pair_accuracies,
    repeatability,
)
from judgekit.agreement.bias.severity import (
    confidence_gap,
    criterion_validity,
    leniency,
    leniency_model,
    panel_severity,
    signed_error,
)
from judgekit.agreement.bias.slices import metric_conflicts
from judgekit.agreement.models.dstudy import gap, variance_parts
from judgekit.agreement.models.gstudy import component_estimates, g_study
from judgekit.agreement.models.rasch import many_facet_rasch
from judgekit.agreement.published.rankings import ratings_against_rankings
from judgekit.errors import InputError
from judgekit.types import Estimate

verdicts = st.lists(st.tuples(*[st.sampled_from([1.0, 0.5, 0.0, math.nan])] * 2), max_size=30)
scores = st.lists(st.tuples(*[st.integers(1, 5)] * 2), min_size=3, max_size=40)
grids = arrays(float, st.tuples(st.integers(3, 8), st.integers(2, 4)), elements=st.integers(0, 6).map(float))


@given(grids, st.floats(0.1, 50), st.floats(-100, 100), st.randoms(use_true_random=False))
def test_components_know_no_places_and_scale_with_the_square(x, factor, shift, random):
    k = x.shape[1]
    item, judge = (each.ravel() for each in np.indices(x.shape))
    order = list(range(x.size))
    random.shuffle(order)
    plain = g_study(x.ravel(), {"item": item, "judge": judge})
    moved = g_study(
        (factor * x.ravel() + shift)[order],
        {"item": [f"i{item[o]}" for o in order], "judge": [f"j{(judge[o] + 1) % k}" for o in order]},
    )
    event(plain.status)

    assert moved.status == plain.status
    for term, value in plain.raw.items():
        assert moved.raw[term] == pytest.approx(
            value * factor**2, rel=1e-6, abs=1e-7 * factor**2, nan_ok=True
        )


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_reml_scales_with_the_square_and_ignores_order(seed, factor):
    rng = np.random.default_rng(seed)
    item, judge = (each.ravel() for each in np.indices((12, 3)))
    y = rng.normal(size=12)[item] + rng.normal(size=36)
    kept = rng.permutation(36)[:30]
    plain = g_study(y[kept], {"item": item[kept], "judge": judge[kept]}, method="reml").components
    turned = kept[::-1]
    moved = g_study(
        factor * y[turned], {"item": item[turned], "judge": judge[turned]}, method="reml"
    ).components

    assert list(moved.values()) == pytest.approx(
        [v * factor**2 for v in plain.values()], rel=1e-3, abs=1e-4 * factor**2
    )


@given(verdicts)
def test_showing_everything_the_other_way_turns_primacy_into_recency(pairs):
    one, other = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    found, turned = position_counts(one, other), position_counts(1 - one, 1 - other)

    assert (found.primacy, found.recency, found.consistent) == (
        turned.recency,
        turned.primacy,
        turned.consistent,
    )
    assert found == position_counts(other, one)
    assert found.n == found.consistent + found.primacy + found.recency


@given(st.floats(0, 1), st.floats(0, 0.49))
def test_denoising_undoes_the_noise(accuracy, q):
    observed, d = (1 - q) * accuracy + q * (1 - accuracy), 2 * q * (1 - q)

    assert float(flip_probability(d)) == pytest.approx(q, abs=1e-6)
    assert float(denoised(observed, q)) == pytest.approx(accuracy, abs=1e-9)


@given(st.floats(0, 0.999), st.floats(0, 1))
def test_leniency_is_inverted(p_c, p_plus):
    tpr, fpr = p_c + (1 - p_c) * p_plus, (1 - p_c) * p_plus

    assert leniency_model(tpr, fpr) == pytest.approx((p_c, p_plus), abs=1e-6)


@given(scores, st.floats(0.1, 20), st.floats(-50, 50))
def test_deming_ignores_the_unit_of_measure(pairs, factor, shift):
    x, y = (np.array([p[i] for p in pairs], dtype=float) for i in (0, 1))
    plain, moved = deming_slope(y, x), deming_slope(factor * y + shift, factor * x + shift)

    assert moved == pytest.approx(plain, rel=1e-6, abs=1e-6, nan_ok=True)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_turning_the_scale_over_turns_severities_over(seed):
    rng = np.random.default_rng(seed)
    x = np.clip(rng.integers(0, 3, (40, 1)) + rng.integers(-1, 2, (40, 3)), 0, 2)
    assume(len(np.unique(x)) == 3)
    units, raters = np.repeat(np.arange(40), 3).tolist(), ["a", "b", "c"] * 40
    plain = many_facet_rasch(x.ravel(), units, raters, n_categories=3).raters
    turned = many_facet_rasch(2 - x.ravel(), units, raters, n_categories=3).raters

    for name, each in plain.items():
        assert turned[name].value == pytest.approx(-each.value, abs=1e-3, nan_ok=True)


@given(grids)
def test_repeats_have_no_order(x):
    plain, turned = (repeatability(each, seed=1, b=0) for each in (x, x[::-1, ::-1]))

    for name, each in plain.items():
        assert turned[name].value == pytest.approx(each.value, rel=1e-9, abs=1e-9, nan_ok=True)


def test_doubling_the_data_halves_the_squared_error():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 400))
    one, two = signed_error(x, y), signed_error(np.tile(x, 2), np.tile(y, 2))

    assert two.se**2 == pytest.approx(one.se**2 / 2, rel=0.01)
    assert criterion_validity(np.tile(x, 2), np.tile(y, 2)).se < criterion_validity(x, y).se


# Everything that makes estimates, on two columns of numbers.
MAKERS = {
    "g_study": lambda x, y: component_estimates(g_study([*x, *y], _items(x)), seed=1, b=20),
    "position": lambda x, y: position_effects(x, y, seed=1, b=20),
    "attributable": lambda x, y: attributable_to_position(_two(x, y), _two(y, x), seed=1, b=20),
    "order": lambda x, y: order_intercept(["a"] * len(x), ["b"] * len(y), x),
    "flips": lambda x, y: [flip_noise(_two(x, y), seed=1, b=20)],
    "denoised": lambda x, y: [denoised_accuracy(x, _two(x, y), seed=1, b=20)],
    "accuracies": pair_accuracies,
    "lc": lc_win_rate,
    "length": lambda x, y: length_coefficient(x, np.ones(len(x)), y),
    "partial": lambda x, y: [length_correlation(x, np.ones(len(x)), y, seed=1, b=20)],
    "own": lambda x, y: [self_preference(x, y, y), equal_opportunity(x, y, seed=1, b=20)],
    "leniency": lambda x, y: leniency(x, y, seed=1, b=20),
    "range": lambda x, y: range_use(x, y, values=[0, 1], seed=1, b=20),
    "retest": lambda x, y: repeatability(_two(x, y), seed=1, b=20),
    "signed": lambda x, y: [signed_error(x, y), confidence_gap(x, y)],
    "validity": lambda x, y: [criterion_validity(x, y, kind=k, b=20) for k in ("spearman", "auc")],
    "panel": lambda x, y: [e for part in panel_severity(_two(x, y)) for e in part],
    "rankings": lambda x, y: [ratings_against_rankings(x, y, x).consistency],
    "wins": lambda x, y: [ratings_against_rankings(x, y, x).rating_wins],
    "conflict": lambda x, y: [c.difference for c in metric_conflicts({"j": x}, {"j": y}, judge="j")],
    "parts": lambda x, y: variance_parts([*x, *y], _items(x), seed=1, b=20).shares,
    "gap": lambda x, y: [gap([*x, *y], _systems(x), _items(x)["item"], first="a", second="b")],
}
CASES = {
    "constant": ([1] * 6, [1] * 6),
    "different constants": ([1] * 6, [0] * 6),
    "one constant": ([1] * 6, [0, 1] * 3),
    "one unit": ([1], [0]),
    "all missing": ([None] * 4, [None] * 4),
    "one side missing": ([None] * 4, [0, 1, 0, 1]),
    "two units": ([0, 1], [1, 0]),
    "opposite": ([0, 1] * 5, [1, 0] * 5),
    "ordinary": ([0, 1, 1, 0, 1, 0, 1, 1], [0, 1, 0, 0, 1, 1, 1, 1]),
}


def _items(x):
    return {"item": [*range(len(x))] * 2}


def _systems(x):
    return ["a"] * len(x) + ["b"] * len(x)


def _two(x, y):
    return np.column_stack([np.array(x, dtype=float), np.array(y, dtype=float)])


def _numbers(x):
    return [math.nan if each is None else float(each) for each in x]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("case", CASES)
def test_no_data_raise_and_what_is_undefined_says_why(maker, case):
    made = MAKERS[maker](*(_numbers(x) for x in CASES[case]))
    for each in made.values() if hasattr(made, "values") else made:
        assert isinstance(each, Estimate)
        assert math.isnan(each.value) == each.status.startswith("undefined"), each
        assert not each.low > each.high
        assert each.n_used + each.n_dropped <= each.n_units or each.name.startswith(("variance", "share"))


@pytest.mark.parametrize("maker", MAKERS)
def test_infinity_is_refused(maker):
    with pytest.raises(InputError):
        MAKERS[maker]([math.inf, 1.0, 0.0], [1.0, 0.0, 1.0])
