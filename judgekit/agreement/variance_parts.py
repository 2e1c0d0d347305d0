"""Where a run's scores vary: item, order, sample, judge, prompt wording; and is a gap more than noise?

A run asks about each item in several ways: judges, wordings, orders, repeats. What is between items is
wanted; the rest is what a different judge, wording, order or repeat would have changed. Rows are
verdicts in long form; whatever columns are there are facets, repeats are the residual.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import aligned
from judgekit.agreement.dstudy import Parts, design_parts
from judgekit.agreement.estimate import NO_PAIRED_ITEMS, undefined
from judgekit.agreement.facets import joint
from judgekit.agreement.gstudy import GStudy, component_estimates, component_replicates, g_study, interval_of
from judgekit.agreement.intervals import clustered_mean
from judgekit.agreement.ratings import Codes, coded_clusters
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True)
class VarianceParts:
    """Variance of single verdicts, by what it is due to.

    Args:
        study: The components.
        variances: An estimate for each component, the residual last.
        shares: Each over their sum.
        one_call: Universe and error variance of a single call.
    """

    study: GStudy
    variances: tuple[Estimate, ...]
    shares: tuple[Estimate, ...]
    one_call: Parts


def variance_parts(
    y: npt.ArrayLike,
    facets: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    *,
    seed: int,
    item: str = "item",
    sample: str = "sample",
    clusters: Sequence[Any] | None = None,
    b: int = 200,
    level: float = 0.95,
) -> VarianceParts:
    """Decompose the variance of a run's verdicts.

    Args:
        y: Shape (n_rows,), values of verdicts; nan for abstentions, which are dropped and counted.
        facets: Column -> labels: `item`, and any of `judge`, `prompt`, `order`, `criterion`, ... A column
            named `sample` says which repeat a row is; repeats have no effect of their own and make the
            residual.
        seed: Of the resamples of items.
        item: The column of items.
        sample: The column of repeats.
        clusters: Shape (n_rows,), what items belong to.
        b: Resamples.
        level: Confidence.

    Returns:
        Components, their shares, and the error of one call. Without repeats the residual holds what only
        repeats could tell apart, and a note says so.
    """
    study = g_study(
        y, {name: labels for name, labels in facets.items() if name != sample}, item=item, clusters=clusters
    )
    replicates = component_replicates(study, seed=seed, b=b)
    variances = component_estimates(study, seed=seed, b=b, level=level)
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
            named = interval_of(named, of_total, study, seed=seed, share=True)
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
    the clusters they belong to, are what the interval counts.

    Args:
        y: Shape (n_rows,), values of verdicts; nan for abstentions.
        systems: Shape (n_rows,).
        items: Shape (n_rows,).
        first: A system.
        second: Another.
        clusters: Shape (n_rows,).
        level: Confidence.

    Returns:
        First minus second over items that both answered; the notes say how much of the error is calls.

    Raises:
        InputError: If a system is not there.
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
    groups = _cluster_of(clusters, codes)
    made = clustered_mean(means[0] - means[1], groups, name="gap", level=level)
    made = replace(
        made, method="paired by item, calls averaged", unit="item" if groups is None else made.unit
    )
    if made.n_used == 0:
        return undefined(made, NO_PAIRED_ITEMS)
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


def _cluster_of(clusters: Sequence[Any] | None, codes: Codes) -> Codes | None:
    if clusters is None:
        return None
    own = coded_clusters(clusters, len(codes))
    if own is None or int(joint([codes, own]).max()) != int(codes.max()):
        raise InputError("an item belongs to more than one cluster")
    by_item = np.zeros(int(codes.max()) + 1, dtype=np.intp)
    by_item[codes] = own
    return by_item
