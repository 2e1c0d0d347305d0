"""The oracles on bias and generalizability, and recorded judges, at their own tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.bias.favours import lc_win_rate
from judgekit.agreement.bias.order_effects import position_counts, position_effects, sign_test
from judgekit.agreement.bias.repeats import repeatability
from judgekit.agreement.models.dstudy import design_parts, g_coefficient, phi_coefficient
from judgekit.agreement.models.gstudy import g_study
from judgekit.agreement.models.reml import as_blocks, fit_reml

SHARED = Path(__file__).parents[3] / "shared"
PLACE = {"A": 1.0, "B": 0.0, "C": 0.5}
# Brennan (2001), synthetic data set no. 4: 10 persons x (4 raters : 3 tasks), rater by rater.
BRENNAN = [
    5, 9, 3, 7, 9, 3, 7, 5, 9, 4, 6, 3, 4, 5, 2, 4, 3, 8, 9, 4, 5, 7, 3, 5, 9, 3, 7, 5, 8, 4,
    5, 7, 3, 3, 7, 5, 7, 7, 8, 3, 5, 7, 5, 3, 7, 3, 7, 7, 6, 3, 3, 5, 3, 1, 7, 3, 5, 5, 6, 5,
    4, 5, 3, 4, 3, 6, 5, 5, 6, 6, 5, 5, 5, 3, 7, 3, 7, 4, 5, 5, 6, 7, 6, 5, 2, 4, 5, 3, 5, 5,
    7, 7, 5, 3, 7, 5, 5, 2, 8, 7, 3, 5, 1, 3, 5, 1, 5, 1, 1, 1, 3, 2, 6, 5, 3, 2, 4, 1, 1, 1,
]  # fmt: skip
# Orders (first, second) of a judge of pairs: A the first shown, B the second, C a tie.
ORDERS = {"AA": 14, "AB": 31, "AC": 5, "BA": 27, "BB": 6, "BC": 2, "CA": 3, "CB": 4, "CC": 4}


def oracle(name):
    path = SHARED / "oracles.json"
    if not path.exists():
        pytest.skip(f"no file of oracles at {path}")
    found = {each["id"]: each for each in json.loads(path.read_text(encoding="utf-8"))["oracles"]}
    each = found[name]
    return each["data"], each["expected"], each["tol"]


def told(counts):
    pairs = [(PLACE[key[0]], PLACE[key[-1]]) for key, n in counts.items() for _ in range(n)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def brennan(scores, method="auto"):
    task, rater, person = (each.ravel() for each in np.indices((3, 4, 10)))
    facets = {"person": person, "task": task, "rater": rater}
    return g_study(scores, facets, item="person", within={"rater": "task"}, method=method)


def test_positions_of_the_typed_table():
    one, other = told(ORDERS)
    found = position_counts(one, other)
    rates = position_effects(one, other, seed=1, b=200)

    assert (found.n, found.consistent, found.primacy, found.recency, found.hard) == (96, 62, 22, 12, 20)
    assert sign_test(found.primacy, found.recency) == pytest.approx(0.121449485, abs=1e-8)
    assert rates["preference_fairness"].value == pytest.approx(-0.1041666667)
    assert rates["first_pick_rate"].value == 105 / 192


def test_bias_position():
    data, expected, tol = oracle("bias.position")
    one, other = told(data["counts"])
    counts, rates = position_counts(one, other), position_effects(one, other, seed=1, b=200)

    for name in ("n", "consistent", "primacy", "recency"):
        assert getattr(counts, name) == expected[name]
    for theirs, ours in {
        "position_consistency": "position_consistency",
        "conflict_rate": "conflict_rate",
        "primacy_rate": "primacy_rate",
        "recency_rate": "recency_rate",
        "preference_fairness": "preference_fairness",
        "hard_conflict_rate": "hard_conflict_rate",
        "first_pick_rate_all_calls": "first_pick_rate",
    }.items():
        assert rates[ours].value == pytest.approx(expected[theirs], abs=tol)
    ends = (rates["conflict_rate"].low, rates["conflict_rate"].high)
    assert ends == pytest.approx(expected["wilson_conflict"], abs=tol)
    assert sign_test(counts.primacy, counts.recency) == pytest.approx(expected["sign_test_p"], abs=tol)


def test_bias_length_controlled():
    data, expected, tol = oracle("bias.length_controlled")
    raw, controlled, phi = lc_win_rate(data["pref"], data["dlen"])
    theta = np.log(controlled.value / (1 - controlled.value))

    assert raw.value == pytest.approx(expected["raw_win_rate"], abs=tol)
    assert theta == pytest.approx(expected["intercept"], abs=tol)
    assert phi.value == pytest.approx(expected["slope"], abs=tol)
    assert phi.se == pytest.approx(expected["se_slope"], abs=tol)
    assert controlled.value == pytest.approx(expected["lc_win_rate"], abs=tol)
    assert controlled.se == pytest.approx(expected["lc_win_rate_se_delta"], abs=tol)


@pytest.mark.parametrize("method", ["ems", "reml"])
def test_brennans_data_give_the_published_components(method):
    found = brennan(BRENNAN, method).components

    published = {"person": 0.4731, "task": 0.3252, "rater": 0.6475, "person:task": 0.5596, "residual": 2.3802}
    assert found == pytest.approx(published, abs=6e-5)


def test_gtheory_brennan_3_2():
    data, expected, tol = oracle("gtheory.brennan_3_2")
    assert data["scores_rater_major"] == BRENNAN
    study = brennan(BRENNAN)
    parts = design_parts(study.components, {"task": 3, "rater": 4}, object_="person", within=study.within)

    names = ["var_p", "var_t", "var_r_in_t", "var_pt", "var_pr_in_t"]
    assert list(study.components.values()) == pytest.approx([expected[n] for n in names], abs=tol)
    assert g_coefficient(parts) == pytest.approx(expected["E_rho2_nt3_nr4"], abs=tol)
    assert phi_coefficient(parts) == pytest.approx(expected["Phi_nt3_nr4"], abs=tol)


def test_gtheory_unbalanced_reml():
    data, expected, tol = oracle("gtheory.unbalanced_reml")
    rows = np.array(data["rows_item_judge_rep_y"])
    item, judge = rows[:, 0].astype(int) - 1, rows[:, 1].astype(int) - 1
    nested = {"item": np.zeros_like(item), "item:judge": judge}
    fit = fit_reml(as_blocks(rows[:, 3], item, nested=nested, crossed={"judge": judge}))
    study = g_study(rows[:, 3], {"item": item, "judge": judge})

    assert fit.deviance == pytest.approx(expected["reml_deviance"], abs=tol)
    assert fit.mean == pytest.approx(expected["mean"], abs=tol)
    names = {"item": "item", "judge": "judge", "item:judge": "item_judge", "residual": "res"}
    for ours, theirs in names.items():
        assert fit.components[ours] == pytest.approx(expected[f"var_{theirs}"], abs=tol)
        assert study.components[ours] == pytest.approx(expected[f"var_{theirs}"], abs=tol)


@pytest.mark.parametrize("part", ["Natural", "Neighbor", "GPTInst", "GPTOut", "Manual"])
@pytest.mark.parametrize("judge", ["GPT-4", "ChatGPT"])
def test_recorded_judges_of_both_orders(part, judge):
    folder = SHARED / "data" / "llmbar"
    if not folder.exists():
        pytest.skip(f"no recorded judges at {folder}")
    expected = json.loads((folder / "EXPECTED.json").read_text(encoding="utf-8"))[f"{part}/{judge}/Vanilla"]
    path = folder / part / "evaluators" / judge / "Vanilla" / "result.json"
    last = [each["results"][-1] for each in json.loads(path.read_text(encoding="utf-8"))]
    # A winner is told by response; shown first is output 1, and with the orders swapped output 2.
    one = [{"1": 1.0, "2": 0.0}.get(each["swap = False"]["winner"]) for each in last]
    other = [{"2": 1.0, "1": 0.0}.get(each["swap = True"]["winner"]) for each in last]
    counts = position_counts(one, other)

    assert counts.consistent == expected["equal_both_parsed"]
    picks = [sum(x == 1.0 for x in order) for order in (one, other)]
    assert picks == [expected["first_shown_picked_False"], expected["first_shown_picked_True"]]


@pytest.mark.parametrize("part", ["vicuna_eval", "mt_bench_eval"])
def test_three_samples_of_a_recorded_grader(part):
    folder = SHARED / "data" / "prometheus_k3"
    if not folder.exists():
        pytest.skip(f"no recorded judges at {folder}")
    expected = json.loads((folder / "EXPECTED.json").read_text(encoding="utf-8"))[part]
    rows = json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
    found = repeatability([row["gpt4_score"] for row in rows], seed=1, b=100)

    assert found["all_same"].value == pytest.approx(expected["unanimous"] / expected["n"])
    pairs = np.mean(list(expected["exact_agreement"].values()))
    assert found["repeat_agreement"].value == pytest.approx(pairs, abs=1e-6)
