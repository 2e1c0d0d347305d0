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
from judgekit.agreement.auditing.wording import of_labels, told, whom
from judgekit.report.checks import (
    Check,
    Gates,
    alt_check,
    association,
    at_least,
    beaten_by,
    bound_of_use,
    check,
    count,
    cover_check,
    enough,
    harm,
    is_below,
    is_least,
    length_checks,
    near_ceiling,
    of_number,
    order_checks,
    own_checks,
    said_of,
    slice_checks,
    system_checks,
    within,
)
from judgekit.report.steps import (
    BY_CHANCE,
    RANK_BY,
    correction_of_level,
    kept,
    kinds,
    more_labels,
    more_units,
    of_order,
    replaced,
    routing,
    steadier,
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
        self,
        verdict: Verdict,
        why: str,
        by: Sequence[Check],
        change: Sequence[str] = (),
        do: Sequence[str] = (),
    ) -> "Finding":
        """Return the same checks with a verdict; those that it goes by are marked and come first."""
        every = dict.fromkeys([*(replace(each, decides=True) for each in by), *self.checks])
        first = {each.what for each in by}
        checks = tuple(each for each in every if each.decides or each.what not in first)
        return replace(
            self, verdict=verdict, why=why, checks=checks, change=tuple(change), correction=tuple(do)
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands against a judge: the best verdict it leaves, in words, and what to do about it."""

    check: Check
    leaves: Verdict
    words: str
    do: str = ""


OPEN = "the interval allows for useless and for good"
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
        picked = _own("chosen", "how the labelled units were chosen", "by chance", criterion.labelled.chosen)
        return draft.but("INSUFFICIENT EVIDENCE", why, [picked], [BY_CHANCE])
    missing = [each for each in draft.checks if each.gate in NEEDED and each.met is not True]
    bad = _shown_bad(gates, criterion, judge, number, draft.purpose)
    if bad is not None:
        holds = all(each.gate != "people_agree" for each in missing)
        return draft.but("DO NOT USE", bad.words, [bad.check], (), (replaced(holds),))
    if missing:
        why, change = _missing(missing), more_units(gates, criterion, judge, missing)
        return draft.but("INSUFFICIENT EVIDENCE", why, _first(missing), change)
    if number.status.startswith("unstable") or math.isnan(number.low):
        kind = number.status.partition(":")[2].replace("_", " ") or "no interval"
        why = f"no interval holds here ({kind})"
        by = [of_number(gates, "agreement_use", number, criterion.labelled)]
        return draft.but("INSUFFICIENT EVIDENCE", why, by, steadier(number))
    return None


def _own(name: str, what: str, wanted: str, found: str) -> Check:
    """Return a check of what has no threshold, not met."""
    return Check(gate=name, what=what, wanted=wanted, found=found, met=False, source="guide audit")


NEEDED = ("enough_units", "enough_rare", "enough_double", "people_agree", "enough_systems")


def _missing(missing: Sequence[Check]) -> str:
    for each in missing:
        if each.gate == "people_agree" and missing[0].gate != "enough_units":
            return (
                "people agree too little with each other (reliability of what they say together "
                f"{each.found}, {each.wanted} is needed), so there is nothing firm to measure a judge by"
            )
    return "; ".join(f"{each.found} {each.what}, {each.wanted} are needed" for each in missing)


def _first(missing: Sequence[Check]) -> list[Check]:
    """Return what is missing, what the reason names first; that people agree, where it names only that."""
    agree = [each for each in missing if each.gate == "people_agree" and missing[0].gate != "enough_units"]
    return [*agree, *(each for each in missing if each not in agree)]


def _shown_bad(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, number: Estimate, purpose: Purpose
) -> Fault | None:
    """Return by what a judge is shown to be of no use."""
    lab = criterion.labelled
    if judge.main.n_used < LEAST_UNITS:
        return None
    if judge.one_label and criterion.rarest > 0:  # where people, too, say one thing, nothing is shown
        one = _own("one_label", "different labels that it gives", "more than one", "1")
        return Fault(one, "DO NOT USE", "it gives one label whatever it sees")
    if (rule := beaten_by(gates, judge)) is not None:
        words = f"it does no better than {rule.name}, which costs nothing"
        gain = f"agreement beyond that of {rule.name}"
        return Fault(_own("control_margin", gain, "above 0", told(rule.difference)), "DO NOT USE", words)
    skill, useful = judge.skill, is_least(gates, "agreement_use", number)
    if purpose == "gate" and skill is not None and skill.high < 0 and not useful:
        words = (
            f"it is farther from {whom(trusted=lab.trusted)} than one label for everything (skill "
            f"{told(skill)}: 0 is that label, 1 no error at all)"
        )
        off = _own("skill", "skill: 0 is one label for everything, 1 no error at all", "above 0", told(skill))
        return Fault(off, "DO NOT USE", words)
    if is_below(gates, criterion, number):
        least = f"below {gates['agreement_use'].value:g}, from which on a judge is of use"
        use, bound = gates["agreement_use"].value, bound_of_use(gates, criterion, number)
        falls = "" if bound in {use, 0.0} else f" ({use:g} times the root of the labels' reliability)"
        wanted = f"upper end at least {bound:.2g}{falls}"
        made = replace(of_number(gates, "agreement_use", number, lab), wanted=wanted)
        return Fault(made, "DO NOT USE", f"{said_of(number, lab)}: {least}")
    return None


def _draft(
    gates: Gates, criterion: CriterionAudit, judge: JudgeAudit, purpose: Purpose, more: Sequence[Check]
) -> Finding:
    return Finding(
        judge=judge.judge, criterion=criterion.criterion, purpose=purpose, verdict="INSUFFICIENT EVIDENCE",
        why="", checks=(*enough(gates, criterion, judge), *more),
    )  # fmt: skip


def _lowered(
    draft: Finding,
    verdict: Verdict,
    said: tuple[str, Check],
    faults: Sequence[Fault],
    change: Sequence[str] = (),
) -> Finding:
    """Return the verdict that the faults leave of one, naming each; `said` is its number."""
    words, number = said
    worst = max([verdict, *(each.leaves for each in faults)], key=VERDICTS.index)
    against = [each for each in faults if each.words and VERDICTS.index(each.leaves) > 0]
    by = [number, *(each.check for each in faults if each.leaves == worst != "TRUST")]
    do = [each.do for each in faults if each.do]
    others = [each for each in against if each.check != number]
    if change and any(VERDICTS.index(each.leaves) >= VERDICTS.index(verdict) for each in others):
        change = [*change, "that alone leaves what else is named against it"]
    why = "; ".join([words, *(each.words for each in against)])
    return draft.but(worst, why, list(dict.fromkeys(by)), change, list(dict.fromkeys(do)))


def _worst(checks: Sequence[Check]) -> Check | None:
    """Return a check that is not met, or else one that is open."""
    missed = [each for each in checks if each.met is False]
    return next(iter([*missed, *(each for each in checks if each.met is None)]), None)


def shared_faults(gates: Gates, judge: JudgeAudit, leaves: Mapping[str, Verdict]) -> list[Fault]:
    """Return what stands against a judge for every purpose: silence, length, its own family.

    `leaves` says the best verdict that each of them leaves for the purpose.
    """
    found, cover = [], cover_check(gates, judge)
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
    firm, ceiling = of_number(gates, "agreement_gate", main, lab), near_ceiling(gates, judge.ceiling)
    bias, orders = harm(within(gates, "leniency", judge.signed_error)), order_checks(gates, judge)
    slices, systems = slice_checks(gates, judge), system_checks(gates, judge.labels_by_system)
    draft = _draft(gates, criterion, judge, "gate", [
        firm, *([ceiling] if ceiling else []), *orders, *([] if orders or kinds(lab) else [bias]),
        cover_check(gates, judge), *length_checks(gates, judge), *own_checks(gates, judge), *slices,
        *(each for each in systems.values() if each.met is False), *alt_check(judge),
    ])  # fmt: skip
    said = said_of(main, lab)
    corrected = bias.met is False and not lab.pairs and _good_once_corrected(gates, criterion, judge)
    number = association(judge) if corrected and is_below(gates, criterion, main) else main
    if (found := decided(gates, criterion, judge, draft, number)) is not None:
        return found
    faults = shared_faults(gates, judge, {"length": "TRUST WITH CORRECTION", "own": "HUMAN IN THE LOOP"})
    faults += [*_bias_faults(bias, judge, criterion, both=bool(orders)), *_order_faults(orders)]
    worst = None if lab.pairs or kinds(lab) or bias.met is False else _worst([*systems.values()])
    if worst is not None and worst.met is False:
        words = f"{_whose_error(lab, systems)} is too large ({worst.found})"
        faults.append(Fault(worst, "HUMAN IN THE LOOP", words, "let people see what that system wrote"))
    for each in slices:
        words = f"it is of no use {each.what.removeprefix('agreement ')} ({each.found})"
        faults.append(Fault(each, "HUMAN IN THE LOOP", words, "let people see that part"))
    if corrected and not is_least(gates, "agreement_gate", main):
        link = told(association(judge))
        why = f"{said}, lowered by its severity alone: correlation {link}, as good as people's"
        return _lowered(draft, "TRUST WITH CORRECTION", (why, firm), faults)
    if not is_least(gates, "agreement_use", main):
        use = of_number(gates, "agreement_use", main, lab)
        more = more_labels(gates, "agreement_use", main, judge)
        return _lowered(draft, "INSUFFICIENT EVIDENCE", (f"{said}: {OPEN}", use), faults, more)
    if not firm.met:
        wanted = (
            f"not shown to be at least {gates['agreement_gate'].value:g}, which was wanted to decide alone"
        )
        faults.append(Fault(firm, "HUMAN IN THE LOOP", "", routing(gates, judge)))
        more = more_labels(gates, "agreement_gate", main, judge)
        return _lowered(draft, "HUMAN IN THE LOOP", (f"{said}: of use, but {wanted}", firm), faults, more)
    if ceiling is not None and not ceiling.met and not corrected:
        below = (
            "it is worse than people"
            if ceiling.met is False
            else "it is not yet shown to be as good as people"
        )
        faults.append(
            Fault(ceiling, "HUMAN IN THE LOOP", f"{below} ({ceiling.found})", routing(gates, judge))
        )
    return _lowered(draft, "TRUST", (said, firm), faults)


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
    useful, systems = of_number(gates, "agreement_use", number, lab), system_checks(gates, judge.by_system)
    overall = [] if lab.pairs or kinds(lab) else [within(gates, "leniency", judge.signed_error)]
    named = count(gates, "enough_systems", len(judge.by_system), least=2)
    named = replace(named, what="systems named, for the win rate of each")
    draft = _draft(gates, criterion, judge, "level", [
        *([named] if lab.pairs else []), useful, *overall, *systems.values(), cover_check(gates, judge),
        *length_checks(gates, judge), *own_checks(gates, judge),
    ])  # fmt: skip
    said = said_of(number, lab)
    if (found := decided(gates, criterion, judge, draft, number)) is not None:
        return found
    if judge.level is not None and not math.isnan(judge.level.value):
        said += f"; the level of all that was judged, corrected by the labels, is {told(judge.level)}"
    if not useful.met:
        more = more_labels(gates, "agreement_use", number, judge)
        return draft.but("INSUFFICIENT EVIDENCE", f"{said}: {OPEN}", [useful], more)
    faults = shared_faults(gates, judge, {"length": "TRUST WITH CORRECTION", "own": "TRUST WITH CORRECTION"})
    do = correction_of_level(judge, lab)
    for worst, what in (
        (_worst(overall), "its mean error"),
        (_worst([*systems.values()]), _whose_error(lab, systems)),
    ):
        if worst is not None and (worst.met is False or worst in overall):
            off = "is too large" if worst.met is False else "may be too large"
            faults.append(Fault(worst, "TRUST WITH CORRECTION", f"{what} {off} ({worst.found})"))
    made = _lowered(draft, "TRUST", (said, useful), faults)
    return made if made.verdict == "TRUST" else replace(made, correction=(*made.correction, *do))


def _whose_error(lab: Labelled, systems: Mapping[str, Check]) -> str:
    worst = _worst([*systems.values()])
    at = [name for name, each in systems.items() if each is worst]
    if not at:
        return "its error"
    if kinds(lab):
        return f"its share of the label {at[0]!r}"
    return f"its error on the system {at[0]!r}, {systems[at[0]].what.rpartition(', ')[2]},"


def to_rank(gates: Gates, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
    """Decide whether systems may be ranked with it."""
    ranks, number, lab = judge.systems, association(judge), criterion.labelled
    systems = count(gates, "enough_systems", 0 if ranks is None else len(ranks.names))
    useful = of_number(gates, "agreement_use", number, lab)
    shown, turned = _order_of_systems(gates, ranks)
    draft = _draft(gates, criterion, judge, "rank", [
        systems, *shown, useful, cover_check(gates, judge), *length_checks(gates, judge),
        *own_checks(gates, judge),
    ])  # fmt: skip
    found = decided(gates, criterion, judge, draft, number)
    if found is not None or ranks is None:
        if found is not None and lab.weights is not None and found.verdict != "DO NOT USE":
            return replace(found, why=f"{found.why}; the order of systems is not computed with weights")
        return found or draft
    pairs = f"{len(ranks.names)} systems: pairs in {_order_by(lab)} order {told(ranks.pair_accuracy)}"
    soft = f"as sure of their differences as {whom(trusted=lab.trusted)} (soft pairwise accuracy)"
    known = not math.isnan(ranks.soft_accuracy.value)
    said = f"{pairs}; {soft} {told(ranks.soft_accuracy)}" if known else pairs
    if not useful.met:
        luck = f"its scores of single items hardly follow theirs ({useful.found}): it may be luck"
        more = more_labels(gates, "agreement_use", number, judge)
        return draft.but("INSUFFICIENT EVIDENCE", f"{said}, but {luck}", [useful], more)
    faults = shared_faults(gates, judge, {"length": "TRUST WITH CORRECTION", "own": "HUMAN IN THE LOOP"})
    if ranks.reversals:
        a, b = ranks.reversals[0]
        words = f"it turns round pairs that are told apart ({turned.found}), such as {a} and {b}"
        faults.append(Fault(turned, "HUMAN IN THE LOOP", words, RANK_BY))
        return _lowered(draft, "TRUST", (said, shown[0]), faults)
    order = _worst([each for each in shown if each.role == "asked"])
    if order is None or order.met is True:
        return _lowered(draft, "TRUST", (said, next(each for each in shown if each.met)), faults)
    if order.met is False:
        fault = Fault(order, "HUMAN IN THE LOOP", f"the order is off ({order.found})", RANK_BY)
        return _lowered(draft, "TRUST", (said, order), [*faults, fault])
    words = "the order is not certain, but items are judged well enough to correct it"
    faults.append(Fault(order, "TRUST WITH CORRECTION", words, RANK_BY))
    more = of_order(gates, (ranks.pair_accuracy, ranks.soft_accuracy))
    return _lowered(draft, "TRUST", (said, order), faults, more)


def _order_by(lab: Labelled) -> str:
    return "the labels'" if lab.trusted else "people's"


def _order_of_systems(gates: Gates, ranks: Systems | None) -> tuple[list[Check], Check]:
    """Return whether systems stand in people's order, softly and not, and whether a pair is turned round."""
    if ranks is None:
        return [], check(gates, "rank_accuracy", "no pair turned round", "no systems", None)
    order, least = at_least(gates, "rank_accuracy", ranks.pair_accuracy), gates["rank_accuracy"].value
    accuracy = ranks.soft_accuracy
    wished = gates["rank_soft"].value
    met = True if accuracy.value >= wished and accuracy.low >= least else None
    if accuracy.high < wished:
        met = False
    wanted = f"value at least {{}}, lower end at least {least:g}"
    soft = check(gates, "rank_soft", wanted, told(accuracy), None if math.isnan(accuracy.value) else met)
    if order.met or soft.met:  # one of the two is enough
        order, soft = (each if each.met else replace(each, role="beside") for each in (order, soft))
    turned = check(
        gates, "rank_accuracy", "none", f"{len(ranks.reversals)} of {ranks.n_pairs}", not ranks.reversals
    )
    turned = replace(turned, what="pairs of systems told apart by both sides, the other way round")
    return [order, soft, turned], turned


def findings(audit: Audit, gates: Gates) -> tuple[Finding, ...]:
    """Return a verdict for each criterion, judge (controls left out) and purpose."""

    def with_steps(found: Finding, criterion: CriterionAudit, judge: JudgeAudit) -> Finding:
        if criterion.labelled.trusted:
            found = replace(found, checks=tuple(replace(c, what=of_labels(c.what)) for c in found.checks))
        if found.verdict != "TRUST":
            return found
        lines = kept(gates, criterion, judge, found.purpose)
        return replace(found, correction=(*found.correction, *lines))

    return tuple(
        with_steps(decide(gates, criterion, judge), criterion, judge)
        for criterion in audit.criteria
        for judge in criterion.judges
        if not judge.is_control
        for decide in (to_rank, to_level, to_gate)
    )
