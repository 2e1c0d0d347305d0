"""Time REML of a generalizability study on the sizes an audit reaches; the answer is checked.

Rows: items x 5 judges x 3 wordings x 2 samples, complete and with a tenth lost at random (then nearly
every item has a layout of its own). The largest case is 30,000 rows and more; the goal is 15 s.

    python benchmarks/reml_speed.py --items 50 150 1000 3000
"""

import argparse
import time

import numpy as np

from judgekit.agreement.models.gstudy import g_study

TRUTH = {"item": 1.0, "item:judge": 0.3, "item:prompt": 0.1, "residual": 0.4}


def rows(n: int, lost: float):
    """Scores and their facets."""
    rng = np.random.default_rng(n)
    i, j, p, _ = (each.ravel() for each in np.indices((n, 5, 3, 2)))
    y = (
        rng.normal(size=n)[i]
        + 0.3 * rng.normal(size=5)[j]
        + 0.2 * rng.normal(size=3)[p]
        + np.sqrt(0.3) * rng.normal(size=(n, 5))[i, j]
        + np.sqrt(0.1) * rng.normal(size=(n, 3))[i, p]
        + np.sqrt(0.4) * rng.normal(size=len(i))
    )
    kept = rng.random(len(i)) >= lost
    return y[kept], {"item": i[kept], "judge": j[kept], "prompt": p[kept]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[50, 150, 1000, 1120])
    args = parser.parse_args()
    print(f"{'rows':>8} {'lost':>5} {'wall s':>8} {'CPU s':>8}  components")
    for n in args.items:
        for lost in (0.0, 0.1):
            y, facets = rows(n, lost)
            wall, cpu = time.perf_counter(), time.process_time()
            study = g_study(y, facets, method="reml")
            spent = time.perf_counter() - wall, time.process_time() - cpu
            for term, truth in TRUTH.items():
                assert abs(study.components[term] - truth) < 6 * truth / np.sqrt(n), (term, study.components)
            shown = " ".join(f"{k}={v:.3f}" for k, v in study.components.items())
            print(f"{len(y):8} {lost:5.0%} {spent[0]:8.2f} {spent[1]:8.2f}  {shown}")


if __name__ == "__main__":
    main()
