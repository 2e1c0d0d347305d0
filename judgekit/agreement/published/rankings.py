"""Ratings against rankings, and raters' rankings against each other (Kendall's W).

A rating of each response implies a verdict on the pair: higher, equal or lower. Consistency is the share of
pairs in which that verdict is the one of the ranking; decisive agreement leaves the ties out, since much of
the disagreement is a rating's ties. Source: Bansal et al. (2023), arXiv 2308.15812.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import Clusters, aligned, kept_clusters
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import clustered_mean, rate
from judgekit.agreement.core.ratings import Floats, given_numbers
from judgekit.agreement.core.resample import magnitude, settled
from judgekit.types import Estimate


@dataclass(frozen=True)
class Consistency:
    """Ratings beside rankings.

    Args:
        table: Shape (3, 3): pairs by what the ratings imply (row) and the ranking says (column), in the order
            first, tie, second.
        consistency: Share of pairs on the diagonal.
        decisive: Share that agrees among pairs without a tie on either side.
        rating_ties: Share of pairs rated equal.
        ranking_ties: Share of pairs ranked equal.
        rating_wins: Win rate of the first response by ratings, a tie one half, on all rated pairs.
        ranking_wins: The same by rankings.
        reversal: The two win rates lie on different sides of one half.
        reversal_certain: So do their whole intervals.
    """

    table: tuple[tuple[int, ...], ...]
    consistency: Estimate
    decisive: Estimate
    rating_ties: Estimate
    ranking_ties: Estimate
    rating_wins: Estimate
    ranking_wins: Estimate
    reversal: bool
    reversal_certain: bool


def implied(first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
    """The verdict that two ratings imply: 1 the first is higher, 0.5 equal, 0 lower, else nan."""
    a, b = aligned(first=first, second=second)
    return np.asarray((np.sign(settled(a - b, size=magnitude(a, b))) + 1) / 2, dtype=float)


def ratings_against_rankings(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    ranking: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> Consistency:
    """Compare what ratings imply with what rankings say, on the same pairs.

    Args:
        first: Shape (n_pairs,), the rating of the first response; nan where missing.
        second: The rating of the second.
        ranking: 1 the first is preferred, 0 the second, 0.5 equal, or where two orders differ; nan where
            missing.
        clusters: Shape (n_pairs,), what pairs belong to; intervals are then CR1.
        level: Confidence.

    Returns:
        Consistency over the pairs that have both; each win rate over the pairs that have its own.
    """
    rated = implied(first, second)
    _, ranked = aligned(first=rated, ranking=ranking)
    ranked = np.sign(ranked - 0.5) / 2 + 0.5
    both = ~(np.isnan(rated) | np.isnan(ranked))
    a, b = rated[both], ranked[both]
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, ((2 - 2 * a).astype(int), (2 - 2 * b).astype(int)), 1)
    groups = kept_clusters(clusters, both)
    decided = (a != 0.5) & (b != 0.5)
    lost = int((~both).sum())

    def share_of(of: npt.NDArray[np.bool_], event: npt.NDArray[np.bool_], name: str) -> Estimate:
        made = rate(event[of], kept_clusters(groups, of), name=name, level=level, dropped=lost)
        return replace(made, unit="pair") if groups is None else made

    everything = np.ones(len(a), dtype=bool)
    wins = [
        replace(clustered_mean(x, _groups(clusters), name=name, level=level), unit="pair", method="win rate")
        for name, x in (("rating_win_rate", rated), ("ranking_win_rate", ranked))
    ]
    by_rating, by_ranking = wins
    return Consistency(
        table=tuple(tuple(row) for row in table.tolist()),
        consistency=share_of(everything, a == b, "consistency"),
        decisive=share_of(decided, a == b, "decisive_agreement"),
        rating_ties=share_of(everything, a == 0.5, "rating_tie_rate"),
        ranking_ties=share_of(everything, b == 0.5, "ranking_tie_rate"), rating_wins=by_rating,
        ranking_wins=by_ranking, reversal=bool((by_rating.value - 0.5) * (by_ranking.value - 0.5) < 0),
        reversal_certain=bool(min(r.high for r in wins) < 0.5 < max(r.low for r in wins)),
    )  # fmt: skip


def _groups(clusters: Clusters) -> npt.NDArray[np.object_] | None:
    return None if clusters is None else np.asarray(clusters, dtype=object)


def concordance_of_ranks(numbers: Floats) -> float:
    """Kendall's W with its correction for ties.

    Shape: `numbers` (n_units, n_raters).

    Source:
        Kendall and Babington Smith (1939), Annals of Mathematical Statistics 10; ties as in Siegel and
        Castellan (1988). Checked against scipy's Friedman statistic, which is m (n - 1) W.
    """
    from scipy.stats import rankdata

    n, m = numbers.shape
    ranks = np.asarray(rankdata(numbers, axis=0), dtype=np.float64)
    sums = ranks.sum(axis=1)
    ties = 0.0
    for column in ranks.T:
        _, counts = np.unique(column, return_counts=True)
        ties += float((counts.astype(np.float64) ** 3 - counts).sum())
    most = m**2 * (n**3 - n) - m * ties
    return float(12 * np.square(sums - sums.mean()).sum() / most) if most > 0 else float("nan")


def kendall_w(ratings: Any, *, scale: Any = None) -> Estimate:
    """Kendall's coefficient of concordance of several raters.

    Args:
        ratings: `Ratings`, or numbers of shape (n_units, n_raters); a unit that a rater did not rate
            is left out and counted. Rows are what is ranked: systems, responses, items.
        scale: The declared scale of raw labels; raw numbers need none.

    Returns:
        From 0 to 1, without an interval. The notes give the test of no concordance (chi-square with
        n - 1 degrees of freedom, which is rough for fewer than 8 units) and the mean of Spearman's rho
        over pairs of raters, (m W - 1) / (m - 1).

    Raises:
        InputError: For a wrong shape, infinity, or a nominal scale.

    >>> kendall_w([[1, 1, 2], [2, 3, 1], [3, 2, 3]]).notes
    ('mean Spearman correlation of two raters 0.167', 'chi-square 2.667 on 2 df, p = 0.264')
    """
    from scipy.special import chdtrc

    x = given_numbers(ratings, scale)
    rated = ~np.isnan(x)
    used = rated.all(axis=1)
    n, m = int(used.sum()), x.shape[1]
    start = Estimate(
        "kendall_w", float("nan"), n_units=len(x), n_raters=m, n_used=n,
        n_dropped=len(x) - n, method="Kendall's W, corrected for ties",
    )  # fmt: skip
    if int(rated.any(axis=0).sum()) < 2:
        return undefined(start, Status.NEEDS_TWO_RATERS)
    if n < 2:
        return undefined(start, Status.TOO_FEW if n else Status.NO_PAIRED_ITEMS)
    value = concordance_of_ranks(x[used])
    if np.isnan(value):
        return undefined(start, Status.NO_VARIATION)
    statistic = m * (n - 1) * value
    notes = (
        f"mean Spearman correlation of two raters {(m * value - 1) / (m - 1):.3f}",
        f"chi-square {statistic:.3f} on {n - 1} df, p = {float(chdtrc(n - 1, statistic)):.3g}",
    )
    return replace(start, value=value, notes=notes)
