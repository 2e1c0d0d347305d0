"""Several recipes over one item as one: their rounds are asked together, their scores put together."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from judgekit.plan import Plan
from judgekit.recipes.grading import Grading
from judgekit.recipes.steps import in_step
from judgekit.roles import Judge
from judgekit.types import Answer, Item, Judged, Round, Score

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
