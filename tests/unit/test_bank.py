"""Item banks: systems placed by some answers, items picked as answers come, subsets, forms, files."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.standing import gim_ability
from judgekit.standing.bank import Bank, BankItem, bank_of, bank_text, fit_bank
from judgekit.standing.forms import matched_forms
from judgekit.standing.picking import Known, picks
from judgekit.standing.placing import adaptive, place_system
from judgekit.standing.subsets import chosen, errors_of

SHARED = Path(__file__).parents[3] / "shared" / "oracles_standings.json"
GIM = SHARED.parent / "data" / "gim_bank" / "irt_params.json"
needs_oracles = pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
rng = np.random.default_rng(0)


def logistic(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def bank_with(slope, difficulty, **said) -> Bank:
    items = tuple(
        BankItem(item_id=str(j), slope=float(a), slope_sd=0.1, level=float(-a * b), level_sd=0.1, flat=0.0)
        for j, (a, b) in enumerate(zip(slope, difficulty, strict=True))
    )
    return Bank(**{"items": items, "model": "2pl", "mean": 0.0, "sd": 1.0, "systems": {}} | said)


def fluid() -> tuple[Bank, list[float], dict]:
    of = {each["id"]: each for each in json.loads(SHARED.read_text(encoding="utf-8"))}["fluid.map_path10"]
    return bank_with(of["data"]["a"], of["data"]["b"]), of["data"]["x"], of["expected"]


def walked(steps, answer):
    """Walk a generator of picks, and return what was picked and what it returned."""
    picked = []
    try:
        each = next(steps)
        while True:
            picked.append(each)
            each = steps.send(answer(each))
    except StopIteration as end:
        return picked, end.value


@needs_oracles
def test_the_path_is_that_of_fluid_benchmarking():
    bank, x, expected = fluid()

    picked, placed = walked(adaptive(bank, until_sd=0.0, most=8), lambda item: x[int(item)])

    assert [int(item) for item in picked] == expected["items"]
    modes = [
        place_system(bank, {item: x[int(item)] for item in picked[: n + 1]}, method="map") for n in range(8)
    ]
    assert [each.ability for each in modes] == pytest.approx(expected["map"], abs=2e-6)
    assert modes[-1].sd == pytest.approx(expected["map_sd_after_8"], abs=2e-6)
    assert placed.score == pytest.approx(expected["expected_share_right_of_10_after_8"], abs=2e-6)


@needs_oracles
def test_the_mean_of_the_posterior_is_that_of_adaptivetesting():
    bank, x, expected = fluid()

    placed = place_system(bank, {str(j): float(each) for j, each in enumerate(x)})

    assert placed.ability == pytest.approx(expected["eap_all_10"], abs=2e-6)
    assert placed.sd == pytest.approx(expected["posterior_sd_all_10"], abs=2e-6)
    assert placed.score == placed.plain == pytest.approx(np.mean(x))
    assert placed.plain_sd == 0.0  # all of them were asked


@pytest.mark.skipif(not GIM.exists(), reason=f"{GIM} is not there")
def test_the_error_of_a_full_run_on_gim_s_public_bank_is_the_published_one():
    said = json.loads(GIM.read_text(encoding="utf-8"))
    slope, difficulty = ([item[name] for item in said["items"].values()] for name in ("a", "b"))

    _, se, n = gim_ability(
        slope, difficulty, np.full(len(slope), 0.5), sigma=said["calibration"]["sigma_hat"]
    )

    assert n == 615
    assert se == pytest.approx(0.0707722342, abs=1e-9)


def test_answers_alone_have_no_top_where_all_are_right():
    bank = bank_with([1, 1], [0, 1])

    assert place_system(bank, {"0": 1.0, "1": 1.0}, method="mle").ability == 4.0
    assert place_system(bank, {"0": 1.0}, method="map").ability < 1


def test_controls_stand_beside_the_ability_and_what_was_not_obtained_is_counted():
    bank = bank_with([1, 1, 1], [0, 1, 2], systems={"a": (0, 0, 0.4), "b": (0, 0, 0.6)})

    placed = place_system(bank, {"0": 1.0, "1": 0.0, "2": None})

    assert (placed.n, placed.n_missing) == (2, 1)
    assert placed.plain == 0.5
    assert placed.plain_sd == pytest.approx(math.sqrt(0.25 * (1 - 2 / 3) / 2))
    assert (placed.no_call, round(placed.no_call_sd, 4)) == (0.5, 0.1414)
    assert 0 <= placed.score_low < placed.score < placed.score_high <= 1


def test_without_an_answer_there_is_no_ability():
    placed = place_system(bank_with([1], [0]), {"0": None})

    assert placed.status == "undefined:too_few"
    assert math.isnan(placed.ability)
    assert math.isnan(placed.plain)


@pytest.mark.parametrize(
    ("answers", "told"), [({"x": 1.0}, "'x' is not in the bank"), ({"0": 7.0}, "from 0 to 1, not 7")]
)
def test_an_answer_that_cannot_be_is_refused(answers, told: str):
    with pytest.raises(InputError, match=told):
        place_system(bank_with([1], [0]), answers)


def test_the_interval_of_the_score_covers_it():
    draw = np.random.default_rng(1)
    slope, difficulty = np.exp(draw.normal(0, 0.3, 200)), draw.normal(0, 1, 200)
    bank = bank_with(slope, difficulty)
    held = []
    for ability in draw.normal(0, 1, 200):
        answers = (draw.random(200) < logistic(slope * (ability - difficulty))).astype(float)
        asked = draw.choice(200, 30, replace=False)
        placed = place_system(bank, {str(j): answers[j] for j in asked})
        held.append(
            (placed.low < ability < placed.high, placed.score_low < answers.mean() < placed.score_high)
        )

    assert np.mean(held, axis=0) == pytest.approx([0.95, 0.95], abs=0.04)


def coin(p, draw):
    """Return what answers an item right with its probability."""
    return lambda j: float(draw.random() < p[j])


def large(seed: int):
    draw = np.random.default_rng(seed)
    return np.exp(draw.normal(0, 0.3, 1000)), draw.normal(0, 1, 1000), draw


def test_picking_needs_a_third_of_the_items_that_chance_needs():
    slope, difficulty, draw = large(2)
    prior, needed = Known(np.zeros(1), np.eye(1)), {"best": [], "chance": []}
    for ability in (-2, -1, 0, 1, 2) * 3:
        for kind, among in (("best", np.arange(1000)), ("chance", draw.permutation(1000))):
            a, b = slope[among], difficulty[among]
            costs = None if kind == "best" else np.exp(np.arange(1000) / 2)  # as they come
            steps = picks(a[:, None], -a * b, prior, until_sd=0.3, cost=costs, gamma=1.0)
            needed[kind].append(len(walked(steps, coin(logistic(a * (ability - b)), draw))[0]))

    assert np.mean(needed["best"]) <= 0.35 * np.mean(needed["chance"])


def test_weighing_costs_saves_most_of_them_at_the_same_error():
    draw = np.random.default_rng(3)
    slope, level = (
        np.exp(draw.normal(0, 0.4, (500, 2))) * draw.integers(0, 2, (500, 2)),
        draw.normal(0, 1, 500),
    )
    slope[slope.sum(axis=1) == 0] = 1.0
    cost = np.exp(draw.normal(0, 1, 500))
    cost /= cost.mean()
    prior = Known(np.zeros(2), np.eye(2))
    paid, errors = {0.0: [], 1.0: []}, {0.0: [], 1.0: []}
    for _ in range(25):
        ability = draw.normal(size=2)
        p = logistic(slope @ ability + level)
        for gamma, sums in paid.items():
            steps = picks(slope, level, prior, cost=cost, gamma=gamma, until_sd=0.35)
            picked, known = walked(steps, coin(p, draw))
            sums.append(cost[picked].sum())
            errors[gamma].append(np.mean((known.at - ability) ** 2))
            assert known.sd <= 0.35

    assert np.mean(paid[1.0]) <= 0.4 * np.mean(paid[0.0])
    assert np.sqrt(np.mean(errors[1.0])) <= 1.2 * np.sqrt(np.mean(errors[0.0]))


def test_an_item_without_an_answer_is_spent_and_teaches_nothing():
    bank = bank_with([1, 1, 1], [0, 1, 2])

    picked, placed = walked(adaptive(bank, until_sd=0.0), lambda _: None)

    assert sorted(picked) == ["0", "1", "2"]
    assert placed.status == "undefined:too_few"
    assert placed.n_missing == 3


def test_picking_ends_before_the_budget_is_exceeded_and_leaves_doubtful_items_out():
    bank = bank_with([1, 2, 3], [0, 0, 0])
    marked = replace(bank, items=(*bank.items[:2], replace(bank.items[2], flags=("suspect",))))

    picked, _ = walked(adaptive(marked, until_sd=0.0, budget=1.5), lambda _: 1.0)
    every, _ = walked(adaptive(marked, until_sd=0.0, doubtful=True), lambda _: 1.0)

    assert picked == ["1"]
    assert every[0] == "2"


def test_the_best_few_take_turns_where_that_is_asked_for():
    bank = bank_with([1, 1.01, 1.02, 0.1], [0, 0, 0, 0])

    first = {next(adaptive(bank, top=3, seed=seed)) for seed in range(40)}

    assert first == {"0", "1", "2"}


def test_a_cost_of_nothing_is_refused():
    with pytest.raises(InputError, match="above 0, not 0"):
        next(picks(np.ones((2, 1)), np.zeros(2), Known(np.zeros(1), np.eye(1)), cost=np.array([1.0, 0.0])))


def answers_of(n: int, n_items: int, seed: int = 0):
    draw = np.random.default_rng(seed)
    ability, level = draw.normal(0, 1, n), draw.normal(0, 1.2, n_items)
    return (draw.random((n, n_items)) < logistic(ability[:, None] + level)).astype(float)


def fitted(n: int = 12, n_items: int = 60, **said) -> Bank:
    answers = answers_of(n, n_items)
    return fit_bank(answers, [f"s{i}" for i in range(n)], [f"item{j}" for j in range(n_items)], **said)


def test_a_bank_knows_its_items_and_the_systems_that_calibrated_it():
    bank = fitted(costs={"item3": 2.5})

    assert bank.status == "unstable:few_systems"
    assert bank.items[3].cost == 2.5
    assert bank.items[0].share == pytest.approx(answers_of(12, 60)[:, 0].mean())
    assert bank.systems["s0"][2] == pytest.approx(answers_of(12, 60)[0].mean())
    assert 0.5 < bank.sd < 2
    assert 0.5 < bank.reliability < 1
    assert [each.model for each in bank.hidden] == ["item mean", "item and system", "1pl", "2pl"]
    assert bank.information(np.array([0.0]))[0] > 5


def test_a_bank_comes_back_from_its_file_as_it_was():
    bank = fitted(checks=False)

    again = bank_of(bank_text(bank))

    assert bank_text(again) == bank_text(bank)
    assert again.digest == bank.digest
    assert again.items[5].level == bank.items[5].level
    assert math.isnan(again.one_ability)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "no bank"), ("item_id,score", "no JSON, and so no bank"),
        ('{"format": 2}', "format 2, and this version reads 1"),
        ('{"format": 1}', "no bank: KeyError: 'items'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_bank_is_refused(text: str, told: str):
    with pytest.raises(InputError, match=told):
        bank_of(text)


@pytest.mark.parametrize("model", ["1pl", "2pl"])
def test_one_item_says_nothing_of_others(model: str):
    bank = fit_bank(np.array([[0.9], [0.2], [0.5], [0.4]]), list("abcd"), ["x"], model=model)

    assert math.isnan(bank.reliability)
    assert all(math.isnan(error) for _, error, _ in bank.systems.values())
    assert bank.sd > 0


def test_a_standing_of_one_item_has_no_strengths_by_any_model():
    for model in ("mean", "two-way", "2pl"):
        found = jk.stand(np.array([[0.9], [0.2], [0.5]]), model=model)
        assert found.status == "undefined:too_few"
        assert all(math.isnan(place.strength) for place in found.places)


@pytest.mark.parametrize(
    "answers",
    [
        np.ones((5, 4)), np.array([[1.0, 0, 1]]), np.array([[1.0], [0], [1]]), np.full((4, 4), np.nan),
        np.array([[1, 0, np.nan, np.nan]] * 2 + [[np.nan, np.nan, 0, 1]] * 2),
    ],
)  # fmt: skip
def test_answers_that_tell_nothing_make_a_bank_that_says_so(answers):
    names = (
        [f"syst\u00e8me {i}" for i in range(len(answers))],
        [f"\u9879{j}" for j in range(answers.shape[1])],
    )

    bank = fit_bank(answers, *names)

    assert bank.status.startswith("undefined:")
    placed = place_system(bank, {bank.ids[0]: 1.0})
    assert placed.status == bank.status
    assert np.isnan(placed.ability)
    assert placed.plain == 1.0
    with pytest.raises(InputError, match="nothing to pick from: undefined"):
        next(adaptive(bank))
    assert bank_of(bank_text(bank)).status == bank.status


def test_many_systems_and_few_items_make_the_systems_random():
    bank = fitted(210, 10, checks=False)

    assert (bank.mean, bank.sd, bank.status) == (0.0, 1.0, "ok")
    assert bank.items[0].slope == pytest.approx(1, abs=0.5)


def test_scores_between_right_and_wrong_say_more_than_coins():
    draw = np.random.default_rng(5)
    ability, level = draw.normal(0, 1, 15), draw.normal(0, 1, 80)
    shares = draw.binomial(10, logistic(ability[:, None] + level)) / 10

    bank = fit_bank(shares, [str(i) for i in range(15)], [str(j) for j in range(80)], checks=False)

    assert bank.dispersion == pytest.approx(0.1, abs=0.03)
    few = {str(j): float(shares[0, j]) for j in range(20)}
    coins = replace(bank, dispersion=1.0)
    assert place_system(bank, few).sd < 0.5 * place_system(coins, few).sd


@pytest.mark.parametrize("how", ["random", "stratified", "pivotal", "medoids", "information"])
def test_each_subset_has_so_many_items_and_weights_that_sum_to_one(how: str):
    features = np.random.default_rng(6).normal(size=(101, 3))

    places, weights = chosen(features, 10, how, worth=features[:, 0])
    again, _ = chosen(features, 10, how, worth=features[:, 0])

    assert len(set(places.tolist())) == 10
    assert weights.sum() == pytest.approx(1)
    assert places.tolist() == again.tolist()


@pytest.mark.parametrize("how", ["random", "stratified", "pivotal", "medoids"])
def test_all_items_are_a_subset_too(how: str):
    places, weights = chosen(np.random.default_rng(6).normal(size=(7, 2)), 7, how)

    assert sorted(places.tolist()) == list(range(7))
    assert weights == pytest.approx(np.full(7, 1 / 7))


def test_a_stratified_subset_has_one_item_of_each_stratum():
    places, _ = chosen(np.arange(100.0)[:, None], 10, "stratified", seed=1)

    assert sorted(places // 10) == list(range(10))


def test_a_pivotal_subset_takes_each_item_equally_often_and_no_two_neighbours():
    features = np.arange(30.0)[:, None]
    drawn = [chosen(features, 6, "pivotal", seed=seed)[0] for seed in range(300)]

    often = np.bincount(np.concatenate(drawn), minlength=30) / 300
    assert often == pytest.approx(np.full(30, 0.2), abs=0.09)
    assert np.mean([np.diff(np.sort(each)).min() == 1 for each in drawn]) < 0.35  # by chance 70 %


def test_medoids_are_the_middles_of_clusters_with_their_shares():
    features = np.concatenate([np.full(6, 0.0), np.full(3, 50.0), np.full(1, 90.0)])[:, None]
    features = features + np.random.default_rng(7).normal(0, 0.1, features.shape)

    places, weights = chosen(features, 3, "medoids")

    assert sorted(weights) == pytest.approx([0.1, 0.3, 0.6])
    assert {*places.tolist()} & {9}
    assert len({*places.tolist()} & {6, 7, 8}) == 1


def test_the_planner_s_errors_are_those_of_draws():
    draw = np.random.default_rng(8)
    p = logistic(draw.normal(0, 1.5, 400))
    answers = draw.random((600, 400)) < p
    means = [each[draw.choice(400, 40, replace=False)].mean() - each.mean() for each in answers]
    strata = np.argsort(p).reshape(40, 10)
    best = [each[strata[np.arange(40), draw.integers(10, size=40)]].mean() - each.mean() for each in answers]

    random, least = errors_of(p[:, None], np.ones(1), 40)

    assert np.std(means) == pytest.approx(random, rel=0.1)
    assert np.std(best) == pytest.approx(least, rel=0.1)


@pytest.mark.parametrize(("k", "how", "told"), [(0, "random", "say 1 to 5"), (3, "best", "how='best'")])
def test_a_subset_that_cannot_be_is_refused(k: int, how: str, told: str):
    with pytest.raises(InputError, match=told):
        chosen(np.zeros((5, 1)), k, how)


def test_matched_forms_are_equally_hard():
    draw = np.random.default_rng(9)
    gaps = {"matched": [], "random": []}
    for seed in range(30):
        features = draw.normal(size=(200, 2))
        one, other = matched_forms(features, 40, seed=seed)
        assert not {*one.tolist()} & {*other.tolist()}
        assert len(one) == len(other) == 40
        gaps["matched"].append(abs(features[one, 0].mean() - features[other, 0].mean()))
        mixed = draw.permutation(200)
        gaps["random"].append(abs(features[mixed[:40], 0].mean() - features[mixed[40:80], 0].mean()))

    assert np.mean(gaps["matched"]) <= 0.4 * np.mean(gaps["random"])


def test_forms_that_need_more_items_than_there_are_are_refused():
    with pytest.raises(InputError, match="have 1 to 2 each"):
        matched_forms(np.zeros((5, 1)), 3)
