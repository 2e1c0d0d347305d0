"""Panels that are fitted to all that their judges said: latent classes, and weights by accuracy.

Such a panel is a pool with a memory. While a run asks, it remembers the questions put to it; then it is
fitted, criterion by criterion, and the same questions are scored again. Nothing is asked for that.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from judgekit.aggregate import pools
from judgekit.aggregate.accuracy import AccuracyWeights, accuracy_weights
from judgekit.aggregate.latent import TIED, Latent, ballots_of, fit
from judgekit.aggregate.pools import Pool
from judgekit.distribution import levels
from judgekit.errors import InputError
from judgekit.scales import Scale
from judgekit.types import Outcome, Unit

ACCURACY = "accuracy"
FITTED: Mapping[str, int] = {**dict.fromkeys(TIED, 3), ACCURACY: 2}
"""Name of a fitted panel -> the fewest judges that it needs."""
Truth = Mapping[tuple[Unit, str], str]
"""Question (unit, criterion) -> the label people gave."""


class FittedPanel:
    """A pool that remembers what it is asked until it is fitted, and then decides.

    Args:
        name: One of `FITTED`.
        judges: Names of the judges.
        scales: Criterion -> its scale.

    Raises:
        InputError: If there are too few judges, or a scale has no labels to count.
    """

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
        """Take labels by people, which `accuracy` needs.

        Raises:
            InputError: If a criterion has labels on fewer than two items.
        """
        self._truth = truth
        for criterion in self._criteria:
            items = {unit.item_id for unit, about in truth if about == criterion}
            if len(items) < 2:
                raise InputError(
                    f"panel 'accuracy' needs labels on two items or more, and {criterion!r} has them on "
                    f"{len(items)}; label more, or take 'dawid_skene', which needs none"
                )

    def __call__(self, outcomes: Sequence[Outcome], scale: Scale) -> Outcome:
        """The panel's outcome on one question; before the fit the mean, for the time being."""
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
        """What was fitted: by criterion the status, and how often each judge is right."""
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
