"""Pair verdicts -> comparisons of systems, as arrays.

A soft verdict is a part of a win, a tie and a loss. Systems and items are sorted, and the system that
sorts first is `one`, so that nothing depends on the order of rows or on which response an item lists
first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError
from judgekit.types import Outcome, Unit, Verdict

Systems = Mapping[str, Mapping[str, str]]
"""Item id -> response id -> system."""


@dataclass(frozen=True, eq=False, slots=True)
class Comparisons:
    """Comparisons of systems.

    Args:
        systems: Sorted.
        items: Sorted.
        one: Shape (n,): code of the system that sorts first.
        other: Shape (n,): code of the other.
        said: Shape (n, 3): how much of the verdict goes to `one`, to a tie, to `other`.
        shown: Shape (n,): 1 if `one` was shown first, -1 if last, 0 if that is not known.
        item: Shape (n,): code of the item.
        n_dropped: Abstentions, and comparisons of a system with itself.
    """

    systems: tuple[str, ...]
    items: tuple[str, ...]
    one: Codes
    other: Codes
    said: Floats
    shown: Codes
    item: Codes
    n_dropped: int


def comparisons_of(outcomes: Iterable[Outcome], systems: Systems | None = None) -> Comparisons:
    """The comparisons in outcomes on pairs.

    Args:
        outcomes: On units of two responses; every verdict counts once.
        systems: Who wrote which response; where left out, response ids are taken as systems.

    Raises:
        InputError: If an outcome is not about a pair, is off the scale of pairs, or its response has no
            system.
    """
    names: set[str] = set()
    rows: list[tuple[str, str, tuple[float, float, float], int, str]] = []
    dropped = 0
    for outcome in outcomes:
        unit = outcome.unit
        if len(unit.responses) != 2:
            raise InputError(f"{unit} is not a pair; a standing is made of comparisons")
        first, second = _systems_of(unit, systems)
        names |= {first, second}
        if not isinstance(outcome, Verdict) or first == second:
            dropped += 1
            continue
        probs = dict(outcome.probs)
        if strays := set(probs) - {"first", "tie", "second"}:
            raise InputError(f"{unit}: labels {sorted(strays)} are not on the scale of pairs")
        said = (probs.get("first", 0.0), probs.get("tie", 0.0), probs.get("second", 0.0))
        lead = _lead(unit, outcome.shown)
        rows.append(
            (first, second, said, lead, unit.item_id)
            if first < second
            else (second, first, said[::-1], -lead, unit.item_id)
        )
    rows.sort()
    return _arrays(rows, tuple(sorted(names)), dropped)


def _arrays(
    rows: list[tuple[str, str, tuple[float, float, float], int, str]], systems: tuple[str, ...], dropped: int
) -> Comparisons:
    items = tuple(sorted({row[4] for row in rows}))
    code, place = {s: i for i, s in enumerate(systems)}, {item: i for i, item in enumerate(items)}
    return Comparisons(
        systems, items,
        np.array([code[row[0]] for row in rows], dtype=np.intp),
        np.array([code[row[1]] for row in rows], dtype=np.intp),
        np.array([row[2] for row in rows], dtype=float).reshape(-1, 3),
        np.array([row[3] for row in rows], dtype=np.intp),
        np.array([place[row[4]] for row in rows], dtype=np.intp),
        dropped,
    )  # fmt: skip


def _systems_of(unit: Unit, systems: Systems | None) -> tuple[str, str]:
    first, second = unit.responses
    if systems is None:
        return first, second
    own = systems.get(unit.item_id, {})
    if lost := [response for response in unit.responses if response not in own]:
        raise InputError(
            f"item {unit.item_id!r}: no system is named for responses {lost}; give one for each response"
        )
    return own[first], own[second]


def _lead(unit: Unit, shown: tuple[str, ...]) -> int:
    """1 if the first of the unit was shown before the second, -1 if after, 0 if that is not known."""
    if any(response not in shown for response in unit.responses):
        return 0
    return 1 if shown.index(unit.responses[0]) < shown.index(unit.responses[1]) else -1
