"""How a score came about: what each criterion gave to it, and which gate or veto fired.

The number is computed again, by what computed it, from where each criterion settled. A score that is another
one was aggregated in another way (an aggregator or a recipe of its own), and is said not to be explained.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from judgekit.aggregate.scores import Placed, Settled, dimension_value, rubric_value, settle, weigh
from judgekit.rubric.model import Criterion, Group, Node, Rubric
from judgekit.types import Outcome, Rule, Score, Unit

_SAME = 1e-9  # of two numbers that were added up in another order


@dataclass(frozen=True, slots=True)
class Part:
    """What one criterion gave to a score.

    Args:
        weight: As its rubric has it: within its group, negative for a fault. None where that is not known.
        value: Where its verdicts settled; None where they did not.
        contribution: What it added to the score; by the rule `placed` a fault gives by not being there.
        gate: The value it has to reach for the rest to count, and `veto` the one that zeroes the score; None
            where it is none.
        missing: Whether it should have counted, and has no value.
    """

    criterion: str
    weight: float | None
    value: float | None
    contribution: float = 0.0
    gate: float | None = None
    veto: float | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the score of one unit came about.

    Args:
        level: `rubric`; `dimension`, in `dimensions`; `criterion` where there is one alone.
        name: Id of the rubric, the dimension or the criterion.
        value: The score, as it is in the run; None where there is none.
        gate: Id of the gate or veto that fired.
        parts: The criteria, in the order of the rubric. Contributions add up to the value, less `clipped`;
            where a gate fired, or there is no score, to what would have been won by what was judged.
        clipped: What the rule `published_clipped` added, or took off, to stay within [0, 1].
        share: The share of the weight that was judged.
        unexplained: Why contributions are not known, all 0 then; empty where they are.
        dimensions: How the scores of dimensions came about.
        verdicts: All that was answered about the unit, abstentions among it.
    """

    unit: Unit
    level: Literal["rubric", "dimension", "criterion"]
    name: str
    value: float | None
    rule: Rule = "placed"
    gate: str = ""
    parts: tuple[Part, ...] = ()
    clipped: float = 0.0
    share: float = 1.0
    unexplained: str = ""
    dimensions: tuple["Explanation", ...] = ()
    verdicts: tuple[Outcome, ...] = ()


NO_RUBRIC = "run.json does not keep the rubric, so that the weights are not known"
OWN_RUBRIC = "the item was judged by a rubric of its own, which is not kept with the run"
OTHERWISE = "the score is not what the rubric makes of these values: it was aggregated in a way of its own"
APART = "the rubric has no score over all: its dimensions are read each by itself"
OF_TASK = "what is asked of the task counts in the score of each response"

_AllSettled = Mapping[str, Settled]
_Giving = Callable[[_AllSettled], Iterator[tuple[str, float]]]


def explain(
    rubric: Rubric | None, scores: Sequence[Score], outcomes: Sequence[Outcome], *, unknown: str = NO_RUBRIC
) -> tuple[Explanation, ...]:
    """Return how the scores of one item came about, for each unit that has some.

    `rubric` is what the item was judged by; None where that is not known, and `unknown` says why.

    >>> rubric = Rubric(id="r", criteria=[{"id": "a", "text": "A?"}, {"id": "b", "text": "B?", "weight": -1}])
    >>> unit, values = Unit("1", ("x",)), {"a": 1.0, "b": 0.0}
    >>> scores = [Score(unit, "criterion", name, value, "placed") for name, value in values.items()]
    >>> [found] = explain(rubric, [*scores, Score(unit, "rubric", "r", 1.0, "placed")], [])
    >>> [(part.criterion, part.contribution) for part in found.parts]
    [('a', 0.5), ('b', 0.5)]
    """
    by_unit: dict[Unit, list[Score]] = {}
    for score in scores:
        if score.level != "part":  # told in the rationale of its whole
            by_unit.setdefault(score.unit, []).append(score)
    said: dict[Unit, list[Outcome]] = {unit: [] for unit in by_unit}
    for outcome in outcomes:
        said.setdefault(_about(outcome, by_unit), []).append(outcome)
    task = [each for unit, own in by_unit.items() if not unit.responses and not unit.part for each in own]
    return tuple(
        _explained(_Own(unit, tuple(own), tuple(said[unit])), rubric, task, unknown)
        for unit, own in by_unit.items()
    )


@dataclass(frozen=True, slots=True)
class _Own:
    """What there is of one unit."""

    unit: Unit
    scores: tuple[Score, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def criteria(self) -> dict[str, Score]:
        return {score.name: score for score in self.scores if score.level == "criterion"}


def _about(outcome: Outcome, units: Iterable[Unit]) -> Unit:
    """Return the unit that an outcome counts for: of one of two scores in a reply, the pair."""
    if len(outcome.unit.responses) == 1 and len(outcome.shown) == 2:
        pair = set(outcome.shown)
        return next((unit for unit in units if set(unit.responses) == pair), outcome.unit)
    return outcome.unit


def _explained(own: _Own, rubric: Rubric | None, task: list[Score], unknown: str) -> Explanation:
    """Return how the score of a unit came about; `task` are the scores of the item's task."""
    whole = next((score for score in own.scores if score.level == "rubric"), None)
    criteria, known = own.criteria, rubric.by_id if rubric is not None else {}
    parts = tuple(_part(name, score.value, known.get(name)) for name, score in criteria.items())
    if whole is None and len(parts) == 1:
        part = replace(parts[0], contribution=parts[0].value or 0.0)
        return Explanation(
            own.unit, "criterion", part.criterion, part.value, parts=(part,), verdicts=own.outcomes
        )
    name = whole.name if whole is not None else rubric.id if rubric is not None else ""
    found = Explanation(own.unit, "rubric", name, None, parts=parts, verdicts=own.outcomes)
    if whole is not None:
        found = replace(found, value=whole.value, rule=whole.rule, gate=whole.gate, share=whole.share)
    if rubric is None:
        return replace(found, unexplained=unknown)
    if not criteria.keys() <= known.keys():
        return replace(found, unexplained=OWN_RUBRIC)
    if whole is not None and len(own.unit.responses) == 2:
        return _of_pair(found, rubric, criteria)
    found = replace(found, dimensions=_dimensions(rubric, own))
    if whole is None:
        why = APART if not rubric.total else OTHERWISE if own.unit.responses else OF_TASK
        return replace(found, unexplained=why)
    both = _Own(own.unit, (*task, *own.scores), own.outcomes)
    place = functools.partial(rubric_value, rubric, rule=whole.rule)
    give = functools.partial(_placed if whole.rule == "placed" else _published, rubric.criteria)
    return _added(found, rubric.leaves, both, place, give)


def _dimensions(rubric: Rubric, own: _Own) -> tuple[Explanation, ...]:
    found = []
    for score in own.scores:
        if score.level == "dimension":
            criteria = [c for c in rubric.leaves if c.dimension == score.name and c.id in own.criteria]
            about = Explanation(own.unit, "dimension", score.name, score.value, share=score.share)
            place = functools.partial(dimension_value, criteria)
            found.append(_added(about, criteria, own, place, functools.partial(_placed, criteria)))
    return tuple(found)


def _added(
    found: Explanation, criteria: Sequence[Criterion], own: _Own, place: Callable[..., Placed], give: _Giving
) -> Explanation:
    """Return an explanation with what each criterion gave, if `place` makes the same number of them."""
    for skips in (True, False):  # whether one that was undecided was left out does not stand in its score
        settled = {c.id: one for c in criteria if (one := _settled(c, own, skips=skips)) is not None}
        placed = place(settled, partial=found.value is not None)
        if _same(placed.value, found.value) and placed.gate == found.gate:
            break
    else:
        return replace(found, unexplained=OTHERWISE)
    given = dict(give(settled))
    parts = tuple(
        _part(c.id, one.value, c, given.get(c.id, 0.0), skipped=one.skipped)
        for c in criteria
        for one in [settled.get(c.id, Settled(None))]
    )
    if found.rule != "published_clipped" or found.value is None or found.gate:
        return replace(found, parts=parts)
    return replace(found, parts=parts, clipped=found.value - sum(part.contribution for part in parts))


def _settled(criterion: Criterion, own: _Own, *, skips: bool) -> Settled | None:
    """Return where a criterion settled, by its score, or else by its outcomes; None if it was not asked."""
    if (score := own.criteria.get(criterion.id)) is None:
        some = [outcome for outcome in own.outcomes if outcome.criterion == criterion.id]
        return settle(criterion, some) if some else None
    undecided = score.value is None and "undecided" in score.n_abstained
    return Settled(score.value, skipped=skips and undecided and criterion.if_undecided == "skip")


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= _SAME


def _part(
    name: str,
    value: float | None,
    criterion: Criterion | None,
    contribution: float = 0.0,
    *,
    skipped: bool = False,
) -> Part:
    missing = value is None and not skipped
    part = Part(name, None, value, contribution, missing=missing)
    if criterion is None:
        return part
    return replace(part, weight=criterion.weight, gate=criterion.gate, veto=criterion.veto)


def _placed(
    nodes: Iterable[Node], settled: _AllSettled, whole: float = 1.0, *, against: bool = False
) -> Iterator[tuple[str, float]]:
    """Yield what each criterion gives to a number placed between the least and the most that could be won.

    That is its share of the weight times its value, or, of a fault, times what its value lacks to 1. A
    group hands on its share, `whole`; in one that is a fault all is turned round (`against`).
    """
    there = [(node, value) for node, value in weigh(nodes, settled, partial=True) or () if value is not None]
    most = sum(abs(node.weight) for node, _ in there)
    for node, value in there:
        share, turned = whole * abs(node.weight) / most, against != (node.weight < 0)
        if isinstance(node, Group):
            yield from _placed(node.criteria, settled, share, against=turned)
        else:
            yield node.id, share * (1.0 - value if turned else value)


def _published(nodes: Iterable[Node], settled: _AllSettled) -> Iterator[tuple[str, float]]:
    """Yield the points of each criterion over all positive points."""
    there = [(node, value) for node, value in weigh(nodes, settled, partial=True) or () if value is not None]
    won = sum(node.weight for node, _ in there if node.weight > 0)
    for node, value in there:
        yield node.id, node.weight * value / won if won else 0.0


def _of_pair(found: Explanation, rubric: Rubric, own: Mapping[str, Score]) -> Explanation:
    """Return how the mean of a pair came about: by the size of weights, since each says which is better."""
    weights = {name: abs(rubric.by_id[name].weight) or 1.0 for name in own}
    judged = sum(weights[name] for name, score in own.items() if score.value is not None)
    parts = tuple(
        Part(
            name, weights[name], score.value, missing=score.value is None,
            contribution=0.0 if score.value is None else weights[name] * score.value / judged,
        )
        for name, score in own.items()
    )  # fmt: skip
    total = sum(part.contribution for part in parts)
    if found.value is None or _same(total, found.value):
        return replace(found, parts=parts)
    return replace(found, unexplained=OTHERWISE)
