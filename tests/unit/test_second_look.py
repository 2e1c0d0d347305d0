"""A second look: what is shown, what holds, and whether it helped."""

import hashlib
import json
import re

import pytest

import judgekit as jk
from judgekit.agreement import second_look
from judgekit.agreement.auditing.audit import figures
from judgekit.errors import InputError
from judgekit.types import Abstention

RUBRIC = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
TWO = {
    "id": "r",
    "criteria": [{"id": "kind", "text": "Is it kind?"}, {"id": "short", "text": "Is it short?"}],
}
ITEM = {"id": "1", "task": "Where?", "response": "At the depot."}
SHOWN = re.compile(r"<earlier ([0-9a-f]{24})>\n(.*)\n</earlier \1>", re.DOTALL)


def shown(call):
    """Return the first answer that a call shows; None in the first round."""
    found = SHOWN.search("\n".join(message.content for message in call.messages))
    return None if found is None else found[2]


def said(label, why=""):
    return json.dumps({"evidence": [], "rationale": why, "label": label})


def looked(judge, items=(ITEM,), rubric=RUBRIC, **options):
    judge = jk.Scripted("j", judge) if callable(judge) else judge
    return jk.score(list(items), rubric, judge, recipe="second-look", ledger=None, progress=False, **options)


def test_a_judge_sees_its_own_answer_fenced_behind_the_response_and_its_second_holds():
    asked = []

    def judge(call):
        asked.append(call)
        return said("no" if shown(call) else "yes", "because of its </earlier> tone")

    run = looked(judge)
    text = asked[1].messages[-1].content

    assert shown(asked[0]) is None
    assert shown(asked[1]) == "answer: yes\nreasons: because of its </earlier> tone"
    assert text.index("At the depot.") < text.index("<earlier")
    assert "confirm it" in asked[1].messages[0].content
    assert "confirm it" not in asked[0].messages[0].content
    [outcome] = run.outcomes
    assert (outcome.label, outcome.flags) == ("no", ("first_pass:yes", "revised"))
    assert [score.value for score in run.scores if score.level == "rubric"] == [0.0]
    assert run.summary["calls"] == 2


def test_the_first_round_is_the_one_that_any_run_asks():
    keys = []
    judge = jk.Scripted("j", lambda call: keys.append(call.key) or said("yes"))

    jk.score([ITEM], RUBRIC, judge, ledger=None, progress=False)
    looked(judge)

    assert keys[0] == keys[1]
    assert keys[1] != keys[2]


def test_both_rounds_are_planned():
    seen = jk.preview([ITEM], TWO, jk.Scripted("j", said), recipe="second-look", ledger=None, reask=False)

    assert (seen.least, seen.most) == (2, 4)


def test_what_was_confirmed_is_not_revised():
    [outcome] = looked(lambda _: said("yes")).outcomes

    assert outcome.flags == ("first_pass:yes",)


@pytest.mark.parametrize(("first", "second", "label", "flags", "calls"), [
    ("yes", None, "yes", ("second_lost",), 2),
    (None, "yes", None, None, 1),  # nothing to look at again
])  # fmt: skip
def test_what_is_lost_is_said(first, second, label, flags, calls):
    def judge(call):
        answer = second if shown(call) else first
        return "I cannot say." if answer is None else said(answer)

    run = looked(judge, reask=False)
    [outcome] = run.outcomes

    assert run.summary["calls"] == calls
    if label is None:
        assert isinstance(outcome, Abstention)
    else:
        assert (outcome.label, outcome.flags) == (label, flags)


def test_pairs_are_shown_their_letter_of_that_order():
    told = []

    def judge(call):
        if shown(call):
            told.append((call.shown, shown(call).splitlines()[0]))
        return json.dumps({"label": "AB"[call.shown.index("x")]})

    item = {"id": "1", "task": "Hi", "responses": {"x": "Hello.", "y": "What?"}}
    run = looked(judge, [item], protocol="compare")

    assert sorted(told) == [(("x", "y"), "answer: A"), (("y", "x"), "answer: B")]
    assert {o.flags for o in run.outcomes} == {("first_pass:first",)}
    assert [score.value for score in run.scores] == [1.0]


def test_several_criteria_of_a_call_are_shown_together():
    told = []

    def judge(call):
        told.append(shown(call))
        return json.dumps({c: json.loads(said("yes")) for c in ("kind", "short")})

    looked(judge, rubric=TWO, per_call=None)

    assert told == [None, "kind: yes\nshort: yes"]


def test_rules_and_ranks_are_not_looked_at_again():
    pair = {"id": "1", "task": "Hi", "responses": {"x": "Hello.", "y": "What?"}}
    run = jk.score([pair], RUBRIC, "control:longer", recipe="second-look", protocol="compare",
                   ledger=None, progress=False)  # fmt: skip

    assert all(not o.flags for o in run.outcomes)
    assert run.summary["calls"] == 2
    with pytest.raises(InputError, match="not at ranks"):
        looked(lambda _: "", [pair], protocol="rank")


# What it did to right and wrong answers.


def test_gain_and_mid_p_are_those_of_the_two_by_two_table():
    first = [1] * 60 + [0] * 40
    second = [1] * 52 + [0] * 8 + [1] * 20 + [0] * 20
    found = second_look([1] * 100, first, second)

    assert (found.right_right, found.right_wrong, found.wrong_right, found.wrong_wrong) == (52, 8, 20, 20)
    assert found.gain.value == pytest.approx(0.12)
    assert found.gain.low < 0.12 < found.gain.high
    assert found.p == pytest.approx(0.02412, abs=1e-5)  # 2 P(X < 8) + P(X = 8), X of 28 with 1/2
    assert (found.fixed.value, found.broken.value) == (0.5, pytest.approx(8 / 60))


def test_answers_without_a_second_or_a_label_are_counted_and_left_out():
    nan = float("nan")
    found = second_look([1, 1, nan, 1], [1, 0, 1, 1], [1, 1, 1, nan])

    assert (found.lost, found.right_right, found.wrong_right) == (2, 1, 1)


def number(call, salt):
    """Return a number on [0, 1] drawn from an item and a word."""
    digest = hashlib.sha256(f"{call.item.item_id} {salt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def truth(call):
    return "yes" if number(call, "truth") < 0.5 else "no"


def other(label):
    return "no" if label == "yes" else "yes"


def judge_of(mends, breaks):
    """Return a judge that is right in .75, and then mends wrong answers and breaks right ones so often."""

    def judge(call):
        right = number(call, "first") < 0.75
        if shown(call):
            right = number(call, "second") >= breaks if right else number(call, "second") < mends
        return said(truth(call) if right else other(truth(call)))

    return judge


ITEMS = [{"id": str(i), "task": "Where?", "response": f"Answer {i}."} for i in range(400)]


@pytest.mark.parametrize(
    ("mends", "breaks", "sign"), [(0.6, 0.05, 1), (0.5, 0.5, -1), (0.0, 0.0, 0)],
    ids=["a verifier better than chance gains", "a coin loses", "who always confirms gains nothing"],
)  # fmt: skip
def test_what_the_audit_says_of_a_second_look(mends, breaks, sign):
    run = looked(judge_of(mends, breaks), ITEMS)

    class Of:
        def __init__(self, item_id):
            self.item = self
            self.item_id = item_id

    labels = [{"item_id": i["id"], "rater": "ann", "label": truth(Of(i["id"]))} for i in ITEMS]
    found = jk.agree(verdicts=run, labels=labels, rubric=RUBRIC, trusted=True)
    look = found.criteria[0].judges[0].second_look

    assert run.summary["calls"] == 800
    assert look.right_right + look.right_wrong + look.wrong_right + look.wrong_wrong == 400
    if sign == 0:
        assert look.gain.value == 0
        assert look.p != look.p
    else:
        assert look.gain.low * sign > 0 or look.gain.high * sign > 0
        assert look.gain.value * sign > 0.05
        assert look.p < 0.01
    [figure] = [each for each in figures(found) if each.kind == "second_look"]
    assert "right to wrong" in figure.notes[0]
