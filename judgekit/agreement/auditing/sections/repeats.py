"""Repeats: does the judge say the same when it is asked again?"""

from judgekit.agreement.auditing.data import Labelled, repeatability_of
from judgekit.agreement.auditing.records import How, Skipped
from judgekit.agreement.auditing.section import About, Figure, Section, intervals
from judgekit.agreement.auditing.wording import told
from judgekit.types import Estimate

SAYS = {
    "repeats": (
        "Does it say the same when it is asked again?",
        (
            "Units that were judged more than once in the same order. Flips: how often two verdicts on "
            "one unit differ; all the same: units on which none does. ICC: the share of the variance of "
            "single scores that is between units, not between repeats."
        ),
    ),
}


NOISE = ("sem", "smallest_detectable_change")
"""In shares of the scale, so that they are told and not drawn among rates."""


def repeats(lab: Labelled, judge: str, how: How, skipped: Skipped) -> dict[str, Estimate]:
    """Repeatability of a judge that was asked something twice; empty, and said, where it was not."""
    if judge in lab.repeats:
        return repeatability_of(lab.repeats[judge], **how.options)
    skipped.say("repeats", "nothing was asked twice in the same order; ask with samples=2 or more")
    return {}


def figure(about: About) -> Figure | None:
    """Does it say the same when it is asked again?"""
    rates = {
        each.judge: [e for name, e in each.repeats.items() if name not in (*NOISE, "repeat_agreement")]
        for each in about.judges
    }
    told_of = [
        f"noise of a single score of {each.judge} (SEM): {told(each.repeats['sem'])} of the scale; smallest "
        f"difference that is more than noise: {told(each.repeats['smallest_detectable_change'])}"
        for each in about.judges
        if "sem" in each.repeats
    ]
    return intervals(about, "repeats", rates, told_of)


SECTION = Section(
    name="repeats", says=SAYS, of_all=figure,
    compute=lambda case: {"repeats": repeats(case.lab, case.judge, case.how, case.skipped)},
)  # fmt: skip
