"""What a rule says of empty responses where no judge is to be asked about them (`on_empty`)."""

from judgekit.items.texts import is_empty
from judgekit.plan import Plan
from judgekit.rubric import Criterion
from judgekit.scales import PAIR, Numbers, Scale, plain_number, settle
from judgekit.types import EMPTY, Abstention, Item, Outcome, Unit, Verdict

RATER = "control:empty"


def by_rule(plan: Plan, item: Item) -> tuple[Outcome, ...]:
    """One outcome for each question that is not asked, since it is about an empty response.

    `abstain`: an abstention, `blocked`. `lowest`: the label of least value; of a fault (a negative weight,
    a veto) the one of most, since the fault is there; an empty response loses to any other, two are a tie.
    """
    outcomes: dict[tuple[Unit, str], Outcome] = {}
    if plan.on_empty == "judge":
        return ()
    for sheet in plan.sheets_of(item):
        for unit, shown in sheet.views(item):
            for criterion in sheet.criteria if plan.ruled(item, shown) else ():
                outcomes[unit, criterion.id] = _outcome(plan, item, unit, criterion)
    return tuple(outcomes.values())


def _outcome(plan: Plan, item: Item, unit: Unit, criterion: Criterion) -> Outcome:
    if plan.on_empty == "abstain":
        return Abstention(RATER, unit, criterion.id, "blocked", "the response is empty")
    scale: Scale = criterion.scale
    if len(unit.responses) == 2:
        scale = PAIR
        first, second = (is_empty(item.responses[each]) for each in unit.responses)
        label = "tie" if first and second else "second" if first else "first"
    elif isinstance(scale, Numbers):
        label = plain_number(scale.high if _is_fault(criterion) else scale.low)
    else:
        label = (max if _is_fault(criterion) else min)(scale.labels, key=scale.worth.__getitem__)
    probs, label, value = settle(scale, {label: 1.0})
    return Verdict(RATER, unit, criterion.id, probs, label, value, "control", flags=(EMPTY,))


def _is_fault(criterion: Criterion) -> bool:
    return criterion.weight < 0 or criterion.veto is not None
