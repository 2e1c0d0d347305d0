"""Columns of numbers, checked once: shapes, lengths, infinities, missing rows.

A missing number is nan or None; a row with one missing is dropped and counted. Infinity is refused.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.errors import InputError

Clusters = Sequence[Any] | npt.NDArray[Any] | None


def numbers(values: npt.ArrayLike, name: str) -> Floats:
    """Return an array of numbers, nan where missing."""
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {error}; numbers are needed, nan or None where missing") from error


def column(values: npt.ArrayLike, name: str) -> Floats:
    """Numbers of shape (n,), nan where missing."""
    x = numbers(values, name)
    if x.ndim != 1:
        raise InputError(f"{name} has shape {x.shape}; one number a row is needed")
    if len(bad := np.flatnonzero(np.isinf(x))):
        raise InputError(f"{name}: row {bad[0]} is infinite; use nan for what is missing")
    return x


def aligned(**columns: npt.ArrayLike) -> tuple[Floats, ...]:
    """Columns of one length, missing rows still in."""
    checked = {name: column(values, name) for name, values in columns.items()}
    if len({len(x) for x in checked.values()}) > 1:
        raise InputError("lengths differ: " + ", ".join(f"{k} has {len(x)}" for k, x in checked.items()))
    return tuple(checked.values())


def complete(**columns: npt.ArrayLike) -> tuple[Floats, ...]:
    """Columns of one length without the rows in which any is missing."""
    checked = aligned(**columns)
    kept = ~np.any([np.isnan(x) for x in checked], axis=0)
    return tuple(x[kept] for x in checked)


def within(x: Floats, low: float, high: float, name: str) -> None:
    """Check a declared range."""
    if len(bad := np.flatnonzero((x < low) | (x > high))):
        raise InputError(
            f"{name}: {x[bad[0]]:g} (row {bad[0]} of those complete) is not in {low:g}..{high:g}"
        )


def binary(x: Floats, name: str) -> None:
    """Check that there is nothing but 0 and 1."""
    if len(bad := np.flatnonzero((x != 0) & (x != 1))):
        raise InputError(f"{name}: {x[bad[0]]:g} (row {bad[0]} of those complete) is neither 0 nor 1")


def forecasts(p: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Probabilities and outcomes (0 or 1) of the complete rows."""
    p_, y_ = complete(p=p, y=y)
    within(p_, 0.0, 1.0, "p")
    binary(y_, "y")
    return p_, y_


def kept_clusters(clusters: Clusters, kept: npt.NDArray[np.bool_]) -> Codes | None:
    """Clusters of the rows that were kept, coded from 0 without gaps."""
    codes = coded_clusters(clusters, len(kept))
    return None if codes is None else np.unique(codes[kept], return_inverse=True)[1].astype(np.intp)


DIGITS = 12


def settled(x: npt.ArrayLike, size: float | None = None) -> Floats:
    """Numbers rounded to 12 significant digits of the largest, so that equal ones are equal."""
    numbers = np.asarray(x, dtype=float)
    largest = size if size is not None else float(np.nanmax(np.abs(numbers), initial=0.0))
    if not largest > 0.0:
        return numbers
    return np.round(numbers, min(DIGITS - 1 - math.floor(math.log10(largest)), 300))


def inverse_of(matrix: Floats, *, lost: float = 1e-12) -> Floats:
    """Return the inverse (k, k) of a symmetric matrix, 0 along directions of which it says nothing.

    Those are the directions whose eigenvalue is at most `lost` of the largest. numpy's `pinv` draws that line
    at 1e-15, below the rounding of its own eigenvalues: what is 0 by construction may then come back as 1e15,
    and with another processor or one more row it does not.

    >>> inverse_of(np.array([[1.0, -1.0], [-1.0, 1.0]]))  # of differences alone
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    return np.asarray(np.linalg.pinv((matrix + matrix.T) / 2, rcond=lost, hermitian=True), dtype=float)


def magnitude(*arrays: Floats) -> float:
    """The largest absolute number in the arrays, 0 if there is none."""
    return max((float(np.nanmax(np.abs(each), initial=0.0)) for each in arrays), default=0.0)


def varies(x: Floats) -> bool:
    """Whether there are two different numbers in `x` (nan is none)."""
    present = settled(x[~np.isnan(x)])
    return present.size > 1 and bool(np.any(present != present.flat[0]))


def grid(x: npt.ArrayLike, what: str) -> Floats:
    """Numbers of shape (n_rows, n_columns), nan for missing."""
    array = numbers(x, what)
    if array.ndim != 2:
        raise InputError(f"{what} must have two dimensions, found shape {array.shape}")
    if len(bad := np.argwhere(np.isinf(array))):
        raise InputError(
            f"{what}: row {bad[0][0]}, column {bad[0][1]} is infinite; use nan for what is missing"
        )
    return array


def grids(human: npt.ArrayLike, metric: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Scores of people and of a judge, both of shape (n_systems, n_items)."""
    h, m = grid(human, "human"), grid(metric, "metric")
    if h.shape != m.shape:
        raise InputError(f"human and metric must have one shape, found {h.shape} and {m.shape}")
    return h, m
