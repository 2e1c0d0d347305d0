"""Which keys are being asked: processes that share a ledger pay for a call once.

A claim is a lock of one byte, at a place that the key says, in an empty file beside the ledger. The
system lets go of it when its process ends, however that ends, so no claim outlives the killed, and no clock
decides who is alive. It is held until the reply is in the ledger. The last process to leave removes
the file.
"""

import os
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where processes that share a ledger may pay twice
    fcntl = None  # type: ignore[assignment]

_USERS: Final = 0  # the byte that every process shares which has the file open


@dataclass(eq=False)
class _Open:
    """The file as this process has it open: once, since a process's locks end with any closing of it."""

    descriptor: int
    users: int = 0
    held: set[int] = field(default_factory=set)


_OPEN: Final[dict[tuple[int, Path], _Open]] = {}
"""Files by process (a forked child has no part in its parent's locks) and path."""
_GUARD: Final = threading.Lock()


class Claims:
    """The claims of one ledger; the file is made at the first.

    Args:
        ledger: The ledger's file.
    """

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.resolve().with_name(f"{ledger.name}-claims")
        self._mine: dict[str, int] = {}
        self._file: _Open | None = None
        self._none = fcntl is None

    def take(self, key: str) -> bool:
        """Claim a key; False where somebody has it, in this process or another."""
        if self._none:
            return True
        place = _place(key)
        with _GUARD:
            try:
                file = self._file or self._opened()
                if place in file.held:
                    return False
                fcntl.lockf(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):  # both are said of a lock that is held
                return False
            except OSError as error:
                self._none = True
                warnings.warn(
                    f"{self._path}: cannot be locked ({error.strerror}), so processes that share this ledger "
                    "may pay for the same calls",
                    stacklevel=2,
                )
                return True
            file.held.add(place)
        self._mine[key] = place
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Let go of keys; of those that are not claimed here there is nothing to let go."""
        if self._file is None:
            return
        with _GUARD:
            for key in keys:
                if (place := self._mine.pop(key, None)) is not None:
                    self._file.held.discard(place)
                    fcntl.lockf(self._file.descriptor, fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        """Let go of everything."""
        self.release(tuple(self._mine))
        if (file := self._file) is None:
            return
        self._file = None
        with _GUARD:
            file.users -= 1
            if not file.users:
                _OPEN.pop((os.getpid(), self._path), None)
                with suppress(OSError):  # somebody else still has it open
                    fcntl.lockf(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _USERS)
                    self._path.unlink(missing_ok=True)
                os.close(file.descriptor)

    def _opened(self) -> _Open:
        """The file, with the guard held; one that was removed while it was being opened is opened anew."""
        who = (os.getpid(), self._path)
        while (file := _OPEN.get(who)) is None:
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_SH, 1, _USERS)
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(descriptor), self._path.stat()):
                        _OPEN[who] = _Open(descriptor)
            finally:
                if who not in _OPEN:
                    os.close(descriptor)
        file.users += 1
        self._file = file
        return file


def _place(key: str) -> int:
    """The byte that stands for a key: 60 bits of its digest."""
    try:
        return 1 + int(key[3:18], 16)
    except ValueError:  # a key that is not ours
        return 1 + int(key.encode("utf-8", "surrogatepass").hex()[-15:] or "0", 16)
