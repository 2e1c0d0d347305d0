"""Do thresholds of a cascade keep their promise, how often is there one, and how much goes to the strong judge?

Judges are drawn whose error depends on the rank of their confidence in a known way; alpha and delta are 10 %.

`kept`: at most alpha of what the cheap judge keeps is wrong. Found on n labels by `select`, and, for comparison,
by the fixed sequence of "Trust or Escalate" (20 quantiles, from the strictest that keeps 30 on, ended by the
first failure). `broken` is the share of data sets whose threshold has a true error above alpha. Promised: at most
delta of them, and three standard errors of such a share, for each judge; and where 80 % of verdicts have 4 % error
and the rest 50 %, a threshold in at least 95 % of the sets of 1,000 labels, and of 500, which is what `cascade`
fits on of 1,000.

`whole`: at most alpha of all n final answers differ from the strong judge's, by `draw_threshold`, which draws
labels as it needs them; and, where `pip install bargain==0.1.3` has been done, by BARGAIN_A with its default of
20 thresholds. `sent` is the share of the n questions that the strong judge is asked, drawn ones included.

    python benchmarks/cascade_promise.py --runs 2000 --store
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from stored import Found, concluded, options, share

from judgekit.agreement.probability.drawn import draw_threshold
from judgekit.agreement.probability.selective import LEAST, select, upper_bound

Floats = npt.NDArray[np.float64]
ALPHA = DELTA = 0.1
EDGE = ALPHA + 1e-9
JUDGES: dict[str, Callable[[Floats], Floats]] = {
    "4 % wrong of 80 %": lambda q: np.where(q > 0.2, 0.04, 0.5),
    "good fifth": lambda q: np.where(q > 0.8, 0.02, 0.4),
    "error falls evenly": lambda q: 0.5 * (1 - q),
    "5 % wrong, blind": lambda q: np.full_like(q, 0.05),
    "9 % wrong, blind": lambda q: np.full_like(q, 0.09),
    "surest twentieth 30 % wrong": lambda q: np.where(q > 0.95, 0.3, np.where(q > 0.2, 0.04, 0.5)),
    "errors in waves about alpha": lambda q: np.where(np.floor(q * 10) % 2 == 1, 0.13, 0.07),
    "just above alpha": lambda q: np.where(q > 0.2, EDGE, 0.5),
    "just above alpha, blind": lambda q: np.full_like(q, EDGE),
}
NAMED = next(iter(JUDGES))
_FINE = 100_000
_TRUE = {
    judge: np.cumsum(error((np.arange(_FINE) + 0.5)[::-1] / _FINE))[::-1] / np.arange(_FINE, 0, -1)
    for judge, error in JUDGES.items()
}


def true_error(judge: str, threshold: float) -> float:
    """The error of what has at least this confidence."""
    return float(_TRUE[judge][min(int(threshold * _FINE), _FINE - 1)])


def kept_word(runs: int) -> tuple[float, float]:
    """Where the share of broken promises has to lie."""
    return 0.0, DELTA + 3 * (DELTA * (1 - DELTA) / runs) ** 0.5


def fixed_sequence(confidence: Floats, wrong: Floats) -> float | None:
    """The laxest threshold before the first failure, from the strictest one that keeps enough."""
    found = None
    for at in np.unique(np.quantile(confidence, np.arange(20) / 20, method="inverted_cdf"))[::-1]:
        kept = wrong[confidence >= at]
        if len(kept) >= LEAST:
            if upper_bound(int(kept.sum()), len(kept), DELTA) > ALPHA:
                break
            found = float(at)
    return found


def drawn(judge: str, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Confidence and errors of n answers."""
    q = rng.random(n)
    return q, (rng.random(n) < JUDGES[judge](q)).astype(float)


def kept(judge: str, n: int, runs: int, seed: int) -> list[Found]:
    """What becomes of the promise about what is kept."""
    rng, ours, sequence, over = np.random.default_rng([seed, n]), [], [], 0
    for _ in range(runs):
        q, wrong = drawn(judge, n, rng)
        found = select(q, wrong, alpha=ALPHA, delta=DELTA)
        ours.append(None if found.status != "ok" else found.threshold)
        over += ours[-1] is not None and true_error(judge, found.threshold) > found.bound
        sequence.append(fixed_sequence(q, wrong))
    rows, row = [], f"kept, n={n}, {judge}"
    for name, at in (("select", ours), ("fixed sequence", sequence)):
        there = [each for each in at if each is not None]
        broken = sum(true_error(judge, each) > ALPHA for each in there) / runs
        mine = name == "select"
        must = (0.95, 1.0) if mine and judge == NAMED and n >= 500 else None
        rows += [
            share(row, f"{name}: found", len(there) / runs, runs, must),
            share(row, f"{name}: broken", broken, runs, kept_word(runs) if mine else None),
            Found(row, f"{name}: share kept", sum(1 - each for each in there) / runs, np.nan, runs),
        ]
    return [*rows, share(row, "select: true error above the bound", over / runs, runs)]


def whole(judge: str, n: int, runs: int, seed: int) -> list[Found]:
    """What becomes of the promise about all answers."""
    rng = np.random.default_rng([seed, n, 1])
    ours, theirs = [], []
    for run in range(runs):
        q, wrong = drawn(judge, n, rng)
        found = draw_threshold(q, lambda at, wrong=wrong: wrong[at], alpha=ALPHA, delta=DELTA, seed=run)
        ours.append((found.escalated, wrong[list(found.kept)].sum() / n))
        if BARGAIN_A is not None:
            theirs.append(by_bargain(q, wrong, run))
    rows, row = [], f"whole, n={n}, {judge}"
    for name, made in (("draw_threshold", ours), ("BARGAIN", theirs)):
        if made:
            sent, left = np.array(made).T
            broken = float(np.mean(left > ALPHA + 1e-12))
            band = kept_word(runs) if name == "draw_threshold" else None
            rows += [
                Found(
                    row, f"{name}: sent", float(sent.mean()), float(sent.std() / len(sent) ** 0.5), len(sent)
                ),
                share(row, f"{name}: broken", broken, len(made), band),
            ]
    return rows


try:
    from BARGAIN import BARGAIN_A, Oracle, Proxy
except ImportError:
    BARGAIN_A, Oracle, Proxy = None, object, object


class Cheap(Proxy):
    """Says 0, as surely as it was drawn to be."""

    def __init__(self, confidence: Floats) -> None:
        super().__init__(verbose=False, max_workers=1)
        self.confidence = confidence

    def get_preds_and_scores(self, indxs, _):
        """Return answers and confidence at once, without its threads."""
        return np.zeros(len(indxs), dtype=int), self.confidence[np.asarray(indxs, dtype=int)]


class Strong(Oracle):
    """Says 0 where the cheap judge is right, else 1."""

    def __init__(self, wrong: Floats) -> None:
        super().__init__(verbose=False, max_workers=1)
        self.wrong = wrong.astype(int)

    def get_pred(self, _, indxs=None):
        """Return its answers at once, without its threads."""
        return self.wrong[np.asarray(indxs, dtype=int)]

    def is_answer_correct(self, indxs, _, answers):
        """Tell which answers are its own."""
        return self.wrong[np.asarray(indxs, dtype=int)] == answers


def by_bargain(confidence: Floats, wrong: Floats, seed: int) -> tuple[float, float]:
    """Share that went to the strong judge, and share of all answers that are not its own."""
    process = BARGAIN_A(
        Cheap(confidence), Strong(wrong), target=1 - ALPHA, delta=DELTA, verbose=False, seed=seed
    )
    answers, asked = process.process([str(i) for i in range(len(wrong))], return_oracle_usage=True)
    return float(np.mean(asked)), float(np.mean(np.array(answers) != wrong))


def rows(runs: int, seed: int) -> Iterator[list[Found]]:
    """All settings."""
    for n in (100, 500, 1000):
        for judge in JUDGES:
            yield kept(judge, n, runs, seed)
    for n in (300, 1000, 5000):
        for judge in JUDGES:
            yield whole(judge, n, runs, seed)


def main() -> int:
    given = options(__doc__, runs=1000).parse_args()
    if BARGAIN_A is None:
        print("# bargain is not installed: its rows are left out (pip install bargain==0.1.3)")
    found = []
    for each in rows(given.runs, given.seed):
        print(f"{each[0].row:42}", "  ".join(f"{one.what} {one.estimate:.3f}" for one in each), flush=True)
        found += each
    return concluded("cascade_promise", found, given)


if __name__ == "__main__":
    sys.exit(main())
