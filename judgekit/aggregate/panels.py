"""Panels by name: how several judges' outcomes on one question become one, for options and commands.

A fitted panel (latent classes, or weights by accuracy) is a pool with a memory: while a run asks, it
remembers the questions put to it; then it is fitted, criterion by criterion, and the same questions are
scored again. Nothing is asked for that.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judgekit.aggregate import pools, votes
from judgekit.aggregate.latent import TIED, Latent, ballots_of, fit
from judgekit.aggregate.pools import Pool, per_rater
from judgekit.aggregate.votes import Ties, weighted
from judgekit.distribution import folds_of, label_of, levels, worth
from judgekit.errors import InputError, there_are
from judgekit.scales import Scale
from judgekit.types import Outcome, Unit, Verdict


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AccuracyWeights:
    """Weights from audited accuracy, by fold of the labelled items; a pool of the outcomes on one unit.

    The weights used on a unit never come from that unit's own label: each fold is weighed by what the raters
    did on the others (`by_fold`), items without a label by all (`weights`). A weight is negative for a rater
    worse than chance; an accuracy is nan without a labelled unit.
    """

    weights: Mapping[str, float]
    accuracy: Mapping[str, float]
    n: Mapping[str, int]
    fold_of: Mapping[str, int]
    by_fold: Sequence[Mapping[str, float]]
    seed: int
    ties: Ties = "undecided"

    def of(self, unit: Unit) -> Mapping[str, float]:
        """Return the weights to use on a unit, learnt without its item."""
        fold = self.fold_of.get(unit.item_id)
        return self.weights if fold is None else self.by_fold[fold]

    def __call__(self, outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        """Return the weighted vote on one unit. A `pools.Pool`."""
        return weighted(self.of(outcomes[0].unit) if outcomes else {}, ties=self.ties)(outcomes, scale)


def accuracy_weights(
    outcomes: Iterable[Outcome],
    truth: Mapping[Unit, str],
    *,
    scale: Scale,
    folds: int = 5,
    seed: int = 0,
    ties: Ties = "undecided",
) -> AccuracyWeights:
    """Return log-odds weights of raters on one criterion, from units with a trusted label.

    A weight is log of (K - 1) a / (1 - a) for accuracy a, which is 0 at chance; K is how many labels the
    truth has, since a label that is never right is no part of chance. One right vote and K - 1 wrong ones are
    added, so that no weight is infinite and a rater without a labelled unit weighs 0. Fewer than two labelled
    items with a verdict are an InputError.

    Source: Nitzan and Paroush (1982), "Optimal Decision Rules in Uncertain Dichotomous Choice Situations",
    International Economic Review 23; for K labels on the assumption that wrong ones are equally likely.
    """
    for label in truth.values():
        worth(scale, label)
    n_labels = max(2, len(set(truth.values())))
    right = _marked(outcomes, truth, scale)
    raters = sorted(right)
    items = sorted({unit.item_id for own in right.values() for unit in own})
    if len(items) < 2:
        raise InputError(
            f"{len(items)} labelled items have a verdict; accuracy weights need two or more, so that no "
            "unit is weighed by its own label"
        )
    fold_of = folds_of(items, folds, seed)
    n_folds = max(fold_of.values()) + 1
    by_fold = [
        {
            r: _weight([hit for u, hit in right[r].items() if fold_of[u.item_id] != k], n_labels)
            for r in raters
        }
        for k in range(n_folds)
    ]
    everything = {r: _weight(list(right[r].values()), n_labels) for r in raters}
    n = {r: len(right[r]) for r in raters}
    accuracy = {r: sum(right[r].values()) / n[r] if n[r] else math.nan for r in raters}
    return AccuracyWeights(
        weights=everything, accuracy=accuracy, n=n, fold_of=fold_of, by_fold=by_fold, seed=seed, ties=ties
    )


def _marked(
    outcomes: Iterable[Outcome], truth: Mapping[Unit, str], scale: Scale
) -> dict[str, dict[Unit, bool]]:
    """Return rater -> labelled unit -> whether it gave the trusted label."""
    by_unit: dict[Unit, list[Outcome]] = {}
    right: dict[str, dict[Unit, bool]] = {}
    for outcome in outcomes:
        right.setdefault(outcome.rater, {})
        if outcome.unit in truth:
            by_unit.setdefault(outcome.unit, []).append(outcome)
    for unit, some in by_unit.items():
        for one in per_rater(some, scale):
            if isinstance(one, Verdict):
                right[one.rater][unit] = label_of(scale, one.probs) == truth[unit]
    return right


def _weight(hits: Sequence[bool], n_labels: int) -> float:
    right, wrong = sum(hits) + 1.0, len(hits) - sum(hits) + n_labels - 1.0
    return math.log((n_labels - 1.0) * right / wrong)


ACCURACY = "accuracy"
FITTED: Mapping[str, int] = {**dict.fromkeys(TIED, 3), ACCURACY: 2}
"""Name of a fitted panel -> the fewest judges that it needs."""
Truth = Mapping[tuple[Unit, str], str]
"""Question (unit, criterion) -> the label people gave."""


class FittedPanel:
    """A pool that remembers what it is asked until it is fitted, and then decides."""

    def __init__(self, name: str, judges: Sequence[str], scales: Mapping[str, Scale]) -> None:
        self.name, self._criteria = name, tuple(scales)
        self._truth: Truth = {}
        self._asked: dict[tuple[Unit, str], tuple[Sequence[Outcome], Scale]] = {}
        self._pools: dict[str, Latent | AccuracyWeights | None] = {}
        self._lost: dict[str, str] = {}
        if len(judges) < FITTED[name]:
            raise InputError(
                f"panel {name!r} needs {FITTED[name]} judges and has {len(judges)}; name more, or use 'mean'"
            )
        for scale in scales.values():
            levels(scale)

    def know(self, truth: Truth) -> None:
        """Take labels by people, which `accuracy` needs; InputError below two items a criterion."""
        self._truth = truth
        for criterion in self._criteria:
            items = {unit.item_id for unit, about in truth if about == criterion}
            if len(items) < 2:
                raise InputError(
                    f"panel 'accuracy' needs labels on two items or more, and {criterion!r} has them on "
                    f"{len(items)}; label more, or take 'dawid_skene', which needs none"
                )

    def __call__(self, outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        """Return the panel's outcome on one question; before the fit the mean, for the time being."""
        one = outcomes[0]
        if not self._pools:
            self._asked[one.unit, one.criterion] = outcomes, scale
            return pools.mean(outcomes, scale)
        pool: Pool | None = self._pools.get(one.criterion)
        if pool is None:
            return pools.withheld(outcomes, f"{self.name}: {self._lost.get(one.criterion, 'not fitted')}")
        return pool(outcomes, scale)

    def fit(self) -> None:
        """Fit it to all that it was asked."""
        asked: dict[str, list[Outcome]] = {}
        scales: dict[str, Scale] = {}
        for (_, criterion), (outcomes, scale) in self._asked.items():
            asked.setdefault(criterion, []).extend(outcomes)
            scales[criterion] = scale
        self._asked = {}
        for criterion, outcomes in asked.items():
            scale = scales[criterion]
            try:
                if self.name == ACCURACY:
                    known = {
                        unit: label for (unit, about), label in self._truth.items() if about == criterion
                    }
                    self._pools[criterion] = accuracy_weights(outcomes, known, scale=scale)
                else:
                    ballots = ballots_of(outcomes, scale)
                    self._pools[criterion] = fit(ballots, model=self.name)  # type: ignore[arg-type]  # FITTED
            except InputError as error:  # such as labelled items that no judge answered: it abstains
                self._pools[criterion], self._lost[criterion] = None, str(error)

    def summary(self) -> dict[str, Any]:
        """Return what was fitted: by criterion the status, and how often each judge is right."""
        return {
            "panel": self.name,
            "criteria": {name: self._told(name, pool) for name, pool in self._pools.items()},
        }

    def _told(self, criterion: str, pool: Latent | AccuracyWeights | None) -> dict[str, Any]:
        if pool is None:
            return {"status": "undefined:not_fitted", "accuracy": {}, "notes": [self._lost[criterion]]}
        accuracy = {name: None if math.isnan(share) else share for name, share in pool.accuracy.items()}
        if isinstance(pool, AccuracyWeights):
            notes = [f"weights from {max(pool.n.values())} labelled units, each weighed without its own item"]
            return {"status": "ok", "accuracy": accuracy, "notes": notes}
        return {"status": pool.status, "accuracy": accuracy, "notes": list(pool.notes)}


PANELS: Mapping[str, Pool] = {
    "mean": pools.mean,
    "median": pools.median,
    "trimmed_mean": pools.trimmed_mean(0.2),
    "log_pool": pools.log_pool(),
    "majority": votes.strict_majority,
    "plurality": votes.plurality,
    "unanimous": votes.unanimous,
    "conservative": votes.conservative,
    "confidence": pools.confidence_weighted,
}


def pool_of(panel: str | Pool, *, min_judges: int = 1) -> Pool:
    """Return the pool of a name, or the pool itself, abstaining below a number of judges.

    >>> pool_of("mean") is pools.mean
    True
    """
    if min_judges < 1:
        raise InputError(f"min_judges={min_judges}; at least 1")
    if isinstance(panel, str):
        if panel not in PANELS:
            raise InputError(f"no panel {panel!r}; {there_are(panel, [*PANELS, *FITTED])}")
        panel = PANELS[panel]
    return panel if min_judges == 1 else pools.minimum(panel, min_judges)
