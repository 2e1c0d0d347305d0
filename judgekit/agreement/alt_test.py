"""The alternative annotator test: may a judge stand in for one of the annotators?

Each annotator is left out in turn; on each item the judge and the annotator are scored by how well they
agree with the others. The judge wins over the annotator if it is not worse by more than `epsilon`, which
pays for its being cheap. Whether it passes depends on the number of items as much as on the judge: with
50 items an equal judge often fails, and with 200 and a large epsilon a worse one passes. So the share of
items on which it is at least as good (rho) stands beside the verdict, and so does the power.

Calderon, Reichart and Dror (2025), "The Alternative Annotator Test for LLM-as-a-Judge",
https://arxiv.org/abs/2501.10970.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from judgekit.agreement.alt_indicators import (
    ENOUGH,
    ROW_SCORES,
    RowScore,
    Score,
    epsilon_p_value,
    indicators,
    standardised,
)
from judgekit.agreement.alt_test_power import alt_test_power, keep_rate
from judgekit.agreement.arrays import kept_clusters
from judgekit.agreement.estimate import TOO_FEW, undefined
from judgekit.agreement.multiplicity import adjust
from judgekit.agreement.paired import drawn_again
from judgekit.agreement.panel import Panel, panel_of
from judgekit.agreement.ratings import Floats
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class Annotator:
    """The test of the judge against one annotator.

    Args:
        name: Of the annotator.
        n: Items they share.
        difference: Mean of (annotator at least as good) - (judge at least as good); below epsilon is good.
        advantage: Share of items on which the judge is at least as good.
        p: One-sided p-value that the difference is below epsilon; nan where it cannot be told.
        p_adjusted: After Benjamini and Yekutieli.
        won: Whether the judge wins over this annotator.
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
    """What the alternative annotator test says.

    Args:
        passes: Whether the winning rate is at least one half; None if nobody could be tested.
        winning_rate: Omega, the share of tested annotators the judge wins over; without an interval.
        advantage: Rho, the mean over annotators of the share of items on which the judge is at least
            as good, with an interval over items.
        annotators: The tests behind it.
        dropped: Annotators left out because they share too few items with others.
        epsilon: The advantage the judge was given.
        power: The chance that a judge who is exactly as good as these annotators passes with as many
            items; nan where it cannot be told.
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
    level: float = 0.95,
    b: int = 2000,
    power_runs: int = 200,
    seed: int = 0,
) -> AltTest:
    """May the judge stand in for one of these annotators?

    Args:
        data: `Ratings` or raw ratings of shape (n_units, n_raters), people and judge in columns.
        judge: Name of the judge's column.
        humans: Names of the annotators' columns; all others where left out.
        scale: The declared scale of raw ratings.
        epsilon: The advantage given to the judge: the authors use .2 where the annotators are experts,
            .15 where skilled, .1 for a crowd.
        score: `accuracy` for nominal scales, `neg_rmse` for others, where left out.
        standardise: Where annotators use the scale differently: each one's z-scores or ranks.
        q: False discovery rate over the annotators (Benjamini and Yekutieli).
        min_items: Annotators with fewer items are left out of the tests (they still are others).
        level: Confidence of the interval of rho.
        b: Resamples of items (or of the ratings' clusters).
        power_runs: Simulated sets behind the power; 0 for none.
        seed: Of the resamples and the simulation.

    Returns:
        Items where fewer than two humans or no judge rated are left out and counted. With nobody left to
        test, `passes` is None and the estimates say `undefined:too_few`.

    Raises:
        InputError: For an unknown rater or option.

    Source:
        Calderon et al. (2025). Checked against values of the authors' notebook; unlike there, the
        winning rate is over the annotators that were tested, and nobody tested is no error.
    """
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
    blank = Estimate(
        "advantage_probability", math.nan, level=level, n_units=len(kept), n_raters=1 + len(panel.names),
        n_used=int(kept.sum()), n_dropped=int((~kept).sum()), method=f"{name}, epsilon {epsilon:g}",
        notes=(f"{len(tested)} of {len(panel.names)} annotators tested",),
    )  # fmt: skip
    if not len(tested):
        why = f"no annotator shares {min_items} items with another"
        nothing = undefined(blank, TOO_FEW, why)
        omega = replace(nothing, name="winning_rate")
        return AltTest(None, omega, nothing, (), dropped, epsilon, math.nan)
    annotators = _annotators(panel, (judge_wins, human_wins), tested, epsilon, q)
    size = int(np.median(n[tested]))
    power = _power(panel, kept, chosen, size, epsilon=epsilon, q=q, runs=power_runs, seed=seed)
    rho = _advantage(blank, panel, judge_wins[:, tested], b=b, seed=seed)
    return _verdict(blank, annotators, rho, dropped, epsilon=epsilon, power=power)


def alt_tests_together(tests: Mapping[str, AltTest], *, q: float = 0.05) -> dict[str, AltTest]:
    """Several tests (criteria, domains) with the false discovery rate held over all of their p-values.

    Args:
        tests: Name -> what `alt_test` gave.
        q: False discovery rate over all annotators of all tests.
    """
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
            panel.names[j], int((~np.isnan(judge_wins[:, j])).sum()), float(np.nanmean(difference[:, j])),
            float(np.nanmean(judge_wins[:, j])), p_, p_adjusted, p_adjusted <= q,
        )
        for j, p_, p_adjusted in zip(tested.tolist(), p, adjusted, strict=True)
    )  # fmt: skip


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
    return AltTest(omega >= 0.5, winning, rho, annotators, dropped, epsilon, power)


def _advantage(blank: Estimate, panel: Panel, judge_wins: Floats, *, b: int, seed: int) -> Estimate:
    """Rho with its interval: the annotators are fixed, items (or clusters) are drawn again."""
    there = ~np.isnan(judge_wins)
    won, here = np.nan_to_num(judge_wins), there.astype(np.float64)
    rows = np.asarray(there.any(axis=1), dtype=bool)
    groups = kept_clusters(panel.ratings.clusters, rows)

    def rho(drawn: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(((drawn @ won[rows]) / (drawn @ here[rows])).mean(axis=1), dtype=np.float64)

    return drawn_again(blank, rho, int(rows.sum()), seed=seed, b=b, clusters=groups)


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
