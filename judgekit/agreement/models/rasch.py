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
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import normal_quantile, t_quantile
from judgekit.agreement.core.ratings import Codes, Floats, Ratings, coded_clusters
from judgekit.agreement.models.rasch_fit import Marginal, RaschFit, bound_of, fit_marginal, marginal
from judgekit.errors import InputError
from judgekit.types import Estimate

Errors = Literal["model", "items"]
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


@dataclass(frozen=True, eq=False)
class Facets:
    """The whole fit: raters as `Severities` has them, criteria with intervals, and what is known of units.

    Args:
        difficulties: Criterion -> difficulty, mean 0; above 0 is hard. A criterion rated at one end only has
            a bound, as a rater has.
        units: Names of the units, in the order of `ease` (posterior mean in logits, above 0 where an average
            rater on an average criterion gives more than even odds) and `ease_sd`.
        covariance: Of severities, then of difficulties, in the order of `severities.raters` and
            `difficulties`; nan where extreme. It has `df` degrees of freedom, infinite by the model.
        weights: Of the features of units, with `weights_covariance`.
    """

    severities: Severities
    difficulties: Mapping[str, Estimate]
    units: tuple[str, ...]
    ease: Floats
    ease_sd: Floats
    covariance: Floats
    df: float
    weights: Floats
    weights_covariance: Floats


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
    errors: Errors = "model",
) -> Severities:
    """Fit the rating-scale model to ratings in long form.

    Args:
        category: Shape (n_rows,), the category given, from 0, worst first; below 0 where missing.
        units: Shape (n_rows,), as `raters` and `criteria`.
        n_categories: How many the scale declares.
        nodes: Gauss-Hermite nodes; 41, and 121 where a unit has more than 20 ratings.
        errors: `model`: from the observed information, intervals normal; `items`: clustered by unit, t.

    A rater who gave one end of the scale only is extreme: its severity is not finite, its end is the value at
    which such ratings would still come with probability 5 %. `undefined:not_identified` where raters fall
    into groups that share no unit (listed), `needs_two_raters`, `no_variation`. Raises `InputError` for a
    category that the scale does not have, or columns of different lengths. Source: Linacre (1989),
    "Many-Facet Rasch Measurement"; Bock & Aitkin (1981), Psychometrika 46. Checked against conditional
    maximum likelihood on complete data, and lme4's `glmer` where cells are missing.
    """
    return fit_facets(
        category, units, raters, n_categories=n_categories, criteria=criteria, level=level, nodes=nodes,
        errors=errors,
    ).severities  # fmt: skip


def fit_facets(
    category: npt.ArrayLike,
    units: Sequence[Any],
    raters: Sequence[Any],
    *,
    n_categories: int,
    criteria: Sequence[Any] | None = None,
    level: float = 0.95,
    nodes: int | None = None,
    errors: Errors = "model",
    features: Mapping[str, Sequence[float]] | None = None,
    ridge: float = 0.0,
) -> Facets:
    """Fit as `many_facet_rasch`, and tell of criteria and units, too.

    `features` (unit -> numbers, of one length) make the mean of a unit a sum of them, with weights that a
    `ridge` holds small; infit and outfit are then nan. Where several judges rate one response their ratings
    are not independent, which only errors by `items` know of, with units = items. Severities look smaller
    than they are where responses vary beyond their items. Difficulties are `undefined:not_identified` where
    raters and criteria cannot be told apart, as where each criterion has a rater of its own.

    >>> right = [1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0]  # of two systems on six items
    >>> items = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    >>> found = fit_facets(right, items, ["x", "y"] * 6, n_categories=2, errors="items")
    >>> round(-found.severities.raters["x"].value, 2), found.df
    (0.35, 5.0)
    """
    x = np.asarray(category, dtype=np.intp)
    columns = {"units": units, "raters": raters} | ({} if criteria is None else {"criteria": criteria})
    if x.ndim != 1 or any(len(c) != len(x) for c in columns.values()):
        raise InputError("category, units, raters and criteria must have one entry a row")
    if len(x) and int(x.max()) >= n_categories:
        raise InputError(f"category {int(x.max())} on a scale of {n_categories}; they count from 0")
    there = x >= 0
    x, whole = x[there], ["criterion"] * len(x) if criteria is None else criteria
    (unit, listed), (rater, names), (of, kinds) = (_coded(each, there) for each in (units, raters, whole))
    status, components = _status(x, unit, rater, names)
    blank = Estimate(
        "severity", float("nan"), level=level, n_units=len(listed), n_raters=len(names), unit="unit",
        method="many-facet Rasch, MML",
    )  # fmt: skip
    if status != "ok":
        return _undefined(blank, status, (names, kinds, listed), components)
    held = None if features is None else _features(features, listed)
    model = marginal(
        x, unit, rater, of, n_categories=n_categories, nodes=nodes, features=held, ridge=ridge
    )  # fmt: skip
    fit = fit_marginal(model, errors)
    found = _report(blank, model, fit, (names, kinds or ["criterion"]), components)
    return Facets(
        severities=found, difficulties=_difficulties(blank, model, fit, kinds), units=tuple(listed),
        ease=fit.ease, ease_sd=fit.ease_sd, covariance=fit.covariance, df=fit.df, weights=fit.weights,
        weights_covariance=fit.weights_covariance,
    )  # fmt: skip


def _features(features: Mapping[str, Sequence[float]], units: Sequence[str]) -> Floats:
    """Return the features of units as an array; InputError where some are missing."""
    if lost := [unit for unit in units if unit not in features]:
        raise InputError(f"unit {lost[0]!r} has no features; give numbers for each unit")
    made = np.array([features[unit] for unit in units], dtype=float).reshape(len(units), -1)
    if not np.isfinite(made).all():
        row = int(np.argwhere(~np.isfinite(made))[0][0])
        raise InputError(f"unit {units[row]!r}: a feature is not a finite number")
    return made


def _undefined(
    blank: Estimate,
    status: str,
    named: tuple[list[str], list[str], list[str]],
    components: tuple[tuple[str, ...], ...],
) -> Facets:
    """Return a fit without numbers, and why."""
    note = "groups of raters that share no unit: " + "; ".join(", ".join(c) for c in components)
    notes = (note,) if status == Status.NOT_IDENTIFIED else ()
    nan, (raters, kinds, units) = float("nan"), named
    nothing, hard = (
        {name: undefined(replace(blank, name=f"{what}:{name}"), status, *notes) for name in names}
        for what, names in (("severity", raters), ("difficulty", kinds))
    )
    none, n = np.full(len(units), nan), len(raters) + len(kinds)
    found = Severities(
        raters=nothing, fit={}, criteria={}, thresholds=(), unit_sd=nan, separation=nan, reliability=nan,
        chi_square=nan, p_value=nan, components=components, log_likelihood=nan, status=status, notes=notes,
    )  # fmt: skip
    return Facets(
        severities=found, difficulties=hard, units=tuple(units), ease=none, ease_sd=none,
        covariance=np.full((n, n), nan), df=nan, weights=np.zeros(0), weights_covariance=np.zeros((0, 0)),
    )  # fmt: skip


def _told_apart(model: Marginal) -> bool:
    """Tell whether the units alone, whatever they are like, would tell raters from criteria."""
    from scipy.sparse import csr_array

    _, unit, rater, criterion = model.rows
    kept = ~np.isin(rater, list(model.extreme)) & ~np.isin(criterion, list(model.flat))
    n, size = len(model.n_of), len(model.n_of) + model.n_criteria
    row, both = unit[kept], np.concatenate([rater[kept], n + criterion[kept]])
    each = np.arange(len(row))
    design = csr_array((np.ones(len(both)), (np.tile(each, 2), both)), shape=(len(row), size))
    of_unit = csr_array((np.ones(len(row)), (row, each)), shape=(len(model.counts.indptr) - 1, len(row)))
    sums, share = of_unit @ design, 1.0 / np.maximum(np.bincount(row, minlength=of_unit.shape[0]), 1)
    within = (design.T @ design - sums.T @ sums.multiply(share[:, None]).tocsr()).toarray()
    used = np.unique(both)
    return bool(np.linalg.matrix_rank(within[np.ix_(used, used)], tol=1e-7) == len(used) - 2)


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
    for code, name in enumerate(names[0]):
        base = replace(blank, name=f"severity:{name}", n_used=int(model.n_of[code]))
        if code in model.extreme:
            made[name] = _extreme(base, model, fit, code)
            continue
        infit, outfit = float(fit.infit[code]), float(fit.outfit[code])
        flag = "erratic" if max(infit, outfit) > HIGH_FIT else "muted" if min(infit, outfit) < LOW_FIT else ""
        fits[name] = RaterFit(infit, outfit, flag)
        note = f"infit {infit:.2f}, outfit {outfit:.2f}" + (f": {flag}" if flag else "")
        made[name] = _placed(base, fit, float(fit.severity[code]), code, (note,))
    inside = [c for c in range(len(names[0])) if c not in model.extreme]
    se = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))[inside]
    separation, chi = _spread(fit.severity[inside], se)
    notes = [f"{names[0][c]} gave one end of the scale only" for c in sorted(model.extreme)]
    notes += [f"criterion {names[1][c]} got one end only and is left out" for c in sorted(model.flat)]
    notes += [] if fit.converged else ["the fit did not report convergence"]
    known = fit.difficulty[~np.isnan(fit.difficulty)]
    return Severities(
        raters=made, fit=fits,
        criteria={
            n: float(fit.difficulty[c] - known[0]) for c, n in enumerate(names[1]) if c not in model.flat
        },
        thresholds=tuple(fit.thresholds.tolist()), unit_sd=fit.sd, separation=separation,
        reliability=separation**2 / (1 + separation**2), chi_square=chi,
        p_value=float(chi2.sf(chi, len(inside) - 1)) if len(inside) > 1 else float("nan"),
        components=components, log_likelihood=fit.log_likelihood, notes=tuple(notes),
    )  # fmt: skip


def _difficulties(blank: Estimate, model: Marginal, fit: RaschFit, kinds: list[str]) -> dict[str, Estimate]:
    """Return the criteria's estimates; that they cannot be told from raters is said."""
    apart = len(kinds) < 2 or _told_apart(model)
    why = "raters and criteria cannot be told apart: let raters rate several criteria on the same units"
    made = {}
    for code, name in enumerate(kinds):
        base = replace(blank, name=f"difficulty:{name}", n_used=int(model.n_on[code]))
        if code in model.flat:
            made[name] = _extreme(base, model, fit, code, of="criterion")
        elif apart:
            made[name] = _placed(base, fit, float(fit.difficulty[code]), len(model.n_of) + code)
        else:
            made[name] = undefined(base, Status.NOT_IDENTIFIED, why)
    return made


def _placed(base: Estimate, fit: RaschFit, value: float, at: int, notes: tuple[str, ...] = ()) -> Estimate:
    """Return an estimate with its interval: by the normal distribution, or by t where units are clusters."""
    se = float(np.sqrt(max(fit.covariance[at, at], 0.0)))
    clustered = np.isfinite(fit.df)
    half = (t_quantile(base.level, fit.df) if clustered else normal_quantile(base.level)) * se
    return replace(
        base, value=value, low=value - half, high=value + half, se=se,
        interval="t_cr1" if clustered else "wald", notes=notes,
    )  # fmt: skip


def _spread(s: Floats, se: Floats) -> tuple[float, float]:
    """Separation, and the chi-square of equal severities; nan for fewer than two raters."""
    if len(s) < 2 or not np.all(se > 0):
        return float("nan"), float("nan")
    mse, w = float(np.mean(se**2)), 1 / se**2
    true = max(float(np.var(s, ddof=1)) - mse, 0.0)
    return float(np.sqrt(true / mse)), float(np.sum(w * s**2) - np.sum(w * s) ** 2 / np.sum(w))


def _extreme(
    base: Estimate,
    model: Marginal,
    fit: RaschFit,
    code: int,
    *,
    of: Literal["rater", "criterion"] = "rater",
) -> Estimate:
    lenient = (model.extreme if of == "rater" else model.flat)[code]
    bound = bound_of(model, fit, code, of=of)
    end = "top" if lenient else "bottom"
    side = "at most" if lenient else "at least"
    what = "severity" if of == "rater" else "difficulty"
    note = f"all ratings at the {end}: {what} is {side} {bound:.2f} logits (5 % bound), not a number"
    low, high = (float("-inf"), bound) if lenient else (bound, float("inf"))
    return replace(undefined(base, Status.NOT_IDENTIFIED, note), low=low, high=high, interval="extreme_bound")


def _coded(labels: Sequence[Any], there: npt.NDArray[np.bool_]) -> tuple[Codes, list[str]]:
    """Return codes in order of appearance, and the names they stand for."""
    kept = [str(label) for label, t in zip(labels, there, strict=True) if t]
    codes = coded_clusters(kept, len(kept))
    return np.zeros(0, dtype=np.intp) if codes is None else codes, list(dict.fromkeys(kept))
