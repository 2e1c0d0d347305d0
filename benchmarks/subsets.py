"""Which items to ask of a new system, if not all: how far is its score on all of them foretold?

Systems answer 1,000 items whose slopes differ and whose difficulty eight features explain to a share R2; thirty of
them calibrate a bank, and others are new. In the last setting a system is better at some of ten topics than at others,
which no bank of one ability knows. Of k items asked, the error is that of the mean over all 1,000 answers:
`plain` foretells by the weighted mean of the answers, `model` by the bank (answers seen, and the expected ones of the
others). Subsets are random, stratified on the bank's difficulty, spread over the features (pivotal), medoids of the
features and of the answers of the thirty, those of most information, and picked one after another. Beside them
stands no call at all: the mean of the thirty. Every row is over the same new systems; the error behind +- is that of
the mean over data sets.

    python benchmarks/subsets.py --runs 40 --store
"""

import sys
from collections import defaultdict

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options

from judgekit.standing.bank import Bank, fit_bank, right
from judgekit.standing.forms import matched_forms
from judgekit.standing.placing import adaptive, place_system
from judgekit.standing.subsets import chosen

Floats = npt.NDArray[np.float64]
N_ITEMS, OLD, NEW = 1000, 30, 20
KS = (20, 50, 100)
SETTINGS = ((0.0, 0.0), (0.6, 0.0), (0.6, 0.7))
"""Share of difficulty that features explain, and how far a system's ability differs between ten topics."""


def drawn(r2: float, topics: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Answers of old and new systems, and features."""
    features = rng.normal(size=(N_ITEMS, 8))
    w = rng.normal(size=8)
    known = features @ w * np.sqrt(r2) / np.linalg.norm(w)
    level = 1.2 * (known + rng.normal(0, np.sqrt(1 - r2), N_ITEMS))
    slope, ability = np.exp(rng.normal(0, 0.3, N_ITEMS)), rng.normal(0.3, 1, OLD + NEW)
    own = topics * rng.normal(0, 1, (OLD + NEW, 10))[:, rng.integers(10, size=N_ITEMS)]
    p = 1 / (1 + np.exp(-((ability[:, None] + own) * slope + level)))
    return (rng.random(p.shape) < p).astype(float), features


def picked(bank: Bank, k: int, answers: Floats) -> list[int]:
    """The items that the bank picks one after another for a system."""
    steps, asked = adaptive(bank, until_sd=0.0, most=k, doubtful=True), []
    item = next(steps)
    try:
        while True:
            asked.append(int(item))
            item = steps.send(float(answers[int(item)]))
    except StopIteration:
        return asked


def subsets(
    bank: Bank, k: int, features: Floats, old: Floats, seed: int
) -> dict[str, tuple[list[int], Floats]]:
    """Places and weights of each design but the adaptive one."""
    slope, level = bank.parameters()
    p = right(slope, level, np.array([bank.mean]))[:, 0]
    of = {
        "random": (features, "random"), "stratified by difficulty": (level[:, None], "stratified"),
        "pivotal on features": (features, "pivotal"), "medoids of features": (features, "medoids"),
        "medoids of answers": (old.T, "medoids"), "most information": (features, "information"),
    }  # fmt: skip
    made = {}
    for name, (by, how) in of.items():
        places, weights = chosen(by, k, how, seed=seed, worth=slope**2 * p * (1 - p))
        made[name] = (places.tolist(), weights)
    return made


def errors(setting: tuple[float, float], run: int, seed: int) -> dict[tuple[str, int, str], float]:
    """Mean absolute errors of one data set, by design, k and how the score is foretold."""
    rng = np.random.default_rng([seed, run, *(round(10 * each) for each in setting)])
    answers, features = drawn(*setting, rng)
    old, new = answers[:OLD], answers[OLD:]
    names = [str(j) for j in range(N_ITEMS)]
    bank = fit_bank(old, [str(i) for i in range(OLD)], names, checks=False)
    found: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for k in KS:
        made = subsets(bank, k, features, old, run)
        for x in new:
            truth = float(x.mean())
            found["no call", k, "plain"].append(abs(float(old.mean()) - truth))
            own = {**made, "adaptive": (picked(bank, k, x), np.full(k, 1 / k))}
            for name, (places, weights) in own.items():
                placed = place_system(bank, {str(j): float(x[j]) for j in places})
                found[name, k, "plain"].append(abs(float(weights @ x[places]) - truth))
                found[name, k, "model"].append(abs(placed.score - truth))
    return {key: float(np.mean(each)) for key, each in found.items()}


def forms(runs: int, seed: int) -> list[Found]:
    """Difference of level of two forms of 40 of 200 items, matched and random."""
    rng, gaps = np.random.default_rng(seed), defaultdict(list)
    for run in range(runs):
        features = np.column_stack([rng.normal(0, 1, 200), np.exp(rng.normal(0, 0.3, 200))])
        p = 1 / (1 + np.exp(-features[:, 1] * (rng.normal(0, 1, 40)[:, None] - features[:, 0])))
        x = (rng.random(p.shape) < p).astype(float)
        mixed = rng.permutation(200)
        for name, (one, other) in {
            "matched": matched_forms(features, 40, seed=run), "random": (mixed[:40], mixed[40:80]),
        }.items():  # fmt: skip
            own = x[:, one].mean(axis=1) - x[:, other].mean(axis=1)
            gaps[name].append((abs(own.mean()), np.abs(own).mean()))
    level, each = (
        np.mean([np.array(gaps[name]) for name in ("matched", "random")], axis=1)[:, i] for i in (0, 1)
    )
    share = float(level[0] / level[1])
    own = [np.array(gaps[name])[:, 0] for name in ("matched", "random")]
    error = share * sum(x.var(ddof=1) / len(x) / x.mean() ** 2 for x in own) ** 0.5
    print(
        f"forms: level differs by {level[0]:.3f} matched, {level[1]:.3f} random; a system by {each[0]:.3f}, {each[1]:.3f}"
    )
    return [
        Found(
            "two forms of 40 of 200", "level difference, of random's", share, float(error), runs, (0.0, 0.4)
        )
    ]


def main() -> int:
    """Print a table a share of difficulty that features explain."""
    given = options(__doc__ or "", runs=40).parse_args()
    found = []
    for r2, topics in SETTINGS:
        sets = [errors((r2, topics), run, given.seed) for run in range(given.runs)]
        row = f"R2={r2:g}, topics {topics:g}"
        print(f"\n{row:32}" + "".join(f"{f'k={k}':>28}" for k in KS), flush=True)
        for name in dict.fromkeys(name for name, _, _ in sets[0]):
            for by in ("plain", "model"):
                cells = []
                for k in KS if (name, KS[0], by) in sets[0] else ():
                    x = np.array([each[name, k, by] for each in sets])
                    base = np.array([each["random", k, "plain"] for each in sets])
                    error, gap = x.std(ddof=1) / len(x) ** 0.5, 1 - x.mean() / base.mean()
                    cells.append(f"{x.mean():.4f} +- {error:.4f} ({gap:+5.0%})")
                    found.append(
                        Found(f"{row}, k={k}", f"{name}, {by}", float(x.mean()), float(error), len(x))
                    )
                if cells:
                    print(f"{name:26}{by:6}" + "".join(f"{cell:>28}" for cell in cells), flush=True)
    found += forms(max(given.runs, 100), given.seed)
    return concluded("subsets", found, given)


if __name__ == "__main__":
    sys.exit(main())
