"""Makers of the records that every judgment makes: the same records, at less than half the cost.

A frozen dataclass sets each of its fields past a `__setattr__` that refuses to. A maker is its twin that is
not frozen: it sets them plainly, and in the end what it made becomes a record of the class itself, frozen,
equal and hashed like any other. Records that few make are made by their class.
"""

from collections.abc import Callable
from dataclasses import field, fields, make_dataclass
from typing import Any, TypeVar, cast

from judgekit.types import Call, Item, Reply, Score, Verdict

T = TypeVar("T")


def maker(record: type[T]) -> type[T]:
    """Return what is called like the class of a record, and makes such records.

    >>> make = maker(Reply)
    >>> made = make(text="yes", seconds=0.5)
    >>> made == Reply("yes", seconds=0.5), type(made) is Reply
    (True, True)
    """
    settle: Callable[[Any], None] | None = getattr(record, "__post_init__", None)

    def become(made: Any) -> None:
        made.__class__ = record
        if settle is not None:
            settle(made)

    each = [
        (own.name, own.type, field(default=own.default, default_factory=own.default_factory))
        for own in fields(record)  # type: ignore[arg-type]
    ]
    twin = make_dataclass(
        record.__name__, each, slots=True, repr=False, eq=False, namespace={"__post_init__": become}
    )
    return cast("type[T]", twin)


make_call, make_item, make_reply = maker(Call), maker(Item), maker(Reply)
make_score, make_verdict = maker(Score), maker(Verdict)
