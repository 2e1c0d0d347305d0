"""ART: groups of its own trajectories, gathered by its own function.

pip install 'openai>=2.14' polars tblib setproctitle nest-asyncio python-dotenv
pip install --no-deps openpipe-art  # it asks for a litellm older than ours
"""

# ruff: noqa: E402 - most imports wait until art is known to be there

import asyncio

import pytest

art = pytest.importorskip("art", reason="openpipe-art is not installed")
from openai.types.chat import ChatCompletionMessage
from openai.types.chat.chat_completion import Choice

import judgekit as jk
from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards import art as border

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many?"}]


def trajectory(*said, asked=ASKED, **fields):
    turns = [
        each
        if isinstance(each, dict)
        else Choice(
            index=0, finish_reason="stop", message=ChatCompletionMessage(role="assistant", content=each)
        )
        for each in said
    ]
    return art.Trajectory(messages_and_choices=[*asked, *turns], **fields)


def gathered(after_each, *groups, **fields):
    async def one(own):
        return art.TrajectoryGroup(own, **fields)

    return asyncio.run(
        art.gather_trajectory_groups([one(own) for own in groups], pbar_desc=None, after_each=after_each)
    )


def said(trajectory):
    return trajectory.messages()[-1]["content"]


def rewards(group):
    return {said(each): each.reward for each in group}


def test_each_trajectory_has_its_own_reward_and_the_old_group_is_as_it_was(marks):
    old = [trajectory("mark 3", reward=9.0, metrics={"steps": 2}), trajectory("mark 8")]

    [new] = gathered(border.after_each(marks()), old)

    assert rewards(new) == {"mark 3": 0.3, "mark 8": 0.8}
    first = next(each for each in new if said(each) == "mark 3")
    assert first.metrics == {"steps": 2, "independent_reward": 9.0, "judgekit/good": 0.3}
    assert first.logs == ["judgekit: ok"]
    assert old[0].reward == 9.0
    assert old[0].logs == []


def test_rewards_go_by_trajectory_whatever_the_order(marks):
    own = [trajectory(f"mark {n}") for n in range(11)]

    forth, back = gathered(border.after_each(marks()), own, own[::-1])

    assert rewards(forth) == rewards(back) == {f"mark {n}": n / 10 for n in range(11)}


def test_it_serves_one_event_loop_after_another(marks):
    judged = border.after_each(marks())

    for n in range(3):
        [new] = gathered(judged, [trajectory(f"mark {n}")] * 2)
        assert rewards(new) == {f"mark {n}": n / 10}


def test_a_trajectory_without_a_reward_is_left_out_and_counted(marks):
    own = [trajectory("mark 3"), trajectory("lost", reward=1.0), trajectory("mark 8")]

    [new] = gathered(border.after_each(marks()), own, metadata={"scenario": 1}, metrics={"seen": 1})

    assert rewards(new) == {"mark 3": 0.3, "mark 8": 0.8}
    assert new.metrics == {"seen": 1, "judgekit/left_out": 1}
    assert new.metadata == {"scenario": 1}


def test_a_group_with_fewer_than_two_rewards_is_skipped(marks):
    assert gathered(border.after_each(marks()), [trajectory("mark 3"), trajectory("lost")]) == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("drop_group", []), ("group_mean", [{"mark 2": 0.2, "lost": 0.3, "mark 4": 0.4}])],
)
def test_the_spec_says_what_becomes_of_a_failure(marks, policy, expected):
    own = [trajectory("mark 2"), trajectory("lost"), trajectory("mark 4")]

    groups = gathered(border.after_each(marks(f'on_failure = "{policy}"')), own)

    assert [rewards(group) for group in groups] == expected


def test_raising_and_too_many_failures_are_raised_out_of_gathering(marks):
    one, many = (
        marks('on_failure = "raise"'),
        [trajectory("mark 2"), *(trajectory(f"lost {n}") for n in range(3))],
    )

    with pytest.raises(JudgeOutage, match="no reward for response '1'"):
        gathered(border.after_each(one), many[:2])
    with pytest.raises(JudgeOutage, match="3 of 4 rewards failed"):
        gathered(border.after_each(marks()), many)


def test_the_task_is_what_all_begin_with_and_the_rest_is_judged():
    seen = []

    def noting(call):
        seen.append((call.item.task, call.item.responses["response"]))
        return '{"label": "yes"}'

    rubric = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
    tool = {"role": "user", "content": "The tool says 4."}
    own = [trajectory("Let me see.", tool, "Four."), trajectory("Four."), trajectory("Four.")]

    [new] = gathered(border.after_each({"rubric": rubric}, jk.Scripted("noting", noting)), own)

    assert len(new) == 3
    assert len(seen) == 2
    assert [message.content for message in seen[0][0]] == ["Be brief.", "How many?"]
    assert {text if isinstance(text, str) else tuple(m.content for m in text) for _, text in seen} == {
        "Four.", ("Let me see.", "The tool says 4.", "Four."),
    }  # fmt: skip


def test_what_the_model_said_is_no_part_of_the_task_though_all_said_it():
    seen = []

    def noting(call):
        seen.append(call.item)
        return '{"label": "yes"}'

    rubric = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}

    gathered(border.after_each({"rubric": rubric}, jk.Scripted("noting", noting)), [trajectory("Four.")] * 2)

    [item] = seen
    assert (len(item.task), item.responses) == (2, {"response": "Four."})


def test_a_relative_scheme_sees_the_whole_group():
    rubric = {"id": "tone", "criteria": [{"id": "more", "text": "Which says more?", "about": "pair"}]}
    judged = border.after_each({"rubric": rubric, "scheme": "round_robin"}, "control:longer")

    [new] = gathered(judged, [trajectory("aaa"), trajectory("a"), trajectory("aa")])

    assert rewards(new) == {"a": 0.0, "aa": 0.5, "aaa": 1.0}


def test_trajectories_that_share_no_task_are_refused(marks):
    own = [trajectory("mark 3", asked=[{"role": "user", "content": text}]) for text in ("How many?", "Who?")]

    with pytest.raises(InputError, match="begin with different messages, so they share no task"):
        gathered(border.after_each(marks()), own)


def test_a_reference_that_is_no_text_is_refused(marks):
    row = {"answer": True}

    with pytest.raises(InputError, match="the group's 'answer' is a bool"):
        gathered(border.after_each(marks(), reference="answer"), [trajectory("mark 3")] * 2, metadata=row)


def test_further_histories_are_refused(marks):
    own = trajectory("mark 3", additional_histories=[art.trajectories.History(messages_and_choices=ASKED)])

    with pytest.raises(InputError, match="trajectory 1 has additional histories"):
        gathered(border.after_each(marks()), [trajectory("mark 3"), own])


def test_exceptions_of_the_group_are_kept(marks):
    own = [trajectory("mark 3"), ValueError("lost"), trajectory("mark 4")]

    [new] = gathered(border.after_each(marks()), own)

    assert [each.message for each in new.exceptions] == ["lost"]


def test_the_lines_of_the_docstring_gather_groups(marks, lines_of, monkeypatch):
    monkeypatch.chdir(marks().parent)

    async def group():
        return art.TrajectoryGroup([trajectory("mark 1"), trajectory("mark 9")])

    lines = "\n".join(f"    {line}" for line in lines_of(border).splitlines())
    named = {}
    exec(f"async def shown(groups):\n{lines}\n    return groups", named)  # noqa: S102 - what is tested

    [new] = asyncio.run(named["shown"]([group()]))

    assert rewards(new) == {"mark 1": 0.1, "mark 9": 0.9}
