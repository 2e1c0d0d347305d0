"""How often the intervals of agreement hold what they claim: 95 % of the time.

Samples are drawn from tables with a known kappa; an interval covers if it holds that kappa. Samples in
which kappa is undefined or has no interval are left out and counted; `flagged` is the share whose
status says `unstable:few_minority`, which the report takes as "insufficient evidence". Three tables:
Cohen's kappa of two raters (Fisher's z of the published standard error, and BCa), coefficients of three
raters (t of the linearised standard error, and BCa), and means of clustered values (CR1 with t).

    python benchmarks/coverage_kappa.py --runs 1000
"""

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from judgekit.agreement.chance import beyond_chance
from judgekit.agreement.coefficients import alpha, fleiss, gwet, kappa
from judgekit.agreement.intervals import clustered_mean
from judgekit.agreement.linearised import fleiss_cohen_everitt
from judgekit.agreement.ratings import Ratings
from judgekit.types import Estimate

Floats = npt.NDArray[np.float64]
BINARY = [(0.75, 0.5, 30), (0.69, 0.7, 50), (0.69, 0.7, 100), (0.61, 0.9, 50), (0.61, 0.9, 100),
          (0.59, 0.95, 50), (0.59, 0.95, 100), (0.59, 0.95, 200)]  # fmt: skip
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


def two_raters(runs: int, b: int, rng: np.random.Generator) -> Iterator[str]:
    yield f"{'Cohen, two raters':30}{'n':>5}  {'Fisher z':14}{'BCa':14}{'flagged':>8}{'used':>7}"
    rows = [(f"kappa {k}, prevalence {p}", binary(k, p), "identity", k, n) for k, p, n in BINARY]
    rows += [("quadratic 5x5, kappa .77", five_by_five(0.77), "quadratic", 0.77, n) for n in (50, 100)]
    for name, table, weights, true, n in rows:

        def both(ratings: Ratings, weights: str = weights) -> list[Estimate]:
            return [
                kappa(ratings, weights=weights),
                kappa(ratings, weights=weights, interval="bca", b=b, seed=int(rng.integers(2**31))),
            ]

        held, used, flagged = coverage(lambda t=table, m=n: sampled(t, m, rng), both, [true, true], runs)
        cells = "".join(f"{shown(h, u):14}" for h, u in zip(held, used, strict=True))
        yield f"{name:30}{n:>5}  {cells}{flagged:>8.2f}{used[0]:>7}"


def three_raters(runs: int, b: int, rng: np.random.Generator) -> Iterator[str]:
    yield f"{'three raters, two labels':30}{'n':>5}  {'t':14}{'BCa':14}{'flagged':>8}{'used':>7}"
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
                yield f"{f'{name}, prevalence {prevalence}':30}{n:>5}  {cells}{flagged:>8.2f}{used[0]:>7}"


def _truth(name: str, p: float) -> float:
    by_margin = p**2 + (1 - p) ** 2
    observed = 0.64 + 0.36 * by_margin
    expected = 2 * p * (1 - p) if name == "gwet" else by_margin
    return float(beyond_chance(np.array(observed), np.array(expected)))


def clustered(runs: int, rng: np.random.Generator) -> Iterator[str]:
    yield f"{'clusters of 5, ICC .3':30}{'G':>5}  {'CR1 with t':14}{'naive t':14}"
    for groups in (10, 20, 40):
        clusters = np.repeat(np.arange(groups), 5)
        held = np.zeros(2)
        for _ in range(runs):
            shared = np.repeat(rng.normal(0, np.sqrt(0.3), groups), 5)
            values = shared + rng.normal(0, np.sqrt(0.7), groups * 5)
            for i, found in enumerate((clustered_mean(values, clusters), clustered_mean(values))):
                held[i] += found.low <= 0 <= found.high
        yield f"{'mean':30}{groups:>5}  " + "".join(f"{shown(h / runs, runs):14}" for h in held)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="samples a row")
    parser.add_argument("--b", type=int, default=2000, help="resamples of BCa")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, seed {options.seed}, {options.runs} runs, B = {options.b}")
    rng = np.random.default_rng(options.seed)
    for lines in (
        two_raters(options.runs, options.b, rng),
        three_raters(options.runs, options.b, rng),
        clustered(options.runs, rng),
    ):
        print()
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
