"""Rankings: ratings against them, raters' orders with each other (Kendall's W), two from their tops (RBO).

Two ratings imply a verdict on the pair: consistency is how often it is the ranking's; decisive agreement
leaves the ties out, which much of the disagreement is (Bansal et al. 2023, arXiv 2308.15812). Rank-biased
overlap is what a reader who goes on with probability `p` expects two rankings to share.
"""

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.groupings import groups_of
from judgekit.agreement.core.arrays import Clusters, aligned, grids, kept_clusters, magnitude, settled
from judgekit.agreement.core.estimate import Status, about, undefined, unusable
from judgekit.agreement.core.intervals import clustered_mean, rate
from judgekit.agreement.core.ratings import Codes, Floats, given_numbers
from judgekit.agreement.core.resample import Drawn, resampled, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True)
class Consistency:
    """Ratings beside rankings, on the same pairs.

    Args:
        table: Shape (3, 3): pairs by what the ratings imply (row) and the ranking says (column), in the order
            first, tie, second; `consistency` is the share on the diagonal.
        decisive: Share that agrees among pairs without a tie on either side.
        rating_wins: Win rate of the first response by ratings, a tie one half, on all rated pairs.
        reversal: The two win rates lie on different sides of one half; `reversal_certain`: so do their
            intervals.
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
        first: Shape (n_pairs,), the rating of the first response, as `second`; nan where missing.
        ranking: 1 the first is preferred, 0 the second, 0.5 equal, or where two orders differ; nan where
            missing.
        clusters: Shape (n_pairs,), what pairs belong to; intervals are then CR1.

    Returns consistency over the pairs that have both; each win rate over the pairs that have its own.
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
        replace(clustered_mean(x, clusters, name=name, level=level), unit="pair", method="win rate")
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


def concordance_of_ranks(numbers: Floats) -> float:
    """Return Kendall's W of numbers (n_units, n_raters), with its correction for ties."""
    # Source: Kendall and Babington Smith (1939), Annals of Mathematical Statistics 10; ties as in Siegel and
    # Castellan (1988). Checked against scipy's Friedman statistic, which is m (n - 1) W.
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
        ratings: `Ratings`, or numbers of shape (n_units, n_raters), which need no `scale`; a unit that a
            rater did not rate is left out and counted. Rows are what is ranked: systems, responses, items.

    The value is from 0 to 1, without an interval. The notes give the test of no concordance (chi-square with
    n - 1 degrees of freedom, which is rough for fewer than 8 units) and the mean of Spearman's rho over pairs
    of raters, (m W - 1) / (m - 1). Raises `InputError` for a wrong shape, infinity, or a nominal scale.

    >>> kendall_w([[1, 1, 2], [2, 3, 1], [3, 2, 3]]).notes
    ('mean Spearman correlation of two raters 0.167', 'chi-square 2.667 on 2 df, p = 0.264')
    """
    from scipy.special import chdtrc

    x = given_numbers(ratings, scale)
    rated = ~np.isnan(x)
    used = rated.all(axis=1)
    n, m = int(used.sum()), x.shape[1]
    start = about("kendall_w", n, len(x), n_raters=m, method="Kendall's W, corrected for ties")
    if reason := unusable(rated, n):
        return undefined(start, reason)
    value = concordance_of_ranks(x[used])
    if np.isnan(value):
        return undefined(start, Status.NO_VARIATION)
    statistic = m * (n - 1) * value
    notes = (
        f"mean Spearman correlation of two raters {(m * value - 1) / (m - 1):.3f}",
        f"chi-square {statistic:.3f} on {n - 1} df, p = {float(chdtrc(n - 1, statistic)):.3g}",
    )
    return replace(start, value=value, notes=notes)


Ties = Literal["refuse", "w", "a", "b"]
Ranking = Sequence[Any]
"""Items, best first; a set, frozenset or tuple holds items that share a place."""


def rbo_ext(first: Ranking, second: Ranking, *, p: float = 0.9, ties: Ties = "refuse") -> float:
    """Return rank-biased overlap, extrapolated beyond the depth that was seen."""
    # Source: Webber, Moffat and Zobel (2010), "A similarity measure for indefinite rankings", equation 30,
    # https://doi.org/10.1145/1852102.1852106; with ties Corsi and Urbano (2024), "The Treatment of Ties in
    # Rank-Biased Overlap", https://arxiv.org/abs/2406.07121. Checked against their published test values, and
    # for `a` against the mean over all orders.
    shares = _agreements(first, second, p, ties)
    if not len(shares):
        return math.nan
    depth = np.arange(1, len(shares) + 1)
    return float((1 - p) * (shares * p ** (depth - 1)).sum() + shares[-1] * p ** len(shares))


def ranking_overlap(
    human: npt.ArrayLike, metric: npt.ArrayLike, *, p: float = 0.9, ties: Ties = "w", **how: Unpack[Drawn]
) -> Estimate:
    """Overlap of the orders of systems by people's and by the judge's mean scores.

    Args:
        human: Shape (n_systems, n_items), as `metric`, nan where missing; means are over the items that have
            both.
        p: Persistence; the share of the weight in the first three places is in the notes.
        ties: What equal means mean. `w`: these systems hold one place, the first of theirs. `a`: their order
            is unknown, and the value is the mean over all orders. `b`: as `a`, so corrected that a ranking
            agrees fully with itself. `refuse`: no value.

    Returns nan with a status where no system has both scores, or where ties are refused and there are some.
    """
    draw = resampling(how)
    h, m = grids(human, metric)
    both = ~(np.isnan(h) | np.isnan(m))
    estimate = about(
        "rbo_ext", both.sum(), h.size, level=draw.level, n_raters=2, unit="item",
        method=f"p = {p:g}, ties {ties}",
        notes=(f"{top_weight(p, 3):.0%} of the weight is in the first three places", "systems fixed"),
    )  # fmt: skip

    def overlap(items: Codes) -> float:
        means = groups_of(h[:, items], m[:, items], "system_level")[0]
        orders = [_order(each) for each in means]
        tied = any(len(group) > 1 for order in orders for group in order)
        return math.nan if ties == "refuse" and tied else rbo_ext(*orders, p=p, ties=ties)

    value = overlap(np.arange(h.shape[1]))
    if math.isnan(value):
        return undefined(estimate, Status.NOT_IDENTIFIED if both.any() else Status.NO_PAIRED_ITEMS)
    return resampled(replace(estimate, value=value), overlap, h.shape[1], draw, kind="percentile")


def _order(means: Floats) -> list[frozenset[int]]:
    """Systems by falling mean, equal means together."""
    place = np.unique(-settled(means), return_inverse=True)[1]
    return [frozenset(np.flatnonzero(place == k).tolist()) for k in range(int(place.max(initial=-1)) + 1)]


def top_weight(p: float, depth: int) -> float:
    """Return the share of the weight that the first `depth` places have (Webber et al. 2010, equation 21)."""
    _persistence(p)
    d = np.arange(1, depth)
    tail = -math.log(1 - p) - float((p**d / d).sum())
    return float(1 - p ** (depth - 1) + (1 - p) / p * depth * tail)


def _agreements(first: Ranking, second: Ranking, p: float, ties: Ties) -> Floats:
    """A_d for d = 1 .. length of the rankings."""
    _persistence(p)
    if ties not in {"refuse", "w", "a", "b"}:
        raise InputError(f"unknown treatment of ties {ties!r}; there are refuse, w, a, b")
    groups = [[_items(each) for each in ranking] for ranking in (first, second)]
    if ties == "refuse" and any(len(group) > 1 for ranking in groups for group in ranking):
        raise InputError('the rankings have ties; say what they mean with ties="w", "a" or "b"')
    sizes = [sum(map(len, ranking)) for ranking in groups]
    if sizes[0] != sizes[1]:
        raise InputError(f"the rankings hold {sizes[0]} and {sizes[1]} items; cut them to one length")
    shown = [_shown(ranking, sizes[0], whole=ties == "w") for ranking in groups]
    items = shown[0].keys() & shown[1].keys()
    nothing = np.zeros(sizes[0])
    common = sum((shown[0][item] * shown[1][item] for item in sorted(items, key=repr)), start=nothing)
    if ties == "b":
        lengths = [np.sqrt(sum((row**2 for row in each.values()), start=nothing)) for each in shown]
        return np.asarray(common / (lengths[0] * lengths[1]), dtype=float)
    if ties == "w":
        return np.asarray(2 * common / (_active(shown[0], nothing) + _active(shown[1], nothing)), dtype=float)
    return np.asarray(common / np.arange(1, sizes[0] + 1), dtype=float)


def _shown(ranking: list[list[Any]], length: int, *, whole: bool) -> dict[Any, Floats]:
    """Item -> how much of it is seen at each depth: none, the group's share of places, or all."""
    shown: dict[Any, Floats] = {}
    depth, top = np.arange(1, length + 1), 1
    for group in ranking:
        part = np.clip((depth - top + 1) / (1 if whole else len(group)), 0.0, 1.0)
        for item in group:
            if item in shown:
                raise InputError(f"item {item!r} stands twice in a ranking")
            shown[item] = part
        top += len(group)
    return shown


def _active(shown: dict[Any, Floats], nothing: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(sum(shown.values(), start=nothing), dtype=float)


def _items(entry: Any) -> list[Any]:
    if isinstance(entry, AbstractSet | tuple):
        group: Iterable[Any] = entry
        return list(group)
    return [entry]


def _persistence(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise InputError(f"p must lie between 0 and 1, got {p}")
