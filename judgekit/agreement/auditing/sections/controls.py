"""Rules that cost nothing, beside the judge."""

import numpy as np

from judgekit.agreement.association.comparing import compare_accuracies
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import Beside, How
from judgekit.agreement.auditing.section import Section
from judgekit.agreement.core.intervals import share
from judgekit.agreement.core.ratings import Codes
from judgekit.agreement.people.panel import numbers_of
from judgekit.types import is_control


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


SECTION = Section(
    name="controls",
    compute=lambda case: {"controls": () if case.long else controls(case.lab, case.judge, case.how)},
)
