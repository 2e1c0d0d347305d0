"""The ledger: each reply written once, in one SQLite file, under the key of what was asked.

It is cache, checkpoint, audit trail and replay in one. Replies are buffered and written together,
every 500 or every half second, so a killed process loses at most what was in flight and the last
half second. Several processes may share a file: the first reply to a key wins, and all read it.
"""

import asyncio
import os
import sqlite3
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from judgekit.errors import InputError
from judgekit.ledger.key import request_of
from judgekit.types import Call, Reply

USER_VERSION: Final = 1
BATCH: Final = 500
FLUSH_SECONDS: Final = 0.5
UNPAID: Final = frozenset({"unreachable", "over_budget", "cancelled"})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, edition INTEGER NOT NULL, written TEXT NOT NULL,
    judge TEXT NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, fault TEXT, detail TEXT NOT NULL,
    text TEXT NOT NULL, logprobs TEXT, probs TEXT, input_tokens INTEGER, output_tokens INTEGER,
    cost_usd REAL, seconds REAL, tries INTEGER NOT NULL, request TEXT, UNIQUE (key, edition));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
COLUMNS: Final = (
    "key", "edition", "written", "judge", "model", "fingerprint", "fault", "detail", "text", "logprobs",
    "probs", "input_tokens", "output_tokens", "cost_usd", "seconds", "tries", "request",
)  # fmt: skip
_READ = ", ".join(COLUMNS[4:16])
_WRITE = f"INSERT OR IGNORE INTO replies ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - constants


def default_path() -> Path:
    """`$JUDGEKIT_LEDGER`, else `.judgekit/ledger.sqlite` in the current folder."""
    return Path(os.environ.get("JUDGEKIT_LEDGER") or ".judgekit/ledger.sqlite")


class Ledger:
    """Replies in one SQLite file.

    Belongs to the thread it was opened in. A context manager: leaving it writes what is buffered.

    Args:
        path: The file; made with mode 0600 if it is not there.
        prompts: Whether to store what was asked beside what was answered.
        create: False where a missing file is an error.

    Raises:
        InputError: If the file is no ledger, or of a newer version, or missing with `create=False`.
    """

    def __init__(self, path: str | Path, *, prompts: bool = True, create: bool = True) -> None:
        self.path = Path(path)
        self.prompts = prompts
        self._buffer: list[tuple[Any, ...]] = []
        self._unwritten: dict[str, Reply] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._db = _open(self.path, create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, keys: Iterable[str]) -> dict[str, Reply]:
        """The stored replies of these keys, latest edition each; keys without one are left out."""
        wanted = list(keys)
        found: dict[str, Reply] = {}
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ", ".join("?" * len(some))
            rows = self._db.execute(
                f"SELECT key, {_READ} FROM replies WHERE key IN ({marks}) ORDER BY edition",  # noqa: S608 - marks
                some,
            )
            found |= {row[0]: _reply(row[1:]) for row in rows}
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
        """
        if reply.fault in UNPAID:
            return
        request = request_of(identity, call).decode() if self.prompts else None
        edition = self._editions(call.key) if again else 0
        written = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._buffer.append((
            call.key, edition, written, call.judge, reply.model, reply.fingerprint, reply.fault, reply.detail,
            reply.text, _pairs(reply.logprobs), _pairs(reply.probs), reply.input_tokens, reply.output_tokens,
            reply.cost_usd, reply.seconds, reply.tries, request,
        ))  # fmt: skip
        self._unwritten[call.key] = reply
        if len(self._buffer) >= BATCH:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what is buffered; on failure (a full disk, a lock) it stays buffered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer:
            with self._db:
                self._db.executemany(_WRITE, self._buffer)
            self._buffer.clear()
            self._unwritten.clear()

    def facts(self, name: str) -> frozenset[str]:
        """What was learnt under a name, such as the parameters that a server refused."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return frozenset(orjson.loads(row[0])) if row else frozenset()

    def learn(self, name: str, values: Iterable[str]) -> None:
        """Keep what was learnt under a name, beside what is known already."""
        together = sorted(self.facts(name) | set(values))
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?)", [name, orjson.dumps(together).decode()]
            )

    def close(self) -> None:
        """Write what is buffered and close the file."""
        try:
            self.flush()
        finally:
            self._db.close()

    @property
    def db(self) -> sqlite3.Connection:
        """The open file, for the tools that show, verify and export it."""
        return self._db

    def _editions(self, key: str) -> int:
        (n,) = self._db.execute("SELECT count(*) FROM replies WHERE key = ?", [key]).fetchone()
        return int(n)


def _open(path: Path, *, create: bool) -> sqlite3.Connection:
    if not path.exists():
        if not create:
            raise InputError(f"{path}: no such ledger")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if (kind := _network_file_system(path)) is not None:
        warnings.warn(
            f"{path} is on a network file system ({kind}), where SQLite may lose replies", stacklevel=4
        )
    db = sqlite3.connect(path, timeout=30.0, cached_statements=1024)
    try:
        fault = _prepare(db)
    except sqlite3.DatabaseError as error:
        fault = f"not a ledger ({error})"
    if fault:
        db.close()
        raise InputError(f"{path}: {fault}")
    return db


def _prepare(db: sqlite3.Connection) -> str | None:
    """Make the tables of a new file; what is wrong with an old one."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > USER_VERSION:
        return f"a ledger of version {version}; this judgekit reads up to version {USER_VERSION}"
    if version == 0:
        if db.execute("SELECT 1 FROM sqlite_master").fetchone() and not _is_ledger(db):
            return "an SQLite file of something else, not a ledger"
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {USER_VERSION}")
    db.execute("PRAGMA synchronous = NORMAL")
    return None


def _is_ledger(db: sqlite3.Connection) -> bool:
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return names == {"replies", "facts"}  # another process is making it at this moment


def _network_file_system(path: Path) -> str | None:
    """Kind of the network file system a path is on, where the system tells (Linux)."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return None
    here, best, kind = str(path.resolve()), "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, what = line.split()[:3]
        if (here == point or here.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, what
    return kind if kind.startswith(("nfs", "cifs", "smb", "9p", "fuse.sshfs")) else None


def _pairs(pairs: tuple[tuple[str, float], ...]) -> str | None:
    return orjson.dumps(pairs).decode() if pairs else None


def _unpaired(raw: str | None) -> tuple[tuple[str, float], ...]:
    return tuple((name, value) for name, value in orjson.loads(raw)) if raw else ()


def _reply(row: tuple[Any, ...]) -> Reply:
    model, fingerprint, fault, detail, text, logprobs, probs, n_in, n_out, cost, seconds, tries = row
    logprobs, probs = _unpaired(logprobs), _unpaired(probs)
    return Reply(text, fault, detail, logprobs, probs, model, fingerprint, n_in, n_out, cost, seconds, tries)
