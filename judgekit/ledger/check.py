"""Whether a ledger is whole, by SQLite's check and what each row says of itself; and a copy of what is."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from judgekit.errors import InputError
from judgekit.ledger import columns
from judgekit.ledger.damage import Damaged
from judgekit.ledger.key import VERSIONS, key_of_request
from judgekit.ledger.store import UNPAID, Ledger
from judgekit.ledger.tools import FAULTS, facts_in, is_asked

_COUNTS: Final = ("edition", "input_tokens", "output_tokens", "cost_usd", "seconds", "tries")
_KEY_LENGTH: Final = len(VERSIONS[0]) + 64


def verify(ledger: Ledger) -> list[str]:
    """Return what is wrong with a ledger, a line each, as far as SQLite can read it; empty if nothing is.

    Checked are SQLite's pages and indices; that each row has the digest that it carries; that a stored
    request has the SHA-256 its key says; that the columns of JSON can be read; that faults are known and were
    paid for; and that no number is negative.
    """
    ledger.flush()
    parts = (_of_pages, _of_replies, _of_facts)
    return [said for part in parts for said in _as_far_as_it_reads(part(ledger))]


def _as_far_as_it_reads(problems: Iterator[str]) -> Iterator[str]:
    """Yield problems, and one more where SQLite cannot read on."""
    try:
        yield from problems
    except (sqlite3.DatabaseError, Damaged) as error:
        yield f"SQLite cannot read on: {error.__cause__ or error}"


def _of_pages(ledger: Ledger) -> Iterator[str]:
    for (said,) in ledger.db.execute("PRAGMA integrity_check"):
        if said != "ok":
            yield f"SQLite: {said}"


def _of_replies(ledger: Ledger) -> Iterator[str]:
    found = ledger.db.execute(f"SELECT id, {ledger.columns} FROM replies ORDER BY id")  # noqa: S608 - constants
    for number, *values in found:
        row = dict(zip(columns.COLUMNS, values, strict=True))
        whole = (
            ledger.version < columns.USER_VERSION or columns.digest_of(tuple(values[:16])) == row["digest"]
        )
        said = [] if whole else ["its digest is not that of what it holds: it was altered"]
        for what in (*said, *_complaints(row, VERSIONS[ledger.version - 1])):
            yield f"reply {number} ({row['key']}): {what}"


def _of_facts(ledger: Ledger) -> Iterator[str]:
    for name, value, digest in facts_in(ledger):
        if ledger.version == columns.USER_VERSION and columns.digest_of((name, value)) != digest:
            yield f"fact {name!r}: its digest is not that of what it holds: it was altered"
        if not _reads(columns.names_of, value):
            yield f"fact {name!r}: {value!r} is no list of names"


def _complaints(row: Mapping[str, Any], version: str) -> Iterator[str]:
    yield from _about_the_request(row["key"], row["request"], version)
    for name, reader in (("logprobs", columns.pairs_of), ("probs", columns.probs_of)):
        if not _reads(reader, row[name]):
            yield f"{name} is no list of names and numbers: {row[name]!r:.80}"
    if row["fault"] is not None and row["fault"] not in FAULTS:
        yield f"unknown fault {row['fault']!r}; there are {', '.join(FAULTS)}"
    if row["fault"] in UNPAID:
        yield f"fault {row['fault']!r} was not paid for, so it should not be kept"
    for name in _COUNTS:
        number = row[name]
        if number is not None and not (isinstance(number, int | float) and number >= 0):
            yield f"{name} is {number!r}, not a number from 0"
    if not _reads(datetime.fromisoformat, row["written"]):
        yield f"written at {row['written']!r}, which is no time"


def _about_the_request(key: object, request: object, version: str) -> Iterator[str]:
    if not (isinstance(key, str) and key.startswith(version) and len(key) == _KEY_LENGTH):
        yield f"the key is not '{version}' and 64 digits"
    if request is None:
        return
    if not isinstance(request, str) or not _reads(orjson.loads, request):
        yield "the request is no JSON"
    elif (found := key_of_request(request.encode(), version)) != key:
        yield f"the request has another SHA-256 than its key says: {found}"


def _reads(reader: Callable[[Any], object], raw: object) -> bool:
    """Tell whether a reader takes a stored value."""
    try:
        reader(raw)
    except (ValueError, TypeError):
        return False
    return True


_GAP: Final = 100_000  # numbers tried in vain, one after another, until nothing more is looked for


class Recovered(NamedTuple):
    """Replies that were whole and are in the new file; and those found that were not, and are not."""

    whole: int
    damaged: int


def recover(ledger: Ledger, to: str | Path) -> Recovered:
    """Copy each reply that is what was written, of all editions, to a new ledger; what was learnt is not."""
    if ledger.version < columns.USER_VERSION:
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
                columns.reply_of(ledger.path, row[:-1])
            except Damaged:
                damaged += 1
                continue
            new.db.execute(columns.WRITE, row if is_asked(row, ledger.version) else (*row[:-1], None))
            whole += 1
    return Recovered(whole, damaged)


def _rows(ledger: Ledger) -> Iterator[tuple[Any, ...] | None]:
    """Yield rows in the order of their numbers; None for a number whose place in the file cannot be read."""
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
