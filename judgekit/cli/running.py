"""A job walked on the command line: a progress line, files as it goes, and what came of it."""

import asyncio
import sys
import time
from collections.abc import Iterable
from contextlib import aclosing, nullcontext
from pathlib import Path

from judgekit.cli import show
from judgekit.errors import InputError
from judgekit.types import Score
from judgekit.verbs import Job, Writer

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
    stopped: BaseException | None = None
    total = job.surveyed.n_items if job.surveyed is not None else None
    began = time.monotonic()
    made = nullcontext() if out is None else Writer(out, job=job.digest, overwrite=overwrite, reads=reads)
    with show.progress_bar(total) as bar, made as writer:
        task = bar.add_task("scoring", total=total, note="")
        try:
            async with aclosing(job.judged()) as stream:
                async for judged in stream:
                    if writer is not None:
                        writer.judged(judged)
                    systems.add(judged.scores)
                    first += judged.scores if len(first) < _ROWS else ()
                    bar.update(task, advance=1, note=show.note(job.tally, time.monotonic() - began))
        except BaseException as error:
            interrupted = isinstance(error, asyncio.CancelledError)
            stopped = KeyboardInterrupt("interrupted") if interrupted else error
            raise
        finally:
            summary = job.summary(stopped)
            if writer is not None and (isinstance(stopped, InputError) or not writer.finish(summary)):
                print(f"{out}: nothing was written, what was there stays", file=sys.stderr)
    if not quiet:
        _print_run(first, systems, summary, out)
    return first


def _print_run(
    first: list[Score], systems: show.Systems, summary: dict[str, object], out: Path | None
) -> None:
    console = show.console()
    console.print(show.scores_table(first))
    if (table := systems.table()) is not None:
        console.print()
        console.print(table)
    console.print()
    for line in show.summary_lines(summary):
        console.print(line)
    if out is not None:
        console.print(f"written to {out}")


def print_preview(job: Job) -> None:
    """Print calls, tokens and price of a job; nothing is sent."""
    seen = job.preview()
    calls = (
        f"{seen.least} calls"
        if seen.least == seen.most
        else f"{seen.least} to {seen.most} calls (with re-asks and further rounds)"
    )
    stored = f", {seen.stored} of them in the ledger already" if seen.stored else ""
    print(f"{seen.items} items, {calls}{stored}; nothing was sent")
    written = "no limit" if seen.max_output_tokens is None else f"at most {seen.max_output_tokens}"
    print(f"first round: about {seen.input_tokens} tokens in, {written} tokens out")
    if seen.max_cost_usd is None:
        print(f"price: unknown for {', '.join(seen.unpriced)}")
    else:
        print(f"price: at most ${seen.max_cost_usd:.4f} for the first round")
