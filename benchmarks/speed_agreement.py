"""Agreement statistics beside the usual packages: the same data, equal results, ratios of CPU time.

Sizes are a day of traffic: a million verdicts of one judge and one person; 100,000 items with five
raters. Ours and theirs take turns in one process and the median of the ratios is reported; a ratio is
not reported before the results agree. The packages are no dependencies of judgekit: a row whose
package is not installed is left out, and said so.

    pip install krippendorff pingouin statsmodels
    python benchmarks/speed_agreement.py
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from judgekit.agreement.association.correlation import tau_b
from judgekit.agreement.chance.chance import krippendorff_alpha
from judgekit.agreement.chance.coefficients import fleiss, kappa
from judgekit.agreement.core.ratings import Ratings, as_ratings
from judgekit.agreement.models.icc import iccs

SCALE = [1, 2, 3, 4, 5]
Job = tuple[str, float, Callable[[], Any], Callable[[], Any]]


def ratings(n: int, r: int, *, missing: float = 0.0, seed: int = 0) -> np.ndarray:
    """Five-point ratings around a shared truth."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(SCALE, size=(n, 1), p=[0.1, 0.2, 0.3, 0.25, 0.15])
    cells = np.where(rng.random((n, r)) < 0.6, truth, rng.choice(SCALE, size=(n, r)))
    if not missing:
        return cells
    gaps = cells.astype(float)
    gaps[rng.random((n, r)) < missing] = np.nan
    return gaps


def kappa_job(scale: float) -> Job:
    from sklearn.metrics import cohen_kappa_score

    cells = ratings(int(1_000_000 * scale), 2)
    return (
        "kappa, 1,000,000 items, against scikit-learn (ours with interval)",
        10.0,
        lambda: kappa(cells, scale=SCALE).value,
        lambda: cohen_kappa_score(cells[:, 0], cells[:, 1], labels=SCALE),
    )


def alpha_job(scale: float) -> Job:
    import krippendorff

    cells = ratings(int(100_000 * scale), 5, missing=0.1)
    turned = np.ascontiguousarray(cells.T)
    return (
        "alpha interval, 100,000 x 5, 10 % missing, against krippendorff",
        5.0,
        lambda: krippendorff_alpha(cells, values=SCALE, metric="interval"),
        lambda: krippendorff.alpha(turned, value_domain=SCALE, level_of_measurement="interval"),
    )


def ordinal_job(scale: float) -> Job:
    import krippendorff

    cells = ratings(int(100_000 * scale), 5, missing=0.1)
    turned = np.ascontiguousarray(cells.T)
    return (
        "alpha ordinal, the same",
        5.0,
        lambda: krippendorff_alpha(cells, values=SCALE, metric="ordinal"),
        lambda: krippendorff.alpha(turned, value_domain=SCALE, level_of_measurement="ordinal"),
    )


def icc_job(scale: float) -> Job:
    import pandas as pd
    import pingouin

    n, r = int(2000 * scale), 5
    cells = ratings(n, r).astype(float)
    units, raters = np.indices((n, r)).reshape(2, -1)
    long = pd.DataFrame({"unit": units, "rater": raters, "y": cells.ravel()})

    def theirs() -> list[float]:
        return pingouin.intraclass_corr(long, targets="unit", raters="rater", ratings="y")["ICC"].tolist()

    name = "six ICC forms with intervals, 2,000 x 5, against pingouin"
    return name, 20.0, lambda: [each.value for each in iccs(cells)], theirs


def fleiss_job(scale: float) -> Job:
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    cells = ratings(int(100_000 * scale), 5)
    return (
        "Fleiss, 100,000 x 5 raw ratings, against statsmodels (ours with interval)",
        10.0,
        lambda: fleiss(cells, scale=SCALE).value,
        lambda: fleiss_kappa(aggregate_raters(cells)[0]),
    )


def tau_job(scale: float) -> Job:
    from scipy.stats import kendalltau

    cells = ratings(int(1_000_000 * scale), 2)
    x, y = np.ascontiguousarray(cells.T)
    return (
        "tau-b, 1,000,000 items on five labels, against scipy",
        10.0,
        lambda: tau_b(x, y),
        lambda: kendalltau(x, y).statistic,
    )


def seconds(job: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = job()
    return time.process_time() - start, found


def compared(job: Job, pairs: int) -> str:
    name, goal, ours, theirs = job
    np.testing.assert_allclose(ours(), theirs(), rtol=1e-9)  # and both are warm
    mine, other = [], []
    for _ in range(pairs):
        mine.append(seconds(ours)[0])
        other.append(seconds(theirs)[0])
    ratio = median(b / a for a, b in zip(mine, other, strict=True))
    reached = "reached" if ratio >= goal else "NOT reached"
    return (
        f"{name:75} {median(mine) * 1e3:9.1f} ms {median(other) * 1e3:9.1f} ms "
        f"{ratio:7.1f} x  (goal {goal:g} x: {reached})"
    )


def resampled(scale: float, pairs: int) -> str:
    """A million-item kappa with 10,000 resamples, from integer codes."""
    coded = as_ratings(ratings(int(1_000_000 * scale), 2), scale=SCALE)
    codes = Ratings(coded.codes, coded.values, coded.level, coded.raters, coded.labels)
    times = {}
    for kind in ("percentile", "bca"):
        times[kind] = [
            seconds(lambda kind=kind: kappa(codes, interval=kind, b=10_000, seed=1))[0] for _ in range(pairs)
        ]
    table, fixed = kappa(codes, interval="bca", b=10_000, seed=1), kappa(codes)
    assert abs(table.se / fixed.se - 1) < 0.05, "resampling the table gives the published standard error"
    text = ", ".join(f"{kind} {median(each):.3f} s" for kind, each in times.items())
    reached = "reached" if median(times["percentile"]) < 0.1 and median(times["bca"]) < 0.1 else "NOT reached"
    return f"kappa of 1,000,000 items with 10,000 resamples: {text}  (goal 0.1 s: {reached})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the sizes, for a quick look")
    options = parser.parse_args()
    print(f"{'':75} {'ours':>12} {'theirs':>12}   ratio of CPU time, median of {options.pairs} pairs")
    for make in (kappa_job, alpha_job, ordinal_job, icc_job, fleiss_job, tau_job):
        try:
            job = make(options.scale)
        except ImportError as missing:
            print(f"{make.__name__}: left out, {missing.name} is not installed")
            continue
        print(compared(job, options.pairs), flush=True)
    print(resampled(options.scale, options.pairs))


if __name__ == "__main__":
    main()
