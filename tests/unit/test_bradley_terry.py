import math
from itertools import combinations

import numpy as np
import pytest

from judgekit.errors import InputError
from judgekit.standing import bradley_terry
from judgekit.standing.apart import rank_intervals
from judgekit.standing.newton import Problem
from judgekit.types import Abstention, Unit, Verdict

VALUES = {"first": 1.0, "tie": 0.5, "second": 0.0}


def compared(item, a, b, shown=(), **probs):
    value = sum(p * VALUES[label] for label, p in probs.items())
    label = max(probs, key=probs.get)
    return Verdict("j", Unit(str(item), (a, b)), "better", tuple(probs.items()), label, value, shown=shown)


def games(strengths, n, *, nu=0.0, delta=0.0, items=None, seed=0):
    """Drawn comparisons of random pairs; `nu` makes ties, `delta` favours the response shown first."""
    rng = np.random.default_rng(seed)
    names = sorted(strengths)
    outcomes = []
    for k in range(n):
        a, b = rng.choice(names, 2, replace=False).tolist()
        swapped = bool(rng.random() < 0.5)
        gap = strengths[a] - strengths[b] + (-delta if swapped else delta)
        weights = np.array([math.exp(gap / 2), nu, math.exp(-gap / 2)])
        label = ("first", "tie", "second")[rng.choice(3, p=weights / weights.sum())]
        shown = (b, a) if swapped else (a, b)
        outcomes.append(compared(k % (items or n), a, b, shown, **{label: 1.0}))
    return outcomes


TRUE = {"a": 1.0, "b": 0.4, "c": -0.2, "d": -1.2}


def test_two_systems_differ_by_the_log_of_their_odds():
    outcomes = [compared(i, "a", "b", first=1.0) for i in range(3)] + [compared(3, "a", "b", second=1.0)]

    standing = bradley_terry(outcomes, b=0)

    # log 3, with variance 1 / (n p q) = 1 / 0.75.
    assert standing.difference("a", "b").value == pytest.approx(math.log(3))
    assert standing.difference("a", "b").se == pytest.approx(math.sqrt(1 / 0.75))
    assert standing.beats("a", "b") == pytest.approx(0.75)


def test_fitted_wins_equal_the_wins_that_were_seen():
    outcomes = games(TRUE, 500, nu=0.5)
    standing = bradley_terry(outcomes, b=0)

    for name in TRUE:
        own = [o for o in outcomes if name in o.unit.responses]
        expected = sum(
            standing.beats(*(o.unit.responses if o.unit.responses[0] == name else o.unit.responses[::-1]))
            for o in own
        )
        assert standing.of(name).won * standing.of(name).n == pytest.approx(expected)


def test_strengths_are_centred_and_systems_stand_best_first():
    standing = bradley_terry(games(TRUE, 2000), b=0)

    assert sum(p.strength for p in standing.places) == pytest.approx(0.0)
    assert standing.systems == ("a", "b", "c", "d")
    assert [p.rank for p in standing.places] == [1, 2, 3, 4]
    assert all(p.strength == pytest.approx(TRUE[p.system], abs=0.2) for p in standing.places)


def test_a_soft_verdict_is_that_many_parts_of_a_win():
    hard = [compared(i, "a", "b", **{"first" if i < 7 else "second": 1.0}) for i in range(10)]
    soft = [compared(i, "a", "b", first=0.7, second=0.3) for i in range(10)]

    assert bradley_terry(soft, b=0).difference("a", "b").value == pytest.approx(
        bradley_terry(hard, b=0).difference("a", "b").value
    )


def test_half_won_ties_equal_counting_every_comparison_twice_and_ties_for_both():
    outcomes = games(TRUE, 300, nu=0.8)
    doubled = []
    for o in outcomes:
        a, b = o.unit.responses
        labels = ("first", "second") if o.label == "tie" else (o.label, o.label)
        doubled += [compared(o.unit.item_id, a, b, **{label: 1.0}) for label in labels]

    one, two = bradley_terry(outcomes, b=0), bradley_terry(doubled, b=0)

    assert [p.strength for p in one.places] == pytest.approx([p.strength for p in two.places])


def test_davidson_finds_how_probable_ties_are():
    standing = bradley_terry(games(TRUE, 5000, nu=0.6), ties="davidson", b=0)

    assert standing.ties == pytest.approx(0.6, rel=0.1)
    assert all(p.strength == pytest.approx(TRUE[p.system], abs=0.15) for p in standing.places)


def test_davidson_without_a_tie_is_bradley_terry():
    outcomes = games(TRUE, 500)

    davidson, plain = bradley_terry(outcomes, ties="davidson", b=0), bradley_terry(outcomes, b=0)

    assert davidson.ties is None
    strengths = [p.strength for p in plain.places]
    assert [p.strength for p in davidson.places] == pytest.approx(strengths)
    assert davidson.notes == ("no ties, so that they have no parameter",)


@pytest.mark.parametrize("ties", ["half", "davidson"])
def test_the_order_effect_is_found_and_taken_out(ties):
    outcomes = games(TRUE, 6000, delta=1.0, nu=0.5 if ties == "davidson" else 0.0)

    standing = bradley_terry(outcomes, order=True, ties=ties, b=200)

    assert standing.order_effect.low < 1.0 < standing.order_effect.high
    assert standing.order_effect.value == pytest.approx(1.0, abs=0.15)
    assert all(p.strength == pytest.approx(TRUE[p.system], abs=0.2) for p in standing.places)


def test_an_order_effect_needs_to_know_who_was_first():
    outcomes = [compared(i, "a", "b", **{("first", "second")[i % 2]: 1.0}) for i in range(30)]

    standing = bradley_terry(outcomes, order=True)

    assert standing.status == "undefined:not_identified"
    assert math.isnan(standing.order_effect.value)


def test_systems_that_never_lose_have_no_strength_and_are_named():
    outcomes = [compared(i, "a", "b", **{("first", "second")[i % 2]: 1.0}) for i in range(10)]
    outcomes += [compared(i, "c", "a", first=1.0) for i in range(5)]

    standing = bradley_terry(outcomes)

    assert standing.status == "undefined:not_identified"
    assert "a, b; c" in standing.notes[0]
    assert all(math.isnan(p.strength) and p.rank is None for p in standing.places)
    assert standing.of("c").won == 1.0


def test_a_prior_makes_a_disconnected_standing_finite():
    outcomes = [compared(i, "a", "b", **{("first", "second")[i % 2]: 1.0}) for i in range(10)]
    outcomes += [compared(i, "c", "d", first=1.0) for i in range(5)]

    standing = bradley_terry(outcomes, prior=0.1, b=0)

    assert standing.status == "ok"
    assert standing.systems[0] == "c"
    assert standing.systems[-1] == "d"
    assert "prior 0.1" in standing.method


def test_abstentions_and_a_system_against_itself_are_counted_not_used():
    lost = Abstention("j", Unit("x", ("a", "b")), "better", "refused")
    systems = {
        "1": {"a": "one", "b": "other"},
        "2": {"a": "one", "b": "one"},
        "x": {"a": "one", "b": "other"},
    }
    outcomes = [compared(1, "a", "b", first=0.6, second=0.4), compared(2, "a", "b", first=1.0), lost]

    standing = bradley_terry(outcomes, systems=systems, b=0)

    assert (standing.n_comparisons, standing.n_dropped) == (1, 2)
    assert standing.systems == ("one", "other")


def test_a_system_that_is_not_there_is_refused_by_name():
    standing = bradley_terry(games(TRUE, 100), b=0)

    with pytest.raises(InputError, match="no system 'z'"):
        standing.of("z")


def test_a_difference_that_cannot_be_told_is_nan():
    standing = bradley_terry([compared(i, "a", "b", first=1.0) for i in range(5)])

    assert math.isnan(standing.difference("a", "b").value)
    assert standing.difference("a", "b").status == "undefined:not_identified"


def test_a_response_that_always_wins_where_it_is_shown_first_leaves_no_order_effect_to_fit():
    outcomes = [
        compared(i, "a", "b", (("a", "b"), ("b", "a"))[i % 2], **{("first", "second")[i % 2]: 1.0})
        for i in range(40)
    ]

    standing = bradley_terry(outcomes, order=True)

    assert standing.status == "undefined:not_identified"
    assert standing.notes == ("the likelihood has no top",)


def test_nothing_compared_is_undefined():
    lost = Abstention("j", Unit("x", ("a", "b")), "better", "refused")

    assert bradley_terry([lost]).status == "undefined:no_paired_items"
    assert bradley_terry([]).places == ()


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Verdict("j", Unit("1", ("a",)), "c", (("yes", 1.0),), "yes", 1.0), "not a pair"),
        (Verdict("j", Unit("1", ("a", "b")), "c", (("yes", 1.0),), "yes", 1.0), "not on the scale of pairs"),
    ],
)
def test_what_is_no_comparison_is_refused(outcome, words):
    with pytest.raises(InputError, match=words):
        bradley_terry([outcome])


def test_a_response_without_a_system_is_named():
    with pytest.raises(InputError, match=r"item '1'.*'b'"):
        bradley_terry([compared(1, "a", "b", first=1.0)], systems={"1": {"a": "one"}})


def test_intervals_cover_and_ranks_are_simultaneous():
    covered = ranked = 0
    for seed in range(40):
        standing = bradley_terry(games(TRUE, 400, items=100, seed=seed), b=200, seed=seed)
        order = sorted(TRUE, key=lambda name: -TRUE[name])
        covered += sum(p.low <= TRUE[p.system] <= p.high for p in standing.places)
        ranked += all(p.rank_low <= 1 + order.index(p.system) <= p.rank_high for p in standing.places)

    assert covered >= 0.9 * 160  # 95 % nominal; 4 standing errors below would be 0.88
    assert ranked >= 37


def test_equals_are_told_apart_no_oftener_than_the_level_allows():
    apart = 0
    for seed in range(60):
        standing = bradley_terry(games(dict.fromkeys("abcdef", 0.0), 300, seed=seed), b=200, seed=seed)
        apart += any((p.rank_low, p.rank_high) != (1, 6) for p in standing.places)

    assert apart <= 8  # 3 expected; more than 8 of 60 has a probability of 0.004 at 5 %


def test_few_comparisons_leave_ranks_open():
    standing = bradley_terry(games(TRUE, 40), b=300)

    assert (standing.of("b").rank_low, standing.of("b").rank_high) != (2, 2)
    assert standing.of("a").rank_low == 1


def test_resampling_repeats_whole_items():
    # Ten identical verdicts on each item say no more than one: the interval must not narrow.
    once = games(TRUE, 150)
    many = [o for o in once for _ in range(10)]

    narrow = bradley_terry(many, b=300).difference("a", "d")
    wide = bradley_terry(once, b=300).difference("a", "d")

    assert narrow.high - narrow.low == pytest.approx(wide.high - wide.low)
    assert bradley_terry(many, b=300).interval == "percentile_cluster"


def test_few_items_and_lost_resamples_are_flagged():
    few = [
        compared(i % 6, a, b, first=0.5, second=0.5) for i, (a, b) in enumerate(combinations("abc", 2))
    ] * 4
    thin = [compared(i, "a", "b", **{"first" if i else "second": 1.0}) for i in range(30)]

    assert bradley_terry(few, b=100).status == "unstable:few_clusters"
    assert bradley_terry(thin, b=200).status == "unstable:resamples_lost"
    assert "prior of 0.1" in bradley_terry(thin, b=200).notes[-1]


def test_one_item_cannot_be_resampled():
    outcomes = [compared("only", "a", "b", **{("first", "second")[i % 3 == 0]: 1.0}) for i in range(30)]

    standing = bradley_terry(outcomes)

    assert standing.interval == "wald"
    assert standing.of("a").low < standing.of("a").strength < standing.of("a").high


def test_the_same_seed_gives_the_same_intervals():
    outcomes = games(TRUE, 200)

    assert bradley_terry(outcomes, b=100, seed=4).places == bradley_terry(outcomes, b=100, seed=4).places
    assert bradley_terry(outcomes, b=100, seed=4).seed == 4


def test_equal_strengths_share_a_rank():
    outcomes = [compared(i, a, b, tie=1.0) for i, (a, b) in enumerate(combinations("abc", 2))]

    assert [p.rank for p in bradley_terry(outcomes, b=0).places] == [1, 1, 1]


@pytest.mark.parametrize("options", [{"ties": "rao"}, {"prior": -0.1}])
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(InputError, match=r"rao|-0\.1"):
        bradley_terry([compared(1, "a", "b", first=1.0)], **options)


@pytest.mark.parametrize("ties", ["half", "davidson"])
def test_strengths_equal_those_of_evalica(ties):
    evalica = pytest.importorskip("evalica", reason="evalica is not installed; it is an oracle only")
    winners = {"first": evalica.Winner.X, "tie": evalica.Winner.Draw, "second": evalica.Winner.Y}
    outcomes = games({name: TRUE[name] for name in TRUE}, 800, nu=0.7)
    xs, ys = zip(*(o.unit.responses for o in outcomes), strict=True)
    peer = evalica.bradley_terry if ties == "half" else evalica.newman

    theirs = peer(xs, ys, [winners[o.label] for o in outcomes], tolerance=1e-14, limit=100_000)
    ours = bradley_terry(outcomes, ties=ties, b=0)

    logs = np.log(theirs.scores)
    assert {p.system: p.strength for p in ours.places} == pytest.approx(dict(logs - logs.mean()), abs=1e-9)
    if ties == "davidson":
        assert ours.ties == pytest.approx(2 * theirs.v)  # Newman's v is half of Davidson's nu


def test_resamples_that_are_all_alike_make_no_interval():
    ties = bradley_terry([compared(i, "a", "b", tie=1.0) for i in range(30)], b=100)
    sure = bradley_terry([compared(i, "a", "b", first=0.7, second=0.3) for i in range(30)], b=100)

    for standing in (ties, sure):
        found = standing.difference("a", "b")
        assert (standing.interval, standing.status) == ("none", "ok_degenerate")
        assert "same" in standing.notes[-1]
        assert all(math.isnan(p.low) and math.isnan(p.high) and p.se > 0.0 for p in standing.places)
        assert all((p.rank_low, p.rank_high) == (1, 2) for p in standing.places)
        assert math.isnan(found.low)
        assert (found.interval, found.status) == ("none", "ok_degenerate")


def test_a_difference_that_no_resample_moves_has_no_interval_of_its_own():
    outcomes = [compared(i, "a", "b", tie=1.0) for i in range(30)]
    outcomes += [compared(i, "b", "c", **{("first", "second")[i % 3 == 0]: 1.0}) for i in range(30)]

    standing = bradley_terry(outcomes, b=100)
    still, moved = standing.difference("a", "b"), standing.difference("b", "c")

    assert standing.status == moved.status == "ok"
    assert moved.low < moved.value < moved.high
    assert math.isnan(still.low)
    assert (still.interval, still.status) == ("none", "ok_degenerate")


def test_an_order_effect_that_no_resample_moves_has_no_interval():
    # Shown first wins 3 of 4 in every item; only the gap of a and b differs between items.
    said = [0.75, 0.85, 0.65]
    outcomes = [
        compared(i, "a", "b", shown, first=p, second=1.0 - p)
        for i in range(30)
        for shown, p in ((("a", "b"), 0.75), (("b", "a"), 0.25))
    ]
    outcomes += [compared(i, "b", "c", first=said[i % 3], second=1.0 - said[i % 3]) for i in range(30)]

    standing = bradley_terry(outcomes, order=True, b=100)

    assert standing.order_effect.value == pytest.approx(math.log(3))
    assert math.isnan(standing.order_effect.low)
    assert (standing.order_effect.interval, standing.order_effect.status) == ("none", "ok_degenerate")
    assert standing.interval == "percentile_cluster"


def test_too_few_resamples_make_no_interval_and_do_not_claim_one():
    standing = bradley_terry(games(TRUE, 400, delta=0.5), order=True, b=5)

    assert math.isnan(standing.of("a").low)
    assert standing.interval == standing.order_effect.interval == "none"
    assert standing.difference("a", "b").interval == "none"
    assert "5 resamples" in standing.notes[-1]


def test_a_difference_counts_what_was_dropped():
    lost = Abstention("j", Unit("x", ("a", "b")), "better", "refused")

    assert bradley_terry([*games(TRUE, 200), lost], b=50).difference("a", "b").n_dropped == 1


def test_systems_far_apart_have_one_rank_each():
    strengths = np.array([5.0, 0.0, -5.0])
    draws = strengths + np.random.default_rng(0).normal(0, 0.1, (200, 3))

    assert rank_intervals(strengths, draws, 0.95) == [(1, 1), (2, 2), (3, 3)]


def test_ranks_are_not_told_apart_by_a_gap_that_no_resample_moves():
    strengths = np.array([1.0, 0.0, -9.0])
    moved = np.random.default_rng(0).normal(0, 0.1, (200, 1)) * [1, 1, 0]

    assert rank_intervals(strengths, strengths + moved, 0.95) == [(1, 2), (1, 2), (3, 3)]


def test_the_standard_error_of_davidson_with_ties():
    # Three shares and two parameters: the gap is log(wins / losses), with variance 1 / wins + 1 / losses.
    labels = ["first"] * 40 + ["tie"] * 20 + ["second"] * 20
    outcomes = [compared(i, "a", "b", **{label: 1.0}) for i, label in enumerate(labels)]

    found = bradley_terry(outcomes, ties="davidson", b=0).difference("a", "b")

    assert found.value == pytest.approx(math.log(2))
    assert found.se == pytest.approx(math.sqrt(1 / 40 + 1 / 20))


@pytest.mark.parametrize("davidson", [True, False])
@pytest.mark.parametrize("order", [True, False])
def test_the_hessian_is_the_slope_of_the_gradient(davidson, order):
    one, other = np.array([0, 0, 1]), np.array([1, 1, 2])
    problem = Problem(3, one, other, np.array([1.0, -1.0, 1.0]), order, davidson, prior=0.2)
    counts = np.array([[5.0, 2.0, 3.0], [1.0, 4.0, 2.0], [3.0, 1.0, 6.0]])
    x = np.array([0.3, -0.1, -0.4, 0.5, -0.2])[: problem.n_parameters]
    steps = 1e-6 * np.eye(problem.n_parameters)

    value, slope, bend = problem.at(x, counts)
    ahead = [problem.at(x + step, counts) for step in steps]
    back = [problem.at(x - step, counts) for step in steps]

    assert slope == pytest.approx([(a[0] - b[0]) / 2e-6 for a, b in zip(ahead, back, strict=True)], abs=1e-6)
    bends = np.array([(b[1] - a[1]) / 2e-6 for a, b in zip(ahead, back, strict=True)])
    assert bend == pytest.approx(bends, abs=1e-6)
    assert value < 0.0
