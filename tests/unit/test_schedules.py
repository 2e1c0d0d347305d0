from collections import Counter

import numpy as np
import pytest

from judgekit.errors import InputError
from judgekit.recipes import schedules

NAMES = tuple("abcdefghij")


def drive(schedule, result):
    """Run a schedule; gives what it returned and the rounds it asked for."""
    rounds = []
    try:
        pairs = next(schedule)
        while True:
            rounds.append(pairs)
            pairs = schedule.send([result(a, b) for a, b in pairs])
    except StopIteration as end:
        return end.value, rounds


def true_order(a, b):
    return float(a < b)


def draw(_a, _b):
    return 0.5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [2, 3, 5, 8, 10])
def test_a_merge_sort_sorts_within_its_counts(n, seed):
    ranked, rounds = drive(schedules.merge_sort(NAMES[:n], seed=seed), true_order)

    least, most = schedules.merge_sort_calls(n)
    assert ranked == NAMES[:n]
    assert least <= sum(map(len, rounds)) <= most


def test_the_counts_of_a_merge_sort_are_reached():
    seen = set()
    for seed in range(400):
        seen.add(sum(map(len, drive(schedules.merge_sort(NAMES[:5], seed=seed), true_order)[1])))

    assert (min(seen), max(seen)) == schedules.merge_sort_calls(5)


def test_merges_of_one_level_run_at_once():
    _, rounds = drive(schedules.merge_sort(NAMES[:8]), true_order)

    assert len(rounds[0]) == 4
    assert len(rounds) < sum(map(len, rounds))


def test_draws_and_lost_comparisons_leave_the_shuffled_order():
    mixed, _ = drive(schedules.merge_sort(NAMES, seed=1), draw)

    assert drive(schedules.merge_sort(NAMES, seed=1), lambda _a, _b: None)[0] == mixed
    assert sorted(mixed) == list(NAMES)
    assert mixed != NAMES


def test_a_round_robin_asks_each_pair_once_in_one_round():
    ranked, rounds = drive(schedules.round_robin(NAMES), true_order)

    assert len(rounds) == 1
    assert {frozenset(p) for p in rounds[0]} == {frozenset((a, b)) for a in NAMES for b in NAMES if a < b}
    assert (len(rounds[0]), len(rounds[0])) == schedules.round_robin_calls(10)
    assert ranked == NAMES


def test_a_lost_comparison_counts_for_nobody():
    ranked, _ = drive(schedules.round_robin("abc"), lambda a, b: None if "a" in (a, b) else float(a < b))

    assert ranked == ("b", "a", "c")  # a has no record and stands between


@pytest.mark.parametrize("n", [2, 5, 9, 10])
def test_a_swiss_tournament_asks_what_it_said(n):
    _, rounds = drive(schedules.swiss(NAMES[:n], rounds=4), true_order)

    assert [len(r) for r in rounds] == [n // 2] * 4
    assert (sum(map(len, rounds)),) * 2 == schedules.swiss_calls(n, 4)


def test_the_best_wins_a_swiss_tournament_and_the_rest_is_about_right():
    placed = []
    for seed in range(20):
        ranked, _ = drive(schedules.swiss(NAMES[:8], rounds=3, seed=seed), true_order)
        assert ranked[0] == "a"
        placed.append([ranked.index(name) for name in NAMES[:8]])

    assert np.all(np.diff(np.mean(placed, axis=0)) > 0)


@pytest.mark.parametrize("seed", range(10))
def test_nobody_meets_twice_while_somebody_is_left(seed):
    _, rounds = drive(schedules.swiss(NAMES, rounds=4, seed=seed), true_order)

    met = Counter(frozenset(pair) for pairs in rounds for pair in pairs)
    assert max(met.values()) == 1


def test_those_with_equal_points_meet():
    _, rounds = drive(schedules.swiss(NAMES[:8], rounds=2, seed=2), true_order)

    winners = {min(pair) for pair in rounds[0]}
    assert sum(set(pair) <= winners for pair in rounds[1]) == 2
    assert sum(not set(pair) & winners for pair in rounds[1]) == 2


def test_everybody_sits_out_about_as_often():
    _, rounds = drive(schedules.swiss(NAMES[:5], rounds=5, seed=3), true_order)

    out = [(set(NAMES[:5]) - {name for pair in pairs for name in pair}).pop() for pairs in rounds]
    assert sorted(out) == list(NAMES[:5])


def test_all_draws_are_no_order():
    firsts = {drive(schedules.swiss(NAMES[:4], rounds=2, seed=seed), draw)[0][0] for seed in range(30)}

    assert firsts == set(NAMES[:4])  # the shuffle decides, not the alphabet


@pytest.mark.parametrize(
    "make",
    [
        schedules.round_robin,
        schedules.merge_sort,
        lambda names, seed: schedules.swiss(names, rounds=3, seed=seed),
    ],
)
def test_a_schedule_repeats_by_its_seed_whatever_the_order_of_names(make):
    forth = drive(make(NAMES, seed=5), true_order)

    assert forth == drive(make(NAMES[::-1], seed=5), true_order)
    assert forth[1] != drive(make(NAMES, seed=6), true_order)[1]


@pytest.mark.parametrize("names", [["a"], ["a", "a"], []])
def test_names_are_two_or_more_and_differ(names):
    with pytest.raises(InputError, match="two names or more"):
        next(schedules.merge_sort(names))


def test_results_are_one_a_pair_and_on_the_unit_interval():
    schedule = schedules.round_robin("abc")
    next(schedule)
    with pytest.raises(InputError, match="1 results for 3 pairs"):
        schedule.send([1.0])

    schedule = schedules.merge_sort("ab")
    next(schedule)
    with pytest.raises(InputError, match="not on"):
        schedule.send([2.0])


def test_a_tournament_needs_a_round():
    with pytest.raises(InputError, match="0"):
        next(schedules.swiss("ab", rounds=0))
