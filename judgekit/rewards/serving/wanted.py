"""A response whose reward is wanted over the wire, and the strict reading of what a body says of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from judgekit.errors import InputError
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rows import common
from judgekit.types import Text


@dataclass(frozen=True)
class Wanted:
    """A response whose reward is wanted.

    Args:
        task: What it answers.
        response: The response; it may be empty, since policies write nothing at times.
        group: Key of its group; responses without one are grouped by task, reference, sources and rubric.
        name: Id of the response in its group; with one, asking again gives the same reward without a call,
            if all of its group had one.
        size: How many responses its group has, where the body says so.
        reference: A text known to be good.
        sources: Source id -> document that evidence may be quoted from.
        rubric: Its own rubric, instead of the spec's.
        columns: Whatever else there is, for checks.
    """

    task: Text
    response: Text
    group: str | None = None
    name: str | None = None
    size: int | None = None
    reference: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    rubric: Mapping[str, Any] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def shared(self) -> str:
        """Digest of what all responses of a group have to have in common."""
        return _digest([_plain(self.task), self.reference, dict(self.sources), self.rubric])

    @cached_property
    def content(self) -> str:
        """Digest of all that the reward may depend on, save the other responses."""
        return _digest([self.shared, _plain(self.response), dict(self.columns)])

    @property
    def key(self) -> str:
        """Key of its group.

        >>> Wanted("Hi?", "Hello.", "7").key, Wanted("Hi?", "a").key == Wanted("Hi?", "b").key
        ('7', True)
        """
        return f"task:{self.shared}" if self.group is None else self.group


def group_of(members: Mapping[str, Wanted]) -> Group:
    """The group of some responses, in the order of their ids; columns they differ in are left out.

    >>> some = {"b": Wanted("Hi?", "B", columns={"n": 1}), "a": Wanted("Hi?", "A", columns={"n": 2})}
    >>> group_of(some).responses, group_of(some).columns
    ({'a': 'A', 'b': 'B'}, {})
    """
    first = next(iter(members.values()))
    return Group(
        first.key, first.task, {name: members[name].response for name in sorted(members)},
        first.reference, first.sources, first.rubric, common(each.columns for each in members.values()),
    )  # fmt: skip


def _plain(text: Text) -> Any:
    return text if isinstance(text, str) else [[message.role, message.content] for message in text]


def _digest(what: Any) -> str:
    try:
        raw = orjson.dumps(what, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InputError(f"a body holds what JSON cannot: {error}") from None
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
