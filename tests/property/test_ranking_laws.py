"""Laws of correlation, ranking and panels: places mean nothing, scales mean what is declared."""

import math

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from judgekit.agreement.association.comparing import (
    compare_accuracies,
    compare_correlations,
    paired_difference,
)
from judgekit.agreement.association.correlation import (
    KINDS,
    correlation,
    gamma,
    pearson,
    somers_d,
    spearman,
    tau_b,
    tau_c,
)
from judgekit.agreement.association.groupings import GROUPINGS, four_groupings
from judgekit.agreement.association.pairwise_accuracy import (
    soft_accuracy,
    soft_pairwise_accuracy,
    tie_calibrated_accuracy,
)
from judgekit.agreement.bias.error_correlation import (
    condorcet_gap,
    effective_judges,
    error_correlation,
    jury_against_best,
)
from judgekit.agreement.bias.populations import cross_kappa, populations
from judgekit.agreement.core.ratings import Ratings
from judgekit.agreement.core.weights import weights_of
from judgekit.agreement.people.alt_test import alt_test
from judgekit.agreement.people.ceiling import human_ceiling, replacement_alpha
from judgekit.agreement.published.arena import benchmark_agreement
from judgekit.agreement.published.rankings import rbo_ext
from judgekit.types import Estimate

SCALE = np.array([1.0, 2.0, 3.0, 4.0])
labels = st.integers(1, 4).map(float)
maybe = labels | st.just(math.nan)
pairs = st.lists(st.tuples(labels, labels), min_size=2, max_size=25).map(lambda x: np.array(x).T)
grids = st.tuples(st.integers(1, 4), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(arrays(float, shape, elements=maybe), arrays(float, shape, elements=maybe))
)
full_grids = st.tuples(st.integers(2, 4), st.integers(2, 6)).flatmap(
    lambda shape: st.tuples(arrays(float, shape, elements=labels), arrays(float, shape, elements=labels))
)
panels = st.tuples(st.integers(0, 8), st.integers(2, 4)).flatmap(
    lambda shape: arrays(np.intp, shape, elements=st.integers(-1, 3))
)
seeds = st.integers(0, 2**16)


def ratings(codes, level="interval"):
    names = ("judge", *(f"h{i}" for i in range(1, codes.shape[1])))
    return Ratings(codes, SCALE, level, names, ("1", "2", "3", "4"))


def same(a, b):
    assert a == pytest.approx(b, abs=1e-9, nan_ok=True)


@given(pairs)
def test_correlations_are_those_of_scipy(xy):
    from scipy import stats

    x, y = xy
    event("constant" if np.ptp(x) == 0 or np.ptp(y) == 0 else "varies")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert all(math.isnan(f(x, y)) for f in (pearson, spearman, tau_b, tau_c, somers_d, gamma))
        return

    same(pearson(x, y), stats.pearsonr(x, y).statistic)
    same(spearman(x, y), stats.spearmanr(x, y).statistic)
    same(tau_b(x, y), stats.kendalltau(x, y).statistic)
    same(tau_c(x, y), stats.kendalltau(x, y, variant="c").statistic)
    same(somers_d(x, y), stats.somersd(x, y).statistic)


@given(pairs, st.randoms(use_true_random=False))
def test_correlations_know_units_not_by_place_and_columns_only_where_asymmetric(xy, random):
    x, y = xy
    order = list(range(len(x)))
    random.shuffle(order)

    for f in (pearson, spearman, tau_b, tau_c, somers_d, gamma):
        same(f(x[order], y[order]), f(x, y))
        if f is not somers_d:
            same(f(y, x), f(x, y))
        same(f(-x, y), -f(x, y))


@given(pairs)
def test_ranks_see_only_order_and_pearson_only_shape(xy):
    x, y = xy

    for f in (spearman, tau_b, tau_c, somers_d, gamma):
        same(f(np.exp(x), y**3), f(x, y))
    same(pearson(3 * x + 7, y / 10), pearson(x, y))


@given(pairs)
def test_twice_the_data_halve_the_squared_error(xy):
    x, y = xy
    twice = np.tile(x, 2), np.tile(y, 2)
    n = len(x)

    one, two = (correlation(*each, kind="pearson") for each in ((x, y), twice))
    if n > 3 and one.interval == "fisher_z":
        same(two.se**2 / one.se**2, (n - 3) / (2 * n - 3))
    d_one, d_two = (paired_difference(*each, n_flips=50).difference for each in ((x, y), twice))
    if d_one.se > 0:
        same(d_two.se**2 / d_one.se**2, (n - 1) / (2 * n - 1))


@given(grids, st.sampled_from(GROUPINGS), seeds)
def test_calibrated_accuracy_knows_neither_items_nor_systems_by_place(both, grouping, seed):
    rng = np.random.default_rng(seed)
    human, metric = both
    rows, columns = (rng.permutation(n) for n in human.shape)

    found = tie_calibrated_accuracy(human, metric, grouping=grouping, b=2).calibration
    moved = tie_calibrated_accuracy(
        human[rows][:, columns], metric[rows][:, columns], grouping=grouping, b=2
    ).calibration
    scaled = tie_calibrated_accuracy(human, 5 * metric - 2, grouping=grouping, b=2).calibration

    same((moved.acc_eq, moved.eps), (found.acc_eq, found.eps))
    same((scaled.acc_eq, scaled.eps), (found.acc_eq, 5 * found.eps))
    assert math.isnan(found.acc_eq) or found.at_zero <= found.acc_eq + 1e-9


@given(full_grids, seeds)
def test_soft_accuracy_is_about_differences_and_with_mid_p_not_about_places(both, seed):
    human, metric = both
    rng = np.random.default_rng(seed)
    rows, columns = (rng.permutation(n) for n in human.shape)

    found = soft_pairwise_accuracy(human, metric, mid_p=True)

    assert 0 <= found <= 1
    same(soft_pairwise_accuracy(human[rows], metric[rows], mid_p=True), found)
    same(soft_pairwise_accuracy(human[:, columns], metric[:, columns], mid_p=True), found)
    same(soft_pairwise_accuracy(human, 2 * metric + rng.normal(size=human.shape[1]), mid_p=True), found)
    assert soft_pairwise_accuracy(human, 3 * human + 1) == 1.0


@given(st.integers(1, 7), seeds, st.floats(0.05, 0.99))
def test_overlap_is_symmetric_bounded_and_full_with_itself(n, seed, p):
    rng = np.random.default_rng(seed)
    first, second = rng.permutation(n).tolist(), (rng.permutation(n + 2)[:n]).tolist()

    found = rbo_ext(first, second, p=p)

    assert -1e-12 <= found + 1e-12 <= 1 + 2e-12
    same(rbo_ext(second, first, p=p), found)
    same(rbo_ext(first, first, p=p), 1.0)
    for ties in ("w", "a", "b"):
        same(rbo_ext(first, second, p=p, ties=ties), found)


@given(panels, seeds)
def test_the_alternative_annotator_test_knows_nobody_by_place(codes, seed):
    rng = np.random.default_rng(seed)
    items, people = rng.permutation(len(codes)), 1 + rng.permutation(codes.shape[1] - 1)
    renamed = np.append(rng.permutation(4), -1)  # -1 stays missing
    how = {"judge": "judge", "min_items": 2, "power_runs": 0, "b": 25}

    found = alt_test(ratings(codes, "nominal"), **how)
    event(found.advantage.status)

    moved = alt_test(ratings(codes[items][:, [0, *people]], "nominal"), **how)
    other = alt_test(ratings(renamed[codes], "nominal"), **how)
    for each in (moved, other):
        same(each.advantage.value, found.advantage.value)
        same(each.winning_rate.value, found.winning_rate.value)


@given(panels)
def test_agreement_across_pools_is_symmetric_and_nominal_labels_may_be_renamed(codes):
    first, second = codes[:, :1], codes[:, 1:]
    w = weights_of("identity", SCALE)

    found = cross_kappa(first, second, w)

    same(cross_kappa(second, first, w), found)
    same(cross_kappa(np.where(first < 0, -1, 3 - first), np.where(second < 0, -1, 3 - second), w), found)


@given(
    arrays(
        float, st.tuples(st.integers(0, 8), st.integers(1, 4)), elements=st.sampled_from([0.0, 1.0, math.nan])
    )
)
def test_a_jury_is_worth_between_one_and_all_of_its_judges(errors):
    found = error_correlation(errors)

    assert math.isnan(found.kish) or 1 - 1e-9 <= found.kish <= found.judges + 1e-9
    assert math.isnan(found.participation) or found.participation <= found.judges + 1e-9
    same(error_correlation(errors[:, ::-1]).kish, found.kish)
    condorcet_gap(errors)


def sound(estimate: Estimate) -> None:
    """Undefined is nan with a reason; an interval has its ends in order."""
    assert math.isnan(estimate.value) == estimate.status.startswith("undefined:")
    assert math.isnan(estimate.low) == math.isnan(estimate.high) == (estimate.interval == "none")
    assert math.isnan(estimate.low) or estimate.low <= estimate.high
    assert estimate.n_used + estimate.n_dropped == estimate.n_units


@given(grids)
def test_nothing_in_the_data_raises_and_undefined_says_why(both):
    human, metric = both
    found = [
        *four_groupings(human, metric, kind="tau_b", b=25).values(),
        soft_accuracy(human, metric),
        *(correlation(human[0], metric[0], kind=kind, b=25) for kind in KINDS),
        paired_difference(human[0], metric[0], n_flips=25).difference,
        compare_accuracies(human[0], metric[0], metric[-1]).difference,
        compare_correlations(human[0], metric[0], metric[-1], b=25, n_flips=25).difference,
        effective_judges(human, b=25),
    ]
    for grouping in GROUPINGS:
        tied = tie_calibrated_accuracy(human, metric, grouping=grouping, b=25)
        found += [tied.in_sample, tied.held_out]
    benchmark_agreement(human, metric, b=25)

    for estimate in found:
        event(f"{estimate.name.split('_')[0]} {estimate.status}")
        sound(estimate)


@given(panels, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_no_panel_raises_and_undefined_says_why(codes, level):
    given_ratings, few = ratings(codes, level), {"b": 25}
    ceiling = human_ceiling(given_ratings, judge="judge", **few)
    alphas = replacement_alpha(given_ratings, judge="judge", **few)
    jury = jury_against_best(given_ratings, reference="judge", **few)
    test = alt_test(given_ratings, judge="judge", min_items=2, power_runs=5, **few)
    pools = populations(
        given_ratings,
        judge="judge",
        pools={name: i % 2 for i, name in enumerate(given_ratings.raters[1:])},
        **few,
    )
    units = populations(given_ratings, judge="judge", units=[i % 2 for i in range(len(codes))], **few)

    for estimate in (
        ceiling.judge, ceiling.human, ceiling.difference, ceiling.ratio,
        alphas.panel, alphas.joined, alphas.delta, alphas.replaced, alphas.replaced_delta,
        jury.jury, jury.best, jury.difference, test.winning_rate, test.advantage,
        *(e for each in (*pools.each, *units.each) for e in (each.judge, each.own, each.shortfall)),
        *pools.between.values(), *pools.gaps.values(), *pools.own_gaps.values(),
        *units.gaps.values(), *units.own_gaps.values(),
    ):  # fmt: skip
        event(estimate.status)
        sound(estimate)
