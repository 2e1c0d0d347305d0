"""Digests of what a job asks: its items, its plans, its options; equal where the job is the same."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from judgekit.items.files import path_of
from judgekit.plan import Plan
from judgekit.types import Item
from judgekit.writing import whole


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
    return hashlib.sha256(orjson.dumps(_as_json(parts), option=option)).hexdigest()


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return str(value).encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_as_json(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if hasattr(value, "identity"):  # a judge
        return [value.name, _as_json(value.identity)]
    return getattr(value, "__qualname__", type(value).__qualname__)
