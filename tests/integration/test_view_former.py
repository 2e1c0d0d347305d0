"""Runs that judgekit 0.1.0 wrote are shown; what they do not keep is said to be so."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.view.data import payload
from judgekit.view.index import Index
from judgekit.view.page import study_of

FORMER = Path(__file__).parents[1] / "data" / "0.1.0"
RUNS = sorted(path.parent.name for path in FORMER.glob("*/outcomes.jsonl.gz"))
RUNS = [name for name in RUNS if (FORMER / name / "scores.jsonl").exists()]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_the_first_version_is_shown(name: str, tmp_path: Path):
    folder = tmp_path / name
    shutil.copytree(FORMER / name, folder)
    with gzip.open(folder / "outcomes.jsonl.gz") as packed:
        (folder / "outcomes.jsonl").write_bytes(packed.read())
    outcomes = jk.load_run(folder).outcomes

    [run] = payload(study_of(folder))["runs"]
    index = Index(study_of(folder), tmp_path)

    assert len(run["outcomes"]["unit"]) == run["first"]["counts"]["outcomes"] == len(outcomes)
    assert json.loads(index.rows({}, 0, 1))["count"] == len(run["units"])
    assert len(set(run["outcomes"]["unit"])) == len({outcome.unit for outcome in outcomes})
    assert {name: about["kept"] for name, about in run["inputs"].items()} == {
        "items": False, "rubric": False, "ledger": False
    }  # fmt: skip
    assert all(about["why"] for about in run["inputs"].values())
    asked = {each.call for each in outcomes if each.call and not each.rater.startswith("control:")}
    assert set(run["calls"]["key"]) == asked  # a rule has no call
