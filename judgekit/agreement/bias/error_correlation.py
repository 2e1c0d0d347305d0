"""How many judges is a jury really? The correlation of judges' errors, and a jury beside its best member.

Judges built alike are wrong on the same items. Nine judges whose errors correlate by .44 are worth two
independent ones; the jury's gain is then a fraction of what counting heads promises.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import grid, kept_clusters, settled
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters
from judgekit.agreement.core.resample import Drawn, Statistic, resampled, resampling
from judgekit.agreement.people.panel import Measure, MeasureName, majority, measure_of, numbers_of, panel_of
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class ErrorCorrelation:
    """How the errors of judges go together: phi of each pair (n_judges, n_judges) and its mean.

    `kish` is k / (1 + (k - 1) mean), at most k, the number of independent judges it is worth; `participation`
    (sum of eigenvalues)^2 / sum of their squares, 1 for one shared error, k for none; `excluded` are the
    places of judges that are always right or always wrong, whose phi is undefined.
    """

    matrix: Floats
    mean: float
    kish: float
    participation: float
    judges: int
    excluded: tuple[int, ...]


def error_correlation(errors: npt.ArrayLike, *, strata: Any = None) -> ErrorCorrelation:
    """Return the correlation of judges' errors (n_units, n_judges) and how many judges they are worth."""
    # Source: Kish (1965), "Survey Sampling", the design effect. "Nine Judges, Two Effective Votes",
    # https://arxiv.org/abs/2605.29800.
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
        return ErrorCorrelation(
            matrix=matrix, mean=math.nan, kish=math.nan, participation=math.nan, judges=len(included),
            excluded=excluded,
        )  # fmt: skip
    mean = float(pairs.mean())
    kish = effective_votes(len(included), mean)
    participation = participation_ratio(len(included), pairs.tolist())
    return ErrorCorrelation(
        matrix=matrix, mean=mean, kish=kish, participation=participation, judges=len(included),
        excluded=excluded,
    )  # fmt: skip


def effective_votes(k: int, r: float) -> float:
    """Kish's k / (1 + (k - 1) r): how many independent judges k judges with mean correlation r are worth."""
    return k / (1 + (k - 1) * max(r, 0.0)) if not math.isnan(r) else math.nan


def participation_ratio(k: int, correlations: Sequence[float]) -> float:
    """(Sum of eigenvalues)^2 / sum of their squares, of the correlations of k judges."""
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
    **how: Unpack[Drawn],
) -> Estimate:
    """The number of independent judges that a jury is worth (Kish's), with an interval over units.

    The participation ratio and the judges left out stand in the notes.

    Args:
        errors: Shape (n_units, n_judges): 1 where a judge was wrong, 0 where right (or any size of error);
            nan where it gave nothing. Pairs of judges are compared on the units both have.
        strata: Shape (n_units,): the human label, or a class of difficulty. Correlations are then within
            strata, since units that are hard for everybody are no shared bias.
        names: Of the judges, for the notes.
        how: See `Drawn`; `b` 1000 where left out.
    """
    draw = resampling(how, b=1000)
    e = grid(errors, "errors")
    groups, cut = coded_clusters(clusters, len(e)), coded_clusters(strata, len(e))
    found = error_correlation(e, strata=cut)
    used = int((~np.isnan(e)).any(axis=1).sum())
    notes = [f"mean error correlation {found.mean:.3f}", f"participation ratio {found.participation:.3f}"]
    if found.excluded:
        left = [names[i] for i in found.excluded] if names else f"in columns {list(found.excluded)}"
        notes.append(f"judges {left} left out: their errors do not vary")
    estimate = about(
        "effective_judges", used, len(e), value=found.kish, level=draw.level, n_raters=e.shape[1],
        method="Kish, mean phi" + (" within strata" if cut is not None else ""), notes=tuple(notes),
    )  # fmt: skip
    if math.isnan(found.kish):
        return undefined(estimate, Status.NO_VARIATION if e.shape[1] > 1 and used else Status.TOO_FEW)

    def kish(index: Codes) -> float:
        return error_correlation(e[index], strata=None if cut is None else cut[index]).kish

    return resampled(estimate, kish, len(e), draw.over(groups), kind="percentile")


def condorcet_gap(errors: npt.ArrayLike) -> float:
    """Return what the majority loses by the judges' errors (n_units, n_judges) going together."""
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


@dataclass(frozen=True, slots=True)
class Jury:
    """A jury beside its best single member, by a measure against the reference.

    The choice of the best from the same units flatters it; in the difference it is chosen anew in each
    resample.
    """

    jury: Estimate
    best: Estimate
    difference: Estimate
    best_name: str
    members: dict[str, float]


def jury_against_best(
    data: Any,
    *,
    reference: str,
    judges: Sequence[str] | None = None,
    scale: Any = None,
    aggregate: Literal["majority", "mean"] | None = None,
    measure: MeasureName | Measure | None = None,
    **how: Unpack[Drawn],
) -> Jury:
    """Is the jury closer to the reference than its best single member?

    Args:
        data: `Ratings`, or raw ratings of shape (n_units, n_raters) with their declared `scale`, judges and
            reference in columns.
        reference: Name of the trusted column.
        judges: Names of the members; all others where left out.
        aggregate: `majority` (of equally frequent labels the one nearest the mean, then the lower) for
            nominal scales, `mean` for others, where left out.
        measure: `agreement` with the majority and Pearson's correlation with the mean, where left out.

    All are over the units that all members and the reference have, so that nobody is spared the hard ones.
    """
    draw = resampling(how)
    panel = panel_of(data, judge=reference, humans=judges, scale=scale)
    values = panel.ratings.values
    pooled = aggregate or ("majority" if panel.ratings.level == "nominal" else "mean")
    of = measure_of(measure or ("agreement" if pooled == "majority" else "pearson"), values)
    here = (panel.judge >= 0) & (panel.humans >= 0).all(axis=1)
    blank = about(
        "jury", here.sum(), len(here), level=draw.level, n_raters=1 + len(panel.names),
        method=f"{pooled} of {len(panel.names)} judges",
    )  # fmt: skip
    if not here.any() or not len(panel.names):
        none = undefined(blank, Status.NO_PAIRED_ITEMS if len(panel.names) else Status.NOT_IDENTIFIED)
        return Jury(none, none, none, "", {})
    truth, members = numbers_of(panel.judge[here], values), numbers_of(panel.humans[here], values)
    votes = numbers_of(majority(panel.humans[here], values), values)
    jury = votes if pooled == "majority" else members.mean(axis=1)

    def scores(index: Codes) -> Floats:
        """Of the jury, then of each member."""
        both = [jury[index], *members[index].T]
        return np.array([of(each, truth[index]) for each in both])

    found = scores(np.arange(len(truth)))
    if np.isnan(found[0]) or np.isnan(found[1:]).all():
        none = undefined(blank, Status.NO_VARIATION)
        return Jury(none, none, none, "", dict(zip(panel.names, found[1:].tolist(), strict=True)))
    best = 1 + int(np.nanargmax(settled(found[1:])))
    flattered = "the best member was chosen on the same units, which flatters it"

    def estimate(name: str, value: float, statistic: Statistic, *notes: str) -> Estimate:
        made = replace(blank, name=name, value=float(value), notes=notes)
        return resampled(made, statistic, len(truth), draw.over(kept_clusters(panel.ratings.clusters, here)))

    top = members[:, best - 1]
    return Jury(
        estimate("jury", found[0], lambda index: of(jury[index], truth[index])),
        estimate("best_judge", found[best], lambda index: of(top[index], truth[index]), flattered),
        estimate("jury_minus_best", found[0] - found[best], lambda index: _lead(scores(index)), flattered),
        panel.names[best - 1],
        dict(zip(panel.names, found[1:].tolist(), strict=True)),
    )


def _lead(scores: Floats) -> float:
    return float(scores[0] - np.nanmax(scores[1:])) if not np.isnan(scores[1:]).all() else math.nan
