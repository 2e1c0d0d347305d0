"""Pairs of scores, ordered by people and by a judge: what pairwise accuracy is a mean of."""

import math
from dataclasses import dataclass

import numpy as np

from judgekit.agreement.groupings import Grouping, groups_of
from judgekit.agreement.paired import magnitude, settled
from judgekit.agreement.ratings import Codes, Floats

SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class ScorePairs:
    """Pairs of scores, sorted by how far the judge's are apart; each array has shape (n_pairs,).

    Args:
        gap: How far the judge's two scores are apart.
        before: 1 where the judge is right as long as it does not tie the pair, else 0.
        gain: What is won by tying it: 1, 0 or -1.
        group: The group a pair belongs to.
        items: The items of its two scores.
    """

    gap: Floats
    before: Floats
    gain: Floats
    group: Codes
    items: tuple[Codes, Codes]


def score_pairs(h: Floats, m: Floats, grouping: Grouping) -> ScorePairs:
    """All pairs of scores within the groups of a grouping.

    Args:
        h: Shape (n_systems, n_items), people's scores, nan where missing.
        m: The same shape, the judge's.
        grouping: As in `groupings`.
    """
    both = ~(np.isnan(h) | np.isnan(m))
    where = np.broadcast_to(np.arange(h.shape[1]), h.shape)
    size = (magnitude(h), magnitude(m))
    if grouping == "system_level":
        items = [np.zeros(h.shape[0], dtype=np.intp)]
    elif grouping == "none":
        items = [where[both]]
    elif grouping == "by_system":
        items = [w[k] for w, k in zip(where, both, strict=True)]
    else:
        items = [w[k] for w, k in zip(where.T, both.T, strict=True)]
    found = []
    for i, ((a, c), item) in enumerate(zip(groups_of(h, m, grouping), items, strict=True)):
        left, right = np.triu_indices(len(a), 1)
        sign_h = np.sign(settled(a[left] - a[right], size[0]))
        gap = settled(c[left] - c[right], size[1])
        agree = (sign_h != 0) & (np.sign(gap) == sign_h)
        gain = np.where(sign_h == 0, 1.0, np.where(agree, -1.0, 0.0))
        found.append((np.abs(gap), agree * 1.0, gain, np.full(len(left), i), item[left], item[right]))
    if not found:
        none, nobody = np.zeros(0), np.zeros(0, dtype=np.intp)
        return ScorePairs(none, none, none, nobody, (nobody, nobody))
    gap, agree, gain, group, one, two = (np.concatenate([each[k] for each in found]) for k in range(6))
    order = np.argsort(gap, kind="stable")
    return ScorePairs(gap[order], agree[order], gain[order], group[order], (one[order], two[order]))


def weights_of_pairs(pairs: ScorePairs, times: Floats | None, *, alone: bool = False) -> Floats:
    """Weight of each pair: equal within a group, each group with a pair weighing the same.

    Args:
        pairs: The pairs.
        times: How often each item was drawn, None for once.
        alone: Whether a group is one item, which is then drawn as a whole.
    """
    if not len(pairs.gap):
        return np.zeros(0)
    one, two = pairs.items
    drawn = np.ones(len(pairs.gap)) if times is None or alone else times[one] * times[two]
    total = np.bincount(pairs.group, weights=drawn)
    weight = np.divide(drawn, total[pairs.group], out=np.zeros_like(drawn), where=total[pairs.group] > 0)
    return weight if times is None or not alone else weight * times[one]


def mean_right(right: Floats, weight: Floats) -> float:
    """Weighted share of right pairs, nan where there is no weight."""
    total = weight.sum()
    return float(right @ weight / total) if total > 0 else math.nan


def right_at(pairs: ScorePairs, eps: float) -> Floats:
    """1 for each pair that the judge orders or ties as people do."""
    return pairs.before + np.where(pairs.gap <= eps + SLACK, pairs.gain, 0.0)
