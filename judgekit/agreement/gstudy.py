"""Generalizability study: how much of the scores' variance is items, judges, prompts, samples.

A facet is a column of labels: item, judge, prompt, ...; a term is a set of facets that share an effect
(`item:judge`: what a judge sees in an item that others do not). Where every item has the same cells the
components solve the expected mean squares and may be negative, which is reported; otherwise they are
REML (`reml`). What no repeat tells apart from noise is part of the residual, and the study says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.estimate import NO_VARIATION, NOT_IDENTIFIED, RESAMPLES_LOST, TOO_FEW, undefined
from judgekit.agreement.facets import Term, clusters_of_items, default_terms, facet_columns, fit_terms, joint
from judgekit.agreement.ratings import Codes, Floats
from judgekit.agreement.reml import RESIDUAL, Blocks, as_blocks, fit_reml
from judgekit.agreement.resample import MOST_LOST, bootstrap
from judgekit.errors import InputError
from judgekit.types import Estimate

Method = Literal["auto", "ems", "reml"]


@dataclass(frozen=True)
class GStudy:
    """Variance components and what they rest on.

    Args:
        components: Term -> variance, never below 0 (negative estimates set to 0); `residual` last.
        raw: As they were estimated; expected mean squares may give negative ones.
        mean: Grand mean.
        groups: Term -> how many groups it has in the data.
        within: Facet -> the facet it is nested in.
        item: The facet that is resampled.
        method: `ems` or `reml`.
        n_rows: Rows used.
        n_dropped: Rows left out because something was missing.
        status: As in `Estimate`.
        notes: What a reader should know.
    """

    components: Mapping[str, float]
    raw: Mapping[str, float]
    mean: float
    groups: Mapping[str, int]
    within: Mapping[str, str]
    item: str
    method: str
    n_rows: int
    n_dropped: int
    status: str = "ok"
    notes: tuple[str, ...] = ()
    _data: "_Prepared | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class _Prepared:
    y: Floats
    items: Codes
    terms: Mapping[str, Codes]
    nested: tuple[str, ...]
    blocks: Blocks
    clusters: Codes | None
    start: Floats | None


def g_study(
    y: npt.ArrayLike,
    facets: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    *,
    item: str = "item",
    terms: Sequence[Term] | None = None,
    within: Mapping[str, str] | None = None,
    clusters: Sequence[Any] | None = None,
    method: Method = "auto",
) -> GStudy:
    """Variance components of scores in long form.

    Args:
        y: Shape (n_rows,), scores in any unit; nan where one was not obtained (dropped, counted).
        facets: Name -> labels, shape (n_rows,). Rows with equal labels throughout are repeats.
        item: The facet with many levels; its levels are the blocks, and what is resampled.
        terms: Which effects to fit; the facets and their pairs where left out. The residual is always there.
        within: Facet -> the facet it is nested in (`{"rater": "task"}`).
        clusters: Shape (n_rows,), what items belong to, resampled whole.
        method: `ems` (equal cells only), `reml`, or `auto`: `ems` where it may be used.

    Returns:
        Components nan with a status where there are fewer than two items, no variation, or no item that was
        scored twice.

    Raises:
        InputError: For shapes that differ, an unknown facet, infinity, or `ems` on unequal cells.

    Source:
        Brennan (2001), "Generalizability Theory". Checked against his p x (r:t) data to all printed digits
        and R lme4's REML on an unbalanced item x judge set.

    >>> study = g_study([1, 2, 3, 5, 5, 6], {"item": [1, 1, 2, 2, 3, 3], "judge": ["a", "b"] * 3})
    >>> {term: round(variance, 3) for term, variance in study.components.items()}
    {'item': 4.0, 'judge': 0.833, 'residual': 0.167}
    """
    within = dict(within or {})
    columns, values, kept, dropped = facet_columns(y, facets, item, within)
    wanted = list(terms) if terms is not None else default_terms(list(columns), within)
    codes, notes = fit_terms(columns, wanted)
    groups = {name: int(c.max()) + 1 if len(c) else 0 for name, c in codes.items()}
    n_items = int(columns[item].max()) + 1 if len(values) else 0
    nothing = dict.fromkeys([*codes, RESIDUAL], math.nan)
    study = GStudy(nothing, nothing, math.nan, groups, within, item, "none", len(values), dropped)
    if n_items < 2:
        return replace(study, status=TOO_FEW, notes=tuple(notes))
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return replace(study, status=NO_VARIATION, notes=tuple(notes))
    if item not in codes and terms is None:
        why = "no item was scored twice, so items and noise cannot be told apart"
        return replace(study, status=NOT_IDENTIFIED, notes=(*notes, why))
    own = None if clusters is None else clusters_of_items(clusters, kept, columns[item])
    return _fitted(
        replace(study, notes=tuple(notes)), _prepare(values, columns[item], codes, own, item), method
    )


def _prepare(
    y: Floats, items: Codes, codes: Mapping[str, Codes], clusters: Codes | None, item: str
) -> _Prepared:
    nested = {name: c for name, c in codes.items() if item in name.split(":")}
    crossed = {name: c for name, c in codes.items() if name not in nested}
    blocks = as_blocks(y, items, nested=nested, crossed=crossed)
    return _Prepared(y, items, codes, tuple(nested), blocks, clusters, None)


def _fitted(study: GStudy, data: _Prepared, method: Method) -> GStudy:
    """The study with its components, by mean squares where they may be used and are not declined."""
    equal = _is_balanced(data.blocks, data.terms)
    if method == "ems" and not equal:
        raise InputError("expected mean squares need the same cells for every item; use method='reml'")
    names, notes = [*data.terms, RESIDUAL], list(study.notes)
    if equal and method != "reml":
        raw = dict(zip(names, _ems(data, np.ones((1, data.blocks.n_items)))[0].tolist(), strict=True))
        mean, chosen = float(data.y.mean()), "ems"
        if negative := [f"{t} ({v:.3g})" for t, v in raw.items() if v < 0]:
            notes.append("negative components set to 0: " + ", ".join(negative))
    else:
        fit = fit_reml(data.blocks)
        raw, mean, chosen = {t: fit.components[t] for t in names}, fit.mean, "reml"
        data = replace(data, start=fit.log_ratios)
        if not fit.converged:
            notes.append("the REML fit did not report convergence")
    return replace(
        study, components={t: max(v, 0.0) for t, v in raw.items()}, raw=raw, mean=mean, method=chosen,
        notes=tuple(notes), _data=data,
    )  # fmt: skip


def component_estimates(
    study: GStudy, *, seed: int, b: int = 400, level: float = 0.95
) -> tuple[Estimate, ...]:
    """Each component with an interval by resampling items.

    A term without the item (judge, prompt) gets none: what its few levels tell of others like them no
    resampling of items can say, and the note gives its degrees of freedom.
    """
    replicates = component_replicates(study, seed=seed, b=b)
    estimates = []
    for place, (term, value) in enumerate(study.components.items()):
        base = Estimate(
            f"variance:{term}", value, level=level, n_units=study.groups.get(study.item, 0),
            n_used=study.n_rows, n_dropped=study.n_dropped, unit=study.item, method=study.method,
            notes=study.notes,
        )  # fmt: skip
        if study.status != "ok":
            estimates.append(undefined(base, study.status))
        elif term != RESIDUAL and study.item not in term.split(":"):
            note = f"{study.groups[term]} levels, {study.groups[term] - 1} degrees of freedom: no interval"
            estimates.append(replace(base, notes=(*base.notes, note)))
        else:
            estimates.append(interval_of(base, replicates[:, place], study, seed=seed))
    return tuple(estimates)


def interval_of(base: Estimate, replicates: Floats, study: GStudy, *, seed: int) -> Estimate:
    """An estimate with the percentile interval of its replicates over items."""
    prepared = study._data  # noqa: SLF001 - a function of this module, public for `dstudy`
    clusters = None if prepared is None else prepared.clusters
    found = bootstrap(
        lambda _: float("nan"), len(replicates), seed=seed, level=base.level, clusters=clusters,
        kind="percentile", replicates=replicates,
    )  # fmt: skip
    status = RESAMPLES_LOST if found.lost > MOST_LOST else base.status
    unit = base.unit if clusters is None else "cluster"
    return replace(
        base,
        low=found.low,
        high=found.high,
        se=found.se,
        interval=found.kind,
        seed=seed,
        status=status,
        unit=unit,
    )


def component_replicates(study: GStudy, *, seed: int, b: int) -> Floats:
    """Components of `b` resamples of items (or clusters), shape (b, n_terms); never below 0."""
    prepared = study._data  # noqa: SLF001 - a function of this module
    if prepared is None or b == 0:
        return np.zeros((0, len(study.components)))
    rng = np.random.default_rng(seed)
    m = prepared.blocks.n_items
    if prepared.clusters is None:
        weights = rng.multinomial(m, np.full(m, 1 / m), size=b).astype(float)
    else:
        g = int(prepared.clusters.max()) + 1
        weights = rng.multinomial(g, np.full(g, 1 / g), size=b).astype(float)[:, prepared.clusters]
    if study.method == "ems":
        return np.maximum(_ems(prepared, weights), 0.0)
    fits = [fit_reml(prepared.blocks, weights=w, start=prepared.start).components for w in weights]
    return np.array([[fit[term] for term in study.components] for fit in fits])


def _is_balanced(blocks: Blocks, codes: Mapping[str, Codes]) -> bool:
    return len(blocks.uu) == 1 and all(np.ptp(np.bincount(c)) == 0 for c in codes.values())


def _ems(data: _Prepared, weights: Floats) -> Floats:
    """Components from expected mean squares, shape (b, n_terms + 1), for weights of items (b, m).

    Each term's sum of squared group totals over group size has expectation
    N mu^2 + sum over terms of variance x tr(P K); solving these is the analysis of variance.
    """
    n, m = len(data.y), weights.shape[1]
    y = data.y - data.y.mean()
    partitions = [np.zeros(n, dtype=np.intp), *data.terms.values(), np.arange(n, dtype=np.intp)]
    names = ["", *data.terms, RESIDUAL]
    squares, traces = [], np.zeros((len(names), len(names)))
    for a, codes in enumerate(partitions):
        size = n / (int(codes.max()) + 1)
        if names[a] in data.nested or names[a] == RESIDUAL:
            groups = np.bincount(codes, y)
            owner = np.zeros(len(groups), dtype=np.intp)
            owner[codes] = data.items
            squares.append(weights @ np.bincount(owner, groups**2 / size, minlength=m))
        else:
            totals = np.zeros((m, int(codes.max()) + 1))
            np.add.at(totals, (data.items, codes), y)
            squares.append(np.sum((weights @ totals) ** 2, axis=1) / size)
        for c, other in enumerate(partitions):
            cells = np.bincount(joint([codes, other]))
            traces[a, c] = n if c == 0 else float(np.sum(cells.astype(float) ** 2)) / size
    # Column 0 holds mu^2, which K of the one-group partition gives as n once.
    solved = np.linalg.solve(traces, np.array(squares)).T
    return np.asarray(solved[:, 1:], dtype=float)
