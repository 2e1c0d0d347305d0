"""Ask a plan, read, re-ask once what could not be read, let substitutes answer, aggregate.

`Grading` is the recipe of every verb, and a part of published ones. What a judge leaves open for reasons of
its own (unreachable, refused, cut off, not to be read) goes to its substitute in the same words; that is no
other judge of the panel, so that it never has two votes.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeGuard, TypeVar

from judgekit.aggregate import rubric_scores
from judgekit.errors import InputError
from judgekit.items.texts import is_empty
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.protocols.reading.material import Unfounded, founded
from judgekit.protocols.sheet import again
from judgekit.roles import Judge
from judgekit.rubric import Criterion, Rubric
from judgekit.scales import PAIR, Numbers, Scale, plain_number, settle
from judgekit.types import (
    EMPTY,
    INSTEAD_OF,
    Abstention,
    Answer,
    Call,
    Item,
    Judged,
    Outcome,
    Reason,
    Round,
    Score,
    Unit,
    Verdict,
    is_control,
)

T = TypeVar("T")
Rounds = Generator[Round, Sequence[Answer], T]
"""Asks round after round, is sent the answers of each, and returns what became of it."""
Aggregate = Callable[[Rubric, Item, Sequence[Outcome]], tuple[Score, ...]]
"""An aggregator: the rubric, an item and all its outcomes -> its scores."""
EMPTY_RATER = "control:empty"


def by_rule(plan: Plan, item: Item) -> tuple[Outcome, ...]:
    """Return an outcome for each question that is not asked, since it is about an empty response.

    By `on_empty`: `abstain`: an abstention, `blocked`. `lowest`: the label of least value; of a fault (a
    negative weight, a veto) the one of most, since the fault is there; an empty response loses to any other,
    two are a tie.
    """
    outcomes: dict[tuple[Unit, str], Outcome] = {}
    if plan.on_empty == "judge":
        return ()
    for sheet in plan.sheets_of(item):
        for unit, shown in sheet.views(item):
            for criterion in sheet.criteria if plan.ruled(item, shown) else ():
                outcomes[unit, criterion.id] = _ruled(plan, item, unit, criterion)
    return tuple(outcomes.values())


def _ruled(plan: Plan, item: Item, unit: Unit, criterion: Criterion) -> Outcome:
    if plan.on_empty == "abstain":
        return Abstention(EMPTY_RATER, unit, criterion.id, "blocked", "the response is empty")
    scale: Scale = criterion.scale
    if len(unit.responses) == 2:
        scale = PAIR
        first, second = (is_empty(item.responses[each]) for each in unit.responses)
        label = "tie" if first and second else "second" if first else "first"
    elif isinstance(scale, Numbers):
        label = plain_number(scale.high if is_fault(criterion) else scale.low)
    else:
        label = (max if is_fault(criterion) else min)(scale.labels, key=scale.worth.__getitem__)
    probs, label, value = settle(scale, {label: 1.0})
    return Verdict(
        rater=EMPTY_RATER, unit=unit, criterion=criterion.id, probs=probs, label=label, value=value,
        source="control", flags=(EMPTY,),
    )  # fmt: skip


def is_fault(criterion: Criterion) -> bool:
    """Tell whether a criterion describes a fault: what it says is better not so."""
    return criterion.weight < 0 or criterion.veto is not None


Reading = Callable[[Answer], Sequence[Outcome]]
FLAG = "substitute"
FAILED: frozenset[Reason] = frozenset({"unreachable", "refused", "truncated", "malformed"})


def check_substitutes(substitutes: Mapping[str, Judge], judges: Sequence[Judge]) -> None:
    """Refuse a substitute that stands in for no judge here, for two, or is a judge itself."""
    names = [judge.name for judge in judges]
    if strangers := sorted(set(substitutes) - set(names)):
        raise InputError(f"substitutes for {strangers}, which are no judges here; there are {sorted(names)}")
    standing = [judge.name for judge in substitutes.values()]
    for name in standing:
        if name in names:
            raise InputError(f"substitute {name!r} is a judge already and would have two votes; take another")
        if standing.count(name) > 1:
            raise InputError(f"substitute {name!r} stands in for several judges, and could have two votes")


def substituted(
    plan: Plan,
    substitutes: Mapping[str, Judge],
    calls: Sequence[Call],
    outcomes: list[tuple[Outcome, ...]],
    *,
    reading: Reading = lambda answer: read(answer.call, answer.reply),
) -> Rounds[list[tuple[Outcome, ...]]]:
    """Ask once more what judges with a substitute left open; its answers take the place of theirs."""
    failed = [
        i for i, some in enumerate(outcomes) if calls[i].judge in substitutes and any(map(_is_failed, some))
    ]
    if not failed:
        return outcomes
    asked = tuple(plan.addressed(calls[i], substitutes[calls[i].judge], calls[i].sample) for i in failed)
    merged = list(outcomes)
    for i, answer in zip(failed, (yield Round(asked)), strict=True):
        said = {(o.unit, o.criterion): o for o in reading(answer)}
        merged[i] = tuple(_instead(o, said[o.unit, o.criterion]) for o in outcomes[i])
    return merged


def one_vote_each(aggregate: Aggregate, substitutes: Mapping[str, Judge]) -> Aggregate:
    """Return an aggregator to which a judge and its substitute are one rater.

    Where a judge fails on one sample or order only, both have answered the same question; counted apart, they
    would have two votes against one of each other judge.
    """
    if not substitutes:
        return aggregate
    seats = {judge.name: name for name, judge in substitutes.items()}

    def seated(rubric: Rubric, item: Item, outcomes: Sequence[Outcome]) -> tuple[Score, ...]:
        return aggregate(
            rubric, item, [replace(o, rater=seats[o.rater]) if o.rater in seats else o for o in outcomes]
        )

    return seated


def _is_failed(outcome: Outcome) -> TypeGuard[Abstention]:
    return isinstance(outcome, Abstention) and outcome.reason in FAILED


def _instead(outcome: Outcome, other: Outcome) -> Outcome:
    """Return the substitute's verdict where the judge failed; where both failed, the judge's abstention."""
    if not _is_failed(outcome):
        return outcome
    if isinstance(other, Verdict):
        return replace(other, flags=(*other.flags, FLAG, f"{INSTEAD_OF}{outcome.rater}"))
    detail = f"{outcome.detail}; substitute {other.rater!r}: {other.reason}"
    return replace(outcome, detail=detail[:200])


_READ: tuple[Reason, ...] = ("truncated", "malformed", "missing", "off_scale")  # how far it was read
REASKED: frozenset[Reason] = frozenset(_READ)


class Counted(Protocol):
    """A recipe that says beforehand how many calls it will make."""

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return the plans whose first rounds it asks."""

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the judges it asks that are in no plan: writers, substitutes."""

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item."""

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Start on an item."""


class OverGrading:
    """What recipes of more rounds that are built on a `Grading` have of it: its plans and its helpers."""

    grading: "Grading"

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return the plan of the grading."""
        return self.grading.plans

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the substitutes of the grading."""
        return self.grading.helpers


@dataclass(frozen=True)
class Grading:
    """The recipe of `score`, `compare`, `rank` and `match`.

    Re-asks of what could not be read are calls of their own. `again` are reasons of stored abstentions that
    are asked anew; `substitutes` map a judge's name to who is asked where it fails; `unfounded` says what
    becomes of a verdict none of whose quotations stands in the material.
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
        """Refuse what only rounds of this class know, for a recipe that asks in rounds of its own."""
        given = {
            "substitutes": self.substitutes, "again": self.again, "unfounded": self.unfounded != "flag"
        }  # fmt: skip
        if stray := [name for name, v in given.items() if v and not (substitutes and name == "substitutes")]:
            raise InputError(f"{recipe} asks in rounds of its own, which know no {stray[0]!r}; leave it out")

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return the plan, alone."""
        return (self.plan,)

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the substitutes."""
        return tuple(self.substitutes.values())

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item."""
        n = self.plan.count(item)
        most = n * 2 if self.reask else n
        if not self.substitutes:
            return n, most
        return n, most + sum(call.judge in self.substitutes for call in self.plan.calls(item))

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Ask, read, re-ask, aggregate."""
        flat = yield from self.asked(item, self.plan.calls(item))
        return self.judged(item, (*flat, *by_rule(self.plan, item)))

    def judged(self, item: Item, outcomes: Sequence[Outcome]) -> Judged:
        """Return an item with its outcomes and the scores that they come to."""
        return Judged(item, tuple(outcomes), self.aggregate(self.plan.rubric_of(item), item, outcomes))

    def asked(self, item: Item, calls: tuple[Call, ...]) -> Rounds[tuple[Outcome, ...]]:
        """Return the outcomes of calls of the plan: asked, read, re-asked, put to substitutes."""
        answers = list((yield Round(calls)))
        outcomes = [read(a.call, a.reply) for a in answers]
        if self.again:
            stale = [i for i, a in enumerate(answers) if a.stored and _has(outcomes[i], self.again)]
            anew = (yield Round(tuple(answers[i].call for i in stale), again=True)) if stale else ()
            for i, answer in zip(stale, anew, strict=True):
                outcomes[i] = read(answer.call, answer.reply)
        if self.reask:
            outcomes = yield from self._reasked(item, answers, outcomes)
        if self.substitutes:
            outcomes = yield from substituted(self.plan, self.substitutes, calls, outcomes)
        return founded([outcome for some in outcomes for outcome in some], self.unfounded)

    def _reasked(
        self, item: Item, answers: Sequence[Answer], outcomes: list[tuple[Outcome, ...]]
    ) -> Rounds[list[tuple[Outcome, ...]]]:
        """Put what could not be read into one more call, whose answers take the place of the abstentions.

        Where a call cannot be cut down to what is open, it answers again what was read already; that stays.
        """
        failed = [
            i
            for i, some in enumerate(outcomes)
            if _has(some, REASKED)
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
        """Return the re-ask of a call, for the criteria that abstained only."""
        open_ids = [o.criterion for o in outcomes if isinstance(o, Abstention) and o.reason in REASKED]
        why = next(o.reason for o in outcomes if isinstance(o, Abstention) and o.reason in REASKED)
        if len(open_ids) < len(call.asks) and self.plan.asked_by.apart:
            rubric = self.plan.rubric_of(item)
            sheet = self.plan.sheet(rubric, [rubric.by_id[cid] for cid in open_ids], 0)
            if call.material is not None:
                fewer = sheet.ask_about(call.item or item, (call.asks[0].unit, call.shown), call.material)
                call = replace(fewer, judge=call.judge, sample=call.sample)
        return asked_again(self.plan, call, why)


def asked_again(plan: Plan, call: Call, why: Reason) -> Call:
    """Return the second attempt of a call of a plan, which says why the first one could not be read."""
    judge = next(judge for judge in plan.judges if judge.name == call.judge)
    return plan.addressed(replace(call, messages=again(call, why), attempt=2), judge, call.sample)


def _has(outcomes: Sequence[Outcome], reasons: Collection[Reason]) -> bool:
    return any(isinstance(o, Abstention) and o.reason in reasons for o in outcomes)


def _better(first: Outcome, second: Outcome) -> Outcome:
    """Return what holds after a re-ask: the first if it was read, or if the second was read less far."""
    if not isinstance(first, Abstention) or first.reason not in REASKED:
        return first
    if not isinstance(second, Abstention) or second.reason not in REASKED:
        return second
    return second if _READ.index(second.reason) >= _READ.index(first.reason) else first


def in_step(walks: Sequence[Rounds[T]]) -> Rounds[list[T]]:
    """Walk generators together, and return what each returned; one that ends early is not waited for."""
    done: dict[int, T] = {}
    answers: dict[int, Sequence[Answer]] = dict.fromkeys(range(len(walks)), ())
    first = True
    while answers:
        rounds: dict[int, Round] = {}
        for i, own in answers.items():
            try:
                rounds[i] = next(walks[i]) if first else walks[i].send(own)
            except StopIteration as end:
                done[i] = end.value
        first = False
        answers = yield from _asked(rounds)
    return [done[i] for i in range(len(walks))]


def _asked(rounds: Mapping[int, Round]) -> Rounds[dict[int, Sequence[Answer]]]:
    """Return the answers to rounds asked together; those that ask anew, apart from those that do not."""
    answers: dict[int, Sequence[Answer]] = {}
    for anew in (False, True):
        own = {i: each for i, each in rounds.items() if each.again is anew}
        if not own:
            continue
        calls = tuple(call for each in own.values() for call in each.calls)
        left = list((yield Round(calls, again=anew)))
        for i, each in own.items():
            answers[i], left = left[: len(each.calls)], left[len(each.calls) :]
    return answers


Combine = Callable[[Item, Sequence[Judged]], tuple[Score, ...]]
"""What became of an item in each part -> its scores."""


@dataclass(frozen=True)
class Together:
    """Recipes whose first rounds go out as one, then their second; without `combine` all scores stay."""

    parts: tuple[Grading, ...]
    combine: Combine | None = None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return the plans of all parts."""
        return tuple(plan for part in self.parts for plan in part.plans)

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the helpers of all parts; parts with the same judges have the same substitutes."""
        return tuple({judge.name: judge for part in self.parts for judge in part.helpers}.values())

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item."""
        each = [part.calls(item) for part in self.parts]
        return sum(least for least, _ in each), sum(most for _, most in each)

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Walk all parts in step."""
        parts = yield from in_step([part(item) for part in self.parts])
        outcomes = tuple(o for judged in parts for o in judged.outcomes)
        scores = tuple(score for judged in parts for score in judged.scores)
        return Judged(item, outcomes, scores if self.combine is None else self.combine(item, parts))
