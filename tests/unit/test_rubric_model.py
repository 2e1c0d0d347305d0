import pytest
import yaml
from pydantic import ValidationError

from judgekit.rubric import Criterion, Rubric, load_rubric, to_yaml
from judgekit.rubric.model import describe, walk
from judgekit.scales import YES_NO, Labels, Numbers

KIND = {"id": "kind", "text": "Is it kind?"}


def criterion(**more: object) -> Criterion:
    return Criterion.model_validate(KIND | more)


def rubric(*criteria: object, **more: object) -> Rubric:
    return Rubric.model_validate({"id": "r", "criteria": criteria or [KIND], **more})


@pytest.mark.parametrize(
    ("spelled", "means"),
    [
        ("yes_no", YES_NO),
        (["no", "yes"], YES_NO),
        ("1-5", Labels(labels=("1", "2", "3", "4", "5"))),
        ("0..10", Labels(labels=tuple(map(str, range(11))))),
        ("0-100", Numbers(low=0, high=100)),
        ("0 to 1.5", Numbers(low=0, high=1.5)),
        ({"points": 7}, Numbers(low=0, high=7, step=1)),
        ({"low": 1, "high": 10, "step": 0.5}, Numbers(low=1, high=10, step=0.5)),
        (
            {"labels": ["bad", "good"], "cannot_tell": "n/a"},
            Labels(labels=("bad", "good"), cannot_tell="n/a"),
        ),
    ],
)
def test_a_scale_can_be_spelled_short(spelled: object, means: object):
    assert criterion(scale=spelled).scale == means


@pytest.mark.parametrize(("n", "written"), [(11, "scale: 0-10\n"), (12, "scale: [0, 1, 2,")])
def test_a_row_of_labels_is_written_short_only_where_it_is_read_as_labels(n, written):
    # A range of more than 11 is read as a scale of numbers.
    labels = [str(i) for i in range(n)]
    made = rubric(KIND | {"scale": labels})

    text = to_yaml(made)

    assert written in text
    assert load_rubric(yaml.safe_load(text)).leaves[0].scale == Labels(labels=tuple(labels))


def test_anchors_alone_say_what_the_scale_is():
    made = criterion(anchors={1: "cruel", 2: "cold", 3: "kind"})

    assert made.scale == Labels(labels=("1", "2", "3"))
    assert made.anchors == {"1": "cruel", "2": "cold", "3": "kind"}


def test_points_are_a_weight_on_a_yes_no_scale():
    assert criterion(points=-4) == criterion(weight=-4)


def test_points_of_a_scale_are_its_weight_too():
    assert criterion(scale={"points": 7}).weight == 7


def test_a_gate_weighs_nothing_unless_told_otherwise():
    assert (criterion(gate=True).weight, criterion(gate=True).gate) == (0, 0.5)
    assert criterion(gate=0.75, weight=2).weight == 2
    assert criterion(gate=False).weight == 1


def test_an_empty_anchor_or_reference_is_none():
    assert criterion(anchors={"no": " ", "yes": "Kind."}, scale="yes_no").anchors == {"yes": "Kind."}
    assert criterion(reference=" ").reference is None


def test_anchors_on_a_scale_of_numbers_are_the_numbers_however_spelled():
    made = criterion(scale={"low": 0, "high": 10}, anchors={1.0: "low", "2.50": "middle", 10: "top"})

    assert made.anchors == {"1": "low", "2.5": "middle", "10": "top"}


def test_two_spellings_of_one_anchor_are_refused():
    with pytest.raises(ValidationError, match="two anchors for the label '1'"):
        criterion(scale="1-3", anchors={1: "a", "1": "b"})


@pytest.mark.parametrize("surrogate", ["a\ud800", "\udfff"])
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(surrogate: str):
    for more in ({"text": surrogate}, {"id": surrogate}, {"scale": ["no", surrogate]}):
        with pytest.raises(ValidationError, match="surrogate"):
            criterion(**more)


def test_leaves_are_the_criteria_in_order_with_groups_opened():
    made = rubric(KIND, {"id": "form", "criteria": [KIND | {"id": "short"}, KIND | {"id": "clear"}]})

    assert [c.id for c in made.leaves] == ["kind", "short", "clear"]
    assert [node.id for node in walk(made.criteria)] == ["kind", "form", "short", "clear"]
    assert made.by_id["clear"].text == "Is it kind?"


@pytest.mark.parametrize(
    ("criteria", "more", "message"),
    [
        ([KIND, KIND], {}, "two criteria have the id 'kind'; rename one"),
        (
            [KIND | {"weight": -1}],
            {"rule": "published"},
            "divides by the positive points, and there are none",
        ),
        (
            [{"id": "g", "criteria": [KIND]}],
            {"rule": "published"},
            "adds up points, which groups do not have",
        ),
        ([{"id": "g", "criteria": [KIND | {"gate": True}]}], {}, "holds only gates, so it has no value"),
        ([{"id": "g", "criteria": [KIND], "weight": 0}], {}, "group 'g' has weight 0"),
        ([KIND | {"veto": True}], {}, "only gates and vetoes, so it has no score"),
        ([KIND | {"veto": True, "gate": True}], {}, "is a gate and a veto"),
        ([KIND | {"points": 2, "weight": 2}], {}, "leave 'weight' and 'scale' out"),
    ],
)
def test_what_could_not_be_scored_is_refused(criteria: list[object], more: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        rubric(*criteria, **more)


def test_a_rubric_without_a_total_may_hold_gates_alone():
    assert rubric(KIND | {"gate": True}, total=False).leaves[0].gate == 0.5


def test_the_digest_knows_neither_id_nor_version_nor_origin():
    assert rubric().digest == rubric(id="other", version=7, origin="me").digest


def test_the_digest_does_not_tell_zero_from_minus_zero():
    gates = [rubric(KIND, KIND | {"id": "g", "gate": True, "weight": zero}).digest for zero in (0.0, -0.0)]

    assert gates[0] == gates[1]


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (YES_NO, "no, yes"),
        (Numbers(low=0, high=10, step=1), "a whole number from 0 to 10"),
        (Numbers(low=0, high=1, step=0.25), "a number from 0 to 1 in steps of 0.25"),
        (Numbers(low=-1, high=1), "a number from -1 to 1"),
    ],
)
def test_a_scale_in_words(scale: Labels | Numbers, words: str):
    assert describe(scale) == words


@pytest.mark.parametrize("label", ["1_0", "nan", "inf", "11", "-1", "ten", "2.5"])
def test_what_is_no_number_of_the_scale_has_no_value(label: str):
    assert Numbers(low=0, high=10, step=1).value(label) is None
