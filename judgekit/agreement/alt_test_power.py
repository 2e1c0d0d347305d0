"""How often the alternative annotator test passes a judge of a given quality, by simulation.

The model: each item has a true label; a rater keeps it with some probability and else says any label of
the scale with equal chances. A judge with the annotators' own probability is exactly as good as they are.
"""

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.ratings import Codes, Floats
from judgekit.errors import InputError

_AT_ONCE = 2_000_000  # labels held at a time


def alt_test_power(
    n_items: int,
    *,
    n_humans: int = 3,
    values: npt.ArrayLike = (0.0, 1.0, 2.0, 3.0),
    keep_humans: float = 0.7,
    keep_judge: float = 0.7,
    epsilon: float = 0.2,
    q: float = 0.05,
    score: Literal["accuracy", "neg_rmse"] = "accuracy",
    runs: int = 1000,
    seed: int = 0,
) -> float:
    """The chance that the alternative annotator test passes a judge.

    Args:
        n_items: Items rated by everybody.
        n_humans: Annotators, at least 2.
        values: The scale's values.
        keep_humans: Probability that an annotator says the truth before guessing.
        keep_judge: The judge's.
        epsilon: The advantage the judge is given.
        q: False discovery rate.
        score: How agreement with the others is scored.
        runs: Simulated sets; the result has a standard error of at most 0.5 / sqrt(runs).
        seed: Of the simulation.

    Returns:
        The share of the sets that passed (t tests, Benjamini and Yekutieli, winning rate at least one
        half). nan below 2 items or 2 humans.

    Raises:
        InputError: For a probability outside [0, 1].

    >>> 0.9 < alt_test_power(100, keep_judge=0.9, epsilon=0.1, runs=50) <= 1.0
    True
    """
    if not (0 <= keep_humans <= 1 and 0 <= keep_judge <= 1):
        raise InputError(f"probabilities {keep_humans} and {keep_judge} must lie on [0, 1]")
    if n_items < 2 or n_humans < 2 or runs < 1:
        return math.nan
    rng, scale = np.random.default_rng(seed), np.asarray(values, dtype=float)
    keep = np.array([keep_judge] + [keep_humans] * n_humans)
    step = max(1, _AT_ONCE // (n_items * (n_humans + 1)))
    passed = 0
    for start in range(0, runs, step):
        labels = _labels(rng, min(step, runs - start), n_items, keep, scale)
        passed += int((_winning_rates(labels, epsilon, q, score) >= 0.5).sum())
    return passed / runs


def keep_rate(codes: Codes, n_categories: int) -> float:
    """The probability of keeping the truth that gives the annotators' observed agreement.

    Two raters agree if both keep the truth, or by chance: a^2 + (1 - a^2) / q.

    Args:
        codes: Shape (n_units, n_humans), -1 where missing.
        n_categories: Labels of the scale, q.

    Returns:
        0 where they agree no more than by chance, nan where no two rated the same unit.

    >>> keep_rate(np.array([[0, 0], [1, 1]]), 2)
    1.0
    """
    if n_categories < 2:
        return math.nan
    counts = np.stack([(codes == k).sum(axis=1) for k in range(n_categories)], axis=1)
    total = counts.sum(axis=1)
    pairs = float((total * (total - 1)).sum())
    if pairs == 0:
        return math.nan
    agree = float((counts * (counts - 1)).sum()) / pairs
    return math.sqrt(max(0.0, (agree - 1 / n_categories) / (1 - 1 / n_categories)))


def _labels(rng: np.random.Generator, runs: int, n: int, keep: Floats, scale: Floats) -> Floats:
    """Shape (runs, n, 1 + n_humans), the judge first."""
    shape = (runs, n, len(keep))
    truth = rng.integers(0, len(scale), size=(runs, n, 1))
    guess = rng.integers(0, len(scale), size=shape)
    return np.asarray(scale[np.where(rng.random(shape) < keep, truth, guess)], dtype=np.float64)


def _winning_rates(labels: Floats, epsilon: float, q: float, score: str) -> Floats:
    """Shape (runs,): the share of annotators that the judge wins over."""
    from scipy.special import stdtr

    n, r = labels.shape[1], labels.shape[2] - 1
    if score == "accuracy":
        near = (labels[:, :, :, None] == labels[:, :, None, 1:]).astype(np.float64)
    else:
        near = -np.square(labels[:, :, :, None] - labels[:, :, None, 1:])
    total = near.sum(axis=3)  # of each rater with all annotators, itself included
    p = np.empty((len(labels), r))
    for j in range(r):
        # The annotator's nearness to itself is a constant that the others do not see.
        judge = total[:, :, 0] - near[:, :, 0, j]
        human = total[:, :, j + 1] - near[:, :, j + 1, j]
        sign = np.sign(np.round(human - judge, 9))
        mean, sd = sign.mean(axis=1), sign.std(axis=1, ddof=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            p[:, j] = stdtr(n - 1, (mean - epsilon) / (sd / math.sqrt(n)))
        p[:, j] = np.where(sd == 0, (mean > epsilon) * 1.0, p[:, j])
    bound = q * np.arange(1, r + 1) / (r * np.sum(1 / np.arange(1, r + 1)))
    below = np.sort(p, axis=1) <= bound
    kept = np.where(below.any(axis=1), r - np.argmax(below[:, ::-1], axis=1), 0)
    return np.asarray(kept / r, dtype=np.float64)
