"""The judges of an audit as a panel: whether they are wrong together, and how many they are worth."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from judgekit.agreement.audit_data import Labelled
from judgekit.agreement.audit_parts import LONG, How
from judgekit.agreement.error_correlation import (
    ErrorCorrelation,
    condorcet_gap,
    effective_judges,
    error_correlation,
)
from judgekit.agreement.ratings import Floats
from judgekit.types import Estimate, is_control


@dataclass(frozen=True, slots=True, eq=False)
class PanelAudit:
    """The judges of a criterion together.

    Args:
        judges: Without controls. A substitute sits on the seat of the judge it stood in for, under its own
            name where that judge gave no verdict at all.
        errors: Correlation of their errors, in this order.
        effective: How many independent judges they are worth.
        within: The same within people's labels: a label that is hard for all is no fault they share. None
            on a long scale.
        gap: Accuracy of their majority if they erred independently, less its actual accuracy; nan on a
            long scale, or where no unit has a verdict of all.
    """

    judges: tuple[str, ...]
    errors: ErrorCorrelation
    effective: Estimate
    within: Estimate | None
    gap: float


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
