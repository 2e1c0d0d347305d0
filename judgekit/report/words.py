"""Words of a report: what the verdicts mean, and what its terms do."""

from collections.abc import Mapping

MEANING: Mapping[str, str] = {
    "TRUST": "use it for this purpose as it is",
    "TRUST WITH CORRECTION": "use it, with the correction named: its fault is known and can be taken out",
    "HUMAN IN THE LOOP": "of use beside people, not in their place",
    "INSUFFICIENT EVIDENCE": "these labels cannot say; what is missing is named",
    "DO NOT USE": "no better than chance or a rule that costs nothing, or not near people",
}
_NAMES: Mapping[str, str] = {
    "cohen_kappa": "Cohen's kappa",
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
    "length_per_doubling": "share of the scale for each doubling of length, given people's score",
    "length_preference": "logit for the longer response, given people's margin",
}


def called(name: str) -> str:
    """A statistic's name as people write it; what follows its stem stands behind a comma.

    >>> called("cohen_kappa_quadratic"), called("specific_agreement[yes]"), called("sd_ratio")
    ("Cohen's kappa, quadratic", 'specific agreement [yes]', 'sd ratio')
    """
    stem = max((each for each in _NAMES if name.startswith(each)), key=len, default="")
    if not stem:
        return name.replace("_", " ")
    rest = name[len(stem) :]
    if rest.startswith("["):
        return f"{_NAMES[stem]} {rest}"
    return f"{_NAMES[stem]}, {rest.strip('_').replace('_', ' ')}" if rest else _NAMES[stem]


WORDS: Mapping[str, str] = {
    "cohen_kappa": "Cohen's kappa",
    "cohen_kappa_quadratic": "quadratic kappa: near misses count less than far ones",
    "cohen_kappa_linear": "linear kappa",
    "icc_a_1": "intraclass correlation, absolute agreement",
}
KEEP: Mapping[str, str] = {
    "interval": "the range of values these data are compatible with; verdicts go by its worse end",
    "kappa, alpha": "agreement beyond what chance gives: 0 is chance, 1 is perfect, below 0 is worse than chance",
    "quadratic kappa": "kappa where being one step off costs little and being far off costs much",
    "percent agreement": "share of equal labels, chance included; high for anybody where one label is common",
    "AC1, Brennan-Prediger": "kappas with other ideas of chance, less hurt by rare labels",
    "ceiling": "how far people agree with each other, measured as the judge is: each left out in turn",
    "correlation": "whether high goes with high; knows nothing of a judge that gives everybody a point too much",
    "signed error": "mean of judge less people: above 0 is lenient, as a share of the scale",
    "alternative annotator test": "whether the judge may stand in for one of the annotators (Calderon et al. 2025)",
    "soft pairwise accuracy": "whether the judge is as sure of differences between systems as people are",
    "not shown": "the interval reaches over the threshold: neither met nor failed",
    "control": "a rule that costs nothing, such as always the commonest label",
}
