from itertools import permutations, product

import pytest

from judgekit.aggregate import votes
from judgekit.aggregate.panels import accuracy_weights
from judgekit.errors import InputError
from judgekit.scales import PAIR, YES_NO, Labels, Numbers
from judgekit.types import Abstention, Unit, Verdict

SEVERITY = Labels(labels=("S4", "S3", "S2", "S1"))  # worst first
FIVE = Labels(labels=("1", "2", "3", "4", "5"))
UNIT = Unit("1", ("a",))


def panel(*labels, scale=YES_NO, unit=UNIT):
    """One outcome a rater: a label, or None for an abstention."""
    return [
        Abstention(f"r{k}", unit, "c", "refused")
        if label is None
        else Verdict(f"r{k}", unit, "c", ((label, 1.0),), label, scale.value(label))
        for k, label in enumerate(labels)
    ]


def outcome(found):
    return found.reason if isinstance(found, Abstention) else found.label


def test_a_majority_is_more_than_half_of_all_who_were_asked():
    assert outcome(votes.strict_majority(panel("yes", "yes", None), YES_NO)) == "yes"
    assert outcome(votes.strict_majority(panel("yes", "no", None), YES_NO)) == "undecided"
    assert outcome(votes.strict_majority(panel("yes", "yes", None, None), YES_NO)) == "refused"


@pytest.mark.parametrize("ties", ["undecided", "lowest", "highest", "middle"])
def test_a_withheld_vote_never_becomes_a_majority_of_one(ties):
    assert outcome(votes.strict_majority(panel("yes", None, None), YES_NO, ties=ties)) == "refused"


@pytest.mark.parametrize(
    ("labels", "ties", "settled"),
    [
        (("1", "4"), "undecided", "undecided"),
        (("1", "4"), "lowest", "1"),
        (("1", "4"), "highest", "4"),
        (("1", "4"), "middle", "2"),  # 2.5 is as far from 2 as from 3: the lower
        (("1", "3", "5"), "middle", "3"),
        (("1", "1", "4", "4", "5"), "lowest", "1"),  # of those with most votes
        (("1", "1", "4", "4", "5"), "highest", "4"),
        (("1", "1", "4", "4", "5"), "middle", "4"),  # the median of all votes
    ],
)
def test_without_a_majority_the_declared_rule_decides(labels, ties, settled):
    for order in permutations(labels):
        assert outcome(votes.strict_majority(panel(*order, scale=FIVE), FIVE, ties=ties)) == settled


def test_a_rule_that_decided_says_so():
    assert votes.strict_majority(panel("yes", "no"), YES_NO, ties="lowest").flags == ("tied",)
    assert votes.strict_majority(panel("yes", "yes"), YES_NO, ties="lowest").flags == ()


def test_the_middle_of_a_split_over_a_pair_is_a_tie():
    assert outcome(votes.plurality(panel("first", "second", scale=PAIR), PAIR, ties="middle")) == "tie"


def test_an_unknown_rule_is_refused():
    with pytest.raises(InputError, match="'random'"):
        votes.plurality(panel("yes"), YES_NO, ties="random")


def test_plurality_counts_the_votes_cast():
    assert outcome(votes.plurality(panel("yes", None, None), YES_NO)) == "yes"
    assert outcome(votes.plurality(panel("1", "1", "2", "3", scale=FIVE), FIVE)) == "1"
    assert outcome(votes.plurality(panel("1", "2", scale=FIVE), FIVE)) == "undecided"


@pytest.mark.parametrize(
    "pool",
    [
        votes.strict_majority, votes.plurality, votes.unanimous, votes.conservative,
        votes.weighted({"r0": 1.0}),
    ],
)  # fmt: skip
def test_no_vote_at_all_is_an_abstention_with_the_commonest_reason(pool):
    assert outcome(pool(panel(None, None), YES_NO)) == "refused"


def test_a_voter_without_a_weight_is_named():
    with pytest.raises(InputError, match="'r1'"):
        votes.weighted({"r0": 1.0})(panel("yes", "no"), YES_NO)


def test_equal_weights_on_both_sides_are_a_tie():
    pool = {"r0": 1.0, "r1": 0.5, "r2": 0.5}

    assert outcome(votes.weighted(pool)(panel("yes", "no", "no"), YES_NO)) == "undecided"
    assert outcome(votes.weighted(pool, ties="highest")(panel("yes", "no", "no"), YES_NO)) == "yes"


def test_unanimous_needs_everybody_asked():
    assert outcome(votes.unanimous(panel("yes", "yes"), YES_NO)) == "yes"
    assert outcome(votes.unanimous(panel("yes", "no"), YES_NO)) == "undecided"
    assert outcome(votes.unanimous(panel("yes", None), YES_NO)) == "undecided"


def test_conservative_is_the_rule_of_gaps():
    def vote(*labels):
        return outcome(votes.conservative(panel(*labels, scale=SEVERITY), SEVERITY))

    assert vote("S1", "S1", "S4") == "S4"  # any S4 is S4
    assert vote("S1", "S1", "S3") == "S1"  # else the majority
    assert vote("S1", "S2", "S3") == "S3"  # ties to the worse


def test_the_vote_table_of_gaps():
    # GAPS: unknown votes are dropped; fewer than two valid votes, or no two alike, need a review.
    for labels in product(["yes", "no", None], repeat=3):
        valid = [label for label in labels if label]
        alike = [label for label in ("yes", "no") if valid.count(label) >= 2]
        found = votes.strict_majority(panel(*labels), YES_NO)

        assert (found.label if isinstance(found, Verdict) else None) == (alike[0] if alike else None)


def test_a_majority_of_three_samples_of_a_checklist():
    # ReviewerGPT: yes / no / n/a, three replies each; 2 of 3 decide, three different do not.
    scale = Labels(labels=("no", "n/a", "yes"), kind="nominal")

    assert outcome(votes.strict_majority(panel("yes", "n/a", "yes", scale=scale), scale)) == "yes"
    assert outcome(votes.strict_majority(panel("yes", "n/a", "no", scale=scale), scale)) == "undecided"


def test_weights_outvote_numbers():
    pool = votes.weighted({"r0": 3.0, "r1": 1.0, "r2": 1.0})

    assert outcome(pool(panel("yes", "no", "no"), YES_NO)) == "yes"


def test_a_rater_worse_than_chance_counts_against_its_label():
    assert outcome(votes.weighted({"r0": -1.0})(panel("yes"), YES_NO)) == "no"


def test_raters_at_chance_decide_nothing():
    assert outcome(votes.weighted({"r0": 0.0, "r1": 0.0})(panel("yes", "yes"), YES_NO)) == "undecided"


def test_a_vote_of_a_soft_verdict_goes_to_its_label():
    torn = Verdict("r0", UNIT, "c", (("first", 0.5), ("second", 0.5)), "second", 0.5)

    assert outcome(votes.plurality([torn], PAIR)) == "tie"


def test_votes_over_numbers_need_no_step():
    scale = Numbers(low=0, high=100)

    assert outcome(votes.strict_majority(panel("62.5", "62.5", "10", scale=scale), scale)) == "62.5"
    assert outcome(votes.conservative(panel("0", "10", "10", scale=scale), scale)) == "0"


def labelled(n, wrong):
    """`n` labelled items; rater k is wrong on the items in `wrong[k]`."""
    truth = {Unit(f"{i:02d}", ("a",)): ("no", "yes")[i % 2] for i in range(n)}
    other = {"no": "yes", "yes": "no"}
    outcomes = [
        o
        for i, (unit, label) in enumerate(truth.items())
        for o in panel(*[other[label] if i in bad else label for bad in wrong], unit=unit)
    ]
    return truth, outcomes


def test_accuracy_weights_are_log_odds_of_being_right():
    truth, outcomes = labelled(20, [set(range(5)), set(range(10)), set(range(18))])

    found = accuracy_weights(outcomes, truth, scale=YES_NO)

    # One right and one wrong are added: 16 to 6, 11 to 11, 3 to 19.
    assert found.weights == pytest.approx({"r0": 0.98083, "r1": 0.0, "r2": -1.84583}, abs=1e-5)
    assert found.accuracy == {"r0": 0.75, "r1": 0.5, "r2": 0.1}


def test_a_unit_is_never_weighed_by_its_own_label():
    truth, outcomes = labelled(20, [{0}, set()])
    flipped = {unit: label if unit.item_id != "07" else "no" for unit, label in truth.items()}
    seventh = Unit("07", ("a",))

    before = accuracy_weights(outcomes, truth, scale=YES_NO)
    after = accuracy_weights(outcomes, flipped, scale=YES_NO)

    assert before.of(seventh) == after.of(seventh)
    assert before.weights != after.weights
    assert before.of(Unit("new", ("a",))) == before.weights


def test_accuracy_weights_are_a_pool():
    truth, outcomes = labelled(20, [set(), set(range(9)), set(range(9))])
    pool = accuracy_weights(outcomes, truth, scale=YES_NO)

    assert outcome(pool(panel("yes", "no", "no", unit=Unit("new", ("a",))), YES_NO)) == "yes"


def test_accuracy_weights_need_two_labelled_items():
    truth, outcomes = labelled(1, [set()])

    with pytest.raises(InputError, match="1 labelled items"):
        accuracy_weights(outcomes, truth, scale=YES_NO)
