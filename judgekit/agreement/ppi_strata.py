"""PPI where the labelled units were drawn within strata, such as bins of the judge's score."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.arrays import aligned, column, within
from judgekit.agreement.bounded import Bounds, floored_se, placed
from judgekit.agreement.estimate import NOT_IDENTIFIED, TOO_FEW, undefined
from judgekit.agreement.ppi import ppi_mean
from judgekit.agreement.ratings import Codes, Floats
from judgekit.agreement.sample_check import Sampling, refusal
from judgekit.errors import InputError
from judgekit.types import Estimate


def ppi_stratified(
    labels: npt.ArrayLike,
    judged: npt.ArrayLike,
    strata: Sequence[Hashable],
    unlabelled: npt.ArrayLike,
    unlabelled_strata: Sequence[Hashable],
    *,
    sampling: Sampling,
    bounds: Bounds | None = (0.0, 1.0),
    level: float = 0.95,
) -> Estimate:
    """The mean label where each stratum was sampled at random, at whatever rate.

    PPI++ in each stratum with a lam of its own, put together by the strata's shares of all units, labelled or
    not.

    Args:
        labels: Shape (n,), people's labels as numbers; nan where missing.
        judged: Shape (n,), the judge's values of the same units; nan where missing.
        strata: The stratum of each labelled unit.
        unlabelled: Shape (N,), the judge's values of the other units; nan where missing.
        unlabelled_strata: The stratum of each unlabelled unit.
        sampling: `stratified` or `random`.
        bounds: The range of labels; None for a t interval without one.
        level: Confidence.

    Returns:
        The mean; undefined if a stratum has fewer than two labels, for then nothing is known of it.

    Raises:
        InputError: For a malformed argument, or a label out of bounds.

    Source:
        Fisch et al. (2024), "Stratified Prediction-Powered Inference", arXiv 2406.04291. The variance of the
        shares is added, since the units are a sample; degrees of freedom by Satterthwaite. With one
        stratum it is `ppi`.

    >>> ppi_stratified([1, 0], [1, 0], ["a", "b"], [1, 0], ["a", "b"], sampling="stratified").notes
    ('fewer than 2 labels in a, b; join strata or label more there',)
    """
    y, f = aligned(labels=labels, judged=judged)
    u = column(unlabelled, "unlabelled")
    if (len(strata), len(unlabelled_strata)) != (len(y), len(u)):
        raise InputError(f"{len(strata)} and {len(unlabelled_strata)} strata for {len(y)} and {len(u)} rows")
    names = list(dict.fromkeys([*strata, *unlabelled_strata]))
    place = {name: i for i, name in enumerate(names)}
    kept, kept_u = ~np.isnan(y) & ~np.isnan(f), ~np.isnan(u)
    s = np.array([place[each] for each in strata], dtype=np.intp)[kept]
    s_u = np.array([place[each] for each in unlabelled_strata], dtype=np.intp)[kept_u]
    n_all, y, f, u = len(y) + len(u), y[kept], f[kept], u[kept_u]
    if bounds is not None:
        within(y, *bounds, "labels")
    made = Estimate(
        "ppi_mean", math.nan, level=level, n_units=n_all, n_raters=2, n_used=len(y) + len(u),
        n_dropped=n_all - len(y) - len(u), method=f"ppi++ in {len(names)} strata",
    )  # fmt: skip
    if why := refusal(sampling, ("random", "stratified")):
        return undefined(made, NOT_IDENTIFIED, why)
    labelled = np.bincount(s, minlength=len(names))
    held = labelled + np.bincount(s_u, minlength=len(names))
    poor = [str(names[k]) for k in range(len(names)) if held[k] and labelled[k] < 2]
    if poor or not held.sum():
        where = f"fewer than 2 labels in {', '.join(poor)}" if poor else "no units"
        return undefined(made, TOO_FEW, f"{where}; join strata or label more there")
    return _combined(made, (y, f, u), (s, s_u), held, bounds)


def _combined(
    made: Estimate,
    data: tuple[Floats, Floats, Floats],
    strata: tuple[Codes, Codes],
    held: npt.NDArray[np.intp],
    bounds: Bounds | None,
) -> Estimate:
    (y, f, u), (s, s_u) = data, strata
    shares = held / held.sum()
    values, noise, df, lams = (np.zeros(len(held)) for _ in range(4))
    for k in np.flatnonzero(held):
        mine, others = s == k, s_u == k
        part = ppi_mean(y[mine], f[mine], u[others])
        se = floored_se(part.se, y[mine] - part.lam * f[mine], part.df + 1, bounds)
        values[k], noise[k], df[k], lams[k] = part.value, (shares[k] * se) ** 2, part.df, part.lam
    value = float(shares @ values)
    between = float(shares @ (values - value) ** 2) / held.sum()
    variance = float(noise.sum()) + between
    within_df = float(np.sum(noise[held > 0] ** 2 / df[held > 0]))
    freedom = variance**2 / within_df if within_df > 0 else float(len(y) - np.sum(held > 0))
    told = placed(made, value, math.sqrt(variance), df=freedom, n=len(y), bounds=bounds)
    return replace(told, notes=(*told.notes, "lam " + ", ".join(f"{x:.2f}" for x in lams[held > 0])))
