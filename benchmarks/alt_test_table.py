"""How often does the alternative annotator test pass a judge, by number of items and by epsilon?

Three annotators and a judge label items of four classes; annotators keep the truth with probability
.7 and else guess. A judge with .7 is exactly as good as they are, one with .4 is much worse. The printed
columns are ours; beside each stands the rate that was simulated independently while the statistics were
specified, with their difference in standard errors of the two simulations together.

    python benchmarks/alt_test_table.py --runs 1000 --store
"""

import math
import sys
from dataclasses import replace
from datetime import UTC, datetime

from stored import concluded, options, share

from judgekit.agreement.people.alt_test import alt_test_power

ITEMS = (50, 100, 200)
EPSILONS = (0.1, 0.15, 0.2)
SPECIFIED = {
    0.9: ((0.90, 1, 1), (0.98, 1, 1), (1, 1, 1)),
    0.7: ((0.22, 0.34, 0.68), (0.38, 0.74, 0.97), (0.70, 0.97, 1)),
    0.55: ((0.01, 0.01, 0.03), (0.07, 0.10, 0.21), (0.18, 0.45, 0.68)),
    0.4: ((0, 0, 0), (0, 0, 0), (0.02, 0.02, 0.04)),
}
SPECIFIED_RUNS = 100
"""The specification does not say how many; its rates are multiples of .01."""
ODD = 3.5
"""So many standard errors from the specification are odd among 36 cells."""


def row(keep: float, epsilon: float, specified: tuple[float, ...], runs: int, seed: int):
    """A line of the table, and its figures with the bands that the specification leaves."""
    cells, found = [], []
    for n, theirs in zip(ITEMS, specified, strict=True):
        ours = alt_test_power(n, keep_judge=keep, epsilon=epsilon, runs=runs, seed=seed)
        p = (ours * runs + theirs * SPECIFIED_RUNS + 1) / (runs + SPECIFIED_RUNS + 2)
        error = math.sqrt(p * (1 - p) * (1 / runs + 1 / SPECIFIED_RUNS))
        cell = share(f"judge {keep}, epsilon {epsilon}, n {n}", "pass rate", ours, runs)
        band = (max(theirs - ODD * error, 0.0), min(theirs + ODD * error, 1.0))
        found.append(replace(cell, band=band, truth=theirs))
        cells.append(f"{ours:6.3f} +-{cell.error:.3f} ({theirs:4.2f}, {(ours - theirs) / error:+.1f})")
    return f"{keep:5.2f}  {epsilon:4.2f}  " + "  ".join(cells), found


def main() -> int:
    given = options(__doc__, runs=1000).parse_args()
    print(f"# {datetime.now(UTC):%Y-%m-%d}, {given.runs} runs a cell, seed {given.seed}")
    print("# pass rate +- its Monte-Carlo error (specified, difference in standard errors)")
    print("judge    eps  " + "  ".join(f"{f'n = {n}':^27}" for n in ITEMS))
    kept = []
    for keep, table in SPECIFIED.items():
        for epsilon, specified in zip(EPSILONS, table, strict=True):
            line, found = row(keep, epsilon, specified, given.runs, given.seed)
            print(line, flush=True)
            kept += found
    return concluded("alt_test_table", kept, given)


if __name__ == "__main__":
    sys.exit(main())
