"""`judgekit score`, `compare`, `rank` and `match`: items, a rubric and judges in; tables and files out."""

import functools
from collections.abc import Callable
from typing import Any, Literal, cast

import typer

from judgekit import roles
from judgekit.cli import signals
from judgekit.cli.bounds import leave
from judgekit.cli.named import Naming, columns_of, named_of, per_call_of, value_of
from judgekit.cli.options import ASKING, FLAGS, LIMITS, SCORING, argument, command
from judgekit.cli.printing import tell
from judgekit.cli.running import print_preview, run_job
from judgekit.errors import InputError
from judgekit.protocols import ProtocolName
from judgekit.verbs import DEFAULT_LEDGER, Job, Options, prepare
from judgekit.verbs.options import DEFAULTS
from judgekit.verbs.require import Bounds

ITEMS = argument(
    "items", str,
    "The items: a JSONL, JSON, CSV, TSV or Parquet file (.gz, too), or - for standard input. A row holds "
    "item_id, task and response (or responses), and may hold system, reference, sources and tags.",
)  # fmt: skip


def verb(name: ProtocolName | Literal["score"], help_: str, **defaults: Any) -> Callable[..., None]:
    """Return the command of a verb: what it asks is its protocol; `score` has it as an option."""

    def run(context: typer.Context, given: dict[str, Any]) -> None:
        own = {} if name == "score" else {"protocol": name}
        _judge(context, given["items"], {**dict.fromkeys(each.name for each in FLAGS), **given, **own})

    flags = [flag for flag in FLAGS if name in flag.verbs]
    return command(run, help_, flags, arguments=[ITEMS], **defaults)


def _judge(context: typer.Context, items: str, given: dict[str, Any]) -> None:
    """Judge items as the command line says, or show what that would take."""
    note = (lambda _: None) if given["quiet"] else tell
    naming = Naming(given["key_env"], given["revision"], given["price"], say=note)
    judge_of = functools.partial(_judge_of, naming, given)
    bounds = Bounds.of(given["require"] or ())
    rubric, options = _options(context, given, judge_of)
    options["say"] = note
    if given["strong"] and given["below"] is None:
        raise InputError("--strong needs --below, the confidence below which a question goes on to it")
    judges = list(map(judge_of, given["judge"] or ["local"]))
    stronger = list(map(judge_of, given["strong"])) if given["strong"] else None
    naming.check()
    make: Callable[..., Job] = prepare
    if given["below"] is not None:
        from judgekit.verbs.cascade import prepare_cascade

        make = functools.partial(prepare_cascade, strong=stronger, doubt=given["below"])
    job = make(items, rubric, judges, sending=not given["dry_run"], **options)
    bounds.check(job)
    if given["dry_run"]:
        print_preview(job)
        return
    files = [items, rubric, *(given[each] for each in ("prompt", "labels", "calibration")), job.ledger]
    named = (each.rpartition("replay:")[2] for each in (*(given["judge"] or ()), *(given["strong"] or ())))
    reads = [each for each in (*files, *named) if each is not None]
    quiet, overwrite = given["quiet"], given["overwrite"]
    signals.run(run_job(job, given["out"], quiet=quiet, overwrite=overwrite, reads=reads, bounds=bounds))
    leave(bounds.found())


def _options(
    context: typer.Context, given: dict[str, Any], judge_of: Callable[[str], roles.Judge]
) -> tuple[str | None, Options]:
    """Return the rubric and the verb's options; what a recipe may fill is left out unless it was typed."""
    from judgekit.run import Limits

    asked = {
        each.name: given[each.name]
        for each in FLAGS
        if each.group in {ASKING, SCORING} and each.name in DEFAULTS and given[each.name] is not None
    }
    asked["per_call"] = per_call_of(given["per_call"])
    if str(given["orders"]).isdecimal():
        asked["orders"] = int(given["orders"])
    rubric: str | None = given["rubric"]
    if given["recipe"] is not None:
        asked = {name: value for name, value in asked.items() if _is_given(context, name)}
        rubric = rubric if _is_given(context, "rubric") else None
    limits = {each.name: given[each.name] for each in FLAGS if each.group == LIMITS}
    ledger = given["ledger"]
    return rubric, cast("Options", {
        **asked,
        "recipe": given["recipe"],
        "settings": named_of("--setting", given["setting"], value_of),
        "substitutes": named_of("--substitute", given["substitute"], judge_of),
        "again": tuple(given["again"] or ()),
        "columns": columns_of(given["column"]),
        "on_bad_item": given["on_bad_item"],
        "ledger": DEFAULT_LEDGER if ledger is None else None if ledger == "none" else ledger,
        "store_prompts": given["prompts"],
        "limits": Limits(budget_usd=limits.pop("budget"), **limits),
        "progress": given["progress"] and not given["quiet"],
        "telemetry": given["telemetry"],
        "own_code": True,
    })  # fmt: skip


def _judge_of(naming: Naming, given: dict[str, Any], name: str) -> roles.Judge:
    """Return a judge by its name, with the recipe's settings and, where it has any, those that were typed."""
    from judgekit.recipes.catalog import published

    settings = {each: given[each] for each in ("temperature", "max_tokens") if given[each] is not None}
    found = naming(name) if given["recipe"] is None else published(given["recipe"]).tuned(naming(name))
    return found.with_(**settings) if settings and isinstance(found, roles.Tunable) else found


score = verb(
    "score",
    "Score responses by a rubric.\n\nThe same command again goes on where it stopped, and asks nothing "
    "twice: replies are kept in the ledger.\n\n"
    "Example: judgekit score answers.jsonl --rubric helpful.yaml --judge local --out run",
)
compare = verb(
    "compare",
    "Compare the responses of each item in pairs, in both orders or one; judges are pooled after.\n\n"
    "Example: judgekit compare answers.jsonl --rubric pair_quality --judge local --orders given --out run\n\n"
    "A score near 1 says that the first response is better, one near 0 that the second is.",
)
rank = verb(
    "rank",
    "Rank the responses of each item, in all cyclic orders or some.\n\n"
    "Example: judgekit rank answers.jsonl --rubric pair_quality --judge local --orders 3",
)
match = verb(
    "match",
    "Say whether responses give the reference answer.\n\n"
    "Example: judgekit match answers.jsonl --judge local --out run",
    rubric="answer_match",
)


def _is_given(context: typer.Context, name: str) -> bool:
    """Tell whether an option stands on the command line, and is not its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
