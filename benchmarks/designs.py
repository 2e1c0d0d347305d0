"""Does a pilot predict the agreement with people that other designs reach, on recorded judges?

From each set pilots are drawn, units with replacement, each of 200 units of which 150 have people's labels:
of LLM-Rubric's 18 sets (nine questions, real and synthetic dialogues) with three samples of each unit, drawn
from the recorded probabilities; of LLMBar's six with four judges in both orders; of Chatbot Arena's three and
PandaLM's with two judges; of Prometheus' two with two of three recorded samples, the third in the place of
people. `judgekit design` predicts from each the agreement of every design that the set holds.

What is reached is counted plainly, from samples that are drawn anew, one to twenty. `bias` is the mean prediction
less that: on the pilot's own labelled units (ten draws a pilot), which shows what predicting does, and on the whole
set (200 draws), which has the luck of so many pilots in it as well. `held` is the share of pilots whose 95 %
interval has in it what is reached on the whole set. A row has the worst and the mean of its set's designs.
`advised` is the share of pilots for which a design is chosen, the target being the median of what the set's
designs reach, and `wrongly` that of pilots whose choice does not reach it.

Then what is known: is a budget of five samples a unit better spent where three disagree; do panels by majority lose
to their best judge, and means not (share of right pairs, a tie half right, and correlation); what reasons before the
verdict buy. And planted judges: one whose samples all say the same, one whose samples are noise of a thousandth,
both limited by something else than noise.

    python benchmarks/designs.py --data ../shared/data --runs 400 --store
"""

import csv
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.append(str(Path(__file__).parent / "quality"))
from graded_sets import QUESTIONS, probabilities
from pair_sets import PANEL, arena, llmbar, pandalm
from recorded_sets import QualitySet
from stored import Found, concluded, options, share

from judgekit.agreement.models.designs import SAMPLES, Design, Pilot, Predicted, predict
from judgekit.scales import PAIR
from judgekit.types import Verdict
from judgekit.verbs.design import advise

Floats = npt.NDArray[np.float64]
UNITS, LABELLED, DRAWS = 200, 150, 200
PRICES = {"GPT-4 Vanilla": 0.03, "ChatGPT Vanilla": 0.002, "LLaMA2 Vanilla": 0.001, "PaLM2 Vanilla": 0.0015}
"""Assumed, for the order of cheap and dear: the sets record none."""


@dataclass(eq=False)
class Set:
    """A recorded set: what judges say of all its units, or how probable each answer is."""

    name: str
    people: Floats
    judges: tuple[str, ...]
    values: Floats | None = None  # (n, judges, orders, 1)
    chances: Floats | None = None  # (n, labels): answers 0 to 1, evenly spaced
    repeats: Floats | None = None  # (n, 3): samples, one of which stands in for people
    paired: bool = False
    prices: dict[str, float] = field(default_factory=dict)

    def drawn(self, at: npt.NDArray[np.intp], k: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """What judges and people say of units, with k fresh samples."""
        if self.values is not None:
            return self.values[at], self.people[at]
        if self.repeats is not None:
            mixed = rng.permuted(self.repeats[at], axis=1)
            return mixed[:, None, None, :k], mixed[:, 2]
        steps = np.cumsum(self.chances[at], axis=1)[:, None, :-1]
        labels = (rng.random((len(at), k, 1)) > steps).sum(axis=2) / steps.shape[2]
        return labels[:, None, None, :], self.people[at]


def pair_set(data: QualitySet, judges: tuple[str, ...], prices: dict[str, float] | None = None) -> Set:
    """A set of pairs, its judges in the orders that are recorded."""
    orders = 1 + any(data.judges[name].both_orders for name in judges)
    values = np.full((len(data.units), len(judges), orders, 1), np.nan)
    for n, unit in enumerate(data.units):
        for j, name in enumerate(judges):
            for o in data.judges[name].outcomes[unit]:
                if isinstance(o, Verdict):
                    values[n, j, int(o.shown not in {(), unit.responses}), 0] = o.value
    gold = np.array([PAIR.worth[data.gold[unit]] for unit in data.units])
    return Set(data.name, gold, judges, values=values, paired=True, prices=prices or {})


def sets(data: Path) -> Iterator[Set]:
    """All sets that hold several samples, orders or judges."""
    folder = data / "llm_rubric"
    for kind, said, labels in (
        ("real", "gpt-3.5-turbo-16k_real_evaluations_FIXED.tsv", "human_judges_real_convs_FIXED_ANON.tsv"),
        (
            "synthetic",
            "gpt-3.5-turbo-16k_synth_evaluations_FIXED.tsv",
            "human_judges_synth_all_FIXED_ANON.tsv",
        ),
    ):
        chances = probabilities(folder / said)
        with (folder / labels).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        for question in QUESTIONS:
            given: dict[str, list[float]] = {}
            for row in rows:
                asked = question in chances.get(row["text_id"], {})
                if asked and row[question] not in {"", "0"}:
                    given.setdefault(row["text_id"], []).append((float(row[question]) - 1) / 3)
            p = np.array([chances[text][question][1] for text in given])
            people = np.array([np.mean(own) for own in given.values()])
            yield Set(
                f"llm_rubric {kind} {question}", people, ("gpt-3.5",), chances=p / p.sum(1, keepdims=True)
            )
    for each in llmbar(data / "llmbar"):
        yield pair_set(each, PANEL, PRICES)
    for each in (*arena(data / "arena_judges"), pandalm(data / "pandalm")):
        yield pair_set(each, each.panel)
    import json

    for name in ("vicuna_eval", "mt_bench_eval"):
        records = json.loads((data / "prometheus_k3" / f"{name}.json").read_text(encoding="utf-8"))
        scores = (np.array([each["gpt4_score"] for each in records], dtype=float) - 1) / 4
        yield Set(f"prometheus {name}", scores.mean(axis=1), ("GPT-4",), repeats=scores)


def agreement(score: Floats, people: Floats, *, paired: bool) -> float:
    """Correlation of what was said; of pairs about the middle."""
    there = ~np.isnan(score)
    s, y = score[there], people[there]
    s, y = (s - 0.5, y - 0.5) if paired else (s - s.mean(), y - y.mean())
    return float(s @ y / math.sqrt((s @ s) * (y @ y))) if (s @ s) * (y @ y) > 0 else math.nan


def score_of(each: Design, data: Set, x: Floats) -> Floats:
    """Scores of units by a design, computed plainly."""
    own = x[:, [data.judges.index(name) for name in each.judges], : each.orders]
    score = own.mean(axis=(1, 2, 3))
    if each.strong:
        strong = x[:, data.judges.index(each.strong), : each.orders, 0].mean(axis=1)
        flat = own.reshape(len(own), -1)
        score = np.where((flat == flat[:, :1]).all(axis=1), score, strong)
    return score


def reached(each: Design, data: Set, at: npt.NDArray[np.intp], draws: int, rng: np.random.Generator) -> float:
    """What a design reaches on units, with samples of its own."""
    found = []
    for _ in range(draws if data.values is None else 1):
        x, y = data.drawn(at, int(each.samples), rng)
        found.append(agreement(score_of(each, data, x), y, paired=data.paired))
    return float(np.nanmean(found)) if not np.isnan(found).all() else math.nan


def pilot_of(data: Set, at: npt.NDArray[np.intp], rng: np.random.Generator) -> Pilot:
    """A pilot of some units of a set."""
    x, y = data.drawn(at, 2 if data.repeats is not None else 3, rng)
    y = np.where(np.arange(UNITS) < LABELLED, y, np.nan)
    return Pilot(values=x, people=y, judges=data.judges, paired=data.paired, prices=data.prices)


def most(data: Set) -> int:
    """The most samples that a set holds."""
    return 1 if data.values is not None else 2 if data.repeats is not None else max(SAMPLES)


def of_set(data: Set, runs: int, seed: int) -> list[Found]:
    """Predicted against reached, of every design of a set."""
    rng = np.random.default_rng([seed, *data.name.encode()])
    key = lambda each: (each.judges, each.orders, each.samples, each.strong)  # noqa: E731
    made: list[Predicted] = []
    told: dict[object, list[tuple[float, float, float, float]]] = {}
    for run in range(runs):
        at = rng.integers(len(data.people), size=UNITS)
        made.append(predict(pilot_of(data, at, rng), most_samples=most(data), seed=run, b=400))
        for each in made[-1].designs:
            same = reached(each, data, at[:LABELLED], 10, rng)
            about = each.agreement
            told.setdefault(key(each), []).append((about.value, about.low, about.high, same))
    everything = np.arange(len(data.people))
    truth = {key(each): reached(each, data, everything, DRAWS, rng) for each in made[0].designs}
    biases, same_units, errors, held, lost = [], [], [], [], []
    for name, own in told.items():
        value, low, high, same = np.array(own).T
        there = ~np.isnan(low)
        biases.append(np.nanmean(value) - truth[name])
        same_units.append(np.nanmean(value - same))
        n = max(int((~np.isnan(value)).sum()), 1)
        errors.append((np.nanstd(value) / math.sqrt(n), np.nanstd(value - same) / math.sqrt(n)))
        held.append(float(np.mean((low <= truth[name]) & (truth[name] <= high), where=there)))
        lost.append(float(np.mean(~there)))
    far, worst = (int(np.argmax(np.abs(each))) for each in (biases, same_units))
    least = int(np.argmin(held))
    target = float(np.median(list(truth.values())))
    chosen = [advise(found, target)[0] for found in made]
    wrong = [each is not None and truth[key(each)] < target - 1e-9 for each in chosen]
    row, n = data.name, len(told)
    return [
        Found(row, "worst bias", float(same_units[worst]), float(errors[worst][1]), runs, (-0.01, 0.01)),
        Found(row, f"mean bias of {n}", float(np.mean(same_units)), math.nan, runs),
        Found(row, "worst bias, whole set", float(biases[far]), float(errors[far][0]), runs, (-0.01, 0.01)),
        Found(row, "mean bias, whole set", float(np.mean(biases)), float(np.mean(errors)), runs),
        share(row, "held, worst design", held[least], runs, (0.9, 1.0)),
        share(row, "held, mean", float(np.mean(held)), runs),
        share(row, "without an interval", float(np.max(lost)), runs),
        share(row, "advised", float(np.mean([each is not None for each in chosen])), runs),
        share(row, "wrongly", float(np.mean(wrong)), runs, (0.0, 0.05)),
    ]


def spent(data: Set, rng: np.random.Generator) -> tuple[float, float]:
    """Agreement of five samples a unit, and of as many spent on where the first three disagree."""
    everything = np.arange(len(data.people))
    even, where = [], []
    for _ in range(DRAWS):
        x, y = data.drawn(everything, 43, rng)
        x = x[:, 0, 0]
        split = np.ptp(x[:, :3], axis=1) > 0
        extra = round(2 * len(x) / max(int(split.sum()), 1))
        counts = np.where(split, 3 + min(extra, 40), 3)
        even.append(agreement(x[:, :5].mean(axis=1), y, paired=False))
        means = np.cumsum(x, axis=1)[everything, counts - 1] / counts
        where.append(agreement(means, y, paired=False))
    return float(np.nanmean(even)), float(np.nanmean(where))


def panels(data: Set) -> dict[str, tuple[float, float]]:
    """Share of right pairs, and correlation, of the best judge, the majority, the mean; a tie is half right."""

    def told(score: Floats) -> tuple[float, float]:
        right = np.nanmean((1 + np.sign(score - 0.5) * np.sign(data.people - 0.5)) / 2)
        return float(right), agreement(score, data.people, paired=True)

    said = np.nanmean(data.values, axis=(2, 3))
    mean = np.nanmean(said, axis=1)
    judges = [told(said[:, j]) for j in range(said.shape[1])]
    return {"best judge": max(judges), "majority": told(0.5 + np.sign(mean - 0.5) / 2), "mean": told(mean)}


def wordings(data: Path) -> Iterator[tuple[str, float, float]]:
    """Share of right pairs in both orders, with the verdict alone and with reasons before it."""
    *_, every = llmbar(data / "llmbar")
    for model in ("GPT-4", "ChatGPT", "PaLM2"):
        pair = (pair_set(every, (f"{model} {how}",)) for how in ("Vanilla", "CoT"))
        yield (model, *(panels(each)["best judge"][0] for each in pair))


def planted(runs: int, seed: int) -> list[Found]:
    """Judges whose further samples cannot help, and whether that is said."""
    rng, found = np.random.default_rng([seed, 9]), []
    for row, noise in (("samples alike", 0.0), ("noise of a thousandth", 0.001)):
        said, above = [], []
        for run in range(runs):
            truth = rng.random(UNITS)
            judge = truth + rng.normal(0, 0.3, UNITS)  # limited by something else than its samples
            x = judge[:, None] + rng.normal(0, noise, (UNITS, 3))
            made = predict(Pilot(values=x[:, None, None], people=truth, judges=("j",)), seed=run, b=200)
            said.append(all(step.finding == "makes no difference" for step in made.steps))
            above.append(advise(made, 0.9)[0] is None)
        found += [
            share(
                f"planted, {row}", "more samples said not to help", float(np.mean(said)), runs, (0.95, 1.0)
            ),
            share(f"planted, {row}", "nothing advised for .9", float(np.mean(above)), runs, (0.95, 1.0)),
        ]
    return found


def main() -> int:
    parser = options(__doc__, runs=200)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    every, found = list(sets(given.data)), []
    for each in every:
        made = of_set(each, given.runs, given.seed)
        print(f"{each.name:26}", "  ".join(f"{one.what} {one.estimate:.3f}" for one in made), flush=True)
        found += made
    rng = np.random.default_rng(given.seed)
    gains = [spent(each, rng) for each in every if each.chances is not None]
    even, where = np.nanmean(gains, axis=0)
    more = int(np.sum([b > a for a, b in gains]))
    print(
        f"five samples a unit: evenly {even:.3f}, on those that disagree {where:.3f}, better in {more} of {len(gains)}"
    )
    found += [
        Found("five samples a unit", "evenly", float(even), math.nan, len(gains)),
        Found("five samples a unit", "where three disagree", float(where), math.nan, len(gains)),
    ]
    for each in every:
        if each.values is not None:
            told = panels(each)
            line = (f"{who} {right:.3f} (r {r:.3f})" for who, (right, r) in told.items())
            print(f"{each.name:34}", "  ".join(line))
            found += [
                Found(f"panel, {each.name}", f"{who}, {what}", value, math.nan, len(each.people))
                for who, pair in told.items()
                for what, value in zip(("right", "r"), pair, strict=True)
            ]
    for model, plain, reasons in wordings(given.data):
        print(f"llmbar, {model}: the verdict alone {plain:.3f} right, reasons before it {reasons:.3f}")
        found += [
            Found(f"wording, {model}", what, value, math.nan, 419)
            for what, value in (("verdict alone", plain), ("reasons before", reasons))
        ]
    made = planted(given.runs, given.seed)
    for one in made:
        print(f"{one.row:26} {one.what} {one.estimate:.3f}")
    given.data = str(given.data)
    return concluded("designs", [*found, *made], given)


if __name__ == "__main__":
    sys.exit(main())
