"""Does the loop of `judgekit guide people` end in the right verdict? Score, export 60 for labels, import, agree.

Judges are scripted and people simulated, all in this process. Of 240 replies to a yes/no question a fifth are hard.
People know the truth and slip in 3 of 100, a trusted person never. The good judge, asked three times, is always right on easy replies and eight
times in ten on hard ones, so that it errs as often as a person; the bad ones say yes to everything, or draw lots. The
sheet goes out and the answers come back as files, and a person sees no more than the sheet shows.

Right, written down before the code. On labels that chance drew the good judge may estimate a level and rank (with a
correction, since 60 labels do not show a mean error to be small); it may decide on single items where one trusted person
labelled, and alone or with people beside it where two did, since 60 labels need not show that it is as good as they. A
bad judge is for no use. Where a rule picks half of the sheet, a good judge is never condemned and a bad one never trusted.
Where a rule picks all of it nothing is said of either: insufficient evidence.

A judge that draws lots has kappa 0 with an interval of .25 to both sides on 60 labels, and is rejected where that ends
below .4: in 87 of 100 samples, in 95 from 82 labels on. So for it 60 labels promise .8 and 90 promise .95.

    python benchmarks/people_loop.py --runs 200 --store
"""

import csv
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from stored import Found, concluded, options, share

import judgekit as jk
from judgekit.agreement import audit
from judgekit.report import findings, read_thresholds
from judgekit.review import make_sheet, pick, read_answers, write_sheet
from judgekit.rubric import load_rubric
from judgekit.types import Outcome
from judgekit.verbs.joining import join

RUBRIC = load_rubric({"id": "kind", "criteria": [{"id": "kind", "text": "Is the reply kind?"}]})
N, HARD, SLIP = 240, 0.2, 0.03
Verdicts = Mapping[str, str]


@dataclass(frozen=True)
class World:
    """What is true of the replies, by number: shape (N,) each."""

    kind: np.ndarray
    hard: np.ndarray
    long: np.ndarray

    def rows(self) -> list[dict[str, str]]:
        return [
            {
                "item_id": str(i), "task": "Where is my parcel?", "system": f"s{i % 3}",
                "response": f"Reply {i}. " + "At the depot. " * (12 if self.long[i] else 2),
            }
            for i in range(len(self.kind))
        ]  # fmt: skip


def world(rng: np.random.Generator, n: int) -> World:
    return World(rng.random(n) < 0.5, rng.random(n) < HARD, rng.random(n) < 0.5)


def good(w: World, i: int, rng: np.random.Generator) -> bool:
    return bool(w.kind[i]) if not w.hard[i] or rng.random() < 0.8 else not w.kind[i]


JUDGES: Mapping[str, Callable[[World, int, np.random.Generator], bool]] = {
    "good": good,
    "yes to everything": lambda *_: True,
    "lots": lambda _, __, rng: bool(rng.random() < 0.5),
}


@dataclass(frozen=True)
class Loop:
    """How a sheet is made and filled in: the rule, the share that chance draws, who labels how many."""

    name: str
    by: str = "chance"
    even: float | None = None
    people: tuple[str, ...] = ("ann",)
    labels: int = 60
    judges: tuple[str, ...] = tuple(JUDGES)

    @property
    def trusted(self) -> bool:
        return len(self.people) == 1


LOOPS = (
    Loop("60 drawn, two people", people=("ann", "bob")),
    Loop("60 drawn, one trusted person"),
    Loop("90 drawn, one trusted person", labels=90, judges=("lots",)),
    Loop("30 picked by entropy and 30 drawn, one trusted person", by="entropy"),
    Loop("60 picked by entropy, one trusted person", by="entropy", even=0.0),
)
TRUSTED = {"TRUST", "TRUST WITH CORRECTION"}
BESIDE = {"TRUST", "HUMAN IN THE LOOP"}


def is_right(loop: Loop, judge: str, said: Verdicts) -> bool:
    """Whether the verdicts on a judge are those it deserves."""
    if loop.even == 0.0:
        return set(said.values()) == {"INSUFFICIENT EVIDENCE"}
    if loop.by != "chance":
        return (
            {"DO NOT USE"}.isdisjoint(said.values()) if judge == "good" else TRUSTED.isdisjoint(said.values())
        )
    if judge == "good":
        alone = {"TRUST"} if loop.trusted else BESIDE
        return said["gate"] in alone and said["level"] in TRUSTED and said["rank"] in TRUSTED
    return set(said.values()) == {"DO NOT USE"}


def promised(loop: Loop, judge: str) -> tuple[float, float]:
    return (0.8 if judge == "lots" and loop.by == "chance" and loop.labels == 60 else 0.95, 1.0)


def judged(name: str, w: World, seed: int) -> jk.Run:
    says = JUDGES[name]

    def answer(call) -> str:
        i = int(call.item.item_id)
        return json.dumps(
            {"label": "yes" if says(w, i, np.random.default_rng([seed, i, call.sample])) else "no"}
        )

    return jk.score(w.rows(), RUBRIC, jk.Scripted(name, answer), samples=3, ledger=None)


def labelled(table: Path, who: str, w: World, rng: np.random.Generator, slip: float) -> Path:
    """Fill in a sheet as a person would, who sees the texts on it and nothing else."""
    rows = list(csv.DictReader(table.open(newline="", encoding="utf-8")))
    for row in rows:
        i = int(row["texts"].split("Reply ")[1].split(".")[0])
        row["label"] = "yes" if w.kind[i] != (rng.random() < slip) else "no"
        row["annotator"] = who
    filled = table.with_name(f"{who}.csv")
    with filled.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return filled


def walked(loop: Loop, w: World, run: jk.Run, seed: int) -> Verdicts:
    """Purpose -> verdict, after one walk through the loop."""
    rng = np.random.default_rng([seed, len(loop.name)])
    items = list(jk.read_items(w.rows()))
    cases = pick(run.outcomes, by=loop.by, even=loop.even, budget=loop.labels, seed=seed)
    people: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        _, table, key = write_sheet(make_sheet(cases, items, RUBRIC, seed=seed), folder)
        for who in loop.people:
            people += read_answers(labelled(table, who, w, rng, 0.0 if loop.trusted else SLIP), key)
    data, *_ = join(run, people, rubric=RUBRIC, items=items, trusted=loop.trusted)
    made = audit(data, b=50, only_deciding=True)  # all that `agree` looks at for a verdict, not what it shows
    return {each.purpose: each.verdict for each in findings(made, read_thresholds())}


def of_judge(name: str, seeds: range, n: int = N) -> dict[str, list[Verdicts]]:
    """Loop -> the verdicts on one judge, one for each seed; each run is made once for all loops."""
    found: dict[str, list[Verdicts]] = {loop.name: [] for loop in LOOPS if name in loop.judges}
    for seed in seeds:
        w = world(np.random.default_rng([seed, sorted(JUDGES).index(name)]), n)
        run = judged(name, w, seed)
        for loop in LOOPS:
            if name in loop.judges:
                found[loop.name].append(walked(loop, w, run, seed))
    return found


def main() -> int:
    parser = options(__doc__ or "", runs=200)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    found: list[Found] = []
    starts = range(given.seed, given.seed + given.runs, 10)
    tasks = [(name, range(k, min(k + 10, given.seed + given.runs))) for name in JUDGES for k in starts]
    said: dict[tuple[str, str], list[Verdicts]] = {}
    with ProcessPoolExecutor(given.processes) as pool:
        for (name, _), some in zip(tasks, pool.map(of_judge, *zip(*tasks, strict=True)), strict=True):
            for loop_name, verdicts in some.items():
                said.setdefault((loop_name, name), []).extend(verdicts)
    for loop in LOOPS:
        for name in loop.judges:
            own = said[loop.name, name]
            right = sum(is_right(loop, name, each) for each in own) / len(own)
            found.append(
                share(f"{loop.name}: {name}", "right verdict", right, len(own), promised(loop, name))
            )
            print(f"{loop.name}: {name}: right in {right:.1%}")
            for purpose in ("rank", "level", "gate"):
                counts = Counter(verdicts[purpose] for verdicts in own).most_common()
                print(f"    {purpose:6}" + ", ".join(f"{verdict} {n}" for verdict, n in counts), flush=True)
    return concluded("people_loop", found, given)


if __name__ == "__main__":
    sys.exit(main())
