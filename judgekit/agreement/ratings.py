"""Ratings: what raters said of units, as integer codes on a declared scale.

The scale is declared, never inferred from the data: a label nobody used still has its place, its
value and its part in the chance that two raters agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.coding import MISSING, Codes, Floats, Level, categories, codes_of, is_missing
from judgekit.errors import InputError
from judgekit.scales import Labels, Scale

__all__ = [
    "MISSING", "Codes", "Floats", "Level", "Ratings", "as_ratings", "coded", "coded_clusters", "given",
    "given_numbers", "ratings_of_table",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ratings:
    """Shape (n_units, n_raters), coded.

    Args:
        codes: Index of the category in `values`; -1 where a rater did not rate a unit.
        values: Shape (n_categories,): the declared value of each category.
        level: What differences mean: `nominal`, `ordinal`, `interval` or `ratio`.
        raters: Their names, one a column.
        clusters: Shape (n_units,), the cluster each unit belongs to, coded from 0; None where units
            are independent.
        labels: What the categories are called.
    """

    codes: Codes
    values: Floats
    level: Level
    raters: tuple[str, ...]
    labels: tuple[str, ...]
    clusters: Codes | None = None

    @property
    def numbers(self) -> Floats:
        """Shape (n_units, n_raters): values, nan where missing."""
        return np.where(self.codes < 0, np.nan, self.values[np.maximum(self.codes, 0)])

    @property
    def n_units(self) -> int:
        """How many units."""
        return int(self.codes.shape[0])

    @property
    def n_raters(self) -> int:
        """How many raters."""
        return int(self.codes.shape[1])

    def where(self, kept: npt.NDArray[np.bool_]) -> "Ratings":
        """The units for which `kept`, shape (n_units,), is true; clusters are coded anew."""
        clusters = None if self.clusters is None else coded(self.clusters[kept])
        return replace(self, codes=self.codes[kept], clusters=clusters)

    def complete(self) -> "Ratings":
        """The units that every rater rated."""
        if self.codes.size == 0 or self.codes.min() >= 0:
            return self
        return self.where(np.all(self.codes >= 0, axis=1))

    def of(self, *raters: str) -> "Ratings":
        """Some raters only, in the order named.

        Raises:
            InputError: If one of them is not here.
        """
        if absent := [each for each in raters if each not in self.raters]:
            raise InputError(f"no rater {absent[0]!r}; there are {list(self.raters)}")
        columns = [self.raters.index(each) for each in raters]
        return replace(self, codes=self.codes[:, columns], raters=raters)


def as_ratings(
    data: Any,
    *,
    scale: Scale | Sequence[float] | Sequence[str] | npt.NDArray[Any],
    level: Level | None = None,
    raters: Sequence[str] | None = None,
    clusters: Sequence[Any] | npt.NDArray[Any] | None = None,
) -> Ratings:
    """Ratings from an array, a frame or lists of shape (n_units, n_raters).

    Args:
        data: Labels or numbers of the scale; None or nan where a rater did not rate a unit, and so is
            the scale's "cannot tell", which has no value. A pandas frame gives its column names as raters.
        scale: The declared scale: a `Scale`, labels worst first, or numbers in order. A scale of numbers
            without a step takes the numbers found in the data as its categories (its range is declared).
        level: `ordinal` for labels and `interval` for numbers where left out.
        raters: Names of the columns.
        clusters: What each unit belongs to.

    Raises:
        InputError: For a wrong shape, a label off the scale (naming its row and column), or infinity.

    >>> as_ratings([["no", "yes"], ["yes", None]], scale=["no", "yes"]).codes.tolist()
    [[0, 1], [1, -1]]
    """
    names = [str(column) for column in data.columns] if hasattr(data, "columns") else None
    cells = np.asarray(data.to_numpy() if names is not None else data, dtype=getattr(data, "dtype", None))
    if not hasattr(data, "__array__") or cells.dtype.kind not in "iuf":
        cells = np.asarray(data.to_numpy() if names is not None else data, dtype=object)  # True is no 1
    if cells.ndim != 2:
        raise InputError(f"ratings have shape {cells.shape}; (n_units, n_raters) is needed")
    labels, values, own_level = categories(scale, cells)
    numeric = own_level == "interval" and not isinstance(scale, Labels)
    codes = codes_of(cells, scale, labels, values if numeric else None)
    chosen = tuple(raters or names or (f"rater {i + 1}" for i in range(cells.shape[1])))
    if len(chosen) != cells.shape[1]:
        raise InputError(f"{len(chosen)} names for {cells.shape[1]} raters")
    return Ratings(codes, values, level or own_level, chosen, labels, coded_clusters(clusters, len(cells)))


def ratings_of_table(
    table: npt.ArrayLike,
    *,
    scale: Scale | Sequence[float] | Sequence[str],
    level: Level | None = None,
    raters: tuple[str, str] = ("rater 1", "rater 2"),
) -> Ratings:
    """Ratings of two raters from their table of counts, shape (n_categories, n_categories).

    Raises:
        InputError: If the table is not square, is not of the scale's size, or holds no counts.

    >>> ratings_of_table([[2, 0], [1, 1]], scale=["no", "yes"]).codes.tolist()
    [[0, 0], [0, 0], [1, 0], [1, 1]]
    """
    counts = np.asarray(table)
    labels, values, own_level = categories(scale, np.empty((0, 2), dtype=object))
    if counts.shape != (len(labels), len(labels)):
        raise InputError(f"the table has shape {counts.shape} on a scale of {len(labels)} categories")
    if counts.dtype.kind not in "iu" or np.any(counts < 0):
        raise InputError("a table holds counts: whole numbers, none below 0")
    cells = np.indices(counts.shape).reshape(2, -1).T.astype(np.intp)
    codes = np.repeat(cells, counts.ravel(), axis=0)
    return Ratings(codes, values, level or own_level, raters, labels)


def given(data: Any, scale: Any = None) -> Ratings:
    """The ratings themselves, or raw data on a declared scale.

    Raises:
        InputError: If raw data come without a scale, which is never inferred.
    """
    if isinstance(data, Ratings):
        return data
    if scale is None:
        raise InputError("raw ratings need their scale: scale=['no', 'yes'], scale=[1, 2, 3, 4, 5], ...")
    return as_ratings(data, scale=scale)


def given_numbers(data: Any, scale: Any = None) -> Floats:
    """Shape (n_units, n_raters) of numbers, nan where missing; moments need no declared categories.

    Raises:
        InputError: For a wrong shape, infinity, or a nominal scale, whose labels are no numbers.
    """
    if isinstance(data, Ratings) or scale is not None:
        ratings = given(data, scale)
        if ratings.level == "nominal":
            raise InputError("a nominal scale has no numbers to take means and variances of")
        return ratings.numbers
    numbers = np.asarray(data.to_numpy() if hasattr(data, "to_numpy") else data)
    if numbers.dtype == object:
        numbers = np.array(
            [[np.nan if is_missing(cell) else cell for cell in row] for row in numbers.tolist()]
            if numbers.ndim == 2
            else numbers
        )
    if numbers.ndim != 2 or numbers.dtype.kind not in "iuf":
        raise InputError(
            f"numbers of shape (n_units, n_raters) are needed, found {numbers.dtype} {numbers.shape}"
        )
    if np.isinf(numbers).any():
        row, column = np.argwhere(np.isinf(numbers))[0]
        raise InputError(f"unit {row}, rater {column}: infinity is no rating")
    return numbers.astype(np.float64)


def coded_clusters(clusters: Sequence[Any] | npt.NDArray[Any] | None, n_units: int) -> Codes | None:
    """Clusters as codes, one a unit.

    Raises:
        InputError: If their number is not that of the units.
    """
    if clusters is None:
        return None
    if len(clusters) != n_units:
        raise InputError(f"{len(clusters)} clusters for {n_units} units")
    return coded(clusters)


def coded(names: Sequence[Any] | npt.NDArray[Any]) -> Codes:
    """Names as integers from 0, in the order in which they first come."""
    places: dict[Any, int] = {}
    listed = names.tolist() if isinstance(names, np.ndarray) else names
    return np.array([places.setdefault(name, len(places)) for name in listed], dtype=np.intp)
