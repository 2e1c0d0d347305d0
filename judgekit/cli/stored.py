"""`judgekit why` and `ingest`: outcomes that are stored, told for an item; outcomes made of other records."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from judgekit.cli.named import MANY, columns_of
from judgekit.cli.printing import say, say_table
from judgekit.errors import InputError, JudgekitError, n_of, there_are
from judgekit.writing import write

if TYPE_CHECKING:
    from judgekit.types import Outcome, Score


def why(
    run: Annotated[Path, typer.Argument(help="The run: the folder that --out wrote.")],
    item: Annotated[str, typer.Argument(help="The id of the item.")],
    response: Annotated[
        MANY,
        typer.Option(help="The response, or both of a pair; all of the item where left out."),
    ] = None,
    criterion: Annotated[MANY, typer.Option(help="The criterion; all of them where left out.")] = None,
) -> None:
    """Say why an item's responses got their scores: labels, reasons, quotations, and the stored replies.

    Example: judgekit why results 17 --response model-a
    """
    from judgekit.table import read_outcomes, read_scores

    stored = read_outcomes(run)
    outcomes = [o for o in stored if o.unit.item_id == item]
    scores = [s for s in read_scores(run) if s.unit.item_id == item]
    if not outcomes:
        known = list(dict.fromkeys(o.unit.item_id for o in stored))
        raise InputError(f"{run}: no item {item!r}; {there_are(item, known[:20])}")
    wanted = set(response or ())
    if wanted and not any(wanted <= {*o.unit.responses} for o in outcomes):
        known = list(dict.fromkeys(name for o in outcomes for name in o.unit.responses))
        raise InputError(f"item {item!r} has no response {sorted(wanted)}; {there_are('', known)}")
    units = dict.fromkeys(o.unit for o in outcomes if wanted <= {*o.unit.responses})
    names = set(criterion or ())
    for unit in units:
        say(f"item {item}, {' against '.join(unit.responses) or 'the task itself'}")
        own = [o for o in outcomes if o.unit == unit and (not names or o.criterion in names)]
        _print_scores([s for s in scores if s.unit == unit and (not names or s.name in names)])
        for outcome in own:
            _print_outcome(outcome)
    if calls := [o.call for o in outcomes if o.call]:
        say(f"the whole reply behind a label: judgekit ledger show {calls[0][:14]}... (the call's key)")


def _print_scores(scores: "Sequence[Score]") -> None:
    rows = []
    for each in scores:
        missing = ", ".join(f"{n} {reason}" for reason, n in each.n_abstained.items())
        value = "none" if each.value is None else f"{each.value:.3f}"
        rows.append((each.name, value, str(each.n_verdicts), missing))
    say_table(("score of", "value", "verdicts", "abstained"), rows)


def _print_outcome(outcome: "Outcome") -> None:
    """Print what one judge said on one criterion."""
    from judgekit.types import Abstention

    shown = f", shown {' then '.join(outcome.shown)}" if len(outcome.shown) > 1 else ""
    sample = f", sample {outcome.sample + 1}" if outcome.sample else ""
    head = f"  {outcome.criterion}, judge {outcome.rater}{shown}{sample}: "
    if isinstance(outcome, Abstention):
        say(f"{head}no label, {outcome.reason}: {outcome.detail}")
        return
    flags = f" ({', '.join(outcome.flags)})" if outcome.flags else ""
    say(f"{head}{outcome.label!r}, worth {outcome.value:.3f}{flags}")
    if outcome.rationale:
        say(f"    because: {' '.join(outcome.rationale.split())}")
    for each in outcome.evidence:
        place = f"in {each.where}, {each.how}" if each.found else "NOT FOUND in what was shown"
        say(f"    quoted {' '.join(each.quote.split())!r}, {place}")
    if outcome.call:
        say(f"    call {outcome.call}")


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
