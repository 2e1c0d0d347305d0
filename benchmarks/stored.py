"""What a simulation found, a row at a time: held against its band, and kept in `results/` when asked.

`results/NAME.jsonl` has a line a row of the last stored run of that benchmark: when and where it ran, seed,
number of data sets, what was counted, the figure with its Monte-Carlo standard error, and, where something is
promised, the band and whether the figure lies inside. Below 1,000 data sets a band is widened by two errors.
"""

import argparse
import json
import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import judgekit

RESULTS = Path(__file__).parent / "results"
ENOUGH = 1000
"""From so many data sets on a band is taken as it stands."""


@dataclass(frozen=True, slots=True)
class Found:
    """One figure of a simulation.

    Args:
        row: The setting.
        what: What was counted.
        estimate: The figure.
        error: Its Monte-Carlo standard error.
        n: Data sets it rests on.
        band: Where it has to lie; None where nothing is promised.
        truth: What it should be, where that is one number.
    """

    row: str
    what: str
    estimate: float
    error: float
    n: int
    band: tuple[float, float] | None = None
    truth: float | None = None

    @property
    def inside(self) -> bool | None:
        """Whether it lies in its band, None without one."""
        if self.band is None:
            return None
        slack = 2 * self.error if self.n < ENOUGH else 0.0
        return bool(self.band[0] - slack <= self.estimate <= self.band[1] + slack)


def share(row: str, what: str, held: float, n: int, band: tuple[float, float] | None = None) -> Found:
    """A share of data sets, such as a coverage, with its binomial error."""
    p = min(max(held, 1 / (n + 2)), 1 - 1 / (n + 2)) if n else math.nan  # all of them is no certainty
    error = math.sqrt(p * (1 - p) / n) if n else math.nan
    return Found(row, what, float(held), error, n, band)


def options(doc: str, *, runs: int) -> argparse.ArgumentParser:
    """The options that every simulation has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs, help="data sets a row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", action="store_true", help="keep the figures in benchmarks/results/")
    return parser


def concluded(name: str, found: Sequence[Found], given: argparse.Namespace) -> int:
    """Say which figures lie outside their bands, store all of them if asked; 1 if any does."""
    promised = [each for each in found if each.band is not None]
    outside = [each for each in promised if not each.inside]
    print(f"# {len(promised) - len(outside)} of {len(promised)} figures with a band lie in it")
    for each in outside:
        low, high = each.band or (math.nan, math.nan)
        print(f"# OUTSIDE: {each.row}, {each.what}: {each.estimate:.3f}, not in {low:g} to {high:g}")
    if given.store:
        print(f"# stored in {store(name, found, vars(given))}")
    return int(bool(outside))


def store(name: str, found: Iterable[Found], settings: dict[str, object]) -> Path:
    """Write the rows of one benchmark in place of those stored before."""
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.jsonl"
    kept = {k: v for k, v in settings.items() if k != "store"}
    about = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "judgekit": judgekit.__version__}
    lines = (
        {**about, **kept, **{k: _plain(v) for k, v in asdict(each).items()}, "inside": each.inside}
        for each in found
    )
    target.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return target.relative_to(RESULTS.parents[1])


def _plain(value):
    if isinstance(value, float):
        return round(float(value), 6) if math.isfinite(value) else None
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def machine() -> str:
    """The processor, its cores, the system and the Python that this runs on."""
    words = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in words.splitlines() if "model name" in line), "")
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{model or platform.processor()}, {os.cpu_count()} cores, {system}"
