"""Laws of calibration, corrected estimates, selection and multiplicity that hold for all data."""

from math import isnan

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from judgekit.agreement.core import multiplicity
from judgekit.agreement.probability import brier, reliability, selective
from judgekit.agreement.sampling import active, ppi, rogan_gladen

tenths = st.integers(0, 10).map(lambda k: k / 10)
probabilities = tenths | st.floats(0, 1)
pairs = st.lists(st.tuples(probabilities, st.integers(0, 1)), min_size=1, max_size=40)
units = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=30)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=15)


def columns(rows):
    return tuple(np.array(x, dtype=float) for x in zip(*rows, strict=True))


@given(pairs, st.integers(1, 15), st.sampled_from(["width", "mass"]))
def test_brier_is_the_sum_of_its_parts_in_any_bins(rows, n_bins, kind):
    p, y = columns(rows)
    parts = brier.decompose_brier(p, y, n_bins=n_bins, kind=kind)

    whole = parts.reliability - parts.resolution + parts.uncertainty
    assert parts.brier == pytest.approx(whole + parts.within_variance - parts.within_covariance, abs=1e-12)


@given(pairs)
def test_brier_is_the_sum_of_its_corp_parts_and_none_is_negative(rows):
    p, y = columns(rows)
    parts = reliability.corp(p, y)

    assert parts.brier == pytest.approx(parts.mcb - parts.dsc + parts.unc, abs=1e-12)
    assert parts.mcb >= -1e-12
    assert parts.dsc >= -1e-12


@given(pairs)
def test_recalibrating_leaves_no_miscalibration(rows):
    p, y = columns(rows)
    x, _, fit = reliability.isotonic(p, y)

    again = reliability.corp(np.clip(fit[np.searchsorted(x, p)], 0, 1), y)

    assert again.mcb == pytest.approx(0, abs=1e-9)


@given(pairs, st.randoms(use_true_random=False))
def test_calibration_knows_no_order_of_rows(rows, random):
    p, y = columns(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    q, z = columns(shuffled)

    for kind in ("width", "mass"):
        mine = reliability.expected_calibration_error(p, y, kind=kind)
        assert reliability.expected_calibration_error(q, z, kind=kind) == pytest.approx(mine)
    assert reliability.corp(q, z).mcb == pytest.approx(reliability.corp(p, y).mcb, abs=1e-12)
    assert selective.aurc(q, z) == pytest.approx(selective.aurc(p, y))


@given(pairs)
def test_errors_of_calibration_lie_between_0_and_1(rows):
    p, y = columns(rows)
    mean = reliability.expected_calibration_error(p, y)

    assert 0 <= mean <= 1 + 1e-9
    assert abs(p.mean() - y.mean()) <= mean + 1e-9


@given(pairs)
def test_a_better_order_has_a_smaller_area(rows):
    p, y = columns(rows)

    assert selective.aurc(-y, y) <= selective.aurc(p, y) + 1e-12 <= selective.aurc(y, y) + 1e-9


@given(units, st.lists(st.integers(0, 1), min_size=2, max_size=60))
def test_ppi_is_never_wider_than_both_its_ends(rows, others):
    y, f = columns(rows)
    tuned, labels_only = ppi.ppi_mean(y, f, others), ppi.ppi_mean(y, f, others, lam=0)
    event(f"lam {tuned.lam:.1f}")

    assert 0 <= tuned.lam <= 1
    assert labels_only.value == pytest.approx(y.mean())
    assert labels_only.se == pytest.approx(labels_only.classical_se)
    full = ppi.ppi_mean(y, f, others, lam=1)
    assert (
        min(full.value, labels_only.value) - 1e-9 <= tuned.value <= max(full.value, labels_only.value) + 1e-9
    )


@given(units, st.lists(st.integers(0, 1), min_size=2, max_size=60))
def test_swapping_pass_and_fail_mirrors_ppi(rows, others):
    y, f = columns(rows)
    u = np.array(others, dtype=float)
    one, other = (
        ppi.ppi(y, f, u, sampling="random"),
        ppi.ppi(1 - y, 1 - f, 1 - u, sampling="random"),
    )
    event(one.status)

    assert one.status == other.status
    assume(not isnan(one.value))
    assert (1 - other.value, 1 - other.high, 1 - other.low) == pytest.approx((one.value, one.low, one.high))
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.se > 0


@given(units, st.lists(st.integers(0, 1), min_size=3, max_size=60), st.floats(0.5, 3), st.floats(-5, 5))
def test_ppi_moves_with_the_unit_of_measure(rows, others, scale, shift):
    y, f = columns(rows)
    u = np.array(others, dtype=float)
    plain = ppi.ppi(y, f, u, sampling="random", bounds=None)
    moved = ppi.ppi(shift + scale * y, shift + scale * f, shift + scale * u, sampling="random", bounds=None)

    assert plain.status == moved.status
    assume(not isnan(plain.value))
    assert moved.value == pytest.approx(shift + scale * plain.value, abs=1e-9)
    assert moved.se == pytest.approx(scale * plain.se, abs=1e-9)


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.55, 1), st.floats(0.55, 1))
def test_lees_interval_mirrors_when_pass_and_fail_are_swapped(passed, n, se, sp):
    p = min(passed, n) / n
    low, high = rogan_gladen.lee_interval(rogan_gladen.JudgeRates(p, n, sp, 40, se, 60))
    mirrored = rogan_gladen.lee_interval(rogan_gladen.JudgeRates(1 - p, n, se, 60, sp, 40))

    assume(not isnan(low))
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


@given(p_values, st.sampled_from(["holm", "bh", "by", "bonferroni", "hochberg", "hommel"]))
def test_adjusting_keeps_the_order_and_never_helps(p, method):
    found = multiplicity.adjust(p, method=method)
    order = np.argsort(p, kind="stable")

    assert (found >= np.array(p) - 1e-12).all()
    assert (found <= 1).all()
    assert (np.diff(found[order]) >= -1e-12).all()


@given(p_values)
def test_stricter_methods_reject_less(p):
    by = {
        m: multiplicity.adjust(p, method=m) for m in ("bonferroni", "holm", "hochberg", "hommel", "bh", "by")
    }

    for strict, lax in (
        ("bonferroni", "holm"),
        ("holm", "hochberg"),
        ("hochberg", "hommel"),
        ("hommel", "bh"),
    ):
        assert (by[strict] >= by[lax] - 1e-9).all()
    assert (by["by"] >= by["bh"] - 1e-12).all()


@given(p_values)
def test_hommel_is_closed_testing_by_simes(p):
    assume(len(p) <= 7)
    m = len(p)
    closed = np.zeros(m)
    for mask in range(1, 2**m):
        subset = [i for i in range(m) if mask >> i & 1]
        x = np.sort(np.array(p)[subset])
        simes = np.min(len(x) * x / np.arange(1, len(x) + 1))
        closed[subset] = np.maximum(closed[subset], simes)

    assert multiplicity.adjust(p, method="hommel") == pytest.approx(closed)


@given(st.integers(1, 300), st.floats(0.05, 0.99))
def test_the_conformal_index_is_the_least_that_covers(n, level):
    k = selective.quantile_index(n, level)

    assert k / (n + 1) >= level - 1e-9
    assert (k - 1) / (n + 1) < level
    assert (k <= n) == (n >= selective.least_n(level))


@given(arrays(float, st.integers(1, 30), elements=st.floats(0, 10)), st.floats(0.05, 1), st.floats(0.01, 1))
def test_chances_sum_to_the_budget(u, share, tau):
    budget = share * len(u)
    pi = active.labelling_probabilities(u, budget=budget, tau=tau)

    assert pi.sum() == pytest.approx(budget)
    assert (pi > 0).all()
    assert (pi <= 1 + 1e-12).all()


@given(st.lists(st.tuples(st.integers(2, 50), st.floats(0, 1)), min_size=1, max_size=6), st.floats(0, 1))
def test_an_allocation_spends_all_and_fits(strata, share):
    sizes, sds = zip(*strata, strict=True)
    n = 2 * len(sizes) + int(share * (sum(sizes) - 2 * len(sizes)))
    given_ = active.neyman_allocation(sizes, sds, n=n)

    assert sum(given_) == n
    assert all(2 <= g <= size for g, size in zip(given_, sizes, strict=True))


@given(units)
def test_labelling_everything_gives_the_plain_mean(rows):
    y, f = columns(rows)

    found = active.active_mean(y, f, np.ones(len(y)))
    weighted = active.hajek_mean(y, np.full(len(y), 0.3))

    assert found.value == pytest.approx(y.mean())
    assert weighted.value == pytest.approx(y.mean())
    assert weighted.se > 0
    assert found.se > 0
    if "ok_degenerate" not in {found.status, weighted.status}:
        assert found.se == pytest.approx(y.std(ddof=1) / len(y) ** 0.5, abs=1e-12)
        assert weighted.se == pytest.approx(found.se, abs=1e-12)


@given(pairs, st.floats(0.05, 0.5))
def test_a_threshold_is_given_only_with_its_bound(rows, alpha):
    c, wrong = columns(rows * 5)
    found = selective.select(c, wrong, alpha=alpha)
    event(found.status)

    if found.status == "ok":
        assert found.bound <= alpha
        assert found.n_kept == (c >= found.threshold).sum() >= selective.LEAST
        assert found.n_wrong == wrong[c >= found.threshold].sum()
    else:
        assert isnan(found.threshold)
        assert found.coverage == 0
