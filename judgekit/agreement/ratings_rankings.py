"""Ratings against rankings: does a judge that scores responses alone say the same when it compares them?

A rating of each response implies a verdict on the pair: higher, equal or lower. Consistency is the share
of pairs in which that verdict is the one of the ranking; decisive agreement leaves the ties out, since much
of the disagreement is a rating's ties.

Source: Bansal et al. (2023), "Peering Through Preferences", arXiv 2308.15812.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import Clusters, aligned, kept_clusters
from judgekit.agreement.intervals import clustered_mean, rate
from judgekit.agreement.paired import magnitude, settled
from judgekit.agreement.ratings import Floats
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
    """The verdict that two ratings imply: 1 the first is higher, 0.5 equal, 0 lower; nan if one is missing.

    >>> implied([4, 3, 2, None], [3, 3, 5, 1]).tolist()
    [1.0, 0.5, 0.0, nan]
    """
    a, b = aligned(first=first, second=second)
    return np.asarray((np.sign(settled(a - b, size=magnitude(a, b))) + 1) / 2, dtype=float)


def reconciled(one: npt.ArrayLike, other: npt.ArrayLike) -> Floats:
    """One verdict from both orders, told by response: theirs if they agree, else a tie; nan if one lacks.

    Args:
        one: Shape (n_pairs,), 1 the item's first response wins, 0 its second, 0.5 a tie.
        other: The same from the other order, told by response too.

    >>> reconciled([1, 1, 0], [1, 0, 0]).tolist()
    [1.0, 0.5, 0.0]
    """
    a, b = aligned(one=one, other=other)
    return np.where(np.isnan(a) | np.isnan(b), np.nan, np.where(a == b, a, 0.5))


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
        ranking: 1 the first is preferred, 0 the second, 0.5 equal; nan where missing. Two orders are brought
            together by `reconciled`.
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
        tuple(tuple(row) for row in table.tolist()),
        share_of(everything, a == b, "consistency"),
        share_of(decided, a == b, "decisive_agreement"),
        share_of(everything, a == 0.5, "rating_tie_rate"),
        share_of(everything, b == 0.5, "ranking_tie_rate"),
        by_rating,
        by_ranking,
        bool((by_rating.value - 0.5) * (by_ranking.value - 0.5) < 0),
        bool(min(by_rating.high, by_ranking.high) < 0.5 < max(by_rating.low, by_ranking.low)),
    )


def _groups(clusters: Clusters) -> npt.NDArray[np.object_] | None:
    return None if clusters is None else np.asarray(clusters, dtype=object)
