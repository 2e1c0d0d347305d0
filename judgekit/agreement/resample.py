"""Bootstrap and jackknife: intervals by taking the independent units again and again.

The independent unit is the highest level of sampling: a unit, or the cluster it belongs to.
Resamples in which the statistic has no meaning (a constant sample) are dropped and counted; more
than 5 % of them make an interval unstable. Everything is drawn from one seed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.ratings import Codes, Floats

Statistic = Callable[[Codes], float]
"""From indices of units (shape (m,), with repeats) to the statistic of that sample; nan where undefined."""
MOST_LOST = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval by resampling.

    Args:
        low: Lower end, nan if there is none.
        high: Upper end.
        se: Standard deviation over the resamples.
        lost: Share of resamples in which the statistic was undefined.
        kind: `bca` or `percentile`, with `_cluster` where clusters were resampled.
    """

    low: float
    high: float
    se: float
    lost: float
    kind: str


def draws(n: int, *, b: int, seed: int, clusters: Codes | None = None) -> list[Codes]:
    """`b` resamples of the indices 0..n-1: of units, or of whole clusters."""
    rng = np.random.default_rng(seed)
    if clusters is None:
        return list(rng.integers(0, n, size=(b, n)))
    members = [np.flatnonzero(clusters == g) for g in range(int(clusters.max()) + 1)]
    picks = rng.integers(0, len(members), size=(b, len(members)))
    return [np.concatenate([members[g] for g in pick]) for pick in picks]


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    seed: int,
    b: int = 2000,
    level: float = 0.95,
    clusters: Codes | None = None,
    kind: str = "bca",
    replicates: Floats | None = None,
) -> Interval:
    """An interval of a statistic of units.

    Args:
        statistic: From indices of units to a number.
        n: How many units.
        seed: Of the draws.
        b: How many resamples.
        level: Confidence.
        clusters: Shape (n,), coded from 0; resamples whole clusters.
        kind: `bca` (bias-corrected and accelerated, by the jackknife) or `percentile`.
        replicates: The statistic of each resample, if the caller has computed them all at once.

    Source:
        Efron (1987), "Better Bootstrap Confidence Intervals", JASA 82.
    """
    if replicates is None:
        replicates = np.array([statistic(index) for index in draws(n, b=b, seed=seed, clusters=clusters)])
    good = replicates[np.isfinite(replicates)]
    lost = 1.0 - len(good) / max(len(replicates), 1)
    name = kind if clusters is None else f"{kind}_cluster"
    if len(good) < 20:
        return Interval(float("nan"), float("nan"), float("nan"), lost, name)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if kind == "bca":
        tails = _bca_tails(tails, good, statistic, n, clusters)
    low, high = np.quantile(good, tails) if np.all(np.isfinite(tails)) else (np.nan, np.nan)
    return Interval(float(low), float(high), float(np.std(good, ddof=1)), lost, name)


def jackknife(statistic: Statistic, n: int, clusters: Codes | None = None) -> Floats:
    """The statistic without each unit (or cluster) in turn."""
    everyone = np.arange(n)
    if clusters is None:
        return np.array([statistic(np.delete(everyone, i)) for i in range(n)])
    return np.array([statistic(everyone[clusters != g]) for g in range(int(clusters.max()) + 1)])


def _bca_tails(
    tails: Floats, good: Floats, statistic: Statistic, n: int, clusters: Codes | None
) -> npt.NDArray[np.float64]:
    from scipy.special import ndtr, ndtri

    value = statistic(np.arange(n))
    below = np.clip(
        np.mean(good < value) + 0.5 * np.mean(good == value), 1 / (2 * len(good)), 1 - 1 / (2 * len(good))
    )
    z0 = ndtri(below)
    left_out = jackknife(statistic, n, clusters)
    left_out = left_out[np.isfinite(left_out)]
    d = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    spread = np.sum(d**2) ** 1.5
    a = np.sum(d**3) / (6 * spread) if spread > 0 else 0.0
    z = z0 + ndtri(tails)
    return np.asarray(ndtr(z0 + z / (1 - a * z)), dtype=float)
