"""Ways of using recorded judges that learn from people's labels; no unit meets its own label.

`truth` holds the labels that may be learnt from. A unit in it is settled by what was learnt from the other
folds, a unit outside by what was learnt from all of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from pair_arms import balanced, cascade, members, panel
from recorded_sets import Arm, QualitySet, spent

from judgekit.aggregate.panels import accuracy_weights
from judgekit.aggregate.votes import weighted
from judgekit.agreement.probability.selective import Selection, select
from judgekit.calibration.probabilities import fit_calibration
from judgekit.errors import InputError
from judgekit.types import Abstention, Outcome, Unit, Verdict

FOLDS = 5
FIFTY = 50
RISK, DELTA = 0.10, 0.10
Learnt = TypeVar("Learnt")


def weighted_panel(data: QualitySet, truth: Mapping[Unit, str], *, every: bool, seed: int) -> Arm:
    """A panel whose votes count by their accuracy on the labels of other folds."""
    said = members(data, data.panel, every=every, seed=seed)
    flat = [o for own in said.values() for o in own]
    pool = accuracy_weights(flat, truth, scale=data.scale, folds=FOLDS, seed=seed, ties="middle")
    return panel(data, data.panel, "accuracy weights (cross-fitted)", pool, every=every, seed=seed)


def weighted_by_fifty(data: QualitySet, *, every: bool, seed: int) -> Arm:
    """The same with weights from 50 labels only."""
    said = members(data, data.panel, every=every, seed=seed)

    def learn(units: Sequence[Unit]) -> Mapping[str, float]:
        own = [o for u in units for o in said[u]]
        return accuracy_weights(
            own, {u: data.gold[u] for u in units}, scale=data.scale, seed=seed, ties="middle"
        ).weights

    learnt = from_fifty(data.units, learn, seed=seed)
    calls, tokens = spent(data, data.panel, every=every)
    outcomes = {u: weighted(learnt[u], ties="middle")(said[u], data.scale) for u in data.units}
    named = ", both orders" if every else ""
    return Arm(
        f"panel of {len(data.panel)}{named}: accuracy weights from 50 labels", outcomes, calls, tokens,
        data.panel,
    )  # fmt: skip


def calibrated_by_fifty(data: QualitySet, arm: Arm, *, seed: int) -> Arm:
    """An arm's probabilities by a temperature from 50 labels: the one method that so few support."""

    def learn(units: Sequence[Unit]) -> Callable[[Outcome], Outcome]:
        own = [arm.outcomes[u] for u in units]
        fitted = fit_calibration(
            own, {u: data.gold[u] for u in units}, scale=data.scale, method="temperature", seed=seed
        )
        return lambda o: fitted.apply(o) if isinstance(o, Verdict) else o

    learnt = from_fifty(data.units, learn, seed=seed)
    outcomes = {u: learnt[u](arm.outcomes[u]) for u in data.units}
    name = f"{arm.name}, temperature from 50 labels"
    return Arm(name, outcomes, arm.calls, arm.tokens, arm.judges)


def from_fifty(
    units: Sequence[Unit], learn: Callable[[Sequence[Unit]], Learnt], *, seed: int
) -> dict[Unit, Learnt]:
    """For each unit what was learnt from 50 labels, drawn from the folds that the unit is not in.

    Raises:
        InputError: If the other folds do not hold 50 units.
    """
    rng = np.random.default_rng(seed)
    dealt = rng.permutation(len(units))
    learnt: dict[Unit, Learnt] = {}
    for k in range(FOLDS):
        others = np.delete(dealt, np.arange(k, len(dealt), FOLDS))
        if len(others) < FIFTY:
            raise InputError(f"{len(units)} units: {FIFTY} labels of other folds are not there")
        chosen = sorted(rng.choice(others, FIFTY, replace=False).tolist())
        made = learn([units[i] for i in chosen])
        learnt |= {units[i]: made for i in dealt[k::FOLDS].tolist()}
    return learnt


def confidence(outcome: Outcome) -> float:
    """Probability of the label said; nan without a verdict. A tie is no certainty: 0.5 at most."""
    if not isinstance(outcome, Verdict):
        return math.nan
    return max(dict(outcome.probs).values()) if outcome.label != "tie" else 0.5


def thresholds(
    data: QualitySet, arm: Arm, truth: Mapping[Unit, str], *, seed: int
) -> tuple[dict[Unit, Selection], list[Selection]]:
    """For each unit the threshold to use, from labels of two folds or, outside `truth`, from all of them."""
    labelled = [u for u in data.units if u in truth]
    dealt = np.random.default_rng(seed).permutation(len(labelled))
    halves = [[labelled[i] for i in dealt[k::2].tolist()] for k in (0, 1)]
    made = [_select(arm, truth, half) for half in (halves[1], halves[0])]
    found = {u: made[k] for k in (0, 1) for u in halves[k]}
    if len(labelled) < len(data.units):
        made.append(_select(arm, truth, labelled))
        found |= {u: made[2] for u in data.units if u not in truth}
    return found, made


def _select(arm: Arm, truth: Mapping[Unit, str], units: Sequence[Unit]) -> Selection:
    sure = [confidence(arm.outcomes[u]) for u in units]
    wrong = [
        float(o.label != truth[u]) if isinstance(o := arm.outcomes[u], Verdict) else math.nan for u in units
    ]
    return select(sure, wrong, alpha=RISK, delta=DELTA)


def risk_bounded(
    data: QualitySet, arm: Arm, truth: Mapping[Unit, str], *, seed: int, second: Arm | None = None
) -> Arm:
    """An arm's verdicts where it is as sure as bounded risk asks; else those of a judge, or of people."""
    found, made = thresholds(data, arm, truth, seed=seed)
    at = "/".join("none" if math.isnan(s.threshold) else f"{s.threshold:.2f}" for s in made)
    note = f"error <= {RISK:.0%} promised; thresholds {at}"
    to = second.judges[0] if second else "people"
    name = f"risk-bounded: {arm.name} -> {to}"

    def kept(outcome: Outcome) -> bool:
        return confidence(outcome) >= found[outcome.unit].threshold

    if second is not None:
        return cascade(name, data, arm, second, kept, note=note)
    outcomes = {u: o if isinstance(o, Abstention) or kept(o) else _handed(o) for u, o in arm.outcomes.items()}
    return Arm(name, outcomes, arm.calls, arm.tokens, arm.judges, note=note)


def _handed(outcome: Outcome) -> Abstention:
    return Abstention(outcome.rater, outcome.unit, outcome.criterion, "undecided", "given to people")


def fitted(
    data: QualitySet, truth: Mapping[Unit, str], arms: Sequence[Arm], *, seed: int
) -> tuple[list[Arm], list[str]]:
    """Every arm that learns from labels and that the set allows, and what it does not allow.

    Args:
        data: The set.
        truth: The labels to learn from.
        arms: Those without labels, which some of these stand on.
        seed: Of the folds.
    """
    both = any(data.judges[name].both_orders for name in data.panel)
    made = [
        weighted_panel(data, truth, every=every, seed=seed) for every in ((False, True) if both else (False,))
    ]
    missing = []
    strong = next(arm for arm in arms if arm.judges == (data.strong,) and (not both or "average" in arm.name))
    if len(truth) == len(data.gold):
        try:
            made.append(weighted_by_fifty(data, every=both, seed=seed))
            made.append(calibrated_by_fifty(data, strong, seed=seed))
        except InputError as why:
            missing.append(f"calibrated on 50: {why}")
    if data.cheap:
        weaker = next(arm for arm in arms if "without" in arm.name)
        second = balanced(data, data.strong, "average")
        made.append(risk_bounded(data, weaker, truth, seed=seed, second=second))
        made.append(risk_bounded(data, strong, truth, seed=seed))
    return made, missing
