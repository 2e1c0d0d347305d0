"""The judge beside people, beside rules that cost nothing, and beside the other judges."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from judgekit.agreement.association.comparing import compare_accuracies
from judgekit.agreement.auditing import deciding
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import LONG, Beside, How, PanelAudit
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.wording import ends, number, told
from judgekit.agreement.bias.error_correlation import condorcet_gap, effective_judges, error_correlation
from judgekit.agreement.core.intervals import clustered_mean, share
from judgekit.agreement.core.ratings import Codes, Floats, Ratings
from judgekit.agreement.models.dstudy import design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.models.gstudy import GStudy, component_estimates, g_study
from judgekit.agreement.people.alt_test import alt_test
from judgekit.agreement.people.ceiling import Ceiling, human_ceiling, replacement_alpha
from judgekit.agreement.people.panel import MeasureName, numbers_of
from judgekit.types import is_control

SAYS_PEOPLE = {
    "variance": (
        "Where do people's scores vary?",
        "Share of the variance of single scores that is due to the units, to the persons, and to the "
        "rest: disagreement on single units.",
    ),
    "design": (
        "How many people make a dependable label?",
        "Dependability of the mean of so many persons: Phi for the score itself, G for the order of "
        "units. The dashed lines are .75, good, and .9, asked for where single units are decided on "
        "(Koo and Li 2016).",
    ),
}


MANY = 5
"""From more people than this on the ceiling is taken against their mean, not against each of them."""
MOST_CELLS = 20_000  # labels by people from which variance components are computed
HOW_MANY = (1, 2, 3, 4, 5, 6, 8, 10)


def compute_people(case: Case) -> dict[str, Any]:
    """The human ceiling, the judge as a substitute, and the alternative annotator test."""
    panel, judge, how, people = case.panel, case.judge, case.how, case.lab.people
    unless = case.skipped.unless
    made: dict[str, Any] = dict.fromkeys(("ceiling", "aligned", "replacement", "alt_test"))
    if len(people) < 2:
        case.skipped.say("human ceiling", "one person gives no ceiling; have 30 to 50 units labelled twice")
    else:
        made["ceiling"] = unless("human ceiling", lambda: _ceiling(panel, judge, how, long=case.long))
        made["aligned"] = _aligned(panel, judge, how, made["ceiling"]) if case.numbers else None
    if how.only_deciding:
        return made
    if len(people) > 1:
        few = replace(how, b=min(how.b, 200)).options
        made["replacement"] = unless("replacement", lambda: replacement_alpha(panel, judge=judge, **few))
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


def draw_people(about: About) -> Iterator[Figure]:
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
    for n in HOW_MANY:
        parts = design_parts(study.components, {"person": n}, object_="unit")
        rows.append((n, number(phi_coefficient(parts)), number(g_coefficient(parts))))
    goals = tuple(("dashed", (1.0, at), (float(HOW_MANY[-1]), at), "") for at in (0.75, 0.9))
    chart = Chart(
        kind="points", x="persons", y=("g", "phi"), legend={"g": "G (order)", "phi": "Phi (score)"},
        curve=True, ticked=True, axes=("people for each unit", ""), x_span=(1.0, float(HOW_MANY[-1])),
        segments=goals, tip="{persons} people: G {g}, Phi {phi}",
    )  # fmt: skip
    return about.figure("design", ("persons", "phi", "g"), rows, study.n_rows, chart=chart)


PEOPLE = Section(
    name="people", says=SAYS_PEOPLE, compute=compute_people, of_all=draw_people, consulted=True
)  # fmt: skip


def controls(lab: Labelled, judge: str, how: How) -> tuple[Beside, ...]:
    """The judge beside rules that cost nothing: always one label, and the controls among the judges."""
    r, people = lab.ratings, lab.consensus
    seen = people[people >= 0]
    if not len(seen):
        return ()
    common = int(np.bincount(seen).argmax())
    made: dict[str, tuple[Codes, bool]] = {
        f"always {r.labels[common]!r} (people's commonest)": (np.full(len(people), common), True)
    }
    if r.level != "nominal" and common != len(r.values) - 1:
        best = "" if lab.pairs else " (the best)"  # of a pair it is a place
        made[f"always {r.labels[-1]!r}{best}"] = (np.full(len(people), len(r.values) - 1), True)
    for name in lab.judges:
        if is_control(name) and name != judge:
            made[name] = (r.codes[:, r.raters.index(name)], False)
    mine = r.codes[:, r.raters.index(judge)]
    return tuple(_beside(name, mine, codes, lab, how, constant=c) for name, (codes, c) in made.items())


def of_pairs(lab: Labelled, judge: str, how: How) -> tuple[Beside, ...]:
    """The judge of pairs beside the rule that knows only which system is better, cross-fitted over items."""
    said = deciding.better_system(lab)
    if said is None:
        return ()
    people, mine = lab.human, lab.column(judge)
    both = ~(np.isnan(said) | np.isnan(people) | np.isnan(mine))
    rule, own = (np.where(both, 1 - np.abs(each - people), np.nan) for each in (said, mine))
    clusters = lab.ratings.clusters
    agreed, judged, gain = (
        clustered_mean(each, clusters, name=name, level=how.level)
        for each, name in ((rule, "agreement"), (own, "agreement"), (own - rule, "agreement_gained"))
    )
    return (
        Beside(
            name=deciding.BETTER_SYSTEM,
            agreement=agreed,
            judge=judged,
            difference=gain,
            test=None,
            constant=False,
        ),
    )


def _beside(name: str, mine: Codes, theirs: Codes, lab: Labelled, how: How, *, constant: bool) -> Beside:
    places = np.arange(len(lab.ratings.values), dtype=float)
    truth, a, c = (numbers_of(each, places) for each in (lab.consensus, mine, theirs))
    both = ~(np.isnan(truth) | np.isnan(a) | np.isnan(c))
    found = compare_accuracies(truth, a, c, level=how.level, clusters=lab.ratings.clusters)
    test = found.tests[0] if found.tests else None
    agreed, judged = (
        share(
            int(np.sum(truth[both] == each[both])), int(both.sum()), name="percent_agreement", level=how.level
        )
        for each in (c, a)
    )
    return Beside(
        name=name, agreement=agreed, judge=judged, difference=found.difference, test=test, constant=constant
    )


CONTROLS = Section(
    name="controls",
    consulted=True,
    compute=lambda case: {
        "controls": (
            *(() if case.long else controls(case.lab, case.judge, case.how)),
            *(of_pairs(case.lab, case.judge, case.how) if case.lab.pairs else ()),
        )
    },
)


SAYS_PANEL = {
    "errors": (
        "Are the judges wrong on the same units?",
        "Correlation of errors for each two judges: 0 is independent, 1 is wrong together always. "
        "Judges that fail together add little to each other in a panel.",
    ),
}


def panel_audit(lab: Labelled, how: How, real: Sequence[str]) -> PanelAudit | None:
    """The judges of a criterion as a panel; None for fewer than two. Clusters are resampled whole."""
    seats = {j: lab.substitutes[j] if lab.substitutes.get(j) in real else j for j in real}
    judges = tuple(dict.fromkeys(seats.values()))
    if len(judges) < 2:
        return None
    r = lab.ratings
    long = lab.continuous
    wrong = np.full((r.n_units, len(judges)), np.nan)
    for judge in sorted(real, key=lambda j: seats[j] == j):  # where both answered, the judge's own counts
        own, seat = _wrong(lab, judge, long=long), judges.index(seats[judge])
        wrong[:, seat] = np.where(np.isnan(own), wrong[:, seat], own)
    worth = partial(effective_judges, clusters=r.clusters, names=judges, **how.options)
    return PanelAudit(
        judges,
        error_correlation(wrong),
        worth(wrong),
        None if long else worth(wrong, strata=lab.consensus),
        math.nan if long else condorcet_gap(wrong),
    )


def _wrong(lab: Labelled, judge: str, *, long: bool) -> Floats:
    """1 where the judge differs from people, on a long scale the size of its error; nan where missing."""
    if long:
        return np.asarray(np.abs(lab.column(judge) - lab.human))
    mine, people = lab.ratings.codes[:, lab.ratings.raters.index(judge)], lab.consensus
    return np.where((mine < 0) | (people < 0), np.nan, (mine != people).astype(float))


def panel_lines(panel: PanelAudit | None) -> list[str]:
    """Lines on the errors that judges share; none for a single judge."""
    if panel is None:
        return []
    names = ", ".join(panel.judges)
    if math.isnan(panel.effective.value):
        return [f"how many independent judges {names} are worth: {told(panel.effective)}"]
    worth = f"{names}: worth {told(panel.effective)} independent judges"
    lines = [f"{worth}; their errors correlate by {panel.errors.mean:.3f}"]
    if panel.within is not None and not math.isnan(panel.within.value):
        lines.append(
            f"within people's labels (one that is hard for all is no shared fault): {told(panel.within)}"
        )
    if not math.isnan(panel.gap):
        more = "less" if panel.gap >= 0 else "more"
        points = f"{abs(panel.gap) * 100:.1f} points"
        lines.append(f"their majority is right {points} {more} often than that of independent judges")
    return lines


def draw_panel(about: About) -> Figure | None:
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
    chart = Chart(
        kind="grid", x="judge", y=("other",), value="correlation", tip="{judge} and {other}: {correlation}"
    )
    return about.figure("errors", ("judge", "other", "correlation"), rows, n, notes=notes, chart=chart)


PANEL = Section(name="panel", says=SAYS_PANEL, of_all=draw_panel)
