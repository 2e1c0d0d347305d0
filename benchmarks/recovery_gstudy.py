"""Are planted variance components, coefficients and designs recovered, and do intervals cover?

Each run draws items x judges x wordings x samples from known variances, loses some rows at random, and
fits by REML as an audit would. Printed: mean of each estimate with its Monte-Carlo error beside the
truth; coverage of the 95 % interval (items resampled) of the item component, of G and of Phi; how often the
cheapest design chosen from the estimates is the true one, and what Phi it truly reaches.

Judges and wordings are drawn anew in each run, while an interval over items holds them: it is about other
items, and its coverage of Phi, which has the judges' own variance in it, is below 95 % with few judges.

    python benchmarks/recovery_gstudy.py --runs 1000
"""

import argparse
import datetime as dt
import math

import numpy as np

from judgekit.agreement.dstudy import cheapest, d_study, design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.gstudy import component_replicates, g_study, interval_of
from judgekit.types import Estimate

TRUTH = {
    "item": 1.0, "judge": 0.1, "prompt": 0.05, "item:judge": 0.5, "item:prompt": 0.2, "judge:prompt": 0.02,
    "residual": 0.3,
}  # fmt: skip
DESIGN = {"judge": 3, "prompt": 2, "sample": 1}
TARGET = 0.7


def draw(rng: np.random.Generator, shape: tuple[int, ...], lost: float):
    """Rows of one run."""
    i, j, p, _ = (each.ravel() for each in np.indices(shape))
    n, judges, prompts, _ = shape
    sd = {term: math.sqrt(v) for term, v in TRUTH.items()}
    y = (
        sd["item"] * rng.normal(size=n)[i]
        + sd["judge"] * rng.normal(size=judges)[j]
        + sd["prompt"] * rng.normal(size=prompts)[p]
        + sd["item:judge"] * rng.normal(size=(n, judges))[i, j]
        + sd["item:prompt"] * rng.normal(size=(n, prompts))[i, p]
        + sd["judge:prompt"] * rng.normal(size=(judges, prompts))[j, p]
        + sd["residual"] * rng.normal(size=len(i))
    )
    kept = rng.random(len(i)) >= lost
    return y[kept], {"item": i[kept], "judge": j[kept], "prompt": p[kept]}


def error(values: list[float]) -> float:
    """Monte-Carlo standard error of a mean."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--judges", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=3)
    parser.add_argument("--lost", type=float, default=0.1)
    parser.add_argument("--b", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    truth = design_parts(TRUTH, DESIGN)
    true_g, true_phi = g_coefficient(truth), phi_coefficient(truth)
    most = {"judge": 5, "prompt": 4, "sample": 4}
    best = cheapest(d_study(TRUTH, most), target=TARGET)
    found: dict[str, list[float]] = {term: [] for term in (*TRUTH, "g", "phi", "phi_of_chosen", "regret")}
    inside: dict[str, list[float]] = {name: [] for name in ("item", "g", "phi")}
    for run in range(args.runs):
        study = g_study(*draw(rng, (args.items, args.judges, args.prompts, 2), args.lost))
        for term in TRUTH:
            found[term].append(study.components[term])
        # One set of resamples for all three intervals, each as `component_estimates` and `reliability` give.
        replicates = component_replicates(study, seed=run, b=args.b)
        parts = [
            design_parts(dict(zip(study.components, row, strict=True)), DESIGN) for row in replicates.tolist()
        ]
        at = design_parts(study.components, DESIGN)
        for name, value, of, true in (
            ("item", study.components["item"], replicates[:, 0], TRUTH["item"]),
            ("g", g_coefficient(at), np.array([g_coefficient(each) for each in parts]), true_g),
            ("phi", phi_coefficient(at), np.array([phi_coefficient(each) for each in parts]), true_phi),
        ):
            each = interval_of(Estimate(name, value), of, study, seed=run)
            inside[name].append(each.low <= true <= each.high)
        found["g"].append(g_coefficient(at))
        found["phi"].append(phi_coefficient(at))
        chosen = cheapest(d_study(study.components, most), target=TARGET)
        if chosen is not None and best is not None:
            found["phi_of_chosen"].append(phi_coefficient(design_parts(TRUTH, chosen.n)))
            found["regret"].append(chosen.cost - best.cost)
    size = f"{args.items} items x {args.judges} judges x {args.prompts} wordings x 2 samples"
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, seed {args.seed}, {args.runs} runs: {size},")
    print(f"{args.lost:.0%} of rows lost, {args.b} resamples")
    print(f"{'':14}{'truth':>8}{'mean':>9}{'MC error':>10}{'sd':>8}")
    truths = {**TRUTH, "g": true_g, "phi": true_phi}
    for name, true in truths.items():
        values = found[name]
        print(f"{name:14}{true:8.3f}{np.mean(values):9.4f}{error(values):10.4f}{np.std(values):8.3f}")
    for name, hits in inside.items() if args.b else ():
        share = float(np.mean(hits))
        print(f"95 % interval of {name:5} covers {share:.3f} (MC error {error(hits):.3f})")
    if best is not None and found["phi_of_chosen"]:
        reached = found["phi_of_chosen"]
        print(f"cheapest design for Phi >= {TARGET}: truly {best.n}, {best.calls} calls; one was found in")
        print(f"{len(reached)} of {args.runs} runs, {np.mean(found['regret']):+.2f} calls on average,")
        print(
            f"truly reaching Phi {np.mean(reached):.3f} (5 % of runs below {np.quantile(reached, 0.05):.3f})"
        )


if __name__ == "__main__":
    main()
