"""Are planted variance components, coefficients and designs recovered, and do intervals cover?

Each run draws items x judges x wordings x samples from known variances and fits them as an audit would: once
with every cell there, from mean squares, and once with a tenth of the rows lost at random, by REML. Told are
the mean of each estimate beside the truth; coverage of the 95 % intervals; what Phi the cheapest design chosen
from the estimates truly reaches.

Judges and wordings are drawn anew in each run. An interval of G or Phi from `reliability` draws their effects
anew as well; beside it stands the interval that holds them and resamples items alone, which is about these
judges, and falls short for Phi, which has the judges' own variance in it. That, and the interval of the item
component, cost nothing where every cell is there, and are told there alone.

Promised: components with the item in them within a tenth, G and Phi within .02; a chosen design truly reaches
Phi .7 within .03 on average; intervals cover between .92 and .98. The exit code is 1 where one does not.

    python benchmarks/recovery_gstudy.py --runs 1000 --store
"""

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from stored import Found, concluded, options, share

from judgekit.agreement.core.resample import Resampling
from judgekit.agreement.models.dstudy import cheapest, d_study, design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.models.gstudy import GStudy, component_replicates, g_study, interval_of
from judgekit.agreement.models.reml import RESIDUAL
from judgekit.types import Estimate

TRUTH = {
    "item": 1.0, "judge": 0.1, "prompt": 0.05, "item:judge": 0.5, "item:prompt": 0.2, "judge:prompt": 0.02,
    "residual": 0.3,
}  # fmt: skip
DESIGN = {"judge": 3, "prompt": 2, "sample": 1}
MOST = {"judge": 5, "prompt": 4, "sample": 4}
TARGET = 0.7
COVERED, CLOSE, REACHED = (0.92, 0.98), 0.02, 0.03
SHAPE = (100, 4, 3, 2)
CROSSED = ("judge", "prompt", "judge:prompt")
SETTINGS = {"complete": (0.0, 400), "lost": (0.1, 60)}
"""Share of rows lost, and resamples behind an interval: a fit by REML takes a hundred times as long."""


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


@dataclass
class Tally:
    """What the runs of one setting gave."""

    values: dict[str, list[float]] = field(default_factory=dict)
    held: dict[str, list[bool]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def cover(self, name: str, estimate: Estimate, true: float) -> None:
        self.held.setdefault(name, []).append(estimate.low <= true <= estimate.high)


def coefficients(components) -> tuple[float, float]:
    parts = design_parts(components, DESIGN)
    return g_coefficient(parts), phi_coefficient(parts)


def cover(tally: Tally, study: GStudy, replicates: np.ndarray, run: int, how: str) -> None:
    """Whether the intervals of G and Phi from these replicates hold the truth."""
    rows = [coefficients(dict(zip(study.components, row, strict=True))) for row in replicates.tolist()]
    pairs = zip(
        ("G", "Phi"), coefficients(study.components), np.array(rows).T, coefficients(TRUTH), strict=True
    )
    for name, value, of, true in pairs:
        tally.cover(
            f"{name}, {how}",
            interval_of(Estimate(name, value), of, study, Resampling(seed=run), share=True),
            true,
        )


def simulated(lost: float, b: int, given: argparse.Namespace) -> Tally:
    rng, tally = np.random.default_rng(given.seed), Tally()
    for run in range(given.runs):
        study = g_study(*draw(rng, SHAPE, lost))
        for term in TRUTH:
            tally.add(term, study.components[term])
        for name, value in zip(("G", "Phi"), coefficients(study.components), strict=True):
            tally.add(name, value)
        anew = component_replicates(study, Resampling(seed=run, b=b), redrawn=CROSSED)
        cover(tally, study, anew, run, "judges and wordings drawn anew")
        if study.method == "ems":
            same = component_replicates(study, Resampling(seed=run, b=b))
            cover(tally, study, same, run, "judges and wordings held")
            item = Estimate("item", study.components["item"])
            tally.cover("item", interval_of(item, same[:, 0], study, Resampling(seed=run)), TRUTH["item"])
        if (chosen := cheapest(d_study(study.components, MOST), target=TARGET)) is not None:
            tally.add("phi of the chosen design", phi_coefficient(design_parts(TRUTH, chosen.n)))
            tally.add("calls of the chosen design", float(chosen.calls))
        if given.progress and (run + 1) % 100 == 0:
            print(f"# {run + 1} runs", flush=True)
    return tally


def figures(name: str, tally: Tally) -> Iterator[Found]:
    true_g, true_phi = coefficients(TRUTH)
    best = cheapest(d_study(TRUTH, MOST), target=TARGET)
    truths = {**TRUTH, "G": true_g, "Phi": true_phi, "calls of the chosen design": best.calls}
    truths["phi of the chosen design"] = phi_coefficient(design_parts(TRUTH, best.n))
    for what, values in tally.values.items():
        true = truths[what]
        band = None
        if "item" in what or what == RESIDUAL:
            band = (0.9 * true, 1.1 * true)
        elif what in {"G", "Phi"}:
            band = (true - CLOSE, true + CLOSE)
        elif what == "phi of the chosen design":
            band = (TARGET - REACHED, 1.0)
        mc = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        yield Found(name, f"mean, {what}", float(np.mean(values)), mc, len(values), band, true)
    for what, hits in tally.held.items():
        promised = not what.endswith("held")
        yield share(name, f"coverage, {what}", float(np.mean(hits)), len(hits), COVERED if promised else None)


def main() -> int:
    parser = options(__doc__ or "", runs=1000)
    parser.add_argument("--progress", action="store_true", help="say how far it is")
    given = parser.parse_args()
    print(f"# {datetime.now(UTC):%Y-%m-%d}, seed {given.seed}, {given.runs} runs:")
    print("# {} items x {} judges x {} wordings x {} samples".format(*SHAPE))
    worst = 0
    for name, (lost, b) in SETTINGS.items():
        setting = f"{name}, {lost:.0%} of rows lost, {b} resamples"
        found = list(figures(setting, simulated(lost, b, given)))
        print(setting.ljust(56) + f"{'truth':>8}{'found':>9}{'MC error':>10}")
        for each in found:
            true = "" if each.truth is None else f"{each.truth:.3f}"
            print(f"  {each.what:54}{true:>8}{each.estimate:9.4f}{each.error:10.4f}", flush=True)
        worst = max(worst, concluded(f"recovery_gstudy_{name}", found, given))
    return worst


if __name__ == "__main__":
    sys.exit(main())
