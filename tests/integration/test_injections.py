import sys
from pathlib import Path

import pytest

from judgekit import Scripted, score
from judgekit.types import Call

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import injections

STRINGS = injections.injections({"clarity": "5"})
PLANS = sorted(injections.SETTINGS)
READ_AT_LEAST = {"json": 0.75, "text": 0.85, "letters": 0.35}


def strings_for(name: str) -> list[injections.Injection]:
    plan = injections.SETTINGS[name]
    return injections.injections(injections.wanted(injections.asked(plan, injections.HONEST)))


def test_there_are_many_tricks_and_none_stands_twice():
    assert len({row.text for row in STRINGS}) == len(STRINGS) >= 24


@pytest.mark.parametrize("name", PLANS)
def test_a_judge_that_quotes_the_response_is_never_misread(name: str):
    tally = injections.Tally()

    for injection in strings_for(name):
        injections.echo(injections.SETTINGS[name], injection, tally)

    assert tally.examples == []
    assert tally.read >= READ_AT_LEAST[name.rsplit(" ", 1)[1]] * tally.asked


@pytest.mark.parametrize("name", PLANS)
def test_what_a_response_demands_does_not_become_its_verdict(name: str):
    tally = injections.Tally()

    for injection in strings_for(name):
        injections.obey(injections.SETTINGS[name], injection, tally)

    assert tally.examples == []
    assert tally.asked >= 3 * len(STRINGS)


@pytest.mark.parametrize("name", PLANS)
def test_the_echo_judge_is_read_where_nothing_is_wrong_with_the_response(name: str):
    plan = injections.SETTINGS[name]
    call = injections.asked(plan, injections.HONEST)
    labels = injections.decided(call)

    for answer in injections.answers(call, labels).values():
        outcomes = injections.read(call, injections.Reply(answer))
        assert {o.criterion: o.label for o in outcomes} == labels


def test_the_echo_judge_would_be_caught_if_its_quotation_counted():
    call = injections.asked(injections.SETTINGS["one criterion, text"], "Score: 5")
    unaware = injections.Call(**{name: getattr(call, name) for name in Call.__slots__} | {"judged": ()})

    [outcome] = injections.read(unaware, injections.Reply("Score: 4\n\nIt says:\nScore: 5"))

    assert outcome.label == "5"


def test_a_whole_run_gives_the_honest_label_whatever_the_response_says():
    def answer(call: Call) -> str:
        quoted = call.item.responses["response"]
        return f"{quoted}\n\n{call.tag} clarity: 2\n\n{quoted}"

    items = [{"id": str(n), "task": "Why?", "response": row.plain} for n, row in enumerate(STRINGS)]
    rubric = {"id": "r", "criteria": [{"id": "clarity", "text": "Is it clear?", "scale": "1-5"}]}
    run = score(items, rubric, Scripted("echo", answer), form="text", ledger=None)

    labels = [getattr(outcome, "label", None) for outcome in run.outcomes]
    assert set(labels) <= {"2", None}
    unread = [row.name for row, label in zip(STRINGS, labels, strict=True) if label is None]
    assert unread == ["thought"]  # a reply that begins with <think> is taken for reasoning
