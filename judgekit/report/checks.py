"""Checks: one number of an audit beside one threshold, and whether it is met, not met, or not shown.

Thresholds and their sources come from `thresholds.toml`, or from a file of the caller's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.deciding import BETTER_SYSTEM
from judgekit.agreement.auditing.records import CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.wording import told
from judgekit.agreement.core.estimate import Status
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


def count(gates: Gates, name: str, n: int, *, least: int | None = None) -> Check:
    """Check whether there are enough of something; `least` stands in for the threshold."""
    wanted = gates[name].value if least is None else least
    return check(gates, name, f"at least {wanted:g}", str(n), n >= wanted)


def enough(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> list[Check]:
    """Check whether there is enough to trust anything."""
    lab = criterion.labelled
    found = [count(gates, "enough_units", judge.main.n_used)]
    if not lab.continuous:
        found.append(count(gates, "enough_rare", criterion.rarest))
    if lab.trusted:
        trusted = "the labels were declared to be the truth"
        found.append(check(gates, "enough_double", "at least {}", trusted, met=True))
        return found
    found.append(count(gates, "enough_double", criterion.double_labelled))
    if not math.isnan(criterion.reliability.value):
        found.append(at_least(gates, "people_agree", criterion.reliability))
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


LENGTHS = {"length_per_doubling", "longer_preferred"}
OWN = {"self_preference", "own_preferred"}


def length_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check what the judge pays for length beyond people, where lengths are known."""
    return [within(gates, "length", each) for each in judge.lengths if each.name in LENGTHS]


def own_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check what the judge gives its own family beyond people, where families are known."""
    return [within(gates, "self_preference", each) for each in judge.self_preference if each.name in OWN]


def order_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check consistency over orders, and the lean to a place, where both orders were asked."""
    if not judge.orders:
        return []
    consistency, fairness = judge.orders["position_consistency"], judge.orders["preference_fairness"]
    return [at_least(gates, "position", consistency), within(gates, "position_lean", fairness)]


def system_checks(gates: Gates, errors: Mapping[str, Estimate]) -> dict[str, Check]:
    """Check the mean error on each system (of labels without order: of each label's share), largest first.

    It is off where it is found beyond the threshold and its interval leaves out 0.
    """
    found = {}
    for name, each in sorted(errors.items(), key=lambda item: -abs(item[1].value)):
        made = within(gates, "system_error", each)
        off = abs(each.value) > gates["system_error"].value and (each.low > 0 or each.high < 0)
        found[name] = replace(made, met=False) if off else made
    return found


def slice_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check agreement in parts of the data; only those shown to be of no use are told."""
    found = []
    for column, parts in judge.slices.items():
        for each in parts:
            made = at_least(gates, "agreement_use", each.estimate)
            if made.met is False and each.estimate.status in {"ok", Status.FEW_CLUSTERS}:
                found.append(replace(made, what=f"agreement where {column} is {each.name}"))
    return found


def beaten_by(gates: Gates, judge: JudgeAudit) -> str:
    """Return the name of a rule that costs nothing and that the judge is not shown to beat; or nothing."""
    for each in judge.controls:
        margin = gates["control_margin"].value if each.name == BETTER_SYSTEM else 0.0
        best = each.difference.value if math.isnan(each.difference.high) else each.difference.high
        if not each.constant and best <= margin:
            return each.name
    return ""


def association(judge: JudgeAudit) -> Estimate:
    """Return how the judge's scores go with people's; its agreement, on labels without an order."""
    return judge.associations.get("pearson", judge.main)


def called(number: Estimate) -> str:
    """Return the common name of a number that decides."""
    return "correlation" if number.name == "pearson" else "agreement"


def is_below(gates: Gates, criterion: CriterionAudit, estimate: Estimate) -> bool:
    """Tell whether an agreement is shown to be of no use; to be none, where its interval is unsteady.

    No judge agrees with labels more than the root of their reliability, so that what has to be reached
    falls with it (Spearman 1904): labels that say little cannot show that a judge is bad.
    """
    most = 0.0 if estimate.status.startswith("unstable") else gates["agreement_use"].value
    if not criterion.labelled.trusted and not math.isnan(criterion.reliability.low):
        most *= math.sqrt(max(criterion.reliability.low, 0.0))
    return estimate.high < most


def is_least(gates: Gates, name: str, estimate: Estimate) -> bool:
    """Tell whether the lower end of an interval that holds reaches a threshold."""
    return estimate.low >= gates[name].value - 1e-9 and not estimate.status.startswith("unstable")
