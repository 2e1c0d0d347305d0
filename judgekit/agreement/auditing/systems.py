"""The pieces of an audit about systems (does the judge rank them as people do?) and about the panel."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from judgekit.agreement.association.groupings import four_groupings
from judgekit.agreement.association.pairwise_accuracy import pairwise_accuracy, soft_accuracy
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.parts import LONG, How
from judgekit.agreement.bias.error_correlation import (
    ErrorCorrelation,
    condorcet_gap,
    effective_judges,
    error_correlation,
)
from judgekit.agreement.core.estimate import TOO_FEW, undefined
from judgekit.agreement.core.intervals import clustered_mean
from judgekit.agreement.core.ratings import Floats
from judgekit.agreement.core.resample import Resampling, magnitude, resampled, settled
from judgekit.types import Estimate, is_control


@dataclass(frozen=True, slots=True)
class Systems:
    """How the judge ranks systems beside people.

    Args:
        names: Of the systems.
        human: Their means by people, with intervals.
        judge: By the judge.
        soft_accuracy: Soft pairwise accuracy.
        pair_accuracy: Share of pairs of systems in the same order, with an interval over items.
        groupings: Pearson's correlation in four groupings.
        reversals: Pairs of systems that people separate and the judge separates the other way round.
        n_pairs: Pairs of systems.
    """

    names: tuple[str, ...]
    human: tuple[Estimate, ...]
    judge: tuple[Estimate, ...]
    soft_accuracy: Estimate
    pair_accuracy: Estimate
    groupings: Mapping[str, Estimate]
    reversals: tuple[tuple[str, str], ...]
    n_pairs: int


def grids_of(lab: Labelled, judge: str) -> tuple[tuple[str, ...], Floats, Floats]:
    """Systems, and scores by people and by the judge of shape (n_systems, n_items).

    A pair gives its value to the first system and the rest of 1 to the second.
    """
    names = sorted({s for each in lab.systems for s in each})
    items = {item: k for k, item in enumerate(dict.fromkeys(lab.items))}
    sums, counts = np.zeros((2, len(names), len(items))), np.zeros((len(names), len(items)))
    mine, people = lab.column(judge), lab.human
    for row, (systems, item) in enumerate(zip(lab.systems, lab.items, strict=True)):
        if np.isnan(mine[row]) or np.isnan(people[row]):
            continue
        for place, system in enumerate(systems):
            s, k = names.index(system), items[item]
            sums[0, s, k] += 1 - people[row] if place else people[row]
            sums[1, s, k] += 1 - mine[row] if place else mine[row]
            counts[s, k] += 1
    human, judged = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return tuple(names), human, judged


def systems(lab: Labelled, judge: str, how: How) -> Systems | None:
    """How the judge ranks systems; None where fewer than two are named."""
    if len({s for each in lab.systems for s in each}) < 2:
        return None
    names, human, judged = grids_of(lab, judge)
    b = min(how.b, 300)
    b = min(how.b, 300)
    groupings = four_groupings(human, judged, b=b, level=how.level, seed=how.seed)
    n = len(names)
    return Systems(
        names,
        tuple(_mean(name, row, how) for name, row in zip(names, human, strict=True)),
        tuple(_mean(name, row, how) for name, row in zip(names, judged, strict=True)),
        soft_accuracy(human, judged, level=how.level, seed=how.seed),
        _pair_accuracy(human, judged, how),
        {str(name): each for name, each in groupings.items()},
        tuple(
            (names[i], names[j])
            for i in range(n)
            for j in range(i + 1, n)
            if _sign(human[i], human[j], how) * _sign(judged[i], judged[j], how) < 0
        ),
        n * (n - 1) // 2,
    )


def _pair_accuracy(human: Floats, judged: Floats, how: How) -> Estimate:
    value, n = pairwise_accuracy(human, judged), human.shape[1]
    made = Estimate(
        "pair_accuracy_of_systems", value, level=how.level, n_units=n, n_raters=2, n_used=n, unit="item",
        method="share of pairs of systems in the same order; the systems are fixed",
    )  # fmt: skip
    if np.isnan(value):
        return undefined(made, TOO_FEW)
    return resampled(
        made, lambda items: pairwise_accuracy(human[:, items], judged[:, items]), n,
        Resampling(level=how.level, seed=how.seed, b=min(how.b, 300)), kind="percentile",
    )  # fmt: skip


def _mean(name: str, values: Floats, how: How) -> Estimate:
    return clustered_mean(values, name=name, level=how.level)


def _sign(one: Floats, other: Floats, how: How) -> int:
    """Which way an interval of the mean difference points; 0 where it holds 0."""
    made = _mean("difference", settled(one - other, magnitude(one, other)), how)
    return int(made.low > 0) - int(made.high < 0)


@dataclass(frozen=True, slots=True, eq=False)
class PanelAudit:
    """The judges of a criterion together.

    Args:
        judges: Without controls. A substitute sits on the seat of the judge it stood in for, under its own
            name where that judge gave no verdict at all.
        errors: Correlation of their errors, in this order.
        effective: How many independent judges they are worth.
        within: The same within people's labels: a label that is hard for all is no fault they share. None
            on a long scale.
        gap: Accuracy of their majority if they erred independently, less its actual accuracy; nan on a
            long scale, or where no unit has a verdict of all.
    """

    judges: tuple[str, ...]
    errors: ErrorCorrelation
    effective: Estimate
    within: Estimate | None
    gap: float


def panel_audit(lab: Labelled, how: How) -> PanelAudit | None:
    """The judges of a criterion as a panel; None for fewer than two. Clusters are resampled whole."""
    real = [j for j in lab.judges if not is_control(j)]
    seats = {j: lab.substitutes[j] if lab.substitutes.get(j) in real else j for j in real}
    judges = tuple(dict.fromkeys(seats.values()))
    if len(judges) < 2:
        return None
    r = lab.ratings
    long = r.level != "nominal" and len(r.values) > LONG
    wrong = np.full((r.n_units, len(judges)), np.nan)
    for judge in sorted(real, key=lambda j: seats[j] == j):  # where both answered, the judge's own counts
        own, seat = _wrong(lab, judge, long=long), judges.index(seats[judge])
        wrong[:, seat] = np.where(np.isnan(own), wrong[:, seat], own)
    worth = partial(effective_judges, clusters=r.clusters, names=judges, **how.options)
    return PanelAudit(
        judges,
        error_correlation(wrong),
        worth(wrong),
        None if long else worth(wrong, strata=lab.consensus),
        math.nan if long else condorcet_gap(wrong),
    )


def _wrong(lab: Labelled, judge: str, *, long: bool) -> Floats:
    """1 where the judge differs from people, on a long scale the size of its error; nan where missing."""
    if long:
        return np.asarray(np.abs(lab.column(judge) - lab.human))
    mine, people = lab.ratings.codes[:, lab.ratings.raters.index(judge)], lab.consensus
    return np.where((mine < 0) | (people < 0), np.nan, (mine != people).astype(float))
