"""A million scripted judgments through shards, one machine: time, memory, bytes, merging, resuming; ten million on paper.

Each shard is `judgekit score --shard k/N --out` in a process of its own, so many at a time; then `judgekit ledger
merge`; then the same command without `--shard` on what was merged, which asks nothing and writes the files of the
whole run. The judge is scripted and costs nothing, so that what is measured is ours. Items have 0.5 KB; prompts are
not stored, unless asked for. `alone` is the same job in one process, for its time and to compare the files.

`--paper` sends nothing: it computes what ten million judgments take, from the figures stored last and the list
prices that litellm brings.

    python benchmarks/million.py --n 1000000 --shards 8 --at-once 2 --store
    python benchmarks/million.py --paper
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from stored import RESULTS, Found, store

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite to the customer?"}]}
REPLY = '{"evidence": [], "rationale": "It says where it is, and is kind about it.", "label": "%s"}'
TEXT = "The parcel left the depot on Monday and the customer was told so. " * 7
FILES = ("scores.jsonl", "outcomes.jsonl")
TEN = 10_000_000
TOKENS = 900, 80  # read and written a judgment, assumed
MODELS = (
    "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5-mini", "gemini/gemini-2.5-flash-lite", "gemini/gemini-2.5-flash",
    "claude-haiku-4-5",
)  # fmt: skip


class Took(NamedTuple):
    """What a process took: seconds, seconds of CPU, and its peak memory in MB."""

    wall: float
    cpu: float
    peak: float


def kind() -> Any:
    """The judge, as `py:million:kind` names it."""
    from judgekit.judges.resolve import Scripted

    return Scripted("kind", lambda call: REPLY % ("no" if int(call.item.item_id) % 3 else "yes"), "1")


def ran(*words: object) -> Took:
    """Run judgekit in a process of its own."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "judgekit", *map(str, words)],
        cwd=Path(__file__).parent,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return Took(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def items(path: Path, n: int) -> None:
    """Rows of half a KB, all different, of three systems."""
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            row = {"id": str(i), "task": f"Where is {i}?", "response": f"{TEXT} {i}", "system": f"s{i % 3}"}
            file.write(json.dumps(row) + "\n")


def reading(path: Path, n: int) -> float:
    """Microseconds of CPU a row to check all items and read them once, as every shard does."""
    from judgekit.items import read_items, survey

    began = time.process_time()
    assert sum(1 for _ in read_items(path, surveyed=survey(path))) == n
    return 1e6 * (time.process_time() - began) / n


def digests(folder: Path) -> list[str]:
    return [hashlib.file_digest((folder / name).open("rb"), "sha256").hexdigest() for name in FILES]


def measured(given: argparse.Namespace, folder: Path) -> list[Found]:
    """Walk all steps in a folder, printing each."""
    n, shards = given.n, given.shards
    items(folder / "items.jsonl", n)
    (folder / "rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    job = ["score", folder / "items.jsonl", "-r", folder / "rubric.json", "-j", "py:million:kind", "-q"]
    job += [] if given.prompts else ["--no-prompts"]
    ledgers = [folder / f"{k}.sqlite" for k in range(1, shards + 1)]
    found: list[Found] = []

    def note(row: str, **figures: float) -> None:
        found.extend(Found(row, what, value, 0.0, n) for what, value in figures.items())
        told = ", ".join(f"{what} {value:,.4g}" for what, value in figures.items())
        print(f"{row:8} {told}", flush=True)

    def one(k: int) -> Took:
        name = f"{k}/{shards}"
        return ran(*job, "--shard", name, "--ledger", ledgers[k - 1], "--out", folder / f"out-{k}")

    note("reading", us_each=reading(folder / "items.jsonl", n))
    began = time.monotonic()
    with ThreadPoolExecutor(given.at_once) as pool:
        took = list(pool.map(one, range(1, shards + 1)))
    cpu, size = sum(each.cpu for each in took), sum(each.stat().st_size for each in ledgers)
    note(
        "shards", seconds=time.monotonic() - began, cpu=cpu, ms_each=1e3 * cpu / n,
        peak_mb=max(each.peak for each in took), mb=size / 1e6, bytes_each=size / n,
    )  # fmt: skip
    whole = folder / "whole.sqlite"
    merging = ran("ledger", "merge", *ledgers, "-o", whole)
    size = whole.stat().st_size
    note(
        "merge", seconds=merging.wall, cpu=merging.cpu, us_each=1e6 * merging.cpu / n, peak_mb=merging.peak,
        mb=size / 1e6, bytes_each=size / n,
    )  # fmt: skip
    resumed = ran(*job, "--ledger", whole, "--out", folder / "whole")
    said = json.loads((folder / "whole" / "run.json").read_text(encoding="utf-8"))
    assert (said["items"], said["new_calls"], said["requests"]) == (n, 0, 0), (
        "the merged ledger lacked replies"
    )
    note("resume", seconds=resumed.wall, cpu=resumed.cpu, ms_each=1e3 * resumed.cpu / n, peak_mb=resumed.peak)
    if given.alone:
        alone = ran(*job, "--ledger", folder / "alone.sqlite", "--out", folder / "alone")
        note("alone", seconds=alone.wall, cpu=alone.cpu, ms_each=1e3 * alone.cpu / n, peak_mb=alone.peak)
        assert digests(folder / "alone") == digests(folder / "whole"), "files differ"
        print(f"{' and '.join(FILES)} of the whole run are equal to the byte")
    return found


def paper() -> None:
    """Print what ten million judgments take, by the figures stored last."""
    rows = [json.loads(line) for line in (RESULTS / "million.jsonl").read_text(encoding="utf-8").splitlines()]
    at = {(row["row"], row["what"]): row["estimate"] for row in rows}
    n, cores = rows[0]["n"], rows[0]["at_once"]
    times = TEN / n
    hours = times * at["shards", "cpu"] / 3600
    print(f"ten million judgments, by {n:,} on {rows[0]['date']} ({rows[0]['machine']})\n")
    print("| what | figure |\n|---|---|")
    print(f"| CPU of shards, files written | {hours:.1f} h; on {cores} cores {hours / cores:.1f} h |")
    for at_once in (512, 4096):
        print(f"| floor by replies of 1 s, {at_once:,} at once | {TEN / at_once / 3600:.1f} h |")
    print(f"| peak memory of a shard's process | {at['shards', 'peak_mb']:,.0f} MB at {n:,} |")
    print(f"| ledgers, without prompts | {times * at['shards', 'mb'] / 1e3:.1f} GB |")
    print(f"| merging them, in one process | {times * at['merge', 'seconds'] / 60:.0f} min |")
    print(
        f"| the whole run's files from the merged one, 0 calls | {times * at['resume', 'cpu'] / 3600:.1f} h |"
    )
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    million_in, million_out = (TEN * each / 1e6 for each in TOKENS)
    print(
        f"| tokens at {TOKENS[0]} in, {TOKENS[1]} out | {million_in / 1e3:.1f} G in, {million_out / 1e3:.1f} G out |"
    )
    for model in MODELS:
        price = litellm.model_cost[model]
        ends = [price["input_cost_per_token"], price["output_cost_per_token"]]
        batch = [price.get(f"{name}_cost_per_token_batches") for name in ("input", "output")]
        cost = 1e6 * (million_in * ends[0] + million_out * ends[1])
        half = None if None in batch else 1e6 * (million_in * batch[0] + million_out * batch[1])
        told = "price of batches not in the map" if half is None else f"in batches ${half:,.0f}"
        print(f"| {model} | ${cost:,.0f}; {told} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--prompts", action="store_true", help="store prompts, too")
    parser.add_argument("--alone", action="store_true", help="also in one process, and compare the files")
    parser.add_argument("--paper", action="store_true")
    parser.add_argument("--store", action="store_true", help="keep the figures in benchmarks/results/")
    given = parser.parse_args()
    if given.paper:
        paper()
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measured(given, Path(folder))
    if given.store:
        settings = {each: getattr(given, each) for each in ("shards", "at_once", "prompts")}
        print(f"# stored in {store('million', found, settings)}")


if __name__ == "__main__":
    main()
