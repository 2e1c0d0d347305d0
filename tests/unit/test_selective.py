from math import isnan

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from judgekit.agreement.probability import selective
from judgekit.errors import InputError


@pytest.mark.parametrize(("wrong", "n"), [(0, 35), (1, 45), (3, 60), (6, 80), (12, 100)])
def test_the_bound_solves_the_binomial(wrong, n):
    solved = brentq(lambda r: binom.cdf(wrong, n, r) - 0.1, 1e-9, 1 - 1e-9)

    assert selective.upper_bound(wrong, n, 0.1) == pytest.approx(solved, abs=1e-9)


def test_nothing_and_all_wrong_bound_nothing():
    assert selective.upper_bound(0, 0, 0.1) == 1.0
    assert selective.upper_bound(5, 5, 0.1) == 1.0


def test_a_failure_at_a_strict_threshold_does_not_end_the_search():
    # 3 of the 50 most confident are wrong, and 15 of 400: with a fixed sequence there would be no threshold.
    confidence = np.repeat([0.9, 0.8, 0.2], [50, 350, 100])
    wrong = np.concatenate([np.arange(n) < e for n, e in ((50, 3), (350, 12), (100, 50))])

    found = selective.select(confidence, wrong, alpha=0.1)

    assert (found.threshold, found.n_kept, found.n_wrong) == (0.8, 400, 15)
    assert selective.upper_bound(3, 50, 0.1) > 0.1 >= found.bound


@pytest.mark.parametrize("kept", [(30,), (50, 100, 150), (30, 200, 400), tuple(range(50, 1001, 50))])
def test_the_common_level_lets_a_judge_at_alpha_pass_anywhere_with_delta_at_most(kept):
    level = selective.common_level(kept, alpha=0.1, delta=0.1)
    wrong = np.cumsum(np.random.default_rng(3).random((4000, kept[-1])) < 0.1, axis=1)[:, np.array(kept) - 1]

    passed = (binom.cdf(wrong, kept, 0.1) <= level).any(axis=1).mean()

    assert 0.1 / len(kept) <= level <= 0.1
    assert passed < 0.1 + 3 * np.sqrt(0.09 / 4000)
    assert len(kept) < 20 or passed > 0.07


def test_the_common_level_is_exact_where_two_tests_are_counted_by_hand():
    # Of 1 and of 3 verdicts, each wrong by half: none of 1, or at most one of 3, comes about in 5 of 8 cases.
    assert selective.common_level((1, 3), alpha=0.5, delta=0.63) == 0.63
    assert selective.common_level((1, 3), alpha=0.5, delta=0.62) == pytest.approx(0.5, abs=1e-4)
    assert selective.common_level((1, 3), alpha=0.5, delta=0.62) < 0.5


def test_where_every_threshold_fails_the_judge_abstains():
    # The published code of Trust or Escalate returns its strictest threshold here, whose error is one half.
    confidence, wrong = [0.99] * 40 + [0.5] * 60, [1, 0] * 50

    found = selective.select(confidence, wrong, alpha=0.1)

    assert found.status == "abstain_all"
    assert isnan(found.threshold)
    assert (found.coverage, found.escalated) == (0.0, 1.0)
    assert found.notes[0].startswith("none of 2 thresholds passes: the best, 0.5, has 50 of 100 wrong")


def test_thresholds_that_keep_few_verdicts_are_not_tried():
    confidence = [0.99] * 10 + [0.8] * 50 + [0.2] * 40
    wrong = [1] * 10 + [0] * 50 + [1] * 40

    found = selective.select(confidence, wrong, alpha=0.3, grid=[0.99, 0.8, 0.2])

    assert found.threshold == 0.8
    assert (found.n_kept, found.n_wrong) == (60, 10)
    assert selective.select([0.9] * 29, [0] * 29, alpha=0.5).status == "abstain_all"


def test_a_cascade_shares_delta():
    one = selective.select([0.9] * 60, [0] * 60, alpha=0.1, delta=0.1)
    two = selective.select([0.9] * 60, [0] * 60, alpha=0.1, delta=0.1, n_judges=2)

    assert two.bound == pytest.approx(selective.upper_bound(0, 60, 0.05))
    assert two.bound > one.bound


def test_the_promise_is_kept():
    # True error is 1 - c; alpha .15 is met from c = .7 or so up. Broken promises: at most delta, and noise.
    rng, broken, runs = np.random.default_rng(7), 0, 400
    truth = np.linspace(0.5, 1, 10_001)
    for _ in range(runs):
        c = rng.uniform(0.5, 1, 300)
        found = selective.select(c, rng.random(300) > c, alpha=0.15, delta=0.1)
        if found.status == "ok":
            broken += np.mean(1 - truth[truth >= found.threshold]) > 0.15

    assert broken / runs < 0.1 + 3 * np.sqrt(0.09 / runs)


def test_aurc_of_a_few():
    assert selective.aurc([0.9, 0.8, 0.7, 0.6], [0, 1, 0, 1]) == pytest.approx(
        (0 + 1 / 2 + 1 / 3 + 1 / 2) / 4
    )
    assert selective.aurc([1, 1, 1, 1], [0, 1, 0, 1]) == pytest.approx(0.5)
    assert isnan(selective.aurc([], []))


def test_aurc_of_ties_is_the_mean_over_their_orders():
    rng = np.random.default_rng(8)
    c, w = np.array([3, 2, 2, 2, 1, 1]), np.array([0, 1, 0, 0, 1, 0])

    shuffled = [selective.aurc(c + 0.01 * rng.random(6), w) for _ in range(4000)]

    assert selective.aurc(c, w) == pytest.approx(np.mean(shuffled), abs=0.005)


def test_risk_and_coverage():
    curve = selective.risk_coverage([0.9, 0.5, 0.9, 0.1], [0, 1, 0, None])

    assert curve.threshold.tolist() == [0.9, 0.5]
    assert curve.coverage == pytest.approx([2 / 3, 1])
    assert curve.risk == pytest.approx([0, 1 / 3])
    assert len(selective.risk_coverage([], []).risk) == 0


@pytest.mark.parametrize("options", [{"alpha": 0}, {"alpha": 0.1, "delta": 1}, {"alpha": 0.1, "n_judges": 0}])
def test_a_promise_out_of_range_is_refused(options):
    with pytest.raises(InputError):
        selective.select([0.5], [0], **options)


def test_the_eighteenth_of_nineteen():
    # crepes 0.9.1 takes the 19th, since (1 - .9) * 20 is 1.9999999999999996; MAPIE 1.6 takes the 18th.
    residuals = [0.1 * i - 1.0 for i in range(1, 20)]
    assert (1 - 0.9) * 20 < 2

    assert selective.quantile_index(19, 0.9) == 18
    assert selective.radius(np.abs(residuals), level=0.9) == pytest.approx(sorted(np.abs(residuals))[17])


@pytest.mark.parametrize(("level", "least"), [(0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_how_many_labels_a_finite_interval_needs(level, least):
    assert selective.least_n(level) == least
    assert np.isfinite(selective.radius(np.ones(least), level=level))
    assert np.isinf(selective.radius(np.ones(least - 1), level=level))


def test_too_few_labels_are_named():
    found = selective.conformal_radius([1.0] * 8, [1.0] * 8, level=0.9)

    assert found.status == "undefined:too_few"
    assert found.notes == ("8 labels; 90% needs at least 9",)
    assert isnan(found.value)


def test_conformal_coverage():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(4000, 20))
    radii = np.array([selective.radius(np.abs(row[:19]), level=0.9) for row in x])

    assert np.mean(np.abs(x[:, 19]) <= radii) == pytest.approx(0.9, abs=0.015)


def test_each_group_has_its_radius():
    radii = selective.group_radii([1, 2, 3, 9], ["a", "a", "a", "b"], level=0.75)

    assert radii == {"a": 3.0, "b": np.inf}


def test_a_level_beyond_one_is_refused():
    with pytest.raises(InputError, match="not between"):
        selective.quantile_index(10, 1.0)
    with pytest.raises(InputError, match="groups"):
        selective.group_radii([1.0], ["a", "b"])


def test_verdicts_without_a_confidence_or_a_label_are_counted_and_no_part_of_the_coverage():
    confidence, wrong = [0.9] * 60 + [None] * 40 + [0.9] * 5, [0] * 100 + [None] * 5

    found = selective.select(confidence, wrong, alpha=0.1)
    none = selective.select(confidence, wrong, alpha=0.01)

    assert (found.n_used, found.n_dropped, found.coverage) == (60, 45, 1.0)
    assert found.notes == ("45 verdicts without a confidence or a label left out",)
    assert (none.status, none.n_dropped) == ("abstain_all", 45)
    assert none.notes[0] == found.notes[0]
    assert selective.select([0.9] * 60, [0] * 60, alpha=0.1).notes == ()


def test_a_cascade_may_abstain_where_a_single_judge_would_not():
    # 2 wrong among the 12 least confident; delta .1 holds for one judge, a tenth of it for ten does not.
    confidence, wrong = np.linspace(0, 1, 60), np.r_[np.ones(2), np.zeros(58)]

    assert selective.select(confidence, wrong, alpha=0.06, n_judges=1).status == "ok"
    assert selective.select(confidence, wrong, alpha=0.06, n_judges=10).status == "abstain_all"
