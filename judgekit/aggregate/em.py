"""Expectation and maximisation for `latent`: from a start to the nearest top of the likelihood.

Everything is a product of matrices over distinct rows of votes. Logarithms are summed, so that a
product of many probabilities cannot vanish.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.core.ratings import Codes, Floats

TINY = 1e-100
"""In the place of probability 0 under a logarithm."""
Tied = Callable[[Floats], Floats]
"""Expected counts (j, k, l) -> counts that stand for the same parameters."""


def _own(counts: Floats) -> Floats:
    return counts


def _one_coin(counts: Floats) -> Floats:
    n_labels = counts.shape[-1]
    hits = np.trace(counts, axis1=1, axis2=2)[:, None, None]
    misses = counts.sum(axis=(1, 2))[:, None, None] - hits
    eye = np.eye(n_labels)
    return np.asarray(hits * eye + np.maximum(misses, 0.0) / max(n_labels - 1, 1) * (1.0 - eye))


def _shared(counts: Floats) -> Floats:
    return np.broadcast_to(counts.sum(axis=0), counts.shape)


TIED: dict[str, Tied] = {"dawid_skene": _own, "one_coin": _one_coin, "homogeneous": _shared}


@dataclass(frozen=True, eq=False, slots=True)
class Fitted:
    """Where one start ended."""

    posterior: Floats
    prevalence: Floats
    confusion: Floats
    log_likelihood: float
    objective: float
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False, slots=True)
class Em:
    """One problem and its settings.

    Args:
        x: Shape (n_patterns, n_raters * n_labels): distinct rows of votes.
        times: Shape (n_patterns,): how many units have each.
        n_raters: How many raters.
        tied: Which parameters are equal.
        prior: Shape (n_labels, n_labels): votes added to each confusion matrix.
        tolerance: Stop when the objective gains less.
        least: Iterations made in any case.
        most: Iterations after which it gives up.
    """

    x: Floats
    times: Floats
    n_raters: int
    tied: Tied
    prior: Floats
    tolerance: float
    least: int
    most: int

    def start(self, weights: npt.NDArray[np.float64]) -> Floats:
        """Posterior (pattern, k) in which raters' votes are counted with weights."""
        votes = self.x.reshape(len(self.x), self.n_raters, -1)
        shares = np.einsum("ijl,j->il", votes, weights)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def run(self, posterior: Floats) -> Fitted:
        """From a posterior to the top of the likelihood near it."""
        before = -np.inf
        for iteration in range(1, self.most + 1):
            prevalence, confusion = self._maximised(posterior)
            flat = np.log(np.maximum(confusion, TINY)).transpose(1, 0, 2).reshape(len(prevalence), -1)
            # A label that nobody gives is no class: it must not be grown out of the floor under 0.
            classes = np.where(prevalence > 0.0, np.log(np.maximum(prevalence, TINY)), -np.inf)
            log = self.x @ flat.T + classes
            top = log.max(axis=1, keepdims=True)
            raised = np.exp(log - top)
            whole = raised.sum(axis=1, keepdims=True)
            posterior = raised / whole
            likelihood = float(self.times @ (np.log(whole) + top)[:, 0])
            objective = likelihood + float(np.sum(self.prior * np.log(np.maximum(confusion, TINY))))
            done = iteration >= self.least and abs(objective - before) < self.tolerance
            if done or iteration == self.most:
                break
            before = objective
        return Fitted(posterior, prevalence, confusion, likelihood, objective, iteration, done)

    def _maximised(self, posterior: Floats) -> tuple[Floats, Floats]:
        weighed = posterior * self.times[:, None]
        prevalence = weighed.sum(axis=0) / self.times.sum()
        n_labels = len(prevalence)
        counts = (weighed.T @ self.x).reshape(n_labels, self.n_raters, n_labels).transpose(1, 0, 2)
        counts = self.tied(counts + self.prior)
        rows = counts.sum(axis=2, keepdims=True)
        return prevalence, np.where(rows > 0.0, counts / np.where(rows > 0.0, rows, 1.0), 1.0 / n_labels)


def patterns(votes: Floats) -> tuple[Floats, Floats, Codes]:
    """Distinct rows of votes, how often each occurs, and which one each unit has."""
    flat = votes.reshape(len(votes), -1)
    mixed = flat @ np.random.default_rng(0).standard_normal(flat.shape[1])
    _, first, back, times = np.unique(mixed, return_index=True, return_inverse=True, return_counts=True)
    if np.array_equal(flat[first][back], flat):
        return flat[first], times.astype(float), back
    return flat, np.ones(len(flat)), np.arange(len(flat))  # two different rows got one number
