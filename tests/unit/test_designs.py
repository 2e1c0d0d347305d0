"""Which pairs are compared: the knock-out, equally often, and where most is learnt."""

import math
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest

from judgekit.errors import InputError
from judgekit.recipes import schedules
from judgekit.standing import Standing, balanced_pairs, bradley_terry, next_pairs
from judgekit.standing.records import Place
from judgekit.types import Unit, Verdict

NAMES = tuple("abcdefgh")


def drive(schedule, result):
    rounds = []
    try:
        pairs = next(schedule)
        while True:
            rounds.append(pairs)
            pairs = schedule.send([result(a, b) for a, b in pairs])
    except StopIteration as end:
        return end.value, rounds


@pytest.mark.parametrize("n", [2, 3, 5, 7, 8, 20])
@pytest.mark.parametrize("seed", range(4))
def test_a_knock_out_finds_the_best_in_one_comparison_less_than_there_are(n, seed):
    names = [f"{i:02}" for i in range(n)]
    ranked, rounds = drive(schedules.knockout(names, seed=seed), lambda a, b: float(a < b))

    met = [name for pairs in rounds for pair in pairs for name in pair]
    assert ranked[0] == "00"
    assert sorted(ranked) == names
    assert (len(met) // 2,) * 2 == schedules.knockout_calls(n)
    losses = Counter(max(pair) for pairs in rounds for pair in pairs)
    assert losses == Counter(names[1:])  # everybody but the best loses once, and is out
    assert all(len(set(sum(pairs, ()))) == 2 * len(pairs) for pairs in rounds)
    byes = Counter(name for pairs, after in pairwise(rounds)
                   for name in sum(after, ()) if name not in sum(pairs, ()))  # fmt: skip
    assert max(byes.values(), default=0) <= 1


def test_a_knock_out_is_drawn_by_the_seed_whatever_order_names_come_in():
    one, other = (drive(schedules.knockout(names, seed=1), lambda _a, _b: 0.5) for names in ("abcd", "dcba"))

    assert one == other
    assert len({drive(schedules.knockout("abcd", seed=s), lambda _a, _b: 0.5)[0] for s in range(20)}) > 4


def test_lost_results_and_draws_of_a_knock_out_favour_nobody():
    won = Counter(drive(schedules.knockout("ab", seed=s), lambda _a, _b: None)[0][0] for s in range(400))

    assert abs(won["a"] - 200) < 4 * 10


def counted(chosen):
    pairs = Counter(frozenset(pair) for own in chosen.values() for pair in own)
    first = Counter(pair[0] for own in chosen.values() for pair in own)
    played = Counter(name for own in chosen.values() for pair in own for name in pair)
    return pairs, first, played


@pytest.mark.parametrize(("n_items", "n"), [(4, None), (8, 28), (10, 100), (30, 45)])
def test_balanced_pairs_meet_equally_often_and_lead_equally_often(n_items, n):
    groups = {str(i): NAMES for i in range(n_items)}
    chosen = balanced_pairs(groups, n)
    pairs, first, played = counted(chosen)

    wanted = n or n_items * 7
    assert pairs.total() == wanted
    all_counts = [pairs[frozenset(pair)] for pair in combinations(NAMES, 2)]
    assert max(all_counts) - min(all_counts) <= 1
    assert max(played.values()) - min(played.values()) <= 2
    assert max(first.values()) - min(first[name] for name in NAMES) <= 2
    sizes = [len(own) for own in chosen.values()]
    assert max(sizes) - min(sizes) <= 1
    assert all(len(set(map(frozenset, own))) == len(own) for own in chosen.values())


def test_balanced_pairs_use_only_systems_that_an_item_has():
    groups = {"1": "abc", "2": "ab", "3": "c", "4": "acd"}
    chosen = balanced_pairs(groups, 7)

    assert all(set(pair) <= set(groups[item]) for item, own in chosen.items() for pair in own)
    assert counted(chosen)[0].total() == 7
    with pytest.raises(InputError, match="8 comparisons of the 7"):
        balanced_pairs(groups, 8)


def standing_of(strengths, covariance, rank_low=None):
    """Return a standing with these strengths, which go down, and this covariance."""
    places = tuple(
        Place(system=name, strength=s, n=1, won=0.5, rank_low=None if rank_low is None else rank_low[i])
        for i, (name, s) in enumerate(zip(NAMES, strengths, strict=False))
    )
    return Standing(
        places=places, method="planted", interval="wald", level=0.95, n_items=100, n_comparisons=100,
        n_dropped=0, order_effect=None, ties=None, seed=0, status="ok", notes=(),
        covariance=np.asarray(covariance, dtype=float), draws=np.empty((0, len(places))),
    )  # fmt: skip


def of_counts(strengths, counts, prior=0.1):
    """Return the covariance of strengths by the inverse Hessian of so many comparisons."""
    theta, n = np.asarray(strengths), np.asarray(counts, dtype=float)
    p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    weight = n * p * (1 - p)
    own = 1 / (1 + np.exp(-theta))
    return np.linalg.inv(np.diag(weight.sum(axis=1) + 2 * prior * own * (1 - own)) - weight)


# Closed forms, worked out apart: a graph of 140 comparisons of four systems, and wins of 0.1 for each.
STRENGTHS = [0.4, 0.2, 0.0, -0.6]
COUNTS = [[0, 30, 20, 10], [30, 0, 25, 15], [20, 25, 0, 40], [10, 15, 40, 0]]
GAINS = {"ab": 0.021513, "ac": 0.023483, "ad": 0.025007, "bc": 0.020957, "bd": 0.023817, "cd": 0.017866}


def test_the_next_pair_is_the_one_that_adds_most_to_the_information():
    standing = standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS))

    for left in range(6, 0, -1):
        best = sorted(GAINS, key=GAINS.__getitem__)[:left]
        asked = [("1", frozenset(pair)) for pair in GAINS if pair not in best]
        [(pair,)] = next_pairs(standing, {"1": "abcd"}, 1, asked=asked).values()
        assert frozenset(pair) == frozenset(best[-1])


def test_pairs_chosen_together_count_as_made():
    """One after another from the covariance with the pairs before: the same as fitting it anew."""
    standing = standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS))
    groups = {str(i): "abcd" for i in range(40)}
    chosen = [pair for own in next_pairs(standing, groups, 40).values() for pair in own]
    by_hand, counts = Counter(), np.array(COUNTS, dtype=float)
    for _ in range(40):
        c = of_counts(STRENGTHS, counts)
        gain = {}
        for i, j in combinations(range(4), 2):
            p = 1 / (1 + math.exp(STRENGTHS[j] - STRENGTHS[i]))
            gain[i, j] = p * (1 - p) * (c[i, i] + c[j, j] - 2 * c[i, j])
        i, j = max(gain, key=gain.__getitem__)
        counts[i, j] += 1
        counts[j, i] += 1
        by_hand[frozenset((NAMES[i], NAMES[j]))] += 1

    assert Counter(map(frozenset, chosen)) == by_hand
    assert len(by_hand) > 3


def test_for_the_top_only_those_that_may_be_the_best_meet():
    standing = standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS), rank_low=[1, 1, 1, 3])
    chosen = next_pairs(standing, {str(i): "abcd" for i in range(9)}, 100, want="top")

    assert {name for own in chosen.values() for pair in own for name in pair} == set("abc")
    assert counted(chosen)[0].total() == 27  # all there are, not the 100 asked for


def test_for_two_systems_they_meet_or_those_that_tell_of_them():
    standing = standing_of(STRENGTHS, of_counts(STRENGTHS, COUNTS))
    [(pair,)] = next_pairs(standing, {"1": "abcd"}, 1, want=("a", "b")).values()

    assert set(pair) == {"a", "b"}
    assert next_pairs(standing, {"1": "acd"}, 1, want=("a", "b"))  # a and b have no item left


def test_a_standing_without_strengths_names_no_pairs():
    said = [Verdict("j", Unit("1", ("a", "b")), "c", (("first", 1.0),), "first", 1.0)]

    with pytest.raises(InputError, match=r"fit it with prior=0\.1"):
        next_pairs(bradley_terry(said), {"1": "ab"}, 1)
    with pytest.raises(InputError, match="there are 'order', 'top'"):
        next_pairs(bradley_terry(said, prior=0.1), {"1": "ab"}, 1, want="best")
    with pytest.raises(InputError, match="no system 'z'"):
        next_pairs(bradley_terry(said, prior=0.1), {"1": "ab"}, 1, want=("a", "z"))
