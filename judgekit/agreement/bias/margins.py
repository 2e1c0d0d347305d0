"""Do two raters use the labels equally often? Tests of marginal homogeneity and of symmetry.

A judge that agrees with people no better for using the scale otherwise is found here, not by a kappa. Ours,
since statsmodels counts degrees of freedom of labels that nobody used: a table of three labels of which two
are used has one, not two or three. Where all were used the statistics are equal (tests).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from judgekit.agreement.chance.profile import confusion
from judgekit.agreement.core.estimate import Status, undefined, with_interval
from judgekit.agreement.core.intervals import bonett_price
from judgekit.agreement.core.ratings import Floats, given
from judgekit.errors import InputError
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square test.

    Args:
        name: Of the test.
        statistic: nan where it is undefined; `status` says why.
        df: Degrees of freedom.
        p: How often chance alone gives as much or more.
        n_used: Units it rests on.
        n_dropped: Units left out because a rater did not rate them.
        status: As of an estimate.
    """

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

    Args:
        stuart_maxwell: Test of equal margins.
        bhapkar: The same with a variance that does not suppose it; more powerful.
        bowker: Test of symmetry: whether label k against l is as frequent as l against k.
        differences: Label -> second rater's share of it less the first's.
    """

    stuart_maxwell: ChiSquare
    bhapkar: ChiSquare
    bowker: ChiSquare
    differences: tuple[tuple[str, Estimate], ...]


def stuart_maxwell(table: npt.ArrayLike) -> tuple[float, int]:
    """Stuart and Maxwell's statistic d'V^-1 d and its degrees of freedom.

    Shape: `table` (n_categories, n_categories).

    Source:
        Stuart (1955), Biometrika 42; Maxwell (1970), British Journal of Psychiatry 116. Checked against
        statsmodels; R irr 0.84.1 drops labels with equal margins and gives another number.
    """
    counts = _square(table)
    d = counts.sum(axis=1) - counts.sum(axis=0)
    off = counts + counts.T
    np.fill_diagonal(off, 0.0)
    v = np.diag(off.sum(axis=1)) - off
    df = int(np.linalg.matrix_rank(v, hermitian=True)) if off.any() else 0
    if df == 0:
        return float("nan"), 0
    # Margins differ only by what flows between labels, so d lies where V has an inverse.
    return float(d @ np.linalg.pinv(v, hermitian=True) @ d), df


def bhapkar(table: npt.ArrayLike) -> tuple[float, int]:
    """Bhapkar's statistic and its degrees of freedom; Stuart-Maxwell's S as S / (1 - S/n).

    Source:
        Bhapkar (1966), JASA 61. Checked against statsmodels.
    """
    counts = _square(table)
    statistic, df = stuart_maxwell(counts)
    rest = 1 - statistic / float(counts.sum()) if df else 0.0
    return (statistic / rest, df) if rest > 1e-12 else (float("nan"), 0)  # all differ one way: no variance


def bowker(table: npt.ArrayLike) -> tuple[float, int]:
    """Bowker's statistic of symmetry; its degrees of freedom are the pairs of labels that were seen.

    Source:
        Bowker (1948), JASA 43. Checked against statsmodels where every pair was seen.
    """
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

    Args:
        ratings: `Ratings` of two raters, or raw labels of shape (n_units, 2) with their `scale`.
        scale: The declared scale of raw labels.
        level: Confidence of the differences.

    Returns:
        Differences have Bonett and Price's interval, which holds for rare labels too. The tests take
        units as independent: with clusters their p is too small, and the differences have no interval.

    Raises:
        InputError: For more than two raters.

    Source:
        As the tests; Bonett and Price (2012), Journal of Educational and Behavioral Statistics 37.

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
    start = Estimate(
        "", float("nan"), level=level, n_units=these.n_units, n_raters=2, n_used=n,
        n_dropped=these.n_units - n, method="second rater's share less the first's",
    )  # fmt: skip
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
