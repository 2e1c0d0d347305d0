"""`judgekit ledger`: look at stored replies, check them, hand them on, unite and compare them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from judgekit.cli.printing import say, say_json, say_table, say_text
from judgekit.errors import InputError, n_of
from judgekit.ledger import Ledger, check, compare, default_path, tools
from judgekit.ledger import merge as merging
from judgekit.ledger.damage import Damaged

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Look at the stored replies, check them, hand them on, unite and compare them.",
)
File = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        help="The ledger file; left out, $JUDGEKIT_LEDGER, else .judgekit/ledger.sqlite in this folder.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_SHOWN = 20  # changes that a comparison lists
_BRIEF = 15  # characters of a key in a list


@app.command()
def show(
    key: Annotated[
        str | None, typer.Argument(help="The key of a reply, or the digits it begins with.")
    ] = None,
    *,
    judge: Annotated[str | None, typer.Option(help="List the replies of this judge.")] = None,
    fault: Annotated[
        str | None, typer.Option(help="List the replies with this fault; 'none' lists those without.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, max=1_000_000_000, help="The number of replies to list.")
    ] = None,
    ledger: File = None,
    json: AsJson = False,
) -> None:
    """Show what the ledger holds; or one reply with what was asked; or a list of replies."""
    with Ledger(ledger or default_path(), read_only=True) as opened:
        if key is not None:
            if judge is not None or fault is not None or limit is not None:
                raise InputError("a KEY names one reply; leave out --judge, --fault and --limit")
            _one(tools.entry(opened, key), json=json)
        elif judge is not None or fault is not None or limit is not None:
            _several(tools.rows(opened, judge, fault, limit), json=json)
        else:
            _overview(tools.overview(opened), json=json)


@app.command()
def verify(*, ledger: File = None, json: AsJson = False) -> None:
    """Check the ledger file and each reply in it; exit code 1 if something is wrong."""
    n = None
    try:
        with Ledger(ledger or default_path(), read_only=True) as opened:
            problems = check.verify(opened)
            n = tools.overview(opened).replies if not problems else None
    except Damaged as error:
        problems = [str(error)]
    if json:
        say_json({"ledger": str(ledger or default_path()), "problems": problems}, indent=2)
    else:
        for problem in problems:
            say(problem)
        say(f"{n_of(n, 'reply')}, nothing wrong" if not problems else f"problems found: {len(problems)}")
    if problems:
        raise typer.Exit(1)


@app.command()
def export(
    to: Annotated[Path, typer.Argument(help="The file of JSON lines to write.")], *, ledger: File = None
) -> None:
    """Write the latest reply under each key as a line of JSON, which the judge replay:FILE reads."""
    with Ledger(ledger or default_path(), read_only=True) as opened:
        n = tools.export(opened, to)
    say(f"{n_of(n, 'reply')} -> {to}")


@app.command()
def recover(
    to: Annotated[Path, typer.Argument(help="The file of the new ledger.")],
    *,
    ledger: Annotated[Path, typer.Option("--ledger", help="The file of the damaged ledger.")],
) -> None:
    """Copy the whole replies of a damaged ledger to a new one; exit code 1 if any reply was damaged."""
    try:
        with Ledger(ledger, read_only=True) as opened:
            found = check.recover(opened, to)
    except Damaged as error:
        raise InputError(
            f"{ledger}: nothing can be copied from it, {error.found}; move it away, and a run makes a new one"
        ) from error
    were = "was" if found.damaged == 1 else "were"
    whole = n_of(found.whole, "reply")
    say(f"{whole} -> {to}; {found.damaged} {were} damaged and will be asked again")
    if found.damaged:
        raise typer.Exit(1)


@app.command()
def compact(
    *,
    drop_prompts: Annotated[
        bool,
        typer.Option(
            "--drop-prompts", help="Forget what was asked; the judge replay:FILE cannot read the rest."
        ),
    ] = False,
    drop_old_editions: Annotated[
        bool, typer.Option("--drop-old-editions", help="Forget all but the latest reply under each key.")
    ] = False,
    ledger: File = None,
) -> None:
    """Make the ledger file smaller; no run may use it meanwhile."""
    with Ledger(ledger or default_path(), create=False) as opened:
        saved = tools.compact(opened, drop_prompts=drop_prompts, drop_old_editions=drop_old_editions)
        left = tools.size_of(opened.path)
    say(f"{saved:,} bytes saved, {left:,} left")


@app.command()
def merge(
    ledgers: Annotated[list[Path], typer.Argument(help="The ledger files, such as those of shards.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file of the new ledger.")],
) -> None:
    """Unite ledgers in a new file; where answers to one request differ, the last written is served.

    Example: judgekit ledger merge shard-*.sqlite -o whole.sqlite
    """
    found = merging.merge(ledgers, out)
    say(f"{n_of(found.read, 'reply')} of {n_of(len(ledgers), 'ledger')}: {found.written} -> {out}")
    if found.conflicts:
        several = "request has" if found.conflicts == 1 else "requests have"
        say(f"{found.conflicts} {several} another answer in another ledger; all are kept as editions")


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(help="A ledger file, or the folder of a run.")],
    b: Annotated[Path, typer.Argument(help="The ledger file or folder to compare it with.")],
    *,
    limit: Annotated[
        int, typer.Option(min=0, help="The number of differences of each kind to list.")
    ] = _SHOWN,
    json: AsJson = False,
) -> None:
    """Compare two ledgers, or the outcomes of two runs; exit code 1 if they differ."""
    found = compare.diff(a, b)
    counts = {"same": found.same, "only in A": len(found.only_a), "only in B": len(found.only_b)}
    more = found.counts if isinstance(found, compare.OutcomeDiff) else {"changed": len(found.changed)}
    if json:
        say_json(asdict(found) | {"equal": found.equal}, indent=2)
    else:
        _table(f"A: {a}, B: {b}", (), {**counts, **more}.items())
        for title, these in (("only in A", found.only_a), ("only in B", found.only_b)):
            _listed(title, [[_place(each)] for each in these], limit)
        _listed("changed, from A to B", _changes(found), limit)
    if not found.equal:
        raise typer.Exit(1)


def _changes(found: compare.LedgerDiff | compare.OutcomeDiff) -> list[list[object]]:
    if isinstance(found, compare.LedgerDiff):
        return [[_place(key), ", ".join(what)] for key, what in found.changed]
    return [[_place(each.place), each.what, f"{each.before} -> {each.after}"] for each in found.changed]


def _place(place: str | compare.Place) -> str:
    if isinstance(place, str):
        return place
    what = " ".join(filter(None, (place.item_id, "/".join(place.responses), place.part, place.criterion)))
    return f"{what} by {place.rater}, sample {place.sample}"


def _overview(found: tools.Overview, *, json: bool) -> None:
    if json:
        say_json(asdict(found), indent=2)
        return
    unpriced = sum(judge.unpriced for judge in found.judges)
    more = f" and {unpriced:,} of unknown price" if unpriced else ""
    _table(found.path, (), {
        "replies": f"{found.replies:,}",
        "requests answered": f"{found.keys:,}",
        "older editions": f"{found.replies - found.keys:,}",
        "with prompts": f"{found.prompts:,}",
        "cost, US dollars": f"{sum(judge.cost_usd for judge in found.judges):,.4f}{more}",
        "first written": found.first or "never",
        "last written": found.last or "never",
        "bytes": f"{found.bytes:,}",
        "version": found.version,
    }.items())  # fmt: skip
    for title, shares in (("judge", found.judges), ("model", found.models)):
        cells = [(s.name, s.replies, s.input_tokens, s.output_tokens, s.cost_usd, s.unpriced) for s in shares]
        _table("", (title, "replies", "tokens in", "tokens out", "US dollars", "unpriced"), cells)
    _listed("faults", list(found.faults.items()), len(found.faults))
    _listed("learnt", [(name, ", ".join(values)) for name, values in found.facts.items()], len(found.facts))


def _one(found: tools.Entry, *, json: bool) -> None:
    if json:
        say_json(tools.exported(found), indent=2)
        return
    reply, asked = found.reply, found.asked
    _table(found.key, (), {
        "judge": found.judge,
        "identity": "not stored" if asked is None else asked["identity"],
        "written": f"{found.written}, edition {found.edition}",
        "model": f"{reply.model} {reply.fingerprint}",
        "fault": "none" if reply.fault is None else f"{reply.fault}: {reply.detail}",
        "tokens": f"{_known(reply.input_tokens)} in, {_known(reply.output_tokens)} out",
        "cost, US dollars": _known(reply.cost_usd),
        "seconds": f"{_known(reply.seconds)}, tries {reply.tries}",
        "log-probabilities": reply.logprobs or "none",
        "probabilities": reply.probs or "none",
    }.items())  # fmt: skip
    for message in () if asked is None else asked["messages"]:
        say_text(f"--- {message['role']}\n{message['content']}")
    say_text(f"--- reply\n{reply.text}")


def _known(number: float | None) -> str:
    return "unknown" if number is None else f"{number:g}" if isinstance(number, float) else str(number)


def _several(found: Iterable[tools.Entry], *, json: bool) -> None:
    if json:
        for each in found:
            say_json(tools.exported(each), indent=None)
        return
    cells = [
        (e.key[:_BRIEF], e.written[:19], e.judge, e.reply.fault or "", " ".join(e.reply.text.split())[:60])
        for e in found
    ]
    _table("", ("key", "written", "judge", "fault", "text"), cells)


def _listed(title: str, cells: list[Any], limit: int) -> None:
    if cells:
        more = f" ({limit} of {len(cells)})" if len(cells) > limit else ""
        _table(title + more, (), list(islice(cells, limit)))


def _table(title: str, heads: Sequence[str], cells: Iterable[Iterable[object]]) -> None:
    rows = [[f"{each:,}" if isinstance(each, int) else str(each) for each in row] for row in cells]
    say_table(heads, rows, title=title, whole=heads)
