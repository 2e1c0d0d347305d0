import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from judgekit.aggregate import pools, votes
from judgekit.aggregate.latent import ballots_of, fit
from judgekit.aggregate.panels import accuracy_weights
from judgekit.calibration import balance, balanced_scores
from judgekit.recipes import paired
from judgekit.review import route
from judgekit.scales import PAIR, YES_NO, Labels
from judgekit.standing import bradley_terry
from judgekit.types import Abstention, Unit, Verdict

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
NOMINAL = Labels(labels=("red", "green", "blue"), kind="nominal")
SCALES = (YES_NO, PAIR, FIVE, NOMINAL)
UNIT = Unit("1", ("a", "b"))
ORDERS = (("a", "b"), ("b", "a"))
RULES = ("average", "log_odds", "consistent")
POOLS = {
    "mean": pools.mean,
    "median": pools.median,
    "trimmed": pools.trimmed_mean(0.25),
    "linear": pools.linear_pool({r: 0.5 + 0.25 * k for k, r in enumerate("vwxyz")}),
    "log": pools.log_pool(),
    "log weighted": pools.log_pool({r: 0.5 + 0.25 * k for k, r in enumerate("vwxyz")}),
    "confidence": pools.confidence_weighted,
    "minimum": pools.minimum(pools.mean, 1),
}
VOTES = {
    "majority": votes.strict_majority,
    "majority, middle": lambda o, s: votes.strict_majority(o, s, ties="middle"),
    "majority, lowest": lambda o, s: votes.strict_majority(o, s, ties="lowest"),
    "plurality": votes.plurality,
    "unanimous": votes.unanimous,
    "conservative": votes.conservative,
    "weighted": votes.weighted({r: 1.0 + k for k, r in enumerate("vwxyz")}),
}


def verdict_of(scale, weights, rater="v", **more):
    total = sum(weights)
    probs = tuple((label, w / total) for label, w in zip(scale.labels, weights, strict=True) if w)
    value = sum(p * scale.value(label) for label, p in probs)
    return Verdict(rater, UNIT, "c", probs, max(probs, key=lambda x: x[1])[0], value, **more)


@st.composite
def one_outcome(draw, scale, rater="v", *, orders=ORDERS, sample=0):
    shown = draw(st.sampled_from(orders))
    if draw(st.integers(0, 4)) == 0:
        reason = draw(st.sampled_from(["refused", "malformed", "undecided"]))
        return Abstention(rater, UNIT, "c", reason, shown=shown, sample=sample)
    weights = draw(
        st.lists(st.integers(0, 4), min_size=len(scale.labels), max_size=len(scale.labels)).filter(any)
    )
    confidence = draw(st.sampled_from([None, 0.0, 0.3, 1.0]))
    return verdict_of(scale, weights, rater, shown=shown, sample=sample, confidence=confidence)


@st.composite
def of_one_rater(draw):
    scale = draw(st.sampled_from(SCALES))
    n = draw(st.integers(1, 6))
    return scale, [draw(one_outcome(scale, orders=(*ORDERS, ()), sample=k)) for k in range(n)]


@st.composite
def panels(draw):
    scale = draw(st.sampled_from(SCALES))
    raters = draw(st.lists(st.sampled_from("vwxyz"), min_size=1, max_size=5, unique=True))
    return scale, [draw(one_outcome(scale, rater)) for rater in raters]


@given(of_one_rater(), st.sampled_from(RULES))
def test_balancing_twice_is_balancing_once(asked, rule):
    scale, outcomes = asked
    once = balance(outcomes, rule=rule, scale=scale)
    event(type(once).__name__)

    assert balance([once], rule=rule, scale=scale) == once


@given(of_one_rater(), st.sampled_from(RULES), st.randoms(use_true_random=False))
def test_balancing_does_not_know_in_which_order_answers_came(asked, rule, random):
    scale, outcomes = asked
    mixed = random.sample(outcomes, len(outcomes))

    one, other = balance(outcomes, rule=rule, scale=scale), balance(mixed, rule=rule, scale=scale)

    assert one == other


@given(of_one_rater(), st.sampled_from(RULES))
def test_a_balanced_verdict_is_a_distribution_between_its_verdicts(asked, rule):
    scale, outcomes = asked
    values = [o.value for o in outcomes if isinstance(o, Verdict)]
    balanced = balance(outcomes, rule=rule, scale=scale)

    if not values:
        assert isinstance(balanced, Abstention)
    elif isinstance(balanced, Verdict):
        assert math.fsum(p for _, p in balanced.probs) == pytest.approx(1.0)
        assert 0.0 <= balanced.value <= 1.0
        if rule == "average":
            assert min(values) - 1e-9 <= balanced.value <= max(values) + 1e-9


@given(st.lists(one_outcome(PAIR), min_size=1, max_size=6), st.sampled_from(RULES))
def test_exchanging_the_responses_of_a_pair_exchanges_the_verdict(outcomes, rule):
    outcomes = [replace(o, sample=k) for k, o in enumerate(outcomes)]
    turned = {"first": "second", "tie": "tie", "second": "first"}
    mirror = [
        replace(
            o, probs=tuple((turned[x], p) for x, p in o.probs), label=turned[o.label], value=1.0 - o.value
        ) if isinstance(o, Verdict) else o
        for o in outcomes
    ]  # fmt: skip

    one, other = balance(outcomes, rule=rule), balance(mirror, rule=rule)

    assert type(one) is type(other)
    if isinstance(one, Verdict):
        assert turned[one.label] == other.label
        assert one.value == pytest.approx(1.0 - other.value)


@given(panels(), st.sampled_from(sorted(POOLS | VOTES)), st.randoms(use_true_random=False))
def test_a_panel_does_not_know_in_which_order_its_judges_are_listed(panel, name, random):
    scale, outcomes = panel
    pool = (POOLS | VOTES)[name]
    event(f"{name}: {type(pool(outcomes, scale)).__name__}")

    assert pool(random.sample(outcomes, len(outcomes)), scale) == pool(outcomes, scale)


@given(
    st.sampled_from(SCALES).flatmap(lambda s: st.tuples(st.just(s), one_outcome(s))),
    st.sampled_from(sorted(POOLS)),
)
def test_a_panel_of_one_is_its_judge(asked, name):
    scale, outcome = asked
    [judge] = pools.per_rater([outcome], scale)
    panel = POOLS[name]([outcome], scale)

    if isinstance(judge, Abstention):
        assert panel.reason == judge.reason
    else:
        assert dict(panel.probs) == pytest.approx(dict(judge.probs))
        assert panel.value == pytest.approx(judge.value)
        assert panel.label == judge.label


@given(
    st.sampled_from(SCALES).flatmap(lambda s: st.tuples(st.just(s), one_outcome(s))),
    st.sampled_from(sorted(set(VOTES) - {"any"})),
)
def test_a_vote_of_one_is_the_label_of_its_judge(asked, name):
    scale, outcome = asked
    [judge] = pools.per_rater([outcome], scale)
    panel = VOTES[name]([outcome], scale)

    assert getattr(panel, "label", None) == getattr(judge, "label", None)
    assert getattr(panel, "reason", None) == getattr(judge, "reason", None)


@given(panels(), st.sampled_from(sorted(VOTES)))
def test_a_vote_elects_a_label_that_is_certain(panel, name):
    scale, outcomes = panel
    found = VOTES[name](outcomes, scale)

    if isinstance(found, Verdict):
        assert found.probs == ((found.label, 1.0),)
        assert found.value == scale.value(found.label)


@given(panels())
def test_a_strict_majority_has_more_than_half_of_all_asked(panel):
    scale, outcomes = panel
    found = votes.strict_majority(outcomes, scale)

    if isinstance(found, Verdict):
        own = pools.per_rater(outcomes, scale)
        assert sum(getattr(o, "label", None) == found.label for o in own) * 2 > len(outcomes)


scores = st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.75, 1.0, None])


@st.composite
def scored(draw):
    outcomes = []
    for k in range(draw(st.integers(1, 6))):
        for response in ("a", "b"):
            unit, shown, value = Unit("1", (response,)), ORDERS[k % 2], draw(scores)
            outcomes.append(
                Abstention("j", unit, "c", "missing", shown=shown, sample=k)
                if value is None
                else Verdict("j", unit, "c", ((str(value), 1.0),), str(value), value, shown=shown, sample=k)
            )
    return outcomes


@given(scored(), st.randoms(use_true_random=False))
def test_scores_do_not_know_in_which_order_replies_came(outcomes, random):
    mixed = random.sample(outcomes, len(outcomes))

    assert balanced_scores(mixed, unit=UNIT) == balanced_scores(outcomes, unit=UNIT)
    [one], [other] = (route(paired.votes(some), budget=1) for some in (mixed, outcomes))
    assert one.priority == pytest.approx(other.priority)
    assert one.priority == math.inf or 0.0 <= one.priority <= math.log(3) + 1e-9


@st.composite
def tables(draw):
    """Verdicts of four raters on a dozen units and more, with gaps."""
    n, seed = draw(st.integers(12, 30)), draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        truth = int(rng.integers(0, 2))
        for rater in "wxyz":
            label = ("no", "yes")[truth ^ int(rng.random() < 0.25)]
            unit = Unit(f"{i:02d}", ("a",))
            rows.append(
                Abstention(rater, unit, "c", "refused")
                if rng.random() < 0.1
                else Verdict(rater, unit, "c", ((label, 1.0),), label, YES_NO.value(label))
            )
    return rows


def rounded(outcome):
    """An outcome with its numbers to 9 digits: sums in another order differ in the last of them."""
    if isinstance(outcome, Abstention):
        return outcome
    probs = tuple((label, round(p, 9)) for label, p in outcome.probs)
    return replace(outcome, probs=probs, value=round(outcome.value, 9))


@settings(max_examples=25)
@given(tables(), st.randoms(use_true_random=False))
def test_a_latent_model_does_not_know_the_order_of_rows(rows, random):
    mixed = random.sample(rows, len(rows))

    one, other = fit(ballots_of(rows, YES_NO)), fit(ballots_of(mixed, YES_NO))

    event(one.status)
    assert list(map(rounded, one.verdicts())) == list(map(rounded, other.verdicts()))


@settings(max_examples=25)
@given(tables(), st.permutations("wxyz"))
def test_a_latent_model_does_not_know_its_raters_by_name(rows, names):
    renamed = dict(zip("wxyz", names, strict=True))

    one = fit(ballots_of(rows, YES_NO), starts=1)
    other = fit(ballots_of([replace(o, rater=renamed[o.rater]) for o in rows], YES_NO), starts=1)

    assert other.status == one.status
    if one.status == "ok":
        assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
        assert {renamed[r]: a for r, a in one.accuracy.items()} == pytest.approx(other.accuracy, abs=1e-4)


@settings(max_examples=25)
@given(tables(), st.randoms(use_true_random=False))
def test_accuracy_weights_do_not_know_the_order_of_rows(rows, random):
    truth = {o.unit: ("no", "yes")[int(o.unit.item_id) % 2] for o in rows}
    mixed = random.sample(rows, len(rows))

    one = accuracy_weights(rows, truth, scale=YES_NO)
    other = accuracy_weights(mixed, dict(reversed(truth.items())), scale=YES_NO)

    assert (one.weights, one.by_fold, one.fold_of) == (other.weights, other.by_fold, other.fold_of)


@st.composite
def comparisons(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows = []
    for k in range(draw(st.integers(10, 60))):
        a, b = rng.choice(["p", "q", "r"], 2, replace=False).tolist()
        weights = rng.dirichlet([1.0, 0.5, 1.0]).tolist()
        unit = Unit(str(k % 20), (a, b))
        rows.append(replace(verdict_of(PAIR, weights), unit=unit, sample=k))
    return rows


@settings(max_examples=25)
@given(comparisons(), st.randoms(use_true_random=False), st.sampled_from(["half", "davidson"]))
def test_a_standing_does_not_know_the_order_of_rows_nor_which_response_is_listed_first(rows, random, ties):
    turned = {"first": "second", "tie": "tie", "second": "first"}
    mixed = [
        replace(
            o,
            unit=Unit(o.unit.item_id, o.unit.responses[::-1]),
            probs=tuple((turned[label], p) for label, p in o.probs),
        )
        if random.random() < 0.5
        else o
        for o in random.sample(rows, len(rows))
    ]

    one, other = (bradley_terry(some, ties=ties, b=25) for some in (rows, mixed))

    assert other.systems == one.systems
    for here, there in zip(one.places, other.places, strict=True):
        assert (here.strength, here.low, here.high) == pytest.approx(
            (there.strength, there.low, there.high), nan_ok=True
        )


@settings(max_examples=25)
@given(comparisons())
def test_twice_the_comparisons_are_the_same_strengths_with_half_the_variance(rows):
    one, two = bradley_terry(rows, b=0), bradley_terry([*rows, *rows], b=0)

    for here, there in zip(one.places, two.places, strict=True):
        assert there.strength == pytest.approx(here.strength, abs=1e-8, nan_ok=True)
        assert there.se**2 == pytest.approx(here.se**2 / 2, nan_ok=True)
