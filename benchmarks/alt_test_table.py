"""How often does the alternative annotator test pass a judge, by number of items and by epsilon?

Three annotators and a judge label items of four classes; annotators keep the truth with probability
.7 and else guess. A judge with .7 is exactly as good as they are, one with .4 is much worse. The printed
columns are ours; beside each stands the rate that was simulated independently while the statistics were
specified, with their difference in standard errors of the two simulations together.

    python benchmarks/alt_test_table.py --runs 1000
"""

import argparse
import math
import sys
from datetime import UTC, datetime

from judgekit.agreement.alt_test_power import alt_test_power

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


def row(keep: float, epsilon: float, specified: tuple[float, ...], runs: int, seed: int) -> tuple[str, float]:
    """A line of the table, and the largest distance from the specification in standard errors."""
    cells, worst = [], 0.0
    for n, theirs in zip(ITEMS, specified, strict=True):
        ours = alt_test_power(n, keep_judge=keep, epsilon=epsilon, runs=runs, seed=seed)
        p = (ours * runs + theirs * SPECIFIED_RUNS + 1) / (runs + SPECIFIED_RUNS + 2)
        apart = (ours - theirs) / math.sqrt(p * (1 - p) * (1 / runs + 1 / SPECIFIED_RUNS))
        worst = max(worst, abs(apart))
        error = math.sqrt(ours * (1 - ours) / runs)
        cells.append(f"{ours:6.3f} +-{error:.3f} ({theirs:4.2f}, {apart:+.1f})")
    return f"{keep:5.2f}  {epsilon:4.2f}  " + "  ".join(cells), worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000, help="simulated data sets for each cell")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"# {datetime.now(UTC):%Y-%m-%d}, {options.runs} runs a cell, seed {options.seed}")
    print("# pass rate +- its Monte-Carlo error (specified, difference in standard errors)")
    print("judge    eps  " + "  ".join(f"{f'n = {n}':^27}" for n in ITEMS))
    worst = 0.0
    for keep, table in SPECIFIED.items():
        for epsilon, specified in zip(EPSILONS, table, strict=True):
            line, apart = row(keep, epsilon, specified, options.runs, options.seed)
            worst = max(worst, apart)
            print(line)
    print(f"# largest difference: {worst:.1f} standard errors over {4 * 9} cells (3.5 would be odd)")
    return int(worst > 3.5)


if __name__ == "__main__":
    sys.exit(main())
