"""Every public statistic on fixed data, beside what the first release gave: the same numbers, to 1e-9.

What is fitted by iteration (REML, Newton) agrees to 1e-6, since another processor ends elsewhere.

`tests/data/agreement_0.1.0.json` was written by that release from these very calls.
"""

import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import judgekit
from judgekit.errors import InputError
from judgekit.types import Estimate


class Face:
    """The public names; called at another level and from another seed where a test asks for it."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        function = getattr(judgekit.agreement, name)
        takes = inspect.signature(function).parameters
        drawn = any(each.kind is each.VAR_KEYWORD for each in takes.values())

        def called(*args: Any, **given: Any) -> Any:
            added = {
                k: v
                for k, v in self.options.items()
                if (k in takes or drawn) and not (k == "level" and name in MEASURED)
            }
            return function(*args, **(added | given))

        return called


MEASURED = {"as_ratings", "ratings_of_table"}  # there it is the level of measurement
WITHOUT = {"attributable_to_position", "ece", "flips_by_margin", "halo", "miscalibration"}  # had no level
A = Face()
MOVED = {
    "audit", "ccc", "correlation", "criterion_validity", "disattenuated_correlation", "human_ceiling", "icc",
    "iccs", "kappa", "kappa_profile", "metric_conflicts",
}  # fmt: skip
"""Of these the intervals are others since 0.4.0 (each unit's influence); their values are as they were."""
INTERVAL = ("low", "high", "se", "interval", "status", "seed", "unit", "note", "notes", "method", "b")
STORED = Path(__file__).parents[1] / "data" / "agreement_0.1.0.json"
TYPES = {
    "Chart",
    "Audit",
    "CriterionAudit",
    "Drawn",
    "JudgeAudit",
    "Labelled",
    "Options",
    "Ratings",
    "Section",
    "Status",
}
UNITS = {
    "as_ratings",
    "draw_threshold",
    "fit_facets",
    "of_frame",
    "ratings_of_table",
    "second_look",
}  # none, or new

rng = np.random.default_rng(7)
N = 60
truth = rng.integers(1, 6, N)
ROWS = np.clip(truth[:, None] + rng.integers(-1, 2, (N, 3)), 1, 5).tolist()
SCALE = [1, 2, 3, 4, 5]
HOLES = [[None if rng.random() < 0.15 else x for x in row] for row in ROWS]
CLUSTERS = np.arange(N) // 2
x, y, z = np.array(ROWS, dtype=float).T
BIN = (np.array(ROWS) > 3).astype(int)
p = np.clip(truth / 6 + rng.normal(0, 0.1, N), 0.02, 0.98)
right = (rng.random(N) < p).astype(int)
FRAME = {"judge": [r[0] for r in ROWS], "ann": [r[1] for r in ROWS], "bob": [r[2] for r in ROWS]}
FRAME["cy"] = np.clip(truth + rng.integers(-1, 2, N), 1, 5).tolist()
COLUMNS = np.array([FRAME[k] for k in ("judge", "ann", "bob", "cy")]).T
HUMAN = rng.normal(0, 1, (6, 20)) + np.arange(6)[:, None] * 0.3
METRIC = HUMAN + rng.normal(0, 0.8, HUMAN.shape)
REPEATS = rng.integers(0, 2, (N, 3))
one, other = BIN[:, 0].astype(float), 1 - BIN[:, 1].astype(float)
pi = np.clip(rng.random(N), 0.2, 0.9)
pool = rng.normal(0.5, 0.2, 200)
labels01 = np.clip(right + 0.0, 0, 1)
systems = [f"s{i % 4}" for i in range(N)]
length = rng.normal(0, 1, N)
LONG = {
    "item": np.repeat(np.arange(15), 4).tolist(),
    "judge": np.tile(["a", "a", "b", "b"], 15).tolist(),
    "sample": np.tile([0, 1, 0, 1], 15).tolist(),
}
QUIET = (rng.random((N, 3)) < np.where(rng.random((N, 1)) < 0.5, 0.1, 0.9)).astype(int)
parts = rng.integers(0, 3, (N, 2))
moved = np.clip(parts + rng.integers(-1, 2, (N, 2)), 0, 2)
STEPS, JUDGED_STEPS = (np.column_stack([each.sum(axis=1), each]).astype(float) for each in (parts, moved))
HOLES_FILLED = rng.integers(0, 4, (N, 3))
long_y = rng.normal(0, 1, 60) + np.repeat(rng.normal(0, 1, 15), 4)


def frame() -> Any:
    import pandas as pd

    return pd.DataFrame(FRAME)


def study() -> Any:
    return A.g_study(long_y, LONG)


def labelled() -> Any:
    return A.of_frame(
        frame(), scale=SCALE, judges=["judge"], systems=systems, items=[f"i{i // 4}" for i in range(N)]
    )


def takes(name: str) -> Mapping[str, Any]:
    return inspect.signature(getattr(judgekit.agreement, name)).parameters


CALLS: dict[str, Callable[[], Any]] = {
    "active_mean": lambda: A.active_mean(np.where(pi > 0.5, labels01, np.nan), p, pi, clusters=CLUSTERS),
    "anticipated_table": lambda: A.anticipated_table(0.5, 0.7),
    "aurc": lambda: A.aurc(p, 1 - right),
    "ccs_as_published": lambda: A.ccs_as_published(STEPS, JUDGED_STEPS, most=[4, 2, 2]),
    "collaborative_consistency": lambda: A.collaborative_consistency(
        STEPS, JUDGED_STEPS, most=[4, 2, 2], seed=0, b=100
    ),
    "conformal_radius": lambda: A.conformal_radius(x, y),
    "denoised_accuracy": lambda: A.denoised_accuracy(right, QUIET, seed=0, b=100),
    "design_effect": lambda: A.design_effect(5, 0.3),
    "draw_units": lambda: A.draw_units(pi, seed=3) + 0,
    "ecs_as_published": lambda: A.ecs_as_published(x, y, [5] * N, ROWS, HOLES_FILLED),
    "errors_consistency": lambda: A.errors_consistency(x, y, [5] * N, ROWS, HOLES_FILLED, seed=0, b=30),
    "flip_noise": lambda: A.flip_noise(QUIET, seed=0, b=100, clusters=CLUSTERS),
    "flips_by_margin": lambda: A.flips_by_margin(QUIET, length, seed=0, b=100),
    "group_radii": lambda: A.group_radii(abs(x - y), ["a", "b"] * 30),
    "labelling_probabilities": lambda: A.labelling_probabilities(p * (1 - p), budget=20),
    "length_bias": lambda: A.length_bias(right, length > 0, QUIET, seed=0, b=100),
    "listwise_position": lambda: A.listwise_position(truth % 3, 3),
    "neyman_allocation": lambda: A.neyman_allocation([50, 100], [0.5, 0.2], n=30),
    "on_label_scale": lambda: A.on_label_scale(right, x, y, seed=0),
    "order_intercept": lambda: A.order_intercept(systems, [f"s{i % 3 + 4}" for i in range(N)], right),
    "pair_accuracies": lambda: A.pair_accuracies(right, BIN[:, 0]),
    "paired_sd": lambda: A.paired_sd(0.3, noise=(0.1, 0.2), resamples=(2, 1)),
    "position_bias": lambda: A.position_bias(right, BIN[:, 0], QUIET, QUIET[::-1], seed=0, b=100),
    "share_sequence": lambda: A.share_sequence(30, 40),
    "adjust": lambda: A.adjust([0.01, 0.04, 0.03, math.nan, 0.2], method="hommel"),
    "against_margin": lambda: A.against_margin(A.paired_difference(x, y).difference, margin=0.5),
    "all_coefficients": lambda: A.all_coefficients(HOLES, scale=SCALE, b=200),
    "alpha": lambda: A.alpha(HOLES, scale=SCALE, metric="ordinal", b=200, seed=3),
    "alt_test": lambda: A.alt_test(frame(), judge="judge", scale=SCALE, b=200, power_runs=20),
    "alt_test_power": lambda: A.alt_test_power(40, runs=30, seed=1),
    "alt_tests_together": lambda: A.alt_tests_together(
        {"a": A.alt_test(frame(), judge="judge", scale=SCALE, b=50, power_runs=5)}
    ),
    "anchoring": lambda: A.anchoring(x, (np.arange(N) // 5).tolist(), y),
    "attributable_to_position": lambda: A.attributable_to_position(REPEATS, 1 - REPEATS[::-1], seed=1, b=200),
    "audit": lambda: A.audit(labelled(), b=60).criteria[0].judges[0],
    "benchmark_agreement": lambda: A.benchmark_agreement(HUMAN, METRIC, b=200),
    "bland_altman": lambda: A.bland_altman(np.column_stack([x, y]), scale=SCALE, clusters=CLUSTERS),
    "brennan_prediger": lambda: A.brennan_prediger(HOLES, scale=SCALE, b=200),
    "brier": lambda: A.brier(p, right, clusters=CLUSTERS),
    "by_slice": lambda: A.by_slice(["a"] * 30 + ["b"] * 30, lambda i: A.clustered_mean(x[i]), least=10),
    "ccc": lambda: A.ccc(np.column_stack([x, y]), scale=SCALE, b=200, seed=2),
    "cheapest": lambda: A.cheapest(
        A.d_study({"item": 1.0, "judge": 0.2, "residual": 0.5}, {"judge": 4}), target=0.6
    ),
    "clustered_mean": lambda: A.clustered_mean(x, CLUSTERS),
    "compare_accuracies": lambda: A.compare_accuracies(BIN[:, 0], BIN[:, 1], BIN[:, 2], clusters=CLUSTERS),
    "compare_correlations": lambda: A.compare_correlations(x, y, z, b=200, n_flips=100, clusters=CLUSTERS),
    "component_estimates": lambda: A.component_estimates(study(), seed=0, b=60),
    "confidence_gap": lambda: A.confidence_gap(p, right, clusters=CLUSTERS),
    "confidence_sequence": lambda: A.confidence_sequence(p),
    "conger": lambda: A.conger(HOLES, scale=SCALE, b=200),
    "corrected_rate": lambda: A.corrected_rate(right, BIN[:, 0], BIN[:, 1], sampling="random"),
    "correlation": lambda: [
        A.correlation(x, y, kind=kind, b=200, clusters=CLUSTERS)
        for kind in ("spearman", "pearson", "tau_b", "tau_c", "gamma", "somers_d")
    ],
    "coverage": lambda: A.coverage([row[:2] for row in HOLES], scale=SCALE),
    "cox_calibration": lambda: A.cox_calibration(p, right),
    "criterion_validity": lambda: A.criterion_validity(x, length, b=200),
    "d_study": lambda: A.d_study({"item": 1.0, "judge": 0.2, "residual": 0.5}, {"judge": 3}),
    "decompose_brier": lambda: A.decompose_brier(p, right),
    "deming_slope": lambda: A.deming_slope(x, y),
    "disattenuated_correlation": lambda: A.disattenuated_correlation(
        A.correlation(x, y, b=100), rel_judge=0.9, rel_human=0.8
    ),
    "ece": lambda: A.ece(p, right, seed=1, b=200),
    "effective_judges": lambda: A.effective_judges(COLUMNS - truth[:, None], b=100, clusters=CLUSTERS),
    "equal_opportunity": lambda: A.equal_opportunity(BIN[:, 0], BIN[:, 1], seed=1, b=200, clusters=CLUSTERS),
    "fleiss": lambda: A.fleiss(HOLES, scale=SCALE, weights="linear", b=200),
    "four_groupings": lambda: A.four_groupings(HUMAN, METRIC, b=100),
    "g_study": study,
    "gap": lambda: A.gap(long_y, ["u", "v"] * 30, LONG["item"], first="u", second="v"),
    "grouped_correlation": lambda: A.grouped_correlation(HUMAN, METRIC, grouping="by_item", b=100),
    "gwet": lambda: A.gwet(HOLES, scale=SCALE, weights="quadratic", b=200),
    "hajek_kappa": lambda: A.hajek_kappa(A.as_ratings(np.column_stack([x, y]), scale=SCALE), pi),
    "hajek_mean": lambda: A.hajek_mean(p, pi, clusters=CLUSTERS),
    "halo": lambda: A.halo(COLUMNS[:, :3], COLUMNS[:, 1:], seed=1, b=100),
    "headline": lambda: A.headline(HOLES, scale=SCALE, b=200),
    "human_ceiling": lambda: A.human_ceiling(frame(), judge="judge", scale=SCALE, b=60),
    "icc": lambda: [
        A.icc(HOLES, scale=SCALE, b=100),
        A.icc(ROWS, "ICC(C,k)", scale=SCALE, clusters=CLUSTERS, b=100),
    ],
    "iccs": lambda: A.iccs(ROWS, scale=SCALE),
    "jury_against_best": lambda: A.jury_against_best(frame(), reference="judge", scale=SCALE, b=60),
    "kappa": lambda: A.kappa(
        A.as_ratings(np.column_stack([x, y]), scale=SCALE, clusters=CLUSTERS), weights="quadratic", b=200
    ),
    "kappa_profile": lambda: A.kappa_profile(np.column_stack([x, y]), scale=SCALE),
    "kendall_w": lambda: A.kendall_w(ROWS, scale=SCALE),
    "labels_for_difference": lambda: A.labels_for_difference(0.1, sd=0.5),
    "labels_for_kappa": lambda: A.labels_for_kappa([[0.4, 0.1], [0.1, 0.4]], half_width=0.1),
    "labels_for_kappa_bound": lambda: A.labels_for_kappa_bound([[0.4, 0.1], [0.1, 0.4]], bound=0.4),
    "labels_for_ppi": lambda: A.labels_for_ppi(300, correlation=0.7, unlabelled=2000),
    "labels_for_share": lambda: A.labels_for_share(0.8, half_width=0.05, deff=1.3),
    "lc_win_rate": lambda: A.lc_win_rate(one, length, clusters=CLUSTERS),
    "lc_win_rates": lambda: A.lc_win_rates(systems, CLUSTERS.tolist(), one, length),
    "length_coefficient": lambda: A.length_coefficient(x, np.exp(length), y, clusters=CLUSTERS),
    "length_correlation": lambda: A.length_correlation(x, np.exp(length), y, seed=1, b=100),
    "length_preference": lambda: A.length_preference(one, length, y - z, clusters=CLUSTERS),
    "leniency": lambda: A.leniency(BIN[:, 0], BIN[:, 1], seed=1, b=200),
    "log_loss": lambda: A.log_loss(p, right),
    "many_facet_rasch": lambda: A.many_facet_rasch(
        (np.array(ROWS).ravel() - 1).tolist(),
        np.repeat(np.arange(N), 3).tolist(),
        ["a", "b", "c"] * N,
        n_categories=5,
    ),
    "marginal_homogeneity": lambda: A.marginal_homogeneity(np.column_stack([x, y]), scale=SCALE),
    "metric_conflicts": lambda: A.metric_conflicts(
        {"judge": x, "length": length}, {"judge": y, "length": -length}, judge="judge"
    ),
    "miscalibration": lambda: A.miscalibration(p, right, seed=1, b=100),
    "paired_difference": lambda: A.paired_difference(x, y, clusters=CLUSTERS, n_flips=200),
    "panel_severity": lambda: A.panel_severity(COLUMNS),
    "percent": lambda: A.percent(HOLES, scale=SCALE),
    "populations": lambda: A.populations(
        frame(), judge="judge", pools={"ann": "u", "bob": "v", "cy": "v"}, scale=SCALE, b=100
    ),
    "position_effects": lambda: A.position_effects(one, other, seed=1, b=200),
    "ppi": lambda: A.ppi(labels01, p, np.clip(pool, 0, 1), sampling="random"),
    "ppi_difference": lambda: A.ppi_difference(
        (labels01, 1 - labels01), (p, 1 - p), (pool, 1 - pool), sampling="random"
    ),
    "ppi_stratified": lambda: A.ppi_stratified(
        labels01,
        p,
        np.array(["a", "b"] * 30),
        np.clip(pool, 0, 1),
        np.array(["a", "b"] * 100),
        sampling="stratified",
    ),
    "range_use": lambda: A.range_use(x, y, values=SCALE, seed=1, b=100),
    "ranking_overlap": lambda: A.ranking_overlap(HUMAN, METRIC, b=100),
    "ratings_against_rankings": lambda: A.ratings_against_rankings(x, y, np.sign(z - y), clusters=CLUSTERS),
    "reliability": lambda: A.reliability(study(), {"judge": 3, "sample": 2}, seed=1, b=60),
    "reliability_diagram": lambda: A.reliability_diagram(p, right, seed=1, b=60),
    "repeatability": lambda: A.repeatability(REPEATS, seed=1, b=100),
    "replacement_alpha": lambda: A.replacement_alpha(frame(), judge="judge", scale=SCALE, b=100),
    "scale_use": lambda: A.scale_use(x, values=SCALE),
    "scott": lambda: A.scott(np.column_stack([x, y]), scale=SCALE, weights="radical", b=200),
    "select": lambda: A.select(p, 1 - right, alpha=0.3, least=10),
    "self_preference": lambda: A.self_preference(x, BIN[:, 2], y, clusters=CLUSTERS),
    "self_preference_in_pairs": lambda: A.self_preference_in_pairs(one, y - z, clusters=CLUSTERS),
    "severities": lambda: A.severities(A.as_ratings(HOLES, scale=SCALE)),
    "share": lambda: A.share(17, 40),
    "signed_error": lambda: A.signed_error(x, y, clusters=CLUSTERS),
    "soft_accuracy": lambda: A.soft_accuracy(HUMAN, METRIC, n_flips=100),
    "specific": lambda: A.specific(np.column_stack([x, y]), "3", scale=SCALE),
    "spiegelhalter_z": lambda: A.spiegelhalter_z(p, right),
    "system_gaps": lambda: A.system_gaps(BIN[:, 0], BIN[:, 1], systems),
    "tie_calibrated_accuracy": lambda: A.tie_calibrated_accuracy(HUMAN, METRIC, b=60),
    "variance_parts": lambda: A.variance_parts(long_y, LONG, seed=1, b=30),
    "within_steps": lambda: A.within_steps(np.column_stack([x, y]), 1, scale=SCALE),
}


def flat(found: Any, path: str = "") -> Iterator[tuple[str, float | str | None]]:
    """Every number that a result holds, and every status."""
    if isinstance(found, Estimate):
        for each in ("value", "low", "high", "se", "level", "n_units", "n_used", "status", "interval"):
            yield f"{path}.{each}", getattr(found, each)
    elif is_dataclass(found) and not isinstance(found, type):
        for field in fields(found):
            yield from flat(getattr(found, field.name), f"{path}.{field.name}")
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from flat(value, f"{path}.{key}")
    elif isinstance(found, np.ndarray | list | tuple):
        for i, value in enumerate(found.tolist() if isinstance(found, np.ndarray) else found):
            yield from flat(value, f"{path}.{i}")
    elif isinstance(found, int | float | np.number):
        yield path, float(found)


def said(name: str) -> dict[str, float | str | None]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in flat(CALLS[name]())}


FITTED = {
    "all_coefficients", "cheapest", "component_estimates", "d_study", "g_study", "gap", "headline", "icc",
    "iccs", "many_facet_rasch", "reliability", "severities", "variance_parts",
}  # fmt: skip


def moved(key: str) -> bool:
    """Whether a number is part of an interval."""
    return any(part in INTERVAL for part in key.split("."))


def near(name: str) -> float:
    return 1e-6 if name in FITTED else 1e-9


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_a_statistic_is_what_the_first_release_gave(name: str):
    stored = json.loads(STORED.read_text())[name]
    found = said(name)

    assert name in MOVED or found.keys() == stored.keys()
    for key, value in stored.items():
        if name in MOVED and moved(key):
            continue
        if isinstance(value, float):
            assert found[key] == pytest.approx(value, rel=near(name), abs=near(name)), key
        else:
            assert found[key] == value, key


def sums(name: str) -> list[float]:
    """Two weighted sums of all numbers, at another level and from another seed."""
    A.options = {"seed": 5} | ({} if name in WITHOUT else {"level": 0.8})
    try:
        numbers = np.array([v for v in said(name).values() if isinstance(v, int | float)], dtype=float)
    finally:
        A.options = {}
    numbers = np.clip(np.nan_to_num(numbers), -1e6, 1e6)
    return [float(numbers @ np.cos(k * np.arange(len(numbers)))) for k in (1, 2)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in CALLS if name not in MOVED])
def test_it_is_so_at_another_level_and_from_another_seed(name: str):
    stored = json.loads(STORED.read_text())["at another level"][name]

    assert sums(name) == pytest.approx(stored, rel=near(name), abs=100 * near(name))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in CALLS if "how" in takes(name)])
def test_an_estimate_says_the_level_it_was_asked_for(name: str):
    A.options = {"level": 0.8}
    try:
        levels = {v for k, v in flat(CALLS[name]()) if k.endswith(".level")}
    finally:
        A.options = {}

    assert levels <= {0.8}


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 0.0}, {"b": -1}])
def test_an_interval_that_cannot_be_is_refused(options: dict[str, Any]):
    with pytest.raises(InputError, match=r"level|resamples"):
        judgekit.agreement.icc(ROWS, **options)


def test_every_public_name_has_a_call_here():
    assert set(dir(judgekit.agreement)) - TYPES - UNITS == set(CALLS)
