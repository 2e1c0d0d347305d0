"""Estimates in words and in cells of a table."""

import math
from typing import Any

from judgekit.types import Estimate

Row = tuple[Any, ...]


NAMES = {
    "cohen_kappa": "Cohen's kappa",
    "cohen_kappa_quadratic_of_scores": "Cohen's kappa, quadratic, of scores between labels",
    "cohen_kappa_ties_shared": "Cohen's kappa, ties shared",
    "scott_pi": "Scott's pi",
    "fleiss_kappa": "Fleiss' kappa",
    "conger_kappa": "Conger's kappa",
    "gwet_ac1": "Gwet's AC1",
    "gwet_ac2": "Gwet's AC2",
    "brennan_prediger": "Brennan-Prediger",
    "krippendorff_alpha": "Krippendorff",
    "percent_agreement": "percent agreement",
    "agreement_within_1": "within one step",
    "specific_agreement": "specific agreement",
    "icc": "ICC",
    "ccc": "concordance (CCC)",
    "flip_rate": "flips: two verdicts differ",
    "all_same": "all the same",
    "icc_repeats": "ICC of repeats",
    "self_preference": "favour to its own",
    "self_preference_logit": "favour to its own (logits)",
    "equal_opportunity": "people's wins seen, own less others",
    "length_per_doubling": "share of the scale for each doubling of length, given people's score",
    "length_preference": "logit for the longer response, given people's margin",
}
"""Stems of the names of statistics, as people write them."""


def told(estimate: Estimate | None) -> str:
    """Tell an estimate in a line: value, interval, or why there is none.

    >>> told(Estimate("kappa", 0.71, low=0.6, high=0.8))
    '0.710 [0.600, 0.800]'
    """
    if estimate is None:
        return "not computed"
    if math.isnan(estimate.value):
        return estimate.status.replace("undefined:", "undefined: ").replace("_", " ")
    ends = "" if math.isnan(estimate.low) else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    return f"{estimate.value:.3f}{ends}"


def called(name: str) -> str:
    """A statistic's name as people write it; what follows its stem stands behind a comma.

    >>> called("cohen_kappa_quadratic"), called("specific_agreement[yes]"), called("sd_ratio")
    ("Cohen's kappa, quadratic", 'specific agreement [yes]', 'sd ratio')
    """
    stem = max((each for each in NAMES if name.startswith(each)), key=len, default="")
    if not stem:
        return name.replace("_", " ")
    shown, rest = NAMES[stem], name[len(stem) :]
    if rest.startswith("["):
        return f"{shown} {rest}"
    return f"{shown}, {rest.strip('_').replace('_', ' ')}" if rest else shown


def whom(*, trusted: bool) -> str:
    """With what a judge is compared: people, or labels that were declared to be the truth."""
    return "the trusted labels" if trusted else "people"


LABELS_FOR_PEOPLE = (
    ("most people say", "the trusted labels say"), ("people's", "the labels'"),
    ("people", "the trusted labels"), ("People", "Trusted labels"),
)  # fmt: skip


def of_labels(text: str) -> str:
    """A text about people as one about trusted labels.

    >>> of_labels("A row is what most people say; how far from people's mean?")
    "A row is what the trusted labels say; how far from the labels' mean?"
    """
    for people, labels in LABELS_FOR_PEOPLE:
        text = text.replace(people, labels)
    return text


def number(value: float | None) -> float | None:
    """A number of a table; None where it is none that could be drawn."""
    return float(value) if value is not None and math.isfinite(value) else None


def ends(estimate: Estimate) -> Row:
    """Value, low, high."""
    return (number(estimate.value), number(estimate.low), number(estimate.high))


def percents(estimate: Estimate) -> Row:
    """Value, low, high as percent."""
    return tuple(None if each is None else 100 * each for each in ends(estimate))
