"""Checks: one number of an audit beside one threshold, and whether it is met, not met, or not shown.

Thresholds and their sources come from `thresholds.toml`, or from a file of the caller's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.records import LONG, CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.wording import told
from judgekit.agreement.people.ceiling import Ceiling, against_margin
from judgekit.errors import InputError, there_are
from judgekit.rubric.files import parse_text, read_text
from judgekit.types import Estimate

DEFAULTS = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True, slots=True)
class Gate:
    """One threshold, to be reached, or for harms not to be passed."""

    name: str
    value: float
    what: str
    source: str
    judgement: bool  # whether it is a default of this project rather than from the literature

    @property
    def cited(self) -> str:
        """The source of the number, marked where it is ours."""
        return f"{self.source} (project default)" if self.judgement else self.source


def read_thresholds(path: str | Path | None = None) -> dict[str, Gate]:
    """Return the thresholds, some or all of them replaced by a file's (`name = number`, or tables).

    >>> read_thresholds()["agreement_gate"].value
    0.6
    """
    gates = {name: _gate(name, raw, DEFAULTS) for name, raw in _load(DEFAULTS).items()}
    if path is None:
        return gates
    own = Path(path)
    for name, raw in _load(own).items():
        if name not in gates:
            raise InputError(f"{own}: no threshold {name!r}; {there_are(name, gates)}")
        old = gates[name]
        given = raw if isinstance(raw, dict) else {"value": raw}
        whole = {"what": old.what, "source": f"set in {own.name}", "judgement": True, **given}
        gates[name] = _gate(name, whole, own)
    return gates


def _load(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parse_text(read_text(path), ".toml", f"{path}: not a file of thresholds")
    return found


def _gate(name: str, raw: Mapping[str, Any], path: Path) -> Gate:
    value = raw.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InputError(f"{path}: {name}: value is {value!r}; a number from 0 up is needed")
    if more := sorted(set(raw) - {"value", "what", "source", "judgement"}):
        raise InputError(f"{path}: {name}: {more[0]!r} is unknown; there are value, what, source, judgement")
    return Gate(name, float(value), str(raw["what"]), str(raw["source"]), bool(raw.get("judgement", False)))


Gates = Mapping[str, Gate]


@dataclass(frozen=True, slots=True)
class Check:
    """One number beside a threshold; whether it is met is None where the data do not show it."""

    gate: str
    what: str
    wanted: str
    found: str
    met: bool | None
    source: str


def check(gates: Gates, name: str, wanted: str, found: str, met: bool | None) -> Check:
    """Return a check of a threshold."""
    gate = gates[name]
    return Check(
        gate=name, what=gate.what, wanted=wanted.format(f"{gate.value:g}"), found=found, met=met,
        source=gate.cited,
    )  # fmt: skip


def at_least(gates: Gates, name: str, estimate: Estimate | None) -> Check:
    """Check whether the lower end reaches a threshold; not shown where only the upper end does."""
    bound = gates[name].value
    if estimate is None or math.isnan(estimate.low):
        return check(gates, name, "lower end at least {}", told(estimate), None)
    reached = estimate.low >= bound - 1e-9  # a share of .8 may be .7999...
    met = True if reached else None if estimate.high >= bound else False
    return check(gates, name, "lower end at least {}", told(estimate), met)


def within(gates: Gates, name: str, estimate: Estimate | None) -> Check:
    """Check whether an interval lies within a threshold on both sides; not met where all is outside."""
    bound = gates[name].value
    text = f"between -{bound:g} and {bound:g}"
    if estimate is None or math.isnan(estimate.low):
        return check(gates, name, text, told(estimate), None)
    inside = -bound <= estimate.low and estimate.high <= bound
    outside = estimate.low > bound or estimate.high < -bound
    return check(gates, name, text, told(estimate), True if inside else False if outside else None)


def count(gates: Gates, name: str, n: int) -> Check:
    """Check whether there are enough of something."""
    return check(gates, name, "at least {}", str(n), n >= gates[name].value)


def enough(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> list[Check]:
    """Check whether there is enough to say anything at all."""
    lab = criterion.labelled
    found = [count(gates, "enough_units", judge.main.n_used)]
    if len(lab.ratings.values) <= LONG:
        found.append(count(gates, "enough_rare", criterion.rarest))
    if lab.trusted:
        trusted = "the labels were declared to be the truth"
        found.append(check(gates, "enough_double", "at least {}", trusted, met=True))
        return found
    found.append(count(gates, "enough_double", criterion.double_labelled))
    alpha = criterion.human_alpha
    if not math.isnan(alpha.value):
        met = alpha.value >= gates["people_agree"].value
        found.append(check(gates, "people_agree", "value at least {}", told(alpha), met))
    return found


def near_ceiling(gates: Gates, ceiling: Ceiling | None) -> Check | None:
    """Check whether the judge is not worse than people by a margin; None without two people."""
    if ceiling is None or math.isnan(ceiling.difference.value):
        return None
    finding = against_margin(ceiling.difference, margin=max(gates["ceiling_margin"].value, 1e-9)).finding
    met = {"equivalent": True, "non_inferior": True, "worse": False}.get(finding)
    found = (
        f"judge {ceiling.judge.value:.3f}, people {ceiling.human.value:.3f}, difference "
        f"{told(ceiling.difference)}: {finding.replace('_', ' ')}"
    )
    return check(gates, "ceiling_margin", "difference above -{}", found, met)


def alt_check(judge: JudgeAudit) -> list[Check]:
    """Tell of the alternative annotator test, which decides nothing: it depends on n as on the judge."""
    test = judge.alt_test
    if test is None or test.passes is None:
        return []
    wins, n = sum(each.won for each in test.annotators), len(test.annotators)
    found = (
        f"wins over {wins} of {n}; at least as good on {told(test.advantage)} of items; an equal judge would "
        f"pass with probability {test.power:.2f}"
    )
    wanted = f"wins over half of the people, epsilon {test.epsilon:g}"
    source = "Calderon, Reichart and Dror (2025); told beside the verdict, it does not decide it"
    return [Check(
        gate="alt_test", what="alternative annotator test", wanted=wanted, found=found, met=test.passes,
        source=source,
    )]  # fmt: skip


def length_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check what the judge pays for length, where lengths are known."""
    return [within(gates, "length", each) for each in judge.lengths if each.name == "length_per_doubling"]


def order_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check consistency over orders, and the lean to a place."""
    if not judge.orders:
        return []
    consistency, fairness = judge.orders["position_consistency"], judge.orders["preference_fairness"]
    return [at_least(gates, "position", consistency), within(gates, "position_lean", fairness)]


def beaten_by(judge: JudgeAudit) -> str:
    """Return the name of a control that the judge is worse than, or does not differ from; or nothing."""
    for each in judge.controls:
        d = each.difference
        if each.constant:
            continue
        if not math.isnan(d.high) and d.high <= 0:
            return each.name
    return ""


def says_nothing(judge: JudgeAudit) -> bool:
    """Tell whether the judge gives one label whatever it sees."""
    return judge.main.status == "ok_degenerate" or (
        math.isnan(judge.main.value) and judge.main.status == "undefined:no_variation"
    )
