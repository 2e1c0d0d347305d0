"""Populations of people, or of units: with whom does the judge agree, and they with themselves?

The labels say which by what holds of a person, or of a unit, throughout.
"""

from dataclasses import replace
from typing import Any

from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import How
from judgekit.agreement.auditing.section import About, Case, Figure, Section, intervals
from judgekit.agreement.bias.populations import Populations, populations
from judgekit.types import Estimate, is_control

SAYS = {
    "populations": (
        "With whom does it agree, and they with each other?",
        (
            "Agreement beyond chance: of the judge with each population, of each population among "
            "themselves (their own), of populations with each other, and the differences. A judge cannot "
            "agree with two populations that disagree with each other."
        ),
    ),
}


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


def figure(about: About) -> Figure | None:
    """With whom does it agree, and do they agree with each other?"""
    return intervals(about, "populations", {each.judge: each.populations.values() for each in about.judges})


def compute(case: Case) -> dict[str, Any]:
    """Agreement with each population; none for a rule."""
    if is_control(case.judge):
        return {"populations": {}}
    return {"populations": by_population(case.lab, case.judge, case.how)}


SECTION = Section(name="populations", says=SAYS, compute=compute, of_all=figure)
