"""The piece of an audit that is about families: does a judge favour what its own family wrote?

A judge is of a system's family if both have one name, but for the provider or the place in front of it, if
they were declared to be of one family, or if the labels' column `family` names the judge or its family.
"""

import re
from collections.abc import Mapping

import numpy as np

from judgekit.agreement.audit_data import Labelled
from judgekit.agreement.audit_parts import How, Skipped
from judgekit.agreement.ratings import Floats
from judgekit.agreement.self_preference import equal_opportunity, self_preference, self_preference_in_pairs
from judgekit.types import Estimate

NAME = "self-preference"


def family_of(name: str, families: Mapping[str, str]) -> str:
    """The family of a judge or a system.

    Args:
        name: Its name; of a judge also as it is asked for.
        families: Name -> family, as declared.

    >>> family_of("openai/gpt-4o", {}), family_of("GPT-4o", {}), family_of("gpt-4o", {"gpt-4o": "gpt"})
    ('gpt-4o', 'gpt-4o', 'gpt')
    """
    plain = re.split(r"[/#]", name)[-1]
    return families.get(name, families.get(plain, plain)).casefold()


def own_responses(lab: Labelled, judge: str) -> Floats:
    """Whose responses they are.

    Returns:
        Shape (n_units,). 1 where the judge's family wrote the response, 0 where another did; of pairs, 1
        where it wrote the first alone, -1 the second alone, 0 both or neither; nan where unknown.
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
    """What a judge gives its own family beyond what people do.

    Returns:
        `self_preference`, in shares of the scale; of pairs `self_preference_logit` and `equal_opportunity`.
        Empty where it is not known who wrote the responses, or none is of the judge's family.
    """
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
