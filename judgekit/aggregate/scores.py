"""The outcomes of one item -> its scores: each criterion, each dimension, the rubric.

Verdicts are averaged over a judge's samples first and then over judges, so that a judge asked more often does
not weigh more. A rubric score is `placed`, the weighted sum between the least and the most that could be won,
so that faults (negative weights) need no clipping; or `published`, points achieved over positive points, as
HealthBench and GAPS print it: negative, or clipped to [0, 1]. Groups are placed first and count as one.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev
from typing import Any

from judgekit.aggregate.pools import Pool, per_rater
from judgekit.records import make_score
from judgekit.rubric.model import Criterion, Group, Rubric
from judgekit.types import CALIBRATED, EMPTY, Abstention, Item, Outcome, Rule, Score, Unit, Verdict


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the verdicts on one criterion settle: a value, or None; `skipped` if it is not to count."""

    value: float | None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A number (None: no score), the share of the weight judged, and the gate or veto that fired."""

    value: float | None
    share: float = 1.0
    gate: str = ""


def rubric_value(rubric: Rubric, settled: Mapping[str, Settled], *, rule: Rule, partial: bool) -> Placed:
    """Return the rubric score of one unit; `partial` scores what was judged, with its share.

    >>> rubric = Rubric(id="r", criteria=[{"id": "a", "text": "A?"}, {"id": "b", "text": "B?", "weight": -1}])
    >>> rubric_value(rubric, {"a": Settled(1.0), "b": Settled(1.0)}, rule="placed", partial=False).value
    0.5
    >>> rubric_value(rubric, {"a": Settled(1.0), "b": Settled(1.0)}, rule="published", partial=False).value
    0.0
    """
    weighed = weigh(rubric.criteria, settled, partial=partial)
    share = _share(rubric.criteria, settled)
    fired, undecided = _gates(rubric.leaves, settled)
    if fired:
        return Placed(0.0, share, fired)
    if undecided or weighed is None:
        return Placed(None, share)
    if rule == "placed":
        return Placed(_place(weighed), share)
    achieved = sum(node.weight * v for node, v in weighed if v is not None)
    won = sum(node.weight for node, v in weighed if v is not None and node.weight > 0)
    if not won:
        return Placed(None, share)
    value = achieved / won
    return Placed(min(max(value, 0.0), 1.0) if rule == "published_clipped" else value, share)


def dimension_value(
    criteria: Sequence[Criterion], settled: Mapping[str, Settled], *, partial: bool
) -> Placed:
    """Return the placed score of the criteria of one dimension."""
    weighed = weigh(criteria, settled, partial=partial)
    return Placed(None if weighed is None else _place(weighed), _share(criteria, settled))


Weighed = list[tuple[Criterion | Group, float | None]]
"""What counts, with its value: None where it is missing and a partial score was asked for."""


def weigh(
    nodes: Iterable[Criterion | Group], settled: Mapping[str, Settled], *, partial: bool
) -> Weighed | None:
    """Return what counts; None where something is missing and no partial score was asked for."""
    weighed: Weighed = []
    for node in nodes:
        if isinstance(node, Group):
            inner = weigh(node.criteria, settled, partial=partial)
            if inner is None:
                return None
            if inner:
                weighed.append((node, _place(inner)))
        elif node.weight:
            one = settled.get(node.id)
            if one is not None and one.skipped:
                continue
            value = one.value if one is not None else None
            if value is None and not partial:
                return None
            weighed.append((node, value))
    return weighed


def _place(weighed: Weighed) -> float | None:
    if len(weighed) == 1:  # by far the commonest, in the same steps
        [(node, value)] = weighed
        if value is None or not node.weight:
            return None
        least, most = min(node.weight, 0.0), max(node.weight, 0.0)
        return (node.weight * value - least) / (most - least)
    there = [(node.weight, v) for node, v in weighed if v is not None]
    least, most = sum(w for w, _ in there if w < 0), sum(w for w, _ in there if w > 0)
    return (sum(w * v for w, v in there) - least) / (most - least) if most > least else None


def _share(nodes: Iterable[Criterion | Group], settled: Mapping[str, Settled]) -> float:
    """Return the share of the weight that was judged; a group counts with its weight and the share in it."""
    there, every = _judged(nodes, settled)
    return there / every if every else 1.0


def _judged(nodes: Iterable[Criterion | Group], settled: Mapping[str, Settled]) -> tuple[float, float]:
    """Return the weight that was judged, and the weight of all that counts; signs aside."""
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
    """Return the id of the first gate or veto that fires; and whether any is not known."""
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


Place = Callable[[Mapping[str, Settled]], Placed]
"""From where each criterion settles to one number."""
Settling = Callable[[Criterion, Sequence[Outcome]], Settled]
Sure = Callable[..., tuple[float | None, float | None, dict[str, float]]]
"""`uncertainty`, told whose samples are copies."""
Asked = Mapping[str, list[Outcome]]
"""Criterion -> its outcomes on one unit."""
About = dict[str, Any]
"""What a score is of: its unit and system, and in the end its level, name and rule."""
Repeat = tuple[str, int]
"""One judge's one pass over a rubric: (rater, sample)."""
_POLICY = {"worst": 0.0, "best": 1.0}


def rubric_scores(
    rubric: Rubric,
    item: Item,
    outcomes: Iterable[Outcome],
    *,
    rule: Rule | None = None,
    partial: bool = False,
    pool: Pool | None = None,
    copies: Collection[str] = (),
) -> tuple[Score, ...]:
    """Return the scores of one item, by unit in order of first appearance.

    A unit has a score a criterion, a dimension, and one for the rubric (unless its `total` is false),
    computed by the rubric's own rule where none is given; criteria about the task join the rubric score of
    each response. `partial` gives a rubric or dimension score although criteria are missing, with the share
    judged. `pool` makes several judges' outcomes on a criterion one, their mean where left out; `copies` are
    judges whose samples are copies (`Plan.copies`).
    """
    by_unit: dict[Unit, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        by_unit.setdefault(outcome.unit, {}).setdefault(outcome.criterion, []).append(outcome)
    task = by_unit.get(Unit(item.item_id), {}) if len(by_unit) > 1 else {}
    chosen = rule or rubric.rule
    settling = functools.partial(settle, pool=pool)
    sure = functools.partial(uncertainty, copies=copies)
    scores: list[Score] = []
    for unit, asked in by_unit.items():
        system = item.systems.get(unit.responses[0], "") if unit.responses else ""
        about: About = {"unit": unit, "system": system}
        own = [c for c in rubric.leaves if c.id in asked]
        scores += [_criterion_score(c, asked[c.id], about, settling, sure=sure) for c in own]
        scores += _dimension_scores(own, asked, about, settling, sure=sure, partial=partial)
        if rubric.total and (unit.responses or len(by_unit) == 1):
            place = functools.partial(rubric_value, rubric, rule=chosen, partial=partial)
            about |= {"level": "rubric", "name": rubric.id, "rule": chosen}
            scores.append(
                _whole(place, rubric.leaves, {**task, **asked} if task else asked, about, settling, sure=sure)
            )
    return tuple(scores)


def _criterion_score(
    criterion: Criterion, outcomes: Sequence[Outcome], about: About, settling: Settling, *, sure: Sure
) -> Score:
    if len(outcomes) == 1 and isinstance(only := outcomes[0], Verdict):  # by far the commonest
        return make_score(
            unit=about["unit"], level="criterion", name=criterion.id, value=only.value, rule="placed",
            n_verdicts=1, flags=_told(outcomes) if only.flags else (), system=about["system"],
        )  # fmt: skip
    about = {**about, "level": "criterion", "name": criterion.id, "rule": "placed"}
    values = {_repeat(o): o.value for o in outcomes if isinstance(o, Verdict)}
    low, high, spread = sure(values, clip=True)
    return make_score(
        **about, value=settling(criterion, outcomes).value, low=low, high=high, n_verdicts=len(values),
        n_abstained=reasons_of(outcomes), spread=spread, flags=_told(outcomes),
    )  # fmt: skip


def settle(criterion: Criterion, outcomes: Sequence[Outcome], *, pool: Pool | None = None) -> Settled:
    """Return where outcomes on one criterion settle: mean over samples, then over judges, or by a pool."""
    if len(outcomes) == 1 and isinstance(only := outcomes[0], Verdict):  # by far the commonest
        return Settled(only.value)
    if pool is not None and len({o.rater for o in outcomes}) > 1:
        outcomes = [pool(per_rater(outcomes, criterion.scale), criterion.scale)]
    by_rater: dict[str, list[float]] = {}
    undecided = False
    for o in outcomes:
        if isinstance(o, Verdict):
            by_rater.setdefault(o.rater, []).append(o.value)
        else:
            undecided = undecided or o.reason == "undecided"
    if by_rater:
        return Settled(fmean(fmean(values) for values in by_rater.values()))
    if undecided and criterion.if_undecided != "abstain":
        if criterion.if_undecided == "skip":
            return Settled(None, skipped=True)
        value = _POLICY[criterion.if_undecided]
        return Settled(value if criterion.weight >= 0 and criterion.veto is None else 1.0 - value)
    return Settled(None)


def _dimension_scores(
    own: Sequence[Criterion], asked: Asked, about: About, settling: Settling, *, sure: Sure, partial: bool
) -> list[Score]:
    scores = []
    for dimension in dict.fromkeys([c.dimension for c in own if c.dimension and c.weight]):
        criteria = [c for c in own if c.dimension == dimension]
        place = functools.partial(dimension_value, criteria, partial=partial)
        whole = {**about, "level": "dimension", "name": str(dimension), "rule": "placed"}
        scores.append(_whole(place, criteria, asked, whole, settling, sure=sure))
    return scores


def _whole(
    place: Place, criteria: Sequence[Criterion], asked: Asked, about: About, settling: Settling, *, sure: Sure
) -> Score:
    """Return a score over several criteria, with its spread over complete repeats."""
    outcomes = [o for c in criteria for o in asked.get(c.id, ())]
    settled = {c.id: settling(c, asked[c.id]) for c in criteria if c.id in asked}
    placed = place(settled)
    if len(outcomes) == 1 and isinstance(only := outcomes[0], Verdict):  # by far the commonest
        return make_score(
            unit=about["unit"], level=about["level"], name=about["name"], value=placed.value,
            rule=about["rule"], n_verdicts=1, share=placed.share, gate=placed.gate,
            flags=_told(outcomes) if only.flags else (), system=about["system"],
        )  # fmt: skip
    repeats = {_repeat(o): True for o in outcomes}
    values: dict[Repeat, float] = {}
    if len(repeats) > 1 and placed.value is not None:
        for repeat in repeats:
            own = {
                c.id: settle(c, [o for o in asked.get(c.id, ()) if _repeat(o) == repeat]) for c in criteria
            }
            if (value := place(own).value) is not None:
                values[repeat] = value
    low, high, spread = sure(values, clip=about["rule"] != "published")
    n = sum(isinstance(o, Verdict) for o in outcomes)
    return make_score(
        **about, value=placed.value, low=low, high=high, n_verdicts=n,
        n_abstained=reasons_of(outcomes), spread=spread, share=placed.share, gate=placed.gate,
        flags=_told(outcomes),
    )  # fmt: skip


def _told(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Return the flags of verdicts that a score passes on."""
    flags = {flag for o in outcomes if isinstance(o, Verdict) for flag in o.flags}
    return tuple(flag for flag in (CALIBRATED, EMPTY) if flag in flags)


def uncertainty(
    values: Mapping[Repeat, float], *, clip: bool, copies: Collection[str] = ()
) -> tuple[float | None, float | None, dict[str, float]]:
    """Return a 95 % interval of the mean over judges (of one: over its samples), and the spread.

    Student's t; where all say exactly the same it would have no width, which two or three judges do not
    warrant, and Wilson's interval of a share is given (the widest for any spread on [0, 1]); none where they
    are samples of a judge of `copies`.
    """
    if len(values) < 2:
        return None, None, {}
    by_rater: dict[str, list[float]] = {}
    for (rater, _), value in values.items():
        by_rater.setdefault(rater, []).append(value)
    spread = {}
    if len(by_rater) > 1:
        spread["judge"] = stdev(fmean(own) for own in by_rater.values())
    repeated = [own for own in by_rater.values() if len(own) > 1]
    if repeated:
        squares = sum((len(own) - 1) * stdev(own) ** 2 for own in repeated)
        spread["sample"] = math.sqrt(squares / sum(len(own) - 1 for own in repeated))
    units = [fmean(own) for own in by_rater.values()] if len(by_rater) > 1 else list(values.values())
    mean, deviation = fmean(units), stdev(units)
    if deviation < 1e-12:
        copied = len(by_rater) == 1 and not by_rater.keys().isdisjoint(copies)
        return (*_wilson(mean, len(units)), spread) if clip and not copied else (None, None, spread)
    half = _t95(len(units) - 1) * deviation / math.sqrt(len(units))
    low, high = mean - half, mean + half
    return (max(low, 0.0), min(high, 1.0), spread) if clip else (low, high, spread)


def _wilson(share: float, n: int) -> tuple[float, float]:
    z2 = 1.959963984540054**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


@lru_cache
def _t95(df: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975))


def _repeat(outcome: Outcome) -> Repeat:
    return outcome.rater, outcome.sample


def reasons_of(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many abstained, by reason."""
    reasons = [o.reason for o in outcomes if isinstance(o, Abstention)]
    return dict(Counter(reasons)) if reasons else {}
