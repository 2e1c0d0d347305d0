"""Ratings that say nothing: every statistic answers with a status, none with an exception or a convention."""

from dataclasses import fields, is_dataclass
from math import isnan, nan
from typing import Any

import numpy as np
import pandas as pd
import pytest

from judgekit.agreement.auditing.sections.agreement import all_coefficients, headline
from judgekit.agreement.bias.range_use import marginal_homogeneity
from judgekit.agreement.chance.coefficients import alpha, brennan_prediger, gwet, kappa, percent
from judgekit.agreement.chance.profile import coverage, kappa_profile
from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.models.bland import bland_altman, ccc
from judgekit.agreement.models.icc import FORMS, icc, iccs
from judgekit.agreement.published.rankings import kendall_w
from judgekit.errors import InputError
from judgekit.scales import Labels
from judgekit.types import Estimate

CASES: dict[str, list[list[Any]]] = {
    "constant and equal": [[3, 3], [3, 3], [3, 3]],
    "constant and different": [[1, 2], [1, 2], [1, 2]],
    "one constant": [[1, 1], [1, 2], [1, 1], [1, 2]],
    "one rater rates": [[1, None], [2, None], [3, None]],
    "no unit in common": [[1, None], [None, 2]],
    "all missing": [[None, None], [None, None]],
    "one unit": [[1, 2]],
    "one unit in common": [[1, 1], [2, None], [None, 3]],
    "two units": [[1, 1], [2, 2]],
    "nan among numbers": [[1.0, nan], [2.0, 2.0], [3.0, 1.0]],
    "more raters, mostly missing": [[1, None, None], [None, 2, None], [None, None, 3]],
    "more raters, constant": [[2, 2, 2], [2, 2, None]],
    "one rater": [[1], [2], [3]],
}
WIDE = list(range(1, 21))


def estimates_of(found: Any) -> list[Estimate]:
    if isinstance(found, Estimate):
        return [found]
    if is_dataclass(found):
        return [each for f in fields(found) for each in estimates_of(getattr(found, f.name))]
    if isinstance(found, list | tuple):
        return [each for part in found for each in estimates_of(part)]
    return []


@pytest.mark.parametrize("scale", [["1", "2", "3"], [1, 2, 3], WIDE], ids=["labels", "numbers", "wide"])
@pytest.mark.parametrize("case", CASES)
def test_every_statistic_answers(case, scale):
    ratings = as_ratings(CASES[case], scale=scale)

    found = [*headline(ratings, b=40), *all_coefficients(ratings, b=40)]
    found += [kendall_w(ratings), *iccs(ratings, list(FORMS), b=40)]
    if ratings.n_raters <= 2:
        found += estimates_of([ccc(ratings), bland_altman(ratings)])
    if ratings.n_raters == 2:
        found += estimates_of([kappa_profile(ratings), marginal_homogeneity(ratings), coverage(ratings)])
    found += [percent(ratings, interval=kind) for kind in ("t", "fisher_z", "bca", "percentile", "none")]
    found += [alpha(ratings, resample=("unit", "rater"), b=100), gwet(ratings, interval="bca", b=100)]

    for each in found:
        assert type(each.value) is float, each
        assert isnan(each.value) == each.status.startswith("undefined:"), each
        assert isnan(each.low) == isnan(each.high), each
        assert isnan(each.low) or each.low <= each.value <= each.high or each.interval.startswith("perc"), (
            each
        )
        assert isnan(each.value) or not np.isinf(each.value), each
        assert {type(end) for end in (each.low, each.high, each.se)} == {float}, each
        assert each.n_used + each.n_dropped == each.n_units, each


@pytest.mark.parametrize(
    ("case", "cohen", "agreement"),
    [
        ("constant and equal", "undefined:no_variation", 1.0),
        ("constant and different", "ok_degenerate", 0.0),
        ("one constant", "ok_degenerate", 0.5),
        ("one rater rates", "undefined:needs_two_raters", nan),
        ("no unit in common", "undefined:no_paired_items", nan),
        ("all missing", "undefined:needs_two_raters", nan),
        ("one unit", "undefined:too_few", nan),
        ("one unit in common", "undefined:too_few", nan),
        ("one rater", "undefined:needs_two_raters", nan),
    ],
)
def test_why_there_is_no_kappa(case, cohen, agreement):
    ratings = as_ratings(CASES[case], scale=[1, 2, 3])

    assert kappa(ratings).status == cohen
    assert percent(ratings).value == pytest.approx(agreement, nan_ok=True)


def test_a_constant_kappa_is_zero_without_an_interval():
    estimate = kappa(CASES["one constant"], scale=[1, 2, 3])

    assert estimate.value == 0.0
    assert estimate.interval == "none"
    assert isnan(estimate.low)


def test_chance_that_does_not_rest_on_the_labels_used_is_defined_without_variation():
    constant = as_ratings([[3, 3], [3, 3], [3, 3]], scale=[1, 2, 3])

    assert gwet(constant).value == brennan_prediger(constant).value == 1.0
    assert gwet(constant).status == "ok_degenerate"
    assert isnan(alpha(constant).value)


@pytest.mark.parametrize("coefficient", [kappa, alpha, gwet, percent])
def test_one_cluster_is_no_interval(coefficient):
    ratings = as_ratings([[0, 0], [1, 1], [0, 1]] * 10, scale=[0, 1], clusters=["a"] * 30)

    found = coefficient(ratings)

    assert (found.status, found.interval) == ("ok_degenerate", "none")
    assert isnan(found.low)
    assert any("1 clusters" in note for note in found.notes)


def test_few_of_the_rarer_label_make_an_interval_unstable():
    nine = [[1, 1]] * 60 + [[0, 0]] * 8 + [[0, 1]] + [[1, 0]]
    eleven = [[1, 1]] * 60 + [[0, 0]] * 10 + [[0, 1]] + [[1, 0]]

    assert kappa(nine, scale=[0, 1]).status == "unstable:few_minority"
    assert kappa(eleven, scale=[0, 1]).status == "ok"


def test_the_reference_is_the_one_whose_rare_labels_count():
    # The judge says "1" to nearly all; people found enough of both.
    cells = [[1, 1]] * 40 + [[0, 1]] * 35 + [[0, 0]] * 5
    ratings = as_ratings(cells, scale=[0, 1], raters=["people", "judge"])

    assert kappa(ratings).status == "unstable:few_minority"
    assert kappa(ratings, reference="people").status == "ok"


@pytest.mark.parametrize("cells", [[[1, np.inf]], [[1.0, -np.inf], [2.0, 1.0]], [["1", "inf"]]])
def test_infinity_is_refused_by_row_and_column(cells):
    with pytest.raises(InputError, match=r"unit 0, rater 1.*inf"):
        as_ratings(cells, scale=[1, 2])
    if not isinstance(cells[0][1], str):
        with pytest.raises(InputError, match="infinity"):
            icc(cells)


def test_integers_and_their_digits_are_the_same_label():
    assert as_ratings([["1", 1], [2, "2"]], scale=["1", "2"]).codes.tolist() == [[0, 0], [1, 1]]
    assert as_ratings([["1", 1], [2, "2"]], scale=[1, 2]).codes.tolist() == [[0, 0], [1, 1]]


def test_the_number_one_is_the_label_one_and_not_the_label_worth_one():
    scale = Labels(labels=("1", "2", "3"), kind="interval")

    assert as_ratings([[1, 2]], scale=scale).codes.tolist() == [[0, 1]]
    assert as_ratings([["1", 2]], scale=scale).codes.tolist() == [[0, 1]]


def test_labels_of_any_script_in_either_normal_form():
    scale = ["schlecht", "möglich", "良い"]  # noqa: RUF100 - plain text

    assert as_ratings([["mo\u0308glich", "良い"]], scale=scale).codes.tolist() == [[1, 2]]


@pytest.mark.parametrize("cell", ["maybe", True, 3, 1.5, object()])
def test_a_label_off_the_scale_is_named_with_its_row_and_column(cell):
    with pytest.raises(InputError, match=r"unit 1, rater 0: .* is not on the scale"):
        as_ratings([[1, 2], [cell, 1]], scale=["1", "2"])


def test_frames_give_their_raters_and_their_gaps():
    frame = pd.DataFrame({"people": ["yes", None, "no"], "judge": pd.array(["yes", "no", pd.NA])})

    ratings = as_ratings(frame, scale=["no", "yes"])

    assert ratings.raters == ("people", "judge")
    assert ratings.codes.tolist() == [[1, 1], [-1, 0], [0, -1]]


def test_raw_ratings_need_their_scale():
    with pytest.raises(InputError, match="need their scale"):
        kappa([[1, 1], [2, 2]])
