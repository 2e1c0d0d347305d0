"""`judgekit show` and `diff`: a run as text, from its means to a raw reply, and beside another run."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judgekit.cli.bounds import leave, say_requirements
from judgekit.cli.named import MANY
from judgekit.cli.printing import say, say_table

if TYPE_CHECKING:
    from judgekit.types import Estimate, Unit
    from judgekit.verbs.diff import Changed, Compared, Difference


def diff(
    run: Annotated[Path, typer.Argument(help="The run: the folder that --out wrote.")],
    against: Annotated[Path, typer.Argument(help="The run it is held against, which is the earlier one.")],
    changes: Annotated[int, typer.Option(min=0, help="How many changed verdicts are printed.")] = 20,
    require: Annotated[
        MANY,
        typer.Option(
            help="A bound that the difference has to meet, or the exit code is 1: [value:] [system NAME:] or "
            "[CRITERION:] worse<=0, better>=5, same>=90 (units) or mean>=-0.02, whose lower end decides."
        ),
    ] = None,
) -> None:
    """Compare a run with an earlier one: what was asked otherwise, paired differences, changed verdicts.

    Example: judgekit diff results earlier

    Each score is held against its own counterpart, by item, response and criterion; a difference is that of
    the first run less the second, so better means that the first is higher.
    """
    from judgekit.verbs import load_run
    from judgekit.verbs.require import check_compared, parse_bound
    from judgekit.verbs.require import require as required

    check_compared(map(parse_bound, require or ()))
    mine, theirs = load_run(run), load_run(against)
    found = mine.diff(theirs)
    requirements = required(found, *(require or ()))
    say_difference(found, str(run), str(against), changes)
    if str(mine.summary.get("began", "")) < str(theirs.summary.get("began", "")):
        say(f"note: {run} began before {against}; worse means that {run} is lower")
    say_requirements(requirements)
    leave(requirements)


def say_difference(found: "Difference", name: str, other: str, changes: int) -> None:
    """Print how a run differs from another one."""
    say(f"{name} less {other}")
    for told in found.differs or ("nothing was asked otherwise, as far as the runs say",):
        say(f"  {told}")
    for n, where in ((found.only_run, name), (found.only_other, other)):
        if n:
            say(f"  {n} responses or pairs are only in {where}, and not compared")
    say()
    heads = ("", "difference", "95 % interval", "p", "better", "worse", "same", "missing")
    say_table(heads, map(_compared, found.by), right=set(heads[1:]) - {"95 % interval"}, bold={0})
    say()
    n = len(found.changed)
    order = ", the largest first" if n > 1 and changes else ""
    say(f"{n} {'verdict' if n == 1 else 'verdicts'} changed{order}")
    if shown := found.changed[:changes]:
        heads_of = ("item", "response", "criterion", "judge", "before", "after")
        say_table(heads_of, map(_changed, shown), right=heads_of[4:])
    if n > changes:
        say(f"and {n - changes} more (--changes {n})")


def _compared(each: "Compared") -> tuple[str, ...]:
    name = each.name if each.level == "all" else f"{each.level} {each.name}"
    counts = each.better, each.worse, each.same, each.estimate.n_dropped
    told = signed(each.estimate.value), interval_of(each.estimate), _p(each.p)
    return (name, *told, *map(str, counts))


def _changed(each: "Changed") -> tuple[str, ...]:
    values = number(each.before), number(each.after)
    return (each.unit.item_id, about(each.unit), each.criterion, each.rater, *values)


def about(unit: "Unit") -> str:
    """Return what a unit is about, in words."""
    return (" vs ".join(unit.responses) or "(task)") + (f", {unit.part}" if unit.part else "")


def number(value: float | None) -> str:
    """Return a value, or that there is none."""
    return "none" if value is None or math.isnan(value) else f"{value:.3f}"


def signed(value: float) -> str:
    """Return a difference with its sign.

    >>> signed(0.25), signed(-0.0001), signed(math.nan)
    ('+0.250', '0.000', 'none')
    """
    shown = "none" if math.isnan(value) else f"{value:+.3f}"
    return "0.000" if shown in {"+0.000", "-0.000"} else shown


def interval_of(estimate: "Estimate") -> str:
    """Return the interval of a difference."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return "none"
    return f"{signed(estimate.low)} to {signed(estimate.high)}"


def _p(p: float) -> str:
    return "none" if math.isnan(p) else "<.001" if p < 0.001 else f"{p:.3f}"
