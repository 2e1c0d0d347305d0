"""Arrays of ratings -> estimates with intervals: do raters say the same beyond chance?

The main statistics by name, loaded when they are first used: `jk.agreement.kappa(rows, scale=...)`. Each
takes plain arrays or frames of shape (n_units, n_raters), or columns, and gives an `Estimate`, or a record
of several. `audit` takes everything at once. Where a module is called as its function, the name is the
module: `jk.agreement.icc.icc(rows)`.
"""

from importlib import import_module
from typing import Any

_ROOMS = {
    "active": ("active_mean", "hajek_kappa", "hajek_mean"),
    "alt_test": ("alt_tests_together",),
    "arena": ("benchmark_agreement",),
    "auditing": ("audit",),
    "audit_data": ("Labelled", "of_frame"),
    "audit_join": ("Facts", "side_by_side"),
    "audit_records": ("Audit", "CriterionAudit", "JudgeAudit"),
    "bland": ("bland_altman", "ccc"),
    "brier": ("cox_calibration",),
    "calibration_error": ("ece",),
    "ceiling": ("disattenuated_correlation", "human_ceiling"),
    "coefficients": ("alpha", "brennan_prediger", "conger", "fleiss", "gwet", "kappa", "percent", "scott"),
    "compare_judges": ("compare_accuracies", "compare_correlations", "paired_difference"),
    "conflict": ("metric_conflicts",),
    "corp": ("miscalibration", "reliability_diagram"),
    "dstudy": ("cheapest", "d_study", "reliability"),
    "equivalence": ("against_margin",),
    "error_correlation": ("effective_judges",),
    "groupings": ("four_groupings", "grouped_correlation"),
    "gstudy": ("component_estimates", "g_study"),
    "headline": ("all_coefficients",),
    "icc": ("iccs",),
    "intervals": ("clustered_mean", "share"),
    "jury": ("jury_against_best",),
    "length_effects": (
        "lc_win_rate", "lc_win_rates", "length_coefficient", "length_correlation", "length_preference",
    ),
    "margins": ("marginal_homogeneity",),
    "multiplicity": ("adjust",),
    "order_effects": ("attributable_to_position", "position_effects"),
    "overlap": ("ranking_overlap",),
    "pairwise_accuracy": ("tie_calibrated_accuracy",),
    "planning": (
        "labels_for_difference", "labels_for_kappa", "labels_for_kappa_bound", "labels_for_ppi",
        "labels_for_share",
    ),
    "ppi": ("ppi_difference",),
    "ppi_strata": ("ppi_stratified",),
    "profile": ("coverage", "kappa_profile", "specific", "within_steps"),
    "rank_concordance": ("kendall_w",),
    "rasch": ("many_facet_rasch", "severities"),
    "ratings": ("Ratings", "as_ratings", "ratings_of_table"),
    "ratings_rankings": ("ratings_against_rankings",),
    "replacement": ("replacement_alpha",),
    "retest": ("repeatability",),
    "rogan_gladen": ("corrected_rate",),
    "selective": ("select",),
    "self_preference": ("self_preference_in_pairs",),
    "sequential": ("confidence_sequence",),
    "signed_error": ("criterion_validity",),
    "slices": ("by_slice",),
    "soft_pairwise": ("soft_accuracy",),
    "variance_parts": ("gap",),
}  # fmt: skip
_MODULES = (
    "alt_test", "alt_test_power", "brier", "correlation", "headline", "icc", "leniency",
    "populations", "ppi", "range_use", "self_preference", "signed_error", "variance_parts",
)  # fmt: skip
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_WHERE, *_MODULES])
