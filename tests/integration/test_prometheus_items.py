import importlib.util
import json
from pathlib import Path

import pytest

from judgekit.rubric.model import Rubric

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "prometheus_k3"

spec = importlib.util.spec_from_file_location("prometheus_items", ROOT / "benchmarks" / "prometheus_items.py")
prometheus_items = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prometheus_items)

SCORES = "[Is it kind?]\n" + "\n".join(f"Score {n}: level {n}" for n in range(1, 6))


def prompt(*, response: str = "It is at the depot.", scores: str = SCORES) -> str:
    texts = ["Grade it.", "Where is my parcel?", response, "At the depot.", scores, ""]
    return "".join(h + text for h, text in zip(prometheus_items.HEADINGS, texts, strict=True))


def record(**changes) -> dict:
    base = {"idx": 7, "response_source": "vicuna", "category": "generic", "instruction": prompt()}
    return base | changes


def test_a_prompt_becomes_an_item_with_its_own_rubric():
    row = prometheus_items.item(record(), source="vicuna_eval")

    assert (row["task"], row["response"], row["reference"]) == (
        "Where is my parcel?",
        "It is at the depot.",
        "At the depot.",
    )
    assert (row["item_id"], row["system"]) == ("7-vicuna", "vicuna")
    [criterion] = Rubric.model_validate(row["rubric"]).leaves
    assert criterion.text == "Is it kind?"
    assert criterion.anchors == {str(n): f"level {n}" for n in range(1, 6)}


def test_other_headings_in_a_response_are_its_own():
    response = "### Steps\n###Notes:\nAsk.\n\n"

    row = prometheus_items.item(record(instruction=prompt(response=response)), source="vicuna_eval")

    assert row["response"] == response


@pytest.mark.parametrize(
    ("instruction", "complaint"),
    [
        (prompt(response="###Score Rubrics:\n[Is it long?]"), "'###Score Rubrics:' stands 2 times"),
        (prompt().replace("###Feedback:", "###Verdict:"), "'###Feedback:' stands 0 times"),
        ("Hello. " + prompt(), "known order"),
        (prompt(scores=SCORES.replace("Score 5", "Score 6")), "scores 1 to 5"),
    ],
)
def test_a_prompt_that_could_be_split_in_two_ways_is_refused(instruction: str, complaint: str):
    with pytest.raises(ValueError, match=f"vicuna_eval, record 7-vicuna: .*{complaint}"):
        prometheus_items.item(record(instruction=instruction), source="vicuna_eval")


def test_two_records_with_one_id_are_refused(tmp_path: Path):
    (tmp_path / "set.json").write_text(json.dumps([record(), record()]), encoding="utf-8")

    with pytest.raises(ValueError, match="two records are 7-vicuna"):
        list(prometheus_items.items(tmp_path / "set.json"))


def test_the_command_writes_json_lines(tmp_path: Path):
    (tmp_path / "set.json").write_text(json.dumps([record(), record(idx=8)]), encoding="utf-8")

    prometheus_items.main([str(tmp_path / "set.json"), "--n", "1", "--out", str(tmp_path / "items.jsonl")])

    [line] = (tmp_path / "items.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["item_id"] == "7-vicuna"


@pytest.mark.parametrize("name", ["vicuna_eval.json", "mt_bench_eval.json"])
def test_the_published_sets_split_to_the_letter(name: str):
    if not (DATA / name).is_file():
        pytest.skip(f"the Prometheus sets are not here: {DATA / name}")

    rows = list(prometheus_items.items(DATA / name))

    assert len(rows) == 320
    assert all(row["task"] and row["response"] and row["reference"] for row in rows)
    assert len({Rubric.model_validate(row["rubric"]).digest for row in rows}) > 1
