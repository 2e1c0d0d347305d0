"""What a reader looks for first: marks of units and their criteria, and the numbers that units are sorted by.

The page and its server show the same marks, so they are made here, once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from judgekit.aggregate.systems import settled
from judgekit.review.route import disagreement, entropy
from judgekit.types import Outcome, Score, Unit, Verdict, is_control
from judgekit.verbs.kept import Kept, Piece

MARKS: Final = ("abstained", "split", "order_flipped", "quote_not_found", "gate", "changed")
"""abstained: an answer is missing; split: two judges are half the scale apart or more; order_flipped: a judge
prefers another response in the other order; gate: one fired; changed: differs from the other run."""
SORTS: Final = ("disagreement", "entropy", "change")
"""Variance between judges and entropy of the labels, largest over a unit's criteria; the largest change of a
verdict against the other run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A unit with its rows, who wrote its responses, the score that stands for it, and what is to be seen.

    `cells` are the marks of its criteria, a bit each in the order of `MARKS`, and `marks` those of all.
    """

    piece: Piece
    unit: Unit
    outcomes: Sequence[Outcome]
    scores: Sequence[Score]
    systems: Sequence[str]
    settled: Score | None
    cells: Mapping[str, int]
    marks: int
    sorts: Mapping[str, float | None]

    @property
    def value(self) -> float | None:
        """The value of the score that stands for it."""
        return None if self.settled is None else self.settled.value

    @property
    def interest(self) -> float:
        """How much is to be seen in it: each mark counts more than any nearness to the middle."""
        near = 1.0 if self.value is None else 0.5 - abs(self.value - 0.5)
        return self.marks.bit_count() + (self.sorts["change"] or 0.0) + near


def bit(mark: str) -> int:
    """Return the bit of a mark; 0 if there is none of this name."""
    return 1 << MARKS.index(mark) if mark in MARKS else 0


def names_of(marks: int) -> list[str]:
    """Return the names of marks."""
    return [name for name in MARKS if marks & bit(name)]


def views_of(kept: Kept, changes: Mapping[Unit, Mapping[str, float]]) -> list[View]:
    """Return the units of a run, in its order; `changes` are the largest ones of a unit's criteria."""
    found = []
    for piece in kept.pieces:
        rows: dict[Unit, tuple[list[Outcome], list[Score]]] = {}
        for outcome in piece.outcomes:
            rows.setdefault(outcome.unit, ([], []))[0].append(outcome)
        for score in piece.scores:
            rows.setdefault(score.unit, ([], []))[1].append(score)
        found += [_view(piece, unit, *own, changes.get(unit, {})) for unit, own in rows.items()]
    return found


def _view(
    piece: Piece, unit: Unit, outcomes: list[Outcome], scores: list[Score], changes: Mapping[str, float]
) -> View:
    by_criterion: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        by_criterion[each.criterion].append(each)
    cells: dict[str, int] = {}
    sorts: dict[str, list[float]] = {"change": [*changes.values()], "disagreement": [], "entropy": []}
    marks = bit("gate") * any(score.gate for score in scores)
    for criterion, some in by_criterion.items():
        said = [each for each in some if isinstance(each, Verdict)]
        judges = [each for each in said if not is_control(each.rater)]
        quoted = ("unfounded" in each.flags or not all(e.found for e in each.evidence) for each in said)
        cells[criterion] = (
            bit("abstained") * (len(said) < len(some)) | bit("split") * _is_split(judges)
            | bit("order_flipped") * any((a - 0.5) * (b - 0.5) < 0 for a, b in by_orders(said))
            | bit("quote_not_found") * any(quoted) | bit("changed") * (criterion in changes)
        )  # fmt: skip
        marks |= cells[criterion]
        sorts["disagreement"] += [disagreement(judges)] if judges else []
        sorts["entropy"] += [entropy(judges)] if judges else []
    return View(
        piece=piece, unit=unit, outcomes=outcomes, scores=scores, cells=cells, marks=marks,
        systems=_systems(unit, piece, scores), settled=settled(scores),
        sorts={name: max(values, default=None) for name, values in sorts.items()},
    )  # fmt: skip


def _systems(unit: Unit, piece: Piece, scores: Sequence[Score]) -> list[str]:
    """Return who wrote the responses; where nobody says it that is empty, and of a pair the response's id."""
    of_score = next((score.system for score in scores if score.system), "")
    known = {} if piece.item is None else piece.item.systems
    return [known.get(name, name if len(unit.responses) == 2 else of_score) for name in unit.responses]


def _is_split(verdicts: Iterable[Verdict]) -> bool:
    by_rater: dict[str, list[float]] = defaultdict(list)
    for each in verdicts:
        by_rater[each.rater].append(each.value)
    means = [fmean(values) for values in by_rater.values()]
    return len(means) > 1 and max(means) - min(means) >= 0.5  # of the scale


def by_orders(verdicts: Iterable[Verdict]) -> list[tuple[float, float]]:
    """Return of each rater of a pair the mean value with its first response shown first, and shown second."""
    held: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for each in verdicts:
        if len(each.unit.responses) == 2 and {*each.unit.responses} <= {*each.shown}:
            first, second = map(each.shown.index, each.unit.responses)
            held[each.rater][first > second].append(each.value)
    return [(fmean(one), fmean(other)) for one, other in held.values() if one and other]
