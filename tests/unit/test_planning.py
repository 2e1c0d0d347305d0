import math

import numpy as np
import pytest
from scipy.stats import norm

from judgekit.agreement.chance.chance import fleiss_cohen_everitt
from judgekit.agreement.core.intervals import t_quantile, wilson
from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.sampling import active, planning
from judgekit.errors import InputError

PREVALENCES = (0.5, 0.7, 0.8, 0.9, 0.95)
HALF_WIDTH_TENTH = {
    0.4: [323, 379, 489, 848, 1581],
    0.6: [246, 296, 392, 705, 1347],
    0.7: [196, 236, 314, 569, 1091],
    0.8: [139, 167, 222, 401, 768],
    0.9: [73, 88, 116, 209, 398],
}
BOUND_CLEARED = {
    (0.4, 0.6): [169, 203, 485],
    (0.6, 0.7): [508, 611, 1474],
    (0.6, 0.75): [230, 276, 666],
    (0.6, 0.8): [133, 160, 385],
    (0.667, 0.8): [254, 305, 735],
    (0.8, 0.9): [296, 355, 845],
}


@pytest.mark.parametrize(("kappa", "n"), HALF_WIDTH_TENTH.items())
def test_units_for_a_half_width_of_a_tenth(kappa, n):
    tables = [planning.anticipated_table(kappa, prevalence) for prevalence in PREVALENCES]

    assert [planning.labels_for_kappa(table, half_width=0.1) for table in tables] == n


@pytest.mark.parametrize(("bound_and_kappa", "n"), BOUND_CLEARED.items())
def test_units_to_clear_a_bound(bound_and_kappa, n):
    bound, kappa = bound_and_kappa
    tables = [planning.anticipated_table(kappa, prevalence) for prevalence in (0.5, 0.7, 0.9)]

    assert [planning.labels_for_kappa_bound(table, bound=bound) for table in tables] == n


def test_units_of_an_uneven_table():
    table = [[0.63, 0.07], [0.06, 0.24]]

    assert planning.kappa_unit_sd(table) == pytest.approx(0.7864444128)
    assert planning.labels_for_kappa(table, half_width=0.1) == 238


def test_the_anticipated_table_has_the_kappa_asked_for():
    for kappa in (-0.2, 0.0, 0.65):
        table = planning.anticipated_table(kappa, 0.6)
        assert table.sum() == pytest.approx(1)
        assert fleiss_cohen_everitt(table).kappa == pytest.approx(kappa)


def test_the_power_is_at_least_what_was_asked_for():
    table = planning.anticipated_table(0.8, 0.5)
    n = planning.labels_for_kappa_bound(table, bound=0.6, power=0.8)
    rng, cleared, runs = np.random.default_rng(0), 0, 2000
    for counts in rng.multinomial(n, table.ravel(), size=runs):
        found = fleiss_cohen_everitt(counts.reshape(2, 2))
        low = math.tanh(math.atanh(found.kappa) - 1.96 * found.se / (1 - found.kappa**2))
        cleared += low > 0.6

    assert 0.78 <= cleared / runs <= 0.92


@pytest.mark.parametrize(("rate", "half"), [(0.5, 0.1), (0.9, 0.05), (0.98, 0.03)])
def test_wilson_intervals_get_as_wide_as_planned(rate, half):
    n = planning.labels_for_share(rate, half_width=half)
    low, high = wilson(rate * n, n)
    wider = wilson(rate * (n - 1), n - 1)

    assert (high - low) / 2 <= half + 1e-9 < (wider[1] - wider[0]) / 2 + 1e-9


def test_units_for_a_difference():
    # Miller (2024): n = (1.96 + .8416)^2 sd^2 / delta^2.
    assert planning.labels_for_difference(0.05, sd=0.5) == math.ceil((1.959964 + 0.841621) ** 2 * 100)
    assert planning.labels_for_difference(-0.05, sd=0.5, deff=planning.design_effect(5, 0.3)) == 1727
    assert planning.labels_for_difference(0.05, sd=0.5, power=0.5) == 385
    assert planning.paired_sd(0.3) == pytest.approx(0.3)


@pytest.mark.parametrize(("correlation", "share"), [(0.7, 0.51), (0.8, 0.36), (0.9, 0.19), (-0.9, 1.0)])
def test_labels_a_judge_saves(correlation, share):
    assert planning.labels_for_ppi(1000, correlation=correlation) == pytest.approx(1000 * share)


def test_labels_with_few_others_reach_the_same_variance():
    n = planning.labels_for_ppi(400, correlation=0.8, unlabelled=1000)

    assert (1 - 0.64 * 1000 / (n + 1000)) / n <= 1 / 400 < (1 - 0.64 * 1000 / (n + 999)) / (n - 1)


def test_attenuation_in_words():
    found = planning.attenuation(0.9, 0.8, gain=0.05)

    assert (found.j, found.seen, found.factor) == pytest.approx((0.7, 0.035, 1 / 0.49))
    assert found.sentence.startswith("with this judge, a true gain of 5 points looks like 3.5")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: planning.attenuation(0.5, 0.5),
        lambda: planning.anticipated_table(-0.9, 0.9),
        lambda: planning.labels_for_kappa([[1.0, 0.0], [0.0, 0.0]], half_width=0.1),
        lambda: planning.labels_for_kappa([[0.5, 0.0], [0.0, 0.5]], half_width=0),
        lambda: planning.labels_for_kappa_bound(planning.anticipated_table(0.5, 0.5), bound=0.6),
        lambda: planning.labels_for_difference(0.0, sd=0.5),
        lambda: planning.labels_for_difference(0.1, sd=0.5, power=1.0),
        lambda: planning.labels_for_ppi(100, correlation=1.2),
        lambda: planning.labels_for_share(1.2, half_width=0.1),
    ],
)
def test_what_no_number_of_labels_can_do_is_refused(ask):
    with pytest.raises(InputError):
        ask()


def test_chances_follow_uncertainty_and_never_reach_zero():
    pi = active.labelling_probabilities([0.0, 0.1, 0.2, 0.3], budget=2, tau=0.5)

    assert pi.sum() == pytest.approx(2)
    assert (np.diff(pi) > 0).all()
    assert pi.min() >= 0.25
    assert active.labelling_probabilities([0, 0], budget=1).tolist() == [0.5, 0.5]
    capped = active.labelling_probabilities([0, 0, 0, 9], budget=3, tau=0.2)
    assert (capped.max(), capped.sum()) == (1.0, pytest.approx(3))
    for bad in ({"budget": 0}, {"budget": 3}, {"budget": 1, "tau": 0}):
        with pytest.raises(InputError):
            active.labelling_probabilities([0.1, 0.2], **bad)
    with pytest.raises(InputError, match="missing or negative"):
        active.labelling_probabilities([0.1, None], budget=1)


def test_a_draw_repeats_by_its_seed():
    pi = np.full(1000, 0.3)

    assert (active.draw_units(pi, seed=1) == active.draw_units(pi, seed=1)).all()
    assert active.draw_units(pi, seed=2).mean() == pytest.approx(0.3, abs=0.05)
    with pytest.raises(InputError, match=r"not in \(0, 1\]"):
        active.draw_units([0.5, 0.0], seed=1)


def actively(rng, *, budget=100, n=1000):
    """A calibrated judge, its uncertainty, and labels drawn by it; the true rate is 2/3."""
    p = rng.beta(2, 1, n)
    y = (rng.random(n) < p).astype(float)
    pi = active.labelling_probabilities(np.sqrt(p * (1 - p)), budget=budget)
    drawn = rng.random(n) < pi
    return p, y, pi, drawn


def test_active_labels_give_an_unbiased_mean_with_a_true_interval():
    rng, runs = np.random.default_rng(1), 300
    values, held, hajek_held = [], 0, 0
    for _ in range(runs):
        p, y, pi, drawn = actively(rng)
        found = active.active_mean(np.where(drawn, y, np.nan), 1 - p, pi, lam=None)  # a judge upside down
        weighted = active.hajek_mean(y[drawn], pi[drawn])
        values.append(found.value)
        held += found.low <= 2 / 3 <= found.high
        hajek_held += weighted.low <= 2 / 3 <= weighted.high

    assert np.mean(values) == pytest.approx(2 / 3, abs=0.012)
    assert held / runs >= 0.92
    assert hajek_held / runs >= 0.91


def test_kappa_of_a_case_control_sample_needs_its_weights():
    rng = np.random.default_rng(3)
    n = 60_000
    y = rng.random(n) < 0.9
    j = np.where(y, rng.random(n) < 0.95, rng.random(n) > 0.8)
    pi = np.where(j, 0.06, 0.6)
    drawn = rng.random(n) < pi
    everyone = fleiss_cohen_everitt(
        [[np.sum(y & j), np.sum(y & ~j)], [np.sum(~y & j), np.sum(~y & ~j)]]
    ).kappa
    ratings = as_ratings(np.column_stack([y, j])[drawn].astype(int), scale=[0, 1])

    weighted = active.hajek_kappa(ratings, pi[drawn])
    unweighted = active.hajek_kappa(ratings, np.ones(drawn.sum()))

    assert weighted.value == pytest.approx(everyone, abs=0.03)
    assert weighted.low < everyone < weighted.high
    assert unweighted.high < everyone


def test_equal_chances_give_the_published_standard_error():
    ratings = as_ratings([[0, 0]] * 30 + [[0, 1]] * 8 + [[1, 0]] * 5 + [[1, 1]] * 37, scale=[0, 1])
    theirs = fleiss_cohen_everitt([[30, 8], [5, 37]])

    found = active.hajek_kappa(ratings, np.full(80, 0.2))

    assert found.value == pytest.approx(theirs.kappa)
    assert found.se == pytest.approx(theirs.se * math.sqrt(80 / 79))


def test_units_given_twice_in_one_cluster_are_no_more_sure():
    cells, chance = [[0, 0]] * 30 + [[0, 1]] * 8 + [[1, 0]] * 5 + [[1, 1]] * 37, np.linspace(0.1, 0.9, 80)
    once = as_ratings(cells, scale=[0, 1])
    twice = as_ratings(cells * 2, scale=[0, 1], clusters=[*range(80)] * 2)

    alone, doubled = active.hajek_kappa(once, chance), active.hajek_kappa(twice, np.tile(chance, 2))

    assert doubled.unit == "cluster"
    assert (doubled.value, doubled.se) == pytest.approx((alone.value, alone.se), rel=1e-12)


def test_few_labels_of_many_units_give_few_degrees_of_freedom():
    labels, judged = np.full(40, math.nan), np.linspace(0, 1, 40)
    labels[[3, 20, 36]] = [0.2, 0.4, 0.9]

    found = active.active_mean(labels, judged, np.full(40, 0.1), bounds=None)

    assert (found.high - found.low) / 2 == pytest.approx(t_quantile(0.95, 2) * found.se)


def test_degenerate_weighted_statistics():
    same = as_ratings([[1, 1]] * 5, scale=[0, 1])
    rare = as_ratings([[1, 1]] * 30 + [[0, 0]] * 3 + [[0, 1]], scale=[0, 1])

    assert active.hajek_kappa(same, np.ones(5)).status == "undefined:no_variation"
    assert active.hajek_kappa(rare, np.ones(34)).status == "unstable:few_minority"
    assert active.hajek_kappa(as_ratings([[1, None]], scale=[0, 1]), [1.0]).status == "undefined:too_few"
    assert active.hajek_mean([1], [0.5]).status == "undefined:too_few"
    assert active.hajek_mean([1, 0], [0.5, 0.5], clusters=["a", "a"]).status == "undefined:too_few"
    assert active.active_mean([None, 1], [1, 1], [0.5, 0.5]).status == "undefined:too_few"
    with pytest.raises(InputError, match="raters"):
        active.hajek_kappa(as_ratings([[1]], scale=[0, 1]), [1.0])


@pytest.mark.parametrize(
    ("sizes", "sds", "n", "allocated"),
    [
        ([100, 100], [0.1, 0.3], 40, (10, 30)),
        ([100, 5, 100], [0.1, 0.9, 0.3], 60, (14, 5, 41)),  # a stratum is no larger than it is
        ([10, 10], [0.0, 0.0], 7, (4, 3)),
        ([1000, 3], [0.0, 0.5], 60, (57, 3)),
        ([1000, 1000], [0.5, 0.0], 60, (58, 2)),
        ([3, 3], [0.5, 0.5], 60, (3, 3)),
    ],
)
def test_neyman_allocation(sizes, sds, n, allocated):
    assert active.neyman_allocation(sizes, sds, n=n) == allocated


@pytest.mark.parametrize("sds", [(0.2 - 0.1, 0.3 - 0.2), (0.3 - 0.2, 0.2 - 0.1)])
def test_strata_that_are_alike_get_what_is_left_over_in_their_order(sds):
    assert active.neyman_allocation([10, 10], sds, n=5) == (3, 2)


def test_an_allocation_below_the_least_is_refused():
    with pytest.raises(InputError, match="at least 2"):
        active.neyman_allocation([10, 10], [0.1, 0.1], n=3)


@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_peeking_at_a_confidence_sequence_is_harmless(rate):
    rng, runs, n = np.random.default_rng(5), 1000, np.arange(1, 401)
    s = np.cumsum(rng.random((runs, 400)) < rate, axis=1)
    wide = np.array([planning.mixture_radius(0.25, int(k)) for k in n])
    ordinary = norm.ppf(0.975) * np.sqrt(s / n * (1 - s / n) / n)

    missed = (np.abs(s / n - rate) > wide).any(axis=1).mean()
    missed_by_peeking = (np.abs(s / n - rate) > ordinary)[:, 30:].any(axis=1).mean()

    assert missed <= 0.05
    assert missed_by_peeking > 0.15


def test_peeking_at_shares_and_at_bernstein_is_harmless():
    rng, rate, missed, missed_bernstein = np.random.default_rng(6), 0.9, 0, 0
    for _ in range(100):
        x = (rng.random(200) < rate).astype(float)
        shares = [planning.share_sequence(int(x[:t].sum()), t) for t in range(1, 200, 10)]
        ends = [planning.bernstein_ends(x[:t]) for t in range(1, 200, 10)]
        missed += any(not low <= rate <= high for low, high in shares)
        missed_bernstein += any(not low <= rate <= high for low, high in ends)

    assert missed <= 10
    assert missed_bernstein <= 10


def test_shares_at_the_ends():
    assert planning.share_sequence(0, 0) == (0.0, 1.0)
    assert planning.share_sequence(0, 50)[0] == 0.0
    assert planning.share_sequence(50, 50)[1] == 1.0
    with pytest.raises(InputError):
        planning.share_sequence(3, 2)


def test_confidence_sequences_as_estimates():
    x = [1.0] * 190 + [0.0] * 10
    mixture, bernstein = (planning.confidence_sequence(x, kind=kind) for kind in ("mixture", "bernstein"))
    five = planning.confidence_sequence([1 + 4 * each for each in x], bounds=(1, 5), kind="bernstein")

    assert mixture.value == bernstein.value == 0.95
    assert bernstein.high - bernstein.low < mixture.high - mixture.low
    assert (five.low, five.high) == pytest.approx((1 + 4 * bernstein.low, 1 + 4 * bernstein.high))
    assert planning.confidence_sequence([1, None]).status == "undefined:too_few"
    with pytest.raises(InputError, match="kind"):
        planning.confidence_sequence(x, kind="betting")
    with pytest.raises(InputError, match="not in"):
        planning.confidence_sequence([2.0, 0.0])
