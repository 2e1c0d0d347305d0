"""`judgekit calibrate`: a stored run and people's labels in, what maps its judges' probabilities out."""

from pathlib import Path
from typing import Annotated, cast

import typer

from judgekit.cli.pairs import columns_of
from judgekit.cli.printing import say, say_table


def calibrate(
    run: Annotated[Path, typer.Argument(help="The folder that --out wrote, or an outcomes.jsonl.")],
    labels: Annotated[Path, typer.Argument(help="People's labels of some of it (CSV, JSONL, Parquet).")],
    out: Annotated[Path, typer.Option(help="A file for the calibration (JSON).")],
    method: Annotated[
        str,
        typer.Option(help="temperature (from 20 labels), platt, beta (from 100) or isotonic (from 500)."),
    ] = "temperature",
    rubric: Annotated[str | None, typer.Option("--rubric", "-r", help="Declares the scales.")] = None,
    scale: Annotated[
        str | None, typer.Option(help="The scale, where there is no rubric; as for agree.")
    ] = None,
    judge: Annotated[list[str] | None, typer.Option("--judge", "-j", help="Only these judges.")] = None,
    criterion: Annotated[list[str] | None, typer.Option(help="Only these criteria.")] = None,
    balance: Annotated[
        str, typer.Option(help="Orders and samples to one: average, log_odds or consistent.")
    ] = "average",
    column: Annotated[list[str] | None, typer.Option(help="OUR=THEIRS, for the labels.")] = None,
    labels_about: Annotated[
        str, typer.Option(help="Labels of pairs: about the 'item' or the 'shown' order.")
    ] = "item",
    seed: Annotated[int, typer.Option(help="Seed of how labelled items are dealt into folds.")] = 0,
) -> None:
    """Fit what maps the judges' probabilities to people's labels; score --calibration uses it.

    Example: judgekit calibrate results labels.csv --rubric r.yaml --out calibration.json. Nothing is asked.
    """
    from judgekit.calibration.orders import Rule
    from judgekit.calibration.probabilities import Method
    from judgekit.verbs.calibrate import calibrate as fitted

    found = fitted(
        run, labels, method=cast("Method", method), rubric=rubric, scale=scale, judge=judge or (),
        criterion=criterion or (), balance=cast("Rule", balance), columns=columns_of(column),
        labels_about=labels_about, seed=seed,
    )  # fmt: skip
    found.save(out, reads=[run, labels, *([rubric] if rubric else [])])
    heads = ("judge", "criterion", "labels", "error before", "error after")
    rows = (
        (fit.rater, fit.criterion, str(fit.n), f"{fit.brier_before:.4f}", f"{fit.brier_after:.4f}")
        for fit in found.fits
    )
    say_table(heads, rows, right=heads[2:])
    say("error: Brier score, each item by a fit without it (0 is best)")
    for note in found.notes:
        say(f"note: {note}")
    say(f"written to {out}")
