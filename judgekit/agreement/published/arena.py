"""Arena-Hard's three numbers: does a benchmark tell systems apart, and in the order people put them?

Separability: pairs of systems whose intervals do not overlap. Agreement: pairs that both raters separate in
the same order. Brier: whether people bear out the chances of one system being better than another. Li et al.
(2024), "From Crowdsourced Data to High-Quality Benchmarks", https://arxiv.org/abs/2406.11939.
"""

import math
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import grid, magnitude, settled
from judgekit.agreement.core.multiplicity import adjust
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Drawn, Resampling, resampling
from judgekit.errors import InputError


@dataclass(frozen=True, slots=True)
class MeansWithEnds:
    """Scores of systems (n_systems,) with the ends of their intervals."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class BenchmarkAgreement:
    """A judge's scores of systems beside people's.

    Args:
        separability: Share of pairs of systems whose intervals do not overlap.
        separability_paired: Share of pairs told apart by a paired t test with Holm's correction; overlap of
            intervals is a timid test, because the same items were seen.
        agreement: Mean over pairs of 1 (both separate them, same order), -1 (opposite order), 0.
        brier: Mean squared distance of the chance that s is better than t from what people say.
        n_items: Items with a judge's score of every system; `n_dropped` of its items and `n_dropped_human` of
            people's lack one.
    """

    separability: float
    separability_paired: float
    agreement: float
    brier: float
    n_pairs: int
    n_items: int
    n_dropped: int
    n_dropped_human: int
    seed: int


def bootstrap_means(scores: npt.ArrayLike, draw: Resampling) -> Floats:
    """Return means of scores (n_systems, n_items) in shared resamples of the items, (b, n_systems)."""
    x = grid(scores, "scores")
    n = x.shape[1]
    if n == 0:
        return np.full((draw.b, len(x)), np.nan)
    times = np.random.default_rng(draw.seed).multinomial(n, np.full(n, 1 / n), size=draw.b)
    return settled(times @ x.T / n)


def separability(low: npt.ArrayLike, high: npt.ArrayLike) -> float:
    """Return the share of pairs of systems (n_systems,) whose intervals do not overlap."""
    ends = _ends(low, high)
    return _mean(np.abs(_order(*ends)))


def interval_agreement(
    judge_low: npt.ArrayLike, judge_high: npt.ArrayLike, human_low: npt.ArrayLike, human_high: npt.ArrayLike
) -> float:
    """Tell by how much the pairs that both raters separate stand in the same order."""
    judge, human = _ends(judge_low, judge_high), _ends(human_low, human_high)
    if len(judge[0]) != len(human[0]):
        raise InputError(f"intervals of {len(judge[0])} systems by the judge and {len(human[0])} by people")
    return _mean(_order(*judge) * _order(*human))


def pair_rank_brier(judge_means: npt.ArrayLike, human: npt.ArrayLike) -> float:
    """Return the Brier score of the chances that one system is better than another, by resampled means."""
    x = grid(judge_means, "judge_means")
    truth = settled(np.asarray(human, dtype=float))
    if truth.shape != (x.shape[1],):
        raise InputError(f"people's scores have shape {truth.shape} for {x.shape[1]} systems")
    s, t = np.triu_indices(len(truth), 1)
    if not len(s):
        return math.nan
    gap = settled(x[:, s] - x[:, t], magnitude(x))
    chance = np.mean(gap > 0, axis=0) + 0.5 * np.mean(gap == 0, axis=0)
    known = ~(np.isnan(gap).any(axis=0) | np.isnan(truth[s]) | np.isnan(truth[t]))
    told = known & (truth[s] != truth[t])
    return _mean(np.square(chance - (truth[s] > truth[t]))[told])


def standings(scores: npt.ArrayLike, draw: Resampling) -> MeansWithEnds:
    """Means of systems with percentile intervals over resamples of the items; none below two items."""
    x = grid(scores, "scores")
    if x.shape[1] < 2:
        nothing = np.full(len(x), np.nan)
        return MeansWithEnds(x[:, 0] if x.shape[1] else nothing, nothing, nothing)
    low, high = np.quantile(bootstrap_means(x, draw), [(1 - draw.level) / 2, (1 + draw.level) / 2], axis=0)
    return MeansWithEnds(x.mean(axis=1), low, high)


def paired_separability(scores: npt.ArrayLike, *, level: float = 0.95) -> float:
    """Return the share of pairs of systems told apart by paired t tests, with Holm's correction."""
    from scipy.special import stdtr

    x = grid(scores, "scores")
    s, t = np.triu_indices(len(x), 1)
    n = x.shape[1]
    if not len(s) or n < 2:
        return math.nan
    d = settled(x[s] - x[t], magnitude(x))
    mean, se = d.mean(axis=1), d.std(axis=1, ddof=1) / math.sqrt(n)
    ratio = np.divide(np.abs(mean), se, out=np.where(mean != 0, np.inf, 0.0), where=se > 0)
    p = np.minimum(2 * stdtr(n - 1, -ratio), 1.0)[~np.isnan(mean)]
    return _mean(adjust(p, method="holm") <= 1 - level)


def benchmark_agreement(
    judge: npt.ArrayLike, human: npt.ArrayLike, **how: Unpack[Drawn]
) -> BenchmarkAgreement:
    """All of Arena-Hard's numbers from two tables of scores.

    Args:
        judge: Shape (n_systems, n_judged_items), nan where missing; items with a missing score are left out.
        human: Shape (n_systems, n_human_items): the same systems, not necessarily the same items.

    Returns the numbers; one that needs resamples of fewer than two items is nan. Raises `InputError` if the
    number of systems differs.

    >>> found = benchmark_agreement([[0, 0, 0], [1, 1, 1]], [[0, 0], [1, 1]])
    >>> found.separability, found.agreement, found.brier
    (1.0, 1.0, 0.0)
    """
    draw = resampling(how)
    j, h = grid(judge, "judge"), grid(human, "human")
    if len(j) != len(h):
        raise InputError(f"the judge scored {len(j)} systems, people {len(h)}")
    ours, theirs = (x[:, ~np.isnan(x).any(axis=0)] for x in (j, h))
    judged, told = (standings(x, draw) for x in (ours, theirs))
    n = ours.shape[1]
    return BenchmarkAgreement(
        separability=separability(judged.low, judged.high),
        separability_paired=paired_separability(ours, level=draw.level),
        agreement=interval_agreement(judged.low, judged.high, told.low, told.high),
        brier=pair_rank_brier(bootstrap_means(ours, draw), told.value) if n > 1 else math.nan,
        n_pairs=len(j) * (len(j) - 1) // 2, n_items=n, n_dropped=j.shape[1] - n,
        n_dropped_human=h.shape[1] - theirs.shape[1], seed=draw.seed,
    )  # fmt: skip


def _ends(low: npt.ArrayLike, high: npt.ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise InputError(f"interval ends must be two rows of one length, found {a.shape} and {b.shape}")
    return a, b


def _order(low: Floats, high: Floats) -> Floats:
    """Of each pair s < t: 1 if s lies above t, -1 if below, 0 if they overlap, nan without an interval."""
    s, t = np.triu_indices(len(low), 1)
    lost = np.isnan(low) | np.isnan(high)
    return np.where(lost[s] | lost[t], np.nan, (low[s] > high[t]) * 1.0 - (low[t] > high[s]) * 1.0)


def _mean(x: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
    """Of what is there; nan if nothing is."""
    known = x[~np.isnan(x)]
    return float(np.mean(known)) if len(known) else math.nan
