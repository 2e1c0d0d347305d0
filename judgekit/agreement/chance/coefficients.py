"""From ratings to the estimate of a coefficient: its value, its interval, and what stands against it.

Against it stand raters that do not vary, rare labels, and few clusters. The package krippendorff gives the
same alpha without intervals, 28 times slower.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack, cast, get_args

import numpy as np
import numpy.typing as npt

from judgekit.agreement.chance.chance import (
    Coefficient,
    Metric,
    Parts,
    beyond_chance,
    fleiss_cohen_everitt,
    linearised,
    metric_weights,
    observed_and_expected,
    parts_of,
    patterns,
    standard_error,
    with_ranks,
)
from judgekit.agreement.core.estimate import Status, about, flagged, undefined, unusable, with_interval
from judgekit.agreement.core.intervals import ENOUGH_CLUSTERS, at_one, fisher_z, t_interval, wilson
from judgekit.agreement.core.moments import FEW, influence_se, steady, with_few_wrong, z_interval
from judgekit.agreement.core.ratings import Codes, Floats, Ratings, given
from judgekit.agreement.core.resample import (
    Drawn,
    Interval,
    Resampling,
    earned,
    product_bootstrap,
    resampling,
    weighted_bootstrap,
)
from judgekit.agreement.core.weights import Kind, Weights, weights_of
from judgekit.errors import InputError
from judgekit.types import Estimate


def cautioned(
    estimate: Estimate,
    coefficient: Coefficient,
    sample: tuple[Ratings, Codes],
    *,
    reference: str | None = None,
) -> Estimate:
    """The estimate with what stands against it in its notes; the first is its status."""
    ratings, counts = sample
    found = []
    if constant := _degenerate(coefficient, ratings):
        found.append((Status.DEGENERATE, constant))
    by_habit = coefficient not in {"percent", "gwet", "brennan_prediger"}
    if by_habit and _minority(ratings, counts, reference) < FEW:
        rare = f"fewer than {FEW} units lie outside a rater's commonest label: no interval holds"
        found.append((Status.FEW_MINORITY, rare))
    if ratings.clusters is not None and (n := len(np.unique(ratings.clusters))) < ENOUGH_CLUSTERS:
        found.append((Status.FEW_CLUSTERS, f"{n} clusters; from {ENOUGH_CLUSTERS} on an interval holds"))
    if not found:
        return estimate
    status = found[0][0] if estimate.status == "ok" else estimate.status
    judged = flagged(estimate, status, [note for _, note in found])
    if status == Status.DEGENERATE and coefficient == "conger":  # 0 whatever the data: no interval says more
        return replace(judged, low=math.nan, high=math.nan, se=math.nan, interval="none", seed=None)
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
    """Return the units off a rater's commonest label: the reference's, the fewer of two, or the mean."""
    # Who gave one label only is passed over: that is a finding about the rater, not about the units.
    if reference is None and ratings.n_raters > 2:
        of_labels = np.zeros(len(ratings.values))
        for column in ratings.codes.T:
            of_labels += np.bincount(column + 1, weights=counts, minlength=len(of_labels) + 1)[1:]
        return float(counts.sum() * (1 - of_labels.max() / max(of_labels.sum(), 1)))
    fewest = np.inf
    for name, column in zip(ratings.raters, ratings.codes.T, strict=True):
        given = np.bincount(column + 1, weights=counts, minlength=2)[1:]
        rest = float(given.sum() - given.max())
        if name == reference or (reference is None and rest > 0):
            fewest = min(fewest, rest)
    return float(fewest)


ENOUGH_FOR_T = 200
HowInterval = Literal["auto", "fisher_z", "t", "bca", "percentile", "none"]


class Options(Drawn, total=False):
    """How an interval is made; the same for all coefficients.

    Args:
        interval: `auto`: for two raters' kappa that of each unit's influence on the scale of atanh, for their
            other coefficients `fisher_z` of the standard error; for more raters `bca` below 200 units
            (where t covers .91 to .94, see `benchmarks/coverage_kappa.py`) and `t` of the linearised standard
            error from there on; `bca` of clusters where units come in clusters. Or one of them, `percentile`
            or `none` by name; `t` with clusters is CR1 with t.
        level: As `seed` and `b`, of `Drawn`.
        resample: `("unit",)`: of these raters; `("unit", "rater")`: of raters in general, both drawn again.
        reference: The rater who is a person: whose rarer label decides whether there is enough of it, every
            rater's where left out.
    """

    interval: HowInterval
    resample: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class _How:
    draw: Resampling
    interval: HowInterval = "auto"
    resample: tuple[str, ...] = ("unit",)
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class _Sample:
    """Ratings in the form that coefficients are computed from."""

    coefficient: Coefficient
    ratings: Ratings
    parts: Parts
    weights: Weights
    observed: float
    expected: float
    value: float

    def of(self, drawn: Floats) -> Floats:
        return beyond_chance(*observed_and_expected(self.coefficient, self.parts, self.weights, drawn))


def estimate(
    name: str,
    coefficient: Coefficient,
    ratings: Ratings,
    weights: Any,
    options: Options,
    *,
    pairs_only: bool = False,
) -> Estimate:
    """The estimate of a coefficient."""
    how = _checked(options, ratings)
    weighing = weights_of(weights, ratings.values, ratings.level)
    rows, counts = _condensed(ratings)
    rated = (rows.codes >= 0).sum(axis=1)
    n_used = int(counts @ (rated >= 2))
    start = about(
        name, n_used, ratings.n_units, level=how.draw.level, n_raters=ratings.n_raters,
        method=_method(coefficient, weighing), unit="unit" if ratings.clusters is None else "cluster",
    )  # fmt: skip
    if reason := unusable(rows.codes >= 0, n_used):
        return undefined(start, reason)
    if pairs_only and np.any(rated < 2):
        rows, counts = rows.where(rated >= 2), counts[rated >= 2]
    parts = parts_of(rows.codes, weighing, counts=counts)
    observed, expected = (float(x[0]) for x in observed_and_expected(coefficient, parts, weighing))
    value = float(beyond_chance(np.array(observed), np.array(expected)))
    if np.isnan(value):
        return undefined(start, Status.NO_VARIATION, "every rating that counts is the same label")
    sample = _Sample(
        coefficient=coefficient, ratings=rows, parts=parts, weights=weighing, observed=observed,
        expected=expected, value=value,
    )  # fmt: skip
    bounded = _bounded(replace(start, value=value), sample, how)
    found = cautioned(bounded, coefficient, (rows, counts), reference=how.reference)
    if coefficient != "conger" or rows.n_raters != 2 or weighing.name == "identity":
        return found
    names = [how.reference] if how.reference else [*rows.raters]
    for column in (rows.of(name).numbers[:, 0] for name in names):
        found = steady(found, np.repeat(column, counts))
    return found


def _condensed(ratings: Ratings) -> tuple[Ratings, Codes]:
    """Each distinct row of ratings once, and how many units have it; clusters need every unit."""
    if ratings.clusters is not None:
        return ratings, np.ones(ratings.n_units, dtype=np.intp)
    rows, counts = patterns(ratings.codes, len(ratings.values))
    return replace(ratings, codes=rows), counts


def _checked(options: Options, ratings: Ratings) -> _How:
    own: dict[str, Any] = {k: v for k, v in options.items() if k in {"interval", "resample", "reference"}}
    drawn = cast("Drawn", {k: v for k, v in options.items() if k not in own})
    how = _How(resampling(drawn), **own)
    if how.interval not in get_args(HowInterval):
        raise InputError(f"no interval {how.interval!r}; there are {', '.join(get_args(HowInterval))}")
    if how.resample not in {("unit",), ("unit", "rater")}:
        raise InputError(f"resample={how.resample!r}; there are ('unit',) and ('unit', 'rater')")
    if how.reference is not None and how.reference not in ratings.raters:
        raise InputError(f"no rater {how.reference!r}; there are {list(ratings.raters)}")
    return how


def _method(coefficient: Coefficient, weights: Weights) -> str:
    if coefficient == "alpha":
        names = {"identity": "nominal", "midrank": "ordinal", "quadratic": "interval"}
        return f"alpha, {names.get(weights.name, weights.name)} metric"
    return f"{coefficient}, {weights.name} weights"


def _bounded(estimate: Estimate, sample: _Sample, how: _How) -> Estimate:
    """The estimate with its interval."""
    if how.interval == "none":
        return estimate
    clusters = sample.ratings.clusters
    if how.resample == ("unit", "rater"):
        return earned(replace(estimate, unit="unit and rater"), _product(sample, how), how.draw)
    if 1.0 - sample.observed < 1e-12:  # no disagreement at all: no standard error knows what could be
        n = estimate.n_used if clusters is None else len(np.unique(clusters))
        low, high = at_one(_alike_by_chance(sample.parts), n, level=how.draw.level)
        return with_interval(estimate, low, high, interval="wilson_at_one")
    kind = how.interval
    if kind == "auto" and sample.ratings.n_raters == 2 and sample.coefficient == "conger":
        return _by_influence(estimate, sample)
    if kind == "auto" and (clusters is not None or (not _of_two(sample) and estimate.n_used < ENOUGH_FOR_T)):
        kind = "bca"
    if kind in {"bca", "percentile"}:
        drawn = weighted_bootstrap(sample.of, sample.parts.counts, how.draw.over(clusters), kind=kind)
        return earned(estimate, drawn, how.draw)  # `cautioned` tells few clusters
    return _analytic(estimate, sample, how, kind)


def _by_influence(estimate: Estimate, sample: _Sample) -> Estimate:
    """Two raters' kappa: t on the scale of atanh, with as few degrees of freedom as rare errors leave."""
    parts, weights = sample.parts, with_ranks(sample.weights, sample.parts)
    if weights is not sample.weights:
        parts = parts_of(parts.codes, weights, counts=parts.counts)
    terms = np.repeat(linearised("conger", parts, weights), np.asarray(parts.counts, dtype=np.intp))
    se, df = influence_se(terms - terms.mean(), clusters=sample.ratings.clusters)
    if sample.ratings.clusters is None and weights.matrix is not None:
        se = _standard_error(sample, published=True)[0]
    found = z_interval(estimate, se if se > 1e-12 else 0.0, df)
    if sample.ratings.clusters is None and _all_or_nothing(weights):
        found = with_few_wrong(found, 1 - sample.observed, estimate.n_used)
    alone = sample.ratings.clusters is not None and len(np.unique(sample.ratings.clusters)) < 2
    return flagged(found, Status.DEGENERATE) if alone else found


def _alike_by_chance(parts: Parts) -> float:
    """How often two raters who do not look give the same label."""
    given = [
        np.bincount(c + 1, weights=parts.counts, minlength=int(parts.codes.max()) + 2)[1:]
        for c in parts.codes.T
    ]
    shares = np.array([each / max(each.sum(), 1) for each in given])
    pairs = (shares.sum(axis=0) ** 2).sum() - (shares**2).sum()
    return float(pairs / (len(shares) * (len(shares) - 1)))


def _analytic(estimate: Estimate, sample: _Sample, how: _How, kind: str) -> Estimate:
    """From a standard error: published for two raters' kappa, linearised elsewhere."""
    if kind == "auto" and _of_two(sample) and sample.coefficient == "percent":
        agreed = round(sample.observed * estimate.n_used)
        se = float(np.sqrt(sample.observed * (1 - sample.observed) / estimate.n_used))
        return with_interval(
            estimate, *wilson(agreed, estimate.n_used, level=how.draw.level), se=se, interval="wilson"
        )
    se, df = _standard_error(sample, published=estimate.name.startswith("cohen_kappa"))
    if not se > 1e-12:
        return estimate
    if kind == "fisher_z" or (kind == "auto" and _of_two(sample)):
        ends, named = fisher_z(sample.value, se, level=how.draw.level), "fisher_z"
    else:
        ends = t_interval(sample.value, se, df, level=how.draw.level, most=1.0)
        named = "t" if sample.ratings.clusters is None else "t_cr1"
    return with_interval(estimate, *ends, se=se, interval="none" if np.isnan(ends[0]) else named)


def _of_two(sample: _Sample) -> bool:
    """Whether two raters have an interval of their own; a weighted mean of agreement has none."""
    whole = sample.coefficient != "percent" or _all_or_nothing(sample.weights)
    return sample.ratings.n_raters == 2 and whole


def _all_or_nothing(weights: Weights) -> bool:
    """Whether labels agree or do not, so that agreement is a count of units."""
    if weights.name == "identity":
        return True
    return weights.matrix is not None and bool(np.isin(weights.matrix, (0.0, 1.0)).all())


def _standard_error(sample: _Sample, *, published: bool) -> tuple[float, int]:
    parts, weights = sample.parts, sample.weights
    if published and sample.ratings.clusters is None and weights.matrix is not None:
        q = len(weights.values)
        flat = parts.codes[:, 0] * q + parts.codes[:, 1]
        table = np.bincount(flat, weights=parts.counts, minlength=q * q).reshape(q, q)
        return fleiss_cohen_everitt(table, weights=weights).se, int(parts.counts.sum()) - 1
    fixed = with_ranks(weights, parts)
    if fixed is not weights:
        parts = parts_of(parts.codes, fixed, counts=parts.counts)
    return standard_error(linearised(sample.coefficient, parts, fixed), parts.counts, sample.ratings.clusters)


def _product(sample: _Sample, how: _How) -> Interval:
    parts, weights = sample.parts, sample.weights

    def of(drawn: Floats, copies: Floats) -> Floats:
        drawn_parts = parts_of(parts.codes, weights, counts=parts.counts, copies=copies)
        return beyond_chance(*observed_and_expected(sample.coefficient, drawn_parts, weights, drawn))

    draw = how.draw.over(sample.ratings.clusters)
    return product_bootstrap(of, parts.counts, sample.ratings.n_raters, draw)


def percent(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Observed agreement: the mean over units of the share of pairs of raters that agree.

    `ratings` are `Ratings`, or raw labels of shape (n_units, n_raters) with their declared `scale`; `weights`
    say how far two labels agree; `options` are of the interval, see `Options`. The value is from 0 to 1,
    chance included: on a scale of two labels, one of them rare, it is high for any two raters. Wilson's
    interval for two raters. nan if no unit has two ratings.

    >>> percent([["no", "no"], ["yes", "no"]], scale=["no", "yes"]).value
    0.5
    """
    return estimate(_named("percent_agreement", weights), "percent", given(ratings, scale), weights, options)


def kappa(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Cohen's kappa of two raters, each with their own habits; weighted where `weights` say so.

    Args:
        ratings: `Ratings` of two raters, or raw labels of shape (n_units, 2) with their declared `scale`.
            Units that one of them did not rate are left out and counted.
        weights: `identity` for labels without order; `linear` and `quadratic` for a scale with one.
        options: Of the interval, see `Options`.

    The value is at most 1; 0 is what two raters with these habits agree by chance. Its interval is that of
    the exact standard error on the scale of atanh. nan if both used one and the same label; 0 with status
    `ok_degenerate` if one of them, or both, used one label only. Raises `InputError` for more than two
    raters: `conger`, `fleiss` and `alpha` are for them. Source: Cohen (1960), (1968); Fleiss, Cohen and
    Everitt (1969).

    >>> kappa([["no", "no"], ["yes", "yes"], ["yes", "no"], ["no", "no"]], scale=["no", "yes"]).value
    0.5
    """
    these = given(ratings, scale)
    if these.n_raters > 2:
        raise InputError(
            f"Cohen's kappa is of two raters, found {these.n_raters}; use conger, fleiss or alpha, "
            "or two columns"
        )
    return estimate(_named("cohen_kappa", weights), "conger", these, weights, options, pairs_only=True)


def conger(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Conger's kappa: Cohen's for any number of raters, each with their own habits.

    Arguments and landmarks as of `kappa`; units with missing ratings stay. Source: Conger (1980),
    Psychological Bulletin 88.

    >>> round(conger([[1, 1, 2], [2, 2, 2], [1, 1, 1], [2, 1, 2]], scale=[1, 2]).value, 4)
    0.3846
    """
    return estimate(_named("conger_kappa", weights), "conger", given(ratings, scale), weights, options)


def fleiss(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Fleiss' kappa: raters are exchangeable, and chance draws from what all of them used.

    Arguments as of `percent`. Units with one rating count for the labels used, as in Gwet (2014). Source:
    Fleiss (1971), Psychological Bulletin 76.

    >>> round(fleiss([[1, 1, 2], [2, 2, 2], [1, 1, 1], [2, 1, 2]], scale=[1, 2]).value, 4)
    0.3333
    """
    return estimate(_named("fleiss_kappa", weights), "fleiss", given(ratings, scale), weights, options)


def scott(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Scott's pi: Fleiss' kappa of two raters; more are an `InputError`.

    Source: Scott (1955), Public Opinion Quarterly 19.

    >>> round(scott([[1, 1], [2, 2], [1, 2], [1, 1]], scale=[1, 2]).value, 4)
    0.4667
    """
    these = given(ratings, scale)
    if these.n_raters > 2:
        raise InputError(f"Scott's pi is of two raters, found {these.n_raters}; use fleiss")
    return estimate(_named("scott_pi", weights), "fleiss", these, weights, options)


def gwet(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Gwet's AC1, or AC2 with weights: chance is for hard units only, so a rare label costs little.

    Arguments as of `percent`. It rises with every declared label that nobody uses. Source: Gwet (2008),
    British Journal of Mathematical and Statistical Psychology 61.

    >>> round(gwet([[1, 1], [2, 2], [1, 2], [1, 1]], scale=[1, 2]).value, 4)
    0.5294
    """
    plain = isinstance(weights, str) and weights == "identity"
    name = "gwet_ac1" if plain else _named("gwet_ac2", weights)
    return estimate(name, "gwet", given(ratings, scale), weights, options)


def brennan_prediger(
    ratings: Any, *, scale: Any = None, weights: Kind | npt.ArrayLike = "identity", **options: Unpack[Options]
) -> Estimate:
    """Brennan and Prediger's kappa (Randolph's; PABAK on two labels): chance uses all labels alike.

    Arguments as of `percent`. It rises with every declared label that nobody uses. Source: Brennan and
    Prediger (1981), Educational and Psychological Measurement 41.

    >>> brennan_prediger([[1, 1], [2, 2], [1, 2], [1, 1]], scale=[1, 2]).value
    0.5
    """
    return estimate(
        _named("brennan_prediger", weights), "brennan_prediger", given(ratings, scale), weights, options
    )


def alpha(
    ratings: Any, *, scale: Any = None, metric: Metric | None = None, **options: Unpack[Options]
) -> Estimate:
    """Krippendorff's alpha: any number of raters, gaps, any scale.

    `metric` is `nominal`, `ordinal`, `interval` or `ratio`, the scale's own level where left out; other
    arguments as of `percent`. Units with fewer than two ratings are left out and counted. The value is at
    most 1; 0 is what chance gives. nan if all ratings are the same. Source: Krippendorff (2011), "Computing
    Krippendorff's Alpha-Reliability".

    >>> round(alpha([[0, 0], [1, 1], [0, 1], [0, None]], scale=[0, 1], metric="nominal").value, 4)
    0.4444
    """
    these = given(ratings, scale)
    chosen = metric or these.level
    weights = metric_weights(chosen, these.values, these.level)
    return estimate(f"krippendorff_alpha_{chosen}", "alpha", these, weights, options)


def _named(name: str, weights: Kind | npt.ArrayLike) -> str:
    """Name with its weights, which make it another statistic."""
    if not isinstance(weights, str):
        return f"{name}_own_weights"
    return name if weights == "identity" else f"{name}_{weights}"
