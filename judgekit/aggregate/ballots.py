"""Ballots: the verdicts of many raters on many units as one array of soft votes.

A verdict is a vote spread over the labels by its probabilities; an abstention is no vote. Units and
raters are sorted, so that the array does not depend on the order of rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from judgekit.agreement.core.ratings import Floats
from judgekit.calibration.balance import balance
from judgekit.distribution import commonest_reason, levels, mean_of
from judgekit.errors import InputError
from judgekit.scales import Scale
from judgekit.types import Outcome, Reason, Unit, Verdict

Repeats = Literal["average", "count"]


@dataclass(frozen=True, eq=False, slots=True)
class Ballots:
    """Soft votes on one criterion.

    Args:
        criterion: Its id.
        scale: Its scale.
        labels: The labels of the scale, worst first.
        units: Sorted.
        raters: Sorted.
        votes: Shape (n_units, n_raters, n_labels); a row of zeros where a rater gave no verdict.
        reasons: Why, for the units on which nobody gave one.
    """

    criterion: str
    scale: Scale
    labels: tuple[str, ...]
    units: tuple[Unit, ...]
    raters: tuple[str, ...]
    votes: Floats
    reasons: dict[Unit, Reason]


def ballots_of(outcomes: Iterable[Outcome], scale: Scale, *, repeats: Repeats = "average") -> Ballots:
    """The votes in outcomes on one criterion.

    Args:
        outcomes: Of any raters on any units; samples and orders may repeat.
        scale: The criterion's scale.
        repeats: `average`: one judge has one vote on a unit however often it was asked (orders balanced
            first), because its repeats are no independent judges; `count`: each counts as a vote.

    Raises:
        InputError: If there is no outcome, they are on several criteria, or the scale has no labels to
            count.

    >>> from judgekit.scales import YES_NO
    >>> said = [Verdict("j", Unit(str(i)), "kind", (("yes", 1.0),), "yes", 1.0) for i in range(2)]
    >>> ballots_of(said, YES_NO).votes.tolist()
    [[[0.0, 1.0]], [[0.0, 1.0]]]
    """
    cells: dict[tuple[Unit, str], list[Outcome]] = {}
    criteria = set()
    for outcome in outcomes:
        cells.setdefault((outcome.unit, outcome.rater), []).append(outcome)
        criteria.add(outcome.criterion)
    if len(criteria) != 1:
        raise InputError(f"ballots are of one criterion, and the outcomes are on {sorted(criteria)}")
    labels = levels(scale)
    units = sorted({unit for unit, _ in cells}, key=lambda u: (u.item_id, u.responses, u.part))
    raters = sorted({rater for _, rater in cells})
    votes = np.zeros((len(units), len(raters), len(labels)))
    index = ({u: i for i, u in enumerate(units)}, {r: j for j, r in enumerate(raters)}, _codes(labels))
    places, shares = _entries(cells, scale, repeats, index)
    np.add.at(votes, tuple(np.array(places, dtype=np.intp).reshape(-1, 3).T), np.array(shares, dtype=float))
    silent = votes.sum(axis=(1, 2)) == 0
    reasons = _reasons(cells, {unit for unit, none in zip(units, silent, strict=True) if none})
    return Ballots(criteria.pop(), scale, labels, tuple(units), tuple(raters), votes, reasons)


def _entries(
    cells: dict[tuple[Unit, str], list[Outcome]],
    scale: Scale,
    repeats: Repeats,
    index: tuple[dict[Unit, int], dict[str, int], dict[str, int]],
) -> tuple[list[tuple[int, int, int]], list[float]]:
    """(unit, rater, label) and the part of a vote, for every vote."""
    places: list[tuple[int, int, int]] = []
    shares: list[float] = []
    row, column, code = index
    for (unit, rater), own in cells.items():
        i, j = row[unit], column[rater]
        for verdict in _votes(own, scale, repeats):
            for label, p in verdict.probs:
                if label not in code:
                    raise InputError(f"label {label!r} by {rater!r} is not on the scale {list(code)}")
                places.append((i, j, code[label]))
                shares.append(p)
    return places, shares


def _codes(labels: Sequence[str]) -> dict[str, int]:
    return {label: k for k, label in enumerate(labels)}


def _votes(own: Sequence[Outcome], scale: Scale, repeats: Repeats) -> list[Verdict]:
    if len(own) > 1 and repeats == "average":
        return [v for v in [balance(own, scale=scale)] if isinstance(v, Verdict)]
    return [v for v in own if isinstance(v, Verdict)]


def _reasons(cells: dict[tuple[Unit, str], list[Outcome]], silent: set[Unit]) -> dict[Unit, Reason]:
    lost: dict[Unit, list[Outcome]] = {}
    if silent:
        for (unit, _), own in cells.items():
            if unit in silent:
                lost.setdefault(unit, []).extend(own)
    return {unit: commonest_reason(own) for unit, own in lost.items()}


def shares_of(verdicts: Iterable[Verdict], labels: Sequence[str]) -> Floats:
    """The mean distribution of verdicts, shape (n_labels,)."""
    mean = mean_of([dict(v.probs) for v in verdicts])
    return np.array([mean.get(label, 0.0) for label in labels])
