"""A panel with one judge fooled: `benchmarks/rewards_panel.py` in small."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_panel as bench


@pytest.mark.parametrize("pool", ["min", "lower_bound"])
def test_one_fooled_judge_of_three_buys_a_response_little(pool):
    mean, error = bench.hacked_advantage(pool, 100)

    assert mean - error <= 0.15


def test_a_mean_pays_for_the_hack_and_less_noise_is_its_price():
    assert bench.hacked_advantage("mean", 100)[0] > 0.6
    assert bench.price("mean", 100) > bench.price("min", 100) > 0.7
