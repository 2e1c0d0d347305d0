"""What is printed of the bounds that a run has to meet, and the exit code that follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from judgekit.cli.printing import say, say_table, tell

if TYPE_CHECKING:
    from judgekit.verbs.require import Requirement

_HEADS = ("required", "found", "95 % interval", "from", "met")


def say_requirements(requirements: "Sequence[Requirement]", *, quiet: bool = False) -> None:
    """Print a table of what was required and found; quietly, only what is not met, as errors."""
    if not requirements:
        return
    if quiet:
        for each in requirements:
            if not each.met:
                tell(f"not met: {each.bound.text}: {each.why}")
        return
    say()
    say_table(_HEADS, map(_cells, requirements), right={"found"}, whole={"required", "met"})
    if unmet := sum(not each.met for each in requirements):
        say(f"{unmet} of {len(requirements)} bounds not met")


def leave(requirements: "Sequence[Requirement]") -> None:
    """Leave with exit code 1 where a bound is not met."""
    if not all(each.met for each in requirements):
        raise typer.Exit(1)


def _cells(each: "Requirement") -> tuple[str, ...]:
    from judgekit.verbs.require import number

    found = each.found
    ends = number(found.low), number(found.high)
    interval = "none" if "none" in ends else " to ".join(ends)
    missing = f", {found.n_dropped} missing" if found.n_dropped else ""
    met = "yes" if each.met else f"no: {each.why}"
    return each.bound.text, number(found.value), interval, f"{found.n_used}{missing}", met
