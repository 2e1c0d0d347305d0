import math
from dataclasses import replace

import pytest

from judgekit.calibration import balance, balanced_scores
from judgekit.errors import InputError
from judgekit.recipes.paired import votes
from judgekit.review import route
from judgekit.scales import YES_NO, Labels
from judgekit.types import Abstention, Unit, Verdict

PAIR = Unit("1", ("a", "b"))
AB, BA = ("a", "b"), ("b", "a")
NO_TIE = Labels(labels=("second", "first"))
VALUES = {"first": 1.0, "tie": 0.5, "second": 0.0}


def said(shown=AB, sample=0, rater="j", unit=PAIR, **probs):
    value = sum(p * VALUES[label] for label, p in probs.items())
    label = max(probs, key=probs.get)
    return Verdict(rater, unit, "better", tuple(probs.items()), label, value, shown=shown, sample=sample)


def lost(reason="malformed", shown=AB, sample=0, rater="j", unit=PAIR):
    return Abstention(rater, unit, "better", reason, shown=shown, sample=sample)


def scored(first, second, shown=AB, sample=0):
    """Two scores in one reply; None where one could not be read."""
    for response, value in (("a", first), ("b", second)):
        unit = Unit("1", (response,))
        if value is None:
            yield lost("missing", shown, sample, unit=unit)
        else:
            yield Verdict(
                "j", unit, "better", ((str(value), 1.0),), str(value), value, shown=shown, sample=sample
            )


def test_each_response_winning_where_it_is_shown_first_is_a_tie():
    balanced = balance([said(AB, first=1.0), said(BA, second=1.0)])

    assert (balanced.label, balanced.value, balanced.shown) == ("tie", 0.5, ())
    assert dict(balanced.probs) == {"first": 0.5, "second": 0.5}
    assert balanced.flags == ()
    assert balanced.source == "sample"


def test_lost_samples_do_not_tilt_the_mean_to_the_other_order():
    # Three samples of one order say first, two of the other were lost and one says second.
    outcomes = [said(AB, k, first=1.0) for k in range(3)]
    outcomes += [said(BA, 0, second=1.0), lost(shown=BA, sample=1), lost(shown=BA, sample=2)]

    assert balance(outcomes).value == 0.5  # a plain mean of four verdicts would be 0.75


def test_a_single_order_says_so_and_so_does_a_lost_one():
    assert balance([said(AB, first=1.0)]).flags == ("single_order",)
    assert balance([said(AB, first=1.0), lost(shown=BA)]).flags == ("order_lost", "single_order")
    assert balance([said(AB, first=1.0), lost(shown=AB, sample=1), said(BA, first=1.0)]).flags == ()


def test_verdicts_whose_order_is_not_known_are_not_flagged():
    assert balance([said((), first=1.0)]).flags == ()


def test_a_lone_response_has_no_order_to_lose():
    one = Verdict("j", Unit("1", ("a",)), "better", (("yes", 1.0),), "yes", 1.0, shown=("a",))

    assert balance([one], scale=YES_NO).flags == ()


def test_all_abstained_gives_the_commonest_reason():
    reduced = balance([lost("refused"), lost("malformed", BA), lost("malformed", BA, 1)])

    assert isinstance(reduced, Abstention)
    assert reduced.reason == "malformed"


def test_consistent_keeps_what_all_orders_say_and_makes_a_tie_of_the_rest():
    agreed = balance([said(AB, first=0.9, second=0.1), said(BA, first=0.7, second=0.3)], rule="consistent")
    torn = balance([said(AB, first=0.9, second=0.1), said(BA, first=0.4, second=0.6)], rule="consistent")

    assert agreed.label == "first"
    assert agreed.value == pytest.approx(0.8)
    assert (torn.label, torn.value) == ("tie", 0.5)


def test_consistent_abstains_on_a_scale_without_a_tie():
    torn = balance([said(AB, first=1.0), said(BA, second=1.0)], rule="consistent", scale=NO_TIE)

    assert isinstance(torn, Abstention)
    assert torn.reason == "undecided"


def test_log_odds_give_the_surer_order_more_weight():
    sure, unsure = said(AB, first=0.99, second=0.01), said(BA, first=0.4, second=0.6)

    mean = balance([sure, unsure], scale=NO_TIE).value
    odds = balance([sure, unsure], scale=NO_TIE, rule="log_odds").value

    # The mean of log 99 and log(2/3) is 2.095, and sigmoid(2.095) = 0.890.
    assert mean == pytest.approx(0.695)
    assert odds == pytest.approx(0.890, abs=1e-3)


def test_log_odds_of_certainties_are_finite():
    torn = balance([said(AB, first=1.0), said(BA, second=1.0)], rule="log_odds")

    assert (torn.label, torn.value) == ("tie", pytest.approx(0.5))


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([], "no outcomes"),
        ([said(rater="x", first=1.0), said(first=1.0)], "2 raters"),
        ([said(unit=Unit("2", AB), first=1.0), said(first=1.0)], "2 questions"),
    ],
)
def test_what_is_not_one_question_to_one_rater_is_refused(outcomes, words):
    with pytest.raises(InputError, match=words):
        balance(outcomes)


def test_an_unknown_rule_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"average.*log_odds.*consistent"):
        balance([said(first=1.0)], rule="swap")


def test_a_label_off_the_scale_is_refused():
    with pytest.raises(InputError, match="tie"):
        balance([said(first=1.0), said(BA, tie=1.0)], scale=NO_TIE)


def test_scores_are_compared_by_their_balanced_means():
    outcomes = [*scored(0.8, 0.5), *scored(0.6, 0.7, BA)]

    better = balanced_scores(outcomes, unit=PAIR)

    assert (better.label, better.unit, better.flags) == ("first", PAIR, ())  # 0.7 against 0.6


def test_scores_equal_to_twelve_digits_are_a_tie():
    # 0.1 + 0.2 and 0.3 differ in the last bit.
    outcomes = [*scored(0.1 + 0.2, 0.3)]

    assert balanced_scores(outcomes, unit=PAIR).label == "tie"


def test_the_published_mean_tilts_to_the_order_that_lost_fewer_and_the_balanced_does_not():
    outcomes = [*scored(0.9, 0.4), *scored(0.9, 0.4, sample=1), *scored(0.9, 0.4, sample=2)]
    outcomes += [*scored(0.2, 0.8, BA), *scored(0.2, None, BA, 1), *scored(None, 0.8, BA, 2)]

    # Balanced: .55 against .60. Published, over the four replies read: .725 against .50.
    assert balanced_scores(outcomes, unit=PAIR).label == "second"
    assert balanced_scores(outcomes, unit=PAIR, rule="published").label == "first"


def test_a_reply_that_scores_one_response_only_is_left_out_whole():
    outcomes = [*scored(0.9, None), *scored(0.2, 0.3, sample=1)]

    assert balanced_scores(outcomes, unit=PAIR).label == "second"


def test_no_reply_with_both_scores_is_an_abstention_not_a_division_by_zero():
    none = balanced_scores([*scored(0.9, None), *scored(None, 0.3, BA)], unit=PAIR)

    assert isinstance(none, Abstention)
    assert none.reason == "missing"


def test_a_lost_order_of_scores_is_flagged():
    outcomes = [*scored(0.9, 0.4), *scored(None, None, BA)]

    assert balanced_scores(outcomes, unit=PAIR).flags == ("order_lost", "single_order")


def test_scores_of_other_responses_are_refused():
    stranger = Verdict("j", Unit("1", ("c",)), "better", (("0.5", 1.0),), "0.5", 0.5)

    with pytest.raises(InputError, match="not one of the two"):
        balanced_scores([stranger], unit=PAIR)


def test_scores_of_several_criteria_or_of_none_are_refused():
    first, second = scored(0.9, 0.4)

    with pytest.raises(InputError, match="several criteria"):
        balanced_scores([first, replace(second, criterion="other")], unit=PAIR)
    with pytest.raises(InputError, match="no outcomes"):
        balanced_scores([], unit=PAIR)


def test_a_reply_that_scores_a_response_twice_is_refused():
    with pytest.raises(InputError, match="twice"):
        balanced_scores([*scored(0.9, 0.4), *scored(0.9, 0.4)], unit=PAIR)


@pytest.mark.parametrize(
    ("replies", "entropy"),
    [
        ([(0.9, 0.1)] * 6, 0.0),
        ([(0.9, 0.1), (0.5, 0.5), (0.1, 0.9)] * 2, math.log(3)),
        ([(0.9, 0.1)] * 3 + [(0.1, 0.9)] * 3, math.log(2)),
    ],
)
def test_the_entropy_of_votes_runs_from_0_to_the_logarithm_of_3(replies, entropy):
    outcomes = [o for k, (a, b) in enumerate(replies) for o in scored(a, b, (AB, BA)[k % 2], k)]

    [case] = route(votes(outcomes), budget=1)

    assert case.unit == PAIR
    assert case.priority == pytest.approx(entropy)


def test_people_see_the_torn_first_then_the_close_and_before_all_what_has_no_vote():
    pairs = {
        "torn": [*scored(0.9, 0.1), *scored(0.1, 0.9, BA)],
        "close": [*scored(0.6, 0.5), *scored(0.6, 0.5, BA)],
        "clear": [*scored(0.9, 0.1), *scored(0.9, 0.1, BA)],
        "silent": scored(None, 0.1),
    }
    outcomes = [replace(o, unit=replace(o.unit, item_id=name)) for name, own in pairs.items() for o in own]

    seen = [case.unit.item_id for case in route(votes(outcomes), budget=4)]

    assert seen == ["silent", "torn", "close", "clear"]
