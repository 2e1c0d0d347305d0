"""Calibration of probabilities over more than two labels.

`probs` has shape (n, n_labels), `y` the index of the label that was right; rows with a missing entry are
left out.
"""

import math

import numpy as np
import numpy.typing as npt

from judgekit.agreement.calibration_error import Kind, expected_calibration_error
from judgekit.agreement.ratings import Codes, Floats
from judgekit.errors import InputError


def top_label_ece(probs: npt.ArrayLike, y: npt.ArrayLike, *, n_bins: int = 10, kind: Kind = "width") -> float:
    """ECE of the most probable label: probs (n, n_labels), y the index of the label that was right.

    >>> round(top_label_ece([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [0, 1]), 3)
    0.25
    """
    q, right = _classes(probs, y)
    return expected_calibration_error(
        q.max(axis=1), (q.argmax(axis=1) == right).astype(float), n_bins=n_bins, kind=kind
    )


def classwise_ece(probs: npt.ArrayLike, y: npt.ArrayLike, *, n_bins: int = 10, kind: Kind = "width") -> float:
    """ECE of each label against the rest, averaged over labels; arguments as in `top_label_ece`."""
    q, right = _classes(probs, y)
    errors = [
        expected_calibration_error(q[:, k], (right == k).astype(float), n_bins=n_bins, kind=kind)
        for k in range(q.shape[1])
    ]
    return float(np.mean(errors))


def ranked_probability_score(probs: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """RPS of an ordered scale: mean squared distance of the cumulative distributions, over the steps.

    Args:
        probs: Shape (n, n_labels), worst label first; a row with nan is left out.
        y: Shape (n,), index of the label that was right.

    Returns:
        0 (certain and right) to 1; the Brier score where there are two labels. nan without data.

    Raises:
        InputError: For a wrong shape.

    >>> ranked_probability_score([[0.5, 0.5, 0.0]], [2])
    0.625
    """
    q, right = _classes(probs, y)
    if not len(q):
        return math.nan
    steps = q.shape[1] - 1
    happened = right[:, None] <= np.arange(steps)
    return float(np.mean(np.sum((np.cumsum(q, axis=1)[:, :steps] - happened) ** 2, axis=1)) / steps)


def _classes(probs: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Codes]:
    """Probabilities (n, n_labels) that sum to 1 and indices of labels, complete rows only."""
    q, right = np.asarray(probs, dtype=float), np.asarray(y, dtype=float)
    if q.ndim != 2 or q.shape[1] < 2 or right.shape != (len(q),):
        raise InputError(f"probs has shape {q.shape}, y {right.shape}; (n, 2 or more) and (n,) are needed")
    kept = ~np.isnan(q).any(axis=1) & ~np.isnan(right)
    q, right = q[kept], right[kept]
    if np.any(np.abs(q.sum(axis=1) - 1) > 1e-6) or np.any(q < 0):
        raise InputError("a row of probs does not sum to 1, or has a negative entry")
    if not np.isin(right, np.arange(q.shape[1])).all():
        raise InputError(f"y holds something that is no index of the {q.shape[1]} labels")
    return q, right.astype(np.intp)
