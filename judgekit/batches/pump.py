"""Walks recipes through batches, round by round, until nothing is missing."""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from typing import cast

from judgekit.batches.desk import Batching, Desk
from judgekit.batches.gather import Gatherer
from judgekit.errors import BatchesOut, JudgekitError, n_of
from judgekit.ledger import Ledger
from judgekit.roles import Judge, Recipe
from judgekit.run.drive import asking, check_budget
from judgekit.run.limits import Halt, Limits
from judgekit.run.send import Around
from judgekit.run.tally import Tally
from judgekit.types import Item, Judged


async def pumped(
    last: Iterable[Item],
    recipe: Recipe,
    judges: Mapping[str, Judge],
    *,
    items: Callable[[], Iterable[Item]],
    how: Batching,
    ledger: Ledger,
    limits: Limits,
    tally: Tally,
    spared: Collection[str] = (),
    around: Around = None,
) -> AsyncGenerator[Judged, None]:
    """Yield what becomes of each item, in the order of the items, when all of them are done.

    `items` gives them as often as they are walked, and `last` is walked in the end. Raises BatchesOut where
    the run was to be left meanwhile.
    """
    check_budget(judges.values(), limits)
    halt = Halt(spared)
    desk = Desk(ledger, how, hours=limits.batch_hours)
    try:
        async with asking(judges, ledger, limits, tally, halt, around=around, asker=Gatherer) as asker:
            gatherer = cast("Gatherer", asker)
            await gatherer.open(desk)
            while halt.error is None and await _is_missing(gatherer, desk, halt, items, recipe):
                await desk.wait(halt)
            async with aclosing(gatherer.walk(last, recipe, last=True)) as walked:
                async for judged in walked:
                    tally.judged(judged.outcomes)
                    yield judged
            if halt.error is not None:
                raise halt.error
            if gatherer.left:
                raise JudgekitError(f"{ledger.path}: replies that were there are gone; run again")
            tally.ledger_hits = max(tally.ledger_hits - gatherer.new, 0)
            desk.store.forget(gatherer.unanswered)
    finally:
        await desk.aclose()


async def _is_missing(
    asker: Gatherer, desk: Desk, halt: Halt, items: Callable[[], Iterable[Item]], recipe: Recipe
) -> bool:
    """Fetch what has come, walk all items, and send what they lack; whether they lack anything."""
    async with desk.turn():
        await desk.reconcile()
        try:
            await desk.fetch()
        except JudgekitError as error:
            halt.stop(error)
        async with aclosing(asker.walk(items(), recipe)) as walked:
            async for _ in walked:
                pass
        await asker.send()
    out = [batch for batch, *_ in desk.out()]
    if asker.left and not out:
        asker.check_stuck()
    if asker.left and out and desk.how.leave and halt.error is None:
        calls, them = n_of(sum(batch.n for batch in out), "call"), "1 batch is"
        them = them if len(out) == 1 else f"{len(out)} batches are"
        silent = f", and {desk.unasked} of them could not be asked about" if desk.unasked else ""
        raise BatchesOut(f"{them} out, of {calls}{silent}; run the same again to go on")
    return asker.left > 0
