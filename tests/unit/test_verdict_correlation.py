"""What verdicts alone say of a panel: known answers, who is left out and why, and what repeats may not do."""

import math
import pickle

import pytest

from judgekit.agreement.bias.verdict_correlation import PanelVerdicts, VerdictCorrelation, jackknifed
from judgekit.types import Abstention, Item, Judged, Outcome, Unit, Verdict


def said(rater: str, item: int, value: float, criterion: str = "kind", **more) -> Verdict:
    unit = Unit(str(item), ("r",))
    return Verdict(rater, unit, criterion, ((str(value), 1.0),), str(value), value, **more)


def found(rows: dict[str, list[float | None]], **options) -> VerdictCorrelation:
    """The correlation of judges whose verdicts on items 0, 1, 2, ... are given; None where there is none."""
    panel = PanelVerdicts(rows, criteria=["kind"], **options)
    for i, values in enumerate(zip(*rows.values(), strict=True)):
        some = [said(j, i, v) for j, v in zip(rows, values, strict=True) if v is not None]
        panel.add(Judged(Item(str(i)), tuple(some)))
    return panel.found()


def test_three_judges_by_hand():
    # a and b agree on 4 of 6 balanced units: r = 1/3; c is b turned round: -1/3 with a, -1 with b.
    rows = {"a": [1, 0, 1, 0, 1, 0], "b": [1, 0, 0, 1, 1, 0], "c": [0, 1, 1, 0, 0, 1]}

    panel = found(rows)

    assert panel.pairs["a", "b"] == (pytest.approx(1 / 3), 6)
    assert panel.pairs["a", "c"] == (pytest.approx(-1 / 3), 6)
    assert panel.mean.value == pytest.approx(-1 / 3)
    assert panel.effective.value == 3  # below 0 it is no more than all
    assert panel.participation == pytest.approx(9 / (3 + 2 * (1 / 9 + 1 / 9 + 1)))


def test_judges_that_always_say_the_same_are_one_judge():
    same = [1.0, 0.0, 0.5, 1.0] * 10

    panel = found({"a": same, "b": same, "c": same})

    assert (panel.effective.value, panel.effective.status) == (pytest.approx(1.0), "ok")
    assert math.isnan(panel.effective.low)  # nothing to bound it by


def test_a_criterion_on_which_all_are_generous_makes_nobody_alike():
    panel = PanelVerdicts("ab", criteria=["easy", "hard"])
    for i, (a, b) in enumerate([(0.0, 0.0), (0.0, 0.2), (0.2, 0.0), (0.2, 0.2)] * 10):
        easy = [said("a", i, a + 0.8, "easy"), said("b", i, b + 0.8, "easy")]
        panel.add(Judged(Item(str(i)), (said("a", i, a, "hard"), said("b", i, b, "hard"), *easy)))

    assert panel.found().mean.value == pytest.approx(0.0, abs=1e-9)


def kept_of(n: int) -> int:
    """Bytes that are held after so many items, each with a rubric and a criterion of its own."""
    panel = PanelVerdicts("ab", criteria=["kind"])
    for i in range(n):
        own = Item(str(i), rubric={"criteria": []})
        panel.add(Judged(own, tuple(said(j, i, i % 2, f"own {i}") for j in "ab")))
    assert panel.found().mean.value == pytest.approx(1.0)
    return len(pickle.dumps(panel))


def test_a_thousand_criteria_of_items_own_rubrics_are_kept_in_no_more_than_a_hundred():
    assert kept_of(1000) == pytest.approx(kept_of(100), abs=200)


def test_labels_without_an_order_are_compared_as_labels_and_not_as_numbers():
    labels = ("red", "green", "blue")
    said_by = {"a": "rgbrgb", "b": "rgbrbg"}  # as numbers 0, .5, 1 they would correlate by .75
    panel = PanelVerdicts("ab", criteria=["hue"], nominal={"hue": labels})
    for i in range(6):
        some = []
        for j, letters in said_by.items():
            label = next(each for each in labels if each[0] == letters[i])
            value = labels.index(label) / 2
            some.append(Verdict(j, Unit(str(i)), "hue", ((label, 1.0),), label, value))
        panel.add(Judged(Item(str(i)), tuple(some)))

    # Means 1/3, variances 2/9; covariances 2/6 - 1/9 of red, 1/6 - 1/9 of green and of blue: 1/3 of 2/3.
    assert panel.found().mean.value == pytest.approx(0.5)
    assert panel.found().pairs["a", "b"][1] == 6


def test_a_judge_is_left_out_by_name_and_reason():
    rows = {"a": [1, 0, 1, 0], "b": [1, 0, 0, 0], "flat": [1, 1, 1, 1], "lost": [None] * 4}

    panel = found(rows)

    assert panel.left_out == {
        "flat": "its verdicts do not vary",
        "lost": "no verdict on a unit that another judge has one on",
    }
    assert panel.effective.value == pytest.approx(2 / (1 + panel.mean.value))
    assert panel.plain()["pairs"][1] == {"judges": ["a", "flat"], "correlation": None, "units": 4}


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ({"a": [], "b": []}, "undefined:too_few"),
        ({"a": [1.0], "b": [0.0]}, "undefined:too_few"),
        ({"a": [1.0, 0.0, None], "b": [None, None, 1.0]}, "undefined:too_few"),
        ({"a": [1.0, 0.0], "b": [0.3, 0.3]}, "undefined:no_variation"),
        ({"a": [1.0, 0.0] * 14, "b": [1.0, 0.0] * 14}, "unstable:few_units"),
        ({"a": [1.0, 0.0] * 15, "b": [1.0, 0.0] * 15}, "ok"),
    ],
)
def test_too_little_is_said_and_never_a_number_by_convention(rows, status):
    panel = found(rows)

    assert panel.effective.status == panel.mean.status == status
    assert math.isnan(panel.effective.value) == status.startswith("undefined")
    assert (panel.plain()["effective_judges"] is None) == status.startswith("undefined")


def test_an_item_without_two_verdicts_is_counted_as_dropped():
    panel = found({"a": [1.0, 0.0, 1.0, 0.0], "b": [1.0, 0.0, None, 1.0]})

    assert (panel.effective.n_units, panel.effective.n_used, panel.effective.n_dropped) == (4, 3, 1)


def test_verdicts_that_are_the_same_but_for_rounding_do_not_vary():
    flat = [0.1 + 0.2, 0.3] * 500

    assert found({"a": flat, "b": [1.0, 0.0] * 500}).effective.status == "undefined:no_variation"


def repeated(times: int, shown: tuple[tuple[str, ...], ...] = ((),)) -> VerdictCorrelation:
    panel = PanelVerdicts("ab", criteria=["kind"])
    for i in range(40):
        a, b = float(i % 2), float(i % 3 == 0)
        some: list[Outcome] = [said("b", i, b), Abstention("b", Unit(str(i), ("r",)), "kind", "refused")]
        some += [said("a", i, a, sample=k, shown=order) for k in range(times) for order in shown]
        panel.add(Judged(Item(str(i)), tuple(some)))
    return panel.found()


def test_repeats_and_orders_of_a_judge_are_no_further_judges():
    once = repeated(1)

    assert repr(repeated(5)) == repr(once)  # an error that is nan is not equal to itself
    assert repr(repeated(2, (("x", "y"), ("y", "x")))) == repr(once)


def test_a_lost_sample_of_one_order_does_not_tilt_a_judge():
    panel = PanelVerdicts("ab", criteria=["kind"])
    for i in range(8):
        won = [said("a", i, 1.0, shown=("x", "y"), sample=k) for k in range(2)]
        lost = [said("a", i, 0.0, shown=("y", "x"), sample=k) for k in range(2 - i % 2)]
        panel.add(Judged(Item(str(i)), (*won, *lost, said("b", i, float(i % 2)))))

    assert panel.found().left_out == {
        "a": "its verdicts do not vary"
    }  # a tie each time, one sample short or not


def test_a_substitute_sits_on_the_seat_of_its_judge():
    a, b = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    plain = found({"a": a, "b": b})
    stood: list[float | None] = [None, None, *a[2:]]

    panel = PanelVerdicts("ab", criteria=["kind"], seats={"s": "a"})
    for i in range(6):
        first = said("s", i, a[i], flags=("substitute",)) if stood[i] is None else said("a", i, a[i])
        panel.add(Judged(Item(str(i)), (first, said("b", i, b[i]))))

    assert panel.found().substituted == {"a": {"s": 2}}
    assert repr(panel.found().effective) == repr(plain.effective)
    assert panel.found().judges == ("a", "b")


def test_the_error_of_unequal_groups_is_the_plain_jackknife_where_they_are_equal():
    rest = [0.30, 0.36, 0.33, 0.41]
    plain = math.sqrt(3 / 4 * sum((r - 0.35) ** 2 for r in rest))  # (g - 1) / g, about the mean .35

    assert jackknifed(0.35, rest, [4.0] * 4) == pytest.approx(plain)
