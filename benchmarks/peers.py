"""Other libraries on the same job, each in an environment of its own, beside ours and a loop written by hand.

The job: items of about 3 KB, one question to be answered yes or no, one call each, to an OpenAI-compatible
server on the loopback that answers after 100 ms (`schema_filler` says yes in whatever form is asked), 256 at
once. Each library goes its ordinary way (`peer_jobs/by_NAME.py`: its own judge, its own runner where it has
one, its telemetry off); ours goes ours, with the ledger and every check, through `endpoint` and through litellm.
They do different work: these are the costs of each one's ordinary path.

    python benchmarks/peers.py --envs FOLDER --rounds 5 --store

The first run installs each library into a folder of its own in `--envs` (some minutes); later ones find it
there. In each round every job runs once, in a process of its own, and a ratio is taken within its round;
what is printed are medians. CPU and wall are of the judging alone. `start` is CPU from before the import
until one item has been judged, `calls` what the server was asked for an item, `right` the least number of items
with the score 1 in any run. Where a library can go on from what it kept, `warm` is CPU of an item in a second
run from there. What cannot be installed or run, or judges not all items right, is named with the reason.
"""

import argparse
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, stdev
from typing import Any

from mock_script import Options
from mock_server import serving_script
from overhead import write_items
from schema_filler import Agreeable, answer
from stored import Found, machine, store

import judgekit

HERE = Path(__file__).resolve().parent
LIMIT = 900
"""Seconds after which a job is given up."""

QUIET = {
    "OPENAI_API_KEY": "not-needed",
    "NO_COLOR": "1",
    "DO_NOT_TRACK": "1",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
    "ERROR_REPORTING": "0",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "ANONYMIZED_TELEMETRY": "False",
    "INSPECT_TELEMETRY": "",
}
"""What every job has in its environment: a key for a server that wants none, and nothing reported home."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the table.

    Args:
        name: What it is called, and the folder of its environment.
        job: The script in `peer_jobs`, and what it is told besides.
        needs: What is installed for it, itself first; nothing: it runs where this runs.
        keeps: How it goes on from a former run: "always" by itself; "told", from what it kept by itself, if it
            is told to; "asked", if it was told to keep it, too; not at all if empty.
        label: What the row says besides.
        most: No more items than these, where more would take too long; 0: all.
    """

    name: str
    job: tuple[str, ...]
    needs: tuple[str, ...] = ()
    keeps: str = ""
    label: str = ""
    most: int = 0


FLOOR, OURS = "loop by hand", "judgekit"
PEERS = (
    Peer(FLOOR, ("by_hand.py",)),
    Peer(OURS, ("by_judgekit.py", "endpoint"), keeps="always", label="endpoint"),
    Peer("judgekit-litellm", ("by_judgekit.py", "litellm"), keeps="always", label="litellm"),
    Peer("autoevals", ("by_autoevals.py",), ("autoevals", "openai")),
    Peer("openevals", ("by_openevals.py",), ("openevals", "langchain-openai")),
    Peer("phoenix", ("by_phoenix.py",), ("arize-phoenix-evals", "openai")),
    Peer("autorubric", ("by_autorubric.py",), ("autorubric",), keeps="always"),
    Peer("deepeval", ("by_deepeval.py", "alone"), ("deepeval",), label="metric alone"),
    Peer("deepeval", ("by_deepeval.py", "evaluate"), ("deepeval",), "told", "evaluate, {n} items", 250),
    Peer("inspect", ("by_inspect.py",), ("inspect-ai", "openai"), keeps="asked"),
)


@dataclass(slots=True)
class Ran:
    """What came of a peer: what its runs said, by kind, or why there is none."""

    peer: Peer
    python: str = sys.executable
    version: str = ""
    n: int = 0
    cold: list[dict[str, float]] = field(default_factory=list)
    warm: list[dict[str, float]] = field(default_factory=list)
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """The job of a run of this benchmark."""

    url: str
    base: Path
    n: int
    at_once: int
    latency: float

    def items(self, n: int) -> Path:
        """The file of the first n items; none of them is the last one, which stands alone in that of 0."""
        path = self.base / f"items{n}.jsonl"
        if not path.exists():
            everything = self.base / "all.jsonl"
            write_items(everything, self.n + 1)
            rows = everything.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(rows[:n] or rows[-1:]), encoding="utf-8")
        return path


def installed(peer: Peer, envs: Path, n: int) -> Ran:
    """The environment of a peer, made where it is not there yet, and the version in it."""
    n = min(n, peer.most or n)
    if not peer.needs:
        return Ran(peer, version=judgekit.__version__ if peer.name != FLOOR else "", n=n)
    ran = Ran(peer, python=str(envs / peer.name / "bin" / "python"), n=n)
    code = f"from importlib.metadata import version; print(*map(version, {peer.needs!r}))"
    try:
        if not Path(ran.python).exists():
            _said([sys.executable, "-m", "venv", str(envs / peer.name)])
        try:
            ran.version = _said([ran.python, "-c", code]).split()[0]
        except RuntimeError:  # something is not there yet
            _said([ran.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *peer.needs])
            ran.version = _said([ran.python, "-c", code]).split()[0]
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        ran.wrong = f"not installed: {error}"
    return ran


def _said(command: Sequence[str], **options: Any) -> str:
    """What a command prints; a `RuntimeError` with its last line if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False, **options)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or done.stdout.strip() or "?").splitlines()[-1][:300])
    return done.stdout


def judged(ran: Ran, setting: Setting, folder: Path, *, keep: bool) -> dict[str, float]:
    """One run of a peer's job in a process of its own."""
    script, *more = ran.peer.job
    items, first = setting.items(ran.n), setting.items(0)
    paths = (items, first, setting.url, folder, setting.at_once, "keep" if keep else "-")
    command = [ran.python, str(HERE / "peer_jobs" / script), *map(str, paths), *more]
    around = {**os.environ, **QUIET, "OPENAI_BASE_URL": setting.url, "HOME": str(folder)}
    if not ran.peer.needs:
        around["PYTHONPATH"] = str(HERE)  # for what is shared with `overhead.py`
    around |= {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "DATA", "CONFIG")}
    before = asked(setting.url)
    said = json.loads(_said(command, env=around, cwd=folder).splitlines()[-1])
    calls = asked(setting.url) - before - 1  # one was before the clock, or came from what was kept
    return {**said, "calls": max(calls, 0) / ran.n, "each": said["cpu"] / ran.n * 1e3}


def asked(url: str) -> int:
    """How many requests the server has had."""
    with urllib.request.urlopen(f"{url}/stats") as said:  # noqa: S310 - our own server
        return int(json.load(said)["requests"])


def one_round(ran: Ran, setting: Setting, nth: int) -> None:
    """One run of a peer from nothing, and one from what it kept, if it can."""
    own = "-".join((ran.peer.name, *ran.peer.job))
    fresh, kept = setting.base / f"{own}-{nth}", setting.base / f"{own}-kept"
    fresh.mkdir()
    ran.cold.append(judged(ran, setting, fresh, keep=False))
    if ran.peer.keeps == "asked" and not kept.exists():
        kept.mkdir()
        judged(ran, setting, kept, keep=True)
    if keeps := ran.peer.keeps:
        ran.warm.append(judged(ran, setting, kept if keeps == "asked" else fresh, keep=keeps != "always"))
    few = min(each["good"] for each in ran.cold + ran.warm)
    if few < ran.n:
        ran.wrong, ran.cold = f"{few} of {ran.n} judged right", []  # nothing is timed that failed


def _serve(told: Any, latency: float) -> None:
    with serving_script(Agreeable(Options(latency=latency, text=answer))) as url:
        told.send(url)
        time.sleep(1e6)


@contextmanager
def served(latency: float) -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, latency), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def figures(ran: Ran, floor: Ran, ours: Ran, setting: Setting) -> dict[str, tuple[float, float]]:
    """Medians of a peer's rounds, each with its error."""

    def of(values: Sequence[float]) -> tuple[float, float]:
        error = 1.2533 * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return median(values), error

    def times(other: Ran) -> tuple[float, float]:
        return of([a["each"] / b["each"] for a, b in zip(ran.cold, other.cold, strict=False)])

    nothing = (math.nan, math.nan)
    ideal = math.ceil(ran.n / setting.at_once) * setting.latency
    return {
        "CPU ms": of([each["each"] for each in ran.cold]),
        "x floor": times(floor) if floor.cold else nothing,
        "x judgekit": times(ours) if ours.cold else nothing,
        "wall/ideal": of([each["wall"] / ideal for each in ran.cold]),
        "RSS MB": of([each["rss"] for each in ran.cold]),
        "import s": of([each["imported"] for each in ran.cold]),
        "start s": of([each["start"] for each in ran.cold]),
        "warm ms": of([each["each"] for each in ran.warm]) if ran.warm else nothing,
        "calls": of([each["calls"] for each in ran.cold]),
        "warm calls": of([each["calls"] for each in ran.warm]) if ran.warm else nothing,
    }


def called(ran: Ran) -> str:
    """Name and version of a row."""
    of = ran.peer.needs[0] if ran.peer.needs else FLOOR if ran.peer.name == FLOOR else OURS
    label = ran.peer.label.format(n=ran.n)
    return f"{of} {ran.version}{f' ({label})' if label else ''}".strip()


def table(all_ran: Sequence[Ran], setting: Setting) -> list[Found]:
    """Print a line a peer, and return its figures."""
    floor, ours = (next(each for each in all_ran if each.peer.name == name) for name in (FLOOR, OURS))
    found: list[Found] = []
    for ran in all_ran:
        name = called(ran)
        if not ran.cold:
            print(f"{name:36} {ran.wrong}")
            found.append(Found(f"{name}: {ran.wrong}", "nothing", math.nan, math.nan, 0))
            continue
        own = figures(ran, floor, ours, setting)
        if not any(row.n for row in found):
            print(f"{'':36}" + "".join(f"{what:>11}" for what in own) + f"{'right':>8}")
        digits = {"CPU ms": 3, "warm ms": 3, "import s": 2, "start s": 2, "x floor": 1, "RSS MB": 0}
        cells = ("" if math.isnan(v) else f"{v:.{digits.get(what, 2)}f}" for what, (v, _) in own.items())
        right = min(int(each["good"]) for each in ran.cold + ran.warm)
        print(f"{name:36}" + "".join(f"{cell:>11}" for cell in cells) + f"{right:8} {ran.wrong}")
        found += [
            Found(name, what, value, error, len(ran.cold))
            for what, (value, error) in own.items()
            if not math.isnan(value)
        ]
        found.append(Found(name, "judged right", right / ran.n, 0.0, len(ran.cold)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "judgekit-peers")
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60, help="no round begins after these")
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--at-once", type=int, default=256)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", default=[], help="these beside the loop and ours"
    )
    parser.add_argument("--store", action="store_true", help="keep the figures in benchmarks/results/")
    given = parser.parse_args()
    wanted = [each for each in PEERS if not given.only or each.name in {FLOOR, OURS, *given.only}]
    given.envs.mkdir(parents=True, exist_ok=True)
    all_ran = [installed(peer, given.envs.resolve(), given.items) for peer in wanted]
    began, done = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as made, served(given.latency) as url:
        setting = Setting(url, Path(made), given.items, given.at_once, given.latency)
        while done < given.rounds and not (done and time.monotonic() - began > given.minutes * 60):
            done += 1
            for ran in all_ran:
                if ran.wrong:
                    continue
                try:
                    one_round(ran, setting, done)
                except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
                    ran.wrong = f"failed in round {done}: {error}"
                print(f"round {done}: {called(ran)} {ran.wrong}", file=sys.stderr, flush=True)
    load = "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg())
    print(f"{given.items} items, one call each, {given.latency * 1000:.0f} ms, {given.at_once} at once, "
          f"medians of {done} rounds; {time.strftime('%Y-%m-%d')}, {machine()}, load {load}")  # fmt: skip
    found = table(all_ran, setting)
    if given.store:
        settings = {"items": given.items, "rounds": done, "latency": given.latency, "load": load}
        print(f"# stored in {store('peers', found, {**settings, 'at_once': given.at_once})}")


if __name__ == "__main__":
    main()
