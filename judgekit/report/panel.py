"""What an audit says of its judges as a panel: how many they are worth, given labels."""

import math

from judgekit.agreement.auditing.systems import PanelAudit
from judgekit.report.checks import told


def panel_lines(panel: PanelAudit | None) -> list[str]:
    """Lines on the errors that judges share; none for a single judge."""
    if panel is None:
        return []
    names = ", ".join(panel.judges)
    if math.isnan(panel.effective.value):
        return [f"how many independent judges {names} are worth: {told(panel.effective)}"]
    worth = f"{names}: worth {told(panel.effective)} independent judges"
    lines = [f"{worth}; their errors correlate by {panel.errors.mean:.3f}"]
    if panel.within is not None and not math.isnan(panel.within.value):
        lines.append(
            f"within people's labels (one that is hard for all is no shared fault): {told(panel.within)}"
        )
    if not math.isnan(panel.gap):
        more = "less" if panel.gap >= 0 else "more"
        points = f"{abs(panel.gap) * 100:.1f} points"
        lines.append(f"their majority is right {points} {more} often than that of independent judges")
    return lines
