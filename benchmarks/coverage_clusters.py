"""How often does a 95 % interval of a mean of clustered values hold the true mean?

Clusters of five pass-or-fail values with an intra-cluster correlation of .3 (beta-binomial, mean .7), as when
five responses share a prompt. Ours is CR1 with t and G - 1 degrees of freedom; beside it the interval that
takes values as independent, the paper's CR0 with z, and the percentile bootstrap over clusters. From 20
clusters on ours has to cover between .92 and .97, or the exit code is 1; below, its status is
`unstable:few_clusters`. The last column is PPI++ with the same clusters labelled, and three times as many
unlabelled, judged by a judge of sensitivity .9 and specificity .8.

    python benchmarks/coverage_clusters.py --runs 2000 --store
"""

import math
import sys
from datetime import UTC, datetime

import numpy as np
from stored import concluded, options, share

from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.sampling.ppi import ppi

CLUSTERS = (10, 20, 40, 80)
SIZE, RATE, ICC = 5, 0.7, 0.3
Z = 1.959963984540054
RESAMPLES = 500
BOUND = (0.92, 0.97)


def drawn(rng, groups):
    """Values of `groups` clusters, shape (groups, SIZE)."""
    spread = 1 / ICC - 1
    own = rng.beta(RATE * spread, (1 - RATE) * spread, groups)
    return (rng.random((groups, SIZE)) < own[:, None]).astype(float)


def judged(rng, y):
    return np.where(y == 1, rng.random(y.shape) < 0.9, rng.random(y.shape) > 0.8).astype(float)


def intervals(rng, groups):
    """Method -> interval, for one data set."""
    y = drawn(rng, groups)
    names = np.repeat(np.arange(groups), SIZE)
    mean, means = y.mean(), y.mean(axis=1)
    naive = y.std(ddof=1) / math.sqrt(y.size)
    cr0 = math.sqrt(np.sum((means - mean) ** 2)) / groups
    again = means[rng.integers(0, groups, (RESAMPLES, groups))].mean(axis=1)
    ours = clustered_mean(y.ravel(), names)
    more = drawn(rng, 3 * groups)
    corrected = ppi(
        y.ravel(), judged(rng, y).ravel(), judged(rng, more).ravel(), sampling="random",
        clusters=names, unlabelled_clusters=groups + np.repeat(np.arange(3 * groups), SIZE),
    )  # fmt: skip
    return {
        "independent": (mean - Z * naive, mean + Z * naive),
        "cr0, z": (mean - Z * cr0, mean + Z * cr0),
        "percentile": tuple(np.quantile(again, [0.025, 0.975])),
        "cr1, t (ours)": (ours.low, ours.high),
        "ppi++ (ours)": (corrected.low, corrected.high),
    }


def main() -> int:
    given = options(__doc__, runs=2000).parse_args()
    error = math.sqrt(0.95 * 0.05 / given.runs)
    print(f"# {datetime.now(UTC):%Y-%m-%d}, {given.runs} runs a row, seed {given.seed}")
    print(f"# clusters of {SIZE}, ICC {ICC}, mean {RATE}; coverage/mean width, Monte-Carlo error {error:.4f}")
    kept = []
    for groups in CLUSTERS:
        rng = np.random.default_rng(given.seed + groups)
        runs = [intervals(rng, groups) for _ in range(given.runs)]
        if groups == CLUSTERS[0]:
            print("clusters  " + "".join(name.ljust(16) for name in runs[0]))
        cells = []
        for name in runs[0]:
            low, high = np.array([run[name] for run in runs]).T
            told = ~np.isnan(low)
            coverage = float(np.mean((low <= RATE)[told] & (high >= RATE)[told]))
            cells.append(f"{coverage:.3f}/{np.nanmean(high - low):.3f}".ljust(16))
            band = BOUND if name.startswith("cr1") and groups >= 20 else None
            kept.append(share(f"{groups} clusters", f"coverage, {name}", coverage, int(told.sum()), band))
        print(f"{groups:<10}" + "".join(cells), flush=True)
    return concluded("coverage_clusters", kept, given)


if __name__ == "__main__":
    sys.exit(main())
