"""The piece of an audit that is about populations: with whom does the judge agree, and they with themselves?

Populations are of people, or of units: the labels say which by what holds of a person, or of a unit,
throughout.
"""

from dataclasses import replace

from judgekit.agreement.audit_data import Labelled
from judgekit.agreement.audit_parts import How
from judgekit.agreement.populations import Populations, populations
from judgekit.types import Estimate

RESAMPLES = 500
"""As many at most, for there are several estimates for each two populations."""


def by_population(lab: Labelled, judge: str, how: How) -> dict[str, Estimate]:
    """A judge's agreement with each population, the population's own, and the gaps; none below two of them.

    Returns:
        What is compared, in words -> the estimate, under the same name: the judge's agreement `with` a
        population, that of people `among themselves` or `own`, and differences.
    """
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
