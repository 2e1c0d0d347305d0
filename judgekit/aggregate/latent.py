"""Latent classes: what the units are, and how each rater errs, from the votes alone.

Dawid and Skene's model: every unit has one true label; a rater who meets label k says l with the
probability confusion[k, l]; given the truth, raters err independently. That last is false for language
models, which share their mistakes, so the fitted accuracies are too good: check them on units that
people have labelled.

Notation: i unit, j rater, k true label, l label said; `posterior` is (i, k), `prevalence` (k,),
`confusion` (j, k, l). Equal rows of votes are counted once with their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from judgekit.aggregate.ballots import Ballots, shares_of
from judgekit.aggregate.em import TIED, TINY, Em, patterns
from judgekit.aggregate.pools import PANEL, answered, panel_flags, withheld
from judgekit.agreement.core.estimate import NO_VARIATION, NOT_IDENTIFIED
from judgekit.agreement.core.ratings import Floats
from judgekit.distribution import common_source, joined, settled
from judgekit.errors import InputError
from judgekit.scales import Scale
from judgekit.types import Abstention, Outcome, Verdict

Model = Literal["dawid_skene", "one_coin", "homogeneous"]
LABEL_SWITCHING = "unstable:label_switching"
_INDEPENDENCE = "raters are taken to err independently; judges that share mistakes look too accurate"


@dataclass(frozen=True, eq=False, slots=True)
class Latent:
    """A fitted latent-class model, which is also a pool for units it has not seen.

    Args:
        ballots: What it was fitted to.
        model: `dawid_skene` (a confusion matrix a rater), `one_coin` (an accuracy a rater) or
            `homogeneous` (one matrix for all).
        posterior: Shape (n_units, n_labels); nan where nobody voted.
        prevalence: Shape (n_labels,).
        confusion: Shape (n_raters, n_labels, n_labels): true label, label said.
        log_likelihood: Natural logarithm, without the prior of the smoothing.
        iterations: Of the start that won.
        converged: Whether it stopped by the tolerance.
        starts: How many starts were tried.
        seed: Of the starts.
        status: `ok`; `undefined:not_identified` or `undefined:no_variation`, with nan for every number;
            `unstable:label_switching` if raters say the true label no more often than chance.
        notes: What a reader should know.
    """

    ballots: Ballots
    model: Model
    posterior: Floats
    prevalence: Floats
    confusion: Floats
    log_likelihood: float
    iterations: int
    converged: bool
    starts: int
    seed: int
    status: str
    notes: tuple[str, ...]

    @property
    def accuracy(self) -> dict[str, float]:
        """Rater -> probability of saying the true label, by the model."""
        diagonal = np.einsum("jkk,k->j", self.confusion, self.prevalence)
        return dict(zip(self.ballots.raters, diagonal.tolist(), strict=True))

    def verdicts(self) -> tuple[Outcome, ...]:
        """The panel's outcome on each unit fitted; all `undecided` where the model is not identified."""
        flags = (self.model,)
        outcomes: list[Outcome] = []
        for unit, row in zip(self.ballots.units, self.posterior.tolist(), strict=True):
            if reason := self.ballots.reasons.get(unit):
                outcomes.append(Abstention(PANEL, unit, self.ballots.criterion, reason, "no vote"))
            elif row[0] != row[0]:
                outcomes.append(
                    Abstention(
                        PANEL, unit, self.ballots.criterion, "undecided", f"{self.model}: {self.status}"
                    )
                )
            else:
                probs, label, value = settled(
                    self.ballots.scale, dict(zip(self.ballots.labels, row, strict=True))
                )
                outcomes.append(
                    Verdict(PANEL, unit, self.ballots.criterion, probs, label, value, "sample", flags=flags)
                )
        return tuple(outcomes)

    def __call__(self, outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        """The panel's outcome on a unit, with what was learnt of the raters. A `pools.Pool`.

        Raises:
            InputError: If a rater was not among those fitted.
        """
        verdicts = answered(outcomes)
        if not verdicts:
            return withheld(outcomes)
        if self.status.startswith("undefined"):
            only = outcomes[0]
            return Abstention(PANEL, only.unit, only.criterion, "undecided", f"{self.model}: {self.status}")
        log = np.log(np.maximum(self.prevalence, TINY))
        for v in verdicts:
            if v.rater not in self.ballots.raters:
                raise InputError(f"rater {v.rater!r} was not among those fitted, {list(self.ballots.raters)}")
            said = shares_of([v], self.ballots.labels)
            log = log + np.log(np.maximum(self.confusion[self.ballots.raters.index(v.rater)], TINY)) @ said
        weights = np.exp(log - log.max())
        return joined(
            verdicts, scale, dict(zip(self.ballots.labels, weights.tolist(), strict=True)), rater=PANEL,
            source=common_source(verdicts), flags=(self.model, *panel_flags(outcomes, len(verdicts))),
        )  # fmt: skip


def fit(
    ballots: Ballots,
    *,
    model: Model = "dawid_skene",
    starts: int = 5,
    seed: int = 0,
    smoothing: float = 0.0,
    tolerance: float = 1e-9,
    least: int = 50,
    most: int = 10_000,
) -> Latent:
    """The latent-class model of votes, by expectation and maximisation.

    Args:
        ballots: The votes (`ballots_of`).
        model: `dawid_skene`, `one_coin` or `homogeneous`.
        starts: The first start is the share of votes; each further one weighs the raters at random. The
            best likelihood wins, the first of those that are equal.
        seed: Of the further starts.
        smoothing: Votes added to each row of each confusion matrix before it is scaled, half of them on
            the diagonal and half spread over all labels; 0 gives the maximum likelihood.
        tolerance: Stop when the likelihood gains less than this.
        least: Iterations made in any case; implementations that stop at the first small gain stop early.
        most: Iterations after which it gives up, with `converged` false.

    Returns:
        The fitted model. With fewer than 3 raters that share units, or fewer votes than parameters, it
        is not identified, and every number is nan.

    Raises:
        InputError: For an unknown model, or settings below their least.

    Source:
        Dawid and Skene (1979), "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
        Algorithm", Applied Statistics 28. Checked against the prevalence and error rates printed there.
    """
    if model not in TIED:
        raise InputError(f"no latent-class model {model!r}; there are {list(TIED)}")
    if starts < 1 or least < 1 or smoothing < 0.0:
        raise InputError(
            f"starts {starts} and least {least} must be 1 or more, smoothing {smoothing} not negative"
        )
    shape = ballots.votes.shape
    voted = ballots.votes.sum(axis=(1, 2)) > 0.0
    status, notes = identified(ballots, model)
    if status != "ok":
        nan = np.full((shape[1], shape[2], shape[2]), np.nan)
        return Latent(
            ballots, model, np.full(shape[::2], np.nan), nan[0, 0], nan, float("nan"), 0, False, 0, seed,
            status, notes,
        )  # fmt: skip
    x, times, back = patterns(ballots.votes[voted])
    prior = smoothing * (0.5 * np.eye(shape[2]) + 0.5 / shape[2])
    em = Em(x, times, shape[1], TIED[model], prior, tolerance, least, most)
    best = first = em.run(em.start(np.ones(shape[1])))
    rng = np.random.default_rng(seed)
    for _ in range(starts - 1):
        other = em.run(em.start(rng.exponential(size=(shape[1],))))
        if other.objective > best.objective + 1e-6:
            best = other
    if best is not first:
        gain = best.objective - first.objective
        notes = (*notes, f"another start than the share of votes won, by {gain:.3g} of log-likelihood")
    posterior = np.full(shape[::2], np.nan)
    posterior[voted] = best.posterior[back]
    if is_switched(best.prevalence, best.confusion):
        status = LABEL_SWITCHING
    return Latent(
        ballots, model, posterior, best.prevalence, best.confusion, best.log_likelihood, best.iterations,
        best.converged, starts, seed, status, notes,
    )  # fmt: skip


def identified(ballots: Ballots, model: Model) -> tuple[str, tuple[str, ...]]:
    """Whether votes can tell a model's parameters: its status, and notes."""
    cast = ballots.votes.sum(axis=2) > 0.0
    raters, used = int((cast.any(axis=0)).sum()), int((ballots.votes.sum(axis=(0, 1)) > 0.0).sum())
    if used < 2:
        return NO_VARIATION, (f"{used} label in use; with no variation, right and wrong look alike",)
    shared = cast.T.astype(float) @ cast
    together = _reach(shared[cast.any(axis=0)][:, cast.any(axis=0)] > 0.0)
    if together < 3:
        note = f"{raters} raters voted, {together} of them on units they share; 3 are needed"
        return NOT_IDENTIFIED, (note,)
    free = {
        "dawid_skene": raters * used * (used - 1),
        "one_coin": raters,
        "homogeneous": used * (used - 1),
    }
    parameters, n_votes = free[model] + used - 1, int(cast.sum())
    if n_votes < parameters:
        return NOT_IDENTIFIED, (f"{n_votes} votes for {parameters} parameters",)
    return "ok", (_INDEPENDENCE,)


def _reach(linked: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """Size of the largest group of raters joined by shared units."""
    closed = linked.astype(float)
    for _ in range(len(linked).bit_length()):
        closed = (closed @ closed > 0.0).astype(float)
    return int(closed.sum(axis=1).max())


def is_switched(prevalence: Floats, confusion: Floats) -> bool:
    """Whether raters say the true label no more often than chance: the labels may have changed names.

    >>> is_switched(np.array([0.5, 0.5]), np.array([[[0.1, 0.9], [0.8, 0.2]]] * 3))
    True
    """
    there = prevalence > 1e-6
    diagonal = np.einsum("jkk->jk", confusion)[:, there]
    return bool(diagonal.mean() <= 1.0 / max(int(there.sum()), 1))
