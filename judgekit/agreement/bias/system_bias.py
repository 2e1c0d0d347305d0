"""Whether a judge is for or against single systems, beyond how decisive it is.

Its win rates are people's by the beta distribution function with both parameters equal to p: above 1 it is
more decisive than people, below it hesitates. What is left of a system's win rates is the bias for it.
Source: Gera et al. (2024), "JuStRank", arXiv 2412.09569.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.arrays import aligned
from judgekit.agreement.core.estimate import Status, about, undefined
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.agreement.core.resample import Resampling, draws, ratio
from judgekit.types import Estimate


def system_bias(
    judge: npt.ArrayLike,
    people: npt.ArrayLike,
    pairs: Sequence[tuple[str, str]],
    items: Sequence[str],
    *,
    b: int = 200,
) -> tuple[Estimate, ...]:
    """Return the bias for each system (`bias_of:NAME`, in win rate) and `decisiveness`, which is p.

    `judge` and `people` have shape (n_pairs,): 1 where the first system of a pair won, 0 the second, 0.5 a
    tie, nan where nobody says; intervals are by resampled items. Below three systems, or where they meet on
    no labelled item, p takes all there is: `undefined:not_identified`.
    """
    j, h = aligned(judge=judge, people=people)
    kept = np.flatnonzero(~np.isnan(j + h)).tolist()
    turned = np.array([pairs[k][0] > pairs[k][1] for k in kept], dtype=bool)
    j, h = (np.where(turned, 1 - x[kept], x[kept]) for x in (j, h))
    ordered = [(min(pairs[k]), max(pairs[k])) for k in kept]
    met, known = sorted(set(ordered)), sorted({items[k] for k in kept})
    systems = sorted({name for pair in met for name in pair})
    base = about("system_bias", len(known), len(set(items)), unit="item", method="beta fit of win rates")
    if len(systems) < 3:
        why = "three systems, judged and labelled on the same items, are needed"
        return (undefined(base, Status.NOT_IDENTIFIED, why),)
    rows, columns = [known.index(items[k]) for k in kept], [met.index(pair) for pair in ordered]
    sums = np.zeros((3, len(known), len(met)))
    for k, x in enumerate((j, h, np.ones(len(kept)))):
        np.add.at(sums[k], (rows, columns), x)
    side = np.array([[float(pair[0] == name) - (pair[1] == name) for pair in met] for name in systems])

    def of(index: Codes) -> Floats:
        won, wins, n = sums[:, index].sum(axis=1)
        there = n > 0
        mine, theirs, sides = won[there] / n[there], wins[there] / n[there], side[:, there]
        p = _decisiveness(mine, theirs)
        return np.append(ratio(sides @ (mine - _beta(p, theirs)), np.abs(sides).sum(axis=1)), p)

    values = of(np.arange(len(known)))
    drawn = np.array([of(index) for index in draws(len(known), Resampling(b=b))])
    ends, se = np.nanquantile(drawn, [0.025, 0.975], axis=0), np.nanstd(drawn, axis=0, ddof=1)
    return tuple(
        replace(
            base, name=name, value=float(values[k]), low=float(ends[0, k]), high=float(ends[1, k]),
            se=float(se[k]), interval="percentile", seed=0,
        )
        for k, name in enumerate([*(f"bias_of:{name}" for name in systems), "decisiveness"])
    )  # fmt: skip


def _beta(p: float, x: Floats) -> Floats:
    from scipy.special import betainc

    return np.asarray(betainc(p, p, x), dtype=float)


def _decisiveness(judge: Floats, people: Floats) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_p: float(np.square(_beta(float(np.exp(log_p)), people) - judge).sum()),
        bounds=(-2.5, 2.5), method="bounded",
    )  # fmt: skip
    return float(np.exp(found.x))
