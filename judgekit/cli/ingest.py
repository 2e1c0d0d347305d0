"""`judgekit ingest`: recorded judges and people's labels -> the verdict table."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from judgekit.cli.pairs import columns_of
from judgekit.cli.printing import say
from judgekit.errors import InputError, JudgekitError
from judgekit.writing import write


def ingest(
    file: Annotated[Path, typer.Argument(help="JSONL, CSV, TSV or Parquet file of recorded verdicts.")],
    rubric: Annotated[str, typer.Option("--rubric", "-r", help="A rubric file, or a bundled rubric.")],
    out: Annotated[Path, typer.Option(help="Where the outcomes go (JSONL).")],
    protocol: Annotated[str, typer.Option(help="grade, or compare (pairs).")] = "grade",
    reader: Annotated[str, typer.Option(help="auto, first_line, result_marker or winner.")] = "auto",
    rater: Annotated[str | None, typer.Option(help="Who said it, where the rows do not say.")] = None,
    people: Annotated[bool, typer.Option("--people", help="These are people's labels.")] = False,
    labels_about: Annotated[str, typer.Option(help="Labels of pairs: about 'shown' or 'item'.")] = "shown",
    column: Annotated[list[str] | None, typer.Option(help="OUR=THEIRS, e.g. text=completion.")] = None,
) -> None:
    """Read judge outputs that judgekit did not make into its table of outcomes."""
    from judgekit.recordings import Kind, LabelsAbout
    from judgekit.recordings import ingest as ingest_rows
    from judgekit.rubric import load_rubric
    from judgekit.run import Tally
    from judgekit.run.tally import cause_line
    from judgekit.table import json_line, outcome_row

    if protocol not in get_args(Kind):
        raise InputError(f"--protocol {protocol}: there are {' and '.join(get_args(Kind))}")
    outcomes = ingest_rows(
        file, load_rubric(rubric), protocol=cast("Kind", protocol), reader=reader, rater=rater, people=people,
        labels_about=cast("LabelsAbout", labels_about), columns=columns_of(column),
    )  # fmt: skip
    if not outcomes:
        raise InputError(f"{file}: there are no verdicts in it")
    write(out, b"".join(json_line(outcome_row(outcome)) for outcome in outcomes), reads=[file, rubric])
    read = Tally()
    read.judged(outcomes)
    say(f"{read.verdicts} verdicts, {read.abstentions.total()} abstentions -> {out}")
    for cause in read.causes.plain():
        say(cause_line(cause))
    if (why := read.nothing()) is not None:
        raise JudgekitError(why)
