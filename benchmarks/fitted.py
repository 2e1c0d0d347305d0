"""What is fitted to stored outcomes, on recorded judges: panels on LLMBar, a calibration on LLM-Rubric.

`python benchmarks/fitted.py ../shared/data`

LLMBar: four judges in both orders on 419 pairs with a gold label; each panel's share of right pairs (a tie is
half of one), of all and of those without a label for `accuracy`, which gets every fourth. LLM-Rubric: gpt-3.5's
probabilities of 1 to 4 against its annotators; the Brier score before and after a temperature, each
conversation by a fit without it.
"""

import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import audits

import judgekit as jk
from judgekit.recordings import ingest
from judgekit.types import Call, Outcome, Verdict

JUDGES = ("ChatGPT", "GPT-4", "LLaMA2", "PaLM2")
PANELS = ("mean", "majority", "one_coin", "dawid_skene", "accuracy")
SHARE = 4  # every fourth item has a label


def recorded(folder: Path) -> tuple[list[dict[str, Any]], dict[str, str], list[jk.Scripted]]:
    """The pairs, the gold label of each, and judges that say what was recorded."""
    items: list[dict[str, Any]] = []
    gold: dict[str, str] = {}
    said: dict[tuple[str, str, tuple[str, ...]], Outcome] = {}
    for subset in audits.LLMBAR:
        for k, row in enumerate(json.loads((folder / subset / "dataset.json").read_text(encoding="utf-8"))):
            name = f"{subset}-{k}"
            texts = {"1": row["output_1"] or " ", "2": row["output_2"] or " "}
            items.append({"id": name, "task": row["input"], "responses": texts})
            gold[name] = str(row["label"])
        for judge in JUDGES:
            rows = list(audits.llmbar_rows(folder, subset, judge))
            for o in ingest(rows, audits.BETTER, protocol="compare", reader="winner"):
                said[judge, o.unit.item_id, o.shown] = o

    def judge_of(name: str) -> jk.Scripted:
        def answer(call: Call) -> str:
            assert call.item is not None
            o = said[name, call.item.item_id, call.shown]
            if not isinstance(o, Verdict):
                return "?"
            return "tie" if o.label == "tie" else "AB"[call.shown.index("1" if o.label == "first" else "2")]

        return jk.Scripted(name, answer)

    return items, gold, list(map(judge_of, JUDGES))


def panels(folder: Path) -> None:
    """How often each panel is right."""
    items, gold, judges = recorded(folder)
    labels = [
        {"item_id": name, "first": "1", "second": "2", "rater": "gold", "label": label}
        for name, label in list(gold.items())[::SHARE]
    ]
    print(f"LLMBar, {len(items)} pairs, {', '.join(JUDGES)}")
    for panel in PANELS:
        known: dict[str, Any] = {"labels": labels} if panel == "accuracy" else {}
        run = jk.compare(items, audits.BETTER, judges, panel=panel, ledger=None, reask=False, **known)
        right = [
            0.5 if s.value in {None, 0.5} else float((s.value > 0.5) == (gold[s.unit.item_id] == "1"))
            for s in run.scores
        ]
        rest = [hit for place, hit in enumerate(right) if place % SHARE]
        fitted = run.summary.get("fitted", {"criteria": {}})["criteria"]
        told = {name: round(p, 2) for each in fitted.values() for name, p in each["accuracy"].items()}
        print(f"  {panel:12} right {fmean(right):.3f}, without a label {fmean(rest):.3f}  {told or ''}")


def calibration(folder: Path) -> None:
    """The Brier score of each criterion before and after."""
    judged, labels, rubric = audits.llm_rubric_data(folder)
    found = jk.calibrate(judged, labels, rubric=rubric)
    for fit in found.fits:
        print(f"  {fit.criterion:24} {fit.n} labels, {fit.brier_before:.3f} -> {fit.brier_after:.3f}")
    before, after = (
        fmean(getattr(fit, name) for fit in found.fits) for name in ("brier_before", "brier_after")
    )
    print(f"LLM-Rubric, {len(found.fits)} criteria: mean Brier score {before:.3f} -> {after:.3f}")


def main() -> None:
    data = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "data")
    panels(data / "llmbar")
    calibration(data / "llm_rubric")


if __name__ == "__main__":
    main()
