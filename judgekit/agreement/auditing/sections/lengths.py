"""Length: what the judge pays for it beyond what people do."""

from typing import Any

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import How, JudgeAudit
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.wording import called, ends, told
from judgekit.agreement.bias.length_effects import length_coefficient, length_preference
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.types import Estimate

SAYS = {
    "length": (
        "Does it pay for length?",
        (
            "Mean {what} by fifths of {across}. People like longer responses too: what counts is where "
            "the judge's line is steeper than theirs."
        ),
    ),
}


def lengths(lab: Labelled, judge: str, how: How) -> tuple[Estimate, ...]:
    """What the judge pays for length, given people's score: logits for pairs, else shares of the scale."""
    if lab.lengths is None:
        return ()
    x, human = lab.column(judge), lab.human
    clusters = lab.ratings.clusters
    if lab.pairs:
        return (length_preference(x, lab.lengths, human - 0.5, clusters=clusters, level=how.level),)
    size = np.where(lab.lengths > 0, lab.lengths, np.nan)
    return length_coefficient(x / lab.span, size, human / lab.span, clusters=clusters, level=how.level)


def figure(about: About, judge: JudgeAudit) -> Figure | None:
    """How judge and people follow length."""
    lab = about.criterion.labelled
    if lab.lengths is None:
        return None
    x, mine, people = lab.lengths, lab.column(judge.judge), lab.human
    kept = ~(np.isnan(x) | np.isnan(mine) | np.isnan(people))
    if kept.sum() < 25:
        return None
    x, mine, people = x[kept], mine[kept], people[kept]
    which = np.digitize(x, np.quantile(x, [0.2, 0.4, 0.6, 0.8]))
    rows = [
        (
            float(np.median(x[own])), *ends(clustered_mean(mine[own])), *ends(clustered_mean(people[own])),
            int(own.sum()),
        )
        for own in (which == k for k in range(5))
        if own.sum() >= 3
    ]  # fmt: skip
    notes = [f"{called(each.name)}: {told(each)}" for each in judge.lengths]
    across = "length of the first response less the second's" if lab.pairs else "length of the response"
    columns = ("length", "judge", "judge_low", "judge_high", "people", "people_low", "people_high", "units")
    what = "preference for the first response" if lab.pairs else "score"
    words = {"what": what, "across": across}
    spots, heights = [row[0] for row in rows], [v for row in rows for v in row[1:7] if v is not None]
    room = (max(heights) - min(heights)) * 0.06 or 0.1
    chart = Chart(
        kind="points", x="length", y=("people", "judge"), curve=True, whiskers=True,
        legend={"people": "people", "judge": "judge"}, axes=("length (median of each fifth)", ""),
        x_span=(min(spots), max(spots)), y_span=(min(heights) - room, max(heights) + room),
        tip="people {people}, judge {judge} ({units} units)",
    )  # fmt: skip
    return about.figure(
        "length", columns, rows, int(kept.sum()), interval="95 % t", notes=notes, words=words, chart=chart
    )


def compute(case: Case) -> dict[str, Any]:
    """The price of length."""
    return {"lengths": case.skipped.unless("length", lambda: lengths(case.lab, case.judge, case.how)) or ()}


SECTION = Section(name="length", says=SAYS, compute=compute, of_judge=figure)
