"""What is known of batches, beside the replies in the ledger's file: two tables, made when they are needed.

`batches` has a row for each batch, written before anything is sent. `batch_lines` has one for each call in
it, under the key of its reply, until that is stored: so what is out is not asked again, and what came back is
kept as it came, before anybody reads it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson

from judgekit.batches.carriers import Result, Sent
from judgekit.ledger import Ledger
from judgekit.ledger.damage import told
from judgekit.ledger.store import BATCH

INTENT, OUT, ENDING, CAME, DONE = "intent", "out", "ending", "came", "done"
"""States of a batch: about to be sent, sent, asked to end, its results here, all of them read."""
FAILED, RENEWED = 0, -1
"""What stands in place of a line's status where no response came, and where a second edition was stored."""
GIVEN_UP: Final = 1_000_000
"""Stands for how often a call was sent that would fail again."""
_ALIVE: Final = f"WHERE state IN ('{INTENT}', '{OUT}', '{ENDING}')"
_BATCHES: Final = """CREATE TABLE IF NOT EXISTS batches (
    tag TEXT PRIMARY KEY, kind TEXT NOT NULL, root TEXT NOT NULL, model TEXT NOT NULL, judge TEXT NOT NULL,
    key_env TEXT NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL, usd REAL, tokens INTEGER NOT NULL,
    made TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL)"""
_LINES: Final = """CREATE TABLE IF NOT EXISTS batch_lines (
    key TEXT PRIMARY KEY, batch TEXT NOT NULL, tries INTEGER NOT NULL, again INTEGER NOT NULL,
    status INTEGER, body BLOB, why TEXT NOT NULL)"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS batch_lines_batch ON batch_lines (batch)"
_SENT: Final = """INSERT INTO batch_lines VALUES (?, ?, 1, ?, NULL, NULL, '') ON CONFLICT (key) DO UPDATE SET
    batch = excluded.batch, again = excluded.again, tries = tries + 1, status = NULL, body = NULL, why = ''"""
_BACK: Final = """UPDATE batch_lines SET status = ?, body = ?, why = ?
    WHERE key = ? AND status IS NULL AND batch = ?"""
_LACKING: Final = (
    "UPDATE batch_lines SET status = 0, tries = tries - ?, why = ? WHERE batch = ? AND status IS NULL"
)
_ERRORS: Final = """UPDATE batch_lines SET status = 0, body = NULL, tries = tries - 1, why = ?
    WHERE batch = ? AND status >= 300"""
_STORED: Final = """DELETE FROM batch_lines WHERE status > 0 AND NOT again
    AND EXISTS (SELECT 1 FROM replies WHERE replies.key = batch_lines.key)"""
_READ: Final = """UPDATE batches SET state = 'done' WHERE state = 'came'
    AND NOT EXISTS (SELECT 1 FROM batch_lines WHERE batch = tag AND status > 0)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch: where it went, of which judge, how large and dear it is, how far, and why it ended so."""

    tag: str
    kind: str
    root: str
    model: str
    judge: str
    key_env: str
    n: int
    bytes: int
    usd: float | None
    tokens: int
    made: str
    id: str = ""
    state: str = INTENT
    why: str = ""

    @property
    def age(self) -> float:
        """Seconds since it was made."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.made)).total_seconds()


class Line(NamedTuple):
    """A call in a batch: how often it was sent; its status is None while it is out, and its body kept."""

    key: str
    batch: str
    tries: int
    status: int | None
    body: bytes | None
    why: str


class Store:
    """The batches of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._write(*((each, ()) for each in (_BATCHES, _LINES, _INDEX)))

    def _write(self, *statements: tuple[str, Sequence[Any]]) -> None:
        """Carry out all statements, or none; one with a list is carried out with each of its rows."""
        db = self._ledger.db
        with told(self._ledger.path, "what is known of batches could not be written"), db:
            db.execute("BEGIN IMMEDIATE")
            for sql, values in statements:
                (db.executemany if isinstance(values, list) else db.execute)(sql, values)

    def batches(self, *, alive: bool = False) -> list[Batch]:
        """Return the batches in the order they were made; those only that are not back."""
        return batches_in(self._ledger, alive=alive)

    def intend(self, batch: Batch, keys: Iterable[tuple[str, bool]]) -> None:
        """Write that a batch is about to be sent, with its calls, and whether each asks anew."""
        values = tuple(asdict(batch).values())
        marks = ", ".join("?" * len(values))
        lines = [(key, batch.tag, again) for key, again in keys]
        self._write((f"INSERT INTO batches VALUES ({marks})", values), (_SENT, lines))  # noqa: S608 - marks

    def note(self, batch: Batch, **changes: Any) -> Batch:
        """Write how far a batch is, and return it so."""
        new = replace(batch, **changes)
        values = new.id, new.state, new.why, new.tag
        self._write(("UPDATE batches SET id = ?, state = ?, why = ? WHERE tag = ?", values))
        return new

    def keep(self, batch: Batch, results: Iterable[Result]) -> None:
        """Keep what a batch brought, as it came; of two results for a call the first."""
        rows = [
            (each.status, _raw(each.body) if each.status else None, each.why, f"k2:{each.digits}", batch.tag)
            for each in results
        ]
        self._write((_BACK, rows))

    def came(self, batch: Batch, why: str, *, tried: bool = True) -> None:
        """Write that all that a batch brought is kept; not `tried`: it was never sent."""
        self._write((_LACKING, (int(not tried), why, batch.tag)))
        self.note(batch, state=CAME, why=why)

    def lines(self, keys: Sequence[str]) -> dict[str, Line]:
        """Return what is known of calls."""
        found: dict[str, Line] = {}
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT key, batch, tries, status, body, why FROM batch_lines WHERE key IN ({marks})"  # noqa: S608 - marks
            found |= {row[0]: Line(*row) for row in self._ledger.query(sql, some)}
        return found

    def fail(self, key: str, why: str, *, tries: int) -> None:
        """Write why what came back for a call is no reply, and how often it counts as sent."""
        sql = "UPDATE batch_lines SET status = 0, body = NULL, tries = ?, why = ? WHERE key = ?"
        self._write((sql, (tries, why, key)))

    def fail_errors(self, tag: str, why: str) -> None:
        """Do the same for all errors of a batch, which have one cause: they do not count as sent."""
        self._write((_ERRORS, (why, tag)))

    def tidy(self, renewed: Iterable[str]) -> None:
        """Forget the lines whose replies are stored; of second editions, note that they are."""
        noted = "UPDATE batch_lines SET status = -1, body = NULL WHERE key = ?"
        self._write((noted, [(key,) for key in renewed]), (_STORED, ()), (_READ, ()))

    def forget(self, keys: Iterable[str]) -> None:
        """Forget lines of a run that is done: another run tries them anew."""
        self._write(("DELETE FROM batch_lines WHERE key = ? AND status <= 0", [(key,) for key in keys]))

    def reserved(self) -> tuple[float, int]:
        """Return US dollars and tokens at most of what is out, or came and is not read."""
        [(usd, tokens)] = self._ledger.query(
            "SELECT total(usd), total(tokens) FROM batches WHERE state <> 'done'"
        )
        return float(usd), int(tokens)


def _raw(body: object) -> bytes:
    """Return a body as JSON; of half a surrogate pair, which plain JSON can only escape, too."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body).encode()


def batches_in(ledger: Ledger, *, alive: bool = True) -> list[Batch]:
    """Return the batches of a ledger, which may be one that is only read and has none."""
    if not list(ledger.query("SELECT 1 FROM sqlite_master WHERE name = 'batches'")):
        return []
    names = [each.name for each in fields(Batch)]
    rows = ledger.query(f"SELECT * FROM batches {_ALIVE if alive else ''} ORDER BY made, rowid")  # noqa: S608 - constants
    return [Batch(**dict(zip(names, row, strict=True))) for row in rows]


def sent_as(batch: Batch, known: Iterable[str]) -> Sent:
    """Return by what a batch is looked for; `known` are the ids that are others'."""
    made = datetime.fromisoformat(batch.made)
    return Sent(tag=batch.tag, made=made, lines=batch.n, known=frozenset(known))
