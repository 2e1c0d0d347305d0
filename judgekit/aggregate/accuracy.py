"""Weights from audited accuracy: a rater's vote counts by the log-odds of its being right.

The weights used on a unit never come from that unit's own label: labelled items are dealt into folds,
and each fold is weighed by what the raters did on the others.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from judgekit.aggregate.pools import per_rater
from judgekit.aggregate.votes import Ties, weighted
from judgekit.distribution import label_of, worth
from judgekit.errors import InputError
from judgekit.scales import Scale
from judgekit.types import Outcome, Unit, Verdict


@dataclass(frozen=True, eq=False, slots=True)
class AccuracyWeights:
    """Weights by fold; a pool, to be called with the outcomes on one unit.

    Args:
        weights: Rater -> weight from all labels, for items that have none. Negative for a rater worse
            than chance.
        accuracy: Rater -> share of labelled units on which it gave the trusted label; nan without one.
        n: Rater -> on how many labelled units it voted.
        fold_of: Labelled item -> its fold.
        by_fold: For each fold the weights from the others.
        seed: That the items were dealt with.
        ties: What is done where two labels weigh the same (`votes.weighted`).
    """

    weights: Mapping[str, float]
    accuracy: Mapping[str, float]
    n: Mapping[str, int]
    fold_of: Mapping[str, int]
    by_fold: Sequence[Mapping[str, float]]
    seed: int
    ties: Ties = "undecided"

    def of(self, unit: Unit) -> Mapping[str, float]:
        """The weights to use on a unit: learnt without its item."""
        fold = self.fold_of.get(unit.item_id)
        return self.weights if fold is None else self.by_fold[fold]

    def __call__(self, outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        """The weighted vote on one unit. A `pools.Pool`."""
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
    """Log-odds weights of raters, from units with a trusted label.

    Args:
        outcomes: Of all raters on one criterion; samples and orders are reduced first.
        truth: Unit -> trusted label.
        scale: The criterion's scale.
        folds: How many parts the labelled items are dealt into; fewer if there are fewer items.
        seed: Of the dealing.
        ties: As of `votes.weighted`.

    Returns:
        The weights: log of (K - 1) a / (1 - a) for accuracy a, which is 0 at chance; K is how many labels
        the truth has, since a label that is never right is no part of chance. One right vote and K - 1
        wrong ones are added, so that no weight is infinite and a rater without a labelled unit weighs 0.

    Raises:
        InputError: If a trusted label is off the scale, or fewer than two labelled items have a verdict.

    Source:
        Nitzan and Paroush (1982), "Optimal Decision Rules in Uncertain Dichotomous Choice
        Situations", International Economic Review 23; for K labels on the assumption that wrong ones
        are equally likely.
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
    dealt = np.random.default_rng(seed).permutation(len(items)).tolist()
    n_folds = max(2, min(folds, len(items)))
    fold_of = {items[place]: i % n_folds for i, place in enumerate(dealt)}
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
    """Rater -> labelled unit -> whether it gave the trusted label."""
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
