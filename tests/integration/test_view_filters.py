"""The filters and orders of the served page give the units that those of the page's own script give."""

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pandas as pd
import pytest

import judgekit as jk
from judgekit.view.data import payload
from judgekit.view.index import Index
from judgekit.view.page import json_of, study_of

CASES: list[str] = json.loads(Path(__file__).parents[1].joinpath("data/view_filters.json").read_text("utf-8"))
VIEW = Path(jk.__file__).parent / "view"
RUBRIC = {
    "id": "support",
    "criteria": [
        {"id": "correct", "text": "Is it supported?", "weight": 3},
        {"id": "polite", "text": "How polite is it?", "scale": {"labels": ["rude", "plain", "warm"]}},
        {"id": "safe", "text": "Is it free of private data?", "gate": True},
    ],
}
PLACES = ("", "in İstanbul", "in der Straße 5", ".* a\\b")
ITEMS = [
    {
        "id": f"{n}", "task": f"Where is parcel {n}? {PLACES[n % 4]}", "system": system,
        "response": f"At depot {n}, {system}.", "reference": f"Policy says {n}.",
        "tags": {"topic": "delay" if n % 3 else "refund"},
    }
    for n in range(24) for system in ("alpha", "beta")
]  # fmt: skip
SCRIPT = """
const document = { getElementById: () => null }, window = globalThis, navigator = {};
SOURCES
const [data, cases] = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const source = embedded(data);
(async () => {
  const found = [];
  for (const one of cases) found.push(await source.rows(new URLSearchParams(one), 0, 500));
  console.log(JSON.stringify(found));
})();
"""


def says(name: str) -> Callable[[jk.Call], Any]:
    """A judge that is sometimes silent, sometimes misquotes, and says what follows from the question."""

    def answer(call: jk.Call) -> Any:
        rng = random.Random(f"{name} {call.shown} {[ask.about for ask in call.asks]}")  # noqa: S311
        if rng.random() < 0.1:
            return jk.Reply(fault="refused", detail="no word on it")
        labels = [said for said, _ in call.meant] or call.asks[0].scale.labels
        label, quote = rng.choice([*labels, labels[-1]]), rng.choice(["At depot", "never said"])
        return json.dumps({"evidence": [quote], "rationale": f"it is {label}", "label": label})

    return answer


@pytest.fixture(scope="module", params=["grade", "compare"])
def run(request: pytest.FixtureRequest) -> jk.Run:
    judges = [jk.Scripted(name, says(name)) for name in ("small", "large")]
    return (jk.score if request.param == "grade" else jk.compare)(ITEMS, RUBRIC, judges, ledger=None)


@pytest.fixture(scope="module")
def served(run: jk.Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the index says to each case."""
    index = Index(study_of(run, items=ITEMS), tmp_path_factory.mktemp("index"))
    return {case: json.loads(index.rows(dict(parse_qsl(case)), 0, 500)) for case in CASES}


@pytest.fixture(scope="module")
def both(
    run: jk.Run, served: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Any, Any]]:
    """What the index and the script say to each case."""
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not there to run the page's script")
    sources = "\n".join((VIEW / name).read_text("utf-8") for name in ("base.js", "data.js", "filter.js"))
    script = tmp_path_factory.mktemp("script") / "script.js"
    script.write_text(SCRIPT.replace("SOURCES", sources), "utf-8")
    given = json_of([payload(study_of(run, items=ITEMS)), CASES])
    done = subprocess.run([node, script], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return list(zip(served.values(), json.loads(done.stdout), strict=True))


def test_counts_are_the_same_for_each_case(both: list[tuple[Any, Any]]):
    counts = {
        case: (mine["count"], theirs["count"]) for case, (mine, theirs) in zip(CASES, both, strict=True)
    }

    assert {case: each for case, each in counts.items() if each[0] != each[1]} == {}
    assert sum(0 < mine < 24 for mine, _ in counts.values()) > 10  # most cases tell units apart


def test_rows_are_the_same_and_in_the_same_order(both: list[tuple[Any, Any]]):
    for case, (mine, theirs) in zip(CASES, both, strict=True):
        assert [row["unit"] for row in mine["rows"]] == [row["unit"] for row in theirs["rows"]], case
        for one, other in zip(mine["rows"], theirs["rows"], strict=True):
            assert {name: one.get(name) for name in other} == other, case


COLUMNS = {"criterion": "criterion", "judge": "rater", "label": "label", "reason": "reason", "kind": "kind"}
TOLD = {*COLUMNS, "bin", "system", "item"}
PLAIN = [case for case in CASES if case and dict(parse_qsl(case)).keys() <= TOLD]


@pytest.mark.parametrize("case", PLAIN)
def test_counts_are_those_of_pandas_on_the_same_rows(case: str, run: jk.Run, served: dict[str, Any]):
    asked, frame = dict(parse_qsl(case)), run.frame("outcomes")
    met = pd.Series(True, index=frame.index)
    for name, column in COLUMNS.items():
        met &= frame[column] == asked[name] if name in asked else True
    if "bin" in asked:
        low = int(asked["bin"]) / 10
        met &= (frame.value >= low) & ((frame.value < low + 0.1) | (low == 0.9))
    if "item" in asked:
        met &= frame.item_id == asked["item"]
    if "system" in asked:
        met &= frame.responses.map(lambda names: asked["system"] in names)

    units = {(row.item_id, *row.responses) for row in frame[met].itertuples()}
    assert served[case]["count"] == len(units)


def test_what_criteria_gave_adds_up_to_the_score(run: jk.Run):
    [own] = payload(study_of(run, items=ITEMS))["runs"]

    rows = [each for each in own["explain"] if each["value"] is not None and each["gate"] == -1]
    assert len(rows) > 10
    for each in rows:
        assert sum(part[3] for part in each["parts"]) + each["clipped"] == pytest.approx(
            each["value"], abs=1e-12
        )
        assert each["unexplained"] is None
