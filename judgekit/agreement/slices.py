"""The same statistic in parts of the data: where does the judge do worse?

Looking through slices finds something odd by chance; so each slice is tested against the rest, the
p-values are adjusted over all slices tested, and a slice with few units is not tested at all.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from judgekit.agreement.estimate import TOO_FEW, is_defined, undefined
from judgekit.agreement.multiplicity import Method, adjust
from judgekit.agreement.ratings import Codes
from judgekit.errors import InputError
from judgekit.types import Estimate

LEAST = 30
Measure = Callable[[Codes], Estimate]
"""From the indices of units to the estimate for them, with its standard error."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice beside the rest.

    Args:
        name: Of the slice.
        n: Units in it.
        estimate: Of the statistic in it; without a value where it has fewer than the least number.
        rest: Of the statistic outside it.
        difference: Slice minus rest; nan where either is undefined.
        p: Two-sided p-value of that difference; nan where it was not tested.
        p_adjusted: Over all slices tested.
        flagged: Whether the slice differs from the rest.
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

    The test is Welch's: the difference over the root of the two squared standard errors, with as many
    degrees of freedom as the smaller side has units with a value, less one.

    Args:
        groups: The slice of each unit; None where it is in none (it still belongs to the rest).
        measure: Gives the estimate for some units. Its `se` and `n_used` are what the test uses.
        least: Slices with fewer units, or fewer that have a value, are shown by name only.
        q: A slice is flagged where its adjusted p-value is at most this.
        method: `bh` for looking through slices; `holm` for a family of gates.

    Returns:
        One entry a slice, in order of first appearance.

    Raises:
        InputError: If `least` is below 2.
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
    pairs = [_pair(measure, inside, outside, least) for _, inside, outside in sides]
    p = [_p_value(a, b) for a, b in pairs]
    adjusted = adjust(p, method=method).tolist()
    return tuple(
        Slice(name, len(x), a, b, a.value - b.value, p_, adjusted_, adjusted_ <= q)
        for (name, x, _), (a, b), p_, adjusted_ in zip(sides, pairs, p, adjusted, strict=True)
    )


def _pair(measure: Measure, inside: Codes, outside: Codes, least: int) -> tuple[Estimate, Estimate]:
    return _told(measure, inside, least), _told(measure, outside, least)


def _told(measure: Measure, units: Codes, least: int) -> Estimate:
    """The statistic of these units, if enough of them have a value."""
    n = len(units)
    found = measure(units) if n >= least else Estimate("", math.nan, n_units=n, n_used=n)
    if found.n_used >= least:
        return found
    return undefined(found, TOO_FEW, f"{found.n_used} units; a slice needs {least}")


def _p_value(a: Estimate, b: Estimate) -> float:
    from scipy.stats import t

    if not (is_defined(a) and is_defined(b)) or not a.se**2 + b.se**2 > 0:
        return math.nan
    df = min(a.n_used, b.n_used) - 1
    return float(2 * t.sf(abs(a.value - b.value) / math.hypot(a.se, b.se), df))
