"""`judgekit why`: a stored run and an item in; why its responses got their scores out."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from judgekit.cli.printing import say, say_table
from judgekit.errors import InputError, there_are
from judgekit.types import Abstention, Outcome, Score, Verdict


def why(
    run: Annotated[Path, typer.Argument(help="The folder that --out wrote.")],
    item: Annotated[str, typer.Argument(help="The id of the item.")],
    response: Annotated[
        list[str] | None,
        typer.Option(help="The response, or both of a pair; all of the item where left out."),
    ] = None,
    criterion: Annotated[list[str] | None, typer.Option(help="The criterion; all where left out.")] = None,
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
        _scored([s for s in scores if s.unit == unit and (not names or s.name in names)])
        for outcome in own:
            _told(outcome)
    if calls := [o.call for o in outcomes if o.call]:
        say(f"the whole reply behind a label: judgekit ledger show {calls[0][:14]}... (the call's key)")


def _scored(scores: Sequence[Score]) -> None:
    rows = [
        (
            each.name,
            "none" if each.value is None else f"{each.value:.3f}",
            str(each.n_verdicts),
            _missing(each),
        )
        for each in scores
    ]
    say_table(("score of", "value", "verdicts", "abstained"), rows)


def _missing(score: Score) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in score.n_abstained.items())


def _told(outcome: Outcome) -> None:
    """What one judge said on one criterion."""
    shown = f", shown {' then '.join(outcome.shown)}" if len(outcome.shown) > 1 else ""
    sample = f", sample {outcome.sample + 1}" if outcome.sample else ""
    head = f"  {outcome.criterion}, judge {outcome.rater}{shown}{sample}: "
    if isinstance(outcome, Abstention):
        say(f"{head}no label, {outcome.reason}: {outcome.detail}")
        return
    say(f"{head}{outcome.label!r}, worth {outcome.value:.3f}{_flags(outcome.flags)}")
    if outcome.rationale:
        say(f"    because: {' '.join(outcome.rationale.split())}")
    for line in _quoted(outcome):
        say(f"    {line}")
    if outcome.call:
        say(f"    call {outcome.call}")


def _flags(flags: Iterable[str]) -> str:
    told = ", ".join(flags)
    return f" ({told})" if told else ""


def _quoted(verdict: Verdict) -> Iterable[str]:
    for each in verdict.evidence:
        place = f"in {each.where}, {each.how}" if each.found else "NOT FOUND in what was shown"
        yield f"quoted {' '.join(each.quote.split())!r}, {place}"
