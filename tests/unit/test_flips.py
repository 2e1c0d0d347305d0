"""Flips: the correction is exact, the published one is not, and planted judges are recovered."""

import math

import numpy as np
import pytest

from judgekit.agreement.bias.repeats import (
    denoised,
    denoised_accuracy,
    flip_noise,
    flip_probability,
    flips_by_margin,
    length_bias,
    pair_accuracies,
    position_bias,
)
from judgekit.errors import InputError


def judged(n, accuracy, q, k=5, *, seed=0):
    """Whether verdicts were right, and repeats of them, for a judge with flips of probability q."""
    rng = np.random.default_rng(seed)
    right = rng.random((n, 1)) < accuracy
    return np.where(rng.random((n, k)) < q, ~right, right).astype(float)


@pytest.mark.parametrize(("q", "published"), [(0.02, 0.8125), (0.05, 0.8333), (0.10, 0.8750)])
def test_the_correction_is_exact_and_the_published_one_overstates(q, published):
    # True accuracy 0.8: observed (1 - q) 0.8 + q 0.2, and two runs differ with 2q(1 - q).
    observed, d = (1 - q) * 0.8 + q * 0.2, 2 * q * (1 - q)

    assert float(denoised(observed, flip_probability(d))) == pytest.approx(0.8)
    assert float(denoised(observed, d)) == pytest.approx(published, abs=5e-5)


def test_a_planted_judge_is_recovered():
    repeats = judged(4000, 0.8, 0.1)
    q = flip_noise(repeats, seed=1, b=200)
    ours = denoised_accuracy(repeats[:, 0], repeats, seed=1, b=200)
    theirs = denoised_accuracy(repeats[:, 0], repeats, seed=1, b=200, as_published=True)

    assert q.low < 0.1 < q.high
    assert ours.low < 0.8 < ours.high
    assert theirs.name == "denoised_accuracy_as_published"
    assert theirs.low > 0.85


def test_repeats_of_some_items_only():
    repeats = judged(2000, 0.8, 0.1)
    repeats[500:, 1:] = np.nan
    found = denoised_accuracy(repeats[:, 0], repeats, seed=1, b=200)

    assert found.n_used == 2000
    assert found.low < 0.8 < found.high


def test_a_coin_is_not_identified():
    repeats = np.tile([0.0, 1.0], (20, 1))

    assert flip_noise(repeats, seed=1).status == "undefined:not_identified"
    assert denoised_accuracy([1] * 20, repeats, seed=1).status == "undefined:not_identified"


def test_without_repeats_nothing_is_identified():
    found = denoised_accuracy([1, 0, 1], [[1], [0], [1]], seed=1)

    assert found.status == "undefined:not_identified"
    assert math.isnan(found.value)


def test_position_and_length_bias_of_planted_judges():
    first, second = judged(3000, 0.9, 0.1, seed=1), judged(3000, 0.7, 0.1, seed=2)
    place = position_bias(first[:, 0], second[:, 0], first, second, seed=1, b=200)
    longer = np.repeat([1.0, 0.0], 3000)
    both = np.concatenate([first, second])
    length = length_bias(both[:, 0], longer, both, seed=1, b=200)

    assert place.low < 0.2 < place.high
    assert length.low < 0.2 < length.high
    assert abs(length.value - place.value) < 1e-9


def test_hard_items_flip_more():
    easy, hard = judged(600, 0.9, 0.02, seed=1), judged(600, 0.6, 0.3, seed=2)
    margin = np.concatenate([np.full(600, 2.0), np.full(600, 0.1)])
    found = flips_by_margin(np.concatenate([easy, hard]), margin, seed=1, b=50)

    assert found[0].name == "flip_noise_small_margin"
    assert found[0].value > 0.2


def test_accuracies_of_both_orders_by_hand():
    found = pair_accuracies([1, 1, 0, 0, None], [1, 0, 1, 0, 1])

    values = {name: e.value for name, e in found.items()}
    assert values == {
        "accuracy_both": 0.25, "accuracy_first": 0.5, "accuracy_second": 0.5, "inconsistent": 0.5,
        "accuracy_random": 0.5,
    }  # fmt: skip
    assert found["accuracy_both"].n_dropped == 1


def test_what_is_no_verdict_is_refused():
    with pytest.raises(InputError, match="item 0, repeat 1 is 2"):
        flip_noise([[1, 2]], seed=1)
    with pytest.raises(InputError, match="margins"):
        flips_by_margin([[1, 0]], [1, 2], seed=1)
    with pytest.raises(InputError, match="items"):
        denoised_accuracy([1, 0], [[1, 1]], seed=1)


def test_items_without_a_margin_are_left_out_of_every_tercile_and_counted_in_each():
    # Of 8 margins the terciles end at 2 and 5; the 4 items without one might belong to any.
    found = flips_by_margin([[0, 0]] * 12, [1, 2, None, None, 5, 6] * 2, seed=1, b=0)

    assert [e.n_used for e in found] == [4, 2, 2]
    assert [(e.n_units, e.n_dropped) for e in found] == [(8, 4), (6, 4), (6, 4)]
    assert all(e.notes == ("4 items without a margin might belong here",) for e in found)
