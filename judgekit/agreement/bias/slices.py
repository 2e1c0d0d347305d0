"""The same statistic in parts of the data, and where a metric and a judge disagree about two systems.

Looking through slices finds something odd by chance: each is tested against the rest, the p-values are
adjusted over all slices tested, and one with few units is not tested. A conflict is a measure and a judge
that are both sure, of opposite things.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.core.arrays import Clusters, aligned, magnitude, settled
from judgekit.agreement.core.estimate import Status, is_defined, undefined
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.multiplicity import Method, adjust
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError
from judgekit.types import Estimate

LEAST = 30
Measure = Callable[[Codes], Estimate]
"""From the indices of units to the estimate for them, with its standard error."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice beside the rest; the estimate has no value where it has too few units.

    `difference` is slice minus rest, nan where either is undefined, `p` its two-sided p-value, nan where it
    was not tested, `p_adjusted` over all slices tested; `flagged`: the slice differs from the rest.
    """

    name: Hashable
    n: int
    estimate: Estimate
    rest: Estimate
    difference: float
    p: float
    p_adjusted: float
    flagged: bool


def by_slice(
    groups: Sequence[Hashable],
    measure: Measure,
    *,
    least: int = LEAST,
    q: float = 0.05,
    method: Method = "bh",
) -> tuple[Slice, ...]:
    """A statistic in each slice, tested against the rest.

    The test is Welch's: the difference over the root of the two squared standard errors, with as many degrees
    of freedom as the smaller side has units with a value, less one.

    Args:
        groups: The slice of each unit; None where it is in none (it still belongs to the rest).
        measure: Gives the estimate for some units. Its `se` and `n_used` are what the test uses.
        least: Slices with fewer units (2 at least), or fewer that have a value, are shown by name only.
        q: A slice is flagged where its adjusted p-value is at most this.
        method: `bh` for looking through slices; `holm` for a family of gates.

    Returns one entry a slice, in order of first appearance.
    """
    if least < 2:
        raise InputError(f"least {least}; a slice needs 2 units at least")
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(i)
    everyone = np.arange(len(groups))
    sides = [
        (name, np.array(rows, dtype=np.intp), np.delete(everyone, rows)) for name, rows in members.items()
    ]
    pairs = [(_told(measure, x, least), _told(measure, rest, least)) for _, x, rest in sides]
    p = [_p_value(a, b) for a, b in pairs]
    adjusted = adjust(p, method=method).tolist()
    return tuple(
        Slice(
            name=name,
            n=len(x),
            estimate=a,
            rest=b,
            difference=a.value - b.value,
            p=p_,
            p_adjusted=adjusted_,
            flagged=adjusted_ <= q,
        )
        for (name, x, _), (a, b), p_, adjusted_ in zip(sides, pairs, p, adjusted, strict=True)
    )


def _told(measure: Measure, units: Codes, least: int) -> Estimate:
    """The statistic of these units, if enough of them have a value."""
    n = len(units)
    found = measure(units) if n >= least else Estimate("", math.nan, n_units=n, n_used=n)
    if found.n_used >= least:
        return found
    return undefined(found, Status.TOO_FEW, f"{found.n_used} units; a slice needs {least}")


def _p_value(a: Estimate, b: Estimate) -> float:
    from scipy.stats import t

    if not (is_defined(a) and is_defined(b)) or not a.se**2 + b.se**2 > 0:
        return math.nan
    df = min(a.n_used, b.n_used) - 1
    return float(2 * t.sf(abs(a.value - b.value) / math.hypot(a.se, b.se), df))


Sign = Literal["first", "second", "undecided"]
Finding = Literal["agree", "conflict", "opposite_but_unsure", "undecided"]


@dataclass(frozen=True)
class MetricConflict:
    """One measure beside the judge.

    Args:
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
    """Compare the verdict of each measure on two systems with the judge's, which comes first.

    Args:
        first: Measure -> scores of the first system, shape (n_items,), higher is better; nan where missing.
        second: The same measures of the second system on the same items.
        judge: Which of the measures is the judge.
        most: The most items to name for review.

    Raises `InputError` if the measures differ, the judge is not among them, or the numbers of items differ.
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
    leads = {
        name: clustered_mean(d, clusters, name=f"difference:{name}", level=level)
        for name, d in differences.items()
    }
    verdict = leads[judge]
    made = []
    for name, d in differences.items():
        own = leads[name]
        relation = correlation(mine, d, kind="spearman", level=level, clusters=clusters)
        made.append(
            MetricConflict(
                measure=name,
                difference=own,
                better=better(own),
                correlation=relation,
                finding=_finding(own, verdict),
                review=_review(d, mine, most),
            )
        )
    return tuple(made)


def better(difference: Estimate) -> Sign:
    """The system whose lead the interval confirms."""
    if difference.low > 0:
        return "first"
    return "second" if difference.high < 0 else "undecided"


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
