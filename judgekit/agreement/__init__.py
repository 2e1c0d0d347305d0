"""Arrays of ratings -> estimates with intervals: do raters say the same beyond chance?

The public statistics by name, loaded when they are first used: `jk.agreement.kappa(rows, scale=...)`. Each
takes plain arrays or frames of shape (n_units, n_raters), or columns, and gives an `Estimate`, or a record
of several. `audit` takes everything at once.

Said once for all of them: `level` is the confidence of an interval, `seed` and `b` are of its resamples
(`Drawn`), `clusters` (n_units,) say what each unit belongs to, an item or a prompt, since whole clusters are
what is independent; raw labels come with their declared `scale`. A malformed argument, such as a wrong
shape, infinity or a number off its range, is an `InputError`; data that allow no value are none, and give an
estimate whose status says why.

The rooms, each looking only at those before it: `core` (ratings, estimates, intervals, resampling), `chance`
(kappa and its relations), `association` (correlations, pairs), `models` (variance components, severity),
`people` (the judge beside people), `sampling` (few labels), `probability` (calibration, thresholds),
`published` (benchmarks' own figures), `bias` (what else moves a judge), `auditing` (all of it at once).
`__init__.pyi` says the same names to editors and type checkers; a test keeps it so.
"""

from judgekit.face import lazily

_ROOMS = {
    "association.comparing": ("compare_accuracies", "compare_correlations", "paired_difference"),
    "association.correlation": ("correlation",),
    "association.groupings": ("four_groupings", "grouped_correlation"),
    "association.pairwise_accuracy": ("soft_accuracy", "tie_calibrated_accuracy"),
    "auditing.audit": ("audit",),
    "auditing.data": ("Labelled", "of_frame"),
    "auditing.records": ("Audit", "CriterionAudit", "JudgeAudit"),
    "auditing.section": ("Chart", "Section"),
    "auditing.sections.agreement": ("all_coefficients", "headline"),
    "bias.error_correlation": ("effective_judges", "jury_against_best"),
    "bias.favours": (
        "equal_opportunity", "lc_win_rate", "lc_win_rates", "length_coefficient", "length_correlation",
        "length_preference", "self_preference", "self_preference_in_pairs",
    ),
    "bias.order_effects": (
        "attributable_to_position", "listwise_position", "order_intercept", "position_effects",
    ),
    "bias.populations": ("populations",),
    "bias.range_use": (
        "anchoring", "deming_slope", "halo", "marginal_homogeneity", "range_use", "scale_use",
    ),
    "bias.repeats": (
        "denoised_accuracy", "flip_noise", "flips_by_margin", "length_bias", "pair_accuracies",
        "position_bias", "repeatability",
    ),
    "bias.severity": (
        "confidence_gap", "criterion_validity", "leniency", "panel_severity", "signed_error",
        "system_gaps",
    ),
    "bias.slices": ("by_slice", "metric_conflicts"),
    "chance.coefficients": (
        "alpha", "brennan_prediger", "conger", "fleiss", "gwet", "kappa", "Options", "percent", "scott",
    ),
    "chance.profile": ("coverage", "kappa_profile", "specific", "within_steps"),
    "core.estimate": ("Status",),
    "core.intervals": ("clustered_mean", "share"),
    "core.multiplicity": ("adjust",),
    "core.ratings": ("as_ratings", "Ratings", "ratings_of_table"),
    "core.resample": ("Drawn",),
    "models.bland": ("bland_altman", "ccc"),
    "models.dstudy": ("cheapest", "d_study", "gap", "reliability", "variance_parts"),
    "models.gstudy": ("component_estimates", "g_study"),
    "models.icc": ("icc", "iccs"),
    "models.rasch": ("many_facet_rasch", "severities"),
    "people.alt_test": ("alt_test", "alt_test_power", "alt_tests_together"),
    "people.ceiling": (
        "against_margin", "disattenuated_correlation", "human_ceiling", "replacement_alpha",
    ),
    "probability.brier": ("brier", "cox_calibration", "decompose_brier", "log_loss", "spiegelhalter_z"),
    "probability.reliability": ("ece", "miscalibration", "reliability_diagram"),
    "probability.selective": ("aurc", "conformal_radius", "group_radii", "select"),
    "published.arena": ("benchmark_agreement",),
    "published.rankings": ("kendall_w", "ranking_overlap", "ratings_against_rankings"),
    "published.sas": (
        "ccs_as_published", "collaborative_consistency", "ecs_as_published", "errors_consistency",
    ),
    "sampling.active": (
        "active_mean", "draw_units", "hajek_kappa", "hajek_mean", "labelling_probabilities",
        "neyman_allocation",
    ),
    "sampling.planning": (
        "anticipated_table", "confidence_sequence", "design_effect", "labels_for_difference",
        "labels_for_kappa", "labels_for_kappa_bound", "labels_for_ppi", "labels_for_share", "paired_sd",
        "share_sequence",
    ),
    "sampling.ppi": ("on_label_scale", "ppi", "ppi_difference", "ppi_stratified"),
    "sampling.rogan_gladen": ("corrected_rate",),
}  # fmt: skip

__getattr__, __dir__ = lazily(__name__, _ROOMS)
