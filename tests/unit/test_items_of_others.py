"""Rows as HealthBench and Prometheus publish them: items with their own rubrics."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from judgekit import score
from judgekit.cli import app
from judgekit.errors import InputError
from judgekit.items import read_items
from judgekit.judges.resolve import Scripted
from judgekit.rubric.foreign import healthbench, prometheus
from judgekit.rubric.load import parse
from judgekit.types import Message

TURNS = [
    {"role": "user", "content": "My chest hurts."},
    {"role": "assistant", "content": "Since when?"},
    {"role": "user", "content": "An hour."},
]
RUBRICS = [
    {"criterion": "Says to call for help.", "points": 10, "tags": ["level:example", "axis:accuracy"]},
    {"criterion": "Asks about age.", "points": 5, "tags": ["axis:context_awareness"]},
    {"criterion": "Blames the person.", "points": -8, "tags": ["axis:communication_quality"]},
]
HEALTH = {
    "example_tags": ["theme:emergency_referrals", "physician_agreed_category:emergent"],
    "ideal_completions_data": None,
    "prompt": TURNS,
    "prompt_id": "2b0c-1",
    "rubrics": RUBRICS,
    "canary": "healthbench:x",
    "response": "Call an ambulance now.",
}
LEVELS = {f"score{n}_description": f"Level {n}." for n in range(1, 6)}
SCORED = {"criteria": "Is it kind?", **LEVELS}
TASK = {"instruction": "Greet me.", "response": "Hello!", "reference_answer": "Hello, dear friend!"}
COLLECTED = {
    "orig_instruction": "Greet me.",
    "orig_response": "Hello!",
    "orig_reference_answer": "Hello, dear friend!",
    "orig_criteria": "Is it kind?",
    **{f"orig_{name}": text for name, text in LEVELS.items()},
    "orig_score": "4",
    "orig_feedback": "Short.",
    "instruction": "###Task Description: ...",
    "output": "Short. [RESULT] 4",
}
PROMETHEUS = [
    {**TASK, "rubric": SCORED},
    {**TASK, "rubric": "[Is it kind?]\n" + "\n".join(f"Score {n}: Level {n}." for n in range(1, 6))},
    {**TASK, "score_rubric": json.dumps(SCORED)},
    {**TASK, **SCORED},
    COLLECTED,
]


def saved(folder: Path, suffix: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / f"items{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".csv":
        cells = [{k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows]
        pd.DataFrame(cells).to_csv(path, index=False)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_a_row_of_healthbench_is_an_item_with_its_turns_and_its_own_rubric(tmp_path: Path, suffix: str):
    [item] = read_items(saved(tmp_path, suffix, [HEALTH]))

    assert item.item_id == "2b0c-1"
    assert item.task == tuple(Message(**turn) for turn in TURNS)
    assert item.responses == {"response": "Call an ambulance now."}
    assert item.tags == {"theme": "emergency_referrals", "physician_agreed_category": "emergent"}
    (published,), _ = healthbench(HEALTH)
    assert item.rubric is not None
    assert parse(item.rubric, "own").digest == published.digest


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
@pytest.mark.parametrize("row", PROMETHEUS)
def test_a_row_of_prometheus_is_an_item_with_its_reference_and_its_own_rubric(
    tmp_path: Path, row: dict[str, Any], suffix: str
):
    first, second = read_items(saved(tmp_path, suffix, [row, row]))

    assert first.item_id != second.item_id
    assert (first.task, dict(first.responses), first.reference) == (
        "Greet me.",
        {"response": "Hello!"},
        "Hello, dear friend!",
    )
    (published,), _ = prometheus(SCORED)
    assert first.rubric is not None
    assert parse(first.rubric, "own").digest == published.digest


def test_healthbench_is_scored_by_its_own_points_without_a_rubric_named(tmp_path: Path):
    path = saved(tmp_path, ".jsonl", [HEALTH, {**HEALTH, "prompt_id": "2", "rubrics": RUBRICS[1:]}])
    judge = Scripted(
        "j", lambda call: '{"label": "no"}' if "about age" in str(call.messages) else '{"label": "yes"}'
    )

    run = score(path, None, judge, ledger=None)

    totals = {each.unit.item_id: each.value for each in run.scores if each.level == "rubric"}
    assert totals["2b0c-1"] == pytest.approx((10 - 8) / 15)
    assert totals["2"] == pytest.approx(0.0)  # -8 of 5, clipped


def test_such_rows_are_scored_from_the_command_line(tmp_path: Path):
    path = saved(tmp_path, ".jsonl", [HEALTH])

    ran = CliRunner().invoke(app, ["score", str(path), "-j", "control:longer", "--ledger", "none"])

    assert (ran.exit_code, "1 item," in ran.stdout) == (0, True)


def test_where_no_rubric_is_named_each_item_needs_its_own_before_any_call():
    rows = [HEALTH, {"id": "2", "task": "Hi?", "response": "Hello."}]

    with pytest.raises(
        InputError, match="row 2: has no rubric, which each needs where none is named for all"
    ):
        score(rows, None, Scripted("j", lambda _: pytest.fail("a call was made")), ledger=None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({k: v for k, v in HEALTH.items() if k != "response"}, "no column 'response'"),
        ({**HEALTH, "rubrics": []}, "should be a list with at least one entry"),
        ({**TASK, "rubric": {"criteria": "Is it kind?", "score1_description": "a"}}, "describes the scores"),
        ({**TASK, "rubric": {"id": "r"}}, "score1_description"),
    ],
)
def test_what_such_a_row_lacks_is_told(row: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        read_items([row])


def test_a_rows_own_columns_come_first():
    [item] = read_items([{**HEALTH, "item_id": "own", "tags": {"a": "b"}}])
    [mapped] = read_items([{**COLLECTED, "answer": "Ho."}], columns={"response": "answer"})

    assert (item.item_id, item.tags) == ("own", {"a": "b"})
    assert mapped.responses == {"response": "Ho."}
