"""Where a metric and a judge disagree about two systems.

For each measure: which system it says is better, with an interval over items; then how the measure's
differences rank the items beside the judge's. A conflict is a measure and a judge that are both sure,
of opposite things; the items on which they differ most are what people should look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import Clusters, aligned
from judgekit.agreement.correlation import correlation
from judgekit.agreement.intervals import clustered_mean
from judgekit.agreement.paired import magnitude, settled
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

Sign = Literal["first", "second", "undecided"]
Finding = Literal["agree", "conflict", "opposite_but_unsure", "undecided"]


@dataclass(frozen=True)
class MetricConflict:
    """One measure beside the judge.

    Args:
        measure: Its name.
        difference: First system minus second, over items.
        better: The system whose lead the interval confirms, or `undecided`.
        correlation: Rank correlation over items of its differences with the judge's.
        finding: `conflict`: both sure, of opposite things; `opposite_but_unsure`: the means point to
            different systems but an interval holds 0; `agree`: both sure of the same; else `undecided`.
        review: Items on which measure and judge point to different systems, the clearest first.
    """

    measure: str
    difference: Estimate
    better: Sign
    correlation: Estimate
    finding: Finding
    review: tuple[int, ...]


def metric_conflicts(
    first: Mapping[str, npt.ArrayLike],
    second: Mapping[str, npt.ArrayLike],
    *,
    judge: str,
    clusters: Clusters = None,
    level: float = 0.95,
    most: int = 50,
) -> tuple[MetricConflict, ...]:
    """Compare the verdict of each measure on two systems with the judge's.

    Args:
        first: Measure -> scores of the first system, shape (n_items,), higher is better; nan where missing.
        second: The same measures of the second system on the same items.
        judge: Which of the measures is the judge.
        clusters: Shape (n_items,), what items belong to.
        level: Confidence.
        most: The most items to name for review.

    Returns:
        One entry a measure, the judge's own first.

    Raises:
        InputError: If the measures differ, the judge is not among them, or the numbers of items differ.
    """
    if set(first) != set(second) or judge not in first:
        raise InputError(f"measures {sorted(first)} and {sorted(second)}; the same with {judge!r} are needed")
    differences: dict[str, Floats] = {}
    for name in [judge, *(each for each in first if each != judge)]:
        a, b = aligned(first=first[name], second=second[name])
        differences[name] = settled(a - b, magnitude(a, b))
    if len({len(d) for d in differences.values()}) > 1:
        raise InputError("measures have different numbers of items")
    mine = differences[judge]
    verdict = _difference(judge, mine, clusters, level)
    made = []
    for name, d in differences.items():
        own = verdict if name == judge else _difference(name, d, clusters, level)
        relation = correlation(mine, d, kind="spearman", level=level, clusters=clusters)
        made.append(
            MetricConflict(name, own, better(own), relation, _finding(own, verdict), _review(d, mine, most))
        )
    return tuple(made)


def better(difference: Estimate) -> Sign:
    """The system whose lead the interval confirms."""
    if difference.low > 0:
        return "first"
    return "second" if difference.high < 0 else "undecided"


def _difference(name: str, d: Floats, clusters: Clusters, level: float) -> Estimate:
    groups = None if clusters is None else np.asarray(clusters, dtype=object)
    return clustered_mean(d, groups, name=f"difference:{name}", level=level)


def _finding(own: Estimate, judge: Estimate) -> Finding:
    sure = {better(own), better(judge)}
    if sure == {"first", "second"}:
        return "conflict"
    if own.value * judge.value < 0:
        return "opposite_but_unsure"
    return "undecided" if "undecided" in sure else "agree"


def _review(d: Floats, judge: Floats, most: int) -> tuple[int, ...]:
    """Items with opposite signs, by the smaller of the two standardised differences."""
    opposite = np.flatnonzero(d * judge < 0)
    clear = np.minimum(np.abs(d) / _spread(d), np.abs(judge) / _spread(judge))
    return tuple(opposite[np.argsort(-clear[opposite], kind="stable")][:most].tolist())


def _spread(d: Floats) -> float:
    known = d[~np.isnan(d)]
    return float(np.sqrt(np.mean(known**2))) or 1.0 if len(known) else 1.0
