"""Do 95 % intervals of differences of systems hold the truth, where items have slopes of their own?

Few systems answer many items, as tests of models are; some rows lack 40 % of the answers. Slopes are normal, or
log-normal with mean 1 (which the model takes for normal). `random_items` integrates items out and clusters errors by
item; `model` has errors by the model beside it. Two figures a row: the share of all pairs whose difference is held
(its Monte-Carlo error is over data sets), and the root mean squared error of abilities, with that of the Rasch model,
which is no worse: slopes earn their place on items, not on the order of systems. What is shown for comparison rests on
every tenth data set.

    python benchmarks/coverage_items.py --runs 1000 --store
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options

from judgekit.standing.random_items import random_items

Floats = npt.NDArray[np.float64]
BAND = (0.93, 0.97)
ROWS = [
    (12, 200, 0.0, "log-normal"), (12, 200, 0.0, "normal"), (40, 300, 0.0, "log-normal"),
    (25, 200, 0.4, "log-normal"),
]  # fmt: skip
SPREAD = 0.3


def drawn(
    n: int, n_items: int, missing: float, slopes: str, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Answers (n, n_items), and abilities with mean 0."""
    ability, level = rng.normal(0, 1, n), rng.normal(0, 1.2, n_items)
    slope = rng.normal(1, SPREAD, n_items)
    if slopes == "log-normal":
        slope = np.exp(rng.normal(-(SPREAD**2) / 2, SPREAD, n_items))
    ability -= ability.mean()
    p = 1 / (1 + np.exp(-(np.outer(ability, slope) + level)))
    x = (rng.random(p.shape) < p).astype(float)
    x[rng.random(p.shape) < missing] = np.nan
    return x, ability


def held(gap: Floats, se: Floats, truth: Floats) -> float:
    """Share of the pairs whose interval holds the truth."""
    return float(np.mean(np.abs(gap - truth) <= 1.96 * se))


def row(setting: tuple[int, int, float, str], runs: int, seed: int) -> list[Found]:
    """Coverage and errors of one setting."""
    n, n_items, missing, slopes = setting
    rng = np.random.default_rng([seed, n, n_items, len(slopes)])
    one, other = np.triu_indices(n, 1)
    found: dict[str, list[float]] = {"items": [], "model": [], "2pl": [], "1pl": []}
    for run in range(runs):
        x, ability = drawn(n, n_items, missing, slopes, rng)
        fit, truth = random_items(x), ability[one] - ability[other]
        covariances = {"items": fit.covariance}
        if run % 10 == 0:  # for comparison only
            covariances["model"] = random_items(x, errors="model").covariance
            rasch = random_items(x, slopes=False, errors="none").ability
            found["2pl"].append(float(np.mean((fit.ability - ability) ** 2)))
            found["1pl"].append(float(np.mean((rasch - ability) ** 2)))
        for errors, v in covariances.items():
            se = np.sqrt(v[one, one] + v[other, other] - 2 * v[one, other])
            found[errors].append(held(fit.ability[one] - fit.ability[other], se, truth))
    name = f"{n} x {n_items}, {missing:.0%} missing, {slopes}"
    made = []
    for kind, values in found.items():
        error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")
        mean, coverage = float(np.mean(values)), kind in {"items", "model"}
        what = f"coverage, errors by {kind}" if coverage else f"rmse, {kind}"
        size = mean if coverage else mean**0.5
        made.append(
            Found(
                name,
                what,
                size,
                error if coverage else error / (2 * size),
                len(values),
                BAND if kind == "items" else None,
            )
        )
    return made


def main() -> int:
    """Print a row a setting."""
    given = options(__doc__ or "", runs=1000).parse_args()
    found = []
    with ProcessPoolExecutor(2) as pool:
        for each in pool.map(partial(row, runs=given.runs, seed=given.seed), ROWS):
            print(
                f"{each[0].row:36}", "  ".join(f"{one.what} {one.estimate:.3f}" for one in each), flush=True
            )
            found += each
    return concluded("coverage_items", found, given)


if __name__ == "__main__":
    sys.exit(main())
