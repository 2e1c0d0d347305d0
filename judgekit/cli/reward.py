"""`judgekit reward`: rewards for RL, by HTTP or for a file, preference data, and what a spec says."""

import asyncio
import os
import sys
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import orjson
import typer

from judgekit.cli import signals
from judgekit.cli.named import Instead, ItemColumns, KeyEnv, Naming, Price, Revision, columns_of
from judgekit.cli.printing import say, say_json, tell
from judgekit.errors import InputError, JudgekitError, JudgeOutage, n_of
from judgekit.terminal.progress import Progress
from judgekit.writing import beside

if TYPE_CHECKING:
    from judgekit.rewards.core.preferences import Each, Format
    from judgekit.rewards.core.records import Batch, Group
    from judgekit.rewards.core.rewarder import Rewarder

app = typer.Typer(
    help="Serve or give rewards for RL, make preference pairs, and look at a spec.",
    no_args_is_help=True,
    add_completion=False,
)

TOKEN = "JUDGEKIT_REWARD_TOKEN"  # noqa: S105 - where it is found, not what it is
_SIZES = (2, 4, 8, 16)
_STOPPED = 3
_PRESETS = "the name of a preset: healthbench, pairwise-8, reference, ruler."

SpecFile = Annotated[Path, typer.Option("--spec", help=f"The reward spec: a TOML file, or {_PRESETS}")]
Groups = Annotated[
    str,
    typer.Argument(
        help="The groups: JSONL, CSV, TSV or Parquet (.gz, too), or - for standard input; an item is a group."
    ),
]
_Batch = Annotated[
    int, typer.Option("--batch", min=1, max=1_000_000, help="The number of groups that are judged together.")
]
Shown = Annotated[
    bool, typer.Option("--progress/--no-progress", help="Show on the error stream how far the work is.")
]
OwnCode = Annotated[bool, typer.Option("--own-code", help="Let py: names of judges and checks import code.")]


@app.command()
def serve(
    spec: SpecFile,
    judge: Instead = None,
    key_env: KeyEnv = None,
    revision: Revision = None,
    price: Price = None,
    own_code: OwnCode = False,
    host: Annotated[
        str, typer.Option(help="The address to listen on; beyond this machine only with a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8077,
    token_env: Annotated[str, typer.Option(help="The environment variable that holds the token.")] = TOKEN,
    body_mb: Annotated[float, typer.Option(min=0.001, help="The largest body of a request, in MB.")] = 16.0,
    rate: Annotated[
        float, typer.Option(min=0.0, help="The most requests a second of one address; 0 for no limit.")
    ] = 2_000.0,
    tick_ms: Annotated[
        float, typer.Option(min=0.0, help="The milliseconds for which a batch is gathered.")
    ] = 5.0,
    most_waiting: Annotated[
        int, typer.Option(min=1, help="The number of responses that may wait at once.")
    ] = 50_000,
    drain_seconds: Annotated[
        float, typer.Option(min=0.0, help="The seconds that groups in flight may take to end after SIGTERM.")
    ] = 120.0,
) -> int:
    """Serve rewards by HTTP: /v1/rewards, /get_reward (OpenRLHF), /score (slime), /compute_score (verl).

    A spec holds at least rubric = "helpful.yaml" and judges = ["local"]; `judgekit reward show` checks it.
    A request is JSON, as in curl -H content-type:application/json 127.0.0.1:8077/v1/rewards -d
    '{"items": [{"task": "...", "response": "..."}]}'; the responses to one task are a group.

    With ?run=NAME&group=N&window_ms=W single requests wait for their group: until N responses are there, or
    W milliseconds are over. Give each trainer a run of its own: groups of two runs are never mixed. Without
    one, trainers are told apart by their addresses, and are told where that is not enough.

    /health, /stats and /metrics tell how it goes. SIGTERM ends it when all that has begun is answered.
    """
    from judgekit.judges.variables import check_variable, shown_variable
    from judgekit.rewards.serving.limits import token_for
    from judgekit.rewards.serving.server import RewardServer, Settings, serve_until_told

    check_variable("--token-env", token_env)
    token = token_for(host, os.environ.get(token_env), shown_variable(token_env, "token_env"))
    rewarder = _rewarder(spec, judge, Naming(key_env, revision, price, own_code=own_code))
    settings = Settings(
        host=host, port=port, token=token, tick=tick_ms / 1000,
        body_bytes=int(body_mb * 1e6), per_second=rate,
        most_waiting=most_waiting, drain_seconds=drain_seconds,
    )  # fmt: skip

    # The loop gives the interpreter away with every piece it reads or sends, and must not wait 5 ms for it
    # wherever a check is at work on a long response.
    sys.setswitchinterval(0.0005)

    async def until_told() -> bool:
        async with rewarder:
            return await serve_until_told(RewardServer(rewarder, settings), settings, ready)

    def ready(address: str) -> None:
        asks = "requests need the token" if token else "no token is asked for"
        meant = f"spec {rewarder.spec.digest[:12]}, scheme {rewarder.spec.scheme}"
        say(f"{address}: {meant}; {asks}")

    if not asyncio.run(until_told()):
        tell(f"stopped: not all was answered within {drain_seconds:g} s")
        return _STOPPED
    return 0


@app.command()
def give(
    groups: Groups,
    spec: SpecFile,
    out: Annotated[Path, typer.Option(help="The file for the rewards (JSONL), a line for each response.")],
    judge: Instead = None,
    key_env: KeyEnv = None,
    revision: Revision = None,
    price: Price = None,
    own_code: OwnCode = False,
    batch: _Batch = 64,
    column: ItemColumns = None,
    progress: Shown = True,
) -> None:
    """Give a reward to each response of a file; null, with a reason, where none can be given.

    Example: judgekit reward give answers.jsonl --spec spec.toml --out rewards.jsonl
    """
    rewarder = _rewarder(spec, judge, Naming(key_env, revision, price, own_code=own_code))
    read = _groups(groups, column)
    with beside(out, reads=_reads(rewarder, groups, spec)) as [lines]:
        totals, why, stopped = signals.run(_given(rewarder, read, batch, lines, progress=progress))
    if stopped is not None:
        raise stopped
    say(_told(totals))
    say(f"-> {out}")
    _tell_failures(why, totals["n"] == (totals["n_failed"] or 0) + (totals["n_dropped"] or 0))


@app.command()
def pairs(
    groups: Groups,
    spec: SpecFile,
    out: Annotated[Path, typer.Option(help="The file for the rows (JSONL).")],
    form: Annotated[
        str,
        typer.Option(
            help="The form of the rows: trl, openrlhf, axolotl, llamafactory, nemo_rl or tinker for pairs; "
            "kto or kto_llamafactory for single responses with a label."
        ),
    ] = "trl",
    margin: Annotated[float, typer.Option(help="The least difference of the rewards of a pair.")] = 0.2,
    each: Annotated[
        str, typer.Option(help="Which pairs of a group are taken: 'all', or its 'extremes' only.")
    ] = "all",
    one_order: Annotated[
        bool, typer.Option("--one-order", help="Take pairs that judges compared in one order only, too.")
    ] = False,
    good: Annotated[
        float | None, typer.Option(help="The reward from which on a response is good, for kto.")
    ] = None,
    bad: Annotated[
        float | None, typer.Option(help="The reward up to which a response is bad, for kto.")
    ] = None,
    judge: Instead = None,
    key_env: KeyEnv = None,
    revision: Revision = None,
    price: Price = None,
    own_code: OwnCode = False,
    batch: _Batch = 64,
    column: ItemColumns = None,
    progress: Shown = True,
) -> None:
    """Make preference data: judge each group, and write the pairs whose rewards are far enough apart.

    With a ledger in the spec, nothing that `reward give` asked is asked again.

    Example: judgekit reward pairs answers.jsonl --spec spec.toml --form trl --out pairs.jsonl
    """
    from judgekit.rewards.core.preferences import exported, labelled, preferences

    single = _is_single(each, form, good, bad)
    exported([], cast("Format", form))

    why = Counter[str]()

    def found(some: "list[Group]", given: "Batch") -> Any:
        why.update(_failures(given))
        if good is not None and bad is not None and single:
            return labelled(given, some, good=good, bad=bad)
        return preferences(
            given, some, margin=margin, each=cast("Each", each), both_orders=not one_order,
            rubric=rewarder.spec.rubric,
        )  # fmt: skip

    rewarder = _rewarder(spec, judge, Naming(key_env, revision, price, own_code=own_code))
    read = _groups(groups, column)
    with beside(out, reads=_reads(rewarder, groups, spec)) as [lines]:
        judged = _judged(rewarder, read, batch, progress=progress)
        made = signals.run(_collected(found(some, given) async for some, given in judged))
        rows = exported([record for each in made for record in each.kept], cast("Format", form))
        lines.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    dropped = sum((Counter(each.dropped) for each in made), Counter())
    _tell_rows(len(rows), dropped, out)
    _tell_failures(why, not rows and set(+dropped) == {"no_reward"})


def _is_single(each: str, form: str, good: float | None, bad: float | None) -> bool:
    """Tell whether responses are labelled one by one, and no pairs made of them; check what goes with it."""
    if each not in {"all", "extremes"}:
        raise InputError(f"--each {each}: there are all and extremes")
    single = form.startswith("kto")
    if single and (good is None or bad is None):
        raise InputError(f"--form {form} needs --good and --bad, the rewards that say which is which")
    return single


def _tell_rows(n: int, dropped: Counter[str], out: Path) -> None:
    left = ", ".join(f"{count} {why}" for why, count in sorted(dropped.items()) if count)
    say(n_of(n, "row") + (f"; left out: {left}" if left else ""))
    say(f"-> {out}")


@app.command()
def show(
    spec: Annotated[Path, typer.Argument(help=f"The reward spec: a TOML file, or {_PRESETS}")],
    judge: Instead = None,
    key_env: KeyEnv = None,
    revision: Revision = None,
    price: Price = None,
    own_code: OwnCode = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the meaning of the spec as JSON.")] = False,
) -> None:
    """Say what a reward spec means: digest, scheme, range, what a failure becomes, calls for a group."""
    rewarder = _rewarder(spec, judge, Naming(key_env, revision, price, own_code=own_code), sending=False)
    said = {**_meaning(rewarder), "calls": {n: list(rewarder.calls(n)) for n in _SIZES}}
    if as_json:
        say_json(said, indent=2)
        return
    for name, value in said.items():
        if name != "calls":
            say(f"{name:12} {value}")
    for n, (least, most) in said["calls"].items():
        calls = f"{least}" if least == most else f"{least} to {most} (with re-asks)"
        each = "each of their parts" if rewarder.spec.split else "a response"
        say(f"{'group of ' + str(n):12} {calls} calls, {most / n:g} {each} at most")


def _rewarder(spec: Path, judges: list[str] | None, naming: Naming, *, sending: bool = True) -> "Rewarder":
    """Return the rewarder of a spec, with other judges where some are named; print warnings as lines."""
    from judgekit.judges.local import MissingEngine
    from judgekit.rewards.core.rewarder import Rewarder, look_beside
    from judgekit.rewards.core.spec import load_spec

    loaded = load_spec(spec)
    if naming.own_code:
        look_beside(loaded)
    asked: Any = None
    try:
        asked = [naming(each) for each in judges or loaded.judges]
    except MissingEngine:
        if sending:
            raise
    except InputError as error:
        raise InputError(f"{'--judge' if judges else f'{spec}: judges'}: {error}") from error
    naming.check()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        rewarder = Rewarder(loaded, asked, own_code=naming.own_code, sending=sending)
    for each in warned:
        tell(str(each.message))
    return rewarder


def _groups(items: str, columns: list[str] | None) -> "Iterator[Group]":
    """Return the groups of a file; what is wrong with the first is raised at once."""
    from judgekit.rewards.core.rewarder import read_groups

    groups = read_groups(items, columns=columns_of(columns))
    if not (first := list(islice(groups, 1))):
        raise InputError(f"{items}: there is nothing in it to judge; give at least one item")
    return chain(first, groups)


def _reads(rewarder: "Rewarder", groups: str, spec: Path) -> list[str | Path]:
    return [groups, spec, *filter(None, [rewarder.spec.ledger])]


async def _judged(
    rewarder: "Rewarder", groups: "Iterator[Group]", size: int, *, progress: bool
) -> "AsyncIterator[tuple[list[Group], Batch]]":
    """Yield groups and their rewards, batch by batch, and show how far that is."""
    done = missing = 0
    with Progress("rewarding", "group", shown=progress) as shown:
        async with rewarder:
            while some := list(islice(groups, size)):
                batch = await rewarder(some)
                done += len(some)
                missing += sum(reward.value is None for reward in batch)
                shown.at(done, note=f"{missing} without a reward")
                yield some, batch


async def _collected(some: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in some]


async def _given(
    rewarder: "Rewarder", groups: "Iterator[Group]", size: int, lines: BinaryIO, *, progress: bool
) -> tuple[dict[str, float | None], Counter[str], BaseException | None]:
    """Write rewards batch by batch; return what they add up to, why some failed, and what stopped it.

    What stops it before anything is written is raised, so that an older file stays.
    """
    from judgekit.rewards.core.records import Batch

    totals: dict[str, float | None] = {}
    why = Counter[str]()
    try:
        async for _, batch in _judged(rewarder, groups, size, progress=progress):
            lines.writelines(_lines(batch))
            _add(totals, batch)
            why.update(_failures(batch))
    except (JudgekitError, asyncio.CancelledError) as error:
        run = getattr(error, "run", None)
        if isinstance(run, Batch):
            lines.writelines(_lines(run))
            _add(totals, run)
        if isinstance(error, InputError) or not totals:
            raise
        return totals, why, KeyboardInterrupt() if isinstance(error, asyncio.CancelledError) else error
    return totals, why, None


def _failures(batch: "Batch") -> Iterator[str]:
    return (reward.reason for reward in batch if reward.status == "failed")


def _tell_failures(why: Counter[str], nothing: bool) -> None:
    """Tell why rewards failed; where none at all was given, that is an outage."""
    from judgekit.rewards.core.prepared import told

    if nothing:
        raise JudgeOutage(f"no reward could be given: {told(why.elements())}")
    if why:
        tell(f"failed: {told(why.elements())}")


def _lines(batch: "Batch") -> Iterator[bytes]:
    for reward in batch:
        row = {
            "item_id": reward.group, "response_id": reward.response, "reward": reward.value,
            "status": reward.status, "reason": reward.reason, "judged": reward.judged,
            "components": dict(reward.components), "spec": batch.spec,
            **({"parts": dict(reward.parts)} if reward.parts else {}),
        }  # fmt: skip
        yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _add(totals: dict[str, float | None], batch: "Batch") -> None:
    """Add the counts of a batch to the totals; a cost that is not known once is not known."""
    counts = {"groups", "calls", "new_calls", "cost_usd"}
    for name in (name for name in batch.stats if name == "n" or name.startswith("n_") or name in counts):
        before, now = totals.get(name, 0), batch.stats[name]
        totals[name] = None if before is None or now is None else before + now


def _told(totals: dict[str, float | None]) -> str:
    if not totals:
        return "no groups"
    statuses = ", ".join(
        f"{n} {name.removeprefix('n_')}" for name, n in totals.items() if name.startswith("n_") and n
    )
    cost = "unknown cost" if totals["cost_usd"] is None else f"${totals['cost_usd']:.4f}"
    return (
        f"{n_of(totals['n'], 'reward')} in {n_of(totals['groups'], 'group')}: {statuses}; "
        f"{n_of(totals['calls'], 'call')}, {totals['new_calls']} of them new; {cost}"
    )


def _meaning(rewarder: "Rewarder") -> dict[str, Any]:
    spec, asked = rewarder.spec, rewarder.spec.judge_weight > 0
    checks = [f"{c.name} ({'gate' if c.gate is not None else f'weight {c.weight:g}'})" for c in spec.checks]
    return {
        "digest": spec.digest,
        "scheme": spec.scheme + (", relative to the group" if spec.relative else ""),
        "rubric": f"{spec.rubric.id}: {', '.join(c.id for c in spec.rubric.leaves)}" if asked else "none",
        "judges": ", ".join(judge.name for judge in rewarder.judges) if asked else "none: checks alone",
        "pool": spec.pool if len(rewarder.judges) > 1 else "one judge",
        "checks": ", ".join(checks) or "none",
        "range": f"{spec.span[0]:g} to {spec.span[1]:g}, {'clipped' if spec.clip else 'not clipped'}",
        "on failure": f"{spec.on_failure}; an outage above {spec.max_failed:.0%} failed",
        "deadline": f"{spec.deadline_seconds:g} s a batch, {spec.concurrency} calls in flight",
        "ledger": spec.ledger or "none",
    }
