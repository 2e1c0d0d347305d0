"""What a command line says as a job: what was typed, on top of what the job's file says."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import typer

from judgekit.cli.named import columns_of, named_of, per_call_of, value_of
from judgekit.cli.options import ASKING, FLAGS, LIMITS, SCORING
from judgekit.errors import InputError
from judgekit.verbs.jobfile import JobFile, load_job
from judgekit.verbs.options import DEFAULTS, Options

_UNITED = ("columns", "settings", "substitutes")


def said_by(context: typer.Context, verb: str, given: dict[str, Any], *, needs_items: bool = True) -> JobFile:
    """Return the job that a command line says; what was not typed is the file's, or as by default."""
    file = JobFile(Path("command")) if given["job"] is None else load_job(given["job"])
    if file.verb and file.verb != verb:
        raise InputError(
            f"{file.path}: this job is of another verb; run judgekit {file.verb} --job {file.path}"
        )
    typed = {name: given[name] for name in given if _is_typed(context, name)}
    options = _merged(file.options, _options(typed))
    if verb != "score":
        options["protocol"] = cast("Any", verb)
    said = replace(
        file, options=options, items=typed.get("items", file.items),
        rubric=typed.get("rubric", file.rubric), judges=tuple(typed.get("judge", file.judges)),
        strong=tuple(typed.get("strong", file.strong)), below=typed.get("below", file.below),
        require=tuple(typed.get("require", file.require)), out=typed.get("out", file.out),
    )  # fmt: skip
    if said.items is None and needs_items:
        raise InputError(
            "Missing argument 'items': name the file of the items, or a job that has one (--job)"
        )
    if said.rubric is None and options.get("recipe") is None:
        return replace(said, rubric=given["rubric"])  # a verb's own
    return said


def _number(word: Any) -> Any:
    """Return a word, or the number that it is."""
    return int(word) if str(word).isdecimal() else word


_READ: Mapping[str, Callable[[Any], Any]] = {
    "again": tuple, "read_also": tuple, "per_call": per_call_of, "orders": _number, "parts": _number,
    "ledger": lambda file: None if file == "none" else file,
}  # fmt: skip
"""What is typed otherwise than a verb takes it, and what reads it."""


def _options(typed: dict[str, Any]) -> Options:
    """Return the options of a verb among what was typed."""
    names = {each.name for each in FLAGS if each.group in {ASKING, SCORING} and each.name in DEFAULTS}
    found = {
        name: value
        for name, value in typed.items()
        if name in {*names, "on_bad_item", "telemetry", "shard", "then"}
    }
    found |= {name: read(typed[name]) for name, read in _READ.items() if name in typed}
    if "prompts" in typed:
        found["store_prompts"] = typed["prompts"]
    if "setting" in typed:
        found["settings"] = named_of("--setting", typed["setting"], value_of)
    if "substitute" in typed:
        found["substitutes"] = named_of("--substitute", typed["substitute"], str, form="JUDGE=JUDGE")
    if "column" in typed:
        found["columns"] = columns_of(typed["column"])
    limits = {
        each.of or each.name: typed[each.name]
        for each in FLAGS
        if each.group == LIMITS and each.name in typed
    }
    return cast("Options", {**found, **_batch(typed), **({"limits": limits} if limits else {})})


def _batch(typed: dict[str, Any]) -> dict[str, str]:
    if typed.get("batch"):
        return {"batch": "wait" if typed.get("wait", True) else "leave"}
    if "wait" in typed:
        raise InputError("--wait and --leave are of --batch; say that, too")
    return {}


def _merged(base: Options, typed: Options) -> Options:
    """Return options, what was typed first; of mappings and limits each name alone."""
    from judgekit.run import Limits

    ours: dict[str, Any] = dict(base)
    own: dict[str, Any] = dict(typed)
    found = {**ours, **own}
    for name in found.keys() & {*_UNITED}:
        found[name] = {**(ours.get(name) or {}), **(own.get(name) or {})}
    if "limits" in own:
        found["limits"] = replace(ours.get("limits") or Limits(), **own["limits"])
    return cast("Options", found)


def _is_typed(context: typer.Context, name: str) -> bool:
    """Tell whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
