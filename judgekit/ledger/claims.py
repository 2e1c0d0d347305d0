"""Which keys are being asked: processes that share a ledger pay for a call once.

A claim is a lock of one byte, at a place that the key says, in an empty file beside the ledger. The system
lets go of it when its process ends, however that ends, so no claim outlives the killed, and no clock decides
who is alive. A process that is alone locks no keys, which would cost more than looking them up, but one byte
for all of them. Another that comes knocks and waits; the first, which listens every half second, then locks
what it is asking key by key, and lets it in. The last process to leave removes the file.
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

_USERS: Final = 0  # the byte that all share who have the file open
_ALL: Final = 2**61  # whoever is alone has it alone; all others share it before they claim anything
_KNOCK: Final = _ALL + 1  # shared by those who wait to be let in


@dataclass(eq=False)
class _Open:
    """The file as this process has it open: once, since a process's locks end with any closing of it."""

    descriptor: int
    alone: bool = False
    shared: bool = False
    users: int = 0
    joined: int = 0
    held: set[int] = field(default_factory=set)

    def lock(self, place: int, *, shared: bool = False) -> bool:
        """Lock a byte, if nobody is in the way."""
        try:
            fcntl.lockf(
                self.descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, 1, place
            )
        except (BlockingIOError, PermissionError):  # systems say either
            return False
        return True

    def unlock(self, place: int) -> None:
        """Let go of a byte."""
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, place)

    def enter(self) -> None:
        """Become the one who is alone, or one of those who share; else knock."""
        if self.lock(_ALL):
            self.alone = True
        elif self.lock(_ALL, shared=True):
            self.unlock(_KNOCK)
            self.shared = True
        else:
            self.lock(_KNOCK, shared=True)

    def let_in(self) -> None:
        """Lock what is claimed key by key, so that others may claim other keys."""
        if self.alone:
            for place in self.held:
                self.lock(place)
            self.lock(_ALL, shared=True)
            self.alone, self.shared = False, True


_OPEN: Final[dict[tuple[int, Path], _Open]] = {}
"""Files by process (a forked child has no part in its parent's locks) and path."""
_GUARD: Final = threading.Lock()


class Claims:
    """The claims of one ledger's file."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.resolve().with_name(f"{ledger.name}-claims")
        self._mine: dict[str, int] = {}
        self._file: _Open | None = None
        self._none = fcntl is None

    @property
    def any(self) -> bool:
        """Whether anything is claimed here."""
        return bool(self._mine)

    def alone(self) -> int | None:
        """Return a number that is the same again only if nobody else has asked; None if others may ask."""
        file = self._opened()
        return -file.joined if file is not None and file.alone and file.users == 1 else None

    def take(self, key: str) -> bool:
        """Claim a key; False where somebody has it, in this process or another."""
        if (file := self._opened()) is None:
            return True
        place = _place(key)
        with _GUARD:
            if not (file.alone or file.shared):
                file.enter()
            if place in file.held or not (file.alone or (file.shared and file.lock(place))):
                return False
            file.held.add(place)
        self._mine[key] = place
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Let go of keys; of those that are not claimed here there is nothing to let go."""
        if (file := self._file) is None:
            return
        with _GUARD:
            for key in keys:
                if (place := self._mine.pop(key, None)) is not None:
                    file.held.discard(place)
                    if file.shared:
                        file.unlock(place)

    def listen(self, *, at_once: bool = False) -> None:
        """Let others in that have knocked; or, `at_once`, all that may come, who cannot be listened for."""
        if (file := self._file) is not None and file.alone:
            with _GUARD:
                knocked = not file.lock(_KNOCK)
                if not knocked:
                    file.unlock(_KNOCK)
                if knocked or at_once:
                    file.let_in()

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
                if file.lock(_USERS):  # nobody else has it open
                    self._path.unlink(missing_ok=True)
                os.close(file.descriptor)

    def _opened(self) -> _Open | None:
        """Return the file; None where it cannot be locked."""
        if self._file is None and not self._none:
            with _GUARD:
                try:
                    self._file = _opened(self._path)
                except OSError as error:
                    self._none = True
                    warnings.warn(
                        f"{self._path}: cannot be locked ({error.strerror}), so processes that share this "
                        "ledger may pay for the same calls",
                        stacklevel=2,
                    )
        return self._file


def _opened(path: Path) -> _Open:
    """Return the file, with the guard held; one that was removed while it was being opened is opened anew."""
    who = (os.getpid(), path)
    while (file := _OPEN.get(who)) is None:
        file = _Open(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            fcntl.lockf(file.descriptor, fcntl.LOCK_SH, 1, _USERS)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.descriptor), path.stat()):
                    file.enter()
                    _OPEN[who] = file
        finally:
            if who not in _OPEN:
                os.close(file.descriptor)
    file.users += 1
    file.joined += 1
    return file


def _place(key: str) -> int:
    """Return the byte that stands for a key: 60 bits of its digest."""
    try:
        return 1 + int(key[3:18], 16)
    except ValueError:  # a key that is not ours
        return 1 + int(key.encode("utf-8", "surrogatepass").hex()[-15:] or "0", 16)
