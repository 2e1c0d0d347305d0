"""A second look: the same judge is shown its own answer to the same question, and confirms or revises it.

Self-verification is never presumed to help: a judge that is asked again may as well give up a right answer.
So the first answer stays with the second (`first_pass:LABEL`), and `agree` counts what became of right and of
wrong ones. The first answer is a judge's words on untrusted text, so it stands in a fence like all of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from judgekit.errors import InputError
from judgekit.fences import Fences, fences_of
from judgekit.plan import Plan
from judgekit.prompt import Ours
from judgekit.protocols import Sheet
from judgekit.protocols.sheet import LETTERS
from judgekit.recipes.grading import Grading, OverGrading, Rounds, in_step
from judgekit.roles import Choosy
from judgekit.scales import writable
from judgekit.types import BEFORE_LOOK, Call, Item, Judged, Outcome, Verdict, is_control

REVISED, LOST = "revised", "second_lost"
GUIDELINES = (
    "The `<earlier TAG>` after the responses is your own first answer to this question. It may be right "
    "or wrong. Look at the material again, without taking the answer for granted, and then either confirm it "
    "by giving the same answer, or revise it by giving another."
)


@dataclass(frozen=True)
class SecondLook(OverGrading):
    """Ask, show each judge its answer, and ask the same once more.

    A verdict of the second round says in its flags what the first was (`first_pass:LABEL`), and whether it is
    `revised`; where the second was not obtained the first holds, flagged `second_lost`. What nobody answered,
    what a substitute did, and rules are not asked about again.
    """

    grading: Grading

    def __post_init__(self) -> None:
        for judge in self.grading.plan.judges:
            if isinstance(judge, Choosy):
                raise InputError(
                    f"judge {judge.name!r} gives labels only and is shown no answer; leave it out, or take "
                    "another recipe"
                )
        if self.grading.plan.asked_by.shows == "all" or self.grading.plan.form == "scores":
            raise InputError(
                "a second look is at labels of a response or of a pair, not at ranks or scores of two"
            )

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls: nothing can be read, or all is asked in both rounds."""
        least, most = self.grading.calls(item)
        again = sum(not is_control(call.judge) for call in self.grading.plan.calls(item))
        return least, most + again * (2 if self.grading.reask else 1)

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Ask, show, ask again, aggregate what holds in the end."""
        calls = self.grading.plan.calls(item)
        first = yield from in_step([self.grading.asked(item, (call,)) for call in calls])
        fences = fences_of(item)
        again = {
            i: self._again(item, call, own, fences)
            for i, (call, own) in enumerate(zip(calls, first, strict=True))
            if not is_control(call.judge) and any(_is_own(o, call) for o in own)
        }
        second = yield from in_step([self.grading.asked(item, (call,)) for call in again.values()])
        found = dict(zip(again, second, strict=True))
        held = [o for i, own in enumerate(first) for o in _held(own, found.get(i, ()))]
        return self.grading.judged(item, held)

    def _again(self, item: Item, call: Call, first: Sequence[Outcome], fences: Fences) -> Call:
        """Return the same question with the first answer behind the responses."""
        sheet = cast("Sheet", call.sheet)
        told = "\n".join(_told(call, o) for o in first if _is_own(o, call))
        material = fences.show(
            call.shown, letters=LETTERS if sheet.lettered else "", after=[("earlier", told)]
        )
        looking = "\n".join(each for each in (str(sheet.static.get("guidelines", "")), GUIDELINES) if each)
        sheet = replace(sheet, static={**sheet.static, "guidelines": Ours(looking)})
        asked = sheet.ask_about(item, (call.asks[0].unit, call.shown), material)
        judge = next(judge for judge in self.grading.plan.judges if judge.name == call.judge)
        return Plan.addressed(replace(asked, variant="second_look"), judge, call.sample)


def _is_own(outcome: Outcome, call: Call) -> bool:
    return isinstance(outcome, Verdict) and outcome.rater == call.judge


def _told(call: Call, outcome: Outcome) -> str:
    """Return an answer in the words that it was asked in, and its reasons."""
    verdict = cast("Verdict", outcome)
    said = {meant: said for said, meant in call.meant}.get(verdict.label, verdict.label)
    named = f"{verdict.criterion}: {said}" if len(call.asks) > 1 else f"answer: {said}"
    reasons = " ".join(verdict.rationale.split())
    return writable(f"{named}\nreasons: {reasons}" if reasons else named)


def _held(first: Sequence[Outcome], second: Sequence[Outcome]) -> list[Outcome]:
    """Return what holds of each answer after the second look."""
    later = {(o.unit, o.criterion): o for o in second}
    return [_after(o, later.get((o.unit, o.criterion))) for o in first]


def _after(first: Outcome, second: Outcome | None) -> Outcome:
    if second is None:
        return first
    if not isinstance(first, Verdict):
        return second
    if not isinstance(second, Verdict):
        return replace(first, flags=(*first.flags, LOST))
    revised = (REVISED,) if second.label != first.label else ()
    return replace(second, flags=(*second.flags, f"{BEFORE_LOOK}{first.label}", *revised))
