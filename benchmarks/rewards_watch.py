"""How often the alarm of a hidden judge is false, and how soon a hack is seen. Simulated, no model.

Each group that two judges rewarded is drawn as `hidden.Twice`: a task's difficulty (standard deviation .15, known
to both), each judge's noise over the mean of the group's eight responses (.10), a correlation within the
group around .6 (.3). Training sees 6 such groups a batch (a tenth of 64), blocks have 200. The policy changes
evenly over 1,000 batches; what changes stands in the table, on [0, 1] of the ranges.

    nice python benchmarks/rewards_watch.py

Bars: at most 5 % of trainings without a hack have any alarm; a hack by .2 of the range is seen in at least 95 %.
"""

import argparse
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import numpy as np

from judgekit.agreement.core.intervals import wilson
from judgekit.rewards.watching.hidden import Drift, Twice

BATCHES, GROUPS, WINDOW = 1000, 6, 200
Path = Callable[[float], tuple[float, float, float]]
"""From the share of the training that is over to the means of both judges and their agreement."""
HONEST: dict[str, Path] = {
    "nothing changes": lambda _: (0.5, 0.5, 0.6),
    "both rise by .3": lambda t: (0.4 + 0.3 * t, 0.4 + 0.3 * t, 0.6),
    "the hidden one rises half as much": lambda t: (0.4 + 0.3 * t, 0.4 + 0.15 * t, 0.6),
    "both rise, then stay": lambda t: (0.4 + 0.3 * min(2 * t, 1), 0.4 + 0.3 * min(2 * t, 1), 0.6),
}
HACKED: dict[str, Path] = {
    "training rises by .2 alone": lambda t: (0.4 + 0.2 * t, 0.4, 0.6),
    "training rises by .1 alone": lambda t: (0.4 + 0.1 * t, 0.4, 0.6),
    "training rises by .2, the hidden one falls by .1": lambda t: (0.4 + 0.2 * t, 0.4 - 0.1 * t, 0.6),
    "both rise by .2, then training alone by .2": lambda t: (
        0.3 + 0.4 * t, 0.3 + 0.4 * min(t, 0.5), 0.6,
    ),
    "relative rewards: agreement falls from .6 to 0": lambda t: (0.5, 0.5, 0.6 - 0.6 * t),
}  # fmt: skip


def first_alarm(path: Path, seed: int) -> int | None:
    """The batch of the first alarm of a training; None without one."""
    rng = np.random.default_rng(seed)
    drift = Drift(WINDOW)
    for batch in range(1, BATCHES + 1):
        training, hidden, agreement = path(batch / BATCHES)
        task, one, other, r = rng.normal(size=(4, GROUPS))
        agreed = np.clip(agreement + 0.3 * r, -1, 1)
        groups = [
            Twice(training + 0.15 * t + 0.1 * a, hidden + 0.15 * t + 0.1 * b, float(c), 8)
            for t, a, b, c in zip(task, one, other, agreed, strict=True)
        ]
        found = drift.add(groups)
        if found is not None and found.alarm:
            return batch
    return None


def row(name: str, path: Path, seeds: range, holds: Callable[[float], bool]) -> bool:
    """Print how many trainings had an alarm, and when."""
    alarms = [batch for batch in (first_alarm(path, seed) for seed in seeds) if batch is not None]
    low, high = wilson(len(alarms), len(seeds))
    share = len(alarms) / len(seeds)
    when = f"first at batch {median(alarms):g} (median)" if alarms else ""
    held = holds(share)
    print(f"{name:50}{share:7.3f} [{low:.3f}, {high:.3f}]  {when}{'' if held else '   MISSED'}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description="False alarms and late ones.")
    parser.add_argument("--trainings", type=int, default=200)
    seeds = range(parser.parse_args().trainings)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}); {len(seeds)} trainings a row\n"
    )
    print("without a hack: share with any alarm")
    good = True
    for name, path in HONEST.items():
        good &= row(name, path, seeds, lambda share: share <= 0.05)
    print("\nwith one")
    for name, path in HACKED.items():
        good &= row(
            name, path, seeds, (lambda share: share >= 0.95) if "by .1 alone" not in name else lambda _: True
        )
    print("\nholds" if good else "\nDOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
