"""Recorded judges of other people through every probe that needs no new call.

    python benchmarks/recorded_probes.py [--data ../shared/data] [--store]

LLMBar (8 runs of judges read anew from their words, 419 pairs in both orders, gold preferences), Chatbot
Arena votes with two judges (877 pairs, one order, people's votes), and the first GPT-4 reviews of FastChat
(five sets of 80 pairs with scores, one order, no labels). What EXPECTED.json has of them is counted again:
agreement of the two orders, verdicts right, the first shown picked. Nothing is asked; intervals are 95 %.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmbar import RUBRIC, RUNS, SUBSETS, rows
from stored import Found, concluded

import judgekit as jk
from judgekit.probes import ProbeRun
from judgekit.recordings import ingest
from judgekit.types import Estimate, Unit, Verdict

ROOT = Path(__file__).parents[1]
Checked = Iterator[Found]
"""What was counted here, with the count of EXPECTED.json as its band."""


def llmbar(folder: Path) -> tuple[ProbeRun, Checked]:
    """Return what is found of the judges of LLMBar over all sets, and the counts of each set."""
    said: dict[str, list[Any]] = {subset: [] for subset in SUBSETS}
    labels, texts = [], []
    for subset in SUBSETS:
        for judge, prompting in RUNS:
            read = [
                {**row, "rater": f"{judge} {prompting}"} for row in rows(folder, subset, judge, prompting)
            ]
            said[subset] += ingest(read, RUBRIC, protocol="compare", reader="winner")
        for n, row in enumerate(json.loads((folder / subset / "dataset.json").read_text(encoding="utf-8"))):
            pair = {"item_id": f"{subset}-{n}", "first": "1", "second": "2"}
            labels.append({**pair, "rater": "gold", "label": str(row["label"])})
            answers = {"1": row["output_1"], "2": row["output_2"]}
            texts.append({"item_id": f"{subset}-{n}", "task": row["input"], "responses": answers})
    whole = [each for own in said.values() for each in own]
    expected = json.loads((folder / "EXPECTED.json").read_text(encoding="utf-8"))
    return jk.probe(whole, RUBRIC, texts=texts, labels=labels), _of_llmbar(said, labels, texts, expected)


def _of_llmbar(said: Any, labels: Any, texts: Any, expected: Any) -> Checked:
    for subset, outcomes in said.items():
        of_set = [
            [row for row in each if row["item_id"].startswith(f"{subset}-")] for each in (labels, texts)
        ]
        found = jk.probe(outcomes, RUBRIC, only=["order", "position-bias"], labels=of_set[0], texts=of_set[1])
        for judge, prompting in RUNS:
            known, more = expected[f"{subset}/{judge}/{prompting}"], _more(found, f"{judge} {prompting}")
            if (judge, prompting) == ("PaLM2", "CoT"):  # misread by its publisher, which the record keeps
                continue
            where = f"{subset}, {judge} {prompting}"
            yield _held(
                where, "orders agree", _count(more["position_consistency"]), known["equal_both_parsed"]
            )
            right = known["correct_False"] + known["correct_True"]
            yield _held(where, "right", _count(more["accuracy"]), right)
            if known["null_False"] + known["null_True"] == 0:
                first = known["first_shown_picked_False"] + known["first_shown_picked_True"]
                yield _held(where, "first picked", _count(more["first_pick_rate"], 2), first)


def arena(folder: Path) -> tuple[ProbeRun, Checked]:
    """Return what is found of the judges of Arena votes."""
    said: dict[tuple[str, str], Verdict] = {}
    labels, texts = {}, {}
    files = sorted(folder.glob("*_vs_*_*.json"))
    for path in files:
        for row in json.loads(path.read_text(encoding="utf-8")):
            systems, judge = {"A": row["model_a"], "B": row["model_b"]}, path.stem.rpartition("_")[2]
            pair = {"item_id": row["id"], "first": "A", "second": "B"}
            gold = {"model_a": "first", "model_b": "second"}[row["human_winner"]]
            labels[row["id"]] = {**pair, "rater": "voter", "label": gold}
            texts[row["id"]] = {
                "item_id": row["id"],
                "task": "?",
                "responses": {"A": "", "B": ""},
                "systems": systems,
            }
            if row["judge_pick"]:
                label = {"A": "first", "B": "second"}[row["judge_pick"]]
                said[judge, row["id"]] = Verdict(
                    rater=judge, unit=Unit(row["id"], ("A", "B")), criterion="better", probs=((label, 1.0),),
                    label=label, value=float(label == "first"), shown=("A", "B"),
                )  # fmt: skip
    expected = json.loads((folder / "EXPECTED.json").read_text(encoding="utf-8"))
    found = jk.probe(list(said.values()), RUBRIC, labels=[*labels.values()], texts=[*texts.values()])
    return found, _of_arena(found, expected)


def _of_arena(found: ProbeRun, expected: Any) -> Checked:
    for judge in ("gpt-4o-mini", "gpt-5.2"):
        right = sum(own["agreements"] for name, own in expected.items() if name.endswith(f"/{judge}"))
        yield _held(f"arena, {judge}", "right", _count(_more(found, judge)["accuracy"]), right)


def fastchat(folder: Path) -> tuple[ProbeRun, Checked]:
    """Return what is found of the first GPT-4 reviews."""
    said, texts = [], {}
    answers = {
        row["answer_id"]: row
        for path in sorted(folder.glob("answer/*.jsonl"))
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    for path in sorted(folder.glob("review/*/*.jsonl")):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            own = [answers.get(row[f"answer{k}_id"]) for k in (1, 2)]
            if None in own:
                continue
            item, names = f"{path.stem}-{row['question_id']}", [each["model_id"] for each in own]
            texts[item] = {
                "item_id": item, "task": "?", "responses": {n: each["text"] for n, each in zip("12", own, strict=True)},
                "systems": dict(zip("12", names, strict=True)), "cluster": f"question {row['question_id']}",
            }  # fmt: skip
            for name, score in zip("12", row["score"], strict=True):
                said.append(Verdict(
                    rater="GPT-4", unit=Unit(item, (name,)), criterion="better", probs=((f"{score:g}", 1.0),),
                    label=f"{score:g}", value=score / 10, shown=("1", "2"),
                ))  # fmt: skip
    families = {
        "openai": ["GPT-4", *{own["model_id"] for own in answers.values() if "gpt" in own["model_id"]}]
    }
    return jk.probe(said, RUBRIC, texts=[*texts.values()], families=families), iter(())


def _more(found: ProbeRun, judge: str) -> dict[str, Estimate]:
    return {each.name: each for shift in found.shifts if shift.judge == judge for each in shift.more}


def _held(where: str, what: str, ours: int, theirs: int) -> Found:
    return Found(where, what, ours, 0.0, 1, (theirs, theirs))


def _count(made: Estimate, times: int = 1) -> int:
    return round(made.value * made.n_used * times)


def main() -> int:
    """Print the tables; 1 if a count differs from the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default=str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--store", action="store_true", help="keep the figures in benchmarks/results/")
    asked = parser.parse_args()
    kept: list[Found] = []
    for name, read in (("llmbar", llmbar), ("arena_judges", arena), ("fastchat_vicuna80", fastchat)):
        found, checked = read(Path(asked.data) / name)
        print(f"\n{name}: {found.items} items, {len(found.shifts)} findings, no call")
        for shift in found.shifts:
            print(f"  {shift.judge:26} {shift.probe.name:16} {shift.state:6} {shift.says}")
            for each in (shift.shift, *shift.more):
                if not math.isnan(each.value):
                    told = f"{each.value:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
                    print(f"  {'':50} {each.name:32} {told} of {each.n_used}")
                    kept.append(Found(f"{name} {shift.judge}", each.name, each.value, each.se, each.n_used))
        kept += checked
    print("\nCounts of EXPECTED.json:")
    return concluded("recorded_probes", kept, asked)


if __name__ == "__main__":
    raise SystemExit(main())
