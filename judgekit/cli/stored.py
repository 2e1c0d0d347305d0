"""Commands that read what is stored and ask nothing: `calibrate`, `cascade`, `stand`, `why` and `ingest`."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from judgekit.cli.named import MANY, ItemColumns, columns_of
from judgekit.cli.printing import say, say_json, say_styled, say_table
from judgekit.errors import InputError, JudgekitError, there_are
from judgekit.writing import write

if TYPE_CHECKING:
    from judgekit.recipes.cascade import Step
    from judgekit.standing import Standing
    from judgekit.types import Outcome, Score
    from judgekit.verbs.cascade import Replayed

_ROWS = 20  # points of a cascade's curve that are printed; --json has all

Run = Annotated[Path, typer.Argument(help="The run: the folder that --out wrote, or its outcomes.jsonl.")]
Rubric = Annotated[
    str | None,
    typer.Option("--rubric", "-r", help="The rubric that declares the scales: a file or a bundled name."),
]
Scale = Annotated[
    str | None,
    typer.Option(
        help="The scale where there is no rubric: 1-5, 0-100, yes_no, no,maybe,yes, nominal:a,b,c or pair."
    ),
]
LabelColumns = Annotated[
    MANY, typer.Option(help="OUR=THEIRS: which column of the labels holds what, e.g. label=score.")
]
LabelsAbout = Annotated[
    str,
    typer.Option(
        help="What labels of pairs are about: the item's order of responses ('item') or the order 'shown'."
    ),
]


def calibrate(
    run: Run,
    labels: Annotated[
        Path, typer.Argument(help="The file of people's labels of some of it (CSV, JSONL, Parquet).")
    ],
    out: Annotated[Path, typer.Option(help="The file for the calibration (JSON).")],
    method: Annotated[
        str,
        typer.Option(
            help="How probabilities are mapped: temperature (from 20 labels), platt, beta (from 100) or "
            "isotonic (from 500)."
        ),
    ] = "temperature",
    rubric: Rubric = None,
    scale: Scale = None,
    judge: Annotated[
        MANY, typer.Option("--judge", "-j", help="The judges to calibrate; all of them where left out.")
    ] = None,
    criterion: Annotated[
        MANY, typer.Option(help="The criteria to calibrate on; all of them where left out.")
    ] = None,
    balance: Annotated[
        str,
        typer.Option(
            help="How a judge's orders and samples become one verdict: average, log_odds or consistent."
        ),
    ] = "average",
    column: LabelColumns = None,
    labels_about: LabelsAbout = "item",
    seed: Annotated[int, typer.Option(help="The seed of how labelled items are dealt into folds.")] = 0,
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
    _say_notes(found.notes)
    say(f"written to {out}")


def cascade(
    cheap: Annotated[Path, typer.Argument(help="The cheap judge's run: its folder, or its outcomes.jsonl.")],
    strong: Annotated[Path, typer.Argument(help="The strong judge's run, on the same questions.")],
    labels: Annotated[
        Path, typer.Option(help="The file of people's labels (CSV, JSONL, Parquet), or of their outcomes.")
    ],
    rubric: Rubric = None,
    scale: Scale = None,
    criterion: Annotated[
        MANY, typer.Option(help="The criteria to look at, which need one scale; all of them where left out.")
    ] = None,
    alpha: Annotated[
        float, typer.Option(help="The share of wrong verdicts promised of what the cheap judge keeps.")
    ] = 0.1,
    delta: Annotated[float, typer.Option(help="The probability with which the promise may fail.")] = 0.1,
    least: Annotated[
        int, typer.Option(help="The number of labelled questions that a threshold has to keep at least.")
    ] = 30,
    fit_share: Annotated[
        float, typer.Option(help="The share of the items that fits the threshold; the rest draws the curve.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="The seed that draws the items to fit on.")] = 0,
    cheap_cost: Annotated[
        float, typer.Option(help="The cost of a question to the cheap judge, in any unit.")
    ] = 1.0,
    strong_cost: Annotated[
        float, typer.Option(help="The cost of a question to the strong judge, in the same unit.")
    ] = 10.0,
    column: LabelColumns = None,
    labels_about: LabelsAbout = "item",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Say which questions a cheap judge may keep, and what sending the rest on would cost and gain.

    Nothing is asked. The exit code is 1 where no threshold can promise the error.
    """
    from judgekit.verbs.cascade import cascade as replay

    found = replay(
        cheap, strong, labels=labels, rubric=rubric, scale=scale, criterion=criterion or (), alpha=alpha,
        delta=delta, least=least, fit_share=fit_share, seed=seed, costs=(cheap_cost, strong_cost),
        columns=columns_of(column), labels_about=labels_about,
    )  # fmt: skip
    if as_json:
        say_json({
            "fitted": _nulled(asdict(found.fitted)),
            "chosen": _point(found.chosen),
            "curve": [_point(step) for step in found.curve],
            "n_fit": found.n_fit,
            "n_read": found.n_read,
            "costs": list(found.costs),
            "notes": list(found.notes),
        })  # fmt: skip
    else:
        _print_cascade(found)
    return 0 if found.fitted.status == "ok" else 1


def _point(step: "Step") -> dict[str, Any]:
    """Return a point of the curve as JSON, which says what the cheap judge keeps."""
    keeps = "from_threshold" if math.isfinite(step.threshold) else "all" if step.threshold < 0 else "none"
    return {"cheap_keeps": keeps, **_nulled(asdict(step))}


def _print_cascade(found: "Replayed") -> None:
    rows = []
    for step in _some(found.curve, found.chosen):
        mark = "<- fitted" if step is found.chosen and found.fitted.status == "ok" else ""
        shown = (f"{step.agreement:.3f}", f"{step.low:.3f} to {step.high:.3f}")
        if math.isnan(step.agreement):
            shown = ("none", "")
        about = (_threshold(step), f"{step.escalated:.1%}", f"{step.cost:g}")
        rows.append((*about, *shown, str(step.n_missing), mark))
    right = ("goes on", "cost", "agreement", "95 % interval", "no verdict")
    say_table(("goes on below", *right, ""), rows, right=right)
    if len(found.curve) > _ROWS:
        say(f"some of {len(found.curve)} thresholds; --json prints all")
    say(
        f"read on {found.n_read} labelled questions; a question costs {found.costs[0]:g} and, where it goes "
        f"on, {found.costs[1]:g} more; the strong judge alone would cost {found.n_read * found.costs[1]:g}"
    )
    say_styled(_promise(found), "bold")
    _say_notes((*found.notes, *found.fitted.notes))


def _promise(found: "Replayed") -> str:
    """Return the fitted threshold with its bound, or that there is none."""
    fitted = found.fitted
    sure = f"{1 - fitted.delta:.0%} sure"
    if fitted.status != "ok":
        return f"no threshold can promise an error of {fitted.alpha:g}, {sure}: send everything on"
    rests_on = f"{fitted.n_wrong} of {fitted.n_kept} kept among {found.n_fit} labelled questions were wrong"
    return (
        f"threshold {fitted.threshold:.6g}: of what the cheap judge keeps at most {fitted.bound:.3f} "
        f"is wrong, {sure} ({rests_on}; to be promised: {fitted.alpha:g})"
    )


def _threshold(step: "Step") -> str:
    if math.isfinite(step.threshold):
        return f"{step.threshold:.6g}"
    return "(only what got no verdict)" if step.threshold < 0 else "(everything)"


def _some(curve: "Sequence[Step]", chosen: "Step") -> "list[Step]":
    """Return points spread evenly over the curve, its ends and the chosen one among them."""
    last = len(curve) - 1
    wanted = {round(i * last / (_ROWS - 1)) for i in range(_ROWS)}
    return [step for i, step in enumerate(curve) if i in wanted or step is chosen]


def stand(
    runs: Annotated[
        list[Path],
        typer.Argument(help="The runs: folders that --out wrote, or outcomes.jsonl files of pairs."),
    ],
    criterion: Annotated[
        str | None,
        typer.Option(
            help="The criterion to order by; the rubric's scores where left out and there are several."
        ),
    ] = None,
    judge: Annotated[
        MANY, typer.Option("--judge", "-j", help="The judges whose verdicts count; all where left out.")
    ] = None,
    items: Annotated[
        str | None, typer.Option(help="The items that were judged: they say who wrote which response.")
    ] = None,
    column: ItemColumns = None,
    ties: Annotated[
        str,
        typer.Option(
            help="What a tie is: half a win for each ('half'), or with a probability of its own ('davidson')."
        ),
    ] = "half",
    order: Annotated[
        bool, typer.Option("--order", help="Fit what the response shown first gains by that.")
    ] = False,
    prior: Annotated[
        float,
        typer.Option(help="The wins and losses given to each system; 0.1 makes every standing finite."),
    ] = 0.0,
    resamples: Annotated[
        int, typer.Option(help="The number of resamples of items behind the intervals.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the resampling.")] = 0,
    level: Annotated[float, typer.Option(help="The confidence of the intervals.")] = 0.95,
    out: Annotated[Path | None, typer.Option(help="The file to write the standing into, as JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the standing as JSON.")] = False,
) -> int:
    """Order systems by stored comparisons or scores (Bradley-Terry), with intervals and ranks.

    Example: judgekit stand results --items items.jsonl. Nothing is asked. The exit code is 1 where the
    comparisons do not tell the systems' strengths.
    """
    from judgekit.standing.bradley_terry import Ties
    from judgekit.verbs.stand import stand as found_by

    found = found_by(
        *runs, criterion=criterion, judge=judge or (), items=items, columns=columns_of(column),
        ties=cast("Ties", ties), order=order, prior=prior, b=resamples, seed=seed, level=level,
    )  # fmt: skip
    effect = found.order_effect
    plain = {
        **{field.name: getattr(found, field.name) for field in fields(found) if field.repr},
        "places": [_nulled(asdict(place)) for place in found.places],
        "order_effect": None if effect is None else _nulled(asdict(effect)),
    }
    if out is not None:
        text = json.dumps(plain, ensure_ascii=False, indent=1) + "\n"
        write(out, text.encode(), reads=[*runs, *([items] if items else [])])
    if as_json:
        say_json(plain)
    else:
        _print_standing(found)
    return int(found.status.startswith("undefined"))


def _nulled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON has them: what is undefined or infinite is null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _print_standing(found: "Standing") -> None:
    heads = ("rank", "system", "strength", "interval", "rank between", "comparisons", "won")
    rows = []
    for place in found.places:
        known = not math.isnan(place.strength)
        ends = f"{place.low:.2f} to {place.high:.2f}" if not math.isnan(place.low) else "none"
        ranks = f"{place.rank_low} and {place.rank_high}" if place.rank_low else "unknown"
        strength = f"{place.strength:.2f}" if known else "unknown"
        rank = str(place.rank) if known else ""
        rows.append((rank, place.system, strength, ends, ranks, str(place.n), _share(place.won)))
    say_table(heads, rows, right=("rank", "strength", "interval", "comparisons", "won"))
    say(
        f"strengths in log-odds ({found.method}); {found.level:.0%} intervals by {found.n_items} items, "
        f"{found.n_comparisons} comparisons, {found.n_dropped} without a verdict"
    )
    if (effect := found.order_effect) is not None:
        say(f"shown first gains {effect.value:.2f} [{effect.low:.2f}, {effect.high:.2f}] in log-odds")
    _say_notes(found.notes)
    if found.status != "ok":
        say(f"status: {found.status}")


def _share(won: float) -> str:
    """Return the share of comparisons won; a word where there were none."""
    return "none" if math.isnan(won) else f"{won:.1%}"


def _say_notes(notes: Iterable[str]) -> None:
    for note in notes:
        say(f"note: {note}")


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
        str, typer.Option(help="The rule that reads raw texts: auto, first_line, result_marker or winner.")
    ] = "auto",
    rater: Annotated[
        str | None, typer.Option(help="The name of who said it, where the rows do not say.")
    ] = None,
    people: Annotated[bool, typer.Option("--people", help="These are people's labels.")] = False,
    labels_about: LabelsAbout = "shown",
    column: Annotated[
        MANY, typer.Option(help="OUR=THEIRS: which column of the file holds what, e.g. text=completion.")
    ] = None,
) -> None:
    """Read judge outputs that judgekit did not make into its table of outcomes."""
    from judgekit.recordings import Kind
    from judgekit.recordings import LabelsAbout as About
    from judgekit.recordings import ingest as ingest_rows
    from judgekit.rubric import load_rubric
    from judgekit.run import Tally
    from judgekit.run.tally import cause_line
    from judgekit.table import json_line, outcome_row

    if protocol not in get_args(Kind):
        raise InputError(f"--protocol {protocol}: there are {' and '.join(get_args(Kind))}")
    outcomes = ingest_rows(
        file, load_rubric(rubric), protocol=cast("Kind", protocol), reader=reader, rater=rater, people=people,
        labels_about=cast("About", labels_about), columns=columns_of(column),
    )  # fmt: skip
    if not outcomes:
        raise InputError(f"{file}: there are no verdicts in it")
    write(out, b"".join(json_line(outcome_row(outcome)) for outcome in outcomes), reads=[file, rubric])
    read = Tally()
    read.judged(outcomes)
    say(f"{read.verdicts} verdicts, {read.abstentions.total()} abstentions -> {out}")
    for cause in read.causes.plain():
        say(cause_line(cause))
    if (nothing := read.nothing()) is not None:
        raise JudgekitError(nothing)
