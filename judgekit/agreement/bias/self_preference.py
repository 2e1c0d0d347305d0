"""Self-preference: does a judge favour its own family beyond what people find better?

A judge that prefers its own responses may be right. Without human labels quality and favour cannot be told
apart, and the answer is `undefined:not_identified`, never a bias. Which system is whose family is the
caller's to say.
"""

from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import Clusters, aligned, kept_clusters
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.regress import coefficient, least_squares, logistic
from judgekit.agreement.core.resample import Drawn, by_sums, ratio, resampling, value_of
from judgekit.types import Estimate

WHY = "no human labels: being better and being favoured look the same"


def self_preference(
    judge: npt.ArrayLike,
    own: npt.ArrayLike,
    human: npt.ArrayLike | None = None,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """Judge minus human score on its own family's responses, less the same on others'.

    Args:
        judge: Shape (n,), scores; nan where missing.
        own: 1 for a response of the judge's family, 0 for another.
        human: Scores of people on the same scale.
        clusters: What responses belong to (the item).
        level: Confidence.

    Returns:
        Score points; 0: it is as lenient with its own as with others.
    """
    base = Estimate("self_preference", float("nan"), level=level, method="signed error, own minus others")
    columns, kept, base = _prepared(base, judge, own, human)
    if len(columns) == 0 or len(np.unique(columns[:, 1])) < 2:
        return undefined(
            base, Status.NOT_IDENTIFIED, WHY if human is None else "own and other responses are needed"
        )
    x = np.column_stack([columns[:, 1], np.ones(len(columns))])
    groups = kept_clusters(clusters, kept)
    return coefficient(base, least_squares(x, columns[:, 0] - columns[:, 2], groups), 0)


def self_preference_in_pairs(
    prefers_own: npt.ArrayLike,
    human_margin: npt.ArrayLike | None = None,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> Estimate:
    """Gamma of logit P(judge prefers its own) = b human_margin + gamma, in logits.

    Args:
        prefers_own: Shape (n_pairs,) of an own and another's response: 1 own wins, 0 other wins, 0.5 a tie.
        human_margin: How much people prefer the own response; 0 where equal.
        clusters: What pairs belong to.
        level: Confidence.
    """
    base = Estimate("self_preference_logit", float("nan"), level=level, unit="pair", method="logit")
    columns, kept, base = _prepared(base, prefers_own, prefers_own, human_margin)
    if len(columns) == 0:
        return undefined(base, Status.NOT_IDENTIFIED, WHY if human_margin is None else "no complete pairs")
    x = np.column_stack([columns[:, 2], np.ones(len(columns))])
    return coefficient(base, logistic(x, columns[:, 0], kept_clusters(clusters, kept)), 1)


def equal_opportunity(
    prefers_own: npt.ArrayLike,
    human_prefers_own: npt.ArrayLike | None = None,
    *,
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """P(judge: own | people: own) - P(judge: other | people: other).

    Args:
        prefers_own: Shape (n_pairs,), above 0.5 where the judge prefers its own, below where the other.
        human_prefers_own: The same of people; ties are left out.
        how: Level, seed and number of resamples: see `Drawn`.
        clusters: What pairs belong to.

    Returns:
        From -1 to 1; above 0 it misses fewer wins of its own than of others.

    Source:
        Wataoka et al. (2024), arXiv 2410.21819.
    """
    draw = resampling(how)
    base = Estimate(
        "equal_opportunity", float("nan"), level=draw.level, unit="pair", method="difference of recalls"
    )
    columns, kept, base = _prepared(base, prefers_own, prefers_own, human_prefers_own)
    if human_prefers_own is None or len(columns) == 0:
        return undefined(base, Status.NOT_IDENTIFIED, WHY)
    judged, people = columns[:, 0], columns[:, 2]
    own, other = people > 0.5, people < 0.5
    flat = np.column_stack([own * (judged > 0.5), own, other * (judged < 0.5), other]).astype(float)

    def of(sums: Floats) -> Floats:
        return ratio(sums[:, 0], sums[:, 1]) - ratio(sums[:, 2], sums[:, 3])

    value = value_of(of, flat)
    if np.isnan(value):
        return undefined(
            base, Status.NOT_IDENTIFIED, "people must prefer own responses in some pairs and others in some"
        )
    groups = kept_clusters(clusters, kept)
    return by_sums(replace(base, value=value), flat, of, draw.over(groups))


def _prepared(
    base: Estimate, judge: npt.ArrayLike, own: npt.ArrayLike, human: npt.ArrayLike | None
) -> tuple[Floats, npt.NDArray[np.bool_], Estimate]:
    x, mine = aligned(judge=judge, own=own)
    people = np.full(len(x), np.nan) if human is None else aligned(judge=judge, human=human)[1]
    columns = np.column_stack([x, mine, people])
    kept = ~np.any(np.isnan(columns), axis=1)
    n = int(kept.sum())
    return columns[kept], kept, replace(
        base, n_units=len(x), n_raters=1, n_used=n, n_dropped=len(x) - n
    )  # fmt: skip
