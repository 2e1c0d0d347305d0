"""Correlation of two raters, with ties treated as ties and intervals that hold for few units.

Rank coefficients rest on five counts of pairs of units: concordant, discordant, tied in x only, tied in y
only, tied in both. Where the scale has few labels these come from the table of counts, whatever the number of
units, and a bootstrap resamples tables instead of units.

A correlation does not see severity: a judge that adds a point to everything has a correlation of 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned, complete, kept_clusters, settled, varies
from judgekit.agreement.core.estimate import Status, about, flagged, undefined
from judgekit.agreement.core.intervals import fisher_z
from judgekit.agreement.core.moments import (
    ONE,
    Influenced,
    bounded,
    pearson_of,
    spearman_of,
    steady,
    tau_b_of,
)
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, Resampling, Statistic, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate

Kind = Literal["pearson", "spearman", "tau_b", "tau_c", "somers_d", "gamma"]
KINDS: tuple[Kind, ...] = ("pearson", "spearman", "tau_b", "tau_c", "somers_d", "gamma")


def tau_b(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Kendall's tau-b: order alike less order oppositely, both raters' ties allowed for."""
    # Source: Kendall (1945), "The Treatment of Ties in Ranking Problems". Checked against scipy and R.
    return _rank_coefficient("tau_b", x, y)


def tau_c(x: npt.ArrayLike, y: npt.ArrayLike, *, categories: int | None = None) -> float:
    """Return Stuart's tau-c, which reaches 1 where the numbers of labels differ."""
    a, b = complete(x=x, y=y)
    if not (varies(a) and varies(b)):
        return math.nan
    m = categories or min(len(np.unique(settled(a))), len(np.unique(settled(b))))
    return float(tau_c_of(pair_counts(a, b), m))


def somers_d(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Somers' D of y given x: how well x foretells the order of y, among pairs that x tells apart."""
    return _rank_coefficient("somers_d", x, y)


def gamma(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Goodman and Kruskal's gamma: concordant less discordant among pairs that neither ties."""
    # Ties cost nothing, so that a judge who ties most pairs may still reach 1.
    return _rank_coefficient("gamma", x, y)


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Pearson's correlation of two columns, nan where either does not vary."""
    a, b = complete(x=x, y=y)
    return _moments(a, b) if varies(a) and varies(b) else math.nan


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Spearman's correlation: Pearson's of the ranks, tied units sharing their mean rank."""
    if (table := small_table(x, y)) is not None:
        return _spearman_of_table(table)
    a, b = complete(x=x, y=y)
    if not (varies(a) and varies(b)):
        return math.nan
    return _moments(*(_mid_ranks(each) for each in (a, b)))


def correlation(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    kind: Kind = "spearman",
    clusters: Any = None,
    interval: Literal["default", "formula", "bca", "percentile"] = "default",
    categories: int | None = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """A correlation of two raters with its interval.

    Args:
        x: Shape (n_units,), as `y`: numbers on the declared scale; nan where a rater did not rate a unit.
        kind: Which coefficient; `somers_d` is of y given x.
        interval: By default, for Pearson, Spearman and tau-b with ties, that of each unit's influence, which
            asks nothing of the distribution (`core/moments.py`), for tau-b without ties Bonett and Wright's,
            and BCa by units or clusters for what is left. `formula` is Fisher's z and Bonett and Wright's:
            Fisher's covers .56 of the time on labels of which one in ten is positive.
        categories: Declared number of labels, for tau-c.

    Returns nan with a status if fewer than two units have both ratings or if a rater does not vary. Below 4
    units, and for other ranks than Spearman's of 1 or -1, there is a value without an interval. The status is
    `unstable:few_minority` below 10 units of the rarer of two values of y, `unstable:few_extreme` where too
    few values of y lie far from the usual one. Raises `InputError` if the columns differ in length or hold
    infinity, or for an unknown kind. Source: Bonett and Wright (2000), "Sample size requirements for
    estimating Pearson, Kendall and Spearman correlations", Psychometrika 65. Checked against R's statpsych
    (its example).

    >>> e = correlation([1, 2, 3, 4, 5, 6], [1, 3, 2, 6, 4, 5])
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3), e.interval
    (0.771, -0.167, 0.977, 'influence_z')
    """
    draw = resampling(how)
    if kind not in KINDS:
        raise InputError(f"unknown correlation {kind!r}; there are {', '.join(KINDS)}")
    a, c = aligned(x=x, y=y)
    kept = ~(np.isnan(a) | np.isnan(c))
    groups = kept_clusters(clusters, kept)
    a, c = a[kept], c[kept]
    note = "a correlation does not see severity: adding a point to everything leaves it as it is"
    blind = (note,) if kind in {"pearson", "spearman"} else ()
    estimate = about(kind, len(a), len(kept), level=draw.level, n_raters=2, method=kind, notes=blind)
    if len(a) == 0:
        return undefined(estimate, Status.NO_PAIRED_ITEMS)
    if len(a) < 2:
        return undefined(estimate, Status.TOO_FEW)
    statistic = coefficient(kind, a, c, categories=categories)
    value = statistic(np.arange(len(a)))
    if math.isnan(value):
        return undefined(estimate, Status.NO_VARIATION)
    estimate = replace(estimate, value=value)
    if interval == "default" and kind in INFLUENCES and not _untied(kind, a, c) and _in_memory(kind, a, c):
        whole = replace(estimate, unit="unit" if groups is None else "cluster")
        return steady(bounded(whole, INFLUENCES[kind](a, c), clusters=groups), c)
    if abs(value) > ONE:
        note = "a perfect correlation in these units; they give no interval"
        return flagged(estimate, Status.DEGENERATE, (note,))
    untied = interval == "default" and _untied(kind, a, c)
    if groups is None and (interval == "formula" or untied):
        return _by_formula(estimate, kind)
    replicates = None if groups is not None else table_replicates(kind, a, c, draw, categories=categories)
    return resampled(
        estimate, statistic, len(a), draw.over(groups), replicates=replicates,
        kind=None if interval in {"default", "formula"} else interval,
    )  # fmt: skip


INFLUENCES: dict[str, Callable[[Floats, Floats], Influenced]] = {
    "pearson": pearson_of, "spearman": spearman_of, "tau_b": tau_b_of,
}  # fmt: skip
MOST_CELLS = 4_000_000
"""Cells of the table of distinct values up to which the influences on tau-b are counted."""


def _in_memory(kind: Kind, x: Floats, y: Floats) -> bool:
    return kind != "tau_b" or len(np.unique(x)) * len(np.unique(y)) <= MOST_CELLS


def coefficient(kind: Kind, x: Floats, y: Floats, *, categories: int | None = None) -> Statistic:
    """The coefficient as a function of indices of units, for resampling; nan where undefined."""
    if kind == "pearson":
        return lambda index: pearson(x[index], y[index])
    if kind == "spearman":
        return lambda index: spearman(x[index], y[index])
    if kind == "tau_c":
        m = categories or min(len(np.unique(settled(x))), len(np.unique(settled(y))))
        return lambda index: tau_c(x[index], y[index], categories=m)
    return lambda index: _rank_coefficient(kind, x[index], y[index])


def se_of_z(kind: Kind, value: float, n: int) -> float:
    """Standard error of atanh of a correlation: Fisher's, or Bonett and Wright's for ranks."""
    if kind == "pearson" and n > 3:
        return 1 / math.sqrt(n - 3)
    if kind == "spearman" and n > 3:
        return math.sqrt((1 + value**2 / 2) / (n - 3))
    if kind == "tau_b" and n > 4:
        return math.sqrt(0.437 / (n - 4))
    return math.nan


def _untied(kind: Kind, x: Floats, y: Floats) -> bool:
    return kind == "tau_b" and all(len(np.unique(settled(each))) == len(each) for each in (x, y))


def _by_formula(estimate: Estimate, kind: Kind) -> Estimate:
    se_z = se_of_z(kind, estimate.value, estimate.n_used)
    se = se_z * (1 - estimate.value**2)
    low, high = fisher_z(estimate.value, se, level=estimate.level)
    if math.isnan(low):
        return flagged(estimate, estimate.status, ("too few units for an interval",))
    name = "fisher_z" if kind == "pearson" else "bonett_wright"
    return replace(estimate, low=low, high=high, se=se, interval=name)


def _moments(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip((a @ b) / math.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def _spearman_of_table(table: Floats) -> float:
    """Pearson's correlation of the mid-ranks, which the margins give."""
    n = table.sum()
    margins = (table.sum(axis=1), table.sum(axis=0))
    a, b = (np.cumsum(each) - (each - 1) / 2 - (n + 1) / 2 for each in margins)
    below = math.sqrt(float(margins[0] @ a**2) * float(margins[1] @ b**2))
    return float(np.clip(a @ table @ b / below, -1.0, 1.0)) if below > 0 else math.nan


def _mid_ranks(x: Floats) -> Floats:
    place, counts = np.unique(settled(x), return_inverse=True, return_counts=True)[1:]
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], dtype=float)


def _rank_coefficient(kind: str, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    counts = pair_counts(x, y)
    untied = counts.concordant + counts.discordant
    if untied + counts.tied_x == 0 or untied + counts.tied_y == 0:
        return math.nan  # a rater ties every pair
    return float(FORMULAS[kind](counts))


FEW_LABELS = 16
"""Whole numbers that span fewer are counted without a sort; two of them fit a byte."""
LARGEST_TABLE = 4096
"""Up to so many cells pairs are counted from a table."""
MANY_BYTES = 2**17
"""Fewer bytes than this are counted one at a time: the table for two has 65,536 cells."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Pairs of units by how two raters order them; numbers, or arrays with one entry a table."""

    n: Any
    concordant: Any
    discordant: Any
    tied_x: Any
    tied_y: Any
    tied_both: Any


def pair_counts_of_table(table: npt.ArrayLike) -> PairCounts:
    """Pairs counted from tables of counts, shape (..., labels of x, labels of y), both in order."""
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
    return PairCounts(
        n=n, concordant=concordant, discordant=discordant, tied_x=same_x - both, tied_y=same_y - both,
        tied_both=both,
    )  # fmt: skip


def small_table(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats | None:
    """Return the table (labels, labels) of two columns of few whole numbers; None where they are none."""
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
    """Pairs of units by how two columns order them; units missing in either are left out."""
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
        n=n, concordant=(untied + difference) / 2, discordant=(untied - difference) / 2, tied_x=same_x - both,
        tied_y=same_y - both, tied_both=both,
    )  # fmt: skip


def places(x: Floats, y: Floats) -> tuple[Codes, Codes, tuple[int, int]]:
    """Each number's place among the different ones, and how many of those there are."""
    found = [np.unique(settled(each), return_inverse=True) for each in (x, y)]
    return found[0][1], found[1][1], (len(found[0][0]), len(found[1][0]))


def _ties(counts: npt.NDArray[Any]) -> float:
    numbers = counts.astype(float)
    return float((numbers * (numbers - 1)).sum() / 2)


def table_replicates(
    kind: str, x: Floats, y: Floats, draw: Resampling, *, categories: int | None = None
) -> Floats | None:
    """Return a rank coefficient of each of `b` resampled tables; None where there is no small table."""
    # Drawing n units again and counting them is drawing one table from a multinomial, at one cost for any n.
    if kind in {"pearson", "spearman"}:
        return None
    place_x, place_y, shape = places(x, y)
    cells = shape[0] * shape[1]
    if cells > min(LARGEST_TABLE, 4 * len(x)):
        return None
    rng = np.random.default_rng(draw.seed)
    share = np.bincount(place_x * shape[1] + place_y, minlength=cells) / len(x)
    drawn = rng.multinomial(len(x), share, size=draw.b).reshape(draw.b, *shape)
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
