"""Laws of the records: outcomes and scores come back from JSONL and Parquet as they went in."""

import json
import math
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judgekit.table import (
    COLUMNS,
    json_line,
    outcome_of,
    outcome_row,
    read_outcomes,
    score_row,
    write_parquet,
)
from judgekit.types import Abstention, Evidence, Outcome, Score, Unit, Verdict

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = text.filter(bool)
share = st.floats(0.0, 1.0)
number = st.floats(allow_nan=False, allow_infinity=False)
units = st.builds(Unit, names, st.lists(names, max_size=2).map(tuple), st.just("") | names)
probs = st.dictionaries(names, st.floats(1e-9, 1.0), min_size=1, max_size=4).map(lambda d: tuple(d.items()))
words = st.lists(text, max_size=3).map(tuple)
evidence = st.builds(Evidence, text, text, st.booleans())
REASONS = [
    "refused", "truncated", "malformed", "missing", "off_scale", "undecided", "unsupported", "unfounded",
    "too_long", "blocked", "unreachable", "over_budget", "cancelled",
]  # fmt: skip
verdicts = st.builds(
    Verdict, rater=names, unit=units, criterion=names, probs=probs, label=names, value=share,
    source=st.sampled_from(["text", "logprob", "decision", "sample", "human", "control"]), mass=share,
    undecided=share, confidence=st.none() | share, rationale=text,
    evidence=st.lists(evidence, max_size=2).map(tuple), tags=words, flags=words,
    shown=words, sample=st.integers(0, 9), call=text,
)  # fmt: skip
abstentions = st.builds(
    Abstention, names, units, names, st.sampled_from(REASONS), text, words, st.integers(0, 9), text
)
outcomes = verdicts | abstentions
scores = st.builds(
    Score, units, st.sampled_from(["criterion", "dimension", "rubric"]), names, st.none() | number,
    st.sampled_from(["placed", "published", "published_clipped"]), st.none() | number, st.none() | number,
    st.integers(0, 99), st.dictionaries(st.sampled_from(REASONS), st.integers(1, 99), max_size=3),
    st.dictionaries(st.sampled_from(["judge", "sample"]), share, max_size=2), share, st.just("") | names,
    text,
)  # fmt: skip


@given(outcomes)
def test_an_outcome_survives_a_line_of_jsonl(outcome: Outcome):
    assert outcome_of(orjson.loads(json_line(outcome_row(outcome)))) == outcome


@given(outcomes)
def test_another_reader_of_json_sees_the_same(outcome: Outcome):
    assert outcome_of(json.loads(json_line(outcome_row(outcome)))) == outcome


@given(scores)
def test_a_score_survives_a_line_of_jsonl(score: Score):
    assert orjson.loads(json_line(score_row(score))) == score_row(score)


@given(outcomes, scores)
def test_a_row_has_the_documented_columns_in_their_order(outcome: Outcome, score: Score):
    assert list(outcome_row(outcome)) == list(COLUMNS["outcomes"])
    assert list(score_row(score)) == list(COLUMNS["scores"])


@given(st.lists(outcomes, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_outcomes_is_read_back_whole(tmp_path: Path, some: list[Outcome]):
    path = tmp_path / "outcomes.jsonl"
    path.write_bytes(b"".join(json_line(outcome_row(each)) for each in some))

    assert read_outcomes(path) == some


def parquet_rows(path: Path, kind: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSONL has them, turned into Parquet and read again; maps as dicts."""
    pq = pytest.importorskip("pyarrow.parquet")
    target = path / f"{kind}.parquet"
    assert write_parquet((json.loads(json_line(row)) for row in rows), target, kind)
    table = pq.read_table(target)
    assert table.column_names == list(COLUMNS[kind])
    found: list[dict[str, Any]] = table.to_pylist()
    for row in found:
        for name in ("probs", "n_abstained", "item_tags"):
            if row.get(name) is not None:
                row[name] = dict(row[name])
    return found


@given(st.lists(outcomes, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parquet_keeps_every_column_of_the_outcomes(tmp_path: Path, some: list[Outcome]):
    rows = [outcome_row(each) for each in some]

    found = parquet_rows(tmp_path, "outcomes", rows)

    assert found == rows
    assert [outcome_of(row) for row in found] == some


@given(st.lists(scores, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parquet_keeps_every_column_of_the_scores(tmp_path: Path, some: list[Score]):
    rows = [score_row(each) for each in some]

    assert parquet_rows(tmp_path, "scores", rows) == rows


@given(scores)
def test_what_is_missing_is_null_and_never_a_number(score: Score):
    row = orjson.loads(json_line(score_row(score)))

    for name, value in (("value", score.value), ("low", score.low), ("high", score.high)):
        assert (row[name] is None) == (value is None)
        assert value is None or math.isfinite(row[name])
    assert row["spread_judge"] == score.spread.get("judge")
