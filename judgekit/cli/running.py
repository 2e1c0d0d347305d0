"""A job walked on the command line: a progress line, files as it goes, and what came of it."""

import asyncio
import gc
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, aclosing, nullcontext
from pathlib import Path
from typing import Any

from judgekit.cli import show
from judgekit.cli.printing import progress, say, tell
from judgekit.errors import InputError, JudgekitError
from judgekit.ledger.damage import Locked, NoRoom
from judgekit.types import Score
from judgekit.verbs import Job, Writer

_CYCLES = 50_000, 20, 20  # a run makes no cycles, and to look for them every 700 records is a sixth of it
_ROWS = 200  # scores kept for the printed table


async def run_job(
    job: Job,
    out: Path | None,
    *,
    quiet: bool = False,
    overwrite: bool = False,
    reads: Iterable[str | Path] = (),
) -> list[Score]:
    """Walk a job with a progress line, write its files as it goes, print what came of it.

    Args:
        job: Checked, and not begun.
        out: Where its files go; None writes none.
        quiet: Print nothing.
        overwrite: Whether `out` may hold the results of another job.
        reads: Files that are read for it, which results must not replace.

    Returns:
        The first scores; with `out`, all of them are in the files.
    """
    first: list[Score] = []
    systems = show.Systems()
    summary: dict[str, Any] = {}
    gc.set_threshold(*_CYCLES)
    made = nullcontext() if out is None else Writer(out, job=job.digest, overwrite=overwrite, reads=reads)
    try:
        await _walk(job, made, first, systems, summary)
    finally:
        if summary and not quiet:
            _print_run(first, systems, summary, out)
    if summary["stopped"] is not None:  # and yet it came to its end
        raise JudgekitError(str(summary["stopped"]))
    return first


async def _walk(
    job: Job,
    made: AbstractContextManager[Writer | None],
    first: list[Score],
    systems: show.Systems,
    summary: dict[str, Any],
) -> None:
    """Walk a job to its end; `summary` gets what it came to, unless it was refused or did nothing."""
    stopped: BaseException | None = None
    total = job.surveyed.n_items if job.surveyed is not None else None
    began = time.monotonic()
    with progress("scoring", total=total) as bar, made as writer:
        task = bar.add_task("scoring", total=total, note="")
        try:
            async with aclosing(job.judged()) as stream:
                async for judged in stream:
                    if writer is not None:
                        writer.judged(judged)
                    systems.add(judged.scores)
                    first += judged.scores if len(first) < _ROWS else ()
                    bar.update(task, advance=1, note=show.note(job.tally, time.monotonic() - began))
        except (Locked, NoRoom) as error:
            if not job.tally.requests:
                stopped = error
                raise
            stopped = JudgekitError(str(error))  # no bad input, since it went well for a while
            raise stopped from error
        except BaseException as error:
            interrupted = isinstance(error, asyncio.CancelledError)
            stopped = KeyboardInterrupt("interrupted") if interrupted else error
            raise
        finally:
            ended = job.summary(stopped)
            refused = isinstance(stopped, InputError)
            written = writer is None or writer.finish(ended, refused=refused)
            if writer is not None and not written:
                tell(f"{writer.folder}: nothing was written, what was there stays")
            if isinstance(stopped, KeyboardInterrupt):
                tell(_kept(job))
            if stopped is None or (written and ended["calls"] and not refused):
                summary.update(ended)


def _kept(job: Job) -> str:
    if job.ledger is None:
        return "no ledger: what was paid for is not kept, and the same command pays again"
    n = job.tally.lost
    lost = f"{n} {'request' if n == 1 else 'requests'} in flight did not end in time, and may be paid again; "
    return f"{lost if n else ''}what was paid for is in {job.ledger}; the same command goes on from there"


def _print_run(
    first: list[Score], systems: show.Systems, summary: dict[str, object], out: Path | None
) -> None:
    if first:
        show.say_scores(first, systems.n_scores, out)
        systems.say()
        say()
    for line in show.summary_lines(summary):
        say(line)
    if out is not None:
        say(f"written to {out}")


def print_preview(job: Job) -> None:
    """Print calls, tokens and price of a job; nothing is sent."""
    seen = job.preview()
    calls = (
        f"{seen.least} calls"
        if seen.least == seen.most
        else f"{seen.least} to {seen.most} calls (with re-asks and further rounds)"
    )
    stored = f", {seen.stored} of them in the ledger already" if seen.stored else ""
    say(f"{seen.items} items, {calls}{stored}; nothing was sent")
    written = "no limit" if seen.max_output_tokens is None else f"at most {seen.max_output_tokens}"
    say(f"first round: about {seen.input_tokens} tokens in, {written} tokens out")
    if seen.max_cost_usd is None:
        how = (
            "" if job.limits.budget_usd is None else f"; --budget needs it: --price {seen.unpriced[0]}=IN/OUT"
        )
        say(f"price: unknown for {', '.join(seen.unpriced)}{how}")
    else:
        budget = job.limits.budget_usd
        over = (
            "" if budget is None or seen.max_cost_usd <= budget else f", more than the budget of ${budget:g}"
        )
        say(f"price: at most ${seen.max_cost_usd:.4f} for the first round{over}")
