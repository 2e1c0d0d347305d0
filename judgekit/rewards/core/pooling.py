"""Several judges' values of one response become one; pessimism is what a reward can buy against hacks.

Judges are pooled over whole values, not over criteria: the least of several verdicts on a fault would be
the most lenient of them. With one judge of three fooled, the mean hands the hacked response an advantage
of .83; the least and the lower bound do not (`benchmarks/rewards_panel.py`).
"""

import functools
from collections.abc import Callable, Sequence
from statistics import fmean, median, stdev
from typing import Literal

PoolName = Literal["mean", "median", "min", "lower_bound"]
Pooled = Callable[[Sequence[float]], float]


def pooled(name: PoolName, *, k: float = 1.0) -> Pooled:
    """The function that pools judges' values.

    Args:
        name: `mean`, `median`, `min`, or `lower_bound`: the mean less `k` standard deviations.
        k: How far below the mean the lower bound lies.

    Source:
        Coste et al. (2023), arXiv 2310.02743, on worst-case and uncertainty-weighted optimisation.

    >>> [round(pooled(name)([0.2, 0.5, 0.8]), 2) for name in ("mean", "min", "lower_bound")]
    [0.5, 0.2, 0.2]
    """
    if name == "lower_bound":
        return functools.partial(_lower_bound, k=k)
    plain: dict[str, Pooled] = {"mean": fmean, "median": median, "min": min}
    return plain[name]


def _lower_bound(values: Sequence[float], *, k: float) -> float:
    return fmean(values) - (k * stdev(values) if len(values) > 1 else 0.0)
