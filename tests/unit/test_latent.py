import numpy as np
import pytest

from judgekit.aggregate.latent import Ballots, ballots_of, fit
from judgekit.errors import InputError
from judgekit.scales import PAIR, YES_NO, Labels, Numbers
from judgekit.types import Abstention, Unit, Verdict

THREE = Labels(labels=("1", "2", "3"))


def ballots(votes, scale):
    n, n_raters, _ = votes.shape
    units = tuple(Unit(f"{i:06d}") for i in range(n))
    raters = tuple(f"r{j}" for j in range(n_raters))
    return Ballots(
        criterion="c", scale=scale, labels=scale.labels, units=units, raters=raters, votes=votes, reasons={}
    )


def drawn(seed, *, n=60, n_raters=4, scale=THREE, missing=0.1):
    """Hard votes of raters of different accuracy, and the truth."""
    rng = np.random.default_rng(seed)
    k = len(scale.labels)
    truth = rng.integers(0, k, n)
    votes = np.zeros((n, n_raters, k))
    for j, accuracy in enumerate(rng.uniform(0.5, 0.95, n_raters)):
        said = np.where(rng.random(n) < accuracy, truth, rng.integers(0, k, n))
        votes[np.arange(n), j, said] = rng.random(n) >= missing
    return votes, truth


def plain_em(votes, iterations=20_000):
    """Dawid and Skene's equations as they stand, for far longer than is needed."""
    kept = votes[votes.sum(axis=(1, 2)) > 0]
    posterior = kept.sum(axis=1) / kept.sum(axis=(1, 2))[:, None]
    for _ in range(iterations):
        prevalence = posterior.mean(axis=0)
        counts = np.einsum("ik,ijl->jkl", posterior, kept)
        confusion = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1e-300)
        joint = np.einsum("ijl,jkl->ik", kept, np.log(np.maximum(confusion, 1e-300)))
        joint += np.log(np.maximum(prevalence, 1e-300))
        top = joint.max(axis=1, keepdims=True)
        whole = np.exp(joint - top).sum(axis=1, keepdims=True)
        posterior = np.exp(joint - top) / whole
    return float((np.log(whole) + top).sum())


@pytest.mark.parametrize("seed", range(40))
def test_the_likelihood_equals_that_of_the_plain_equations(seed):
    votes, _ = drawn(seed)

    fitted = fit(ballots(votes, THREE), starts=1)

    assert fitted.converged
    assert fitted.iterations >= 50
    assert fitted.log_likelihood == pytest.approx(plain_em(votes, 3000), abs=1e-6)


@pytest.mark.parametrize(("seed", "wins"), [(16, True), (21, True), (0, False), (1, False)])
def test_further_starts_never_lose_likelihood_and_say_when_they_win(seed, wins):
    votes, _ = drawn(seed)

    one, many = fit(ballots(votes, THREE), starts=1), fit(ballots(votes, THREE), starts=8)

    assert many.log_likelihood >= one.log_likelihood - 1e-6
    assert (many.log_likelihood > one.log_likelihood + 1e-6) == wins
    assert any("another start" in note for note in many.notes) == wins


def test_accuracies_and_truth_are_recovered_from_many_units():
    votes, truth = drawn(1, n=5000, n_raters=6)

    fitted = fit(ballots(votes, THREE))

    said = votes.argmax(axis=2)
    real = [
        np.mean((said[:, j] == truth)[votes[:, j].sum(axis=1) > 0]) for j in range(6)
    ]  # a rater with accuracy a is also right by luck in a third of the rest
    assert list(fitted.accuracy.values()) == pytest.approx(real, abs=0.03)
    majority = np.mean(votes.sum(axis=1).argmax(axis=1) == truth)
    assert np.mean(np.nanargmax(np.nan_to_num(fitted.posterior), axis=1) == truth) > majority


def test_soft_votes_spread_over_labels():
    votes, _ = drawn(2)
    soft = 0.7 * votes + 0.1 * votes.sum(axis=2, keepdims=True)

    fitted = fit(ballots(soft, THREE), starts=1)

    assert fitted.log_likelihood == pytest.approx(plain_em(soft, 3000), abs=1e-5)


@pytest.mark.parametrize("model", ["one_coin", "homogeneous"])
def test_smaller_models_fit_less_well_than_the_full_one(model):
    votes, _ = drawn(3, n=300)

    assert fit(ballots(votes, THREE), model=model).log_likelihood < fit(ballots(votes, THREE)).log_likelihood


def test_one_coin_has_one_accuracy_a_rater_and_homogeneous_one_matrix():
    votes, _ = drawn(4, n=300)

    coin = fit(ballots(votes, THREE), model="one_coin").confusion
    same = fit(ballots(votes, THREE), model="homogeneous").confusion

    for j in range(4):
        assert np.diag(coin[j]) == pytest.approx(np.full(3, coin[j, 0, 0]))
        assert coin[j][~np.eye(3, dtype=bool)] == pytest.approx(np.full(6, (1 - coin[j, 0, 0]) / 2))
        assert same[j] == pytest.approx(same[0])


def test_two_raters_identify_nothing():
    votes, _ = drawn(6, n_raters=2)

    fitted = fit(ballots(votes, THREE))

    assert fitted.status == "undefined:not_identified"
    assert np.all(np.isnan(fitted.confusion))
    assert np.isnan(fitted.log_likelihood)
    assert "3 are needed" in fitted.notes[0]
    assert {o.reason for o in fitted.verdicts()} == {"undecided"}


def test_raters_that_share_no_units_identify_nothing():
    votes, _ = drawn(7, n=90, n_raters=3, missing=0.0)
    for j in range(3):
        votes[np.arange(90) % 3 != j, j] = 0.0

    assert fit(ballots(votes, THREE)).status == "undefined:not_identified"


def test_fewer_votes_than_parameters_identify_nothing():
    votes, _ = drawn(8, n=6)

    assert fit(ballots(votes, THREE)).status == "undefined:not_identified"
    assert fit(ballots(votes, THREE), model="one_coin").status == "ok"


def test_one_label_for_everything_is_no_variation():
    votes = np.zeros((30, 4, 3))
    votes[:, :, 1] = 1.0

    assert fit(ballots(votes, THREE)).status == "undefined:no_variation"


def test_a_rater_who_says_the_opposite_is_found_out():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    votes = np.zeros((400, 4, 2))
    for j, accuracy in enumerate([0.9, 0.85, 0.8, 0.1]):
        said = np.where(rng.random(400) < accuracy, truth, 1 - truth)
        votes[np.arange(400), j, said] = 1.0

    fitted = fit(ballots(votes, YES_NO))

    assert fitted.status == "ok"
    assert list(fitted.accuracy.values()) == pytest.approx([0.9, 0.85, 0.8, 0.1], abs=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"model": "glad"}, "'glad'"), ({"starts": 0}, "starts 0")],
)
def test_settings_that_mean_nothing_are_refused(options, words):
    votes, _ = drawn(0)

    with pytest.raises(InputError, match=words):
        fit(ballots(votes, THREE), **options)


def said(rater, item, label, scale=YES_NO, **more):
    return Verdict(rater, Unit(item), "c", ((label, 1.0),), label, scale.value(label), **more)


def many(n=40, raters="abcd"):
    rng = np.random.default_rng(0)
    return [
        said(rater, f"{i:02d}", ("no", "yes")[(i % 2) ^ int(rng.random() < 0.2)])
        for i in range(n)
        for rater in raters
    ]


def test_repeats_of_a_judge_are_one_vote():
    outcomes = [said("a", "1", "yes"), said("a", "1", "yes", sample=1), said("a", "1", "no", sample=2)]

    assert ballots_of(outcomes, YES_NO).votes[0, 0].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert ballots_of(outcomes, YES_NO, repeats="count").votes[0, 0].tolist() == [1.0, 2.0]


def test_both_orders_of_a_judge_are_balanced_into_one_vote():
    pair = Unit("1", ("a", "b"))
    first = Verdict("j", pair, "c", (("first", 1.0),), "first", 1.0, shown=("a", "b"))
    again = Verdict("j", pair, "c", (("first", 1.0),), "first", 1.0, shown=("a", "b"), sample=1)
    second = Verdict("j", pair, "c", (("second", 1.0),), "second", 0.0, shown=("b", "a"))

    assert ballots_of([first, again, second], PAIR).votes[0, 0].tolist() == [0.5, 0.0, 0.5]


def test_abstentions_are_no_votes_and_a_unit_without_votes_abstains():
    silent = [Abstention(rater, Unit("zz"), "c", "blocked") for rater in "abcd"]

    fitted = fit(ballots_of([*many(), *silent], YES_NO))
    last = fitted.verdicts()[-1]

    assert fitted.status == "ok"
    assert (last.unit.item_id, last.reason) == ("zz", "blocked")
    assert fitted.log_likelihood == pytest.approx(fit(ballots_of(many(), YES_NO)).log_likelihood)


def test_a_fitted_model_is_a_pool_for_units_it_has_not_seen():
    fitted = fit(ballots_of(many(), YES_NO))
    seen = [o for o in many() if o.unit == Unit("07")]

    assert fitted(seen, YES_NO).value == pytest.approx(
        next(v for v in fitted.verdicts() if v.unit == Unit("07")).value, abs=1e-6
    )
    with pytest.raises(InputError, match="'stranger'"):
        fitted([said("stranger", "new", "yes")], YES_NO)
    assert fitted([Abstention("a", Unit("new"), "c", "blocked")], YES_NO).reason == "blocked"


def test_a_model_that_is_not_identified_decides_nothing():
    fitted = fit(ballots_of(many(raters="ab"), YES_NO))

    assert fitted([said("a", "new", "yes")], YES_NO).reason == "undecided"


def test_ballots_are_of_one_criterion_with_labels_that_can_be_counted():
    with pytest.raises(InputError, match="one criterion"):
        ballots_of([], YES_NO)
    with pytest.raises(InputError, match="without a step"):
        ballots_of([said("a", "1", "7", Numbers(low=0, high=10))], Numbers(low=0, high=10))
    with pytest.raises(InputError, match="'perhaps'"):
        ballots_of([Verdict("a", Unit("1"), "c", (("perhaps", 1.0),), "perhaps", 0.5)], YES_NO)


def test_numbers_with_a_step_have_labels():
    scale = Numbers(low=1, high=5, step=2)

    assert ballots_of([said("a", "1", "3", scale)], scale).labels == ("1", "3", "5")
