"""The judge's own family: does it favour what that wrote?

A judge is of a system's family if both have one name, but for the provider or the place in front of it, if
they were declared to be of one family, or if the labels' column `family` names the judge or its family.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import How, Skipped
from judgekit.agreement.auditing.section import About, Case, Figure, Section, intervals
from judgekit.agreement.bias.self_preference import (
    equal_opportunity,
    self_preference,
    self_preference_in_pairs,
)
from judgekit.agreement.core.ratings import Floats
from judgekit.types import Estimate, is_control

SAYS = {
    "family": (
        "Does it favour what its own family wrote?",
        (
            "What the judge gives its own family's responses beyond what people give them, less the same "
            "for others: 0 is no favour. Of scores in shares of the scale; of pairs in logits, and as the "
            "share of people's wins it sees, its own less others'."
        ),
    ),
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


def figure(about: About) -> Figure | None:
    """Does it favour what its own family wrote?"""
    return intervals(about, "family", {each.judge: each.self_preference for each in about.judges})


def compute(case: Case) -> dict[str, Any]:
    """Favour to its own family; nothing for a rule or a scale without direction."""
    if not case.numbers or is_control(case.judge):
        return {"self_preference": ()}
    return {"self_preference": self_preferences(case.lab, case.judge, case.how, case.skipped)}


SECTION = Section(name="self-preference", says=SAYS, compute=compute, of_all=figure)
