"""Weights: how much two labels agree, 1 for the same label and 0 for the ends of the scale.

They stand on the declared values of the categories, not on their places: labels worth 0, .9 and 1 are
not evenly spaced. Where there are too many categories to hold a matrix (numbers without a step), the
same weights are computed in blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Codes, Floats, Level
from judgekit.errors import InputError

Kind = Literal["identity", "linear", "quadratic", "radical", "ordinal_gwet", "ratio"]
MOST_HELD = 1024
"""The most categories whose weights are held as a matrix."""


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """Agreement of each pair of categories, symmetric, with 1 for a category and itself.

    `values` (n_categories,) are what they are computed from; the `matrix` is None if categories are too many.
    """

    name: str
    values: Floats
    matrix: Floats | None

    def of(self, a: Codes, b: Codes) -> Floats:
        """Weight of each pair of codes, none of them missing."""
        if self.name == "identity":
            return np.asarray(a == b, dtype=np.float64)
        if self.matrix is not None:
            return np.asarray(self.matrix[a, b], dtype=np.float64)
        return _RULES[self.name](self.values, a, b)

    def against(self, shares: Floats) -> Floats:
        """Mean weight of each category against shares of categories, shape (..., n_categories)."""
        if self.name == "identity":
            return shares
        if self.matrix is not None:
            return np.asarray(shares @ self.matrix, dtype=np.float64)
        if self.name in {"linear", "quadratic"}:
            return self._by_moments(shares)
        everyone = np.arange(len(self.values), dtype=np.intp)
        out = np.empty_like(shares)
        for block in np.array_split(everyone, len(everyone) // 256 + 1):
            rows = _RULES[self.name](self.values, block[:, None], everyone[None, :])
            out[..., block] = shares @ rows.T
        return out

    def _by_moments(self, shares: Floats) -> Floats:
        """The same in time that grows with the categories, not with their square."""
        x = (self.values - self.values[0]) / (self.values[-1] - self.values[0])
        whole = shares.sum(axis=-1, keepdims=True)
        first = (shares @ x)[..., None]
        if self.name == "quadratic":
            return np.asarray(whole - (x**2 * whole - 2 * x * first + (shares @ x**2)[..., None]))
        below, sums = np.cumsum(shares, axis=-1), np.cumsum(shares * x, axis=-1)
        return np.asarray(whole - (x * (2 * below - whole) + first - 2 * sums))

    @property
    def total(self) -> float:
        """Sum over all pairs of categories."""
        return float(self.against(np.ones(len(self.values))).sum())


def weights_of(weights: Kind | Weights | npt.ArrayLike, values: Floats, level: Level = "ordinal") -> Weights:
    """Return weights of a kind on the values of a scale, or the caller's own (Gwet 2014, chapter 3)."""
    if isinstance(weights, Weights):
        return weights
    if not isinstance(weights, str):
        return Weights("own", values, _own(np.asarray(weights, dtype=np.float64), len(values)))
    if weights not in get_args(Kind):
        raise InputError(f"no weights {weights!r}; there are {', '.join(get_args(Kind))} and own matrices")
    if level == "nominal" and weights != "identity":
        raise InputError(f"a nominal scale has no order for {weights} weights; use identity or an own matrix")
    if weights == "ratio" and np.any(values < 0):
        raise InputError(f"ratios need values from 0, found {float(values.min()):g}")
    if len(values) > MOST_HELD:
        return Weights(weights, values, None)
    everyone = np.arange(len(values), dtype=np.intp)
    return Weights(weights, values, _RULES[weights](values, everyone[:, None], everyone[None, :]))


def _own(matrix: Floats, n: int) -> Floats:
    if matrix.shape != (n, n):
        raise InputError(f"weights have shape {matrix.shape} on a scale of {n} categories")
    proper = np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1.0)
    if not proper or not np.all((matrix >= 0) & (matrix <= 1)):
        raise InputError("own weights are symmetric, 1 on the diagonal and from 0 to 1 elsewhere")
    return matrix


def _distance(values: Floats, a: Any, b: Any) -> Floats:
    """Distance as a share of the declared range; 0 on a scale without range."""
    span = values[-1] - values[0]
    apart = np.abs(values[a] - values[b])
    return np.asarray(apart / span if span > 0 else apart * 0.0, dtype=np.float64)


def _ordinal_gwet(values: Floats, a: Any, b: Any) -> Floats:
    """1 - C(m, 2) / C(n, 2), with m the number of categories from one label to the other."""
    apart = np.abs(a - b).astype(np.float64)
    n = len(values)
    return np.asarray(1.0 - (apart + 1) * apart / max(n * (n - 1), 1), dtype=np.float64)


def _ratio(values: Floats, a: Any, b: Any) -> Floats:
    x, y = values[a], values[b]
    whole = x + y
    part = np.divide(x - y, whole, out=np.zeros_like(whole), where=whole > 0)
    ends = values[0] + values[-1]
    most = (values[-1] - values[0]) / ends if ends > 0 else 1.0
    return np.asarray(1.0 - (part / most) ** 2 if most > 0 else 1.0 - part, dtype=np.float64)


_RULES: dict[str, Callable[[Floats, Any, Any], Floats]] = {
    "identity": lambda values, a, b: np.asarray(a == b, dtype=np.float64) + 0.0 * values[0],
    "linear": lambda values, a, b: 1.0 - _distance(values, a, b),
    "quadratic": lambda values, a, b: 1.0 - _distance(values, a, b) ** 2,
    "radical": lambda values, a, b: 1.0 - np.sqrt(_distance(values, a, b)),
    "ordinal_gwet": _ordinal_gwet,
    "ratio": _ratio,
}
