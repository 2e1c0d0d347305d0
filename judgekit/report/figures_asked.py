"""Figures about what is not agreement on single units: repeats, the judge's own family, populations."""

from collections.abc import Iterable, Iterator, Mapping

from judgekit.agreement.auditing.records import JudgeAudit
from judgekit.report.checks import told
from judgekit.report.figure import About, Figure, ends
from judgekit.report.words import called
from judgekit.types import Estimate

COLUMNS = ("group", "statistic", "value", "low", "high", "n", "interval", "status")
NOISE = ("sem", "smallest_detectable_change")
"""In shares of the scale, so that they are told and not drawn among rates."""


def figures_asked(about: About) -> Iterator[Figure]:
    """Those that the data allow, the judges of a criterion beside each other."""
    judges = [judge for judge in about.criterion.judges if not judge.is_control]
    for make in (_repeats, _family, _populations):
        figure = make(about, judges)
        if figure is not None:
            yield figure


def _repeats(about: About, judges: Iterable[JudgeAudit]) -> Figure | None:
    """Does it say the same when it is asked again?"""
    rates = {
        each.judge: [e for name, e in each.repeats.items() if name not in (*NOISE, "repeat_agreement")]
        for each in judges
    }
    told_of = [
        f"noise of a single score of {each.judge} (SEM): {told(each.repeats['sem'])} of the scale; smallest "
        f"difference that is more than noise: {told(each.repeats['smallest_detectable_change'])}"
        for each in judges
        if "sem" in each.repeats
    ]
    return _listed(about, "repeats", rates, told_of)


def _family(about: About, judges: Iterable[JudgeAudit]) -> Figure | None:
    """Does it favour what its own family wrote?"""
    return _listed(about, "family", {each.judge: each.self_preference for each in judges})


def _populations(about: About, judges: Iterable[JudgeAudit]) -> Figure | None:
    """With whom does it agree, and do they agree with each other?"""
    return _listed(about, "populations", {each.judge: each.populations.values() for each in judges})


def _listed(
    about: About, kind: str, of: Mapping[str, Iterable[Estimate]], notes: Iterable[str] = ()
) -> Figure | None:
    """A figure of one interval a line, in a group for each judge; None if there are no lines."""
    found = [(judge, each) for judge, estimates in of.items() for each in estimates]
    if not found:
        return None
    rows = [(j, called(e.name), *ends(e), e.n_used, e.interval, e.status) for j, e in found]
    seeds = sorted({e.seed for _, e in found if e.seed is not None})
    drawn = f"; seed {', '.join(map(str, seeds))}" if seeds else ""
    interval = f"{found[0][1].level:.0%} intervals; how each is made stands in the table{drawn}"
    noted: dict[str, list[str]] = {}
    for judge, each in found:
        for note in each.notes:
            noted.setdefault(note, []).append(f"{called(each.name)} of {judge}")
    more = [note if len(of) == len(found) else f"{note} ({', '.join(of)})" for note, of in noted.items()]
    n = max(e.n_used for _, e in found)
    return about.figure(kind, COLUMNS, rows, n, interval=interval, notes=[*notes, *more])
