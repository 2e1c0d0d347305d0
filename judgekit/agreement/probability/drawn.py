"""A threshold for a whole cascade: no more questions are put to the strong judge than it takes to find one.

The cheap judge has answered all questions; which are also put to the strong one is decided as its answers
come. The promise is about the final answers to these questions: at most a share alpha of them differs from
what the strong judge said or would have said, `1 - delta` sure. It is no promise about other questions.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import binary, column
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.probability.selective import ABSTAIN, quantiles
from judgekit.errors import InputError

Ask = Callable[[Sequence[int]], npt.ArrayLike]
"""Puts questions, by their places, to the strong judge: 1 where the cheap one differs from it, else 0."""
_LEAST = 30
"""Questions drawn before the search may end."""
_BETS = (0.1, 0.3, 0.5, 0.7)
"""What shares of the wrong answers allowed are bet on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnThreshold:
    """Which questions the cheap judge answers alone.

    Args:
        threshold: Questions at least this sure, if they were not drawn, keep the cheap judge's answer; inf
            where all are to be sent on.
        kept: The places of those questions.
        drawn: The places of the questions that the strong judge was asked to find the threshold, in order.
        n: All questions.
        n_wrong: How many of those drawn the cheap judge had otherwise.
        alpha: The share promised; `delta` the probability with which the promise may fail.
    """

    threshold: float
    kept: tuple[int, ...]
    drawn: tuple[int, ...]
    n: int
    n_wrong: int
    alpha: float
    delta: float

    @property
    def escalated(self) -> float:
        """Share of the questions that goes to the strong judge, those drawn among them."""
        return 1.0 - len(self.kept) / self.n

    @property
    def status(self) -> str:
        """`ok`, or `abstain_all` where nothing is kept."""
        return "ok" if self.kept else ABSTAIN


def draw_threshold(
    confidence: npt.ArrayLike, ask: Ask, *, alpha: float, delta: float = 0.1, seed: int = 0
) -> DrawnThreshold:
    """Find the threshold of a whole cascade, asking the strong judge about questions drawn by chance.

    Questions are drawn until going on is expected to cost more of them than a laxer threshold would spare.
    Thresholds are the quantiles of the confidence, taken from strict to lax; each passes once its draws show
    that no more than alpha of all answers are wrong above it, by a test that may be looked at after each.
    So the promise holds however the search is ended, and whatever errors have to do with the confidence.

    Args:
        confidence: Shape (n,), of the cheap judge's answers to all questions; nan where there is none, which
            is sent on.
        ask: Called with places of questions, a tenth more each time; returns for each of them 1 where the
            cheap judge differs from the strong one, else 0. nan, where there is no answer, counts as 1.
        alpha: The share of the final answers that may be wrong.
        delta: The probability with which the promise may fail.
        seed: Of the draws.

    Source:
        After Zeighami, Shankar & Parameswaran (2026), "Cut Costs, Not Accuracy", arXiv 2509.02896: draws as
        they are needed, a count of errors for all answers, thresholds in fixed sequence. In place of their
        bets it has likelihood ratios of draws without replacement, and their stop is by cost.

    >>> import numpy as np
    >>> sure = np.linspace(0, 1, 1000)
    >>> found = draw_threshold(sure, lambda places: sure[places] < 0.2, alpha=0.1)
    >>> bool(found.threshold < 0.2), 0.15 < found.escalated < 0.25
    (True, True)
    """
    if not 0 < alpha < 1 or not 0 < delta < 1:
        raise InputError(f"alpha {alpha}, delta {delta}; both must be between 0 and 1")
    c = np.nan_to_num(column(confidence, "confidence"), nan=-np.inf, neginf=-np.inf, posinf=np.inf)
    if not len(c):
        raise InputError("no questions: the confidence is empty")
    thresholds = quantiles(c[c > -np.inf])
    ranks = np.searchsorted(-thresholds, -c)  # the first threshold that keeps a question
    sizes = _counts(ranks, np.ones(len(c)), len(thresholds))
    allowed = math.floor(alpha * len(c) + 1e-9)
    order = np.random.default_rng(seed).permutation(len(c))
    wrong = np.zeros(len(c))
    passed = n = 0
    while True:
        drawn = order[:n]
        rows = (sizes, *(_counts(ranks[drawn], by, len(sizes)) for by in (np.ones(n), wrong[drawn])))
        above = [_Above(int(m), int(s), int(e), allowed) for m, s, e in zip(*rows, strict=True)]
        while passed < len(above) and above[passed].evidence() >= -math.log(delta):
            passed += 1
        now = above[passed - 1].kept if passed else 0
        if (
            n == len(c)
            or passed == len(above)
            or (n >= _LEAST and all(each.hoped(delta) <= now for each in above[passed:]))
        ):
            break
        batch = order[n : n + max(10, n // 10)]
        wrong[batch] = _answers(ask, batch)
        n += len(batch)
    keeps = (ranks < passed) & ~np.isin(np.arange(len(c)), drawn)
    return DrawnThreshold(
        threshold=float(thresholds[passed - 1]) if passed else math.inf,
        kept=tuple(np.flatnonzero(keeps).tolist()), drawn=tuple(drawn.tolist()), n=len(c),
        n_wrong=int(wrong.sum()), alpha=alpha, delta=delta,
    )  # fmt: skip


def _counts(ranks: npt.NDArray[np.int64], by: Floats, n: int) -> Floats:
    """Sums of `by` over the questions that each of `n` thresholds keeps."""
    return np.cumsum(np.bincount(ranks, weights=by, minlength=n)[:n])


def _answers(ask: Ask, batch: npt.NDArray[np.int64]) -> Floats:
    """Return 1 for each question on which the judges differ, or have no answer to compare."""
    answers = column(ask(batch.tolist()), "wrong")
    if len(answers) != len(batch):
        raise InputError(f"ask returned {len(answers)} answers to {len(batch)} questions")
    answers = np.nan_to_num(answers, nan=1.0)
    binary(answers, "wrong")
    return answers


@dataclass(frozen=True, slots=True)
class _Above:
    """`n` questions above a threshold, of which `drawn` were drawn and `wrong` were wrong; so many may be."""

    n: int
    drawn: int
    wrong: int
    allowed: int

    @property
    def kept(self) -> int:
        """How many would keep the cheap judge's answer."""
        return self.n - self.drawn

    def evidence(self) -> float:
        """Return the log likelihood ratio of fewer wrong ones than allowed, against one more than allowed."""
        # Were `most` wrong, the mean ratio would ever come to 1 / delta with probability delta (Ville 1939);
        # and where more than `most` would be likelier than `most`, nothing is shown.
        most = self.allowed + 1
        if self.drawn - self.wrong > self.n - most:
            return math.inf  # too few are left
        if self.wrong >= most or self.wrong * (self.n + 1) > most * self.drawn:
            return -math.inf
        against = self._log_likelihood(most)
        logs = [self._log_likelihood(int(bet * most)) - against for bet in _BETS]
        best = max(logs)
        if best == -math.inf:
            return best
        return best + math.log(sum(math.exp(each - best) for each in logs) / len(logs))

    def _log_likelihood(self, wrong: int) -> float:
        """Of the draws, in their order, if `wrong` of the `n` are wrong; but for a constant."""
        right, drawn_right = self.n - wrong, self.drawn - self.wrong
        if self.wrong > wrong or drawn_right > right:
            return -math.inf
        return (
            math.lgamma(wrong + 1) - math.lgamma(wrong - self.wrong + 1)
            + math.lgamma(right + 1) - math.lgamma(right - drawn_right + 1)
        )  # fmt: skip

    def hoped(self, delta: float) -> float:
        """Return how many are kept once enough are drawn, if the error is as low as it may well be."""
        p, q = (self.wrong + 0.5) / (self.drawn + 1), (self.allowed + 1) / self.n
        p = max(p - math.sqrt(p * (1 - p) / (self.drawn + 1)), 1e-4)
        have = self.evidence()
        if have == -math.inf or p >= q:
            return -math.inf
        gain = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)) if q < 1 else math.inf
        return self.n - self.drawn - max(-math.log(delta) - have, 0) / gain
