"""Does the audit say what each planted judge deserves? Nothing bad is trusted, nothing good is turned away.

Every case of `verdict_cases.py` on so many data sets: the share of data sets with the expected verdict for each
purpose, the share with a wrong TRUST (with a correction or without, where the judge deserves neither; without
one, where it needs it), and the share of verdicts whose reason names what was planted.

Promised: wrong trust pooled at most 2.5 %, and in no case and purpose more than 9 of 200 (of cases at a
threshold 70 of 2,000); the expected verdict in at least 90 %, the reason in at least 90 % of those.

    python benchmarks/verdict_table.py --runs 200 --threshold-runs 2000 --store
"""

import argparse
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from stored import Found, concluded, options, share
from verdict_cases import CASES, PURPOSES, VERDICTS, Case

from judgekit.agreement import audit
from judgekit.report import findings, read_thresholds

LETTERS = {verdict: letter for letter, verdict in VERDICTS.items()}


@dataclass
class Counted:
    """What was said of one case and purpose."""

    letters: Counter[str] = field(default_factory=Counter)
    named: int = 0
    right: int = 0


def of_case(name: str, seeds: range) -> list[Counted]:
    """The verdicts of one case on some data sets, purpose by purpose."""
    [case] = [each for each in CASES if each.name == name]
    gates, found = read_thresholds(), [Counted() for _ in PURPOSES]
    for seed in seeds:
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        made = findings(audit(case.make(rng), b=200, only_deciding=True), gates)
        for counted, finding, purpose, wanted in zip(found, made, PURPOSES, case.expected, strict=True):
            letter = LETTERS[finding.verdict]
            counted.letters[letter] += 1
            if letter == wanted:
                counted.right += 1
                words = case.why.get(purpose, case.why.get("all", ("",)))
                said = " ".join([finding.why, *finding.change, *finding.correction])
                counted.named += any(word in said for word in words)
    return found


def wrong_trust(letters: Counter[str], wanted: str) -> int:
    """Verdicts that trust more than the judge deserves."""
    return {"T": 0, ".": 0, "C": letters["T"]}.get(wanted, letters["T"] + letters["C"])


def rows(case: Case, found: list[Counted], runs: int) -> Iterator[Found]:
    most = 70 / 2000 if case.threshold else 9 / 200
    for purpose, wanted, counted in zip(PURPOSES, case.expected, found, strict=True):
        if wanted == ".":
            continue
        row = f"{case.name}, {purpose}: {VERDICTS[wanted]}"
        yield share(row, "expected verdict", counted.right / runs, runs, (0.9, 1.0))
        yield share(row, "wrong trust", wrong_trust(counted.letters, wanted) / runs, runs, (0.0, most))
        if counted.right:
            yield share(row, "reason named", counted.named / counted.right, counted.right, (0.9, 1.0))


def main() -> int:
    parser: argparse.ArgumentParser = options(__doc__ or "", runs=200)
    parser.add_argument("--threshold-runs", type=int, default=2000, help="data sets of a case at a threshold")
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    chosen = [each for each in CASES if given.case in each.name]
    print(f"{'case':46}{'rank':>19}{'level':>19}{'gate':>19}   expected, share right (what else was said)")
    found: list[Found] = []
    wrong = total = 0
    start = time.process_time()
    with ProcessPoolExecutor(given.processes) as pool:
        sizes = [given.threshold_runs if each.threshold else given.runs for each in chosen]
        made = pool.map(
            of_case, [each.name for each in chosen], [range(given.seed, given.seed + n) for n in sizes]
        )
        for case, runs, counted in zip(chosen, sizes, made, strict=True):
            cells = [
                f"{w} {c.right / runs:.3f} {''.join(f'{k}{n}' for k, n in c.letters.most_common() if k != w)}"
                for w, c in zip(case.expected, counted, strict=True)
            ]
            print(f"{case.name:46}" + "".join(f"{each:>19}" for each in cells), flush=True)
            found += rows(case, counted, runs)
            wrong += sum(wrong_trust(c.letters, w) for w, c in zip(case.expected, counted, strict=True))
            total += sum(runs for w in case.expected if w not in "T.")
    found.append(share("all cases", "wrong trust, pooled", wrong / max(total, 1), total, (0.0, 0.025)))
    print(f"# wrong trust: {wrong} of {total}; {time.process_time() - start:.0f} CPU-seconds here")
    return concluded("verdict_table", found, given)


if __name__ == "__main__":
    sys.exit(main())
