from functools import partial

import pytest

from judgekit.aggregate import pools
from judgekit.errors import InputError
from judgekit.scales import PAIR, YES_NO, Labels, Numbers
from judgekit.types import Abstention, Unit, Verdict

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
UNIT = Unit("1", ("a",))


def verdict(rater, scale=FIVE, *, confidence=None, shown=(), sample=0, unit=UNIT, **probs):
    weights = {label.lstrip("_"): p for label, p in probs.items()}
    value = sum(p * scale.value(label) for label, p in weights.items())
    label = max(weights, key=weights.get)
    return Verdict(
        rater,
        unit,
        "help",
        tuple(weights.items()),
        label,
        value,
        confidence=confidence,
        shown=shown,
        sample=sample,
    )


def lost(rater, reason="refused"):
    return Abstention(rater, UNIT, "help", reason)


def yes(rater, p, **more):
    return verdict(rater, YES_NO, yes=p, no=1.0 - p, **more)


def test_the_mean_pools_probabilities_and_its_value_is_the_mean_value():
    panel = pools.mean([verdict("x", _5=1.0), verdict("y", _1=0.5, _3=0.5)], FIVE)

    assert dict(panel.probs) == {"1": 0.25, "3": 0.25, "5": 0.5}
    assert panel.value == pytest.approx((1.0 + 0.25) / 2)
    assert panel.rater == "panel"


def test_a_panel_split_over_a_pair_is_a_tie():
    assert pools.mean([verdict("x", PAIR, first=1.0), verdict("y", PAIR, second=1.0)], PAIR).label == "tie"


def test_numbers_without_a_step_can_be_pooled():
    scale = Numbers(low=0, high=100)
    panel = pools.mean([verdict("x", scale, _80=1.0), verdict("y", scale, _50=1.0)], scale)

    assert panel.value == pytest.approx(0.65)


def test_the_median_is_the_middle_rater_and_between_two_their_mean():
    three = [verdict("x", _1=1.0), verdict("y", _4=1.0), verdict("z", _5=1.0)]

    assert pools.median(three, FIVE).label == "4"
    assert pools.median(three[:2], FIVE).value == pytest.approx(0.375)  # between 0 and 0.75


def test_a_trimmed_mean_leaves_out_both_ends():
    line = [verdict(str(k), **{f"_{k}": 1.0}) for k in (1, 3, 4, 5)] + [verdict("z", _3=1.0)]

    assert pools.trimmed_mean(0.2)(line, FIVE).value == pytest.approx((0.5 + 0.5 + 0.75) / 3)
    assert pools.trimmed_mean(0.0)(line, FIVE) == pools.mean(line, FIVE)


def test_a_trimmed_mean_must_leave_something():
    with pytest.raises(InputError, match=r"0\.5"):
        pools.trimmed_mean(0.5)


def test_a_linear_pool_weighs_raters_whatever_the_scale_of_the_weights():
    said = [yes("x", 1.0), yes("y", 0.0)]

    assert pools.linear_pool({"x": 3, "y": 1})(said, YES_NO).value == pytest.approx(0.75)
    assert pools.linear_pool({"x": 30, "y": 10})(said, YES_NO).value == pytest.approx(0.75)


def test_a_logarithmic_pool_averages_log_odds():
    # Log-odds of 0.9 and 0.5 are 2.197 and 0: their mean 1.099 is a probability of 0.75.
    assert pools.log_pool()([yes("x", 0.9), yes("y", 0.5)], YES_NO).value == pytest.approx(0.75)
    # Weights 3 and 1: 1.648, 0.839.
    weighed = pools.log_pool({"x": 3, "y": 1})([yes("x", 0.9), yes("y", 0.5)], YES_NO)
    assert weighed.value == pytest.approx(0.8386, abs=1e-4)


def test_one_certain_rater_does_not_overrule_a_logarithmic_pool():
    panel = pools.log_pool()([yes("x", 1.0), yes("y", 0.05), yes("z", 0.05)], YES_NO)

    assert 0.0 < panel.value < 1.0


def test_a_rater_without_a_weight_is_named():
    with pytest.raises(InputError, match="'y' has no weight"):
        pools.linear_pool({"x": 1})([yes("x", 1.0), yes("y", 1.0)], YES_NO)


@pytest.mark.parametrize("weights", [{"x": -1.0}, {"x": float("inf")}, {"x": float("nan")}])
def test_weights_of_a_pool_are_finite_and_not_negative(weights):
    with pytest.raises(InputError, match="cannot be negative or infinite"):
        pools.linear_pool(weights)


def test_confidence_weighs_and_a_rater_without_one_weighs_like_the_others():
    said = [yes("x", 1.0, confidence=0.9), yes("y", 0.0, confidence=0.3), yes("z", 0.0)]

    panel = pools.confidence_weighted(said, YES_NO)

    assert panel.value == pytest.approx(0.9 / (0.9 + 0.3 + 0.6))
    assert panel.flags == ("no_confidence",)


def test_nobody_confident_is_everybody_alike():
    said = [yes("x", 1.0, confidence=0.0), yes("y", 0.0, confidence=0.0)]

    assert pools.confidence_weighted(said, YES_NO).value == 0.5


def test_an_abstention_leaves_the_pool_to_the_others_and_says_so():
    assert pools.mean([yes("x", 0.8), lost("y")], YES_NO).flags == ("few_judges", "withheld")
    assert pools.mean([yes("x", 0.8), yes("z", 0.8), lost("y")], YES_NO).flags == ("withheld",)


@pytest.mark.parametrize(
    "pool",
    [
        pools.mean, pools.median, pools.trimmed_mean(0.2), pools.linear_pool({"x": 1}), pools.log_pool(),
        pools.confidence_weighted, pools.minimum(pools.mean, 1),
    ],
)  # fmt: skip
def test_no_verdict_at_all_is_an_abstention_with_the_commonest_reason(pool):
    panel = pool([lost("x", "refused"), lost("y", "truncated"), lost("z", "truncated")], YES_NO)

    assert isinstance(panel, Abstention)
    assert panel.reason == "truncated"


def test_a_minimum_of_judges_abstains_below_it():
    guarded = pools.minimum(pools.mean, 2)

    assert isinstance(guarded([yes("x", 1.0), lost("y")], YES_NO), Abstention)
    assert guarded([yes("x", 1.0), lost("y")], YES_NO).reason == "refused"
    assert guarded([yes("x", 1.0)], YES_NO).reason == "missing"
    assert guarded([yes("x", 1.0), yes("y", 1.0)], YES_NO).value == 1.0


def test_repeats_of_one_judge_are_no_further_judges():
    noisy = [yes("x", 1.0, sample=k) for k in range(5)]

    with pytest.raises(InputError, match="per_rater"):
        pools.mean([*noisy, yes("y", 0.0)], YES_NO)
    assert pools.mean(pools.per_rater([*noisy, yes("y", 0.0)], YES_NO), YES_NO).value == 0.5


def test_per_rater_balances_the_orders_of_each_judge():
    pair = Unit("1", ("a", "b"))
    said = partial(verdict, scale=PAIR, unit=pair)
    outcomes = [
        said("x", first=1.0, shown=("a", "b")), said("x", second=1.0, shown=("b", "a")),
        said("y", first=1.0, shown=("a", "b")), said("y", first=1.0, shown=("b", "a")),
    ]  # fmt: skip

    x, y = pools.per_rater(outcomes, PAIR)

    assert (x.rater, x.label, y.rater, y.label) == ("x", "tie", "y", "first")


def test_flags_of_the_members_stay_with_the_panel():
    single = verdict("x", PAIR, first=1.0, shown=("a", "b"), unit=Unit("1", ("a", "b")))
    [reduced] = pools.per_rater([single], PAIR)

    assert pools.mean([reduced], PAIR).flags == ("single_order",)
