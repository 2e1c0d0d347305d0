"""Scores of systems on items -> a standing: plain means, two-way least squares, one-parameter item response.

Items are the independent units: all errors are clustered by item, since the scores of one item share its
difficulty, and several judges of one response share the response. A model compares systems on the items that
they share, directly or by a chain; where some systems lack hard items the plain mean rewards them for it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import grid, inverse_of, settled
from judgekit.agreement.core.estimate import Status
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.models.rasch import Errors, fit_facets
from judgekit.errors import InputError
from judgekit.standing.apart import rank_intervals
from judgekit.standing.continuous import linked
from judgekit.standing.records import STILL, Place, Standing, reach
from judgekit.types import Estimate

FEW_ITEMS = 20
_DRAWS = 1000
_STILL = 1e-9


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Scored:
    """Scores of systems on items.

    Args:
        systems: Names.
        items: Names.
        values: Shape (n_systems, n_items), nan where missing; of several judges their mean.
        missing: System -> reason -> answers that were asked for and not obtained.
        tags: Shape (n_items,) each, by name: what groups items.
        labels: Values as categories of a declared scale, where they are, with who gave them.

    >>> Scored(systems=("new", "old"), items=("1", "2"), values=np.array([[1.0, 0.5], [0.0, np.nan]])).means
    array([0.75, 0.  ])
    """

    systems: tuple[str, ...]
    items: tuple[str, ...]
    values: Floats
    missing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    tags: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    labels: "Categories | None" = None

    @property
    def n(self) -> Codes:
        """How many scores each system has."""
        return np.asarray(np.sum(~np.isnan(self.values), axis=1), dtype=np.intp)

    @property
    def means(self) -> Floats:
        """The plain mean of each system."""
        n = self.n
        return np.where(n > 0, np.nansum(self.values, axis=1) / np.maximum(n, 1), np.nan)


@dataclass(frozen=True, eq=False, slots=True)
class Categories:
    """Labels in long form, (n,) each: categories from 0, places of items and systems, names of raters.

    >>> right = Categories(np.array([1, 0]), np.array([0, 0]), np.array([0, 1]), ["j", "j"], n_categories=2)
    """

    category: Codes
    item: Codes
    system: Codes
    rater: Sequence[str]
    n_categories: int


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Fitted:
    """What a model makes of scores: strengths with mean 0 and their covariance, nan where there is none."""

    strength: Floats
    covariance: Floats
    df: float
    method: str
    unit: str
    status: str = "ok"
    notes: tuple[str, ...] = ()
    bounds: Mapping[int, tuple[float, float]] = field(default_factory=dict)


def scored(
    scores: npt.ArrayLike, systems: Sequence[str] | None = None, items: Sequence[str] | None = None
) -> Scored:
    """Return scores (n_systems, n_items) with names, which are numbers where left out."""
    x = grid(scores, "scores")
    named = [tuple(map(str, names or range(n))) for names, n in zip((systems, items), x.shape, strict=True)]
    if [len(each) for each in named] != list(x.shape):
        raise InputError(f"{len(named[0])} systems and {len(named[1])} items for scores of shape {x.shape}")
    lost = np.isnan(x).sum(axis=1).tolist()
    missing = {name: {"absent": n} for name, n in zip(named[0], lost, strict=True) if n}
    return Scored(systems=named[0], items=named[1], values=x, missing=missing)


def two_way(
    scores: "npt.ArrayLike | Scored",
    *,
    systems: Sequence[str] | None = None,
    link: str = "points",
    parts: float | npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Standing:
    """The order of systems by scores = system + item + error, whose errors are clustered by item.

    Args:
        scores: Shape (n_systems, n_items), nan where missing.
        systems: Names of the systems.
        link: `points` as they are; `logit` of shares of `parts`, ln((k + .5) / (m - k + .5)); `squeeze`, the
            logit of .998 p + .001, as GIM has it, which throws a 0 or a 1 far out.
        parts: How many criteria or levels a share is of, one number or one for each item.
        level: The confidence of each interval, and of all ranks together.
        seed: Of the draws behind the ranks.

    On complete scores it is the paired differences of means. A system that lacks hard items is not rewarded
    for it. `undefined:not_identified` where systems fall into groups that share no item; `undefined:too_few`
    with one shared item. Raises `InputError` for infinite scores, or shares off 0 to 1.

    Source: Searle (1987), "Linear Models for Unbalanced Data"; Liang and Zeger (1986) for the covariance.

    >>> found = two_way([[0.9, 0.6, 0.8], [0.7, 0.5, None]], systems=["new", "old"])
    >>> round(found.difference("new", "old").value, 3)  # on the two items that both have
    0.15
    """
    table = scores if isinstance(scores, Scored) else scored(scores, systems)
    unit = "points" if link == "points" else "logits"
    y = linked(table.values, link, parts)
    fit = fit_two_way(y, table.systems, method=f"two-way, {link}", unit=unit)
    return standing_of(table, fit, level=level, seed=seed)


def plain_mean(
    scores: "npt.ArrayLike | Scored",
    *,
    systems: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Standing:
    """The order of systems by their plain means, each over the items it has; errors clustered by item.

    Right where all systems have the same items, or lack some by pure chance; else it compares items, too.

    >>> plain_mean([[0.9, 0.6, 0.8], [0.7, 0.5, None]], systems=["new", "old"]).systems
    ('new', 'old')
    """
    table = scores if isinstance(scores, Scored) else scored(scores, systems)
    n, means = table.n, table.means
    there = ~np.isnan(table.values)
    apart = np.where(there, table.values - means[:, None], 0.0) / np.maximum(n, 1)[:, None]
    j = int(there.any(axis=0).sum())
    known = n > 0
    covariance = np.full((len(n),) * 2, np.nan)
    if j > 1:
        covariance[np.ix_(known, known)] = _turned((apart @ apart.T)[np.ix_(known, known)]) * j / (j - 1)
    strength = np.where(known, means - means[known].mean() if known.any() else np.nan, np.nan)
    fit = Fitted(
        strength=strength, covariance=covariance, df=float(j - 1), method="plain mean", unit="points"
    )
    return standing_of(table, checked(fit, known.sum(), j), level=level, seed=seed)


def one_parameter(table: Scored, *, errors: Errors = "items", level: float = 0.95, seed: int = 0) -> Standing:
    """The order of systems by the one-parameter (Rasch) model of labels, items random, judges as facets.

    Strengths are abilities in logits. On complete data they order systems as plain means do. A system that
    got all right or all wrong has a bound in the place of a number. Raises `InputError` for a table without
    labels. Source: As of `jk.agreement.many_facet_rasch`.

    >>> right = np.array([1, 0, 1, 1, 0, 0, 1, 0])  # of systems 0 and 1 on items 0 to 3
    >>> item, system = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 1] * 4)
    >>> table = Scored(
    ...     systems=("new", "old"), items=("1", "2", "3", "4"), values=right.reshape(4, 2).T * 1.0,
    ...     labels=Categories(right, item, system, ["judge"] * 8, n_categories=2),
    ... )
    >>> one_parameter(table).systems
    ('new', 'old')
    """
    if table.labels is None:
        raise InputError("the scores are no labels of a declared scale; declare one, or use model='two-way'")
    said, n = table.labels, len(table.systems)
    items, systems = ([str(i) for i in codes] for codes in (said.item, said.system))
    several = len(set(said.rater)) > 1
    found = fit_facets(
        said.category, items, said.rater if several else systems, n_categories=said.n_categories,
        criteria=systems if several else None, level=level, errors=errors,
    )  # fmt: skip
    made = found.difficulties if several else found.severities.raters
    place = np.array([int(each) for each in made], dtype=np.intp)
    first = len(found.severities.raters) if several else 0
    strength, covariance = np.full(n, np.nan), np.full((n, n), np.nan)
    each: list[Estimate] = list(made.values())
    strength[place] = [-e.value for e in each]
    if len(place):
        own = slice(first, first + len(place))
        covariance[np.ix_(place, place)] = found.covariance[own, own]
    bounds = {
        int(at): (-e.high, -e.low) for at, e in zip(place, each, strict=True) if e.interval == "extreme_bound"
    }
    known = np.isfinite(strength)
    notes = _told(table, found.severities.notes, found.severities.components, bounds, several=several)
    status = found.severities.status
    if status == Status.NEEDS_TWO_RATERS:
        status = Status.NO_PAIRED_ITEMS
    elif status == "ok" and not known.any():
        status = Status.NOT_IDENTIFIED
        notes = notes or tuple(dict.fromkeys(note for e in each for note in e.notes))
    fit = Fitted(
        strength=strength, covariance=covariance, df=found.df, unit="logits", status=status, bounds=bounds,
        method="1pl" + (", judges as facets" if several else ""), notes=notes,
    )  # fmt: skip
    return standing_of(table, checked(fit, known.sum(), len(set(items))), level=level, seed=seed)


def _told(
    table: Scored,
    notes: Sequence[str],
    components: Sequence[Sequence[str]],
    bounds: Mapping[int, tuple[float, float]],
    *,
    several: bool,
) -> tuple[str, ...]:
    """Return the notes of a fit, in which systems have their names and not their places."""
    made = [
        f"{table.systems[at]} got all {'right' if math.isinf(ends[1]) else 'wrong'}: its strength is "
        f"{f'at least {ends[0]:.2f}' if math.isinf(ends[1]) else f'at most {ends[1]:.2f}'} (5 % bound)"
        for at, ends in bounds.items()
    ]
    if len(components) > 1 and not several:
        return (*made, _unjoined([table.systems[int(s)] for s in group] for group in components))
    return (*made, *(note for note in notes if "one end" not in note))


def fit_two_way(
    y: Floats, systems: Sequence[str], *, method: str = "two-way", unit: str = "points"
) -> Fitted:
    """Fit scores (n_systems, n_items), nan where missing, by two-way least squares."""
    from scipy.sparse.csgraph import connected_components

    n = len(y)
    strength, covariance = np.full(n, np.nan), np.full((n, n), np.nan)
    fit = Fitted(strength=strength, covariance=covariance, df=math.nan, method=method, unit=unit)
    there = ~np.isnan(y)
    shared, known = there.sum(axis=0) > 1, there.any(axis=1)
    m = there[np.ix_(known, shared)].astype(float)
    x = np.where(there, y, 0.0)[np.ix_(known, shared)]
    if not m.size:
        return checked(fit, 0, 0)
    _, member = connected_components(m @ m.T > 0, directed=False)
    if member.max() > 0:
        own = np.array(systems, dtype=object)[known]
        named = _unjoined(own[member == group] for group in range(member.max() + 1))
        return replace(fit, status=Status.NOT_IDENTIFIED, notes=(named,))
    size, j = m.sum(axis=0), int(shared.sum())
    inverse = inverse_of(np.diag(m.sum(axis=1)) - (m / size) @ m.T)
    mean = x.sum(axis=0) / size
    effect = inverse @ (m * (x - mean)).sum(axis=1)
    moved = inverse @ (m * (x - effect[:, None] - (mean - effect @ m / size)))
    strength[known] = effect
    covariance[np.ix_(known, known)] = moved @ moved.T * (j / (j - 1) if j > 1 else np.nan)
    return checked(replace(fit, df=float(j - 1)), int(known.sum()), j)


def _turned(covariance: Floats) -> Floats:
    """Return the covariance of numbers around their mean."""
    centre = np.eye(len(covariance)) - 1.0 / max(len(covariance), 1)
    return np.asarray(centre @ covariance @ centre, dtype=float)


def checked(fit: Fitted, n_known: int, n_items: int) -> Fitted:
    """Return a fit with the status that its numbers of systems and items earn it."""
    if not fit.status.startswith("ok"):
        return fit
    nan = np.full_like(fit.strength, np.nan)
    if n_known + len(fit.bounds) < 2 or n_items == 0:
        why = "no item has scores of two systems"
        return replace(fit, strength=nan, status=Status.NO_PAIRED_ITEMS, notes=(*fit.notes, why))
    if n_items < 2:
        why = "one item says nothing of others"
        return replace(fit, strength=nan, status=Status.TOO_FEW, notes=(*fit.notes, why))
    if n_items < FEW_ITEMS:
        return replace(fit, status=Status.FEW_CLUSTERS, notes=(*fit.notes, f"only {n_items} items"))
    return fit


def standing_of(table: Scored, fit: Fitted, *, level: float = 0.95, seed: int = 0) -> Standing:
    """Return the standing of systems by a fit of their scores."""
    s, notes = settled(fit.strength), fit.notes
    known = np.isfinite(s)
    covariance = np.where(known[:, None] & known, fit.covariance, np.nan)
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    still = bool(known.any()) and float(np.nanmax(se, initial=0.0)) <= _STILL
    status = Status.DEGENERATE if still and fit.status == "ok" else fit.status
    draws = np.full((0, len(s)), np.nan)
    if known.any() and not still:
        draws = _draws(s, covariance, known, fit.df, seed)
    ranks = rank_intervals(s, draws, level)
    half = reach(level, fit.df) * se if not still and known.any() else np.full(len(s), np.nan)
    ends = {i: (float(s[i] - half[i]), float(s[i] + half[i])) for i in range(len(s))} | dict(fit.bounds)
    height = np.array([_height(s[i], ends[i]) for i in range(len(s))])
    order = sorted(range(len(s)), key=lambda i: (-np.nan_to_num(height[i], nan=-np.inf), table.systems[i]))
    counts, means = table.n, table.means
    places = tuple(
        Place(
            system=table.systems[i], strength=float(s[i]), low=ends[i][0], high=ends[i][1], se=float(se[i]),
            rank=None if math.isnan(height[i]) else 1 + int(np.sum(height > height[i])),
            rank_low=ranks[i][0], rank_high=ranks[i][1], n=int(counts[i]), mean=float(means[i]),
            missing=dict(table.missing.get(table.systems[i], {})),
        )
        for i in order
    )  # fmt: skip
    return Standing(
        places=places, method=fit.method, interval="none" if still or not known.any() else "t_cr1",
        level=level, n_items=int((~np.isnan(table.values)).any(axis=0).sum()),
        n_comparisons=int(counts.sum()), n_dropped=sum(p.n_missing for p in places), order_effect=None,
        ties=None, seed=seed, status=status, notes=(*notes, *([STILL] if still else [])),
        covariance=covariance[np.ix_(order, order)], draws=draws[:, order], unit=fit.unit, df=fit.df,
    )  # fmt: skip


def _height(strength: float, ends: tuple[float, float]) -> float:
    """Return what a system is ordered by: its strength; infinite where it got all right or all wrong."""
    if not math.isnan(strength):
        return float(strength)
    return math.inf if math.isinf(ends[1]) else -math.inf if math.isinf(ends[0]) else math.nan


def _unjoined(groups: Iterable[Iterable[str]]) -> str:
    return "groups of systems that share no item: " + "; ".join(", ".join(each) for each in groups)


def _draws(s: Floats, covariance: Floats, known: npt.NDArray[np.bool_], df: float, seed: int) -> Floats:
    """Draw strengths from their t distribution; nan of a system without one."""
    rng = np.random.default_rng(seed)
    some = np.ix_(known, known)
    normal = rng.multivariate_normal(np.zeros(int(known.sum())), covariance[some], _DRAWS, method="eigh")
    wide = np.sqrt(df / rng.chisquare(df, _DRAWS))[:, None] if math.isfinite(df) else 1.0
    made = np.full((_DRAWS, len(s)), np.nan)
    made[:, known] = s[known] + normal * wide
    return made
