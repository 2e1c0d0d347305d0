"""From values of criteria to one number: placed, published, gated.

`placed`: the weighted sum, placed between the least and the most that could be won, so that faults
(negative weights) need no clipping and every rubric runs from 0 to 1. `published`: points achieved
over positive points, as HealthBench and GAPS print it; it can be negative, or clipped to [0, 1].
Groups are placed first and then count as one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from judgekit.rubric.model import Criterion, Group, Rubric
from judgekit.types import Rule


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the verdicts on one criterion settle: a value, or None; `skipped` if it is not to count."""

    value: float | None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A number and what it rests on.

    Args:
        value: None where there is no score.
        share: Share of the weight that was judged.
        gate: Id of the gate or veto that fired.
    """

    value: float | None
    share: float = 1.0
    gate: str = ""


def rubric_value(rubric: Rubric, settled: Mapping[str, Settled], *, rule: Rule, partial: bool) -> Placed:
    """The rubric score of one unit.

    Args:
        rubric: What was asked.
        settled: By criterion id; a criterion that is not there is missing.
        rule: How to compute it.
        partial: Score what was judged, with its share, instead of giving no score when something is missing.

    >>> rubric = Rubric(id="r", criteria=[{"id": "a", "text": "A?"}, {"id": "b", "text": "B?", "weight": -1}])
    >>> rubric_value(rubric, {"a": Settled(1.0), "b": Settled(1.0)}, rule="placed", partial=False).value
    0.5
    >>> rubric_value(rubric, {"a": Settled(1.0), "b": Settled(1.0)}, rule="published", partial=False).value
    0.0
    """
    weighed = _weigh(rubric.criteria, settled, partial=partial)
    share = _share(rubric.criteria, settled)
    fired, undecided = _gates(rubric.leaves, settled)
    if fired:
        return Placed(0.0, share, fired)
    if undecided or weighed is None:
        return Placed(None, share)
    if rule == "placed":
        return Placed(_place(weighed), share)
    achieved = sum(w * v for w, v in weighed if v is not None)
    won = sum(w for w, v in weighed if v is not None and w > 0)
    if not won:
        return Placed(None, share)
    value = achieved / won
    return Placed(min(max(value, 0.0), 1.0) if rule == "published_clipped" else value, share)


def dimension_value(
    criteria: Sequence[Criterion], settled: Mapping[str, Settled], *, partial: bool
) -> Placed:
    """The placed score of the criteria of one dimension."""
    weighed = _weigh(criteria, settled, partial=partial)
    return Placed(None if weighed is None else _place(weighed), _share(criteria, settled))


Weighed = list[tuple[float, float | None]]
"""(weight, value) of what counts; the value is None where it is missing and a partial score was asked for."""


def _weigh(
    nodes: Iterable[Criterion | Group], settled: Mapping[str, Settled], *, partial: bool
) -> Weighed | None:
    """Weights and values; None where something is missing and no partial score was asked for."""
    weighed: Weighed = []
    for node in nodes:
        if isinstance(node, Group):
            inner = _weigh(node.criteria, settled, partial=partial)
            if inner is None:
                return None
            if inner:
                weighed.append((node.weight, _place(inner)))
        elif node.weight:
            one = settled.get(node.id)
            if one is not None and one.skipped:
                continue
            value = one.value if one is not None else None
            if value is None and not partial:
                return None
            weighed.append((node.weight, value))
    return weighed


def _place(weighed: Weighed) -> float | None:
    there = [(w, v) for w, v in weighed if v is not None]
    least, most = sum(w for w, _ in there if w < 0), sum(w for w, _ in there if w > 0)
    return (sum(w * v for w, v in there) - least) / (most - least) if most > least else None


def _share(nodes: Iterable[Criterion | Group], settled: Mapping[str, Settled]) -> float:
    """Share of the weight that was judged; a group counts with its weight and the share inside it."""
    there, every = _judged(nodes, settled)
    return there / every if every else 1.0


def _judged(nodes: Iterable[Criterion | Group], settled: Mapping[str, Settled]) -> tuple[float, float]:
    """The weight that was judged, and the weight of all that counts; signs aside."""
    there = every = 0.0
    for node in nodes:
        if isinstance(node, Group):
            inner, whole = _judged(node.criteria, settled)
            if not whole:
                continue
            part = inner / whole
        else:
            one = settled.get(node.id)
            if one is not None and one.skipped:
                continue
            part = float(one is not None and one.value is not None)
        there += abs(node.weight) * part
        every += abs(node.weight)
    return there, every


def _gates(criteria: Iterable[Criterion], settled: Mapping[str, Settled]) -> tuple[str, bool]:
    """Id of the first gate that does not hold or veto that does; whether any is not known."""
    unknown = False
    for c in criteria:
        if c.gate is None and c.veto is None:
            continue
        one = settled.get(c.id)
        if one is not None and one.skipped:
            continue
        if one is None or one.value is None:
            unknown = True
        elif (c.gate is not None and one.value < c.gate) or (c.veto is not None and one.value >= c.veto):
            return c.id, False
    return "", unknown
