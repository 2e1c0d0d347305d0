"""Leniency of a judge of right and wrong: how often it applies the criterion, and what it says otherwise.

With probability P_c the judge does what people do; otherwise it says "correct" with probability P_+ whatever
the answer. Then TPR = P_c + (1 - P_c) P_+ and FPR = (1 - P_c) P_+, so P_c = TPR - FPR (Youden's J) and
P_+ = FPR / (1 - P_c). P_+ above one half is lenient, below strict.

Source: Thakur et al. (2024), "Judging the Judges", arXiv 2406.12624.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import spearman
from judgekit.agreement.core.arrays import Clusters, aligned, kept_clusters
from judgekit.agreement.core.estimate import Status, flagged, undefined
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Drawn, OfSums, Resampling, by_sums, ratio, resampling, value_of
from judgekit.errors import InputError
from judgekit.types import Estimate

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

    Args:
        judge: Shape (n_units,), 1 correct, 0 incorrect; nan where the reply could not be read, which is no
            "incorrect" and is dropped and counted.
        human: The same of people.
        how: Level, seed and number of resamples: see `Drawn`.
        clusters: Shape (n_units,).

    Returns:
        `leniency_p_c` and `leniency_p_plus`. Not identified where people use one label only, or TPR < FPR;
        P_+ also where P_c is 1. `unstable:few_minority` below 10 units of the rarer human label.

    Raises:
        InputError: For a label that is neither 0 nor 1.
    """
    draw = resampling(how)
    x, y = _labels(judge, human)
    kept = ~(np.isnan(x) | np.isnan(y))
    x, y = x[kept], y[kept]
    columns = np.column_stack([x * y, y, x * (1 - y), 1 - y])
    base = Estimate(
        "leniency_p_c", float("nan"), level=draw.level, n_units=len(kept), n_raters=2, n_used=len(x),
        n_dropped=int((~kept).sum()), method="TPR - FPR",
    )  # fmt: skip
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
    value = value_of(of, columns)
    if np.isnan(value):
        worse = base.name == "leniency_p_c" or np.isnan(_p_c(columns))
        why = "TPR is below FPR: worse than chance" if worse else "P_c is 1: it never guesses"
        return undefined(base, Status.NOT_IDENTIFIED, why)
    return by_sums(replace(base, value=value), columns, of, draw.over(groups))


def _p_c(columns: Floats) -> float:
    s = columns.sum(axis=0)
    return leniency_model(float(s[0] / s[1]), float(s[2] / s[3]))[0]


@dataclass(frozen=True)
class Gaps:
    """Scores of systems by the judge and by people.

    Args:
        gaps: System -> judge's share of correct minus people's, paired by unit.
        mean_absolute: Mean of the absolute gaps.
        spearman: Rank correlation of the two scores over systems; nan for fewer than two, or ties only.
        judge: System -> the judge's share of correct.
        human: System -> people's.
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

    Args:
        judge: Shape (n_units,), 1 correct, 0 incorrect, nan missing.
        human: The same of people.
        systems: Shape (n_units,), whose answer it was.
        level: Confidence of the gaps' intervals.
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
