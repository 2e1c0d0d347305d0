"""`judgekit ingest` and `export`: outcomes made of other records, and tables of a run for other programs."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from judgekit.cli.named import MANY, columns_of
from judgekit.cli.printing import say
from judgekit.errors import InputError, JudgekitError, n_of
from judgekit.writing import write


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    to: Annotated[str, typer.Argument(help="The folder to write to, e.g. s3://bucket/run-1.")],
    *,
    table: Annotated[
        MANY, typer.Option(help="The table: scores, outcomes or calls; left out, the first two.")
    ] = None,
) -> None:
    """Write the tables of a run as Parquet to a folder or a bucket that fsspec reaches.

    Example: judgekit export results s3://bucket/run-1
    """
    from judgekit.table import Kind
    from judgekit.verbs.results import export as exported

    tables = table or ["scores", "outcomes"]
    for path in exported(run, to, tables=cast("list[Kind]", tables)):
        say(f"written to {path}")


def ingest(
    file: Annotated[Path, typer.Argument(help="The file of recorded verdicts: JSONL, CSV, TSV or Parquet.")],
    rubric: Annotated[
        str, typer.Option("--rubric", "-r", help="The rubric they are judged by: a file or a bundled name.")
    ],
    out: Annotated[Path, typer.Option(help="The file for the outcomes (JSONL).")],
    protocol: Annotated[
        str, typer.Option(help="How it was asked: grade (a response alone) or compare (pairs).")
    ] = "grade",
    reader: Annotated[
        str,
        typer.Option(
            help="How raw texts are read: auto (the one convention that reads 95 of 100 of them), brackets, "
            "result_marker, element, object, boxed, first_line, scores, line, keyword, keyword:WORD, winner "
            "or pattern:REGEX, whose last match counts: its group is the label, or a group is named as it "
            "(of pairs A, B and tie)."
        ),
    ] = "auto",
    rater: Annotated[
        str | None, typer.Option(help="The name of who said it, where the rows do not say.")
    ] = None,
    people: Annotated[bool, typer.Option("--people", help="These are people's labels.")] = False,
    labels_about: Annotated[
        str,
        typer.Option(help="What labels of pairs are about: the order 'shown', or the order in the 'item'."),
    ] = "shown",
    column: Annotated[
        MANY, typer.Option(help="OUR=THEIRS: which column of the file holds what, e.g. text=completion.")
    ] = None,
) -> None:
    """Read judge outputs that judgekit did not make into its table of outcomes.

    Example: judgekit ingest replies.jsonl --rubric my.yaml --out outcomes.jsonl --column text=completion
    """
    from judgekit.recordings import Kind, LabelsAbout, recorded
    from judgekit.rubric import load_rubric
    from judgekit.run import Tally
    from judgekit.run.tally import cause_line
    from judgekit.table import json_line, outcome_row

    if protocol not in get_args(Kind):
        raise InputError(f"--protocol {protocol}: there are {' and '.join(get_args(Kind))}")
    found = recorded(
        file, load_rubric(rubric), protocol=cast("Kind", protocol), reader=reader, rater=rater, people=people,
        labels_about=cast("LabelsAbout", labels_about), columns=columns_of(column),
    )  # fmt: skip
    outcomes = found.outcomes
    if not outcomes:
        raise InputError(f"{file}: there are no verdicts in it")
    write(out, b"".join(json_line(outcome_row(outcome)) for outcome in outcomes), reads=[file, rubric])
    read = Tally()
    read.judged(outcomes)
    if found.reading is not None:
        say(found.reading.line())
    say(f"{n_of(read.verdicts, 'verdict')}, {n_of(read.abstentions.total(), 'abstention')} -> {out}")
    for cause in read.causes.plain():
        say(cause_line(cause))
    if (nothing := read.nothing()) is not None:
        raise JudgekitError(nothing)
