"""What checks and the length penalty look at: the final answer, its words, its tokens."""

import pytest

import judgekit as jk
from judgekit.rewards.core.checks import Checking, check_of, final, words
from judgekit.rewards.core.records import Group
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.types import Message

MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}
BEST = jk.Scripted("best", lambda _: '{"label": "10"}')


def turns(*said):
    return tuple(Message(role, content) for role, content in said)


def check(kind, response, reference=None, **settings):
    return check_of(kind, settings)(Checking("", response, reference, {}))


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("It is 42.", "It is 42."),
        ("<think>Perhaps 41.</think>\n42", "42"),
        ("Perhaps 41.</think>\n42", "42"),
        ("42 <think>or 41?</think>", "42"),
        ("<think>a</think>b<THINK>c</THINK>d", "bd"),
        ("[THINK]Perhaps 41.[/THINK]42", "42"),
        ("<think>Perhaps 41, or 42", ""),
        ("<reasoning>41</reasoning><think>40</think>42", "42"),
        ("<|channel|>analysis<|message|>41<|end|><|channel|>final<|message|>42", "42"),
        ("", ""),
        (turns(("assistant", "Let me look."), ("tool", "41"), ("assistant", "<think>41?</think>42")), "42"),
        (turns(("assistant", "Let me look."), ("tool", "42")), "Let me look."),
        (turns(("policy", "41"), ("policy", "42")), "42"),
    ],
)
def test_the_final_answer_is_the_last_message_without_reasoning(response, said):
    assert final(response) == said


TALK = turns(("assistant", "Let me look."), ("tool", "The answer is 42."), ("assistant", "I cannot say."))


@pytest.mark.parametrize(
    ("kind", "settings", "response", "on_final", "on_whole"),
    [
        ("contains_reference", {}, TALK, 0.0, 1.0),
        ("contains_reference", {}, "<think>42?</think>No idea.", 0.0, 1.0),
        ("equals_reference", {}, "<think>It is 42.", 0.0, 0.0),
        ("says_something", {}, "<think>It is 42.", 0.0, 1.0),
        ("words_at_most", {"most": 3}, TALK, 1.0, 0.0),
        ("matches", {"pattern": "42"}, TALK, 0.0, 1.0),
        ("is_json", {}, "<think>What?</think>{}", 1.0, 0.0),
    ],
)
def test_a_check_looks_at_the_final_answer_unless_it_is_to_look_at_all(
    kind, settings, response, on_final, on_whole
):
    def value(part):
        spec = {"rubric": MARKS, "judge_weight": 0.0}
        spec["checks"] = [{"name": "c", "kind": kind, "weight": 1, "settings": settings, **part}]
        [reward] = Rewarder(spec, BEST).reward([Group("g", "T", {"a": response}, "42")])
        return reward.value

    assert (value({}), value({"part": "whole"})) == (on_final, on_whole)


def test_code_of_the_users_sees_both(monkeypatch, tmp_path):
    (tmp_path / "own_check.py").write_text(
        "def see(seen):\n    return (seen.response, seen.whole) == ('42', '<think>41</think>42')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = {"rubric": MARKS, "judge_weight": 0.0}
    spec["checks"] = [{"name": "c", "kind": "py:own_check:see", "weight": 1}]

    [reward] = Rewarder(spec, BEST, own_code=True).reward([Group("g", "T", {"a": "<think>41</think>42"})])

    assert reward.value == 1.0


@pytest.mark.parametrize(("part", "value"), [({}, 1.0), ({"part": "whole"}, 0.5)])
def test_length_takes_nothing_for_what_was_thought_or_said_by_tools(part, value):
    spec = {"rubric": MARKS, "length": {"target": 10, "share": 0.5, **part}}
    long = turns(("assistant", "<think>" + "hm " * 50 + "</think>"), ("tool", "x " * 50), ("assistant", "42"))

    [reward] = Rewarder(spec, BEST).reward([Group("g", "T", {"a": long})])

    assert reward.value == value


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0), ("one two", 2), ("\u6771" * 20_000, 20_000), ("\u3053\u308c\u306f OK \u3067\u3059", 6),
        ("\ud55c\uad6d\uc5b4 \ub2e8\uc5b4", 2), ("\u0e01" * 20_000, 1_000), ("x" * 20, 1), ("x" * 21, 2),
    ],
)  # fmt: skip
def test_a_text_without_blanks_is_not_one_word(text, n):
    assert words(text) == n


def test_a_long_text_in_chinese_is_penalised():
    spec = {"rubric": MARKS, "length": {"target": 100, "share": 0.5}}

    [reward] = Rewarder(spec, BEST).reward([Group("g", "T", {"a": "\u6771" * 20_000})])

    assert reward.value == 0.5


@pytest.mark.parametrize(
    ("response", "reference", "there"),
    [
        ("It is 42.", "42", True), ("It is 1423.", "42", False), ("I know.", "no", False),
        ("No, it is not.", "no", True), ("It costs 1,423 euros", "1423", True), ("x=-42", "42", False),
        ("42.5", "42", False), ("0.42", "42", False), ("42%", "42", True), ("the 42nd", "42", False),
        ("1, 42, 3", "42", True), ("1,42,3", "42", True), ("Answer: **42**", "42.0", True),
        ("the Saint-Denis area", "saint denis", True), ("New York City", "new york", True),
        ("NewYork", "new york", False), ("He said: \u201cParis\u201d!", "Paris", True),
        ("a > b", "a < b", False), ("a < b", "a<b", True), ("nobody", "body", False), ("_42_", "42", True),
        ("Well ...", "...", True), ("Well", "...", False), ("\u6771\u4eac\u3067\u3059", "\u6771\u4eac", True),
    ],
)  # fmt: skip
def test_a_reference_is_found_as_whole_words_and_numbers(response, reference, there):
    assert check("contains_reference", response, reference) is there


@pytest.mark.parametrize(("response", "something"), [
    ("42", True), ("B", True), ("No", True), ("\u662f", True), ("0", True), ("", False), (" \n", False),
    ("...", False), (":", False), ("Thought process:", False), ("Solution", False), ("N/A", False),
])  # fmt: skip
def test_a_short_answer_is_something(response, something):
    assert check("says_something", response) is something


@pytest.mark.parametrize(
    ("response", "reference"),
    [
        ("6 * 7 = 42\n#### 42", "42"),
        ("#### 1,042", "1042"),
        ("The answer is 42", "42"),
        ("So the final answer is: **42**.", "42"),
        ("The answer is 42.\nHope this helps!", "42"),
        (r"It is \boxed{\text{Paris}}", "Paris"),
        (r"$$\boxed{\mathrm{Paris}}$$", "paris"),
        (r"The answer is $\boxed{42}$, as said.", "42"),
        ("### Final Answer:\n\n42", "42"),
        ("The answer is below:\n42", "42"),
        (r"Therefore:" + "\n" + r"\(42\)", "42"),
        ("42", "6*7\n#### 42"),
        ("Paris", r"It is \boxed{\text{Paris}}"),
        ("Answer: `42`", "42"),
        ("Answer: 3.14", "3.14"),
    ],
)
def test_an_answer_is_read_where_it_is_marked(response, reference):
    assert check("equals_reference", response, reference) is True


@pytest.mark.parametrize(
    ("response", "reference", "equal"),
    [
        (r"So \boxed{\frac{1}{2}}.", "0.5", True), ("The answer is (x+1)^2", "x^2 + 2x + 1", True),
        ("#### 1/3", "0.33", False), ("Paris", "Lutetia", False), ("9^9^9^9^9", "1", False),
    ],
)  # fmt: skip
def test_answers_are_equal_as_mathematics_where_that_is_asked_for(response, reference, equal):
    spec = {"rubric": MARKS, "judge_weight": 0.0}
    check_ = {"name": "c", "kind": "equals_reference", "weight": 1}
    asked = [check_, {**check_, "name": "d", "settings": {"mathematics": True}}]

    [reward] = Rewarder({**spec, "checks": asked}, BEST).reward([Group("g", "T", {"a": response}, reference)])

    assert reward.components == {"c": 0.0, "d": float(equal)}


@pytest.mark.parametrize(
    ("response", "reference"),
    [
        ("The answer is 42 or 43.", "42"), ("The answer is 42.\nNo: the answer is 43.", "42"),
        (r"\boxed{42} is wrong.\nThe answer is 43", "42"), ("#### 41\n42?\n#### 43", "42"),
        ("The answer is not 42", "42"), (r"\boxed{\text{Not Paris}}", "Paris"),
    ],
)  # fmt: skip
def test_an_answer_that_is_hedged_or_taken_back_is_none(response, reference):
    assert check("equals_reference", response, reference) is False


def test_a_pattern_that_never_ends_is_given_up_and_holds_up_nobody():
    spec = {"rubric": MARKS, "max_failed": 1, "judge_weight": 0.0}
    spec["checks"] = [{"name": "c", "kind": "matches", "weight": 1, "settings": {"pattern": "(a|aa)+$"}}]

    [reward] = Rewarder(spec, BEST).reward([Group("g", "T", {"a": "a" * 60 + "!"})])

    assert reward.value is None
    assert "TimeoutError" in reward.reason


def test_of_more_than_a_check_looks_at_it_cannot_say():
    spec = {"rubric": MARKS, "max_failed": 1}
    spec["checks"] = [{"name": "c", "kind": "says_something", "weight": 1}]

    [reward] = Rewarder(spec, BEST).reward([Group("g", "T", {"a": "x" * 300_000})])

    assert (reward.value, reward.status) == (None, "failed")
    assert "300000 characters are more than the " in reward.reason
