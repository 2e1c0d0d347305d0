"""Peak memory of a run over many items beside one over few: it should not grow with their number.

`stream_scores` with a scripted judge and a ledger, from a generator and from a JSONL file, and
`judgekit score --out` on the file; each in a process of its own, whose peak (RSS) is read at its end.

    python benchmarks/memory.py --few 10000 --many 100000
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peak import peak_mb

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite to the customer?"}]}
REPLY = '{"evidence": [], "rationale": "It says where it is, and is kind about it.", "label": "yes"}'
TEXT = "The parcel left the depot on Monday and the customer was told so. " * 15
ALLOWED = 20.0  # MB that many items may take above few


def rows(n: int) -> Iterator[dict[str, Any]]:
    """Rows of about 1 KB, all different, of three systems."""
    for i in range(n):
        yield {"id": str(i), "task": f"Where is {i}?", "response": f"{TEXT} {i}", "system": f"s{i % 3}"}


def kind() -> Any:
    """The judge, as `py:memory:kind` names it."""
    from judgekit.judges.resolve import Scripted

    return Scripted("kind", lambda _: REPLY, "1")


def run_one(source: str, n: int, folder: Path) -> None:
    """Judge items from a source, and print the peak memory of this process in MB."""
    import judgekit as jk
    from judgekit.cli import main

    items, ledger = folder / f"{n}.jsonl", folder / f"{source}-{n}.sqlite"
    if source == "cli":
        (folder / "rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
        command = f"score {items} --rubric {folder}/rubric.json --judge py:memory:kind --ledger {ledger} -q"
        try:
            main([*command.split(), "--out", str(folder / f"out-{n}")])
        except SystemExit as end:
            assert not end.code, "the command failed"  # noqa: PT017 - not a test
    else:
        scores = jk.stream_scores(rows(n) if source == "generator" else items, RUBRIC, kind(), ledger=ledger)
        assert sum(score.value == 1.0 for score in scores) == 2 * n
    print(peak_mb())


def peak(source: str, n: int, folder: Path) -> float:
    """Peak memory in MB of a run in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--run", source, str(n), str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return float(said.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Peak memory over many items beside few.")
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--run", nargs=3, metavar=("SOURCE", "N", "FOLDER"))
    given = parser.parse_args()
    if given.run:
        source, n, folder = given.run
        run_one(source, int(n), Path(folder))
        return
    print(f"{'peak RSS, MB':14}{given.few:>10}{given.many:>10}{'more':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for n in (given.few, given.many):
            with (Path(folder) / f"{n}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows(n))
        for source in ("generator", "file", "cli"):
            few, many = (peak(source, n, Path(folder)) for n in (given.few, given.many))
            print(f"{source:14}{few:10.1f}{many:10.1f}{many - few:8.1f}")
            assert many - few <= ALLOWED, f"{source}: memory grows with the number of items"


if __name__ == "__main__":
    main()
