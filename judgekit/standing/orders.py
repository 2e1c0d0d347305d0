"""Two orders of the same systems: how far they agree, whom one of them favours, and where orders differ.

The reference is what the trusted side reaches with itself: the order by some of its items against the order
by the rest. Intervals resample the items of both sides, so that they also hold where each has items of its
own.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import tau_b
from judgekit.agreement.core.arrays import grid
from judgekit.agreement.core.estimate import Status, undefined, with_interval
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError
from judgekit.standing.apart import FEWEST_DRAWS
from judgekit.standing.records import Standing
from judgekit.types import Estimate

HALVES = 200
SHUFFLES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyShift:
    """Whether an order favours a family: ranks its systems gain over the trusted order, less the others'.

    Args:
        shift: Mean of (rank in the trusted order - rank in the other) of the family, less that of the rest;
            above 0 the family is favoured.
        p: Share of the shuffles of who is of the family with a shift as large, either way.
    """

    family: str
    systems: tuple[str, ...]
    shift: float
    p: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tilt:
    """How a judge's win rates of pairs of systems stand to the trusted ones (JuStRank).

    Args:
        decisiveness: The a of the beta distribution B(a, a) whose distribution function maps the trusted win
            rates to the judge's: above 1 it exaggerates who is better, below 1 it blurs it.
        bias: System -> mean win rate the judge gives it beyond that.
        spread: Standard deviation of the biases.
    """

    decisiveness: float
    bias: Mapping[str, float]
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A standing held against a trusted one.

    Args:
        tau: Kendall's tau-b of both orders.
        halves: Mean tau of the trusted order by as many items as the other has (by half of them where it has
            as many or more) against that by the rest; its ends hold 95 % of the splits.
        trusted: Its standing.
        shifts: One for each family.
        tilt: None where win rates of pairs are not known.
        left_out: Systems that one side does not have.
    """

    tau: Estimate
    halves: Estimate
    trusted: Standing
    shifts: tuple[FamilyShift, ...] = ()
    tilt: Tilt | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The standing by each tag, and where a system's rank there is not its rank over all.

    Args:
        by: What the tags are called.
        standings: Tag -> standing.
        moved: (tag, system) -> its rank there less its rank over all.
        spiky: Those that moved beyond noise: both rank sets, for all tags and systems at once, are disjoint.
    """

    by: str
    standings: Mapping[str, Standing]
    moved: Mapping[tuple[str, str], int] = field(default_factory=dict)
    spiky: tuple[tuple[str, str], ...] = ()


def row_taus(a: Floats, b: Floats) -> Floats:
    """Return tau-b of each row of one array (n_draws, n_systems) and the same row of another."""
    one, other = np.triu_indices(a.shape[1], 1)
    s, t = np.sign(a[:, one] - a[:, other]), np.sign(b[:, one] - b[:, other])
    size = np.sqrt(np.sum(s * s, axis=1) * np.sum(t * t, axis=1))
    return np.where(size > 0, np.sum(s * t, axis=1) / np.where(size > 0, size, 1.0), np.nan)


def order_tau(ours: Standing, trusted: Standing, systems: Sequence[str]) -> Estimate:
    """Return tau-b of two standings over systems that both have, with an interval from their resamples."""
    x, y = (np.array([standing.of(s).strength for s in systems]) for standing in (ours, trusted))
    known = np.isfinite(x) & np.isfinite(y)
    blank = Estimate(
        "tau_b", math.nan, level=ours.level, n_units=len(systems), n_raters=2, n_used=int(known.sum()),
        n_dropped=int((~known).sum()), unit="item", method="tau_b of strengths", seed=ours.seed,
    )  # fmt: skip
    value = tau_b(x[known], y[known]) if known.sum() > 1 else math.nan
    if math.isnan(value):
        return undefined(blank, Status.TOO_FEW, "an order has two systems at least, not all alike")
    draws = [
        standing.draws[:, [standing.systems.index(s) for s, k in zip(systems, known, strict=True) if k]]
        if len(standing.draws)
        else np.empty((0, 0))
        for standing in (ours, trusted)
    ]
    b = min(len(each) for each in draws)
    made = replace(blank, value=value)
    if b < FEWEST_DRAWS:
        return made
    taus = row_taus(draws[0][:b], draws[1][:b])
    tails = (1 - ours.level) / 2, (1 + ours.level) / 2
    low, high = np.nanquantile(taus, tails)
    se = float(np.nanstd(taus, ddof=1))
    return with_interval(made, low, high, se=se, interval="percentile", seed=ours.seed)


def half_agreement(
    fit: Callable[[Codes], Floats], n_items: int, n_other: int, *, seed: int = 0, splits: int = HALVES
) -> Estimate:
    """Return the mean tau-b of orders by two parts of the trusted items; `fit` gives strengths of a part."""
    size = n_other if 0 < n_other < n_items else n_items // 2
    blank = Estimate(
        "tau_b_of_halves", math.nan, n_units=n_items, n_raters=1, n_used=n_items, unit="item", seed=seed,
        method=f"{splits} random splits, {size} items against {n_items - size}",
    )  # fmt: skip
    if min(size, n_items - size) < 2:
        return undefined(blank, Status.TOO_FEW, "two parts of two items at least are needed")
    rng = np.random.default_rng(seed)
    parts = [np.split(rng.permutation(n_items), [size]) for _ in range(splits)]
    one, other = (np.array([fit(np.sort(some)) for some in each]) for each in zip(*parts, strict=True))
    known = np.isfinite(one).all(axis=0) & np.isfinite(other).all(axis=0)
    taus = row_taus(one[:, known], other[:, known])
    if not np.isfinite(taus).any():
        return undefined(blank, Status.TOO_FEW)
    low, high = np.nanquantile(taus, [0.025, 0.975])
    made = replace(blank, value=float(np.nanmean(taus)))
    return with_interval(made, low, high, interval="splits", seed=seed)


def family_shift(
    ours: Mapping[str, float],
    trusted: Mapping[str, float],
    family: Collection[str],
    *,
    name: str = "family",
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> FamilyShift:
    """Tell whether an order favours the systems of a family, by shuffling who is of it.

    Args:
        ours: System -> strength; ranks are taken among the systems that both orders have.
        trusted: System -> strength in the trusted order.
        family: The systems of the family.
        name: Its name.
        seed: Of the shuffles.
        shuffles: How many.

    Raises `InputError` if a system of the family is in neither order, or nobody else is.

    >>> people, judge = {"a": 3, "b": 2, "c": 1, "d": 0}, {"a": 2, "b": 3, "c": 1, "d": 0}
    >>> family_shift(judge, people, ["b"]).shift  # b gains a rank, the others lose one among three
    1.3333333333333333
    """
    from scipy.stats import rankdata

    systems = [s for s in trusted if s in ours and math.isfinite(ours[s]) and math.isfinite(trusted[s])]
    if lost := sorted(set(family) - set(ours) - set(trusted)):
        raise InputError(
            f"family {name!r}: no system {lost[0]!r}; there are {sorted(set(ours) | set(trusted))}"
        )
    own = np.array([s in set(family) for s in systems])
    if not own.any() or own.all():
        raise InputError(f"family {name!r}: some systems that both orders have are of it, and some are not")
    gained = rankdata([-trusted[s] for s in systems]) - rankdata([-ours[s] for s in systems])

    def shift(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(sums / own.sum() - (gained.sum() - sums) / (~own).sum(), dtype=float)

    rng = np.random.default_rng(seed)
    places = np.argsort(rng.random((shuffles, len(systems))), axis=1)[:, : int(own.sum())]
    found = float(shift(np.array(gained[own].sum())))
    as_large = int(np.sum(np.abs(shift(gained[places].sum(axis=1))) >= abs(found) - 1e-9))
    return FamilyShift(
        family=name, systems=tuple(s for s in systems if s in set(family)), shift=found,
        p=(as_large + 1) / (shuffles + 1), seed=seed,
    )  # fmt: skip


def judge_tilt(judged: npt.ArrayLike, trusted: npt.ArrayLike, systems: Sequence[str]) -> Tilt:
    """Return how decisive a judge is on pairs of systems, and whom it favours beyond that.

    Args:
        judged: Shape (n_systems, n_systems): how often the system of a row wins against that of a column, by
            the judge; `trusted` by people; nan where that is not known.
        trusted: As above.
        systems: Their names.

    Source: Gera et al. (2024), "JuStRank", https://arxiv.org/abs/2412.09569; ties count as half a win.

    >>> people = [[None, 0.6, 0.8], [0.4, None, 0.7], [0.2, 0.3, None]]
    >>> tilt = judge_tilt(people, people, ["a", "b", "c"])
    >>> round(tilt.decisiveness, 3), round(tilt.spread, 6)
    (1.0, 0.0)
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import betainc

    x, y = grid(trusted, "trusted"), grid(judged, "judged")
    known = ~(np.isnan(x) | np.isnan(y)) & ~np.eye(len(x), dtype=bool)
    if not known.any() or np.ptp(x[known]) == 0:
        return Tilt(decisiveness=math.nan, bias=dict.fromkeys(systems, math.nan), spread=math.nan)
    found = minimize_scalar(
        lambda log_a: np.sum((y[known] - betainc(np.exp(log_a), np.exp(log_a), x[known])) ** 2),
        bounds=(-4.0, 5.0), method="bounded", options={"xatol": 1e-8},
    )  # fmt: skip
    a = float(np.exp(found.x))
    beyond = np.where(known, y - betainc(a, a, np.where(known, x, 0.5)), 0.0)
    n = known.sum(axis=1)
    bias = np.where(n > 0, beyond.sum(axis=1) / np.maximum(n, 1), np.nan)
    return Tilt(
        decisiveness=a, bias=dict(zip(systems, bias.tolist(), strict=True)), spread=float(np.nanstd(bias))
    )


def profile(by: str, overall: Standing, standings: Mapping[str, Standing]) -> Profile:
    """Return how the standing by each tag differs from that over all.

    For `spiky` the standings by tag should be made at a level that holds for all tags at once.
    """
    ranks = {place.system: place for place in overall.places}
    moved, spiky = {}, []
    for tag, standing in standings.items():
        for place in standing.places:
            whole = ranks[place.system]
            if place.rank is None or whole.rank is None:
                continue
            moved[tag, place.system] = place.rank - whole.rank
            sets = place.rank_low, place.rank_high, whole.rank_low, whole.rank_high
            if None not in sets and (sets[0] > sets[3] or sets[1] < sets[2]):  # type: ignore[operator]
                spiky.append((tag, place.system))
    return Profile(by=by, standings=dict(standings), moved=moved, spiky=tuple(spiky))
