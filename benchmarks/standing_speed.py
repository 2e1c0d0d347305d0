"""How long a standing takes: right and wrong, scores, and a million recorded votes from their file.

CPU seconds of this process, which do not depend on what else the machine does, beside those of the clock. Each
answer is checked against what was planted, because timing a wrong one is worth nothing.

    python benchmarks/standing_speed.py --store
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from stored import Found, concluded, options

from judgekit.standing.scores import Categories, Scored, one_parameter, two_way
from judgekit.verbs.stand import stand

N_VOTES = 1_000_000


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work gave, and its seconds by the processor and by the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    made = work()
    return made, time.process_time() - cpu, time.perf_counter() - clock


def right_and_wrong() -> Scored:
    """12 systems on 40,000 items, complete; their abilities fall from 1 to -1."""
    rng = np.random.default_rng(0)
    ability = np.linspace(1, -1, 12)
    p = 1 / (1 + np.exp(-(ability[:, None] + rng.normal(0, 1.2, 40_000))))
    x = (rng.random(p.shape) < p).astype(float)
    system, item = np.nonzero(x >= 0)
    labels = Categories(x[system, item].astype(int), item, system, ["j"] * len(item), 2)
    names = tuple(f"s{i:02}" for i in range(12)), tuple(map(str, range(40_000)))
    return Scored(systems=names[0], items=names[1], values=x, labels=labels)


def votes(folder: Path) -> Path:
    """A file of votes on 60 systems, whose strengths fall from s00 on."""
    rng = np.random.default_rng(1)
    strength = np.linspace(1.5, -1.5, 60)
    one = rng.integers(0, 60, N_VOTES)
    other = (one + rng.integers(1, 60, N_VOTES)) % 60
    wins = rng.random(N_VOTES) < 1 / (1 + np.exp(strength[other] - strength[one]))
    said = np.where(rng.random(N_VOTES) < 0.15, "tie", np.where(wins, "model_a", "model_b"))
    path = folder / "votes.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("question_id,model_a,model_b,winner,judge\n")
        rows = enumerate(zip(one, other, said, strict=True))
        file.writelines(f"q{i},s{a:02},s{b:02},{w},u{i % 977}\n" for i, (a, b, w) in rows)
    return path


def main() -> int:
    """Print a line a task."""
    given = options(__doc__ or "", runs=1).parse_args()
    found = []

    def add(row: str, most: float, made: tuple[Any, float, float], correct: object) -> None:
        if not correct:
            raise SystemExit(f"{row}: the answer is wrong")
        print(
            f"{row:48} {made[1]:6.2f} s of CPU, {made[2]:6.2f} s of the clock (at most {most:g})", flush=True
        )
        found.append(Found(row, "seconds of CPU", made[1], 0.0, 1, (0.0, most)))

    table = right_and_wrong()
    made = timed(lambda: one_parameter(table))
    gap = made[0].difference("s00", "s11")
    add("1pl, 12 x 40,000", 5.0, made, abs(gap.value - 2.0) < 5 * gap.se)
    rng = np.random.default_rng(2)
    scores = (
        np.linspace(0.6, 0.4, 100)[:, None] + rng.normal(0, 0.1, 10_000) + rng.normal(0, 0.1, (100, 10_000))
    )
    made = timed(lambda: two_way(scores))
    add("two-way, 100 x 10,000, with ranks", 1.0, made, made[0].of("0").rank <= 3)
    with tempfile.TemporaryDirectory() as folder:
        path = votes(Path(folder))
        made = timed(lambda: stand(path))
        best = made[0].of("s00")
        add("1,000,000 votes, from CSV to standing", 20.0, made, best.rank == 1 and made[0].status == "ok")
    return concluded("standing_speed", found, given)


if __name__ == "__main__":
    sys.exit(main())
