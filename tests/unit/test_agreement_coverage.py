"""Intervals hold what they claim: a small version of `benchmarks/coverage_kappa.py`, with wider bounds."""

import sys
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.coefficients import kappa
from judgekit.agreement.intervals import clustered_mean

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    if str(BENCHMARKS) not in sys.path:
        sys.path.insert(0, str(BENCHMARKS))
    import coverage_kappa

    return coverage_kappa


def test_the_planted_tables_have_their_kappa(bench):
    from judgekit.agreement.linearised import fleiss_cohen_everitt

    assert fleiss_cohen_everitt(bench.binary(0.61, 0.9)).kappa == pytest.approx(0.61)
    assert bench.quadratic(bench.five_by_five(0.77)) == pytest.approx(0.77)


@pytest.mark.parametrize("interval", ["fisher_z", "bca"])
def test_kappa_of_a_hundred_units(bench, interval):
    rng = np.random.default_rng(0)
    table = bench.binary(0.69, 0.7)

    def of(ratings):
        return [kappa(ratings, interval=interval, b=400, seed=int(rng.integers(2**31)))]

    (held,), (used,), flagged = bench.coverage(lambda: bench.sampled(table, 100, rng), of, [0.69], 300)

    assert used == 300
    assert flagged == 0
    assert 0.91 <= held <= 0.985


def test_means_of_twenty_clusters():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(20), 5)
    held = []
    for _ in range(400):
        values = np.repeat(rng.normal(0, 0.55, 20), 5) + rng.normal(0, 0.84, 100)
        found = clustered_mean(values, clusters)
        held.append(found.low <= 0 <= found.high)

    assert 0.91 <= np.mean(held) <= 0.985
