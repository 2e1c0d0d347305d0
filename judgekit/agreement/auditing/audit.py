"""The audit of judges against people: everything this room can say of them, on one criterion after another.

An audit never raises for what the data are like: a statistic without meaning says so in its status, and
what the data do not allow is named in `skipped`. What a verdict makes of it is decided in `report`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.headline import all_coefficients, headline
from judgekit.agreement.auditing.parts import (
    LONG,
    How,
    Skipped,
    associations,
    by_population,
    controls,
    corrected_level,
    lengths,
    orders,
    rates,
    repeats,
    self_preferences,
    slices,
    sureness,
)
from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.systems import panel_audit, systems
from judgekit.agreement.bias.margins import marginal_homogeneity
from judgekit.agreement.bias.range_use import Use, range_use, scale_use
from judgekit.agreement.bias.signed_error import signed_error
from judgekit.agreement.chance.coefficients import alpha, kappa
from judgekit.agreement.chance.profile import confusion, coverage
from judgekit.agreement.core.estimate import NEEDS_TWO_RATERS, NOT_IDENTIFIED, undefined
from judgekit.agreement.core.ratings import Ratings
from judgekit.agreement.core.weights import Kind
from judgekit.agreement.models.bland import bland_altman
from judgekit.agreement.models.icc import icc
from judgekit.agreement.models.rasch import Severities, severities
from judgekit.agreement.people.alt_test import alt_test
from judgekit.agreement.people.ceiling import Ceiling, human_ceiling
from judgekit.agreement.people.panel import MeasureName
from judgekit.agreement.people.replacement import replacement_alpha
from judgekit.agreement.sampling.active import hajek_kappa
from judgekit.agreement.sampling.sample_check import Sampling
from judgekit.errors import InputError, there_are
from judgekit.types import Estimate, is_control

__all__ = ["Audit", "CriterionAudit", "JudgeAudit", "audit", "main_coefficient"]

MANY = 5
"""From more people than this on the ceiling is taken against their mean, not against each of them."""


def audit(
    labelled: Labelled | Sequence[Labelled],
    *,
    judges: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
    b: int = 1000,
    epsilon: float = 0.15,
    error: float = 0.1,
    sampling: Sampling = "unknown",
    notes: Sequence[str] = (),
    provenance: Mapping[str, str] | None = None,
) -> Audit:
    """Audit judges against people.

    Args:
        labelled: What both said: from `audit_join.side_by_side`, or `audit_data.of_frame` for a plain frame;
            one for each criterion.
        judges: Names of those to audit; all where left out.
        level: Confidence of the intervals.
        seed: Of all resampling.
        b: Resamples.
        epsilon: The advantage a judge is given in the alternative annotator test.
        error: The error a judge may make where its sure verdicts stand alone.
        sampling: How the labelled units came out of all that was judged; only `random` allows for a level
            corrected by them.
        notes: Of the data, to stand in the report.
        provenance: Where they come from.

    Raises:
        InputError: If a judge named is not there.

    >>> from judgekit.agreement.auditing.data import of_frame
    >>> rows = [["no", "no"], ["yes", "yes"], ["yes", "no"], ["no", "no"]]
    >>> lab = of_frame(rows, scale=["no", "yes"], judges=["gpt"], raters=["gpt", "ann"])
    >>> audit(lab, b=50).criteria[0].judges[0].main.value
    0.5
    """
    all_of_it = [labelled] if isinstance(labelled, Labelled) else list(labelled)
    known = {name for each in all_of_it for name in each.judges}
    if absent := [name for name in judges or () if name not in known]:
        raise InputError(f"no judge {absent[0]!r}; {there_are(absent[0], sorted(known))}")
    how = How(level, seed, b, error, sampling)
    return Audit(
        tuple(_criterion(each, judges, how, epsilon) for each in all_of_it), how, tuple(notes),
        dict(provenance or {}),
    )  # fmt: skip


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


def _criterion(lab: Labelled, judges: Sequence[str] | None, how: How, epsilon: float) -> CriterionAudit:
    skipped = Skipped()
    r, people = lab.ratings, lab.of_people
    named = [j for j in lab.judges if judges is None or j in judges or is_control(j)]
    real = [j for j in lab.judges if not is_control(j)]
    long = r.level != "nominal" and len(r.values) > LONG
    codes = lab.consensus
    counts = np.bincount(codes[codes >= 0], minlength=len(r.values))
    uses = {} if r.level == "nominal" and len(r.values) > 2 else _uses(lab, named, skipped)
    return CriterionAudit(
        lab,
        tuple(headline(people, **how.options)) if len(lab.people) > 1 else (),
        _alpha(people, how),
        int(((people.codes >= 0).sum(axis=1) >= 2).sum()),
        int(counts.sum() - counts.max()),
        uses,
        tuple(_judge(lab, name, how, epsilon, long=long) for name in named),
        panel_audit(lab, how),
        _severities(lab, real, skipped),
        skipped.why,
    )


def _alpha(people: Ratings, how: How) -> Estimate:
    if people.n_raters < 2:
        blank = Estimate(
            "krippendorff_alpha", float("nan"), level=how.level, n_units=people.n_units, n_raters=1
        )
        return undefined(blank, NEEDS_TWO_RATERS, "one person's labels: nothing says how far people agree")
    plain = people.level == "nominal" or len(people.values) <= 2
    return alpha(people, metric="nominal" if plain else None, **how.options)


def _uses(lab: Labelled, judges: Sequence[str], skipped: Skipped) -> dict[str, Use]:
    values = lab.ratings.values
    cells = lab.of_people.numbers
    made = {"people": scale_use(cells[~np.isnan(cells)], values=values.tolist())}
    for name in judges:
        own = lab.ratings.of(name).numbers[:, 0]
        use = skipped.unless(f"use of the scale by {name}", partial(scale_use, own, values=values.tolist()))
        if use is not None:
            made[name] = use
    return made


def _severities(lab: Labelled, real: Sequence[str], skipped: Skipped) -> Severities | None:
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


def _judge(lab: Labelled, judge: str, how: How, epsilon: float, *, long: bool) -> JudgeAudit:
    skipped = Skipped()
    r = lab.ratings
    two = lab.beside(judge, means=long)
    plain = two if not long else lab.beside(judge)
    numbers = r.level != "nominal" or len(r.values) <= 2
    panel = r.of(judge, *lab.people)
    several = len(lab.people) >= 2
    x, y = lab.column(judge), lab.human
    if not several:
        skipped.say("human ceiling", "one person gives no ceiling; have 30 to 50 units labelled twice")
    if len(lab.people) < 3:
        skipped.say("alternative annotator test", f"three people are needed, there are {len(lab.people)}")
    error = signed_error(x / lab.span, y / lab.span, clusters=r.clusters, level=how.level)
    if not numbers:
        error = undefined(error, NOT_IDENTIFIED, "a nominal scale has no direction")
    options = how.options
    ceiling = (
        skipped.unless("human ceiling", lambda: _ceiling(panel, judge, how, long=long)) if several else None
    )
    return JudgeAudit(
        judge,
        lab.criterion,
        main_coefficient(lab, judge, how),
        tuple(headline(two, reference="people", **how.options)),
        tuple(all_coefficients(two, reference="people", **how.options)),
        skipped.unless("coverage", lambda: coverage(_columns(lab, judge), level=how.level)),
        lab.abstained.get(judge, {}),
        None if len(r.values) > LONG else confusion(plain),
        error,
        skipped.unless("corrected level", lambda: corrected_level(lab, judge, how)) if numbers else None,
        _range(lab, judge, how, skipped) if numbers else {},
        skipped.unless("margins", lambda: marginal_homogeneity(plain, level=how.level)) if not long else None,
        skipped.unless("limits of agreement", lambda: bland_altman(two, level=how.level))
        if numbers
        else None,
        associations(lab, judge, how),
        ceiling,
        _aligned(panel, judge, how, ceiling) if several and numbers else None,
        skipped.unless("replacement", lambda: replacement_alpha(panel, judge=judge, **options))
        if several
        else None,
        skipped.unless(
            "alternative annotator test", lambda: alt_test(panel, judge=judge, epsilon=epsilon, **options)
        )
        if len(lab.people) >= 3
        else None,
        orders(lab, judge, how),
        skipped.unless("calibration", lambda: sureness(lab, judge, how)),
        skipped.unless("systems", lambda: systems(lab, judge, how)) if numbers else None,
        skipped.unless("length", lambda: lengths(lab, judge, how)) or (),
        () if long else controls(lab, judge, how),
        slices(lab, lambda part: main_coefficient(part, judge, replace(how, b=min(how.b, 200)))),
        repeats(lab, judge, how, skipped),
        self_preferences(lab, judge, how, skipped) if numbers and not is_control(judge) else (),
        {} if is_control(judge) else by_population(lab, judge, how),
        rates(plain, how),
        skipped.why,
    )


def _columns(lab: Labelled, judge: str) -> Ratings:
    """Judge and people's consensus with the gaps left in."""
    r = lab.ratings
    codes = np.column_stack([r.codes[:, r.raters.index(judge)], lab.consensus])
    return Ratings(codes, r.values, r.level, (judge, "people"), r.labels, None)


def _range(lab: Labelled, judge: str, how: How, skipped: Skipped) -> Mapping[str, Estimate]:
    r = lab.ratings
    mine, people = r.of(judge).numbers[:, 0], lab.consensus
    theirs = np.where(people < 0, np.nan, r.values[np.maximum(people, 0)])
    made = skipped.unless(
        "use of the scale",
        lambda: range_use(
            mine,
            theirs,
            values=r.values.tolist(),
            seed=how.seed,
            clusters=r.clusters,
            b=how.b,
            level=how.level,
        ),
    )
    return made or {}


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
