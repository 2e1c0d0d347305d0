"""Audit recorded judges on real labels, from their raw files, and write a report for each data set.

    python benchmarks/audits.py ../shared/data --out /tmp/audits

- llmbar: GPT-4 and ChatGPT (Vanilla), 419 pairs, both orders, read anew from their raw words; one settled
  gold label a pair, so the labels are declared trusted. Slices by subset.
- pandalm: gpt-3.5-turbo and PandaLM-7B on 999 pairs of responses by named systems; three annotators.
- llm_rubric: gpt-3.5-turbo-16k's label probabilities on 225 synthetic conversations, nine criteria;
  24 annotators, mostly three a conversation. 0 is "not applicable" and no label. Where an annotator
  labelled a conversation twice the first label counts, and how many were left out is said.

Prints each judge's agreement and verdicts. Data that are absent are skipped, and said so.
"""

import argparse
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from judgekit.recordings import ingest
from judgekit.report import findings, read_thresholds
from judgekit.report.checks import told
from judgekit.report.page import write_report
from judgekit.rubric import Rubric
from judgekit.scales import Labels, settle
from judgekit.types import Abstention, Item, Outcome, Unit, Verdict
from judgekit.verbs.agree import agree

LLMBAR = ("Natural", "Neighbor", "GPTInst", "GPTOut", "Manual")
BETTER = Rubric(id="better", criteria=[{"id": "better", "text": "Which response is better?"}])
QUESTIONS = {
    "Q0": "overall satisfaction", "Q1": "naturalness", "Q2": "sources cited", "Q3": "right sources",
    "Q4": "no needless sources", "Q5": "no repetition", "Q6": "conciseness", "Q7": "right topics",
    "Q8": "efficiency",
}  # fmt: skip


def llmbar(folder: Path) -> tuple[Any, str]:
    """GPT-4 and ChatGPT in both orders against the gold labels."""
    raw: list[Outcome] = []
    gold, items = [], []
    for subset in LLMBAR:
        for k, row in enumerate(json.loads((folder / subset / "dataset.json").read_text())):
            name = f"{subset}-{k}"
            gold.append(
                {"item_id": name, "first": "1", "second": "2", "rater": "gold", "label": str(row["label"])}
            )
            responses = {"1": row["output_1"] or " ", "2": row["output_2"] or " "}
            items.append(Item(name, row["input"], responses, tags={"subset": subset}))
        for judge in ("GPT-4", "ChatGPT"):
            raw += ingest(
                list(llmbar_rows(folder, subset, judge)), BETTER, protocol="compare", reader="winner"
            )
    made = agree(raw, labels=gold, rubric=BETTER, items=items, by=["subset"], trusted=True)
    return made, "LLMBar: do GPT-4 and ChatGPT see which output follows the instruction?"


def llmbar_rows(folder: Path, subset: str, judge: str) -> Iterator[dict[str, Any]]:
    """What a judge wrote of each pair, in both orders."""
    results = json.loads((folder / subset / "evaluators" / judge / "Vanilla" / "result.json").read_text())
    for k, row in enumerate(results):
        for order, shown in (("swap = False", "given"), ("swap = True", "swapped")):
            text = row["results"][-1][order]["completion"][0]
            yield {
                "item_id": f"{subset}-{k}",
                "first": "1",
                "second": "2",
                "shown": shown,
                "rater": judge,
                "text": text,
            }


def pandalm(folder: Path) -> tuple[Any, str]:
    """gpt-3.5-turbo and PandaLM-7B against three annotators."""
    rows = json.loads((folder / "testset-v1.json").read_text())
    said = {
        "gpt-3.5-turbo": [
            r["gpt_result"] for r in json.loads((folder / "gpt-3.5-turbo-testset-v1.json").read_text())
        ],
        "PandaLM-7B": [
            str(r["pandalm_result"]) for r in json.loads((folder / "pandalm-7b-testset-v1.json").read_text())
        ],
    }
    label = {"1": "first", "2": "second", "0": "tie", "Tie": "tie"}
    value = {"first": 1.0, "tie": 0.5, "second": 0.0}
    judged: list[Outcome] = []
    labels, texts, prompts = [], {}, {}
    for k, row in enumerate(rows):
        a, b = row["cmp_key"].split("_")[0], row["cmp_key"].split("_")[-1]
        name = f"{row['motivation_app']}: {row['instruction']} {row['input']}"
        name = prompts.setdefault(name, f"prompt {len(prompts) + 1}")
        unit = Unit(name, (a, b))
        texts.setdefault(name, {}).update({a: str(row["response1"] or " "), b: str(row["response2"] or " ")})
        for judge, every in said.items():
            word = label.get(every[k])
            if word is None:
                judged.append(Abstention(judge, unit, "better", "malformed", every[k]))
            else:
                judged.append(Verdict(judge, unit, "better", ((word, 1.0),), word, value[word], shown=(a, b)))
        labels += [
            {"item_id": name, "first": a, "second": b, "rater": f"annotator {n}", "label": label[str(row[f"annotator{n}"])]}
            for n in (1, 2, 3)
        ]  # fmt: skip
    items = [Item(name, "", responses) for name, responses in texts.items()]
    made = agree(judged, labels=labels, rubric=BETTER, items=items, responses_are_systems=True)
    return made, "PandaLM test set: may gpt-3.5-turbo or PandaLM-7B stand in for the annotators?"


def llm_rubric(folder: Path) -> tuple[Any, str]:
    """gpt-3.5-turbo-16k's probabilities of 1 to 4 against the annotators, on nine criteria."""
    judged, labels, rubric = llm_rubric_data(folder)
    made = agree(judged, labels=labels, rubric=rubric)
    return made, "LLM-Rubric: does gpt-3.5-turbo-16k rate conversations as annotators do?"


def llm_rubric_data(folder: Path) -> tuple[list[Outcome], list[dict[str, Any]], Rubric]:
    """The judge's verdicts, the annotators' labels, and the rubric."""
    scale = Labels(labels=("1", "2", "3", "4"))
    rubric = Rubric(
        id="llm_rubric",
        criteria=[{"id": f"{q} {n}", "text": n, "scale": "1-4"} for q, n in QUESTIONS.items()],
    )
    labels, seen, again = [], set(), 0
    for row in _tsv(folder / "human_judges_synth_all_FIXED_ANON.tsv"):
        for question, name in QUESTIONS.items():
            given = row[question].removesuffix(".0")
            place = (row["text_id"], row["annotator_id"], question)
            if given in {"", "0"}:
                continue
            if place in seen:
                again += 1
                continue
            seen.add(place)
            labels.append({
                "item_id": row["text_id"], "response_id": "conversation", "criterion": f"{question} {name}",
                "rater": f"annotator {row['annotator_id']}", "label": given,
            })  # fmt: skip
    judged: list[Outcome] = []
    for row in _tsv(folder / "gpt-3.5-turbo-16k_synth_evaluations_FIXED.tsv"):
        name = f"{row['criterion']} {QUESTIONS[row['criterion']]}"
        weights = {str(k): float(row[f"answer{k}_prob"]) for k in (1, 2, 3, 4)}
        probs, label, value = settle(scale, weights)
        unit = Unit(row["text_id"], ("conversation",))
        judged.append(Verdict("gpt-3.5-turbo-16k", unit, name, probs, label, value, "logprob"))
    print(f"llm_rubric: {again} second labels of one annotator left out")
    return judged, labels, rubric


def _tsv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


AUDITS: dict[str, Callable[[Path], tuple[Any, str]]] = {
    "llmbar": llmbar,
    "pandalm": pandalm,
    "llm_rubric": llm_rubric,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=list(AUDITS), action="append")
    given = parser.parse_args()
    gates = read_thresholds()
    for name in given.only or AUDITS:
        folder = given.data / name
        if not folder.is_dir():
            print(f"{name}: skipped, there is no {folder}")
            continue
        audit, title = AUDITS[name](folder)
        found = findings(audit, gates)
        command = f"python benchmarks/audits.py --only {name}"
        page, *_ = write_report(audit, found, gates, given.out / f"{name}.html", title=title, command=command)
        print(f"\n{title}\n-> {page}")
        for criterion in audit.criteria:
            for judge in criterion.judges:
                verdicts = "; ".join(
                    f"{f.purpose} {f.verdict}"
                    for f in found
                    if (f.judge, f.criterion) == (judge.judge, criterion.criterion)
                )
                print(
                    f"  {criterion.criterion:26} {judge.judge:18} {judge.main.name} {told(judge.main)}  {verdicts}"
                )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
