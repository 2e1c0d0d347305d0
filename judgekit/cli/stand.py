"""`judgekit stand`: stored runs in, the order of systems out."""

import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from judgekit.cli.pairs import columns_of
from judgekit.cli.printing import say, say_json, say_table
from judgekit.writing import write

if TYPE_CHECKING:
    from judgekit.standing import Standing


def stand(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders that --out wrote, or outcomes.jsonl files of pairs.")
    ],
    criterion: Annotated[
        str | None, typer.Option(help="By this criterion; by the rubric's scores where there are several.")
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", "-j", help="Only the verdicts of these judges.")
    ] = None,
    items: Annotated[
        str | None, typer.Option(help="The items that were judged: they say who wrote which response.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help="OUR=THEIRS, for the items.")] = None,
    ties: Annotated[
        str, typer.Option(help="half: a tie is half a win; davidson: it has a probability of its own.")
    ] = "half",
    order: Annotated[
        bool, typer.Option("--order", help="Fit what the response shown first gains by that.")
    ] = False,
    prior: Annotated[
        float, typer.Option(help="Wins and losses given to each system; 0.1 makes every standing finite.")
    ] = 0.0,
    resamples: Annotated[int, typer.Option(help="Resamples of items behind the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    level: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.95,
    out: Annotated[Path | None, typer.Option(help="A file for the standing as JSON.")] = None,
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
    if out is not None:
        text = json.dumps(_plain(found), ensure_ascii=False, indent=1) + "\n"
        write(out, text.encode(), reads=[*runs, *([items] if items else [])])
    if as_json:
        say_json(_plain(found))
    else:
        _print(found)
    return int(found.status.startswith("undefined"))


def _plain(found: "Standing") -> dict[str, Any]:
    """As JSON, all but the resamples; what is undefined is null."""
    shown = {field.name: getattr(found, field.name) for field in fields(found) if field.repr}
    effect = found.order_effect
    return {
        **shown,
        "places": [_nulled(asdict(place)) for place in found.places],
        "order_effect": None if effect is None else _nulled(asdict(effect)),
    }


def _nulled(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _print(found: "Standing") -> None:
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
    for note in found.notes:
        say(f"note: {note}")
    if found.status != "ok":
        say(f"status: {found.status}")


def _share(won: float) -> str:
    """The share of comparisons won; a word where there were none."""
    return "none" if math.isnan(won) else f"{won:.1%}"
