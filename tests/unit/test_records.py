import copy
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from judgekit import records
from judgekit.types import Call, Item, Reply, Score, Unit, Verdict

MADE = [
    (records.make_call, Call, {"judge": "a", "asks": (), "protocol": "grade", "messages": (), "key": "k"}),
    (records.make_item, Item, {"item_id": "1", "task": "Hi", "responses": {"x": "Hello"}, "where": "f:1"}),
    (records.make_reply, Reply, {"text": "yes", "input_tokens": 3, "cost_usd": 0.1}),
    (
        records.make_score, Score,
        {"unit": Unit("1"), "level": "rubric", "name": "r", "value": 0.5, "rule": "placed"},
    ),
    (
        records.make_verdict, Verdict,
        {"rater": "a", "unit": Unit("1"), "criterion": "c", "probs": (), "label": "yes", "value": 1.0},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "record", "given"), MADE, ids=[record.__name__ for _, record, _ in MADE])
def test_what_a_maker_makes_is_a_record_of_its_class_in_all(make, record, given):
    made, usual = make(**given), record(**given)

    assert type(made) is record
    assert made == usual
    assert repr(made) == repr(usual)
    assert replace(made) == copy.copy(made) == copy.deepcopy(made) == usual
    for own in fields(record):
        with pytest.raises(FrozenInstanceError):
            setattr(made, own.name, getattr(usual, own.name))
    with pytest.raises((AttributeError, TypeError)):
        made.another = 1


@pytest.mark.parametrize(("make", "record", "given"), MADE, ids=[record.__name__ for _, record, _ in MADE])
def test_a_field_left_out_or_unknown_is_one_there_too(make, record, given):
    for call in ({**given, "unknown": 1}, dict(list(given.items())[1:]) if record is not Reply else {"x": 1}):
        with pytest.raises(TypeError):
            make(**call)
        with pytest.raises(TypeError):
            record(**call)


def test_no_two_records_share_a_mapping_that_was_left_out():
    given = {"unit": Unit("1"), "level": "rubric", "name": "r", "value": 0.5, "rule": "placed"}

    assert records.make_score(**given).spread is not records.make_score(**given).spread


def test_a_verdict_made_so_holds_what_a_file_can_hold():
    given = {"rater": "a", "unit": Unit("1"), "criterion": "c", "probs": (), "label": "yes", "value": 1.0}

    made = records.make_verdict(**given, rationale="half \ud800", tags=("\ud800",))

    assert made == Verdict(**given, rationale="half \ud800", tags=("\ud800",))
    (made.rationale + made.tags[0]).encode()
