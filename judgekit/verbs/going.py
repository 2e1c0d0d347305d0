"""How far a job is, shown while it is walked: items, rate, cost, abstentions, and the time left."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from judgekit.run import Tally
from judgekit.terminal.progress import Progress
from judgekit.verbs.job import Job

_LOOKS = 0.25  # seconds between two looks at the counts: the run itself is not told of being watched


@asynccontextmanager
async def followed(job: Job) -> AsyncGenerator[None, None]:
    """Show how far a job is while it is walked, unless its option `progress` is off."""
    total = None if job.surveyed is None else job.surveyed.n_items
    with Progress("scoring", "items", total=total, shown=job.progress) as shown:
        looking = asyncio.create_task(_look(job.tally, shown)) if shown.shown else None
        try:
            yield
        finally:
            if looking is not None:
                looking.cancel()
                shown.at(job.tally.items, note=_note(job.tally))


async def _look(tally: Tally, shown: Progress) -> None:
    while shown.shown:
        await asyncio.sleep(_LOOKS)
        shown.at(tally.items, note=_note(tally))


def _note(tally: Tally) -> str:
    """Return cost and abstentions.

    >>> _note(Tally(cost_usd=0.25, unpriced=1))
    '$0.2500 and calls of unknown price, 0 abstained'
    """
    cost = f"${tally.cost_usd:.4f}" + (" and calls of unknown price" if tally.unpriced else "")
    return f"{cost}, {sum(tally.abstentions.values())} abstained"
