"""Rows of outcomes and scores: what is read back, and what is refused by name."""

import json
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.table import columns_in, json_line, outcome_row, read_outcomes, score_row, write_parquet
from judgekit.types import Abstention, Evidence, Score, Unit, Verdict

YES = Verdict(
    "j", Unit("1", ("r",)), "kind", (("no", 0.25), ("yes", 0.75)), "yes", 0.75, "logprob",
    evidence=(Evidence("sorry", "response", True, "exact"),), tags=("late",), shown=("r",),
)  # fmt: skip
NONE = Abstention("j", Unit("2", ("r",)), "kind", "refused", "I would rather not", ("r",))
LABELS = [{"item_id": i, "rater": "ann", "label": "yes"} for i in (1, 2)]


def row(**changes):
    return {**outcome_row(YES), **changes}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A folder with the outcomes as JSONL and as Parquet."""
    lines = tmp_path / "outcomes.jsonl"
    lines.write_bytes(json_line(outcome_row(YES)) + json_line(outcome_row(NONE)))
    if not write_parquet([outcome_row(YES), outcome_row(NONE)], tmp_path / "outcomes.parquet", "outcomes"):
        pytest.skip("pyarrow is not installed")
    return tmp_path


@pytest.mark.parametrize("name", ["outcomes.jsonl", "outcomes.parquet"])
def test_outcomes_are_read_back_from_either_file_of_a_run(stored, name):
    assert read_outcomes(stored / name) == [YES, NONE]
    assert columns_in(stored / name) == set(outcome_row(YES))


def test_outcomes_are_read_back_from_a_frame_and_from_rows():
    rows = [outcome_row(YES), outcome_row(NONE)]

    assert read_outcomes(jk.Run((), (YES, NONE), {}).frame("outcomes")) == [YES, NONE]
    assert read_outcomes(rows) == [YES, NONE]


def test_looking_at_the_columns_of_an_iterator_takes_nothing_from_it():
    rows = iter([outcome_row(YES)])

    assert columns_in(rows) == frozenset()
    assert read_outcomes(rows) == [YES]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("3", "an int, not a row of outcomes"),
        ("[]", "a list, not a row of outcomes"),
        ("null", "None, not a row of outcomes"),
        ("{", "holds only the start of a value"),
        ("{}", "has kind None, not 'verdict' or 'abstention'"),
        (json.dumps(row(responses=None)), "responses is None; in a row of kind 'verdict' it holds a list"),
        (json.dumps(row(responses="ab")), "responses is 'ab'"),
        (json.dumps(row(probs=None)), "probs is None; in a row of kind 'verdict' it holds an object"),
        (json.dumps(row(probs=[["yes", 1]])), "probs is"),
        (json.dumps(row(value="1")), "value is '1'; in a row of kind 'verdict' it holds a number"),
        (
            json.dumps(row(confidence="7")),
            "confidence is '7'; in a row of kind 'verdict' it holds a number or null",
        ),
        (json.dumps(row(evidence=["sorry"])), "evidence is a list of quotations"),
        (json.dumps(row(kind="abstention")), "reason is None; in a row of kind 'abstention' it holds a text"),
    ],
)
def test_a_line_that_is_no_outcome_is_refused_with_its_place(tmp_path, line, why):
    path = tmp_path / "outcomes.jsonl"
    path.write_bytes(json_line(outcome_row(NONE)) + line.encode() + b"\n")

    with pytest.raises(InputError) as error:
        read_outcomes(path)

    assert f"{path}:2: " in str(error.value)
    assert why in str(error.value)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    short = outcome_row(YES)
    del short["sample"]
    path.write_bytes(json_line(short))

    with pytest.raises(InputError, match=r"outcomes\.jsonl:1: a row of outcomes has no column 'sample'"):
        read_outcomes(path)


def test_a_file_that_is_not_there_or_not_of_its_kind_is_refused_by_name(tmp_path):
    binary = tmp_path / "outcomes.jsonl"
    binary.write_bytes(b"PAR1\x15\x04\xff\xfe")
    named = tmp_path / "outcomes.parquet"
    named.write_bytes(b"{}\n")

    with pytest.raises(InputError, match=r"nowhere\.jsonl: cannot be read"):
        read_outcomes(tmp_path / "nowhere.jsonl")
    with pytest.raises(InputError, match=r"outcomes\.jsonl:1: is not UTF-8"):
        read_outcomes(binary)
    with pytest.raises(InputError, match=r"outcomes\.parquet: is not Parquet"):
        read_outcomes(named)


def test_agree_knows_outcomes_in_every_form_a_run_has_them(stored):
    frame = jk.Run((), (YES, NONE), {}).frame("outcomes")

    for verdicts in (stored / "outcomes.jsonl", stored / "outcomes.parquet", frame, (YES, NONE)):
        [criterion] = jk.agree(verdicts, labels=LABELS, scale="yes_no", b=10).criteria
        assert [judge.abstained for judge in criterion.judges] == [{"refused": 1}]


def test_agree_refuses_outcomes_that_a_spreadsheet_has_flattened(tmp_path):
    path = tmp_path / "outcomes.csv"
    jk.Run((), (YES,), {}).frame("outcomes").to_csv(path, index=False)

    with pytest.raises(InputError, match=r"outcomes\.csv:2: responses is .*it holds a list"):
        jk.agree(path, labels=LABELS, scale="yes_no")


def test_a_row_of_scores_counts_what_was_not_answered():
    score = Score(Unit("1", ("r",)), "criterion", "kind", None, "placed", n_abstained={"refused": 1})

    assert score_row(score)["n_abstained"] == {"refused": 1}
