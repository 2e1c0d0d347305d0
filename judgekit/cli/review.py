"""`judgekit review`: blind sheets for people out, their labels in."""

from pathlib import Path
from typing import Annotated, cast

import typer

from judgekit.cli.named import ItemColumns, columns_of
from judgekit.cli.printing import say
from judgekit.errors import InputError, n_of
from judgekit.writing import write

app = typer.Typer(
    help="Route answers to people: write blind sheets of those in doubt, and read their labels.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("export")
def export(
    outcomes: Annotated[Path, typer.Argument(help="The folder that --out wrote, or its outcomes.jsonl.")],
    items: Annotated[Path, typer.Option(help="The file of the items that were judged.")],
    rubric: Annotated[
        str, typer.Option("--rubric", "-r", help="The rubric they were judged by: a file or a bundled name.")
    ],
    out: Annotated[Path, typer.Option(help="The folder for sheet.html, sheet.csv and key.json.")],
    by: Annotated[
        str,
        typer.Option(
            help="The rule that picks answers: chance (a sample that stands for all), or entropy, "
            "disagreement, low_mass, uncertain or near (where judges may be wrong)."
        ),
    ] = "chance",
    even: Annotated[
        float | None,
        typer.Option(
            help="The share of the budget that chance draws from all alike, so that `agree` can say "
            "something of all. Under --by chance it is 1 where left out, and the rest is drawn where judges "
            "are unsure; under a rule it is 0.5, and the rule picks the rest."
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="How much people are asked: a share of all answers, or above 1 a number.")
    ] = 0.2,
    threshold: Annotated[float, typer.Option(help="The value that --by near looks around.")] = 0.5,
    seed: Annotated[
        int, typer.Option(min=0, help="The seed of the order of questions and responses, and of the draw.")
    ] = 0,
    annotator: Annotated[
        list[str] | None,
        typer.Option(
            help="Who fills in a CSV; may be repeated. Each gets a sheet-NAME.csv, its questions and the "
            "sides of pairs shuffled for them, as sheet.html does for whoever signs it."
        ),
    ] = None,
    column: ItemColumns = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let --out replace another sheet and its key.")
    ] = False,
) -> None:
    """Write a sheet that shows neither a judge's verdict nor who wrote what. Keep key.json to yourself.

    Under a rule (--by) answers without a verdict come first (what --below left to a person, too), then those
    in most doubt; half of the budget is drawn from the rest, so that `agree` can say something of all.

    Example: judgekit review export run --items answers.jsonl --rubric helpful.yaml --out sheet
    """
    from judgekit.items import read_items
    from judgekit.recipes.paired import votes
    from judgekit.review import make_sheet, pick, write_sheet
    from judgekit.rubric import load_rubric
    from judgekit.table import read_outcomes

    if not (judged := read_outcomes(outcomes)):
        raise InputError(f"{outcomes}: there are no verdicts in it")
    asked = votes(judged)
    cases = pick(asked, by=by, budget=budget, even=even, threshold=threshold, seed=seed)
    read = read_items(items, columns=columns_of(column), needs=None)
    sheet = make_sheet(cases, read, load_rubric(rubric), seed=seed)
    html, table, key = write_sheet(
        sheet, out, annotators=annotator or (), overwrite=overwrite, reads=[outcomes, items, rubric]
    )
    say(f"{n_of(len(sheet.questions), 'question')}: {html} or {table}; keep {key}, which review import needs")


@app.command("import")
def import_(
    answers: Annotated[Path, typer.Argument(help="The JSON file that the page saved, or the filled CSV.")],
    out: Annotated[Path, typer.Option(help="The file for the outcomes (JSONL).")],
    key: Annotated[
        Path | None,
        typer.Option(help="The key.json file of the sheet; not for answers saved by the view of a run."),
    ] = None,
    annotator: Annotated[
        str | None, typer.Option(help="The name of who filled it in, if the sheet does not say it.")
    ] = None,
    outcomes: Annotated[
        Path | None, typer.Option(help="The judges' outcomes to put beside people's: a folder or a file.")
    ] = None,
    how: Annotated[
        str,
        typer.Option(
            help="How they are put together: 'join' both, or 'replace' judges where people answered."
        ),
    ] = "join",
) -> None:
    """Read a filled sheet back as annotators' verdicts.

    Example: judgekit review import sheet.csv --key sheet/key.json --out labels.jsonl, and then
    judgekit agree run --labels labels.jsonl --rubric helpful.yaml
    """
    from judgekit.review import join, read_answers
    from judgekit.review.sheet import How
    from judgekit.table import json_line, outcome_row, read_outcomes

    if how not in {"join", "replace"}:
        raise InputError(f"--how {how}: there are join and replace")
    people = read_answers(answers, key, annotator=annotator)
    judges = read_outcomes(outcomes) if outcomes is not None else []
    together = join(judges, people, how=cast("How", how))
    rows = b"".join(json_line(outcome_row(outcome)) for outcome in together)
    write(out, rows, reads=[path for path in (answers, key, outcomes) if path is not None])
    say(f"{n_of(len(people), 'answer')}; {n_of(len(together), 'outcome')} -> {out}")
