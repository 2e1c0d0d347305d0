"""Runs -> comparisons or scores of systems: the verdicts on pairs, labels of a scale, or scores.

Each judge's orders and samples are made one verdict first. Of single responses the labels are kept with who
gave them where the scale has few; else the scores count.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judgekit.aggregate.pairs import pooled_pairs
from judgekit.agreement.core.ratings import as_ratings
from judgekit.errors import InputError
from judgekit.rubric import load_rubric
from judgekit.scales import Labels, Scale
from judgekit.standing.bradley_terry import comparisons_of
from judgekit.standing.scores import Scored
from judgekit.types import Item, Outcome, Score, Unit, Verdict, is_control
from judgekit.verbs.comparable import MOST_LEVELS, Material, Rows
from judgekit.verbs.joining import reduced
from judgekit.verbs.results import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is taken of runs: a criterion, some judges, who wrote what, and whether orders stay apart."""

    criterion: str | None = None
    judges: Collection[str] = ()
    items: Mapping[str, Item] | None = None
    order: bool = False


def of_runs(runs: Sequence[Run], taken: Taken) -> Material:
    """Return the comparisons or the scores of runs; InputError for a judge or criterion they do not have."""
    outcomes = _by([o for run in runs for o in run.outcomes], set(taken.judges))
    scores = [s for run in runs for s in run.scores]
    if not outcomes and not scores:
        raise InputError("no run to take a standing from; hand in the folder that --out wrote")
    pairs = [o for o in outcomes if _is_of_pair(o)]
    alone = [n for n, run in enumerate(runs, 1) if run.outcomes and not any(map(_is_of_pair, run.outcomes))]
    if pairs and alone:
        raise InputError(
            f"run {alone[0]} of {len(runs)} judged responses alone, and others judged pairs; no standing "
            "is of both, so hand in runs of one kind"
        )
    named = [o.criterion for o in pairs or outcomes] or [s.name for s in scores if s.level == "criterion"]
    criteria = list(dict.fromkeys(named))
    if taken.criterion is not None and taken.criterion not in criteria:
        raise InputError(f"no criterion {taken.criterion!r} in the runs; there are {criteria}")
    chosen = taken.criterion or (criteria[0] if len(criteria) == 1 else None)
    items = taken.items or {}
    if pairs and chosen is not None:
        own = [o for o in pairs if o.criterion == chosen]
        systems = None if taken.items is None else {i.item_id: dict(i.systems) for i in items.values()}
        return Material(pairs=comparisons_of(own if taken.order else pooled_pairs(own), systems))
    scale = None if pairs or chosen is None else _scale(runs, chosen)
    if taken.order or (taken.judges and scale is None):
        asked = "order" if taken.order else "judge"
        instead = f"name a criterion, of {criteria}" if pairs else "compare responses in pairs"
        raise InputError(f"{asked} is of verdicts on pairs, and these are scores; {instead}")
    if pairs:
        return Material(pairs=comparisons_of(_scored_pairs(scores, items)))
    if scale is not None and outcomes:
        own = [o for o in outcomes if o.criterion == chosen]
        return Material(scored=_labelled(own, scale, items, scores))
    return Material(scored=_of_scores(scores, chosen, items))


def unheard(runs: Iterable[Run], judges: Collection[str]) -> tuple[str, ...]:
    """Return a note that names the controls that do not count, because judges are there and none is named."""
    there = {o.rater for run in runs for o in run.outcomes}
    controls = sorted(filter(is_control, there))
    if judges or not controls or len(controls) == len(there):
        return ()
    return (f"controls do not count beside judges: {', '.join(controls)}; a judge that is named counts",)


def _is_of_pair(outcome: Outcome) -> bool:
    return len(outcome.unit.responses) == 2 or len(outcome.shown) == 2


def _by(outcomes: list[Outcome], judges: set[str]) -> list[Outcome]:
    """Return the outcomes of some judges; of all but controls where none is named."""
    there = {o.rater for o in outcomes}
    if absent := sorted(judges - there):
        raise InputError(f"no judge {absent[0]!r} in the runs; there are {sorted(there)}")
    wanted = judges or {name for name in there if not is_control(name)} or there
    return [o for o in outcomes if o.rater in wanted]


def _scale(runs: Iterable[Run], criterion: str) -> Scale | None:
    """Return the scale of a criterion where the runs say it, all the same, with few ordered labels."""
    found: list[Scale] = []
    for run in runs:
        content = (run.summary.get("rubric") or {}).get("content")
        own = None if content is None else load_rubric(content)
        scale = None if own is None else next((c.scale for c in own.leaves if c.id == criterion), None)
        if scale is None or (found and scale != found[0]):
            return None
        found.append(scale)
    scale = found[0]
    if isinstance(scale, Labels):
        return (
            scale
            if 2 <= len(scale.labels) <= MOST_LEVELS and (scale.kind != "nominal" or len(scale.labels) == 2)
            else None
        )
    few = scale.step is not None and (scale.high - scale.low) / scale.step < MOST_LEVELS
    return scale if few else None


def _name(unit: Unit, item: Item | None, system: str = "") -> str:
    """Return who wrote a lone response: as the item says, else as the scores do, else the response's id."""
    response = unit.responses[0]
    return item.systems.get(response, response) if item else system or response


def _item(unit: Unit) -> str:
    return f"{unit.item_id} {unit.part}" if unit.part else unit.item_id


def _labelled(
    outcomes: Sequence[Outcome], scale: Scale, items: Mapping[str, Item], scores: Iterable[Score]
) -> Scored:
    """Return labels with who gave them, orders and samples of a judge made one."""
    wrote = {score.unit: score.system for score in scores if score.system}
    made = Rows()
    own = [o for o in reduced(outcomes, scale, "average") if len(o.unit.responses) == 1]
    labels = [
        [o.label if isinstance(scale, Labels) else float(o.label)] for o in own if isinstance(o, Verdict)
    ]
    codes = iter(as_ratings(labels, scale=scale).codes[:, 0].tolist() if labels else ())
    made.n_categories = len(as_ratings([[None]], scale=scale).values)
    for o in own:
        at = _item(o.unit), _name(o.unit, items.get(o.unit.item_id), wrote.get(o.unit, "")), o.rater
        if isinstance(o, Verdict):
            made.add(*at, value=o.value, code=next(codes))
        else:
            made.add(*at, value=None, reason=o.reason)
    return made.scored()


def _of_scores(scores: Iterable[Score], criterion: str | None, items: Mapping[str, Item]) -> Scored:
    """Return the scores of single responses: of a criterion, or the rubric's."""
    made = Rows()
    for score in scores:
        wanted = score.level == "rubric" if criterion is None else score.name == criterion
        if not wanted or len(score.unit.responses) != 1:
            continue
        name = _name(score.unit, items.get(score.unit.item_id), score.system)
        why = Counter(score.n_abstained).most_common(1)
        made.add(_item(score.unit), name, "scores", value=score.value, reason=why[0][0] if why else "missing")
    return made.scored()


def _scored_pairs(scores: Iterable[Score], items: Mapping[str, Item]) -> list[Outcome]:
    """Return the rubric's scores of pairs as comparisons that say how far the first is preferred."""
    found: list[Outcome] = []
    for score in scores:
        if score.level != "rubric" or score.value is None or len(score.unit.responses) != 2:
            continue
        item, value = items.get(score.unit.item_id), score.value
        names = tuple(item.systems.get(each, each) if item else each for each in score.unit.responses)
        probs: Any = (("tie", 1.0),) if value == 0.5 else (("first", value), ("second", 1.0 - value))
        label = "first" if value > 0.5 else "tie" if value == 0.5 else "second"
        found.append(
            Verdict(
                rater="scores", unit=Unit(score.unit.item_id, names), criterion="score", probs=probs,
                label=label, value=value,
            )
        )  # fmt: skip
    return found
