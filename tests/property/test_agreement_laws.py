"""Laws of agreement that hold for all ratings."""

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from judgekit.agreement.auditing.sections.agreement import all_coefficients, headline
from judgekit.agreement.bias.range_use import bowker, stuart_maxwell
from judgekit.agreement.chance.chance import Coefficient, chance_corrected, krippendorff_alpha
from judgekit.agreement.chance.coefficients import alpha, conger, fleiss, gwet, kappa, percent, scott
from judgekit.agreement.core.ratings import Ratings, as_ratings
from judgekit.agreement.models.bland import ccc
from judgekit.agreement.models.icc import iccs

COEFFICIENTS: list[Coefficient] = ["percent", "fleiss", "conger", "gwet", "brennan_prediger", "alpha"]
SCALE = [1.0, 2.0, 3.0, 4.0]


@st.composite
def tables(draw, raters=(2, 4), gaps=True, least=2):
    """Ratings around a truth, so that agreement is neither none nor all."""
    n, r = draw(st.integers(least, 25)), draw(st.integers(*raters))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = rng.choice(SCALE, size=(n, 1), p=[0.4, 0.3, 0.2, 0.1])
    cells = np.where(rng.random((n, r)) < draw(st.floats(0, 1)), truth, rng.choice(SCALE, size=(n, r)))
    if gaps:
        cells[rng.random((n, r)) < draw(st.sampled_from([0.0, 0.2]))] = np.nan
    return cells


def same(a: float, b: float) -> bool:
    return (isnan(a) and isnan(b)) or a == pytest.approx(b, abs=1e-9)


def every(cells, scale=SCALE) -> dict[str, float]:
    found = {c: chance_corrected(cells, c, values=scale) for c in COEFFICIENTS}
    found |= {
        f"{c}_quadratic": chance_corrected(cells, c, values=scale, weights="quadratic") for c in COEFFICIENTS
    }
    return found | {
        m: krippendorff_alpha(cells, values=scale, metric=m) for m in ("ordinal", "interval", "ratio")
    }


@given(tables(), st.randoms(use_true_random=False))
def test_agreement_knows_neither_raters_nor_units_by_place(cells, random):
    units, raters = list(range(len(cells))), list(range(cells.shape[1]))
    random.shuffle(units)
    random.shuffle(raters)

    before, after = every(cells), every(cells[units][:, raters])

    event("some undefined" if any(map(isnan, before.values())) else "all defined")
    assert all(same(before[name], after[name]) for name in before)


@given(tables(), st.permutations(range(4)))
def test_nominal_agreement_knows_labels_by_no_name(cells, order):
    renamed = cells.copy()
    for old, new in zip(SCALE, order, strict=True):
        renamed[cells == old] = SCALE[new]

    for coefficient in COEFFICIENTS:
        assert same(
            chance_corrected(cells, coefficient, values=SCALE),
            chance_corrected(renamed, coefficient, values=SCALE),
        )


@given(tables(), st.floats(0.01, 100), st.floats(-50, 50))
def test_agreement_by_distance_ignores_the_unit_of_measure(cells, factor, shift):
    scale = [x * factor + shift for x in SCALE]
    assume(np.all(np.diff(scale) > 0))
    moved = np.full_like(cells, np.nan)
    for old, new in zip(SCALE, scale, strict=True):
        moved[cells == old] = new

    for weights in ("identity", "linear", "quadratic", "radical", "ordinal_gwet"):
        for coefficient in COEFFICIENTS:
            assert same(
                chance_corrected(cells, coefficient, values=SCALE, weights=weights),
                chance_corrected(moved, coefficient, values=scale, weights=weights),
            )
    both = ~np.isnan(cells).any(axis=1)
    for before, after in zip(iccs(cells[both]), iccs(moved[both]), strict=True):
        assert same(before.value, after.value)


@given(tables(raters=(2, 2)))
def test_with_two_raters_cohen_is_conger_and_scott_is_fleiss(cells):
    both = cells[~np.isnan(cells).any(axis=1)]
    if len(both) == 0:
        both = np.array([[1.0, 2.0], [2.0, 2.0]])

    ours, theirs = kappa(both, scale=SCALE), conger(both, scale=SCALE)

    assert same(ours.value, theirs.value)
    assert same(scott(both, scale=SCALE).value, fleiss(both, scale=SCALE).value)
    assert ours.status == theirs.status


@given(tables(raters=(2, 2), gaps=False))
def test_krippendorffs_alpha_is_scotts_pi_with_a_correction_for_size(cells):
    pi = scott(cells, scale=SCALE).value
    n = cells.size

    assert same(alpha(cells, scale=SCALE, metric="nominal").value, 1 - (1 - pi) * (1 - 1 / n))


@given(tables())
def test_two_categories_have_one_metric(cells):
    two = np.where(np.isnan(cells), np.nan, np.minimum(cells, 2.0))

    nominal = krippendorff_alpha(two, values=[1, 2], metric="nominal")

    assert same(nominal, krippendorff_alpha(two, values=[1, 2], metric="ordinal"))
    assert same(nominal, krippendorff_alpha(two, values=[1, 2], metric="interval"))


@given(tables(least=5), st.sampled_from([percent, fleiss, gwet, conger]))
def test_twice_the_data_are_the_same_agreement_and_half_the_squared_error(cells, function):
    once = function(cells, scale=SCALE, interval="t")
    twice = function(np.concatenate([cells, cells]), scale=SCALE, interval="t")
    n = int((~np.isnan(cells)).any(axis=1).sum())

    assume(once.n_used >= 2)
    assert same(once.value, twice.value)
    if once.se > 0:  # by n(n - 1): 2n - 1 for 2(n - 1)
        assert twice.se**2 / once.se**2 == pytest.approx((n - 1) / (2 * n - 1), abs=1e-9)


@given(tables(raters=(2, 2), gaps=False, least=5))
def test_twice_the_data_halve_the_squared_error_of_kappa(cells):
    once, twice = (kappa(np.concatenate([cells] * k), scale=SCALE) for k in (1, 2))

    if once.se > 0:
        assert twice.se**2 == pytest.approx(once.se**2 / 2, rel=1e-6)


@given(tables())
def test_a_copy_agrees_perfectly_or_varies_in_nothing(cells):
    copied = np.stack([cells[:, 0], cells[:, 0]], axis=1)

    found = kappa(copied, scale=SCALE)

    assert found.value == pytest.approx(1.0) or found.status.startswith("undefined:")


@given(tables(), st.sampled_from(["nominal", "ordinal", "interval"]))
@example(np.array([[1.0, 2.0], [2.0, 1.0]]), "ordinal")
def test_no_estimate_is_out_of_bounds_or_without_a_reason(cells, level):
    ratings = replace(as_ratings(cells, scale=SCALE), level=level)

    for each in [*headline(ratings, b=25), *all_coefficients(ratings, b=25)]:
        event(f"{each.name.split('[')[0]}: {each.status}")
        assert isnan(each.value) == each.status.startswith("undefined:")
        assert isnan(each.value) or each.name == "bias" or each.value <= 1.0 + 1e-9
        assert each.n_used + each.n_dropped == each.n_units == len(cells)
        assert isnan(each.low) or each.low <= each.high


@given(tables(raters=(2, 2), gaps=False, least=12), st.integers(0, 2**31))
def test_a_seed_gives_the_same_interval_again(cells, seed):
    ratings = as_ratings(cells, scale=SCALE)

    first, second = (kappa(ratings, interval="bca", seed=seed, b=200) for _ in range(2))

    assert repr(first) == repr(second)
    assert first.interval in {"none", "wilson_at_one"} or first.seed == seed


@given(tables(raters=(2, 2), gaps=False, least=8))
def test_quadratic_kappa_is_nearly_absolute_agreement(cells):
    # Fleiss and Cohen (1973): equal but for terms of the order of 1/n.
    weighted = chance_corrected(cells, "conger", values=SCALE, weights="quadratic")
    single = {each.name: each.value for each in iccs(cells)}["icc_a1"]

    assert isnan(weighted) == isnan(single) or abs(weighted) < 1e-9
    assert isnan(weighted) or isnan(single) or abs(weighted - single) < 3 / len(cells)


@given(tables(raters=(2, 2), gaps=False))
def test_quadratic_kappa_is_lins_concordance(cells):
    # With 1/n moments they are one formula (King and Chinchilli, 2001).
    weighted = chance_corrected(cells, "conger", values=SCALE, weights="quadratic")

    assert same(weighted, ccc(cells).ccc.value)


@given(tables(raters=(2, 2), gaps=False))
def test_swapping_raters_changes_no_test_of_margins(cells):
    q = len(SCALE)
    table = np.zeros((q, q))
    np.add.at(table, (cells[:, 0].astype(int) - 1, cells[:, 1].astype(int) - 1), 1)
    padded = np.zeros((q + 2, q + 2))
    padded[:q, :q] = table

    for test in (stuart_maxwell, bowker):
        statistic, df = test(table)
        assert test(table.T) == (pytest.approx(statistic, nan_ok=True), df)
        assert test(padded) == (pytest.approx(statistic, nan_ok=True), df)


@given(tables(gaps=False), st.integers(1, 3))
def test_a_unit_that_one_rater_rated_is_not_in_alpha(cells, extra):
    lonely = np.full((extra, cells.shape[1]), np.nan)
    lonely[:, 0] = 4.0

    longer = np.concatenate([cells, lonely])

    assert same(
        krippendorff_alpha(cells, values=SCALE, metric="nominal"),
        krippendorff_alpha(longer, values=SCALE, metric="nominal"),
    )
    assert alpha(longer, scale=SCALE).n_dropped == extra


def test_ratings_are_what_they_were_after_coding():
    cells = np.array([[1.0, np.nan], [4.0, 2.0]])
    ratings: Ratings = as_ratings(cells, scale=SCALE)

    np.testing.assert_array_equal(ratings.numbers, cells)
