"""What tables say of pairs: both responses, the spread over samples, and what a score rests on."""

import json

import pytest

import judgekit as jk
from judgekit.table import read_outcomes, read_scores

TONE = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
TWO = {
    "id": "two",
    "criteria": [{"id": "kind", "text": "Is it kind?"}, {"id": "short", "text": "Is it short?"}],
}
THREE = [{"id": "1", "task": "Hi", "responses": {"a": "Hello.", "b": "Yo.", "c": "What?"}}]
PAIR = [{"id": "1", "task": "Hi", "responses": {"a": "Hello.", "b": "Yo."}}]
PAIRS = [("a", "b"), ("a", "c"), ("b", "c")]


def prefers(sign):
    """A judge that prefers the response with a sign in it."""

    def judge(call):
        better = [name for name in call.shown if sign in call.item.responses[name]]
        return json.dumps({"label": "AB"[call.shown.index(better[0])] if better else "tie"})

    return jk.Scripted(f"prefers {sign}", judge)


def by_sample(call):
    """The first of the pair in samples 0 and 1, the second in sample 2."""
    first = call.shown.index("a")
    return json.dumps({"label": "AB"[first if call.sample < 2 else 1 - first]})


def test_both_responses_of_a_pair_stand_in_every_table(tmp_path):
    run = jk.compare(THREE, TONE, prefers("e"), ledger=None)
    run.save(tmp_path)

    for read, kind in ((read_scores, "scores"), (read_outcomes, "outcomes")):
        made = getattr(run, kind)
        assert list(dict.fromkeys(each.unit.responses for each in made)) == PAIRS
        for source in (tmp_path / f"{kind}.jsonl", tmp_path / f"{kind}.parquet", run.frame(kind)):
            assert read(source) == list(made)


def test_one_judge_with_several_samples_has_a_spread_and_an_interval_over_them():
    [score] = jk.compare(PAIR, TONE, jk.Scripted("j", by_sample), samples=3, ledger=None).scores

    assert score.value == pytest.approx(2 / 3)
    assert score.spread == {"sample": pytest.approx(0.57735, abs=1e-5)}
    assert score.low == 0.0
    assert score.high == 1.0
    assert score.n_verdicts == 6


def test_the_score_of_a_rubric_has_them_too():
    run = jk.compare(PAIR, TWO, jk.Scripted("j", by_sample), samples=3, ledger=None)
    whole = run.scores[-1]
    panel = jk.compare(PAIR, TWO, [prefers("e"), prefers("o")], ledger=None).scores[-1]

    assert (whole.level, whole.spread) == ("rubric", {"sample": pytest.approx(0.57735, abs=1e-5)})
    assert whole.low is not None
    assert panel.spread.keys() == {"judge"}
    assert panel.low is not None


def test_a_sample_that_lost_an_order_says_nothing_of_the_spread():
    def judge(call):
        return "?" if call.sample == 1 and call.shown == ("b", "a") else by_sample(call)

    [score] = jk.compare(PAIR, TONE, jk.Scripted("j", judge), samples=3, reask=False, ledger=None).scores

    assert score.spread == {"sample": pytest.approx(0.70711, abs=1e-5)}


def test_two_scores_in_one_reply_are_one_verdict_on_the_pair():
    def judge(call):
        if call.sample == 2 and call.shown == ("b", "a"):
            return '{"A": 7}'
        return json.dumps(dict(zip("AB", [9 if name == "a" else 5 for name in call.shown], strict=True)))

    run = jk.score(PAIR, None, jk.Scripted("j", judge), recipe="faireval", ledger=None, reask=False)

    assert run.summary["calls"] == 6
    assert run.scores[0].n_verdicts == 5
    assert dict(run.scores[0].n_abstained) == {"missing": 1}


@pytest.mark.parametrize("verb", [jk.compare, jk.rank])
@pytest.mark.parametrize("kind", [list, iter])
def test_lone_responses_are_not_compared(verb, kind):
    def never(_):
        raise AssertionError("a call was made")

    rows = [{"id": str(n), "task": "Hi", "response": "Hello."} for n in range(2)]
    with pytest.raises(jk.InputError, match=r"row 1: has 1 response, and two or more are compared"):
        verb(kind(rows), TONE, jk.Scripted("j", never), ledger=None)


def test_rows_of_one_item_are_compared_and_lone_ones_may_be_skipped():
    rows = [{"id": i, "task": "Hi", "system": s, "response": f"{s}e"} for i, s in ("1a", "1b", "2a")]
    run = jk.compare(rows, TONE, prefers("a"), ledger=None, on_bad_item="skip")

    assert [score.unit.responses for score in run.scores] == [("a", "b")]
    assert run.summary["skipped"] == 1


def test_a_judge_and_its_substitute_are_one_rater_to_an_aggregator_of_ones_own():
    seen = []

    def own(_, __, outcomes):
        seen.append({o.rater for o in outcomes})
        return ()

    def failing(call):
        return "I cannot." if call.sample == 0 else '{"label": "yes"}'

    jk.score(
        [{"id": "1", "task": "Hi", "response": "Hello."}], TONE, jk.Scripted("a", failing), samples=2,
        substitutes={"a": jk.Scripted("b", lambda _: '{"label": "no"}')}, aggregate=own, ledger=None,
    )  # fmt: skip

    assert seen == [{"a"}]
