"""Job files: a whole job in TOML, to be run again, looked over and kept beside the code.

    items = "answers.jsonl"
    rubric = "helpful.yaml"
    out = "results"
    require = ["mean>=0.7"]

    [[judges]]
    judge = "endpoint:http://localhost:8000/v1#qwen3-8b"
    name = "fast"
    key_env = "FAST_KEY"

Paths are relative to the file. It holds no secret: `key_env` names the environment variable of a key, and
what looks like a key anywhere is refused without being shown.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from judgekit.errors import InputError, check_kinds, kind_of, of_file, there_are
from judgekit.judges.variables import check_secrets
from judgekit.rubric.files import parse_text, read_text
from judgekit.run import Limits
from judgekit.verbs.options import DEFAULT_LEDGER, Options, check_options
from judgekit.verbs.require import Bounds
from judgekit.writing import write

VERBS = ("score", "compare", "rank", "match")
_KINDS = {
    **dict.fromkeys(("verb", "items", "rubric", "out"), "a name"),
    **dict.fromkeys(("columns", "options", "limits"), "a mapping"),
    "require": "a list",
    "below": "a number",
}
_KEYS = (
    "verb", "items", "rubric", "out", "require", "below", "columns", "options", "limits", "judges", "strong",
)  # fmt: skip
_OF_PYTHON = {"aggregate", "say", "own_code", "progress"}
_OPTIONS = sorted(Options.__annotations__.keys() - {*_OF_PYTHON, "columns", "limits"})
_LIMITS = [each.name for each in fields(Limits)]
_PATHS = ("prompt", "labels", "calibration", "adaptive", "ledger")
_OF_A_FILE = re.compile(r"((?:[^:/=#]+=)?(?:replay|local):)(.+)", re.DOTALL)
_PER_CALL = {"usual": 0, "all": None}
_NO_LEDGER = "none"
_NULLED = {"ledger", "per_call"}  # options whose None says something, for which a file has a word


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job as its file says it, with paths that hold from the current folder.

    Args:
        path: The file.
        verb: The verb that it is of; any where empty.
        items: The path of the items.
        rubric: A path or a bundled name; None where the recipe has one, or each item its own.
        judges: Each a name, or a table of `judge` and settings.
        strong: The judges of a cascade that are asked in doubt, and `below` the confidence that is doubt.
        options: Options of the verb that are not by default, `columns` and `limits` among them.
        require: The bounds that the run has to meet.
        out: The folder of the results.
    """

    path: Path
    verb: str = ""
    items: str | None = None
    rubric: str | None = None
    judges: tuple[Any, ...] = ()
    strong: tuple[Any, ...] = ()
    below: float | None = None
    options: Options = field(default_factory=Options)
    require: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `jk.score` and its like, by name."""
        return {"items": self.items, "rubric": self.rubric, "judges": self.judges or "local", **self.options}


def load_job(path: str | Path) -> JobFile:
    r"""A job file, checked, for `jk.score(**job.arguments)` and `jk.require(run, *job.require)`.

    Raises `InputError` where it cannot be read or says what cannot be: it names the file and the key, and
    shows nothing that looks like a key.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "job.toml")
    ...     _ = file.write_text('items = "a.jsonl"\nrubric = "pair_quality"\njudges = "local"\n')
    ...     load_job(file).arguments["rubric"]
    'pair_quality'
    """
    path = Path(path)
    raw = parse_text(read_text(path), ".toml", f"{path}: cannot be read as TOML")
    try:
        return _checked(path, raw)
    except InputError as error:
        raise of_file(path, error) from None


def _checked(path: Path, raw: dict[str, Any]) -> JobFile:
    """Return the job that a file holds; an error says the key, and not the file."""
    folder = path.parent
    _known("", raw, _KEYS)
    check_kinds(raw, _KINDS)
    if (verb := raw.get("verb", "")) and verb not in VERBS:
        raise InputError(f"verb={verb!r}; {there_are(verb, VERBS)}")
    if "strong" in raw and "below" not in raw:
        raise InputError("strong needs below, the confidence below which a question goes on to it")
    require = tuple(map(str, raw.get("require", ())))
    Bounds.of(require)
    judges, strong = (_judges(name, raw.get(name, []), folder) for name in ("judges", "strong"))
    return JobFile(
        path=path, verb=verb, items=_beside(raw["items"], folder) if "items" in raw else None,
        rubric=_if_there(raw["rubric"], folder) if "rubric" in raw else None, judges=judges, strong=strong,
        below=raw.get("below"), options=_options(raw, folder), require=require,
        out=Path(_beside(raw["out"], folder)) if "out" in raw else None,
    )  # fmt: skip


def _options(raw: Mapping[str, Any], folder: Path) -> Options:
    """Return the options that a file says, as a verb takes them."""
    found: dict[str, Any] = dict(raw.get("options", {}))
    _known("options.", found, _OPTIONS)
    for name in found.keys() & {*_PATHS}:
        found[name] = _beside(str(found[name]), folder)
    if "read_also" in found:
        found["read_also"] = [_beside(str(each), folder) for each in found["read_also"]]
    if "ledger" in found and raw["options"]["ledger"] == _NO_LEDGER:
        found["ledger"] = None
    if "per_call" in found:
        found["per_call"] = _PER_CALL.get(found["per_call"], found["per_call"])
    check_options(cast("Options", found))
    for name, each in (found.get("substitutes") or {}).items():
        found["substitutes"] = {
            **found["substitutes"], name: _judge(f"options.substitutes.{name}", each, folder)
        }  # fmt: skip
    if "columns" in raw:
        found["columns"] = raw["columns"]
    if "limits" in raw:
        _known("limits.", raw["limits"], _LIMITS)
        found["limits"] = Limits(**raw["limits"])
    return cast("Options", found)


def _known(place: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    for name in table.keys() - {*known}:
        raise InputError(f"{place}{name}: unknown key; {there_are(name, known)}")


def _judges(name: str, given: Any, folder: Path) -> tuple[Any, ...]:
    several = given if isinstance(given, list) else [given]
    return tuple(_judge(f"{name}[{n}]", each, folder) for n, each in enumerate(several))


def _judge(place: str, given: Any, folder: Path) -> Any:
    """Return a judge's name or its table, without a secret, the file it is in beside the job's."""
    if not isinstance(given, str | Mapping):
        raise InputError(
            f"{place} is {kind_of(given)}; a judge is a name, or a table of `judge` and settings"
        )
    table = {"judge": given} if isinstance(given, str) else dict(given)
    if not isinstance(table.get("judge"), str):
        raise InputError(f"{place}: a judge's table has its name in `judge`; found {sorted(table)}")
    check_secrets(place, table)
    if found := _OF_A_FILE.fullmatch(table["judge"]):
        moved = _beside if "replay:" in found[1] else _if_there
        table["judge"] = found[1] + moved(found[2], folder)
    return table["judge"] if isinstance(given, str) else table


def _beside(path: str, folder: Path) -> str:
    """Return a path that is relative to a folder as one that is relative to the current folder."""
    return os.path.normpath(folder / path)


def _if_there(name: str, folder: Path) -> str:
    """Return the same where there is such a file; else it is a name, or is looked for where it says."""
    return _beside(name, folder) if (folder / name).is_file() else name


def save_job(job: JobFile) -> None:
    """Write a job file, its paths relative to itself; a secret in it is an InputError.

    What is relative to the current folder becomes so to the file's; absolute paths stay.
    """
    import tomlkit

    if job.items == "-":
        raise InputError("a job file cannot hold items from standard input; name a file")
    folder = job.path.parent
    told = {
        "verb": job.verb,
        "items": job.items and _from(job.items, folder),
        "rubric": job.rubric and (_from(job.rubric, folder) if Path(job.rubric).is_file() else job.rubric),
        "out": job.out and _from(str(job.out), folder),
        "require": list(job.require),
        "below": job.below,
        "columns": dict(job.options.get("columns") or {}),
        "options": _written(job.options, folder),
        "limits": _limits(job.options.get("limits") or Limits()),
        "judges": [_table(f"judges[{n}]", each, folder) for n, each in enumerate(job.judges)],
        "strong": [_table(f"strong[{n}]", each, folder) for n, each in enumerate(job.strong)],
    }
    said = {name: value for name, value in told.items() if value not in (None, "", [], {})}
    write(job.path, tomlkit.dumps(said).encode())


def _written(options: Options, folder: Path) -> dict[str, Any]:
    """Return options as a file has them."""
    given: dict[str, Any] = dict(options)
    found = {
        name: given[name]
        for name in _OPTIONS
        if given.get(name) is not None or name in _NULLED & given.keys()
    }
    if "again" in found:
        found["again"] = list(found["again"])
    if "read_also" in found:
        found["read_also"] = [_from(str(each), folder) for each in found["read_also"]]
    words = {number: word for word, number in _PER_CALL.items()}
    if found.get("per_call", 1) in words:
        found["per_call"] = words[found["per_call"]]
    if "ledger" in found and found["ledger"] is None:
        found["ledger"] = _NO_LEDGER
    elif found.get("ledger") == DEFAULT_LEDGER:
        del found["ledger"]
    for name in found.keys() & {*_PATHS}:
        if found[name] not in (None, _NO_LEDGER):
            found[name] = _from(str(found[name]), folder)
    for name, each in (found.get("substitutes") or {}).items():
        table = _table(f"options.substitutes.{name}", each, folder)
        found["substitutes"] = {**found["substitutes"], name: table}
    return found


def _limits(limits: Limits) -> dict[str, Any]:
    """Return the limits that are not as by default; TOML has no null, and none of these means it."""
    own = {each.name: getattr(limits, each.name) for each in fields(limits)}
    usual = {each.name: each.default for each in fields(limits)}
    return {name: value for name, value in own.items() if value != usual[name] and value is not None}


def _table(place: str, judge: Any, folder: Path) -> dict[str, Any]:
    """Return a judge as a table without a secret, the file it is in as it reads from a folder."""
    table = {"judge": judge} if isinstance(judge, str) else dict(judge)
    check_secrets(place, table)
    if (found := _OF_A_FILE.fullmatch(table["judge"])) and (
        "replay:" in found[1] or Path(found[2]).is_file()
    ):
        table["judge"] = found[1] + _from(found[2], folder)
    return table


def _from(path: str, folder: Path) -> str:
    """Return a path as it reads from a folder; an absolute one stays."""
    return path if Path(path).is_absolute() else os.path.relpath(path, folder)
