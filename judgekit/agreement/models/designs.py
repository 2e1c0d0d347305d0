"""What buys agreement: from a pilot, how far other designs would agree with people, and for how many calls.

A design is who is asked, in how many orders, how often; its score of a unit is the mean over samples, then
orders, then judges, as `score` has it. Samples are noise about what a judge says of a unit in an order: k of
them in the place of the pilot's m leave the covariance with people's labels as it is, and change the variance
of the score by N (1/k - 1/m), N being that of a sample within (unit, judge, order). So two or three samples
predict twenty (Spearman and Brown, for the mean). Judges and orders are those of the pilot.

A cheaper judge first: what it says is kept where its samples and orders all say the same, else a strong one
is asked. Which units these are depends on the samples; there no more are considered than the pilot has.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal, Unpack, get_args

import numpy as np

from judgekit.agreement.core.estimate import Status, is_defined, undefined
from judgekit.agreement.core.intervals import at_one, fisher_z
from judgekit.agreement.core.moments import ONE
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, earned, ratio, resampling, weighted_bootstraps
from judgekit.errors import InputError, there_are
from judgekit.types import Estimate, brief

Measure = Literal["correlation", "concordance"]
Finding = Literal["gains agreement", "costs agreement", "makes no difference", "gains nothing", "not settled"]
SAMPLES = (1, 2, 3, 5, 10, 20)
WORTH = 0.01
"""Less than this is no gain in agreement."""
MOST_JUDGES, LEAST_DRAWS = 6, 100
_FEWEST, _BEYOND = 5, 1 + 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pilot:
    """What judges said of units in a pilot, and people of some of them.

    Args:
        values: Shape (n_units, n_judges, n_orders, n_samples), on [0, 1]; nan where there is no verdict.
        people: Shape (n_units,), people's mean; nan where there is no label.
        judges: Their names.
        paired: Whether units are pairs, whose sides have no order of their own: agreement is about 0.5 then,
            and does not depend on which response is called the first.
        clusters: Shape (n_units,), coded from 0; None where units are independent.
        prices: Judge -> price of one call, of all that gave a verdict; empty where unknown.
    """

    values: Floats
    people: Floats
    judges: tuple[str, ...]
    paired: bool = False
    clusters: Codes | None = None
    prices: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A design, and the agreement with people that it would reach.

    Args:
        judges: Whose mean it is.
        orders: 1 (the item's own) or 2.
        samples: Of each judge in each order; infinite for what no number of them exceeds.
        strong: Who is asked, once in each order, where `judges` do not all say the same; empty for nobody.
        calls: For a unit, each criterion in a call of its own; `price` in US dollars, nan where unknown.
        agreement: The measure, predicted.
    """

    judges: tuple[str, ...]
    orders: int
    samples: float
    strong: str = ""
    calls: float = math.nan
    price: float = math.nan
    agreement: Estimate = field(default_factory=lambda: Estimate("agreement", math.nan), compare=False)

    def __str__(self) -> str:
        """The design in words."""
        who, many = " and ".join(self.judges), "endlessly many" if math.isinf(self.samples) else self.samples
        words = [f"the mean of {who}" if len(self.judges) > 1 else who]
        words += [*(["both orders"] if self.orders > 1 else []), f"{many} sample{'s' * (self.samples > 1)}"]
        return ", ".join(words) + (f", and {self.strong} where they differ" if self.strong else "")


@dataclass(frozen=True, slots=True)
class Step:
    """What one design has over another: `gain` is the difference of their agreements."""

    before: Design
    after: Design
    gain: Estimate

    @property
    def finding(self) -> Finding:
        """What the interval of the gain says, where less than `WORTH` is nothing."""
        low, high = self.gain.low, self.gain.high
        if self.gain.status == Status.DEGENERATE:  # the same in every resample
            low = high = self.gain.value
        if low > 0 and high >= WORTH:
            return "gains agreement"
        if high < 0 and low <= -WORTH:
            return "costs agreement"
        if high < WORTH:
            return "makes no difference" if low > -WORTH else "gains nothing"
        return "not settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What a pilot says of designs, by one criterion.

    Args:
        designs: Those it speaks for, the cheapest first.
        steps: What more of something would buy.
        endless: Designs of endlessly many samples, which are not on offer: what no number of them exceeds.
        chosen: The cheapest design whose whole interval reaches the target; None where there is none.
        advice: What to do about the target; empty without one.
        n_units: Units that judges were asked about, `n_labelled` of which people labelled.
        notes: What a reader should know.
    """

    criterion: str = ""
    designs: tuple[Design, ...]
    steps: tuple[Step, ...]
    endless: tuple[Design, ...]
    chosen: Design | None = None
    advice: str = ""
    n_units: int
    n_labelled: int
    notes: tuple[str, ...] = ()

    __repr__ = brief


def predict(
    pilot: Pilot, *, measure: Measure = "correlation", most_samples: int = 20, **how: Unpack[Drawn]
) -> Predicted:
    """Predict the agreement with people that designs would reach, from a pilot.

    Args:
        pilot: Two samples or more of a question tell what further ones would do. Labels of some units
            suffice, if these were drawn by chance.
        measure: `correlation` of the score with people's mean, or `concordance` (Lin's, which counts levels).
        most_samples: More than so many are not considered.
        how: See `Drawn`; `b` 1000 where left out. Units are drawn again, for all designs together.

    Source: Spearman (1910) and Brown (1910), British Journal of Psychology 3; `benchmarks/designs.py` has
    predicted against reached.
    """
    draw = resampling(how, b=1000).over(pilot.clusters)
    if measure not in get_args(Measure):
        raise InputError(f"no measure {measure!r}; {there_are(measure, get_args(Measure))}")
    if draw.b < LEAST_DRAWS:
        raise InputError(f"b={draw.b}; designs are told apart by {LEAST_DRAWS} resamples or more")
    if len(pilot.judges) > MOST_JUDGES:
        raise InputError(f"{len(pilot.judges)} judges make too many panels; name up to {MOST_JUDGES}: judge=")
    plans = list(_plans(pilot, most_samples))
    pairs = [(plans.index(less), plans.index(more)) for less, more in _compared(pilot, plans)]
    groups = [plan if plan.strong else replace(plan, samples=1) for plan in plans]  # samples: after the sums
    several = list(dict.fromkeys(groups))
    blocks = [_block(pilot, group) for group in several]
    group_of, columns = [several.index(group) for group in groups], np.concatenate(blocks, axis=1)
    less, more = np.array(pairs, dtype=int).reshape(-1, 2).T
    each = 1.0 / np.array([plan.samples for plan in plans])

    def statistics(drawn: Floats) -> Floats:
        sums = (drawn @ columns).reshape(len(drawn), len(several), -1)[:, group_of]
        found = _agreement(sums, each, measure, paired=pilot.paired)
        return np.concatenate([found, found[:, more] - found[:, less]], axis=1)

    ones, labelled = np.ones(len(pilot.people)), int(np.sum(~np.isnan(pilot.people)))
    used = np.array([blocks[group][:, 0].sum() for group in group_of], dtype=int)
    used = np.concatenate([used, np.minimum(used[less], used[more])])
    found = []
    intervals = weighted_bootstraps(statistics, ones, draw, kind="percentile")
    for value, n, interval in zip(statistics(ones[None, :])[0], used.tolist(), intervals, strict=True):
        about = Estimate(
            measure, float(value), level=draw.level, n_units=labelled, n_used=n, n_dropped=labelled - n
        )
        why = Status.TOO_FEW if n < _FEWEST else Status.NOT_IDENTIFIED if not abs(value) < _BEYOND else ""
        found.append(undefined(about, why) if why else earned(about, interval, draw))
    made = [
        _priced(pilot, replace(plan, agreement=_bounded(estimate)), blocks[group])
        for plan, group, estimate in zip(plans, group_of, found, strict=False)
    ]
    gains = zip(pairs, found[len(made) :], strict=True)
    key = "price" if pilot.prices else "calls"
    ranked = sorted(made, key=lambda each: (getattr(each, key), each.calls, -each.agreement.value))
    return Predicted(
        designs=tuple(each for each in ranked if math.isfinite(each.samples)),
        steps=tuple(Step(made[before], made[after], gain) for (before, after), gain in gains),
        endless=tuple(each for each in made if math.isinf(each.samples)),
        n_units=len(ones), n_labelled=labelled,
    )  # fmt: skip


def _plans(pilot: Pilot, most_samples: int) -> Iterator[Design]:
    """Every panel, in one order and in both, of one sample and of more; then the cascades."""
    there = ~np.isnan(pilot.values)
    orders = range(1, 1 + there.shape[2])
    repeats = dict(zip(pilot.judges, there.sum(axis=3).max(axis=(0, 2)).tolist(), strict=True))
    names = pilot.judges
    for judges in (panel for size in range(len(names)) for panel in combinations(names, size + 1)):
        more = min(repeats[name] for name in judges) > 1
        counts = [k for k in SAMPLES if k == 1 or (more and k <= most_samples)] + [math.inf] * more
        yield from (Design(judges=judges, orders=o, samples=k) for k in counts for o in orders)
    for first, strong in ((a, b) for a in names for b in names):
        if pilot.prices.get(first, math.nan) < pilot.prices.get(strong, math.nan):
            few = min(most_samples, repeats[first])
            asked = ((o, k) for k in SAMPLES if k <= few for o in orders if o * k > 1)
            yield from (Design(judges=(first,), orders=o, samples=k, strong=strong) for o, k in asked)


def _compared(pilot: Pilot, plans: Sequence[Design]) -> Iterator[tuple[Design, Design]]:
    """What is compared: more samples, both orders, a panel with each of its judges, a cheaper judge first."""
    most = max(plan.orders for plan in plans)
    everyone = dict.fromkeys([*((name,) for name in pilot.judges), pilot.judges])
    for judges in everyone:
        one = Design(judges=judges, orders=most, samples=1)
        top = max(p.samples for p in plans if replace(p, samples=1) == one and math.isfinite(p.samples))
        if most > 1:
            yield replace(one, orders=1), one
        for less, more in ((1, min(3, top)), (min(3, top), top)):
            if less < more:
                yield replace(one, samples=less), replace(one, samples=more)
        if judges != pilot.judges:
            yield one, replace(one, judges=pilot.judges)
    for plan in plans:
        if plan.strong and plan.orders == most:
            yield Design(judges=(plan.strong,), orders=most, samples=1), plan


def _block(pilot: Pilot, plan: Design) -> Floats:
    """Columns whose sums make the agreement of a design, shape (n_units, 10); 0 where a unit is not used."""
    middle = 0.5 if pilot.paired else 0.0
    x, y = pilot.values - middle, pilot.people - middle
    own = x[:, [pilot.judges.index(name) for name in plan.judges], : plan.orders]
    noise, sent = (y * 0, y * 0), y * 0
    if plan.strong:
        rounds, sent = _rounds(own, x[:, pilot.judges.index(plan.strong), : plan.orders], int(plan.samples))
    else:
        rounds, noise = _mean(own).mean(axis=(1, 2))[:, None], _noise(own)
    score, one = _mean(rounds), np.ones_like(y)
    asked = ~np.isnan(score)[:, None]
    labelled = np.stack([one, score, _mean(rounds**2), score * y, y, y * y], axis=1)
    of_all = np.nan_to_num(np.stack([one, *noise, sent], axis=1))
    return np.concatenate(
        [np.where(asked & ~np.isnan(y)[:, None], labelled, 0.0), np.where(asked, of_all, 0.0)], axis=1
    )


def _noise(x: Floats) -> tuple[Floats, Floats]:
    """Return the variance of the mean of one sample a (judge, order), and of that of those there are.

    Where a unit has a single sample, it is taken to vary as the others do.
    """
    count = (~np.isnan(x)).sum(axis=3)
    squares = np.nansum((x - _mean(x)[..., None]) ** 2, axis=3) / np.maximum(count - 1, 1)
    usual = _mean(np.moveaxis(np.where(count > 1, squares, np.nan), 0, -1))
    variance = np.where(count > 1, squares, np.nan_to_num(usual)) / count[0].size ** 2
    return variance.sum(axis=(1, 2)), (variance / np.maximum(count, 1)).sum(axis=(1, 2))


def _rounds(x: Floats, strong: Floats, k: int) -> tuple[Floats, Floats]:
    """Scores by k samples, from each of the pilot's on in turn, and the share of them that is sent on."""
    m = x.shape[3]
    taken = [x.take([(start + i) % m for i in range(k)], axis=3).reshape(len(x), -1) for start in range(m)]
    alike = np.stack([np.ptp(each, axis=1) <= 1e-9 for each in taken], axis=1)  # not where one is lost
    later = np.where(np.isnan(strong), _mean(strong)[..., None], strong).mean(axis=1)
    return np.where(alike, np.stack([each[:, 0] for each in taken], axis=1), later), 1.0 - alike.mean(axis=1)


def _agreement(sums: Floats, each: Floats, measure: Measure, *, paired: bool) -> Floats:
    """The measure from sums (n_draws, n_designs, 10), with `each` one over the number of samples."""
    s, ss, sy, y, yy = (ratio(sums[..., i], sums[..., 0]) for i in range(1, 6))
    if paired:
        s = y = np.zeros_like(s)
    spread = ss - s**2 + ratio(sums[..., 7] * each - sums[..., 8], sums[..., 6])
    people, shared = yy - y**2, sy - s * y
    if measure == "concordance":
        return ratio(2 * shared, np.where(spread > 0, spread + people + (s - y) ** 2, 0.0))
    product = spread * people
    return ratio(shared, np.where(product > 1e-12, np.sqrt(np.maximum(product, 0.0)), 0.0))


def _bounded(found: Estimate) -> Estimate:
    """The agreement with an interval by its standard error, symmetric in its inverse hyperbolic tangent."""
    if not is_defined(found):
        return found
    if abs(found.value) < ONE:
        low, high = fisher_z(found.value, found.se, level=found.level)
    else:  # resamples of units that all agree agree as well
        low, high = at_one(0.0, found.n_used, level=found.level)
        low, high = (low, high) if found.value > 0 else (-high, -low)
    return replace(found, low=low, high=high, interval="fisher_z_of_bootstrap")


def _priced(pilot: Pilot, plan: Design, block: Floats) -> Design:
    """The design with its calls and its price for a unit."""
    calls = dict.fromkeys(plan.judges, plan.orders * plan.samples)
    if plan.strong:
        calls[plan.strong] = plan.orders * float(block[:, 9].sum() / max(block[:, 6].sum(), 1.0))
    price = math.fsum(n * pilot.prices.get(name, math.nan) for name, n in calls.items())
    return replace(plan, calls=math.fsum(calls.values()), price=price)


def _mean(x: Floats) -> Floats:
    """The mean along the last axis of what is there; nan where nothing is."""
    there = ~np.isnan(x)
    return ratio(np.where(there, x, 0.0).sum(axis=-1), there.sum(axis=-1))
