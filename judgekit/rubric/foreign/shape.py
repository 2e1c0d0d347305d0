"""What the readers share: the type of their result, and checks that say what was expected."""

from collections.abc import Iterable, Mapping
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.rubric.model import Rubric

Read = tuple[tuple[Rubric, ...], tuple[str, ...]]
"""Rubrics, and notes on what could not be carried over."""


def mapping(raw: Any, where: str) -> Mapping[str, Any]:
    """The mapping that something should be.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(raw, Mapping):
        raise InputError(f"{where}: is {kind_of(raw)}, not a mapping")
    return raw


def entries(raw: Any, where: str) -> list[Any]:
    """The list with at least one entry that something should be.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(raw, list) or not raw:
        raise InputError(f"{where}: should be a list with at least one entry, found {raw!r:.60}")
    return raw


def need(raw: Mapping[str, Any], key: str, where: str) -> Any:
    """Value of a key that must be there.

    Raises:
        InputError: If it is not, or is null; names the keys that are.
    """
    if raw.get(key) is None:
        raise InputError(f"{where}: has no {key!r}; found {', '.join(map(str, raw)) or 'nothing'}")
    return raw[key]


def left_out(raw: Mapping[str, Any], known: Iterable[str], where: str) -> list[str]:
    """A note on each key that is not read."""
    return [f"{where}: {key!r} was not carried over" for key in raw if key not in set(known)]
