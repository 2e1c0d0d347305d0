"""Do 95 % intervals of differences of systems hold the truth, and what does a plain mean miss?

`1pl`: right and wrong by the Rasch model with items random, few systems and many items, some cells missing by
chance. `two-way`: scores that are shares of 3 to 10 criteria, complete, 30 % missing by chance, and half of the
systems without the harder half of the items (nine of ten of its cells): `rmse, fit` and `rmse, mean` are the errors of
differences by the fit and by plain means, `ratio` the one over the other. `judges`: three judges of one response on five
labels, where responses differ beyond their items (sd 1): errors clustered by item, and by the model, which takes the
judges for independent. `order`: the share of complete tables on which the one-parameter model orders all pairs of
systems as plain means do.

    python benchmarks/coverage_standings.py --runs 1000 --store
"""

import sys

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options

from judgekit.agreement.core.arrays import settled
from judgekit.agreement.models.rasch_fit import fit_marginal, marginal
from judgekit.standing.records import reach
from judgekit.standing.scores import fit_two_way
from judgekit.verbs.stand import stand

Floats = npt.NDArray[np.float64]
LOGIT, POINTS, CLUSTERED = (0.93, 0.97), (0.92, 0.98), (0.91, 0.97)


def held(x: Floats, v: Floats, truth: Floats, df: float) -> float:
    """Share of the pairs whose interval holds the true difference."""
    one, other = np.triu_indices(len(x), 1)
    se = np.sqrt(v[one, one] + v[other, other] - 2 * v[one, other])
    gap = (x[one] - x[other]) - (truth[one] - truth[other])
    return float(np.mean(np.abs(gap) <= reach(0.95, df) * se))


def right(n: int, j: int, missing: float, rng: np.random.Generator) -> dict[str, float]:
    """One data set of right and wrong: whether differences are held."""
    ability = rng.normal(0, 1, n)
    p = 1 / (1 + np.exp(-(ability[:, None] + rng.normal(0, 1.2, j))))
    x = rng.random(p.shape) < p
    system, item = np.nonzero(rng.random(p.shape) >= missing)
    model = marginal(
        x[system, item].astype(int), item, system, np.zeros(len(item), dtype=int), n_categories=2, nodes=21
    )
    fit = fit_marginal(model, "items")
    return {"coverage": held(-fit.severity, fit.covariance[:n, :n], ability, fit.df)}


def shares(n: int, j: int, lost: str, rng: np.random.Generator) -> dict[str, float]:
    """One data set of shares of criteria: whether differences are held, and errors of fit and mean."""
    ability, ease = rng.normal(0, 0.6, n), rng.normal(0, 1, j)
    m = rng.integers(3, 11, j)
    eta = ability[:, None] + ease + rng.normal(0, 0.5, (n, j))
    x = rng.binomial(m, 1 / (1 + np.exp(-eta))) / m
    z = np.linspace(-6, 6, 801)
    spread = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    truth = (1 / (1 + np.exp(-(ability[:, None] + 1.118 * z)))) @ spread  # over items and responses
    if lost == "30 % missing":
        x[rng.random(x.shape) < 0.3] = np.nan
    elif lost == "hard missing":
        x[: n // 2, ease < 0] = np.where(
            rng.random((n // 2, int((ease < 0).sum()))) < 0.9, np.nan, x[: n // 2, ease < 0]
        )
    fit = fit_two_way(x, [str(i) for i in range(n)])
    mean = np.nanmean(x, axis=1)
    off = [np.mean((e - e.mean() - (truth - truth.mean())) ** 2) for e in (fit.strength, mean)]
    return {
        "coverage": held(fit.strength, fit.covariance, truth, fit.df), "rmse, fit": off[0], "rmse, mean": off[1]
    }  # fmt: skip


def judged(n: int, j: int, rng: np.random.Generator) -> dict[str, float]:
    """One data set of three judges of each response: whether differences are held, by both kinds of errors."""
    ability, severity, steps = (
        rng.normal(0, 0.7, n),
        np.array([-0.5, 0.0, 0.5]),
        np.array([0, -1.2, -1.6, -1.2, 0]),
    )
    k = np.arange(5)
    response = ability[:, None] + rng.normal(0, 1, j) + rng.normal(0, 1, (n, j))
    eta = k * (response[:, :, None, None] - severity[:, None]) - steps
    p = np.exp(eta - eta.max(axis=3, keepdims=True))
    p = np.cumsum(p / p.sum(axis=3, keepdims=True), axis=3)
    x = (rng.random((n, j, 3, 1)) > p[..., :-1]).sum(axis=3)
    system, item, judge = (a.ravel() for a in np.indices(x.shape))
    model = marginal(x.ravel(), item, judge, system, n_categories=5, nodes=21)
    found = {}
    for errors in ("items", "model"):
        fit = fit_marginal(model, errors)
        # The model's abilities are closer together where responses vary: the truth is scaled to them.
        truth = ability * float(np.polyfit(ability, -fit.difficulty, 1)[0])
        found[f"coverage, errors by {errors}"] = held(-fit.difficulty, fit.covariance[3:, 3:], truth, fit.df)
    return found


def ordered(n: int, j: int, rng: np.random.Generator) -> dict[str, float]:
    """One complete data set of right and wrong: whether the model orders all pairs as plain means do."""
    p = 1 / (1 + np.exp(-(rng.normal(0, 1, n)[:, None] + rng.normal(0, 1.2, j))))
    x = (rng.random(p.shape) < p).astype(float)
    found, means = stand(x, model="1pl"), settled(x.mean(axis=1))
    fit = settled([found.of(str(i)).strength for i in range(n)])
    one, other = np.triu_indices(n, 1)
    return {
        "order of means": float((np.sign(fit[one] - fit[other]) == np.sign(means[one] - means[other])).all())
    }


ROWS = {
    "1pl, 12 x 200": lambda rng: right(12, 200, 0.0, rng),
    "1pl, 25 x 200, 40 % missing": lambda rng: right(25, 200, 0.4, rng),
    "1pl, 40 x 300": lambda rng: right(40, 300, 0.0, rng),
    "two-way, 20 x 150, complete": lambda rng: shares(20, 150, "complete", rng),
    "two-way, 20 x 150, 30 % missing": lambda rng: shares(20, 150, "30 % missing", rng),
    "two-way, 20 x 150, hard missing": lambda rng: shares(20, 150, "hard missing", rng),
    "judges, 8 x 100 x 3": lambda rng: judged(8, 100, rng),
    "order, 12 x 200, complete": lambda rng: ordered(12, 200, rng),
}


def found_of(row: str, runs: int, seed: int) -> list[Found]:
    """Return the figures of a row."""
    rng = np.random.default_rng([seed, list(ROWS).index(row)])
    each = [ROWS[row](rng) for _ in range(runs)]
    made = []
    for what in each[0]:
        values = np.array([one[what] for one in each])
        error = float(values.std(ddof=1) / runs**0.5)
        if what.startswith("rmse"):
            size = float(values.mean() ** 0.5)
            made.append(Found(row, what, size, error / (2 * size), runs))
            continue
        if row.startswith("order"):
            made.append(Found(row, what, float(values.mean()), error, runs, (1.0, 1.0)))
            continue
        band = LOGIT if row.startswith("1pl") else POINTS if row.startswith("two-way") else CLUSTERED
        made.append(Found(row, what, float(values.mean()), error, runs, None if "model" in what else band))
    if "hard" in row:
        size = {one.what: one for one in made}
        fit, mean = size["rmse, fit"], size["rmse, mean"]
        ratio = fit.estimate / mean.estimate
        error = ratio * ((fit.error / fit.estimate) ** 2 + (mean.error / mean.estimate) ** 2) ** 0.5
        made.append(Found(row, "rmse, ratio", ratio, error, runs, (0.0, 0.6)))
    return made


def main() -> int:
    """Print a line a figure."""
    parser = options(__doc__ or "", runs=1000)
    parser.add_argument("--only", default="", help="rows that begin so")
    given = parser.parse_args()
    found = []
    for row in ROWS:
        if row.startswith(given.only):
            for one in found_of(row, given.runs, given.seed):
                print(f"{one.row:34} {one.what:28} {one.estimate:.3f} ({one.error:.3f})", flush=True)
                found.append(one)
    part = "".join(c for c in given.only if c.isalnum())
    return concluded(f"coverage_standings{'_' * bool(part)}{part}", found, given)


if __name__ == "__main__":
    sys.exit(main())
