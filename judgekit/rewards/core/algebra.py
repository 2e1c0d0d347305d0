"""Answers compared by computer algebra: math-verify, in processes of its own with a deadline and a limit.

What a policy writes can keep computer algebra busy for ever, or fill the memory; here a comparison that takes
too long is ended with its process, and the next one has another. Only LaTeX is parsed, by a grammar: what
math-verify reads as plain expressions it hands to Python's own evaluation, and this never does.
"""

import importlib.util
import json
import logging
import os
import select
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Any, cast

from judgekit.errors import InputError

_START = 60.0  # seconds that the import of sympy may take on a busy machine
_MEMORY = 4 * 2**30
_idle: list["_Worker"] = []
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # two processes that ask one worker would read each other's answers
    os.register_at_fork(after_in_child=_idle.clear)


def same_mathematics(answer: str, reference: str, seconds: float) -> bool | None:
    """Tell whether two answers in LaTeX are equal by math-verify (the extra `math-verify`).

    None where the reference is none that it reads. A comparison that takes more than so many seconds, ends
    its process or cannot be made raises a ValueError.
    """
    if importlib.util.find_spec("math_verify") is None or not hasattr(os, "fork"):
        raise InputError(
            "the check 'math_verify' needs math-verify on a system like Linux or macOS; install the extra "
            "'math-verify', or take equals_reference with mathematics = true"
        )
    with _lock:
        worker = next((each for each in iter(_popped, None) if each.lives), None)
    worker = worker or _Worker()
    said = worker.asked([answer, reference], seconds)
    with _lock:
        _idle.append(worker)
    if isinstance(said, str):
        raise ValueError(f"the comparison by math-verify failed: {said}")
    return None if said is None else bool(said)


def _popped() -> "_Worker | None":
    return _idle.pop() if _idle else None


class _Worker:
    """A process that compares; it ends when its input does, so with the process that began it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        pipe = subprocess.PIPE
        self._process: subprocess.Popen[bytes] = subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0)  # noqa: S603
        self._in, self._out = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        self._read(_START)

    @property
    def lives(self) -> bool:
        """Whether its process goes on."""
        return self._process.poll() is None

    def asked(self, question: list[str], seconds: float) -> Any:
        """Return the answer to a question; without one the process is ended, and a ValueError raised."""
        with suppress(BrokenPipeError):
            self._in.write(json.dumps(question).encode() + b"\n")
        return self._read(seconds)

    def _read(self, seconds: float) -> Any:
        ready, _, _ = select.select([self._out], [], [], seconds)
        line = self._out.readline() if ready else b""
        if not line:
            self._process.kill()
            self._process.wait()
            why = "ended its process" if ready else f"took more than {seconds:g} seconds"
            raise ValueError(f"the comparison by math-verify {why}")
        return json.loads(line)


def _compare(answer: str, reference: str) -> bool | None:
    from math_verify import LatexExtractionConfig, parse, verify

    def parsed(text: str) -> list[Any]:
        found: list[Any] = parse(
            f"${text.strip('$')}$", [LatexExtractionConfig()], "no_fallback", parsing_timeout=None
        )
        return found

    if not (wanted := parsed(reference)):
        return None
    found = parsed(answer)
    return bool(found and verify(wanted, found, timeout_seconds=None))


def main() -> None:
    """Compare what stands in each line of the input, until it ends."""
    import resource

    import math_verify  # noqa: F401 - so that nobody waits for it later

    logging.disable()  # it warns at each call that others end it
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    told, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    told.write("true\n")
    told.flush()
    for line in sys.stdin:
        said: bool | str | None
        try:
            said = _compare(*json.loads(line))
        except Exception as error:  # noqa: BLE001 - told as no answer, not as one; also where memory ran out
            said = f"{type(error).__name__}: {error}"[:200]
        told.write(json.dumps(said) + "\n")
        told.flush()


if __name__ == "__main__":
    main()
