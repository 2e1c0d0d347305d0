"""A judge's scores put on the scale of people's labels, without using a unit's own label for it.

For a judge that says 1 to 5 where people say pass or fail. A monotone map is fitted on the other folds'
labels for each labelled unit, and on all folds in turn for the unlabelled ones; what comes out goes into
`ppi`, which stays unbiased because no label has met its own prediction.
"""

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import aligned, column
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError


def on_label_scale(
    labels: npt.ArrayLike, judged: npt.ArrayLike, unlabelled: npt.ArrayLike, *, seed: int, folds: int = 5
) -> tuple[Floats, Floats]:
    """Predicted labels of labelled and unlabelled units by cross-fitted isotonic regression.

    Args:
        labels: Shape (n,), people's labels; nan where missing.
        judged: Shape (n,), the judge's scores, more is better; nan where missing.
        unlabelled: Shape (N,), its scores of the other units; nan where missing.
        seed: Of the folds.
        folds: How many.

    Returns:
        Shapes (n,) and (N,), nan where the score is missing (or no label to learn from). A score beyond those
        labelled gets the end's value.

    Raises:
        InputError: If there are fewer than two folds, or fewer labels than folds.

    Source:
        Zrnic & Candès (2024), "Cross-Prediction-Powered Inference", PNAS 121; isotonic calibration as in
        cje-eval.

    >>> f, u = on_label_scale([0, 0, 1, 1] * 5, [1, 2, 4, 5] * 5, [1, 3, 5], seed=1)
    >>> f[:4].tolist(), u.tolist()
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 1.0])
    """
    y, f = aligned(labels=labels, judged=judged)
    u = column(unlabelled, "unlabelled")
    known = np.flatnonzero(~np.isnan(y) & ~np.isnan(f))
    if folds < 2 or len(known) < folds:
        raise InputError(f"{folds} folds of {len(known)} labels; 2 folds at least, and a label in each")
    fold = np.random.default_rng(seed).permutation(np.arange(len(known)) % folds)
    mine, others = np.full_like(f, np.nan), np.zeros_like(u)
    for k in range(folds):
        train = known[fold != k]
        mine[known[fold == k]] = _isotonic(f[train], y[train], f[known[fold == k]])
        others += _isotonic(f[train], y[train], u) / folds
    return mine, np.where(np.isnan(u), np.nan, others)


def _isotonic(x: Floats, y: Floats, at: Floats) -> Floats:
    """The isotonic fit of y on x, straight between the scores seen and level beyond them."""
    from scipy.optimize import isotonic_regression

    seen, where, count = np.unique(x, return_inverse=True, return_counts=True)
    fit = isotonic_regression(np.bincount(where, weights=y) / count, weights=count.astype(float)).x
    return np.asarray(np.interp(at, seen, fit), dtype=float)
