"""From ratings to the estimate of a coefficient: its value, its interval, and what stands against it."""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, get_args

import numpy as np

from judgekit.agreement.cautions import cautioned
from judgekit.agreement.chance import (
    Coefficient,
    beyond_chance,
    observed_and_expected,
    with_ranks,
)
from judgekit.agreement.estimate import (
    NEEDS_TWO_RATERS,
    NO_PAIRED_ITEMS,
    NO_VARIATION,
    TOO_FEW,
    undefined,
    with_interval,
)
from judgekit.agreement.intervals import at_one, fisher_z, t_interval, wilson
from judgekit.agreement.linearised import fleiss_cohen_everitt, linearised, standard_error
from judgekit.agreement.paired import earned
from judgekit.agreement.parts import Parts, parts_of, patterns
from judgekit.agreement.ratings import Codes, Floats, Ratings
from judgekit.agreement.resample import Interval, product_bootstrap, weighted_bootstrap
from judgekit.agreement.weights import Weights, weights_of
from judgekit.errors import InputError
from judgekit.types import Estimate

ENOUGH_FOR_T = 200
HowInterval = Literal["auto", "fisher_z", "t", "bca", "percentile", "none"]


class Options(TypedDict, total=False):
    """How an interval is made; the same for all coefficients.

    Args:
        interval: `auto`: for two raters `fisher_z` of the standard error; for more `bca` below 200
            units (where t covers .91 to .94, see `benchmarks/coverage_kappa.py`) and `t` of the
            linearised standard error from there on; `bca` of clusters where units come in clusters.
            Or one of them, `percentile` or `none` by name; `t` with clusters is CR1 with t.
        level: Confidence, 0.95.
        seed: Of resampling, 0.
        b: How many resamples, 2000.
        resample: `("unit",)`: of these raters; `("unit", "rater")`: of raters in general, with units
            and raters both drawn again.
        reference: Name of the rater who is a person: whose rarer label decides whether there is
            enough of it. Every rater's does where left out.
    """

    interval: HowInterval
    level: float
    seed: int
    b: int
    resample: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class _How:
    interval: HowInterval = "auto"
    level: float = 0.95
    seed: int = 0
    b: int = 2000
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
    """The estimate of a coefficient.

    Args:
        name: Of the estimate.
        coefficient: Which.
        ratings: Of what.
        weights: How far two labels agree.
        options: Of the interval.
        pairs_only: Whether units that a rater did not rate are left out, as Cohen's kappa does.

    Raises:
        InputError: For an option that is none.
    """
    how = _checked(_How(**options), ratings)
    weighing = weights_of(weights, ratings.values, ratings.level)
    rows, counts = _condensed(ratings)
    rated = (rows.codes >= 0).sum(axis=1)
    n_used = int(counts @ (rated >= 2))
    start = Estimate(
        name, float("nan"), level=how.level, n_units=ratings.n_units, n_raters=ratings.n_raters,
        n_used=n_used, n_dropped=ratings.n_units - n_used, method=_method(coefficient, weighing),
        unit="unit" if ratings.clusters is None else "cluster",
    )  # fmt: skip
    if reason := _unusable(rows, n_used):
        return undefined(start, reason)
    if pairs_only and np.any(rated < 2):
        rows, counts = rows.where(rated >= 2), counts[rated >= 2]
    parts = parts_of(rows.codes, weighing, counts=counts)
    observed, expected = (float(x[0]) for x in observed_and_expected(coefficient, parts, weighing))
    value = float(beyond_chance(np.array(observed), np.array(expected)))
    if np.isnan(value):
        return undefined(start, NO_VARIATION, "every rating that counts is the same label")
    sample = _Sample(coefficient, rows, parts, weighing, observed, expected, value)
    bounded = _bounded(replace(start, value=value), sample, how)
    return cautioned(bounded, coefficient, (rows, counts), reference=how.reference)


def _condensed(ratings: Ratings) -> tuple[Ratings, Codes]:
    """Each distinct row of ratings once, and how many units have it; clusters need every unit."""
    if ratings.clusters is not None:
        return ratings, np.ones(ratings.n_units, dtype=np.intp)
    rows, counts = patterns(ratings.codes, len(ratings.values))
    return replace(ratings, codes=rows), counts


def _checked(how: _How, ratings: Ratings) -> _How:
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


def _unusable(ratings: Ratings, n_used: int) -> str:
    """Why there is no value, as a status; empty if nothing stands in the way."""
    if int((ratings.codes >= 0).any(axis=0).sum()) < 2:
        return NEEDS_TWO_RATERS
    if n_used == 0:
        return NO_PAIRED_ITEMS
    return TOO_FEW if n_used < 2 else ""


def _bounded(estimate: Estimate, sample: _Sample, how: _How) -> Estimate:
    """The estimate with its interval."""
    if how.interval == "none":
        return estimate
    clusters = sample.ratings.clusters
    if how.resample == ("unit", "rater"):
        return earned(replace(estimate, unit="unit and rater"), _product(sample, how), how.seed)
    if 1.0 - sample.observed < 1e-12:  # no disagreement at all: no standard error knows what could be
        n = estimate.n_used if clusters is None else len(np.unique(clusters))
        low, high = at_one(sample.expected, n, level=how.level)
        return with_interval(estimate, low, high, interval="wilson_at_one")
    kind = how.interval
    if kind == "auto" and (clusters is not None or (not _of_two(sample) and estimate.n_used < ENOUGH_FOR_T)):
        kind = "bca"
    if kind in {"bca", "percentile"}:
        return earned(estimate, _item_bootstrap(sample, how, kind), how.seed)
    return _analytic(estimate, sample, how, kind)


def _analytic(estimate: Estimate, sample: _Sample, how: _How, kind: str) -> Estimate:
    """From a standard error: published for two raters' kappa, linearised elsewhere."""
    if kind == "auto" and _of_two(sample) and sample.coefficient == "percent":
        agreed = round(sample.observed * estimate.n_used)
        se = float(np.sqrt(sample.observed * (1 - sample.observed) / estimate.n_used))
        return with_interval(
            estimate, *wilson(agreed, estimate.n_used, level=how.level), se=se, interval="wilson"
        )
    se, df = _standard_error(sample, published=estimate.name.startswith("cohen_kappa"))
    if not se > 1e-12:
        return estimate
    if kind == "fisher_z" or (kind == "auto" and _of_two(sample)):
        ends, named = fisher_z(sample.value, se, level=how.level), "fisher_z"
    else:
        ends = t_interval(sample.value, se, df, level=how.level, most=1.0)
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


def _item_bootstrap(sample: _Sample, how: _How, kind: str) -> Interval:
    return weighted_bootstrap(
        sample.of, sample.parts.counts, seed=how.seed, b=how.b, level=how.level,
        clusters=sample.ratings.clusters, kind=kind,
    )  # fmt: skip


def _product(sample: _Sample, how: _How) -> Interval:
    parts, weights = sample.parts, sample.weights

    def of(drawn: Floats, copies: Floats) -> Floats:
        drawn_parts = parts_of(parts.codes, weights, counts=parts.counts, copies=copies)
        return beyond_chance(*observed_and_expected(sample.coefficient, drawn_parts, weights, drawn))

    return product_bootstrap(
        of, parts.counts, sample.ratings.n_raters, seed=how.seed, b=how.b, level=how.level,
        clusters=sample.ratings.clusters,
    )  # fmt: skip
