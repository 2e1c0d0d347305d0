"""`judgekit stand`: the order of systems, from stored runs, tables of scores, or recorded votes."""

import json
import math
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judgekit.cli.agree import families_of
from judgekit.cli.named import MANY, columns_of
from judgekit.cli.options import FILES, WHAT, Flag, argument, command, of_verb
from judgekit.cli.printing import say, say_json, say_styled, say_table, tell
from judgekit.cli.stand_plan import PLAN, check_plan, say_dynamics, say_plan
from judgekit.errors import n_of
from judgekit.verbs.stand import MODELS
from judgekit.verbs.stand import stand as order_systems
from judgekit.writing import write

if TYPE_CHECKING:
    from judgekit.standing import Standing
    from judgekit.standing.orders import Against, Profile

_HOW = "How to compare"
_MOST_TAGS = 8  # that are printed; the page and the JSON have all
STAND = (
    Flag("criterion", WHAT), Flag("judge", WHAT, kind=MANY, typed=("--judge", "-j")), Flag("items", WHAT),
    Flag(
        "column", WHAT, kind=MANY,
        help="OUR=THEIRS: which column of the items, or of a table, holds what, e.g. first=model_a.",
    ),
    Flag("scale", WHAT), Flag("by", WHAT), Flag("against", WHAT, kind=Path | None),
    Flag(
        "family", WHAT, kind=MANY,
        help="NAME=SYSTEM,...: the systems of a family; with --against, whether the order favours them.",
    ),
    Flag("model", _HOW, choices=lambda: MODELS), Flag("link", _HOW), Flag("parts", _HOW),
    Flag("ties", _HOW), Flag("order", _HOW, typed=("--order",)), Flag("prior", _HOW),
    Flag("resamples", _HOW, of="b"),
    Flag("seed", _HOW, kind=Annotated[int, typer.Option(min=0, help="The seed of what is drawn by chance.")]),
    Flag("level", _HOW), *PLAN,
    Flag("out", FILES, kind=Path | None, help="The file to write the standing into, as JSON."),
    Flag(
        "report", FILES, kind=Path | None,
        help="The page (.html) to write; .json and .csv files of the same numbers are written beside it.",
    ),
    Flag("as_json", FILES, kind=bool, default=False, typed=("--json",), help="Print the standing as JSON."),
)  # fmt: skip


def _stand(context: typer.Context, given: dict[str, Any]) -> int:
    from judgekit.report.standing import standing_json, write_standing

    runs, out, report = given["runs"], given["out"], given["report"]
    check_plan(given)
    if given["dynamics"] is not None:
        taken = {each: given[each] for each in ("criterion", "items") if given[each] is not None}
        say_dynamics(given, {**taken, "judge": given["judge"] or (), "columns": columns_of(given["column"])})
        return 0
    families = families_of(given["family"] or [])
    found = order_systems(
        *runs, columns=columns_of(given["column"]), families=families or None,
        **of_verb(order_systems, STAND, given),
    )  # fmt: skip
    reads = [*runs, *(Path(each) for each in (given["items"], given["against"]) if each)]
    if out is not None:
        text = json.dumps(standing_json(found), ensure_ascii=False, indent=1) + "\n"
        write(out, text.encode(), reads=reads)
    if given["as_json"]:
        say_json(standing_json(found))
    else:
        _print(found)
        if given["plan"]:
            say_plan(found, runs, given)
    if report is not None:
        typed = shlex.join(["judgekit", *context.obj]) if context.obj else ""
        for path in write_standing(found, report, command=typed, reads=reads):
            tell(f"-> {path}")
    return int(found.status.startswith("undefined"))


stand = command(
    _stand,
    "Order systems by comparisons, scores or votes, with intervals, ranks, and who cannot be told apart.\n\n"
    "Example: judgekit stand results --items items.jsonl, or judgekit stand scores.csv. Nothing is asked. "
    "The exit code is 1 where strengths cannot be told.",
    STAND,
    verb=order_systems,
    arguments=[
        argument(
            "runs", list[Path],
            "The runs: folders that --out wrote, outcomes.jsonl or scores.jsonl; or one table: item_id, "
            "system, score; or items x systems; or votes with first, second, label.",
        )
    ],
)  # fmt: skip


def _number(value: float, digits: int) -> str:
    return "none" if math.isnan(value) else f"{value:.{digits}f}"


def _print(found: "Standing") -> None:
    from judgekit.report.standing import lead, warning

    pairs, digits = found.unit == "log-odds", 3 if found.unit == "points" else 2
    count, mean = ("comparisons", "won") if pairs else ("scores", "plain mean")
    right = ("rank", "strength", "interval", count, mean, "missing")
    rows, letters = [], found.letters
    for place in found.places:
        rank = "" if place.rank is None else str(place.rank)
        ranks = f"{place.rank_low} and {place.rank_high}" if place.rank_low else "unknown"
        plain = _share(place.won) if pairs else _number(place.mean, 3)
        rows.append((
            rank, place.system, letters[place.system], "unknown" if math.isnan(place.strength) else
            f"{place.strength:.{digits}f}", _ends(place.low, place.high, digits), ranks, str(place.n), plain,
            str(place.n_missing),
        ))  # fmt: skip
    say_table(
        ("rank", "system", "group", "strength", "interval", "rank between", count, mean, "missing"), rows,
        right=right,
    )  # fmt: skip
    said = n_of(found.n_comparisons, "comparison" if pairs else "score")
    why: Counter[str] = sum((Counter(place.missing) for place in found.places), Counter())
    told = ", ".join(f"{n} {reason}" for reason, n in why.most_common())
    reasons = f" ({told})" if told and not pairs else ""  # a lost comparison is missing of both its systems
    say(
        f"strengths in {found.unit} ({found.method}); {found.level:.0%} intervals by "
        f"{n_of(found.n_items, 'item')}, {said}, {found.n_dropped} without "
        f"{'a verdict' if pairs else 'one'}{reasons}"
    )
    if not found.status.startswith("undefined"):
        say_styled(lead(found), "bold")
    if (effect := found.order_effect) is not None:
        ends = _ends(effect.low, effect.high, 2)
        say(f"shown first gains {_number(effect.value, 2)} in log-odds, interval {ends}")
    for note in (*found.notes, *([warning(found)] if warning(found) else [])):
        say(f"note: {note}")
    if found.status != "ok":
        say(f"status: {found.status}")
    if found.profile is not None:
        _print_profile(found, found.profile)
    if found.against is not None:
        _print_against(found.against)


def _ends(low: float, high: float, digits: int) -> str:
    """Return an interval, of which one end may be infinite."""
    if math.isnan(low) or math.isnan(high):
        return "none"
    if math.isinf(high):
        return f"at least {low:.{digits}f}"
    return f"at most {high:.{digits}f}" if math.isinf(low) else f"{low:.{digits}f} to {high:.{digits}f}"


def _share(won: float) -> str:
    """Return the share of comparisons won; a word where there were none."""
    return "none" if math.isnan(won) else f"{won:.1%}"


def _print_profile(found: "Standing", profile: "Profile") -> None:
    tags = list(profile.standings)[:_MOST_TAGS]
    rows = []
    for place in found.places:
        cells = []
        for tag in tags:
            own = {each.system: each for each in profile.standings[tag].places}.get(place.system)
            known = own is not None and own.rank_low is not None
            cells.append(f"{own.rank} ({own.rank_low} to {own.rank_high})" if own and known else "none")
        rows.append((place.system, "none" if place.rank is None else str(place.rank), *cells))
    say()
    say_table((f"rank by {profile.by}", "over all", *tags), rows, right=("over all", *tags))
    if len(profile.standings) > len(tags):
        say(f"{len(tags)} of {len(profile.standings)} values of {profile.by}; --json prints all")
    moved = [f"{system} on {tag} ({-profile.moved[tag, system]:+d})" for tag, system in profile.spiky]
    said = "beyond noise, for all at once: " + ", ".join(moved) + " (ranks gained)"
    say(said if moved else f"no rank on a {profile.by} differs from that over all beyond noise")


def _print_against(against: "Against") -> None:
    tau, halves = against.tau, against.halves
    say()
    if math.isnan(tau.value):
        say(f"against the trusted order: no tau ({'; '.join((tau.status, *tau.notes))})")
    else:
        ends = "" if math.isnan(tau.low) else f" [{tau.low:.3f}, {tau.high:.3f}]"
        say_styled(f"against the trusted order: Kendall's tau-b {tau.value:.4f}{ends}", "bold")
    if not math.isnan(halves.value):
        say(f"two parts of the trusted items reach {halves.value:.2f} with each other ({halves.method})")
    for shift in against.shifts:
        say(
            f"family {shift.family}: its systems gain {shift.shift:+.2f} ranks more than others "
            f"(p {shift.p:.2f}, {n_of(len(shift.systems), 'system')})"
        )
    if against.tilt is not None and not math.isnan(against.tilt.decisiveness):
        bias = sorted(against.tilt.bias.items(), key=lambda each: -abs(each[1]))[:3]
        named = ", ".join(f"{system} {100 * gain:+.1f}" for system, gain in bias)
        say(
            f"decisiveness {against.tilt.decisiveness:.2f} (above 1 it exaggerates who is better); win rates "
            f"beyond that, in points, largest: {named}"
        )
    if against.left_out:
        say(f"only one side has {', '.join(against.left_out)}")
