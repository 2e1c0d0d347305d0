"""Variance components and designs: against a dense likelihood, an analysis of variance, and by hand."""

import math

import numpy as np
import pytest

from judgekit.agreement.core.intervals import t_quantile
from judgekit.agreement.core.resample import Resampling
from judgekit.agreement.models.dstudy import (
    cheapest,
    d_study,
    design_parts,
    g_coefficient,
    phi_at_cut,
    phi_coefficient,
    reliability,
)
from judgekit.agreement.models.gstudy import component_estimates, component_replicates, g_study, interval_of
from judgekit.agreement.models.reml import MOST_LEVELS, as_blocks, fit_reml
from judgekit.errors import InputError
from judgekit.types import Estimate

# Three judges, two wordings; samples alone cannot pay off what a judge sees in an item.
PARTS = {
    "item": 1.0,
    "judge": 0.1,
    "prompt": 0.05,
    "item:judge": 0.5,
    "item:prompt": 0.2,
    "judge:prompt": 0.02,
    "residual": 0.3,
}


def run(n=40, judges=3, prompts=2, samples=2, *, missing=0.0, seed=0):
    """Scores of a crossed run with the variances of PARTS, some rows lost at random."""
    rng = np.random.default_rng(seed)
    i, j, p, _ = (each.ravel() for each in np.indices((n, judges, prompts, samples)))
    sd = {term: math.sqrt(v) for term, v in PARTS.items()}
    y = (
        sd["item"] * rng.normal(size=n)[i]
        + sd["judge"] * rng.normal(size=judges)[j]
        + sd["prompt"] * rng.normal(size=prompts)[p]
        + sd["item:judge"] * rng.normal(size=(n, judges))[i, j]
        + sd["item:prompt"] * rng.normal(size=(n, prompts))[i, p]
        + sd["judge:prompt"] * rng.normal(size=(judges, prompts))[j, p]
        + sd["residual"] * rng.normal(size=len(i))
    )
    kept = rng.random(len(i)) >= missing
    return y[kept], {"item": i[kept], "judge": j[kept], "prompt": p[kept]}


def dense_deviance(y, groups, components):
    """-2 log restricted likelihood from the whole covariance matrix, constants as in the profiled one."""
    v = components["residual"] * np.eye(len(y))
    for term, codes in groups.items():
        v += components[term] * (codes[:, None] == codes[None, :])
    x = np.ones((len(y), 1))
    inverse = np.linalg.inv(v)
    xvx = x.T @ inverse @ x
    r = y - (x @ np.linalg.solve(xvx, x.T @ inverse @ y))
    log = np.linalg.slogdet(v)[1] + np.linalg.slogdet(xvx)[1]
    return log + r @ inverse @ r + (len(y) - 1) * np.log(2 * np.pi)


def coded(*columns):
    return np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].ravel()


def test_the_deviance_is_that_of_the_dense_likelihood_and_no_neighbour_is_better():
    y, facets = run(12, missing=0.2)
    i, j, p = facets["item"], facets["judge"], facets["prompt"]
    nested = {"item": 0 * i, "item:judge": j, "item:prompt": p}
    fit = fit_reml(as_blocks(y, i, nested=nested, crossed={"judge": j, "prompt": p}))
    groups = {"item": i, "item:judge": coded(i, j), "item:prompt": coded(i, p), "judge": j, "prompt": p}

    at = dense_deviance(y, groups, fit.components)

    assert fit.deviance == pytest.approx(at, abs=1e-6)
    for term in fit.components:
        for factor in (0.9, 1.1):
            moved = {**fit.components, term: fit.components[term] * factor}
            assert dense_deviance(y, groups, moved) >= at - 1e-7


def test_equal_cells_give_the_same_by_mean_squares_and_by_reml():
    y, facets = run()
    squares, likelihood = g_study(y, facets), g_study(y, facets, method="reml")

    assert (squares.method, likelihood.method) == ("ems", "reml")
    assert min(squares.raw.values()) > 0
    assert squares.components == pytest.approx(likelihood.components, rel=1e-4)


def test_mean_squares_by_hand():
    # Items 1.5, 3, 4.5 +- with a judge effect: MS_item 12.5, MS_judge 2.667, MS_residual 0.1667.
    study = g_study([1, 2, 3, 5, 5, 6], {"item": [1, 1, 2, 2, 3, 3], "judge": ["a", "b"] * 3})

    assert study.raw["residual"] == pytest.approx(1 / 6)
    assert study.raw["judge"] == pytest.approx((8 / 3 - 1 / 6) / 3)
    assert study.raw["item"] == pytest.approx((49 / 6 - 1 / 6) / 2)


def test_a_negative_component_is_reported_and_counts_as_zero():
    y = [1, 5, 5, 1, 2, 4, 4, 2]
    study = g_study(y, {"item": [1, 1, 2, 2, 3, 3, 4, 4], "judge": [1, 2] * 4})

    assert study.raw["item"] < 0 == study.components["item"]
    assert any("negative" in note for note in study.notes)


def test_weights_are_copies_of_items():
    y, facets = run(10, missing=0.2)
    i, j = facets["item"], facets["judge"]
    blocks = as_blocks(y, i, nested={"item": 0 * i, "item:judge": j}, crossed={"judge": j})
    twice = np.concatenate([i, i + 10])
    copies = as_blocks(
        np.tile(y, 2), twice, nested={"item": 0 * twice, "item:judge": np.tile(j, 2)},
        crossed={"judge": np.tile(j, 2)},
    )  # fmt: skip

    weighted = fit_reml(blocks, weights=np.full(10, 2.0))

    assert weighted.components == pytest.approx(fit_reml(copies).components, rel=1e-5, abs=1e-8)


def test_what_no_repeat_tells_apart_is_said():
    y, facets = run(10, samples=1)
    study = g_study(y, {"item": facets["item"], "judge": facets["judge"]})
    single = g_study(y, {**facets, "lone": ["x"] * len(y)})

    assert study.components.keys() == {"item", "judge", "item:judge", "residual"}
    assert any("lone has one level" in note for note in single.notes)


def test_missing_rows_are_dropped_and_counted():
    y, facets = run(10)
    y[0] = np.nan
    judges = facets["judge"].astype(object)
    judges[1] = None

    study = g_study(y, {**facets, "judge": judges})

    assert (study.n_dropped, study.n_rows, study.method) == (2, len(y) - 2, "reml")


def test_components_have_intervals_over_items_and_none_over_few_judges():
    y, facets = run(40, missing=0.1)
    found = {e.name: e for e in component_estimates(g_study(y, facets), seed=1, b=25)}

    item, judge = found["variance:item"], found["variance:judge"]
    assert item.low < item.value < item.high
    assert (item.interval, item.unit, item.seed) == ("t_log", "item", 1)
    assert judge.interval == "none"
    assert "2 degrees of freedom" in judge.notes[-1]


def test_clusters_are_resampled_whole():
    y, facets = run(40)
    study = g_study(y, facets, clusters=[f"c{i // 4}" for i in facets["item"]])
    found = component_estimates(study, seed=1, b=60)[0]

    assert (found.unit, found.interval) == ("cluster", "t_log_cluster")
    with pytest.raises(InputError, match="more than one cluster"):
        g_study(y, facets, clusters=list(range(len(y))))


@pytest.mark.parametrize(
    ("y", "items", "status"),
    [
        ([3, 3, 3, 3], [1, 1, 2, 2], "undefined:no_variation"),
        ([1, 2, 3], [1, 1, 1], "undefined:too_few"),
        ([], [], "undefined:too_few"),
        ([np.nan, np.nan], [1, 2], "undefined:too_few"),
        ([1, 2, 3], [1, 2, 3], "undefined:not_identified"),
    ],
)
def test_what_has_no_components(y, items, status):
    study = g_study(y, {"item": items})

    assert study.status == status
    assert all(math.isnan(v) for v in study.components.values())
    assert reliability(study, {}, seed=1).status == status
    assert {e.status for e in component_estimates(study, seed=1)} == {status}


def test_repeats_that_never_differ_leave_no_residual():
    items = np.repeat(np.arange(6), 4)
    judge = np.tile([0, 0, 1, 1], 6)
    y = np.repeat(np.random.default_rng(1).normal(size=12), 2)
    study = g_study(y, {"item": items, "judge": judge}, method="reml")

    assert study.components["residual"] < 1e-4 * study.components["item"]


def test_malformed_arguments():
    with pytest.raises(InputError, match="no facet named"):
        g_study([1, 2], {"unit": [1, 2]})
    with pytest.raises(InputError, match="infinite"):
        g_study([1, np.inf], {"item": [1, 2]})
    with pytest.raises(InputError, match="same cells"):
        g_study([1, 2, 3], {"item": [1, 1, 2]}, method="ems")
    wide = np.arange(MOST_LEVELS + 1)
    with pytest.raises(InputError, match="levels cross"):
        as_blocks(wide, 0 * wide, nested={"item": 0 * wide}, crossed={"judge": wide})


def test_coefficients_by_hand():
    parts = design_parts(PARTS, {"judge": 3, "prompt": 2, "sample": 2})

    relative = 0.5 / 3 + 0.2 / 2 + 0.3 / 12
    absolute = relative + 0.1 / 3 + 0.05 / 2 + 0.02 / 6
    assert (parts.universe, parts.relative, parts.absolute) == pytest.approx((1.0, relative, absolute))
    assert g_coefficient(parts) == pytest.approx(1 / (1 + relative))
    assert phi_coefficient(parts) == pytest.approx(1 / (1 + absolute))
    assert phi_at_cut(parts, cut=3, mean=1) == pytest.approx(5 / (5 + absolute))
    assert phi_at_cut(parts, cut=1, mean=1) == phi_coefficient(parts)


def test_a_fixed_judge_is_part_of_what_is_measured():
    parts = design_parts(PARTS, {"judge": 1}, fixed=["judge"])

    assert parts.universe == pytest.approx(1.5)
    assert parts.absolute == pytest.approx(0.2 + 0.3 + 0.05 + 0.02)


def test_a_system_as_the_object_has_items_as_error():
    components = {"system": 0.2, "item": 1.0, "item:system": 0.4, "residual": 0.4}
    parts = design_parts(components, {"item": 100}, object_="system")

    assert parts.universe == 0.2
    assert parts.relative == pytest.approx(0.4 / 100 + 0.4 / 100)
    assert parts.absolute == pytest.approx(parts.relative + 1.0 / 100)


def test_more_samples_alone_cannot_pay_off_what_a_judge_sees():
    designs = d_study(PARTS, {"judge": 4, "prompt": 3, "sample": 6})
    alone = [d.phi for d in designs if d.n["judge"] == d.n["prompt"] == 1]

    assert max(alone) < 1 / 1.87
    best = cheapest(designs, target=0.72)
    assert best is not None
    assert best.n == {"judge": 3, "prompt": 2, "sample": 1}
    assert cheapest(designs, target=0.99) is None
    assert all(d.phi < 0.72 for d in designs if d.cost < best.cost)


def test_prices_of_judges_and_a_budget():
    designs = d_study(PARTS, {"judge": 3}, price={"judge": [5.0, 1.0, 2.0]}, most_cost=3.0)

    assert [(d.n["judge"], d.cost) for d in designs] == [(1, 1.0), (2, 3.0)]
    with pytest.raises(InputError, match="prices for 3 levels"):
        d_study(PARTS, {"judge": 3}, price={"judge": [1.0]})
    with pytest.raises(InputError, match="designs"):
        d_study(PARTS, {"judge": 1000, "prompt": 1000})
    with pytest.raises(InputError, match="in the design"):
        d_study(PARTS, {"jugde": 3})
    with pytest.raises(InputError, match="target"):
        cheapest(designs, target=1.0)


def test_reliability_has_an_interval_and_says_what_it_is_not_about():
    study = g_study(*run(80))
    found = reliability(study, {"judge": 3, "prompt": 2}, seed=3, b=200)
    at_cut = reliability(study, {"judge": 3}, seed=3, b=100, coefficient="phi_cut", cut=study.mean + 3)

    assert found.low < found.value < found.high
    assert any("few levels" in note for note in found.notes)
    assert at_cut.value > reliability(study, {"judge": 3}, seed=3, b=0).value
    again = reliability(study, {"judge": 3, "prompt": 2}, seed=3, b=200)
    assert found == again
    with pytest.raises(InputError, match="cut="):
        reliability(study, {}, seed=1, coefficient="phi_cut")


def severe(n=60, judges=4, *, missing=0.0, seed=0):
    """Items x judges whose severities vary as much as the items do."""
    rng = np.random.default_rng(seed)
    i, j = (each.ravel() for each in np.indices((n, judges)))
    y = rng.normal(size=n)[i] + rng.normal(size=judges)[j] + 0.5 * rng.normal(size=len(i))
    kept = rng.random(len(i)) >= missing
    return y[kept], {"item": i[kept], "judge": j[kept]}


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_effects_of_judges_drawn_anew_vary_as_those_of_other_judges_would(missing):
    study = g_study(*severe(40, missing=missing, seed=2))
    item, judge = (list(study.components).index(term) for term in ("item", "judge"))

    held = component_replicates(study, Resampling(seed=1, b=150))
    anew = component_replicates(study, Resampling(seed=1, b=150), redrawn=["judge"])

    # A variance of four normal effects has three degrees of freedom: its spread is sqrt(2 / 3) of it.
    v = study.components["judge"]
    assert anew[:, judge].mean() == pytest.approx(v, rel=0.15)
    assert anew[:, judge].std() == pytest.approx(v * math.sqrt(2 / 3), rel=0.2)
    assert held[:, judge].std() < anew[:, judge].std() / 3
    np.testing.assert_allclose(anew[:, item], held[:, item], rtol=0.02 if missing else 1e-9)


def test_an_interval_is_on_the_log_scale_but_where_replicates_lie_at_an_end():
    study = g_study(*severe(40, seed=2))
    spread = np.exp(np.random.default_rng(0).normal(0, 0.2, 400))
    half = t_quantile(0.95, 39) * np.std(np.log(spread), ddof=1)

    inside = interval_of(Estimate("v", 2.0), 2 * spread, study, Resampling(seed=0))
    share = interval_of(
        Estimate("phi", 0.9), 9 * spread / (1 + 9 * spread), study, Resampling(seed=0), share=True
    )
    at_end = interval_of(
        Estimate("v", 0.2), np.append(np.zeros(100), np.linspace(0, 1, 300)), study, Resampling(seed=0)
    )

    assert (inside.low, inside.high) == pytest.approx((2 * math.exp(-half), 2 * math.exp(half)))
    assert (inside.interval, share.interval, at_end.interval) == ("t_log", "t_logit", "percentile")
    assert share.low == pytest.approx(9 * math.exp(-half) / (1 + 9 * math.exp(-half)))
    assert at_end.low == 0
    assert at_end.high == pytest.approx(0.97, abs=0.01)


def test_judges_that_are_fixed_stay_as_they_are_in_every_resample():
    study = g_study(*severe(seed=3))

    phi, kept = (reliability(study, {"judge": 4}, seed=1, b=200, fixed=f) for f in ((), ("judge",)))
    g = reliability(study, {"judge": 4}, seed=1, b=200, coefficient="g")

    assert phi.high - phi.low > 4 * (g.high - g.low)  # the judges' severities are in Phi, and are others
    assert (kept.value, kept.low, kept.high) == pytest.approx((g.value, g.low, g.high))


def test_components_are_recovered_on_average():
    found = [g_study(*run(60, 4, 2, missing=0.15, seed=s)).components for s in range(6)]

    for term in ("item", "item:judge", "item:prompt", "residual"):
        values = np.array([each[term] for each in found])
        assert abs(values.mean() - PARTS[term]) < 4 * values.std(ddof=1) / math.sqrt(len(found))
