"""Does asking in both orders undo a judge's lean to one place? A judge of known lean, no model.

`python benchmarks/slot_bias.py`

2,000 pairs and 5 seeds. The quality of one response over the other is N(0, 1); in each reply the judge's
two scores differ by that, plus 1.5 for the response shown first, plus noise of N(0, 1). Three ways to
ask: one reply; six replies in one order; three in each order. A verdict is right if it prefers the
better response. Exact shares, by integration over the three normals: 0.6236, 0.5824, 0.8766: more
samples of one order make it worse, because they take away the noise and leave the lean.

Then which pairs a person should see: the fifth that is first by balanced position diversity entropy
(and then by the gap of the mean scores) against a fifth at random.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from judgekit.calibration import balanced_scores
from judgekit.recipes.paired import votes
from judgekit.review import route
from judgekit.scales import Numbers
from judgekit.types import Outcome, Unit, Verdict

PAIRS, SEEDS, LEAN, SHARE = 2000, range(5), 1.5, 0.2
SCALE = Numbers(low=-20, high=20)
WAYS = {"one order, one sample": (1, 0), "one order, six samples": (6, 0), "three in each order": (3, 3)}
EXACT = {"one order, one sample": 0.6236, "one order, six samples": 0.5824, "three in each order": 0.8766}


@dataclass(frozen=True)
class Asked:
    """A way to ask, over all seeds.

    Args:
        right: Share of pairs on which the better response was preferred.
        error: Standard error of that share.
        random: Share of wrong pairs among all, which is what a random fifth would hold.
        routed: Share of wrong pairs in the fifth that is first by entropy.
        low: Lower end of its 95 % interval (Wilson).
        high: Upper end.
    """

    right: float
    error: float
    random: float
    routed: float
    low: float
    high: float


def replies(unit: Unit, gaps: np.ndarray, n_first: int) -> list[Outcome]:
    """Score verdicts of replies, the first `n_first` of which show the first response first."""
    outcomes: list[Outcome] = []
    for sample, gap in enumerate(gaps.tolist()):
        shown = unit.responses if sample < n_first else unit.responses[::-1]
        for response, score in zip(unit.responses, (gap / 2, -gap / 2), strict=True):
            value = SCALE.value(repr(score))
            outcomes.append(
                Verdict(
                    "leaning", Unit(unit.item_id, (response,)), "quality", ((repr(score), 1.0),), repr(score),
                    float(value if value is not None else np.nan), shown=shown, sample=sample,
                )
            )  # fmt: skip
    return outcomes


def simulate(way: tuple[int, int], seed: int, n_pairs: int = PAIRS) -> tuple[np.ndarray, list[int]]:
    """Of each pair whether the verdict is right; and the fifth of them that people are shown."""
    rng = np.random.default_rng(seed)
    n_first, n_second = way
    lean = np.array([LEAN] * n_first + [-LEAN] * n_second)
    right, every = np.zeros(n_pairs, dtype=bool), []
    for i in range(n_pairs):
        quality = rng.normal()
        unit = Unit(str(i), ("a", "b"))
        outcomes = replies(unit, quality + lean + rng.normal(size=len(lean)), n_first)
        right[i] = balanced_scores(outcomes, unit=unit).label == ("first" if quality > 0 else "second")
        every += outcomes
    return right, [int(case.unit.item_id) for case in route(votes(every), budget=SHARE)]


def asked(way: tuple[int, int], seeds: range = SEEDS, n_pairs: int = PAIRS) -> Asked:
    """One way to ask, over seeds."""
    right, chosen = [], []
    for seed in seeds:
        own, first = simulate(way, seed, n_pairs)
        right.append(own)
        chosen.append(~own[first])
    every, routed = np.concatenate(right), np.concatenate(chosen)
    share = float(every.mean())
    low, high = wilson(int(routed.sum()), len(routed))
    return Asked(
        share, float(np.sqrt(share * (1 - share) / len(every))), 1 - share, float(routed.mean()), low, high
    )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z = NormalDist().inv_cdf(0.975)
    middle = (hits / n + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(hits / n * (1 - hits / n) / n + z * z / (4 * n * n))
    return float(middle - half), float(middle + half)


def main() -> None:
    print(f"{PAIRS} pairs, seeds {list(SEEDS)}, lean {LEAN}\n")
    print(
        f"{'':24} {'right':>7} {'exact':>7} {'error':>7}   wrong: {'random':>7} {'by BPDE':>8}   95 % of it"
    )
    for name, way in WAYS.items():
        found = asked(way)
        print(
            f"{name:24} {found.right:7.4f} {EXACT[name]:7.4f} {found.error:7.4f}          "
            f"{found.random:7.4f} {found.routed:8.4f}   {found.low:.4f} to {found.high:.4f}"
        )


if __name__ == "__main__":
    main()
