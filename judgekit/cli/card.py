"""`judgekit card`: one page on a judge, and whether it is still the judge that an earlier card describes."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from judgekit.cli import signals
from judgekit.cli.agree import STYLES, families_of
from judgekit.cli.named import MANY
from judgekit.cli.options import FILES, WHAT, Flag, argument, command
from judgekit.cli.printing import say, say_json, say_requirements, say_styled, say_table, tell
from judgekit.cli.probe import FEW, OWN, REST, SHARED, asked, names_of, say_left_out, say_prices, say_rest
from judgekit.errors import InputError
from judgekit.probes.recorded import run_of
from judgekit.report.card import Card, card_of, of_run, prepare_card, read_card
from judgekit.report.card_bounds import card_bounds
from judgekit.report.card_page import write_card
from judgekit.report.uses import USES, worst_of
from judgekit.verbs.faces import collected
from judgekit.verbs.require import Requirement

_ITEMS = (
    "The items, as of score; left out: bundled texts, as of probe. Or what is there already: the folder or "
    "outcomes.jsonl of a run, or the JSON of a card; then nothing is asked."
)
_OTHERS = {"out", "overwrite", "labels"}
_HEADS = ("probe", "fault", "shift", "moved", "what that says")
OWN_FLAGS = (
    Flag(
        "labels", WHAT, kind=Path | None,
        help="People's labels of some of the items, as of agree; without any there is no trust.",
    ),
    Flag(
        "trusted", WHAT, kind=bool, default=False, typed=("--trusted",),
        help="The labels are the truth, so that no second person is asked for.",
    ),
    Flag(
        "thresholds", FILES, kind=Path | None, default=None,
        help="The TOML file of thresholds that take the place of the default ones.",
    ),
    Flag(
        "against", FILES, kind=Path | None, default=None,
        help="The JSON of an earlier card: exit code 1 if the judge is shown to have changed. The items have "
        "to be the same, and the replies new ones (another --ledger, or none).",
    ),
    Flag(
        "look", WHAT, kind=int | None, default=None,
        help="The number of this look at the earlier card; one for each day since then where left out.",
    ),
    Flag(
        "require", FILES, kind=MANY,
        help="A bound that the card has to meet, or the exit code is 1: agreement>=0.6, shift<=0.05, "
        "moved<=10%, rose<=2%, failed<=20%, silenced<=1% or faults<=0, with a probe, a group or, of "
        "agreement, a criterion in front: 'attack: rose<=2%'. The worse end of the 95 % interval decides.",
    ),
    Flag(
        "out", FILES, kind=Path | None,
        help="The card: a page (.html), with .json and .md files of the same beside it, or one of these.",
    ),
    Flag("as_json", FILES, kind=bool, default=False, typed=("--json",), help="Print the card as JSON."),
)  # fmt: skip
_FLAGS = (
    *(flag for flag in SHARED if flag.name not in _OTHERS),
    *(flag for flag in OWN if flag.name not in {"self_test", "list"}),
    *OWN_FLAGS,
)


def _card(context: typer.Context, given: dict[str, Any]) -> None:
    bounds = given["require"] or []
    card_bounds(bounds)
    if given["out"] is not None and given["out"].suffix not in {".html", ".md", ".json"}:
        raise InputError(f"--out {given['out']}: a card is a .html, a .md or a .json file; name it so")
    old = None if given["against"] is None else read_card(given["against"])
    made = _made(context, given)
    if made is None:
        return
    made = made if old is None else made.against(old, look=given["look"])
    required = made.require(*bounds)
    made = replace(made, held={**made.held, "required": [each.plain() for each in required]})
    if given["as_json"]:
        say_json(made.held)
    elif not given["quiet"]:
        _say(made)
    if given["out"] is not None:
        typed = shlex.join(["judgekit", *context.obj]) if context.obj else ""
        reads = [given[name] for name in ("items", "labels", "against", "thresholds") if given[name]]
        for path in write_card(made.held, given["out"], command=typed, reads=reads):
            tell(f"-> {path}")
    raise typer.Exit(_code(made, required, quiet=given["quiet"] or given["as_json"]))


def _code(made: Card, required: tuple[Requirement, ...], *, quiet: bool) -> int:
    say_requirements(required, quiet=quiet)
    if made.drift is not None and made.drift.alarm and quiet:
        tell(made.drift.says)
    changed = made.drift is not None and made.drift.alarm
    return int(changed or not all(each.met for each in required))


def _made(context: typer.Context, given: dict[str, Any]) -> Card | None:
    """Return the card that is asked for; None where its price is shown."""
    if (done := card_of(given["items"], given["rubric"])) is not None:
        return done
    if (run := run_of(given["items"])) is not None:
        return of_run(
            run, given["rubric"], labels=given["labels"], trusted=given["trusted"], texts=given["texts"],
            thresholds=given["thresholds"], families=families_of(given["family"] or []),
            only=names_of(given["only"]), seed=given["seed"],
        )  # fmt: skip
    known, own = asked(context, {**given, "out": None, "require": ()})
    job = prepare_card(
        known.job.items, known.job.rubric, known.judges, trusted=given["trusted"],
        thresholds=given["thresholds"], **own, **known.options,
    )  # fmt: skip
    if given["dry_run"]:
        say_prices(job.probes)
        return None
    return job.carded(signals.run(collected(job.probes.job)))


def _say(made: Card) -> None:
    """Print a card: what the judge may be used for, what to do first, its probes, the earlier card."""
    held = made.held
    for each in held["faults"]:
        say(f"{held['judge']['name']}: {each}")
    if made.drift is not None:
        style = "bold red" if made.drift.alarm else "green"
        say_styled(
            "CHANGED" if made.drift.alarm else "NO CHANGE SHOWN", style, before="against the old card: "
        )
        say(f"  {made.drift.says}")
        for what, (was, now) in made.drift.differs.items():
            say(f"  {what}: {was} -> {now}")
        say()
    for each in worst_of(made.uses).values():
        about = f"{held['judge']['name']}, to {USES[each.purpose]}: "
        say_styled(each.verdict, STYLES[each.verdict], before=about)
        say(f"  {each.why}")
        for line in each.do:
            say(f"  do: {line}")
        for line in each.change:
            say(f"  to change it: {line}")
    say()
    own = sorted(held["probes"], key=lambda each: each["state"] != "fault")
    rows = own if len(own) <= FEW else [each for each in own if each["state"] not in REST]
    say_table(_HEADS, map(_cells, rows), right={"shift", "moved"}, whole={"what that says"})
    if len(rows) < len(own):
        say_rest({each["probe"]: each["state"] for each in own})
    say_left_out(held["left_out"])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from judgekit.report.card_page import FOUND, percent

    value = row["shift"]["value"]
    shift = "none" if value is None else f"{value:+.3f}"
    return row["probe"], FOUND[row["state"]], shift, percent(row["moved"]["value"]), row["says"]


card = command(
    _card,
    "Make a judge's card: what moves it, how far it agrees with people, what it may be used for.\n\n"
    "Example: judgekit card answers.jsonl --rubric helpful.yaml --judge local --labels labels.csv --out "
    "card.html\n\n"
    "With --against OLD.json: whether it still is the judge that an earlier card describes.",
    _FLAGS,
    arguments=[argument("items", str | None, _ITEMS, default=None)],
    verb=None,
)
