"""Conformal intervals and sets: how far a person's label may be from a judge's score.

Split conformal prediction with labelled units that are exchangeable with those to come: of them, a share of
at least `level` has its label inside. It says so of the average unit, not of each; a new model, prompt or
traffic ends it.
"""

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import aligned, column
from judgekit.agreement.estimate import TOO_FEW, undefined
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

_ULP = 1e-9


def least_n(level: float) -> int:
    """The fewest labelled units that give a finite interval: 9 for 90 %, 19 for 95 %.

    Raises:
        InputError: If the level is not between 0 and 1.

    >>> least_n(0.9), least_n(0.95)
    (9, 19)
    """
    _check(level)
    return math.ceil(level / (1 - level) - _ULP)


def quantile_index(n: int, level: float) -> int:
    """Which of n sorted scores bounds the next one, counted from 1; above n where there are too few.

    ceil((n + 1) level), guarded: in floating point (1 - .9) * 20 is 1.9999999999999996, and cutting it off
    takes the largest of 19 scores where the 18th is right.

    >>> quantile_index(19, 0.9)
    18
    """
    _check(level)
    return math.ceil((n + 1) * level - _ULP)


def radius(scores: npt.ArrayLike, *, level: float = 0.9) -> float:
    """The score below which the next one lies with probability at least `level`.

    Args:
        scores: Shape (n,), how badly each labelled unit fits, such as |label - score|; nan where missing.
        level: Coverage.

    Returns:
        In the units of the scores. Infinite where `least_n(level)` is not reached: then no finite one
        could keep the promise.

    Source:
        Vovk, Gammerman & Shafer (2005); Lei et al. (2018). Checked against MAPIE (n = 19, 90 %: the 18th).

    >>> radius([0.1 * i for i in range(1, 20)], level=0.9)
    1.8
    """
    x = column(scores, "scores")
    x = np.sort(x[~np.isnan(x)])
    k = quantile_index(len(x), level)
    return float(x[k - 1]) if k <= len(x) else math.inf


def conformal_radius(labels: npt.ArrayLike, judged: npt.ArrayLike, *, level: float = 0.9) -> Estimate:
    """Half-width of the interval around a judge's score that holds the person's label.

    Args:
        labels: Shape (n,), people's labels as numbers; nan where missing.
        judged: Shape (n,), the judge's scores on the same scale; nan where missing.
        level: Share of units whose label is to be inside.

    Returns:
        The half-width; undefined, with the number of labels needed, where there are too few.

    Raises:
        InputError: For a malformed argument.
    """
    y, f = aligned(labels=labels, judged=judged)
    residuals = np.abs(y - f)
    n = int(np.sum(~np.isnan(residuals)))
    value = radius(residuals, level=level)
    made = Estimate(
        "conformal_radius", value, level=level, n_units=len(y), n_raters=2, n_used=n,
        n_dropped=len(y) - n, method="split conformal, |label - score|",
    )  # fmt: skip
    if math.isinf(value):
        needed = least_n(level)
        return undefined(made, TOO_FEW, f"{n} labels; {level:.0%} needs at least {needed}")
    return made


def group_radii(
    scores: npt.ArrayLike, groups: Sequence[Hashable], *, level: float = 0.9
) -> Mapping[Hashable, float]:
    """A radius for each group (system, criterion), so that the promise holds in each; Mondrian conformal.

    Infinite in a group with too few labels.

    Raises:
        InputError: If there is not one group a score.

    >>> group_radii([0.0, 1.0, 2.0], ["a", "a", "b"], level=0.5)
    {'a': 1.0, 'b': 2.0}
    """
    x = column(scores, "scores")
    if len(groups) != len(x):
        raise InputError(f"{len(groups)} groups for {len(x)} scores")
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    return {group: radius(x[rows], level=level) for group, rows in members.items()}


def rank_scores(probs: npt.ArrayLike) -> Floats:
    """How far each label is from the middle of a judge's distribution, shape (n, n_labels), 0 to 1.

    |2 F - 1| at the label's mid-point of the cumulative distribution: labels in order of it form a run
    around the median. The radius of the right labels' scores makes sets of `probs` by `rank_sets`.

    >>> rank_scores([[0.25, 0.5, 0.25]]).tolist()
    [[0.75, 0.0, 0.75]]
    """
    q = np.asarray(probs, dtype=float)
    if q.ndim != 2 or np.any(np.abs(q.sum(axis=1) - 1) > 1e-6):
        raise InputError(f"probs has shape {q.shape}; rows of (n, n_labels) that sum to 1 are needed")
    return np.asarray(np.abs(2 * (np.cumsum(q, axis=1) - q / 2) - 1))


def rank_sets(probs: npt.ArrayLike, width: float) -> npt.NDArray[np.bool_]:
    """Labels whose rank score is at most `width`, shape (n, n_labels); each row is one run of labels."""
    return np.asarray(rank_scores(probs) <= width + _ULP)


def sizes(sets: npt.NDArray[np.bool_]) -> Mapping[int, int]:
    """How many sets hold how many labels.

    >>> sizes(np.array([[True, False], [True, True], [True, True]]))
    {1: 1, 2: 2}
    """
    held, count = np.unique(sets.sum(axis=1), return_counts=True)
    return dict(zip(held.tolist(), count.tolist(), strict=True))


def _check(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level {level} is not between 0 and 1")
