"""What units bring to a coefficient of agreement: the same few numbers for all of them.

How many ratings a unit has, how far pairs of them agree, what share each category has. Units with the
same ratings stand in one row: a million ratings of two raters on five labels are 25 rows with counts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.ratings import Codes, Floats
from judgekit.agreement.weights import Weights

MIDRANK = "midrank"
"""Name of the weights of the ordinal metric, which rest on the ranks of the sample at hand."""
_DENSE = 20_000_000  # the most cells of a table of units by categories that is not held sparsely


@dataclass(frozen=True, eq=False)
class Parts:
    """What units bring to a coefficient, a row for each unit or for each pattern of ratings.

    Args:
        codes: Shape (n_rows, n_raters), -1 where missing.
        counts: Shape (n_rows,), how many units a row stands for.
        ratings: Shape (n_rows,), ratings of a row, r_i.
        shares: Shape (n_rows, n_categories), dense or sparse: share of each category among them.
        agree: Shape (n_rows,), mean weight of pairs of different raters; 0 where there is no pair.
        paired: Shape (n_rows,), 1 where there is a pair, else 0.
        copies: Shape (n_raters,), how often each rater was drawn; 1 for all in the sample itself.
    """

    codes: Codes
    counts: Floats
    ratings: Floats
    shares: Any
    agree: Floats
    paired: Floats
    copies: Floats

    @cached_property
    def n(self) -> float:
        """Units with at least one rating."""
        return float(self.counts @ (self.ratings > 0))

    def of_rater(self, rater: int, n_categories: int) -> Any:
        """Shape (n_rows, n_categories): 1 for the category this rater gave."""
        return _one_hot(self.codes[:, [rater]], n_categories, np.ones(1))


def patterns(codes: Codes, n_categories: int) -> tuple[Codes, Codes]:
    """Distinct rows of ratings and how many units have each.

    >>> patterns(np.array([[0, 1], [0, 0], [0, 1]]), 2)[1].tolist()
    [1, 2]
    """
    n, r = codes.shape
    base = n_categories + 1
    if r * np.log2(base) > 62:  # the key would not fit an integer
        rows, counts = np.unique(codes, axis=0, return_counts=True)
        return rows.astype(np.intp), counts.astype(np.intp)
    key = codes[:, 0] + 1
    for column in range(1, r):
        key = key * base + (codes[:, column] + 1)
    if base**r <= max(4 * n, 4096):
        counts = np.bincount(key, minlength=base**r)
        distinct = np.flatnonzero(counts)
        counts = counts[distinct]
    else:
        distinct, counts = np.unique(key, return_counts=True)
    rows = np.empty((len(distinct), r), dtype=np.intp)
    for column in range(r - 1, -1, -1):
        distinct, digit = np.divmod(distinct, base)
        rows[:, column] = digit - 1
    return rows, counts.astype(np.intp)


def parts_of(
    codes: Codes,
    weights: Weights,
    *,
    counts: npt.NDArray[Any] | None = None,
    copies: Floats | None = None,
) -> Parts:
    """Parts of rows of ratings.

    Args:
        codes: Shape (n_rows, n_raters), -1 where missing.
        weights: Agreement of categories.
        counts: Shape (n_rows,), units a row stands for; one each where left out.
        copies: Shape (n_raters,), how often each rater counts. A rater drawn twice is no pair with
            itself, which would agree by construction.
    """
    m, r = codes.shape
    q = len(weights.values)
    copies = np.ones(r) if copies is None else copies
    units = np.ones(m) if counts is None else counts.astype(np.float64)
    rated = codes >= 0
    ratings = rated @ copies
    pairs = ratings**2 - rated @ copies**2
    held = _one_hot(codes, q, copies)
    if weights.name == MIDRANK:  # rests on the ranks of each draw: see `_between_ranks`
        agreeing = np.zeros(m)
    elif isinstance(held, np.ndarray):
        agreeing = (held * weights.against(held)).sum(axis=1) - rated @ copies**2
    else:
        agreeing = _pairwise(codes, weights, copies)
    paired = pairs > 0
    agree = np.divide(agreeing, pairs, out=np.zeros(m), where=paired)
    inverse = np.divide(1.0, ratings, out=np.zeros(m), where=ratings > 0)
    return Parts(codes, units, ratings, scaled(held, inverse), agree, paired.astype(np.float64), copies)


def _pairwise(codes: Codes, weights: Weights, copies: Floats) -> Floats:
    """Sum of weights over pairs of different raters, rater by rater: for many categories."""
    total = np.zeros(len(codes))
    for j in range(codes.shape[1]):
        for k in range(j):
            both = (codes[:, j] >= 0) & (codes[:, k] >= 0)
            total[both] += 2.0 * copies[j] * copies[k] * weights.of(codes[both, j], codes[both, k])
    return total


def _one_hot(codes: Codes, q: int, copies: Floats) -> Any:
    """Shape (n_rows, q): how many ratings of a row are each category; sparse where it would be large."""
    m, r = codes.shape
    if m * (q + 1) > _DENSE:
        from scipy.sparse import csr_array

        rows, columns = np.nonzero(codes >= 0)
        return csr_array((copies[columns], (rows, codes[rows, columns])), shape=(m, q))
    place = codes + 1 + (np.arange(m) * (q + 1))[:, None]
    weight = None if np.all(copies == 1.0) else np.broadcast_to(copies, (m, r)).ravel()
    counted = np.bincount(place.ravel(), weights=weight, minlength=m * (q + 1))
    return counted.reshape(m, q + 1)[:, 1:].astype(np.float64)


def scaled(shares: Any, by: Floats) -> Any:
    """Rows times a number each, dense or sparse."""
    return shares * by[:, None] if isinstance(shares, np.ndarray) else shares.multiply(by[:, None]).tocsr()
