"""Agreement with people: which coefficients to show, what is missing, which labels are given for which."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, Unpack

import numpy as np

from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.auditing import deciding
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import LONG, How, JudgeAudit
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section
from judgekit.agreement.auditing.wording import called, ends, number
from judgekit.agreement.chance.coefficients import (
    Options,
    alpha,
    brennan_prediger,
    conger,
    fleiss,
    gwet,
    kappa,
    percent,
    scott,
)
from judgekit.agreement.chance.profile import (
    Coverage,
    confusion,
    coverage,
    kappa_profile,
    specific,
    within_steps,
)
from judgekit.agreement.core.intervals import clustered_mean, share
from judgekit.agreement.core.ratings import Floats, Ratings, given
from judgekit.agreement.core.weights import MOST_HELD, Kind
from judgekit.agreement.models.bland import bland_altman, ccc
from judgekit.agreement.models.icc import icc, iccs
from judgekit.types import Estimate

MOST_LEVELS = 10
"""Up to so many categories a scale with an order is read as a rubric's, above as an interval."""
PARADOX = (
    "kappa_paradox: agreement is high and kappa low because one label is rare; "
    "read kappa with percent agreement, AC1 and the agreement on each label"
)


def headline(ratings: Any, *, scale: Any = None, **options: Unpack[Options]) -> list[Estimate]:
    """The coefficients to show first; arguments as of `percent`.

    Two raters: on labels without order or on two labels Cohen's kappa, AC1 and the agreement on each label;
    on a rubric's scale of up to ten levels quadratic and linear kappa and agreement within one level; on
    longer scales ICC(A,1), concordance and bias. More raters, or gaps: Krippendorff's alpha with the scale's
    metric and AC1 or AC2. Percent agreement always, on up to ten levels. Where one rare label makes a kappa
    low, its notes say `kappa_paradox`.

    >>> [each.name for each in headline([[0, 0], [1, 1], [1, 0], [0, 0]], scale=["0", "1"])]
    ['cohen_kappa', 'percent_agreement', 'gwet_ac1', 'specific_agreement[0]', 'specific_agreement[1]']
    """
    these = given(ratings, scale)
    found: list[Estimate] = []
    plain = these.level == "nominal" or len(these.values) <= 2
    if these.n_raters <= 2:
        found += _of_two(these, options, plain=plain)
    gaps = bool(np.any(these.codes < 0))
    if these.n_raters > 2 or gaps:
        found.append(alpha(these, metric="nominal" if plain else None, **options))
        found.append(gwet(these, weights="identity" if plain else "quadratic", **options))
        if these.n_raters > 2 and len(these.values) <= MOST_LEVELS:
            found.append(percent(these, **options))
        if these.n_raters > 2 and len(these.values) > MOST_LEVELS and these.level != "nominal":
            found.append(icc(these, **_drawn(options)))
    return list({each.name: each for each in found}.values())


def all_coefficients(ratings: Any, *, scale: Any = None, **options: Unpack[Options]) -> list[Estimate]:
    """Every coefficient that has a meaning on the scale, for a table or a forest plot.

    Arguments as of `percent`. On long scales coefficients that take any two labels for different are left
    out.

    >>> len(all_coefficients([[1, 1], [2, 2], [2, 1], [1, 1]], scale=["1", "2"]))
    6
    """
    these = given(ratings, scale)
    found: list[Estimate] = []
    for weights in _weights(these):
        found.append(percent(these, weights=weights, **options))
        if these.n_raters <= 2:
            found.append(kappa(these, weights=weights, **options))
            found.append(scott(these, weights=weights, **options))
        else:
            found.append(conger(these, weights=weights, **options))
            found.append(fleiss(these, weights=weights, **options))
        found.append(gwet(these, weights=weights, **options))
        found.append(brennan_prediger(these, weights=weights, **options))
    if len(these.values) <= MOST_LEVELS:
        found.append(alpha(these, metric="nominal", **options))
    if these.level == "nominal":
        return found
    if len(these.values) > 2:
        found += [alpha(these, metric="ordinal", **options), alpha(these, metric="interval", **options)]
        found += iccs(these, **_drawn(options))
        if these.n_raters == 2:
            found.append(ccc(these, **_drawn(options)).ccc)
    return found


def _of_two(these: Ratings, options: Options, *, plain: bool) -> list[Estimate]:
    if plain:
        main = kappa(these, **options)
        if these.n_raters == 2 and kappa_profile(these).paradox:
            main = replace(main, notes=(*main.notes, PARADOX))
        labels = these.labels if these.n_raters == 2 and len(these.labels) <= MOST_LEVELS else ()
        return [
            main,
            percent(these, **options),
            gwet(these, **options),
            *(specific(these, label, level=options.get("level", 0.95)) for label in labels),
        ]
    if len(these.values) <= MOST_LEVELS:
        return [
            kappa(these, weights="quadratic", **options),
            kappa(these, weights="linear", **options),
            percent(these, **options),
            within_steps(these, level=options.get("level", 0.95)),
        ]
    limits = bland_altman(these, level=options.get("level", 0.95))
    return [icc(these, **_drawn(options)), ccc(these, **_drawn(options)).ccc, limits.bias]


def _weights(these: Ratings) -> tuple[Kind, ...]:
    if these.level == "nominal" or len(these.values) <= 2:
        return ("identity",)
    if len(these.values) <= MOST_LEVELS:
        return ("identity", "linear", "quadratic")
    return ("linear", "quadratic") if len(these.values) <= MOST_HELD else ("quadratic",)


def _drawn(options: Options) -> dict[str, Any]:
    """The options that statistics of numbers take too."""
    return {key: value for key, value in options.items() if key in {"level", "seed", "b"}}


SAYS = {
    "forest": (
        "How far does the judge agree with people?",
        "Each line is one way to count agreement, with its interval; 1 is perfect, 0 is what chance "
        "gives (but for percent and specific agreement, which count chance in). They differ in their "
        "idea of chance.",
    ),
    "confusion": (
        "Which labels does it give for which?",
        "A row is what most people say, a column what the judge says; each cell has the count and its "
        "share of the row. A perfect judge has everything on the diagonal.",
    ),
}


AVERAGED = re.compile(r"icc_.+k")
"""Intraclass correlations of a mean of judge and people, which nobody uses."""


def compute(case: Case) -> dict[str, Any]:
    """The main coefficient, all others, coverage, the table of labels, and rates of two labels."""
    lab, judge, how = case.lab, case.judge, case.how
    made: dict[str, Any] = {
        "main": deciding.main_coefficient(lab, judge, how),
        "one_label": deciding.one_label(lab, judge),
        "errors": deciding.errors(lab, judge),
        "abstained": lab.abstained.get(judge, {}),
        "coverage": case.skipped.unless("coverage", lambda: _coverage(lab, judge, how)),
        "associations": {} if case.kinds else {"pearson": deciding.link(lab, judge, how)},
        "skill": deciding.skill(lab, judge, how),
        "by_system": (deciding.by_label if case.kinds else deciding.by_system)(lab, judge, how),
        "labels_by_system": deciding.by_system(lab, judge, how, most=True) if case.numbers else {},
        "rates": rates(case.plain, how),
    }
    if lab.weights is not None:
        unweighted = "the chances of the sample are not taken into account here, so it is not computed"
        case.skipped.say("other coefficients, the table of labels, rates", unweighted)
        return made | {"rates": {}, "headline": (made["main"],)}
    if how.only_deciding:
        return made
    first = headline(case.two, reference="people", **how.options)
    return made | {
        "headline": tuple({each.name: each for each in (made["main"], *first)}.values()),
        "coefficients": tuple(all_coefficients(case.two, reference="people", **how.options)),
        "table": None if len(lab.ratings.values) > LONG else confusion(case.plain),
        "associations": {**made["associations"], **({} if case.kinds else associations(lab, judge, how))},
    }


def _coverage(lab: Labelled, judge: str, how: How) -> Coverage:
    """Share of the answers asked of a judge that were obtained: of a unit that lost one of two, a half."""
    found, obtained = coverage(_columns(lab, judge), level=how.level), lab.obtained.get(judge)
    if obtained is None or np.isin(obtained, (0, 1)).all():
        return found
    share_of = clustered_mean(obtained, lab.ratings.clusters, name="coverage", level=how.level)
    return replace(found, coverage=replace(share_of, method="answers obtained of those asked for"))


def _columns(lab: Labelled, judge: str) -> Ratings:
    """Judge and people's consensus with the gaps left in."""
    r = lab.ratings
    codes = np.column_stack([r.codes[:, r.raters.index(judge)], lab.consensus])
    return Ratings(
        codes=codes, values=r.values, level=r.level, raters=(judge, "people"), labels=r.labels, clusters=None
    )


def associations(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """Correlations of ranks with people's mean, beside Pearson's; of pairs three accuracies."""
    if lab.pairs:
        return dict(deciding.accuracies(lab, judge, how))
    x, y, clusters = lab.column(judge), lab.human, lab.ratings.clusters
    kinds: tuple[Literal["spearman", "tau_b"], ...] = ("spearman", "tau_b")
    return {kind: correlation(x, y, kind=kind, clusters=clusters, **how.options) for kind in kinds}


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


SECTION = Section(
    name="agreement", says=SAYS, compute=compute, of_judge=figures, weighted=True, consulted=True
)  # fmt: skip
