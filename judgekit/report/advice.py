"""What would change a verdict: how many more labels, of what kind; and how to correct a level."""

import math
from collections.abc import Sequence

from judgekit.agreement.auditing.records import CriterionAudit, JudgeAudit
from judgekit.agreement.core.weights import Kind
from judgekit.agreement.sampling.planning import attenuation, labels_for_kappa_bound, labels_for_ppi
from judgekit.errors import InputError
from judgekit.report.checks import Check, Gates


def more_units(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, missing: Sequence[Check]
) -> list[str]:
    """What is missing before anything can be said."""
    names, advice = {each.gate for each in missing}, []
    n, least = judge.main.n_used, int(gates["enough_units"].value)
    if "enough_units" in names:
        advice.append(f"label {least - n} more units")
    if "enough_rare" in names:
        rare, wanted = criterion.rarest, int(gates["enough_rare"].value)
        rate = rare / max(n, 1)
        more = f"about {math.ceil(wanted / rate) - n} more units" if rate > 0 else "units"
        advice.append(
            f"label {more} for {wanted} of the rarer label, or pick them by known chances and say so"
        )
    if "enough_double" in names:
        short = int(gates["enough_double"].value) - criterion.double_labelled
        advice.append(
            f"have {short} more units labelled by a second person; or, where the labels are a settled gold, "
            "declare them trusted"
        )
    if "enough_systems" in names:
        advice.append("name the systems that wrote the responses (column system), three or more")
    if "people_agree" in names:
        advice.append("sharpen the criterion, try it on 30 units with two people, and measure again")
    if not names:
        advice.append("label more clusters: 20 at least")
    return advice


def more_labels(gates: Gates, judge: JudgeAudit) -> list[str]:
    """How many labels would lift the lower end over the next threshold, at what was found."""
    value, n = judge.main.value, judge.main.n_used
    if judge.table is None or not judge.main.name.startswith("cohen_kappa"):
        return ["more labelled units would narrow the interval"]
    weights: Kind = "quadratic" if judge.main.name.endswith("quadratic") else "identity"
    for name in ("agreement_gate", "agreement_use"):
        bound = gates[name].value
        if not judge.main.low < bound < value:
            continue
        try:
            wanted = labels_for_kappa_bound(judge.table, bound=bound, weights=weights)
        except InputError:
            continue
        if wanted > n:
            more = f"{wanted} labelled units ({wanted - n} more)"
            lift = f"would lift the lower end over {bound:g} four times out of five"
            return [f"if {value:.2f} is what it is worth, {more} {lift}"]
    top = gates["agreement_gate"].value
    if value <= top:
        open_ = "" if judge.main.high < top else f" (the interval still reaches {judge.main.high:.2f})"
        never = f"at {value:.2f} no number of labels lifts the lower end over {top:g}{open_}"
        return [f"{never}; a better judge would"]
    return ["more labelled units would narrow the interval"]


def correction_of_level(judge: JudgeAudit) -> list[str]:
    """How to use the judge for a level without believing its mean."""
    link, error = judge.associations.get("pearson"), judge.signed_error
    random = "label a random sample of what it judged and correct with it (PPI++)"
    advice = [f"{random}; do not report its raw mean"]
    if link is not None and not math.isnan(link.value):
        need = labels_for_ppi(100, correlation=max(min(link.value, 0.999), 0.0))
        advice.append(f"where many are judged, {need} labels with the judge do the work of 100 without it")
    if not math.isnan(error.value):
        ends = f"[{error.low:+.3f}, {error.high:+.3f}]"
        advice.append(f"raw, it is off by {error.value:+.3f} of the scale {ends}")
    return [*advice, *_attenuated(judge)]


def _attenuated(judge: JudgeAudit) -> list[str]:
    se, sp = (judge.rates.get(name) for name in ("sensitivity", "specificity"))
    if se is None or sp is None or not 0 < se.value + sp.value - 1 <= 1:
        return []
    return [attenuation(se.value, sp.value).sentence]


def corrections(judge: JudgeAudit, bias: Check, others: Sequence[Check], *, pairs: bool) -> list[str]:
    """What to do about the biases that were shown, where single items are decided on."""
    found = []
    if bias.met is False and pairs:
        side = "first" if judge.signed_error.value > 0 else "second"
        found.append(
            f"it prefers the {side} response of a pair more than people do: balance what comes first"
        )
    elif bias.met is False:
        way = "lenient" if judge.signed_error.value > 0 else "severe"
        by = f"{abs(judge.signed_error.value):.3f} of the scale"
        found.append(f"it is {way} by {by}: move the threshold by as much, or map its labels to people's")
    if any(each.gate.startswith("position") and each.met is not True for each in others):
        found.append("ask in both orders and average, always: one order alone leans to a place")
    if any(each.gate == "length" and each.met is False for each in others):
        found.append("it pays for length: compare responses of like length, or hold length fixed")
    return found


def routing(judge: JudgeAudit) -> list[str]:
    """Which verdicts people should see."""
    if judge.sureness is None or judge.sureness.selection.status != "ok":
        return ["let people see every verdict that matters; let the judge sort and pre-fill"]
    s = judge.sureness.selection
    held = f"{s.coverage:.0%} of those with one; at most {s.alpha:.0%} wrong, {1 - s.delta:.0%} sure"
    return [f"let verdicts of probability {s.threshold:.2f} and more stand ({held}), send the rest to people"]
