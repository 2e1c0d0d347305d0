"""Two runs side by side: what differs, the paired statistics, and the verdicts that changed."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import judgekit as jk
from judgekit.agreement.association.comparing import paired_difference
from judgekit.cli import main
from judgekit.types import Call

CRITERIA = [
    {"id": "kind", "text": "Is it kind?", "scale": [1, 2, 3, 4, 5]},
    {"id": "clear", "text": "Clear?"},
]
RUBRIC = {"id": "r", "criteria": CRITERIA}
FLIPPED = {("3", "x"), ("8", "y"), ("9", "x"), ("17", "y"), ("29", "x")}


def items(n: int = 30) -> list[dict]:
    systems = {"x": "blue", "y": "red"}
    texts = {"x": "At the depot.", "y": "It may be anywhere."}
    return [{"id": str(i), "task": "Where?", "responses": texts, "systems": systems} for i in range(n)]


def judge(call: Call, flipped: set[tuple[str, str]] = frozenset(), to: str = "no", *, shift: bool = False):
    said = {}
    for ask in call.asks:
        at = ask.unit.item_id, ask.unit.responses[0]
        rng = random.Random(repr((at, ask.criterion)))  # noqa: S311 - drawn for a test
        label = rng.choice(ask.scale.labels)
        if ask.criterion == "clear":
            label = to if at in flipped else "yes"
        elif shift and label != "5" and rng.random() < 0.7:
            label = str(int(label) + 1)
        said[ask.called] = label
    return said


def run(name: str = "j", rubric=RUBRIC, **how) -> jk.Run:
    return jk.score(items(), rubric, jk.Scripted(name, lambda call: judge(call, **how)), ledger=None)


def test_five_planted_flips_are_the_changes_and_nothing_else():
    found = run(flipped=FLIPPED).diff(run())

    assert {(c.unit.item_id, *c.unit.responses) for c in found.changed} == FLIPPED
    assert {c[1:] for c in found.changed} == {("clear", "j", 1.0, 0.0)}
    everything, kind, clear, blue, red = found.by
    assert [(e.name, e.level) for e in found.by] == [
        ("all", "all"), ("kind", "criterion"), ("clear", "criterion"), ("blue", "system"), ("red", "system"),
    ]  # fmt: skip
    assert [(e.better, e.worse, e.same) for e in found.by] == [
        (0, 5, 55), (0, 0, 60), (0, 5, 55), (0, 3, 27), (0, 2, 28),
    ]  # fmt: skip
    assert clear.p == everything.p == pytest.approx(2 / 2**5)  # all of one sign, of 32 ways to turn five
    assert (kind.p, kind.estimate.value) == (1.0, 0.0)
    assert (blue.p, red.p) == (pytest.approx(2 / 8), pytest.approx(2 / 4))
    assert found.differs == ()


def test_the_interval_is_that_of_the_paired_statistic_over_items():
    mine, theirs = run(shift=True), run()
    found = mine.diff(theirs)

    def column(each: jk.Run) -> tuple[list[float], list[str]]:
        own = [s for s in each.scores if s.level == "rubric"]
        return [s.value or 0.0 for s in own], [s.unit.item_id for s in own]

    (first, names), (second, _) = column(mine), column(theirs)
    expected = paired_difference(first, second, clusters=names).difference
    assert found.by[0].estimate == expected
    assert found.by[0].estimate.low < found.by[0].estimate.value < found.by[0].estimate.high
    assert found.by[0].better == int((np.array(first) > np.array(second)).sum())
    assert 0 < found.by[1].p <= 0.01
    assert abs(found.changed[0].after - found.changed[0].before) == pytest.approx(0.25)


def test_p_of_more_than_can_be_gone_through_is_that_of_the_permutation():
    mine, theirs = run(shift=True), run()
    kind = next(e for e in mine.diff(theirs).by if e.name == "kind")
    first, second = ([s.value for s in each.scores if s.name == "kind"] for each in (mine, theirs))
    names = [s.unit.item_id for s in mine.scores if s.name == "kind"]
    p = paired_difference(first, second, clusters=names).tests[0].p

    assert kind.p == pytest.approx(p, abs=1e-3)


def test_the_largest_change_stands_first_and_an_abstention_behind():
    def moved(call: Call):
        said = judge(call)
        if call.asks[0].unit.item_id == "4" and "kind" in said:
            said["kind"] = {"1": "5", "2": "5", "3": "1", "4": "1", "5": "1"}[said["kind"]]
        if call.asks[0].unit.item_id == "2":
            said = dict.fromkeys(said, "no label of ours")
        return said

    changed = jk.score(items(), RUBRIC, jk.Scripted("j", moved), ledger=None).diff(run()).changed

    sizes = [abs(c.after - c.before) for c in changed if c.after is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert [c.unit.item_id for c in changed[:2]] == ["4", "4"]
    assert [(c.unit.item_id, c.after) for c in changed[2:]] == [("2", None)] * 4


def test_what_was_asked_otherwise_is_said():
    other = {"id": "r", "version": "2", "criteria": [{**CRITERIA[0], "weight": 2}, CRITERIA[1]]}
    found = run("new", other, flipped=FLIPPED).diff(run("old"))
    rubric, weight, *judges = found.differs

    assert rubric.startswith("the rubric is another one: r 2 (")
    assert weight == "criterion 'kind', weight: 2.0 here, 1.0 there"
    assert judges == ["judge new: only here", "judge old: only there"]
    assert {c.rater for c in found.changed} == {"old / new"}


def test_files_of_items_prompts_and_samples_are_compared(tmp_path: Path):
    runs = []
    for n, samples in ((30, 1), (29, 2)):
        path = tmp_path / f"{n}.jsonl"
        path.write_text("\n".join(map(json.dumps, items(n))))
        runs.append(jk.score(path, RUBRIC, jk.Scripted("j", judge), samples=samples, ledger=None))
    found = runs[0].diff(runs[1])

    assert found.differs == (
        "the file of items is another one: what is compared may have other texts", "samples: 1 here, 2 there",
    )  # fmt: skip
    assert (found.only_run, found.only_other) == (2, 0)
    assert found.by[0].same == 58


def test_a_pair_is_matched_whichever_is_named_first():
    def longer(call: Call) -> str:
        return '{"label": "A"}' if len(call.shown[0]) > len(call.shown[1]) else '{"label": "B"}'

    rows = [{"id": "1", "task": "Hi", "responses": {"xx": "Hello.", "y": "What?"}}]
    turned = [{**rows[0], "responses": dict(reversed(rows[0]["responses"].items()))}]
    one, other = (jk.compare(each, RUBRIC, jk.Scripted("j", longer), ledger=None) for each in (rows, turned))

    assert {s.unit.responses for s in one.scores} != {s.unit.responses for s in other.scores}
    assert (one.diff(other).by[0].same, one.diff(other).changed) == (1, ())


def test_two_runs_without_anything_in_common_are_refused():
    one = run()
    other = replace(one, scores=tuple(replace(s, unit=replace(s.unit, item_id="z")) for s in one.scores))

    with pytest.raises(jk.InputError, match="no item and response in common"):
        one.diff(other)


def test_the_command_says_what_differs_and_what_changed_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run().save(tmp_path / "old")
    run(flipped=FLIPPED).save(tmp_path / "new")
    with pytest.raises(SystemExit) as left:
        main(["diff", str(tmp_path / "new"), str(tmp_path / "old"), "--changes", "2"])
    out = capsys.readouterr().out

    assert left.value.code in {0, None}
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert f"{tmp_path / 'new'} less {tmp_path / 'old'}" in lines
    assert "nothing was asked otherwise, as far as the runs say" in lines
    assert any(
        line.startswith("criterion clear -0.083 ") and line.endswith(" 0.062 0 5 55 0") for line in lines
    )
    assert "5 verdicts changed, the largest first" in lines
    assert "3 x clear j 1.000 0.000" in lines
    assert lines[-1] == "and 3 more (--changes 5)"
