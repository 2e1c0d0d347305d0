"""Runs, scores, long and wide tables become systems by items."""

# ruff: noqa: PD011 - these values are of no frame

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from judgekit.errors import InputError
from judgekit.types import Score, Unit
from judgekit.verbs.answers import answers_of

LONG = "item_id,system,score,reason\n1,new,1,\n1,old,0,\n2,new,0.5,\n2,old,,refused\n"
WIDE = "item_id,new,old\n1,1,0\n2,0.5,\n"


@pytest.mark.parametrize("text", [LONG, WIDE, WIDE.replace("item_id", "question")])
def test_a_long_and_a_wide_table_say_the_same(tmp_path: Path, text: str):
    (tmp_path / "table.csv").write_text(text, encoding="utf-8")

    table = answers_of(tmp_path / "table.csv")

    assert (table.systems, table.items) == (("new", "old"), ("1", "2"))
    assert table.values.tolist()[0] == [1.0, 0.5]
    assert table.values[1, 0] == 0.0
    assert np.isnan(table.values[1, 1])
    assert table.missing == {"old": {"refused" if text == LONG else "missing": 1}}


def test_frames_and_rows_are_tables_too_and_columns_may_have_other_names():
    rows = [{"q": "1", "model": "new", "points": 1}, {"q": "1", "model": "new", "points": 0}]

    for source in (rows, pd.DataFrame(rows)):
        table = answers_of(source, columns={"item_id": "q", "score": "points"})

        assert (table.systems, table.items, table.values.tolist()) == (("new",), ("1",), [[0.5]])


def scores(system: str, *values: float | None):
    return [
        Score(
            Unit(str(n), ("response",)), level, name, value, "placed", system=system,
            n_abstained={} if value is not None else {"refused": 2, "malformed": 1},
        )
        for n, value in enumerate(values)
        for level, name in (("rubric", "whole"), ("criterion", "polite"))
    ]  # fmt: skip


def test_scores_give_the_rubric_s_or_a_criterion_and_why_one_is_missing():
    table = answers_of(scores("new", 0.2, None), scores("old", 0.4, 0.6))

    assert table.values.tolist()[1] == [0.4, 0.6]
    assert table.missing == {"new": {"refused": 1}}
    assert answers_of(scores("new", 0.2), criterion="polite").values.tolist() == [[0.2]]


def test_a_file_of_scores_is_read_as_the_scores_it_came_from(tmp_path: Path):
    from judgekit.table import json_line, score_row

    path = tmp_path / "scores.jsonl"
    path.write_bytes(b"".join(json_line(score_row(each)) for each in scores("new", 0.2, 0.8)))

    assert answers_of(path).values.tolist() == [[0.2, 0.8]]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "no score of a system"),
        ([{"item_id": "1", "new": "fine"}], "column 'new' is 'fine', not a number"),
        ([{"item_id": "1", "system": "a", "score": True}], "not a number"),
        ([{"item_id": 1.5, "new": 1}], "is a float"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(rows, told: str):
    with pytest.raises(InputError, match=told):
        answers_of(rows)


def test_a_criterion_and_a_column_that_are_not_there_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="no criterion 'kind' in the scores; there are"):
        answers_of(scores("new", 0.2), criterion="kind")
    with pytest.raises(InputError, match="no column 'points', named as score"):
        answers_of([{"item_id": "1", "new": 1}], columns={"score": "points"})
    with pytest.raises(InputError, match="there is no such file"):
        answers_of(tmp_path / "gone.csv")


def test_lines_of_json_with_columns_of_their_own_are_a_table(tmp_path: Path):
    path = tmp_path / "table.jsonl"
    path.write_text(
        "".join(json.dumps({"item_id": str(n), "\u65b0": n / 2}) + "\n" for n in range(3)), encoding="utf-8"
    )

    assert answers_of(path).values.tolist() == [[0.0, 0.5, 1.0]]
    assert answers_of(path).systems == ("\u65b0",)
