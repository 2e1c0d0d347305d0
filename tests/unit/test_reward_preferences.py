"""Preference data: what is kept, what is dropped and counted, and the rows of each format."""

import pytest

from judgekit import Scripted
from judgekit.errors import InputError
from judgekit.rewards.core.preferences import Labelled, Preference, exported, labelled, preferences
from judgekit.rewards.core.records import Batch, Group, Reward
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.types import Message, Reply

GROUP = Group("q", "Hi", {"a": "aa", "b": "bb", "c": "cc", "d": "dd"})


def batch_of(*rewards):
    told = [Reward("q", name, value, status) for name, value, status in rewards]
    return Batch({(r.group, r.response): r for r in told}, {})


def named(found):
    return [(p.chosen_id, p.rejected_id) for p in found]


def test_ties_failures_and_imputed_rewards_make_no_pair():
    batch = batch_of(("a", 1.0, "ok"), ("b", 0.9, "ok"), ("c", 0.0, "imputed"), ("d", None, "failed"))

    found = preferences(batch, [GROUP], margin=0.2)

    assert len(found) == 0
    assert found.dropped == {"tie": 1, "no_reward": 2}


def test_a_gated_response_is_rejected_against_one_that_was_not():
    batch = batch_of(("a", 1.0, "ok"), ("b", 0.0, "gated"), ("c", 0.1, "vetoed"), ("d", 0.5, "ok"))

    assert named(preferences(batch, [GROUP], margin=0.5)) == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("d", "b"),
    ]  # fmt: skip


def test_the_extremes_are_one_pair_a_group():
    batch = batch_of(("a", 0.2, "ok"), ("b", 0.9, "ok"), ("c", 0.1, "ok"), ("d", 0.5, "ok"))

    assert named(preferences(batch, [GROUP], each="extremes")) == [("b", "c")]


def test_equal_texts_are_one_response():
    group = Group("q", "Hi", {"a": "same", "b": "same", "c": "other", "d": "other"})
    batch = batch_of(("a", 1.0, "ok"), ("b", 1.0, "ok"), ("c", 0.0, "ok"), ("d", 0.0, "ok"))

    assert named(preferences(batch, [group])) == [("a", "c")]


@pytest.mark.parametrize("margin", [0, -0.1, float("nan")])
def test_a_margin_that_lets_ties_through_is_refused(margin):
    with pytest.raises(InputError, match="would make preferences of ties"):
        preferences(batch_of(), [], margin=margin)


def test_a_response_that_the_batch_does_not_know_is_an_error():
    with pytest.raises(InputError, match="no reward for response 'b' of group 'q'"):
        preferences(batch_of(("a", 1.0, "ok")), [GROUP])


def judged_in_pairs(answer, responses=None, **spec):
    rubric = {"id": "tone", "criteria": [{"id": "kind", "text": "Which is kinder?"}]}
    group = Group("q", "Hi", responses or {"a": "kind", "b": "rude"})
    rewarder = Rewarder(
        {"rubric": rubric, "scheme": "round_robin", "max_failed": 1.0, **spec}, Scripted("judge", answer)
    )
    return rewarder.reward([group]), [group]


def kinder(call):
    first, second = (call.item.responses[name].startswith("kind") for name in call.shown)
    return '{"label": "%s"}' % ("tie" if first == second else "A" if first else "B")


def test_a_pair_with_the_same_winner_in_both_orders_is_kept():
    found = preferences(*judged_in_pairs(kinder))

    assert [(p.chosen, p.rejected, p.margin) for p in found] == [("kind", "rude", 1.0)]


def test_a_judge_that_takes_whatever_comes_first_gives_no_pair():
    batch, groups = judged_in_pairs(lambda _: '{"label": "A"}')

    assert preferences(batch, groups).dropped == {"tie": 1}


def test_a_winner_in_one_order_only_is_no_pair():
    def half(call):
        return '{"label": "tie"}' if call.item.responses[call.shown[0]] == "rude" else kinder(call)

    batch, groups = judged_in_pairs(half)

    assert batch["q", "a"].value == 0.75
    assert preferences(batch, groups).dropped == {"orders_disagree": 1}
    assert len(preferences(batch, groups, both_orders=False)) == 1


def test_a_pair_shown_in_one_order_only_is_no_pair():
    batch, groups = judged_in_pairs(kinder, orders="given")

    assert preferences(batch, groups).dropped == {"one_order": 1}
    assert len(preferences(batch, groups, both_orders=False)) == 1


def test_a_comparison_that_failed_in_one_order_is_one_order():
    def half(call):
        lost = call.item.responses[call.shown[0]] == "rude"
        return Reply(fault="refused") if lost else kinder(call)

    batch, groups = judged_in_pairs(half)

    assert len(preferences(batch, groups)) == 0
    assert set(preferences(batch, groups).dropped) <= {"one_order", "no_reward"}


def test_a_circle_gives_no_pair_against_the_rewards():
    """a beats b, b beats c, c beats a and d beats only a: then c is above a, and a above d."""
    beats = {("aa", "bb"), ("bb", "cc"), ("cc", "aa"), ("dd", "aa"), ("bb", "dd"), ("cc", "dd")}

    def judge(call):
        first, second = (call.item.responses[name] for name in call.shown)
        return '{"label": "%s"}' % ("A" if (first, second) in beats else "B")

    batch, groups = judged_in_pairs(judge, dict(GROUP.responses))
    values = {name: round(batch["q", name].value, 3) for name in "abcd"}
    found = preferences(batch, groups, margin=0.1)

    assert values == {"a": 0.333, "b": 0.667, "c": 0.667, "d": 0.333}
    assert sorted(named(found)) == [("b", "d"), ("c", "a"), ("c", "d")]
    assert found.dropped == {"tie": 2, "against_rewards": 1}


def test_several_judges_are_one_voice_in_each_order():
    rubric = {"id": "tone", "criteria": [{"id": "kind", "text": "Which is kinder?"}]}
    group = Group("q", "Hi", {"a": "kind", "b": "rude"})
    judges = [
        Scripted("one", kinder),
        Scripted("two", kinder),
        Scripted("first", lambda _: '{"label": "A"}'),
    ]
    batch = Rewarder({"rubric": rubric, "scheme": "round_robin"}, judges).reward([group])

    assert named(preferences(batch, [group])) == [("a", "b")]


def test_labels_are_given_beyond_the_bars_only():
    batch = batch_of(("a", 0.7, "ok"), ("b", 0.3, "ok"), ("c", 0.5, "ok"), ("d", None, "failed"))

    found = labelled(batch, [GROUP], good=0.7, bad=0.3)

    assert [(each.response_id, each.label) for each in found] == [("a", True), ("b", False)]
    assert found.dropped == {"tie": 1, "no_reward": 1}
    with pytest.raises(InputError, match=r"bad=0\.5 is not below good=0\.5"):
        labelled(batch, [GROUP], good=0.5, bad=0.5)


PAIR = Preference("q", "Hi", "good", "bad", "a", "b", 0.5)
CHAT = Preference("c", (Message("system", "s"), Message("user", "u")), "good", "bad", "a", "b", 0.5)
GOOD = Labelled("q", "Hi", "good", "a", True, 0.9)


@pytest.mark.parametrize("form", ["trl", "openrlhf"])
def test_pairs_are_plain_text_until_one_of_them_is_a_conversation(form):
    assert exported([PAIR], form) == [{"prompt": "Hi", "chosen": "good", "rejected": "bad", "margin": 0.5}]

    plain, chat = exported([PAIR, CHAT], form)

    assert plain["prompt"] == [{"role": "user", "content": "Hi"}]
    assert chat["prompt"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    assert chat["chosen"] == [{"role": "assistant", "content": "good"}]


def test_the_other_forms_of_a_pair():
    user, good, bad = (
        {"role": role, "content": text}
        for role, text in (("user", "Hi"), ("assistant", "good"), ("assistant", "bad"))
    )

    assert exported([PAIR], "axolotl") == [{"messages": [user], "chosen": good, "rejected": bad}]
    assert exported([PAIR], "llamafactory") == [
        {"instruction": "Hi", "input": "", "chosen": "good", "rejected": "bad"}
    ]
    assert exported([PAIR], "nemo_rl") == [
        {
            "context": [user],
            "completions": [{"rank": 0, "completion": [good]}, {"rank": 1, "completion": [bad]}],
            "task_name": "judgekit",
        }
    ]


def test_tinker_gets_the_chosen_one_in_either_place_and_never_a_tie():
    pairs = [Preference("q", "Hi", f"good {n}", f"bad {n}", "a", "b", 0.5) for n in range(40)]

    rows = exported(pairs, "tinker")

    for row in rows:
        assert row["comparison"][f"completion_{row['label']}"][0]["content"].startswith("good")
    assert 10 <= sum(row["label"] == "A" for row in rows) <= 30
    assert {row["label"] for row in rows} == {"A", "B"}


@pytest.mark.parametrize("form", ["trl", "tinker", "nemo_rl", "openrlhf", "axolotl", "llamafactory"])
def test_a_tie_made_by_hand_is_refused_by_every_format(form):
    with pytest.raises(InputError, match="is a tie, no preference"):
        exported([Preference("q", "Hi", "x", "y", "a", "b", 0.0)], form)


def test_labels_are_true_booleans():
    assert exported([GOOD], "kto") == [{"prompt": "Hi", "completion": "good", "label": True}]
    assert exported([GOOD], "kto_llamafactory") == [
        {
            "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "good"}],
            "kto_tag": True,
        }
    ]


def test_labels_of_conversations_are_lists_of_messages():
    chat = Labelled("c", CHAT.task, "good", "a", False, 0.0)

    plain, row = exported([GOOD, chat], "kto")

    assert plain["prompt"] == [{"role": "user", "content": "Hi"}]
    assert plain["completion"] == row["completion"] == [{"role": "assistant", "content": "good"}]
    assert row["prompt"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


@pytest.mark.parametrize(
    ("records", "form", "told"),
    [
        ([PAIR], "dpo", "no format 'dpo'; there are trl"),
        ([GOOD], "trl", "takes Preferences, not a Labelled"),
        ([PAIR], "kto", "takes Labelleds, not a Preference"),
        ([CHAT], "llamafactory", "holds plain texts only"),
        (
            [Preference("q", "Hi", (Message("assistant", "x"),) * 2, "y", "a", "b", 1.0)],
            "axolotl",
            "takes one message, chosen has 2",
        ),
    ],
)
def test_what_does_not_fit_a_format_is_refused(records, form, told):
    with pytest.raises(InputError, match=told):
        exported(records, form)
