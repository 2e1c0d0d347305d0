"""The pieces of the alternative annotator test: who agrees better with the others, and is it by enough?"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from judgekit.agreement.paired import grid
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError

Score = Literal["accuracy", "neg_rmse"]
RowScore = Callable[[Floats, Floats], Floats]
"""From labels (n,) and others' labels (n, k), nan where missing, to a score for each unit."""
ENOUGH = 30
"""Fewer items of an annotator are tested by ranks, and by default not at all."""


def indicators(judge: Floats, humans: Floats, score: Score | RowScore = "accuracy") -> tuple[Floats, Floats]:
    """Who is at least as good, on each unit and for each annotator left out.

    Args:
        judge: Shape (n_units,), labels as numbers; nan where missing.
        humans: Shape (n_units, n_humans).
        score: How well labels agree with the others': `accuracy` (share that is equal), `neg_rmse`, or
            the caller's own function.

    Returns:
        Two arrays of shape (n_units, n_humans): 1 where the judge, and where the annotator, is at least
        as good (both at a draw), nan where the judge, the annotator or every other is missing.

    >>> judge_wins, human_wins = indicators(np.array([1.0]), np.array([[1.0, 2.0, 1.0]]))
    >>> judge_wins.tolist(), human_wins.tolist()
    ([[1.0, 1.0, 1.0]], [[1.0, 0.0, 1.0]])
    """
    rows = ROW_SCORES[score] if isinstance(score, str) else score
    judge_wins, human_wins = np.full(humans.shape, np.nan), np.full(humans.shape, np.nan)
    for j in range(humans.shape[1]):
        others = np.delete(humans, j, axis=1)
        here = ~np.isnan(judge) & ~np.isnan(humans[:, j]) & ~np.isnan(others).all(axis=1)
        s_judge = np.round(rows(judge[here], others[here]), 12)
        s_human = np.round(rows(humans[here, j], others[here]), 12)
        judge_wins[here, j], human_wins[here, j] = s_judge >= s_human, s_human >= s_judge
    return judge_wins, human_wins


def epsilon_p_value(difference: Floats, epsilon: float) -> float:
    """One-sided p-value that the mean difference is below epsilon.

    Args:
        difference: Shape (n_units,): annotator at least as good less judge at least as good.
        epsilon: The advantage the judge is given.

    Returns:
        By a t test, or with fewer than 30 units by Wilcoxon's signed ranks. If all differences are equal:
        0 below epsilon, 1 above, and nan at epsilon, which is not a win.

    >>> epsilon_p_value(np.zeros(40), 0.1), epsilon_p_value(np.zeros(40), 0.0)
    (0.0, nan)
    """
    d = difference[~np.isnan(difference)]
    if len(d) < 2:
        return math.nan
    if np.all(d == d[0]):
        gap = round(float(d[0]) - epsilon, 12)
        return math.nan if gap == 0 else float(gap > 0)
    if len(d) < ENOUGH:
        from scipy.stats import wilcoxon

        shifted = np.round(d - epsilon, 12)
        return float(wilcoxon(shifted, alternative="less").pvalue)
    from scipy.special import stdtr

    t = (d.mean() - epsilon) / (d.std(ddof=1) / math.sqrt(len(d)))
    return float(stdtr(len(d) - 1, t))


def standardised(labels: Floats, how: str) -> Floats:
    """Each rater's labels on that rater's own scale, for raters who use the scale differently.

    Args:
        labels: Shape (n_units, n_raters), nan where missing.
        how: `none`, `z` (a rater who does not vary is at 0) or `rank`.

    Raises:
        InputError: For another way.
    """
    x = grid(labels, "labels")
    if how == "none":
        return x
    if how not in {"z", "rank"}:
        raise InputError(f"unknown standardisation {how!r}; there are none, z, rank")
    out = x.copy()
    for column in out.T:
        there = ~np.isnan(column)
        if not there.any():
            continue
        if how == "z":
            sd = column[there].std()
            column[there] = (column[there] - column[there].mean()) / (sd if sd > 0 else 1.0)
        else:
            from scipy.stats import rankdata

            column[there] = rankdata(column[there]) / there.sum()
    return out


def _accuracy(labels: Floats, others: Floats) -> Floats:
    there = ~np.isnan(others)
    return np.asarray(((others == labels[:, None]) & there).sum(axis=1) / there.sum(axis=1), dtype=np.float64)


def _neg_rmse(labels: Floats, others: Floats) -> Floats:
    return np.asarray(-np.sqrt(np.nanmean(np.square(others - labels[:, None]), axis=1)), dtype=np.float64)


ROW_SCORES: dict[str, RowScore] = {"accuracy": _accuracy, "neg_rmse": _neg_rmse}
