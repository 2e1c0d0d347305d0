"""People's labels as they lie in files: what their columns say, and what is wrong with them.

Labels become verdicts in `recordings`; here is what else a row says (system, cluster, weight, groups), and
the messages for a missing column, two that changed places, and ids that name nothing.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.data import Facts
from judgekit.errors import InputError
from judgekit.items.check import Cells, cells_of
from judgekit.items.texts import absent
from judgekit.protocols import is_paired
from judgekit.protocols.reading.labels import read_label
from judgekit.recordings import Kind, check_options, said_in
from judgekit.rubric.model import Rubric
from judgekit.scales import fold
from judgekit.types import Outcome, Unit, brief

NEEDED = ("item_id", "rater", "label")
_KNOWN = (
    "item_id", "id", "response_id", "first", "second", "shown", "criterion", "rater", "sample", "label",
    "text", "probs", "system", "family", "population", "cluster", "weight", "length",
)  # fmt: skip
_PAIR_LABELS = {"a", "b", "1", "2", "0", "tie", "first", "second"}


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels that were read: an outcome for each row, what rows say of units besides, and notes."""

    outcomes: tuple[Outcome, ...]
    facts: Facts
    notes: tuple[str, ...] = ()

    __repr__ = brief


def rows_of(source: Any, columns: Mapping[str, str], extra: Sequence[str] = ()) -> list[Cells]:
    """Return the rows of a file, a frame or a list, under our names of the columns."""
    return list(cells_of(source, (*_KNOWN, *extra), columns))


def read_labels(
    source: Any,
    rubric: Rubric,
    *,
    protocol: Kind,
    people: bool = True,
    rater: str | None = None,
    columns: Mapping[str, str] | None = None,
    groups: Sequence[str] = (),
    judged: Sequence[Unit] = (),
    systems: Mapping[Unit, tuple[str, ...]] | None = None,
    labels_about: Any = "item",
) -> Labels:
    """Return the labels of a file, a frame or a list of rows; InputError for a bad row, naming it.

    Two labels of one rater in one place are an error. `judged` is what the judges were asked, and `systems`
    who wrote it: labels that name no response are joined by system, or by item alone where each item was
    judged once. `labels_about` says whether A and B of pairs are about the item's order or the order shown.
    """
    check_options(protocol, "auto", labels_about, columns or {})
    rows = rows_of(source, columns or {}, groups)
    if not rows:
        raise InputError(f"{_shown(source)}: there are no labels in it")
    _check_columns(source, rows, rater)
    _check_swapped(rows, rubric, protocol)
    outcomes: Sequence[Outcome] = said_in(
        rows, rubric, protocol=protocol, rater=rater, people=people, labels_about=labels_about
    ).outcomes
    outcomes, notes = _named(outcomes, rows, judged, systems or {}, protocol)
    notes = (*notes, *_unjudged(rows, outcomes, judged))
    return Labels(tuple(outcomes), _facts(rows, outcomes, groups), notes)


def _shown(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else "labels"


def _check_columns(source: Any, rows: Sequence[Cells], rater: str | None) -> None:
    there = {name for row in rows for name, value in row.row.items() if not absent(value)}
    for name in NEEDED:
        standing_in = {"item_id": {"id"}, "label": {"text", "probs"}}.get(name, set())
        if there.isdisjoint({name, *standing_in}) and not (name == "rater" and rater):
            have = sorted(there) or "none that is known"
            raise InputError(
                f"{_shown(source)}: no column {name!r} with anything in it; known by their names are {have}; "
                f"name yours with --column {name}=YOURS"
            )


def _check_swapped(rows: Sequence[Cells], rubric: Rubric, protocol: Kind) -> None:
    """Raise an InputError where labels are no labels and raters are: two columns changed places."""
    some = rows[:200]

    def on_scale(row: Cells, value: Any) -> bool:
        if absent(value):
            return False
        if is_paired(protocol):
            return str(value).strip().casefold().removesuffix(".0") in _PAIR_LABELS
        name = row.row.get("criterion")
        criterion = rubric.by_id.get(str(name)) if not absent(name) else rubric.leaves[0]
        return criterion is not None and read_label(criterion.scale, value).kind in {"label", "undecided"}

    labels = sum(on_scale(row, row.row["label"]) for row in some if row.get("label") is not None)
    if labels:
        return
    for other in ("rater", "item_id", "criterion", "system"):
        if sum(on_scale(row, row.row[other]) for row in some) > len(some) / 2:
            said = some[0].row
            raise InputError(
                f"{some[0].place}: label {said['label']!r} is not on the scale, {other} {said[other]!r} is; "
                f"have the columns 'label' and {other!r} changed places?"
            )


def _named(
    outcomes: Sequence[Outcome], rows: Sequence[Cells], judged: Sequence[Unit],
    systems: Mapping[Unit, tuple[str, ...]], protocol: Kind,
) -> tuple[Sequence[Outcome], tuple[str, ...]]:  # fmt: skip
    """Return labels that name no response, about the one their system wrote, or the only one of the item."""
    naming = ("first", "second") if is_paired(protocol) else ("response_id",)
    known = set(judged)
    of_item: dict[str, list[Unit]] = {}
    for unit in dict.fromkeys(judged):
        of_item.setdefault(unit.item_id, []).append(unit)
    once = all(len(units) == 1 for units in of_item.values())
    made: list[Outcome] = []
    moved: Counter[str] = Counter()
    for row, outcome in zip(rows, outcomes, strict=True):
        there = of_item.get(outcome.unit.item_id, [])
        if outcome.unit not in known and there and all(row.get(name) is None for name in naming):
            writer = row.get("system")
            wrote = [unit for unit in there if writer is not None and systems.get(unit) == (str(writer),)]
            fits = wrote or [unit for unit in there if once and (writer is None or unit not in systems)]
            if len(fits) == 1:
                moved["by system" if wrote else "by item"] += 1
                outcome = replace(outcome, unit=fits[0])  # noqa: PLW2901 - the same label, better named
        made.append(outcome)
    notes = {
        "by item": "labels name no response; each item was judged once, so they were joined by item",
        "by system": "labels name no response; they were joined by the system that wrote it",
    }
    return made, tuple(notes[how] for how in moved)


def _unjudged(rows: Sequence[Cells], outcomes: Sequence[Outcome], judged: Sequence[Unit]) -> tuple[str, ...]:
    """Return a note of the labels about what no judge was asked.

    If that is all of them, or if their ids are other spellings of what was judged, it is an InputError.
    """
    known = set(judged)
    lost = [(row, o.unit) for row, o in zip(rows, outcomes, strict=True) if o.unit not in known]
    if not known or not lost:
        return ()
    ids, labelled = {unit.item_id for unit in judged}, {o.unit.item_id for o in outcomes}
    unlabelled = {_spelled(each): each for each in ids - labelled}
    for row, unit in lost:
        near = unlabelled.get(_spelled(unit.item_id))
        if unit.item_id not in ids and near is not None:
            raise InputError(
                f"{row.place}: item {unit.item_id!r} was not judged, {near!r} was; an item_id must be "
                "spelled the same in both"
            )
        if len(unit.responses) == 2 and replace(unit, responses=unit.responses[::-1]) in known:
            raise InputError(
                f"{row.place}: the pair {_about(unit)} was judged as {' vs '.join(unit.responses[::-1])}; "
                "have the columns 'first' and 'second' changed places?"
            )
    first = ", ".join(f"{_about(unit)!r} ({row.place})" for row, unit in lost[:3])
    if len(lost) == len(rows):
        ours = ", ".join(repr(each) for each in dict.fromkeys(map(_about, judged[:3])))
        raise InputError(
            f"no unit was both judged and labelled; labels are about {first}, ... and verdicts about {ours}, "
            f"...; item_id and response_id must be the same in both{_writers(lost)}"
        )
    return (f"labels left out because no judge was asked about their unit: {len(lost)}, such as {first}",)


def _writers(lost: Sequence[tuple[Cells, Unit]]) -> str:
    if any(row.get("system") is not None and row.get("response_id") is None for row, _ in lost):
        return ", or hand in the items (--items), which say what system wrote which response"
    return ""


def _spelled(item_id: str) -> str:
    """Return an id without what spreadsheets lose: case, blanks, leading zeros, a final .0."""
    plain = re.sub(r"[\s_-]+", "-", fold(item_id))
    return re.sub(r"(?<![\d.])0+(?=\d)", "", plain.removesuffix(".0"))


def _about(unit: Unit) -> str:
    return "/".join(part for part in (unit.item_id, " vs ".join(unit.responses), unit.part) if part)


def _facts(rows: Sequence[Cells], outcomes: Sequence[Outcome], groups: Sequence[str]) -> Facts:
    texts: dict[str, dict[Unit, str]] = {name: {} for name in ("cluster", "family", *groups)}
    numbers: dict[str, dict[Unit, float]] = {"weight": {}, "length": {}}
    systems: dict[Unit, tuple[str, ...]] = {}
    for row, outcome in zip(rows, outcomes, strict=True):
        for name, into in texts.items():
            if (value := row.get(name)) is not None:
                _once(into, outcome.unit, str(value), row, name)
        if row.get("system") is not None:
            if len(outcome.unit.responses) == 2:
                raise row.fail(
                    "a pair has two systems, and the column system holds one; hand in the items (--items), "
                    "or say that response ids are systems (responses_are_systems=True, --response-is-system)"
                )
            _once(systems, outcome.unit, (row.name("system"),), row, "system")
        for name, found in numbers.items():
            if (value := row.get(name)) is not None:
                _once(found, outcome.unit, _number(value, row, name), row, name)
    populations, pools = _populations(rows, outcomes)
    return Facts(
        clusters=texts["cluster"], family=texts["family"], groups={name: texts[name] for name in groups},
        systems=systems, weights=numbers["weight"], lengths=numbers["length"], populations=populations,
        pools=pools,
    )  # fmt: skip


def _populations(
    rows: Sequence[Cells], outcomes: Sequence[Outcome]
) -> tuple[dict[Unit, str], dict[str, str]]:
    """Return populations of units, or else of people: whichever is one and the same throughout."""
    units: dict[Unit, str] = {}
    people: dict[str, str] = {}
    mixed: dict[str, str] = {}
    for row, outcome in zip(rows, outcomes, strict=True):
        if (value := row.get("population")) is None:
            continue
        name = str(value)
        if units.setdefault(outcome.unit, name) != name:
            mixed.setdefault("units", row.place)
        if people.setdefault(outcome.rater, name) != name:
            mixed.setdefault("people", row.place)
    if len(mixed) == 2:
        raise InputError(
            f"{mixed['people']}: population differs from an earlier row by the same person, and in "
            f"{mixed['units']} from one about the same unit; it is of people, or of units"
        )
    return ({}, people) if "units" in mixed else (units, {})


def _once(into: Any, unit: Unit, value: Any, row: Cells, name: str) -> None:
    """See that every row about a unit says the same of it."""
    if into.setdefault(unit, value) != value:
        raise InputError(
            f"{row.place}: {name} {value!r} for item {unit.item_id!r}, {into[unit]!r} in another row about it"
        )


def _number(value: Any, row: Cells, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{row.place}: {name} {value!r} is no number") from None
    if name == "weight" and not number > 0:
        raise InputError(f"{row.place}: weight {number:g}; a weight is above 0")
    return number
