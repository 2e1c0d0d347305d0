"""Scores as numbers: severity, use of the scale, limits of agreement, the level of all that was judged."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from judgekit.agreement.auditing import deciding
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import LONG, How, JudgeAudit, Skipped
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Point, Section
from judgekit.agreement.auditing.wording import Row, ends, number, percents, told
from judgekit.agreement.bias.range_use import deming_slope, marginal_homogeneity, range_use
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.intervals import share
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.models.bland import BlandAltman, bland_altman
from judgekit.agreement.models.rasch import Severities, severities
from judgekit.agreement.sampling.active import active_mean
from judgekit.agreement.sampling.ppi import ppi
from judgekit.types import Estimate

SAYS_SCORES = {
    "scatter": (
        "Does it score high where people do?",
        "Dots are units, larger where there are more: people's mean across, the judge upwards, on the "
        "scale's numbers. On the dashed line both say the same; the solid line is the trend with "
        "error in both (Deming).",
    ),
    "differences": (
        "By how much does it differ from people?",
        "Each dot is a unit: the mean of both scores across, judge less people upwards. The solid "
        "line is the mean difference; 95 % of differences lie between the dashed ones (Bland and "
        "Altman).",
    ),
    "distribution": (
        "Do judges use the scale as people do?",
        "Share of all labels, people beside each judge. Bars of unlike length for one label are "
        "leniency, severity, or a label the judge avoids.",
    ),
}


MOST_BARS = 21  # labels of a scale whose use is drawn label by label


def compute(case: Case) -> dict[str, Any]:
    """Signed error, corrected level, use of the scale, margins and limits of agreement."""
    lab, judge, how, unless = case.lab, case.judge, case.how, case.skipped.unless
    error = deciding.mean_error(lab, judge, how)
    level = unless("corrected level", lambda: corrected_level(lab, judge, how)) if case.numbers else None
    if not case.numbers:
        error = undefined(error, Status.NOT_IDENTIFIED, "a nominal scale has no direction")
    if lab.weights is not None or how.only_deciding:
        return {"signed_error": error, "level": level}
    margins = None
    if not case.long:
        margins = unless("margins", lambda: marginal_homogeneity(case.plain, level=how.level))
    if not case.numbers:
        return {"signed_error": error, "level": None, "use": {}, "margins": margins, "limits": None}
    return {
        "signed_error": error,
        "level": level,
        "use": unless("use of the scale", lambda: _range(lab, judge, how)) or {},
        "margins": margins,
        "limits": unless("limits of agreement", lambda: bland_altman(case.two, level=how.level)),
    }


def _range(lab: Labelled, judge: str, how: How) -> Mapping[str, Estimate]:
    r = lab.ratings
    mine, people = r.of(judge).numbers[:, 0], lab.consensus
    theirs = np.where(people < 0, np.nan, r.values[np.maximum(people, 0)])
    return range_use(mine, theirs, values=r.values.tolist(), clusters=r.clusters, **how.options)


def corrected_level(lab: Labelled, judge: str, how: How) -> Estimate | None:
    """People's mean over everything the judge rated, from its verdicts and the labels; None without more."""
    more = lab.unlabelled.get(judge)
    if more is None or not len(more):
        return None
    values = lab.ratings.values
    bounds = (float(values[0]), float(values[-1]))
    mine, people = lab.column(judge), lab.human
    if how.sampling == "unknown" and lab.weights is not None and _of_population(lab.weights, len(more)):
        gap = np.full(len(more), np.nan)
        made = active_mean(
            np.concatenate([people, gap]), np.concatenate([mine, more]),
            np.concatenate([1 / lab.weights, np.ones(len(more))]), lam=None, bounds=bounds, level=how.level,
        )  # fmt: skip
    else:
        sampling = "random" if how.sampling == "unknown" and lab.chosen == "random" else how.sampling
        made = ppi(people, mine, more, sampling=sampling, bounds=bounds, level=how.level)
    if lab.ratings.clusters is None:
        return made
    return replace(made, notes=(*made.notes, "units of one cluster were taken as independent"))


def _of_population(weights: Floats, n_others: int) -> bool:
    """Whether weights are one over the chances with which units were drawn from all that was judged."""
    if np.isnan(weights).any() or (weights < 1).any():
        return False
    off = abs(float(weights.sum()) - len(weights) - n_others)
    return off <= 4 * math.sqrt(float(weights @ (weights - 1)))


def _points(x: Floats, y: Floats) -> list[tuple[float, float, int]]:
    """Distinct points, and how many units lie on each."""
    found, counts = np.unique(np.round(np.column_stack([x, y]), 6), axis=0, return_counts=True)
    return [(float(a), float(b), int(n)) for (a, b), n in zip(found, counts, strict=True)]


def scatter(about: About, judge: JudgeAudit) -> Figure | None:
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
    span = (scale["low"], scale["high"])
    if lab.continuous and judge.limits is not None:
        return _differences(about, judge.limits, _points((x + y) / 2, y - x), len(x), scale)
    slope = deming_slope(y, x)
    intercept = float(y.mean() - slope * x.mean())
    known = math.isfinite(slope)
    trend = [("trend", a, b, "") for a, b in _inside(span, slope, intercept)] if known else []
    chart = Chart(
        kind="points", x="people", y=("judge",), size="units", axes=("people (mean)", "judge"), x_span=span,
        y_span=span, segments=(("dashed", (span[0], span[0]), (span[1], span[1]), ""), *trend),
        tip="people {people}, judge {judge}: {units}",
    )  # fmt: skip
    note = f"Deming slope {slope:.2f}: below 1 the judge draws scores together"
    return about.figure(
        "scatter", ("people", "judge", "units"), _points(x, y), len(x), notes=[note] if known else [],
        lines={**scale, "slope": number(slope), "intercept": number(intercept)}, chart=chart,
    )  # fmt: skip


def _inside(span: Point, slope: float, intercept: float) -> list[tuple[Point, Point]]:
    """The part of a line that is within the square."""
    ends = sorted((each - intercept) / slope for each in span) if abs(slope) > 1e-9 else list(span)
    start, end = max(span[0], ends[0]), min(span[1], ends[1])
    if end <= start or (abs(slope) <= 1e-9 and not span[0] <= intercept <= span[1]):
        return []
    return [((start, intercept + slope * start), (end, intercept + slope * end))]


def _differences(
    about: About, limits: BlandAltman, rows: list[tuple[float, float, int]], n: int, scale: dict[str, float]
) -> Figure:
    """Difference against mean, with the limits of agreement."""
    span = (scale["low"], scale["high"])
    lines = {
        "bias": number(limits.bias.value), "lower_limit": number(limits.lower_limit.value),
        "upper_limit": number(limits.upper_limit.value),
    }  # fmt: skip
    drawn = {name: at for name, at in lines.items() if at is not None}
    most = max([1e-9, *(abs(row[1]) for row in rows), *map(abs, drawn.values())]) * 1.05
    chart = Chart(
        kind="points", x="mean", y=("difference",), x_span=span, y_span=(-most, most),
        axes=("mean of judge and people", "judge less people"), tip="{difference} ({units})",
        segments=tuple(
            ("trend" if name == "bias" else "dashed", (span[0], at), (span[1], at), f"{at:.3g}")
            for name, at in drawn.items()
        ),
    )  # fmt: skip
    return about.figure(
        "differences", ("mean", "difference", "units"), rows, n,
        interval="limits of agreement: mean and 1.96 standard deviations",
        notes=[f"slope of the difference on the mean: {told(limits.proportional_bias)}"],
        lines={**lines, **scale}, chart=chart,
    )  # fmt: skip


def distribution(about: About) -> Figure | None:
    """How often people and judges give each label."""
    lab = about.criterion.labelled
    r = lab.ratings
    if len(r.values) > MOST_BARS:
        return None
    people = lab.of_people.codes
    said = {"people": people[people >= 0]}
    for judge in about.criterion.judges:
        if not judge.is_control:
            own = r.codes[:, r.raters.index(judge.judge)]
            said[judge.judge] = own[own >= 0]
    rows: list[Row] = []
    for k, label in enumerate(r.labels):
        for name, codes in said.items():
            n = int(np.sum(codes == k))
            rows.append((label, name, *percents(share(n, len(codes))), n))
    unused = [label for k, label in enumerate(r.labels) if not np.any(people == k)]
    notes = [f"labels people never used: {', '.join(unused)}"] if unused else []
    columns = ("label", "rater", "percent", "low", "high", "count")
    chart = Chart(
        kind="bars", x="label", group="rater", value="percent", axes=("percent of labels", ""),
        tip="{rater}, {label}: {percent} % ({count})",
    )  # fmt: skip
    return about.figure(
        "distribution", columns, rows, r.n_units, interval="95 % Wilson", notes=notes, chart=chart
    )


SCORES = Section(
    name="scores", says=SAYS_SCORES, compute=compute, of_judge=scatter, of_all=distribution, weighted=True,
    consulted=True,
)  # fmt: skip


SAYS_SEVERITY = {
    "severity": (
        "Who is severe, who is lenient?",
        "Severity of each rater in logits, by a model that allows for which units each one saw "
        "(many-facet Rasch); 0 is the mean of all. Erratic raters surprise more than the model "
        "allows, muted ones less.",
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


def draw_severity(about: About) -> Figure | None:
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


SEVERITY = Section(name="severity", says=SAYS_SEVERITY, of_all=draw_severity)
