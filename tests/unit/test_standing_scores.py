"""Standings of scores: two-way, plain means, one-parameter, and the 2PL of continuous scores."""

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from judgekit.errors import InputError
from judgekit.standing import continuous
from judgekit.standing.apart import groups
from judgekit.standing.continuous import gaussian_2pl, linked
from judgekit.standing.scores import Categories, Scored, fit_two_way, one_parameter, plain_mean, two_way

nan = math.nan


def skill(n=6, j=60, *, seed=0, sd=1.0):
    rng = np.random.default_rng(seed)
    return np.linspace(1, -1, n)[:, None] + rng.normal(0, sd, j) + rng.normal(0, 0.5, (n, j))


def labelled(x, raters=None):
    system, item = np.nonzero(~np.isnan(x))
    names = tuple(f"s{i}" for i in range(len(x)))
    return Scored(
        systems=names, items=tuple(map(str, range(x.shape[1]))), values=x,
        labels=Categories(
            x[system, item].astype(int), item, system, raters or ["j"] * len(item), 1 + int(np.nanmax(x))
        ),
    )  # fmt: skip


def test_on_complete_scores_two_way_is_the_paired_difference():
    x = skill()
    found = two_way(x)

    d = x[0] - x[3]
    gap = found.difference("0", "3")
    assert gap.value == pytest.approx(d.mean())
    assert gap.se == pytest.approx(d.std(ddof=1) / math.sqrt(60))
    assert (gap.interval, found.unit, found.df) == ("t_cr1", "points", 59)
    plain = plain_mean(x)
    assert plain.difference("0", "3").se == pytest.approx(gap.se)
    assert [p.strength for p in plain.places] == pytest.approx([p.strength for p in found.places])


@pytest.mark.parametrize("j", [31, 200])
def test_on_complete_scores_of_any_number_of_systems_strengths_are_means(j):
    """The sum of all strengths is free, so a matrix is singular by construction and must be known to be."""
    for n in range(2, 60):
        x = np.random.default_rng(n).normal(size=(n, j))
        found = fit_two_way(x, [str(i) for i in range(n)])
        assert found.strength == pytest.approx(x.mean(axis=1) - x.mean(), abs=1e-9), n


def test_two_way_is_least_squares_on_dummies():
    x = skill(5, 30, seed=1)
    x[np.random.default_rng(2).random(x.shape) < 0.4] = nan
    system, item = np.nonzero(~np.isnan(x))
    dummies = np.column_stack([system[:, None] == np.arange(5), item[:, None] == np.arange(30)]).astype(float)
    effect = np.linalg.lstsq(dummies, x[system, item], rcond=None)[0][:5]

    found = two_way(x)

    assert [found.of(str(i)).strength for i in range(5)] == pytest.approx(effect - effect.mean())


def test_a_system_that_lacks_the_hard_items_is_not_rewarded():
    x = skill(3, 200, seed=3)
    x -= 0.7 * np.array([1, 0, -1])[:, None]  # abilities .3, 0, -.3
    x[2, x[:2].sum(axis=0) < 0] = nan  # the worst one lacks the hard items
    plain, fit = plain_mean(x), two_way(x)

    assert (fit.systems[-1], plain.systems[-1]) == ("2", "1")
    assert fit.difference("1", "2").value == pytest.approx(0.3, abs=0.15)


def test_links():
    assert linked(np.array([0.0, 1.0]), "logit", 3) == pytest.approx([math.log(0.5 / 3.5), math.log(7)])
    assert linked(np.array([0.0, 0.5]), "squeeze") == pytest.approx([math.log(0.001 / 0.999), 0])
    assert two_way([[0.2, 0.4, 0.9], [0.1, 0.4, 0.5]], link="logit", parts=5).unit == "logits"
    with pytest.raises(InputError, match="shares from 0 to 1"):
        linked(np.array([2.0]), "logit", 3)
    with pytest.raises(InputError, match="say parts="):
        linked(np.array([0.5]), "logit")
    with pytest.raises(InputError, match="there are points, logit, squeeze"):
        linked(np.array([0.5]), "probit")


@pytest.mark.parametrize(
    ("scores", "status"),
    [
        ([[1.0, 2.0, 3.0]], "undefined:no_paired_items"),
        ([[1.0], [2.0]], "undefined:too_few"),
        ([[1.0, nan], [nan, 2.0]], "undefined:no_paired_items"),
        ([[nan, nan], [nan, nan]], "undefined:no_paired_items"),
        (np.empty((0, 0)), "undefined:no_paired_items"),
        ([[1.0, 2, nan, nan], [2, 1, nan, nan], [nan, nan, 1, 1]], "undefined:not_identified"),
        ([[1, 2, nan, nan], [2, 1, nan, nan], [nan, nan, 0, 2], [nan] * 4], "undefined:not_identified"),
        ([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0]], "unstable:few_clusters"),
        (np.ones((3, 30)), "ok_degenerate"),
    ],
)  # fmt: skip
def test_two_way_of_what_is_degenerate(scores, status):
    found = two_way(scores)

    assert found.status == status
    if status.startswith("undefined"):
        assert all(math.isnan(p.strength) and p.rank is None and p.rank_low is None for p in found.places)
        assert not found.apart.any()
    else:
        assert {p.rank_low for p in found.places} == {None}  # each difference is the same on every item
        assert math.isnan(found.places[0].low)


def test_groups_that_share_no_item_are_named():
    found = two_way(
        [[1.0, 2, nan, nan], [2, 1, nan, nan], [nan, nan, 1, 1], [nan, nan, 0, 2]], systems="abcd"
    )

    assert found.notes == ("groups of systems that share no item: a, b; c, d",)


@pytest.mark.parametrize("fit", [plain_mean, two_way])
def test_a_system_without_scores_stands_last_without_a_strength(fit):
    x = skill(3, 40)
    x[0] = nan
    found = fit(x)

    assert (found.systems[-1], found.places[-1].n) == ("0", 0)
    assert math.isnan(found.places[-1].strength)
    assert found.places[0].rank == 1


def test_groups_letters_and_pairs_that_are_told_apart():
    x = skill(4, 200, seed=5)
    x[1] = x[0] + np.random.default_rng(0).normal(0, 0.5, 200)
    found = two_way(x, systems=["a", "b", "c", "d"])

    assert [set(group) for group in found.groups] == [{"a", "b"}, {"c"}, {"d"}]
    assert found.letters["a"] == found.letters["b"] == "a"
    assert (found.letters["c"], found.letters["d"]) == ("b", "c")
    assert found.told_apart == (5, 6)
    assert found.of("c").rank_low == found.of("c").rank_high == 3
    i, j = found.systems.index("a"), found.systems.index("d")
    assert found.chances[i, j] == 1.0
    assert math.isnan(found.chances[i, i])
    assert math.isnan(found.beats("a", "d"))
    assert found.uneven is None


def test_missing_answers_are_held_against_chance():
    x = skill(2, 100)
    x[0, :40] = nan
    table = Scored(
        systems=("a", "b"), items=tuple(map(str, range(100))), values=x,
        missing={"a": {"refused": 30, "truncated": 10}, "b": {}},
    )  # fmt: skip
    found = two_way(table)

    assert found.of("a").n_missing == 40
    # By hand: 2 x 2 table 60, 40; 100, 0: chi-square = 200 (60 x 0 - 40 x 100)^2 / (100 x 100 x 160 x 40).
    assert found.uneven.chi_square == pytest.approx(200 * 4000**2 / (100 * 100 * 160 * 40))
    assert found.uneven.beyond_chance


def binary(n, j, *, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    eta = rng.normal(0, 0.8, n)[:, None] + rng.normal(0, 1, j)
    x = (rng.random((n, j)) < 1 / (1 + np.exp(-eta))).astype(float)
    x[rng.random(x.shape) < missing] = nan
    return x


def test_on_complete_data_one_parameter_orders_as_the_mean_does():
    for seed in range(12):
        x = binary(8, 60, seed=seed)
        found = one_parameter(labelled(x))
        strengths, means = ([getattr(p, name) for p in found.places] for name in ("strength", "mean"))
        assert all(np.diff(strengths) <= 1e-6)
        assert all(np.diff(means) <= 1e-9)


def test_all_right_and_all_wrong_have_bounds():
    x = binary(5, 80, seed=1)
    x[0], x[1] = 1.0, 0.0
    found = one_parameter(labelled(x))

    best, worst = found.of("s0"), found.of("s1")
    assert found.systems[0] == "s0"
    assert found.systems[-1] == "s1"
    assert (best.rank, worst.rank, best.rank_low) == (1, 5, None)
    assert math.isnan(best.strength)
    assert (best.low > found.places[1].strength, best.high) == (True, math.inf)
    assert (worst.low, worst.high < 0) == (-math.inf, True)
    assert "s0 got all right: its strength is at least" in found.notes[0]


def test_only_extremes_have_no_number():
    found = one_parameter(labelled(np.array([[1.0] * 9, [0.0] * 9])))

    assert found.status.startswith("undefined")
    assert all(math.isnan(p.strength) for p in found.places)


def test_halves_that_share_no_item_are_named_by_one_parameter():
    x = binary(4, 40, seed=3)
    x[:2, :20], x[2:, 20:] = nan, nan
    found = one_parameter(labelled(x))

    assert found.status == "undefined:not_identified"
    assert "s0, s1; s2, s3" in found.notes[-1]


def test_judges_are_facets():
    kind, strict = binary(4, 150, seed=4), binary(4, 150, seed=4)
    strict[np.random.default_rng(0).random(strict.shape) < 0.4] = 0.0
    both = np.concatenate([kind, strict], axis=1)
    rater = ["kind"] * 150 + ["strict"] * 150
    system, item = np.nonzero(~np.isnan(both))
    table = Scored(
        systems=("a", "b", "c", "d"), items=tuple(map(str, range(150))), values=(kind + strict) / 2,
        labels=Categories(both[system, item].astype(int), item % 150, system, [rater[i] for i in item], 2),
    )  # fmt: skip
    found = one_parameter(table)

    assert found.method == "1pl, judges as facets"
    assert found.status == "ok"
    assert [p.mean for p in found.places] == sorted((p.mean for p in found.places), reverse=True)


def test_scores_that_are_no_labels_have_no_one_parameter_model():
    with pytest.raises(InputError, match="declare one, or use model='two-way'"):
        one_parameter(Scored(systems=("a",), items=("1",), values=np.ones((1, 1))))


def test_the_likelihood_of_the_gaussian_2pl_is_that_of_a_normal_vector():
    rng = np.random.default_rng(0)
    y = rng.normal(0, 1, (4, 6))
    y[rng.random(y.shape) < 0.25] = nan
    p = np.array([0.5, -0.2, 0.1, 0.3, math.log(0.8), math.log(0.3), math.log(0.6)])
    theta = np.append(p[:3], -p[:3].sum())
    value = 0.0
    for column in y.T:
        there = ~np.isnan(column)
        t = theta[there]
        spread = 0.3**2 * np.outer(t, t) + 0.8**2 + 0.6**2 * np.eye(len(t))
        value += multivariate_normal(t + 0.3, spread).logpdf(column[there]) if len(t) else 0.0
    off = math.log(0.3 / 0.4) ** 2 / 2

    loss, slope, _ = continuous._loss(p, y)  # noqa: SLF001 - the closed form itself

    assert loss == pytest.approx(-value + off)
    assert slope == pytest.approx(approx_fprime(p, lambda q: continuous._loss(q, y)[0], 1e-7), abs=1e-4)  # noqa: SLF001


def test_the_gaussian_2pl_finds_abilities_and_items():
    rng = np.random.default_rng(1)
    theta = np.linspace(1, -1, 12)
    a, c = rng.normal(1, 0.4, 300), rng.normal(0.5, 1, 300)
    y = np.outer(theta, a) + c + rng.normal(0, 0.4, (12, 300))
    y[rng.random(y.shape) < 0.2] = nan

    found = gaussian_2pl(y)

    assert found.converged
    assert np.abs(found.ability - theta).max() < 0.15
    assert np.corrcoef(found.discrimination, a)[0, 1] > 0.85
    assert (found.sd, found.sd_a, found.sd_c, found.mu) == pytest.approx((0.4, 0.4, 1.0, 0.5), abs=0.12)
    inside = np.abs(found.discrimination - a) < 1.96 * found.discrimination_sd
    assert inside.mean() == pytest.approx(0.95, abs=0.04)


def test_two_systems_share_a_group_exactly_where_they_are_not_told_apart():
    rng = np.random.default_rng(0)
    for n, share in ((1, 0.5), (5, 0.0), (5, 1.0), (12, 0.4), (12, 0.8)):
        apart = np.triu(rng.random((n, n)) < share, 1)
        apart |= apart.T
        found = groups([str(i) for i in range(n)], apart)
        shared = np.array(
            [[any({str(i), str(j)} <= set(group) for group in found) for j in range(n)] for i in range(n)]
        )
        assert (shared == ~apart).all()
        assert len(set(found)) == len(found)
        assert not any(set(a) < set(b) for a in found for b in found)


def test_many_systems_told_apart_without_order_have_their_groups_at_once():
    """What split groups one pair at a time took two minutes for these."""
    apart = np.triu(np.random.default_rng(0).random((60, 60)) < 0.3, 1)
    apart |= apart.T
    found = groups(list(range(60)), apart)

    assert len(found) == 14_178
    assert not any(apart[np.ix_(group, group)].any() for group in found)
    assert found == tuple(sorted(found))
