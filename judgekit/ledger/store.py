"""The ledger: each reply written once, in one SQLite file, under the key of what was asked.

It is cache, checkpoint, audit trail and replay in one. Replies are buffered and written together, every 500
or every half second, so a killed process loses at most what was in flight and the last half second. Several
processes may share a file: a key is claimed while it is asked, the first reply to it wins, and all read it.
While a run goes on nobody's lock is waited for: what could not be written stays buffered and is tried again.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import orjson

from judgekit.errors import InputError
from judgekit.ledger.claims import Claims
from judgekit.ledger.columns import SERVED, USER_VERSION, WRITE, chosen, digest_of, fact_of, reply_of, row_of
from judgekit.ledger.damage import Damaged, Locked, told
from judgekit.ledger.file import BUSY_SECONDS, open_file
from judgekit.types import Call, Reply

BATCH: Final = 500
FLUSH_SECONDS: Final = 0.5
UNPAID: Final = frozenset({"missing", "unreachable", "over_budget", "cancelled"})
_PAUSE: Final = 0.05  # until a lock is tried again

_READ = f"SELECT {', '.join(SERVED)} FROM replies WHERE key IN (%s) ORDER BY edition"  # noqa: S608 - constants


class Kept(NamedTuple):
    """A reply as the ledger has it: which edition it is."""

    edition: int
    reply: Reply


class Ledger:
    """Replies in one SQLite file, made with mode 0600 if it is not there and may be made.

    It belongs to the process, the thread and the event loop it is used in. A context manager: leaving it
    writes what is buffered. `prompts` stores what was asked beside what was answered; one that is read only
    may be one that cannot be written, or of an older version. `also` are further ledgers, only read, in which
    replies and facts are looked up in this order where it has none.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        prompts: bool = True,
        create: bool = True,
        read_only: bool = False,
        also: Iterable[str | Path] = (),
    ) -> None:
        self.path = Path(path)
        self.prompts = prompts
        self._buffer: list[tuple[Any, ...]] = []
        self._unwritten: dict[str, Kept] = {}
        self._learnt: dict[str, set[str]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._late: InputError | None = None  # why a timed flush failed; nobody has been told yet
        self._tried: float | None = None  # since when somebody's lock is in the way
        self._process = os.getpid()
        self.db, self.version = open_file(self.path, create=create, read_only=read_only)
        self.also = tuple(Ledger(each, read_only=True) for each in also)
        self._claims = Claims(self.path)
        self._state = self.db.cursor()
        self.writes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, keys: Iterable[str]) -> dict[str, Reply]:
        """Return the stored replies of these keys, latest edition each; keys without one are left out."""
        return {key: kept.reply for key, kept in self.look(keys).items()}

    def look(self, keys: Iterable[str]) -> dict[str, Kept]:
        """Return the same as `get`, with the edition of each reply; -1 of one from another ledger."""
        self._check_process()
        if self.version < USER_VERSION:
            raise InputError(f"{self.path}: a ledger of version {self.version}, whose replies are not served")
        wanted = list(keys)
        found: dict[str, Kept] = {}
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            for row in self.query(_READ % ", ".join("?" * len(some)), some):
                found[row[0]] = Kept(row[1], reply_of(self.path, row))
        if not found.keys() <= set(wanted):
            raise Damaged(self.path, "a key leads to the reply of another")
        if self._unwritten:
            found |= {key: self._unwritten[key] for key in wanted if key in self._unwritten}
        for other in self.also:
            if not (left := [key for key in wanted if key not in found]):
                break
            found |= {key: kept._replace(edition=-1) for key, kept in other.look(left).items()}
        return found

    def query(self, sql: str, values: Iterable[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT, as they are wanted."""
        with told(self.path):
            for row in self.db.execute(sql, tuple(values)):  # noqa: UP028 - a cursor is not closed after its file
                yield row

    def changed(self) -> int:
        """Return a number that changes whenever another process may have written."""
        if (alone := self._claims.alone()) is not None:
            return alone
        try:
            return int(self._state.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.DatabaseError:
            with told(self.path):
                raise

    def claim(self, key: str) -> bool:
        """Claim a key until its reply is written, or it is released; False where another is asking it."""
        self._check_process()
        if not self._claims.take(key):
            return False
        try:
            self._set_timer(FLUSH_SECONDS)
        except RuntimeError:  # no event loop, so nobody would listen
            self._claims.listen(at_once=True)
        return True

    def is_claimed(self, key: str) -> bool:
        """Tell whether somebody is asking a key now."""
        if self._claims.take(key):
            self._claims.release((key,))
            return False
        return True

    def release(self, key: str) -> None:
        """Let go of a key whose asking gave nothing to keep."""
        if key not in self._unwritten:
            self._claims.release((key,))

    def let_in(self) -> None:
        """Let other processes ask, where this one is going to wait and will not listen for them."""
        self._claims.listen(at_once=True)

    def put(self, call: Call, identity: Mapping[str, Any], reply: Reply, *, again: bool = False) -> None:
        """Keep a reply that was paid for; it is in the file within half a second, if no lock is in the way.

        `again` writes a new edition beside an older reply, which stays. Where replies cannot be written (a
        full disk, a lock) that is an InputError, and they stay buffered, this one too.
        """
        if reply.fault in UNPAID:
            return
        self._check_process()
        edition = self._next_edition(call.key) if again else 0
        self._buffer.append(row_of(call, identity, reply, edition=edition, prompts=self.prompts))
        self._unwritten[call.key] = Kept(edition, reply)
        if self._late is not None:
            self.flush(wait=False)
        elif len(self._buffer) >= BATCH and self._tried is None:
            self._flush_in_time()
        else:
            self._set_timer(FLUSH_SECONDS)

    def learn(self, name: str, values: Iterable[str]) -> None:
        """Keep what was learnt under a name, beside what is known already."""
        self._learnt.setdefault(name, set()).update(values)
        try:
            self._set_timer(FLUSH_SECONDS)
        except RuntimeError:  # no event loop
            try:
                self.flush()
            except InputError:
                self._learnt.pop(name)
                raise

    def facts(self, name: str) -> frozenset[str]:
        """Return what was learnt under a name, such as the parameters that a server refused."""
        rows = self.query("SELECT name, value, digest FROM facts WHERE name = ?", [name])
        stored = [value for row in rows for value in fact_of(self.path, row)]
        others = (other.facts(name) for other in self.also)
        return frozenset(stored).union(self._learnt.get(name, ()), *others)

    def flush(self, *, wait: bool = True) -> None:
        """Write what is buffered, waiting for another's lock if wanted; what cannot be written stays."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer or self._learnt:
            self._check_process()
            self._write(wait=wait)
        self._late = self._tried = None

    async def settle(self, seconds: float = BUSY_SECONDS) -> None:
        """Write what is buffered, while the event loop goes on and another's lock is waited for."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self.flush(wait=False)
            except Locked as error:
                if time.monotonic() >= until:
                    self._late = error
                    raise
            await asyncio.sleep(_PAUSE)

    def _write(self, *, wait: bool) -> None:
        n = len(self._buffer)
        what = f"{n} {'reply' if n == 1 else 'replies'}" if n else "what was learnt"
        with told(self.path, f"{what} could not be written"), self.db:
            if not wait:
                self.db.execute("PRAGMA busy_timeout = 0")
            try:
                self.db.execute("BEGIN IMMEDIATE")
            finally:
                self.db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1e3:.0f}")
            self.db.executemany(WRITE, self._buffer)
            for name in self._learnt:
                value = orjson.dumps(sorted(self.facts(name))).decode()
                row = (name, value, digest_of((name, value)))
                self.db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", row)
        self.writes += 1
        self._buffer.clear()
        self._learnt.clear()
        written = tuple(self._unwritten)
        self._unwritten.clear()
        self._claims.release(written)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._flush_in_time)

    def _flush_in_time(self) -> None:
        """Write what is buffered, at the timer; a failure is raised by the next put, flush or close.

        Raised here it would end in the event loop's log. Other processes that want to ask are let in.
        """
        since = self._tried
        try:
            self.flush(wait=False)
        except Locked as error:
            self._tried = time.monotonic() if since is None else since
            if time.monotonic() - self._tried > BUSY_SECONDS:
                self._late = error
            self._set_timer(_PAUSE)
        except InputError as error:
            self._late = error
        self._claims.listen()
        if self._claims.any:
            self._set_timer(FLUSH_SECONDS)

    def close(self) -> None:
        """Write what is buffered and close the file; once it is closed, its one file holds everything."""
        try:
            self.flush(wait=self._late is None)
        finally:
            self._claims.close()
            for other in self.also:
                other.close()
            with suppress(sqlite3.Error):  # what is not moved now stays in the -wal file, nothing is lost
                self.db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self.db.close()

    @property
    def columns(self) -> str:
        """All columns, as a SELECT names them."""
        return chosen(self.version)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise InputError(
                f"{self.path}: was opened in another process; a forked child opens the ledger itself"
            )

    def _next_edition(self, key: str) -> int:
        if key in self._unwritten:
            return self._unwritten[key].edition + 1
        [(last,)] = self.query("SELECT max(edition) FROM replies WHERE key = ?", [key])
        return 0 if last is None else int(last) + 1
