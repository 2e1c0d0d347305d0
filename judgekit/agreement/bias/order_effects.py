"""Order effects of a judge of pairs: does the verdict follow the place, or the response?

A verdict is told by place: 1 the first shown wins, 0 the second, 0.5 a tie, nan none obtained. Verdicts of
both orders that name different responses lean to the first place (primacy) or the second (recency). A judge
that answers at random does so too; only repeats tell what is due to the place from noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import Clusters, aligned, grids, kept_clusters
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.intervals import rate
from judgekit.agreement.core.ratings import Floats, coded_clusters
from judgekit.agreement.core.regress import coefficient, logistic
from judgekit.agreement.core.resample import Drawn, by_sums, mean_of_sums, ratio, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class PositionCounts:
    """Pairs judged in both orders: `n` of them with both verdicts.

    Consistent ones name the same response or a tie twice, others lean to the first place (primacy) or the
    second (recency); `hard`: the same place won twice.
    """

    n: int
    consistent: int
    primacy: int
    recency: int
    hard: int
    n_dropped: int


def _leaning(one: Floats, other: Floats) -> Floats:
    """-1 recency, 0 consistent, 1 primacy; nan where a verdict is missing."""
    return np.asarray(np.sign(np.sign(one - 0.5) + np.sign(other - 0.5)), dtype=float)


def position_counts(one: npt.ArrayLike, other: npt.ArrayLike) -> PositionCounts:
    """Count the pairs whose two verdicts (n_pairs,) agree, or lean to a place."""
    a, b = aligned(one=one, other=other)
    leaning = _leaning(a, b)
    there = ~np.isnan(leaning)
    same_place = (np.sign(a - 0.5) == np.sign(b - 0.5)) & (np.sign(a - 0.5) != 0)
    return PositionCounts(
        n=int(there.sum()), consistent=int((leaning == 0).sum()), primacy=int((leaning == 1).sum()),
        recency=int((leaning == -1).sum()), hard=int(same_place[there].sum()), n_dropped=int((~there).sum()),
    )  # fmt: skip


def sign_test(primacy: int, recency: int) -> float:
    """Exact two-sided p that primacy and recency are equally likely; nan without a conflict."""
    from scipy.stats import binomtest

    return float(binomtest(primacy, primacy + recency).pvalue) if primacy + recency else float("nan")


def position_effects(
    one: npt.ArrayLike, other: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]
) -> Mapping[str, Estimate]:
    """Rates of consistency and of leaning to a place, each an estimate.

    `one` and `other` have shape (n_pairs,): verdicts in either order, by place: 1 the first shown won, 0 the
    second, 0.5 a tie; nan where missing. Returns `position_consistency`, `conflict_rate`,
    `hard_conflict_rate`, `primacy_rate`, `recency_rate` (Wilson; CR1 and t with clusters);
    `preference_fairness` = (recency - primacy) / n from -1 (the first place always wins) to 1, 0 for none
    (bootstrap of pairs, exact sign test in its notes); `first_pick_rate`: share of all verdicts won by the
    first place, a tie one half. Source: Shi et al. (2024), arXiv 2406.07791; their fairness simplifies
    exactly to the one here.
    """
    draw = resampling(how)
    a, c = aligned(one=one, other=other)
    leaning, counts = _leaning(a, c), position_counts(a, c)
    there = ~np.isnan(leaning)
    groups = kept_clusters(clusters, there)
    same = (np.sign(a - 0.5) == np.sign(c - 0.5)) & (leaning != 0)
    events = {
        "position_consistency": leaning == 0, "conflict_rate": leaning != 0, "hard_conflict_rate": same,
        "primacy_rate": leaning == 1, "recency_rate": leaning == -1,
    }  # fmt: skip
    rates = [
        rate(event[there], groups, name=name, level=draw.level, dropped=counts.n_dropped)
        for name, event in events.items()
    ]
    of = "pair" if groups is None else "cluster"
    made = {each.name: replace(each, unit=of, n_raters=1) for each in rates}
    base = about(
        "preference_fairness", counts.n, len(leaning), level=draw.level, n_raters=1, unit="pair",
        method="(recency - primacy) / n",
    )  # fmt: skip
    first = replace(base, name="first_pick_rate", method="first place over all verdicts, ties one half")
    if counts.n == 0:
        empty = {each.name: undefined(each, Status.NO_PAIRED_ITEMS) for each in (base, first)}
        return made | empty
    picks = ((np.sign(a - 0.5) + np.sign(c - 0.5) + 2) / 4)[there]
    for each, x in ((base, -leaning[there]), (first, picks)):
        columns = np.column_stack([x, np.ones(counts.n)])
        made[each.name] = by_sums(each, columns, mean_of_sums, draw.over(groups))
    p = sign_test(counts.primacy, counts.recency)
    note = "no conflict" if np.isnan(p) else f"exact sign test of primacy against recency: p = {p:.4g}"
    made["preference_fairness"] = replace(made["preference_fairness"], notes=(note,))
    return made


def attributable_to_position(
    one: npt.ArrayLike, other: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]
) -> Mapping[str, Estimate]:
    """Split inconsistency into noise and place, by repeats in each order.

    Verdicts by place as in `position_effects`, of shape (n_pairs, n_repeats) in either order. Returns
    `d_within`: how often two repeats in one order differ; `d_between`: how often two verdicts in different
    orders name different responses; `position_attributable`: the second minus the first, 0 for a judge that
    is only noisy. With one repeat `undefined:not_identified`: a flip may be noise.
    """
    draw = resampling(how)
    x, y = grids(one, other)
    by_order = np.column_stack([pair_disagreement(x), pair_disagreement(y)])
    told = ~np.isnan(by_order)
    within = ratio(np.where(told, by_order, 0.0).sum(axis=1), told.sum(axis=1).astype(float))
    same = (x[:, :, None] == 1.0 - y[:, None, :]).sum(axis=(1, 2)).astype(float)
    between = 1.0 - ratio(same, ((~np.isnan(x)).sum(axis=1) * (~np.isnan(y)).sum(axis=1)).astype(float))
    there = ~(np.isnan(within) | np.isnan(between))
    columns = np.column_stack([within[there], between[there], np.ones(int(there.sum()))])
    formulas = {
        "d_within": lambda s: ratio(s[:, 0], s[:, 2]),
        "d_between": lambda s: ratio(s[:, 1], s[:, 2]),
        "position_attributable": lambda s: ratio(s[:, 1] - s[:, 0], s[:, 2]),
    }
    made = {}
    for name, of in formulas.items():
        base = about(
            name, len(columns), len(x), level=draw.level, n_raters=1, unit="pair",
            method="mean pairwise disagreement",
        )  # fmt: skip
        if len(columns) == 0:
            why = "repeats in each order are needed: one verdict an order cannot tell place from noise"
            made[name] = undefined(base, Status.NOT_IDENTIFIED, why)
            continue
        made[name] = by_sums(base, columns, of, draw.over(kept_clusters(clusters, there)))
    return made


def pair_disagreement(repeats: Floats) -> Floats:
    """How often two different repeats of a unit differ: unbiased, shape (n_units,), nan below two repeats."""
    there = ~np.isnan(repeats)
    same = (repeats[:, :, None] == repeats[:, None, :]).sum(axis=(1, 2)) - there.sum(axis=1)
    k = there.sum(axis=1)
    pairs = (k * (k - 1)).astype(float)
    return 1.0 - ratio(same.astype(float), pairs)


def listwise_position(chosen: npt.ArrayLike, n_places: int, *, level: float = 0.95) -> Estimate:
    """Cramer's V of chosen places against uniform, for lists shown in every cyclic order.

    `chosen` (n_calls,) are places from 0, nan where missing; one that does not exist is an `InputError`. Each
    list must have been shown in all cyclic orders, or quality and place are mixed up. V has no interval here,
    its p-value stands in the notes.
    """
    from scipy.stats import chisquare

    (x,) = aligned(chosen=chosen)
    kept = x[~np.isnan(x)]
    if n_places < 2 or np.any((kept < 0) | (kept >= n_places) | (kept != np.round(kept))):
        raise InputError(f"places are whole numbers from 0 to {n_places - 1}")
    base = about(
        "listwise_position_v", len(kept), len(x), level=level, unit="call", method="cramer_v against uniform"
    )
    if len(kept) < 5 * n_places:
        return undefined(base, Status.TOO_FEW, f"chi-square needs about {5 * n_places} calls")
    counts = np.bincount(kept.astype(int), minlength=n_places)
    chi2, p = chisquare(counts)
    v = float(np.sqrt(chi2 / (len(kept) * (n_places - 1))))
    note = f"chi-square {chi2:.4g} on {n_places - 1} df, p = {p:.4g}; repeats of a list are not independent"
    return replace(base, value=v, notes=(note,))


def order_intercept(
    first: Sequence[Any],
    second: Sequence[Any],
    won: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> tuple[Estimate, Estimate]:
    """Bradley-Terry with an order term: logit P(first shown wins) = theta_a - theta_b + delta.

    `first` and `second` (n_calls,) are the systems shown; `won` is 1 where the first shown won, 0 where the
    second did, 0.5 a tie, nan missing. Returns delta in logits (above 0 favours the first place; exp(delta)
    are the odds at equal quality), and its slope on |theta_a - theta_b| (below 0: the place matters most
    between near equals), whose thetas are taken as known. `undefined:not_identified` where systems or orders
    do not vary.
    """
    (y,) = aligned(won=won)
    there = ~np.isnan(y)
    names = coded_clusters([*first, *second], 2 * len(y))
    if names is None or len(first) != len(y) or len(second) != len(y):
        raise InputError(f"{len(first)} first and {len(second)} second systems for {len(y)} verdicts")
    a, c = names[: len(y)][there], names[len(y) :][there]
    n_systems = int(names.max()) + 1 if len(names) else 0
    x = np.zeros((len(a), n_systems + 1))
    np.add.at(x, (np.arange(len(a)), a), 1.0)
    np.add.at(x, (np.arange(len(a)), c), -1.0)
    x[:, -1] = 1.0
    groups = kept_clusters(clusters, there)
    base = about(
        "order_intercept", len(a), len(y), level=level, unit="call",
        method="bradley_terry with order term, logits",
    )  # fmt: skip
    used = x[:, 1:]  # the first system is the reference
    fit = logistic(used, y[there], groups)
    delta = coefficient(base, fit, used.shape[1] - 1)
    slope = replace(base, name="order_intercept_by_gap", notes=("strengths taken as known",))
    if fit is None:
        return delta, undefined(slope, Status.NOT_IDENTIFIED)
    gap = used[:, :-1] @ fit.coef[:-1]
    second_fit = logistic(np.column_stack([gap, np.ones(len(gap)), np.abs(gap)]), y[there], groups)
    return delta, coefficient(slope, second_fit, 2)
