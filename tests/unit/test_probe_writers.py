"""Probes whose change is written: planted judges, and writers that do as they are told or do not."""

import re
from collections.abc import Callable
from typing import Any

import pytest

import judgekit as jk
from judgekit.judges.local import Local
from judgekit.probes import Probe, by_writer
from judgekit.probes.probe import prepare_probes
from judgekit.types import Call, Message

RUBRIC = {
    "id": "two",
    "criteria": [
        {"id": "right", "text": "Is it right?", "scale": "0-100"},
        {"id": "clear", "text": "Is it clear?", "scale": "0-100"},
        {"id": "rude", "text": "Is it rude?", "scale": "0-100", "weight": -1},
    ],
}
ITEMS = [{"id": f"i{n}", "task": f"Task {n}", "response": f"A text with the number {n}."} for n in range(24)]
TASKS = {
    "id": "prompts",
    "total": False,
    "criteria": [
        {"id": name, "text": f"Is the task {name}?", "scale": "0-100", "about": "task", "dimension": "prompt"}
        for name in ("clear", "fair")
    ]
    + [{"id": "good", "text": "Is the response good?", "scale": "0-100", "dimension": "response"}],
}


def writes(call: Call) -> str:
    """Return a text that says which probe ordered it, and yes to what it is asked of it."""
    assert call.item is not None
    if call.shown:
        return "Yes."
    [text] = call.item.responses.values() or [call.item.task]
    return f"{text} [{call.variant}]"


WRITER = jk.Scripted("writer", writes, revision="1")
Value = Callable[[str, str], float]


def judge(value: Value) -> jk.Scripted:
    """Return a judge that gives a number to a text by each criterion."""

    def answer(call: Call) -> dict[str, float]:
        assert call.item is not None
        text = str(call.item.responses[call.shown[0]] if call.shown else call.item.task)
        return {ask.called: value(text, ask[1]) for ask in call.asks}

    return jk.Scripted("judge", answer, revision="1")


def probed(value: Value, *only: str, rubric: Any = RUBRIC, writer: Any = WRITER, **options: Any) -> Any:
    options = {"items": ITEMS, "ledger": None, "progress": False, **options}
    return jk.probe(rubric=rubric, judges=judge(value), only=only, writer=writer, **options)


def marked(name: str, *, by: float = -40, criteria: str = "right clear rude") -> Value:
    """Return a judge whose score moves where a text was ordered by a probe."""

    def value(text: str, criterion: str) -> float:
        if f"[{name}]" not in text or criterion not in criteria:
            return 50
        return 50 - by if criterion == "rude" else 50 + by

    return value


def steady(text: str, criterion: str) -> float:  # noqa: ARG001 - a judge that does not read
    return 50


CASES = [
    *(
        (name, marked(name), steady, RUBRIC, "goes by the wording")
        for name in ("reworded", "restructured", "retold")
    ),
    *(
        (name, steady, marked(name), RUBRIC, "does not mark down")
        for name in ("misleading", "contradictory", "underspecified")
    ),
    ("jailbreak", steady, marked("jailbreak", criteria="clear fair"), TASKS, "does not mark down"),
    *(
        (f"fails-{c}", steady, marked(f"fails-{c}", criteria=c), RUBRIC, f"does not see that '{c}'")
        for c in ("right", "rude")
    ),
]


@pytest.mark.parametrize(
    ("name", "faulty", "clean", "rubric", "says"), CASES, ids=lambda each: str(each)[:14]
)
def test_a_planted_fault_is_caught_and_a_clean_judge_left_alone(
    name: str, faulty: Value, clean: Value, rubric: Any, says: str
) -> None:
    [caught], [alone] = (probed(each, name, rubric=rubric).shifts for each in (faulty, clean))

    assert (caught.state, caught.n) == ("fault", 24)
    assert says in caught.says
    assert alone.state in {"held", "open"}
    assert alone.failed.value == 0


def test_criteria_that_move_along_with_the_one_that_fails_are_named() -> None:
    shifts = probed(marked("fails-right", criteria="right clear"), "criterion").shifts
    found = {each.probe.name: each for each in shifts}

    assert found["fails-right"].state == "held"
    assert found["entangled-right"].state == "fault"
    assert "takes 'right' for 'clear'" in found["entangled-right"].says
    assert {each.name: round(each.value, 3) for each in found["entangled-right"].more} == {
        "shift of clear": -0.4,
        "shift of rude": 0.0,
    }
    assert {each.state for name, each in found.items() if name.startswith("entangled-c")} <= {"open", "held"}


def test_robustness_is_the_share_of_units_that_no_paraphrase_moves_by_half_a_step() -> None:
    def value(text: str, criterion: str) -> float:
        moved = 30 if "[reworded]" in text and " 7." in text else 12 * ("[retold]" in text)
        return 50 if criterion == "rude" else 50 + moved

    shifts = probed(value, "paraphrase").shifts

    [share] = [each for shift in shifts for each in shift.more]
    assert (share.name, share.value) == ("robust", pytest.approx(23 / 24))


def failing_writer(call: Call) -> Any:
    n = int(re.findall(r"\d+", call.item.task)[0])  # type: ignore[union-attr]
    if not call.shown:
        return {0: "", 1: "A text with the number 1.", 2: jk.types.Reply("", fault="refused")}.get(
            n, writes(call)
        )
    return {3: "No.", 4: "Perhaps?", 5: "**yes**, it does"}.get(n, "Yes")


def test_what_is_not_written_is_not_judged_and_counted_with_its_reason(tmp_path: Any) -> None:
    found = probed(steady, "reworded", writer=jk.Scripted("writer", failing_writer))
    found.save(tmp_path / "run")

    assert found.unwritten == {
        "reworded": {
            "the writer gave no text": 1,
            "nothing was changed": 1,
            "the writer failed: refused": 1,
            "the rest was not preserved": 1,
            "the check gave neither yes nor no": 1,
        }
    }
    assert found.shifts[0].n == 24 - 5
    assert not any("~reworded" in o.unit.item_id for o in found.run.outcomes if o.unit.item_id[:2] == "i3")
    assert '"the rest was not preserved": 1' in (tmp_path / "run" / "probes.json").read_text()


def test_probes_that_need_a_writer_are_left_out_by_name_without_one() -> None:
    made = prepare_probes(ITEMS, RUBRIC, judge(steady), ledger=None)

    needing = {name for name, why in made.left_out.items() if "needs a writer" in why}
    assert {"reworded", "jailbreak", "fails-right", "entangled-rude"} <= needing


@pytest.mark.parametrize(
    ("writer", "why"),
    [
        (Local(say=lambda _: None), "the bundled model cannot change a text"),
        ("control:longer", "it gives labels only"),
        (jk.Scripted("judge", writes, revision="2"), "two judges are called 'judge'"),
    ],
)
def test_a_writer_that_cannot_write_is_refused_before_any_call(writer: Any, why: str) -> None:
    with pytest.raises(jk.InputError, match=re.escape(why)):
        prepare_probes(ITEMS, RUBRIC, judge(steady), writer=writer, ledger=None)


def test_the_price_is_a_range_that_holds_and_a_second_run_asks_nothing(tmp_path: Any) -> None:
    options: Any = {"ledger": tmp_path / "l.sqlite", "reask": False, "items": ITEMS}
    price = prepare_probes(
        rubric=RUBRIC, judges=judge(steady), only=["misleading"], writer=WRITER, **options
    ).prices()["misleading"]
    once = probed(steady, "misleading", **options)
    twice = probed(steady, "misleading", **options)

    asked = [call for call in once.run.calls if call.item_id.endswith("~misleading")]
    assert price.least <= len(asked) <= price.most == 24 * (2 + 3)
    assert not any(call.stored for call in asked)
    assert all(call.stored for call in twice.run.calls)


def test_of_a_conversation_the_last_turn_is_changed_and_of_several_responses_one() -> None:
    turns = [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": "So."}]
    seen: list[Any] = []

    def value(text: str, _: str) -> float:
        seen.append(text)
        return 50

    items = [{"id": "1", "task": "t", "responses": {"a": turns, "b": turns}}]
    probed(value, "retold", items=items, writer=jk.Scripted("w", lambda c: "Yes" if c.shown else "Thus."))

    changed = [text for text in seen if "Thus." in text]
    assert len(changed) == 3  # one response, by three criteria
    assert str(Message("user", "Well?")) in changed[0]


def test_a_writer_and_a_probe_of_ones_own_are_a_few_lines() -> None:
    own = Probe(
        name="as a poem", group="own", what="Makes it a poem.", writes=2, needs=frozenset({"writer"}),
        change=by_writer("Make it a poem.", "Does B say what A says?"),
    )  # fmt: skip

    [shift] = probed(marked("as a poem"), "own", probes=[own]).shifts

    assert shift.state == "fault"
