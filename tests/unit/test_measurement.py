"""Leniency, severity, range use, retest, ratings against rankings, conflicts, variance parts."""

import math

import numpy as np
import pytest

from judgekit.agreement.bias.range_use import anchoring, deming_slope, halo, range_use, scale_use
from judgekit.agreement.bias.repeats import repeatability
from judgekit.agreement.bias.severity import (
    confidence_gap,
    criterion_validity,
    leniency,
    leniency_model,
    panel_severity,
    signed_error,
    system_gaps,
)
from judgekit.agreement.bias.slices import metric_conflicts
from judgekit.agreement.models.dstudy import gap, variance_parts
from judgekit.agreement.published.rankings import implied, ratings_against_rankings
from judgekit.errors import InputError

FIVE = [1, 2, 3, 4, 5]


# Leniency. The published rates of a lenient and of a lexical judge, from "Judging the Judges".
@pytest.mark.parametrize(("p_c", "p_plus"), [(0.781, 0.918), (0.777, 0.037), (0.636, 0.199)])
def test_the_leniency_model_is_inverted(p_c, p_plus):
    tpr, fpr = p_c + (1 - p_c) * p_plus, (1 - p_c) * p_plus

    assert leniency_model(tpr, fpr) == pytest.approx((p_c, p_plus))


def test_a_planted_lenient_judge():
    rng = np.random.default_rng(0)
    human = (rng.random(3000) < 0.7).astype(float)
    judge = np.where(rng.random(3000) < 0.8, human, rng.random(3000) < 0.9).astype(float)
    p_c, p_plus = leniency(judge, human, seed=1, b=300)

    assert p_c.low < 0.8 < p_c.high
    assert p_plus.low < 0.9 < p_plus.high


@pytest.mark.parametrize(
    ("judge", "human", "status"),
    [
        ([1, 1, 0, 0], [1, 1, 1, 1], ("undefined:no_variation",) * 2),
        ([], [], ("undefined:no_variation",) * 2),
        ([0, 0, 1, 1], [1, 1, 0, 0], ("undefined:not_identified",) * 2),
        ([1, 1, 0, 0], [1, 1, 0, 0], ("unstable:few_minority", "undefined:not_identified")),
        ([1, 1, 1, 1], [1, 1, 0, 0], ("unstable:few_minority",) * 2),
    ],
)
def test_where_leniency_is_undefined(judge, human, status):
    found = leniency(judge, human, seed=1, b=50)

    assert tuple(e.status for e in found) == status
    assert all(math.isnan(e.value) == e.status.startswith("undefined") for e in found)


def test_an_unread_reply_is_no_incorrect():
    p_c, _ = leniency([1, None, 0, 1], [1, 1, 0, 0], seed=1, b=20)

    assert (p_c.n_used, p_c.n_dropped) == (3, 1)
    with pytest.raises(InputError, match="unit 0 is 2"):
        leniency([2], [1], seed=1)


def test_gaps_of_systems_and_their_order():
    judge = [1, 1, 1, 0, 1, 0, 0, 0, None]
    human = [1, 1, 0, 0, 0, 0, 0, 0, 1]
    found = system_gaps(judge, human, ["a"] * 4 + ["b"] * 4 + ["c"])

    assert (found.gaps["a"].value, found.gaps["b"].value) == (0.25, 0.25)
    assert found.gaps["c"].status == "undefined:too_few"
    assert (found.spearman, found.mean_absolute) == pytest.approx((1.0, 0.25))


# Signed error and validity.
def test_signed_error_sees_what_correlation_does_not():
    rng = np.random.default_rng(0)
    human = rng.integers(1, 5, 200).astype(float)
    found = signed_error(human + 1 + 0.1 * rng.normal(size=200), human)

    assert found.low < 1.0 < found.high
    assert signed_error([1], [1]).status == "undefined:too_few"


def test_panel_severity_and_its_shrinkage():
    rng = np.random.default_rng(0)
    truth = np.array([0.5, 0.0, -0.5])
    x = rng.normal(size=(200, 1)) + truth + 0.3 * rng.normal(size=(200, 3))
    seen, shrunk = panel_severity(x)

    # A rater is compared with the others' mean: 0.5 - (0 - 0.5)/2 = 0.75.
    assert [e.value for e in seen] == pytest.approx([0.75, 0.0, -0.75], abs=0.1)
    assert all(abs(s.value) <= abs(e.value) for s, e in zip(shrunk, seen, strict=True))
    alike = panel_severity(rng.normal(size=(30, 4)))
    assert all(abs(s.value) < 0.5 * abs(e.value) + 0.05 for s, e in zip(alike[1], alike[0], strict=True))
    # What is kept of a value is kept of its variance.
    for s, e in zip(shrunk, seen, strict=True):
        assert s.se == pytest.approx(e.se * math.sqrt(s.value / e.value))
    assert all(s.se < e.se for s, e in zip(*reversed(alike), strict=True) if s.se > 0)
    assert panel_severity([[1.0], [2.0]])[0][0].status == "undefined:needs_two_raters"


def test_overconfidence():
    found = confidence_gap([0.9] * 40, [1, 0] * 20)

    assert found.value == pytest.approx(0.4)
    with pytest.raises(InputError, match="unit 0 is 9"):
        confidence_gap([9], [1])


def test_criterion_validity():
    rng = np.random.default_rng(0)
    score = rng.normal(size=300)
    clicked = (rng.random(300) < 1 / (1 + np.exp(-score))).astype(float)
    auc = criterion_validity(score, clicked, kind="auc", b=100)
    wins = score[clicked == 1][:, None] > score[clicked == 0][None, :]

    assert auc.value == pytest.approx(wins.mean())
    assert auc.low < auc.value < auc.high
    assert criterion_validity(score, score**3).value == pytest.approx(1.0)
    assert criterion_validity([1, 1], [2, 3]).status == "undefined:no_variation"
    with pytest.raises(InputError, match="0 or 1"):
        criterion_validity([1], [2], kind="auc")


# Range use.
def test_scale_use_by_hand():
    use = scale_use([50, 55, 60, 62, None], values=range(101))

    assert use.n == 4
    assert use.range_share == pytest.approx(0.12)
    assert use.unused == pytest.approx(97 / 101)
    assert use.heaping == {5: 0.75, 10: 0.5}
    assert use.extremes == 0
    assert not scale_use([4] * 19 + [5], values=FIVE).informative
    assert math.isnan(scale_use([], values=FIVE).entropy)
    with pytest.raises(InputError, match=r"score 4\.5"):
        scale_use([4.5], values=FIVE)


def test_deming_is_symmetric_and_least_squares_is_not():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    x, y = truth + 0.7 * rng.normal(size=2000), truth + 0.7 * rng.normal(size=2000)

    assert deming_slope(y, x) == pytest.approx(1 / deming_slope(x, y))
    assert deming_slope(y, x) == pytest.approx(1.0, abs=0.08)
    assert np.polyfit(x, y, 1)[0] < 0.75
    assert math.isnan(deming_slope([1, 1], [1, 2]))


def test_central_tendency_is_seen():
    rng = np.random.default_rng(0)
    human = rng.integers(1, 6, 400)
    judge = np.clip(np.round(3 + 0.4 * (human - 3) + 0.3 * rng.normal(size=400)), 1, 5)
    found = range_use(judge, human, values=FIVE, seed=1, b=200)

    assert found["deming_slope"].high < 0.7
    assert found["sd_ratio"].high < 0.7
    assert found["entropy_difference"].high < 0
    assert found["extremes_difference"].high < 0
    assert found["unused_difference"].value > 0


@pytest.mark.parametrize(
    ("judge", "status"), [([3, 3, 3], "undefined:no_variation"), ([None] * 3, "undefined:no_paired_items")]
)
def test_range_use_of_nothing(judge, status):
    found = range_use(judge, [1, 2, 3], values=FIVE, seed=1, b=20)

    assert found["deming_slope"].status == status


def test_halo_and_anchoring():
    rng = np.random.default_rng(0)
    human = rng.normal(size=(300, 3))
    judge = human + 2 * rng.normal(size=(300, 1))
    found = halo(judge, human, seed=1, b=50)
    walk = rng.normal(size=600)
    for i in range(1, 600):
        walk[i] += 0.5 * walk[i - 1] if i % 20 else 0.0
    anchored = anchoring(walk, [i // 20 for i in range(600)])

    assert found.low > 0.5
    assert anchored.low < 0.5 < anchored.high
    assert halo([[1, 1]], [[1, 1]], seed=1).status == "undefined:no_variation"
    assert anchoring([1, 2], ["a", "b"]).status == "undefined:no_paired_items"


# Test-retest.
def test_repeats_by_hand():
    found = repeatability([[1, 1, 2], [3, 3, 3], [5, None, None]], seed=1, b=50)

    assert found["flip_rate"].value == pytest.approx(1 / 3)
    assert found["repeat_agreement"].value == pytest.approx(2 / 3)
    assert found["all_same"].value == 0.5
    assert found["sem"].value == pytest.approx(math.sqrt((2 / 3) / 4))
    assert found["smallest_detectable_change"].value == pytest.approx(2.7718 * found["sem"].value, rel=1e-4)
    assert found["sem"].n_dropped == 1


def test_equal_repeats_are_all_the_same_with_a_gap_too():
    found = repeatability([[0.1, 0.1, 0.1, math.nan]] * 5 + [[0.1, 0.2, math.nan, 0.1]] * 5, seed=0, b=20)

    assert found["all_same"].value == 0.5


def test_icc_of_repeats_with_and_without_gaps():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 1)) + 0.5 * rng.normal(size=(80, 4))
    full = repeatability(x, seed=1, b=100)["icc_repeats"]
    x[rng.random(x.shape) < 0.1] = np.nan
    gaps = repeatability(x, seed=1, b=100)["icc_repeats"]

    assert full.low < 0.8 < full.high
    assert gaps.value == pytest.approx(full.value, abs=0.05)
    assert "REML" in gaps.method


@pytest.mark.parametrize(
    ("repeats", "flips", "icc"),
    [
        ([[1, 1], [1, 1]], "ok_degenerate", "undefined:no_variation"),
        ([[1], [2]], "undefined:too_few", "undefined:too_few"),
        ([[None, None]], "undefined:too_few", "undefined:too_few"),
        ([[1, 2]], "ok_degenerate", "undefined:too_few"),
    ],
)
def test_repeats_that_say_nothing(repeats, flips, icc):
    found = repeatability(repeats, seed=1, b=50)

    assert (found["flip_rate"].status, found["icc_repeats"].status) == (flips, icc)


# Ratings against rankings.
def test_the_table_of_ratings_and_rankings():
    first, second = [4, 4, 3, 2, 2, 5], [3, 4, 3, 4, 4, None]
    found = ratings_against_rankings(first, second, [1, 1, 0.5, 0, 1, 1])

    assert found.table == ((1, 0, 0), (1, 1, 0), (1, 0, 1))
    assert found.consistency.value == pytest.approx(3 / 5)
    assert found.decisive.value == pytest.approx(2 / 3)
    assert (found.rating_ties.value, found.ranking_ties.value) == (0.4, 0.2)
    assert (found.consistency.n_used, found.consistency.n_dropped) == (5, 1)


def test_a_reversal():
    # 0.45 by ratings with many ties, 0.7 by rankings.
    rating = [1] * 30 + [0] * 40 + [0.5] * 30
    found = ratings_against_rankings(rating, [0.5] * 100, [1] * 70 + [0] * 30, clusters=list(range(100)))

    assert found.reversal
    assert not found.reversal_certain
    assert found.ranking_wins.low > 0.5
    certain = ratings_against_rankings([0] * 90 + [1] * 10, [0.5] * 100, [1] * 90 + [0] * 10)
    assert certain.reversal_certain


def test_floating_ties_are_ties_and_disagreeing_orders_are_equal():
    assert implied([0.3 - 0.2], [0.2 - 0.1]).tolist() == [0.5]


def test_no_pair_has_both():
    found = ratings_against_rankings([None], [1], [1])

    assert found.consistency.status == "undefined:no_paired_items"
    assert found.decisive.status == "undefined:no_paired_items"
    assert not found.reversal


# Conflicts.
def test_a_metric_and_a_judge_that_are_sure_of_opposite_things():
    rng = np.random.default_rng(0)
    base = rng.normal(size=200)
    first = {"judge": base + 0.5, "rouge": base, "flat": base}
    second = {
        "judge": base + 0.3 * rng.normal(size=200),
        "rouge": base + 0.5 + 0.3 * rng.normal(size=200),
        "flat": base + rng.normal(size=200),
    }
    judge, rouge, flat = metric_conflicts(first, second, judge="judge", most=5)

    assert (judge.better, judge.finding) == ("first", "agree")
    assert (rouge.better, rouge.finding) == ("second", "conflict")
    assert flat.better == "undecided"
    assert flat.finding in {"opposite_but_unsure", "undecided"}
    assert len(rouge.review) == 5
    d = (first["rouge"] - second["rouge"])[list(rouge.review)]
    assert np.all(d * (first["judge"] - second["judge"])[list(rouge.review)] < 0)
    with pytest.raises(InputError, match="are needed"):
        metric_conflicts({"a": [1]}, {"a": [1]}, judge="b")


def test_equal_differences_make_nobody_sure():
    [_, metric] = metric_conflicts({"j": [0.1] * 3, "m": [0] * 3}, {"j": [0] * 3, "m": [0.1] * 3}, judge="j")

    assert (metric.better, metric.finding) == ("undecided", "opposite_but_unsure")


def test_a_difference_by_rounding_points_to_no_system():
    first, second = {"j": [0.3, 0.3, 0.3], "m": [3, 1, 2]}, {"j": [0.1 + 0.2, 0.3, 0.3], "m": [2, 2, 1]}

    [judge, metric] = metric_conflicts(first, second, judge="j")

    assert judge.difference.value == 0.0
    assert metric.review == ()
    assert signed_error(first["j"], second["j"]).value == 0.0
    assert confidence_gap(second["j"], first["j"]).value == 0.0


def test_a_conflict_of_nothing_is_undecided():
    [found] = metric_conflicts({"judge": [None, 1]}, {"judge": [1, None]}, judge="judge")

    assert (found.better, found.finding, found.review) == ("undecided", "undecided", ())


# Variance parts.
def test_parts_of_a_run_and_their_shares():
    rng = np.random.default_rng(0)
    i, j, o, s = (each.ravel() for each in np.indices((50, 2, 2, 2)))
    y = rng.normal(size=50)[i] + 0.3 * o + 0.5 * rng.normal(size=(50, 2))[i, j] + 0.4 * rng.normal(size=400)
    found = variance_parts(y, {"item": i, "judge": j, "order": o, "sample": s}, seed=1, b=50)
    shares = {e.name: e for e in found.shares}

    assert sum(e.value for e in found.shares) == pytest.approx(1.0)
    assert shares["share:item"].low < shares["share:item"].value < shares["share:item"].high
    assert shares["share:order"].interval == "none"
    assert found.one_call.universe == found.study.components["item"]
    assert not any(name.startswith("share:sample") for name in shares)


def test_parts_of_nothing():
    found = variance_parts([1, 1], {"item": [1, 2]}, seed=1)

    assert {e.status for e in (*found.variances, *found.shares)} == {"undefined:no_variation"}


def test_a_gap_counts_items_not_calls():
    y = [1, 1, 0, 0, 1, 1, 0.5, 0.5]
    systems, items = ["a", "a", "b", "b"] * 2, [1, 1, 1, 1, 2, 2, 2, 2]
    found = gap(y, systems, items, first="a", second="b")

    assert found.value == 0.75
    assert found.n_used == 2
    assert found.se == pytest.approx(0.25)
    with pytest.raises(InputError, match="no system 'c'"):
        gap(y, systems, items, first="a", second="c")
    none = gap([1, 1], ["a", "b"], [1, 2], first="a", second="b")
    assert none.status.startswith("undefined")
