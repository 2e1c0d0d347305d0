"""Verdicts and labels side by side: which is which, on what scale, what becomes of orders and samples.

Judges' verdicts are reduced to one for each unit and criterion before anything is compared; people's are
not, since two labels of one person in one place are an error.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from judgekit.agreement.auditing.data import Facts, Labelled, side_by_side
from judgekit.calibration.orders import TIE, Rule, balance, balanced_scores
from judgekit.distribution import as_said, levels, worth
from judgekit.errors import InputError, kind_of, there_are
from judgekit.prompt import flat
from judgekit.protocols import is_paired
from judgekit.recipes.paired import votes
from judgekit.recordings import Kind
from judgekit.rubric import Rubric, load_rubric
from judgekit.run import Tally
from judgekit.scales import PAIR, Labels, Numbers, Scale, plain_number
from judgekit.table import columns_in, read_outcomes
from judgekit.types import PICKED, Abstention, Item, Outcome, Unit, Verdict, is_control, weight_of
from judgekit.verbs.labels import read_labels, rows_of
from judgekit.verbs.results import Run, load_run

_NAMED = {"pair": list(PAIR.labels)}
_UNNAMED = ("response",)  # what a response is called that has no name
_EVEN = 0.5  # the value of a pair that neither side wins
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
    own_columns: Mapping[str, str] | None = None,
    judges: Sequence[str] = (),
    balance: Rule = "average",
    responses_are_systems: bool = False,
    trusted: bool = False,
    labels_about: str = "item",
    families: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Labelled], list[str], dict[str, str]]:
    """Return verdicts and labels side by side, a `Labelled` for each criterion; notes; where they come from.

    Arguments and errors are those of `agree`; `own_columns` are those of a table of verdicts.
    """
    if balance not in get_args(Rule):
        raise InputError(f"no rule {balance!r} to balance by; {there_are(balance, get_args(Rule))}")
    # They are looked at more than once, which an iterator cannot be: it would lose what was looked at.
    verdicts, labels = (list(each) if isinstance(each, Iterator) else each for each in (verdicts, labels))
    ready = outcomes_of(verdicts)
    tables: list[_Table] = [] if labels is None or _is_run(labels) else [(labels, columns or {})]
    if ready is None:
        tables.insert(0, (verdicts, own_columns or {}))
    protocol = protocol_of(None if ready is None else votes(ready), scale, tables)
    shape = shape_of(rubric, scale, ready, protocol, tables)
    notes: list[str] = []
    if ready is None:
        how: Any = {"protocol": protocol, "people": False, "columns": own_columns, "labels_about": "shown"}
        ready = list(read_labels(verdicts, shape, **how).outcomes)
    people, others = _parted(ready)
    judged = _of_judges(others, judges)
    asked = list(dict.fromkeys(o.unit for o in votes(judged)))
    facts, items = Facts(), None if items is None else list(items)
    of_items = _more_facts(facts, asked, items, by, systems=responses_are_systems)
    if labels is not None and _is_run(labels):  # people's outcomes, as `review import` writes them
        people += _parted(outcomes_of(labels) or ())[0]
    elif labels is not None:
        read = read_labels(
            labels, shape, protocol=protocol, columns=columns,
            groups=[] if items is not None else list(by), judged=asked, systems=of_items.systems,
            labels_about=labels_about,
        )  # fmt: skip
        people, facts, notes = [*people, *read.outcomes], read.facts, [*notes, *read.notes]
    if not people:
        raise InputError("there are no labels by people; hand them in as labels")
    facts = _more_facts(facts, {*asked, *(o.unit for o in people)}, items, by, systems=responses_are_systems)
    _check_groups(by, facts, "column of the labels" if items is None else "tag of the items")
    facts = replace(facts, families=_families(families or {}, judged, facts))
    made, left_out = _each((judged, people), shape, protocol, facts, rule=balance, trusted=trusted)
    return made, [*notes, *left_out], {
        "verdicts": _name(verdicts),
        "labels": _name(labels) if labels is not None else "in the table of verdicts",
        "rubric": f"{shape.id} ({shape.digest[:12]})" if rubric is not None else f"scale {scale or 'pair'}",
        "judges reduced by": f"balance, {balance}: mean within each order, then over orders",
        "outcomes read": str(len(judged)),
        "labels read": str(len(people)),
    }  # fmt: skip


def _parted(outcomes: Iterable[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of people, what they could not tell among them, and those of judges."""
    outcomes = list(outcomes)
    persons = {o.rater for o in outcomes if isinstance(o, Verdict) and o.source == "human"}
    return [o for o in outcomes if o.rater in persons], [o for o in outcomes if o.rater not in persons]


def _check_groups(by: Sequence[str], facts: Facts, where: str) -> None:
    if absent := [name for name in by if not facts.groups.get(name)]:
        raise InputError(f"by {absent[0]!r}: no {where} has this name and anything in it; name another")


def _is_run(labels: Any) -> bool:
    """Tell whether labels are a table of outcomes."""
    if isinstance(labels, Sequence) and not isinstance(labels, str) and labels:
        return isinstance(labels[0], Verdict | Abstention)
    return columns_in(labels) >= {"kind", "responses"}


def _of_judges(outcomes: Sequence[Outcome], judges: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of the judges named and of controls; InputError for one that is not there or twice.

    What was handed in twice would count twice, so that two outcomes of a judge in one place are an error.
    """
    there = sorted({o.rater for o in outcomes})
    if absent := [name for name in judges if name not in there]:
        raise InputError(f"no judge {absent[0]!r}; {there_are(absent[0], there)}")
    seen: set[tuple[object, ...]] = set()
    own = [o for o in outcomes if not judges or o.rater in judges or is_control(o.rater)]
    for o in own:
        place = (o.rater, o.unit, o.criterion, o.shown, o.sample)
        if place in seen:
            raise InputError(
                f"{o.rater!r} gives two outcomes for item {o.unit.item_id!r}, "
                f"{' vs '.join(o.unit.responses)}, on {o.criterion!r}, both as sample {o.sample} of one "
                "order; hand in each outcome once"
            )
        seen.add(place)
    return own


def _chosen(facts: Facts, people: Sequence[Outcome]) -> tuple[Facts, Sequence[Outcome], list[str]]:
    """Return facts with weights, and people's outcomes on one criterion that together stand for something.

    Of labels drawn by chance and labels picked by a rule only the first are kept; where all were picked, the
    facts say so. Weights that are all alike weigh nothing, and are left out.
    """
    verdicts = [o for o in people if isinstance(o, Verdict)]
    drawn = {o.unit: weight for o in verdicts if (weight := weight_of(o)) is not None}
    rules = {
        o.unit: flag.removeprefix(PICKED) for o in verdicts for flag in o.flags if flag.startswith(PICKED)
    }
    picked = {unit: rule for unit, rule in rules.items() if unit not in drawn}
    others = [o.unit for o in verdicts if o.unit not in drawn and o.unit not in picked]
    if drawn and others:
        raise InputError(
            f"some labels are of units drawn by chance and others, as of item {others[0].item_id!r}, are "
            "not; together they stand for nothing, so hand in those that were drawn alone"
        )
    weights = {**facts.weights, **drawn}
    facts = replace(facts, weights=weights if len(set(weights.values())) > 1 else {})
    if drawn:
        facts = replace(facts, chosen="weighted" if facts.weights else "random")
    if not picked:
        return facts, people, []
    rule = Counter(picked.values()).most_common(1)[0][0]
    told = f"{len(picked)} labels are of answers picked by {rule}, on which judges may well be wrong"
    if drawn or others:
        kept = [o for o in people if o.unit not in picked]
        return facts, kept, [f"{told}, so they are left out of what is said of all"]
    advice = "what is said here is said of such answers, not of all; export a sheet by chance (--by chance)"
    return replace(facts, chosen=f"picked by {rule}"), people, [f"{told}: {advice}"]


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
        known, kept, said = _chosen(facts, theirs)
        notes += said
        whole, raw = reduced(ours, scale, rule), _replies(ours)
        made.append(side_by_side(criterion, scale, whole, kept, raw=raw, facts=known, trusted=trusted))
    if not made:
        raise InputError(
            f"no criterion was both judged and labelled: judged {sorted(by_judges)}, labelled "
            f"{sorted(by_people)}"
        )
    return made, notes


def reduced(outcomes: Sequence[Outcome], scale: Scale, rule: Rule) -> list[Outcome]:
    """Return outcomes on one criterion, samples and orders of a rater on a unit made one, as of scores."""
    pair_of = {(o.unit.item_id, o.unit.part, frozenset(o.unit.responses)): o.unit for o in votes(outcomes)}
    grouped: dict[tuple[Unit, str], list[Outcome]] = {}
    for o in outcomes:  # two scores of one reply are about the pair that was shown
        unit = pair_of[o.unit.item_id, o.unit.part, frozenset(o.shown)] if _is_scored(o) else o.unit
        grouped.setdefault((unit, o.rater), []).append(o)
    in_order = sorted(grouped, key=lambda each: (each[0].item_id, each[0].responses, each[0].part, each[1]))
    return [_one(unit, grouped[unit, rater], scale, rule) for unit, rater in in_order]


def _replies(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return what each reply says; of one with two scores, which is better, however far they lie apart."""
    if not any(map(_is_scored, outcomes)):
        return list(outcomes)
    said = votes(outcomes)
    return [replace(o, value=PAIR.worth[o.label]) if isinstance(o, Verdict) else o for o in said]


def _is_scored(o: Outcome) -> bool:
    """Tell whether an outcome is one of two scores that a reply gives to both responses of a pair."""
    return len(o.unit.responses) == 1 and len(o.shown) == 2


def _one(unit: Unit, outcomes: Sequence[Outcome], scale: Scale, rule: Rule) -> Outcome:
    if all(map(_is_scored, outcomes)):
        return balanced_scores(outcomes, unit=unit)
    whole = balance(outcomes, rule=rule, scale=scale)
    several = sum(isinstance(o, Verdict) for o in outcomes) > 1
    return _where_valued(whole, scale) if several and isinstance(whole, Verdict) else whole


def _where_valued(verdict: Verdict, scale: Scale) -> Verdict:
    """Return a verdict made of several with the label where its value lies, which is what `score` gives.

    The commonest of several labels may lie far from their mean. A pair goes to the side that its value is on:
    a win and a tie make a win.
    """
    nominal = isinstance(scale, Labels) and scale.kind == "nominal" and len(scale.labels) > 2
    if nominal or len(verdict.probs) < 2:
        return verdict
    value = as_said(verdict.value)
    if scale == PAIR:
        return replace(verdict, label="first" if value > _EVEN else "second" if value < _EVEN else TIE)
    if isinstance(scale, Numbers) and scale.step is None:
        return replace(verdict, label=plain_number(as_said(scale.low + value * (scale.high - scale.low))))
    away = {label: as_said(abs(worth(scale, label) - value)) for label in levels(scale)}
    nearest = [label for label, distance in away.items() if distance == min(away.values())]
    return verdict if verdict.label in nearest else replace(verdict, label=nearest[0])


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


def labelled(
    outcomes: Sequence[Outcome],
    labels: Any,
    *,
    rubric: Any,
    scale: Any,
    columns: Mapping[str, str] | None,
    labels_about: str,
) -> tuple[Kind, Rubric, Sequence[Outcome], tuple[str, ...]]:
    """Return the protocol and rubric of outcomes, what people said of them, and notes of how it was read."""
    protocol = protocol_of(outcomes)
    shape = shape_of(rubric, scale, outcomes, protocol)
    units = [o.unit for o in outcomes]
    said = people_of(
        labels, shape, protocol=protocol, judged=units, columns=columns, labels_about=labels_about
    )
    return protocol, shape, *said


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
    if isinstance(scale, list | tuple) and all(isinstance(each, bool) for each in scale):
        spelled = [str(each) for each in scale]
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
    units: Collection[Unit],
    items: Iterable[Item] | None,
    by: Sequence[str],
    *,
    systems: bool,
) -> Facts:
    """Return facts with systems, lengths and tags from response ids and items."""
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
        alone = unit.responses == _UNNAMED and len(item.responses) == 1  # a table that names no response
        responses = tuple(item.responses) if alone else unit.responses
        sizes = [float(len(flat(item.responses[r]))) for r in responses if r in item.responses]
        if len(sizes) == len(responses) and sizes:
            lengths[unit] = sizes[0] - sizes[1] if len(sizes) == 2 else sizes[0]
        if not systems and all(r in item.systems for r in responses) and responses:
            known[unit] = tuple(item.systems[r] for r in responses)
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
