"""Variance components from expected mean squares: the analysis of variance of equal cells, solved."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from judgekit.agreement.facets import joint
from judgekit.agreement.ratings import Codes, Floats
from judgekit.agreement.reml import RESIDUAL


def by_mean_squares(
    y: Floats,
    items: Codes,
    terms: Mapping[str, Codes],
    nested: Collection[str],
    weights: Floats,
    *,
    moved: Iterable[Floats] | None = None,
) -> Floats:
    """Components of resamples of items; they may be negative.

    Each term's sum of squared group totals over group size has expectation
    N mu^2 + sum over terms of variance x tr(P K); solving these is the analysis of variance.

    Args:
        y: Shape (n_rows,).
        items: Shape (n_rows,), the item of each row.
        terms: Term -> group of each row; every group of a term has as many rows.
        nested: Those of the terms whose groups lie within an item.
        weights: Shape (b, n_items), how often each item counts.
        moved: The y of each resample, where they differ.

    Returns:
        Shape (b, n_terms + 1), the residual last.

    >>> items, judges = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1] * 3)
    >>> y, terms = np.array([1.0, 2, 3, 5, 5, 6]), {"item": items, "judge": judges}
    >>> by_mean_squares(y, items, terms, ["item"], np.ones((1, 3))).round(3).tolist()
    [[4.0, 0.833, 0.167]]
    """
    n = len(y)
    partitions = {"": np.zeros(n, dtype=np.intp), **terms, RESIDUAL: np.arange(n, dtype=np.intp)}
    within = {*nested, RESIDUAL}
    if moved is None:
        squares = _squares(y, items, partitions, within, weights)
    else:
        pairs = zip(moved, weights, strict=True)
        squares = np.hstack([_squares(own, items, partitions, within, w[None]) for own, w in pairs])
    traces = np.zeros((len(partitions), len(partitions)))
    for a, codes in enumerate(partitions.values()):
        size = n / (int(codes.max()) + 1)
        for c, other in enumerate(partitions.values()):
            cells = np.bincount(joint([codes, other]))
            traces[a, c] = n if c == 0 else float(np.sum(cells.astype(float) ** 2)) / size
    # Column 0 holds mu^2, which K of the one-group partition gives as n once.
    solved = np.linalg.solve(traces, squares).T
    return np.asarray(solved[:, 1:], dtype=float)


def _squares(
    y: Floats, items: Codes, partitions: Mapping[str, Codes], within: Collection[str], weights: Floats
) -> Floats:
    """Sums of squared group totals over group size, shape (n_partitions, b)."""
    y, m = y - y.mean(), weights.shape[1]
    squares = []
    for name, codes in partitions.items():
        k = int(codes.max()) + 1
        size = len(y) / k
        if name in within:
            owner = np.zeros(k, dtype=np.intp)
            owner[codes] = items
            squares.append(weights @ np.bincount(owner, np.bincount(codes, y) ** 2 / size, minlength=m))
        else:
            totals = np.bincount(items * k + codes, y, minlength=m * k).reshape(m, k)
            squares.append(np.sum((weights @ totals) ** 2, axis=1) / size)
    return np.array(squares)
