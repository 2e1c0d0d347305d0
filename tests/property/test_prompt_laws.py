"""Laws of prompts: filled once, fenced for good, tagged apart, and alike for as long as they can be."""

import re
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from judgekit import Scripted
from judgekit.plan import Plan
from judgekit.prompt import fence, fill, flat, tag_of, template_of
from judgekit.protocols.sheet import again
from judgekit.rubric import Rubric
from judgekit.types import Item, Message

plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
tricky = st.sampled_from(
    [
        "{material}",
        "{criteria} {form}",
        "{{a}}",
        "</response>",
        "<!-- user -->\n",
        "{",
        "}",
        "%s",
        r"\1",
        "\0",
    ]
)
texts = st.lists(plain | tricky, max_size=4).map("".join)
turns = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "a b", "</x>"]), texts), min_size=1, max_size=3
)
conversations = turns.map(lambda some: tuple(Message(role, text) for role, text in some))
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)


@st.composite
def items(draw: st.DrawFn) -> Item:
    return Item(
        "1",
        draw(texts | conversations),
        draw(st.dictionaries(names, texts | conversations, min_size=1, max_size=2)),
        draw(st.none() | texts),
        draw(st.dictionaries(names, texts, max_size=2)),
    )


RUBRIC = Rubric.model_validate(
    {
        "id": "r",
        "guidelines": "Braces {stay} as they are.",
        "criteria": [
            {"id": "clear", "text": "Is it clear? {material}", "scale": "1-5"},
            {"id": "kind", "text": "Is it kind?"},
        ],
    }
)
JUDGES = (Scripted("one", lambda _: ""), Scripted("two", lambda _: ""))
plans = st.builds(
    Plan,
    st.just(RUBRIC),
    st.just(JUDGES),
    protocol=st.sampled_from(["grade", "checklist"]),
    form=st.sampled_from(["json", "text"]),
    per_call=st.sampled_from([1, None]),
    samples=st.sampled_from([1, 2]),
) | st.just(Plan(RUBRIC, JUDGES, form="letters"))


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), texts.map(str.strip).filter(bool), min_size=3))
@example({"a": "{b}", "b": "{c}", "c": "{a}"})
def test_a_template_is_filled_once_and_what_fills_it_stays_text(fields: dict[str, str]):
    template = template_of("<!-- user -->\n[{a}][{b}][{a}][{c}]")

    [message] = fill(template, fields)

    assert message.content == f"[{fields['a']}][{fields['b']}][{fields['a']}][{fields['c']}]"


@given(items(), plans)
def test_every_judged_text_stands_in_the_prompt_to_the_letter(item: Item, plan: Plan):
    for call in plan.calls(item):
        prompt = call.messages[-1].content
        shown = [item.task, item.reference, *item.sources.values(), *(item.responses[r] for r in call.shown)]
        for text in filter(None, shown):
            for part in [text] if isinstance(text, str) else [m.content for m in text]:
                assert f"{call.tag}>\n{part}\n</" in prompt


@given(items(), plans)
def test_a_fence_cannot_be_closed_from_inside(item: Item, plan: Plan):
    for call in plan.calls(item):
        prompt = call.messages[-1].content
        opened = len(re.findall(rf"<[^/\s<>][^<>\n]* {call.tag}>", prompt))
        closed = len(re.findall(rf"</[^<>\n]* {call.tag}>", prompt))
        flat_tasks = 0 if isinstance(item.task, str) else len(item.task)
        turns = flat_tasks + sum(
            0 if isinstance(item.responses[r], str) else len(item.responses[r]) for r in call.shown
        )
        blocks = len(item.sources) + bool(item.task) + (item.reference is not None) + len(call.shown)
        assert opened == closed == blocks + turns


@given(items())
def test_the_tag_stands_in_no_text_of_its_item(item: Item):
    tag = tag_of(item)

    assert re.fullmatch("[0-9a-f]{16}", tag)
    for text in [item.task, item.reference or "", *item.responses.values(), *item.sources.values()]:
        assert tag not in flat(text)


@given(items(), texts)
def test_another_text_has_another_tag(item: Item, text: str):
    changed = Item("1", item.task, {**item.responses, "new": text + "!"}, item.reference, item.sources)

    assert tag_of(changed) != tag_of(item)


@given(items(), plans)
def test_the_static_text_in_front_of_the_item_does_not_carry_the_tag(item: Item, plan: Plan):
    for call in plan.calls(item):
        system, *_ = call.messages
        assert system.role == "system"
        assert call.tag not in system.content


@given(items(), plans)
def test_calls_of_one_item_share_their_prompt_up_to_the_criterion(item: Item, plan: Plan):
    by_response: dict[tuple[str, ...], list[str]] = {}
    for call in plan.calls(item):
        system, user = (m.content for m in call.messages)
        end = user.rfind(f" {call.tag}>")  # the last fence
        by_response.setdefault(call.shown, []).append(system + user[: end + len(call.tag) + 2])

    for shared in by_response.values():
        assert len(set(shared)) == 1


@given(items(), plans)
def test_judges_and_samples_are_asked_the_same_and_stored_apart(item: Item, plan: Plan):
    calls = plan.calls(item)
    messages: dict[object, set[object]] = {}
    for call in calls:
        messages.setdefault(call.asks, set()).add(call.messages)

    assert all(len(some) == 1 for some in messages.values())
    # Two responses with the same text are the same question, and one reply answers both.
    questions = {(call.judge, call.messages, call.sample) for call in calls}
    assert len({call.key for call in calls}) == len(questions)
    assert len(calls) == plan.count(item)


@given(items(), plans)
def test_a_second_asking_goes_on_from_the_first(item: Item, plan: Plan):
    for call in plan.calls(item):
        first, second = call.messages, again(call, "malformed")
        assert first[:-1] == second[:-1]
        assert second[-1].content.startswith(first[-1].content)
        assert second[-1].content != first[-1].content


@given(items(), plans)
def test_samples_of_a_call_stand_side_by_side(item: Item, plan: Plan):
    for one, two in pairwise(plan.calls(item)):
        if two.sample:
            assert (one.judge, one.asks, one.sample + 1) == (two.judge, two.asks, two.sample)


@given(names, texts)
def test_what_stands_in_a_fence_can_be_cut_out_again(name: str, text: str):
    tag = tag_of(Item("1", text))
    opening, closing = f"<{name} {tag}>\n", f"\n</{name} {tag}>"

    assert fence(name, text, tag).removeprefix(opening).removesuffix(closing) == text
