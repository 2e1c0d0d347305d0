"""Are planted faults of judges caught by the battery, and is a clean judge left alone?

    python benchmarks/probe_table.py --runs 200 --store

Each row is a judge with one planted fault (`judgekit.probes.selftest`), probed with the whole battery on `--n`
items, whose sentences, scores and noise are drawn anew in each run. `caught`: the share of runs in which a probe
that has to catch it shows a fault. `false`: of the faults shown, the share by probes that this judge without noise
is not moved by, a run without any counting 0 (the false discovery rate). For the clean judge, `any`: the share of
runs with a fault at all. Judges are asked by the path of every judge but for prompts and readers, which a test
holds to give the same.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import fmean, pstdev

from stored import Found, concluded, options, share

from judgekit.probes.probe import ProbeJob
from judgekit.probes.records import Shift
from judgekit.probes.selftest import FAULTS, ITEMS, Planted, items, prepared, walked

LEAST = 1e-3
"""A shift without noise below it is none."""


def probed(planted: Planted, seed: int, n: int, *, noise: float | None = None) -> Sequence[Shift]:
    """Return what the battery finds of a planted judge."""
    own = items(seed, n)
    judge = planted.judge(own, seed) if noise is None else planted.judge(own, seed, noise=noise)
    made: ProbeJob = prepared(planted, own, seed)
    return made.shifts(walked(made, judge), judge.name)


def moved(planted: Planted, n: int) -> set[str]:
    """Return the probes that a judge is truly moved by: those that move it without noise, and of pairs noise.

    Of pairs near a draw a little noise of scores turns verdicts, which is what `repeat` looks at.
    """
    found = {"repeat"} if planted.paired else set()
    for seed in range(3):
        for each in probed(planted, seed + 10_000, n, noise=0.0):
            still = each.probe.expects != "fall"
            if (abs(each.shift.value) > LEAST and still) or (
                each.moved.value > 0 and each.probe.expects == "still"
            ):
                found.add(each.probe.name)
            if each.probe.expects == "fall" and each.failed.value > 0.5:
                found.add(each.probe.name)
    return found


def run(name: str, n: int, truly: frozenset[str], seed: int) -> tuple[bool, float, tuple[str, ...]]:
    """Return whether a fault was caught, the share of false ones among those shown, and the false ones."""
    planted = next(each for each in FAULTS if each.name == name)
    shifts = probed(planted, seed, n)
    shown = [each.probe.name for each in shifts if each.state == "fault"]
    false = tuple(name for name in shown if name not in truly)
    return planted.caught(shifts), len(false) / max(len(shown), 1), false


def main() -> int:
    """Print the table; 1 if a figure lies outside its band."""
    parser = options(__doc__ or "", runs=200)
    parser.add_argument("--n", type=int, default=ITEMS, help="items in a run")
    parser.add_argument("--only", default="", help="only this fault")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    found: list[Found] = []
    print(f"{given.n} items, {given.runs} runs a row\n{'judge':16} {'caught':>7} {'false':>7}  what it does")
    with ProcessPoolExecutor(given.workers) as pool:
        for planted in FAULTS:
            if given.only not in {"", planted.name}:
                continue
            truly = frozenset(moved(planted, given.n))
            seeds = range(given.seed, given.seed + given.runs)
            rows = list(pool.map(partial(run, planted.name, given.n, truly), seeds, chunksize=4))
            false = [rate for _, rate, _ in rows]
            error = pstdev(false) / len(false) ** 0.5
            if planted.caught_by:
                caught = fmean(each for each, _, _ in rows)
                found.append(share(planted.name, "caught", caught, given.runs, (0.9, 1.0)))
            else:
                caught = fmean(bool(names) for _, _, names in rows)
                found.append(share(planted.name, "any", caught, given.runs, (0.0, 0.1)))
            found.append(Found(planted.name, "false", fmean(false), error, given.runs, (0.0, 0.05)))
            print(f"{planted.name:16} {caught:7.3f} {fmean(false):7.4f}  {planted.what}", flush=True)
            names = [name for _, _, each in rows for name in each]
            if names:
                print(f"{'':16} false: {', '.join(f'{n} x {names.count(n)}' for n in sorted(set(names)))}")
    return concluded("probe_table", found, given)


if __name__ == "__main__":
    sys.exit(main())
