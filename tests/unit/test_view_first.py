"""The numbers of the first screen are those of `run.json`, and of pandas on the same rows."""

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import judgekit as jk
from judgekit.view.data import payload
from judgekit.view.page import study_of

RUBRIC = {
    "id": "support",
    "criteria": [
        {"id": "correct", "text": "Is it supported?", "weight": 3},
        {"id": "polite", "text": "How polite is it?", "scale": {"labels": ["rude", "plain", "warm"]}},
        {"id": "safe", "text": "Is it free of private data?", "gate": True},
    ],
}
ITEMS = [
    {"id": f"{n}", "task": f"Where is parcel {n}?", "system": system, "response": f"At depot {n}, {system}."}
    for n in range(25)
    for system in ("alpha", "beta")
]


def says(name: str) -> Callable[[jk.Call], Any]:
    """A judge whose words follow from its name and from what it is asked; sometimes it refuses."""

    def answer(call: jk.Call) -> Any:
        rng = random.Random(f"{name} {call.shown} {call.sample} {[ask.about for ask in call.asks]}")  # noqa: S311
        if rng.random() < 0.05:
            return jk.Reply(fault="refused", detail="no")
        labels = [said for said, _ in call.meant] or call.asks[0].scale.labels
        label = rng.choice([*labels, labels[-1]])
        reply = {"evidence": ["At depot"], "rationale": f"it is {label}", "label": label}
        return jk.Reply(json.dumps(reply), model=name, cost_usd=0.001, input_tokens=9, output_tokens=3)

    return answer


JUDGES = [jk.Scripted(name, says(name), revision="1") for name in ("small", "large")]


@pytest.fixture(scope="module", params=["grade", "compare"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> jk.Run:
    ledger = tmp_path_factory.mktemp("run") / "ledger.sqlite"
    verb = jk.score if request.param == "grade" else jk.compare
    return verb(ITEMS, RUBRIC, JUDGES, samples=2, ledger=ledger)


@pytest.fixture(scope="module")
def first(run: jk.Run) -> dict[str, Any]:
    found: dict[str, Any] = payload(study_of(run, items=ITEMS))["runs"][0]["first"]
    return found


def test_counts_are_those_of_the_summary_and_of_the_rows(run: jk.Run, first: dict[str, Any]):
    outcomes, counts = run.frame("outcomes"), first["counts"]

    assert counts["items"] == run.summary["items"] == outcomes.item_id.nunique()
    assert counts["units"] == len(set(zip(outcomes.item_id, outcomes.responses.map(tuple), strict=True)))
    assert counts["verdicts"] == run.summary["verdicts"] == (outcomes.kind == "verdict").sum()
    assert counts["scores"] == len(run.frame("scores"))
    assert counts["calls"] == run.summary["calls"]
    assert first["abstentions"] == run.summary["abstentions"] == outcomes.reason.value_counts().to_dict()
    for name in ("cost_usd", "input_tokens", "output_tokens", "seconds"):
        assert first[name] == run.summary[name]
    assert {name: each["models"] for name, each in first["judges"].items()} == run.summary["models"]


def test_strips_are_those_of_the_verdicts(run: jk.Run, first: dict[str, Any]):
    outcomes, scores = run.frame("outcomes"), run.frame("scores")
    scores = scores[scores.level == "criterion"]
    assert [strip["id"] for strip in first["criteria"]] == ["correct", "polite", "safe"]
    for strip in first["criteria"]:
        own = outcomes[outcomes.criterion == strip["id"]]
        said, spread = own[own.kind == "verdict"], scores[scores.name == strip["id"]]
        assert (strip["n"], strip["abstained"]) == (len(said), (own.kind == "abstention").sum())
        assert strip["mean"] == pytest.approx(said.value.mean())
        assert strip["histogram"] == np.histogram(said.value, bins=10, range=(0, 1))[0].tolist()
        assert strip["labels"] == said.label.value_counts().to_dict()
        assert strip["spread_judge"] == pytest.approx(spread.spread_judge.mean())
        assert strip["spread_sample"] == pytest.approx(spread.spread_sample.mean())


def test_the_order_effect_is_the_mean_shift_over_pairs_and_judges(run: jk.Run, first: dict[str, Any]):
    outcomes = run.frame("outcomes")
    if run.summary["protocol"] == "grade":
        assert [strip["order_effect"] for strip in first["criteria"]] == [None] * 3
        return
    said = outcomes[outcomes.kind == "verdict"].assign(turned=lambda f: f.responses != f.shown)
    for strip in first["criteria"]:
        own = said[said.criterion == strip["id"]]
        means = own.pivot_table(values="value", index=["item_id", "rater"], columns="turned").dropna()
        assert strip["order_effect"] == pytest.approx((means[False] - means[True]).mean())


def test_means_of_systems_have_the_interval_of_their_items(run: jk.Run, first: dict[str, Any]):
    scores = run.frame("scores")
    scores = scores[scores.level == "rubric"]
    if run.summary["protocol"] == "grade":
        values = scores.pivot_table(values="value", index="item_id", columns="system", dropna=False)
    else:
        values = pd.DataFrame({"alpha": scores.value, "beta": 1 - scores.value})

    assert [each["name"] for each in first["systems"]] == ["alpha", "beta"]
    for each in first["systems"]:
        own = values[each["name"]].dropna()
        low, high = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
        assert (each["n"], each["missing"]) == (len(own), values[each["name"]].isna().sum())
        assert each["mean"] == pytest.approx(own.mean())
        assert (each["low"], each["high"]) == pytest.approx((low, high))


def test_agreement_is_what_agree_says():
    run = jk.score(ITEMS, RUBRIC, JUDGES, ledger=None)
    labels = [
        {"item_id": row["id"], "response_id": row["system"], "criterion": "correct", "rater": "ann",
         "label": "yes" if int(row["id"]) % 3 else "no"}
        for row in ITEMS
    ]  # fmt: skip
    said = payload(study_of(run, items=ITEMS, labels=labels))["runs"][0]["first"]["agreement"]

    audit = jk.agree(run, labels=labels, items=ITEMS, rubric=RUBRIC)

    assert [(row["rater"], row["name"], row["value"], row["low"], row["high"]) for row in said] == [
        (each.judge, each.main.name, each.main.value, each.main.low, each.main.high)
        for criterion in audit.criteria for each in criterion.judges
    ]  # fmt: skip
    assert said
