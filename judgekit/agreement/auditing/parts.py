"""The pieces of an audit: each takes one judge on one criterion and gives estimates, or says why not.

A judge is of a system's family if both have one name, but for the provider or the place in front of it, if
they were declared to be of one family, or if the labels' column `family` names the judge or its family.
Populations are of people, or of units: the labels say which by what holds of a person, or of a unit,
throughout.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict, TypeVar

import numpy as np

from judgekit.agreement.association.comparing import Significance, compare_accuracies
from judgekit.agreement.association.correlation import correlation
from judgekit.agreement.auditing.data import Labelled, repeatability_of
from judgekit.agreement.bias.length_effects import length_coefficient, length_preference
from judgekit.agreement.bias.order_effects import position_effects
from judgekit.agreement.bias.populations import Populations, populations
from judgekit.agreement.bias.self_preference import (
    equal_opportunity,
    self_preference,
    self_preference_in_pairs,
)
from judgekit.agreement.bias.slices import Slice, by_slice
from judgekit.agreement.chance.profile import confusion
from judgekit.agreement.core.intervals import share
from judgekit.agreement.core.ratings import Codes, Floats, Ratings
from judgekit.agreement.people.panel import numbers_of
from judgekit.agreement.probability.calibration_error import ece
from judgekit.agreement.probability.corp import ReliabilityDiagram, miscalibration, reliability_diagram
from judgekit.agreement.probability.selective import Selection, select
from judgekit.agreement.sampling.ppi import ppi
from judgekit.agreement.sampling.sample_check import Sampling
from judgekit.errors import InputError
from judgekit.types import Estimate, is_control

T = TypeVar("T")
LONG = 10
"""From more levels than this on, a scale is compared by its numbers."""


class Drawn(TypedDict):
    """Options that every statistic with an interval takes."""

    level: float
    seed: int
    b: int


@dataclass(frozen=True, slots=True)
class How:
    """How an audit draws and bounds.

    Args:
        level: Confidence.
        seed: Of all resampling.
        b: Resamples.
        error: The error a judge may make where its sure verdicts stand alone.
        sampling: How the labelled units came out of all that was judged; `random` gives a corrected level.
    """

    level: float = 0.95
    seed: int = 0
    b: int = 1000
    error: float = 0.1
    sampling: Sampling = "unknown"

    @property
    def options(self) -> Drawn:
        """Level, seed and resamples as keywords."""
        return {"level": self.level, "seed": self.seed, "b": self.b}


@dataclass
class Skipped:
    """What was not computed, and why; an audit says it and goes on."""

    why: dict[str, str] = field(default_factory=dict)

    def unless(self, name: str, make: Callable[[], T]) -> T | None:
        """What `make` gives; None, and the reason kept, where the data are refused."""
        try:
            return make()
        except InputError as error:
            self.why[name] = str(error)
            return None

    def say(self, name: str, why: str) -> None:
        """Why something is not there."""
        self.why[name] = why


@dataclass(frozen=True, slots=True, eq=False)
class Sureness:
    """Whether the judge's probability of its label is what it says.

    Args:
        diagram: CORP reliability: probability of the label said against the share on which people agree.
        mcb: Miscalibration.
        ece: Expected calibration error.
        selection: The threshold above which its verdicts may stand alone; those without a probability, or
            on which people do not say one label, are counted as dropped.
        p: Shape (n,), probabilities.
        agrees: Shape (n,), 1 where people say the same.
        kind: What the probabilities are.
    """

    diagram: ReliabilityDiagram
    mcb: Estimate
    ece: Estimate
    selection: Selection
    p: Floats
    agrees: Floats
    kind: str


@dataclass(frozen=True, slots=True)
class Beside:
    """A rule that costs nothing, beside the judge.

    Args:
        name: Of the control.
        agreement: Its percent agreement with people.
        difference: Agreement of the judge less the control's.
        test: Whether they differ.
        constant: Whether it says one label whatever is judged.
    """

    name: str
    agreement: Estimate
    difference: Estimate
    test: Significance | None
    constant: bool


def associations(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """Correlations of the judge's numbers with people's mean; blind to severity."""
    x, y = lab.column(judge), lab.human
    if lab.ratings.level == "nominal" and len(lab.ratings.values) > 2:
        return {}
    made = {}
    for kind in ("pearson", "spearman", "tau_b"):
        made[kind] = correlation(
            x, y, kind=kind, level=how.level, clusters=lab.ratings.clusters, b=how.b, seed=how.seed
        )
    return made


def corrected_level(lab: Labelled, judge: str, how: How) -> Estimate | None:
    """People's mean over everything the judge rated, from its verdicts and the labels; None without more."""
    more = lab.unlabelled.get(judge)
    if more is None or not len(more):
        return None
    values = lab.ratings.values
    bounds = (float(values[0]), float(values[-1]))
    mine, people = lab.column(judge), lab.human
    made = ppi(people, mine, more, sampling=how.sampling, bounds=bounds, level=how.level)
    if lab.ratings.clusters is None:
        return made
    return replace(made, notes=(*made.notes, "units of one cluster were taken as independent"))


def orders(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """Order effects of a judge of pairs that saw both orders."""
    if judge not in lab.orders:
        return {}
    one, other = lab.orders[judge]
    clusters = lab.ratings.clusters
    return dict(position_effects(one, other, seed=how.seed, clusters=clusters, b=how.b, level=how.level))


def sureness(lab: Labelled, judge: str, how: How) -> Sureness | None:
    """Calibration of the judge's probabilities; None where it gave none."""
    at = lab.ratings.raters.index(judge)
    p, codes, people = lab.sure[:, at], lab.ratings.codes[:, at], lab.consensus
    judged, right = codes >= 0, np.where(people >= 0, codes == people, np.nan)
    kept = ~np.isnan(p) & judged & (people >= 0)
    if not kept.any():
        return None
    chosen = select(p[judged], 1 - right[judged], alpha=how.error)
    p, agrees = p[kept], right[kept]
    return Sureness(
        reliability_diagram(p, agrees, seed=how.seed, b=how.b),
        miscalibration(p, agrees, seed=how.seed, b=how.b),
        ece(p, agrees, seed=how.seed, b=how.b),
        chosen,
        p,
        agrees,
        lab.sure_is,
    )


def slices(lab: Labelled, measure: Callable[[Labelled], Estimate]) -> dict[str, tuple[Slice, ...]]:
    """The gate's coefficient by each column of groups, each group tested against the rest."""
    groups = dict(lab.groups)
    names = [s[0] if len(s) == 1 else None for s in lab.systems]
    if len({n for n in names if n is not None}) > 1:
        groups["system"] = tuple(names)
    if lab.lengths is not None and (np.isfinite(lab.lengths)).sum() >= 90:
        cuts = np.nanquantile(lab.lengths, [1 / 3, 2 / 3])
        third = np.digitize(lab.lengths, cuts)
        names_of = ("shorter", "middle", "longer")
        groups["length"] = tuple(
            names_of[k] if ok else None
            for k, ok in zip(third.tolist(), np.isfinite(lab.lengths), strict=True)
        )
    return {
        name: by_slice(list(of), lambda index: measure(rows(lab, index)))
        for name, of in groups.items()
        if len(set(of) - {None}) > 1
    }


def rows(lab: Labelled, index: Codes) -> Labelled:
    """Some units of it, for what is computed from labels and numbers."""
    kept = np.zeros(lab.ratings.n_units, dtype=bool)
    kept[index] = True
    return replace(
        lab, ratings=lab.ratings.where(kept), numbers=lab.numbers[kept], sure=lab.sure[kept], groups={},
        lengths=None, weights=None if lab.weights is None else lab.weights[kept], orders={},
    )  # fmt: skip


def controls(lab: Labelled, judge: str, how: How) -> tuple[Beside, ...]:
    """The judge beside rules that cost nothing: always one label, and the controls among the judges."""
    r, people = lab.ratings, lab.consensus
    seen = people[people >= 0]
    if not len(seen):
        return ()
    common = int(np.bincount(seen).argmax())
    made: dict[str, tuple[Codes, bool]] = {
        f"always {r.labels[common]!r} (people's commonest)": (np.full(len(people), common), True)
    }
    if r.level != "nominal" and common != len(r.values) - 1:
        made[f"always {r.labels[-1]!r} (the best)"] = (np.full(len(people), len(r.values) - 1), True)
    for name in lab.judges:
        if is_control(name) and name != judge:
            made[name] = (r.codes[:, r.raters.index(name)], False)
    mine = r.codes[:, r.raters.index(judge)]
    return tuple(_beside(name, mine, codes, lab, how, constant=c) for name, (codes, c) in made.items())


def _beside(name: str, mine: Codes, theirs: Codes, lab: Labelled, how: How, *, constant: bool) -> Beside:
    places = np.arange(len(lab.ratings.values), dtype=float)
    truth, a, c = (numbers_of(each, places) for each in (lab.consensus, mine, theirs))
    both = ~np.isnan(truth) & ~np.isnan(c)
    found = compare_accuracies(truth, a, c, level=how.level, clusters=lab.ratings.clusters)
    test = found.tests[0] if found.tests else None
    right = int(np.sum(truth[both] == c[both]))
    agreed = share(right, int(both.sum()), name="percent_agreement", level=how.level)
    return Beside(name, agreed, found.difference, test, constant)


def lengths(lab: Labelled, judge: str, how: How) -> tuple[Estimate, ...]:
    """What the judge pays for length, given people's score: logits for pairs, else shares of the scale."""
    if lab.lengths is None:
        return ()
    x, human = lab.column(judge), lab.human
    clusters = lab.ratings.clusters
    if lab.pairs:
        return (length_preference(x, lab.lengths, human - 0.5, clusters=clusters, level=how.level),)
    size = np.where(lab.lengths > 0, lab.lengths, np.nan)
    return length_coefficient(x / lab.span, size, human / lab.span, clusters=clusters, level=how.level)


def repeats(lab: Labelled, judge: str, how: How, skipped: Skipped) -> dict[str, Estimate]:
    """Repeatability of a judge that was asked something twice; empty, and said, where it was not."""
    if judge in lab.repeats:
        return repeatability_of(lab.repeats[judge], **how.options)
    skipped.say("repeats", "nothing was asked twice in the same order; ask with samples=2 or more")
    return {}


def rates(two: Ratings, how: How) -> dict[str, Estimate]:
    """Sensitivity and specificity of a judge of two labels, the better one counting as found."""
    if len(two.values) != 2:
        return {}
    table = confusion(two)
    found, missed = int(table[1, 1]), int(table[0, 1])
    right, wrong = int(table[0, 0]), int(table[1, 0])
    return {
        "sensitivity": share(found, found + missed, name="sensitivity", level=how.level),
        "specificity": share(right, right + wrong, name="specificity", level=how.level),
    }


NAME = "self-preference"


def family_of(name: str, families: Mapping[str, str]) -> str:
    """The family of a judge or a system."""
    plain = re.split(r"[/#]", name)[-1]
    return families.get(name, families.get(plain, plain)).casefold()


def own_responses(lab: Labelled, judge: str) -> Floats:
    """Whose responses they are.

    Shape: returns (n_units,).
    """
    mine = family_of(judge, lab.families)
    own = np.full(lab.ratings.n_units, np.nan)
    for row, systems in enumerate(lab.systems):
        kin = [float(family_of(system, lab.families) == mine) for system in systems]
        if len(kin) == (2 if lab.pairs else 1):
            own[row] = kin[0] - kin[1] if lab.pairs else kin[0]
    for row, family in enumerate(lab.family):
        if family is not None and not lab.pairs:
            own[row] = float(family_of(family, lab.families) == mine)
    return own


def self_preferences(lab: Labelled, judge: str, how: How, skipped: Skipped) -> tuple[Estimate, ...]:
    """What a judge gives its own family beyond what people do."""
    own = own_responses(lab, judge)
    if np.isnan(own).all():
        skipped.say(NAME, "who wrote the responses is not known; name the systems (column system)")
        return ()
    if not np.any(np.abs(own) == 1):
        skipped.say(NAME, "no response is known to be of the judge's family; declare it (families)")
        return ()
    clusters = lab.ratings.clusters
    x, human = lab.column(judge), lab.human
    if not lab.pairs:
        x, human = x / lab.span, human / lab.span
        return (self_preference(x, own, human, clusters=clusters, level=how.level),)
    mixed = np.abs(own) == 1
    groups = None if clusters is None else clusters[mixed]
    x, human = (np.where(own > 0, each, 1 - each)[mixed] for each in (x, human))
    return (
        self_preference_in_pairs(x, human - 0.5, clusters=groups, level=how.level),
        equal_opportunity(x, human, clusters=groups, **how.options),
    )


RESAMPLES = 500
"""As many at most, for there are several estimates for each two populations."""


def by_population(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """A judge's agreement with each population, the population's own, and the gaps; none below two."""
    panel = lab.ratings.of(judge, *lab.people)
    options = replace(how, b=min(how.b, RESAMPLES)).options
    pools = {person: lab.pools[person] for person in lab.people if person in lab.pools}
    if len(set(pools.values())) > 1:
        return _named(populations(panel, judge=judge, pools=pools, **options))
    if len(set(lab.populations) - {None}) > 1:
        return _named(populations(panel, judge=judge, units=lab.populations, **options))
    return {}


def _named(found: Populations) -> dict[str, Estimate]:
    made: dict[str, Estimate] = {}
    for each in found.each:
        made[f"with {each.name}"] = each.judge
        made[f"{each.name} among themselves"] = each.own
        made[f"with {each.name}, less their own"] = each.shortfall
    for words, pairs in (
        ("{} with {}", found.between),
        ("with {}, less with {}", found.gaps),
        ("own of {}, less of {}", found.own_gaps),
    ):
        made |= {words.format(*names): each for names, each in pairs.items()}
    return {name: replace(each, name=name) for name, each in made.items()}
