"""Figures about several raters at once: orders, shared errors, severity, variance."""

from collections.abc import Iterator

import numpy as np

from judgekit.agreement.audit_parts import LONG
from judgekit.agreement.audit_records import CriterionAudit
from judgekit.agreement.dstudy import design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.gstudy import component_estimates, g_study
from judgekit.agreement.intervals import share
from judgekit.agreement.order_effects import position_counts
from judgekit.report.figures import Figure, ends, number


def orders(criterion: CriterionAudit, prefix: str) -> Figure | None:
    """Does the verdict follow the place or the response?"""
    lab = criterion.labelled
    shown = [j for j in criterion.judges if j.judge in lab.orders]
    if not shown:
        return None
    rows, notes = [], []
    for judge in shown:
        counts = position_counts(*lab.orders[judge.judge])
        for name, n in (
            ("consistent", counts.consistent),
            ("first place", counts.primacy),
            ("second place", counts.recency),
        ):
            rows.append(
                (judge.judge, name, *(None if v is None else 100 * v for v in ends(share(n, counts.n))), n)
            )
        fairness = judge.orders["preference_fairness"]
        lean = "; ".join(fairness.notes[:1])
        notes.append(
            f"{judge.judge}: preference fairness {fairness.value:+.3f} [{fairness.low:+.3f}, {fairness.high:+.3f}], {lean}"
        )
    one = (
        "with one verdict an order, place and noise cannot be told apart: ask again in the same order to know"
    )
    return Figure(
        f"{prefix}-orders", "orders", criterion.criterion, "",
        "Does the verdict follow the place or the response?",
        "Each pair was judged in both orders. Consistent: the same response wins both times. Otherwise the judge leans to "
        "the response shown first, or to the one shown second.",
        ("judge", "what", "percent", "low", "high", "pairs"), tuple(rows),
        max(position_counts(*lab.orders[j.judge]).n for j in shown), "95 % Wilson", (*notes, one),
    )  # fmt: skip


def errors(criterion: CriterionAudit, prefix: str) -> Figure | None:
    """Are the judges wrong on the same units?"""
    found, effective = criterion.errors, criterion.n_effective
    names = [j.judge for j in criterion.judges if not j.is_control]
    if found is None or effective is None or len(names) < 2 or len(found.matrix) != len(names):
        return None
    rows = [
        (a, b, number(float(found.matrix[i, j])))
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i < j
    ]
    worth = f"{found.judges} judges are worth {effective.value:.2f} independent ones [{effective.low:.2f}, {effective.high:.2f}]"
    return Figure(
        f"{prefix}-errors", "errors", criterion.criterion, "",
        "Are the judges wrong on the same units?",
        "Correlation of errors for each two judges: 0 is independent, 1 is wrong together always. Judges that fail together "
        "add little to each other in a panel.",
        ("judge", "other", "correlation"), tuple(rows), criterion.labelled.ratings.n_units, "", (worth, *effective.notes),
    )  # fmt: skip


def severity_of(criterion: CriterionAudit, prefix: str) -> Figure | None:
    """Who is severe, who is lenient."""
    found = criterion.severities
    if found is None or not found.status.startswith("ok"):
        return None
    judges = set(criterion.labelled.judges)
    listed = sorted(found.raters.items(), key=lambda each: -np.nan_to_num(each[1].value, nan=9.0))
    rows = [
        (
            name,
            "judge" if name in judges else "person",
            *ends(each),
            found.fit[name].flag if name in found.fit else "extreme",
        )
        for name, each in listed
    ]
    return Figure(
        f"{prefix}-severity", "severity", criterion.criterion, "",
        "Who is severe, who is lenient?",
        "Severity of each rater in logits, by a model that allows for which units each one saw (many-facet Rasch). To the "
        "right is severe, 0 the mean of all raters; erratic raters surprise more than the model allows, muted ones less.",
        ("rater", "kind", "severity", "low", "high", "fit"), tuple(rows), criterion.labelled.ratings.n_units,
        "95 % normal, observed information", (f"raters told apart with reliability {found.reliability:.2f}", *found.notes),
    )  # fmt: skip


def variance(criterion: CriterionAudit, prefix: str) -> Iterator[Figure]:
    """Where scores vary, and how many people a dependable label takes."""
    lab = criterion.labelled
    if len(lab.people) < 2 or lab.ratings.level == "nominal":
        return
    cells = lab.numbers[:, len(lab.judges) :]
    at, who = np.nonzero(~np.isnan(cells))
    if len(at) > 20_000 or len(lab.ratings.values) > 10 * LONG + 1:
        return
    study = g_study(cells[at, who], {"unit": at.tolist(), "person": who.tolist()}, item="unit")
    if study.status != "ok":
        return
    parts = component_estimates(study, seed=0, b=200)
    total = sum(study.components.values())
    if not total > 0:
        return
    rows = [
        (name, number(each.value), number(each.low), number(each.high), number(100 * each.value / total))
        for name, each in zip(study.components, parts, strict=True)
    ]
    meaning = (
        "units differ in what they deserve; persons in severity; the residual is disagreement on single units"
    )
    yield Figure(
        f"{prefix}-variance", "variance", criterion.criterion, "",
        "Where do people's scores vary?",
        "Share of the variance of single scores that is due to the units, to the persons, and to the rest.",
        ("part", "variance", "low", "high", "percent"), tuple(rows), study.n_rows, "95 % percentile over units, seed 0",
        (meaning, f"method {study.method}", *study.notes),
    )  # fmt: skip
    curve = []
    for n in (1, 2, 3, 4, 5, 6, 8, 10):
        design = design_parts(study.components, {"person": n}, object_="unit")
        curve.append((n, number(phi_coefficient(design)), number(g_coefficient(design))))
    yield Figure(
        f"{prefix}-design", "design", criterion.criterion, "",
        "How many people make a dependable label?",
        "Dependability of the mean of so many persons: Phi for the score itself, G for the order of units. .75 is good, .9 "
        "is asked for where single units are decided on (Koo and Li 2016).",
        ("persons", "phi", "g"), tuple(curve), study.n_rows,
    )  # fmt: skip
