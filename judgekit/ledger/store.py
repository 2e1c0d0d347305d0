"""The ledger: each reply written once, in one SQLite file, under the key of what was asked.

It is cache, checkpoint, audit trail and replay in one. Replies are buffered and written together,
every 500 or every half second, so a killed process loses at most what was in flight and the last
half second. Several processes may share a file: the first reply to a key wins, and all read it.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from judgekit.errors import InputError
from judgekit.ledger.columns import COLUMNS, REPLY, fact_of, reply_of, row_of
from judgekit.ledger.file import open_file
from judgekit.types import Call, Reply

BATCH: Final = 500
FLUSH_SECONDS: Final = 0.5
UNPAID: Final = frozenset({"unreachable", "over_budget", "cancelled"})

_READ = f"SELECT key, {', '.join(REPLY)} FROM replies WHERE key IN (%s) ORDER BY edition"  # noqa: S608 - constants
_WRITE = f"INSERT OR IGNORE INTO replies ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - constants


class Ledger:
    """Replies in one SQLite file.

    Belongs to the thread and the event loop it is used in. A context manager: leaving it writes what
    is buffered.

    Args:
        path: The file; made with mode 0600 if it is not there.
        prompts: Whether to store what was asked beside what was answered.
        create: False where a missing file is an error.
        read_only: Only look; a missing file is an error, and one that cannot be written will do.

    Raises:
        InputError: If the file is no ledger, of a newer version, cannot be opened, or is missing where
            it should not be.
    """

    def __init__(
        self, path: str | Path, *, prompts: bool = True, create: bool = True, read_only: bool = False
    ) -> None:
        self.path = Path(path)
        self.prompts = prompts
        self._buffer: list[tuple[Any, ...]] = []
        self._unwritten: dict[str, Reply] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._late = False  # a timed flush failed; nobody has been told yet
        self._db = open_file(self.path, create=create, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, keys: Iterable[str]) -> dict[str, Reply]:
        """The stored replies of these keys, latest edition each; keys without one are left out.

        Raises:
            InputError: If one is damaged.
        """
        wanted = list(keys)
        found: dict[str, Reply] = {}
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            rows = self._db.execute(_READ % ", ".join("?" * len(some)), some)
            found |= {row[0]: reply_of(self.path, row[0], row[1:]) for row in rows}
        if self._unwritten:
            found |= {key: self._unwritten[key] for key in wanted if key in self._unwritten}
        return found

    def put(self, call: Call, identity: Mapping[str, Any], reply: Reply, *, again: bool = False) -> None:
        """Keep a reply; written to the file within half a second.

        Args:
            call: What was asked.
            identity: Who was asked.
            reply: What came back; one that was not paid for (`unreachable`, ...) is not kept.
            again: Write a new edition beside an older reply, which stays.

        Raises:
            InputError: If replies cannot be written (a full disk, a lock); they stay buffered, this one too.
        """
        if reply.fault in UNPAID:
            return
        edition = self._next_edition(call.key) if again else 0
        self._buffer.append(row_of(call, identity, reply, edition=edition, prompts=self.prompts))
        self._unwritten[call.key] = reply
        if self._late or len(self._buffer) >= BATCH:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_in_time)

    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            InputError: If it cannot be written (a full disk, a lock); it stays buffered.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer:
            n = len(self._buffer)
            with self._writing(f"{n} {'reply' if n == 1 else 'replies'}"):
                self._db.executemany(_WRITE, self._buffer)
            self._buffer.clear()
            self._unwritten.clear()
        self._late = False

    def _flush_in_time(self) -> None:
        """Write what is buffered, at the timer; a failure is raised by the next put, flush or close.

        Raised here it would end in the event loop's log.
        """
        self._timer = None
        try:
            self.flush()
        except InputError:
            self._late = True

    def facts(self, name: str) -> frozenset[str]:
        """What was learnt under a name, such as the parameters that a server refused.

        Raises:
            InputError: If it is damaged.
        """
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return frozenset(fact_of(self.path, name, row[0])) if row else frozenset()

    def learn(self, name: str, values: Iterable[str]) -> None:
        """Keep what was learnt under a name, beside what is known already."""
        with self._writing("a fact"):
            self._db.execute("BEGIN IMMEDIATE")  # another process may be learning at this moment
            together = orjson.dumps(sorted(self.facts(name) | set(values))).decode()
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", [name, together])

    def close(self) -> None:
        """Write what is buffered and close the file; once it is closed, its one file holds everything.

        Raises:
            InputError: If something cannot be written, and is lost.
        """
        try:
            self.flush()
        finally:
            with suppress(sqlite3.Error):  # what is not moved now stays in the -wal file, nothing is lost
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._db.close()

    @property
    def db(self) -> sqlite3.Connection:
        """The open file, for the tools that show, verify and export it."""
        return self._db

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        """One transaction; its failure is told with the file's name."""
        try:
            with self._db:
                yield
        except sqlite3.ProgrammingError:
            raise  # our own mistake
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{self.path}: {what} could not be written ({error}); "
                "make room, or end what locks the file, and run again"
            ) from error

    def _next_edition(self, key: str) -> int:
        if key in self._unwritten:
            self.flush()
        (last,) = self._db.execute("SELECT max(edition) FROM replies WHERE key = ?", [key]).fetchone()
        return 0 if last is None else int(last) + 1
