"""Two stored runs and people's labels, read and seen to be about the same: one scale, no rater twice."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.recipes.cascade import Question
from judgekit.recipes.replaying import labels_of
from judgekit.recordings import Kind
from judgekit.rubric import Rubric
from judgekit.scales import PAIR, Numbers, Scale
from judgekit.types import Outcome, brief, is_control
from judgekit.verbs.joining import outcomes_of, people_of, shape_of


@dataclass(frozen=True, slots=True)
class TwoRuns:
    """Two runs over the same questions, and people's labels.

    Args:
        cheap: Outcomes of the first.
        strong: Outcomes of the second.
        right: Question -> label by people.
        scale: Of all criteria.
        notes: What a reader should know of how they were read.
    """

    cheap: Sequence[Outcome]
    strong: Sequence[Outcome]
    right: Mapping[Question, str]
    scale: Scale
    notes: tuple[str, ...]

    __repr__ = brief


def read_two_runs(
    cheap: Any,
    strong: Any,
    labels: Any,
    *,
    rubric: Any = None,
    scale: Any = None,
    criteria: Collection[str] = (),
    columns: Mapping[str, str] | None = None,
    labels_about: str = "item",
) -> TwoRuns:
    """Two runs and labels, read; arguments and errors as of `cascade`.

    >>> from judgekit.types import Unit, Verdict
    >>> runs = [[Verdict(rater, Unit("1"), "c", (("yes", 1.0),), "yes", 1.0)] for rater in "ab"]
    >>> read_two_runs(*runs, [{"item_id": "1", "rater": "ann", "label": "no"}], scale="yes_no").right
    {(Unit(item_id='1', responses=(), part=''), 'c'): 'no'}
    """
    notes: list[str] = []
    first, second = (
        _stored(source, step, criteria, notes) for source, step in ((cheap, "cheap"), (strong, "strong"))
    )
    if both := sorted({o.rater for o in first} & {o.rater for o in second}):
        raise InputError(f"judges {both} stand in both runs; a second look is no second judge")
    protocol: Kind = "compare" if any(len(o.unit.responses) == 2 for o in first) else "grade"
    shape = shape_of(rubric, scale, first, protocol)
    found = _scale(first, shape, protocol, notes)
    people, told = people_of(
        labels, shape, protocol=protocol, judged=[o.unit for o in first], columns=columns,
        labels_about=labels_about,
    )  # fmt: skip
    notes += told
    for step, own in (("cheap", first), ("strong", second)):
        if both := sorted({o.rater for o in people} & {o.rater for o in own}):
            raise InputError(f"{both} gave the labels and stand in the {step} run; nobody judges themselves")
    return TwoRuns(first, second, labels_of(people, found), found, tuple(notes))


def _stored(source: Any, step: str, wanted: Collection[str], notes: list[str]) -> list[Outcome]:
    """The outcomes of one step, of the criteria wanted; controls beside a judge are no part of a panel."""
    if isinstance(source, str | Path) and not Path(source).is_file():
        raise InputError(f"{source}: there is no such file; the {step} run is an outcomes.jsonl")
    outcomes = outcomes_of(source)
    if outcomes is None:
        shown = source if isinstance(source, str | Path) else f"{kind_of(source)}"
        raise InputError(
            f"{shown}: no outcomes of a run; hand in the outcomes.jsonl that --out writes, or that "
            "`judgekit ingest` makes of recorded verdicts"
        )
    there = {o.criterion for o in outcomes}
    if absent := sorted(set(wanted) - there):
        raise InputError(
            f"the {step} run has no outcomes on the criterion {absent[0]!r}; it has {sorted(there)}"
        )
    outcomes = [o for o in outcomes if not wanted or o.criterion in wanted]
    controls = sorted({o.rater for o in outcomes if is_control(o.rater)})
    if controls and len({o.rater for o in outcomes}) > len(controls):
        notes.append(f"{step} run: left out {', '.join(controls)}")
        outcomes = [o for o in outcomes if not is_control(o.rater)]
    return outcomes


def _scale(outcomes: Sequence[Outcome], rubric: Rubric, protocol: Kind, notes: list[str]) -> Scale:
    """The one scale of the criteria."""
    names = list(dict.fromkeys(o.criterion for o in outcomes))
    if strange := [name for name in names if name not in rubric.by_id]:
        raise InputError(
            f"the cheap run judged the criterion {strange[0]!r}, which rubric {rubric.id!r} has not; it has "
            f"{sorted(rubric.by_id)}"
        )
    if protocol == "compare":
        return PAIR
    scales = {name: rubric.by_id[name].scale for name in names}
    found = scales[names[0]]
    if other := next((name for name, each in scales.items() if each != found), None):
        raise InputError(
            f"criteria {names[0]!r} and {other!r} have different scales, and a threshold is for one; choose "
            f"with --criterion, of {names}"
        )
    if isinstance(found, Numbers):
        notes.append("labels are numbers: a verdict counts as wrong unless it is people's very number")
    return found
