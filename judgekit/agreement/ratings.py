"""Ratings: what raters said of units, as integer codes on a declared scale.

The scale is declared, never inferred from the data: a label nobody used still has its place, its
value and its part in the chance that two raters agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from judgekit.errors import InputError
from judgekit.scales import Labels, Numbers, Scale, as_name

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
MISSING = -1


@dataclass(frozen=True, eq=False)
class Ratings:
    """Shape (n_units, n_raters), coded.

    Args:
        codes: Index of the category in `values`; -1 where a rater did not rate a unit.
        values: Shape (n_categories,): the declared value of each category.
        level: What differences mean: `nominal`, `ordinal`, `interval` or `ratio`.
        raters: Their names, one a column.
        clusters: Shape (n_units,), the cluster each unit belongs to, coded; None where units are
            independent.
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


def as_ratings(
    data: Any,
    *,
    scale: Scale | Sequence[float] | Sequence[str],
    level: Level | None = None,
    raters: Sequence[str] | None = None,
    clusters: Sequence[Any] | npt.NDArray[Any] | None = None,
) -> Ratings:
    """Ratings from an array, a frame or lists of shape (n_units, n_raters).

    Args:
        data: Labels or numbers of the scale; None or nan where a rater did not rate a unit. A pandas
            frame gives its column names as raters.
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
    cells = np.asarray(data.to_numpy() if names is not None else data, dtype=object)
    if cells.ndim != 2:
        raise InputError(f"ratings have shape {cells.shape}; (n_units, n_raters) is needed")
    labels, values, own_level = _categories(scale, cells)
    place = {label: i for i, label in enumerate(labels)}
    by_value = {value: i for i, value in enumerate(values.tolist())} if own_level == "interval" else {}
    codes = np.full(cells.shape, MISSING, dtype=np.intp)
    for (row, column), cell in np.ndenumerate(cells):
        if cell is None or (isinstance(cell, float) and np.isnan(cell)) or _is_na(cell):
            continue
        code = _code(cell, place, by_value)
        if code is None:
            raise InputError(f"unit {row}, rater {column}: {cell!r} is not on the scale {list(labels)}")
        codes[row, column] = code
    chosen = tuple(raters or names or (f"rater {i + 1}" for i in range(cells.shape[1])))
    if len(chosen) != cells.shape[1]:
        raise InputError(f"{len(chosen)} names for {cells.shape[1]} raters")
    return Ratings(codes, values, level or own_level, chosen, labels, coded_clusters(clusters, len(cells)))


def coded_clusters(clusters: Sequence[Any] | npt.NDArray[Any] | None, n_units: int) -> Codes | None:
    """Clusters as codes, one a unit.

    Raises:
        InputError: If their number is not that of the units.
    """
    if clusters is None:
        return None
    if len(clusters) != n_units:
        raise InputError(f"{len(clusters)} clusters for {n_units} units")
    places: dict[Any, int] = {}
    return np.array([places.setdefault(cluster, len(places)) for cluster in clusters], dtype=np.intp)


def _categories(scale: Any, cells: npt.NDArray[Any]) -> tuple[tuple[str, ...], Floats, Level]:
    if isinstance(scale, Labels):
        level: Level = (
            "ordinal" if scale.kind == "ordinal" else "nominal" if scale.kind == "nominal" else "interval"
        )
        return scale.labels, np.array(scale.values, dtype=float), level
    if isinstance(scale, Numbers):
        found = {float(c) for c in cells.ravel() if isinstance(c, int | float) and np.isfinite(c)}
        steps = np.arange(scale.low, scale.high + (scale.step or 1) / 2, scale.step) if scale.step else ()
        numbers = np.array(sorted({scale.low, scale.high, *map(float, steps), *found}), dtype=float)
        if numbers[0] < scale.low or numbers[-1] > scale.high:
            raise InputError(
                f"numbers from {numbers[0]:g} to {numbers[-1]:g} on a scale "
                f"from {scale.low:g} to {scale.high:g}"
            )
        return tuple(f"{n:g}" for n in numbers), numbers, "interval"
    given = list(scale)
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in given):
        return tuple(f"{each:g}" for each in given), np.array(given, dtype=float), "interval"
    names = tuple(as_name(each) for each in given)
    return names, np.linspace(0.0, 1.0, len(names)), "ordinal"


def _code(cell: Any, place: dict[str, int], by_value: dict[float, int]) -> int | None:
    if isinstance(cell, str):
        return place.get(cell)
    if isinstance(cell, bool | np.bool_):
        return None
    if isinstance(cell, int | float | np.integer | np.floating):
        number = float(cell)
        return by_value.get(number, place.get(f"{number:g}"))
    return None


def _is_na(cell: Any) -> bool:
    return type(cell).__name__ in {"NAType", "NaTType"}
