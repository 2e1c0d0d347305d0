"""Schedules: which pairs to compare next, given what the comparisons before said.

A schedule is a generator: it yields rounds, tuples of pairs that can be asked at once, is sent one result a
pair (1 if the first is better, 0 if the second is, 0.5 for a draw; None where no verdict was obtained), and
returns the names, best first. The seed decides all that is drawn. Each has a function that says how many
comparisons it asks for, at least and at most.
"""

from collections.abc import Generator, Sequence
from itertools import combinations

import numpy as np

from judgekit.errors import InputError

Pair = tuple[str, str]
Result = float | None
Schedule = Generator[tuple[Pair, ...], Sequence[Result], tuple[str, ...]]


def round_robin(names: Sequence[str], *, seed: int = 0) -> Schedule:
    """Meet every pair once, in one round; ranked by the mean result over the comparisons obtained."""
    mixed, rng = _mixed(names, seed)
    pairs = [(a, b) if rng.random() < 0.5 else (b, a) for a, b in combinations(mixed, 2)]
    asked = tuple(pairs[i] for i in rng.permutation(len(pairs)))
    table = _Table(mixed)
    table.enter(asked, (yield asked))
    return table.ranked()


def round_robin_calls(n: int) -> tuple[int, int]:
    """Return the least and the most comparisons of a round robin of `n` names."""
    return n * (n - 1) // 2, n * (n - 1) // 2


def circle(names: Sequence[str], *, opposite: bool = True, seed: int = 0) -> Schedule:
    """Show everybody first as often as second: on a circle, against each of the next half; one round.

    Of an even number `opposite` ones meet in both orders, which costs a comparison a name, or do not meet.
    """
    mixed, _ = _mixed(names, seed)
    n = len(mixed)
    farthest = n // 2 if opposite else (n - 1) // 2
    asked = tuple((mixed[i], mixed[(i + d) % n]) for d in range(1, farthest + 1) for i in range(n))
    table = _Table(mixed)
    table.enter(asked, (yield asked))
    return table.ranked()


def circle_calls(n: int, *, opposite: bool = True) -> tuple[int, int]:
    """Return the least and the most comparisons of `n` names on a circle."""
    asked = n * (n // 2 if opposite else (n - 1) // 2)
    return asked, asked


def swiss(names: Sequence[str], *, rounds: int, seed: int = 0) -> Schedule:
    """Meet those with equal points, round after round, so that close neighbours are compared most.

    In each round names are ordered by points, shuffled where they are equal, and each meets the next it has
    not met (a rematch only where no exchange with one other pair avoids it). Of an odd number the lowest that
    has not yet sat out does, without a point. Names rank by points a comparison obtained, then by the mean of
    the same of their opponents. LLM Swiss Round (2025), arXiv 2512.21010, with a seed, draws, and no point
    for sitting out.
    """
    if rounds < 1:
        raise InputError(f"a Swiss tournament has 1 round or more, not {rounds}")
    mixed, rng = _mixed(names, seed)
    table = _Table(mixed)
    met: set[frozenset[str]] = set()
    sat_out: dict[str, int] = dict.fromkeys(mixed, 0)
    for _ in range(rounds):
        line = [mixed[i] for i in rng.permutation(len(mixed))]
        line.sort(key=lambda name: -table.points[name])
        if len(line) % 2:
            rest = min(reversed(line), key=lambda name: sat_out[name])
            sat_out[rest] += 1
            line.remove(rest)
        pairs = _neighbours(line, met)
        met |= {frozenset(pair) for pair in pairs}
        table.enter(pairs, (yield pairs))
    return table.ranked()


def swiss_calls(n: int, rounds: int) -> tuple[int, int]:
    """Return the least and the most comparisons of a Swiss tournament."""
    return rounds * (n // 2), rounds * (n // 2)


def knockout(names: Sequence[str], *, seed: int = 0) -> Schedule:
    """Meet in a drawn bracket: who wins goes on, who loses is out; the fewest comparisons that join all.

    Of an odd number one that has not yet done so goes on without meeting anybody. After a draw, or where no
    result was obtained, the seed says who goes on. Names rank by how far they came. VARCO Arena (2024), arXiv
    2411.01281, which fits all brackets of many items together; by itself one bracket orders little.
    """
    line, rng = _mixed(names, seed)
    passed: set[str] = set()
    out: list[str] = []
    while len(line) > 1:
        free = [name for name in reversed(line) if name not in passed][:1] if len(line) % 2 else []
        passed |= set(free)
        meeting = [name for name in line if name not in free]
        pairs = tuple(zip(meeting[::2], meeting[1::2], strict=True))
        results = yield pairs
        _check(results, len(pairs))
        told = [rng.random() if result in {None, 0.5} else float(result or 0.0) for result in results]
        won = [pair if result > 0.5 else pair[::-1] for pair, result in zip(pairs, told, strict=True)]
        line, out = [*(winner for winner, _ in won), *free], [*(loser for _, loser in won), *out]
    return (*line, *out)


def knockout_calls(n: int) -> tuple[int, int]:
    """Return the least and the most comparisons of a knock-out of `n` names."""
    return n - 1, n - 1


def merge_sort(names: Sequence[str], *, seed: int = 0) -> Schedule:
    """Sort by comparing, about n log2 n times; merges of one level run at once.

    A draw, or a comparison that was not obtained, leaves the two in the order they were shuffled into. Every
    verdict is taken at its word: one wrong one can move a name far. LM-as-an-Examiner (2023), arXiv
    2306.04181.
    """
    mixed, _ = _mixed(names, seed)
    runs = [[name] for name in mixed]
    while len(runs) > 1:
        merges = [_Merge(runs[i], runs[i + 1]) for i in range(0, len(runs) - 1, 2)]
        while open_ := [merge for merge in merges if merge.left and merge.right]:
            results = yield tuple((merge.left[0], merge.right[0]) for merge in open_)
            _check(results, len(open_))
            for merge, result in zip(open_, results, strict=True):
                merge.take(result)
        odd = runs[-1:] if len(runs) % 2 else []
        runs = [merge.done + merge.left + merge.right for merge in merges] + odd
    return tuple(runs[0])


def merge_sort_calls(n: int) -> tuple[int, int]:
    """Return the least and the most comparisons of a merge sort of `n` names."""
    least = most = 0
    runs = [1] * n
    while len(runs) > 1:
        pairs = [(runs[i], runs[i + 1]) for i in range(0, len(runs) - 1, 2)]
        least += sum(min(pair) for pair in pairs)
        most += sum(sum(pair) - 1 for pair in pairs)
        runs = [sum(pair) for pair in pairs] + (runs[-1:] if len(runs) % 2 else [])
    return least, most


def pivots(names: Sequence[str], *, n: int = 1, seed: int = 0) -> Schedule:
    """Meet the same `n`, chosen by the seed, who meet one another too (BRPO, 2025, arXiv 2506.00103)."""
    if n < 1:
        raise InputError(f"{n} pivots; at least 1")
    mixed, _ = _mixed(names, seed)
    met = mixed[:n]
    asked = tuple((name, pivot) for i, pivot in enumerate(met) for name in mixed if name not in met[: i + 1])
    table = _Table(mixed)
    table.enter(asked, (yield asked))
    return table.ranked()


def pivots_calls(n: int, pivots: int = 1) -> tuple[int, int]:
    """Return the least and the most comparisons of `n` names with so many pivots."""
    met = min(pivots, n)
    total = met * (n - met) + met * (met - 1) // 2
    return total, total


class _Merge:
    """Two sorted runs on their way into one."""

    def __init__(self, left: list[str], right: list[str]) -> None:
        self.left, self.right, self.done = list(left), list(right), list[str]()

    def take(self, result: Result) -> None:
        self.done.append(self.right.pop(0) if result is not None and result < 0.5 else self.left.pop(0))


class _Table:
    """Points of a tournament."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.points = dict.fromkeys(names, 0.0)
        self.played: dict[str, list[str]] = {name: [] for name in names}

    def enter(self, pairs: Sequence[Pair], results: Sequence[Result]) -> None:
        """Count the results of a round; one that was not obtained counts for nobody."""
        _check(results, len(pairs))
        for (a, b), result in zip(pairs, results, strict=True):
            if result is None:
                continue
            won = 0.5 if result == 0.5 else float(result > 0.5)
            self.points[a] += won
            self.points[b] += 1.0 - won
            self.played[a].append(b)
            self.played[b].append(a)

    def ranked(self) -> tuple[str, ...]:
        """Return the names, best first: points a comparison, those of the opponents, then as shuffled."""
        rate = {n: self.points[n] / len(self.played[n]) if self.played[n] else 0.5 for n in self.names}
        against = {n: sum(rate[o] for o in self.played[n]) / max(len(self.played[n]), 1) for n in self.names}
        return tuple(sorted(self.names, key=lambda n: (-round(rate[n], 12), -round(against[n], 12))))


def _neighbours(line: Sequence[str], met: set[frozenset[str]]) -> tuple[Pair, ...]:
    """Pair each with the next it has not met; who is left over exchanges with the pairs nearest to it."""
    waiting = list(line)
    pairs: list[Pair] = []
    while waiting:
        one = waiting.pop(0)
        fresh = [other for other in waiting if frozenset((one, other)) not in met]
        other = fresh[0] if fresh else waiting[0]
        waiting.remove(other)
        pairs.append((one, other))
        if not fresh:
            _exchange(pairs, met)
    return tuple(pairs)


def _exchange(pairs: list[Pair], met: set[frozenset[str]]) -> None:
    """Part the last pair, which has met before, by exchanging with an earlier one, if any allows it."""
    one, other = pairs[-1]
    for i in range(len(pairs) - 2, -1, -1):
        a, b = pairs[i]
        for new in (((a, one), (b, other)), ((a, other), (b, one))):
            if not any(frozenset(pair) in met for pair in new):
                pairs[i], pairs[-1] = new
                return


def _mixed(names: Sequence[str], seed: int) -> tuple[list[str], np.random.Generator]:
    """Shuffle the names, whatever order they came in."""
    if len(set(names)) < len(names) or len(names) < 2:
        raise InputError(f"a schedule needs two names or more, all different, not {list(names)}")
    rng = np.random.default_rng(seed)
    ordered = sorted(names)
    return [ordered[i] for i in rng.permutation(len(ordered))], rng


def _check(results: Sequence[Result], n: int) -> None:
    if len(results) != n:
        raise InputError(f"{len(results)} results for {n} pairs; send one a pair, None where there is none")
    if bad := [r for r in results if r is not None and not 0.0 <= r <= 1.0]:
        raise InputError(f"results {bad} are not on [0, 1]")
