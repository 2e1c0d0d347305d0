"""Length and self-preference: planted effects are found, and what cannot be told apart is not told."""

import math

import numpy as np
import pytest

from judgekit.agreement.bias.favours import (
    equal_opportunity,
    lc_win_rate,
    lc_win_rates,
    length_coefficient,
    length_correlation,
    length_preference,
    partial_spearman,
    self_preference,
    self_preference_in_pairs,
)
from judgekit.agreement.core.regress import least_squares, logistic
from judgekit.errors import InputError


def scored(n=600, effect=0.3, *, seed=0):
    """Human score, length that people like too, and a judge that pays `effect` a doubling beyond it."""
    rng = np.random.default_rng(seed)
    human = rng.normal(size=n)
    doublings = 8 + 0.5 * human + rng.normal(size=n)
    judge = human + effect * doublings + 0.5 * rng.normal(size=n)
    return judge, 2.0**doublings, human


def test_the_coefficient_is_given_the_human_score():
    judge, length, human = scored()
    [biased] = length_coefficient(judge, length, human)
    [clean] = length_coefficient(*scored(effect=0.0))

    assert biased.low < 0.3 < biased.high
    assert clean.low < 0 < clean.high


def test_within_items_and_with_covariates():
    judge, length, human = scored()
    rng = np.random.default_rng(1)
    items = np.arange(600) // 3
    headers = rng.integers(0, 4, 600)
    shifted = judge + rng.normal(0, 5, 200)[items] + 0.2 * headers
    found = length_coefficient(shifted, length, human, items=items.tolist(), covariates={"headers": headers})

    assert [e.name for e in found] == ["length_per_doubling", "headers"]
    assert abs(found[0].value - 0.3) < 4 * found[0].se < 0.3
    assert found[1].low < 0.2 < found[1].high
    assert found[0].unit == "cluster"


def test_partial_rank_correlation():
    judge, length, human = scored()
    found = length_correlation(judge, length, human, seed=1, b=100)

    assert found.low > 0.2
    assert found.value == pytest.approx(partial_spearman(judge, length, human))
    # The textbook: it is the correlation of the residuals of ranks.
    ranks = np.column_stack([np.argsort(np.argsort(x)) for x in (judge, length, human)]).astype(float)
    z = np.column_stack([np.ones(600), ranks[:, 2]])
    residual = ranks[:, :2] - z @ np.linalg.lstsq(z, ranks[:, :2], rcond=None)[0]
    assert found.value == pytest.approx(np.corrcoef(residual.T)[0, 1])


def test_pairs_given_the_human_margin():
    rng = np.random.default_rng(0)
    n = 3000
    difference, margin = 100 * rng.normal(size=n), rng.normal(size=n)
    p = 1 / (1 + np.exp(-(margin + 0.8 * np.tanh(difference / 100))))
    found = length_preference((rng.random(n) < p).astype(float), difference, margin)

    assert found.low < 0.8 < found.high


def test_equal_lengths_leave_the_controlled_rate_undefined():
    raw, controlled, phi = lc_win_rate([1, 0, 1, 1], [0, 0, 0, 0])

    assert raw.value == pytest.approx(0.75)
    assert controlled.status == phi.status == "undefined:not_identified"


def test_separation_is_held_by_a_ridge_that_is_named():
    _, controlled, phi = lc_win_rate([1, 1, 1, 0, 0, 0], [30, 20, 25, -30, -20, -25])

    assert any("ridge" in note for note in phi.notes)
    assert math.isfinite(controlled.value)


def test_systems_together_on_the_same_items():
    rng = np.random.default_rng(0)
    n = 400
    hard = rng.normal(size=n)
    rows = []
    for name, theta, phi, longer in (("terse", 0.5, 1.0, -60.0), ("wordy", 0.5, 1.0, 120.0)):
        d = longer + 100 * rng.normal(size=n)
        p = 1 / (1 + np.exp(-(theta + phi * np.tanh(d / 130) + hard)))
        rows += [(name, i, float(rng.random() < p[i]), d[i]) for i in range(n)]
    systems, items, wins, d = zip(*rows, strict=True)
    found = lc_win_rates(systems, items, wins, d)
    raw = [np.mean([w for s, w in zip(systems, wins, strict=True) if s == name]) for name in found]

    assert raw[1] - raw[0] > 0.15
    assert abs(found["wordy"].value - found["terse"].value) < 0.08
    assert all(e.low < e.value < e.high for e in found.values())
    assert lc_win_rates([], [], [], []) == {}


def test_against_statsmodels_where_it_is_installed():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(90), rng.normal(size=(90, 2))])
    groups = np.arange(90) // 3
    y = x @ [1.0, 0.5, -0.2] + rng.normal(size=30)[groups] + rng.normal(size=90)
    ours = least_squares(x, y, groups)
    theirs = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": groups})

    assert ours is not None
    assert ours.coef == pytest.approx(theirs.params)
    assert np.sqrt(np.diag(ours.cov)) == pytest.approx(theirs.bse)
    won = (y > 1).astype(float)
    ours, theirs = logistic(x, won), sm.GLM(won, x, family=sm.families.Binomial()).fit()
    assert ours is not None
    assert ours.coef == pytest.approx(theirs.params, abs=1e-6)
    assert np.sqrt(np.diag(ours.cov)) == pytest.approx(theirs.bse, abs=1e-6)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_rows(n):
    found = [
        *length_coefficient([1.0] * n, [10] * n, [1] * n),
        length_correlation([1.0] * n, [10] * n, [1] * n, seed=1),
        length_preference([1.0] * n, [10] * n, [1] * n),
        *lc_win_rate([1.0] * n, [10] * n)[1:],
    ]
    assert all(e.status.startswith("undefined") for e in found)
    with pytest.raises(InputError, match="not above 0"):
        length_coefficient([1], [0], [1])


def test_self_preference_needs_people():
    judge, own = [4, 5, 3, 2], [1, 1, 0, 0]

    for found in (
        self_preference(judge, own),
        self_preference_in_pairs([1, 0, 1]),
        equal_opportunity([1, 0, 1], seed=1),
    ):
        assert found.status == "undefined:not_identified"
        assert "no human labels" in found.notes[-1]


def test_self_preference_is_what_people_do_not_share():
    rng = np.random.default_rng(0)
    own = np.repeat([1, 0], 300)
    human = 3 + 0.5 * own + rng.normal(size=600)  # its own are better
    fair, biased = human + rng.normal(size=600), human + 0.4 * own + rng.normal(size=600)

    assert self_preference(fair, own, human).low < 0 < self_preference(fair, own, human).high
    found = self_preference(biased, own, human, clusters=(np.arange(600) % 300).tolist())
    assert found.low < 0.4 < found.high
    assert found.low > 0


def test_self_preference_in_pairs():
    rng = np.random.default_rng(0)
    margin = rng.normal(size=2000)
    p = 1 / (1 + np.exp(-(1.5 * margin + 0.7)))
    own = (rng.random(2000) < p).astype(float)
    found = self_preference_in_pairs(own, margin)
    recall = equal_opportunity(own, (margin > 0).astype(float), seed=1, b=200)

    assert abs(found.value - 0.7) < 4 * found.se
    assert recall.low > 0
    people = margin > 0
    assert recall.value == pytest.approx(own[people].mean() - (1 - own[~people]).mean())
    assert equal_opportunity([1, 1], [1, 1], seed=1).status == "undefined:not_identified"


def rates(difference, wins, systems=("a", "b")):
    """Joint rates; the rows of `difference` and `wins` are dealt to the systems in turn, an item a round."""
    names = [systems[i % len(systems)] for i in range(len(wins))]
    items = [i // len(systems) for i in range(len(wins))]
    return lc_win_rates(names, items, wins, difference)


WINS = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1]


def test_a_system_whose_lengths_do_not_vary_has_no_controlled_rate():
    level = rates([500] * 12, WINS)
    one = rates([500, 100, 500, -80, 500, 40, 500, -60, 500, 90, 500, -20], WINS)

    assert [e.status for e in level.values()] == ["undefined:not_identified"] * 2
    assert all(math.isnan(e.value) and math.isnan(e.se) for e in level.values())
    assert (one["a"].status, one["b"].status) == ("undefined:not_identified", "ok")
    assert "do not differ" in one["a"].notes[0]
    [alone] = rates([500] * 12, WINS, systems=("a",)).values()
    assert alone.status == "undefined:not_identified"


def test_a_joint_rate_that_only_a_ridge_holds_says_so():
    d = [30, -20, 25, 40, -30, 60, -25, 10, 35, -45, 15, 5]
    won, longer, shorter = rates(d, [1] * 12), rates(d, np.less(0, d)), rates(d, np.less(d, 0))
    plain = rates(d, WINS)

    assert all(e.value > 0.9 for e in won.values())
    assert all("ridge" in e.notes[0] for made in (won, longer, shorter) for e in made.values())
    assert all(e.notes == () for e in plain.values())


def test_a_system_without_one_complete_row_is_still_named():
    found = lc_win_rates(["a", "b", "a", "b"], [0, 0, 1, 1], [None] * 4, [1, 2, 3, 4])

    assert [(name, e.status, e.n_units, e.n_dropped) for name, e in found.items()] == [
        ("a", "undefined:too_few", 2, 2),
        ("b", "undefined:too_few", 2, 2),
    ]


def test_the_error_of_a_joint_rate_is_that_of_its_numeric_gradient():
    rng = np.random.default_rng(0)
    q = 40
    of_item = np.tile(np.arange(q), 2)
    d = 100 * rng.normal(size=2 * q)
    wins = (rng.random(2 * q) < 1 / (1 + np.exp(-np.repeat(rng.normal(size=q), 2)))).astype(float)
    found = lc_win_rates(["a"] * q + ["b"] * q, of_item.tolist(), wins, d)["a"]

    at = np.repeat(np.eye(2), q, axis=0)
    x = np.column_stack([at, at * np.tanh(d / np.std(d, ddof=1))[:, None], np.eye(q)[of_item]])
    fit = logistic(x, wins, ridge=np.r_[np.full(4, 1e-3), np.ones(q)])

    def rate(coef):
        return float(np.mean(1 / (1 + np.exp(-(coef[0] + coef[4:])))))

    steps = 1e-6 * np.eye(4 + q)
    slope = np.array([(rate(fit.coef + s) - rate(fit.coef - s)) / 2e-6 for s in steps])
    assert found.value == pytest.approx(rate(fit.coef))
    assert found.se == pytest.approx(np.sqrt(slope @ fit.cov @ slope), rel=1e-6)


def test_ties_of_people_count_for_neither_side():
    # Of two wins of its own it sees one, of one win of another's that one: 1/2 - 1.
    found = equal_opportunity([1, 0, 0, 1, 1], [1, 1, 0, 0.5, 0.5], seed=0, b=0)

    assert found.value == pytest.approx(-0.5)
