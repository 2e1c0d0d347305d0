"""Correlations from sums: what is kept of each two judges when their verdicts are not.

Six numbers for each pair of judges and each stratum; means are taken out within strata, so that a criterion
on which all are generous makes nobody alike.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

VARIES = 1e-9
"""Variance on [0, 1] below which verdicts are all the same but for rounding."""
Pair = tuple[str, str]
Stratum = tuple[str, int, str]
"""Criterion, how many responses a unit has, and on a nominal scale the label."""
Sums = dict[Pair, dict[Stratum, list[float]]]
"""Of each two judges: n, x, y, xx, yy, xy."""


def count(sums: list[float], x: float, y: float) -> None:
    """Add a unit to (n, x, y, xx, yy, xy)."""
    sums[0] += 1.0
    sums[1] += x
    sums[2] += y
    sums[3] += x * x
    sums[4] += y * y
    sums[5] += x * y


def merged(groups: Iterable[Sums]) -> Sums:
    """The sums of all groups."""
    whole: Sums = {}
    for group in groups:
        for pair, strata in group.items():
            mine = whole.setdefault(pair, {})
            for stratum, sums in strata.items():
                mine[stratum] = [p + q for p, q in zip(mine.get(stratum, [0.0] * 6), sums, strict=True)]
    return whole


def without(whole: Sums, group: Sums) -> Sums:
    """The sums of all groups but one."""
    left = {pair: dict(strata) for pair, strata in whole.items()}
    for pair, strata in group.items():
        for stratum, sums in strata.items():
            left[pair][stratum] = [p - q for p, q in zip(left[pair][stratum], sums, strict=True)]
    return left


def spreads(strata: Mapping[Stratum, list[float]]) -> tuple[float, float, float]:
    """Sums of squares of one and of the other (0 where it does not vary), and of products, within strata."""
    xx = yy = xy = 0.0
    n_all = 0.0
    for n, x, y, x2, y2, both in strata.values():
        if n >= 2:
            n_all += n
            xx, yy, xy = xx + x2 - x * x / n, yy + y2 - y * y / n, xy + both - x * y / n
    least = VARIES * n_all
    return (xx if xx > least else 0.0), (yy if yy > least else 0.0), xy


def correlation(strata: Mapping[Stratum, list[float]]) -> float:
    """Pearson's correlation within strata; nan where one of the two does not vary.

    >>> one: list[float] = [0.0] * 6
    >>> for x, y in [(1, 1), (0, 0), (1, 0), (0, 1), (1, 1), (0, 0)]:
    ...     count(one, x, y)
    >>> round(correlation({("kind", 1, ""): one}), 3)
    0.333
    """
    xx, yy, xy = spreads(strata)
    return max(-1.0, min(1.0, xy / math.sqrt(xx * yy))) if xx and yy else math.nan


def mean_of(correlations: Iterable[float]) -> float:
    """Mean of those that are defined."""
    known = [r for r in correlations if not math.isnan(r)]
    return fmean(known) if known else math.nan


def jackknifed(value: float, rest: Sequence[float], shares: Sequence[float]) -> float:
    """Standard error by leaving out groups of unequal size, `shares` being n over the size of each.

    Source:
        Busing, Meijer and van der Leeden (1999), "Delete-m jackknife for unequal m".
    """
    pseudo = [h * value - (h - 1) * r for h, r in zip(shares, rest, strict=True)]
    centre = len(rest) * value - sum((1 - 1 / h) * r for h, r in zip(shares, rest, strict=True))
    each = [(p - centre) ** 2 / (h - 1) for h, p in zip(shares, pseudo, strict=True)]
    return math.sqrt(fmean(each))
