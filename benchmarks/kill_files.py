"""A run killed at every step that touches its folder of results, and at random moments: what is found after.

`judgekit score --out` over the results of another run, in a process of its own that kills itself (SIGKILL)
at the k-th opening, moving or removing of a file of the folder, for each k there is; then at random moments.
After each kill `load_run` has to give the old run or the new one, whole, and the same command, run to its
end, the new one, with nothing left over.

    python benchmarks/kill_files.py --kills 200
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import judgekit as jk

RUBRIC = """{"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite?"}]}"""
ITEMS = 40
_CHILD = """
import os, signal, sys

at, folder, seen = int(sys.argv[1]), sys.argv[2], 0

def hook(event, args):
    global seen
    if event in {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod"}:
        if any(isinstance(each, str | os.PathLike) and folder in os.fspath(each) for each in args):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
from judgekit.cli import main

main(sys.argv[3:])
"""


def prepared(folder: Path, n: int = ITEMS) -> tuple[jk.Run, jk.Run]:
    """The old run in `folder/old`, and the run that is going to replace it, both as they are read."""
    (folder / "rubric.json").write_text(RUBRIC, encoding="utf-8")
    for name in ("old", "new"):
        rows = ({"id": f"{name} {i}", "task": "Hi?", "response": f"Here {i}."} for i in range(n))
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        assert run_over(folder, name, name) == 0
    return jk.load_run(folder / "old"), jk.load_run(folder / "new")


def command(folder: Path, items: str, out: str, at: int = 0) -> list[str]:
    """The command that scores a file of items, and dies at its `at`-th step in the folder of results."""
    return [
        sys.executable, "-c", _CHILD, str(at), str(folder / out), "score", str(folder / f"{items}.jsonl"),
        "--rubric", str(folder / "rubric.json"), "--judge", "control:longer", "--ledger", "none", "--quiet",
        "--out", str(folder / out), "--overwrite",
    ]  # fmt: skip


def run_over(folder: Path, items: str, out: str, at: int = 0) -> int:
    """Its exit code."""
    return subprocess.run(command(folder, items, out, at), check=False).returncode


def found_after(folder: Path, old: jk.Run, new: jk.Run) -> str:
    """`old` or `new`: the run that is read from `folder/out`, compared row by row."""
    run = jk.load_run(folder / "out")
    for name, whole in (("old", old), ("new", new)):
        if (run.scores, run.outcomes, run.summary["job"]) == (
            whole.scores, whole.outcomes, whole.summary["job"],
        ):  # fmt: skip
            return name
    raise AssertionError("neither the old run nor the new one")


def kill_at_each_step(folder: Path, old: jk.Run, new: jk.Run, most: int) -> Counter[str]:
    """Kill at the first step, the second, ... until a run gets to its end; what was found after each."""
    found: Counter[str] = Counter()
    for at in range(1, most + 1):
        _restore(folder)
        code = run_over(folder, "new", "out", at)
        if code == 0:
            return found
        assert code == -signal.SIGKILL
        found[found_after(folder, old, new)] += 1
        _check_again(folder, old, new)
    return found


def kill_at_random(folder: Path, old: jk.Run, new: jk.Run, kills: int) -> Counter[str]:
    """Kill at random moments of a run."""
    found: Counter[str] = Counter()
    began = time.monotonic()
    assert run_over(folder, "new", "out") == 0
    whole = time.monotonic() - began
    for seed in range(kills):
        _restore(folder)
        process = subprocess.Popen(command(folder, "new", "out"))
        with suppress(subprocess.TimeoutExpired):  # at the end, where the files are, more often than before
            process.wait(whole * random.Random(seed).triangular(0.3, 1.1, 1.0))  # noqa: S311 - a moment
        process.kill()
        process.wait()
        found[found_after(folder, old, new)] += 1
    return found


def _restore(folder: Path) -> None:
    shutil.rmtree(folder / "out", ignore_errors=True)
    shutil.copytree(folder / "old", folder / "out")


def _check_again(folder: Path, old: jk.Run, new: jk.Run) -> None:
    """The same command puts things in order."""
    assert run_over(folder, "new", "out") == 0
    assert found_after(folder, old, new) == "new"
    assert not [path.name for path in (folder / "out").iterdir() if path.name.startswith(".")]


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill runs over --out, and read what is there.")
    parser.add_argument("--kills", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, new = prepared(folder)
        steps = kill_at_each_step(folder, old, new, given.kills)
        print(f"killed at each of {steps.total()} steps in the folder: {dict(steps)}, mixed or broken 0")
        moments = kill_at_random(folder, old, new, max(0, given.kills - steps.total()))
        print(f"killed at {moments.total()} random moments: {dict(moments)}, mixed or broken 0")


if __name__ == "__main__":
    main()
