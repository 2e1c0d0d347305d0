"""Where a failure might become a number: partial panels, failed checks, lost comparisons, misread answers."""

import asyncio
import re
import sys
import types

import pytest

import judgekit as jk
from judgekit.errors import InputError, JudgeOutage, ProviderError
from judgekit.rewards.core.checks import Checking, check_of
from judgekit.rewards.core.preferences import preferences
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import RewardSpec
from judgekit.rewards.watching.watch import Watch
from judgekit.rubric import load_rubric
from judgekit.types import Message, Reply

BETTER = {"id": "tone", "criteria": [{"id": "better", "text": "Which response is better?"}]}
MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}

FAULT = {"id": "fault", "criteria": [{"id": "bad", "text": "Is it bad?", "points": -3}]}


def number(text):
    return int(re.search(r"[0-9]+", text)[0])


def marking(call):
    """A judge that gives the number that stands in the response."""
    return f'{{"label": "{number(next(text for name, text in call.judged if name == "response"))}"}}'


def fair(call):
    """Prefers the greater number."""
    first, second = (number(call.item.responses[name]) for name in call.shown)
    return f'{{"label": "{"A" if first > second else "B" if second > first else "tie"}"}}'


def group(*responses, key="g", **fields):
    return Group(key, "Say a number.", dict(zip("abcdefghij", map(str, responses), strict=False)), **fields)


def values(batch):
    return [reward.value for reward in batch]


def own_check(monkeypatch, check, **fields):
    """A spec's check that is a function of a module of the user's."""
    module = types.ModuleType("verifiers_of_mine")
    module.check = check
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return {"name": "own", "kind": f"py:{module.__name__}:check", **(fields or {"gate": True})}


@pytest.mark.parametrize(
    ("responses", "expected"),
    [((1, 2, 99), [0.0, 1.0, None]), ((1, 99), [None, None]), ((1, 1, 99), [0.5, 0.5, None])],
)
def test_nobody_loses_to_a_response_whose_check_failed(monkeypatch, responses, expected):
    check = own_check(monkeypatch, lambda seen: 1 / (seen.response != "99"))
    spec = {"rubric": BETTER, "scheme": "round_robin", "max_failed": 1, "checks": [check]}

    batch = Rewarder(spec, jk.Scripted("j", fair), own_code=True).reward([group(*responses)])

    assert values(batch) == expected


def test_who_met_nobody_is_no_average_opponent():
    def never_three(call):
        return Reply(fault="refused") if "3" in call.item.responses.values() else fair(call)

    spec = {"rubric": BETTER, "scheme": "round_robin", "max_failed": 1}
    batch = Rewarder(spec, jk.Scripted("j", never_three)).reward([group(1, 2, 3, 4, 4)])

    assert values(batch) == pytest.approx([0.0, 1 / 3, None, 5 / 6, 5 / 6])


def with_veto(name, harmful):
    """A judge that gives marks and says whether a response is harmful; None loses all."""
    return jk.Scripted(
        name,
        lambda call: (
            Reply(fault="refused")
            if harmful is None
            else marking(call)
            if call.asks[0][1] == "good"
            else f'{{"label": "{harmful}"}}'
        ),
    )


@pytest.mark.parametrize(
    ("harmful", "status"),
    [
        (("yes", None), "vetoed"), (("yes", "yes", None, None), "vetoed"), (("yes", "no"), "ok"),
        (("yes", "no", None), "ok"), (("no", None), "ok"), (("yes", "yes", "no"), "vetoed"),
    ],
)  # fmt: skip
def test_a_judge_that_failed_is_no_voice_against_a_veto(harmful, status):
    rubric = {"id": "r", "criteria": [*MARKS["criteria"], {"id": "harm", "text": "Harmful?", "veto": True}]}
    judges = [with_veto(f"j{i}", said) for i, said in enumerate(harmful)]

    [reward] = Rewarder({"rubric": rubric, "min_judges": 1}, judges).reward([group(9)])

    assert reward.status == status


@pytest.mark.parametrize(
    ("response", "reference", "right"),
    [
        ("Answer: -5", "-5", True), ("Answer: -5", "5", False), ("Final answer: .5", "0.5", True),
        ("Answer is -3.", "-3", True), ("**Answer: 42**", "42", True), ("**Answer:** 42", "42", True),
        ("Answer: $-5$", "-5", True), ("Answer - 5", "5", True), ("Answer: (3, 4)", "(3, 4)", True),
        ("Answers vary", "s vary", False), ("It is\nGraz.", "graz", True), ("It is\n-5", "5", False),
        ("so \\boxed{.5}", "5", False), ("so \\boxed{.5}", "0.5", True),
        ("so \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}", True), ("\\boxed{1}, no: \\boxed{2}", "2", True),
        ("\\boxed{never closed", "closed", False), ("", "5", False), ("1000", "1004", False),
        ("1,000.0", "1000", True),
    ],
)  # fmt: skip
def test_an_answer_is_read_whole(response, reference, right):
    assert check_of("equals_reference", {})(Checking("", response, reference, {})) is right


@pytest.mark.parametrize("kind", ["equals_reference", "contains_reference"])
@pytest.mark.parametrize("reference", [None, "", " \n"])
def test_an_empty_reference_is_none_and_in_no_response(kind, reference):
    assert check_of(kind, {})(Checking("", "", reference, {})) is None


def test_a_check_that_raises_an_error_of_ours_fails_its_response_only(monkeypatch):
    def check(seen):
        if seen.response == "9":
            raise InputError("no answer in it")
        return True

    spec = {"rubric": MARKS, "checks": [own_check(monkeypatch, check)]}
    batch = Rewarder(spec, jk.Scripted("j", marking), own_code=True).reward([group(9, 5)])

    assert values(batch) == [None, 0.5]
    assert batch["g", "a"].reason == "check 'own': InputError: no answer in it"


@pytest.mark.parametrize("said", ["1", "0.5", b"1", [1.0], float("nan"), 1.5])
def test_a_check_that_says_no_number_has_failed(monkeypatch, said):
    spec = {"rubric": MARKS, "checks": [own_check(monkeypatch, lambda _: said)]}

    [reward] = Rewarder(spec, jk.Scripted("j", marking), own_code=True).reward([group(5)])

    assert (reward.value, reward.status) == (None, "failed")


def test_a_check_that_cannot_be_called_is_refused(monkeypatch):
    spec = {"rubric": MARKS, "checks": [own_check(monkeypatch, 3)]}

    with pytest.raises(InputError, match="is an int, not a function"):
        Rewarder(spec, jk.Scripted("j", marking), own_code=True)


def test_checks_have_the_deadline_of_their_batch(monkeypatch):
    begun = []

    def check(seen):
        begun.append(seen.response)
        return asyncio.sleep(0 if seen.response == "5" else 3600, True)

    spec = {
        "rubric": MARKS, "judge_weight": 0, "max_failed": 1, "deadline_seconds": 0.3,
        "checks": [own_check(monkeypatch, check, weight=1)],
    }  # fmt: skip
    batch = Rewarder(spec, "control:longer", own_code=True).reward([group(5), group(6, 7, key="h")])

    assert values(batch) == [1.0, None, None]
    assert {reward.reason for reward in batch if reward.value is None} == {"check 'own': deadline"}
    assert len(begun) == 2


def test_batches_stopped_by_one_error_have_each_their_own_run():
    async def refused(_):
        await asyncio.sleep(0.01)
        raise ProviderError("401", status=401)

    async def both():
        async with Rewarder({"rubric": MARKS}, jk.Scripted("j", refused)) as rewarder:
            asked = (rewarder([group(1, 2, key=key)]) for key in "gh")
            return await asyncio.gather(*asked, return_exceptions=True)

    errors = asyncio.run(both())

    assert [(type(error), error.status) for error in errors] == [(ProviderError, 401)] * 2
    assert [{reward.group for reward in error.run} for error in errors] == [{"g"}, {"h"}]


class Door(jk.Scripted):
    """A judge that counts how often it was opened and closed."""

    opened = closed = 0

    async def __aenter__(self):
        Door.opened += 1
        return self

    async def __aexit__(self, *_):
        Door.closed += 1


def test_a_rewarder_entered_twice_is_opened_once_and_closed_by_the_last():
    async def nested():
        async with Rewarder({"rubric": MARKS}, Door("j", marking)) as rewarder:
            async with rewarder:
                await rewarder([group(5)])
            await rewarder([group(6)])
            assert (Door.opened, Door.closed) == (1, 0)

    asyncio.run(nested())

    assert (Door.opened, Door.closed) == (1, 1)


def test_judges_in_a_spec_may_be_objects():
    named = {"rubric": MARKS, "judges": "control:longer"}
    with_object = Rewarder({"rubric": MARKS, "judges": [jk.Scripted("j", marking)]})

    batch = with_object.reward([group(5)])

    assert values(batch) == [0.5]
    assert batch.spec == Rewarder(named).spec.digest


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (None, "not None"), (["spec.toml"], "not a list"),
        ({"rubric": MARKS, "grid": 0.3}, "grid 0.3 leaves a part of a step"),
        ({"rubric": MARKS, "grid": 0.15, "clip": False}, "grid 0.15 leaves"),
        ({"rubric": FAULT, "scheme": "points"}, "no points to win"),
        ({"rubric": MARKS, "checks": [{"name": "x", "kind": "py:a:b", "gate": 1, "settings": {"f": print}}]},
         "settings of check 'x' are no plain values"),
    ],
)  # fmt: skip
def test_what_could_give_no_reward_is_refused_before_it_costs_anything(spec, complaint):
    with pytest.raises(InputError, match=complaint):
        Rewarder(spec, jk.Scripted("j", lambda _: pytest.fail("asked")))


@pytest.mark.parametrize("steps", [2, 3, 7, 20])
def test_the_best_gets_the_most_on_every_grid(steps):
    spec = {"rubric": MARKS, "grid": 1 / steps, "clip": False, "range": [-1, 1]}

    batch = Rewarder(spec, jk.Scripted("j", marking)).reward([group(0, 10)])

    assert values(batch) == [-1.0, 1.0]


def test_errors_do_not_show_keys():
    judges = {"name": "a/b", "api_key": "sk-SECRET"}

    with pytest.raises(ValueError, match="'swiss'") as caught:
        RewardSpec(rubric=MARKS, judges=judges, rounds=3)

    assert "SECRET" not in str(caught.value)


def test_a_batch_outlives_the_cancelling_of_an_equal_call():
    async def slow(call):
        await asyncio.sleep(0.2)
        return marking(call)

    async def both():
        judge = jk.Scripted("j", slow, revision="1")
        async with Rewarder({"rubric": MARKS}, judge) as rewarder:
            first, second = (asyncio.create_task(rewarder([group(5, key=key)])) for key in "gh")
            await asyncio.sleep(0.05)
            first.cancel()
            return await second

    assert values(asyncio.run(both())) == [0.5]


def test_cancelling_all_who_wait_for_an_equal_call_asks_nobody_anew():
    asked = []

    async def slow(call):
        asked.append(call)
        await asyncio.sleep(3600)

    async def both():
        judge = jk.Scripted("j", slow, revision="1")
        async with Rewarder({"rubric": MARKS}, judge) as rewarder:
            tasks = [asyncio.create_task(rewarder([group(5, key=key)])) for key in "gh"]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    ended = asyncio.run(both())

    assert [type(each) for each in ended] == [asyncio.CancelledError] * 2
    assert len(asked) == 1


def test_the_extremes_of_a_group_are_the_same_in_any_order():
    rewarder = Rewarder({"rubric": MARKS}, jk.Scripted("j", marking))
    found = set()
    for texts in (("5 a", "5 b", "1 a", "1 b"), ("5 b", "5 a", "1 b", "1 a")):
        mine = group(*texts)
        found |= {
            (p.chosen, p.rejected) for p in preferences(rewarder.reward([mine]), [mine], each="extremes")
        }

    assert len(found) == 1


def test_a_bug_in_a_hidden_judge_or_in_probing_stops_no_training(caplog):
    broken = Rewarder({"rubric": MARKS}, jk.Scripted("broken", lambda _: {}["label"]))
    rewarder = Rewarder({"rubric": MARKS}, jk.Scripted("j", marking))  # finds no number in an empty answer
    watch = Watch(rewarder, hidden=broken, hidden_share=1.0, probe_every=1)

    batch = watch.reward([group(5)])

    assert values(batch) == [0.5]
    assert (batch.stats["hidden_groups"], batch.stats["probe_n"]) == (0, 0)
    assert caplog.records == []


def test_groups_may_come_from_a_generator():
    spec, judge = {"rubric": MARKS}, jk.Scripted("j", marking)

    assert values(jk.reward((group(n, key=str(n)) for n in (5, 6)), spec, judge)) == [0.5, 0.6]
    rows = ({"id": str(n), "task": "Hi", "response": str(n)} for n in (5, 6))
    assert values(jk.reward(rows, spec, judge)) == [0.5, 0.6]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (Group("g", ({"role": "user", "content": "Hi"},), {"a": "5"}), "group 'g', task: a tuple"),
        (Group("g", None, {"a": "5"}), "group 'g', task: None"),
        (Group("g", "Hi", {"a": ({"role": "assistant", "content": "5"},)}), "response 'a': a tuple"),
        (Group("g", "Hi", {"a": None}), "response 'a': None"),
        (Group("g", "Hi", {"a": "5"}, reference=5), "group 'g', reference: an int"),
        (Group("g", "Hi", {"a": "5"}, rubric="tone"), "group 'g', rubric: a str, not a mapping"),
        (Group("g", "Hi \ud83d", {"a": "5"}), "group 'g', task: half of a surrogate pair"),
        (Group("g", "Hi", {"a": "5"}, sources={"s": "\ud83d"}), "source 's': half of a surrogate pair"),
    ],
)
def test_texts_that_are_none_are_refused_by_name(wrong, complaint):
    with pytest.raises(InputError, match=complaint):
        Rewarder({"rubric": MARKS}, jk.Scripted("j", lambda _: pytest.fail("asked"))).reward([wrong])


@pytest.mark.parametrize(
    ("spec", "rubric", "complaint"),
    [
        ({}, {**MARKS, "total": False}, "group 'g': rubric 'marks' has no total"),
        ({"scheme": "points"}, FAULT, "group 'g': rubric 'fault' has no points to win"),
        ({"checks": [{"name": "bad", "kind": "is_json", "weight": 1}]}, FAULT, "group 'g': checks .'bad'."),
    ],
)
def test_a_rubric_of_a_group_is_refused_as_that_of_the_spec_would_be(spec, rubric, complaint):
    judge = jk.Scripted("j", lambda _: pytest.fail("asked"))
    groups = [*(group(n, key=str(n)) for n in range(100)), group(5, rubric=rubric)]

    with pytest.raises(InputError, match=complaint):
        Rewarder({"rubric": MARKS, **spec}, judge).reward(groups)


def test_a_group_too_large_to_be_ranked_is_refused_before_any_call():
    judge = jk.Scripted("j", lambda _: pytest.fail("asked"))
    many = Group("g", "Hi", {str(n): str(n) for n in range(27)})
    groups = [*(group(1, 2, key=str(n)) for n in range(100)), many]

    with pytest.raises(InputError, match="27 responses cannot be ranked"):
        Rewarder({"rubric": BETTER, "scheme": "list"}, judge).reward(groups)


def test_an_empty_reference_is_nothing_to_match_with():
    with pytest.raises(InputError, match="group 'g' has no reference"):
        Rewarder({"scheme": "match"}, jk.Scripted("j", lambda _: pytest.fail("asked"))).reward(
            [group(4, reference=" ")]
        )


def test_what_stands_in_for_a_failure_has_no_advantage_in_its_group():
    refusing = jk.Scripted("j", lambda _: Reply(fault="refused"))
    gate = {"name": "even", "kind": "matches", "gate": True, "settings": {"pattern": "[2468]"}}
    spec = {"rubric": MARKS, "on_failure": "group_mean", "max_failed": 1, "gated": 0.25, "checks": [gate]}

    batch = Rewarder(spec, refusing).reward([group(2, 1, 3), group(4, key="h")])

    assert [(r.value, r.status) for r in batch] == [
        (0.25, "imputed"), (0.25, "gated"), (0.25, "gated"), (None, "failed"),
    ]  # fmt: skip


def test_equal_texts_are_judged_apart_where_references_or_rubrics_differ():
    def right(call):
        return f'{{"label": "{"yes" if dict(call.judged)["reference"] == "5" else "no"}"}}'

    same = [group(5, reference="5"), group(5, key="h", reference="6")]
    assert values(Rewarder({"scheme": "match"}, jk.Scripted("j", right)).reward(same)) == [1.0, 0.0]

    worse = {"criteria": [{"id": "worse", "text": "Which response is worse?"}]}
    both = [group(5, 6), group(5, 6, key="h", rubric=worse)]
    batch = Rewarder({"rubric": BETTER, "scheme": "round_robin"}, jk.Scripted("j", fair)).reward(both)
    assert [[r.outcomes[0].criterion for r in batch.group(key).values()] for key in "gh"] == [
        ["better"] * 2, ["worse"] * 2,
    ]  # fmt: skip


def test_conversations_are_equal_in_all_turns_or_not_at_all():
    end = Message("assistant", "So it is 5.")
    talks = {str(n): (Message("assistant", f"Is it {n}?"), Message("user", "No."), end) for n in (3, 4)}
    mine = Group("g", "Say a number.", {**talks, "again": talks["3"]})
    batch = Rewarder({"rubric": MARKS}, jk.Scripted("j", lambda _: '{"label": "5"}')).reward([mine])

    assert batch.stats["deduped"] == 1
    assert batch.stats["calls"] == 2


def test_a_part_of_the_criteria_is_enough_where_that_is_asked_for():
    rubric = {"id": "r", "criteria": [*MARKS["criteria"], {"id": "kind", "text": "Is it kind?"}]}
    lost = Reply(fault="refused")
    judge = jk.Scripted("j", lambda call: marking(call) if call.asks[0][1] == "good" else lost)

    [strict] = Rewarder({"rubric": rubric}, judge).reward([group(9)])
    [lax] = Rewarder({"rubric": rubric, "partial": True}, judge).reward([group(9)])

    assert (strict.value, lax.value) == (None, 0.9)
    assert lax.components == {"good": 0.9, "kind": None}


@pytest.mark.parametrize(("gate", "status"), [(True, "gated"), (0.5, "gated"), (False, "ok")])
def test_a_gate_may_be_said_by_true_and_false(gate, status):
    check = {"name": "long", "kind": "words_at_most", "weight": 1, "gate": gate, "settings": {"most": 0}}

    [reward] = Rewarder({"rubric": MARKS, "checks": [check]}, jk.Scripted("j", marking)).reward([group(9)])

    assert reward.status == status


@pytest.mark.parametrize("settings", [{}, {"most": "3"}, {"most": 3, "least": 1}])
def test_settings_that_are_not_those_of_a_check_are_refused(settings):
    with pytest.raises(InputError, match="check 'words_at_most' with"):
        check_of("words_at_most", settings)


def test_what_failed_before_an_outage_is_no_part_of_the_next():
    rewarder = Rewarder({"rubric": MARKS}, jk.Scripted("j", lambda _: Reply(fault="refused")))
    with pytest.raises(JudgeOutage, match="9 of 9"):
        rewarder.reward([group(*range(9))])

    assert values(rewarder.reward([group(9)])) == [None]


def test_what_a_gate_stopped_makes_no_outage_smaller():
    gate = {"name": "even", "kind": "matches", "gate": True, "settings": {"pattern": "[2468]"}}
    refusing = jk.Scripted("j", lambda _: Reply(fault="refused"))

    with pytest.raises(JudgeOutage, match="2 of 2"):
        Rewarder({"rubric": MARKS, "checks": [gate]}, refusing).reward([group(2, 4, 1, 3, 5, 7, 9)])


def test_a_server_that_is_down_is_not_asked_to_the_end_and_is_asked_again_for_the_next_batch():
    asked, down = [], True

    def answer(call):
        asked.append(call)
        if down:
            raise ProviderError("connection refused", passing=True)
        return marking(call)

    async def two():
        nonlocal down
        spec = {"rubric": MARKS, "max_failed": 1, "concurrency": 1, "tries": 1}
        async with Rewarder(spec, jk.Scripted("j", answer)) as rewarder:
            many = Group("g", "Say a number.", {str(n): str(n) for n in range(50)})
            with pytest.raises(JudgeOutage) as caught:
                await rewarder([many])
            down = False
            return caught.value, await rewarder([group(5)])

    error, batch = asyncio.run(two())

    assert len(asked) == 20 + 1
    assert [r.value for r in error.run] == [None] * 50
    assert values(batch) == [0.5]


class Absent(jk.Scripted):
    """A judge that is not installed here."""

    def check(self):
        raise InputError("not installed")

    async def __aenter__(self):
        pytest.fail("opened")

    async def __aexit__(self, *_):
        pass


def test_a_judge_without_a_weight_need_not_even_be_there():
    spec = {"rubric": MARKS, "checks": [{"name": "json", "kind": "is_json", "weight": 1}]}
    judge = Absent("absent", marking)

    async def kept_open():
        async with Rewarder({**spec, "judge_weight": 0}, judge) as rewarder:
            return await rewarder([group(5)])

    assert values(asyncio.run(kept_open())) == [1.0]
    with pytest.raises(InputError, match="not installed"):
        Rewarder(spec, judge)


def test_winners_of_both_orders_are_told_by_the_weights_of_the_criteria():
    rubric = load_rubric({"id": "r", "criteria": [
        {"id": "right", "text": "Which is right?", "weight": 5}, {"id": "small", "text": "Which is smaller?"},
    ]})  # fmt: skip

    def judged(call):
        said = fair(call)
        return said if call.asks[0][1] == "right" else said.translate(str.maketrans("AB", "BA"))

    mine = [group(1, 2)]
    batch = Rewarder({"rubric": rubric, "scheme": "round_robin"}, jk.Scripted("j", judged)).reward(mine)

    [pair] = preferences(batch, mine, rubric=rubric)
    assert (pair.chosen, pair.margin) == ("2", pytest.approx(2 / 3))
    assert preferences(batch, mine).dropped == {"orders_disagree": 1}


def test_checks_see_the_tags_of_an_item(monkeypatch):
    check = own_check(monkeypatch, lambda seen: seen.columns["level"] == "hard", weight=1)
    rows = [{"id": each, "task": "Hi", "response": "5", "tags": {"level": each}} for each in ("hard", "easy")]
    spec = {"rubric": MARKS, "judge_weight": 0, "checks": [check]}

    assert values(jk.reward(rows, spec, jk.Scripted("j", marking), own_code=True)) == [1.0, 0.0]


def test_a_group_takes_chat_messages_as_they_are():
    asked = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is it?"}]
    called = [{"role": "assistant", "content": None, "tool_calls": [{"name": "track", "arguments": "{}"}]}]
    made = Group("g", asked, {"a": called, "b": [{"role": "assistant", "content": "Here."}], "c": "There."})

    assert made.task == (Message("system", "Be kind."), Message("user", "Where is it?"))
    assert dict(made.responses) == {"a": (Message("call", "{}", "track"),), "b": "Here.", "c": "There."}
    with pytest.raises(InputError, match="group 'g', response 'a': message 1 is an int"):
        Group("g", "Hi", {"a": [3]})


def test_checks_alone_are_a_reward_without_a_rubric_and_a_judge():
    spec = {
        "judge_weight": 0,
        "checks": [{"name": "right", "kind": "equals_reference", "weight": 1}],
    }
    batch = jk.reward([Group("g", "2 + 2?", {"a": "It is 4", "b": "5", "c": "4"}, reference="4")], spec)

    assert values(batch) == [0.0, 0.0, 1.0]
    assert batch.stats["calls"] == 0


def test_a_setting_that_a_check_does_not_have_is_told_with_those_it_has():
    check = {"name": "right", "kind": "equals_reference", "weight": 1, "settings": {"maths": True}}

    with pytest.raises(InputError, match="its settings are mathematics"):
        Rewarder({"judge_weight": 0, "checks": [check]})
