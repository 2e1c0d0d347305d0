"""Laws of reading: one outcome an answer asked for, on the scale, whatever the judge wrote."""

import json
import math
from dataclasses import replace
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st

from judgekit import Scripted
from judgekit.plan import Plan
from judgekit.protocols import read
from judgekit.protocols.reading.labels import read_label
from judgekit.rubric import Rubric
from judgekit.scales import Labels, Numbers, Scale, as_name, fold, plain_number
from judgekit.types import Call, Item, Reply, Verdict

NOBODY = Scripted("judge", lambda _: "")
FAULTS = [None, None, "refused", "truncated", "too_long", "unreachable", "over_budget", "cancelled"]
TRAPS = [
    "no", "yes", "not yes", "null", "true", "1", "10", "1.0", "-1", "1-5", "4/5", "50%", "a: b", "a, b",
    "n/a", "label", "score", "answers", "id", "evidence", "tone", "tone of voice", "Tone", "*x", "_y_", "(b)",
    "-", "|", "{a}", "[RESULT]", r"\boxed{3}", "<s>", "yes, because", "or", "\u200bx", "\ufb01t", "\u00df",
    "'", '"', "LABEL",
]  # fmt: skip
names = (
    (st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8))
    .map(str.strip)
    .filter(bool)
    .map(as_name)
)


@st.composite
def label_scales(draw: st.DrawFn) -> Labels:
    labels = draw(st.lists(names, min_size=2, max_size=6, unique_by=fold))
    cannot_tell = draw(st.none() | names.filter(lambda name: fold(name) not in map(fold, labels)))
    return Labels(labels=tuple(labels), cannot_tell=cannot_tell)


number_scales = st.sampled_from(
    [
        Numbers(low=0, high=100), Numbers(low=-5, high=5, step=1), Numbers(low=0, high=1),
        Numbers(low=1, high=10, step=0.5, cannot_tell="n/a"),
    ]
)  # fmt: skip
usual = st.sampled_from(
    [Labels(labels=("no", "yes")), Labels(labels=("1", "2", "3", "4", "5")), Labels(labels=("-1", "0", "1"))]
)
scales = usual | label_scales() | number_scales


@st.composite
def calls(draw: st.DrawFn, form: str | None = None) -> Call:
    """A call of some plan of some rubric, about a response that may hold anything."""
    form = form or draw(st.sampled_from(["json", "text", "letters"]))
    ids = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    scale = usual | label_scales() if form == "letters" else scales
    criteria = [{"id": cid, "text": "Is it?", "scale": draw(scale).model_dump()} for cid in ids]
    rubric = Rubric.model_validate({"id": "r", "criteria": criteria})
    protocol = draw(st.sampled_from(["grade", "checklist"]))
    per_call = 1 if form == "letters" else draw(st.sampled_from([1, 2, None]))
    response = draw(
        st.just("The Moon.") | st.text(max_size=40) | st.sampled_from(['{"label": "yes"}', "Score: 1"])
    )
    item = Item("1", "Why?", {"a": response.encode(errors="replace").decode()})
    plan = Plan(rubric, (NOBODY,), protocol, form, per_call)  # type: ignore[arg-type]
    return draw(st.sampled_from(plan.calls(item)))


@st.composite
def labels_of(draw: st.DrawFn, call: Call) -> list[str]:
    """A label for each answer asked for; never "cannot tell"."""
    return [draw(_label(scale)) for scale in [ask.scale for ask in call.asks]]


def _label(scale: Scale) -> st.SearchStrategy[str]:
    if isinstance(scale, Labels):
        return st.sampled_from(scale.labels)
    step = scale.step or (scale.high - scale.low) / 8
    return st.integers(0, round((scale.high - scale.low) / step)).map(
        lambda n: plain_number(scale.low + n * step)
    )


def right_answer(call: Call, labels: list[str], rationale: str = "Plainly so.") -> str:
    """The answer in the form asked for, to the letter."""
    if call.letters:
        return {label: letter for letter, label in call.letters}[labels[0]]
    said = {ask.criterion: label for ask, label in zip(call.asks, labels, strict=True)}
    if call.schema is None:
        return f"{rationale}\n" + "\n".join(f"{call.tag} {cid}: {label}" for cid, label in said.items())
    if call.protocol == "checklist":
        points = [{"id": cid, "evidence": "", "label": label} for cid, label in said.items()]
        return json.dumps({"answers": points})
    each: dict[str, Any] = {
        cid: {"evidence": [], "rationale": rationale, "label": label} for cid, label in said.items()
    }
    return json.dumps(each if len(each) > 1 else each.popitem()[1])


words = st.sampled_from(
    ["label", "score", "clarity", "rationale", "id", "answers", "evidence", "yes", "5", "1"]
)
leaves = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | words
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=4), inner),
    max_leaves=12,
)
snippets = st.sampled_from(
    [
        "Score: 5",
        "<think>",
        "</think>",
        "```json\n",
        "```",
        "[RESULT] 4",
        r"\boxed{1}",
        "[[yes]]",
        "{",
        "}",
        '"',
        "\\",
    ]
)
anything = (
    st.text(max_size=80) | values.map(json.dumps) | st.lists(snippets | st.text(max_size=8)).map("".join)
)
logprobs = st.lists(
    st.tuples(
        st.sampled_from(["A", " B", "b", "(", "I", ""]) | st.text(max_size=3), st.floats(max_value=0.1)
    ),
    max_size=6,
).map(tuple)


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """A text with parts dropped, doubled or replaced, and other text around it."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(st.just("") | st.just(text[start:end] * 2) | anything) + text[end:]
    return draw(anything) + text + draw(anything)


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Call, Reply]:
    call = draw(calls())
    text = draw(st.just("") | anything | spoilt(right_answer(call, draw(labels_of(call)))))
    return call, Reply(text, fault=draw(st.sampled_from(FAULTS)), logprobs=draw(st.just(()) | logprobs))


@given(exchanges())
def test_each_answer_asked_for_has_one_outcome_on_its_scale_in_order(exchange: tuple[Call, Reply]):
    call, reply = exchange

    outcomes = read(call, reply)
    event(", ".join(sorted({type(o).__name__ for o in outcomes})))

    assert [(o.unit, o.criterion) for o in outcomes] == [ask.about for ask in call.asks]
    for outcome, scale in zip(outcomes, [ask.scale for ask in call.asks], strict=True):
        assert outcome.rater == call.judge
        assert outcome.call == call.key
        if isinstance(outcome, Verdict):
            assert 0.0 <= outcome.value <= 1.0
            assert 0.0 < outcome.mass <= 1.0
            assert math.isclose(sum(p for _, p in outcome.probs), 1.0)
            assert all(scale.value(label) is not None for label, _ in outcome.probs)
            assert scale.value(outcome.label) is not None
        else:
            assert outcome.reason


@given(st.data())
def test_an_answer_in_the_form_asked_for_is_read_as_that_label(data: st.DataObject):
    call = data.draw(calls())
    call = replace(call, judged=())
    labels = data.draw(labels_of(call))

    outcomes = read(call, Reply(right_answer(call, labels)))

    event(
        f"{call.protocol}, {'letters' if call.letters else 'json' if call.schema else 'text'}, {len(labels)}"
    )
    assert [getattr(o, "label", o) for o in outcomes] == labels


@given(st.data())
def test_a_line_with_the_tag_is_read_although_it_stands_in_the_judged_text(data: st.DataObject):
    call = data.draw(calls(form="text"))
    labels = data.draw(labels_of(call))
    answer = right_answer(call, labels)

    outcomes = read(replace(call, judged=(("response", answer),)), Reply(answer))

    assert [getattr(o, "label", o) for o in outcomes] == labels


@given(st.data())
def test_a_whole_object_is_read_whatever_the_judged_text_holds_and_one_in_a_text_is_not(data: st.DataObject):
    call = data.draw(calls(form="json"))
    labels = data.draw(labels_of(call))
    answer = right_answer(call, labels)
    call = replace(call, judged=(("response", f"Say this: {answer}"),))

    assert [getattr(o, "label", o) for o in read(call, Reply(answer))] == labels
    assert not any(isinstance(o, Verdict) for o in read(call, Reply(f"I say: {answer}")))


@given(st.data())
def test_a_reply_that_was_not_given_says_nothing_whatever_its_text(data: st.DataObject):
    call = data.draw(calls())
    fault = data.draw(st.sampled_from(["too_long", "unreachable", "over_budget", "cancelled"]))
    answer = right_answer(call, data.draw(labels_of(call)))

    assert {getattr(o, "reason", None) for o in read(call, Reply(answer, fault=fault))} == {fault}


@given(calls(form="letters"), st.data())
def test_probabilities_of_letters_become_the_verdict_and_their_mass(call: Call, data: st.DataObject):
    letters = dict(call.letters)
    weights = data.draw(st.fixed_dictionaries({letter: st.floats(0.01, 1.0) for letter in letters}))
    total = sum(weights.values()) * data.draw(st.floats(1.0, 3.0))
    given_ = tuple((letter, math.log(w / total)) for letter, w in weights.items())

    [outcome] = read(call, Reply("?", logprobs=given_))

    if isinstance(outcome, Verdict):
        assert math.isclose(outcome.mass, sum(weights.values()) / total, rel_tol=1e-9)
        on_scale = sum(
            w for letter, w in weights.items() if letters[letter] != call.asks[0].scale.cannot_tell
        )
        for label, p in outcome.probs:
            own = next(w for letter, w in weights.items() if letters[letter] == label)
            assert math.isclose(p, own / on_scale, rel_tol=1e-9)
    else:
        assert outcome.reason == "undecided"


@given(scales, leaves | st.text())
@example(Labels(labels=("1", "2", "3", "4", "5")), float("inf"))
@example(Numbers(low=0, high=100), 10**400)
def test_what_stands_in_the_place_of_a_label_is_one_of_the_scale_or_none(scale: Scale, raw: Any):
    reading = read_label(scale, raw)

    assert (reading.kind == "label") == (reading.label != "")
    if reading.kind == "label":
        assert scale.value(reading.label) is not None
