"""Are the labelled units a sample of the population? What is declared, and what the data contradict.

A judge's mean can be corrected by labels only if it is known how the labelled units came about. It has to be
said; nothing here guesses it. What can be checked is whether the judge's values of the labelled units look as
those of a random sample would.
"""

import math
from typing import Literal, get_args

import numpy as np

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError

Sampling = Literal["random", "stratified", "by_label", "by_judge", "carried_over", "chosen", "unknown"]
"""How the labelled units came about.

`random`: each unit of the population was equally likely. `stratified`: so within each stratum. `by_label`: so
many of each human label. `by_judge`: by what the judge said. `carried_over`: from another population,
where the judge errs as it does here. `chosen`: otherwise (hard cases, complaints). `unknown`.
"""
OUTSIDE = 0.05
DRIFT = 1e-4


def refusal(
    sampling: Sampling,
    allowed: tuple[Sampling, ...],
    judged: Floats | None = None,
    unlabelled: Floats | None = None,
    *,
    clusters: Codes | None = None,
    clusters_u: Codes | None = None,
) -> str:
    """Why the labels cannot stand for the population; empty where nothing speaks against it."""
    if sampling not in get_args(Sampling):
        raise InputError(f"sampling {sampling!r}; there are {', '.join(get_args(Sampling))}")
    if sampling not in allowed:
        return (
            f"labelled units are {sampling!r}, not {' or '.join(map(repr, allowed))}: they say nothing of "
            "this population; draw a random sample, or label with known probabilities (active_mean)"
        )
    if judged is None or unlabelled is None or len(judged) < 2 or len(unlabelled) < 2:
        return ""
    n = len(judged) if clusters is None else len(np.unique(clusters))
    outside, most = share_outside(judged, unlabelled), most_outside(n)
    if outside > most:
        return (
            f"{outside:.0%} of the judge's values lie outside those of the labelled units, where a random "
            f"sample of {n} leaves {most:.0%} at most; level claims would be extrapolated"
        )
    if drift_p(judged, unlabelled, clusters, clusters_u) < DRIFT:
        return (
            f"the judge's mean is {judged.mean():.3g} on labelled units and {unlabelled.mean():.3g} on the "
            "others, more than chance allows: the labelled units are no random sample of them"
        )
    return ""


def share_outside(judged: Floats, unlabelled: Floats) -> float:
    """Share of the unlabelled values outside the range of the labelled ones; nan if there are none."""
    if not len(judged) or not len(unlabelled):
        return math.nan
    return float(np.mean((unlabelled < judged.min()) | (unlabelled > judged.max())))


def most_outside(n: int) -> float:
    """The share outside that is not held against a sample: 5 %, or more where n is small.

    The part of a population beyond the range of n random units is Beta(2, n - 1); its 99.9th percentile is
    above 5 % until n is about 180.
    """
    from scipy.stats import beta

    return max(OUTSIDE, float(beta.ppf(0.999, 2, n - 1))) if n > 1 else 1.0


def drift_p(
    judged: Floats, unlabelled: Floats, clusters: Codes | None = None, clusters_u: Codes | None = None
) -> float:
    """p-value for equal means of the judge's values, labelled and not, each cluster counted as one."""
    from scipy.special import ndtr

    n, m = len(judged), len(unlabelled)
    pooled = float(np.concatenate([judged, unlabelled]).mean())
    own, other = (unlabelled - pooled) / m, (judged - pooled) / n
    if clusters is None or clusters_u is None:
        variance = (np.sum((judged - pooled) ** 2) + np.sum((unlabelled - pooled) ** 2)) / (n + m)
        variance *= 1 / n + 1 / m
    else:
        size = 1 + int(max(clusters.max(), clusters_u.max()))
        sums = np.bincount(clusters_u, own, size) - np.bincount(clusters, other, size)
        variance = np.sum(sums**2)
    if variance <= 0:
        return 1.0
    return float(2 * ndtr(-abs(unlabelled.mean() - judged.mean()) / math.sqrt(variance)))
