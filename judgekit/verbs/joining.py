"""Verdicts and labels side by side: which is which, on what scale, what becomes of orders and samples.

Judges' verdicts are reduced to one for each unit and criterion before anything is compared; people's are
not, since two labels of one person in one place are an error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from judgekit.aggregate.pools import per_rater
from judgekit.agreement.auditing.data import Facts, Labelled, side_by_side
from judgekit.calibration.orders import Rule
from judgekit.errors import InputError, kind_of, there_are
from judgekit.prompt import flat
from judgekit.protocols import is_paired
from judgekit.recordings import Kind
from judgekit.rubric import Rubric, load_rubric
from judgekit.run import Tally
from judgekit.scales import PAIR, Labels, Scale
from judgekit.table import columns_in, read_outcomes
from judgekit.types import PICKED, Abstention, Item, Outcome, Unit, Verdict, weight_of
from judgekit.verbs.labels import read_labels, rows_of
from judgekit.verbs.results import Run, load_run

_NAMED = {"pair": list(PAIR.labels)}
_Table = tuple[Any, Mapping[str, str]]
"""Labels, and our names of columns -> their names there."""


def join(
    verdicts: Any,
    labels: Any,
    *,
    rubric: Any = None,
    scale: Any = None,
    items: Iterable[Item] | None = None,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    balance: Rule = "average",
    responses_are_systems: bool = False,
    trusted: bool = False,
    labels_about: str = "item",
    families: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Labelled], list[str], dict[str, str]]:
    """Return verdicts and labels side by side, a `Labelled` for each criterion; notes; where they come from.

    Arguments and errors are those of `agree`.
    """
    if balance not in get_args(Rule):
        raise InputError(f"no rule {balance!r} to balance by; {there_are(balance, get_args(Rule))}")
    # They are looked at more than once, which an iterator cannot be: it would lose what was looked at.
    verdicts, labels = (list(each) if isinstance(each, Iterator) else each for each in (verdicts, labels))
    ready = outcomes_of(verdicts)
    tables: list[_Table] = [] if labels is None else [(labels, columns or {})]
    if ready is None:
        tables.insert(0, (verdicts, {}))
    protocol = protocol_of(ready, scale, tables)
    shape = shape_of(rubric, scale, ready, protocol, tables)
    notes: list[str] = []
    if ready is None:
        own = read_labels(verdicts, shape, protocol=protocol, people=False, labels_about="shown")
        ready = list(own.outcomes)
    people: list[Outcome] = [o for o in ready if isinstance(o, Verdict) and o.source == "human"]
    persons = {o.rater for o in people}
    people += [o for o in ready if isinstance(o, Abstention) and o.rater in persons]
    judged = [o for o in ready if o.rater not in persons]
    facts = Facts()
    if labels is not None and _is_run(labels):  # people's outcomes, as `review import` writes them
        people += [o for o in outcomes_of(labels) or () if getattr(o, "source", "human") == "human"]
    elif labels is not None:
        read = read_labels(
            labels, shape, protocol=protocol, columns=columns,
            groups=[] if items is not None else list(by), judged=[o.unit for o in judged],
            labels_about=labels_about,
        )  # fmt: skip
        people, facts, notes = [*people, *read.outcomes], read.facts, [*notes, *read.notes]
    if not people:
        raise InputError("there are no labels by people; hand them in as labels")
    notes += _picked(people)
    facts = _weighed(facts, people)
    facts = _more_facts(facts, [*judged, *people], items, by, systems=responses_are_systems)
    _check_groups(by, facts, "column of the labels" if items is None else "tag of the items")
    facts = replace(facts, families=_families(families or {}, judged, facts))
    made, left_out = _each((judged, people), shape, protocol, facts, rule=balance, trusted=trusted)
    seen = {
        "verdicts": _name(verdicts),
        "labels": _name(labels) if labels is not None else "in the table of verdicts",
        "rubric": f"{shape.id} ({shape.digest[:12]})" if rubric is not None else f"scale {scale or 'pair'}",
    }
    counted = {"outcomes read": str(len(judged)), "labels read": str(len(people))}
    how = f"balance, {balance}: mean within each order, then over orders"
    return made, [*notes, *left_out], {**seen, "judges reduced by": how, **counted}


def _check_groups(by: Sequence[str], facts: Facts, where: str) -> None:
    if absent := [name for name in by if not facts.groups.get(name)]:
        raise InputError(f"by {absent[0]!r}: no {where} has this name and anything in it; name another")


def _is_run(labels: Any) -> bool:
    """Tell whether labels are a table of outcomes."""
    if isinstance(labels, Sequence) and not isinstance(labels, str) and labels:
        return isinstance(labels[0], Verdict | Abstention)
    return columns_in(labels) >= {"kind", "responses"}


def _picked(people: Sequence[Outcome]) -> list[str]:
    """Return a note where people's units were picked since judges may be wrong on them."""
    verdicts = (o for o in people if isinstance(o, Verdict))
    rules = Counter(
        flag.removeprefix(PICKED) for o in verdicts for flag in o.flags if flag.startswith(PICKED)
    )
    return [
        f"{n} labels are of answers picked by {rule}, on which judges may well be wrong: what is said here "
        "is said of such answers, not of all; for all of them export a sheet by chance (--by chance)"
        for rule, n in rules.items()
    ]


def _weighed(facts: Facts, people: Sequence[Outcome]) -> Facts:
    """Return facts with the weights of units drawn by chance; InputError if some were and others not."""
    found = {
        o.unit: weight for o in people if isinstance(o, Verdict) and (weight := weight_of(o)) is not None
    }
    if not found:
        return facts
    if stray := next((o.unit for o in people if isinstance(o, Verdict) and o.unit not in found), None):
        raise InputError(
            f"some labels are of units drawn by chance and others, as of item {stray.item_id!r}, are not; "
            "together they stand for nothing, so hand in those that were drawn alone"
        )
    return replace(facts, weights={**facts.weights, **found})


def _each(
    sides: tuple[Sequence[Outcome], Sequence[Outcome]],
    rubric: Rubric,
    protocol: Kind,
    facts: Facts,
    *,
    rule: Rule,
    trusted: bool,
) -> tuple[list[Labelled], list[str]]:
    made: list[Labelled] = []
    notes: list[str] = []
    by_judges, by_people = (_by_criterion(side) for side in sides)
    order = dict.fromkeys([*(c.id for c in rubric.leaves), *by_judges, *by_people])
    for criterion in (name for name in order if name in by_judges or name in by_people):
        ours, theirs = by_judges.get(criterion, []), by_people.get(criterion, [])
        if not ours or not theirs:
            side, n = ("labels", len(theirs)) if not ours else ("verdicts", len(ours))
            notes.append(f"criterion {criterion!r}: {n} {side} and nothing to compare them with, left out")
            continue
        scale: Scale = PAIR if is_paired(protocol) else rubric.by_id[criterion].scale
        made.append(
            side_by_side(
                criterion, scale, reduced(ours, scale, rule), theirs, raw=ours, facts=facts, trusted=trusted
            )
        )
    if not made:
        raise InputError(
            f"no criterion was both judged and labelled: judged {sorted(by_judges)}, labelled "
            f"{sorted(by_people)}"
        )
    return made, notes


def reduced(outcomes: Sequence[Outcome], scale: Scale, rule: Rule) -> list[Outcome]:
    """Return outcomes on one criterion, samples and orders of each rater on a unit made one."""

    def unit(o: Outcome) -> tuple[str, tuple[str, ...], str]:
        return (o.unit.item_id, o.unit.responses, o.unit.part)

    ordered = sorted(outcomes, key=unit)
    return [o for _, own in groupby(ordered, key=unit) for o in per_rater(list(own), scale, rule=rule)]


def _by_criterion(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for each in outcomes:
        found.setdefault(each.criterion, []).append(each)
    return found


def outcomes_of(verdicts: Any) -> list[Outcome] | None:
    """Return the outcomes of a run, its folder, file, frame or list; None for a table of labels."""
    if isinstance(verdicts, Run):
        return _judged(list(verdicts.outcomes), "the run")
    if isinstance(verdicts, Sequence) and verdicts and isinstance(verdicts[0], Verdict | Abstention):
        return _judged(list(verdicts), "verdicts")
    columns = columns_in(verdicts)
    if not columns and isinstance(verdicts, str | Path):
        raise InputError(f"{verdicts}: there are no verdicts in it")
    if not columns >= {"kind", "responses"}:
        return None
    return _judged(read_outcomes(verdicts), str(verdicts) if isinstance(verdicts, str | Path) else "verdicts")


def _judged(outcomes: list[Outcome], name: str) -> list[Outcome]:
    """Return the outcomes, of which one at least is a verdict; else an InputError says why none is."""
    tally = Tally()
    tally.judged(outcomes)
    if (why := tally.nothing()) is not None:
        raise InputError(f"{name}: {why}")
    return outcomes


def stored(source: Any) -> Run:
    """Return a run as it is, from its folder, or of outcomes alone; InputError for anything else."""
    if isinstance(source, str | Path) and Path(source).is_dir():
        return load_run(source)
    if isinstance(source, Run):
        return source
    if isinstance(source, str | Path) and not Path(source).is_file():
        raise InputError(f"{source}: there is no such file or folder; a run is what --out wrote")
    found = outcomes_of(source)
    if found is None:
        shown = source if isinstance(source, str | Path) else kind_of(source)
        raise InputError(
            f"{shown}: no outcomes of a run; hand in the folder that --out wrote, its outcomes.jsonl, or "
            "what `judgekit ingest` makes of recorded verdicts"
        )
    return Run((), tuple(found), {})


def people_of(
    labels: Any,
    rubric: Rubric,
    *,
    protocol: Kind,
    judged: Sequence[Unit],
    columns: Mapping[str, str] | None = None,
    labels_about: str = "item",
) -> tuple[Sequence[Outcome], tuple[str, ...]]:
    """Return what people said, from labels or from their outcomes, and notes of how it was read."""
    if isinstance(labels, str | Path) and not Path(labels).is_file():
        raise InputError(f"{labels}: there is no such file of labels")
    if (people := outcomes_of(labels)) is not None:
        return people, ()
    read = read_labels(
        labels, rubric, protocol=protocol, columns=columns, judged=judged, labels_about=labels_about
    )
    return read.outcomes, read.notes


def protocol_of(ready: Sequence[Outcome] | None, scale: Any = None, tables: Sequence[_Table] = ()) -> Kind:
    """Return whether outcomes, or else labels in tables, are of pairs or of responses alone."""
    if ready is None:
        paired = scale == "pair" or any(_has_pairs(*table) for table in tables)
    else:
        paired = any(len(o.unit.responses) == 2 for o in ready)
    return "compare" if paired else "grade"


def _has_pairs(source: Any, columns: Mapping[str, str]) -> bool:
    there = columns_in(source) if source is not None else frozenset()
    return not there.isdisjoint(columns.get(name, name) for name in ("first", "second"))


def shape_of(
    rubric: Any,
    scale: Any,
    outcomes: Sequence[Outcome] | None,
    protocol: Kind,
    tables: Sequence[_Table] = (),
) -> Rubric:
    """Return the rubric that declares the scales: the one given, or one made of a scale."""
    if rubric is not None:
        return rubric if isinstance(rubric, Rubric) else load_rubric(rubric)
    if scale is None and not is_paired(protocol):
        raise InputError(
            "declare the scale: --rubric FILE, or --scale 1-5, --scale yes_no, --scale no,maybe,yes"
        )
    names = dict.fromkeys(o.criterion for o in outcomes or ())
    for source, columns in tables:
        names |= dict.fromkeys(_criteria(source, columns))
    return declared(list(names) or ["label"], None if is_paired(protocol) else scale)


def _criteria(source: Any, columns: Mapping[str, str]) -> list[str]:
    said = (row.row["criterion"] for row in rows_of(source, columns))
    return [str(name) for name in dict.fromkeys(said) if name not in (None, "")]


def declared(criteria: Sequence[str], scale: Any) -> Rubric:
    """Return a rubric that declares no more than a scale; InputError if the scale is none."""
    spelled = scale
    if isinstance(scale, str):
        nominal = scale.startswith("nominal:")
        text = scale.removeprefix("nominal:")
        spelled = _NAMED.get(text, [part.strip() for part in text.split(",")] if "," in text else text)
        if nominal:
            spelled = {"labels": spelled, "kind": "nominal"}
    if isinstance(spelled, Labels) or hasattr(spelled, "low"):
        spelled = spelled.model_dump()
    rows = [
        {"id": each, "text": each, **({} if spelled is None else {"scale": spelled})} for each in criteria
    ]
    try:
        return Rubric(id="declared", criteria=rows)
    except ValueError as error:
        said = str(error).splitlines()
        why = next((line.strip() for line in said if "scale" in line and "criteria" not in line), said[-1])
        words = why.removeprefix("Value error, ").split(" [type=")[0]
        raise InputError(f"scale {scale!r}: {words}") from None


def _more_facts(
    facts: Facts,
    outcomes: Sequence[Outcome],
    items: Iterable[Item] | None,
    by: Sequence[str],
    *,
    systems: bool,
) -> Facts:
    """Return facts with systems, lengths and tags from response ids and items."""
    units = dict.fromkeys(o.unit for o in outcomes)
    known = {unit: (*unit.responses,) for unit in units} if systems else dict(facts.systems)
    if items is None:
        return replace(facts, systems=known)
    by_id = {item.item_id: item for item in items}
    lengths: dict[Unit, float] = {}
    groups: dict[str, dict[Unit, str]] = {name: {} for name in by}
    for unit in units:
        item = by_id.get(unit.item_id)
        if item is None:
            continue
        sizes = [float(len(flat(item.responses[r]))) for r in unit.responses if r in item.responses]
        if len(sizes) == len(unit.responses) and sizes:
            lengths[unit] = sizes[0] - sizes[1] if len(sizes) == 2 else sizes[0]
        if not systems and all(r in item.systems for r in unit.responses) and unit.responses:
            known[unit] = tuple(item.systems[r] for r in unit.responses)
        for name in by:
            if name in item.tags:
                groups[name][unit] = item.tags[name]
    return replace(facts, systems=known, lengths=facts.lengths or lengths, groups=groups)


def _families(
    families: Mapping[str, Sequence[str]], judged: Sequence[Outcome], facts: Facts
) -> dict[str, str]:
    """Return judge or system -> its family; InputError for a name that neither has."""
    known = {o.rater for o in judged} | {name for of in facts.systems.values() for name in of}
    known |= set(facts.family.values())
    made: dict[str, str] = {}
    for family, names in families.items():
        for name in names:
            if name not in known:
                there = ", ".join(sorted(known))
                raise InputError(f"family {family!r}: no judge or system {name!r}; there are {there}")
            made[name] = family
    return made


def _name(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else f"{type(source).__name__} in memory"
