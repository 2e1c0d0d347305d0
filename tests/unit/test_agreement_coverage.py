"""Intervals hold what they claim: small versions of the simulations in `benchmarks/`, with wider bounds."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.chance.coefficients import kappa
from judgekit.agreement.core.intervals import clustered_mean

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import alt_test_table
import cascade_promise
import coverage_clusters
import coverage_kappa
import coverage_ppi
import recovery_gstudy
import stored

BENCHMARKS = Path(stored.__file__).parent


@pytest.fixture(scope="module")
def bench():
    return coverage_kappa


def test_the_planted_tables_have_their_kappa(bench):
    from judgekit.agreement.chance.chance import fleiss_cohen_everitt

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


@pytest.mark.parametrize("row", coverage_ppi.ROWS)
def test_ppi_on_the_six_rows(row):
    held = coverage_ppi.covered(row, 150, seed=1)["ppi++"][0]

    assert 0.89 <= held <= 1


def test_clusters_are_drawn_with_the_planted_correlation():
    rng = np.random.default_rng(0)
    y = coverage_clusters.drawn(rng, 20_000)

    assert y.mean() == pytest.approx(coverage_clusters.RATE, abs=0.01)
    within = np.mean([np.cov(y[:, i], y[:, j])[0, 1] for i in range(5) for j in range(i)])
    assert within / y.var() == pytest.approx(coverage_clusters.ICC, abs=0.02)


@pytest.mark.parametrize(("keep", "epsilon"), [(0.9, 0.1), (0.7, 0.2), (0.55, 0.15), (0.4, 0.2)])
def test_the_alternative_annotator_test_passes_judges_as_specified(keep, epsilon):
    specified = alt_test_table.SPECIFIED[keep][alt_test_table.EPSILONS.index(epsilon)]

    _, found = alt_test_table.row(keep, epsilon, specified, 200, seed=1)

    assert [each.inside for each in found] == [True] * 3


@pytest.mark.parametrize("judge", ["surest twentieth 30 % wrong", "just above alpha, blind"])
def test_thresholds_of_a_cascade_keep_their_word(judge):
    found = [*cascade_promise.kept(judge, 500, 150, seed=2), *cascade_promise.whole(judge, 500, 150, seed=2)]

    assert [each.inside for each in found if each.what.endswith("broken") and each.band] == [True] * 2


def test_a_cascade_finds_the_threshold_that_is_there():
    found = {each.what: each for each in cascade_promise.kept(cascade_promise.NAMED, 1000, 60, seed=2)}

    assert found["select: found"].estimate >= 0.95
    assert found["fixed sequence: found"].estimate < 0.7
    assert found["select: broken"].inside


def test_variance_components_coefficients_and_designs_are_recovered():
    given = argparse.Namespace(runs=30, seed=0, progress=False)

    found = {
        each.what: each for each in recovery_gstudy.figures("", recovery_gstudy.simulated(0.0, 100, given))
    }

    for what in ("mean, item", "mean, item:judge", "mean, G", "mean, Phi", "mean, phi of the chosen design"):
        assert found[what].inside, what
    for what in ("item", "G, judges and wordings drawn anew", "Phi, judges and wordings drawn anew"):
        assert found[f"coverage, {what}"].estimate >= 0.8, what


def test_what_is_promised_is_kept_with_its_band_its_date_and_its_seed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stored, "RESULTS", tmp_path / "here" / "results")
    (tmp_path / "here").mkdir()
    given = argparse.Namespace(runs=1000, seed=7, store=True)
    rows = [
        stored.share("a", "coverage", 0.95, 1000, (0.92, 0.98)),
        stored.share("b", "coverage", 0.915, 1000, (0.92, 0.98)),
        stored.share("c", "coverage", 0.5, 1000),
    ]

    assert stored.concluded("some", rows, given) == 1
    assert (
        stored.concluded("some", [*rows[::2], stored.share("b", "x", 0.915, 300, (0.92, 0.98))], given) == 0
    )

    assert "OUTSIDE: b, coverage: 0.915, not in 0.92 to 0.98" in capsys.readouterr().out
    kept = [
        json.loads(line) for line in (tmp_path / "here" / "results" / "some.jsonl").read_text().splitlines()
    ]
    assert [line["inside"] for line in kept] == [True, None, True]
    assert {"date", "machine", "seed", "runs", "row", "what", "estimate", "error", "band"} <= set(kept[0])
    assert kept[0]["error"] == pytest.approx((0.95 * 0.05 / 1000) ** 0.5, abs=1e-6)


@pytest.mark.parametrize(
    "name",
    ["alt_test_table", "cascade_promise", "coverage_clusters", "coverage_kappa", "coverage_ppi",
     "recovery_gstudy_complete", "recovery_gstudy_lost"],
)  # fmt: skip
def test_the_stored_results_rest_on_a_thousand_data_sets_and_lie_in_their_bands(name):
    lines = (BENCHMARKS / "results" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(line) for line in lines]

    assert min(line["runs"] for line in kept) >= 1000
    assert {line["inside"] for line in kept} <= {True, None}
    assert any(line["inside"] for line in kept)
