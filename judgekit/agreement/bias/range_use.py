"""Use of the scale: does the judge spread its scores as people do, and use the labels as often?

Slopes are Deming's or the ratio of standard deviations, never least squares, whose slope is below 1 for any
noisy judge. The tests of marginal homogeneity and symmetry are ours, since statsmodels counts degrees of
freedom of labels that nobody used; where all were used the statistics are equal (tests).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.correlation import pearson
from judgekit.agreement.chance.profile import confusion
from judgekit.agreement.core.arrays import Clusters, aligned, column, grid, inverse_of, kept_clusters
from judgekit.agreement.core.estimate import Status, about, undefined, with_interval
from judgekit.agreement.core.intervals import bonett_price
from judgekit.agreement.core.ratings import Codes, Floats, coded_clusters, given
from judgekit.agreement.core.regress import coefficient, least_squares
from judgekit.agreement.core.resample import Drawn, OfSums, by_sums, ratio, resampled, resampling, value_of
from judgekit.errors import InputError
from judgekit.types import Estimate

FLAT_SD, FLAT_SHARE = 0.3, 0.9


@dataclass(frozen=True)
class Use:
    """How one rater uses a declared scale: label value -> how often in `counts`.

    Args:
        range_share: Largest minus smallest score, over the scale's range; `unused` share of categories never
            used.
        entropy: Of the categories used, over its maximum: 0 one label only, 1 all equally often.
        extremes: Share of scores at either end.
        heaping: Multiple -> share of scores that are multiples of it (5 and 10 of a 0-100 scale).
        informative: False if the standard deviation is below 0.3 of a step or one label has more than 90 %.
    """

    counts: Mapping[float, int]
    range_share: float
    unused: float
    entropy: float
    extremes: float
    heaping: Mapping[int, float]
    sd: float
    informative: bool
    n: int


def scale_use(scores: npt.ArrayLike, *, values: Sequence[float], heaps: Sequence[int] = (5, 10)) -> Use:
    """Describe how a rater uses a scale of declared `values`, in order; shares are nan without scores.

    `scores` have shape (n_units,), nan where missing; one that is not on the scale is an `InputError`.
    `heaps` are multiples to look for.

    >>> use = scale_use([4, 4, 5, 4], values=[1, 2, 3, 4, 5])
    >>> use.range_share, use.unused, round(use.entropy, 3)
    (0.25, 0.6, 0.349)
    """
    x = column(scores, "scores")
    x = x[~np.isnan(x)]
    declared = np.asarray(values, dtype=float)
    if len(stray := np.setdiff1d(x, declared)):
        raise InputError(f"score {stray[0]:g} is not on the scale {declared.tolist()}")
    counts = np.array([int(np.sum(x == value)) for value in declared])
    n, nan = len(x), float("nan")
    if n == 0:
        return Use(
            counts=dict.fromkeys(declared.tolist(), 0), range_share=nan, unused=nan, entropy=nan,
            extremes=nan, heaping=dict.fromkeys(heaps, nan), sd=nan, informative=False, n=0,
        )  # fmt: skip
    p = counts[counts > 0] / n
    span, sd = float(declared.max() - declared.min()), float(x.std())
    step = span / max(len(declared) - 1, 1)
    return Use(
        counts=dict(zip(declared.tolist(), counts.tolist(), strict=True)),
        range_share=float(np.ptp(x)) / span if span else nan, unused=float(np.mean(counts == 0)),
        entropy=float(-np.sum(p * np.log(p)) / np.log(len(declared))) if len(declared) > 1 else nan,
        extremes=float(np.mean((x == declared.min()) | (x == declared.max()))),
        heaping={heap: float(np.mean(np.mod(x, heap) == 0)) for heap in heaps}, sd=sd,
        informative=bool(sd >= FLAT_SD * step and p.max() <= FLAT_SHARE), n=n,
    )  # fmt: skip


def deming_slope(judge: npt.ArrayLike, human: npt.ArrayLike) -> float:
    """Slope of judge on human with equal error in both (Deming, lambda = 1).

    Below 1: central tendency, the judge draws scores together. nan where they do not go together at all.

    >>> round(deming_slope([2, 3, 4, 3, 3], [1, 3, 5, 3, 2]), 3)
    0.462
    """
    y, x = aligned(judge=judge, human=human)
    kept = ~(np.isnan(x) | np.isnan(y))
    return value_of(_deming, _moments(y[kept], x[kept]))


def range_use(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    values: Sequence[float],
    clusters: Clusters = None,
    **how: Unpack[Drawn],
) -> Mapping[str, Estimate]:
    """Judge beside people (n_units,), unit by unit, with intervals by resampling units.

    Scores and declared `values` as in `scale_use`. Returns `sd_ratio` and `gmr_slope` (ratio of standard
    deviations, with the sign of the correlation), `deming_slope` (below 1: central tendency),
    `entropy_difference`, `extremes_difference` and `unused_difference` (judge minus human).
    """
    draw = resampling(how)
    y, x = aligned(judge=judge, human=human)
    kept = ~(np.isnan(x) | np.isnan(y))
    scale_use(y, values=values)
    scale_use(x, values=values)
    y, x = y[kept], x[kept]
    declared = np.asarray(values, dtype=float)
    moments = _moments(y, x)
    both = np.concatenate([y[:, None] == declared, x[:, None] == declared], axis=1).astype(float)
    q = len(declared)
    ends = [0, q - 1]
    formulas: dict[str, tuple[Floats, OfSums]] = {
        "sd_ratio": (moments, lambda s: np.sqrt(ratio(_second(s)[0], _second(s)[1]))),
        "gmr_slope": (moments, lambda s: np.sign(_second(s)[2]) * np.sqrt(ratio(*_second(s)[:2]))),
        "deming_slope": (moments, _deming),
        "entropy_difference": (both, lambda s: _entropy(s[:, :q]) - _entropy(s[:, q:])),
        "extremes_difference": (both, lambda s: _at(s[:, :q], ends) - _at(s[:, q:], ends)),
        "unused_difference": (
            both,
            lambda s: np.mean(s[:, :q] == 0, axis=1) - np.mean(s[:, q:] == 0, axis=1),
        ),
    }
    made = {}
    for name, (columns, of) in formulas.items():
        base = about(name, len(x), len(kept), level=draw.level, n_raters=2, method="judge beside human")
        if not len(x):
            made[name] = undefined(base, Status.NO_PAIRED_ITEMS)
        elif name == "unused_difference":
            note = "grows with fewer units, so it is not resampled"
            made[name] = replace(base, value=value_of(of, columns), notes=(note,))
        else:
            made[name] = by_sums(base, columns, of, draw.over(kept_clusters(clusters, kept)))
    return made


def halo(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, clusters: Clusters = None, **how: Unpack[Drawn]
) -> Estimate:
    """Mean correlation between criteria in the judge's scores, minus the same in people's.

    Above 0 the judge tells criteria apart less than people do. Both have shape (n_units, n_criteria); units
    with a nan in either and pairs with a constant column are left out. `b` 1000 where left out.
    """
    draw = resampling(how, b=1000)
    x, y = grid(judge, "judge"), grid(human, "human")
    if x.shape != y.shape:
        raise InputError(f"judge {x.shape} and human {y.shape} differ in shape")
    kept = ~np.isnan(np.concatenate([x, y], axis=1)).any(axis=1)
    x, y = x[kept], y[kept]
    pairs = [(i, j) for i in range(x.shape[1]) for j in range(i)]

    def of(index: Codes) -> float:
        gaps = [pearson(x[index, i], x[index, j]) - pearson(y[index, i], y[index, j]) for i, j in pairs]
        known = [gap for gap in gaps if not np.isnan(gap)]
        return float(np.mean(known)) if known else float("nan")

    base = about(
        "halo", len(x), len(kept), level=draw.level, n_raters=2,
        method="mean correlation between criteria, judge minus human",
    )  # fmt: skip
    value = of(np.arange(len(x))) if len(x) > 1 else float("nan")
    if np.isnan(value):
        return undefined(base, Status.NO_VARIATION)
    groups = kept_clusters(clusters, kept)
    return resampled(replace(base, value=value), of, len(x), draw.over(groups), kind="percentile")


def anchoring(
    scores: npt.ArrayLike, batches: Sequence[Any], human: npt.ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    """Slope of a score on the score given just before in the same context, given the human score.

    0: none. Above 0: a score is drawn to the one before.

    Args:
        scores: Shape (n_calls,), in the order they were given.
        batches: Shape (n_calls,), the context a call stood in; errors are clustered by it.
        human: The human score of the same units, held fixed. Without it neighbours that are alike look like
            anchoring, so the order must have been random.
    """
    (x,) = aligned(scores=scores)
    codes = coded_clusters(batches, len(x))
    if codes is None:
        raise InputError("anchoring needs the batch of each call")
    order = np.argsort(codes, kind="stable")
    x, codes = x[order], codes[order]
    other = np.zeros(len(x)) if human is None else aligned(scores=scores, human=human)[1][order]
    before = np.concatenate([[np.nan], x[:-1]])
    before[np.concatenate([[True], codes[1:] != codes[:-1]])[: len(x)]] = np.nan
    kept = ~(np.isnan(x) | np.isnan(before) | np.isnan(other))
    base = about(
        "anchoring", kept.sum(), len(x), level=level, n_raters=1,
        method="slope on the score before" if human is None else "slope on the score before, given human",
    )  # fmt: skip
    if not kept.any():
        return undefined(base, Status.NO_PAIRED_ITEMS)
    design = [before[kept], np.ones(int(kept.sum()))] + ([] if human is None else [other[kept]])
    return coefficient(base, least_squares(np.column_stack(design), x[kept], kept_clusters(codes, kept)), 0)


def _moments(y: Floats, x: Floats) -> Floats:
    """Sums for `_second`; centred first, which moves none of the moments and keeps the digits."""
    if len(x):
        y, x = y - y.mean(), x - x.mean()
    return np.column_stack([np.ones(len(x)), y, x, y * y, x * x, y * x])


def _second(s: Floats) -> tuple[Floats, Floats, Floats]:
    """Variances of judge and human and their covariance."""
    n = np.maximum(s[:, 0], 1.0)
    vy, vx = s[:, 3] / n - (s[:, 1] / n) ** 2, s[:, 4] / n - (s[:, 2] / n) ** 2
    floor = 1e-12 * np.maximum(np.maximum(s[:, 3], s[:, 4]) / n, 1e-300)
    return (
        np.where(vy > floor, vy, 0.0),
        np.where(vx > floor, vx, 0.0),
        s[:, 5] / n - s[:, 1] * s[:, 2] / n**2,
    )


def _deming(s: Floats) -> Floats:
    vy, vx, c = _second(s)
    c = np.where(np.abs(c) > 1e-12 * np.maximum(vy + vx, 1e-300), c, 0.0)
    return ratio(vy - vx + np.sqrt((vy - vx) ** 2 + 4 * c**2), 2 * c)


def _entropy(counts: Floats) -> Floats:
    p = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    logs = np.log(np.where(p > 0, p, 1.0))
    return np.asarray(-np.sum(p * logs, axis=1) / np.log(max(counts.shape[1], 2)), dtype=float)


def _at(counts: Floats, places: list[int]) -> Floats:
    return ratio(counts[:, places].sum(axis=1), counts.sum(axis=1))


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square test: nan where it is undefined, which `status` explains, as of an estimate."""

    name: str
    statistic: float
    df: int
    p: float
    n_used: int = 0
    n_dropped: int = 0
    status: str = "ok"


@dataclass(frozen=True, slots=True)
class MarginalHomogeneity:
    """Whether two raters use the labels equally often.

    Stuart and Maxwell test equal margins, Bhapkar the same with a variance that does not suppose it (more
    powerful), Bowker symmetry: whether label k against l is as frequent as l against k. The difference of
    each label is the second rater's share of it less the first's.
    """

    stuart_maxwell: ChiSquare
    bhapkar: ChiSquare
    bowker: ChiSquare
    differences: tuple[tuple[str, Estimate], ...]


def stuart_maxwell(table: npt.ArrayLike) -> tuple[float, int]:
    """Return Stuart and Maxwell's statistic d'V^-1 d of a square table, and its degrees of freedom."""
    # Source: Stuart (1955), Biometrika 42; Maxwell (1970), British Journal of Psychiatry 116. Checked against
    # statsmodels; R irr 0.84.1 drops labels with equal margins and gives another number.
    counts = _square(table)
    d = counts.sum(axis=1) - counts.sum(axis=0)
    off = counts + counts.T
    np.fill_diagonal(off, 0.0)
    v = np.diag(off.sum(axis=1)) - off
    inverse = inverse_of(v)
    df = round(float(np.sum(inverse * v)))  # the trace of a projection: how many directions V has
    if df == 0:
        return float("nan"), 0
    # Margins differ only by what flows between labels, so d lies where V has an inverse.
    return float(d @ inverse @ d), df


def bhapkar(table: npt.ArrayLike) -> tuple[float, int]:
    """Return Bhapkar's statistic, Stuart-Maxwell's S as S / (1 - S/n), and its degrees of freedom."""
    # Source: Bhapkar (1966), JASA 61. Checked against statsmodels.
    counts = _square(table)
    statistic, df = stuart_maxwell(counts)
    rest = 1 - statistic / float(counts.sum()) if df else 0.0
    return (statistic / rest, df) if rest > 1e-12 else (float("nan"), 0)  # all differ one way: no variance


def bowker(table: npt.ArrayLike) -> tuple[float, int]:
    """Return Bowker's statistic of symmetry, whose degrees of freedom are the pairs of labels seen."""
    # Source: Bowker (1948), JASA 43. Checked against statsmodels where every pair was seen.
    counts = _square(table)
    upper = np.triu_indices(len(counts), 1)
    there, back = counts[upper], counts.T[upper]
    seen = there + back > 0
    df = int(seen.sum())
    if df == 0:
        return float("nan"), 0
    return float((np.square(there - back)[seen] / (there + back)[seen]).sum()), df


def marginal_homogeneity(ratings: Any, *, scale: Any = None, level: float = 0.95) -> MarginalHomogeneity:
    """Whether two raters use the labels equally often: three tests, and the difference of each label.

    `ratings` are `Ratings` of two raters, or raw labels of shape (n_units, 2) with their declared `scale`;
    more than two raters are an `InputError`.

    Differences have Bonett and Price's interval (2012), which holds for rare labels too. The tests take units
    as independent: with clusters their p is too small, and the differences have no interval.

    >>> found = marginal_homogeneity([[1, 0]] * 9 + [[0, 1]] * 3 + [[1, 1]] * 8, scale=[0, 1])
    >>> round(found.stuart_maxwell.statistic, 3), round(found.stuart_maxwell.p, 3)
    (3.0, 0.083)
    """
    these = given(ratings, scale)
    table = confusion(these)
    n = int(table.sum())
    status = _status(these.codes, n)
    blank = ChiSquare(
        name="", statistic=float("nan"), df=0, p=float("nan"), n_used=n, n_dropped=these.n_units - n,
        status=status or Status.NO_VARIATION,
    )  # fmt: skip
    start = about(
        "", n, these.n_units, level=level, n_raters=2, method="second rater's share less the first's"
    )
    found = []
    for k, label in enumerate(these.labels):
        named = replace(start, name=f"margin_difference[{label}]")
        if status:
            found.append((label, undefined(named, status)))
        else:
            found.append((label, _difference(table, k, named, bounded=these.clusters is None)))
    return MarginalHomogeneity(
        _test(blank, "stuart_maxwell", *stuart_maxwell(table)),
        _test(blank, "bhapkar", *bhapkar(table)),
        _test(blank, "bowker", *bowker(table)),
        tuple(found),
    )


def _square(table: npt.ArrayLike) -> Floats:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(f"a table of two raters is square, found {counts.shape}")
    return counts


def _status(codes: npt.NDArray[np.intp], n: int) -> str:
    if int(np.any(codes >= 0, axis=0).sum()) < 2:
        return Status.NEEDS_TWO_RATERS
    return Status.NO_PAIRED_ITEMS if n == 0 else ""


def _test(blank: ChiSquare, name: str, statistic: float, df: int) -> ChiSquare:
    from scipy.special import chdtrc

    if df == 0 or blank.status not in {"ok", Status.NO_VARIATION}:
        return replace(blank, name=name)
    return replace(blank, name=name, statistic=statistic, df=df, p=float(chdtrc(df, statistic)), status="ok")


def _difference(table: Floats, k: int, start: Estimate, *, bounded: bool) -> Estimate:
    n = float(table.sum())
    first, second = (float(side - table[k, k]) for side in (table[k].sum(), table[:, k].sum()))
    found = replace(start, value=(second - first) / n)
    if not bounded:
        return replace(found, unit="cluster")
    low, high, se = bonett_price(second, first, n, level=start.level)
    return with_interval(found, low, high, se=se, interval="bonett_price")
