"""Rows of one item -> one item, and no item twice.

Where rows of one item stand apart (a file ordered by system), they are sorted first: on disk, in a temporary
file of SQLite's that has no name, so that any number of them will do.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from judgekit.items.rows import Row
from judgekit.types import Item

OnBad = Callable[[str, str], None]
"""What becomes of a bad row: called with its place and what is wrong with it; it may raise."""


_AS_IT_IS = (
    orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def together(rows: Iterable[Row], id_of: Callable[[Row], str]) -> Iterator[Row]:
    """Return the rows, those of one item behind its first one; all are read before the first is given."""
    firsts: dict[int, int] = {}
    kept: list[Any] = []  # what JSON does not hold; it is in memory anyway

    def spooled() -> Iterator[tuple[int, str, str, bytes | int]]:
        for n, row in enumerate(rows):
            first = firsts.setdefault(digest(id_of(row)), n)
            try:
                values: bytes | int = orjson.dumps(row.values, option=_AS_IT_IS)
            except TypeError:
                kept.append(row.values)
                values = len(kept) - 1
            yield first << 32 | n, row.where, row.fault, values

    with closing(sqlite3.connect("", check_same_thread=False)) as spool:
        spool.execute("CREATE TABLE rows (place INTEGER PRIMARY KEY, at TEXT, fault TEXT, held BLOB)")
        spool.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", spooled())
        for at, fault, held in spool.execute("SELECT at, fault, held FROM rows ORDER BY place"):
            yield Row(at, kept[held] if isinstance(held, int) else orjson.loads(held), fault)


def joined(parts: Iterable[Item], on_bad: OnBad) -> Iterator[Item]:
    """Return adjacent parts with one id as one item, with their responses in order.

    A part that does not fit the first one (another task, a response id taken) is handed to `on_bad` and left
    out; the item stays with its other responses.
    """
    for _, run in groupby(parts, attrgetter("item_id")):
        first, *more = run
        yield _join(first, more, on_bad) if more else first


def unique(items: Iterable[Item], on_bad: OnBad) -> Iterator[Item]:
    """Return the items without those whose id came before, which are handed to `on_bad`."""
    seen: set[int] = set()
    for item in items:
        mark = digest(item.item_id)
        if mark in seen:
            on_bad(
                item.where,
                f"item_id {item.item_id!r} came before already, and an iterator can be read once only; put "
                "its rows together, give a list or a file, or rename it",
            )
            continue
        seen.add(mark)
        yield item


def digest(item_id: str) -> int:
    """Return 64 bits of an id, which two of a million ids share with a probability of 3 in 100 million."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest())


def _join(first: Item, more: Iterable[Item], on_bad: OnBad) -> Item:
    responses, systems, tags = dict(first.responses), dict(first.systems), dict(first.tags)
    places = dict.fromkeys(responses, first.where)
    for part in more:
        if fault := _clash(first, part, places, tags):
            on_bad(part.where, fault)
            continue
        responses |= part.responses
        systems |= part.systems
        tags |= part.tags
        places |= dict.fromkeys(part.responses, part.where)
    return replace(first, responses=responses, systems=systems, tags=tags)


def _clash(first: Item, part: Item, places: dict[str, str], tags: dict[str, str]) -> str:
    """Tell why a part cannot belong to the item that `first` began; empty if it can."""
    same = f"{first.where}, which has the same item_id {first.item_id!r}"
    for field in ("task", "reference", "sources", "rubric"):
        if getattr(first, field) != getattr(part, field):
            return f"{field} differs from that at {same}; make them equal, or give the rows different ids"
    if not part.responses:
        return f"adds no response to {same}; take the row out, or give it another id"
    for key in part.responses:
        if key in places:
            return (
                f"response {key!r} of item {first.item_id!r} stands at {places[key]} already; "
                "give each row its own response_id or system (mapped, where it is called something else: "
                "columns={'system': 'theirs'} (--column system=THEIRS)), or its own item_id"
            )
    for key, value in part.tags.items():
        if tags.get(key, value) != value:
            return f"tag {key!r} is {value!r}, but {tags[key]!r} at {same}; a tag is of the item"
    return ""
