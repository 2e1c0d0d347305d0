"""Making estimates: what every statistic says of itself, and how it says that it has no meaning here.

A low-level function of this room returns a float, nan where undefined, and raises only for a malformed
argument; one that returns an `Estimate` never raises for what the data are like.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.types import Estimate


class Status:
    """Why an estimate has no value (`undefined:`), or is not to be trusted blindly (`unstable:`)."""

    NO_VARIATION = "undefined:no_variation"
    NEEDS_TWO_RATERS = "undefined:needs_two_raters"
    NO_PAIRED_ITEMS = "undefined:no_paired_items"
    TOO_FEW = "undefined:too_few"
    NOT_IDENTIFIED = "undefined:not_identified"
    FEW_MINORITY = "unstable:few_minority"
    FEW_CLUSTERS = "unstable:few_clusters"
    FEW_UNITS = "unstable:few_units"
    FEW_EXTREME = "unstable:few_extreme"
    RESAMPLES_LOST = "unstable:resamples_lost"
    DEGENERATE = "ok_degenerate"


def about(name: str, used: float, units: int, value: float = math.nan, **said: Any) -> Estimate:
    """Return an estimate from `used` of so many units, the rest counted as dropped, as yet without value."""
    return Estimate(name, value, n_units=units, n_used=int(used), n_dropped=units - int(used), **said)


def unusable(rated: npt.NDArray[np.bool_], paired: int) -> str:
    """Return why ratings (n_units, n_raters), so many of them paired, give no value: a status, or empty."""
    if int(rated.any(axis=0).sum()) < 2:
        return Status.NEEDS_TWO_RATERS
    return Status.NO_PAIRED_ITEMS if paired == 0 else Status.TOO_FEW if paired < 2 else ""


def undefined(estimate: Estimate, status: str, *notes: str) -> Estimate:
    """An estimate without a value, and why."""
    nan = float("nan")
    return replace(
        estimate, value=nan, low=nan, high=nan, se=nan, interval="none", status=status,
        notes=(*estimate.notes, *notes),
    )  # fmt: skip


def with_interval(
    estimate: Estimate,
    low: float,
    high: float,
    *,
    se: float = math.nan,
    interval: str,
    seed: int | None = None,
) -> Estimate:
    """An estimate with an interval."""
    return replace(estimate, low=float(low), high=float(high), se=float(se), interval=interval, seed=seed)


def flagged(estimate: Estimate, status: str, notes: Iterable[str] = ()) -> Estimate:
    """An estimate that is not to be trusted blindly; its value stays."""
    return replace(estimate, status=status, notes=(*estimate.notes, *notes))


def is_defined(estimate: Estimate) -> bool:
    """Whether an estimate has a value."""
    return not math.isnan(estimate.value)
