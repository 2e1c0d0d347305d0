"""How often does a 95 % interval of a rate hold the true rate? PPI++ and Rogan-Gladen beside what others do.

Six populations; each run draws n labelled and N unlabelled units at random, and a judge of the given
sensitivity and specificity says pass or fail. A cell is coverage / mean width of the intervals given; `-x`
is the share of runs in which none was given (J may be 0, no negative among the labels). Ours has to cover
between .93 and .98 in every row, or the exit code is 1.

    wald    labels alone, normal          wilson  labels alone, Wilson
    naive   the judge's mean, normal      ppi     lam 1, normal (ours with lam=1 and z)
    ppi++ z the published interval        ppi++   OURS: t on the logit scale
    delta   Rogan-Gladen, delta method    lee     OURS: Rogan-Gladen, Lee et al. (2025)
    judgy   labels resampled alone        boot    labels and verdicts resampled

    python benchmarks/coverage_ppi.py --runs 2000 --store
"""

import math
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from stored import concluded, options, share

from judgekit.agreement.core.intervals import wilson
from judgekit.agreement.sampling.ppi import ppi, ppi_mean
from judgekit.agreement.sampling.rogan_gladen import corrected_rate

ROWS = [
    (50, 200, 0.7, 0.9, 0.8),
    (100, 1000, 0.7, 0.9, 0.8),
    (100, 100, 0.7, 0.9, 0.8),
    (100, 1000, 0.9, 0.85, 0.7),
    (200, 2000, 0.5, 0.7, 0.6),
    (50, 1000, 0.95, 0.95, 0.8),
]
Z = 1.959963984540054
NONE = (math.nan, math.nan)
RESAMPLES = 400
BOUND = (0.93, 0.98)


def around(value, se):
    return (value - Z * se, value + Z * se)


def wald(x):
    return around(x.mean(), math.sqrt(x.mean() * (1 - x.mean()) / len(x)))


def resampled(rng, y, f, u, *, both):
    """Percentiles of Rogan-Gladen over resampled labelled units, and resampled verdicts if `both`."""
    cells = np.bincount((2 * y + f).astype(int), minlength=4) / len(y)
    tn, fp, fn, tp = rng.multinomial(len(y), cells, RESAMPLES).T
    p = rng.binomial(len(u), u.mean(), RESAMPLES) / len(u) if both else u.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        se, sp = tp / (tp + fn), tn / (tn + fp)
        theta = np.clip((p + sp - 1) / (se + sp - 1), 0, 1)[se + sp > 1]
    theta = theta[np.isfinite(theta)]
    return tuple(np.quantile(theta, [0.025, 0.975])) if len(theta) > RESAMPLES / 2 else NONE


def intervals(rng, y, f, u) -> Iterator[tuple[str, tuple[float, float]]]:
    """Every method's interval for one data set; nan where it gives none."""
    yield "wald", wald(y)
    yield "wilson", wilson(y.sum(), len(y))
    yield "naive", wald(u)
    plain, tuned = ppi_mean(y, f, u, lam=1), ppi_mean(y, f, u)
    yield "ppi", around(plain.value, plain.se)
    yield "ppi++ z", around(tuned.value, tuned.se)
    ours = ppi(y, f, u, sampling="random")
    yield "ppi++", (ours.low, ours.high)
    for kind in ("delta", "lee"):
        rate = corrected_rate(y, f, u, sampling="random", interval=kind)
        yield kind, (rate.low, rate.high)
    yield "judgy", resampled(rng, y, f, u, both=False)
    yield "boot", resampled(rng, y, f, u, both=True)


def covered(row, runs, seed):
    """Method -> (coverage, mean width, share without an interval)."""
    n, others, rate, se, sp = row
    rng = np.random.default_rng(seed)
    ends: dict[str, list[tuple[float, float]]] = {}
    for _ in range(runs):
        y = (rng.random(n + others) < rate).astype(float)
        f = np.where(y == 1, rng.random(n + others) < se, rng.random(n + others) >= sp).astype(float)
        for name, interval in intervals(rng, y[:n], f[:n], f[n:]):
            ends.setdefault(name, []).append(interval)
    found = {}
    for name, given in ends.items():
        low, high = np.array(given).T
        told = ~np.isnan(low)
        held = (low[told] <= rate) & (rate <= high[told])
        found[name] = (
            (held.mean(), (high - low)[told].mean(), 1 - told.mean())
            if told.any()
            else (math.nan, math.nan, 1.0)
        )
    return found


def main() -> int:
    given = options(__doc__, runs=2000).parse_args()
    error = math.sqrt(0.95 * 0.05 / given.runs)
    print(f"# {datetime.now(UTC):%Y-%m-%d}, {given.runs} runs a row, seed {given.seed}")
    print(f"# coverage/mean width; Monte-Carlo error of a coverage of .95: {error:.4f}")
    kept = []
    for i, row in enumerate(ROWS):
        found = covered(row, given.runs, given.seed + i)
        if i == 0:
            print("n,N,rate,se,sp".ljust(22) + "".join(name.ljust(15) for name in found))
        cells = (
            f"{c:.3f}/{w:.3f}{f'-{lost:.2f}' if lost > 0.005 else ''}".ljust(15)
            for c, w, lost in found.values()
        )
        said = ",".join(f"{x:g}" for x in row)
        print(said.ljust(22) + "".join(cells), flush=True)
        kept += [
            share(
                said,
                f"coverage, {name}",
                c,
                round(given.runs * (1 - lost)),
                BOUND if name == "ppi++" else None,
            )
            for name, (c, _, lost) in found.items()
        ]
    return concluded("coverage_ppi", kept, given)


if __name__ == "__main__":
    sys.exit(main())
