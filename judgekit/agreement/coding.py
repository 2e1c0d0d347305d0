"""Cells to codes: what was said, as the index of a category on the declared scale.

On a scale of numbers a number is the category nearest to it, if it is near at all (0.1 + 0.2 is 0.3);
on a scale of labels the number 1 is the label "1", never the label that is worth 1.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from judgekit.errors import InputError
from judgekit.scales import Labels, Numbers, as_name, nfc, plain_number

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
MISSING = -1
_CLOSE = 1e-9  # how far a number may lie from a category, as a share of the scale's range


def codes_of(cells: npt.NDArray[Any], scale: Any, labels: tuple[str, ...], values: Floats | None) -> Codes:
    """Codes of an array of numbers or objects, shape (n_units, n_raters).

    Args:
        cells: What was said; None and nan, and the scale's "cannot tell", are missing.
        scale: As declared.
        labels: Of the categories.
        values: Of the categories where numbers count as numbers; None on a scale of labels.

    Raises:
        InputError: For a cell off the scale, naming its row and column.
    """
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
        raise InputError(f"unit {row}, rater {column}: {cells[row, column]!r} is not on the scale {shown}")
    return codes


def categories(scale: Any, cells: npt.NDArray[Any]) -> tuple[tuple[str, ...], Floats, Level]:
    """Labels, values and level of a declared scale; the cells give a scale without steps its numbers.

    Raises:
        InputError: For a scale that is none, or numbers beyond its ends.
    """
    if isinstance(scale, Labels):
        return scale.labels, np.array(scale.values, dtype=float), scale.kind
    if isinstance(scale, Numbers):
        values = _numbers_of(scale, cells)
        return tuple(map(plain_number, values.tolist())), values, "interval"
    listed = scale.tolist() if isinstance(scale, np.ndarray) else list(scale)
    if not listed:
        raise InputError("a scale has at least one category")
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in listed):
        values = np.array(listed, dtype=float)
        if not np.isfinite(values).all() or np.any(np.diff(values) <= 0):
            raise InputError(f"the numbers of a scale are finite and rise, found {listed}")
        return tuple(map(plain_number, values.tolist())), values, "interval"
    names = tuple(as_name(each) for each in listed)
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
    name = nfc(cell) if isinstance(cell, str) else ""
    if name and name == cannot_tell:
        return MISSING
    if not name and _is_number(cell) and np.isfinite(cell):
        if values is not None:
            nearest = int(np.argmin(np.abs(values - cell)))
            return nearest if _near(float(cell), values[nearest], values) else len(labels)
        name = plain_number(float(cell))
    return labels.index(name) if name in labels else len(labels)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool)


def is_missing(cell: Any) -> bool:
    """Whether a cell says nothing: None, nan, pandas' NA."""
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(cell, float | np.floating) and bool(np.isnan(cell))
