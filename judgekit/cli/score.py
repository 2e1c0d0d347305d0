"""`judgekit score`, `compare`, `rank` and `match`: items, a rubric and judges in; tables and files out."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import typer

from judgekit import roles
from judgekit.cli import signals
from judgekit.cli.jobs import said_by
from judgekit.cli.named import Naming
from judgekit.cli.options import FLAGS, argument, command
from judgekit.cli.printing import leave, tell
from judgekit.cli.running import print_preview, run_job
from judgekit.errors import InputError, of_file
from judgekit.judges.servers import without_addresses
from judgekit.protocols import ProtocolName
from judgekit.verbs import Job, Options, prepare
from judgekit.verbs.jobfile import JobFile, save_job
from judgekit.verbs.require import Bounds

ITEMS = argument(
    "items", str | None,
    "The items: a JSONL, JSON, CSV, TSV or Parquet file (.gz, too), or - for standard input; left out where "
    "a job has them. A row holds item_id, task and response (or responses), and may hold system, reference, "
    "sources and tags.",
    default=None,
)  # fmt: skip
_TUNED = ("temperature", "max_tokens")


def verb(name: ProtocolName | Literal["score"], help_: str, **defaults: Any) -> Callable[..., None]:
    """Return the command of a verb: what it asks is its protocol; `score` has it as an option."""

    def run(context: typer.Context, given: dict[str, Any]) -> None:
        _judge(said_by(context, name, given), name, {**dict.fromkeys(each.name for each in FLAGS), **given})

    flags = [flag for flag in FLAGS if name in flag.verbs]
    return command(run, help_, flags, arguments=[ITEMS], **defaults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command line says: a job, its judges as they are named, and the options of the verb."""

    job: JobFile
    naming: Naming
    judges: list[roles.Judge]
    strong: list[roles.Judge] | None
    options: Options
    note: Callable[[str], None]


def understood(said: JobFile, given: dict[str, Any]) -> Said:
    """Return what a command line says, with its judges made and looked over; nothing is sent."""
    note = (lambda _: None) if given["quiet"] else tell
    own_code = given["own_code"] or given["job"] is None
    naming = Naming(given["key_env"], given["revision"], given["price"], own_code=own_code, say=note)
    judge_of = functools.partial(_judge_of, naming, given, said.options.get("recipe"))
    options: Options = {**said.options, "say": note, "own_code": own_code}
    options["progress"] = given["progress"] and not given["quiet"]
    options["substitutes"] = {for_: judge_of(by) for for_, by in (options.get("substitutes") or {}).items()}
    if said.strong and said.below is None:
        raise InputError("--strong needs --below, the confidence below which a question goes on to it")
    judges = _judges(judge_of, said.judges or ["local"], said)
    stronger = _judges(judge_of, said.strong, said) if said.strong else None
    return Said(job=said, naming=naming, judges=judges, strong=stronger, options=options, note=note)


def _judge(said: JobFile, name: str, given: dict[str, Any]) -> None:
    """Judge items as a job says, or show what that would take."""
    bounds = Bounds.of(said.require)
    known = understood(said, given)
    known.naming.check()
    make: Callable[..., Job] = prepare
    if said.below is not None:
        from judgekit.verbs.cascade import prepare_cascade

        make = functools.partial(prepare_cascade, strong=known.strong, doubt=said.below)
    job = make(said.items, said.rubric, known.judges, sending=not given["dry_run"], **known.options)
    bounds.check(job)
    if given["save"] is not None:
        _save(said, name, known, given)
    if given["dry_run"]:
        print_preview(job)
        return
    options = known.options
    files = [
        said.items,
        said.rubric,
        *(options.get(each) for each in ("prompt", "labels", "calibration", "adaptive")),
    ]
    forms = (each if isinstance(each, str) else each["judge"] for each in (*said.judges, *said.strong))
    named = (each.rpartition("replay:")[2] for each in forms)
    reads = [each for each in (*files, *named, job.ledger, given["job"], given["save"]) if each is not None]
    quiet, overwrite = given["quiet"], given["overwrite"]
    signals.run(run_job(job, said.out, quiet=quiet, overwrite=overwrite, reads=reads, bounds=bounds))
    leave(bounds.found())


def _save(said: JobFile, name: str, known: Said, given: dict[str, Any]) -> None:
    """Write the job file of what was said."""
    named = ((said.judges or ("local",), known.judges), (said.strong, known.strong or ()))
    tables = [list(map(functools.partial(_table, known.naming, given), *each)) for each in named]
    save_job(replace(said, path=given["save"], verb=name, judges=tuple(tables[0]), strong=tuple(tables[1])))
    known.note(f"the job is written to {given['save']}")


def _judges(
    judge_of: Callable[[Any], roles.Judge], several: Sequence[Any], said: JobFile
) -> list[roles.Judge]:
    """Return judges; what is wrong with one that a file says names the file."""
    found = []
    for each in several:
        try:
            found.append(judge_of(each))
        except InputError as error:
            if isinstance(each, str):
                raise
            told = without_addresses(str(error))
            named = "" if told.startswith("judge ") else f": judge {each.get('name', each['judge'])!r}"
            raise of_file(f"{said.path}{named}", InputError(told)) from None
    return found


def _judge_of(naming: Naming, given: dict[str, Any], recipe: str | None, judge: Any) -> roles.Judge:
    """Return a judge, with the recipe's settings and, where it has any, those that were said."""
    from judgekit.recipes.catalog import published

    found = naming(judge)
    if recipe is not None:
        found = published(recipe).tuned(found)
    settings = _tuned(judge, given)
    return found.with_(**settings) if settings and isinstance(found, roles.Tunable) else found


def _tuned(judge: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a judge that a recipe does not take precedence over."""
    table = {} if isinstance(judge, str) else judge
    said = {each: given[each] if given[each] is not None else table.get(each) for each in _TUNED}
    return {name: value for name, value in said.items() if value is not None}


def _table(naming: Naming, given: dict[str, Any], judge: Any, found: roles.Judge) -> dict[str, Any]:
    """Return a judge as a job file has it."""
    table = {"judge": judge} if isinstance(judge, str) else judge
    tuned = _tuned(judge, given) if isinstance(found, roles.Tunable) else {}
    return {**table, **naming.own(found.name), **tuned}


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
