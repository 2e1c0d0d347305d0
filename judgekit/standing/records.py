"""A standing: an order of systems with uncertainty."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from judgekit.agreement.core.estimate import Status, flagged, with_interval
from judgekit.agreement.core.intervals import t_quantile
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.published.arena import separability
from judgekit.errors import InputError
from judgekit.standing.apart import FEWEST_DRAWS, Apart, chances, groups, letters, told_apart
from judgekit.types import Estimate

if TYPE_CHECKING:
    from judgekit.standing.orders import Against, Profile

ALIKE = "every resample gave the same value, so there is no interval"
STILL = "the difference is the same on every item, so there is no interval"
_STILL = 1e-9  # as in `apart`
UNEVEN = 0.05
ELO = 1000.0, 400.0 / math.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one system stands.

    Args:
        strength: With mean 0 over the systems, in the standing's unit; nan where it cannot be told.
        low: Lower end of its interval, and `high` the upper end; of a system that got all right or all wrong
            one of them is a bound (at 5 %), and the other infinite.
        se: Standard error of the strength.
        rank: 1 is the best; equal strengths share a rank.
        rank_low: The best rank it may have, and `rank_high` the worst, for all systems at once.
        n: Comparisons it was in, or scores.
        n_answers: Scores behind the comparisons, where those were made of scores; else as `n`.
        won: Its share of comparisons, a tie as half.
        mean: Plain mean of its scores, which the strength is to be held against; of comparisons as `won`.
        missing: Reason -> answers that were asked for and not obtained.
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
    n_answers: int | None = None
    won: float = math.nan
    mean: float = math.nan
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_missing(self) -> int:
        """How many answers are missing."""
        return sum(self.missing.values())

    @property
    def answers(self) -> int:
        """How many answers are there, of those that were asked for."""
        return self.n if self.n_answers is None else self.n_answers


@dataclass(frozen=True, slots=True)
class Uneven:
    """Whether more is missing of some systems than of others: the chi-square of equal shares."""

    chi_square: float
    df: int
    p: float

    @property
    def beyond_chance(self) -> bool:
        """Whether chance alone would make such a difference in fewer than one of twenty."""
        return self.p < UNEVEN


def uneven(places: Iterable[Place]) -> Uneven | None:
    """Return the test of whether shares of missing answers are equal; None where it has no meaning."""
    from scipy.special import chdtrc

    counts = np.array([(p.answers, p.n_missing) for p in places if p.answers + p.n_missing], dtype=float)
    if len(counts) < 2 or not counts.sum(axis=0).all():
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    chi, df = float(np.sum((counts - expected) ** 2 / expected)), len(counts) - 1
    return Uneven(chi, df, float(chdtrc(df, chi)))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Standing:
    """An order of systems.

    Args:
        places: Best first; by name where strengths cannot be told.
        method: How strengths were computed.
        interval: `percentile` or `percentile_cluster` over items, or `wald` where items are too few to
            resample; `t_cr1` clustered by item, of scores; `none` where fewer than 20 resamples had a fit, or
            all gave the same strengths.
        level: Confidence of the intervals, and of all intervals of ranks together.
        n_dropped: Abstentions, and comparisons of a system with itself; `n_comparisons` are verdicts used.
        order_effect: Log-odds by which the response shown first gains, if asked for.
        ties: Davidson's parameter, if asked for: how probable a tie of equals is against a win of one.
        status: `ok`; `undefined:not_identified` with the groups that cannot be joined in `notes`,
            `undefined:no_paired_items`; `unstable:few_clusters`, `unstable:resamples_lost`;
            `ok_degenerate` where every resample gave the same strengths.
        covariance: Shape (n_systems, n_systems), in the order of `places`: of comparisons by the inverse
            Hessian, of scores clustered by item.
        draws: Shape (n_draws, n_systems): strengths by resample, in the order of `places`.
        unit: What strengths are measured in: `log-odds`, `points` or `logits`.
        df: Degrees of freedom of the covariance.
        profile: The standing by each tag, where that was asked for.
        against: The standing held against a trusted one, where that was asked for.
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
    unit: str = "log-odds"
    df: float = math.inf
    profile: "Profile | None" = None
    against: "Against | None" = None

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

    @property
    def apart(self) -> Apart:
        """Which two systems are told apart, for all pairs at once, shape (n, n) in the order of places."""
        return told_apart(np.array([place.strength for place in self.places]), self.draws, self.level)

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The groups of systems that cannot be told apart, best first; a system may be in several."""
        return groups(self.systems, self.apart)

    @property
    def letters(self) -> Mapping[str, str]:
        """System -> the letters of its groups; two that share one cannot be told apart."""
        found = self.groups
        named = list(zip(letters(len(found)), found, strict=True))
        return {s: " ".join(letter for letter, group in named if s in group) for s in self.systems}

    @property
    def told_apart(self) -> tuple[int, int]:
        """How many pairs of systems are told apart, for all pairs at once, and how many pairs there are."""
        n = len(self.places)
        return int(np.triu(self.apart).sum()), n * (n - 1) // 2

    @property
    def separability(self) -> float:
        """Share of pairs whose intervals do not overlap, which Arena-Hard reports; timid beside the above."""
        return separability([p.low for p in self.places], [p.high for p in self.places])

    @property
    def chances(self) -> Floats:
        """How sure it is that the system of a row is better than that of a column, in the order of places."""
        return chances(self.draws)

    @property
    def uneven(self) -> Uneven | None:
        """Whether more is missing of some systems than of others."""
        return uneven(self.places)

    def elo(self, system: str) -> float:
        """Return a strength on the scale of Elo: 1000 is the average, 400 are odds of ten; nan of scores."""
        if self.unit != "log-odds":
            return math.nan
        return ELO[0] + ELO[1] * self.of(system).strength

    def beats(self, one: str, other: str) -> float:
        """Return the probability that one system beats another, ties apart; nan if not identified.

        Only comparisons say so: of scores it is nan, and `chances` has how sure it is that one is better.
        """
        if self.unit != "log-odds":
            return math.nan
        gap = self.of(one).strength - self.of(other).strength
        return 1.0 / (1.0 + math.exp(-gap))

    def difference(self, one: str, other: str) -> Estimate:
        """Return how much stronger one system is than another, with its interval.

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
        if self.interval in {"wald", "t_cr1"}:
            se = math.sqrt(
                max(self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j], 0.0)
            )
            if self.interval == "t_cr1" and se <= _STILL:
                return flagged(blank, Status.DEGENERATE if self.status == "ok" else self.status, (STILL,))
            half = reach(self.level, self.df) * se
            return with_interval(
                blank, value - half, value + half, se=se, interval=self.interval, seed=self.seed
            )
        gaps = self.draws[:, i] - self.draws[:, j]
        low, high = percentile_ends(gaps[:, None], self.level)
        if math.isnan(low[0]):
            return flagged(blank, Status.DEGENERATE if self.status == "ok" else self.status, (ALIKE,))
        se = float(np.std(gaps, ddof=1))
        return with_interval(blank, low[0], high[0], se=se, interval=self.interval, seed=self.seed)


def reach(level: float, df: float) -> float:
    """Return how many standard errors an interval reaches."""
    return t_quantile(level, df) if math.isfinite(df) else NormalDist().inv_cdf((1.0 + level) / 2.0)


def percentile_ends(draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Return ends of the interval of each column; nan with too few draws, or where all are alike."""
    nothing = np.full(draws.shape[1], np.nan)
    if len(draws) < FEWEST_DRAWS:
        return nothing, nothing
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    still = np.ptp(draws, axis=0) <= _STILL
    return np.where(still, np.nan, low), np.where(still, np.nan, high)
