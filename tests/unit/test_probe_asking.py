"""Probes of the asking: a judge with the fault is caught, and one without it is not."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

import judgekit as jk
from judgekit.probes import Shift
from judgekit.types import Call

CRITERIA = [
    {"id": "polite", "text": "Is it polite?", "scale": "1-5"},
    {"id": "clear", "text": "Is it clear?", "scale": "1-5"},
]
LABELS = {"id": "tone", "criteria": CRITERIA}
NUMBERS = {"id": "tone", "criteria": [{**each, "scale": "0-100"} for each in CRITERIA]}
ITEMS = [
    {
        "id": f"i{n}", "task": f"Task {n}", "systems": {"a": "one", "b": "two"},
        "responses": {"a": f"Plain text {n}.", "b": f"Other text {n}."},
    }
    for n in range(30)
]  # fmt: skip


def lots(*what: object) -> float:
    return int(hashlib.sha256(repr(what).encode()).hexdigest()[:8], 16) / 2**32


def worth(call: Call, response: str) -> float:
    """What a response is worth, from 0 to 1, whatever is changed about the asking."""
    assert call.item is not None
    return 0.2 + 0.6 * lots(str(call.item.task), response)


Value = Callable[[Call, str, int], float]
"""From a call, a response and the place of the criterion in the call to what the judge says it is worth."""


def judged(value: Value, name: str = "judge") -> jk.Scripted:
    def answer(call: Call) -> dict[str, str]:
        said = {}
        for n, ask in enumerate(call.asks):
            if len(ask.unit.responses) == 1:
                said[ask.called] = nearest(ask.scale, value(call, ask.unit.responses[0], n))
            else:
                first, second = (value(call, each, n) for each in call.shown)
                said[ask.called] = "tie" if first == second else "A" if first > second else "B"
        return said

    return jk.Scripted(name, answer)


def nearest(scale: Any, value: float) -> str:
    if hasattr(scale, "labels"):
        return min(scale.worth, key=lambda label: abs(scale.worth[label] - value))
    return f"{scale.low + (scale.high - scale.low) * min(max(value, 0.0), 1.0):.1f}"


def fair(call: Call, response: str, _: int) -> float:
    return worth(call, response)


def noisy(call: Call, response: str, _: int) -> float:
    return worth(call, response) + 0.5 * (
        lots(call.item and call.item.tags, call.sample, response, call.shown) - 0.5
    )


def by_words(mark: str) -> Value:
    """A judge that gives more where a text stands in the prompt, or does not."""
    return lambda call, response, _: worth(call, response) + 0.3 * (mark in prompt(call))


def prompt(call: Call) -> str:
    return "\n".join(message.content for message in call.messages)


def for_first(call: Call, response: str, _: int) -> float:
    return worth(call, response) + (len(call.shown) == 2 and call.shown[0] == response)


def probed(value: Value, name: str, items: Any = ITEMS, **options: Any) -> Shift:
    options = {"rubric": LABELS, "ledger": None, "progress": False, "only": [name], **options}
    [shift] = [
        s
        for s in jk.probe(items, options.pop("rubric"), judged(value), **options).shifts
        if s.probe.name == name
    ]
    return shift


FAULTS: dict[str, tuple[Value, dict[str, Any]]] = {
    "repeat": (noisy, {}),
    "order": (for_first, {}),
    "wording-short": (by_words("Judge what you are shown"), {}),
    "wording-long": (by_words("a colleague who disagreed"), {}),
    "wording-first": (by_words("You are the examiner"), {}),
    "ladder": (by_words("a colleague who disagreed"), {}),
    "criteria-order": (
        lambda call, r, n: worth(call, r) + 0.3 * (n == 0 and call.asks[0].criterion == "clear"),
        {"per_call": None},
    ),
    "batch-1": (lambda call, r, _: worth(call, r) + 0.3 * (len(call.asks) == 1), {"per_call": None}),
    "batch-10": (lambda call, r, _: worth(call, r) - 0.3 * (len(call.asks) > 1), {}),
    "scale-words": (by_words("very poor"), {}),
    "scale-direction": (by_words("5, 4, 3, 2, 1"), {}),
    "scale-range": (by_words("from 0 to 10."), {"rubric": NUMBERS}),
    "label-names": (by_words("level 1"), {}),
    "label-order": (by_words("5, 4, 3, 2, 1"), {}),
    "protocol": (lambda call, r, _: worth(call, r) * (-1 if len(call.shown) == 2 else 1), {}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_judge_with_the_fault_is_caught(name: str) -> None:
    value, options = FAULTS[name]
    assert probed(value, name, **options).state == "fault"


@pytest.mark.parametrize("name", FAULTS)
def test_a_judge_without_it_is_not(name: str) -> None:
    shift = probed(fair, name, **FAULTS[name][1])
    assert shift.state in {"held", "open"}
    assert shift.n >= 20
