"""What moves a judge besides the answer: its length, its place, and that its own family wrote it.

A judge is of a system's family if both have one name, but for the provider or the place in front of it, if
they were declared to be of one family, or if the labels' column `family` names the judge or its family.
"""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from judgekit.agreement.auditing import deciding
from judgekit.agreement.auditing.data import Labelled
from judgekit.agreement.auditing.records import JudgeAudit
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section, intervals
from judgekit.agreement.auditing.wording import Row, called, ends, percents, told
from judgekit.agreement.bias.favours import (
    equal_opportunity,
    length_coefficient,
    length_preference,
    self_preference,
    self_preference_in_pairs,
)
from judgekit.agreement.bias.order_effects import position_counts, position_effects
from judgekit.agreement.core.intervals import clustered_mean, share
from judgekit.agreement.core.ratings import Floats
from judgekit.types import Estimate, is_control

SAYS_LENGTH = {
    "length": (
        "Does it pay for length?",
        "Mean {what} by fifths of {across}. {people}; what counts is where the judge's line rises more, "
        "or falls less, than theirs.",
    ),
}


def lengths(case: Case) -> tuple[Estimate, ...]:
    """What the judge pays for length, given people's score: logits for pairs, else shares of the scale."""
    lab, level = case.lab, case.how.level
    if lab.lengths is None:
        return ()
    x, human, clusters = lab.column(case.judge), lab.human, lab.ratings.clusters
    if lab.pairs:
        return (
            deciding.toward(lab, case.judge, np.sign(lab.lengths), case.how, "longer_preferred"),
            length_preference(x, lab.lengths, human - 0.5, clusters=clusters, level=level),
        )
    size = np.where(lab.lengths > 0, lab.lengths, np.nan)
    return length_coefficient(x / lab.span, size, human / lab.span, clusters=clusters, level=level)


def draw_length(about: About, judge: JudgeAudit) -> Figure | None:
    """How judge and people follow length."""
    lab = about.criterion.labelled
    if lab.lengths is None:
        return None
    x, mine, people = lab.lengths, lab.column(judge.judge), lab.human
    kept = ~(np.isnan(x) | np.isnan(mine) | np.isnan(people))
    if kept.sum() < 25:
        return None
    x, mine, people = x[kept], mine[kept], people[kept]
    which = np.digitize(x, np.quantile(x, [0.2, 0.4, 0.6, 0.8]))
    fifths = [own for own in (which == k for k in range(5)) if own.sum() >= 3]
    theirs = [clustered_mean(people[own]) for own in fifths]
    rows = [
        (float(np.median(x[own])), *ends(clustered_mean(mine[own])), *ends(of_people), int(own.sum()))
        for own, of_people in zip(fifths, theirs, strict=True)
    ]
    notes = [f"{called(each.name)}: {told(each)}" for each in judge.lengths]
    across = "length of the first response less the second's" if lab.pairs else "length of the response"
    columns = ("length", "judge", "judge_low", "judge_high", "people", "people_low", "people_high", "units")
    what = "preference for the first response" if lab.pairs else "score"
    words = {"what": what, "across": across, "people": _liking(theirs)}
    spots, heights = [row[0] for row in rows], [v for row in rows for v in row[1:7] if v is not None]
    room = (max(heights) - min(heights)) * 0.06 or 0.1
    chart = Chart(
        kind="points", x="length", y=("people", "judge"), curve=True, whiskers=True,
        legend={"people": "people", "judge": "judge"}, axes=("length (median of each fifth)", ""),
        x_span=(min(spots), max(spots)), y_span=(min(heights) - room, max(heights) + room),
        tip="people {people}, judge {judge} ({units} units)",
    )  # fmt: skip
    return about.figure(
        "length", columns, rows, int(kept.sum()), interval="95 % t", notes=notes, words=words, chart=chart
    )


def _liking(fifths: Sequence[Estimate]) -> str:
    """What people make of length, as the interval of the last fifth less the first has it."""
    if len(fifths) < 2 or not (noise := math.hypot(fifths[0].se, fifths[-1].se)) > 0:
        return "Whether people like longer responses these units do not show"
    gain = (fifths[-1].value - fifths[0].value) / noise
    if abs(gain) < 2:
        return "People are not shown to like longer responses more, or less"
    return "People like longer responses more" if gain > 0 else "People like longer responses less"


LENGTH = Section(
    name="length", says=SAYS_LENGTH, of_judge=draw_length, consulted=True,
    compute=lambda case: {"lengths": case.skipped.unless("length", lambda: lengths(case)) or ()},
)  # fmt: skip
SAYS_ORDER = {
    "orders": (
        "Does the verdict follow the place or the response?",
        "Each pair was judged in both orders. Consistent: the same response wins both times. "
        "Otherwise the judge leans to the response shown first, or to the one shown second.",
    ),
}


def orders(case: Case) -> dict[str, Estimate]:
    """Order effects of a judge of pairs that saw both orders."""
    if case.judge not in case.lab.orders:
        if case.lab.pairs:
            case.skipped.say(
                "orders", "each pair was judged in one order only: place and response look alike"
            )
        return {}
    verdicts, clusters = case.lab.orders[case.judge], case.lab.ratings.clusters
    return dict(position_effects(*verdicts, clusters=clusters, **case.how.options))


def draw_order(about: About) -> Figure | None:
    """Does the verdict follow the place or the response?"""
    lab = about.criterion.labelled
    rows: list[Row] = []
    notes: list[str] = []
    n = 0
    for judge in about.criterion.judges:
        if judge.judge not in lab.orders:
            continue
        c = position_counts(*lab.orders[judge.judge])
        n = max(n, c.n)
        kinds = (("consistent", c.consistent), ("first place", c.primacy), ("second place", c.recency))
        rows += [(judge.judge, what, *percents(share(k, c.n)), k) for what, k in kinds]
        f = judge.orders["preference_fairness"]
        notes.append(f"{judge.judge}: (second place - first place) / pairs {told(f)}; {'; '.join(f.notes)}")
    if not rows:
        return None
    notes.append(
        "with one verdict an order, place and noise cannot be told apart: ask again in the same order"
    )
    columns = ("judge", "what", "percent", "low", "high", "pairs")
    chart = Chart(
        kind="bars", x="judge", group="what", value="percent", stacked=True,
        kinds=("good", "t0", "t1"),
        legend={"first place": "leans to the first place", "second place": "leans to the second"},
        axes=("percent of pairs; line: interval of the consistent", ""),
        tip="{what}: {percent} % [{low}, {high}], {pairs} pairs",
    )  # fmt: skip
    return about.figure("orders", columns, rows, n, interval="95 % Wilson", notes=notes, chart=chart)


ORDER = Section(
    name="orders", says=SAYS_ORDER, of_all=draw_order, consulted=True,
    compute=lambda case: {"orders": orders(case)},
)  # fmt: skip


SAYS_FAMILY = {
    "family": (
        "Does it favour what its own family wrote?",
        "What the judge gives its own family's responses beyond what people give them, less the same "
        "for others: 0 is no favour. Of scores in shares of the scale; of pairs in logits, and as the "
        "share of people's wins it sees, its own less others'.",
    ),
}


NAME = "self-preference"


def family_of(name: str, families: Mapping[str, str]) -> str:
    """The family of a judge or a system."""
    plain = re.split(r"[/#]", name)[-1]
    return families.get(name, families.get(plain, plain)).casefold()


def own_responses(lab: Labelled, judge: str) -> Floats:
    """Return whose responses they are, (n_units,): 1 of its family, 0 not; of pairs the difference."""
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


def self_preferences(case: Case) -> tuple[Estimate, ...]:
    """What a judge gives its own family beyond what people do; nothing for a rule or without direction."""
    if not case.numbers or is_control(case.judge):
        return ()
    lab, how, skipped = case.lab, case.how, case.skipped
    own = own_responses(lab, case.judge)
    if np.isnan(own).all():
        skipped.say(NAME, "who wrote the responses is not known; name the systems (column system)")
        return ()
    if not np.any(np.abs(own) == 1):
        skipped.say(NAME, "no response is known to be of the judge's family; declare it (families)")
        return ()
    clusters = lab.ratings.clusters
    x, human = lab.column(case.judge), lab.human
    if not lab.pairs:
        x, human = x / lab.span, human / lab.span
        return (self_preference(x, own, human, clusters=clusters, level=how.level),)
    mixed = np.abs(own) == 1
    groups = None if clusters is None else clusters[mixed]
    x, human = (np.where(own > 0, each, 1 - each)[mixed] for each in (x, human))
    return (
        deciding.toward(lab, case.judge, own, how, "own_preferred"),
        self_preference_in_pairs(x, human - 0.5, clusters=groups, level=how.level),
        equal_opportunity(x, human, clusters=groups, **how.options),
    )


FAMILY = Section(
    name="self-preference", says=SAYS_FAMILY, consulted=True,
    compute=lambda case: {"self_preference": self_preferences(case)},
    of_all=lambda about: intervals(about, "family", {j.judge: j.self_preference for j in about.judges}),
)  # fmt: skip
