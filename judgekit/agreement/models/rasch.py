"""Severity of raters by the many-facet Rasch model, fitted by marginal maximum likelihood.

log P(x = k) / P(x = k - 1) = theta_unit - beta_criterion - severity_rater - tau_k, with theta normal over
units: who saw the harder units is taken into account. Joint maximum likelihood (the tradition of FACETS) is
inconsistent and stretches severities by about L/(L-1), L cells a unit, which this does not. Severities are
compared through units that raters share; without a path of shared units they are not, however well the normal
assumption would seem to do it. Ratings of one rater on one criterion form a cell, and all that the data enter
with are counts of (unit, cell, category). A rater whose ratings all stand at one end has no finite severity
and is set aside.

Source: Linacre (1989), "Many-Facet Rasch Measurement"; Bock & Aitkin (1981), Psychometrika 46.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import normal_quantile
from judgekit.agreement.core.ratings import Codes, Floats, Ratings, coded_clusters
from judgekit.errors import InputError
from judgekit.types import Estimate

SMALLEST_SD = -6.0  # log
P_EXTREME = 0.05


@dataclass(frozen=True, eq=False)
class Marginal:
    """Data of the likelihood: `counts` is sparse, (n_units, n_cells * n_categories), of what is kept.

    Args:
        cell_rater: Shape (n_cells,), as `cell_criterion`.
        used: Categories that occur, in order.
        z: Nodes of a standard normal; `log_w` are their log weights.
        extreme: Rater -> whether all its ratings are at the top; `flat` the same of a criterion.
        n_of: Shape (n_raters,), ratings of each.
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
        counts=counts, cell_rater=pairs[:, 0], cell_criterion=pairs[:, 1], used=np.unique(x[kept]), z=z[some],
        log_w=log_w, extreme=extreme, flat=flat, n_of=np.bincount(rater), n_criteria=int(criterion.max()) + 1,
        rows=(x, unit, rater, criterion),
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
            severity=nan, se=nan, difficulty=np.zeros(model.n_criteria), thresholds=np.zeros(0),
            sd=float("nan"), mean=float("nan"), infit=nan, outfit=nan,
            posterior=np.zeros((model.counts.shape[0], len(model.z))), steps=np.zeros(0),
            log_likelihood=float("nan"), converged=False,
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
        severity=severity, se=se, difficulty=at.difficulty, thresholds=thresholds, sd=at.sd, mean=mean,
        infit=infit, outfit=outfit, posterior=posterior, steps=at.steps, log_likelihood=value,
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
    """Return the severity at which ratings all at one end would still come with probability 5 %."""
    # It is on the scale of the others (their mean 0), over the units' posteriors from the others' ratings;
    # nan if nobody else used that end.
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


LOW_FIT, HIGH_FIT = 0.5, 1.5


@dataclass(frozen=True)
class RaterFit:
    """How well a rater's ratings follow the model; mean squares, 1 is as expected.

    Infit is weighted by information (unexpected ratings near a rater's own level), outfit is not (surprises
    far from it); the flag is `muted` below 0.5 (too predictable), `erratic` above 1.5, else empty.
    """

    infit: float
    outfit: float
    flag: str


@dataclass(frozen=True)
class Severities:
    """Raters on one logit scale.

    Args:
        raters: Name -> severity, mean 0; above 0 is severe. An extreme rater has no finite one: nan, and the
            bound that its ratings allow; `fit` has the others' fit.
        criteria: Name -> difficulty, the first 0.
        thresholds: tau of each step that was used, summing to 0.
        unit_sd: Standard deviation of the units in logits.
        separation: True spread of severities over their error.
        reliability: separation^2 / (1 + separation^2): are raters told apart; not agreement.
        chi_square: Of equal severities, with its `p_value`.
        components: Raters that share units, directly or by a chain, by name.
    """

    raters: Mapping[str, Estimate]
    fit: Mapping[str, RaterFit]
    criteria: Mapping[str, float]
    thresholds: tuple[float, ...]
    unit_sd: float
    separation: float
    reliability: float
    chi_square: float
    p_value: float
    components: tuple[tuple[str, ...], ...]
    log_likelihood: float
    status: str = "ok"
    notes: tuple[str, ...] = ()


def severities(ratings: Ratings, *, level: float = 0.95) -> Severities:
    """Severities of the raters of `Ratings`, by `many_facet_rasch`."""
    rows, columns = np.nonzero(ratings.codes >= 0)
    names = np.asarray(ratings.raters, dtype=object)[columns]
    codes, k = ratings.codes[rows, columns], len(ratings.values)
    return many_facet_rasch(codes, rows.tolist(), names.tolist(), n_categories=k, level=level)


def many_facet_rasch(
    category: npt.ArrayLike,
    units: Sequence[Any],
    raters: Sequence[Any],
    *,
    n_categories: int,
    criteria: Sequence[Any] | None = None,
    level: float = 0.95,
    nodes: int | None = None,
) -> Severities:
    """Fit the rating-scale model to ratings in long form.

    Args:
        category: Shape (n_rows,), the category given, from 0, worst first; below 0 where missing.
        units: Shape (n_rows,), as `raters` and `criteria`.
        n_categories: How many the scale declares.
        nodes: Gauss-Hermite nodes; 41, and 121 where a unit has more than 20 ratings.

    Standard errors are from the observed information, intervals normal. A rater who gave one end of the scale
    only is extreme: its severity is not finite, its end is the value at which such ratings would still come
    with probability 5 %. `undefined:not_identified` where raters fall into groups that share no unit
    (listed), `needs_two_raters`, `no_variation`. Raises `InputError` for a category that the scale does not
    have, or columns of different lengths. Source: Linacre (1989), "Many-Facet Rasch Measurement"; Bock &
    Aitkin (1981), Psychometrika 46. Checked against conditional maximum likelihood on complete data.
    """
    x = np.asarray(category, dtype=np.intp)
    columns = {"units": units, "raters": raters} | ({} if criteria is None else {"criteria": criteria})
    if x.ndim != 1 or any(len(c) != len(x) for c in columns.values()):
        raise InputError("category, units, raters and criteria must have one entry a row")
    if len(x) and int(x.max()) >= n_categories:
        raise InputError(f"category {int(x.max())} on a scale of {n_categories}; they count from 0")
    there = x >= 0
    names = list(dict.fromkeys(str(r) for r, t in zip(raters, there, strict=True) if t))
    x = x[there]
    unit, rater = (_coded(units, there), _coded(raters, there))
    kinds = ["criterion"]
    if criteria is not None:
        kinds = [str(c) for c, t in zip(criteria, there, strict=True) if t]
    of = np.zeros(len(x), dtype=np.intp) if criteria is None else _coded(kinds, np.ones(len(x), dtype=bool))
    kinds = list(dict.fromkeys(kinds))
    status, components = _status(x, unit, rater, names)
    blank = Estimate(
        "severity", float("nan"), level=level, n_units=int(unit.max()) + 1 if len(x) else 0,
        n_raters=len(names), unit="unit", method="many-facet Rasch, MML",
    )  # fmt: skip
    if status != "ok":
        note = "groups of raters that share no unit: " + "; ".join(", ".join(c) for c in components)
        notes = (note,) if status == Status.NOT_IDENTIFIED else ()
        named = {name: replace(blank, name=f"severity:{name}") for name in names}
        nothing = {name: undefined(each, status, *notes) for name, each in named.items()}
        nan = float("nan")
        return Severities(
            raters=nothing, fit={}, criteria={}, thresholds=(), unit_sd=nan, separation=nan, reliability=nan,
            chi_square=nan, p_value=nan, components=components, log_likelihood=nan, status=status,
            notes=notes,
        )  # fmt: skip
    model = marginal(x, unit, rater, of, n_categories=n_categories, nodes=nodes)
    fit = fit_marginal(model)
    return _report(blank, model, fit, (names, kinds), components)


def _status(x: Codes, unit: Codes, rater: Codes, names: list[str]) -> tuple[str, tuple[tuple[str, ...], ...]]:
    if len(names) < 2:
        return Status.NEEDS_TWO_RATERS, (tuple(names),) if names else ()
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_units = int(unit.max()) + 1
    size = n_units + len(names)
    graph = coo_array((np.ones(len(x)), (unit, n_units + rater)), shape=(size, size))
    count, member = connected_components(graph, directed=False)
    groups = [tuple(n for n, m in zip(names, member[n_units:], strict=True) if m == g) for g in range(count)]
    components = tuple(group for group in groups if group)
    if len(components) > 1:
        return Status.NOT_IDENTIFIED, components
    return ("ok" if np.ptp(x) > 0 else Status.NO_VARIATION), components


def _report(
    blank: Estimate,
    model: Marginal,
    fit: RaschFit,
    names: tuple[list[str], list[str]],
    components: tuple[tuple[str, ...], ...],
) -> Severities:
    from scipy.stats import chi2

    made: dict[str, Estimate] = {}
    fits: dict[str, RaterFit] = {}
    z = normal_quantile(blank.level)
    for code, name in enumerate(names[0]):
        base = replace(blank, name=f"severity:{name}", n_used=int(model.n_of[code]))
        if code in model.extreme:
            made[name] = _extreme(base, model, fit, code)
            continue
        s, se = float(fit.severity[code]), float(fit.se[code])
        infit, outfit = float(fit.infit[code]), float(fit.outfit[code])
        flag = "erratic" if max(infit, outfit) > HIGH_FIT else "muted" if min(infit, outfit) < LOW_FIT else ""
        fits[name] = RaterFit(infit, outfit, flag)
        note = f"infit {infit:.2f}, outfit {outfit:.2f}" + (f": {flag}" if flag else "")
        made[name] = replace(
            base, value=s, low=s - z * se, high=s + z * se, se=se, interval="wald", notes=(note,)
        )
    inside = [c for c in range(len(names[0])) if c not in model.extreme]
    separation, chi = _spread(fit.severity[inside], fit.se[inside])
    notes = [f"{names[0][c]} gave one end of the scale only" for c in sorted(model.extreme)]
    notes += [f"criterion {names[1][c]} got one end only and is left out" for c in sorted(model.flat)]
    notes += [] if fit.converged else ["the fit did not report convergence"]
    return Severities(
        raters=made, fit=fits,
        criteria={n: float(fit.difficulty[c]) for c, n in enumerate(names[1]) if c not in model.flat},
        thresholds=tuple(fit.thresholds.tolist()), unit_sd=fit.sd, separation=separation,
        reliability=separation**2 / (1 + separation**2), chi_square=chi,
        p_value=float(chi2.sf(chi, len(inside) - 1)) if len(inside) > 1 else float("nan"),
        components=components, log_likelihood=fit.log_likelihood, notes=tuple(notes),
    )  # fmt: skip


def _spread(s: Floats, se: Floats) -> tuple[float, float]:
    """Separation, and the chi-square of equal severities; nan for fewer than two raters."""
    if len(s) < 2 or not np.all(se > 0):
        return float("nan"), float("nan")
    mse, w = float(np.mean(se**2)), 1 / se**2
    true = max(float(np.var(s, ddof=1)) - mse, 0.0)
    return float(np.sqrt(true / mse)), float(np.sum(w * s**2) - np.sum(w * s) ** 2 / np.sum(w))


def _extreme(base: Estimate, model: Marginal, fit: RaschFit, code: int) -> Estimate:
    lenient = model.extreme[code]
    bound = bound_of(model, fit, code)
    end = "top" if lenient else "bottom"
    side = "at most" if lenient else "at least"
    note = f"all ratings at the {end}: severity is {side} {bound:.2f} logits (5 % bound), not a number"
    low, high = (float("-inf"), bound) if lenient else (bound, float("inf"))
    return replace(undefined(base, Status.NOT_IDENTIFIED, note), low=low, high=high, interval="extreme_bound")


def _coded(labels: Sequence[Any], there: npt.NDArray[np.bool_]) -> Codes:
    kept = [str(label) for label, t in zip(labels, there, strict=True) if t]
    codes = coded_clusters(kept, len(kept))
    return np.zeros(0, dtype=np.intp) if codes is None else codes
