"""The audit: what was joined, that nothing is lost uncounted, and that no data make it fall over."""

import math
import re

import numpy as np
import pytest

import judgekit
from judgekit.agreement import audit
from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.data import Facts, of_frame, side_by_side
from judgekit.errors import InputError
from judgekit.report import findings, read_thresholds
from judgekit.report.page import audit_json, audit_markdown, page
from judgekit.report.steps import routing
from judgekit.scales import PAIR, YES_NO, Labels, Numbers
from judgekit.types import Abstention, Unit, Verdict
from judgekit.verbs.agree import agree

nan = float("nan")


def said(rater: str, item: str, label: str, source: str = "text") -> Verdict:
    value = YES_NO.value(label)
    assert value is not None
    return Verdict(rater, Unit(item, ("a",)), "kind", ((label, 1.0),), label, value, source)


def pair(rater: str, item: str, label: str, *, swapped: bool) -> Verdict:
    value = PAIR.value(label)
    assert value is not None
    shown = ("y", "x") if swapped else ("x", "y")
    return Verdict(rater, Unit(item, ("x", "y")), "better", ((label, 1.0),), label, value, shown=shown)


def test_every_row_is_used_or_counted():
    judged = [said("gpt", str(i), "yes") for i in range(4)]
    judged.append(Abstention("gpt", Unit("4", ("a",)), "kind", "refused"))
    people = [said("ann", str(i), "no" if i % 2 else "yes", "human") for i in (1, 2, 3, 4, 9)]

    lab = side_by_side("kind", YES_NO, judged, people)

    assert lab.units == ("1/a", "2/a", "3/a", "4/a")
    assert lab.dropped == {"labelled, not judged": 1, "judged, not labelled": 1, "people could not tell": 0}
    assert lab.abstained == {"gpt": {"refused": 1}}
    assert lab.unlabelled["gpt"].tolist() == [1.0]


def test_the_coefficient_of_a_judge_is_that_of_its_column_and_what_most_people_say():
    rows = [["yes", "yes", "yes", "no"], ["no", "no", "yes", "no"], ["yes", "no", "no", "no"], ["no"] * 4]

    made = audit(of_frame(rows, scale=["no", "yes"], judges=["j"], raters=["j", "a", "b", "c"]), b=50)

    assert made.criteria[0].labelled.consensus.tolist() == [1, 0, 0, 0]
    assert made.criteria[0].judges[0].main.value == pytest.approx(0.5)  # (.75 - .5) / (1 - .5)


def test_orders_and_samples_become_one_verdict_before_anything_is_compared():
    judged = [pair("gpt", str(i), "first", swapped=s) for i in range(3) for s in (False, True)]
    judged += [pair("gpt", "3", "first", swapped=False), pair("gpt", "3", "second", swapped=True)]
    labels = [
        {"item_id": str(i), "first": "x", "second": "y", "rater": "ann", "label": "first"} for i in range(4)
    ]

    made = agree(judged, labels=labels, b=50)

    [judge] = made.criteria[0].judges
    assert made.criteria[0].labelled.ratings.codes[:, 0].tolist() == [2, 2, 2, 1]  # one tie, of both orders
    assert judge.orders["position_consistency"].value == 0.75
    assert judge.orders["preference_fairness"].value == -0.25  # leans to the first place


def test_units_of_one_item_are_a_cluster():
    units = [("1", "a"), ("1", "b"), ("2", "a")]
    judged = [Verdict("j", Unit(i, (r,)), "kind", (("yes", 1.0),), "yes", 1.0) for i, r in units]
    people = [Verdict("p", Unit(i, (r,)), "kind", (("yes", 1.0),), "yes", 1.0, "human") for i, r in units]

    lab = side_by_side("kind", YES_NO, judged, people)

    assert lab.ratings.clusters is not None
    assert lab.ratings.clusters.tolist() == [0, 0, 1]


def test_probabilities_of_labels_are_audited_against_agreement():
    scale = Labels(labels=("1", "2"))
    judged, people = [], []
    for i in range(40):
        sure = 0.9 if i % 2 else 0.6
        unit = Unit(str(i), ("a",))
        judged.append(Verdict("j", unit, "c", (("2", sure), ("1", 1 - sure)), "2", sure, "logprob"))
        label = "1" if i % 4 == 0 else "2"
        people.append(Verdict("p", unit, "c", ((label, 1.0),), label, float(label == "2"), "human"))

    made = audit(side_by_side("c", scale, judged, people, raw=judged), b=50)

    sureness = made.criteria[0].judges[0].sureness
    assert sureness is not None
    assert sureness.kind == "label probabilities"
    assert sureness.diagram.p.tolist() == [0.6, 0.9]
    assert sureness.diagram.recalibrated.tolist() == [0.5, 1.0]


def test_verdicts_without_a_probability_are_no_part_of_what_may_stand_and_are_counted():
    judged, people = [], []
    for i in range(80):
        unit, label = Unit(str(i), ("a",)), ("yes", "no")[i % 2]
        probs, source = (((label, 0.9),), "logprob") if i < 60 else (((label, 1.0),), "text")
        judged.append(Verdict("j", unit, "kind", probs, label, YES_NO.value(label), source))
        people.append(said("ann", str(i), label, "human"))

    made = audit(side_by_side("kind", YES_NO, judged, people, raw=judged), b=50)

    judge = made.criteria[0].judges[0]
    chosen = judge.sureness.selection
    assert (chosen.n_used, chosen.n_dropped, chosen.coverage) == (60, 20, 1.0)
    [risk] = [f for f in figures(made) if f.kind == "risk"]
    assert "100% of the 60 verdicts with a probability and a label stand" in risk.notes[0]
    assert "20 others have no part in it" in risk.notes[0]
    assert "100% of those with one" in routing(read_thresholds(), judge)


def test_a_control_stands_beside_the_judge_and_is_given_no_verdict():
    judged = [said("gpt", str(i), "yes" if i % 2 else "no") for i in range(30)]
    judged += [said("control:longer", str(i), "yes") for i in range(30)]
    people = [said("ann", str(i), "yes" if i % 2 else "no", "human") for i in range(30)]

    made = audit(side_by_side("kind", YES_NO, judged, people), b=50)

    names = [each.name for each in made.criteria[0].judges[0].controls]
    assert names == ["always 'no' (people's commonest)", "always 'yes' (the best)", "control:longer"]
    assert {f.judge for f in findings(made, read_thresholds())} == {"gpt"}


def test_systems_of_pairs_share_each_preference():
    judged = [pair("gpt", str(i), "first" if i % 3 else "tie", swapped=False) for i in range(30)]
    people = [Verdict("p", v.unit, "better", v.probs, v.label, v.value, "human") for v in judged]
    facts = Facts(systems={v.unit: ("x", "y") for v in judged})

    made = audit(side_by_side("better", PAIR, judged, people, facts=facts), b=50)

    found = made.criteria[0].judges[0].systems
    assert found is not None
    assert [round(e.value, 4) for e in found.human] == [0.8333, 0.1667]
    assert found.pair_accuracy.value == 1.0


@pytest.mark.parametrize(
    ("judges", "message"),
    [(["gpt"], "no judge 'gpt'"), (["j"], None)],
)
def test_a_judge_that_is_not_there_is_an_error(judges, message):
    lab = of_frame([["a", "b"]], scale=["a", "b"], judges=["j"], raters=["j", "p"])

    if message is None:
        assert audit(lab, judges=judges, b=50).criteria
        return
    with pytest.raises(InputError, match=message):
        audit(lab, judges=judges, b=50)


def test_a_name_that_judges_and_labels_is_an_error():
    with pytest.raises(InputError, match="'ann' is a judge and a person at once"):
        side_by_side("kind", YES_NO, [said("ann", "1", "yes")], [said("ann", "1", "yes", "human")])


FIVE = [1, 2, 3, 4, 5]
KINDS = Labels(labels=("x", "y", "z"), kind="nominal")
HUNDRED = Numbers(low=0, high=100)
DEGENERATE = {
    "constant and equal": ([[3, 3, 3]] * 30, FIVE),
    "constant judge": ([[3, 1 + i % 5, 1 + i % 5] for i in range(30)], FIVE),
    "different constants": ([[1, 5, 5]] * 30, FIVE),
    "one unit": ([[1, 2, 3]], FIVE),
    "two units": ([[1, 2, 3], [2, 2, 2]], FIVE),
    "one person": ([[1, 1 + i % 5, nan] for i in range(20)], FIVE),
    "judge said nothing": ([[nan, 1 + i % 5, 2] for i in range(20)], FIVE),
    "people never meet": ([[1 + i % 5, 1 + i % 5, nan] if i % 2 else [2, nan, 3] for i in range(40)], FIVE),
    "unicode labels": ([["да", "нет", "да"], ["нет", "нет", "да"]] * 10, ["нет", "да"]),
    "nominal": ([["x", "y", "x"], ["z", "z", "y"], ["y", "y", "y"]] * 8, KINDS),
    "a long scale": ([[i * 7 % 101, i * 13 % 101, i * 17 % 101] for i in range(40)], HUNDRED),
    "a long scale, constant": ([[50, 50, 50]] * 12, HUNDRED),
    "strings beside numbers": ([["1", 2, "3"], [2, "2", 2]] * 6, Labels(labels=("1", "2", "3"))),
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.filterwarnings("error")
def test_no_data_make_the_audit_or_its_report_fall_over(name):
    rows, scale = DEGENERATE[name]
    gates = read_thresholds()
    n = len(rows)
    lab = of_frame(
        np.array(rows, dtype=object), scale=scale, judges=["j"], raters=["j", "p", "q"],
        systems=[f"s{i % 3}" for i in range(n)], items=[str(i // 3) for i in range(n)],
        groups={"topic": ["x" if i % 2 else None for i in range(n)]},
        lengths=[float(10 + i) for i in range(n)],
    )  # fmt: skip

    made = audit(lab, b=60)

    found = findings(made, gates)
    # All of them are small: nothing is trusted, and what is shown to be bad is rejected.
    assert {f.verdict for f in found} <= {"INSUFFICIENT EVIDENCE", "DO NOT USE"}
    drawn = figures(made)
    assert re.search(r"\bnan\b", page(made, found, gates, drawn)) is None
    assert audit_json(made, found, gates, drawn)["criteria"]
    assert audit_markdown(made, found, gates, drawn)


def test_what_others_wrote_is_escaped_on_the_page():
    script = "<script>alert(1)</script>"
    rows = [["a", "b"], ["b", "b"]] * 6
    lab = of_frame(rows, scale=["a", "b"], judges=[script], raters=[script, "p"])
    gates = read_thresholds()

    made = audit(lab, b=50, provenance={"run": script}, notes=[script])
    text = page(made, findings(made, gates), gates, figures(made), title=script)

    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "script-src" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5  # title, heading, judge, note, provenance
    assert "<dt>run</dt><dd>&lt;script&gt;" in text


def test_undefined_is_never_0_or_1():
    made = audit(of_frame([[3, 3, 3]] * 30, scale=FIVE, judges=["j"], raters=["j", "p", "q"]), b=50)

    judge = made.criteria[0].judges[0]
    assert math.isnan(judge.main.value)
    assert judge.main.status == "undefined:no_variation"
    assert math.isnan(made.criteria[0].human_alpha.value)


def test_the_same_seed_gives_the_same_audit():
    rows = [[1 + i % 5, 1 + (i * 3) % 5, 1 + i % 4] for i in range(60)]
    lab = of_frame(rows, scale=FIVE, judges=["j"], raters=["j", "p", "q"])
    gates = read_thresholds()

    one, two = (
        audit_json(a, findings(a, gates), gates) for a in (audit(lab, b=80, seed=3), audit(lab, b=80, seed=3))
    )

    assert one == two


def test_a_level_is_corrected_only_where_the_labels_are_declared_a_random_sample():
    judged = [said("gpt", str(i), "yes" if i % 4 else "no") for i in range(200)]
    people = [said("ann", str(i), "yes" if i % 2 else "no", "human") for i in range(80)]
    lab = side_by_side("kind", YES_NO, judged, people)

    made = [audit(lab, b=50, sampling=how) for how in ("unknown", "random")]
    silent, sampled = (each.criteria[0].judges[0].level for each in made)

    assert silent is not None
    assert sampled is not None
    assert silent.status == "undefined:not_identified"
    assert 0.4 < sampled.value < 0.6  # the judge's own mean is .75
    assert sampled.low < 0.5 < sampled.high


def test_the_main_statistics_stand_in_the_room_by_name():
    room = judgekit.agreement

    assert room.kappa([["no", "no"], ["yes", "yes"]], scale=["no", "yes"]).value == 1.0
    assert [name for name in dir(room) if getattr(room, name).__doc__ is None] == []
    with pytest.raises(AttributeError, match="no attribute 'cohen'"):
        _ = room.cohen


@pytest.mark.parametrize("first", ["a", "b"])
def test_systems_that_people_score_alike_on_paper_are_in_no_order(first):
    # Means of equal numbers in another order differ in their last digit.
    said = [
        {"a": (5, 5, 5), "b": (5, 5, 5)},
        {"a": (1, 2, 3), "b": (3, 2, 1)},
        {"a": (2, 6, 1), "b": (1, 6, 2)},
    ]
    rows = [
        {"item_id": str(i), "response_id": s, "system": s, "rater": rater, "label": str(label)}
        for i in range(24)
        for s in "ab"
        for rater, label in zip("xyz", said[(0, 1, 2, 1)[i % 4]][s], strict=True)
    ]
    judged = [
        {
            "item_id": str(i),
            "response_id": s,
            "rater": "judge",
            "label": str(8 - i % 3 if s == first else 2),
        }
        for i in range(24)
        for s in "ab"
    ]

    [judge] = agree(judged, labels=rows, scale="0-10", b=50).criteria[0].judges

    assert judge.systems.reversals == ()
