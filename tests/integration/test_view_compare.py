"""Two runs on one page: what differs, by how much, and which verdicts changed."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import judgekit as jk
from judgekit.agreement.association.comparing import paired_difference
from judgekit.view.data import payload
from judgekit.view.page import study_of

RUBRIC = {
    "id": "tone",
    "criteria": [
        {"id": "kind", "text": "Is it kind?"},
        {"id": "clear", "text": "How clear is it?", "scale": {"labels": ["low", "middle", "high"]}},
    ],
}
ITEMS = [
    {"id": f"{n:02}", "task": f"Hi {n}", "response": f"Hello {n} {system}", "system": system}
    for n in range(30) for system in ("a", "b")
]  # fmt: skip
FLIPS = {
    ("03", "a", "kind"), ("07", "b", "kind"), ("11", "a", "clear"), ("21", "b", "kind"), ("29", "a", "clear"),
}  # fmt: skip


def says(flipped: bool) -> Callable[[jk.Call], str]:
    """A judge that follows from the question, but for what is flipped: from the last label to the first."""

    def answer(call: jk.Call) -> str:
        [ask] = call.asks
        labels = list(ask.scale.labels)
        planted = (ask.unit.item_id, call.shown[0], ask.criterion) in FLIPS
        label = labels[0 if flipped else -1] if planted else labels[int(ask.unit.item_id) % len(labels)]
        return json.dumps({"label": label, "rationale": f"{label} it is"})

    return answer


def judged(flipped: bool, rubric: Any = RUBRIC) -> jk.Run:
    return jk.score(ITEMS, rubric, jk.Scripted("judge", says(flipped)), ledger=None)


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return payload(study_of(judged(True), judged(False), items=ITEMS))


def test_the_five_planted_flips_and_nothing_else_are_shown(data: dict[str, Any]):
    mine, theirs = data["runs"]
    changed = data["compare"]["changed"]

    def about(run: dict[str, Any], n: int, criterion: int) -> tuple[str, str, str]:
        item, [[response, _, _]], _ = run["units"][n]
        return run["items"][item]["id"], response, run["names"]["criteria"][criterion]

    assert {about(mine, unit, criterion) for unit, _, criterion, *_ in changed} == FLIPS
    assert all(about(mine, u, c) == about(theirs, o, c) for u, o, c, *_ in changed)
    assert [(before, after) for *_, before, after in changed] == [(1.0, 0.0)] * 5
    bit = 1 << mine["names"]["marks"].index("changed")
    marked = [n for n, marks in enumerate(mine["marks"]) if marks & bit]
    assert marked == sorted({unit for unit, *_ in changed})
    assert [n for n, size in enumerate(mine["sorts"]["change"]) if size is not None] == marked


def test_differences_are_those_of_the_paired_statistic(data: dict[str, Any]):
    frames = [judged(flipped).frame("scores") for flipped in (True, False)]
    whole, kind = (
        [frame[(frame.level == level) & (frame.name == name)] for frame in frames]
        for level, name in (("rubric", "tone"), ("criterion", "kind"))
    )
    by = {(each["level"], each["name"]): each for each in data["compare"]["by"]}

    for found, (first, second) in ((by["all", "all"], whole), (by["criterion", "kind"], kind)):
        wanted = paired_difference(first.value, second.value, clusters=first.item_id).difference
        assert (found["value"], found["low"], found["high"]) == pytest.approx(
            (wanted.value, wanted.low, wanted.high)
        )
        moved = np.sign(first.value.to_numpy() - second.value.to_numpy())
        assert (found["better"], found["worse"], found["same"]) == tuple(
            int((moved == sign).sum()) for sign in (1, -1, 0)
        )


def test_another_rubric_is_announced():
    other = {**RUBRIC, "criteria": [{**RUBRIC["criteria"][0], "weight": 3}, RUBRIC["criteria"][1]]}

    differs = payload(study_of(judged(True, other), judged(False), items=ITEMS))["compare"]["differs"]

    digests = [jk.load_rubric(each).digest[:12] for each in (other, RUBRIC)]
    assert any(all(digest in sentence for digest in digests) for sentence in differs)
