"""The numbers that decide a verdict, each by the declared scale and with the weights of the sample.

They come from means and squares, so that an interval holds whatever the labels are like (`core.moments`), and
nothing is drawn again. Of pairs nothing depends on which response came first: agreement is counted around a
tie, and a level is asked of systems, not of places.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import How
from judgekit.agreement.bias.severity import signed_error
from judgekit.agreement.chance.coefficients import kappa
from judgekit.agreement.core.estimate import Status, undefined, with_interval
from judgekit.agreement.core.intervals import clustered_mean, t_interval, wilson
from judgekit.agreement.core.moments import (
    Influenced,
    bounded,
    concordance_of,
    influence_se,
    kappa_of,
    pearson_of,
    steady,
)
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.models.icc import icc
from judgekit.types import Estimate

TIE = 0.5
BETTER_SYSTEM = "always the better system (a tie is half right, for both)"


def main_coefficient(lab: Labelled, judge: str, how: How) -> Estimate:
    """The agreement that gates look at: which one, the declared scale decides, never the data."""
    r, plain = lab.ratings, lab.weights is None
    if lab.pairs:
        return _agreement(lab, judge, how, "kappa_of_pairs", "quadratic kappa, each pair in both orders")
    if lab.continuous:
        if plain:
            return icc(lab.beside(judge, means=True), **how.options)
        return _agreement(lab, judge, how, "ccc", "Lin's concordance, weighted")
    kinds = r.level == "nominal" or len(r.values) <= 2
    tied = kinds and bool((lab.consensus < 0).any())
    said = lab.column(judge)
    whole = r.level == "nominal" or bool(np.isin(said[~np.isnan(said)], r.values).all())
    if plain and whole and not tied:
        weights: Literal["identity", "quadratic"] = "identity" if kinds else "quadratic"
        return kappa(lab.beside(judge), weights=weights, reference="people", **how.options)
    if kinds:
        return _shared(lab, judge, how)
    method = "quadratic kappa of the mean over samples or probabilities, or weighted"
    # Another number than that of its labels, which stands beside it under the plain name.
    name = "cohen_kappa_quadratic" if whole else "cohen_kappa_quadratic_of_scores"
    return _agreement(lab, judge, how, name, method)


def link(lab: Labelled, judge: str, how: How) -> Estimate:
    """Correlation of the judge's scores with people's mean, blind to severity; of pairs around a tie."""
    x, y, kept = _columns(lab, judge, lab.human)
    made = pearson_of(x, y, _weights(lab, kept), centre=TIE if lab.pairs else None)
    start = _start(
        lab, "pearson", "Pearson's correlation, around a tie" if lab.pairs else "pearson", kept, how
    )
    return _bounded(lab, start, made, kept, y)


def skill(lab: Labelled, judge: str, how: How) -> Estimate:
    """How much nearer to people the judge is than one number (or one label) for everything."""
    if lab.ratings.level == "nominal" or len(lab.ratings.values) <= 2:
        return _skill_of_labels(lab, judge, how)
    x, y, kept = _columns(lab, judge, lab.human)
    start = _start(
        lab, "skill", "1 - mean squared error, bias taken out, over that of the best single label", kept, how
    )
    if not len(x):
        return undefined(start, Status.NO_PAIRED_ITEMS)
    w = _weights(lab, kept)
    weights = np.ones(len(x)) if w is None else w
    shares = weights / weights.sum()
    places = lab.ratings.values
    one = places[np.argmin([shares @ (y - place) ** 2 for place in places])]
    bias = 0.0 if lab.pairs else float(shares @ (x - y))
    off, alone = (x - y - bias) ** 2, (y - one) ** 2
    below = float(shares @ alone)
    if not below > 0:
        return undefined(start, Status.NO_VARIATION)
    ratio = float(shares @ off) / below
    return _plain(lab, start, 1 - ratio, -(off - ratio * alone) / below, kept)


def mean_error(lab: Labelled, judge: str, how: How) -> Estimate:
    """Mean of judge less people, in shares of the scale; of pairs it is a liking for the first."""
    if lab.weights is None:
        whole = (lab.column(judge) / lab.span, lab.human / lab.span)
        return _room(lab, signed_error(*whole, clusters=lab.ratings.clusters, level=how.level))
    x, y, kept = _columns(lab, judge, lab.human)
    start = _start(lab, "signed_error", "mean of judge minus human", kept, how)
    w, off = lab.weights[kept], (x - y) / lab.span
    if not len(off):
        return undefined(start, Status.NO_PAIRED_ITEMS)
    value = float(w @ off / w.sum())
    return _plain(lab, start, value, off - value, kept)


def by_system(lab: Labelled, judge: str, how: How, *, most: bool = False) -> dict[str, Estimate]:
    """Mean of judge less people (or what most of them say) for each system; the intervals hold together."""
    names = sorted({name for each in lab.systems for name in each})
    if len(names) < 2:
        return {}
    x, y = (
        lab.column(judge) / lab.span,
        (_consensus(lab) if most and not lab.continuous else lab.human) / lab.span,
    )
    level = 1 - (1 - how.level) / len(names)
    against = "the trusted labels" if lab.trusted else "what most people say" if most else "people's mean"
    made = {}
    for name in names:
        sign = np.array([_side(systems, name) for systems in lab.systems])
        errors = np.where(sign != 0, sign * (x - y), np.nan)
        made[name] = replace(
            clustered_mean(errors, _groups(lab), name=f"error on {name}, against {against}", level=level),
            method="mean of judge less people, Bonferroni over systems",
        )
    return made


def by_label(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """How much more often the judge gives each label than people do; the intervals hold together."""
    r, people = lab.ratings, lab.shared
    mine = r.codes[:, r.raters.index(judge)]
    kept = (mine >= 0) & (people.sum(axis=1) > 0)
    level = 1 - (1 - how.level) / len(r.labels)
    made = {}
    for k, label in enumerate(r.labels):
        errors = np.where(kept, (mine == k) - people[:, k], np.nan)
        found = clustered_mean(errors, _groups(lab), name=f"error of the share of {label!r}", level=level)
        made[label] = replace(found, method="share by judge less share by people, Bonferroni over labels")
    return made


def toward(lab: Labelled, judge: str, side: Floats, how: How, name: str) -> Estimate:
    """How much more of the pairs goes to one side than people give it; `side` is 1, -1 or 0 (neither)."""
    x, y = lab.column(judge), lab.human
    errors = np.where(np.nan_to_num(side) != 0, np.sign(side) * (x - y), np.nan)
    made = clustered_mean(errors, _groups(lab), name=name, level=how.level)
    return replace(made, method="mean of judge less people, towards that side")


def better_system(lab: Labelled) -> Floats | None:
    """What a rule says that knows only which system people find better on all other items, if there is one.

    Shape: returns (n_units,): 1 the first, 0 the second, nan where it cannot tell.
    """
    if not lab.pairs or not any(len(each) == 2 for each in lab.systems):
        return None
    items = np.unique(np.array(lab.items, dtype=object).astype(str), return_inverse=True)[1]
    names = {name: k for k, name in enumerate(sorted({name for each in lab.systems for name in each}))}
    pairs = np.array([[names[a] for a in each] if len(each) == 2 else [-1, -1] for each in lab.systems])
    human = lab.human
    seen = np.flatnonzero((pairs[:, 0] >= 0) & ~np.isnan(human))
    won, asked = np.zeros((2, items.max() + 1, len(names)))
    for place, value in ((0, human), (1, 1 - human)):
        np.add.at(won, (items[seen], pairs[seen, place]), value[seen])
        np.add.at(asked, (items[seen], pairs[seen, place]), 1.0)
    elsewhere = asked.sum(axis=0) - asked
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = (won.sum(axis=0) - won) / elsewhere
    gap = rate[items, pairs[:, 0]] - rate[items, pairs[:, 1]]
    return np.where((pairs[:, 0] < 0) | np.isnan(gap), np.nan, (np.sign(gap) + 1) / 2)


def errors(lab: Labelled, judge: str) -> tuple[int, int]:
    """Units on which the judge says something else than most people do, and units compared."""
    mine, people = lab.ratings.codes[:, lab.ratings.raters.index(judge)], lab.consensus
    both = (mine >= 0) & (people >= 0)
    return int((mine[both] != people[both]).sum()), int(both.sum())


def one_label(lab: Labelled, judge: str) -> bool:
    """Whether the judge says one thing whatever it sees."""
    said = lab.column(judge)
    return len(np.unique(np.round(said[~np.isnan(said)], 12))) == 1


def accuracies(lab: Labelled, judge: str, how: How) -> Mapping[str, Estimate]:
    """Of pairs: accuracy with a contradiction between orders at one half, in each order, and strict."""
    people = lab.human
    told = np.where(people == TIE, np.nan, people)
    halves, strict = 1 - np.abs(lab.column(judge) - told), lab.column(judge)
    made = {
        "accuracy": halves,
        "accuracy_strict": np.where(np.isnan(halves), np.nan, np.abs(strict - told) < TIE),
    }
    if judge in lab.orders:
        one, other = lab.orders[judge]
        made |= {
            "accuracy_as_given": 1 - np.abs(one - told),
            "accuracy_swapped": 1 - np.abs(1 - other - told),
        }
    return {
        name: clustered_mean(np.asarray(each, dtype=float), _groups(lab), name=name, level=how.level)
        for name, each in made.items()
    }


def _room(lab: Labelled, made: Estimate) -> Estimate:
    """The mean of errors that are all equal, with the room that Wilson's bound leaves for those not seen."""
    groups = made.n_used if lab.ratings.clusters is None else len(np.unique(lab.ratings.clusters))
    if made.interval != "none" or np.isnan(made.value) or groups < 4:
        return made
    room = 1 - wilson(groups, groups, level=made.level)[0]
    return with_interval(made, made.value - room, made.value + room, se=0.0, interval="wilson_at_one")


def _side(systems: tuple[str, ...], name: str) -> int:
    return 0 if name not in systems else 1 if systems[0] == name else -1


def _groups(lab: Labelled) -> Any:
    return lab.ratings.clusters


def _columns(lab: Labelled, judge: str, people: Floats) -> tuple[Floats, Floats, Any]:
    x = lab.column(judge)
    kept = ~(np.isnan(x) | np.isnan(people))
    return x[kept], people[kept], kept


def _weights(lab: Labelled, kept: Any) -> Floats | None:
    return None if lab.weights is None else np.asarray(lab.weights[kept])


def _consensus(lab: Labelled) -> Floats:
    said = lab.consensus
    return np.where(said < 0, np.nan, lab.ratings.values[np.maximum(said, 0)])


def _start(lab: Labelled, name: str, method: str, kept: Any, how: How) -> Estimate:
    weighted = ("weighted by the chances with which the units were drawn",) if lab.weights is not None else ()
    return Estimate(
        name, float("nan"), level=how.level, n_units=len(kept), n_raters=2, n_used=int(kept.sum()),
        n_dropped=int((~kept).sum()), method=method, notes=weighted,
        unit="unit" if lab.ratings.clusters is None else "cluster",
    )  # fmt: skip


def _bounded(lab: Labelled, start: Estimate, made: Influenced, kept: Any, reference: Floats) -> Estimate:
    if start.n_used < 2 or np.isnan(made.value):
        return undefined(start, Status.NO_VARIATION if start.n_used >= 2 else Status.TOO_FEW)
    clusters = None if lab.ratings.clusters is None else lab.ratings.clusters[kept]
    found = bounded(replace(start, value=made.value), made, clusters=clusters, weights=_weights(lab, kept))
    return found if lab.pairs else steady(found, reference)


def _plain(lab: Labelled, start: Estimate, value: float, influence: Floats, kept: Any) -> Estimate:
    clusters = None if lab.ratings.clusters is None else lab.ratings.clusters[kept]
    se, df = influence_se(influence, clusters=clusters, weights=_weights(lab, kept))
    ends = t_interval(value, se, df, level=start.level) if se > 0 else (value, value)
    return with_interval(replace(start, value=value), *ends, se=se, interval="influence_t")


def _agreement(lab: Labelled, judge: str, how: How, name: str, method: str) -> Estimate:
    x, y, kept = _columns(lab, judge, lab.human if lab.continuous else _consensus(lab))
    made = concordance_of(x, y, _weights(lab, kept), centre=TIE if lab.pairs else None)
    return _bounded(lab, _start(lab, name, method, kept, how), made, kept, y)


def _shared(lab: Labelled, judge: str, how: How) -> Estimate:
    """Kappa of kinds or of two labels where people's ties share a unit, or the sample has weights."""
    r, people = lab.ratings, lab.shared
    mine = r.codes[:, r.raters.index(judge)]
    kept = (mine >= 0) & (people.sum(axis=1) > 0)
    made = kappa_of(mine[kept], people[kept], _weights(lab, kept))
    ties = int(((people > 0).sum(axis=1) > 1)[kept].sum())
    name = "cohen_kappa_ties_shared" if ties else "cohen_kappa"
    start = _start(lab, name, "kappa; a unit without a majority is shared between labels", kept, how)
    if ties:
        start = replace(start, notes=(*start.notes, f"{ties} units without a majority are shared"))
    return _bounded(lab, start, made, kept, people[kept].argmax(axis=1) * 1.0)


def _skill_of_labels(lab: Labelled, judge: str, how: How) -> Estimate:
    """Accuracy less that of the commonest label."""
    r, people = lab.ratings, lab.consensus
    mine = r.codes[:, r.raters.index(judge)]
    kept = (mine >= 0) & (people >= 0)
    start = _start(lab, "skill", "accuracy less that of the commonest label", kept, how)
    if not kept.any():
        return undefined(start, Status.TOO_FEW)
    common = int(np.bincount(people[kept]).argmax())
    gain = (mine[kept] == people[kept]).astype(float) - (people[kept] == common)
    w = _weights(lab, kept)
    value = float(gain.mean() if w is None else w @ gain / w.sum())
    return _plain(lab, start, value, gain - value, kept)
