"""The recorded sets of pairs: LLMBar in both orders, PandaLM and Chatbot Arena in one."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorded_sets import CRITERION, QualitySet, Recorded, certain, estimated, source_of

from judgekit.recordings import ingest
from judgekit.rubric import Rubric
from judgekit.scales import PAIR
from judgekit.types import Abstention, Item, Outcome, Unit, Verdict

SUBSETS = ("Natural", "Neighbor", "GPTInst", "GPTOut", "Manual")
RUNS = (
    ("GPT-4", "Vanilla"), ("GPT-4", "CoT"), ("GPT-4", "Metrics_Reference"), ("ChatGPT", "Vanilla"),
    ("ChatGPT", "CoT"), ("LLaMA2", "Vanilla"), ("PaLM2", "Vanilla"), ("PaLM2", "CoT"),
)  # fmt: skip
ALONE = (("GPT-4", "Rating"), ("ChatGPT", "Rating"))
PANEL = ("GPT-4 Vanilla", "ChatGPT Vanilla", "LLaMA2 Vanilla", "PaLM2 Vanilla")
SIDES = {"1": "first", "2": "second", "0": "tie", "Tie": "tie"}
_ORDERS = {"swap = False": "given", "swap = True": "swapped"}
_PAIRS = Rubric(id="pairs", criteria=[{"id": CRITERION, "text": "Which response is better?"}])
_TEN = Rubric(
    id="ten",
    criteria=[{"id": CRITERION, "text": "How good is it?", "scale": {"low": 0, "high": 10, "step": 1}}],
)


def llmbar(folder: Path) -> Iterator[QualitySet]:
    """Each of the five subsets, then all 419 pairs together."""
    parts = [_llmbar_subset(folder, subset) for subset in SUBSETS]
    yield from parts
    judges = {
        name: replace(
            first,
            outcomes={u: own for part in parts for u, own in part.judges[name].outcomes.items()},
            tokens={u: own for part in parts for u, own in part.judges[name].tokens.items()},
        )
        for name, first in parts[0].judges.items()
    }
    yield replace(
        parts[0], name="llmbar/all", judges=judges,
        gold={u: label for part in parts for u, label in part.gold.items()},
        items={u: item for part in parts for u, item in part.items.items()},
    )  # fmt: skip


def _llmbar_subset(folder: Path, subset: str) -> QualitySet:
    records = json.loads((folder / subset / "dataset.json").read_text(encoding="utf-8"))
    units = [Unit(f"{subset}-{i}", ("1", "2")) for i in range(len(records))]
    items = {
        u: Item(u.item_id, r["input"], {"1": r["output_1"], "2": r["output_2"]})
        for u, r in zip(units, records, strict=True)
    }
    judges = [_llmbar_run(folder / subset, judge, how, units) for judge, how in RUNS]
    judges += [_llmbar_alone(folder / subset, judge, how, units) for judge, how in ALONE]
    return QualitySet(
        f"llmbar/{subset}", source_of(folder), PAIR,
        {u: SIDES[str(r["label"])] for u, r in zip(units, records, strict=True)},
        {judge.name: judge for judge in judges}, strong=PANEL[0], cheap=PANEL[1], panel=PANEL, items=items,
        notes=("one sample an order: no k samples",),
    )  # fmt: skip


def _results(folder: Path, judge: str, prompting: str) -> list[dict[str, Any]]:
    path = folder / "evaluators" / judge / prompting / "result.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _llmbar_run(folder: Path, judge: str, prompting: str, units: Sequence[Unit]) -> Recorded:
    """A judge asked about pairs in both orders, read anew from its words."""
    name, rows, tokens = f"{judge} {prompting}", [], {}
    steps = 0
    for unit, record in zip(units, _results(folder, judge, prompting), strict=True):
        *before, last = record["results"]
        steps = len(before)
        shown = estimated(record["input"] + record["output_1"] + record["output_2"])
        extra = sum(estimated(record["input"]) + estimated(step[0]) for step in before)
        own = []
        for order, said in _ORDERS.items():
            text = last[order]["completion"][0]
            # What the judge wrote itself in earlier steps is shown to it again.
            own.append(shown + sum(estimated(step[0]) for step in before) + estimated(text))
            rows.append({"item_id": unit.item_id, "first": "1", "second": "2", "shown": said, "text": text})
        tokens[unit] = (extra + sum(own) / 2, extra + sum(own))
    outcomes = ingest(rows, _PAIRS, protocol="compare", reader="winner", rater=name)
    return Recorded(name, _by_unit(units, outcomes), (steps + 1, steps + 2), tokens)


def _llmbar_alone(folder: Path, judge: str, prompting: str, units: Sequence[Unit]) -> Recorded:
    """A judge that scored each response alone; the pair goes to the larger score."""
    name = f"{judge} {prompting}"
    results = _results(folder, judge, prompting)
    rows = [
        {"item_id": unit.item_id, "response_id": side, "text": record["results"][-1][f"score_{side}"][0]}
        for unit, record in zip(units, results, strict=True)
        for side in ("1", "2")
    ]
    graded = ingest(rows, _TEN, protocol="grade", reader="first_line", rater=name)
    pairs = zip(units, graded[::2], graded[1::2], strict=True)
    outcomes = {unit: (_larger(name, unit, first, second),) for unit, first, second in pairs}
    tokens = {}
    for unit, record in zip(units, results, strict=True):
        both = sum(estimated(record["input"] + record[f"output_{side}"]) + 1 for side in (1, 2))
        tokens[unit] = (both, both)
    return Recorded(name, outcomes, (2, 2), tokens)


def _larger(rater: str, unit: Unit, first: Outcome, second: Outcome) -> Outcome:
    if not (isinstance(first, Verdict) and isinstance(second, Verdict)):
        lost = first if isinstance(first, Abstention) else second
        return Abstention(rater, unit, CRITERION, getattr(lost, "reason", "missing"), "a score is missing")
    gap = first.value - second.value
    return certain(rater, unit, CRITERION, PAIR, "first" if gap > 0 else "second" if gap < 0 else "tie")


def pandalm(folder: Path) -> QualitySet:
    """999 pairs, the majority of three people; two judges, one order each."""
    records = json.loads((folder / "testset-v1.json").read_text(encoding="utf-8"))
    units = [Unit(str(r["idx"]), ("1", "2")) for r in records]
    # Six responses are the boolean true in the file: a writer of YAML or CSV took the word for one.
    texts = {
        u: (r["instruction"] + r["input"], *(str(r[f"response{k}"]) for k in (1, 2)))
        for u, r in _zip(units, records)
    }
    gpt = json.loads((folder / "gpt-3.5-turbo-testset-v1.json").read_text(encoding="utf-8"))
    panda = json.loads((folder / "pandalm-7b-testset-v1.json").read_text(encoding="utf-8"))
    judges = {
        "gpt-3.5-turbo": [(str(r["gpt_result"]), r["gpt_reason"] + r["gpt_reference"]) for r in gpt],
        "PandaLM-7B": [
            (str(r["pandalm_result"]), r["pandalm_reason"] + r["pandalm_reference"]) for r in panda
        ],
    }
    recorded = {}
    for name, said in judges.items():
        outcomes = {u: (_said(name, u, label),) for u, (label, _) in _zip(units, said)}
        tokens = {u: estimated("".join(texts[u])) + estimated(wrote) for u, (_, wrote) in _zip(units, said)}
        recorded[name] = Recorded(name, outcomes, (1, 1), {u: (t, t) for u, t in tokens.items()})
    gold = {u: majority([str(r[f"annotator{k}"]) for k in (1, 2, 3)]) for u, r in _zip(units, records)}
    return QualitySet(
        "pandalm", source_of(folder), PAIR, gold, recorded, strong="gpt-3.5-turbo", panel=tuple(judges),
        items={u: Item(u.item_id, t, {"1": a, "2": b}) for u, (t, a, b) in texts.items()},
        notes=("one order, one sample: no balancing, no k samples, no cascade by orders",
               "PandaLM-7B was trained on labels of this kind by the authors of the set"),
    )  # fmt: skip


def person_against_others(folder: Path) -> tuple[int, int]:
    """How often the first annotator says what the other two agree on, and how often those two agree."""
    records = json.loads((folder / "testset-v1.json").read_text(encoding="utf-8"))
    agreed = [r for r in records if r["annotator2"] == r["annotator3"]]
    return sum(r["annotator1"] == r["annotator2"] for r in agreed), len(agreed)


def majority(labels: Sequence[str]) -> str:
    """The side that more than half said.

    Raises:
        ValueError: If no side has more than half.
    """
    [(label, n), *_] = Counter(labels).most_common()
    if 2 * n <= len(labels):
        raise ValueError(f"no majority in {list(labels)}")
    return SIDES[label]


def arena(folder: Path) -> Iterator[QualitySet]:
    """Three pairs of systems; two judges, one order each, and one person's vote."""
    for path in sorted(folder.glob("*_gpt-4o-mini.json")):
        stem = path.name.removesuffix("_gpt-4o-mini.json")
        judges, gold = {}, {}
        for name in ("gpt-4o-mini", "gpt-5.2"):
            records = json.loads((folder / f"{stem}_{name}.json").read_text(encoding="utf-8"))
            units = [Unit(r["id"], (r["model_a"], r["model_b"])) for r in records]
            picks = {"A": "1", "B": "2", None: "error"}
            judges[name] = Recorded(
                name, {u: (_said(name, u, picks[r["judge_pick"]]),) for u, r in _zip(units, records)}, (1, 1)
            )
            winners = {"model_a": "first", "model_b": "second"}
            gold |= {u: winners[r["human_winner"]] for u, r in _zip(units, records)}
        yield QualitySet(
            f"arena/{stem.split('_vs_')[1]}", source_of(folder), PAIR, gold, judges, strong="gpt-5.2",
            panel=tuple(judges),
            notes=("no texts: no tokens, no length rule", "one order, one sample: as pandalm",
                   "one person an item: no ceiling; kappa is of the places shown, not of the systems"),
        )  # fmt: skip


def _said(rater: str, unit: Unit, label: str) -> Outcome:
    if label not in SIDES:
        reason = "missing" if label == "error" else "malformed"
        return Abstention(rater, unit, CRITERION, reason, f"recorded as {label!r}", shown=unit.responses)
    return replace(certain(rater, unit, CRITERION, PAIR, SIDES[label]), shown=unit.responses)


def _by_unit(units: Sequence[Unit], outcomes: Sequence[Outcome]) -> Mapping[Unit, tuple[Outcome, ...]]:
    grouped: dict[Unit, tuple[Outcome, ...]] = dict.fromkeys(units, ())
    for outcome in outcomes:
        grouped[outcome.unit] += (outcome,)
    return grouped


def _zip(units: Sequence[Unit], rows: Sequence[Any]) -> Iterator[tuple[Unit, Any]]:
    return zip(units, rows, strict=True)
