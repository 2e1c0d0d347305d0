"""How far a job is, shown while it is walked: items, rate, cost, abstentions, and the time left."""

from judgekit.errors import n_of
from judgekit.run import Tally
from judgekit.terminal.progress import Progress
from judgekit.verbs.job import Job


def followed(job: Job) -> Progress:
    """Return what shows how far a job is, while it is entered; nothing where its option `progress` is off.

    It looks at the counts of the job, which is not told of being watched.
    """
    total = None if job.surveyed is None or job.shard is not None else job.surveyed.n_items
    return Progress(
        "scoring", "item", total=total, shown=job.progress,
        looked_at=lambda: (job.tally.items, told(job.tally)),
    )  # fmt: skip


def told(tally: Tally) -> str:
    """Return cost and abstentions of a run; the calls answered while no item is done.

    >>> told(Tally(calls=3)), told(Tally(items=2, calls=9, cost_usd=0.25, unpriced=1))
    ('3 calls, $0.0000, 0 abstained', '$0.2500 and calls of unknown price, 0 abstained')
    """
    cost = f"${tally.cost_usd:.4f}" + (" and calls of unknown price" if tally.unpriced else "")
    calls = "" if tally.items else f"{n_of(tally.calls, 'call')}, "
    return f"{calls}{cost}, {sum(list(tally.abstentions.values()))} abstained"
