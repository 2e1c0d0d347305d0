"""Do banks of items do what they promise: find broken items, use features, ask few items; and how fast?

`flags`: 5 % of 200 items are reversed and one is asked twice; promised are .80 of them at 40 systems and .97 at 100,
at most 1 % false, and that nothing is called reversed at 12. `features`: eight features explain half of difficulty,
or nothing; AUC on answers hidden of known items, and on items nobody answered; where they explain nothing, that is
said in nine of ten. `picking`: items until an ability is known to .3, picked and by chance, of 1,000; and in two
dimensions what is paid to .35, items as they tell (gamma 0) and as they tell for their cost (gamma 1). `speed`: of a
bank of 40 systems and 300 items with errors, and of one adaptive step among 10,000 items, in seconds of one
processor.

    python benchmarks/item_banks.py --runs 100 --store
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options, share

from judgekit.standing.amortised import amortised
from judgekit.standing.item_fit import auc, flags_of, twins
from judgekit.standing.picking import Known, picks
from judgekit.standing.random_items import random_items

Floats = npt.NDArray[np.float64]


def logistic(x: npt.ArrayLike) -> Floats:
    """The probability of log-odds."""
    return 1 / (1 + np.exp(-np.asarray(x, dtype=float)))


def mean(row: str, what: str, values: Sequence[float], band: tuple[float, float] | None = None) -> Found:
    """A mean over data sets with its error."""
    x = np.array(values)
    return Found(row, what, float(x.mean()), float(x.std(ddof=1) / len(x) ** 0.5), len(x), band)


def flags(runs: int, seed: int) -> list[Found]:
    """How many reversed items and twins are found, and how many others are called so."""
    made, promised = [], {12: (0.0, 0.0), 40: (0.8, 1.0), 100: (0.97, 1.0)}
    for n, band in promised.items():
        rng, found, false, suspect, twin = np.random.default_rng([seed, n]), [], [], [], []
        for _ in range(runs if n < 100 else max(runs // 3, 2)):
            slope = np.exp(rng.normal(0, 0.3, 200))
            slope[:10] *= -1
            eta = np.outer(rng.normal(0, 1, n), slope) + rng.normal(0, 1.2, 200)
            x = (rng.random(eta.shape) < logistic(eta)).astype(float)
            x[:, 199] = x[:, 198]
            fit = random_items(x, errors="none")
            pairs = twins(x, fit)
            said = flags_of(x, fit, pairs)
            reversed_ = np.array(["reversed" in each for each in said])
            found.append(reversed_[:10].mean())
            false.append(reversed_[10:].mean())
            suspect.append(np.mean(["suspect" in each for each in said[:10]]))
            twin.append(float((198, 199) in pairs))
        row = f"flags, {n} systems"
        made += [
            mean(row, "reversed found", found, band), mean(row, "reversed, false", false, (0.0, 0.01)),
            mean(row, "or suspect", suspect), share(row, "twins found", float(np.mean(twin)), len(twin)),
        ]  # fmt: skip
    return made


def features(runs: int, seed: int) -> list[Found]:
    """What features are worth on hidden answers and on items that nobody answered."""
    made = []
    for r2 in (0.5, 0.0):
        rng, aucs, nothing = np.random.default_rng([seed, round(10 * r2)]), defaultdict(list), []
        for run in range(runs):
            f, w = rng.normal(size=(300, 8)), rng.normal(size=8)
            level = 1.2 * (f @ w * np.sqrt(r2) / np.linalg.norm(w) + rng.normal(0, np.sqrt(1 - r2), 300))
            answers = (rng.random((12, 300)) < logistic(rng.normal(0, 1, 12)[:, None] + level)).astype(float)
            hidden = rng.random(answers.shape) < 0.2
            hidden[:, :60] = False
            shown = np.where(hidden, np.nan, answers)
            shown[:, :60] = np.nan
            fit, rasch = amortised(shown, f, seed=run), random_items(shown, slopes=False, errors="none")
            known = hidden & ~np.isnan(rasch.ability)[:, None]
            item = (np.nansum(shown, axis=0) + 0.5) / ((~np.isnan(shown)).sum(axis=0) + 1)
            whole = np.broadcast_to(item, answers.shape)
            for what, p in (("features", fit.expected), ("1pl", rasch.expected), ("item mean", whole)):
                aucs[f"AUC hidden, {what}"].append(auc(answers[known], p[known]))
            new = np.broadcast_to(~np.isnan(fit.ability)[:, None], answers.shape).copy()
            new[:, 60:] = False
            alone = np.broadcast_to(fit.ability[:, None], answers.shape)
            aucs["AUC unseen, features"].append(auc(answers[new], fit.expected[new]))
            aucs["AUC unseen, system only"].append(auc(answers[new], alone[new]))
            nothing.append(fit.ridge is None)
        row = f"features explain {r2:.0%}"
        made += [mean(row, what, values) for what, values in aucs.items()]
        gain = np.array(aucs["AUC hidden, features"]) - np.array(aucs["AUC hidden, item mean"])
        made.append(mean(row, "AUC hidden, above item mean", gain.tolist(), (0.0, 1.0)))
        if r2:
            over = np.array(aucs["AUC unseen, features"]) - np.array(aucs["AUC unseen, system only"])
            made.append(mean(row, "AUC unseen, above system only", over.tolist(), (0.0, 1.0)))
        band = (0.0, 0.1) if r2 else (0.9, 1.0)
        made.append(share(row, "said to explain nothing", float(np.mean(nothing)), runs, band))
    return made


def walked(steps, p: Floats, rng: np.random.Generator) -> tuple[list[int], Known]:
    """What was asked of a system that is right with probability p, and what is known then."""
    asked = []
    try:
        item = next(steps)
        while True:
            asked.append(item)
            item = steps.send(float(rng.random() < p[item]))
    except StopIteration as end:
        return asked, end.value


def picking(runs: int, seed: int) -> list[Found]:
    """Items and costs until abilities are known."""
    rng, made, needed = np.random.default_rng(seed), [], defaultdict(list)
    slope, difficulty = np.exp(rng.normal(0, 0.3, 1000)), rng.normal(0, 1, 1000)
    prior = Known(np.zeros(1), np.eye(1))
    for ability in (-2, -1, 0, 1, 2):
        for _ in range(max(runs // 4, 2)):
            for kind, among in (("picked", np.arange(1000)), ("chance", rng.permutation(1000))):
                a, b = slope[among], difficulty[among]
                cost = None if kind == "picked" else np.exp(np.arange(1000) / 2)  # as they come
                steps = picks(a[:, None], -a * b, prior, until_sd=0.3, cost=cost, gamma=1.0)
                needed[ability, kind].append(len(walked(steps, logistic(a * (ability - b)), rng)[0]))
        row = f"picking, ability {ability}"
        both = [mean(row, f"items, {kind}", needed[ability, kind]) for kind in ("picked", "chance")]
        ratio = both[0].estimate / both[1].estimate
        made += [
            *both,
            Found(
                row, "of chance's", ratio, ratio * both[0].error / both[0].estimate, both[0].n, (0.0, 0.35)
            ),
        ]
    paid, errors, n_items = defaultdict(list), defaultdict(list), defaultdict(list)
    slope = np.exp(rng.normal(0, 0.3, (500, 2))) * (rng.random((500, 2)) < 0.6)
    slope[slope.sum(axis=1) == 0] = 1.0
    level, cost = rng.normal(0, 1, 500), np.exp(rng.normal(0, 1, 500))
    cost /= cost.mean()
    for _ in range(runs):
        ability = rng.normal(size=2)
        for gamma in (0.0, 0.5, 1.0):
            steps = picks(slope, level, Known(np.zeros(2), np.eye(2)), cost=cost, gamma=gamma, until_sd=0.35)
            asked, known = walked(steps, logistic(slope @ ability + level), rng)
            paid[gamma].append(float(cost[asked].sum()))
            n_items[gamma].append(len(asked))
            errors[gamma].append(float(np.mean((known.at - ability) ** 2)))
    for gamma in paid:
        row, size = f"two abilities, gamma {gamma:g}", float(np.mean(errors[gamma]) ** 0.5)
        spread = float(np.std(errors[gamma], ddof=1) / runs**0.5 / (2 * size))
        made += [
            mean(row, "items", n_items[gamma]),
            mean(row, "cost", paid[gamma]),
            Found(row, "rmse", size, spread, runs),
        ]
    ratio, each = np.mean(paid[1.0]) / np.mean(paid[0.0]), [np.mean(errors[g]) ** 0.5 for g in (1.0, 0.0)]
    made.append(Found("two abilities", "cost of gamma 1, of gamma 0's", float(ratio), 0.0, runs, (0.0, 0.4)))
    made.append(
        Found(
            "two abilities", "rmse of gamma 1, of gamma 0's", float(each[0] / each[1]), 0.05, runs, (0.0, 1.1)
        )
    )
    return made


def timed(work: Callable[[], object], times: int) -> float:
    """The least processor time of some runs, in seconds; what else runs on the machine does not count."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def speed(_: int, seed: int) -> list[Found]:
    """Seconds of a fit and of a step."""
    rng = np.random.default_rng(seed)
    eta = np.outer(rng.normal(0, 1, 40), np.exp(rng.normal(0, 0.3, 300))) + rng.normal(0, 1.2, 300)
    x = (rng.random(eta.shape) < logistic(eta)).astype(float)
    slope, level = np.exp(rng.normal(0, 0.3, (10_000, 1))), rng.normal(0, 1, 10_000)
    steps = picks(slope, level, Known(np.zeros(1), np.eye(1)))
    next(steps)
    step = timed(lambda: [steps.send(float(rng.random() < 0.5)) for _ in range(100)], 3) / 100
    return [
        Found(
            "speed",
            "2PL, 40 x 300, errors by items, s",
            timed(lambda: random_items(x), 3),
            0.0,
            3,
            (0.0, 10.0),
        ),
        Found("speed", "a step among 10,000 items, s", step, 0.0, 300, (0.0, 0.002)),
    ]


def main() -> int:
    """Print a line a figure."""
    given = options(__doc__ or "", runs=100).parse_args()
    found = []
    for part in (flags, features, picking, speed):
        for each in part(given.runs, given.seed):
            print(f"{each.row:28}{each.what:36}{each.estimate:9.4f} +- {each.error:.4f}", flush=True)
            found.append(each)
    return concluded("item_banks", found, given)


if __name__ == "__main__":
    sys.exit(main())
