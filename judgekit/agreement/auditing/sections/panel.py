"""The judges together: are they wrong on the same units, and how many are they worth?"""

import math
from functools import partial

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import LONG, How, PanelAudit
from judgekit.agreement.auditing.section import About, Chart, Figure, Section
from judgekit.agreement.auditing.wording import number, told
from judgekit.agreement.bias.error_correlation import condorcet_gap, effective_judges, error_correlation
from judgekit.agreement.core.ratings import Floats
from judgekit.types import is_control

SAYS = {
    "errors": (
        "Are the judges wrong on the same units?",
        (
            "Correlation of errors for each two judges: 0 is independent, 1 is wrong together always. "
            "Judges that fail together add little to each other in a panel."
        ),
    ),
}


def panel_audit(lab: Labelled, how: How) -> PanelAudit | None:
    """The judges of a criterion as a panel; None for fewer than two. Clusters are resampled whole."""
    real = [j for j in lab.judges if not is_control(j)]
    seats = {j: lab.substitutes[j] if lab.substitutes.get(j) in real else j for j in real}
    judges = tuple(dict.fromkeys(seats.values()))
    if len(judges) < 2:
        return None
    r = lab.ratings
    long = r.level != "nominal" and len(r.values) > LONG
    wrong = np.full((r.n_units, len(judges)), np.nan)
    for judge in sorted(real, key=lambda j: seats[j] == j):  # where both answered, the judge's own counts
        own, seat = _wrong(lab, judge, long=long), judges.index(seats[judge])
        wrong[:, seat] = np.where(np.isnan(own), wrong[:, seat], own)
    worth = partial(effective_judges, clusters=r.clusters, names=judges, **how.options)
    return PanelAudit(
        judges,
        error_correlation(wrong),
        worth(wrong),
        None if long else worth(wrong, strata=lab.consensus),
        math.nan if long else condorcet_gap(wrong),
    )


def _wrong(lab: Labelled, judge: str, *, long: bool) -> Floats:
    """1 where the judge differs from people, on a long scale the size of its error; nan where missing."""
    if long:
        return np.asarray(np.abs(lab.column(judge) - lab.human))
    mine, people = lab.ratings.codes[:, lab.ratings.raters.index(judge)], lab.consensus
    return np.where((mine < 0) | (people < 0), np.nan, (mine != people).astype(float))


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


def figure(about: About) -> Figure | None:
    """Are the judges wrong on the same units?"""
    panel = about.criterion.panel
    if panel is None:
        return None
    rows = [
        (a, b, number(float(panel.errors.matrix[i, j])))
        for i, a in enumerate(panel.judges)
        for j, b in enumerate(panel.judges)
        if i < j
    ]
    n = about.criterion.labelled.ratings.n_units
    notes = [*panel_lines(panel), *panel.effective.notes]
    chart = Chart(
        kind="grid", x="judge", y=("other",), value="correlation", tip="{judge} and {other}: {correlation}"
    )
    return about.figure("errors", ("judge", "other", "correlation"), rows, n, notes=notes, chart=chart)


SECTION = Section(name="panel", says=SAYS, of_all=figure)
