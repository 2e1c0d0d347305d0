"""The recorded sets of grades: Prometheus with three samples a response, LLM-Rubric with probabilities.

Prometheus has no people: a sample is held out for each response and stands in their place, so that its
figures say how well a judge repeats itself and nothing of whether it is right. LLM-Rubric has people, and
a judge with probabilities, from which any number of samples can be drawn.
"""

import csv
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from recorded_sets import QualitySet, Recorded, certain, estimated, source_of

from judgekit.distribution import settled
from judgekit.scales import Numbers, plain_number
from judgekit.types import Item, Outcome, Unit, Verdict

sys.path.append(str(Path(__file__).parents[1]))
from prometheus_items import parts

FIVE, FOUR = Numbers(low=1, high=5, step=1), Numbers(low=1, high=4, step=1)
OVERALL = "Q0"
GPT35 = "gpt-3.5-turbo-16k"
QUESTIONS = tuple(f"Q{i}" for i in range(9))


def prometheus(folder: Path, *, seed: int) -> Iterator[QualitySet]:
    """Two sets of 320 responses: one GPT-4 sample, drawn by the seed, is held out; two are the judge."""
    for name in ("vicuna_eval", "mt_bench_eval"):
        records = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        held = np.random.default_rng(seed).integers(3, size=len(records)).tolist()
        gold, values, outcomes, tokens, items = {}, {}, {}, {}, {}
        for record, out in zip(records, held, strict=True):
            unit = Unit(f"{record['idx']}-{record['response_source']}", ("response",))
            scores = record["gpt4_score"]
            gold[unit], values[unit] = str(scores[out]), float(scores[out])
            left = [k for k in range(3) if k != out]
            outcomes[unit] = tuple(_sample(unit, str(scores[k]), k) for k in left)
            each = [estimated(record["instruction"]) + estimated(record["gpt4_feedback"][k]) for k in left]
            tokens[unit] = (fmean(each), sum(each))
            _, task, response, reference, _, _ = parts(record["instruction"])
            items[unit] = Item(unit.item_id, task, {"response": response}, reference=reference)
        yield QualitySet(
            f"prometheus/{name}", source_of(folder), FIVE, gold,
            {"GPT-4": Recorded("GPT-4", outcomes, (1, 2), tokens)}, strong="GPT-4", items=items,
            values=values,
            notes=("no people: against a held-out sample of the same judge, which is consistency only",
                   "one response a call: no orders; one judge: no panel, no cascade"),
        )  # fmt: skip


def _sample(unit: Unit, label: str, sample: int) -> Verdict:
    value = FIVE.value(label)
    if value is None:
        raise ValueError(f"{label!r} is not a score from 1 to 5")
    return Verdict("GPT-4", unit, "score", ((label, 1.0),), label, value, sample=sample)


def llm_rubric(folder: Path) -> Iterator[QualitySet]:
    """Real dialogues (one person each) and synthetic ones (mean of about three) on the overall question."""
    real = [row for row in _rows(folder / "human_judges_real_convs_FIXED_ANON.tsv") if row[OVERALL] != "0"]
    said = probabilities(folder / "gpt-3.5-turbo-16k_real_evaluations_FIXED.tsv")
    values = {Unit(row["text_id"], ("response",)): float(row[OVERALL]) for row in real}
    gold = {u: plain_number(value) for u, value in values.items()}
    notes = (
        "no texts: no tokens, no length rule",
        "one response a call: no orders; one judge: no cascade",
        "the panel is of nine questions put to one model, which are not nine judges of the overall one",
    )
    yield _rubric_set("llm_rubric/real Q0", folder, gold, values, said, notes=notes)
    people = ratings(folder)
    said = probabilities(folder / "gpt-3.5-turbo-16k_synth_evaluations_FIXED.tsv")
    means = {u: fmean(own) for u, own in people.items() if u.item_id in said}
    # The label is the scale's nearest to the people's mean; of two as near, the lower.
    labels = {u: plain_number(math.ceil(value - 0.5)) for u, value in means.items()}
    more = ("gold is the mean of about three people; labels are that mean rounded, a half downwards",)
    yield _rubric_set("llm_rubric/synthetic Q0", folder, labels, means, said, notes=notes + more)


def ratings(folder: Path) -> dict[Unit, list[float]]:
    """People's overall ratings of each synthetic dialogue; 0 is "does not apply"."""
    found: dict[Unit, list[float]] = defaultdict(list)
    for row in _rows(folder / "human_judges_synth_all_FIXED_ANON.tsv"):
        if row[OVERALL] not in {"", "0"}:
            found[Unit(row["text_id"], ("response",))].append(float(row[OVERALL]))
    return found


Said = Mapping[str, Mapping[str, tuple[str, tuple[float, ...]]]]
"""Dialogue -> question -> the recorded sample and the probabilities of the answers 1 to 4."""


def probabilities(path: Path) -> Said:
    """The recorded judge's answers."""
    found: dict[str, dict[str, tuple[str, tuple[float, ...]]]] = defaultdict(dict)
    for row in _rows(path):
        p = tuple(float(row[f"answer{k}_prob"]) for k in range(1, 5))
        found[row["text_id"]][row["criterion"]] = (row["sample_llm"], p)
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def _rubric_set(
    name: str,
    folder: Path,
    gold: Mapping[Unit, str],
    values: Mapping[Unit, float],
    said: Said,
    *,
    notes: Sequence[str],
) -> QualitySet:
    """The recorded sample of the overall question as a judge, and each question as a panel's member."""
    judges = {
        f"{GPT35}/{q}": Recorded(
            f"{GPT35}/{q}", {u: (_spread(f"{GPT35}/{q}", u, said[u.item_id][q][1]),) for u in gold}, (1, 1)
        )
        for q in QUESTIONS
    }
    sampled: dict[Unit, tuple[Outcome, ...]] = {
        u: (certain(GPT35, u, OVERALL, FOUR, said[u.item_id][OVERALL][0]),) for u in gold
    }
    judges[GPT35] = Recorded(GPT35, sampled, (1, 1))
    return QualitySet(
        name, source_of(folder), FOUR, gold, judges, strong=GPT35,
        panel=tuple(f"{GPT35}/{q}" for q in QUESTIONS), values=values, notes=tuple(notes),
    )  # fmt: skip


def _spread(rater: str, unit: Unit, p: Sequence[float]) -> Verdict:
    probs, label, value = settled(FOUR, dict(zip(("1", "2", "3", "4"), p, strict=True)))
    return Verdict(rater, unit, OVERALL, probs, label, value, "logprob")
