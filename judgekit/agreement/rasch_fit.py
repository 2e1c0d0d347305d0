"""The marginal likelihood of the rating-scale Rasch model, its gradient, and its maximum.

Ratings of one rater on one criterion form a cell. All that the data enter with are counts of
(unit, cell, category), so the likelihood is one sparse product. A rater whose ratings all stand at one end
has no finite severity and is set aside, and so is a criterion; categories nobody used get no probability
and no threshold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from judgekit.agreement.ratings import Codes, Floats

SMALLEST_SD = -6.0  # log
P_EXTREME = 0.05


@dataclass(frozen=True, eq=False)
class Marginal:
    """Data of the likelihood.

    Args:
        counts: Sparse, shape (n_units, n_cells * n_categories), of the raters and criteria kept.
        cell_rater: Shape (n_cells,).
        cell_criterion: Shape (n_cells,).
        used: Categories that occur, in order.
        z: Nodes of a standard normal.
        log_w: Log weights of the nodes.
        extreme: Rater -> whether all its ratings are at the top.
        flat: Criterion -> the same.
        n_of: Shape (n_raters,), ratings of each.
        n_criteria: How many there are.
        rows: (category, unit, rater, criterion) of every rating.
    """

    counts: Any
    cell_rater: Codes
    cell_criterion: Codes
    used: Codes
    z: Floats
    log_w: Floats
    extreme: Mapping[int, bool]
    flat: Mapping[int, bool]
    n_of: Codes
    n_criteria: int
    rows: tuple[Codes, Codes, Codes, Codes]


@dataclass(frozen=True, eq=False)
class RaschFit:
    """The maximum: severities with mean 0 (nan where extreme), and what goes with them."""

    severity: Floats
    se: Floats
    difficulty: Floats
    thresholds: Floats
    sd: float
    mean: float
    infit: Floats
    outfit: Floats
    posterior: Floats
    steps: Floats
    log_likelihood: float
    converged: bool


def marginal(
    x: Codes, unit: Codes, rater: Codes, criterion: Codes, *, n_categories: int, nodes: int | None
) -> Marginal:
    """Set aside what is extreme and count the rest."""
    from scipy.sparse import csr_array

    extreme: dict[int, bool] = {}
    flat: dict[int, bool] = {}
    kept = np.ones(len(x), dtype=bool)
    while kept.any():
        low, high = x[kept].min(), x[kept].max()
        found = False
        for codes, aside in ((rater, extreme), (criterion, flat)):
            for code in np.unique(codes[kept]):
                mine = kept & (codes == code)
                if np.all(x[mine] == high) or np.all(x[mine] == low):
                    aside[int(code)] = bool(np.all(x[mine] == high))
                    found = True
        kept &= ~np.isin(rater, list(extreme)) & ~np.isin(criterion, list(flat))
        if not found:
            break
    pairs, cell = np.unique(np.column_stack([rater, criterion])[kept], axis=0, return_inverse=True)
    n_units = int(unit.max()) + 1
    shape = (n_units, max(len(pairs), 1) * n_categories)
    place = cell.ravel() * n_categories + x[kept]
    counts = csr_array((np.ones(int(kept.sum())), (unit[kept], place)), shape=shape)
    most = int(np.bincount(unit[kept]).max()) if kept.any() else 0
    z, w = np.polynomial.hermite_e.hermegauss(nodes or (41 if most <= 20 else 121))
    some = w > 0
    log_w = np.log(w[some] / w.sum())
    return Marginal(
        counts, pairs[:, 0], pairs[:, 1], np.unique(x[kept]), z[some], log_w, extreme, flat,
        np.bincount(rater), int(criterion.max()) + 1, (x, unit, rater, criterion),
    )  # fmt: skip


def _cells(model: Marginal, severity: Floats, difficulty: Floats, steps: Floats, theta: Floats) -> Floats:
    """Log probabilities, shape (n_cells, n_categories, n_nodes); unused categories far below 0."""
    k = np.arange(model.counts.shape[1] // max(len(model.cell_rater), 1))
    delta = severity[model.cell_rater] + difficulty[model.cell_criterion]
    eta = k[None, :, None] * (theta[None, None, :] - delta[:, None, None]) - steps[None, :, None]
    eta[:, np.setdiff1d(k, model.used)] = -1e9
    top = eta.max(axis=1, keepdims=True)
    return np.asarray(eta - top - np.log(np.exp(eta - top).sum(axis=1, keepdims=True)), dtype=float)


@dataclass(frozen=True, eq=False)
class _Unpacked:
    severity: Floats
    difficulty: Floats
    steps: Floats
    sd: float


def _places(model: Marginal) -> tuple[Codes, Codes, Codes]:
    """Raters, criteria (but the first) and categories (but both ends) that have a parameter."""
    return np.unique(model.cell_rater), np.unique(model.cell_criterion)[1:], model.used[1:-1]


def _unpack(model: Marginal, parameters: Floats) -> _Unpacked:
    raters, criteria, inner = _places(model)
    severity, difficulty = np.zeros(len(model.n_of)), np.zeros(model.n_criteria)
    steps = np.zeros(model.counts.shape[1] // max(len(model.cell_rater), 1))
    a, b = len(raters), len(raters) + len(criteria)
    severity[raters], difficulty[criteria] = parameters[:a], parameters[a:b]
    steps[inner] = parameters[b:-1]
    return _Unpacked(severity, difficulty, steps, float(np.exp(parameters[-1])))


def _expect(model: Marginal, at: _Unpacked) -> tuple[float, Floats, Floats, Floats]:
    """Log likelihood, posterior of nodes (n_units, Q), expected counts (cells, K, Q), probabilities."""
    theta = at.sd * model.z
    logs = _cells(model, at.severity, at.difficulty, at.steps, theta)
    joint = model.counts @ logs.reshape(-1, len(theta)) + model.log_w
    top = joint.max(axis=1, keepdims=True)
    each = top[:, 0] + np.log(np.exp(joint - top).sum(axis=1))
    posterior = np.exp(joint - each[:, None])
    expected = np.asarray(model.counts.T @ posterior).reshape(logs.shape)
    return float(each.sum()), posterior, expected, np.exp(logs)


def _negative(parameters: Floats, model: Marginal) -> tuple[float, Floats]:
    at = _unpack(model, parameters)
    value, _, r, p = _expect(model, at)
    raters, criteria, inner = _places(model)
    k = np.arange(p.shape[1])[None, :, None]
    n = r.sum(axis=1, keepdims=True)
    surplus = np.sum(r * k, axis=1) - np.sum(n * p * k, axis=1)  # (cells, Q)
    by_cell = surplus.sum(axis=1)
    severity = -np.bincount(model.cell_rater, by_cell, minlength=len(model.n_of))[raters]
    difficulty = -np.bincount(model.cell_criterion, by_cell, minlength=model.n_criteria)[criteria]
    steps = -np.sum(r - n * p, axis=(0, 2))[inner]
    log_sd = np.sum(surplus * (at.sd * model.z))
    return -value, -np.concatenate([severity, difficulty, steps, [log_sd]])


def fit_marginal(model: Marginal) -> RaschFit:
    """Maximise; standard errors from the observed information (differences of the exact gradient)."""
    from scipy.optimize import minimize

    raters, criteria, inner = _places(model)
    n = len(raters) + len(criteria) + len(inner) + 1
    nan = np.full(len(model.n_of), np.nan)
    if len(raters) == 0:
        return RaschFit(
            nan, nan, np.zeros(model.n_criteria), np.zeros(0), float("nan"), float("nan"), nan, nan,
            np.zeros((model.counts.shape[0], len(model.z))), np.zeros(0), float("nan"), converged=False,
        )  # fmt: skip
    bounds = [(None, None)] * (n - 1) + [(SMALLEST_SD, 5.0)]
    found = minimize(
        _negative, np.zeros(n), args=(model,), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-7},
    )  # fmt: skip
    at = _unpack(model, found.x)
    value, posterior, r, p = _expect(model, at)
    covariance = _covariance(found.x, model)
    a = len(raters)
    centre = np.eye(a) - 1 / a
    severity, se = nan.copy(), nan.copy()
    mean = float(at.severity[raters].mean())
    severity[raters] = at.severity[raters] - mean
    se[raters] = np.sqrt(np.maximum(np.diag(centre @ covariance[:a, :a] @ centre), 0.0))
    infit, outfit = _fit_of(model, r, p)
    thresholds = np.diff(at.steps[model.used]) / np.diff(model.used)
    return RaschFit(
        severity, se, at.difficulty, thresholds, at.sd, mean, infit, outfit, posterior, at.steps, value,
        converged=bool(found.success),
    )  # fmt: skip


def _covariance(parameters: Floats, model: Marginal, h: float = 1e-4) -> Floats:
    n = len(parameters)
    free = n if parameters[-1] > SMALLEST_SD + 1e-3 else n - 1
    hessian = np.array(
        [
            (_negative(parameters + h * e, model)[1] - _negative(parameters - h * e, model)[1]) / (2 * h)
            for e in np.eye(n)[:free]
        ]
    )[:, :free]
    return np.asarray(np.linalg.pinv((hessian + hessian.T) / 2), dtype=float)


def _fit_of(model: Marginal, r: Floats, p: Floats) -> tuple[Floats, Floats]:
    """Infit and outfit of each rater, averaged over the posterior of the units, so that 1 is expected."""
    k = np.arange(p.shape[1])[None, :, None]
    mean = np.sum(p * k, axis=1, keepdims=True)
    variance = np.sum(p * (k - mean) ** 2, axis=1)
    squares = np.sum(r * (k - mean) ** 2, axis=1)  # (cells, Q)
    n = r.sum(axis=1)

    def by_rater(x: Floats) -> Floats:
        sums = np.bincount(model.cell_rater, x.sum(axis=1), minlength=len(model.n_of))
        return np.asarray(sums, dtype=float)

    safe = np.maximum(variance, 1e-12)
    count = by_rater(n)
    known = count > 0
    infit = np.where(known, by_rater(squares) / np.where(known, by_rater(n * safe), 1.0), np.nan)
    outfit = np.where(known, by_rater(squares / safe) / np.where(known, count, 1.0), np.nan)
    return infit, outfit


def bound_of(model: Marginal, fit: RaschFit, rater: int) -> float:
    """Severity at which a rater's ratings, all at one end, would still come with probability 5 %.

    On the scale of the others (their mean 0), over the units' posteriors from the others' ratings; nan if
    nobody else used that end.
    """
    from scipy.optimize import brentq

    x, unit, of, criterion = model.rows
    mine = (of == rater) & ~np.isin(criterion, list(model.flat))
    end = int(x[mine][0]) if mine.any() else -1
    if end not in model.used or len(fit.steps) == 0:
        return float("nan")
    theta = fit.sd * model.z
    kinds, inverse = np.unique(criterion[mine], return_inverse=True)
    posterior = fit.posterior[unit[mine]]

    def surplus(severity: float) -> float:
        k = model.used[None, :, None]
        delta = severity + fit.mean + fit.difficulty[kinds]
        eta = k * (theta[None, None, :] - delta[:, None, None]) - fit.steps[model.used][None, :, None]
        eta = eta - eta.max(axis=1, keepdims=True)
        p = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        chance = np.sum(posterior * p[:, int(np.searchsorted(model.used, end))][inverse.ravel()], axis=1)
        return float(np.sum(np.log(np.maximum(chance, 1e-300))) - np.log(P_EXTREME))

    low, high = -40.0, 40.0
    if surplus(low) * surplus(high) > 0:
        return float("nan")
    return float(brentq(surplus, low, high, xtol=1e-6))
