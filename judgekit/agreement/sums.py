"""Statistics that are functions of sums over units: resampled all at once, as weights times columns."""

from collections.abc import Callable

import numpy as np

from judgekit.agreement.paired import resampled
from judgekit.agreement.ratings import Codes, Floats
from judgekit.types import Estimate

OfSums = Callable[[Floats], Floats]
"""From sums of the columns, shape (n_draws, k), to a number a draw; nan where undefined."""
_CELLS = 20_000_000


def by_sums(
    estimate: Estimate, columns: Floats, of: OfSums, *, seed: int, b: int, clusters: Codes | None = None
) -> Estimate:
    """The estimate with an interval by resampling units (or clusters), as `resampled`.

    Args:
        estimate: With its value; an undefined one is returned as it is.
        columns: Shape (n_units, k), without nan.
        of: The statistic of the columns' sums.
        seed: Of the draws.
        b: How many resamples.
        clusters: Shape (n_units,), coded from 0; whole clusters are drawn.
    """
    if np.isnan(estimate.value) or b == 0:
        return estimate
    pooled = columns
    if clusters is not None:
        pooled = np.zeros((int(clusters.max()) + 1, columns.shape[1]))
        np.add.at(pooled, clusters, columns)
    n = len(pooled)
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // n)
    sizes = [min(step, b - start) for start in range(0, b, step)]
    replicates = np.concatenate(
        [of(rng.multinomial(n, np.full(n, 1 / n), size=size) @ pooled) for size in sizes]
    )
    return resampled(
        estimate, lambda index: value_of(of, columns[index]), len(columns), seed=seed, b=b, clusters=clusters,
        replicates=replicates,
    )  # fmt: skip


def value_of(of: OfSums, columns: Floats) -> float:
    """The statistic of these units."""
    return float(of(columns.sum(axis=0, keepdims=True))[0])


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Their quotient, nan where the denominator is 0."""
    there = denominator != 0
    return np.where(there, numerator / np.where(there, denominator, 1.0), np.nan)
