"""Systems: does the judge put them in people's order?"""

from typing import Any

import numpy as np

from judgekit.agreement.association.groupings import four_groupings
from judgekit.agreement.association.pairwise_accuracy import pairwise_accuracy, soft_accuracy
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import How, JudgeAudit, Systems
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.wording import ends, told
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Resampling, magnitude, resampled, settled
from judgekit.types import Estimate

SAYS = {
    "ranks": (
        "Does it put systems in people's order?",
        (
            "Mean score of each system by people (left) and by the judge (right), best on top, with "
            "intervals. Lines that cross are systems that change places."
        ),
    ),
}


def grids_of(lab: Labelled, judge: str) -> tuple[tuple[str, ...], Floats, Floats]:
    """Systems, and scores by people and by the judge of shape (n_systems, n_items).

    A pair gives its value to the first system and the rest of 1 to the second.
    """
    names = sorted({s for each in lab.systems for s in each})
    items = {item: k for k, item in enumerate(dict.fromkeys(lab.items))}
    sums, counts = np.zeros((2, len(names), len(items))), np.zeros((len(names), len(items)))
    mine, people = lab.column(judge), lab.human
    for row, (systems, item) in enumerate(zip(lab.systems, lab.items, strict=True)):
        if np.isnan(mine[row]) or np.isnan(people[row]):
            continue
        for place, system in enumerate(systems):
            s, k = names.index(system), items[item]
            sums[0, s, k] += 1 - people[row] if place else people[row]
            sums[1, s, k] += 1 - mine[row] if place else mine[row]
            counts[s, k] += 1
    human, judged = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return tuple(names), human, judged


def systems(lab: Labelled, judge: str, how: How) -> Systems | None:
    """How the judge ranks systems; None where fewer than two are named."""
    if len({s for each in lab.systems for s in each}) < 2:
        return None
    names, human, judged = grids_of(lab, judge)
    b = min(how.b, 300)
    b = min(how.b, 300)
    groupings = four_groupings(human, judged, b=b, level=how.level, seed=how.seed)
    n = len(names)
    return Systems(
        names=names,
        human=tuple(_mean(name, row, how) for name, row in zip(names, human, strict=True)),
        judge=tuple(_mean(name, row, how) for name, row in zip(names, judged, strict=True)),
        soft_accuracy=soft_accuracy(human, judged, level=how.level, seed=how.seed),
        pair_accuracy=_pair_accuracy(human, judged, how),
        groupings={str(name): each for name, each in groupings.items()},
        reversals=tuple(
            (names[i], names[j])
            for i in range(n)
            for j in range(i + 1, n)
            if _sign(human[i], human[j], how) * _sign(judged[i], judged[j], how) < 0
        ),
        n_pairs=n * (n - 1) // 2,
    )


def _pair_accuracy(human: Floats, judged: Floats, how: How) -> Estimate:
    value, n = pairwise_accuracy(human, judged), human.shape[1]
    made = Estimate(
        "pair_accuracy_of_systems", value, level=how.level, n_units=n, n_raters=2, n_used=n, unit="item",
        method="share of pairs of systems in the same order; the systems are fixed",
    )  # fmt: skip
    if np.isnan(value):
        return undefined(made, Status.TOO_FEW)
    return resampled(
        made, lambda items: pairwise_accuracy(human[:, items], judged[:, items]), n,
        Resampling(level=how.level, seed=how.seed, b=min(how.b, 300)), kind="percentile",
    )  # fmt: skip


def _mean(name: str, values: Floats, how: How) -> Estimate:
    return clustered_mean(values, name=name, level=how.level)


def _sign(one: Floats, other: Floats, how: How) -> int:
    """Which way an interval of the mean difference points; 0 where it holds 0."""
    made = _mean("difference", settled(one - other, magnitude(one, other)), how)
    return int(made.low > 0) - int(made.high < 0)


def figure(about: About, judge: JudgeAudit) -> Figure | None:
    """Systems in people's order and in the judge's."""
    s = judge.systems
    if s is None:
        return None
    by = [sorted(range(len(s.names)), key=lambda k: -np.nan_to_num(of[k].value)) for of in (s.human, s.judge)]
    rows = [
        (
            s.names[k], *ends(s.human[k]), by[0].index(k) + 1, *ends(s.judge[k]), by[1].index(k) + 1,
            s.human[k].n_used,
        )
        for k in by[0]
    ]  # fmt: skip
    people = ("people", "people_low", "people_high", "people_rank")
    judged = ("judge", "judge_low", "judge_high", "judge_rank")
    accuracy = f"pairs in people's order {told(s.pair_accuracy)}"
    return about.figure(
        "ranks", ("system", *people, *judged, "items"), rows, max((e.n_used for e in s.human), default=0),
        interval="95 % t over items",
        notes=[f"{accuracy}, soft pairwise accuracy {told(s.soft_accuracy)}"],
        chart=Chart(kind="slopes", x="system", y=("people", "judge")),
    )  # fmt: skip


def compute(case: Case) -> dict[str, Any]:
    """The order of systems, where they are named."""
    if not case.numbers:
        return {"systems": None}
    return {"systems": case.skipped.unless("systems", lambda: systems(case.lab, case.judge, case.how))}


SECTION = Section(name="systems", says=SAYS, compute=compute, of_judge=figure)
