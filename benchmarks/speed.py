"""Twelve goals of speed, each with what was measured, its spread, and whether it is met.

First the mock server's own ceiling (a client of raw asyncio that sends the same bytes), then the floor (a loop
of aiohttp, orjson and JSONL by hand, `overhead.floor`), then the goals of `GOALS` in their order. What is compared
takes turns, each turn in a process of its own, since a shared machine drifts: a ratio is taken within each pair,
and its median is given with the least and the most. Nothing is turned off that a user has on. A package that a goal
compares with and that is not installed is said, and the goal is not called met.

    pip install krippendorff pingouin statsmodels evalica crowd-kit girth
    python benchmarks/speed.py --write

`--only 1,4` measures some; `--quick` takes a quarter of the sizes and three pairs; `--write` keeps what was measured
in `results/speed.jsonl`, beside what it has of other goals, and puts all of it into `benchmarks/README.md`, with
versions, machine and date.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from statistics import median
from typing import Any

import overhead
from mock_server import killable, serving
from peak import peak_mb

import judgekit

HERE = Path(__file__).resolve()
README = HERE.with_name("README.md")
KEPT = HERE.parent / "results" / "speed.jsonl"
BEGIN, END = "<!-- speed: begins -->", "<!-- speed: ends -->"
PACKAGES = ("aiohttp", "orjson", "litellm", "numpy", "scipy", "scikit-learn", "krippendorff",
            "pingouin", "statsmodels", "evalica", "crowd-kit", "girth")  # fmt: skip
Run = dict[str, float]


@dataclass(frozen=True)
class Row:
    """A figure: which goal it is of, what was measured, what is wanted, and whether that is met (None: unknown)."""

    goal: int
    what: str
    measured: str
    wanted: str
    met: bool | None
    when: str = ""
    by: str = ""

    def line(self) -> str:
        """A row of the table."""
        met = {True: "met", False: "**missed**", None: "not measured"}[self.met]
        return f"| {self.goal} | {self.what} | {self.measured} | {self.wanted} | {met} | {self.when} |"


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    pairs: int = 7
    calls: int = 4000
    scale: float = 1.0


def spread(values: list[float], digits: int = 2) -> str:
    """A median with the least and the most."""
    of = f" ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{median(values):.{digits}f}{of}"


def at_most(  # noqa: PLR0917 - as they stand in a row
    goal: int, what: str, values: list[float], most: float, unit: str, digits: int = 2
) -> Row:
    """A row of what is wanted small."""
    return Row(goal, what, f"{spread(values, digits)} {unit}", f"at most {most:g}", median(values) <= most)


def at_least(goal: int, what: str, values: list[float], least: float, unit: str) -> Row:
    """A row of what is wanted large."""
    return Row(goal, what, f"{spread(values, 1)} {unit}", f"at least {least:g}", median(values) >= least)


def missing(goal: int, what: str, wanted: str, package: str) -> Row:
    """A row of what cannot be measured here."""
    return Row(goal, what, f"{package} is not installed", wanted, None)


def in_a_process(kind: str, **options: Any) -> Run:
    """What a run in a process of its own says: CPU, wall, peak memory."""
    command = [sys.executable, str(HERE), "--run", json.dumps({"kind": kind, **options})]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_KEY": "none"}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    found: Run = json.loads(said.splitlines()[-1])
    return found


def prompts(items: Path, url: str) -> Iterator[Any]:
    """The calls of items, as every side sends them."""
    from judgekit.items import read_items
    from judgekit.judges.endpoint import Endpoint
    from judgekit.plan import Plan
    from judgekit.rubric import load_rubric

    plan = Plan(load_rubric(overhead.RUBRIC), (Endpoint(url, "mock"),))
    for item in read_items(items):
        yield from plan.calls(item)


async def ceiling(items: Path, url: str, at_once: int) -> int:
    """The requests by raw asyncio, made before the clock starts; nothing of a reply is looked at but its end."""
    import yarl

    from judgekit.judges import wire

    target = yarl.URL(url)
    head = f"POST {target.path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: "
    bodies = [json.dumps(wire.body_of(call, "mock", {}, set())).encode() for call in prompts(items, url)]
    waiting = iter([head.encode() + b"%d\r\n\r\n" % len(body) + body for body in bodies])
    n = 0

    class Client(asyncio.Protocol):
        def __init__(self) -> None:
            self.done = asyncio.get_running_loop().create_future()

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.go_on()

        def go_on(self) -> None:
            if (request := next(waiting, None)) is None:
                self.done.set_result(None)
            else:
                self.transport.write(request)

        def data_received(self, data: bytes) -> None:
            nonlocal n
            if data.endswith(b"}"):
                n += 1
                self.go_on()

    clients = [
        (await asyncio.get_running_loop().create_connection(Client, target.host, target.port))[1]
        for _ in range(at_once)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return n


async def by_litellm(items: Path, url: str, at_once: int) -> int:
    """The same requests by a bare `litellm.acompletion`."""
    import litellm

    waiting, good = prompts(items, url), 0

    async def work() -> None:
        nonlocal good
        for call in waiting:
            messages = [{"role": m.role, "content": m.content} for m in call.messages]
            form = {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "schema": call.schema, "strict": True},
            }
            came = await litellm.acompletion(
                model="hosted_vllm/mock", api_base=url, api_key="none", messages=messages, temperature=0.0,
                max_tokens=1024, response_format=form, max_retries=0,
            )  # fmt: skip
            good += json.loads(came.choices[0].message.content)["label"] == "yes"

    await asyncio.gather(*(work() for _ in range(at_once)))
    return good


def run_one(kind: str, *, items: str, url: str, store: str, at_once: int = 64) -> None:
    """Run one side and print what it took; imports are made before the clock starts."""
    import judgekit as jk
    from judgekit.judges.endpoint import Endpoint
    from judgekit.judges.litellm import LiteLLM

    path = Path(items)
    one = [{"id": "0", "task": "Hi", "response": "Hello"}]
    judge: Any = Endpoint(url, "mock")
    if kind in {"litellm", "bare litellm"}:
        judge = LiteLLM("hosted_vllm/mock", api_base=url, key_env="")
    jk.score(one, overhead.RUBRIC, judge, ledger=None)
    limits = jk.Limits(concurrency=at_once)
    began, before = time.perf_counter(), time.process_time()
    if kind in {"ours", "litellm"}:
        scores = jk.stream_scores(path, overhead.RUBRIC, judge, ledger=Path(store), limits=limits)
        good = sum(score.value == 1.0 for score in scores if score.level == "rubric")
    elif kind == "ceiling":
        good = asyncio.run(ceiling(path, url, at_once))
    else:
        good = asyncio.run(by_litellm(path, url, at_once))
    cpu, wall = time.process_time() - before, time.perf_counter() - began
    peak = peak_mb()
    print(json.dumps({"cpu": cpu, "wall": wall, "good": good, "rss": peak}))


def server_ceiling(sizes: Sizes, folder: Path) -> str:
    """How many requests the mock server answers a second, and the CPU it takes for one."""
    items = folder / "items.jsonl"
    overhead.write_items(items, sizes.calls)
    with killable(text=overhead.REPLY) as (url, process):
        found, costs = [], []
        for _ in range(3):
            before = ticks(process.pid)
            run = in_a_process("ceiling", items=str(items), url=url, store="")
            found.append(run["good"] / run["wall"])
            costs.append((ticks(process.pid) - before) / run["good"] * 1e6)
    return f"{median(found):,.0f} requests/s of 3 KB, {median(costs):.0f} us of CPU each"


def ticks(pid: int) -> float:
    """Seconds of CPU of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pipeline(sizes: Sizes, folder: Path) -> list[Row]:
    """Goals 1 and 8: the whole pipeline beside the floor, and again from its ledger."""
    items = folder / "items.jsonl"
    overhead.write_items(items, sizes.calls)
    runs: dict[str, list[Run]] = {"floor": [], "ours": [], "warm": []}
    with serving(process=True, text=overhead.REPLY) as url:
        for i in range(sizes.pairs):
            stores = {"floor": folder / "o", "ours": folder / f"{i}.sqlite", "warm": folder / f"{i}.sqlite"}
            for kind, store in stores.items():
                runs[kind].append(overhead.started("--run", kind, str(items), url, str(store)))
    assert all(run["good"] == sizes.calls for each in runs.values() for run in each)
    each = {kind: [run["cpu"] / sizes.calls * 1e3 for run in own] for kind, own in runs.items()}
    ratios = [ours / floor for ours, floor in zip(each["ours"], each["floor"], strict=True)]
    print(f"floor: {spread(each['floor'], 3)} ms of CPU a judgment; ours: {spread(each['ours'], 3)}")
    peak = [max(run["rss"] for run in runs["ours"])]
    return [
        at_most(1, "endpoint, ledger and all checks on, beside the floor", ratios, 1.0, "x", 2),
        at_most(6, "peak memory of that run", peak, 80, "MB", 0),
        at_most(8, "a judgment from the ledger", [ms * 1e3 for ms in each["warm"]], 15, "us", 0),
    ]


def through_litellm(sizes: Sizes, folder: Path) -> list[Row]:
    """Goal 2: the litellm judge beside a bare `litellm.acompletion`."""
    items, n = folder / "some.jsonl", sizes.calls // 8
    overhead.write_items(items, n)
    ratios = []
    with serving(process=True, text=overhead.REPLY) as url:
        for i in range(sizes.pairs):
            ours, bare = (
                in_a_process(kind, items=str(items), url=url, store=str(folder / f"l{i}.sqlite"))
                for kind in ("litellm", "bare litellm")
            )
            assert ours["good"] == bare["good"] == n
            ratios.append(ours["cpu"] / bare["cpu"])
    return [at_most(2, "the litellm judge beside a bare `litellm.acompletion`", ratios, 1.10, "x")]


def peers(_: Sizes, __: Path) -> list[Row]:
    """Goal 3: peers, which `peers.py` measures in environments of their own; its table says by how much."""
    what, wanted = (
        "CPU beside the leanest peer, autorubric, deepeval and inspect-ai",
        "10, 30 and 70 times less",
    )
    return [Row(3, what, "by `peers.py`, below: 9.6, 16, 49 to 101 and 61 times ours", wanted, met=False)]


def walls(sizes: Sizes, folder: Path) -> list[Row]:
    """Goal 4: the time by the clock beside what the latency alone would take."""
    rows = []
    for at_once, latency, times, goal in ((256, 0.1, 16, 1.05), (1000, 1.0, 4, 1.05), (1000, 0.1, 16, 1.12)):
        n = at_once * times
        items = folder / f"{at_once}.jsonl"
        overhead.write_items(items, n)
        found = []
        with serving(process=True, latency=latency, text=overhead.REPLY) as url:
            for i in range(min(sizes.pairs, 5)):
                store = str(folder / f"w{at_once}-{latency}-{i}.sqlite")
                run = in_a_process("ours", items=str(items), url=url, store=store, at_once=at_once)
                found.append(run["wall"] / (times * latency))
        what = f"wall beside ideal, {n} calls, {at_once} at once, {latency * 1e3:.0f} ms"
        rows.append(at_most(4, what, found, goal, "x"))
    return rows


def under_faults(sizes: Sizes, _: Path) -> list[Row]:
    """Goal 5: 10 % 429, 2 % 500, 3 % malformed."""
    import faults

    shares = {**faults.SHARES, "hanging": 0.0}
    found = [faults.measure(2000, 0.25, seed, shares) for seed in range(min(sizes.pairs, 3))]
    return [at_most(5, "10 % 429, 2 % 500, 3 % malformed, nothing lost: wall beside ideal", found, 1.25, "x")]


def memory_grows(sizes: Sizes, folder: Path) -> list[Row]:
    """Goal 6: from 10,000 items to 100,000."""
    import memory

    few, many = int(10_000 * sizes.scale), int(100_000 * sizes.scale)
    for n in (few, many):
        with (folder / f"{n}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in memory.rows(n))
    rows = []
    for source in ("generator", "file", "cli"):
        low, high = (memory.peak(source, n, folder) for n in (few, many))
        what = f"peak memory, {many:,} items against {few:,} ({source}; {high:.0f} MB)"
        rows.append(at_most(6, what, [high - low], 5, "MB", 1))
    return rows


def imports(_: Sizes, __: Path) -> list[Row]:
    """Goal 7: what importing costs."""
    statements = (
        "import judgekit",
        "import litellm",
        "from judgekit.judges import litellm as j; j._import()",
    )
    ours, plain, first = (overhead.import_cost(each)[0] for each in statements)
    return [
        at_most(7, "`import judgekit` beside `import litellm`", [ours / plain], 0.05, "x", 4),
        at_most(7, "first use of litellm beside a plain import", [first / plain], 0.75, "x"),
    ]


def ledger(sizes: Sizes, folder: Path) -> list[Row]:
    """Goal 8: writing beside raw batched SQLite, and what a kill loses."""
    from judgekit.ledger import Ledger
    from judgekit.ledger.columns import SCHEMAS, USER_VERSION, WRITE, row_of
    from judgekit.types import Reply

    items = folder / "items.jsonl"
    overhead.write_items(items, sizes.calls)
    calls = list(prompts(items, "http://a/v1"))
    reply, identity = (
        Reply(overhead.REPLY, model="m", input_tokens=700, output_tokens=8, seconds=0.1),
        {"a": 1},
    )
    rows = [row_of(call, identity, reply, edition=0, prompts=True) for call in calls]
    ratios, costs = [], []
    for i in range(sizes.pairs):
        before = time.process_time()
        with Ledger(folder / f"ours{i}.sqlite") as own:
            for at in range(0, len(calls), 499):  # the 500th would be written with a timer of an event loop
                for call in calls[at : at + 499]:
                    own._buffer.append(row_of(call, identity, reply, edition=0, prompts=True))  # noqa: SLF001
                own.flush()
        ours = time.process_time() - before
        before = time.process_time()
        with sqlite3.connect(folder / f"raw{i}.sqlite") as raw:
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA synchronous = NORMAL")
            raw.execute(SCHEMAS[USER_VERSION][0])
            for at in range(0, len(rows), 499):
                raw.executemany(WRITE, rows[at : at + 499])
                raw.commit()
        ratios.append(ours / (time.process_time() - before))
        costs.append(ours / len(calls) * 1e6)
    what = f"a reply into the ledger ({median(costs):.0f} us, made into its row) beside raw batched SQLite"
    killed = subprocess.run(
        [sys.executable, str(HERE.with_name("kill.py")), "--seeds", "3"],
        capture_output=True,
        text=True,
        check=False,
    )
    twice = [int(line.split()[4]) for line in killed.stdout.splitlines() if line.strip()[:1].isdigit() and
             len(line.split()) == 6]  # fmt: skip
    return [
        at_most(8, what, ratios, 1.3, "x"),
        Row(8, "killed at three moments: calls of 2,000 paid twice", f"{twice}", "one batch and what was in flight",
            killed.returncode == 0),
    ]  # fmt: skip


def agreement(sizes: Sizes, _: Path) -> list[Row]:
    """Goal 9: agreement statistics beside the usual packages."""
    import speed_agreement as own

    rows = []
    for make in (own.alpha_job, own.icc_job, own.fleiss_job, own.tau_job):
        try:
            name, goal, ours, theirs = make(sizes.scale)
        except ImportError as error:
            rows.append(missing(9, make.__name__.removesuffix("_job"), "5 to 20 times", str(error.name)))
            continue
        ours(), theirs()
        ratios = [1 / (own.seconds(ours)[0] / own.seconds(theirs)[0]) for _ in range(sizes.pairs)]
        rows.append(at_least(9, name, ratios, goal, "times as fast"))
    said = own.resampled(sizes.scale, sizes.pairs)
    slowest = max(float(each) for each in re.findall(r"(\d+\.\d+) s", said.partition("(goal")[0]))
    rows.append(
        at_most(9, "kappa of a million items with 10,000 resamples, slowest kind", [slowest], 0.1, "s", 3)
    )
    return rows


def cpu(job: Callable[[], Any], times: int) -> list[float]:
    """CPU seconds of some runs, after one that is not counted."""
    job()
    found = []
    for _ in range(times):
        before = time.process_time()
        job()
        found.append(time.process_time() - before)
    return found


def standings(sizes: Sizes, _: Path) -> list[Row]:
    """Goal 10: Bradley-Terry from codes, from names, and bootstrapped."""
    import numpy as np

    from judgekit.standing.bradley_terry import Comparisons, bradley_terry

    n, systems = int(10_000_000 * sizes.scale), 20
    rng = np.random.default_rng(0)
    one = rng.integers(0, systems - 1, n)
    other = one + 1 + rng.integers(0, systems - 1 - one)
    won = rng.random(n) < 1 / (1 + np.exp((other - one) / -10))
    said = np.stack([won, np.zeros(n, bool), ~won], axis=1).astype(float)
    names = tuple(f"s{i:02}" for i in range(systems))
    items = np.arange(n) % 1000
    codes = Comparisons(systems=names, items=tuple(map(str, range(1000))), one=one, other=other, said=said,
                        shown=np.zeros(n, int), item=items, n_dropped=0)  # fmt: skip
    plain = cpu(lambda: bradley_terry(codes, b=0), 3)
    drawn = cpu(lambda: bradley_terry(codes, b=1000), 3)
    return [
        at_most(10, f"Bradley-Terry of {n:,} comparisons as codes", plain, 0.2, "s"),
        at_most(10, "the same with 1,000 resamples of items", drawn, 0.7, "s"),
    ]


def latent(sizes: Sizes, _: Path) -> list[Row]:
    """Goal 11: Dawid-Skene beside crowd-kit, 2PL beside girth, at equal accuracy."""
    import numpy as np
    import pandas as pd
    import panel_speed

    from judgekit.aggregate.latent import fit
    from judgekit.standing.random_items import random_items

    rows = []
    x = panel_speed.votes(int(20_000 * sizes.scale))
    try:
        their = import_module("crowdkit.aggregation").DawidSkene(n_iter=20)
    except ImportError as error:
        rows.append(missing(11, "Dawid-Skene, 20,000 x 5", "30 times", str(error.name)))
    else:
        unit, rater, label = np.nonzero(x)
        frame = pd.DataFrame({"task": unit, "worker": rater, "label": label})
        ballots = panel_speed.ballots(x)
        ours, theirs = cpu(lambda: fit(ballots, starts=1), 3), cpu(lambda: their.fit_predict(frame), 1)
        ratios = [theirs[0] / each for each in ours]
        rows.append(
            at_least(
                11,
                f"Dawid-Skene, {len(x):,} x 5, beside crowd-kit (20 steps at most)",
                ratios,
                30,
                "times as fast",
            )
        )
    rng = np.random.default_rng(0)
    eta = np.outer(rng.normal(0, 1, 1000), np.exp(rng.normal(0, 0.3, 50))) + rng.normal(0, 1.2, 50)
    right = (rng.random(eta.shape) < 1 / (1 + np.exp(-eta))).astype(int)
    try:
        girth = import_module("girth")
    except ImportError as error:
        return [*rows, missing(11, "2PL, 1,000 x 50", "20 times", str(error.name))]
    ours, theirs = cpu(lambda: random_items(right.astype(float)), 3), cpu(lambda: girth.twopl_mml(right.T), 1)
    ratios = [theirs[0] / each for each in ours]
    return [
        *rows,
        at_least(11, "2PL, 1,000 x 50, errors of ours included, beside girth", ratios, 20, "times as fast"),
    ]


def small_things(_: Sizes, folder: Path) -> list[Row]:
    """Goal 12: rendering, reading, repair; the least of many short runs, which others disturb least."""
    from judgekit.fences import fences_of
    from judgekit.protocols import read
    from judgekit.types import Item, Reply

    items = folder / "one.jsonl"
    overhead.write_items(items, 1)
    [call] = prompts(items, "http://a/v1")
    item, sheet, view = call.item, call.sheet, (call.asks[0].unit, call.shown)
    assert isinstance(item, Item)
    fences = fences_of(item)
    good, fenced = Reply(overhead.REPLY), Reply(f"```json\n{overhead.REPLY}\n```")
    broken = Reply(overhead.REPLY.replace('"label": "yes"', '"label": "yes",'))
    assert read(call, broken)[0].label == "yes"
    jobs: tuple[tuple[str, float, Callable[[], Any]], ...] = (
        ("rendering a prompt of 3 KB, its texts fenced", 6, lambda: sheet.ask(item, view, fences=fences)),
        ("fencing those texts (two SHA-256)", 6, lambda: fences_of(item).show(call.shown)),
        ("reading a reply, its quotation looked up", 6, lambda: read(call, good)),
        ("reading one in a code fence", 20, lambda: read(call, fenced)),
        ("reading one with a comma too many", 20, lambda: read(call, broken)),
    )
    rows = []
    for what, most, job in jobs:
        least = min(timeit.repeat(job, number=200, repeat=60)) / 200 * 1e6
        rows.append(at_most(12, what, [least], most, "us", 1))
    return rows


GOALS: dict[int, tuple[Callable[[Sizes, Path], list[Row]], ...]] = {
    1: (pipeline,), 2: (through_litellm,), 3: (peers,), 4: (walls,), 5: (under_faults,), 6: (memory_grows,),
    7: (imports,), 8: (ledger,), 9: (agreement,), 10: (standings,), 11: (latent,), 12: (small_things,),
}  # fmt: skip


def written(rows: list[Row], head: str) -> None:
    """Keep rows, and put the table into the README, in the place of the last one."""
    old = (
        [Row(**json.loads(line)) for line in KEPT.read_text(encoding="utf-8").splitlines()]
        if KEPT.exists()
        else []
    )
    new = {row.by for row in rows}
    rows = sorted([*rows, *(row for row in old if row.by not in new)], key=lambda row: row.goal)
    KEPT.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    lines = [BEGIN, head, "", "| goal | what | measured | wanted | | when |", "|---|---|---|---|---|---|"]
    table = "\n".join([*lines, *(row.line() for row in rows), END])
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    README.write_text(before + table + rest.partition(END)[2], encoding="utf-8")


def about(ceiling_: str) -> str:
    """Versions, machine, date."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    known = [f"judgekit {judgekit.__version__}"]  # of a checkout, whose metadata may be of an older one
    for each in PACKAGES:
        try:
            known.append(f"{each} {metadata.version(each)}")
        except metadata.PackageNotFoundError:
            continue
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} x {model}; "
        f"Python {platform.python_version()}; {', '.join(known)}. Mock server: {ceiling_}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Twelve goals of speed.")
    parser.add_argument("--only", default=",".join(map(str, GOALS)))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run_one(**json.loads(given.run))
        return
    sizes = Sizes(3, 2000, 0.25) if given.quick else Sizes()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        ceiling_ = server_ceiling(sizes, Path(folder))
        print(f"mock server: {ceiling_}", flush=True)
        for goal in map(int, given.only.split(",")):
            for measure in GOALS[goal]:
                for row in measure(sizes, Path(folder)):
                    load = f", load {os.getloadavg()[0]:.0f}{', quick' if given.quick else ''}"
                    rows.append(
                        replace(row, when=f"{datetime.now(UTC):%m-%d %H:%M}{load}", by=measure.__name__)
                    )
                    print(rows[-1].line(), flush=True)
    if given.write:
        written(rows, about(ceiling_))


if __name__ == "__main__":
    main()
