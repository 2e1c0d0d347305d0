"""Known answers of the published recipes, and traps of their reference code, a test each."""

import json
import math
from itertools import product
from statistics import fmean

import numpy as np
import pytest

import judgekit as jk
from judgekit.calibration import balanced_scores
from judgekit.protocols.same import same_answer, same_number
from judgekit.recipes.funnel import Prior, debiased, fit_prior
from judgekit.recipes.gaps import PENALTY, gaps_vote, penalty_of, points, severity
from judgekit.recipes.paired import votes
from judgekit.recipes.points import (
    ANSWERS,
    BLOCKED,
    COVERED,
    confident_credit,
    covered,
    majority_of_samples,
    mean_credit,
    three_counts,
)
from judgekit.review import route
from judgekit.rubric import Rubric, load_rubric
from judgekit.scales import YES_NO, Numbers, settle
from judgekit.types import Abstention, Item, Reply, Unit, Verdict

UNIT = Unit("1", ("x",))
ITEM = Item("1", "t", {"x": "r"})


def said(rater, label, *, cid="c", scale=YES_NO, sample=0, unit=UNIT, shown=(), **more):
    probs, name, value = settle(scale, {label: 1.0})
    return Verdict(rater, unit, cid, probs, name, value, sample=sample, shown=shown, **more)


def lost(rater, *, cid="c", reason="malformed", unit=UNIT, sample=0, shown=()):
    return Abstention(rater, unit, cid, reason, sample=sample, shown=shown)


def rubric(*ids, scale="yes_no", **more):
    return Rubric(id="r", criteria=[{"id": c, "text": f"{c}?", "scale": scale} for c in ids], **more)


# GAPS: unknown is dropped; fewer than two valid -> review; majority of at least two, else review.
@pytest.mark.parametrize("votes", list(product(("yes", "no", None), repeat=3)))
def test_the_truth_table_of_the_gaps_vote(votes):
    outcomes = [said(f"j{i}", v) if v else lost(f"j{i}") for i, v in enumerate(votes)]
    valid = [v for v in votes if v]
    expected = next((v for v in ("yes", "no") if valid.count(v) >= 2), None)

    outcome = gaps_vote(outcomes, YES_NO)

    if expected is None:
        assert isinstance(outcome, Abstention)
        assert outcome.detail.startswith("review needed")
    else:
        assert outcome.label == expected


def test_gaps_points_are_those_of_the_rubric_and_of_one_table_only():
    by_level = {c.dimension: c.weight for c in load_rubric("clinical_checklist").leaves}

    assert by_level == {"A1": 5, "A2": 3, "A3": 1, "S1": -1, "S2": -2, "S3": -3, "S4": -4}


def test_gaps_makes_no_confidence_up():
    outcome = gaps_vote([said(j, "yes") for j in "abc"], YES_NO)

    assert outcome.confidence is None


def test_gaps_arithmetic():
    # 5 + 3 won, a dangerous statement (-4): 4 of 14 positive points; below 0 is 0.
    assert points(8, 4, 14) == pytest.approx(4 / 14)
    assert points(1, 4, 14) == 0.0


@pytest.mark.parametrize(
    ("grades", "conservative", "majority", "average"),
    [
        ([1, 1, 4], 4, 1, 2), ([1, 2, 2], 2, 2, 2), ([1, 2, 3], 3, 2, 2), ([1, 3], 3, 2, 2),
        ([2, 3], 3, 3, 3), ([4, 4, 1], 4, 4, 3), ([3], 3, 3, 3),
    ],
)  # fmt: skip
def test_the_three_votes_on_severity(grades, conservative, majority, average):
    votes = [severity(grades, vote) for vote in ("conservative", "majority", "average")]

    assert votes == [conservative, majority, average]


def test_gim_is_the_plain_mean_and_confidence_counts_only_by_name():
    credit = Numbers(low=0, high=1)
    own = rubric("a", "b", scale={"low": 0, "high": 1})
    outcomes = [
        said("j", "1", cid="a", scale=credit, confidence=0.5),
        said("j", "0.5", cid="b", scale=credit, confidence=1.0),
    ]

    plain, published = (
        next(s.value for s in aggregate(own, ITEM, outcomes) if s.level == "rubric")
        for aggregate in (mean_credit, confident_credit)
    )

    assert plain == 0.75
    assert published == fmean([1 * 0.5, 0.5 * 1.0]) == 0.5


def test_gim_a_judge_that_failed_is_missing_and_not_0():
    own = rubric("a", "b", scale={"low": 0, "high": 1})
    outcomes = [said("j", "1", cid="a", scale=Numbers(low=0, high=1)), lost("j", cid="b")]

    [score] = [s for s in mean_credit(own, ITEM, outcomes) if s.level == "rubric"]

    assert (score.value, score.share, score.n_abstained) == (None, 0.5, {"malformed": 1})


def test_the_closed_form_of_gim_equals_least_squares():
    # y_j = a_j (theta - b_j) + e: theta = sum a (y + a b) / sum a^2 (section 4.1), a one-column regression.
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.3, 4, 40), rng.normal(0, 3, 40)
    y = a * (1.3 - b) + rng.normal(0, 2.5, 40)

    closed = float((a * (y + a * b)).sum() / (a**2).sum())

    assert closed == pytest.approx(float(np.linalg.lstsq(a[:, None], y + a * b, rcond=None)[0][0]))


def test_drb2_blocked_counts_as_not_met_and_is_counted_apart():
    own = rubric(*"abcd", scale={"labels": list(BLOCKED.labels), "values": [0, 0, 1], "kind": "nominal"})
    labels = ("met", "met", "absent", "blocked")
    outcomes = [said("j", label, cid=c, scale=BLOCKED) for c, label in zip("abcd", labels, strict=True)]

    scores = {s.name: s.value for s in three_counts(own, ITEM, outcomes)}

    assert scores["r"] == 0.5
    assert [scores[f"count:{n}"] for n in ("met", "absent", "blocked")] == [0.5, 0.25, 0.25]


def test_drb2_a_point_that_was_not_judged_is_in_none_of_the_counts():
    own = rubric("a", "b", scale={"labels": list(BLOCKED.labels), "values": [0, 0, 1], "kind": "nominal"})

    scores = three_counts(own, ITEM, [said("j", "met", cid="a", scale=BLOCKED), lost("j", cid="b")])
    total = next(s for s in scores if s.level == "rubric")

    assert (total.value, total.share) == (1.0, 0.5)


@pytest.mark.parametrize(("aggregate", "scale"), [(three_counts, BLOCKED), (covered, COVERED)])
def test_no_count_carries_the_interval_of_the_weighted_score(aggregate, scale):
    weights = {"a": 5, "b": 1}
    own = Rubric(
        id="r",
        criteria=[{"id": c, "text": f"{c}?", "weight": w, "scale": scale} for c, w in weights.items()],
    )
    low, high = scale.labels[0], scale.labels[-1]
    outcomes = [
        said(judge, label, cid=cid, scale=scale)
        for judge, labels in (("j", (high, low)), ("k", (low, low)))
        for cid, label in zip("ab", labels, strict=True)
    ]

    placed = [s for s in aggregate(own, ITEM, outcomes) if s.level != "criterion"]

    assert next(s.value for s in placed if s.level == "rubric") == 0.25
    assert {(s.low, s.high, *s.spread) for s in placed} == {(None, None)}


def test_researchqa_labels_are_worth_x_less_1_over_4():
    assert [COVERED.value(label) for label in COVERED.labels] == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("weight", "chosen", "value"), [(5.0, "x", 1.0), (5.0, "first", 0.0), (1.0, "x", 0.5)]
)
def test_researchqa_adds_labels_and_a_weight_for_each_order_won(weight, chosen, value):
    """12 labels against 14, and two orders, one each, or two that are worth 1: 22 : 14, 17 : 19, 14 : 14."""
    covered = {"x": [5, 3, 4], "y": [5, 5, 4]}

    def said(call):
        if len(call.shown) == 2:
            return "A" if chosen in ("first", call.shown[0]) else "B"
        [name] = call.shown
        return {ask.called: COVERED.labels[covered[name][i] - 1] for i, ask in enumerate(call.asks)}

    rubric = {"id": "r", "criteria": [{"id": f"c{i}", "text": f"{i}?"} for i in range(3)]}
    items = [{"id": "1", "task": "t", "responses": {"x": "1", "y": "2"}}]
    settings = {"weight": weight}
    run = jk.score(
        items, rubric, jk.Scripted("j", said), recipe="researchqa-pairs", settings=settings, ledger=None
    )

    assert [s.value for s in run.scores if len(s.unit.responses) == 2] == [value]


def test_researchqa_one_bad_batch_is_missing_and_the_item_is_kept():
    many = Rubric(id="r", criteria=[{"id": f"c{i:02}", "text": f"{i}?"} for i in range(10)])

    def judge(call):
        if len(call.asks) < 8:
            return "hm\nhm"
        return json.dumps(
            {"answers": [{"id": c, "label": COVERED.labels[2]} for c in [ask.criterion for ask in call.asks]]}
        )

    items = [{"id": "1", "task": "t", "response": "r"}]
    run = jk.score(items, many, jk.Scripted("j", judge), recipe="researchqa", ledger=None)

    total = next(s for s in run.scores if s.level == "rubric")
    assert (total.value, total.share, total.n_abstained) == (0.5, 0.8, {"malformed": 2})


def test_sata_debiasing_divides_the_prior_out():
    # A judge drawn to the first letter 3 to 1: it says (.6, .4) where it means (1/3, 2/3).
    prior = fit_prior([[[0.75, 0.25], [0.75, 0.25]]])

    assert prior.shares == pytest.approx((0.75, 0.25))
    assert debiased([0.6, 0.4], prior.of(2)) == pytest.approx([1 / 3, 2 / 3])


def test_sata_contents_that_go_round_the_letters_cancel_in_the_prior():
    prior = fit_prior([[[0.7, 0.2, 0.1], [0.2, 0.1, 0.7], [0.1, 0.7, 0.2]]])

    assert prior.shares == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert Prior((0.5, 0.3, 0.2)).of(2) == pytest.approx((0.625, 0.375))


@pytest.mark.parametrize(
    ("grades", "penalty"),
    [
        (["undecided", "undecided"], 0), (["refused", "refused"], None), (["undecided", "refused"], 0),
        (["S2", "undecided"], 2), ([], 0),
    ],
)  # fmt: skip
def test_gaps_what_all_judges_call_covered_costs_nothing_and_what_none_graded_is_unknown(grades, penalty):
    # `covered` is the label of the severity scale that has no value, so it comes as undecided.
    unit = Unit("1", ("a",), "u1")
    outcomes = [
        Verdict(rater, unit, "unlisted", ((said, 1.0),), said, 0.0)
        if said in PENALTY
        else Abstention(rater, unit, "unlisted", said)
        for rater, said in zip("xy", grades, strict=False)
    ]

    assert penalty_of(outcomes) == penalty


@pytest.mark.parametrize(
    ("kind", "answer", "reference", "same"),
    [
        ("alphabet_option", "C", "(C).", True), ("alphabet_option", "A", "C", False),
        ("short_text", "The Danube.", "the danube", True), ("short_text", "The Inn", "the Danube", False),
        ("categorical_label", "NEUTRAL", "neutral", True),
        ("categorical_label", "positive", "neutral", False),
        ("math", r"\frac12", "0.5", True), ("math", r"\frac 1 2", "0.5", True),
        ("math", r"\frac{1}2", "0.5", True), ("math", r"\sqrt2", r"\sqrt{2}", True),
        ("math", "1{,}000", "1000", True), ("math", r"x\frac12", "x/2", True),
        ("math", r"\frac{\frac12}{3}", "1/6", True), ("math", r"\frac12", "0.4", False),
        ("math", "f(2)", "2g", False),
        ("math", r"\frac{3}{4}", "0.75", True), ("math", r"\dfrac{3}{4}", "0.75", True),
        ("math", "x = 2\\sqrt{3}", "sqrt(12)", True),
        ("math", "0.33", "1/3", False), ("math", "1,000", "1000", True), ("math", "(1, 2)", "(2, 1)", False),
        ("short_text", "[No valid answer]", "none", False),
    ],
)  # fmt: skip
def test_extracted_answers_are_compared_by_their_kind(kind, answer, reference, same):
    assert same_answer(kind, answer, reference) is same


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')", "9**9**9", "9" * 400, "().__class__", "[x for x in y]", "a" * 500,
        "((((9^64)^64)^64)^64)^64", "((x+y+z+w)^64)^64", "(10^290)^(10^290)", "(x+i)^(10^290)",
        "(x+y+z)^64-(x+z+y)^64*(sin(x)^64)",
        "exp(exp(exp(exp(3))))", "exp(-10^290)-exp(10^290)", "cos(i*10^200)",
        "9" * 300_000, "-" * 290 + "1", "(" * 250,
    ],
)  # fmt: skip
def test_no_text_is_evaluated_and_none_takes_for_ever(text):
    assert same_answer("math", text, "1") is False


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        ("((x+y+z)^8)^8", "(z+x+y)^64", True), ("2^100", "1267650600228229401496703205376", True),
        ("sin(x)^2 + cos(x)^2", "1", True), ("(x^2-1)/(x-1)", "1+x", True), ("3^x*3^y", "3^(x+y)", True),
        ("sqrt(x^2)", "x", False), ("log(exp(x))", "x", False), ("abs(x)", "x", False),
        ("sqrt(exp(-i*pi))", "i", True), ("(-8)^(1/3)", "1+i*sqrt(3)", True),
        ("1.414213562373095", "sqrt(2)", False), ("1+10^-64", "1", False), ("x", "y", False),
        ("1/(sqrt(2)^2-2)", "1", False), ("10^400", "10^400", True), ("10^400", "10^401", False),
    ],
)  # fmt: skip
def test_expressions_are_equal_if_their_values_are_wherever_they_are_looked_at(answer, reference, same):
    # Roots and logarithms are principal ones: sqrt(-1) is i, and log(exp(4 i)) is not 4 i. What is too
    # large to compute, or has no value, is compared as text.
    assert same_answer("math", answer, reference) is same


@pytest.mark.parametrize(
    ("response", "reference", "same"),
    [
        ("99.1", "100", True),
        ("99", "100", False),
        ("98-102", "100", False),
        ("0", "0", True),
        ("-5", "5", False),
    ],
)
def test_the_number_rule_of_answer_matching(response, reference, same):
    # |r - g| / mean < 1 %: .9 / 99.55 = .904 %, 1 / 99.5 = 1.005 %; a range never is a number.
    assert same_number(response, reference) is same


@pytest.mark.parametrize(
    ("text", "label"),
    [("Incorrect", "Incorrect"), ("Correct", "Correct"), ("verdict: incorrect.", "Incorrect")],
)
def test_incorrect_is_not_correct(text, label):
    judge = jk.Scripted("j", lambda _: text)
    items = [{"id": "1", "task": "t", "response": "r", "reference": "g"}]

    [outcome] = jk.score(items, None, judge, recipe="osq", ledger=None).outcomes

    assert outcome.label == label


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("yes", "yes", "no"), "yes"), (("no", "no", "yes"), "no"), (("yes", "no", "n/a"), "missing"),
        (("n/a", "n/a", "yes"), "undecided"), (("yes", None, None), "missing"), (("yes", "yes", None), "yes"),
        ((None, None, None), "malformed"),
    ],
)  # fmt: skip
def test_the_majority_of_reviewergpt(answers, expected):
    outcomes = [
        lost("j", sample=i) if a is None
        else lost("j", sample=i, reason="undecided") if a == "n/a"
        else said("j", a, sample=i, scale=ANSWERS)
        for i, a in enumerate(answers)
    ]  # fmt: skip

    outcome = majority_of_samples(outcomes, ANSWERS)

    assert (outcome.label if isinstance(outcome, Verdict) else outcome.reason) == expected


def test_faireval_dropped_samples_do_not_tilt_the_mean_to_an_order():
    # Slot bias 4: shown first, a response gets 4 more. One of the two orders lost two of three samples.
    pair = Unit("1", ("a", "b"))
    scale = Numbers(low=0, high=10)

    def reply(first, second, shown, sample):
        return [
            said("j", str(score), scale=scale, unit=Unit("1", (name,)), shown=shown, sample=sample)
            for name, score in (("a", first), ("b", second))
        ]

    outcomes = [o for s in range(3) for o in reply(8, 5, ("a", "b"), s)] + reply(4, 9, ("b", "a"), 0)

    assert balanced_scores(outcomes, unit=pair).label == "second"
    assert balanced_scores(outcomes, unit=pair, rule="published").label == "first"


def test_the_human_share_takes_the_pairs_whose_votes_disagree_most():
    scale = Numbers(low=0, high=10)

    def judged(name, flips):
        return [
            said("j", str(score), scale=scale, unit=Unit(name, (r,)), shown=order, sample=s)
            for order, s in product((("a", "b"), ("b", "a")), range(3))
            for r, score in (("a", 3 if flips and s == 0 else 7), ("b", 5))
        ]

    cases = route(votes(o for i in range(5) for o in judged(str(i), i == 3)))

    assert [case.unit.item_id for case in cases] == ["3"]
    assert cases[0].priority == pytest.approx(-(1 / 3 * math.log(1 / 3) + 2 / 3 * math.log(2 / 3)))


def test_prometheus_relative_asks_level_pairs_again_so_often_and_says_so():
    items = [{"id": "1", "task": "t", "responses": {"x": "1", "y": "2"}}]
    level = jk.Scripted("j", lambda _: '{"label": "3"}')

    run = jk.score(items, None, level, recipe="prometheus-relative", settings={"rounds": 2}, ledger=None)

    [pair] = [s for s in run.scores if len(s.unit.responses) == 2]
    assert run.summary["calls"] == 2 + 2 * 2
    assert (pair.value, pair.flags) == (0.5, ("resampled", "tied"))


def test_prometheus_relative_ends_where_the_grades_differ():
    items = [{"id": "1", "task": "t", "responses": {"x": "1", "y": "2"}}]

    def judge(call):
        return json.dumps({"label": "4" if call.shown == ("x",) and call.sample == 1 else "3"})

    run = jk.score(items, None, jk.Scripted("j", judge), recipe="prometheus-relative", ledger=None)

    [pair] = [s for s in run.scores if len(s.unit.responses) == 2]
    assert (run.summary["calls"], pair.value, pair.flags) == (4, 1.0, ("resampled",))


def test_prometheus_relative_counts_who_abstained_on_either_side():
    items = [{"id": "1", "task": "t", "responses": {"x": "1", "y": "2"}}]
    judge = jk.Scripted("j", lambda c: '{"label": "4"}' if c.shown == ("x",) else Reply(fault="refused"))

    run = jk.score(items, None, judge, recipe="prometheus-relative", ledger=None)

    [pair] = [s for s in run.scores if len(s.unit.responses) == 2]
    assert (pair.value, pair.n_verdicts, pair.n_abstained) == (None, 1, {"refused": 1})


TWO = {"id": "r", "criteria": [{"id": c, "text": f"Is it {c}?"} for c in ("kind", "short")]}


def relative_pair(answer, judges=("j",), **options):
    """The score of the one pair, where a call is answered by its judge, response, criterion and sample."""
    items = [{"id": "1", "task": "t", "responses": {"x": "1", "y": "2"}}]

    def judge(call):
        label = answer(call.judge, call.shown[0], call.asks[0][1], call.sample)
        return Reply(fault="refused") if label is None else json.dumps({"label": label})

    named = [jk.Scripted(name, judge) for name in judges]
    run = jk.score(items, TWO, named, recipe="prometheus-relative", ledger=None, **options)
    return next(s for s in run.scores if len(s.unit.responses) == 2)


def test_prometheus_relative_a_lost_grade_is_no_win():
    """Both are kind, y is not short, and whether x is short was not obtained."""

    def answer(_, response, cid, __):
        return None if (response, cid) == ("x", "short") else "yes" if cid == "kind" else "no"

    pair = relative_pair(answer)

    assert (pair.value, pair.n_verdicts, pair.n_abstained) == (None, 3, {"refused": 1})


def test_prometheus_relative_a_judge_that_failed_on_one_side_is_no_win():
    def answer(judge, response, *_):
        return "yes" if judge == "kind" else None if response == "x" else "no"

    assert relative_pair(answer, ("kind", "strict")).value is None


def test_prometheus_relative_a_new_grade_is_never_compared_with_an_old_one():
    def answer(_, response, __, sample):
        return "yes" if sample == 0 else None if response == "x" else "no"

    pair = relative_pair(answer)

    assert (pair.value, pair.flags) == (None, ("resampled",))


def test_prometheus_relative_a_lost_sample_leaves_the_grade_of_the_others():
    # y: kind .5 (yes, no), short 0 (no, lost); the two criteria weigh the same, so .25 and not 1 of 3.
    def answer(_, response, cid, sample):
        if response == "x":
            return "yes" if (cid, sample) == ("kind", 0) else "no"
        return None if (cid, sample) == ("short", 1) else "yes" if (cid, sample) == ("kind", 0) else "no"

    assert relative_pair(answer, samples=2, settings={"rounds": 0}).value == 0.5
