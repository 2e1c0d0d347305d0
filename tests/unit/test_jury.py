"""Juries: against their best member, and how many judges they are."""

import numpy as np
import pytest

from judgekit.agreement.bias.error_correlation import (
    condorcet_gap,
    effective_judges,
    error_correlation,
    jury_against_best,
)
from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.people.panel import majority
from judgekit.errors import InputError

nan = float("nan")


def table(columns):
    """Ratings from rows of digits, one row a rater, - where missing."""
    cells = [[None if c == "-" else int(c) for c in row] for row in columns.values()]
    return as_ratings(np.array(cells, dtype=object).T, scale=[1, 2, 3, 4, 5], raters=list(columns))


def test_the_label_of_most_and_the_rule_for_draws():
    values = np.array([0.0, 0.5, 1.0])
    codes = np.array([[0, 2, 2], [0, 0, 2], [0, 1, 2], [0, 2, -1], [1, 2, -1], [-1, -1, -1]])

    # Draws: 0, 1, 2 have mean .5; 0 and 2 are as near to .5, the lower counts; 1 and 2 likewise.
    assert majority(codes, values).tolist() == [2, 0, 1, 0, 1, -1]


def test_nine_judges_may_be_worth_two():
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(4000, 1)), rng.normal(size=(4000, 9))
    errors = (np.sqrt(0.64) * shared + np.sqrt(0.36) * own > 0.5).astype(float)

    found = error_correlation(errors)

    assert found.mean == pytest.approx(0.44, abs=0.04)
    assert found.kish == pytest.approx(9 / (1 + 8 * found.mean))
    assert found.kish == pytest.approx(2.0, abs=0.2)
    assert condorcet_gap(errors) > 0.05
    estimate = effective_judges(errors[:300], b=100)
    assert estimate.low < estimate.value < estimate.high


def test_judges_whose_errors_do_not_vary_are_named():
    errors = np.array([[0, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0.0]])

    found = error_correlation(errors)

    assert found.excluded == (0,)
    assert (found.judges, found.kish) == (2, 2.0)
    assert any("columns [0]" in note for note in effective_judges(errors, b=50).notes)
    assert effective_judges(np.zeros((5, 3))).status == "undefined:no_variation"
    assert effective_judges(np.zeros((0, 3))).status == "undefined:too_few"


def test_hard_units_are_no_shared_bias():
    rng = np.random.default_rng(1)
    hard = rng.random(6000) < 0.5
    errors = (rng.random((6000, 4)) < np.where(hard, 0.6, 0.1)[:, None]).astype(float)

    assert error_correlation(errors).mean > 0.2
    assert error_correlation(errors, strata=hard).mean == pytest.approx(0.0, abs=0.03)


def test_the_gap_to_independent_judges_by_hand():
    # Three judges, each wrong once in four and all on the same unit. Independent: two or three right,
    # 3 * .75^2 * .25 + .75^3 = .84375; in truth .75.
    assert condorcet_gap([[0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]]) == pytest.approx(0.09375)
    assert condorcet_gap([[0, 1], [1, 0]]) == pytest.approx(0.0)
    assert np.isnan(condorcet_gap(np.full((2, 2), nan)))
    with pytest.raises(InputError, match="errors of 0"):
        condorcet_gap([[0.5, 1]])


def test_a_jury_of_independent_judges_beats_its_best():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 600)
    judges = np.where(rng.random((600, 5)) < 0.7, truth[:, None], 1 - truth[:, None])
    ratings = as_ratings(np.column_stack([truth, judges]), scale=[0, 1], level="nominal")

    found = jury_against_best(ratings, reference="rater 1", b=200)

    assert found.jury.value == pytest.approx(0.84, abs=0.04)  # of Condorcet: .837
    assert found.difference.low > 0
    assert found.members[found.best_name] == found.best.value == max(found.members.values())


def test_a_jury_of_nothing_is_undefined():
    nothing = table({"gold": "12", "a": "--", "b": "12"})

    assert jury_against_best(nothing, reference="gold").jury.status == "undefined:no_paired_items"
    assert jury_against_best(nothing, reference="gold", judges=[]).jury.status == "undefined:not_identified"
    constant = table({"gold": "11", "a": "22", "b": "12"})
    assert jury_against_best(constant, reference="gold").jury.status == "undefined:no_variation"


@pytest.mark.parametrize("seed", range(5))
def test_of_members_that_are_as_good_the_first_is_best_whatever_the_last_digit(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, 9)
    low = np.clip(truth + rng.integers(-1, 2, 9), 0, 3)
    columns = {"truth": truth, "low": low, "high": low + 1}  # which correlate alike

    for names in (("truth", "low", "high"), ("truth", "high", "low")):
        ratings = as_ratings(
            np.column_stack([columns[n] for n in names]), scale=[0, 1, 2, 3, 4], raters=names
        )
        found = jury_against_best(ratings, reference="truth", measure="pearson", aggregate="mean", b=20)

        assert found.best_name == names[1]
