"""Agreement beyond chance: one form, (observed - expected) / (1 - expected), and many ideas of chance.

A unit's part in every coefficient is the same few numbers: how many ratings it has, how far pairs of them
agree, what share each category has. Units with the same ratings stand in one row. A resample is then a row of
weights, and a coefficient of ten thousand resamples is a few matrix products. A coefficient is nearly a mean
over units, too: `linearised` gives each unit's term of it, whose variance is the coefficient's.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Codes, Floats, Level, as_ratings
from judgekit.agreement.core.weights import Kind, Weights, weights_of
from judgekit.errors import InputError

MIDRANK = "midrank"
"""Name of the weights of the ordinal metric, which rest on the ranks of the sample at hand."""
_DENSE = 20_000_000  # the most cells of a table of units by categories that is not held sparsely


@dataclass(frozen=True, eq=False)
class Parts:
    """What units bring to a coefficient, a row for each unit or for each pattern of ratings.

    Args:
        codes: Shape (n_rows, n_raters), -1 where missing.
        counts: Shape (n_rows,), how many units a row stands for.
        ratings: Shape (n_rows,), ratings of a row, r_i.
        shares: Shape (n_rows, n_categories), dense or sparse: share of each category among them.
        agree: Shape (n_rows,), mean weight of pairs of different raters; 0 where there is no pair.
        paired: Shape (n_rows,), 1 where there is a pair, else 0.
        copies: Shape (n_raters,), how often each rater was drawn; 1 for all in the sample itself.
    """

    codes: Codes
    counts: Floats
    ratings: Floats
    shares: Any
    agree: Floats
    paired: Floats
    copies: Floats

    @cached_property
    def n(self) -> float:
        """Units with at least one rating."""
        return float(self.counts @ (self.ratings > 0))

    def of_rater(self, rater: int, n_categories: int) -> Any:
        """Shape (n_rows, n_categories): 1 for the category this rater gave."""
        return _one_hot(self.codes[:, [rater]], n_categories, np.ones(1))


def patterns(codes: Codes, n_categories: int) -> tuple[Codes, Codes]:
    """Distinct rows of ratings and how many units have each."""
    n, r = codes.shape
    base = n_categories + 1
    if r * np.log2(base) > 62:  # the key would not fit an integer
        rows, counts = np.unique(codes, axis=0, return_counts=True)
        return rows.astype(np.intp), counts.astype(np.intp)
    key = codes[:, 0] + 1
    for column in range(1, r):
        key = key * base + (codes[:, column] + 1)
    if base**r <= max(4 * n, 4096):
        counts = np.bincount(key, minlength=base**r)
        distinct = np.flatnonzero(counts)
        counts = counts[distinct]
    else:
        distinct, counts = np.unique(key, return_counts=True)
    rows = np.empty((len(distinct), r), dtype=np.intp)
    for column in range(r - 1, -1, -1):
        distinct, digit = np.divmod(distinct, base)
        rows[:, column] = digit - 1
    return rows, counts.astype(np.intp)


def parts_of(
    codes: Codes, weights: Weights, *, counts: npt.NDArray[Any] | None = None, copies: Floats | None = None
) -> Parts:
    """Return the parts of rows of codes (n_rows, n_raters), each standing for `counts` units."""
    m, r = codes.shape
    q = len(weights.values)
    copies = np.ones(r) if copies is None else copies
    units = np.ones(m) if counts is None else counts.astype(np.float64)
    rated = codes >= 0
    ratings = rated @ copies
    pairs = ratings**2 - rated @ copies**2
    held = _one_hot(codes, q, copies)
    if weights.name == MIDRANK:  # rests on the ranks of each draw: see `_between_ranks`
        agreeing = np.zeros(m)
    elif isinstance(held, np.ndarray):
        agreeing = (held * weights.against(held)).sum(axis=1) - rated @ copies**2
    else:
        agreeing = _pairwise(codes, weights, copies)
    paired = pairs > 0
    agree = np.divide(agreeing, pairs, out=np.zeros(m), where=paired)
    inverse = np.divide(1.0, ratings, out=np.zeros(m), where=ratings > 0)
    return Parts(
        codes=codes, counts=units, ratings=ratings, shares=scaled(held, inverse), agree=agree,
        paired=paired.astype(np.float64), copies=copies,
    )  # fmt: skip


def _pairwise(codes: Codes, weights: Weights, copies: Floats) -> Floats:
    """Sum of weights over pairs of different raters, rater by rater: for many categories."""
    total = np.zeros(len(codes))
    for j in range(codes.shape[1]):
        for k in range(j):
            both = (codes[:, j] >= 0) & (codes[:, k] >= 0)
            total[both] += 2.0 * copies[j] * copies[k] * weights.of(codes[both, j], codes[both, k])
    return total


def _one_hot(codes: Codes, q: int, copies: Floats) -> Any:
    """Shape (n_rows, q): how many ratings of a row are each category; sparse where it would be large."""
    m, r = codes.shape
    if m * (q + 1) > _DENSE:
        from scipy.sparse import csr_array

        rows, columns = np.nonzero(codes >= 0)
        return csr_array((copies[columns], (rows, codes[rows, columns])), shape=(m, q))
    place = codes + 1 + (np.arange(m) * (q + 1))[:, None]
    weight = None if np.all(copies == 1.0) else np.broadcast_to(copies, (m, r)).ravel()
    counted = np.bincount(place.ravel(), weights=weight, minlength=m * (q + 1))
    return counted.reshape(m, q + 1)[:, 1:].astype(np.float64)


def scaled(shares: Any, by: Floats) -> Any:
    """Rows times a number each, dense or sparse."""
    return shares * by[:, None] if isinstance(shares, np.ndarray) else shares.multiply(by[:, None]).tocsr()


Coefficient = Literal["percent", "fleiss", "conger", "gwet", "brennan_prediger", "alpha"]
"""Scott's pi is `fleiss` and Cohen's kappa is `conger` with two raters."""
Metric = Literal["nominal", "ordinal", "interval", "ratio"]
_TINY = 1e-12  # chance agreement this near 1 is 1


def observed_and_expected(
    coefficient: Coefficient, parts: Parts, weights: Weights, draws: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return observed agreement and that expected by chance, for each of the draws (n_draws, n_rows)."""
    # Source: Gwet (2014), chapters 2 to 5; Krippendorff (2011); Conger (1980), Psychological Bulletin 88.
    drawn = parts.counts[None, :] if draws is None else draws
    with np.errstate(invalid="ignore", divide="ignore"):
        if coefficient == "alpha":
            return _alpha(parts, weights, drawn)
        observed = (drawn @ (parts.agree * parts.paired)) / (drawn @ parts.paired)
        if coefficient == "percent":
            return observed, np.where(np.isnan(observed), np.nan, 0.0)
        if coefficient == "conger":
            return observed, _conger(parts, weights, drawn)
        q = len(weights.values)
        if coefficient == "brennan_prediger":
            return observed, np.full(len(drawn), weights.total / q**2)
        pi = (drawn @ parts.shares) / (drawn @ (parts.ratings > 0))[:, None]
        if coefficient == "fleiss":
            return observed, (pi * weights.against(pi)).sum(axis=1)
        spread = (pi * (1.0 - pi)).sum(axis=1)
        return observed, spread * (weights.total / (q * (q - 1)) if q > 1 else np.nan)


def beyond_chance(observed: Floats, expected: Floats) -> Floats:
    """(observed - expected) / (1 - expected); nan where chance alone agrees always."""
    room = 1.0 - expected
    left = room > _TINY
    return np.where(left, (observed - expected) / np.where(left, room, 1.0), np.nan)


def chance_corrected(
    ratings: npt.ArrayLike,
    coefficient: Coefficient,
    *,
    values: npt.ArrayLike,
    weights: Kind | Weights | npt.ArrayLike = "identity",
) -> float:
    """Return a coefficient of ratings (n_units, n_raters)."""
    # Source: Gwet (2014). Checked against the values of irrCAC, statsmodels and scikit-learn.
    coded = as_ratings(ratings, scale=np.asarray(values, dtype=float))
    weighing = weights_of(weights, coded.values)
    if coded.codes.size == 0:
        return float("nan")
    rows, counts = patterns(coded.codes, len(coded.values))
    parts = parts_of(rows, weighing, counts=counts)
    return float(beyond_chance(*observed_and_expected(coefficient, parts, weighing))[0])


def krippendorff_alpha(ratings: npt.ArrayLike, *, values: npt.ArrayLike, metric: Metric) -> float:
    """Return Krippendorff's alpha, 1 - D_o / D_e, of ratings (n_units, n_raters)."""
    # Source: Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", sections B to D. Checked
    # against its worked example (0.743 nominal, 0.815 ordinal, 0.849 interval) and krippendorff 0.9.
    return chance_corrected(
        ratings, "alpha", values=values, weights=metric_weights(metric, np.asarray(values, dtype=float))
    )


def metric_weights(metric: Metric, values: Floats, level: Level = "ordinal") -> Weights:
    """Krippendorff's metric as weights: 1 - delta^2, up to a factor that alpha does not feel."""
    kinds: dict[Metric, Kind] = {"nominal": "identity", "interval": "quadratic", "ratio": "ratio"}
    if metric == "ordinal":
        weights_of("quadratic", values, level)  # refuses a nominal scale
        return Weights(MIDRANK, values, None)
    if metric not in kinds:
        raise InputError(f"no metric {metric!r}; there are nominal, ordinal, interval and ratio")
    return weights_of(kinds[metric], values, level)


def with_ranks(weights: Weights, parts: Parts) -> Weights:
    """The ordinal metric with the sample's own ranks put in; other weights as they are."""
    if weights.name != MIDRANK:
        return weights
    used = (parts.counts * parts.ratings * parts.paired) @ parts.shares
    return weights_of("quadratic", np.cumsum(used) - used / 2.0)


def _alpha(parts: Parts, weights: Weights, drawn: Floats) -> tuple[Floats, Floats]:
    pairable = parts.ratings * parts.paired
    n = drawn @ pairable
    pi = (drawn @ scaled(parts.shares, pairable)) / n[:, None]
    if weights.name == MIDRANK:
        within, expected = _between_ranks(parts, pi, drawn * pairable)
    else:
        within = (drawn @ (pairable * parts.agree)) / n
        expected = (pi * weights.against(pi)).sum(axis=1)
    # Krippendorff draws pairs without replacement, which is the same as this much more agreement.
    return within + (1.0 - within) / n, expected


def _between_ranks(parts: Parts, pi: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """Agreement by squared differences of mid-ranks, which each draw has its own of."""
    place = np.cumsum(pi, axis=1) - pi / 2.0
    span = place[:, -1] - place[:, 0]
    span = np.where(span > 0, span, 1.0)
    mean, square = parts.shares @ place.T, parts.shares @ np.square(place).T  # (n_rows, n_draws)
    pairs = parts.ratings**2 - (parts.codes >= 0) @ parts.copies**2
    scale = np.divide(2.0 * parts.ratings**2, pairs, out=np.zeros_like(pairs), where=pairs > 0)
    apart = ((square - mean**2) * scale[:, None]).T
    observed = 1.0 - (drawn * apart).sum(axis=1) / drawn.sum(axis=1) / span**2
    spread = (pi * place**2).sum(axis=1) - (pi * place).sum(axis=1) ** 2
    return observed, 1.0 - 2.0 * spread / span**2


def _conger(parts: Parts, weights: Weights, drawn: Floats) -> Floats:
    """Mean over pairs of different raters of the agreement of their margins."""
    q = len(weights.values)
    together, alone = np.zeros((len(drawn), q)), np.zeros(len(drawn))
    raters, squares = np.zeros(len(drawn)), np.zeros(len(drawn))
    for j in np.flatnonzero(parts.copies):
        count = drawn @ (parts.codes[:, j] >= 0)
        copies = parts.copies[j] * (count > 0)  # who rated nothing has no margin
        margin = (drawn @ parts.of_rater(int(j), q)) / np.maximum(count, 1.0)[:, None]
        together += copies[:, None] * margin
        alone += copies**2 * (margin * weights.against(margin)).sum(axis=1)
        raters += copies
        squares += copies**2
    between = (together * weights.against(together)).sum(axis=1) - alone
    return np.asarray(between / (raters**2 - squares))


@dataclass(frozen=True, slots=True)
class TwoRaters:
    """Cohen's kappa of a table, nan where one label is all that both used, with its standard errors.

    `se` is for an interval; `se0`, of a kappa of 0, is for the test of that and nothing else.
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
    """Return kappa of a square table of two raters with its large-sample standard errors."""
    # Source: Fleiss, Cohen and Everitt (1969), "Large sample standard errors of kappa and weighted kappa",
    # Psychological Bulletin 72. Checked against statsmodels `cohens_kappa` and the values of R vcd.
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
    """Return each row's term: their mean over units is the coefficient, their spread its standard error."""
    # For alpha the mean is the coefficient before its correction for the sample's size. Source: Gwet (2014),
    # chapter 5 and appendix; Gwet (2015), "On Krippendorff's Alpha Coefficient". Checked to 1e-9 against the
    # values of irrCAC with its rounding removed.
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
    """Return the standard error of a mean of terms (n_rows,), and its degrees of freedom."""
    there = ~np.isnan(terms) & (counts > 0)
    x, c = terms[there], counts[there]
    n = float(c.sum())
    mean = float(c @ x) / n if n else float("nan")
    if clusters is None:
        return (float(np.sqrt(c @ (x - mean) ** 2 / (n * (n - 1)))), int(n) - 1) if n > 1 else (np.nan, 0)
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
