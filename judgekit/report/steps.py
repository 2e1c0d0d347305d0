"""What to do next, in words: with a judge that may be trusted, with one that may not, and to know more.

Advice is given only where it can help: no number of labels lifts an interval over a bound that lies above
what was found. On one criterion the steps have one order: first labels that people agree on, then the judge.
"""

import math
from collections.abc import Sequence

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.wording import told
from judgekit.agreement.core.estimate import Status
from judgekit.agreement.core.weights import Kind
from judgekit.agreement.sampling.planning import attenuation, labels_for_kappa_bound, labels_for_ppi
from judgekit.errors import InputError
from judgekit.report.checks import Check, Gates, association
from judgekit.types import Estimate

BY_CHANCE = "label a sample that chance draws: judgekit review export, without a rule or with half by chance"
SHARPEN = "sharpen the criterion, try it on 30 units with two people, and measure again"
ANOTHER = "take another judge, or rewrite the criterion, and audit it on these same labels"
FIRST_SHARPEN = (
    f"first {SHARPEN}; then take another judge, since even by labels as unreliable as these this one is far "
    "from people"
)
RANK_BY = "compare systems by paired differences, corrected on labelled items, not by raw means"
PPI = "by what it is off on them (prediction-powered inference, PPI++)"


def replaced(labels_hold: bool) -> str:
    """Return what to do with a judge that is no good: labels come first where people do not agree on them."""
    return ANOTHER if labels_hold else FIRST_SHARPEN


def kept(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, purpose: str) -> list[str]:
    """Return what to do with a judge that is trusted: how to use it, and how to see that it stays so."""
    lab, n = criterion.labelled, int(gates["enough_units"].value)
    if purpose == "rank":
        use = "rank systems like these by its scores, and show the intervals"
    elif purpose == "level":
        share = "the win rates" if lab.pairs else "the shares of labels" if kinds(lab) else "the mean"
        use = f"report {share} that it gives, on units like these"
    else:
        stand = "on which of two responses is better stand, on pairs" if lab.pairs else "stand, on units"
        use = f"let its verdicts {stand} like these"
    lines = [
        use,
        f"each month have people label {n} units of what it judges, drawn by chance, and audit again",
    ]
    return [*lines, *left_over(judge, lab)] if purpose == "gate" else lines


def left_over(judge: JudgeAudit, lab: Labelled) -> list[str]:
    """Return what to do with pairs without a winner, and with answers without a verdict."""
    undecided, compared = no_winner(judge, lab)
    lines = []
    if undecided:
        share = f"{undecided} of {compared}"
        lines.append(f"where it names no winner ({share} here), let people decide, or count it as an error")
    if judge.abstained:
        lines.append(f"what it gives no verdict on ({sum(judge.abstained.values())} here) goes to people")
    return lines


def no_winner(judge: JudgeAudit, lab: Labelled) -> tuple[int, int]:
    """Return pairs of which people name a winner and the judge none, and units compared."""
    if not lab.pairs or judge.table is None:
        return 0, judge.errors[1]
    return int(judge.table[1, [0, 2]].sum()), judge.errors[1]


def kinds(lab: Labelled) -> bool:
    """Tell whether labels are kinds of things, three or more without an order."""
    return lab.ratings.level == "nominal" and len(lab.ratings.values) > 2


def more_units(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, missing: Sequence[Check]
) -> list[str]:
    """Tell what is missing before anything can be said, in the order in which to see to it."""
    names, advice = {each.gate for each in missing}, []
    n, least = judge.main.n_used, int(gates["enough_units"].value)
    if "people_agree" in names:
        advice += _reliable(gates, criterion.reliability)
    if "enough_units" in names:
        advice.append(f"label {least - n} more units")
    if "enough_rare" in names:
        rare, wanted = criterion.rarest, int(gates["enough_rare"].value)
        rate = rare / max(n, 1)
        more = f"about {math.ceil(wanted / rate) - n} more units" if rate > 0 else "units"
        advice.append(
            f"label {more} for {wanted} of the rarer label, or pick them by known chances and say so "
            "(review export --by chance)"
        )
    if "enough_double" in names:
        short = int(gates["enough_double"].value) - criterion.double_labelled
        advice.append(
            f"have {short} more units labelled by a second person; or, where the labels are a settled gold, "
            "declare them trusted (--trusted)"
        )
    if "enough_systems" in names:
        advice.append(
            "name the systems that wrote the responses, three or more: hand in the items (--items), or, of "
            "responses judged alone, labels with a column system"
        )
    return advice


def _reliable(gates: Gates, found: Estimate) -> list[str]:
    """Tell how labels become dependable; more of them help only where what was found would be enough."""
    bound = gates["people_agree"].value
    if found.value > bound:
        reach = f"at {found.value:.2f} the lower end can reach {bound:g}"
        return [f"have more units labelled by two people or more: {reach}; or {SHARPEN}"]
    return [SHARPEN]


def steadier(number: Estimate) -> list[str]:
    """Tell what would give an interval that holds."""
    if number.status == Status.FEW_CLUSTERS:
        return ["label units of more clusters: 20 at least"]
    if number.status in {Status.FEW_MINORITY, Status.FEW_EXTREME}:
        return ["label more units, those with the rarer labels above all (review export --by chance)"]
    if number.status.startswith("unstable"):
        return ["label more units"]
    return ["label units on which people differ from each other, and of which the judge gives verdicts"]


def more_labels(gates: Gates, name: str, number: Estimate, judge: JudgeAudit) -> list[str]:
    """Tell how many labels would lift the lower end over a threshold at what was found, or that none do."""
    bound, value, n = gates[name].value, number.value, number.n_used
    if number.low >= bound:  # an interval that does not hold
        return steadier(number)
    if number.high < bound:
        under = f"the whole interval lies under {bound:g}, so that more labels would not change it"
        return [f"{under}; a better judge would, or a criterion that is easier to judge"]
    if value <= bound:
        never = f"at {value:.2f} no number of labels lifts the lower end over {bound:g}; a better judge would"
        reach = (
            f"more labels show whether this one is better than found (the interval reaches {number.high:.2f})"
        )
        return [f"{never}; {reach}"]
    if (wanted := _for_kappa(bound, number, judge)) > n:
        lift = f"would lift the lower end over {bound:g} four times out of five"
    else:
        wanted = math.ceil(n * ((value - number.low) / (value - bound)) ** 2)
        lift = f"would bring the lower end to about {bound:g}"
    return [f"if {value:.2f} is what it is worth, {wanted} labelled units ({wanted - n} more) {lift}"]


def _for_kappa(bound: float, number: Estimate, judge: JudgeAudit) -> int:
    """Return how many labels lift a kappa over a bound; 0 for other numbers than that of the table."""
    weights: dict[str, Kind] = {"cohen_kappa": "identity", "cohen_kappa_quadratic": "quadratic"}
    if judge.table is None or number.name not in weights or int(judge.table.sum()) != number.n_used:
        return 0
    try:
        return labels_for_kappa_bound(judge.table, bound=bound, weights=weights[number.name])
    except InputError:
        return 0


def of_order(gates: Gates, shown: Sequence[Estimate]) -> list[str]:
    """Tell what would settle an order of systems that is open; `shown` are the two accuracies."""
    bounds = (gates["rank_accuracy"].value, gates["rank_soft"].value)
    if any(each.value >= bound for each, bound in zip(shown, bounds, strict=True)):
        return ["more items for each system would narrow this", "systems further apart are easier to rank"]
    return ["at what was found more items would not do; a better judge would, or systems further apart"]


def correction_of_level(judge: JudgeAudit, lab: Labelled) -> list[str]:
    """Return how to use the judge for a level without believing its mean."""
    r, error = association(judge), judge.signed_error
    each = " of each system" if judge.by_system and not kinds(lab) else ""
    what = "share of each label" if kinds(lab) else "win rate" if lab.pairs else "mean"
    advice = [
        f"label a random sample of what it judged{each} and correct its {what} {PPI}; do not report it raw"
    ]
    if r.name == "pearson" and not math.isnan(r.value):
        need = labels_for_ppi(100, correlation=max(min(r.value, 0.999), 0.0))
        advice.append(f"where many are judged, {need} labels with the judge do the work of 100 without it")
    if not math.isnan(error.value) and not lab.pairs:
        ends = f"[{error.low:+.3f}, {error.high:+.3f}]"
        advice.append(f"raw, it is off by {error.value:+.3f} of the scale {ends}")
    return [*advice, *_attenuated(judge)]


def _attenuated(judge: JudgeAudit) -> list[str]:
    se, sp = (judge.rates.get(name) for name in ("sensitivity", "specificity"))
    if se is None or sp is None or not 0 < se.value + sp.value - 1 <= 1:
        return []
    return [attenuation(se.value, sp.value).sentence]


def routing(gates: Gates, judge: JudgeAudit) -> str:
    """Return which verdicts people should see; no threshold on probabilities that are shown to be off."""
    if judge.sureness is None or judge.sureness.selection.status != "ok":
        return "let people see every verdict that matters; let the judge sort and pre-fill"
    if judge.sureness.mcb.low > gates["calibration"].value:
        off = told(judge.sureness.mcb)
        return f"its probabilities are shown to be off ({off}): calibrate them before a threshold is set"
    s = judge.sureness.selection
    held = f"{s.coverage:.0%} of those with one; at most {s.alpha:.0%} wrong, {1 - s.delta:.0%} sure"
    return f"let verdicts of probability {s.threshold:.2f} and more stand ({held}), send the rest to people"
