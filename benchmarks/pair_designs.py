"""Who wins at what: six ways to spend the same comparisons on an order of systems, and on its top.

Twenty systems with strengths from N(0, 0.8^2) answer N prompts; who is better is drawn by Bradley and Terry's model,
and all comparisons go into one fit with a prior of 0.1. Of the fit: Spearman's correlation with the true order
(median over the data sets), and the share of data sets whose true best is first. All designs take (M - 1) N
comparisons, but for the two that meet a reference from outside, which take M N.

`knockout`: a drawn bracket for each prompt (`schedules.knockout`). `random`: pairs drawn with replacement.
`balanced`: each pair as often as any (`balanced_pairs`). `d_optimal`: the first prompt balanced, then pairs that tell
most after a fit of all before (`next_pairs`, for each prompt anew). `anchor_median`, `anchor_weak`: all meet one
system of strength 0, or -1.6.

The figures that were measured before, on 100 data sets each, are the bands: three Monte-Carlo errors of both together.

    python benchmarks/pair_designs.py --runs 300 --store
"""

import math
import sys
from collections import defaultdict
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from stored import Found, concluded, options

from judgekit.recipes import schedules
from judgekit.standing import Place, Standing, balanced_pairs, next_pairs
from judgekit.standing.newton import Problem

Floats = npt.NDArray[np.float64]
M, SD, WEAK = 20, 0.8, -1.6
NAMES = tuple(f"s{i:02}" for i in range(M))
AT = {name: i for i, name in enumerate(NAMES)}
ONE, OTHER = np.triu_indices(M, 1)
SIZES = (10, 50, 200)
BEFORE = {
    "knockout": ((0.814, 0.54), (0.943, 0.73), (0.981, 0.79)),
    "random": ((0.805, 0.43), (0.949, 0.69), (0.981, 0.78)),
    "balanced": ((0.844, 0.45), (0.953, 0.72), (0.982, 0.82)),
    "d_optimal": ((0.820, 0.40), (0.956, 0.73), None),
    "anchor_median": ((0.722, 0.29), (0.917, 0.62), (0.971, 0.76)),
    "anchor_weak": ((0.637, 0.17), (0.859, 0.37), (0.954, 0.61)),
}
"""Design -> at 10, 50 and 200 prompts: median correlation, share with the right top."""
RUNS_BEFORE = 100


def won(theta: Floats, i: npt.NDArray[np.intp], j: npt.NDArray[np.intp], rng) -> npt.NDArray[np.bool_]:
    """Who wins of each pair."""
    return rng.random(len(i)) < 1.0 / (1.0 + np.exp(theta[j] - theta[i]))


class Fit:
    """Comparisons so far, and the fit of all of them."""

    def __init__(self, n: int = M) -> None:
        self.one, self.other = np.triu_indices(n, 1)
        self.counts, self.last = np.zeros((len(self.one), 3)), np.zeros(n)
        self.place = np.zeros((n, n), dtype=np.intp)
        self.place[self.one, self.other] = np.arange(len(self.one))
        self.problem = Problem(
            n_systems=n, one=self.one, other=self.other, shown=np.zeros(len(self.one)), order=False,
            davidson=False, prior=0.1,
        )  # fmt: skip

    def add(self, i, j, first_won) -> None:
        """Count comparisons."""
        side = np.where((i < j) == first_won, 0, 2)
        np.add.at(self.counts, (self.place[np.minimum(i, j), np.maximum(i, j)], side), 1.0)

    def top(self) -> tuple[Floats, Floats]:
        """Strengths and their covariance."""
        found = self.problem.top(self.counts, self.last)  # from where it was: a step or two
        assert found is not None
        self.last = found[0]
        return found

    def standing(self) -> Standing:
        """The fit as a standing, in the order of the systems."""
        x, covariance = self.top()
        places = tuple(Place(system=name, strength=s, n=1, won=0.5) for name, s in zip(NAMES, x, strict=True))
        return Standing(
            places=places, method="", interval="wald", level=0.95, n_items=1, n_comparisons=1, n_dropped=0,
            order_effect=None, ties=None, seed=0, status="ok", notes=(), covariance=covariance,
            draws=np.empty((0, M)),
        )  # fmt: skip


def of_pairs(pairs) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Names of pairs as codes."""
    codes = np.array([(AT[a], AT[b]) for a, b in pairs], dtype=np.intp).reshape(-1, 2)
    return codes[:, 0], codes[:, 1]


def knockout(theta: Floats, n: int, rng) -> Floats:
    """A bracket for each prompt."""
    fit, met = Fit(), []
    for seed in rng.integers(2**32, size=n):
        schedule = schedules.knockout(NAMES, seed=int(seed))
        pairs = next(schedule)
        try:
            while True:
                i, j = of_pairs(pairs)
                first = won(theta, i, j, rng)
                met.append((i, j, first))
                pairs = schedule.send(first.astype(float).tolist())
        except StopIteration:
            pass
    fit.add(*(np.concatenate(each) for each in zip(*met, strict=True)))
    return fit.top()[0]


def random(theta: Floats, n: int, rng) -> Floats:
    """Pairs drawn with replacement."""
    fit, at = Fit(), rng.integers(len(ONE), size=(M - 1) * n)
    i, j = ONE[at], OTHER[at]
    fit.add(i, j, won(theta, i, j, rng))
    return fit.top()[0]


@cache
def drawn(n: int, seed: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """One balanced choice of pairs."""
    chosen = balanced_pairs({str(k): NAMES for k in range(n)}, seed=seed)
    return of_pairs([pair for own in chosen.values() for pair in own])


def balanced(theta: Floats, n: int, rng) -> Floats:
    """Each pair as often as any; one of ten choices, whose systems are renamed by lot."""
    fit, names = Fit(), rng.permutation(M)
    i, j = (names[each] for each in drawn(n, int(rng.integers(10))))
    fit.add(i, j, won(theta, i, j, rng))
    return fit.top()[0]


def d_optimal(theta: Floats, n: int, rng) -> Floats:
    """The first prompt balanced, then what tells most."""
    fit = Fit()
    for prompt in range(n):
        seed = int(rng.integers(2**32))
        if prompt == 0:
            chosen = balanced_pairs({"0": NAMES}, seed=seed)
        else:
            chosen = next_pairs(fit.standing(), {"0": NAMES}, M - 1, seed=seed)
        i, j = of_pairs(chosen["0"])
        fit.add(i, j, won(theta, i, j, rng))
    return fit.top()[0]


def anchored(theta: Floats, n: int, rng, strength: float) -> Floats:
    """Everybody meets a reference from outside."""
    fit, i = Fit(M + 1), np.tile(np.arange(M), n)
    j = np.full(len(i), M)
    fit.add(i, j, won(np.append(theta, strength), i, j, rng))
    return fit.top()[0][:M]


DESIGNS = {
    "knockout": knockout, "random": random, "balanced": balanced, "d_optimal": d_optimal,
    "anchor_median": lambda theta, n, rng: anchored(theta, n, rng, 0.0),
    "anchor_weak": lambda theta, n, rng: anchored(theta, n, rng, WEAK),
}  # fmt: skip


def rows(design: str, at: int, runs: int, seed: int) -> list[Found]:
    """One design at one number of prompts; the data sets are those of every other design."""
    n, order, top = SIZES[at], np.empty(runs), np.empty(runs)
    for run in range(runs):
        theta = np.random.default_rng([seed, run]).normal(0.0, SD, M)
        x = DESIGNS[design](theta, n, np.random.default_rng([seed, run, n, list(DESIGNS).index(design)]))
        order[run] = np.corrcoef(rankdata(np.round(x, 9)), rankdata(theta))[0, 1]
        top[run] = np.argmax(x) == np.argmax(theta)
    # The median's error by the spread of medians of resamples; a share's by the binomial.
    resampled = np.random.default_rng(0).integers(runs, size=(400, runs))
    of_median = float(np.median(order[resampled], axis=1).std())
    p = min(max(top.mean(), 1 / (runs + 2)), 1 - 1 / (runs + 2))
    of_top = math.sqrt(p * (1 - p) / runs)
    before, calls = BEFORE[design][at], (M if design.startswith("anchor") else M - 1) * n
    found = []
    for k, (what, value, error) in enumerate(
        (("median Spearman", float(np.median(order)), of_median), ("top right", float(top.mean()), of_top))
    ):
        band = None
        if before is not None:
            share = math.sqrt(before[k] * (1 - before[k]) / RUNS_BEFORE)
            theirs = share if k else error * math.sqrt(runs / RUNS_BEFORE)
            slack = 3 * math.hypot(error, theirs) + 5 * 10.0 ** -(4 - k)  # and its rounding
            band = (before[k] - slack, before[k] + slack)
        found.append(Found(f"{design}, {n} prompts, {calls} comparisons", what, value, error, runs, band))
    return found


def main() -> int:
    """Print the table."""
    parser = options(__doc__, runs=300)
    parser.add_argument("--only", nargs="*", default=list(DESIGNS), choices=list(DESIGNS))
    given = parser.parse_args()
    found, table = [], defaultdict(list)
    for design in given.only:
        for at in range(len(SIZES)):
            if BEFORE[design][at] is None:
                table[design].append("-")
                continue
            own = rows(design, at, given.runs, given.seed)
            found += own
            cell = " | ".join(f"{each.estimate:.3f} ± {each.error:.3f}" for each in own)
            table[design].append(cell)
            print(f"{own[0].row:44} {cell}", flush=True)
    print("\n| design | " + " | ".join(f"{n} prompts: order, top" for n in SIZES) + " |\n|---|---|---|---|")
    for design, cells in table.items():
        print(f"| {design} | " + " | ".join(cell.replace(" | ", ", ") for cell in cells) + " |")
    return concluded("pair_designs", found, given)


if __name__ == "__main__":
    sys.exit(main())
