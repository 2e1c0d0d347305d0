"""Recorded verdicts and labels -> outcomes: what each row means, and one clear message for what is wrong."""

import pandas as pd
import pytest

from judgekit.errors import InputError
from judgekit.recordings import ingest
from judgekit.rubric import Rubric
from judgekit.types import Verdict

KIND = Rubric(id="r", criteria=[{"id": "kind", "text": "Is it kind?"}])
UNSURE = {"labels": ["no", "yes"], "cannot_tell": "cannot tell"}
SURE = Rubric(id="r", criteria=[{"id": "kind", "text": "Is it kind?", "scale": UNSURE}])
FIVE = Rubric(id="r", criteria=[{"id": "kind", "text": "How kind is it?", "scale": "1-5"}])
ROW = {"item_id": "1", "rater": "ann", "label": "yes"}
PAIR = {"item_id": "1", "rater": "ann", "first": "x", "second": "y", "label": "A"}


def only(row, rubric=KIND, **options):
    [outcome] = ingest([row], rubric, **options)
    return outcome


@pytest.mark.parametrize(
    ("label", "shown", "about", "winner"),
    [
        ("A", "given", "shown", "first"), ("A", "swapped", "shown", "second"),
        ("A", "given", "item", "first"), ("A", "swapped", "item", "first"),
        ("2", "swapped", "shown", "first"), ("second", "swapped", "item", "second"),
        (0, "swapped", "shown", "tie"), (1.0, "swapped", "shown", "second"),
    ],
)  # fmt: skip
def test_a_label_of_a_pair_is_about_the_order_shown_or_the_items(label, shown, about, winner):
    outcome = only({**PAIR, "label": label, "shown": shown}, protocol="compare", labels_about=about)

    assert outcome.label == winner
    assert outcome.shown == (("x", "y") if shown == "given" else ("y", "x"))


def test_a_person_who_cannot_tell_abstains():
    outcome = only({**ROW, "label": "cannot tell"}, SURE, people=True)

    assert (outcome.rater, outcome.reason) == ("ann", "undecided")


@pytest.mark.parametrize(
    ("text", "said"),
    [("Kind. [RESULT] 4", "4"), ("Kind. [RESULT] 9", "off_scale"), ("Kind. I say 4", "malformed")],
)
def test_a_mark_behind_the_marker_is_on_the_scale_or_no_verdict(text, said):
    outcome = only({"item_id": "1", "rater": "j", "text": text}, FIVE, reader="result_marker")

    assert (outcome.label if isinstance(outcome, Verdict) else outcome.reason) == said


@pytest.mark.parametrize("sample", [2, "2", 2.0, "2.0"])
def test_a_sample_is_a_whole_number_however_it_is_written(sample):
    assert only({**ROW, "sample": sample}).sample == 2


@pytest.mark.parametrize("rater", [7, "7", " 7 "])
def test_a_name_is_one_however_it_is_written(rater):
    assert only({**ROW, "rater": rater}).rater == only({**ROW, "rater": None}, rater="7").rater == "7"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{**ROW, "sample": "x"}], r"row 1: sample is 'x', not a whole number from 0"),
        ([ROW, {**ROW, "sample": "1.5"}], r"row 2: sample is '1.5'"),
        ([{**ROW, "sample": [1]}], r"row 1: sample is \[1\]"),
        ([{**ROW, "sample": -1}], r"row 1: sample is -1"),
        ([{**ROW, "sample": True}], r"row 1: sample is True"),
        ([{**ROW, "sample": float("inf")}], r"row 1: sample is inf"),
        ([{**ROW, "rater": ["ann"]}], r"row 1: rater: \['ann'\] is a list"),
        ([{**ROW, "rater": 1}, {**ROW, "rater": "1"}], r"row 2: '1' labels item '1'.* twice.*row 1"),
        ([{**ROW, "criterion": ["kind"]}], r"row 1: criterion: \['kind'\] is a list"),
        ([{**ROW, "criterion": "rude"}], r"row 1: no criterion 'rude'"),
        ([{**ROW, "item_id": 1.5}], r"row 1: item_id 1.5 is a float"),
        ([{**ROW, "label": "maybe"}], r"row 1: label 'maybe' is not on the scale"),
        ([{"item_id": "1", "label": "yes"}], r"row 1: no rater"),
        (["yes"], r"row 1: a str, not a row"),
        ([{"item_id": "1", "rater": "ann", "said": "yes"}], r"no column 'label'; found .*'said'\]; map it"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_input_error_that_names_it(rows, message):
    with pytest.raises(InputError, match=message):
        ingest(rows, KIND, people=True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**PAIR, "second": "x"}, r"row 1: first and second are both 'x'"),
        ({**PAIR, "first": 7, "second": "7"}, r"row 1: first and second are both '7'"),
        ({**PAIR, "shown": "sideways"}, r"row 1: shown is 'sideways'"),
        ({**PAIR, "label": "C"}, r"row 1: label 'C' names no winner"),
    ],
)
def test_a_bad_pair_is_one_input_error_that_names_it(row, message):
    with pytest.raises(InputError, match=message):
        ingest([row], KIND, protocol="compare")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "score"}, r"no protocol 'score'; there are grade, compare"),
        ({"reader": "guess"}, r"no reader 'guess'; there are auto"),
        ({"labels_about": "showed"}, r"no labels_about 'showed'; did you mean 'shown'"),
        ({"columns": {"lable": "label"}}, r"no column of ours is called 'lable'; is it 'label'\?"),
        ({"rater": ["ann"]}, r"rater: \['ann'\] is a list"),
    ],
)
def test_a_bad_option_is_refused_before_any_row_is_read(options, message):
    with pytest.raises(InputError, match=message):
        ingest(iter([None]), KIND, **options)


@pytest.mark.parametrize("kind", ["rows", "frame", "csv", "jsonl"])
def test_a_column_that_is_not_there_is_named_and_not_read_as_gaps(kind, tmp_path):
    frame = pd.DataFrame([ROW, {**ROW, "item_id": "2"}])
    source = {"rows": frame.to_dict("records"), "frame": frame}.get(kind, tmp_path / f"labels.{kind}")
    if kind == "csv":
        frame.to_csv(source, index=False)
    elif kind == "jsonl":
        frame.to_json(source, orient="records", lines=True)

    assert len(ingest(source, KIND)) == 2
    with pytest.raises(InputError, match=r"no column 'lable'; found \['item_id', 'label', 'rater'\]; map it"):
        ingest(source, KIND, columns={"label": "lable"})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.jsonl", '{"item_id": 1, "rater": "a", "label": "yes"}\n{"item_id"\n', r"l.jsonl:2: is not JSON"),
        ("l.csv", "item_id,rater,label\n1,a,yes\n2,a\n", r"l.csv:3: has 2 fields, the header 3"),
    ],
)
def test_a_broken_line_says_what_is_broken(name, text, message, tmp_path):
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(InputError, match=message):
        ingest(path, KIND)


def test_names_of_columns_that_others_read_are_let_pass(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("item_id,rater,label,subject\n1,ann,yes,biology\n")

    assert len(ingest(path, KIND, columns={"topic": "subject"})) == 1
    with pytest.raises(InputError, match="no column 'subjekt'"):
        ingest(path, KIND, columns={"topic": "subjekt"})
