"""What a job comes to in batches, before anything is sent: if it can go so, at which prices, in how many."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple

from judgekit.batches.carriers import MOST_BYTES, MOST_LINES
from judgekit.batches.desk import Batching
from judgekit.errors import InputError, there_are
from judgekit.recipes.grading import Counted
from judgekit.roles import Deferring, Judge, Priced
from judgekit.types import Answer, Item, Reply

_OPTIONS = {"batch": ("wait", "leave"), "then": ("live",)}
_AROUND = 400  # bytes around the texts of a call


def batching_of(judges: Iterable[Judge], given: Mapping[str, Any], *, kept: bool, again: bool) -> Batching:
    """Return how a run goes through batches; its judges count the prices of batches from now on.

    `given` has the options `batch`, `then` and `say`; `kept` says whether there is a ledger, `again` whether
    all items can be read again and again, and are judged.
    """
    for name, choices in _OPTIONS.items():
        if given[name] not in {None, *choices}:
            raise InputError(f"{name}={given[name]!r}; {there_are(given[name], choices)}")
    if given["batch"] is None:
        raise InputError(
            "then is of batches; say batch='wait' or batch='leave' with it (--batch on the command line)"
        )
    if not kept:
        raise InputError("batch keeps in the ledger what is out; name one, and not ledger=None")
    if not again:
        raise InputError(
            "batch reads all items once a round and asks about all: hand in a file or a list, and leave "
            "until_separated out, which ends a run early"
        )
    say: Callable[[str], None] = given["say"] or (lambda _: None)
    for judge in judges:
        other = isinstance(judge, Deferring) and not judge.at_batch_rates()
        if other and isinstance(judge, Priced) and judge.cost(1, 1) is not None:
            say(f"judge {judge.name!r}: no price of batches is known; its other price is counted")
    return Batching(leave=given["batch"] == "leave", live=given["then"] == "live", say=say)


class Forecast(NamedTuple):
    """What the first round comes to, were nothing stored: batches, and bytes in all; and rounds at least."""

    batches: int
    bytes: int
    rounds: int


def forecast(recipe: Counted, items: Iterable[Item]) -> Forecast:
    """Return what a recipe comes to in batches; nothing is sent."""
    carried = {judge.name for plan in recipe.plans for judge in plan.judges if isinstance(judge, Deferring)}
    lines: dict[str, int] = defaultdict(int)
    sizes: dict[str, int] = defaultdict(int)
    rounds = 0
    for item in items:
        rounds = max(rounds, _rounds(recipe, item))
        for call in chain.from_iterable(plan.calls(item) for plan in recipe.plans):
            if call.judge in carried:
                lines[call.judge] += 1
                sizes[call.judge] += _AROUND + sum(len(each.content.encode()) for each in call.messages)
    batches = sum(math.ceil(max(lines[each] / MOST_LINES, sizes[each] / MOST_BYTES)) for each in lines)
    return Forecast(batches, sum(sizes.values()), rounds)


def _rounds(recipe: Counted, item: Item) -> int:
    """Return the rounds that the least number of calls takes, for judges who give no answer."""
    least, _ = recipe.calls(item)
    steps, asked, rounds = recipe(item), 0, 1
    try:
        round_ = next(steps)
        while (asked := asked + len(round_.calls)) < least:
            round_ = steps.send([Answer(call, Reply(fault="cancelled")) for call in round_.calls])
            rounds += 1
    except StopIteration:
        pass
    finally:
        steps.close()
    return rounds
