"""The panel of a job: whose verdicts are laid side by side, and under what criteria."""

from collections.abc import Mapping, Sequence

from judgekit.agreement.bias.verdict_correlation import PanelVerdicts
from judgekit.plan import Plan
from judgekit.roles import Judge
from judgekit.scales import Labels, Scale
from judgekit.types import is_control


def panel_verdicts(
    judges: Sequence[Judge], plans: Sequence[Plan], seats: Mapping[str, str]
) -> PanelVerdicts | None:
    """Where the verdicts of a panel are to be counted; None if there are no two judges.

    Args:
        judges: Of the panel.
        plans: What they are asked. In comparisons the scale is that of pairs, whatever a criterion declares.
        seats: Substitute -> the judge it stands in for.
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
    """The labels of a scale without an order; two labels always have one."""
    return (
        scale.labels
        if isinstance(scale, Labels) and scale.kind == "nominal" and len(scale.labels) > 2
        else ()
    )
