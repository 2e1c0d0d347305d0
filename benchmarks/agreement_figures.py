"""Published and recomputed figures of agreement, ours beside them.

    python benchmarks/agreement_figures.py ../shared/data

For each set: figures of its EXPECTED.json that concern agreement, the value that judgekit gives from
the raw files, and the difference. Exit code 1 if one is off by more than it was rounded.
"""

import argparse
import csv
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from judgekit import agreement
from judgekit.agreement.association.correlation import pearson, spearman, tau_b
from judgekit.agreement.chance.chance import chance_corrected, krippendorff_alpha

Figure = tuple[str, float, float]
"""Name, expected, ours."""
LEVELS = ("nominal", "ordinal", "interval")


def of_table(table: list[list[int]]) -> np.ndarray:
    """Two raters' codes from a contingency table."""
    return np.array(
        [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)], float
    )


def of_counts(counts: list[list[int]]) -> np.ndarray:
    """Raters' codes from counts of categories a unit."""
    return np.array([[k for k, n in enumerate(row) for _ in range(n)] for row in counts], float)


def coefficient(x: np.ndarray, name: str, q: int, weights: str = "identity") -> float:
    return chance_corrected(x, name, values=list(range(q)), weights=weights)


def tables(folder: Path) -> Iterator[Figure]:
    data = {name: each["data"] for name, each in json.loads((folder / "tables.json").read_text()).items()}
    expected = json.loads((folder / "EXPECTED.json").read_text())
    sas, anxiety = of_table(data["sas_3x3"]), np.array(data["anxiety_20x3"], float) - 1
    used = np.searchsorted([0, 1, 2, 3, 5], anxiety[:, 1:])  # level 5 left out, as the published weights do
    raw = np.array([[math.nan if v is None else v for v in row] for row in data["irrcac_raw4raters"]], float)
    fleiss = np.array(data["fleiss1971_diagnoses_30x6"], float) - 1
    ours: dict[tuple[str, str], float] = {
        ("wikipedia_fleiss_10x5", "fleiss_kappa"): coefficient(
            of_counts(data["wikipedia_fleiss_10x5"]), "fleiss", 5
        ),
        ("sas_3x3", "cohen_kappa"): coefficient(sas, "conger", 3),
        ("sas_3x3", "linear"): coefficient(sas, "conger", 3, "linear"),
        ("fleiss1971_diagnoses_30x6", "fleiss_kappa"): coefficient(fleiss, "fleiss", 5),
        ("anxiety_20x3", "cohen_kappa_2_3"): coefficient(anxiety[:, 1:], "conger", 6),
        ("anxiety_20x3", "linear_rank_weights"): coefficient(used.astype(float), "conger", 5, "linear"),
        ("anxiety_20x3", "quadratic_rank_weights"): coefficient(used.astype(float), "conger", 5, "quadratic"),
        ("anxiety_20x3", "linear_keeping_level5"): coefficient(anxiety[:, 1:], "conger", 6, "linear"),
        ("anxiety_20x3", "quadratic_keeping_level5"): coefficient(anxiety[:, 1:], "conger", 6, "quadratic"),
        ("irrcac_cont3x3abstractors", "cohen_kappa"): coefficient(
            of_table(data["irrcac_cont3x3abstractors"]), "conger", 3
        ),
        ("irrcac_distrib6raters", "fleiss_kappa"): coefficient(
            of_counts(data["irrcac_distrib6raters"]), "fleiss", 5
        ),
        **{
            ("irrcac_raw4raters", f"krippendorff_{level}"): krippendorff_alpha(
                raw, values=[1, 2, 3, 4, 5], metric=level
            )
            for level in (*LEVELS, "ratio")
        },
    }
    for (name, figure), value in ours.items():
        yield f"{name} {figure}", expected[name][figure], value
    dices = json.loads((folder / "dices350_ratings.json").read_text())
    codes = {"No": 0.0, "Unsure": 1.0, "Yes": 2.0}
    rows = [[codes[score] for score in each["individual_human_scores"]] for each in dices["instances"]]
    grid = np.array(rows)
    wanted = expected["dices350"]
    yield (
        "dices350 krippendorff nominal",
        wanted["krippendorff_nominal"],
        krippendorff_alpha(grid, values=[0, 1, 2], metric="nominal"),
    )
    yield "dices350 fleiss", wanted["fleiss_kappa"], coefficient(grid, "fleiss", 3)


def arena(folder: Path) -> Iterator[Figure]:
    expected = json.loads((folder / "EXPECTED.json").read_text())
    for key, wanted in expected.items():
        other, judge = key.split("/")
        if judge == "JUDGE-vs-JUDGE":
            continue
        [path] = folder.glob(f"claude*_vs_{other}_{judge}.json")
        rows = [row for row in json.loads(path.read_text()) if row["judge_pick"]]
        human = ["A" if row["human_winner"] == "model_a" else "B" for row in rows]
        pairs = list(zip(human, (row["judge_pick"] for row in rows), strict=True))
        claude = ["A" if row["model_a"].startswith("claude") else "B" for row in rows]
        as_model = [(str(h == c), str(j == c)) for (h, j), c in zip(pairs, claude, strict=True)]
        yield f"{key} agreement", wanted["agreement"], float(agreement.percent(pairs, scale=["A", "B"]).value)
        yield (
            f"{key} kappa, by position",
            wanted["kappa_position_coded"],
            agreement.kappa(pairs, scale=["A", "B"]).value,
        )
        yield (
            f"{key} kappa, by model",
            wanted["kappa_model_coded"],
            agreement.kappa(as_model, scale=["False", "True"]).value,
        )


def prometheus(folder: Path) -> Iterator[Figure]:
    expected = json.loads((folder / "EXPECTED.json").read_text())
    for name, wanted in expected.items():
        x = (
            np.array(
                [each["gpt4_score"] for each in json.loads((folder / f"{name}.json").read_text())], float
            )
            - 1
        )
        for pair, (i, j) in {"1-2": (0, 1), "1-3": (0, 2), "2-3": (1, 2)}.items():
            yield f"{name} kappa {pair}", wanted["cohen_kappa"][pair], coefficient(x[:, [i, j]], "conger", 5)
            quadratic = coefficient(x[:, [i, j]], "conger", 5, "quadratic")
            yield f"{name} quadratic {pair}", wanted["kappa_quadratic"][pair], quadratic
            yield f"{name} pearson {pair}", wanted["pearson"][pair], pearson(x[:, i], x[:, j])
        yield f"{name} fleiss", wanted["fleiss_kappa"], coefficient(x, "fleiss", 5)
        for level in LEVELS:
            ours = krippendorff_alpha(x, values=[0, 1, 2, 3, 4], metric=level)
            yield f"{name} alpha {level}", wanted["krippendorff"][level], ours


def pandalm(folder: Path) -> Iterator[Figure]:
    expected = json.loads((folder / "EXPECTED.json").read_text())
    rows = json.loads((folder / "testset-v1.json").read_text())
    x = np.array([[float(row[f"annotator{k}"]) for k in (1, 2, 3)] for row in rows])
    for pair, (i, j) in {"1-2": (0, 1), "1-3": (0, 2), "2-3": (1, 2)}.items():
        yield f"kappa {pair}", expected["cohen_kappa"][pair], coefficient(x[:, [i, j]], "conger", 3)
    yield "fleiss", expected["fleiss_kappa_3_annotators"], coefficient(x, "fleiss", 3)
    alpha = krippendorff_alpha(x, values=[0, 1, 2], metric="nominal")
    yield "alpha nominal", expected["krippendorff_nominal_3_annotators"], alpha


def llmbar(folder: Path) -> Iterator[Figure]:
    expected = json.loads((folder / "EXPECTED.json").read_text())
    for key, wanted in expected.items():
        subset, *run = key.split("/")
        if len(run) != 2 or subset == "PANEL" or "kappa_between_orders_parsed_only" not in wanted:
            continue
        items = json.loads((folder / subset / "evaluators" / run[0] / run[1] / "result.json").read_text())
        said = [
            [item["results"][-1][order]["winner"] for order in ("swap = False", "swap = True")]
            for item in items
        ]
        gold = [str(item["label"]) for item in items]
        both = [pair for pair in said if None not in pair]
        yield (
            f"{key} between orders",
            wanted["kappa_between_orders_parsed_only"],
            agreement.kappa(both, scale=["1", "2"], interval="none").value,
        )
        for place, name in enumerate(("False", "True")):
            pairs = [(g, s[place]) for g, s in zip(gold, said, strict=True) if s[place] is not None]
            ours = agreement.kappa(pairs, scale=["1", "2"], interval="none").value
            yield f"{key} against people, {name}", wanted[f"kappa_vs_label_{name}_parsed_only"], ours


def tsv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def said_by(folder: Path, kind: str) -> dict[str, dict[str, dict[str, float]]]:
    """Criterion -> judge -> text id -> what it said."""
    said: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in tsv(folder / f"gpt-3.5-turbo-16k_{kind}_evaluations_FIXED.tsv"):
        probs = [float(row[f"answer{k}_prob"]) for k in (1, 2, 3, 4)]
        mine = said[row["criterion"]]
        mine["argmax_llm"][row["text_id"]] = 1.0 + int(np.argmax(probs))
        mine["expected_llm"][row["text_id"]] = sum(k * p for k, p in enumerate(probs, 1))
        mine["sample_llm"][row["text_id"]] = float(row["sample_llm"])
    return said


def llm_rubric(folder: Path) -> Iterator[Figure]:
    expected = json.loads((folder / "EXPECTED.json").read_text())
    measures: dict[str, Callable[[Any, Any], float]] = {
        "pearson": pearson,
        "spearman": spearman,
        "kendall": tau_b,
    }
    people = {
        "real": tsv(folder / "human_judges_real_convs_FIXED_ANON.tsv"),
        "synth": tsv(folder / "human_judges_synth_all_FIXED_ANON.tsv"),
    }
    for kind, part in (("real", "real"), ("synth", "synth_meanhuman_vs_llm")):
        said = said_by(folder, kind)
        for criterion, judges in expected[part].items():
            human: dict[str, list[float]] = defaultdict(list)
            for row in people[kind]:
                if row[criterion] and float(row[criterion]) > 0:
                    human[row["text_id"]].append(float(row[criterion]))
            for judge, wanted in judges.items():
                both = [(np.mean(human[t]), v) for t, v in said[criterion][judge].items() if t in human]
                x, y = np.array(both).T
                for name, measure in measures.items():
                    if wanted.get(name) is not None:
                        yield f"{kind} {criterion} {judge} {name}", wanted[name], measure(x, y)
    for criterion, wanted in expected["synth_human_krippendorff"].items():
        x = first_ratings(people["synth"], criterion)
        for level in LEVELS:
            ours = krippendorff_alpha(x, values=[1, 2, 3, 4], metric=level)
            yield f"synth people {criterion} alpha {level}", wanted[level], ours


def first_ratings(rows: list[dict[str, str]], criterion: str) -> np.ndarray:
    """Shape (texts, annotators); of repeated pairs the first that is not "not applicable"."""
    kept: dict[tuple[str, str], float] = {}
    for row in rows:
        value = float(row[criterion] or 0)
        if value > 0:
            kept.setdefault((row["text_id"], row["annotator_id"]), value)
    texts, raters = sorted({t for t, _ in kept}), sorted({r for _, r in kept})
    x = np.full((len(texts), len(raters)), np.nan)
    for (text, rater), value in kept.items():
        x[texts.index(text), raters.index(rater)] = value
    return x


SETS: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "agreement": tables, "arena_judges": arena, "prometheus_k3": prometheus, "pandalm": pandalm, "llmbar": llmbar,
    "llm_rubric": llm_rubric,
}  # fmt: skip


def main(folder: Path, *, every: bool) -> int:
    counts: Counter[str] = Counter()
    off: Counter[str] = Counter()
    worst: dict[str, float] = defaultdict(float)
    for name, figures in SETS.items():
        for figure, expected, ours in figures(folder / name):
            difference = abs(ours - expected)
            counts[name] += 1
            decimals = len(repr(expected).partition(".")[2])
            bad = not difference < max(0.6 * 10**-decimals, 1e-9)  # half a unit of its last digit; nan is off
            off[name] += bad
            worst[name] = max(worst[name], math.inf if math.isnan(difference) else difference)
            if every or bad:
                print(
                    f"{name:14} {figure:52} {expected:12.6f} {ours:12.6f} {difference:9.1e}{'  OFF' if bad else ''}"
                )
    print(f"\n{'set':14} {'figures':>8} {'off':>5} {'largest difference':>20}")
    for name in SETS:
        print(f"{name:14} {counts[name]:8} {off[name]:5} {worst[name]:20.1e}")
    return 1 if sum(off.values()) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", action="store_true", help="print each figure, not only those that are off")
    given = parser.parse_args()
    raise SystemExit(main(given.folder, every=given.every))
