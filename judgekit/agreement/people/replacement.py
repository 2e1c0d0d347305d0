"""The judge in the place of an annotator, and agreement within a margin said beforehand.

Does the panel's alpha fall with the judge in it? A p-value above .05 for a difference shows nothing: with few
labels there is always one. What shows that a judge is not worse is an interval of the difference that stays
above minus the margin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np

from judgekit.agreement.chance.chance import (
    Metric,
    beyond_chance,
    metric_weights,
    observed_and_expected,
    parts_of,
)
from judgekit.agreement.core.arrays import kept_clusters
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.ratings import MISSING, Codes, Floats
from judgekit.agreement.core.resample import Drawn, Weighted, drawn_again, resampling
from judgekit.agreement.people.panel import panel_of
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class Replacement:
    """Krippendorff's alpha of people, of people and the judge, and with the judge in one's place.

    Args:
        panel: Alpha of the people.
        joined: Alpha of the people and the judge.
        delta: Joined less panel; below 0 the judge disagrees more than people do.
        replaced: Mean over people of alpha with that person's ratings replaced by the judge's.
        replaced_delta: Replaced less panel: on equal terms, since the number of raters stays.
    """

    panel: Estimate
    joined: Estimate
    delta: Estimate
    replaced: Estimate
    replaced_delta: Estimate


def replacement_alpha(
    data: Any,
    *,
    judge: str,
    humans: Sequence[str] | None = None,
    scale: Any = None,
    metric: Metric | None = None,
    **how: Unpack[Drawn],
) -> Replacement:
    """How does alpha change when the judge joins the panel, or takes one person's place?

    All alphas are over the units that the judge and at least two people rated; the judge is put where the
    person it replaces had rated.

    Args:
        data: `Ratings` or raw ratings of shape (n_units, n_raters), people and judge in columns.
        judge: Name of the judge's column.
        humans: Names of people's columns; all others where left out.
        scale: The declared scale of raw ratings.
        metric: Of Krippendorff's alpha; the scale's level where left out.
        how: Level, seed and number of resamples: see `Drawn`.

    Raises:
        InputError: For an unknown rater or metric.
    """
    draw = resampling(how)
    panel = panel_of(data, judge=judge, humans=humans, scale=scale)
    used: Metric = metric or panel.ratings.level
    here = (panel.judge >= 0) & ((panel.humans >= 0).sum(axis=1) >= 2)
    blank = Estimate(
        "krippendorff_alpha", math.nan, level=draw.level, n_units=len(here), n_raters=1 + len(panel.names),
        n_used=int(here.sum()), n_dropped=int((~here).sum()), method=f"{used} metric",
        notes=("the people are taken as fixed",),
    )  # fmt: skip
    if len(panel.names) < 2 or not here.any():
        none = undefined(blank, Status.NEEDS_TWO_RATERS if len(panel.names) < 2 else Status.NO_PAIRED_ITEMS)
        return Replacement(none, none, none, none, none)
    humans_, judge_ = panel.humans[here], panel.judge[here]
    weights = metric_weights(used, panel.ratings.values, panel.ratings.level)

    def alpha(codes: Codes) -> Weighted:
        parts = parts_of(codes, weights)
        return lambda drawn: beyond_chance(*observed_and_expected("alpha", parts, weights, drawn))

    of_panel, of_joined = alpha(humans_), alpha(np.column_stack([humans_, judge_]))
    of_places = [alpha(_replaced(humans_, judge_, j)) for j in range(humans_.shape[1])]

    def of_replaced(drawn: Floats) -> Floats:
        return np.asarray(np.mean([each(drawn) for each in of_places], axis=0), dtype=np.float64)

    groups = kept_clusters(panel.ratings.clusters, here)

    def estimate(name: str, statistic: Weighted) -> Estimate:
        return drawn_again(replace(blank, name=name), statistic, len(judge_), draw.over(groups))

    return Replacement(
        estimate("alpha_humans", of_panel),
        estimate("alpha_with_judge", of_joined),
        estimate("delta_alpha", lambda drawn: of_joined(drawn) - of_panel(drawn)),
        estimate("replacement_alpha", of_replaced),
        estimate("replacement_delta", lambda drawn: of_replaced(drawn) - of_panel(drawn)),
    )


def _replaced(humans: Codes, judge: Codes, j: int) -> Codes:
    """The panel with the judge's ratings where person j had rated."""
    codes = humans.copy()
    codes[:, j] = np.where(humans[:, j] >= 0, judge, MISSING)
    return codes


Finding = Literal["equivalent", "non_inferior", "worse", "undecided", "undefined"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What the interval of a difference says beside a margin.

    Args:
        finding: `equivalent`: inside (-margin, margin). `non_inferior`: above -margin. `worse`: all of it
            below -margin. `undecided`: it holds -margin, more labels are needed. `undefined`: no interval.
        margin: As declared.
        difference: The estimate it rests on, first minus second, more is better.
        why: A sentence with the numbers.
    """

    finding: Finding
    margin: float
    difference: Estimate
    why: str


def against_margin(difference: Estimate, *, margin: float) -> Equivalence:
    """Is the first not worse than the second by more than the margin?

    With a 95 % interval each of the two one-sided tests is at 2.5 %, which is stricter than TOST at 5 %; hand
    in a 90 % interval for that.

    Args:
        difference: First minus second (judge minus human ceiling), more is better, with its interval.
        margin: The loss that does not matter, in the difference's units, said before looking; above 0.

    Raises:
        InputError: If the margin is not a positive number.

    >>> against_margin(Estimate("d", -0.01, low=-0.04, high=0.02), margin=0.05).finding
    'equivalent'
    >>> against_margin(Estimate("d", 0.0, low=-0.2, high=0.2), margin=0.05).finding
    'undecided'
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise InputError(f"margin {margin}; a positive number is needed")
    low, high = difference.low, difference.high
    if math.isnan(low) or math.isnan(high):
        return Equivalence("undefined", margin, difference, f"no interval: {difference.status}")
    seen = f"difference {difference.value:.3f}, {difference.level:.0%} interval {low:.3f} to {high:.3f}"
    if difference.status.startswith("unstable"):
        return Equivalence("undecided", margin, difference, f"{seen}, which is {difference.status}")
    if low > -margin:
        finding: Finding = "equivalent" if high < margin else "non_inferior"
        return Equivalence(finding, margin, difference, f"{seen}, above -{margin:g}")
    if high < -margin:
        return Equivalence("worse", margin, difference, f"{seen}, below -{margin:g}")
    return Equivalence("undecided", margin, difference, f"{seen}, which holds -{margin:g}")
