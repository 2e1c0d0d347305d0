"""D-study: how reliable other designs would be, and the cheapest that is reliable enough.

Brennan's terms. The universe score is what the object (an item, or a system) would get from all judges,
prompts and samples. Relative error moves objects against each other and decides who ranks first; the absolute
error has in it, besides, what moves all of them, and decides who passes. `G` rests on the first, `Phi` on the
second. A judge that is chosen and stays is fixed; a wording drawn from many is random.

`variance_parts` says where a run's scores vary (item, order, sample, judge, wording), `gap` whether a
difference of two systems is more than noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Drawn, resampling
from judgekit.agreement.models.gstudy import (
    GStudy,
    clusters_of_items,
    component_estimates,
    component_replicates,
    g_study,
    interval_of,
)
from judgekit.agreement.models.reml import RESIDUAL
from judgekit.errors import InputError
from judgekit.types import Estimate

SAMPLE = "sample"
Coefficient = Literal["g", "phi", "phi_cut"]
MOST_DESIGNS = 200_000


@dataclass(frozen=True, slots=True)
class Parts:
    """Variances of a design: of the universe score, of the relative and of the absolute error."""

    universe: float
    relative: float
    absolute: float


@dataclass(frozen=True, slots=True)
class Design:
    """A design (`n`: facet -> how many) and what it would give: calls for one item and their cost.

    `g` is for ranking, `phi` for levels and pass or fail, `sem` the root of the absolute error variance in
    score points.
    """

    n: Mapping[str, int]
    calls: int
    cost: float
    g: float
    phi: float
    sem: float


def design_parts(
    components: Mapping[str, float],
    n: Mapping[str, float],
    *,
    object_: str = "item",
    fixed: Sequence[str] = (),
    within: Mapping[str, str] | None = None,
) -> Parts:
    """Universe and error variances of a design."""
    parents = within or {}
    facets = {facet for term in components if term != RESIDUAL for facet in term.split(":")}
    if object_ not in components:
        raise InputError(f"no component for {object_!r}; there are {sorted(components)}")
    known = facets | set(parents) | set(parents.values()) | {SAMPLE}
    if bad := [f"{k}={v:g}" for k, v in n.items() if k not in known or not v >= 1]:
        raise InputError(f"{bad} in the design; facets are {sorted(known)}, numbers from 1 up")
    universe = relative = absolute = 0.0
    for term, variance in components.items():
        names = set(n) if term == RESIDUAL else set(term.split(":"))
        names |= {parents[name] for name in names if name in parents}
        others = names - {object_}
        part = variance / float(np.prod([n.get(name, 1.0) for name in sorted(others)]))
        if term == RESIDUAL:
            relative += part
        elif object_ in names and others <= set(fixed):
            universe += part
        elif object_ in names:
            relative += part
        elif not others <= set(fixed):
            absolute += part
    return Parts(universe, relative, relative + absolute)


def g_coefficient(parts: Parts) -> float:
    """Return the generalizability coefficient: universe / (universe + relative error); nan if both are 0."""
    # 1: ranks repeat exactly; 0: they are noise.
    return _ratio(parts.universe, parts.relative)


def phi_coefficient(parts: Parts) -> float:
    """Index of dependability: as `g_coefficient`, with the severity of judges and wordings as error too."""
    return _ratio(parts.universe, parts.absolute)


def phi_at_cut(parts: Parts, *, cut: float, mean: float, mean_variance: float = 0.0) -> float:
    """Return the dependability of decisions at a cut score, Phi(lambda) (Brennan & Kane 1977)."""
    # (universe + d) / (universe + d + absolute error), d = (mean - cut)^2 - variance of the mean, at least 0:
    # a cut far from the mean is easier to decide.
    return _ratio(parts.universe + max((mean - cut) ** 2 - mean_variance, 0.0), parts.absolute)


def reliability(
    study: GStudy,
    n: Mapping[str, float],
    *,
    coefficient: Coefficient = "phi",
    cut: float | None = None,
    object_: str | None = None,
    fixed: Sequence[str] = (),
    **how: Unpack[Drawn],
) -> Estimate:
    """G, Phi or Phi(lambda) of a design, with an interval about other items, judges and wordings.

    Items are resampled; whatever else is not `fixed` has too few levels for that, and its effects are drawn
    anew, normal with the variance of the study. With judges held as they are, the interval of Phi, which has
    their own variance in it, would cover less than it says (`benchmarks/recovery_gstudy.py` has both).

    Args:
        study: From `g_study`.
        n: The design: facet -> levels averaged over (within its parent, for a nested facet), 1 where left
            out. `sample` is the number of repeats, over which only the residual is averaged.
        coefficient: `g`, `phi` or `phi_cut`, which needs its `cut` score.
        object_: What is measured; the study's item where left out.
        fixed: Facets whose levels stay, in every resample too.
        how: See `Drawn`; `b` 400 where left out.

    Raises `InputError` for an unknown facet, or `phi_cut` without a cut.
    """
    draw = resampling(how, b=400)
    about = object_ or study.item
    if coefficient == "phi_cut" and cut is None:
        raise InputError("coefficient='phi_cut' needs cut=, the score that passes")
    names = ", ".join(f"{k}={v:g}" for k, v in n.items()) or "one of each"
    base = Estimate(
        coefficient, float("nan"), level=draw.level, n_units=study.groups.get(study.item, 0),
        n_used=study.n_rows, n_dropped=study.n_dropped, unit=study.item,
        method=f"{study.method}; {names}; object {about}", notes=study.notes,
    )  # fmt: skip
    if study.status != "ok":
        return undefined(base, study.status)
    if about not in study.components:
        return undefined(base, Status.NOT_IDENTIFIED, f"{about} has no component of its own in this study")
    spread = sum(v / study.groups.get(t, study.n_rows) for t, v in study.components.items())

    def of(values: Floats) -> float:
        components = dict(zip(study.components, values.tolist(), strict=True))
        parts = design_parts(components, n, object_=about, fixed=fixed, within=study.within)
        if coefficient == "phi_cut":
            return phi_at_cut(parts, cut=float(cut or 0.0), mean=study.mean, mean_variance=spread)
        return g_coefficient(parts) if coefficient == "g" else phi_coefficient(parts)

    value = of(np.array(list(study.components.values())))
    if np.isnan(value):
        return undefined(base, Status.NOT_IDENTIFIED, "neither the object nor the error varies")
    few = [f"{t} ({study.groups[t]})" for t in study.components if t in n and study.groups.get(t, 99) < 6]
    notes = (*base.notes, *([f"few levels, their effects taken as normal: {', '.join(few)}"] if few else []))
    filled = replace(base, value=value, notes=notes)
    if not draw.b:
        return filled
    anew = [t for t in study.components if t != RESIDUAL and not set(t.split(":")) <= set(fixed)]
    replicates = np.array([of(row) for row in component_replicates(study, draw, redrawn=anew)])
    return interval_of(filled, replicates, study, draw, share=True)


def d_study(
    components: Mapping[str, float],
    most: Mapping[str, int],
    *,
    price: float | Mapping[str, Sequence[float]] = 1.0,
    object_: str = "item",
    fixed: Sequence[str] = (),
    within: Mapping[str, str] | None = None,
    most_cost: float = float("inf"),
) -> list[Design]:
    """All designs up to some size, cheapest first, the better Phi first among equals.

    Args:
        components: Term -> variance.
        most: Facet -> the most levels to consider; a facet in `fixed` is held at that number.
        price: Of a call; or one facet -> the price of a call of each of its levels (the cheapest are taken).
        object_: What is measured.
        fixed: Facets whose levels stay the same: their interaction with the object is part of what is
            measured, and their own effects are no error.
        within: Facet -> the facet it is nested in.
        most_cost: Designs that cost more are left out.

    Raises `InputError` for more than 200,000 designs, unknown facets, or fewer prices than levels.

    >>> designs = d_study({"item": 1.0, "item:judge": 0.5, "residual": 0.5}, {"judge": 3, "sample": 2})
    >>> [(d.n["judge"], d.n["sample"], round(d.phi, 2)) for d in designs[:3]]
    [(1, 1, 0.5), (2, 1, 0.67), (1, 2, 0.57)]
    """
    if np.prod([float(v) for v in most.values()]) > MOST_DESIGNS:
        raise InputError(f"more than {MOST_DESIGNS} designs; ask for smaller numbers of {sorted(most)}")
    if isinstance(price, Mapping):
        [(facet, prices)] = price.items()
        if len(prices) < most.get(facet, 1):
            raise InputError(f"{len(prices)} prices for {most.get(facet, 1)} levels of {facet!r}")
    ranges = [range(v if k in fixed else 1, v + 1) for k, v in most.items()]
    designs = []
    for numbers in product(*ranges):
        n = dict(zip(most, numbers, strict=True))
        calls = int(np.prod([v for k, v in n.items() if k != object_]))
        cost = _cost(n, calls, price)
        if cost > most_cost:
            continue
        parts = design_parts(components, n, object_=object_, fixed=fixed, within=within)
        sem = float(np.sqrt(parts.absolute))
        designs.append(
            Design(n=n, calls=calls, cost=cost, g=g_coefficient(parts), phi=phi_coefficient(parts), sem=sem)
        )
    return sorted(designs, key=lambda d: (d.cost, -d.phi, d.calls))


def cheapest(
    designs: Sequence[Design], *, target: float, coefficient: Literal["g", "phi"] = "phi"
) -> Design | None:
    """The cheapest design that reaches a target between 0 and 1; None if none of those considered does."""
    if not 0 < target < 1:
        raise InputError(f"target {target}; a reliability between 0 and 1 is needed")
    reaching = [d for d in designs if getattr(d, coefficient) >= target - 1e-12]
    return min(reaching, key=lambda d: (d.cost, -getattr(d, coefficient)), default=None)


def _cost(n: Mapping[str, int], calls: int, price: float | Mapping[str, Sequence[float]]) -> float:
    if not isinstance(price, Mapping):
        return calls * price
    [(facet, prices)] = price.items()
    levels = n.get(facet, 1)
    return calls / levels * float(np.sum(sorted(prices)[:levels]))


def _ratio(true: float, error: float) -> float:
    return true / (true + error) if true + error > 0 else float("nan")


@dataclass(frozen=True)
class VarianceParts:
    """Variance of single verdicts, by what it is due to: an estimate a component, the residual last.

    `shares` are each over their sum; `one_call` has the universe and error variance of a single call.
    """

    study: GStudy
    variances: tuple[Estimate, ...]
    shares: tuple[Estimate, ...]
    one_call: Parts


def variance_parts(
    y: npt.ArrayLike,
    facets: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    *,
    item: str = "item",
    sample: str = "sample",
    clusters: Sequence[Any] | None = None,
    **how: Unpack[Drawn],
) -> VarianceParts:
    """Decompose the variance of a run's verdicts.

    Args:
        y: Shape (n_rows,), values of verdicts; nan for abstentions, which are dropped and counted.
        facets: Column -> labels: `item`, and any of `judge`, `prompt`, `order`, `criterion`, ... A column
            named `sample` says which repeat a row is; repeats have no effect of their own and make the
            residual.
        item: The column of items; `sample` that of repeats.
        how: See `Drawn`; `b` 200 where left out.

    Returns components, their shares, and the error of one call. Without repeats the residual holds what only
    repeats could tell apart, and a note says so.
    """
    draw = resampling(how, b=200)
    study = g_study(
        y, {name: labels for name, labels in facets.items() if name != sample}, item=item, clusters=clusters
    )
    replicates = component_replicates(study, draw)
    variances = component_estimates(study, **draw.options)
    total = sum(study.components.values())
    shares = []
    for place, each in enumerate(variances):
        named = replace(each, name=each.name.replace("variance:", "share:"))
        if study.status != "ok" or not total > 0:
            shares.append(named)
            continue
        value = each.value / total
        named = replace(named, value=value, low=float("nan"), high=float("nan"), se=float("nan"))
        if each.interval != "none":
            sums = replicates.sum(axis=1)
            of_total = np.where(sums > 0, replicates[:, place] / np.where(sums > 0, sums, 1.0), np.nan)
            named = interval_of(named, of_total, study, draw, share=True)
        shares.append(named)
    one = Parts(*[float("nan")] * 3)
    if study.status == "ok" and item in study.components:
        one = design_parts(study.components, {}, object_=item, within=study.within)
    return VarianceParts(study, variances, tuple(shares), one)


def gap(
    y: npt.ArrayLike,
    systems: Sequence[Any],
    items: Sequence[Any],
    *,
    first: Any,
    second: Any,
    clusters: Sequence[Any] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Is the gap between two systems more than noise: mean paired difference over items.

    Calls about one item (judges, orders, repeats) are averaged first, for they are not independent; items, or
    the clusters they belong to, are what the interval counts. `y`, `systems` and `items` have shape
    (n_rows,), `y` the values of verdicts, nan for abstentions. Returns first minus second over items that
    both answered; the notes say how much of the error is calls. Raises `InputError` if a system is not there.
    """
    (x,) = aligned(y=y)
    codes, names = coded_clusters(items, len(x)), np.asarray(systems, dtype=object)
    if codes is None or len(names) != len(x):
        raise InputError(f"{len(names)} systems for {len(x)} rows")
    means, noise = [], []
    for system in (first, second):
        mine = (names == system) & ~np.isnan(x)
        if not np.any(names == system):
            raise InputError(f"no system {system!r}; there are {sorted(map(str, set(names.tolist())))}")
        mean, variance = _item_means(x[mine], codes[mine], int(codes.max()) + 1)
        means.append(mean)
        noise.append(variance)
    everyone = np.ones(len(codes), dtype=bool)
    groups = None if clusters is None else clusters_of_items(clusters, everyone, codes)
    made = clustered_mean(means[0] - means[1], groups, name="gap", level=level)
    made = replace(
        made, method="paired by item, calls averaged", unit="item" if groups is None else made.unit
    )
    if made.n_used == 0:
        return undefined(made, Status.NO_PAIRED_ITEMS)
    inside = float(np.nansum(np.nan_to_num(noise[0]) + np.nan_to_num(noise[1])) / max(made.n_used, 1) ** 2)
    repeated = bool(np.any(~np.isnan(noise[0])) or np.any(~np.isnan(noise[1])))
    if repeated and made.se > 0:
        share = min(inside / made.se**2, 1.0)
        return replace(
            made, notes=(*made.notes, f"calls inside items make {share:.0%} of the error variance")
        )
    return made


def _item_means(x: npt.NDArray[np.float64], codes: Codes, n: int) -> tuple[Any, Any]:
    """Mean of each item and the variance of that mean over its calls; nan where unknown."""
    k = np.bincount(codes, minlength=n).astype(float)
    some, several = k > 0, k > 1
    mean = np.where(some, np.bincount(codes, x, minlength=n) / np.maximum(k, 1), np.nan)
    squares = np.bincount(codes, (x - mean[codes]) ** 2, minlength=n)
    return mean, np.where(several, squares / np.maximum(k - 1, 1) / np.maximum(k, 1), np.nan)
