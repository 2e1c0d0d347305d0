"""What SQLite says of a file, as an error that names the file and says how to go on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from judgekit.errors import InputError

_WAITING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ROOM: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
)


class Damaged(InputError):  # noqa: N818 - what it is
    """A ledger holds something else than what was written to it."""

    def __init__(self, path: Path, found: str) -> None:
        self.found = found
        super().__init__(
            f"{path}: {found}; `judgekit ledger verify --ledger {path}` lists what is damaged, "
            f"`judgekit ledger recover NEW --ledger {path}` copies what is whole to a new file"
        )


class Locked(InputError):  # noqa: N818 - what it is
    """Another process keeps a ledger locked."""


class NoRoom(InputError):  # noqa: N818 - what it is
    """A disk is full, or does not let us write."""


def _is_text(path: Path) -> bool:
    """Tell whether a file begins as JSON or CSV does, and not as a database of which a part is gone."""
    try:
        with path.open("rb") as file:
            begins = file.read(200).decode("utf-8", "replace")
    except OSError:
        return False
    return bool(begins) and all(sign.isprintable() or sign.isspace() for sign in begins)


@contextmanager
def told(path: Path, what: str = "it could not be read") -> Iterator[None]:
    """Run SQL, and raise what SQLite complains of as Damaged, Locked or NoRoom, saying `what` has failed."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # our own mistake
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # 0: the module's own, of what it read
        if code in _WAITING:
            raise Locked(f"{path}: {what} ({error}); end what locks the file, and run again") from error
        if code in _NO_ROOM:
            raise NoRoom(f"{path}: {what} ({error}); make room, or let it be written") from error
        none = code == sqlite3.SQLITE_NOTADB
        found = "not a ledger, or its beginning is damaged" if none else "SQLite finds it damaged"
        found = "not a ledger: it is text, such as items" if none and _is_text(path) else found
        raise Damaged(path, f"{found} ({error})") from error
