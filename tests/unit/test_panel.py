"""A judge against a panel of people: ceiling, replacement, populations."""

import json
from pathlib import Path

import numpy as np
import pytest

from judgekit.agreement.association.correlation import correlation, pearson
from judgekit.agreement.bias.populations import cross_kappa, populations
from judgekit.agreement.chance.chance import krippendorff_alpha
from judgekit.agreement.chance.coefficients import kappa
from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.core.weights import weights_of
from judgekit.agreement.people.ceiling import (
    disattenuated,
    disattenuated_correlation,
    human_ceiling,
    leave_one_out,
    replacement_alpha,
)
from judgekit.agreement.people.panel import measure_of, panel_of
from judgekit.errors import InputError

nan = float("nan")
PANDALM = Path(__file__).parents[3] / "shared" / "data" / "pandalm"
# Three annotators and a judge on forty items of five labels, a digit an item, - where missing.
FORTY = {
    "h1": "2555545552514434114532212152331432242223",
    "h2": "25153425524144341-5534242142324335235243",
    "h3": "21545-5552454414115132232112321332232243",
    "judge": "2515544552414434151332212452321332232233",
}


SCALE = [1, 2, 3, 4, 5]


def table(columns=None, *, scale=(1, 2, 3, 4, 5), **options):
    """Ratings from rows of digits, one row a rater."""
    columns = columns or FORTY
    cells = [[None if c == "-" else int(c) for c in row] for row in columns.values()]
    return as_ratings(np.array(cells, dtype=object).T, scale=list(scale), raters=list(columns), **options)


def test_leaving_one_out_puts_judge_and_human_before_the_same_reference():
    found = human_ceiling(table(), judge="judge", measure="pearson", aggregate="mean", b=100)

    numbers = table().numbers
    others = np.nanmean(numbers[:, 1:3], axis=1)  # of h1
    here = ~np.isnan(others)
    assert found.by_person["h1"] == pytest.approx(
        (pearson(numbers[here, 3], others[here]), pearson(numbers[here, 0], others[here]))
    )
    assert found.difference.value == pytest.approx(found.judge.value - found.human.value)
    assert found.ratio.value == pytest.approx(found.judge.value / found.human.value)
    assert found.human.low < found.human.value < found.human.high


def test_a_judge_who_is_one_of_them_stands_at_the_ceiling():
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(30):
        truth = rng.integers(1, 6, 100)
        raters = np.clip(truth[:, None] + rng.integers(-1, 2, (100, 5)), 1, 5)
        codes, values = raters - 1, np.array(SCALE, dtype=float)
        judge, human = leave_one_out(codes[:, 0], codes[:, 1:], values, pearson, "mean")
        gaps.append(judge.mean() - human.mean())

    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(30)


def test_one_human_gives_no_ceiling_and_says_what_would():
    found = human_ceiling(table(), judge="judge", humans=["h1"], b=50)

    assert found.judge.value == pytest.approx(pearson(table().numbers[:, 3], table().numbers[:, 0]))
    assert found.human.status == "undefined:needs_two_raters"
    assert "second one label 30 to 50" in found.human.notes[-1]


def test_a_ceiling_without_variation_or_units_is_undefined():
    constant = table({"a": "333", "b": "333", "judge": "333"})
    nothing = table({"a": "12-", "b": "--3", "judge": "123"})

    assert human_ceiling(constant, judge="judge").human.status == "undefined:no_variation"
    assert human_ceiling(nothing, judge="judge").human.status == "undefined:no_paired_items"


def test_labels_without_order_have_no_mean():
    nominal = table(level="nominal")

    assert human_ceiling(nominal, judge="judge", b=20).judge.method == "leave one out, pairs of the others"
    with pytest.raises(InputError, match="nominal"):
        human_ceiling(nominal, judge="judge", aggregate="mean")
    with pytest.raises(InputError, match="labels of the scale"):
        human_ceiling(table(), judge="judge", measure="quadratic_kappa", aggregate="mean")


def test_a_correlation_is_freed_of_both_raters_noise():
    observed = correlation(*table().numbers[:, [0, 3]].T, kind="pearson")

    corrected, most = disattenuated_correlation(observed, rel_judge=0.9, rel_human=0.8)
    impossible, _ = disattenuated_correlation(observed, rel_judge=0.3, rel_human=0.3)
    undefined, _ = disattenuated_correlation(observed, rel_judge=0.0, rel_human=0.8)

    assert most.value == pytest.approx(np.sqrt(0.72))
    assert corrected.value == pytest.approx(observed.value / np.sqrt(0.72))
    assert corrected.low == pytest.approx(observed.low / np.sqrt(0.72))
    assert impossible.value > 1
    assert "above 1" in impossible.notes[-1]
    assert undefined.status == "undefined:not_identified"
    assert np.isnan(disattenuated(0.5, -0.1, 0.8)).all()


def test_alpha_with_the_judge_in_each_place():
    numbers = table().numbers
    here = (~np.isnan(numbers[:, :3])).sum(axis=1) >= 2

    def alpha(columns):
        return krippendorff_alpha(columns[here], values=SCALE, metric="interval")

    found = replacement_alpha(table(), judge="judge", b=100)

    places = []
    for j in range(3):
        replaced = numbers[:, :3].copy()
        replaced[:, j] = np.where(np.isnan(replaced[:, j]), nan, numbers[:, 3])
        places.append(alpha(replaced))
    assert found.panel.value == pytest.approx(alpha(numbers[:, :3]))
    assert found.joined.value == pytest.approx(alpha(numbers))
    assert found.delta.value == pytest.approx(found.joined.value - found.panel.value)
    assert found.replaced.value == pytest.approx(np.mean(places))
    assert found.replaced_delta.low < found.replaced_delta.value < found.replaced_delta.high
    lone = replacement_alpha(table(), judge="judge", humans=["h1"])
    assert lone.panel.status == "undefined:needs_two_raters"


def test_agreement_across_two_lone_raters_is_cohens_kappa():
    from sklearn.metrics import cohen_kappa_score

    codes = table().codes[:, [0, 3]]
    w = weights_of("quadratic", np.array(SCALE, dtype=float))

    ours = cross_kappa(codes[:, :1], codes[:, 1:], w)

    assert ours == pytest.approx(cohen_kappa_score(*codes.T, labels=range(5), weights="quadratic"))
    assert ours == pytest.approx(measure_of("quadratic_kappa", w.values)(*table().numbers[:, [0, 3]].T))
    assert ours == pytest.approx(kappa(table().numbers[:, [0, 3]], scale=SCALE, weights="quadratic").value)


def test_a_judge_made_by_one_pool_agrees_less_with_another():
    rng = np.random.default_rng(0)
    here, there = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    there = np.where(rng.random(400) < 0.6, here, there)

    def rater(truth):
        return np.where(rng.random(400) < 0.9, truth, 1 - truth)

    rows = [rater(here), rater(here), rater(there), rater(there), rater(here)]
    ratings = as_ratings(
        np.array(rows).T, scale=[0, 1], level="nominal",
        raters=["us1", "us2", "gh1", "gh2", "judge"],
    )  # fmt: skip

    found = populations(
        ratings, judge="judge", pools={"us1": "US", "us2": "US", "gh1": "GH", "gh2": "GH"}, b=300
    )

    us, gh = found.each
    assert us.judge.value > gh.judge.value
    assert found.gaps["US", "GH"].low > 0
    assert found.gaps["US", "GH"].value == pytest.approx(us.judge.value - gh.judge.value)
    assert abs(us.shortfall.value) < 0.12  # as good as one of them
    assert gh.shortfall.high < 0
    # The pools agree as little with each other as the judge with the other pool: no fault of the judge.
    assert found.between["US", "GH"].value == pytest.approx(gh.judge.value, abs=0.08)
    assert found.own_gaps["US", "GH"].low < 0 < found.own_gaps["US", "GH"].high


def test_populations_of_units():
    rng = np.random.default_rng(1)
    truth, easy = rng.integers(0, 3, 300), np.arange(300) % 2 == 0
    judge = np.where(easy | (rng.random(300) < 0.4), truth, rng.integers(0, 3, 300))
    ratings = as_ratings(np.array([truth, truth, judge]).T, scale=[0, 1, 2], raters=["a", "b", "judge"])

    found = populations(
        ratings, judge="judge", units=[None if i > 250 else bool(e) for i, e in enumerate(easy)], b=200
    )

    assert [each.name for each in found.each] == [True, False]
    assert found.each[0].judge.value == 1.0
    assert found.each[0].judge.n_used == 126
    assert found.each[0].own.value == found.each[1].own.value == 1.0
    assert found.gaps[True, False].low > 0
    assert found.between == {}


def test_populations_that_cannot_be_compared():
    lone = populations(table(), judge="judge", pools={"h1": "a", "h2": "b"}, b=50)
    beside = populations(table(), judge="judge", pools={"h1": "a", "h2": "b", "h3": "b"}, b=50)
    apart = populations(
        table({"x": "12--", "y": "--12", "judge": "1212"}), judge="judge", pools={"x": "a", "y": "b"}, b=50
    )

    assert lone.each[0].own.status == "undefined:needs_two_raters"
    assert lone.own_gaps["a", "b"].status == "undefined:needs_two_raters"
    assert beside.own_gaps["a", "b"].status == "undefined:needs_two_raters"
    assert apart.between["a", "b"].status == "undefined:no_paired_items"
    with pytest.raises(InputError, match="either pools"):
        populations(table(), judge="judge")
    with pytest.raises(InputError, match="3 populations for 40 units"):
        populations(table(), judge="judge", units=[1, 2, 3])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"judge": "nobody"}, "no rater 'nobody'; there are h1, h2, h3, judge"),
        ({"judge": "judge", "humans": ["h1", "judge"]}, "cannot be of the panel"),
    ],
)
def test_an_unknown_rater_is_named(options, words):
    with pytest.raises(InputError, match=words):
        panel_of(table(), **options)
    with pytest.raises(InputError, match="unknown measure"):
        measure_of("f1", np.array([0.0, 1.0]))


def test_three_annotators_of_pandalm_and_a_recorded_judge():
    if not PANDALM.exists():
        pytest.skip(f"no recorded labels at {PANDALM}")
    label = {"Tie": "tie", "1": "first", "2": "second", 0: "tie", 1: "first", 2: "second"}
    people = json.loads((PANDALM / "testset-v1.json").read_text(encoding="utf-8"))
    judged = json.loads((PANDALM / "gpt-3.5-turbo-testset-v1.json").read_text(encoding="utf-8"))
    by_id = {each["idx"]: label.get(each["gpt_result"]) for each in judged}
    rows = [[*(label[p[f"annotator{k}"]] for k in (1, 2, 3)), by_id[p["idx"]]] for p in people]
    ratings = as_ratings(
        rows, scale=["tie", "first", "second"], level="nominal", raters=["a1", "a2", "a3", "gpt"]
    )

    found = human_ceiling(ratings, judge="gpt", b=100)
    alphas = replacement_alpha(ratings, judge="gpt", b=100)

    expected = json.loads((PANDALM / "EXPECTED.json").read_text(encoding="utf-8"))
    assert found.human.n_dropped == expected["gpt35_unparseable"]
    # Over the units the judge answered; the published kappas are over all 999.
    assert found.human.value == pytest.approx(np.mean(list(expected["cohen_kappa"].values())), abs=0.004)
    assert alphas.panel.value == pytest.approx(expected["krippendorff_nominal_3_annotators"], abs=0.004)
    assert found.judge.value == pytest.approx(expected["gpt35_excluding_unparseable"]["kappa"], abs=0.03)
    assert found.difference.high < 0
    assert alphas.replaced_delta.high < 0


def test_clusters_are_what_is_drawn_again_everywhere():
    clustered = table(clusters=np.repeat(range(25), 2)[:40])

    found = human_ceiling(clustered, judge="judge", b=100)
    alphas = replacement_alpha(clustered, judge="judge", b=100)
    pools = populations(clustered, judge="judge", pools={"h1": "a", "h2": "a", "h3": "b"}, b=100)

    assert (found.difference.unit, found.difference.interval) == ("cluster", "influence_t")
    for estimate in (alphas.delta, pools.each[0].judge):
        assert (estimate.unit, estimate.interval) == ("cluster", "bca_cluster")
        assert estimate.status == "ok"  # 20 clusters
