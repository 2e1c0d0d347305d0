"""A judge beside a panel of people, and the measures by which two columns of ratings are compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from judgekit.agreement.association.correlation import pearson, spearman, tau_b
from judgekit.agreement.core.ratings import MISSING, Codes, Floats, Ratings, given
from judgekit.agreement.core.weights import Kind, weights_of
from judgekit.errors import InputError

MeasureName = Literal[
    "agreement", "kappa", "linear_kappa", "quadratic_kappa", "pearson", "spearman", "tau_b", "neg_rmse",
    "neg_mae",
]  # fmt: skip
Measure = Callable[[Floats, Floats], float]
"""From two columns of numbers without gaps to a number, more is better, nan where undefined."""


@dataclass(frozen=True, eq=False)
class Panel:
    """A judge's codes (n_units,) and people's (n_units, n_humans), -1 where missing, and their ratings."""

    judge: Codes
    humans: Codes
    ratings: Ratings
    judge_name: str
    names: tuple[str, ...]

    def numbers(self, codes: Codes) -> Floats:
        """Values of codes, nan where missing."""
        return numbers_of(codes, self.ratings.values)


def numbers_of(codes: Codes, values: Floats) -> Floats:
    """Declared values of codes, nan where missing."""
    return np.where(codes < 0, np.nan, values[np.maximum(codes, 0)])


def panel_of(data: Any, *, judge: str, humans: Sequence[str] | None = None, scale: Any = None) -> Panel:
    """Take a judge and people out of one table of ratings (n_units, n_raters)."""
    ratings = given(data, scale)
    place = {name: i for i, name in enumerate(ratings.raters)}
    people = tuple(humans) if humans is not None else tuple(n for n in ratings.raters if n != judge)
    unknown = [name for name in (judge, *people) if name not in place]
    if unknown:
        raise InputError(f"no rater {', '.join(map(repr, unknown))}; there are {', '.join(ratings.raters)}")
    if judge in people:
        raise InputError(f"{judge!r} is judged against the panel, so it cannot be of the panel")
    columns = ratings.codes[:, [place[name] for name in people]]
    return Panel(ratings.codes[:, place[judge]], columns, ratings, judge, people)


def majority(codes: Codes, values: Floats) -> Codes:
    """Return the most frequent label of each unit (n_units, n_raters)."""
    # Of equally frequent ones it is that nearest the mean, then the lower.
    votes = np.stack([(codes == k).sum(axis=1) for k in range(len(values))], axis=1)
    total = votes.sum(axis=1)
    mean = votes @ values / np.maximum(total, 1)
    span = float(np.ptp(values)) or 1.0
    distance = np.round(np.abs(values[None, :] - mean[:, None]) / span, 12)
    # Votes decide, the distance breaks ties: it is below 1, one vote is 2.
    best = np.argmax(2.0 * votes - distance, axis=1)
    return np.where(total > 0, best, MISSING).astype(np.intp)


def measure_of(name: MeasureName | Measure, values: Floats) -> Measure:
    """Return a measure of two columns by its name, on the declared values of a scale."""
    if not isinstance(name, str):
        return name
    plain: dict[str, Measure] = {
        "agreement": lambda x, y: float(np.mean(x == y)) if len(x) else float("nan"),
        "pearson": pearson,
        "spearman": spearman,
        "tau_b": tau_b,
        "neg_rmse": lambda x, y: -float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else float("nan"),
        "neg_mae": lambda x, y: -float(np.mean(np.abs(x - y))) if len(x) else float("nan"),
    }
    kappas: dict[str, Kind] = {"kappa": "identity", "linear_kappa": "linear", "quadratic_kappa": "quadratic"}
    if name in plain:
        return plain[name]
    if name in kappas:
        return _kappa(kappas[name], values)
    raise InputError(f"unknown measure {name!r}; there are {', '.join(get_args(MeasureName))}")


def _kappa(kind: Kind, values: Floats) -> Measure:
    """Cohen's kappa from the table of counts on the declared scale."""
    w = weights_of(kind, values)
    q = len(values)

    def kappa(x: Floats, y: Floats) -> float:
        a, b = (np.searchsorted(values, each) for each in (x, y))
        if np.any(a >= q) or np.any(b >= q) or np.any(values[a] != x) or np.any(values[b] != y):
            raise InputError("kappa compares labels of the scale; compare means by correlation or error")
        if len(x) == 0:
            return float("nan")
        p_a, p_b = (np.bincount(each, minlength=q) / len(x) for each in (a, b))
        observed, expected = float(np.mean(w.of(a, b))), float(p_a @ w.against(p_b[None, :])[0])
        return (observed - expected) / (1 - expected) if 1 - expected > 1e-12 else float("nan")

    return kappa
