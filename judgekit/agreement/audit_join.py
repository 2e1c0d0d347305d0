"""Verdicts and labels -> `Labelled`: joined by unit, with every row accounted for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from judgekit.agreement.audit_data import Labelled
from judgekit.agreement.audit_repeats import repeats_of
from judgekit.agreement.ratings import Floats, as_ratings
from judgekit.errors import InputError
from judgekit.scales import Numbers, Scale
from judgekit.types import Outcome, Unit, Verdict, brief, is_control, stands_for

PROBABLE = ("logprob", "decision")
VOTES = 5
"""From so many verdicts of one judge on one unit on, their shares count as probabilities."""


@dataclass(frozen=True)
class Facts:
    """What is known of units besides their labels; each by unit, and each may be empty.

    Args:
        clusters: What a unit belongs to; units of a cluster are not independent.
        systems: Who wrote its response, or both responses of a pair.
        groups: Column -> unit -> its group, for slices.
        lengths: Length of its response; of a pair, the first's less the second's.
        weights: How many units of the population it stands for.
        family: The family of who wrote its response.
        populations: The population it belongs to.
        pools: Person -> the population they belong to.
        families: Judge or system -> its family.
    """

    clusters: Mapping[Unit, str] = field(default_factory=dict)
    systems: Mapping[Unit, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[Unit, str]] = field(default_factory=dict)
    lengths: Mapping[Unit, float] = field(default_factory=dict)
    weights: Mapping[Unit, float] = field(default_factory=dict)
    family: Mapping[Unit, str] = field(default_factory=dict)
    populations: Mapping[Unit, str] = field(default_factory=dict)
    pools: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)

    __repr__ = brief


def side_by_side(
    criterion: str,
    scale: Scale,
    judged: Sequence[Outcome],
    people: Sequence[Outcome],
    *,
    raw: Sequence[Outcome] = (),
    facts: Facts | None = None,
    trusted: bool = False,
) -> Labelled:
    """Judges and people of one criterion.

    Args:
        criterion: Its id.
        scale: As declared.
        judged: Judges' outcomes, one for each (unit, judge): reduced over orders and samples before.
        people: People's, one for each (unit, person).
        raw: Judges' outcomes before they were reduced, for orders and probabilities.
        facts: What else is known of the units.
        trusted: Whether the labels are taken for the truth.

    Raises:
        InputError: If no unit was both judged and labelled, a name is both a judge's and a person's, or
            two outcomes stand in one place.
    """
    known = facts or Facts()
    judges = tuple(dict.fromkeys(sorted({o.rater for o in judged}, key=lambda n: (is_control(n), n))))
    persons = tuple(sorted({o.rater for o in people}))
    if both := sorted(set(judges) & set(persons)):
        raise InputError(f"{both[0]!r} is a judge and a person at once; rename one of them")
    cells = _cells(criterion, judged) | _cells(criterion, people)
    labelled = {o.unit for o in people if isinstance(o, Verdict)}
    asked = {o.unit for o in judged}
    units = [u for u in dict.fromkeys(o.unit for o in people) if u in labelled and u in asked]
    if not units:
        raise InputError(_no_join(criterion, [o.unit for o in people], [o.unit for o in judged]))
    raters = (*judges, *persons)
    found = [[cells.get((unit, rater)) for rater in raters] for unit in units]
    verdicts = [[o if isinstance(o, Verdict) else None for o in row] for row in found]
    nested = bool(known.clusters) or len({u.item_id for u in units}) < len(units)
    clusters = [known.clusters.get(u, u.item_id) for u in units] if nested else None
    ratings = as_ratings(
        [[_said(v, scale) for v in row] for row in verdicts], scale=scale, raters=raters, clusters=clusters
    )
    chances, chances_are = _sure(units, raters, verdicts, raw)
    return Labelled(
        criterion, ratings, np.array([[_number(v, scale) for v in row] for row in verdicts], dtype=float),
        chances, chances_are, judges, persons,
        tuple(_name(u) for u in units), tuple(u.item_id for u in units),
        tuple(known.systems.get(u, ()) for u in units),
        {name: tuple(of.get(u) for u in units) for name, of in known.groups.items()},
        np.array([known.lengths.get(u, np.nan) for u in units]) if known.lengths else None,
        np.array([known.weights.get(u, np.nan) for u in units]) if known.weights else None,
        _orders(units, judges, raw),
        {j: dict(_reasons(found, i)) for i, j in enumerate(judges)},
        {j: _rest(j, judged, labelled, scale) for j in judges},
        {
            "labelled, not judged": len(labelled - asked),
            "judged, not labelled": len(asked - labelled),
            "people could not tell": sum(not isinstance(o, Verdict) for o in people),
        },
        trusted,
        _substitutes(judged),
        repeats=repeats_of(raw, scale, known.clusters), families=known.families, pools=known.pools,
        family=tuple(known.family.get(u) for u in units) if known.family else (),
        populations=tuple(known.populations.get(u) for u in units) if known.populations else (),
    )  # fmt: skip


def _substitutes(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Judges all of whose verdicts were given in the place of one other -> that other."""
    seats: dict[str, set[str | None]] = {}
    for o in outcomes:
        if isinstance(o, Verdict):
            seats.setdefault(o.rater, set()).add(stands_for(o))
    only = {rater: next(iter(seat)) for rater, seat in seats.items() if len(seat) == 1}
    return {rater: seat for rater, seat in only.items() if seat is not None}


def _cells(criterion: str, outcomes: Iterable[Outcome]) -> dict[tuple[Unit, str], Outcome]:
    cells: dict[tuple[Unit, str], Outcome] = {}
    for each in outcomes:
        place = (each.unit, each.rater)
        if place in cells:
            raise InputError(
                f"{each.rater!r} gives two outcomes for {_name(each.unit)} on {criterion!r}; "
                "a judge's are reduced first, a person has one"
            )
        cells[place] = each
    return cells


def _name(unit: Unit) -> str:
    about = " vs ".join(unit.responses)
    return "/".join(part for part in (unit.item_id, about, unit.part) if part)


def _no_join(criterion: str, people: Sequence[Unit], judged: Sequence[Unit]) -> str:
    theirs, ours = (sorted({_name(u) for u in units})[:3] for units in (people, judged))
    return (
        f"{criterion!r}: no unit was both judged and labelled; labels are about {theirs}, ... and verdicts "
        f"about {ours}, ...; item_id and response_id must be the same in both"
    )


def _said(verdict: Verdict | None, scale: Scale) -> Any:
    if verdict is None:
        return None
    return float(verdict.label) if isinstance(scale, Numbers) else verdict.label


def _number(verdict: Verdict | None, scale: Scale) -> float:
    if verdict is None:
        return float("nan")
    if isinstance(scale, Numbers):
        return scale.low + verdict.value * (scale.high - scale.low)
    return verdict.value


def _reasons(found: Sequence[Sequence[Outcome | None]], column: int) -> Counter[str]:
    rest = [row[column] for row in found if not isinstance(row[column], Verdict)]
    return Counter("not asked" if o is None else getattr(o, "reason", "missing") for o in rest)


def _rest(judge: str, judged: Sequence[Outcome], labelled: set[Unit], scale: Scale) -> Floats:
    own = [o for o in judged if o.rater == judge and o.unit not in labelled and isinstance(o, Verdict)]
    return np.array([_number(o, scale) for o in own], dtype=float)


def _sure(
    units: Sequence[Unit], raters: Sequence[str], verdicts: Sequence[Sequence[Verdict | None]], raw: Any
) -> tuple[Floats, str]:
    """Probability of the label said, where the judge gave probabilities; and what they are."""
    behind: dict[tuple[Unit, str], list[Verdict]] = {}
    for each in raw:
        if isinstance(each, Verdict):
            behind.setdefault((each.unit, each.rater), []).append(each)
    sure = np.full((len(units), len(raters)), np.nan)
    kinds: set[str] = set()
    for i, (unit, row) in enumerate(zip(units, verdicts, strict=True)):
        for j, (rater, verdict) in enumerate(zip(raters, row, strict=True)):
            if verdict is None or not (own := behind.get((unit, rater), [])):
                continue
            if all(v.source in PROBABLE for v in own):
                sure[i, j] = dict(verdict.probs).get(verdict.label, 0.0)
                kinds.add("label probabilities")
            elif len(own) >= VOTES:
                sure[i, j] = dict(verdict.probs).get(verdict.label, 0.0)
                kinds.add("vote shares")
            elif stated := [v.confidence for v in own if v.confidence is not None]:
                sure[i, j] = sum(stated) / len(stated)
                kinds.add("stated confidence")
    return sure, ", ".join(sorted(kinds))


def _orders(
    units: Sequence[Unit], judges: Sequence[str], raw: Sequence[Outcome]
) -> dict[str, tuple[Floats, Floats]]:
    """Verdicts of pairs by place, for judges who saw both orders; samples of an order are averaged."""
    row = {unit: i for i, unit in enumerate(units)}
    sums = {j: np.zeros((2, len(units))) for j in judges}
    counts = {j: np.zeros((2, len(units))) for j in judges}
    for o in raw:
        here = row.get(o.unit)
        if not isinstance(o, Verdict) or here is None or len(o.unit.responses) != 2 or len(o.shown) != 2:
            continue
        order = int(o.shown != o.unit.responses)
        sums[o.rater][order, here] += 1 - o.value if order else o.value
        counts[o.rater][order, here] += 1
    found = {}
    for judge in judges:
        if counts[judge].sum(axis=1).min() > 0:
            n = counts[judge]
            one, other = np.where(n > 0, sums[judge] / np.maximum(n, 1), np.nan)
            found[judge] = (one, other)
    return found
