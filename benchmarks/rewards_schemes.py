"""What a pairwise scheme costs, and how near its advantages come to the true ones, with a judge of known faults.

Groups of 8 and of 16 responses of quality N(0, 1), through the real `Rewarder` and its tournaments. The judge
prefers the first shown with the logistic chance of strength x (its quality less that of the other) + lean:

    strong   strength 4.0, no lean: right on 90.6 % of pairs
    weak     strength 1.5, no lean: right on 78.7 %
    biased   strength 1.5, lean 0.8 to the response shown first

A ranking of a whole group is drawn from the same strengths (Plackett-Luce), with the lean falling evenly from
the first place to the last: a judge that orders eight as well as two, which real ones do not. Printed: calls a
group, which must be the formula's (a Swiss rematch in the same order is the same call, and free); the correlation of the
advantages (value less mean of the group, over standard deviation) with those of the true qualities; and
Kendall's tau with a full round robin in both orders by another draw of the same judge, beside its
ceiling: what a second full round robin reaches.

    nice python benchmarks/rewards_schemes.py

Bars: calls as by the formula; the scheme `pairwise` takes at most 28 calls at 8 and 64 at 16; at 8 with the weak and with
the biased judge a scheme within 28 calls reaches a correlation of .80, the default among them; a fixed order
is no default.
"""

import argparse
import json
import math
import os
import platform
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from judgekit.judges.resolve import Scripted
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.types import Call

RUBRIC = {"id": "quality", "criteria": [{"id": "good", "text": "Which is the better answer?"}]}
JUDGES = {"strong": (4.0, 0.0), "weak": (1.5, 0.0), "biased": (1.5, 0.8)}
SCHEMES: Mapping[str, dict[str, Any]] = {
    "round robin, both orders": {"scheme": "round_robin", "orders": "both"},
    "round robin, drawn order": {"scheme": "round_robin", "orders": "random"},
    "round robin, fixed order": {"scheme": "round_robin", "orders": "given"},
    "swiss log2 n, both orders": {"scheme": "swiss", "orders": "both"},
    "swiss 5, drawn order": {"scheme": "swiss", "orders": "random", "rounds": 5},
    "two pivots, both orders": {"scheme": "pivot", "orders": "both", "pivots": 2},
    "one pivot, both orders": {"scheme": "pivot", "orders": "both"},
    "ranking, all cyclic orders": {"scheme": "list", "orders": "both"},
    "ranking, one order": {"scheme": "list", "orders": "given"},
    "pairwise (the default)": {"scheme": "pairwise"},
}
FULL = "round robin, both orders"


def formula(spec: Mapping[str, Any], n: int) -> int:
    """Calls of a group of n, as the schemes are published."""
    rounds = spec.get("rounds") or math.ceil(math.log2(n))
    p = spec.get("pivots", 1)
    orders = 2 if spec.get("orders") == "both" else 1
    return {
        "round_robin": orders * n * (n - 1) // 2,
        "swiss": orders * rounds * (n // 2),
        "pivot": orders * (p * (n - p) + p * (p - 1) // 2),
        "list": n if orders == 2 else 1,
        "pairwise": n * (n - 1) if n <= 4 else n * ((n - (n > 6)) // 2) if n <= 8 else 2 * (n // 2) * math.ceil(math.log2(n)),
    }[spec["scheme"]]  # fmt: skip


@dataclass(frozen=True)
class BradleyTerry:
    """A judge of known strength and lean; the same call gets the same answer from the same draw."""

    quality: Mapping[str, float]
    strength: float
    lean: float
    draw: int

    def __call__(self, call: Call) -> str:
        """Who is better, or the order of all."""
        texts = [str(call.item.responses[name]) for name in call.shown] if call.item else []
        dice = random.Random(zlib.crc32("\n".join(texts).encode(), self.draw))  # noqa: S311 - a simulation
        worth = [self.strength * self.quality[text] for text in texts]
        if call.protocol == "compare":
            chance = 1 / (1 + math.exp(worth[1] - worth[0] - self.lean))
            return json.dumps({"label": "A" if dice.random() < chance else "B"})
        last = len(texts) - 1
        seen = [
            w + self.lean * (1 - i / last) - math.log(-math.log(dice.random())) for i, w in enumerate(worth)
        ]
        order = sorted(range(len(texts)), key=lambda i: -seen[i])
        return json.dumps({"rationale": "", "ranking": [chr(65 + i) for i in order]})


@dataclass(frozen=True)
class Outcome:
    """What a scheme gave: rewards and true qualities, shape (groups, n), and calls a group."""

    rewards: np.ndarray
    quality: np.ndarray
    calls: float
    planned: tuple[int, int]

    @property
    def correlation(self) -> float:
        """Of the advantages with the true ones."""
        return float(np.corrcoef(advantages(self.rewards).ravel(), advantages(self.quality).ravel())[0, 1])

    def tau(self, other: "Outcome") -> float:
        """Kendall's tau-b with other rewards of the same groups, its mean over groups."""
        taus = [kendalltau(a, b).statistic for a, b in zip(self.rewards, other.rewards, strict=True)]
        return float(np.nanmean(taus))


def advantages(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, ddof=1, keepdims=True) + 1e-4)


def outcome(
    spec: Mapping[str, Any], judge: tuple[float, float], n: int, n_groups: int, *, draw: int = 1
) -> Outcome:
    """Groups through the real rewarder, with a judge of this strength and lean."""
    quality = np.random.default_rng(n).normal(size=(n_groups, n))
    text = [[f"answer {i}-{j}" for j in range(n)] for i in range(n_groups)]
    known = dict(zip(np.ravel(text).tolist(), quality.ravel().tolist(), strict=True))
    some = [
        Group(f"g{i}", f"Task {i}?", {f"r{j}": response for j, response in enumerate(row)})
        for i, row in enumerate(text)
    ]
    rewarder = Rewarder(
        {"rubric": RUBRIC, "deadline_seconds": 1e6, **spec},
        Scripted("logistic", BradleyTerry(known, *judge, draw)),
    )
    batch = rewarder.reward(some)
    values = np.array([reward.value for reward in batch], dtype=float).reshape(n_groups, n)
    return Outcome(values, quality, batch.stats["requests"] / n_groups, rewarder.calls(n))


def as_planned(spec: Mapping[str, Any], n: int, calls: float) -> bool:
    """Whether so many calls are the formula's, less the rematches of a Swiss tournament of one order."""
    rematches = 0.05 if spec["scheme"] == "swiss" and spec.get("orders") != "both" else 0.0
    return formula(spec, n) * (1 - rematches) <= calls <= formula(spec, n)


def table(n: int, n_groups: int) -> bool:
    """Print the schemes for groups of n; whether the bars hold."""
    found = {
        (name, judge): outcome(spec, JUDGES[judge], n, n_groups)
        for name, spec in SCHEMES.items()
        for judge in JUDGES
    }
    full = {judge: outcome(SCHEMES[FULL], JUDGES[judge], n, n_groups, draw=2) for judge in JUDGES}
    ceiling = {judge: found[FULL, judge].tau(full[judge]) for judge in JUDGES}
    print(
        f"\ngroups of {n}, {n_groups} of them{'':24}correlation with the truth    tau (share of its ceiling)"
    )
    print(
        f"{'':30}{'calls':>6}{'formula':>9}"
        + "".join(f"{j:>9}" for j in JUDGES)
        + "".join(f"{j:>15}" for j in JUDGES)
    )
    good = True
    for name, spec in SCHEMES.items():
        calls = float(np.mean([found[name, judge].calls for judge in JUDGES]))
        held = as_planned(spec, n, calls) and all(
            found[name, judge].planned[0] == formula(spec, n) for judge in JUDGES
        )
        if spec["scheme"] == "pairwise":
            held &= formula(spec, n) <= (28 if n == 8 else 64)
            held &= n != 8 or all(found[name, judge].correlation >= 0.80 for judge in ("weak", "biased"))
        good &= held
        r = "".join(f"{found[name, judge].correlation:9.3f}" for judge in JUDGES)
        taus = {judge: found[name, judge].tau(full[judge]) for judge in JUDGES}
        t = "".join(f"{taus[judge]:8.3f} ({taus[judge] / ceiling[judge]:.2f})" for judge in JUDGES)
        print(f"{name:30}{calls:6.4g}{formula(spec, n):9}{r}{t}{'' if held else '   MISSED'}")
    print(
        f"{'ceiling: round robin again':30}{'':42}"
        + "".join(f"{ceiling[judge]:8.3f}{'':7}" for judge in JUDGES)
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description="Pairwise schemes through the real tournaments.")
    parser.add_argument("--groups", type=int, default=300, help="of 8; a third as many of 16")
    given = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}); seeded, no model")
    good = all([table(8, given.groups), table(16, given.groups // 3)])
    print("\nholds" if good else "\nDOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
