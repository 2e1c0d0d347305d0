"""Ledgers united: the replies of several, such as those of shards, in one new file.

Replies under one key are put in the order in which they were written and numbered anew, equal ones once; so
it does not matter in which order ledgers are merged, how often, or by way of what others. The last one
written is served, as in a ledger of one run. Ledgers are read side by side in the order of keys: their size
does not matter.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from heapq import merge as side_by_side
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import orjson

from judgekit.errors import InputError
from judgekit.ledger.columns import SERVED, USER_VERSION, WRITE, digest_of, fact_of, reply_of
from judgekit.ledger.damage import told
from judgekit.ledger.store import Ledger
from judgekit.ledger.tools import facts_in

Row = tuple[Any, ...]
"""A reply, in the order of `columns.COLUMNS`."""
_ANSWER: Final = itemgetter(*map(SERVED.index, ("fault", "text", "logprobs", "probs")))


@dataclass(slots=True)
class Merged:
    """What merging came to.

    Args:
        read: Replies that the ledgers hold.
        keys: Requests that were answered.
        written: Replies in the new ledger.
        conflicts: Keys to which ledgers serve different answers; all are kept, the last written is served.
    """

    read: int = 0
    keys: int = 0
    written: int = 0
    conflicts: int = 0


def merge(ledgers: Sequence[str | Path], to: str | Path) -> Merged:
    """Write the replies of ledgers, and what was learnt, to a new ledger, which is there whole or not at all.

    Raises `InputError` if there is such a file already, and for a ledger that is of another version, damaged,
    or has batches out.
    """
    to, found = Path(to), Merged()
    if to.exists():
        raise InputError(f"{to}: is there already; name a new file, and merge that one too if it counts")
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    with ExitStack() as stack:
        stack.callback(_removed, part)
        opened = [stack.enter_context(Ledger(each, read_only=True)) for each in ledgers]
        for each in opened:
            _check(each)
        with Ledger(part) as new, told(to, "it could not be written"):
            new.db.execute("PRAGMA journal_mode = OFF")  # a part that is left is thrown away
            with new.db:
                new.db.executemany(WRITE, united([_whole(each) for each in opened], found))
                new.db.executemany("INSERT INTO facts VALUES (?, ?, ?)", _facts(opened))
        part.replace(to)
    return found


def _check(ledger: Ledger) -> None:
    """Refuse a ledger that is not served, or whose batches would be forgotten."""
    if ledger.version < USER_VERSION:
        raise InputError(f"{ledger.path}: a ledger of version {ledger.version}, which is not merged")
    batches = list(ledger.query("SELECT 1 FROM sqlite_master WHERE name = 'batches'"))
    if batches and list(ledger.query("SELECT 1 FROM batches WHERE state <> 'done'")):
        raise InputError(
            f"{ledger.path}: batches of it are out or not read yet (`judgekit batch list`), and what is "
            "in them would be paid twice; first run its command again until they are read"
        )


def _removed(part: Path) -> None:
    for name in (part.name, f"{part.name}-wal", f"{part.name}-shm", f"{part.name}-claims"):
        with suppress(OSError):
            part.with_name(name).unlink(missing_ok=True)


def _whole(ledger: Ledger) -> Iterator[Row]:
    """Yield the replies of a ledger in the order of keys; Damaged at one that is not what was written."""
    for row in ledger.query(f"SELECT {ledger.columns} FROM replies ORDER BY key, edition"):  # noqa: S608
        if digest_of(row[:16]) != row[16]:
            reply_of(ledger.path, row)  # says what is wrong
        yield row


def united(ledgers: Sequence[Iterable[Row]], found: Merged) -> Iterator[Row]:
    """Yield the replies of ledgers, each in the order of keys, as those of one; `found` is counted on.

    Merging is associative, commutative and idempotent: it takes the union of sets of replies, and the edition
    of each is made of what they hold.
    """
    tagged = (_tagged(n, rows) for n, rows in enumerate(ledgers))
    for _, group in groupby(side_by_side(*tagged), itemgetter(0)):
        several = list(group)
        rows = [row for _, _, row in several]
        found.read += len(rows)
        found.keys += 1
        if len(rows) > 1 or rows[0][1]:
            served = {ledger: _ANSWER(row) for _, ledger, row in several}  # the last one of each stays
            found.conflicts += len(set(served.values())) > 1
            rows = _editions(rows)
        found.written += len(rows)
        yield from rows


def _tagged(ledger: int, rows: Iterable[Row]) -> Iterator[tuple[str, int, Row]]:
    return ((row[0], ledger, row) for row in rows)


def _editions(rows: Iterable[Row]) -> list[Row]:
    """Return replies under one key, those that differ, as editions; a prompt that any of them has stays."""
    asked: dict[tuple[str, bytes], Row] = {}
    for key, _, *said, _, request in rows:
        first = (key, 0, *said)
        place = str(said[0]), digest_of(first)  # by the time written
        if place not in asked or asked[place][-1] is None:
            asked[place] = (*first, request)
    made = []
    for n, (_, (key, _, *said, request)) in enumerate(sorted(asked.items())):
        row = (key, n, *said)
        made.append((*row, digest_of(row), request))
    return made


def _facts(ledgers: Iterable[Ledger]) -> Iterator[tuple[str, str, bytes]]:
    known: dict[str, set[str]] = {}
    for ledger in ledgers:
        for row in facts_in(ledger):
            known.setdefault(row[0], set()).update(fact_of(ledger.path, row))
    for name, values in sorted(known.items()):
        value = orjson.dumps(sorted(values)).decode()
        yield name, value, digest_of((name, value))
