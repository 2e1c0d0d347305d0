"""Functions are judges, and say what they think plainly."""

import asyncio
import sys

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.judges.resolve import resolve

TONE = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
MARKS = {"id": "marks", "criteria": [{"id": "good", "text": "How good is it?", "scale": "0-10"}]}
BOTH = {"id": "both", "criteria": [*TONE["criteria"], *MARKS["criteria"]]}
ITEM = {"id": "1", "task": "Hi", "response": "Hello"}


async def later(_):
    await asyncio.sleep(0)
    return 7


@pytest.mark.parametrize("form", ["json", "text", "letters"])
@pytest.mark.parametrize("said", ["no", False, {"polite": "no"}])
def test_what_a_function_says_plainly_is_a_verdict_in_every_form(said, form):
    [outcome] = jk.score([ITEM], TONE, lambda _: said, form=form).outcomes

    assert outcome.label == "no"


@pytest.mark.parametrize(
    ("rubric", "said", "label"),
    [
        (TONE, True, "yes"), (MARKS, 7, "7"), (MARKS, 7.0, "7"), (TONE, {"label": "no"}, "no"),
        (TONE, '{"label": "no"}', "no"), (TONE, {"polite": {"label": "no", "rationale": "x"}}, "no"),
    ],
)  # fmt: skip
def test_numbers_mappings_and_texts_of_replies_are_verdicts(rubric, said, label):
    [outcome] = jk.score([ITEM], rubric, lambda _: said).outcomes

    assert outcome.label == label


def test_a_function_answers_all_that_is_asked_in_one_call():
    run = jk.score([ITEM], BOTH, lambda _: {"polite": "yes", "good": 7}, per_call=None)

    assert {o.criterion: o.label for o in run.outcomes} == {"polite": "yes", "good": "7"}


def test_a_function_may_be_awaited_and_has_its_own_name():
    [outcome] = jk.score([ITEM], MARKS, later).outcomes

    assert (outcome.rater, outcome.label) == ("later", "7")


def test_a_function_rewards():
    batch = jk.reward([ITEM], {"rubric": MARKS}, later)

    assert [reward.value for reward in batch] == [0.7]


def test_what_is_nothing_that_can_be_said_is_an_abstention_with_its_text():
    [outcome] = jk.score([ITEM], MARKS, lambda _: None).outcomes

    assert outcome.reason == "unreachable"
    assert "a judge said None, which is no Reply" in outcome.detail


@pytest.mark.parametrize("judge", [lambda: "yes", 7, object(), jk.Scripted])
def test_what_is_no_judge_is_told(judge):
    with pytest.raises(InputError, match="judge"):
        resolve(judge)


def test_a_function_may_be_named_on_the_command_line(tmp_path, monkeypatch):
    (tmp_path / "own_judges.py").write_text(
        "import judgekit as jk\ndef plain(call):\n    return 7\n"
        "def made():\n    return jk.Scripted('made', plain)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_judges", raising=False)

    assert resolve("py:own_judges:plain", own_code=True).name == "plain"
    assert resolve("py:own_judges:made", own_code=True).name == "made"
