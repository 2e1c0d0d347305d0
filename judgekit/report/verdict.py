"""The one-page verdict: may this judge be trusted, on this criterion, for this purpose?

Three purposes, since a judge may be good for one and bad for another: to rank systems, to estimate a level
(a mean or a pass rate), to decide on single items. The verdict goes by bounds, says which numbers decided,
and what would change it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.report.advice import more_units
from judgekit.report.checks import Check, Gates, beaten_by, enough, says_nothing
from judgekit.types import Estimate

Purpose = Literal["rank", "level", "gate"]
Verdict = Literal[
    "TRUST", "TRUST WITH CORRECTION", "HUMAN IN THE LOOP", "INSUFFICIENT EVIDENCE", "DO NOT USE"
]
PURPOSES: dict[Purpose, str] = {
    "rank": "rank systems",
    "level": "estimate a level",
    "gate": "decide on single items",
}
VERDICTS: tuple[Verdict, ...] = (
    "TRUST", "TRUST WITH CORRECTION", "HUMAN IN THE LOOP", "INSUFFICIENT EVIDENCE", "DO NOT USE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict for one purpose.

    Args:
        judge: Whom it is about.
        criterion: On which criterion.
        purpose: `rank`, `level` or `gate`.
        verdict: One of five.
        why: The sentence that a reader should remember.
        checks: The numbers that decided.
        change: What would change it.
        correction: What to do when using the judge; empty if nothing.
    """

    judge: str
    criterion: str
    purpose: Purpose
    verdict: Verdict
    why: str
    checks: tuple[Check, ...]
    change: tuple[str, ...] = ()
    correction: tuple[str, ...] = ()

    def but(
        self, verdict: Verdict, why: str, change: Sequence[str] = (), do: Sequence[str] = ()
    ) -> "Finding":
        """The same checks with a verdict."""
        return replace(self, verdict=verdict, why=why, change=tuple(change), correction=tuple(do))


def findings(audit: Audit, gates: Gates) -> tuple[Finding, ...]:
    """A verdict for each criterion, judge (controls left out) and purpose.

    Args:
        audit: Of judges against people.
        gates: Thresholds, as from `read_thresholds`.
    """
    from judgekit.report.purposes import to_gate, to_level, to_rank

    return tuple(
        decide(gates, criterion, judge)
        for criterion in audit.criteria
        for judge in criterion.judges
        if not judge.is_control
        for decide in (to_rank, to_level, to_gate)
    )


def started(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, purpose: Purpose, more: Sequence[Check] = ()
) -> tuple[Finding, bool]:
    """A finding with the checks that come first for every purpose, and whether they have decided it."""
    checks = (*enough(gates, criterion, judge), *more)
    draft = Finding(judge.judge, criterion.criterion, purpose, "INSUFFICIENT EVIDENCE", "", checks)
    missing = [each for each in checks if each.met is False]
    unstable = judge.main.status if judge.main.status.startswith("unstable") else ""
    change = more_units(gates, criterion, judge, missing)
    if any(each.gate == "people_agree" for each in missing) and missing[0].gate != "enough_units":
        [alpha] = [each for each in missing if each.gate == "people_agree"]
        why = (
            f"people agree too little with each other ({alpha.found}; {alpha.wanted} is needed), so there is "
            "nothing firm to measure a judge by"
        )
        return draft.but("INSUFFICIENT EVIDENCE", why, change), True
    if missing:
        short = "; ".join(f"{c.found} {c.what}, {c.wanted} are needed" for c in missing)
        return draft.but("INSUFFICIENT EVIDENCE", short, change), True
    if unstable:
        why = f"no interval holds here ({unstable.removeprefix('unstable:').replace('_', ' ')})"
        return draft.but("INSUFFICIENT EVIDENCE", why, change), True
    if says_nothing(judge):
        return draft.but("DO NOT USE", "it gives one label whatever it sees"), True
    if control := beaten_by(judge):
        return draft.but("DO NOT USE", f"it does no better than {control}, which costs nothing"), True
    return draft, False


def association(judge: JudgeAudit) -> Estimate:
    """How the judge's scores go with people's, whatever its severity; its agreement on a nominal scale."""
    return judge.associations.get("pearson", judge.main)
