"""How many judges is a jury really? The correlation of judges' errors.

Judges built alike are wrong on the same items. Nine judges whose errors correlate by .44 are worth two
independent ones; the jury's gain is then a fraction of what counting heads promises.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.estimate import NO_VARIATION, TOO_FEW, undefined
from judgekit.agreement.paired import grid, resampled
from judgekit.agreement.ratings import Codes, Floats, coded_clusters
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class ErrorCorrelation:
    """How the errors of judges go together.

    Args:
        matrix: Shape (n_judges, n_judges), phi of each pair; nan for a judge without variation.
        mean: Mean over pairs.
        kish: k / (1 + (k - 1) mean), at most k: the number of independent judges it is worth.
        participation: (sum of eigenvalues)^2 / sum of their squares: 1 for one shared error, k for none.
        judges: How many judges that is about.
        excluded: Places of judges that are always right or always wrong, whose phi is undefined.
    """

    matrix: Floats
    mean: float
    kish: float
    participation: float
    judges: int
    excluded: tuple[int, ...]


def error_correlation(errors: npt.ArrayLike, *, strata: Any = None) -> ErrorCorrelation:
    """Correlation of judges' errors and the number of independent judges they are worth.

    Args:
        errors: Shape (n_units, n_judges): 1 where a judge was wrong, 0 where right (or any size of error);
            nan where it gave nothing. Pairs of judges are compared on the units both have.
        strata: Shape (n_units,): the human label, or a class of difficulty. Correlations are then within
            strata, since units that are hard for everybody are no shared bias.

    Returns:
        All nan with fewer than two judges whose errors vary. A mean below 0 gives k, not more.

    Raises:
        InputError: For a wrong shape or infinity.

    Source:
        Kish (1965), "Survey Sampling", the design effect. "Nine Judges, Two Effective Votes",
        https://arxiv.org/abs/2605.29800.

    >>> found = error_correlation([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]])
    >>> round(found.mean, 3), round(found.kish, 3), round(found.participation, 3)
    (0.333, 1.8, 1.8)
    """
    e = grid(errors, "errors")
    if strata is not None:
        e = _within(e, coded_clusters(strata, len(e)))
    k = e.shape[1]
    matrix = np.full((k, k), np.nan)
    there = ~np.isnan(e)
    for i in range(k):
        for j in range(i, k):
            both = there[:, i] & there[:, j]
            matrix[i, j] = matrix[j, i] = _phi(e[both, i], e[both, j])
    included = np.flatnonzero(~np.isnan(np.diag(matrix)))
    excluded = tuple(i for i in range(k) if i not in included)
    inside = matrix[np.ix_(included, included)]
    pairs = inside[np.triu_indices(len(included), 1)]
    pairs = pairs[~np.isnan(pairs)]
    if not len(pairs):
        return ErrorCorrelation(matrix, math.nan, math.nan, math.nan, len(included), excluded)
    mean = float(pairs.mean())
    kish = effective_votes(len(included), mean)
    participation = participation_ratio(len(included), pairs.tolist())
    return ErrorCorrelation(matrix, mean, kish, participation, len(included), excluded)


def effective_votes(k: int, r: float) -> float:
    """Kish's k / (1 + (k - 1) r): how many independent judges k judges with mean correlation r are worth.

    >>> round(effective_votes(9, 0.4375), 6), effective_votes(3, -0.2)
    (2.0, 3.0)
    """
    return k / (1 + (k - 1) * max(r, 0.0)) if not math.isnan(r) else math.nan


def participation_ratio(k: int, correlations: Sequence[float]) -> float:
    """(Sum of eigenvalues)^2 / sum of their squares, of the correlations of k judges.

    Args:
        k: How many judges.
        correlations: Of their pairs; one that is nan or left out counts as the mean of the others.

    >>> participation_ratio(3, [1.0, 1.0, 1.0]), participation_ratio(3, [0.0, 0.0, 0.0])
    (1.0, 3.0)
    """
    known = [r for r in correlations if not math.isnan(r)]
    if not known:
        return math.nan
    missing = k * (k - 1) / 2 - len(known)
    squares = math.fsum(r * r for r in known) + missing * (math.fsum(known) / len(known)) ** 2
    return k * k / (k + 2 * squares)


def effective_judges(
    errors: npt.ArrayLike,
    *,
    strata: Any = None,
    clusters: Any = None,
    names: Sequence[str] = (),
    level: float = 0.95,
    b: int = 1000,
    seed: int = 0,
) -> Estimate:
    """The number of independent judges that a jury is worth, with an interval over units.

    Args:
        errors: Shape (n_units, n_judges), as in `error_correlation`.
        strata: Shape (n_units,), as there.
        clusters: Shape (n_units,), whole clusters are resampled.
        names: Of the judges, for the notes.
        level: Confidence.
        b: Resamples.
        seed: Of the resamples.

    Returns:
        Kish's number; the participation ratio and the judges left out stand in the notes.
    """
    e = grid(errors, "errors")
    groups, cut = coded_clusters(clusters, len(e)), coded_clusters(strata, len(e))
    found = error_correlation(e, strata=cut)
    used = int((~np.isnan(e)).any(axis=1).sum())
    notes = [f"mean error correlation {found.mean:.3f}", f"participation ratio {found.participation:.3f}"]
    if found.excluded:
        left = [names[i] for i in found.excluded] if names else f"in columns {list(found.excluded)}"
        notes.append(f"judges {left} left out: their errors do not vary")
    estimate = Estimate(
        "effective_judges", found.kish, level=level, n_units=len(e), n_raters=e.shape[1], n_used=used,
        n_dropped=len(e) - used, method="Kish, mean phi" + (" within strata" if cut is not None else ""),
        notes=tuple(notes),
    )  # fmt: skip
    if math.isnan(found.kish):
        return undefined(estimate, NO_VARIATION if e.shape[1] > 1 and used else TOO_FEW)

    def kish(index: Codes) -> float:
        return error_correlation(e[index], strata=None if cut is None else cut[index]).kish

    return resampled(estimate, kish, len(e), seed=seed, b=b, clusters=groups, kind="percentile")


def condorcet_gap(errors: npt.ArrayLike) -> float:
    """What the majority loses by the judges' errors going together.

    Args:
        errors: Shape (n_units, n_judges), 1 where wrong, 0 where right; units with a gap are left out.

    Returns:
        The accuracy of the majority if the same judges erred independently, less its actual accuracy; a
        draw counts one half. nan without complete units.

    Raises:
        InputError: For errors other than 0 and 1.

    >>> round(condorcet_gap([[0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]]), 5)
    0.09375
    """
    e = grid(errors, "errors")
    e = e[~np.isnan(e).any(axis=1)]
    if not np.isin(e, (0.0, 1.0)).all():
        raise InputError("a majority needs errors of 0 (right) and 1 (wrong)")
    if e.size == 0:
        return math.nan
    k = e.shape[1]
    chance = np.ones(1)  # of 0, 1, ... judges being right, if they are independent
    for right in 1.0 - e.mean(axis=0):
        chance = np.convolve(chance, [1 - right, right])
    credit = np.sign(np.arange(k + 1) - k / 2) / 2 + 0.5
    actual = credit[np.round(k - e.sum(axis=1)).astype(int)].mean()
    return float(chance @ credit - actual)


def _phi(x: Floats, y: Floats) -> float:
    if len(x) < 2:
        return math.nan
    a, c = x - x.mean(), y - y.mean()
    below = math.sqrt(float(a @ a) * float(c @ c))
    return float(a @ c) / below if below > 1e-12 * len(x) else math.nan


def _within(e: Floats, strata: Codes | None) -> Floats:
    """Errors less their judge's mean in the stratum."""
    if strata is None:
        return e
    out = e.copy()
    for each in np.unique(strata):
        rows = strata == each
        there = ~np.isnan(e[rows])
        count = np.maximum(there.sum(axis=0), 1)
        out[rows] = e[rows] - np.where(there, e[rows], 0.0).sum(axis=0) / count
    return out
