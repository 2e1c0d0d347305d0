"""Latent classes (Dawid and Skene): what the units are, and how each rater errs, from the votes alone.

Given the truth, raters err independently here. That is false for language models, so the fitted accuracies
are too good: check them on units that people have labelled. A verdict is a vote spread over the labels by its
probabilities. Sums are of logarithms, since a product of many probabilities would vanish.

Notation: i unit, j rater, k true label, l label said; `posterior` (i, k), `prevalence` (k,), `confusion` (j,
k, l).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from judgekit.aggregate.pools import PANEL, answered, pooled, withheld
from judgekit.agreement.core.estimate import Status
from judgekit.agreement.core.ratings import Codes, Floats
from judgekit.calibration.orders import balance
from judgekit.distribution import commonest_reason, levels, mean_of, settled
from judgekit.errors import InputError
from judgekit.scales import Scale
from judgekit.types import Abstention, Outcome, Reason, Unit, Verdict

Model = Literal["dawid_skene", "one_coin", "homogeneous"]
Repeats = Literal["average", "count"]
LABEL_SWITCHING = "unstable:label_switching"
TINY = 1e-100
"""In the place of probability 0 under a logarithm."""
_LEAST, _MOST = 50, 10_000  # iterations; implementations that stop at the first small gain stop early
_TOLERANCE = 1e-9  # of log-likelihood gained by one more
Tied = Callable[[Floats], Floats]
"""Expected counts (j, k, l) -> counts that stand for the same parameters."""
_INDEPENDENCE = "raters are taken to err independently; judges that share mistakes look too accurate"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Ballots:
    """Soft votes (unit, rater, label) on one criterion, and why nobody voted on a unit."""

    criterion: str
    scale: Scale
    labels: tuple[str, ...]
    units: tuple[Unit, ...]
    raters: tuple[str, ...]
    votes: Floats
    reasons: dict[Unit, Reason]


def ballots_of(outcomes: Iterable[Outcome], scale: Scale, *, repeats: Repeats = "average") -> Ballots:
    """Return the votes in outcomes on one criterion; samples and orders may repeat.

    With `average` one judge has one vote on a unit however often it was asked (orders balanced first),
    because its repeats are no independent judges; with `count` each repeat is a vote.
    """
    cells: dict[tuple[Unit, str], list[Outcome]] = {}
    criteria = set()
    for outcome in outcomes:
        cells.setdefault((outcome.unit, outcome.rater), []).append(outcome)
        criteria.add(outcome.criterion)
    if len(criteria) != 1:
        raise InputError(f"ballots are of one criterion, and the outcomes are on {sorted(criteria)}")
    labels = levels(scale)
    units = sorted({unit for unit, _ in cells}, key=lambda u: (u.item_id, u.responses, u.part))
    raters = sorted({rater for _, rater in cells})
    row, column = {u: i for i, u in enumerate(units)}, {r: j for j, r in enumerate(raters)}
    code = {label: k for k, label in enumerate(labels)}
    places: list[tuple[int, int, int]] = []
    shares: list[float] = []
    for (unit, rater), own in cells.items():
        once = len(own) > 1 and repeats == "average"
        for verdict in (balance(own, scale=scale),) if once else own:
            for label, p in verdict.probs if isinstance(verdict, Verdict) else ():
                if label not in code:
                    raise InputError(f"label {label!r} by {rater!r} is not on the scale {list(code)}")
                places.append((row[unit], column[rater], code[label]))
                shares.append(p)
    votes = np.zeros((len(units), len(raters), len(labels)))
    np.add.at(votes, tuple(np.array(places, dtype=np.intp).reshape(-1, 3).T), np.array(shares, dtype=float))
    silent = votes.sum(axis=(1, 2)) == 0
    reasons = _reasons(cells, {unit for unit, none in zip(units, silent, strict=True) if none})
    return Ballots(
        criterion=criteria.pop(), scale=scale, labels=labels, units=tuple(units), raters=tuple(raters),
        votes=votes, reasons=reasons,
    )  # fmt: skip


def _reasons(cells: dict[tuple[Unit, str], list[Outcome]], silent: set[Unit]) -> dict[Unit, Reason]:
    lost: dict[Unit, list[Outcome]] = {}
    if silent:
        for (unit, _), own in cells.items():
            if unit in silent:
                lost.setdefault(unit, []).extend(own)
    return {unit: commonest_reason(own) for unit, own in lost.items()}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Latent:
    """A fitted latent-class model, which is also a pool for units it has not seen.

    Every number is nan where the status is `undefined:not_identified` or `undefined:no_variation`; it is
    `unstable:label_switching` if raters say the true label no more often than chance. A posterior is nan
    where nobody voted; the log-likelihood is natural.
    """

    ballots: Ballots
    model: Model
    posterior: Floats
    prevalence: Floats
    confusion: Floats
    log_likelihood: float
    iterations: int
    converged: bool
    status: str
    notes: tuple[str, ...]

    @property
    def accuracy(self) -> dict[str, float]:
        """Rater -> probability of saying the true label, by the model."""
        diagonal = np.einsum("jkk,k->j", self.confusion, self.prevalence)
        return dict(zip(self.ballots.raters, diagonal.tolist(), strict=True))

    def verdicts(self) -> tuple[Outcome, ...]:
        """Return the panel's outcome on each unit fitted; `undecided` where nothing is identified."""
        outcomes: list[Outcome] = []
        votes = self.ballots
        for unit, row in zip(votes.units, self.posterior.tolist(), strict=True):
            if reason := votes.reasons.get(unit):
                outcomes.append(Abstention(PANEL, unit, votes.criterion, reason, "no vote"))
            elif row[0] != row[0]:
                outcomes.append(self._undecided(unit))
            else:
                probs, label, value = settled(votes.scale, dict(zip(votes.labels, row, strict=True)))
                verdict = Verdict(
                    rater=PANEL, unit=unit, criterion=votes.criterion, probs=probs, label=label, value=value,
                    source="sample", flags=(self.model,),
                )  # fmt: skip
                outcomes.append(verdict)
        return tuple(outcomes)

    def _undecided(self, unit: Unit) -> Abstention:
        return Abstention(PANEL, unit, self.ballots.criterion, "undecided", f"{self.model}: {self.status}")

    def __call__(self, outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        """Return the panel's outcome on a unit, with what was learnt of the raters. A `pools.Pool`."""
        verdicts = answered(outcomes)
        if not verdicts:
            return withheld(outcomes)
        if self.status.startswith("undefined"):
            return self._undecided(outcomes[0].unit)
        raters, labels = self.ballots.raters, self.ballots.labels
        log = np.log(np.maximum(self.prevalence, TINY))
        for v in verdicts:
            if v.rater not in raters:
                raise InputError(f"rater {v.rater!r} was not among those fitted, {list(raters)}")
            given = mean_of([dict(v.probs)])
            said = np.array([given.get(label, 0.0) for label in labels])
            log = log + np.log(np.maximum(self.confusion[raters.index(v.rater)], TINY)) @ said
        weights = np.exp(log - log.max()).tolist()
        return pooled(outcomes, verdicts, scale, dict(zip(labels, weights, strict=True)), (self.model,))


def fit(ballots: Ballots, *, model: Model = "dawid_skene", starts: int = 5, seed: int = 0) -> Latent:
    """Return the latent-class model of votes of most likelihood, by expectation and maximisation.

    The first start is the share of votes; each further one weighs the raters at random. The best likelihood
    wins, the first of those that are equal. With fewer than 3 raters that share units, or fewer votes than
    parameters, the model is not identified, and every number is nan.

    Source: Dawid and Skene (1979), "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
    Algorithm", Applied Statistics 28. Checked against the prevalence and error rates printed there.
    """
    if model not in TIED:
        raise InputError(f"no latent-class model {model!r}; there are {list(TIED)}")
    if starts < 1:
        raise InputError(f"starts {starts} must be 1 or more")
    shape = ballots.votes.shape
    voted = ballots.votes.sum(axis=(1, 2)) > 0.0
    status, notes = identified(ballots, model)
    if status != "ok":
        nan = np.full((shape[1], shape[2], shape[2]), np.nan)
        return Latent(
            ballots=ballots, model=model, posterior=np.full(shape[::2], np.nan), prevalence=nan[0, 0],
            confusion=nan, log_likelihood=float("nan"), iterations=0, converged=False,
            status=status, notes=notes,
        )  # fmt: skip
    x, times, back = patterns(ballots.votes[voted])
    em = Em(x, times, shape[1], TIED[model])
    best = first = em.run(em.start(np.ones(shape[1])))
    rng = np.random.default_rng(seed)
    for _ in range(starts - 1):
        other = em.run(em.start(rng.exponential(size=(shape[1],))))
        if other.log_likelihood > best.log_likelihood + 1e-6:
            best = other
    if best is not first:
        gain = best.log_likelihood - first.log_likelihood
        notes = (*notes, f"another start than the share of votes won, by {gain:.3g} of log-likelihood")
    posterior = np.full(shape[::2], np.nan)
    posterior[voted] = best.posterior[back]
    if is_switched(best.prevalence, best.confusion):
        status = LABEL_SWITCHING
    return Latent(
        ballots=ballots, model=model, posterior=posterior, prevalence=best.prevalence,
        confusion=best.confusion, log_likelihood=best.log_likelihood, iterations=best.iterations,
        converged=best.converged, status=status, notes=notes,
    )  # fmt: skip


def identified(ballots: Ballots, model: Model) -> tuple[str, tuple[str, ...]]:
    """Return the status of a model on votes, and notes: whether they can tell its parameters."""
    cast = ballots.votes.sum(axis=2) > 0.0
    raters, used = int((cast.any(axis=0)).sum()), int((ballots.votes.sum(axis=(0, 1)) > 0.0).sum())
    if used < 2:
        return Status.NO_VARIATION, (f"{used} label in use; with no variation, right and wrong look alike",)
    shared = cast.T.astype(float) @ cast
    together = _reach(shared[cast.any(axis=0)][:, cast.any(axis=0)] > 0.0)
    if together < 3:
        note = f"{raters} raters voted, {together} of them on units they share; 3 are needed"
        return Status.NOT_IDENTIFIED, (note,)
    free = {"dawid_skene": raters * used * (used - 1), "one_coin": raters, "homogeneous": used * (used - 1)}
    parameters, n_votes = free[model] + used - 1, int(cast.sum())
    if n_votes < parameters:
        return Status.NOT_IDENTIFIED, (f"{n_votes} votes for {parameters} parameters",)
    return "ok", (_INDEPENDENCE,)


def _reach(linked: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """Return the size of the largest group of raters joined by shared units."""
    closed = linked.astype(float)
    for _ in range(len(linked).bit_length()):
        closed = (closed @ closed > 0.0).astype(float)
    return int(closed.sum(axis=1).max())


def is_switched(prevalence: Floats, confusion: Floats) -> bool:
    """Tell whether raters say the true label no more often than chance: labels may have changed names.

    >>> is_switched(np.array([0.5, 0.5]), np.array([[[0.1, 0.9], [0.8, 0.2]]] * 3))
    True
    """
    there = prevalence > 1e-6
    diagonal = np.einsum("jkk->jk", confusion)[:, there]
    return bool(diagonal.mean() <= 1.0 / max(int(there.sum()), 1))


def _one_coin(counts: Floats) -> Floats:
    n_labels = counts.shape[-1]
    hits = np.trace(counts, axis1=1, axis2=2)[:, None, None]
    misses = counts.sum(axis=(1, 2))[:, None, None] - hits
    eye = np.eye(n_labels)
    return np.asarray(hits * eye + np.maximum(misses, 0.0) / max(n_labels - 1, 1) * (1.0 - eye))


def _shared(counts: Floats) -> Floats:
    return np.broadcast_to(counts.sum(axis=0), counts.shape)


TIED: dict[str, Tied] = {"dawid_skene": lambda counts: counts, "one_coin": _one_coin, "homogeneous": _shared}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Fitted:
    """Where one start ended."""

    posterior: Floats
    prevalence: Floats
    confusion: Floats
    log_likelihood: float
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False, slots=True)
class Em:
    """One problem: distinct rows of votes, (pattern, rater * label), counted by `times`."""

    x: Floats
    times: Floats
    n_raters: int
    tied: Tied

    def start(self, weights: npt.NDArray[np.float64]) -> Floats:
        """Return the posterior (pattern, k) in which raters' votes are counted with weights."""
        votes = self.x.reshape(len(self.x), self.n_raters, -1)
        shares = np.einsum("ijl,j->il", votes, weights)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def run(self, posterior: Floats) -> Fitted:
        """Climb from a posterior to the top of the likelihood near it."""
        before = -np.inf
        for iteration in range(1, _MOST + 1):
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
            done = iteration >= _LEAST and abs(likelihood - before) < _TOLERANCE
            if done or iteration == _MOST:
                break
            before = likelihood
        return Fitted(
            posterior=posterior, prevalence=prevalence, confusion=confusion, log_likelihood=likelihood,
            iterations=iteration, converged=done,
        )  # fmt: skip

    def _maximised(self, posterior: Floats) -> tuple[Floats, Floats]:
        weighed = posterior * self.times[:, None]
        prevalence = weighed.sum(axis=0) / self.times.sum()
        n_labels = len(prevalence)
        counts = (weighed.T @ self.x).reshape(n_labels, self.n_raters, n_labels).transpose(1, 0, 2)
        counts = self.tied(counts)
        rows = counts.sum(axis=2, keepdims=True)
        return prevalence, np.where(rows > 0.0, counts / np.where(rows > 0.0, rows, 1.0), 1.0 / n_labels)


def patterns(votes: Floats) -> tuple[Floats, Floats, Codes]:
    """Return distinct rows of votes, how often each occurs, and which one each unit has."""
    flat = votes.reshape(len(votes), -1)
    mixed = flat @ np.random.default_rng(0).standard_normal(flat.shape[1])
    _, first, back, times = np.unique(mixed, return_index=True, return_inverse=True, return_counts=True)
    if np.array_equal(flat[first][back], flat):
        return flat[first], times.astype(float), back
    return flat, np.ones(len(flat)), np.arange(len(flat))  # two different rows got one number
