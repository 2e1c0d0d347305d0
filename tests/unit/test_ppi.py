from math import isnan

import numpy as np
import pytest

from judgekit.agreement.sampling import ppi, rogan_gladen
from judgekit.errors import InputError

# Twenty labelled units, a judge wrong on three; 230 unlabelled ones.
LABELS = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0]
JUDGED = [1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 0]
OTHERS = [1, 1, 0, 1, 0, 1, 1, 1, 0, 1] * 20 + [0] * 10 + [1] * 20


def judged(rng, y, *, se=0.9, sp=0.8):
    """A judge's verdicts on labels y."""
    return np.where(y == 1, rng.random(y.shape) < se, rng.random(y.shape) > sp).astype(float)


def test_ppi_of_twenty_labels():
    # ppi-python 0.2.3 gives .6456521739 at lam 1; its default lam of .6904 gives .6314.
    plain = ppi.ppi_mean(LABELS, JUDGED, OTHERS, lam=1)

    assert plain.value == pytest.approx(0.6456521739)
    assert plain.se == pytest.approx(0.0932078343)
    assert ppi.ppi_mean(LABELS, JUDGED, OTHERS).lam == pytest.approx(0.7240803006)


def test_the_default_interval_is_t_on_the_logit_scale():
    found = ppi.ppi(LABELS, JUDGED, OTHERS, sampling="random")

    assert found.value == pytest.approx(0.6330558398)
    assert (found.low, found.high) == pytest.approx((0.4454347, 0.787485), abs=1e-6)
    assert (found.interval, found.status, found.n_used) == ("t_logit", "ok", 250)


@pytest.mark.parametrize(
    "sampling", ["chosen", "unknown", "by_judge", "by_label", "carried_over", "stratified"]
)
def test_labels_that_are_no_random_sample_give_no_level(sampling):
    found = ppi.ppi(LABELS, JUDGED, OTHERS, sampling=sampling)

    assert found.status == "undefined:not_identified"
    assert isnan(found.value)
    assert sampling in found.notes[0]


def test_a_way_of_sampling_has_to_be_declared():
    with pytest.raises(TypeError, match="sampling"):
        ppi.ppi(LABELS, JUDGED, OTHERS)
    with pytest.raises(InputError, match="there are random"):
        ppi.ppi(LABELS, JUDGED, OTHERS, sampling="sample")


def test_scores_beyond_those_labelled_contradict_the_declaration():
    rng = np.random.default_rng(1)
    f, u = rng.uniform(0.4, 1, 100), rng.uniform(0, 1, 1000)
    found = ppi.ppi((f > 0.5).astype(int), f, u, sampling="random")

    assert found.status == "undefined:not_identified"
    assert "lie outside" in found.notes[0]


def test_a_shifted_mean_contradicts_the_declaration():
    found = ppi.ppi([1] * 90 + [0] * 10, [1] * 90 + [0] * 10, [1, 0] * 500, sampling="random")

    assert found.status == "undefined:not_identified"
    assert "no random sample" in found.notes[0]


def test_a_random_sample_is_rarely_refused():
    rng = np.random.default_rng(2)
    reasons = [
        ppi.refusal("random", ("random",), x[:n], x[n:])
        for n in (10, 50, 200)
        for x in rng.beta(2, 1, (500, n + 1000))
    ]

    assert sum(map(bool, reasons)) <= 6


def test_a_few_percent_outside_are_said():
    f, u = np.r_[np.linspace(0.05, 1, 100)], np.linspace(0, 1, 1000)[70:]
    u = np.r_[u, np.zeros(58)]
    found = ppi.ppi((f > 0.5).astype(float), f, u, sampling="random")

    assert found.status == "ok"
    assert "6% of the judge's values are outside" in found.notes[-1]


def test_missing_rows_are_dropped_and_counted():
    found = ppi.ppi([*LABELS, None, 1], [*JUDGED, 1, np.nan], [*OTHERS, None], sampling="random")

    assert (found.n_units, found.n_used, found.n_dropped) == (253, 250, 3)
    assert found.value == pytest.approx(0.6330558398)


def test_a_judge_that_says_nothing_leaves_the_labels_alone():
    found = ppi.ppi(LABELS, [1] * 20, [1] * 200, sampling="random")

    assert found.value == pytest.approx(0.6)
    assert "lam 0.000" in found.notes[0]
    assert "worth 20" in found.notes[1]


def test_equal_residuals_get_a_floor_and_say_so():
    found = ppi.ppi([1] * 50, [1] * 50, [1] * 500, sampling="random")

    assert found.value == 1.0
    assert found.status == "ok_degenerate"
    assert found.se == pytest.approx(np.sqrt(0.01 * 0.99 / 50))
    assert 0.8 < found.low < 0.95
    assert found.high == 1.0


def test_a_mean_beyond_the_range_is_cut_and_said():
    found = ppi.ppi(
        [1] * 18 + [1, 0], [0] * 2 + [1] * 17 + [0], [1] * 190 + [0] * 10, lam=1, sampling="random"
    )

    assert found.value == 1.0
    assert "cut to the range" in found.notes[0]
    assert found.low < found.high == 1.0


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_labels(n):
    assert ppi.ppi(LABELS[:n], JUDGED[:n], OTHERS, sampling="random").status == "undefined:too_few"
    assert ppi.ppi(LABELS, JUDGED, [], sampling="random").status == "undefined:too_few"


def test_malformed_arguments():
    with pytest.raises(InputError, match=r"not in 0\.\.1"):
        ppi.ppi([5, 1], [1, 1], OTHERS, sampling="random")
    with pytest.raises(InputError, match="lengths differ"):
        ppi.ppi(LABELS, JUDGED[:3], OTHERS, sampling="random")
    with pytest.raises(InputError, match="one side only"):
        ppi.ppi(LABELS, JUDGED, OTHERS, sampling="random", clusters=[0] * 20)
    with pytest.raises(InputError, match="clusters for"):
        ppi.ppi(LABELS, JUDGED, OTHERS, sampling="random", clusters=[0], unlabelled_clusters=[1])
    with pytest.raises(InputError, match="labelled rows"):
        ppi.ppi_difference((LABELS, LABELS[:9]), (JUDGED, JUDGED[:9]), (OTHERS, OTHERS), sampling="random")


def test_a_scale_of_one_to_five_has_its_bounds():
    rng = np.random.default_rng(3)
    y = rng.integers(1, 6, 300).astype(float)
    f = np.clip(y + rng.integers(-1, 2, 300), 1, 5)
    five = ppi.ppi(y[:60], f[:60], f[60:], sampling="random", bounds=(1, 5))
    unit = ppi.ppi((y[:60] - 1) / 4, (f[:60] - 1) / 4, (f[60:] - 1) / 4, sampling="random")

    assert five.value == pytest.approx(1 + 4 * unit.value)
    assert (five.low, five.high) == pytest.approx((1 + 4 * unit.low, 1 + 4 * unit.high))


def test_clusters_of_one_are_no_clusters():
    loose = ppi.ppi_mean(LABELS, JUDGED, OTHERS, lam=0.5)
    tied = ppi.ppi_mean(
        LABELS, JUDGED, OTHERS, lam=0.5, clusters=np.arange(20), clusters_u=20 + np.arange(230)
    )

    assert (tied.value, tied.df) == (pytest.approx(loose.value), 19)
    assert tied.se == pytest.approx(loose.se, rel=0.005)


def test_copies_within_clusters_add_nothing():
    once = ppi.ppi(LABELS, JUDGED, OTHERS, sampling="random", lam=0.7)
    thrice = ppi.ppi(
        LABELS * 3, JUDGED * 3, OTHERS * 3, sampling="random", lam=0.7,
        clusters=[*range(20)] * 3, unlabelled_clusters=[f"u{i}" for i in range(230)] * 3,
    )  # fmt: skip

    assert thrice.unit == "cluster"
    assert thrice.interval == "t_logit_cr1"
    assert thrice.se == pytest.approx(once.se, rel=0.01)


def test_few_clusters_are_flagged():
    found = ppi.ppi(
        LABELS, JUDGED, OTHERS, sampling="random", clusters=[i // 4 for i in range(20)],
        unlabelled_clusters=[9 + i // 4 for i in range(230)],
    )  # fmt: skip
    one = ppi.ppi(LABELS, JUDGED, OTHERS, sampling="random", clusters=[0] * 20, unlabelled_clusters=[1] * 230)

    assert found.status == "unstable:few_clusters"
    assert one.status == "undefined:too_few"


def test_one_stratum_is_no_stratum():
    plain = ppi.ppi(LABELS, JUDGED, OTHERS, sampling="random")
    one = ppi.ppi_stratified(LABELS, JUDGED, ["a"] * 20, OTHERS, ["a"] * 230, sampling="stratified")

    assert one.value == pytest.approx(plain.value)
    assert (one.low, one.high) == pytest.approx((plain.low, plain.high))


def test_strata_labelled_at_different_rates_do_not_bend_the_mean():
    rng = np.random.default_rng(4)
    y = np.r_[np.ones(900), np.zeros(100)]
    s = np.r_[np.repeat("good", 900), np.repeat("bad", 100)]
    f = judged(rng, y)
    drawn = np.r_[np.arange(45), 900 + np.arange(45)]  # 5 % of one, 45 % of the other
    rest = np.setdiff1d(np.arange(1000), drawn)
    found = ppi.ppi_stratified(
        y[drawn], f[drawn], s[drawn].tolist(), f[rest], s[rest].tolist(), sampling="stratified"
    )

    assert found.value == pytest.approx(0.9, abs=0.01)
    assert found.low < 0.9 < found.high


def test_the_shares_of_strata_are_a_sample_too():
    # Within strata nothing varies; 300 of 400 units are in the good one.
    found = ppi.ppi_stratified(
        [1] * 10 + [0] * 10, [1] * 10 + [0] * 10, ["good"] * 10 + ["bad"] * 10, [1] * 290 + [0] * 90,
        ["good"] * 290 + ["bad"] * 90, sampling="stratified", bounds=None,
    )  # fmt: skip

    assert found.value == pytest.approx(0.75)
    assert found.se == pytest.approx(np.sqrt(0.75 * 0.25 / 400))


def test_a_stratum_without_labels_leaves_the_mean_unknown():
    found = ppi.ppi_stratified(
        LABELS, JUDGED, ["a"] * 20, OTHERS, ["a"] * 200 + ["b"] * 30, sampling="stratified"
    )

    assert found.status == "undefined:too_few"
    assert "in b" in found.notes[0]
    with pytest.raises(InputError, match="strata for"):
        ppi.ppi_stratified(LABELS, JUDGED, ["a"], OTHERS, ["a"], sampling="stratified")
    chosen = ppi.ppi_stratified(LABELS, JUDGED, ["a"] * 20, OTHERS, ["a"] * 230, sampling="chosen")
    assert chosen.status == "undefined:not_identified"


def test_a_paired_difference_is_narrower_than_two_intervals():
    rng = np.random.default_rng(5)
    t = rng.random(600)
    a, b = (t < 0.8).astype(float), (t < 0.7).astype(float)
    fa, fb = judged(rng, a, se=0.95, sp=0.95), judged(rng, b, se=0.95, sp=0.95)
    both = ppi.ppi_difference((a[:80], b[:80]), (fa[:80], fb[:80]), (fa[80:], fb[80:]), sampling="random")
    alone = [ppi.ppi(y[:80], f[:80], f[80:], sampling="random") for y, f in ((a, fa), (b, fb))]

    assert both.low < 0.1 < both.high
    assert both.se < 0.8 * np.hypot(alone[0].se, alone[1].se)


def test_coverage_at_a_small_scale():
    rng, runs = np.random.default_rng(6), 300
    for n, rate in ((50, 0.7), (50, 0.95)):
        held = 0
        for _ in range(runs):
            y = (rng.random(n + 300) < rate).astype(float)
            f = judged(rng, y)
            found = ppi.ppi(y[:n], f[:n], f[n:], sampling="random")
            held += found.low <= rate <= found.high
        assert 0.91 <= held / runs <= 0.99


def test_scores_on_another_scale_are_put_on_that_of_labels():
    rng = np.random.default_rng(7)
    y = (rng.random(600) < 0.7).astype(float)
    score = np.clip(np.round(1 + 3 * y + rng.normal(0, 1, 600)), 1, 5)
    f, u = ppi.on_label_scale([*y[:100], None], [*score[:100], 3], [*score[100:], None], seed=1)
    found = ppi.ppi(y[:100], f[:100], u[:-1], sampling="random")

    assert isnan(f[100])
    assert isnan(u[-1])
    assert ((u[:-1] >= 0) & (u[:-1] <= 1)).all()
    assert found.low < 0.7 < found.high
    with pytest.raises(InputError, match="folds"):
        ppi.on_label_scale([1, 0], [1, 0], [1], seed=1)


# The published code of Lee et al. (2025): p, specificity, sensitivity, N, n0, n1, alpha -> interval.
LEE = [
    (0.4, 0.7, 0.9, 1000, 200, 200, 0.05, 0.05635072484160894, 0.2627330257859588),
    (0.5, 0.8, 0.8, 500, 100, 100, 0.05, 0.3799746588561528, 0.6200253411438469),
    (0.62, 0.85, 0.93, 2000, 150, 350, 0.05, 0.5544774781496563, 0.6456327845409667),
    (0.1, 0.95, 0.6, 300, 50, 80, 0.1, 0.0, 0.17813731660303905),
    (0.9, 0.6, 0.99, 10000, 1000, 1000, 0.01, 0.8273348478706124, 0.8686713102464316),
    (0.05, 0.9, 0.9, 1000, 200, 200, 0.05, 0.0, 0.0),
    (0.97, 0.9, 0.9, 1000, 200, 200, 0.05, 1.0, 1.0),
    (0.3333, 0.777, 0.888, 123, 45, 67, 0.2, 0.012521172499902977, 0.2816724189695818),
    (0.0, 1.0, 1.0, 50, 10, 10, 0.05, 0.0, 0.09568563633822108),
    (1.0, 1.0, 1.0, 50, 10, 10, 0.05, 0.9043143636617791, 1.0),
    (0.4, 0.7, 0.9, 1000, 1, 1, 0.05, 0.0, 1.0),
    (0.55, 0.75, 0.85, 1, 30, 40, 0.5, 0.0, 0.9666883803310964),
]


@pytest.mark.parametrize("row", LEE)
def test_lees_interval(row):
    p, sp, se, n, n0, n1, alpha, low, high = row
    rates = rogan_gladen.JudgeRates(p, n, sp, n0, se, n1)

    assert rogan_gladen.lee_interval(rates, level=1 - alpha) == pytest.approx((low, high), abs=1e-9)


def test_lees_interval_where_the_published_code_has_none():
    none_negative = rogan_gladen.JudgeRates(0.9, 100, sp=np.nan, n_negative=0, se=0.9, n_positive=50)
    no_better_than_chance = rogan_gladen.JudgeRates(0.5, 100, sp=0.4, n_negative=50, se=0.5, n_positive=50)

    for rates in (none_negative, no_better_than_chance):
        assert all(isnan(end) for end in rogan_gladen.lee_interval(rates))
    assert isnan(rogan_gladen.delta_se(no_better_than_chance))


def test_the_delta_method_by_hand():
    # p .6, se .9, sp .8: theta 4/7; [.24/1000 + (3/7)^2 .16/100 + (4/7)^2 .09/100] / .49.
    rates = rogan_gladen.JudgeRates(0.6, 1000, sp=0.8, n_negative=100, se=0.9, n_positive=100)

    assert rogan_gladen.rogan_gladen(0.6, sp=0.8, se=0.9) == pytest.approx(4 / 7)
    by_hand = (0.24 / 1000 + (3 / 7) ** 2 * 0.16 / 100 + (4 / 7) ** 2 * 0.09 / 100) / 0.49
    assert rogan_gladen.delta_se(rates) == pytest.approx(by_hand**0.5)


def corrected(se, sp, n=100, **options):
    """A judge with just these rates on n labelled of each kind; it passes 60 % of 1000 others."""
    labels = [1] * n + [0] * n
    verdicts = (
        [1] * round(se * n) + [0] * (n - round(se * n)) + [0] * round(sp * n) + [1] * (n - round(sp * n))
    )
    options = {"sampling": "by_label", **options}
    return rogan_gladen.corrected_rate(labels, verdicts, [1] * 600 + [0] * 400, **options)


def test_a_corrected_rate():
    lee, delta = corrected(0.9, 0.8), corrected(0.9, 0.8, interval="delta")

    assert lee.value == delta.value == pytest.approx(4 / 7)
    assert (lee.interval, delta.interval) == ("lee", "delta")
    assert "J 0.700" in lee.notes[0]
    assert delta.high - delta.value == pytest.approx(1.959964 * delta.se)


@pytest.mark.parametrize(("se", "sp", "n"), [(0.5, 0.5, 100), (0.3, 0.4, 100), (0.6, 0.5, 20)])
def test_where_j_may_be_zero_nothing_is_said(se, sp, n):
    found = corrected(se, sp, n)

    assert found.status == "undefined:not_identified"
    assert "may say nothing" in found.notes[0]


def test_verdicts_picked_by_the_judge_bend_its_rates():
    assert corrected(0.9, 0.8, sampling="by_judge").status == "undefined:not_identified"
    assert "ppi is narrower" in corrected(0.9, 0.8, sampling="random").notes[1]


def test_labels_of_one_kind_do_not_do():
    found = rogan_gladen.corrected_rate([1] * 20, [1] * 20, [1, 0], sampling="random")

    assert found.status == "undefined:too_few"
    with pytest.raises(InputError, match="neither 0 nor 1"):
        rogan_gladen.corrected_rate([1, 0], [0.5, 0], [1, 0], sampling="random")


def test_an_impossible_rate_is_cut_and_said():
    found = rogan_gladen.corrected_rate(
        [1] * 50 + [0] * 50, [1] * 45 + [0] * 45 + [1] * 10, [0] * 100, sampling="by_label"
    )

    assert found.value == 0.0
    assert "was cut" in found.notes[-1]


def judgy(rng, y, f, u, *, b=200):
    """The interval of judgy 0.1.0: the labelled units are resampled, the judge's rate is not."""
    rows = rng.integers(0, len(y), (b, len(y)))
    yb, fb = y[rows], f[rows]
    with np.errstate(invalid="ignore"):
        se = (yb * fb).sum(axis=1) / yb.sum(axis=1)
        sp = ((1 - yb) * (1 - fb)).sum(axis=1) / (1 - yb).sum(axis=1)
        theta = np.clip((u.mean() + sp - 1) / (se + sp - 1), 0, 1)
    return np.nanquantile(theta, [0.025, 0.975])


def test_the_interval_covers_where_resampling_the_labels_alone_does_not():
    rng, runs, rate = np.random.default_rng(8), 300, 0.7
    ours = theirs = told = 0
    for _ in range(runs):
        y = (rng.random(200) < rate).astype(float)
        f = judged(rng, y)
        found = rogan_gladen.corrected_rate(y[:100], f[:100], f[100:], sampling="random")
        low, high = judgy(rng, y[:100], f[:100], f[100:])
        told += not isnan(found.value)
        ours += found.low <= rate <= found.high
        theirs += low <= rate <= high

    assert told == runs
    assert ours / runs >= 0.92
    assert theirs / runs <= 0.82
