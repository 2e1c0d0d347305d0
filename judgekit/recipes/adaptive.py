"""Items asked one after another, as an item bank picks them by what was answered before.

What is walked is a system, with its responses to all items: of these the bank picks one, the recipe of the
job judges it, its score picks the next. Several systems are walked side by side. A score that was not
obtained spends its item and teaches nothing.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from judgekit.aggregate.systems import settled
from judgekit.errors import InputError
from judgekit.plan import Plan
from judgekit.recipes.grading import Counted, Rounds
from judgekit.roles import Judge
from judgekit.standing.picking import Answer
from judgekit.standing.placing import Placed
from judgekit.types import CallMade, Item, Judged, Outcome, Score

Picking = Callable[[Sequence[str]], Generator[str, Answer, Placed]]
"""From the ids of the items that a system has a response to, to what picks among them."""


@dataclass(frozen=True)
class Adaptive:
    """A recipe over systems; `responses` is system -> item id -> the item with its one response."""

    recipe: Counted
    picking: Picking
    responses: Mapping[str, Mapping[str, Item]]

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Return the plans of the recipe."""
        return self.recipe.plans

    @property
    def helpers(self) -> tuple[Judge, ...]:
        """Return the helpers of the recipe."""
        return self.recipe.helpers

    def calls(self, item: Item) -> tuple[int, int]:
        """Return the least and the most calls for an item as it was read: none, or all of its responses."""
        own = [of[item.item_id] for of in self.responses.values() if item.item_id in of]
        return 0, sum(self.recipe.calls(each)[1] for each in own)

    def walked(self) -> Iterator[Item]:
        """Yield an item for each system, of its name."""
        yield from (Item(system) for system in self.responses)

    def __call__(self, item: Item, /) -> Rounds[Judged]:
        """Judge what is picked, until that ends."""
        of = self.responses[item.item_id]
        steps = self.picking([*of])
        outcomes: list[Outcome] = []
        scores: list[Score] = []
        answer: Answer = None
        while (picked := _next(steps, answer)) is not None:
            judged = yield from self.recipe(of[picked])
            outcomes += judged.outcomes
            scores += judged.scores
            one = settled(judged.scores)
            answer = None if one is None else one.value
            if answer is not None and not 0 <= answer <= 1:
                raise InputError(f"item {picked!r}: a score of {answer:g}; a bank takes scores from 0 to 1")
        return Judged(item, tuple(outcomes), tuple(scores))


def _next(steps: Generator[str, Answer, Placed], answer: Answer) -> str | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None


def by_system(items: Iterable[Item], known: Iterable[str]) -> dict[str, dict[str, Item]]:
    """Return system -> item id -> the item with that system's response alone, of items that are known."""
    found: dict[str, dict[str, Item]] = {}
    wanted = set(known)
    for item in items:
        for response, text in item.responses.items() if item.item_id in wanted else ():
            own = found.setdefault(item.systems.get(response) or response, {})
            if item.item_id in own:
                raise InputError(
                    f"item {item.item_id!r} has two responses of one system; a bank asks for one of each"
                )
            own[item.item_id] = replace(item, responses={response: text})
    if not found:
        raise InputError(
            "no item is in the bank, so that nothing can be picked; items are known by their ids"
        )
    return found


def parted(judged: Judged, of: Mapping[str, Item]) -> Iterator[Judged]:
    """Yield what became of each item of a system, in the order they were picked."""
    outcomes: dict[str, list[Outcome]] = {}
    scores: dict[str, list[Score]] = {}
    calls: dict[str, list[CallMade]] = {}
    for outcome in judged.outcomes:
        outcomes.setdefault(outcome.unit.item_id, []).append(outcome)
    for score in judged.scores:
        scores.setdefault(score.unit.item_id, []).append(score)
    for call in judged.calls:
        calls.setdefault(call.item_id, []).append(call)
    for item, own in outcomes.items():
        yield Judged(of[item], tuple(own), tuple(scores.get(item, ())), tuple(calls.get(item, ())))
