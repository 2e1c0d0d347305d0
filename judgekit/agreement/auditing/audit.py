"""The audit of judges against people: everything this room can say of them, on one criterion after another.

An audit never raises for what the data are like: a statistic without meaning says so in its status, and
what the data do not allow is named in `skipped`. What is computed stands in `sections`; what a verdict makes
of it is decided in `report`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import Audit, CriterionAudit, How, JudgeAudit, Skipped
from judgekit.agreement.auditing.section import About, Case, Figure, Section, intervals
from judgekit.agreement.auditing.sections import SECTIONS
from judgekit.agreement.auditing.sections.agreement import headline
from judgekit.agreement.auditing.sections.beside import panel_audit
from judgekit.agreement.auditing.sections.scores import of_criterion
from judgekit.agreement.bias.range_use import Use, scale_use
from judgekit.agreement.chance.coefficients import alpha
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.ratings import Ratings
from judgekit.agreement.sampling.ppi import Sampling
from judgekit.errors import InputError, there_are
from judgekit.types import Estimate, is_control

UNWEIGHTED = (
    "the chances with which the sample was drawn are not taken into account here, so it is not computed"
)


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
    sections: Sequence[Section] = (),
    only_deciding: bool = False,
    progress: Callable[[int, int], None] | None = None,
    notes: Sequence[str] = (),
    provenance: Mapping[str, str] | None = None,
) -> Audit:
    """Audit judges against people.

    Args:
        labelled: What both said, one for each criterion, as `of_frame` makes it of a frame; of outcomes and
            labels `jk.agree` makes it and audits it.
        judges: Names of those to audit; all where left out.
        epsilon: The advantage a judge is given in the alternative annotator test.
        error: The error a judge may make where its sure verdicts stand alone.
        sampling: How the labelled units came out of all that was judged; only `random` allows for a level
            corrected by them.
        sections: Sections of one's own, after those that every audit has.
        only_deciding: Compute only what a verdict rests on, for many audits in a row.
        progress: Called at first, and after each judge of each criterion, with how many are done of how many.
        notes: Of the data, to stand in the report, as `provenance`: where they come from.

    Raises `InputError` if a judge named is not there.

    >>> from judgekit.agreement import of_frame
    >>> rows = [["no", "no"], ["yes", "yes"], ["yes", "no"], ["no", "no"]]
    >>> lab = of_frame(rows, scale=["no", "yes"], judges=["gpt"], raters=["gpt", "ann"])
    >>> audit(lab, b=50).criteria[0].judges[0].main.value
    0.5
    """
    all_of_it = [labelled] if isinstance(labelled, Labelled) else list(labelled)
    known = {name for each in all_of_it for name in each.judges}
    if absent := [name for name in judges or () if name not in known]:
        raise InputError(f"no judge {absent[0]!r}; {there_are(absent[0], sorted(known))}")
    how = How(
        level=level,
        seed=seed,
        b=b,
        error=error,
        epsilon=epsilon,
        sampling=sampling,
        only_deciding=only_deciding,
    )
    every = (*(each for each in SECTIONS if each.consulted or not only_deciding), *sections)
    total, done = sum(len(_named(each, judges)) for each in all_of_it), count()

    def judged() -> None:
        if progress is not None:
            progress(next(done), total)

    judged()
    made = tuple(_criterion(each, judges, how, every, judged) for each in all_of_it)
    return Audit(made, how, tuple(notes), dict(provenance or {}), every)


def _named(lab: Labelled, judges: Sequence[str] | None) -> list[str]:
    """The judges to audit, controls among them."""
    return [j for j in lab.judges if judges is None or j in judges or is_control(j)]


def _criterion(
    lab: Labelled,
    judges: Sequence[str] | None,
    how: How,
    sections: Sequence[Section],
    judged: Callable[[], None],
) -> CriterionAudit:
    skipped, whole = Skipped(), not how.only_deciding
    r, people = lab.ratings, lab.of_people
    named = _named(lab, judges)
    codes = lab.consensus
    counts = np.bincount(codes[codes >= 0], minlength=len(r.values))
    among = _alpha(people, how)
    real = [j for j in named if not is_control(j)]
    return CriterionAudit(
        labelled=lab,
        human=tuple(headline(people, **how.options)) if whole and len(lab.people) > 1 else (),
        human_alpha=among,
        reliability=of_mean(among, people),
        double_labelled=int(((people.codes >= 0).sum(axis=1) >= 2).sum()),
        rarest=int(counts.sum() - counts.max()),
        uses={} if not whole or (r.level == "nominal" and len(r.values) > 2) else _uses(lab, named, skipped),
        judges=tuple(_judges(lab, named, how, sections, judged)),
        panel=panel_audit(lab, how, real) if whole else None,
        severities=of_criterion(lab, real, skipped) if whole else None,
        skipped=skipped.why,
    )


def _judges(
    lab: Labelled,
    named: Sequence[str],
    how: How,
    sections: Sequence[Section],
    judged: Callable[[], None],
) -> Iterator[JudgeAudit]:
    for name in named:
        yield _judge(lab, name, how, sections)
        judged()


def _judge(lab: Labelled, judge: str, how: How, sections: Sequence[Section]) -> JudgeAudit:
    case = Case(lab, judge, how, Skipped())
    known: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for section in sections:
        if lab.weights is not None and section.compute is not None and not section.weighted:
            case.skipped.say(section.name, UNWEIGHTED)
        elif section.compute is not None and section in SECTIONS:
            known |= section.compute(case)
        elif section.compute is not None:  # of one's own: the audit goes on without it
            made = case.skipped.unless(section.name, partial(section.compute, case))
            more |= {} if made is None else {section.name: made}
    return JudgeAudit(judge=judge, criterion=lab.criterion, skipped=case.skipped.why, more=more, **known)


def of_mean(alpha_of_one: Estimate, people: Ratings) -> Estimate:
    """Reliability of the mean of as many people as label a unit, from the alpha of one.

    Source: Spearman (1910), Brown (1910); the number of people is its harmonic mean over labelled units.
    """
    counts = (people.codes >= 0).sum(axis=1)
    k = float(len(counts[counts > 0]) / (1 / counts[counts > 0]).sum()) if counts.any() else 1.0

    def of_k(one: float) -> float:
        below = 1 + (k - 1) * one
        return -1.0 if below <= 0 else k * one / below  # nan stays nan

    made = [of_k(each) for each in (alpha_of_one.value, alpha_of_one.low, alpha_of_one.high)]
    return replace(
        alpha_of_one, name="reliability_of_mean", value=made[0], low=made[1], high=made[2], se=float("nan"),
        method=f"alpha of the mean of {k:.3g} people (Spearman and Brown)",
    )  # fmt: skip


def figures(audit: Audit) -> tuple[Figure, ...]:
    """Every figure that the data allow, criterion by criterion, judge by judge, then of all judges."""
    return tuple(figure for k, each in enumerate(audit.criteria, 1) for figure in _of(audit, each, f"c{k}"))


def _of(audit: Audit, criterion: CriterionAudit, prefix: str) -> Iterator[Figure]:
    judges = [judge for judge in criterion.judges if not judge.is_control]
    for j, judge in enumerate(judges, 1):
        for section in audit.sections:
            if section.of_judge is not None:
                about = About(f"{prefix}-j{j}", criterion, section.says, judge)
                yield from _listed(section.of_judge(about, judge))
    for section in audit.sections:
        about = About(prefix, criterion, section.says)
        if section.of_all is not None:
            yield from _listed(section.of_all(about))
        elif section.of_judge is None:
            yield from _listed(_estimates(about, section))


def _estimates(about: About, section: Section) -> Iterator[Figure]:
    """The figure of a section that draws none itself: its estimates, judge by judge."""
    of = {judge.judge: judge.more.get(section.name, {}) for judge in about.judges}
    found = {
        name: [each for each in made.values() if isinstance(each, Estimate)] for name, made in of.items()
    }
    for kind in section.says:
        yield from _listed(intervals(about, kind, found))


def _listed(made: Any) -> Iterator[Figure]:
    """One figure, several, or none."""
    yield from () if made is None else (made,) if isinstance(made, Figure) else made


def _alpha(people: Ratings, how: How) -> Estimate:
    if people.n_raters < 2:
        blank = Estimate(
            "krippendorff_alpha", float("nan"), level=how.level, n_units=people.n_units, n_raters=1
        )
        return undefined(
            blank, Status.NEEDS_TWO_RATERS, "one person's labels: nothing says how far people agree"
        )
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
