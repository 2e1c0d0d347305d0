"""Ask a plan, read, re-ask once what could not be read, let substitutes answer, aggregate.

The recipe of every verb: what is asked (one response, a pair, a list) is the plan's affair. It is
also the part that the published recipes of several rounds are put together from.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from judgekit.aggregate import rubric_scores
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.protocols.reading.evidence import Unfounded, founded
from judgekit.protocols.sheet import again
from judgekit.recipes.empty import by_rule
from judgekit.recipes.substitutes import check_substitutes, substituted
from judgekit.roles import Judge
from judgekit.rubric import Rubric
from judgekit.types import Abstention, Answer, Call, Item, Judged, Outcome, Reason, Round, Score, is_control

Aggregate = Callable[[Rubric, Item, Sequence[Outcome]], tuple[Score, ...]]
"""An aggregator: the rubric, an item and all its outcomes -> its scores."""

_READ: tuple[Reason, ...] = ("truncated", "malformed", "missing", "off_scale")  # how far it was read
REASKED: frozenset[Reason] = frozenset(_READ)


class Counted(Protocol):
    """A recipe that says beforehand how many calls it will make."""

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans whose first rounds it asks."""
        ...

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Judges it asks that are in no plan: writers, substitutes."""
        ...

    def calls(self, item: Item) -> tuple[int, int]:
        """The least and the most calls for an item."""
        ...

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
        """Start on an item."""
        ...


class OverGrading:
    """What recipes of more rounds that are built on a `Grading` have of it: its plans and its helpers."""

    grading: "Grading"

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan of the grading."""
        return self.grading.plans

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """The substitutes of the grading."""
        return self.grading.helpers


@dataclass(frozen=True)
class Grading:
    """The recipe of `score`, `compare`, `rank` and `match`.

    Args:
        plan: What is asked.
        reask: Whether what could not be read is asked once more, in a call of its own.
        again: Reasons of stored abstentions that are asked anew instead of being served.
        aggregate: From the outcomes of an item to its scores.
        substitutes: Name of a judge -> who is asked in its place where it fails.
        unfounded: What becomes of a verdict none of whose quotations stands in the material: `flag`, or
            `abstain`.

    Raises:
        InputError: If a substitute is a judge of the plan, stands in for two, or has no one to stand in for.
    """

    plan: Plan
    reask: bool = True
    again: Collection[Reason] = ()
    aggregate: Aggregate = rubric_scores
    substitutes: Mapping[str, Judge] = field(default_factory=dict)
    unfounded: Unfounded = "flag"

    def __post_init__(self) -> None:
        check_substitutes(self.substitutes, self.plan.judges)

    def check_asks_itself(self, recipe: str, *, substitutes: bool = False) -> None:
        """See that nothing was asked for that only rounds of this class do, where a recipe has its own.

        Args:
            recipe: What it is called in the message.
            substitutes: Whether its rounds ask substitutes.

        Raises:
            InputError: If substitutes, or an answer to stored abstentions or unfounded verdicts, are set.
        """
        given = {
            "substitutes": self.substitutes, "again": self.again, "unfounded": self.unfounded != "flag"
        }  # fmt: skip
        if stray := [name for name, v in given.items() if v and not (substitutes and name == "substitutes")]:
            raise InputError(f"{recipe} asks in rounds of its own, which know no {stray[0]!r}; leave it out")

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan."""
        return (self.plan,)

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """The substitutes."""
        return tuple(self.substitutes.values())

    def calls(self, item: Item) -> tuple[int, int]:
        """The least and the most calls for an item."""
        n = self.plan.count(item)
        most = n * 2 if self.reask else n
        if not self.substitutes:
            return n, most
        return n, most + sum(call.judge in self.substitutes for call in self.plan.calls(item))

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
        """Ask, read, re-ask, aggregate."""
        flat = yield from self.asked(item, self.plan.calls(item))
        flat = (*flat, *by_rule(self.plan, item))
        return Judged(item, flat, self.aggregate(self.plan.rubric_of(item), item, flat))

    def asked(
        self, item: Item, calls: tuple[Call, ...]
    ) -> Generator[Round, Sequence[Answer], tuple[Outcome, ...]]:
        """The outcomes of calls of the plan: asked, read, re-asked, put to substitutes."""
        answers = list((yield Round(calls)))
        outcomes = [read(a.call, a.reply) for a in answers]
        if self.again:
            stale = [i for i, a in enumerate(answers) if a.stored and self._wants(outcomes[i], self.again)]
            outcomes = yield from _asked_anew(outcomes, [answers[i].call for i in stale], stale)
        if self.reask:
            outcomes = yield from self._reasked(item, answers, outcomes)
        if self.substitutes:
            outcomes = yield from substituted(self.plan, self.substitutes, calls, outcomes)
        return founded([outcome for some in outcomes for outcome in some], self.unfounded)

    @staticmethod
    def _wants(outcomes: Sequence[Outcome], reasons: Collection[Reason]) -> bool:
        return any(isinstance(o, Abstention) and o.reason in reasons for o in outcomes)

    def _reasked(
        self, item: Item, answers: Sequence[Answer], outcomes: list[tuple[Outcome, ...]]
    ) -> Generator[Round, Sequence[Answer], list[tuple[Outcome, ...]]]:
        """One more call for what could not be read; its answers take the place of the abstentions.

        Where a call cannot be cut down to what is open, it answers again what was read already; that stays.
        """
        failed = [
            i
            for i, some in enumerate(outcomes)
            if self._wants(some, REASKED)
            # What met a limit, and says so, would meet it again; letters have a limit of their own.
            and (answers[i].reply.fault is None or answers[i].call.letters)
            and not is_control(answers[i].call.judge)
        ]
        if not failed:
            return outcomes
        calls = tuple(self._reask_call(item, answers[i].call, outcomes[i]) for i in failed)
        new = [read(a.call, a.reply) for a in (yield Round(calls))]
        merged = list(outcomes)
        for i, some in zip(failed, new, strict=True):
            second = {(o.unit, o.criterion): o for o in some}
            merged[i] = tuple(_better(o, second.get((o.unit, o.criterion), o)) for o in outcomes[i])
        return merged

    def _reask_call(self, item: Item, call: Call, outcomes: Sequence[Outcome]) -> Call:
        """The re-ask of a call, for the criteria that abstained only."""
        open_ids = [o.criterion for o in outcomes if isinstance(o, Abstention) and o.reason in REASKED]
        why = next(o.reason for o in outcomes if isinstance(o, Abstention) and o.reason in REASKED)
        if len(open_ids) < len(call.asks) and self.plan.asked_by.apart:
            rubric = self.plan.rubric_of(item)
            sheet = self.plan.sheet(rubric, [rubric.by_id[cid] for cid in open_ids], 0)
            if call.material is not None:
                fewer = sheet.ask_about(call.item or item, (call.asks[0].unit, call.shown), call.material)
                call = replace(fewer, judge=call.judge, sample=call.sample)
        judge = next(j for j in self.plan.judges if j.name == call.judge)
        second = replace(call, messages=again(call, why), attempt=2)
        return self.plan.addressed(second, judge, call.sample)


def _better(first: Outcome, second: Outcome) -> Outcome:
    """What holds after a re-ask: the first if it was read, or if the second was read less far."""
    if not isinstance(first, Abstention) or first.reason not in REASKED:
        return first
    if not isinstance(second, Abstention) or second.reason not in REASKED:
        return second
    return second if _READ.index(second.reason) >= _READ.index(first.reason) else first


def _asked_anew(
    outcomes: list[tuple[Outcome, ...]], calls: Sequence[Call], places: Sequence[int]
) -> Generator[Round, Sequence[Answer], list[tuple[Outcome, ...]]]:
    if not calls:
        return outcomes
    merged = list(outcomes)
    for i, answer in zip(places, (yield Round(tuple(calls), again=True)), strict=True):
        merged[i] = read(answer.call, answer.reply)
    return merged
