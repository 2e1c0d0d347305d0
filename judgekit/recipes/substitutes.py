"""Substitutes: who is asked in the place of a judge that failed.

What a judge leaves open for reasons of its own (it cannot be reached, refuses, is cut off, writes
what cannot be read) goes to its substitute in the same words; the substitute's verdicts stand under
its own name, flagged `substitute`. An answer that a judge did give is never asked again. A substitute
stands in for one judge and is no other judge of the panel, so that it never has two votes.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.roles import Judge
from judgekit.rubric import Rubric
from judgekit.types import (
    INSTEAD_OF,
    Abstention,
    Answer,
    Call,
    Item,
    Outcome,
    Reason,
    Round,
    Score,
    Verdict,
)

Aggregate = Callable[[Rubric, Item, Sequence[Outcome]], tuple[Score, ...]]
Reading = Callable[[Answer], Sequence[Outcome]]
FLAG = "substitute"
FAILED: frozenset[Reason] = frozenset({"unreachable", "refused", "truncated", "malformed"})


def check_substitutes(substitutes: Mapping[str, Judge], judges: Sequence[Judge]) -> None:
    """See that every substitute stands in for one judge of a panel and is none itself.

    Raises:
        InputError: If not; says which.
    """
    names = [judge.name for judge in judges]
    if strangers := sorted(set(substitutes) - set(names)):
        raise InputError(f"substitutes for {strangers}, which are no judges here; there are {sorted(names)}")
    standing = [judge.name for judge in substitutes.values()]
    for name in standing:
        if name in names:
            raise InputError(f"substitute {name!r} is a judge already and would have two votes; take another")
        if standing.count(name) > 1:
            raise InputError(f"substitute {name!r} stands in for several judges, and could have two votes")


def _plainly(answer: Answer) -> Sequence[Outcome]:
    return read(answer.call, answer.reply)


def substituted(
    plan: Plan,
    substitutes: Mapping[str, Judge],
    calls: Sequence[Call],
    outcomes: list[tuple[Outcome, ...]],
    *,
    reading: Reading = _plainly,
) -> Generator[Round, Sequence[Answer], list[tuple[Outcome, ...]]]:
    """One more round, for what judges with a substitute left open; its answers take the place of theirs.

    Args:
        plan: Addresses the calls.
        substitutes: Name of a judge -> who stands in for it.
        calls: The calls of the first round.
        outcomes: What was read of each.
        reading: How an answer is read.
    """
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
    """An aggregator to which a judge and its substitute are one rater.

    Where a judge fails on one sample or order only, both have answered the same question; counted apart,
    they would have two votes against one of each other judge.
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
    """The substitute's verdict where the judge failed; where it failed as well, the judge's abstention."""
    if not _is_failed(outcome):
        return outcome
    if isinstance(other, Verdict):
        return replace(other, flags=(*other.flags, FLAG, f"{INSTEAD_OF}{outcome.rater}"))
    detail = f"{outcome.detail}; substitute {other.rater!r}: {other.reason}"
    return replace(outcome, detail=detail[:200])
