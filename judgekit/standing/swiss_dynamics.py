"""Competitive Swiss dynamics: how many points a system wins over rounds of data sets, and what failing costs.

Nothing is asked: the scores are there. Systems with equal points meet, the higher score of the round wins,
and after each round some of the lowest are dropped for good. A system that falls steeply as more are dropped
lives on a few data sets; one that stands is good on most. LLM Swiss Round (2025), arXiv 2512.21010, with a
seed, a draw of one half each, and a drop by lot, where the code published goes by the order of its list.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError

FALL = 0.5
"""The share of its points from which on a system that loses them is said to be a specialist."""
_SURE = 4.0  # Monte-Carlo errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """What a system wins.

    Args:
        points: Expected points for each number of systems dropped a round, and `errors` the Monte-Carlo
            standard error of each.
        slope: Points lost for each system more that is dropped a round: negative where they are lost.
        fall: The share of its points without any drop that it loses at the largest one; nan without points.
        specialist: Whether it loses half of its points or more, beyond four Monte-Carlo errors, although
            it is not in the lowest third without any drop: those are dropped since they are weak.
    """

    system: str
    points: tuple[float, ...]
    errors: tuple[float, ...]
    slope: float
    fall: float
    specialist: bool


def swiss_dynamics(
    scores: Mapping[str, Mapping[str, float]],
    rounds: Sequence[Sequence[str]],
    *,
    drop: Sequence[int] = (0, 1, 2),
    n: int = 10_000,
    seed: int = 0,
) -> tuple[Dynamics, ...]:
    """The points that systems win in drawn Swiss rounds, most first.

    Args:
        scores: System -> data set -> score, higher is better; each system needs each data set of the rounds.
        rounds: The data sets of each round, in order; the mean over them decides a meeting, and equal means
            are a draw, one half each. Of an odd number with equal points one sits out, without a point.
        drop: How many systems are dropped after each round, at random among those with the fewest points.
        n: How many runs are drawn.
        seed: Of the drawing; the same seed gives the same points.

    Raises `InputError` for a data set or a score that is not there, or fewer than two systems. Source: LLM
    Swiss Round (2025), arXiv 2512.21010. Checked against an exact enumeration in fractions.

    >>> scores = {"a": {"x": 4, "y": 1}, "b": {"x": 3, "y": 2}, "c": {"x": 2, "y": 3}, "d": {"x": 1, "y": 4}}
    >>> [found] = [each for each in swiss_dynamics(scores, [["x"], ["y"]], drop=(0, 1)) if each.system == "d"]
    >>> found.points, found.specialist
    ((1.0, 0.0), True)
    """
    names = sorted(scores)
    if len(names) < 2 or not rounds or n < 2 or not drop or min(drop) < 0:
        raise InputError(
            f"Swiss dynamics of {len(names)} systems, {len(rounds)} rounds, {n} runs and drops {list(drop)}; "
            "two systems, a round, two runs and a drop of 0 or more are the least"
        )
    means = np.array([[_mean(scores[name], name, sets) for sets in rounds] for name in names])
    found = [_points(means, dropped, n, np.random.default_rng([seed, dropped])) for dropped in drop]
    points = np.array([each.mean(axis=0) for each in found])
    errors = np.array([each.std(axis=0, ddof=1) for each in found]) / math.sqrt(n)
    weak = points[0] + _SURE * errors[0] < np.quantile(points[0], 1 / 3)
    lost, error = points[0] - points[-1], np.hypot(errors[0], errors[-1])
    fallen = ~weak & (points[0] > 0) & (lost - _SURE * error >= FALL * points[0])
    made = [
        Dynamics(
            system=name, points=tuple(points[:, i].tolist()), errors=tuple(errors[:, i].tolist()),
            slope=_slope(drop, points[:, i]), specialist=bool(fallen[i]),
            fall=float(lost[i] / points[0, i]) if points[0, i] else math.nan,
        )
        for i, name in enumerate(names)
    ]  # fmt: skip
    return tuple(sorted(made, key=lambda each: (-each.points[0], each.system)))


def _mean(scores: Mapping[str, float], system: str, sets: Sequence[str]) -> float:
    if not sets:
        raise InputError("a round names no data set; a round is a list of them")
    if lost := [each for each in sets if not math.isfinite(scores.get(each, math.nan))]:
        raise InputError(f"system {system!r} has no score on {lost}; the rounds need one of each system")
    return math.fsum(scores[each] for each in sets) / len(sets)


def _slope(drop: Sequence[int], points: Floats) -> float:
    """Return the slope of least squares; nan for one number of drops."""
    x = np.asarray(drop, dtype=float) - np.mean(drop)
    return float(x @ points / (x @ x)) if np.any(x) else math.nan


def _points(means: Floats, dropped: int, n: int, rng: np.random.Generator) -> Floats:
    """Return the points of each system (columns) in each of `n` runs."""
    n_systems = len(means)
    points, there = np.zeros((n, n_systems)), np.ones((n, n_systems), dtype=bool)
    row, last = np.arange(n)[:, None], n_systems - 1
    for of_round in np.round(means.T, 12):
        line, level = _line(points, there, rng)
        place = np.arange(n_systems)
        begins = np.ones((n, n_systems), dtype=bool)
        begins[:, 1:] = level[:, 1:] != level[:, :-1]
        start = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
        other = np.minimum(place + 1, last)
        meets = ((place - start) % 2 == 0) & (place < last) & (level[:, other] == level) & (level >= 0)
        gap = of_round[line] - of_round[line[:, other]]
        won = np.where(meets, (1.0 + np.sign(gap)) / 2.0, 0.0)
        won[:, 1:] += np.where(meets, (1.0 - np.sign(gap)) / 2.0, 0.0)[:, :-1]
        points[row, line] += won
        if dropped:
            low = _line(points, there, rng)[0]
            n_there = there.sum(axis=1)[:, None]
            gone = (place >= n_there - dropped) & (place < n_there)
            there[row, low] &= ~gone
    return points


def _line(
    points: Floats, there: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], Floats]:
    """Return systems by points, equal ones shuffled, those dropped last; and the level of each place."""
    level = np.where(there, 2.0 * points, -1.0)  # whole numbers, since points are halves
    line = np.argsort(-(level + rng.random(level.shape)), axis=1, kind="stable")
    return line, np.take_along_axis(level, line, axis=1)
