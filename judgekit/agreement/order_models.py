"""Order effects by model: the first place's odds beside the systems' strengths, and places in a list."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import Clusters, aligned, kept_clusters
from judgekit.agreement.estimate import NOT_IDENTIFIED, TOO_FEW, undefined
from judgekit.agreement.ratings import coded_clusters
from judgekit.agreement.regress import coefficient, logistic
from judgekit.errors import InputError
from judgekit.types import Estimate


def listwise_position(chosen: npt.ArrayLike, n_places: int, *, level: float = 0.95) -> Estimate:
    """Cramer's V of chosen places against uniform, for lists shown in every cyclic order.

    Args:
        chosen: Shape (n_calls,), the place chosen, from 0; nan where missing. Each list must have been shown
            in all cyclic orders, or quality and place are mixed up.
        n_places: How many places there are.
        level: Confidence; V has no interval here, its p-value stands in the notes.

    Raises:
        InputError: For a place that does not exist.
    """
    from scipy.stats import chisquare

    (x,) = aligned(chosen=chosen)
    kept = x[~np.isnan(x)]
    if n_places < 2 or np.any((kept < 0) | (kept >= n_places) | (kept != np.round(kept))):
        raise InputError(f"places are whole numbers from 0 to {n_places - 1}")
    base = Estimate(
        "listwise_position_v", float("nan"), level=level, n_units=len(x), n_used=len(kept),
        n_dropped=len(x) - len(kept), unit="call", method="cramer_v against uniform",
    )  # fmt: skip
    if len(kept) < 5 * n_places:
        return undefined(base, TOO_FEW, f"chi-square needs about {5 * n_places} calls")
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

    Args:
        first: Shape (n_calls,), the system shown first.
        second: The system shown second.
        won: 1 where the first shown won, 0 where the second did, 0.5 a tie, nan missing.
        clusters: What calls belong to (the item).
        level: Confidence.

    Returns:
        delta in logits (above 0 favours the first place; exp(delta) are the odds at equal quality), and its
        slope on |theta_a - theta_b| (below 0: the place matters most between near equals), whose thetas are
        taken as known. `undefined:not_identified` where systems or orders do not vary.
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
    base = Estimate(
        "order_intercept", float("nan"), level=level, n_units=len(y), n_used=len(a),
        n_dropped=len(y) - len(a), unit="call", method="bradley_terry with order term, logits",
    )  # fmt: skip
    used = x[:, 1:]  # the first system is the reference
    fit = logistic(used, y[there], groups)
    delta = coefficient(base, fit, used.shape[1] - 1)
    slope = replace(base, name="order_intercept_by_gap", notes=("strengths taken as known",))
    if fit is None:
        return delta, undefined(slope, NOT_IDENTIFIED)
    gap = used[:, :-1] @ fit.coef[:-1]
    second_fit = logistic(np.column_stack([gap, np.ones(len(gap)), np.abs(gap)]), y[there], groups)
    return delta, coefficient(slope, second_fit, 2)
