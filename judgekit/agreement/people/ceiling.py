"""How well could a judge do at all, and may it take a person's place? People against people, on equal terms.

People disagree, so no judge agrees fully with each of them; the ceiling is how well one of them agrees with
the others. Judge and human must face the same reference: comparing the judge with the aggregate of all r
people and a human with that of the other r - 1 flatters the judge. Beside it stand what becomes of the
panel's alpha with the judge in it, and agreement within a margin said beforehand: a p-value above .05 shows
nothing, an interval of the difference that stays above minus the margin does.
"""

import math
from collections.abc import Callable, Sequence
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
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, with_interval
from judgekit.agreement.core.intervals import at_one, t_interval
from judgekit.agreement.core.moments import (
    Influenced,
    agreement_of,
    concordance_of,
    influence_se,
    kappa_of,
    pearson_of,
    z_interval,
)
from judgekit.agreement.core.ratings import MISSING, Codes, Floats
from judgekit.agreement.core.resample import Drawn, Resampling, Weighted, drawn_again, resampled, resampling
from judgekit.agreement.people.panel import (
    Measure,
    MeasureName,
    Panel,
    majority,
    measure_of,
    numbers_of,
    panel_of,
)
from judgekit.errors import InputError
from judgekit.types import Estimate

Aggregate = Literal["mean", "majority", "pairs"]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A judge beside the people, against the same references.

    Args:
        judge: Mean over people left out of the judge's measure against the others.
        human: The same of those left out: the ceiling.
        difference: Judge less human, from the same resamples. At least as good as people means that its lower
            end is above minus a margin said beforehand, not that its p-value is above .05.
        ratio: Judge over human; undefined where the ceiling is not above 0.
        by_person: Name -> (judge, human) with that person left out.
    """

    judge: Estimate
    human: Estimate
    difference: Estimate
    ratio: Estimate
    by_person: dict[str, tuple[float, float]]


def leave_one_out(
    judge: Codes, humans: Codes, values: Floats, measure: Measure, aggregate: Aggregate
) -> tuple[Floats, Floats]:
    """Return the measure of the judge, and of each human left out, against the others (n_humans,)."""
    scores = np.full((2, humans.shape[1]), np.nan)
    j_values, h_values = numbers_of(judge, values), numbers_of(humans, values)
    for j in range(humans.shape[1]):
        for_both = (judge >= 0) & (humans[:, j] >= 0)
        pairs = []
        for reference in _references(np.delete(humans, j, axis=1), values, aggregate):
            here = for_both & ~np.isnan(reference)
            if here.any():
                pair = [measure(each[here], reference[here]) for each in (j_values, h_values[:, j])]
                pairs.append(pair)
        known = [pair for pair in pairs if not any(map(math.isnan, pair))]
        if known:
            scores[:, j] = np.mean(known, axis=0)
    return scores[0], scores[1]


def human_ceiling(
    data: Any,
    *,
    judge: str,
    humans: Sequence[str] | None = None,
    scale: Any = None,
    measure: MeasureName | Measure | None = None,
    aggregate: Aggregate | None = None,
    **how: Unpack[Drawn],
) -> Ceiling:
    """The judge's measure against people beside people's own, each person left out in turn.

    Args:
        data: `Ratings`, or raw ratings of shape (n_units, n_raters) with their declared `scale`, people and
            judge in columns.
        judge: Name of the judge's column.
        humans: Names of people's columns; all others where left out.
        measure: Kappa for nominal scales and Pearson's correlation for others, where left out. Kappas compare
            labels, so they go with `majority` or `pairs`.
        aggregate: `pairs` for nominal scales, `mean` for others, where left out.

    With one human there is no ceiling: the judge's measure against that human, and three estimates with the
    status `undefined:needs_two_raters`. Raises `InputError` for an unknown rater, measure or aggregate, or an
    order asked of a nominal scale.
    """
    draw = resampling(how)
    panel = panel_of(data, judge=judge, humans=humans, scale=scale)
    nominal = panel.ratings.level == "nominal"
    name = measure or ("kappa" if nominal else "pearson")
    pooled = aggregate or ("pairs" if nominal else "mean")
    if pooled not in {"mean", "majority", "pairs"}:
        raise InputError(f"unknown aggregate {pooled!r}; there are mean, majority, pairs")
    if nominal and (pooled == "mean" or (name not in {"agreement", "kappa"} and isinstance(name, str))):
        raise InputError(f"a nominal scale has no {pooled} for {name}; use agreement or kappa with pairs")
    of = measure_of(name, panel.ratings.values)
    shown = name if isinstance(name, str) else "own measure"
    here = (panel.judge >= 0) & ((panel.humans >= 0).sum(axis=1) >= 2)
    blank = about(
        shown, here.sum(), len(here), level=draw.level, n_raters=1 + len(panel.names),
        method=f"leave one out, {pooled} of the others", notes=("the people are taken as fixed",),
    )  # fmt: skip
    if len(panel.names) < 2:
        return _alone(blank, panel, of)
    if not here.any():
        nothing = undefined(blank, Status.NO_PAIRED_ITEMS)
        return Ceiling(nothing, nothing, nothing, nothing, {})
    return _ceiling(blank, panel, here, (of, pooled), draw)


def _ceiling(
    blank: Estimate, panel: Panel, here: Any, by: tuple[Measure, Aggregate], draw: Resampling
) -> Ceiling:
    judge, humans, values = panel.judge[here], panel.humans[here], panel.ratings.values
    groups = kept_clusters(panel.ratings.clusters, here)
    if blank.name in INFLUENCES and (by[1] != "mean" or "kappa" not in blank.name):
        return _by_influence(blank, (judge, humans, values), panel.names, by[1], groups)
    seen: dict[int, tuple[float, float]] = {}  # one resample serves four estimates

    def means(index: Codes) -> tuple[float, float]:
        key = hash(index.tobytes())
        if key not in seen:
            seen[key] = _both(*leave_one_out(judge[index], humans[index], values, *by))
        return seen[key]

    everyone = np.arange(len(judge))
    j, h = means(everyone)
    by_person = leave_one_out(judge, humans, values, *by)
    status = Status.TOO_FEW if len(judge) < 2 else Status.NO_VARIATION

    def estimate(name: str, value: float, of_means: Any, kind: str | None = None) -> Estimate:
        made = replace(blank, name=f"{name}_{blank.name}", value=value)
        if math.isnan(value):
            return undefined(made, status)

        def statistic(index: Codes) -> float:
            return float(of_means(*means(index)))

        return resampled(made, statistic, len(judge), draw.over(groups), kind=kind)

    return Ceiling(
        estimate("judge", j, lambda x, _: x),
        estimate("human", h, lambda _, y: y),
        estimate("difference", j - h, lambda x, y: x - y),
        estimate("ratio", _ratio(j, h), _ratio, "percentile"),
        {
            name: (float(x), float(y))
            for name, x, y in zip(panel.names, *by_person, strict=True)
        },
    )  # fmt: skip


INFLUENCES: dict[str, Callable[[Floats, Floats, Floats], Influenced]] = {
    "pearson": lambda x, y, _: pearson_of(x, y),
    "quadratic_kappa": lambda x, y, _: concordance_of(x, y),
    "kappa": lambda x, y, v: kappa_of(np.searchsorted(v, x), (y[:, None] == v) * 1.0),
    "agreement": lambda x, y, _: agreement_of(x, y),
}
"""Measures of which each unit's influence is known, so that nothing has to be drawn again."""


def _by_influence(
    blank: Estimate,
    rated: tuple[Codes, Codes, Floats],
    names: Sequence[str],
    aggregate: Aggregate,
    clusters: Codes | None,
) -> Ceiling:
    judge, humans, values = rated
    of = INFLUENCES[blank.name]
    mine, theirs = numbers_of(judge, values), numbers_of(humans, values)
    groups = len(judge) if clusters is None else len(np.unique(clusters))
    both: list[tuple[float, float]] = []
    chance = 0.0
    moved = np.zeros((2, len(judge)))
    for j in range(humans.shape[1]):
        pairs = []
        for reference in _references(np.delete(humans, j, axis=1), values, aggregate):
            here = ~(np.isnan(mine) | np.isnan(theirs[:, j]) | np.isnan(reference))
            made = (
                [of(each[here], reference[here], values) for each in (mine, theirs[:, j])]
                if here.any()
                else []
            )
            if made and not any(math.isnan(each.value) for each in made):
                own = np.zeros((2, len(judge)))
                own[:, here] = np.array([each.influence for each in made]) * len(judge) / here.sum()
                pairs.append(([each.value for each in made], own))
                chance = max(chance, *(each.by_chance for each in made))
        if pairs:
            both.append(tuple(np.mean([value for value, _ in pairs], axis=0).tolist()))
            moved += np.mean([own for _, own in pairs], axis=0)
        else:
            both.append((math.nan, math.nan))
    j_mean, h_mean = _both(*np.array(both).T)
    moved /= max(sum(not math.isnan(j) for j, _ in both), 1)
    ratio = _ratio(j_mean, h_mean)
    status = Status.TOO_FEW if len(judge) < 2 else Status.NO_VARIATION

    def estimate(name: str, value: float, influence: Floats) -> Estimate:
        made = replace(
            blank, name=f"{name}_{blank.name}", value=value, unit="unit" if clusters is None else "cluster"
        )
        if math.isnan(value):
            return undefined(made, status)
        se, df = influence_se(influence, clusters=clusters)
        if not se > 0:
            return _unmoved(made, groups, chance)
        if name in {"judge", "human"} and blank.name != "agreement":
            return z_interval(made, se, df)
        return with_interval(
            made, *t_interval(value, se, df, level=made.level), se=se, interval="influence_t"
        )

    return Ceiling(
        estimate("judge", j_mean, moved[0]),
        estimate("human", h_mean, moved[1]),
        estimate("difference", j_mean - h_mean, moved[0] - moved[1]),
        estimate("ratio", ratio, (moved[0] - ratio * moved[1]) / (h_mean or math.nan)),
        dict(zip(names, both, strict=True)),
    )


def _unmoved(estimate: Estimate, groups: int, chance: float) -> Estimate:
    """The estimate where no unit moves it, since nobody disagrees: what Wilson's bound leaves room for."""
    if groups < 4 or not chance < 1:
        return estimate
    room = 1 - at_one(chance, groups, level=estimate.level)[0]
    high = estimate.value + (room if estimate.name.startswith("difference") else 0.0)
    return with_interval(estimate, estimate.value - room, high, se=0.0, interval="wilson_at_one")


def disattenuated(r: float, rel_judge: float, rel_human: float) -> tuple[float, float]:
    """Return a correlation as it would be without noise (Spearman 1904), and the most that could be seen."""
    if not (rel_judge > 0 and rel_human > 0) or math.isnan(r):
        return math.nan, math.nan
    most = math.sqrt(rel_judge * rel_human)
    return round(r / most, 12), most


def disattenuated_correlation(
    r: Estimate, *, rel_judge: float, rel_human: float
) -> tuple[Estimate, Estimate]:
    """A correlation as it would be if neither side had noise, and the most that could be seen.

    The interval takes the reliabilities, above 0 and at most 1, as known: of the judge from repeats, of the
    people's label from the panel's ICC. The corrected correlation is flagged where it exceeds 1.
    """
    value, most = disattenuated(r.value, rel_judge, rel_human)
    known = "the reliabilities are taken as known"
    corrected = replace(
        r, name=f"disattenuated_{r.name}", value=value, low=r.low / most, high=r.high / most,
        se=r.se / most, notes=(*r.notes, known), method=f"{r.method} over {most:.3f}",
    )  # fmt: skip
    ceiling = replace(
        r, name="maximum_observable", value=most, low=math.nan, high=math.nan, se=math.nan, interval="none",
        method="root of the product of the reliabilities", notes=(known,), seed=None,
    )  # fmt: skip
    if math.isnan(most):
        why = "a reliability is not above 0" if not math.isnan(r.value) else "there is no correlation"
        status = "undefined:not_identified" if not math.isnan(r.value) else r.status
        return undefined(corrected, status, why), undefined(ceiling, status, why)
    if value > 1:
        note = "above 1: a reliability is underestimated, or chance"
        corrected = flagged(corrected, corrected.status, (note,))
    return corrected, ceiling


def _references(others: Codes, values: Floats, aggregate: Aggregate) -> list[Floats]:
    if aggregate == "pairs":
        return list(numbers_of(others, values).T)
    if aggregate == "majority":
        return [numbers_of(majority(others, values), values)]
    there = others >= 0
    sums = np.where(there, values[np.maximum(others, 0)], 0.0).sum(axis=1)
    count = there.sum(axis=1)
    return [np.where(count > 0, sums / np.maximum(count, 1), np.nan)]


def _both(judge: Floats, human: Floats) -> tuple[float, float]:
    known = ~(np.isnan(judge) | np.isnan(human))
    return (float(judge[known].mean()), float(human[known].mean())) if known.any() else (math.nan, math.nan)


def _ratio(judge: float, human: float) -> float:
    return judge / human if human > 1e-12 else math.nan


def _alone(blank: Estimate, panel: Panel, of: Measure) -> Ceiling:
    """One human: the judge against that human, and no ceiling."""
    why = "one human gives no ceiling; have a second one label 30 to 50 of the units"
    none = undefined(blank, Status.NEEDS_TWO_RATERS, why)
    if not len(panel.names):
        return Ceiling(none, none, none, none, {})
    both = (panel.judge != MISSING) & (panel.humans[:, 0] != MISSING)
    columns = (panel.numbers(panel.judge[both]), panel.numbers(panel.humans[both, 0]))
    value = of(*columns) if both.any() else math.nan
    n = int(both.sum())
    judge = replace(
        blank, name=f"judge_{blank.name}", value=value, n_used=n, n_dropped=len(both) - n,
        method="against the one human", notes=(why,),
    )  # fmt: skip
    if math.isnan(value):
        judge = undefined(judge, Status.NO_VARIATION if n else Status.NO_PAIRED_ITEMS)
    return Ceiling(judge, none, none, none, {})


@dataclass(frozen=True, slots=True)
class Replacement:
    """Krippendorff's alpha of people, of people and the judge, and with the judge in one's place.

    `delta` is joined less panel: below 0 the judge disagrees more than people do. `replaced` is the mean over
    people of alpha with their ratings replaced by the judge's, on equal terms with the panel's.
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
    person it replaces had rated. Ratings, judge and humans as in `human_ceiling`; the `metric` is the scale's
    level where left out. An unknown rater or metric is an `InputError`.
    """
    draw = resampling(how)
    panel = panel_of(data, judge=judge, humans=humans, scale=scale)
    used: Metric = metric or panel.ratings.level
    here = (panel.judge >= 0) & ((panel.humans >= 0).sum(axis=1) >= 2)
    blank = about(
        "krippendorff_alpha", here.sum(), len(here), level=draw.level, n_raters=1 + len(panel.names),
        method=f"{used} metric", notes=("the people are taken as fixed",),
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
    """What the interval of a difference says beside a margin; `why` has the numbers in a sentence.

    The finding is `equivalent`: inside (-margin, margin); `non_inferior`: above -margin; `worse`: all of it
    below -margin; `undecided`: it holds -margin, more labels are needed; `undefined`: no interval.
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

    Raises `InputError` if the margin is not a positive number.

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
