from collections.abc import Sequence

import pytest

from judgekit.aggregate import rubric_scores
from judgekit.rubric import Rubric, load_rubric
from judgekit.types import Abstention, Item, Outcome, Score, Unit, Verdict

UNIT = Unit("1", ("a",))
ITEM = Item("1", "Why?", {"a": "So."}, systems={"a": "tide"})


def verdict(cid: str, value: float, rater: str = "judge", sample: int = 0, unit: Unit = UNIT) -> Verdict:
    return Verdict(rater, unit, cid, (("x", 1.0),), "x", value, sample=sample)


def scores_of(rubric: Rubric, outcomes: Sequence[Outcome], **options) -> dict[str, Score]:
    return {s.name: s for s in rubric_scores(rubric, ITEM, outcomes, **options) if s.unit.responses}


def points(*weights: float, **rest) -> Rubric:
    criteria = [{"id": f"c{n}", "text": "Is it?", "points": weight} for n, weight in enumerate(weights)]
    return Rubric.model_validate({"id": "all", "criteria": criteria, **rest})


def held(rubric: Rubric, *ids: str) -> list[Outcome]:
    return [verdict(c.id, float(c.id in ids)) for c in rubric.leaves]


# HealthBench (Arora et al. 2025, arXiv 2505.08775, section 3): the points of the criteria that are met,
# negative ones included, over the points that could be won. Here 10 + 5 - 8 of 10 + 7 + 5 = 22.
def test_healthbench_divides_points_achieved_by_points_to_be_won():
    rubric = points(10, 7, 5, -8)
    outcomes = held(rubric, "c0", "c2", "c3")

    assert scores_of(rubric, outcomes, rule="published")["all"].value == pytest.approx(7 / 22)
    # Placed between -8 and 22: (7 + 8) / 30.
    assert scores_of(rubric, outcomes, rule="placed")["all"].value == pytest.approx(15 / 30)


def test_a_healthbench_score_may_be_negative_and_is_clipped_only_by_name():
    rubric = points(10, 7, 5, -8)
    outcomes = held(rubric, "c3")

    assert scores_of(rubric, outcomes, rule="published")["all"].value == pytest.approx(-8 / 22)
    assert scores_of(rubric, outcomes, rule="published_clipped")["all"].value == 0.0
    assert scores_of(rubric, outcomes, rule="placed")["all"].value == 0.0


# GAPS: A1 5, A2 3, A3 1; S1 to S4 -1 to -4; clipped below at 0. The bundled checklist has four of A1,
# four of A2, two of A3: 4 * 5 + 4 * 3 + 2 * 1 = 34 to be won, and 1 + 2 + 3 + 4 = 10 to be lost.
def test_the_clinical_checklist_scores_as_gaps_does():
    rubric = load_rubric("clinical_checklist")
    a1 = [c.id for c in rubric.leaves if c.dimension == "A1"]

    some = scores_of(rubric, held(rubric, *a1, "a2_work_up", "s3_serious"))
    bad = scores_of(rubric, held(rubric, "a3_patient", "s4_dangerous"))

    assert some[rubric.id].rule == "published_clipped"
    assert some[rubric.id].value == pytest.approx((4 * 5 + 3 - 3) / 34)
    assert bad[rubric.id].value == 0.0  # (1 - 4) / 34, clipped
    # A dimension is always placed: of the four A1 all, of S3 (-3 to 0) the worst.
    assert (some["A1"].value, some["S3"].value, some["S4"].value) == (1.0, 0.0, 1.0)


def test_a_group_is_placed_first_and_then_counts_as_one():
    rubric = Rubric.model_validate(
        {
            "id": "all",
            "criteria": [
                {"id": "a", "text": "A?", "weight": 3},
                {"id": "g", "criteria": [{"id": "b", "text": "B?"}, {"id": "c", "text": "C?", "weight": -1}]},
            ],
        }
    )

    # The group: (0 - 1 + 1) / 2 = 0. The whole: (3 * 1 + 1 * 0) / 4.
    assert scores_of(rubric, held(rubric, "a", "c"))["all"].value == pytest.approx(0.75)


def test_half_a_group_is_half_of_its_weight():
    rubric = Rubric.model_validate(
        {
            "id": "all",
            "criteria": [
                {"id": "a", "text": "A?"},
                {"id": "g", "criteria": [{"id": "b", "text": "B?"}, {"id": "c", "text": "C?"}]},
            ],
        }
    )
    outcomes = [verdict("a", 1.0), verdict("b", 0.0), Abstention("judge", UNIT, "c", "refused")]

    strict, partial = (scores_of(rubric, outcomes, partial=p)["all"] for p in (False, True))

    assert (strict.value, partial.value) == (None, 0.5)
    assert strict.share == partial.share == 0.75
    assert partial.n_abstained == {"refused": 1}


def test_what_cannot_be_told_is_skipped_with_its_weight_or_scored_as_the_rubric_says():
    def value(policy: str, weight: float) -> float | None:
        criteria = [
            {"id": "a", "text": "A?"},
            {"id": "b", "text": "B?", "weight": weight, "if_undecided": policy},
        ]
        rubric = Rubric.model_validate({"id": "all", "criteria": criteria})
        outcomes = [verdict("a", 1.0), Abstention("judge", UNIT, "b", "undecided")]
        return scores_of(rubric, outcomes)["all"].value

    assert [value(policy, 1) for policy in ("abstain", "skip", "worst", "best")] == [None, 1.0, 0.5, 1.0]
    assert [value(policy, -1) for policy in ("abstain", "skip", "worst", "best")] == [None, 1.0, 0.5, 1.0]


def test_a_rubric_of_which_all_was_skipped_has_no_score_although_its_gate_holds():
    criteria = [
        {"id": "a", "text": "A?", "if_undecided": "skip"},
        {"id": "safe", "text": "Is it safe?", "gate": True},
    ]
    rubric = Rubric.model_validate({"id": "all", "criteria": criteria})

    scores = scores_of(rubric, [Abstention("judge", UNIT, "a", "undecided"), verdict("safe", 1.0)])

    assert scores["all"].value is None


def test_criteria_about_the_task_join_the_score_of_each_response():
    criteria = [{"id": "task", "text": "Is it clear?", "about": "task"}, {"id": "a", "text": "A?"}]
    rubric = Rubric.model_validate({"id": "all", "criteria": criteria})
    outcomes = [verdict("task", 0.0, unit=Unit("1")), verdict("a", 1.0)]

    rubric_level = [s for s in rubric_scores(rubric, ITEM, outcomes) if s.level == "rubric"]

    assert [(s.unit, s.value, s.system) for s in rubric_level] == [(UNIT, 0.5, "tide")]


def test_a_rubric_without_a_total_has_none():
    rubric = load_rubric("peem")
    outcomes = [verdict(c.id, 1.0) for c in rubric.leaves if c.about == "response"]

    assert {s.level for s in rubric_scores(rubric, ITEM, outcomes)} == {"criterion", "dimension"}


ONE = Rubric.model_validate({"id": "all", "criteria": [{"id": "c", "text": "Is it?"}]})


def test_the_interval_over_judges_is_students():
    # 0.4, 0.5, 0.6: mean 0.5, standard deviation 0.1, t(0.975, 2) = 4.302653 (any table of t).
    outcomes = [verdict("c", value, f"judge {value}") for value in (0.4, 0.5, 0.6)]
    half = 4.302653 * 0.1 / 3**0.5

    score = scores_of(ONE, outcomes)["c"]

    assert score.value == pytest.approx(0.5)
    assert (score.low, score.high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))
    assert score.spread == {"judge": pytest.approx(0.1)}


def test_one_judge_has_an_interval_over_its_samples():
    # 0.5 and 0.7: mean 0.6, standard deviation 0.1414, t(0.975, 1) = 12.7062; wider than the scale.
    score = scores_of(ONE, [verdict("c", 0.5), verdict("c", 0.7, sample=1)])["c"]

    assert (score.low, score.high) == (0.0, 1.0)
    assert score.spread == {"sample": pytest.approx(0.02**0.5)}


def test_samples_are_averaged_before_judges():
    outcomes = [verdict("c", 1.0, "one"), verdict("c", 0.0, "one", 1), verdict("c", 1.0, "two")]

    score = scores_of(ONE, outcomes)["c"]

    assert score.value == pytest.approx(0.75)  # not 2/3
    # Judges: 0.5 and 1.0. Samples within a judge: 1 and 0 of the only one that has two.
    assert score.spread == {"judge": pytest.approx(0.125**0.5), "sample": pytest.approx(0.5**0.5)}


@pytest.mark.parametrize(
    ("n", "low"),
    [
        (10, 0.7225),  # Wilson's 95 % interval for 10 of 10, as R's prop.test(10, 10, correct = FALSE) has it
        (2, 0.3424),  # 1 / (1 + 1.96 ** 2 / 2)
    ],
)
def test_judges_who_all_say_the_same_get_wilsons_interval(n: int, low: float):
    score = scores_of(ONE, [verdict("c", 1.0, f"judge {k}") for k in range(n)])["c"]

    assert (score.low, score.high) == (pytest.approx(low, abs=5e-5), pytest.approx(1.0))


def test_a_single_verdict_has_no_interval():
    score = scores_of(ONE, [verdict("c", 1.0)])["c"]

    assert (score.low, score.high, score.spread) == (None, None, {})


def test_a_published_score_that_does_not_vary_has_no_interval_rather_than_one_of_a_share():
    rubric = points(10, -8)
    outcomes = [
        o for rater in ("one", "two") for c, v in (("c0", 0.0), ("c1", 1.0)) for o in [verdict(c, v, rater)]
    ]

    score = scores_of(rubric, outcomes, rule="published")["all"]

    assert (score.value, score.low, score.high) == (pytest.approx(-0.8), None, None)
