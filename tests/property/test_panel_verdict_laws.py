"""Laws of what a panel is worth: nothing depends on the place of a judge, an item or a row."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from judgekit.agreement.bias.error_correlation import error_correlation
from judgekit.agreement.bias.verdict_correlation import PanelVerdicts
from judgekit.types import Abstention, Item, Judged, Unit, Verdict

JUDGES = ("a", "b", "c")
values = st.sampled_from([0.0, 0.25, 0.5, 1.0, None])


@st.composite
def tables(draw, gaps=True, criteria=("x", "y")):
    """Verdicts of three judges: one row an item, one cell a criterion and judge."""
    cell = values if gaps else values.filter(lambda v: v is not None)
    row = st.tuples(*[st.tuples(*[cell] * len(JUDGES))] * len(criteria))
    return criteria, draw(st.lists(row, min_size=0, max_size=12))


def judged(i, row, criteria):
    unit = Unit(f"item {i}", ("r",))
    outcomes = [
        Abstention(j, unit, c, "refused") if v is None else Verdict(j, unit, c, ((str(v), 1.0),), str(v), v)
        for c, cells in zip(criteria, row, strict=True)
        for j, v in zip(JUDGES, cells, strict=True)
    ]
    return Judged(Item(f"item {i}"), tuple(outcomes))


def found(items, judges=JUDGES, criteria=("x", "y")):
    panel = PanelVerdicts(judges, criteria=criteria)
    for each in items:
        panel.add(each)
    return panel.found()


def alike(one, other):
    def numbers(f):
        ends = (f.mean.value, f.mean.low, f.mean.high, f.effective.value, f.effective.low, f.participation)
        return [*ends, *(r for r, _ in f.pairs.values())]

    assert numbers(one) == pytest.approx(numbers(other), nan_ok=True, abs=1e-9)
    assert one.mean.status == other.mean.status
    assert one.left_out == other.left_out
    assert [n for _, n in one.pairs.values()] == [n for _, n in other.pairs.values()]


@given(tables(), st.randoms(use_true_random=False))
def test_judges_items_and_rows_have_no_place(table, random):
    criteria, rows = table
    items = [judged(i, row, criteria) for i, row in enumerate(rows)]
    base = found(items)
    event(base.mean.status)

    mixed = []
    for each in items:
        outcomes = list(each.outcomes)
        random.shuffle(outcomes)
        mixed.append(Judged(each.item, tuple(outcomes)))
    random.shuffle(mixed)

    for judges in permutations(JUDGES):
        alike(found(mixed, judges), base)


@given(tables(), st.permutations(JUDGES))
def test_names_of_judges_do_not_matter(table, names):
    criteria, rows = table
    turned = [tuple(tuple(cells[JUDGES.index(j)] for j in names) for cells in row) for row in rows]

    one = found([judged(i, row, criteria) for i, row in enumerate(rows)])
    other = found([judged(i, row, criteria) for i, row in enumerate(turned)])

    assert other.mean.value == pytest.approx(one.mean.value, nan_ok=True, abs=1e-9)
    assert other.effective.value == pytest.approx(one.effective.value, nan_ok=True, abs=1e-9)


@given(tables(criteria=("x",)))
def test_sums_equal_the_matrix_of_all_verdicts(table):
    criteria, rows = table
    kept = np.array([[nan_of(v) for v in row[0]] for row in rows]).reshape(-1, len(JUDGES))

    plain = error_correlation(kept)
    sums = found([judged(i, row, criteria) for i, row in enumerate(rows)], criteria=criteria)

    matrix = [plain.matrix[i, j] for i in range(3) for j in range(i + 1, 3)]
    assert [r for r, _ in sums.pairs.values()] == pytest.approx(matrix, nan_ok=True, abs=1e-9)


@given(tables(gaps=False))
def test_without_gaps_it_is_the_number_of_the_matrix_within_criteria(table):
    criteria, rows = table
    cells = np.array([cells for row in rows for cells in row], dtype=float).reshape(-1, len(JUDGES))
    strata = [c for _ in rows for c in criteria]

    plain = error_correlation(cells, strata=strata)
    sums = found([judged(i, row, criteria) for i, row in enumerate(rows)])

    event("defined" if not math.isnan(plain.kish) else "undefined")
    assert sums.effective.value == pytest.approx(plain.kish, nan_ok=True, abs=1e-9)
    assert sums.participation == pytest.approx(plain.participation, nan_ok=True, abs=1e-9)
    assert [JUDGES.index(name) for name in sums.left_out] == list(plain.excluded)


def nan_of(value):
    return math.nan if value is None else value


@given(tables())
def test_a_panel_is_worth_between_one_and_all_of_its_judges(table):
    criteria, rows = table

    worth = found([judged(i, row, criteria) for i, row in enumerate(rows)]).effective

    assert math.isnan(worth.value) or 1 - 1e-9 <= worth.value <= 3
    assert math.isnan(worth.low) or worth.low <= worth.value + 1e-9 <= worth.high + 2e-9
