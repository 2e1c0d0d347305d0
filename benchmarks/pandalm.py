"""PandaLM's pairs: items and people's labels for the command line, and the recorded judges' figures.

    python benchmarks/pandalm.py items ../shared/data/pandalm --n 60 --out /tmp/pairs.jsonl
    python benchmarks/pandalm.py labels ../shared/data/pandalm --out /tmp/labels.jsonl
    python benchmarks/pandalm.py figures ../shared/data/pandalm
    python benchmarks/pandalm.py judged ../shared/data/pandalm OUTCOMES.jsonl ...

`figures` reads the recorded judges and prints agreement with the majority of the three annotators under
three treatments of the replies that could not be read (a tie, wrong, left out) beside the published
numbers. `judged` compares outcomes of `judgekit compare` on the items with the majority: accuracy of
one order, of both balanced, with 95 % Wilson intervals, and the share of verdicts changed by the order.
"""

import argparse
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from judgekit.calibration import balance
from judgekit.table import read_outcomes
from judgekit.types import Outcome, Verdict

NAMES = {"1": "first", "2": "second", "0": "tie"}


def records(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "testset-v1.json").read_text())


def majority(record: dict[str, Any]) -> str | None:
    [(label, n), *_] = Counter(str(record[f"annotator{k}"]) for k in (1, 2, 3)).most_common()
    return NAMES[label] if n >= 2 else None


def items(folder: Path, n: int, out: Path) -> None:
    with out.open("w", encoding="utf-8") as lines:
        for record in records(folder)[:n]:
            task = record["instruction"] + (f"\n\n{record['input']}" if record["input"] else "")
            # A few responses are JSON true, not text: they were the word.
            responses = {k: str(record[f"response{k}"] or "(nothing)") for k in ("1", "2")}
            row = {"item_id": record["idx"], "task": task, "responses": responses}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def labels(folder: Path, out: Path) -> None:
    with out.open("w", encoding="utf-8") as lines:
        for record in records(folder):
            for k in (1, 2, 3):
                row = {"item_id": record["idx"], "first": "1", "second": "2", "rater": f"annotator{k}",
                       "label": str(record[f"annotator{k}"])}  # fmt: skip
                lines.write(json.dumps(row) + "\n")


def figures(folder: Path) -> bool:
    from sklearn.metrics import accuracy_score, cohen_kappa_score, precision_recall_fscore_support

    gold = [majority(record) for record in records(folder)]
    gpt = json.loads((folder / "gpt-3.5-turbo-testset-v1.json").read_text())
    panda = json.loads((folder / "pandalm-7b-testset-v1.json").read_text())
    said = {
        "gpt-3.5, unreadable a tie": [NAMES.get(r["gpt_result"].replace("Tie", "0"), "tie") for r in gpt],
        "gpt-3.5, unreadable wrong": [NAMES.get(r["gpt_result"].replace("Tie", "0"), "none") for r in gpt],
        "gpt-3.5, unreadable left out": [NAMES.get(r["gpt_result"].replace("Tie", "0")) for r in gpt],
        "PandaLM-7B": [NAMES[str(r["pandalm_result"])] for r in panda],
    }
    expected = json.loads((folder / "EXPECTED.json").read_text())
    wanted = {
        "gpt-3.5, unreadable a tie": expected["gpt35_garbage_as_tie"]["accuracy"],
        "gpt-3.5, unreadable wrong": expected["gpt35_garbage_counted_wrong_accuracy"],
        "gpt-3.5, unreadable left out": expected["gpt35_excluding_unparseable"]["accuracy"],
        "PandaLM-7B": expected["pandalm7b"]["accuracy"],
    }
    print(f"{'':30} {'n':>4} {'accuracy':>9} {'expected':>9} {'macro F1':>9} {'kappa':>7}")
    good = True
    for name, verdicts in said.items():
        both = [(g, v) for g, v in zip(gold, verdicts, strict=True) if v is not None]
        true, found = zip(*both, strict=True)
        accuracy = accuracy_score(true, found)
        f1 = precision_recall_fscore_support(true, found, average="macro", zero_division=0)[2]
        kappa = cohen_kappa_score(true, found)
        good &= abs(accuracy - wanted[name]) < 5e-7
        print(f"{name:30} {len(both):4} {accuracy:9.6f} {wanted[name]:9.6f} {f1:9.6f} {kappa:7.4f}")
    print("as expected" if good else "NOT as expected")
    return good


def judged(folder: Path, outcomes: list[Outcome]) -> None:
    gold = {str(record["idx"]): majority(record) for record in records(folder)}
    by_rater: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        by_rater.setdefault(outcome.rater, {}).setdefault(outcome.unit.item_id, []).append(outcome)
    print(f"{'judge':26} {'n':>3} {'one order':>22} {'both orders':>22} {'changed by the order':>22}")
    for rater, by_item in by_rater.items():
        single, both, changed = [], [], []
        for item, own in by_item.items():
            verdicts = [o for o in own if isinstance(o, Verdict)]
            if gold[item] is None or len(verdicts) != len(own):
                continue
            single += [o.label == gold[item] for o in verdicts]
            settled = balance(own)
            both.append(isinstance(settled, Verdict) and settled.label == gold[item])
            changed.append(len({o.label for o in verdicts}) > 1)
        shares = [share(single, len(both)), share(both, len(both)), share(changed, len(both))]
        print(f"{rater:26} {len(both):3} " + " ".join(f"{each:>22}" for each in shares))


def share(hits: list[bool], n: int) -> str:
    z, p = 1.959964, sum(hits) / len(hits)
    middle, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return f"{p:.2f} [{(middle - width) / (1 + z * z / n):.2f}, {(middle + width) / (1 + z * z / n):.2f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["items", "labels", "figures", "judged"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("outcomes", type=Path, nargs="*")
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.what == "items":
        items(given.folder, given.n, given.out)
    elif given.what == "labels":
        labels(given.folder, given.out)
    elif given.what == "figures":
        return 0 if figures(given.folder) else 1
    else:
        judged(given.folder, [o for path in given.outcomes for o in read_outcomes(path)])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
