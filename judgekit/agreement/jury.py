"""A jury of judges beside its best single member, against a trusted label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from judgekit.agreement.arrays import kept_clusters
from judgekit.agreement.estimate import NO_PAIRED_ITEMS, NO_VARIATION, NOT_IDENTIFIED, undefined
from judgekit.agreement.paired import resampled, settled
from judgekit.agreement.panel import Measure, MeasureName, majority, measure_of, numbers_of, panel_of
from judgekit.agreement.ratings import Codes, Floats
from judgekit.agreement.resample import Statistic
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class Jury:
    """A jury beside its best single member.

    Args:
        jury: The jury's measure against the reference.
        best: The best member's; its choice from the same units flatters it.
        difference: Jury less best member, the best chosen anew in each resample.
        best_name: Who was best in the sample.
        members: Name -> measure.
    """

    jury: Estimate
    best: Estimate
    difference: Estimate
    best_name: str
    members: dict[str, float]


def jury_against_best(
    data: Any,
    *,
    reference: str,
    judges: Sequence[str] | None = None,
    scale: Any = None,
    aggregate: Literal["majority", "mean"] | None = None,
    measure: MeasureName | Measure | None = None,
    level: float = 0.95,
    b: int = 2000,
    seed: int = 0,
) -> Jury:
    """Is the jury closer to the reference than its best single member?

    Args:
        data: `Ratings` or raw ratings of shape (n_units, n_raters), judges and reference in columns.
        reference: Name of the trusted column.
        judges: Names of the members; all others where left out.
        scale: The declared scale of raw ratings.
        aggregate: `majority` (of equally frequent labels the one nearest the mean, then the lower) for
            nominal scales, `mean` for others, where left out.
        measure: `agreement` with the majority and Pearson's correlation with the mean, where left out.
        level: Confidence.
        b: Resamples of units (or of the ratings' clusters).
        seed: Of the resamples.

    Returns:
        Over the units that all members and the reference have, so that nobody is spared the hard ones.
    """
    panel = panel_of(data, judge=reference, humans=judges, scale=scale)
    values = panel.ratings.values
    how = aggregate or ("majority" if panel.ratings.level == "nominal" else "mean")
    of = measure_of(measure or ("agreement" if how == "majority" else "pearson"), values)
    here = (panel.judge >= 0) & (panel.humans >= 0).all(axis=1)
    blank = Estimate(
        "jury", math.nan, level=level, n_units=len(here), n_raters=1 + len(panel.names),
        n_used=int(here.sum()), n_dropped=int((~here).sum()), method=f"{how} of {len(panel.names)} judges",
    )  # fmt: skip
    if not here.any() or not len(panel.names):
        none = undefined(blank, NO_PAIRED_ITEMS if len(panel.names) else NOT_IDENTIFIED)
        return Jury(none, none, none, "", {})
    truth, members = numbers_of(panel.judge[here], values), numbers_of(panel.humans[here], values)
    votes = numbers_of(majority(panel.humans[here], values), values)
    jury = votes if how == "majority" else members.mean(axis=1)
    groups = kept_clusters(panel.ratings.clusters, here)

    def scores(index: Codes) -> Floats:
        """Of the jury, then of each member."""
        both = [jury[index], *members[index].T]
        return np.array([of(each, truth[index]) for each in both])

    found = scores(np.arange(len(truth)))
    if np.isnan(found[0]) or np.isnan(found[1:]).all():
        none = undefined(blank, NO_VARIATION)
        return Jury(none, none, none, "", dict(zip(panel.names, found[1:].tolist(), strict=True)))
    best = 1 + int(np.nanargmax(settled(found[1:])))
    flattered = "the best member was chosen on the same units, which flatters it"

    def estimate(name: str, value: float, statistic: Statistic, *notes: str) -> Estimate:
        made = replace(blank, name=name, value=float(value), notes=notes)
        return resampled(made, statistic, len(truth), seed=seed, b=b, clusters=groups)

    top = members[:, best - 1]
    return Jury(
        estimate("jury", found[0], lambda index: of(jury[index], truth[index])),
        estimate("best_judge", found[best], lambda index: of(top[index], truth[index]), flattered),
        estimate("jury_minus_best", found[0] - found[best], lambda index: _lead(scores(index)), flattered),
        panel.names[best - 1],
        dict(zip(panel.names, found[1:].tolist(), strict=True)),
    )


def _lead(scores: Floats) -> float:
    return float(scores[0] - np.nanmax(scores[1:])) if not np.isnan(scores[1:]).all() else math.nan
