"""Files written beside their places and moved there when they are whole; until then what was there stays.

Files that belong together are made in a folder, which becomes `.judgekit.next` in one step, and count from
then on; then they take their places one by one, the one that names the others last. Whoever opens such a file
asks `whole` where it is, and whoever writes next finishes what a killed process left.
"""

import difflib
import math
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, is_dataclass
from io import BufferedWriter, FileIO
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from judgekit.errors import InputError, JudgekitError

try:
    import fcntl
except ImportError:  # Windows, where two runs that write to one folder are not told of each other
    fcntl = None  # type: ignore[assignment]

_PART, _NEXT = ".judgekit.part", ".judgekit.next"
_GONE = ".gone"  # marks, in a set that waits, a file of the old one that it does not have
_COUNT = count()  # two threads may write to one place


@contextmanager
def beside(
    *targets: Path, reads: Iterable[str | Path] = (), private: bool = False
) -> Iterator[list[BinaryIO]]:
    """Give files to write, which take the places of the targets, in this order, when the block ends well.

    A pipe or device is written to at once; folders are made; nobody else may read `private` files. A target
    that cannot be written, or is one of `reads`, is an InputError; a full disk on the way is a JudgekitError,
    and then all targets are as they were.
    """
    spare(targets, reads)
    with ExitStack() as stack:
        files, parts = [], []
        try:
            for target in targets:
                file, part = _opened(target, private=private)
                stack.callback(_left, file, part)
                files.append(file)
                parts.append(part)
        except OSError as error:
            raise InputError(f"{target}: cannot be written ({error.strerror})") from None
        yield files
        try:
            for file in files:
                _settled(file)
            for part, target in zip(parts, targets, strict=True):
                if part is not None:
                    part.replace(target.resolve())
                    _synced(part.parent)
        except OSError as error:
            raise failed(targets[0], error) from None


def spare(targets: Iterable[Path], reads: Iterable[str | Path]) -> None:
    """Raise an InputError, which names both, if a target is a file that is read, by whatever path."""
    inputs = [path for each in reads if (path := Path(each)).is_file()]
    for target in targets:
        for each in inputs:
            if target.exists() and target.samefile(each):
                raise InputError(
                    f"{target}: is the file that is read as {each}, and would be lost; name another place"
                )


def whole(folder: Path, name: str) -> Path:
    """Return where a file of a set by `Together` is: the new one, if it has not taken its place.

    There is none where the set has none, whatever an older one had.
    """
    waiting = folder / _NEXT / name
    return waiting if waiting.exists() or (folder / _NEXT / f"{name}{_GONE}").exists() else folder / name


class Together:
    """Files of a folder that replace each other as a set: after a kill there are the old or the new ones.

    A context manager; without `commit` nothing that was there is touched. `names` are all files that a set
    may have, the one that names the others last; those that a new set lacks are removed. A folder that cannot
    be written, or that another process writes to, is an InputError on entering.
    """

    def __init__(self, folder: str | Path, names: Collection[str]) -> None:
        self.folder = Path(folder)
        self._names = names
        self._files: dict[str, BinaryIO] = {}
        self._lock: int | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._hold()
            self._move()
            _emptied(self.folder / _PART)
            (self.folder / _PART).mkdir()
        except BlockingIOError:
            self._release()
            raise InputError(f"{self.folder}: another process writes its results there") from None
        except OSError as error:
            self._release()
            why = "it is a file, and a folder is to be named" if self.folder.is_file() else error.strerror
            raise InputError(f"{self.folder}: results cannot be written there ({why})") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            _left(file, None)
        with suppress(OSError):  # the next to write here does it
            _emptied(self.folder / _PART)
        self._release()

    def path(self, name: str) -> Path:
        """Return where a file of the new set is written."""
        return self.folder / _PART / name

    def open(self, name: str) -> BinaryIO:
        """Return a file of the new set, to be written."""
        file = self._files[name] = _file(self.path(name), 0o666, self.folder)
        return file

    def commit(self) -> None:
        """Put the new set in the place of the old one.

        A failure is a JudgekitError: the old set stands, or the new one waits, whole.
        """
        try:
            self._commit()
        except OSError as error:
            raise failed(self.folder, error) from None

    def _commit(self) -> None:
        new = self.folder / _PART
        for file in self._files.values():
            _settled(file)
        for name in self._names:
            if not (new / name).exists():
                (new / f"{name}{_GONE}").touch()
                continue
            if (self.folder / name).exists():
                (new / name).chmod(stat.S_IMODE((self.folder / name).stat().st_mode))
            if name not in self._files:
                with (new / name).open("rb+") as written:
                    os.fsync(written.fileno())
        _synced(new)
        new.rename(self.folder / _NEXT)
        _synced(self.folder)
        self._move()

    def _move(self) -> None:
        """Bring a set that waits to its place, the last file last: it says that all are there."""
        waiting = self.folder / _NEXT
        if not waiting.exists():
            return
        for name in self._names:
            if (waiting / name).exists():
                (waiting / name).replace(self.folder / name)
            elif (waiting / f"{name}{_GONE}").exists():
                (self.folder / name).unlink(missing_ok=True)
        _synced(self.folder)
        _emptied(waiting)

    def _hold(self) -> None:
        if fcntl is not None:
            self._lock = os.open(self.folder, os.O_RDONLY)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # a file system without locks
                self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _opened(target: Path, *, private: bool) -> tuple[BinaryIO, Path | None]:
    """Return a file beside a target, and its path; None for the path where there is nothing to move."""
    if target.exists() and not target.is_file():
        return _file(target, 0o666, target), None
    real = target.resolve()
    real.parent.mkdir(parents=True, exist_ok=True)
    part = real.with_name(f".{real.name[:40]}.{os.getpid()}-{next(_COUNT)}.part")
    mode = 0o600 if private else stat.S_IMODE(real.stat().st_mode) if real.exists() else 0o666
    return _file(part, mode, target), part


class _Raw(FileIO):
    """An open file whose writing fails in our words."""

    def __init__(self, opened: int, told: Path) -> None:
        super().__init__(opened, "w")
        self._told = told

    def write(self, some: Any, /) -> int:
        try:
            return super().write(some)
        except OSError as error:
            raise failed(self._told, error) from None


def write(target: str | Path, raw: bytes, *, reads: Iterable[str | Path] = ()) -> None:
    """Write one file; arguments and errors are those of `beside`."""
    with beside(Path(target), reads=reads) as [file]:
        file.write(raw)


def plain(value: Any, *, without: type | tuple[type, ...] = ()) -> Any:
    """Return records, arrays and numbers as what JSON knows; a number that is none is null.

    Fields that begin with an underscore, and those whose values are of a type `without`, are left out.
    """
    if hasattr(value, "tolist"):  # of numpy
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        held = ((each.name, getattr(value, each.name)) for each in fields(value) if each.name[0] != "_")
        return {name: plain(each, without=without) for name, each in held if not isinstance(each, without)}
    if isinstance(value, Mapping):
        return {str(key): plain(each, without=without) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, without=without) for each in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def failed(told: Path, error: OSError) -> JudgekitError:
    """Return what to raise where writing failed on the way."""
    return JudgekitError(
        f"{told}: could not be written to the end ({error.strerror or error}); what was there stays"
    )


def unreadable(path: Path, error: OSError | None = None) -> InputError:
    """Return what to raise where a file cannot be read, with the one nearby that may be meant."""
    why = "No such file or directory" if error is None else error.strerror
    hint = ""
    if path.is_dir():
        hint = "; it is a folder, and a file is to be named"
    elif error is None or isinstance(error, FileNotFoundError):
        try:
            there = {each.stem: each.name for each in path.parent.iterdir()}
            near = difflib.get_close_matches(path.stem, there, n=1, cutoff=0.7)
            hint = f"; did you mean {there[near[0]]!r}?" if near else ""
        except OSError:
            hint = f"; there is no folder {str(path.parent)!r}"
    return InputError(f"{path}: cannot be read ({why}){hint}")


def _file(path: Path, mode: int, told: Path) -> BinaryIO:
    """Return a new file, or one that is no regular file; errors name what was asked for."""
    new = os.O_CREAT | os.O_EXCL if not path.exists() else 0
    return BufferedWriter(_Raw(os.open(path, os.O_WRONLY | new | getattr(os, "O_BINARY", 0), mode), told))


def _settled(file: BinaryIO) -> None:
    """Bring a file to the disk and close it."""
    file.flush()
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())
    file.close()


def _synced(folder: Path) -> None:
    """Bring the names in a folder to the disk, where folders can be opened."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _left(file: BinaryIO, part: Path | None) -> None:
    """Throw away a part; where all went well it has become the target."""
    with suppress(OSError, JudgekitError):  # what could not be written cannot be flushed either
        file.close()
    if part is not None:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _emptied(folder: Path) -> None:
    """Remove a folder of files, if it is there."""
    if folder.exists():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
