"""Curves that map one probability to another, fitted on answers that are known: Platt, isotonic, beta.

Each takes the probability a judge gave to something being so, and what was so, and gives the
probability it should have given. Probabilities are kept `EPSILON` from 0 and 1 before a logarithm.
"""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from judgekit.agreement.core.ratings import Floats
from judgekit.calibrate.distribution import EPSILON

_RIDGE, _NO_RIDGE = 1.0, 1e12


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Platt(_Value):
    """Logistic in the log-odds: p -> sigmoid(slope * logit p + intercept)."""

    kind: Literal["platt"] = "platt"
    slope: float
    intercept: float

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """Probabilities, shape kept."""
        return _sigmoid(self.slope * logit(p) + self.intercept)


class Beta(_Value):
    """p -> sigmoid(a ln p - b ln (1 - p) + c), with a and b not negative, so that it never falls.

    Source:
        Kull, Silva Filho and Flach (2017), "Beta calibration", AISTATS.
    """

    kind: Literal["beta"] = "beta"
    a: Annotated[float, Field(ge=0)]
    b: Annotated[float, Field(ge=0)]
    c: float

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """Probabilities, shape kept."""
        x = clipped(p)
        return _sigmoid(self.a * np.log(x) - self.b * np.log1p(-x) + self.c)


class Isotonic(_Value):
    """A line through knots that never falls, level beyond the last of them."""

    kind: Literal["isotonic"] = "isotonic"
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """Probabilities, shape kept."""
        return np.asarray(np.interp(np.asarray(p, dtype=float), self.x, self.y))


Curve = Annotated[Platt | Beta | Isotonic, Field(discriminator="kind")]


def fit_platt(p: Floats, y: Floats) -> Platt:
    """By maximum likelihood; with a ridge where the answers are perfectly separated."""
    slopes, intercept = _logistic(logit(p)[:, None], y)
    return Platt(slope=slopes[0], intercept=intercept)


def fit_beta(p: Floats, y: Floats) -> Beta:
    """By maximum likelihood; a slope that would be negative is left out and the rest fitted again."""
    x = clipped(p)
    columns = np.stack([np.log(x), -np.log1p(-x)], axis=1)
    (a, b), c = _logistic(columns, y)
    if a < 0.0:
        a, ((b,), c) = 0.0, _logistic(columns[:, 1:], y)
    elif b < 0.0:
        b, ((a,), c) = 0.0, _logistic(columns[:, :1], y)
    if min(a, b) < 0.0:  # the judge runs against the answers: all that is left is how often they are yes
        a, b, c = 0.0, 0.0, float(logit(y.mean()))
    return Beta(a=a, b=b, c=c)


def fit_isotonic(p: Floats, y: Floats) -> Isotonic:
    """By pooling neighbours that fall."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, y)
    return Isotonic(x=tuple(fitted.X_thresholds_.tolist()), y=tuple(fitted.y_thresholds_.tolist()))


def clipped(p: npt.ArrayLike) -> Floats:
    """Probabilities kept from 0 and 1."""
    return np.asarray(np.clip(np.asarray(p, dtype=float), EPSILON, 1.0 - EPSILON))


def logit(p: npt.ArrayLike) -> Floats:
    """Log-odds."""
    x = clipped(p)
    return np.asarray(np.log(x) - np.log1p(-x))


def _sigmoid(x: npt.ArrayLike) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(x), dtype=float)


def _logistic(x: Floats, y: Floats) -> tuple[tuple[float, ...], float]:
    """Slopes and intercept of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    few = len(np.unique(x, axis=0)) <= x.shape[1]  # as many slopes as points: they cannot be told apart
    strength = _RIDGE if few or _separated(x, y) else _NO_RIDGE
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(x, y)
    return tuple(model.coef_[0].tolist()), float(model.intercept_[0])


def _separated(x: Floats, y: Floats) -> bool:
    """Whether one column alone tells the answers apart, so that its slope would be infinite."""
    no, yes = x[y == 0.0], x[y == 1.0]
    return bool(np.any(no.max(axis=0) <= yes.min(axis=0)) or np.any(yes.max(axis=0) <= no.min(axis=0)))
