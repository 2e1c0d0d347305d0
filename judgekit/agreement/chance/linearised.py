"""Standard errors without resampling: of two raters exactly as published, of more by linearisation.

A coefficient is nearly a mean over units; `linearised` gives each unit's term of that mean, whose
variance is the variance of the coefficient, and whose sums over clusters are what clusters add.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.chance.chance import Coefficient, Parts, beyond_chance, observed_and_expected
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.weights import Kind, Weights, weights_of
from judgekit.errors import InputError


@dataclass(frozen=True, slots=True)
class TwoRaters:
    """Cohen's kappa of a table with its standard errors.

    Args:
        kappa: nan where one label is all that both used.
        se: For an interval.
        se0: If kappa were 0: for the test of that, and for nothing else.
        observed: Observed agreement.
        expected: Agreement by chance.
    """

    kappa: float
    se: float
    se0: float
    observed: float
    expected: float


def fleiss_cohen_everitt(
    table: npt.ArrayLike,
    *,
    weights: Kind | Weights | npt.ArrayLike = "identity",
    values: npt.ArrayLike | None = None,
) -> TwoRaters:
    """Kappa of two raters, weighted or not, with its large-sample standard errors.

    Shape: `table` (n_categories, n_categories).

    Source:
        Fleiss, Cohen and Everitt (1969), "Large sample standard errors of kappa and weighted kappa",
        Psychological Bulletin 72. Checked against statsmodels `cohens_kappa` and the values of R vcd.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(f"a table of two raters is square, found {counts.shape}")
    q = len(counts)
    weighing = weights_of(weights, np.arange(q, dtype=float) if values is None else np.asarray(values, float))
    n = counts.sum()
    nan = float("nan")
    if n == 0:
        return TwoRaters(nan, nan, nan, nan, nan)
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    w = weighing.against(np.eye(q))
    observed, expected = float((p * w).sum()), float(rows @ w @ columns)
    kappa = float(beyond_chance(np.array(observed), np.array(expected)))
    if np.isnan(kappa):
        return TwoRaters(nan, nan, nan, observed, expected)
    mean = (w @ columns)[:, None] + (rows @ w)[None, :]
    spread = (p * (w - mean * (1 - kappa)) ** 2).sum() - (kappa - expected * (1 - kappa)) ** 2
    spread0 = (np.outer(rows, columns) * (w - mean) ** 2).sum() - expected**2
    se, se0 = (float(np.sqrt(max(s, 0.0) / n)) / (1 - expected) for s in (spread, spread0))
    return TwoRaters(kappa, se, se0, observed, expected)


def linearised(coefficient: Coefficient, parts: Parts, weights: Weights) -> Floats:
    """Each row's term: their mean over units is the coefficient, their spread its standard error.

    (For alpha the mean is the coefficient before its correction for the sample's size.)

    Shape: returns (n_rows,).

    Source:
        Gwet (2014), chapter 5 and appendix; for alpha Gwet (2015), "On Krippendorff's Alpha
        Coefficient". Checked to 1e-9 against the values of irrCAC with its rounding removed.
    """
    if coefficient == "alpha":
        return _alpha_terms(parts, weights)
    observed, expected = (float(x[0]) for x in observed_and_expected(coefficient, parts, weights))
    kappa = float(beyond_chance(np.array(observed), np.array(expected)))
    n, room = parts.n, 1.0 - expected
    u = (n / (parts.counts @ parts.paired)) * (parts.agree - expected) * parts.paired / room
    if coefficient in {"percent", "brennan_prediger"}:
        terms = u
    else:
        chance = _chance_terms(coefficient, parts, weights)
        terms = u - 2.0 * (1.0 - kappa) * (chance - expected) / room
    return np.where(parts.ratings > 0, terms, np.nan)


def standard_error(terms: Floats, counts: Floats, clusters: Codes | None = None) -> tuple[float, int]:
    """Standard error of a mean of terms, and its degrees of freedom.

    Shapes: `terms` (n_rows,), `counts` (n_rows,), `clusters` (n_rows,).
    """
    there = ~np.isnan(terms) & (counts > 0)
    x, c = terms[there], counts[there]
    n = float(c.sum())
    mean = float(c @ x) / n if n else float("nan")
    if clusters is None:
        return (
            (float(np.sqrt(c @ (x - mean) ** 2 / (n * (n - 1)))), int(n) - 1) if n > 1 else (mean * np.nan, 0)
        )
    sums = np.bincount(clusters[there], weights=c * (x - mean))
    groups = len(np.unique(clusters[there]))
    if groups < 2:
        return float("nan"), 0
    return float(np.sqrt(groups / (groups - 1) * (sums @ sums)) / n), groups - 1


def _chance_terms(coefficient: Coefficient, parts: Parts, weights: Weights) -> Floats:
    """e_i: half the change of expected agreement with one more such row, plus expected agreement."""
    if coefficient == "conger":
        return _conger_terms(parts, weights)
    pi = (parts.counts @ parts.shares) / parts.n
    if coefficient == "fleiss":
        return np.asarray(parts.shares @ weights.against(pi))
    q = len(weights.values)
    return np.asarray(parts.shares @ (1.0 - pi)) * weights.total / (q * (q - 1))


def _conger_terms(parts: Parts, weights: Weights) -> Floats:
    q, n = len(weights.values), parts.n
    rated = parts.codes >= 0
    sizes = parts.counts @ rated
    raters = [int(g) for g in np.flatnonzero(sizes)]
    margins = {g: (parts.counts @ parts.of_rater(g, q)) / sizes[g] for g in raters}
    everyone = np.sum(list(margins.values()), axis=0)
    terms = np.zeros(len(parts.codes))
    for g in raters:
        others = weights.against(everyone - margins[g])
        met = np.where(rated[:, g], others[np.maximum(parts.codes[:, g], 0)], 0.0)
        terms += (n / sizes[g]) * (met - (rated[:, g] - sizes[g] / n) * (others @ margins[g]))
    return np.asarray(terms / (len(raters) * (len(raters) - 1)))


def _alpha_terms(parts: Parts, weights: Weights) -> Floats:
    """v_i of alpha, with R the mean number of ratings of a unit that has two."""
    counts, paired = parts.counts * parts.paired, parts.paired > 0
    n, ratings = counts.sum(), counts @ parts.ratings
    mean = ratings / n
    share = parts.ratings / mean
    agree = parts.agree * share
    within = float(counts @ agree) / n
    observed = within + (1.0 - within) / ratings
    pi = ((counts * share) @ parts.shares) / n
    met = weights.against(pi)
    expected = float(pi @ met)
    room = 1.0 - expected
    alpha = (within - expected) / room
    first = (agree - observed * (share - 1.0) - expected) / room
    chance = np.asarray(parts.shares @ met) * share - expected * (share - 1.0) - expected
    return np.where(paired, first - 2.0 * (1.0 - alpha) * chance / room, np.nan)
