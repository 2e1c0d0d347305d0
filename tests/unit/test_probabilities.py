import math
from dataclasses import replace

import numpy as np
import pytest

from judgekit.calibration.probabilities import Calibration, Fit, Isotonic, fit_beta, fit_calibration
from judgekit.errors import InputError
from judgekit.scales import PAIR, YES_NO, Labels
from judgekit.types import Abstention, Unit, Verdict

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
COLOURS = Labels(labels=("red", "green", "blue"), kind="nominal")


def verdict(item, probs, scale=YES_NO, rater="j"):
    weights = {label: p for label, p in zip(scale.labels, probs, strict=True) if p > 0}
    value = sum(p * scale.value(label) for label, p in weights.items())
    return Verdict(
        rater, Unit(item, ("a",)), "c", tuple(weights.items()), max(weights, key=weights.get), value
    )


def overconfident(n, *, power=2.0, seed=0, scale=YES_NO):
    """Verdicts whose odds are a power of the true ones, and labels drawn by the true ones."""
    rng = np.random.default_rng(seed)
    k = len(scale.labels)
    real = rng.dirichlet(np.full(k, 0.8), size=n)
    said = real**power / (real**power).sum(axis=1, keepdims=True)
    verdicts = [verdict(f"{i:05d}", row, scale) for i, row in enumerate(said.tolist())]
    truth = {v.unit: scale.labels[rng.choice(k, p=p)] for v, p in zip(verdicts, real, strict=True)}
    return verdicts, truth


def test_a_temperature_undoes_a_power():
    verdicts, truth = overconfident(4000)

    found = fit_calibration(verdicts, truth, scale=YES_NO, method="temperature")

    assert found.whole.temperature == pytest.approx(2.0, rel=0.1)
    assert found.brier_after < found.brier_before


@pytest.mark.parametrize("method", ["temperature", "platt", "beta", "isotonic"])
@pytest.mark.parametrize("scale", [YES_NO, FIVE, COLOURS, PAIR], ids=["two", "five", "nominal", "pair"])
def test_every_method_on_every_scale_gives_distributions_that_fit_better(method, scale):
    verdicts, truth = overconfident(1500, power=3.0, scale=scale)

    found = fit_calibration(verdicts, truth, scale=scale, method=method)
    mapped = [found.apply(v) for v in verdicts]

    assert found.brier_after < found.brier_before
    assert all(sum(p for _, p in v.probs) == pytest.approx(1.0) for v in mapped)
    assert all(0.0 <= v.value <= 1.0 and v.flags == ("calibrated",) for v in mapped)


def test_what_is_reported_is_what_apply_does_out_of_fold():
    verdicts, truth = overconfident(300)
    found = fit_calibration(verdicts, truth, scale=YES_NO, method="platt")

    brier = np.mean(
        [
            sum((dict(m.probs).get(label, 0.0) - (truth[m.unit] == label)) ** 2 for label in YES_NO.labels)
            for m in map(found.apply, verdicts)
        ]
    )

    assert found.brier_after == pytest.approx(brier)


def test_a_calibrated_verdict_does_not_know_its_own_label():
    verdicts, truth = overconfident(200)
    flipped = dict(truth)
    flipped[verdicts[7].unit] = "no" if truth[verdicts[7].unit] == "yes" else "yes"

    one = fit_calibration(verdicts, truth, scale=YES_NO, method="platt").apply(verdicts[7])
    other = fit_calibration(verdicts, flipped, scale=YES_NO, method="platt").apply(verdicts[7])

    assert one == other


def test_an_item_without_a_label_is_mapped_by_the_fit_on_all():
    verdicts, truth = overconfident(200)
    found = fit_calibration(verdicts, truth, scale=YES_NO, method="platt")
    curve = found.whole.curves[0]

    new = found.apply(verdict("new", (0.3, 0.7)))

    assert new.value == pytest.approx(float(curve(0.7)))


def test_a_calibrated_pair_mirrors_when_its_responses_change_places():
    verdicts, truth = overconfident(600, scale=PAIR)
    for method in ("temperature", "platt", "beta", "isotonic"):
        found = fit_calibration(verdicts, truth, scale=PAIR, method=method)

        one, other = (found.apply(verdict("new", p, PAIR)) for p in ((0.1, 0.2, 0.7), (0.7, 0.2, 0.1)))

        assert one.value == pytest.approx(1.0 - other.value, abs=1e-4)


def test_curves_that_cross_still_give_a_distribution():
    # Fitted apart, P(2 or better) = 0.3 and P(3) = 0.6 cannot both hold: the second is cut to the first.
    three = Labels(labels=("1", "2", "3"))
    curves = tuple(Isotonic(x=(0.0,), y=(y,)) for y in (0.3, 0.6))
    crossing = Calibration(
        method="isotonic", rater="j", criterion="c", scale=three, n=0, seed=0, whole=Fit(curves=curves),
        folds=(), fold_of={}, brier_before=0.0, brier_after=0.0,
    )  # fmt: skip

    assert dict(crossing.apply(verdict("x", (0, 1, 0), three)).probs) == pytest.approx({"1": 0.7, "3": 0.3})


def test_a_text_judge_of_two_certainties_learns_how_often_each_is_right():
    rng = np.random.default_rng(0)
    verdicts = [verdict(f"{i:04d}", (i % 2, 1 - i % 2)) for i in range(1000)]
    truth = {v.unit: v.label if rng.random() < 0.8 else {"yes": "no", "no": "yes"}[v.label] for v in verdicts}

    for method in ("temperature", "platt", "isotonic", "beta"):
        found = fit_calibration(verdicts, truth, scale=YES_NO, method=method)
        assert found.apply(verdict("new", (0, 1))).value == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("tilt", [(3.0, 0.1), (0.1, 3.0)])
def test_a_beta_curve_never_falls(tilt):
    # Drawn so that one of its slopes would be negative: the labels fall at one end.
    rng = np.random.default_rng(1)
    p = rng.uniform(0.02, 0.98, 600)
    real = np.clip(0.5 + tilt[0] * (p - 0.5) ** 3 - tilt[1] * (p - 0.5) ** 3, 0.01, 0.99)
    so = (rng.random(600) < real).astype(float)

    for labels in (so, 1.0 - so):
        curve = fit_beta(p, labels)
        assert np.all(np.diff(curve(np.linspace(0, 1, 101))) >= 0.0)


def test_a_judge_that_runs_against_the_labels_is_left_with_their_share():
    p = np.linspace(0.05, 0.95, 200)
    so = (np.arange(200) < 60).astype(float)

    assert fit_beta(p, so)([0.1, 0.9]) == pytest.approx([0.3, 0.3], abs=0.02)


def test_a_method_or_a_label_that_is_not_there_is_refused():
    verdicts, truth = overconfident(120)

    with pytest.raises(InputError, match="'spline'"):
        fit_calibration(verdicts, truth, scale=YES_NO, method="spline")
    with pytest.raises(InputError, match="not on the scale"):
        fit_calibration(verdicts, truth, scale=COLOURS, method="platt")


def test_perfect_separation_stays_finite():
    verdicts = [verdict(f"{i:04d}", (0.9, 0.1) if i % 2 else (0.2, 0.8)) for i in range(200)]
    truth = {v.unit: v.label for v in verdicts}

    for method in ("platt", "beta"):
        found = fit_calibration(verdicts, truth, scale=YES_NO, method=method)
        assert 0.5 < found.apply(verdict("new", (0.2, 0.8))).value < 1.0


@pytest.mark.parametrize(
    ("method", "n", "words"),
    [
        ("temperature", 19, "needs 20 labelled verdicts, and there are 19$"),
        ("platt", 99, "needs 100 .* there are 99; temperature could be fitted"),
        ("beta", 50, "needs 100 .* temperature could"),
        ("isotonic", 499, "needs 500 .* temperature or platt or beta could"),
    ],
)
def test_a_fit_the_labels_cannot_support_is_refused_with_the_number_that_could(method, n, words):
    verdicts, truth = overconfident(n)

    with pytest.raises(InputError, match=words):
        fit_calibration(verdicts, truth, scale=YES_NO, method=method)


def test_labels_that_are_all_the_same_teach_nothing():
    verdicts, truth = overconfident(100)

    with pytest.raises(InputError, match="all 100 labels are 'yes'"):
        fit_calibration(verdicts, dict.fromkeys(truth, "yes"), scale=YES_NO, method="temperature")


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_labels_of_one_item_leave_nothing_to_fit_a_fold_on(method):
    said = [verdict("only", (p / 100, 1 - p / 100)) for p in range(100)]
    verdicts = [replace(v, unit=Unit("only", (f"r{i}",))) for i, v in enumerate(said)]
    truth = {v.unit: ("no", "yes")[i % 2] for i, v in enumerate(verdicts)}

    with pytest.raises(InputError, match="all 100 labels are on one item, 'only'"):
        fit_calibration(verdicts, truth, scale=YES_NO, method=method)


def test_a_side_with_few_labels_is_refused_by_name():
    verdicts, truth = overconfident(200)
    rare = dict.fromkeys(truth, "yes") | {v.unit: "no" for v in verdicts[:9]}

    with pytest.raises(InputError, match="10 labels on each side of 'yes or better', and there are 9"):
        fit_calibration(verdicts, rare, scale=YES_NO, method="platt")


def test_abstentions_and_units_without_a_label_do_not_count():
    verdicts, truth = overconfident(120)
    lost = [Abstention("j", Unit(f"x{i}", ("a",)), "c", "refused") for i in range(9)]
    extra = [verdict("unlabelled", (0.5, 0.5))]

    assert fit_calibration([*verdicts, *lost, *extra], truth, scale=YES_NO, method="platt").n == 120


def test_repeats_and_several_raters_are_refused():
    verdicts, truth = overconfident(120)

    with pytest.raises(InputError, match="2 outcomes; balance"):
        fit_calibration([*verdicts, verdicts[0]], truth, scale=YES_NO, method="platt")
    with pytest.raises(InputError, match="one rater on one criterion"):
        fit_calibration([*verdicts, verdict("x", (0, 1), rater="k")], truth, scale=YES_NO, method="platt")


def test_a_verdict_is_calibrated_once_and_only_its_own_judges():
    verdicts, truth = overconfident(120)
    found = fit_calibration(verdicts, truth, scale=YES_NO, method="platt")

    with pytest.raises(InputError, match="calibrated already"):
        found.apply(found.apply(verdicts[0]))
    with pytest.raises(InputError, match="verdict by 'k'"):
        found.apply(verdict("x", (0, 1), rater="k"))


@pytest.mark.parametrize("method", ["temperature", "platt", "beta", "isotonic"])
def test_a_calibration_survives_json_and_does_the_same(method):
    verdicts, truth = overconfident(600)
    found = fit_calibration(verdicts, truth, scale=YES_NO, method=method)

    again = Calibration.model_validate_json(found.model_dump_json())

    assert again == found
    assert [again.apply(v) for v in verdicts] == [found.apply(v) for v in verdicts]


def test_a_fit_changes_with_the_labels_and_not_with_the_order_of_rows():
    verdicts, truth = overconfident(120)
    other = {**truth, verdicts[0].unit: "no" if truth[verdicts[0].unit] == "yes" else "yes"}

    def fitted(rows, labels):
        return fit_calibration(rows, labels, scale=YES_NO, method="platt")

    assert fitted(verdicts, truth) == fitted(verdicts[::-1], truth)
    assert fitted(verdicts, truth) != fitted(verdicts, other)


def test_a_calibration_is_frozen():
    verdicts, truth = overconfident(120)
    found = fit_calibration(verdicts, truth, scale=YES_NO, method="platt")

    with pytest.raises(ValueError, match="frozen"):
        found.n = 3
    assert isinstance(found, Calibration)
    assert math.isfinite(found.brier_after)
