"""Ratings: what raters said of units, as integer codes on a declared scale.

The scale is declared, never inferred from the data: a label nobody used still has its place, its value and
its part in the chance that two raters agree. On a scale of numbers a number is the category nearest to it, if
it is near at all (0.1 + 0.2 is 0.3); on a scale of labels the number 1 is the label "1", never the label
worth 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from judgekit.errors import InputError
from judgekit.scales import Labels, Numbers, Scale, as_name, fold, nfc, plain_number

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
MISSING = -1
_CLOSE = 1e-9  # how far a number may lie from a category, as a share of the scale's range


def codes_of(cells: npt.NDArray[Any], scale: Any, labels: tuple[str, ...], values: Floats | None) -> Codes:
    """Codes of an array of numbers or objects, shape (n_units, n_raters)."""
    if cells.dtype == object:
        cannot_tell = scale.cannot_tell if isinstance(scale, Labels | Numbers) else None
        codes = _codes_of_objects(cells, labels, values, cannot_tell)
    elif values is None:
        codes = _codes_of_digits(cells, labels)
    else:
        codes = _codes_of_numbers(cells, values)
    if codes.size and codes.max() >= len(labels):
        row, column = np.argwhere(codes >= len(labels))[0]
        shown = list(labels) if len(labels) <= 20 else [*labels[:3], "...", labels[-1]]
        hint = "; of booleans say scale=[False, True]" if _is_boolean(cells[row, column]) else ""
        raise InputError(
            f"unit {row}, rater {column}: {cells[row, column]!r} is not on the scale {shown}{hint}"
        )
    return codes


def categories(scale: Any, cells: npt.NDArray[Any]) -> tuple[tuple[str, ...], Floats, Level]:
    """Labels, values and level of a declared scale; the cells give a scale without steps its numbers."""
    if isinstance(scale, Labels):
        return scale.labels, np.array(scale.values, dtype=float), scale.kind
    if isinstance(scale, Numbers):
        values = _numbers_of(scale, cells)
        return tuple(map(plain_number, values.tolist())), values, "interval"
    listed = scale.tolist() if isinstance(scale, np.ndarray) else list(scale)
    if not listed:
        raise InputError("a scale has at least one category")
    if all(isinstance(each, bool) for each in listed):
        listed = [str(each) for each in listed]
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in listed):
        values = np.array(listed, dtype=float)
        if not np.isfinite(values).all() or np.any(np.diff(values) <= 0):
            raise InputError(f"the numbers of a scale are finite and rise, found {listed}")
        return tuple(map(plain_number, values.tolist())), values, "interval"
    try:
        names = tuple(as_name(each) for each in listed)
    except ValueError as error:
        raise InputError(f"scale {listed}: {error}") from None
    if len(set(names)) < len(names):
        raise InputError(f"a label stands twice on the scale {list(names)}")
    return names, np.linspace(0.0, 1.0, len(names)), "ordinal"


def _numbers_of(scale: Numbers, cells: npt.NDArray[Any]) -> Floats:
    """Categories of a scale of numbers: its steps, or its ends and what was found between them."""
    if scale.step is not None:
        steps = int(np.floor((scale.high - scale.low) / scale.step + _CLOSE))
        grid = {round(scale.low + i * scale.step, 12) for i in range(steps + 1)}
        return np.array(sorted(grid | {scale.low, scale.high}), dtype=float)
    if cells.dtype == object:
        found = {float(c) for c in cells.ravel() if _is_number(c) and np.isfinite(c)}
    else:
        found = set(np.unique(cells[np.isfinite(cells)].astype(float)).tolist())
    values = np.array(sorted({scale.low, scale.high, *found}), dtype=float)
    if values[0] < scale.low or values[-1] > scale.high:
        raise InputError(
            f"numbers from {values[0]:g} to {values[-1]:g} on a scale from {scale.low:g} to {scale.high:g}"
        )
    return values


def _codes_of_digits(cells: npt.NDArray[Any], labels: tuple[str, ...]) -> Codes:
    """Codes of an array of numbers on a scale of labels, some of which are digits."""
    missing = np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(cells.shape, dtype=bool)
    codes = np.full(cells.shape, MISSING, dtype=np.intp)
    for number in np.unique(cells[~missing]).tolist():
        digits = plain_number(number) if np.isfinite(number) else "inf"
        codes[cells == number] = labels.index(digits) if digits in labels else len(labels)
    return codes


def _codes_of_numbers(cells: npt.NDArray[Any], values: Floats) -> Codes:
    """Codes of an array of numbers on a scale of numbers: the nearest, if it is near."""
    steps = len(values)
    if float(values[0]).is_integer() and np.array_equal(values, values[0] + np.arange(steps)):
        codes = _whole_codes(cells, int(values[0]), steps)
        if codes is not None:
            return codes
    codes = np.searchsorted((values[1:] + values[:-1]) / 2, cells).astype(np.intp)
    codes[~_near(cells.astype(float), values[codes], values)] = steps
    codes[np.isnan(cells)] = MISSING
    return codes


def _whole_codes(cells: npt.NDArray[Any], low: int, steps: int) -> Codes | None:
    """Codes of whole numbers from `low` on, without a search; None if some cell is not one of them."""
    if cells.size == 0:
        return np.empty(cells.shape, dtype=np.intp)
    if cells.dtype.kind != "f":
        codes = np.asarray(cells, dtype=np.intp) - low
        return codes if codes.min() >= 0 and codes.max() < steps else None
    missing = np.isnan(cells)
    gaps = int(np.count_nonzero(missing))
    shifted = cells - low
    if gaps:
        shifted[missing] = MISSING
    if shifted.min() < MISSING or shifted.max() >= steps:
        return None
    codes = shifted.astype(np.intp)
    exact = np.array_equal(codes, shifted) and int(np.count_nonzero(codes < 0)) == gaps
    return codes if exact else None


def _near(numbers: Any, category: Any, values: Floats) -> Any:
    return np.abs(numbers - category) <= _CLOSE * (values[-1] - values[0])


def _codes_of_objects(
    cells: npt.NDArray[Any], labels: tuple[str, ...], values: Floats | None, cannot_tell: str | None
) -> Codes:
    """Codes cell by cell, each distinct cell looked up once; `values` where numbers count as such."""
    known: dict[tuple[type, Any], int] = {}
    codes = np.empty(cells.shape, dtype=np.intp)
    for at, cell in enumerate(cells.ravel().tolist()):
        if is_missing(cell):
            codes.flat[at] = MISSING
            continue
        key = (type(cell), cell if isinstance(cell, str | int | float) else repr(cell))
        if key not in known:
            known[key] = _code(cell, labels, values, cannot_tell)
        codes.flat[at] = known[key]
    return codes


def _code(cell: Any, labels: tuple[str, ...], values: Floats | None, cannot_tell: str | None) -> int:
    """Code of one cell; the number of categories if it is off the scale."""
    if _is_boolean(cell):
        words = ("true", "yes") if cell else ("false", "no")
        return next((k for k, label in enumerate(labels) if fold(label) in words), len(labels))
    name = nfc(cell) if isinstance(cell, str) else ""
    if name and name == cannot_tell:
        return MISSING
    if not name and _is_number(cell) and np.isfinite(cell):
        if values is not None:
            nearest = int(np.argmin(np.abs(values - cell)))
            return nearest if _near(float(cell), values[nearest], values) else len(labels)
        name = plain_number(float(cell))
    return labels.index(name) if name in labels else len(labels)


def _is_boolean(cell: Any) -> bool:
    return isinstance(cell, bool | np.bool_)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool)


def is_missing(cell: Any) -> bool:
    """Whether a cell says nothing: None, nan, pandas' NA."""
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(cell, float | np.floating) and bool(np.isnan(cell))


__all__ = [
    "MISSING", "Codes", "Floats", "Level", "Ratings", "as_ratings", "coded", "coded_clusters", "given",
    "given_numbers", "ratings_of_table",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of shape (n_units, n_raters), coded.

    Args:
        codes: Index of the category in `values`; -1 where a rater did not rate a unit.
        values: Shape (n_categories,): the declared value of each category.
        level: What differences mean.
        raters: Their names, one a column.
        clusters: Shape (n_units,), the cluster of each unit, coded from 0; None where units are independent.
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
        """Some raters only, in the order named."""
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
        data: Labels or numbers of the scale; None or nan where a rater did not rate a unit, and so is the
            scale's "cannot tell", which has no value. A pandas frame gives its column names as raters.
        scale: The declared scale: a `Scale`, labels worst first, or numbers in order. A scale of numbers
            without a step takes the numbers found in the data as its categories (its range is declared).
        level: `ordinal` for labels and `interval` for numbers where left out.

    Raises `InputError` for a wrong shape, a label off the scale (naming its row and column), or infinity.

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
    return Ratings(
        codes=codes, values=values, level=level or own_level, raters=chosen, labels=labels,
        clusters=coded_clusters(clusters, len(cells)),
    )  # fmt: skip


def ratings_of_table(
    table: npt.ArrayLike,
    *,
    scale: Scale | Sequence[float] | Sequence[str],
    level: Level | None = None,
    raters: tuple[str, str] = ("rater 1", "rater 2"),
) -> Ratings:
    """Ratings of two raters from their table of counts, shape (n_categories, n_categories).

    Raises `InputError` if the table is not square, is not of the scale's size, or holds no counts.

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
    """The ratings themselves, or raw data on a declared scale."""
    if isinstance(data, Ratings):
        return data
    if scale is None:
        raise InputError("raw ratings need their scale: scale=['no', 'yes'], scale=[1, 2, 3, 4, 5], ...")
    return as_ratings(data, scale=scale)


def given_numbers(data: Any, scale: Any = None) -> Floats:
    """Shape (n_units, n_raters) of numbers, nan where missing; moments need no declared categories."""
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
    """Clusters as codes, one a unit."""
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
