"""What makes two runs one job: a digest of the items, the rubric, the judges and how they are asked.

Not in it: what only says how fast, for how much or where a run is kept (limits, budget, ledger), so that a
run that goes on with more money is the same job.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from judgekit.items.files import path_of
from judgekit.plan import Plan
from judgekit.types import Item
from judgekit.verbs.options import DEFAULTS, Options
from judgekit.writing import whole

_ASKED = (
    "recipe", "settings", "reask", "rule", "partial", "panel", "min_judges", "balance", "substitutes",
    "unfounded", "aggregate", "on_empty",
)  # fmt: skip


def asked_of(options: Options) -> dict[str, Any]:
    """Return the options beside a plan that change what comes out; left out, they are as by default."""
    given = {name: value for name, value in options.items() if value is not None}
    return {name: given.get(name, default) for name, default in DEFAULTS.items() if name in _ASKED}


def digest_of_items(source: Any, read: Callable[[], Iterable[Item]]) -> str:
    """Return a digest of what is judged: of a file as it is, else of the items that `read` gives."""
    if isinstance(source, str | Path):
        path = path_of(source)
        with whole(path.parent, path.name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    found = hashlib.sha256()
    for item in read():
        found.update(_held(item))
    return found.hexdigest()


def _held(item: Item) -> bytes:
    """Return all that an item holds, save where it came from."""
    parts = (
        item.item_id, item.task, item.responses, item.reference, item.sources, item.systems, item.tags,
        item.rubric,
    )  # fmt: skip
    try:
        return orjson.dumps(parts, default=dict)
    except TypeError:  # what only a rubric handed over in Python can hold
        return repr(parts).encode(errors="backslashreplace")


def planned(plan: Plan) -> tuple[Any, ...]:
    """Return what a plan asks, and whom."""
    prompts, judges = plan.prompt_digests(), plan.judges
    how = (plan.asked_by.name, plan.form, plan.per_call, plan.samples, plan.orders, plan.ties)
    return (plan.rubric.digest, judges, how, prompts)


def digest_of(*parts: Any) -> str:
    """Return a digest of values, judges and functions; an object of another kind counts by its type.

    >>> digest_of({"samples": 2}) == digest_of({"samples": 2}), digest_of(2) == digest_of("2")
    (True, False)
    """
    option = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hashlib.sha256(orjson.dumps(_plain(parts), option=option)).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return str(value).encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if hasattr(value, "identity"):  # a judge
        return [value.name, _plain(value.identity)]
    return getattr(value, "__qualname__", type(value).__qualname__)
