"""`judgekit probe`: what moves a judge that should not, and what fails to move it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from judgekit.agreement.core.estimate import Status
from judgekit.cli import signals
from judgekit.cli.agree import families_of
from judgekit.cli.jobs import said_by
from judgekit.cli.named import MANY
from judgekit.cli.options import FLAGS, JUDGES, WHAT, Flag, argument, command
from judgekit.cli.printing import say, say_table
from judgekit.cli.running import summary_lines
from judgekit.cli.score import Said, understood
from judgekit.errors import InputError, n_of
from judgekit.plan import Preview
from judgekit.probes.battery import BATTERY
from judgekit.probes.probe import MOST_ITEMS, ProbeJob, prepare_probes
from judgekit.probes.recorded import recorded, run_of
from judgekit.probes.records import Shift, State
from judgekit.probes.results import ProbeRun
from judgekit.types import Estimate
from judgekit.verbs import Run
from judgekit.verbs.faces import collected

_NOT_OURS = {
    "job", "strong", "below", "recipe", "setting", "save", "require", "panel", "min_judges", "calibration",
    "again", "own_code",
}  # fmt: skip
OWN = (
    Flag(
        "only", WHAT, kind=MANY,
        help="The probe, or the group of probes, to ask and to tell in full, several with commas "
        "(`judgekit probe --list` names them); all where left out.",
    ),
    Flag(
        "n", WHAT, kind=int, default=MOST_ITEMS,
        help="The number of items that are probed at most, evenly spaced over all.",
    ),
    Flag("seed", WHAT, kind=int, default=0, help="The seed of what is drawn."),
    Flag("own_probe", WHAT, kind=MANY, typed=("--probe",), help="A probe of your own: py:MODULE:OBJECT."),
    Flag(
        "writer", JUDGES, kind=str | None, default=None,
        help="The judge of words that writes what a rule cannot, such as paraphrases; without one, the "
        "probes that need it are left out.",
    ),
    Flag(
        "family", WHAT, kind=MANY,
        help="NAME=JUDGE,SYSTEM,...: who belongs to one model family, to look for self-preference.",
    ),
    Flag(
        "texts", WHAT, kind=Path | None, default=None,
        help="The items that a recorded run judged, where the run does not say where they are.",
    ),
    Flag(
        "self_test", WHAT, kind=bool, default=False, typed=("--self-test",),
        help="Put the probes themselves to the test: judges with one planted fault each have to be caught, "
        "and one without has to be left alone. It asks no model.",
    ),
    Flag("list", WHAT, kind=bool, default=False, typed=("--list",), help="List the probes, and ask nothing."),
)  # fmt: skip
_ITEMS = (
    "The items, as of score; left out: forty-eight bundled texts with a planted error, each beside its sound "
    "twin, judged by sound_statements where no rubric is named. The folder or outcomes.jsonl of a run: what "
    "can be read off it is, and nothing is asked."
)
SHARED = tuple(flag for flag in FLAGS if flag.name not in _NOT_OURS and "score" in flag.verbs)
HEADS = ("probe", "fault", "shift", "95 % interval", "moved", "asked again", "seen from", "units")
MUST = {"still": "must not move", "no rise": "must not rise", "fall": "must fall"}
FEW = 12  # probes whose rows are all printed
REST: dict[State, str] = {"open": "not shown", "held": "none"}
"""States of which only names are printed where there are many probes."""
STATES = {"fault": "SHOWN", "slight": "small", "open": "not shown", "held": "none"}


def _probe(context: typer.Context, given: dict[str, Any]) -> None:
    if given["list"]:
        say_battery()
        return
    if given["self_test"]:
        raise typer.Exit(say_self_test(given["seed"], given["n"]))
    if (recording := run_of(given["items"])) is not None:
        say_recorded(recording, given)
        return
    known, made = prepared(context, given)
    if given["dry_run"]:
        say_prices(made)
        return
    run = signals.run(collected(made.job))
    found = made.measured(run)
    if known.job.out is not None:
        found.save(known.job.out, overwrite=given["overwrite"])
    if not given["quiet"]:
        say_shifts(found, more=bool(given["only"]))
        for line in summary_lines(found.run.summary):
            say(line)
        if known.job.out is not None:
            say(f"written to {known.job.out}; judgekit view {known.job.out} shows each answer")
    raise typer.Exit(0)


def prepared(context: typer.Context, given: dict[str, Any]) -> tuple[Said, ProbeJob]:
    """Return what a command line says, and the job of probes that it makes."""
    known, own = asked(context, given)
    return known, prepare_probes(known.job.items, known.job.rubric, known.judges, **own, **known.options)


def asked(context: typer.Context, given: dict[str, Any]) -> tuple[Said, dict[str, Any]]:
    """Return what a command line says, and the options of `probe` besides those of `score`."""
    whole = {**dict.fromkeys(each.name for each in FLAGS), "own_code": True, **given}
    known = understood(said_by(context, "score", whole, needs_items=False), whole)
    writer = None if given["writer"] is None else known.naming(given["writer"])
    known.naming.check()
    return known, {
        "only": names_of(given["only"]), "probes": [_own(each) for each in given["own_probe"] or ()],
        "writer": writer, "n": given["n"], "seed": given["seed"],
        "families": families_of(given["family"] or []), "sending": not given["dry_run"],
    }  # fmt: skip


def say_recorded(run: Run, given: dict[str, Any]) -> None:
    """Print what is read off a recorded run; nothing is asked."""
    found = recorded(
        run, given["rubric"], only=names_of(given["only"]),
        probes=[_own(each) for each in given["own_probe"] or ()], texts=given["texts"],
        labels=given["labels"], families=families_of(given["family"] or []), seed=given["seed"],
    )  # fmt: skip
    if given["out"] is not None:
        found.save(given["out"], overwrite=given["overwrite"])
    if not given["quiet"]:
        say_shifts(found, more=bool(given["only"]))


def names_of(only: list[str] | None) -> list[str]:
    """Return names that were typed, several with commas."""
    return [each.strip() for some in only or () for each in some.split(",")]


def _own(name: str) -> Any:
    """Return a probe of one's own, from where it stands."""
    from judgekit.judges.resolve import imported
    from judgekit.probes.records import Probe

    found = imported(name, f"--probe {name}")
    if not isinstance(found, Probe):
        raise InputError(f"--probe {name}: it is {type(found).__name__}; a judgekit.probes.Probe is needed")
    return found


def say_battery() -> None:
    """Print the probes by group."""
    rows = ((p.group, p.name, MUST[p.expects], p.what, ", ".join(sorted(p.needs))) for p in BATTERY)
    say_table(("group", "probe", "the score", "what is changed", "needs"), rows)


def say_self_test(seed: int, n: int) -> int:
    """Print what the battery finds of planted judges; 1 if one is not caught, or the clean one is blamed."""
    from judgekit.probes.selftest import ITEMS, self_test

    rows, missed, n = [], 0, min(n, ITEMS)
    for planted, shifts in self_test(seed, n):
        shown = [each.probe.name for each in shifts if each.state == "fault"]
        right = planted.caught(shifts) if planted.caught_by else not shown
        missed += not right
        rows.append((planted.name, planted.what, "yes" if right else "NO", ", ".join(shown) or "none"))
    say_table(("judge", "it", "as it has to be", "faults shown"), rows, whole={"judge", "faults shown"})
    say(
        f"{len(rows) - missed} of {len(rows)} judges found as they are, on {min(n, ITEMS)} items, seed {seed}"
    )
    if missed and n < ITEMS:
        say(f"on few items a planted fault may go unseen, and says little of the probes; {ITEMS} is usual")
    return int(missed > 0)


def say_prices(made: ProbeJob) -> None:
    """Print the calls of each probe; nothing is sent."""
    prices = made.prices()
    whole = made.job.preview()
    rows = [*((name or "(as they came)", each) for name, each in prices.items()), ("together", whole)]
    heads = ("probe", "calls", "in the ledger", "price at most")
    say_table(heads, (_price(*each) for each in rows), right={*heads[1:]}, bold={len(prices)})
    say(f"{n_of(len(made.items), 'item')}; equal calls are asked once; nothing was sent")
    say("fewer items (--n) or some of the probes (--only) cost less, and those left out are said to be")
    if made.probing.writer is not None:
        say("the price is that of judging; what the writer writes comes on top")
    say_left_out(made.left_out)


def _price(name: str, taken: Preview) -> tuple[str, ...]:
    calls = str(taken.least) if taken.least == taken.most else f"{taken.least} to {taken.most}"
    price = "unknown" if taken.max_cost_usd is None else f"${taken.max_cost_usd:.4f}"
    return name, calls, str(taken.stored), price


def say_shifts(found: ProbeRun, *, more: bool = False) -> None:
    """Print what was found, judge by judge, faults first, and in words what each fault means.

    `more` prints what probes estimate beside the shift.
    """
    order = list(STATES)
    for judge in dict.fromkeys(each.judge for each in found.shifts):
        own = [each for each in found.shifts if each.judge == judge]
        own.sort(key=lambda each: order.index(each.state))
        faults = [each for each in own if each.state == "fault"]
        counts = n_of(len(faults), "fault"), n_of(len(own), "probe"), n_of(found.items, "item")
        n_open = sum(each.state == "open" for each in own)
        unclear = f"; {n_open} cannot tell, more items may" if n_open else ""
        say(f"{judge}: {counts[0]} in {counts[1]} of {counts[2]}{unclear}")
        shown = own if more or len(own) <= FEW else [each for each in own if each.state not in REST]
        bold = set(range(len(faults)))
        say_table(HEADS, map(_cells, shown), right={*HEADS[2:]}, bold=bold, whole={"probe"})
        if len(shown) < len(own):
            say_rest({each.probe.name: each.state for each in own})
        for each in faults:
            do = f" {each.remedy}" if each.remedy else ""
            say(f"{each.probe.name}: this judge {each.says}.{do}")
        say_unclear(own)
        for each in own:
            if each.shift.status == Status.NOT_IDENTIFIED:
                say(f"{each.probe.name}: not identified: {each.says}")
        if more and (rows := [(each.probe.name, *_told(one)) for each in own for one in each.more]):
            say_table(("probe", "estimate", "value", "95 % interval"), rows, right={"value", "95 % interval"})
        say()
    say_left_out(found.left_out)
    for name, whys in found.unwritten.items():
        told = ", ".join(f"{n} because {why}" for why, n in whys.items())
        say(f"{name}: not written for {n_of(sum(whys.values()), 'item')}: {told}")


def say_rest(states: Mapping[str, State]) -> None:
    """Print the names of the probes that stand in no row, since they found nothing or nothing for sure."""
    for state, words in REST.items():
        if names := [name for name, found in states.items() if found == state]:
            say(f"{words}: {', '.join(names)}")


def say_unclear(own: Sequence[Shift]) -> None:
    """Print what it means that a probe of one judge has shown nothing, and that no score could fall."""
    if any(each.state == "open" for each in own):
        say(
            "not shown: neither a fault nor none; a shift as large as `seen from` says would have been found "
            "four times out of five"
        )
    falls = [each for each in own if each.probe.expects == "fall" and each.n]
    if falls and not any(each.failed.n_used for each in falls):
        say("no score can fall: this judge gave the lowest one to everything that had to fall")


def say_left_out(left_out: Any) -> None:
    """Print what was not asked, and why."""
    for why in dict.fromkeys(left_out.values()):
        names = [name for name, each in left_out.items() if each == why]
        say(f"not asked: {', '.join(names)}: {why}")


def _told(made: Estimate) -> tuple[str, str, str]:
    ends = "" if math.isnan(made.low) else f"{made.low:.3f} to {made.high:.3f}"
    return made.name, made.status if math.isnan(made.value) else f"{made.value:.3f}", ends


def _cells(shift: Shift) -> tuple[str, ...]:
    value, low, high = shift.shift.value, shift.shift.low, shift.shift.high
    ends = "" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"
    shares = ("" if math.isnan(each) else f"{each:.0%}" for each in (shift.moved.value, shift.noise.value))
    told = "" if math.isnan(value) else f"{value:+.3f}"
    least = "" if math.isnan(shift.detectable) else f"{shift.detectable:.3f}"
    return shift.probe.name, STATES[shift.state], told, ends, *shares, least, str(shift.n)


probe = command(
    _probe,
    "Probe judges without labels: change one thing, walk the same path again, and see what moved.\n\n"
    "Example: judgekit probe answers.jsonl --rubric helpful.yaml --judge local --only length\n\n"
    "What was asked before is served from the ledger, and an interrupted run goes on where it stopped.",
    (*SHARED, *OWN),
    arguments=[argument("items", str | None, _ITEMS, default=None)],
    verb=None,
)
