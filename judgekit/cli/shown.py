"""`judgekit show` and `diff`: a run as text, from its means to a raw reply, and beside another run."""

import heapq
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judgekit.cli.named import MANY
from judgekit.cli.printing import leave, say, say_requirements, say_table, say_text
from judgekit.errors import InputError, there_are
from judgekit.prompt import who

if TYPE_CHECKING:
    from judgekit.aggregate.explain import Explanation
    from judgekit.types import Estimate, Outcome, Text, Unit
    from judgekit.verbs.diff import Changed, Compared, Difference
    from judgekit.verbs.kept import Asked, Kept, Piece

_MOST = 10  # units named that have the most to see
_LONG = 300  # characters of a text that is shown on a line


def show(
    run: Annotated[Path, typer.Argument(help="The run: the folder that --out wrote.")],
    item: Annotated[
        str | None, typer.Argument(help="The id of an item; the whole run where left out.")
    ] = None,
    response: Annotated[
        MANY,
        typer.Option(help="The response, or both of a pair; all of the item where left out."),
    ] = None,
    criterion: Annotated[MANY, typer.Option(help="The criterion; all of them where left out.")] = None,
) -> None:
    """Show a run: its means, criteria, gates; or an item, down to each reply behind it.

    Example: judgekit show results 17 --response model-a
    """
    from judgekit.verbs.kept import kept

    found = kept(run)
    if item is None:
        if response or criterion:
            raise InputError(
                "--response and --criterion are of an item; name one, as in `judgekit show RUN ITEM`"
            )
        _show_run(found, str(run))
    else:
        _show_item(found, item, set(response or ()), set(criterion or ()))


def _show_run(found: "Kept", name: str) -> None:
    from judgekit.cli.means import Means
    from judgekit.cli.running import summary_lines
    from judgekit.view.first import first_of
    from judgekit.view.views import names_of, views_of

    means, views = Means(), views_of(found, {})
    for piece in found.pieces:
        means.add(piece.item, piece.scores)
    seen = heapq.nlargest(_MOST, (each for each in views if each.marks), key=lambda each: each.interest)
    said, rubric = found.run.summary, found.run.summary.get("rubric") or {}
    judges = ", ".join(said.get("judges", ()))
    say(f"{name}: rubric {rubric.get('id')} {rubric.get('version')}, judges {judges}")
    for line in summary_lines(said):
        say(line)
    means.say()
    say()
    heads = ("criterion", "mean", "verdicts", "abstained", "order effect", "spread of judges", "of samples")
    say_table(heads, map(_strip, first_of(found, views)["criteria"]), right=heads[1:])
    if seen:
        say()
        cells = [
            (each.unit.item_id, about(each.unit), number(each.value), ", ".join(names_of(each.marks)))
            for each in seen
        ]
        say_table(("item", "response", "score", "look at"), cells, right={"score"})
    say()
    say(f"one item: judgekit show {name} ITEM; in a browser: judgekit view {name}")


def _strip(each: "Mapping[str, Any]") -> tuple[str, ...]:
    """Return what is told of a criterion."""
    told = (each["mean"], each["order_effect"], each["spread_judge"], each["spread_sample"])
    mean, order, judges, samples = ("" if value is None else f"{value:.3f}" for value in told)
    return each["id"], mean or "none", str(each["n"]), str(each["abstained"]), order, judges, samples


def _show_item(found: "Kept", item: str, responses: set[str], criteria: set[str]) -> None:
    piece = next((each for each in found.pieces if each.item_id == item), None)
    if piece is None:
        known = [each.item_id for each in found.pieces[:20]]
        raise InputError(f"no item {item!r} in the run; {there_are(item, known)}")
    with found.behind() as behind:
        calls, explained = behind(piece)
    units = [each for each in explained.values() if responses <= {*each.unit.responses}]
    if not units:
        known = list(dict.fromkeys(response for unit in explained for response in unit.responses))
        raise InputError(f"item {item!r} has no response {sorted(responses)}; {there_are('', known)}")
    asked_on = {outcome.criterion for each in units for outcome in each.verdicts}
    for name in sorted(criteria - asked_on):
        raise InputError(f"item {item!r} has no criterion {name!r}; {there_are(name, sorted(asked_on))}")
    made = {asked[0].call: asked for asked in calls}
    _show_texts(piece)
    if piece.item is None and found.note:
        say(found.note)
    shown: set[str] = set()
    for each in units:
        say()
        say(f"item {item}, {_who(each, piece)}")
        _show_score(each)
        for outcome in each.verdicts:
            if not criteria or outcome.criterion in criteria:
                _show_outcome(outcome)
                _show_call(outcome.rater, made.get(outcome.call), shown)
    held = found.inputs["ledger"]
    if not held["kept"]:
        why = ", the ledger: " + held["why"] if held["path"] else ": the run had no ledger"
        say(f"replies are not shown{why}")
    elif shown:
        say(f"a prompt with its reply: judgekit ledger show KEY --ledger {held['path']}")


def _show_texts(piece: "Piece") -> None:
    if (item := piece.item) is not None:
        texts = [("task", item.task), *((f"response {name}", text) for name, text in item.responses.items())]
        for name, text in (*texts, *([] if item.reference is None else [("reference", item.reference)])):
            say(f"{name}: {_line(text)}")
    if piece.tags:
        say(f"tags: {', '.join(f'{name}={value}' for name, value in piece.tags.items())}")


def _line(text: "Text") -> str:
    """Return a text on a line, cut where it is long; of a conversation who says what."""
    whole = text if isinstance(text, str) else " / ".join(f"{who(each)}: {each.content}" for each in text)
    line = " ".join(whole.split()) or ("(only spaces)" if whole else "(empty)")
    return line if len(line) <= _LONG else f"{line[:_LONG]}... ({len(whole)} characters)"


def _who(each: "Explanation", piece: "Piece") -> str:
    unit = each.unit
    known = {} if piece.item is None else piece.item.systems
    names = [f"{name} by {known[name]}" if known.get(name, name) != name else name for name in unit.responses]
    return (" against ".join(names) or "the task itself") + (f", {unit.part}" if unit.part else "")


def _show_score(found: "Explanation") -> None:
    """Print a score and what each criterion gave to it."""
    share = "" if found.share == 1 else f", of {found.share:.0%} of the weight"
    fired = f", gate or veto {found.gate!r} fired" if found.gate else ""
    say(f"  {found.level} {found.name}: {number(found.value)}, {found.rule}{share}{fired}")
    if found.unexplained:
        say(f"    {found.unexplained}")
    rows = []
    for part in found.parts:
        weight = "" if part.weight is None else f"{part.weight:g}"
        gives = "" if found.unexplained else f"{part.contribution:+.3f}" if part.weight else ""
        role = "gate" if part.gate is not None else "veto" if part.veto is not None else ""
        marks = role, "missing" if part.missing else "", "fired" if part.criterion == found.gate else ""
        told = ", ".join(filter(None, marks))
        rows.append(("    ", part.criterion, weight, number(part.value), gives, told))
    say_table(("    ", "criterion", "weight", "value", "gives", ""), rows, right={"weight", "value", "gives"})
    if abs(found.clipped) > 1e-9:
        say(f"    held within 0 and 1: {found.clipped:+.3f}")
    for each in found.dimensions:
        given = ", ".join(f"{part.criterion} {part.contribution:+.3f}" for part in each.parts if part.weight)
        say(f"    dimension {each.name}: {number(each.value)}{f' ({given})' if found.unexplained else ''}")


def _show_outcome(outcome: "Outcome") -> None:
    """Print what one judge said on one criterion."""
    from judgekit.types import Abstention

    shown = f", shown {' then '.join(outcome.shown)}" if len(outcome.shown) > 1 else ""
    sample = f", sample {outcome.sample + 1}" if outcome.sample else ""
    head = f"  {outcome.criterion}, judge {outcome.rater}{shown}{sample}: "
    if isinstance(outcome, Abstention):
        say(f"{head}no label, {outcome.reason}: {outcome.detail}")
        return
    flags = f" ({', '.join(outcome.flags)})" if outcome.flags else ""
    spread = ", ".join(f"{label} {p:.2f}" for label, p in outcome.probs) if len(outcome.probs) > 1 else ""
    say(f"{head}{outcome.label!r}{f' of {spread}' if spread else ''}, worth {outcome.value:.3f}{flags}")
    if outcome.rationale:
        say(f"    because: {' '.join(outcome.rationale.split())}")
    for each in outcome.evidence:
        place = f"in {each.where}, {each.how}" if each.found else "NOT FOUND in what was shown"
        say(f"    quoted {' '.join(each.quote.split())!r}, {place}")


def _show_call(rater: str, asked: "Asked | None", shown: set[str]) -> None:
    """Print the call behind a verdict, and its reply where that was not printed already."""
    from judgekit.types import is_control

    if is_control(rater):
        say(f"    a rule ({rater}): it asks no model, so there is no reply")
        return
    if asked is None:
        return
    made, entry = asked
    told = [
        *(["re-asked"] if made.attempt > 1 else []),
        *([made.fault] if made.fault is not None else []),
        *([f"{made.input_tokens} tokens in"] if made.input_tokens is not None else []),
        *([f"{made.output_tokens} out"] if made.output_tokens is not None else []),
        *([f"${made.cost_usd:.4f}"] if made.cost_usd else []),
        *([f"{made.seconds:.2f} s"] if made.seconds is not None else []),
    ]
    counts = f" ({', '.join(told)})" if told else ""
    say(f"    call {made.call}{counts}")
    if made.call in shown or entry is None:
        return
    shown.add(made.call)
    say_text("\n".join(f"    | {line}" for line in entry.reply.text.split("\n")))


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
    from judgekit.verbs.require import compared
    from judgekit.verbs.require import require as required

    compared(require or ())
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
