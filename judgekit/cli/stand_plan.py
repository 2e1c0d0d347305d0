"""`judgekit stand --plan` and `--dynamics`: what would tell systems apart; what they win in Swiss rounds."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judgekit.cli.options import Flag
from judgekit.cli.printing import say, say_table
from judgekit.errors import InputError, of_file

if TYPE_CHECKING:
    from judgekit.standing import Standing
    from judgekit.standing.planning import PairPlan
    from judgekit.standing.swiss_dynamics import Dynamics

_PLAN, _ROUNDS = "What would tell them apart", "Swiss rounds"
_MOST = 30  # pairs that are printed
PLAN = (
    Flag(
        "plan", _PLAN, kind=bool, default=False, typed=("--plan",),
        help="Say what it takes to tell apart the systems that are not yet, and its price.",
    ),
    Flag(
        "gap", _PLAN, kind=float | None, default=None,
        help="The true difference to plan for; left out, that of each pair as it was found.",
    ),
    Flag(
        "margin", _PLAN, kind=float, default=0.0,
        help="The difference within which it is not worth telling systems apart.",
    ),
    Flag("power", _PLAN, kind=float, default=0.8, help="The probability of finding such a difference."),
    Flag(
        "dynamics", _ROUNDS, kind=Path | None, default=None,
        help='A TOML file with rounds of items, rounds = [["item", ...], ...], or of values of a tag, '
        'by = "tag": what systems win in drawn Swiss rounds of their scores.',
    ),
    Flag(
        "drop", _ROUNDS,
        kind=Annotated[list[int] | None, typer.Option(help="How many systems are dropped after each round.")],
        default=None,
    ),
)  # fmt: skip


def check_plan(given: dict[str, Any]) -> None:
    """Refuse an option that says how, where what it is of is not asked for."""
    for name, of in (("gap", "plan"), ("drop", "dynamics")):
        if given[name] is not None and not given[of]:
            raise InputError(f"--{name} {given[name]}: it is of --{of}, which is not asked for; add --{of}")


def say_plan(found: "Standing", runs: Sequence[Path], given: dict[str, Any]) -> None:
    """Print what it takes to tell systems apart."""
    from judgekit.standing import plan_pairs
    from judgekit.standing.planning import price_of
    from judgekit.verbs import load_run

    plans = plan_pairs(found, gap=given["gap"], margin=given["margin"], power=given["power"])
    waiting = [plan for plan in plans if plan.status != "apart"]
    price = price_of([load_run(run).summary if run.is_dir() else {} for run in runs], found)
    apart, power = len(plans) - len(waiting), given["power"]
    say()
    say(f"{apart} of {len(plans)} pairs are told apart; for a power of {power:g}, for all pairs at once:")
    rows = []
    for plan in waiting[:_MOST]:
        calls, tokens, usd = (None, None, None) if price is None else price.of(plan)
        no_price = plan.pairs is None and plan.items is None
        cells = (
            f"{plan.one} and {plan.other}", "none" if math.isnan(plan.gap) else f"{plan.gap:.3f}",
            "none" if math.isnan(plan.power) else f"{plan.power:.2f}", _told(plan, plan.pairs),
            _told(plan, plan.items), "" if no_price or calls is None else str(calls),
            "" if no_price or tokens is None else f"{tokens:.0f}",
            "" if no_price or usd is None else f"${usd:.2f}",
        )  # fmt: skip
        rows.append(cells)
    heads = ("pair", "difference", "power now", "direct pairs", "or items", "calls", "tokens", "price")
    kept = [i for i, _ in enumerate(heads) if any(row[i] for row in rows)]
    if rows:
        shown = [[row[i] for i in kept] for row in rows]
        say_table([heads[i] for i in kept], shown, right={heads[i] for i in kept[1:]})
    if len(waiting) > _MOST:
        say(f"and {len(waiting) - _MOST} more pairs, which take more")
    if given["gap"] is None and waiting:
        say(
            "differences are as they were found, which may be far from the true ones; --gap plans for another"
        )
    if price is None and waiting:
        say("no price: only the folder of a run says what its calls took")


def _told(plan: "PairPlan", n: int | None) -> str:
    if n is not None:
        return f"{n:,}"
    return (
        "not at any price" if plan.status == "within_margin" else "unknown" if math.isnan(plan.power) else ""
    )


def say_dynamics(given: dict[str, Any], taken: dict[str, Any]) -> None:
    """Print what systems win in Swiss rounds."""
    drop = tuple(given["drop"] or (0, 1, 2))
    found = dynamics_of(given["runs"], given["dynamics"], drop=drop, seed=given["seed"], **taken)
    heads = ("system", *(f"points, {each} dropped" for each in drop), "slope", "lost", "")
    rows = []
    for each in found:
        slope = "" if math.isnan(each.slope) else f"{each.slope:+.3f}"
        lost = "" if math.isnan(each.fall) else f"{100 * each.fall:.0f} %"
        points = [f"{p:.3f}" for p in each.points]
        rows.append((each.system, *points, slope, lost, "specialist" if each.specialist else ""))
    say_table(heads, rows, right=set(heads[1:-1]))
    error = max(max(each.errors) for each in found)
    say(f"expected points over 10,000 drawn runs, each with an error of at most {error:.3f}")
    say("a specialist loses half of its points or more when the lowest are dropped, without being weak")


def dynamics_of(
    runs: Sequence[Any], rounds: Path, *, drop: Sequence[int] = (0, 1, 2), seed: int = 0, **taken: Any
) -> tuple["Dynamics", ...]:
    """What systems win in Swiss rounds of their scores, most first.

    Args:
        runs: Runs or a table of scores, as for `stand`.
        rounds: A TOML file: `rounds`, a list of lists of items in the order they are played; with `by`, the
            name of a tag, of values of that tag, whose items are averaged.
        drop: How many systems are dropped after each round.
        seed: Of the drawing.
        **taken: What is taken from the runs, as options of `stand`: `criterion`, `judge`, `items`, `columns`.

    Raises `InputError` for a file of another form, or a system without a score on a round.
    """
    from judgekit.standing import swiss_dynamics
    from judgekit.verbs.stand import material

    try:
        said = tomllib.loads(rounds.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{rounds}: {error}") from None
    order, by = said.get("rounds"), said.get("by")
    if not (isinstance(order, list) and all(isinstance(some, list) for some in order)) or said.keys() - {
        "rounds",
        "by",
    }:
        raise InputError(
            f'{rounds}: give rounds = [["item", ...], ...] and, if they are of a tag, by = "tag"'
        )
    held = material(runs, by=by, **taken)
    if held.scored is None:
        raise InputError(
            "Swiss dynamics are of scores, and these are comparisons; `compare --schedule swiss` asks"
        )
    if by is not None and not held.tags:
        raise InputError(f"{rounds}: no item has the tag {by!r}")
    scores = _scores(held.scored.systems, held.scored.items, held.scored.values, held.tags if by else None)
    try:
        return swiss_dynamics(scores, [list(map(str, some)) for some in order], drop=drop, seed=seed)
    except InputError as error:
        raise of_file(rounds, error) from None


def _scores(
    systems: Sequence[str], items: Sequence[str], values: Any, tags: Mapping[str, str] | None
) -> dict[str, dict[str, float]]:
    """Return system -> item, or value of a tag -> its score, or the mean of those that it has."""
    named = [item if tags is None else tags.get(item, "") for item in items]
    found: dict[str, dict[str, float]] = {}
    for system, row in zip(systems, values.tolist(), strict=True):
        own: dict[str, list[float]] = {}
        for name, value in zip(named, row, strict=True):
            if math.isfinite(value):
                own.setdefault(name, []).append(value)
        found[system] = {name: sum(some) / len(some) for name, some in own.items()}
    return found
