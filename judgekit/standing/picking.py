"""Adaptive picking: which item to ask next, given what was answered, by what it would tell for its cost.

P(right) = logistic(a . theta + c), theta normal beforehand. The next item is the one with the largest
log(1 + p (1 - p) a' L^-1 a) / cost^gamma, L the precision of theta so far; with one ability and no costs
that is the most informative item, as in Fluid Benchmarking. It measures ability with a quarter of the items
that chance needs; their plain mean foretells no score.

Source: Hofmann et al. (2025), Fluid Benchmarking, whose paths it follows to 1e-6, with an exact posterior in
place of its clipping, and a prior from the systems that calibrated the bank in place of N(0, 1).
"""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np

from judgekit.agreement.core.ratings import Floats
from judgekit.errors import InputError

Answer = float | None
"""How right an answer was, from 0 to 1; None where there is none: the item is spent, nothing is learnt."""


class Known(NamedTuple):
    """What is known of abilities: the mode `at` (D,), the `precision` (D, D) there."""

    at: Floats
    precision: Floats

    @property
    def sd(self) -> float:
        """The largest standard deviation of an ability."""
        return float(np.sqrt(np.diag(np.linalg.inv(self.precision)).max()))


def most_probable(
    slope: Floats, level: Floats, answers: Floats, prior: Known, start: Floats | None = None
) -> Known:
    """Return the mode of abilities after `answers` (k,) to items of `slope` (k, D) and `level` (k,).

    Newton's method, each step at most one unit long; the objective is concave, so that it arrives.
    """
    at = prior.at if start is None else start
    for _ in range(100):
        p = _right(slope, level, at)
        gradient = slope.T @ (answers - p) - prior.precision @ (at - prior.at)
        precision = prior.precision + (slope * (p * (1 - p))[:, None]).T @ slope
        step = np.linalg.solve(precision, gradient)
        length = float(np.sqrt(step @ step))
        at = at + step / max(length, 1.0)
        if length < 1e-10:
            break
    p = _right(slope, level, at)
    return Known(at, prior.precision + (slope * (p * (1 - p))[:, None]).T @ slope)


def _right(slope: Floats, level: Floats, at: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(slope @ at + level))))


def worth(slope: Floats, level: Floats, known: Known) -> Floats:
    """Return what an answer to each item would tell: the fall of the entropy of theta, twice."""
    p = _right(slope, level, known.at)
    spread = np.einsum("jd,de,je->j", slope, np.linalg.inv(known.precision), slope)
    return np.asarray(np.log1p(p * (1 - p) * spread))


def picks(
    slope: Floats,
    level: Floats,
    prior: Known,
    *,
    cost: Floats | None = None,
    gamma: float = 0.0,
    until_sd: float = 0.0,
    most: int | None = None,
    budget: float | None = None,
    top: int = 1,
    dispersion: float = 1.0,
    seed: int = 0,
) -> Generator[int, Answer, Known]:
    """Yield the place of the next item, be sent how right its answer was, and return what is known.

    Args:
        slope: Shape (n_items, D), of the items that may be picked.
        level: Shape (n_items,).
        prior: Of the abilities, before any answer.
        cost: Shape (n_items,), above 0; all 1 where left out.
        gamma: How much a cost weighs: 0 not at all, 1 tells most for the money.
        until_sd: Ends where every ability is known to this standard deviation.
        most: Ends after so many items.
        budget: Ends before the sum of costs would exceed it.
        top: Draws from so many of the best items, so that not everybody gets the same ones first.
        dispersion: Of answers between right and wrong, as a share of p (1 - p).
        seed: Of what is drawn.
    """
    paid = np.ones(len(level)) if cost is None else np.asarray(cost, dtype=float)
    if not np.all(paid > 0):
        raise InputError(
            f"a cost is above 0, not {paid[~(paid > 0)][0]:g}; one that is free has any small cost"
        )
    rng = np.random.default_rng(seed)
    open_, asked, answers = np.ones(len(level), dtype=bool), list[int](), list[float]()
    known, spent, scale = prior, 0.0, paid**-gamma
    divided = Known(prior.at, prior.precision * dispersion)  # a quasi-likelihood is divided by its dispersion
    for _ in range(len(level) if most is None else min(most, len(level))):
        within = open_ if budget is None else open_ & (spent + paid <= budget)
        if known.sd <= until_sd or not within.any():
            break
        value = np.where(within, worth(slope, level, known) * scale, -1.0)
        best = int(value.argmax())  # the first of equal ones
        if top > 1:
            best = int(rng.choice(np.argsort(-value, kind="stable")[: min(top, int(within.sum()))]))
        answer = yield best
        open_[best] = False
        spent += float(paid[best])
        if answer is not None:
            asked.append(best)
            answers.append(answer)
            found = most_probable(slope[asked], level[asked], np.array(answers), divided, known.at)
            known = Known(found.at, found.precision / dispersion)
    return known
