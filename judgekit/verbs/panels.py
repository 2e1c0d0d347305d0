"""The panel of a job: whose verdicts are laid side by side, and what is fitted to them, on which labels."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from judgekit.aggregate.pairs import pairs_of
from judgekit.aggregate.panels import ACCURACY, FITTED, FittedPanel, Truth
from judgekit.agreement.bias.verdict_correlation import PanelVerdicts
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.recipes.cascade import labels_of
from judgekit.roles import Judge
from judgekit.scales import PAIR, Labels, Scale
from judgekit.types import Item, Outcome, Unit, is_control
from judgekit.verbs.options import Options

if TYPE_CHECKING:
    from judgekit.calibration.fitted import Calibrations


def panel_verdicts(
    judges: Sequence[Judge], plans: Sequence[Plan], seats: Mapping[str, str]
) -> PanelVerdicts | None:
    """Return where the verdicts of a panel are to be counted; None if there are no two judges.

    In comparisons the scale is that of pairs, whatever a criterion declares; `seats` has substitute -> the
    judge it stands in for.
    """
    names = [judge.name for judge in judges if not is_control(judge.name)]
    if len(names) < 2:
        return None
    leaves = [(plan.asked_by.shows != "one", c) for plan in plans for c in plan.rubric.leaves]
    return PanelVerdicts(
        names,
        criteria={c.id for _, c in leaves},
        nominal={c.id: labels for paired, c in leaves if not paired and (labels := _unordered(c.scale))},
        seats=seats,
    )


def _unordered(scale: Scale) -> tuple[str, ...]:
    """Return the labels of a scale without an order; two labels always have one."""
    return (
        scale.labels
        if isinstance(scale, Labels) and scale.kind == "nominal" and len(scale.labels) > 2
        else ()
    )


def fitted_panel(plan: Plan, options: Options) -> FittedPanel | None:
    """Return the panel that is fitted to all outcomes, if one is asked for; labels need one, and it them."""
    name = options["panel"]
    if (options["labels"] is not None) != (name == ACCURACY):
        raise InputError(
            "panel='accuracy' and labels=FILE (--labels FILE) go together: judges are weighed by people's"
        )
    if not isinstance(name, str) or name not in FITTED:
        return None
    if options["aggregate"] is not None:
        raise InputError(f"an aggregator, your own or the recipe's, takes no panel {name!r}; leave one out")
    return FittedPanel(name, [judge.name for judge in plan.judges], _scales(plan))


def truth_of(labels: Any, plan: Plan, items: Iterable[Item]) -> Truth:
    """Return what people said of each question of a plan: the most probable of its labels."""
    scales, people = _scales(plan), people_said(labels, plan, items)
    by_scale = ((name, [o for o in people if o.criterion == name]) for name in scales)
    return {
        question: label for name, own in by_scale for question, label in labels_of(own, scales[name]).items()
    }


def people_said(labels: Any, plan: Plan, items: Iterable[Item]) -> Sequence[Outcome]:
    """Return what people said of the questions of a plan."""
    from judgekit.verbs.joining import people_of

    paired = plan.asked_by.shows != "one"
    about_task = any(criterion.about == "task" for criterion in plan.rubric.leaves)
    units: list[Unit] = []
    for item in items:
        units += pairs_of(item) if paired else [Unit(item.item_id, (each,)) for each in item.responses]
        units += [Unit(item.item_id)] if about_task and not paired else []
    return people_of(labels, plan.rubric, protocol="compare" if paired else "grade", judged=units)[0]


def calibrations_of(plan: Plan, options: Options) -> "Calibrations | None":
    """Return what maps the probabilities of the judges, if it was asked for; who has none is told."""
    given = options["calibration"]
    if given is None:
        return None
    from judgekit.calibration.fitted import Calibrations, load_calibrations

    found = given if isinstance(given, Calibrations) else load_calibrations(given)
    judges = {judge.name: judge.identity for judge in plan.judges}
    for line in found.check(judges, _scales(plan), protocol=plan.asked_by.name, form=plan.form):
        (options["say"] or warnings.warn)(line)
    return found


def _scales(plan: Plan) -> dict[str, Scale]:
    paired = plan.asked_by.shows != "one"
    return {criterion.id: PAIR if paired else criterion.scale for criterion in plan.rubric.leaves}
