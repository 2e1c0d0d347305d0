"""Two runs side by side: what was asked otherwise, and what came out otherwise, each with its counterpart.

Scores are matched by item, response and criterion, so that a difference is that of the same thing judged
twice. Intervals and tests take items as the independent units.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from judgekit.agreement.association.comparing import paired_difference, paired_permutation
from judgekit.agreement.association.pairwise_accuracy import EXACT
from judgekit.errors import InputError
from judgekit.rubric import load_rubric
from judgekit.rubric.diff import diff as changes_of
from judgekit.types import Estimate, Score, Unit, Verdict

if TYPE_CHECKING:
    from judgekit.verbs.results import Run

Level = Literal["all", "criterion", "system"]
_SAME = 1e-9  # of two values that were added up in another order
_FLIPS, _DRAWN, _AT_ONCE = 9_999, 20_000_000, 4_000_000  # flips of a test; signs drawn for it, and at once
_TOLD = 5  # changes of a rubric that are named


@dataclass(frozen=True, slots=True)
class Compared:
    """How a run differs from the other in all, on a criterion, or on a system.

    Args:
        estimate: The mean of differences, the run less the other, with its interval over items.
        p: Two-sided, by sign flips of whole items: exact where at most 15 of them differ.
        better: Units whose score is higher in the run; `worse`, lower; `same`, equal.
    """

    name: str
    level: Level
    estimate: Estimate
    p: float
    better: int
    worse: int
    same: int


class Changed(NamedTuple):
    """One judge's verdict on a unit and a criterion, in the other run and in this one; None: it abstained."""

    unit: Unit
    criterion: str
    rater: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a run differs from the one it is held against.

    Args:
        differs: What was asked otherwise, a sentence each; empty where nothing was, as far as is known.
        by: In all, by criterion, by system.
        changed: The verdicts that changed, the largest change first; judges that abstained in one of the
            runs stand behind.
        only_run: Units that the other run does not have, and `only_other` those that it alone has.
    """

    differs: tuple[str, ...]
    by: tuple[Compared, ...]
    changed: tuple[Changed, ...]
    only_run: int = 0
    only_other: int = 0


def diff(run: "Run", other: "Run") -> Difference:
    """Return how a run differs from another one, which is taken for the earlier.

    Raises `InputError` if they have nothing in common.
    """
    mine, theirs = _values(run.scores), _values(other.scores)
    units, others = {each.unit for each in mine}, {each.unit for each in theirs}
    if not units & others:
        raise InputError("the two runs have no item and response in common, so nothing can be compared")
    both = {each: (mine[each], theirs[each]) for each in mine if each in theirs}
    whole = [each for each in both if each.level == "rubric"]
    whole = whole or [each for each in both if each.level == "criterion"]
    systems = {_place(each): each.system for each in run.scores if each.system}
    groups: list[tuple[str, Level, list[_Place]]] = [("all", "all", whole)]
    for name in dict.fromkeys(each.name for each in both if each.level == "criterion"):
        groups.append((name, "criterion", [e for e in both if (e.level, e.name) == ("criterion", name)]))  # noqa: PERF401
    for name in dict.fromkeys(systems.values()):
        groups.append((name, "system", [e for e in whole if systems.get(e) == name]))  # noqa: PERF401
    return Difference(
        differs=tuple(_differs(run.summary, other.summary)),
        by=tuple(_compared(*each, both) for each in groups),
        changed=tuple(_changed(run, other)),
        only_run=len(units - others),
        only_other=len(others - units),
    )


class _Place(NamedTuple):
    """Where a score stands, whatever order a pair is named in, and whatever the rubric is called."""

    unit: Unit
    level: str
    name: str


def _sorted(unit: Unit) -> Unit:
    return unit if len(unit.responses) != 2 else Unit(unit.item_id, tuple(sorted(unit.responses)), unit.part)


def _turned(unit: Unit, value: float | None) -> float | None:
    """Return the value of a pair that is named in the sorted order."""
    return value if value is None or unit == _sorted(unit) else 1.0 - value


def _place(score: Score) -> _Place:
    return _Place(_sorted(score.unit), score.level, "" if score.level == "rubric" else score.name)


def _values(scores: Iterable[Score]) -> dict[_Place, float | None]:
    return {_place(each): _turned(each.unit, each.value) for each in scores}


def _compared(
    name: str,
    level: Level,
    places: Sequence[_Place],
    both: Mapping[_Place, tuple[float | None, float | None]],
) -> Compared:
    first, second = (np.array([both[place][n] for place in places], dtype=np.float64) for n in (0, 1))
    items = [place.unit.item_id for place in places]
    estimate = paired_difference(first, second, clusters=items, n_flips=1).difference
    d = np.where(np.abs(first - second) <= _SAME, 0.0, first - second)
    counts = (d > 0, d < 0, d == 0)
    better, worse, same = (int(each.sum()) for each in counts)
    return Compared(
        name=name, level=level, estimate=estimate, p=_p(d, items), better=better, worse=worse, same=same
    )


def _p(difference: "np.ndarray[Any, np.dtype[np.float64]]", items: Sequence[str]) -> float:
    """Return the p of sign flips; an item whose differences add up to 0 moves no flip, and is left out."""
    sums: dict[str, float] = {}
    for item, value in zip(items, difference.tolist(), strict=True):
        if not math.isnan(value):
            sums[item] = sums.get(item, 0.0) + value
    moved = [value for value in sums.values() if abs(value) > _SAME]
    if not moved:
        return 1.0 if sums else math.nan
    size = max(1, min(_FLIPS, _AT_ONCE // len(moved)))
    turns = 1 if len(moved) <= EXACT else max(1, min(_FLIPS, _DRAWN // len(moved)) // size)
    each = [paired_permutation(moved, n_flips=size, seed=seed).p for seed in range(turns)]
    if len(moved) <= EXACT:
        return each[0]
    return (sum(round(p * (size + 1)) - 1 for p in each) + 1) / (turns * size + 1)


def _changed(run: "Run", other: "Run") -> Iterator[Changed]:
    """Yield the verdicts that changed; of two runs with one judge each, whatever it is called."""
    after, before = _said(run), _said(other)
    judges = [list(dict.fromkeys(rater for _, _, rater in each)) for each in (after, before)]
    called = {name: name for name in judges[0]}
    if len(judges[0]) == len(judges[1]) == 1:
        called = {judges[0][0]: judges[1][0]}
    named = {_sorted(outcome.unit): outcome.unit for outcome in run.outcomes}
    found = []
    for at, value in after.items():
        unit, criterion, rater = at
        there = unit, criterion, called[rater]
        if there not in before or _equal(value, was := before[there]):
            continue
        shown = rater if called[rater] == rater else f"{called[rater]} / {rater}"
        own = named[unit]
        found.append(Changed(own, criterion, shown, _turned(own, was), _turned(own, value)))
    yield from sorted(found, key=_size, reverse=True)


def _equal(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else abs(one - other) <= _SAME


def _size(change: Changed) -> float:
    return -1.0 if change.before is None or change.after is None else abs(change.after - change.before)


def _said(run: "Run") -> dict[tuple[Unit, str, str], float | None]:
    """Return the mean value of each judge on a unit and a criterion; None where it abstained throughout."""
    values: dict[tuple[Unit, str, str], list[float]] = {}
    for outcome in run.outcomes:
        own = values.setdefault((_sorted(outcome.unit), outcome.criterion, outcome.rater), [])
        if isinstance(outcome, Verdict) and (value := _turned(outcome.unit, outcome.value)) is not None:
            own.append(value)
    return {at: fmean(own) if own else None for at, own in values.items()}


def _differs(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was asked otherwise; what one of the runs does not say is not compared."""
    yield from _rubrics(mine.get("rubric") or {}, theirs.get("rubric") or {})
    for what, name in (("prompt", "prompts"), ("judge", "judges")):
        yield from _named(what, mine.get(name), theirs.get(name))
    items = [((each.get("inputs") or {}).get("items") or {}).get("sha256") for each in (mine, theirs)]
    if None not in items and items[0] != items[1]:
        yield "the file of items is another one: what is compared may have other texts"
    for name in ("recipe", "protocol", "form", "per_call", "samples", "judgekit"):
        if name in mine and name in theirs and mine[name] != theirs[name]:
            yield f"{name}: {mine[name]} here, {theirs[name]} there"


def _rubrics(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    if mine.get("digest") == theirs.get("digest") or None in {mine.get("digest"), theirs.get("digest")}:
        return
    here, there = (f"{each['id']} {each['version']} ({each['digest'][:12]})" for each in (mine, theirs))
    yield f"the rubric is another one: {here} here, {there} there"
    if mine.get("content") is None or theirs.get("content") is None:
        return
    changes = [
        each
        for each in changes_of(load_rubric(theirs["content"]), load_rubric(mine["content"]))
        if each.moves_meaning
    ]
    for each in changes[:_TOLD]:
        yield f"{each.place}, {each.field}: {_short(each.new)} here, {_short(each.old)} there"
    if len(changes) > _TOLD:
        yield f"and {len(changes) - _TOLD} more changes of the rubric"


def _named(
    what: str, mine: Mapping[str, Hashable] | None, theirs: Mapping[str, Hashable] | None
) -> Iterator[str]:
    if mine is None or theirs is None:
        return
    for own, other, where in ((mine, theirs, "here"), (theirs, mine, "there")):
        if only := sorted(own.keys() - other.keys()):
            yield f"{what} {', '.join(only)}: only {where}"
    for name in mine:
        if name in theirs and mine[name] != theirs[name]:
            yield f"{what} {name}: {_settings(mine[name], theirs[name])}"


def _settings(here: Any, there: Any) -> str:
    """Return how two values under one name differ."""
    if not isinstance(here, Mapping) or not isinstance(there, Mapping):
        return "it has another text"
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return ", ".join(
        f"{name} {_short(here.get(name))} here, {_short(there.get(name))} there" for name in names
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
