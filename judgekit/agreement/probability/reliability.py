"""Is a probability what it says? Binned calibration error, CORP without bins, and what a perfect judge shows.

`p` is the judge's probability, `y` what came true: 1 where the judge agreed with people, or their label
itself. A binned error is above 0 even for a perfectly calibrated judge, since shares in bins are noisy: read
each beside its null level. CORP takes the isotonic fit of the outcomes: what it gains is miscalibration
(MCB), what it gains over the overall share discrimination (DSC); Brier = MCB - DSC + UNC.
doi.org/10.1073/pnas.2016191118
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned, forecasts
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Drawn, Resampling, resampling
from judgekit.errors import InputError
from judgekit.types import Estimate

Kind = Literal["width", "mass"]
_ULP = 1e-9  # 0.57 * 100 is 56.99999999999999


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The forecasts in each bin that holds any, their mean probability, and the share that came true."""

    count: Floats
    mean_p: Floats
    mean_y: Floats


def bin_of(p: Floats, n_bins: int, kind: Kind) -> Codes:
    """Which bin each probability falls in; equal ones always share a bin."""
    if n_bins < 1:
        raise InputError(f"{n_bins} bins; at least 1 is needed")
    if kind == "width":
        place = p
    elif kind == "mass":
        from scipy.stats import rankdata

        place = (rankdata(p) - 0.5) / max(len(p), 1)
    else:
        raise InputError(f"bins of kind {kind!r}; there are 'width' and 'mass'")
    return np.minimum(np.floor(place * n_bins + _ULP), n_bins - 1).astype(np.intp)


def bins(p: npt.ArrayLike, y: npt.ArrayLike, *, n_bins: int = 10, kind: Kind = "width") -> Bins:
    """Return counts, mean probabilities and shares true of p and y (n,), by bin."""
    p_, y_ = forecasts(p, y)
    where = bin_of(p_, n_bins, kind)
    count = np.bincount(where).astype(float)
    held = count > 0
    mean_p, mean_y = (np.bincount(where, weights=x)[held] / count[held] for x in (p_, y_))
    return Bins(count[held], mean_p, mean_y)


def expected_calibration_error(
    p: npt.ArrayLike, y: npt.ArrayLike, *, n_bins: int = 10, kind: Kind = "width", debiased: bool = False
) -> float:
    """Return the ECE: the mean distance between probability and share true, over bins, by their counts."""
    # Source: Naeini et al. (2015). Debiased: Kumar, Liang & Ma (2019), "Verified Uncertainty Calibration",
    # whose resampling of the bins' shares is normal, so that its mean is taken in closed form here. Checked
    # against netcal 1.3.6.
    b = bins(p, y, n_bins=n_bins, kind=kind)
    if not len(b.count):
        return math.nan
    share, gap = b.count / b.count.sum(), np.abs(b.mean_p - b.mean_y)
    plain = float(share @ gap)
    if not debiased:
        return plain
    again = _folded_normal_mean(gap, np.sqrt(b.mean_y * (1 - b.mean_y) / b.count))
    return 2 * plain - float(share @ again)


@dataclass(frozen=True, slots=True)
class NullLevel:
    """What a perfectly calibrated judge with the same probabilities would show.

    It is on average `mean`, at most `high` in 95 % of cases (or as many as `level` said), and with
    probability `p_value` as much as was seen.
    """

    mean: float
    high: float
    p_value: float
    seed: int


def null_level(
    p: npt.ArrayLike, y: npt.ArrayLike, draw: Resampling, *, n_bins: int = 10, kind: Kind = "width"
) -> NullLevel:
    """Return the ECE of perfect calibration: outcomes are drawn from the probabilities, `b` times."""
    # Source: Bröcker & Smith (2007), "Increasing the Reliability of Reliability Diagrams" (consistency
    # resampling).
    p_, y_ = forecasts(p, y)
    if not len(p_):
        return NullLevel(math.nan, math.nan, math.nan, draw.seed)
    seen = expected_calibration_error(p_, y_, n_bins=n_bins, kind=kind)
    where = bin_of(p_, n_bins, kind)
    order = np.argsort(where, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(where[order]) > 0])
    sorted_p = p_[order]
    expected = np.add.reduceat(sorted_p, starts)
    rng, errors = np.random.default_rng(draw.seed), np.empty(draw.b)
    step = max(1, 2_000_000 // len(p_))
    for first in range(0, draw.b, step):
        size = (min(step, draw.b - first), len(p_))
        true = np.add.reduceat((rng.random(size) < sorted_p).astype(float), starts, axis=1)
        errors[first : first + size[0]] = np.abs(true - expected).sum(axis=1) / len(p_)
    p_value = (1 + np.sum(errors >= seen - _ULP)) / (draw.b + 1)
    return NullLevel(float(errors.mean()), float(np.quantile(errors, draw.level)), float(p_value), draw.seed)


def ece(
    p: npt.ArrayLike, y: npt.ArrayLike, *, n_bins: int = 10, kind: Kind = "width", **how: Unpack[Drawn]
) -> Estimate:
    """ECE as an estimate: the value, with the null level and the debiased value among its notes.

    It has no interval: resampling a biased estimator gives an interval around the bias. Whether the judge is
    calibrated is told by the null level. `p` and `y` have shape (n,): probabilities, and 0 or 1; nan where
    missing. Bins are of equal `width` or `mass`.

    >>> ece([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 0], seed=1).notes[0]
    'a perfectly calibrated judge would show 0.163 on average, at most 0.400 in 95 % of cases (p = 0.35)'
    """
    draw = resampling(how)
    p_, y_ = forecasts(p, y)
    n = len(np.atleast_1d(np.asarray(p, dtype=float)))
    made = about(
        "ece", len(p_), n, value=expected_calibration_error(p_, y_, n_bins=n_bins, kind=kind),
        level=draw.level, n_raters=1, method=f"{n_bins} bins of equal {kind}", seed=draw.seed,
    )  # fmt: skip
    if not len(p_):
        return undefined(made, Status.TOO_FEW, "no complete pair of a probability and an outcome")
    null = null_level(p_, y_, draw, n_bins=n_bins, kind=kind)
    debiased = expected_calibration_error(p_, y_, n_bins=n_bins, kind=kind, debiased=True)
    by_chance = (
        f"a perfectly calibrated judge would show {null.mean:.3f} on average, "
        f"at most {null.high:.3f} in {100 * draw.level:g} % of cases (p = {null.p_value:.2g})"
    )
    return replace(made, notes=(by_chance, f"debiased: {debiased:.3f}"))


def _folded_normal_mean(gap: Floats, sd: Floats) -> Floats:
    """E|gap + sd Z| = sd sqrt(2/pi) exp(-gap^2/2sd^2) + gap (1 - 2 Phi(-gap/sd))."""
    from scipy.special import ndtr

    ratio = np.divide(gap, sd, out=np.full_like(gap, np.inf), where=sd > 0)
    folded = sd * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + gap * (1 - 2 * ndtr(-ratio))
    return np.where(sd > 0, folded, gap)


@dataclass(frozen=True, slots=True)
class CorpParts:
    """brier = mcb - dsc + unc, exactly; mcb and dsc are never negative.

    Miscalibration is what the best monotone recalibration would gain, discrimination what knowing the judge's
    order gains over the overall share, unc the variance of the outcome.
    """

    brier: float
    mcb: float
    dsc: float
    unc: float


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityDiagram:
    """The curve of a CORP reliability diagram; each array has one entry a distinct probability, ascending.

    `p` was said `count` times and meant `recalibrated`, the isotonic fit; from `low` to `high` a calibrated
    judge's fit would lie, at each point alone.
    """

    p: Floats
    count: Floats
    recalibrated: Floats
    low: Floats
    high: Floats
    level: float
    parts: CorpParts
    seed: int


def isotonic(p: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Distinct probabilities, their counts and the isotonic fit; equal probabilities get equal fits."""
    x, where, count = np.unique(forecasts(p, y)[0], return_inverse=True, return_counts=True)
    sums = np.bincount(where, weights=forecasts(p, y)[1], minlength=len(x))
    return x, count.astype(float), _isotonic_fit(sums / np.maximum(count, 1), count.astype(float))


def corp(p: npt.ArrayLike, y: npt.ArrayLike) -> CorpParts:
    """Return the Brier score of p and y (n,) in miscalibration, discrimination and uncertainty."""
    # Source: Dimitriadis, Gneiting & Jordan (2021), PNAS 118. Checked against scikit-learn's isotonic
    # regression.
    p_, y_ = forecasts(p, y)
    if not len(p_):
        return CorpParts(*[math.nan] * 4)
    x, _, fit = isotonic(p_, y_)
    recalibrated = fit[np.searchsorted(x, p_)]
    score, unc = float(np.mean((p_ - y_) ** 2)), float(y_.mean() * (1 - y_.mean()))
    best = float(np.mean((recalibrated - y_) ** 2))
    return CorpParts(score, score - best, unc - best, unc)


def reliability_diagram(p: npt.ArrayLike, y: npt.ArrayLike, **how: Unpack[Drawn]) -> ReliabilityDiagram:
    """The reliability curve and the band in which a calibrated judge's curve would lie.

    `p` and `y` have shape (n,): probabilities, and 0 or 1; nan where missing. See `Drawn`; `b` 1000 and
    `level` 0.9 where left out.
    """
    draw = resampling(how, b=1000, level=0.9)
    x, count, fit = isotonic(p, y)
    low = high = x
    fits = np.array([_isotonic_fit(row / count, count) for row in _null_counts(x, count, draw.seed, draw.b)])
    if len(x):
        low, high = np.quantile(fits, [(1 - draw.level) / 2, (1 + draw.level) / 2], axis=0)
    return ReliabilityDiagram(
        p=x, count=count, recalibrated=fit, low=low, high=high, level=draw.level, parts=corp(p, y),
        seed=draw.seed,
    )  # fmt: skip


def miscalibration(p: npt.ArrayLike, y: npt.ArrayLike, **how: Unpack[Drawn]) -> Estimate:
    """MCB as an estimate, with the level a calibrated judge would show among its notes.

    It has no interval, since it cannot be below 0 and is above it even for a calibrated judge. Arguments as
    of `reliability_diagram`; `level` 0.95 where left out.
    """
    draw = resampling(how, b=1000)
    n = len(aligned(p=p, y=y)[0])
    p_, y_ = forecasts(p, y)
    parts = corp(p_, y_)
    made = about(
        "corp_mcb", len(p_), n, value=parts.mcb, level=draw.level, n_raters=1,
        method="isotonic recalibration, Brier score", seed=draw.seed,
    )  # fmt: skip
    if not len(p_):
        return undefined(made, Status.TOO_FEW, "no complete pair of a probability and an outcome")
    null = _null_miscalibration(p_, draw.seed, draw.b)
    p_value = (1 + np.sum(null >= parts.mcb - 1e-12)) / (draw.b + 1)
    whole = f"Brier {parts.brier:.4f} = MCB {parts.mcb:.4f} - DSC {parts.dsc:.4f} + UNC {parts.unc:.4f}"
    by_chance = (
        f"a calibrated judge would show {null.mean():.4f} on average, "
        f"at most {np.quantile(null, draw.level):.4f} in {100 * draw.level:g} % of cases (p = {p_value:.2g})"
    )
    return replace(made, notes=(whole, by_chance))


def _isotonic_fit(mean: Floats, weight: Floats) -> Floats:
    from scipy.optimize import isotonic_regression

    if not len(mean):
        return mean
    return np.asarray(isotonic_regression(mean, weights=weight).x, dtype=float)


def _null_counts(x: Floats, count: Floats, seed: int, b: int) -> Floats:
    """How many came true at each probability if it were what it says, shape (b, n_distinct)."""
    return np.random.default_rng(seed).binomial(count.astype(int), x, size=(b, len(x))).astype(float)


def _null_miscalibration(p: Floats, seed: int, b: int) -> Floats:
    """MCB of outcomes drawn from p: mean (p - y)^2 - mean (fit - y)^2 = mean (p - fit)(p + fit - 2y)."""
    x, counts = np.unique(p, return_counts=True)
    count = counts.astype(float)
    true = _null_counts(x, count, seed, b)
    fits = np.array([_isotonic_fit(row / count, count) for row in true])
    return np.asarray(np.sum((x - fits) * (count * (x + fits) - 2 * true), axis=1) / len(p))
