"""An audit in plain words: how often a judge is wrong, and against what; what stands in the way of it all."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.report.checks import Gates, at_least
from judgekit.report.draw import shown
from judgekit.report.purposes import Finding
from judgekit.report.steps import no_winner
from judgekit.types import Estimate

CAUSES = {
    "people_agree": "people agree too little with each other to measure a judge by",
    "enough_double": "too few units are labelled by two people to say how far people agree",
    "enough_units": "too few units are labelled",
    "enough_rare": "one label is too rare among people's",
    "chosen": "the labelled units were picked by a rule, and do not stand for all",
}
"""Check that stands in the way of a verdict -> what it comes to."""


def shared_causes(audit: Audit, found: Sequence[Finding]) -> list[str]:
    """Tell what stands in the way of every verdict on several criteria, each cause in one sentence."""
    every = [each.criterion for each in audit.criteria]
    lines = []
    for gate, words in CAUSES.items():
        at = set(every) - {
            each.criterion
            for each in found
            if not any(check.gate == gate and check.decides for check in each.checks)
        }
        if len(at) > 1:
            where = "On all" if len(at) == len(every) else f"On {len(at)} of"
            lines.append(f"{where} {len(every)} criteria {words}.")
    return lines


def doubt(gates: Gates, criterion: CriterionAudit) -> str:
    """Tell what is known against the labels a judge is measured by; nothing where they hold."""
    if criterion.labelled.trusted:
        return ""
    if math.isnan(criterion.reliability.value):
        return "how reliable the labels themselves are is not known"
    met = at_least(gates, "people_agree", criterion.reliability).met
    if met is None:
        return "the labels themselves are not shown to be reliable"
    return "" if met else "the labels themselves are unreliable"


def plainly(judge: JudgeAudit, criterion: CriterionAudit, purpose: str, doubts: str = "") -> str:
    """Tell in plain words how often a judge is wrong, or how far off it is; nothing where that is unknown.

    Where there are doubts about the labels it is not said to be wrong, but to differ from them.
    """
    said = _plainly(judge, criterion, purpose)
    if not doubts or not said:
        return said
    said = said.replace("Wrong on", "Differs from these labels on", 1)
    return f"{re.sub(' too (high|low)', _than_these, said)}; {doubts}"


def _than_these(way: re.Match[str]) -> str:
    return " above these labels" if way[1] == "high" else " below these labels"


def _plainly(judge: JudgeAudit, criterion: CriterionAudit, purpose: str) -> str:
    lab, error, systems = criterion.labelled, judge.signed_error, judge.systems
    if purpose == "rank":
        if systems is None or math.isnan(systems.pair_accuracy.value):
            return ""
        share = f"{systems.pair_accuracy.value:.0%} of {systems.n_pairs}"
        return f"{share} pairs of systems in {_whose(criterion)} order"
    if purpose == "level":
        return _off(error, judge.by_system if lab.pairs else {}) if not lab.pairs or judge.by_system else ""
    if lab.continuous:
        off = np.abs(lab.column(judge.judge) - lab.human)
        if np.isnan(off).all():
            return ""
        ends = f"{lab.ratings.labels[0]} to {lab.ratings.labels[-1]}"
        return f"Typically off by {shown(float(np.nanmedian(off)))} (scale {ends}): half are off by more"
    wrong, compared = judge.errors
    if not compared:
        return ""
    undecided, _ = no_winner(judge, lab)
    wrong -= undecided
    said = f"Wrong on {of_hundred(wrong, compared)}" + f" ({wrong} of {compared})" * (compared != 100)
    if undecided:
        return f"{said}, no winner named on {of_hundred(undecided, compared)} more"
    if lab.pairs or lab.ratings.level == "nominal" or judge.table is None or len(judge.table) < 3:
        return said
    far = int(sum(judge.table[i, j] for i, j in np.ndindex(judge.table.shape) if abs(i - j) > 1))
    return f"{said}, on {of_hundred(far, int(judge.table.sum()))} by more than one step"


def briefly(judge: JudgeAudit, criterion: CriterionAudit) -> str:
    """Tell how often a judge is wrong as a cell of a table says it."""
    said = plainly(judge, criterion, "gate").removeprefix("Wrong on ")
    return re.sub(r" \([^()]*\)", "", said).partition(":")[0] or "-"


def _off(error: Estimate, by_system: Mapping[str, Estimate]) -> str:
    """Tell how far off a judge's level is; of pairs, for the system on which it is farthest off."""
    errors = {name: each for name, each in by_system.items() if not math.isnan(each.value)}
    name = max(errors, key=lambda each: abs(errors[each].value), default="")
    off = errors[name].value if name else error.value
    if math.isnan(off):
        return ""
    way = "high" if off > 0 else "low"
    if name:
        return f"Win rate of {name} {100 * abs(off):.1f} points too {way}; of other systems less"
    return f"On average {abs(off):.1%} of the scale too {way}"


def _whose(criterion: CriterionAudit) -> str:
    return "the labels'" if criterion.labelled.trusted else "people's"


def of_hundred(part: int, whole: int) -> str:
    """Return a share as a count of 100, which is 0 or 100 only where the share is."""
    share = 100 * part / whole
    if 0 < share < 1 or 99 < share < 100:
        return f"{'less than 1' if share < 1 else 'more than 99'} of 100"
    return f"{share:.0f} of 100"
