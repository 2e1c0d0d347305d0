"""`judgekit cascade`: a cheap run and a strong one replayed against labels; a threshold and a curve."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judgekit.cli.pairs import columns_of
from judgekit.cli.printing import say, say_json, say_styled, say_table

if TYPE_CHECKING:
    from judgekit.recipes.cascade import Step
    from judgekit.verbs.cascade import Replayed

_ROWS = 20  # points of the curve that are printed; --json has all


def cascade(
    cheap: Annotated[Path, typer.Argument(help="The cheap judge's run: its folder, or its outcomes.jsonl.")],
    strong: Annotated[Path, typer.Argument(help="The strong one's, on the same questions.")],
    labels: Annotated[Path, typer.Option(help="People's labels (CSV, JSONL, Parquet), or their outcomes.")],
    rubric: Annotated[str | None, typer.Option("--rubric", "-r", help="Declares the scales.")] = None,
    scale: Annotated[str | None, typer.Option(help="Where there is no rubric: as for agree.")] = None,
    criterion: Annotated[
        list[str] | None, typer.Option(help="Only these criteria; they have to have one scale.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="The error promised of what the cheap judge keeps.")] = 0.1,
    delta: Annotated[float, typer.Option(help="Probability that the promise fails.")] = 0.1,
    least: Annotated[int, typer.Option(help="A threshold keeps at least so many labelled questions.")] = 30,
    fit_share: Annotated[
        float, typer.Option(help="Share of the items that fits the threshold; the rest draws the curve.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Of which items those are.")] = 0,
    cheap_cost: Annotated[float, typer.Option(help="Of a question to the cheap judge, in any unit.")] = 1.0,
    strong_cost: Annotated[float, typer.Option(help="Of a question to the strong one.")] = 10.0,
    column: Annotated[list[str] | None, typer.Option(help="OUR=THEIRS, for the labels.")] = None,
    labels_about: Annotated[
        str, typer.Option(help="Labels of pairs: about 'item' or 'shown' order.")
    ] = "item",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Say which questions a cheap judge may keep, and what sending the rest on would cost and gain.

    Nothing is asked. Exit code 1 where no threshold can promise the error.
    """
    from judgekit.verbs.cascade import cascade as replay

    found = replay(
        cheap, strong, labels=labels, rubric=rubric, scale=scale, criterion=criterion or (), alpha=alpha,
        delta=delta, least=least, fit_share=fit_share, seed=seed, costs=(cheap_cost, strong_cost),
        columns=columns_of(column), labels_about=labels_about,
    )  # fmt: skip
    if as_json:
        say_json(_plain(found))
    else:
        _print(found)
    return 0 if found.fitted.status == "ok" else 1


def _plain(found: "Replayed") -> dict[str, Any]:
    """As JSON; what is undefined or infinite is null, and each point says what the cheap judge keeps."""
    return {
        "fitted": _nulled(asdict(found.fitted)),
        "chosen": _point(found.chosen),
        "curve": [_point(step) for step in found.curve],
        "n_fit": found.n_fit,
        "n_read": found.n_read,
        "costs": list(found.costs),
        "notes": list(found.notes),
    }


def _point(step: "Step") -> dict[str, Any]:
    keeps = "from_threshold" if math.isfinite(step.threshold) else "all" if step.threshold < 0 else "none"
    return {"cheap_keeps": keeps, **_nulled(asdict(step))}


def _nulled(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _print(found: "Replayed") -> None:
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
    for note in (*found.notes, *found.fitted.notes):
        say(f"note: {note}")


def _promise(found: "Replayed") -> str:
    """The fitted threshold with its bound, or that there is none."""
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
    """Points spread evenly over the curve, its ends and the chosen one among them."""
    last = len(curve) - 1
    wanted = {round(i * last / (_ROWS - 1)) for i in range(_ROWS)}
    return [step for i, step in enumerate(curve) if i in wanted or step is chosen]
