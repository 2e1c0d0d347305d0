"""Two raters: concordance, limits of agreement, margins, and what explains a kappa."""

import numpy as np
import pytest

from judgekit.agreement.auditing.sections.agreement import all_coefficients, headline
from judgekit.agreement.bias.range_use import bhapkar, bowker, marginal_homogeneity, stuart_maxwell
from judgekit.agreement.chance.profile import coverage, kappa_profile, specific, within_steps
from judgekit.agreement.core.ratings import as_ratings, ratings_of_table
from judgekit.agreement.models.bland import bland_altman, ccc, concordance
from judgekit.agreement.published.rankings import concordance_of_ranks, kendall_w
from judgekit.errors import InputError

FEINSTEIN = ratings_of_table([[80, 10], [5, 5]], scale=[0, 1])
# A 4 x 4 table whose first label has equal margins, 65 and 65.
EQUAL_MARGINS = [[40, 6, 4, 15], [4, 25, 1, 5], [4, 2, 21, 9], [17, 13, 12, 45]]


def test_concordance_is_correlation_less_shift_and_spread():
    x = np.array([1.0, 2, 3, 4, 5])
    y = 2 * x + 1
    found = ccc(np.stack([x, y], axis=1))

    # 2 * 2 * 2 / (2 + 8 + 16) with 1/n moments: s_x^2 = 2, s_y^2 = 8, s_xy = 4, means 3 and 7.
    assert found.ccc.value == pytest.approx(8 / 26)
    assert found.pearson.value == pytest.approx(1.0)
    assert found.bias_correction.value == pytest.approx(8 / 26)
    assert found.location_shift.value == pytest.approx(4 / np.sqrt(np.sqrt(2) * np.sqrt(8)))
    assert found.scale_shift.value == pytest.approx(2.0)


def test_the_standard_error_of_concordance_is_its_spread_over_samples():
    rng = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(1500):
        x = rng.normal(size=80)
        value, se = concordance(x, 0.8 * x + 0.6 * rng.normal(size=80) + 0.3)
        values.append(value)
        errors.append(se)

    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.06)


def test_concordance_with_a_constant_is_zero_and_says_so():
    found = ccc([[1, 2], [2, 2], [3, 2]])

    assert (found.ccc.value, found.ccc.status) == (0.0, "ok_degenerate")
    assert found.pearson.status == "undefined:no_variation"


def test_concordance_over_clusters_is_wider():
    rng = np.random.default_rng(1)
    x = np.repeat(rng.normal(size=25), 4)
    cells = np.stack([x, x + np.repeat(rng.normal(size=25), 4)], axis=1)

    found = ccc(cells, clusters=np.repeat(np.arange(25), 4)).ccc

    assert found.interval == "influence_z"
    assert found.high - found.low > 1.5 * (ccc(cells).ccc.high - ccc(cells).ccc.low)


def test_limits_of_agreement_hold_ninety_five_percent():
    rng = np.random.default_rng(2)
    x = rng.normal(50, 10, 4000)
    found = bland_altman(np.stack([x + 2, x + rng.normal(0, 3, 4000)], axis=1))

    assert found.bias.value == pytest.approx(2.0, abs=0.15)
    assert found.upper_limit.value == pytest.approx(2 + 1.96 * 3, abs=0.25)
    assert found.lower_limit.low < found.lower_limit.value < found.lower_limit.high
    assert found.proportional_bias.low < 0.1


def test_a_bias_that_grows_along_the_scale():
    x = np.arange(20.0)

    found = bland_altman(np.stack([1.5 * x, x], axis=1))

    # x - y = .5 t on (x + y) / 2 = 1.25 t.
    assert found.proportional_bias.value == pytest.approx(0.4)


@pytest.mark.parametrize("clusters", [None, [0, 1, 2]])
def test_a_bias_that_is_the_same_everywhere_has_no_interval(clusters):
    # 7.1 - 7 and 1.1 - 1 differ in the sixteenth digit.
    found = bland_altman([[1.1, 1], [2.1, 2], [7.1, 7]], clusters=clusters)

    assert found.bias.value == pytest.approx(0.1)
    assert found.lower_limit.value == found.upper_limit.value == found.bias.value
    assert found.proportional_bias.value == 0.0
    for each in (found.bias, found.lower_limit, found.upper_limit, found.proportional_bias):
        assert each.interval == "none"
        assert np.isnan(each.low)


def test_numbers_that_differ_by_rounding_are_no_bias():
    found = bland_altman([[0.1 + 0.2, 0.3], [0.3, 0.3], [0.7, 0.7], [1.0, 1.0]])

    assert found.bias.value == found.upper_limit.value == found.proportional_bias.value == 0.0


FOUR = np.array([[1.0, 2], [2, 2], [4, 3], [5, 7]])


def test_the_interval_of_a_limit_by_hand():
    found = bland_altman(FOUR).lower_limit

    # Differences -1, 0, 1, -2: variance 5/3; 1/n + 1.96^2 / (2 (n - 1)) by Bland and Altman.
    assert found.value == pytest.approx(-0.5 - 1.959963985 * np.sqrt(5 / 3))
    assert found.se == pytest.approx(np.sqrt(5 / 3 * (1 / 4 + 1.959963985**2 / 6)))


def test_the_slope_of_clusters_has_the_sandwich_of_their_sums():
    cells, clusters = np.tile(FOUR, (2, 1)), list("abcd") * 2
    d, x = cells[:, 0] - cells[:, 1], np.column_stack([np.ones(8), cells.mean(axis=1)])
    bread = np.linalg.inv(x.T @ x)
    scores = x * (d - x @ bread @ x.T @ d)[:, None]
    sums = np.array([scores[i] + scores[i + 4] for i in range(4)])

    found = bland_altman(cells, clusters=clusters).proportional_bias

    # CR1: G / (G - 1) times bread, the clusters' sums squared, bread.
    assert found.se == pytest.approx(np.sqrt(4 / 3 * (bread @ sums.T @ sums @ bread)[1, 1]))
    assert found.interval == "t_cr1"


def test_a_difference_on_one_line_leaves_its_slope_no_interval():
    x = 0.1 * np.arange(20.0)

    found = bland_altman(np.stack([1.3 * x + 0.7, x], axis=1)).proportional_bias

    # x - y = .3 t + .7 on (x + y) / 2 = 1.15 t + .35.
    assert found.value == pytest.approx(0.3 / 1.15)
    assert found.interval == "none"


def test_one_cluster_is_no_interval_of_concordance():
    cells = np.random.default_rng(5).normal(size=(12, 2))

    one = ccc(cells, clusters=["a"] * 12).ccc
    three = ccc(cells, clusters=list("abc") * 4, b=200).ccc

    assert (one.status, one.interval) == ("ok_degenerate", "none")
    assert np.isnan(one.low)
    assert three.status == "unstable:few_clusters"


def test_labels_with_equal_margins_stay_in_the_test():
    # R irr 0.84.1 drops label 1 and says 4.3152 on 2 df.
    statistic, df = stuart_maxwell(EQUAL_MARGINS)

    assert (statistic, df) == (pytest.approx(4.6400220761, abs=1e-9), 3)
    assert bhapkar(EQUAL_MARGINS)[0] == pytest.approx(4.7386198368, abs=1e-9)
    assert bowker(EQUAL_MARGINS) == (pytest.approx(4.8424603175, abs=1e-9), 6)


def test_labels_that_nobody_used_leave_the_test_as_it_is():
    wider = np.insert(np.insert(np.array(EQUAL_MARGINS), 2, 0, axis=0), 2, 0, axis=1)

    assert stuart_maxwell(wider) == (pytest.approx(4.6400220761), 3)


def test_a_label_used_by_one_rater_only_is_kept():
    statistic, df = stuart_maxwell([[10, 0, 4], [0, 8, 0], [0, 0, 0]])

    assert (statistic, df) == (pytest.approx(4.0), 1)  # McNemar's (4 - 0)^2 / 4


def test_two_labels_are_mcnemars_test():
    found = marginal_homogeneity(ratings_of_table([[30, 12], [3, 20]], scale=[0, 1]))

    assert found.stuart_maxwell.statistic == pytest.approx((12 - 3) ** 2 / 15)
    assert found.bowker.statistic == pytest.approx(found.stuart_maxwell.statistic)
    assert found.differences[1][1].value == pytest.approx(9 / 65)
    assert found.differences[1][1].low > 0


def test_raters_that_never_differ_have_no_test():
    found = marginal_homogeneity([[0, 0], [1, 1], [0, 0]], scale=[0, 1])

    assert found.stuart_maxwell.status == "undefined:no_variation"
    assert found.differences[0][1].value == 0.0


def test_the_paradox_of_kappa_is_named():
    profile = kappa_profile(FEINSTEIN)
    balanced = kappa_profile(ratings_of_table([[40, 9], [6, 45]], scale=[0, 1]))

    assert profile.paradox
    assert not balanced.paradox
    assert any("kappa_paradox" in note for note in headline(FEINSTEIN)[0].notes)
    assert profile.kappa_max.value > profile.kappa.value


def test_specific_agreement_label_by_label():
    profile = kappa_profile(FEINSTEIN)
    positive, negative = profile.specific[0][1], profile.specific[1][1]

    assert positive.value == pytest.approx(160 / 175)
    assert negative.value == pytest.approx(10 / 25)
    assert negative.low < negative.value < negative.high
    assert positive.interval == "wilson"


def test_more_labels_have_a_kappa_each_against_the_rest():
    cells = [["a", "a"], ["b", "b"], ["c", "b"], ["a", "a"], ["b", "c"], ["c", "c"]]
    profile = kappa_profile(as_ratings(cells, scale=["a", "b", "c"], level="nominal"))

    against = dict(profile.one_against_rest)
    assert against["a"].value == pytest.approx(1.0)
    assert against["b"].value < 0.6
    with pytest.raises(InputError, match="no label"):
        specific(cells, "d", scale=["a", "b", "c"])


def test_what_is_missing_bounds_the_agreement():
    cells = [[1, 1]] * 60 + [[0, 1]] * 20 + [[1, None]] * 20

    found = coverage(cells, scale=[0, 1])

    assert (found.coverage.value, found.lowest.value, found.highest.value) == (0.8, 0.6, 0.8)
    assert found.lowest.interval == "wilson"


def test_agreement_within_a_step():
    found = within_steps([[1, 2], [3, 5], [4, 4], [2, 2]] * 10, scale=[1, 2, 3, 4, 5])

    assert (found.value, found.interval) == (0.75, "wilson")
    with pytest.raises(InputError, match="no steps"):
        within_steps(as_ratings([["a", "b"]], scale=["a", "b"], level="nominal"))


def test_kendalls_w_of_ranks_with_ties():
    # Siegel and Castellan (1988), 9.4: W without ties by hand: sums 3, 6, 9 of three equal orders.
    assert concordance_of_ranks(np.array([[1.0] * 3, [2.0] * 3, [3.0] * 3])) == pytest.approx(1.0)
    tied = np.array([[1.0, 1, 2], [1, 2, 2], [3, 3, 1]])
    assert 0 < concordance_of_ranks(tied) < 1
    assert kendall_w([[1, 1], [2, 2], [3, 3]]).status == "ok"
    assert kendall_w([[2, 2], [2, 2]]).status == "undefined:no_variation"


@pytest.mark.parametrize(
    ("scale", "names"),
    [
        (["bad", "good"], ["cohen_kappa", "percent_agreement", "gwet_ac1"]),
        ([1, 2, 3, 4, 5], ["cohen_kappa_quadratic", "cohen_kappa_linear", "percent_agreement",
                           "agreement_within_1"]),
        (list(range(101)), ["icc_a1", "ccc", "bias"]),
    ],
)  # fmt: skip
def test_what_is_shown_first_depends_on_the_scale(scale, names):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, len(scale), size=(40, 1)) + np.array([[0, 0]])
    codes[:10, 1] = rng.integers(0, len(scale), size=10)
    cells = [[scale[a], scale[b]] for a, b in codes]

    found = [each.name for each in headline(cells, scale=scale)]

    assert found[: len(names)] == names
    assert len({each.name for each in all_coefficients(cells, scale=scale)}) >= 6


def test_more_raters_or_gaps_are_headed_by_alpha():
    three = headline([[1, 1, 2], [2, 2, 2], [3, 3, 1], [1, 2, 1]], scale=[1, 2, 3])
    gaps = headline([[1, 1], [2, None], [2, 2], [1, 2]], scale=["1", "2"])

    assert [each.name for each in three][:2] == ["krippendorff_alpha_interval", "gwet_ac2_quadratic"]
    assert "krippendorff_alpha_nominal" in [each.name for each in gaps]
