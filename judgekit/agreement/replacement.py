"""The judge as one more annotator, and in the place of one: does the panel's alpha fall?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from judgekit.agreement.arrays import kept_clusters
from judgekit.agreement.chance import Metric, beyond_chance, metric_weights, observed_and_expected
from judgekit.agreement.estimate import NEEDS_TWO_RATERS, NO_PAIRED_ITEMS, undefined
from judgekit.agreement.paired import drawn_again
from judgekit.agreement.panel import panel_of
from judgekit.agreement.parts import parts_of
from judgekit.agreement.ratings import MISSING, Codes, Floats
from judgekit.agreement.resample import Weighted
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
    level: float = 0.95,
    b: int = 2000,
    seed: int = 0,
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
        level: Confidence.
        b: Resamples of units (or of the ratings' clusters); differences are within a resample.
        seed: Of the resamples.

    Raises:
        InputError: For an unknown rater or metric.
    """
    panel = panel_of(data, judge=judge, humans=humans, scale=scale)
    used: Metric = metric or panel.ratings.level
    here = (panel.judge >= 0) & ((panel.humans >= 0).sum(axis=1) >= 2)
    blank = Estimate(
        "krippendorff_alpha", math.nan, level=level, n_units=len(here), n_raters=1 + len(panel.names),
        n_used=int(here.sum()), n_dropped=int((~here).sum()), method=f"{used} metric",
        notes=("the people are taken as fixed",),
    )  # fmt: skip
    if len(panel.names) < 2 or not here.any():
        none = undefined(blank, NEEDS_TWO_RATERS if len(panel.names) < 2 else NO_PAIRED_ITEMS)
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
        return drawn_again(replace(blank, name=name), statistic, len(judge_), clusters=groups, b=b, seed=seed)

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
