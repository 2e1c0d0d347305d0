"""Bradley-Terry: strengths of systems from comparisons, with intervals over items.

Strengths have a meaning only where every system can be reached from every other by wins (a tie is half of
one); else the groups that cannot be joined are named and no strength is given. A soft verdict is a part of a
win, a tie and a loss. Nothing depends on the order of rows or on which response an item lists first.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from judgekit.agreement.core.estimate import Status
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import MOST_LOST
from judgekit.errors import InputError
from judgekit.standing.apart import FEWEST_DRAWS, rank_intervals
from judgekit.standing.newton import Problem
from judgekit.standing.records import ALIKE, Place, Standing, percentile_ends
from judgekit.types import Abstention, Estimate, Outcome, Unit, Verdict

Ties = Literal["half", "davidson"]
Systems = Mapping[str, Mapping[str, str]]
"""Item id -> response id -> system."""
_FEW_ITEMS = 20


def bradley_terry(
    outcomes: "Iterable[Outcome] | Comparisons",
    *,
    systems: Systems | None = None,
    ties: Ties = "half",
    order: bool = False,
    prior: float = 0.0,
    b: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Standing:
    """The order of systems by maximum likelihood.

    Args:
        outcomes: On pairs of responses. Verdicts may be soft; each counts as one comparison, so reduce
            samples and judges first if they are not to weigh more. Or comparisons as arrays.
        systems: Item id -> response id -> system; where left out, response ids are systems.
        ties: `half`: a win of one half for each (the same strengths as counting it twice); `davidson`:
            ties have a probability of their own.
        order: Fit how much the response shown first gains. Needs verdicts of single orders.
        prior: Wins and losses that each system is given against an average opponent; 0.1 makes every
            standing finite, and pulls strengths together.
        b: Resamples of items for intervals; 0 uses the inverse Hessian.
        seed: Of the resampling.
        level: Confidence.

    Returns the standing; strengths in log-odds with mean 0. Not identified: strengths are nan, and the notes
    name the groups of systems between which nobody lost, or nobody won. Raises `InputError` if an outcome is
    not about a pair or a response has no system; for an unknown rule.

    Source: Bradley and Terry (1952); Davidson (1970) for ties; Hunter (2004) for when a fit exists. Checked
    against Agresti's journal citations (-2.95, -0.48, 0.27) and evalica.

    >>> from judgekit.types import Unit, Verdict
    >>> said = [
    ...     Verdict("j", Unit(str(i), ("a", "b")), "better", ((label, 1.0),), label, float(label == "first"))
    ...     for i, label in enumerate(["first", "first", "first", "second"])
    ... ]
    >>> round(bradley_terry(said, b=0).difference("a", "b").value, 3)  # log 3
    1.099
    """
    if ties not in ("half", "davidson"):
        raise InputError(f"ties are 'half' or 'davidson', not {ties!r}")
    if prior < 0.0:
        raise InputError(f"a prior is not negative, as {prior} is; 0 is none")
    data = outcomes if isinstance(outcomes, Comparisons) else comparisons_of(outcomes, systems)
    asked = _Asked(davidson=ties == "davidson", order=order, prior=prior, b=b, seed=seed, level=level)
    if not len(data.one):
        return _without(data, asked, Status.NO_PAIRED_ITEMS, "no verdict compares two systems")
    cells, counts, draws_of = _cells(data)
    groups = components(data)
    if len(groups) > 1 and not prior:
        named = "; ".join(", ".join(group) for group in groups)
        why = f"no system of one group has both won and lost against another: {named}"
        if len(components(data, met=True)) == 1:
            why += "; all have met, so that a prior of 0.1 gives strengths"
        return _without(data, asked, Status.NOT_IDENTIFIED, why)
    notes: tuple[str, ...] = ()
    if asked.davidson and not counts[:, 1].sum():
        asked, notes = replace(asked, davidson=False), ("no ties, so that they have no parameter",)
    problem = Problem(
        n_systems=len(data.systems), one=cells[:, 0], other=cells[:, 1], shown=cells[:, 2].astype(float),
        order=order, davidson=asked.davidson, prior=prior,
    )  # fmt: skip
    if order and not np.any(cells[:, 2]):
        return _without(data, asked, Status.NOT_IDENTIFIED, "no verdict says what was shown first")
    best = problem.top(counts)
    if best is None:
        return _without(data, asked, Status.NOT_IDENTIFIED, "the likelihood has no top")
    return _standing(data, asked, _resampled(problem, draws_of, best, asked), notes)


@dataclass(frozen=True, slots=True)
class _Asked:
    davidson: bool
    order: bool
    prior: float
    b: int
    seed: int
    level: float

    @property
    def method(self) -> str:
        words = ["bradley_terry", "ties davidson" if self.davidson else "ties half"]
        words += ["order effect"] if self.order else []
        words += [f"prior {self.prior:g}"] if self.prior else []
        return ", ".join(words)


@dataclass(frozen=True, eq=False, slots=True)
class Comparisons:
    """Comparisons of systems as arrays with a row each; names are sorted, `one` sorts before `other`.

    `said` (n, 3) has how much of the verdict goes to `one`, to a tie, to `other`; `shown` is 1 if `one` was
    shown first, -1 if last, 0 if that is not known; abstentions and comparisons of a system with itself are
    dropped, and `missing` counts the abstentions of each system by reason.
    """

    systems: tuple[str, ...]
    items: tuple[str, ...]
    one: Codes
    other: Codes
    said: Floats
    shown: Codes
    item: Codes
    n_dropped: int
    missing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def comparisons_of(outcomes: Iterable[Outcome], systems: Systems | None = None) -> Comparisons:
    """Return the comparisons in outcomes on pairs; every verdict counts once.

    An outcome that is not about a pair, is off its scale, or of a response without a system is an InputError.
    """
    names: set[str] = set()
    rows: list[tuple[str, str, tuple[float, float, float], int, str]] = []
    dropped, missing = 0, dict[str, Counter[str]]()
    for outcome in outcomes:
        unit = outcome.unit
        if len(unit.responses) != 2:
            raise InputError(f"{unit} is not a pair; a standing is made of comparisons")
        first, second = _systems_of(unit, systems)
        names |= {first, second}
        if not isinstance(outcome, Verdict) or first == second:
            dropped += 1
            if isinstance(outcome, Abstention):
                for name in {first, second}:
                    missing.setdefault(name, Counter())[outcome.reason] += 1
            continue
        probs = dict(outcome.probs)
        if strays := set(probs) - {"first", "tie", "second"}:
            raise InputError(f"{unit}: labels {sorted(strays)} are not on the scale of pairs")
        said = (probs.get("first", 0.0), probs.get("tie", 0.0), probs.get("second", 0.0))
        lead = _lead(unit, outcome.shown)
        rows.append(
            (first, second, said, lead, unit.item_id)
            if first < second
            else (second, first, said[::-1], -lead, unit.item_id)
        )
    rows.sort()
    known, items = tuple(sorted(names)), tuple(sorted({row[4] for row in rows}))
    code, place = {s: i for i, s in enumerate(known)}, {item: i for i, item in enumerate(items)}
    return Comparisons(
        systems=known, items=items, one=np.array([code[row[0]] for row in rows], dtype=np.intp),
        other=np.array([code[row[1]] for row in rows], dtype=np.intp),
        said=np.array([row[2] for row in rows], dtype=float).reshape(-1, 3),
        shown=np.array([row[3] for row in rows], dtype=np.intp),
        item=np.array([place[row[4]] for row in rows], dtype=np.intp), n_dropped=dropped, missing=missing,
    )  # fmt: skip


def _systems_of(unit: Unit, systems: Systems | None) -> tuple[str, str]:
    first, second = unit.responses
    if systems is None:
        return first, second
    own = systems.get(unit.item_id, {})
    if lost := [response for response in unit.responses if response not in own]:
        raise InputError(
            f"item {unit.item_id!r}: no system is named for responses {lost}; give one for each response"
        )
    return own[first], own[second]


def _lead(unit: Unit, shown: tuple[str, ...]) -> int:
    """Return 1 if the first of the unit was shown before the second, -1 if after, 0 if that is not known."""
    if any(response not in shown for response in unit.responses):
        return 0
    return 1 if shown.index(unit.responses[0]) < shown.index(unit.responses[1]) else -1


def components(data: Comparisons, *, met: bool = False) -> list[list[str]]:
    """Return groups of systems within which everybody can be reached from everybody by wins and ties.

    With `met` by comparisons, whoever won.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    up, down = data.said[:, :2].sum(axis=1) > 0.0, data.said[:, 1:].sum(axis=1) > 0.0
    ends = np.concatenate([data.one[up], data.other[down]]), np.concatenate([data.other[up], data.one[down]])
    n = len(data.systems)
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(n, n)).tocsr()
    _, group = connected_components(graph, directed=True, connection="weak" if met else "strong")
    found: dict[int, list[str]] = {}
    for system, code in zip(data.systems, group.tolist(), strict=True):
        found.setdefault(code, []).append(system)
    return sorted(found.values())


def _cells(data: Comparisons) -> tuple[Codes, Floats, "_Types"]:
    """Return cells (one, other, shown), their counts, and what each item adds to them."""
    from scipy.sparse import coo_array

    n = len(data.systems)
    keys = (data.one * n + data.other) * 3 + (data.shown + 1)  # numbers sort many times faster than rows
    if 3 * n * n <= len(keys):
        used = np.bincount(keys, minlength=3 * n * n) > 0
        found, cell = np.flatnonzero(used), (np.cumsum(used) - 1)[keys]
    else:
        found, cell = np.unique(keys, return_inverse=True)
    cells = np.stack([found // 3 // n, found // 3 % n, found % 3 - 1], axis=1)
    n_cells = len(cells)
    rows = np.repeat(data.item, 3)
    columns = (cell[:, None] * 3 + np.arange(3)).reshape(-1)
    added = coo_array(
        (data.said.reshape(-1), (rows, columns)), shape=(len(data.items), n_cells * 3)
    ).tocsr()  # sums duplicates
    counts = np.asarray(added.sum(axis=0)).reshape(n_cells, 3)
    return cells, counts, _types(added)


@dataclass(frozen=True, eq=False, slots=True)
class _Types:
    """Items that say the same are one type: resampling them is drawing from a multinomial."""

    added: Any
    times: Codes

    def draws(self, b: int, seed: int) -> Floats:
        """Return counts of `b` resamples, shape (b, n_cells, 3), a block at a time to spare memory."""
        rng = np.random.default_rng(seed)
        n = int(self.times.sum())
        size = max(1, 4_000_000 // len(self.times))
        blocks = [
            rng.multinomial(n, self.times / n, size=min(size, b - start)) @ self.added
            for start in range(0, b, size)
        ]
        return np.concatenate(blocks).reshape(b, -1, 3)


def _types(added: Any) -> _Types:
    mixed = added @ np.random.default_rng(0).standard_normal(added.shape[1])
    _, first, back, times = np.unique(mixed, return_index=True, return_inverse=True, return_counts=True)
    if (added[first][back] != added).nnz:  # two different items got one number
        return _Types(added, np.ones(added.shape[0], dtype=np.intp))
    return _Types(added[first], times)


@dataclass(frozen=True, eq=False, slots=True)
class _Fit:
    x: Floats
    covariance: Floats
    draws: Floats
    interval: str
    status: str = "ok"
    notes: tuple[str, ...] = ()


def _resampled(problem: Problem, types: _Types, best: tuple[Floats, Floats], asked: _Asked) -> _Fit:
    """Return the fit of each resample; draws from a normal distribution where items cannot be resampled."""
    x, covariance = best
    n_items = int(types.times.sum())
    if asked.b == 0 or n_items < 2:
        rng = np.random.default_rng(asked.seed)
        notes = () if asked.b == 0 else ("one item: intervals are by the inverse Hessian",)
        normal = rng.multivariate_normal(x, covariance, size=1000, method="eigh")
        return _Fit(x, covariance, normal, "wald", notes=notes)
    tops = (problem.top(counts, x) for counts in types.draws(asked.b, asked.seed))
    found = [top[0] for top in tops if top is not None]
    lost = 1.0 - len(found) / asked.b
    fit = _Fit(x, covariance, np.array(found).reshape(-1, len(x)), "percentile")
    if lost > MOST_LOST:
        note = f"{lost:.0%} of the resamples had no fit; a prior of 0.1 would give one"
        return replace(fit, status=Status.RESAMPLES_LOST, notes=(note,))
    if n_items < _FEW_ITEMS:
        return replace(fit, status=Status.FEW_CLUSTERS, notes=(f"{n_items} items are few to resample",))
    return fit


def _standing(data: Comparisons, asked: _Asked, fit: _Fit, notes: tuple[str, ...]) -> Standing:
    x, draws = fit.x, fit.draws
    n = len(data.systems)
    se = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    low, high = _ends(fit, se, asked.level)
    kind = fit.interval
    if kind == "percentile" and len(data.items) < len(data.one):
        kind = "percentile_cluster"
    named, status, said = _told(fit, low[:n], kind)
    strengths = np.round(x[:n], 10)
    span = rank_intervals(x[:n], draws[:, :n], asked.level)
    played, won = _record(data)
    order = sorted(range(n), key=lambda i: (-strengths[i], data.systems[i]))
    places = tuple(
        Place(
            system=data.systems[i],
            n=int(played[i]),
            won=float(won[i]),
            mean=float(won[i]),
            missing=dict(data.missing.get(data.systems[i], {})),
            strength=float(x[i]),
            low=float(low[i]),
            high=float(high[i]),
            se=float(se[i]),
            rank=1 + int(np.sum(strengths > strengths[i])),
            rank_low=span[i][0],
            rank_high=span[i][1],
        )
        for i in order
    )
    effect = None
    if asked.order:
        own = _told(fit, low[n : n + 1], kind)
        effect = Estimate(
            name="order_effect", value=float(x[n]), low=float(low[n]), high=float(high[n]), se=float(se[n]),
            level=asked.level, n_units=len(data.items), n_raters=1, n_used=len(data.one),
            n_dropped=data.n_dropped, unit="item", method=asked.method, interval=own[0], seed=asked.seed,
            status=own[1], notes=own[2],
        )  # fmt: skip
    return Standing(
        places=places, method=asked.method, interval=named, level=asked.level, n_items=len(data.items),
        n_comparisons=len(data.one), n_dropped=data.n_dropped, order_effect=effect,
        ties=math.exp(x[-1]) if asked.davidson else None, seed=asked.seed, status=status,
        notes=(*notes, *said), covariance=fit.covariance[np.ix_(order, order)], draws=draws[:, order],
    )  # fmt: skip


def _ends(fit: _Fit, se: Floats, level: float) -> tuple[Floats, Floats]:
    if fit.interval == "wald":
        from scipy.special import ndtri

        half = ndtri((1.0 + level) / 2.0) * se
        return fit.x - half, fit.x + half
    return percentile_ends(fit.draws, level)


def _told(fit: _Fit, low: Floats, kind: str) -> tuple[str, str, tuple[str, ...]]:
    """Return interval, status and notes of parameters with these lower ends; `none` where they have none."""
    if not np.isnan(low).all():
        return kind, fit.status, fit.notes
    if len(fit.draws) < FEWEST_DRAWS:
        note = f"{len(fit.draws)} resamples had a fit, and an interval needs {FEWEST_DRAWS}"
        return "none", fit.status, (*fit.notes, note)
    return "none", Status.DEGENERATE if fit.status == "ok" else fit.status, (*fit.notes, ALIKE)


def _record(data: Comparisons) -> tuple[Floats, Floats]:
    """Return the comparisons each system was in, and the share it won."""
    n = len(data.systems)
    played = np.bincount(data.one, minlength=n) + np.bincount(data.other, minlength=n)
    gained = np.bincount(data.one, data.said[:, 0] + data.said[:, 1] / 2, n)
    gained = gained + np.bincount(data.other, data.said[:, 2] + data.said[:, 1] / 2, n)
    return played.astype(float), np.where(played > 0, gained / np.maximum(played, 1), np.nan)


def _without(data: Comparisons, asked: _Asked, status: str, why: str) -> Standing:
    """Return a standing without strengths, and why."""
    nan, n = math.nan, len(data.systems)
    played, won = _record(data)
    places = tuple(
        Place(
            system=system, n=int(played[i]), won=float(won[i]), mean=float(won[i]),
            missing=dict(data.missing.get(system, {})),
        )
        for i, system in enumerate(data.systems)
    )  # fmt: skip
    effect = Estimate("order_effect", nan, status=status, method=asked.method) if asked.order else None
    return Standing(
        places=places, method=asked.method, interval="none", level=asked.level, n_items=len(data.items),
        n_comparisons=len(data.one), n_dropped=data.n_dropped, order_effect=effect, ties=None,
        seed=asked.seed, status=status, notes=(why,), covariance=np.full((n, n), nan),
        draws=np.empty((0, n)),
    )  # fmt: skip
