"""A run against a bad server: what it loses (nothing) and what it takes.

The mock server turns away 10 % of requests (429 with Retry-After), fails 2 % (500), answers 3 % with
text that cannot be read and never answers 1 %. Every item must end with a verdict, or an abstention
with its reason; no failure may become a value.

The ideal is what the same calls would take of a server without faults at this concurrency. `taken`
is what the server's own answers and silences take at this concurrency, however clever the client:
each refusal has the latency too, and each hanging request holds a place until the deadline. A
request that hangs near the end adds its deadline on top, so the run is made without hanging, too.

    python benchmarks/faults.py --calls 2000 --latency 0.25
"""

import argparse
import json
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

from mock_server import serving

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.types import Verdict

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite to the customer?"}]}
REPLY = '{"evidence": [], "rationale": "It says where it is.", "label": "yes"}'
SHARES = {"too_many": 0.10, "failing": 0.02, "malformed": 0.03, "hanging": 0.01}
CONCURRENCY, DEADLINE = 64, 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description="A run against a server with faults.")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for shares in ({**SHARES, "hanging": 0.0}, SHARES):
        measure(given.calls, given.latency, given.seed, shares)


def measure(calls: int, latency: float, seed: int, shares: dict[str, float]) -> float:
    """Score items against a server with these shares of faults, and return the time it took beside the ideal."""
    items = [{"id": str(i), "task": "Hi?", "response": f"At the depot {i}."} for i in range(calls)]
    limits = jk.Limits(concurrency=CONCURRENCY, attempt_seconds=DEADLINE)
    server = serving(process=True, latency=latency, text=REPLY, retry_after="0.2", seed=seed, **shares)
    print(f"{calls} items at {CONCURRENCY} at once, latency {latency * 1e3:.0f} ms; ", end="")
    print(", ".join(f"{share:.0%} {name}" for name, share in shares.items()))
    with tempfile.TemporaryDirectory() as folder, server as url:
        judge = Endpoint(url, "mock")
        jk.score(items[:1], RUBRIC, judge, ledger=None)  # imports are not what is measured
        began = time.perf_counter()
        run = jk.score(items, RUBRIC, judge, ledger=Path(folder) / "l.sqlite", limits=limits)
        wall = time.perf_counter() - began
        with urllib.request.urlopen(f"{url}/stats") as response:  # noqa: S310 - the loopback
            by_status: dict[str, int] = json.load(response)["by_status"]
    return report(run, by_status, wall, latency)


def report(run: jk.Run, by_status: dict[str, int], wall: float, latency: float) -> float:
    """Print what became of the items, check that none is lost, and return the time beside the ideal."""
    said = Counter("verdict" if isinstance(o, Verdict) else o.reason for o in run.outcomes)
    n_items, calls, requests = run.summary["items"], run.summary["calls"], run.summary["requests"]
    hanging = by_status.get("none", 0)
    ideal = calls * latency / CONCURRENCY
    taken = ((requests - hanging) * latency + hanging * DEADLINE) / CONCURRENCY
    print(f"  wall {wall:.2f} s; ideal {ideal:.2f} s, {wall / ideal:.2f} of it; ", end="")
    print(f"taken {taken:.2f} s, {wall / taken:.2f} of it")
    print(f"  {requests} requests for {calls} calls, {requests / calls - 1:.1%} retries; served: {by_status}")
    print(f"  {run.summary['reasks']} re-asked; outcomes: {dict(said)}")
    assert sum(said.values()) == n_items == len({o.unit for o in run.outcomes})
    assert {o.value for o in run.outcomes if isinstance(o, Verdict)} == {1.0}, "a failure became a value"
    assert sum(score.level == "rubric" for score in run.scores) == n_items
    return wall / ideal


if __name__ == "__main__":
    main()
