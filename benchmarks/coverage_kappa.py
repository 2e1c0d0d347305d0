"""How often the intervals of agreement hold what they claim: 95 % of the time.

Samples are drawn from tables with a known kappa; an interval covers if it holds that kappa. Samples in
which kappa is undefined or has no interval are left out and counted; `flagged` is the share whose
status says `unstable:few_minority`, which the report takes as "insufficient evidence". Three tables:
Cohen's kappa of two raters (Fisher's z of the published standard error, and BCa), coefficients of three
raters (t of the linearised standard error, and BCa), and means of clustered values (CR1 with t).

Promised: kappa's default interval covers between .92 and .98 at 100 units, up to a prevalence of .7, and CR1
between .92 and .97 from 20 clusters on. The exit code is 1 where one does not.

    python benchmarks/coverage_kappa.py --runs 1000 --store
"""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options, share

from judgekit.agreement.chance.chance import beyond_chance, fleiss_cohen_everitt
from judgekit.agreement.chance.coefficients import alpha, fleiss, gwet, kappa
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Ratings
from judgekit.types import Estimate

Floats = npt.NDArray[np.float64]
Rows = Iterator[tuple[str, list[Found]]]
BINARY = [(0.75, 0.5, 30), (0.75, 0.5, 100), (0.69, 0.7, 50), (0.69, 0.7, 100), (0.61, 0.9, 50), (0.61, 0.9, 100),
          (0.59, 0.95, 50), (0.59, 0.95, 100), (0.59, 0.95, 200)]  # fmt: skip
KAPPA_BAND, CLUSTER_BAND = (0.92, 0.98), (0.92, 0.97)
MARGIN = np.array([0.1, 0.2, 0.3, 0.25, 0.15])


def binary(k: float, prevalence: float) -> Floats:
    """A table of two raters with equal margins and a given kappa."""
    p, q = prevalence, 1 - prevalence
    off = p * q * (1 - k)
    return np.array([[p - off, off], [off, q - off]])


def five_by_five(k: float) -> Floats:
    """A symmetric table of five labels whose quadratic kappa is `k`: near labels are confused most."""
    place = np.arange(5.0)
    low, high = 0.1, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        kernel = np.exp(-middle * np.abs(place[:, None] - place[None, :]))
        table = MARGIN[:, None] * kernel * MARGIN[None, :]
        table /= table.sum()
        low, high = (middle, high) if quadratic(table) < k else (low, middle)
    return table


def quadratic(table: Floats) -> float:
    return fleiss_cohen_everitt(table, weights="quadratic").kappa


def sampled(table: Floats, n: int, rng: np.random.Generator) -> Ratings:
    q = len(table)
    cells = rng.choice(q * q, size=n, p=table.ravel())
    codes = np.stack(np.divmod(cells, q), axis=1).astype(np.intp)
    names = tuple(str(i) for i in range(q))
    return Ratings(codes, np.arange(float(q)), "ordinal", ("people", "judge"), names)


def coverage(
    draw: Callable[[], Ratings], of: Callable[[Ratings], list[Estimate]], truth: list[float], runs: int
) -> tuple[list[float], list[int], float]:
    """Share of intervals that hold the truth, how many there were, and the share that was flagged."""
    held, there, flagged = np.zeros(len(truth)), np.zeros(len(truth), dtype=int), 0
    for _ in range(runs):
        estimates = of(draw())
        flagged += estimates[0].status.startswith("unstable")
        for i, (each, true) in enumerate(zip(estimates, truth, strict=True)):
            if not np.isnan(each.low):
                there[i] += 1
                held[i] += each.low <= true <= each.high
    return (held / np.maximum(there, 1)).tolist(), there.tolist(), flagged / runs


def shown(share: float, n: int) -> str:
    return f"{share:.3f} ±{1.96 * np.sqrt(share * (1 - share) / max(n, 1)):.3f}"


def two_raters(runs: int, b: int, rng: np.random.Generator) -> Rows:
    yield f"{'Cohen, two raters':30}{'n':>5}  {'Fisher z':14}{'BCa':14}{'flagged':>8}{'used':>7}", []
    rows = [
        (f"kappa {k}, prevalence {p}", binary(k, p), "identity", k, n, p <= 0.7 and n == 100)
        for k, p, n in BINARY
    ]
    five = five_by_five(0.77)
    rows += [("quadratic 5x5, kappa .77", five, "quadratic", 0.77, n, n == 100) for n in (50, 100)]
    for name, table, weights, true, n, promised in rows:

        def both(ratings: Ratings, weights: str = weights) -> list[Estimate]:
            return [
                kappa(ratings, weights=weights),
                kappa(ratings, weights=weights, interval="bca", b=b, seed=int(rng.integers(2**31))),
            ]

        held, used, flagged = coverage(lambda t=table, m=n: sampled(t, m, rng), both, [true, true], runs)
        cells = "".join(f"{shown(h, u):14}" for h, u in zip(held, used, strict=True))
        row, bands = f"{name}, n {n}", (KAPPA_BAND if promised else None, None)
        found = [
            share(row, f"coverage, {kind}", h, u, band)
            for kind, h, u, band in zip(("Fisher z", "BCa"), held, used, bands, strict=True)
        ]
        yield f"{name:30}{n:>5}  {cells}{flagged:>8.2f}{used[0]:>7}", found


def three_raters(runs: int, b: int, rng: np.random.Generator) -> Rows:
    yield f"{'three raters, two labels':30}{'n':>5}  {'t':14}{'BCa':14}{'flagged':>8}{'used':>7}", []
    functions = {"fleiss": fleiss, "alpha": alpha, "gwet": gwet}
    for prevalence in (0.5, 0.8):

        def drawn(n: int, p: float = prevalence) -> Ratings:
            truth = rng.random((n, 1)) < p
            codes = np.where(rng.random((n, 3)) < 0.8, truth, rng.random((n, 3)) < p).astype(np.intp)
            return Ratings(codes, np.arange(2.0), "nominal", ("a", "b", "c"), ("0", "1"))

        for name, function in functions.items():
            # Two raters agree if both keep the truth, or by chance of the same margin: .8^2.
            true = _truth(name, prevalence)
            for n in (30, 100):

                def both(ratings: Ratings, function: Callable[..., Estimate] = function) -> list[Estimate]:
                    seed = int(rng.integers(2**31))
                    return [
                        function(ratings, interval="t"),
                        function(ratings, interval="bca", b=b, seed=seed),
                    ]

                held, used, flagged = coverage(lambda m=n: drawn(m), both, [true, true], runs)
                cells = "".join(f"{shown(h, u):14}" for h, u in zip(held, used, strict=True))
                row = f"{name}, prevalence {prevalence}"
                found = [
                    share(f"{row}, n {n}", f"coverage, {kind}", h, u)
                    for kind, h, u in zip(("t", "BCa"), held, used, strict=True)
                ]
                yield f"{row:30}{n:>5}  {cells}{flagged:>8.2f}{used[0]:>7}", found


def _truth(name: str, p: float) -> float:
    by_margin = p**2 + (1 - p) ** 2
    observed = 0.64 + 0.36 * by_margin
    expected = 2 * p * (1 - p) if name == "gwet" else by_margin
    return float(beyond_chance(np.array(observed), np.array(expected)))


def clustered(runs: int, rng: np.random.Generator) -> Rows:
    yield f"{'clusters of 5, ICC .3':30}{'G':>5}  {'CR1 with t':14}{'naive t':14}", []
    for groups in (10, 20, 40):
        clusters = np.repeat(np.arange(groups), 5)
        held = np.zeros(2)
        for _ in range(runs):
            shared = np.repeat(rng.normal(0, np.sqrt(0.3), groups), 5)
            values = shared + rng.normal(0, np.sqrt(0.7), groups * 5)
            for i, found in enumerate((clustered_mean(values, clusters), clustered_mean(values))):
                held[i] += found.low <= 0 <= found.high
        row, band = f"mean of {groups} clusters", CLUSTER_BAND if groups >= 20 else None
        kept = [
            share(row, "coverage, CR1 with t", held[0] / runs, runs, band),
            share(row, "coverage, naive t", held[1] / runs, runs),
        ]
        line = "".join(f"{shown(h / runs, runs):14}" for h in held)
        yield f"{'mean':30}{groups:>5}  {line}", kept


def main() -> int:
    parser = options(__doc__ or "", runs=1000)
    parser.add_argument("--b", type=int, default=2000, help="resamples of BCa")
    given = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, seed {given.seed}, {given.runs} runs, B = {given.b}")
    rng, kept = np.random.default_rng(given.seed), []
    for lines in (
        two_raters(given.runs, given.b, rng),
        three_raters(given.runs, given.b, rng),
        clustered(given.runs, rng),
    ):
        print()
        for line, found in lines:
            print(line, flush=True)
            kept += found
    return concluded("coverage_kappa", kept, given)


if __name__ == "__main__":
    sys.exit(main())
