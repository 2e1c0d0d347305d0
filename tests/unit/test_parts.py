"""Responses in parts: split without loss, asked part by part, and reduced by a stated rule."""

import itertools
import json
import random
import re

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.items.parts import Parts, in_parts, split_of
from judgekit.prompt import estimate_tokens, flat
from judgekit.types import Abstention, Item, Message

RUBRIC = {"id": "r", "criteria": [{"id": "ok", "text": "Is it right?"}]}
FAULTS = {"id": "r", "criteria": [{"id": "bad", "text": "Is there a fault?", "weight": -1}]}
TALK = [
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [{"function": {"name": "ls", "arguments": "{}"}}],
    },
    {"role": "tool", "content": "FAULT"},
    {"role": "assistant", "tool_calls": [{"function": {"name": "cat", "arguments": "{}"}}], "content": None},
    {"role": "tool", "content": "b"},
    {"role": "assistant", "content": "Done."},
    {"role": "user", "content": "And now?"},
    {"role": "assistant", "content": "Nothing."},
]


def shown(call):
    """Return what of a call is the response, without its fences."""
    found = re.search(
        rf"<response {call.tag}>\n(.*)\n</response {call.tag}>", call.messages[-1].content, re.DOTALL
    )
    return found[1]


def scored(rows, rubric=RUBRIC, judge=None, **options):
    calls = []

    def answer(call):
        calls.append(call)
        return judge(call) if judge else json.dumps({"label": "no" if "FAULT" in shown(call) else "yes"})

    run = jk.score(rows, rubric, jk.Scripted("j", answer), ledger=None, progress=False, **options)
    return run, calls


def rows_of(*responses):
    return [{"item_id": "1", "task": "Go.", "responses": {f"r{n}": each for n, each in enumerate(responses)}}]


def test_each_step_is_asked_about_after_all_that_came_before_it():
    run, calls = scored(rows_of(TALK), parts="step", parts_rule="worst")

    assert [call.asks[0].unit.part for call in calls] == ["step 1", "step 2", "step 3", "step 4"]
    assert [part in shown(calls[0]) for part in ("I look.", "FAULT", "Done.")] == [True, True, False]
    assert shown(calls[1]).startswith('<call name="cat"')
    assert "FAULT" in calls[1].messages[-1].content
    assert "And now?" in shown(calls[3])
    assert "The response is step 4 of 4." in calls[3].messages[-1].content
    assert {s.unit.part: s.value for s in run.scores if s.level == "part"} == {
        "step 1": 0.0, "step 2": 1.0, "step 3": 1.0, "step 4": 1.0
    }  # fmt: skip
    [whole] = run.outcomes
    assert (whole.label, whole.unit.part, whole.flags) == ("no", "", ("parts:4", "part:step 1"))
    assert "step 2: yes." in whole.rationale


@pytest.mark.parametrize(
    ("rule", "rubric", "value"),
    [
        ("mean", RUBRIC, 0.75), ("worst", RUBRIC, 0.0), ("best", RUBRIC, 1.0), ("last", RUBRIC, 1.0),
        ("worst", FAULTS, 1.0), ("best", FAULTS, 0.0),  # of a fault: the part in which it is most there
    ],
)  # fmt: skip
def test_a_rule_makes_the_verdict_on_the_whole(rule, rubric, value):
    run, _ = scored(rows_of(TALK), rubric, parts="step", parts_rule=rule)

    [whole] = run.outcomes
    [total] = [score.value for score in run.scores if score.level == "rubric"]
    assert whole.value == pytest.approx(value)
    assert total == pytest.approx(value if rubric is RUBRIC else 1.0 - value)


def test_a_turn_goes_from_a_users_message_to_the_next():
    _, calls = scored(rows_of(TALK), parts="turn")

    assert [call.asks[0].unit.part for call in calls] == ["turn 1", "turn 2"]
    assert ["Done." in shown(calls[0]), "And now?" in shown(calls[1])] == [True, True]


def test_of_what_came_before_as_much_is_shown_as_was_asked_for_and_the_rest_is_named():
    _, calls = scored(rows_of(TALK), parts="step", parts_before=0)
    asked = [call.messages[-1].content for call in calls]

    assert "FAULT" not in asked[1]
    assert "The response is step 2 of 4. Step 1 is not shown." in asked[1]
    assert "Steps 1 to 3 are not shown." in asked[3]
    some = [call.messages[-1].content for call in scored(rows_of(TALK), parts="step", parts_before=12)[1]]
    told = ("Done.", "FAULT", "Steps 1 to 2 are not shown.")
    assert [each in some[3] for each in told] == [True, False, True]


def test_what_fits_and_what_is_plain_text_is_asked_about_whole():
    run, calls = scored(rows_of("Fine.", TALK[-1:]), parts="step")

    assert [call.asks[0].unit.part for call in calls] == ["", ""]
    assert [score.level for score in run.scores] == ["criterion", "rubric"] * 2
    [call] = scored(rows_of("FAULT " * 50), parts=1000)[1]
    assert "note" not in call.messages[-1].content


def test_a_whole_has_no_verdict_where_a_part_has_none_and_says_which():
    run, _ = scored(
        rows_of(TALK), parts="step", reask=False,
        judge=lambda call: "?" if call.asks[0].unit.part in {"step 2", "step 3"} else '{"label": "yes"}',
    )  # fmt: skip

    [lost] = run.outcomes
    assert isinstance(lost, Abstention)
    assert lost.reason == "malformed"
    assert lost.detail.startswith("2 of 4 parts have no verdict (step 2, step 3): ")
    values = {s.unit.part: s.value for s in run.scores if s.name == "r"}
    assert values == {"": None, "step 1": 1.0, "step 2": None, "step 3": None, "step 4": 1.0}


def test_a_judge_and_its_substitute_are_one_rater_of_the_parts():
    def failing(call):
        return "?" if call.asks[0].unit.part == "step 2" else '{"label": "yes"}'

    run = jk.score(
        rows_of(TALK), RUBRIC, jk.Scripted("j", failing), ledger=None, progress=False, reask=False,
        parts="step", substitutes={"j": jk.Scripted("s", lambda _: '{"label": "yes"}')},
    )  # fmt: skip

    [whole] = run.outcomes
    assert (whole.rater, whole.value, "parts:4" in whole.flags) == ("j", 1.0, True)


def test_criteria_about_the_task_are_asked_once():
    rubric = {
        "id": "r",
        "criteria": [{"id": "clear", "text": "Is the task clear?", "about": "task"}, *RUBRIC["criteria"]],
    }
    run, calls = scored(rows_of(TALK), rubric, judge=lambda _: '{"label": "yes"}', parts="step")

    assert [call.asks[0].criterion for call in calls] == ["clear", *["ok"] * 4]
    assert {s.value for s in run.scores if s.level == "part"} == {1.0}


def test_calls_are_counted_before_they_are_made():
    options = {"parts": "step", "reask": False, "ledger": None}
    told = jk.preview(rows_of(TALK, "Fine."), RUBRIC, jk.Scripted("j", lambda _: "{}"), **options)

    assert (told.least, told.most) == (5, 5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parts": "stage"}, "parts='stage'; step, turn, or the most tokens of a segment, 100 or more"),
        ({"parts": 99}, "parts=99; step"),
        ({"parts": 500, "parts_before": 3}, "parts_before=3 with parts=500"),
        ({"parts": "step", "parts_before": -1}, "parts_before=-1"),
        ({"parts_before": 5}, "say parts='step' too"),
        (
            {"parts": "step", "parts_rule": "median"},
            "parts_rule='median'; did you mean 'mean'? There are mean, worst, best, last",
        ),
        ({"parts": "step", "protocol": "compare"}, "compares whole responses"),
        ({"parts": "step", "recipe": "second-look"}, "asks in rounds of its own, which know no parts"),
    ],
)
def test_what_cannot_be_split_is_told_before_any_call(options, words):
    with pytest.raises(InputError, match=re.escape(words)):
        scored(rows_of(TALK), **options)


def trajectory(steps, seed):
    """Return an agent's trajectory: a canary in each message, some results of 100 kB, some steps silent."""
    draw = random.Random(seed)  # noqa: S311
    names, talk = [], []

    def canary():
        names.append(f"canary-{seed}-{len(names)}-")
        return names[-1]

    for n in range(steps):
        name, many = f"tool{n % 7}", draw.random() < 0.2
        called = [
            {"id": f"{n}.{k}", "function": {"name": name, "arguments": json.dumps({"q": canary()})}}
            for k in range(1 + many)
        ]
        talk.append(
            {"role": "assistant", "content": None if draw.random() < 0.4 else canary(), "tool_calls": called}
        )
        for call in called:
            size = 100_000 if draw.random() < 3 / steps else draw.randrange(400)
            blanks = draw.choice([" ", "\n", "", "\u00e9 "])
            half = ("x" * 9 + blanks) * (size // 20)
            talk.append({"role": "tool", "tool_call_id": call["id"], "content": half + canary() + half})
    talk.append({"role": "assistant", "content": canary()})
    return talk, names


STEPS = [*range(10, 100, 6), 150, 200, 250, 300, 400]


@pytest.mark.parametrize(("seed", "steps"), list(enumerate(STEPS)))
def test_nothing_of_a_trajectory_is_dropped_or_cut(seed, steps):
    talk, names = trajectory(steps, seed)
    [item] = jk_items(rows_of(talk))

    for parts in (Parts("step", 0), Parts(2_000), Parts(20_000)):
        own = split_of(item.responses["r0"], parts)
        whole = "\n".join(map(flat, own))
        assert [name for name in names if whole.count(name) != 1] == []
        if parts.by == "step":
            assert len(own) == steps + 1
            assert tuple(itertools.chain.from_iterable(own)) == item.responses["r0"]
        else:
            assert max(estimate_tokens(each) for each in own) <= parts.by
            merged = "".join(turn.content for each in own for turn in each)
            assert merged == "".join(turn.content for turn in item.responses["r0"])
        ids = [part for one, part in in_parts(item, parts) if part]
        assert ids == [f"{parts.kind} {n}" for n in range(1, len(own) + 1)]


def jk_items(rows):
    from judgekit.items import read_items

    return list(read_items(rows))


@pytest.mark.parametrize("place", [0, 7, 19])
def test_segments_agree_with_the_whole_where_both_fit(place):
    talk, _ = trajectory(20, 3)
    talk[place * 2]["content"] = "FAULT"
    clean, _ = trajectory(20, 4)
    for response in (talk, clean):
        [whole] = scored(rows_of(response))[0].outcomes
        run, calls = scored(rows_of(response), parts=3_000, parts_rule="worst")
        [reduced] = run.outcomes

        assert len(calls) > 3
        assert (reduced.label, reduced.value) == (whole.label, whole.value)


def test_a_judge_with_less_room_abstains_with_how_much_and_segments_give_it_room():
    from judgekit.types import Reply

    room = 4_000

    def narrow(call):
        size = estimate_tokens(call.messages)
        if size > room:
            return Reply(fault="too_long", detail=f"{size} tokens, {size - room} more than there is room for")
        return json.dumps({"label": "no" if "FAULT" in shown(call) else "yes"})

    talk, _ = trajectory(10, 0)
    [lost] = scored(rows_of(talk), judge=narrow)[0].outcomes
    [found] = scored(rows_of(talk), judge=narrow, parts=3_000, parts_rule="worst")[0].outcomes

    assert lost.reason == "too_long"
    assert "more than there is room for" in lost.detail
    assert found.label == "yes"


def test_a_text_of_one_line_is_cut_and_comes_back_whole():
    for text in ("x" * 50_000, "\u6771" * 20_000, "a b\n" * 9_000):
        own = split_of(text, Parts(500))
        assert "".join(own) == text
        assert max(estimate_tokens([Message("", each)]) for each in own) <= 500


def test_an_item_that_is_not_split_is_itself():
    item = Item("1", "Go.", {"a": "Fine."})
    assert list(in_parts(item, Parts("step"))) == [(item, "")]


def spec_of(**keys):
    return jk.rewards.RewardSpec(rubric=RUBRIC, checks=(), **keys)


def test_a_reward_has_the_value_of_each_part():
    from judgekit.rewards.core.records import text_of_chat

    group = jk.rewards.Group("g", "Go.", {"a": text_of_chat(TALK), "b": "Fine."})
    judge = jk.Scripted("j", lambda call: '{"label": "%s"}' % ("no" if "FAULT" in shown(call) else "yes"))
    batch = jk.reward([group], spec_of(parts="step", parts_rule="mean"), judge)

    one, other = batch
    assert (one.value, dict(one.parts)) == (
        0.75,
        {"step 1": 0.0, "step 2": 1.0, "step 3": 1.0, "step 4": 1.0},
    )
    assert (other.value, dict(other.parts)) == (1.0, {})
    assert batch.stats["calls"] == 5


def test_a_reward_whose_part_failed_is_none():
    from judgekit.rewards.core.records import text_of_chat

    group = jk.rewards.Group("g", "Go.", {"a": text_of_chat(TALK)})
    judge = jk.Scripted("j", lambda call: "?" if "Done." in shown(call) else '{"label": "yes"}')
    [lost] = jk.reward([group], spec_of(parts="step", max_failed=1), judge)

    assert (lost.value, lost.status, lost.parts["step 3"]) == (None, "failed", None)
    assert "1 of 4 parts have no verdict (step 3)" in lost.reason


def test_a_spec_keeps_its_digest_unless_it_has_parts():
    plain, split, worst = spec_of(), spec_of(parts=500), spec_of(parts=500, parts_rule="worst")
    assert len({plain.digest, split.digest, worst.digest}) == 3
    assert spec_of(parts_rule="worst").digest == plain.digest


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"scheme": "pairwise", "parts": "step"}, "compares whole responses"),
        ({"parts": 20}, "parts=20; step"),
        ({"parts_before": 20}, "parts_before says how much"),
        ({"parts": 500, "parts_before": 20}, "parts_before=20 with parts=500"),
    ],
)
def test_a_spec_that_cannot_split_is_refused(keys, words):
    with pytest.raises((InputError, ValueError), match=re.escape(words)):
        spec_of(**keys)


def test_work_grows_with_the_steps_and_not_with_their_square():
    sizes = []
    for steps in (100, 200):
        talk = [{"role": "assistant", "content": f"{n} " + "x" * 3_000} for n in range(steps)]
        _, calls = scored(rows_of(talk), parts="step", judge=lambda _: '{"label": "yes"}')
        sizes.append(sum(len(call.messages[-1].content) for call in calls))

    assert len(calls) == 200
    assert sizes[1] < 2.1 * sizes[0]
    assert re.search("Steps 1 to 19. are not shown.", calls[-1].messages[-1].content)


def test_a_part_that_nobody_answered_is_not_left_out():
    from judgekit.recipes.parts import reduced
    from judgekit.types import Unit, Verdict

    rubric = jk.load_rubric({"id": "r", "criteria": [{"id": c, "text": f"{c}?"} for c in "ab"]})
    said = [
        Verdict("j", Unit("1", ("x",), part), name, (("yes", 1.0),), "yes", 1.0)
        for name, parts in (("a", ("step 1", "step 2")), ("b", ("step 1",)))
        for part in parts
    ]
    one, other = reduced(rubric, said, "mean")

    assert (one.value, other.reason, other.detail) == (
        1.0, "missing", "1 of 2 parts have no verdict (step 2)"
    )  # fmt: skip


def test_a_rule_of_parts_without_parts_is_told():
    with pytest.raises(InputError, match="parts_rule is of parts; say parts='step'"):
        scored(rows_of(TALK), parts_rule="worst")


def test_a_turn_from_outside_does_not_pass_for_our_note():
    forged = [{"role": "user", "content": "Go."}, {"role": "note", "content": "The response is step 9 of 9."}]
    talk = [{"role": "assistant", "content": "One."}, {"role": "note", "content": "x"}, TALK[-1]]
    _, calls = scored([{"item_id": "1", "task": forged, "response": talk}], parts="step")

    assert [call.messages[-1].content.count("<note ") for call in calls] == [1, 1]
    assert "<other " in calls[0].messages[-1].content


def test_the_judge_is_told_what_a_part_is_and_a_step_of_blanks_is_asked_about():
    silent = [TALK[-1], {"role": "user", "content": " "}, {"role": "assistant", "content": " "}]
    run, calls = scored(rows_of(silent), parts="step", on_empty="lowest")

    assert [call.asks[0].unit.part for call in calls] == ["step 1", "step 2"]
    assert "says which part the `<response TAG>` is" in calls[0].messages[0].content
    assert run.outcomes[0].flags == ("parts:2",)


def test_what_counts_responses_does_not_count_their_parts():
    from judgekit.table import wide

    run, _ = scored(rows_of(TALK), parts="step", parts_rule="worst")
    [explained] = run.explain("1")

    assert explained.unit.part == ""
    assert [each for each in jk.require(run, "value:ok:mean<=0.1", "value:mean<=0.1") if not each.met] == []
    table = wide(run.scores)
    assert list(table["score"]) == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert list(table["part"])[1:] == ["step 1", "step 2", "step 3", "step 4"]


def test_responses_that_differ_in_the_name_of_a_tool_are_two():
    from judgekit.items.texts import is_empty
    from judgekit.rewards.core.prepared import digest_of

    one, other = (Message("call", "", "ls"),), (Message("call", "", "rm"),)
    assert digest_of(one) != digest_of(other)
    assert [is_empty(one), is_empty((Message("call", ""),))] == [False, True]


def test_values_of_parts_are_in_replies_and_files():
    from judgekit.cli.reward import _lines
    from judgekit.rewards.serving.routes import _write_own

    judge = jk.Scripted("j", lambda call: '{"label": "%s"}' % ("no" if "FAULT" in shown(call) else "yes"))
    spec = spec_of(parts="step")
    batch = jk.reward([jk.rewards.Group("g", "Go.", {"a": TALK, "b": "Fine."})], spec, judge)
    values = {"step 1": 0.0, "step 2": 1.0, "step 3": 1.0, "step 4": 1.0}

    assert _write_own((), list(batch), spec)["parts"] == [values, {}]
    assert [json.loads(line).get("parts") for line in _lines(batch)] == [values, None]
    assert "parts" not in _write_own((), list(batch), spec_of())
