"""A level from many judged units and few labelled ones: prediction-powered inference (arXiv 2311.01453).

The judge's mean over everything, corrected by how far it is from people on the labelled units: unbiased
however bad the judge, if those are a random sample (or one of each stratum), which has to be said; what can
be checked is whether the judge's values of them look like it. A judge tuned on these very labels looks better
than it is: tune on others, or predict each without its label (`on_label_scale`). The package ppi-python
covers .85 where this covers .96 (30 labels), and needs numba.

Notation: y labels, f the judge on the labelled units (n), u on the others (N), lam how much the judge is
trusted.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import Clusters, aligned, column, within
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import Bounds, all_equal, equal_note, floored_se, placed
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.errors import InputError
from judgekit.types import Estimate

Sampling = Literal["random", "stratified", "by_label", "by_judge", "carried_over", "chosen", "unknown"]
"""How the labelled units came about.

`random`: each unit of the population was equally likely. `stratified`: so within each stratum. `by_label`: so
many of each human label. `by_judge`: by what the judge said. `carried_over`: from another population,
where the judge errs as it does here. `chosen`: otherwise (hard cases, complaints). `unknown`.
"""
OUTSIDE = 0.05
DRIFT = 1e-4


def refusal(
    sampling: Sampling,
    allowed: tuple[Sampling, ...],
    judged: Floats | None = None,
    unlabelled: Floats | None = None,
    *,
    clusters: Codes | None = None,
    clusters_u: Codes | None = None,
) -> str:
    """Why the labels cannot stand for the population; empty where nothing speaks against it."""
    if sampling not in get_args(Sampling):
        raise InputError(f"sampling {sampling!r}; there are {', '.join(get_args(Sampling))}")
    if sampling not in allowed:
        return (
            f"labelled units are {sampling!r}, not {' or '.join(map(repr, allowed))}: they say nothing of "
            "this population; draw a random sample, or label with known probabilities (active_mean)"
        )
    if judged is None or unlabelled is None or len(judged) < 2 or len(unlabelled) < 2:
        return ""
    n = len(judged) if clusters is None else len(np.unique(clusters))
    outside, most = share_outside(judged, unlabelled), most_outside(n)
    if outside > most:
        return (
            f"{outside:.0%} of the judge's values lie outside those of the labelled units, where a random "
            f"sample of {n} leaves {most:.0%} at most; level claims would be extrapolated"
        )
    if drift_p(judged, unlabelled, clusters, clusters_u) < DRIFT:
        return (
            f"the judge's mean is {judged.mean():.3g} on labelled units and {unlabelled.mean():.3g} on the "
            "others, more than chance allows: the labelled units are no random sample of them"
        )
    return ""


def share_outside(judged: Floats, unlabelled: Floats) -> float:
    """Share of the unlabelled values outside the range of the labelled ones; nan if there are none."""
    if not len(judged) or not len(unlabelled):
        return math.nan
    return float(np.mean((unlabelled < judged.min()) | (unlabelled > judged.max())))


def most_outside(n: int) -> float:
    """Return the share outside that is not held against a sample: 5 %, or more where n is small."""
    # The part of a population beyond the range of n random units is Beta(2, n - 1); its 99.9th percentile is
    # above 5 % until n is about 180.
    from scipy.stats import beta

    return max(OUTSIDE, float(beta.ppf(0.999, 2, n - 1))) if n > 1 else 1.0


def drift_p(
    judged: Floats, unlabelled: Floats, clusters: Codes | None = None, clusters_u: Codes | None = None
) -> float:
    """p-value for equal means of the judge's values, labelled and not, each cluster counted as one."""
    from scipy.special import ndtr

    n, m = len(judged), len(unlabelled)
    pooled = float(np.concatenate([judged, unlabelled]).mean())
    own, other = (unlabelled - pooled) / m, (judged - pooled) / n
    if clusters is None or clusters_u is None:
        variance = (np.sum((judged - pooled) ** 2) + np.sum((unlabelled - pooled) ** 2)) / (n + m)
        variance *= 1 / n + 1 / m
    else:
        size = 1 + int(max(clusters.max(), clusters_u.max()))
        sums = np.bincount(clusters_u, own, size) - np.bincount(clusters, other, size)
        variance = np.sum(sums**2)
    if variance <= 0:
        return 1.0
    return float(2 * ndtr(-abs(unlabelled.mean() - judged.mean()) / math.sqrt(variance)))


FEWEST_CLUSTERS = 20


@dataclass(frozen=True, slots=True)
class PpiMean:
    """A mean by PPI; all nan where there is none.

    `lam` is how much the judge was trusted, 0 not at all, 1 fully; `df` labels (or clusters with labels) less
    one; `classical_se` the standard error of the labels alone.
    """

    value: float
    se: float
    lam: float
    df: int
    classical_se: float


_NONE = PpiMean(math.nan, math.nan, math.nan, 0, math.nan)


def power_tuned(y: Floats, f: Floats, u: Floats) -> float:
    """Return the lam of least variance: cov(y, f) / ((1 + n/N) var(f)), cut to [0, 1]."""
    # var(f) is pooled over labelled and unlabelled units. 0 where the judge does not vary, or nothing is
    # unlabelled.
    if len(y) < 2 or not len(u):
        return 0.0
    variance = _variance(np.concatenate([f, u]))
    if variance <= 0:
        return 0.0
    return float(np.clip(np.cov(y, f)[0, 1] / ((1 + len(y) / len(u)) * variance), 0.0, 1.0))


def ppi_mean(
    y: npt.ArrayLike,
    f: npt.ArrayLike,
    u: npt.ArrayLike,
    *,
    lam: float | None = None,
    clusters: Codes | None = None,
    clusters_u: Codes | None = None,
) -> PpiMean:
    """Return the mean and its standard error from complete `y` (n,), `f` (n,) and `u` (N,)."""
    # Source: Angelopoulos, Duchi & Zrnic (2023). ppi-python 0.2.3 divides variances by n, which covers less:
    # its standard errors are ours with n for n - 1 (checked so, and its point estimate at lam 1).
    y_, f_ = aligned(y=y, f=f)
    u_ = column(u, "u")
    if len(y_) < 2 or not (len(u_) or lam in {None, 0}):
        return _NONE
    if clusters is not None and clusters_u is not None:
        return _clustered(y_, f_, u_, clusters, clusters_u, lam=lam)
    weight = power_tuned(y_, f_, u_) if lam is None else lam
    value, noise = float(np.mean(y_ - weight * f_)), _variance(y_ - weight * f_) / len(y_)
    if len(u_):
        value, noise = value + weight * float(u_.mean()), noise + weight**2 * _variance(u_) / len(u_)
    return PpiMean(value, math.sqrt(noise), weight, len(y_) - 1, math.sqrt(_variance(y_) / len(y_)))


def ppi(
    labels: npt.ArrayLike,
    judged: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    *,
    sampling: Sampling,
    lam: float | None = None,
    bounds: Bounds | None = (0.0, 1.0),
    clusters: Clusters = None,
    unlabelled_clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """The mean label of a population from a judge and a random sample of labels.

    Args:
        labels: Shape (n,), people's labels as numbers; nan where missing.
        judged: Shape (n,), the judge's values of the same units; nan where missing.
        unlabelled: Shape (N,), the judge's values of the other units; nan where missing.
        sampling: How the labelled units came about, as you know it. Only `random` will do.
        lam: None for PPI++ (the best one is found); 1 for plain PPI.
        bounds: The range of labels, which the interval stays inside (by the logit); None for a t interval
            without a range.
        clusters: Shape (n,), what each labelled unit belongs to; goes with `unlabelled_clusters`, shape (N,).

    Returns the mean. Undefined where the labels are no random sample: by declaration, or because the judge's
    values of labelled and unlabelled units differ more than such a sample's would. Raises `InputError` for a
    malformed argument, or a label out of bounds. Source: Angelopoulos, Duchi & Zrnic (2023). t with n - 1
    degrees of freedom on the logit scale keeps its coverage at high rates and with few labels, where the
    published z interval does not (benchmarks/coverage_ppi.py).

    >>> ppi([1, 0, 1, 1] * 5, [1, 0, 1, 0] * 5, [1, 0] * 50, sampling="chosen").status
    'undefined:not_identified'
    """
    y, f = aligned(labels=labels, judged=judged)
    u = column(unlabelled, "unlabelled")
    kept, kept_u = ~np.isnan(y) & ~np.isnan(f), ~np.isnan(u)
    groups, groups_u = _joint_clusters(clusters, unlabelled_clusters, kept, kept_u)
    n_all, y, f, u = len(y) + len(u), y[kept], f[kept], u[kept_u]
    if bounds is not None:
        within(y, *bounds, "labels")
    made = about(
        "ppi_mean", len(y) + len(u), n_all, level=level, n_raters=2,
        unit="unit" if groups is None else "cluster", method="ppi++" if lam is None else f"ppi, lam {lam:g}",
    )  # fmt: skip
    if why := refusal(sampling, ("random",), f, u, clusters=groups, clusters_u=groups_u):
        return undefined(made, Status.NOT_IDENTIFIED, why)
    found = ppi_mean(y, f, u, lam=lam, clusters=groups, clusters_u=groups_u)
    if found.df < 1 or not len(u):
        return undefined(made, Status.TOO_FEW, f"{len(y)} labelled and {len(u)} unlabelled units")
    told = _reported(made, found, y, f, bounds)
    if (outside := share_outside(f, u)) > OUTSIDE:
        told = replace(
            told, notes=(*told.notes, f"{outside:.0%} of the judge's values are outside those labelled")
        )
    if groups is not None and found.df + 1 < FEWEST_CLUSTERS:
        told = replace(told, status=Status.FEW_CLUSTERS)
    return told


def ppi_difference(
    labels: tuple[npt.ArrayLike, npt.ArrayLike],
    judged: tuple[npt.ArrayLike, npt.ArrayLike],
    unlabelled: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    sampling: Sampling,
    clusters: Clusters = None,
    unlabelled_clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """How much better the first system is than the second, on the same items.

    PPI++ on each item's difference, which needs far fewer labels than two separate intervals. Arguments as of
    `ppi`, but that `labels`, `judged` and `unlabelled` hold two arrays each, of the first and of the second
    system.

    >>> labels, judged = ([1, 1, 0, 1] * 5, [0, 1, 0, 1] * 5), ([1, 1, 0, 1] * 5, [0, 1, 0, 0] * 5)
    >>> others = ([1, 1, 0, 1] * 20, [0, 1, 0, 0] * 20)
    >>> round(ppi_difference(labels, judged, others, sampling="random").value, 3)
    0.25
    """
    a, b = (aligned(labels=x, judged=f) for x, f in zip(labels, judged, strict=True))
    if len(a[0]) != len(b[0]):
        raise InputError(f"the first system has {len(a[0])} labelled rows, the second {len(b[0])}")
    u, v = aligned(first=unlabelled[0], second=unlabelled[1])
    found = ppi(
        a[0] - b[0], a[1] - b[1], u - v, sampling=sampling, bounds=None, clusters=clusters,
        unlabelled_clusters=unlabelled_clusters, level=level,
    )  # fmt: skip
    return replace(found, name="ppi_difference", method=f"{found.method} on paired differences")


def _reported(made: Estimate, found: PpiMean, y: Floats, f: Floats, bounds: Bounds | None) -> Estimate:
    se = floored_se(found.se, y - found.lam * f, found.df + 1, bounds)
    told = placed(made, found.value, se, df=found.df, n=found.df + 1, bounds=bounds)
    notes = [f"lam {found.lam:.3f}"]
    status = "ok"
    if se > 0 and found.classical_se > 0:
        worth = len(y) * (found.classical_se / se) ** 2
        notes.append(f"{len(y)} labels with this judge are worth {worth:.0f} without one")
    if all_equal(y - found.lam * f):
        status = Status.DEGENERATE
        notes.append(equal_note(bounds))
    return replace(told, status=status, notes=(*told.notes, *notes))


def _variance(x: Floats) -> float:
    return float(np.var(x, ddof=1)) if len(x) > 1 else 0.0


def _clustered(y: Floats, f: Floats, u: Floats, g: Codes, h: Codes, *, lam: float | None) -> PpiMean:
    """By the sums of each cluster over both sides: mean(y) + lam (mean(u) - mean(f))."""
    labelled = len(np.unique(g))
    if labelled < 2:
        return _NONE
    size = 1 + int(max(g.max(), h.max() if len(h) else 0))
    by_y = np.bincount(g, y - y.mean(), size) / len(y)
    gap = u.mean() - f.mean() if len(u) else 0.0
    by_gap = -np.bincount(g, f - f.mean(), size) / len(f)
    if len(u):
        by_gap = by_gap + np.bincount(h, u - u.mean(), size) / len(u)
    spread = float(by_gap @ by_gap) if len(u) else 0.0
    best = float(np.clip(-(by_y @ by_gap) / spread, 0.0, 1.0)) if spread > 0 else 0.0
    weight = best if lam is None else lam
    scale = labelled / (labelled - 1)
    se = math.sqrt(scale * float(np.sum((by_y + weight * by_gap) ** 2)))
    alone = math.sqrt(scale * float(by_y @ by_y))
    return PpiMean(float(y.mean() + weight * gap), se, weight, labelled - 1, alone)


def _joint_clusters(
    clusters: Clusters, other: Clusters, kept: npt.NDArray[np.bool_], kept_u: npt.NDArray[np.bool_]
) -> tuple[Codes | None, Codes | None]:
    """Clusters of both sides coded together, of the rows kept."""
    if (clusters is None) != (other is None):
        raise InputError("clusters are given of one side only; give clusters and unlabelled_clusters")
    if clusters is None or other is None:
        return None, None
    if (len(clusters), len(other)) != (len(kept), len(kept_u)):
        raise InputError(
            f"{len(clusters)} and {len(other)} clusters for {len(kept)} labelled "
            f"and {len(kept_u)} unlabelled rows"
        )
    codes = coded_clusters([*clusters, *other], len(kept) + len(kept_u))
    return (None, None) if codes is None else (codes[: len(kept)][kept], codes[len(kept) :][kept_u])


def ppi_stratified(
    labels: npt.ArrayLike,
    judged: npt.ArrayLike,
    strata: Sequence[Hashable],
    unlabelled: npt.ArrayLike,
    unlabelled_strata: Sequence[Hashable],
    *,
    sampling: Sampling,
    bounds: Bounds | None = (0.0, 1.0),
    level: float = 0.95,
) -> Estimate:
    """The mean label where each stratum was sampled at random, at whatever rate.

    PPI++ in each stratum with a lam of its own, put together by the strata's shares of all units, labelled or
    not. Arguments as of `ppi`, `strata` (n,) and `unlabelled_strata` (N,) saying the stratum of each unit and
    `sampling` being `stratified` or `random`. Returns the mean; undefined if a stratum has fewer than two
    labels, for then nothing is known of it. Source: Fisch et al. (2024), "Stratified Prediction-Powered
    Inference", arXiv 2406.04291. The variance of the shares is added, since the units are a sample; degrees
    of freedom by Satterthwaite. With one stratum it is `ppi`.

    >>> ppi_stratified([1, 0], [1, 0], ["a", "b"], [1, 0], ["a", "b"], sampling="stratified").notes
    ('fewer than 2 labels in a, b; join strata or label more there',)
    """
    y, f = aligned(labels=labels, judged=judged)
    u = column(unlabelled, "unlabelled")
    if (len(strata), len(unlabelled_strata)) != (len(y), len(u)):
        raise InputError(f"{len(strata)} and {len(unlabelled_strata)} strata for {len(y)} and {len(u)} rows")
    names = list(dict.fromkeys([*strata, *unlabelled_strata]))
    place = {name: i for i, name in enumerate(names)}
    kept, kept_u = ~np.isnan(y) & ~np.isnan(f), ~np.isnan(u)
    s = np.array([place[each] for each in strata], dtype=np.intp)[kept]
    s_u = np.array([place[each] for each in unlabelled_strata], dtype=np.intp)[kept_u]
    n_all, y, f, u = len(y) + len(u), y[kept], f[kept], u[kept_u]
    if bounds is not None:
        within(y, *bounds, "labels")
    made = about(
        "ppi_mean", len(y) + len(u), n_all, level=level, n_raters=2, method=f"ppi++ in {len(names)} strata"
    )
    if why := refusal(sampling, ("random", "stratified")):
        return undefined(made, Status.NOT_IDENTIFIED, why)
    labelled = np.bincount(s, minlength=len(names))
    held = labelled + np.bincount(s_u, minlength=len(names))
    poor = [str(names[k]) for k in range(len(names)) if held[k] and labelled[k] < 2]
    if poor or not held.sum():
        where = f"fewer than 2 labels in {', '.join(poor)}" if poor else "no units"
        return undefined(made, Status.TOO_FEW, f"{where}; join strata or label more there")
    return _combined(made, (y, f, u), (s, s_u), held, bounds)


def _combined(
    made: Estimate,
    data: tuple[Floats, Floats, Floats],
    strata: tuple[Codes, Codes],
    held: npt.NDArray[np.intp],
    bounds: Bounds | None,
) -> Estimate:
    (y, f, u), (s, s_u) = data, strata
    shares = held / held.sum()
    values, noise, df, lams = (np.zeros(len(held)) for _ in range(4))
    for k in np.flatnonzero(held):
        mine, others = s == k, s_u == k
        part = ppi_mean(y[mine], f[mine], u[others])
        se = floored_se(part.se, y[mine] - part.lam * f[mine], part.df + 1, bounds)
        values[k], noise[k], df[k], lams[k] = part.value, (shares[k] * se) ** 2, part.df, part.lam
    value = float(shares @ values)
    between = float(shares @ (values - value) ** 2) / held.sum()
    variance = float(noise.sum()) + between
    within_df = float(np.sum(noise[held > 0] ** 2 / df[held > 0]))
    freedom = variance**2 / within_df if within_df > 0 else float(len(y) - np.sum(held > 0))
    told = placed(made, value, math.sqrt(variance), df=freedom, n=len(y), bounds=bounds)
    return replace(told, notes=(*told.notes, "lam " + ", ".join(f"{x:.2f}" for x in lams[held > 0])))


def on_label_scale(
    labels: npt.ArrayLike, judged: npt.ArrayLike, unlabelled: npt.ArrayLike, *, seed: int, folds: int = 5
) -> tuple[Floats, Floats]:
    """Predicted labels of labelled and unlabelled units by cross-fitted isotonic regression.

    Args:
        labels: Shape (n,), people's labels; nan where missing.
        judged: Shape (n,), the judge's scores, more is better; nan where missing.
        unlabelled: Shape (N,), its scores of the other units; nan where missing.
        seed: Of the folds, of which there are two or more and a label in each.

    Returns predictions of shapes (n,) and (N,), nan where the score is missing (or no label to learn from). A
    score beyond those labelled gets the end's value. Source: Zrnic & Candès (2024), "Cross-Prediction-Powered
    Inference", PNAS 121; isotonic calibration as in cje-eval.

    >>> f, u = on_label_scale([0, 0, 1, 1] * 5, [1, 2, 4, 5] * 5, [1, 3, 5], seed=1)
    >>> f[:4].tolist(), u.tolist()
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 1.0])
    """
    y, f = aligned(labels=labels, judged=judged)
    u = column(unlabelled, "unlabelled")
    known = np.flatnonzero(~np.isnan(y) & ~np.isnan(f))
    if folds < 2 or len(known) < folds:
        raise InputError(f"{folds} folds of {len(known)} labels; 2 folds at least, and a label in each")
    fold = np.random.default_rng(seed).permutation(np.arange(len(known)) % folds)
    mine, others = np.full_like(f, np.nan), np.zeros_like(u)
    for k in range(folds):
        train = known[fold != k]
        mine[known[fold == k]] = _isotonic(f[train], y[train], f[known[fold == k]])
        others += _isotonic(f[train], y[train], u) / folds
    return mine, np.where(np.isnan(u), np.nan, others)


def _isotonic(x: Floats, y: Floats, at: Floats) -> Floats:
    """The isotonic fit of y on x, straight between the scores seen and level beyond them."""
    from scipy.optimize import isotonic_regression

    seen, where, count = np.unique(x, return_inverse=True, return_counts=True)
    fit = isotonic_regression(np.bincount(where, weights=y) / count, weights=count.astype(float)).x
    return np.asarray(np.interp(at, seen, fit), dtype=float)
