"""Swiss dynamics of scores: against an enumeration in fractions, and what falls."""

from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest

from judgekit.errors import InputError
from judgekit.standing import swiss_dynamics

RUNS = 20_000


def exact(scores: list[list[float]], drop: int) -> list[Fraction]:
    """Expected points of systems (scores by round, then system), by going through every drawing."""
    n = len(scores[0])
    states = {(tuple(Fraction(0) for _ in range(n)), tuple(range(n))): Fraction(1)}
    for of_round in scores:
        new: dict = {}
        for (points, there), chance in states.items():
            for ways in product(*map(pairings, levels(points, there))):
                own, p = list(points), chance
                for q, pairs in ways:
                    p *= q
                    for a, b in pairs:
                        won = Fraction(1 + (of_round[a] > of_round[b]) - (of_round[a] < of_round[b]), 2)
                        own[a], own[b] = own[a] + won, own[b] + 1 - won
                for q, stay in drops(own, there, drop):
                    new[tuple(own), stay] = new.get((tuple(own), stay), 0) + p * q
        states = new
    return [sum(p * points[i] for (points, _), p in states.items()) for i in range(n)]


def pairings(level):
    lines = list(permutations(level))
    return [(Fraction(1, len(lines)), tuple(zip(line[::2], line[1::2], strict=False))) for line in lines]


def levels(points, there):
    return [tuple(i for i in there if points[i] == p) for p in sorted({points[i] for i in there})]


def drops(points, there, left):
    """Return (probability, who stays) of each way to drop so many of the lowest."""
    gone: set = set()
    for level in levels(points, there):
        if len(level) > left:
            some = list(combinations(level, left))
            return [
                (Fraction(1, len(some)), tuple(i for i in there if i not in gone | set(own))) for own in some
            ]
        left, gone = left - len(level), gone | set(level)
    return [(Fraction(1), ())]


def named(scores):
    """Return the scores of rounds as system -> data set -> score, and the rounds."""
    systems = {
        f"s{i}": {str(k): float(row[i]) for k, row in enumerate(scores)} for i in range(len(scores[0]))
    }
    return systems, [[str(k)] for k in range(len(scores))]


CASES = [
    [[4, 3, 2, 1], [1, 2, 3, 4]],
    [[4, 3, 2, 1, 0], [1, 2, 3, 4, 5], [2, 2, 2, 1, 1]],  # one sits out; draws
    [[1, 1, 2], [3, 1, 2], [1, 2, 3]],
]


def test_the_enumeration_gives_the_fractions_worked_out_by_others():
    assert exact(CASES[0], 0) == [1, Fraction(4, 3), Fraction(2, 3), 1]
    assert exact(CASES[0], 1) == [1, Fraction(4, 3), Fraction(2, 3), 0]


@pytest.mark.parametrize("scores", CASES)
def test_points_are_within_four_errors_of_the_exact_fractions(scores):
    found = {each.system: each for each in swiss_dynamics(*named(scores), n=RUNS, seed=3)}

    for at, drop in enumerate((0, 1, 2)):
        for i, truth in enumerate(exact(scores, drop)):
            mine = found[f"s{i}"]
            assert abs(mine.points[at] - float(truth)) <= 4 * mine.errors[at] + 1e-12


def test_what_is_won_is_what_is_played_which_is_less_than_half_of_all_in_all_rounds():
    scores = [[6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]]
    found = swiss_dynamics(*named(scores), drop=(0,), n=200)

    assert sum(exact(scores, 0)) == 3 + 2  # of three with a point and three without one sits out each
    assert sum(each.points[0] for each in found) == pytest.approx(5)


def test_the_same_seed_gives_the_same_points_whatever_the_order_of_systems():
    scores, rounds = named(CASES[1])
    turned = dict(reversed(scores.items()))

    assert swiss_dynamics(scores, rounds, n=500, seed=7) == swiss_dynamics(turned, rounds, n=500, seed=7)
    assert swiss_dynamics(scores, rounds, n=500, seed=7) != swiss_dynamics(scores, rounds, n=500, seed=8)


def planted(seed: int, n: int = 20, k: int = 6):
    """Return scores with a system that is hopeless in half of the rounds and the best in the others."""
    rng = np.random.default_rng(seed)
    scores = {
        f"s{i}": {str(r): at + 0.4 * rng.normal() for r in range(k)}
        for i, at in enumerate(np.linspace(-1, 1, n - 2))
    }
    scores["generalist"] = {str(r): 0.3 + 0.2 * rng.normal() for r in range(k)}
    scores["specialist"] = {str(r): (-1.5 if r < k // 2 else 1.5) + 0.2 * rng.normal() for r in range(k)}
    return scores, [[str(r)] for r in range(k)]


def test_a_specialist_falls_and_a_generalist_does_not():
    told = []
    for seed in range(100):
        found = {each.system: each for each in swiss_dynamics(*planted(seed), n=400, seed=seed)}
        told.append((found["specialist"].specialist, found["generalist"].specialist))
        assert found["specialist"].slope < found["generalist"].slope

    assert sum(special and not general for special, general in told) >= 95


@pytest.mark.parametrize(
    ("scores", "rounds", "drop", "message"),
    [
        ({"a": {"x": 1.0}}, [["x"]], (0,), "two systems"),
        ({"a": {"x": 1.0}, "b": {}}, [["x"]], (0,), "'b' has no score on"),
        ({"a": {"x": 1.0}, "b": {"x": float("nan")}}, [["x"]], (0,), "'b' has no score on"),
        ({"a": {"x": 1.0}, "b": {"x": 2.0}}, [[]], (0,), "names no data set"),
        ({"a": {"x": 1.0}, "b": {"x": 2.0}}, [["x"]], (-1,), "a drop of 0 or more"),
    ],
)
def test_what_cannot_be_drawn_is_refused(scores, rounds, drop, message):
    with pytest.raises(InputError, match=message):
        swiss_dynamics(scores, rounds, drop=drop)


def test_more_drops_than_systems_leave_nobody():
    scores, rounds = named([[2, 1], [1, 2]])

    found = swiss_dynamics(scores, rounds, drop=(0, 5), n=100)

    assert sorted(each.points for each in found) == [(0.0, 0.0), (1.0, 1.0)]  # unequal ones do not meet
