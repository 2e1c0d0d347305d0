"""How far outputs differ between processors: the commands of `tests/data/remake.py` as others would sum.

An older processor is played on this one: its kernel of OpenBLAS, numpy without its newer instructions, a
C library without fused multiply-add. For each the files are compared with those of this processor as it is:
bytes of scores and outcomes, digits of the numbers that `agree` and `cascade` print.

    python benchmarks/processors.py
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REMAKE = Path(__file__).resolve().parents[1] / "tests/data/remake.py"
PRINTED = ("agree", "agree-pairs", "agree-letters", "cascade")
NEWER = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F"}
NEW = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
}
PROCESSORS: dict[str, dict[str, str]] = {
    "this one again": {},
    "one thread": {"OPENBLAS_NUM_THREADS": "1"},
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell", **NEWER},
    "Sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge", **NEW},
    "Prescott": {"OPENBLAS_CORETYPE": "Prescott", **NEW},
}
KERNEL = "import numpy, threadpoolctl as t; print(t.threadpool_info()[0]['architecture'])"


def made(folder: Path, as_if: dict[str, str]) -> str:
    """Run the commands into a folder; the kernel of OpenBLAS that ran."""
    environment = {**os.environ, **as_if}
    subprocess.run(
        [sys.executable, str(REMAKE), str(folder)], env=environment, check=True, capture_output=True
    )
    return subprocess.check_output([sys.executable, "-c", KERNEL], env=environment, text=True).strip()


def numbers(tree: Any) -> Iterator[float | str]:
    """All that a tree of JSON says, in order."""
    if isinstance(tree, dict | list):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from numbers(each)
    else:
        yield float(tree) if isinstance(tree, float) else str(tree)


def told(one: Path, other: Path) -> str:
    """How two folders differ."""
    rows = sorted(path.relative_to(one) for path in one.rglob("*.jsonl"))
    same = sum((one / path).read_bytes() == (other / path).read_bytes() for path in rows)
    pairs = [
        pair
        for name in PRINTED
        for pair in zip(
            *(numbers(json.loads((at / name / "stdout").read_bytes())) for at in (one, other)), strict=True
        )
    ]
    words = sum(a != b for a, b in pairs if isinstance(a, str) or isinstance(b, str))
    both = [(a, b) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
    apart = [abs(a - b) / max(abs(a), abs(b), 1.0) for a, b in both if a != b]
    digits = f"{-math.log10(max(apart)):.1f} digits" if apart else "all digits"
    return (
        f"{same} of {len(rows)} files of rows equal to the byte; {len(both)} numbers, {len(apart)} of them "
        f"differ, the worst agrees to {digits}; {words} words differ"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "here"
        print(f"this processor: kernel {made(here, {})}")
        for name, as_if in PROCESSORS.items():
            there = Path(folder) / name
            kernel = made(there, as_if)
            print(f"{name} (kernel {kernel}): {told(here, there)}", flush=True)


if __name__ == "__main__":
    main()
