"""The same data, the same numbers as other packages, where they are right."""

import numpy as np
import pytest

from judgekit.agreement.bias.range_use import bhapkar, bowker, stuart_maxwell
from judgekit.agreement.chance.chance import chance_corrected, fleiss_cohen_everitt, krippendorff_alpha
from judgekit.agreement.chance.profile import confusion
from judgekit.agreement.core.intervals import clustered_mean, wilson
from judgekit.agreement.core.ratings import as_ratings
from judgekit.agreement.models.icc import iccs
from judgekit.agreement.published.rankings import concordance_of_ranks

SCALE = [1, 2, 3, 4, 5]


def cells(n: int, r: int, seed: int, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    truth = rng.choice(SCALE, size=(n, 1), p=[0.1, 0.2, 0.3, 0.25, 0.15])
    found = np.where(rng.random((n, r)) < 0.6, truth, rng.choice(SCALE, size=(n, r))).astype(float)
    found[rng.random((n, r)) < missing] = np.nan
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("weights", "theirs"), [("identity", None), ("linear", "linear"), ("quadratic",) * 2]
)
def test_kappa_is_scikit_learns_with_labels(seed, weights, theirs):
    from sklearn.metrics import cohen_kappa_score

    pairs = cells(60, 2, seed)
    published = cohen_kappa_score(pairs[:, 0], pairs[:, 1], labels=SCALE, weights=theirs)

    assert chance_corrected(pairs, "conger", values=SCALE, weights=weights) == pytest.approx(published)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weights", ["identity", "linear", "quadratic"])
def test_standard_errors_of_kappa_are_those_of_statsmodels(seed, weights):
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    table = confusion(as_ratings(cells(80, 2, seed), scale=SCALE))
    theirs = rater.cohens_kappa(table, wt=None if weights == "identity" else weights)

    ours = fleiss_cohen_everitt(table, weights=weights)

    assert ours.kappa == pytest.approx(theirs.kappa)
    assert ours.se == pytest.approx(theirs.std_kappa)
    assert ours.se0 == pytest.approx(theirs.std_kappa0)


def test_fleiss_kappa_is_that_of_statsmodels():
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    ratings = cells(50, 4, 9)
    table, _ = rater.aggregate_raters(ratings.astype(int))

    ours = chance_corrected(ratings, "fleiss", values=SCALE)

    assert ours == pytest.approx(rater.fleiss_kappa(table, method="fleiss"))


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval", "ratio"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_alpha_is_that_of_the_krippendorff_package(metric, missing):
    package = pytest.importorskip("krippendorff")
    ratings = cells(40, 4, 3, missing)
    theirs = package.alpha(ratings.T, level_of_measurement=metric, value_domain=SCALE)

    assert krippendorff_alpha(ratings, values=SCALE, metric=metric) == pytest.approx(theirs)


def test_six_forms_are_those_of_pingouin():
    pingouin, pandas = pytest.importorskip("pingouin"), pytest.importorskip("pandas")
    ratings = cells(30, 4, 4)
    long = pandas.DataFrame(
        [(u, r, ratings[u, r]) for u in range(30) for r in range(4)], columns=["unit", "rater", "y"]
    )
    theirs = pingouin.intraclass_corr(long, targets="unit", raters="rater", ratings="y").set_index("Type")

    for ours, form in zip(iccs(ratings), ("(1,1)", "(A,1)", "(C,1)", "(1,k)", "(A,k)", "(C,k)"), strict=True):
        assert ours.value == pytest.approx(theirs.loc[f"ICC{form}", "ICC"])
        assert (ours.low, ours.high) == pytest.approx(tuple(theirs.loc[f"ICC{form}", "CI95"]), abs=6e-3)


def test_margins_are_tested_as_by_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    counts = confusion(as_ratings(cells(200, 2, 5), scale=SCALE))
    square = tables.SquareTable(counts, shift_zeros=False)

    assert stuart_maxwell(counts)[0] == pytest.approx(square.homogeneity("stuart_maxwell").statistic)
    assert bhapkar(counts)[0] == pytest.approx(square.homogeneity("bhapkar").statistic)
    assert bowker(counts)[0] == pytest.approx(square.symmetry().statistic)


def test_clustered_errors_are_those_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    x = np.random.default_rng(7).normal(size=90)
    clusters = np.arange(90) // 4
    fit = api.OLS(x, np.ones(90)).fit(cov_type="cluster", cov_kwds={"groups": clusters})

    assert clustered_mean(x, clusters).se == pytest.approx(float(fit.bse[0]))


def test_wilson_is_that_of_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")

    assert wilson(3, 17) == pytest.approx(proportion.proportion_confint(3, 17, method="wilson"))


def test_kendalls_w_is_friedmans_statistic():
    from scipy.stats import friedmanchisquare

    ranks = cells(12, 5, 8)

    assert concordance_of_ranks(ranks) == pytest.approx(friedmanchisquare(*ranks).statistic / (5 * 11))
