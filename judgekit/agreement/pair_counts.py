"""Pairs of units counted by how two raters order them, and the rank coefficients that come of the counts.

Where the scale has few labels the counts come from the table of counts, whatever the number of units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import complete
from judgekit.agreement.paired import settled
from judgekit.agreement.ratings import Codes, Floats

FEW_LABELS = 16
"""Whole numbers that span fewer are counted without a sort; two of them fit a byte."""
LARGEST_TABLE = 4096
"""Up to so many cells pairs are counted from a table."""
MANY_BYTES = 2**17
"""Fewer bytes than this are counted one at a time: the table for two has 65,536 cells."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Pairs of units by how two raters order them; numbers, or arrays with one entry a table.

    Args:
        n: Units.
        concordant: Ordered alike by both.
        discordant: Ordered oppositely.
        tied_x: Tied by the first rater only.
        tied_y: Tied by the second rater only.
        tied_both: Tied by both.
    """

    n: Any
    concordant: Any
    discordant: Any
    tied_x: Any
    tied_y: Any
    tied_both: Any


def pair_counts_of_table(table: npt.ArrayLike) -> PairCounts:
    """Pairs counted from tables of counts, shape (..., labels of x, labels of y), both in order.

    >>> counts = pair_counts_of_table([[2, 0], [1, 3]])
    >>> float(counts.concordant), float(counts.discordant), float(counts.tied_x)
    (6.0, 0.0, 3.0)
    """
    t = np.asarray(table, dtype=float)
    beyond = np.zeros_like(t)  # units above and to the right of each cell
    suffix = np.flip(np.cumsum(np.cumsum(np.flip(t, (-2, -1)), axis=-2), axis=-1), (-2, -1))
    beyond[..., :-1, :-1] = suffix[..., 1:, 1:]
    n = t.sum(axis=(-2, -1))
    rows, cols = t.sum(axis=-1), t.sum(axis=-2)
    same_x = (rows * (rows - 1)).sum(axis=-1) / 2
    same_y = (cols * (cols - 1)).sum(axis=-1) / 2
    both = (t * (t - 1)).sum(axis=(-2, -1)) / 2
    concordant = (t * beyond).sum(axis=(-2, -1))
    discordant = n * (n - 1) / 2 - same_x - same_y + both - concordant
    return PairCounts(n, concordant, discordant, same_x - both, same_y - both, both)


def small_table(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats | None:
    """The table of two columns of whole numbers that are few, counted without a sort.

    Returns:
        Shape (labels, labels), with rows and columns of 0 for numbers nobody gave; None where the columns
        have gaps, other numbers, or too many of them, which must then be counted the long way.
    """
    found = [_few_codes(np.asarray(each)) for each in (x, y)]
    if found[0] is None or found[1] is None or len(found[0]) != len(found[1]):
        return None
    counts = _byte_counts(found[0] * np.uint8(FEW_LABELS) + found[1])
    sizes = [int(each.max()) + 1 for each in (found[0], found[1])]
    table = counts.reshape(FEW_LABELS, FEW_LABELS)[: sizes[0], : sizes[1]]
    return np.asarray(table, dtype=np.float64)


def _few_codes(column: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
    """Whole numbers less the smallest of them; None where there are gaps, other numbers, or too many."""
    if column.ndim != 1 or not column.size or column.dtype.kind not in "iuf":
        return None
    low, high = column.min().item(), column.max().item()  # nan if there is a gap
    if not (math.isfinite(low) and math.isfinite(high) and high - low < FEW_LABELS):
        return None
    # Subtracting is exact for whole numbers of this size, so whatever was not one differs.
    above = column - low
    codes = np.asarray(above, dtype=np.uint8)
    whole = column.dtype.kind != "f" or (low == math.floor(low) and np.array_equal(codes, above))
    return codes if whole else None


def _byte_counts(bytes_: npt.NDArray[np.uint8]) -> Codes:
    """How often each byte stands there, shape (256,); many are counted two at a time, in half the time."""
    if len(bytes_) < MANY_BYTES:
        return np.bincount(bytes_, minlength=256)
    even = len(bytes_) // 2 * 2
    twos = np.bincount(bytes_[:even].view(np.uint16), minlength=2**16).reshape(256, 256)
    return np.asarray(twos.sum(axis=0) + twos.sum(axis=1) + np.bincount(bytes_[even:], minlength=256))


def pair_counts(x: npt.ArrayLike, y: npt.ArrayLike) -> PairCounts:
    """Pairs of units by how two columns order them; units missing in either are left out.

    Raises:
        InputError: If the columns differ in length or hold infinity.

    >>> counts = pair_counts([1, 2, 3, 3], [1, 3, 2, 2])
    >>> float(counts.concordant), float(counts.discordant), float(counts.tied_both)
    (3.0, 2.0, 1.0)
    """
    if (table := small_table(x, y)) is not None:
        return pair_counts_of_table(table)
    a, b = complete(x=x, y=y)
    place_a, place_b, shape = places(a, b)
    if shape[0] * shape[1] <= LARGEST_TABLE:
        flat = np.bincount(place_a * shape[1] + place_b, minlength=shape[0] * shape[1])
        return pair_counts_of_table(flat.reshape(shape))
    from scipy.stats import kendalltau

    n = len(a)
    everything = n * (n - 1) / 2
    same_x, same_y = (_ties(np.bincount(each)) for each in (place_a, place_b))
    both = _ties(np.unique(place_a * shape[1] + place_b, return_counts=True)[1])
    scale = math.sqrt((everything - same_x) * (everything - same_y))
    difference = round(float(kendalltau(place_a, place_b).statistic) * scale) if scale > 0 else 0
    untied = everything - same_x - same_y + both
    return PairCounts(
        n, (untied + difference) / 2, (untied - difference) / 2, same_x - both, same_y - both, both
    )


def places(x: Floats, y: Floats) -> tuple[Codes, Codes, tuple[int, int]]:
    """Each number's place among the different ones, and how many of those there are."""
    found = [np.unique(settled(each), return_inverse=True) for each in (x, y)]
    return found[0][1], found[1][1], (len(found[0][0]), len(found[1][0]))


def _ties(counts: npt.NDArray[Any]) -> float:
    numbers = counts.astype(float)
    return float((numbers * (numbers - 1)).sum() / 2)


def table_replicates(
    kind: str, x: Floats, y: Floats, *, b: int, seed: int, categories: int | None = None
) -> Floats | None:
    """A rank coefficient of each of `b` resampled tables; None where there is no small table.

    Drawing n units with replacement and counting them is drawing one table from a multinomial
    distribution, which costs the same for any n.
    """
    if kind in {"pearson", "spearman"}:
        return None
    place_x, place_y, shape = places(x, y)
    cells = shape[0] * shape[1]
    if cells > min(LARGEST_TABLE, 4 * len(x)):
        return None
    rng = np.random.default_rng(seed)
    share = np.bincount(place_x * shape[1] + place_y, minlength=cells) / len(x)
    drawn = rng.multinomial(len(x), share, size=b).reshape(b, *shape)
    counts = pair_counts_of_table(drawn)
    constant = ((drawn.sum(axis=2) > 0).sum(axis=1) < 2) | ((drawn.sum(axis=1) > 0).sum(axis=1) < 2)
    values = tau_c_of(counts, categories or min(shape)) if kind == "tau_c" else FORMULAS[kind](counts)
    return np.where(constant, np.nan, values)


def _share(numerator: Any, denominator: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(denominator) > 0, np.divide(numerator, denominator), np.nan)


def tau_c_of(c: PairCounts, m: int) -> Any:
    """Tau-c of counts; m is the smaller number of labels."""
    return _share(2 * m * (c.concordant - c.discordant), np.square(c.n) * (m - 1))


def _tau_b(c: PairCounts) -> Any:
    untied = c.concordant + c.discordant
    return _share(c.concordant - c.discordant, np.sqrt((untied + c.tied_x) * (untied + c.tied_y)))


FORMULAS: dict[str, Callable[[PairCounts], Any]] = {
    "tau_b": _tau_b,
    "somers_d": lambda c: _share(c.concordant - c.discordant, c.concordant + c.discordant + c.tied_y),
    "gamma": lambda c: _share(c.concordant - c.discordant, c.concordant + c.discordant),
}
