"""Agreement with people: the coefficients, what is missing, which labels are given for which."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.headline import all_coefficients, headline
from judgekit.agreement.auditing.records import LONG, How, JudgeAudit
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.wording import called, ends, number
from judgekit.agreement.chance.coefficients import kappa
from judgekit.agreement.chance.profile import confusion, coverage
from judgekit.agreement.core.intervals import share
from judgekit.agreement.core.ratings import Floats, Ratings
from judgekit.agreement.core.weights import Kind
from judgekit.agreement.models.icc import icc
from judgekit.agreement.sampling.active import hajek_kappa
from judgekit.types import Estimate

SAYS = {
    "forest": (
        "How far does the judge agree with people?",
        (
            "Each line is one way to count agreement, with its interval; 1 is perfect, 0 is what chance "
            "gives (but for percent and specific agreement, which count chance in). They differ in their "
            "idea of chance."
        ),
    ),
    "confusion": (
        "Which labels does it give for which?",
        (
            "A row is what most people say, a column what the judge says; each cell has the count and its "
            "share of the row. A perfect judge has everything on the diagonal."
        ),
    ),
}


AVERAGED = re.compile(r"icc_.+k")
"""Intraclass correlations of a mean of judge and people, which nobody uses."""


def main_coefficient(lab: Labelled, judge: str, how: How) -> Estimate:
    """The coefficient that gates look at, of a judge against what most people say."""
    r = lab.ratings
    if r.level != "nominal" and len(r.values) > LONG:
        return icc(lab.beside(judge, means=True), **how.options)
    ordered = r.level != "nominal" and len(r.values) > 2
    weights: Kind = "quadratic" if ordered else "identity"
    two = lab.beside(judge)
    if lab.weights is not None:
        kept = (lab.ratings.codes[:, r.raters.index(judge)] >= 0) & (lab.consensus >= 0)
        chances = 1 / lab.weights[kept]
        return hajek_kappa(two, chances / chances.max(), weights=weights, level=how.level)
    return kappa(two, weights=weights, reference="people", **how.options)


def compute(case: Case) -> dict[str, Any]:
    """The main coefficient, all others, coverage, the table of labels, and rates of two labels."""
    lab, judge, how = case.lab, case.judge, case.how
    level = how.level
    return {
        "main": main_coefficient(lab, judge, how),
        "headline": tuple(headline(case.two, reference="people", **how.options)),
        "coefficients": tuple(all_coefficients(case.two, reference="people", **how.options)),
        "coverage": case.skipped.unless("coverage", lambda: coverage(_columns(lab, judge), level=level)),
        "abstained": lab.abstained.get(judge, {}),
        "table": None if len(lab.ratings.values) > LONG else confusion(case.plain),
        "associations": associations(lab, judge, how),
        "rates": rates(case.plain, how),
    }


def _columns(lab: Labelled, judge: str) -> Ratings:
    """Judge and people's consensus with the gaps left in."""
    r = lab.ratings
    codes = np.column_stack([r.codes[:, r.raters.index(judge)], lab.consensus])
    return Ratings(
        codes=codes, values=r.values, level=r.level, raters=(judge, "people"), labels=r.labels, clusters=None
    )


def associations(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """Correlations of the judge's numbers with people's mean; blind to severity."""
    x, y = lab.column(judge), lab.human
    if lab.ratings.level == "nominal" and len(lab.ratings.values) > 2:
        return {}
    made = {}
    for kind in ("pearson", "spearman", "tau_b"):
        made[kind] = correlation(
            x, y, kind=kind, level=how.level, clusters=lab.ratings.clusters, b=how.b, seed=how.seed
        )
    return made


def rates(two: Ratings, how: How) -> dict[str, Estimate]:
    """Sensitivity and specificity of a judge of two labels, the better one counting as found."""
    if len(two.values) != 2:
        return {}
    table = confusion(two)
    found, missed = int(table[1, 1]), int(table[0, 1])
    right, wrong = int(table[0, 0]), int(table[1, 0])
    return {
        "sensitivity": share(found, found + missed, name="sensitivity", level=how.level),
        "specificity": share(right, right + wrong, name="specificity", level=how.level),
    }


def _forest(about: About, judge: JudgeAudit) -> Figure:
    """All coefficients of agreement with their intervals, and the band of people's own agreement."""
    first = {each.name for each in judge.headline}
    chosen = {each.name: each for each in (*judge.headline, *judge.coefficients)}
    rows = [
        (
            "to look at first" if name in first else "other ideas of chance and distance", called(name),
            *ends(each), each.n_used, each.interval, each.status,
        )
        for name, each in chosen.items()
        if "bias" not in name and not AVERAGED.fullmatch(name)
    ]  # fmt: skip
    lines: dict[str, Any] = {}
    notes = [note for each in judge.headline for note in each.notes]
    if judge.ceiling is not None and not math.isnan(judge.ceiling.human.value):
        human = judge.ceiling.human
        lines = dict(zip(("ceiling", "ceiling_low", "ceiling_high"), ends(human), strict=True))
        how = human.name.removeprefix("human_").replace("_", " ")
        notes.append(f"band: people against each other, one left out in turn ({how})")
    columns = ("group", "statistic", "value", "low", "high", "n", "interval", "status")
    interval = f"{judge.main.level:.0%} intervals; how each is made stands in the table"
    chart = Chart(
        kind="intervals", name="{statistic}", group="{group}", span="agreement", axes=("agreement", "")
    )
    return about.figure(
        "forest", columns, rows, judge.main.n_used, interval=interval, notes=notes, lines=lines, chart=chart
    )


def _confusion(about: About, table: Floats) -> Figure:
    """Which labels are given for which."""
    labels = about.criterion.labelled.ratings.labels
    totals = table.sum(axis=0)
    rows = [
        (people, said, int(table[i, j]), number(100 * table[i, j] / totals[j]) if totals[j] else None)
        for j, people in enumerate(labels)
        for i, said in enumerate(labels)
    ]
    columns = ("people", "judge", "count", "percent_of_row")
    chart = Chart(
        kind="grid", x="judge", y=("people",), value="count", size="percent_of_row",
        axes=("the judge says", "people say"),
        tip="people {people}, judge {judge}: {count} ({percent_of_row} %)",
    )  # fmt: skip
    return about.figure("confusion", columns, rows, int(table.sum()), chart=chart)


def figures(about: About, judge: JudgeAudit) -> Iterator[Figure]:
    """All coefficients, and the table of labels."""
    yield _forest(about, judge)
    if judge.table is not None:
        yield _confusion(about, judge.table)


SECTION = Section(name="agreement", says=SAYS, compute=compute, of_judge=figures)
