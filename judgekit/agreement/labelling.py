"""Which units to label: where the judge is unsure, but by lot.

Each unit has a known chance of being drawn, never 0, so that `active` can weigh what was drawn.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import aligned, column, complete
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError


def labelling_probabilities(uncertainty: npt.ArrayLike, *, budget: float, tau: float = 0.5) -> Floats:
    """The chance of each unit to be labelled: partly even, partly by how unsure the judge is.

    Args:
        uncertainty: Shape (N,), anything that grows as the judge's error does: the standard deviation
            sqrt(p (1 - p)) of a probability, the spread over samples, 1 - confidence. At least 0.
        budget: Labels wanted, on average.
        tau: Share of the budget spread evenly, in (0, 1]; it keeps every chance above 0.

    Returns:
        Shape (N,), in (0, 1], with sum `budget`.

    Raises:
        InputError: If the uncertainty is missing or negative anywhere, or there is no such budget or tau.

    Source:
        Zrnic & Candès (2024), "Active Statistical Inference", arXiv 2403.03208.

    >>> labelling_probabilities([0, 0, 1, 1], budget=2).tolist()
    [0.25, 0.25, 0.75, 0.75]
    """
    u = column(uncertainty, "uncertainty")
    if np.isnan(u).any() or (u < 0).any():
        raise InputError("uncertainty is missing or negative somewhere; a number of at least 0 is needed")
    if not 0 < budget <= len(u) or not 0 < tau <= 1:
        raise InputError(f"budget {budget} of {len(u)} units, tau {tau}: it must be above 0 and at most that")
    even = np.full(len(u), 1 / len(u))
    share = even if u.sum() == 0 else (1 - tau) * u / u.sum() + tau * even
    pi = np.zeros(len(u))
    free = np.ones(len(u), dtype=bool)
    while free.any():
        pi[free] = (budget - np.sum(~free)) * share[free] / share[free].sum()
        over = free & (pi > 1)
        if not over.any():
            break
        pi[over], free = 1.0, free & ~over
    return pi


def draw(pi: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.bool_]:
    """Which units to label: each by its own chance, independently.

    >>> draw([1.0, 1.0], seed=1).tolist()
    [True, True]
    """
    chance = chances(pi)
    return np.asarray(np.random.default_rng(seed).random(len(chance)) < chance)


def expected_gain(error: npt.ArrayLike, pi: npt.ArrayLike) -> float:
    """How many evenly drawn labels one label drawn with these chances is worth, for a mean.

    Args:
        error: Shape (N,), what the judge's error on each unit is expected to be (its standard deviation).
        pi: Shape (N,), chances.

    Returns:
        Above 1 where the chances follow the errors; nan without errors.

    >>> round(expected_gain([0.1, 0.5], [1 / 6, 5 / 6]), 3)
    1.444
    """
    e, chance = complete(error=error, pi=pi)
    mine = float(np.sum(e**2 / chances(chance)))
    return float(np.sum(e**2) * len(e) / chance.sum() / mine) if mine > 0 else math.nan


def neyman_allocation(
    sizes: Sequence[int], sds: Sequence[float], *, n: int, least: int = 2
) -> tuple[int, ...]:
    """How many of n labels each stratum gets: in proportion to its size times its spread.

    Args:
        sizes: Units in each stratum.
        sds: Expected standard deviation of the label (less the judge's) in each.
        n: Labels in all.
        least: The fewest in any stratum, so that its spread can be seen.

    Returns:
        Whole numbers with sum n (or all there is), none above its stratum's size.

    Raises:
        InputError: If lengths differ or n does not reach `least` in each.

    Source:
        Neyman (1934).

    >>> neyman_allocation([100, 100], [0.1, 0.3], n=40)
    (10, 30)
    """
    size, spread = aligned(sizes=np.asarray(sizes, float), sds=np.asarray(sds, float))
    floor = np.minimum(size, least)
    if not (spread >= 0).all() or n < floor.sum():
        raise InputError(f"{n} labels for {len(size)} strata of at least {least} each, spreads {list(sds)}")
    # A spread of 0 is a guess too: such a stratum comes last, but is no waste where others are used up.
    want = size * np.maximum(spread, 1e-9 * max(float(spread.max()), 1e-9))
    total = min(n, int(size.sum()))
    low, high = 0.0, float(np.max(size / want))
    for _ in range(200):
        factor = (low + high) / 2
        reached = np.clip(factor * want, floor, size).sum() >= total
        low, high = (low, factor) if reached else (factor, high)
    return _rounded(np.clip(high * want, floor, size), size, total)


def _rounded(given: Floats, size: Floats, total: int) -> tuple[int, ...]:
    """Whole numbers nearest to `given` with a fixed sum (largest remainders first)."""
    whole = np.floor(given + 1e-9)
    for i in np.argsort(-np.round(given - whole, 9), kind="stable"):
        if whole.sum() < total and whole[i] < size[i]:
            whole[i] += 1
    return tuple(int(x) for x in whole)


def chances(pi: npt.ArrayLike) -> Floats:
    """Chances of being drawn, shape (n,).

    Raises:
        InputError: If one is missing or not in (0, 1].
    """
    chance = column(pi, "pi")
    if not ((chance > 0) & (chance <= 1)).all():
        raise InputError(
            "pi is missing or not in (0, 1] somewhere; a unit that could not be drawn says nothing"
        )
    return chance
