"""Figures about several raters at once: use of the scale, orders, shared errors, severity, variance."""

import math
from collections.abc import Iterator

import numpy as np

from judgekit.agreement.auditing.parts import LONG
from judgekit.agreement.bias.order_effects import position_counts
from judgekit.agreement.core.intervals import share
from judgekit.agreement.models.dstudy import design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.models.gstudy import GStudy, component_estimates, g_study
from judgekit.report.checks import told
from judgekit.report.figure import About, Figure, Row, ends, number, percents
from judgekit.report.panel import panel_lines

MOST_BARS = 21  # labels of a scale whose use is drawn label by label
MOST_CELLS = 20_000  # labels by people from which variance components are computed
PEOPLE = (1, 2, 3, 4, 5, 6, 8, 10)


def shared_figures(about: About) -> Iterator[Figure]:
    """Those that the data allow."""
    for make in (_distribution, _orders, _errors, _severity):
        figure = make(about)
        if figure is not None:
            yield figure
    study = _study(about)
    if study is not None:
        yield _variance(about, study)
        yield _design(about, study)


def _distribution(about: About) -> Figure | None:
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
    return about.figure("distribution", columns, rows, r.n_units, interval="95 % Wilson", notes=notes)


def _orders(about: About) -> Figure | None:
    """Does the verdict follow the place or the response?"""
    lab = about.criterion.labelled
    rows: list[Row] = []
    notes: list[str] = []
    n = 0
    for judge in about.criterion.judges:
        if judge.judge not in lab.orders:
            continue
        c = position_counts(*lab.orders[judge.judge])
        n = max(n, c.n)
        kinds = (("consistent", c.consistent), ("first place", c.primacy), ("second place", c.recency))
        rows += [(judge.judge, what, *percents(share(k, c.n)), k) for what, k in kinds]
        f = judge.orders["preference_fairness"]
        notes.append(f"{judge.judge}: (second place - first place) / pairs {told(f)}; {'; '.join(f.notes)}")
    if not rows:
        return None
    notes.append(
        "with one verdict an order, place and noise cannot be told apart: ask again in the same order"
    )
    columns = ("judge", "what", "percent", "low", "high", "pairs")
    return about.figure("orders", columns, rows, n, interval="95 % Wilson", notes=notes)


def _errors(about: About) -> Figure | None:
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
    return about.figure("errors", ("judge", "other", "correlation"), rows, n, notes=notes)


def _severity(about: About) -> Figure | None:
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
        notes=[*told_apart, *found.notes],
    )  # fmt: skip


def _study(about: About) -> GStudy | None:
    """Variance components of people's labels; None where they cannot be told apart."""
    lab = about.criterion.labelled
    if len(lab.people) < 2 or lab.ratings.level == "nominal" or len(lab.ratings.values) > 10 * LONG + 1:
        return None
    cells = lab.numbers[:, len(lab.judges) :]
    at, who = np.nonzero(~np.isnan(cells))
    if len(at) > MOST_CELLS:
        return None
    study = g_study(cells[at, who], {"unit": at.tolist(), "person": who.tolist()}, item="unit")
    return study if study.status == "ok" and sum(study.components.values()) > 0 else None


def _variance(about: About, study: GStudy) -> Figure:
    total = sum(study.components.values())
    parts = component_estimates(study, seed=0, b=200)
    rows = [
        (name, *ends(each), number(100 * each.value / total))
        for name, each in zip(study.components, parts, strict=True)
    ]
    return about.figure(
        "variance", ("part", "variance", "low", "high", "percent"), rows, study.n_rows,
        interval="95 % over units resampled, seed 0", notes=[f"method {study.method}", *study.notes],
    )  # fmt: skip


def _design(about: About, study: GStudy) -> Figure:
    rows = []
    for n in PEOPLE:
        parts = design_parts(study.components, {"person": n}, object_="unit")
        rows.append((n, number(phi_coefficient(parts)), number(g_coefficient(parts))))
    return about.figure("design", ("persons", "phi", "g"), rows, study.n_rows)
