"""What pessimism buys: a panel of three judges, one of them fooled by one response of each group; and its price.

1,000 groups of 8 through the real `Rewarder`. True quality is N(0.5, 0.15); each judge adds its own noise. In the
first part the noise has half the true standard deviation, and one judge gives one response, drawn at
random, 0.5 more than it deserves; printed is the advantage (value less mean of the group, over its standard
deviation) that the response gets, whose true one is 0 on average. In the second part nobody is fooled and the
noise is as large as the true spread: the correlation of the advantages with the true ones is the price.

    nice python benchmarks/rewards_panel.py

Bars: under `min` and `lower_bound` the hacked response gets at most .15 on average; the mean is printed.
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
from typing import get_args

import numpy as np

from judgekit.judges.resolve import Scripted
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import PoolName
from judgekit.types import Call

RUBRIC = {"id": "quality", "criteria": [{"id": "good", "text": "How good is it?", "scale": "-1000-2000"}]}
SIZE, SPREAD, BONUS, JUDGES = 8, 0.15, 0.5, ("one", "two", "three")


@dataclass(frozen=True)
class Noisy:
    """A judge that gives a response its quality and noise of its own, and some a bonus, in thousandths."""

    name: str
    quality: Mapping[str, float]
    noise: float
    fooled_by: frozenset[str]

    def __call__(self, call: Call) -> str:
        """A mark on -1000 to 2000."""
        [text] = [str(text) for text in call.item.responses.values()] if call.item else [""]
        dice = random.Random(zlib.crc32(f"{self.name} {text}".encode()))  # noqa: S311 - a simulation
        mark = self.quality[text] + dice.gauss(0, self.noise) + BONUS * (text in self.fooled_by)
        return json.dumps({"evidence": [], "rationale": "", "label": str(round(1000 * mark))})


def rewarded(
    pool: PoolName, n_groups: int, *, noise: float, fooled: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewards and qualities, shape (groups, 8), and which response of each group is hacked."""
    rng = np.random.default_rng(0)
    quality, hacked = rng.normal(0.5, SPREAD, (n_groups, SIZE)), rng.integers(0, SIZE, n_groups)
    texts = [[f"answer {i}-{j}" for j in range(SIZE)] for i in range(n_groups)]
    known = dict(zip(np.ravel(texts).tolist(), quality.ravel().tolist(), strict=True))
    hacks = frozenset(texts[i][j] for i, j in enumerate(hacked.tolist())) if fooled else frozenset[str]()
    judges = [Scripted(n, Noisy(n, known, noise, hacks if n == JUDGES[0] else frozenset())) for n in JUDGES]
    groups = [
        Group(f"g{i}", f"Task {i}?", {f"r{j}": text for j, text in enumerate(row)})
        for i, row in enumerate(texts)
    ]
    spec = {"rubric": RUBRIC, "grid": None, "clip": False, "pool": pool, "deadline_seconds": 1e6}
    values = [reward.value for reward in Rewarder(spec, judges).reward(groups)]
    return np.array(values, dtype=float).reshape(n_groups, SIZE), quality, hacked


def advantages(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, ddof=1, keepdims=True) + 1e-4)


def hacked_advantage(pool: PoolName, n_groups: int) -> tuple[float, float]:
    """Mean advantage of the hacked responses, and its standard error."""
    rewards, _, hacked = rewarded(pool, n_groups, noise=SPREAD / 2, fooled=True)
    own = advantages(rewards)[np.arange(n_groups), hacked]
    return float(own.mean()), float(own.std(ddof=1) / math.sqrt(n_groups))


def price(pool: PoolName, n_groups: int) -> float:
    """Correlation of advantages with the true ones, with noise as large as the truth and nobody fooled."""
    rewards, quality, _ = rewarded(pool, n_groups, noise=SPREAD, fooled=False)
    return float(np.corrcoef(advantages(rewards).ravel(), advantages(quality).ravel())[0, 1])


def main() -> int:
    parser = argparse.ArgumentParser(description="One judge of three is fooled.")
    parser.add_argument("--groups", type=int, default=1000)
    n = parser.parse_args().groups
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}); {n} groups of {SIZE}, seeded, no model\n"
    )
    print(f"{'pool':14}{'advantage of the hacked response':>34}{'correlation, nobody fooled':>30}")
    good = True
    for pool in get_args(PoolName):
        mean, error = hacked_advantage(pool, n)
        held = pool not in {"min", "lower_bound"} or mean <= 0.15
        good &= held
        print(
            f"{pool:14}{f'{mean:+.3f} (se {error:.3f})':>34}{price(pool, n):30.3f}{'' if held else '   MISSED'}"
        )
    print("\nholds" if good else "\nDOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
