"""What judges and people said of the same units, side by side: the ground an audit stands on.

One `Labelled` is one criterion. A unit belongs to it if a person labelled it; what a judge said of further
units is kept apart (`unlabelled`), for estimates of a level. Nothing is dropped without being counted in
`dropped` or `abstained`. Repeats are verdicts on a question (a unit shown in one order) that was asked twice
or more.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np

from judgekit.agreement.auditing.looked import Looks, looks_of
from judgekit.agreement.bias.repeats import repeatability
from judgekit.agreement.core.ratings import Codes, Floats, Ratings, as_ratings
from judgekit.agreement.core.resample import Drawn
from judgekit.agreement.people.panel import majority
from judgekit.errors import InputError
from judgekit.scales import Labels, Numbers, Scale
from judgekit.types import Estimate, Outcome, Unit, Verdict, brief, is_control, stands_for

OF_LABELS = ("flip_rate", "repeat_agreement", "all_same")
OF_SCORES = ("sem", "smallest_detectable_change", "icc_repeats")


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """What one judge said again and again: a row a question, with the unit's cluster.

    `said` has a number for each label, (n_questions, most repeats), nan where there is none; `places` the
    same on the scale, from 0 to 1, nan throughout on a nominal scale.
    """

    said: Floats
    places: Floats
    clusters: tuple[str, ...]


def repeats_of(raw: Sequence[Outcome], scale: Scale, clusters: Mapping[Unit, str]) -> dict[str, Repeats]:
    """Repeats of each judge that was asked anything twice."""
    asked: dict[str, dict[tuple[Unit, tuple[str, ...]], list[str]]] = {}
    for each in raw:
        if isinstance(each, Verdict):
            asked.setdefault(each.rater, {}).setdefault((each.unit, each.shown), []).append(each.label)
    made = {}
    for judge, questions in asked.items():
        again = {question: labels for question, labels in questions.items() if len(labels) > 1}
        if again:
            cells = np.full((2, len(again), max(map(len, again.values()))), np.nan)
            for row, labels in enumerate(again.values()):
                cells[:, row, : len(labels)] = np.array([_numbers(label, scale) for label in labels]).T
            units = [unit for unit, _ in again]
            made[judge] = Repeats(cells[0], cells[1], tuple(clusters.get(u, u.item_id) for u in units))
    return made


def _numbers(label: str, scale: Scale) -> tuple[float, float]:
    """A number that only this label has, and its place on the scale."""
    if not isinstance(scale, Labels):
        return float(label), (float(label) - scale.low) / (scale.high - scale.low)
    nominal = scale.kind == "nominal" and len(scale.labels) > 2
    return float(scale.labels.index(label)), float("nan") if nominal else scale.worth[label]


def repeatability_of(repeats: Repeats, **how: Unpack[Drawn]) -> dict[str, Estimate]:
    """Repeatability of a judge: of its labels, and of its places in shares of the scale."""
    clusters = repeats.clusters if len(set(repeats.clusters)) < len(repeats.clusters) else None
    found = repeatability(repeats.said, clusters=clusters, **how)
    made = {name: found[name] for name in OF_LABELS}
    if not np.isnan(repeats.places).all():
        found = repeatability(repeats.places, clusters=clusters, **how)
        made |= {name: found[name] for name in OF_SCORES}
    return made


@dataclass(frozen=True, eq=False)
class Labelled:
    """One criterion, as judges and people see it. Shapes are (n_units, n_raters) unless said otherwise.

    Args:
        ratings: Labels, as codes: judges' columns first, then people's.
        numbers: The same as numbers on the scale; of a distribution over labels, its expectation.
        sure: Probability the rater gave to the label it said; nan where none is known. `sure_is` says what
            that is: `label probabilities`, `vote shares`, `stated confidence` or empty.
        judges: Names of judges, controls among them.
        units: What each row is about, and its item in `items`.
        systems: Shape (n_units,): who wrote it, both for a pair; empty where unknown.
        groups: Column -> group of each row, None where it has none.
        lengths: Shape (n_units,), nan where unknown.
        weights: Shape (n_units,), or None where all units count alike.
        orders: Judge -> its verdicts by place in the item's order and in the other one, shape (n_units,): 1
            the first shown won, 0 the second; nan where none was obtained.
        abstained: Judge -> reason -> how many of its answers on labelled units were not obtained: of a unit
            that was asked several times, each that was lost counts.
        obtained: Judge -> share of the answers asked of it that were obtained, shape (n_units,).
        unlabelled: Judge -> numbers of units nobody labelled.
        dropped: What was left out -> how many.
        trusted: Whether the labels are taken for the truth, so that people need not be compared.
        chosen: How the labelled units were chosen from all that was judged, as their labels say: `random`,
            `weighted` (by chances of their own), `picked by RULE`, or empty where nothing is said.
        substitutes: Judge that only ever stood in for another -> that other, whose seat in a panel it had.
        repeats: Judge -> what it said when it was asked the same again, of any unit.
        looks: Judge -> what it said before and after a second look, of labelled units.
        families: Judge or system -> its family, as declared; `family` is that of the response's writer as the
            labels say, shape (n_units,), or empty.
        populations: Shape (n_units,), the population each unit belongs to, None for none; or empty.
        pools: Person -> the population they belong to.
        continuous: Whether the declared scale takes every number between its ends.
    """

    criterion: str
    ratings: Ratings
    numbers: Floats
    sure: Floats
    sure_is: str
    judges: tuple[str, ...]
    people: tuple[str, ...]
    units: tuple[str, ...]
    items: tuple[str, ...]
    systems: tuple[tuple[str, ...], ...]
    groups: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    lengths: Floats | None = None
    weights: Floats | None = None
    orders: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    abstained: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    obtained: Mapping[str, Floats] = field(default_factory=dict)
    unlabelled: Mapping[str, Floats] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    trusted: bool = False
    chosen: str = ""
    substitutes: Mapping[str, str] = field(default_factory=dict)
    repeats: Mapping[str, Repeats] = field(default_factory=dict)
    looks: Mapping[str, Looks] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    family: tuple[str | None, ...] = ()
    populations: tuple[str | None, ...] = ()
    pools: Mapping[str, str] = field(default_factory=dict)
    continuous: bool = False

    @property
    def span(self) -> float:
        """Distance of the scale's ends."""
        return float(self.ratings.values[-1] - self.ratings.values[0])

    @property
    def pairs(self) -> bool:
        """Whether units are pairs of responses."""
        return self.ratings.labels == ("second", "tie", "first")

    def column(self, rater: str) -> Floats:
        """Numbers of one rater, shape (n_units,)."""
        return np.asarray(self.numbers[:, self.ratings.raters.index(rater)])

    @property
    def human(self) -> Floats:
        """Mean of people's numbers, shape (n_units,)."""
        cells = self.numbers[:, len(self.judges) :]
        there = ~np.isnan(cells)
        count = there.sum(axis=1)
        total = np.where(there, cells, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @property
    def of_people(self) -> Ratings:
        """Ratings by people only."""
        return self.ratings.of(*self.people)

    @property
    def consensus(self) -> Codes:
        """Codes of what most people say, shape (n_units,).

        On an ordered scale of more than two labels ties go to the label nearest people's mean. Elsewhere no
        label is nearer than another, and a unit without a majority has no consensus (-1).
        """
        r, codes = self.ratings, self.of_people.codes
        most = majority(codes, r.values)
        if r.level != "nominal" and len(r.values) > 2:
            return most
        votes = np.sort([(codes == k).sum(axis=1) for k in range(len(r.values))], axis=0)
        return np.where(votes[-1] == votes[-2], -1, most)

    @property
    def shared(self) -> Floats:
        """What most people say, shape (n_units, n_labels); labels of which equally many say share a unit."""
        codes, most = self.of_people.codes, self.consensus
        votes = np.stack([(codes == k).sum(axis=1) for k in range(len(self.ratings.values))], axis=1)
        won = (votes == votes.max(axis=1, keepdims=True)) & (votes > 0)
        won = np.where((most >= 0)[:, None], np.arange(votes.shape[1]) == most[:, None], won)
        return np.asarray(won / np.maximum(won.sum(axis=1, keepdims=True), 1))

    def beside(self, judge: str, *, means: bool = False) -> Ratings:
        """A judge and `people`, two columns, on the units both rated."""
        r = self.ratings
        if means:
            both = np.column_stack([self.column(judge), self.human])
            scale = Numbers(low=float(r.values[0]), high=float(r.values[-1]))
            made = as_ratings(both, scale=scale, raters=(judge, "people"), clusters=r.clusters)
            return made.complete()
        codes = np.column_stack([r.codes[:, r.raters.index(judge)], self.consensus])
        return Ratings(
            codes=codes, values=r.values, level=r.level, raters=(judge, "people"), labels=r.labels,
            clusters=r.clusters,
        ).complete()  # fmt: skip


def of_frame(
    data: Any,
    *,
    scale: Any,
    judges: Sequence[str],
    criterion: str = "label",
    raters: Sequence[str] | None = None,
    clusters: Sequence[Any] | None = None,
    systems: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str | None]] | None = None,
    lengths: Sequence[float] | None = None,
    trusted: bool = False,
) -> Labelled:
    """Judges and people from a plain frame or array of shape (n_units, n_raters).

    Args:
        data: Labels, nan or None where a rater did not rate a unit; `raters` names its columns where it does
            not.
        scale: As declared: a `Scale`, labels worst first, or numbers.
        judges: Names of the judges' columns; all others are people.
        criterion: What to call it.
        clusters: Shape (n_units,); items, where an item has several units and these are left out.
        systems: Shape (n_units,): who wrote the response; `lengths` of how many characters or tokens.
        items: Shape (n_units,): rows of one item and several systems; the row's number where left out.
        groups: Column -> group of each unit.
        trusted: Whether the labels are taken for the truth.

    Raises `InputError` for a label off the scale, a column that is not there, or no people.
    """
    nested = clusters is None and items is not None and len(set(items)) < len(items)
    ratings = as_ratings(data, scale=scale, raters=raters, clusters=items if nested else clusters)
    people = tuple(each for each in ratings.raters if each not in judges)
    if not judges or not people:
        raise InputError(f"columns {list(ratings.raters)}: name the judges among them, and leave some people")
    ordered = ratings.of(*judges, *people)
    n = ordered.n_units
    kept = np.any(ordered.codes[:, len(judges) :] >= 0, axis=1)
    if not kept.any():
        raise InputError(f"no unit has a label by one of {list(people)}")
    at = np.flatnonzero(kept)
    names = [str(i) for i in (items if items is not None else range(n))]
    kinds = [(str(s),) if s is not None else () for s in (systems if systems is not None else [None] * n)]
    ordered = ordered.where(kept)
    return Labelled(
        criterion=criterion, ratings=ordered, numbers=ordered.numbers,
        sure=np.full(ordered.codes.shape, np.nan), sure_is="", judges=tuple(judges), people=people,
        units=tuple(names[i] for i in at), items=tuple(names[i] for i in at),
        systems=tuple(kinds[i] for i in at),
        groups={name: tuple(of[i] for i in at.tolist()) for name, of in (groups or {}).items()},
        lengths=None if lengths is None else np.asarray(lengths, dtype=float)[at],
        abstained={j: _gaps(ordered.codes[:, i]) for i, j in enumerate(judges)},
        dropped={"units without a person's label": int((~kept).sum())}, trusted=trusted,
        continuous=isinstance(scale, Numbers) and scale.step is None,
    )  # fmt: skip


def _gaps(codes: Any) -> dict[str, int]:
    n = int(np.sum(codes < 0))
    return {"missing": n} if n else {}


PROBABLE = ("logprob", "decision")
VOTES = 5
"""From so many verdicts of one judge on one unit on, their shares count as probabilities."""


@dataclass(frozen=True)
class Facts:
    """What is known of units besides their labels; each by unit, and each may be empty.

    Units of a cluster are not independent; a pair has two systems, and as length the first's less the
    second's; a weight says how many units of the population a unit stands for; the family is that of who
    wrote the response, `families` that of a judge or system. `groups` are by column, pools by person;
    `chosen` is how the labelled units were.
    """

    clusters: Mapping[Unit, str] = field(default_factory=dict)
    systems: Mapping[Unit, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[Unit, str]] = field(default_factory=dict)
    lengths: Mapping[Unit, float] = field(default_factory=dict)
    weights: Mapping[Unit, float] = field(default_factory=dict)
    chosen: str = ""
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
    """Put judges and people of one criterion side by side.

    `judged` has one outcome for each (unit, judge), reduced over orders and samples before; `people` one for
    each (unit, person); `raw` the judges' before they were reduced, for orders and probabilities. It is an
    `InputError` if no unit was both judged and labelled, a name is both a judge's and a person's, or two
    outcomes stand in one place.
    """
    known = facts or Facts()
    judges = tuple(dict.fromkeys(sorted({o.rater for o in judged}, key=lambda n: (is_control(n), n))))
    persons = tuple(sorted({o.rater for o in people}))
    if both := sorted(set(judges) & set(persons)):
        raise InputError(f"{both[0]!r} is a judge and a person at once; rename one of them")
    cells = _cells(criterion, judged) | _cells(criterion, people)
    labelled, asked = {o.unit for o in people if isinstance(o, Verdict)}, {o.unit for o in judged}
    units = [u for u in dict.fromkeys(o.unit for o in people) if u in labelled and u in asked]
    if not units:
        raise InputError(_no_join(criterion, [o.unit for o in people], [o.unit for o in judged]))
    raters = (*judges, *persons)
    found = [[cells.get((unit, rater)) for rater in raters] for unit in units]
    verdicts = [[o if isinstance(o, Verdict) else None for o in row] for row in found]
    clusters = _clusters(units, known)
    said = [[_said(v, scale) for v in row] for row in verdicts]
    answers = _answers(units, judges, found, raw)
    chances, chances_are = _sure(units, raters, verdicts, raw)
    return Labelled(
        criterion=criterion, ratings=as_ratings(said, scale=scale, raters=raters, clusters=clusters),
        numbers=np.array([[_number(v, scale) for v in row] for row in verdicts], dtype=float),
        sure=chances, sure_is=chances_are, judges=judges, people=persons,
        units=tuple(_name(u) for u in units), items=tuple(u.item_id for u in units),
        systems=tuple(known.systems.get(u, ()) for u in units),
        groups={name: tuple(of.get(u) for u in units) for name, of in known.groups.items()},
        lengths=np.array([known.lengths.get(u, np.nan) for u in units]) if known.lengths else None,
        weights=np.array([known.weights.get(u, np.nan) for u in units]) if known.weights else None,
        continuous=isinstance(scale, Numbers) and scale.step is None, orders=_orders(units, judges, raw),
        abstained={j: dict(_reasons(answers[j])) for j in judges},
        obtained={j: np.array([_share(own) for own in answers[j]]) for j in judges},
        unlabelled={j: _rest(j, judged, labelled, scale) for j in judges},
        dropped={
            "labelled, not judged": len(labelled - asked), "judged, not labelled": len(asked - labelled),
            "people could not tell": sum(not isinstance(o, Verdict) for o in people),
        },
        trusted=trusted, chosen=known.chosen, substitutes=_substitutes(judged),
        repeats=repeats_of(raw, scale, known.clusters), looks=looks_of(raw, units), families=known.families,
        pools=known.pools, family=tuple(known.family.get(u) for u in units) if known.family else (),
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


def _clusters(units: Sequence[Unit], known: Facts) -> list[str] | None:
    """What each unit belongs to; None where all are independent."""
    nested = bool(known.clusters) or len({u.item_id for u in units}) < len(units)
    return [known.clusters.get(u, u.item_id) for u in units] if nested else None


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


def _answers(
    units: Sequence[Unit], judges: Sequence[str], found: Sequence[Sequence[Outcome | None]],
    raw: Sequence[Outcome],
) -> dict[str, list[list[Outcome]]]:  # fmt: skip
    """Judge -> for each unit the outcomes behind its verdict, or that alone where they are not known."""
    behind: dict[tuple[Unit, str], list[Outcome]] = {}
    for o in raw:
        behind.setdefault((o.unit, o.rater), []).append(o)
    return {
        judge: [
            behind.get((unit, judge), []) or [o for o in (row[column],) if o is not None]
            for unit, row in zip(units, found, strict=True)
        ]
        for column, judge in enumerate(judges)
    }


def _reasons(answers: Sequence[Sequence[Outcome]]) -> Counter[str]:
    lost = Counter(o.reason for own in answers for o in own if not isinstance(o, Verdict))
    return lost + Counter({"not asked": sum(not own for own in answers)})


def _share(answers: Sequence[Outcome]) -> float:
    return sum(isinstance(o, Verdict) for o in answers) / max(len(answers), 1)


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
