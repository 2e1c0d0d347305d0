"""The likelihood of the many-facet Rasch model, units integrated out, and its maximum.

log P(x = k) / P(x = k - 1) = theta_unit - beta_criterion - severity_rater - tau_k, theta normal over units
with mean 0, or `features` of the unit times `weights`. Nodes of a standard normal are shared by all units
where there are no features, so that all that the data enter with are counts of (unit, cell, category); a cell
is one rater on one criterion.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from judgekit.agreement.core.arrays import inverse_of
from judgekit.agreement.core.ratings import Codes, Floats

SMALLEST_SD = -6.0  # log
P_EXTREME = 0.05
_AT_ONCE = 4_000_000  # numbers held for a block of units


@dataclass(frozen=True, eq=False)
class Marginal:
    """Data of the likelihood: `counts` is sparse, (n_units, n_cells * n_categories), of what is kept.

    Args:
        cell_rater: Shape (n_cells,), as `cell_criterion`.
        used: Categories that occur, in order.
        z: Nodes of a standard normal; `log_w` are their log weights.
        extreme: Rater -> whether all its ratings are at the top; `flat` the same of a criterion.
        n_of: Shape (n_raters,), ratings of each; `n_on` (n_criteria,) on each criterion.
        rows: (category, unit, rater, criterion) of every rating.
        features: Shape (n_units, n_features), of which the unit's mean is a sum; none without.
        ridge: What holds their weights small: half of it times their squares is taken off.
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
    n_on: Codes
    rows: tuple[Codes, Codes, Codes, Codes]
    features: Floats
    ridge: float = 0.0

    @property
    def n_criteria(self) -> int:
        """How many criteria there are."""
        return len(self.n_on)

    @property
    def n_categories(self) -> int:
        """How many categories the scale declares."""
        return int(self.counts.shape[1]) // max(len(self.cell_rater), 1)


@dataclass(frozen=True, eq=False)
class RaschFit:
    """The maximum: severities and difficulties with mean 0 (nan where extreme), and what goes with them.

    `covariance` is that of all severities, then all difficulties, so centred, nan where extreme; it has `df`
    degrees of freedom. `first` is the first difficulty against the mean, `mean` the mean severity before.
    `ease` and `ease_sd` (n_units,) are the posterior of units; `shift` what their features say of them.
    """

    severity: Floats
    difficulty: Floats
    covariance: Floats
    df: float
    thresholds: Floats
    sd: float
    mean: float
    infit: Floats
    outfit: Floats
    posterior: Floats
    steps: Floats
    log_likelihood: float
    converged: bool
    ease: Floats
    ease_sd: Floats
    shift: Floats
    weights: Floats
    weights_covariance: Floats


def marginal(
    x: Codes,
    unit: Codes,
    rater: Codes,
    criterion: Codes,
    *,
    n_categories: int,
    nodes: int | None,
    features: Floats | None = None,
    ridge: float = 0.0,
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
        counts=counts, cell_rater=pairs[:, 0], cell_criterion=pairs[:, 1], used=np.unique(x[kept]), z=z[some],
        log_w=log_w, extreme=extreme, flat=flat, n_of=np.bincount(rater), n_on=np.bincount(criterion),
        rows=(x, unit, rater, criterion), ridge=ridge,
        features=np.zeros((n_units, 0)) if features is None else features,
    )  # fmt: skip


def _cells(model: Marginal, at: "_Unpacked", cells: Codes | slice, theta: Floats) -> Floats:
    """Log probabilities, shape (n_cells, n_categories, n_nodes); unused categories far below 0.

    `theta` is of all of the cells, (n_nodes,), or of each, (n_cells, 1, n_nodes).
    """
    k = np.arange(model.n_categories)
    delta = at.severity[model.cell_rater[cells]] + at.difficulty[model.cell_criterion[cells]]
    eta = k[None, :, None] * (theta - delta[:, None, None]) - at.steps[None, :, None]
    eta[:, np.setdiff1d(k, model.used)] = -1e9
    top = eta.max(axis=1, keepdims=True)
    return np.asarray(eta - top - np.log(np.exp(eta - top).sum(axis=1, keepdims=True)), dtype=float)


@dataclass(frozen=True, eq=False)
class _Unpacked:
    severity: Floats
    difficulty: Floats
    steps: Floats
    weights: Floats
    sd: float


def _places(model: Marginal) -> tuple[Codes, Codes, Codes]:
    """Raters, criteria (but the first) and categories (but both ends) that have a parameter."""
    return np.unique(model.cell_rater), np.unique(model.cell_criterion)[1:], model.used[1:-1]


def _unpack(model: Marginal, parameters: Floats) -> _Unpacked:
    raters, criteria, inner = _places(model)
    severity, difficulty = np.zeros(len(model.n_of)), np.zeros(model.n_criteria)
    steps = np.zeros(model.n_categories)
    ends = np.cumsum([len(raters), len(criteria), len(inner)])
    severity[raters], difficulty[criteria], steps[inner], rest = np.split(parameters, ends)
    return _Unpacked(severity, difficulty, steps, rest[:-1], float(np.exp(rest[-1])))


def _expect(model: Marginal, at: _Unpacked) -> tuple[float, Floats, Floats, Floats]:
    """Log likelihood, posterior of nodes (n_units, Q), expected counts (cells, K, Q), probabilities."""
    theta = at.sd * model.z
    logs = _cells(model, at, slice(None), theta)
    joint = model.counts @ logs.reshape(-1, len(theta)) + model.log_w
    each, posterior = _posterior(joint)
    expected = np.asarray(model.counts.T @ posterior).reshape(logs.shape)
    return float(each.sum()), posterior, expected, np.exp(logs)


def _posterior(joint: Floats) -> tuple[Floats, Floats]:
    """Log likelihood of each unit, and its posterior over the nodes."""
    top = joint.max(axis=1, keepdims=True)
    each = top[:, 0] + np.log(np.exp(joint - top).sum(axis=1))
    return each, np.exp(joint - each[:, None])


def _negative(parameters: Floats, model: Marginal) -> tuple[float, Floats]:
    if model.features.shape[1]:
        blocks = list(_slope_by_unit(parameters, model))
        w, slope = _unpack(model, parameters).weights, sum(made.sum(axis=0) for *_, made in blocks)
        slope[-1 - len(w) : -1] -= model.ridge * w
        return model.ridge * float(w @ w) / 2 - sum(float(each.sum()) for each, *_ in blocks), -slope
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


def _slope_by_unit(
    parameters: Floats, model: Marginal, *, at_once: int = _AT_ONCE
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield of blocks of units log likelihood (n,), posterior (n, Q), and gradient (n, n_parameters)."""
    from scipy.sparse import csr_array

    at, (raters, criteria, inner) = _unpack(model, parameters), _places(model)
    column = np.full(len(model.n_of) + model.n_criteria, -1)
    column[raters] = np.arange(len(raters))
    column[len(model.n_of) + criteria] = len(raters) + np.arange(len(criteria))
    ends = column[model.cell_rater], column[len(model.n_of) + model.cell_criterion]
    first, k = len(raters) + len(criteria), np.arange(model.n_categories, dtype=float)
    for units in _blocks(model, at_once):
        of, cell, seen = _pairs(model, units)
        each, posterior, expected, moved = _looked_at(model, at, units, (of, cell, seen))
        extra, n = seen - expected, len(posterior)
        surplus = extra @ k
        made = np.zeros((n, len(parameters)))
        for end in ends:
            to = end[cell]
            there = to >= 0
            shape = (n, len(parameters))
            made -= csr_array((surplus[there], (of[there], to[there])), shape=shape).toarray()
        for i, category in enumerate(inner):
            made[:, first + i] = -np.bincount(of, extra[:, category], n)
        made[:, first + len(inner) : -1] = np.bincount(of, surplus, n)[:, None] * model.features[units]
        made[:, -1] = np.bincount(of, (seen @ k) * (posterior @ model.z)[of] * at.sd - moved, n)
        yield each, posterior, made


def _blocks(model: Marginal, at_once: int) -> Iterator[slice]:
    """Yield slices of units whose numbers fit in memory."""
    n_units, width = model.counts.shape
    most = int(np.diff(model.counts.indptr).max(initial=1)) * len(model.z) * model.n_categories
    size = max(1, at_once // max(width, most))
    return (slice(start, min(start + size, n_units)) for start in range(0, n_units, size))


def _pairs(model: Marginal, units: slice) -> tuple[Codes, Codes, Floats]:
    """Return unit (from the first one of the block) and cell of what was rated, and counts (n, K)."""
    counts = model.counts[units].tocoo()
    n_cells, k = max(len(model.cell_rater), 1), model.n_categories
    pairs, pair = np.unique(counts.row * n_cells + counts.col // k, return_inverse=True)
    seen = np.zeros((len(pairs), k))
    seen[pair, counts.col % k] = counts.data
    return pairs // n_cells, pairs % n_cells, seen


def _looked_at(
    model: Marginal, at: _Unpacked, units: slice, pairs: tuple[Codes, Codes, Floats]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Log likelihood and posterior of units; of pairs expected counts (n, K), and expected rating x theta."""
    from scipy.sparse import csr_array

    of, cell, seen = pairs
    n, k, theta = seen.sum(axis=1), np.arange(model.n_categories, dtype=float), at.sd * model.z
    if not model.features.shape[1]:  # the same nodes for all units
        logs = _cells(model, at, slice(None), theta)
        p = np.exp(logs)
        each, posterior = _posterior(model.counts[units] @ logs.reshape(-1, len(theta)) + model.log_w)
        expected = (posterior @ p.reshape(-1, len(theta)).T).reshape(-1, *p.shape[:2])[of, cell]
        moved = (posterior @ (np.tensordot(k, p, (0, 1)) * theta).T)[of, cell]
        return each, posterior, n[:, None] * expected, n * moved
    shift = model.features[units] @ at.weights
    logs = _cells(model, at, cell, shift[of][:, None, None] + theta)
    p = np.exp(logs)
    adds = csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(len(shift), len(of)))
    each, posterior = _posterior(adds @ np.sum(seen[:, :, None] * logs, axis=1) + model.log_w)
    mine = posterior[of]
    expected = np.sum(mine[:, None] * p, axis=2)
    moved = np.sum(mine * theta * np.tensordot(k, p, (0, 1)), axis=1)
    return each, posterior, n[:, None] * expected, n * moved


def fit_marginal(model: Marginal, errors: Literal["model", "items"] = "model") -> RaschFit:
    """Maximise; the covariance is from the observed information (differences of the exact gradient).

    With errors by `items` it is V (sum of s s') V J / (J - 1), s the gradient of each of J units.
    """
    from scipy.optimize import minimize

    raters, criteria, inner = _places(model)
    n = len(raters) + len(criteria) + len(inner) + model.features.shape[1] + 1
    if len(raters) == 0:
        return _nothing(model)
    bounds = [(None, None)] * (n - 1) + [(SMALLEST_SD, 5.0)]
    found = minimize(
        _negative, np.zeros(n), args=(model,), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-7},
    )  # fmt: skip
    at = _unpack(model, found.x)
    covariance, df, nan = _covariance(found.x, model), float("inf"), np.full(len(model.n_of), np.nan)
    fit = (nan, nan)
    if model.features.shape[1] or errors == "items":
        blocks = list(_slope_by_unit(found.x, model))
        value, posterior = (
            sum(float(each.sum()) for each, *_ in blocks),
            np.concatenate([b[1] for b in blocks]),
        )
    if errors == "items":
        rated = int(np.sum(np.diff(model.counts.indptr) > 0))
        moved = np.concatenate([b[2] for b in blocks])[:, : len(covariance)] @ covariance
        covariance, df = moved.T @ moved * (rated / (rated - 1) if rated > 1 else np.nan), float(rated - 1)
    if not model.features.shape[1]:
        value, posterior, r, p = _expect(model, at)
        fit = _fit_of(model, r, p)
    return _centred(model, at, (covariance, df), (value, posterior), fit=fit, converged=bool(found.success))


def _nothing(model: Marginal) -> RaschFit:
    """Return what there is to say where every rater is extreme."""
    nan, n, m = float("nan"), len(model.n_of), model.counts.shape[0]
    return RaschFit(
        severity=np.full(n, nan), difficulty=np.zeros(model.n_criteria), df=nan, sd=nan, mean=nan,
        covariance=np.full((n + model.n_criteria,) * 2, nan), thresholds=np.zeros(0), steps=np.zeros(0),
        infit=np.full(n, nan), outfit=np.full(n, nan), posterior=np.zeros((m, len(model.z))),
        log_likelihood=nan, converged=False, ease=np.full(m, nan), ease_sd=np.full(m, nan),
        shift=np.zeros(m), weights=np.zeros(0), weights_covariance=np.zeros((0, 0)),
    )  # fmt: skip


def _centred(
    model: Marginal,
    at: _Unpacked,
    errors: tuple[Floats, float],
    found: tuple[float, Floats],
    *,
    fit: tuple[Floats, Floats],
    converged: bool,
) -> RaschFit:
    """Return the fit with severities and difficulties around 0, and the covariance of what they then are."""
    raters, criteria, inner = _places(model)
    kept = np.unique(model.cell_criterion)
    (covariance, df), (value, posterior) = errors, found
    n, a, b = len(model.n_of), len(raters), len(raters) + len(criteria)
    turn = np.full((n + model.n_criteria, len(covariance)), np.nan)
    turn[raters], turn[n + kept] = 0.0, 0.0
    turn[raters, :a] = np.eye(a) - 1 / a
    turn[n + kept, a:b] = np.vstack([np.zeros((1, b - a)), np.eye(b - a)]) - 1 / len(kept)
    severity, difficulty = np.full(n, np.nan), np.full(model.n_criteria, np.nan)
    means = float(at.severity[raters].mean()), float(at.difficulty[kept].mean())
    severity[raters], difficulty[kept] = at.severity[raters] - means[0], at.difficulty[kept] - means[1]
    shift, spot = model.features @ at.weights, posterior @ model.z
    own = slice(b + len(inner), b + len(inner) + len(at.weights))
    return RaschFit(
        severity=severity, difficulty=difficulty, covariance=turn @ covariance @ turn.T, df=df, sd=at.sd,
        thresholds=np.diff(at.steps[model.used]) / np.diff(model.used), mean=sum(means), infit=fit[0],
        outfit=fit[1], posterior=posterior, steps=at.steps, log_likelihood=value, converged=converged,
        ease=shift + at.sd * spot - sum(means),
        ease_sd=at.sd * np.sqrt(np.maximum(posterior @ model.z**2 - spot**2, 0.0)), shift=shift,
        weights=at.weights, weights_covariance=covariance[own, own],
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
    return inverse_of(hessian)


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


def bound_of(
    model: Marginal, fit: RaschFit, code: int, *, of: Literal["rater", "criterion"] = "rater"
) -> float:
    """Return the severity at which ratings all at one end would still come with probability 5 %.

    It is on the scale of the others (their mean 0), over the units' posteriors from the others' ratings; nan
    if nobody else used that end. Of a criterion it is the difficulty.
    """
    from scipy.optimize import brentq

    x, unit, rater, criterion = model.rows
    here, there, known = (
        (rater, criterion, fit.difficulty) if of == "rater" else (criterion, rater, fit.severity)
    )
    aside = model.flat if of == "rater" else model.extreme
    mine = (here == code) & ~np.isin(there, list(aside))
    end = int(x[mine][0]) if mine.any() else -1
    if end not in model.used or len(fit.steps) == 0:
        return float("nan")
    # Ratings of units alike in shift and of one criterion share their probabilities.
    around = fit.shift[unit[mine]] - known[there[mine]] - fit.mean
    kinds, inverse = np.unique(around, return_inverse=True)
    theta, k = kinds[:, None] + fit.sd * model.z, model.used[None, :, None]
    posterior, at = fit.posterior[unit[mine]], int(np.searchsorted(model.used, end))

    def surplus(severity: float) -> float:
        eta = k * (theta[:, None] - severity) - fit.steps[model.used][None, :, None]
        eta = eta - eta.max(axis=1, keepdims=True)
        p = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        chance = np.sum(posterior * p[:, at][inverse.ravel()], axis=1)
        return float(np.sum(np.log(np.maximum(chance, 1e-300))) - np.log(P_EXTREME))

    low, high = -40.0, 40.0
    if surplus(low) * surplus(high) > 0:
        return float("nan")
    return float(brentq(surplus, low, high, xtol=1e-6))
