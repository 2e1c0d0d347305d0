"""Severity of raters by the many-facet Rasch model, fitted by marginal maximum likelihood.

log P(x = k) / P(x = k - 1) = theta_unit - beta_criterion - severity_rater - tau_k, with theta normal over
units: who saw the harder units is taken into account, and units at the end of the scale need no
correction. Joint maximum likelihood (the tradition of FACETS) is inconsistent and stretches severities by
about L/(L-1), L cells a unit, which this does not. Severities are compared through units that raters
share; without a path of shared units they are not, however well the normal assumption would seem to do it.

Source: Linacre (1989), "Many-Facet Rasch Measurement"; Bock & Aitkin (1981), Psychometrika 46.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.estimate import NEEDS_TWO_RATERS, NO_VARIATION, NOT_IDENTIFIED, undefined
from judgekit.agreement.intervals import normal_quantile
from judgekit.agreement.rasch_fit import Marginal, RaschFit, bound_of, fit_marginal, marginal
from judgekit.agreement.ratings import Codes, Floats, Ratings, coded_clusters
from judgekit.errors import InputError
from judgekit.types import Estimate

LOW_FIT, HIGH_FIT = 0.5, 1.5


@dataclass(frozen=True)
class RaterFit:
    """How well a rater's ratings follow the model; mean squares, 1 is as expected.

    Args:
        infit: Weighted by information: unexpected ratings near a rater's own level.
        outfit: Unweighted: surprises far from it.
        flag: `muted` below 0.5 (too predictable), `erratic` above 1.5, else empty.
    """

    infit: float
    outfit: float
    flag: str


@dataclass(frozen=True)
class Severities:
    """Raters on one logit scale.

    Args:
        raters: Name -> severity in logits, mean 0; above 0 is severe. An extreme rater has no finite one:
            nan, and the bound that its ratings allow.
        fit: Name -> fit, of the raters that are not extreme.
        criteria: Name -> difficulty, the first 0.
        thresholds: tau of each step that was used, summing to 0.
        unit_sd: Standard deviation of the units in logits.
        separation: True spread of severities over their error.
        reliability: separation^2 / (1 + separation^2): are raters told apart; not agreement.
        chi_square: Of equal severities.
        p_value: Of it.
        components: Raters that share units, directly or by a chain, by name.
        log_likelihood: At the maximum.
        status: As in `Estimate`.
        notes: What a reader should know.
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
    """Severities from ratings of shape (n_units, n_raters)."""
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
        units: Shape (n_rows,).
        raters: Shape (n_rows,).
        n_categories: How many the scale declares.
        criteria: Shape (n_rows,).
        level: Confidence of the intervals.
        nodes: Gauss-Hermite nodes; 41, and 121 where a unit has more than 20 ratings.

    Returns:
        Standard errors from the observed information, normal intervals. A rater who gave one end of the scale
        only is extreme: its severity is not finite, its end is the value at which such ratings would still
        come with probability 5 %. `undefined:not_identified` where raters fall into groups that share no
        unit (listed), `needs_two_raters`, `no_variation`.

    Raises:
        InputError: For a category that the scale does not have, or columns of different lengths.

    Source:
        As the module. Checked against conditional maximum likelihood on complete data.
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
        notes = (note,) if status == NOT_IDENTIFIED else ()
        named = {name: replace(blank, name=f"severity:{name}") for name in names}
        nothing = {name: undefined(each, status, *notes) for name, each in named.items()}
        nan = float("nan")
        return Severities(nothing, {}, {}, (), nan, nan, nan, nan, nan, components, nan, status, notes)
    model = marginal(x, unit, rater, of, n_categories=n_categories, nodes=nodes)
    fit = fit_marginal(model)
    return _report(blank, model, fit, (names, kinds), components)


def _status(x: Codes, unit: Codes, rater: Codes, names: list[str]) -> tuple[str, tuple[tuple[str, ...], ...]]:
    if len(names) < 2:
        return NEEDS_TWO_RATERS, (tuple(names),) if names else ()
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_units = int(unit.max()) + 1
    size = n_units + len(names)
    graph = coo_array((np.ones(len(x)), (unit, n_units + rater)), shape=(size, size))
    count, member = connected_components(graph, directed=False)
    groups = [tuple(n for n, m in zip(names, member[n_units:], strict=True) if m == g) for g in range(count)]
    components = tuple(group for group in groups if group)
    if len(components) > 1:
        return NOT_IDENTIFIED, components
    return ("ok" if np.ptp(x) > 0 else NO_VARIATION), components


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
        made, fits,
        {n: float(fit.difficulty[c]) for c, n in enumerate(names[1]) if c not in model.flat},
        tuple(fit.thresholds.tolist()), fit.sd, separation, separation**2 / (1 + separation**2), chi,
        float(chi2.sf(chi, len(inside) - 1)) if len(inside) > 1 else float("nan"), components,
        fit.log_likelihood, notes=tuple(notes),
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
    return replace(undefined(base, NOT_IDENTIFIED, note), low=low, high=high, interval="extreme_bound")


def _coded(labels: Sequence[Any], there: npt.NDArray[np.bool_]) -> Codes:
    kept = [str(label) for label, t in zip(labels, there, strict=True) if t]
    codes = coded_clusters(kept, len(kept))
    return np.zeros(0, dtype=np.intp) if codes is None else codes
