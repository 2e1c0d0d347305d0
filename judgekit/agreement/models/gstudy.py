"""Generalizability study: how much of the scores' variance is items, judges, prompts, samples.

A facet is a column of labels: item, judge, prompt, ...; a term is a set of facets that share an effect
(`item:judge`: what a judge sees in an item that others do not). Where every item has the same cells the
components solve the expected mean squares and may be negative, which is reported; otherwise they are REML
(`reml`). What no repeat tells apart from noise is part of the residual, and the study says so.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import column
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import t_quantile
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import MOST_LOST, Drawn, Resampling, bootstrap, resampling
from judgekit.agreement.models.reml import RESIDUAL, Blocks, as_blocks, fit_reml
from judgekit.errors import InputError
from judgekit.types import Estimate

Term = tuple[str, ...]


def facet_columns(
    y: npt.ArrayLike, facets: Mapping[str, Any], item: str, within: Mapping[str, str]
) -> tuple[dict[str, Codes], Floats, npt.NDArray[np.bool_], int]:
    """Codes of each facet and y over the complete rows, which rows those are, and how many are not."""
    from pandas import isna

    values = column(y, "y")
    if unknown := ({item, *within, *within.values()} - set(facets)):
        raise InputError(f"no facet named {sorted(unknown)}; there are {sorted(facets)}")
    kept = ~np.isnan(values)
    raw = {name: np.asarray(labels, dtype=object) for name, labels in facets.items()}
    for name, labels in raw.items():
        if labels.shape != values.shape:
            raise InputError(f"facet {name!r} has shape {labels.shape}, y has {values.shape}")
        kept &= ~np.asarray(isna(labels), dtype=bool)
    codes: dict[str, Codes] = {}
    for name, labels in raw.items():
        mine = coded_clusters(labels[kept], int(kept.sum()))
        codes[name] = np.zeros(0, dtype=np.intp) if mine is None else mine
    for name, parent in within.items():
        codes[name] = joint([codes[parent], codes[name]])
    return codes, values[kept], kept, int((~kept).sum())


def default_terms(names: list[str], within: Mapping[str, str]) -> list[Term]:
    """The facets and their pairs, but for a facet with the one it is nested in."""
    pairs = [p for p in combinations(names, 2) if within.get(p[0]) != p[1] and within.get(p[1]) != p[0]]
    return [*((name,) for name in names), *pairs]


def joint(columns: list[Codes]) -> Codes:
    """Codes of the combinations that occur, in the order of the columns; of codes from 0 on."""
    if not len(columns[0]):
        return columns[0]
    found = np.zeros(len(columns[0]), dtype=np.intp)
    for each in columns:  # one number for two: many times faster to sort than rows of two
        found = np.unique(found * (int(each.max()) + 1) + each, return_inverse=True)[1].astype(np.intp)
    return found


def fit_terms(columns: Mapping[str, Codes], wanted: Sequence[Term]) -> tuple[dict[str, Codes], list[str]]:
    """Codes of the terms that the data can tell apart, and notes on the others."""
    notes: list[str] = []
    chosen: dict[str, Codes] = {}
    n = len(next(iter(columns.values())))
    for term in wanted:
        name = ":".join(term)
        if unknown := set(term) - set(columns):
            raise InputError(f"term {name!r} names {sorted(unknown)}; facets are {sorted(columns)}")
        flat = [facet for facet in term if n and columns[facet].max() == 0]
        if flat:
            if len(term) == 1:
                notes.append(f"{name} has one level, so its variance is not identified")
            continue
        codes = joint([columns[facet] for facet in term])
        size = int(codes.max()) + 1 if n else 0
        if size == n:
            notes.append(f"{name} was seen once each, so it is part of the residual")
            continue
        both_of = {other: int(joint([codes, c]).max()) + 1 for other, c in chosen.items()}
        if twin := [o for o, both in both_of.items() if both == size == int(chosen[o].max()) + 1]:
            notes.append(f"{name} cannot be told apart from {twin[0]} and is part of it")
            continue
        chosen[name] = codes
    return chosen, notes


def clusters_of_items(clusters: Sequence[Any], kept: npt.NDArray[np.bool_], items: Codes) -> Codes:
    """The cluster of each item, from those of the rows."""
    if len(clusters) != len(kept):
        raise InputError(f"{len(clusters)} clusters for {len(kept)} rows")
    own = coded_clusters(np.asarray(clusters, dtype=object)[kept], int(kept.sum()))
    if own is None or int(joint([items, own]).max()) != int(items.max()):
        raise InputError("an item belongs to more than one cluster")
    by_item = np.zeros(int(items.max()) + 1, dtype=np.intp)
    by_item[items] = own
    return joint([by_item])


def by_mean_squares(
    y: Floats,
    items: Codes,
    terms: Mapping[str, Codes],
    nested: Collection[str],
    weights: Floats,
    *,
    moved: Iterable[Floats] | None = None,
) -> Floats:
    """Return the components of resamples of items, (b, n_terms + 1); they may be negative."""
    # Each term's sum of squared group totals over group size has expectation N mu^2 + sum over terms of
    # variance x tr(P K); solving these is the analysis of variance. `weights` has shape (b, n_items).
    n = len(y)
    partitions = {"": np.zeros(n, dtype=np.intp), **terms, RESIDUAL: np.arange(n, dtype=np.intp)}
    within = {*nested, RESIDUAL}
    if moved is None:
        squares = _squares(y, items, partitions, within, weights)
    else:
        pairs = zip(moved, weights, strict=True)
        squares = np.hstack([_squares(own, items, partitions, within, w[None]) for own, w in pairs])
    traces = np.zeros((len(partitions), len(partitions)))
    for a, codes in enumerate(partitions.values()):
        size = n / (int(codes.max()) + 1)
        for c, other in enumerate(partitions.values()):
            cells = np.bincount(joint([codes, other]))
            traces[a, c] = n if c == 0 else float(np.sum(cells.astype(float) ** 2)) / size
    # Column 0 holds mu^2, which K of the one-group partition gives as n once.
    solved = np.linalg.solve(traces, squares).T
    return np.asarray(solved[:, 1:], dtype=float)


def _squares(
    y: Floats, items: Codes, partitions: Mapping[str, Codes], within: Collection[str], weights: Floats
) -> Floats:
    """Sums of squared group totals over group size, shape (n_partitions, b)."""
    y, m = y - y.mean(), weights.shape[1]
    squares = []
    for name, codes in partitions.items():
        k = int(codes.max()) + 1
        size = len(y) / k
        if name in within:
            owner = np.zeros(k, dtype=np.intp)
            owner[codes] = items
            squares.append(weights @ np.bincount(owner, np.bincount(codes, y) ** 2 / size, minlength=m))
        else:
            totals = np.bincount(items * k + codes, y, minlength=m * k).reshape(m, k)
            squares.append(np.sum((weights @ totals) ** 2, axis=1) / size)
    return np.array(squares)


Method = Literal["auto", "ems", "reml"]
FAR = math.log(1000)
"""A replicate this far from the estimate, in logs, lies at an end."""


@dataclass(frozen=True)
class GStudy:
    """Variance components and what they rest on.

    Args:
        components: Term -> variance, never below 0 (negative estimates set to 0); `residual` last.
        raw: As they were estimated; expected mean squares may give negative ones.
        groups: Term -> how many groups it has in the data.
        within: Facet -> the facet it is nested in.
        item: The facet that is resampled.
        method: `ems` or `reml`.
        n_rows: Rows used; `n_dropped` were left out because something was missing.
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

    Returns components nan with a status where there are fewer than two items, no variation, or no item that
    was scored twice. Raises `InputError` for shapes that differ, an unknown facet, infinity, or `ems` on
    unequal cells. Source: Brennan (2001), "Generalizability Theory". Checked against his p x (r:t) data to
    all printed digits and R lme4's REML on an unbalanced item x judge set.

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
    study = GStudy(
        components=nothing, raw=nothing, mean=math.nan, groups=groups, within=within, item=item,
        method="none", n_rows=len(values), n_dropped=dropped,
    )  # fmt: skip
    if n_items < 2:
        return replace(study, status=Status.TOO_FEW, notes=tuple(notes))
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return replace(study, status=Status.NO_VARIATION, notes=tuple(notes))
    if item not in codes and terms is None:
        why = "no item was scored twice, so items and noise cannot be told apart"
        return replace(study, status=Status.NOT_IDENTIFIED, notes=(*notes, why))
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
    return _Prepared(
        y=y, items=items, terms=codes, nested=tuple(nested), blocks=blocks, clusters=clusters, start=None
    )


def _fitted(study: GStudy, data: _Prepared, method: Method) -> GStudy:
    """The study with its components, by mean squares where they may be used and are not declined."""
    equal = len(data.blocks.uu) == 1 and all(np.ptp(np.bincount(c)) == 0 for c in data.terms.values())
    if method == "ems" and not equal:
        raise InputError("expected mean squares need the same cells for every item; use method='reml'")
    names, notes = [*data.terms, RESIDUAL], list(study.notes)
    if equal and method != "reml":
        raw = dict(zip(names, _squared(data, np.ones((1, data.blocks.n_items)))[0].tolist(), strict=True))
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


def component_estimates(study: GStudy, **how: Unpack[Drawn]) -> tuple[Estimate, ...]:
    """Each component with an interval by resampling items.

    A term without the item (judge, prompt) gets none: what its few levels tell of others like them no
    resampling of items can say, and the note gives its degrees of freedom.
    """
    draw = resampling(how, b=400)
    replicates = component_replicates(study, draw)
    estimates = []
    for place, (term, value) in enumerate(study.components.items()):
        base = Estimate(
            f"variance:{term}", value, level=draw.level, n_units=study.groups.get(study.item, 0),
            n_used=study.n_rows, n_dropped=study.n_dropped, unit=study.item, method=study.method,
            notes=study.notes,
        )  # fmt: skip
        if study.status != "ok":
            estimates.append(undefined(base, study.status))
        elif term != RESIDUAL and study.item not in term.split(":"):
            note = f"{study.groups[term]} levels, {study.groups[term] - 1} degrees of freedom: no interval"
            estimates.append(replace(base, notes=(*base.notes, note)))
        else:
            estimates.append(interval_of(base, replicates[:, place], study, draw))
    return tuple(estimates)


def interval_of(
    base: Estimate, replicates: Floats, study: GStudy, draw: Resampling, *, share: bool = False
) -> Estimate:
    """Return an estimate with an interval from its replicates over items."""
    # It is t of the replicates' spread on the scale of the log, or of the logit of a `share`: a variance of a
    # hundred items is skewed, and percentiles of its replicates cover .90 to .92 where they say .95. Where
    # some lie at an end, so that there is no such scale, it is their percentiles.
    prepared = study._data  # noqa: SLF001 - a function of this module, public for `dstudy`
    clusters = None if prepared is None else prepared.clusters
    found = bootstrap(
        lambda _: float("nan"), len(replicates), draw.over(clusters), kind="percentile", replicates=replicates
    )
    status = Status.RESAMPLES_LOST if found.lost > MOST_LOST else base.status
    unit = base.unit if clusters is None else "cluster"
    low, high, kind = found.low, found.high, found.kind
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.append(replicates, base.value) / (1 - np.append(replicates, base.value) if share else 1.0)
        logs = np.log(odds[np.isfinite(odds)])
    if len(logs) > 2 and logs.min() > logs[-1] - FAR and logs.max() < logs[-1] + FAR:
        df = (study.groups[study.item] if clusters is None else int(clusters.max()) + 1) - 1
        half = t_quantile(base.level, df) * float(np.std(logs[:-1], ddof=1))
        low, high = (math.exp(logs[-1] + each) for each in (-half, half))
        low, high = (each / (1 + each) if share else each for each in (low, high))
        kind = kind.replace("percentile", "t_logit" if share else "t_log")
    return replace(
        base, low=low, high=high, se=found.se, interval=kind, seed=draw.seed, status=status, unit=unit
    )


def component_replicates(study: GStudy, draw: Resampling, *, redrawn: Collection[str] = ()) -> Floats:
    """Components of `b` resamples of items (or clusters), shape (b, n_terms); never below 0."""
    prepared = study._data  # noqa: SLF001 - a function of this module
    if prepared is None or draw.b == 0:
        return np.zeros((0, len(study.components)))
    rng = np.random.default_rng(draw.seed)
    m = prepared.blocks.n_items
    if prepared.clusters is None:
        weights = rng.multinomial(m, np.full(m, 1 / m), size=draw.b).astype(float)
    else:
        g = int(prepared.clusters.max()) + 1
        weights = rng.multinomial(g, np.full(g, 1 / g), size=draw.b).astype(float)[:, prepared.clusters]
    shifts = _redrawn(prepared.blocks, study.components, redrawn, rng, draw.b)
    if study.method == "ems":
        return np.maximum(_squared(prepared, weights, shifts if shifts.any() else None), 0.0)
    fits = [
        fit_reml(_shifted(prepared.blocks, s), weights=w, start=prepared.start).components
        for w, s in zip(weights, shifts, strict=True)
    ]
    return np.array([[fit[term] for term in study.components] for fit in fits])


def _redrawn(
    blocks: Blocks, components: Mapping[str, float], terms: Collection[str], rng: np.random.Generator, b: int
) -> Floats:
    """New effects of crossed terms less their own, shape (b, columns of W), in the scaled unit of y."""
    q = len(blocks.w_term)
    drawn = np.zeros((b, blocks.w.shape[1]))
    chosen = np.isin(blocks.w_term, [k for k, term in enumerate(blocks.crossed) if term in terms])
    if chosen.any():
        sd = np.sqrt([components[term] for term in blocks.crossed])[blocks.w_term] / blocks.scale
        own = np.linalg.lstsq(blocks.w, blocks.y, rcond=None)[0][:q]
        drawn[:, :q] = np.where(chosen, sd * rng.normal(size=(b, q)) - own, 0.0)
    return drawn


def _shifted(blocks: Blocks, shift: Floats) -> Blocks:
    """The same rows with W times `shift`, shape (c,), added to the scaled y."""
    if not shift.any():
        return blocks
    return replace(blocks, uy=blocks.uy + blocks.uw[blocks.layout] @ shift, y=blocks.y + blocks.w @ shift)


def _squared(data: _Prepared, weights: Floats, shifts: Floats | None = None) -> Floats:
    """Components by mean squares, shape (b, n_terms + 1); W times each shift is added to the scaled y."""
    blocks = data.blocks
    moved = None if shifts is None else (data.y + blocks.scale * (blocks.w @ each) for each in shifts)
    return by_mean_squares(data.y, data.items, data.terms, data.nested, weights, moved=moved)
