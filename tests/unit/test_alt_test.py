"""The alternative annotator test, its pieces and its power."""

import numpy as np
import pytest

from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.people.alt_test import (
    alt_test,
    alt_test_power,
    alt_tests_together,
    epsilon_p_value,
    indicators,
    keep_rate,
    standardised,
)
from judgekit.errors import InputError

nan = float("nan")
# Three annotators and a judge on forty items of five labels, a digit an item, - where missing.
FORTY = {
    "h1": "2555545552514434114532212152331432242223",
    "h2": "25153425524144341-5534242142324335235243",
    "h3": "21545-5552454414115132232112321332232243",
    "judge": "2515544552414434151332212452321332232233",
}


def table(columns=None, *, scale=(1, 2, 3, 4, 5), **options):
    """Ratings from rows of digits, one row a rater."""
    columns = columns or FORTY
    cells = [[None if c == "-" else int(c) for c in row] for row in columns.values()]
    return as_ratings(np.array(cells, dtype=object).T, scale=list(scale), raters=list(columns), **options)


@pytest.mark.parametrize(
    ("score", "epsilon", "omega", "rho", "p"),
    [
        # By the notebook of the test's authors.
        ("accuracy", 0.1, 0.0, 0.8897435897, (0.0852421923, 0.0223809953, 0.0762483376)),
        ("accuracy", 0.2, 1.0, 0.8897435897, (0.0040271617, 0.0012143504, 0.0062512237)),
        ("neg_rmse", 0.1, 1.0, 0.9151709402, (0.0074161004, 0.0028072337, 0.0138125019)),
    ],
)
def test_the_alternative_annotator_test(score, epsilon, omega, rho, p):
    found = alt_test(table(), judge="judge", epsilon=epsilon, score=score, power_runs=50)

    assert found.winning_rate.value == omega
    assert found.passes is (omega >= 0.5)
    assert found.advantage.value == pytest.approx(rho, abs=1e-9)
    assert [each.p for each in found.annotators] == pytest.approx(p, abs=1e-9)
    assert [each.n for each in found.annotators] == [40, 39, 39]
    # Benjamini and Yekutieli: the least of three p-values times 3 (1 + 1/2 + 1/3), unless a later is less.
    adjusted = sorted(each.p_adjusted for each in found.annotators)
    assert adjusted[0] == pytest.approx(min(5.5 * q / k for k, q in enumerate(sorted(p), 1)), abs=1e-8)
    assert found.advantage.low < rho < found.advantage.high
    assert 0 <= found.power <= 1


def test_who_agrees_better_with_the_others_by_hand():
    # Item 1: others of h1 are (2, 2); the judge said 2, h1 said 1. Item 2: all missing but h1 and h2.
    judge = np.array([2.0, 1.0, nan])
    humans = np.array([[1, 2, 2], [1, 3, nan], [1, 1, 1]])

    judge_wins, human_wins = indicators(judge, humans)

    assert judge_wins[0].tolist() == [1, 1, 1]  # of h2's others (1, 2) the judge has as many as h2
    assert human_wins[0].tolist() == [0, 1, 1]
    assert judge_wins[1].tolist()[:2] == [1, 1]  # h1 left out: judge 1 and h1 1 against 3, a draw of 0
    assert human_wins[1].tolist()[:2] == [1, 0]
    assert np.isnan(judge_wins[1, 2])
    assert np.isnan(judge_wins[2]).all()


def test_equal_differences_are_decided_without_a_test():
    assert epsilon_p_value(np.zeros(40), 0.1) == 0.0
    assert epsilon_p_value(np.ones(40), 0.1) == 1.0
    assert np.isnan(epsilon_p_value(np.zeros(40), 0.0))
    assert np.isnan(epsilon_p_value(np.array([1.0]), 0.1))


def test_few_items_are_tested_by_ranks():
    from scipy.stats import ttest_1samp, wilcoxon

    d = np.array([0.0] * 12 + [-1.0] * 6 + [1.0] * 2)

    assert epsilon_p_value(d, 0.2) == pytest.approx(wilcoxon(d - 0.2, alternative="less").pvalue)
    many = np.tile(d, 2)
    assert epsilon_p_value(many, 0.2) == pytest.approx(ttest_1samp(many, 0.2, alternative="less").pvalue)


def test_a_copy_of_everybody_wins_with_epsilon_and_not_without():
    same = table(dict.fromkeys(("a", "b", "c", "judge"), "12345" * 8))

    with_epsilon = alt_test(same, judge="judge", epsilon=0.1, power_runs=0)
    without = alt_test(same, judge="judge", epsilon=0.0, power_runs=0)

    assert (with_epsilon.winning_rate.value, with_epsilon.passes) == (1.0, True)
    assert (without.winning_rate.value, without.passes) == (0.0, False)
    assert with_epsilon.advantage.value == 1.0
    assert with_epsilon.advantage.status == "ok_degenerate"


def test_nobody_with_thirty_items_is_undefined_and_no_error():
    few = table({name: row[:20] for name, row in FORTY.items()})

    found = alt_test(few, judge="judge")
    by_ranks = alt_test(few, judge="judge", min_items=15, power_runs=20)

    assert found.passes is None
    assert found.winning_rate.status == found.advantage.status == "undefined:too_few"
    assert found.dropped == ("h1", "h2", "h3")
    assert by_ranks.passes in {True, False}


def test_items_without_two_humans_or_a_judge_are_counted():
    gaps = FORTY | {"judge": "--" + FORTY["judge"][2:]}
    lonely = {"a": "1" * 40, "b": "1" * 35 + "-----", "judge": "1" * 40}

    assert alt_test(table(gaps), judge="judge", power_runs=0).advantage.n_dropped == 2
    assert alt_test(table(lonely), judge="judge", power_runs=0).advantage.n_dropped == 5


def test_criteria_together_share_one_rate_of_false_discoveries():
    clear = alt_test(table(), judge="judge", score="accuracy", epsilon=0.15, power_runs=0, b=50)
    none = alt_test(table(), judge="judge", score="accuracy", epsilon=0.0, power_runs=0, b=50)

    together = alt_tests_together({"clear": clear, "none": none})

    assert clear.passes
    # BY over six p-values: .0057 * 6 * 2.45 / 1 = .083, so nobody is won over any more.
    assert together["clear"].winning_rate.value == 0.0
    assert together["clear"].advantage == clear.advantage


def test_raters_with_their_own_use_of_the_scale_are_standardised():
    x = np.array([[1.0, 3, nan], [2, 4, 5], [3, 5, 5]])

    z = standardised(x, "z")

    assert z[:, 0] == pytest.approx(z[:, 1])
    assert np.nan_to_num(z[:, 2], nan=9).tolist() == [9, 0, 0]
    assert standardised(x, "rank")[:, 0] == pytest.approx([1 / 3, 2 / 3, 1])
    with pytest.raises(InputError, match="none, z, rank"):
        standardised(x, "log")


@pytest.mark.parametrize(
    ("keep", "epsilon", "n", "rate"),
    [
        (0.9, 0.1, 50, 0.90),
        (0.7, 0.15, 100, 0.74),
        (0.7, 0.2, 50, 0.70),
        (0.55, 0.2, 100, 0.45),
        (0.4, 0.2, 50, 0.02),
    ],
)
def test_the_operating_characteristic_is_the_specified_one(keep, epsilon, n, rate):
    found = alt_test_power(n, keep_judge=keep, epsilon=epsilon, runs=1500, seed=1)

    assert found == pytest.approx(rate, abs=0.07)  # the specified rates are from some hundred runs


def test_simulated_sets_pass_like_the_test_itself_on_the_same_labels():
    rng = np.random.default_rng(3)
    passed = []
    for _ in range(60):
        truth = rng.integers(0, 4, 60)
        rows = [np.where(rng.random(60) < 0.7, truth, rng.integers(0, 4, 60)) for _ in range(4)]
        ratings = as_ratings(np.array(rows).T, scale=[0, 1, 2, 3], raters=["j", "a", "b", "c"])
        passed.append(alt_test(ratings, judge="j", score="accuracy", power_runs=0, b=20).passes)

    assert np.mean(passed) == pytest.approx(alt_test_power(60, epsilon=0.2, runs=500), abs=0.2)


def test_the_rate_of_keeping_the_truth_is_found_again():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, (20_000, 1))
    codes = np.where(rng.random((20_000, 3)) < 0.7, truth, rng.integers(0, 4, (20_000, 3)))

    assert keep_rate(codes, 4) == pytest.approx(0.7, abs=0.01)
    assert np.isnan(keep_rate(np.array([[0, -1], [-1, 1]]), 4))
