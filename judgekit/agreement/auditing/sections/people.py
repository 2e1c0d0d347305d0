"""The judge beside people and in the place of one; where people's own labels vary."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from judgekit.agreement.auditing.records import LONG, How
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.wording import ends, number
from judgekit.agreement.core.ratings import Ratings
from judgekit.agreement.models.dstudy import design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.models.gstudy import GStudy, component_estimates, g_study
from judgekit.agreement.people.alt_test import alt_test
from judgekit.agreement.people.ceiling import Ceiling, human_ceiling
from judgekit.agreement.people.panel import MeasureName
from judgekit.agreement.people.replacement import replacement_alpha

SAYS = {
    "variance": (
        "Where do people's scores vary?",
        (
            "Share of the variance of single scores that is due to the units, to the persons, and to the "
            "rest: disagreement on single units."
        ),
    ),
    "design": (
        "How many people make a dependable label?",
        (
            "Dependability of the mean of so many persons: Phi for the score itself, G for the order of "
            "units. The dashed lines are .75, good, and .9, asked for where single units are decided on "
            "(Koo and Li 2016)."
        ),
    ),
}


MANY = 5
"""From more people than this on the ceiling is taken against their mean, not against each of them."""


MOST_CELLS = 20_000  # labels by people from which variance components are computed
PEOPLE = (1, 2, 3, 4, 5, 6, 8, 10)


def compute(case: Case) -> dict[str, Any]:
    """The human ceiling, the judge as a substitute, and the alternative annotator test."""
    panel, judge, how, people = case.panel, case.judge, case.how, case.lab.people
    made: dict[str, Any] = dict.fromkeys(("ceiling", "aligned", "replacement", "alt_test"))
    if len(people) < 2:
        case.skipped.say("human ceiling", "one person gives no ceiling; have 30 to 50 units labelled twice")
    else:
        unless, options = case.skipped.unless, how.options
        made["ceiling"] = unless("human ceiling", lambda: _ceiling(panel, judge, how, long=case.long))
        made["aligned"] = _aligned(panel, judge, how, made["ceiling"]) if case.numbers else None
        made["replacement"] = unless("replacement", lambda: replacement_alpha(panel, judge=judge, **options))
    if len(people) < 3:
        case.skipped.say("alternative annotator test", f"three people are needed, there are {len(people)}")
    else:
        made["alt_test"] = case.skipped.unless(
            "alternative annotator test",
            lambda: alt_test(panel, judge=judge, epsilon=how.epsilon, **how.options),
        )
    return made


def _ceiling(panel: Ratings, judge: str, how: How, *, long: bool) -> Ceiling:
    options = how.options
    if panel.n_raters - 1 > MANY or long:
        if panel.level == "nominal":
            return human_ceiling(
                panel, judge=judge, measure="agreement", aggregate="majority", **replace(how, b=200).options
            )
        return human_ceiling(panel, judge=judge, measure="pearson", aggregate="mean", **options)
    ordered = panel.level != "nominal" and len(panel.values) > 2
    measure: MeasureName = "quadratic_kappa" if ordered else "kappa"
    return human_ceiling(panel, judge=judge, measure=measure, aggregate="pairs", **options)


def _aligned(panel: Ratings, judge: str, how: How, ceiling: Ceiling | None) -> Ceiling | None:
    """The ceiling by correlation, which knows nothing of severity; None on two labels."""
    if len(panel.values) <= 2:
        return None
    if ceiling is not None and ceiling.judge.name == "judge_pearson":
        return ceiling
    return human_ceiling(panel, judge=judge, measure="pearson", aggregate="mean", **how.options)


def figures(about: About) -> Iterator[Figure]:
    """Variance components of people's labels, and how many people make a dependable one."""
    study = _study(about)
    if study is not None:
        yield _variance(about, study)
        yield _design(about, study)


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
        chart=Chart(
            kind="bars", x="part", value="percent", axes=("percent of the variance of one label", "")
        ),
    )  # fmt: skip


def _design(about: About, study: GStudy) -> Figure:
    rows = []
    for n in PEOPLE:
        parts = design_parts(study.components, {"person": n}, object_="unit")
        rows.append((n, number(phi_coefficient(parts)), number(g_coefficient(parts))))
    goals = tuple(("dashed", (1.0, at), (float(PEOPLE[-1]), at), "") for at in (0.75, 0.9))
    chart = Chart(
        kind="points", x="persons", y=("g", "phi"), legend={"g": "G (order)", "phi": "Phi (score)"},
        curve=True, ticked=True, axes=("people for each unit", ""), x_span=(1.0, float(PEOPLE[-1])),
        segments=goals, tip="{persons} people: G {g}, Phi {phi}",
    )  # fmt: skip
    return about.figure("design", ("persons", "phi", "g"), rows, study.n_rows, chart=chart)


SECTION = Section(name="people", says=SAYS, compute=compute, of_all=figures)
