"""Is the one-page verdict right? Judges with planted faults, many seeds, and what was said of each.

    python benchmarks/verdicts.py --runs 50

Three annotators rate 60 items of five systems on a five-point scale: a shared quality, and noise of their
own. A judge is equal to them; lenient (a point more, four times out of five); constant; noisy; or gives
points for length alone, which goes with quality a little. What is right:

- equal: TRUST to decide on single items, to estimate a level and to rank.
- lenient: TRUST WITH CORRECTION to estimate a level; to decide, never TRUST as it is, nor DO NOT USE.
- constant: DO NOT USE for everything.
- noisy: HUMAN IN THE LOOP (or DO NOT USE) to decide on single items.
- length: DO NOT USE to decide and to estimate a level; to rank, never TRUST, with a correction or without.
- 20 items of any of them: INSUFFICIENT EVIDENCE for everything.

Prints the share of runs in which all of a case's verdicts are right, and exits 1 below 90 %.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from judgekit.agreement import audit
from judgekit.agreement.auditing.data import Labelled, of_frame
from judgekit.report import findings, read_thresholds

CUTS = np.array([-1.6, -0.5, 0.5, 1.6])
SYSTEMS, PEOPLE = 5, 3
TRUSTED = {"TRUST", "TRUST WITH CORRECTION"}
Verdicts = Mapping[str, str]


def planted(kind: str, seed: int, n_items: int = 60) -> Labelled:
    """Ratings by three people and a judge with one known fault."""
    rng = np.random.default_rng(seed)
    n = n_items * SYSTEMS
    quality = np.tile(np.linspace(-0.9, 0.9, SYSTEMS), n_items)
    latent = quality + np.repeat(rng.normal(size=n_items), SYSTEMS) * 0.8 + rng.normal(size=n) * 0.8
    length = np.exp(5 + rng.normal(size=n) * 0.6 + 0.15 * latent)

    def rated(noise: float) -> np.ndarray:
        return np.digitize(latent + rng.normal(size=n) * noise, CUTS) + 1

    people = [rated(0.45) for _ in range(PEOPLE)]
    by_length = np.digitize(length, np.quantile(length, [0.1, 0.3, 0.7, 0.9])) + 1
    judge = {
        "equal": lambda: rated(0.45),
        "lenient": lambda: np.minimum(rated(0.45) + (rng.random(n) < 0.8), 5),
        "constant": lambda: np.full(n, 4),
        "noisy": lambda: rated(1.3),
        "length": lambda: by_length,
    }[kind]()
    return of_frame(
        np.column_stack([judge, *people]), scale=[1, 2, 3, 4, 5], judges=["judge"],
        raters=["judge", *(f"person {k + 1}" for k in range(PEOPLE))],
        items=[f"item {i // SYSTEMS}" for i in range(n)], systems=[f"system {i % SYSTEMS}" for i in range(n)],
        lengths=length.tolist(),
    )  # fmt: skip


RIGHT: Mapping[str, Callable[[Verdicts], bool]] = {
    "equal": lambda v: set(v.values()) == {"TRUST"},
    "lenient": lambda v: (
        v["level"] == "TRUST WITH CORRECTION" and v["gate"] in {"TRUST WITH CORRECTION", "HUMAN IN THE LOOP"}
    ),
    "constant": lambda v: set(v.values()) == {"DO NOT USE"},
    "noisy": lambda v: v["gate"] in {"HUMAN IN THE LOOP", "DO NOT USE"},
    "length": lambda v: v["gate"] == v["level"] == "DO NOT USE" and v["rank"] not in TRUSTED,
}


def verdicts(kind: str, seed: int, *, n_items: int = 60, b: int = 200) -> dict[str, str]:
    """Purpose -> verdict."""
    made = audit(planted(kind, seed, n_items), b=b, seed=seed)
    return {f.purpose: f.verdict for f in findings(made, read_thresholds())}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    runs = parser.parse_args().runs
    worst = 1.0
    for kind, right in RIGHT.items():
        start = time.perf_counter()
        said = [verdicts(kind, seed) for seed in range(runs)]
        share = sum(map(right, said)) / runs
        few = [verdicts(kind, seed, n_items=4) for seed in range(runs)]
        silent = sum(set(v.values()) == {"INSUFFICIENT EVIDENCE"} for v in few) / runs
        worst = min(worst, share, silent)
        seconds = time.perf_counter() - start
        print(f"{kind:9} right in {share:6.1%}; 20 items: insufficient in {silent:6.1%}  ({seconds:.0f} s)")
        for purpose in ("rank", "level", "gate"):
            counts = Counter(v[purpose] for v in said)
            print(f"    {purpose:6}" + ", ".join(f"{verdict} {n}" for verdict, n in counts.most_common()))
    print("all right in 90 % or more" if worst >= 0.9 else "NOT right often enough")
    return 0 if worst >= 0.9 else 1


if __name__ == "__main__":
    raise SystemExit(main())
