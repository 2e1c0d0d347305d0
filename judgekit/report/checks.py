"""Checks: one number of an audit beside one threshold, and whether it is met, not met, or not established.

Thresholds and their sources come from `thresholds.toml`, or from a file of the caller's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.deciding import BETTER_SYSTEM
from judgekit.agreement.auditing.records import Beside, CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.wording import called, told, whom
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
Role = Literal["asked", "harm", "beside"]


@dataclass(frozen=True, slots=True)
class Check:
    """One number beside a threshold; whether it is met is None where the data do not show it.

    Its role says what it is for: what is `asked` has to be shown, a `harm` counts only where it is shown, and
    what stands `beside` decides nothing. `decides` marks those that the verdict goes by.
    """

    gate: str
    what: str
    wanted: str
    found: str
    met: bool | None
    source: str
    role: Role = "asked"
    decides: bool = False

    @property
    def says(self) -> str:
        """Whether it is met, in words."""
        if self.role == "harm":
            return {True: "no harm", False: "harm shown", None: "no harm shown"}[self.met]
        words = {True: "yes", False: "no", None: "not established"}[self.met]
        return words if self.role == "asked" else f"{words}; decides nothing"


def check(gates: Gates, name: str, wanted: str, found: str, met: bool | None) -> Check:
    """Return a check of a threshold."""
    gate = gates[name]
    return Check(
        gate=name, what=gate.what, wanted=wanted.format(f"{gate.value:g}"), found=found, met=met,
        source=gate.cited,
    )  # fmt: skip


def at_least(gates: Gates, name: str, estimate: Estimate | None) -> Check:
    """Check whether the lower end reaches a threshold; open where only the upper end does."""
    bound = gates[name].value
    if estimate is None or math.isnan(estimate.low):
        return check(gates, name, "lower end at least {}", told(estimate), None)
    reached = estimate.low >= bound - 1e-9  # a share of .8 may be .7999...
    met = True if reached else None if estimate.high >= bound else False
    return check(gates, name, "lower end at least {}", told(estimate), met)


def of_number(gates: Gates, name: str, number: Estimate, lab: Labelled) -> Check:
    """Check the number that a purpose goes by, under its own name."""
    what = {"agreement_gate": "to decide on single items", "agreement_use": "to be of use at all"}[name]
    return replace(at_least(gates, name, number), what=f"{named(number, lab)}, {what}")


def harm(made: Check) -> Check:
    """Return a check that counts only where it shows a harm."""
    return replace(made, role="harm")


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
        trusted = check(gates, "enough_double", "declared to be the truth", "declared so", met=True)
        return [*found, replace(trusted, what="trusted labels")]
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
    measure = ceiling.judge.name.removeprefix("judge_").replace("_", " ")
    whose = next((words for how, words in OTHERS.items() if how in ceiling.judge.method), "the other people")
    found = (
        f"{measure} with {whose}, {ceiling.judge.n_used} units: judge {ceiling.judge.value:.3f}, people "
        f"{ceiling.human.value:.3f}, difference {told(ceiling.difference)}"
    )
    return check(gates, "ceiling_margin", "difference above -{}", found, met)


OTHERS = {
    "pairs of": "one person at a time",
    "mean of": "the mean of the other people",
    "majority of": "what most of the other people say",
}
"""How people left out are compared with the rest -> the rest in words."""


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
        source=source, role="beside",
    )]  # fmt: skip


LENGTHS = {"length_per_doubling", "longer_preferred"}
OWN = {"self_preference", "own_preferred"}


def length_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check what the judge pays for length beyond people, where lengths are known."""
    return [harm(within(gates, "length", each)) for each in judge.lengths if each.name in LENGTHS]


def own_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check what the judge gives its own family beyond people, where families are known."""
    found = [each for each in judge.self_preference if each.name in OWN]
    return [harm(within(gates, "self_preference", each)) for each in found]


def cover_check(gates: Gates, judge: JudgeAudit) -> Check:
    """Check whether the judge gives a verdict often enough."""
    return harm(at_least(gates, "coverage", judge.coverage.coverage if judge.coverage else None))


def order_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check consistency over orders, and the lean to a place, where both orders were asked."""
    if not judge.orders:
        return []
    consistency, fairness = judge.orders["position_consistency"], judge.orders["preference_fairness"]
    return [at_least(gates, "position", consistency), harm(within(gates, "position_lean", fairness))]


def system_checks(gates: Gates, errors: Mapping[str, Estimate]) -> dict[str, Check]:
    """Check the mean error on each system (of labels without order: of each label's share), largest first.

    It is off where it is found beyond the threshold and its interval leaves out 0.
    """
    found = {}
    for name, each in sorted(errors.items(), key=lambda item: -abs(item[1].value)):
        made = replace(harm(within(gates, "system_error", each)), what=f"mean signed {each.name}")
        off = abs(each.value) > gates["system_error"].value and (each.low > 0 or each.high < 0)
        wanted = f"{made.wanted}, or an interval that holds 0"
        found[name] = replace(made, wanted=wanted, met=False if off else made.met)
    return found


def slice_checks(gates: Gates, judge: JudgeAudit) -> list[Check]:
    """Check agreement in parts of the data; only those shown to be of no use are told."""
    found = []
    for column, parts in judge.slices.items():
        for each in parts:
            made = at_least(gates, "agreement_use", each.estimate)
            if made.met is False and each.estimate.status in {"ok", Status.FEW_CLUSTERS}:
                found.append(harm(replace(made, what=f"agreement where {column} is {each.name}")))
    return found


def beaten_by(gates: Gates, judge: JudgeAudit) -> Beside | None:
    """Return a rule that costs nothing and that the judge is not shown to beat."""
    for each in judge.controls:
        margin = gates["control_margin"].value if each.name == BETTER_SYSTEM else 0.0
        best = each.difference.value if math.isnan(each.difference.high) else each.difference.high
        if not each.constant and best <= margin:
            return each
    return None


def association(judge: JudgeAudit) -> Estimate:
    """Return how the judge's scores go with people's; its agreement, on labels without an order."""
    return judge.associations.get("pearson", judge.main)


def named(number: Estimate, lab: Labelled) -> str:
    """Return what a number that decides is: a correlation, or an agreement by the coefficient named."""
    with_whom = f"with {whom(trusted=lab.trusted)}"
    if number.name == "pearson":
        return f"correlation {with_whom}"
    return f"agreement {with_whom} ({called(number.name)})"


def said_of(number: Estimate, lab: Labelled) -> str:
    """Return a number that decides with its interval, and what it is."""
    name, bracket, coefficient = named(number, lab).partition(" (")
    return f"{name} {told(number)}{bracket}{coefficient}"


def is_below(gates: Gates, criterion: CriterionAudit, estimate: Estimate) -> bool:
    """Tell whether an agreement is shown to be of no use; to be none, where its interval is unsteady.

    No judge agrees with labels more than the root of their reliability, so that what has to be reached
    falls with it (Spearman 1904): labels that say little cannot show that a judge is bad.
    """
    return estimate.high < bound_of_use(gates, criterion, estimate)


def bound_of_use(gates: Gates, criterion: CriterionAudit, estimate: Estimate) -> float:
    """Return what the upper end of an agreement has to reach, or the judge is shown to be of no use.

    It falls by the reliability of the labels where that is shown to be enough, else by its lower end.
    """
    most = 0.0 if estimate.status.startswith("unstable") else gates["agreement_use"].value
    reliability = criterion.reliability
    if not criterion.labelled.trusted and not math.isnan(reliability.low):
        shown = at_least(gates, "people_agree", reliability).met is True
        most *= math.sqrt(max(reliability.value if shown else reliability.low, 0.0))
    return most


def is_least(gates: Gates, name: str, estimate: Estimate) -> bool:
    """Tell whether the lower end of an interval that holds reaches a threshold."""
    return estimate.low >= gates[name].value - 1e-9 and not estimate.status.startswith("unstable")
