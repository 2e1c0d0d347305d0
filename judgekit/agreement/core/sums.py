"""The mean of values on [0, 1] and its interval, from sums: a million items need no more memory than one.

Items are the independent units, and the values of one item are added together. The intervals are the house's:
Wilson's of a share, CR1 and t of clusters, and where nothing varies one that does not claim certainty.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from judgekit.agreement.core.estimate import Status, flagged, undefined, with_interval
from judgekit.agreement.core.intervals import (
    ENOUGH_CLUSTERS,
    bounded_interval,
    floored_se,
    share,
    t_interval,
    wilson,
)
from judgekit.agreement.core.moments import with_few_wrong
from judgekit.types import Estimate

_ENDS, _SPAN = frozenset({0.0, 1.0}), (0.0, 1.0)


@dataclass(slots=True)
class Sums:
    """What a mean and its interval rest on, added up item by item.

    >>> rated = Sums()
    >>> for values in ([1.0, 0.5], [0.0], [1.0, 1.0]):
    ...     rated.add(values)
    >>> round(rated.mean("kindness").value, 3), rated.items
    (0.7, 3)
    """

    n: int = 0
    items: int = 0
    missing: int = 0  # values that there are not
    total: float = 0.0
    squares: float = 0.0  # of the sums of items
    crossed: float = 0.0  # a sum times its number of values
    sizes: int = 0  # squares of the numbers of values
    least: float = math.inf
    most: float = -math.inf
    shares: bool = True  # nothing but 0 and 1

    def add(self, values: Collection[float], missing: int = 0) -> None:
        """Add the values of one item, and how many are missing."""
        self.missing += missing
        if not values:
            return
        n, own = len(values), math.fsum(values)
        self.n += n
        self.items += 1
        self.total += own
        self.squares += own * own
        self.crossed += own * n
        self.sizes += n * n
        self.least, self.most = min(self.least, *values), max(self.most, *values)
        self.shares = self.shares and _ENDS.issuperset(values)

    def mean(self, name: str, *, level: float = 0.95) -> Estimate:
        """The mean as an estimate; without an interval from fewer than two items, nan from none.

        Of independent values that are 0 or 1 the interval is Wilson's, else CR1 and t over items, within
        [0, 1], with Wilson's bound where fewer than ten values differ from the rest. Where all are equal it
        is Wilson's of so many items at 0 and 1, and between them a floor on the logit scale.
        """
        made = Estimate(
            name, self.total / self.n if self.n else math.nan, level=level, n_units=self.n + self.missing,
            n_used=self.n, n_dropped=self.missing, unit="unit" if self.n == self.items else "item",
            method="mean",
        )  # fmt: skip
        if not self.n:
            return undefined(made, Status.NO_PAIRED_ITEMS)
        if self.items < 2:
            return flagged(made, Status.DEGENERATE, ["1 item gives no interval"])
        if self.least == self.most:
            return self._equal(made)
        if self.shares and self.n == self.items:
            ends = share(round(self.total), self.n, level=level)
            return replace(made, low=ends.low, high=ends.high, se=ends.se, interval=ends.interval)
        return self._clustered(made)

    def _equal(self, made: Estimate) -> Estimate:
        made = flagged(replace(made, value=self.least), Status.DEGENERATE, ["all values are equal"])
        if self.least in _ENDS:
            ends, kind = wilson(self.items * self.least, self.items, level=made.level), "wilson"
        else:
            floor = floored_se(0.0, np.empty(0), self.items, _SPAN)
            ends = bounded_interval(
                self.least, floor, df=self.items - 1, n=self.items, level=made.level, bounds=_SPAN
            )
            kind = "t_logit"
        return with_interval(made, *ends, interval=kind)

    def _clustered(self, made: Estimate) -> Estimate:
        mean, groups = made.value, self.items
        around = max(self.squares - 2 * mean * self.crossed + mean * mean * self.sizes, 0.0)
        se = math.sqrt(groups / (groups - 1) * around) / self.n
        low, high = t_interval(mean, se, groups - 1, level=made.level, most=1.0)
        kind = "t" if self.n == groups else "t_cr1"
        made = with_interval(made, max(low, 0.0), high, se=se, interval=kind)
        if self.shares:
            low = with_few_wrong(made, 1 - mean, groups).low
            flipped = replace(made, value=1 - mean, low=1 - made.high, high=1 - made.low)
            made = replace(made, low=low, high=1 - with_few_wrong(flipped, mean, groups).low)
        if kind == "t_cr1" and groups < ENOUGH_CLUSTERS:
            note = f"{groups} items; from {ENOUGH_CLUSTERS} on an interval holds"
            return flagged(made, Status.FEW_CLUSTERS, [note])
        return made
