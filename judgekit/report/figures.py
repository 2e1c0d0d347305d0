"""Figures about one judge: agreement, confusion, scores, probabilities, length, ranks, slices."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from judgekit.agreement.auditing.parts import LONG
from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.agreement.bias.range_use import deming_slope
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.probability.selective import risk_coverage
from judgekit.report.checks import told
from judgekit.report.figure import About, Figure, ends, number
from judgekit.report.figures_asked import figures_asked
from judgekit.report.figures_shared import shared_figures
from judgekit.report.words import called

__all__ = ["Figure", "figures"]

AVERAGED = re.compile(r"icc_.+k")
"""Intraclass correlations of a mean of judge and people, which nobody uses."""


def figures(audit: Audit) -> tuple[Figure, ...]:
    """Every figure that the data allow, criterion by criterion."""
    found: list[Figure] = []
    for k, criterion in enumerate(audit.criteria, 1):
        found += _of_judges(criterion, f"c{k}")
        about = About(f"c{k}", criterion)
        found += [*shared_figures(about), *figures_asked(about)]
    return tuple(found)


def _of_judges(criterion: CriterionAudit, prefix: str) -> Iterator[Figure]:
    shown = [judge for judge in criterion.judges if not judge.is_control]
    for j, judge in enumerate(shown, 1):
        about = About(f"{prefix}-j{j}", criterion, judge)
        for make in (_forest, _confusion, _scatter, _reliability, _risk, _length, _ranks, _slices):
            figure = make(about, judge)
            if figure is not None:
                yield figure


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
    return about.figure(
        "forest", columns, rows, judge.main.n_used, interval=interval, notes=notes, lines=lines
    )


def _confusion(about: About, judge: JudgeAudit) -> Figure | None:
    """Which labels are given for which."""
    if judge.table is None:
        return None
    labels, table = about.criterion.labelled.ratings.labels, judge.table
    totals = table.sum(axis=0)
    rows = [
        (people, said, int(table[i, j]), number(100 * table[i, j] / totals[j]) if totals[j] else None)
        for j, people in enumerate(labels)
        for i, said in enumerate(labels)
    ]
    columns = ("people", "judge", "count", "percent_of_row")
    return about.figure("confusion", columns, rows, int(table.sum()))


def _points(x: Floats, y: Floats) -> list[tuple[float, float, int]]:
    """Distinct points, and how many units lie on each."""
    found, counts = np.unique(np.round(np.column_stack([x, y]), 6), axis=0, return_counts=True)
    return [(float(a), float(b), int(n)) for (a, b), n in zip(found, counts, strict=True)]


def _scatter(about: About, judge: JudgeAudit) -> Figure | None:
    """Judge against people, unit by unit; on a long scale their difference against their mean."""
    lab = about.criterion.labelled
    if lab.ratings.level == "nominal" or len(lab.ratings.values) <= 2 or lab.pairs:
        return None
    x, y = lab.human, lab.column(judge.judge)
    kept = ~(np.isnan(x) | np.isnan(y))
    x, y = x[kept], y[kept]
    if not len(x):
        return None
    scale = {"low": float(lab.ratings.values[0]), "high": float(lab.ratings.values[-1])}
    if len(lab.ratings.values) > LONG and judge.limits is not None:
        limits = judge.limits
        bounds = (
            ("bias", limits.bias),
            ("lower_limit", limits.lower_limit),
            ("upper_limit", limits.upper_limit),
        )
        return about.figure(
            "differences", ("mean", "difference", "units"), _points((x + y) / 2, y - x), len(x),
            interval="limits of agreement: mean and 1.96 standard deviations",
            notes=[f"slope of the difference on the mean: {told(limits.proportional_bias)}"],
            lines={**{name: number(each.value) for name, each in bounds}, **scale},
        )  # fmt: skip
    slope = deming_slope(y, x)
    trend = {"slope": number(slope), "intercept": number(float(y.mean() - slope * x.mean()))}
    note = f"Deming slope {slope:.2f}: below 1 the judge draws scores together"
    return about.figure(
        "scatter", ("people", "judge", "units"), _points(x, y), len(x),
        notes=[note] if math.isfinite(slope) else [], lines={**scale, **trend},
    )  # fmt: skip


def _reliability(about: About, judge: JudgeAudit) -> Figure | None:
    """Are the judge's probabilities what they say?"""
    if judge.sureness is None:
        return None
    d, mcb = judge.sureness.diagram, judge.sureness.mcb
    parts = zip(d.p, d.count, d.recalibrated, d.low, d.high, strict=True)
    rows = [(float(p), int(n), float(a), float(lo), float(hi)) for p, n, a, lo, hi in parts]
    said = (
        f"miscalibration {mcb.value:.4f}, discrimination {d.parts.dsc:.4f}, Brier score {d.parts.brier:.4f}"
    )
    return about.figure(
        "reliability", ("probability", "units", "agreed", "band_low", "band_high"), rows,
        len(judge.sureness.p), interval=f"{d.level:.0%} consistency band, seed {d.seed}",
        notes=[said, *mcb.notes], words={"kind": judge.sureness.kind},
    )  # fmt: skip


def _risk(about: About, judge: JudgeAudit) -> Figure | None:
    """How the error falls where only sure verdicts stand."""
    if judge.sureness is None:
        return None
    curve = risk_coverage(judge.sureness.p, 1 - judge.sureness.agrees)
    chosen = judge.sureness.selection
    parts = zip(curve.threshold, curve.coverage, curve.risk, strict=True)
    rows = [(float(a), float(b), float(c)) for a, b, c in parts]
    lines: dict[str, Any] = {}
    note = f"no threshold promises at most {chosen.alpha:.0%} wrong: {'; '.join(chosen.notes)}"
    if chosen.status == "ok":
        lines = {"threshold": chosen.threshold, "coverage": chosen.coverage, "bound": chosen.bound}
        share = f"{chosen.coverage:.0%} of the {chosen.n_used} verdicts with a probability and a label"
        note = f"threshold {chosen.threshold:.3f}: {share} stand, at most {chosen.bound:.1%} of them wrong"
        if chosen.n_dropped:
            note = f"{note}; {chosen.n_dropped} others have no part in it"
    return about.figure(
        "risk", ("threshold", "coverage", "risk"), rows, len(judge.sureness.p), notes=[note], lines=lines,
        interval=f"threshold by exact binomial bounds, {1 - chosen.delta:.0%} sure",
    )  # fmt: skip


def _length(about: About, judge: JudgeAudit) -> Figure | None:
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
    return about.figure("length", columns, rows, int(kept.sum()), interval="95 % t", notes=notes, words=words)


def _ranks(about: About, judge: JudgeAudit) -> Figure | None:
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
    )  # fmt: skip


def _slices(about: About, judge: JudgeAudit) -> Figure | None:
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
    )  # fmt: skip
