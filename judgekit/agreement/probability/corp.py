"""CORP: reliability without bins, by the best monotone recalibration.

The isotonic fit of the outcomes on the probabilities is the best any monotone recalibration could do. What
it gains is miscalibration (MCB), what it gains over always saying the overall share is discrimination (DSC):
Brier = MCB - DSC + UNC, with no bins to choose.
https://doi.org/10.1073/pnas.2016191118
"""

import math
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned, forecasts
from judgekit.agreement.core.estimate import Status, undefined
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Drawn, resampling
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True)
class CorpParts:
    """brier = mcb - dsc + unc, exactly; mcb and dsc are never negative.

    Args:
        brier: Mean squared difference of probability and outcome.
        mcb: Miscalibration: what the best monotone recalibration would gain; 0 is calibrated.
        dsc: Discrimination: what knowing the judge's order gains over the overall share.
        unc: Variance of the outcome.
    """

    brier: float
    mcb: float
    dsc: float
    unc: float


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityDiagram:
    """The curve of a CORP reliability diagram; each array has one entry a distinct probability, ascending.

    Args:
        p: The probability.
        count: How often it was said.
        recalibrated: The isotonic fit there: what it meant.
        low: Lower edge of the consistency band: where a calibrated judge's fit would lie.
        high: Its upper edge.
        level: Confidence of the band, at each point alone.
        parts: The score in parts.
        seed: Of the band.
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
    return x, count.astype(float), _fit(sums / np.maximum(count, 1), count.astype(float))


def corp(p: npt.ArrayLike, y: npt.ArrayLike) -> CorpParts:
    """The Brier score in miscalibration, discrimination and uncertainty.

    Shapes: `p` (n,), `y` (n,).

    Source:
        Dimitriadis, Gneiting & Jordan (2021), PNAS 118. Checked against scikit-learn's isotonic regression.
    """
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

    Args:
        p: Shape (n,), probabilities; nan where missing.
        y: Shape (n,), 0 or 1; nan where missing.
        how: See `Drawn`; `b` 1000 and `level` 0.9 where left out.

    Raises:
        InputError: For a malformed argument.
    """
    draw = resampling(how, b=1000, level=0.9)
    x, count, fit = isotonic(p, y)
    if not len(x):
        return ReliabilityDiagram(
            p=x, count=count, recalibrated=fit, low=x, high=x, level=draw.level, parts=corp(p, y),
            seed=draw.seed,
        )  # fmt: skip
    fits = _null_fits(x, count, draw.seed, draw.b)
    low, high = np.quantile(fits, [(1 - draw.level) / 2, (1 + draw.level) / 2], axis=0)
    return ReliabilityDiagram(
        p=x, count=count, recalibrated=fit, low=low, high=high, level=draw.level, parts=corp(p, y),
        seed=draw.seed,
    )  # fmt: skip


def miscalibration(p: npt.ArrayLike, y: npt.ArrayLike, **how: Unpack[Drawn]) -> Estimate:
    """MCB as an estimate, with the level a calibrated judge would show among its notes.

    It has no interval, since it cannot be below 0 and is above it even for a calibrated judge.

    Args:
        p: Shape (n,), probabilities; nan where missing.
        y: Shape (n,), 0 or 1; nan where missing.
        how: See `Drawn`; `b` 1000 where left out.

    Raises:
        InputError: For a malformed argument.
    """
    draw = resampling(how, b=1000)
    n = len(aligned(p=p, y=y)[0])
    p_, y_ = forecasts(p, y)
    parts = corp(p_, y_)
    made = Estimate(
        "corp_mcb", parts.mcb, level=draw.level, n_units=n, n_raters=1, n_used=len(p_), n_dropped=n - len(p_),
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


def _fit(mean: Floats, weight: Floats) -> Floats:
    from scipy.optimize import isotonic_regression

    if not len(mean):
        return mean
    return np.asarray(isotonic_regression(mean, weights=weight).x, dtype=float)


def _null_counts(x: Floats, count: Floats, seed: int, b: int) -> Floats:
    """How many came true at each probability if it were what it says, shape (b, n_distinct)."""
    return np.random.default_rng(seed).binomial(count.astype(int), x, size=(b, len(x))).astype(float)


def _null_fits(x: Floats, count: Floats, seed: int, b: int) -> Floats:
    return np.array([_fit(row / count, count) for row in _null_counts(x, count, seed, b)])


def _null_miscalibration(p: Floats, seed: int, b: int) -> Floats:
    """MCB of outcomes drawn from p: mean (p - y)^2 - mean (fit - y)^2 = mean (p - fit)(p + fit - 2y)."""
    x, counts = np.unique(p, return_counts=True)
    count = counts.astype(float)
    true = _null_counts(x, count, seed, b)
    fits = np.array([_fit(row / count, count) for row in true])
    return np.asarray(np.sum((x - fits) * (count * (x + fits) - 2 * true), axis=1) / len(p))
