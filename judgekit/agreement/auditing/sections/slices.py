"""Parts of the data: is the judge worse somewhere?"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import JudgeAudit
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.sections.agreement import main_coefficient
from judgekit.agreement.auditing.wording import called, ends, number
from judgekit.agreement.bias.slices import Slice, by_slice
from judgekit.agreement.core.ratings import Codes
from judgekit.types import Estimate

SAYS = {
    "slices": (
        "Is it worse somewhere?",
        (
            "Agreement in each part of the data; the dashed line is all of it. Parts that differ from the "
            "rest beyond chance (Benjamini and Hochberg over the parts of a column) are marked ▲; small "
            "parts are only named."
        ),
    ),
}


def slices(lab: Labelled, measure: Callable[[Labelled], Estimate]) -> dict[str, tuple[Slice, ...]]:
    """The gate's coefficient by each column of groups, each group tested against the rest."""
    groups = dict(lab.groups)
    names = [s[0] if len(s) == 1 else None for s in lab.systems]
    if len({n for n in names if n is not None}) > 1:
        groups["system"] = tuple(names)
    if lab.lengths is not None and (np.isfinite(lab.lengths)).sum() >= 90:
        cuts = np.nanquantile(lab.lengths, [1 / 3, 2 / 3])
        third = np.digitize(lab.lengths, cuts)
        names_of = ("shorter", "middle", "longer")
        groups["length"] = tuple(
            names_of[k] if ok else None
            for k, ok in zip(third.tolist(), np.isfinite(lab.lengths), strict=True)
        )
    return {
        name: by_slice(list(of), lambda index: measure(rows(lab, index)))
        for name, of in groups.items()
        if len(set(of) - {None}) > 1
    }


def rows(lab: Labelled, index: Codes) -> Labelled:
    """Some units of it, for what is computed from labels and numbers."""
    kept = np.zeros(lab.ratings.n_units, dtype=bool)
    kept[index] = True
    return replace(
        lab, ratings=lab.ratings.where(kept), numbers=lab.numbers[kept], sure=lab.sure[kept], groups={},
        lengths=None, weights=None if lab.weights is None else lab.weights[kept], orders={},
    )  # fmt: skip


def figure(about: About, judge: JudgeAudit) -> Figure | None:
    """Agreement in parts of the data."""
    rows = [
        (column, str(each.name), each.n, *ends(each.estimate), number(each.p_adjusted), bool(each.flagged))
        for column, of in judge.slices.items()
        for each in of
    ]
    if not rows:
        return None
    interval = f"{judge.main.level:.0%} intervals of {called(judge.main.name)}"
    return about.figure(
        "slices", ("by", "group", "n", "value", "low", "high", "p_adjusted", "flagged"), rows,
        judge.main.n_used, interval=interval, lines={"all": number(judge.main.value)},
        chart=Chart(
            kind="intervals", name="{group} (n {n}) {flagged}", group="by {by}", span="agreement",
            axes=("agreement", ""),
        ),
    )  # fmt: skip


def compute(case: Case) -> dict[str, Any]:
    """The main coefficient by each column of groups."""
    how = replace(case.how, b=min(case.how.b, 200))
    return {"slices": slices(case.lab, lambda part: main_coefficient(part, case.judge, how))}


SECTION = Section(name="slices", says=SAYS, compute=compute, of_judge=figure)
