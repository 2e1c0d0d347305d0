"""What a judgment costs beside what it cost in another checkout: CPU of the code at hand over its CPU.

The job of `overhead.py`: pointwise judgments of 3 KB prompts by the judge `endpoint`, 64 at once, ledger and
all checks on, the mock server in a process of its own. Each run is a process of its own, under the
interpreter of its checkout's `.venv`; the two take turns, and take turns at being first, since a shared
machine drifts. The ratio is taken within each pair.

    python benchmarks/before.py --other ../before             # this checkout over the other one
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median, quantiles

from mock_server import serving
from overhead import CONCURRENCY, REPLY, write_items

HERE = Path(__file__).resolve().parents[1]


def cpu(checkout: Path, items: Path, url: str, ledger: Path) -> float:
    """CPU seconds of the judging in a checkout; it has to judge everything well."""
    command = [
        checkout / ".venv/bin/python",
        HERE / "benchmarks/overhead.py",
        "--run",
        "ours",
        items,
        url,
        ledger,
    ]
    said = json.loads(subprocess.check_output([str(each) for each in command], cwd=items.parent))
    if said["good"] != sum(1 for _ in items.open("rb")):
        raise SystemExit(f"{checkout}: {said['good']:.0f} items came out as they should")
    return float(said["cpu"])


def compare(here: Path, other: Path, calls: int, pairs: int) -> None:
    """Run both in turns, and print what a call costs in each and the ratio with its spread."""
    spent: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as folder, serving(process=True, text=REPLY) as url:
        items = Path(folder) / "items.jsonl"
        write_items(items, calls)
        for i in range(pairs):
            for side in (0, 1) if i % 2 else (1, 0):
                ledger = Path(folder) / f"{i}-{side}.sqlite"
                spent[side].append(cpu((here, other)[side], items, url, ledger))
    ratios = [a / b for a, b in zip(*spent, strict=True)]
    low, _, high = quantiles(ratios, n=4)
    each = [median(own) / calls * 1e3 for own in spent]
    print(f"{calls} calls of 3 KB, {CONCURRENCY} at once, {pairs} pairs")
    print(f"CPU ms a call: {each[0]:.4f} here, {each[1]:.4f} in {other}")
    print(
        f"ratio {median(ratios):.3f} (median); quartiles {low:.3f} to {high:.3f}, "
        f"all from {min(ratios):.3f} to {max(ratios):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of a judgment beside another checkout's.")
    parser.add_argument("--other", type=Path, required=True, help="A checkout with a .venv.")
    parser.add_argument("--here", type=Path, default=HERE, help="The checkout that is compared with it.")
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=9)
    given = parser.parse_args()
    compare(given.here.resolve(), given.other.resolve(), given.calls, given.pairs)


if __name__ == "__main__":
    main()
