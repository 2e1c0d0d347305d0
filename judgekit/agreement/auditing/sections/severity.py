"""Severity of judges and people on one scale, allowing for which units each one saw."""

import math
from collections.abc import Sequence

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import LONG, Skipped
from judgekit.agreement.auditing.section import About, Chart, Figure, Section
from judgekit.agreement.auditing.wording import ends
from judgekit.agreement.models.rasch import Severities, severities

SAYS = {
    "severity": (
        "Who is severe, who is lenient?",
        (
            "Severity of each rater in logits, by a model that allows for which units each one saw "
            "(many-facet Rasch); 0 is the mean of all. Erratic raters surprise more than the model "
            "allows, muted ones less."
        ),
    ),
}


def of_criterion(lab: Labelled, real: Sequence[str], skipped: Skipped) -> Severities | None:
    """Severities of judges and people; None, and why, where they cannot be compared."""
    raters = [*real, *lab.people]
    if lab.pairs:
        skipped.say("severities", "a preference is neither severe nor lenient")
        return None
    if len(raters) < 3 or len(lab.ratings.values) > LONG or lab.ratings.level == "nominal":
        skipped.say("severities", "three raters on an ordered scale of at most ten labels are needed")
        return None
    found = skipped.unless("severities", lambda: severities(lab.ratings.of(*raters)))
    if found is not None and not found.status.startswith("ok"):
        skipped.say("severities", f"{found.status}: {'; '.join(found.notes)}")
    return found


def figure(about: About) -> Figure | None:
    """Who is severe, who is lenient."""
    found = about.criterion.severities
    if found is None or not found.status.startswith("ok"):
        return None
    judges = set(about.criterion.labelled.judges)
    listed = sorted(found.raters.items(), key=lambda each: -np.nan_to_num(each[1].value, nan=9.0))
    rows = [
        (
            name, "judge" if name in judges else "person", *ends(each),
            found.fit[name].flag if name in found.fit else "extreme",
        )
        for name, each in listed
    ]  # fmt: skip
    known = not math.isnan(found.reliability)
    told_apart = [f"raters are told apart with reliability {found.reliability:.2f}"] if known else []
    return about.figure(
        "severity", ("rater", "kind", "severity", "low", "high", "fit"), rows,
        about.criterion.labelled.ratings.n_units, interval="95 % normal, observed information",
        notes=[*told_apart, *found.notes], chart=Chart(
            kind="intervals", name="{rater} ({kind}) {fit}", value="severity", span="even",
            axes=("← lenient   severe →", ""),
        ),
    )  # fmt: skip


SECTION = Section(name="severity", says=SAYS, of_all=figure)
