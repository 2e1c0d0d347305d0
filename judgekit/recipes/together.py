"""Several walked as one: generators of rounds in step, and recipes over one item put together.

Their first rounds go out as one, then their second.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from judgekit.plan import Plan
from judgekit.recipes.grading import Grading
from judgekit.roles import Judge
from judgekit.types import Answer, Item, Judged, Round, Score

T = TypeVar("T")


def in_step(
    walks: Sequence[Generator[Round, Sequence[Answer], T]],
) -> Generator[Round, Sequence[Answer], list[T]]:
    """Walk generators together.

    Returns:
        What each returned, in their order; one that ends early is not waited for.
    """
    rounds: dict[int, Round] = {}
    done: dict[int, T] = {}
    answers: dict[int, Sequence[Answer]] = dict.fromkeys(range(len(walks)), ())
    first = True
    while answers:
        rounds = {}
        for i, own in answers.items():
            try:
                rounds[i] = next(walks[i]) if first else walks[i].send(own)
            except StopIteration as end:
                done[i] = end.value
        first = False
        answers = yield from _asked(rounds)
    return [done[i] for i in range(len(walks))]


def _asked(rounds: Mapping[int, Round]) -> Generator[Round, Sequence[Answer], dict[int, Sequence[Answer]]]:
    """The answers to rounds asked together; those that ask anew, apart from those that do not."""
    answers: dict[int, Sequence[Answer]] = {}
    for again in (False, True):
        own = {i: each for i, each in rounds.items() if each.again is again}
        if not own:
            continue
        calls = tuple(call for each in own.values() for call in each.calls)
        left = list((yield Round(calls, again=again)))
        for i, each in own.items():
            answers[i], left = left[: len(each.calls)], left[len(each.calls) :]
    return answers


Combine = Callable[[Item, Sequence[Judged]], tuple[Score, ...]]
"""What became of an item in each part -> its scores."""


def all_scores(item: Item, parts: Sequence[Judged]) -> tuple[Score, ...]:  # noqa: ARG001 - a combiner's shape
    """The scores of every part, one after another."""
    return tuple(score for judged in parts for score in judged.scores)


@dataclass(frozen=True)
class Together:
    """Recipes whose first rounds go out as one, their second as one, and so on.

    Args:
        parts: The recipes.
        combine: From what became of the item in each to its scores.
    """

    parts: tuple[Grading, ...]
    combine: Combine = all_scores

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans of all parts."""
        return tuple(plan for part in self.parts for plan in part.plans)

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """The helpers of all parts; parts with the same judges have the same substitutes."""
        return tuple({judge.name: judge for part in self.parts for judge in part.helpers}.values())

    def calls(self, item: Item) -> tuple[int, int]:
        """The least and the most calls for an item."""
        each = [part.calls(item) for part in self.parts]
        return sum(least for least, _ in each), sum(most for _, most in each)

    def __call__(self, item: Item, /) -> Generator[Round, Sequence[Answer], Judged]:
        """Walk all parts in step."""
        parts = yield from in_step([part(item) for part in self.parts])
        outcomes = tuple(o for judged in parts for o in judged.outcomes)
        return Judged(item, outcomes, self.combine(item, parts))
