"""Severity: how far above people a judge scores, and how often one of right and wrong says "correct" anyway.

Leniency is by a model (Thakur et al., 2024, arXiv 2406.12624): with probability P_c a judge does what people
do, else it says "correct" with probability P_+ whatever the answer. Then P_c = TPR - FPR (Youden's J) and P_+
= FPR / (1 - P_c), above one half lenient, below strict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import correlation, spearman
from judgekit.agreement.core.arrays import Clusters, aligned, grid, kept_clusters, magnitude, settled
from judgekit.agreement.core.estimate import Status, about, flagged, undefined
from judgekit.agreement.core.intervals import clustered_mean, normal_quantile
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Drawn, OfSums, Resampling, by_sums, ratio, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


def signed_error(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, clusters: Clusters = None, level: float = 0.95
) -> Estimate:
    """Mean of judge minus human score (n_units,), in score points; nan where missing.

    Above 0 the judge is lenient, below severe; with clusters errors are CR1 with t on clusters - 1.

    >>> round(signed_error([4, 5, 3, 4], [3, 4, 3, 4]).value, 2)
    0.5
    """
    x, y = aligned(judge=judge, human=human)
    made = clustered_mean(settled(x - y, magnitude(x, y)), clusters, name="signed_error", level=level)
    return replace(made, method="mean of judge minus human", n_raters=2)


def confidence_gap(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, *, clusters: Clusters = None, level: float = 0.95
) -> Estimate:
    """Mean stated confidence minus share correct; above 0 is overconfident.

    Both have shape (n_units,), nan where missing: a confidence on [0, 1] (8 of 10 is 0.8), and 1 or 0, or any
    agreement on [0, 1]; other numbers are an `InputError`.
    """
    c, y = aligned(confidence=confidence, correct=correct)
    for name, x in (("confidence", c), ("correct", y)):
        if len(bad := np.flatnonzero((x < 0) | (x > 1))):
            raise InputError(f"{name}: unit {bad[0]} is {x[bad[0]]:g}; numbers from 0 to 1 are needed")
    made = clustered_mean(settled(c - y, magnitude(c, y)), clusters, name="confidence_gap", level=level)
    return replace(made, method="mean confidence minus share correct", n_raters=1)


def panel_severity(
    ratings: npt.ArrayLike, *, level: float = 0.95
) -> tuple[tuple[Estimate, ...], tuple[Estimate, ...]]:
    """Each rater's mean signed error against the others on the same units: severity without a model.

    `ratings` are numbers on one scale (n_units, n_raters), nan where missing. Returns the error of each
    rater, as seen, and shrunk towards 0 by tau^2 / (tau^2 + se^2), tau^2 the variance of the true differences
    (method of moments): with few units an extreme rater is mostly luck. Above 0 is lenient.
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
            why = each.status if each.status.startswith("undefined") else Status.NEEDS_TWO_RATERS
            made.append(undefined(named, why))
            continue
        keep = tau2 / (tau2 + each.se**2)
        value, se = keep * each.value, float(np.sqrt(keep)) * each.se
        half = normal_quantile(level) * se
        found = replace(named, value=value, low=value - half, high=value + half, se=se)
        made.append(replace(found, interval="empirical_bayes"))
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
        outcome: Any column of numbers; 0 and 1 for `auc`, or an `InputError`.
        kind: The coefficient; `auc` is the chance that a unit with the outcome scores above one without.

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


FEW = 10


def leniency_model(tpr: float, fpr: float) -> tuple[float, float]:
    """P_c and P_+ from the true and the false positive rate."""
    p_c, p_plus = _model(np.array([tpr]), np.array([fpr]))
    return float(p_c[0]), float(p_plus[0])


def _model(tpr: Floats, fpr: Floats) -> tuple[Floats, Floats]:
    j = tpr - fpr
    j = np.where(j >= -1e-12, np.maximum(j, 0.0), np.nan)
    return j, np.where(j < 1 - 1e-12, fpr / np.where(j < 1 - 1e-12, 1 - j, 1.0), np.nan)


def leniency(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]
) -> tuple[Estimate, Estimate]:
    """P_c and P_+ with intervals by resampling units.

    `judge` and `human` have shape (n_units,): 1 correct, 0 incorrect; nan where a reply could not be read,
    which is no "incorrect" and is dropped and counted. Another label is an `InputError`. Returns
    `leniency_p_c` and `leniency_p_plus`. Not identified where people use one label only, or TPR < FPR; P_+
    also where P_c is 1. `unstable:few_minority` below 10 units of the rarer human label.
    """
    draw = resampling(how)
    x, y = _labels(judge, human)
    kept = ~(np.isnan(x) | np.isnan(y))
    x, y = x[kept], y[kept]
    columns = np.column_stack([x * y, y, x * (1 - y), 1 - y])
    base = about("leniency_p_c", len(x), len(kept), level=draw.level, n_raters=2, method="TPR - FPR")
    plus = replace(base, name="leniency_p_plus", method="FPR / (1 - P_c)")
    rarer = int(min(y.sum(), len(y) - y.sum())) if len(y) else 0
    if rarer == 0:
        why = "people said the same of every unit"
        return undefined(base, Status.NO_VARIATION, why), undefined(plus, Status.NO_VARIATION, why)

    def rates(sums: Floats) -> tuple[Floats, Floats]:
        return _model(ratio(sums[:, 0], sums[:, 1]), ratio(sums[:, 2], sums[:, 3]))

    formulas: tuple[tuple[Estimate, OfSums], ...] = (
        (base, lambda sums: rates(sums)[0]),
        (plus, lambda sums: rates(sums)[1]),
    )
    groups = kept_clusters(clusters, kept)
    made = [_filled(each, of, columns, groups, draw) for each, of in formulas]
    if rarer < FEW:
        note = f"{rarer} units of the rarer human label"
        made = [
            each if np.isnan(each.value) else flagged(each, Status.FEW_MINORITY, (note,)) for each in made
        ]
    return made[0], made[1]


def _filled(base: Estimate, of: OfSums, columns: Floats, groups: Codes | None, draw: Resampling) -> Estimate:
    s = columns.sum(axis=0)
    worse = base.name == "leniency_p_c" or np.isnan(leniency_model(s[0] / s[1], s[2] / s[3])[0])
    why = "TPR is below FPR: worse than chance" if worse else "P_c is 1: it never guesses"
    return by_sums(base, columns, of, draw.over(groups), none=(Status.NOT_IDENTIFIED, why))


@dataclass(frozen=True)
class Gaps:
    """Scores of systems by the judge and by people: shares of correct.

    `gaps` are the judge's minus people's, paired by unit; `spearman` is over systems, nan for fewer than two,
    or ties only.
    """

    gaps: Mapping[str, Estimate]
    mean_absolute: float
    spearman: float
    judge: Mapping[str, float]
    human: Mapping[str, float]


def system_gaps(
    judge: npt.ArrayLike, human: npt.ArrayLike, systems: Sequence[Any], *, level: float = 0.95
) -> Gaps:
    """How far the judge's score of each system is from people's, and whether it ranks them as people do.

    A lexical rule may rank perfectly with large gaps; an agreeable judge may have small gaps and rank badly.
    Labels as in `leniency`; `systems` (n_units,) says whose answer it was.
    """
    x, y = _labels(judge, human)
    codes = coded_clusters(systems, len(x))
    kept = ~(np.isnan(x) | np.isnan(y))
    scores: dict[str, tuple[float, float]] = {}
    gaps: dict[str, Estimate] = {}
    for code, name in (
        {} if codes is None else dict(zip(codes.tolist(), map(str, systems), strict=True)).items()
    ):
        mine = codes == code
        gaps[name] = clustered_mean(np.where(kept, x - y, np.nan)[mine], name="score_gap", level=level)
        used = mine & kept
        scores[name] = (float(x[used].mean()), float(y[used].mean())) if used.any() else (np.nan, np.nan)
    values = np.array([gap.value for gap in gaps.values()])
    table = np.array(list(scores.values())).reshape(-1, 2)
    table = table[~np.isnan(table).any(axis=1)]
    return Gaps(
        gaps,
        float(np.nanmean(np.abs(values))) if np.any(~np.isnan(values)) else float("nan"),
        spearman(table[:, 0], table[:, 1]) if len(table) > 1 else float("nan"),
        {name: pair[0] for name, pair in scores.items()},
        {name: pair[1] for name, pair in scores.items()},
    )


def _labels(judge: npt.ArrayLike, human: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = aligned(judge=judge, human=human)
    for name, column in (("judge", x), ("human", y)):
        if len(bad := np.flatnonzero(~(np.isnan(column) | (column == 0) | (column == 1)))):
            raise InputError(f"{name}: unit {bad[0]} is {column[bad[0]]:g}; 1 (correct) or 0 is needed")
    return x, y
