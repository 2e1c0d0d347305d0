"""Is the judge right as often as it is sure, when may it decide alone, and does it say the same again?"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from judgekit.agreement.auditing.data import repeatability_of
from judgekit.agreement.auditing.records import JudgeAudit, Sureness
from judgekit.agreement.auditing.section import About, Case, Chart, Figure, Section, intervals
from judgekit.agreement.auditing.wording import told
from judgekit.agreement.probability.reliability import ece, miscalibration, reliability_diagram
from judgekit.agreement.probability.selective import risk_coverage, select
from judgekit.types import Estimate

SAYS_SURENESS = {
    "reliability": (
        "Is it right as often as it is sure?",
        "Across: the judge's probability of its label ({kind}). Upwards: how often people agree "
        "(CORP, no bins). On the dashed line both are equal; within the band lies what a calibrated "
        "judge may show by chance.",
    ),
    "risk": (
        "How much may it decide alone?",
        "If only verdicts above a probability stand: how many do (across), and how many of those "
        "people disagree with (upwards).",
    ),
}


def sureness(case: Case) -> Sureness | None:
    """Calibration of the judge's probabilities; None where it gave none."""
    lab, how = case.lab, case.how
    at = lab.ratings.raters.index(case.judge)
    p, codes, people = lab.sure[:, at], lab.ratings.codes[:, at], lab.consensus
    judged, right = codes >= 0, np.where(people >= 0, codes == people, np.nan)
    kept = ~np.isnan(p) & judged & (people >= 0)
    if not kept.any():
        return None
    chosen = select(p[judged], 1 - right[judged], alpha=how.error)
    p, agrees = p[kept], right[kept]
    return Sureness(
        diagram=reliability_diagram(p, agrees, seed=how.seed, b=how.b),
        mcb=miscalibration(p, agrees, seed=how.seed, b=how.b), ece=ece(p, agrees, seed=how.seed, b=how.b),
        selection=chosen, p=p, agrees=agrees, kind=lab.sure_is,
    )  # fmt: skip


def _reliability(about: About, found: Sureness) -> Figure:
    """Are the judge's probabilities what they say?"""
    d, mcb = found.diagram, found.mcb
    parts = zip(d.p, d.count, d.recalibrated, d.low, d.high, strict=True)
    rows = [(float(p), int(n), float(a), float(lo), float(hi)) for p, n, a, lo, hi in parts]
    said = (
        f"miscalibration {mcb.value:.4f}, discrimination {d.parts.dsc:.4f}, Brier score {d.parts.brier:.4f}"
    )
    return about.figure(
        "reliability", ("probability", "units", "agreed", "band_low", "band_high"), rows,
        len(found.p), interval=f"{d.level:.0%} consistency band, seed {d.seed}",
        notes=[said, *mcb.notes], words={"kind": found.kind},
        chart=Chart(
            kind="points", x="probability", y=("agreed",), band=("band_low", "band_high"), weights="units",
            axes=("the judge's probability of its label; bars: how many", "people agree"), curve=True,
            segments=(("dashed", (0.0, 0.0), (1.0, 1.0), ""),), tip="says {probability}, right {agreed}",
        ),
    )  # fmt: skip


def _risk(about: About, found: Sureness) -> Figure:
    """How the error falls where only sure verdicts stand."""
    curve = risk_coverage(found.p, 1 - found.agrees)
    chosen = found.selection
    parts = zip(curve.threshold, curve.coverage, curve.risk, strict=True)
    rows = [(float(a), float(b), float(c)) for a, b, c in parts]
    lines: dict[str, Any] = {}
    note = f"no threshold promises at most {chosen.alpha:.0%} wrong: {'; '.join(chosen.notes)}"
    if chosen.status == "ok":
        lines = {"threshold": chosen.threshold, "coverage": chosen.coverage, "bound": chosen.bound}
        share = f"{chosen.coverage:.0%} of the {chosen.n_used} verdicts with a probability and a label"
        note = f"threshold {chosen.threshold:.3f}: {share} stand, at most {chosen.alpha:.0%} of them wrong"
        if chosen.n_dropped:
            note = f"{note}; {chosen.n_dropped} others have no part in it"
    most = max([0.05, *(row[2] for row in rows)]) * 1.1
    stand: float | None = lines.get("coverage")
    chart = Chart(
        kind="points", x="coverage", y=("risk",), curve=True, y_span=(0.0, most),
        axes=("share of verdicts that stand", "people disagree"),
        tip="from {threshold} on: a share of {coverage} stands, {risk} of it wrong",
        segments=() if stand is None else (
            ("dashed", (stand, 0.0), (stand, most), f"threshold {chosen.threshold:.2f}"),
        ),
    )  # fmt: skip
    return about.figure(
        "risk", ("threshold", "coverage", "risk"), rows, len(found.p), notes=[note], lines=lines,
        interval=f"threshold by exact binomial bounds, {1 - chosen.delta:.0%} sure", chart=chart,
    )  # fmt: skip


def draw_sureness(about: About, judge: JudgeAudit) -> Iterator[Figure]:
    """Reliability, and how the error falls."""
    if judge.sureness is not None:
        yield _reliability(about, judge.sureness)
        yield _risk(about, judge.sureness)


SURENESS = Section(
    name="calibration", says=SAYS_SURENESS, of_judge=draw_sureness,
    compute=lambda case: {"sureness": case.skipped.unless("calibration", lambda: sureness(case))},
)  # fmt: skip
SAYS_REPEATS = {
    "repeats": (
        "Does it say the same when it is asked again?",
        "Units that were judged more than once in the same order. Flips: how often two verdicts on "
        "one unit differ; all the same: units on which none does. ICC: the share of the variance of "
        "single scores that is between units, not between repeats.",
    ),
}


NOISE = ("sem", "smallest_detectable_change")
"""In shares of the scale, so that they are told and not drawn among rates."""


def repeats(case: Case) -> dict[str, Estimate]:
    """Repeatability of a judge that was asked something twice; empty, and said, where it was not."""
    if case.judge in case.lab.repeats:
        return repeatability_of(case.lab.repeats[case.judge], **case.how.options)
    case.skipped.say("repeats", "nothing was asked twice in the same order; ask with samples=2 or more")
    return {}


def draw_repeats(about: About) -> Figure | None:
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


REPEATS = Section(
    name="repeats", says=SAYS_REPEATS, compute=lambda case: {"repeats": repeats(case)}, of_all=draw_repeats
)
