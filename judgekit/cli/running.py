"""A job walked on the command line: a progress line, files as it goes, and what came of it."""

import asyncio
import time
from contextlib import aclosing
from pathlib import Path
from typing import Self

from judgekit.cli import show
from judgekit.types import Score
from judgekit.verbs import Job, Writer

_ROWS = 200  # scores kept for the printed table


async def run_job(job: Job, out: Path | None, *, quiet: bool = False, title: str = "") -> list[Score]:
    """Walk a job with a progress line, write its files as it goes, print what came of it.

    Returns:
        The first scores; with `out`, all of them are in the files.
    """
    first: list[Score] = []
    systems = show.Systems()
    stopped: BaseException | None = None
    total = job.surveyed.n_items if job.surveyed is not None else None
    began = time.monotonic()
    with show.progress_bar(total) as bar, Writer(out) if out is not None else _Nowhere() as writer:
        task = bar.add_task("scoring", total=total, note="")
        try:
            async with aclosing(job.judged()) as stream:
                async for judged in stream:
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
            writer.finish(summary)
    if not quiet:
        _print_run(first, systems, summary, out, title)
    return first


class _Nowhere(Writer):
    """A writer that writes nothing."""

    def __init__(self) -> None:
        super().__init__(Path())

    def __enter__(self) -> Self:
        return self

    def judged(self, judged: object) -> None:
        """Nothing."""

    def finish(self, summary: object) -> None:
        """Nothing."""


def _print_run(
    first: list[Score], systems: show.Systems, summary: dict[str, object], out: Path | None, title: str
) -> None:
    console = show.console()
    console.print(show.scores_table(first, title=title))
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
