"""Judge against people and against outcomes: signed error, severity, overconfidence, validity.

Correlation is blind to severity: a judge that adds a point to everything has r = 1. These are the numbers
that are not: how far above people it scores, whether its stated confidence is earned, and whether its
scores go with anything that happened later (a citation, a click, a sale).
"""

from dataclasses import replace
from typing import Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.core.arrays import Clusters, aligned
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import clustered_mean, normal_quantile
from judgekit.agreement.core.resample import Drawn, grid, magnitude, ratio, settled
from judgekit.errors import InputError
from judgekit.types import Estimate


def signed_error(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, clusters: Clusters = None, level: float = 0.95
) -> Estimate:
    """Mean of judge minus human score, in score points.

    Args:
        judge: Shape (n_units,), nan where missing.
        human: The human score on the same scale.
        clusters: Shape (n_units,): CR1 errors with t on clusters - 1.
        level: Confidence.

    Returns:
        Above 0 the judge is lenient, below severe.

    >>> round(signed_error([4, 5, 3, 4], [3, 4, 3, 4]).value, 2)
    0.5
    """
    x, y = aligned(judge=judge, human=human)
    groups = None if clusters is None else np.asarray(clusters, dtype=object)
    made = clustered_mean(settled(x - y, magnitude(x, y)), groups, name="signed_error", level=level)
    return replace(made, method="mean of judge minus human", n_raters=2)


def confidence_gap(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, *, clusters: Clusters = None, level: float = 0.95
) -> Estimate:
    """Mean stated confidence minus share correct; above 0 is overconfident.

    Args:
        confidence: Shape (n_units,), on [0, 1]; nan where missing.
        correct: 1 or 0, or any agreement on [0, 1].
        clusters: Shape (n_units,).
        level: Confidence of the interval.

    Raises:
        InputError: For numbers outside [0, 1] (a confidence of 8 of 10 is 0.8).
    """
    c, y = aligned(confidence=confidence, correct=correct)
    for name, x in (("confidence", c), ("correct", y)):
        if len(bad := np.flatnonzero((x < 0) | (x > 1))):
            raise InputError(f"{name}: unit {bad[0]} is {x[bad[0]]:g}; numbers from 0 to 1 are needed")
    groups = None if clusters is None else np.asarray(clusters, dtype=object)
    made = clustered_mean(settled(c - y, magnitude(c, y)), groups, name="confidence_gap", level=level)
    return replace(made, method="mean confidence minus share correct", n_raters=1)


def panel_severity(
    ratings: npt.ArrayLike, *, level: float = 0.95
) -> tuple[tuple[Estimate, ...], tuple[Estimate, ...]]:
    """Each rater's mean signed error against the others on the same units: severity without a model.

    Args:
        ratings: Shape (n_units, n_raters), numbers on one scale; nan where missing.
        level: Confidence.

    Returns:
        For each rater, as seen, and shrunk towards 0 by tau^2 / (tau^2 + se^2), tau^2 the variance of the
        true differences (method of moments): with few units an extreme rater is mostly luck. Above 0 is
        lenient.
    """
    x = grid(ratings, "ratings")
    there = ~np.isnan(x)
    filled = np.where(there, x, 0.0)
    others = there.sum(axis=1, keepdims=True) - there
    panel = ratio(filled.sum(axis=1, keepdims=True) - filled, others.astype(float))
    seen = []
    for j in range(x.shape[1]):
        made = clustered_mean(np.where(there[:, j], x[:, j] - panel[:, j], np.nan), level=level)
        made = replace(made, name=f"leniency:{j}", method="own minus the others' mean", n_raters=x.shape[1])
        alone = x.shape[1] < 2
        seen.append(undefined(made, Status.NEEDS_TWO_RATERS) if alone else made)
    return tuple(seen), tuple(_shrunk(seen, level))


def _shrunk(seen: list[Estimate], level: float) -> list[Estimate]:
    known = [each for each in seen if each.se > 0]
    spread = float(np.var([e.value for e in known], ddof=1)) if len(known) > 1 else float("nan")
    tau2 = max(spread - float(np.mean([e.se**2 for e in known])), 0.0) if len(known) > 1 else float("nan")
    made = []
    for each in seen:
        named = replace(each, method=f"{each.method}, shrunk with tau^2 = {tau2:.3g}")
        if not each.se > 0 or np.isnan(tau2):
            made.append(
                undefined(
                    named, each.status if each.status.startswith("undefined") else Status.NEEDS_TWO_RATERS
                )
            )
            continue
        keep = tau2 / (tau2 + each.se**2)
        value, se = keep * each.value, float(np.sqrt(keep)) * each.se
        half = normal_quantile(level) * se
        made.append(
            replace(
                named, value=value, se=se, low=value - half, high=value + half, interval="empirical_bayes"
            )
        )
    return made


def criterion_validity(
    score: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    kind: Literal["spearman", "pearson", "tau_b", "auc"] = "spearman",
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Estimate:
    """Does the score go with something outside the judging: a citation count, a click, an exam?

    Args:
        score: Shape (n_units,), the judge's; nan where missing.
        outcome: Any column of numbers; 0 and 1 for `auc`.
        kind: The coefficient; `auc` is the chance that a unit with the outcome scores above one without.
        clusters: Shape (n_units,).
        how: Level, seed and number of resamples: see `Drawn`.

    Raises:
        InputError: For `auc` with an outcome that is neither 0 nor 1.

    >>> criterion_validity([1, 2, 3, 4], [0, 0, 1, 1], kind="auc").value
    1.0
    """
    x, y = aligned(score=score, outcome=outcome)
    if kind != "auc":
        made = correlation(x, y, kind=kind, clusters=clusters, **how)
        return replace(made, name=f"criterion_validity:{kind}", n_raters=1)
    if len(bad := np.flatnonzero(~(np.isnan(y) | (y == 0) | (y == 1)))):
        raise InputError(f"outcome: unit {bad[0]} is {y[bad[0]]:g}; 0 or 1 is needed for auc")
    d = correlation(y, x, kind="somers_d", clusters=clusters, **how)
    return replace(
        d, name="criterion_validity:auc", method="(somers_d + 1) / 2", value=(d.value + 1) / 2,
        low=(d.low + 1) / 2, high=(d.high + 1) / 2, se=d.se / 2, n_raters=1,
    )  # fmt: skip
