"""Opening the file: made whole or not at all, refused if it is something else or of a newer version.

Several processes may make, write and read it at once. The tables and the version appear in one
transaction, so a process killed at any moment leaves an empty file, which the next one fills, or a
ledger.
"""

import os
import sqlite3
import time
import warnings
from pathlib import Path
from urllib.parse import quote

from judgekit.errors import InputError
from judgekit.ledger.columns import COLUMNS, SCHEMA, USER_VERSION

BUSY_SECONDS = 30.0  # another process's batch takes milliseconds
_TRIES, _PAUSE = 200, 0.05
_MAGIC = b"SQLite format 3\0"


def default_path() -> Path:
    """`$JUDGEKIT_LEDGER`, else `.judgekit/ledger.sqlite` in the current folder."""
    return Path(os.environ.get("JUDGEKIT_LEDGER") or ".judgekit/ledger.sqlite")


def open_file(path: Path, *, create: bool, read_only: bool) -> sqlite3.Connection:
    """A connection to a ledger, made if it is not there; one to read is made read-only.

    Raises:
        InputError: If it is missing and not to be made, cannot be opened, or is no ledger we can read.
    """
    try:
        if not path.exists():
            if read_only or not create:
                raise InputError(f"{path}: no such ledger; a run makes one, --ledger names another")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise InputError(f"{path}: cannot be reached or made ({error.strerror})") from None
    if not read_only and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot be written; --ledger names another")
    if (kind := _network_file_system(path)) is not None:
        warnings.warn(
            f"{path} is on a network file system ({kind}), where SQLite may lose replies", stacklevel=3
        )
    db = None
    try:
        db = _connect(path, read_only=read_only)
        fault = _fault(db) if read_only else _prepare(db)
    except sqlite3.OperationalError as error:
        fault = f"cannot be opened ({error})"
    except sqlite3.DatabaseError as error:
        fault = f"not a ledger ({error})"
    if fault is not None or db is None:
        if db is not None:
            db.close()
        raise InputError(f"{path}: {fault}")
    return db


def is_sqlite(path: Path) -> bool:
    """Whether a file begins as SQLite files do.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection; a ledger on a medium that cannot be written is read as it lies there."""
    if read_only and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        wal = path.with_name(f"{path.name}-wal")
        still = "" if wal.exists() else "&immutable=1"
        return sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro{still}", uri=True)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, cached_statements=1024)
    if read_only:
        db.execute("PRAGMA query_only = ON")
    return db


def _prepare(db: sqlite3.Connection) -> str | None:
    """Make the tables of a new file; what is wrong with an old one."""
    if _is_empty(db):
        db.execute("BEGIN IMMEDIATE")
        if _is_empty(db):  # no other process was faster
            for statement in SCHEMA:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {USER_VERSION}")
        db.commit()
    fault = _fault(db)
    if fault is None:
        _write_ahead(db)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")  # says now, not after the first replies, if it cannot be written
        db.rollback()
    return fault


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _is_empty(db: sqlite3.Connection) -> bool:
    return _version(db) == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _fault(db: sqlite3.Connection) -> str | None:
    """What keeps a file from being read as a ledger; None if nothing does."""
    columns = {name for (name,) in db.execute("SELECT name FROM pragma_table_info('replies')")}
    if not columns:
        return "an SQLite file of something else, not a ledger"
    if (version := _version(db)) > USER_VERSION:
        return f"a ledger of version {version}; this judgekit reads up to {USER_VERSION}, install a newer one"
    if version < 1 or not columns >= set(COLUMNS):
        return f"an SQLite file with a table 'replies' that is no ledger's (version {version})"
    return None


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
