"""The alternative annotator test: may a judge stand in for one of the annotators?

Each annotator is left out in turn; on each item the judge and the annotator are scored by how well they agree
with the others. The judge wins over the annotator if it is not worse by more than `epsilon`, which pays for
its being cheap. Whether it passes depends on the number of items as much as on the judge: with 50 items an
equal judge often fails, and with 200 and a large epsilon a worse one passes. So the share of items on which
it is at least as good (rho) stands beside the verdict, and so does the power, by simulation: each item has a
true label, and a rater keeps it with some probability and else says any label with equal chances.

Calderon, Reichart and Dror (2025), https://arxiv.org/abs/2501.10970.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import grid, kept_clusters
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.multiplicity import adjust
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, Resampling, drawn_again, resampling
from judgekit.agreement.people.panel import Panel, panel_of
from judgekit.errors import InputError
from judgekit.types import Estimate

Score = Literal["accuracy", "neg_rmse"]
RowScore = Callable[[Floats, Floats], Floats]
"""From labels (n,) and others' labels (n, k), nan where missing, to a score for each unit."""
ENOUGH = 30
"""Fewer items of an annotator are tested by ranks, and by default not at all."""


def indicators(judge: Floats, humans: Floats, score: Score | RowScore = "accuracy") -> tuple[Floats, Floats]:
    """Return who is at least as good, (n_units, n_humans): the judge, and each annotator left out."""
    rows = ROW_SCORES[score] if isinstance(score, str) else score
    judge_wins, human_wins = np.full(humans.shape, np.nan), np.full(humans.shape, np.nan)
    for j in range(humans.shape[1]):
        others = np.delete(humans, j, axis=1)
        here = ~np.isnan(judge) & ~np.isnan(humans[:, j]) & ~np.isnan(others).all(axis=1)
        s_judge = np.round(rows(judge[here], others[here]), 12)
        s_human = np.round(rows(humans[here, j], others[here]), 12)
        judge_wins[here, j], human_wins[here, j] = s_judge >= s_human, s_human >= s_judge
    return judge_wins, human_wins


def epsilon_p_value(difference: Floats, epsilon: float) -> float:
    """Return the one-sided p-value that the mean of differences (n_units,) is below epsilon."""
    d = difference[~np.isnan(difference)]
    if len(d) < 2:
        return math.nan
    if np.all(d == d[0]):
        gap = round(float(d[0]) - epsilon, 12)
        return math.nan if gap == 0 else float(gap > 0)
    if len(d) < ENOUGH:
        from scipy.stats import wilcoxon

        shifted = np.round(d - epsilon, 12)
        return float(wilcoxon(shifted, alternative="less").pvalue)
    from scipy.special import stdtr

    t = (d.mean() - epsilon) / (d.std(ddof=1) / math.sqrt(len(d)))
    return float(stdtr(len(d) - 1, t))


def standardised(labels: Floats, how: str) -> Floats:
    """Return labels (n_units, n_raters), each rater's on that rater's own scale."""
    x = grid(labels, "labels")
    if how == "none":
        return x
    if how not in {"z", "rank"}:
        raise InputError(f"unknown standardisation {how!r}; there are none, z, rank")
    out = x.copy()
    for column in out.T:
        there = ~np.isnan(column)
        if not there.any():
            continue
        if how == "z":
            sd = column[there].std()
            column[there] = (column[there] - column[there].mean()) / (sd if sd > 0 else 1.0)
        else:
            from scipy.stats import rankdata

            column[there] = rankdata(column[there]) / there.sum()
    return out


def _accuracy(labels: Floats, others: Floats) -> Floats:
    there = ~np.isnan(others)
    return np.asarray(((others == labels[:, None]) & there).sum(axis=1) / there.sum(axis=1), dtype=np.float64)


def _neg_rmse(labels: Floats, others: Floats) -> Floats:
    return np.asarray(-np.sqrt(np.nanmean(np.square(others - labels[:, None]), axis=1)), dtype=np.float64)


ROW_SCORES: dict[str, RowScore] = {"accuracy": _accuracy, "neg_rmse": _neg_rmse}


@dataclass(frozen=True, slots=True)
class Annotator:
    """The test of the judge against one annotator, on the n items they share.

    `difference` is the mean of (annotator at least as good) - (judge at least as good), below epsilon is
    good; `advantage` the share of items on which the judge is; `p` is one-sided, nan where it cannot be told,
    and adjusted after Benjamini and Yekutieli.
    """

    name: str
    n: int
    difference: float
    advantage: float
    p: float
    p_adjusted: float
    won: bool


@dataclass(frozen=True, slots=True)
class AltTest:
    """What the alternative annotator test says; `passes` is None if nobody could be tested.

    Args:
        winning_rate: Omega, the share of tested annotators the judge wins over; without an interval.
        advantage: Rho, the mean over annotators of the share of items on which the judge is at least as good,
            with an interval over items.
        dropped: Annotators left out because they share too few items with others.
        power: The chance that a judge who is exactly as good as these annotators passes with as many items;
            nan where it cannot be told.
    """

    passes: bool | None
    winning_rate: Estimate
    advantage: Estimate
    annotators: tuple[Annotator, ...]
    dropped: tuple[str, ...]
    epsilon: float
    power: float


def alt_test(
    data: Any,
    *,
    judge: str,
    humans: Sequence[str] | None = None,
    scale: Any = None,
    epsilon: float = 0.2,
    score: Score | RowScore | None = None,
    standardise: Literal["none", "z", "rank"] = "none",
    q: float = 0.05,
    min_items: int = ENOUGH,
    power_runs: int = 200,
    **how: Unpack[Drawn],
) -> AltTest:
    """May the judge stand in for one of these annotators?

    Args:
        data: `Ratings`, or raw ratings of shape (n_units, n_raters) with their declared `scale`, people and
            judge in columns.
        judge: Name of the judge's column.
        humans: Names of the annotators' columns; all others where left out.
        epsilon: The advantage given to the judge: the authors use .2 where the annotators are experts, .15
            where skilled, .1 for a crowd.
        score: `accuracy` for nominal scales, `neg_rmse` for others, where left out.
        standardise: Where annotators use the scale differently: each one's z-scores or ranks.
        q: False discovery rate over the annotators (Benjamini and Yekutieli).
        min_items: Annotators with fewer items are left out of the tests (they still are others).
        power_runs: Simulated sets behind the power; 0 for none.

    Items where fewer than two humans or no judge rated are left out and counted. With nobody left to test,
    `passes` is None and the estimates say `undefined:too_few`. Raises `InputError` for an unknown rater or
    option. Source: Calderon et al. (2025). Checked against values of the authors' notebook; unlike there, the
    winning rate is over the annotators that were tested, and nobody tested is no error.
    """
    draw = resampling(how)
    if score is not None and isinstance(score, str) and score not in ROW_SCORES:
        raise InputError(f"unknown score {score!r}; there are {', '.join(ROW_SCORES)}")
    panel = panel_of(data, judge=judge, humans=humans, scale=scale)
    chosen = score or ("accuracy" if panel.ratings.level == "nominal" else "neg_rmse")
    labels = standardised(
        np.column_stack([panel.numbers(panel.judge), panel.numbers(panel.humans)]), standardise
    )
    kept = ~np.isnan(labels[:, 0]) & ((~np.isnan(labels[:, 1:])).sum(axis=1) >= 2)
    judge_wins, human_wins = indicators(labels[:, 0], labels[:, 1:], chosen)
    judge_wins[~kept], human_wins[~kept] = np.nan, np.nan
    n = (~np.isnan(judge_wins)).sum(axis=0)
    tested = np.flatnonzero(n >= max(min_items, 2))
    dropped = tuple(panel.names[j] for j in np.flatnonzero(n < max(min_items, 2)))
    name = chosen if isinstance(chosen, str) else "own score"
    blank = about(
        "advantage_probability", kept.sum(), len(kept), level=draw.level, n_raters=1 + len(panel.names),
        method=f"{name}, epsilon {epsilon:g}",
        notes=(f"{len(tested)} of {len(panel.names)} annotators tested",),
    )  # fmt: skip
    if not len(tested):
        why = f"no annotator shares {min_items} items with another"
        nothing = undefined(blank, Status.TOO_FEW, why)
        omega = replace(nothing, name="winning_rate")
        return AltTest(
            passes=None, winning_rate=omega, advantage=nothing, annotators=(), dropped=dropped,
            epsilon=epsilon, power=math.nan,
        )  # fmt: skip
    annotators = _annotators(panel, (judge_wins, human_wins), tested, epsilon, q)
    size = int(np.median(n[tested]))
    power = _power(panel, kept, chosen, size, epsilon=epsilon, q=q, runs=power_runs, seed=draw.seed)
    rho = _advantage(blank, panel, judge_wins[:, tested], draw)
    return _verdict(blank, annotators, rho, dropped, epsilon=epsilon, power=power)


def alt_tests_together(tests: Mapping[str, AltTest], *, q: float = 0.05) -> dict[str, AltTest]:
    """Several tests by name (criteria, domains), with the false discovery rate `q` held over all p-values."""
    p = [each.p for test in tests.values() for each in test.annotators]
    adjusted = iter(adjust(np.nan_to_num(p, nan=1.0), method="by").tolist())
    made = {}
    for name, test in tests.items():
        annotators = tuple(
            replace(a, p_adjusted=(now := next(adjusted)), won=now <= q) for a in test.annotators
        )
        if not annotators:
            made[name] = test
            continue
        made[name] = _verdict(
            test.winning_rate,
            annotators,
            test.advantage,
            test.dropped,
            epsilon=test.epsilon,
            power=test.power,
        )
    return made


def _annotators(
    panel: Panel, wins: tuple[Floats, Floats], tested: Any, epsilon: float, q: float
) -> tuple[Annotator, ...]:
    judge_wins, difference = wins[0], wins[1] - wins[0]
    p = [epsilon_p_value(difference[:, j], epsilon) for j in tested]
    # A test without a p-value is not won, and counts in the family.
    adjusted = adjust(np.nan_to_num(p, nan=1.0), method="by").tolist()
    return tuple(
        Annotator(
            name=panel.names[j],
            n=int((~np.isnan(judge_wins[:, j])).sum()),
            difference=float(np.nanmean(difference[:, j])),
            advantage=float(np.nanmean(judge_wins[:, j])),
            p=p_,
            p_adjusted=p_adjusted,
            won=p_adjusted <= q,
        )
        for j, p_, p_adjusted in zip(tested.tolist(), p, adjusted, strict=True)
    )


def _verdict(
    blank: Estimate,
    annotators: tuple[Annotator, ...],
    rho: Estimate,
    dropped: tuple[str, ...],
    *,
    epsilon: float,
    power: float,
) -> AltTest:
    omega = sum(each.won for each in annotators) / len(annotators)
    note = f"an equal judge would pass with probability {power:.2f}" if not math.isnan(power) else ""
    winning = replace(
        blank, name="winning_rate", value=omega, low=math.nan, high=math.nan, se=math.nan, interval="none",
        status="ok", seed=None, notes=(*blank.notes[:1], *([note] if note else [])),
    )  # fmt: skip
    return AltTest(
        passes=omega >= 0.5, winning_rate=winning, advantage=rho, annotators=annotators, dropped=dropped,
        epsilon=epsilon, power=power,
    )  # fmt: skip


def _advantage(blank: Estimate, panel: Panel, judge_wins: Floats, draw: Resampling) -> Estimate:
    """Rho with its interval: the annotators are fixed, items (or clusters) are drawn again."""
    there = ~np.isnan(judge_wins)
    won, here = np.nan_to_num(judge_wins), there.astype(np.float64)
    rows = np.asarray(there.any(axis=1), dtype=bool)

    def rho(drawn: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(((drawn @ won[rows]) / (drawn @ here[rows])).mean(axis=1), dtype=np.float64)

    return drawn_again(blank, rho, int(rows.sum()), draw.over(kept_clusters(panel.ratings.clusters, rows)))


def _power(
    panel: Panel, kept: Any, score: Any, n: int, *, epsilon: float, q: float, runs: int, seed: int
) -> float:
    categories = len(panel.ratings.values)
    if runs <= 0 or score not in {"accuracy", "neg_rmse"} or categories < 2:
        return math.nan
    keep = keep_rate(panel.humans[kept], categories)
    return alt_test_power(
        n, n_humans=len(panel.names), values=panel.ratings.values, keep_humans=keep, keep_judge=keep,
        epsilon=epsilon, q=q, score=score, runs=runs, seed=seed,
    )  # fmt: skip


_AT_ONCE = 2_000_000  # labels held at a time


def alt_test_power(
    n_items: int,
    *,
    n_humans: int = 3,
    values: npt.ArrayLike = (0.0, 1.0, 2.0, 3.0),
    keep_humans: float = 0.7,
    keep_judge: float = 0.7,
    epsilon: float = 0.2,
    q: float = 0.05,
    score: Literal["accuracy", "neg_rmse"] = "accuracy",
    runs: int = 1000,
    seed: int = 0,
) -> float:
    """The chance that the alternative annotator test passes a judge.

    Args:
        n_items: Items rated by everybody.
        n_humans: Annotators, at least 2.
        values: The scale's values.
        keep_humans: Probability that an annotator says the truth before guessing; `keep_judge` is the
            judge's.
        epsilon: The advantage the judge is given; `q` and `score` as in `alt_test`.
        runs: Simulated sets; the result has a standard error of at most 0.5 / sqrt(runs).

    Returns the share of the sets that passed (t tests, Benjamini and Yekutieli, winning rate at least one
    half). nan below 2 items or 2 humans. Raises `InputError` for a probability outside [0, 1].

    >>> 0.9 < alt_test_power(100, keep_judge=0.9, epsilon=0.1, runs=50) <= 1.0
    True
    """
    if not (0 <= keep_humans <= 1 and 0 <= keep_judge <= 1):
        raise InputError(f"probabilities {keep_humans} and {keep_judge} must lie on [0, 1]")
    if n_items < 2 or n_humans < 2 or runs < 1:
        return math.nan
    rng, scale = np.random.default_rng(seed), np.asarray(values, dtype=float)
    keep = np.array([keep_judge] + [keep_humans] * n_humans)
    step = max(1, _AT_ONCE // (n_items * (n_humans + 1)))
    passed = 0
    for start in range(0, runs, step):
        labels = _labels(rng, min(step, runs - start), n_items, keep, scale)
        passed += int((_winning_rates(labels, epsilon, q, score) >= 0.5).sum())
    return passed / runs


def keep_rate(codes: Codes, n_categories: int) -> float:
    """Return the probability of keeping the truth that gives the agreement seen (n_units, n_humans)."""
    # Two raters agree if both keep the truth, or by chance: a^2 + (1 - a^2) / q.
    if n_categories < 2:
        return math.nan
    counts = np.stack([(codes == k).sum(axis=1) for k in range(n_categories)], axis=1)
    total = counts.sum(axis=1)
    pairs = float((total * (total - 1)).sum())
    if pairs == 0:
        return math.nan
    agree = float((counts * (counts - 1)).sum()) / pairs
    return math.sqrt(max(0.0, (agree - 1 / n_categories) / (1 - 1 / n_categories)))


def _labels(rng: np.random.Generator, runs: int, n: int, keep: Floats, scale: Floats) -> Floats:
    """Shape (runs, n, 1 + n_humans), the judge first."""
    shape = (runs, n, len(keep))
    truth = rng.integers(0, len(scale), size=(runs, n, 1))
    guess = rng.integers(0, len(scale), size=shape)
    return np.asarray(scale[np.where(rng.random(shape) < keep, truth, guess)], dtype=np.float64)


def _winning_rates(labels: Floats, epsilon: float, q: float, score: str) -> Floats:
    """Shape (runs,): the share of annotators that the judge wins over."""
    from scipy.special import stdtr

    n, r = labels.shape[1], labels.shape[2] - 1
    people = labels[:, :, 1:]
    if score == "accuracy":
        total = sum(
            (people == each).sum(axis=2, keepdims=True) * (labels == each) for each in np.unique(labels)
        )
    else:
        sums, squares = people.sum(axis=2, keepdims=True), (people**2).sum(axis=2, keepdims=True)
        total = 2 * labels * sums - squares - r * labels**2
    p = np.empty((len(labels), r))
    for j in range(r):
        own = people[:, :, j]
        apart = (labels[:, :, 0] == own) * 1.0 if score == "accuracy" else -np.square(labels[:, :, 0] - own)
        # The annotator's nearness to itself is a constant that the others do not see.
        judge = total[:, :, 0] - apart
        human = total[:, :, j + 1] - (1.0 if score == "accuracy" else 0.0)
        sign = np.sign(np.round(human - judge, 9))
        mean, sd = sign.mean(axis=1), sign.std(axis=1, ddof=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            p[:, j] = stdtr(n - 1, (mean - epsilon) / (sd / math.sqrt(n)))
        p[:, j] = np.where(sd == 0, (mean > epsilon) * 1.0, p[:, j])
    bound = q * np.arange(1, r + 1) / (r * np.sum(1 / np.arange(1, r + 1)))
    below = np.sort(p, axis=1) <= bound
    kept = np.where(below.any(axis=1), r - np.argmax(below[:, ::-1], axis=1), 0)
    return np.asarray(kept / r, dtype=np.float64)
