"""What is whole of a damaged ledger, copied to a new file."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from judgekit.errors import InputError
from judgekit.ledger.columns import USER_VERSION, reply_of
from judgekit.ledger.damage import Damaged
from judgekit.ledger.store import WRITE, Ledger
from judgekit.ledger.tools import is_asked

_GAP: Final = 100_000  # numbers tried in vain, one after another, until nothing more is looked for


class Recovered(NamedTuple):
    """Replies that were whole and are in the new file; and those found that were not, and are not."""

    whole: int
    damaged: int


def recover(ledger: Ledger, to: str | Path) -> Recovered:
    """Copy each reply that is what was written, of all editions, to a new ledger; what was learnt is not.

    A reply is copied without what was asked where that is not what its key says.

    Raises:
        InputError: If there is such a file already, or the ledger is of an older version.
    """
    if ledger.version < USER_VERSION:
        raise InputError(f"{ledger.path}: is of version {ledger.version}, which has no digests to go by")
    if Path(to).exists():
        raise InputError(f"{to}: is there already; name a new file")
    whole = damaged = unread = 0
    with Ledger(to) as new, new.db:
        for row in _rows(ledger):
            if row is None:
                unread += 1
                continue
            damaged, unread = damaged + unread, 0  # of those behind the last row it cannot be told
            try:
                reply_of(ledger.path, row[:-1])
            except Damaged:
                damaged += 1
                continue
            new.db.execute(WRITE, row if is_asked(row, ledger.version) else (*row[:-1], None))
            whole += 1
    return Recovered(whole, damaged)


def _rows(ledger: Ledger) -> Iterator[tuple[Any, ...] | None]:
    """Rows in the order of their numbers; None for a number whose place in the file cannot be read."""
    next_, vain = 0, 0
    while vain < _GAP:
        first, which = next_, "id = ?" if vain else "id >= ? ORDER BY id"
        try:
            for number, *row in ledger.db.execute(
                f"SELECT id, {ledger.columns} FROM replies WHERE {which}",  # noqa: S608 - constants
                [first],
            ):
                next_, vain = number + 1, 0
                yield tuple(row)
        except sqlite3.DatabaseError:
            yield None
        else:
            if which != "id = ?":
                return
            if next_ != first:
                continue
        next_, vain = next_ + 1, vain + 1
