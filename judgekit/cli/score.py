"""`judgekit score`: items, a rubric and judges in; tables and files out."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from judgekit import roles, types
from judgekit.calibration.orders import Rule as BalanceRule
from judgekit.cli import signals
from judgekit.cli.judges import Judge, KeyEnv, Naming, Price, Revision
from judgekit.cli.pairs import columns_of, named_of, per_call_of, value_of
from judgekit.cli.printing import say, tell
from judgekit.cli.running import print_preview, run_job
from judgekit.errors import InputError
from judgekit.items.read import OnBadItem
from judgekit.plan import OnEmpty
from judgekit.protocols import Form, ProtocolName
from judgekit.protocols.protocol import Orders
from judgekit.protocols.reading.evidence import Unfounded
from judgekit.verbs import DEFAULT_LEDGER, Options, prepare


def score(
    items: Annotated[
        str, typer.Argument(help="JSONL, CSV, TSV or Parquet file of items (.gz, too); - for standard input.")
    ],
    context: typer.Context,
    rubric: Annotated[
        str | None,
        typer.Option(
            "--rubric",
            "-r",
            help="A YAML, TOML or JSON file, or a bundled rubric; left out where a recipe has one, "
            "or each item its own.",
        ),
    ] = None,
    judge: Judge = None,
    key_env: KeyEnv = None,
    revision: Revision = None,
    price: Price = None,
    recipe: Annotated[
        str | None, typer.Option(help="A published recipe (`judgekit recipes`); other options go before it.")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, a setting of the recipe.")] = None,
    substitute: Annotated[
        list[str] | None, typer.Option(help="JUDGE=JUDGE: the second is asked where the first fails.")
    ] = None,
    strong: Annotated[
        list[str] | None, typer.Option(help="Judges asked, once each, only where those of -j are in doubt.")
    ] = None,
    below: Annotated[
        float | None,
        typer.Option(
            help="The confidence below which they are (`judgekit cascade` fits it); without --strong "
            "it is left to a person."
        ),
    ] = None,
    unfounded: Annotated[
        str, typer.Option(help="flag, or abstain: verdicts whose quotations do not exist.")
    ] = "flag",
    on_empty: Annotated[
        str,
        typer.Option(help="judge empty responses; or no call: lowest (the worst of each scale), or abstain."),
    ] = "judge",
    out: Annotated[
        Path | None, typer.Option(help="Folder for scores, outcomes (JSONL, Parquet) and run.json.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let --out replace the results of another job.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Calls, tokens and price; nothing is sent.")
    ] = False,
    protocol: Annotated[
        str, typer.Option(help="grade, checklist, select_all, match, compare or rank.")
    ] = "grade",
    form: Annotated[
        str, typer.Option(help="How answers are given: json, text, or letters (probabilities).")
    ] = "json",
    per_call: Annotated[str, typer.Option(help="Criteria a call: a number, 'all', or 'usual'.")] = "usual",
    samples: Annotated[int, typer.Option(help="How often each call is repeated.")] = 1,
    temperature: Annotated[
        float | None, typer.Option(help="Temperature of all judges that have one.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens a judge may write for a call.")] = None,
    prompt: Annotated[
        Path | None, typer.Option(help="A prompt of your own (Markdown with {places}).")
    ] = None,
    reask: Annotated[bool, typer.Option(help="Ask once more for what could not be read.")] = True,
    again: Annotated[
        list[str] | None, typer.Option(help="Ask anew for stored abstentions of this reason.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="placed, published or published_clipped; else the rubric's.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Score what was judged when criteria are missing.")
    ] = False,
    panel: Annotated[
        str,
        typer.Option(
            help="How judges become one: mean, median, majority, ...; or, fitted at the end, dawid_skene."
        ),
    ] = "mean",
    labels: Annotated[
        Path | None, typer.Option(help="People's labels of some items, for --panel accuracy (as for agree).")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="A file of `judgekit calibrate`: map judges' probabilities by it.")
    ] = None,
    min_judges: Annotated[int, typer.Option(help="Fewer judges with a verdict are none.")] = 1,
    orders: Annotated[str, typer.Option(help="both, given, swapped, or for rank a number.")] = "both",
    ties: Annotated[bool, typer.Option(help="compare: whether 'tie' may be said.")] = True,
    balance: Annotated[str, typer.Option(help="compare: average, log_odds or consistent.")] = "average",
    column: Annotated[list[str] | None, typer.Option(help="OUR=THEIRS, e.g. task=prompt.")] = None,
    on_bad_item: Annotated[str, typer.Option(help="raise, or skip (counted).")] = "raise",
    ledger: Annotated[str | None, typer.Option(help="Ledger file; 'none' keeps nothing.")] = None,
    prompts: Annotated[bool, typer.Option(help="Store prompts beside replies in the ledger.")] = True,
    concurrency: Annotated[int, typer.Option(help="Calls in flight for each endpoint.")] = 16,
    rpm: Annotated[float | None, typer.Option(help="Requests a minute for each endpoint.")] = None,
    tpm: Annotated[float | None, typer.Option(help="Tokens a minute for each endpoint.")] = None,
    attempt_seconds: Annotated[float, typer.Option(help="Deadline of one request.")] = 120.0,
    run_seconds: Annotated[float | None, typer.Option(help="Deadline of the run.")] = None,
    tries: Annotated[int, typer.Option(help="Requests for one call at most.")] = 6,
    budget: Annotated[float | None, typer.Option("--budget", help="US dollars at most.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Tokens at most.")] = None,
    allow_unknown_price: Annotated[
        bool, typer.Option("--allow-unknown-price", help="Under --budget, too.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Score responses by a rubric.

    Running the same command again asks nothing twice: replies are kept in the ledger.
    """
    from judgekit.recipes.catalog import published
    from judgekit.run import Limits

    limits = Limits(
        concurrency=concurrency, rpm=rpm, tpm=tpm, attempt_seconds=attempt_seconds, run_seconds=run_seconds,
        tries=tries, budget_usd=budget, budget_tokens=budget_tokens, allow_unknown_price=allow_unknown_price,
    )  # fmt: skip
    note = (lambda _: None) if quiet else tell
    settings = {
        k: v for k, v in {"temperature": temperature, "max_tokens": max_tokens}.items() if v is not None
    }

    naming = Naming(key_env, revision, price, say=note)

    def judge_of(name: str) -> roles.Judge:
        found = naming(name)
        return _with(found if recipe is None else published(recipe).tuned(found), settings)

    asked: Options = {
        "protocol": cast("ProtocolName", protocol),  # what there is to choose from, `prepare` says
        "form": cast("Form", form),
        "per_call": per_call_of(per_call),
        "samples": samples,
        "prompt": prompt,
        "reask": reask,
        "rule": cast("types.Rule | None", rule),
        "partial": partial,
        "panel": panel,
        "labels": labels,
        "calibration": calibration,
        "min_judges": min_judges,
        "orders": cast("Orders", int(orders) if orders.isdecimal() else orders),
        "ties": ties,
        "balance": cast("BalanceRule", balance),
        "on_empty": cast("OnEmpty", on_empty),
        "unfounded": cast("Unfounded", unfounded),
    }
    if recipe is not None:  # which fills all that was not said here
        asked = cast("Options", {name: value for name, value in asked.items() if _is_given(context, name)})
        rubric = rubric if _is_given(context, "rubric") else None
    always: Options = {
        "recipe": recipe,
        "settings": named_of("--setting", setting, value_of),
        "substitutes": named_of("--substitute", substitute, judge_of),
        "again": cast("tuple[types.Reason, ...]", tuple(again or ())),
        "columns": columns_of(column),
        "on_bad_item": cast("OnBadItem", on_bad_item),
        "ledger": DEFAULT_LEDGER if ledger is None else None if ledger == "none" else ledger,
        "store_prompts": prompts,
        "limits": limits,
        "own_code": True,
        "say": note,
    }
    options: Options = {**asked, **always}
    if strong and below is None:
        raise InputError("--strong needs --below, the confidence below which a question goes on to it")
    judges = list(map(judge_of, judge or ["local"]))
    stronger = list(map(judge_of, strong)) if strong else None
    naming.check()
    if below is None:
        job = prepare(items, rubric, judges, sending=not dry_run, **options)
    else:
        from judgekit.verbs.escalating import prepare_cascade

        job = prepare_cascade(items, rubric, judges, stronger, doubt=below, sending=not dry_run, **options)
    if dry_run:
        print_preview(job)
        return
    named = (name.rpartition("replay:")[2] for name in (*(judge or ()), *(strong or ())))
    reads = [
        each for each in (items, rubric, prompt, labels, calibration, job.ledger, *named) if each is not None
    ]
    signals.run(run_job(job, out, quiet=quiet, overwrite=overwrite, reads=reads))


def verb(protocol: ProtocolName, help_: str, *, rubric: str | None = None) -> Callable[..., None]:
    """`score` with another protocol, as a command of its own; its rubric may have a default."""

    @functools.wraps(score)
    def command(**options: Any) -> None:
        score(**options, protocol=protocol)

    parameters = [p for p in inspect.signature(score).parameters.values() if p.name != "protocol"]
    if rubric is not None:
        parameters = [p.replace(default=rubric) if p.name == "rubric" else p for p in parameters]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    command.__doc__ = help_
    return command


def columns() -> None:
    """Print the columns of the tables `scores` and `outcomes`."""
    from judgekit.table import COLUMNS

    for kind, own in COLUMNS.items():
        say(f"{kind}.jsonl, {kind}.parquet, Run.frame({kind!r})")
        for name, meaning in own.items():
            say(f"  {name:14} {meaning}")


def _with(judge: roles.Judge, settings: dict[str, Any]) -> roles.Judge:
    """A judge with other settings, where it has any (controls and scripted judges have none)."""
    return judge.with_(**settings) if settings and isinstance(judge, roles.Tunable) else judge


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, and is not its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
