import numpy as np
import pytest

from judgekit.agreement.core.resample import Resampling
from judgekit.agreement.published.arena import (
    benchmark_agreement,
    bootstrap_means,
    interval_agreement,
    pair_rank_brier,
    paired_separability,
    separability,
    standings,
)
from judgekit.errors import InputError

nan = float("nan")


def test_separation_and_agreement_of_intervals():
    # Pairs: 0-1 apart, 0-2 apart, 1-2 overlap for the judge; people put 1 above 2 and 0 at the top.
    low, high = [0.1, 0.3, 0.35], [0.2, 0.4, 0.5]
    human_low, human_high = [0.8, 0.5, 0.1], [0.9, 0.6, 0.2]

    assert separability(low, high) == pytest.approx(2 / 3)
    assert interval_agreement(low, high, human_low, human_high) == pytest.approx(-2 / 3)
    assert interval_agreement(low, high, low, high) == pytest.approx(2 / 3)
    assert np.isnan(separability([0.1], [0.2]))


def test_brier_of_the_chance_that_one_system_is_better():
    always = np.tile([1.0, 2.0], (10, 1))
    even = np.array([[1.0, 2.0], [2.0, 1.0]])

    assert pair_rank_brier(always, [0.1, 0.2]) == 0.0
    assert pair_rank_brier(always, [0.2, 0.1]) == 1.0
    assert pair_rank_brier(even, [0.2, 0.1]) == 0.25
    assert pair_rank_brier(np.ones((4, 2)), [0.2, 0.1]) == 0.25  # equal means are half a chance each
    assert np.isnan(pair_rank_brier(always, [0.2, 0.2]))  # people tie them: no truth


def test_a_paired_test_separates_more_than_intervals_that_overlap():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=100)
    scores = np.stack([hard, hard + 0.1 + 0.05 * rng.normal(size=100)])

    found = benchmark_agreement(scores, scores, b=300)

    assert (found.separability, found.separability_paired) == (0.0, 1.0)
    assert paired_separability(scores[[0, 0]]) == 0.0  # a copy is not told apart
    assert bootstrap_means(scores, Resampling(b=7)).shape == (7, 2)


def test_benchmark_agreement_counts_what_is_missing_and_survives_nothing():
    found = benchmark_agreement([[1, 2, nan], [3, 4, 5]], [[1, 2], [3, 4]], b=100)
    empty = benchmark_agreement(np.empty((2, 0)), [[1.0], [2.0]], b=10)

    assert (found.n_items, found.n_dropped, found.n_pairs) == (2, 1, 1)
    assert np.isnan([empty.separability, empty.agreement, empty.brier]).all()
    assert np.isnan(bootstrap_means(np.empty((2, 0)), Resampling(b=7))).all()
    with pytest.raises(InputError, match="2 systems, people 3"):
        benchmark_agreement([[1], [2]], [[1], [2], [3]])


def test_a_number_that_is_missing_makes_no_share_and_no_score():
    assert np.isnan(separability([nan, nan], [nan, nan]))
    assert np.isnan(interval_agreement([nan, 2], [nan, 3], [0, 5], [1, 6]))
    assert np.isnan(interval_agreement([0, 2], [1, 3], [0, nan], [1, nan]))
    assert np.isnan(pair_rank_brier([[nan, 1], [nan, 1]], [1, 2]))
    assert np.isnan(pair_rank_brier([[0, 1], [0, 1]], [nan, 2]))
    assert np.isnan(paired_separability([[nan, 1, 2], [2, 3, 4]]))


def test_pairs_that_are_known_are_averaged_over():
    # Of systems 0, 1, 2 and one without an interval: 0-1 and 0-2 stand apart, 1-2 overlap.
    low, high = [0.1, 0.3, 0.35, nan], [0.2, 0.4, 0.5, nan]
    scores = [[0.0, 1.0, 0.0, 1.0], [9.0, 10.0, 9.0, 10.5], [nan, 1.0, 2.0, 3.0]]

    assert separability(low, high) == pytest.approx(2 / 3)
    assert interval_agreement(low, high, low, high) == pytest.approx(2 / 3)
    assert pair_rank_brier([[1.0, 2.0, nan]], [2.0, 1.0, 3.0]) == 1.0
    assert pair_rank_brier([[1.0, 2.0, 0.0]], [2.0, 1.0, nan]) == 1.0
    assert paired_separability(scores) == 1.0


def test_one_item_cannot_be_resampled_and_tells_nothing_apart():
    one = benchmark_agreement([[1.0], [2.0], [3.0]], [[3.0], [2.0], [1.0]], b=20)
    by_people = benchmark_agreement([[1.0, 1.1], [2.0, 2.1]], [[1.0], [2.0]], b=20)
    alone = standings([[1.0], [2.0]], Resampling(b=20))

    assert np.isnan([one.separability, one.separability_paired, one.agreement, one.brier]).all()
    assert np.isnan(by_people.agreement)
    assert (by_people.separability, by_people.brier) == (1.0, 0.0)
    assert alone.value.tolist() == [1.0, 2.0]
    assert np.isnan([alone.low, alone.high]).all()


def test_items_that_people_left_out_are_counted_too():
    human = [[1.0, nan, nan, nan, nan, nan], [2.0, 3.0, nan, nan, nan, nan]]

    found = benchmark_agreement([[1, 2, nan], [3, 4, 5]], human, b=20)

    assert (found.n_dropped, found.n_dropped_human) == (1, 5)
