"""Opening the file: made whole or not at all, refused if it is something else or of a newer version.

Several processes may make, write and read it at once. The tables and the version appear in one transaction,
so a process killed at any moment leaves an empty file, which the next one fills, or a ledger.
"""

import os
import sqlite3
import time
import warnings
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import quote

from judgekit.errors import InputError
from judgekit.ledger.columns import SCHEMAS, USER_VERSION
from judgekit.ledger.damage import Damaged, Locked, told
from judgekit.writing import unreadable

BUSY_SECONDS = 30.0  # how long another's lock is waited for where nothing else is to be done meanwhile
_TRIES, _PAUSE = 200, 0.05
_MAGIC = b"SQLite format 3\0"
_NAMES = {
    "replies": "replies", "facts": "facts", "sqlite_autoindex_replies_1": "replies",
    "sqlite_autoindex_facts_1": "facts",
}  # fmt: skip
"""What stands in a ledger, and the table it belongs to."""


def default_path() -> Path:
    """Return `$JUDGEKIT_LEDGER`, else `.judgekit/ledger.sqlite` in the current folder."""
    return Path(os.environ.get("JUDGEKIT_LEDGER") or ".judgekit/ledger.sqlite")


def open_file(path: Path, *, create: bool, read_only: bool) -> tuple[sqlite3.Connection, int]:
    """Open a ledger, made where that is asked for, and return the connection and the version of it."""
    try:
        if not path.exists():
            if read_only or not create:
                raise InputError(f"{path}: no such ledger; a run makes one, --ledger names another")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise InputError(f"{path}: cannot be reached or made ({error.strerror})") from None
    if not path.is_file():
        raise InputError(f"{path}: cannot be opened, it is no file; --ledger names another")
    if not read_only and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot be written; --ledger names another")
    if (kind := _network_file_system(path)) is not None:
        warnings.warn(
            f"{path} is on a network file system ({kind}), where SQLite may lose replies", stacklevel=3
        )
    with ExitStack() as stack, told(path, "it cannot be opened"):
        db = stack.enter_context(closing(_connect(path, read_only=read_only)))
        if not read_only:
            _make(db)
        version = _version_of(path, db)
        if not read_only:
            if version < USER_VERSION:
                raise InputError(f"{path}: a ledger of version {version}, which is read and never written")
            _write_ahead(db)
            db.execute("PRAGMA synchronous = NORMAL")
            _try_to_write(path, db)
        stack.pop_all()
        return db, version


def is_sqlite(path: Path) -> bool:
    """Tell whether a file begins as SQLite files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise unreadable(path, error) from None


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Return a connection; a ledger on a medium that cannot be written is read as it lies there."""
    if read_only and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        wal = path.with_name(f"{path.name}-wal")
        still = "" if wal.exists() else "&immutable=1"
        return sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro{still}", uri=True)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, cached_statements=1024)
    if read_only:
        db.execute("PRAGMA query_only = ON")
    return db


def _make(db: sqlite3.Connection) -> None:
    """Make the tables of a new file."""
    if _is_empty(db):
        db.execute("BEGIN IMMEDIATE")
        if _is_empty(db):  # no other process was faster
            for statement in SCHEMAS[USER_VERSION]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {USER_VERSION}")
        db.commit()


def _try_to_write(path: Path, db: sqlite3.Connection) -> None:
    """See now, not after the first replies, whether the file can be written; a lock will pass."""
    db.execute("PRAGMA busy_timeout = 0")
    with suppress(Locked), told(path, "it cannot be written"):
        db.execute("BEGIN IMMEDIATE")
        db.rollback()
    db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1e3:.0f}")


def _number(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _is_empty(db: sqlite3.Connection) -> bool:
    return _number(db) == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _version_of(path: Path, db: sqlite3.Connection) -> int:
    """Return the version of a ledger whose tables are there; InputError if it is none, or newer."""
    rows = db.execute("SELECT name, tbl_name, sql FROM sqlite_master")
    found = {name: (table, sql) for name, table, sql in rows}
    if "replies" not in found:
        raise InputError(f"{path}: an SQLite file of something else, not a ledger; --ledger names another")
    version = _number(db)
    if version > USER_VERSION:
        raise InputError(
            f"{path}: a ledger of version {version}; this judgekit reads up to {USER_VERSION}, "
            "install a newer one"
        )
    known = next((each for each, (sql, _) in SCHEMAS.items() if sql == found["replies"][1]), None)
    if known is None:
        raise InputError(
            f"{path}: an SQLite file with a table 'replies' that is no ledger's (version {version})"
        )
    if version != known:
        raise Damaged(path, f"it has the tables of version {known} and says that it is of version {version}")
    for name, table in _NAMES.items():
        wanted = SCHEMAS[known][1] if name == "facts" else None
        if name != "replies" and found.get(name) != (table, wanted):
            raise Damaged(path, f"its {name!r} is not that of a ledger")
    return version


def _write_ahead(db: sqlite3.Connection) -> None:
    """Let readers and a writer not wait for one another; SQLite does not wait by itself to be let switch."""
    for left in reversed(range(_TRIES)):
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _network_file_system(path: Path) -> str | None:
    """Return the kind of the network file system a path is on, where the system tells (Linux)."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return None
    here, best, kind = str(path.resolve()), "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, what = line.split()[:3]
        if (here == point or here.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, what
    return kind if kind.startswith(("nfs", "cifs", "smb", "9p", "fuse.sshfs")) else None
