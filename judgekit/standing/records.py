"""A standing: an order of systems with uncertainty."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from judgekit.agreement.core.estimate import Status, flagged, with_interval
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

FEWEST_DRAWS = 20
"""Resamples with a fit that an interval needs."""
ALIKE = "every resample gave the same value, so there is no interval"
_STILL = 1e-9  # strengths are fitted to 1e-11: resamples that differ by less say the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one system stands.

    Args:
        strength: In log-odds, with mean 0 over the systems; nan where it cannot be told.
        low: Lower end of its interval, and `high` the upper end.
        se: Standard error by the inverse Hessian.
        rank: 1 is the best; equal strengths share a rank.
        rank_low: The best rank it may have, and `rank_high` the worst, for all systems at once.
        n: Comparisons it was in.
        won: Its share of them, a tie as half.
    """

    system: str
    strength: float = math.nan
    low: float = math.nan
    high: float = math.nan
    se: float = math.nan
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    n: int
    won: float


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Standing:
    """An order of systems.

    Args:
        places: Best first; by name where strengths cannot be told.
        method: How strengths were computed.
        interval: `percentile` or `percentile_cluster` over items, or `wald` where items are too few to
            resample; `none` where fewer than 20 resamples had a fit, or all gave the same strengths.
        level: Confidence of the intervals, and of all intervals of ranks together.
        n_dropped: Abstentions, and comparisons of a system with itself; `n_comparisons` are verdicts used.
        order_effect: Log-odds by which the response shown first gains, if asked for.
        ties: Davidson's parameter, if asked for: how probable a tie of equals is against a win of one.
        status: `ok`; `undefined:not_identified` with the groups that cannot be joined in `notes`,
            `undefined:no_paired_items`; `unstable:few_clusters`, `unstable:resamples_lost`;
            `ok_degenerate` where every resample gave the same strengths.
        covariance: Shape (n_systems, n_systems), by the inverse Hessian, in the order of `places`.
        draws: Shape (n_draws, n_systems): strengths by resample, in the order of `places`.
    """

    places: tuple[Place, ...]
    method: str
    interval: str
    level: float
    n_items: int
    n_comparisons: int
    n_dropped: int
    order_effect: Estimate | None
    ties: float | None
    seed: int
    status: str
    notes: tuple[str, ...]
    covariance: Floats = field(repr=False)
    draws: Floats = field(repr=False)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, best first."""
        return tuple(place.system for place in self.places)

    def of(self, system: str) -> Place:
        """Return the place of a system; InputError if it is not there."""
        for place in self.places:
            if place.system == system:
                return place
        raise InputError(f"no system {system!r}; there are {list(self.systems)}")

    def beats(self, one: str, other: str) -> float:
        """Return the probability that one system beats another, ties apart; nan if not identified."""
        gap = self.of(one).strength - self.of(other).strength
        return 1.0 / (1.0 + math.exp(-gap))

    def difference(self, one: str, other: str) -> Estimate:
        """Return how much stronger one system is than another, in log-odds, with its interval.

        Intervals of single strengths overlap more than those of differences: compare by this. Where no
        resample moves the difference there is none, and the status is `ok_degenerate`.
        """
        value = self.of(one).strength - self.of(other).strength
        i, j = self.systems.index(one), self.systems.index(other)
        blank = Estimate(
            "strength_difference", value, level=self.level, n_units=self.n_items, n_raters=2,
            n_used=self.n_comparisons, n_dropped=self.n_dropped, unit="item", method=self.method,
            seed=self.seed, status=self.status,
        )  # fmt: skip
        if math.isnan(value) or len(self.draws) < FEWEST_DRAWS:
            return blank
        if self.interval == "wald":
            se = math.sqrt(
                max(self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j], 0.0)
            )
            half = NormalDist().inv_cdf((1.0 + self.level) / 2.0) * se
            return with_interval(blank, value - half, value + half, se=se, interval="wald", seed=self.seed)
        gaps = self.draws[:, i] - self.draws[:, j]
        low, high = percentile_ends(gaps[:, None], self.level)
        if math.isnan(low[0]):
            return flagged(blank, Status.DEGENERATE if self.status == "ok" else self.status, (ALIKE,))
        se = float(np.std(gaps, ddof=1))
        return with_interval(blank, low[0], high[0], se=se, interval=self.interval, seed=self.seed)


def percentile_ends(draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Return ends of the interval of each column; nan with too few draws, or where all are alike."""
    nothing = np.full(draws.shape[1], np.nan)
    if len(draws) < FEWEST_DRAWS:
        return nothing, nothing
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    still = np.ptp(draws, axis=0) <= _STILL
    return np.where(still, np.nan, low), np.where(still, np.nan, high)


def rank_intervals(
    strengths: Floats, draws: Floats, level: float
) -> list[tuple[int, int]] | list[tuple[None, None]]:
    """Return best and worst rank of each system, for all systems at once; None with too few draws.

    A system stands below another only if the difference is beyond the largest studentised difference that
    resampling alone makes between any two, in a share `level` of the resamples. Two whose difference no
    resample moves are not told apart. Source: Mogstad, Romano, Shaikh and Wilhelm (2024), "Inference for
    Ranks", Review of Economic Studies 91, with the bootstrap's maximum over all pairs.
    """
    n = len(strengths)
    if len(draws) < FEWEST_DRAWS:
        return [(None, None)] * n
    one, other = np.triu_indices(n, 1)
    if not len(one):
        return [(1, 1)] * n
    gap = strengths[one] - strengths[other]
    spread, worst = np.empty(len(one)), np.zeros(len(draws))
    at_once = max(2_000_000 // len(draws), 1)
    for start in range(0, len(one), at_once):
        pairs = slice(start, start + at_once)
        resampled = draws[:, one[pairs]] - draws[:, other[pairs]]
        spread[pairs] = resampled.std(axis=0, ddof=1)
        size = np.maximum(spread[pairs], _STILL)
        worst = np.maximum(worst, np.abs((resampled - gap[pairs]) / size).max(axis=1))
    apart = (spread > _STILL) & (np.abs(gap) > np.quantile(worst, level) * spread)
    above = np.bincount(np.where(gap > 0, other, one)[apart], minlength=n)
    below = np.bincount(np.where(gap > 0, one, other)[apart], minlength=n)
    return [(1 + int(above[i]), n - int(below[i])) for i in range(n)]
