"""The one-page verdict: may this judge be trusted, on this criterion, for this purpose?

Three purposes, since a judge may be good for one and bad for another: to rank systems, to estimate a level
(a mean or a pass rate), to decide on single items. The verdict goes by bounds, says which numbers decided,
and what would change it: how many more labels, of what kind, and how to correct a level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit
from judgekit.agreement.auditing.wording import told
from judgekit.agreement.core.weights import Kind
from judgekit.agreement.sampling.planning import attenuation, labels_for_kappa_bound, labels_for_ppi
from judgekit.errors import InputError
from judgekit.report.checks import (
    Check,
    Gates,
    alt_check,
    at_least,
    beaten_by,
    check,
    count,
    enough,
    length_checks,
    near_ceiling,
    order_checks,
    says_nothing,
    within,
)
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
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict for one purpose."""

    judge: str
    criterion: str
    purpose: Purpose
    verdict: Verdict
    why: str  # the sentence that a reader should remember
    checks: tuple[Check, ...]
    change: tuple[str, ...] = ()  # what would change the verdict
    correction: tuple[str, ...] = ()  # what to do when using the judge

    def but(
        self, verdict: Verdict, why: str, change: Sequence[str] = (), do: Sequence[str] = ()
    ) -> "Finding":
        """Return the same checks with a verdict."""
        return replace(self, verdict=verdict, why=why, change=tuple(change), correction=tuple(do))


def started(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, purpose: Purpose, more: Sequence[Check] = ()
) -> tuple[Finding, bool]:
    """Return a finding with the checks that come first for all purposes, and whether they decided it."""
    checks = (*enough(gates, criterion, judge), *more)
    draft = Finding(
        judge=judge.judge, criterion=criterion.criterion, purpose=purpose, verdict="INSUFFICIENT EVIDENCE",
        why="", checks=checks,
    )  # fmt: skip
    missing = [each for each in checks if each.met is False]
    unstable = judge.main.status if judge.main.status.startswith("unstable") else ""
    change = _more_units(gates, criterion, judge, missing)
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
    """Return how the judge's scores go with people's, whatever its severity; on a nominal scale agreement."""
    return judge.associations.get("pearson", judge.main)


OPEN = "the interval allows for useless and for good"


def to_gate(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether its verdicts on single items may stand alone."""
    draft, decided = started(gates, criterion, judge, "gate")
    if decided:
        return draft
    firm = at_least(gates, "agreement_gate", judge.main)
    ceiling, orders = near_ceiling(gates, judge.ceiling), order_checks(gates, judge)
    bias, length = within(gates, "leniency", judge.signed_error), length_checks(gates, judge)
    cover = at_least(gates, "coverage", judge.coverage.coverage if judge.coverage else None)
    shown = [each for each in (ceiling,) if each is not None]
    draft = replace(
        draft, checks=(*draft.checks, firm, *shown, *orders, bias, cover, *length, *alt_check(judge))
    )
    said = f"agreement with people {told(judge.main)}"
    do = _corrections(judge, bias, [*orders, *length], pairs=criterion.labelled.pairs)
    if firm.met and cover.met is not False and (ceiling is None or ceiling.met):
        if do:
            return draft.but("TRUST WITH CORRECTION", f"{said}; with its known bias taken out", (), do)
        return draft.but("TRUST", said)
    if bias.met is False and _good_once_corrected(gates, judge):
        link = told(association(judge))
        why = f"{said}, lowered by its severity alone: correlation {link}, as good as people's"
        return draft.but("TRUST WITH CORRECTION", why, (), do)
    if firm.met:
        return _firm_but(draft, said, ceiling, cover, routing(judge))
    return _not_firm(draft, gates, judge, said)


def _good_once_corrected(gates: Gates, judge: JudgeAudit) -> bool:
    """Tell whether only severity stands in the way: its correlation is firm, and near people's."""
    aligned = near_ceiling(gates, judge.aligned)
    link = association(judge)
    return aligned is not None and aligned.met is True and link.low >= gates["agreement_gate"].value


def _firm_but(draft: Finding, said: str, ceiling: Check | None, cover: Check, do: Sequence[str]) -> Finding:
    if cover.met is False:
        return draft.but("HUMAN IN THE LOOP", f"{said}, but it often gives no verdict: {cover.found}", (), do)
    if ceiling is not None and ceiling.met is False:
        return draft.but("HUMAN IN THE LOOP", f"{said}, but it is worse than people: {ceiling.found}", (), do)
    change = ["more labelled units would show whether it is within the margin of people"]
    return draft.but("HUMAN IN THE LOOP", f"{said}, not yet shown to be as good as people", change, do)


def _not_firm(draft: Finding, gates: Gates, judge: JudgeAudit, said: str) -> Finding:
    low, high, value = judge.main.low, judge.main.high, judge.main.value
    least, enough = gates["agreement_use"].value, gates["agreement_gate"].value
    change = _more_labels(gates, judge)
    if math.isnan(low) or (low < least and high >= enough):
        return draft.but("INSUFFICIENT EVIDENCE", f"{said}: {OPEN}", change)
    if value >= least:
        why = f"{said}: of use, but not enough to decide alone"
        return draft.but("HUMAN IN THE LOOP", why, change, routing(judge))
    short = f"below {least:g}" if high < least else f"not shown to reach {least:g}"
    return draft.but("DO NOT USE", f"{said}: {short}", change)


def to_level(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether a mean or a rate may be estimated with it."""
    draft, decided = started(gates, criterion, judge, "level")
    if decided:
        return draft
    link = association(judge)
    useful, bias = at_least(gates, "agreement_use", link), within(gates, "leniency", judge.signed_error)
    draft = replace(draft, checks=(*draft.checks, useful, bias))
    name = "correlation" if link.name == "pearson" else link.name.replace("_", " ")
    said = f"{name} with people {told(link)}, mean error {told(judge.signed_error)} of the scale"
    if judge.level is not None and not math.isnan(judge.level.value):
        said += f"; the level of all that was judged, corrected by the labels, is {told(judge.level)}"
    do = _correction_of_level(judge)
    least, wide = gates["agreement_use"].value, gates["agreement_gate"].value
    if useful.met and bias.met:
        return draft.but("TRUST", said)
    if useful.met:
        off = "shown to be off" if bias.met is False else "not shown to be small"
        why = f"{said}: the error is {off}, which labels on a random sample correct"
        return draft.but("TRUST WITH CORRECTION", why, (), do)
    change = _more_labels(gates, judge)
    if math.isnan(link.low) or (link.low < least and link.high >= wide):
        return draft.but("INSUFFICIENT EVIDENCE", f"{said}: {OPEN}", change)
    if link.value >= least:
        return draft.but("HUMAN IN THE LOOP", f"{said}: too loose a link to save many labels", change, do)
    return draft.but("DO NOT USE", f"{said}: labels without a judge do as well", change)


def to_rank(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether systems may be ranked with it."""
    ranks = judge.systems
    systems = count(gates, "enough_systems", 0 if ranks is None else len(ranks.names))
    draft, decided = started(gates, criterion, judge, "rank", [systems])
    if decided or ranks is None:
        return draft
    order, link = at_least(gates, "rank_accuracy", ranks.pair_accuracy), association(judge)
    least = gates["rank_accuracy"].value
    soft_met = ranks.soft_accuracy.value >= gates["rank_soft"].value and ranks.soft_accuracy.low >= least
    undefined = math.isnan(ranks.soft_accuracy.value)
    wanted = f"value at least {{}}, lower end at least {least:g}"
    soft = check(gates, "rank_soft", wanted, told(ranks.soft_accuracy), None if undefined else soft_met)
    turned = check(
        gates, "rank_accuracy", "no pair turned round that people tell apart",
        f"{len(ranks.reversals)} of {ranks.n_pairs}", not ranks.reversals,
    )  # fmt: skip
    useful, length = at_least(gates, "agreement_use", link), length_checks(gates, judge)
    draft = replace(draft, checks=(*draft.checks, order, soft, turned, useful, *length))
    said = (
        f"{len(ranks.names)} systems: pairs in people's order {told(ranks.pair_accuracy)}, soft pairwise "
        f"accuracy {told(ranks.soft_accuracy)}"
    )
    change = ("more items for each system would narrow this", "systems further apart are easier to rank")
    do = ["compare systems by paired differences, corrected on labelled items (PPI), not by raw means"]
    if ranks.reversals:
        a, b = ranks.reversals[0]
        why = f"{said}; it turns round pairs that people tell apart ({turned.found}), such as {a} and {b}"
        return draft.but("HUMAN IN THE LOOP" if useful.met else "DO NOT USE", why, change, do)
    if order.met or soft_met:
        return _ranked(draft, said, useful, length, do)
    if useful.met:
        why = f"{said}: the order is not shown, but items are judged well enough to correct it"
        return draft.but("TRUST WITH CORRECTION", why, change, do)
    if order.met is None:
        why = f"{said}: the systems are too close, or the items too few"
        return draft.but("INSUFFICIENT EVIDENCE", why, change)
    return draft.but("DO NOT USE", said, change)


def _ranked(draft: Finding, said: str, useful: Check, length: Sequence[Check], do: Sequence[str]) -> Finding:
    """Decide where the order is right; whether it is for a reason that will hold elsewhere."""
    if not useful.met:
        why = (
            f"{said}, but its scores of single items hardly follow people's ({useful.found}): it may be luck"
        )
        return draft.but("HUMAN IN THE LOOP", why, (), do)
    if any(each.met is False for each in length):
        why = f"{said}, but it pays for length beyond what people do ({length[0].found})"
        do = [*do, "hold length fixed (length-controlled win rates) before ranking"]
        return draft.but("TRUST WITH CORRECTION", why, (), do)
    return draft.but("TRUST", said)


def _more_units(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, missing: Sequence[Check]
) -> list[str]:
    """Tell what is missing before anything can be said."""
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
        advice.append(
            "name the systems that wrote the responses, three or more: hand in the items, or labels with a "
            "column system"
        )
    if "people_agree" in names:
        advice.append("sharpen the criterion, try it on 30 units with two people, and measure again")
    if not names:
        advice.append("label more clusters: 20 at least")
    return advice


def _more_labels(gates: Gates, judge: JudgeAudit) -> list[str]:
    """Tell how many labels would lift the lower end over the next threshold, at what was found."""
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


def _correction_of_level(judge: JudgeAudit) -> list[str]:
    """Tell how to use the judge for a level without believing its mean."""
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


def _corrections(judge: JudgeAudit, bias: Check, others: Sequence[Check], *, pairs: bool) -> list[str]:
    """Tell what to do about the biases that were shown, where single items are decided on."""
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
    """Tell which verdicts people should see."""
    if judge.sureness is None or judge.sureness.selection.status != "ok":
        return ["let people see every verdict that matters; let the judge sort and pre-fill"]
    s = judge.sureness.selection
    held = f"{s.coverage:.0%} of those with one; at most {s.alpha:.0%} wrong, {1 - s.delta:.0%} sure"
    return [f"let verdicts of probability {s.threshold:.2f} and more stand ({held}), send the rest to people"]


def findings(audit: Audit, gates: Gates) -> tuple[Finding, ...]:
    """Return a verdict for each criterion, judge (controls left out) and purpose."""
    return tuple(
        decide(gates, criterion, judge)
        for criterion in audit.criteria
        for judge in criterion.judges
        if not judge.is_control
        for decide in (to_rank, to_level, to_gate)
    )
