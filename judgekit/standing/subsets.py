"""Subsets of items to ask instead of all, with weights, and what their choice can gain at most.

A new system's answers are coin tosses for the most part: of their variance only that of the probabilities
between items can be taken away by choosing well, about a fifth. So the planner states two errors before any
call: of a random subset, and of the best there could be. Medoids of features do worse than chance.

Source: Grafstroem, Lundstroem & Schelin (2012), "Spatially balanced sampling through the pivotal method",
Biometrics 68; Polo et al. (2024), tinyBenchmarks, arXiv 2402.14992, for medoids with shares as weights.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.errors import InputError, there_are

How = Literal["stratified", "pivotal", "medoids", "information", "random"]
_ROUNDS = 50
_EDGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """Items to ask, with weights that sum to 1.

    `sd_random` is the error of the plain mean of as many random items, about the score on all, `sd_best` that
    of the best choice: what is between them is all that choosing can gain. nan where nothing is known.
    """

    ids: tuple[str, ...]
    weights: tuple[float, ...]
    how: How
    seed: int
    sd_random: float = math.nan
    sd_best: float = math.nan

    @property
    def words(self) -> str:
        """What choosing can gain, in words."""
        gain = 1 - self.sd_best / self.sd_random
        told = "what choosing can gain is not known without a bank"
        if not math.isnan(gain):
            told = (
                f"error of a random subset {self.sd_random:.3f}, of the best choice {self.sd_best:.3f}: "
                f"choosing gains {gain:.0%} at most"
            )
        return told


def chosen(
    features: Floats, k: int, how: How, *, seed: int = 0, worth: Floats | None = None
) -> tuple[Codes, Floats]:
    """Return the places of `k` items, and their weights.

    Args:
        features: Shape (n_items, n_features), finite: difficulty, answers of earlier systems, or others.
        k: How many.
        how: `stratified`: one of each of k equal strata along the first principal component; `pivotal`: near
            items exclude each other; `medoids`: the middles of k clusters, weighted by their shares;
            `information`: those that tell most of ability, which give no fair mean; `random`.
        seed: Of what is drawn.
        worth: Shape (n_items,): what each tells of ability.
    """
    n = len(features)
    if how not in get_args(How):
        raise InputError(f"how={how!r}; {there_are(how, get_args(How))}")
    if not 1 <= k <= n:
        raise InputError(f"k={k} of {n} items; say 1 to {n}")
    if how == "information" and worth is None:
        raise InputError("how='information' needs a bank, which says what an item tells")
    rng = np.random.default_rng(seed)
    equal = np.full(k, 1 / k)
    if how == "random":
        return np.sort(rng.choice(n, k, replace=False)), equal
    if how == "information" and worth is not None:
        return np.sort(np.argsort(-worth, kind="stable")[:k]), equal
    size = features.std(axis=0)
    z = (features - features.mean(axis=0)) / np.where(size > 0, size, 1.0)
    if how == "pivotal":
        return _pivotal(z, k, rng), equal
    if how == "medoids":
        return _medoids(z, k, rng)
    along = z @ np.linalg.svd(z, full_matrices=False)[2][0]
    strata = np.array_split(np.lexsort((rng.random(n), along)), k)
    return np.array([rng.choice(s) for s in strata]), np.array([len(s) / n for s in strata])


def _pivotal(z: Floats, k: int, rng: np.random.Generator) -> Codes:
    """Sample with equal probabilities, near ones in one another's stead (local pivotal method 2)."""
    p = np.full(len(z), k / len(z))
    open_ = (p > _EDGE) & (p < 1 - _EDGE)
    while open_.sum() > 1:
        there = np.flatnonzero(open_)
        i = int(rng.choice(there))
        others = there[there != i]
        j = int(others[((z[others] - z[i]) ** 2).sum(axis=1).argmin()])
        total = p[i] + p[j]
        if total < 1:  # one takes all
            wins = rng.random() < p[i] / total
            p[i], p[j] = (total, 0.0) if wins else (0.0, total)
        else:  # one is full, the other has the rest
            wins = rng.random() < (1 - p[j]) / (2 - total)
            p[i], p[j] = (1.0, total - 1) if wins else (total - 1, 1.0)
        for each in (i, j):
            open_[each] = _EDGE < p[each] < 1 - _EDGE
    return np.flatnonzero(p > 0.5)


def _medoids(z: Floats, k: int, rng: np.random.Generator) -> tuple[Codes, Floats]:
    """Cluster by squared distances: the middle of a cluster is the item nearest its mean."""
    middles = [int(rng.integers(len(z)))]
    nearest = _distances(z, z[middles])[:, 0]
    for _ in range(k - 1):  # far from the others, as k-means++ begins
        weight = np.where(np.isin(np.arange(len(z)), middles), 0.0, nearest + 1e-12)
        middles.append(int(rng.choice(len(z), p=weight / weight.sum())))
        nearest = np.minimum(nearest, _distances(z, z[middles[-1:]])[:, 0])
    at = np.array(middles)
    for _ in range(_ROUNDS):
        of = _distances(z, z[at]).argmin(axis=1)
        of[at] = np.arange(k)
        moved = at.copy()
        for c in range(k):
            own = np.flatnonzero(of == c)
            moved[c] = own[((z[own] - z[own].mean(axis=0)) ** 2).sum(axis=1).argmin()]
        if np.array_equal(moved, at):
            break
        at = moved
    of = _distances(z, z[at]).argmin(axis=1)
    of[at] = np.arange(k)
    order = np.argsort(at)
    return at[order], np.bincount(of, minlength=k)[order] / len(z)


def _distances(z: Floats, middles: Floats) -> Floats:
    return np.asarray((z**2).sum(axis=1)[:, None] - 2 * z @ middles.T + (middles**2).sum(axis=1))


def errors_of(p: Floats, weights: Floats, k: int) -> tuple[float, float]:
    """Return the errors of a random and of the best subset of `k` items, by p (n_items, n_abilities)."""
    short = (1 - k / len(p)) / k
    mean = p.mean(axis=0)
    random, best = mean * (1 - mean), (p * (1 - p)).mean(axis=0)
    return tuple(math.sqrt(float(weights @ each) * short) for each in (random, best))  # type: ignore[return-value]
