"""Responses in parts: each part is asked about by itself, and a rule makes of them the verdict on the whole.

`mean` is the mean of the parts' distributions, `worst` and `best` the verdict of the worst and of the best
part (of a fault, worst is where it is most there), `last` that of the last one. A whole has no verdict where
a part has none, and says which: what nobody has read is not left out.

The outcomes of an item are those of its wholes, so that whatever counts them counts responses; of its parts
there is the rubric's score (level `part`), and the rationale of a whole has theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from judgekit.distribution import common_source, commonest_reason, joined, mean_of
from judgekit.errors import InputError
from judgekit.items.parts import Parts
from judgekit.recipes.grading import Aggregate, Counted, Grading, OverGrading, Rounds, by_rule, is_fault
from judgekit.rubric import Criterion, Rubric
from judgekit.types import Abstention, Item, Judged, Outcome, Unit, Verdict, stands_for

PartsRule = Literal["mean", "worst", "best", "last"]
_NAMED = 5  # parts without a verdict that are named


@dataclass(frozen=True)
class InParts(OverGrading):
    """The round of a plan with `parts`, and what its verdicts on parts come to."""

    grading: Grading
    rule: PartsRule = "mean"
    of_parts: Aggregate | None = None  # makes the scores of parts, where not as those of wholes

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item, of all its parts."""
        return self.grading.calls(item)

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Ask about each part, reduce, aggregate."""
        plan = self.grading.plan
        flat = yield from self.grading.asked(item, plan.calls(item))
        rubric, parts = plan.rubric_of(item), [o for o in flat if o.unit.part]
        whole = [
            *(o for o in flat if not o.unit.part),
            *by_rule(plan, item),
            *reduced(rubric, parts, self.rule),
        ]
        judged = self.grading.judged(item, whole)
        if not parts:
            return judged
        of_task = [o for o in whole if not o.unit.responses]
        scores = (self.of_parts or self.grading.aggregate)(rubric, item, (*of_task, *parts))
        kept = (replace(s, level="part") for s in scores if s.unit.part and s.level == "rubric")
        return replace(judged, scores=(*judged.scores, *kept))


def reduced_by(rule: PartsRule, recipe: Counted, parts: Parts | None) -> Counted:
    """Return a recipe whose verdicts on parts, if there are some, become those on wholes."""
    if parts is None:
        return recipe
    if not isinstance(recipe, Grading):
        raise InputError(
            f"parts={parts.by!r}: the recipe asks in rounds of its own, which know no parts; leave one out"
        )
    return InParts(recipe, rule)


def reduced(rubric: Rubric, outcomes: Sequence[Outcome], rule: PartsRule) -> list[Outcome]:
    """Return for each whole, judge, criterion and sample the outcome that those of its parts come to."""
    parts: dict[tuple[str, ...], dict[str, None]] = {}  # of each response, in order
    asked: dict[tuple[tuple[str, ...], str, str, int], dict[str, Outcome]] = {}
    for o in outcomes:
        parts.setdefault(o.unit.responses, {})[o.unit.part] = None
        seat = (stands_for(o) if isinstance(o, Verdict) else None) or o.rater
        asked.setdefault((o.unit.responses, o.criterion, seat, o.sample), {})[o.unit.part] = o
    return [
        _whole(rubric.by_id[criterion], seat, {part: own.get(part) for part in parts[responses]}, rule)
        for (responses, criterion, seat, _), own in asked.items()
    ]


def _whole(criterion: Criterion, rater: str, own: Mapping[str, Outcome | None], rule: PartsRule) -> Outcome:
    first = next(o for o in own.values() if o is not None)
    unit = Unit(first.unit.item_id, first.unit.responses)
    verdicts = [o for o in own.values() if isinstance(o, Verdict)]
    if len(verdicts) < len(own):
        lost = [part for part, o in own.items() if not isinstance(o, Verdict)]
        why = [o for o in own.values() if isinstance(o, Abstention)]
        names = ", ".join(lost[:_NAMED]) + (", ..." if len(lost) > _NAMED else "")
        detail = f": {why[0].detail}" if why else ""
        told = f"{len(lost)} of {len(own)} parts have no verdict ({names}){detail}"
        return Abstention(
            rater=rater, unit=unit, criterion=criterion.id, detail=told[:300], shown=first.shown,
            sample=first.sample, reason=commonest_reason(why) if why else "missing",
        )  # fmt: skip
    flag = f"parts:{len(own)}"
    if rule == "mean":
        made = joined(
            verdicts, criterion.scale, mean_of([dict(v.probs) for v in verdicts]), rater=rater,
            source=common_source(verdicts), flags=(flag,), shown=first.shown,
        )  # fmt: skip
        evidence = tuple(each for v in verdicts for each in v.evidence)
        return replace(made, unit=unit, sample=first.sample, rationale=_told(verdicts), evidence=evidence)
    fault = -1.0 if is_fault(criterion) else 1.0
    if rule == "last":
        chosen = verdicts[-1]
    else:
        chosen = (min if rule == "worst" else max)(verdicts, key=lambda v: fault * v.value)
    flags = (*chosen.flags, flag, f"part:{chosen.unit.part}")
    return replace(chosen, rater=rater, unit=unit, flags=flags, rationale=_told(verdicts))


def _told(verdicts: Sequence[Verdict]) -> str:
    """Return the label of each part, and why."""
    return "\n".join(f"{v.unit.part}: {v.label}. {v.rationale}".rstrip() for v in verdicts)
