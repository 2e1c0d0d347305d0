"""The reward server under replies that are hard to read: `benchmarks/rewards_health.py` in small."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_health as bench

HANGS = 3_000.0  # ms: a guard against a loop that stands still, on a machine that is busy


def test_health_is_told_while_adversarial_replies_are_read_and_sigterm_ends_it():
    statuses, _, health, ended, code = asyncio.run(bench.walk(replies=40, longest=1_000_000, seed=1))
    n, longest, *_ = map(float, health.split())

    assert sum(statuses.values()) == 40
    assert set(statuses) <= {200, 503}
    assert n > 3
    assert longest < HANGS
    assert ended < 10.0
    assert code in {0, 3}
