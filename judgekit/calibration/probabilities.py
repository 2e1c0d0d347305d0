"""Map a judge's probabilities to people's: temperature, Platt, isotonic and beta calibration.

A calibration belongs to one judge and criterion, and is cross-fitted: what it does to an item comes from a
fit without it. Ordered labels are calibrated by their cumulative probabilities, labels without an order one
against the rest, and a temperature all at once. Every pair is learnt from in both directions. A fit that the
labels cannot support is refused, with the number that could.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.distribution import EPSILON, folds_of, levels, settled
from judgekit.errors import InputError
from judgekit.scales import PAIR, Labels, Numbers, Scale
from judgekit.types import CALIBRATED, Outcome, Unit, Verdict

Method = Literal["temperature", "platt", "beta", "isotonic"]
NEEDED: Mapping[str, int] = {"temperature": 20, "platt": 100, "beta": 100, "isotonic": 500}
"""Labelled verdicts that a method needs; isotonic fewer where the judge gives few different probabilities."""
RARER = 10
"""Labels that each side of each curve needs."""
_A_STEP = 50
_RIDGE, _NO_RIDGE = 1.0, 1e12


class Value(BaseModel):
    """A frozen value that is read strictly."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Platt(Value):
    """Logistic in the log-odds: p -> sigmoid(slope * logit p + intercept)."""

    kind: Literal["platt"] = "platt"
    slope: float
    intercept: float

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """Return probabilities, shape kept."""
        return _sigmoid(self.slope * logit(p) + self.intercept)


class Beta(Value):
    """p -> sigmoid(a ln p - b ln (1 - p) + c), with a and b not negative, so that it never falls.

    Source: Kull, Silva Filho and Flach (2017), "Beta calibration", AISTATS.
    """

    kind: Literal["beta"] = "beta"
    a: Annotated[float, Field(ge=0)]
    b: Annotated[float, Field(ge=0)]
    c: float

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """Return probabilities, shape kept."""
        x = clipped(p)
        return _sigmoid(self.a * np.log(x) - self.b * np.log1p(-x) + self.c)


class Isotonic(Value):
    """A line through knots that never falls, level beyond the last of them."""

    kind: Literal["isotonic"] = "isotonic"
    x: tuple[float, ...]
    y: tuple[Annotated[float, Field(ge=0, le=1)], ...]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.x or len(self.x) != len(self.y) or list(self.x) != sorted(self.x):
            raise ValueError("a curve has as many x as y, one or more, and x that rise")
        return self

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """Return probabilities, shape kept."""
        return np.asarray(np.interp(np.asarray(p, dtype=float), self.x, self.y))


Curve = Annotated[Platt | Beta | Isotonic, Field(discriminator="kind")]


class Fit(Value):
    """What was learnt from some labels: a temperature, or a curve for each cut of the scale."""

    temperature: Annotated[float, Field(gt=0)] | None = None
    curves: tuple[Curve, ...] = ()


class Calibration(Value):
    """A judge's probabilities -> people's, on one criterion. A frozen value; made by `jk.calibrate`.

    Args:
        rater: Whose verdicts it maps, on `criterion` with its `scale`.
        n: Labelled verdicts it rests on.
        seed: That the items were dealt into folds with.
        whole: The fit on all labels, for items without one.
        folds: For each fold the fit on the others.
        fold_of: Labelled item -> its fold.
        brier_before: Mean squared error of the probabilities against the labels, summed over labels.
        brier_after: The same after calibration, every item by a fit without it.
    """

    method: Method
    rater: str
    criterion: str
    scale: Labels | Numbers
    n: int
    seed: int
    whole: Fit
    folds: tuple[Fit, ...]
    fold_of: dict[str, int]
    brier_before: float
    brier_after: float

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(not 0 <= fold < len(self.folds) for fold in self.fold_of.values()):
            raise ValueError("an item is in a fold that is not there")
        return self

    def apply(self, verdict: Verdict) -> Verdict:
        """The verdict with calibrated probabilities, label and value, flagged `calibrated`.

        Raises `InputError` if it is by another rater, on another criterion, or calibrated already.
        """
        if (verdict.rater, verdict.criterion) != (self.rater, self.criterion):
            raise InputError(
                f"the calibration is of {self.rater!r} on {self.criterion!r}, and the verdict by "
                f"{verdict.rater!r} on {verdict.criterion!r}"
            )
        if CALIBRATED in verdict.flags:
            raise InputError(f"the verdict on {verdict.unit} is calibrated already")
        fold = self.fold_of.get(verdict.unit.item_id)
        labels = levels(self.scale)
        probs = _mapped(
            self.whole if fold is None else self.folds[fold], _table([verdict], labels), self.scale
        )
        settled_, label, value = settled(self.scale, dict(zip(labels, probs[0].tolist(), strict=True)))
        flags = tuple(sorted({*verdict.flags, CALIBRATED}))
        return replace(verdict, probs=settled_, label=label, value=value, flags=flags)


def fit_calibration(
    outcomes: Sequence[Outcome],
    truth: Mapping[Unit, str],
    *,
    scale: Scale,
    method: Method,
    folds: int = 5,
    seed: int = 0,
) -> Calibration:
    """Return a judge's calibration on one criterion, from one outcome and one label of people for each unit.

    Isotonic needs 50 labels for each different probability that the judge gives, if that is fewer than 500.
    Labels that cannot support the method, are all the same or all on one item, or outcomes of several raters,
    criteria or on one unit are an InputError.
    """
    if method not in NEEDED:
        raise InputError(f"no method {method!r} to calibrate by; there are {', '.join(NEEDED)}")
    verdicts = _labelled(outcomes, truth)
    labels = levels(scale)
    x = _table(verdicts, labels)
    y = np.array([labels.index(truth[v.unit]) for v in verdicts])
    _supported(x, y, labels, method, scale)
    items = sorted({v.unit.item_id for v in verdicts})
    if len(items) < 2:
        raise InputError(
            f"all {len(y)} labels are on one item, {items[0]!r}: what is done to an item is learnt from "
            "others; label a second one"
        )
    fold_of = folds_of(items, folds, seed)
    n_folds = max(fold_of.values()) + 1
    own = np.array([fold_of[v.unit.item_id] for v in verdicts])
    fits = tuple(_fit(x[own != k], y[own != k], method, scale) for k in range(n_folds))
    after = np.empty_like(x)
    for k, fit in enumerate(fits):
        after[own == k] = _mapped(fit, x[own == k], scale)
    said = np.eye(len(labels))[y]
    return Calibration(
        method=method, rater=verdicts[0].rater, criterion=verdicts[0].criterion, scale=scale, n=len(y),
        seed=seed, whole=_fit(x, y, method, scale), folds=fits, fold_of=fold_of,
        brier_before=float(np.mean(np.sum((x - said) ** 2, axis=1))),
        brier_after=float(np.mean(np.sum((after - said) ** 2, axis=1))),
    )  # fmt: skip


def _labelled(outcomes: Sequence[Outcome], truth: Mapping[Unit, str]) -> list[Verdict]:
    """Return the verdicts on units that have a label, in the order of units."""
    asked = {(o.rater, o.criterion) for o in outcomes}
    if len(asked) > 1:
        raise InputError(f"a calibration is of one rater on one criterion, not of {sorted(asked)}")
    units = Counter(o.unit for o in outcomes)
    if twice := [unit for unit, n in units.items() if n > 1]:
        raise InputError(f"{twice[0]} has {units[twice[0]]} outcomes; balance samples and orders first")
    found = [o for o in outcomes if isinstance(o, Verdict) and o.unit in truth]
    return sorted(found, key=lambda v: (v.unit.item_id, v.unit.responses, v.unit.part))


def _table(verdicts: Sequence[Verdict], labels: Sequence[str]) -> Floats:
    place = {label: k for k, label in enumerate(labels)}
    x = np.zeros((len(verdicts), len(labels)))
    for i, verdict in enumerate(verdicts):
        for label, p in verdict.probs:
            if label not in place:
                raise InputError(f"label {label!r} of {verdict.unit} is not on the scale {list(labels)}")
            x[i, place[label]] = p
    return x


def _supported(x: Floats, y: Codes, labels: Sequence[str], method: Method, scale: Scale) -> None:
    needed = NEEDED[method]
    if method == "isotonic":
        needed = min(needed, _A_STEP * len(np.unique(np.round(x, 6), axis=0)))
    if len(y) < needed:
        could = [name for name, n in NEEDED.items() if n <= len(y)]
        instead = f"; {' or '.join(could)} could be fitted" if could else ""
        raise InputError(f"{method} needs {needed} labelled verdicts, and there are {len(y)}{instead}")
    if len(np.unique(y)) < 2:
        raise InputError(
            f"all {len(y)} labels are {labels[int(y[0])]!r}: nothing can be learnt from them; label units "
            "until each side of the scale has at least "
            f"{RARER}"
        )
    if method == "temperature":
        return
    said = _cuts(_both_ways(np.eye(len(labels))[y], y, scale)[0], scale)
    for k, side in enumerate(said):
        rarer = int(min(side.sum(), len(side) - side.sum()) * len(y) / len(side))
        if rarer < RARER:
            about = labels[k] if len(said) == len(labels) else f"{labels[k + 1]} or better"
            raise InputError(
                f"{method} needs {RARER} labels on each side of {about!r}, and there are {rarer}; "
                "temperature, which has one parameter for all labels, could be fitted"
            )


def _cuts(x: Floats, scale: Scale) -> list[Floats]:
    """Return probabilities (or labels as 0 and 1) of what each curve is about, shape (n,) each."""
    if scale.kind == "nominal" and x.shape[1] > 2:
        return list(x.T)
    return [np.asarray(x[:, k:].sum(axis=1)) for k in range(1, x.shape[1])]


def _both_ways(x: Floats, y: Codes, scale: Scale) -> tuple[Floats, Codes]:
    """Return pairs with their mirror images: which response an item lists first means nothing."""
    if scale != PAIR:
        return x, y
    return np.concatenate([x, x[..., ::-1]]), np.concatenate([y, len(PAIR.labels) - 1 - y])


def _fit(x: Floats, y: Codes, method: Method, scale: Scale) -> Fit:
    if method == "temperature":
        return Fit(temperature=_temperature(x, y))
    x, y = _both_ways(x, y, scale)
    said = np.eye(x.shape[1])[y]
    pairs = zip(_cuts(x, scale), _cuts(said, scale), strict=True)
    return Fit(curves=tuple(_curve(p, so, method) for p, so in pairs))


def _curve(p: Floats, so: Floats, method: Method) -> Curve:
    """Return a curve; a level one where a fold was left with one kind of label."""
    if so.min() == so.max():
        return Isotonic(x=(0.0,), y=(float(so[0]),))
    return _FITS[method](p, so)


def _temperature(x: Floats, y: Codes) -> float:
    """Return the power of the probabilities (1 / T) with the greatest likelihood, T between 1/100 and 100."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logs, rows = np.log(clipped(x)), np.arange(len(y))
    found = minimize_scalar(
        lambda log_t: -float(np.mean(log_softmax(logs / np.exp(log_t), axis=1)[rows, y])),
        bounds=(-np.log(100.0), np.log(100.0)), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    return float(np.exp(found.x))


def _mapped(fit: Fit, x: Floats, scale: Scale) -> Floats:
    """Return calibrated distributions, shape (n, n_labels)."""
    if fit.temperature is not None:
        powered = clipped(x) ** (1.0 / fit.temperature)
        return np.asarray(powered / powered.sum(axis=1, keepdims=True))
    parts = np.stack([curve(p) for curve, p in zip(fit.curves, _cuts(x, scale), strict=True)], axis=1)
    if parts.shape[1] == x.shape[1]:
        whole = parts.sum(axis=1, keepdims=True)
        return np.where(whole > 0.0, parts / np.where(whole > 0.0, whole, 1.0), x)
    # Curves fitted apart may cross, and a cumulative probability never rises from one label to the next.
    falling = np.minimum.accumulate(parts, axis=1)
    edges = np.hstack([np.ones((len(x), 1)), falling, np.zeros((len(x), 1))])
    return np.asarray(-np.diff(edges, axis=1))


def fit_platt(p: Floats, y: Floats) -> Platt:
    """Fit by maximum likelihood; with a ridge where the answers are perfectly separated."""
    slopes, intercept = _logistic(logit(p)[:, None], y)
    return Platt(slope=slopes[0], intercept=intercept)


def fit_beta(p: Floats, y: Floats) -> Beta:
    """Fit by maximum likelihood; a slope that would be negative is left out and the rest fitted again."""
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
    """Fit by pooling neighbours that fall."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, y)
    return Isotonic(x=tuple(fitted.X_thresholds_.tolist()), y=tuple(fitted.y_thresholds_.tolist()))


def clipped(p: npt.ArrayLike) -> Floats:
    """Return probabilities kept from 0 and 1."""
    return np.asarray(np.clip(np.asarray(p, dtype=float), EPSILON, 1.0 - EPSILON))


def logit(p: npt.ArrayLike) -> Floats:
    """Return log-odds."""
    x = clipped(p)
    return np.asarray(np.log(x) - np.log1p(-x))


def _sigmoid(x: npt.ArrayLike) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(x), dtype=float)


def _logistic(x: Floats, y: Floats) -> tuple[tuple[float, ...], float]:
    """Return slopes and intercept of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    few = len(np.unique(x, axis=0)) <= x.shape[1]  # as many slopes as points: they cannot be told apart
    strength = _RIDGE if few or _separated(x, y) else _NO_RIDGE
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(x, y)
    return tuple(model.coef_[0].tolist()), float(model.intercept_[0])


def _separated(x: Floats, y: Floats) -> bool:
    """Tell whether one column alone tells the answers apart, so that its slope would be infinite."""
    no, yes = x[y == 0.0], x[y == 1.0]
    return bool(np.any(no.max(axis=0) <= yes.min(axis=0)) or np.any(yes.max(axis=0) <= no.min(axis=0)))


_FITS: Mapping[str, Callable[[Floats, Floats], Curve]] = {
    "platt": fit_platt, "beta": fit_beta, "isotonic": fit_isotonic,
}  # fmt: skip
