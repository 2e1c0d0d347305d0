"""Rewards while the judge fails: no wrong reward, no late batch, and what each failure policy costs.

64 groups of 8; a response's true mark is a number from 0 to 100 (mean 60, standard deviation 15, one shift
a group) that the mock server finds in it and gives. Faults in equal shares: HTTP 500, HTTP 429, no
answer, garbage, and the reply cut off within its mark (so that `73` would be read as `7`). Either each
request fails anew, which retries and one re-ask mend, or a response fails whatever is done.

A reward is wrong if it is there and not the true mark. The correlation is that of the advantages of a
group-relative trainer (value less mean, over standard deviation + 1e-4; 0 where there is none) with
those of the true marks, over all responses, against the same failures turned into 0, or with their whole
groups dropped.

    python benchmarks/rewards_failures.py

Bars: 0 wrong; failed rows None; requests within `tries` a call (2 calls with a re-ask); wall within the
deadline + 1 s; correlation at 5 % lasting failures >= .96 (0.0 in place of None: .82); a judge that is down
raises JudgeOutage within the deadline, naming cause and count.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from mock_server import serving

from judgekit.errors import JudgekitError
from judgekit.judges.endpoint import Endpoint
from judgekit.rewards.core.records import Batch, Group
from judgekit.rewards.core.rewarder import Rewarder

RUBRIC = {"id": "quality", "criteria": [{"id": "good", "text": "Is it a good answer?", "scale": "0-100"}]}
SPEC = {
    "rubric": RUBRIC, "grid": None, "max_failed": 1.0, "concurrency": 128, "deadline_seconds": 8.0,
    "attempt_seconds": 0.7, "tries": 3,
}  # fmt: skip
KINDS = ("failing", "too_many", "hanging", "malformed", "half")
STUCK = "row [0-9]+-[0-9]+"
Truth = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Result:
    """What became of a batch."""

    batch: Batch
    truth: Truth
    wall: float

    @property
    def wrong(self) -> int:
        """Rewards that are not the true mark."""
        return sum(
            r.value is not None and abs(r.value - self.truth[r.group, r.response]) > 1e-9 for r in self.batch
        )

    @property
    def failed(self) -> int:
        """Rewards that are not there; each says so, and why."""
        none = [r for r in self.batch if r.value is None]
        assert all(r.status == "failed" and r.reason for r in none)
        assert sum(r.status == "failed" for r in self.batch) == len(none)
        return len(none)


def groups(n: int, size: int, seed: int) -> tuple[list[Group], Truth]:
    """Groups whose responses show their true mark, and the marks on [0, 1]."""
    rng = np.random.default_rng(seed)
    marks = 60 + rng.normal(0, 7, (n, 1)) + rng.normal(0, 13.3, (n, size))
    marks = np.clip(np.round(marks), 11, 99).astype(int)  # two digits, so that half of one is another mark
    some, truth = [], {}
    for i, row in enumerate(marks.tolist()):
        some.append(
            Group(f"g{i}", f"Task {i}?", {f"r{j}": f"row {i}-{j} has mark {m}" for j, m in enumerate(row)})
        )
        truth |= {(f"g{i}", f"r{j}"): m / 100 for j, m in enumerate(row)}
    return some, truth


def marked(asked: dict[str, Any]) -> str:
    """The mock judge's reply: the mark that stands in the response, last and cut off first."""
    [mark] = set(re.findall(r"has mark (\d+)", json.dumps(asked["messages"])))
    return json.dumps({"evidence": [], "rationale": "As it says.", "label": mark})


def advantages(values: np.ndarray) -> np.ndarray:
    """Of each response within its group, shape (groups, size); 0 where there is no value."""
    there = np.where(np.isnan(values).all(axis=1, keepdims=True), 0.0, values)
    mean, sd = np.nanmean(there, axis=1, keepdims=True), np.nanstd(there, axis=1, ddof=1, keepdims=True)
    return np.nan_to_num((there - mean) / (sd + 1e-4))


def correlations(result: Result, size: int) -> dict[str, float]:
    """Of advantages with the true ones: None as it is, 0 in its place, its whole group dropped."""
    got = np.array([np.nan if r.value is None else r.value for r in result.batch]).reshape(-1, size)
    true = advantages(np.array([result.truth[r.group, r.response] for r in result.batch]).reshape(-1, size))
    lost = np.isnan(got)
    ways = {
        "none": advantages(got),
        "zero": advantages(np.where(lost, 0.0, got)),
        "drop_group": np.where(lost.any(axis=1, keepdims=True), 0.0, advantages(got)),
        "group_mean": advantages(np.where(lost, np.nanmean(got, axis=1, keepdims=True), got)),
    }
    return {way: float(np.corrcoef(found.ravel(), true.ravel())[0, 1]) for way, found in ways.items()}


async def rewarded(url: str, some: Iterable[Group], truth: Truth, **spec: Any) -> Result:
    rewarder = Rewarder({**SPEC, **spec}, Endpoint(url, "mock"))
    began = time.perf_counter()
    batch = await rewarder(some)
    return Result(batch, truth, time.perf_counter() - began)


def injected(share: float, *, lasting: bool, n: int = 64, size: int = 8, seed: int = 0) -> Result:
    """A batch against a server with this share of faults."""
    some, truth = groups(n, size, seed)
    shares = dict.fromkeys(KINDS, share / len(KINDS))
    with serving(text=marked, seed=seed, sticky=STUCK if lasting else "", retry_after="0.2", **shares) as url:
        return asyncio.run(rewarded(url, some, truth))


def cut_off(deadline: float, *, hedge: bool = False) -> Result:
    """A batch of which a tenth is never answered, and no attempt ends before the deadline."""
    some, truth = groups(64, 8, 0)
    spec = {"attempt_seconds": 60.0, "deadline_seconds": deadline, "hedge": hedge}
    with serving(text=marked, hanging=0.1) as url:
        return asyncio.run(rewarded(url, some, truth, **spec))


def outage(mode: str, **spec: Any) -> tuple[JudgekitError, float]:
    """The error of a batch against a server that does nothing else, and the seconds it took."""
    some, truth = groups(64, 8, 0)
    options = {"mode": mode} if mode != "gone" else {}
    with serving(text=marked, retry_after="0.2", **options) as url:
        if mode != "gone":
            return _raised(url, some, truth, spec)
    return _raised(url, some, truth, spec)


def _raised(url: str, some: list[Group], truth: Truth, spec: dict[str, Any]) -> tuple[JudgekitError, float]:
    began = time.perf_counter()
    try:
        asyncio.run(rewarded(url, some, truth, **{"max_failed": 0.2, **spec}))
    except JudgekitError as raised:
        error = raised
    else:
        raise AssertionError("no outage was raised")
    assert all(r.value is None for r in error.run), "an outage gave a reward"
    return error, time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description="Rewards while the judge fails.")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}"
    )
    deadline, tries = SPEC["deadline_seconds"], SPEC["tries"]
    print(
        f"64 groups of 8, {given.seeds} seeds; deadline {deadline:g} s, {tries} tries of {SPEC['attempt_seconds']:g} s\n"
    )
    print(f"{'':47}   correlation with the true advantages")
    print(
        f"{'share':>6} {'faults':8}{'failed':>8}{'wrong':>6}{'requests':>9}{'slowest':>9}   "
        "None    0.0  group dropped  group mean"
    )
    good = True
    for lasting in (False, True):
        for share in (0.01, 0.05, 0.10, 0.20):
            found = [injected(share, lasting=lasting, seed=seed) for seed in range(given.seeds)]
            wrong, n = sum(r.wrong for r in found), sum(len(r.batch) for r in found)
            slowest, requests = max(r.wall for r in found), sum(r.batch.stats["requests"] for r in found)
            r = {
                way: float(np.mean([correlations(each, 8)[way] for each in found]))
                for way in ("none", "zero", "drop_group", "group_mean")
            }
            held = wrong == 0 and slowest <= deadline + 1 and requests <= 2 * tries * n
            held &= not (lasting and share == 0.05) or (r["none"] >= 0.96 and r["zero"] <= r["none"])
            good &= held
            print(
                f"{share:6.0%} {'lasting' if lasting else 'passing':8}{sum(x.failed for x in found) / n:8.2%}{wrong:6}"
                f"{requests:9}{slowest:7.2f} s  {r['none']:5.3f}  {r['zero']:5.3f}  {r['drop_group']:13.3f}  "
                f"{r['group_mean']:10.3f}{'' if held else '   MISSED'}"
            )
    late = cut_off(2.0)
    held = (
        late.wrong == 0
        and late.wall <= 3.0
        and {r.reason for r in late.batch if r.value is None} == {"deadline"}
    )
    good &= held
    print(
        f"\na tenth never answered, attempts of 60 s, deadline 2 s: {late.wall:.2f} s, {late.failed} failed, "
        f"{late.wrong} wrong{'' if held else '   MISSED'}"
    )
    print("\na judge that is down, 512 responses")
    for mode in ("broken", "too_many", "hang", "malformed", "half", "gone"):
        error, wall = outage(mode)
        named = re.search(r"\d+", str(error)) is not None
        held = type(error).__name__ == "JudgeOutage" and wall <= deadline + 1 and named
        good &= held
        print(
            f"{mode:10} {wall:5.2f} s  {type(error).__name__}: {str(error)[:150]}{'' if held else '   MISSED'}"
        )
    print("\nholds" if good else "\nDOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
