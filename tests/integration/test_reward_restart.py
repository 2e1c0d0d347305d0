"""A judge that is ended in the middle of a job and comes back: `rewards_beside_a_loop.py` in small."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rewards_beside_a_loop as bench


def test_a_judge_that_restarts_in_the_middle_loses_no_reward():
    (right, missing), _ = asyncio.run(bench.restarted(64, away=5.0))

    assert (right, missing) == (512, 0)


def test_the_loop_by_hand_asks_as_much_and_is_answered_alike():
    [(hand, own)] = asyncio.run(bench.beside(4, 1, latency=0.01))

    assert hand > 0
    assert own > 0
