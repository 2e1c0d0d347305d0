"""SAS-Bench: corrected scores, and the published ones where they agree and where they do not."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from judgekit.agreement.published.sas import (
    ccs_as_published,
    collaborative_consistency,
    ecs,
    ecs_as_published,
    errors_consistency,
)
from judgekit.errors import InputError

nan = float("nan")
MOST = [4, 2, 2]


def answers(n=30, m=2, *, seed=0):
    """Gold and judged rows (total, steps), the judge wrong by a point in some steps."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 3, (n, m))
    judged = np.clip(steps + rng.choice([-1, 0, 0, 0, 1], (n, m)), 0, 2)
    return (np.column_stack([s.sum(axis=1), s]).astype(float) for s in (steps, judged))


def ccs(gold, judged, **options):
    """CCS of answers that have all steps."""
    return collaborative_consistency(gold, judged, seed=0, b=0, **options)[0].value


def by_levels(gold, judged, most, alpha=0.5):
    """CCS as its formula says: levels are distinct rows, one weight for all of them."""
    weights = np.array([alpha, *([(1 - alpha) / (len(most) - 1)] * (len(most) - 1))])
    levels = sorted({tuple(row) for row in np.concatenate([gold, judged]).tolist()})
    place = {level: i for i, level in enumerate(levels)}
    seen = np.zeros((len(levels), len(levels)))
    for g, p in zip(gold.tolist(), judged.tolist(), strict=True):
        seen[place[tuple(g)], place[tuple(p)]] += 1
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / seen.sum()
    x = np.array(levels) / most
    w = ((x[:, None] - x[None, :]) ** 2 * weights).sum(axis=2)
    return 1 - (seen * w).sum() / (expected * w).sum()


def test_ccs_is_its_formula_over_distinct_rows():
    gold, judged = answers()

    assert ccs(gold, judged, most=MOST) == pytest.approx(by_levels(gold, judged, MOST))
    assert ccs(gold, judged, most=MOST, alpha=0.2) == pytest.approx(by_levels(gold, judged, MOST, 0.2))


def test_landmarks_of_ccs():
    gold, judged = answers()

    quadratic = cohen_kappa_score(gold[:, 0], judged[:, 0], labels=range(5), weights="quadratic")

    assert ccs(gold, gold, most=MOST) == 1.0
    assert ccs(gold, judged, most=MOST, alpha=1.0) == pytest.approx(quadratic)
    assert math.isnan(ccs(gold[:1], gold[:1], most=MOST))


def test_the_published_code_agrees_with_one_number_of_steps_and_few_distinct_rows():
    gold, judged = answers()

    assert len(np.unique(np.concatenate([gold, judged]), axis=0)) <= len(gold)
    assert ccs_as_published(gold, judged, most=MOST) == pytest.approx(ccs(gold, judged, most=MOST), abs=1e-8)


def test_and_not_where_numbers_of_steps_differ():
    gold, judged = answers()
    gold[::2, 2] = judged[::2, 2] = np.nan
    found = collaborative_consistency(gold, judged, most=MOST, seed=1, b=100)

    assert [e.method for e in found] == ["1 steps, alpha 0.5", "2 steps, alpha 0.5"]
    even, odd = np.arange(30) % 2 == 0, np.arange(30) % 2 == 1
    right = [
        by_levels(gold[even][:, :2], judged[even][:, :2], MOST[:2]),
        by_levels(gold[odd], judged[odd], MOST),
    ]
    assert [e.value for e in found] == pytest.approx(right)
    published = ccs_as_published(gold, judged, most=MOST)
    assert all(abs(published - value) > 1e-3 for value in right)


def test_a_step_that_was_not_graded_is_no_zero():
    gold, judged = answers()
    judged[0, 1] = np.nan
    [found] = collaborative_consistency(gold, judged, most=MOST, seed=1, b=50)

    assert found.n_dropped == 1
    assert found.value == pytest.approx(ccs(gold[1:], judged[1:], most=MOST))
    with pytest.raises(InputError, match="most holds"):
        ccs(gold, judged, most=[4, 2])


def errors(n=60, *, seed=0):
    rng = np.random.default_rng(seed)
    total = np.full(n, 10.0)
    gold = rng.integers(0, 11, n).astype(float)
    rates = np.array([3.0, 2.0, 1.0, 0.3]) * (11 - gold[:, None]) / 10
    return gold, gold, total, rng.poisson(rates), rng.poisson(rates)


def test_ecs_of_identity_and_of_a_fair_copy():
    gold, judged, total, named, copied = errors()

    assert ecs(gold, judged, total, named, named) == pytest.approx(1.0)
    assert 0.5 < ecs(gold, judged, total, named, copied) <= 1.0
    found = errors_consistency(gold, judged, total, named, copied, seed=1, b=100)
    assert found.low <= found.value <= found.high


def test_a_tier_without_variation_is_left_out_not_zero():
    gold, judged, total, named, _ = errors()
    named[gold >= np.sort(gold)[int(60 * 0.67)]] = 0  # nobody errs in the best answers

    assert ecs(gold, judged, total, named, named) == pytest.approx(1.0)
    assert ecs_as_published(gold, judged, total, named, named) == pytest.approx(2 / 3)
    found = errors_consistency(gold, judged, total, named, named, seed=1, b=20)
    assert found.notes[0].startswith("1 of 3 tiers")


def test_ecs_of_nothing():
    none = np.zeros((2, 3))

    assert math.isnan(ecs([1, 2], [1, 2], [3, 3], none, none))
    assert errors_consistency([1, 2], [1, 2], [3, 3], none, none, seed=1).status == "undefined:no_variation"
    assert math.isnan(ecs([], [], [], np.zeros((0, 2)), np.zeros((0, 2))))
    with pytest.raises(InputError, match="rows of errors"):
        errors_consistency([1], [1], [1], none, none, seed=1)


def test_answers_without_a_gold_row_are_counted():
    gold, judged = answers()
    gold[:3] = np.nan

    *known, lost = collaborative_consistency(gold, judged, most=MOST, seed=1, b=20)

    assert [e.n_units for e in known] == [27]
    assert (lost.n_units, lost.n_used, lost.n_dropped) == (3, 0, 3)
    assert lost.status == "undefined:no_paired_items"
    assert lost.method == "no gold, alpha 0.5"


def test_a_row_that_was_not_judged_in_full_is_left_out_of_ccs():
    # Squares are weighted 1/8, 1/4, 1/4. The two complete answers are 0 and 1/4 off, 1/8 on average; all
    # four pairs of their rows 0, 3/4, 1 and 1/4, 1/2 on average.
    gold = [[2, 1, 1], [1, 0, 1], [0, 0, 0]]

    assert ccs(gold, [[2, 1, 1], [nan, 1, 0], [0, 1, 0]], most=[2, 1, 1]) == pytest.approx(0.75)


def test_a_share_of_points_on_the_upper_cut_is_high():
    # Cuts of the gold scores 0..9 are 3 and 6. The middle tier is 4 and 5; 6 is in the upper one.
    gold = np.arange(10.0)
    named = np.zeros((10, 3))
    named[:4] = named[7:] = [3, 2, 1]
    named[4:6], named[6] = [100, 200, 300], [40, 50, 60]
    said = named.copy()
    said[6] = [60, 50, 40]

    # The upper tier names errors 49, 56 and 63 times against 69, 56 and 43, the other way round; in the
    # middle one 6 would turn nothing.
    assert ecs(gold, gold, np.full(10, 9.0), named, said) == pytest.approx((1 + 1 - 1) / 3)
