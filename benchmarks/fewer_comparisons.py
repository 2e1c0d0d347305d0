"""Do plans keep their promise, does looking cost nothing, who falls in Swiss rounds, and does a second look help?

`plan`: the number of comparisons or items is planned for a power of .8, then so many are drawn and tested; the share
found has to lie within .05 of it. Of one pair; of two systems in a graph of four that were compared before, by their
fit together; of items with three verdicts each that are alike (a design effect of 2), planned from a pilot.

`look`: systems are looked at after every item (`Separation`) or after every 50 with p < .05 (naive), for 2,000 items
of equal systems, alone and ten pairs of five systems at once, and for 4,000 of systems one of which wins 55 %.

`swiss`: twenty systems in six rounds, among them a specialist, hopeless in the first half and best in the second, and
a generalist with as many points; who is said to be a specialist.

`again`: 400 answers, three in four right; a verifier that mends .6 of the wrong ones and breaks .05 of the right ones,
a coin, and a judge that always confirms.

    python benchmarks/fewer_comparisons.py --runs 1000 --store
"""

import math
import sys
from functools import cache

import numpy as np
from scipy.special import expit, ndtri
from stored import Found, concluded, options, share

from judgekit.agreement import second_look
from judgekit.agreement.sampling.planning import share_sequence
from judgekit.standing import bradley_terry, pairs_for_gap, plan_pairs, swiss_dynamics
from judgekit.standing.newton import Problem
from judgekit.standing.records import Place, Standing
from judgekit.types import Unit, Verdict

Z, POWER, GAP = float(ndtri(0.975)), 0.8, 0.2
NEAR = (POWER - 0.05, POWER + 0.05)
STRENGTHS = np.array([0.4, 0.2, 0.0, -0.6])
COUNTS = {(0, 1): 30, (0, 2): 20, (0, 3): 10, (1, 2): 25, (1, 3): 15, (2, 3): 40}


def one_pair(runs: int, rng) -> Found:
    """A test of the log-odds of so many comparisons."""
    n = math.ceil(pairs_for_gap(GAP, power=POWER))
    won = rng.binomial(n, expit(GAP), runs)
    found = np.abs(np.log(won / (n - won))) > Z * np.sqrt(1 / won + 1 / (n - won))
    return share(f"plan, one pair, {n} comparisons", "power", found.mean(), runs, NEAR)


def graph(runs: int, rng) -> Found:
    """Two of four systems: what was compared before, and the direct pairs that are planned besides."""
    one, other = (np.array(each) for each in zip(*COUNTS, strict=True))
    problem = Problem(
        n_systems=4, one=one, other=other, shown=np.zeros(6), order=False, davidson=False, prior=0.0
    )
    n, p = np.array(list(COUNTS.values())), expit(STRENGTHS[one] - STRENGTHS[other])
    expected = np.stack([n * p, np.zeros(6), n * (1 - p)], axis=1)
    _, covariance = problem.top(expected) or (None, None)
    places = tuple(Place(system=s, strength=x, n=1, won=0.5) for s, x in zip("abcd", STRENGTHS, strict=True))
    pilot = Standing(
        places=places, method="", interval="wald", level=0.95, n_items=1, n_comparisons=1, n_dropped=0,
        order_effect=None, ties=None, seed=0, status="ok", notes=(), covariance=covariance,
        draws=np.empty((0, 4)),
    )  # fmt: skip
    [plan] = plan_pairs(pilot, power=POWER, pairs=[("a", "b")])
    total = n + np.where((one == 0) & (other == 1), plan.pairs, 0)
    found = 0
    for _ in range(runs):
        won = rng.binomial(total, p)
        x, c = problem.top(np.stack([won, np.zeros(6), total - won], axis=1).astype(float))
        found += abs(x[0] - x[1]) > Z * math.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    return share(f"plan, graph of 4, {plan.pairs} pairs besides 140", "power", found / runs, runs, NEAR)


def alike(n: int, runs: int, rng, gap: float = GAP):
    """How many of three verdicts on an item say `first`, with a correlation of .5 between them."""
    p = expit(gap)
    return rng.binomial(3, rng.beta(p, 1 - p, (runs, n)))


def items(runs: int, rng) -> list[Found]:
    """Items with three verdicts each, planned from a pilot of 200 items of equal systems."""
    said = [
        Verdict(str(k), Unit(str(i), ("a", "b")), "c", ((label, 1.0),), label, float(label == "first"))
        for i, won in enumerate(alike(200, 1, rng, 0.0)[0])
        for k, label in enumerate(["first"] * won + ["second"] * (3 - won))
    ]
    [plan] = plan_pairs(bradley_terry(said, b=1000), gap=GAP, power=POWER)
    n = 200 + (plan.items or 0)
    found, blocks = 0, 10
    for _ in range(blocks):
        won = alike(n, runs // blocks, rng)
        q = won.mean(axis=1) / 3
        se = won.std(axis=1, ddof=1) / 3 / math.sqrt(n) / (q * (1 - q))
        found += int((np.abs(np.log(q / (1 - q))) > Z * se).sum())
    row = f"plan, items of 3 alike, {n} items"
    return [
        Found(row, "design effect", plan.deff, 0.0, 1, (1.6, 2.4), 2.0),
        share(row, "power", found / runs, runs, NEAR),
    ]


@cache
def bound(n: int, level: float) -> int:
    """The wins of n that are first too many for one half."""
    k = bound(n - 1, level) if n > 1 else 1
    while k <= n and share_sequence(k, n, level=level)[0] <= 0.5:
        k += 1
    return k


def looks(runs: int, rng) -> list[Found]:
    """Looking after every item, and after every 50 in the naive way."""
    rows = []
    for p, n, pairs in ((0.5, 2000, 1), (0.5, 2000, 10), (0.55, 4000, 1)):
        level = 1 - 0.05 / pairs
        for k in range(1, n + 1):  # from below, so that nothing recurses deep
            bound(k, level)
        limits = np.array([bound(k, level) for k in range(1, n + 1)])
        at = np.arange(50, n + 1, 50)
        apart, naive, when = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool), []
        for run in range(runs):
            for _ in range(pairs):
                won = np.cumsum(rng.random(n) < p)
                beyond = np.maximum(won, np.arange(1, n + 1) - won) >= limits
                apart[run] |= beyond.any()
                when += [int(np.argmax(beyond)) + 1] if beyond.any() else []
                q = won[at - 1] / at
                naive[run] |= bool((np.abs(q - 0.5) > Z * np.sqrt(0.25 / at)).any())
        row = f"look, {pairs} pairs, {100 * p:g} % won, {n} items"
        rows.append(share(row, "told apart", apart.mean(), runs, (0.0, 0.05) if p == 0.5 else (0.99, 1.0)))
        rows.append(share(row, "naive: told apart", naive.mean(), runs))
        if p > 0.5:
            error = 1.25 * float(np.std(when)) / math.sqrt(len(when))
            rows.append(Found(row, "median items", float(np.median(when)), error, runs))
    return rows


def planted(rng, n: int = 20, k: int = 6):
    """Scores of systems by round, among them a specialist and a generalist."""
    level = np.linspace(-1, 1, n - 2)
    scores = {f"s{i}": {str(r): at + 0.4 * rng.normal() for r in range(k)} for i, at in enumerate(level)}
    scores["generalist"] = {str(r): 0.3 + 0.2 * rng.normal() for r in range(k)}
    scores["specialist"] = {str(r): (-1.5 if r < k // 2 else 1.5) + 0.2 * rng.normal() for r in range(k)}
    return scores, [[str(r)] for r in range(k)]


def swiss(runs: int, rng) -> list[Found]:
    """Who is said to be a specialist."""
    told = {"specialist": 0, "generalist": 0}
    for run in range(runs):
        for each in swiss_dynamics(*planted(rng), n=400, seed=run):
            if each.system in told:
                told[each.system] += each.specialist
    bands = {"specialist": (0.95, 1.0), "generalist": (0.0, 0.05)}
    row = "swiss, 20 systems, 6 rounds"
    return [share(row, f"{name}: said to be one", n / runs, runs, bands[name]) for name, n in told.items()]


def again(runs: int, rng) -> list[Found]:
    """What a second look gains."""
    rows = []
    judges = {"verifier": (0.6, 0.05, 1), "coin": (0.5, 0.5, -1), "always confirms": (0.0, 0.0, 0)}
    for name, (mends, breaks, sign) in judges.items():
        gains, told = np.empty(runs), 0
        for run in range(runs):
            first = rng.random(400) < 0.75
            drawn = rng.random(400)
            second = np.where(first, drawn >= breaks, drawn < mends)
            found = second_look(np.ones(400), first.astype(float), second.astype(float))
            gains[run] = found.gain.value
            told += not found.gain.low <= 0.0 <= found.gain.high
        row = f"again, {name}"
        true = 0.25 * mends - 0.75 * breaks
        error = float(gains.std() / math.sqrt(runs))
        slack = 3 * error
        rows.append(Found(row, "gain", float(gains.mean()), error, runs, (true - slack, true + slack), true))
        rows.append(share(row, "told from none", told / runs, runs, (0.95, 1.0) if sign else (0.0, 0.0)))
    return rows


def main() -> int:
    """Print all rows."""
    given = options(__doc__, runs=1000).parse_args()
    runs, rng = given.runs, np.random.default_rng(given.seed)
    found: list[Found] = []
    parts = (one_pair, graph, items, looks, lambda n, r: swiss(min(n, 200), r), again)
    for part in parts:
        made = part(runs, rng)
        own = made if isinstance(made, list) else [made]
        for each in own:
            print(f"{each.row:48} {each.what:30} {each.estimate:.4f} ± {each.error:.4f}", flush=True)
        found += own
    return concluded("fewer_comparisons", found, given)


if __name__ == "__main__":
    sys.exit(main())
