"""The one-page verdict: may this judge be trusted, on this criterion, for this purpose?

Three purposes, since a judge may be good for one and bad for another: to rank systems, to estimate a level
(a mean or a pass rate), to decide on single items. The verdict goes by bounds, says which numbers decided,
and what would change it: how many more labels, of what kind, and how to correct a level.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import Audit, CriterionAudit, JudgeAudit, Systems
from judgekit.agreement.auditing.wording import told
from judgekit.agreement.core.weights import Kind
from judgekit.agreement.sampling.planning import attenuation, labels_for_kappa_bound, labels_for_ppi
from judgekit.errors import InputError
from judgekit.report.checks import (
    Check,
    Gates,
    alt_check,
    association,
    at_least,
    beaten_by,
    called,
    check,
    count,
    enough,
    is_below,
    is_least,
    length_checks,
    near_ceiling,
    order_checks,
    own_checks,
    slice_checks,
    system_checks,
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


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands against a judge: the best verdict it leaves, in words, and what to do about it."""

    check: Check
    leaves: Verdict
    words: str
    do: str = ""


ANOTHER = "take another judge, or rewrite the criterion, and audit it on these same labels"
OPEN = "the interval allows for useless and for good"
BY_CHANCE = "label a sample that chance draws: judgekit review export, without a rule or with half by chance"
LEAST_UNITS = 20
"""Fewer units than this show nothing at all, for or against."""


def decided(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, draft: Finding, number: Estimate
) -> Finding | None:
    """Return the verdict where the judge is shown to be bad, or too little is known; else None.

    What is shown to be bad is rejected however little else is known, unless the labels are of answers that a
    rule picked: they show where judges are wrong and not how often.
    """
    if criterion.labelled.chosen.startswith("picked"):
        why = (
            f"the answers that people labelled were {criterion.labelled.chosen}, since judges may be wrong "
            "there; how often this judge is wrong elsewhere they cannot say"
        )
        return draft.but("INSUFFICIENT EVIDENCE", why, [BY_CHANCE])
    bad = _shown_bad(gates, criterion, judge, number, draft.purpose)
    if bad:
        return draft.but("DO NOT USE", bad, (), (ANOTHER,))
    missing = [each for each in draft.checks if each.gate in NEEDED and each.met is not True]
    if missing:
        return draft.but(
            "INSUFFICIENT EVIDENCE", _missing(missing), _more_units(gates, criterion, judge, missing)
        )
    if number.status.startswith("unstable") or math.isnan(number.low):
        kind = number.status.partition(":")[2].replace("_", " ") or "no interval"
        why = f"no interval holds here ({kind})"
        return draft.but("INSUFFICIENT EVIDENCE", why, _more_units(gates, criterion, judge, []))
    return None


NEEDED = ("enough_units", "enough_rare", "enough_double", "people_agree", "enough_systems")


def _missing(missing: Sequence[Check]) -> str:
    for each in missing:
        if each.gate == "people_agree" and missing[0].gate != "enough_units":
            return (
                "people agree too little with each other (what they say together is dependable by "
                f"{each.found}; {each.wanted} is needed), so there is nothing firm to measure a judge by"
            )
    return "; ".join(f"{each.found} {each.what}, {each.wanted} are needed" for each in missing)


def _shown_bad(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, number: Estimate, purpose: Purpose
) -> str:
    if judge.main.n_used < LEAST_UNITS:
        return ""
    if judge.one_label and criterion.rarest > 0:  # where people, too, say one thing, nothing is shown
        return "it gives one label whatever it sees"
    if control := beaten_by(gates, judge):
        return f"it does no better than {control}, which costs nothing"
    skill, useful = judge.skill, is_least(gates, "agreement_use", number)
    if purpose == "gate" and skill is not None and skill.high < 0 and not useful:
        return f"it is farther from people than one label for everything (skill {told(skill)})"
    if is_below(gates, criterion, number):
        least = f"below {gates['agreement_use'].value:g}, from which on a judge is of use"
        return f"{called(number)} with people {told(number)}: {least}"
    return ""


def _draft(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, purpose: Purpose, more: Sequence[Check]
) -> Finding:
    return Finding(
        judge=judge.judge, criterion=criterion.criterion, purpose=purpose, verdict="INSUFFICIENT EVIDENCE",
        why="", checks=(*enough(gates, criterion, judge), *more),
    )  # fmt: skip


def _lowered(
    draft: Finding, verdict: Verdict, said: str, faults: Sequence[Fault], change: Sequence[str]
) -> Finding:
    """Return the verdict that the faults leave of one, naming each."""
    worst = max([verdict, *(each.leaves for each in faults)], key=VERDICTS.index)
    against = [each.words for each in faults if VERDICTS.index(each.leaves) > 0]
    do = [each.do for each in faults if each.do]
    return draft.but(worst, "; ".join([said, *against]), change, list(dict.fromkeys(do)))


def _worst(checks: Sequence[Check]) -> Check | None:
    """Return a check that is not met, or else one that is not shown."""
    missed = [each for each in checks if each.met is False]
    return next(iter([*missed, *(each for each in checks if each.met is None)]), None)


def shared_faults(gates: Gates, judge: JudgeAudit, leaves: Mapping[str, Verdict]) -> list[Fault]:
    """Return what stands against a judge for every purpose: silence, length, its own family.

    `leaves` says the best verdict that each of them leaves for the purpose.
    """
    found = []
    cover = at_least(gates, "coverage", judge.coverage.coverage if judge.coverage else None)
    if cover.met is False:
        words = f"it often gives no verdict ({cover.found})"
        found.append(Fault(cover, "HUMAN IN THE LOOP", words, "let people judge what it leaves out"))
    for each in length_checks(gates, judge):
        if each.met is False:
            words = f"it pays for length beyond what people do ({each.found})"
            do = "hold length fixed (length-controlled win rates), or compare responses of like length"
            found.append(Fault(each, leaves["length"], words, do))
    for each in own_checks(gates, judge):
        if each.met is False:
            words = f"it favours its own family beyond what people do ({each.found})"
            do = "let a judge of another family, or people, see what its own family wrote"
            found.append(Fault(each, leaves["own"], words, do))
    return found


def to_gate(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether its verdicts on single items may stand alone."""
    main, lab = judge.main, criterion.labelled
    firm, ceiling = at_least(gates, "agreement_gate", main), near_ceiling(gates, judge.ceiling)
    bias, orders = within(gates, "leniency", judge.signed_error), order_checks(gates, judge)
    cover = at_least(gates, "coverage", judge.coverage.coverage if judge.coverage else None)
    slices, systems = slice_checks(gates, judge), system_checks(gates, judge.labels_by_system)
    draft = _draft(gates, criterion, judge, "gate", [
        firm, *([ceiling] if ceiling else []), *orders, *([] if orders or _kinds(lab) else [bias]), cover,
        *length_checks(gates, judge), *own_checks(gates, judge), *slices,
        *(each for each in systems.values() if each.met is False), *alt_check(judge),
    ])  # fmt: skip
    said = f"agreement with people {told(main)}"
    corrected = bias.met is False and not lab.pairs and _good_once_corrected(gates, criterion, judge)
    number = association(judge) if corrected and is_below(gates, criterion, main) else main
    if (found := decided(gates, criterion, judge, draft, number)) is not None:
        return found
    faults = shared_faults(gates, judge, {"length": "TRUST WITH CORRECTION", "own": "HUMAN IN THE LOOP"})
    faults += [*_bias_faults(bias, judge, criterion, both=bool(orders)), *_order_faults(orders)]
    worst = None if lab.pairs or _kinds(lab) or bias.met is False else _worst([*systems.values()])
    if worst is not None and worst.met is False:
        words = f"{_whose_error(lab, systems)} is too large ({worst.found})"
        faults.append(Fault(worst, "HUMAN IN THE LOOP", words, "let people see what that system wrote"))
    for each in slices:
        words = f"{each.what} it is of no use ({each.found})"
        faults.append(Fault(each, "HUMAN IN THE LOOP", words, "let people see that part"))
    if corrected and not is_least(gates, "agreement_gate", main):
        link = told(association(judge))
        why = f"{said}, lowered by its severity alone: correlation {link}, as good as people's"
        return _lowered(draft, "TRUST WITH CORRECTION", why, faults, ())
    if not is_least(gates, "agreement_use", main):
        return _lowered(draft, "INSUFFICIENT EVIDENCE", f"{said}: {OPEN}", faults, _more_labels(gates, judge))
    if not firm.met:
        why = f"{said}: of use, but not enough to decide alone (lower end {gates['agreement_gate'].value:g})"
        faults.append(Fault(firm, "HUMAN IN THE LOOP", "", routing(gates, judge)))
        return _lowered(draft, "HUMAN IN THE LOOP", why, _told(faults), _more_labels(gates, judge))
    if ceiling is not None and not ceiling.met and not corrected:
        below = (
            "it is worse than people"
            if ceiling.met is False
            else "it is not yet shown to be as good as people"
        )
        faults.append(
            Fault(ceiling, "HUMAN IN THE LOOP", f"{below} ({ceiling.found})", routing(gates, judge))
        )
    return _lowered(draft, "TRUST", said, faults, ())


def _told(faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults, those without words as what to do only."""
    return [each if each.words else replace(each, leaves="TRUST") for each in faults]


def _kinds(lab: Labelled) -> bool:
    return lab.ratings.level == "nominal" and len(lab.ratings.values) > 2


def _bias_faults(bias: Check, judge: JudgeAudit, criterion: CriterionAudit, *, both: bool) -> list[Fault]:
    """Return what a shown severity, or a liking for a place, leaves where single items are decided on."""
    lab, error = criterion.labelled, judge.signed_error
    if bias.met is not False or both:
        return []
    by = f"{abs(error.value):.3f} of the scale"
    if lab.pairs:
        side = "first" if error.value > 0 else "second"
        words = f"asked in one order only, it prefers the {side} more than people do ({bias.found})"
        return [Fault(bias, "TRUST WITH CORRECTION", words, "ask in both orders and average, always")]
    if len(lab.ratings.values) <= 2:
        label = lab.ratings.labels[-1 if error.value > 0 else 0]
        words = f"it errs on one side, towards {label!r} ({bias.found}); of two labels no mapping mends that"
        return [Fault(bias, "HUMAN IN THE LOOP", words, f"let people see what it calls {label!r}")]
    way = "lenient" if error.value > 0 else "severe"
    do = f"it is {way} by {by}: move the threshold by as much, or map its labels to people's"
    return [Fault(bias, "TRUST WITH CORRECTION", f"it is {way} ({bias.found})", do)]


def _order_faults(orders: Sequence[Check]) -> list[Fault]:
    """Return what orders that contradict each other leave; asking in both was done already."""
    worst = _worst([each for each in orders if each.gate == "position" or each.met is False])
    if worst is None:
        return []
    words = f"its verdict changes with the order of the responses ({worst.found})"
    do = "let people see the pairs on which its two orders contradict each other"
    return [Fault(worst, "HUMAN IN THE LOOP", words, do)]


def _good_once_corrected(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> bool:
    """Tell whether only severity stands in the way: the correlation is firm and near people's own."""
    if len(criterion.labelled.ratings.values) <= 2 or not is_least(
        gates, "agreement_gate", association(judge)
    ):
        return False
    aligned = near_ceiling(gates, judge.aligned)
    return criterion.labelled.trusted or (aligned is not None and aligned.met is True)


def to_level(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether a mean or a rate may be estimated with it; of pairs, the win rate of each system."""
    number, lab = association(judge), criterion.labelled
    useful, systems = at_least(gates, "agreement_use", number), system_checks(gates, judge.by_system)
    overall = [] if lab.pairs or _kinds(lab) else [within(gates, "leniency", judge.signed_error)]
    cover = at_least(gates, "coverage", judge.coverage.coverage if judge.coverage else None)
    named = [count(gates, "enough_systems", len(judge.by_system), least=2)] if lab.pairs else []
    draft = _draft(gates, criterion, judge, "level", [
        *named, useful, *overall, *systems.values(), cover, *length_checks(gates, judge),
        *own_checks(gates, judge),
    ])  # fmt: skip
    said = f"{called(number)} with people {told(number)}"
    if (found := decided(gates, criterion, judge, draft, number)) is not None:
        return found
    if judge.level is not None and not math.isnan(judge.level.value):
        said += f"; the level of all that was judged, corrected by the labels, is {told(judge.level)}"
    if not useful.met:
        return draft.but("INSUFFICIENT EVIDENCE", f"{said}: {OPEN}", _more_labels(gates, judge))
    faults = shared_faults(gates, judge, {"length": "TRUST WITH CORRECTION", "own": "TRUST WITH CORRECTION"})
    do = _correction_of_level(judge, lab)
    for worst, what in (
        (_worst(overall), "its mean error"),
        (_worst([*systems.values()]), _whose_error(lab, systems)),
    ):
        if worst is not None and (worst.met is False or worst in overall):
            off = "is too large" if worst.met is False else "is not shown to be small"
            faults.append(Fault(worst, "TRUST WITH CORRECTION", f"{what} {off} ({worst.found})"))
    made = _lowered(draft, "TRUST", said, faults, ())
    return made if made.verdict == "TRUST" else replace(made, correction=(*made.correction, *do))


def _whose_error(lab: Labelled, systems: Mapping[str, Check]) -> str:
    worst = _worst([*systems.values()])
    at = [name for name, each in systems.items() if each is worst]
    what = "its share of the label" if _kinds(lab) else "its error on the system"
    return f"{what} {at[0]!r}" if at else what


def to_rank(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether systems may be ranked with it."""
    ranks, number = judge.systems, association(judge)
    systems = count(gates, "enough_systems", 0 if ranks is None else len(ranks.names))
    useful = at_least(gates, "agreement_use", number)
    cover = at_least(gates, "coverage", judge.coverage.coverage if judge.coverage else None)
    shown, turned = _order_of_systems(gates, ranks)
    draft = _draft(gates, criterion, judge, "rank", [
        systems, *shown, useful, cover, *length_checks(gates, judge), *own_checks(gates, judge),
    ])  # fmt: skip
    found = decided(gates, criterion, judge, draft, number)
    if found is not None or ranks is None:
        if found is not None and criterion.labelled.weights is not None and found.verdict != "DO NOT USE":
            return replace(found, why=f"{found.why}; the order of systems is not computed with weights")
        return found or draft
    said = (
        f"{len(ranks.names)} systems: pairs in people's order {told(ranks.pair_accuracy)}, soft pairwise "
        f"accuracy {told(ranks.soft_accuracy)}"
    )
    change = ("more items for each system would narrow this", "systems further apart are easier to rank")
    do = "compare systems by paired differences, corrected on labelled items (PPI), not by raw means"
    if not useful.met:
        luck = f"its scores of single items hardly follow people's ({useful.found}): it may be luck"
        return draft.but("INSUFFICIENT EVIDENCE", f"{said}, but {luck}", change)
    faults = shared_faults(gates, judge, {"length": "TRUST WITH CORRECTION", "own": "HUMAN IN THE LOOP"})
    if ranks.reversals:
        a, b = ranks.reversals[0]
        words = f"it turns round pairs that people tell apart ({turned.found}), such as {a} and {b}"
        return _lowered(
            draft, "TRUST", said, [*faults, Fault(turned, "HUMAN IN THE LOOP", words, do)], change
        )
    order = _worst(shown) if not any(each.met for each in shown[:2]) else None
    if order is None:
        return _lowered(draft, "TRUST", said, faults, ())
    if order.met is False:
        words = f"the order is off ({order.found})"
        return _lowered(draft, "TRUST", said, [*faults, Fault(order, "HUMAN IN THE LOOP", words, do)], change)
    words = "the order is not certain, but items are judged well enough to correct it"
    return _lowered(draft, "TRUST", said, [*faults, Fault(order, "TRUST WITH CORRECTION", words, do)], change)


def _order_of_systems(gates: Gates, ranks: Systems | None) -> tuple[list[Check], Check]:
    """Return whether systems stand in people's order, softly and not, and whether a pair is turned round."""
    if ranks is None:
        none = check(gates, "rank_accuracy", "no pair turned round", "no systems", None)
        return [none], none
    order, least = at_least(gates, "rank_accuracy", ranks.pair_accuracy), gates["rank_accuracy"].value
    accuracy = ranks.soft_accuracy
    wished = gates["rank_soft"].value
    met = True if accuracy.value >= wished and accuracy.low >= least else None
    if accuracy.high < wished:
        met = False
    wanted = f"value at least {{}}, lower end at least {least:g}"
    soft = check(gates, "rank_soft", wanted, told(accuracy), None if math.isnan(accuracy.value) else met)
    turned = check(
        gates, "rank_accuracy", "no pair turned round that people tell apart",
        f"{len(ranks.reversals)} of {ranks.n_pairs}", not ranks.reversals,
    )  # fmt: skip
    return [order, soft, turned], turned


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


def _correction_of_level(judge: JudgeAudit, lab: Labelled) -> list[str]:
    """Return how to use the judge for a level without believing its mean."""
    r, error = association(judge), judge.signed_error
    each = " of each system" if judge.by_system and not _kinds(lab) else ""
    what = "share of each label" if _kinds(lab) else "win rate" if lab.pairs else "mean"
    random = f"label a random sample of what it judged{each} and correct with it (PPI++)"
    advice = [f"{random}; do not report its raw {what}"]
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


def findings(audit: Audit, gates: Gates) -> tuple[Finding, ...]:
    """Return a verdict for each criterion, judge (controls left out) and purpose."""
    return tuple(
        decide(gates, criterion, judge)
        for criterion in audit.criteria
        for judge in criterion.judges
        if not judge.is_control
        for decide in (to_rank, to_level, to_gate)
    )
