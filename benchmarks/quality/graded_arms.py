"""Ways of using recorded judges of grades: one sample, k samples, probabilities, panels, calibrated."""

import math
from collections.abc import Sequence
from functools import partial
from statistics import fmean

import numpy as np
from fitted_arms import calibrated_by_fifty, from_fifty, weighted_panel
from graded_sets import GPT35, OVERALL
from measures import values_of
from pair_arms import dawid_skene, panel
from recorded_sets import Arm, QualitySet, asking, certain, drawn_order, spent

from judgekit.aggregate import pools, votes
from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.sampling.ppi import on_label_scale
from judgekit.calibration import balance
from judgekit.distribution import settled
from judgekit.errors import InputError
from judgekit.judges.controls import constant, longer, random
from judgekit.scales import Numbers, plain_number
from judgekit.types import Abstention, Estimate, Outcome, Unit, Verdict

SAMPLES = (3, 5, 10)
middle = partial(votes.strict_majority, ties="middle")


def label_free(data: QualitySet, *, seed: int) -> list[Arm]:
    """Every arm that needs no label and that the set allows."""
    return _prometheus(data, seed) if not data.panel else _rubric(data, seed)


def _prometheus(data: QualitySet, seed: int) -> list[Arm]:
    judge = data.judges[data.strong]
    calls, tokens = spent(data, [data.strong], every=False)
    one = drawn_order(judge, data.units, seed)
    both = {u: balance(judge.outcomes[u], scale=data.scale) for u in data.units}
    twice = spent(data, [data.strong], every=True)
    name = data.strong
    return [
        Arm(f"{name}: one verdict", one, calls, tokens, (name,), candidate=True),
        Arm(f"{name}: k=2 samples, mean", both, *twice, (name,), candidate=True),
    ]


def _rubric(data: QualitySet, seed: int) -> list[Arm]:
    whole = f"{GPT35}/{OVERALL}"
    spread = {u: data.judges[whole].outcomes[u][0] for u in data.units}
    one = {u: data.judges[GPT35].outcomes[u][0] for u in data.units}
    likeliest = {u: certain(whole, u, OVERALL, data.scale, _label(o)) for u, o in spread.items()}
    nan = math.nan
    arms = [Arm(f"{GPT35}: one verdict", one, 1.0, nan, (GPT35,), candidate=True)]
    for k in SAMPLES:
        drawn = {u: _drawn(data, o, k, seed + i) for i, (u, o) in enumerate(spread.items())}
        arms.append(Arm(f"{GPT35}: k={k} samples drawn, mean", drawn, k, nan, (GPT35,), candidate=True))
    arms.append(Arm(f"{GPT35}: likeliest label", likeliest, 1.0, nan, (whole,), candidate=True))
    arms.append(Arm(f"{GPT35}: probabilities", spread, 1.0, nan, (whole,), candidate=True))
    names = data.panel
    return [
        *arms,
        panel(data, names, "mean", pools.mean, every=False, seed=seed, label=" questions"),
        panel(data, names, "strict majority", middle, every=False, seed=seed, label=" questions"),
        dawid_skene(data, names, every=False, seed=seed),
    ]


def _label(outcome: Outcome) -> str:
    return outcome.label if isinstance(outcome, Verdict) else ""


def _drawn(data: QualitySet, outcome: Outcome, k: int, seed: int) -> Outcome:
    """The mean of k samples from a recorded distribution."""
    probs = dict(outcome.probs) if isinstance(outcome, Verdict) else {}
    shares = np.array(list(probs.values()))
    drawn = np.random.default_rng(seed).choice(list(probs), size=k, p=shares / shares.sum()).tolist()
    weights = {label: drawn.count(label) / k for label in probs if label in drawn}
    found, label, value = settled(data.scale, weights)
    return Verdict(GPT35, outcome.unit, OVERALL, found, label, value, "sample")


def fitted(
    data: QualitySet, truth: dict[Unit, str], arms: Sequence[Arm], *, seed: int
) -> tuple[list[Arm], list[str]]:
    """Arms that learn from labels, and what the set does not allow."""
    if not data.panel:
        return [], ["calibrated on 50: no people's labels to calibrate on"]
    made = [weighted_panel(data, truth, every=False, seed=seed)]
    if len(truth) < len(data.gold):
        return made, []
    spread = next(arm for arm in arms if arm.name.endswith("probabilities"))
    missing = []
    try:
        made.append(calibrated_by_fifty(data, spread, seed=seed))
    except InputError as why:
        missing.append(f"temperature from 50: {why}")
    made += [_isotonic_by_fifty(data, arm, seed=seed) for arm in (spread, _mean_panel(arms))]
    return made, missing


def _mean_panel(arms: Sequence[Arm]) -> Arm:
    return next(arm for arm in arms if arm.name.startswith("panel") and arm.name.endswith("mean"))


def _isotonic_by_fifty(data: QualitySet, arm: Arm, *, seed: int) -> Arm:
    """An arm's values put on people's scale by a monotone curve from 50 labels."""
    said = dict(zip(data.units, values_of(arm, data).tolist(), strict=True))

    def learn(units: Sequence[Unit]) -> tuple[list[float], list[float]]:
        return [data.values[u] for u in units], [said[u] for u in units]

    learnt = from_fifty(data.units, learn, seed=seed)
    outcomes: dict[Unit, Outcome] = {}
    for unit in data.units:
        labels, judged = learnt[unit]
        _, [value] = on_label_scale(labels, judged, [said[unit]], seed=seed)
        outcomes[unit] = _between(data, unit, float(value))
    name = f"{arm.name}, isotonic from 50 labels"
    return Arm(name, outcomes, arm.calls, arm.tokens, arm.judges)


def _between(data: QualitySet, unit: Unit, value: float) -> Verdict:
    """A verdict whose value is the one given, spread over the two labels around it."""
    low = math.floor(value)
    weights = {plain_number(low): low + 1 - value, plain_number(low + 1): value - low}
    probs, label, place = settled(data.scale, {k: w for k, w in weights.items() if w > 0.0})
    return Verdict("calibrated", unit, OVERALL, probs, label, place, "sample")


def controls(data: QualitySet, *, seed: int) -> list[Arm]:
    """Rules that cost nothing; `constant` is told the commonest label."""
    counted = sorted(data.gold.values())
    commonest = max(sorted(set(counted)), key=counted.count)
    rules = {
        "control: longer": longer(),
        "control: first": None,
        f"control: constant ({commonest}, as told)": constant(commonest),
        "control: random": random(seed),
    }
    made = []
    for name, rule in rules.items():
        if rule is None:
            continue  # a lone response is always first
        said: dict[Unit, Outcome] = {}
        for unit in data.units:
            label = rule.rule(asking(unit, data.items.get(unit)), unit, OVERALL, data.scale)
            said[unit] = (
                Abstention(name, unit, OVERALL, "unsupported", "no texts")
                if label is None
                else certain(name, unit, OVERALL, data.scale, label)
            )
        made.append(Arm(name, said))
    return made


def person_against_others(people: dict[Unit, list[float]], *, seed: int) -> tuple[Estimate, int]:
    """Spearman of one person, drawn by the seed, with the mean of the others on the same dialogue."""
    rng = np.random.default_rng(seed)
    pairs = []
    for own in people.values():
        if len(own) > 1:
            k = int(rng.integers(len(own)))
            pairs.append((own[k], fmean(own[:k] + own[k + 1 :])))
    one, others = zip(*pairs, strict=True)
    return correlation(one, others), len(pairs)


def is_graded(data: QualitySet) -> bool:
    """Whether the set's labels are numbers."""
    return isinstance(data.scale, Numbers)
