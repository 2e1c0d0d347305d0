"""Rows of one item -> one item, and no item twice."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter

from judgekit.types import Item

OnBad = Callable[[str, str], None]
"""What becomes of a bad row: called with its place and what is wrong with it; it may raise."""


def joined(parts: Iterable[Item], on_bad: OnBad) -> Iterator[Item]:
    """Adjacent parts with one id as one item, with their responses in order.

    A part that does not fit the first one (another task, a response id taken) is handed to `on_bad` and
    left out; the item stays with its other responses.
    """
    for _, run in groupby(parts, attrgetter("item_id")):
        first, *more = run
        yield _join(first, more, on_bad) if more else first


def unique(items: Iterable[Item], on_bad: OnBad, watched: Collection[str] | None = None) -> Iterator[Item]:
    """The items without those whose id came before, which are handed to `on_bad`.

    Args:
        items: Items.
        on_bad: Called for each repeated item.
        watched: The only ids that can repeat, where a survey has found them; None: any may, which
            takes a set of 64-bit digests.
    """
    seen: set[int] = set()
    for item in items:
        if watched is not None and item.item_id not in watched:
            yield item
            continue
        mark = digest(item.item_id)
        if mark in seen:
            on_bad(item.where, repeated(item.item_id))
            continue
        seen.add(mark)
        yield item


def digest(item_id: str) -> int:
    """64 bits of an id. Among a million ids, two share them with a probability of 3 in 100 million.

    >>> digest("42").bit_length() <= 64
    True
    """
    return int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest())


def repeated(item_id: str, before: str = "before") -> str:
    """What to say of an item whose id came before.

    >>> repeated("42", "at items.csv:7")
    "item_id '42' stands at items.csv:7 already; put its rows together, or rename it"
    """
    return f"item_id {item_id!r} stands {before} already; put its rows together, or rename it"


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
    """Why a part cannot belong to the item that `first` began; empty if it can."""
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
                "give each row its own response_id or system, or its own item_id"
            )
    for key, value in part.tags.items():
        if tags.get(key, value) != value:
            return f"tag {key!r} is {value!r}, but {tags[key]!r} at {same}; a tag is of the item"
    return ""
