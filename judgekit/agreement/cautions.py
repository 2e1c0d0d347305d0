"""What stands against a coefficient that has a value: raters that do not vary, rare labels, few clusters."""

from dataclasses import replace

import numpy as np

from judgekit.agreement.chance import Coefficient
from judgekit.agreement.estimate import DEGENERATE, FEW_CLUSTERS, FEW_MINORITY, flagged
from judgekit.agreement.intervals import ENOUGH_CLUSTERS
from judgekit.agreement.ratings import Codes, Ratings
from judgekit.types import Estimate

FEW = 10
"""Fewer units than this outside the commonest label, and no interval of a kappa can be trusted."""


def cautioned(
    estimate: Estimate,
    coefficient: Coefficient,
    sample: tuple[Ratings, Codes],
    *,
    reference: str | None = None,
) -> Estimate:
    """The estimate with what stands against it in its notes; the first is its status.

    Args:
        estimate: With a value.
        coefficient: Which.
        sample: What it was computed from: ratings, and how many units each row stands for.
        reference: The rater whose rare labels count; every rater's do where left out.
    """
    ratings, counts = sample
    found = []
    if constant := _degenerate(coefficient, ratings):
        found.append((DEGENERATE, constant))
    if (
        coefficient not in {"percent", "gwet", "brennan_prediger"}
        and _minority(ratings, counts, reference) < FEW
    ):
        rare = f"fewer than {FEW} units lie outside a rater's commonest label: no interval holds"
        found.append((FEW_MINORITY, rare))
    if ratings.clusters is not None and (n := len(np.unique(ratings.clusters))) < ENOUGH_CLUSTERS:
        found.append((FEW_CLUSTERS, f"{n} clusters; from {ENOUGH_CLUSTERS} on an interval holds"))
    if not found:
        return estimate
    status = found[0][0] if estimate.status == "ok" else estimate.status
    judged = flagged(estimate, status, [note for _, note in found])
    if status == DEGENERATE and coefficient == "conger":  # 0 whatever the data: an interval says nothing
        nan = float("nan")
        return replace(judged, low=nan, high=nan, se=nan, interval="none", seed=None)
    return judged


def _degenerate(coefficient: Coefficient, ratings: Ratings) -> str:
    """What to say of raters who gave one label only, where that decides the value; else empty."""
    varying = [len(np.unique(c[c >= 0])) > 1 for c in ratings.codes.T if np.any(c >= 0)]
    constant = varying.count(False)
    own_margins = coefficient == "conger" and len(varying) == 2
    if constant and (own_margins or constant == len(varying)):
        return f"{constant} of {len(varying)} raters gave one label only"
    return ""


def _minority(ratings: Ratings, counts: Codes, reference: str | None) -> float:
    """Units outside the label that a rater gave most, of the rater for whom they are fewest.

    Who gave one label only is passed over: that is a finding about the rater, not about the units.
    """
    fewest = np.inf
    for name, column in zip(ratings.raters, ratings.codes.T, strict=True):
        given = np.bincount(column + 1, weights=counts, minlength=2)[1:]
        rest = float(given.sum() - given.max())
        if reference is None and ratings.n_raters > 2:  # a rater of few units sees few of the rare labels
            rest *= float(counts.sum()) / max(given.sum(), 1)
        if name == reference or (reference is None and rest > 0):
            fewest = min(fewest, rest)
    return float(fewest)
