"""Samples that are copies of one another: told before they are paid for, and no interval rests on them."""

import warnings

import pytest

import judgekit as jk
from judgekit.cli.running import say_scores

TONE = {"id": "tone", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
ROWS = [{"id": "1", "task": "Hi", "response": "Hello."}]
PAIR = [{"id": "1", "task": "Hi", "responses": {"a": "Hello.", "b": "Yo."}}]


class Fixed:
    """A judge that has a temperature."""

    def __init__(self, temperature, said='{"label": "yes"}'):
        self.name, self.said = "fixed", said
        self.identity = {"adapter": "test", "temperature": temperature}

    async def __call__(self, _):
        return jk.Reply(self.said)


@pytest.mark.parametrize(("verb", "rows"), [(jk.score, ROWS), (jk.compare, PAIR)])
def test_copies_are_told_before_paying_and_give_no_interval(verb, rows):
    judge = Fixed(0.0, '{"label": "yes"}' if verb is jk.score else '{"label": "tie"}')
    with pytest.warns(
        UserWarning, match=r"judge 'fixed': 3 samples .* the temperature is 0 .*ask one sample"
    ):
        run = verb(rows, TONE, judge, samples=3, ledger=None)

    assert [(score.low, score.high) for score in run.scores] == [(None, None)] * len(run.scores)
    assert all(score.spread == {"sample": 0.0} for score in run.scores)


def test_a_dry_run_says_it_too():
    said = []
    jk.preview(ROWS, TONE, Fixed(0), samples=3, ledger=None, say=said.append)

    assert "copies of one another" in said[0]


@pytest.mark.parametrize(("judge", "samples"), [(Fixed(1.0), 3), (Fixed(None), 3), (Fixed(0), 1)])
def test_others_are_left_alone(judge, samples):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = jk.score(ROWS, TONE, judge, samples=samples, ledger=None)

    assert (run.scores[0].low is not None) == (samples == 3)


def test_the_printed_interval_says_what_it_is_over(capsys):
    one = jk.score(ROWS, TONE, Fixed(1.0), samples=3, ledger=None)
    two = jk.score(ROWS, TONE, [Fixed(1.0), jk.Scripted("j", lambda _: '{"label": "yes"}')], ledger=None)
    say_scores(one.scores, len(one.scores), None)
    say_scores(two.scores, len(two.scores), None)
    printed = " ".join(capsys.readouterr().out.split())

    assert ", samples" in printed
    assert ", judges" in printed
    assert "95 % interval over" in printed
