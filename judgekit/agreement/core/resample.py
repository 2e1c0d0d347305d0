"""Bootstrap and jackknife: intervals by taking the independent units again and again.

The independent unit is the highest level of sampling: a unit, or the cluster it belongs to. Everything is
drawn from one seed. Resamples in which the statistic has no meaning are dropped and counted; more than 5 % of
them make an interval unstable, and the status says so. A statistic of indices is computed one resample at a
time (`bootstrap`), one of how often each unit was drawn thousands at a time (`weighted_bootstrap`): units
that are alike stand in one row, so a million ratings are resampled as one table. scipy's bootstrap has no
clusters, no lost draws and no weights.

Floating sums make 0.3 - 0.2 differ from 0.2 - 0.1, so that equal scores look ordered: numbers are `settled`
to 12 significant digits before they are compared.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.estimate import Status, flagged, is_defined, undefined, with_interval
from judgekit.agreement.core.intervals import ENOUGH_CLUSTERS, proper
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError
from judgekit.types import Estimate


class Drawn(TypedDict, total=False):
    """The options of an interval by resampling, the same for all statistics that have one.

    What is drawn again is what is independent: units, or clusters where a statistic is told them (`clusters`,
    shape (n_units,): what each unit belongs to, an item or a prompt).

    Args:
        level: Confidence, above 0 and below 1; 0.95 unless the statistic says otherwise.
        seed: Of the resamples, 0: the same data and seed give the same interval.
        b: How many resamples are drawn, 2000 unless the statistic says otherwise.
    """

    level: float
    seed: int
    b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How the units of a sample are drawn again.

    `clusters` (n,) are coded from 0 without gaps and drawn whole; None: units are drawn.
    """

    level: float = 0.95
    seed: int = 0
    b: int = 2000
    clusters: Codes | None = None

    def over(self, clusters: Codes | None) -> "Resampling":
        """The same with these clusters."""
        return replace(self, clusters=clusters)

    @property
    def options(self) -> Drawn:
        """Level, seed and number of resamples as keywords."""
        return {"level": self.level, "seed": self.seed, "b": self.b}


def resampling(how: Drawn, *, b: int = 2000, level: float = 0.95) -> Resampling:
    """Return what the caller asked for, with the statistic's own defaults for the rest."""
    draw = Resampling(**({"level": level, "b": b} | how))
    proper(draw.level)
    if draw.b < 0:
        raise InputError(f"{draw.b} resamples: at least 0 are needed")
    return draw


Statistic = Callable[[Codes], float]
"""From indices of units (shape (m,), with repeats) to the statistic of that sample; nan where undefined."""
Weighted = Callable[[Floats], Floats]
"""From draws (shape (n_draws, n_rows), how often each row's units came) to statistics (n_draws,)."""
MOST_LOST = 0.05
_AT_ONCE = 4_000_000  # cells of draws held at a time
_GROUPS = 1000  # above twice so many rows the jackknife leaves out groups, not rows


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval by resampling; `lost` is the share of resamples in which the statistic was undefined.

    `kind` is `bca` or `percentile`, with `_cluster` where clusters were resampled.
    """

    low: float
    high: float
    se: float
    lost: float
    kind: str


def draws(n: int, draw: Resampling) -> list[Codes]:
    """`b` resamples of the indices 0..n-1: of units, or of whole clusters."""
    rng = np.random.default_rng(draw.seed)
    if draw.clusters is None:
        return list(rng.integers(0, n, size=(draw.b, n)))
    order = np.argsort(draw.clusters, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(draw.clusters))[:-1])
    picks = rng.integers(0, len(members), size=(draw.b, len(members)))
    return [np.concatenate([members[g] for g in pick]) for pick in picks]


def bootstrap(
    statistic: Statistic, n: int, draw: Resampling, *, kind: str = "bca", replicates: Floats | None = None
) -> Interval:
    """Return an interval of a statistic of units: `bca` (by the jackknife) or `percentile`."""
    # `replicates` is the statistic of each resample, if the caller has computed them all at once. Source:
    # Efron (1987), "Better Bootstrap Confidence Intervals", JASA 82.
    clusters = draw.clusters
    name = kind if clusters is None else f"{kind}_cluster"
    if n == 0:
        return _interval(np.empty(0), draw.level, None, name)
    if replicates is None:
        replicates = np.array([statistic(index) for index in draws(n, draw)])
    alone = n == 1 if clusters is None else not clusters.any()
    if kind != "bca" or alone:  # none can be left out of one
        return _interval(replicates, draw.level, None, name)
    value, left_out = statistic(np.arange(n)), jackknife(statistic, n, clusters)
    return _interval(replicates, draw.level, (value, left_out, np.ones(len(left_out))), name)


def weighted_bootstrap(
    statistic: Weighted, counts: npt.NDArray[Any], draw: Resampling, *, kind: str = "bca"
) -> Interval:
    """Return an interval of a statistic of how often each unit was drawn, (n_draws, n_rows) to (n_draws,)."""
    # `counts` (n_rows,) say how many units a row stands for (with clusters, one each): those of a row are
    # alike.
    return weighted_bootstraps(lambda drawn: statistic(drawn)[:, None], counts, draw, kind=kind)[0]


def weighted_bootstraps(
    statistics: Weighted, counts: npt.NDArray[Any], draw: Resampling, *, kind: str = "bca"
) -> list[Interval]:
    """Intervals of several statistics of the same draws, `statistics` giving (n_draws, n_statistics)."""
    clusters = draw.clusters
    name = kind if clusters is None else f"{kind}_cluster"
    pool = _pool(counts, clusters)

    def of_pool(drawn: Floats) -> Floats:
        return statistics(drawn if clusters is None else drawn[:, clusters])

    rng = np.random.default_rng(draw.seed)
    step = max(1, _AT_ONCE // max(len(counts), 1))
    replicates = np.concatenate(
        [of_pool(_multiplicities(rng, pool, min(step, draw.b - start))) for start in range(0, draw.b, step)]
    )
    if kind != "bca" or pool.sum() < 2:  # none can be left out of one
        return [_interval(column, draw.level, None, name) for column in replicates.T]
    values = of_pool(pool[None, :].astype(np.float64))[0]
    left_out, times = _without_each(of_pool, pool, step)
    return [
        _interval(column, draw.level, (float(value), without, times), name)
        for column, value, without in zip(replicates.T, values, left_out.T, strict=True)
    ]


def product_bootstrap(
    statistic: Callable[[Floats, Floats], Floats], counts: npt.NDArray[Any], n_raters: int, draw: Resampling
) -> Interval:
    """Return a percentile interval with units and raters both drawn again: of raters in general."""
    # `statistic` takes draws of units (n_draws, n_rows) and copies of raters (n_raters,); it must not take
    # two copies of a rater for two raters who agree. The interval is too wide rather than too narrow. Source:
    # Owen (2007), "The pigeonhole bootstrap", Annals of Applied Statistics 1.
    pool = _pool(counts, draw.clusters)
    rng = np.random.default_rng(draw.seed)
    copies = rng.multinomial(n_raters, np.full(n_raters, 1.0 / n_raters), size=draw.b)
    step = max(1, _AT_ONCE // max(len(counts), 1))
    found: list[Floats] = []
    kinds, times = np.unique(copies, axis=0, return_counts=True)
    for kind, left in zip(kinds.astype(np.float64), times.tolist(), strict=True):
        for start in range(0, left, step):
            drawn = _multiplicities(rng, pool, min(step, left - start))
            found.append(statistic(drawn if draw.clusters is None else drawn[:, draw.clusters], kind))
    return _interval(np.concatenate(found), draw.level, None, "percentile_product")


def jackknife(statistic: Statistic, n: int, clusters: Codes | None = None) -> Floats:
    """The statistic without each unit (or cluster) in turn."""
    everyone = np.arange(n)
    if clusters is None:
        return np.array([statistic(np.delete(everyone, i)) for i in range(n)])
    return np.array([statistic(everyone[clusters != g]) for g in range(int(clusters.max()) + 1)])


def _pool(counts: npt.NDArray[Any], clusters: Codes | None) -> npt.NDArray[np.int64]:
    """What is drawn: rows by their counts, or clusters, each of which stands for itself."""
    return np.asarray(counts, dtype=np.int64) if clusters is None else np.ones(clusters.max() + 1, np.int64)


def _multiplicities(rng: np.random.Generator, pool: npt.NDArray[np.int64], b: int) -> Floats:
    """How often each of the pool's rows comes in each of `b` resamples of its size."""
    n, m = int(pool.sum()), len(pool)
    if n >= 8 * m:
        return rng.multinomial(n, pool / n, size=b).astype(np.float64)
    row_of = np.repeat(np.arange(m), pool)
    picked = row_of[rng.integers(0, n, size=(b, n))] + (np.arange(b) * m)[:, None]
    return np.bincount(picked.ravel(), minlength=b * m).reshape(b, m).astype(np.float64)


def _without_each(of_pool: Weighted, pool: npt.NDArray[np.int64], step: int) -> tuple[Floats, Floats]:
    """The statistic without one unit of each row, and how many units that is true of."""
    there = np.flatnonzero(pool)
    groups = [there[i::_GROUPS] for i in range(_GROUPS)] if len(there) > 2 * _GROUPS else list(there[:, None])
    values = []
    for start in range(0, len(groups), step):
        some = groups[start : start + step]
        drawn = np.repeat(pool[None, :].astype(np.float64), len(some), axis=0)
        for row, group in enumerate(some):
            drawn[row, group] -= 1.0
        values.append(of_pool(drawn))
    times = pool[there] if len(groups) == len(there) else np.ones(len(groups))
    return np.concatenate(values), times.astype(np.float64)


def _interval(
    replicates: Floats, level: float, bca: tuple[float, Floats, Floats] | None, kind: str
) -> Interval:
    good = replicates[np.isfinite(replicates)]
    lost = 1.0 - len(good) / max(len(replicates), 1)
    nan = float("nan")
    if len(good) < 20:
        return Interval(nan, nan, nan, lost, kind)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if bca is not None:
        tails = _bca_tails(tails, good, *bca)
    low, high = np.quantile(good, tails) if np.all(np.isfinite(tails)) else (nan, nan)
    return Interval(float(low), float(high), float(np.std(good, ddof=1)), lost, kind)


def _bca_tails(tails: Floats, good: Floats, value: float, left_out: Floats, times: Floats) -> Floats:
    """Return where to cut, by the resamples' bias and the skew of the jackknife (each value `times` over)."""
    from scipy.special import ndtr, ndtri

    same = np.abs(good - value) <= 1e-12 * max(abs(value), 1.0)
    edge = 1 / (2 * len(good))
    z0 = ndtri(np.clip(np.mean((good < value) & ~same) + 0.5 * np.mean(same), edge, 1 - edge))
    there = np.isfinite(left_out)
    left_out, times = left_out[there], times[there]
    d = np.average(left_out, weights=times) - left_out if len(left_out) else np.zeros(1)
    times = times if len(left_out) else np.ones(1)
    spread = (times @ d**2) ** 1.5
    a = times @ d**3 / (6 * spread) if spread > 0 else 0.0
    z = z0 + ndtri(tails)
    return np.asarray(ndtr(z0 + z / (1 - a * z)), dtype=float)


OfSums = Callable[[Floats], Floats]
"""From sums of the columns, shape (n_draws, k), to a number a draw; nan where undefined."""
_CELLS = 20_000_000


def by_sums(
    estimate: Estimate, columns: Floats, of: OfSums, draw: Resampling, *, none: tuple[str, ...] = ()
) -> Estimate:
    """As `resampled`, for a statistic `of` the sums of columns (n_units, k); it computes the value, too."""
    # `none` is the status, and the note, where there is no value.
    estimate = replace(estimate, value=value_of(of, columns))
    if np.isnan(estimate.value):
        why = none or (Status.NO_VARIATION if len(columns) else Status.NO_PAIRED_ITEMS,)
        return undefined(estimate, *why)
    if draw.b == 0:
        return estimate
    pooled = columns
    if draw.clusters is not None:
        pooled = np.zeros((int(draw.clusters.max()) + 1, columns.shape[1]))
        np.add.at(pooled, draw.clusters, columns)
    n = len(pooled)
    rng = np.random.default_rng(draw.seed)
    step = max(1, _CELLS // n)
    sizes = [min(step, draw.b - start) for start in range(0, draw.b, step)]
    replicates = np.concatenate(
        [of(rng.multinomial(n, np.full(n, 1 / n), size=size) @ pooled) for size in sizes]
    )
    statistic = lambda index: value_of(of, columns[index])  # noqa: E731
    return resampled(estimate, statistic, len(columns), draw, replicates=replicates)


def value_of(of: OfSums, columns: Floats) -> float:
    """The statistic of these units."""
    return float(of(columns.sum(axis=0, keepdims=True))[0])


def mean_of_sums(sums: Floats) -> Floats:
    """Return the quotient of the first two sums: a mean, where the second counts."""
    return ratio(sums[:, 0], sums[:, 1])


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Their quotient, nan where the denominator is 0."""
    there = denominator != 0
    return np.where(there, numerator / np.where(there, denominator, 1.0), np.nan)


JACKKNIFED = 5000
"""Up to so many units the acceleration of BCa is computed; above them intervals are percentiles."""


def resampled(
    estimate: Estimate,
    statistic: Statistic,
    n: int,
    draw: Resampling,
    *,
    kind: str | None = None,
    replicates: Floats | None = None,
) -> Estimate:
    """The estimate with an interval by resampling, and the status that the resamples earn it."""
    if not is_defined(estimate):
        return estimate
    kind = kind or ("bca" if n <= JACKKNIFED else "percentile")
    return earned(estimate, bootstrap(statistic, n, draw, kind=kind, replicates=replicates), draw)


def drawn_again(estimate: Estimate, statistic: Weighted, n: int, draw: Resampling) -> Estimate:
    """As `resampled`, for a statistic of how often each unit was drawn; it computes the value, too."""
    counts = np.ones(n)
    value = float(statistic(counts[None, :])[0]) if n else math.nan
    if math.isnan(value):
        return undefined(estimate, Status.NO_VARIATION if n else Status.NO_PAIRED_ITEMS)
    return earned(replace(estimate, value=value), weighted_bootstrap(statistic, counts, draw), draw)


def earned(estimate: Estimate, made: Interval, draw: Resampling) -> Estimate:
    """The estimate with an interval that was made, and the status that its resamples earn it."""
    if made.se <= 1e-12 * max(abs(estimate.value), 1.0):
        note = "every resample gave the same value, so there is no interval"
        return flagged(replace(estimate, seed=draw.seed), Status.DEGENERATE, (note,))
    kind = "none" if math.isnan(made.low) else made.kind
    estimate = with_interval(estimate, made.low, made.high, se=made.se, interval=kind, seed=draw.seed)
    if draw.clusters is not None:
        estimate = replace(estimate, unit="cluster")
        if (found := int(draw.clusters.max()) + 1) < ENOUGH_CLUSTERS:
            note = f"only {found} clusters; an interval needs about {ENOUGH_CLUSTERS}"
            estimate = flagged(estimate, Status.FEW_CLUSTERS, (note,))
    if made.lost > MOST_LOST:
        note = f"the statistic was undefined in {made.lost:.0%} of the resamples"
        estimate = flagged(estimate, Status.RESAMPLES_LOST, (note,))
    return estimate
