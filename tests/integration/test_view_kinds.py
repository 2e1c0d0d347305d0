"""Runs of every kind are shown: ranks, matches, tasks, conversations, rubrics of items, recipes, cascades."""

import json
from pathlib import Path
from typing import Any

import pytest

import judgekit as jk
from judgekit.ledger import Ledger
from judgekit.ledger.tools import entry
from judgekit.view.data import payload
from judgekit.view.index import Index
from judgekit.view.page import page_of, study_of

RUBRIC = {
    "id": "r",
    "criteria": [{"id": "kind", "text": "Is it kind?"}, {"id": "true", "text": "Is it true?"}],
}
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
OF_TASK = {
    "id": "t",
    "criteria": [{"id": "clear", "text": "Is the task clear?", "about": "task"}, RUBRIC["criteria"][0]],
}
NUMBERS = {"id": "n", "criteria": [{"id": "level", "text": "How good is it?", "scale": "0-100"}]}
THREE = {name: f"Answer {name}" for name in ("a", "b", "c")}


def items(**more: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"{n}", "task": f"Why {n}?", "responses": THREE, "reference": "Answer a", **more}
        for n in range(3)
    ]


def last(call: jk.Call) -> Any:
    """The last label of each question, or the middle of its numbers; of a ranking the order shown."""
    if call.protocol == "rank":
        return json.dumps({"rationale": "so", "ranking": ["A", "B", "C"]})
    return {ask.called: getattr(ask.scale, "labels", (50,))[-1] for ask in call.asks}


KINDS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "grade": (jk.score, items(), RUBRIC, {"samples": 2}),
    "all at once": (jk.score, items(), RUBRIC, {"per_call": None}),
    "numbers": (jk.score, items(), NUMBERS, {}),
    "task": (jk.score, items(), OF_TASK, {}),
    "match": (jk.match, items(), "answer_match", {}),
    "compare": (jk.compare, items(), RUBRIC, {}),
    "rank": (jk.rank, items(), "pair_quality", {}),
    "turns": (jk.score, [{"id": "1", "task": TURNS[:1], "response": TURNS}], RUBRIC, {}),
    "own rubrics": (jk.score, items(rubric=OF_TASK), None, {}),
    "letters": (jk.score, items(), RUBRIC, {"form": "letters"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_each_kind_is_shown_whole(kind: str, tmp_path: Path):
    verb, rows, rubric, options = KINDS[kind]
    judges = [jk.Scripted(name, last, revision="1") for name in ("one", "other")]
    run = verb(rows, rubric, judges, ledger=tmp_path / "ledger.sqlite", **options)

    data = payload(study_of(run, items=rows))
    index = Index(study_of(run, items=rows), tmp_path)

    [own] = data["runs"]
    outcomes, calls = own["outcomes"], own["calls"]
    assert len(outcomes["unit"]) == len(run.outcomes)
    assert page_of(data, kind).startswith(b"<!doctype html>")
    assert json.loads(index.rows({}, 0, 500))["count"] == len(own["units"])
    assert set(calls["key"]) == {outcome.call for outcome in run.outcomes}
    for key, prompt, reply in zip(calls["key"], calls["prompt"], calls["reply"], strict=True):
        held = entry_of(tmp_path, key)
        texts = ["".join(data["texts"][place] for place in pieces) for _, pieces in prompt]
        assert texts == [each["content"] for each in held.asked["messages"]]
        assert data["texts"][reply] == held.reply.text
    said = {(o.unit, o.criterion, o.rater, o.shown, o.sample, o.call) for o in run.outcomes}
    assert len(said) == len(run.outcomes)
    for n, call in enumerate(outcomes["call"]):
        item, responses, part = own["units"][outcomes["unit"][n]]
        ids = tuple(name for name, _, _ in responses)
        shown = outcomes["shown"][n]
        order = ids if shown == 0 else ids[::-1] if shown == 1 else tuple(shown)
        criterion = own["names"]["criteria"][outcomes["criterion"][n]]
        rater = own["names"]["raters"][outcomes["rater"][n]]
        unit = jk.Unit(own["items"][item]["id"], ids, part)
        said.remove((unit, criterion, rater, order, outcomes["sample"][n], calls["key"][call]))


def entry_of(folder: Path, key: str) -> Any:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return entry(ledger, key)
