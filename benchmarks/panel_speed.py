"""Time the fits of panels and standings on sizes a real audit reaches.

`python benchmarks/panel_speed.py`

A panel of 5 judges over a day of traffic (100,000 items, 5 labels, a tenth of the verdicts missing), by
Dawid and Skene from an array and from verdicts; 100,000 comparisons of 20 systems, by Bradley and Terry
with 1,000 resamples of items. CPU seconds, the median of 5 runs; the answer is checked, because timing
a wrong answer is worth nothing.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from judgekit.aggregate.latent import Ballots, ballots_of, fit
from judgekit.scales import Labels
from judgekit.standing import bradley_terry
from judgekit.types import Outcome, Unit, Verdict

SCALE = Labels(labels=("1", "2", "3", "4", "5"))
ACCURACY = (0.55, 0.6, 0.7, 0.8, 0.85)
ITEMS, COMPARED, SYSTEMS = 100_000, 100_000, 20


def votes(n: int, *, soft: bool = False) -> np.ndarray:
    """Shape (n, 5, 5): a vote a rater, hard or spread, for a label drawn around a shared truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, n)
    x = np.zeros((n, len(ACCURACY), 5))
    for j, accuracy in enumerate(ACCURACY):
        wrong = (truth + rng.integers(1, 5, n)) % 5
        x[np.arange(n), j, np.where(rng.random(n) < accuracy, truth, wrong)] = rng.random(n) >= 0.1
    return x if not soft else x * 0.9 + x.sum(axis=2, keepdims=True) * rng.dirichlet(np.ones(5), (n, 5)) * 0.1


def ballots(x: np.ndarray) -> Ballots:
    units = tuple(Unit(str(i)) for i in range(len(x)))
    return Ballots(
        criterion="c",
        scale=SCALE,
        labels=SCALE.labels,
        units=units,
        raters=tuple("abcde"),
        votes=x,
        reasons={},
    )


def verdicts(x: np.ndarray) -> list[Outcome]:
    found: list[Outcome] = []
    for i, j in np.argwhere(x.sum(axis=2) > 0).tolist():
        label = SCALE.labels[int(x[i, j].argmax())]
        found.append(Verdict("abcde"[j], Unit(str(i)), "c", ((label, 1.0),), label, SCALE.worth[label]))
    return found


def comparisons(n: int) -> tuple[list[Outcome], np.ndarray]:
    rng = np.random.default_rng(0)
    strengths = np.linspace(1.0, -1.0, SYSTEMS)
    found: list[Outcome] = []
    for k in range(n):
        a, b = rng.choice(SYSTEMS, 2, replace=False).tolist()
        won = rng.random() < 1 / (1 + np.exp(strengths[b] - strengths[a]))
        label = "first" if won else "second"
        unit = Unit(str(k), (f"{a:02d}", f"{b:02d}"))
        found.append(Verdict("j", unit, "c", ((label, 1.0),), label, float(won)))
    return found, strengths


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    seconds = []
    for _ in range(5):
        start = time.process_time()
        answer = work()
        seconds.append(time.process_time() - start)
    return median(seconds), answer


def main() -> None:
    hard = votes(ITEMS)
    asked = verdicts(hard)
    for name, table in (("hard votes", hard), ("soft votes", votes(ITEMS, soft=True))):
        cast = ballots(table)
        for starts in (1, 5):
            seconds, found = timed(lambda cast=cast, starts=starts: fit(cast, starts=starts))
            off = max(abs(found.accuracy[r] - a) for r, a in zip("abcde", ACCURACY, strict=True))
            assert off < 0.1, found.accuracy  # soft votes are spread by a tenth
            print(
                f"Dawid-Skene, {ITEMS} x 5, {name}, {starts} starts: {seconds:.2f} s, "
                f"{found.iterations} iterations"
            )
    seconds, _ = timed(lambda: ballots_of(asked, SCALE))
    print(f"ballots of {len(asked)} verdicts: {seconds:.2f} s")
    outcomes, strengths = comparisons(COMPARED)
    for b in (0, 1000):
        seconds, standing = timed(lambda b=b: bradley_terry(outcomes, b=b))
        fitted = np.array([standing.of(f"{i:02d}").strength for i in range(SYSTEMS)])
        assert np.abs(fitted - strengths).max() < 0.1
        print(f"Bradley-Terry, {COMPARED} verdicts, {SYSTEMS} systems, {b} resamples: {seconds:.2f} s")


if __name__ == "__main__":
    main()
