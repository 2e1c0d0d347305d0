"""`judgekit batch`: the batches that are out, what they brought, and their end."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from judgekit.batches.carriers import carrier_at, headers_of
from judgekit.batches.desk import Batching, Desk
from judgekit.batches.store import OUT, Batch, batches_in
from judgekit.cli import signals
from judgekit.cli.ledger import AsJson, File
from judgekit.cli.printing import say, say_json, say_table, tell
from judgekit.errors import InputError
from judgekit.ledger import Ledger, default_path

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="List the batches that are out, fetch what came back, or cancel them.",
)
_HEADS = ("batch", "judge", "at", "calls", "made", "state", "speaks as")


@app.command(name="list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="List those that are back and read, too.")] = False,
    ledger: File = None,
    json: AsJson = False,
) -> None:
    """List the batches of a ledger; nobody is asked how far they are."""
    with Ledger(ledger or default_path(), read_only=True) as opened:
        found = batches_in(opened, alive=not every)
    if json:
        say_json([asdict(each) for each in found], indent=2)
    elif not found:
        say("no batch is out")
    else:
        say_table(_HEADS, map(_cells, found), right={"calls"}, whole={"batch"})


@app.command()
def collect(*, ledger: File = None) -> None:
    """Fetch what is back into the ledger; the command that asked for it then goes on from there."""
    signals.run(_collect(ledger or default_path()))


@app.command()
def cancel(
    batch: Annotated[
        str | None, typer.Argument(help="The batch, as `list` names it; all if left out.")
    ] = None,
    *,
    ledger: File = None,
) -> None:
    """Cancel a batch, or all that are out; what was answered until then comes back and is paid for."""
    signals.run(_cancel(ledger or default_path(), batch))


async def _collect(path: Path) -> None:
    async with _desk(path) as desk, desk.turn():
        await desk.reconcile()
        await desk.fetch()
        for each, *_ in desk.out():
            tell(f"judge {each.judge}: batch {each.id} is out")


async def _cancel(path: Path, batch: str | None) -> None:
    async with _desk(path) as desk, desk.turn():
        some = [each for each in desk.out() if batch in {None, each[0].id}]
        if not some:
            raise InputError(f"no batch {batch!r} is out" if batch else "no batch is out")
        for each in some:
            await desk.cancel(*each)


@asynccontextmanager
async def _desk(path: Path) -> AsyncGenerator[Desk, None]:
    """Open the batches of a ledger, and the way to each of their servers whose key is known."""
    with Ledger(path, create=False) as ledger:
        desk = Desk(ledger, Batching(say=say))
        async with aclosing(desk):
            for each in desk.store.batches(alive=True):
                carrier = carrier_at(each.kind, each.root, each.model)
                if "~" in each.root:
                    tell(f"batch {each.id}: its address is not kept; run the command that sent it")
                    continue
                key = os.environ.get(each.key_env, "").strip() if each.key_env else ""
                if each.key_env and not key:
                    raise InputError(f"batch {each.id}: its key is in ${each.key_env}, which is not set")
                desk.open(each.judge, carrier, headers_of(each.kind, key) if key else {})
            yield desk


def _cells(batch: Batch) -> tuple[str, ...]:
    state = OUT if batch.state == OUT else f"{batch.state} ({batch.why})" if batch.why else batch.state
    made = batch.made[:16].replace("T", " ")
    return batch.id or batch.tag, batch.judge, batch.root, str(batch.n), made, state, batch.kind
