"""The verdict of an audit: planted judges get what they deserve, and thresholds do what they say."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from judgekit.agreement import audit
from judgekit.agreement.auditing.data import of_frame
from judgekit.agreement.auditing.records import Systems
from judgekit.errors import InputError
from judgekit.report import findings, read_thresholds
from judgekit.report.checks import bound_of_use
from judgekit.report.purposes import _order_of_systems
from judgekit.types import Estimate

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from verdict_cases import CASES, PURPOSES, VERDICTS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_planted_judge_gets_the_verdict_that_it_deserves(case):
    """Of two data sets one has to come out right; `benchmarks/verdict_table.py` does 200."""
    wrong = []
    for seed in (101, 102):
        lab = case.make(np.random.default_rng(seed))
        said = findings(audit(lab, b=200, only_deciding=True), read_thresholds())
        wrong = [
            (purpose, found.verdict, found.why, found.change, found.correction)
            for purpose, letter, found in zip(PURPOSES, case.expected, said, strict=True)
            if letter != "." and not (found.verdict == VERDICTS[letter] and is_named(case, purpose, found))
        ]
        if not wrong:
            return

    assert wrong == []


def is_named(case, purpose, found):
    """Whether the reason given names what was planted."""
    text = " ".join([found.why, *found.change, *found.correction])
    return any(word in text for word in case.why.get(purpose, case.why.get("all", ("",))))


def by_purpose(lab, gates=None, **options):
    return {f.purpose: f for f in findings(audit(lab, b=60, **options), gates or read_thresholds())}


def two_labels(n, agree, *, people=2, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    columns = [np.where(rng.random(n) < agree, truth, 1 - truth)]
    columns += [np.where(rng.random(n) < 0.98, truth, 1 - truth) for _ in range(people)]
    raters = ["judge", *(f"p{i}" for i in range(people))]
    return np.column_stack(columns), raters


def test_one_person_is_not_enough_unless_the_labels_are_the_truth():
    rows, raters = two_labels(300, 0.98, people=1)

    asked = by_purpose(of_frame(rows, scale=[0, 1], judges=["judge"], raters=raters))
    trusted = by_purpose(of_frame(rows, scale=[0, 1], judges=["judge"], raters=raters, trusted=True))

    assert asked["gate"].verdict == "INSUFFICIENT EVIDENCE"
    assert any("second person" in line for line in asked["gate"].change)
    assert trusted["gate"].verdict == "TRUST"


def test_people_who_do_not_agree_cannot_measure_a_judge():
    rng = np.random.default_rng(1)
    people = rng.integers(0, 2, (300, 4))
    judge = np.where(rng.random(300) < 0.9, people.mean(axis=1) > 0.5, people[:, 0])

    rows = np.column_stack([judge, people])
    found = by_purpose(of_frame(rows, scale=[0, 1], judges=["j"], raters=["j", "p", "q", "r", "s"]))

    assert found["gate"].verdict == "INSUFFICIENT EVIDENCE"
    assert "people agree too little with each other" in found["gate"].why


def test_without_systems_there_is_nothing_to_rank():
    rows, raters = two_labels(300, 0.98)

    found = by_purpose(of_frame(rows, scale=[0, 1], judges=["judge"], raters=raters))

    assert found["rank"].verdict == "INSUFFICIENT EVIDENCE"
    assert found["gate"].verdict == "TRUST"


def test_a_rare_label_leaves_no_interval():
    rows = np.zeros((200, 3), dtype=int)
    rows[:5] = 1

    found = by_purpose(of_frame(rows, scale=[0, 1], judges=["j"], raters=["j", "p", "q"]))

    assert found["gate"].verdict == "INSUFFICIENT EVIDENCE"
    assert any("rarer label" in line for line in found["gate"].change)


def test_a_noisy_judge_is_told_how_many_more_labels_would_do():
    rows, raters = two_labels(200, 0.88)

    found = by_purpose(of_frame(rows, scale=[0, 1], judges=["judge"], raters=raters))["gate"]

    assert found.verdict == "HUMAN IN THE LOOP"
    assert "labelled units (" in found.change[0]


def test_thresholds_of_a_file_take_the_place_of_ours(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('agreement_gate = 0.99\n[enough_units]\nvalue = 50\nsource = "house rule"\n')
    rows, raters = two_labels(300, 0.98)

    gates = read_thresholds(own)
    found = by_purpose(of_frame(rows, scale=[0, 1], judges=["judge"], raters=raters), gates)

    assert found["gate"].verdict == "HUMAN IN THE LOOP"
    sources = {check.gate: check.source for check in found["gate"].checks}
    assert sources["enough_units"] == "house rule (project default)"
    assert gates["agreement_use"].value == 0.4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("taste = 1", "no threshold 'taste'; there are enough_units,"),
        ("agreement_gate = 'high'", "agreement_gate: value is 'high'"),
        ("[agreement_gate]\nvalue = 1\nwhy = 'x'", "agreement_gate: 'why' is unknown"),
        ("a = = 1", "not a file of thresholds"),
    ],
)
def test_a_file_of_thresholds_that_is_none_says_why(text, message, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(text)

    with pytest.raises(InputError, match=message):
        read_thresholds(path)


def test_every_threshold_has_a_source_and_ours_are_marked():
    for gate in read_thresholds().values():
        assert gate.what
        assert gate.source
        assert gate.cited.endswith("(project default)") == gate.judgement


def test_the_numbers_that_decided_stand_with_the_verdict():
    [case] = [each for each in CASES if each.name == "random on the hard fifth"]

    found = by_purpose(case.make(np.random.default_rng(3)))["gate"]

    gates = [check.gate for check in found.checks]
    assert gates[0] == "agreement_gate"  # the number that the reason names first
    assert {"enough_units", "enough_rare", "enough_double", "people_agree"} <= set(gates)
    assert {"agreement_gate", "ceiling_margin", "leniency", "coverage", "alt_test"} <= set(gates)
    assert all(check.found and check.wanted and check.source for check in found.checks)


@pytest.mark.parametrize(
    ("value", "low", "high", "met"),
    [(0.95, 0.85, 1.0, True), (0.9, 0.76, 1.0, None), (0.85, 0.8, 0.92, None), (0.7, 0.6, 0.8, False)],
)
def test_an_order_of_systems_is_off_only_where_its_upper_end_is_below(value, low, high, met):
    soft = Estimate("soft_pairwise_accuracy", value, low=low, high=high)
    ranks = Systems(
        names=("a", "b"), human=(), judge=(), soft_accuracy=soft, pair_accuracy=soft, groupings={},
        reversals=(), n_pairs=1,
    )  # fmt: skip

    shown, _ = _order_of_systems(read_thresholds(), ranks)

    assert shown[1].met is met


@pytest.mark.parametrize(
    ("trusted", "low", "bound"),
    [(True, 0.1, 0.4), (False, 0.7, 0.36), (False, 0.25, 0.2), (False, -0.1, 0.0)],
)
def test_what_a_judge_has_to_reach_falls_with_the_reliability_of_the_labels(trusted, low, bound):
    """By its value where that is shown to be enough: what decides is the interval of the judge."""
    known = Estimate("reliability", 0.81, low=low, high=1.0)
    criterion = SimpleNamespace(labelled=SimpleNamespace(trusted=trusted), reliability=known)

    assert bound_of_use(read_thresholds(), criterion, Estimate("kappa", 0.1)) == pytest.approx(bound)
