"""Judges beside judges, where there is no trusted label: good for ranking judges and for nothing else."""

import math

import numpy as np
import numpy.typing as npt

from judgekit.errors import InputError


def determinant_mutual_information(
    first: npt.ArrayLike, second: npt.ArrayLike, *, n_categories: int, seed: int = 0
) -> float:
    """How much one judge's labels tell about another's, without a trusted label: to rank judges only.

    Args:
        first: Shape (n_units,), codes from 0; -1 where missing.
        second: The same units.
        n_categories: Labels of the scale.
        seed: Of the split of the units into two halves.

    Returns:
        det(U1) det(U2), U being the joint shares of labels in each half. Its expectation is at least 0,
        and 0 for a judge that ignores the task; relabelling changes the sign in both factors and so not
        the product. Tiny for many categories. nan for fewer than twice as many units as categories.

    Raises:
        InputError: For codes that are off the scale or columns of unequal length.

    Source:
        Kong (2020), "Dominantly Truthful Multi-task Peer Prediction with a Constant Number of Tasks",
        https://arxiv.org/abs/1911.00272.

    >>> determinant_mutual_information([0, 1] * 4, [0, 1] * 4, n_categories=2) > 0
    True
    """
    a, c = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    if a.shape != c.shape or a.ndim != 1:
        raise InputError(f"two columns of one length are needed, found {a.shape} and {c.shape}")
    if max(a.max(initial=-1), c.max(initial=-1)) >= n_categories:
        raise InputError(f"codes must lie below {n_categories}")
    both = np.flatnonzero((a >= 0) & (c >= 0))
    if len(both) < 2 * n_categories:
        return math.nan
    order = np.random.default_rng(seed).permutation(both)
    value = 1.0
    for half in (order[: len(order) // 2], order[len(order) // 2 :]):
        cells = np.bincount(a[half] * n_categories + c[half], minlength=n_categories**2)
        value *= float(np.linalg.det(cells.reshape(n_categories, n_categories) / len(half)))
    return value
