"""Whether a ledger is whole: SQLite's own check, and each row against what it says of itself."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from judgekit.ledger.columns import COLUMNS, names_of, pairs_of, probs_of
from judgekit.ledger.key import VERSION, key_of_request
from judgekit.ledger.store import UNPAID, Ledger
from judgekit.ledger.tools import FAULTS

_COUNTS: Final = ("edition", "input_tokens", "output_tokens", "cost_usd", "seconds", "tries")
_KEY_LENGTH: Final = len(VERSION) + 64


def verify(ledger: Ledger) -> list[str]:
    """What is wrong with a ledger, a line each; empty if nothing is.

    Checked are SQLite's pages and indices; that a stored request has the SHA-256 its key says; that
    the columns of JSON can be read; that faults are known and were paid for; and that no number is
    negative. A file that SQLite can read only so far is checked so far.
    """
    ledger.flush()
    problems = []
    try:
        for (said,) in ledger.db.execute("PRAGMA integrity_check"):
            if said != "ok":
                problems.append(f"SQLite: {said}")
        for row in ledger.db.execute(f"SELECT id, {', '.join(COLUMNS)} FROM replies ORDER BY id"):  # noqa: S608 - constants
            where = f"reply {row[0]} ({row[1]})"
            problems += [f"{where}: {what}" for what in _complaints(dict(zip(COLUMNS, row[1:], strict=True)))]
        for name, value in ledger.db.execute("SELECT name, value FROM facts ORDER BY name"):
            if not _reads(names_of, value):
                problems.append(f"fact {name!r}: {value!r} is no list of names")
    except sqlite3.DatabaseError as error:
        problems.append(f"SQLite cannot read on: {error}")
    return problems


def _complaints(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _about_the_request(row["key"], row["request"])
    for name, reader in (("logprobs", pairs_of), ("probs", probs_of)):
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


def _about_the_request(key: str, request: object) -> Iterator[str]:
    if not (isinstance(key, str) and key.startswith(VERSION) and len(key) == _KEY_LENGTH):
        yield f"the key is not '{VERSION}' and 64 digits"
    if request is None:
        return
    if not isinstance(request, str) or not _reads(orjson.loads, request):
        yield "the request is no JSON"
    elif key_of_request(request.encode()) != key:
        yield f"the request has another SHA-256 than its key says: {key_of_request(request.encode())}"


def _reads(reader: Callable[[Any], object], raw: object) -> bool:
    """Whether a reader takes a stored value."""
    try:
        reader(raw)
    except (ValueError, TypeError):
        return False
    return True
