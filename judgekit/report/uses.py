"""What a judge may be used for: what people's labels say of it, lowered by the faults that probes show.

Which fault matters for which use, and what it leaves, stands in `faults.toml`. Without labels there is never
trust: faults can show that a judge is of no use, and nothing but labels that it is of any.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.wording import told
from judgekit.probes.records import Shift
from judgekit.report.purposes import PURPOSES, VERDICTS, Finding, Verdict

USES: Mapping[str, str] = {
    **{str(k): v for k, v in PURPOSES.items()},
    "reward": "reward a policy in training",
}
"""What a judge is used for: the purposes of an audit, and rewards, which go by verdicts on single items."""
_LETTERS: Mapping[str, Verdict] = {
    "T": "TRUST", "C": "TRUST WITH CORRECTION", "H": "HUMAN IN THE LOOP", "D": "DO NOT USE"
}  # fmt: skip
ALWAYS = 0.9
"""A share from which on a judge is said always to do what moves it."""
UNLABELLED = "nobody has labelled these items, so that how far it agrees with people is not known"
LABEL = (
    "have people label 50 of these items, 30 of them two people (judgekit review export), and make the card "
    "again with the labels"
)
OTHER = "take another judge, or ask this one otherwise, and make the card again"
_TOLD = 2  # faults that are told in the reason of a use; the rest are named
_WATCHED = "let a hidden judge watch it in training (judgekit.rewards: Watch with hidden=...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is said of one use of a judge.

    Args:
        purpose: A name of `USES`.
        criterion: What people labelled; empty where nobody did.
        verdict: One of the audit's.
        why: The reason, the faults that decided in it.
        faults: The probes whose faults matter for this use, the gravest first.
        do: What to do, first things first.
        change: What would change the verdict.
    """

    purpose: str
    criterion: str
    verdict: Verdict
    why: str
    faults: tuple[str, ...] = ()
    do: tuple[str, ...] = ()
    change: tuple[str, ...] = ()


@cache
def rules() -> Mapping[str, Any]:
    """Return what stands in `faults.toml`."""
    found: Mapping[str, Any] = tomllib.loads(
        Path(__file__).with_name("faults.toml").read_text(encoding="utf-8")
    )
    return found


def size(shift: Shift) -> float:
    """Return how large a fault is, as `faults.toml` counts it."""
    own = shift.failed.value if shift.probe.expects == "fall" else abs(shift.shift.value)
    return max(each for each in (own, shift.silenced.value, 0.0) if each == each)  # noqa: PLR0124 - nan


def leaves(shift: Shift, purpose: str, *, paired: bool) -> Verdict:
    """Return the best verdict that a fault leaves for a use."""
    table = rules()["faults"]
    row = table.get(shift.probe.name) or table.get(shift.probe.group) or table["else"]
    if row.get("pairs") and not paired:
        return "TRUST"
    return _LETTERS[row[purpose][int(size(shift) >= row["large"])]]


def uses(shifts: Sequence[Shift], found: Iterable[Finding] = (), *, paired: bool = False) -> tuple[Use, ...]:
    """Return what a judge may be used for, by its shifts and by what its audit found.

    `paired` tells whether it judges responses in pairs.

    >>> [(each.purpose, each.verdict) for each in uses(())][:2]
    [('rank', 'INSUFFICIENT EVIDENCE'), ('level', 'INSUFFICIENT EVIDENCE')]
    """
    labelled = [each for finding in found for each in _labelled(finding)]
    none = [
        Use(purpose=each, criterion="", verdict="INSUFFICIENT EVIDENCE", why=UNLABELLED, do=(LABEL,))
        for each in USES
    ]
    order = list(USES)
    known = sorted(labelled or none, key=lambda each: order.index(each.purpose))
    return tuple(_lowered(_tried(each, shifts), shifts, paired=paired) for each in known)


def _labelled(finding: Finding) -> list[Use]:
    """Return what an audit found, as uses; a reward stands on what is said of single items."""
    own = Use(
        purpose=finding.purpose, criterion=finding.criterion, verdict=finding.verdict, why=finding.why,
        do=finding.correction, change=finding.change,
    )  # fmt: skip
    if finding.purpose != "gate":
        return [own]
    kept = () if finding.verdict == "TRUST" else own.do
    return [own, replace(own, purpose="reward", do=(*kept, _WATCHED))]


def _tried(use: Use, shifts: Sequence[Shift]) -> Use:
    """Return what is left of a use where what it needs was not tried, or on too few items to know."""
    if (need := rules()["needs"].get(use.purpose)) is None:
        return use
    group, most = need["group"], need["most"]
    own = [each for each in shifts if each.probe.group == group]
    open_ = [each for each in own if each.state != "fault" and not each.shift.high <= most]
    if own and not open_:
        return use
    why = f"no probe of the group {group!r} was asked, which this use needs"
    do = f"ask them: --only {group}"
    if own:
        names = ", ".join(each.probe.name for each in open_)
        why = f"it is not shown to move by {most:g} or less when it is attacked ({names})"
        do = "probe more items, or take more samples of each"
    worst = max((use.verdict, "INSUFFICIENT EVIDENCE"), key=VERDICTS.index)
    return replace(use, verdict=worst, why=f"{use.why}; {why}", do=(do, *use.do))


def _lowered(use: Use, shifts: Sequence[Shift], *, paired: bool) -> Use:
    """Return what the faults leave of a use."""
    faults = [(leaves(each, use.purpose, paired=paired), each) for each in shifts if each.state == "fault"]
    against = [(verdict, each) for verdict, each in faults if verdict != "TRUST"]
    against.sort(key=lambda each: (-VERDICTS.index(each[0]), -size(each[1])))
    worst = max([use.verdict, *(verdict for verdict, _ in against)], key=VERDICTS.index)
    said = together(each for _, each in against)
    words = [f"it {sentence}" for sentence, _ in said[:_TOLD]]
    if rest := [name for _, names in said[_TOLD:] for name in names]:
        words.append(f"more faults: {', '.join(rest)}")
    first = [*words, use.why] if worst != use.verdict else [use.why, *words]
    do = [each.remedy.rstrip(".") for _, each in against if each.remedy] + [*use.do]
    if worst == "DO NOT USE":
        do = [OTHER, *do[: len(against)]]
    return replace(
        use, verdict=worst, why="; ".join(first), faults=tuple(each.probe.name for _, each in against),
        do=tuple(dict.fromkeys(do)), change=use.change if worst == use.verdict else (),
    )  # fmt: skip


def together(faults: Iterable[Shift]) -> list[tuple[str, tuple[str, ...]]]:
    """Tell faults as ends of `it ...`, those of one meaning in one, with the names of their probes."""
    found: dict[str, dict[str, str]] = {}
    for each in faults:
        words, number = _meaning(each)
        found.setdefault(words, {})[each.probe.name] = number
    return [
        (f"{words} ({'; '.join(f'{name}{number}' for name, number in own.items())})", tuple(own))
        for words, own in found.items()
    ]


def _meaning(shift: Shift) -> tuple[str, str]:
    """Return what a fault means, and its number."""
    always = rules()["always"].get(shift.probe.name, {})
    if not shift.probe.says or shift.is_silence:
        return shift.says.partition(";")[0], ""
    number = f"{shift.failed.value:.0%} did not fall" if shift.probe.expects == "fall" else told(shift.shift)
    nearly = (always[each.name] for each in shift.more if each.name in always and each.value >= ALWAYS)
    says = next(nearly, shift.probe.says)
    return says, f": {number}"


def worst_of(known: Iterable[Use]) -> dict[str, Use]:
    """Return the worst that is said of each use, over criteria."""
    found: dict[str, Use] = {}
    for each in known:
        held = found.get(each.purpose)
        if held is None or VERDICTS.index(each.verdict) > VERDICTS.index(held.verdict):
            found[each.purpose] = each
    return found
