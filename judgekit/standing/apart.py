"""Which systems can be told apart, for all pairs at once: ranks, groups, letters.

Two systems are apart if their difference is beyond the largest studentised difference that resampling alone
makes between any two, in a share `level` of the resamples; what no resample moves is not told apart. Source:
Mogstad, Romano, Shaikh and Wilhelm (2024), "Inference for Ranks", Review of Economic Studies 91, with the
bootstrap's maximum over all pairs.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Floats

FEWEST_DRAWS = 20
"""Resamples with a fit that an interval needs."""
_STILL = 1e-9  # strengths are fitted to 1e-11: resamples that differ by less say the same
Apart = npt.NDArray[np.bool_]
Ranks = tuple[int, int] | tuple[None, None]


def told_apart(strengths: Floats, draws: Floats, level: float) -> Apart:
    """Return whether each two systems are told apart, shape (n, n); none with too few draws."""
    # A system without a strength (nan) is told from none.
    found = np.zeros((len(strengths),) * 2, dtype=bool)
    known = np.flatnonzero(np.isfinite(strengths))
    one, other = (known[each] for each in np.triu_indices(len(known), 1))
    if len(draws) < FEWEST_DRAWS or not len(one):
        return found
    gap = strengths[one] - strengths[other]
    spread, worst = np.empty(len(one)), np.zeros(len(draws))
    at_once = max(2_000_000 // len(draws), 1)
    for start in range(0, len(one), at_once):
        pairs = slice(start, start + at_once)
        resampled = draws[:, one[pairs]] - draws[:, other[pairs]]
        spread[pairs] = resampled.std(axis=0, ddof=1)
        size = np.maximum(spread[pairs], _STILL)
        worst = np.maximum(worst, np.abs((resampled - gap[pairs]) / size).max(axis=1))
    apart = (spread > _STILL) & (np.abs(gap) > np.quantile(worst, level) * spread)
    found[one, other] = found[other, one] = apart
    return found


def rank_intervals(strengths: Floats, draws: Floats, level: float) -> list[Ranks]:
    """Return best and worst rank of each system, for all systems at once; None with too few draws."""
    if len(draws) < FEWEST_DRAWS:
        return [(None, None)] * len(strengths)
    apart, n = told_apart(strengths, draws, level), len(strengths)
    above = (apart & (strengths > strengths[:, None])).sum(axis=1)
    below = (apart & (strengths < strengths[:, None])).sum(axis=1)
    return [
        (1 + int(a), n - int(b)) if np.isfinite(s) else (None, None)
        for s, a, b in zip(strengths, above, below, strict=True)
    ]


def groups(systems: Sequence[str], apart: Apart) -> tuple[tuple[str, ...], ...]:
    """Return the largest groups of systems none of which is told from another of it, the first ones first.

    Two systems share a group exactly where they are not told apart; one that is told from all is a group.
    They are the maximal cliques of who is not told from whom, of which there may be many.
    Source: Piepho (2004), "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons";
    Tomita, Tanaka and Takahashi (2006), Theoretical Computer Science 363, for the cliques.
    """
    n, found = len(systems), []
    alike = [np.flatnonzero(~row).tolist() for row in apart]
    near = [sum(1 << j for j in own if j != i) for i, own in enumerate(alike)]  # as bits
    stack = [(0, (1 << n) - 1, 0)] if n else []  # a clique, who may join it, and who had a turn already
    while stack:
        clique, may, had = stack.pop()
        if not may | had:
            found.append(sorted(_bits(clique)))
            continue
        pivot = max(_bits(may | had), key=lambda i: (near[i] & may).bit_count())
        for i in _bits(may & ~near[pivot]):
            stack.append((clique | 1 << i, may & near[i], had & near[i]))
            may, had = may & ~(1 << i), had | 1 << i
    return tuple(tuple(systems[i] for i in each) for each in sorted(found))


def _bits(number: int) -> Iterator[int]:
    """Yield the places of the ones of a number."""
    while number:
        last = number & -number
        yield last.bit_length() - 1
        number ^= last


def letters(n: int) -> list[str]:
    """Return names of groups: a to z, then aa, ab and so on.

    >>> letters(28)[-3:]
    ['z', 'aa', 'ab']
    """
    made = []
    for i in range(n):
        name, left = "", i + 1
        while left:
            left, place = divmod(left - 1, 26)
            name = chr(97 + place) + name
        made.append(name)
    return made


def chances(draws: Floats) -> Floats:
    """Return how sure it is that the system of a row is better than that of a column, shape (n, n).

    It is the share of the resamples (n_draws, n) in which it is, ties half; nan on the diagonal, and with too
    few draws.
    """
    n = draws.shape[1]
    if len(draws) < FEWEST_DRAWS:
        return np.full((n, n), np.nan)
    made = np.array(
        [((d > draws.T).sum(axis=1) + 0.5 * (d == draws.T).sum(axis=1)) / len(draws) for d in draws.T]
    ).reshape(n, n)
    made[np.isnan(draws).any(axis=0)] = np.nan
    made[:, np.isnan(draws).any(axis=0)] = np.nan
    np.fill_diagonal(made, np.nan)
    return made
