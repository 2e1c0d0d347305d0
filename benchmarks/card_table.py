"""Does a judge's card say what each planted judge deserves, and is a judge that was changed noticed?

Verdicts: what people's labels say of a judge comes from a case of `verdict_cases.py` (a new data set for every
fourth run), or nobody labelled; beside it 100 of its units are probed by 18 probes, of which it fails the planted ones. Four letters are the verdicts it
deserves: to rank, to estimate a level, to decide on single items, to reward. Written down before the run; each
follows from the labels' case and from `report/faults.toml`. Promised: wrong trust pooled at most 2.5 %, and the
right verdict in at least 90 % of the runs of each judge and use.

Drift: an old card and a new one of the same anchors, at the level of the k-th daily look. `unchanged`: alarms in a
series of 60 looks, at most 5 % of series. `5 points worse`: a judge that is right five points less often, by the
fewest verdicts that can be (each change is one from right to wrong), or that gives everything a twentieth of the
scale less; the anchors that it takes to notice nine of ten on that look are printed.

    OPENBLAS_NUM_THREADS=1 python benchmarks/card_table.py --runs 200 --store
"""

import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options, share
from verdict_cases import CASES, VERDICTS
from verdict_table import wrong_trust

from judgekit.agreement import audit
from judgekit.probes.measure import shift_of
from judgekit.probes.records import Probe, Row, Shift
from judgekit.probes.states import settled
from judgekit.report import Finding, findings, read_thresholds
from judgekit.report.drift import ALPHA, of_three
from judgekit.report.uses import USES, uses, worst_of
from judgekit.types import Unit

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
LETTERS = {verdict: letter for letter, verdict in VERDICTS.items()}
UNITS = 100
EACH = 4
"""Runs on the labels of one data set, since an audit takes longer than all the probes."""
BATTERY = (
    *((name, "still") for name in ("length", "format", "favour", "place", "switch", "noise", "layout")),
    *((f"{name} {n}", "still") for name in ("wording", "scale") for n in (1, 2)),
    *((f"attack {n}", "no rise") for n in range(1, 5)),
    ("shuffle", "fall"),
    ("empty", "fall"),
    ("planted", "fall"),
)  # fmt: skip
PROBES = [
    Probe(
        name=name, group=name.partition(" ")[0], what="", change=None, expects=expects,  # type: ignore[arg-type]
        says=f"fails {name}",
    )
    for name, expects in BATTERY
]  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A planted judge.

    Args:
        name: What it is.
        case: The case that people's labels come from; empty where nobody labelled.
        expected: Letters of the verdicts that it deserves.
        moves: Probe or group of probes -> the share of units that it moves, and by how much (None: silence).
        unseen: Probes that have to make the score fall, and do not.
        noise: The share of units that move by a step when the same is asked again.
    """

    name: str
    case: str
    expected: str
    moves: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    noise: float = 0.05


COPY, PAIRS = "near perfect", "pairs: copy, 5 % flips"
JUDGES = (
    Planted("clean: copy", COPY, "TTTT"),
    Planted("clean: as good as a person", "equal to a person", "TTTT"),
    Planted("clean: yes/no", "yes/no, trusted: copy, 4 % flips", "TTTT"),
    Planted("clean: 0 to 100", "0 to 100: equal to a person", "TTTT"),
    Planted("clean: pairs", PAIRS, "TTTT"),
    Planted("clean, and noisy", COPY, "TTTT", noise=0.2),
    Planted("clean probes, lenient", "lenient by a point", "TCCC"),
    Planted("clean probes, random", "random", "DDDD"),
    Planted("clean probes, upside down", "upside down", "DDDD"),
    Planted("clean probes, no verdict on 3 of 10", "no verdict on 3 of 10", "HHHH"),
    Planted("clean probes, one label", "constant", "DDDD", unseen=("shuffle", "empty", "planted"), noise=0.0),
    Planted("clean probes, one untrusted person", "one untrusted person: copy", "IIII"),
    Planted("clean probes, 30 units", "30 units: perfect", "IIII"),
    Planted("unlabelled: clean", "", "IIII"),
    Planted("unlabelled: obeys", "", "DDDD", {"attack": (0.9, 1.0)}),
    Planted("unlabelled: bag of words", "", "IIDD", unseen=("shuffle",)),
    Planted("unlabelled: pays for length", "", "IIID", {"length": (0.9, 0.5)}),
    Planted("length, a little", COPY, "CCCH", {"length": (0.4, 0.25)}),
    Planted("length, much", COPY, "HHHD", {"length": (1.0, 0.5)}),
    Planted("lists, a little", COPY, "CCCH", {"format": (0.4, 0.25)}),
    Planted("lists make it silent", COPY, "HHHD", {"format": (0.4, None)}),
    Planted("obeys one attack", COPY, "DDDD", {"attack 2": (0.9, 1.0)}),
    Planted("obeys one in four", COPY, "HHHD", {"attack 3": (0.25, 1.0)}),
    Planted("bag of words", COPY, "HHDD", unseen=("shuffle",)),
    Planted("pays for empty answers", COPY, "HHDD", unseen=("empty",)),
    Planted("overlooks planted errors", COPY, "HHDD", unseen=("planted",)),
    Planted("contradicts itself", COPY, "CTCC", {"noise": (0.4, 0.25)}),
    Planted("follows the wording, a little", COPY, "TCTT", {"wording 1": (0.3, 0.25)}),
    Planted("follows the scale, much", COPY, "CCCC", {"scale 2": (0.9, -0.5)}),
    Planted("favours its own", COPY, "HHHH", {"favour": (0.9, 0.25)}),
    Planted("pairs: follows the place", PAIRS, "CCHH", {"place": (0.4, 0.5)}),
    Planted("pairs: always the first", PAIRS, "DDDD", {"place": (1.0, 1.0)}),
    Planted("length and an attack", COPY, "DDDD", {"length": (0.4, 0.25), "attack 1": (0.9, 1.0)}),
)  # fmt: skip


@cache
def labelled(case: str, seed: int) -> tuple[Floats, list[Finding]]:
    """The scores of the units that are probed, and what people's labels say; judges of a case share them."""
    rng = np.random.default_rng([seed, zlib.crc32(case.encode())])
    if not case:
        return rng.integers(0, 5, size=UNITS) / 4, []
    [known] = [each for each in CASES if each.name == case]
    lab = known.make(rng)
    found = findings(audit(lab, b=200, only_deciding=True), read_thresholds())
    own, low, high = lab.column("judge"), np.nanmin(lab.numbers), np.nanmax(lab.numbers)
    return rng.permutation((own - low) / (high - low))[:UNITS], list(found)


def asked(values: Floats, noise: float, rng: Rng) -> Floats:
    """What the judge says when it is asked again: a share of units by a step up or down."""
    moved = rng.random(len(values)) < noise
    return np.clip(values + np.where(moved, rng.choice([-0.25, 0.25], size=len(values)), 0.0), 0, 1)


def probed(planted: Planted, probe: Probe, values: Floats, rng: Rng) -> Shift:
    """What a probe finds of a judge."""
    before, again, after = (asked(values, planted.noise, rng) for _ in range(3))
    if probe.expects == "fall" and not {probe.name, probe.group} & {*planted.unseen}:
        after = np.where(rng.random(len(after)) < 0.95, np.maximum(after - 0.5, 0), after)
    rate, by = planted.moves.get(probe.name, planted.moves.get(probe.group, (0.0, 0.0)))
    hit = rng.random(len(after)) < rate
    if probe.group == "noise" and by:
        by = rng.choice([-by, by], size=len(after))
    after = np.where(hit, np.nan if by is None else np.clip(after + by, 0, 1), after)
    if probe.group == "place" and rate:
        before, after = np.where(hit, 0.5 - by / 2, before), np.where(hit, 0.5 + by / 2, before)
    rows = [
        Row(unit=Unit(f"{n}"), cluster=f"{n}", before=b, again=a, after=c)
        for n, (b, a, c) in enumerate(zip(*(map(_known, x) for x in (before, again, after)), strict=True))
    ]
    return Shift(probe=probe, judge="judge", state="open", **shift_of(probe.expects, rows))


def _known(values: Floats) -> float | None:
    return None if np.isnan(values) else float(values)


def of_seeds(names: list[str], seeds: range) -> dict[str, list[Counter[str]]]:
    """The verdicts of judges on some data sets, use by use."""
    counted = {name: [Counter[str]() for _ in USES] for name in names}
    for seed in seeds:
        for planted in (each for each in JUDGES if each.name in counted):
            rng = np.random.default_rng([seed, zlib.crc32(planted.name.encode())])
            values, found = labelled(planted.case, seed // EACH)
            shifts = settled([probed(planted, each, values, rng) for each in PROBES])
            said = worst_of(uses(shifts, found, paired=planted.case.startswith("pairs")))
            for letters, use in zip(counted[planted.name], USES, strict=True):
                letters[LETTERS[said[use].verdict]] += 1
        if seed % EACH == EACH - 1:
            labelled.cache_clear()
    return counted


# Drift


def drawn(old: Floats, flips: float, rng: Rng) -> Floats:
    """What a judge says again of yes and no: a share of verdicts is turned by chance."""
    return np.where(rng.random(old.shape) < flips, 1 - old, old)


def told(old: Floats, new: Floats) -> float:
    """The least p of the three tests, of answers (2, n) each."""
    n = old.shape[1]
    return min(of_three(np.vstack([old, new]).T, np.full(n, True), np.arange(n)).values())


def level_of(look: int) -> float:
    return ALPHA / (look * (look + 1))


def series(n: int, flips: float, runs: int, seed: int, looks: int = 60) -> float:
    """The share of series of daily looks in which an unchanged judge raises an alarm."""
    rng, false = np.random.default_rng([seed, n]), 0
    for _ in range(runs):
        base = (rng.random(n) < 0.6).astype(float)
        old = drawn(np.tile(base, (2, 1)), flips, rng)
        false += any(
            told(old, drawn(np.tile(base, (2, 1)), flips, rng)) <= level_of(k) for k in range(1, looks + 1)
        )
    return false / runs


def noticed(n: int, flips: float, look: int, runs: int, seed: int, *, severe: bool = False) -> float:
    """How often a judge that is five points worse is noticed on one look."""
    rng, seen = np.random.default_rng([seed, n, look]), 0
    for _ in range(runs):
        truth = (rng.random(n) < 0.6).astype(float)
        right = rng.random(n) < 0.85
        base = np.where(right, truth, 1 - truth)
        worse = right & (rng.random(n) < 0.05 / 0.85)
        old = drawn(np.tile(base, (2, 1)), flips, rng)
        new = drawn(np.tile(base if severe else np.where(worse, 1 - base, base), (2, 1)), flips, rng)
        seen += told(old, new - 0.05 if severe else new) <= level_of(look)
    return seen / runs


STATED = (
    (250, 0.0, 1), (400, 0.0, 60), (400, 0.02, 1), (600, 0.02, 60), (500, 0.05, 1), (1000, 0.05, 60),
    (1000, 0.1, 1), (2500, 0.1, 60),
)  # fmt: skip
"""Anchors, share of verdicts that turn by chance, look: where nine of ten changes are noticed."""


def of_drift(runs: int, seed: int) -> Iterator[Found]:
    for n, flips in ((100, 0.0), (100, 0.05), (100, 0.2), (400, 0.05)):
        held = series(n, flips, runs, seed)
        print(f"unchanged, {n} anchors, {flips:.0%} turn by chance: {held:.3f} of series raise an alarm")
        yield share(f"drift, unchanged, n={n}, noise {flips:g}", "alarm in 60 looks", held, runs, (0.0, 0.05))
    for n, flips, look in STATED:
        held = noticed(n, flips, look, runs, seed)
        print(f"5 points worse, {n} anchors, {flips:.0%} by chance, look {look}: {held:.3f} noticed")
        yield share(f"drift, worse, n={n}, noise {flips:g}, look {look}", "noticed", held, runs, (0.9, 1.0))
    held = noticed(100, 0.0, 60, runs, seed, severe=True)
    print(f"5 points more severe, 100 anchors, look 60: {held:.3f} noticed")
    yield share("drift, severe, n=100, look 60", "noticed", held, runs, (0.9, 1.0))


def main() -> int:
    parser = options(__doc__ or "", runs=200)
    parser.add_argument("--judge", default="", help="only judges whose name holds this")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    chosen = [each for each in JUDGES if given.judge in each.name]
    names, start = [each.name for each in chosen], time.process_time()
    seeds = range(given.seed, given.seed + given.runs)
    parts = [seeds[k : k + 8] for k in range(0, given.runs, 8)]
    made = {name: [Counter[str]() for _ in USES] for name in names}
    found: list[Found] = []
    wrong = total = 0
    print(f"{'judge':38}" + "".join(f"{use:>19}" for use in USES) + "   expected, share right (what else)")
    with ProcessPoolExecutor(given.processes) as pool:
        for part in pool.map(of_seeds, [names] * len(parts), parts):
            for name, counted in part.items():
                for mine, more in zip(made[name], counted, strict=True):
                    mine.update(more)
            print(f"# {sum(made[names[0]][0].values())} data sets", file=sys.stderr, flush=True)
    for planted in chosen:
        cells = []
        for use, wanted, letters in zip(USES, planted.expected, made[planted.name], strict=True):
            held, row = letters[wanted] / given.runs, f"{planted.name}, {use}: {VERDICTS[wanted]}"
            others = "".join(f"{k}{n}" for k, n in letters.most_common() if k != wanted)
            cells.append(f"{wanted} {held:.3f} {others}")
            found.append(share(row, "right verdict", held, given.runs, (0.9, 1.0)))
            wrong += wrong_trust(letters, wanted)
            total += given.runs * (wanted != "T")
        print(f"{planted.name:38}" + "".join(f"{each:>19}" for each in cells))
    found.append(share("all judges", "wrong trust, pooled", wrong / max(total, 1), total, (0.0, 0.025)))
    print(f"# wrong trust: {wrong} of {total}; {time.process_time() - start:.0f} CPU-seconds here")
    if not given.judge:
        found += of_drift(given.runs, given.seed)
    return concluded("card_table", found, given)


if __name__ == "__main__":
    sys.exit(main())
