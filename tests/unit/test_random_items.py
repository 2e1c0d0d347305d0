"""Item response with items random: the shared oracles, the flags of items, difficulty from features."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.models.rasch import fit_facets
from judgekit.errors import InputError
from judgekit.standing.amortised import amortised
from judgekit.standing.item_fit import auc, dimension, flags_of, hidden_cells, twins
from judgekit.standing.random_items import random_items, random_systems

SHARED = Path(__file__).parents[3] / "shared" / "oracles_standings.json"
needs_oracles = pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")


def oracle(name: str) -> dict:
    return {each["id"]: each for each in json.loads(SHARED.read_text(encoding="utf-8"))}[name]


def wide() -> np.ndarray:
    rows = oracle("wide.rasch8")["data"]["rows"]
    return np.array([[np.nan if sign == "." else float(sign) for sign in row] for row in rows])


def logistic(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def drawn(n: int, n_items: int, seed: int, *, turned: float = 0.0):
    """Answers, abilities and slopes, of which a share is turned around."""
    rng = np.random.default_rng(seed)
    slope = np.exp(rng.normal(0, 0.3, n_items))
    slope[: round(turned * n_items)] *= -1
    ability, level = rng.normal(0, 1, n), rng.normal(0, 1.2, n_items)
    right = rng.random((n, n_items)) < logistic(np.outer(ability, slope) + level)
    return right.astype(float), ability, slope


@needs_oracles
def test_without_slopes_it_is_the_rasch_model_of_lme4():
    expected = oracle("wide.rasch8")["expected"]

    fit = random_items(wide(), slopes=False, errors="model")

    assert fit.ability == pytest.approx(expected["theta_centred"], abs=2e-4)
    assert fit.ability_se == pytest.approx(expected["se"], abs=2e-4)
    assert fit.sd_level == pytest.approx(expected["item_sd"], abs=2e-4)
    assert fit.log_likelihood == pytest.approx(expected["log_likelihood"], abs=2e-4)
    gap = fit.covariance[7, 7] + fit.covariance[0, 0] - 2 * fit.covariance[7, 0]
    assert np.sqrt(gap) == pytest.approx(expected["difference_se"], abs=2e-4)


@needs_oracles
def test_with_slopes_it_equals_a_second_code_on_a_finer_grid():
    expected = oracle("wide.random_item_2pl8")["expected"]

    fit = random_items(wide(), errors="model")

    assert fit.ability == pytest.approx(expected["theta"], abs=5e-4)
    assert fit.ability_se == pytest.approx(expected["se_theta_centred"], abs=5e-4)
    assert (fit.mean_level, fit.sd_level, fit.sd_slope, fit.objective) == pytest.approx(
        [expected[each] for each in ("mu", "sc", "sa", "objective")], abs=5e-4
    )


@needs_oracles
def test_a_reversed_item_is_fitted_as_ltm_fits_it():
    data, expected = (oracle("tall.reversed6")[each] for each in ("data", "expected"))
    rows = [list(map(float, row)) for row, n in data["patterns"].items() for _ in range(n)]

    fit = random_systems(rows, prior=False)

    for own, its in (("slope", "a"), ("level", "d"), ("slope_sd", "se_a"), ("level_sd", "se_d")):
        assert getattr(fit, own) == pytest.approx(expected[its], abs=1e-3)
    assert fit.log_likelihood == pytest.approx(expected["log_likelihood"], abs=1e-3)


@needs_oracles
def test_mirt_says_it_converged_and_misses_the_reversed_item():
    mirt = pytest.importorskip("mirt", reason="mirt is not installed: pip install mirt==1.2.0")
    data, expected = (oracle("tall.reversed6")[each] for each in ("data", "expected"))
    rows = [list(map(int, row)) for row, n in data["patterns"].items() for _ in range(n)]

    found = mirt.fit_mirt(np.array(rows), model="2PL", tol=1e-8)

    assert found.log_likelihood < expected["log_likelihood"] - 20


def test_twice_the_nodes_move_no_ability_by_a_fiftieth_of_its_error():
    answers, _, _ = drawn(62, 30, 1, turned=0.1)

    fit, finer = random_items(answers), random_items(answers, nodes=(81, 161), errors="none")

    assert np.abs(fit.ability - finer.ability).max() < 0.02 * fit.ability_se.min()


def test_differences_of_systems_are_covered():
    held = []
    for seed in range(20):
        answers, ability, _ = drawn(8, 120, seed)
        fit = random_items(answers)
        one, other = np.triu_indices(8, 1)
        gap = fit.ability[one] - fit.ability[other]
        v = fit.covariance
        se = np.sqrt(v[one, one] + v[other, other] - 2 * v[one, other])
        scale = np.polyfit(ability - ability.mean(), fit.ability, 1)[0]
        held.append(np.abs(gap - scale * (ability[one] - ability[other])) < 1.96 * se)

    assert 0.9 < np.mean(held) < 0.99


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([[1, 0, 1]], "undefined:too_few"),
        ([[1, 1, 1], [0, 0, 0]], "undefined:too_few"),
        ([[np.nan] * 3] * 4, "undefined:too_few"),
        ([[1, 0, np.nan, np.nan]] * 2 + [[np.nan, np.nan, 0, 1]] * 2, "undefined:not_identified"),
        ([[1], [0], [1]], "undefined:too_few"),
        (np.zeros((3, 0)), "undefined:too_few"),
    ],
)
def test_what_places_nobody_has_a_status_and_no_number(answers, status: str):
    fit = random_items(answers)

    assert fit.status == status
    assert np.isnan(fit.ability).all()


def test_halves_that_share_no_item_are_named():
    answers = [[1, 0, np.nan, np.nan]] * 2 + [[np.nan, np.nan, 0, 1]] * 2

    assert random_items(answers).notes == ("groups of systems that share no item: 0, 1; 2, 3",)


def test_an_answer_beyond_right_is_refused():
    with pytest.raises(InputError, match="from 0 to 1, or nan, not 4"):
        random_items([[1, 0], [4, 1]])


def test_a_system_that_is_right_on_everything_has_no_number():
    fit = random_items([[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1]], systems=["best", "b", "c"])

    assert np.isnan(fit.ability).tolist() == [True, False, False]
    assert fit.notes == ("right on everything, or wrong, so that no number places them: best",)


@pytest.mark.parametrize(("n", "found", "seeds"), [(40, 0.75, 3), (100, 0.9, 1)])
def test_planted_reversed_items_are_found(n: int, found: float, seeds: int):
    hits, false = [], []
    for seed in range(seeds):
        answers, _, slope = drawn(n, 200, seed, turned=0.05)
        said = np.array(
            ["reversed" in each for each in flags_of(answers, random_items(answers, errors="none"))]
        )
        hits += said[slope < 0].tolist()
        false += said[slope > 0].tolist()

    assert np.mean(hits) >= found
    assert np.mean(false) <= 0.01


def test_below_thirty_systems_nothing_is_called_reversed():
    answers, _, slope = drawn(29, 150, 3, turned=0.1)

    flags = flags_of(answers, random_items(answers, errors="none"))

    assert not any("reversed" in each for each in flags)
    assert np.mean(["suspect" in each for each, a in zip(flags, slope, strict=True) if a < 0]) > 0.7


def test_an_item_asked_twice_is_a_twin_and_others_are_not():
    answers, _, _ = drawn(60, 100, 4)
    answers[:, 7] = answers[:, 70]
    answers[:, 8] = 1.0
    answers[:, 9] = 0.0
    fit = random_items(answers, errors="none")

    pairs = twins(answers, fit)

    assert pairs == ((7, 70),)
    assert flags_of(answers, fit, pairs)[7:10] == (("twin",), ("all_right",), ("all_wrong",))


def test_of_twelve_systems_no_pair_is_called_a_twin_by_chance():
    answers, _, _ = drawn(12, 200, 5)

    assert twins(answers, random_items(answers, errors="none")) == ()


def test_the_mean_squares_of_the_model_s_own_answers_are_one():
    answers, _, _ = drawn(40, 300, 6)

    fit = random_items(answers, errors="none")

    assert np.mean(fit.infit) == pytest.approx(1, abs=0.03)
    assert np.mean(fit.outfit) == pytest.approx(1, abs=0.05)


def test_hidden_answers_are_foretold_better_by_slopes_where_there_are_some():
    answers, _, _ = drawn(40, 100, 7, turned=0.2)

    found = {each.model: each for each in hidden_cells(answers, lambda x: random_items(x, errors="none"))}

    losses = [found[each].log_loss for each in ("item mean", "1pl", "2pl")]
    assert losses == sorted(losses, reverse=True)
    assert found["2pl"].auc > found["1pl"].auc > found["item mean"].auc
    assert found["2pl"].n == answers.size


def test_a_second_ability_is_seen_and_a_single_one_is_left_alone():
    rng = np.random.default_rng(8)
    first, second = rng.normal(0, 1, (2, 60))
    both = np.column_stack([np.outer(first, np.ones(40)), np.outer(second, np.ones(40))])
    two = (rng.random((60, 80)) < logistic(1.5 * both)).astype(float)
    one = drawn(60, 80, 8)[0]

    assert dimension(two, random_items(two, errors="none")).p_value < 0.05
    assert dimension(one, random_items(one, errors="none")).p_value > 0.05


def with_features(r2: float, seed: int):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(200, 8))
    w = rng.normal(size=8)
    known = features @ w * np.sqrt(r2) * 1.2 / np.linalg.norm(w)
    level = known + rng.normal(0, 1.2 * np.sqrt(1 - r2), 200)
    answers = (rng.random((12, 200)) < logistic(rng.normal(0, 1, 12)[:, None] + level)).astype(float)
    return answers, features, rng


def test_features_that_explain_half_foretell_items_that_nobody_answered():
    answers, features, rng = with_features(0.5, 9)
    shown = answers.copy()
    shown[:, :50] = np.nan
    hidden = rng.random(answers.shape) < 0.2
    hidden[:, :50] = False
    shown[hidden] = np.nan

    fit = amortised(shown, features)
    rasch = random_items(shown, slopes=False, errors="none")

    known = ~np.isnan(fit.ability)[:, None] & hidden
    item_mean = np.broadcast_to(np.nanmean(np.where(hidden, np.nan, answers), axis=0), answers.shape)
    assert auc(answers[known], fit.expected[known]) >= auc(answers[known], rasch.expected[known])
    assert auc(answers[known], fit.expected[known]) > auc(answers[known], item_mean[known])
    new = answers[:, :50]
    by_system = np.broadcast_to(fit.ability[:, None], new.shape)
    assert auc(new.ravel(), fit.expected[:, :50].ravel()) > auc(new.ravel(), by_system.ravel()) + 0.03
    assert 0.3 < fit.explained < 0.7
    assert "features explain" in fit.words
    assert fit.ridge is not None


def test_features_that_explain_nothing_are_said_to():
    said = [amortised(*with_features(0.0, seed)[:2]).words for seed in range(6)]

    assert said.count("features explain nothing") >= 5


def test_useless_features_leave_the_rasch_model_as_it_is():
    answers, features, _ = with_features(0.0, 3)

    fit, rasch = amortised(answers, features), random_items(answers, slopes=False, errors="none")

    assert fit.ability == pytest.approx(rasch.ability, abs=1e-4)
    assert fit.log_likelihood == pytest.approx(rasch.log_likelihood, abs=1e-4)


def test_with_features_the_likelihood_is_that_of_a_regression_with_an_error_an_item():
    answers, features, _ = with_features(0.5, 4)
    features = features[:, :2]

    fit = amortised(answers, features, ridge=0.0)

    z = (features - features.mean(axis=0)) / features.std(axis=0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    levels = (fit.mean + z @ fit.weights)[:, None] + fit.sd * nodes
    p = logistic(fit.ability[:, None, None] + levels)
    each = np.prod(np.where(answers[:, :, None] == 1, p, 1 - p), axis=0) @ weights / weights.sum()
    assert fit.log_likelihood == pytest.approx(float(np.log(each).sum()), abs=1e-3)
    assert fit.log_likelihood > amortised(answers, features, ridge=50.0).log_likelihood


def test_with_features_it_is_the_many_facet_model_with_features():
    answers, features, _ = with_features(0.5, 5)
    answers, features = answers[:6, :80], features[:80, :2]
    z = (features - features.mean(axis=0)) / features.std(axis=0)
    rows, columns = np.indices(answers.shape)

    fit = amortised(answers, features, ridge=0.0)
    facets = fit_facets(
        answers.ravel().astype(int), columns.ravel().tolist(), rows.ravel().tolist(), n_categories=2,
        features={str(j): row.tolist() for j, row in enumerate(z)},
    )  # fmt: skip

    severities = [facets.severities.raters[str(i)].value for i in range(6)]
    assert fit.ability == pytest.approx(-np.array(severities), abs=1e-3)
    assert fit.weights == pytest.approx(facets.weights, abs=2e-3)
    assert fit.sd == pytest.approx(facets.severities.unit_sd, abs=2e-3)


def test_of_many_systems_whose_answers_are_coins_few_items_are_called_reversed():
    coins = (np.random.default_rng(1).random((220, 20)) < 0.6).astype(float)

    flags = flags_of(coins, random_systems(coins))

    assert sum("reversed" in each for each in flags) <= 3  # half of them have a slope below 0
    assert sum("flat" in each or "suspect" in each for each in flags) >= 1
