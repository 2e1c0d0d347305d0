"""Columns about the same units, and what an estimate earns by resampling those units.

Two dangers are met here once for all. Floating sums make 0.3 - 0.2 differ from 0.2 - 0.1, so
that equal scores look ordered: numbers are settled to 12 significant digits before they are compared.
And an interval from resamples of which many were constant, or from few clusters, looks like any other:
the status says so.
"""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.estimate import (
    DEGENERATE,
    FEW_CLUSTERS,
    NO_PAIRED_ITEMS,
    NO_VARIATION,
    RESAMPLES_LOST,
    flagged,
    is_defined,
    undefined,
    with_interval,
)
from judgekit.agreement.intervals import ENOUGH_CLUSTERS
from judgekit.agreement.ratings import Codes, Floats
from judgekit.agreement.resample import (
    MOST_LOST,
    Interval,
    Statistic,
    Weighted,
    bootstrap,
    weighted_bootstrap,
)
from judgekit.errors import InputError
from judgekit.types import Estimate

DIGITS = 12
JACKKNIFED = 5000
"""Up to so many units the acceleration of BCa is computed; above them intervals are percentiles."""


def settled(x: npt.ArrayLike, size: float | None = None) -> Floats:
    """Numbers rounded to 12 significant digits of the largest, so that equal ones are equal.

    Args:
        x: Any shape; nan stays.
        size: The magnitude that counts, where `x` are differences of larger numbers.

    >>> a, b = settled([0.3 - 0.2, 0.2 - 0.1], size=0.3)
    >>> bool(a == b), bool(0.3 - 0.2 == 0.2 - 0.1)
    (True, False)
    """
    numbers = np.asarray(x, dtype=float)
    largest = size if size is not None else float(np.nanmax(np.abs(numbers), initial=0.0))
    if not largest > 0.0:
        return numbers
    return np.round(numbers, min(DIGITS - 1 - math.floor(math.log10(largest)), 300))


def magnitude(*arrays: Floats) -> float:
    """The largest absolute number in the arrays, 0 if there is none."""
    return max((float(np.nanmax(np.abs(each), initial=0.0)) for each in arrays), default=0.0)


def varies(x: Floats) -> bool:
    """Whether there are two different numbers in `x` (nan is none)."""
    present = settled(x[~np.isnan(x)])
    return present.size > 1 and bool(np.any(present != present.flat[0]))


def grid(x: npt.ArrayLike, what: str) -> Floats:
    """Numbers of shape (n_rows, n_columns), nan for missing.

    Raises:
        InputError: For another shape, for infinity, or for what is no number.
    """
    try:
        array = np.asarray(x, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {error}; numbers are needed, nan or None where missing") from error
    if array.ndim != 2:
        raise InputError(f"{what} must have two dimensions, found shape {array.shape}")
    if len(bad := np.argwhere(np.isinf(array))):
        raise InputError(
            f"{what}: row {bad[0][0]}, column {bad[0][1]} is infinite; use nan for what is missing"
        )
    return array


def grids(human: npt.ArrayLike, metric: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Scores of people and of a judge, both of shape (n_systems, n_items).

    Raises:
        InputError: If they differ in shape, hold infinity or are not two-dimensional.
    """
    h, m = grid(human, "human"), grid(metric, "metric")
    if h.shape != m.shape:
        raise InputError(f"human and metric must have one shape, found {h.shape} and {m.shape}")
    return h, m


def resampled(
    estimate: Estimate,
    statistic: Statistic,
    n: int,
    *,
    seed: int,
    b: int = 2000,
    clusters: Codes | None = None,
    kind: str | None = None,
    replicates: Floats | None = None,
) -> Estimate:
    """The estimate with an interval by resampling, and the status that the resamples earn it.

    Args:
        estimate: With its value, its level and its unit; an undefined one is returned as it is.
        statistic: From indices of units to the statistic.
        n: How many units.
        seed: Of the draws.
        b: How many resamples.
        clusters: Shape (n,), coded from 0; whole clusters are drawn.
        kind: `bca` or `percentile`; BCa up to 5000 units where left out.
        replicates: The statistic of each resample, where the caller has all of them.
    """
    if not is_defined(estimate):
        return estimate
    kind = kind or ("bca" if n <= JACKKNIFED else "percentile")
    made = bootstrap(
        statistic, n, seed=seed, b=b, level=estimate.level, clusters=clusters, kind=kind,
        replicates=replicates,
    )  # fmt: skip
    return earned(estimate, made, seed, clusters)


def drawn_again(
    estimate: Estimate,
    statistic: Weighted,
    n: int,
    *,
    seed: int,
    b: int = 2000,
    clusters: Codes | None = None,
) -> Estimate:
    """As `resampled`, for a statistic of how often each unit was drawn; it computes the value, too.

    Args:
        estimate: Without its value.
        statistic: From draws, shape (n_draws, n_units), to a number each, nan where undefined.
        n: How many units.
        seed: Of the draws.
        b: How many resamples.
        clusters: Shape (n,), coded from 0; whole clusters are drawn.

    Returns:
        nan with the status `undefined:no_variation` where the statistic of the sample is nan.
    """
    counts = np.ones(n)
    value = float(statistic(counts[None, :])[0]) if n else math.nan
    if math.isnan(value):
        return undefined(estimate, NO_VARIATION if n else NO_PAIRED_ITEMS)
    made = weighted_bootstrap(statistic, counts, seed=seed, b=b, level=estimate.level, clusters=clusters)
    return earned(replace(estimate, value=value), made, seed, clusters)


def earned(estimate: Estimate, made: Interval, seed: int, clusters: Codes | None = None) -> Estimate:
    """The estimate with an interval by resampling, and the status that the resamples earn it.

    Args:
        estimate: With its value.
        made: The interval; none is taken where all resamples are equal, as those of one cluster are.
        seed: Of the draws.
        clusters: Shape (n,), coded from 0, if they were drawn and it is to be said when they are few.
    """
    if made.se <= 1e-12 * max(abs(estimate.value), 1.0):
        note = "every resample gave the same value, so there is no interval"
        return flagged(replace(estimate, seed=seed), DEGENERATE, (note,))
    kind = "none" if math.isnan(made.low) else made.kind
    estimate = with_interval(estimate, made.low, made.high, se=made.se, interval=kind, seed=seed)
    if clusters is not None:
        estimate = replace(estimate, unit="cluster")
        if (found := int(clusters.max()) + 1) < ENOUGH_CLUSTERS:
            note = f"only {found} clusters; an interval needs about {ENOUGH_CLUSTERS}"
            estimate = flagged(estimate, FEW_CLUSTERS, (note,))
    if made.lost > MOST_LOST:
        note = f"the statistic was undefined in {made.lost:.0%} of the resamples"
        estimate = flagged(estimate, RESAMPLES_LOST, (note,))
    return estimate
