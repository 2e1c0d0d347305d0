"""How many more comparisons, or items, until two systems are told apart, and what they cost.

The evidence on a gap is one over its variance. A comparison of two systems with chance p adds p (1 - p), so
what is missing of the evidence that a power needs is so many direct comparisons; more items of the same kind
multiply all evidence. Comparisons of one item are not independent (its judges, its orders, its other pairs):
the design effect is how many times the variance over resampled items is that of the inverse Hessian.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from judgekit.agreement.core.intervals import normal_quantile
from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError
from judgekit.standing.apart import FEWEST_DRAWS
from judgekit.standing.records import Standing

_STILL = 1e-9
_NO_NUMBER: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """What it takes to tell two systems apart.

    Args:
        gap: What is planned for, as the standing has strengths: the one declared, or what was found.
        sd: Standard error of the gap now, over items.
        critical: How many of them the gap has to be; 1.96 for one pair at 95 %, more for all pairs at once.
        power: With what probability it will be, as things are.
        deff: The design effect: how many times more comparisons it takes since those of an item are alike.
        pairs: Direct comparisons it takes besides those made; 0 where none are needed, None where no number
            is worth it, since the gap is within the margin, and of a standing of scores.
        items: The same in items like those there are, each asked as they were.
        status: `ok`, `apart` (told apart already), `within_margin`, or `undefined:...` of the standing.
    """

    one: str
    other: str
    gap: float
    sd: float
    critical: float
    power: float
    deff: float
    pairs: int | None
    items: int | None
    status: str


def pairs_for_gap(
    gap: float, *, power: float = 0.8, level: float = 0.95, deff: float = 1.0, critical: float | None = None
) -> float:
    """Comparisons of two systems so that a gap in strength is told from none with a probability.

    Args:
        gap: True difference of strengths, in log-odds: 0.2 is a win rate of .55.
        power: That probability.
        level: Of the two-sided test.
        deff: How many times more it takes since comparisons of an item are alike.
        critical: Of the test; from `level` where left out.

    Returns the number, not rounded; infinite for no gap. Source: (z + z')^2 / (gap^2 p (1 - p)); the exact
    binomial test at 793 has power .795.

    >>> round(pairs_for_gap(0.2), 4)
    792.7631
    """
    if not 0 < power < 1 or deff <= 0:
        raise InputError(f"a power of {power} and a design effect of {deff}; between 0 and 1, and above 0")
    return deff * _evidence(abs(gap), power, critical or normal_quantile(level)) / _told(gap)


def plan_pairs(
    standing: Standing,
    *,
    gap: float | None = None,
    margin: float = 0.0,
    power: float = 0.8,
    pairs: Sequence[tuple[str, str]] = (),
) -> tuple[PairPlan, ...]:
    """What it takes to tell systems apart that a standing does not.

    Args:
        standing: A pilot of some twenty items or more.
        gap: The true gap that is to be found, for every pair; where left out, each pair's own as found,
            which may be far from the true one.
        margin: A gap within it is not worth finding, at any price.
        power: With what probability a gap of this size is to be found.
        pairs: The pairs to plan for, each by itself; where left out, all, at the standing's level at once.

    Returns a plan a pair, the easiest first. Raises `InputError` for a system that is not there, or a power
    or margin that cannot be.

    >>> from judgekit.standing import bradley_terry
    >>> from judgekit.types import Unit, Verdict
    >>> said = [
    ...     Verdict("j", Unit(str(i), ("a", "b")), "better", ((label, 1.0),), label, float(label == "first"))
    ...     for i, label in enumerate(["first"] * 30 + ["second"] * 20)
    ... ]
    >>> [plan] = plan_pairs(bradley_terry(said, b=0))
    >>> round(plan.gap, 3), round(plan.power, 2), plan.pairs
    (0.405, 0.29, 149)
    """
    if not 0 < power < 1 or margin < 0 or not math.isfinite(gap or 0.0):
        raise InputError(f"a power of {power}, a margin of {margin} and a gap of {gap} cannot be planned for")
    chosen = list(pairs) or list(combinations(standing.systems, 2))
    at = {system: i for i, system in enumerate(standing.systems)}
    for each in (name for pair in chosen for name in pair):
        standing.of(each)
    critical = normal_quantile(standing.level) if pairs else _at_once(standing)
    aim = _Aim(gap, margin, power, critical)
    made = [_plan(standing, at[a], at[b], aim) for a, b in chosen]
    return tuple(sorted(made, key=_ease))


def _ease(plan: PairPlan) -> tuple[bool, int, str, str]:
    return (plan.items is None, plan.items or 0, plan.one, plan.other)


@dataclass(frozen=True, slots=True)
class _Aim:
    gap: float | None
    margin: float
    power: float
    critical: float


def _plan(standing: Standing, i: int, j: int, aim: _Aim) -> PairPlan:
    one, other = standing.systems[i], standing.systems[j]
    found = standing.places[i].strength - standing.places[j].strength
    c = standing.covariance
    hessian = float(c[i, i] + c[j, j] - 2.0 * c[i, j])
    drawn = len(standing.draws) >= FEWEST_DRAWS and standing.interval.startswith("percentile")
    variance = float(np.var(standing.draws[:, i] - standing.draws[:, j], ddof=1)) if drawn else hessian
    size, critical = abs(found if aim.gap is None else aim.gap), aim.critical
    status, n_pairs, n_items = "ok", _NO_NUMBER, _NO_NUMBER
    if not math.isfinite(found) or not variance > _STILL**2:
        nan = math.nan
        status = standing.status if standing.status.startswith("undefined") else "undefined:no_variation"
        return PairPlan(
            one=one, other=other, gap=nan if math.isnan(found) else size, sd=nan, critical=critical,
            power=nan, deff=nan, pairs=None, items=None, status=status,
        )  # fmt: skip
    deff = variance / hessian if drawn else 1.0
    if abs(found) > critical * math.sqrt(variance):
        status, n_pairs, n_items = "apart", 0, 0
    elif size <= aim.margin or size == 0.0:
        status = "within_margin"
    else:
        wanted = _evidence(size, aim.power, critical)
        if standing.unit == "log-odds":
            n_pairs = math.ceil(max(wanted - 1.0 / variance, 0.0) * deff / _told(size))
        n_items = math.ceil(standing.n_items * max(wanted * variance - 1.0, 0.0))
    return PairPlan(
        one=one, other=other, gap=size, sd=math.sqrt(variance), critical=critical,
        power=power_of(size, variance, critical), deff=deff, pairs=n_pairs, items=n_items, status=status,
    )  # fmt: skip


def power_of(gap: float, variance: float, critical: float) -> float:
    """Return the probability that a gap found is beyond so many of its standard errors."""
    from scipy.special import ndtr

    sure = abs(gap) / math.sqrt(variance)
    return float(ndtr(sure - critical) + ndtr(-sure - critical))


def _evidence(gap: float, power: float, critical: float) -> float:
    """Return one over the variance that finds a gap with a power."""
    from scipy.special import ndtri

    return math.inf if gap == 0.0 else max((critical + float(ndtri(power))) / gap, 0.0) ** 2


def _told(gap: float) -> float:
    """Return what a comparison tells: p (1 - p)."""
    p = 1.0 / (1.0 + math.exp(-abs(gap)))
    return p * (1.0 - p)


def _at_once(standing: Standing) -> float:
    """Return how many standard errors tell any of all pairs apart: of the largest one by resampling alone."""
    one, other = np.triu_indices(len(standing.places), 1)
    if len(standing.draws) < FEWEST_DRAWS or len(one) < 2:
        return normal_quantile(1.0 - (1.0 - standing.level) / max(len(one), 1))
    worst = np.zeros(len(standing.draws))
    strengths = np.array([place.strength for place in standing.places])
    for i, j in zip(one.tolist(), other.tolist(), strict=True):
        if math.isfinite(strengths[i] - strengths[j]):
            worst = np.maximum(worst, _studentised(standing.draws, strengths, i, j))
    return float(np.quantile(worst, standing.level))


def _studentised(draws: Floats, strengths: Floats, i: int, j: int) -> Floats:
    gaps = draws[:, i] - draws[:, j]
    return np.asarray(np.abs(gaps - (strengths[i] - strengths[j])) / max(gaps.std(ddof=1), _STILL))


@dataclass(frozen=True, slots=True)
class Price:
    """What runs took for each comparison (or score) and each item of theirs; None where it is unknown."""

    calls: float
    calls_per_item: float
    tokens: float | None
    usd: float | None

    def of(self, plan: PairPlan) -> tuple[int, float | None, float | None]:
        """Return calls, tokens and US dollars of the cheaper way: direct comparisons, or more items."""
        ways = [n * each for n, each in ((plan.pairs, self.calls), (plan.items, self.calls_per_item)) if n]
        calls = round(min(ways, default=0.0))
        return (
            calls, None if self.tokens is None else calls * self.tokens,
            None if self.usd is None else calls * self.usd,
        )  # fmt: skip


def price_of(summaries: Sequence[Mapping[str, Any]], standing: Standing) -> Price | None:
    """Return what the runs behind a standing took, by their summaries; None where they do not say it."""
    kept = [each for each in summaries if each.get("calls")]
    if not kept or len(kept) < len(summaries) or not standing.n_comparisons or not standing.n_items:
        return None
    calls, new = (sum(each[name] for each in kept) for name in ("calls", "new_calls"))
    tokens = sum(each["input_tokens"] + each["output_tokens"] for each in kept)
    costs = [each["cost_usd"] for each in kept]
    return Price(
        calls=calls / standing.n_comparisons, calls_per_item=calls / standing.n_items,
        tokens=tokens / new if new and tokens else None,
        usd=None if None in costs or not new else sum(costs) / new,
    )  # fmt: skip
