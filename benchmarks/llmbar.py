"""Recorded judges on LLMBar, read anew from their raw words: accuracy, order agreement, what balancing does.

    python benchmarks/llmbar.py ../shared/data/llmbar

Each run of a judge (419 pairs, both orders) is ingested from its raw completions with the reader
`winner`, and compared with the figures recomputed by the keepers of the data (EXPECTED.json). One
judge's winners were misread by its publisher: there ours differ, and the table says by how much.
Then, for each judge over all subsets: accuracy of one order, of both orders balanced (a tie is half
right), and the share of verdicts that change with the order, with 95 % Wilson intervals.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from judgekit.calibration import balance
from judgekit.recordings import ingest
from judgekit.rubric import Rubric
from judgekit.types import Outcome, Verdict

SUBSETS = ("Natural", "Neighbor", "GPTInst", "GPTOut", "Manual")
RUNS = (
    ("GPT-4", "Vanilla"), ("GPT-4", "CoT"), ("GPT-4", "Metrics_Reference"), ("ChatGPT", "Vanilla"),
    ("ChatGPT", "CoT"), ("LLaMA2", "Vanilla"), ("PaLM2", "Vanilla"), ("PaLM2", "CoT"),
)  # fmt: skip
RUBRIC = Rubric(id="llmbar", criteria=[{"id": "better", "text": "Which output follows the instruction?"}])
ORDERS = {"swap = False": "given", "swap = True": "swapped"}


def rows(folder: Path, subset: str, judge: str, prompting: str) -> Iterator[dict[str, Any]]:
    items = json.loads((folder / subset / "evaluators" / judge / prompting / "result.json").read_text())
    for number, item in enumerate(items):
        for order, shown in ORDERS.items():
            said = item["results"][-1][order]
            yield {
                "item_id": f"{subset}-{number}", "first": "1", "second": "2", "shown": shown, "rater": judge,
                "text": said["completion"][0], "recorded": said["winner"], "gold": str(item["label"]),
            }  # fmt: skip


def winner(outcome: Outcome) -> str | None:
    return {"first": "1", "second": "2"}.get(outcome.label) if isinstance(outcome, Verdict) else None


def wilson(share: float, n: int) -> str:
    z = 1.959964
    middle, width = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return f"{share:.3f} [{(middle - width) / (1 + z * z / n):.3f}, {(middle + width) / (1 + z * z / n):.3f}]"


def figures(read: list[dict[str, Any]], outcomes: list[Outcome]) -> dict[str, int]:
    """The counts that EXPECTED.json has, from our reading."""
    by_item: dict[str, dict[str, tuple[str | None, str]]] = {}
    for row, outcome in zip(read, outcomes, strict=True):
        by_item.setdefault(row["item_id"], {})[row["shown"]] = (winner(outcome), row["gold"])
    pairs = [(each["given"][0], each["swapped"][0], each["given"][1]) for each in by_item.values()]
    return {
        "correct_False": sum(a == gold for a, _, gold in pairs),
        "correct_True": sum(b == gold for _, b, gold in pairs),
        "correct_both": sum(a == b == gold for a, b, gold in pairs),
        "equal_counting_both_null": sum(a == b for a, b, _ in pairs),
    }


def main(folder: Path) -> int:
    expected = json.loads((folder / "EXPECTED.json").read_text())
    print(f"{'judge':26} {'read as recorded':>17} {'figures equal':>14}")
    off = 0
    lines = []
    for judge, prompting in RUNS:
        same = total = equal = 0
        every: list[tuple[dict[str, Any], Outcome]] = []
        for subset in SUBSETS:
            read = list(rows(folder, subset, judge, prompting))
            outcomes = list(ingest(read, RUBRIC, protocol="compare", reader="winner"))
            same += sum(winner(o) == row["recorded"] for row, o in zip(read, outcomes, strict=True))
            total += len(read)
            ours, theirs = figures(read, outcomes), expected[f"{subset}/{judge}/{prompting}"]
            equal += all(theirs[name] == value for name, value in ours.items())
            every += zip(read, outcomes, strict=True)
        misread = (judge, prompting) == ("PaLM2", "CoT")
        off += 0 if misread else (same != total) + (equal != len(SUBSETS))
        print(
            f"{judge + ' ' + prompting:26} {same:8} of {total:4} {equal:9} of {len(SUBSETS)}"
            + ("  (misread by its publisher)" if misread else "")
        )
        lines.append(balancing(f"{judge} {prompting}", every))
    print(
        f"\n{'judge':26} {'accuracy, one order':>24} {'both orders balanced':>24} {'changed by the order':>24}"
    )
    print("\n".join(lines))
    print("\nall as expected" if off == 0 else f"\n{off} differences")
    return 0 if off == 0 else 1


def balancing(name: str, every: list[tuple[dict[str, Any], Outcome]]) -> str:
    by_item: dict[str, list[tuple[dict[str, Any], Outcome]]] = {}
    for row, outcome in every:
        by_item.setdefault(row["item_id"], []).append((row, outcome))
    n = len(by_item)
    one = sum((winner(o) == row["gold"]) / 2 for row, o in every)
    both = changed = 0.0
    for own in by_item.values():
        settled = balance([o for _, o in own])
        gold = own[0][0]["gold"]
        value = settled.value if isinstance(settled, Verdict) else 0.0
        right = value if gold == "1" else 1 - value
        both += right if isinstance(settled, Verdict) else 0.0
        changed += len({winner(o) for _, o in own}) > 1
    return f"{name:26} {wilson(one / n, n):>24} {wilson(both / n, n):>24} {wilson(changed / n, n):>24}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    raise SystemExit(main(parser.parse_args().folder))
