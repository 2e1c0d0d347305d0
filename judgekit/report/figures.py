"""Figures as tables first: what each shows, its rows, what they rest on. Drawing comes after (`draw`)."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from judgekit.agreement.audit_parts import LONG
from judgekit.agreement.audit_records import Audit, CriterionAudit, JudgeAudit
from judgekit.agreement.intervals import clustered_mean, share
from judgekit.agreement.range_use import deming_slope
from judgekit.agreement.selective import risk_coverage
from judgekit.report.words import called
from judgekit.types import Estimate

Row = tuple[Any, ...]
AVERAGED = re.compile(r"icc_.+k")
"""Intraclass correlations of a mean of judge and people, which nobody uses."""


@dataclass(frozen=True)
class Figure:
    """A figure as a table.

    Args:
        id: Unique in the report.
        kind: How it is drawn.
        criterion: Which criterion it is about.
        judge: Which judge; empty where it is about several.
        title: A question that it answers.
        reading: How to read it, in a sentence or two.
        columns: Names of the columns.
        rows: The numbers; None where there is none.
        n: Units it rests on.
        interval: What its intervals are; empty where there are none.
        notes: What a reader should know.
        lines: Further numbers that are drawn: a band, a slope, a limit.
    """

    id: str
    kind: str
    criterion: str
    judge: str
    title: str
    reading: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    n: int
    interval: str = ""
    notes: tuple[str, ...] = ()
    lines: Mapping[str, Any] = field(default_factory=dict)

    def at(self, row: int, column: str) -> Any:
        """One cell."""
        return self.rows[row][self.columns.index(column)]


def figures(audit: Audit) -> tuple[Figure, ...]:
    """Every figure that the data allow, criterion by criterion."""
    found: list[Figure] = []
    for k, criterion in enumerate(audit.criteria):
        found += _of_criterion(criterion, f"c{k + 1}")
    return tuple(found)


def _of_criterion(criterion: CriterionAudit, prefix: str) -> Iterator[Figure]:
    from judgekit.report.figures_more import errors, orders, severity_of, variance

    shown = [judge for judge in criterion.judges if not judge.is_control]
    for j, judge in enumerate(shown):
        here = f"{prefix}-j{j + 1}"
        for make in (forest, confusion, scatter, reliability, risk, length, ranks, slices):
            figure = make(criterion, judge, here)
            if figure is not None:
                yield figure
    for about in (distribution, orders, errors, severity_of):
        figure = about(criterion, prefix)
        if figure is not None:
            yield figure
    yield from variance(criterion, prefix)


def number(value: float) -> float | None:
    """A number of a table; None where it is none that could be drawn."""
    return float(value) if value is not None and math.isfinite(value) else None


def ends(estimate: Estimate) -> Row:
    """Value, low, high."""
    return (number(estimate.value), number(estimate.low), number(estimate.high))


def forest(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure:
    """All coefficients of agreement with their intervals, and the band of people's own agreement."""
    first = {each.name for each in judge.headline}
    chosen = {each.name: each for each in (*judge.headline, *judge.coefficients)}
    bias = {"bland_altman_bias", "bias"}
    rows = [
        (
            "to look at first" if name in first else "other ideas of chance and distance",
            called(name),
            *ends(each),
            each.n_used,
            each.interval,
            each.status,
        )
        for name, each in chosen.items()
        if name not in bias and not name.startswith("cohen_kappa[") and not AVERAGED.fullmatch(name)
    ]
    lines: dict[str, Any] = {}
    notes = [note for each in judge.headline for note in each.notes]
    if judge.ceiling is not None and not math.isnan(judge.ceiling.human.value):
        human = judge.ceiling.human
        lines = {
            "ceiling": number(human.value),
            "ceiling_low": number(human.low),
            "ceiling_high": number(human.high),
        }
        notes.append(
            f"band: people against each other, one left out in turn ({human.name.removeprefix('human_').replace('_', ' ')})"
        )
    return Figure(
        f"{here}-forest", "forest", criterion.criterion, judge.judge,
        "How far does the judge agree with people?",
        "Each line is one way to count agreement, with its interval; 1 is perfect, 0 is what chance gives (but for "
        "percent and specific agreement, which count chance in). The coefficients differ in their idea of chance.",
        ("group", "statistic", "value", "low", "high", "n", "interval", "status"), tuple(rows), judge.main.n_used,
        f"{judge.main.level:.0%} intervals; how each is made stands in the table", tuple(dict.fromkeys(notes)), lines,
    )  # fmt: skip


def confusion(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """Which labels are given for which."""
    if judge.table is None:
        return None
    labels, table = criterion.labelled.ratings.labels, judge.table
    totals = table.sum(axis=0)
    rows = [
        (people, said, int(table[i, j]), number(100 * table[i, j] / totals[j]) if totals[j] else None)
        for j, people in enumerate(labels)
        for i, said in enumerate(labels)
    ]
    return Figure(
        f"{here}-confusion", "confusion", criterion.criterion, judge.judge,
        "Which labels does it give for which?",
        "A row is what most people say, a column what the judge says; each cell has the count and its share of the "
        "row. A perfect judge has everything on the diagonal.",
        ("people", "judge", "count", "percent_of_row"), tuple(rows), int(table.sum()),
    )  # fmt: skip


def scatter(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """Judge against people, unit by unit, or their difference against their mean on a long scale."""
    lab = criterion.labelled
    if lab.ratings.level == "nominal" or len(lab.ratings.values) <= 2 or lab.pairs:
        return None
    x, y = lab.human, lab.column(judge.judge)
    kept = ~(np.isnan(x) | np.isnan(y))
    x, y = x[kept], y[kept]
    if not len(x):
        return None
    low, high = float(lab.ratings.values[0]), float(lab.ratings.values[-1])
    if len(lab.ratings.values) > LONG and judge.limits is not None:
        points, counts = np.unique(
            np.round(np.column_stack([(x + y) / 2, y - x]), 6), axis=0, return_counts=True
        )
        limits = judge.limits
        lines = {
            name: number(each.value)
            for name, each in (
                ("bias", limits.bias),
                ("lower_limit", limits.lower_limit),
                ("upper_limit", limits.upper_limit),
            )
        }
        return Figure(
            f"{here}-differences", "differences", criterion.criterion, judge.judge,
            "By how much does it differ from people?",
            "Each dot is a unit: the mean of both scores across, judge minus people upwards. The middle line is the mean "
            "difference, 95 % of differences lie between the outer ones.",
            ("mean", "difference", "units"), tuple((float(a), float(b), int(n)) for (a, b), n in zip(points, counts, strict=True)),
            len(x), "limits of agreement: mean and 1.96 standard deviations",
            (f"slope of the difference on the mean: {limits.proportional_bias.value:.3f}",), {**lines, "low": low, "high": high},
        )  # fmt: skip
    points, counts = np.unique(np.round(np.column_stack([x, y]), 6), axis=0, return_counts=True)
    slope = deming_slope(y, x)
    lines = {
        "low": low,
        "high": high,
        "slope": number(slope),
        "intercept": number(float(y.mean() - slope * x.mean())),
    }
    return Figure(
        f"{here}-scatter", "scatter", criterion.criterion, judge.judge,
        "Does it score high where people do?",
        "Dots are units, larger where there are more: people's mean across, the judge upwards, on the scale's numbers. "
        "On the dashed line both say the same; the solid line is the trend with error in both (Deming).",
        ("people", "judge", "units"), tuple((float(a), float(b), int(n)) for (a, b), n in zip(points, counts, strict=True)),
        len(x), "", (f"Deming slope {slope:.2f}: below 1 the judge draws scores together",), lines,
    )  # fmt: skip


def distribution(criterion: CriterionAudit, prefix: str) -> Figure | None:
    """How often people and judges give each label."""
    lab = criterion.labelled
    r = lab.ratings
    if len(r.values) > 21:
        return None
    people = lab.of_people.codes
    columns = {"people": people[people >= 0]}
    for judge in criterion.judges:
        if not judge.is_control:
            own = r.codes[:, r.raters.index(judge.judge)]
            columns[judge.judge] = own[own >= 0]
    rows = []
    for k, label in enumerate(r.labels):
        for name, codes in columns.items():
            made = share(int(np.sum(codes == k)), len(codes))
            rows.append(
                (label, name, *(None if v is None else 100 * v for v in ends(made)), int(np.sum(codes == k)))
            )
    unused = [label for k, label in enumerate(r.labels) if not np.any(people == k)]
    return Figure(
        f"{prefix}-distribution", "distribution", criterion.criterion, "",
        "Do judges use the scale as people do?",
        "Share of all labels, people beside each judge. Bars of unlike height for one label are leniency, severity or a "
        "label the judge avoids.",
        ("label", "rater", "percent", "low", "high", "count"), tuple(rows), r.n_units, "95 % Wilson",
        (f"labels people never used: {', '.join(unused)}",) if unused else (),
    )  # fmt: skip


def reliability(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """Are the judge's probabilities what they say?"""
    if judge.sureness is None:
        return None
    d, mcb = judge.sureness.diagram, judge.sureness.mcb
    rows = zip(d.p, d.count, d.recalibrated, d.low, d.high, strict=True)
    return Figure(
        f"{here}-reliability", "reliability", criterion.criterion, judge.judge,
        "Is it right as often as it is sure?",
        f"Across: the judge's probability of its label ({judge.sureness.kind}). Upwards: how often people agree (CORP, no "
        "bins). On the diagonal both are equal; a curve inside the band is what a calibrated judge may show by chance.",
        ("probability", "units", "agreed", "band_low", "band_high"),
        tuple((float(p), int(n), float(a), float(lo), float(hi)) for p, n, a, lo, hi in rows), len(judge.sureness.p),
        f"{d.level:.0%} consistency band, seed {d.seed}",
        (f"miscalibration {mcb.value:.4f}, discrimination {d.parts.dsc:.4f}, Brier score {d.parts.brier:.4f}", *mcb.notes[:1]),
    )  # fmt: skip


def risk(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """How the error falls where only sure verdicts stand."""
    if judge.sureness is None:
        return None
    curve, chosen = risk_coverage(judge.sureness.p, 1 - judge.sureness.agrees), judge.sureness.selection
    rows = zip(curve.threshold, curve.coverage, curve.risk, strict=True)
    lines = (
        {} if math.isnan(chosen.threshold) else {"threshold": chosen.threshold, "coverage": chosen.coverage}
    )
    said = (
        f"threshold {chosen.threshold:.3f}: {chosen.coverage:.0%} of verdicts stand, at most {chosen.bound:.1%} wrong"
        if lines
        else f"no threshold promises at most {chosen.alpha:.0%} wrong: {'; '.join(chosen.notes)}"
    )
    return Figure(
        f"{here}-risk", "risk", criterion.criterion, judge.judge,
        "How much may it decide alone?",
        "If only verdicts above a probability stand, this is how many do (across) and how many of them people disagree "
        "with (upwards).",
        ("threshold", "coverage", "risk"), tuple((float(a), float(b), float(c)) for a, b, c in rows), len(judge.sureness.p),
        f"threshold by exact binomial bounds, {1 - chosen.delta:.0%} sure", (said,), lines,
    )  # fmt: skip


def length(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """How judge and people follow length."""
    lab = criterion.labelled
    if lab.lengths is None:
        return None
    x, mine, people = lab.lengths, lab.column(judge.judge), lab.human
    kept = ~(np.isnan(x) | np.isnan(mine) | np.isnan(people))
    if kept.sum() < 25:
        return None
    x, mine, people = x[kept], mine[kept], people[kept]
    which = np.digitize(x, np.quantile(x, [0.2, 0.4, 0.6, 0.8]))
    rows = []
    for k in range(5):
        here_ = which == k
        if here_.sum() < 3:
            continue
        a, b = (clustered_mean(v[here_]) for v in (mine, people))
        rows.append((float(np.median(x[here_])), *ends(a), *ends(b), int(here_.sum())))
    effect = judge.lengths[0] if judge.lengths else None
    notes = (
        ()
        if effect is None
        else (f"{called(effect.name)}: {effect.value:.3f} [{effect.low:.3f}, {effect.high:.3f}]",)
    )
    across = "length of the first response less the second's" if lab.pairs else "length of the response"
    return Figure(
        f"{here}-length", "length", criterion.criterion, judge.judge,
        "Does it pay for length?",
        f"Mean {'preference for the first response' if lab.pairs else 'score'} by fifths of {across}. People like longer "
        "responses too: what counts is where the judge's line is steeper than theirs.",
        ("length", "judge", "judge_low", "judge_high", "people", "people_low", "people_high", "units"), tuple(rows),
        int(kept.sum()), "95 % t", notes,
    )  # fmt: skip


def ranks(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """Systems in people's order and in the judge's."""
    s = judge.systems
    if s is None:
        return None
    by = [
        sorted(range(len(s.names)), key=lambda k: -np.nan_to_num(of[k].value, nan=-9e9))
        for of in (s.human, s.judge)
    ]
    rows = [
        (
            s.names[k],
            *ends(s.human[k]),
            by[0].index(k) + 1,
            *ends(s.judge[k]),
            by[1].index(k) + 1,
            s.human[k].n_used,
        )
        for k in by[0]
    ]
    return Figure(
        f"{here}-ranks", "ranks", criterion.criterion, judge.judge,
        "Does it put systems in people's order?",
        "Mean score of each system by people (left) and by the judge (right), best on top, with intervals. Lines that "
        "cross are systems that change places.",
        ("system", "people", "people_low", "people_high", "people_rank", "judge", "judge_low", "judge_high", "judge_rank",
         "items"),
        tuple(rows), max((e.n_used for e in s.human), default=0), "95 % t over items",
        (f"pairs in people's order {s.pair_accuracy.value:.3f}, soft pairwise accuracy {s.soft_accuracy.value:.3f}",),
    )  # fmt: skip


def slices(criterion: CriterionAudit, judge: JudgeAudit, here: str) -> Figure | None:
    """Agreement in parts of the data."""
    rows = [
        (column, str(each.name), each.n, *ends(each.estimate), number(each.p_adjusted), bool(each.flagged))
        for column, of in judge.slices.items()
        for each in of
    ]
    if not rows:
        return None
    return Figure(
        f"{here}-slices", "slices", criterion.criterion, judge.judge,
        "Is it worse somewhere?",
        "Agreement in each part of the data; the dashed line is all of it. Parts that differ from the rest beyond chance "
        "(Benjamini and Hochberg over the parts of a column) are marked ▲; small parts are named, not measured.",
        ("by", "group", "n", "value", "low", "high", "p_adjusted", "flagged"), tuple(rows), judge.main.n_used,
        f"{judge.main.level:.0%} intervals of {judge.main.name.replace('_', ' ')}", (), {"all": number(judge.main.value)},
    )  # fmt: skip
